"""The words that people read on printed pages, kept in a data file."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Self


@dataclass(frozen=True, slots=True)
class Wording:
    """Column titles and the Chinese names of ids.

    Examples
    --------
    >>> Wording.from_file().flags["repeat"]
    '重复投诉'
    """

    step_columns: tuple[str, ...]
    label_columns: tuple[str, ...]
    deadline_columns: tuple[str, ...]
    tasks: Mapping[str, str]
    decisions: Mapping[str, str]
    flags: Mapping[str, str]
    card: Mapping[str, str]
    titles: Mapping[str, str]

    @classmethod
    def from_file(cls) -> Self:
        """Read the packaged file."""
        source = resources.files("api") / "wording.toml"
        data = tomllib.loads(source.read_text(encoding="utf-8"))
        return cls(
            step_columns=tuple(data["step_columns"]),
            label_columns=tuple(data["label_columns"]),
            deadline_columns=tuple(data["deadline_columns"]),
            tasks=data["tasks"],
            decisions=data["decisions"],
            flags=data["flags"],
            card=data["card"],
            titles=data["titles"],
        )
