"""Every row of the table of deadlines, and how days are counted."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.calendar import WorkCalendar
from triage.deadlines import SHANGHAI, UNITS, Deadlines, count_period
from triage.errors import ConfigError

TABLE = Deadlines.from_file()
CALENDAR = WorkCalendar()
MONDAY = datetime(2026, 6, 1, 10, 0, tzinfo=SHANGHAI)
HEAD = """
[[sector]]
id = "gas"
names = ["燃气"]

[[rule]]
id = "gas.one"
sectors = ["gas"]
duty_holder = "公司"
what = "答复"
amount = 3
unit = "日"
counts_from = "收到之日"
authority = "局"
article = "条例"
source = "条例 1"
verified = true

[house]
duty_holder = "本单位"
what = "首次响应"
counts_from = "收到之时"
authority = "本单位"
article = "内部"
source = "S4"

[[house_level]]
urgency = "normal"
amount = 48
unit = "小时"
otherwise = true
"""


def apply(sector, region=None, received=MONDAY, urgency="normal"):
    return TABLE.apply(received, urgency=urgency, sector=sector, region=region, calendar=CALENDAR)


@pytest.mark.parametrize(
    ("sector", "region", "who", "amount", "unit", "verified"),
    [
        ("consumer", None, "行政部门", 7, "工作日", True),
        ("12315", None, "市场监督管理部门", 7, "工作日", False),
        ("12315", None, "市场监督管理部门", 60, "日", True),
        ("consumer", "浙江省杭州市", "经营者", 5, "日", True),
        ("bank", None, "银行保险机构", 15, "日", True),
        ("insurance", None, "银行保险机构", 30, "日", False),
        ("银行", None, "银行保险机构", 60, "日", False),
        ("征信", None, "征信机构", 20, "日", True),
        ("telecom", None, "电信业务经营者", 15, "日", True),
        ("telecom", None, "申诉受理机构", 5, "工作日", True),
        ("telecom", None, "电信管理机构", 30, "日", True),
        ("telecom_fault", None, "电信业务经营者", 48, "小时", True),
        ("telecom_fault", None, "电信业务经营者", 72, "小时", True),
        ("telecom", "河南", "电信业务经营者", 5, "工作日", True),
        ("Telecom", "重庆市渝北区", "电信业务经营者", 15, "工作日", True),
        ("courier", None, "快递业务", 7, "日", True),
        ("courier", None, "邮政管理部门", 30, "日", True),
        ("post", None, "邮政管理部门", 30, "日", True),
        ("airport", None, "机场管理机构", 10, "工作日", True),
        ("airline", None, "承运人", 10, "工作日", False),
        ("airline", None, "承运人", 7, "工作日", False),
        ("gas", None, "燃气管理部门", 15, "工作日", True),
        ("petition", None, "机关", 15, "日", True),
        ("petition", None, "机关", 60, "日", True),
        ("petition", None, "机关", 90, "日", True),
        ("hotline", "济南市", "承办单位", 5, "工作日", True),
        ("12345", "山东省潍坊市", "承办单位", 5, "工作日", True),
    ],
)
def test_every_rule_of_the_knowledge_table_applies(sector, region, who, amount, unit, verified):
    found = [
        due
        for due in apply(sector, region)
        if who in due.duty_holder and (due.amount, due.unit) == (amount, unit)
    ]
    assert [due.verified for due in found] == [verified]


def test_the_mediation_period_changes_on_2026_04_15():
    before = apply("12315", received=datetime(2026, 4, 14, 23, 59, tzinfo=SHANGHAI))
    after = apply("12315", received=datetime(2026, 4, 15, 0, 0, tzinfo=SHANGHAI))
    assert (45, "工作日") in {(due.amount, due.unit) for due in before}
    assert (60, "日") not in {(due.amount, due.unit) for due in before}
    assert (60, "日") in {(due.amount, due.unit) for due in after}
    assert (45, "工作日") not in {(due.amount, due.unit) for due in after}


@pytest.mark.parametrize(
    ("urgency", "due"),
    [
        ("critical", "2026-06-01T11:00:00+08:00"),
        ("high", "2026-06-02T10:00:00+08:00"),
        ("normal", "2026-06-03T10:00:00+08:00"),
        ("low", "2026-06-08T23:59:59+08:00"),
        ("一级", "2026-06-03T10:00:00+08:00"),
    ],
)
def test_the_house_rule_stands_in_where_no_rule_applies(urgency, due):
    (deadline,) = apply(None, urgency=urgency)
    assert deadline.due_at.isoformat() == due
    assert "不是法定" in deadline.article


def test_a_region_without_rules_of_its_own_has_the_national_ones():
    assert [due.source for due in apply("consumer", "浙江")] == [
        "浙江省实施消保法办法 31",
        "消费者权益保护法 46",
    ]
    assert [due.source for due in apply("consumer", "江苏省")] == ["消费者权益保护法 46"]


@pytest.mark.parametrize(
    ("received", "amount", "unit", "due"),
    [
        # across National Day 2026 (Oct 1-7 off, Sept 20 and Oct 10 worked)
        (datetime(2026, 9, 30, 23, 59), 1, "工作日", "2026-10-08T23:59:59"),
        (datetime(2026, 9, 30, 0, 0), 3, "工作日", "2026-10-10T23:59:59"),
        (datetime(2026, 9, 28, 9, 0), 5, "日", "2026-10-08T23:59:59"),
        # across Spring Festival 2026 (Feb 15-23 off, Feb 14 and 28 worked)
        (datetime(2026, 2, 13, 9, 0), 2, "工作日", "2026-02-24T23:59:59"),
        (datetime(2026, 2, 10, 9, 0), 7, "日", "2026-02-24T23:59:59"),
        # received on a holiday
        (datetime(2026, 10, 1, 8, 0), 7, "日", "2026-10-08T23:59:59"),
        (datetime(2026, 10, 1, 8, 0), 1, "工作日", "2026-10-08T23:59:59"),
        # the last day falls on a Saturday
        (datetime(2026, 6, 1, 8, 0), 5, "日", "2026-06-08T23:59:59"),
        # hours run through nights and holidays
        (datetime(2026, 9, 30, 23, 59), 48, "小时", "2026-10-02T23:59:00"),
    ],
)
def test_days_are_counted_as_the_civil_code_says(received, amount, unit, due):
    assert count_period(received, amount, unit, CALENDAR).isoformat() == due


def test_a_receipt_in_another_zone_counts_in_ours():
    london = datetime(2026, 6, 1, 17, 0, tzinfo=UTC)
    (deadline, *_) = apply("courier", received=london)
    assert deadline.due_at.isoformat() == "2026-06-09T23:59:59+08:00"
    tokyo = datetime(2026, 6, 2, 0, 30, tzinfo=timezone(timedelta(hours=9)))
    assert apply("courier", received=tokyo)[0].due_at.isoformat() == "2026-06-08T23:59:59+08:00"


def test_a_time_without_offset_is_read_in_the_zone_of_the_table():
    assert apply("courier", received=datetime(2026, 6, 1, 10)) == apply("courier")


def test_beyond_the_published_calendar_a_date_is_provisional():
    (deadline, *_) = apply("courier", received=datetime(2031, 6, 2, 10))
    assert deadline.provisional
    assert not apply("courier")[0].provisional


def test_a_count_that_starts_with_a_later_event_is_provisional():
    (mediation,) = [due for due in apply("12315") if due.amount == 60]
    assert mediation.provisional


def test_an_override_moves_the_day():
    calendar = WorkCalendar({date(2026, 6, 8): False})
    (deadline, *_) = TABLE.apply(MONDAY, urgency="normal", sector="courier", calendar=calendar)
    assert deadline.due_at.date() == date(2026, 6, 9)


@given(
    st.sampled_from(sorted(TABLE.sectors)),
    st.sampled_from(["浙江", "河南", "重庆", "济南", "潍坊", None]),
    st.datetimes(datetime(2019, 1, 1), datetime(2030, 1, 1)),
)
def test_deadlines_come_earliest_first_and_after_receipt(sector, region, received):
    deadlines = apply(sector, region, received)
    assert deadlines
    moments = [due.due_at for due in deadlines]
    assert moments == sorted(moments)
    assert moments[0] > received.replace(tzinfo=SHANGHAI)


def test_every_rule_has_a_unit_a_duty_holder_and_a_source():
    for rule in TABLE.rules:
        assert rule.unit in UNITS
        assert all(rule.text.values())


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('unit = "日"\n', "", r"line 6: \[rule\] has no 'unit'"),
        (
            'unit = "日"',
            'unit = "周"',
            "line 12: unknown unit '周': expected one of 日, 工作日",
        ),
        ("amount = 3", "amount = 0", "line 11: 'amount' must be a whole number >= 1, got 0"),
        ('sectors = ["gas"]', 'sectors = ["oil"]', "line 8: unknown sector 'oil': expected one"),
        ('source = "条例 1"\n', "", "has no 'source'"),
        ("verified = true", 'verified = "yes"', "line 17: 'verified' must be true or false"),
        ("verified = true", "verified = true\nvalid_from = 3", "'valid_from' must be a date"),
        (
            "verified = true",
            "verified = true\nvalid_from = 2026-02-01\nvalid_to = 2026-01-01",
            "line 19: valid_to 2026-01-01 lies before",
        ),
        ("otherwise = true", "", r"one \[\[house_level\]\] must have 'otherwise = true'"),
        ('names = ["燃气"]', 'names = ["gas"]', "the name 'gas' is taken"),
        ('names = ["燃气"]', 'names = ["燃气"]\nalso = ["oil"]', "line 5: unknown sector 'oil'"),
    ],
)
def test_a_fault_in_the_file_is_named_with_its_line(tmp_path, old, new, message):
    path = tmp_path / "deadlines.toml"
    path.write_text(HEAD.replace(old, new), "utf-8")
    with pytest.raises(ConfigError, match=message):
        Deadlines.from_file(path)


def test_a_file_of_ones_own_is_enough(tmp_path):
    path = tmp_path / "deadlines.toml"
    path.write_text(HEAD, "utf-8")
    (due,) = Deadlines.from_file(path).apply(MONDAY, urgency="x", sector="燃气", calendar=CALENDAR)
    assert due.due_at.isoformat() == "2026-06-04T23:59:59+08:00"
