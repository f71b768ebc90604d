import time

from starlette.testclient import TestClient

from tests.api.conftest import Connect

CASE = "空调装好三天就不制冷，打了五次客服没人管，要求退款"


def resolve(client: TestClient, text: str, resolution: str) -> str:
    found = client.post("/v1/complaints", json={"text": text}).json()
    client.post(
        f"/v1/complaints/{found['id']}/outcome", json={"resolution": resolution, "satisfied": True}
    )
    return found["id"]


def wait_for_similar(client: TestClient, text: str) -> list[dict]:
    for _ in range(60):
        if similar := client.post("/v1/triage", json={"text": text}).json()["similar"]:
            return similar
        time.sleep(0.1)
    return []


def test_a_resolved_case_is_shown_with_one_like_it(either: TestClient):
    case = resolve(either, CASE, "上门检修后全额退款")
    resolve(either, "小区路灯坏了两周，晚上黑漆漆的没人修", "更换路灯")
    (first, *_) = wait_for_similar(either, CASE + "！")
    assert first["id"] == case
    assert first["score"] > 0.8
    assert first["outcome"]["resolution"] == "上门检修后全额退款"
    assert first["outcome"]["satisfied"] is True


def test_an_erased_case_is_not_shown(client: TestClient):
    case = resolve(client, CASE, "退款")
    assert wait_for_similar(client, CASE)
    client.delete(f"/v1/complaints/{case}")
    for _ in range(60):
        if not client.post("/v1/triage", json={"text": CASE}).json()["similar"]:
            return
        time.sleep(0.1)
    raise AssertionError("an erased case was still shown")


def test_similar_cases_can_be_switched_off(connect: Connect):
    client = connect(similar_cases=0)
    resolve(client, CASE, "退款")
    time.sleep(1.5)
    assert client.post("/v1/triage", json={"text": CASE}).json()["similar"] == []
