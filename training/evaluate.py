"""Scores of a model on labelled texts: the final label for accuracy, the probability for ece."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import cohen_kappa_score, f1_score

from models.bundle import ModelBundle
from training.confidence import brier_score, calibration_error
from training.data import LabelledTexts
from triage.errors import DatasetError
from triage.flags import FlagRules
from triage.taxonomy import Task
from triage.triager import Triager


@dataclass(frozen=True, slots=True)
class TaskAnswers:
    """What a model said of one task for every text, beside what was right.

    Attributes
    ----------
    right, final, model : ndarray of shape (n_texts,)
        Label indices: labelled, final, and chosen by the model before any rule.
    probabilities : ndarray of shape (n_texts, n_labels)
    auto : ndarray of bool of shape (n_texts,)
    """

    task: Task
    right: NDArray[np.int64]
    final: NDArray[np.int64]
    model: NDArray[np.int64]
    probabilities: NDArray[np.float32]
    auto: NDArray[np.bool_]


def answer(bundle: ModelBundle, data: LabelledTexts) -> list[TaskAnswers]:
    """Answer all tasks that both the model and the data have.

    Raises
    ------
    DatasetError
        If they share no task, or the data has a label that the model does not know.
    """
    tasks = [task for task in bundle.taxonomy.tasks if task.id in data.labels]
    if not tasks:
        raise DatasetError(
            f"{data.name} is labelled for {', '.join(data.labels)}, the model answers "
            f"{', '.join(task.id for task in bundle.taxonomy.tasks)}"
        )
    triages = Triager(bundle, FlagRules.from_file()).triage(data.texts)
    return [_answers(task, triages, data) for task in tasks]


def _answers(task: Task, triages: list[Any], data: LabelledTexts) -> TaskAnswers:
    ids = task.label_ids
    unknown = sorted(set(data.labels[task.id]) - set(ids))
    if unknown:
        raise DatasetError(
            f"{data.name}: {task.id} {', '.join(unknown[:5])} is unknown to the model: it has "
            f"{', '.join(ids)}"
        )
    predictions = [triage.predictions.of(task.id) for triage in triages]
    probabilities = np.zeros((len(triages), len(ids)), dtype=np.float32)
    model = np.zeros(len(triages), dtype=np.int64)
    for i, (triage, prediction) in enumerate(zip(triages, predictions, strict=True)):
        chosen = triage.model_urgency if task.id == "urgency" else prediction.label
        model[i] = ids.index(chosen)
        probabilities[i, model[i]] = prediction.confidence
        for other in prediction.alternatives:
            probabilities[i, ids.index(other.label)] = other.confidence
    return TaskAnswers(
        task,
        np.array([ids.index(label) for label in data.labels[task.id]]),
        np.array([ids.index(prediction.label) for prediction in predictions]),
        model,
        probabilities,
        np.array([prediction.decision == "auto" for prediction in predictions]),
    )


def evaluate(bundle: ModelBundle, data: LabelledTexts) -> dict[str, dict[str, Any]]:
    """Score a model.

    Returns
    -------
    dict of task to dict
        ``n accuracy macro_f1 per_label ece brier auto_share auto_error``; an ordered task also
        ``quadratic_kappa`` and ``critical_recall`` (recall of its highest level). ``auto_error``
        is None where no answer was automatic. Where the data has second labels,
        ``accuracy_second`` accepts them too.
    """
    return {a.task.id: score(a, data.second.get(a.task.id)) for a in answer(bundle, data)}


def score(answers: TaskAnswers, second: tuple[str | None, ...] | None = None) -> dict[str, Any]:
    """Score the answers of one task; see `evaluate`."""
    right, final, ids = answers.right, answers.final, answers.task.label_ids
    wrong = final != right
    n_auto = int(answers.auto.sum())
    result: dict[str, Any] = {
        "n": len(right),
        "accuracy": float(1 - wrong.mean()),
        "macro_f1": float(
            f1_score(right, final, labels=np.unique(right), average="macro", zero_division=0)
        ),
        "per_label": _per_label(right, final, ids),
        "ece": calibration_error(
            answers.probabilities.max(axis=1).astype(float), answers.model != right
        ),
        "brier": brier_score(answers.probabilities, right),
        "auto_share": n_auto / len(right),
        "auto_error": float(wrong[answers.auto].mean()) if n_auto else None,
    }
    if second:
        accepted = [ids[f] == s for f, s in zip(final, second, strict=True)]
        result["accuracy_second"] = float((~wrong | np.array(accepted)).mean())
    if answers.task.ordered:
        every = list(range(len(ids)))
        result["quadratic_kappa"] = float(
            cohen_kappa_score(right, final, labels=every, weights="quadratic")
        )
        highest = right == len(ids) - 1
        result["critical_recall"] = (
            float((final[highest] == len(ids) - 1).mean()) if highest.any() else None
        )
    return result


def _per_label(
    right: NDArray[np.int64], final: NDArray[np.int64], ids: tuple[str, ...]
) -> dict[str, dict[str, float | int]]:
    table: dict[str, dict[str, float | int]] = {}
    named, said = Counter(right.tolist()), Counter(final.tolist())
    hits = Counter(right[right == final].tolist())
    for i, label in enumerate(ids):
        if named[i] or said[i]:
            recall = hits[i] / named[i] if named[i] else 0.0
            precision = hits[i] / said[i] if said[i] else 0.0
            total = precision + recall
            table[label] = {
                "n": named[i],
                "precision": precision,
                "recall": recall,
                "f1": 2 * precision * recall / total if total else 0.0,
            }
    return table
