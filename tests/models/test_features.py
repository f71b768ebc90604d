"""Hashed n-grams: where they stand, and that nothing leaks from one text into another."""

import numpy as np
import pytest

from models.features import FeatureConfig, FeatureSpace, find_occurrences, to_matrix
from models.segmentation import load_cut

CUT = load_cut()
TEXTS = ["快递三天没到。客服不回", "热水器漏水,约了三次没来", "A", ""]


def dense(texts: list[str], space: FeatureSpace) -> np.ndarray:
    return to_matrix(find_occurrences(texts, CUT, space.config), space).matrix.toarray()


@pytest.fixture(scope="module")
def space() -> FeatureSpace:
    config = FeatureConfig(min_texts=1)
    return FeatureSpace.learn(find_occurrences(TEXTS, CUT, config), config)


def test_a_text_has_the_same_features_in_any_batch(space: FeatureSpace):
    together = dense(TEXTS, space)
    for i, text in enumerate(TEXTS):
        np.testing.assert_allclose(together[i], dense([text], space)[0], atol=1e-6)
    np.testing.assert_allclose(together[::-1], dense(TEXTS[::-1], space), atol=1e-6)


def test_words_and_characters_each_have_length_one(space: FeatureSpace):
    values = dense(TEXTS[:2], space)[:, : len(space.idf)]
    for is_character in (False, True):
        part = values[:, (space.idf < 0) == is_character]
        np.testing.assert_allclose(np.linalg.norm(part, axis=1), 1, atol=1e-5)


def test_a_title_counts_more():
    plain, titled = FeatureConfig(min_texts=1, title_weight=1), FeatureConfig(min_texts=1)
    titled_text = "快递三天没到。已经联系客服五次了,一直没有结果"
    occurrences = find_occurrences([titled_text, TEXTS[1]], CUT, plain)
    space = FeatureSpace.learn(occurrences, plain)
    heavier = FeatureSpace(titled, space.rows, space.idf)
    assert (dense([titled_text], space) != dense([titled_text], heavier)).any()
    np.testing.assert_allclose(dense(TEXTS[1:2], space), dense(TEXTS[1:2], heavier))


def test_rare_ngrams_are_dropped():
    config = FeatureConfig(min_texts=2)
    space = FeatureSpace.learn(find_occurrences(["三次没来", "三次没到"], CUT, config), config)
    known = space.rows >= 0
    assert 0 < known.sum() < len(find_occurrences(["三次没来"], CUT, config).kinds[2].slots) * 8


def test_digits_are_alike(space: FeatureSpace):
    np.testing.assert_allclose(dense(["扣了1999元"], space), dense(["扣了2888元"], space))
