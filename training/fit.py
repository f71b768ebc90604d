"""Fitting: features, heads, and probabilities calibrated on folds that a head never saw."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.naive_bayes import ComplementNB
from sklearn.svm import LinearSVC

from models.bundle import softmax
from models.features import FeatureSpace, find_occurrences, to_matrix
from models.segmentation import load_cut
from training.config import HeadConfig, TrainConfig
from training.data import LabelledTexts
from triage.taxonomy import Task, Taxonomy
from triage.text import clean_texts

Floats = NDArray[np.float32]
FLOOR = 1e-6
LEVEL_SHRINKAGE = 1.0
"""Strength of the ridge regression from features to the level of an ordered task."""


@dataclass(frozen=True, slots=True)
class FittedModel:
    """What training made, before it is judged and written.

    Attributes
    ----------
    taxonomy : Taxonomy
        Tasks and labels found in the data.
    weights : ndarray of shape (n_features, n_labels of all tasks)
        Calibration included.
    biases : ndarray of shape (n_labels of all tasks,)
    held_out : dict of task to ndarray of shape (n_texts, n_labels)
        Calibrated probabilities of each training text from a model that had not seen it.
    """

    taxonomy: Taxonomy
    space: FeatureSpace
    weights: Floats
    biases: Floats
    held_out: dict[str, Floats]


@dataclass(frozen=True, slots=True)
class _Linear:
    """Raw scores as a linear map."""

    weights: Floats
    biases: Floats

    def __call__(self, X: csr_matrix) -> Floats:
        scores: Floats = X @ self.weights + self.biases
        return scores


def fit_model(data: LabelledTexts, taxonomy: Taxonomy, config: TrainConfig) -> FittedModel:
    """Fit all tasks of the data.

    Scores of the folds left out calibrate the heads: a multinomial regression from the raw scores
    to the labels, which for a single task is the matrix scaling of Guo et al. (2017). Being linear,
    it is multiplied into the weights.

    Parameters
    ----------
    data : LabelledTexts
    taxonomy : Taxonomy
        Its tasks are cut down to the labels that occur.
    config : TrainConfig
    """
    tasks = tuple(
        taxonomy.task(task).restricted_to(set(values)) for task, values in data.labels.items()
    )
    found = Taxonomy(tasks=tuple(sorted(tasks, key=lambda t: _position(taxonomy, t.id))))
    targets = {
        task.id: np.array([task.label_ids.index(x) for x in data.labels[task.id]])
        for task in found.tasks
    }
    sizes = [_n_scores(task) for task in found.tasks]
    space, X = learn_features(data.texts, config)
    folds = split(data, targets, config)
    jobs = [
        delayed(_held_out_scores)(X, targets[task.id], task, folds, config.heads)
        for task in found.tasks
    ]
    jobs += [delayed(_fit_linear)(X, targets[task.id], task, config.heads) for task in found.tasks]
    results = Parallel(n_jobs=2)(jobs)
    n_tasks = len(found.tasks)
    held_out_raw = np.hstack(results[:n_tasks])
    linear = _Linear(
        np.hstack([r.weights for r in results[n_tasks:]]),
        np.concatenate([r.biases for r in results[n_tasks:]]),
    )
    weights, biases, held_out = [], [], {}
    ends = np.cumsum(sizes)
    for task, size, end in zip(found.tasks, sizes, ends, strict=True):
        columns = (
            slice(0, int(ends[-1]))
            if task.id in config.heads.cross_task
            else slice(end - size, end)
        )
        scaling, offsets, probabilities = _calibrate(
            held_out_raw[:, columns], targets[task.id], len(task.labels), folds
        )
        flatten = config.confidence.flattening.get(task.id, 1.0)
        priors = config.confidence.priors.get(task.id)
        shift = np.log(label_weights(task.label_ids, targets[task.id], priors))
        weights.append(_centred(linear.weights[:, columns] @ scaling) / flatten)
        biases.append((linear.biases[columns] @ scaling + offsets + shift) / flatten)
        held_out[task.id] = softmax((np.log(probabilities + FLOOR) + shift) / flatten)
    return FittedModel(
        found,
        space,
        np.hstack(weights).astype(np.float32),
        np.concatenate(biases).astype(np.float32),
        held_out,
    )


def learn_features(texts: Sequence[str], config: TrainConfig) -> tuple[FeatureSpace, csr_matrix]:
    """Learn the n-grams of texts and give their features."""
    cut = load_cut(config.engine, config.user_words)
    folded = [text.folded for text in clean_texts(texts)]
    occurrences = find_occurrences(folded, cut, config.features)
    space = FeatureSpace.learn(occurrences, config.features)
    return space, to_matrix(occurrences, space).matrix


def split(
    data: LabelledTexts, targets: dict[str, NDArray[np.int64]], config: TrainConfig
) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Split into folds, the first task's labels spread evenly, equal texts on one side."""
    firsts: dict[str, int] = {}
    unique = np.array([firsts.setdefault(text, i) for i, text in enumerate(data.texts)])
    representatives = np.unique(unique)
    target = next(iter(targets.values()))[representatives]
    n_folds = max(2, min(config.n_folds, int(np.bincount(target).max())))
    folds = StratifiedKFold(n_folds, shuffle=True, random_state=config.seed)
    everything = np.arange(len(data.texts))
    found = []
    with warnings.catch_warnings():
        # A label rarer than the folds is left out of some of them, which `_fit_linear` allows for.
        warnings.filterwarnings("ignore", message="The least populated class", category=UserWarning)
        parts = list(folds.split(representatives, target))
    for _, test in parts:
        is_test = np.isin(unique, representatives[test])
        found.append((everything[~is_test], everything[is_test]))
    return found


def _position(taxonomy: Taxonomy, task: str) -> int:
    return [t.id for t in taxonomy.tasks].index(task)


def _held_out_scores(
    X: csr_matrix,
    target: NDArray[np.int64],
    task: Task,
    folds: Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]],
    config: HeadConfig,
) -> Floats:
    scores = np.zeros((X.shape[0], _n_scores(task)), dtype=np.float32)
    for train, test in folds:
        scores[test] = _fit_linear(X[train], target[train], task, config)(X[test])
    return scores


def _fit_linear(
    X: csr_matrix, target: NDArray[np.int64], task: Task, config: HeadConfig
) -> _Linear:
    """Fit the raw scores of a task: one for each label, and for an ordered task its level.

    A label missing from a fold gets a score that never wins.
    """
    n_labels = len(task.labels)
    model = _estimator(config).fit(X, target)
    present = model.classes_
    if config.kind == "complement_nb":
        coefficients, intercepts = model.feature_log_prob_, np.zeros(len(present))
    else:
        coefficients, intercepts = model.coef_, model.intercept_
    if len(present) == 2 and len(coefficients) == 1:
        coefficients, intercepts = (
            np.vstack([-coefficients[0], coefficients[0]]),
            np.array([-intercepts[0], intercepts[0]]),
        )
    weights = np.zeros((X.shape[1], n_labels), dtype=np.float32)
    biases = np.full(n_labels, -3.0, dtype=np.float32)
    weights[:, present] = coefficients.T
    biases[present] = intercepts
    if task.ordered:
        level = Ridge(alpha=LEVEL_SHRINKAGE, solver="sparse_cg", random_state=0).fit(X, target)
        weights = np.hstack([weights, level.coef_[:, None].astype(np.float32)])
        biases = np.append(biases, np.float32(level.intercept_))
    return _Linear(weights, biases)


def _n_scores(task: Task) -> int:
    return len(task.labels) + int(task.ordered)


def _estimator(config: HeadConfig) -> LinearSVC | LogisticRegression | ComplementNB:
    if config.kind == "svm":
        weight = "balanced" if config.balanced else None
        return LinearSVC(C=config.regularisation, class_weight=weight, random_state=0)
    if config.kind == "logistic":
        weight = "balanced" if config.balanced else None
        return LogisticRegression(C=config.regularisation, class_weight=weight, max_iter=300)
    return ComplementNB(alpha=1 / config.regularisation)


def _calibrate(
    scores: Floats,
    target: NDArray[np.int64],
    n_labels: int,
    folds: Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]],
) -> tuple[Floats, Floats, Floats]:
    """Fit scores to labels; give the map, its offsets, and held-out probabilities."""
    model = LogisticRegression(C=1.0, max_iter=1000)
    usable = [(a, b) for a, b in folds if len(np.unique(target[a])) == n_labels]
    if len(usable) == len(folds):
        held_out = cross_val_predict(model, scores, target, cv=folds, method="predict_proba")
    else:
        held_out = model.fit(scores, target).predict_proba(scores)
    model.fit(scores, target)
    scaling, offsets = model.coef_.T, model.intercept_
    if n_labels == 2 and scaling.shape[1] == 1:
        scaling = np.hstack([np.zeros_like(scaling), scaling])
        offsets = np.array([0.0, offsets[0]])
    return scaling, offsets, held_out


def _centred(weights: Floats) -> Floats:
    """Take the mean over labels off each row: softmax ignores it, evidence should too."""
    centred: Floats = weights - weights.mean(axis=1, keepdims=True)
    return centred


def label_weights(
    label_ids: Sequence[str], target: NDArray[np.int64], priors: dict[str, float] | None
) -> Floats:
    """Give how much more often each label will occur than in the training data.

    Returns
    -------
    ndarray of shape (n_labels,)
        All 1 without priors.
    """
    if not priors:
        return np.ones(len(label_ids), dtype=np.float32)
    there = np.array([priors.get(label, FLOOR) for label in label_ids])
    here = np.bincount(target, minlength=len(label_ids)) / len(target)
    weights: Floats = (there / there.sum()) / np.maximum(here, FLOOR)
    return weights
