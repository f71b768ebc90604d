"""Channels: who is told about which surges, and how."""

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from api.notify.notices import EVENTS, Notice
from api.notify.quiet_hours import QuietHours
from triage.alerts import LEVELS

KINDS = ("webhook", "apprise")
CHAT_SCHEMES = ("dingtalk", "feishu", "lark", "wecombot", "mailto", "mailtos", "json", "jsons")
"""The services of apprise whose hosts are known, so that their addresses can be checked."""
ROBOTS = ("dingtalk", "feishu", "lark", "wecombot")
WHEN_QUIET = ("hold", "digest")


@dataclass(frozen=True, slots=True)
class Channel:
    """One receiver of notices.

    Parameters
    ----------
    name : str
        How lists, logs and metrics call it.
    kind : str
        ``webhook`` for programs, ``apprise`` for chat robots and e-mail.
    url : str
        Where it is; holds tokens, so it is never shown.
    secrets : tuple of str
        Keys of the signature, the present one first; of webhooks only.
    events, levels : frozenset of str
        What it is told about.
    categories, regions : frozenset of str
        What it is told about; empty for all.
    quiet : QuietHours
        When it is left alone, except by a severe surge where `severe_breaks_quiet`.
    when_quiet : str
        ``hold`` sends each notice afterwards, ``digest`` all of them as one message.
    allow_private : bool
        Whether it may have an address that the internet does not know.
    timeout_seconds : float
        Longest time that one try may take.
    ca_file : Path or None
        Authorities that the receiver's certificate may come from; None for the usual ones.
    server : str or None
        Address of a robot's platform that the deployment runs itself; None for the public one.
    """

    name: str
    kind: str
    url: str = field(repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    events: frozenset[str] = frozenset(EVENTS)
    levels: frozenset[str] = frozenset(LEVELS)
    categories: frozenset[str] = frozenset()
    regions: frozenset[str] = frozenset()
    quiet: QuietHours = QuietHours()  # noqa: RUF009
    when_quiet: str = "hold"
    severe_breaks_quiet: bool = False
    allow_private: bool = False
    timeout_seconds: float = 10.0
    ca_file: Path | None = None
    server: str | None = None

    @property
    def scheme(self) -> str:
        """What the address begins with."""
        return urlsplit(self.url).scheme.lower()

    def wants(self, notice: Notice) -> bool:
        """Say whether a notice is to reach this channel.

        A channel that names regions or categories gets what is narrowed to one of them; a surge
        that is narrowed to none is for channels that name none.
        """
        return (
            notice.event in self.events
            and notice.level in self.levels
            and (not self.categories or bool(self.categories & notice.named("category")))
            and (not self.regions or bool(self.regions & notice.named("region")))
        )
