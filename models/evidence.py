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
    text_of = occurrences.text_of.take(starts)
    idf = space.idf.take(features.rows)
    scale = features.scales.take((idf < 0) * len(texts) + text_of)
    values = np.abs(idf) * scale / (ends - starts)
    cells = features.rows.astype(np.int64) * weights.shape[1]
    flat = weights.reshape(-1)
    scores = np.stack(
        [
            _word_scores(
                occurrences, starts, ends, flat.take(cells + chosen.take(text_of)) * values
            )
            for chosen in columns
        ]
    )
    return _pick(texts, occurrences, scores)


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
) -> list[list[tuple[Evidence, ...]]]:
    """Choose the weightiest words of each task and text; `scores` has a row for each task."""
    n_tasks, n_texts = len(scores), len(texts)
    word_starts, word_ends = occurrences.word_starts, occurrences.word_ends
    favourable = np.maximum(scores, 0)
    text_of_word = occurrences.text_of[word_starts]
    groups = np.arange(n_tasks)[:, None] * n_texts + text_of_word
    totals = np.bincount(groups.ravel(), favourable.ravel(), minlength=n_tasks * n_texts)
    shares = favourable / np.maximum(totals, 1e-9)[groups]
    task, word = np.nonzero((shares >= MIN_SHARE) & (word_ends - word_starts >= 2))
    share, group = shares[task, word], groups[task, word]
    order = np.lexsort((word, -share.round(6), group))  # equal ones in order of the text
    word = word[order]
    offsets = occurrences.text_starts[text_of_word[word]]
    rows = zip(
        group[order].tolist(),
        (word_starts[word] - offsets).tolist(),
        (word_ends[word] - offsets).tolist(),
        share[order].tolist(),
        strict=True,
    )
    found: list[list[Evidence]] = [[] for _ in range(n_tasks * n_texts)]
    for number, start, end, weight in rows:
        terms = found[number]
        if len(terms) < MAX_TERMS:
            text = texts[number % n_texts]
            start, end = text.span(start, end)
            term = text.text[start:end]
            if all(term != other.term for other in terms):
                terms.append(Evidence(term, round(weight, 4), start, end))
    chosen = [*map(tuple, found)]
    return [chosen[i * n_texts : (i + 1) * n_texts] for i in range(n_tasks)]
