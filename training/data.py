"""Labelled complaints: read, checked, reported on."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self, TypeVar

from models.tables import read_rows
from triage.errors import DatasetError
from triage.taxonomy import TASKS

T = TypeVar("T")

MIN_ROWS = 20
MIN_PER_LABEL = 2
CORPUS = Path(__file__).parent / "corpus"


@dataclass(frozen=True, slots=True)
class LabelledTexts:
    """Texts with their labels.

    Attributes
    ----------
    name : str
        Where they came from, for the model card.
    texts : tuple of str, length n_texts
    labels : dict of task to tuple of str, each of length n_texts
        Only the tasks that are labelled.
    second : dict of task to tuple of (str or None)
        Equally defensible labels; empty where the data has none.
    groups : tuple of str, length n_texts
        Texts of one group stay on one side of every split (the writer's brief, or the text itself).
    """

    name: str
    texts: tuple[str, ...]
    labels: dict[str, tuple[str, ...]]
    second: dict[str, tuple[str | None, ...]] = field(default_factory=dict)
    groups: tuple[str, ...] = ()

    @property
    def fingerprint(self) -> str:
        """SHA-256 over texts and labels, in order."""
        digest = hashlib.sha256()
        for i, text in enumerate(self.texts):
            row = [text, *(self.labels[task][i] for task in sorted(self.labels))]
            digest.update(json.dumps(row, ensure_ascii=False).encode())
        return digest.hexdigest()

    def report(self) -> dict[str, object]:
        """Give the numbers that a person should see before training."""
        return {
            "rows": len(self.texts),
            "distinct_texts": len(set(self.texts)),
            "labels": {task: dict(Counter(v).most_common()) for task, v in self.labels.items()},
        }

    def subset(self, indices: Sequence[int]) -> Self:
        """Give the rows at these indices."""

        def pick(values: Sequence[T]) -> tuple[T, ...]:
            return tuple(values[i] for i in indices)

        return type(self)(
            self.name,
            pick(self.texts),
            {task: pick(values) for task, values in self.labels.items()},
            {task: pick(values) for task, values in self.second.items()},
            pick(self.groups),
        )


def read_corpus(folder: Path = CORPUS) -> LabelledTexts:
    """Read the project's own corpus.

    Raises
    ------
    DatasetError
        If the folder holds no corpus.
    """
    rows = [
        json.loads(line)
        for path in sorted(folder.glob("*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    if not rows:
        raise DatasetError(f"no corpus in {folder}: expected files ending in .jsonl")
    return LabelledTexts(
        name="the project's own corpus (training/corpus)",
        texts=tuple(row["text"] for row in rows),
        labels={task: tuple(row[task] for row in rows) for task in TASKS},
        second={t: tuple(row[f"{t}2"] for row in rows) for t in ("category", "motive")},
        groups=tuple(row["brief"] for row in rows),
    )


def read_labelled(
    path: Path, *, text_column: str, label_columns: Mapping[str, str | None]
) -> LabelledTexts:
    """Read a labelled file.

    Parameters
    ----------
    path : Path
        Any table that `triage tag` reads.
    text_column : str
    label_columns : mapping of task to column name or None
        At least one task needs a column.

    Raises
    ------
    DatasetError
        If a column is missing, a row has no text or label, or there are too few rows: names file
        and row. `TableError` where the file cannot be read.
    """
    columns = {task: column for task, column in label_columns.items() if column}
    if not columns:
        raise DatasetError(
            "no task to learn: name one or more of --category-column, --motive-column, "
            "--urgency-column"
        )
    wanted = [text_column, *columns.values()]
    texts: list[str] = []
    labels: dict[str, list[str]] = {task: [] for task in columns}
    second: dict[str, list[str | None]] = {}
    for number, row in enumerate(read_rows(path), start=1):
        _check_row(path, number, row.values, wanted)
        texts.append(str(row.values[text_column]))
        for task, column in columns.items():
            labels[task].append(str(row.values[column]).strip())
            other = row.values.get(f"{column}2")
            second.setdefault(task, []).append(str(other).strip() or None if other else None)
    data = LabelledTexts(
        name=path.name,
        texts=tuple(texts),
        labels={task: tuple(values) for task, values in labels.items()},
        second={t: tuple(v) for t, v in second.items() if any(v)},
        groups=tuple(texts),
    )
    if not texts:
        raise DatasetError(f"{path.name}: no rows")
    return data


def check_trainable(data: LabelledTexts, n_folds: int) -> None:
    """Refuse data from which no honest model can be made.

    Raises
    ------
    DatasetError
        If there are too few rows, a task has a single label, or a label too few rows.
    """
    if len(data.texts) < MIN_ROWS:
        raise DatasetError(f"{data.name}: {len(data.texts)} rows, at least {MIN_ROWS} are needed")
    for task, values in data.labels.items():
        counts = Counter(values)
        if len(counts) < 2:
            raise DatasetError(f"{data.name}: {task} has one label only, two are needed")
        rare = [f"{label} ({n})" for label, n in counts.items() if n < MIN_PER_LABEL]
        if rare:
            raise DatasetError(
                f"{data.name}: {task} labels with fewer than {MIN_PER_LABEL} rows: "
                f"{', '.join(sorted(rare)[:10])}; add rows or merge labels"
            )


def _check_row(path: Path, number: int, row: Mapping[str, object], wanted: Iterable[str]) -> None:
    for column in wanted:
        if column not in row:
            known = ", ".join(map(str, row)) or "none"
            raise DatasetError(f"{path.name}: no column {column!r}: it has {known}")
        if not str(row[column] or "").strip():
            raise DatasetError(f"{path.name}, row {number}: {column} is empty")
