"""Run early warning over dated complaints as if they arrived live."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from triage.alerts import Alert
from triage.errors import ReplayInputError
from triage.surge import CHINA, IncomingComplaint, SurgeMonitor

_FORMATS = ("%Y-%m-%d %H:%M:%S", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y/%m/%d", "%Y年%m月%d日")


@dataclass(frozen=True, slots=True)
class ReplayedTopic:
    """A topic at the end of a replay, with all complaints that were put into it."""

    topic_id: int
    terms: tuple[str, ...]
    members: tuple[str, ...]


def read_time(value: object, *, row: int, zone: tzinfo = CHINA) -> datetime:
    """Read a time as people and programs write it.

    Parameters
    ----------
    value : object
        A datetime or text; without an offset it is read in `zone`.
    row : int
        Data row, named in the error.
    zone : tzinfo, default=UTC+8
        For times without an offset.

    Returns
    -------
    datetime
        With an offset.

    Raises
    ------
    ReplayInputError
        If there is no time, or none that can be read.

    Examples
    --------
    >>> read_time("2019/1/3 8:05:00", row=0).isoformat()
    '2019-01-03T08:05:00+08:00'
    """
    if isinstance(value, datetime) and value == value:
        return value if value.tzinfo else value.replace(tzinfo=zone)
    text = value.strip() if isinstance(value, str) else ""
    if not text:
        raise ReplayInputError(f"row {row} has no time: give every complaint one, or leave it out")
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        read = _read_other(text, row)
    return read if read.tzinfo else read.replace(tzinfo=zone)


def replay(
    complaints: Iterable[IncomingComplaint],
    monitor: SurgeMonitor | None = None,
    *,
    topics: TopicMembers | None = None,
) -> Iterator[Alert]:
    """Feed complaints to a monitor in time order and give each alert when it closes or all ends.

    Parameters
    ----------
    complaints : iterable of IncomingComplaint
        Any order; equal times keep theirs.
    monitor : SurgeMonitor, optional
        A fresh one by default.
    topics : TopicMembers, optional
        Filled with the topic of every complaint.

    Yields
    ------
    Alert
        In order of closing, then those still open by age. An alert that opens again after it
        closed is given once more, with the same id.

    Examples
    --------
    >>> list(replay([]))
    []
    """
    monitor = SurgeMonitor() if monitor is None else monitor
    waiting: dict[str, Alert] = {}
    given: set[str] = set()
    for complaint in sorted(complaints, key=monitor.seconds_of):
        seen = monitor.observe(complaint)
        if topics is not None:
            topics.put(complaint.complaint_id, seen.topic.topic_id)
        for event in seen.events:
            if event.what == "closed":
                waiting[event.alert.surge_id] = event.alert
        over = [key for key, alert in waiting.items() if not monitor.may_reopen(alert)]
        for surge_id in over:
            given.add(surge_id)
            yield waiting.pop(surge_id)
    yield from [alert for key, alert in monitor.alerts.items() if key not in given]


def alert_line(
    alert: Alert, *, rows: Mapping[str, int] | None = None, zone: tzinfo = CHINA
) -> dict[str, Any]:
    """Return what `triage replay` prints of an alert, as plain JSON values.

    Parameters
    ----------
    alert : Alert
        An alert of a replay.
    rows : mapping of str to int, optional
        From complaint ids to data rows; without it ids must be row numbers as text.
    zone : tzinfo, default=UTC+8
        For times.

    Returns
    -------
    dict
        ``surge_id opened_at since level kind topic group members members_at_open observed
        expected expected_interval p_value once_in_weeks n_customers state short_history terms
        over_represented representatives``.
    """

    def row_of(complaint_id: str) -> int:
        return int(complaint_id) if rows is None else rows[complaint_id]

    def moment(seconds: float) -> str:
        return datetime.fromtimestamp(seconds, zone).isoformat(timespec="seconds")

    topic_id = int(alert.key) if alert.kind == "topic" else None
    return {
        "surge_id": alert.surge_id,
        "opened_at": moment(alert.opened_at),
        "since": moment(alert.since),
        "level": alert.level,
        "state": alert.state,
        "kind": alert.kind,
        "topic": {
            "id": topic_id if topic_id is not None else alert.key,
            "terms": list(alert.terms),
        },
        "group": alert.group,
        "members": sorted(row_of(key) for key in alert.members),
        "members_at_open": sorted(row_of(key) for key in alert.members_at_open),
        "observed": alert.observed,
        "expected": round(alert.expected, 4),
        "expected_interval": [alert.expected_low, alert.expected_high],
        "p_value": alert.p_value,
        "once_in_weeks": round(min(alert.weeks_between, 1e9), 1),
        "n_customers": alert.n_customers,
        "short_history": alert.short_history,
        "over_represented": list(alert.fields),
        "representatives": [row_of(key) for key in alert.representatives],
    }


class TopicMembers:
    """Collect which complaints each topic holds, for ``triage replay --topics``.

    Examples
    --------
    >>> TopicMembers().listed(SurgeMonitor())
    []
    """

    def __init__(self) -> None:
        self._topic_of: dict[str, int] = {}

    def put(self, complaint_id: str, topic_id: int) -> None:
        """Note the topic that a complaint joined."""
        self._topic_of[complaint_id] = topic_id

    def listed(self, monitor: SurgeMonitor) -> list[ReplayedTopic]:
        """Return all topics, merged ones together, largest first."""
        members: dict[int, list[str]] = {}
        for complaint_id, topic_id in self._topic_of.items():
            members.setdefault(monitor.topics.resolve(topic_id), []).append(complaint_id)
        topics = monitor.topics.topics
        listed = [
            ReplayedTopic(key, topics[key].terms() if key in topics else (), tuple(ids))
            for key, ids in members.items()
        ]
        return sorted(listed, key=lambda topic: (-len(topic.members), topic.topic_id))


def _read_other(text: str, row: int) -> datetime:
    """Try the ways of writing a time that ISO 8601 does not know."""
    for pattern in _FORMATS:
        try:
            return datetime.strptime(text, pattern)
        except ValueError:
            continue
    raise ReplayInputError(
        f"row {row} has a time that cannot be read: expected 2026-03-01 09:30:00 or ISO 8601"
    )
