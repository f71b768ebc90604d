"""Sums of money in digits and Chinese numerals, and what is none."""

import time
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.amounts import AmountFinder, read_number
from triage.tables import Table

CUES = Table.from_file(None, "card.toml").section("amounts")
FINDER = AmountFinder({key: CUES.words(key) for key in CUES.fields})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1200", "1200"),
        ("1,200.50", "1200.50"),
        ("3.5万", "35000"),
        ("3万5", "35000"),
        ("一千二", "1200"),
        ("两万八", "28000"),
        ("三百五", "350"),
        ("一百零五", "105"),
        ("两百", "200"),
        ("三千多", "3000"),
        ("20几万", "200000"),
        ("两三百", "200"),
        ("十几", "10"),
        ("几千", "1000"),
        ("十来万", "100000"),
        ("1.2亿", "120000000"),
        ("3w", "30000"),
    ],
)
def test_a_number_is_read_as_people_write_it(text, value):
    assert read_number(text) == Decimal(value)


@pytest.mark.parametrize("text", ["1917***.92", "多", "", "好几"])
def test_what_is_no_number_gives_none(text):
    assert read_number(text) is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("花了1200元", [("1200元", "1200", "paid")]),
        ("付了1,200.50元定金", [("1,200.50元", "1200.50", "paid")]),
        ("被骗了3.5万", [("3.5万", "35000", "lost")]),
        ("一千二买的", [("一千二", "1200", "paid")]),
        ("退我两百块", [("两百块", "200", "demanded")]),
        ("扣了三千多", [("三千多", "3000", "charged")]),
        ("损失20几万", [("20几万", "200000", "lost")]),
        ("要价￥88", [("￥88", "88", "charged")]),
        ("扣款1917***.92元", [("1917***.92元", None, "charged")]),
        ("一共三块五", [("三块五", "3.5", None)]),
        ("多收8毛钱", [("8毛钱", "0.8", "charged")]),
        ("赔偿500美元", [("500美元", "500", "demanded")]),
        ("首付80万，月供6200", [("80万", "800000", "paid"), ("6200", "6200", "paid")]),
        ("三文鱼198一斤", [("198", "198", None)]),
        ("门票120元一张", [("120元", "120", "paid")]),
        ("耳机NT$1,980", [("NT$1,980", "1980", None)]),
        ("两百块钱的衣服", [("两百块钱", "200", None)]),
    ],
)
def test_sums_are_found_with_span_value_and_role(text, found):
    assert [
        (text[a.start : a.end], None if a.value is None else str(a.value), a.role)
        for a in FINDER.find(text)
    ] == found


@pytest.mark.parametrize(
    "text",
    [
        "打了12315",
        "2024年3月15日",
        "这一块没人管",
        "两块玻璃碎了",
        "3单元502",
        "等了3个小时",
        "一分钱没退",
        "买了2台",
        "跑了3万公里",
        "电话400-800-1234",
        "扣了12分",
        "全村一百三十二户",
        "涨了20%",
        "万一坏了",
        "千万别买",
        "元旦发货",
        "今天上午10:00的课",
        "3500W的空调",
    ],
)
def test_other_numbers_are_no_sums(text):
    assert FINDER.find(text) == ()


def test_currency_and_about():
    (dollars,) = FINDER.find("赔偿500美元")
    (about,) = FINDER.find("花了三千多元")
    assert (dollars.currency, dollars.is_about) == ("USD", False)
    assert (about.currency, about.is_about) == ("CNY", True)


@given(st.integers(1, 9_999_999))
def test_every_whole_number_of_yuan_is_found(number):
    (amount,) = FINDER.find(f"花了{number}元")
    assert amount.value == number


@given(st.text(alphabet="一二两三十百千万亿元块多几0123456789.,*￥花了退 ", max_size=60))
def test_any_text_gives_spans_inside_it_without_overlap(text):
    end = 0
    for amount in FINDER.find(text):
        assert end <= amount.start < amount.end <= len(text)
        end = amount.end


@pytest.mark.parametrize("unit", ["1", "一", "一千二", "1,", "*", "块", "花了3万"])
def test_a_text_of_100_000_characters_takes_no_longer_than_it_should(unit):
    began = time.perf_counter()
    FINDER.find((unit * 100_000)[:100_000])
    assert time.perf_counter() - began < 5
