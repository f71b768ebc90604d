import time

import pytest
from starlette.testclient import TestClient

from api.database import Database
from api.key_store import create_key, list_keys, read_keys, revoke_key
from tests.api.conftest import bearer, make_key
from triage.errors import ConfigError


@pytest.fixture
def database(database_url: str):
    with Database(database_url) as database:
        database.upgrade()
        yield database


def test_a_key_is_stored_as_a_hash(database: Database):
    key = create_key(database, source="crm", roles=["intake"])
    (stored,) = read_keys(database)
    assert key.text not in repr(stored)
    assert key.text.split("_", 2)[2] not in repr(stored)
    assert "secret_hash" not in list_keys(database)[0]


@pytest.mark.parametrize(
    ("roles", "unit"), [([], None), (["boss"], None), (["handler"], None), (["intake"], "甲")]
)
def test_a_key_that_makes_no_sense_is_refused(database: Database, roles: list[str], unit):
    with pytest.raises(ConfigError, match=r"--role|--unit"):
        create_key(database, source="crm", roles=roles, unit=unit)


def test_revoking_twice_is_an_error(database: Database):
    key = create_key(database, source="crm", roles=["intake"])
    revoke_key(database, key.id)
    with pytest.raises(ConfigError, match="no key"):
        revoke_key(database, key.id)


def test_the_last_use_is_noted(either: TestClient, database_url: str):
    key = make_key(database_url, "intake")
    either.post("/v1/triage", json={"text": "退款"}, headers=bearer(key))
    with Database(database_url) as database:
        for _ in range(50):
            if list_keys(database)[0]["last_used_at"]:
                return
            time.sleep(0.1)
    pytest.fail("the use of the key was never noted")
