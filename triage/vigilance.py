"""How many false alerts a threshold costs, and which of many tests may speak."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri

FloatArray = NDArray[np.float64]

WINDOW_HANDICAPS = np.array([0.8, 0.6, 0.2, -0.5, -0.4])
"""Subtracted from the hourly windows' scores (3, 6, 12, 24, 48 h): short ones are many tests."""

_TESTS_PER_CELL_DAY = 5.5
"""Independent tests that one cell's day of hourly windows amounts to, measured by simulation."""


def combine_windows(z: FloatArray) -> FloatArray:
    """Return the score of the most surprising window.

    Parameters
    ----------
    z : ndarray of shape (n_windows, ...)
        Scores of the hourly windows.

    Returns
    -------
    ndarray of shape (...)
        The largest, after each window's handicap.
    """
    handicap = WINDOW_HANDICAPS.reshape(-1, *[1] * (z.ndim - 1))
    best: FloatArray = (z - handicap).max(axis=0)
    return best


def threshold_for(false_per_cell_day: float) -> float:
    """Return the hourly score that a quiet cell exceeds this often a day.

    Parameters
    ----------
    false_per_cell_day : float
        Promised false alert episodes per cell and day.

    Returns
    -------
    float
        For scores of `combine_windows`.
    """
    return float(-ndtri(min(false_per_cell_day / _TESTS_PER_CELL_DAY, 0.5)))


def false_per_cell_day(score: ArrayLike) -> FloatArray:
    """Return how often a day a quiet cell exceeds such an hourly score; undoes `threshold_for`."""
    return np.asarray(_TESTS_PER_CELL_DAY * ndtr(-np.asarray(score, dtype=np.float64)))


def benjamini_hochberg(p_values: ArrayLike, *, q: float) -> NDArray[np.bool_]:
    """Choose which of many tests may be called discoveries.

    Parameters
    ----------
    p_values : array_like of shape (n_tests,)
        One per test.
    q : float
        Tolerated share of false discoveries.

    Returns
    -------
    ndarray of bool, shape (n_tests,)
        True for a discovery.

    References
    ----------
    Benjamini and Hochberg (1995), Controlling the false discovery rate. Journal of the Royal
    Statistical Society B 57, 289-300.

    Examples
    --------
    >>> benjamini_hochberg([0.001, 0.2, 0.03, 0.9], q=0.1).tolist()
    [True, False, True, False]
    """
    values = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(values)
    bound = q * np.arange(1, len(values) + 1) / max(len(values), 1)
    passed = np.flatnonzero(values[order] <= bound)
    chosen = np.zeros(len(values), dtype=bool)
    if len(passed):
        chosen[order[: passed[-1] + 1]] = True
    return chosen
