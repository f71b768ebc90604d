"""When each topic's complaints came, and from whom: what the surge test counts."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

import numpy as np

from triage.packing import pack, unpack

DAY = 86_400.0

_NAMED_DAYS = 21.0
"""Arrivals older than this, counted from a topic's newest, keep their time alone."""

_SLACK_DAYS = 7.0


@dataclass(slots=True)
class Arrivals:
    """One topic's complaints that count, ascending by time.

    Attributes
    ----------
    times : array of float
        Seconds since the epoch.
    customers, ids : array of int, list of str
        Checksums of who sent the newest of them, and those complaints' ids.
    n_older : int
        Arrivals before `times` of which nothing else is kept.
    """

    times: array[float] = field(default_factory=lambda: array("d"))
    customers: array[int] = field(default_factory=lambda: array("I"))
    ids: list[str] = field(default_factory=list)
    n_older: int = 0

    def put(self, at: float, customer: int, complaint_id: str) -> None:
        """Insert a complaint where its time belongs."""
        place = bisect_right(self.times, at)
        named = place - (len(self.times) - len(self.ids))
        self.times.insert(place, at)
        if named >= 0:
            self.customers.insert(named, customer)
            self.ids.insert(named, complaint_id)

    def since(self, at: float) -> list[str]:
        """Return the ids of the complaints from a time on."""
        n = min(len(self.times) - bisect_left(self.times, at), len(self.ids))
        return self.ids[len(self.ids) - n :]

    def drop_first(self, n: int) -> None:
        """Forget the oldest."""
        self.drop_names(len(self.times) - n)
        del self.times[:n]

    def drop_names(self, n_named: int) -> None:
        """Keep nothing but the time of all but the newest."""
        n = max(len(self.ids) - n_named, 0)
        del self.customers[:n], self.ids[:n]

    def named_rows(self) -> list[tuple[float, int, str]]:
        """Return time, customer and id of the newest."""
        times = self.times[len(self.times) - len(self.ids) :]
        return list(zip(times, self.customers, self.ids, strict=True))


class TopicArrivals:
    """The arrivals of all live topics, bounded for each.

    Parameters
    ----------
    max_per_topic : int, default=4000
        Beyond it the older half of a topic is forgotten.
    max_days : float, default=180
        Older arrivals are forgotten when new ones come.

    Examples
    --------
    >>> arrivals = TopicArrivals()
    >>> arrivals.put(7, 20.0, "乙", "c2")
    >>> arrivals.put(7, 10.0, "甲", "c1")
    >>> arrivals.of(7).ids
    ['c1', 'c2']
    """

    def __init__(self, *, max_per_topic: int = 4_000, max_days: float = 180.0) -> None:
        self.max_per_topic = max_per_topic
        self.max_days = max_days
        self._topics: dict[int, Arrivals] = {}

    def put(self, topic_id: int, at: float, customer: str, complaint_id: str) -> None:
        """Add a complaint to a topic."""
        arrivals = self._topics.get(topic_id)
        if arrivals is None:
            arrivals = self._topics[topic_id] = Arrivals()
        arrivals.put(at, crc32(customer.encode()), complaint_id)
        self._bound(arrivals, at)

    def of(self, topic_id: int) -> Arrivals:
        """Return a topic's arrivals; nothing for one that is not known."""
        return self._topics.get(topic_id) or Arrivals()

    def n_of(self, topic_id: int) -> int:
        """Return how many arrivals of a topic are known."""
        arrivals = self._topics.get(topic_id)
        return 0 if arrivals is None else len(arrivals.times)

    def united(self, topic_ids: Iterable[int], *, since: float) -> Arrivals:
        """Return the arrivals of several topics as one.

        Parameters
        ----------
        topic_ids : iterable of int
            Which topics.
        since : float
            Of arrivals before this, the number may be all that is given.
        """
        parts = [self._topics[topic_id] for topic_id in topic_ids if topic_id in self._topics]
        if len(parts) == 1:
            return parts[0]
        rows = sorted(row for part in parts for row in part.named_rows() if row[0] >= since)
        n_all = sum(len(part.times) for part in parts)
        return Arrivals(
            array("d", [row[0] for row in rows]),
            array("I", [row[1] for row in rows]),
            [row[2] for row in rows],
            n_all - len(rows),
        )

    def join(self, keep: int, gone: int) -> None:
        """Pour one topic's arrivals into another's."""
        target = self._topics.setdefault(keep, Arrivals())
        source = self._topics.pop(gone, Arrivals())
        rows = sorted([*target.named_rows(), *source.named_rows()])
        bare = [part.times[: len(part.times) - len(part.ids)] for part in (target, source)]
        joined = Arrivals(
            array("d", [*sorted([*bare[0], *bare[1]]), *(row[0] for row in rows)]),
            array("I", [row[1] for row in rows]),
            [row[2] for row in rows],
        )
        if any(a > b for a, b in zip(joined.times, joined.times[1:], strict=False)):
            joined.times = array("d", sorted(joined.times))
        self._topics[keep] = joined
        if joined.times:
            self._bound(joined, joined.times[-1])

    def move(self, old: int, new: int, complaint_ids: Iterable[str]) -> None:
        """Move some of the newer complaints from one topic to another."""
        moved = set(complaint_ids)
        source, stay = self._topics.pop(old, Arrivals()), Arrivals()
        stay.times = source.times[: len(source.times) - len(source.ids)]
        target = self._topics.setdefault(new, Arrivals())
        for at, customer, complaint_id in source.named_rows():
            (target if complaint_id in moved else stay).put(at, customer, complaint_id)
        self._topics[old] = stay

    def keep_only(self, topic_ids: Mapping[int, object]) -> None:
        """Forget topics that are no more."""
        for topic_id in [key for key in self._topics if key not in topic_ids]:
            del self._topics[topic_id]

    def forget(self, complaint_id: str) -> None:
        """Blank the id of a complaint; that somebody complained still counts."""
        for arrivals in self._topics.values():
            if complaint_id in arrivals.ids:
                arrivals.ids[arrivals.ids.index(complaint_id)] = ""

    def state(self) -> dict[str, Any]:
        """Return plain JSON values."""
        parts = self._topics.values()
        times, customers = array("d"), array("I")
        for part in parts:
            times.extend(part.times)
            customers.extend(part.customers)
        return {
            "topics": [[k, len(a.times), len(a.ids)] for k, a in self._topics.items()],
            "times": pack(np.array(times)),
            "customers": pack(np.array(customers)),
            "ids": [complaint_id for part in parts for complaint_id in part.ids],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over what `state` returned."""
        times = array("d", unpack(state["times"]).tobytes())
        customers, ids = array("I", unpack(state["customers"]).tobytes()), state["ids"]
        self._topics = {}
        first = first_named = 0
        for key, n_times, n_ids in state["topics"]:
            end, end_named = first + n_times, first_named + n_ids
            self._topics[key] = Arrivals(
                times[first:end], customers[first_named:end_named], ids[first_named:end_named]
            )
            first, first_named = end, end_named

    def _bound(self, arrivals: Arrivals, at: float) -> None:
        """Forget what is too much or too old."""
        times = arrivals.times
        if len(times) > self.max_per_topic:
            arrivals.drop_first(self.max_per_topic // 2)
        elif times[0] < at - self.max_days * DAY:
            arrivals.drop_first(bisect_right(times, at - self.max_days * DAY / 2))
        first_named = len(times) - len(arrivals.ids)
        newest = times[-1] if times else at
        too_old = newest - (_NAMED_DAYS + _SLACK_DAYS) * DAY
        if first_named < len(times) and times[first_named] < too_old:
            arrivals.drop_names(len(times) - bisect_left(times, newest - _NAMED_DAYS * DAY))
