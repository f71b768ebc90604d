"""Rules of the charts."""

from datetime import date, timedelta
from xml.etree import ElementTree

import pytest

from models.charts import draw_alert
from triage.alert_series import AlertSeries, series_of
from triage.replay import replay
from triage.surge import CHINA, IncomingComplaint, SurgeMonitor


@pytest.fixture
def series():
    days = tuple(date(2026, 3, 1) + timedelta(days=k) for k in range(5))
    return AlertSeries(
        days, (1, 0, 2, 6, 9), (0, 0, 0, 5, 9), (1.0,) * 5, (0.0,) * 5, (3.0,) * 5, days[3]
    )


def test_a_chart_is_an_svg_with_text(series):
    svg = draw_alert(series, title="搅拌站")
    assert ElementTree.fromstring(svg).tag.endswith("svg")
    assert "搅拌站" in svg
    assert "正常范围" in svg


def test_the_same_series_gives_the_same_file(series):
    assert draw_alert(series, title="a") == draw_alert(series, title="a")


def test_a_series_is_taken_from_the_monitor_that_alarmed():
    from datetime import datetime

    start = datetime(2026, 3, 2, tzinfo=CHINA)
    rows = [
        IncomingComplaint(
            f"q{k}", start + timedelta(hours=9 * k), f"第{k}件{chr(0x5000 + 9 * k)}事"
        )
        for k in range(90)
    ]
    rows += [
        IncomingComplaint(f"s{k}", start + timedelta(days=33, hours=k), "搅拌站粉尘扰民", f"客{k}")
        for k in range(9)
    ]
    monitor = SurgeMonitor()
    alert = next(iter(replay(rows, monitor)))
    times = {row.complaint_id: row.at.timestamp() for row in rows}
    shown = series_of(alert, monitor, member_times=times)
    assert sum(shown.members) == len(alert.members) == 9
    assert shown.opened_on == date(2026, 4, 4)
    assert len(shown.days) == len(shown.observed)
