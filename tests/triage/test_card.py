"""The card holds what the text says, with its span, and nothing else."""

from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from triage.card import CardReader
from triage.errors import ConfigError

READER = CardReader.from_file()
RECEIVED = datetime(2026, 6, 10, 9, 30)
TEXT = (
    "你好。上周三在你们店花3580元买的扫地机，用两天就不走了。我是老客户，打了三次客服电话都没人理，"
    "店长还说是我弄坏的。要求退款并道歉。"
)


def read(text):
    return READER.read(text, RECEIVED)


def test_every_value_carries_the_span_it_was_read_from():
    card = read(TEXT)
    assert TEXT[card.happened.start : card.happened.end] == card.happened.value
    assert card.happened.value.startswith("上周三")
    assert [(m.value, TEXT[m.start : m.end]) for m in card.when] == [("2026-06-03", "上周三")]
    assert [(str(a.value), a.role) for a in card.amounts] == [("3580", "paid")]
    assert card.product.value == TEXT[card.product.start : card.product.end] == "扫地机"
    assert [person.value for person in card.people_involved] == ["客服", "店长"]
    assert [demand.value for demand in card.demands] == ["退款", "道歉"]
    assert card.prior_contacts.count == 3
    assert card.old_customer.value is True
    assert card.grievance.value in TEXT


def test_a_silent_text_gives_an_empty_card():
    card = read("嗯。")
    assert {getattr(card, name) for name in card.__slots__} == {None}


@pytest.mark.parametrize(
    ("text", "demands"),
    [
        ("要求全额退款", {"退款"}),
        ("请尽快派人来修", {"维修"}),
        ("我要换一台新的", {"换货"}),
        ("必须赔偿我的损失", {"赔偿"}),
        ("要他当面道歉", {"道歉"}),
        ("凭什么多收，给个说法", {"解释"}),
        ("请严肃处理这个司机", {"处罚"}),
        ("建议增设路灯", {"改善"}),
        ("商家拒绝退款", {"退款"}),
        ("申请退货一直不给退货", {"退货"}),
        ("把押金退给我", {"退款"}),
        ("要求：1、退还费用；2、书面道歉", {"退款", "道歉"}),
        ("退一赔三！", {"退款", "赔偿"}),
        ("漏发的配件请补寄", {"补发"}),
        ("请安排发货", {"交付"}),
        ("求求尽快恢复供水", {"恢复"}),
        ("滞纳金给我免了", {"撤销"}),
        ("请药监局查一查这家店", {"调查"}),
        ("别再给我打电话了", {"停止"}),
        ("请兑现承诺", {"履约"}),
        ("我不要赔偿，只要一个道歉", {"道歉"}),
        ("客服说可以退款", set()),
        ("他们要求我赔偿", set()),
        ("已经退款了，谢谢", set()),
        ("不需要赔偿", set()),
        ("风景很好", set()),
    ],
)
def test_demands_are_what_the_author_asks_for(text, demands):
    assert {demand.value for demand in read(text).demands or ()} == demands


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("打了五次客服电话", 5),
        ("这是我第三次投诉", 2),
        ("投诉过两次", 2),
        ("前后跑了四趟营业厅", 4),
        ("上周已经投诉过", 1),
        ("打过热线两次，12345一次", 3),
        ("物业、社区、城管都找过", 3),
        ("跟物业说了，跟社区也说了", 2),
        ("客服说过几天", 1),
        ("多次反映无果", None),
        ("打了几次电话", None),
    ],
)
def test_prior_contacts_are_counted_where_the_text_counts(text, count):
    assert read(text).prior_contacts.count == count


@pytest.mark.parametrize(
    "text", ["第一次投诉", "从没投诉过", "再不处理就投诉", "推销的打了三次电话", "买了三次"]
)
def test_no_prior_contacts_are_invented(text):
    assert read(text).prior_contacts is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("我是你们的老客户", True),
        ("用了你们家十年", True),
        ("第一次来你们店", False),
        ("你好", None),
    ],
)
def test_an_old_customer_is_one_who_says_so(text, value):
    found = read(text).old_customer
    assert (found.value if found else None) is value


@pytest.mark.parametrize(
    ("text", "value"),
    [("我的要求不过分", True), ("我知道这要求有点过分", False), ("退钱", None)],
)
def test_reasonable_is_only_what_the_text_says_of_itself(text, value):
    found = read(text).reasonable
    assert (found.value if found else None) is value


@given(st.text(max_size=200))
@settings(max_examples=100, deadline=None)
def test_spans_lie_in_any_text(text):
    card = read(text)
    single = (card.happened, card.product, card.grievance, card.prior_contacts)
    several = (card.when, card.amounts, card.people_involved, card.demands)
    values = [value for value in single if value]
    values += [value for group in several for value in group or ()]
    for value in values:
        assert 0 <= value.start < value.end <= len(text)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("[amount]\n", "line 1: unknown table 'amount': expected one of amounts"),
        ("[amounts]\npaid = [3]\n", "line 2: 'paid' must be a list of non-empty strings"),
    ],
)
def test_a_fault_in_the_file_is_named_with_its_line(tmp_path, source, message):
    path = tmp_path / "card.toml"
    path.write_text(source, "utf-8")
    with pytest.raises(ConfigError, match=message):
        CardReader.from_file(path)
