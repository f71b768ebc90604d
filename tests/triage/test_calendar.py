"""Rules of the Chinese working calendar."""

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.calendar import WorkCalendar, known_years

CALENDAR = WorkCalendar()


@pytest.mark.parametrize(
    ("day", "works"),
    [
        pytest.param(date(2026, 2, 14), True, id="worked Saturday"),
        pytest.param(date(2026, 2, 17), False, id="Spring Festival"),
        pytest.param(date(2026, 11, 22), False, id="plain Sunday"),
        pytest.param(date(2026, 11, 23), True, id="plain Monday"),
        pytest.param(date(2040, 10, 1), True, id="unknown year follows the weekday"),
    ],
)
def test_working_days(day, works):
    assert CALENDAR.is_working_day(day) is works


def test_a_datetime_counts_as_its_date():
    assert not CALENDAR.is_working_day(datetime(2026, 2, 17, 23, 59))


def test_years_beyond_the_table_are_provisional_unless_overridden():
    day = date(known_years()[1] + 1, 2, 8)
    assert CALENDAR.is_provisional(day)
    assert not WorkCalendar({day: False}).is_provisional(day)
    assert not CALENDAR.is_provisional(date(2026, 12, 31))


def test_an_override_wins_over_the_table():
    assert WorkCalendar({date(2026, 2, 17): True}).is_working_day(date(2026, 2, 17))
    assert WorkCalendar({date(2026, 2, 17): True}).holiday_name(date(2026, 2, 17)) is None


def test_a_named_holiday_knows_its_span():
    assert CALENDAR.holiday_span(date(2026, 10, 3)) == (date(2026, 10, 1), date(2026, 10, 7))
    assert CALENDAR.holiday_span(date(2026, 11, 22)) is None


def test_overrides_come_from_a_file(tmp_path):
    path = tmp_path / "calendar.toml"
    path.write_text("working_days = [2027-02-06]\ndays_off = [2027-02-08]\n", encoding="utf-8")
    calendar = WorkCalendar.from_file(path)
    assert calendar.is_working_day(date(2027, 2, 6))
    assert not calendar.is_working_day(date(2027, 2, 8))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("free = [2027-02-06]", "unknown key 'free'"),
        ("days_off = ['2027-02-06']", "expected a date"),
        ("days_off = [2027-02-06]\nworking_days = [2027-02-06]", "stands twice"),
    ],
)
def test_a_bad_file_says_what_is_wrong(tmp_path, text, message):
    path = tmp_path / "calendar.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        WorkCalendar.from_file(path)


def test_overrides_without_any_working_day_are_refused():
    start = date(2030, 1, 1)
    calendar = WorkCalendar({start + timedelta(days=i): False for i in range(900)})
    with pytest.raises(ValueError, match="no working day"):
        calendar.next_working_day(start)


@given(st.dates(date(2000, 1, 1), date(2060, 1, 1)), st.integers(1, 30))
def test_n_working_days_are_n_single_steps(day, n):
    stepped = day
    for _ in range(n):
        stepped = CALENDAR.next_working_day(stepped)
    assert CALENDAR.add_working_days(day, n) == stepped
    assert CALENDAR.is_working_day(stepped)
