"""Surge test of topics, which have no history of their own."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.special import betainc

DAY = 86_400.0

WINDOWS_DAYS = (1.0, 3.0, 7.0, 14.0)
BUSY_WINDOWS_DAYS = (0.125, 0.5, 1.0, 3.0, 7.0)
"""Used where the whole stream brings 500 complaints a day or more."""

MIN_COMPLAINTS = 4
MIN_CUSTOMERS = 3


@dataclass(frozen=True, slots=True)
class Background:
    """What the whole stream does at the moment.

    Attributes
    ----------
    per_day : float
        Complaints a day.
    n_topics : int
        Live topics.
    observed_days : float
        How long the stream has been watched, at most the life of a silent topic.
    """

    per_day: float
    n_topics: int
    observed_days: float


@dataclass(frozen=True, slots=True)
class TopicScore:
    """The most surprising window of a topic.

    Attributes
    ----------
    p_value : float
        Chance of so many after the arrival that triggered the test, for this window alone.
    corrected_p : float
        `p_value` times windows and live topics.
    observed, expected, size
        Count, mean and negative-binomial size of the window.
    since : float
        Start of the window's first complaint, seconds since the epoch.
    """

    p_value: float
    corrected_p: float
    observed: int
    expected: float
    size: float
    since: float


def score_topic(
    times: Sequence[float],
    customers: Sequence[object],
    background: Background,
    *,
    now: float,
    n_older: int = 0,
    n_united: int = 1,
    prior_shape: float = 0.5,
) -> TopicScore | None:
    """Judge whether a topic grows faster than topics do.

    The rate of a topic is Gamma distributed around the mean of all live topics; what it brought
    before the window updates that; the count in the window is then negative binomial. The newest
    complaint is not counted, for without it there would be no test.

    Parameters
    ----------
    times : sequence of float
        Arrivals of the topic, ascending, the newest last; repeats by one customer left out.
    customers : sequence
        Who sent each, or each of the newest.
    background : Background
        Of the whole stream.
    now : float
        Seconds since the epoch.
    n_older : int, default=0
        Arrivals before `times` began.
    n_united : int, default=1
        How many near topics the arrivals were taken from; more than one is a test of its own.
    prior_shape : float, default=0.5
        Shape of the Gamma distribution of rates; smaller lets topics differ more.

    Returns
    -------
    TopicScore or None
        None when no window has `MIN_COMPLAINTS` complaints from `MIN_CUSTOMERS` customers, or
        none is at all surprising: a corrected p-value of 1.

    Examples
    --------
    >>> week = Background(per_day=12.0, n_topics=600, observed_days=90.0)
    >>> score = score_topic([0.0, 9e3, 2e4, 4e4, 8e4], ["a", "b", "c", "d", "e"], week, now=8e4)
    >>> score.observed, score.corrected_p < 0.01
    (5, True)
    """
    if len(times) < MIN_COMPLAINTS:
        return None
    windows = BUSY_WINDOWS_DAYS if background.per_day >= 500 else WINDOWS_DAYS
    n_tests = len(windows) * max(background.n_topics, 1) * min(n_united, 2)
    prior_rate = max(background.per_day, 0.1) / max(background.n_topics, 1)
    best: TopicScore | None = None
    for days in windows:
        first = bisect_left(times, now - days * DAY)
        observed = len(times) - first
        if observed < MIN_COMPLAINTS:
            continue
        shape = prior_shape * n_united + n_older + first
        exposure = prior_shape / prior_rate + max(background.observed_days - days, 0.0)
        mean = shape / exposure * days
        p_value = float(betainc(observed - 1, shape, mean / (mean + shape)))
        if p_value * n_tests >= 1.0 or (best is not None and p_value >= best.p_value):
            continue
        if len(set(customers[-observed:])) >= MIN_CUSTOMERS:
            best = TopicScore(p_value, p_value * n_tests, observed, mean, shape, times[first])
    return best
