import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from api.audit import COMMAND_LINE
from api.database import Database
from api.erasure import purge_texts
from tests.api.conftest import Connect

WORD = "珐琅彩缠枝莲"
"""Rare enough to stand nowhere else in a file."""
TEXT = f"买的{WORD}花瓶碎了，要求退款，再拖就去12315投诉"
LATER = timedelta(minutes=1)


def stored_bytes(file: Path) -> bytes:
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return b"".join(f.read_bytes() for f in file.parent.glob(file.name + "*"))


@pytest.fixture
def filled(either: TestClient) -> TestClient:
    for i in range(3):
        either.post(
            "/v1/complaints",
            json={"text": TEXT, "external_id": str(i), "customer": "a" if i else "b"},
        )
    (last, *_) = either.get("/v1/complaints").json()["items"]
    either.post(f"/v1/complaints/{last['id']}/outcome", json={"resolution": f"换{WORD}花瓶"})
    return either


def test_an_erased_complaint_is_gone(filled: TestClient):
    (first, *_) = filled.get("/v1/complaints").json()["items"]
    assert filled.delete(f"/v1/complaints/{first['id']}").json() == {"complaints": 1}
    assert filled.delete(f"/v1/complaints/{first['id']}").status_code == 404
    assert filled.get(f"/v1/complaints/{first['id']}").status_code == 404
    assert len(filled.get(f"/v1/complaints?q={WORD}").json()["items"]) == 2


def test_all_of_a_customer_is_erased(filled: TestClient):
    assert filled.delete("/v1/customers/a").json() == {"complaints": 2}
    assert filled.delete("/v1/customers/a").json() == {"complaints": 0}
    assert len(filled.get(f"/v1/complaints?q={WORD}").json()["items"]) == 1


def test_an_erased_external_id_can_be_used_again(filled: TestClient):
    filled.delete("/v1/customers/b")
    body = {"text": TEXT, "external_id": "0"}
    assert filled.post("/v1/complaints", json=body).status_code == 201


def test_purging_removes_texts_and_keeps_numbers(filled: TestClient, database_url: str):
    before = filled.get("/v1/overview").json()
    with Database(database_url) as database:
        when = datetime.now(UTC) + LATER
        assert purge_texts(database, before=when - 2 * LATER, who=COMMAND_LINE) == 0
        assert purge_texts(database, before=when, who=COMMAND_LINE) == 3
        assert purge_texts(database, before=when, who=COMMAND_LINE) == 0
        tables = ("complaints", "corrections", "outcomes", "audit", "complaint_words")
        with database.read() as connection:
            rows = [connection.exec_driver_sql(f"SELECT * FROM {t}").all() for t in tables]
    assert not any(piece in repr(rows) for piece in (WORD, WORD[:2], "花瓶"))
    assert filled.get("/v1/overview").json() == before
    (last, *_) = filled.get("/v1/complaints").json()["items"]
    found = filled.get(f"/v1/complaints/{last['id']}").json()
    assert (found["triage"]["text"], found["triage"]["card"]) == (None, None)
    assert found["triage"]["category"]["evidence"] == []
    assert filled.get(f"/v1/complaints?q={WORD}").json()["items"] == []


def test_a_purged_complaint_is_still_known_by_its_external_id(
    filled: TestClient, database_url: str
):
    with Database(database_url) as database:
        purge_texts(database, before=datetime.now(UTC) + LATER, who=COMMAND_LINE)
    again = filled.post("/v1/complaints", json={"text": TEXT, "external_id": "0"})
    assert (again.status_code, again.json()["text"]) == (200, None)


def test_no_byte_of_a_purged_text_stays_in_the_file(connect: Connect, sqlite: str):
    client = connect()
    client.post("/v1/complaints", json={"text": TEXT})
    file = Path(sqlite.removeprefix("sqlite:///"))
    assert WORD.encode() in stored_bytes(file)
    with Database(sqlite) as database:
        purge_texts(database, before=datetime.now(UTC) + LATER, who=COMMAND_LINE)
    assert WORD.encode() not in stored_bytes(file)
    assert WORD[:2].encode() not in stored_bytes(file)
