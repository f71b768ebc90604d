from datetime import datetime

import pytest

from triage.card import CardReader

READER = CardReader.from_file()
SOME = "some"


def contacts(text: str) -> int | str | None:
    prior = READER.read(text, datetime(2026, 6, 1)).prior_contacts
    return None if prior is None else prior.count or SOME


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("找过镇里、县里、人社局", 3),
        ("投诉到过物业、社区、街道,没有音讯", 3),
        ("举报电话打了不下二十个", 20),
        ("城管说归公安,公安说归城管", 2),
        ("跟馆员说,她说管不了", 1),
        ("第十一次报修了", 10),
        ("客服电话天天打不通", SOME),
    ],
)
def test_contacts_are_counted(text: str, count: int | str):
    assert contacts(text) == count


@pytest.mark.parametrize(
    "text",
    [
        "科目二一次没约上",
        "邻居投诉过三次",
        "请派出所来看看",
        "业务员当初说保本",
        "如果再不处理我就打12315",
    ],
)
def test_no_contact_of_the_author_is_counted(text: str):
    assert contacts(text) is None
