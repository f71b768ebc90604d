"""The command that runs early warning over a dated file."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from models.replaying import DatedComplaints, draw_alerts, read_dated, telling_words
from models.terminal import JsonOption, stderr, stdout, with_progress
from triage.alerts import Alert
from triage.replay import TopicMembers, alert_line
from triage.replay import replay as replay_complaints
from triage.surge import SurgeMonitor

app = typer.Typer(no_args_is_help=True)
MAX_NOTES = 5
DEFAULT_FALSE_ALERTS_PER_WEEK = 0.1


@app.command()
def replay(
    file: Annotated[Path, typer.Argument(help="Dated table of complaints")],
    time_column: Annotated[str, typer.Option(help="Column of the times")] = "time",
    text_column: Annotated[str, typer.Option(help="Column that holds the complaint")] = "text",
    customer_column: Annotated[
        str | None, typer.Option(help="Column that tells customers apart")
    ] = None,
    by: Annotated[
        str, typer.Option(help="Columns to watch for surges of their own, parted by commas")
    ] = "",
    plot: Annotated[Path | None, typer.Option(help="Folder for one SVG chart an alert")] = None,
    topics: Annotated[bool, typer.Option("--topics", help="Also print every topic")] = False,
    false_alerts_per_week: Annotated[
        float, typer.Option(min=0.001, help="How many false alerts a week are tolerated")
    ] = DEFAULT_FALSE_ALERTS_PER_WEEK,
    as_json: JsonOption = False,
) -> None:
    """Run early warning over a dated file as if it were live.

    Example: triage replay complaints.csv --time-column time --customer-column customer --by region
    """
    fields = [column.strip() for column in by.split(",") if column.strip()]
    dated = read_dated(
        file,
        time_column=time_column,
        text_column=text_column,
        customer_column=customer_column,
        by=fields,
    )
    for note in dated.left_out[:MAX_NOTES]:
        stderr().print(f"left out: {note}", highlight=False)
    monitor = SurgeMonitor(false_alerts_per_week=false_alerts_per_week)
    members = TopicMembers()
    complaints = with_progress(dated.complaints, "replaying", len(dated.complaints))
    alerts = []
    for alert in replay_complaints(complaints, monitor, topics=members):
        alerts.append(alert)
        if as_json:
            print(json.dumps(alert_line(alert), ensure_ascii=False))  # noqa: T201
    if not as_json:
        stdout().print(_alert_table(alerts, dated))
    if topics:
        for topic in members.listed(monitor):
            line = {
                "topic": topic.topic_id,
                "terms": list(topic.terms),
                "members": sorted(map(int, topic.members)),
            }
            print(json.dumps(line, ensure_ascii=False))  # noqa: T201
    if plot:
        draw_alerts(plot, alerts, dated, monitor)
        stderr().print(f"{len(alerts)} charts in {plot}", highlight=False)


def _alert_table(alerts: list[Alert], dated: DatedComplaints) -> Table:
    table = Table(show_lines=True)
    table.add_column("opened", no_wrap=True)
    table.add_column("level")
    for title in ("about", "where"):
        table.add_column(title, overflow="fold")
    for title in ("complaints", "expected", "alarm at"):
        table.add_column(title, justify="right")
    for alert in alerts:
        line = alert_line(alert)
        cell = (alert.key,) if alert.kind == "cell" and alert.key else ()
        table.add_row(
            line["opened_at"][:10],
            alert.level,
            escape(" ".join(telling_words(alert, dated))),
            escape(", ".join(dict.fromkeys((*cell, *alert.fields))) or "everywhere"),
            str(alert.observed),
            f"{alert.expected:.1f}",
            f"no. {len(alert.members_at_open)}",
        )
    return table
