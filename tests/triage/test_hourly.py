"""Rules of the hourly surge test."""

import numpy as np
import pytest

from triage.hourly import WINDOWS_HOURS, common_factor, learn_hours, score_hours
from triage.vigilance import (
    benjamini_hochberg,
    combine_windows,
    false_per_cell_day,
    threshold_for,
)

N_HOURS = 24 * 7 * 8
HOUR = np.arange(N_HOURS + 72) % 168


@pytest.fixture(scope="module")
def counts():
    rng = np.random.default_rng(3)
    rate = np.where((HOUR % 24 >= 8) & (HOUR % 24 < 20), 2.0, 0.3)
    return rng.poisson(rate, (40, len(HOUR))).astype(float)


@pytest.fixture(scope="module")
def baseline(counts):
    return learn_hours(counts[:, :N_HOURS], HOUR[:N_HOURS])


def test_the_profile_is_learnt(baseline):
    assert baseline.rate[:, 10].mean() == pytest.approx(2.0, rel=0.15)
    assert baseline.rate[:, 3].mean() == pytest.approx(0.3, rel=0.3)
    assert baseline.n_weeks == 8


def test_quiet_hours_score_low(baseline, counts):
    scores = score_hours(baseline, counts[:, -72:], HOUR[-72:], n_hours=20)
    assert (combine_windows(scores.z) > threshold_for(0.001)).mean() < 0.01


def test_a_surge_is_seen_within_hours(baseline, counts):
    surge = counts[:, -72:].copy()
    surge[0, -6:] += 5
    scores = combine_windows(score_hours(baseline, surge, HOUR[-72:], n_hours=1).z)[:, 0]
    assert scores[0] > 6.0
    assert scores[1:].max() < 5.0


def test_a_busy_day_of_the_whole_platform_is_no_surge(baseline, counts):
    busy = counts[:, -72:].copy()
    busy[:, -24:] = np.round(busy[:, -24:] * 1.8)
    scores = combine_windows(score_hours(baseline, busy, HOUR[-72:], n_hours=1).z)
    assert (scores > threshold_for(0.001)).sum() <= 1


def test_a_confirmed_surge_is_not_learnt(counts):
    struck = counts[:, :N_HOURS].copy()
    struck[0, -24 * 8 :] *= 6
    weights = np.ones((40, N_HOURS // 24))
    weights[0, -8:] = 0.0
    without = learn_hours(struck, HOUR[:N_HOURS], weights=weights)
    quiet = learn_hours(counts[:, :N_HOURS], HOUR[:N_HOURS])
    assert without.rate[0].sum() < 1.5 * quiet.rate[0].sum()


def test_alone_there_is_no_common_factor():
    factor, variance = common_factor(np.ones((1, 1)), np.ones((1, 1)), np.ones(1))
    assert factor.item() == 1.0
    assert variance.item() == 0.0


def test_thresholds_and_rates_undo_each_other():
    assert false_per_cell_day(threshold_for(0.01)) == pytest.approx(0.01)
    assert len(WINDOWS_HOURS) == 5


def test_more_discoveries_are_allowed_among_many_small_p_values():
    many = np.concatenate([np.full(10, 0.02), np.full(10, 0.9)])
    assert benjamini_hochberg(many, q=0.05).sum() == 10
    assert not benjamini_hochberg([0.02, *[0.9] * 19], q=0.05).any()
    assert benjamini_hochberg([], q=0.05).shape == (0,)
