"""Log-linear models of many count series at once, robust against past surges."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class CountModel:
    """What was fitted: one log-linear mean and one dispersion for each series.

    Attributes
    ----------
    coefficients : ndarray of shape (n_series, n_terms)
        On the log scale.
    covariance : ndarray of shape (n_series, n_terms, n_terms)
        Of the coefficients, dispersion included.
    dispersion : ndarray of shape (n_series,)
        Variance over mean, at least 1.
    """

    coefficients: FloatArray
    covariance: FloatArray
    dispersion: FloatArray

    def expect(self, design: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Predict means for new periods.

        Parameters
        ----------
        design : ndarray of shape (n_periods, n_terms)
            Terms of the periods to predict.

        Returns
        -------
        mean, log_mean_variance : ndarray of shape (n_series, n_periods)
            Expected counts and the squared standard errors of their logarithms.
        """
        eta = self.coefficients @ design.T
        variance = np.einsum("tp,spq,tq->st", design, self.covariance, design, optimize=True)
        return np.exp(np.clip(eta, -20.0, 20.0)), np.maximum(variance, 0.0)


def fit_counts(
    counts: FloatArray,
    design: FloatArray,
    *,
    prior_precision: FloatArray,
    weights: FloatArray | None = None,
    start: CountModel | None = None,
    n_robust_rounds: int = 3,
    n_steps: int = 4,
    outlier_z: float = 2.58,
) -> CountModel:
    """Fit quasi-Poisson means to many series, weighing past surges down.

    Periods whose standardised Anscombe residual exceeds `outlier_z` get the weight
    ``residual ** -2``, as in Farrington Flexible; only surges are weighed down, lulls are not.

    Parameters
    ----------
    counts : ndarray of shape (n_series, n_periods)
        Observed counts.
    design : ndarray of shape (n_periods, n_terms)
        First column 1, then whatever explains the mean.
    prior_precision : ndarray of shape (n_terms,)
        Strength of a normal prior around 0 for each term; 0 leaves a term free.
    weights : ndarray of shape (n_series, n_periods) or (n_periods,), optional
        Known weights, 0 for periods not to learn from.
    start : CountModel, optional
        An earlier fit to start from; saves steps.
    n_robust_rounds, n_steps : int
        Rounds of re-weighting, and Newton steps within each.
    outlier_z : float, default=2.58
        From where on a period counts as a past surge.

    Returns
    -------
    CountModel
        One row per series.

    References
    ----------
    Farrington et al. (1996), A statistical algorithm for the early detection of outbreaks of
    infectious disease. Noufaily et al. (2013), An improved algorithm for outbreak detection in
    multiple surveillance systems. Statistics in Medicine 32, 1206-1222.

    Examples
    --------
    >>> counts = np.array([[4.0, 6.0, 5.0, 5.0]])
    >>> model = fit_counts(counts, np.ones((4, 1)), prior_precision=np.zeros(1))
    >>> round(model.expect(np.ones((1, 1)))[0].item(), 3)
    5.0
    """
    n_terms = design.shape[1]
    known = np.ones_like(counts) if weights is None else np.broadcast_to(weights, counts.shape)
    products = (design[:, :, None] * design[:, None, :]).reshape(len(design), n_terms * n_terms)
    ridge = np.diag(prior_precision)
    beta = _first_guess(counts, known, n_terms) if start is None else start.coefficients.copy()
    weight = known
    for round_ in range(n_robust_rounds):
        for _ in range(n_steps):
            beta = _newton_step(beta, counts, design, products, weight, ridge)
        mean = np.exp(np.clip(beta @ design.T, -20.0, 20.0))
        dispersion = _dispersion(counts, mean, weight, n_terms)
        if round_ < n_robust_rounds - 1:
            weight = known * _surge_weights(counts, mean, dispersion, outlier_z)
    information = ((weight * mean) @ products).reshape(-1, n_terms, n_terms)
    covariance = np.linalg.inv(information / dispersion[:, None, None] + ridge + _tiny(n_terms))
    return CountModel(beta, np.asarray(covariance, dtype=np.float64), dispersion)


def _first_guess(counts: FloatArray, weight: FloatArray, n_terms: int) -> FloatArray:
    """Start from the overall mean, without any other term."""
    beta = np.zeros((len(counts), n_terms))
    total = np.maximum(weight.sum(axis=1), 1.0)
    beta[:, 0] = np.log(((weight * counts).sum(axis=1) + 0.1) / total)
    return beta


def _newton_step(
    beta: FloatArray,
    counts: FloatArray,
    design: FloatArray,
    products: FloatArray,
    weight: FloatArray,
    ridge: FloatArray,
) -> FloatArray:
    """Move every series one bounded Newton step up its penalised likelihood."""
    n_terms = design.shape[1]
    mean = np.exp(np.clip(beta @ design.T, -20.0, 20.0))
    weighted = weight * mean
    score = (weight * counts - weighted) @ design - beta @ ridge
    information = (weighted @ products).reshape(-1, n_terms, n_terms) + ridge + _tiny(n_terms)
    step = np.linalg.solve(information, score[:, :, None])[:, :, 0]
    moved: FloatArray = beta + np.clip(step, -1.5, 1.5)
    return moved


def _tiny(n_terms: int) -> FloatArray:
    """Keep a series of zeros solvable."""
    return 1e-6 * np.eye(n_terms)


def _dispersion(
    counts: FloatArray, mean: FloatArray, weight: FloatArray, n_terms: int
) -> FloatArray:
    """Estimate variance over mean from weighted Pearson residuals."""
    squares = weight * (counts - mean) ** 2 / np.maximum(mean, 1e-9)
    freedom = np.maximum(weight.sum(axis=1) - n_terms, 1.0)
    value: FloatArray = np.maximum(squares.sum(axis=1) / freedom, 1.0)
    return value


def _surge_weights(
    counts: FloatArray, mean: FloatArray, dispersion: FloatArray, outlier_z: float
) -> FloatArray:
    """Give periods with far too many cases a small weight."""
    anscombe = 1.5 * (counts ** (2 / 3) * mean ** (-1 / 6) - mean**0.5)
    residual = anscombe / np.sqrt(dispersion)[:, None]
    return np.where(residual > outlier_z, np.maximum(residual, 1e-9) ** -2.0, 1.0)
