"""Notices put into the outbox as a change of an alert does, and files of channels."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import insert, select

from api.database import Database
from api.ids import new_id
from api.tables import deliveries, notices
from tests.api.receivers import WEBHOOK_SECRET

PAYLOAD = {
    "level": "warning", "kind": "topic", "topic": {"id": 1, "terms": ["停水"]}, "observed": 9,
    "expected": 0.8, "since": "2026-03-01T08:00:00+08:00", "message": "9件同类问题。",
}  # fmt: skip


def add_notice(
    database: Database, event: str = "opened", at: datetime | None = None, **payload: object
) -> str:
    return add_notices(database, 1, event, at, **payload)[0]


def add_notices(
    database: Database,
    count: int,
    event: str = "opened",
    at: datetime | None = None,
    **payload: object,
) -> list[str]:
    """Commit so many notices in one transaction."""
    rows = []
    for number in range(count):
        values = {**PAYLOAD, "surge_id": f"S{number:06}", **payload}
        rows.append({
            "id": f"msg_{new_id()}", "surge_id": values["surge_id"], "event": event,
            "at": at or datetime.now(UTC), "payload": json.dumps(values, ensure_ascii=False),
        })  # fmt: skip
    with database.write() as connection:
        connection.execute(insert(notices), rows)
    return [row["id"] for row in rows]


def stored_deliveries(database: Database) -> list:
    with database.read() as connection:
        return list(connection.execute(select(deliveries).order_by(deliveries.c.seq)))


def write_channels(file: Path, channels: Sequence[str], delivery: str = "") -> Path:
    """Write a file; each channel is the lines of its table."""
    tables = "".join(f"[[channel]]\n{lines.strip()}\n" for lines in channels)
    file.write_text(f"[delivery]\n{delivery}\n{tables}", encoding="utf-8")
    return file


def webhook(name: str, url: str, extra: str = "") -> str:
    return (
        f'name = "{name}"\nkind = "webhook"\nurl = "{url}"\nsecret = "{WEBHOOK_SECRET}"\n'
        f"allow_private = true\ntimeout_seconds = 1\n{extra}"
    )
