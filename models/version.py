"""A model version as a folder: written once, checked on every load, never changed.

::

    20261122T141500Z-3f2a9c01/
    ├── manifest.json     sha256 of each file, data fingerprint, config, scores, library versions
    ├── rows.npy          row of each hash slot
    ├── idf.npy           rarity of each row
    ├── weights.npy       log-odds of each row for each label
    ├── biases.npy
    ├── README.md         the model card, written by the run
    └── *.svg             its charts

Arrays are plain ``.npy`` without pickles, mapped into memory; nothing else is ever executed.
"""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.bundle import ModelBundle
from models.decision import Thresholds
from models.features import STYLE_FEATURES, FeatureConfig, FeatureSpace
from models.segmentation import load_cut
from triage.errors import ModelCorruptError, ModelIncompatibleError
from triage.scope import Scope
from triage.taxonomy import Taxonomy

FORMAT = 1
"""Raised when a folder of an older layout cannot be read any more."""

MANIFEST = "manifest.json"
ARRAYS = ("rows", "idf", "weights", "biases")
ALLOWED_SUFFIXES = frozenset({".json", ".npy", ".md", ".svg"})


def write_version(
    folder: Path,
    *,
    version: str,
    space: FeatureSpace,
    weights: NDArray[np.float32],
    biases: NDArray[np.float32],
    manifest: dict[str, Any],
) -> None:
    """Write arrays and manifest into a folder that already holds the card and its charts.

    Parameters
    ----------
    manifest : dict
        Needs ``engine``, ``user_words``, ``taxonomy``, ``thresholds``; version, format, feature
        config and checksums are added.
    """
    arrays = {"rows": space.rows, "idf": space.idf, "weights": weights, "biases": biases}
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array, allow_pickle=False)
    files = {p.name: sha256(p) for p in sorted(folder.iterdir()) if p.name != MANIFEST}
    content = {
        "format": FORMAT,
        "version": version,
        **manifest,
        "features": asdict(space.config),
        "style_features": list(STYLE_FEATURES),
        "files": files,
    }
    text = json.dumps(content, ensure_ascii=False, indent=2, sort_keys=True)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")


def read_manifest(folder: Path) -> dict[str, Any]:
    """Read the manifest of a version.

    Raises
    ------
    ModelCorruptError
        If it is missing or half-written.
    ModelIncompatibleError
        If it was written for another layout.
    """
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelCorruptError(
            f"version {folder.name}: {MANIFEST} cannot be read; promote another version or train "
            "a new one"
        ) from error
    if manifest.get("format") != FORMAT:
        raise ModelIncompatibleError(
            f"version {folder.name}: format {manifest.get('format')!r}, this program reads "
            f"{FORMAT}; train it again"
        )
    return manifest


def check_files(folder: Path, manifest: dict[str, Any]) -> None:
    """Check that a version holds exactly the files that were written, unchanged.

    Raises
    ------
    ModelCorruptError
        If a file is missing, changed, added, or of a refused type.
    """
    expected: dict[str, str] = manifest.get("files", {})
    for name in [*expected, *(f"{array}.npy" for array in ARRAYS)]:
        path = folder / name
        if name not in expected or not path.is_file():
            raise ModelCorruptError(f"version {folder.name}: {name} is missing; train it again")
    for path in sorted(folder.iterdir()):
        if path.suffix not in ALLOWED_SUFFIXES:
            allowed = ", ".join(sorted(ALLOWED_SUFFIXES))
            raise ModelCorruptError(
                f"version {folder.name}: {path.name} is of a refused type: expected {allowed}"
            )
        if path.name != MANIFEST and expected.get(path.name) != sha256(path):
            raise ModelCorruptError(
                f"version {folder.name}: {path.name} was changed after training; restore the "
                "folder or promote another version"
            )


def load_version(folder: Path) -> ModelBundle:
    """Load a version after checking it.

    Raises
    ------
    ModelCorruptError, ModelIncompatibleError
        See `read_manifest` and `check_files`; also where arrays disagree with the labels.
    """
    manifest = read_manifest(folder)
    check_files(folder, manifest)
    arrays = {name: _read_array(folder / f"{name}.npy") for name in ARRAYS}
    taxonomy = Taxonomy.from_json(manifest["taxonomy"])
    config = FeatureConfig(**manifest["features"])
    space = FeatureSpace(config, arrays["rows"], arrays["idf"])
    n_labels = sum(len(task.labels) for task in taxonomy.tasks)
    if arrays["weights"].shape != (space.n_features, n_labels):
        raise ModelIncompatibleError(
            f"version {folder.name}: weights of shape {arrays['weights'].shape} for "
            f"{space.n_features} features and {n_labels} labels; train it again"
        )
    return ModelBundle(
        version=manifest["version"],
        engine=manifest["engine"],
        cut=load_cut(manifest["engine"], manifest["user_words"]),
        taxonomy=taxonomy,
        space=space,
        weights=arrays["weights"],
        biases=arrays["biases"],
        thresholds={k: Thresholds.from_json(v) for k, v in manifest["thresholds"].items()},
        scope=Scope.from_file(),
    )


def sha256(path: Path) -> str:
    """Give the hexadecimal SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_array(path: Path) -> NDArray[Any]:
    try:
        array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except ValueError as error:
        raise ModelCorruptError(
            f"version {path.parent.name}: {path.name} holds no plain numbers; train it again"
        ) from error
    return np.asarray(array)
