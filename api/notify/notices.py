"""Notices: what happened to a surge, as it stands in the outbox."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from triage.alerts import LEVELS

EVENTS = ("opened", "escalated", "closed", "acknowledged", "resolved", "false_alarm")
ROUSING = frozenset({"opened", "escalated"})
"""Events that may wake somebody; that a surge is over can wait for the morning."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One entry of the outbox.

    Parameters
    ----------
    id : str
        Stays the same on every try and redelivery, so that a receiver can tell repeats.
    event : str
        One of `EVENTS`.
    at : datetime
        When it happened.
    payload : mapping
        Plain values about the surge, without any complaint's text.
    """

    id: str
    event: str
    at: datetime
    payload: Mapping[str, Any]

    @classmethod
    def from_row(cls, row: Any) -> Self:  # noqa: ANN401
        """Make it of a row of the table."""
        return cls(row.id, row.event, row.at, json.loads(row.payload))

    @property
    def level(self) -> str:
        """attention, warning or severe; the lowest where the entry names none."""
        return str(self.payload.get("level") or LEVELS[0])

    @property
    def rouses(self) -> bool:
        """Whether it may break through quiet hours: news of a severe surge."""
        return self.level == LEVELS[-1] and self.event in ROUSING

    def named(self, field: str) -> frozenset[str]:
        """Give the values that the surge is narrowed to in a field; none where it is general.

        Examples
        --------
        >>> at = datetime.fromisoformat("2026-03-01T08:00:00+08:00")
        >>> Notice("msg_1", "opened", at, {"region": "岳麓区"}).named("region")
        frozenset({'岳麓区'})
        """
        value = self.payload.get(field)
        values = value if isinstance(value, list) else [value]
        return frozenset(str(one) for one in values if one)
