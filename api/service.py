"""The parts of the running service, made once per app and started with it."""

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Self
from zoneinfo import ZoneInfo

import structlog
from fastapi import Request
from pydantic import ValidationError
from sqlalchemy import Connection, insert, select, update

from api.answers import Answerer, Knowledge, Received, check_text
from api.complaints import Marked, Stored
from api.current import CurrentModel
from api.database import Database
from api.errors import FAILED, MomentError, StoreError, http_problem, invalid_problem, problem_of
from api.fingerprints import Fingerprints
from api.ids import new_id
from api.intake import IntakeLine
from api.key_store import note_use, read_keys
from api.keys import KeyRing, Principal
from api.limits import RateLimit
from api.metrics import Metrics
from api.schemas import BatchItemOut, ComplaintIn, Problem, Ready, TriageOut
from api.settings import Settings
from api.surge_terms import TermMarks
from api.surge_watch import SurgeWatch
from api.tables import deployment
from triage.errors import ConfigError, ModelNotFoundError, TriageError
from triage.surge import SurgeMonitor

if TYPE_CHECKING:
    from api.notify.dispatch import Dispatcher

log = structlog.get_logger(__name__)

UPKEEP_SECONDS = 1.0
PROBE_CHARS = 1 << 16
EARLIEST = 1990
"""Year before which nobody complained electronically: an older time is a mistake."""


@dataclass(slots=True)
class Service:
    """Everything an endpoint may need; nothing is opened before `start`."""

    settings: Settings
    database: Database
    keys: KeyRing
    limits: RateLimit
    knowledge: Knowledge | None = None
    metrics: Metrics = field(default_factory=Metrics)
    draining: threading.Event = field(default_factory=threading.Event)
    _models: CurrentModel | None = None
    _line: IntakeLine | None = None
    _watch: SurgeWatch | None = None
    _fingerprints: Fingerprints | None = None
    _unprepared: str | None = "the service has not started yet"
    _stopping: threading.Event = field(default_factory=threading.Event)
    _upkeep: threading.Thread | None = None
    _dispatcher: "Dispatcher | None" = None

    @classmethod
    def of(cls, request: Request) -> Self:
        """Give the service of the app that a request came to."""
        service: Self = request.app.state.service
        return service

    @classmethod
    def build(cls, settings: Settings, knowledge: Knowledge | None = None) -> Self:
        """Put the parts together."""
        database = Database(settings.database_url, pool_connections=settings.pool_connections)
        service = cls(
            settings,
            database,
            KeyRing(settings, read=lambda: read_keys(service.store)),
            RateLimit(settings, database),
            knowledge=knowledge,
        )
        return service

    @property
    def now(self) -> datetime:
        """The present moment in the deployment's zone."""
        return datetime.now(ZoneInfo(self.settings.zone))

    @property
    def store(self) -> Database:
        """The database with its tables in place; raise `StoreError` where they are not."""
        if self._unprepared:
            raise StoreError(self._unprepared)
        return self.database

    @property
    def models(self) -> CurrentModel:
        """What holds the model; raise `ModelNotFoundError` before the start."""
        if self._models is None:
            raise ModelNotFoundError("the service has not started yet")
        return self._models

    @property
    def line(self) -> IntakeLine:
        """The intake line; raise `StoreError` before the start."""
        if self._line is None:
            raise StoreError("the service has not started yet")
        return self._line

    @property
    def watch(self) -> SurgeWatch:
        """Early warning; raise `StoreError` before the start and where it is switched off."""
        if self._watch is None:
            raise StoreError("the service has not started yet")
        return self._watch

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Give a transaction in which early warning may be told of changes."""
        watch, _ = self.watch, self.store
        with watch.write() as connection:
            yield connection

    @contextmanager
    def look(self) -> Iterator[tuple[Connection, SurgeMonitor]]:
        """Give a connection and the monitor of early warning as of what is committed."""
        watch, _ = self.watch, self.store
        with watch.read() as found:
            yield found

    @property
    def fingerprints(self) -> Fingerprints:
        """The keyed fingerprints; raise `StoreError` before the start."""
        if self._fingerprints is None:
            raise StoreError("the service has not started yet")
        return self._fingerprints

    def start(self) -> None:
        """Open what must be open; a database that is away is waited for.

        Raises
        ------
        ConfigError
            If the settings cannot work, with this database or at all.
        """
        self._dispatcher = self._make_dispatcher()
        self._fingerprints = Fingerprints.from_settings(self.settings, self.database)
        self.knowledge = self.knowledge or Knowledge.from_settings(self.settings)
        self._models = CurrentModel(self.settings, self.knowledge)
        self._models.start()
        self._watch = SurgeWatch(
            self.settings,
            self.database,
            TermMarks(self._fingerprints.secret),
            self.knowledge.calendar,
            self._models.category_names,
            self.metrics.note_surge,
        )
        self._line = IntakeLine(
            self.settings,
            self.database,
            self._models,
            self.metrics,
            self._watch if self.settings.surges else None,
        )
        self._line.start()
        self._prepare()
        self._upkeep = threading.Thread(target=self._keep_up, name="upkeep", daemon=True)
        self._upkeep.start()
        if self._dispatcher:
            self._dispatcher.start()

    def stop(self) -> None:
        """Finish what was begun, then close."""
        self._stopping.set()
        if self._dispatcher:
            self._dispatcher.stop()
        if self._upkeep:
            self._upkeep.join()
        if self._line:
            self._line.stop()
        if self._models:
            self._models.stop()
        with suppress(StoreError):
            note_use(self.database, self.keys.take_used())
            if self._watch and not self._unprepared:
                self._watch.stop()
        self.database.close()
        # Whoever still holds the stopped app must not hold the model and all counts with it.
        self._line, self._models, self._watch = None, None, None

    def readiness(self) -> Ready:
        """Say whether the service can answer."""
        version = self._models.version if self._models else None
        problem = self._database_problem()
        reason = (
            "stopping"
            if self.draining.is_set()
            else problem or (None if version else "no model is loaded")
        )
        return Ready(
            status="not ready" if reason else "ready",
            model=version,
            database=problem is None,
            reason=reason,
        )

    def surge_numbers(self) -> dict[str, float]:
        """Give the present numbers of early warning; none while the database is away."""
        with suppress(StoreError):
            return self.watch.numbers()
        return {}

    def triage(self, complaint: ComplaintIn) -> TriageOut:
        """Answer a complaint without storing it."""
        received = self._receive(complaint, is_live=True)
        (answered,) = self._answerer().answer([received])
        self.metrics.note_answer(answered.values)
        return answered.answer.model_copy(update={"id": None})

    def submit(
        self, complaint: ComplaintIn, who: Principal, *, is_live: bool = True
    ) -> "Future[Stored]":
        """Put a complaint on the intake line."""
        marks, _ = self.fingerprints, self.store
        marked = Marked(
            self._receive(complaint, is_live=is_live),
            who.source,
            marks.of_text(complaint.text),
            marks.of_customer(complaint.customer) if complaint.customer else None,
        )
        return self.line.submit(marked)

    def submit_value(
        self,
        value: object,
        who: Principal,
        *,
        is_live: bool = True,
    ) -> "Future[Stored]":
        """Put an unchecked value on the line; what is wrong with it is in the future."""
        try:
            return self.submit(ComplaintIn.model_validate(value), who, is_live=is_live)
        except (ValidationError, TriageError) as error:
            failed: Future[Stored] = Future()
            failed.set_exception(error)
            return failed

    def store_batch(self, values: Sequence[Any], who: Principal) -> Iterator[str]:
        """Store several complaints, a group at a time, so that single ones get in between.

        Yields
        ------
        str
            A `BatchItemOut` as JSON, in the order of the values.
        """
        size = self.settings.group_texts
        for start in range(0, len(values), size):
            futures = [self.submit_value(v, who) for v in values[start : start + size]]
            yield from map(outcome_of, futures)

    def _receive(self, complaint: ComplaintIn, *, is_live: bool) -> Received:
        check_text(complaint.text, self.settings.max_text_chars)
        now = self.now
        at = complaint.occurred_at
        if at is not None:
            at = at if at.tzinfo else at.replace(tzinfo=now.tzinfo)
            if at.year < EARLIEST or at > now + timedelta(days=1):
                raise MomentError(
                    f"occurred_at is {at.isoformat()}: expected a time from {EARLIEST} on that "
                    "is not in the future"
                )
            complaint = complaint.model_copy(update={"occurred_at": at})
        received_at = now if is_live or at is None else at.astimezone(now.tzinfo)
        return Received(complaint, received_at, new_id(), is_live)

    def _make_dispatcher(self) -> "Dispatcher | None":
        """Make what delivers notices, where there is somebody to tell."""
        if self.settings.notify_file is None:
            return None
        # Whoever tells nobody need not wait for it.
        from api.notify.dispatch import Dispatcher

        return Dispatcher.from_file(
            self.settings.notify_file,
            zone=self.settings.zone,
            open_database=lambda: self.store,
            registry=self.metrics.registry,
        )

    def _answerer(self) -> Answerer:
        return self.models.get()

    def _prepare(self) -> None:
        """Bring the database into use; remember why where it cannot be."""
        try:
            if self.database.is_sqlite:
                self.database.upgrade()
            elif not self.database.is_current():
                raise StoreError("the tables are not up to date: run `triage db upgrade`")
            self._check_secret()
        except StoreError as error:
            if str(error) != self._unprepared:
                log.error("database not in use", reason=str(error))
            self._unprepared = str(error)
        else:
            self._unprepared = None

    def _check_secret(self) -> None:
        d = deployment.c
        with self.database.write() as connection:
            found = dict(connection.execute(select(d.name, d.value)).all())
            new = {"secret": self.fingerprints.check, "probe": ""}
            for name in new.keys() - found.keys():
                connection.execute(insert(deployment), {"name": name, "value": new[name]})
        if found.get("secret", new["secret"]) != new["secret"]:
            raise ConfigError(
                "the secret is not the one this database was written with: external ids and "
                "customers would not be recognised; give back the old TRIAGE_SECRET or "
                "TRIAGE_SECRET_FILE"
            )

    def _database_problem(self) -> str | None:
        if self._unprepared:
            return self._unprepared
        try:
            self.database.check()
            if self._line and self._line.is_broken:
                self._probe()
        except StoreError as error:
            return str(error)
        return None

    def _probe(self) -> None:
        """Write as much as a complaint takes, since the last group could not be stored."""
        for value in ("." * PROBE_CHARS, ""):
            with self.database.write() as connection:
                connection.execute(
                    update(deployment).where(deployment.c.name == "probe").values(value=value)
                )
        self.line.is_broken = False

    def _keep_up(self) -> None:
        while not self._stopping.wait(UPKEEP_SECONDS):
            try:
                if self._unprepared:
                    self._prepare()
                note_use(self.database, self.keys.take_used())
                self.models.refresh_library(self.database)
                if self.settings.surges and not self._unprepared:
                    self.watch.keep_up()
            except TriageError as error:
                log.warning("upkeep failed", error=type(error).__name__)


def outcome_of(future: "Future[Stored]") -> str:
    """Wait for a complaint, and give its result or its problem as JSON."""
    try:
        stored = future.result()
    except (TriageError, ValidationError) as error:
        problem = describe(error)
    except Exception:
        # The intake line has logged it; the others of the batch must get their answers.
        problem = http_problem(500, FAILED)
    else:
        status = 201 if stored.is_new else 200
        return f'{{"status":{status},"result":{stored.body},"problem":null}}'
    return BatchItemOut(status=problem.status, result=None, problem=problem).model_dump_json()


def describe(error: TriageError | ValidationError) -> Problem:
    """Describe what is wrong with one of several complaints."""
    if isinstance(error, ValidationError):
        found = error.errors(include_url=False, include_context=False, include_input=False)
        return invalid_problem(found, frozenset(ComplaintIn.model_fields))
    return problem_of(error)
