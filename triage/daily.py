"""Daily surge test of series with a year or more of history: weekdays, seasons, holidays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from triage.calendar import WorkCalendar
from triage.count_model import CountModel, fit_counts
from triage.packing import pack, unpack
from triage.tails import mid_p, predictive_size, z_score

FloatArray = NDArray[np.float64]

MIN_DAYS = 400
"""Days of history from which on this test is used."""

WINDOWS_DAYS = (1, 2, 3, 10)
_HANDICAPS = np.array([0.4, 0.2, 0.05, -1.1])
"""Added to the score of each window: short ones speak first, the long one only keeps on."""

_SHARPNESS = 3.0
"""Windows that agree count for a little more than the best alone; the larger, the less."""

_N_WAVES = 6
_LEVEL_DAYS = (8, 28)
_CALIBRATION_DAYS = 730
_Z_BOUND = 12.0
_STATE_NAMES = ("expected", "log_mean_variance", "dispersion", "level_gain", "scales")

N_DAYS_BEFORE = _LEVEL_DAYS[1] + max(WINDOWS_DAYS)
"""Days before a scored one that its score rests on."""


@dataclass(frozen=True, slots=True)
class DayCalendar:
    """What is known of each day beforehand.

    Attributes
    ----------
    day_number : ndarray of shape (n_days,)
        Consecutive integers; the weekday is the remainder by 7.
    is_holiday, is_after_holiday, is_worked_weekend : ndarray of bool, shape (n_days,)
        Public holidays, the first open day after them, and working Saturdays and Sundays.
    year_days : float
        Length of the seasonal year.
    """

    day_number: NDArray[np.int64]
    is_holiday: NDArray[np.bool_]
    is_after_holiday: NDArray[np.bool_]
    is_worked_weekend: NDArray[np.bool_]
    year_days: float = 365.25

    @classmethod
    def from_dates(cls, days: Sequence[date], calendar: WorkCalendar) -> DayCalendar:
        """Read holidays and worked weekends from the Chinese calendar."""
        off = np.array([calendar.holiday_name(day) is not None for day in days], dtype=bool)
        works = np.array([calendar.is_working_day(day) for day in days], dtype=bool)
        number = np.array([day.toordinal() - 1 for day in days], dtype=np.int64)
        weekend = number % 7 >= 5
        return cls(number, off, first_open_days(off, works), works & weekend)

    def design(self) -> FloatArray:
        """Return the model's terms, shape (n_days, 23)."""
        number = self.day_number
        angle = 2.0 * np.pi * number / self.year_days
        waves = [wave(k * angle) for k in range(1, _N_WAVES + 1) for wave in (np.cos, np.sin)]
        weekdays = [number % 7 == weekday for weekday in range(1, 7)]
        next_day = np.concatenate([[False], self.is_holiday[:-1]]) & ~self.is_holiday
        flags = [self.is_holiday, next_day, self.is_after_holiday, self.is_worked_weekend]
        trend = (number - number[0]) / self.year_days
        columns = [np.ones(len(number)), trend, *waves, *weekdays, *flags]
        return np.stack(columns, axis=1).astype(np.float64)


@dataclass(frozen=True, slots=True)
class DailyBaseline:
    """What each series is expected to do, and how its scores behave when nothing happens.

    Attributes
    ----------
    expected, log_mean_variance : ndarray of shape (n_series, n_days)
        Mean and uncertainty for the learnt days and the days ahead.
    dispersion, level_gain : ndarray of shape (n_series,)
        Variance over mean; how far recent weeks shift the level.
    scales : ndarray of shape (n_series, n_windows)
        What each window's score is divided by, from the series' own history.
    model : CountModel, optional
        The fit, a start for the next one.
    """

    expected: FloatArray
    log_mean_variance: FloatArray
    dispersion: FloatArray
    level_gain: FloatArray
    scales: FloatArray
    model: CountModel | None = None

    def newest(self, n_days: int) -> DailyBaseline:
        """Return what scoring the last of so many days needs, without the fit."""
        n_kept = n_days + N_DAYS_BEFORE
        return DailyBaseline(
            self.expected[:, -n_kept:].copy(),
            self.log_mean_variance[:, -n_kept:].copy(),
            self.dispersion,
            self.level_gain,
            self.scales,
        )

    def state(self) -> dict[str, Any]:
        """Return plain JSON values; the fit is left out."""
        return {
            "expected": pack(self.expected),
            "log_mean_variance": pack(self.log_mean_variance),
            "dispersion": pack(self.dispersion),
            "level_gain": pack(self.level_gain),
            "scales": pack(self.scales),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> DailyBaseline:
        """Undo `state`."""
        expected, variance, dispersion, gain, scales = (unpack(state[n]) for n in _STATE_NAMES)
        return cls(expected, variance, dispersion, gain, scales)


def first_open_days(is_holiday: NDArray[np.bool_], is_open: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Mark the first open day after each run of holidays.

    Examples
    --------
    >>> holiday = np.array([False, True, False, False, False])
    >>> first_open_days(holiday, np.array([True, False, False, True, True])).tolist()
    [False, False, False, True, False]
    """
    marks = np.zeros(len(is_holiday), dtype=bool)
    pending = False
    for day, (off, open_) in enumerate(zip(is_holiday, is_open, strict=True)):
        if off:
            pending = True
        elif pending and open_:
            marks[day] = True
            pending = False
    return marks


def learn_days(
    counts: FloatArray,
    days: DayCalendar,
    *,
    start: CountModel | None = None,
    n_left_out: int = 14,
) -> DailyBaseline:
    """Learn the baseline of every series from its past days.

    Parameters
    ----------
    counts : ndarray of shape (n_series, n_learnt)
        Past days, oldest first.
    days : DayCalendar
        Of the past days and of those ahead to predict, in order.
    start : CountModel, optional
        An earlier model of the same series over days that began with the same one.
    n_left_out : int, default=14
        Newest days that the model does not learn from, lest a slow surge hide itself.

    Returns
    -------
    DailyBaseline
        For past days and days ahead.

    References
    ----------
    Noufaily et al. (2013), An improved algorithm for outbreak detection in multiple surveillance
    systems. Statistics in Medicine 32, 1206-1222.
    """
    n_learnt = counts.shape[1]
    design = days.design()
    model = fit_counts(
        counts[:, : n_learnt - n_left_out],
        design[: n_learnt - n_left_out],
        prior_precision=_prior_precision(),
        start=start,
        n_robust_rounds=2,
        n_steps=8 if start is None else 1,
    )
    n_kept = min(n_learnt, _CALIBRATION_DAYS + _LEVEL_DAYS[1])
    kept = design[n_learnt - n_kept :]
    mean, log_mean_variance = model.expect(kept)
    past = counts[:, n_learnt - n_kept :]
    gain = _level_gain(past, mean[:, :n_kept])
    shifted = _shift_level(past, mean[:, :n_kept], gain)
    scores = _window_scores(past, shifted, np.zeros_like(shifted), model.dispersion)
    scales = np.stack([_spread(z[:, _LEVEL_DAYS[1] :]) for z in scores], axis=1)
    return DailyBaseline(mean, log_mean_variance, model.dispersion, gain, scales, model)


def score_days(baseline: DailyBaseline, counts: FloatArray, *, n_days: int) -> FloatArray:
    """Score the newest days of every series.

    Parameters
    ----------
    baseline : DailyBaseline
        From `learn_days`; its days end where `counts` end or later.
    counts : ndarray of shape (n_series, n_counted)
        The days that the baseline covers, as far as they have happened, oldest first.
    n_days : int
        How many of the last days to score.

    Returns
    -------
    ndarray of shape (n_series, n_days)
        About standard normal on quiet days apart from the handicaps of the windows.
    """
    n_counted = counts.shape[1]
    first = max(n_counted - n_days - N_DAYS_BEFORE, 0)
    recent = counts[:, first:]
    expected = baseline.expected[:, first:n_counted]
    shifted = _shift_level(recent, expected, baseline.level_gain)
    variance = baseline.log_mean_variance[:, first:n_counted]
    scores = _window_scores(recent, shifted, variance, baseline.dispersion)
    stacked = np.stack(scores, axis=2) / baseline.scales[:, None, :] + _HANDICAPS
    joined: FloatArray = logsumexp(_SHARPNESS * stacked[:, -n_days:], axis=2) / _SHARPNESS
    return joined


def _prior_precision() -> FloatArray:
    """Leave the level free, hold the trend, and the waves the more the faster they are."""
    waves = [0.05 * k**2 for k in range(1, _N_WAVES + 1) for _ in range(2)]
    return np.array([0.0, 4.0, *waves, *[0.1] * 6, *[0.1] * 4])


def _sum_back(values: FloatArray, first_lag: int, last_lag: int) -> FloatArray:
    """Sum over the days from `last_lag` up to `first_lag` days ago, 0 where there are too few."""
    total = np.cumsum(np.pad(values, ((0, 0), (1, 0))), axis=1)
    result = np.zeros_like(values)
    ends = np.arange(last_lag, values.shape[1])
    result[:, last_lag:] = total[:, ends - first_lag + 1] - total[:, ends - last_lag]
    return result


def _level_ratio(counts: FloatArray, expected: FloatArray) -> FloatArray:
    """Return the log of observed over expected in the weeks before, the last one left out."""
    first_lag, last_lag = _LEVEL_DAYS
    observed = _sum_back(counts, first_lag, last_lag) + 5.0
    ratio = np.log(observed / (_sum_back(expected, first_lag, last_lag) + 5.0))
    ratio[:, :last_lag] = 0.0
    return np.clip(ratio, -1.0, 1.0)


def _level_gain(counts: FloatArray, expected: FloatArray) -> FloatArray:
    """Regress each week's level on the weeks before it, shrunk to 0, within [0, 1]."""
    first = _LEVEL_DAYS[1]
    before = _level_ratio(counts, expected)[:, first:]
    week = _sum_back(expected, 0, 6)
    now = np.clip(np.log((_sum_back(counts, 0, 6) + 5.0) / (week + 5.0)), -0.7, 0.7)[:, first:]
    weight = week[:, first:]
    covariance = (weight * before * now).sum(axis=1)
    variance = (weight * before**2).sum(axis=1) + 0.15 * weight.mean(axis=1) + 1e-9
    gain: FloatArray = np.clip(covariance / variance, 0.0, 1.0)
    return gain


def _shift_level(counts: FloatArray, expected: FloatArray, gain: FloatArray) -> FloatArray:
    """Follow the level of recent weeks as far as the series' history says it lasts."""
    shifted: FloatArray = expected * np.exp(gain[:, None] * _level_ratio(counts, expected))
    return shifted


def _window_scores(
    counts: FloatArray, expected: FloatArray, log_mean_variance: FloatArray, dispersion: FloatArray
) -> list[FloatArray]:
    """Return the mid-p score of every day's windows."""
    scores = []
    for n_days in WINDOWS_DAYS:
        mean = _sum_back(expected, 0, n_days - 1)
        variance = _sum_back(log_mean_variance * expected, 0, n_days - 1) / np.maximum(mean, 1e-9)
        size = predictive_size(mean, dispersion[:, None], variance)
        z = z_score(mid_p(_sum_back(counts, 0, n_days - 1), mean, size))
        z[:, : n_days - 1] = 0.0
        scores.append(np.clip(z, -8.0, _Z_BOUND))
    return scores


def _spread(z: FloatArray) -> FloatArray:
    """Measure the scale of a quiet series' scores; never above 1, lest it hide surges."""
    if z.shape[1] < 30:
        return np.ones(len(z))
    upper = np.quantile(z, 0.95, axis=1) / 1.645
    middle = np.sqrt((np.minimum(z, 2.0) ** 2).mean(axis=1))
    spread: FloatArray = np.clip(np.maximum(upper, middle), 0.4, 1.0)
    return spread
