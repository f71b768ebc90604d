"""What to do with a complaint: a plan of ordered steps, composed from layers."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import lru_cache, partial
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from triage.calendar import WorkCalendar
from triage.deadlines import SHANGHAI
from triage.errors import ConfigError
from triage.flags import FLAGS
from triage.tables import Row, Table
from triage.taxonomy import Taxonomy

MOVES = ("settle", "ask", "act", "escalate", "exchange")
STAGES = (
    "communication",
    "receipt",
    "tracking",
    "acknowledgement",
    "assessment",
    "investigation",
    "response",
    "decision",
    "closing",
)
ROLES = ("一线", "班长", "主管", "跨部门", "法务", "安全")
CHANNELS = ("phone", "chat", "letter", "visit")
STYLES = ("decisive", "deliberate", "silent", "talkative")
MAX_STEPS = 9
_MAX_COMPOSED = 4096
_HEADERS = ("slot", "pace", "hurry", "step", "addition")
_PERIOD = re.compile(r"(\d{1,3})(m|h)|(\d{1,2})wd@([01]\d|2[0-3]):([0-5]\d)")
_SOURCE = re.compile(r"(?:S[0-4]|ISO 10002 \d+(?:\.\d+)*|\S.*\d)(?:; |$)")
# What makes one step more particular than another: a flag, then an urgency, then the rest.
_PARTICULAR = {"flag": 8, "urgency": 4, "motive": 2, "category": 2, "channel": 1}


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a plan.

    Parameters
    ----------
    order : int
        Its place, from 1.
    stage : str
        Stage of ISO 10002.
    move : str
        settle, ask, act, escalate or exchange.
    action : str
        What to do.
    say, avoid : str
        A sentence to say, and one not to say.
    role : str
        Who does it.
    due_at : datetime
        By when, in the zone of the receipt.
    source : str
        Where it comes from.
    id : str
        The row of the playbook.
    """

    order: int
    stage: str
    move: str
    action: str
    say: str
    avoid: str
    role: str
    due_at: datetime
    source: str
    id: str


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong in a playbook file.

    Parameters
    ----------
    line : int
        Where, from 1.
    message : str
        What was got and what is allowed.
    """

    line: int
    message: str


class WorkingDays:
    """The working days after one day, each looked up once.

    Parameters
    ----------
    calendar : WorkCalendar
        Which days are worked.
    start : date
        The day from which they count; it need not be one of them.
    """

    def __init__(self, calendar: WorkCalendar, start: date) -> None:
        self._calendar = calendar
        self._days = [start]

    def after(self, n: int) -> date:
        """Give the n-th working day after the start.

        Parameters
        ----------
        n : int
            How many; 0 gives the start.

        Returns
        -------
        date
            That day.

        Examples
        --------
        >>> WorkingDays(WorkCalendar(), date(2026, 9, 30)).after(2)
        datetime.date(2026, 10, 9)
        """
        while len(self._days) <= n:
            self._days.append(self._calendar.add_working_days(self._days[-1], 1))
        return self._days[n]


@dataclass(frozen=True, slots=True)
class Period:
    """A time after receipt: some minutes, or a clock time on a later working day.

    Parameters
    ----------
    minutes : int
        Minutes after receipt; 0 for a working day.
    working_days : int, default=0
        Working days after the day of receipt.
    at : time, default=time(0)
        Clock time on that day.
    """

    minutes: int
    working_days: int = 0
    at: time = time(0)

    @classmethod
    def parse(cls, text: str) -> Period:
        """Read a period.

        Parameters
        ----------
        text : str
            Such as ``5m``, ``4h`` or ``3wd@17:00``.

        Returns
        -------
        Period
            The period.

        Raises
        ------
        ValueError
            If it is written otherwise.

        Examples
        --------
        >>> Period.parse("4h").minutes
        240
        """
        match = _PERIOD.fullmatch(text)
        if match is None:
            raise ValueError(f"cannot read '{text}': expected such as 5m, 4h or 3wd@17:00")
        if match[1]:
            return cls(int(match[1]) * (60 if match[2] == "h" else 1))
        return cls(0, int(match[3]), time(int(match[4]), int(match[5])))

    @property
    def weight(self) -> tuple[int, int, time]:
        """Give a key that grows with the time it stands for; hours up to 48 come before days."""
        return (self.working_days, self.minutes, self.at)

    def after(self, received_at: datetime, days: WorkingDays) -> datetime:
        """Give the moment that lies this long after receipt.

        Parameters
        ----------
        received_at : datetime
            Receipt.
        days : WorkingDays
            Those after the day of receipt.

        Returns
        -------
        datetime
            In the zone of `received_at`.

        Examples
        --------
        >>> days = WorkingDays(WorkCalendar(), date(2026, 9, 30))
        >>> Period.parse("2wd@12:00").after(datetime(2026, 9, 30, 9), days).isoformat()
        '2026-10-09T12:00:00'
        """
        if not self.working_days:
            return received_at + timedelta(minutes=self.minutes)
        return datetime.combine(days.after(self.working_days), self.at, received_at.tzinfo)


@dataclass(frozen=True, slots=True)
class _Slot:
    id: str
    flag: str | None
    after: tuple[str, ...]
    stage: str
    move: str
    weight: int


@dataclass(frozen=True, slots=True)
class _Row:
    id: str
    slot: str
    conditions: Mapping[str, frozenset[str]]
    action: str
    say: str
    avoid: str
    role: str
    source: str

    @property
    def particular(self) -> int:
        return sum(_PARTICULAR[key] for key in self.conditions)


@dataclass(frozen=True, slots=True)
class _Addition:
    key: str
    value: str
    slot: str
    text: str
    source: str


class _Composed(NamedTuple):
    """A step before it is known when the complaint was received."""

    order: int
    stage: str
    move: str
    action: str
    say: str
    avoid: str
    role: str
    source: str
    id: str
    period: Period

    def due_at(self, moment: datetime) -> Step:
        return Step(
            self.order,
            self.stage,
            self.move,
            self.action,
            self.say,
            self.avoid,
            self.role,
            moment,
            self.source,
            self.id,
        )


@dataclass(slots=True)
class _Draft:
    """What was read so far, and what was found wrong in it."""

    slots: list[_Slot] = field(default_factory=list)
    rows: list[_Row] = field(default_factory=list)
    additions: list[_Addition] = field(default_factory=list)
    paces: dict[str, dict[str, Period]] = field(default_factory=dict)
    otherwise: str = ""
    hurry: dict[str, str] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)


class Playbook:
    """The layers of a playbook file, composed to a plan for each complaint.

    Made by `from_file`.
    """

    def __init__(self, draft: _Draft) -> None:
        self._slots = tuple(draft.slots)
        self._paces = dict(draft.paces)
        self._otherwise = draft.otherwise
        self._hurry = dict(draft.hurry)
        self._rows: dict[str, list[_Row]] = {slot.id: [] for slot in self._slots}
        for row in sorted(draft.rows, key=lambda row: -row.particular):
            self._rows[row.slot].append(row)
        self._additions = {(a.slot, a.key, a.value): a for a in draft.additions}
        # Complaints of the same labels share all of the plan but the times due.
        self._composed = lru_cache(maxsize=_MAX_COMPOSED)(self._compose)

    @classmethod
    def from_file(
        cls, path: str | Path | None = None, *, taxonomy: Taxonomy | None = None
    ) -> Playbook:
        """Load a playbook.

        Parameters
        ----------
        path : str, Path or None, default=None
            A TOML file; None for the one that comes with the package.
        taxonomy : Taxonomy or None, default=None
            The labels that its conditions may name; None for the default ones.

        Returns
        -------
        Playbook
            Ready to make plans.

        Raises
        ------
        ConfigError
            If the file has a fault; the message has file, line and what is allowed.

        Examples
        --------
        >>> Playbook.from_file().labels("channel")
        ('chat', 'letter', 'phone', 'visit')
        """
        table = Table.from_file(path, "playbook.toml")
        draft = _read(table, taxonomy)
        if draft.faults:
            first, *others = draft.faults
            more = f" (and {len(others)} more faults)" if others else ""
            raise ConfigError(f"{table.name}, line {first.line}: {first.message}{more}")
        return cls(draft)

    def labels(self, key: str) -> tuple[str, ...]:
        """Give the labels that the playbook has something particular for.

        Parameters
        ----------
        key : str
            category, motive, urgency, channel, flag or style.

        Returns
        -------
        tuple of str
            Sorted.

        Examples
        --------
        >>> Playbook.from_file().labels("style")
        ('decisive', 'deliberate', 'silent', 'talkative')
        """
        found = {a.value for a in self._additions.values() if a.key == key}
        for rows in self._rows.values():
            for row in rows:
                found |= row.conditions.get(key, frozenset())
        return tuple(sorted(found))

    def plan(
        self,
        category: str | None,
        motive: str | None,
        urgency: str | None,
        channel: str | None,
        flags: Collection[str],
        style: str | None,
        received_at: datetime,
        calendar: WorkCalendar | None = None,
    ) -> tuple[Step, ...]:
        """Make the plan for a complaint.

        A label that the playbook does not know falls back to the base flow.

        Parameters
        ----------
        category, motive, urgency : str or None
            Labels of the complaint.
        channel : str or None
            phone, chat, letter or visit.
        flags : collection of str
            Its flags.
        style : str or None
            How the customer behaves: decisive, deliberate, silent or talkative.
        received_at : datetime
            When it was received; without offset it is read in Asia/Shanghai.
        calendar : WorkCalendar or None, default=None
            Working days; None for those of mainland China.

        Returns
        -------
        tuple of Step
            5 to 9 steps, each due later than the one before.

        Examples
        --------
        >>> plan = Playbook.from_file().plan(
        ...     "refund", "compensation", "normal", "phone", ["repeat"], None,
        ...     datetime(2026, 6, 1, 10),
        ... )
        >>> [step.move for step in plan]
        ['settle', 'ask', 'ask', 'escalate', 'act', 'act', 'act', 'exchange']
        >>> plan[0].due_at.isoformat()
        '2026-06-01T11:00:00+08:00'
        """
        received = received_at if received_at.tzinfo else received_at.replace(tzinfo=SHANGHAI)
        days = WorkingDays(calendar or WorkCalendar(), received.date())
        steps = self._composed(category, motive, urgency, channel, frozenset(flags), style)
        return tuple(step.due_at(step.period.after(received, days)) for step in steps)

    def _compose(
        self,
        category: str | None,
        motive: str | None,
        urgency: str | None,
        channel: str | None,
        flags: frozenset[str],
        style: str | None,
    ) -> tuple[_Composed, ...]:
        """Compose the steps, each with its period instead of the time due."""
        pace = self._pace(urgency, flags)
        case: dict[str, Collection[str | None]] = {
            "category": {category},
            "motive": {motive},
            "urgency": {urgency},
            "channel": {channel},
            "flag": flags,
        }
        slots = [slot for slot in self._slots if slot.flag is None or slot.flag in flags]
        while len(slots) > MAX_STEPS:
            slots.remove(min(slots, key=lambda slot: slot.weight))
        additions = (("channel", channel), ("category", category), ("style", style))
        return tuple(
            self._step(order, slot, case, additions, pace[slot.id])
            for order, slot in enumerate(slots, start=1)
        )

    def _pace(self, urgency: str | None, flags: Collection[str]) -> Mapping[str, Period]:
        for flag, hurried in self._hurry.items():
            if flag in flags:
                return self._paces[hurried]
        return self._paces.get(urgency or "", self._paces[self._otherwise])

    def _step(
        self,
        order: int,
        slot: _Slot,
        case: Mapping[str, Collection[str | None]],
        additions: Sequence[tuple[str, str | None]],
        period: Period,
    ) -> _Composed:
        row = next(
            row
            for row in self._rows[slot.id]
            if all(not allowed.isdisjoint(case[key]) for key, allowed in row.conditions.items())
        )
        action, source = row.action, row.source
        # What a flag puts first is not the place for manners and remedies.
        for key, value in () if "flag" in row.conditions else additions:
            addition = self._additions.get((slot.id, key, value or ""))
            if addition is not None:
                action = f"{action}；{addition.text}"
                source = _join_sources(source, addition.source)
        return _Composed(
            order,
            slot.stage,
            slot.move,
            action,
            row.say,
            row.avoid,
            row.role,
            source,
            row.id,
            period,
        )


def check_playbook(path: str | Path, *, taxonomy: Taxonomy | None = None) -> list[Fault]:
    """Find everything wrong in a playbook file.

    Parameters
    ----------
    path : str or Path
        The file.
    taxonomy : Taxonomy or None, default=None
        The labels that its conditions may name; None for the default ones.

    Returns
    -------
    list of Fault
        By line; empty for a file that loads.

    Raises
    ------
    ConfigError
        If the file cannot be read at all.
    """
    return _read(Table.from_file(path, "playbook.toml"), taxonomy).faults


def _join_sources(*sources: str) -> str:
    return "; ".join(dict.fromkeys(part for source in sources for part in source.split("; ")))


def _read(table: Table, taxonomy: Taxonomy | None) -> _Draft:
    draft = _Draft()
    tasks = (taxonomy or Taxonomy.from_file()).tasks
    labels: dict[str, tuple[str, ...]] = {task.id: task.label_ids for task in tasks}
    labels |= {"flag": FLAGS, "channel": CHANNELS, "style": STYLES}
    readers: dict[str, Callable[[Row, _Draft, Mapping[str, tuple[str, ...]]], None]] = {
        "slot": _read_slot,
        "step": _read_step,
        "addition": _read_addition,
        "pace": _read_pace,
        "hurry": _read_hurry,
    }
    _note(draft, table, lambda: table.expect(_HEADERS))
    for header, reader in readers.items():
        for row in table.rows(header):
            _note(draft, table, partial(reader, row, draft, labels))
    if not draft.faults:
        draft.faults.extend(_check_whole(table, draft))
    draft.faults.sort(key=lambda fault: fault.line)
    return draft


def _note(draft: _Draft, table: Table, read: Callable[[], None]) -> None:
    """Keep the fault that reading stopped at, so that the next row is read all the same."""
    try:
        read()
    except ConfigError as error:
        _, _, place = str(error).partition(f"{table.name}, line ")
        line, _, message = place.partition(": ")
        draft.faults.append(Fault(int(line), message))


def _read_slot(row: Row, draft: _Draft, labels: Mapping[str, tuple[str, ...]]) -> None:
    row.expect(("id", "stage", "move", "weight"), ("flag", "after"))
    slot = _Slot(
        id=row.text("id"),
        flag=row.choice("flag", labels["flag"]) if "flag" in row.fields else None,
        after=row.words("after"),
        stage=row.choice("stage", STAGES),
        move=row.choice("move", MOVES),
        weight=row.whole("weight"),
    )
    if any(slot.id == other.id for other in draft.slots):
        raise row.fault(f"the id '{slot.id}' is taken", "id")
    draft.slots.append(slot)


def _known_slot(row: Row, draft: _Draft) -> str:
    return row.choice("slot", [slot.id for slot in draft.slots])


def _read_step(row: Row, draft: _Draft, labels: Mapping[str, tuple[str, ...]]) -> None:
    row.expect(("id", "slot", "action", "say", "avoid", "role", "source"), tuple(_PARTICULAR))
    conditions: dict[str, frozenset[str]] = {}
    for key in _PARTICULAR.keys() & row.fields.keys():
        wanted = (row.text(key),) if key == "flag" else row.words(key, empty=False)
        for label in wanted:
            _check_label(row, key, label, labels)
        conditions[key] = frozenset(wanted)
    step = _Row(
        id=row.text("id"),
        slot=_known_slot(row, draft),
        conditions=conditions,
        action=row.text("action"),
        say=row.text("say"),
        avoid=row.text("avoid"),
        role=row.choice("role", ROLES),
        source=_read_source(row),
    )
    for other in draft.rows:
        if other.id == step.id:
            raise row.fault(f"the id '{step.id}' is taken", "id")
        if (other.slot, other.conditions) == (step.slot, step.conditions):
            raise row.fault(f"says when to apply as '{other.id}' does: only one can be taken")
        if other.say == step.say:
            raise row.fault(f"'say' repeats that of '{other.id}'", "say")
    draft.rows.append(step)


def _check_label(row: Row, key: str, label: str, labels: Mapping[str, tuple[str, ...]]) -> None:
    allowed = labels.get(key, ())
    if label not in allowed:
        raise row.fault(f"unknown {key} '{label}': expected one of {', '.join(allowed)}", key)


def _read_source(row: Row) -> str:
    source = row.text("source")
    for part in source.split("; "):
        if not _SOURCE.fullmatch(part):
            raise row.fault(
                f"cannot read the source '{part}': expected S0 to S4, ISO 10002 with its clause, "
                "or a regulation with its article, parted by '; '",
                "source",
            )
    return source


def _read_addition(row: Row, draft: _Draft, labels: Mapping[str, tuple[str, ...]]) -> None:
    row.expect(("slot", "text", "source"), ("channel", "style", "category"))
    keys = [key for key in ("channel", "style", "category") if key in row.fields]
    if len(keys) != 1:
        raise row.fault("an addition needs exactly one of channel, style, category")
    key = keys[0]
    value = row.text(key)
    _check_label(row, key, value, labels)
    slot = _known_slot(row, draft)
    draft.additions.append(_Addition(key, value, slot, row.text("text"), _read_source(row)))


def _read_pace(row: Row, draft: _Draft, labels: Mapping[str, tuple[str, ...]]) -> None:
    slots = [slot.id for slot in draft.slots]
    row.expect(("urgency", *slots), ("otherwise",))
    urgency = row.text("urgency")
    _check_label(row, "urgency", urgency, labels)
    pace: dict[str, Period] = {}
    for slot in slots:
        try:
            pace[slot] = Period.parse(row.text(slot))
        except ValueError as error:
            raise row.fault(str(error), slot) from error
    draft.paces[urgency] = pace
    if row.fields.get("otherwise"):
        draft.otherwise = urgency


def _read_hurry(row: Row, draft: _Draft, labels: Mapping[str, tuple[str, ...]]) -> None:
    row.expect(("flag", "urgency"))
    flag = row.choice("flag", labels["flag"])
    draft.hurry[flag] = row.choice("urgency", tuple(draft.paces))


def _check_whole(table: Table, draft: _Draft) -> Iterator[Fault]:
    """Find what no single row shows: cycles, holes, times that run backwards."""
    known = {slot.id for slot in draft.slots}
    for number, slot in enumerate(draft.slots):
        for other in slot.after:
            if other not in known:
                line = table.line_of("slot", number, "after")
                allowed = ", ".join(sorted(known))
                yield Fault(line, f"unknown slot '{other}' in 'after': expected one of {allowed}")
                return
    if cycle := _sort_slots(draft):
        line = table.line_of("slot", _place(draft, cycle[0]), "after")
        yield Fault(line, f"the slots {', '.join(cycle)} wait for each other in a cycle")
        return
    for number, slot in enumerate(draft.slots):
        wanted = {"flag": {slot.flag}} if slot.flag else {}
        rows = [row for row in draft.rows if row.slot == slot.id]
        if not any(row.conditions == wanted for row in rows):
            kind = f"the flag '{slot.flag}' alone" if slot.flag else "no condition"
            yield Fault(table.line_of("slot", number), f"slot '{slot.id}' has no step with {kind}")
    if not draft.otherwise:
        yield Fault(table.line_of("pace"), "one [[pace]] must have 'otherwise = true'")
    for number, (urgency, pace) in enumerate(draft.paces.items()):
        for before, after in pairwise(draft.slots):
            if pace[before.id].weight >= pace[after.id].weight:
                yield Fault(
                    table.line_of("pace", number, after.id),
                    f"'{after.id}' of urgency '{urgency}' must be due later than '{before.id}'",
                )


def _place(draft: _Draft, slot_id: str) -> int:
    return [slot.id for slot in draft.slots].index(slot_id)


def _sort_slots(draft: _Draft) -> list[str]:
    """Put the slots in order of `after`, in place; give those of a cycle, if there is one."""
    waiting = {slot.id: set(slot.after) for slot in draft.slots}
    by_id = {slot.id: slot for slot in draft.slots}
    ordered: list[_Slot] = []
    while waiting:
        free = next((slot for slot, after in waiting.items() if not after), None)
        if free is None:
            return sorted(waiting)
        ordered.append(by_id[free])
        del waiting[free]
        for after in waiting.values():
            after.discard(free)
    draft.slots = ordered
    return []
