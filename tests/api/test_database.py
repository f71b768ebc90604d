from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from api.database import Database, newest_revision
from api.errors import StoreError
from api.settings import Settings
from api.tables import metadata
from tests.api.conftest import Connect
from triage.errors import ConfigError


def differences(database: Database) -> list:
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"include_object": is_ours})
        return compare_metadata(context, metadata)


def is_ours(_: object, name: str | None, kind: str, *__: object) -> bool:
    """The index of words is made by hand, different on each database."""
    return not (kind == "table" and str(name).startswith("complaint_words"))


def test_the_migrations_make_the_tables_that_the_code_uses(database_url: str):
    with Database(database_url) as database:
        database.upgrade()
        assert database.revision() == newest_revision()
        assert differences(database) == []


def test_the_migrations_go_down_and_up_again(database_url: str):
    with Database(database_url) as database:
        database.upgrade()
        database.downgrade("base")
        assert database.revision() is None
        with database.read() as connection:
            tables = connection.dialect.get_table_names(connection)
        assert set(tables) <= {"alembic_version"}
        database.upgrade()
        assert differences(database) == []


def test_postgresql_is_not_changed_without_being_asked(connect: Connect, empty_postgresql: str):
    with Database(empty_postgresql) as database:
        database.downgrade("base")
    client = connect(database_url=empty_postgresql)
    answer = client.get("/health/ready")
    assert answer.status_code == 503
    assert "triage db upgrade" in answer.json()["reason"]
    assert client.get("/v1/complaints").status_code == 503
    assert client.post("/v1/complaints", json={"text": "退款"}).status_code == 503


def test_another_secret_is_noticed(connect: Connect, settings: Settings):
    connect()
    with pytest.raises(ConfigError, match="not the one this database was written with"):
        connect(secret=Settings(secret="another-secret-here").secret)


def test_a_secret_is_made_beside_sqlite_and_kept(connect: Connect, sqlite: str):
    file = Path(sqlite.removeprefix("sqlite:///")).with_suffix(".secret")
    connect(secret=None)
    secret = file.read_text()
    assert file.stat().st_mode & 0o077 == 0
    connect(secret=None)
    assert file.read_text() == secret


def test_postgresql_asks_for_a_shared_secret(connect: Connect, empty_postgresql: str):
    with pytest.raises(ConfigError, match="TRIAGE_SECRET"):
        connect(database_url=empty_postgresql, secret=None)


@pytest.mark.parametrize("url", ["mysql://u@h/d", "sqlite://", "sqlite:///:memory:", "nonsense"])
def test_another_kind_of_database_is_refused(url: str):
    with pytest.raises(ConfigError, match="TRIAGE_DATABASE_URL"):
        Database(url)


def test_a_database_that_is_away_is_one_error_without_its_password():
    with (
        Database("postgresql://u:geheim@127.0.0.1:1/d") as database,
        pytest.raises(StoreError, match="does not answer") as raised,
    ):
        database.check()
    assert "geheim" not in str(raised.value)
