"""Counts and times for Prometheus."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from api.complaints import Stored

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SECONDS = (0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.125, 0.25, 0.5, 1, 2, 5, 10)


@dataclass(slots=True)
class Metrics:
    """The numbers of one process; labels are routes and label ids, never anything of a caller."""

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    requests: Counter = field(init=False)
    seconds: Histogram = field(init=False)
    predictions: Counter = field(init=False)
    decisions: Counter = field(init=False)
    stored: Counter = field(init=False)
    surge_events: Counter = field(init=False)
    surge_state: Gauge = field(init=False)
    waiting: Gauge = field(init=False)
    model: Gauge = field(init=False)

    def __post_init__(self) -> None:
        """Register the numbers."""
        make = self.registry
        self.requests = Counter(
            "triage_requests", "Requests", ("method", "route", "status"), registry=make
        )
        self.seconds = Histogram(
            "triage_request_seconds", "Time to answer", ("route",), buckets=SECONDS, registry=make
        )
        self.predictions = Counter(
            "triage_predictions", "Final labels", ("task", "label"), registry=make
        )
        self.decisions = Counter(
            "triage_decisions", "Decisions", ("task", "decision"), registry=make
        )
        self.stored = Counter("triage_stored", "Complaints by result", ("result",), registry=make)
        self.surge_events = Counter(
            "triage_surge_events",
            "Notices of surges by event; failed: complaints that early warning could not see",
            ("event",),
            registry=make,
        )
        self.surge_state = Gauge(
            "triage_surge_state",
            "Early warning: open surges, live topics, cells, fields with too many values, log "
            "entries that this process has not seen, and that no kept state holds",
            ("what",),
            registry=make,
        )
        self.waiting = Gauge("triage_waiting", "Complaints that wait to be stored", registry=make)
        self.model = Gauge(
            "triage_model_info", "1 for the version that answers", ("version",), registry=make
        )

    def note_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request."""
        self.requests.labels(method, route, str(status)).inc()
        self.seconds.labels(route).observe(seconds)

    def note_answer(self, values: Mapping[str, Any]) -> None:
        """Count the labels of an answer."""
        for task in ("category", "motive", "urgency"):
            prediction = values[task]
            if prediction:
                self.predictions.labels(task, prediction["label"]).inc()
                self.decisions.labels(task, prediction["decision"]).inc()

    def note_stored(self, stored: Stored) -> None:
        """Count a stored complaint, or one that was stored before."""
        self.stored.labels("new" if stored.is_new else "repeated").inc()

    def note_surge(self, event: str) -> None:
        """Count an event in the life of a surge."""
        self.surge_events.labels(event).inc()

    def expose(
        self, *, waiting: int, model: str | None, surges: Mapping[str, float] | None = None
    ) -> bytes:
        """Write all numbers in Prometheus's format."""
        for what, value in (surges or {}).items():
            self.surge_state.labels(what).set(value)
        self.waiting.set(waiting)
        self.model.clear()
        if model:
            self.model.labels(model).set(1)
        return generate_latest(self.registry)
