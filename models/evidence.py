"""The terms that carried a prediction, found in the text as it was written."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.features import FeatureMatrix, FeatureSpace, Occurrences
from triage.complaint import Evidence
from triage.text import CleanText

MAX_TERMS = 3
MIN_SHARE = 0.03
"""A term that carries a smaller share of the score than this is not worth showing."""


def find_evidence(
    texts: Sequence[CleanText],
    occurrences: Occurrences,
    features: FeatureMatrix,
    space: FeatureSpace,
    weights: NDArray[np.float32],
    columns: NDArray[np.int64],
) -> list[list[tuple[Evidence, ...]]]:
    """Find the words that spoke most for each chosen label.

    What an n-gram adds to the label's score is shared out over its characters; a word's weight
    is what its characters got, as a share of all that spoke for the label. The model is linear, so
    this is the decision itself, not an estimate of it.

    Parameters
    ----------
    texts : sequence of CleanText, length n_texts
    occurrences, features, space
        Of these texts.
    weights : ndarray of shape (n_features, n_labels of all tasks)
    columns : ndarray of shape (n_tasks, n_texts)
        Column of the label chosen for each task and text.

    Returns
    -------
    list over tasks of list over texts of tuple of Evidence
        At most three words each, the weightiest first; none for a text without known words.
    """
    starts, ends = features.starts, features.ends
    text_of = occurrences.text_of[starts]
    idf = space.idf[features.rows]
    scale = features.scales[(idf < 0).view(np.int8), text_of]
    values = np.abs(idf) * scale / (ends - starts)
    cells = features.rows * weights.shape[1]
    flat = weights.reshape(-1)
    return [
        _pick(
            texts,
            occurrences,
            _word_scores(occurrences, starts, ends, flat[cells + chosen[text_of]] * values),
        )
        for chosen in columns
    ]


def _word_scores(
    occurrences: Occurrences,
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    added: NDArray[np.float32],
) -> NDArray[np.float64]:
    """Spread what n-grams add over their characters, and sum it up by word."""
    n = len(occurrences.codes) + 1
    per_character = np.cumsum(np.bincount(starts, added, n) - np.bincount(ends, added, n))
    total = np.zeros(n + 1)
    np.cumsum(per_character, out=total[1:])
    scores: NDArray[np.float64] = total[occurrences.word_ends] - total[occurrences.word_starts]
    return scores


def _pick(
    texts: Sequence[CleanText], occurrences: Occurrences, scores: NDArray[np.float64]
) -> list[tuple[Evidence, ...]]:
    text_of_word = occurrences.text_of[occurrences.word_starts]
    favourable = np.maximum(scores, 0)
    totals = np.maximum(np.bincount(text_of_word, favourable, minlength=len(texts)), 1e-9)
    shares = favourable / totals[text_of_word]
    long_enough = occurrences.word_ends - occurrences.word_starts >= 2
    chosen = np.flatnonzero((shares >= MIN_SHARE) & long_enough)
    order = chosen[np.lexsort((-shares[chosen], text_of_word[chosen]))]
    found: list[list[Evidence]] = [[] for _ in texts]
    rows = zip(text_of_word[order].tolist(), order.tolist(), shares[order].tolist(), strict=True)
    for text_index, word, share in rows:
        terms = found[text_index]
        if len(terms) < MAX_TERMS:
            item = _locate(texts[text_index], occurrences, text_index, word, share)
            if all(item.term != other.term for other in terms):
                terms.append(item)
    return [tuple(terms) for terms in found]


def _locate(
    text: CleanText, occurrences: Occurrences, text_index: int, word: int, share: float
) -> Evidence:
    offset = int(occurrences.text_starts[text_index])
    start = int(occurrences.word_starts[word]) - offset
    end = int(occurrences.word_ends[word]) - offset
    start, end = text.span(start, end)
    return Evidence(text.text[start:end], round(share, 4), start, end)
