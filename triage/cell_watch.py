"""Watch every cell: hourly windows, and days and weeks once there is a year of history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from triage.calendar import WorkCalendar
from triage.cells import CellTable
from triage.daily import MIN_DAYS, DailyBaseline, DayCalendar, learn_days, score_days
from triage.hourly import WINDOWS_HOURS, HourlyBaseline, learn_hours, score_hours
from triage.packing import pack, unpack
from triage.vigilance import combine_windows, false_per_cell_day
from triage.weekly import MIN_WEEKS, remember, remembered_p, score_week

FloatArray = NDArray[np.float64]

_EPOCH = date(1970, 1, 1)
_MIN_LEARNT_DAYS = 7
_MAX_LEARNT_DAYS = 84
_SHORT_HISTORY_WEEKS = 4.0
_MIN_OBSERVED = 4
_DAILY_TESTS = 2.0


@dataclass(frozen=True, slots=True)
class CellScore:
    """A cell that is busier than it should be.

    Attributes
    ----------
    key : str
        The cell.
    false_per_day : float
        How often a day a quiet cell looks like this; the smaller, the more surprising.
    p_value : float
        Of the most surprising window alone.
    observed, expected, size
        Count, mean and negative-binomial size of that window.
    window_hours : int
        Its length.
    short_history : bool
        Whether less than four weeks were learnt from.
    """

    key: str
    false_per_day: float
    p_value: float
    observed: int
    expected: float
    size: float
    window_hours: int
    short_history: bool


class CellWatch:
    """Learn once a day what each cell usually does, and judge it by the hour.

    Parameters
    ----------
    table : CellTable
        The counts; somebody else fills it.
    calendar : WorkCalendar
        Holidays and worked weekends.

    Attributes
    ----------
    excluded_days : mapping of str to sequence of (int, int)
        First and last days (since 1970) of each cell's confirmed surges, not learnt from.
    """

    def __init__(self, table: CellTable, calendar: WorkCalendar) -> None:
        self.table = table
        self.calendar = calendar
        self.excluded_days: Mapping[str, Sequence[tuple[int, int]]] = {}
        self._learnt_at: int | None = None
        self._baselines: dict[str, tuple[list[int], HourlyBaseline]] = {}
        self._daily: dict[str, tuple[int, int, DailyBaseline]] = {}
        self._previous_z: dict[str, FloatArray] = {}
        self._keys: list[str] = []

    def learn(self, today: int) -> None:
        """Learn from whole days before `today` (days since 1970)."""
        self._learnt_at = today
        self._keys = list(self.table.rows)
        self._baselines = {}
        n_days = self._n_days(today)
        if n_days < _MIN_LEARNT_DAYS:
            return
        n_days = min(n_days, _MAX_LEARNT_DAYS)
        week_hour = self._week_hours(today - n_days, n_days)
        for group, rows in self.table.groups.items():
            last_hour = today * 24 - 1
            counts = self.table.matrix(rows, last_hour=last_hour, n_hours=n_days * 24)
            weights = self._weights(rows, today, n_days)
            baseline = learn_hours(counts.astype(np.float64), week_hour, weights=weights)
            self._baselines[group] = (list(rows), baseline)

    def judge_hours(self, now_hour: int) -> list[CellScore]:
        """Score every cell's windows that end with this hour, counted as far as it has gone."""
        found = []
        span = max(WINDOWS_HOURS) + 1
        first_day = (now_hour - span) // 24
        hours_of_days = self._week_hours(first_day, now_hour // 24 - first_day + 1)
        week_hour = hours_of_days[now_hour - span + 1 - first_day * 24 :][:span]
        for rows, baseline in self._baselines.values():
            counts = self.table.matrix(rows, last_hour=now_hour, n_hours=span).astype(np.float64)
            scores = score_hours(baseline, counts, week_hour, n_hours=1)
            best = combine_windows(scores.z[:, :, 0])
            window = scores.z[:, :, 0].argmax(axis=0)
            rates = false_per_cell_day(best)
            for cell in np.flatnonzero(best > 2.0):
                where = (window[cell], cell, 0)
                if scores.observed[where] >= _MIN_OBSERVED:
                    found.append(
                        CellScore(
                            self._keys[rows[cell]],
                            float(rates[cell]),
                            float(ndtr(-scores.z[where])),
                            int(scores.observed[where]),
                            float(scores.expected[where]),
                            float(scores.size[where]),
                            WINDOWS_HOURS[window[cell]],
                            baseline.n_weeks < _SHORT_HISTORY_WEEKS,
                        )
                    )
        return found

    def judge_days(self, today: int) -> list[CellScore]:
        """Score yesterday for every cell with more than a year of history."""
        n_days = self._n_days(today)
        if n_days < MIN_DAYS:
            return []
        n_days = min(n_days, 1260)
        found = []
        for group, rows in self.table.groups.items():
            counts = self.table.days(rows, last_day=today - 1, n_days=n_days).astype(np.float64)
            baseline, covered = self._daily_baseline(group, rows, today, counts)
            score = score_days(baseline, counts[:, -covered:], n_days=1)[:, 0]
            for cell in np.flatnonzero(score > 2.0):
                expected = float(baseline.expected[cell, covered - 1])
                observed = int(counts[cell, -1])
                if observed >= _MIN_OBSERVED and rows[cell] < len(self._keys):
                    tail = float(ndtr(-score[cell]))
                    size = expected / max(baseline.dispersion[cell] - 1.0, 1e-6)
                    found.append(
                        CellScore(
                            self._keys[rows[cell]],
                            _DAILY_TESTS * tail,
                            tail,
                            observed,
                            expected,
                            float(size),
                            24,
                            False,
                        )
                    )
        return found

    def judge_week(self, today: int) -> list[CellScore]:
        """Score the seven days before `today` for every cell with more than a year of history."""
        n_weeks = self._n_days(today) // 7
        if n_weeks < MIN_WEEKS:
            return []
        n_weeks = min(n_weeks, 180)
        found = []
        for group, rows in self.table.groups.items():
            days = self.table.days(rows, last_day=today - 1, n_days=n_weeks * 7)
            weeks = days.reshape(len(rows), n_weeks, 7).sum(axis=2).astype(np.float64)
            score = score_week(weeks)
            previous = self._previous_z.get(group, np.zeros(0))
            previous = np.pad(previous, (0, len(rows) - len(previous)))
            p_value = remembered_p(remember(score.strict_z, previous))
            self._previous_z[group] = score.z
            for cell in np.flatnonzero((p_value < 0.02) & (weeks[:, -1] >= _MIN_OBSERVED)):
                if rows[cell] < len(self._keys):
                    found.append(
                        CellScore(
                            self._keys[rows[cell]],
                            float(p_value[cell]) / 7,
                            float(p_value[cell]),
                            int(weeks[cell, -1]),
                            float(score.expected[cell]),
                            float(score.size[cell]),
                            168,
                            False,
                        )
                    )
        return found

    @property
    def n_cells(self) -> int:
        """How many cells are judged."""
        return sum(len(rows) for rows, _ in self._baselines.values())

    def state(self) -> dict[str, Any]:
        """Return what the table does not hold, as plain JSON values."""
        return {
            "learnt_at": self._learnt_at,
            "keys": self._keys,
            "hourly": [[g, rows, b.state()] for g, (rows, b) in self._baselines.items()],
            "daily": [[g, day, n, b.state()] for g, (day, n, b) in self._daily.items()],
            "previous_z": [[group, pack(z)] for group, z in self._previous_z.items()],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over what `state` returned.

        Nothing is learnt anew, for the table may have changed since by late arrivals.
        """
        self._learnt_at = state["learnt_at"]
        self._keys = list(state["keys"])
        self._baselines = {
            group: (list(rows), HourlyBaseline.from_state(part))
            for group, rows, part in state["hourly"]
        }
        self._daily = {
            group: (day, n_rows, DailyBaseline.from_state(part))
            for group, day, n_rows, part in state["daily"]
        }
        self._previous_z = {group: unpack(z) for group, z in state["previous_z"]}

    def _n_days(self, today: int) -> int:
        """Return how many whole days have been watched."""
        first = self.table.first_hour
        return 0 if first is None else today - -(-first // 24)

    def _week_hours(self, first_day: int, n_days: int) -> NDArray[np.int64]:
        """Return the hour of the week that each hour behaves like."""
        weekdays = [self._behaves_like(first_day + k) for k in range(n_days)]
        hours = np.asarray(weekdays, dtype=np.int64)[:, None] * 24 + np.arange(24)
        return hours.ravel()

    def _behaves_like(self, day: int) -> int:
        """Return the weekday of a day; a holiday is a Sunday, a worked weekend a Monday."""
        when = _EPOCH + timedelta(days=day)
        works = self.calendar.is_working_day(when)
        if when.weekday() >= 5:
            return 0 if works else when.weekday()
        return when.weekday() if works else 6

    def _weights(self, rows: Sequence[int], today: int, n_days: int) -> FloatArray | None:
        """Leave confirmed surges out of the learning."""
        if not self.excluded_days:
            return None
        weights = np.ones((len(rows), n_days))
        first = today - n_days
        for place, row in enumerate(rows):
            for begin, end in self.excluded_days.get(self._keys[row], ()):
                weights[place, max(begin - first, 0) : max(end - first + 1, 0)] = 0.0
        return weights

    def _daily_baseline(
        self, group: str, rows: Sequence[int], today: int, counts: FloatArray
    ) -> tuple[DailyBaseline, int]:
        """Return a baseline that covers yesterday; it learns until the last week's turn.

        Fixed turns, not elapsed time, so that a restart learns from the same days.
        """
        n_ahead = (today - 1) % 7 + 1
        learnt_before = today - n_ahead
        known = self._daily.get(group)
        if known is None or known[:2] != (learnt_before, len(rows)):
            n_days = counts.shape[1]
            first = _EPOCH + timedelta(days=today - n_days)
            dates = [first + timedelta(days=k) for k in range(n_days - n_ahead + 7)]
            days = DayCalendar.from_dates(dates, self.calendar)
            baseline = learn_days(counts[:, :-n_ahead], days).newest(7)
            known = (learnt_before, len(rows), baseline)
            self._daily[group] = known
        baseline = known[2]
        return baseline, baseline.expected.shape[1] - 7 + n_ahead
