"""Check a draft reply: phrases not to say, parts that are missing, personal data; and its tone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

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
    read_pattern,
)
from triage.privacy import find_personal_data
from triage.tables import Row, Table
from triage.text import clean_texts, fold

KINDS = ("forbidden", "blame", "excuse", "empty_promise", "personal_data")
_HEADERS = ("words", "guard", "rule", "part", "draft")
_PENALTIES = {"forbidden": 15, "blame": 20, "excuse": 10, "empty_promise": 8, "personal_data": 25}
_PERSONAL = ("手机号", "身份证号", "银行卡号", "微信号", "QQ号", "门牌号", "车牌号", "邮箱")
_FILLER = "▇"
_SAY_WITHOUT_DATA = "只写订单号或受理编号的后四位，电话、证件号和住址不写进答复。"


@dataclass(frozen=True, slots=True)
class Finding:
    """A phrase that should not stand in a reply.

    Parameters
    ----------
    kind : str
        forbidden, blame, excuse, empty_promise or personal_data.
    start, end : int
        The span ``[start, end)``.
    rule : str
        Id of the rule.
    say : str
        What to say instead.
    source : str
        Where that comes from.
    """

    kind: str
    start: int
    end: int
    rule: str
    say: str
    source: str


@dataclass(frozen=True, slots=True)
class MissingPart:
    """Something that a reply must hold and this one does not.

    Parameters
    ----------
    part : str
        apology, cause, solution, deadline or contact.
    name : str
        What people call it.
    say : str
        A sentence to begin with.
    source : str
        Where it comes from.
    """

    part: str
    name: str
    say: str
    source: str


@dataclass(frozen=True, slots=True)
class ToneItem:
    """One line of the account of the tone score.

    Parameters
    ----------
    reason : str
        A part that is there, or a kind of finding.
    points : int
        What it adds or takes away.
    """

    reason: str
    points: int


@dataclass(frozen=True, slots=True)
class ReplyCheck:
    """What is wrong with a draft reply.

    Parameters
    ----------
    findings : tuple of Finding
        In order of the text, without overlaps.
    missing : tuple of MissingPart
        In the order of a good reply.
    score : int
        Tone, 0 (send nothing of it) to 100.
    tone : tuple of ToneItem
        How the score came about: its points sum to the score, unless they fall below 0.
    """

    findings: tuple[Finding, ...]
    missing: tuple[MissingPart, ...]
    score: int
    tone: tuple[ToneItem, ...]


@dataclass(frozen=True, slots=True)
class ReplyRule:
    """One kind of phrase that should not stand in a reply.

    Parameters
    ----------
    id, kind, say, source : str
        As in `Finding`.
    expressions : tuple of Expression
        Any of them is enough.
    exclusions : CueBook
        A find that overlaps one of these does not count.
    guards : tuple of Guard
        A find that one of these applies to does not count.
    positive, negative : tuple of str
        Replies in which the kind must be found, and must not be.
    """

    id: str
    kind: str
    say: str
    source: str
    expressions: tuple[Expression, ...]
    exclusions: CueBook
    guards: tuple[Guard, ...]
    positive: tuple[str, ...]
    negative: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Part:
    id: str
    name: str
    weight: int
    say: str
    source: str
    found: re.Pattern[str]
    denied: re.Pattern[str] | None

    def stands_in(self, text: str) -> bool:
        for match in self.found.finditer(text):
            around = text[max(0, match.start() - 12) : match.end() + 12]
            if self.denied is None or not self.denied.search(around):
                return True
        return False


class ReplyRules:
    """All rules for replies; made by `from_file`.

    Parameters
    ----------
    rules : sequence of ReplyRule
        Phrases not to say.
    parts : sequence of _Part
        What a reply must hold.
    draft : mapping of str to str
        The sentences of the 4R skeleton.
    """

    def __init__(
        self, rules: Sequence[ReplyRule], parts: Sequence[_Part], draft: Mapping[str, str]
    ) -> None:
        self.rules = tuple(rules)
        self._parts = tuple(parts)
        self._draft = dict(draft)
        self._owners = tuple(rule for rule in self.rules for _ in rule.expressions)
        self._book = CueBook([cue for rule in self.rules for cue in rule.expressions])
        self._address = re.compile(
            r"(?:[一-鿿]{2,8}?(?:省|市|区|县|镇|乡|街道)){0,3}"
            r"(?:[一-鿿]{1,10}?(?:路|街|巷|弄|道|村|苑|园|城|小区|大厦|里|府|庭|湾)[0-9]{0,5}号?)?$"
        )
        self._own_contact = re.compile(r"(?:我的?|打我|联系我|找我|经办|联系人|值班)[^,，。]{0,8}$")
        self._household = re.compile(r"[0-9]{3,4}(?:室|户|号房)[一-鿿]{2,3}(?:户|家)")
        # Mistyped numbers are personal data too, so neither has to pass its checksum here.
        self._number = re.compile(
            r"(?:身份证|证件|银行卡|储蓄卡|信用卡|的卡|卡号|账号|账户)[^,，。;；0-9]{0,6}"
            r"(?P<number>[0-9]{15,19}[Xx]?)(?![0-9])"
        )

    @classmethod
    def from_file(cls, path: str | Path | None = None) -> ReplyRules:
        """Load rules.

        Parameters
        ----------
        path : str, Path or None, default=None
            A TOML file; None for the one that comes with the package.

        Returns
        -------
        ReplyRules
            Ready to use.

        Raises
        ------
        ConfigError
            If the file has a fault; the message has file, line and what is allowed.

        Examples
        --------
        >>> sorted({rule.kind for rule in ReplyRules.from_file().rules})
        ['blame', 'empty_promise', 'excuse', 'forbidden']
        """
        table = Table.from_file(path, "replies.toml")
        table.expect(_HEADERS)
        lists, guards = read_lists(table), read_guards(table)
        rules: list[ReplyRule] = []
        for row in table.rows("rule"):
            rule = _read_rule(row, lists, guards)
            if any(rule.id == other.id for other in rules):
                raise row.fault(f"the id '{rule.id}' is taken", "id")
            rules.append(rule)
        draft = table.section("draft")
        draft.expect(_DRAFT)
        return cls(
            rules,
            [_read_part(row) for row in table.rows("part")],
            {key: draft.text(key) for key in _DRAFT},
        )

    def check(self, text: str) -> ReplyCheck:
        """Check a draft reply.

        Parameters
        ----------
        text : str
            The reply as written, in either script.

        Returns
        -------
        ReplyCheck
            Its spans count code points of `text`.

        Examples
        --------
        >>> text = "您先别激动，这不归我们管"
        >>> check = ReplyRules.from_file().check(text)
        >>> [(finding.kind, text[finding.start : finding.end]) for finding in check.findings]
        [('forbidden', '先别激动'), ('forbidden', '不归我们管')]
        >>> [part.name for part in check.missing]
        ['道歉', '原因', '办法', '期限', '负责人和联系方式']
        """
        personal = self._find_personal(text)
        hidden = text
        for span in personal:
            filler = _FILLER * (span.end - span.start)
            hidden = hidden[: span.start] + filler + hidden[span.end :]
        clean = clean_texts([hidden])[0]
        places = _places_of_masked(hidden)
        phrases = [
            Finding(
                rule.kind,
                *_span_before_masking(places, *clean.span(span.start, span.end)),
                rule.id,
                rule.say,
                rule.source,
            )
            for rule, span in self._find_phrases(Reading(clean.folded))
        ]
        data = [
            Finding("personal_data", s.start, s.end, "personal_data", _SAY_WITHOUT_DATA, "DESIGN 9")
            for s in personal
        ]
        findings = tuple(sorted([*phrases, *data], key=lambda finding: finding.start))
        present = [part for part in self._parts if part.stands_in(clean.folded)]
        missing = tuple(
            MissingPart(part.id, part.name, part.say, part.source)
            for part in self._parts
            if part not in present
        )
        tone = (
            *(ToneItem(part.id, part.weight) for part in present),
            *(ToneItem(finding.kind, -_PENALTIES[finding.kind]) for finding in findings),
        )
        return ReplyCheck(findings, missing, max(0, sum(item.points for item in tone)), tone)

    def draft(self, *, trouble: str | None = None, role: str | None = None) -> tuple[str, ...]:
        """Give the skeleton of a reply by 4R: regret, reform, restitution, recovery.

        Parameters
        ----------
        trouble : str or None, default=None
            What happened, such as the grievance of the card; None for a neutral word.
        role : str or None, default=None
            Who answers.

        Returns
        -------
        tuple of str
            Four paragraphs with gaps (____) for what only the handler knows.

        Examples
        --------
        >>> ReplyRules.from_file().draft(trouble="空调修了三次没修好", role="售后主管")[0]
        '您好，我是负责这件事的售后主管。空调修了三次没修好，给您添了麻烦，我们向您道歉。'
        """
        words = {"role": role or self._draft["role"], "trouble": trouble or self._draft["trouble"]}
        return tuple(_fill(self._draft[key], words) for key in _PARAGRAPHS)

    def _find_phrases(self, reading: Reading) -> Iterator[tuple[ReplyRule, Span]]:
        finds: list[tuple[ReplyRule, Span]] = []
        for number, span in self._book.find(reading):
            rule = self._owners[number]
            if any(guard.applies(reading, span) for guard in rule.guards):
                continue
            if not rule.exclusions.covers(reading, span):
                finds.append((rule, span))
        # Where two rules find the same words, the graver one speaks, then the longer find.
        finds.sort(key=lambda find: (_GRAVITY.index(find[0].kind), find[1].start - find[1].end))
        taken: list[tuple[ReplyRule, Span]] = []
        for rule, span in finds:
            if not any(span.overlaps(other) for _, other in taken):
                taken.append((rule, span))
        yield from _join(reading.text, taken)

    def _find_personal(self, text: str) -> list[Span]:
        found: list[Span] = []
        for start, end, kind in find_personal_data(text):
            ahead = text[:start]
            if kind not in _PERSONAL or self._own_contact.search(ahead[-16:]):
                continue
            if kind == "门牌号" and (place := self._address.search(ahead[-30:])):
                start -= len(place[0].rpartition("址")[2])
            found.append(Span(start, end))
        for pattern in (self._household, self._number):
            for match in pattern.finditer(text):
                span = Span(*match.span(match.lastgroup or 0))
                if not any(span.overlaps(other) for other in found):
                    found.append(span)
        return found


_GRAVITY = ("forbidden", "blame", "excuse", "empty_promise")
_PARAGRAPHS = ("regret", "reform", "restitution", "recovery")
_DRAFT = (*_PARAGRAPHS, "role", "trouble", "source")


def _places_of_masked(text: str) -> list[int]:
    """Say where in a text each character of its masked form, and its end, came from."""
    folded, offsets = fold(text)
    places: list[int] = []
    done = 0
    for first, last, kind in find_personal_data(folded):
        start, end = offsets[first], max(offsets[last], offsets[last - 1] + 1)
        places += [*range(done, start), *[start] * len(f"<{kind}>")]
        done = end
    return [*places, *range(done, len(text) + 1)]


def _span_before_masking(places: Sequence[int], start: int, end: int) -> tuple[int, int]:
    return places[start], max(places[end], places[end - 1] + 1)


_SAME_BREATH = re.compile(r"[,，、 ]?")
_SAME_CHAIN = re.compile(r"[^。！？!?；;\n]{0,4}")
_SAME_CLAUSE = re.compile(r"[^,，。！？!?；;\n]{0,4}")
_NEW_SUBJECT = ("您", "你", "请", "我")


def _join(text: str, finds: Sequence[tuple[ReplyRule, Span]]) -> Iterator[tuple[ReplyRule, Span]]:
    """Make one find of those that a rule has in one breath, such as 别激动别激动."""
    open_find: tuple[ReplyRule, Span] | None = None
    for rule, span in sorted(finds, key=lambda find: find[1].start):
        if open_find is not None:
            last_rule, last = open_find
            between = text[last.end : span.start]
            if rule is last_rule and (
                _SAME_CHAIN.fullmatch(between)
                if rule.kind in ("excuse", "empty_promise")
                else _SAME_CLAUSE.fullmatch(between)
                if rule.kind == "empty_promise"
                else _SAME_BREATH.fullmatch(between)
                and not text.startswith(_NEW_SUBJECT, span.start)
            ):
                open_find = rule, Span(last.start, span.end)
                continue
            yield open_find
        open_find = rule, span
    if open_find is not None:
        yield open_find


def _fill(template: str, words: Mapping[str, str]) -> str:
    for key, value in words.items():
        template = template.replace("{" + key + "}", value)
    return template


def _read_rule(
    row: Row, lists: Mapping[str, tuple[str, ...]], guards: Mapping[str, Guard]
) -> ReplyRule:
    row.expect(
        ("id", "kind", "say", "source", "expressions", "positive", "negative"),
        ("exclude", "guards"),
    )
    row.words("expressions", empty=False)
    return ReplyRule(
        id=row.text("id"),
        kind=row.choice("kind", _GRAVITY),
        say=row.text("say"),
        source=row.text("source"),
        expressions=read_expressions(row, "expressions", lists, across=False),
        exclusions=CueBook(read_expressions(row, "exclude", lists, across=False)),
        guards=choose_guards(row, guards),
        positive=row.words("positive", empty=False),
        negative=row.words("negative", empty=False),
    )


def _read_part(row: Row) -> _Part:
    row.expect(("id", "name", "weight", "say", "source", "found", "denied"))
    row.words("found", empty=False)
    return _Part(
        id=row.text("id"),
        name=row.text("name"),
        weight=row.whole("weight"),
        say=row.text("say"),
        source=row.text("source"),
        found=read_pattern(row, "found") or re.compile("(?!)"),
        denied=read_pattern(row, "denied"),
    )
