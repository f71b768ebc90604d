"""The dispatcher: takes notices out of the outbox and delivers them, at least once.

One thread makes deliveries of new notices and looks for those that are due; each channel has a
thread of its own, so that a receiver that hangs keeps nobody waiting but itself.
"""

import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Self

import structlog
from prometheus_client import CollectorRegistry

from api.database import Database
from api.errors import DeliveryError
from api.notify.channels import Channel
from api.notify.deliveries import (
    ROUTE_ROWS,
    Delivery,
    channel_states,
    claim,
    note_delivered,
    note_failed,
    postpone,
    route_notices,
    utc_now,
)
from api.notify.messages import MessageText
from api.notify.metrics import DeliveryMetrics
from api.notify.plan import NotifyPlan
from api.notify.routing import route_to
from api.notify.sending import Sender, most_in_a_message
from triage.errors import TriageError

log = structlog.get_logger(__name__)

POLL_SECONDS = 0.5
STOP_SECONDS = 5.0


@dataclass(slots=True)
class Dispatcher:
    """Delivers notices while it runs.

    Parameters
    ----------
    open_database : callable
        Gives the database, or raises `StoreError` where its tables are not in place.
    plan : NotifyPlan
        Channels, waits and lease.
    sender : Sender
        What sends.
    metrics : DeliveryMetrics
        What counts.
    draw : random.Random, optional
        Where the jitter comes from.
    """

    open_database: Callable[[], Database]
    plan: NotifyPlan
    sender: Sender
    metrics: DeliveryMetrics
    draw: random.Random = field(default_factory=random.Random)
    _stopping: threading.Event = field(default_factory=threading.Event)
    _wake: dict[str, threading.Event] = field(default_factory=dict)
    _threads: list[threading.Thread] = field(default_factory=list)
    _fault: str | None = None

    @classmethod
    def from_file(
        cls,
        file: Path,
        *,
        zone: str,
        open_database: Callable[[], Database],
        registry: CollectorRegistry,
    ) -> Self:
        """Read the file of channels, and put the parts together; nothing is started.

        Raises
        ------
        ConfigError
            If the file has a fault: names line and fault.
        """
        plan = NotifyPlan.from_file(file, zone=zone)
        metrics = DeliveryMetrics(registry, [channel.name for channel in plan.channels])
        return cls(open_database, plan, Sender(MessageText.from_file(zone=zone)), metrics)

    def start(self) -> None:
        """Start the threads."""
        for channel in self.plan.channels:
            self._wake[channel.name] = threading.Event()
            self._run(self._serve, f"notify-{channel.name}", channel)
        self._run(self._watch, "notify")

    def stop(self) -> None:
        """Stop; a try that is under way longer is made again when its lease has run out."""
        self._stopping.set()
        for wake in self._wake.values():
            wake.set()
        for thread in self._threads:
            thread.join(STOP_SECONDS)

    def look(self) -> None:
        """Settle new notices, and wake the channels that have something due."""
        database = self.open_database()
        n_settled = ROUTE_ROWS
        while n_settled == ROUTE_ROWS and not self._stopping.is_set():
            routed = route_notices(database, self.plan, utc_now())
            n_settled = routed.n_notices
            if routed.n_too_old:
                log.warning("notices too old to send", notices=routed.n_too_old)
            if n_settled:
                log.info("notices routed", notices=n_settled, deliveries=routed.n_deliveries)
        states = channel_states(database, utc_now())
        self.metrics.set_open(states)
        for state in states:
            if state.is_due and state.channel in self._wake:
                self._wake[state.channel].set()

    def deliver_next(self, channel: Channel) -> bool:
        """Try what a channel is to get next; give False where nothing is due."""
        database, now = self.open_database(), utc_now()
        claimed = claim(
            database,
            channel,
            now,
            lease_seconds=self.plan.lease_seconds,
            most_held=most_in_a_message(channel),
        )
        if not claimed:
            return False
        route = route_to(channel, claimed[0].notice, now)
        if route.is_held:
            postpone(database, claimed, route.due_at)
            return True
        try:
            self.sender.send(channel, [delivery.notice for delivery in claimed])
        except DeliveryError as error:
            self._note_failed(channel, claimed, error)
        except Exception as error:
            # One odd notice must not stop the others, nor be tried without pause.
            log.exception("notice could not be sent", channel=channel.name)
            failed = DeliveryError(f"could not be sent: {type(error).__name__}")
            self._note_failed(channel, claimed, failed)
        else:
            note_delivered(database, claimed, utc_now())
            self.metrics.note(channel.name, "delivered", len(claimed))
            log.info("notices delivered", channel=channel.name, notices=_ids(claimed))
        return True

    def _note_failed(
        self, channel: Channel, claimed: Sequence[Delivery], error: DeliveryError
    ) -> None:
        """Put a failed try down; those of one digest may have been tried differently often."""
        database, now = self.open_database(), utc_now()
        ordered = sorted(claimed, key=lambda delivery: delivery.n_tries)
        for n_tries, group in groupby(ordered, key=lambda delivery: delivery.n_tries):
            same = list(group)
            wait = None
            if not error.is_final:
                wait = self.plan.backoff.wait(
                    n_tries + 1, draw=self.draw, retry_after=error.retry_after
                )
            due_at = None if wait is None else now + wait
            note_failed(database, same, now, reason=str(error), due_at=due_at)
            result = "dead" if due_at is None else "failed"
            self.metrics.note(channel.name, result, len(same))
            write = log.error if due_at is None else log.warning
            write(
                f"delivery {result}",
                channel=channel.name,
                notices=_ids(same),
                tries=n_tries + 1,
                reason=str(error),
            )

    def _run(self, work: Callable[..., None], name: str, *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _watch(self) -> None:
        while not self._stopping.wait(POLL_SECONDS):
            self._guarded(self.look)

    def _serve(self, channel: Channel) -> None:
        wake = self._wake[channel.name]
        while not self._stopping.is_set():
            wake.wait()
            wake.clear()
            while not self._stopping.is_set() and self._guarded(lambda: self.deliver_next(channel)):
                pass

    def _guarded(self, work: Callable[[], bool | None]) -> bool:
        """Work in spite of a database that is away; say so once."""
        try:
            is_more = bool(work())
        except TriageError as error:
            if str(error) != self._fault:
                log.warning("dispatcher waits", error=type(error).__name__, reason=str(error))
            self._fault = str(error)
            return False
        except Exception:
            log.exception("dispatcher failed")
            return False
        self._fault = None
        return is_more


def _ids(claimed: Sequence[Delivery]) -> list[str]:
    return [delivery.notice.id for delivery in claimed]
