"""Rules of early warning, from complaint to alert."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest

from triage.errors import ReplayInputError
from triage.replay import TopicMembers, alert_line, read_time, replay
from triage.surge import CHINA, IncomingComplaint, SurgeMonitor
from triage.topic_surge import Background, score_topic

START = datetime(2026, 3, 2, tzinfo=CHINA)
SUBJECTS = ["路灯", "快递", "医保", "公交", "暖气", "噪音", "学位", "拆迁", "停车", "燃气", "宽带"]
TROUBLES = ["不亮", "丢失", "太慢", "改线", "漏水", "扰民", "不足", "拖延", "涨价", "中断", "卡顿"]


def everyday(seed=1, *, days=60, per_day=8):
    """Draw unlike complaints at random times."""
    rng = np.random.default_rng(seed)
    seconds = np.sort(rng.uniform(0, days * 86_400, days * per_day))
    rows = []
    for k, second in enumerate(seconds):
        place = "".join(chr(0x4E00 + int(c)) for c in rng.integers(0, 8000, 8))
        text = f"{place}{SUBJECTS[rng.integers(11)]}{TROUBLES[rng.integers(11)]}"
        at = START + timedelta(seconds=float(second))
        rows.append(IncomingComplaint(f"e{k}", at, text, f"客户{k}", {"region": "东西南北"[k % 4]}))
    return rows


def burst(n=12, *, day=40, customer="街坊{}", text="搅拌站粉尘扰民,邻里{}都受不了"):
    """Give alike complaints three hours apart."""
    return [
        IncomingComplaint(
            f"b{k}",
            START + timedelta(days=day, hours=3 * k),
            text.format(k),
            customer.format(k),
            {"region": "东"},
        )
        for k in range(n)
    ]


def in_order(*parts):
    """Merge complaints by time."""
    return sorted((row for part in parts for row in part), key=lambda row: row.at)


def feed(monitor, rows, **options):
    """Observe all and return the observations by id."""
    return {row.complaint_id: monitor.observe(row, **options) for row in rows}


def test_a_quiet_stream_stays_quiet():
    assert list(replay(everyday())) == []


def test_the_complaint_that_tips_the_scale_carries_the_warning():
    seen = feed(SurgeMonitor(), in_order(everyday(), burst()))
    warned = [k for k in range(12) if seen[f"b{k}"].warning is not None]
    assert warned
    assert warned[0] <= 7
    assert warned == list(range(warned[0], 12))


def test_one_alert_not_forty():
    alerts = list(replay(in_order(everyday(), burst(30))))
    assert len(alerts) == 1
    assert alerts[0].kind == "topic"
    assert len(set(alerts[0].members)) == len(alerts[0].members) >= 29
    assert alerts[0].level == "severe"


def test_reminders_of_one_customer_are_no_surge():
    rows = in_order(everyday(), burst(30, customer="同一人"))
    monitor = SurgeMonitor()
    seen = feed(monitor, rows)
    assert not monitor.alerts
    assert seen["b20"].duplicate_of == "b0"


def test_the_same_text_from_500_customers_is_one_surge():
    flood = burst(500, text="转发:搅拌站粉尘扰民")
    flood = [replace(row, at=START + timedelta(days=40, seconds=k)) for k, row in enumerate(flood)]
    alerts = list(replay(in_order(everyday(), flood)))
    assert [alert.group for alert in alerts] == ["everywhere"]
    assert alerts[0].n_customers == 500


def test_a_surge_of_one_unit_says_so():
    rows = [replace(row, fields={"unit": "城西店"}) for row in burst()]
    assert [alert.group for alert in replay(in_order(everyday(), rows))] == ["one_unit"]


def test_the_alert_explains_itself():
    alert = next(iter(replay(in_order(everyday(), burst()))))
    assert {"搅拌", "粉尘"} & set(alert.terms)
    assert "region=东" in alert.fields
    assert len(alert.representatives) == 4
    assert alert.expected < alert.observed


def test_replay_is_deterministic_and_order_of_rows_is_no_matter():
    rows = in_order(everyday(), burst())
    lines = [[alert_line(a, rows=_rows(rows)) for a in replay(part)] for part in (rows, rows[::-1])]
    assert lines[0] == lines[1]


def _rows(rows):
    return {row.complaint_id: k for k, row in enumerate(rows)}


def test_a_restart_changes_nothing():
    rows = in_order(everyday(), burst())
    whole, first, second = SurgeMonitor(), SurgeMonitor(), SurgeMonitor()
    half = len(rows) * 2 // 3
    feed(whole, rows)
    feed(first, rows[:half])
    second.restore(json.loads(json.dumps(first.state())))
    feed(second, rows[half:])
    assert json.dumps(second.state()) == json.dumps(whole.state())


def with_late_ones(rows):
    """Let every ninth complaint arrive three days late, and give each day a new product."""
    place = {row.complaint_id: k for k, row in enumerate(rows)}
    rows = [
        replace(row, fields={**row.fields, "product": f"品{row.at:%m%d}"}, customer=f"甲{k % 90}")
        for k, row in enumerate(rows)
    ]
    return sorted(rows, key=lambda r: r.at + timedelta(days=3 * (place[r.complaint_id] % 9 == 0)))


def test_many_restarts_amid_late_arrivals_and_corrections_change_nothing():
    rows = with_late_ones(in_order(everyday(days=45), burst(day=30), burst(9, day=41, text="停水")))
    whole, restarted = SurgeMonitor(), SurgeMonitor()
    for k, row in enumerate(rows):
        if k % 37 == 0:
            state = json.dumps(restarted.state())
            restarted = SurgeMonitor()
            restarted.restore(json.loads(state))
        seen = [monitor.observe(row) for monitor in (whole, restarted)]
        assert seen[0] == seen[1]
        if k % 50 == 0:
            for monitor in (whole, restarted):
                monitor.correct(row.at, row.fields, {**row.fields, "region": "中"})
    assert whole.alerts
    assert json.dumps(restarted.state()) == json.dumps(whole.state())


def test_an_import_of_old_complaints_raises_no_live_alert():
    monitor = SurgeMonitor()
    feed(monitor, in_order(everyday(), burst()), live=False)
    assert not monitor.alerts


def test_late_arrivals_count_where_they_belong():
    rows = in_order(everyday(), burst())
    late = [replace(row, at=row.at - timedelta(days=5)) for row in burst()]
    monitor = SurgeMonitor()
    feed(monitor, [row for row in rows if row.at < START + timedelta(days=42)][: -len(burst())])
    seen = feed(monitor, late)
    assert seen["b11"].warning is not None


def test_complaints_from_the_future_count_as_of_now():
    monitor = SurgeMonitor()
    now = START + timedelta(days=1)
    future = IncomingComplaint("f", START + timedelta(days=4000), "路灯不亮")
    monitor.observe(future, received_at=now)
    assert monitor.clock == now.timestamp()


def test_a_clock_jump_is_survived():
    monitor = SurgeMonitor()
    feed(monitor, everyday(days=20))
    monitor.observe(IncomingComplaint("j", START + timedelta(days=4000), "路灯不亮"))
    monitor.observe(IncomingComplaint("k", START + timedelta(days=30), "路灯不亮"))
    assert not monitor.alerts


def test_complaints_of_the_same_moment_are_taken():
    rows = [replace(row, at=START) for row in burst()]
    assert len(feed(SurgeMonitor(), rows)) == 12


def test_time_zones_mean_the_same_moment():
    rows = in_order(everyday(), burst())
    moved = [replace(row, at=row.at.astimezone(timezone(timedelta(hours=-5)))) for row in rows]
    first, second = (list(replay(part)) for part in (rows, moved))
    assert [a.to_json() for a in first] == [a.to_json() for a in second]


def test_a_complaint_at_2359_counts_on_its_own_day():
    monitor = SurgeMonitor()
    at = datetime(2026, 3, 2, 15, 59, tzinfo=UTC)
    monitor.observe(IncomingComplaint("x", at, "路灯不亮"))
    assert monitor.cells.last_hour % 24 == 23


def test_a_complaint_without_a_time_is_refused_without_its_text():
    with pytest.raises(ReplayInputError, match="x has no time"):
        SurgeMonitor().observe(IncomingComplaint("x", None, "秘密"))


@pytest.mark.parametrize("value", [None, "", "昨天", "2026-13-01", float("nan")])
def test_a_time_that_cannot_be_read_names_the_row(value):
    with pytest.raises(ReplayInputError, match="row 7"):
        read_time(value, row=7)


@pytest.mark.parametrize("value", ["2026/3/1 9:05", "2026-03-01T09:05:00", "2026-03-01 09:05:00"])
def test_times_are_read_as_people_write_them(value):
    assert read_time(value, row=0) == datetime(2026, 3, 1, 9, 5, tzinfo=CHINA)


def test_empty_texts_are_taken_and_share_no_topic():
    monitor = SurgeMonitor()
    seen = feed(monitor, [replace(row, text="") for row in burst()])
    assert len({s.topic.topic_id for s in seen.values()}) == 12


def test_a_corrected_label_moves_the_count():
    monitor = SurgeMonitor()
    row = everyday()[0]
    monitor.observe(row)
    monitor.correct(row.at, {"region": "东"}, {"region": "西"})
    hour = monitor.cells.last_hour
    counts = [monitor.cells.hours(f"region={r}", last_hour=hour, n_hours=1)[0] for r in "东西"]
    assert counts == [0, 1]


def test_a_cell_that_surges_without_a_common_topic_alerts():
    rng = np.random.default_rng(4)
    rows = everyday(days=60, per_day=20)
    hours = np.sort(rng.uniform(0, 24, 60))
    extra = [
        replace(
            everyday(9)[k],
            complaint_id=f"x{k}",
            at=START + timedelta(days=50, hours=float(hour)),
            fields={"region": "东"},
            customer=f"新{k}",
            text="".join(chr(0x4E00 + 97 * k + 7 * j) for j in range(8)),
        )
        for k, hour in enumerate(hours)
    ]
    alerts = list(replay(in_order(rows, extra)))
    assert [alert.key for alert in alerts] == ["region=东"]


def test_a_quiet_alert_closes_and_more_of_the_same_opens_it_again():
    again = [
        replace(row, complaint_id=f"c{row.complaint_id}", customer=f"新{row.customer}")
        for row in burst(30, day=58)
    ]
    monitor = SurgeMonitor()
    alerts = list(replay(in_order(everyday(days=80), burst(), again), monitor))
    assert len(alerts) == 1
    states = [step.state for step in alerts[0].steps]
    assert "resolved" in states


def test_a_false_alarm_must_be_stronger_to_alert_again():
    monitor = SurgeMonitor()
    rows = in_order(everyday(), burst())
    feed(monitor, rows)
    alert = next(iter(monitor.alerts.values()))
    alert.reject(at=monitor.clock, by="张主管")
    more = burst(3, day=42, customer="再{}")
    seen = feed(monitor, [replace(row, complaint_id=f"m{row.complaint_id}") for row in more])
    assert all(s.warning is None for s in seen.values())


def test_split_and_merge_by_people_move_the_complaints():
    monitor = SurgeMonitor()
    rows = burst()
    seen = feed(monitor, rows)
    topic = seen["b0"].topic.topic_id
    new = monitor.split_topic(topic, ["b0", "b1"], [rows[0].text, rows[1].text])
    assert new != topic
    assert monitor.merge_topics(topic, new) == topic
    assert monitor.topics.resolve(new) == topic


def test_an_erased_complaint_is_in_no_alert():
    monitor = SurgeMonitor()
    feed(monitor, in_order(everyday(), burst()))
    monitor.forget("b3")
    assert all("b3" not in alert.members for alert in monitor.alerts.values())
    assert "b3" not in [row[0] for row in monitor.state()["recent"]]


def test_topics_of_a_replay_list_every_complaint_once():
    rows = in_order(everyday(days=20), burst(day=10))
    members, monitor = TopicMembers(), SurgeMonitor()
    list(replay(rows, monitor, topics=members))
    listed = [key for topic in members.listed(monitor) for key in topic.members]
    assert sorted(listed) == sorted(row.complaint_id for row in rows)


def test_a_short_history_is_said():
    alerts = list(replay(in_order(everyday(days=12), burst(day=9))))
    assert [alert.short_history for alert in alerts] == [True]


def test_topics_of_three_customers_never_surge():
    week = Background(per_day=10.0, n_topics=500, observed_days=90.0)
    times = [float(k) for k in range(20)]
    assert score_topic(times, ["甲", "乙"] * 10, week, now=20.0) is None
