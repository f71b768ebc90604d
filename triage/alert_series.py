"""An alert day by day: what a chart of it shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from triage.alerts import Alert
from triage.surge import SurgeMonitor
from triage.tails import count_interval

DAY = 86_400.0
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class AlertSeries:
    """Daily counts around an alert.

    Attributes
    ----------
    days : tuple of date
        Consecutive.
    observed, members : tuple of int
        Complaints of the topic or cell, and those among them that the alert holds.
    expected, expected_low, expected_high : tuple of float
        What a usual day brings, with a 95 % interval.
    opened_on : date
        The day of the alarm.
    """

    days: tuple[date, ...]
    observed: tuple[int, ...]
    members: tuple[int, ...]
    expected: tuple[float, ...]
    expected_low: tuple[float, ...]
    expected_high: tuple[float, ...]
    opened_on: date


def series_of(
    alert: Alert,
    monitor: SurgeMonitor,
    *,
    member_times: Mapping[str, float],
    days_before: int = 42,
    days_after: int = 14,
) -> AlertSeries:
    """Collect an alert's daily counts from a monitor.

    Parameters
    ----------
    alert : Alert
        To show.
    monitor : SurgeMonitor
        That raised it.
    member_times : mapping of str to float
        When each member came, seconds since the epoch; unknown ones are left out.
    days_before, days_after : int
        How much to show around the alarm.

    Returns
    -------
    AlertSeries
        From `days_before` the alarm to `days_after` it, or to the monitor's clock.
    """
    opened = _day_of(alert.opened_at, monitor)
    last = min(opened + days_after, _day_of(monitor.clock or alert.opened_at, monitor))
    days = range(opened - days_before, last + 1)
    members = Counter(
        _day_of(member_times[key], monitor) for key in alert.members if key in member_times
    )
    observed = _observed(alert, monitor, days, members)
    per_day = alert.expected / max((alert.opened_at - alert.since) / DAY, 1.0)
    low, high = count_interval(per_day, max(per_day, 0.05) * 10.0)
    n_days = len(days)
    return AlertSeries(
        tuple(_EPOCH + timedelta(days=day) for day in days),
        tuple(observed),
        tuple(members[day] for day in days),
        (per_day,) * n_days,
        (low,) * n_days,
        (high,) * n_days,
        _EPOCH + timedelta(days=opened),
    )


def _observed(
    alert: Alert, monitor: SurgeMonitor, days: range, members: Mapping[int, int]
) -> list[int]:
    """Count a cell's or a topic's complaints on some days."""
    if alert.kind == "cell":
        row = monitor.cells.row_of(alert.key)
        table = monitor.cells.days([row], last_day=days[-1], n_days=len(days))
        return [int(n) for n in table[0]]
    arrivals = monitor.arrivals.of(monitor.topics.resolve(int(alert.key)))
    counted = Counter(_day_of(at, monitor) for at in arrivals.times)
    return [max(counted[day], members.get(day, 0)) for day in days]


def _day_of(seconds: float, monitor: SurgeMonitor) -> int:
    """Return local days since the epoch."""
    return (datetime.fromtimestamp(seconds, monitor.zone).date() - _EPOCH).days
