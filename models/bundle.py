"""A loaded model: from cleaned texts to predictions, without scikit-learn."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.decision import UNFAMILIAR, Thresholds
from models.evidence import find_evidence
from models.features import FeatureMatrix, FeatureSpace, Occurrences, find_occurrences, to_matrix
from models.segmentation import HAN_FIRST, HAN_LAST, Cut, Engine
from triage.complaint import Alternative, Decision, Evidence, Prediction, Predictions
from triage.scope import Scope
from triage.taxonomy import Task, Taxonomy
from triage.text import CleanText, clean_texts

Floats = NDArray[np.float32]

BATCH_TEXTS = 64
"""Texts computed at once: their arrays stay in the processor's cache."""

MIN_KNOWN_SHARE = 0.25
"""A text of whose words the model knows a smaller share goes to a person."""


@dataclass(frozen=True, slots=True)
class ModelBundle:
    """Everything needed to answer.

    Attributes
    ----------
    version : str
    taxonomy : Taxonomy
        Only the tasks and labels that this model has.
    space : FeatureSpace
    weights : ndarray of shape (n_features, n_labels of all tasks), dtype float32
        Calibration included: ``X @ weights + biases`` are log-odds, of which softmax makes
        probabilities. Columns follow the tasks and labels of `taxonomy`, each row is centred.
    biases : ndarray of shape (n_labels of all tasks,)
    thresholds : dict of task id to Thresholds
    """

    version: str
    engine: Engine
    cut: Cut
    taxonomy: Taxonomy
    space: FeatureSpace
    weights: Floats
    biases: Floats
    thresholds: dict[str, Thresholds]
    scope: Scope

    def predict(self, texts: Sequence[str]) -> list[Predictions]:
        """Predict all tasks for texts as they came.

        Parameters
        ----------
        texts : sequence of str, length n_texts

        Returns
        -------
        list of Predictions, length n_texts
            Evidence spans count code points of the masked text.
        """
        return self.predict_clean(clean_texts(texts))

    def predict_clean(self, texts: Sequence[CleanText]) -> list[Predictions]:
        """Predict all tasks for cleaned texts; one by one or in a batch gives the same."""
        answers: list[Predictions] = []
        for start in range(0, len(texts), BATCH_TEXTS):
            answers += self._predict_batch(texts[start : start + BATCH_TEXTS])
        return answers

    def probabilities(self, texts: Sequence[CleanText]) -> dict[str, Floats]:
        """Give the calibrated probabilities.

        Returns
        -------
        dict of task id to ndarray of shape (n_texts, n_labels)
            Each row sums to 1.
        """
        batches = [
            self._probabilities(self._features(texts[i : i + BATCH_TEXTS])[1])
            for i in range(0, len(texts), BATCH_TEXTS)
        ]
        return {
            task.id: np.concatenate([batch[task.id] for batch in batches])
            for task in self.taxonomy.tasks
        }

    def _features(self, texts: Sequence[CleanText]) -> tuple[Occurrences, FeatureMatrix]:
        folded = [text.folded for text in texts]
        occurrences = find_occurrences(folded, self.cut, self.space.config)
        return occurrences, to_matrix(occurrences, self.space)

    def _probabilities(self, features: FeatureMatrix) -> dict[str, Floats]:
        scores = features.scores(self.weights) + self.biases
        probabilities, start = {}, 0
        for task in self.taxonomy.tasks:
            end = start + len(task.labels)
            probabilities[task.id] = softmax(scores[:, start:end])
            start = end
        return probabilities

    def _predict_batch(self, texts: Sequence[CleanText]) -> list[Predictions]:
        occurrences, features = self._features(texts)
        probabilities = self._probabilities(features)
        reasons = self._out_of_scope(texts, occurrences, features)
        sizes = [len(task.labels) for task in self.taxonomy.tasks]
        firsts = np.cumsum([0, *sizes[:-1]])
        orders = [self._order(task, probabilities[task.id]) for task in self.taxonomy.tasks]
        best = np.stack([order[:, 0] for order in orders])
        evidence = find_evidence(
            texts, occurrences, features, self.space, self.weights, best + firsts[:, None]
        )
        answers = [
            self._answers(task, probabilities[task.id], order, found, reasons)
            for task, order, found in zip(self.taxonomy.tasks, orders, evidence, strict=True)
        ]
        names = [task.id for task in self.taxonomy.tasks]
        return [
            Predictions(**dict(zip(names, row, strict=True))) for row in zip(*answers, strict=True)
        ]

    def _order(self, task: Task, probabilities: Floats) -> NDArray[np.int64]:
        """Rank the labels of each text: the likeliest first, or the highest level by precaution."""
        order = (-probabilities).argsort(axis=1, kind="stable")
        if task.ordered:
            top = len(task.labels) - 1
            wary = probabilities[:, top] >= self.thresholds[task.id].precaution
            for row in np.flatnonzero(wary & (order[:, 0] != top)):
                order[row] = [top, *order[row][order[row] != top]]
        return order

    def _answers(
        self,
        task: Task,
        probabilities: Floats,
        order: NDArray[np.int64],
        evidence: Sequence[tuple[Evidence, ...]],
        reasons: Sequence[str | None],
    ) -> list[Prediction]:
        """Give the answers of one task, one for each text."""
        decide = self.thresholds[task.id].decide
        ids = task.label_ids
        ordered = np.take_along_axis(probabilities, order, axis=1).tolist()
        answers = []
        for numbers, confidences, terms, reason in zip(
            order.tolist(), ordered, evidence, reasons, strict=True
        ):
            decision: Decision
            if reason is None:
                decision, reason = decide(confidences[0], confidences[1])
            else:
                decision = "review"
            ranked = [*map(Alternative, map(ids.__getitem__, numbers), confidences)]
            best = ranked[0]
            answers.append(
                Prediction(best.label, best.confidence, decision, reason, (*ranked[1:],), terms)
            )
        return answers

    def _out_of_scope(
        self, texts: Sequence[CleanText], occurrences: Occurrences, features: FeatureMatrix
    ) -> list[str | None]:
        """Look closely only at texts that are short, hardly Chinese, or hardly known."""
        words = occurrences.kinds[0]
        bounds = np.append(occurrences.text_starts, len(occurrences.codes) + 1)
        of_words = words.starts.searchsorted(bounds)
        is_known = self.space.rows.take(words.slots) >= 0
        known_share = _sums(is_known, of_words) / np.maximum(np.diff(of_words), 1)
        is_han = (occurrences.codes >= HAN_FIRST) & (occurrences.codes <= HAN_LAST)
        n_han = _sums(is_han, np.minimum(bounds, len(is_han)))
        lengths = np.array([len(text.folded) for text in texts])
        is_plain = (n_han >= 30) & (n_han >= 0.5 * lengths) & (known_share >= 0.6)
        return [
            self.scope.advertisement(text.folded)
            if plain
            else self.scope.reason(text.folded) or (UNFAMILIAR if share < MIN_KNOWN_SHARE else None)
            for text, plain, share in zip(
                texts, is_plain.tolist(), known_share.tolist(), strict=True
            )
        ]


def _sums(marks: NDArray[np.bool_], bounds: NDArray[np.int64]) -> NDArray[np.int64]:
    """Count the marks from each bound to the next."""
    totals = np.zeros(len(marks) + 1, dtype=np.int64)
    np.cumsum(marks, out=totals[1:])
    return np.diff(totals[bounds])


def softmax(scores: Floats) -> Floats:
    """Turn log-odds into probabilities, row by row.

    Examples
    --------
    >>> softmax(np.array([[0.0, 0.0]])).tolist()
    [[0.5, 0.5]]
    """
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares: Floats = powers / powers.sum(axis=1, keepdims=True)
    return shares
