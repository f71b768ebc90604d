"""Dates and times are resolved against the moment of receipt."""

import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.moments import PRECISIONS, MomentFinder

FINDER = MomentFinder.from_file()
WEDNESDAY = datetime(2026, 6, 10, 9, 30)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("昨天买的", [("昨天", "2026-06-09")]),
        ("上周三下单", [("上周三", "2026-06-03")]),
        ("3月15号到货", [("3月15号", "2026-03-15")]),
        ("两个月前交的钱", [("两个月前", "2026-04")]),
        ("2024-06-15签的合同", [("2024-06-15", "2024-06-15")]),
        ("2024年6月15日下午3点", [("2024年6月15日下午3点", "2024-06-15T15:00")]),
        ("去年9月份开始", [("去年9月份", "2025-09")]),
        ("本周还没修", [("本周", "2026-06-08/2026-06-14")]),
        ("今早8点", [("今早8点", "2026-06-10T08:00")]),
        ("10.11日下单", [("10.11日", "2025-10-11")]),
        ("双十一抢的", [("双十一", "2025-11-11")]),
        ("去年春节", [("去年春节", "2025-01-29")]),
        ("昨天晚上八点半", [("昨天晚上八点半", "2026-06-09T20:30")]),
        ("上周日下午三点一刻", [("上周日下午三点一刻", "2026-06-07T15:15")]),
        ("12月24日", [("12月24日", "2025-12-24")]),
        ("15号", [("15号", "2026-05-15")]),
        ("15号前必须到", [("15号", "2026-06-15")]),
        ("周五", [("周五", "2026-06-05")]),
        ("下周一", [("下周一", "2026-06-15")]),
        ("上个月20号", [("上个月20号", "2026-05-20")]),
        ("半年前", [("半年前", "2025-12")]),
        ("三小时前", [("三小时前", "2026-06-10T06:30")]),
        ("11月3日至11月5日", [("11月3日", "2025-11-03"), ("11月5日", "2025-11-05")]),
        ("2023年", [("2023年", "2023")]),
        ("十月一号", [("十月一号", "2025-10-01")]),
        ("凌晨两点", [("凌晨两点", "2026-06-10T02:00")]),
        ("昨天报修，晚上7点才来", [("昨天", "2026-06-09"), ("晚上7点", "2026-06-09T19:00")]),
    ],
)
def test_words_for_a_time_are_found_and_resolved(text, found):
    assert [(text[m.start : m.end], m.value) for m in FINDER.find(text, WEDNESDAY)] == found


@pytest.mark.parametrize(
    "text",
    [
        "等了三天",
        "7号楼",
        "3号线停运",
        "一个月两次",
        "24小时内",
        "提几点建议",
        "两年了",
        "保质期12个月",
        "二点九个百分点",
        "月供三千",
        "每平方12.8一斤",
        "两点意见",
        "周边环境",
    ],
)
def test_durations_and_names_are_no_dates(text):
    assert FINDER.find(text, WEDNESDAY) == ()


def test_the_zone_of_receipt_counts():
    (today,) = FINDER.find("今天", datetime(2026, 6, 10, 23, 30, tzinfo=UTC))
    assert today.value == "2026-06-10"


def test_a_day_lasts_until_its_end():
    (day,) = FINDER.find("昨天", WEDNESDAY)
    assert (day.first, day.last) == (datetime(2026, 6, 9), datetime(2026, 6, 9, 23, 59, 59))


@given(
    st.text(alphabet="年月日号周上下一二三十0123456789点半前昨今去晨晚:：-/.，。 ", max_size=50),
    st.datetimes(datetime(2019, 1, 1), datetime(2035, 1, 1)),
)
def test_any_text_gives_ordered_spans_and_sound_times(text, received):
    end = 0
    for moment in FINDER.find(text, received):
        assert end <= moment.start < moment.end <= len(text)
        end = moment.end
        assert moment.first <= moment.last
        assert moment.precision in PRECISIONS
        assert moment.value


@pytest.mark.parametrize("unit", ["年", "1月", "昨天", "上周", "12:30", "二十", "点", "前"])
def test_a_text_of_100_000_characters_takes_no_longer_than_it_should(unit):
    began = time.perf_counter()
    FINDER.find((unit * 100_000)[:100_000], WEDNESDAY)
    assert time.perf_counter() - began < 8
