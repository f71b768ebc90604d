import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path

import pytest
from sqlalchemy import event, make_url
from starlette.testclient import TestClient

from api.service import Service
from models.registry import Registry
from tests.api.conftest import TEXT, Connect
from training.config import TrainConfig
from training.data import LabelledTexts
from training.run import train
from triage.taxonomy import Taxonomy


def post(client: TestClient, **values: object):
    return client.post("/v1/complaints", json={"text": TEXT, **values})


def wait_for(condition, seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.05)


def test_a_full_disk_is_a_503_and_passes(client: TestClient):
    service: Service = client.app.state.service
    post(client)
    full = {"is": True}

    def limit(connection: sqlite3.Connection, *_: object) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0] if full["is"] else 1 << 30
        connection.execute(f"PRAGMA max_page_count={pages}")

    event.listen(service.database.engine, "checkout", limit)
    answers = [post(client, external_id=f"f{i}") for i in range(100)]
    refused = [answer for answer in answers if answer.status_code != 201]
    assert refused
    assert {answer.status_code for answer in refused} == {503}
    assert "nothing was stored" in refused[-1].json()["detail"]
    assert client.get("/health/ready").status_code == 503
    full["is"] = False
    assert client.get("/health/ready").status_code == 200
    assert post(client, external_id="after").status_code == 201
    kept = sum(answer.status_code == 201 for answer in answers) + 2
    assert client.get("/v1/overview").json()["received"] == kept


class Proxy:
    """Passes connections on to PostgreSQL, until it is cut."""

    def __init__(self, host: str, port: int) -> None:
        self.target, self.is_cut, self.open = (host, port), False, []
        self.lock = threading.Lock()
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        with self.lock:
            self.is_cut = True
            for connection in self.open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            self.open.clear()

    def close(self) -> None:
        self.cut()
        self.server.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self.server.accept()
                with self.lock:
                    if self.is_cut:
                        client.close()
                        continue
                    server = socket.create_connection(self.target)
                    self.open += [client, server]
                for pair in ((client, server), (server, client)):
                    threading.Thread(target=self._pass_on, args=pair, daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with closing(source), closing(target), suppress(OSError):
            while data := source.recv(1 << 16):
                target.sendall(data)


@pytest.fixture
def proxy(empty_postgresql: str) -> Iterator[Proxy]:
    url = make_url(empty_postgresql)
    proxy = Proxy(url.host or "127.0.0.1", url.port or 5432)
    yield proxy
    proxy.close()


def test_a_database_that_goes_is_a_503_and_its_return_needs_no_restart(
    connect: Connect, empty_postgresql: str, proxy: Proxy
):
    url = make_url(empty_postgresql).set(host="127.0.0.1", port=proxy.port)
    client = connect(database_url=url.render_as_string(hide_password=False))
    first = post(client, external_id="a")
    proxy.cut()
    assert post(client, external_id="b").status_code == 503
    assert client.get("/health/ready").status_code == 503
    assert client.get("/health/live").status_code == 200
    assert client.get("/v1/complaints").status_code == 503
    proxy.is_cut = False
    wait_for(lambda: client.get("/health/ready").status_code == 200)
    again = post(client, external_id="a")
    assert (again.status_code, again.json()) == (200, first.json())
    assert post(client, external_id="b").status_code in (200, 201)
    assert len(client.get("/v1/complaints").json()["items"]) == 2


def test_a_database_that_is_away_at_the_start_is_waited_for(
    connect: Connect, empty_postgresql: str, proxy: Proxy
):
    proxy.is_cut = True
    url = make_url(empty_postgresql).set(host="127.0.0.1", port=proxy.port)
    client = connect(database_url=url.render_as_string(hide_password=False))
    assert client.get("/health/ready").status_code == 503
    proxy.is_cut = False
    wait_for(lambda: client.get("/health/ready").status_code == 200)
    assert post(client).status_code == 201


def test_a_new_current_model_answers_without_a_dropped_request(
    connect: Connect, registry: Registry, small_corpus: LabelledTexts, tmp_path: Path
):
    import shutil

    own = Registry(tmp_path / "registry")
    shutil.copytree(registry.root, own.root)
    old = own.current()
    smaller = small_corpus.subset(range(0, len(small_corpus.texts), 2))
    new, _ = train(smaller, own, taxonomy=Taxonomy.from_file(), config=TrainConfig.from_file())
    client = connect(registry=own.root, reload_seconds=0.05)
    assert post(client).json()["model"] == old
    stop = threading.Event()

    def keep_posting(_: int) -> list:
        answers = []
        while not stop.is_set():
            answers.append(post(client))
        return answers

    with ThreadPoolExecutor(4) as pool:
        running = [pool.submit(keep_posting, i) for i in range(4)]
        own.promote(new, who="test", why="reload")
        wait_for(lambda: client.get("/health/ready").json()["model"] == new)
        stop.set()
        answers = [answer for future in running for answer in future.result()]
    assert {answer.status_code for answer in answers} == {201}
    assert post(client).json()["model"] == new


def test_a_model_that_does_not_load_leaves_the_one_before(
    connect: Connect, registry: Registry, tmp_path: Path
):
    import shutil

    own = Registry(tmp_path / "registry")
    shutil.copytree(registry.root, own.root)
    client = connect(registry=own.root, reload_seconds=0.05)
    (own.root / "CURRENT").write_text("20991231T235959Z-00000000\n")
    time.sleep(0.3)
    assert client.get("/health/ready").json()["model"] == registry.current()
    assert post(client).status_code == 201


def test_when_too_many_wait_the_next_is_told_to_come_back(connect: Connect):
    client = connect(max_waiting=1, group_texts=1)
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: post(client), range(48)))
    assert {answer.status_code for answer in answers} == {201, 503}
    refused = next(answer for answer in answers if answer.status_code == 503)
    assert refused.headers["retry-after"] == "1"
    stored = sum(answer.status_code == 201 for answer in answers)
    assert client.get("/v1/overview").json()["received"] == stored


def test_an_unforeseen_error_spoils_one_complaint_of_a_group(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
):
    from api import intake

    insert = intake.insert_answers

    def fail_on_one(connection, answered, elapsed_ms):
        if any("毒" in one.values["text"] for _, one in answered):
            raise RuntimeError("毒")
        return insert(connection, answered, elapsed_ms)

    monkeypatch.setattr(intake, "insert_answers", fail_on_one)
    items = [{"text": f"退款{i}"} for i in range(5)] + [{"text": "毒"}]
    answers = client.post("/v1/complaints/batch", json={"items": items}).json()["items"]
    assert [item["status"] for item in answers] == [201] * 5 + [500]
