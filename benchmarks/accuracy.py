"""Every score of the default model on real complaints that it never saw, with 95 % intervals.

    python benchmarks/accuracy.py [--rows odd|even|all] [--json]

Needs the labelled rows named by TRIAGE_MEASURE_DATA (default ../shared/data). Rows with an even id
may be looked at while building; odd ones are for reporting.
"""

import argparse
import csv
import json
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from machine import heading
from sklearn.metrics import cohen_kappa_score, f1_score

from models.registry import Registry
from models.terminal import registry_root
from training.confidence import brier_score, calibration_error
from training.data import LabelledTexts, read_corpus
from training.evaluate import TaskAnswers, answer
from triage.taxonomy import TASKS
from triage.text import clean_texts

MIN_ROWS_OF_LABEL = 15
MIN_ROWS_OF_SOURCE = 15
N_BOOTSTRAP = 2000
N_CONFUSIONS = 10
SVM_UNSEEN_SOURCES = {"category": 0.42, "motive": 0.44, "urgency": 0.14}
"""What a linear SVM reaches on sources it never saw (accuracy, accuracy, quadratic kappa)."""


def read_rows(which: str) -> list[dict[str, str]]:
    """Give the labelled real rows, all or those of one parity."""
    folder = Path(os.environ.get("TRIAGE_MEASURE_DATA", "../shared/data"))
    with (folder / "complaints_labelled.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    parity = {"even": 0, "odd": 1}
    return [r for r in rows if which == "all" or int(r["id"][1:]) % 2 == parity[which]]


def as_data(rows: list[dict[str, str]]) -> LabelledTexts:
    """Give the rows as labelled texts."""
    return LabelledTexts(
        "complaints_labelled.csv",
        tuple(r["text"] for r in rows),
        {t: tuple(r[t] for r in rows) for t in TASKS},
        {t: tuple(r[f"{t}2"] or None for r in rows) for t in ("category", "motive")},
        tuple(r["id"] for r in rows),
    )


def interval(measure: Callable[[np.ndarray], float], n: int) -> tuple[float, float]:
    """Give the 95 % percentile bootstrap interval of a measure of row indices."""
    rng = np.random.default_rng(0)
    values = [measure(rng.integers(0, n, n)) for _ in range(N_BOOTSTRAP)]
    low, high = np.nanpercentile(values, [2.5, 97.5])
    return float(low), float(high)


def ideal_calibration_error(confidence: np.ndarray) -> float:
    """Give the mean calibration error that perfect calibration would show on so few rows."""
    rng = np.random.default_rng(0)
    draws = rng.uniform(size=(500, len(confidence))) > confidence
    return float(np.mean([calibration_error(confidence, wrong) for wrong in draws]))


def measures(answers: TaskAnswers, second: tuple[str | None, ...] | None) -> dict[str, Any]:
    """Give the scores of one task, each with its interval."""
    right, final = answers.right, answers.final
    ids = answers.task.label_ids
    counts = Counter(right.tolist())
    big = [label for label, n in counts.items() if n >= MIN_ROWS_OF_LABEL]
    hit = final == right

    def macro_f1(rows: np.ndarray) -> float:
        return float(
            f1_score(right[rows], final[rows], labels=big, average="macro", zero_division=0)
        )

    found: dict[str, Callable[[np.ndarray], float]] = {
        "accuracy": lambda rows: float(hit[rows].mean()),
        f"macro-F1, labels ≥ {MIN_ROWS_OF_LABEL} rows": macro_f1,
    }
    if second:
        either = hit | np.array([ids[f] == s for f, s in zip(final, second, strict=True)])
        found["accuracy, second label accepted"] = lambda rows: float(either[rows].mean())
    if answers.task.ordered:
        every = list(range(len(ids)))
        found["quadratic κ"] = lambda rows: float(
            cohen_kappa_score(right[rows], final[rows], labels=every, weights="quadratic")
        )
    auto = answers.auto
    found["share auto"] = lambda rows: float(auto[rows].mean())
    found["error among auto"] = lambda rows: (
        float(1 - hit[rows][auto[rows]].mean()) if auto[rows].any() else float("nan")
    )
    everything = np.arange(len(right))
    result = {
        name: (measure(everything), *interval(measure, len(right)))
        for name, measure in found.items()
    }
    confidence = answers.probabilities.max(axis=1).astype(float)
    wrong = answers.model != right
    ece = calibration_error(confidence, wrong)
    result["ECE"] = (ece, None, None)
    result["ECE less that of perfect calibration"] = (
        ece - ideal_calibration_error(confidence),
        None,
        None,
    )
    result["Brier"] = (brier_score(answers.probabilities, right), None, None)
    return result


def by_source(
    rows: list[dict[str, str]], answers: list[TaskAnswers]
) -> dict[str, dict[str, float]]:
    """Give the accuracy of each task for each source."""
    sources = np.array([row["source"] for row in rows])
    table = {}
    for source, n in Counter(sources.tolist()).most_common():
        here = sources == source
        table[source] = {"n": n} | {
            a.task.id: float((a.final[here] == a.right[here]).mean()) for a in answers
        }
    return table


def by_kind(texts: tuple[str, ...], answers: list[TaskAnswers]) -> dict[str, dict[str, float]]:
    """Give the accuracy of each task by length and by script of the text."""
    lengths = np.array([len(text) for text in texts])
    traditional = np.array([clean.is_traditional for clean in clean_texts(texts)])
    kinds = {
        "up to 40 characters": lengths <= 40,
        "41 to 120": (lengths > 40) & (lengths <= 120),
        "121 to 300": (lengths > 120) & (lengths <= 300),
        "above 300": lengths > 300,
        "traditional script": traditional,
    }
    return {
        kind: {"n": int(here.sum())}
        | {a.task.id: float((a.final[here] == a.right[here]).mean()) for a in answers}
        for kind, here in kinds.items()
        if here.any()
    }


def confusions(answers: TaskAnswers) -> list[tuple[str, str, int]]:
    """Give right label, answered label and number of rows, the commonest first."""
    ids = answers.task.label_ids
    wrong = answers.final != answers.right
    pairs = Counter(zip(answers.right[wrong].tolist(), answers.final[wrong].tolist(), strict=True))
    return [(ids[right], ids[final], n) for (right, final), n in pairs.most_common()]


def per_label(answers: TaskAnswers) -> dict[str, tuple[int, float, float]]:
    """Give rows, recall and F1 of each label."""
    every = range(len(answers.task.labels))
    scores = f1_score(
        answers.right, answers.final, labels=list(every), average=None, zero_division=0
    )
    table = {}
    for i in every:
        here = answers.right == i
        if here.any():
            recall = float((answers.final[here] == i).mean())
            table[answers.task.label_ids[i]] = (int(here.sum()), recall, float(scores[i]))
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", choices=("odd", "even", "all"), default="odd")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows = read_rows(options.rows)
    data = as_data(rows)
    registry = Registry(registry_root(None))
    answers = answer(registry.load(), data)
    scores = {a.task.id: measures(a, data.second.get(a.task.id)) for a in answers}
    ticket = np.all([a.auto for a in answers], axis=0)
    all_right = np.all([a.final == a.right for a in answers], axis=0)
    held_out = registry.manifest(registry.current())["scores"]
    if options.json:
        print(json.dumps({
            "scores": scores, "sources": by_source(rows, answers),
            "labels": {a.task.id: per_label(a) for a in answers},
            "kinds": by_kind(data.texts, answers),
            "confusions": {a.task.id: confusions(a) for a in answers},
            "ticket": {"share": float(ticket.mean()),
                       "error": float(1 - all_right[ticket].mean()) if ticket.any() else None},
            "cross_validation": {t: s["accuracy"] for t, s in held_out.items()},
        }, ensure_ascii=False))  # fmt: skip
        return
    n_corpus = len(read_corpus().texts)
    print(heading(
        f"Accuracy on real complaints ({options.rows} rows)",
        f"complaints_labelled.csv, {len(rows)} rows, none of them trained on; model "
        f"{registry.current()} trained on the {n_corpus} texts of training/corpus",
    ))  # fmt: skip
    print("| task | measure | value | 95 % interval |\n|---|---|---|---|")
    for task, table in scores.items():
        for name, (value, low, high) in table.items():
            range_ = "" if low is None else f"{low:.3f}–{high:.3f}"
            print(f"| {task} | {name} | {value:.3f} | {range_} |")
    if ticket.any():
        print(f"| ticket | all three auto: share | {ticket.mean():.3f} | |")
        print(f"| ticket | error among them | {1 - all_right[ticket].mean():.3f} | |")
    print("\n| source | rows | category | motive | urgency |\n|---|---|---|---|---|")
    for source, row in by_source(rows, answers).items():
        print(f"| {source} | {row['n']} | " + " | ".join(f"{row[t]:.2f}" for t in TASKS) + " |")
    print("\n| text | rows | category | motive | urgency |\n|---|---|---|---|---|")
    for kind, row in by_kind(data.texts, answers).items():
        print(f"| {kind} | {row['n']} | " + " | ".join(f"{row[t]:.2f}" for t in TASKS) + " |")
    print("\n| task | label | rows | recall | F1 |\n|---|---|---|---|---|")
    for a in answers:
        for label, (n, recall, f1) in per_label(a).items():
            print(f"| {a.task.id} | {label} | {n} | {recall:.2f} | {f1:.2f} |")
    print("\n| task | commonest confusions: right → answered (rows) |\n|---|---|")
    for a in answers:
        told = ", ".join(f"{r} → {f} ({n})" for r, f, n in confusions(a)[:N_CONFUSIONS])
        print(f"| {a.task.id} | {told} |")
    print("\nCross-validated on the corpus itself: "
          + ", ".join(f"{t} {s['accuracy']:.3f}" for t, s in held_out.items())
          + ". Yardstick, an SVM on sources it never saw: "
          + ", ".join(f"{t} {v}" for t, v in SVM_UNSEEN_SOURCES.items())
          + " (urgency: κ).")  # fmt: skip


if __name__ == "__main__":
    main()
