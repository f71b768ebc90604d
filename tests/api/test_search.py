import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from starlette.testclient import TestClient

from api.database import Database
from api.search import key_of, matches
from tests.api.conftest import Connect

TEXTS = {
    "refund": "申请全额退款三个月不到账",
    "network": "宽带断网三天，Wi-Fi 也连不上，拨打10010无人接听",
    "traditional": "電梯壞咗，管理處唔理，要求退費",
}


@pytest.fixture
def filled(either: TestClient) -> TestClient:
    for name, text in TEXTS.items():
        either.post("/v1/complaints", json={"text": text, "external_id": name})
    return either


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("退款", {"refund"}),
        ("全额退款", {"refund"}),
        ("额退", {"refund"}),
        ("退", {"refund", "traditional"}),
        ("账", {"refund"}),
        ("断网 退款", set()),
        ("断网 三天", {"network"}),
        ("wi-fi", {"network"}),
        ("10010", {"network"}),
        ("電梯", {"traditional"}),
        ("电梯坏", {"traditional"}),
        ("退全", set()),
        ("！？", set()),
        ('退款" OR "断网', set()),
        ("退款*", {"refund"}),
        ("NEAR(退款 断网)", set()),
        ("words : 退款", set()),
        (":* | !'", set()),
    ],
)
def test_words_are_found_in_chinese(filled: TestClient, query: str, found: set[str]):
    answer = filled.get("/v1/complaints", params={"q": query})
    assert answer.status_code == 200
    assert {item["external_id"] for item in answer.json()["items"]} == found


def test_a_search_can_be_filtered_and_paged(filled: TestClient):
    page = filled.get("/v1/complaints?q=三&limit=1").json()
    rest = filled.get(f"/v1/complaints?q=三&limit=1&cursor={page['next_cursor']}").json()
    assert {i["external_id"] for i in page["items"] + rest["items"]} == {"refund", "network"}
    assert rest["next_cursor"] is None
    assert filled.get("/v1/complaints?q=三&unit=甲").json()["items"] == []


def test_any_piece_of_a_text_finds_it(connect: Connect, sqlite: str):
    client = connect()
    text = "投诉物业公司乱收停车费，电梯3号楼坏了两周，APP报修没人理"
    client.post("/v1/complaints", json={"text": text})
    pieces = re.findall(r"[\u4e00-\u9fff]+|[A-Z0-9]+", text)
    with Database(sqlite) as database, database.read() as connection:

        @settings(max_examples=60, deadline=None)
        @given(st.data())
        def check(data: st.DataObject) -> None:
            piece = data.draw(st.sampled_from([p for p in pieces if not p.isascii()]))
            start = data.draw(st.integers(0, len(piece) - 1))
            end = data.draw(st.integers(start + 1, len(piece)))
            condition = matches(connection, piece[start:end])
            assert condition is not None
            assert connection.execute(select(key_of(connection)).where(condition)).all()

        check()
