"""How much another thousand texts of our corpus teach about real people's complaints.

    python benchmarks/learning_curve.py [--sizes 1000,2000,4000,8000] [--subsets 5] [--json]

Trains the default configuration on random subsets of the corpus and on all of it, without rules,
and scores all rows of the labelled real data (accuracy; for urgency the quadratic kappa).
"""

import argparse
import json
import sys

import numpy as np
from accuracy import as_data, read_rows
from machine import heading
from sklearn.metrics import cohen_kappa_score

from models.features import find_occurrences, to_matrix
from models.segmentation import load_cut
from training.config import TrainConfig
from training.data import CORPUS, LabelledTexts, read_corpus
from training.fit import FittedModel, fit_model
from triage.taxonomy import Taxonomy
from triage.text import clean_texts

DEFAULT = CORPUS.parent / "default.toml"


def scores(model: FittedModel, config: TrainConfig, real: LabelledTexts) -> dict[str, float]:
    """Score a fitted model on texts it has not seen: accuracy, for urgency the quadratic kappa."""
    cut = load_cut(config.engine, config.user_words)
    folded = [text.folded for text in clean_texts(real.texts)]
    features = to_matrix(find_occurrences(folded, cut, config.features), model.space)
    raw = features.scores(model.weights) + model.biases
    found, start = {}, 0
    for task in model.taxonomy.tasks:
        end = start + len(task.labels)
        chosen = raw[:, start:end].argmax(axis=1)
        right = np.array([task.label_ids.index(label) for label in real.labels[task.id]])
        found[task.id] = (
            float(cohen_kappa_score(right, chosen, weights="quadratic"))
            if task.ordered
            else float((chosen == right).mean())
        )
        start = end
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="1000,2000,4000,8000")
    parser.add_argument("--subsets", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    corpus, real = read_corpus(), as_data(read_rows("all"))
    taxonomy, config = Taxonomy.from_file(), TrainConfig.from_file(DEFAULT)
    total = len(corpus.texts)
    sizes = [n for n in map(int, options.sizes.split(",")) if n < total] + [total]
    curve: dict[int, list[dict[str, float]]] = {}
    for size in sizes:
        for seed in range(options.subsets if size < total else 1):
            rows = np.random.default_rng(seed).choice(total, size, replace=False)
            print(f"{size} texts, subset {seed + 1} …", file=sys.stderr)
            model = fit_model(corpus.subset(rows.tolist()), taxonomy, config)
            curve.setdefault(size, []).append(scores(model, config, real))
    if options.json:
        print(json.dumps(curve))
        return
    print(heading(
        "Learning curve",
        f"subsets of the {total} texts of training/corpus, mean of {options.subsets} (range); "
        f"scored on all {len(real.texts)} rows of complaints_labelled.csv, model without rules",
    ))  # fmt: skip
    print(
        "| texts | category accuracy | motive accuracy | urgency quadratic κ |\n|---|---|---|---|"
    )
    for size, runs in curve.items():
        cells = []
        for task in ("category", "motive", "urgency"):
            values = [run[task] for run in runs]
            cells.append(f"{np.mean(values):.3f} ({min(values):.3f}–{max(values):.3f})")
        print(f"| {size} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
