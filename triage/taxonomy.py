"""The label sets: which tasks there are, their labels, and what people call them."""

import tomllib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Self

from triage.errors import ConfigError, UnknownLabelError

TASKS = ("category", "motive", "urgency")


@dataclass(frozen=True, slots=True)
class Label:
    """One label: a stable ASCII `id` and the Chinese `name` that people see."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Task:
    """One question asked of every complaint, with its possible answers.

    `labels` of an `ordered` task run from lowest to highest.
    """

    id: str
    name: str
    labels: tuple[Label, ...]
    ordered: bool = False

    @property
    def label_ids(self) -> tuple[str, ...]:
        """Ids of the labels, in taxonomy order."""
        return tuple(label.id for label in self.labels)

    def label(self, label_id: str) -> Label:
        """Give the label of this id.

        Raises
        ------
        UnknownLabelError
            If the task has no such label.
        """
        for label in self.labels:
            if label.id == label_id:
                return label
        allowed = ", ".join(self.label_ids)
        raise UnknownLabelError(f"unknown {self.id} {label_id!r}: expected one of {allowed}")

    def restricted_to(self, label_ids: set[str]) -> Self:
        """Give this task with only the labels found in data; unknown ids become their own name.

        Labels of the taxonomy keep their order, new ones follow sorted.
        """
        known = tuple(label for label in self.labels if label.id in label_ids)
        new = sorted(label_ids - {label.id for label in known})
        if self.ordered and new:
            allowed = ", ".join(self.label_ids)
            raise UnknownLabelError(
                f"unknown {self.id} {', '.join(new)}: the order of {self.id} levels must be known, "
                f"so expected some of {allowed}; name yours with --taxonomy FILE"
            )
        labels = known + tuple(Label(id=x, name=x) for x in new)
        return type(self)(id=self.id, name=self.name, labels=labels, ordered=self.ordered)


@dataclass(frozen=True, slots=True)
class Taxonomy:
    """The tasks of a deployment, in the order category, motive, urgency.

    Examples
    --------
    >>> taxonomy = Taxonomy.from_file()
    >>> taxonomy.task("urgency").label_ids
    ('low', 'normal', 'high', 'critical')
    >>> taxonomy.task("category").label("refund").name
    '退换退款'
    """

    tasks: tuple[Task, ...]

    def task(self, task_id: str) -> Task:
        """Give the task of this id; raise `UnknownLabelError` where there is none."""
        for task in self.tasks:
            if task.id == task_id:
                return task
        raise UnknownLabelError(
            f"unknown task {task_id!r}: expected one of {', '.join(t.id for t in self.tasks)}"
        )

    @classmethod
    def from_file(cls, path: Path | None = None) -> Self:
        """Read a taxonomy file; None reads the default one.

        Raises
        ------
        ConfigError
            If the file cannot be read or a label is named twice or has no name.
        """
        name = str(path) if path else "taxonomy.toml"
        try:
            raw = (path or resources.files("triage") / "taxonomy.toml").read_text(encoding="utf-8")
            data = tomllib.loads(raw)
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise ConfigError(f"{name}: cannot be read as TOML: {error}") from error
        unknown = set(data) - set(TASKS)
        if unknown:
            raise ConfigError(
                f"{name}: unknown table {', '.join(sorted(unknown))}: "
                f"expected some of {', '.join(TASKS)}"
            )
        return cls(tasks=tuple(_read_task(name, t, data[t]) for t in TASKS if t in data))

    def to_json(self) -> list[dict[str, Any]]:
        """Give the taxonomy as plain values, as the manifest of a version keeps it."""
        return [
            {
                "id": task.id,
                "name": task.name,
                "ordered": task.ordered,
                "labels": [{"id": label.id, "name": label.name} for label in task.labels],
            }
            for task in self.tasks
        ]

    @classmethod
    def from_json(cls, values: list[dict[str, Any]]) -> Self:
        """Rebuild a taxonomy from `to_json`."""
        return cls(
            tasks=tuple(
                Task(
                    id=value["id"],
                    name=value["name"],
                    ordered=value["ordered"],
                    labels=tuple(Label(id=x["id"], name=x["name"]) for x in value["labels"]),
                )
                for value in values
            )
        )


def _read_task(file: str, task_id: str, table: dict[str, Any]) -> Task:
    labels = table.get("labels", [])
    ids = [label.get("id") for label in labels]
    if len(labels) < 2 or None in ids or len(set(ids)) < len(ids):
        raise ConfigError(f"{file}: [{task_id}] needs two or more labels, each with its own id")
    return Task(
        id=task_id,
        name=table.get("name", task_id),
        labels=tuple(Label(id=x["id"], name=x.get("name", x["id"])) for x in labels),
        ordered=bool(table.get("ordered", False)),
    )
