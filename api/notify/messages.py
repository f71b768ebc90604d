"""What people read in chats and e-mails, in the words of a data file."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib import resources
from typing import Any, Self
from zoneinfo import ZoneInfo

from api.notify.notices import Notice
from triage.taxonomy import Taxonomy

FEW = 0.1
SCOPE = ("category", "product", "region", "unit")


@dataclass(frozen=True, slots=True)
class Message:
    """A title of one line, and a text."""

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class MessageText:
    """Writes messages.

    Parameters
    ----------
    table : mapping
        As in ``notices.toml``.
    zone : str
        Of the times in it.
    categories : mapping of str to str
        Names of category ids; an id without one is shown as it is.
    """

    table: Mapping[str, Any]
    zone: str = "Asia/Shanghai"
    categories: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_file(cls, *, zone: str = "Asia/Shanghai") -> Self:
        """Read the packaged wording."""
        source = resources.files("api") / "notices.toml"
        labels = Taxonomy.from_file().task("category").labels
        names = {label.id: label.name for label in labels}
        return cls(tomllib.loads(source.read_text(encoding="utf-8")), zone, names)

    def single(self, notice: Notice) -> Message:
        """Write the message of one notice.

        Examples
        --------
        >>> at = datetime.fromisoformat("2026-03-01T08:00:00+08:00")
        >>> payload = {"level": "severe", "region": "岳麓区", "observed": 12, "expected": 1.5}
        >>> message = MessageText.from_file().single(Notice("msg_1", "opened", at, payload))
        >>> message.title
        '【投诉预警·严重】新预警：岳麓区'
        >>> print(message.text)
        范围：岳麓区
        通知编号：msg_1
        """
        words, values = self.table["message"], self._values(notice)
        lines = [line.format(**values) for line in words["lines"] if _is_known(line, values)]
        measures = notice.payload.get("measures") or ()
        if measures:
            lines += ["", words["measures"]]
            lines += [
                words["measure"].format(number=number, measure=measure)
                for number, measure in enumerate(measures, start=1)
            ]
            lines.append("")
        footer = [part.format(**values) for part in words["footer"] if _is_known(part, values)]
        lines.append(words["gap"].join(footer))
        return Message(words["title"].format(**values), "\n".join(lines))

    def digest(self, notices: Sequence[Notice]) -> Message:
        """Write one message for several notices; a single one gets its whole message."""
        if len(notices) == 1:
            return self.single(notices[0])
        words = self.table["digest"]
        lines = []
        for notice in sorted(notices, key=lambda notice: notice.at):
            values = self._values(notice)
            parts = [part.format(**values) for part in words["line"] if _is_known(part, values)]
            lines.append(words["gap"].join(parts))
        return Message(words["title"].format(count=len(notices)), "\n".join(lines))

    def sample(self) -> Mapping[str, Any]:
        """Give the payload of a test."""
        return dict(self.table["test"])

    def _values(self, notice: Notice) -> dict[str, Any]:
        payload, words = notice.payload, self.table["message"]
        between = words["between"]
        scope = [
            between.join(self.categories.get(value, value) for value in sorted(notice.named(name)))
            for name in SCOPE
            if notice.named(name)
        ]
        terms = list((payload.get("topic") or {}).get("terms") or ())
        since, expected = payload.get("since"), payload.get("expected")
        subject = payload.get("subject") or words["dot"].join([*terms[:3]] or scope)
        return {
            "event": self.table["events"].get(notice.event, notice.event),
            "level": self.table["levels"].get(notice.level, notice.level),
            "subject": subject or words["everything"],
            "message": payload.get("message"),
            "scope": words["dot"].join(scope) or None,
            "observed": payload.get("observed"),
            "expected": None if expected is None else self._expected(expected),
            "since": self._clock(datetime.fromisoformat(since)) if since else None,
            "at": self._clock(notice.at),
            "surge_id": payload.get("surge_id"),
            "notice_id": notice.id,
        }

    def _expected(self, count: float) -> str:
        words = self.table["message"]
        return str(words["few"] if count < FEW else words["expected"].format(count=count))

    def _clock(self, moment: datetime) -> str:
        return moment.astimezone(ZoneInfo(self.zone)).strftime(self.table["message"]["clock"])


def _is_known(line: str, values: Mapping[str, Any]) -> bool:
    """Say whether every value that a line needs is known."""
    return all(values[name] is not None for name in values if f"{{{name}}}" in line)
