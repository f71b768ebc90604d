"""Early warning: takes complaints one by one and tells when similar ones begin to cluster."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone, tzinfo
from typing import Any

from triage.alert_book import AlertBook
from triage.alerts import Alert, AlertEvent
from triage.arrivals import TopicArrivals
from triage.calendar import WorkCalendar
from triage.cell_watch import CellScore, CellWatch
from triage.cells import CellTable, cell_keys
from triage.errors import ReplayInputError
from triage.recent import RecentComplaint, RecentComplaints
from triage.repeats import RepeatFinder
from triage.topic_features import TermWeights, bigram_terms
from triage.topic_surge import WINDOWS_DAYS, Background, score_topic
from triage.topics import Join, TopicIndex

DAY = 86_400.0
CHINA = timezone(timedelta(hours=8))

_LATE_DAYS = 7.0
_BACKGROUND_DAYS = 30
_LEAST_WATCHED_DAYS = 3.0
_SHORT_HISTORY_DAYS = 28.0
_TOPIC_STRICTNESS = 2.0
"""Corrected p-value of a topic per tolerated false alert a week, measured on shuffled streams."""

_MAX_NEAR = 100
"""Arrivals of a near topic that are counted with a topic's own; a larger one speaks for itself."""

_CELL_SHARE = 0.5
"""Share of the tolerated false alerts that the cells may use."""


@dataclass(frozen=True, slots=True)
class IncomingComplaint:
    """A complaint as early warning sees it.

    Attributes
    ----------
    complaint_id : str
        Unique.
    at : datetime
        When it happened; a time without an offset is read in the monitor's zone.
    text : str
        Normalised text.
    customer : str, optional
        A pseudonym; complaints without one count as different customers.
    fields : mapping of str to str
        ``category``, ``product``, ``region``, ``unit`` and whatever else is to be watched.
    terms : mapping of str to float, optional
        The text's weighted terms where they are known already; the text is not read then.
    """

    complaint_id: str
    at: datetime
    text: str
    customer: str | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    terms: Mapping[str, float] | None = None

    @property
    def titled_text(self) -> str:
        """The text with the product, where the intake names one, in front as its title."""
        product = self.fields.get("product")
        return f"{product}。{self.text}" if product else self.text


@dataclass(frozen=True, slots=True)
class Observation:
    """What one complaint led to.

    Attributes
    ----------
    topic : Join
        Its topic and why it joined.
    duplicate_of : str or None
        An earlier complaint of the same customer that it repeats; it is not counted then.
    warning : Alert or None
        The most specific open alert that it belongs to.
    events : tuple of AlertEvent
        What happened to alerts.
    """

    topic: Join
    duplicate_of: str | None
    warning: Alert | None
    events: tuple[AlertEvent, ...]


class SurgeMonitor:
    """Watch a stream of complaints for topics and cells that grow too fast.

    Parameters
    ----------
    weigh_terms : callable, optional
        From a text to its weighted terms; character bigrams by default.
    pairs : iterable of (str, str)
        Pairs of fields whose combinations are cells too.
    false_alerts_per_week : float, default=0.1
        How many false alerts a supervisor tolerates.
    calendar : WorkCalendar, optional
        Holidays and worked weekends.
    zone : tzinfo, default=UTC+8
        Zone of times without an offset, and of days and hours.
    topics : TopicIndex, optional
        With other thresholds than the default.
    max_values : int, default=500
        Values of one field that are watched on their own.

    Examples
    --------
    >>> monitor = SurgeMonitor()
    >>> start = datetime(2026, 3, 2, 9, tzinfo=CHINA)
    >>> quiet = ["路灯不亮", "快递丢件", "医保报销慢", "公交改线", "暖气不热", "噪音扰民"]
    >>> for n in range(60):
    ...     at = start + timedelta(hours=12 * n)
    ...     text = quiet[n % 6] + chr(0x4E00 + 7 * n)
    ...     seen = monitor.observe(IncomingComplaint(f"q{n}", at, text))
    >>> for n in range(8):
    ...     at = start + timedelta(days=31, minutes=20 * n)
    ...     seen = monitor.observe(IncomingComplaint(f"s{n}", at, "搅拌站粉尘扰民", f"客户{n}"))
    >>> seen.warning.state, seen.warning.kind
    ('alert', 'topic')
    """

    def __init__(
        self,
        *,
        weigh_terms: Callable[[str], TermWeights] = bigram_terms,
        pairs: Iterable[tuple[str, str]] = (),
        false_alerts_per_week: float = 0.1,
        calendar: WorkCalendar | None = None,
        zone: tzinfo = CHINA,
        topics: TopicIndex | None = None,
        max_values: int = 500,
    ) -> None:
        self.weigh_terms = weigh_terms
        self.pairs = tuple(pairs)
        self.false_alerts_per_week = false_alerts_per_week
        self.zone = zone
        self.topics = TopicIndex() if topics is None else topics
        self.repeats = RepeatFinder()
        self.cells = CellTable(max_values=max_values)
        self.watch = CellWatch(self.cells, calendar or WorkCalendar())
        self.recent = RecentComplaints()
        self.book = AlertBook(self.recent)
        self.arrivals = TopicArrivals()
        self.clock: float | None = None
        self._started: float | None = None
        self._day_counts: dict[int, int] = {}
        self._last_hour: int | None = None

    @property
    def alerts(self) -> Mapping[str, Alert]:
        """All alerts of the last year by id, oldest first."""
        return self.book.alerts

    def observe(
        self,
        complaint: IncomingComplaint,
        *,
        live: bool = True,
        received_at: datetime | None = None,
    ) -> Observation:
        """Take the next complaint of the stream.

        Parameters
        ----------
        complaint : IncomingComplaint
            In time order as far as possible; up to seven days late it still counts in its own
            hour and may alert, later it only counts.
        live : bool, default=True
            False for old complaints that are imported: they are learnt from and raise no alert.
        received_at : datetime, optional
            The receiver's clock; a complaint from the future counts as of then.

        Returns
        -------
        Observation
            With the warning that belongs into the answer.

        Raises
        ------
        ReplayInputError
            If the complaint has no time.
        """
        at = self.seconds_of(complaint, received_at)
        events = self.advance(at, live=live)
        now = at if self.clock is None else self.clock
        if received_at is not None:  # the clock may have been wrong before
            now = max(at, min(now, self._epoch(received_at)))
        may_alert = live and now - at <= _LATE_DAYS * DAY
        terms = complaint.terms
        if terms is None:
            terms = self.weigh_terms(complaint.titled_text)
        join = self.topics.add(terms, at=at)
        complaint_id = complaint.complaint_id
        duplicate_of = self.repeats.find(complaint_id, complaint.customer, join.terms, at=at)
        counts = duplicate_of is None
        cells = cell_keys(complaint.fields, self.pairs)
        customer = complaint.customer or f"#{complaint_id}"
        self.recent.put(
            complaint_id,
            RecentComplaint(at, customer, complaint.fields, tuple(cells), join.terms),
        )
        if counts:
            self._count(complaint_id, at, customer, cells, join.topic_id)
            if may_alert:
                events += self._judge_topic(join, now)
        alerts = []
        if may_alert:
            alerts = self.book.add(complaint_id, join.topic_id, cells, counts=counts, at=at)
        events += [AlertEvent("escalated", alert) for alert in alerts if alert.escalate(at=now)]
        warning = alerts[0] if alerts else None
        return Observation(join, duplicate_of, warning, tuple(events))

    def advance(self, now: float, *, live: bool = True) -> list[AlertEvent]:
        """Move the clock on and do what is due each hour, day and week.

        A service calls it from a timer, so that no complaint has to wait for it.

        Parameters
        ----------
        now : float
            Seconds since the epoch; earlier times change nothing.
        live : bool, default=True
            False judges nothing, for the import of old complaints.

        Returns
        -------
        list of AlertEvent
            Alerts of cells that opened, and alerts that closed.
        """
        self._started = now if self._started is None else min(self._started, now)
        if self.clock is not None and now <= self.clock:
            return []
        before, hour = self._last_hour, self._local_hour(now)
        self.clock, self._last_hour = now, hour
        self.cells.advance(hour)
        if before is None or before == hour:
            return []
        events: list[AlertEvent] = []
        if before // 24 != hour // 24:
            self._tidy(now)
            if live:
                events += self.book.close_quiet(now)
                events += self._raise_cells(self.watch.judge_days(hour // 24), now)
                if (before // 24 + 3) // 7 != (hour // 24 + 3) // 7:
                    events += self._raise_cells(self.watch.judge_week(hour // 24), now)
        if live:
            events += self._raise_cells(self.watch.judge_hours(hour - 1), now)
        return events

    def hour_has_passed(self, now: float) -> bool:
        """Tell whether `advance` has something to judge at this time."""
        return self._last_hour is None or self._local_hour(now) > self._last_hour

    def has_counted(self, at: float) -> bool:
        """Tell whether complaints of this time were seen, so that they may be taken back."""
        return self._started is not None and at >= self._started

    def fade(self, complaint_id: str) -> None:
        """Drop the terms of a complaint; that it came, and what it belongs to, stays known."""
        self.recent.fade(complaint_id)
        self.repeats.forget(complaint_id)

    def set_back(self, now: float) -> None:
        """Take the clock back after it had run ahead of the true time."""
        if self.clock is not None and now < self.clock:
            self.clock, self._last_hour = now, self._local_hour(now)
            self.cells.set_back(self._last_hour)

    def relearn(self) -> None:
        """Learn what is usual from the present counts, as `restore` does.

        Whoever keeps the state calls it first: late arrivals changed the counts since they were
        learnt from, and those who go on must judge as those who take over.
        """
        self._exclude_confirmed()
        self.watch.restore(self.watch.state())

    def seconds_of(
        self, complaint: IncomingComplaint, received_at: datetime | None = None
    ) -> float:
        """Return the complaint's time in seconds since the epoch, bounded by the receiver's clock.

        Raises
        ------
        ReplayInputError
            If the complaint has no time.
        """
        if not isinstance(complaint.at, datetime):
            raise ReplayInputError(
                f"complaint {complaint.complaint_id} has no time: expected a date and time"
            )
        at = self._epoch(complaint.at)
        return at if received_at is None else min(at, self._epoch(received_at))

    def may_reopen(self, alert: Alert) -> bool:
        """Tell whether more of the same would still belong to a closed alert."""
        return alert.is_open or self.book.may_reopen(alert, self.clock or 0.0)

    def correct(
        self,
        at: datetime,
        old_fields: Mapping[str, str],
        new_fields: Mapping[str, str],
        *,
        complaint_id: str | None = None,
    ) -> None:
        """Move a complaint's counts after its labels were corrected, and the complaint with them.

        With its id it also leaves and joins the open alerts of the cells that changed.
        """
        hour = self._local_hour(self._epoch(at))
        old, new = cell_keys(old_fields, self.pairs), cell_keys(new_fields, self.pairs)
        self.cells.add([key for key in old if key not in new], hour=hour, n=-1)
        self.cells.add([key for key in new if key not in old], hour=hour)
        if complaint_id is not None:
            self.recent.relabel(complaint_id, new_fields, tuple(new))
            self.book.relabel(complaint_id, set(old) - set(new), set(new) - set(old))

    def merge_topics(self, keep: int, gone: int, *, by: str = "machine") -> int:
        """Merge two topics for good, with their arrivals and alerts; return the id that stays."""
        keep, gone = self.topics.resolve(keep), self.topics.resolve(gone)
        kept = self.topics.merge(keep, gone)
        if keep != gone:
            self.arrivals.join(keep, gone)
            self.book.join_topics(keep, gone, now=self.clock or 0.0, by=by)
        return kept

    def split_topic(
        self,
        topic_id: int,
        complaint_ids: Iterable[str],
        texts: Iterable[str] = (),
        *,
        terms: Iterable[Mapping[str, float]] = (),
    ) -> int:
        """Move some complaints to a topic of their own, for good.

        Parameters
        ----------
        topic_id : int
            Where they are now.
        complaint_ids, texts : iterables of str
            Which complaints, and what they say.
        terms : iterable of mapping
            Weighted terms of complaints whose text is not given.

        Returns
        -------
        int
            The new topic.
        """
        summed: Counter[str] = Counter()
        for text in texts:
            summed.update(self.weigh_terms(text))
        for weighted in terms:
            summed.update(weighted)
        old = self.topics.resolve(topic_id)
        new = self.topics.split(old, summed, at=self.clock or 0.0)
        self.arrivals.move(old, new, complaint_ids)
        return new

    def forget(self, complaint_id: str) -> None:
        """Erase what is kept of one complaint; counts stay, for they name nobody."""
        self.recent.forget(complaint_id)
        self.book.forget(complaint_id)
        self.arrivals.forget(complaint_id)
        self.repeats.forget(complaint_id)

    def state(self) -> dict[str, Any]:
        """Return everything that is needed to go on as plain JSON values."""
        return {
            "clock": self.clock,
            "started": self._started,
            "last_hour": self._last_hour,
            "day_counts": list(self._day_counts.items()),
            "topics": self.topics.state(),
            "repeats": self.repeats.state(),
            "cells": self.cells.state(),
            "watch": self.watch.state(),
            "recent": self.recent.state(),
            "book": self.book.state(),
            "arrivals": self.arrivals.state(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over what `state` returned; the same stream then gives the same alerts."""
        self.clock, self._started = state["clock"], state["started"]
        self._last_hour = state["last_hour"]
        self._day_counts = dict(state["day_counts"])
        self.topics.restore(state["topics"])
        self.repeats.restore(state["repeats"])
        self.cells.restore(state["cells"])
        self.recent.restore(state["recent"])
        self.book.restore(state["book"])
        self.arrivals.restore(state["arrivals"])
        self.watch.restore(state["watch"])

    # -- inside --------------------------------------------------------------------------------

    def _epoch(self, at: datetime) -> float:
        """Return seconds since the epoch."""
        return (at if at.tzinfo is not None else at.replace(tzinfo=self.zone)).timestamp()

    def _local_hour(self, seconds: float) -> int:
        """Return local hours since the epoch."""
        offset = datetime.fromtimestamp(seconds, self.zone).utcoffset() or timedelta()
        return int((seconds + offset.total_seconds()) // 3600)

    def _tidy(self, now: float) -> None:
        """Once a day: merge and expire topics, forget old arrivals, learn what is usual."""
        for keep, gone in self.topics.tidy(now):
            self.arrivals.join(keep, gone)
            self.book.join_topics(keep, gone, now=now)
        self.arrivals.keep_only(self.topics.topics)
        horizon = int(now // DAY) - _BACKGROUND_DAYS - 5
        self._day_counts = {day: n for day, n in self._day_counts.items() if day >= horizon}
        self._exclude_confirmed()
        self.watch.learn(self._local_hour(now) // 24)

    def _count(
        self, complaint_id: str, at: float, customer: str, cells: list[str], topic_id: int
    ) -> None:
        """Count a complaint in its cells, its day and its topic."""
        self.cells.add(cells, hour=self._local_hour(at))
        day = int(at // DAY)
        self._day_counts[day] = self._day_counts.get(day, 0) + 1
        self.arrivals.put(topic_id, at, customer, complaint_id)

    def _background(self, now: float) -> Background:
        """Describe the stream of the last 30 days."""
        watched = max((now - (self._started or now)) / DAY, 1.0)
        first_day = int((now - _BACKGROUND_DAYS * DAY) // DAY)
        n_recent = sum(n for day, n in self._day_counts.items() if day >= first_day)
        return Background(
            n_recent / min(watched, _BACKGROUND_DAYS),
            len(self.topics.topics),
            min(watched, self.topics.expire_days),
        )

    def _judge_topic(self, join: Join, now: float) -> list[AlertEvent]:
        """Judge a topic after an arrival, alone and with near ones, and open an alert if it surges.

        A subject told in many words may fall into several topics, none of which surges alone.
        """
        known = self.alerts.get(self.book.of_topic.get(join.topic_id, ""))
        if known is not None and known.is_open:
            return []
        background = self._background(now)
        if background.observed_days < _LEAST_WATCHED_DAYS:
            return []
        limit = _TOPIC_STRICTNESS * self.false_alerts_per_week
        rejected = known if known is not None and known.state == "false_alarm" else None
        if rejected:
            limit /= 10
        free = [
            near
            for near in join.near
            if near not in self.book.of_topic and self.arrivals.n_of(near) <= _MAX_NEAR
        ]
        since = now - WINDOWS_DAYS[-1] * DAY
        for united in ([join.topic_id], [join.topic_id, *free])[: 2 if free else 1]:
            arrivals = self.arrivals.united(united, since=since)
            score = score_topic(
                arrivals.times,
                arrivals.customers,
                background,
                now=now,
                n_older=arrivals.n_older,
                n_united=len(united),
            )
            if score is None or (rejected and score.observed < 2 * rejected.observed):
                continue
            if score.corrected_p <= limit:
                event = self.book.raise_topic(
                    united,
                    score,
                    arrivals,
                    weeks_between=_TOPIC_STRICTNESS / max(score.corrected_p, 1e-12),
                    terms=self.topics.topics[join.topic_id].terms(),
                    short_history=now - (self._started or now) < _SHORT_HISTORY_DAYS * DAY,
                    now=now,
                )
                return [event]
        return []

    def _raise_cells(self, scores: list[CellScore], now: float) -> list[AlertEvent]:
        """Open alerts of cells within the budget of false alerts."""
        n_cells = max(self.watch.n_cells, 1)
        budget = _CELL_SHARE * self.false_alerts_per_week / 7.0 / n_cells
        return self.book.raise_cells(scores, false_per_day=budget, n_cells=n_cells, now=now)

    def _exclude_confirmed(self) -> None:
        """Keep the periods of confirmed surges out of the learning."""
        spans: dict[str, list[tuple[int, int]]] = {}
        for alert in self.alerts.values():
            if alert.confirmed and alert.kind == "cell":
                span = (self._local_hour(alert.since) // 24, self._local_hour(alert.last_at) // 24)
                spans.setdefault(alert.key, []).append(span)
        self.watch.excluded_days = spans
