"""The complaint card: what a text says of the matter, each value with its span, else None."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from triage.amounts import Amount, AmountFinder
from triage.contacts import ContactRules, PriorContacts
from triage.cue_shelf import CueShelf, Find
from triage.cues import Expression, Reading, read_expressions
from triage.demands import DemandRules, Found
from triage.moments import Moment, MomentFinder
from triage.tables import Table
from triage.word_index import WordIndex

__all__ = ["Card", "CardReader", "Found", "Judged", "PriorContacts"]

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
    "sample",
)
_MAX_STORY_CHARS = 160
_BOUGHT_REACH_CHARS = 14


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


class CardReader:
    """Fills the card from a text; made by `from_file`."""

    def __init__(
        self,
        *,
        amounts: AmountFinder,
        moments: MomentFinder,
        shelf: CueShelf,
        words: WordIndex[str],
        demands: DemandRules,
        contacts: ContactRules,
    ) -> None:
        self._amounts = amounts
        self._moments = moments
        self._shelf = shelf
        self._words = words
        self._demands = demands
        self._contacts = contacts
        self._part = re.compile(r"[^,，。！？!?；;\n]+")
        self._break = re.compile(r"[,，。！？!?；;\n]")
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
        money = table.section("amounts")
        amounts = AmountFinder({key: money.words(key) for key in money.fields})
        demands, asking = DemandRules.from_table(table)
        contacts, telling = ContactRules.from_table(table)
        sample = table.section("sample")
        sample.expect(("texts",))
        return cls(
            amounts=amounts,
            moments=MomentFinder.from_file(),
            demands=demands,
            contacts=contacts,
            shelf=CueShelf(
                {"demand": asking, **telling, **_read_judged(table)},
                "\n".join(sample.words("texts")),
            ),
            words=WordIndex(_read_words(table)),
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
        finds = self._shelf.find(reading)
        words: dict[str, list[tuple[int, int]]] = {}
        for start, end, kind in self._words.find(text):
            words.setdefault(kind, []).append((start, end))
        demands = _first_of_each(self._demands.find(reading, finds.get("demand", ())))
        people = (Found(text[s:e], s, e) for s, e in _apart(words.get("person", ())))
        return Card(
            happened=self._happened(text),
            when=self._moments.find(text, received_at) or None,
            amounts=self._amounts.find(text) or None,
            product=self._find_product(text, words),
            people_involved=_first_of_each(people) or None,
            grievance=self._grievance(text, words, demands),
            demands=demands or None,
            prior_contacts=self._contacts.find(reading, finds),
            old_customer=_judge(finds.get("old"), finds.get("new")),
            reasonable=_judge(finds.get("yes"), finds.get("no")),
        )

    def _happened(self, text: str) -> Found | None:
        """Give the first sentence that tells something, and the next where it is short."""
        told = (
            match
            for match in self._sentence.finditer(text)
            if len(match[0].strip()) >= 6 and not self._greeting.search(match[0])
        )
        first = next(told, None)
        if first is None:
            return None
        end = first.end()
        if len(first[0]) < 25 and (second := next(told, None)) and second.start() == end:
            end = second.end()
        start = first.start() + len(first[0]) - len(first[0].lstrip())
        end = min(end, start + _MAX_STORY_CHARS)
        return Found(text[start:end].rstrip(), start, start + len(text[start:end].rstrip()))

    def _find_product(self, text: str, words: _Places) -> Found | None:
        """Give the goods named nearest behind a word of buying, else those named first."""
        goods = _apart(words.get("product", ()))
        if not goods:
            return None
        starts = [start for start, _ in goods]
        for _, bought in _apart(words.get("bought", ())):
            at = bisect_left(starts, bought)
            if at < len(goods) and starts[at] <= bought + _BOUGHT_REACH_CHARS:
                start, end = goods[at]
                if not self._break.search(text, bought, start):
                    return Found(text[start:end], start, end)
        start, end = goods[0]
        return Found(text[start:end], start, end)

    def _grievance(self, text: str, words: _Places, demands: Sequence[Found]) -> Found | None:
        parts = list(self._part.finditer(text))
        starts = [part.start() for part in parts]
        scores = [0] * len(parts)
        strong, plain = _apart(words.get("strong", ())), _apart(words.get("plain", ()))
        for places, points in ((strong, 2), (plain, 1)):
            for start, _ in places:
                scores[bisect_right(starts, start) - 1] += points
        for demand in demands:
            scores[bisect_right(starts, demand.start) - 1] -= 1
        weight = max(scores, default=0)
        best = parts[scores.index(weight)] if weight > 0 else None
        if best is None:
            return None
        said = best[0].strip()
        start = best.start() + best[0].index(said)
        return Found(said, start, start + len(said))


def _first_of_each(found: Iterator[Found]) -> tuple[Found, ...]:
    first: dict[str, Found] = {}
    for one in sorted(found, key=lambda one: one.start):
        first.setdefault(one.value, one)
    return tuple(first.values())


_Places = Mapping[str, Sequence[tuple[int, int]]]
"""Where words of each kind stand, also inside longer ones."""


def _apart(places: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Keep of places that overlap the first and longest."""
    kept: list[tuple[int, int]] = []
    for start, end in sorted(places, key=lambda place: (place[0], -place[1])):
        if not kept or kept[-1][1] <= start:
            kept.append((start, end))
    return kept


def _judge(yes: Sequence[Find] | None, no: Sequence[Find] | None) -> Judged | None:
    for finds, value in ((yes, True), (no, False)):
        if finds:
            return Judged(value, finds[0][1].start, finds[0][1].end)
    return None


def _read_judged(table: Table) -> dict[str, tuple[Expression, ...]]:
    customer, demand = table.section("old_customer"), table.section("reasonable")
    customer.expect(("expressions", "new"))
    demand.expect(("yes", "no"))
    lists = {"nth": tuple("二三四五六七八九十几23456789")}
    return {
        "old": read_expressions(customer, "expressions", lists),
        "new": read_expressions(customer, "new", lists),
        "yes": read_expressions(demand, "yes", lists),
        "no": read_expressions(demand, "no", lists),
    }


def _read_words(table: Table) -> Iterator[tuple[str, str]]:
    """Read the words that are found as they stand, each with what it is."""
    kinds = {
        "person": ("people", ("roles", "masked")),
        "bought": ("products", ("verbs",)),
        "product": ("products", ("names",)),
        "strong": ("grievance", ("strong",)),
        "plain": ("grievance", ("plain",)),
    }
    for header in ("people", "products", "grievance"):
        table.section(header).expect(
            [key for place, keys in kinds.values() for key in keys if place == header]
        )
    for kind, (header, keys) in kinds.items():
        for key in keys:
            for word in table.section(header).words(key, empty=False):
                yield word, kind
