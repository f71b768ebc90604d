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
        scores = features.matrix @ self.weights + self.biases
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
        best = np.stack([probabilities[task.id].argmax(axis=1) for task in self.taxonomy.tasks])
        evidence = find_evidence(
            texts, occurrences, features, self.space, self.weights, best + firsts[:, None]
        )
        answers: list[dict[str, Prediction]] = [{} for _ in texts]
        for task, found in zip(self.taxonomy.tasks, evidence, strict=True):
            for i, row in enumerate(probabilities[task.id]):
                answers[i][task.id] = self._answer(task, row, found[i], reasons[i])
        return [Predictions(**answer) for answer in answers]

    def _answer(
        self, task: Task, row: Floats, evidence: tuple[Evidence, ...], reason: str | None
    ) -> Prediction:
        decision: Decision
        why: str | None
        order = np.argsort(-row, kind="stable").tolist()
        confidences = row.tolist()
        ids = task.label_ids
        best, second = order[0], order[1]
        thresholds = self.thresholds[task.id]
        decision, why = (
            ("review", reason)
            if reason
            else thresholds.decide(confidences[best], confidences[second])
        )
        return Prediction(
            ids[best],
            confidences[best],
            decision,
            why,
            tuple(Alternative(ids[k], confidences[k]) for k in order[1:]),
            evidence,
        )

    def _out_of_scope(
        self, texts: Sequence[CleanText], occurrences: Occurrences, features: FeatureMatrix
    ) -> list[str | None]:
        """Look closely only at texts that are short, hardly Chinese, or hardly known."""
        n_texts = len(texts)
        words = occurrences.kinds[0]
        n_words = np.bincount(occurrences.text_of[words.starts], minlength=n_texts)
        known = words.starts[self.space.rows[words.slots] >= 0]
        known_share = np.bincount(occurrences.text_of[known], minlength=n_texts) / np.maximum(
            n_words, 1
        )
        is_han = (occurrences.codes >= HAN_FIRST) & (occurrences.codes <= HAN_LAST)
        n_han = np.bincount(occurrences.text_of[is_han], minlength=n_texts)
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
