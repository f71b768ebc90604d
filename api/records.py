"""Stored complaints: found, shown, answered, corrected, closed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, insert, select, update
from sqlalchemy.sql import false

from api import audit
from api.complaints import whole_answer
from api.errors import MomentError, NoSuchComplaintError
from api.keys import Principal
from api.schemas import (
    ComplaintOut,
    ComplaintPage,
    ComplaintSummary,
    CorrectionOut,
    OutcomeIn,
    OutcomeOut,
    TaskName,
    TriageOut,
)
from api.search import key_of, matches, words
from api.tables import complaints, corrections, outcomes
from triage.taxonomy import Taxonomy
from triage.text import clean_texts

SUMMARY = [
    c
    for c in complaints.c
    if c.name in {"seq", *ComplaintSummary.model_fields} or c.name == "response_channel"
]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a list of complaints is to hold; None for no condition.

    Attributes
    ----------
    query : str or None
        Words that the text must hold.
    overdue : bool or None
        Whether the first response is late.
    """

    category: str | None = None
    motive: str | None = None
    urgency: str | None = None
    decision: str | None = None
    flag: str | None = None
    source: str | None = None
    unit: str | None = None
    external_id: str | None = None
    customer: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    overdue: bool | None = None
    resolved: bool | None = None
    query: str | None = None


def list_complaints(
    connection: Connection,
    who: Principal,
    wanted: Wanted,
    *,
    now: datetime,
    limit: int,
    before: int | None,
) -> ComplaintPage:
    """Give a page of complaints that the caller may see, newest first.

    Parameters
    ----------
    before : int or None
        Only complaints stored before this one: the cursor.
    """
    rows = connection.execute(_select(connection, who, wanted, now, limit, before)).all()
    items = [summary_of(row, now) for row in rows[:limit]]
    return ComplaintPage(
        items=items, next_cursor=str(rows[limit - 1].seq) if len(rows) > limit else None
    )


def show_complaint(
    connection: Connection, who: Principal, complaint_id: str, *, now: datetime
) -> ComplaintOut:
    """Give one complaint with all that was done."""
    row = find_row(connection, who, complaint_id)
    made = connection.execute(
        select(corrections)
        .where(corrections.c.complaint_id == complaint_id)
        .order_by(corrections.c.seq)
    ).all()
    return ComplaintOut(
        complaint=summary_of(row, now),
        triage=TriageOut.model_validate_json(whole_answer(row.text, row.answer)),
        response_channel=row.response_channel,
        corrections=[CorrectionOut.model_validate(_shown(c, CorrectionOut)) for c in made],
        outcome=find_outcome(connection, complaint_id),
    )


def find_row(connection: Connection, who: Principal, complaint_id: str) -> Row[Any]:
    """Give the row of a complaint.

    Raises
    ------
    NoSuchComplaintError
        If there is none, or none that the caller may see: the answer does not tell which.
    """
    row = connection.execute(
        select(complaints).where(complaints.c.id == complaint_id, visible_to(who))
    ).one_or_none()
    if row is None:
        raise NoSuchComplaintError("there is no complaint of this id that your key may see")
    return row


def find_outcome(connection: Connection, complaint_id: str) -> OutcomeOut | None:
    """Give how a complaint ended; None where it has not."""
    row = connection.execute(
        select(outcomes).where(outcomes.c.complaint_id == complaint_id)
    ).one_or_none()
    return OutcomeOut.model_validate(_shown(row, OutcomeOut)) if row else None


def note_response(
    connection: Connection,
    who: Principal,
    complaint_id: str,
    *,
    at: datetime,
    channel: str | None,
    now: datetime,
) -> None:
    """Stop the clock of the first response; a second response changes nothing.

    Raises
    ------
    MomentError
        If the response lies before the complaint or in the future.
    """
    row = find_row(connection, who, complaint_id)
    if row.responded_at is not None:
        return
    if not row.received_at <= at <= now:
        raise MomentError(
            f"a response lies between {row.received_at.isoformat()} (received) and now, "
            f"got {at.isoformat()}"
        )
    _change(connection, complaint_id, responded_at=at, response_channel=channel)
    due = row.first_response_due_at
    audit.record(
        connection,
        who,
        "respond",
        complaint_id,
        known={"due_at": due.isoformat() if due else None},
        done={"at": at.isoformat(), "channel": channel},
    )


def correct(
    connection: Connection,
    who: Principal,
    complaint_id: str,
    labels: Mapping[TaskName, str],
    *,
    reason: str | None,
    taxonomy: Taxonomy,
    now: datetime,
) -> Row[Any]:
    """Keep the right labels, tied to the model version that was wrong.

    Returns
    -------
    Row
        The complaint as it was.

    Raises
    ------
    UnknownLabelError
        If the taxonomy has no such label.
    """
    for task, label in labels.items():
        taxonomy.task(task).label(label)
    row = find_row(connection, who, complaint_id)
    before = {task: getattr(row, task) for task in labels}
    shared = {
        "complaint_id": complaint_id,
        "at": now,
        "reason": _masked(reason),
        "model": row.model,
        "key_id": who.key_id,
        "source": who.source,
    }
    connection.execute(
        insert(corrections),
        [{**shared, "task": t, "before": before[t], "label": label} for t, label in labels.items()],
    )
    _change(connection, complaint_id, **{str(task): label for task, label in labels.items()})
    known = {"labels": before, "model": row.model}
    audit.record(connection, who, "correct", complaint_id, known=known, done={"labels": labels})
    return row


def close(
    connection: Connection,
    who: Principal,
    complaint_id: str,
    outcome: OutcomeIn,
    *,
    now: datetime,
) -> None:
    """Keep how a complaint ended; a later outcome replaces the one before."""
    row = find_row(connection, who, complaint_id)
    values = {
        "at": now,
        "resolution": _masked(outcome.resolution),
        "cause": _masked(outcome.cause),
        "measure": _masked(outcome.measure),
        "satisfied": outcome.satisfied,
        "model": row.model,
        "key_id": who.key_id,
        "source": who.source,
    }
    changed = connection.execute(
        update(outcomes).where(outcomes.c.complaint_id == complaint_id).values(**values)
    )
    if changed.rowcount == 0:
        connection.execute(insert(outcomes), {"complaint_id": complaint_id, **values})
    _change(connection, complaint_id, resolved_at=now)
    known = {"labels": {t: getattr(row, t) for t in ("category", "motive", "urgency")}}
    done = {"satisfied": outcome.satisfied}
    audit.record(connection, who, "close", complaint_id, known=known, done=done)


def visible_to(who: Principal) -> ColumnElement[bool]:
    """Give the condition on complaints that a caller may see."""
    if who.sees_all:
        return complaints.c.id.is_not(None)
    return complaints.c.unit == who.unit if who.unit else false()


def is_overdue(now: datetime) -> ColumnElement[bool]:
    """Give the condition that a first response is late."""
    c = complaints.c
    return and_(c.first_response_due_at < now, c.responded_at.is_(None), c.resolved_at.is_(None))


def summary_of(row: Row[Any], now: datetime) -> ComplaintSummary:
    """Show a row as a line of a list."""
    due = row.first_response_due_at
    values = {
        **{name: value for name, value in row._mapping.items() if name in SUMMARY_FIELDS},
        "flags": row.flags.split(),
        "overdue": bool(due and due < now and row.responded_at is None and row.resolved_at is None),
    }
    return ComplaintSummary.model_validate(values)


SUMMARY_FIELDS = frozenset(ComplaintSummary.model_fields)


def _select(
    connection: Connection,
    who: Principal,
    wanted: Wanted,
    now: datetime,
    limit: int,
    before: int | None,
) -> Select[Any]:
    conditions = [visible_to(who), *_conditions(wanted, now)]
    key: ColumnElement[int] = complaints.c.seq
    found = select(*SUMMARY)
    match = matches(connection, wanted.query) if wanted.query else None
    if wanted.query and match is None:
        conditions.append(false())
    if match is not None:
        key = key_of(connection)
        found = found.select_from(words, complaints)
        conditions += [match, complaints.c.seq == key]
    if before is not None:
        conditions.append(key < before)
    return found.where(*conditions).order_by(key.desc()).limit(limit + 1)


def _conditions(wanted: Wanted, now: datetime) -> Sequence[ColumnElement[bool]]:
    c = complaints.c
    equal = {
        c.category: wanted.category,
        c.motive: wanted.motive,
        c.urgency: wanted.urgency,
        c.category_decision: wanted.decision,
        c.source: wanted.source,
        c.unit: wanted.unit,
        c.external_id: wanted.external_id,
        c.customer: wanted.customer,
    }
    conditions = [column == value for column, value in equal.items() if value is not None]
    if wanted.flag:
        conditions.append((" " + c.flags + " ").contains(f" {wanted.flag} ", autoescape=True))
    if wanted.since:
        conditions.append(c.received_at >= wanted.since)
    if wanted.until:
        conditions.append(c.received_at < wanted.until)
    if wanted.overdue is not None:
        late = is_overdue(now)
        conditions.append(late if wanted.overdue else ~late | c.first_response_due_at.is_(None))
    if wanted.resolved is not None:
        known = c.resolved_at.is_not(None)
        conditions.append(known if wanted.resolved else ~known)
    return conditions


def _change(connection: Connection, complaint_id: str, **values: object) -> None:
    connection.execute(update(complaints).where(complaints.c.id == complaint_id).values(**values))


def _masked(text: str | None) -> str | None:
    return clean_texts([text])[0].text if text else text


def _shown(row: Row[Any], model: type[CorrectionOut] | type[OutcomeOut]) -> dict[str, Any]:
    return {name: value for name, value in row._mapping.items() if name in model.model_fields}


def aware(at: datetime | None, now: datetime) -> datetime:
    """Read a time without an offset in the zone of `now`; None is now.

    Examples
    --------
    >>> now = datetime.fromisoformat("2026-01-02T00:00:00+08:00")
    >>> aware(datetime(2026, 1, 1), now).isoformat()
    '2026-01-01T00:00:00+08:00'
    """
    if at is None:
        return now
    return at.replace(tzinfo=now.tzinfo) if at.tzinfo is None else at
