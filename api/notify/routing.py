"""Which notices go to which channels, and from when on."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from api.notify.channels import Channel
from api.notify.notices import Notice
from api.notify.plan import NotifyPlan


@dataclass(frozen=True, slots=True)
class Route:
    """A notice's way to one channel.

    Parameters
    ----------
    channel : Channel
        Where to.
    due_at : datetime
        When it may be sent.
    is_held : bool
        Whether quiet hours keep it back until then.
    """

    channel: Channel
    due_at: datetime
    is_held: bool


def routes_of(plan: NotifyPlan, notice: Notice, now: datetime) -> Iterator[Route]:
    """Give the ways of a notice to all channels that want it."""
    for channel in plan.channels:
        if channel.wants(notice):
            yield route_to(channel, notice, now)


def route_to(channel: Channel, notice: Notice, now: datetime) -> Route:
    """Give the way of a notice to a channel: at once, or when its quiet hours end."""
    if channel.severe_breaks_quiet and notice.rouses:
        return Route(channel, now, is_held=False)
    due_at = channel.quiet.next_open(now)
    return Route(channel, due_at, is_held=due_at > now)
