"""A training run: data in, a judged version in the registry out."""

import hashlib
import json
import platform
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import metadata
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.decision import Thresholds
from models.registry import Registry
from models.version import write_version
from training.card import write_card
from training.confidence import choose_thresholds
from training.config import TrainConfig
from training.data import LabelledTexts, check_trainable
from training.evaluate import TaskAnswers, score
from training.fit import FittedModel, fit_model, label_weights
from triage.taxonomy import Task, Taxonomy

LIBRARIES = ("numpy", "scipy", "scikit-learn", "jieba", "rjieba", "opencc", "complaint-triage")


def train(
    data: LabelledTexts,
    registry: Registry,
    *,
    taxonomy: Taxonomy,
    config: TrainConfig,
    command: str = "",
) -> tuple[str, dict[str, dict[str, Any]]]:
    """Train, judge and register a model.

    The same data and configuration give the same predictions and the same end of the version id.

    Parameters
    ----------
    data : LabelledTexts
        Checked here before anything else.
    registry : Registry
        An empty one makes the new version current.
    command : str
        What was typed, for the model card.

    Returns
    -------
    version : str
    scores : dict of task to dict
        Of answers to texts held out in cross-validation; see `training.evaluate.evaluate`.

    Raises
    ------
    DatasetError, UnknownLabelError
        If no honest model can be made of the data.
    """
    check_trainable(data, config.n_folds)
    model = fit_model(data, taxonomy, config)
    now = datetime.now(UTC)
    thresholds = _choose_all(model, data, config)
    answers = held_out_answers(model, data, thresholds)
    scores = {a.task.id: score(a, data.second.get(a.task.id)) for a in answers}
    version = f"{now:%Y%m%dT%H%M%SZ}-{_content_hash(model, data, config)}"
    manifest = _manifest(data, config, model, thresholds, scores, now, command)
    with registry.new_version(version) as folder:
        write_card(folder, version, data, answers, scores, manifest)
        write_version(
            folder,
            version=version,
            space=model.space,
            weights=model.weights,
            biases=model.biases,
            manifest=manifest,
        )
    if len(registry.versions()) == 1:
        registry.promote(version, who="train", why="first version of an empty registry")
    return version, scores


def held_out_answers(
    model: FittedModel, data: LabelledTexts, thresholds: dict[str, Thresholds]
) -> list[TaskAnswers]:
    """Give the cross-validated answers with their decisions."""
    found = []
    for task in model.taxonomy.tasks:
        limits, probabilities = thresholds[task.id], model.held_out[task.id]
        ordered = np.sort(probabilities, axis=1)
        auto = (ordered[:, -1] >= limits.auto) & (ordered[:, -1] - ordered[:, -2] >= limits.margin)
        chosen = probabilities.argmax(axis=1)
        found.append(TaskAnswers(task, _right(task, data), chosen, chosen, probabilities, auto))
    return found


def _right(task: Task, data: LabelledTexts) -> NDArray[np.int64]:
    return np.array([task.label_ids.index(label) for label in data.labels[task.id]])


def _choose_all(
    model: FittedModel, data: LabelledTexts, config: TrainConfig
) -> dict[str, Thresholds]:
    chosen = {}
    for task in model.taxonomy.tasks:
        right = _right(task, data)
        weights = label_weights(task.label_ids, right, config.confidence.priors.get(task.id))
        chosen[task.id] = choose_thresholds(
            model.held_out[task.id], right, config.confidence, task.id, weights
        )
    return chosen


def _manifest(
    data: LabelledTexts,
    config: TrainConfig,
    model: FittedModel,
    thresholds: dict[str, Thresholds],
    scores: dict[str, dict[str, Any]],
    now: datetime,
    command: str,
) -> dict[str, Any]:
    return {
        "created_at": now.isoformat(timespec="seconds"),
        "command": command,
        "data": {"name": data.name, "fingerprint": data.fingerprint, **data.report()},
        "config": config.to_json(),
        "engine": config.engine,
        "user_words": list(config.user_words),
        "taxonomy": model.taxonomy.to_json(),
        "thresholds": {task: asdict(limits) for task, limits in thresholds.items()},
        "scores": scores,
        "libraries": {name: metadata.version(name) for name in LIBRARIES},
        "python": platform.python_version(),
    }


def _content_hash(model: FittedModel, data: LabelledTexts, config: TrainConfig) -> str:
    digest = hashlib.sha256(data.fingerprint.encode())
    digest.update(json.dumps(config.to_json(), sort_keys=True, ensure_ascii=False).encode())
    digest.update(np.ascontiguousarray(model.weights).tobytes())
    return digest.hexdigest()[:8]
