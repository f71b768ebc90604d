"""The registry: a folder of versions, one of them current, and a record of every change."""

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from models.bundle import ModelBundle
from models.version import MANIFEST, load_version, read_manifest
from triage.errors import ModelCorruptError, ModelNotFoundError

CURRENT = "CURRENT"
AUDIT = "audit.jsonl"
VERSION_FORM = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{8}")


@dataclass(frozen=True, slots=True)
class Registry:
    """Versions below `root`; nothing is read or made until a method is called."""

    root: Path

    def versions(self) -> list[str]:
        """Give the version ids, oldest first; none where there is no registry."""
        if not self.root.is_dir():
            return []
        return sorted(
            p.name for p in self.root.iterdir() if p.is_dir() and VERSION_FORM.fullmatch(p.name)
        )

    def current(self) -> str:
        """Give the id of the current version.

        Raises
        ------
        ModelNotFoundError
            If nothing was promoted yet, or what was promoted is gone.
        """
        try:
            version = (self.root / CURRENT).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ModelNotFoundError(
                f"no model in the registry {self.root}: train one with `triage train FILE` or "
                "name another registry with --registry"
            ) from error
        self.folder(version)
        return version

    def folder(self, version: str) -> Path:
        """Give the folder of a version; raise `ModelNotFoundError` where there is none."""
        folder = self.root / version
        if not VERSION_FORM.fullmatch(version) or not folder.is_dir():
            known = ", ".join(self.versions()) or "none"
            raise ModelNotFoundError(
                f"no version {version!r} in the registry {self.root}: it has {known}"
            )
        return folder

    def manifest(self, version: str) -> dict[str, Any]:
        """Read the manifest of a version."""
        return read_manifest(self.folder(version))

    def load(self, version: str | None = None) -> ModelBundle:
        """Load a version, None the current one, after checking every file."""
        return load_version(self.folder(version or self.current()))

    @contextmanager
    def new_version(self, version: str) -> Iterator[Path]:
        """Give a folder to write a version into; it enters the registry whole, or not at all."""
        self.root.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=self.root))
        try:
            yield draft
            if not (draft / MANIFEST).is_file():
                raise ModelCorruptError(f"{version} has no {MANIFEST}: nothing was registered")
            draft.chmod(0o755)
            draft.rename(self.root / version)
        finally:
            shutil.rmtree(draft, ignore_errors=True)

    def promote(self, version: str, *, who: str, why: str) -> None:
        """Make a version current, atomically, and record it.

        Raises
        ------
        ModelNotFoundError, ModelCorruptError
            If the version is not there or would not load; the current one then stays.
        """
        load_version(self.folder(version))
        before = self._current_or_none()
        self._record(
            {"action": "promote", "version": version, "before": before, "who": who, "why": why}
        )
        handle, name = tempfile.mkstemp(prefix=".current-", dir=self.root)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(version + "\n")
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(self.root / CURRENT)

    def rollback(self, *, who: str, why: str) -> str:
        """Promote the version that was current before the current one; give its id.

        Raises
        ------
        ModelNotFoundError
            If the current version is the first that was promoted.
        """
        current = self.current()
        earlier = [
            entry["before"]
            for entry in self.audit()
            if entry["version"] == current and entry["before"] not in (None, current)
        ]
        if not earlier:
            raise ModelNotFoundError(
                f"nothing to roll back to: {current} is the first version that was promoted"
            )
        self.promote(earlier[-1], who=who, why=why)
        return str(earlier[-1])

    def audit(self) -> list[dict[str, Any]]:
        """Give the record of promotions, oldest first."""
        try:
            lines = (self.root / AUDIT).read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return []
        return [json.loads(line) for line in lines if line.strip()]

    def _current_or_none(self) -> str | None:
        try:
            return self.current()
        except ModelNotFoundError:
            return None

    def _record(self, entry: dict[str, Any]) -> None:
        entry = {"at": datetime.now(UTC).isoformat(timespec="seconds"), **entry}
        with (self.root / AUDIT).open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry, ensure_ascii=False) + "\n")
