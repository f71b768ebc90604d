"""Versions never change, CURRENT changes whole, and nothing unknown is loaded."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from models.registry import Registry
from triage.errors import ModelCorruptError, ModelIncompatibleError, ModelNotFoundError


@pytest.fixture
def own(registry: Registry, tmp_path: Path) -> Registry:
    """A copy that a test may spoil."""
    root = tmp_path / "registry"
    shutil.copytree(registry.root, root)
    return Registry(root)


def second_version(registry: Registry) -> str:
    """Register a copy of the current version under a later id."""
    folder = registry.folder(registry.current())
    version = "20990101T000000Z-0123abcd"
    shutil.copytree(folder, registry.root / version)
    path = registry.root / version / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**manifest, "version": version}), encoding="utf-8")
    return version


def test_a_missing_registry_says_what_to_do(tmp_path: Path):
    with pytest.raises(ModelNotFoundError, match="triage train"):
        Registry(tmp_path / "none").load()


def test_an_unknown_version_names_the_known(own: Registry):
    with pytest.raises(ModelNotFoundError, match=own.current()):
        own.load("20200101T000000Z-00000000")


@pytest.mark.parametrize("name", ["../evil", "..", "", "/etc"])
def test_a_version_is_no_path(own: Registry, name: str):
    with pytest.raises(ModelNotFoundError):
        own.folder(name)


def test_promote_and_rollback_are_recorded(own: Registry):
    first, second = own.current(), second_version(own)
    own.promote(second, who="li", why="better")
    assert own.current() == second
    assert own.rollback(who="li", why="worse") == first
    assert own.current() == first
    assert [entry["version"] for entry in own.audit()][-2:] == [second, first]


def test_the_first_version_has_nothing_to_roll_back_to(own: Registry):
    with pytest.raises(ModelNotFoundError, match="first version"):
        own.rollback(who="li", why="")


def test_a_changed_file_is_refused(own: Registry):
    path = own.folder(own.current()) / "weights.npy"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(ModelCorruptError, match=r"weights\.npy was changed"):
        own.load()


def test_a_missing_file_is_refused(own: Registry):
    (own.folder(own.current()) / "idf.npy").unlink()
    with pytest.raises(ModelCorruptError, match=r"idf\.npy is missing"):
        own.load()


@pytest.mark.parametrize("name", ["evil.pkl", "evil.joblib", "evil.py"])
def test_a_refused_type_is_refused(own: Registry, name: str):
    (own.folder(own.current()) / name).write_bytes(b"x")
    with pytest.raises(ModelCorruptError, match="refused type"):
        own.load()


def test_an_added_array_is_refused(own: Registry):
    np.save(own.folder(own.current()) / "more.npy", np.zeros(3))
    with pytest.raises(ModelCorruptError, match=r"more\.npy was changed"):
        own.load()


def test_pickled_objects_are_refused(own: Registry):
    folder = own.folder(own.current())
    np.save(folder / "biases.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    from models.version import sha256

    manifest["files"]["biases.npy"] = sha256(folder / "biases.npy")
    path.write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(ModelCorruptError, match="no plain numbers"):
        own.load()


@pytest.mark.parametrize("content", ["", "{", '{"format": 1'])
def test_a_half_written_manifest_is_refused(own: Registry, content: str):
    (own.folder(own.current()) / "manifest.json").write_text(content, encoding="utf-8")
    with pytest.raises(ModelCorruptError, match="cannot be read"):
        own.load()


def test_another_format_is_refused(own: Registry):
    path = own.folder(own.current()) / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**manifest, "format": 99}), encoding="utf-8")
    with pytest.raises(ModelIncompatibleError, match="train it again"):
        own.load()


def test_labels_that_disagree_with_the_weights_are_refused(own: Registry):
    path = own.folder(own.current()) / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    manifest["taxonomy"][0]["labels"].pop()
    path.write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(ModelIncompatibleError, match="labels"):
        own.load()


def test_a_corrupt_version_cannot_be_promoted(own: Registry):
    first, second = own.current(), second_version(own)
    (own.root / second / "weights.npy").unlink()
    with pytest.raises(ModelCorruptError):
        own.promote(second, who="li", why="")
    assert own.current() == first


def test_a_failed_run_leaves_nothing_behind(own: Registry):
    before = sorted(p.name for p in own.root.iterdir())
    with pytest.raises(RuntimeError), own.new_version("20990101T000000Z-00000000"):
        raise RuntimeError
    assert sorted(p.name for p in own.root.iterdir()) == before
