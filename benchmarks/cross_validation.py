"""Held-out scores where texts that belong together stay on one side of every split.

    python benchmarks/cross_validation.py [--json]
    python benchmarks/cross_validation.py FILE [--text-column text] [--label-column label] [--json]

Without FILE: our corpus with the default configuration, five folds grouped by the writer's brief,
so that no brief is in training and test. With FILE: a team's own labels with the plain
configuration, five folds with near-duplicates (5-gram Jaccard above 0.5, MinHash) on one side, as
the figure for ``triage train FILE``; with its time and peak memory.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from datasketch import MinHash, MinHashLSH
from learning_curve import DEFAULT
from machine import heading
from numpy.typing import NDArray
from sklearn.metrics import cohen_kappa_score, f1_score
from sklearn.model_selection import GroupKFold, StratifiedGroupKFold

from models.features import find_occurrences, to_matrix
from models.segmentation import load_cut
from training.config import TrainConfig
from training.data import LabelledTexts, read_corpus, read_labelled
from training.fit import fit_model
from triage.taxonomy import Taxonomy
from triage.text import clean_texts

N_FOLDS = 5
NEAR = 0.5
SHINGLE = 5


def near_groups(texts: tuple[str, ...]) -> NDArray[np.int64]:
    """Give the same number to texts that nearly repeat each other."""
    index = MinHashLSH(threshold=NEAR, num_perm=64)
    groups = np.arange(len(texts))
    for i, text in enumerate(texts):
        sketch = MinHash(num_perm=64)
        pieces = range(max(1, len(text) - SHINGLE + 1))
        sketch.update_batch([text[k : k + SHINGLE].encode() for k in pieces])
        if near := index.query(sketch):
            groups[i] = groups[near[0]]
        index.insert(i, sketch)
    return groups


def held_out(
    data: LabelledTexts,
    config: TrainConfig,
    folds: list[tuple[NDArray[np.int64], NDArray[np.int64]]],
) -> dict[str, NDArray[np.str_]]:
    """Give the label of every text from a model trained on the other folds."""
    cut = load_cut(config.engine, config.user_words)
    found = {task: np.empty(len(data.texts), dtype=object) for task in data.labels}
    for number, (train, test) in enumerate(folds, start=1):
        print(f"fold {number} of {len(folds)} …", file=sys.stderr)
        model = fit_model(data.subset(train.tolist()), Taxonomy.from_file(), config)
        folded = [text.folded for text in clean_texts([data.texts[i] for i in test])]
        features = to_matrix(find_occurrences(folded, cut, config.features), model.space)
        raw, start = features.scores(model.weights) + model.biases, 0
        for task in model.taxonomy.tasks:
            end = start + len(task.labels)
            found[task.id][test] = np.array(task.label_ids)[raw[:, start:end].argmax(axis=1)]
            start = end
    return {task: labels.astype(str) for task, labels in found.items()}


def measure(
    data: LabelledTexts,
    labels: dict[str, NDArray[np.str_]],
    folds: list[tuple[NDArray[np.int64], NDArray[np.int64]]],
) -> dict[str, float]:
    """Give accuracy and macro-F1 of each task, macro-F1 as the mean of the folds."""
    figures: dict[str, float] = {}
    for task, chosen in labels.items():
        right = np.array(data.labels[task])
        figures[f"{task} accuracy"] = float((right == chosen).mean())
        figures[f"{task} macro-F1"] = float(np.mean([
            f1_score(right[test], chosen[test], average="macro", zero_division=0)
            for _, test in folds
        ]))  # fmt: skip
    if "urgency" in labels:
        order = list(Taxonomy.from_file().task("urgency").label_ids)
        figures["urgency quadratic κ"] = float(
            cohen_kappa_score(
                data.labels["urgency"], labels["urgency"], labels=order, weights="quadratic"
            )
        )
    return figures


def train_by_command(file: Path, text_column: str, label_column: str) -> dict[str, float]:
    """Run `triage train` on a file; give its seconds and its peak memory."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "triage", "train", str(file), "--text-column", text_column]
        command += ["--category-column", label_column, "--registry", folder, "--json"]
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return {"triage train, seconds": seconds, "triage train, peak memory of a process, MB": peak}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, nargs="?")
    parser.add_argument("--text-column", default="text")
    parser.add_argument("--label-column", default="label")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.file is None:
        data, config = read_corpus(), TrainConfig.from_file(DEFAULT)
        folds = list(GroupKFold(N_FOLDS).split(data.texts, groups=data.groups))
        about = f"{len(data.texts)} texts of training/corpus, {len(set(data.groups))} briefs"
        figures = {}
    else:
        columns = {"category": options.label_column, "motive": None, "urgency": None}
        data = read_labelled(options.file, text_column=options.text_column, label_columns=columns)
        config = TrainConfig.from_file()
        splitter = StratifiedGroupKFold(N_FOLDS, shuffle=True, random_state=0)
        groups = near_groups(data.texts)
        folds = list(splitter.split(data.texts, data.labels["category"], groups))
        about = f"{options.file.name}, {len(data.texts)} rows, {len(set(groups.tolist()))} groups"
        figures = train_by_command(options.file, options.text_column, options.label_column)
    figures = measure(data, held_out(data, config, folds), folds) | figures
    if options.json:
        print(json.dumps(figures, ensure_ascii=False))
        return
    print(heading("Cross-validation, five folds, groups kept together", about))
    print("| measure | value |\n|---|---|")
    for name, value in figures.items():
        print(f"| {name} | {value:.3f} |")


if __name__ == "__main__":
    main()
