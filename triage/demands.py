"""What the author of a complaint asks for."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from triage.cue_shelf import Find
from triage.cues import Expression, Reading, Span, read_expressions, read_pattern
from triage.tables import Row, Table

_WISH_REACH_CHARS = 60
_WEAK_REACH_CHARS = 16
_ORDER_TAIL_CHARS = 6
_PAUSES = (",", "，", "、")
_ORDER_ENDS = ("", "。", "！", "!", ",", "，", "；", ";", "、", "\n")
_CLOSING_CHARS = 16
_NEAR_CHARS = 24
"""What takes a meaning away stands this near."""
_DENIED_CHARS = 4


@dataclass(frozen=True, slots=True)
class Found:
    """A value and the words that it was read from.

    Parameters
    ----------
    value : str
        The value; words of the text, or the name of a demand.
    start, end : int
        The span ``[start, end)``.
    """

    value: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class DemandRules:
    """What people ask for, and how they show that they ask; made by `from_table`."""

    names: tuple[str, ...]
    needs_wish: tuple[bool, ...]
    strong: re.Pattern[str]
    weak: re.Pattern[str]
    refused: re.Pattern[str]
    unwanted: re.Pattern[str]
    others: re.Pattern[str]
    ending: re.Pattern[str]
    closing: re.Pattern[str]
    lead: re.Pattern[str]

    @classmethod
    def from_table(cls, table: Table) -> tuple[DemandRules, tuple[Expression, ...]]:
        """Read the rules and the expressions that they judge.

        Parameters
        ----------
        table : Table
            The card's file.

        Returns
        -------
        tuple of DemandRules and tuple of Expression
            The rules, and the expressions in the order of their numbers.

        Raises
        ------
        ConfigError
            If the file has a fault; the message has file, line and what is allowed.
        """
        names: list[str] = []
        wished: list[bool] = []
        expressions: list[Expression] = []
        for row in table.rows("demand"):
            row.expect(("id", "action"), ("expressions",))
            name = row.text("id")
            if name in names:
                raise row.fault(f"the id '{name}' is taken", "id")
            for key in ("action", "expressions"):
                parsed = read_expressions(row, key, {}, across=False)
                expressions += parsed
                names += [name] * len(parsed)
                wished += [key == "action"] * len(parsed)
        wish = table.section("wish")
        wish.expect(
            ("strong", "weak", "refused", "unwanted", "others", "ending", "closing", "lead")
        )
        rules = cls(
            tuple(names),
            tuple(wished),
            strong=_read_pattern(wish, "strong"),
            weak=_read_pattern(wish, "weak"),
            refused=_read_pattern(wish, "refused"),
            unwanted=_read_pattern(wish, "unwanted"),
            others=_read_pattern(wish, "others"),
            ending=_read_pattern(wish, "ending"),
            closing=_read_pattern(wish, "closing"),
            lead=_read_pattern(wish, "lead"),
        )
        return rules, tuple(expressions)

    def find(self, reading: Reading, finds: Sequence[Find]) -> Iterator[Found]:
        """Give the demands among what the expressions found.

        Parameters
        ----------
        reading : Reading
            The text.
        finds : sequence of tuple of int and Span
            Where the expressions stand in it.

        Yields
        ------
        Found
            A demand of the author, by its name.
        """
        found = list(self._find_all(reading, finds))
        for one in found:
            if not any(_hides(other, one) for other in found):
                yield one

    def _find_all(self, reading: Reading, finds: Sequence[Find]) -> Iterator[Found]:
        wishes: list[int] | None = None
        for number, span in finds:
            if self.unwanted.search(reading.text[span.start : span.end]):
                continue
            ahead = reading.before(span.start)
            if self.needs_wish[number]:
                if wishes is None:
                    wishes = self._strong_wishes(reading)
                if not self._is_wished(reading, span, ahead, wishes):
                    continue
            near = ahead[-_NEAR_CHARS:]
            if not self.refused.search(near) and not self.others.search(near):
                yield Found(self.names[number], span.start, span.end)

    def _is_asked_last(self, span: Span, ahead: str, behind: str) -> bool:
        """Say whether a clause of the last sentences asks, though it has no word of wishing."""
        if _DONE.match(behind):
            return False
        return self.closing.search(ahead) is not None or self.lead.fullmatch(ahead) is not None

    def _strong_wishes(self, reading: Reading) -> list[int]:
        ends = []
        for match in self.strong.finditer(reading.text):
            ahead = reading.before(match.start())
            ahead = ahead[-_NEAR_CHARS:]
            if not _DENIED.search(ahead[-_DENIED_CHARS:]) and not self.others.search(ahead):
                ends.append(match.end())
        return ends

    def _is_wished(self, reading: Reading, span: Span, ahead: str, wishes: Sequence[int]) -> bool:
        text = reading.text
        at = bisect_right(wishes, span.start)
        if at and wishes[at - 1] >= span.start - _WISH_REACH_CHARS:
            between = text[wishes[at - 1] : span.start]
            if not _END.search(between):
                return True
        weak = self.weak.search(ahead[-_WEAK_REACH_CHARS:])
        if weak and not _DENIED.search(ahead[: ahead.rfind(weak[0])]):
            return True
        behind = reading.after(span.end)
        if self.ending.search(behind):
            return True
        if span.start >= _closing(text) and self._is_asked_last(span, ahead, behind):
            return True
        if _ORDERED.search(ahead):
            return not _DONE.match(behind) or len(behind) < _ORDER_TAIL_CHARS
        ends = text[span.end + len(behind) : span.end + len(behind) + 1]
        is_order = self.lead.fullmatch(ahead) is not None and len(behind) <= _ORDER_TAIL_CHARS
        if ends in _PAUSES and (ahead or len(behind) > 1):
            return False
        return is_order and ends in _ORDER_ENDS and not _DONE.match(behind)


def _hides(other: Found, one: Found) -> bool:
    """Say whether words that tell one demand are part of longer ones that tell another."""
    return (
        other.value != one.value
        and other.start < one.end
        and one.start < other.end
        and other.end - other.start > one.end - one.start + 1
    )


def _closing(text: str) -> int:
    """Give the start of the last sentence, or of the one before where the last is short."""
    end = len(text.rstrip("。！？!?；;\n "))
    start = 0
    while end > 0:
        start = max(text.rfind(mark, 0, end) for mark in "。！？!?\n") + 1
        if len(text) - start >= _CLOSING_CHARS:
            break
        end = start - 1
    return start


_DENIED = re.compile("(?:不|没|别|未|非|无需|不用)(?:是|想|会|敢|再|用|必)?$")
_END = re.compile("[。！？!?\n]")
_ORDERED = re.compile("(?:^|[就快请那你您]|你们|赶紧|马上)把[^把]{1,14}$")
_DONE = re.compile("(?:了(?!吧|$)|过|的|时|后|失败|成功|说|吗|呢|没|也|都|率|不)")


def _read_pattern(row: Row, key: str) -> re.Pattern[str]:
    return read_pattern(row, key) or re.compile("(?!)")
