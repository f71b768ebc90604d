from datetime import datetime

import pytest

from triage.card import CardReader

READER = CardReader.from_file()


def demands(text: str) -> set[str]:
    return {found.value for found in READER.read(text, datetime(2026, 6, 1)).demands or ()}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("门把手掉了,能不能换个新的?", {"换货"}),
        ("这钱你们平台出", {"赔偿"}),
        ("衣服染色了,给退了吧", {"退款"}),
        ("剩下的课我不上了,把没上完的学费退给我", {"退款"}),
        ("电梯又困人了,把维保记录拿出来给大家看", {"解释"}),
        ("一个人值夜班连口水都喝不上,建议多设一个饮水点", {"改善"}),
    ],
    ids=["can-you", "who-pays", "closing-word", "money-first", "show-it", "suggest"],
)
def test_what_people_ask_for_without_the_word_demand(text: str, wanted: set[str]):
    assert demands(text) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "我也没要你们赔钱",
        "不图退款,就是心里不舒服",
        "客服让我去申请退货",
        "上个月已经退款了",
        "老板说好了包退",
    ],
)
def test_what_is_not_asked_for_is_no_demand(text: str):
    assert demands(text) == set()


def test_of_two_demands_in_the_same_words_the_longer_stands():
    assert demands("请撤销这笔罚款,取消这笔订单费用") == {"撤销"}


def test_an_order_counts_in_the_last_sentences_only():
    assert demands("重新做一个热的") == {"换货"}
    told = "重新做一个又花了整整半小时。饿着肚子等到两点,孩子都睡着了,汤还是凉的,谁都没吃几口"
    assert demands(told) == set()
