"""When somebody must have acted: dated rules, counted as 民法典 201 and 203 say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from functools import lru_cache
from pathlib import Path

from triage.calendar import WorkCalendar
from triage.tables import Row, Table

SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")
_MAX_CASES = 1024
UNITS = ("日", "工作日", "小时")
_DAY_END = time(23, 59, 59)
_HEADERS = ("sector", "rule", "house", "house_level")
_HOUSE_TEXTS = ("duty_holder", "what", "counts_from", "authority", "article", "source")
_RULE_TEXTS = ("id", *_HOUSE_TEXTS)
_PROVINCE_ENDINGS = ("特别行政区", "自治区", "省", "市")


@dataclass(frozen=True, slots=True)
class Deadline:
    """One deadline of one complaint.

    Parameters
    ----------
    what : str
        What must be done.
    duty_holder : str
        Who must do it; often not the organisation that reads this.
    amount : int
        How many units.
    unit : str
        日, 工作日 or 小时.
    counts_from : str
        The event that starts the count.
    due_at : datetime
        The last moment, with offset. A day ends at 23:59:59 of that day.
    authority : str
        Who watches over it.
    article : str
        Where it stands.
    source : str
        Short form of `article`.
    verified : bool
        False where the wording of the article could not be read.
    provisional : bool
        True where the date may move: the calendar of that year is not published yet, or the
        count starts with a later event (acceptance, an appeal) that is taken to happen at once.
    """

    what: str
    duty_holder: str
    amount: int
    unit: str
    counts_from: str
    due_at: datetime
    authority: str
    article: str
    source: str
    verified: bool
    provisional: bool


@dataclass(frozen=True, slots=True)
class DeadlineRule:
    """One row of the table of deadlines.

    Parameters
    ----------
    id : str
        Stable name.
    sectors : tuple of str
        Ids of the sectors that it holds in.
    jurisdiction : str or None
        The province or city that it holds in; None for the whole country.
    starts_later : bool
        Whether the count starts with an event after receipt.
    valid_from, valid_to : date or None
        First and last day on which a complaint falls under it; None for no bound.
    text : mapping of str to str
        The fields that are shown as they stand.
    amount : int
        How many units.
    unit : str
        日, 工作日 or 小时.
    verified : bool
        Whether the article was read.
    """

    id: str
    sectors: tuple[str, ...]
    jurisdiction: str | None
    starts_later: bool
    valid_from: date | None
    valid_to: date | None
    text: Mapping[str, str]
    amount: int
    unit: str
    verified: bool

    def covers(self, sectors: Sequence[str], region: str | None, day: date) -> bool:
        """Say whether the rule applies to a complaint.

        Parameters
        ----------
        sectors : sequence of str
            Ids of the sectors of the complaint.
        region : str or None
            Where it happened, such as ``河南省郑州市``; None if unknown.
        day : date
            Day of receipt.

        Returns
        -------
        bool
            True if sector, place and day all fit.
        """
        if not set(self.sectors) & set(sectors):
            return False
        if self.jurisdiction and not _lies_in(region, self.jurisdiction):
            return False
        return (self.valid_from is None or self.valid_from <= day) and (
            self.valid_to is None or day <= self.valid_to
        )


class Deadlines:
    """The table of deadlines, applied to one complaint at a time.

    Parameters
    ----------
    rules : sequence of DeadlineRule
        Rules of law.
    house : mapping of str to DeadlineRule
        The organisation's own first response for each level of urgency.
    otherwise : DeadlineRule
        The house rule for a level that `house` does not know.
    sectors : mapping of str to tuple of str
        For each name of a sector, the ids that it stands for.
    zone : tzinfo, default=Asia/Shanghai
        Where days begin and end, and what a time without offset is read in.
    """

    def __init__(
        self,
        rules: Sequence[DeadlineRule],
        house: Mapping[str, DeadlineRule],
        otherwise: DeadlineRule,
        sectors: Mapping[str, tuple[str, ...]],
        *,
        zone: tzinfo = SHANGHAI,
    ) -> None:
        self.rules = tuple(rules)
        self.house = dict(house)
        self.otherwise = otherwise
        self.sectors = dict(sectors)
        self.zone = zone
        self._covering = lru_cache(maxsize=_MAX_CASES)(self._find_covering)

    @classmethod
    def from_file(cls, path: str | Path | None = None, *, zone: tzinfo = SHANGHAI) -> Deadlines:
        """Load the table.

        Parameters
        ----------
        path : str, Path or None, default=None
            A TOML file; None for the one that comes with the package.
        zone : tzinfo, default=Asia/Shanghai
            Where days begin and end.

        Returns
        -------
        Deadlines
            Ready to apply.

        Raises
        ------
        ConfigError
            If the file has a fault; the message has file, line and what is allowed.

        Examples
        --------
        >>> sorted({rule.unit for rule in Deadlines.from_file().rules})
        ['小时', '工作日', '日']
        """
        table = Table.from_file(path, "deadlines.toml")
        table.expect(_HEADERS)
        sectors = _read_sectors(table)
        known = {sector for ids in sectors.values() for sector in ids}
        rules: list[DeadlineRule] = []
        for row in table.rows("rule"):
            rule = _read_rule(row, known)
            if any(rule.id == other.id for other in rules):
                raise row.fault(f"the id '{rule.id}' is taken", "id")
            rules.append(rule)
        house, otherwise = _read_house(table)
        return cls(rules, house, otherwise, sectors, zone=zone)

    def apply(
        self,
        received_at: datetime,
        *,
        urgency: str,
        sector: str | None = None,
        region: str | None = None,
        calendar: WorkCalendar,
    ) -> tuple[Deadline, ...]:
        """Give the deadlines of a complaint.

        Parameters
        ----------
        received_at : datetime
            When it was received; without offset it is read in the zone of the table.
        urgency : str
            Its level, for the house rule.
        sector : str or None, default=None
            An id or name of a sector, in any case.
        region : str or None, default=None
            Where it happened.
        calendar : WorkCalendar
            Working days.

        Returns
        -------
        tuple of Deadline
            All rules of law that apply, earliest first; the house rule alone where none does.

        Examples
        --------
        >>> table = Deadlines.from_file()
        >>> received = datetime(2026, 9, 30, 23, 59)
        >>> (due, appeal) = table.apply(
        ...     received, urgency="normal", sector="快递", calendar=WorkCalendar()
        ... )
        >>> due.amount, due.unit, due.due_at.isoformat(), due.source
        (7, '日', '2026-10-08T23:59:59+08:00', '快递暂行条例 28')
        >>> appeal.duty_holder
        '邮政管理部门'
        """
        local = self._local(received_at)
        sectors = self.sectors.get(sector.strip().casefold(), ()) if sector else ()
        rules = self._covering(sectors, region, local.date())
        due = [self._count(rule, local, calendar) for rule in rules]
        if not due:
            return (self.first_response(received_at, urgency=urgency, calendar=calendar),)
        return tuple(sorted(due, key=lambda deadline: deadline.due_at))

    def first_response(
        self, received_at: datetime, *, urgency: str, calendar: WorkCalendar
    ) -> Deadline:
        """Give the organisation's own first response time.

        Parameters
        ----------
        received_at : datetime
            When the complaint was received.
        urgency : str
            Its level.
        calendar : WorkCalendar
            Working days.

        Returns
        -------
        Deadline
            Marked as no rule of law.

        Examples
        --------
        >>> Deadlines.from_file().first_response(
        ...     datetime(2026, 9, 30, 23, 59), urgency="critical", calendar=WorkCalendar()
        ... ).due_at.isoformat()
        '2026-10-01T00:59:00+08:00'
        """
        rule = self.house.get(urgency, self.otherwise)
        return self._count(rule, self._local(received_at), calendar)

    def _find_covering(
        self, sectors: tuple[str, ...], region: str | None, day: date
    ) -> tuple[DeadlineRule, ...]:
        return tuple(rule for rule in self.rules if rule.covers(sectors, region, day))

    def _local(self, moment: datetime) -> datetime:
        if moment.tzinfo is None:
            return moment.replace(tzinfo=self.zone)
        return moment.astimezone(self.zone)

    def _count(self, rule: DeadlineRule, local: datetime, calendar: WorkCalendar) -> Deadline:
        due_at = count_period(local, rule.amount, rule.unit, calendar)
        guessed = rule.unit != "小时" and calendar.is_provisional(due_at.date())
        return Deadline(
            what=rule.text["what"],
            duty_holder=rule.text["duty_holder"],
            amount=rule.amount,
            unit=rule.unit,
            counts_from=rule.text["counts_from"],
            due_at=due_at,
            authority=rule.text["authority"],
            article=rule.text["article"],
            source=rule.text["source"],
            verified=rule.verified,
            provisional=rule.starts_later or guessed,
        )


def count_period(start: datetime, amount: int, unit: str, calendar: WorkCalendar) -> datetime:
    """Count a period as 民法典 201 and 203 say.

    The day of the start is not counted; hours run from the minute. A period of calendar days
    that would end on a day off (weekend or holiday, 调休 respected) ends on the next working day.

    Parameters
    ----------
    start : datetime
        The moment that starts the count, in the zone whose days count.
    amount : int
        How many units.
    unit : str
        日, 工作日 or 小时.
    calendar : WorkCalendar
        Working days.

    Returns
    -------
    datetime
        The last moment, in the zone of `start`; a day ends at 23:59:59.

    Examples
    --------
    >>> count_period(datetime(2026, 2, 12, 9), 3, "工作日", WorkCalendar()).isoformat()
    '2026-02-24T23:59:59'
    """
    if unit == "小时":
        return start + timedelta(hours=amount)
    if unit == "工作日":
        last = calendar.add_working_days(start.date(), amount)
    else:
        last = start.date() + timedelta(days=amount)
        if not calendar.is_working_day(last):
            last = calendar.next_working_day(last)
    return datetime.combine(last, _DAY_END, start.tzinfo)


def _lies_in(region: str | None, jurisdiction: str) -> bool:
    if not region:
        return False
    short = jurisdiction
    for ending in _PROVINCE_ENDINGS:
        short = short.removesuffix(ending)
    return short in region


def _read_sectors(table: Table) -> dict[str, tuple[str, ...]]:
    sectors: dict[str, tuple[str, ...]] = {}
    rows = list(table.rows("sector"))
    ids = [row.text("id") for row in rows]
    for row, sector in zip(rows, ids, strict=True):
        row.expect(("id", "names"), ("also",))
        for other in row.words("also"):
            if other not in ids:
                raise row.fault(f"unknown sector '{other}': known are {', '.join(ids)}", "also")
        for name in (sector, *row.words("names")):
            if name.casefold() in sectors:
                raise row.fault(f"the name '{name}' is taken by another sector", "names")
            sectors[name.casefold()] = (sector, *row.words("also"))
    return sectors


def _read_rule(row: Row, sectors: set[str]) -> DeadlineRule:
    row.expect(
        (*_RULE_TEXTS, "sectors", "amount", "unit", "verified"),
        ("jurisdiction", "starts_later", "valid_from", "valid_to"),
    )
    for sector in row.words("sectors", empty=False):
        if sector not in sectors:
            known = ", ".join(sorted(sectors))
            raise row.fault(f"unknown sector '{sector}': expected one of {known}", "sectors")
    first, last = _read_day(row, "valid_from"), _read_day(row, "valid_to")
    if first and last and last < first:
        raise row.fault(f"valid_to {last} lies before valid_from {first}", "valid_to")
    return DeadlineRule(
        id=row.text("id"),
        sectors=row.words("sectors"),
        jurisdiction=row.text("jurisdiction") if "jurisdiction" in row.fields else None,
        starts_later=_read_truth(row, "starts_later", default=False),
        valid_from=first,
        valid_to=last,
        text={key: row.text(key) for key in _HOUSE_TEXTS},
        amount=row.whole("amount", least=1),
        unit=row.choice("unit", UNITS),
        verified=_read_truth(row, "verified", default=False),
    )


def _read_day(row: Row, key: str) -> date | None:
    value = row.fields.get(key)
    if value is None:
        return None
    if not isinstance(value, date) or isinstance(value, datetime):
        raise row.fault(f"'{key}' must be a date such as 2026-04-15, got {value!r}", key)
    return value


def _read_truth(row: Row, key: str, *, default: bool) -> bool:
    value = row.fields.get(key, default)
    if not isinstance(value, bool):
        raise row.fault(f"'{key}' must be true or false, got {value!r}", key)
    return value


def _read_house(table: Table) -> tuple[dict[str, DeadlineRule], DeadlineRule]:
    texts = table.section("house")
    texts.expect(_HOUSE_TEXTS)
    shared = DeadlineRule(
        id="house",
        sectors=(),
        jurisdiction=None,
        starts_later=False,
        valid_from=None,
        valid_to=None,
        text={key: texts.text(key) for key in _HOUSE_TEXTS},
        amount=1,
        unit="小时",
        verified=True,
    )
    house: dict[str, DeadlineRule] = {}
    otherwise: DeadlineRule | None = None
    for row in table.rows("house_level"):
        row.expect(("urgency", "amount", "unit"), ("otherwise",))
        rule = replace(shared, amount=row.whole("amount", least=1), unit=row.choice("unit", UNITS))
        house[row.text("urgency")] = rule
        if _read_truth(row, "otherwise", default=False):
            otherwise = rule
    if otherwise is None:
        raise table.fault("one [[house_level]] must have 'otherwise = true'")
    return house, otherwise
