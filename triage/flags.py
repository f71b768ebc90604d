"""Find the flags of a complaint: danger, threats, repeats, groups, people who need care."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from triage.cue_book import CueBook
from triage.cues import (
    Expression,
    Guard,
    Reading,
    Span,
    choose_guards,
    read_expressions,
    read_guards,
    read_lists,
)
from triage.tables import Row, Table
from triage.text import fold

FlagName = Literal[
    "escalation_threat",
    "safety_risk",
    "self_harm",
    "repeat",
    "group",
    "vulnerable_person",
    "cross_department",
    "unreasonable_demand",
]
FLAGS: tuple[str, ...] = get_args(FlagName)
LEVELS = ("critical", "high")
_NEAR_CHARS = 120
_BRIEF_CHARS = 45
"""A text no longer than this has room for the danger alone: it need not plead as well."""
_HEADERS = ("words", "guard", "idioms", "near", "rule")


@dataclass(frozen=True, slots=True)
class Flag:
    """A flag and the words that show it.

    Parameters
    ----------
    flag : str
        One of the eight flags.
    start, end : int
        The span ``[start, end)`` in code points of the text.
    rule : str
        Id of the rule in ``flags.toml``.
    raises : str or None
        The urgency that the rule speaks for, ``critical`` or ``high``; None if it has no say.
    """

    flag: str
    start: int
    end: int
    rule: str
    raises: str | None


@dataclass(frozen=True, slots=True)
class FlagRule:
    """What a rule looks for, what it overlooks, and the texts that prove both.

    Parameters
    ----------
    id : str
        Stable name, ``flag.what``.
    flag : str
        The flag that it sets.
    raises : str or None
        The urgency that it speaks for.
    past_raises : str or None
        The urgency that it speaks for where the find lies in the past.
    expressions : tuple of Expression
        Any of them is enough.
    exclusions : CueBook
        A find that overlaps one of these does not count.
    unless : tuple of str
        A find whose sentence holds one of these words does not count.
    near : CueBook or None
        A find counts only where one of these stands within 120 characters; None for no such need.
    guards : tuple of Guard
        A find that one of these applies to does not count.
    positive, negative : tuple of str
        Texts that the rule must find, and must not find, something in.
    acute : CueBook or None, default=None
        In a text that is not brief, a find speaks for no more than ``high`` where none of these
        stands within 120 characters.
    """

    id: str
    flag: str
    raises: str | None
    past_raises: str | None
    expressions: tuple[Expression, ...]
    exclusions: CueBook
    unless: tuple[str, ...]
    near: CueBook | None
    guards: tuple[Guard, ...]
    positive: tuple[str, ...]
    negative: tuple[str, ...]
    acute: CueBook | None = None

    def speaks_for(self, reading: Reading, span: Span, past: Guard | None) -> str | None:
        """Give the urgency that a find of this rule speaks for.

        Parameters
        ----------
        reading : Reading
            The text.
        span : Span
            The find.
        past : Guard or None
            Says whether the find lies in the past.

        Returns
        -------
        str or None
            ``critical``, ``high``, or None for no say.
        """
        if self.past_raises and past is not None and past.applies(reading, span):
            return self.past_raises
        is_long = len(reading.text) > _BRIEF_CHARS
        if self.acute is not None and is_long and not _is_beside(reading, span, self.acute):
            return "high"
        return self.raises

    def accepts(self, reading: Reading, span: Span) -> bool:
        """Say whether a find of this rule counts.

        Parameters
        ----------
        reading : Reading
            The text.
        span : Span
            The find.

        Returns
        -------
        bool
            False if an exclusion, a word of `unless` or a guard stands against it.
        """
        if self.near is not None and not _is_beside(reading, span, self.near):
            return False
        if any(guard.applies(reading, span) for guard in self.guards):
            return False
        if self.unless:
            words = reading.before(span.start, "sentence") + reading.after(span.end, "sentence")
            if any(word in words for word in self.unless):
                return False
        return not self.exclusions.covers(reading, span)


class FlagRules:
    """All rules of a file, applied to one text at a time.

    Parameters
    ----------
    rules : sequence of FlagRule
        The rules.
    idioms : sequence of Expression, default=()
        Sayings that no rule may take at their word.
    past : Guard or None, default=None
        What puts a find in the past.
    """

    def __init__(
        self,
        rules: Sequence[FlagRule],
        idioms: Sequence[Expression] = (),
        past: Guard | None = None,
    ) -> None:
        self.rules = tuple(rules)
        self._past = past
        self._idioms = CueBook(idioms)
        self._owners = tuple(rule for rule in self.rules for _ in rule.expressions)
        examples = (text for rule in rules for text in (*rule.positive, *rule.negative))
        sample = fold("\n".join(examples))[0]
        self._book = CueBook([cue for rule in self.rules for cue in rule.expressions], sample)

    @classmethod
    def from_file(cls, path: str | Path | None = None) -> FlagRules:
        """Load rules.

        Parameters
        ----------
        path : str, Path or None, default=None
            A TOML file; None for the one that comes with the package.

        Returns
        -------
        FlagRules
            Rules ready to use.

        Raises
        ------
        ConfigError
            If the file has a fault; the message has file, line and what is allowed.

        Examples
        --------
        >>> len({rule.flag for rule in FlagRules.from_file().rules})
        8
        """
        table = Table.from_file(path, "flags.toml")
        table.expect(_HEADERS)
        lists = read_lists(table)
        guards = read_guards(table)
        beside = table.section("near")
        near = {name: CueBook(read_expressions(beside, name, lists)) for name in beside.fields}
        rules: list[FlagRule] = []
        for row in table.rows("rule"):
            rule = _read_rule(row, lists, guards, near)
            if any(rule.id == other.id for other in rules):
                raise row.fault(f"the id '{rule.id}' is taken", "id")
            rules.append(rule)
        idioms = table.section("idioms")
        idioms.expect((), ("expressions",))
        sayings = read_expressions(idioms, "expressions", lists, across=False)
        return cls(rules, sayings, guards.get("past"))

    def find(self, text: str) -> tuple[Flag, ...]:
        """Find the flags of a text.

        Parameters
        ----------
        text : str
            A complaint in simplified characters.

        Returns
        -------
        tuple of Flag
            In order of the text; of finds of one flag that overlap, the one that speaks for
            the higher urgency, then the longer one.

        Examples
        --------
        >>> rules = FlagRules.from_file()
        >>> [flag.flag for flag in rules.find("打了三次电话没人理，再拖我就去12315告你们")]
        ['repeat', 'escalation_threat']
        >>> rules.find("以前着过火，现在没事了")
        ()
        """
        reading = Reading(text)
        finds: dict[str, list[Flag]] = {}
        for number, span in self._book.find(reading):
            rule = self._owners[number]
            if self._counts(rule, reading, span):
                raises = rule.speaks_for(reading, span, self._past)
                flag = Flag(rule.flag, span.start, span.end, rule.id, raises)
                finds.setdefault(rule.flag, []).append(flag)
        flags = (flag for found in finds.values() for flag in _strongest(found))
        return tuple(sorted(flags, key=lambda flag: (flag.start, flag.end, flag.flag)))

    def _counts(self, rule: FlagRule, reading: Reading, span: Span) -> bool:
        return rule.accepts(reading, span) and not self._idioms.covers(reading, span)


def _is_beside(reading: Reading, span: Span, book: CueBook) -> bool:
    around = Span(max(0, span.start - _NEAR_CHARS), span.end + _NEAR_CHARS)
    return book.covers(reading, around)


def _strongest(finds: Iterable[Flag]) -> list[Flag]:
    weight = {"critical": 0, "high": 1, None: 2}
    ordered = sorted(
        finds, key=lambda flag: (weight[flag.raises], flag.start - flag.end, flag.start)
    )
    starts: list[int] = []
    ends: list[int] = []
    kept: list[Flag] = []
    for flag in ordered:
        # Kept spans do not overlap, so only the neighbour on each side can be in the way.
        at = bisect_left(starts, flag.end)
        if at and ends[at - 1] > flag.start:
            continue
        starts.insert(at, flag.start)
        ends.insert(at, flag.end)
        kept.append(flag)
    return kept


def _read_rule(
    row: Row,
    lists: dict[str, tuple[str, ...]],
    guards: dict[str, Guard],
    near: dict[str, CueBook],
) -> FlagRule:
    row.expect(
        ("id", "flag", "expressions", "positive", "negative"),
        ("raises", "past_raises", "acute", "across", "exclude", "unless", "near", "guards"),
    )
    row.words("expressions", empty=False)
    across = row.fields.get("across", True) is True
    return FlagRule(
        id=row.text("id"),
        flag=row.choice("flag", FLAGS),
        raises=row.choice("raises", LEVELS) if "raises" in row.fields else None,
        past_raises=row.choice("past_raises", LEVELS) if "past_raises" in row.fields else None,
        expressions=read_expressions(row, "expressions", lists, across=across),
        exclusions=CueBook(read_expressions(row, "exclude", lists, across=False)),
        unless=row.words("unless"),
        near=near[row.choice("near", tuple(near))] if "near" in row.fields else None,
        guards=choose_guards(row, guards),
        positive=row.words("positive", empty=False),
        negative=row.words("negative", empty=False),
        acute=near[row.choice("acute", tuple(near))] if "acute" in row.fields else None,
    )
