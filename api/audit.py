"""The audit trail: who did what when, on what knowledge; never any text."""

import json
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, insert

from api import tables
from api.keys import Principal

COMMAND_LINE = Principal("command-line", "command-line", frozenset())


def record(
    connection: Connection,
    who: Principal,
    action: str,
    target: str,
    *,
    known: dict[str, Any] | None = None,
    done: dict[str, Any] | None = None,
) -> None:
    """Write an entry into the transaction of the change itself.

    Parameters
    ----------
    action : str
        Such as ``correct`` or ``erase``.
    target : str
        Id of what was changed.
    known, done : dict, optional
        What was known, and what was done: labels, versions and counts, never text.
    """
    connection.execute(
        insert(tables.audit),
        {
            "at": datetime.now(UTC),
            "key_id": who.key_id,
            "source": who.source,
            "action": action,
            "target": target,
            "known": json.dumps(known or {}, ensure_ascii=False),
            "done": json.dumps(done or {}, ensure_ascii=False),
        },
    )
