"""Numbers about deliveries, for Prometheus."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge

from api.notify.deliveries import ChannelState


class DeliveryMetrics:
    """Counts of tries by result, and what waits or is dead now.

    Parameters
    ----------
    registry : CollectorRegistry
        Of the process.
    channels : iterable of str
        Names that the file has.
    """

    def __init__(self, registry: CollectorRegistry, channels: Iterable[str]) -> None:
        self.channels = tuple(channels)
        self._results = Counter(
            "triage_notify_tries",
            "Tries to deliver a notice: delivered, failed (to be tried again) or dead",
            ("channel", "result"),
            registry=registry,
        )
        self._open = Gauge(
            "triage_notify_deliveries",
            "Deliveries that wait or are dead letters, over all replicas",
            ("channel", "state"),
            registry=registry,
        )

    def note(self, channel: str, result: str, n_deliveries: int = 1) -> None:
        """Count tries."""
        self._results.labels(channel, result).inc(n_deliveries)

    def set_open(self, states: Iterable[ChannelState]) -> None:
        """Set what is open now."""
        known = {state.channel: state for state in states}
        for name in {*self.channels, *known}:
            state = known.get(name)
            self._open.labels(name, "waiting").set(state.n_waiting if state else 0)
            self._open.labels(name, "dead").set(state.n_dead if state else 0)
