"""Thresholds that keep a promise, and how well confidence matches the error."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

from models.decision import Thresholds
from training.config import ConfidenceConfig

Floats = NDArray[np.float64]
N_BINS = 10
NEVER = 1.01
"""A threshold no confidence reaches: without enough data nothing is promised."""


@dataclass(frozen=True, slots=True)
class RiskCoverage:
    """Error among the most confident answers, for every share of answers.

    `coverage` and `risk` are arrays of the same length, coverage rising from near 0 to 1.
    """

    coverage: Floats
    risk: Floats


def choose_thresholds(
    probabilities: NDArray[np.float32],
    target: NDArray[np.int64],
    config: ConfidenceConfig,
    task: str,
    weights: NDArray[np.float32] | None = None,
) -> Thresholds:
    """Choose the limits of one task on held-out answers.

    ``auto`` starts at the lowest confidence from which the upper Clopper–Pearson bound of the
    error does not exceed the promise.

    Parameters
    ----------
    probabilities : ndarray of shape (n_texts, n_labels)
    target : ndarray of shape (n_texts,)
        Index of the right label.
    weights : ndarray of shape (n_labels,), optional
        How much more often each label will occur where the model works; rows of that label weigh
        as much, and the bound counts with their effective number (Kish 1965).

    References
    ----------
    Clopper and Pearson (1934), Biometrika 26; Geifman and El-Yaniv (2017), NeurIPS.
    """
    confidence = probabilities.max(axis=1).astype(float)
    ordered = np.sort(probabilities, axis=1)
    wrong = probabilities.argmax(axis=1) != target
    clear = ordered[:, -1] - ordered[:, -2] >= config.margin
    row_weights = np.ones(len(target)) if weights is None else weights[target].astype(float)
    auto = _lowest_safe(confidence[clear], wrong[clear], row_weights[clear], config)
    auto = max(auto, config.min_auto.get(task, 0.0), config.review)
    precaution = config.precaution.get(task, NEVER)
    return Thresholds(
        config.promised_error, round(auto, 4), config.review, config.margin, precaution
    )


def _lowest_safe(
    confidence: Floats, wrong: NDArray[np.bool_], weights: Floats, config: ConfidenceConfig
) -> float:
    order = np.argsort(-confidence, kind="stable")
    total = np.cumsum(weights[order])
    n = total**2 / np.cumsum(weights[order] ** 2)
    errors = np.cumsum(weights[order] * wrong[order]) / total * n
    bounds = upper_bound(errors, n, config.bound)
    safe = np.flatnonzero(bounds <= config.promised_error)
    return float(confidence[order][safe[-1]]) if len(safe) else NEVER


def upper_bound(errors: NDArray[Any], n: NDArray[Any], level: float) -> Floats:
    """Give the one-sided upper Clopper–Pearson bound of an error share.

    Examples
    --------
    >>> float(upper_bound(np.array([0]), np.array([58]), 0.95)[0].round(3))
    0.05
    """
    bounds: Floats = np.where(
        errors >= n, 1.0, beta.ppf(level, errors + 1, np.maximum(n - errors, 1e-9))
    )
    return bounds


def risk_coverage(confidence: Floats, wrong: NDArray[np.bool_]) -> RiskCoverage:
    """Give the error among the most confident answers, for every share of answers.

    Examples
    --------
    >>> curve = risk_coverage(np.array([0.9, 0.5]), np.array([False, True]))
    >>> curve.coverage.tolist(), curve.risk.tolist()
    ([0.5, 1.0], [0.0, 0.5])
    """
    order = np.argsort(-confidence, kind="stable")
    n = np.arange(1, len(order) + 1)
    return RiskCoverage(n / len(order), np.cumsum(wrong[order]) / n)


def calibration_error(confidence: Floats, wrong: NDArray[np.bool_]) -> float:
    """Give the expected calibration error of the chosen label, in ten bins of equal mass.

    References
    ----------
    Naeini, Cooper and Hauskrecht (2015), AAAI.

    Examples
    --------
    >>> wrong = np.tile([True] + [False] * 9, 10)
    >>> round(calibration_error(np.full(100, 0.9), wrong), 6)
    0.0
    """
    order = np.argsort(confidence, kind="stable")
    gaps = [
        abs(confidence[part].mean() - (1 - wrong[part].mean())) * len(part)
        for part in np.array_split(order, min(N_BINS, len(order)))
    ]
    return float(sum(gaps) / len(order))


def brier_score(probabilities: NDArray[np.float32], target: NDArray[np.int64]) -> float:
    """Give the Brier score over all labels: 0 is perfect, 2 the worst (Brier 1950)."""
    ideal = np.zeros_like(probabilities)
    ideal[np.arange(len(target)), target] = 1
    return float(((probabilities - ideal) ** 2).sum(axis=1).mean())
