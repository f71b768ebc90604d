import json
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from sqlalchemy import update
from typer.testing import CliRunner

from api import notify_cli
from api.app import create_app
from api.database import Database
from api.doctor import examine
from api.notify.backoff import Backoff
from api.notify.deliveries import OLDEST, claim, redeliver, route_notices
from api.notify.dispatch import Dispatcher
from api.settings import Settings
from api.tables import deliveries
from tests.api.conftest import Connect
from tests.api.outbox import add_notice, add_notices, stored_deliveries, webhook, write_channels
from tests.api.receivers import Answer, MailBox, Receiver, receive, receive_mail
from triage.errors import ConfigError

QUICK = "tries = 3\nfirst_seconds = 0.01\nlongest_seconds = 0.02\nlease_seconds = 2"
Start = Callable[..., Dispatcher]


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    with Database(database_url) as database:
        database.upgrade()
        yield database


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receive() as receiver:
        yield receiver


@pytest.fixture
def make(database: Database, tmp_path: Path) -> Start:
    """Make a dispatcher that is not started: the test takes each step."""

    def make(*channels: str, delivery: str = QUICK) -> Dispatcher:
        file = write_channels(tmp_path / "notify.toml", channels, delivery)
        return Dispatcher.from_file(
            file, zone="UTC", open_database=lambda: database, registry=CollectorRegistry()
        )

    return make


def turn(dispatcher: Dispatcher, seconds: float = 5.0) -> None:
    """Take steps until nothing is due any more."""
    end = time.monotonic() + seconds
    dispatcher.look()
    while time.monotonic() < end:
        while any(list(map(dispatcher.deliver_next, dispatcher.plan.channels))):
            pass
        waiting = [d for d in stored_deliveries(dispatcher.open_database()) if is_due_soon(d)]
        if not waiting:
            return
        time.sleep(0.01)


def is_due_soon(delivery) -> bool:
    soon = datetime.now(UTC) + timedelta(seconds=3)
    return delivery.state == "waiting" and delivery.due_at < soon


def quiet_now(minutes: int = 120) -> str:
    """Quiet hours that the present moment lies in, in UTC; mostly over midnight for some tests."""
    now = datetime.now(UTC)
    start, end = now - timedelta(minutes=10), now + timedelta(minutes=minutes)
    return f'zone = "UTC"\nquiet_hours = "{start:%H:%M}-{end:%H:%M}"\n'


def test_a_notice_reaches_every_channel_that_wants_it_once(
    database: Database, make: Start, receiver: Receiver
):
    dispatcher = make(
        webhook("a", receiver.url), webhook("b", receiver.url),
        webhook("c", receiver.url, 'levels = ["severe"]\n'),
    )  # fmt: skip
    id_ = add_notice(database)
    turn(dispatcher)
    turn(dispatcher)
    assert receiver.ids == [id_, id_]
    assert {came.verify()["type"] for came in receiver.came} == {"surge.opened"}
    found = {(d.channel, d.state, d.n_tries) for d in stored_deliveries(database)}
    assert found == {("a", "delivered", 1), ("b", "delivered", 1)}


def test_failures_are_tried_again_with_the_same_id_and_body(database: Database, make: Start):
    with receive(Answer(500), Answer(503), Answer(200)) as receiver:
        dispatcher = make(webhook("crm", receiver.url))
        id_ = add_notice(database)
        turn(dispatcher)
    assert receiver.ids == [id_] * 3
    assert len({came.body for came in receiver.came}) == 1
    (delivery,) = stored_deliveries(database)
    assert (delivery.state, delivery.n_tries, delivery.reason) == ("delivered", 3, None)


def test_a_receiver_that_never_answers_ends_in_a_dead_letter_that_can_be_sent_again(
    database: Database, make: Start
):
    with receive(*[Answer(500)] * 3, Answer(200)) as receiver:
        dispatcher = make(webhook("crm", receiver.url))
        id_ = add_notice(database)
        turn(dispatcher)
        (delivery,) = stored_deliveries(database)
        assert (delivery.state, delivery.n_tries) == ("dead", 3)
        assert delivery.reason == "127.0.0.1 answered 500"
        assert redeliver(database, dispatcher.plan, datetime.now(UTC)) == [(id_, "crm")]
        turn(dispatcher)
    assert receiver.ids == [id_] * 4
    assert stored_deliveries(database)[0].state == "delivered"
    assert redeliver(database, dispatcher.plan, datetime.now(UTC)) == []


def test_gone_is_a_dead_letter_at_once(database: Database, make: Start):
    with receive(Answer(410)) as receiver:
        dispatcher = make(webhook("crm", receiver.url))
        add_notice(database)
        turn(dispatcher)
    (delivery,) = stored_deliveries(database)
    assert (delivery.state, delivery.n_tries, len(receiver.came)) == ("dead", 1, 1)


def test_retry_after_is_waited_for(database: Database, make: Start):
    with receive(Answer(429, {"Retry-After": "3600"})) as receiver:
        dispatcher = make(webhook("crm", receiver.url))
        add_notice(database)
        turn(dispatcher)
    (delivery,) = stored_deliveries(database)
    assert len(receiver.came) == 1
    assert delivery.due_at - delivery.tried_at == timedelta(hours=1)


def test_waits_grow_and_are_drawn_from_the_whole_range():
    backoff, draw = Backoff(n_tries=9, first_seconds=10, longest_seconds=100), random.Random(1)
    for tried, most in [(1, 10), (2, 20), (3, 40), (5, 100), (8, 100)]:
        waits = [backoff.wait(tried, draw=draw).total_seconds() for _ in range(2000)]
        assert min(waits) < most * 0.01 < most * 0.99 < max(waits) <= most
    assert backoff.wait(9, draw=draw) is None


def test_an_error_of_our_own_is_tried_again_and_does_not_stop_the_others(
    database: Database, make: Start, receiver: Receiver
):
    with receive_mail(MailBox()) as host:
        mail = f'name = "mail"\nkind = "apprise"\nurl = "mailto://{host}?from=a@b.cn&to=c@d.cn"\n'
        dispatcher = make(
            webhook("crm", receiver.url), mail + "allow_private = true\ntimeout_seconds = 1\n"
        )
        add_notice(database, expected="viel")
        good = add_notice(database)
        turn(dispatcher)
    assert good in receiver.ids
    dead = [d for d in stored_deliveries(database) if d.state == "dead"]
    assert [(d.channel, d.reason) for d in dead] == [("mail", "could not be sent: TypeError")]


def test_a_new_channel_gets_no_notices_of_old(database: Database, make: Start, receiver: Receiver):
    add_notice(database)
    turn(make(webhook("first", receiver.url)))
    turn(make(webhook("first", receiver.url), webhook("second", receiver.url)))
    old = add_notice(database, at=datetime.now(UTC) - OLDEST - timedelta(days=1))
    dispatcher = make(webhook("first", receiver.url), webhook("second", receiver.url))
    turn(dispatcher)
    assert len(receiver.came) == 1
    assert redeliver(database, dispatcher.plan, datetime.now(UTC), notice_id=old) == [
        (old, "first"), (old, "second"),
    ]  # fmt: skip
    turn(dispatcher)
    assert receiver.ids[1:] == [old, old]


def test_what_comes_in_quiet_hours_is_held_and_comes_afterwards(
    database: Database, make: Start, receiver: Receiver
):
    dispatcher = make(webhook("crm", receiver.url, quiet_now()))
    id_ = add_notice(database)
    turn(dispatcher)
    (delivery,) = stored_deliveries(database)
    assert (delivery.state, delivery.is_held, receiver.came) == ("waiting", True, [])
    assert timedelta(minutes=100) < delivery.due_at - datetime.now(UTC) < timedelta(minutes=121)
    end_quiet_hours(database)
    turn(make(webhook("crm", receiver.url)))
    assert receiver.ids == [id_]


def test_what_became_due_before_but_is_sent_in_quiet_hours_is_held_too(
    database: Database, make: Start, receiver: Receiver
):
    add_notice(database)
    make(webhook("crm", receiver.url)).look()
    turn(make(webhook("crm", receiver.url, quiet_now())))
    (delivery,) = stored_deliveries(database)
    assert (delivery.state, delivery.is_held, delivery.n_tries) == ("waiting", True, 0)
    assert not receiver.came


def test_a_severe_surge_breaks_through_where_it_may(
    database: Database, make: Start, receiver: Receiver
):
    dispatcher = make(
        webhook("asleep", receiver.url, quiet_now()),
        webhook("awake", receiver.url, quiet_now() + "severe_breaks_quiet = true\n"),
    )
    add_notice(database, level="severe")
    turn(dispatcher)
    assert {d.channel: d.state for d in stored_deliveries(database)} == {
        "asleep": "waiting", "awake": "delivered",
    }  # fmt: skip


def test_a_digest_tells_of_all_held_notices_at_once(database: Database, make: Start):
    box = MailBox(n_refused=1)
    with receive_mail(box) as host:
        mail = (
            f'name = "mail"\nkind = "apprise"\nurl = "mailto://{host}?from=a@b.cn&to=c@d.cn"\n'
            'allow_private = true\ntimeout_seconds = 1\nwhen_quiet = "digest"\n'
        )
        held = add_notices(database, 4)
        turn(make(mail + quiet_now()))
        end_quiet_hours(database)
        later = add_notice(database)
        turn(make(mail))
    assert len(box.came) == 2
    assert sorted(ids_of_mail(box, 0) + ids_of_mail(box, 1)) == sorted([*held, later])
    assert {d.state for d in stored_deliveries(database)} == {"delivered"}


def ids_of_mail(box: MailBox, number: int) -> list[str]:
    import email
    import email.policy

    mail = email.message_from_bytes(box.came[number][1], policy=email.policy.default)
    return mail["X-Notice-Id"].split()


def end_quiet_hours(database: Database) -> None:
    with database.write() as connection:
        connection.execute(update(deliveries).values(due_at=datetime.now(UTC)))


def test_a_clock_that_was_wrong_holds_nothing_for_ever(
    database: Database, make: Start, receiver: Receiver
):
    dispatcher = make(webhook("crm", receiver.url))
    id_ = add_notice(database)
    dispatcher.look()
    year = datetime.now(UTC) + timedelta(days=365)
    with database.write() as connection:
        connection.execute(update(deliveries).values(due_at=year, leased_until=year, lease="x"))
    turn(dispatcher)
    assert receiver.ids == [id_]


def test_what_another_process_holds_is_left_to_it_until_its_lease_is_over(
    database: Database, make: Start, receiver: Receiver
):
    dispatcher = make(webhook("crm", receiver.url))
    (channel,) = dispatcher.plan.channels
    add_notice(database)
    dispatcher.look()
    now = datetime.now(UTC)
    held = claim(database, channel, now, lease_seconds=0.5, most_held=1)
    assert not dispatcher.deliver_next(channel)
    assert not receiver.came
    again = claim(database, channel, now + timedelta(seconds=0.6), lease_seconds=0.5, most_held=1)
    assert [d.notice.id for d in again] == [d.notice.id for d in held]


def test_many_replicas_settle_and_deliver_each_notice_once(
    database: Database, make: Start, receiver: Receiver
):
    ids = add_notices(database, 60)
    with ExitStack() as stack:
        for _ in range(3):
            dispatcher = make(webhook("a", receiver.url), webhook("b", receiver.url))
            dispatcher.start()
            stack.callback(dispatcher.stop)
        wait_until(lambda: len(receiver.came) >= 120)
        time.sleep(0.7)
    assert sorted(receiver.ids) == sorted(ids * 2)


def test_routing_at_the_same_moment_makes_no_delivery_twice(database: Database, make: Start):
    plan = make(webhook("a", "http://127.0.0.1:1/")).plan
    add_notices(database, 250)
    gate = threading.Barrier(4)
    found = []

    def route() -> None:
        gate.wait()
        while (routed := route_notices(database, plan, datetime.now(UTC))).n_notices:
            found.append(routed.n_deliveries)

    threads = [threading.Thread(target=route) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    while (routed := route_notices(database, plan, datetime.now(UTC))).n_notices:
        found.append(routed.n_deliveries)
    assert sum(found) == len(stored_deliveries(database)) == 250


def test_a_receiver_that_hangs_keeps_nobody_else_waiting(
    database: Database, make: Start, receiver: Receiver
):
    with receive(Answer(after_seconds=3)) as slow:
        dispatcher = make(webhook("slow", slow.url), webhook("quick", receiver.url))
        ids = add_notices(database, 20)
        dispatcher.start()
        start = time.monotonic()
        wait_until(lambda: len(receiver.came) == 20)
        elapsed = time.monotonic() - start
        dispatcher.stop()
    assert sorted(receiver.ids) == sorted(ids)
    assert elapsed < 3 < 20


def test_the_dispatcher_waits_for_a_database_that_is_away(
    database: Database, make: Start, receiver: Receiver
):
    from api.errors import StoreError

    dispatcher = make(webhook("crm", receiver.url))
    is_away = True

    def open_database() -> Database:
        if is_away:
            raise StoreError("the tables are not up to date")
        return database

    dispatcher.open_database = open_database
    id_ = add_notice(database)
    dispatcher.start()
    time.sleep(0.8)
    assert not receiver.came
    is_away = False
    wait_until(lambda: receiver.ids == [id_])
    dispatcher.stop()


def test_the_numbers_say_what_was_delivered_failed_died_and_waits(
    database: Database, make: Start, receiver: Receiver
):
    with receive(Answer(500)) as broken:
        dispatcher = make(
            webhook("good", receiver.url), webhook("bad", broken.url),
            webhook("night", receiver.url, quiet_now()),
        )  # fmt: skip
        dispatcher.metrics = type(dispatcher.metrics)(
            registry := CollectorRegistry(), ["good", "bad", "night"]
        )
        add_notices(database, 2)
        turn(dispatcher)
        dispatcher.look()
    numbers = generate_latest(registry).decode()
    for line in (
        'triage_notify_tries_total{channel="good",result="delivered"} 2.0',
        'triage_notify_tries_total{channel="bad",result="failed"} 4.0',
        'triage_notify_tries_total{channel="bad",result="dead"} 2.0',
        'triage_notify_deliveries{channel="bad",state="dead"} 2.0',
        'triage_notify_deliveries{channel="night",state="waiting"} 2.0',
        'triage_notify_deliveries{channel="good",state="waiting"} 0.0',
    ):
        assert line in numbers


# -- the service -------------------------------------------------------------------------------


def test_the_service_delivers_while_it_runs_and_shows_its_numbers(
    connect: Connect, database: Database, database_url: str, receiver: Receiver, tmp_path: Path
):
    file = write_channels(tmp_path / "notify.toml", [webhook("crm", receiver.url)])
    before = add_notice(database)
    client = connect(database_url=database_url, notify_file=file)
    wait_until(lambda: receiver.ids == [before])
    during = add_notice(database)
    wait_until(lambda: receiver.ids == [before, during])
    wait_until(lambda: 'result="delivered"} 2.0' in client.get("/metrics").text)


def test_a_faulty_file_stops_the_start(settings: Settings, tmp_path: Path):
    from starlette.testclient import TestClient

    file = write_channels(tmp_path / "notify.toml", ['name = "a"\nkind = "pigeon"'])
    app = create_app(settings.model_copy(update={"notify_file": file}))
    with pytest.raises(ConfigError, match="unknown kind 'pigeon'"), TestClient(app):
        pass


def test_without_channels_nothing_runs(connect: Connect):
    connect()
    assert not [t for t in threading.enumerate() if t.name.startswith("notify")]


def test_doctor_tells_of_dead_letters_and_faults(
    database: Database, database_url: str, make: Start, tmp_path: Path
):
    def found(**values: object):
        settings = Settings(database_url=database_url, **values)
        return next(f for f in examine(settings) if f.what == "notifications")

    assert (found().mark, found().found) == ("!", "nobody is told about surges")
    with receive(Answer(410)) as broken:
        turn(make(webhook("crm", broken.url)))
        file = tmp_path / "notify.toml"
        assert found(notify_file=file).mark == "✓"
        add_notice(database)
        turn(make(webhook("crm", broken.url)))
    assert found(notify_file=file).found == "crm; 0 wait, 1 dead"
    assert "redeliver --all-dead" in found(notify_file=file).mend
    write_channels(file, [webhook("other", "http://127.0.0.1:1/")])
    assert found(notify_file=tmp_path / "none.toml").mark == "✗"


# -- the command -------------------------------------------------------------------------------


def run(*arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(notify_cli.app, ["notify", *arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result.stdout


def test_dead_letters_are_listed_and_sent_again_by_command(
    database: Database, database_url: str, make: Start, tmp_path: Path
):
    with receive(Answer(410), Answer(410), Answer(200)) as receiver:
        dispatcher = make(webhook("crm", receiver.url))
        first, second = add_notices(database, 2)
        turn(dispatcher)
        where = ["--database", database_url]
        file = ["--file", str(tmp_path / "notify.toml")]
        listed = json.loads(run("list", "--state", "dead", "--json", *where))
        assert [d["notice_id"] for d in listed] == [second, first]
        assert listed[0]["reason"] == "127.0.0.1 answered 410"
        assert "msg_" in run("list", *where)
        again = json.loads(run("redeliver", first, "--json", *where, *file))
        assert again == [{"notice_id": first, "channel": "crm"}]
        turn(dispatcher)
        again = json.loads(run("redeliver", "--all-dead", "--json", *where, *file))
        assert again == [{"notice_id": second, "channel": "crm"}]
        turn(dispatcher)
        assert json.loads(run("list", "--state", "dead", "--json", *where)) == []
        with pytest.raises(ConfigError, match="no notice 'msg_nothing'"):
            run("redeliver", "msg_nothing", *where, *file)
        with pytest.raises(ConfigError, match="name one notice"):
            run("redeliver", *where, *file)
        with pytest.raises(ConfigError, match="no channel 'x': expected one of crm"):
            run("redeliver", "--all-dead", "--channel", "x", *where, *file)
    assert receiver.ids == [first, second, first, second]


def test_a_sample_reaches_one_channel(tmp_path: Path, receiver: Receiver):
    quiet = webhook("crm", receiver.url, quiet_now())
    file = write_channels(tmp_path / "notify.toml", [quiet, webhook("x", receiver.url)])
    sent = json.loads(run("test", "crm", "--file", str(file), "--json"))
    assert receiver.ids == [sent["notice_id"]]
    values = receiver.came[0].verify()
    assert values["type"] == "surge.test"
    assert "测试通知" in values["data"]["message"]


def test_check_says_whom_each_kind_reaches(tmp_path: Path):
    url = "http://127.0.0.1:1/"
    file = write_channels(
        tmp_path / "notify.toml",
        [
            webhook("all", url),
            webhook("night", url, quiet_now() + "severe_breaks_quiet = true\n"),
            webhook("district", url, 'regions = ["岳麓区"]\ncategories = ["sefety"]\n'),
        ],
    )
    found = json.loads(run("check", "--file", str(file), "--json"))
    opened = found["reached"]["opened"]
    assert [r["channel"] for r in opened["warning"]] == ["all", "night"]
    assert opened["warning"][1]["held_until"]
    assert opened["severe"][1]["held_until"] is None
    assert found["unknown_categories"] == ["sefety"]
    narrowed = ("--region", "岳麓区", "--category", "sefety")
    found = json.loads(run("check", *narrowed, "--file", str(file), "--json"))
    assert [r["channel"] for r in found["reached"]["closed"]["attention"]][2:] == ["district"]
    assert "all" in run("check", "--file", str(file))


def wait_until(holds: Callable[[], bool], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)
