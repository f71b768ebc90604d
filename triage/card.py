"""The complaint card: what a text says of the matter, each value with its span, else None."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from triage.amounts import Amount, AmountFinder, read_number
from triage.cue_book import CueBook
from triage.cues import (
    Expression,
    Reading,
    Span,
    read_expressions,
    read_lists,
    read_pattern,
)
from triage.moments import Moment, MomentFinder
from triage.tables import Row, Table

_HEADERS = (
    "amounts",
    "wish",
    "demand",
    "prior",
    "prior_words",
    "old_customer",
    "reasonable",
    "people",
    "products",
    "grievance",
)
_WISH_REACH_CHARS = 60
_WEAK_REACH_CHARS = 16
_ORDER_TAIL_CHARS = 6
_PAUSES = (",", "，", "、")
_ORDER_ENDS = ("", "。", "！", "!", ",", "，", "；", ";", "、", "\n")
_MAX_STORY_CHARS = 160
_CLOSING_CHARS = 16


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
class Judged:
    """Something that the text says is so, or is not.

    Parameters
    ----------
    value : bool
        What it says.
    start, end : int
        The span ``[start, end)``.
    """

    value: bool
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Card:
    """The card of one complaint; None stands where the text is silent.

    Parameters
    ----------
    happened : Found or None
        The one or two sentences that tell it.
    when : tuple of Moment or None
        Dates and times, in order of the text.
    amounts : tuple of Amount or None
        Sums of money, in order of the text.
    product : Found or None
        Goods or service.
    people_involved : tuple of Found or None
        Roles and masked names, each once.
    grievance : Found or None
        The clause that holds the discontent.
    demands : tuple of Found or None
        What is asked for, each kind once.
    prior_contacts : PriorContacts or None
        Earlier contacts.
    old_customer : Judged or None
        Whether the author has been a customer before.
    reasonable : Judged or None
        What the text itself says of the demand.
    """

    happened: Found | None
    when: tuple[Moment, ...] | None
    amounts: tuple[Amount, ...] | None
    product: Found | None
    people_involved: tuple[Found, ...] | None
    grievance: Found | None
    demands: tuple[Found, ...] | None
    prior_contacts: PriorContacts | None
    old_customer: Judged | None
    reasonable: Judged | None


@dataclass(frozen=True, slots=True)
class _Demands:
    names: tuple[str, ...]
    needs_wish: tuple[bool, ...]
    book: CueBook
    strong: re.Pattern[str]
    weak: re.Pattern[str]
    refused: re.Pattern[str]
    unwanted: re.Pattern[str]
    others: re.Pattern[str]
    ending: re.Pattern[str]
    closing: re.Pattern[str]
    lead: re.Pattern[str]

    def find(self, reading: Reading) -> Iterator[Found]:
        found = list(self._find_all(reading))
        for one in found:
            if not any(_hides(other, one) for other in found):
                yield one

    def _find_all(self, reading: Reading) -> Iterator[Found]:
        wishes: list[int] | None = None
        for number, span in self.book.find(reading):
            ahead = reading.before(span.start)
            if self.refused.search(ahead) or self.others.search(ahead):
                continue
            if self.unwanted.match(reading.text, span.start, span.end):
                continue
            if self.needs_wish[number]:
                if wishes is None:
                    wishes = self._strong_wishes(reading)
                if not self._is_wished(reading, span, ahead, wishes):
                    continue
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
            if not _DENIED.search(ahead) and not self.others.search(ahead):
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
        if _GIVEN.search(ahead):
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
    """Give the start of the last sentence that says something, and of the one before a short one."""
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
_GIVEN = re.compile("(?:^|[就快请那你您]|你们|赶紧|马上)把[^把]{1,14}$")
_DONE = re.compile("(?:了(?!吧|$)|过|的|时|后|失败|成功|说|吗|呢|没|也|都|率|不)")


@dataclass(frozen=True, slots=True)
class _Prior:
    counted: CueBook
    often: CueBook
    told: CueBook
    listed: CueBook
    body: re.Pattern[str]
    again: re.Pattern[str]
    nth: re.Pattern[str]
    number: re.Pattern[str]
    others: re.Pattern[str]

    def find(self, reading: Reading) -> PriorContacts | None:
        counts: dict[int, tuple[int, Span]] = {}
        for span in self._own(reading, self.counted):
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
        for span in self._own(reading, self.listed):
            number = reading.text[span.start : span.end].count("、") + 1
            return PriorContacts(number, span.start, span.end)
        told = list(self._own(reading, self.told))
        for span in self._own(reading, self.often):
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

    def _own(self, reading: Reading, book: CueBook) -> Iterator[Span]:
        for _, span in book.find(reading):
            if not self.others.search(reading.before(span.start)):
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


class CardReader:
    """Fills the card from a text; made by `from_file`."""

    def __init__(
        self,
        *,
        amounts: AmountFinder,
        moments: MomentFinder,
        demands: _Demands,
        prior: _Prior,
        old_customer: tuple[CueBook, CueBook],
        reasonable: tuple[CueBook, CueBook],
        people: re.Pattern[str],
        product: tuple[re.Pattern[str], re.Pattern[str]],
        grievance: re.Pattern[str],
    ) -> None:
        self._amounts = amounts
        self._moments = moments
        self._demands = demands
        self._prior = prior
        self._old_customer = old_customer
        self._reasonable = reasonable
        self._people = people
        self._bought, self._product = product
        self._discontent = grievance
        self._part = re.compile(r"[^,，。！？!?；;\n]+")
        self._sentence = re.compile(r"[^。！？!?；;\n]+[。！？!?；;\n]?")
        self._greeting = re.compile(
            r"^\s*(?:你好|您好|尊敬的|亲爱的|各位|领导|请问|在吗|投诉|举报|谢谢|感谢|恳请|望|希望|请)"
            r"|(?:你好|您好)[,，。！!]?$"
        )

    @classmethod
    def from_file(cls, path: str | Path | None = None) -> CardReader:
        """Load what the card looks for.

        Parameters
        ----------
        path : str, Path or None, default=None
            A TOML file; None for the one that comes with the package.

        Returns
        -------
        CardReader
            Ready to read.

        Raises
        ------
        ConfigError
            If the file has a fault; the message has file, line and what is allowed.
        """
        table = Table.from_file(path, "card.toml")
        table.expect(_HEADERS)
        amounts = table.section("amounts")
        people, products, grievance = map(table.section, ("people", "products", "grievance"))
        return cls(
            amounts=AmountFinder({key: amounts.words(key) for key in amounts.fields}),
            moments=MomentFinder.from_file(),
            demands=_read_demands(table),
            prior=_read_prior(table),
            old_customer=_read_pair(table, "old_customer", "expressions", "new"),
            reasonable=_read_pair(table, "reasonable", "yes", "no"),
            people=_words(people.words("roles", empty=False) + people.words("masked")),
            product=_read_products(products),
            grievance=re.compile(
                f"(?P<strong>{_words(grievance.words('strong')).pattern})|"
                + _words(grievance.words("plain")).pattern
            ),
        )

    def read(self, text: str, received_at: datetime) -> Card:
        """Fill the card.

        Parameters
        ----------
        text : str
            A complaint, masked, in simplified characters and half width.
        received_at : datetime
            When it was received, in the zone that its author lives in.

        Returns
        -------
        Card
            Only what the text says.

        Examples
        --------
        >>> card = CardReader.from_file().read(
        ...     "上周三花3.5万买的按摩椅，用两天就坏了，打了三次客服电话没人理，要求退款并道歉",
        ...     datetime(2026, 6, 10, 9),
        ... )
        >>> card.when[0].value, str(card.amounts[0].value), card.amounts[0].role
        ('2026-06-03', '35000', 'paid')
        >>> card.product.value, card.prior_contacts.count, card.reasonable is None
        ('按摩椅', 3, True)
        >>> [demand.value for demand in card.demands]
        ['退款', '道歉']
        """
        reading = Reading(text)
        demands = _first_of_each(self._demands.find(reading))
        return Card(
            happened=self._happened(text),
            when=self._moments.find(text, received_at) or None,
            amounts=self._amounts.find(text) or None,
            product=self._find_product(text),
            people_involved=_first_of_each(
                Found(match[0], match.start(), match.end()) for match in self._people.finditer(text)
            )
            or None,
            grievance=self._grievance(text, demands),
            demands=demands or None,
            prior_contacts=self._prior.find(reading),
            old_customer=_judge(reading, self._old_customer),
            reasonable=_judge(reading, self._reasonable),
        )

    def _happened(self, text: str) -> Found | None:
        """Give the first sentence that tells something, and the next where it is short."""
        told = [
            match
            for match in self._sentence.finditer(text)
            if len(match[0].strip()) >= 6 and not self._greeting.search(match[0])
        ]
        if not told:
            return None
        first = told[0]
        end = first.end()
        if len(first[0]) < 25 and len(told) > 1 and told[1].start() == end:
            end = told[1].end()
        start = first.start() + len(first[0]) - len(first[0].lstrip())
        end = min(end, start + _MAX_STORY_CHARS)
        return Found(text[start:end].rstrip(), start, start + len(text[start:end].rstrip()))

    def _find_product(self, text: str) -> Found | None:
        match = self._bought.search(text)
        if match:
            return Found(match["product"], match.start("product"), match.end("product"))
        match = self._product.search(text)
        return Found(match[0], match.start(), match.end()) if match else None

    def _grievance(self, text: str, demands: Sequence[Found]) -> Found | None:
        parts = list(self._part.finditer(text))
        starts = [part.start() for part in parts]
        scores = [0] * len(parts)
        for cue in self._discontent.finditer(text):
            scores[bisect_right(starts, cue.start()) - 1] += 2 if cue.lastgroup else 1
        for demand in demands:
            scores[bisect_right(starts, demand.start) - 1] -= 1
        weight = max(scores, default=0)
        best = parts[scores.index(weight)] if weight > 0 else None
        if best is None:
            return None
        words = best[0].strip()
        start = best.start() + best[0].index(words)
        return Found(words, start, start + len(words))


def _first_of_each(found: Iterator[Found]) -> tuple[Found, ...]:
    first: dict[str, Found] = {}
    for one in sorted(found, key=lambda one: one.start):
        first.setdefault(one.value, one)
    return tuple(first.values())


def _judge(reading: Reading, books: tuple[CueBook, CueBook]) -> Judged | None:
    for book, value in zip(books, (True, False), strict=True):
        for _, span in book.find(reading):
            return Judged(value, span.start, span.end)
    return None


def _words(words: Sequence[str]) -> re.Pattern[str]:
    return re.compile("|".join(sorted(map(re.escape, words), key=len, reverse=True)))


def _read_pattern(row: Row, key: str) -> re.Pattern[str]:
    return read_pattern(row, key) or re.compile("(?!)")


def _read_demands(table: Table) -> _Demands:
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
    wish.expect(("strong", "weak", "refused", "unwanted", "others", "ending", "closing", "lead"))
    return _Demands(
        tuple(names),
        tuple(wished),
        CueBook(expressions),
        strong=_read_pattern(wish, "strong"),
        weak=_read_pattern(wish, "weak"),
        refused=_read_pattern(wish, "refused"),
        unwanted=_read_pattern(wish, "unwanted"),
        others=_read_pattern(wish, "others"),
        ending=_read_pattern(wish, "ending"),
        closing=_read_pattern(wish, "closing"),
        lead=_read_pattern(wish, "lead"),
    )


def _read_prior(table: Table) -> _Prior:
    lists = read_lists(table, "prior_words")
    row = table.section("prior")
    row.expect(("counted", "often", "told", "listed", "again", "others"))
    return _Prior(
        counted=CueBook(read_expressions(row, "counted", lists)),
        often=CueBook(read_expressions(row, "often", lists)),
        told=CueBook(read_expressions(row, "told", lists)),
        listed=CueBook(read_expressions(row, "listed", lists)),
        body=_words(lists.get("body", ())),
        again=_read_pattern(row, "again"),
        nth=re.compile("第"),
        number=re.compile(
            r"((?<!\d)\d{1,3}|[一二两三四五六七八九十几数百无]+)多?(?:次|回|遍|趟|通|个)"
        ),
        others=_read_pattern(row, "others"),
    )


def _read_pair(table: Table, header: str, yes: str, no: str) -> tuple[CueBook, CueBook]:
    row = table.section(header)
    row.expect((yes, no))
    lists = {"nth": tuple("二三四五六七八九十几23456789")}
    return CueBook(read_expressions(row, yes, lists)), CueBook(read_expressions(row, no, lists))


def _read_products(row: Row) -> tuple[re.Pattern[str], re.Pattern[str]]:
    row.expect(("verbs", "names"))
    names = _words(row.words("names", empty=False)).pattern
    verbs = _words(row.words("verbs", empty=False)).pattern
    bought = rf"(?:{verbs})[^,，。！？!?；;\n]{{0,14}}?(?P<product>{names})"
    return re.compile(bought), re.compile(names)
