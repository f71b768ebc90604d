"""Commands on models and with them: tag, models, promote, rollback."""

import getpass
import json
import os
from collections import Counter
from collections.abc import Mapping
from itertools import chain, islice
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from models.registry import Registry
from models.tables import STANDARD_STREAM, Row, open_writer, read_rows
from models.tagging import EVIDENCE, Tagger
from models.terminal import (
    JsonOption,
    ModelOption,
    RegistryOption,
    registry_root,
    stderr,
    stdout,
    with_progress,
)
from triage.errors import TableError
from triage.taxonomy import Taxonomy

app = typer.Typer(no_args_is_help=True)
LOOK_AHEAD_ROWS = 1000
PREVIEW_CHARS = 60
DECISION_MARKS = {"auto": "✓", "suggest": "?", "review": "!"}


@app.command()
def tag(
    file: Annotated[Path, typer.Argument(help="Table of complaints, or - for standard input")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Table to write [default: CSV on stdout]")
    ] = STANDARD_STREAM,
    text_column: Annotated[str, typer.Option(help="Column that holds the complaint")] = "text",
    model: ModelOption = None,
    registry: RegistryOption = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes to use")] = 1,
    scheduler: Annotated[
        str | None, typer.Option(help="Address of a Dask scheduler to use instead")
    ] = None,
    preview: Annotated[
        int, typer.Option(min=0, help="Print this many rows as a table for people")
    ] = 0,
) -> None:
    """Tag every row with category, motive and urgency.

    Example: triage tag complaints.csv -o tagged.csv --text-column 内容 --workers 2
    """
    versions = Registry(registry_root(registry))
    version = model or versions.current()
    taxonomy = Taxonomy.from_json(versions.manifest(version)["taxonomy"])
    rows = read_rows(file)
    first = list(islice(rows, LOOK_AHEAD_ROWS))
    columns = _input_columns(file, first, text_column)
    tagger = Tagger(versions.root, version, text_column)
    tagged = tagger.tag(chain(first, rows), workers=workers, scheduler=scheduler)
    shown: list[Mapping[str, Any]] = []
    counts: Counter[str] = Counter()
    with open_writer(output, tagger.columns(columns, taxonomy)) as writer:
        for values in with_progress(tagged, "tagging"):
            writer.write(values)
            counts["rows"] += 1
            counts["errors"] += values["error"] is not None
            if len(shown) < preview:
                shown.append(values)
    if shown:
        stdout().print(_preview(shown, text_column, taxonomy))
    _report(counts, output)


def _input_columns(file: Path, first: list[Row], text_column: str) -> list[str]:
    if not first:
        if file.name.lower().endswith(".csv"):
            return [text_column]
        raise TableError(f"{file}: no rows")
    columns = list(dict.fromkeys(c for row in first for c in row.values))
    if file.name.lower().endswith((".jsonl", ".jsonl.gz")):
        columns = list(dict.fromkeys(chain(columns, *(row.values for row in read_rows(file)))))
    if text_column not in columns:
        raise TableError(
            f"{file}: no column {text_column!r}: it has {', '.join(map(str, columns))}; "
            "name the one with the complaint by --text-column"
        )
    return columns


def _report(counts: Counter[str], output: Path) -> None:
    where = "" if output == STANDARD_STREAM else f" to {output}"
    note = f", {counts['errors']} with an error (column error says why)" if counts["errors"] else ""
    stderr().print(f"{counts['rows']} rows tagged{where}{note}", highlight=False)


def _preview(rows: list[Mapping[str, Any]], text_column: str, taxonomy: Taxonomy) -> Table:
    title = "✓ auto: may be used   ? suggest: a proposal   ! review: a person must look"
    table = Table(title=title, title_justify="left", show_lines=True)
    table.add_column("text", ratio=3, overflow="fold")
    for task in taxonomy.tasks:
        table.add_column(task.name, ratio=1)
    for values in rows:
        cells = [escape(_shorten(str(values.get(text_column, ""))))]
        for task in taxonomy.tasks:
            label = values.get(task.id)
            if label is None:
                cells.append(str(values.get("error") or ""))
                continue
            mark = DECISION_MARKS[values[f"{task.id}_decision"]]
            because = escape(" ".join(values[EVIDENCE][task.id]))
            confidence = values[f"{task.id}_confidence"]
            cells.append(f"{task.label(label).name} {confidence:.0%} {mark}\n[dim]{because}[/dim]")
        table.add_row(*cells)
    return table


def _shorten(text: str) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= PREVIEW_CHARS else plain[:PREVIEW_CHARS] + "…"


@app.command()
def models(registry: RegistryOption = None, as_json: JsonOption = False) -> None:
    """List the versions of the registry.

    Example: triage models
    """
    versions = Registry(registry_root(registry))
    current = versions.current() if versions.versions() else None
    entries = [_entry(versions, version, current) for version in versions.versions()]
    if as_json:
        print(json.dumps(entries, ensure_ascii=False))  # noqa: T201
        return
    if not entries:
        stderr().print(f"no versions in {versions.root}: train one with `triage train FILE`")
        return
    table = Table("version", "current", "data", "rows", "accuracy")
    for entry in entries:
        scores = ", ".join(f"{t} {s:.3f}" for t, s in entry["accuracy"].items())
        mark = "●" if entry["current"] else ""
        table.add_row(entry["version"], mark, entry["data"], str(entry["rows"]), scores)
    stdout().print(table)


def _entry(versions: Registry, version: str, current: str | None) -> dict[str, Any]:
    manifest = versions.manifest(version)
    return {
        "version": version,
        "current": version == current,
        "created_at": manifest["created_at"],
        "data": manifest["data"]["name"],
        "rows": manifest["data"]["rows"],
        "accuracy": {task: score["accuracy"] for task, score in manifest["scores"].items()},
    }


@app.command()
def promote(
    version: Annotated[str, typer.Argument(help="Version id, see `triage models`")],
    why: Annotated[str, typer.Option(help="Reason, kept in the audit record")] = "",
    registry: RegistryOption = None,
) -> None:
    """Make a version current.

    Example: triage promote 20261122T142928Z-30fd0936 --why "better on refunds"
    """
    Registry(registry_root(registry)).promote(version, who=_who(), why=why)
    stderr().print(f"{version} is current", highlight=False)


@app.command()
def rollback(
    why: Annotated[str, typer.Option(help="Reason, kept in the audit record")] = "",
    registry: RegistryOption = None,
) -> None:
    """Go back to the version that was current before.

    Example: triage rollback --why "too many reviews"
    """
    version = Registry(registry_root(registry)).rollback(who=_who(), why=why)
    stderr().print(f"{version} is current again", highlight=False)


def _who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"
