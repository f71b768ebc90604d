"""Decisions follow from thresholds alone."""

from hypothesis import given
from hypothesis import strategies as st

from models.decision import Thresholds

SHARE = st.floats(0, 1)


@given(SHARE, SHARE, SHARE)
def test_more_confidence_never_asks_for_more_review(low: float, high: float, second: float):
    low, high = sorted((low, high))
    order = {"review": 0, "suggest": 1, "auto": 2}
    limits = Thresholds(auto=0.8, review=0.4, margin=0.2)
    assert order[limits.decide(low, second)[0]] <= order[limits.decide(high, second)[0]]


def test_without_a_safe_threshold_nothing_is_automatic():
    assert Thresholds().decide(1.0, 0.0)[0] == "suggest"
