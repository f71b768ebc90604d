"""Numbers of a day and of a period."""

from datetime import date, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query

from api import reports
from api.access import ServiceOf, Supervisor
from api.errors import MomentError
from api.problems import PROBLEMS
from api.schemas import Overview, Report

router = APIRouter(prefix="/v1", tags=["reports"])

MAX_DAYS = 366
FIRST_DAY = date(1990, 1, 1)


@router.get("/overview", responses=PROBLEMS.plain)
def read_overview(
    service: ServiceOf,
    _: Supervisor,
    day: Annotated[date | None, Query(description="[default: today]")] = None,
) -> Overview:
    """Give the numbers of a day."""
    now = service.now
    day = check_day(day or now.date(), now.date())
    with service.store.read() as connection:
        return reports.overview(connection, day=day, now=now)


@router.get("/report", responses=PROBLEMS.plain)
def read_report(
    service: ServiceOf,
    _: Supervisor,
    since: Annotated[date | None, Query(description="[default: 30 days before until]")] = None,
    until: Annotated[date | None, Query(description="[default: today]")] = None,
) -> Report:
    """Give the numbers of a period of up to 366 days."""
    today = service.now.date()
    until = check_day(until or today, today)
    since = check_day(since or until - timedelta(days=30), until)
    if (until - since).days >= MAX_DAYS:
        raise MomentError(f"a report covers {MAX_DAYS} days at most: {since} to {until} are more")
    with service.store.read() as connection:
        zone = ZoneInfo(service.settings.zone)
        return reports.report(connection, since=since, until=until, zone=zone)


def check_day(day: date, last: date) -> date:
    """Give a day that complaints can be of; raise `MomentError` for others."""
    if not FIRST_DAY <= day <= last:
        raise MomentError(f"expected a day from {FIRST_DAY} to {last}, got {day}")
    return day
