"""The app on a small model, with its own database: SQLite, and PostgreSQL where there is one."""

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from api.answers import Knowledge
from api.app import create_app
from api.database import Database
from api.key_store import create_key
from api.settings import Settings
from models.registry import Registry

DEMO_KEY = "a-key-that-lives-for-one-test"
BEARER = {"Authorization": f"Bearer {DEMO_KEY}"}
TEXT = "空调装好三天就不制冷，打了五次客服没人管，再不退款我就去12315投诉，电话13800138000"
POSTGRESQL = os.environ.get(
    "TRIAGE_TEST_POSTGRESQL", "postgresql://postgres@127.0.0.1:5432/postgres"
)

Connect = Callable[..., TestClient]


@pytest.fixture(autouse=True)
def _clean_environment() -> Iterator[None]:
    """Keep the settings of whoever runs the tests out of them, and theirs in."""
    before = dict(os.environ)
    for name in before:
        if name.startswith("TRIAGE_") and name != "TRIAGE_TEST_POSTGRESQL":
            del os.environ[name]
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="session")
def knowledge() -> Knowledge:
    return Knowledge.from_settings(Settings())


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """A database of our own; skips where there is no server."""
    psycopg = pytest.importorskip("psycopg")
    name = f"triage_test_{secrets.token_hex(4)}"
    try:
        server = psycopg.connect(POSTGRESQL, autocommit=True, connect_timeout=3)
    except psycopg.OperationalError:
        pytest.skip(f"no PostgreSQL at {POSTGRESQL}: name one by TRIAGE_TEST_POSTGRESQL")
    with server:
        server.execute(f"CREATE DATABASE {name}")
        yield POSTGRESQL.rsplit("/", 1)[0] + "/" + name
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def sqlite(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'triage.sqlite'}"


@pytest.fixture
def empty_postgresql(postgresql: str) -> str:
    with Database(postgresql) as database:
        if database.revision():
            database.downgrade("base")
        database.upgrade()
    return postgresql


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """An empty database of either kind."""
    fixture = {"sqlite": "sqlite", "postgresql": "empty_postgresql"}[request.param]
    return request.getfixturevalue(fixture)


@pytest.fixture
def settings(registry: Registry, sqlite: str) -> Settings:
    return Settings(
        registry=registry.root,
        database_url=sqlite,
        secret="a-secret-for-tests",
        demo_key=DEMO_KEY,
        key_cache_seconds=0,
        requests_per_second=0,
    )


@pytest.fixture
def connect(settings: Settings, knowledge: Knowledge) -> Iterator[Connect]:
    """Start apps, with changed settings, and stop them at the end."""
    with ExitStack() as stack:

        def start(key: str = DEMO_KEY, **changes: object) -> TestClient:
            app = create_app(settings.model_copy(update=changes), knowledge=knowledge)
            headers = {"Authorization": f"Bearer {key}"}
            client = TestClient(app, headers=headers, raise_server_exceptions=False)
            return stack.enter_context(client)

        yield start


@pytest.fixture
def client(connect: Connect) -> TestClient:
    """The app on SQLite."""
    return connect()


@pytest.fixture
def either(connect: Connect, database_url: str) -> TestClient:
    """The app on SQLite, and on PostgreSQL."""
    return connect(database_url=database_url)


def make_key(url: str, role: str, source: str = "crm", unit: str | None = None) -> str:
    with Database(url) as database:
        return create_key(database, source=source, roles=[role], unit=unit).text


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}
