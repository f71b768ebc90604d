"""Surges of similar complaints: listed, explained, and dealt with step by step."""

from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import Field

from api import audit, surge_records
from api.access import ServiceOf, Supervisor
from api.errors import MomentError
from api.keys import Principal
from api.problems import PROBLEMS, document
from api.records import aware
from api.schemas import (
    AssignIn,
    MergeIn,
    ReasonIn,
    Request,
    SnoozeIn,
    SplitIn,
    SurgeKind,
    SurgeLevel,
    SurgeOut,
    SurgePage,
    SurgeState,
)
from api.service import Service
from api.surge_records import WantedSurges
from triage.text import clean_texts

router = APIRouter(prefix="/v1/surges", tags=["surges"])

STEP = {**PROBLEMS.one_with_body, **document(409)}
LONGEST_SNOOZE = timedelta(days=90)
NO_REASON = ReasonIn()

SurgeId = Annotated[
    str, Path(pattern=r"^S[0-9]{6,9}$", description="Id of a surge, as a warning has it")
]


class SurgeQuery(Request):
    """Filters of the list of surges; those not given do not count."""

    state: list[SurgeState] = Field(
        default=[], max_length=6, description="Any of these; may be given several times"
    )
    level: SurgeLevel | None = None
    kind: SurgeKind | None = None
    since: datetime | None = Field(default=None, description="Opened at or after")
    limit: int = Field(default=50, ge=1, le=200)
    cursor: Annotated[str, Field(pattern=r"^[0-9]{1,9}$")] | None = Field(
        default=None, description="`next_cursor` of the page before"
    )


@router.get("", responses=PROBLEMS.plain)
def list_surges(
    service: ServiceOf, _: Supervisor, query: Annotated[SurgeQuery, Query()]
) -> SurgePage:
    """Find surges, newest first."""
    now = service.now
    wanted = WantedSurges(
        frozenset(query.state) or None,
        query.level,
        query.kind,
        aware(query.since, now) if query.since else None,
    )
    with service.look() as (connection, _monitor):
        watch = service.watch
        return surge_records.list_surges(
            connection,
            wanted,
            limit=query.limit,
            before=int(query.cursor) if query.cursor else None,
            zone=watch.words.zone,
            capped_fields=watch.capped_fields,
        )


@router.get("/{surge_id}", responses=PROBLEMS.one)
def read_surge(service: ServiceOf, who: Supervisor, surge_id: SurgeId) -> SurgeOut:
    """Give a surge with its explanation, measures, the draft of a notice, and all steps."""
    return _show(service, who, surge_id)


@router.post("/{surge_id}/acknowledge", responses=STEP)
def acknowledge_surge(
    service: ServiceOf, who: Supervisor, surge_id: SurgeId, said: ReasonIn = NO_REASON
) -> SurgeOut:
    """Confirm that a surge is real; what is usual is not learnt from its days."""
    return _act(service, who, surge_id, "acknowledge", said)


@router.post("/{surge_id}/assign", responses=STEP)
def assign_surge(
    service: ServiceOf, who: Supervisor, surge_id: SurgeId, said: AssignIn
) -> SurgeOut:
    """Name who deals with a surge; its state stays."""
    return _act(service, who, surge_id, "assign", said, owner=said.owner)


@router.post("/{surge_id}/snooze", responses=STEP)
def snooze_surge(
    service: ServiceOf, who: Supervisor, surge_id: SurgeId, said: SnoozeIn
) -> SurgeOut:
    """Keep quiet about a surge until a time, unless it doubles."""
    now = service.now
    until = aware(said.until, now)
    if not now < until <= now + LONGEST_SNOOZE:
        raise MomentError(
            f"until is {until.isoformat()}: expected a time in the next {LONGEST_SNOOZE.days} days"
        )
    return _act(service, who, surge_id, "snooze", said, until=until.timestamp())


@router.post("/{surge_id}/resolve", responses=STEP)
def resolve_surge(
    service: ServiceOf, who: Supervisor, surge_id: SurgeId, said: ReasonIn = NO_REASON
) -> SurgeOut:
    """Close a surge that is dealt with or over."""
    return _act(service, who, surge_id, "resolve", said)


@router.post("/{surge_id}/false-alarm", responses=STEP)
def reject_surge(
    service: ServiceOf, who: Supervisor, surge_id: SurgeId, said: ReasonIn = NO_REASON
) -> SurgeOut:
    """Close a surge that was none; the like must be ten times as unlikely to be told again."""
    return _act(service, who, surge_id, "false-alarm", said)


@router.post("/{surge_id}/split", responses=STEP)
def split_surge(service: ServiceOf, who: Supervisor, surge_id: SurgeId, said: SplitIn) -> SurgeOut:
    """Give some complaints a surge and a topic of their own; the two are never merged again."""
    ids = list(dict.fromkeys(said.complaint_ids))
    with service.write() as connection:
        terms = service.watch.terms_of(connection, ids)
        known = _known(service, surge_id)
        service.watch.act(connection, "split", surge_id, **_by(who, said), ids=ids, terms=terms)
        done = {"why": _why(said), "complaints": ids}
        audit.record(connection, who, "surge_split", surge_id, known=known, done=done)
    return _show(service, who, surge_id)


@router.post("/{surge_id}/merge", responses=STEP)
def merge_surge(service: ServiceOf, who: Supervisor, surge_id: SurgeId, said: MergeIn) -> SurgeOut:
    """Take another surge of the same matter into this one, with its topic, for good."""
    with service.write() as connection:
        known = _known(service, surge_id)
        service.watch.act(connection, "merge", surge_id, **_by(who, said), other=said.other)
        done = {"why": _why(said), "other": said.other}
        audit.record(connection, who, "surge_merge", surge_id, known=known, done=done)
    return _show(service, who, surge_id)


def _act(
    service: Service,
    who: Principal,
    surge_id: str,
    action: str,
    said: ReasonIn,
    **values: Any,  # noqa: ANN401
) -> SurgeOut:
    """Take a step, and keep who took it, on what knowledge and why."""
    with service.write() as connection:
        known = _known(service, surge_id)
        alert = service.watch.act(
            connection, "act", surge_id, **_by(who, said), action=action, **values
        )
        done = {"state": alert.state, "why": _why(said), **values}
        name = "surge_" + action.replace("-", "_")
        audit.record(connection, who, name, surge_id, known=known, done=done)
    return _show(service, who, surge_id)


def _known(service: Service, surge_id: str) -> dict[str, Any]:
    """Give what is known of a surge at the moment of a step."""
    alert = service.watch.find_alert(surge_id)
    return {
        "state": alert.state,
        "level": alert.level,
        "observed": alert.observed,
        "expected": round(alert.expected, 4),
        "owner": alert.owner,
    }


def _by(who: Principal, said: ReasonIn) -> dict[str, str]:
    return {"by": f"{who.source} ({who.key_id})", "why": _why(said)}


def _why(said: ReasonIn) -> str:
    """Give the reason without personal data."""
    return clean_texts([said.reason])[0].text if said.reason else ""


def _show(service: Service, who: Principal, surge_id: str) -> SurgeOut:
    with service.look() as (connection, monitor):
        watch = service.watch
        row = surge_records.find_row(connection, surge_id)
        series = watch.series(connection, monitor, surge_id)
        return surge_records.show_surge(connection, who, row, watch.words, series)
