"""How often the author of a complaint has turned to somebody about it before."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from triage.amounts import read_number
from triage.cue_shelf import Find
from triage.cues import Expression, Reading, Span, read_expressions, read_lists, read_pattern
from triage.tables import Row, Table

_GROUPS = ("counted", "often", "told", "listed")
_NEAR_CHARS = 24
"""What takes a meaning away stands this near."""


@dataclass(frozen=True, slots=True)
class PriorContacts:
    """Earlier contacts about the same matter.

    Parameters
    ----------
    count : int or None
        How many; None where the text says that there were some (多次) but not how many.
    start, end : int
        The span ``[start, end)``.
    """

    count: int | None
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class ContactRules:
    """How people tell that they have turned to somebody before; made by `from_table`."""

    body: re.Pattern[str]
    again: re.Pattern[str]
    nth: re.Pattern[str]
    number: re.Pattern[str]
    others: re.Pattern[str]

    @classmethod
    def from_table(cls, table: Table) -> tuple[ContactRules, dict[str, tuple[Expression, ...]]]:
        """Read the rules and the groups of expressions that they judge.

        Parameters
        ----------
        table : Table
            The card's file.

        Returns
        -------
        tuple of ContactRules and dict of str to tuple of Expression
            The rules, and each group by its name.

        Raises
        ------
        ConfigError
            If the file has a fault; the message has file, line and what is allowed.
        """
        lists = read_lists(table, "prior_words")
        row = table.section("prior")
        row.expect((*_GROUPS, "again", "others"))
        groups = {key: read_expressions(row, key, lists) for key in _GROUPS}
        rules = cls(
            body=_words((*lists.get("body", ()), *lists.get("desk", ()))),
            again=_read_pattern(row, "again"),
            nth=re.compile("第"),
            number=re.compile(
                r"((?<!\d)\d{1,3}|[一二两三四五六七八九]?[十百][一二三四五六七八九十零]*"
                r"|[一二两三四五六七八九几数无]+)多?(?:次|回|遍|趟|通|个)"
            ),
            others=_read_pattern(row, "others"),
        )
        return rules, groups

    def find(self, reading: Reading, finds: Mapping[str, Sequence[Find]]) -> PriorContacts | None:
        """Tell how often the author has turned to somebody.

        Parameters
        ----------
        reading : Reading
            The text.
        finds : mapping of str to sequence of tuple of int and Span
            Where the expressions of each group stand in it.

        Returns
        -------
        PriorContacts or None
            None where the text tells of none.
        """
        counts: dict[int, tuple[int, Span]] = {}
        for span in self._own(reading, finds.get("counted", ())):
            # 第 may stand before the words that were found.
            words = reading.text[max(0, span.start - 1) : span.end]
            match = self.number.search(words)
            count = self._count(words)
            if match is None or count is None:
                continue
            if count == 0:
                return None
            at = max(0, span.start - 1) + match.start()
            if at not in counts or counts[at][0] < count:
                counts[at] = count, span
        if counts:
            return self._sum(reading, counts)
        for span in self._own(reading, finds.get("listed", ())):
            number = reading.text[span.start : span.end].count("、") + 1
            return PriorContacts(number, span.start, span.end)
        told = list(self._own(reading, finds.get("told", ())))
        for span in self._own(reading, finds.get("often", ())):
            return PriorContacts(None, span.start, span.end)
        if not told:
            return None
        bodies = {
            body[0]
            for span in told
            for body in self.body.finditer(reading.text, span.start, span.end)
        }
        told.sort(key=lambda span: span.start)
        more = self.again.search(reading.text, told[0].start) is not None
        return PriorContacts(max(1, len(bodies)) + more, told[0].start, told[0].end)

    def _sum(self, reading: Reading, counts: dict[int, tuple[int, Span]]) -> PriorContacts:
        """Add up what is counted apart: 热线打过两次，12345一次; 第三次 tells all of them."""
        whole = [found for found in counts.values() if "第" in self._with_mark(reading, found[1])]
        best, span = max(whole or counts.values(), key=lambda found: found[0])
        total = best if whole else sum(count for count, _ in counts.values())
        return PriorContacts(total, span.start, span.end)

    def _with_mark(self, reading: Reading, span: Span) -> str:
        return reading.text[max(0, span.start - 1) : span.end]

    def _own(self, reading: Reading, finds: Sequence[Find]) -> Iterator[Span]:
        for _, span in finds:
            if not self.others.search(reading.before(span.start)[-_NEAR_CHARS:]):
                yield span

    def _count(self, words: str) -> int | None:
        """Read the count; the third time means two before it, 几 and 数 mean no number."""
        match = self.number.search(words)
        if match is None or re.search("[几数多无]", match[1]):
            return None
        value: Decimal | None = read_number(match[1])
        if value is None:
            return None
        return int(value) - (1 if self.nth.search(words) else 0)


def _words(words: Sequence[str]) -> re.Pattern[str]:
    return re.compile("|".join(sorted(map(re.escape, words), key=len, reverse=True)))


def _read_pattern(row: Row, key: str) -> re.Pattern[str]:
    return read_pattern(row, key) or re.compile("(?!)")
