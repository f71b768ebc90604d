"""Keyed fingerprints: equal texts and customers can be told, nothing can be read back."""

import hashlib
import hmac
import os
import secrets
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from api.database import Database
from api.settings import Settings
from triage.errors import ConfigError

SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class Fingerprints:
    """HMACs under the deployment's secret.

    Examples
    --------
    >>> marks = Fingerprints(b"0123456789abcdef")
    >>> marks.of_text("退款") == marks.of_text("退款"), marks.of_text("x") == marks.of_customer("x")
    (True, False)
    """

    secret: bytes

    def of_text(self, text: str) -> str:
        """Mark a text as it came in."""
        return self._mark(b"text", text)

    def of_customer(self, customer: str) -> str:
        """Mark a customer's id."""
        return self._mark(b"customer", customer)

    @property
    def check(self) -> str:
        """Mark the secret itself, so that another one is noticed."""
        return self._mark(b"check", "")

    def _mark(self, kind: bytes, value: str) -> str:
        message = kind + b"\0" + value.encode("utf-8", "surrogatepass")
        return hmac.new(self.secret, message, hashlib.sha256).hexdigest()

    @classmethod
    def from_settings(cls, settings: Settings, database: Database) -> Self:
        """Read the secret, or make one beside an SQLite file.

        Raises
        ------
        ConfigError
            If there is no secret and none may be made: replicas must share one.
        """
        if settings.secret:
            return cls(settings.secret.get_secret_value().encode())
        file = settings.secret_file or (database.file and database.file.with_suffix(".secret"))
        if file is None:
            raise ConfigError(
                "PostgreSQL needs a secret that all replicas share: set TRIAGE_SECRET or "
                "TRIAGE_SECRET_FILE; make one with "
                "`python -c 'import secrets; print(secrets.token_hex(32))'`"
            )
        if not file.exists() and database.is_sqlite:
            _make_secret(file)
        try:
            secret = file.read_bytes().strip()
        except OSError as error:
            raise ConfigError(f"setting TRIAGE_SECRET_FILE: cannot read {file}") from error
        if len(secret) < 16:
            raise ConfigError(f"{file}: a secret has 16 bytes or more, this has {len(secret)}")
        return cls(secret)


def _make_secret(file: Path) -> None:
    """Write a new secret that only this user can read; the first of several processes wins."""
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=file.parent)
    draft = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as text:
            text.write(secrets.token_hex(SECRET_BYTES) + "\n")
        with suppress(FileExistsError):
            os.link(draft, file)
    finally:
        draft.unlink()
