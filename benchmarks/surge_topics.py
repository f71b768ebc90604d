"""One-pass topics on streams with known topics (SURGE.md 3.4).

One setting for all files, `TopicIndex.for_words()`, chosen on the first half of the tweets.
Run: python benchmarks/surge_topics.py [FILE…] [--json]
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from surge_report import Row, print_report

from triage.topics import TopicIndex

TIDY_EVERY = 1000


def read_documents(path: Path) -> list[tuple[int, list[str]]]:
    """Read topics and words in stream order."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as file:
        rows = (json.loads(line) for line in file)
        return [(row["topic"], row["text"].split()) for row in rows]


def cluster(documents: Sequence[Sequence[str]]) -> tuple[NDArray[np.int64], float]:
    """Put documents into topics one by one; return topics, merged ones as one, and CPU seconds."""
    index = TopicIndex.for_words()
    begin = time.process_time()
    found = []
    for place, words in enumerate(documents):
        found.append(index.add(dict.fromkeys(words, 1.0), at=float(place)).topic_id)
        if place % TIDY_EVERY == TIDY_EVERY - 1:
            index.tidy(float(place))
    seconds = time.process_time() - begin
    return np.array([index.resolve(topic) for topic in found]), seconds


def agreement(truth: NDArray[np.int64], found: NDArray[np.int64]) -> dict[str, float]:
    """Return NMI (arithmetic mean) and B-cubed precision, recall and F."""
    rows, columns = (np.unique(part, return_inverse=True)[1] for part in (truth, found))
    n = len(truth)
    table = coo_matrix((np.ones(n), (rows, columns))).tocsr().tocoo()
    shared = table.data
    by_row, by_column = np.bincount(rows) / n, np.bincount(columns) / n
    joint = shared / n
    information = (joint * np.log(joint / (by_row[table.row] * by_column[table.col]))).sum()
    entropy = -(by_row * np.log(by_row)).sum() - (by_column * np.log(by_column)).sum()
    precision = (shared**2 / (by_column[table.col] * n)).sum() / n
    recall = (shared**2 / (by_row[table.row] * n)).sum() / n
    return {
        "NMI": float(2 * information / entropy),
        "B-cubed F": float(2 * precision * recall / (precision + recall)),
        "B-cubed P": float(precision),
        "B-cubed R": float(recall),
    }


def measure(path: Path) -> list[Row]:
    """Cluster a file and rate the whole and its second half."""
    documents = read_documents(path)
    truth = np.array([topic for topic, _ in documents])
    found, seconds = cluster([words for _, words in documents])
    half = len(truth) // 2
    whole = agreement(truth, found) | {"documents/s": len(truth) / seconds}
    return [
        Row(f"{path.name}, all {len(truth)}", whole),
        Row(f"{path.name}, second half", agreement(truth[half:], found[half:])),
    ]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    home = Path(os.environ.get("TRIAGE_MEASURE_DATA", "../shared/data"))
    default = [home / "topics_tweets.jsonl.gz", home / "topics_news.jsonl.gz"]
    files = options.files or [path for path in default if path.exists()]
    if not files:
        raise SystemExit(f"skipped: no topics_*.jsonl.gz in {home} (set TRIAGE_MEASURE_DATA)")
    rows = [row for path in files for row in measure(path)]
    rows += [
        Row("MStream(F), published, tweets / news", {"NMI": 0.923}),
        Row(
            "MStreamF run for SURGE.md, tweets",
            {"NMI": 0.874, "B-cubed F": 0.69, "documents/s": 43},
        ),
        Row(
            "MStreamF run for SURGE.md, news", {"NMI": 0.865, "B-cubed F": 0.70, "documents/s": 124}
        ),
        Row("reach, rest of the tweets", {"NMI": 0.925, "B-cubed F": 0.80, "documents/s": 10_000}),
    ]
    reach = Row("reach, news", {"NMI": 0.89, "B-cubed F": 0.75, "documents/s": 10_000})
    print_report(
        "surge_topics",
        rows,
        reach=reach,
        as_json=options.json,
        held_constant={"setting": "TopicIndex.for_words(), chosen on the first half of the tweets"},
    )


if __name__ == "__main__":
    main()
