"""Hourly surge test of live streams: windows of 6 to 48 hours against the usual week."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from triage.packing import pack, unpack
from triage.tails import mid_p, predictive_size, z_score

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

WINDOWS_HOURS = (3, 6, 12, 24, 48)
HOURS_PER_WEEK = 168

_LEFT_OUT_HOURS = 24
_HALF_LIFE_DAYS = 14.0
_PROFILE_PRIOR = 30.0
_COMMON_PRIOR = 60.0
_Z_BOUND = 12.0

_DAY_SHARES = np.array([1.0, 1.0, 1.0, 1.0, 0.5])
"""How much of a whole day's own deviation each window carries."""


@dataclass(frozen=True, slots=True)
class HourlyBaseline:
    """What each cell is expected to receive at each hour of the week.

    Attributes
    ----------
    rate : ndarray of shape (n_cells, 168)
        Expected complaints in each hour of the week, from Monday 0:00.
    log_rate_variance : ndarray of shape (n_cells,)
        Squared standard error of the logarithm of the level.
    dispersion : ndarray of shape (n_cells,)
        Variance over mean within a day.
    day_variance : float
        Squared relative deviation that whole days have beyond that.
    n_weeks : float
        Weeks that were learnt from; below 4 the history is short.
    """

    rate: FloatArray
    log_rate_variance: FloatArray
    dispersion: FloatArray
    day_variance: float
    n_weeks: float

    def state(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "rate": pack(self.rate),
            "log_rate_variance": pack(self.log_rate_variance),
            "dispersion": pack(self.dispersion),
            "day_variance": self.day_variance,
            "n_weeks": self.n_weeks,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> HourlyBaseline:
        """Undo `state`."""
        return cls(
            unpack(state["rate"]),
            unpack(state["log_rate_variance"]),
            unpack(state["dispersion"]),
            state["day_variance"],
            state["n_weeks"],
        )


def learn_hours(
    counts: FloatArray,
    week_hour: IntArray,
    *,
    weights: FloatArray | None = None,
    half_life_days: float = _HALF_LIFE_DAYS,
) -> HourlyBaseline:
    """Learn level, weekly profile and dispersion of every cell.

    Parameters
    ----------
    counts : ndarray of shape (n_cells, n_hours)
        Past hours, oldest first; `n_hours` is a multiple of 24.
    week_hour : ndarray of int, shape (n_hours,)
        Hour of the week that each hour behaves like: a holiday like a Sunday, a worked Saturday
        like a weekday.
    weights : ndarray of shape (n_cells, n_hours // 24), optional
        0 for days not to learn from, such as confirmed surges.
    half_life_days : float, default=14
        How fast the level forgets.

    Returns
    -------
    HourlyBaseline
        The last 24 hours are left out of the level.
    """
    n_cells, n_hours = counts.shape
    n_days = n_hours // 24
    known = np.ones((n_cells, n_days)) if weights is None else weights
    shape = _weekly_shape(counts, week_hour)
    expected_shape = shape[:, week_hour]
    daily = counts.reshape(n_cells, n_days, 24).sum(axis=2)
    daily_shape = expected_shape.reshape(n_cells, n_days, 24).sum(axis=2)
    usable = known.copy()
    usable[:, n_days - _LEFT_OUT_HOURS // 24 :] = 0.0
    age = np.arange(n_days, 0, -1, dtype=np.float64)
    fading = 0.5 ** (age / half_life_days)
    level, weight = _robust_level(daily, daily_shape, usable * fading, usable)
    rate = level[:, None] * shape
    day_mean = level[:, None] * daily_shape
    common = _common_days(daily, day_mean)
    dispersion, day_variance = _spreads(counts, rate[:, week_hour], day_mean * common, weight > 0)
    seen = (weight * daily).sum(axis=1)
    effective = (
        np.maximum(seen, 0.3)
        * weight.sum(axis=1)
        / np.maximum((weight**2).sum(axis=1), 1e-9)
        / np.maximum(weight.sum(axis=1), 1e-9)
    )
    variance = dispersion / np.maximum(effective, 0.3) + day_variance / np.maximum(
        weight.sum(axis=1), 1.0
    )
    return HourlyBaseline(rate, variance, dispersion, day_variance, n_hours / HOURS_PER_WEEK)


@dataclass(frozen=True, slots=True)
class HourlyScores:
    """Scores of the last hours, one row per window.

    Attributes
    ----------
    z : ndarray of shape (n_windows, n_cells, n_hours)
        Mid-p scores.
    expected, observed, size : ndarray of shape (n_windows, n_cells, n_hours)
        Means, counts and negative-binomial sizes of the windows.
    """

    z: FloatArray
    expected: FloatArray
    observed: FloatArray
    size: FloatArray


def score_hours(
    baseline: HourlyBaseline, counts: FloatArray, week_hour: IntArray, *, n_hours: int
) -> HourlyScores:
    """Score windows that end in each of the last hours.

    The platform's common factor, estimated from all other cells over the same window, is divided
    out, so that a busy day is not three hundred surges.

    Parameters
    ----------
    baseline : HourlyBaseline
        From `learn_hours`.
    counts : ndarray of shape (n_cells, n_counted)
        Recent hours, oldest first, at least 48 before the first scored one.
    week_hour : ndarray of int, shape (n_counted,)
        As in `learn_hours`.
    n_hours : int
        How many of the last hours to score.

    Returns
    -------
    HourlyScores
        For the windows of `WINDOWS_HOURS`.
    """
    observed = _window_sums(counts, n_hours)
    usual = _window_sums(baseline.rate[:, week_hour], n_hours)
    factor, factor_variance = common_factor(observed, usual, baseline.dispersion)
    mean = usual * factor
    spread = baseline.day_variance * _DAY_SHARES[:, None, None]
    profile = 1.0 / (usual * baseline.n_weeks + _PROFILE_PRIOR)
    variance = baseline.log_rate_variance[:, None] + factor_variance + spread + profile
    size = predictive_size(mean, baseline.dispersion[:, None], variance)
    z = np.clip(z_score(mid_p(observed, mean, size)), -8.0, _Z_BOUND)
    return HourlyScores(z, mean, observed, size)


def common_factor(
    observed: FloatArray, expected: FloatArray, dispersion: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Estimate what all other cells have in common, surges among them bounded.

    Parameters
    ----------
    observed, expected : ndarray of shape (..., n_cells, n_hours)
        Counts and means of windows.
    dispersion : ndarray of shape (n_cells,)
        Variance over mean.

    Returns
    -------
    factor, log_variance : ndarray of shape (..., n_cells, n_hours)
        Near 1 when the others are few, and its uncertainty.

    Examples
    --------
    >>> one, many = np.array([[30.0]]), np.full((9, 1), 200.0)
    >>> observed = np.concatenate([one, 1.2 * many])
    >>> expected = np.concatenate([one, many])
    >>> bool(common_factor(observed, expected, np.ones(10))[0][0, 0] > 1.15)
    True
    """
    if observed.shape[-2] == 1:
        return np.ones_like(expected), np.zeros_like(expected)
    total = observed.sum(axis=-2, keepdims=True) + _COMMON_PRIOR
    first = total / (expected.sum(axis=-2, keepdims=True) + _COMMON_PRIOR)
    usual = expected * first
    bound = usual + 2.5 * np.sqrt(dispersion[:, None] * usual + 0.02 * usual**2)
    bounded = np.minimum(observed, bound)
    others_observed = bounded.sum(axis=-2, keepdims=True) - bounded + _COMMON_PRIOR
    others_expected = expected.sum(axis=-2, keepdims=True) - expected + _COMMON_PRIOR
    return others_observed / others_expected, 1.0 / others_expected


def _window_sums(values: FloatArray, n_hours: int) -> FloatArray:
    """Sum the windows that end in each of the last hours, one row of windows first."""
    total = np.zeros((len(values), values.shape[1] + 1))
    np.cumsum(values, axis=1, out=total[:, 1:])
    ends = np.arange(values.shape[1] - n_hours + 1, values.shape[1] + 1)
    begins = np.maximum(ends - np.array(WINDOWS_HOURS)[:, None], 0)
    sums: FloatArray = total[:, ends][None] - total[:, begins].transpose(1, 0, 2)
    return sums


def _weekly_shape(counts: FloatArray, week_hour: IntArray) -> FloatArray:
    """Return each cell's profile over the week, mean 1.

    Each step is shrunk to the one before: a flat day, the hours of the day on working days and on
    weekends, the hours of the week of all cells, those of the cell.
    """
    hits = np.bincount(week_hour, minlength=HOURS_PER_WEEK).astype(np.float64)
    sums = np.zeros((HOURS_PER_WEEK, len(counts)))
    np.add.at(sums, week_hour, counts.T)
    own = sums.T
    total = own.sum(axis=0)
    rate = (total.sum() + 0.1) / max(hits.sum(), 1.0)
    pooled = np.full(HOURS_PER_WEEK, rate)
    for fold in (_fold_day_types, _smooth):
        pooled = (
            pooled * (fold(total) + _PROFILE_PRIOR / 3) / (fold(pooled * hits) + _PROFILE_PRIOR / 3)
        )
    pooled = pooled / pooled.mean()
    cell_rate = (own.sum(axis=1) + 0.1) / np.maximum((pooled * hits).sum(), 1e-9)
    expected = cell_rate[:, None] * pooled * hits
    shape = pooled * (_smooth(own) + _PROFILE_PRIOR / 7) / (_smooth(expected) + _PROFILE_PRIOR / 7)
    normed: FloatArray = shape / shape.mean(axis=1, keepdims=True)
    return normed


def _fold_day_types(values: FloatArray) -> FloatArray:
    """Average the hours of the day over working days and over weekends, smoothed."""
    days = values.reshape(7, 24)
    workday, weekend = days[:5].sum(axis=0), days[5:].sum(axis=0)
    return np.concatenate([np.tile(workday, 5), np.tile(weekend, 2)])


def _smooth(values: FloatArray) -> FloatArray:
    """Average neighbouring hours of the week."""
    return 0.5 * values + 0.25 * (np.roll(values, 1, axis=-1) + np.roll(values, -1, axis=-1))


def _robust_level(
    daily: FloatArray, daily_shape: FloatArray, weight: FloatArray, usable: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the level of each cell and the weights of its days, past surges weighed down."""
    level = np.zeros(len(daily))
    used = weight
    for _ in range(3):
        exposure = (used * daily_shape).sum(axis=1)
        level = ((used * daily).sum(axis=1) + 0.05) / (exposure + 1e-6)
        mean = level[:, None] * daily_shape
        squares = usable * (daily - mean) ** 2 / np.maximum(mean, 0.05)
        bounded = np.minimum(squares, 12.0)
        spread = np.maximum(bounded.sum(axis=1) / np.maximum(usable.sum(axis=1), 1.0), 1.0)
        residual = 1.5 * (daily ** (2 / 3) - mean ** (2 / 3)) / np.maximum(mean, 0.05) ** (1 / 6)
        residual = residual / np.sqrt(spread)[:, None]
        used = weight * np.where(residual > 2.58, np.maximum(residual, 1.0) ** -2.0, 1.0)
    return level, used


def _common_days(daily: FloatArray, day_mean: FloatArray) -> FloatArray:
    """Return what all cells had in common on each past day."""
    total = (daily.sum(axis=0) + _COMMON_PRIOR) / (day_mean.sum(axis=0) + _COMMON_PRIOR)
    return total if len(daily) > 1 else np.ones(daily.shape[1])


def _spreads(
    counts: FloatArray, hourly_mean: FloatArray, day_mean: FloatArray, usable: NDArray[np.bool_]
) -> tuple[FloatArray, float]:
    """Estimate variance over mean within days, shrunk to the pooled one, and of whole days."""
    n_cells, n_days = day_mean.shape
    daily = counts.reshape(n_cells, n_days, 24).sum(axis=2)
    profile = hourly_mean.reshape(n_cells, n_days, 24)
    given_day = profile * (daily / np.maximum(profile.sum(axis=2), 1e-9))[:, :, None]
    parts = counts.reshape(n_cells, n_days, 4, 6).sum(axis=3)
    part_mean = given_day.reshape(n_cells, n_days, 4, 6).sum(axis=3)
    squares = np.minimum((parts - part_mean) ** 2 / np.maximum(part_mean, 0.2), 20.0).sum(axis=2)
    busy = usable & (daily >= 2)
    freedom = 3.0 * busy.sum(axis=1)
    pooled = (squares * busy).sum() / max(freedom.sum(), 1.0)
    prior = 60.0
    dispersion = ((squares * busy).sum(axis=1) + prior * max(pooled, 1.0)) / (freedom + prior)
    dispersion = np.maximum(dispersion, 1.0)
    bounded = np.minimum(
        (daily - day_mean) ** 2, 9.0 * (dispersion[:, None] * day_mean + 0.03 * day_mean**2)
    )
    extra = (bounded - dispersion[:, None] * day_mean) * usable / np.maximum(day_mean, 1e-9)
    scale = (day_mean * usable).sum()
    return dispersion, float(np.clip(extra.sum() / max(scale, 1e-9), 0.0, 0.25))
