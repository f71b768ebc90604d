"""The state of early warning: the same on every replica, after every restart, undone with its
transaction, and without what was erased."""

import gc
import hashlib
import json
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import httpx2
import pytest
from sqlalchemy import select, update
from starlette.testclient import TestClient

from api import intake, surge_log, surge_watch
from api.audit import COMMAND_LINE
from api.database import Database
from api.doctor import examine
from api.erasure import purge_texts
from api.service import Service
from api.settings import Settings
from api.surge_watch import SurgeWatch
from api.tables import notices, surge_members, surge_snapshots, surges
from api.tables import surge_log as log_table
from tests.api.conftest import BEARER, Connect
from tests.api.server import serve
from tests.api.surges import bring_in, matter, ordinary, post_all, surges_of
from triage.surge import SurgeMonitor

ROUNDS = int(os.environ.get("TRIAGE_SOAK_ROUNDS", "3"))
"""`make soak` runs 100."""
N_WRITERS = 8


def watch_of(client: TestClient) -> SurgeWatch:
    service: Service = client.app.state.service
    return service.watch


def digest(watch: SurgeWatch) -> str:
    """Mark the whole state, as of what is committed."""
    with watch.read() as (_, monitor):
        return hashlib.sha256(surge_log.pack(monitor, watch._config)).hexdigest()


def newcomer(client: TestClient) -> SurgeWatch:
    """A replica that starts now, on the same database."""
    service: Service = client.app.state.service
    return SurgeWatch(service.settings, service.database)


def rows(client: TestClient, table) -> list:
    service: Service = client.app.state.service
    with service.database.read() as connection:
        return list(connection.execute(select(table).order_by(*table.primary_key)))


@pytest.fixture(autouse=True)
def _let_go() -> Iterator[None]:
    """Give back what stopped apps held: each start froze it for the collector's sake."""
    yield
    gc.unfreeze()
    gc.collect()


@pytest.fixture
def busy(either: TestClient) -> TestClient:
    bring_in(either, ordinary(80))
    return either


@pytest.fixture
def month(client: TestClient) -> TestClient:
    bring_in(client, ordinary(80))
    return client


def test_a_new_replica_holds_the_same_state(busy: TestClient):
    post_all(busy, matter(9))
    first, second = newcomer(busy), newcomer(busy)
    assert digest(first) == digest(watch_of(busy)) == digest(second)
    post_all(busy, matter(3, first=9))
    assert digest(first) == digest(watch_of(busy)) == digest(newcomer(busy))


def test_kept_states_and_the_log_lead_to_the_same(busy: TestClient):
    idle = newcomer(busy)
    seen = digest(idle)
    for part in range(4):
        post_all(busy, matter(3, first=3 * part))
        watch_of(busy).take_snapshot()
    assert digest(idle) == digest(watch_of(busy)) == digest(newcomer(busy)) != seen
    assert len(rows(busy, surge_snapshots)) == 2
    kept = [row.seq for row in rows(busy, log_table)]
    assert kept[0] == rows(busy, surge_snapshots)[0].seq
    assert kept == list(range(kept[0], kept[-1] + 1))


def test_another_process_comes_to_the_same_state(month: TestClient):
    post_all(month, matter(9))
    service: Service = month.app.state.service
    code = (
        "import hashlib, sys\n"
        "from api import surge_log\n"
        "from api.database import Database\n"
        "from api.settings import Settings\n"
        "from api.surge_watch import SurgeWatch\n"
        "watch = SurgeWatch(Settings(), Database(sys.argv[1]))\n"
        "with watch.read() as (_, monitor):\n"
        "    print(hashlib.sha256(surge_log.pack(monitor, watch._config)).hexdigest())\n"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code, service.settings.database_url],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.getcwd()},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert found == {digest(watch_of(month))}


def test_a_restart_goes_on_where_it_was(connect: Connect, database_url: str):
    bodies = matter(12)
    first = connect(database_url=database_url)
    bring_in(first, ordinary(80))
    before = post_all(first, bodies[:6])
    service: Service = first.app.state.service
    state = digest(service.watch)
    service.stop()  # as a stop of the process does; what it kept is read by the next
    second = connect(database_url=database_url)
    assert watch_of(second)._snapshot_seq == 0
    after = post_all(second, bodies[6:])
    assert rows(second, surge_snapshots)
    opened = next(a["warning"] for a in before if a["warning"])
    assert [a["warning"]["observed"] for a in after] == list(range(7, 13))
    assert {a["warning"]["surge_id"] for a in after} == {opened["surge_id"]}
    assert {tuple(a["warning"]["topic"]["terms"]) for a in after} == {
        tuple(opened["topic"]["terms"])
    }
    assert len(surges_of(second)) == 1
    assert digest(watch_of(second)) != state


def test_a_merge_and_a_split_outlive_a_restart(connect: Connect):
    first = connect()
    bring_in(first, ordinary(80))
    answers = post_all(first, matter(12))
    ids = [answer["id"] for answer in answers[8:]]
    first.post("/v1/surges/S000001/split", json={"complaint_ids": ids, "reason": "两件事"})
    before = [(s["id"], s["observed"], s["topic"]["id"]) for s in surges_of(first)]
    assert len(before) == 2
    first.app.state.service.stop()
    second = connect()
    post_all(second, [{"text": "路口信号灯一直是红灯"}])
    assert [(s["id"], s["observed"], s["topic"]["id"]) for s in surges_of(second)] == before
    second.post("/v1/surges/S000001/merge", json={"other": "S000002"})
    second.app.state.service.stop()
    third = connect()
    more = post_all(third, matter(2, first=12))
    assert more[-1]["warning"]["surge_id"] == "S000001"
    with watch_of(third).read() as (_, monitor):
        assert monitor.topics.resolve(before[0][2]) == monitor.topics.resolve(before[1][2])


def test_what_was_seen_is_undone_with_its_transaction(
    busy: TestClient, monkeypatch: pytest.MonkeyPatch
):
    post_all(busy, matter(3))
    before = digest(watch_of(busy))
    insert = intake.insert_answers

    def fail(connection, answered, elapsed_ms):
        insert(connection, answered, elapsed_ms)
        raise RuntimeError("at the last moment")

    with monkeypatch.context() as patched:
        patched.setattr(intake, "insert_answers", fail)
        for body in matter(9, first=3):
            assert busy.post("/v1/complaints", json=body).status_code == 500
    assert digest(watch_of(busy)) == before
    assert (surges_of(busy), rows(busy, notices)) == ([], [])
    answers = post_all(busy, matter(9, first=3))
    warned = next(a["warning"] for a in answers if a["warning"])
    assert warned["observed"] <= 7
    (surge,) = surges_of(busy)
    assert surge["observed"] == 12
    assert digest(watch_of(busy)) == digest(newcomer(busy))


def test_a_fault_of_early_warning_costs_no_complaint(
    month: TestClient, monkeypatch: pytest.MonkeyPatch
):
    def fail(*_: object, **__: object) -> None:
        raise ValueError("a fault")

    post_all(month, matter(2))
    with monkeypatch.context() as patched:
        patched.setattr(SurgeMonitor, "observe", fail)
        # The rest of the state is read with this fault too: it begins anew.
        answers = post_all(month, matter(2, first=2))
    assert [answer["warning"] for answer in answers] == [None, None]
    assert 'triage_surge_events_total{event="failed"}' in month.get("/metrics").text
    assert post_all(month, matter(1, first=4))[0]["id"]
    assert digest(watch_of(month)) == digest(newcomer(month))


def test_a_lost_state_begins_anew_and_ids_go_on(busy: TestClient):
    post_all(busy, matter(8))
    (surge,) = surges_of(busy)
    watch = watch_of(busy)
    watch.take_snapshot(alone=True)
    with watch.database.write() as connection:
        connection.execute(update(surge_snapshots).values(state=b"from another program"))
    watch._monitor = None
    post_all(busy, matter(1, first=8))
    (before,) = surges_of(busy)
    assert (before["id"], before["state"]) == (surge["id"], "resolved")
    assert digest(watch) == digest(newcomer(busy))
    bring_in(busy, ordinary(80, seed=8))
    post_all(busy, matter(8, first=9))
    assert surges_of(busy)[0]["id"] == "S000002"


@contextmanager
def shifted(monkeypatch: pytest.MonkeyPatch, **by: float) -> Iterator[None]:
    """Let the clock of early warning be wrong for a while."""
    now, seconds = time.time, timedelta(**by).total_seconds()
    with monkeypatch.context() as patched:
        patched.setattr(surge_watch.time, "time", lambda: now() + seconds)
        yield


@pytest.mark.parametrize("days", [1, 40])
def test_a_clock_that_ran_ahead_is_set_back(
    month: TestClient, monkeypatch: pytest.MonkeyPatch, days: int
):
    watch = watch_of(month)
    with shifted(monkeypatch, days=days):
        watch.keep_up()
    with watch.read() as (_, monitor):
        assert monitor.clock > time.time() + 86_000 * days
    watch.keep_up()
    with watch.read() as (_, monitor):
        assert abs(monitor.clock - time.time()) < 60
    assert post_all(month, matter(9))[-1]["warning"]
    assert digest(watch) == digest(newcomer(month))


def test_a_clock_that_was_behind_is_no_matter(month: TestClient, monkeypatch: pytest.MonkeyPatch):
    with shifted(monkeypatch, hours=-1):
        watch_of(month).keep_up()
        post_all(month, matter(4))
    assert post_all(month, matter(5, first=4))[-1]["warning"]["observed"] == 9


def kept_of(client: TestClient) -> str:
    """Everything that early warning keeps, readable."""
    import gzip

    states = [gzip.decompress(row.state).decode() for row in rows(client, surge_snapshots)]
    tables = (log_table, surge_members, surges)
    return "\n".join([*states, *(repr(rows(client, table)) for table in tables)])


def test_an_erased_complaint_is_in_no_list_log_or_state(busy: TestClient):
    answers = post_all(busy, matter(9))
    watch_of(busy).take_snapshot()
    post_all(busy, matter(2, first=9))
    service: Service = busy.app.state.service
    customer = service.fingerprints.of_customer("街坊3")
    assert answers[4]["id"] in kept_of(busy)
    assert customer in kept_of(busy)
    assert busy.delete(f"/v1/complaints/{answers[4]['id']}").status_code == 200
    assert busy.delete("/v1/customers/街坊3").json() == {"complaints": 1}
    assert answers[4]["id"] not in kept_of(busy)
    assert answers[3]["id"] not in kept_of(busy)
    (surge,) = surges_of(busy)
    found = busy.get(f"/v1/surges/{surge['id']}").json()
    assert len(found["members"]) == 9
    assert post_all(busy, matter(1, first=11))[0]["warning"]["observed"] == 12
    assert digest(watch_of(busy)) == digest(newcomer(busy))


def test_a_purge_takes_the_terms_and_leaves_the_numbers(busy: TestClient, database_url: str):
    post_all(busy, matter(9))
    watch = watch_of(busy)
    with watch.read() as (_, monitor):
        assert all(seen.terms for seen in monitor.recent._known.values())
    with Database(database_url) as database:
        later = datetime.now(UTC) + timedelta(minutes=1)
        assert purge_texts(database, before=later, who=COMMAND_LINE) == 89
        SurgeWatch(Settings(), database).redact()
    assert '"terms"' not in repr(rows(busy, log_table))
    with watch.read() as (_, monitor):
        assert not any(seen.terms for seen in monitor.recent._known.values())
    (surge,) = surges_of(busy)
    assert surge["observed"] == 9
    assert len(busy.get(f"/v1/surges/{surge['id']}").json()["members"]) == 9


def test_no_text_is_kept_by_early_warning(busy: TestClient):
    word = "珐琅彩缠枝莲"
    post_all(busy, [{"text": f"买的{word}花瓶碎了", "product": "景泰蓝"}])
    watch_of(busy).take_snapshot()
    assert not any(part in kept_of(busy) for part in (word, word[:2], word[2:4], "花瓶"))


def test_the_doctor_tells_how_much_a_start_must_see_again(month: TestClient):
    service: Service = month.app.state.service

    def finding(**changes: object):
        found = examine(service.settings.model_copy(update=changes))
        return next(f for f in found if f.what == "early warning")

    post_all(month, matter(8))
    assert "1 surges open; 90 entries and no kept state" in finding().found
    service.watch.take_snapshot()
    assert "0 entries after the state kept" in finding().found
    assert (finding().mark, finding(surges=False).mark) == ("✓", "!")
    post_all(month, matter(30, first=8))
    slow = finding(surge_snapshot_entries=2)
    assert (slow.mark, slow.is_good) == ("!", True)


def test_settings_reach_all_replicas_through_the_log(connect: Connect):
    first = connect(surge_max_values=20, surge_pairs=[("category", "unit")])
    post_all(first, matter(2))
    with watch_of(first).read() as (_, monitor):
        assert (monitor.cells.max_values, monitor.pairs) == (20, (("category", "unit"),))
    assert digest(newcomer(first)) == digest(watch_of(first))


def _one_surge(clients, posted: list[dict], read) -> None:
    """Check that the planted surge is one alert of all its complaints."""
    found = read()
    assert len(found) == 1, found
    members = clients[0].get(f"/v1/surges/{found[0]['id']}").json()["members"]
    assert sorted(members) == sorted(answer["id"] for answer in posted)
    warned = [answer["warning"] for answer in posted if answer["warning"]]
    assert {warning["surge_id"] for warning in warned} == {found[0]["id"]}
    assert len({warning["observed"] for warning in warned}) == len(warned)
    assert len(posted) - len(warned) <= 7


def _write_together(clients, bodies: list[dict]) -> list[dict]:
    """Let eight writers post at once, each to either replica."""

    def send(numbered: tuple[int, dict]) -> dict:
        number, body = numbered
        answer = clients[number % len(clients)].post("/v1/complaints", json=body)
        assert answer.status_code == 201, answer.text
        return answer.json()

    with ThreadPoolExecutor(N_WRITERS) as pool:
        return list(pool.map(send, enumerate(bodies)))


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_two_replicas_and_eight_writers_make_one_alert(
    connect: Connect, empty_postgresql: str, round_: int
):
    clients = [connect(database_url=empty_postgresql) for _ in range(2)]
    bring_in(clients[0], ordinary(80, seed=round_))
    planted = [{**body, "planted": True} for body in matter(24)]
    noise = [{k: v for k, v in b.items() if k != "occurred_at"} for b in ordinary(16, seed=99)]
    bodies = [*planted, *noise]
    random.Random(round_).shuffle(bodies)
    is_planted = [body.pop("planted", False) for body in bodies]
    answers = _write_together(clients, bodies)
    posted = [a for a, planted in zip(answers, is_planted, strict=True) if planted]
    _one_surge(clients, posted, lambda: surges_of(clients[1]))
    events = [row.event for row in rows(clients[0], notices)]
    assert events.count("opened") == 1
    assert digest(watch_of(clients[0])) == digest(watch_of(clients[1]))


def test_two_processes_make_one_alert(settings: Settings, empty_postgresql: str, tmp_path):
    own = settings.model_copy(update={"database_url": empty_postgresql})
    with (
        serve(own, tmp_path) as first,
        serve(own, tmp_path) as second,
        httpx2.Client(base_url=first.url, headers=BEARER) as one,
        httpx2.Client(base_url=second.url, headers=BEARER) as other,
    ):
        bring_in(one, ordinary(80))
        posted = _write_together([one, other], matter(24))
        _one_surge([one, other], posted, lambda: surges_of(other))
        assert surges_of(one) == surges_of(other)
    with Database(empty_postgresql) as database, database.read() as connection:
        events = connection.execute(select(notices.c.event)).scalars().all()
        payload = json.loads(connection.execute(select(notices.c.payload)).scalars().first() or "")
    assert events.count("opened") == 1
    assert payload["surge_id"] == "S000001"


def test_reading_while_complaints_arrive_changes_nothing(busy: TestClient):
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            surges_of(busy)
            watch_of(busy).keep_up()

    reader = threading.Thread(target=look)
    reader.start()
    try:
        post_all(busy, matter(20))
    finally:
        stop.set()
        reader.join()
    assert surges_of(busy)[0]["observed"] == 20
    assert digest(watch_of(busy)) == digest(newcomer(busy))
