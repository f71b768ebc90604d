"""Numbers of a day and of a period."""

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from statistics import median
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, select

from api.records import is_overdue
from api.schemas import DayCount, Overview, Report
from api.tables import complaints, corrections, outcomes

Where = ColumnElement[bool]


def overview(connection: Connection, *, day: date, now: datetime) -> Overview:
    """Give the numbers of a day; open and overdue ones are of all days."""
    c = complaints.c
    received = _between(c.received_at, day, day, now.tzinfo)
    waits = and_(
        c.first_response_due_at.is_not(None), c.responded_at.is_(None), c.resolved_at.is_(None)
    )
    flags: Counter[str] = Counter()
    for flag_words, n_texts in _counts(connection, c.flags, received).items():
        for flag in flag_words.split():
            flags[flag] += n_texts
    return Overview(
        day=day.isoformat(),
        received=_count(connection, received),
        by_category=_counts(connection, c.category, received),
        by_motive=_counts(connection, c.motive, received),
        by_urgency=_counts(connection, c.urgency, received),
        by_decision=_counts(connection, c.category_decision, received),
        by_flag=dict(flags),
        open=_count(connection, waits),
        overdue=_count(connection, is_overdue(now)),
        resolved=_count(connection, _between(c.resolved_at, day, day, now.tzinfo)),
        warnings=0,
    )


def report(connection: Connection, *, since: date, until: date, zone: tzinfo) -> Report:
    """Give the numbers of a period, both days included."""
    c = complaints.c
    received = _between(c.received_at, since, until, zone)
    n_received = _count(connection, received)
    decisions = _counts(connection, c.category_decision, received)
    answered = connection.execute(
        select(c.received_at, c.responded_at, c.first_response_due_at).where(
            received, c.responded_at.is_not(None), c.first_response_due_at.is_not(None)
        )
    ).all()
    n_corrected = connection.execute(
        select(func.count(func.distinct(corrections.c.complaint_id)))
        .select_from(corrections.join(complaints, complaints.c.id == corrections.c.complaint_id))
        .where(received)
    ).scalar_one()
    satisfied = connection.execute(
        select(outcomes.c.satisfied, func.count())
        .select_from(outcomes.join(complaints, complaints.c.id == outcomes.c.complaint_id))
        .where(received, outcomes.c.satisfied.is_not(None))
        .group_by(outcomes.c.satisfied)
    ).all()
    return Report(
        since=since.isoformat(),
        until=until.isoformat(),
        received=n_received,
        by_category=_counts(connection, c.category, received),
        by_motive=_counts(connection, c.motive, received),
        by_urgency=_counts(connection, c.urgency, received),
        by_unit=_counts(connection, c.unit, received),
        by_source=_counts(connection, c.source, received),
        auto_share=_share(decisions.get("auto", 0), sum(decisions.values())),
        corrected_share=_share(n_corrected, n_received),
        responded_in_time_share=_share(
            sum(row.responded_at <= row.first_response_due_at for row in answered), len(answered)
        ),
        median_response_hours=median(
            (row.responded_at - row.received_at).total_seconds() / 3600 for row in answered
        )
        if answered
        else None,
        satisfied_share=_share(
            sum(n for is_satisfied, n in satisfied if is_satisfied), sum(n for _, n in satisfied)
        ),
        days=_days(connection, since, until, zone),
    )


def _days(connection: Connection, since: date, until: date, zone: tzinfo) -> list[DayCount]:
    """Count day by day in the deployment's zone, which neither database needs to know."""
    moments = (complaints.c.received_at, corrections.c.at, complaints.c.resolved_at)
    received, corrected, resolved = (
        Counter(
            row[0].astimezone(zone).date()
            for row in connection.execute(select(m).where(_between(m, since, until, zone)))
        )
        for m in moments
    )
    days = [since + timedelta(days=i) for i in range((until - since).days + 1)]
    return [
        DayCount(
            day=day.isoformat(), received=received[day], corrected=corrected[day],
            resolved=resolved[day],
        )
        for day in days
    ]  # fmt: skip


def _between(
    moment: ColumnElement[Any], since: date, until: date, zone: tzinfo | None
) -> ColumnElement[bool]:
    start = datetime.combine(since, time(), zone or UTC)
    end = datetime.combine(until + timedelta(days=1), time(), zone or UTC)
    return and_(moment >= start, moment < end)


def _count(connection: Connection, condition: Where) -> int:
    query = select(func.count()).select_from(complaints).where(condition)
    return int(connection.execute(query).scalar_one())


def _counts(connection: Connection, column: ColumnElement[Any], condition: Where) -> dict[str, int]:
    query = select(column, func.count()).where(condition, column.is_not(None)).group_by(column)
    return {str(value): n for value, n in connection.execute(query.order_by(func.count().desc()))}


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
