import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api import cli
from api.database import Database
from api.key_store import list_keys
from models.registry import Registry
from triage.errors import ConfigError


@pytest.fixture
def run(sqlite: str, registry: Registry, monkeypatch: pytest.MonkeyPatch):
    """Run a command; errors of ours come out as they are."""
    monkeypatch.setenv("TRIAGE_DATABASE_URL", sqlite)
    monkeypatch.setenv("TRIAGE_REGISTRY", str(registry.root))

    def run(*arguments: object) -> str:
        words = [str(argument) for argument in arguments]
        return CliRunner().invoke(cli.app, words, catch_exceptions=False).stdout

    return run


def test_a_key_is_printed_once_and_works(run, sqlite: str):
    made = json.loads(run("keys", "create", "--source", "crm", "--role", "intake", "--json"))
    assert made["key"].startswith(f"tk_{made['id']}_")
    listed = json.loads(run("keys", "list", "--json"))
    assert (listed[0]["source"], listed[0]["roles"]) == ("crm", "intake")
    assert made["key"] not in json.dumps(listed)
    assert "crm" in run("keys", "list")
    run("keys", "revoke", made["id"])
    with Database(sqlite) as database:
        assert list_keys(database)[0]["revoked_at"]


def test_a_public_address_needs_a_key_first(run, monkeypatch: pytest.MonkeyPatch):
    started = []
    monkeypatch.setattr(
        "api.serving.run_server", lambda *_, **values: started.append(values["host"])
    )
    with pytest.raises(ConfigError, match="triage keys create"):
        run("serve", "--host", "0.0.0.0")
    run("keys", "create", "--source", "crm", "--role", "intake")
    run("serve", "--host", "0.0.0.0")
    assert started == ["0.0.0.0"]


def test_this_machine_gets_a_key_for_the_run(run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("api.serving.run_server", lambda *_, **__: None)
    import os

    run("serve", "--port", "8123")
    assert len(os.environ["TRIAGE_DEMO_KEY"]) >= 24
    assert os.environ["TRIAGE_PORT"] == "8123"


def test_the_doctor_names_what_is_wrong_and_how_to_mend_it(run, tmp_path: Path):
    good = json.loads(run("doctor", "--json"))
    assert all(finding["is_good"] for finding in good)
    bad = json.loads(run("doctor", "--json", "--registry", tmp_path / "none"))
    (model,) = [finding for finding in bad if not finding["is_good"]]
    assert (model["what"], "triage train" in model["mend"]) == ("model", True)
    assert "how to mend" in run("doctor")


def test_the_doctor_checks_every_file_of_the_model(run, registry: Registry, tmp_path: Path):
    import shutil

    own = tmp_path / "registry"
    shutil.copytree(registry.root, own)
    weights = next(own.glob("*/*.npy"))
    weights.write_bytes(weights.read_bytes()[:-1] + b"\0\0")
    found = json.loads(run("doctor", "--json", "--registry", own))
    assert [finding["what"] for finding in found if not finding["is_good"]] == ["model"]


def test_a_copy_is_made_and_brought_back(run, tmp_path: Path):
    run("keys", "create", "--source", "crm", "--role", "intake")
    copy = tmp_path / "copy.sqlite"
    run("db", "backup", copy)
    run("keys", "create", "--source", "app", "--role", "intake")
    with pytest.raises(ConfigError, match="--yes"):
        run("db", "restore", copy)
    run("db", "restore", copy, "--yes")
    assert len(json.loads(run("keys", "list", "--json"))) == 1


def test_the_age_of_a_purge_is_checked(run):
    run("db", "upgrade")
    run("db", "purge", "--older-than", "365d")
    with pytest.raises(ConfigError, match="365d"):
        run("db", "purge", "--older-than", "a year")
