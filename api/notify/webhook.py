"""Webhooks after the Standard Webhooks specification: signed, each notice with its own id."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime

from standardwebhooks import Webhook

from api.notify.addresses import Resolve, resolve
from api.notify.channels import Channel
from api.notify.notices import Notice
from api.notify.posting import Poster


def send_webhook(channel: Channel, notice: Notice, *, resolve: Resolve = resolve) -> None:
    """Post one notice.

    Raises
    ------
    DeliveryError
        If the receiver did not take it.
    """
    body = webhook_body(notice)
    poster = Poster(channel.timeout_seconds, channel.allow_private, channel.ca_file, resolve)
    headers = webhook_headers(channel.secrets, notice.id, body, datetime.now(UTC))
    poster.post(channel.url, body.encode(), headers)


def webhook_body(notice: Notice) -> str:
    """Write the body: the same on every try.

    Examples
    --------
    >>> at = datetime.fromisoformat("2026-03-01T08:00:00+08:00")
    >>> webhook_body(Notice("msg_1", "opened", at, {"surge_id": "s1"}))
    '{"type":"surge.opened","timestamp":"2026-03-01T00:00:00+00:00","data":{"surge_id":"s1"}}'
    """
    values = {
        "type": f"surge.{notice.event}",
        "timestamp": notice.at.astimezone(UTC).isoformat(),
        "data": notice.payload,
    }
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"))


def webhook_headers(
    secrets: Sequence[str], notice_id: str, body: str, moment: datetime
) -> dict[str, str]:
    """Sign a body with every secret, so that a receiver may change from an old one to a new one.

    Parameters
    ----------
    moment : datetime
        When it is sent, not when it happened: receivers refuse what is older than minutes.
    """
    # The library puts UTC in the place of the moment's own zone, so it must have it already.
    moment = moment.astimezone(UTC)
    return {
        "Content-Type": "application/json",
        "webhook-id": notice_id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": " ".join(
            Webhook(secret).sign(notice_id, moment, body) for secret in secrets
        ),
    }
