"""When each topic's complaints came, and from whom: what the surge test counts."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

DAY = 86_400.0


@dataclass(slots=True)
class Arrivals:
    """One topic's complaints that count, ascending by time; columns of equal length."""

    times: array[float] = field(default_factory=lambda: array("d"))
    customers: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)

    def put(self, at: float, customer: str, complaint_id: str) -> None:
        """Insert a complaint where its time belongs."""
        place = bisect_right(self.times, at)
        self.times.insert(place, at)
        self.customers.insert(place, customer)
        self.ids.insert(place, complaint_id)

    def since(self, at: float) -> list[str]:
        """Return the ids of the complaints from a time on."""
        return [i for when, i in zip(self.times, self.ids, strict=True) if when >= at]

    def drop_first(self, n: int) -> None:
        """Forget the oldest."""
        for column in (self.times, self.customers, self.ids):
            del column[:n]


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
        arrivals.put(at, customer, complaint_id)
        if len(arrivals.times) > self.max_per_topic:
            arrivals.drop_first(self.max_per_topic // 2)
        elif arrivals.times[0] < at - self.max_days * DAY:
            arrivals.drop_first(bisect_right(arrivals.times, at - self.max_days * DAY / 2))

    def of(self, topic_id: int) -> Arrivals:
        """Return a topic's arrivals; nothing for one that is not known."""
        return self._topics.get(topic_id) or Arrivals()

    def united(self, topic_ids: Iterable[int]) -> Arrivals:
        """Return the arrivals of several topics as one; a copy only where there are several."""
        parts = [self._topics[topic_id] for topic_id in topic_ids if topic_id in self._topics]
        if len(parts) == 1:
            return parts[0]
        rows = sorted(
            row for part in parts for row in zip(part.times, part.customers, part.ids, strict=True)
        )
        return Arrivals(
            array("d", [row[0] for row in rows]), [row[1] for row in rows], [row[2] for row in rows]
        )

    def join(self, keep: int, gone: int) -> None:
        """Pour one topic's arrivals into another's."""
        target = self._topics.setdefault(keep, Arrivals())
        source = self._topics.pop(gone, Arrivals())
        for at, customer, complaint_id in zip(
            source.times, source.customers, source.ids, strict=True
        ):
            target.put(at, customer, complaint_id)

    def move(self, old: int, new: int, complaint_ids: Iterable[str]) -> None:
        """Move some complaints from one topic to another."""
        moved = set(complaint_ids)
        source, stay = self._topics.pop(old, Arrivals()), Arrivals()
        target = self._topics.setdefault(new, Arrivals())
        for at, customer, complaint_id in zip(
            source.times, source.customers, source.ids, strict=True
        ):
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

    def state(self) -> list[list[Any]]:
        """Return plain JSON values."""
        return [[k, list(a.times), a.customers, a.ids] for k, a in self._topics.items()]

    def restore(self, state: Iterable[Iterable[Any]]) -> None:
        """Take over what `state` returned."""
        self._topics = {
            key: Arrivals(array("d", times), list(customers), list(ids))
            for key, times, customers, ids in state
        }
