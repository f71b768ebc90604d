"""The language of cue expressions and the guards around them."""

import re

import pytest

from triage.cue_book import CueBook
from triage.cues import Expression, Guard, Reading, Span, compile_alternatives


def found(source, text, **lists):
    book = CueBook([Expression.parse(source, lists)])
    return [text[span.start : span.end] for _, span in book.find(Reading(text))]


@pytest.mark.parametrize(
    ("source", "text", "expected"),
    [
        ("退钱|退款", "退钱！退款！", ["退钱", "退款"]),
        ("要 ~3 投诉", "我要马上投诉", ["要马上投诉"]),
        ("要 ~3 投诉", "我要。投诉", []),
        ("要 ~1 投诉", "我要马上投诉", []),
        ("第 # 次", "这是第十二次了", ["第十二次"]),
        ("孩子 [们] 哭", "孩子哭，孩子们哭", ["孩子哭", "孩子们哭"]),
        ("孩子 !气|王", "孩子气的孩子王和孩子", ["孩子"]),
        ("打 ~2 !电话", "打个电话", []),
        ("打 ~2 !电话", "打人", ["打"]),
        ("!不 退", "不退要退", ["退"]),
        ("/[6-9]\\d/ 岁", "他78岁", ["78岁"]),
        ("<who> 说", "客服说", ["客服说"]),
    ],
)
def test_an_expression_means_what_its_description_says(source, text, expected):
    assert found(source, text, who=("客服", "店长")) == expected


def test_a_gap_of_an_exclusion_stays_within_the_clause():
    within = Expression.parse("在 ~4 看", across=False)
    assert within.pattern.search("在天台，你看") is None


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("投诉 [过", "has no closing bracket"),
        ("<nobody> 说", "unknown list <nobody>"),
        ("#", "needs a slot of plain words"),
        ("投诉||举报", "cannot read the slot"),
    ],
)
def test_an_expression_that_cannot_be_read_says_why(source, message):
    with pytest.raises(ValueError, match=message):
        Expression.parse(source)


def test_the_first_test_never_hides_a_find():
    expression = Expression.parse("我|他 ~4 投诉|投诉到|告 [你] 了")
    text = "他昨天告你了"
    assert expression.pattern.search(text)
    assert list(CueBook([expression]).find(Reading(text)))


def test_a_reading_cuts_clauses_and_sentences():
    reading = Reading("没修好，我不会再投诉。真的")
    assert reading.before(8) == "我不会再"
    assert reading.before(8, "sentence") == "没修好，我不会再"
    assert reading.after(8) == "投诉"
    assert Reading("字" * 200).before(150) == "字" * 60


def test_a_guard_needs_both_sides_where_it_says_so():
    past, settled = re.compile("以前"), re.compile("没事")
    both = Guard("history", past, settled, None, None, "sentence", both=True)
    either = Guard("history", past, settled, None, None, "sentence", both=False)
    reading = Reading("以前着过火，天天担心")
    assert not both.applies(reading, Span(2, 5))
    assert either.applies(reading, Span(2, 5))


def test_unless_takes_a_guard_back():
    guard = Guard("n", re.compile("不会$"), None, re.compile("难道"), None, "clause", both=False)
    assert guard.applies(Reading("我不会投诉"), Span(3, 5))
    assert not guard.applies(Reading("难道我不会投诉"), Span(5, 7))


def test_a_fragment_that_is_no_regular_expression_is_named():
    with pytest.raises(ValueError, match="is no regular expression"):
        compile_alternatives(["没(有"])
    assert compile_alternatives([]) is None
