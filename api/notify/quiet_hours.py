"""Hours in which a channel keeps quiet: what comes in them waits for their end."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Self
from zoneinfo import ZoneInfo

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
EXPECTED = "expected 22:00-07:00, or with the days it begins on: sat,sun 00:00-24:00, mon-fri …"

_PERIOD = re.compile(r"(?:([a-z,-]+) +)?(\d\d):(\d\d)-(\d\d):(\d\d)")
_WEEK = timedelta(days=7)
_MINUTES_A_DAY = 24 * 60


@dataclass(frozen=True, slots=True)
class QuietPeriod:
    """One stretch of time that begins on certain weekdays.

    Parameters
    ----------
    days : frozenset of int
        Weekdays on which it begins, Monday is 0.
    start, end : int
        Minutes since midnight; an end at or before the start lies on the next day.
    """

    days: frozenset[int]
    start: int
    end: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a period.

        Raises
        ------
        ValueError
            If it is not written as it should be.

        Examples
        --------
        >>> QuietPeriod.parse("sat,sun 00:00-24:00")
        QuietPeriod(days=frozenset({5, 6}), start=0, end=1440)
        """
        found = _PERIOD.fullmatch(text.strip().lower())
        if found is None:
            raise ValueError(f"{text!r} is no quiet period: {EXPECTED}")
        hours = [int(part) for part in found.groups()[1:]]
        start, end = hours[0] * 60 + hours[1], hours[2] * 60 + hours[3]
        if start >= _MINUTES_A_DAY or end > _MINUTES_A_DAY or max(hours[1], hours[3]) > 59:
            raise ValueError(f"{text!r} has no such hour: {EXPECTED}")
        if start == end:
            raise ValueError(f"{text!r} begins when it ends: for a whole day write 00:00-24:00")
        return cls(_read_days(found[1]), start, end)

    def end_of(self, moment: datetime) -> datetime | None:
        """Give when the period ends that `moment` lies in; None where it lies in none."""
        zone = moment.tzinfo
        for day in (moment.date(), moment.date() - timedelta(days=1)):
            if day.weekday() not in self.days:
                continue
            start = _moment(day, self.start, zone)
            end = _moment(day, self.end + _MINUTES_A_DAY * (self.end <= self.start), zone)
            # In UTC: two times of one zone are compared by the clock on the wall.
            if start <= moment.astimezone(UTC) < end:
                return end.astimezone(zone)
        return None


@dataclass(frozen=True, slots=True)
class QuietHours:
    """All quiet periods of a channel, in its own zone.

    Examples
    --------
    >>> quiet = QuietHours.parse(["22:00-07:00"], zone="Asia/Shanghai")
    >>> late = datetime.fromisoformat("2026-03-06T23:30:00+08:00")
    >>> quiet.next_open(late).isoformat()
    '2026-03-07T07:00:00+08:00'
    """

    periods: tuple[QuietPeriod, ...] = ()
    zone: str = "Asia/Shanghai"

    @classmethod
    def parse(cls, texts: Iterable[str], *, zone: str) -> Self:
        """Read the periods.

        Raises
        ------
        ValueError
            If one cannot be read, or together they leave no minute of the week open.
        """
        quiet = cls(tuple(QuietPeriod.parse(text) for text in texts), zone)
        monday = datetime(2024, 1, 1, tzinfo=ZoneInfo(zone))
        if quiet.next_open(monday) - monday >= _WEEK:
            raise ValueError("the quiet hours leave no minute of the week open")
        return quiet

    def next_open(self, moment: datetime) -> datetime:
        """Give the first moment from `moment` on that is not quiet: itself where it is not."""
        local = moment.astimezone(ZoneInfo(self.zone))
        found = local
        while found.astimezone(UTC) - local.astimezone(UTC) < _WEEK:
            ends = [end for period in self.periods if (end := period.end_of(found))]
            if not ends:
                break
            found = max(ends)
        return found


def _read_days(text: str | None) -> frozenset[int]:
    """Read ``mon-fri``, ``sat,sun`` or nothing, which is every day."""
    if text is None:
        return frozenset(range(7))
    days: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        if first not in DAYS or (last or first) not in DAYS:
            raise ValueError(f"unknown day in {text!r}: expected some of {', '.join(DAYS)}")
        start, end = DAYS.index(first), DAYS.index(last or first)
        days |= {day % 7 for day in range(start, end + 1 + 7 * (end < start))}
    return frozenset(days)


def _moment(day: date, minutes: int, zone: object) -> datetime:
    """Give the moment of a wall clock in UTC; minutes may run into the next day."""
    day += timedelta(days=minutes // _MINUTES_A_DAY)
    clock = time(minutes % _MINUTES_A_DAY // 60, minutes % 60)
    return datetime.combine(day, clock, tzinfo=zone).astimezone(UTC)  # type: ignore[arg-type]
