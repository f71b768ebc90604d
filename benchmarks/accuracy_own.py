"""The default model on our own held-out sets: rare labels, danger and its near-misses, scripts.

    python benchmarks/accuracy_own.py [--json]

Prints, for the frozen set of tests/quality (written by hands that saw neither corpus nor rules,
never trained on): recall of ``critical`` with rules, how many near-misses are called critical, F1
of each rare label; and how many corpus texts keep all three labels when OpenCC turns them into
Taiwan or Hong Kong wording.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from machine import heading
from opencc import OpenCC
from sklearn.metrics import f1_score

from models.registry import Registry
from models.terminal import registry_root
from training.data import LabelledTexts, read_corpus
from training.evaluate import answer
from triage.taxonomy import TASKS

FROZEN = Path(__file__).parent.parent / "tests" / "quality" / "frozen.jsonl"
RARE = {
    "category": ("after_sales", "privacy", "system", "service"),
    "motive": ("revenge", "respect"),
    "urgency": ("critical",),
}
N_SCRIPT = 2000


def read_frozen() -> tuple[LabelledTexts, np.ndarray]:
    rows = [json.loads(line) for line in FROZEN.read_text(encoding="utf-8").splitlines()]
    data = LabelledTexts(
        "tests/quality/frozen.jsonl",
        tuple(r["text"] for r in rows),
        {t: tuple(r[t] for r in rows) for t in TASKS},
        {t: tuple(r[f"{t}2"] for r in rows) for t in ("category", "motive")},
        tuple(r["id"] for r in rows),
    )
    return data, np.array([r["kind"] == "near_miss" for r in rows])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    bundle = Registry(registry_root(None)).load()
    data, near_miss = read_frozen()
    answers = {a.task.id: a for a in answer(bundle, data)}
    figures: dict[str, float] = {}
    for task, a in answers.items():
        figures[f"{task} accuracy"] = float((a.final == a.right).mean())
        second = data.second.get(task)
        if second:
            ids = a.task.label_ids
            either = [f == r or ids[f] == s
                      for f, r, s in zip(a.final, a.right, second, strict=True)]  # fmt: skip
            figures[f"{task} accuracy, second label accepted"] = float(np.mean(either))
    urgency = answers["urgency"]
    critical = urgency.task.label_ids.index("critical")
    figures["critical recall, with rules"] = float(
        (urgency.final[urgency.right == critical] == critical).mean()
    )
    figures["critical recall, model alone"] = float(
        (urgency.model[urgency.right == critical] == critical).mean()
    )
    figures["near-misses called critical"] = float((urgency.final[near_miss] == critical).mean())
    rare = {}
    for task, labels in RARE.items():
        a = answers[task]
        for label in labels:
            i = a.task.label_ids.index(label)
            rare[label] = float(f1_score(a.right == i, a.final == i))
    figures |= {f"F1 {label}": value for label, value in rare.items()}
    figures["F1 of rare labels, mean"] = float(np.mean(list(rare.values())))
    corpus = read_corpus()
    simplified = corpus.texts[:: max(1, len(corpus.texts) // N_SCRIPT)]
    before = bundle.predict(simplified)
    for config in ("s2twp", "s2hk"):
        convert = OpenCC(config).convert
        after = bundle.predict([convert(text) for text in simplified])
        same = [
            all(a.of(t).label == b.of(t).label for t in TASKS)  # type: ignore[union-attr]
            for a, b in zip(before, after, strict=True)
        ]
        figures[f"same three labels after {config}"] = float(np.mean(same))
    if options.json:
        print(json.dumps(figures, ensure_ascii=False))
        return
    print(heading(
        "The default model on our own held-out texts",
        f"frozen set of {len(data.texts)} ({int(near_miss.sum())} near-misses of critical); "
        f"{len(simplified)} texts of the corpus for the scripts; model {bundle.version}",
    ))  # fmt: skip
    print("| measure | value |\n|---|---|")
    for name, value in figures.items():
        print(f"| {name} | {value:.3f} |")


if __name__ == "__main__":
    main()
