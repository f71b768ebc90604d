"""A kill between the commit of an alert and its notification loses no notice."""

import os
import random
import threading
import time
from collections import defaultdict
from pathlib import Path

import httpx2

from api.database import Database
from api.settings import Settings
from tests.api.conftest import BEARER
from tests.api.outbox import add_notices, stored_deliveries, webhook, write_channels
from tests.api.receivers import Answer, Receiver, receive
from tests.api.server import serve
from tests.api.surges import MATTER, bring_in, matter, ordinary

ROUNDS = int(os.environ.get("TRIAGE_SOAK_ROUNDS", "3"))
"""`make soak` runs 50."""
QUICK = "tries = 60\nfirst_seconds = 0.05\nlongest_seconds = 0.2\nlease_seconds = 2"


class Committer(threading.Thread):
    """Commits notices while the service runs, a few in a transaction, as changes of alerts do."""

    def __init__(self, database: Database) -> None:
        super().__init__(daemon=True)
        self.database, self.ids, self.is_over = database, list[str](), threading.Event()
        self.draw = random.Random(11)

    def run(self) -> None:
        while not self.is_over.wait(0.05):
            self.ids += add_notices(self.database, self.draw.randint(1, 3))


def test_every_notice_arrives_in_spite_of_kills(
    settings: Settings, database_url: str, tmp_path: Path
):
    own = settings.model_copy(update={"database_url": database_url})
    draw = random.Random(7)
    with (
        Database(database_url) as database,
        receive(Answer(after_seconds=0.01)) as steady,
        receive(*[Answer(s, after_seconds=0.05) for s in (500, 200) * 20 * ROUNDS]) as shaky,
    ):
        database.upgrade()
        file = write_channels(
            tmp_path / "notify.toml",
            [webhook("steady", steady.url), webhook("shaky", shaky.url)],
            QUICK,
        )
        ids: set[str] = set()
        for _ in range(ROUNDS):
            with serve(own, tmp_path, TRIAGE_NOTIFY_FILE=str(file)) as server:
                committer = Committer(database)
                committer.start()
                committer.join(draw.uniform(0.1, 1.2))
                server.kill()
                committer.is_over.set()
                committer.join()
                ids |= set(committer.ids)
        with serve(own, tmp_path, TRIAGE_NOTIFY_FILE=str(file)):
            end = time.monotonic() + 60 + 4 * ROUNDS
            while any(d.state != "delivered" for d in stored_deliveries(database)) or not (
                ids <= set(steady.ids) & set(shaky.ids)
            ):
                assert time.monotonic() < end, "not everything was delivered"
                time.sleep(0.1)
        came = [*steady.came, *shaky.came]
        n_deliveries = len(stored_deliveries(database))
    assert len(ids) > 5 * ROUNDS
    assert set(steady.ids) == set(shaky.ids) == ids
    assert n_deliveries == 2 * len(ids)
    bodies = defaultdict(set)
    for one in came:
        assert one.is_signed
        bodies[one.id].add(one.body)
    assert {len(different) for different in bodies.values()} == {1}


def test_a_kill_while_a_receiver_is_being_told_repeats_the_same_id(
    settings: Settings, database_url: str, tmp_path: Path
):
    """The receiver has it, the database does not know: told again, told the same."""
    own = settings.model_copy(update={"database_url": database_url})
    with (
        Database(database_url) as database,
        receive(Answer(after_seconds=0.8), Answer()) as receiver,
    ):
        database.upgrade()
        file = write_channels(tmp_path / "notify.toml", [webhook("crm", receiver.url)], QUICK)
        with serve(own, tmp_path, TRIAGE_NOTIFY_FILE=str(file)) as server:
            (id_,) = add_notices(database, 1)
            wait_for(lambda: receiver.ids == [id_])
            server.kill()
        (delivery,) = stored_deliveries(database)
        assert (delivery.state, delivery.n_tries) == ("waiting", 0)
        with serve(own, tmp_path, TRIAGE_NOTIFY_FILE=str(file)):
            wait_for(lambda: stored_deliveries(database)[0].state == "delivered")
        assert receiver.ids == [id_, id_]
        assert receiver.came[0].body == receiver.came[1].body


def wait_for(holds, seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_the_alert_of_a_real_surge_arrives_though_the_service_was_killed_at_its_warning(
    settings: Settings, database_url: str, tmp_path: Path
):
    own = settings.model_copy(update={"database_url": database_url})
    with Database(database_url) as database, receive() as receiver:
        database.upgrade()
        file = write_channels(tmp_path / "notify.toml", [webhook("crm", receiver.url)], QUICK)
        with (
            serve(own, tmp_path, TRIAGE_NOTIFY_FILE=str(file)) as server,
            httpx2.Client(base_url=server.url, headers=BEARER, timeout=60) as client,
        ):
            bring_in(client, ordinary())
            warning = first_warning(client)
            server.kill()
        with serve(own, tmp_path, TRIAGE_NOTIFY_FILE=str(file)):
            wait_for(lambda: opened(receiver, warning["surge_id"]))
        told = opened(receiver, warning["surge_id"])
    assert len({came.id for came in told}) == 1
    values = told[0].verify()["data"]
    assert values["observed"] == warning["observed"]
    assert values["message"] == warning["message"]
    assert MATTER[:4] not in told[0].body.decode()


def first_warning(client: httpx2.Client) -> dict:
    for body in matter(30):
        answer = client.post("/v1/complaints", json=body).json()
        if answer["warning"]:
            return answer["warning"]
    raise AssertionError("no warning")


def opened(receiver: Receiver, surge_id: str) -> list:
    return [
        came
        for came in receiver.came
        if came.values["type"] == "surge.opened" and came.values["data"]["surge_id"] == surge_id
    ]
