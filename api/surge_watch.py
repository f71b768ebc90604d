"""Early warning in the service: one monitor in each replica, all of them with the same state.

What the monitor sees is written into the log of early warning by the transaction that stores it,
under one lock for all replicas (`api.surge_log`). Before a replica lets its own monitor see
something, it lets it see what the others wrote since. So each surge is opened once, and the answer
of the complaint that tips the scale carries the warning, whichever replica gives it.
"""

import gzip
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import Connection, Row

from api import surge_log, surge_records
from api.answers import Answered
from api.complaints import Marked
from api.database import Database
from api.errors import NoSuchSurgeError
from api.schemas import TaskName
from api.settings import Settings
from api.surge_log import Entry
from api.surge_records import Shown, SurgeWords
from api.surge_terms import TermMarks, WordFinder
from models.segmentation import load_cut
from triage.alert_series import series_of
from triage.alerts import Alert
from triage.calendar import WorkCalendar
from triage.surge import Observation, SurgeMonitor
from triage.surge_text import SurgeText
from triage.text import clean_texts

log = structlog.get_logger(__name__)

FAULTS = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What a fault in the state or in an entry shows itself as."""

CLOCK_TOLERANCE_SECONDS = 7200.0
"""The state's clock is set back where it runs further ahead of the true time."""

MAX_READ_TEXTS = 40
"""Complaints of an alert whose texts are read to tell its terms in words."""

MAX_JUDGED_MEMBERS = 200
"""Newest complaints of an alert that are asked for what they have in common."""

SNAPSHOT_PAUSE = 200.0
"""A snapshot is taken no sooner than so many times what the last one kept others waiting."""

Told = tuple[tuple[str, ...], tuple[str, ...]]
"""Marks of an alert's terms, and the words found for them."""


@dataclass(slots=True)
class Written:
    """What the tables hold of an alert."""

    stamp: tuple[object, ...]
    n_steps: int
    n_members: int


@dataclass(slots=True)
class SurgeWatch:
    """The monitor of this replica, and the only way to let it see something.

    Parameters
    ----------
    settings : Settings
    database : Database
    marks : TermMarks, optional
        Turn terms into what may be kept; needed where complaints are observed.
    calendar : WorkCalendar
        Holidays and worked weekends; the same for all replicas.
    category_names : callable
        Gives the names of categories by id.
    on_event : callable
        Told of each committed notice's event.
    """

    settings: Settings
    database: Database
    marks: TermMarks = field(default_factory=TermMarks)
    calendar: WorkCalendar = field(default_factory=WorkCalendar)
    category_names: Callable[[], Mapping[str, str]] = dict
    on_event: Callable[[str], None] = lambda _: None
    words: SurgeWords = field(init=False)
    _finder: WordFinder = field(init=False)
    _wanted: dict[str, Any] = field(init=False)
    _monitor: SurgeMonitor | None = None
    _config: dict[str, Any] = field(default_factory=dict)
    _seq: int = 0
    _has_uncommitted: bool = False
    _events: list[str] = field(default_factory=list)
    _redact_before: int = 0
    _written: dict[str, Written] = field(default_factory=dict)
    _told: dict[str, Told] = field(default_factory=dict)
    _snapshot_seq: int = 0
    _snapshot_at: float = 0.0
    _snapshot_seconds: float = 0.0
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def __post_init__(self) -> None:
        """Read the wording, and what the settings say of the monitor."""
        self._wanted = {
            "pairs": [list(pair) for pair in self.settings.surge_pairs],
            "false_alerts_per_week": self.settings.surge_false_alerts_per_week,
            "max_values": self.settings.surge_max_values,
            "zone": self.settings.zone,
        }
        zone = ZoneInfo(self.settings.zone)
        self.words = SurgeWords(SurgeText.from_file(zone=zone), zone)
        self._finder = WordFinder(self.marks, SurgeMonitor().weigh_terms, load_cut())

    # -- transactions --------------------------------------------------------------------------

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Give a transaction in which the monitor may see something.

        What it saw is undone with the transaction.
        """
        with self._lock:
            self._events.clear()
            try:
                with self.database.write() as connection:
                    surge_log.take_lock(connection)
                    self._catch_up_or_begin(connection)
                    yield connection
            except BaseException:
                if self._has_uncommitted:
                    self._monitor = None
                raise
            finally:
                self._has_uncommitted = False
            for event in self._events:
                self.on_event(event)

    @contextmanager
    def read(self) -> Iterator[tuple[Connection, SurgeMonitor]]:
        """Give a connection and the monitor as of what is committed; it must not be changed."""
        with self._lock, self.database.read() as connection:
            yield connection, self._catch_up(connection)

    # -- what is seen --------------------------------------------------------------------------

    def observe(
        self, connection: Connection, answered: Sequence[tuple[Marked, Answered]]
    ) -> list[Answered]:
        """Let the monitor see complaints, and complete their answers.

        A fault of early warning costs the warning, never the complaint.
        """
        now = time.time()
        texts = {one.id: _titled(one.folded, marked) for marked, one in answered}
        entries: list[Entry] = []
        completed = []
        try:
            self._bring_to(now, entries)
            for marked, one in answered:
                terms = self.marks.of_terms(self._finder.weigh(texts[one.id]))
                seen = self._apply(entry_of(marked, one, terms, now), entries)
                completed.append(self._complete(connection, one, seen, texts))
        except FAULTS as error:
            log.exception("early warning failed", error=type(error).__name__, n_texts=len(texts))
            self._events.append("failed")
            self._monitor = None
            self._catch_up_or_begin(connection)
            return [one for _, one in answered]
        self._append(connection, entries)
        self._write_changes(connection, texts)
        return completed

    def keep_up(self) -> None:
        """See what others wrote, do what the clock asks for, keep the state from time to time."""
        now = time.time()
        try:
            with self.read() as (_, monitor):
                is_due = self._is_due(monitor, now)
        except FAULTS:
            is_due = True
        if is_due:
            with self.write() as connection:
                entries: list[Entry] = []
                self._bring_to(now, entries)
                self._append(connection, entries)
                self._write_changes(connection, {})
        self.redact()
        if self._snapshot_is_due():
            self.take_snapshot()

    def note_correction(
        self,
        connection: Connection,
        row: Row[Any],
        labels: Mapping[TaskName, str],
    ) -> None:
        """Move the counts of a complaint whose category was corrected.

        Parameters
        ----------
        row : Row
            The complaint as it was stored.
        labels : mapping
            New labels by task.
        """
        at = min(row.occurred_at, row.received_at).timestamp()
        old, new = row.category, labels.get("category")
        counted = self._present.has_counted(at) and json.loads(row.answer)["duplicate_of"] is None
        if new is None or new == old or not counted:
            return
        shared = _present_values({name: row._mapping[name] for name in surge_records.UNLABELLED})
        fields = [_present_values({"category": label, **shared}) for label in (old, new)]
        payload = {"id": row.id, "at": at, "old": fields[0], "new": fields[1]}
        self._enter(connection, Entry("correct", payload))

    def act(
        self,
        connection: Connection,
        kind: str,
        surge_id: str,
        *,
        by: str,
        why: str,
        **values: Any,  # noqa: ANN401
    ) -> Alert:
        """Take a step in an alert's life.

        Parameters
        ----------
        kind : str
            ``act``, ``merge`` or ``split``.
        surge_id : str
            The surge.
        by, why : str
            Who does it, and the reason.

        Raises
        ------
        NoSuchSurgeError
            If a surge that is named is not known, or forgotten.
        AlertStateError
            If the step does not fit the state of the alert.
        """
        for named in filter(None, (surge_id, values.get("other"))):
            self.find_alert(named)
        payload = {"surge_id": surge_id, "at": time.time(), "by": by, "why": why, **values}
        self._enter(connection, Entry(kind, payload))
        return self.find_alert(surge_id)

    def find_alert(self, surge_id: str) -> Alert:
        """Give an alert that the monitor knows.

        Raises
        ------
        NoSuchSurgeError
            If there is none of this id, or it is forgotten.
        """
        alert = self._present.alerts.get(surge_id)
        if alert is None:
            raise NoSuchSurgeError(
                "there is no surge of this id, or it closed more than a year ago"
            )
        return alert

    def terms_of(self, connection: Connection, complaint_ids: Sequence[str]) -> dict[str, float]:
        """Sum the marked terms of complaints whose texts are still kept."""
        summed: Counter[str] = Counter()
        for text in self._texts_of(connection, complaint_ids).values():
            summed.update(self.marks.of_terms(self._finder.weigh(text)))
        return dict(summed)

    # -- what is told --------------------------------------------------------------------------

    def series(
        self, connection: Connection, monitor: SurgeMonitor, surge_id: str
    ) -> dict[str, Any] | None:
        """Give the daily counts around a surge; None where the monitor has forgotten it."""
        alert = monitor.alerts.get(surge_id)
        if alert is None or (alert.kind == "cell" and alert.key not in monitor.cells.rows):
            return None
        times = surge_records.member_times(connection, surge_id)
        found = series_of(alert, monitor, member_times=times)
        return {name: getattr(found, name) for name in found.__dataclass_fields__}

    @property
    def capped_fields(self) -> list[str]:
        """Fields with more values than are watched one by one."""
        return sorted(self._monitor.cells.capped_fields) if self._monitor else []

    def numbers(self) -> dict[str, float]:
        """Give the present numbers for metrics; nothing before the first look."""
        monitor = self._monitor
        if monitor is None:
            return {}
        with self.database.read() as connection:
            newest = surge_log.last_seq(connection)
            saved = surge_log.newest_snapshot(connection)[0]
        return {
            "open": sum(alert.is_open for alert in list(monitor.alerts.values())),
            "topics": len(monitor.topics.topics),
            "cells": len(monitor.cells.rows),
            "capped_fields": len(monitor.cells.capped_fields),
            "entries_behind": max(newest - self._seq, 0),
            "entries_unsaved": newest - saved,
        }

    # -- state ---------------------------------------------------------------------------------

    def take_snapshot(self, *, alone: bool = False) -> None:
        """Keep the state, so that a start need not see everything again.

        Parameters
        ----------
        alone : bool, default=False
            True keeps nothing older.
        """
        with self._lock:
            with self.write() as connection:
                # All replicas learn anew with this entry, as does who takes the state over.
                self._enter(connection, Entry("settle", {}))
            started = time.perf_counter()
            seq, raw = self._seq, surge_log.pack(self._present, self._config)
            self._snapshot_seconds = time.perf_counter() - started
        packed = gzip.compress(raw, 1)
        with self.database.write() as connection:
            surge_log.write_snapshot(connection, seq, packed, alone=alone)
        self._snapshot_seq, self._snapshot_at = seq, time.monotonic()

    def redact(self) -> None:
        """Remove what was erased from the log and from kept states too, if that is still to do."""
        with self.read() as (connection, _):
            is_due = surge_log.holds_before(connection, self._redact_before)
        if is_due:
            self.take_snapshot(alone=True)
        self._redact_before = 0

    def stop(self) -> None:
        """Keep the state at the end, where there is something new in it."""
        if self._monitor is not None and self._is_unsaved(1):
            self.take_snapshot()

    def _snapshot_is_due(self) -> bool:
        if time.monotonic() - self._snapshot_at < SNAPSHOT_PAUSE * self._snapshot_seconds:
            return False
        return self._is_unsaved(self.settings.surge_snapshot_entries)

    def _is_unsaved(self, n_entries: int) -> bool:
        """Say whether more than so many entries came after the newest state that is kept."""
        if self._seq - self._snapshot_seq <= n_entries:
            return False
        with self.database.read() as connection:
            self._snapshot_seq = surge_log.newest_snapshot(connection)[0]
        return self._seq - self._snapshot_seq > n_entries

    @property
    def _present(self) -> SurgeMonitor:
        assert self._monitor is not None  # noqa: S101 - every transaction begins by catching up
        return self._monitor

    def _catch_up_or_begin(self, connection: Connection) -> None:
        """Catch up; where the state is lost or of another program, begin a new one.

        Each replica finds the beginning in the log, and so begins alike.
        """
        try:
            self._catch_up(connection)
        except FAULTS as error:
            log.exception("the state of early warning is lost", error=type(error).__name__)
            self._monitor, self._seq = SurgeMonitor(calendar=self.calendar), 0
            self._seq = surge_log.last_seq(connection)
            n_opened = surge_records.close_orphans(connection)
            entries: list[Entry] = []
            self._apply(Entry("begin", {"n_opened": n_opened}), entries)
            self._append(connection, entries)

    def _catch_up(self, connection: Connection) -> SurgeMonitor:
        """Let the monitor see what was committed since it last looked."""
        try:
            for _ in range(3):
                if self._monitor is None:
                    self._take_over(connection)
                rows = surge_log.read_after(connection, self._seq)
                if not rows or rows[0].seq == self._seq + 1:
                    self._see(rows)
                    return self._present
                self._monitor = None
        except BaseException:
            self._monitor = None
            raise
        raise LookupError("the log of early warning has a gap")

    def _take_over(self, connection: Connection) -> None:
        """Begin with the newest state that is kept, or with the newest beginning."""
        monitor, config, seq = SurgeMonitor(calendar=self.calendar), dict[str, Any](), 0
        found = surge_log.read_snapshot(connection)
        begun = surge_log.last_begin(connection)
        if found is not None and found.seq > begun:
            config, seq = found.state["config"], found.seq
            if config:
                surge_log.apply(monitor, Entry("configure", config))
            monitor.restore(found.state["monitor"])
        elif begun:
            seq = begun - 1
        self._monitor, self._config, self._seq = monitor, config, seq
        self._snapshot_seq = found.seq if found else 0
        self._note_written()

    def _see(self, rows: Sequence[Row[Any]]) -> None:
        """Let the monitor see what is committed already."""
        for row in rows:
            entry = surge_log.read_entry(row)
            self._change(entry)
            self._seq = row.seq
            if entry.kind in surge_log.ERASING:
                self._redact_before = row.seq
        if rows:
            self._note_written()

    def _apply(self, entry: Entry, entries: list[Entry]) -> Observation | None:
        """Let the monitor see an entry that is still to be written."""
        seen = self._change(entry)
        self._has_uncommitted = True
        entries.append(entry)
        return seen

    def _change(self, entry: Entry) -> Observation | None:
        if entry.kind == "begin":
            self._monitor, self._config = SurgeMonitor(calendar=self.calendar), {}
            self._monitor.book.begin(entry.payload["n_opened"])
            self._written = {}
            return None
        if entry.kind == "configure":
            self._config = entry.payload
        return surge_log.apply(self._present, entry)

    def _append(self, connection: Connection, entries: Sequence[Entry]) -> None:
        self._seq = surge_log.append(connection, entries, after=self._seq)

    def _enter(self, connection: Connection, entry: Entry) -> None:
        """Let the monitor see one entry, and write it with all that follows from it."""
        entries: list[Entry] = []
        self._apply(entry, entries)
        self._append(connection, entries)
        self._write_changes(connection, {})

    # -- the clock -----------------------------------------------------------------------------

    def _is_due(self, monitor: SurgeMonitor, now: float) -> bool:
        if monitor.clock is None or self._config != self._wanted:
            return True
        return monitor.hour_has_passed(now) or monitor.clock - now > CLOCK_TOLERANCE_SECONDS

    def _bring_to(self, now: float, entries: list[Entry]) -> None:
        """Bring the monitor to the present hour, with the present settings."""
        self._has_uncommitted = True
        if self._is_due(self._present, now):
            if self._config != self._wanted:
                self._apply(Entry("configure", self._wanted), entries)
            self._apply(Entry("tick", {"at": now}), entries)

    # -- alerts --------------------------------------------------------------------------------

    def _complete(
        self,
        connection: Connection,
        one: Answered,
        seen: Observation | None,
        texts: Mapping[str, str],
    ) -> Answered:
        """Put into an answer what was seen."""
        if seen is None or (seen.warning is None and seen.duplicate_of is None):
            return one
        values = {**one.values, "duplicate_of": seen.duplicate_of}
        if seen.warning is not None:
            values["warning"] = self.words.warning(self._named(connection, seen.warning, texts))
        return replace(one, values=values)

    def _write_changes(self, connection: Connection, texts: Mapping[str, str]) -> None:
        """Write the alerts that have changed, with their members and notices."""
        rows = []
        for alert in list(self._present.alerts.values()):
            known = self._written.get(alert.surge_id)
            if known is not None and not alert.is_open and known.stamp[0] == alert.state:
                continue
            stamp = _stamp(alert)
            if known is not None and known.stamp == stamp:
                continue
            shown = self._show(connection, alert, texts)
            surge_records.write_row(connection, self.words.row(shown), is_new=known is None)
            self._write_members(connection, alert, known)
            for step in alert.steps[known.n_steps if known else 0 :]:
                if event := surge_records.event_of(step):
                    rows.append(self.words.notice(shown, event, step))
            self._written[alert.surge_id] = Written(stamp, len(alert.steps), len(alert.members))
        surge_records.add_notices(connection, rows)
        self._events += [row["event"] for row in rows]

    def _write_members(self, connection: Connection, alert: Alert, known: Written | None) -> None:
        """Add the new members, or all where they are others than before."""
        only_grew = known is not None and known.n_steps == len(alert.steps)
        if known is not None and only_grew and len(alert.members) >= known.n_members:
            fresh = alert.members[known.n_members :]
            surge_records.add_members(connection, alert.surge_id, fresh, at_open=False)
        else:
            surge_records.set_members(
                connection, alert.surge_id, alert.members, alert.members_at_open
            )

    def _note_written(self) -> None:
        """Take what the alerts are for what the tables hold of them."""
        self._written = {
            alert.surge_id: Written(_stamp(alert), len(alert.steps), len(alert.members))
            for alert in self._present.alerts.values()
        }

    def _show(self, connection: Connection, alert: Alert, texts: Mapping[str, str]) -> Shown:
        shared = self._present.recent.shared_fields(alert.members[-MAX_JUDGED_MEMBERS:])
        return Shown(self._named(connection, alert, texts), alert.terms, shared)

    def _named(self, connection: Connection, alert: Alert, texts: Mapping[str, str]) -> Alert:
        """Put an alert in words; those that were found once are kept with its row."""
        told = self._told.get(alert.surge_id)
        if told is None or told[0] != alert.terms:
            told = surge_records.told_before(connection, alert.surge_id)
        if told is None or told[0] != alert.terms:
            told = (alert.terms, self._words_of(connection, alert, texts))
        self._told[alert.surge_id] = told
        return surge_records.named(alert, told[1], self.category_names())

    def _words_of(
        self, connection: Connection, alert: Alert, texts: Mapping[str, str]
    ) -> tuple[str, ...]:
        ids = alert.members[-MAX_READ_TEXTS:]
        found = {i: texts[i] for i in ids if i in texts}
        found |= self._texts_of(connection, [i for i in ids if i not in found])
        wanted = self._present.recent.telling_terms(alert.members) or dict.fromkeys(
            alert.terms, 1.0
        )
        return self._finder.words(wanted, [found[i] for i in ids if i in found])

    def _texts_of(self, connection: Connection, ids: Sequence[str]) -> dict[str, str]:
        """Give what early warning reads of stored complaints whose text is still kept."""
        kept = surge_records.member_texts(connection, ids) if ids else {}
        cleaned = clean_texts([text for text, _ in kept.values()])
        return {
            i: f"{product}。{clean.folded}" if product else clean.folded
            for (i, (_, product)), clean in zip(kept.items(), cleaned, strict=True)
        }


def entry_of(marked: Marked, one: Answered, terms: Mapping[str, float], now: float) -> Entry:
    """Give the entry of a complaint that is being stored.

    Parameters
    ----------
    terms : mapping of str to float
        Marked.
    now : float
        The receiver's clock, seconds since the epoch.
    """
    received = marked.received
    complaint, category = received.complaint, one.values["category"]
    fields = {
        "category": category["label"] if category else None,
        "product": complaint.product,
        "region": complaint.region,
        "unit": complaint.unit,
    }
    payload = {
        "id": one.id,
        "at": (complaint.occurred_at or received.received_at).timestamp(),
        "received": received.received_at.timestamp() if received.is_live else now,
        "live": received.is_live,
        "customer": marked.customer,
        "fields": _present_values(fields),
        "terms": terms,
    }
    return Entry("observe", payload)


def _titled(folded: str, marked: Marked) -> str:
    product = marked.received.complaint.product
    return f"{product}。{folded}" if product else folded


def _present_values(fields: Mapping[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in fields.items() if value}


def _stamp(alert: Alert) -> tuple[object, ...]:
    """Give what changes whenever the row of an alert must."""
    return (
        alert.state,
        alert.level,
        alert.kind,
        alert.key,
        alert.owner,
        alert.snoozed_until,
        alert.observed,
        alert.n_customers,
        alert.last_at,
        alert.expected,
        alert.terms,
        len(alert.steps),
        len(alert.members),
    )
