"""What every command shares: where the registry is, progress, and errors in one line."""

import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.console import Console

T = TypeVar("T")

DEFAULT_REGISTRY = Path("var/registry")

RegistryOption = Annotated[
    Path | None,
    typer.Option(
        "--registry",
        help="Folder of the model versions [default: TRIAGE_REGISTRY or ./var/registry]",
        show_default=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for a program to read")]
ModelOption = Annotated[
    str | None, typer.Option("--model", help="Version id [default: the current one]")
]


def registry_root(named: Path | None) -> Path:
    """Give the registry folder: the one named, or that of TRIAGE_REGISTRY, or the default."""
    return named or Path(os.environ.get("TRIAGE_REGISTRY") or DEFAULT_REGISTRY)


def stdout() -> Console:
    """Give a console for results."""
    return Console()


def stderr() -> Console:
    """Give a console for progress and notes, so that results can be piped."""
    return Console(stderr=True)


def with_progress(items: Iterable[T], what: str, total: int | None = None) -> Iterator[T]:
    """Show a progress bar while items pass, on a terminal only."""
    if not sys.stderr.isatty():
        yield from items
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=stderr(), transient=True) as progress:
        task = progress.add_task(what, total=total)
        for item in items:
            yield item
            progress.advance(task)
