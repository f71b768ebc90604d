"""What early warning saw, kept in the order of commits, and its state from time to time.

Every replica applies the same entries in the same order to a monitor of its own, and so holds the
same state. The order is that of commits because entries are written under one lock: SQLite has one
writer anyhow, PostgreSQL gives an advisory lock to the transaction. Numbers are given without a
gap, so that a replica notices entries that were removed behind a snapshot.
"""

import gzip
import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from pydantic_core import from_json, to_json
from sqlalchemy import Connection, Row, delete, func, insert, select
from sqlalchemy import text as statement

from api.tables import surge_log, surge_snapshots
from triage.alerts import Alert, Step
from triage.errors import AlertStateError
from triage.surge import IncomingComplaint, Observation, SurgeMonitor

SURGE_LOCK = 0x7375726765  # any number that nobody else uses
STATE_FORMAT = 1
"""Another number where a state or an entry means something else than before."""

ERASING = frozenset({"forget", "fade"})
"""Kinds of entries after which nothing older may be kept."""

Payload = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that early warning saw, as plain JSON values.

    Attributes
    ----------
    kind : str
        A name of `APPLIERS`, or ``begin``, with which a state starts anew.
    """

    kind: str
    payload: Payload


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The state after the entry of a number."""

    seq: int
    at: datetime
    state: Payload


def read_entry(row: Row[Any]) -> Entry:
    """Read an entry from its row."""
    return Entry(row.kind, json.loads(row.entry))


def note(connection: Connection, entry: Entry) -> None:
    """Write an entry without having seen those before it; monitors see it when they catch up.

    Where early warning has seen nothing yet there is nothing to note.
    """
    take_lock(connection)
    last = last_seq(connection)
    if last:
        append(connection, [entry], after=last)


def take_lock(connection: Connection) -> None:
    """Let no other transaction observe until this one ends."""
    if connection.dialect.name == "postgresql":
        connection.execute(statement("SELECT pg_advisory_xact_lock(:lock)"), {"lock": SURGE_LOCK})


def append(connection: Connection, entries: Sequence[Entry], *, after: int) -> int:
    """Write entries behind those that are there; give the number of the last."""
    rows = [
        {
            "seq": seq,
            "kind": entry.kind,
            "entry": json.dumps(entry.payload, ensure_ascii=False, separators=(",", ":")),
        }
        for seq, entry in enumerate(entries, start=after + 1)
    ]
    if rows:
        connection.execute(_APPEND, rows)
    return after + len(rows)


def read_after(connection: Connection, seq: int) -> Sequence[Row[Any]]:
    """Read the entries behind a number, oldest first."""
    # Asked before every group, and mostly in vain: the plain question costs a third.
    if (connection.execute(_NEWEST).scalar() or 0) <= seq:
        return ()
    return connection.execute(
        select(surge_log).where(surge_log.c.seq > seq).order_by(surge_log.c.seq)
    ).all()


def last_seq(connection: Connection) -> int:
    """Give the number of the newest entry; 0 where there is none."""
    found: int | None = connection.execute(select(func.max(surge_log.c.seq))).scalar_one()
    return found or newest_snapshot(connection)[0]


def last_begin(connection: Connection) -> int:
    """Give the number of the entry with which the state began; 0 for the very beginning."""
    found: int | None = connection.execute(
        select(func.max(surge_log.c.seq)).where(surge_log.c.kind == "begin")
    ).scalar_one()
    return found or 0


def read_snapshot(connection: Connection) -> Snapshot | None:
    """Read the newest state; None where there is none that this program understands."""
    row = connection.execute(
        select(surge_snapshots).order_by(surge_snapshots.c.seq.desc()).limit(1)
    ).one_or_none()
    if row is None:
        return None
    try:
        state = from_json(gzip.decompress(row.state))
    except (OSError, EOFError, ValueError, zlib.error):
        return None
    return Snapshot(row.seq, row.at, state) if state.get("format") == STATE_FORMAT else None


def newest_snapshot(connection: Connection) -> tuple[int, datetime | None]:
    """Give number and time of the newest state, without reading it."""
    s = surge_snapshots.c
    row = connection.execute(select(s.seq, s.at).order_by(s.seq.desc()).limit(1)).one_or_none()
    return (row.seq, row.at) if row else (0, None)


def pack(monitor: SurgeMonitor, config: Mapping[str, Any]) -> bytes:
    """Write a state as JSON; cheap enough to be done while nobody may change it."""
    return to_json({"format": STATE_FORMAT, "config": config, "monitor": monitor.state()})


def write_snapshot(connection: Connection, seq: int, packed: bytes, *, alone: bool = False) -> None:
    """Keep a state, and drop what is no longer needed behind it.

    Parameters
    ----------
    alone : bool, default=False
        True keeps no older state, and no entry before this one: something was erased from them.
    """
    s = surge_snapshots.c
    if connection.execute(select(s.seq).where(s.seq == seq if alone else s.seq >= seq)).first():
        return
    connection.execute(
        insert(surge_snapshots), {"seq": seq, "at": datetime.now(UTC), "state": packed}
    )
    kept = connection.execute(select(s.seq).order_by(s.seq.desc()).limit(2)).scalars().all()
    oldest = seq if alone else kept[-1]
    connection.execute(delete(surge_snapshots).where(s.seq < oldest))
    # The entry of the oldest state stays: by it other replicas notice that those before are gone.
    connection.execute(delete(surge_log).where(surge_log.c.seq < oldest))


def holds_before(connection: Connection, seq: int) -> bool:
    """Say whether an entry or a state from before a number is still kept."""
    kept = (
        select(surge_log.c.seq).where(surge_log.c.seq < seq).limit(1),
        select(surge_snapshots.c.seq).where(surge_snapshots.c.seq < seq).limit(1),
    )
    return any(connection.execute(query).first() for query in kept)


_APPEND = statement("INSERT INTO surge_log (seq, kind, entry) VALUES (:seq, :kind, :entry)")
_NEWEST = statement("SELECT max(seq) FROM surge_log")


# -- what entries do ---------------------------------------------------------------------------


def apply(monitor: SurgeMonitor, entry: Entry) -> Observation | None:
    """Let a monitor see an entry; the one way in which its state changes.

    Raises
    ------
    AlertStateError
        If an act does not fit the state of its alert; nothing is changed then.
    """
    return APPLIERS[entry.kind](monitor, entry.payload)


def _observe(monitor: SurgeMonitor, seen: Payload) -> Observation:
    complaint = IncomingComplaint(
        seen["id"],
        datetime.fromtimestamp(seen["at"], UTC),
        "",
        seen["customer"],
        seen["fields"],
        seen["terms"],
    )
    received_at = datetime.fromtimestamp(seen["received"], UTC)
    return monitor.observe(complaint, live=seen["live"], received_at=received_at)


def _tick(monitor: SurgeMonitor, seen: Payload) -> None:
    monitor.set_back(seen["at"])
    monitor.advance(seen["at"])


def _configure(monitor: SurgeMonitor, seen: Payload) -> None:
    monitor.pairs = tuple((first, second) for first, second in seen["pairs"])
    monitor.false_alerts_per_week = seen["false_alerts_per_week"]
    monitor.cells.max_values = seen["max_values"]
    monitor.zone = ZoneInfo(seen["zone"])


def _correct(monitor: SurgeMonitor, seen: Payload) -> None:
    at = datetime.fromtimestamp(seen["at"], UTC)
    monitor.correct(at, seen["old"], seen["new"], complaint_id=seen["id"])


def _forget(monitor: SurgeMonitor, seen: Payload) -> None:
    for complaint_id in seen["ids"]:
        monitor.forget(complaint_id)


def _fade(monitor: SurgeMonitor, seen: Payload) -> None:
    for complaint_id in seen["ids"]:
        monitor.fade(complaint_id)


def _settle(monitor: SurgeMonitor, _: Payload) -> None:
    monitor.relearn()


def _act(monitor: SurgeMonitor, seen: Payload) -> None:
    alert = monitor.alerts[seen["surge_id"]]
    said = {"at": seen["at"], "by": seen["by"], "why": seen["why"]}
    match seen["action"]:
        case "acknowledge":
            alert.acknowledge(**said)
        case "assign":
            _require_open(alert, "assign")
            alert.assign(seen["owner"], **said)
        case "snooze":
            alert.snooze(seen["until"], **said)
        case "resolve":
            alert.resolve(**said)
        case "false-alarm":
            alert.reject(**said)


def _merge(monitor: SurgeMonitor, seen: Payload) -> None:
    kept, gone = (monitor.alerts[seen[name]] for name in ("surge_id", "other"))
    if kept is gone:
        raise AlertStateError(f"surge {kept.surge_id} cannot be merged with itself")
    topics = [_topic_of(monitor, alert, "merge") for alert in (kept, gone)]
    why = f"merged {gone.surge_id}" + (f": {seen['why']}" if seen["why"] else "")
    if topics[0] == topics[1]:
        monitor.book.take_over(kept, gone, at=seen["at"], by=seen["by"])
    else:
        # Each topic leads to its alert, also where an alert speaks for several topics.
        monitor.book.of_topic |= {topics[0]: kept.surge_id, topics[1]: gone.surge_id}
        monitor.merge_topics(*topics, by=seen["by"])
    kept.steps.append(Step(seen["at"], kept.state, seen["by"], why))


def _split(monitor: SurgeMonitor, seen: Payload) -> None:
    alert = monitor.alerts[seen["surge_id"]]
    topic = _topic_of(monitor, alert, "split")
    chosen = set(seen["ids"])
    strangers = chosen.difference(alert.members)
    if strangers or chosen.issuperset(alert.members):
        raise AlertStateError(
            f"surge {alert.surge_id} has {len(alert.members)} members: some of them can be split "
            f"off, not all; of the {len(chosen)} named, {len(strangers)} are no members"
        )
    new = monitor.split_topic(topic, chosen, terms=[seen["terms"]])
    child = monitor.book.split(alert.surge_id, new, chosen, at=seen["at"], by=seen["by"])
    why = f"split off {child.surge_id}" + (f": {seen['why']}" if seen["why"] else "")
    alert.steps.append(Step(seen["at"], alert.state, seen["by"], why))


def _topic_of(monitor: SurgeMonitor, alert: Alert, action: str) -> int:
    """Give the living topic of an open alert."""
    _require_open(alert, action)
    if alert.kind != "topic":
        raise AlertStateError(
            f"surge {alert.surge_id} is of a cell: only surges of topics can {action}"
        )
    topic = monitor.topics.resolve(int(alert.key))
    if topic not in monitor.topics.topics:
        raise AlertStateError(
            f"the topic of surge {alert.surge_id} has expired: it cannot {action}"
        )
    return topic


def _require_open(alert: Alert, action: str) -> None:
    if not alert.is_open:
        raise AlertStateError(
            f"surge {alert.surge_id} is {alert.state}: {action} needs one that is watch, alert, "
            "acknowledged or snoozed"
        )


APPLIERS: Mapping[str, Callable[[SurgeMonitor, Payload], Observation | None]] = {
    "observe": _observe,
    "tick": _tick,
    "configure": _configure,
    "correct": _correct,
    "forget": _forget,
    "fade": _fade,
    "settle": _settle,
    "act": _act,
    "merge": _merge,
    "split": _split,
}
