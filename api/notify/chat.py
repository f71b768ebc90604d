"""Chat robots and e-mail through apprise, at checked addresses only."""

import logging
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from apprise import NotifyBase
from apprise.common import NotifyFormat, NotifyType
from apprise.plugins.custom_json import NotifyJSON
from apprise.plugins.email import NotifyEmail

from api.errors import DeliveryError
from api.notify.addresses import Resolve, allowed_addresses, resolve
from api.notify.channels import Channel
from api.notify.messages import Message
from api.notify.posting import Poster
from api.notify.robots import ROBOTS, Robot

Fault = Callable[[str], Exception]

MOST_BYTES = {"wecombot": 2000}
"""Longest message that a service takes; the others take more than we ever write."""
CUT = "…"
KINDS = {
    "attention": NotifyType.INFO,
    "warning": NotifyType.WARNING,
    "severe": NotifyType.FAILURE,
}


def send_chat(
    channel: Channel,
    message: Message,
    *,
    notice_ids: Sequence[str],
    level: str,
    resolve: Resolve = resolve,
) -> None:
    """Send one message.

    Parameters
    ----------
    notice_ids : sequence of str
        The notices that it tells of; e-mails have them in the header ``X-Notice-Id``.

    Raises
    ------
    DeliveryError
        If it was not taken.
    """
    plugin = read_plugin(channel, resolve=resolve)
    if not isinstance(plugin, Robot):
        for host in hosts_of(channel, plugin):
            allowed_addresses(
                host, plugin.port or 0, allow_private=channel.allow_private, resolve=resolve
            )
    if isinstance(plugin, NotifyEmail):
        plugin.headers["X-Notice-Id"] = " ".join(notice_ids)
    text = _cut(message.text, MOST_BYTES.get(channel.scheme), len(message.title.encode()))
    taken = plugin.notify(
        body=text,
        title=message.title,
        notify_type=KINDS.get(level, NotifyType.INFO),
        body_format=NotifyFormat.TEXT,
    )
    if not taken:
        raise DeliveryError(f"{channel.scheme}:// did not take the message")


def read_plugin(
    channel: Channel, fault: Fault | None = None, *, resolve: Resolve = resolve
) -> NotifyBase:
    """Make the apprise service of a channel; nothing is sent.

    Parameters
    ----------
    fault : callable, optional
        Makes the error where the address cannot be read, from a message.

    Raises
    ------
    DeliveryError
        If the address cannot be read and there is no `fault`.
    """
    # Its warnings quote tokens, its debug entries whole messages.
    logging.getLogger("apprise").disabled = True
    kinds: dict[str, Callable[..., NotifyBase]] = {
        **ROBOTS, "mailto": NotifyEmail, "mailtos": NotifyEmail, "json": NotifyJSON,
        "jsons": NotifyJSON,
    }  # fmt: skip
    kind = kinds[channel.scheme]
    try:
        values = kind.parse_url(channel.url)  # type: ignore[attr-defined]
        values |= {"redirect": False, "rto": channel.timeout_seconds}
        values |= {"cto": channel.timeout_seconds}
        plugin = kind(**values)
    except TypeError:
        # Also the class of apprise's own error; its message quotes the address.
        message = f"'url' is no address that apprise can read as {channel.scheme}://"
        raise (fault(message) if fault else DeliveryError(message)) from None
    if isinstance(plugin, Robot):
        plugin.server = channel.server
        plugin.poster = Poster(
            channel.timeout_seconds, channel.allow_private, channel.ca_file, resolve
        )
    return plugin


def hosts_of(channel: Channel, plugin: NotifyBase) -> Sequence[str]:
    """Give the hosts that a service of apprise connects to."""
    if isinstance(plugin, Robot):
        return [urlsplit(plugin.address).hostname or ""]
    if isinstance(plugin, NotifyEmail):
        return [plugin.smtp_host]
    return [plugin.host]


def _cut(text: str, most_bytes: int | None, used_bytes: int) -> str:
    """Cut a text in the middle, so that its ids at the end stay."""
    if most_bytes is None or len(text.encode()) + used_bytes + 2 <= most_bytes:
        return text
    *lines, last = text.split("\n")
    room = most_bytes - used_bytes - len(last.encode()) - 8
    kept = "\n".join(lines).encode()[:room].decode(errors="ignore")
    return f"{kept}{CUT}\n{last}"
