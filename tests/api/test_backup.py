import shutil
import threading
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from api.backup import back_up, restore
from api.database import Database
from tests.api.conftest import TEXT, Connect
from triage.errors import ConfigError


def count(client: TestClient) -> int:
    return client.get("/v1/overview").json()["received"]


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_copy_made_under_load_can_be_brought_back(
    kind: str, connect: Connect, request: pytest.FixtureRequest, tmp_path: Path
):
    if kind == "postgresql" and not (shutil.which("pg_dump") and shutil.which("pg_restore")):
        pytest.skip("no pg_dump and pg_restore: install PostgreSQL's client")
    url = request.getfixturevalue({"sqlite": "sqlite", "postgresql": "empty_postgresql"}[kind])
    client = connect(database_url=url)
    stop, acknowledged = threading.Event(), []

    def post() -> None:
        while not stop.is_set():
            answer = client.post("/v1/complaints", json={"text": TEXT})
            acknowledged.append(answer.json()["id"])

    threads = [threading.Thread(target=post) for _ in range(4)]
    for thread in threads:
        thread.start()
    while len(acknowledged) < 20:
        stop.wait(0.01)
    before = list(acknowledged)
    copy = tmp_path / "copies" / "store.copy"
    with Database(url) as database:
        back_up(database, copy)
    stop.set()
    for thread in threads:
        thread.join()
    client.__exit__(None, None, None)
    with Database(url) as database:
        restore(database, copy)
    again = connect(database_url=url)
    for complaint_id in before:
        assert again.get(f"/v1/complaints/{complaint_id}").status_code == 200
    assert 20 <= count(again) <= len(acknowledged)
    assert again.post("/v1/complaints", json={"text": TEXT}).status_code == 201


@pytest.mark.parametrize("content", [None, b"", b"no database at all"])
def test_what_is_no_copy_is_not_brought_back(
    connect: Connect, sqlite: str, tmp_path: Path, content: bytes | None
):
    client = connect()
    client.post("/v1/complaints", json={"text": TEXT})
    file = tmp_path / "copy"
    if content is not None:
        file.write_bytes(content)
    with Database(sqlite) as database, pytest.raises(ConfigError, match=r"no such file|no copy"):
        restore(database, file)
    assert count(client) == 1
