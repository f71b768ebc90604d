"""Weekly surge test of long series: trend, two annual waves, and a memory of last week."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.polynomial.hermite_e import hermegauss
from numpy.typing import NDArray
from scipy.special import ndtr

from triage.count_model import CountModel, fit_counts
from triage.tails import mid_p, predictive_size, reach_probability, z_score

FloatArray = NDArray[np.float64]

MIN_WEEKS = 60
"""Weeks of history from which on a season can be told from a trend."""

_WEEKS_PER_YEAR = 52.0
_OUTLIER_Z = 3.0
_OVERDISPERSION_GAIN = 1.05
"""Weighing quiet weeks down makes the rest look steadier: fewer are, and the rest is undone."""

_PRIOR_PRECISION = np.array([0.0, 30.0, 30.0, 30.0, 30.0, 30.0])


@dataclass(frozen=True, slots=True)
class WeekScore:
    """How surprising the newest week is, for each series.

    Attributes
    ----------
    expected, size : ndarray of shape (n_series,)
        Mean and negative-binomial size of the prediction.
    z : ndarray of shape (n_series,)
        Mid-p score; the next week's memory.
    strict_z : ndarray of shape (n_series,)
        Score of the chance to reach the count at all, lower than `z`.
    model : CountModel
        The fit, a start for next week's.
    """

    expected: FloatArray
    size: FloatArray
    z: FloatArray
    strict_z: FloatArray
    model: CountModel


def week_design(n_weeks: int, *, weeks_per_year: float = _WEEKS_PER_YEAR) -> FloatArray:
    """Return the terms of a weekly model: level, trend per 100 weeks, two annual waves.

    Examples
    --------
    >>> week_design(104).shape
    (104, 6)
    """
    week = np.arange(n_weeks, dtype=np.float64)
    angle = 2.0 * np.pi * week / weeks_per_year
    trend = (week - n_weeks) / 100.0
    waves = [wave(k * angle) for k in (1, 2) for wave in (np.cos, np.sin)]
    return np.stack([np.ones(n_weeks), trend, *waves], axis=1)


def score_week(
    counts: FloatArray, *, start: CountModel | None = None, n_left_out: int = 3
) -> WeekScore:
    """Judge the last week of every series by the weeks before.

    Parameters
    ----------
    counts : ndarray of shape (n_series, n_weeks)
        Whole weeks, oldest first; the last one is judged.
    start : CountModel, optional
        Last week's model of the same series; without it the fit starts from scratch.
    n_left_out : int, default=3
        Weeks just before the judged one that are not learnt from, lest a slow surge hide itself.

    Returns
    -------
    WeekScore
        Scores and the new model.

    Raises
    ------
    ValueError
        If there are fewer than `MIN_WEEKS` weeks.

    References
    ----------
    Noufaily et al. (2013), An improved algorithm for outbreak detection in multiple surveillance
    systems. Statistics in Medicine 32, 1206-1222.

    Examples
    --------
    >>> quiet = np.full((1, 80), 5.0)
    >>> quiet[0, -1] = 15.0
    >>> bool(score_week(quiet).z[0] > 3)
    True
    """
    n_weeks = counts.shape[1]
    if n_weeks < MIN_WEEKS:
        raise ValueError(f"counts must cover at least {MIN_WEEKS} weeks, got {n_weeks}")
    design = week_design(n_weeks)
    n_learnt = n_weeks - 1 - n_left_out
    model = fit_counts(
        counts[:, :n_learnt],
        design[:n_learnt],
        prior_precision=_PRIOR_PRECISION,
        start=None if start is None else _moved_on(start),
        n_robust_rounds=4 if start is None else 2,
        n_steps=5 if start is None else 1,
        outlier_z=_OUTLIER_Z,
    )
    mean, log_mean_variance = model.expect(design[-1:])
    expected = mean[:, 0]
    dispersion = 1.0 + _OVERDISPERSION_GAIN * (model.dispersion - 1.0)
    size = predictive_size(expected, dispersion, log_mean_variance[:, 0])
    newest = counts[:, -1]
    z = z_score(mid_p(newest, expected, size))
    strict_z = z_score(reach_probability(newest, expected, size))
    return WeekScore(expected, size, z, strict_z, model)


def remember(z: FloatArray, previous_z: FloatArray, *, memory: float = 0.35) -> FloatArray:
    """Add part of last week's surprise to this week's.

    Parameters
    ----------
    z, previous_z : ndarray
        Scores of this week and of the one before.
    memory : float, default=0.35
        How much of last week counts; more finds more surges, but later.

    Returns
    -------
    ndarray
        ``z + memory * max(previous_z, 0)``.

    Examples
    --------
    >>> remember(np.array([1.0]), np.array([2.0])).tolist()
    [1.7]
    """
    return z + memory * np.maximum(previous_z, 0.0)


def remembered_p(score: FloatArray, *, memory: float = 0.35) -> FloatArray:
    """Return the chance that a quiet series reaches such a remembered score.

    Parameters
    ----------
    score : ndarray
        What `remember` returned, with `strict_z` for this week.
    memory : float, default=0.35
        As in `remember`.

    Returns
    -------
    ndarray
        p-values, for two independent standard normal weeks.

    Examples
    --------
    >>> round(float(remembered_p(np.array([2.7]))[0]), 4)
    0.0063
    """
    nodes, weights = hermegauss(40)
    past = memory * np.maximum(nodes, 0.0)
    tails = ndtr(past[None, :] - np.asarray(score, dtype=np.float64)[..., None])
    p_value: FloatArray = tails @ (weights / weights.sum())
    return p_value


def _moved_on(model: CountModel) -> CountModel:
    """Shift last week's trend origin to this week's."""
    coefficients = model.coefficients.copy()
    coefficients[:, 0] += coefficients[:, 1] / 100.0
    return CountModel(coefficients, model.covariance, model.dispersion)
