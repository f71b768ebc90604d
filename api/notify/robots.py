"""Chat robots of apprise that connect to checked addresses and believe no answer unread.

DingTalk, Feishu and WeCom answer a refused message (a missing keyword, a wrong signature, too many
a minute) with status 200 and a code in the body. apprise's own plugins take the status for success,
and the notice would be lost; these read the code. Addresses, tokens, signatures, limits and the
splitting of long messages are apprise's.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

from apprise import NotifyBase
from apprise.common import NotifyFormat, NotifyType
from apprise.plugins.dingtalk import NotifyDingTalk
from apprise.plugins.feishu import NotifyFeishu
from apprise.plugins.lark import NotifyLark
from apprise.plugins.wecombot import NotifyWeComBot

from api.errors import DeliveryError
from api.notify.posting import Poster

CODES = ("errcode", "code", "StatusCode")
"""Fields that hold 0 where a message was taken."""
MAX_WHY_CHARS = 80


class Robot(NotifyBase):
    """What the robots share: `poster` posts for it, `server` is a platform of one's own."""

    poster: Poster
    server: str | None = None

    @property
    def endpoint(self) -> str:
        """Where to post; holds the token."""
        raise NotImplementedError

    def message(self, text: str) -> Mapping[str, Any]:
        """Give the body of a plain message."""
        raise NotImplementedError

    @property
    def address(self) -> str:
        """Where to post, on the platform's server or one's own."""
        if self.server is None:
            return self.endpoint
        own, public = urlsplit(self.server), urlsplit(self.endpoint)
        return public._replace(scheme=own.scheme, netloc=own.netloc).geturl()

    def send(
        self,
        body: str,
        title: str = "",
        notify_type: NotifyType = NotifyType.INFO,
        body_format: NotifyFormat | None = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> bool:
        """Post a message.

        Raises
        ------
        DeliveryError
            If it was not taken.
        """
        text = (f"{title}\n{body}" if title else body).replace("\r\n", "\n")
        content = json.dumps(self.message(text), ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json; charset=utf-8"}
        answer = self.poster.post(self.address, content, headers, is_answer_read=True)
        _raise_unless_taken(urlsplit(self.address).hostname or "", answer)
        return True


class DingTalk(Robot, NotifyDingTalk):
    """DingTalk's group robot, with its signature."""

    @property
    def endpoint(self) -> str:
        """Where to post, signed for this minute."""
        address = str(self.notify_url.format(token=self.token))
        if not self.secret:
            return address
        timestamp, signature = self.get_signature()  # type: ignore[no-untyped-call]
        # apprise's signature is quoted already, and quotes it again as it posts: DingTalk
        # decodes once.
        return f"{address}&{urlencode({'timestamp': timestamp})}&sign={signature}"

    def message(self, text: str) -> Mapping[str, Any]:
        """Give the body, with the people to be called by their phone numbers."""
        at = {"atMobiles": self.targets, "isAtAll": False}
        return {"msgtype": "text", "at": at, "text": {"content": text}}


class Feishu(Robot, NotifyFeishu):
    """Feishu's group robot."""

    @property
    def endpoint(self) -> str:
        """Where to post."""
        return str(self.notify_url.format(token=self.token)).rstrip("/")

    def message(self, text: str) -> Mapping[str, Any]:
        """Give the body."""
        return {"msg_type": "text", "content": {"text": text}}


class Lark(Robot, NotifyLark):
    """The group robot of Feishu outside China."""

    @property
    def endpoint(self) -> str:
        """Where to post."""
        return str(self.webhook_url)

    def message(self, text: str) -> Mapping[str, Any]:
        """Give the body."""
        return {"msg_type": "text", "content": {"text": text}}


class WeCom(Robot, NotifyWeComBot):
    """WeCom's group robot."""

    @property
    def endpoint(self) -> str:
        """Where to post."""
        return str(self.api_url)

    def message(self, text: str) -> Mapping[str, Any]:
        """Give the body."""
        return {"msgtype": "text", "text": {"content": text}}


ROBOTS: Mapping[str, Callable[..., Robot]] = {
    "dingtalk": DingTalk,
    "feishu": Feishu,
    "lark": Lark,
    "wecombot": WeCom,
}


def _raise_unless_taken(host: str, answer: bytes) -> None:
    """Read the code of an answer; one without a code is refused too."""
    try:
        values = json.loads(answer)
    except ValueError:
        values = None
    if not isinstance(values, dict):
        raise DeliveryError(f"{host} answered 200 and something that is no robot's answer")
    code = next((values[name] for name in CODES if name in values), None)
    if code != 0:
        why = str(values.get("errmsg") or values.get("msg") or "")[:MAX_WHY_CHARS]
        raise DeliveryError(f"{host} refused the message with code {code}: {why}")
