"""Similar cases are those that point the same way."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import sparse

from triage.cases import CaseIndex

CASES = sparse.csr_array([[1.0, 0, 0], [2.0, 2.0, 0], [0, 0, 5.0], [0, 0, 0]])
INDEX = CaseIndex(["a", "b", "c", "empty"], CASES)


def test_the_nearest_case_comes_first_and_length_does_not_matter():
    found = INDEX.find(sparse.csr_array([[10.0, 0, 0]]))
    assert [case.id for case in found] == ["a", "b"]
    assert [round(case.score, 3) for case in found] == [1.0, 0.707]


def test_only_as_many_as_asked_and_only_above_the_least_score():
    query = np.array([[1.0, 1.0, 1.0]])
    assert [case.id for case in INDEX.find(query, n_cases=1)] == ["b"]
    assert [case.id for case in INDEX.find(query, min_score=0.6)] == ["b"]


def test_a_case_can_be_left_out():
    assert [case.id for case in INDEX.find(np.array([[1.0, 0, 0]]), without="a")] == ["b"]


def test_nothing_in_common_finds_nothing():
    assert INDEX.find(np.array([[0.0, 0, 0]])) == ()
    assert CaseIndex([], sparse.csr_array((0, 3))).find(np.array([[1.0, 0, 0]])) == ()


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"must have shape \(1, 3\), got \(1, 2\)"):
        INDEX.find(np.array([[1.0, 0]]))
    with pytest.raises(ValueError, match="one id per row, got 1 for 4"):
        CaseIndex(["a"], CASES)


@given(arrays.arrays(np.float64, (6, 4), elements=st.integers(0, 3).map(float)))
def test_a_stored_vector_finds_itself_with_score_1(rows):
    index = CaseIndex([str(i) for i in range(6)], rows)
    for i, row in enumerate(rows):
        found = index.find(row[np.newaxis], n_cases=6)
        if row.any():
            assert found[0].score == pytest.approx(1)
            assert str(i) in [case.id for case in found if case.score == pytest.approx(1)]
        scores = [case.score for case in found]
        assert scores == sorted(scores, reverse=True)
