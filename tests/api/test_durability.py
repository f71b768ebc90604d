import os
import random
import threading
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import func, select

from api.database import Database
from api.search import words
from api.settings import Settings
from api.tables import complaints
from tests.api.conftest import BEARER, TEXT
from tests.api.server import Server, serve

ROUNDS = int(os.environ.get("TRIAGE_SOAK_ROUNDS", "3"))
"""`make soak` runs 50."""


class Sender(threading.Thread):
    """Posts complaints, and remembers the answers that came with 201."""

    def __init__(self, server: Server, name: str) -> None:
        super().__init__(name=name, daemon=True)
        self.server, self.answers = server, dict[str, str]()

    def run(self) -> None:
        with httpx2.Client(base_url=self.server.url, headers=BEARER) as client:
            for number in range(100_000):
                external_id = f"{self.name}-{number}"
                body = {"text": f"{TEXT}，第{number}次", "external_id": external_id}
                try:
                    answer = client.post("/v1/complaints", json=body)
                except httpx2.HTTPError:
                    return
                if answer.status_code == 201:
                    self.answers[external_id] = answer.text


def test_what_was_acknowledged_survives_a_kill(
    settings: Settings, database_url: str, tmp_path: Path
):
    own = settings.model_copy(update={"database_url": database_url})
    acknowledged: dict[str, str] = {}
    draw = random.Random(5)
    for round_ in range(ROUNDS):
        with serve(own, tmp_path) as server:
            senders = [Sender(server, f"{round_}-{i}") for i in range(6)]
            for sender in senders:
                sender.start()
            senders[0].join(draw.uniform(0.2, 0.9))
            server.kill()
            for sender in senders:
                sender.join(20)
                acknowledged |= sender.answers
    assert len(acknowledged) > 5 * ROUNDS
    with (
        serve(own, tmp_path) as server,
        httpx2.Client(base_url=server.url, headers=BEARER) as client,
    ):
        for external_id, answer in draw.sample(sorted(acknowledged.items()), 5 * ROUNDS):
            number = external_id.rpartition("-")[2]
            body = {"text": f"{TEXT}，第{number}次", "external_id": external_id}
            again = client.post("/v1/complaints", json=body)
            assert (again.status_code, again.text) == (200, answer)
    with Database(database_url) as database, database.read() as connection:
        stored = set(connection.execute(select(complaints.c.external_id)).scalars())
        n_words = connection.execute(select(func.count()).select_from(words)).scalar_one()
    assert acknowledged.keys() <= stored
    assert n_words == len(stored)


def test_a_stop_lets_requests_finish_and_tells_readiness_first(settings: Settings, tmp_path: Path):
    with (
        serve(settings, tmp_path, TRIAGE_DRAIN_SECONDS="0.6") as server,
        httpx2.Client(base_url=server.url, headers=BEARER) as client,
    ):
        sender = Sender(server, "s")
        sender.start()
        sender.join(0.3)
        server.process.terminate()
        sender.join(0.2)
        answer = client.get("/health/ready")
        assert (answer.status_code, answer.json()["reason"]) == (503, "stopping")
        assert client.post("/v1/complaints", json={"text": TEXT}).status_code == 201
        assert server.process.wait(20) in (0, -15)
        sender.join(20)
    with Database(settings.database_url) as database, database.read() as connection:
        stored = set(connection.execute(select(complaints.c.external_id)).scalars())
    assert sender.answers.keys() <= stored


def test_a_slow_caller_is_dropped(settings: Settings, tmp_path: Path):
    import socket
    from urllib.parse import urlsplit

    with serve(settings, tmp_path, TRIAGE_BODY_SECONDS="0.3") as server:
        port = urlsplit(server.url).port or 0
        with socket.create_connection(("127.0.0.1", port), timeout=10) as caller:
            caller.sendall(
                b"POST /v1/triage HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                b"Authorization: " + BEARER["Authorization"].encode() + b"\r\n"
                b"Content-Length: 100\r\n\r\n{"
            )
            answer = caller.recv(4096)
    assert b" 408 " in answer.split(b"\r\n")[0]


@pytest.mark.parametrize("kind", ["Content-Type", "X-Request-ID"])
def test_no_text_reaches_the_log(settings: Settings, tmp_path: Path, kind: str):
    secret = "ZhongGuanCun-13800138000"
    with serve(settings, tmp_path) as server, httpx2.Client(base_url=server.url) as client:
        client.headers.update(BEARER)
        client.post("/v1/complaints", json={"text": secret, secret: 1})
        client.post("/v1/complaints", json={"text": secret, "customer": secret, "unit": secret})
        client.get(f"/v1/complaints?q={secret}")
        client.get(f"/{secret}")
        client.delete(f"/v1/customers/{secret}")
        client.post("/v1/triage", content=secret, headers={kind: "application/json" + secret})
        client.post("/v1/replies/check", json={"text": secret})
    log = server.log.read_text()
    assert '"route": "/v1/customers/{customer}"' in log
    assert secret not in log
