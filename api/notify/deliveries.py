"""Deliveries in the database: made of notices, claimed, tried, kept.

A notice is settled (`notices.routed_at`) in the transaction that makes its deliveries, so a crash
before it leaves the notice to the next start, and one after it leaves deliveries that are due. A
process claims a delivery for the time of its lease; what it could not finish, another one tries.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    case,
    func,
    insert,
    or_,
    select,
    update,
)

from api import audit
from api.database import Database
from api.notify.channels import Channel
from api.notify.notices import Notice
from api.notify.plan import NotifyPlan
from api.notify.routing import route_to, routes_of
from api.tables import deliveries, notices

STATES = ("waiting", "delivered", "dead")
ROUTE_ROWS = 100
OLDEST = timedelta(days=14)
"""A notice that nobody looked at for so long is put aside: alarms of last year help nobody."""
LONGEST_WAIT = timedelta(days=8)
"""Nothing waits longer; what is due later was written while the clock was wrong."""

_d, _n = deliveries.c, notices.c


@dataclass(frozen=True, slots=True)
class Delivery:
    """One notice on its way to one channel, claimed by this process."""

    seq: int
    notice: Notice
    n_tries: int
    is_held: bool
    lease: str


@dataclass(frozen=True, slots=True)
class ChannelState:
    """What a channel has before it: how many wait or are dead, and whether some are due."""

    channel: str
    n_waiting: int
    n_dead: int
    is_due: bool


@dataclass(frozen=True, slots=True)
class Routed:
    """What became of notices: how many were settled, and how many of them were too old."""

    n_notices: int = 0
    n_deliveries: int = 0
    n_too_old: int = 0


def route_notices(database: Database, plan: NotifyPlan, now: datetime) -> Routed:
    """Make the deliveries of notices that have none yet, up to `ROUTE_ROWS` of them.

    Two processes never settle the same notice.
    """
    waiting = select(notices).where(_n.routed_at.is_(None)).order_by(_n.seq).limit(ROUTE_ROWS)
    with database.read() as connection:
        if connection.execute(waiting.with_only_columns(_n.seq).limit(1)).first() is None:
            return Routed()
    n_too_old, made = 0, []
    with database.write() as connection:
        rows = connection.execute(waiting.with_for_update(skip_locked=True)).all()
        for row in rows:
            if now - row.at > OLDEST:
                n_too_old += 1
                continue
            notice = Notice.from_row(row)
            for route in routes_of(plan, notice, now):
                made.append(_new(notice.id, route.channel.name, now, route.due_at, route.is_held))
        if made:
            connection.execute(insert(deliveries), made)
        connection.execute(
            update(notices).where(_n.seq.in_([row.seq for row in rows])).values(routed_at=now)
        )
    return Routed(len(rows), len(made), n_too_old)


def channel_states(database: Database, now: datetime) -> list[ChannelState]:
    """Give what the channels have before them; channels with nothing are left out."""
    query = (
        select(
            _d.channel,
            func.sum(_one_if(_d.state == "waiting")).label("n_waiting"),
            func.sum(_one_if(_d.state == "dead")).label("n_dead"),
            func.sum(_one_if(_is_due(now))).label("n_due"),
        )
        .where(_d.state.in_(("waiting", "dead")))
        .group_by(_d.channel)
        .order_by(_d.channel)
    )
    with database.read() as connection:
        rows = connection.execute(query).all()
    return [
        ChannelState(row.channel, int(row.n_waiting), int(row.n_dead), row.n_due > 0)
        for row in rows
    ]


def claim(
    database: Database, channel: Channel, now: datetime, *, lease_seconds: float, most_held: int
) -> list[Delivery]:
    """Take what a channel is to get next: one notice, or all held ones of a digest.

    Parameters
    ----------
    most_held : int
        How many held notices one message may tell of.

    Returns
    -------
    list of Delivery
        Empty where nothing is due.
    """
    query = (
        select(deliveries, _n.id, _n.event, _n.at, _n.payload)
        .join(notices, _n.id == _d.notice_id)
        .where(_d.channel == channel.name, _is_due(now))
        .order_by(_d.due_at, _d.seq)
        .limit(most_held if channel.when_quiet == "digest" else 1)
        .with_for_update(skip_locked=True, of=deliveries)
    )
    lease = secrets.token_hex(16)
    with database.write() as connection:
        rows = list(connection.execute(query).all())
        if rows:
            alone = not rows[0].is_held
            rows = rows[:1] if alone else [row for row in rows if row.is_held]
            connection.execute(
                update(deliveries)
                .where(_d.seq.in_([row.seq for row in rows]))
                .values(lease=lease, leased_until=now + timedelta(seconds=lease_seconds))
            )
    return [
        Delivery(row.seq, Notice.from_row(row), row.n_tries, row.is_held, lease) for row in rows
    ]


def postpone(database: Database, claimed: Sequence[Delivery], due_at: datetime) -> None:
    """Keep deliveries back until quiet hours end; that is no try."""
    _change(database, claimed, due_at=due_at, is_held=True)


def note_delivered(database: Database, claimed: Sequence[Delivery], now: datetime) -> None:
    """Note that deliveries were taken, even if the lease has run out meanwhile."""
    n_tries = _d.n_tries + 1
    values = {"state": "delivered", "tried_at": now, "n_tries": n_tries, "reason": None}
    _change(database, claimed, even_without_lease=True, **values)


def note_failed(
    database: Database, claimed: Sequence[Delivery], now: datetime, *, reason: str,
    due_at: datetime | None,
) -> None:  # fmt: skip
    """Note a failed try.

    Parameters
    ----------
    due_at : datetime or None
        When to try again; None puts the deliveries on the list of dead letters.
    """
    values: dict[str, Any] = {"tried_at": now, "n_tries": _d.n_tries + 1, "reason": reason[:200]}
    values |= {"state": "dead"} if due_at is None else {"due_at": due_at}
    _change(database, claimed, **values)


def redeliver(
    database: Database,
    plan: NotifyPlan,
    now: datetime,
    *,
    notice_id: str | None = None,
    channel: str | None = None,
) -> list[tuple[str, str]]:
    """Let deliveries begin anew, with the same id.

    Parameters
    ----------
    notice_id : str, optional
        All of this notice, delivered or dead; where it has none, those that the file says now.
        None takes every dead letter.
    channel : str, optional
        Only those of this channel.

    Returns
    -------
    list of (str, str)
        Notice id and channel of each.
    """
    condition = _d.state == "dead" if notice_id is None else _d.notice_id == notice_id
    if channel is not None:
        condition = and_(condition, _d.channel == channel)
    with database.write() as connection:
        # The notice is locked first, so that nobody settles it meanwhile.
        notice = _lock_notice(connection, notice_id)
        rows = connection.execute(
            select(_d.seq, _d.notice_id, _d.channel).where(condition).order_by(_d.seq)
        ).all()
        for row in rows:
            connection.execute(update(deliveries).where(_d.seq == row.seq).values(_anew(now)))
        found = [(row.notice_id, row.channel) for row in rows]
        if notice is not None and not found:
            found = _deliver_first(connection, plan, now, notice, channel)
        for id_, name in found:
            audit.record(connection, audit.COMMAND_LINE, "redeliver", id_, done={"channel": name})
    return found


def list_deliveries(
    database: Database, *, states: Sequence[str] = STATES, channel: str | None = None,
    limit: int = 100,
) -> list[Mapping[str, Any]]:  # fmt: skip
    """Give deliveries, newest first, with their notice's event and surge."""
    columns = (
        _d.notice_id, _d.channel, _d.state, _d.is_held, _d.n_tries, _d.made_at, _d.due_at,
        _d.tried_at, _d.reason, _n.event, _n.surge_id,
    )  # fmt: skip
    query: Select[Any] = (
        select(*columns)
        .join(notices, _n.id == _d.notice_id)
        .where(_d.state.in_(states))
        .order_by(_d.seq.desc())
        .limit(limit)
    )
    if channel is not None:
        query = query.where(_d.channel == channel)
    with database.read() as connection:
        return [dict(row._mapping) for row in connection.execute(query)]


def _lock_notice(connection: Connection, notice_id: str | None) -> Notice | None:
    if notice_id is None:
        return None
    row = connection.execute(select(notices).where(_n.id == notice_id).with_for_update()).first()
    return Notice.from_row(row) if row else None


def _deliver_first(
    connection: Connection, plan: NotifyPlan, now: datetime, notice: Notice, channel: str | None
) -> list[tuple[str, str]]:
    """Make the deliveries of a notice that was put aside, or that the channel did not want."""
    wanted = [c for c in plan.channels if c.name == channel or (not channel and c.wants(notice))]
    routes = [route_to(one, notice, now) for one in wanted]
    if routes:
        made = [_new(notice.id, r.channel.name, now, r.due_at, r.is_held) for r in routes]
        connection.execute(insert(deliveries), made)
        connection.execute(update(notices).where(_n.id == notice.id).values(routed_at=now))
    return [(notice.id, route.channel.name) for route in routes]


def _anew(now: datetime) -> dict[str, Any]:
    values = {"state": "waiting", "is_held": False, "due_at": now, "n_tries": 0}
    return {**values, "reason": None, "lease": None, "leased_until": None}


def _new(
    notice_id: str, channel: str, now: datetime, due_at: datetime, is_held: bool
) -> dict[str, Any]:
    return {
        "notice_id": notice_id,
        "channel": channel,
        "state": "waiting",
        "is_held": is_held,
        "made_at": now,
        "due_at": due_at,
        "n_tries": 0,
    }


def _change(
    database: Database, claimed: Sequence[Delivery], *, even_without_lease: bool = False,
    **values: Any,  # noqa: ANN401
) -> None:  # fmt: skip
    """Change what this process holds, and give it back."""
    condition: ColumnElement[bool] = _d.seq.in_([delivery.seq for delivery in claimed])
    if not even_without_lease:
        condition = and_(condition, _d.lease == claimed[0].lease)
    with database.write() as connection:
        connection.execute(
            update(deliveries).where(condition).values(lease=None, leased_until=None, **values)
        )


def _is_due(now: datetime) -> ColumnElement[bool]:
    return and_(
        _d.state == "waiting",
        or_(_d.due_at <= now, _d.due_at > now + LONGEST_WAIT),
        or_(
            _d.leased_until.is_(None), _d.leased_until <= now, _d.leased_until > now + LONGEST_WAIT
        ),
    )


def _one_if(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return case((condition, 1), else_=0)


def utc_now() -> datetime:
    """Give the present moment."""
    return datetime.now(UTC)
