"""How the surge benchmarks print their command, data, machine, date and table."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Row:
    """One detector and what was measured of it."""

    name: str
    figures: Mapping[str, float]


def describe_machine() -> str:
    """Name processor, cores, Python and system."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    return f"{model}, {os.cpu_count()} cores, Python {platform.python_version()}"


def show_progress(what: str, done: int, total: int) -> None:
    """Tell on the terminal how far a benchmark is; nothing where there is no terminal."""
    if sys.stderr.isatty():
        end = "\n" if done >= total else ""
        print(f"\r{what} {done:,} of {total:,}", end=end, file=sys.stderr, flush=True)


def print_report(
    name: str,
    rows: Sequence[Row],
    *,
    held_constant: Mapping[str, str],
    reach: Row | None = None,
    as_json: bool = False,
) -> None:
    """Print one benchmark as Markdown, or as one JSON object."""
    facts = {
        "benchmark": name,
        "command": "python " + " ".join([f"benchmarks/{name}.py", *sys.argv[1:]]),
        "date": date.today().isoformat(),
        "machine": describe_machine(),
        **held_constant,
    }
    if as_json:
        table = {row.name: dict(row.figures) for row in rows}
        print(
            json.dumps(
                {**facts, "results": table, "reach": dict(reach.figures) if reach else None},
                ensure_ascii=False,
            )
        )
        return
    print(f"## {name}\n")
    for key, value in facts.items():
        print(f"- {key}: {value}")
    columns = list(dict.fromkeys(key for row in rows for key in row.figures))
    print("\n| detector | " + " | ".join(columns) + " |")
    print("|---" * (len(columns) + 1) + "|")
    for row in [*rows, *([reach] if reach else [])]:
        cells = [_format(row.figures.get(column)) for column in columns]
        print(f"| {row.name} | " + " | ".join(cells) + " |")


def _format(value: float | str | None) -> str:
    """Show four significant digits, and a dash for what was not measured."""
    if value is None:
        return "–"
    return value if isinstance(value, str) else f"{value:.4g}"
