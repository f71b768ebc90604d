r"""Find cue expressions in Chinese text and judge whether they are meant as said.

A cue expression is a line of slots, written so that a case officer can read and edit it::

    想|打算|准备 ~4 投诉|起诉        one of the words, at most 4 characters, one of the words
    第 # 次|遍                       a number in digits or Chinese numerals
    孩子 [们] !气|王                 an optional slot, and words that must not follow
    打 ~3 !电话|车                   words that must not stand in the next 3 characters
    !没|不 <angry>                   words that must not stand before, and a named list
    /[6-9]\d/ 岁                     a regular expression for what words cannot say

Expressions are bounded by construction, so no text makes them slow. Each is tried only on a
text that holds one word of its most telling slot.

A *guard* says when an expression does not count: it is negated, past and settled, the other
side's words, a supposition, or an idiom.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from operator import add

from triage.tables import Row, Table

NUMERAL = "0-9零〇一二三四五六七八九十百千万两几数多半"
_STOP = r"[^。！？!?；;\n]"
_WITHIN = r"[^。！？!?；;\n，,]"
_SENTENCE = re.compile(r"[。！？!?；;\n]|\.{3,}|…+")
_CLAUSE = re.compile(r"[,，、:：。！？!?；;\n]|\.{3,}|…+|\s{2,}")
_WORDS = re.compile(r"<(\w+)>")
_MAX_WINDOW_CHARS = 60
_MAX_PART_CHARS = 30
"""A regular expression in a slot must not match more than this."""


@cache
def _compiled(regex: str) -> re.Pattern[str]:
    return re.compile(regex)


@dataclass(frozen=True, slots=True)
class Expression:
    """A cue expression, compiled.

    Parameters
    ----------
    source : str
        As written.
    regex : str
        The regular expression that it means.
    anchors : tuple of str
        Words of which any text that matches holds at least one.
    needs : tuple of tuple of str
        The words of the other slots: one of each is there too.
    max_chars : int
        No match, with what must not stand around it, is longer.
    """

    source: str
    regex: str
    anchors: tuple[str, ...]
    needs: tuple[tuple[str, ...], ...] = ()
    max_chars: int = _MAX_PART_CHARS

    @property
    def pattern(self) -> re.Pattern[str]:
        """The compiled regular expression; most expressions are never tried, so not before."""
        return _compiled(self.regex)

    @classmethod
    def parse(
        cls,
        source: str,
        lists: Mapping[str, Sequence[str]] | None = None,
        *,
        across: bool = True,
    ) -> Expression:
        """Compile an expression.

        Parameters
        ----------
        source : str
            The slots, parted by spaces.
        lists : mapping of str to sequence of str, optional
            Named word lists for ``<name>``.
        across : bool, default=True
            Whether a gap may reach across a comma.

        Returns
        -------
        Expression
            The compiled expression.

        Raises
        ------
        ValueError
            If a slot cannot be read, a list is unknown, or no slot has words.

        Examples
        --------
        >>> cue = Expression.parse("打|拨 [了] # 次|遍 ~4 电话|热线")
        >>> cue.pattern.search("我打了三次客服电话")[0]
        '打了三次客服电话'
        >>> cue.anchors
        ('电话', '热线')
        """
        parts: list[str] = []
        slots: list[tuple[str, ...]] = []
        tokens = source.split()
        filler = _STOP if across else _WITHIN
        gap = ""
        for at, token in enumerate(tokens):
            if match := re.fullmatch(r"~(\d{1,2})", token):
                gap = f"{filler}{{0,{match[1]}}}?"
                continue
            if token.startswith("!"):
                words = _read_slot(token[1:], source, lists or {})
                parts.append(_refusal(words, gap, before=not slots and at < len(tokens) - 1))
                gap = ""
                continue
            parts.append(gap)
            gap = ""
            if token.startswith("["):
                if not token.endswith("]"):
                    raise ValueError(f"'{token}' has no closing bracket in '{source}'")
                words = _read_slot(token[1:-1], source, lists or {})
                parts.append(f"(?:{_choice(words)})?")
            else:
                slots.append(_read_slot(token, source, lists or {}))
                parts.append(f"(?:{_choice(slots[-1])})")
        literal = [slot for slot in slots if not any(map(_is_open, slot))]
        if not literal:
            raise ValueError(f"'{source}' needs a slot of plain words")
        anchors = max(literal, key=lambda words: (min(map(len, words)), -len(words)))
        others = tuple(slot for slot in literal if slot is not anchors)
        return cls(source, "".join(parts), anchors, others, _longest(tokens, lists or {}))


def _read_slot(token: str, source: str, lists: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    words: list[str] = []
    if token.startswith("/") and token.endswith("/") and len(token) > 2:
        _check_regex(token, source)
        return (token,)
    for word in token.split("|"):
        if name := _WORDS.fullmatch(word):
            if name[1] not in lists:
                known = ", ".join(sorted(lists))
                raise ValueError(f"unknown list <{name[1]}> in '{source}': known are {known}")
            words.extend(lists[name[1]])
            for part in lists[name[1]]:
                _check_regex(part, source)
        elif not word or re.search(r"[\[\]<>~]", word):
            raise ValueError(f"cannot read the slot '{token}' in '{source}'")
        else:
            words.append(word)
    return tuple(dict.fromkeys(words))


def _check_regex(word: str, source: str) -> None:
    """Refuse a slash-bound regular expression that does not compile."""
    if not word.startswith("/"):
        return
    try:
        _compiled(word[1:-1])
    except re.error as error:
        raise ValueError(f"'{word}' in '{source}' is no regular expression: {error}") from error


def _longest(tokens: Iterable[str], lists: Mapping[str, Sequence[str]]) -> int:
    """Give a length that no match exceeds."""
    total = 0
    for token in tokens:
        if token.startswith("~"):
            total += int(token[1:])
        else:
            words = _read_slot(
                token.removeprefix("!").removeprefix("[").removesuffix("]"), token, lists
            )
            total += max(_MAX_PART_CHARS if _is_open(word) else len(word) for word in words)
    return total


def _is_open(word: str) -> bool:
    return word == "#" or word.startswith("/")


def _choice(words: Iterable[str]) -> str:
    # Longest first: an alternation takes the first that fits, and the span should be whole.
    ordered = sorted(words, key=len, reverse=True)
    return "|".join(map(_fragment, ordered))


def _fragment(word: str) -> str:
    if word == "#":
        return f"[{NUMERAL}]{{1,9}}"
    return word[1:-1] if word.startswith("/") else re.escape(word)


def _refusal(words: Sequence[str], gap: str, *, before: bool) -> str:
    if not before:
        return f"(?!{gap}(?:{_choice(words)}))"
    return "".join(f"(?<!{re.escape(word)})" for word in words)


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of text, ``[start, end)`` in code points.

    Parameters
    ----------
    start, end : int
        Where it begins, and where it has ended.
    """

    start: int
    end: int

    def overlaps(self, other: Span) -> bool:
        """Say whether the two share a character.

        Parameters
        ----------
        other : Span
            The other stretch.

        Returns
        -------
        bool
            True if they do.

        Examples
        --------
        >>> Span(2, 5).overlaps(Span(4, 6)), Span(2, 5).overlaps(Span(5, 6))
        (True, False)
        """
        return self.start < other.end and other.start < self.end


@dataclass(slots=True)
class Reading:
    """A text with its clause and sentence bounds, found when first asked for.

    Parameters
    ----------
    text : str
        The text to read, simplified characters.
    known_grams : set of str, optional
        Those of its characters and pairs that a `GramIndex` looked for; None for all.
    """

    text: str
    known_grams: set[str] | None = None
    _bounds: dict[str, tuple[list[int], list[int]]] = field(default_factory=dict, repr=False)
    _covered: dict[int, list[Span]] = field(default_factory=dict, repr=False)

    def _cuts(self, kind: str) -> tuple[list[int], list[int]]:
        if kind not in self._bounds:
            marks = _SENTENCE if kind == "sentence" else _CLAUSE
            cuts = [match.span() for match in marks.finditer(self.text)]
            self._bounds[kind] = [cut[0] for cut in cuts], [cut[1] for cut in cuts]
        return self._bounds[kind]

    def grams(self) -> set[str]:
        """Give the characters and pairs of the text, counted once.

        Returns
        -------
        set of str
            Every single character and every two neighbours.

        Examples
        --------
        >>> sorted(Reading("退钱").grams())
        ['退', '退钱', '钱']
        """
        if self.known_grams is None:
            self.known_grams = {*self.text, *map(add, self.text, self.text[1:])}
        return self.known_grams

    def is_covered(self, span: Span, book: CueBook) -> bool:
        """Say whether a stretch overlaps something that a book finds in the text.

        Parameters
        ----------
        span : Span
            The stretch.
        book : CueBook
            Searched once per text.

        Returns
        -------
        bool
            True if it does.

        Examples
        --------
        >>> sayings = CueBook([Expression.parse("火冒三丈")])
        >>> Reading("我火冒三丈").is_covered(Span(1, 2), sayings)
        True
        """
        key = id(book)
        if key not in self._covered:
            self._covered[key] = [found for _, found in book.find(self)]
        return any(found.overlaps(span) for found in self._covered[key])

    def before(self, start: int, kind: str = "clause") -> str:
        """Give what stands before a place in its clause or sentence.

        Parameters
        ----------
        start : int
            The place, a code point offset.
        kind : str, default="clause"
            ``clause`` or ``sentence``.

        Returns
        -------
        str
            At most 60 characters, for texts without punctuation.

        Examples
        --------
        >>> Reading("没修好，我不会再投诉").before(8)
        '我不会再'
        """
        ends = self._cuts(kind)[1]
        at = bisect_right(ends, start)
        left = ends[at - 1] if at else 0
        return self.text[max(left, start - _MAX_WINDOW_CHARS) : start]

    def after(self, end: int, kind: str = "clause") -> str:
        """Give what stands behind a place in its clause or sentence.

        Parameters
        ----------
        end : int
            The place, a code point offset.
        kind : str, default="clause"
            ``clause`` or ``sentence``.

        Returns
        -------
        str
            At most 60 characters.

        Examples
        --------
        >>> Reading("以前着过火，现在没事了。谢谢").after(5, "sentence")
        '，现在没事了'
        """
        starts = self._cuts(kind)[0]
        at = bisect_left(starts, end)
        right = starts[at] if at < len(starts) else len(self.text)
        return self.text[end : min(right, end + _MAX_WINDOW_CHARS)]


@dataclass(frozen=True, slots=True)
class Guard:
    """Words around an expression that take its meaning away.

    Parameters
    ----------
    name : str
        What rules call it: ``negation``, ``history`` …
    before : re.Pattern or None
        Searched in what stands before, within `reach`.
    after : re.Pattern or None
        Searched in what stands behind, within `reach`.
    unless : re.Pattern or None
        Where this is found before or behind, the guard does not apply.
    inside : re.Pattern or None
        Searched in the stretch itself; found there, the guard applies.
    reach : str
        ``clause`` or ``sentence``.
    both : bool
        Whether `before` and `after` must both be found, or one is enough.
    """

    name: str
    before: re.Pattern[str] | None
    after: re.Pattern[str] | None
    unless: re.Pattern[str] | None
    inside: re.Pattern[str] | None
    reach: str
    both: bool

    def applies(self, reading: Reading, span: Span) -> bool:
        """Say whether the guard takes the meaning away from a stretch of text.

        Parameters
        ----------
        reading : Reading
            The text.
        span : Span
            Where the expression stands in it.

        Returns
        -------
        bool
            True if it does.

        Examples
        --------
        >>> guard = Guard("negation", re.compile("不会.{0,2}$"), None, None, None, "clause", False)
        >>> guard.applies(Reading("我不会去起诉"), Span(4, 6))
        True
        """
        if self.inside and self.inside.search(reading.text, span.start, span.end):
            return True
        ahead = reading.before(span.start, self.reach)
        behind = reading.after(span.end, self.reach)
        found = [
            pattern.search(window) is not None
            for pattern, window in ((self.before, ahead), (self.after, behind))
            if pattern is not None
        ]
        if not (all(found) if self.both else any(found)):
            return False
        return self.unless is None or not (self.unless.search(ahead) or self.unless.search(behind))


class CueBook:
    """Many expressions at once, each tried only where one of its words is in the text.

    Parameters
    ----------
    expressions : sequence of Expression
        What to look for.

    Examples
    --------
    >>> book = CueBook([Expression.parse("退 [我] 钱|款"), Expression.parse("道歉")])
    >>> [(at, span.start, span.end) for at, span in book.find(Reading("请退我钱并道歉"))]
    [(0, 1, 4), (1, 5, 7)]
    """

    def __init__(self, expressions: Sequence[Expression]) -> None:
        self.expressions = tuple(expressions)
        self._words = [
            tuple((word[:2], word) for word in _shortest(expression.anchors))
            for expression in self.expressions
        ]
        self._masks: list[dict[str, int]] = []
        self._free: list[int] = []
        for number, expression in enumerate(self.expressions):
            anchors = [word for _, word in self._words[number]]
            for slot, words in enumerate((anchors, *expression.needs)):
                if slot == len(self._masks):
                    # An expression with fewer slots is free of what the later ones ask.
                    self._masks.append({})
                    self._free.append((1 << len(self.expressions)) - 1)
                self._free[slot] &= ~(1 << number)
                for head in {word[:2] for word in words}:
                    self._masks[slot][head] = self._masks[slot].get(head, 0) | 1 << number
        self._reach = tuple(expression.max_chars for expression in self.expressions)
        self.grams = frozenset(head for masks in self._masks for head in masks)

    def find(self, reading: Reading) -> Iterator[tuple[int, Span]]:
        """Give every place where an expression stands.

        Parameters
        ----------
        reading : Reading
            The text to search.

        Yields
        ------
        tuple of int and Span
            Number of the expression and where it stands; in order of expressions.
        """
        # The pairs of the text leave few expressions, and those are tried only around a word.
        text, grams = reading.text, reading.grams()
        left = -1
        for masks, free in zip(self._masks, self._free, strict=True):
            here = free
            for head in masks.keys() & grams:
                here |= masks[head]
            left &= here
            if not left:
                return
        while left > 0:
            number = (left & -left).bit_length() - 1
            left &= left - 1
            words = [word for head, word in self._words[number] if head in grams]
            for start, end in _around(text, words, self._reach[number]):
                for match in self.expressions[number].pattern.finditer(text, start, end):
                    yield number, Span(match.start(), match.end())


def _around(text: str, words: Sequence[str], reach: int) -> list[tuple[int, int]]:
    """Give the stretches of text that lie within reach of one of the words."""
    stretches = []
    for word in words:
        at = text.find(word)
        while at >= 0:
            stretches.append((max(0, at - reach), at + len(word) + reach))
            at = text.find(word, at + 1)
    merged: list[tuple[int, int]] = []
    for start, end in sorted(stretches):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(merged[-1][1], end)
        else:
            merged.append((start, end))
    return merged


def _shortest(words: Sequence[str]) -> Iterator[str]:
    """Leave out a word that holds another of the same slot: the shorter one tells as much."""
    for word in words:
        if not any(other != word and other in word for other in words):
            yield word


def compile_alternatives(fragments: Sequence[str]) -> re.Pattern[str] | None:
    """Join regular expressions of a guard into one.

    Parameters
    ----------
    fragments : sequence of str
        The alternatives.

    Returns
    -------
    re.Pattern or None
        None where there are none.

    Raises
    ------
    ValueError
        If one is no regular expression; the message has it.

    Examples
    --------
    >>> compile_alternatives(["没有.{0,2}$", "不会$"]).search("我不会") is not None
    True
    """
    for fragment in fragments:
        try:
            re.compile(fragment)
        except re.error as error:
            raise ValueError(f"'{fragment}' is no regular expression: {error}") from error
    return re.compile("|".join(fragments)) if fragments else None


def read_expressions(
    row: Row, key: str, lists: Mapping[str, Sequence[str]], *, across: bool = True
) -> tuple[Expression, ...]:
    """Read the expressions of one field of a file.

    Parameters
    ----------
    row : Row
        The table that the field stands in.
    key : str
        Its name; where it is absent there are no expressions.
    lists : mapping of str to sequence of str
        Named word lists.
    across : bool, default=True
        Whether a gap may reach across a comma.

    Returns
    -------
    tuple of Expression
        In file order.

    Raises
    ------
    ConfigError
        If one cannot be read; the message has file and line.
    """
    try:
        return tuple(Expression.parse(source, lists, across=across) for source in row.words(key))
    except ValueError as error:
        raise row.fault(str(error), key) from error


def read_lists(table: Table, header: str = "words") -> dict[str, tuple[str, ...]]:
    """Read the named word lists of a file.

    Parameters
    ----------
    table : Table
        The file.
    header : str, default="words"
        The table that holds them.

    Returns
    -------
    dict of str to tuple of str
        Each list by its name.

    Raises
    ------
    ConfigError
        If a list is empty or holds something else than words.
    """
    row = table.section(header)
    return {name: row.words(name, empty=False) for name in row.fields}


def read_guards(table: Table) -> dict[str, Guard]:
    """Read the guards of a file.

    Parameters
    ----------
    table : Table
        The file; each guard is a table ``[guard.NAME]``.

    Returns
    -------
    dict of str to Guard
        Each guard by its name.

    Raises
    ------
    ConfigError
        If a guard cannot be read; the message has file and line.
    """
    return {name: _read_guard(table, name) for name in table.section("guard").fields}


def choose_guards(row: Row, guards: Mapping[str, Guard]) -> tuple[Guard, ...]:
    """Give the guards that a rule names.

    Parameters
    ----------
    row : Row
        The rule.
    guards : mapping of str to Guard
        All guards of the file.

    Returns
    -------
    tuple of Guard
        In the order of the rule.

    Raises
    ------
    ConfigError
        If it names one that the file does not have.
    """
    names = row.words("guards")
    for name in names:
        if name not in guards:
            allowed = ", ".join(guards)
            raise row.fault(f"unknown guard '{name}': expected one of {allowed}", "guards")
    return tuple(guards[name] for name in names)


def read_pattern(row: Row, key: str) -> re.Pattern[str] | None:
    """Read the regular expressions of one field of a file as one pattern.

    Parameters
    ----------
    row : Row
        The table that the field stands in.
    key : str
        Its name.

    Returns
    -------
    re.Pattern or None
        None where the field is absent or empty.

    Raises
    ------
    ConfigError
        If one is no regular expression; the message has file and line.
    """
    try:
        return compile_alternatives(row.words(key))
    except ValueError as error:
        raise row.fault(str(error), key) from error


def _read_guard(table: Table, name: str) -> Guard:
    row = table.section(f"guard.{name}")
    row.expect((), ("before", "after", "unless", "inside", "reach", "both"))
    before, after, unless, inside = (
        read_pattern(row, key) for key in ("before", "after", "unless", "inside")
    )
    reach = row.choice("reach", ("clause", "sentence"), "clause")
    return Guard(name, before, after, unless, inside, reach, both=row.fields.get("both") is True)
