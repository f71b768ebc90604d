from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.notify.quiet_hours import QuietHours

NIGHT = ["22:00-07:00"]


def opens(texts: list[str], moment: str, zone: str = "Asia/Shanghai") -> str:
    return QuietHours.parse(texts, zone=zone).next_open(datetime.fromisoformat(moment)).isoformat()


@pytest.mark.parametrize(
    ("texts", "moment", "opens_at"),
    [
        pytest.param(NIGHT, "2026-03-06T21:59+08:00", "2026-03-06T21:59:00+08:00", id="before"),
        pytest.param(NIGHT, "2026-03-06T22:00+08:00", "2026-03-07T07:00:00+08:00", id="begins"),
        pytest.param(NIGHT, "2026-03-06T23:59+08:00", "2026-03-07T07:00:00+08:00", id="23:59"),
        pytest.param(NIGHT, "2026-03-07T00:00+08:00", "2026-03-07T07:00:00+08:00", id="midnight"),
        pytest.param(NIGHT, "2026-03-07T06:59+08:00", "2026-03-07T07:00:00+08:00", id="last"),
        pytest.param(NIGHT, "2026-03-07T07:00+08:00", "2026-03-07T07:00:00+08:00", id="over"),
        pytest.param(NIGHT, "2026-03-06T15:00+00:00", "2026-03-07T07:00:00+08:00", id="in UTC"),
        pytest.param(
            ["12:00-14:00"], "2026-03-06T13:00+08:00", "2026-03-06T14:00:00+08:00", id="noon"
        ),
        pytest.param(
            [*NIGHT, "sat,sun 00:00-24:00"],
            "2026-03-06T23:00+08:00",
            "2026-03-09T07:00:00+08:00",
            id="Friday night to Monday morning",
        ),
        pytest.param(
            ["mon-fri 22:00-07:00"],
            "2026-03-08T23:00+08:00",
            "2026-03-08T23:00:00+08:00",
            id="the night that begins on Sunday is not quiet",
        ),
        pytest.param(
            ["fri 22:00-07:00"],
            "2026-03-07T06:00+08:00",
            "2026-03-07T07:00:00+08:00",
            id="the night that began on Friday still is",
        ),
        pytest.param(
            ["sat-mon 00:00-24:00"],
            "2026-03-09T10:00+08:00",
            "2026-03-10T00:00:00+08:00",
            id="days over the end of the week",
        ),
    ],
)
def test_quiet_hours_end_when_they_say(texts: list[str], moment: str, opens_at: str):
    assert opens(texts, moment) == opens_at


def test_the_zone_is_the_channels_own():
    moment = "2026-03-06T23:00+08:00"
    assert opens(NIGHT, moment, "Europe/Berlin") == "2026-03-06T16:00:00+01:00"


def test_the_clock_on_the_wall_counts_when_summer_time_begins():
    assert opens(NIGHT, "2026-03-29T01:30+01:00", "Europe/Berlin") == "2026-03-29T07:00:00+02:00"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("22-7", "is no quiet period"),
        ("22:00-25:00", "no such hour"),
        ("22:60-23:00", "no such hour"),
        ("22:00-22:00", "begins when it ends"),
        ("someday 22:00-07:00", "unknown day"),
        ("00:00-24:00", "no minute of the week open"),
    ],
)
def test_a_faulty_period_says_what_is_expected(text: str, fault: str):
    with pytest.raises(ValueError, match=fault):
        QuietHours.parse([text], zone="Asia/Shanghai")


@given(
    st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1)),
    st.sampled_from(["Asia/Shanghai", "Europe/Berlin", "America/New_York", "Asia/Kathmandu"]),
    st.lists(
        st.sampled_from(["22:00-07:00", "sat,sun 00:00-24:00", "12:00-13:30", "fri 18:00-10:00"]),
        max_size=4,
    ),
)
def test_what_waits_for_an_open_moment_finds_one(moment: datetime, zone: str, texts: list[str]):
    quiet = QuietHours.parse(texts, zone=zone)
    start = moment.replace(tzinfo=ZoneInfo(zone))
    found = quiet.next_open(start)
    assert timedelta(0) <= found - start < timedelta(days=4)
    assert quiet.next_open(found) == found
