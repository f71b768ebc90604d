"""Chinese working days and holidays that never raise and say when they are only a guess."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import date, timedelta
from functools import cache
from pathlib import Path

from chinese_calendar import constants

_ONE_DAY = timedelta(days=1)
_SATURDAY = 5


@cache
def known_years() -> tuple[int, int]:
    """Return the first and the last year whose official arrangement is known.

    Examples
    --------
    >>> first, last = known_years()
    >>> first <= 2019 <= last
    True
    """
    years = [day.year for day in constants.holidays]
    return min(years), max(years)


class WorkCalendar:
    """Working days of mainland China, 调休 included, with a deployment's own exceptions.

    Dates outside the published arrangement follow the weekday rule (Monday to Friday are
    working days) and are *provisional*; the calendar never raises for them.

    Parameters
    ----------
    overrides : Mapping of date to bool, optional
        True makes the date a working day, False a day off. An overridden date is never
        provisional.

    Examples
    --------
    The Saturday before the Spring Festival of 2026 is worked in exchange:

    >>> calendar = WorkCalendar()
    >>> calendar.is_working_day(date(2026, 2, 14)), calendar.is_working_day(date(2026, 2, 17))
    (True, False)
    >>> calendar.holiday_name(date(2026, 2, 17))
    '春节'
    >>> calendar.is_provisional(date(2031, 2, 3))
    True
    """

    def __init__(self, overrides: Mapping[date, bool] | None = None) -> None:
        self.overrides: Mapping[date, bool] = dict(overrides or {})

    @classmethod
    def from_file(cls, path: Path | str) -> WorkCalendar:
        """Read overrides from a TOML file.

        The file has two optional lists, ``working_days`` and ``days_off``, of TOML dates.

        Parameters
        ----------
        path : Path or str
            The file to read, UTF-8.

        Returns
        -------
        WorkCalendar
            A calendar with the file's exceptions.

        Raises
        ------
        ValueError
            If the file has other keys, an entry that is no date, or one date in both lists.
        """
        with Path(path).open("rb") as file:
            table = tomllib.load(file)
        unknown = sorted(set(table) - {"working_days", "days_off"})
        if unknown:
            raise ValueError(
                f"unknown key {unknown[0]!r} in {path}: expected working_days, days_off"
            )
        overrides: dict[date, bool] = {}
        for key, works in (("working_days", True), ("days_off", False)):
            for day in table.get(key, []):
                if type(day) is not date:
                    raise ValueError(f"{key} of {path} holds {day!r}: expected a date, 2027-02-06")
                if day in overrides:
                    raise ValueError(f"{day} stands twice in {path}: keep one entry")
                overrides[day] = works
        return cls(overrides)

    def is_working_day(self, day: date) -> bool:
        """Tell whether people work on this day.

        Parameters
        ----------
        day : date
            A calendar date in local time (a datetime counts as its date).

        Returns
        -------
        bool
            The override, else the published arrangement, else the weekday rule.
        """
        day = _plain(day)
        if day in self.overrides:
            return self.overrides[day]
        if day in constants.workdays:
            return True
        if day in constants.holidays:
            return False
        return day.weekday() < _SATURDAY

    def is_provisional(self, day: date) -> bool:
        """Tell whether the answer for this day rests on the weekday rule alone.

        Parameters
        ----------
        day : date
            A calendar date.

        Returns
        -------
        bool
            True outside the published years, unless the date is overridden.
        """
        day = _plain(day)
        first, last = known_years()
        return day not in self.overrides and not first <= day.year <= last

    def next_working_day(self, day: date) -> date:
        """Return the first working day after this one.

        Parameters
        ----------
        day : date
            A calendar date.

        Returns
        -------
        date
            Strictly later than `day`; the search gives up after 400 days without one.

        Examples
        --------
        >>> WorkCalendar().next_working_day(date(2026, 9, 30))
        datetime.date(2026, 10, 8)
        """
        return self.add_working_days(day, 1)

    def add_working_days(self, day: date, n: int) -> date:
        """Return the n-th working day after this one; the day itself is not counted.

        Parameters
        ----------
        day : date
            Where counting starts; it need not be a working day.
        n : int
            How many working days; 0 returns `day`, negative counts backwards.

        Returns
        -------
        date
            A working day, or `day` itself when `n` is 0.

        Raises
        ------
        ValueError
            If overrides leave no working day within 400 days.

        Examples
        --------
        >>> WorkCalendar().add_working_days(date(2026, 2, 13), 2)
        datetime.date(2026, 2, 24)
        """
        day = _plain(day)
        step = _ONE_DAY if n > 0 else -_ONE_DAY
        idle = 0
        for _ in range(abs(n)):
            day += step
            while not self.is_working_day(day):
                day += step
                idle += 1
                if idle > 400 + 4 * abs(n):
                    raise ValueError("the overrides leave no working day: check days_off")
        return day

    def holiday_name(self, day: date) -> str | None:
        """Name the public holiday that this day off belongs to.

        Parameters
        ----------
        day : date
            A calendar date.

        Returns
        -------
        str or None
            The Chinese name; None for working days, plain weekends and unknown years.
        """
        day = _plain(day)
        if self.is_working_day(day):
            return None
        name = constants.holidays.get(day)
        return _CHINESE_NAMES.get(name) if name else None

    def holiday_span(self, day: date) -> tuple[date, date] | None:
        """Return the first and the last day of the run of days off around a holiday.

        Parameters
        ----------
        day : date
            A calendar date.

        Returns
        -------
        tuple of date or None
            None when `day` is no named holiday.
        """
        day = _plain(day)
        if self.holiday_name(day) is None:
            return None
        first = last = day
        while not self.is_working_day(first - _ONE_DAY):
            first -= _ONE_DAY
        while not self.is_working_day(last + _ONE_DAY):
            last += _ONE_DAY
        return first, last


def _plain(day: date) -> date:
    """Cut a datetime down to its date, for a datetime equals no date in a table."""
    return date(day.year, day.month, day.day) if type(day) is not date else day


_CHINESE_NAMES: Mapping[str, str] = {entry.value: entry.chinese for entry in constants.Holiday}
