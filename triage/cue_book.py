"""Many cue expressions at once: one scan of a text finds the words from which each is tried."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product

from ahocorasick_rs import AhoCorasick

from triage.cues import Expression, Reading, Slot, Span

_COMMON = (0.0, 8.0, 1.0, 0.1)
"""How often a word of 1, 2, 3 or more characters is expected in a sample that does not tell."""

_MIDDLE_SLOT, _LAST_SLOT = 1.2, 2.0
"""Times the cost of a first slot: what stands before has to be searched, not only matched."""

_MAX_JOINED_WORDS = 600


class _Trial:
    """How one expression is tried where a word of its rarest slot stands."""

    __slots__ = ("_expression", "_link", "_slot", "_whole", "before", "number", "test")

    def __init__(self, number: int, expression: Expression, slot: Slot) -> None:
        self.number, self.before = number, slot.before
        self._expression, self._slot = expression, slot
        self.test: Callable[..., re.Match[str] | None] = self._first_test

    def _first_test(self, text: str, at: int) -> re.Match[str] | None:
        """Choose and compile the quickest test that most places fail; most are never called."""
        slot, expression = self._slot, self._expression
        self._whole = expression.pattern
        if not self.before:
            self.test = self._whole.match
            return self.test(text, at)
        self._link = expression.link(slot)
        is_last = _is_last(slot, expression)
        self.test = self._test_link if is_last else expression.tail(slot.part).match
        return self.test(text, at)

    def _test_link(self, text: str, at: int) -> re.Match[str] | None:
        return self._link.search(text, max(0, at - self._slot.link_chars), at)

    def around(self, text: str, at: int) -> Iterator[tuple[int, int, int]]:
        """Give number and span of all matches about a place that passed the test."""
        if self._test_link(text, at):
            start, end = max(0, at - self.before), at + self._expression.max_chars
            for match in self._whole.finditer(text, start, end):
                yield (self.number, *match.span())


class CueBook:
    """Many expressions at once, each tried only where a word of its rarest slot stands.

    All those words are found in one scan (Aho and Corasick 1975).

    Parameters
    ----------
    expressions : sequence of Expression
        What to look for.
    sample : str, default=""
        Text that shows which words are common; the result does not depend on it, the speed does.

    Examples
    --------
    >>> book = CueBook([Expression.parse("退 [我] 钱|款"), Expression.parse("道歉")])
    >>> [(at, span.start, span.end) for at, span in book.find(Reading("请退我钱并道歉"))]
    [(0, 1, 4), (1, 5, 7)]
    """

    def __init__(self, expressions: Sequence[Expression], sample: str = "") -> None:
        self.expressions = tuple(expressions)
        self.max_chars = max((e.max_chars for e in self.expressions), default=0)
        slots = [_slots(expression) for expression in self.expressions]
        counts = _counts(sorted({w for own in slots for slot in own for w in slot.words}), sample)
        trials: defaultdict[str, list[_Trial]] = defaultdict(list)
        for number, (expression, own) in enumerate(zip(self.expressions, slots, strict=True)):
            slot = min(own, key=lambda slot: _cost(slot, expression, counts))
            trial = _Trial(number, expression, slot)
            for word in slot.words:
                trials[word].append(trial)
        self._trials = tuple(trials.values())
        self._words = AhoCorasick(list(trials))

    def find(
        self, reading: Reading, start: int = 0, end: int | None = None
    ) -> list[tuple[int, Span]]:
        """Find every place where an expression stands.

        Parameters
        ----------
        reading : Reading
            The text to search.
        start, end : int, optional
            Only where a word that an expression is tried from stands in this stretch.

        Returns
        -------
        list of tuple of int and Span
            Number of the expression and where it stands, in this order; of matches of one
            expression that overlap, the first and longest.
        """
        text, trials = reading.text, self._trials
        stretch = text[start:end] if start or end is not None else text
        spans: set[tuple[int, int, int]] = set()
        for word, at, _ in self._words.find_matches_as_indexes(stretch, overlapping=True):
            place = start + at
            for trial in trials[word]:
                match = trial.test(text, place)
                if match is None:
                    continue
                if trial.before:
                    spans.update(trial.around(text, place))
                else:
                    spans.add((trial.number, *match.span()))
        return _leftmost(spans) if spans else []

    def covers(self, reading: Reading, span: Span) -> bool:
        """Say whether something that the book finds overlaps a stretch.

        Parameters
        ----------
        reading : Reading
            The text.
        span : Span
            The stretch.

        Returns
        -------
        bool
            True if it does.

        Examples
        --------
        >>> sayings = CueBook([Expression.parse("火冒三丈")])
        >>> sayings.covers(Reading("我火冒三丈"), Span(1, 2))
        True
        """
        start, end = max(0, span.start - self.max_chars), span.end + self.max_chars
        return any(found.overlaps(span) for _, found in self.find(reading, start, end))


def _leftmost(spans: Iterable[tuple[int, int, int]]) -> list[tuple[int, Span]]:
    found: list[tuple[int, Span]] = []
    for number, start, end in sorted(spans, key=lambda span: (span[0], span[1], -span[2])):
        if not found or found[-1][0] != number or found[-1][1].end <= start:
            found.append((number, Span(start, end)))
    return found


def _slots(expression: Expression) -> list[Slot]:
    """Give the slots, and two that nothing parts as one of longer words, which are rarer."""
    joined = [
        replace(left, words=tuple(map("".join, product(left.words, right.words))))
        for left, right in zip(expression.slots, expression.slots[1:], strict=False)
        if right.part == left.part + 1 and len(left.words) * len(right.words) <= _MAX_JOINED_WORDS
    ]
    return [*joined, *expression.slots]


def _cost(slot: Slot, expression: Expression, counts: Mapping[str, float]) -> float:
    """Estimate what it takes to try an expression from a slot."""
    n_words = sum(counts[word] for word in slot.words)
    if not slot.before:
        return n_words
    return n_words * (_LAST_SLOT if _is_last(slot, expression) else _MIDDLE_SLOT)


def _is_last(slot: Slot, expression: Expression) -> bool:
    """Tell whether nothing but refusals stands behind a slot."""
    return all(part.startswith("(?!") for part in expression.parts[slot.part + 1 :])


def _counts(words: Sequence[str], sample: str) -> dict[str, float]:
    counts = {word: _COMMON[min(len(word), len(_COMMON) - 1)] for word in words}
    for number, _, _ in AhoCorasick(words).find_matches_as_indexes(sample, overlapping=True):
        counts[words[number]] += 1
    return counts
