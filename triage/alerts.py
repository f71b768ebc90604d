"""The life of an alert: opened by the machine, dealt with by people, every step kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from triage.errors import AlertStateError

State = Literal["watch", "alert", "acknowledged", "snoozed", "resolved", "false_alarm"]
Level = Literal["attention", "warning", "severe"]
Kind = Literal["topic", "cell"]
Group = Literal["one_customer", "one_unit", "one_product", "everywhere"]

LEVELS: tuple[Level, ...] = ("attention", "warning", "severe")
OPEN_STATES = frozenset({"watch", "alert", "acknowledged", "snoozed"})

_MAY_FOLLOW: Mapping[str, frozenset[str]] = {
    "watch": frozenset({"alert", "acknowledged", "snoozed", "resolved", "false_alarm"}),
    "alert": frozenset({"acknowledged", "snoozed", "resolved", "false_alarm"}),
    "acknowledged": frozenset({"snoozed", "resolved", "false_alarm"}),
    "snoozed": frozenset({"alert", "acknowledged", "resolved", "false_alarm"}),
    "resolved": frozenset({"alert", "false_alarm"}),
    "false_alarm": frozenset(),
}
"""Which states may follow which; whatever is missing here is refused."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step in an alert's life: when (seconds since the epoch), what, by whom and why."""

    at: float
    state: str
    by: str
    why: str


@dataclass(slots=True)
class Alert:
    """One surge and what was done about it.

    Attributes
    ----------
    surge_id : str
        Stable; the same stream gives the same ids again.
    kind : str
        ``topic`` for similar complaints, ``cell`` for a field's value or everything.
    key : str
        The topic's number, or the cell as ``field=value``; empty for everything.
    level, state, group
        See the types of this module.
    observed, n_customers : int
        Complaints and different customers since `since`.
    expected, expected_low, expected_high : float
        What the same time brings when nothing happens, with a 95 % interval.
    p_value : float
        Chance of the count that opened the alert, corrected for all tests of the moment.
    weeks_between : float
        A quiet stream shows the like once in so many weeks.
    members, members_at_open : list of str
        Ids of the complaints that count, in order of arrival.
    """

    surge_id: str
    kind: Kind
    key: str
    opened_at: float
    since: float
    level: Level
    state: State
    group: Group
    observed: int
    expected: float
    expected_low: float
    expected_high: float
    p_value: float
    weeks_between: float
    n_customers: int
    last_at: float
    short_history: bool = False
    terms: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    representatives: tuple[str, ...] = ()
    members: list[str] = field(default_factory=list)
    members_at_open: list[str] = field(default_factory=list)
    observed_at_open: int = 0
    owner: str | None = None
    snoozed_until: float | None = None
    confirmed: bool = False
    steps: list[Step] = field(default_factory=list)

    @property
    def is_open(self) -> bool:
        """Whether somebody may still have to act."""
        return self.state in OPEN_STATES

    def move(self, state: State, *, at: float, by: str, why: str) -> None:
        """Change the state and keep the step.

        Raises
        ------
        AlertStateError
            If the state may not follow the present one.
        """
        if state not in _MAY_FOLLOW[self.state]:
            allowed = ", ".join(sorted(_MAY_FOLLOW[self.state])) or "nothing"
            raise AlertStateError(
                f"surge {self.surge_id} is {self.state}: {state} cannot follow, only {allowed}"
            )
        self.state = state
        self.steps.append(Step(at, state, by, why))

    def acknowledge(self, *, at: float, by: str, why: str = "") -> None:
        """Confirm that the surge is real; its period is not learnt from."""
        self.move("acknowledged", at=at, by=by, why=why)
        self.confirmed = True

    def assign(self, owner: str, *, at: float, by: str, why: str = "") -> None:
        """Give the surge an owner; the state stays."""
        self.owner = owner
        self.steps.append(Step(at, f"assigned:{owner}", by, why))

    def snooze(self, until: float, *, at: float, by: str, why: str = "") -> None:
        """Keep quiet about the surge until a time, unless it doubles."""
        self.move("snoozed", at=at, by=by, why=why)
        self.snoozed_until = until

    def resolve(self, *, at: float, by: str, why: str = "") -> None:
        """Close the surge as dealt with or over."""
        self.move("resolved", at=at, by=by, why=why)

    def reject(self, *, at: float, by: str, why: str = "") -> None:
        """Close the surge as a false alarm; the like must be stronger to alert again."""
        self.move("false_alarm", at=at, by=by, why=why)

    def escalate(self, *, at: float) -> bool:
        """Raise the level when the count has doubled, and doubled again; never lower it."""
        start = max(self.observed_at_open, 1)
        rank = min(sum(self.observed >= start * 2**n for n in (1, 2)), 2)
        if rank <= LEVELS.index(self.level):
            return False
        self.level = LEVELS[rank]
        self.steps.append(Step(at, f"level:{self.level}", "machine", "doubled"))
        if self.state == "snoozed":
            self.move("alert", at=at, by="machine", why="doubled")
        return True

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Alert:
        """Undo `to_json`."""
        plain = dict(values)
        for name in ("terms", "fields", "representatives"):
            plain[name] = tuple(plain[name])
        plain["steps"] = [Step(**step) for step in plain["steps"]]
        return cls(**plain)


@dataclass(frozen=True, slots=True)
class AlertEvent:
    """What just happened to an alert: ``opened``, ``escalated``, ``reopened`` or ``closed``."""

    what: Literal["opened", "escalated", "reopened", "closed"]
    alert: Alert
