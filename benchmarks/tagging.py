"""Speed of tagging beside the pipeline everybody writes, measured side by side in one run.

    python benchmarks/tagging.py [--texts 10000] [--rounds 3] [--json]

Compared: this product (three tasks, confidence, decision, evidence), a naive pipeline
(``jieba.lcut`` in TfidfVectorizer, three LogisticRegression, labels only), the same with rjieba,
and fastText on the same words where it is installed. All are trained on the project's own corpus.
"""

import argparse
import csv
import gzip
import json
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import jieba
import numpy as np
import rjieba
from joblib import Parallel, delayed
from machine import heading
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from models.registry import Registry
from models.segmentation import load_cut, private_cache
from models.tables import Row
from models.tagging import CHUNK_ROWS, tag_chunk
from models.terminal import registry_root
from training.data import read_corpus
from triage.flags import FlagRules
from triage.taxonomy import TASKS
from triage.text import clean_texts
from triage.triager import Triager

HAN_RUNS = re.compile(r"[\u4e00-\u9fd5]+")
N_SINGLE = 300


def read_texts(n: int) -> tuple[list[str], str]:
    """Give n texts of the hotline year, repeated as needed; else of the corpus."""
    csv.field_size_limit(10**8)
    folder = Path(os.environ.get("TRIAGE_MEASURE_DATA", "../shared/data"))
    path = folder / "hotline_stream_2019.csv.gz"
    if path.is_file():
        with gzip.open(path, "rt", encoding="utf-8") as file:
            texts = [row["text"] for row in csv.DictReader(file)]
        name = path.name
    else:
        texts, name = list(read_corpus().texts), "training/corpus"
    return list(islice(cycle(texts), n)), f"{n} texts of {name} (repeated as needed)"


class Naive:
    """Words, TF-IDF, three logistic regressions: labels, nothing else."""

    def __init__(self, cut: Callable[[str], Sequence[str]]) -> None:
        corpus = read_corpus()
        self.vectorizer = TfidfVectorizer(tokenizer=cut, token_pattern=None, lowercase=False)
        X = self.vectorizer.fit_transform(corpus.texts)
        self.heads = {
            task: LogisticRegression(max_iter=300).fit(X, corpus.labels[task]) for task in TASKS
        }

    def predict(self, texts: Sequence[str]) -> dict[str, Any]:
        X = self.vectorizer.transform(texts)
        return {task: head.predict(X) for task, head in self.heads.items()}


class FastText:
    """fastText, one model a task, on the same words."""

    def __init__(self) -> None:
        import fasttext

        corpus = read_corpus()
        self.cut = load_cut()
        self.models = {}
        for task in TASKS:
            with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as file:
                for text, label in zip(corpus.texts, corpus.labels[task], strict=True):
                    file.write(f"__label__{label} {self._words(text)}\n")
                file.flush()
                self.models[task] = fasttext.train_supervised(
                    file.name, epoch=25, lr=0.5, wordNgrams=2, dim=50, thread=1, verbose=0
                )

    def _words(self, text: str) -> str:
        return " ".join(self.cut(text.replace("\n", " ")))

    def predict(self, texts: Sequence[str]) -> dict[str, Any]:
        words = [self._words(text) for text in texts]
        return {
            task: [label[0].removeprefix("__label__") for label in model.predict(words)[0]]
            for task, model in self.models.items()
        }


def seconds(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def interleaved(works: dict[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    """Time works in turns, so that what else the machine does hits all alike; best of rounds."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            times[name].append(seconds(work))
    return {name: min(values) for name, values in times.items()}


def start_up(root: Path) -> tuple[float, float]:
    """Give seconds from process start to the first answer, and the peak memory of `triage tag`."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "one.csv"
        source.write_text("text\n快递三天没到,客服电话打不通\n", encoding="utf-8")
        times = []
        for i in range(5):
            command = [sys.executable, "-m", "triage", "tag", str(source), "--registry", str(root)]
            command += ["-o", str(Path(folder) / f"{i}.csv")]
            times.append(
                seconds(lambda c=command: subprocess.run(c, check=True, capture_output=True))
            )
        return statistics.median(times), 0.0


def peak_memory(root: Path, texts: Sequence[str]) -> float:
    """Give the peak resident memory in MB of `triage tag` over the texts."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "many.csv"
        with source.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["text"])
            writer.writerows([text] for text in texts)
        command = [sys.executable, "-m", "triage", "tag", str(source), "--registry", str(root)]
        command += ["-o", str(Path(folder) / "out.csv")]
        code = (
            "import resource, subprocess, sys;"
            "subprocess.run(sys.argv[1:], check=True, capture_output=True);"
            "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
        )
        out = subprocess.run(
            [sys.executable, "-c", code, *command], check=True, capture_output=True, text=True
        )
        return int(out.stdout) / 1024


def agreement(first: dict[str, Any], second: dict[str, Any]) -> float:
    """Give the share of labels, over all tasks, on which two agree."""
    return float(
        np.mean(
            [np.mean([a == b for a, b in zip(first[t], second[t], strict=True)]) for t in TASKS]
        )
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    texts, data = read_texts(options.texts)
    root = registry_root(None)
    version = Registry(root).current()
    triager = Triager(Registry(root).load(), FlagRules.from_file())
    jieba.setLogLevel("WARNING")
    jieba.dt.tmp_dir = str(private_cache())
    rust = rjieba.Jieba()
    systems: dict[str, Any] = {"naive, jieba": Naive(jieba.lcut), "naive, rjieba": Naive(rust.cut)}
    try:
        systems["fastText, rjieba"] = FastText()
    except ImportError:
        print("fastText is not installed: left out", file=sys.stderr)
    chunks = [
        [Row({"text": text}) for text in texts[i : i + CHUNK_ROWS]]
        for i in range(0, len(texts), CHUNK_ROWS)
    ]
    pool = Parallel(n_jobs=2)
    pool(delayed(tag_chunk)(root, version, "text", chunk) for chunk in chunks[:4])  # warm
    folded = [clean.folded for clean in clean_texts(texts)]
    works: dict[str, Callable[[], Any]] = {
        "segmentation alone, rjieba": lambda: [
            rust.cut(run) for text in folded for run in HAN_RUNS.findall(text)
        ],
        "this product, 1 process": lambda: triager.triage(texts),
        "this product, 2 workers": lambda: pool(
            delayed(tag_chunk)(root, version, "text", chunk) for chunk in chunks
        ),
        **{name: (lambda s=system: s.predict(texts)) for name, system in systems.items()},
    }
    batch = interleaved(works, options.rounds)
    some = texts[:N_SINGLE]
    single = interleaved(
        {
            "this product, 1 process": lambda: [triager.triage([text]) for text in some],
            **{
                name: (lambda s=system: [s.predict([text]) for text in some])
                for name, system in systems.items()
            },
        },
        options.rounds,
    )
    ours = triager.triage(texts[:2000])
    labels = {t: [a.predictions.of(t).label for a in ours] for t in TASKS}  # type: ignore[union-attr]
    agreements = {name: agreement(labels, s.predict(texts[:2000])) for name, s in systems.items()}
    started, _ = start_up(root)
    memory = peak_memory(root, texts)
    naive_batch, naive_single = batch["naive, jieba"], single["naive, jieba"]
    figures = {
        "batch_texts_per_second": {n: len(texts) / s for n, s in batch.items()},
        "single_ms": {n: 1000 * s / len(some) for n, s in single.items()},
        "batch_times_naive_2_workers": naive_batch / batch["this product, 2 workers"],
        "batch_times_naive_1_process": naive_batch / batch["this product, 1 process"],
        "tag_over_segmentation": batch["this product, 1 process"]
        / batch["segmentation alone, rjieba"],
        "single_times_naive": naive_single / single["this product, 1 process"],
        "label_agreement": agreements,
        "start_up_seconds": started,
        "peak_memory_mb": memory,
        "benchmark_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    if options.json:
        print(json.dumps(figures, ensure_ascii=False))
        return
    print(heading("Tagging speed", data))
    print("| | texts per second, batch | × naive | one text, ms | × naive | labels as ours |")
    print("|---|---|---|---|---|---|")
    for name, spent in batch.items():
        one = f"{1000 * single[name] / len(some):.2f}" if name in single else "–"
        ratio = f"{naive_single / single[name]:.1f}" if name in single else "–"
        same = f"{agreements[name]:.2f}" if name in agreements else "–"
        print(
            f"| {name} | {len(texts) / spent:,.0f} | {naive_batch / spent:.1f} | {one} | {ratio} "
            f"| {same} |"
        )
    print(
        f"\nTagging over segmentation alone, one process: {figures['tag_over_segmentation']:.2f} "
        f"times. `triage tag` of one text, process start to exit: {started:.2f} s (median of 5). "
        f"Peak memory of `triage tag` over all texts: {memory:.0f} MB."
    )


if __name__ == "__main__":
    main()
