"""Complaints as rows: how an answer is stored and comes back unchanged."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, insert, select, tuple_

from api.answers import Answered, Received
from api.search import add_words
from api.tables import complaints

TASKS = ("category", "motive", "urgency")


@dataclass(frozen=True, slots=True)
class Marked:
    """A received complaint with its source and fingerprints."""

    received: Received
    source: str
    fingerprint: str
    customer: str | None

    @property
    def external(self) -> tuple[str, str] | None:
        """Source and external id; None without one."""
        external_id = self.received.complaint.external_id
        return (self.source, external_id) if external_id else None


@dataclass(frozen=True, slots=True)
class Stored:
    """A complaint that is in the database, with its answer as JSON."""

    id: str
    fingerprint: str
    body: str
    is_new: bool


def whole_answer(text: str | None, answer: str) -> str:
    """Put text and stored answer together again.

    Examples
    --------
    >>> whole_answer("退款", '{"id": "1"}')
    '{"text":"退款","id": "1"}'
    """
    return '{"text":' + json.dumps(text, ensure_ascii=False) + "," + answer[1:]


def find_external(
    connection: Connection, pairs: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], Stored]:
    """Find complaints by source and external id."""
    c = complaints.c
    wanted = select(c.source, c.external_id, c.id, c.fingerprint, c.text, c.answer).where(
        tuple_(c.source, c.external_id).in_(list(pairs))
    )
    return {
        (row.source, row.external_id): Stored(
            row.id, row.fingerprint, whole_answer(row.text, row.answer), is_new=False
        )
        for row in connection.execute(wanted)
    }


def insert_answers(
    connection: Connection, answered: list[tuple[Marked, Answered]], elapsed_ms: float
) -> list[Stored]:
    """Store answers and make them searchable."""
    rows = [_row(marked, one, elapsed_ms) for marked, one in answered]
    connection.execute(insert(complaints), rows)
    add_words(connection, [(row["id"], one.folded) for row, (_, one) in zip(rows, answered)])  # noqa: B905
    return [
        Stored(row["id"], row["fingerprint"], whole_answer(row["text"], row["answer"]), is_new=True)
        for row in rows
    ]


def labels_of(row: Row[Any] | Mapping[str, Any]) -> dict[str, str | None]:
    """Give the stored label of each task."""
    values = row if isinstance(row, Mapping) else row._mapping
    return {task: values[task] for task in TASKS}


def _row(marked: Marked, answered: Answered, elapsed_ms: float) -> dict[str, Any]:
    complaint, values = marked.received.complaint, answered.values
    occurred_at = complaint.occurred_at or marked.received.received_at
    row: dict[str, Any] = {
        "id": answered.id,
        "source": marked.source,
        "external_id": complaint.external_id,
        "fingerprint": marked.fingerprint,
        "received_at": marked.received.received_at,
        "occurred_at": occurred_at,
        "channel": complaint.channel,
        "sector": complaint.sector,
        "product": complaint.product,
        "region": complaint.region,
        "unit": complaint.unit,
        "customer": marked.customer,
        "is_live": marked.received.is_live,
        "text": values["text"],
        "model_urgency": values["urgency"] and values["urgency"]["model_label"],
        "flags": " ".join(dict.fromkeys(flag["flag"] for flag in values["flags"])),
        "model": values["model"],
        "segmenter": values["segmenter"],
        "elapsed_ms": elapsed_ms,
        "answer": answered.to_json(),
        "first_response_due_at": answered.first_response_due_at,
    }
    for task in TASKS:
        prediction = values[task] or {}
        row[task] = prediction.get("label")
        row[f"{task}_confidence"] = prediction.get("confidence")
        row[f"{task}_decision"] = prediction.get("decision")
    return row
