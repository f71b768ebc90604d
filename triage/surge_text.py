"""What people read of an alert: message, measures and the draft of a notice, from a data file."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any

from triage.alerts import Alert
from triage.surge import CHINA

_FILE = Path(__file__).with_name("surge_messages.toml")
_RARE_WEEKS = 520.0
_LEAST_SHOWN = 0.1


@dataclass(frozen=True, slots=True)
class SurgeText:
    """Texts about alerts in the words of a data file.

    Parameters
    ----------
    table : mapping
        As in ``surge_messages.toml``.
    zone : tzinfo, default=UTC+8
        For dates.
    """

    table: Mapping[str, Any]
    zone: tzinfo = CHINA

    @classmethod
    def from_file(cls, path: Path = _FILE, *, zone: tzinfo = CHINA) -> SurgeText:
        """Read the wording, the product's own by default."""
        with path.open("rb") as file:
            return cls(tomllib.load(file), zone)

    def level_name(self, alert: Alert) -> str:
        """Name the level: 关注, 预警 or 严重."""
        return str(self.table["levels"][alert.level])

    def message(self, alert: Alert) -> str:
        """Say in one or two sentences what happens, since when, and how unusual it is.

        Parameters
        ----------
        alert : Alert
            Of a topic or a cell.

        Returns
        -------
        str
            Without any complaint's text.
        """
        words = self.table["message"]
        text = (
            words[alert.kind]
            .format(
                since=datetime.fromtimestamp(alert.since, self.zone).strftime("%m月%d日"),
                customers=alert.n_customers,
                observed=alert.observed,
                expected=_amount(alert.expected, words),
                terms="、".join(alert.terms[:4]),
                name=_cell_name(alert.key) or words["everything"],
                group=self.table["groups"][alert.group],
                rarity=self._rarity(alert),
            )
            .replace("()", "")
        )
        return str(text + words["short_history"] if alert.short_history else text)

    def measures(self, alert: Alert) -> tuple[str, ...]:
        """Suggest what to do, by whether one customer, one unit or many are concerned."""
        return tuple(self.table["measures"][alert.group])

    def notice(self, alert: Alert) -> str:
        """Draft a notice to publish before more customers have to ask."""
        subject = "、".join(alert.terms[:2]) if alert.kind == "topic" else _cell_name(alert.key)
        draft = self.table["notice"]["draft"]
        return str(draft.format(subject=subject or self.table["message"]["everything"]))

    def _rarity(self, alert: Alert) -> str:
        """Say once in how many weeks a quiet stream shows the like."""
        words = self.table["message"]
        if alert.weeks_between > _RARE_WEEKS:
            return str(words["rare"])
        return str(words["rarity"].format(weeks=max(round(alert.weeks_between), 1)))


def _amount(expected: float, words: Mapping[str, str]) -> str:
    """Write how many were expected, to one place."""
    return words["about" if expected >= _LEAST_SHOWN else "hardly_any"].format(expected=expected)


def _cell_name(key: str) -> str:
    """Show a cell by its values."""
    return "·".join(part.partition("=")[2] for part in key.split("&")) if key else ""
