"""The segmenter keeps scikit-learn's contract."""

import pickle

import pytest
from sklearn.base import clone
from sklearn.utils.estimator_checks import (
    check_do_not_raise_errors_in_init_or_set_params,
    check_estimator_cloneable,
    check_estimator_repr,
    check_get_params_invariance,
    check_no_attributes_set_in_init,
    check_parameters_default_constructible,
    check_set_params,
)

from models.segmenter import Segmenter

TEXTS = ["快递三天没到", "充电桩坏了没人修"]


@pytest.mark.parametrize(
    "check",
    [
        check_no_attributes_set_in_init,
        check_parameters_default_constructible,
        check_do_not_raise_errors_in_init_or_set_params,
        check_get_params_invariance,
        check_set_params,
        check_estimator_repr,
        check_estimator_cloneable,
    ],
    ids=lambda check: check.__name__,
)
def test_keeps_the_estimator_contract(check):
    check("Segmenter", Segmenter())


def test_pickles_clones_and_fits_twice_the_same():
    first = Segmenter(user_words=("充电桩",)).fit(TEXTS)
    again = pickle.loads(pickle.dumps(clone(first).fit(TEXTS)))
    assert first.transform(TEXTS) == again.transform(TEXTS)
    assert first.n_texts_ == again.n_texts_ == 2


def test_one_row_is_that_row_in_a_batch():
    segmenter = Segmenter()
    assert segmenter.transform(TEXTS)[1] == segmenter.transform(TEXTS[1:])[0]


def test_words_joined_are_the_text():
    assert "".join(Segmenter().transform(["充电桩坏了没人修"])[0]) == "充电桩坏了没人修"
