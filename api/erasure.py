"""What is forgotten: single complaints, all of a customer, texts whose time is over."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, select, update
from sqlalchemy import text as statement

from api import audit, surge_log
from api.database import Database
from api.errors import NoSuchComplaintError
from api.keys import Principal
from api.search import remove_words
from api.surge_log import Entry
from api.surge_records import forget_members
from api.tables import complaints, corrections, outcomes

CHUNK_ROWS = 500


def erase_complaint(connection: Connection, who: Principal, complaint_id: str) -> None:
    """Remove a complaint with everything that belongs to it.

    Raises
    ------
    NoSuchComplaintError
        If there is none of this id.
    """
    surge_log.take_lock(connection)
    if not _erase(connection, complaints.c.id == complaint_id):
        raise NoSuchComplaintError("there is no complaint of this id")
    audit.record(connection, who, "erase", complaint_id)


def erase_customer(connection: Connection, who: Principal, customer: str) -> int:
    """Remove all complaints of a customer, named by fingerprint; give how many there were."""
    surge_log.take_lock(connection)
    erased = _erase(connection, complaints.c.customer == customer)
    audit.record(connection, who, "erase_customer", customer, done={"complaints": len(erased)})
    return len(erased)


def purge_texts(database: Database, *, before: datetime, who: Principal) -> int:
    """Remove the texts of complaints received before a moment; labels and counts stay.

    Works in small transactions, so that intake goes on.

    Returns
    -------
    int
        How many complaints lost their text.
    """
    n_purged = 0
    while True:
        with database.write() as connection:
            surge_log.take_lock(connection)
            rows = connection.execute(
                select(complaints.c.seq, complaints.c.id, complaints.c.answer)
                .where(complaints.c.received_at < before, complaints.c.text_removed_at.is_(None))
                .limit(CHUNK_ROWS)
            ).all()
            if rows:
                _remove_texts(connection, rows)
                n_purged += len(rows)
                continue
            done = {"complaints": n_purged, "before": before.isoformat()}
            audit.record(connection, who, "purge", "complaints", done=done)
        _compact(database)
        return n_purged


def without_text(answer: str) -> str:
    """Take out of a stored answer everything that quotes the complaint.

    Examples
    --------
    >>> without_text('{"category": {"label": "refund", "evidence": [{"term": "退款"}]}}')
    '{"category": {"label": "refund", "evidence": []}, "card": null}'
    """
    values: dict[str, Any] = json.loads(answer)
    for task in ("category", "motive", "urgency"):
        if values.get(task):
            values[task]["evidence"] = []
    values["card"] = None
    for case in values.get("similar", ()):
        case["outcome"] = None
    return json.dumps(values, ensure_ascii=False)


def _remove_texts(connection: Connection, rows: Sequence[Row[Any, Any, Any]]) -> None:
    now = datetime.now().astimezone()
    for row in rows:
        connection.execute(
            update(complaints)
            .where(complaints.c.seq == row.seq)
            .values(text=None, answer=without_text(row.answer), text_removed_at=now)
        )
    ids = [row.id for row in rows]
    connection.execute(
        update(corrections).where(corrections.c.complaint_id.in_(ids)).values(reason=None)
    )
    connection.execute(
        update(outcomes)
        .where(outcomes.c.complaint_id.in_(ids))
        .values(resolution="", cause=None, measure=None)
    )
    remove_words(connection, [row.seq for row in rows])
    surge_log.note(connection, Entry("fade", {"ids": ids}))


def _erase(connection: Connection, condition: ColumnElement[bool]) -> list[int]:
    rows = connection.execute(select(complaints.c.seq, complaints.c.id).where(condition)).all()
    seqs = [row.seq for row in rows]
    if seqs:
        ids = [row.id for row in rows]
        forget_members(connection, ids)
        surge_log.note(connection, Entry("forget", {"ids": ids}))
        remove_words(connection, seqs)
        for start in range(0, len(seqs), CHUNK_ROWS):
            chunk = seqs[start : start + CHUNK_ROWS]
            connection.execute(delete(complaints).where(complaints.c.seq.in_(chunk)))
    return seqs


def _compact(database: Database) -> None:
    """Drop what removed texts left behind in the index."""
    if database.is_sqlite:
        with database.write() as connection:
            connection.execute(
                statement("INSERT INTO complaint_words (complaint_words) VALUES ('optimize')")
            )
