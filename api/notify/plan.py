"""The file of ``TRIAGE_NOTIFY_FILE``: channels, waits between tries, lease."""

import base64
import binascii
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self
from urllib.parse import SplitResult, urlsplit

from api.notify.addresses import literal_refusal
from api.notify.backoff import Backoff
from api.notify.channels import CHAT_SCHEMES, KINDS, ROBOTS, WHEN_QUIET, Channel
from api.notify.notices import EVENTS
from api.notify.quiet_hours import QuietHours
from triage.alerts import LEVELS
from triage.errors import ConfigError
from triage.tables import Row, Table

MIN_SECRET_BYTES, MAX_SECRET_BYTES = 24, 64
"""What Standard Webhooks allows."""
MAX_NAME_CHARS = 100
SECRET_PREFIX = "whsec_"  # noqa: S105

_REQUIRED = ("name", "kind")
_OPTIONAL = (
    "url", "url_env", "secret", "secret_env", "old_secret", "old_secret_env", "events", "levels",
    "categories", "regions", "quiet_hours", "zone", "when_quiet", "severe_breaks_quiet",
    "allow_private", "timeout_seconds", "ca_file", "server",
)  # fmt: skip
_DELIVERY = ("tries", "first_seconds", "longest_seconds", "lease_seconds")


@dataclass(frozen=True, slots=True)
class NotifyPlan:
    """Everything the file says.

    Parameters
    ----------
    channels : tuple of Channel
        In file order; names are different.
    backoff : Backoff
        How often, and with which waits, a delivery is tried.
    lease_seconds : float
        After so long another process may try a delivery whose process fell silent.
    """

    channels: tuple[Channel, ...]
    backoff: Backoff = Backoff()  # noqa: RUF009
    lease_seconds: float = 60.0

    @classmethod
    def from_file(
        cls, path: Path, *, zone: str, environment: Mapping[str, str] = os.environ
    ) -> Self:
        """Read the file, and check everything that can be checked without sending.

        Parameters
        ----------
        path : Path
            A TOML file such as ``examples/notify.toml``.
        zone : str
            Of quiet hours that name none.
        environment : mapping of str to str, optional
            Where addresses and secrets may stand.

        Raises
        ------
        ConfigError
            With file, line and fault; never with an address or a secret.
        """
        table = Table.from_file(path, path.name)
        table.expect(("channel", "delivery"))
        channels: dict[str, Channel] = {}
        for row in table.rows("channel"):
            channel = _read_channel(row, zone, environment)
            if channel.name in channels:
                raise row.fault(f"a second channel is called '{channel.name}'", "name")
            channels[channel.name] = channel
        if not channels:
            raise table.fault("there is no [[channel]]: leave TRIAGE_NOTIFY_FILE unset instead")
        backoff, lease_seconds = _read_delivery(table.section("delivery"))
        slow = max(channels.values(), key=lambda channel: channel.timeout_seconds)
        if lease_seconds < 2 * slow.timeout_seconds:
            raise table.section("delivery").fault(
                f"'lease_seconds' must be at least twice the timeout of {slow.name}, "
                f"got {lease_seconds:g}",
                "lease_seconds",
            )
        return cls(tuple(channels.values()), backoff, lease_seconds)

    def channel(self, name: str) -> Channel:
        """Give a channel by name.

        Raises
        ------
        ConfigError
            If the file has none of that name.
        """
        for channel in self.channels:
            if channel.name == name:
                return channel
        known = ", ".join(channel.name for channel in self.channels)
        raise ConfigError(f"no channel {name!r}: expected one of {known}")


def _read_channel(row: Row, zone: str, environment: Mapping[str, str]) -> Channel:
    row.expect(_REQUIRED, _OPTIONAL)
    name = row.text("name")
    if len(name) > MAX_NAME_CHARS:
        raise row.fault(f"'name' may have {MAX_NAME_CHARS} characters, got {len(name)}", "name")
    channel = Channel(
        name=name,
        kind=row.choice("kind", KINDS),
        url=_hidden(row, "url", environment) or "",
        secrets=_read_secrets(row, environment),
        events=_some_of(row, "events", EVENTS),
        levels=_some_of(row, "levels", LEVELS),
        categories=frozenset(row.words("categories")),
        regions=frozenset(row.words("regions")),
        quiet=_read_quiet(row, zone),
        when_quiet=row.choice("when_quiet", WHEN_QUIET, "hold"),
        severe_breaks_quiet=_truth(row, "severe_breaks_quiet"),
        allow_private=_truth(row, "allow_private"),
        timeout_seconds=_seconds(row, "timeout_seconds", 10.0, most=120.0),
        ca_file=_read_ca_file(row),
        server=row.text("server") if "server" in row.fields else None,
    )
    check = _check_webhook if channel.kind == "webhook" else _check_chat
    check(row, channel)
    return channel


def _check_webhook(row: Row, channel: Channel) -> None:
    _check_place(row, "url", channel.url, channel)
    if not channel.secrets:
        raise row.fault("a webhook needs 'secret' or 'secret_env': `openssl rand -base64 32`")
    if channel.when_quiet != "hold":
        raise row.fault('a webhook gets each notice by itself: when_quiet = "hold"', "when_quiet")
    if channel.server:
        raise row.fault("'server' is for chat robots", "server")


def _check_chat(row: Row, channel: Channel) -> None:
    if channel.scheme not in CHAT_SCHEMES:
        raise row.fault(
            f"unknown service '{channel.scheme}' in 'url': expected one of "
            f"{', '.join(f'{s}://' for s in CHAT_SCHEMES)}",
            _place_of(row, "url"),
        )
    if channel.secrets:
        raise row.fault("'secret' is for webhooks; a robot's stands in its 'url'", "secret")
    if channel.ca_file and channel.scheme not in ROBOTS:
        raise row.fault(f"'ca_file' cannot be used with {channel.scheme}://", "ca_file")
    if channel.server:
        if channel.scheme not in ROBOTS:
            raise row.fault(f"'server' cannot be used with {channel.scheme}://", "server")
        _check_place(row, "server", channel.server, channel)
    # Costs 0.3 s, and most deployments that only have webhooks need none of it.
    from api.notify.chat import hosts_of, read_plugin

    def fault(message: str) -> ConfigError:
        return row.fault(message, _place_of(row, "url"))

    for host in hosts_of(channel, read_plugin(channel, fault)):
        _check_literal(row, "url", host, channel)
    if channel.scheme == "json" and not channel.allow_private:
        raise fault("json:// is for receivers of your own network; others need jsons://")


def _check_place(row: Row, key: str, url: str, channel: Channel) -> None:
    """Check an http address without showing it."""
    parts = _split(url)
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        raise row.fault(
            f"'{key}' must be an address that begins with https://", _place_of(row, key)
        )
    if parts.scheme == "http" and not channel.allow_private:
        raise row.fault(
            f"'{key}' must begin with https://: http:// is for receivers of your own network, "
            "with allow_private = true",
            _place_of(row, key),
        )
    _check_literal(row, key, parts.hostname, channel)


def _check_literal(row: Row, key: str, host: str, channel: Channel) -> None:
    reason = literal_refusal(host, allow_private=channel.allow_private)
    if reason:
        raise row.fault(f"'{key}': {reason}; allow_private = true allows it", _place_of(row, key))


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts


def _place_of(row: Row, key: str) -> str:
    return key if key in row.fields else f"{key}_env"


def _hidden(
    row: Row, key: str, environment: Mapping[str, str], *, needed: bool = True
) -> str | None:
    """Read what must not be shown: it stands in the file or in an environment variable."""
    env_key = f"{key}_env"
    if key in row.fields and env_key in row.fields:
        raise row.fault(f"give '{key}' or '{env_key}', not both", env_key)
    if key in row.fields:
        value = row.fields[key]
        if not isinstance(value, str) or not value.strip():
            raise row.fault(f"'{key}' must be a non-empty string", key)
        return value.strip()
    if env_key not in row.fields:
        if needed:
            raise row.fault(f"[channel] has no '{key}' and no '{env_key}'")
        return None
    variable = row.text(env_key)
    value = environment.get(variable, "").strip()
    if not value:
        raise row.fault(f"the environment variable {variable} is not set", env_key)
    return value


def _read_secrets(row: Row, environment: Mapping[str, str]) -> tuple[str, ...]:
    found = []
    for key in ("secret", "old_secret"):
        secret = _hidden(row, key, environment, needed=False)
        if secret is not None:
            _check_secret(row, key, secret)
            found.append(secret)
    return tuple(found)


def _check_secret(row: Row, key: str, secret: str) -> None:
    try:
        size = len(base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True))
    except (binascii.Error, ValueError):
        size = 0
    if not MIN_SECRET_BYTES <= size <= MAX_SECRET_BYTES:
        raise row.fault(
            f"'{key}' must be {MIN_SECRET_BYTES} to {MAX_SECRET_BYTES} random bytes in base64, "
            "with or without whsec_ before them: `openssl rand -base64 32` draws some",
            _place_of(row, key),
        )


def _some_of(row: Row, key: str, allowed: Collection[str]) -> frozenset[str]:
    if key not in row.fields:
        return frozenset(allowed)
    found = row.words(key, empty=False)
    for word in found:
        if word not in allowed:
            raise row.fault(f"unknown '{word}' in {key}: expected {', '.join(allowed)}", key)
    return frozenset(found)


def _read_quiet(row: Row, zone: str) -> QuietHours:
    texts = row.fields.get("quiet_hours", [])
    texts = [texts] if isinstance(texts, str) else texts
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise row.fault("'quiet_hours' must be a string or a list of strings", "quiet_hours")
    zone = row.text("zone", zone)
    try:
        return QuietHours.parse(texts, zone=zone)
    except (OSError, KeyError) as error:
        raise row.fault(f"unknown time zone '{zone}': use an IANA name", "zone") from error
    except ValueError as error:
        raise row.fault(str(error), "quiet_hours") from error


def _read_ca_file(row: Row) -> Path | None:
    if "ca_file" not in row.fields:
        return None
    path = Path(row.text("ca_file"))
    if not path.is_file():
        raise row.fault(f"there is no file {path}", "ca_file")
    return path


def _truth(row: Row, key: str) -> bool:
    value = row.fields.get(key, False)
    if not isinstance(value, bool):
        raise row.fault(f"'{key}' must be true or false, got {value!r}", key)
    return value


def _seconds(row: Row, key: str, default: float, *, most: float) -> float:
    value = row.fields.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= most:
        raise row.fault(f"'{key}' must be seconds, more than 0 and up to {most:g}", key)
    return float(value)


def _read_delivery(row: Row) -> tuple[Backoff, float]:
    row.expect((), _DELIVERY)
    usual = Backoff()
    n_tries = row.whole("tries", usual.n_tries, least=1)
    if n_tries > 100:
        raise row.fault(f"'tries' may be 100 at most, got {n_tries}", "tries")
    backoff = replace(
        usual,
        n_tries=n_tries,
        first_seconds=_seconds(row, "first_seconds", usual.first_seconds, most=3600.0),
        longest_seconds=_seconds(row, "longest_seconds", usual.longest_seconds, most=86_400.0),
    )
    return backoff, _seconds(row, "lease_seconds", 60.0, most=3600.0)
