"""The corpus keeps its own rules."""

import csv
import gzip
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from datasketch import MinHash, MinHashLSH

from training.data import CORPUS
from triage.privacy import is_id_number
from triage.taxonomy import TASKS, Taxonomy

FIELDS = [
    "id", "text", "category", "motive", "urgency", "category2", "motive2", "hard", "industry",
    "voice", "script", "brief",
]  # fmt: skip
MIN_TEXTS, MIN_INDUSTRIES, MIN_VOICES = 1500, 12, 8
MAX_OPENINGS, OPENING_CHARS = 5, 6
MAX_JACCARD = 0.4
SHINGLE, SHARED = 5, 16
HAN = re.compile(r"[\u4e00-\u9fff]+")


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    return [
        json.loads(line)
        for path in sorted(CORPUS.glob("*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]


def shingles(text: str) -> set[str]:
    plain = re.sub(r"\s", "", text)
    return {plain[i : i + SHINGLE] for i in range(max(1, len(plain) - SHINGLE + 1))}


def test_every_row_has_the_fields(rows: list[dict[str, Any]]):
    assert len(rows) >= MIN_TEXTS
    assert all(list(row) == FIELDS for row in rows)
    assert len({row["id"] for row in rows}) == len(rows)
    assert all(row["script"] in ("simplified", "traditional") for row in rows)


@pytest.mark.parametrize("task", TASKS)
def test_every_label_is_known_and_used(rows: list[dict[str, Any]], task: str):
    allowed = set(Taxonomy.from_file().task(task).label_ids)
    assert {row[task] for row in rows} == allowed
    second = {row.get(f"{task}2") for row in rows} - {None}
    assert second <= allowed
    assert all(row[task] != row.get(f"{task}2") for row in rows)


def test_industries_and_voices_vary(rows: list[dict[str, Any]]):
    assert len({row["industry"] for row in rows}) >= MIN_INDUSTRIES
    assert len({row["voice"] for row in rows}) >= MIN_VOICES


def test_no_opening_is_worn_out(rows: list[dict[str, Any]]):
    openings = Counter(row["text"][:OPENING_CHARS] for row in rows)
    assert {o: n for o, n in openings.items() if n > MAX_OPENINGS} == {}


def test_no_two_texts_are_nearly_alike(rows: list[dict[str, Any]]):
    index = MinHashLSH(threshold=0.35, num_perm=64)
    seen: dict[str, set[str]] = {}
    alike = []
    for row in rows:
        parts = shingles(row["text"])
        sketch = MinHash(num_perm=64, seed=1)
        sketch.update_batch([part.encode() for part in parts])
        for other in index.query(sketch):
            if len(parts & seen[other]) / len(parts | seen[other]) > MAX_JACCARD:
                alike.append((row["id"], other))
        index.insert(row["id"], sketch)
        seen[row["id"]] = parts
    assert alike == []


@pytest.mark.measure
def test_nothing_is_shared_with_the_measuring_data(rows: list[dict[str, Any]], measure_data: Path):
    def runs(text: str) -> set[str]:
        plain = "".join(HAN.findall(text))
        return {plain[i : i + SHARED] for i in range(len(plain) - SHARED + 1)}

    csv.field_size_limit(10**8)
    theirs: set[str] = set()
    for path in sorted(measure_data.glob("*.csv*")):
        opener = gzip.open if path.suffix == ".gz" else open
        with opener(path, "rt", encoding="utf-8-sig") as file:
            for row in csv.DictReader(file):
                theirs |= runs(row.get("text") or "")
    assert [row["id"] for row in rows if runs(row["text"]) & theirs] == []


def test_personal_numbers_are_invented(rows: list[dict[str, Any]]):
    numbers = [n for row in rows for n in re.findall(r"(?<!\d)\d{17}[\dXx](?!\d)", row["text"])]
    assert [n for n in numbers if is_id_number(n)] == []
