"""Surges as rows: alerts with their members, and the notices that tell of them."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime, tzinfo
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from api.errors import NoSuchSurgeError
from api.ids import new_id
from api.keys import Principal
from api.records import visible_to
from api.schemas import SurgeOut, SurgePage, SurgeSeries, SurgeSummary
from api.tables import complaints, notices, surge_members, surges
from triage.alerts import OPEN_STATES, Alert, Step
from triage.surge_text import SurgeText

CHUNK_ROWS = 500
MAX_SHOWN_MEMBERS = 1000
UNLABELLED = ("product", "region", "unit")
CELL_FIELDS = ("category", *UNLABELLED)
_LISTS = frozenset({"members", "members_at_open"})
_KEPT = tuple(field.name for field in fields(Alert) if field.name not in _LISTS)

Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Shown:
    """An alert in words that people read.

    Attributes
    ----------
    alert : Alert
        With words instead of marks for terms, and names instead of ids of categories.
    marks : tuple of str
        The terms as early warning keeps them.
    shared : mapping of str to str
        Fields that most of its complaints have in common.
    """

    alert: Alert
    marks: tuple[str, ...]
    shared: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class SurgeWords:
    """Says what an alert says, in a zone's times.

    Parameters
    ----------
    text : SurgeText
        Messages, measures and drafts.
    """

    text: SurgeText
    zone: tzinfo

    def warning(self, alert: Alert) -> Values:
        """Give the part of a complaint's answer that tells of an alert, put in words."""
        return {
            "surge_id": alert.surge_id,
            "level": alert.level,
            "topic": _topic(alert),
            "group": alert.group,
            "observed": alert.observed,
            "expected": round(alert.expected, 4),
            "p_value": alert.p_value,
            "since": self._moment(alert.since),
            "message": self.text.message(alert),
        }

    def row(self, shown: Shown) -> Values:
        """Give the row of an alert."""
        alert = shown.alert
        kept = {name: getattr(alert, name) for name in _KEPT}
        kept["steps"] = [asdict(step) for step in alert.steps]
        kept["marks"] = shown.marks
        return {
            "seq": number_of(alert.surge_id),
            "id": alert.surge_id,
            "kind": alert.kind,
            "key": alert.key,
            "topic_id": int(alert.key) if alert.kind == "topic" else None,
            "terms": json.dumps(alert.terms, ensure_ascii=False),
            "group": alert.group,
            "state": alert.state,
            "level": alert.level,
            "opened_at": self._moment(alert.opened_at),
            "since": self._moment(alert.since),
            "last_at": self._moment(alert.last_at),
            "observed": alert.observed,
            "expected": alert.expected,
            "p_value": alert.p_value,
            "n_customers": alert.n_customers,
            "message": self.text.message(alert),
            "assigned_to": alert.owner,
            "snoozed_until": self._moment(alert.snoozed_until) if alert.snoozed_until else None,
            **{name: shown.shared.get(name) for name in CELL_FIELDS},
            "alert": json.dumps(kept, ensure_ascii=False),
        }

    def notice(self, shown: Shown, event: str, step: Step) -> Values:
        """Give the row of a notice, with everything that a message needs."""
        alert = shown.alert
        payload = {
            **self.warning(alert),
            "event": event,
            "state": alert.state,
            "level_name": self.text.level_name(alert),
            "kind": alert.kind,
            "since": self._moment(alert.since).isoformat(timespec="seconds"),
            "opened_at": self._moment(alert.opened_at).isoformat(timespec="seconds"),
            "measures": list(self.text.measures(alert)),
            "n_customers": alert.n_customers,
            "n_members": len(alert.members),
            "assigned_to": alert.owner,
            "by": step.by,
            "why": step.why,
            **{name: shown.shared.get(name) for name in CELL_FIELDS},
        }
        return {
            "id": f"msg_{new_id()}",
            "surge_id": alert.surge_id,
            "event": event,
            "at": self._moment(step.at),
            "payload": json.dumps(payload, ensure_ascii=False),
        }

    def _moment(self, seconds: float) -> datetime:
        return datetime.fromtimestamp(seconds, self.zone)


def event_of(step: Step) -> str | None:
    """Name the event that a step of an alert's life is told as; None where nobody is told.

    Examples
    --------
    >>> event_of(Step(0.0, "alert", "machine", "opened"))
    'opened'
    >>> event_of(Step(0.0, "assigned:王", "crm", "")) is None
    True
    """
    if step.state.startswith("level:"):
        return "escalated"
    if step.by == "machine":
        if step.state == "resolved":
            return "closed"
        # Doubling is told by its level; narrowing is no news.
        is_news = step.state == "alert" and not step.why.startswith(("doubled", "narrowed"))
        return "opened" if is_news else None
    if step.why.startswith("split from"):
        return "opened"
    named = step.state in {"acknowledged", "resolved", "false_alarm"}
    return step.state if named and not step.why.startswith(("merged S", "split off")) else None


def number_of(surge_id: str) -> int:
    """Give the number in a surge's id.

    Examples
    --------
    >>> number_of("S000012")
    12
    """
    return int(surge_id[1:])


def write_row(connection: Connection, row: Values, *, is_new: bool) -> None:
    """Insert or replace the row of an alert."""
    if is_new:
        connection.execute(insert(surges), row)
    else:
        values = {name: value for name, value in row.items() if name != "seq"}
        connection.execute(update(surges).where(surges.c.seq == row["seq"]).values(values))


def add_members(connection: Connection, surge_id: str, ids: Iterable[str], at_open: bool) -> None:
    """List complaints as members of a surge; those that are listed already stay."""
    rows = [{"surge_id": surge_id, "complaint_id": i, "at_open": at_open} for i in ids if i]
    if rows:
        dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
        connection.execute(dialect.insert(surge_members).on_conflict_do_nothing(), rows)


def set_members(
    connection: Connection, surge_id: str, members: Sequence[str], at_open: Sequence[str]
) -> None:
    """Make the list of members what it is now."""
    m = surge_members.c
    connection.execute(delete(surge_members).where(m.surge_id == surge_id))
    present = set(members)
    add_members(connection, surge_id, (i for i in at_open if i in present), at_open=True)
    add_members(connection, surge_id, members, at_open=False)


def add_notices(connection: Connection, rows: Sequence[Values]) -> None:
    """Put notices into the outbox."""
    if rows:
        connection.execute(insert(notices), list(rows))


def forget_members(connection: Connection, complaint_ids: Sequence[str]) -> None:
    """Take erased complaints off all lists of members."""
    m = surge_members.c
    for start in range(0, len(complaint_ids), CHUNK_ROWS):
        chunk = complaint_ids[start : start + CHUNK_ROWS]
        connection.execute(delete(surge_members).where(m.complaint_id.in_(chunk)))


def close_orphans(connection: Connection) -> int:
    """Resolve the surges of a state that is lost; give the highest number of a surge."""
    connection.execute(
        update(surges).where(surges.c.state.in_(OPEN_STATES)).values(state="resolved")
    )
    found = connection.execute(select(surges.c.seq).order_by(surges.c.seq.desc()).limit(1))
    return found.scalar() or 0


# -- shown -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class WantedSurges:
    """What a list of surges is to hold; None for no condition."""

    states: frozenset[str] | None = None
    level: str | None = None
    kind: str | None = None
    since: datetime | None = None


def list_surges(
    connection: Connection,
    wanted: WantedSurges,
    *,
    limit: int,
    before: int | None,
    zone: tzinfo,
    capped_fields: Sequence[str],
) -> SurgePage:
    """Give a page of surges, newest first."""
    s = surges.c
    query = select(surges)
    if wanted.states is not None:
        query = query.where(s.state.in_(wanted.states))
    if wanted.level:
        query = query.where(s.level == wanted.level)
    if wanted.kind:
        query = query.where(s.kind == wanted.kind)
    if wanted.since:
        query = query.where(s.opened_at >= wanted.since)
    if before is not None:
        query = query.where(s.seq < before)
    rows = connection.execute(query.order_by(s.seq.desc()).limit(limit + 1)).all()
    return SurgePage(
        items=[SurgeSummary.model_validate(_summary(row, zone)) for row in rows[:limit]],
        next_cursor=str(rows[limit - 1].seq) if len(rows) > limit else None,
        capped_fields=list(capped_fields),
    )


def count_open(connection: Connection) -> int:
    """Count the surges that somebody may still have to act on."""
    query = select(func.count()).select_from(surges).where(surges.c.state.in_(OPEN_STATES))
    found: int = connection.execute(query).scalar_one()
    return found


def find_row(connection: Connection, surge_id: str) -> Row[Any]:
    """Give the row of a surge.

    Raises
    ------
    NoSuchSurgeError
        If there is none of this id.
    """
    row = connection.execute(select(surges).where(surges.c.id == surge_id)).one_or_none()
    if row is None:
        raise NoSuchSurgeError("there is no surge of this id")
    return row


def show_surge(
    connection: Connection, who: Principal, row: Row[Any], words: SurgeWords, series: Values | None
) -> SurgeOut:
    """Give one surge with its explanation and all that was done."""
    kept = json.loads(row.alert)
    del kept["marks"]
    alert = Alert.from_json(kept)
    m, c = surge_members.c, complaints.c
    listed = connection.execute(
        select(m.complaint_id, m.at_open)
        .join(complaints, c.id == m.complaint_id)
        .where(m.surge_id == row.id)
        .order_by(c.seq)
        .limit(MAX_SHOWN_MEMBERS)
    ).all()
    told = connection.execute(
        select(c.id, c.received_at, c.unit, c.text)
        .where(c.id.in_(alert.representatives), visible_to(who))
        .order_by(c.seq)
    ).all()
    return SurgeOut.model_validate(
        {
            **_summary(row, words.zone),
            "explanation": {
                "terms": alert.terms,
                "fields": [
                    {"name": name, "value": value}
                    for part in alert.fields
                    for name, _, value in [part.partition("=")]
                ],
                "group": alert.group,
                "group_name": words.text.table["groups"][alert.group],
                "expected_interval": (alert.expected_low, alert.expected_high),
                "once_in_weeks": round(min(alert.weeks_between, 1e9), 1),
                "short_history": alert.short_history,
                "observed_at_open": alert.observed_at_open,
            },
            "representatives": [dict(line._mapping) for line in told],
            "measures": words.text.measures(alert),
            "notice_draft": words.text.notice(alert),
            "members": [line.complaint_id for line in listed],
            "members_at_open": [line.complaint_id for line in listed if line.at_open],
            "series": SurgeSeries.model_validate(series) if series else None,
            "steps": [
                {**asdict(step), "at": datetime.fromtimestamp(step.at, words.zone)}
                for step in alert.steps
            ],
        }
    )


def told_before(
    connection: Connection, surge_id: str
) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """Give the marks of an alert and the words found for them; None for an alert without row."""
    row = connection.execute(
        select(surges.c.alert, surges.c.terms).where(surges.c.id == surge_id)
    ).one_or_none()
    return (tuple(json.loads(row.alert)["marks"]), tuple(json.loads(row.terms))) if row else None


def member_times(connection: Connection, surge_id: str) -> dict[str, float]:
    """Give when each member of a surge came."""
    c, m = complaints.c, surge_members.c
    rows = connection.execute(
        select(c.id, c.occurred_at)
        .join(surge_members, m.complaint_id == c.id)
        .where(m.surge_id == surge_id)
    )
    return {row.id: row.occurred_at.timestamp() for row in rows}


def member_texts(connection: Connection, ids: Sequence[str]) -> dict[str, tuple[str, str | None]]:
    """Give the masked texts that are still kept of some complaints, with their products."""
    c = complaints.c
    wanted = select(c.id, c.text, c.product).where(c.id.in_(ids), c.text.is_not(None))
    return {row.id: (row.text, row.product) for row in connection.execute(wanted)}


def named(alert: Alert, terms: tuple[str, ...], names: Mapping[str, str]) -> Alert:
    """Give an alert whose terms are words and whose categories have their names."""
    return replace(
        alert,
        terms=terms,
        key=_with_names(alert.key, names),
        fields=tuple(_with_names(part, names) for part in alert.fields),
    )


def _with_names(cell: str, names: Mapping[str, str]) -> str:
    """Replace the ids of categories in a cell's name.

    Examples
    --------
    >>> _with_names("category=refund&region=东", {"refund": "退换退款"})
    'category=退换退款&region=东'
    """
    if "category=" not in cell:
        return cell
    parts = [part.partition("=") for part in cell.split("&")]
    return "&".join(
        f"{name}={names.get(value, value) if name == 'category' else value}"
        for name, _, value in parts
    )


def _topic(alert: Alert) -> Values:
    return {
        "id": int(alert.key) if alert.kind == "topic" else alert.key,
        "terms": list(alert.terms),
    }


def _summary(row: Row[Any], zone: tzinfo) -> Values:
    values = {name: row._mapping[name] for name in SurgeSummary.model_fields if name in row._fields}
    for name, value in values.items():
        if isinstance(value, datetime):
            values[name] = value.astimezone(UTC).astimezone(zone)
    terms = json.loads(row.terms)
    values["topic"] = {"id": row.topic_id if row.kind == "topic" else row.key, "terms": terms}
    return values
