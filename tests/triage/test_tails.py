"""Rules of the predictive tails."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import nbinom, poisson

from triage.tails import (
    count_interval,
    mid_p,
    predictive_size,
    reach_probability,
    upper_tail,
    z_score,
)


@pytest.mark.parametrize("observed", [0, 1, 4, 30])
def test_tails_agree_with_scipy(observed):
    expected = nbinom.sf(observed - 1, 3.0, 3.0 / 8.0)
    assert reach_probability(observed, 5.0, 3.0) == pytest.approx(expected)
    assert reach_probability(observed, 5.0, 1e9) == pytest.approx(poisson.sf(observed - 1, 5.0))


def test_the_mean_mid_p_is_one_half():
    counts = np.arange(400)
    weights = nbinom.pmf(counts, 3.0, 3.0 / 8.0)
    assert (weights * mid_p(counts, 5.0, 3.0)).sum() == pytest.approx(0.5, abs=1e-6)


def test_an_uncertain_mean_widens_the_prediction():
    assert predictive_size(10.0, 2.0, 0.1) < predictive_size(10.0, 2.0)


@given(st.integers(0, 200), st.floats(0.01, 100), st.floats(0.1, 1e8))
def test_one_more_complaint_is_never_less_surprising(observed, mean, size):
    assert mid_p(observed + 1, mean, size) <= mid_p(observed, mean, size) + 1e-12


def test_the_interval_holds_its_share():
    low, high = count_interval(10.0, 5.0)
    inside = reach_probability(low, 10.0, 5.0) - reach_probability(high + 1, 10.0, 5.0)
    assert inside >= 0.94


def test_scores_and_tails_undo_each_other():
    assert upper_tail(float(z_score(0.001))) == pytest.approx(0.001)
