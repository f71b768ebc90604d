"""The intake line: complaints that arrive at the same time are answered and stored together.

One thread takes whatever waits, predicts it as one batch and commits it as one transaction: under
load, the costs of a batch and of a commit are shared. A complaint that comes alone never waits.
"""

import queue
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from api.answers import Answered
from api.complaints import Marked, Stored, find_external, insert_answers
from api.current import CurrentModel
from api.database import Database
from api.errors import BusyError, ExternalIdError, StoreError
from api.metrics import Metrics
from api.settings import Settings
from triage.errors import TriageError

log = structlog.get_logger(__name__)

MAX_TRIES = 5
LINGER_SHARE = 0.5
"""Share of the time of the last group that the next may wait to be as large."""
MAX_LINGER_SECONDS = 0.02


class Watcher(Protocol):
    """What sees complaints inside the transaction that stores them: early warning."""

    def write(self) -> AbstractContextManager[Connection]:
        """Give a transaction in which `observe` may be called."""

    def observe(
        self, connection: Connection, answered: Sequence[tuple[Marked, Answered]]
    ) -> Sequence[Answered]:
        """Give the answers completed by what was seen."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A complaint on the line, and the promise of its result."""

    marked: Marked
    result: "Future[Stored]" = field(default_factory=Future)


@dataclass(slots=True)
class IntakeLine:
    """Answers and stores complaints in the order they come.

    Parameters
    ----------
    watcher : Watcher, optional
        Sees every group before it is stored.
    is_broken : bool
        Whether the last group could not be stored.
    """

    settings: Settings
    database: Database
    models: CurrentModel
    metrics: Metrics
    watcher: Watcher | None = None
    _waiting: "queue.SimpleQueue[Waiting | None]" = field(default_factory=queue.SimpleQueue)
    _thread: threading.Thread | None = None
    is_broken: bool = False
    _last_size: int = 0
    _last_seconds: float = 0.0

    def start(self) -> None:
        """Begin to work."""
        self._thread = threading.Thread(target=self._work, name="intake", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Finish what waits, then end."""
        if self._thread:
            self._waiting.put(None)
            self._thread.join()
            self._thread = None

    @property
    def n_waiting(self) -> int:
        """How many complaints wait."""
        return self._waiting.qsize()

    def submit(self, marked: Marked) -> "Future[Stored]":
        """Put a complaint on the line.

        Returns
        -------
        Future of Stored
            Done once the complaint is committed; `ExternalIdError` where its external id was used
            with another text.

        Raises
        ------
        BusyError
            If too many wait already.
        """
        if self.n_waiting >= self.settings.max_waiting:
            raise BusyError(
                f"{self.settings.max_waiting} complaints wait to be stored "
                "(TRIAGE_MAX_WAITING): come back in a second"
            )
        waiting = Waiting(marked)
        self._waiting.put(waiting)
        return waiting.result

    def _work(self) -> None:
        while (first := self._waiting.get()) is not None:
            group, is_last = self._gather(first)
            started = time.perf_counter()
            self._finish(group)
            self._last_size = len(group)
            self._last_seconds = time.perf_counter() - started
            if is_last:
                return

    def _gather(self, first: Waiting) -> tuple[list[Waiting], bool]:
        """Take what waits now, up to the size of a group.

        Callers that were answered together come back one after the other: after a group of
        several, a moment is given for as many to gather again. A caller alone never waits.
        """
        group = [first]
        share = LINGER_SHARE if self._last_size > 1 else 0.0
        until = time.perf_counter() + min(MAX_LINGER_SECONDS, share * self._last_seconds)
        while len(group) < self.settings.group_texts:
            left = until - time.perf_counter() if len(group) < self._last_size else 0.0
            try:
                waiting = (
                    self._waiting.get(timeout=left) if left > 0 else self._waiting.get_nowait()
                )
            except queue.Empty:
                break
            if waiting is None:
                return group, True
            group.append(waiting)
        return group, False

    def _finish(self, group: Sequence[Waiting]) -> None:
        """Keep every promise of a group; one bad complaint spoils no other."""
        try:
            results = self._store([waiting.marked for waiting in group])
        except TriageError as error:
            self.is_broken = isinstance(error, StoreError)
            log.error("group not stored", error=type(error).__name__, n_texts=len(group))
            for waiting in group:
                waiting.result.set_exception(error)
        except Exception as error:
            log.exception("group not stored", n_texts=len(group))
            if len(group) > 1:
                for waiting in group:
                    self._finish([waiting])
            else:
                group[0].result.set_exception(error)
        else:
            self.is_broken = False
            for waiting, result in zip(group, results, strict=True):
                _settle(waiting, result)

    def _store(self, group: list[Marked]) -> list[Stored]:
        started = time.perf_counter()
        answered = self.models.get().answer([marked.received for marked in group])
        elapsed_ms = round((time.perf_counter() - started) * 1000 / len(group), 3)
        pairs = list(zip(group, answered, strict=True))
        for n_tries in range(1, MAX_TRIES + 1):
            try:
                with self._write() as connection:
                    stored = self._insert(connection, pairs, elapsed_ms)
            except IntegrityError:
                # Another replica stored one of these external ids just now: look again.
                if n_tries == MAX_TRIES:
                    raise
            else:
                self._count(answered, stored)
                return stored
        raise AssertionError("unreachable")

    def _count(self, answered: list[Answered], stored: list[Stored]) -> None:
        for one, kept in zip(answered, stored, strict=True):
            self.metrics.note_stored(kept)
            if kept.is_new:
                self.metrics.note_answer(one.values)

    def _insert(
        self, connection: Connection, pairs: list[tuple[Marked, Answered]], elapsed_ms: float
    ) -> list[Stored]:
        external = {marked.external for marked, _ in pairs if marked.external}
        known = find_external(connection, external) if external else {}
        fresh: dict[object, tuple[Marked, Answered]] = {}
        for marked, one in pairs:
            key = marked.external or one.id
            if key not in known:
                fresh.setdefault(key, (marked, one))
        if fresh:
            new = list(fresh.values())
            if self.watcher:
                seen = self.watcher.observe(connection, new)
                new = [(marked, one) for (marked, _), one in zip(new, seen, strict=True)]
            stored = dict(zip(fresh, insert_answers(connection, new, elapsed_ms), strict=True))
        else:
            stored = {}
        return [
            known[marked.external]
            if marked.external in known
            else _as_seen_by(one, stored[marked.external or one.id])
            for marked, one in pairs
        ]

    def _write(self) -> AbstractContextManager[Connection]:
        return self.watcher.write() if self.watcher else self.database.write()


def _as_seen_by(one: Answered, stored: Stored) -> Stored:
    """Tell the first of several equal complaints from its repeats in the same group."""
    if one.id == stored.id:
        return stored
    return Stored(stored.id, stored.fingerprint, stored.body, is_new=False)


def _settle(waiting: Waiting, stored: Stored) -> None:
    if stored.fingerprint == waiting.marked.fingerprint:
        waiting.result.set_result(stored)
        return
    external_id = waiting.marked.received.complaint.external_id
    waiting.result.set_exception(
        ExternalIdError(
            f"external_id {external_id!r} was used before with another text: it is complaint "
            f"{stored.id}"
        )
    )
