"""How unlikely a count is: negative-binomial predictive tails, in mid-p form."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betainc, erfc, gammainc, ndtri

FloatArray = NDArray[np.float64]

_SMALLEST_P = 1e-300
_LARGEST_SIZE = 1e7


def predictive_size(
    mean: ArrayLike, dispersion: ArrayLike, log_mean_variance: ArrayLike = 0.0
) -> FloatArray:
    """Return the size of the negative binomial that predicts the next count.

    The count varies with variance ``dispersion * mean`` around a mean that is itself only
    estimated; both go into one negative binomial with the same first two moments.

    Parameters
    ----------
    mean : array_like
        Expected counts, positive.
    dispersion : array_like
        Variance over mean, 1 for Poisson counts; values below 1 count as 1.
    log_mean_variance : array_like, default=0
        Squared standard error of the logarithm of the mean.

    Returns
    -------
    ndarray of float
        The size r, so that the variance is ``mean + mean**2 / r``.

    Examples
    --------
    >>> predictive_size(10.0, 3.0).item()
    5.0
    """
    mean = np.maximum(np.asarray(mean, dtype=np.float64), 1e-12)
    extra = np.maximum(np.asarray(dispersion, dtype=np.float64) - 1.0, 0.0) * mean
    extra = extra + mean**2 * np.expm1(np.minimum(np.asarray(log_mean_variance), 3.0))
    with np.errstate(divide="ignore"):
        return np.asarray(np.minimum(mean**2 / extra, _LARGEST_SIZE), dtype=np.float64)


def reach_probability(observed: ArrayLike, mean: ArrayLike, size: ArrayLike) -> FloatArray:
    """Return the chance that a negative binomial count reaches `observed` or more.

    Parameters
    ----------
    observed : array_like of int
        Counts; 0 or less is always reached.
    mean, size : array_like
        Mean and size of the distribution; a size of 1e7 or more is taken as Poisson.

    Returns
    -------
    ndarray of float
        Probabilities in [0, 1].

    Examples
    --------
    >>> round(reach_probability(3, 1.0, 1e9).item(), 4)
    0.0803
    """
    observed = np.asarray(observed, dtype=np.float64)
    mean = np.maximum(np.asarray(mean, dtype=np.float64), 1e-12)
    size = np.asarray(size, dtype=np.float64)
    at_least_one = np.maximum(observed, 1.0)
    poisson = gammainc(at_least_one, mean)
    negative_binomial = betainc(at_least_one, np.minimum(size, _LARGEST_SIZE), mean / (mean + size))
    tail = np.where(size >= _LARGEST_SIZE, poisson, negative_binomial)
    return np.where(observed <= 0, 1.0, tail)


def mid_p(observed: ArrayLike, mean: ArrayLike, size: ArrayLike) -> FloatArray:
    """Return the mid-p value: the chance of more, plus half the chance of exactly as many.

    Parameters
    ----------
    observed : array_like of int
        Counts, 0 or more.
    mean, size : array_like
        Mean and size of the predictive distribution.

    Returns
    -------
    ndarray of float
        Values in (0, 1]; the mean over the distribution is exactly one half.

    Examples
    --------
    >>> round(mid_p(0, 0.5, 1e9).item(), 4)
    0.6967
    """
    observed = np.asarray(observed, dtype=np.float64)
    reach = reach_probability(observed, mean, size)
    exceed = reach_probability(observed + 1.0, mean, size)
    return np.clip(0.5 * (reach + exceed), _SMALLEST_P, 1.0)


def count_interval(mean: float, size: float, *, share: float = 0.95) -> tuple[float, float]:
    """Return the interval that holds a predicted count with the given probability.

    Parameters
    ----------
    mean, size : float
        Of the negative binomial.
    share : float, default=0.95
        Probability inside.

    Returns
    -------
    low, high : float
        Whole numbers.

    Examples
    --------
    >>> count_interval(10.0, 1e9)
    (4.0, 17.0)
    """
    tail = (1.0 - share) / 2.0
    low = high = 0
    while reach_probability(low + 1, mean, size) >= 1.0 - tail:
        low += max(1, low // 16)
    high = low
    while reach_probability(high + 1, mean, size) > tail:
        high += max(1, high // 16)
    return float(low), float(high)


def z_score(p_value: ArrayLike) -> FloatArray:
    """Turn one-sided p-values into standard normal scores, high for surprising counts.

    Examples
    --------
    >>> round(z_score(0.005).item(), 3)
    2.576
    """
    return np.asarray(-ndtri(np.clip(p_value, _SMALLEST_P, 1.0 - 1e-16)), dtype=np.float64)


def upper_tail(z: float) -> float:
    """Return the chance that a standard normal variable exceeds `z`.

    Examples
    --------
    >>> round(upper_tail(2.576), 3)
    0.005
    """
    return float(0.5 * erfc(z / math.sqrt(2.0)))
