"""Rules of the daily surge test."""

from datetime import date, timedelta

import numpy as np
import pytest

from triage.calendar import WorkCalendar
from triage.daily import DayCalendar, first_open_days, learn_days, score_days

N_DAYS = 500


@pytest.fixture(scope="module")
def days():
    dates = [date(2024, 1, 1) + timedelta(days=k) for k in range(N_DAYS)]
    return DayCalendar.from_dates(dates, WorkCalendar())


@pytest.fixture(scope="module")
def counts(days):
    rng = np.random.default_rng(5)
    mean = np.where(days.day_number % 7 >= 5, 4.0, 12.0)
    mean = np.where(days.is_holiday, 2.0, mean)
    return rng.poisson(mean, (60, N_DAYS)).astype(float)


def test_quiet_days_score_low(days, counts):
    baseline = learn_days(counts[:, :-7], days)
    scores = score_days(baseline, counts[:, -baseline.expected.shape[1] :], n_days=7)
    assert (scores > 3.0).mean() < 0.02


def test_a_surge_scores_high(days, counts):
    surge = counts.copy()
    surge[:, -2:] += 20
    baseline = learn_days(surge[:, :-7], days)
    scores = score_days(baseline, surge[:, -baseline.expected.shape[1] :], n_days=2)
    assert scores[:, -1].min() > 3.0


def test_a_worked_weekend_is_known(days):
    number = date(2024, 2, 4).toordinal() - 1
    assert days.is_worked_weekend[np.flatnonzero(days.day_number == number)[0]]


def test_the_day_after_a_holiday_waits_for_the_weekend():
    off = np.array([True, False, False, False])
    is_open = np.array([False, False, False, True])
    assert first_open_days(off, is_open).tolist() == [False, False, False, True]
