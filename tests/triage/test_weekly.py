"""Rules of the weekly surge test."""

from itertools import pairwise

import numpy as np
import pytest

from triage.weekly import remember, remembered_p, score_week


@pytest.fixture(scope="module")
def quiet():
    rng = np.random.default_rng(11)
    week = np.arange(210)
    mean = np.exp(1.5 + 0.001 * week + 0.4 * np.cos(2 * np.pi * week / 52))
    return rng.negative_binomial(mean, 0.5, (400, 210)).astype(float)


def test_quiet_weeks_seldom_alarm(quiet):
    scores = [score_week(quiet[:, : 200 + k]) for k in range(10)]
    p_values = [remembered_p(remember(now.strict_z, before.z)) for before, now in pairwise(scores)]
    assert np.mean(np.array(p_values) < 0.005) < 0.015


def test_a_surge_is_seen_in_its_first_week(quiet):
    surge = quiet.copy()
    surge[:, -1] += 30
    assert (score_week(surge).strict_z > 2.6).mean() > 0.9


def test_a_warm_start_changes_little(quiet):
    cold = score_week(quiet)
    warm = score_week(quiet, start=score_week(quiet[:, :-1]).model)
    assert np.abs(cold.z - warm.z).mean() < 0.05


def test_last_week_is_remembered():
    assert remember(np.array([2.0]), np.array([-1.0]))[0] == 2.0
    assert remembered_p(np.array([3.0]))[0] < remembered_p(np.array([2.0]))[0]


def test_a_short_series_is_refused():
    with pytest.raises(ValueError, match="at least 60 weeks, got 8"):
        score_week(np.ones((1, 8)))
