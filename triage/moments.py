"""Dates and times in a text, resolved against the moment of receipt."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from itertools import product
from pathlib import Path

import cn2an

from triage.tables import Row, Table
from triage.word_index import WordIndex

PRECISIONS = ("year", "month", "week", "day", "hour", "minute")
_HEADERS = (
    *("fragments", "kind", "durations", "days", "years", "months", "weeks", "weekdays", "parts"),
    *("festivals", "lunar"),
)
_BEFORE_CHARS, _BEHIND_CHARS = 14, 18
# Where a date could lie on either side of receipt, it lies ahead only if it is this near.
_AHEAD_DAYS = 45
_FESTIVAL_AHEAD_DAYS = 20
_BARE_LUNAR_DAYS = 60
_FIRST_AFTERNOON_HOUR = 12
_VAGUE_COUNTS = {"半": 0.5, "几": 3.0, "好几": 4.0, "十几": 15.0, "二十几": 25.0, "三十几": 35.0}
_HAN_DIGITS = str.maketrans("〇○零一二三四五六七八九", "000123456789")

_Range = tuple[datetime, datetime, str]


@dataclass(frozen=True, slots=True)
class Moment:
    """A date or time that a text names.

    Parameters
    ----------
    start, end : int
        The span ``[start, end)``.
    first, last : datetime
        The first and the last moment that it can mean, without offset, in the zone of receipt.
    precision : str
        year, month, week, day, hour or minute.
    """

    start: int
    end: int
    first: datetime
    last: datetime
    precision: str

    @property
    def value(self) -> str:
        """ISO 8601 text, as exact as the words are; a week is written with both its ends.

        Examples
        --------
        >>> MomentFinder.from_file().find("上周", datetime(2026, 6, 10, 9))[0].value
        '2026-06-01/2026-06-07'
        """
        if self.precision == "week":
            return f"{self.first:%Y-%m-%d}/{self.last:%Y-%m-%d}"
        forms = {"year": "%Y", "month": "%Y-%m", "day": "%Y-%m-%d"}
        return self.first.strftime(forms.get(self.precision, "%Y-%m-%dT%H:%M"))


@dataclass(frozen=True, slots=True)
class _Kind:
    id: str
    anchors: tuple[str, ...]
    pattern: re.Pattern[str]

    def find(self, text: str, anchors: Sequence[int]) -> Iterator[re.Match[str]]:
        done = 0
        for at in anchors:
            if at < done:
                continue
            for match in self.pattern.finditer(
                text, max(done, at - _BEFORE_CHARS), at + _BEHIND_CHARS
            ):
                done = match.end()
                yield match


@dataclass(frozen=True, slots=True)
class _Words:
    """What single words stand for."""

    days: Mapping[str, int]
    years: Mapping[str, int]
    months: Mapping[str, int]
    weeks: Mapping[str, int]
    weekdays: Mapping[str, int]
    parts: Mapping[str, int]
    festivals: Mapping[str, tuple[int, int]]
    lunar: Mapping[str, Mapping[int, date]]


class MomentFinder:
    """Finds the dates and times of a text; made by `from_file`.

    Examples
    --------
    >>> received = datetime(2026, 6, 10, 9, 30)
    >>> found = MomentFinder.from_file().find("上周三下单，3月15号到的货，今早8点坏了", received)
    >>> [moment.value for moment in found]
    ['2026-06-03', '2026-03-15', '2026-06-10T08:00']
    """

    def __init__(
        self,
        kinds: Sequence[_Kind],
        words: _Words,
        duration: re.Pattern[str],
        duration_kinds: Sequence[str],
    ) -> None:
        self._kinds = tuple(kinds)
        self._anchors = WordIndex(
            (word, number) for number, kind in enumerate(kinds) for word in kind.anchors
        )
        self._words = words
        self._duration = duration
        self._duration_kinds = frozenset(duration_kinds)
        self._trailing = re.compile(r"[\s,，的]+$")

    @classmethod
    def from_file(cls, path: str | Path | None = None) -> MomentFinder:
        """Load how people write dates and times.

        Parameters
        ----------
        path : str, Path or None, default=None
            A TOML file; None for the one that comes with the package.

        Returns
        -------
        MomentFinder
            Ready to use.

        Raises
        ------
        ConfigError
            If the file has a fault; the message has file, line and what is allowed.
        """
        table = Table.from_file(path, "moments.toml")
        table.expect(_HEADERS)
        words = _read_words(table)
        names = sorted({*words.festivals, *words.lunar}, key=len, reverse=True)
        fragments = _read_fragments(table) | {"festivals": "|".join(names)}
        durations = table.section("durations")
        durations.expect(("pattern", "kinds"))
        kinds = [_read_kind(row, fragments) for row in table.rows("kind")]
        return cls(kinds, words, re.compile(durations.text("pattern")), durations.words("kinds"))

    def find(self, text: str, received_at: datetime) -> tuple[Moment, ...]:
        """Find the dates and times of a text.

        What could lie before or after receipt is taken to lie before it: people complain of
        what has happened. Words such as 下周 and 明天 point ahead.

        Parameters
        ----------
        text : str
            Simplified characters, half width.
        received_at : datetime
            When it was received, in the zone that its author lives in.

        Returns
        -------
        tuple of Moment
            In order of the text, without overlaps.
        """
        now = received_at.replace(tzinfo=None)
        anchors: dict[int, list[int]] = {}
        for start, _, number in self._anchors.find(text):
            anchors.setdefault(number, []).append(start)
        found: list[Moment] = []
        free = bytearray(b"\x01") * len(text)
        for number in sorted(anchors):
            kind = self._kinds[number]
            for match in kind.find(text, anchors[number]):
                start, end = match.span()
                if 0 in free[start:end] or self._is_duration(kind, match):
                    continue
                moment = self._resolve(kind, match, now, found)
                if moment is not None:
                    found.append(moment)
                    free[start:end] = bytes(end - start)
        return tuple(sorted(found, key=lambda moment: moment.start))

    def _is_duration(self, kind: _Kind, match: re.Match[str]) -> bool:
        if kind.id not in self._duration_kinds:
            return False
        return self._duration.match(match.string, match.end()) is not None

    def _resolve(
        self, kind: _Kind, match: re.Match[str], now: datetime, found: Sequence[Moment]
    ) -> Moment | None:
        reading = _Reading(match, now, self._words)
        try:
            span = reading.resolve(kind.id)
        except (ValueError, OverflowError):
            return None
        if span is None:
            return None
        first, last, precision = span
        if kind.id == "after_day":
            day = _day_before(match.start(), found)
            if day is None:
                return None
            shift = datetime.combine(day, time.min) - datetime.combine(now, time.min)
            first, last = first + shift, last + shift
        elif kind.id == "clock" and (day := _day_before(match.start(), found)):
            first, last = datetime.combine(day, first.time()), datetime.combine(day, last.time())
        start, end = match.span()
        if trailing := self._trailing.search(match[0]):
            end = start + trailing.start()
        return Moment(start, end, first, last, precision)


def _day_before(start: int, found: Sequence[Moment]) -> date | None:
    """Give the day that the text named last: 昨天报修，晚上7点才来."""
    before = [moment for moment in found if moment.start < start]
    last = max(before, key=lambda moment: moment.start, default=None)
    if last is None or last.precision not in ("day", "hour", "minute"):
        return None
    return last.first.date()


@dataclass(frozen=True, slots=True)
class _Reading:
    """One match, to be resolved to a stretch of time; None where it is no time after all."""

    match: re.Match[str]
    now: datetime
    words: _Words

    def resolve(self, kind: str) -> _Range | None:
        resolver = getattr(self, f"_{kind}")
        span: _Range | None = resolver()
        return span

    def _get(self, name: str) -> str | None:
        return self.match.groupdict().get(name)

    def _year_named(self) -> int | None:
        if named := self._get("named_year"):
            return self.now.year + self.words.years.get(named, 0)
        if digits := self._get("year") or self._get("y"):
            return int(digits.translate(_HAN_DIGITS))
        if short := self._get("short_year"):
            return 2000 + int(short)
        return None

    def _on(self, day: date) -> _Range:
        """Give the day, or the time of it that stands behind it."""
        clock = self._clock_time()
        if clock is None:
            return datetime.combine(day, time.min), datetime.combine(day, time(23, 59, 59)), "day"
        minutes, precision = clock
        at = datetime.combine(day, time.min) + timedelta(minutes=minutes)
        return at, at + timedelta(minutes=59 if precision == "hour" else 0), precision

    def _clock_time(self) -> tuple[int, str] | None:
        part = self._get("part") or self._get("part_only")
        hour_text = self._get("hour")
        if hour_text is None:
            typical = self.words.parts.get(part or "")
            return None if typical is None else (typical * 60, "hour")
        hour, minute = _number(hour_text), self._minute()
        if hour > 24 or (minute or 0) > 59:
            raise ValueError("no time of day")
        late = part is not None and self.words.parts.get(part, 0) >= _FIRST_AFTERNOON_HOUR
        noon = part in ("中午", "正午") and hour >= 10
        before_dawn = part is not None and part[0] in "夜晚" and hour < 5
        if late and hour < _FIRST_AFTERNOON_HOUR and not noon and not before_dawn:
            hour += 12
        return hour % 24 * 60 + (minute or 0), "hour" if minute is None else "minute"

    def _minute(self) -> int | None:
        if self._get("half"):
            return 30
        if quarter := self._get("quarter"):
            return 15 if quarter[0] == "一" else 45
        digits = self._get("colon") or self._get("minute")
        return None if digits is None else _number(digits.lstrip("零〇") or "0")

    def _near(self, month: int, day: int) -> date:
        this = date(self.now.year, month, day)
        if this <= self.now.date() + timedelta(days=_AHEAD_DAYS):
            return this
        return date(self.now.year - 1, month, day)

    def _ymd(self) -> _Range:
        return self._on(date(int(self.match["y"]), int(self.match["m"]), int(self.match["d"])))

    def _month_day(self) -> _Range:
        month, day = _number(self.match["month"]), _number(self.match["day"])
        year = self._year_named()
        return self._on(date(year, month, day) if year else self._near(month, day))

    def _dotted(self) -> _Range:
        return self._on(self._near(int(self.match["m"]), int(self.match["d"])))

    def _month(self) -> _Range:
        month, year = _number(self.match["month"]), self._year_named()
        if year is None:
            year = self.now.year if month <= self.now.month + 1 else self.now.year - 1
        return _month_range(year, month)

    def _months_from_now(self, months: int) -> tuple[int, int]:
        place = self.now.year * 12 + self.now.month - 1 + months
        return place // 12, place % 12 + 1

    def _named_month(self) -> tuple[int, int]:
        word = self.match["named_month"].replace("个", "")
        return self._months_from_now(self.words.months.get(word, 0))

    def _month_word_day(self) -> _Range:
        year, month = self._named_month()
        return self._on(date(year, month, _number(self.match["day"])))

    def _month_word(self) -> _Range:
        return _month_range(*self._named_month())

    def _monday(self, week: str | None) -> date:
        shift = self.words.weeks[week.removesuffix("个")] if week else 0
        return self.now.date() - timedelta(days=self.now.weekday()) + timedelta(weeks=shift)

    def _weekday(self) -> _Range:
        week = self.match["week"]
        day = self._monday(week) + timedelta(days=self.words.weekdays[self.match["weekday"]])
        if not week and day > self.now.date():
            day -= timedelta(weeks=1)
        if self.match["weekday"] == "末":
            first = datetime.combine(day, time.min)
            return first, first + timedelta(days=2, seconds=-1), "week"
        return self._on(day)

    def _week(self) -> _Range:
        first = datetime.combine(self._monday(self._get("week")), time.min)
        return first, first + timedelta(days=7, seconds=-1), "week"

    def _day_word(self) -> _Range:
        word = self.match["word"] or self.match["bare"]
        return self._on(self.now.date() + timedelta(days=self.words.days[word]))

    def _ago(self) -> _Range:
        text, unit = self.match["count"], self.match["unit"]
        count = _VAGUE_COUNTS[text] if text in _VAGUE_COUNTS else float(_number(text))
        if unit in ("小时", "分钟"):
            at = self.now - timedelta(minutes=count * (60 if unit == "小时" else 1))
            return at, at, "minute" if unit == "分钟" else "hour"
        if unit == "年":
            return _year_range(self.now.year - int(count)) if count >= 1 else self._back(6)
        if unit in ("月", "季度") and count >= 1:
            return self._back(int(count) * (3 if unit == "季度" else 1))
        days = {"天": 1, "日": 1, "月": 30, "季度": 90}.get(unit, 7)
        day = self.now.date() - timedelta(days=int(count * days))
        return datetime.combine(day, time.min), datetime.combine(day, time(23, 59, 59)), "day"

    def _back(self, months: int) -> _Range:
        return _month_range(*self._months_from_now(-months))

    def _ahead(self) -> _Range:
        """Resolve 三天后我就出国: counted on from receipt."""
        text, unit = self.match["count"], self.match["unit"]
        count = _VAGUE_COUNTS[text] if text in _VAGUE_COUNTS else float(_number(text))
        days = {"天": 1, "日": 1, "月": 30}.get(unit, 7)
        return self._on(self.now.date() + timedelta(days=int(count * days)))

    def _after_day(self) -> _Range:
        """Resolve 第二天, 次日 and 那天 as if the day they count from were that of receipt."""
        count = self.match["day_count"]
        shift = 0 if self.match["same_day"] else 1 if count is None else _number(count) - 1
        return self._on(self.now.date() + timedelta(days=shift))

    def _lunar_day(self) -> _Range | None:
        """Resolve 正月初三; without the month only in the weeks around the Spring Festival."""
        number = _number((self.match["lunar"] or self.match["bare_lunar"])[1:])
        for year in (self.now.year, self.now.year - 1):
            begin = self.words.lunar.get("春节", {}).get(year)
            if begin is None:
                continue
            day = begin + timedelta(days=number - 1)
            ahead = (day - self.now.date()).days
            if ahead <= _FESTIVAL_AHEAD_DAYS:
                near = ahead > -_BARE_LUNAR_DAYS
                return self._on(day) if near or self.match["lunar"] else None
        return None

    def _term(self) -> _Range:
        """Resolve a school term: autumn from September, spring from February."""
        word, month = self.match["term"], self.now.month
        if "学年" in word:
            year = self.now.year - (month < 8) - word.startswith("上")
            return datetime(year, 9, 1), datetime(year + 1, 8, 31, 23, 59, 59), "week"
        half = self.now.year * 2 + (month >= 8) - (month < 2)
        half += {"上": -1, "下": 1}.get(word[0], 0)
        if half % 2:
            last = datetime(half // 2 + 1, 1, 31, 23, 59, 59)
            return datetime(half // 2, 9, 1), last, "week"
        return datetime(half // 2, 2, 1), datetime(half // 2, 7, 31, 23, 59, 59), "week"

    def _year_word(self) -> _Range | None:
        year = self._year_named()
        return None if year is None else _year_range(year)

    def _year(self) -> _Range:
        return _year_range(int(self.match["y"]))

    def _festival(self) -> _Range | None:
        name, year = self.match["festival"], self._year_named()
        if year is None:
            this = self._festival_day(name, self.now.year)
            soon = self.now.date() + timedelta(days=_FESTIVAL_AHEAD_DAYS)
            year = self.now.year if this is not None and this <= soon else self.now.year - 1
        day = self._festival_day(name, year)
        return None if day is None else self._on(day)

    def _festival_day(self, name: str, year: int) -> date | None:
        if name in self.words.lunar:
            return self.words.lunar[name].get(year)
        return date(year, *self.words.festivals[name])

    def _vague(self) -> _Range:
        word = self.match[0]
        if word.startswith("月"):
            return _month_range(self.now.year, self.now.month)
        if not word.startswith(("前", "这")):
            return _year_range(self.now.year)
        days = 30 if re.search("[段阵月久]", word) else 14 if re.search("[周星礼]", word) else 3
        first = datetime.combine(self.now.date() - timedelta(days=days), time.min)
        return first, self.now.replace(microsecond=0), "week"

    def _day(self) -> _Range:
        number = _number(self.match["day"])
        behind = self.match.string[self.match.end() : self.match.end() + 4]
        if number <= self.now.day or behind.startswith(_POINTS_AHEAD):
            return self._on(date(self.now.year, self.now.month, number))
        year, month = self._months_from_now(-1)
        return self._on(date(year, month, number))

    def _clock(self) -> _Range | None:
        exact = self.match["colon"] or self.match["part"] or self.match["half"]
        if not exact and self.match["hour"] in ("一", "两", "几"):
            return None  # 一点 and 两点 are more often "a little" and "two points"
        return self._on(self.now.date())

    def _part(self) -> _Range:
        day = self.now.date() - timedelta(days=self.match["part"].startswith("昨"))
        return self._on(day)


_POINTS_AHEAD = ("前", "之前", "要", "就要", "到期", "截止", "必须", "得", "出发", "开")


@lru_cache(maxsize=1024)
def _number(text: str) -> int:
    if text.isdecimal():
        return int(text)
    return int(cn2an.cn2an(text.replace("廿", "二十").replace("初", ""), "smart"))


def _month_range(year: int, month: int) -> _Range:
    following = datetime(year + month // 12, month % 12 + 1, 1)
    return datetime(year, month, 1), following - timedelta(seconds=1), "month"


def _year_range(year: int) -> _Range:
    return datetime(year, 1, 1), datetime(year, 12, 31, 23, 59, 59), "year"


def _read_fragments(table: Table) -> dict[str, str]:
    row = table.section("fragments")
    fragments: dict[str, str] = {}
    for name in row.fields:
        fragments[name] = _fill(row.text(name), fragments)
    return fragments


def _fill(pattern: str, fragments: Mapping[str, str]) -> str:
    for name, fragment in fragments.items():
        pattern = pattern.replace("{" + name + "}", fragment)
    return pattern


def _read_kind(row: Row, fragments: Mapping[str, str]) -> _Kind:
    row.expect(("id", "anchors", "pattern"), ("timed",))
    kind = row.choice("id", _KINDS)
    pattern = f"(?:{_fill(row.text('pattern'), fragments)})"
    if row.fields.get("timed"):
        pattern += f"(?:{fragments.get('time', '')})?"
    texts = row.words("anchors", empty=False)
    anchors = [word for text in texts for word in _expand(_fill(text, fragments))]
    try:
        return _Kind(kind, tuple(anchors), re.compile(pattern))
    except re.error as error:
        raise row.fault(f"'pattern' is no regular expression: {error}") from error


def _expand(anchor: str) -> Iterator[str]:
    """Give the words that an anchor stands for, such as 周一 and 周二 for 周[一二]."""
    parts = [
        _characters(part[1:-1]) if part.startswith("[") else part.split("|")
        for part in re.findall(r"\[[^\]]+\]|[^\[]+", anchor)
    ]
    return map("".join, product(*parts))


def _characters(text: str) -> list[str]:
    ranges = re.compile(r"(\d)-(\d)")
    return list(
        ranges.sub(lambda ends: "".join(map(str, range(int(ends[1]), int(ends[2]) + 1))), text)
    )


_KINDS = (
    *("ymd", "lunar_day", "month_day", "dotted", "month_word_day", "weekday", "day_word", "ago"),
    *("ahead", "after_day", "festival", "term"),
    *("month", "month_word", "week", "year_word", "year", "vague", "day", "clock", "part"),
)


def _read_words(table: Table) -> _Words:
    numbers: dict[str, dict[str, int]] = {}
    for header in ("days", "years", "months", "weeks", "weekdays", "parts"):
        row = table.section(header)
        numbers[header] = {word: row.whole(word, least=-9) for word in row.fields}
    solar, lunar = table.section("festivals"), table.section("lunar")
    try:
        days = {name: date.fromisoformat("2000-" + solar.text(name)) for name in solar.fields}
        years = {name: [date.fromisoformat(d) for d in lunar.words(name)] for name in lunar.fields}
    except ValueError as error:
        raise solar.fault(
            f"a festival must be a date such as 05-01 or 2026-02-17: {error}"
        ) from error
    return _Words(
        **numbers,
        festivals={name: (day.month, day.day) for name, day in days.items()},
        lunar={name: {day.year: day for day in all_days} for name, all_days in years.items()},
    )
