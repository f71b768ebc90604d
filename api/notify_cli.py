"""Commands about notices of surges: notify list, redeliver, test, check."""

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.table import Table

from api.database import Database
from api.ids import new_id
from api.notify.deliveries import STATES, list_deliveries, redeliver, utc_now
from api.notify.messages import MessageText
from api.notify.notices import EVENTS, Notice
from api.notify.plan import NotifyPlan
from api.notify.routing import routes_of
from api.notify.sending import Sender
from api.settings import Settings
from models.terminal import JsonOption, stderr, stdout
from triage.alerts import LEVELS
from triage.errors import ConfigError
from triage.taxonomy import Taxonomy

app = typer.Typer(no_args_is_help=True)
notify = typer.Typer(no_args_is_help=True, help="Notices of surges: listed, sent again, tested.")
app.add_typer(notify, name="notify")

FileOption = Annotated[
    Path | None,
    typer.Option("--file", help="The channels [default: TRIAGE_NOTIFY_FILE]", show_default=False),
]
DatabaseOption = Annotated[
    str | None,
    typer.Option(
        "--database",
        help="URL of the database [default: TRIAGE_DATABASE_URL or sqlite:///var/triage.sqlite]",
        show_default=False,
    ),
]
ChannelOption = Annotated[str | None, typer.Option(help="Only this channel")]


@notify.command("list")
def list_(
    state: Annotated[str, typer.Option(help=f"{', '.join(STATES)} or all")] = "all",
    channel: ChannelOption = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many, newest first")] = 100,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """List deliveries: what waits, what was delivered, and the dead letters.

    Example: triage notify list --state dead
    """
    if state not in (*STATES, "all"):
        raise ConfigError(f"--state {state!r}: expected one of {', '.join(STATES)}, all")
    states = STATES if state == "all" else (state,)
    settings = _settings(database)
    with _database(settings) as store:
        found = list_deliveries(store, states=states, channel=channel, limit=limit)
    zone = ZoneInfo(settings.zone)
    shown = [{k: _local(v, zone) for k, v in delivery.items()} for delivery in found]
    if as_json:
        print(json.dumps(shown, ensure_ascii=False))  # noqa: T201
        return
    table = Table("notice", "surge", "event", "channel", "state", "tries", "last or next", "why")
    for delivery in shown:
        table.add_row(*_row(delivery))
    stdout().print(table)


@notify.command("redeliver")
def redeliver_(
    notice: Annotated[str | None, typer.Argument(help="Id of a notice: msg_…")] = None,
    all_dead: Annotated[bool, typer.Option("--all-dead", help="Every dead letter")] = False,
    channel: ChannelOption = None,
    file: FileOption = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send notices again, with the same id; the running service does it.

    Example: triage notify redeliver --all-dead
    """
    if all_dead == (notice is not None):
        raise ConfigError("name one notice (see `triage notify list`), or say --all-dead")
    settings = _settings(database)
    plan = _plan(settings, file)
    if channel is not None:
        plan.channel(channel)
    with _database(settings) as store:
        begun = redeliver(store, plan, utc_now(), notice_id=notice, channel=channel)
    if notice is not None and not begun:
        raise ConfigError(f"no notice {notice!r} for these channels: see `triage notify list`")
    if as_json:
        values = [{"notice_id": id_, "channel": name} for id_, name in begun]
        print(json.dumps(values, ensure_ascii=False))  # noqa: T201
        return
    stderr().print(f"{len(begun)} deliveries begin anew", highlight=False)


@notify.command("test")
def send_sample(
    channel: Annotated[str, typer.Argument(help="Name of the channel")],
    file: FileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send a sample to one channel now, quiet hours or not, and say what came of it.

    Example: triage notify test 值班群
    """
    settings = _settings(None)
    plan = _plan(settings, file)
    texts = MessageText.from_file(zone=settings.zone)
    sample = Notice(f"msg_{new_id()}", "test", utc_now(), texts.sample())
    Sender(texts).send(plan.channel(channel), [sample])
    if as_json:
        print(json.dumps({"channel": channel, "notice_id": sample.id}))  # noqa: T201
        return
    stderr().print(f"{channel} took {sample.id}", highlight=False)


@notify.command("check")
def check(
    category: Annotated[str | None, typer.Option(help="Category of the surge")] = None,
    region: Annotated[str | None, typer.Option(help="Region of the surge")] = None,
    file: FileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check the file, and say which channels each kind of notice would reach, and when.

    Example: triage notify check --region 岳麓区
    """
    settings = _settings(None)
    plan = _plan(settings, file)
    now = datetime.now(ZoneInfo(settings.zone))
    reached = _reached(plan, now, {"category": category, "region": region})
    unknown = _unknown_categories(plan)
    if as_json:
        values = {"channels": [c.name for c in plan.channels], "reached": reached}
        print(json.dumps({**values, "unknown_categories": unknown}, ensure_ascii=False))  # noqa: T201
        return
    table = Table("event", *LEVELS)
    for event in EVENTS:
        cells = [", ".join(map(_shown, reached[event][level])) or "nobody" for level in LEVELS]
        table.add_row(event, *cells)
    stdout().print(table)
    for name in unknown:
        stderr().print(f"remark: category {name} is not in the default taxonomy", highlight=False)


def _reached(
    plan: NotifyPlan, now: datetime, narrowed: Mapping[str, str | None]
) -> dict[str, dict[str, list[dict[str, str | None]]]]:
    """Say which channels each event at each level reaches now; `held_until` where it waits."""
    found: dict[str, dict[str, list[dict[str, str | None]]]] = {}
    for event in EVENTS:
        for level in LEVELS:
            notice = Notice("", event, now, {"level": level, **narrowed})
            found.setdefault(event, {})[level] = [
                {
                    "channel": route.channel.name,
                    "held_until": route.due_at.isoformat() if route.is_held else None,
                }
                for route in routes_of(plan, notice, now)
            ]
    return found


def _shown(reached: Mapping[str, str | None]) -> str:
    until = reached["held_until"]
    return f"{reached['channel']} (at {until[11:16]})" if until else str(reached["channel"])


def _unknown_categories(plan: NotifyPlan) -> list[str]:
    known = set(Taxonomy.from_file().task("category").label_ids)
    wanted: set[str] = set()
    for channel in plan.channels:
        wanted |= channel.categories
    return sorted(wanted - known)


def _row(delivery: Mapping[str, Any]) -> list[str]:
    at = delivery["tried_at"] if delivery["state"] != "waiting" else delivery["due_at"]
    state = "held" if delivery["is_held"] and delivery["state"] == "waiting" else delivery["state"]
    shown = [delivery[name] for name in ("notice_id", "surge_id", "event", "channel")]
    return [*shown, state, str(delivery["n_tries"]), at[:19], delivery["reason"] or ""]


def _local(value: Any, zone: ZoneInfo) -> Any:  # noqa: ANN401
    return value.astimezone(zone).isoformat() if isinstance(value, datetime) else value


def _settings(database: str | None) -> Settings:
    return Settings.read(database_url=database) if database else Settings.read()


def _plan(settings: Settings, file: Path | None) -> NotifyPlan:
    path = file or settings.notify_file
    if path is None:
        raise ConfigError("no channels: name a file by --file or TRIAGE_NOTIFY_FILE")
    return NotifyPlan.from_file(path, zone=settings.zone)


def _database(settings: Settings) -> Database:
    """Open the database; its tables must be there."""
    store = Database(settings.database_url)
    if (store.file and not store.file.exists()) or not store.is_current():
        raise ConfigError("the tables are not up to date: run `triage db upgrade`")
    return store
