"""Rules of the log-linear count models."""

import numpy as np

from triage.count_model import fit_counts


def test_a_trend_is_found_again():
    rng = np.random.default_rng(7)
    weeks = np.arange(400)
    design = np.stack([np.ones(400), weeks / 100.0], axis=1)
    counts = rng.poisson(np.exp(2.0 + 0.3 * design[:, 1]), (20, 400)).astype(float)
    model = fit_counts(counts, design, prior_precision=np.zeros(2))
    assert np.abs(model.coefficients[:, 1] - 0.3).mean() < 0.03
    assert np.abs(model.dispersion - 1.0).mean() < 0.1


def test_past_surges_are_weighed_down():
    rng = np.random.default_rng(8)
    counts = rng.poisson(5.0, (10, 200)).astype(float)
    counts[:, 50:56] += 40
    model = fit_counts(counts, np.ones((200, 1)), prior_precision=np.zeros(1))
    assert np.exp(model.coefficients[:, 0]).mean() < 5.4


def test_a_series_of_zeros_is_solvable():
    model = fit_counts(np.zeros((1, 80)), np.ones((80, 1)), prior_precision=np.zeros(1))
    assert model.expect(np.ones((1, 1)))[0].item() < 0.05
