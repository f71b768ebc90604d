"""Commands for whoever handles complaints: plan, playbook, reply."""

import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.markup import escape
from rich.table import Table

from api.answers import Answerer, Knowledge, Received
from api.plan_page import show_plan, steps_table
from api.schemas import ComplaintIn
from api.settings import Settings
from models.registry import Registry
from models.tables import STANDARD_STREAM
from models.terminal import (
    JsonOption,
    ModelOption,
    RegistryOption,
    registry_root,
    stderr,
    stdout,
)
from triage.errors import ConfigError
from triage.flags import FLAGS
from triage.playbook import Playbook, check_playbook
from triage.replies import ReplyCheck, ReplyRules
from triage.taxonomy import Taxonomy

app = typer.Typer(no_args_is_help=True)
playbook = typer.Typer(no_args_is_help=True, help="The playbook: checked, shown.")
reply = typer.Typer(no_args_is_help=True, help="Replies to customers: checked.")
app.add_typer(playbook, name="playbook")
app.add_typer(reply, name="reply")

ChannelOption = Annotated[str | None, typer.Option(help="phone, chat, letter or visit")]
StyleOption = Annotated[str | None, typer.Option(help="decisive, deliberate, silent or talkative")]


@app.command()
def plan(
    text: Annotated[str, typer.Argument(help="The complaint, or - to read it from stdin")],
    sector: Annotated[str | None, typer.Option(help="Sector, for the deadlines")] = None,
    region: Annotated[str | None, typer.Option(help="Region, for the deadlines")] = None,
    channel: ChannelOption = None,
    style: StyleOption = None,
    received_at: Annotated[
        datetime | None, typer.Option(help="When it came in [default: now]")
    ] = None,
    model: ModelOption = None,
    registry: RegistryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print the whole answer for one complaint: labels, card, steps, deadlines.

    Example: triage plan "热水器漏水，约了师傅三次都没来，家里有两个月大的孩子" --sector 家电
    """
    settings = Settings(registry=registry_root(registry))
    zone = ZoneInfo(settings.zone)
    moment = received_at.replace(tzinfo=zone) if received_at else datetime.now(zone)
    complaint = ComplaintIn(
        text=sys.stdin.read() if text == str(STANDARD_STREAM) else text,
        channel=channel,
        sector=sector,
        region=region,
        customer_style=style,
    )
    bundle = Registry(settings.registry).load(model)
    answerer = Answerer(bundle, Knowledge.from_settings(settings), settings)
    answer = answerer.answer([Received(complaint, moment)])[0].answer
    if as_json:
        print(answer.model_dump_json())  # noqa: T201
    else:
        show_plan(stdout(), answer)


@playbook.command("check")
def playbook_check(
    file: Annotated[
        Path | None, typer.Argument(help="Playbook [default: the packaged one]")
    ] = None,
    taxonomy: Annotated[Path | None, typer.Option(help="Your own label file")] = None,
) -> None:
    """Check a playbook; every fault is named with its line.

    Example: triage playbook check my-playbook.toml
    """
    path = file or Path(__file__).parent.parent / "triage" / "playbook.toml"
    faults = check_playbook(path, taxonomy=Taxonomy.from_file(taxonomy))
    for fault in faults:
        stdout().print(f"{path}:{fault.line}: {escape(fault.message)}", highlight=False)
    if faults:
        raise ConfigError(f"{path}: {len(faults)} faults, see above")
    stderr().print(f"{path}: no faults", highlight=False)


@playbook.command("show")
def playbook_show(
    category: Annotated[str | None, typer.Option(help="Category id")] = None,
    motive: Annotated[str | None, typer.Option(help="Motive id")] = None,
    urgency: Annotated[str | None, typer.Option(help="Urgency id")] = None,
    channel: ChannelOption = "phone",
    flags: Annotated[str, typer.Option(help=f"Flags, parted by commas: {', '.join(FLAGS)}")] = "",
    style: StyleOption = None,
    file: Annotated[Path | None, typer.Option(help="Playbook [default: the packaged one]")] = None,
) -> None:
    """Print the plan for a combination of labels.

    Example: triage playbook show --category refund --motive compensation --urgency normal
    """
    taxonomy = Taxonomy.from_file()
    chosen = {"category": category, "motive": motive, "urgency": urgency}
    for task, label in chosen.items():
        if label:
            taxonomy.task(task).label(label)
    steps = Playbook.from_file(file).plan(
        category,
        motive,
        urgency,
        channel,
        {flag.strip() for flag in flags.split(",") if flag.strip()},
        style,
        datetime.now(ZoneInfo("Asia/Shanghai")),
    )
    stdout().print(steps_table(steps))


@reply.command("check")
def reply_check(
    text: Annotated[str, typer.Argument(help="The draft, or - to read it from stdin")],
    as_json: JsonOption = False,
) -> None:
    """Check a draft reply: what not to say, what to say instead, what is missing.

    Example: triage reply check "您先别激动，这不归我们管，我们会尽快处理的"
    """
    draft = sys.stdin.read() if text == str(STANDARD_STREAM) else text
    rules = ReplyRules.from_file()
    check = rules.check(draft)
    if as_json:
        print(json.dumps(_plain(draft, check, rules), ensure_ascii=False))  # noqa: T201
        return
    _show_check(draft, check)
    stdout().print("可用的答复提纲（4R）：", highlight=False)
    for sentence in rules.draft():
        stdout().print(f"  {escape(sentence)}", highlight=False)


def _plain(draft: str, check: ReplyCheck, rules: ReplyRules) -> dict[str, object]:
    return {
        "score": check.score,
        "tone": [{"reason": item.reason, "points": item.points} for item in check.tone],
        "findings": [
            {
                "kind": f.kind,
                "phrase": draft[f.start : f.end],
                "span": [f.start, f.end],
                "rule": f.rule,
                "say": f.say,
                "source": f.source,
            }
            for f in check.findings
        ],
        "missing": [
            {"part": m.part, "name": m.name, "say": m.say, "source": m.source}
            for m in check.missing
        ],
        "draft": list(rules.draft()),
    }


def _show_check(draft: str, check: ReplyCheck) -> None:
    table = Table("不要说", "改说", "依据", title=f"语气分 {check.score}/100", show_lines=True)
    for finding in check.findings:
        table.add_row(
            escape(draft[finding.start : finding.end]), escape(finding.say), escape(finding.source)
        )
    for part in check.missing:
        table.add_row(f"（缺：{part.name}）", escape(part.say), escape(part.source))
    stdout().print(table)
