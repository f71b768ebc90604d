"""Commands of the data team: train, evaluate."""

import json
import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from models.registry import Registry
from models.terminal import JsonOption, ModelOption, RegistryOption, registry_root, stderr, stdout
from training.config import TrainConfig
from training.data import CORPUS, LabelledTexts, read_corpus, read_labelled
from training.evaluate import evaluate as score_model
from training.run import train as run_training
from triage.taxonomy import Taxonomy

app = typer.Typer(no_args_is_help=True)

TextColumn = Annotated[str, typer.Option(help="Column that holds the complaint")]
CategoryColumn = Annotated[str | None, typer.Option(help="Column of the category labels")]
MotiveColumn = Annotated[str | None, typer.Option(help="Column of the motive labels")]
UrgencyColumn = Annotated[str | None, typer.Option(help="Column of the urgency labels")]


@app.command()
def train(
    file: Annotated[
        Path | None, typer.Argument(help="Labelled table [default: the project's own corpus]")
    ] = None,
    text_column: TextColumn = "text",
    category_column: CategoryColumn = None,
    motive_column: MotiveColumn = None,
    urgency_column: UrgencyColumn = None,
    taxonomy: Annotated[
        Path | None, typer.Option(help="Your own label names and the order of urgency levels")
    ] = None,
    config: Annotated[Path | None, typer.Option(help="Training configuration (TOML)")] = None,
    registry: RegistryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train a version on labelled complaints: any of the three tasks, any labels.

    It becomes current by itself only in an empty registry.

    Example: triage train tickets.csv --text-column 内容 --category-column 类别
    """
    columns = {"category": category_column, "motive": motive_column, "urgency": urgency_column}
    if file is None:
        data = read_corpus()
        config = config or CORPUS.parent / "default.toml"
    else:
        data = read_labelled(file, text_column=text_column, label_columns=columns)
    _show_report(data)
    with stderr().status("training: features, cross-validation, calibration …"):
        version, scores = run_training(
            data,
            Registry(registry_root(registry)),
            taxonomy=Taxonomy.from_file(taxonomy),
            config=TrainConfig.from_file(config),
            command="triage " + shlex.join(sys.argv[1:]),
        )
    if as_json:
        line = {"version": version, "scores": scores}
        print(json.dumps(line, ensure_ascii=False))  # noqa: T201
        return
    stdout().print(_score_table(scores))
    stderr().print(
        f"version {version} in {registry_root(registry)}; its card is README.md there. "
        f"Use it with `triage promote {version}`.",
        highlight=False,
    )


@app.command()
def evaluate(
    file: Annotated[Path, typer.Argument(help="Labelled table")],
    text_column: TextColumn = "text",
    category_column: CategoryColumn = None,
    motive_column: MotiveColumn = None,
    urgency_column: UrgencyColumn = None,
    model: ModelOption = None,
    registry: RegistryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Score a version on labelled complaints that it has not seen.

    Example: triage evaluate tickets.csv --category-column 类别 --json
    """
    columns = {"category": category_column, "motive": motive_column, "urgency": urgency_column}
    data = read_labelled(file, text_column=text_column, label_columns=columns)
    scores = score_model(Registry(registry_root(registry)).load(model), data)
    if as_json:
        print(json.dumps(scores, ensure_ascii=False))  # noqa: T201
    else:
        stdout().print(_score_table(scores))


def _show_report(data: LabelledTexts) -> None:
    report = data.report()
    stderr().print(
        f"{data.name}: {report['rows']} rows, {report['distinct_texts']} distinct texts",
        highlight=False,
    )
    for task, counts in data.labels.items():
        n_labels = len(set(counts))
        stderr().print(f"  {task}: {n_labels} labels", highlight=False)


def _score_table(scores: dict[str, dict[str, Any]]) -> Table:
    table = Table("task", "n", "accuracy", "macro-F1", "ECE", "auto share", "auto error")
    for task, score in scores.items():
        error = score["auto_error"]
        table.add_row(
            task,
            str(score["n"]),
            f"{score['accuracy']:.3f}",
            f"{score['macro_f1']:.3f}",
            f"{score['ece']:.3f}",
            f"{score['auto_share']:.0%}",
            "–" if error is None else f"{error:.1%}",
        )
    return table
