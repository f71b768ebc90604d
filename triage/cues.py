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
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

from triage.tables import Row, Table

NUMERAL = "0-9零〇一二三四五六七八九十百千万两几数多半"
_STOP = r"[^。！？!?；;\n]"
_WITHIN = r"[^。！？!?；;\n，,]"
_MARKS = {
    "sentence": re.compile(r"[。！？!?；;\n…]|\.{3,}"),
    "clause": re.compile(r"[,，、:：。！？!?；;\n…]|\.{3,}|\s{2,}"),
}
_WORDS = re.compile(r"<(\w+)>")
_MAX_WINDOW_CHARS = 60
_MAX_PART_CHARS = 30
"""A regular expression in a slot must not match more than this."""


@cache
def _compiled(regex: str) -> re.Pattern[str]:
    return re.compile(regex)


@dataclass(frozen=True, slots=True)
class Slot:
    """One of the places of an expression that only certain words fill.

    Parameters
    ----------
    words : tuple of str
        Of which one must stand there.
    part : int
        Its number among the parts of the expression.
    before : int
        At most so many characters of a match stand before it.
    link : int
        Number of the part with the last thing before it that must be there; its own for none.
    link_chars : int
        At most so many characters from there to the slot.
    """

    words: tuple[str, ...]
    part: int
    before: int
    link: int
    link_chars: int


@dataclass(frozen=True, slots=True)
class Expression:
    """A cue expression, compiled when it is first tried.

    Parameters
    ----------
    source : str
        As written.
    parts : tuple of str
        The regular expressions that it means, to be joined.
    slots : tuple of Slot
        Words without one of which in each slot there is no match.
    max_chars : int
        No match, with what must not stand around it, is longer.
    """

    source: str
    parts: tuple[str, ...]
    slots: tuple[Slot, ...]
    max_chars: int = _MAX_PART_CHARS

    @property
    def pattern(self) -> re.Pattern[str]:
        """The compiled regular expression; most expressions are never tried, so not before."""
        return self.tail(0)

    def link(self, slot: Slot) -> re.Pattern[str]:
        """Give the regular expression of what must stand right before a slot.

        Parameters
        ----------
        slot : Slot
            One that has something before it.

        Returns
        -------
        re.Pattern
            To be searched in the `link_chars` that end where the slot begins.
        """
        return _compiled("".join(self.parts[slot.link : slot.part]) + r"\Z")

    def tail(self, part: int) -> re.Pattern[str]:
        """Give the regular expression of a part and those behind it.

        Parameters
        ----------
        part : int
            Its number.

        Returns
        -------
        re.Pattern
            Matches wherever the whole matches from that part on.
        """
        return _compiled("".join(self.parts[part:]))

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
        >>> cue.slots[1].words
        ('次', '遍')
        """
        filler = _STOP if across else _WITHIN
        parts: list[str] = []
        slots: list[Slot] = []
        gap, length, has_slot = "", 0, False
        link, link_from = 0, 0
        tokens = source.split()
        for at, token in enumerate(tokens):
            if match := re.fullmatch(r"~(\d{1,2})", token):
                gap = f"{filler}{{0,{match[1]}}}?"
                length += int(match[1])
                continue
            if token.startswith("["):
                if not token.endswith("]"):
                    raise ValueError(f"'{token}' has no closing bracket in '{source}'")
                words = _read_slot(token[1:-1], source, lists or {})
                parts.append(f"{gap}(?:{_choice(words)})?")
            elif token.startswith("!"):
                words = _read_slot(token[1:], source, lists or {})
                is_before = not has_slot and at < len(tokens) - 1
                parts.append(_refusal(words, gap, before=is_before))
            else:
                words = _read_slot(token, source, lists or {})
                if gap:
                    parts.append(gap)
                if not has_slot:
                    link, link_from = len(parts), length
                if not any(map(_is_open, words)):
                    slots.append(Slot(words, len(parts), length, link, length - link_from))
                link, link_from = len(parts), length
                parts.append(f"(?:{_choice(words)})")
                has_slot = True
            gap = ""
            if has_slot or token.startswith("["):
                length += max(_MAX_PART_CHARS if _is_open(word) else len(word) for word in words)
        if not slots:
            raise ValueError(f"'{source}' needs a slot of plain words")
        return cls(source, tuple(parts), tuple(slots), length)


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


@dataclass(frozen=True, slots=True)
class Reading:
    """A text, and what stands around a place in it.

    Parameters
    ----------
    text : str
        The text to read, simplified characters.
    """

    text: str
    _windows: dict[tuple[int, str], str] = field(default_factory=dict, repr=False, compare=False)

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
        key = start, kind
        if key not in self._windows:
            window = self.text[max(0, start - _MAX_WINDOW_CHARS) : start]
            self._windows[key] = _MARKS[kind].split(window)[-1]
        return self._windows[key]

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
        key = ~end, kind  # no place before which something stands is negative
        if key not in self._windows:
            window = self.text[end : end + _MAX_WINDOW_CHARS]
            self._windows[key] = _MARKS[kind].split(window, maxsplit=1)[0]
        return self._windows[key]


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
        is_before = self.before is not None and self.before.search(ahead) is not None
        is_after = self.after is not None and self.after.search(behind) is not None
        if not (is_before and is_after if self.both else is_before or is_after):
            return False
        return self.unless is None or not (self.unless.search(ahead) or self.unless.search(behind))


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
