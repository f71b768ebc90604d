"""Sending notices over a channel of either kind."""

from collections.abc import Sequence
from dataclasses import dataclass

from api.notify.addresses import Resolve, resolve
from api.notify.channels import Channel
from api.notify.messages import MessageText
from api.notify.notices import Notice
from triage.alerts import LEVELS

MOST_IN_A_DIGEST = 30
MOST_IN_A_SHORT_DIGEST = 5
SHORT = ("wecombot",)
"""Services whose messages may have 2 KB only."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Sends, and raises `DeliveryError` where a receiver does not take it.

    Parameters
    ----------
    texts : MessageText
        The words of chats and e-mails.
    resolve : callable, optional
        Gives the addresses of a name.
    """

    texts: MessageText
    resolve: Resolve = resolve

    def send(self, channel: Channel, notices: Sequence[Notice]) -> None:
        """Send one notice, or several as one message.

        Raises
        ------
        DeliveryError
            If the receiver did not take it.
        """
        # Each costs a third of a second to import, and few deployments have both.
        if channel.kind == "webhook":
            from api.notify.webhook import send_webhook

            for notice in notices:
                send_webhook(channel, notice, resolve=self.resolve)
            return
        from api.notify.chat import send_chat

        send_chat(
            channel,
            self.texts.digest(notices),
            notice_ids=[notice.id for notice in notices],
            level=max((notice.level for notice in notices), key=LEVELS.index),
            resolve=self.resolve,
        )


def most_in_a_message(channel: Channel) -> int:
    """Give how many held notices one message may tell of."""
    return MOST_IN_A_SHORT_DIGEST if channel.scheme in SHORT else MOST_IN_A_DIGEST
