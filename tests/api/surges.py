"""Streams of invented complaints: an ordinary month, and one matter that many complain of."""

import json
import random
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from starlette.testclient import TestClient

SUBJECTS = ["路灯", "快递", "医保", "公交", "暖气", "学位", "拆迁", "停车", "燃气", "宽带", "电梯"]
TROUBLES = ["不亮", "丢失", "太慢", "改线", "不热", "不公", "拖延", "涨价", "中断", "卡顿"]
MATTER = "旁边新建的混凝土搅拌站半夜粉尘噪音扰民，窗户都不敢开，{n}号楼"

Body = dict[str, Any]


def ordinary(n: int = 150, *, days: float = 30.0, seed: int = 7) -> list[Body]:
    """Unlike complaints, spread over the days before now, oldest first."""
    draw = random.Random(seed)
    ages = sorted((draw.uniform(0.05, days) for _ in range(n)), reverse=True)
    now = datetime.now().astimezone()
    return [
        {
            "text": _ordinary_text(draw),
            "occurred_at": (now - timedelta(days=age)).isoformat(),
            "customer": f"旧客户{i}",
            "region": draw.choice("东西南北"),
        }
        for i, age in enumerate(ages)
    ]


def _ordinary_text(draw: random.Random) -> str:
    place = "".join(chr(0x4E00 + draw.randrange(8000)) for _ in range(12))
    return f"{place[:8]}{draw.choice(SUBJECTS)}{draw.choice(TROUBLES)}，{place[8:]}"


def matter(n: int, *, first: int = 0, **fields: Any) -> list[Body]:
    """Complaints of different customers about one matter."""
    return [
        {"text": MATTER.format(n=i), "customer": f"街坊{i}", "external_id": f"m{i}", **fields}
        for i in range(first, first + n)
    ]


def bring_in(client: TestClient, bodies: Sequence[Body], *, live: bool = False) -> list[dict]:
    """Import complaints, as old ones unless said otherwise."""
    lines = "\n".join(json.dumps(body, ensure_ascii=False) for body in bodies)
    answer = client.post(
        f"/v1/complaints/import?live={str(live).lower()}",
        content=lines.encode(),
        headers={"Content-Type": "application/x-ndjson"},
    )
    found = [json.loads(line) for line in answer.text.splitlines()]
    assert {line["status"] for line in found} <= {200, 201}, found[:3]
    return found


def post_all(client: TestClient, bodies: Sequence[Body]) -> list[dict]:
    """Post complaints one after the other, and give the answers."""
    answers = [client.post("/v1/complaints", json=body) for body in bodies]
    assert {answer.status_code for answer in answers} <= {200, 201}, answers[-1].text
    return [answer.json() for answer in answers]


def surges_of(client: TestClient, query: str = "") -> list[dict]:
    answer = client.get(f"/v1/surges{query}")
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


def pages(client: TestClient, limit: int) -> Iterator[list[dict]]:
    cursor = ""
    while True:
        page = client.get(f"/v1/surges?limit={limit}{cursor}").json()
        yield page["items"]
        if page["next_cursor"] is None:
            return
        cursor = f"&cursor={page['next_cursor']}"
