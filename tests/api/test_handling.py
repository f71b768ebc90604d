from datetime import datetime, timedelta

import pytest
from sqlalchemy import update
from starlette.testclient import TestClient

from api.database import Database
from api.tables import audit, complaints
from tests.api.conftest import TEXT, bearer, make_key


@pytest.fixture
def complaint(either: TestClient) -> dict:
    return either.post("/v1/complaints", json={"text": TEXT, "unit": "甲"}).json()


def test_a_response_stops_the_clock(either: TestClient, complaint: dict, database_url: str):
    late = datetime.fromisoformat(complaint["received_at"]) - timedelta(minutes=5)
    with Database(database_url) as database, database.write() as connection:
        connection.execute(update(complaints).values(first_response_due_at=late))
    assert len(either.get("/v1/complaints?overdue=true").json()["items"]) == 1
    answer = either.post(f"/v1/complaints/{complaint['id']}/response", json={"channel": "电话"})
    assert answer.status_code == 200
    assert answer.json()["response_channel"] == "电话"
    assert either.get("/v1/complaints?overdue=true").json()["items"] == []
    again = either.post(f"/v1/complaints/{complaint['id']}/response", json={"channel": "短信"})
    assert again.json()["response_channel"] == "电话"


def test_a_response_before_the_complaint_is_refused(either: TestClient, complaint: dict):
    answer = either.post(
        f"/v1/complaints/{complaint['id']}/response", json={"at": "2001-01-01T00:00:00"}
    )
    assert answer.status_code == 422


def test_a_correction_is_tied_to_the_model(either: TestClient, complaint: dict):
    answer = either.post(
        f"/v1/complaints/{complaint['id']}/correction",
        json={"labels": {"category": "pricing"}, "reason": "客户王先生13800138000说是价格"},
    ).json()
    (made,) = answer["corrections"]
    assert (made["model"], made["before"]) == (complaint["model"], complaint["category"]["label"])
    assert "13800138000" not in made["reason"]
    assert answer["complaint"]["category"] == "pricing"
    assert answer["triage"] == complaint


def test_an_unknown_label_is_refused(either: TestClient, complaint: dict):
    answer = either.post(
        f"/v1/complaints/{complaint['id']}/correction", json={"labels": {"category": "物业费"}}
    )
    assert answer.status_code == 422
    assert "expected one of" in answer.json()["detail"]


def test_an_outcome_closes_and_may_be_replaced(either: TestClient, complaint: dict):
    path = f"/v1/complaints/{complaint['id']}/outcome"
    either.post(path, json={"resolution": "换货"})
    answer = either.post(path, json={"resolution": "全额退款", "satisfied": True}).json()
    assert answer["outcome"]["resolution"] == "全额退款"
    assert answer["complaint"]["resolved_at"]
    assert len(either.get("/v1/complaints?resolved=true").json()["items"]) == 1


def test_every_change_is_in_the_audit_trail_without_text(
    either: TestClient, complaint: dict, database_url: str
):
    path = f"/v1/complaints/{complaint['id']}"
    either.post(f"{path}/response", json={})
    either.post(f"{path}/correction", json={"labels": {"urgency": "low"}, "reason": "空调问题"})
    either.post(f"{path}/outcome", json={"resolution": "空调换新"})
    either.delete(path)
    with Database(database_url) as database, database.read() as connection:
        rows = connection.execute(audit.select().order_by(audit.c.seq)).all()
    assert [row.action for row in rows] == ["respond", "correct", "close", "erase"]
    assert {row.target for row in rows} == {complaint["id"]}
    assert "空调" not in repr(rows)


def test_a_handler_sees_the_own_unit_only(either: TestClient, complaint: dict, database_url: str):
    own, other = (bearer(make_key(database_url, "handler", "h", unit)) for unit in ("甲", "乙"))
    path = f"/v1/complaints/{complaint['id']}"
    assert either.get(path, headers=own).status_code == 200
    assert either.get(path, headers=other).status_code == 404
    assert len(either.get("/v1/complaints", headers=own).json()["items"]) == 1
    assert either.get("/v1/complaints", headers=other).json()["items"] == []
    for step, body in (
        ("response", {}),
        ("correction", {"labels": {"urgency": "low"}}),
        ("outcome", {"resolution": "x"}),
    ):
        assert either.post(f"{path}/{step}", json=body, headers=other).status_code == 404


def test_the_overview_counts_the_day(either: TestClient, complaint: dict):
    found = either.get("/v1/overview").json()
    assert (found["received"], found["open"], found["overdue"]) == (1, 1, 0)
    assert found["by_category"] == {complaint["category"]["label"]: 1}
    assert found["by_flag"]["escalation_threat"] == 1


def test_the_report_counts_a_period(either: TestClient, complaint: dict):
    path = f"/v1/complaints/{complaint['id']}"
    either.post(f"{path}/response", json={})
    either.post(f"{path}/outcome", json={"resolution": "退款", "satisfied": False})
    found = either.get("/v1/report").json()
    assert (found["received"], len(found["days"])) == (1, 31)
    assert (found["responded_in_time_share"], found["satisfied_share"]) == (1.0, 0.0)
    assert found["days"][-1]["received"] == 1


@pytest.mark.parametrize(
    "query", ["report?since=2020-01-01", "report?until=2999-01-01", "overview?day=0001-01-01"]
)
def test_an_impossible_period_is_refused(client: TestClient, query: str):
    assert client.get(f"/v1/{query}").status_code == 422


def test_a_reply_is_checked(client: TestClient):
    draft = "您先别激动，这不归我们管"
    answer = client.post("/v1/replies/check", json={"text": draft}).json()
    assert "别激动" in draft[slice(*answer["findings"][0]["span"])]
    assert all(finding["say"] for finding in answer["findings"])
    assert {part["part"] for part in answer["missing"]} >= {"cause", "solution", "deadline"}
