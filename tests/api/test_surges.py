"""Early warning at the door: warnings in answers, surges as supervisors see them."""

import json
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from api.service import Service
from api.tables import audit, notices, surge_members
from tests.api.conftest import Connect, bearer, make_key
from tests.api.surges import bring_in, matter, ordinary, pages, post_all, surges_of

OTHER = "新装的充电桩一充就跳闸，物业三天没派人修，{n}车位"


@pytest.fixture
def busy(either: TestClient) -> TestClient:
    """A month of ordinary complaints on SQLite, and on PostgreSQL."""
    bring_in(either, ordinary())
    return either


@pytest.fixture
def month(client: TestClient) -> TestClient:
    """A month of ordinary complaints."""
    bring_in(client, ordinary())
    return client


def rows(client: TestClient, table) -> list:
    service: Service = client.app.state.service
    with service.database.read() as connection:
        return list(connection.execute(select(table).order_by(*table.primary_key)))


def opened(client: TestClient, n: int = 10) -> str:
    """Let a surge open; give its id."""
    post_all(client, matter(n))
    (surge,) = surges_of(client)
    return surge["id"]


def act(client: TestClient, surge_id: str, step: str, **body: object):
    return client.post(f"/v1/surges/{surge_id}/{step}", json=body)


def test_the_complaint_that_tips_the_scale_carries_the_warning(busy: TestClient):
    answers = post_all(busy, matter(10))
    warned = [k for k, answer in enumerate(answers) if answer["warning"]]
    assert warned == list(range(warned[0], 10))
    assert 3 <= warned[0] <= 7
    first = answers[warned[0]]["warning"]
    (surge,) = surges_of(busy)
    assert first["surge_id"] == surge["id"]
    assert first["observed"] == warned[0] + 1
    assert first["expected"] < 1 > first["p_value"]
    assert first["group"] == "everywhere"
    assert {"混凝土", "搅拌站", "粉尘", "噪音", "旁边", "新建", "扰民"} & set(
        first["topic"]["terms"]
    )
    assert "10人反映10件" in surge["message"]


def test_a_repeat_of_the_post_gives_the_same_warning(busy: TestClient):
    answers = post_all(busy, matter(8))
    assert answers[-1]["warning"]
    again = busy.post("/v1/complaints", json=matter(8)[-1])
    assert (again.status_code, again.json()) == (200, answers[-1])
    (surge,) = surges_of(busy)
    assert surge["observed"] == 8
    found = busy.get(f"/v1/complaints/{answers[-1]['id']}").json()
    assert found["triage"]["warning"] == answers[-1]["warning"]


def test_one_alert_not_forty(month: TestClient):
    items = {"items": matter(40)}
    answers = month.post("/v1/complaints/batch", json=items).json()["items"]
    assert answers[-1]["result"]["warning"]["level"] == "severe"
    (surge,) = surges_of(month)
    assert (surge["observed"], surge["n_customers"], surge["level"]) == (40, 40, "severe")
    assert [row.event for row in rows(month, notices)] == ["opened", "escalated", "escalated"]
    ids = {answer["result"]["id"] for answer in answers}
    assert {row.complaint_id for row in rows(month, surge_members)} == ids


def test_a_notice_has_everything_that_a_message_needs(month: TestClient):
    post_all(month, matter(9, region="东", product="云居苑", unit="城管二队"))
    first = rows(month, notices)[0]
    payload = json.loads(first.payload)
    assert first.id.startswith("msg_")
    assert (first.event, payload["event"], payload["state"]) == ("opened", "opened", "alert")
    assert {name: payload[name] for name in ("region", "product", "unit")} == {
        "region": "东",
        "product": "云居苑",
        "unit": "城管二队",
    }
    assert payload["group"] == "one_unit"
    assert payload["n_members"] == payload["observed"] >= 4
    assert payload["measures"]
    assert payload["message"]
    assert datetime.fromisoformat(payload["since"]).utcoffset() == timedelta(hours=8)


def test_an_import_of_lines_carries_warnings_too(month: TestClient):
    lines = bring_in(month, matter(9), live=True)
    found = month.get(f"/v1/complaints/{lines[-1]['id']}").json()
    assert found["triage"]["warning"]["observed"] == 9


@pytest.mark.parametrize("age", [timedelta(days=300), timedelta(hours=2)])
def test_an_import_of_old_complaints_raises_no_live_alert(month: TestClient, age: timedelta):
    at = (datetime.now().astimezone() - age).isoformat()
    bring_in(month, matter(30, occurred_at=at))
    assert surges_of(month) == []
    assert rows(month, notices) == []


def test_an_import_of_old_complaints_leaves_an_open_surge_as_it_is(month: TestClient):
    surge_id = opened(month)
    at = (datetime.now().astimezone() - timedelta(days=200)).isoformat()
    bring_in(month, matter(30, first=50, occurred_at=at))
    (surge,) = surges_of(month)
    assert (surge["id"], surge["observed"], surge["level"]) == (surge_id, 10, "warning")


def test_reminders_of_one_customer_are_linked_and_counted_once(month: TestClient):
    bodies = [{**body, "customer": "同一人"} for body in matter(12)]
    answers = post_all(month, bodies)
    assert {answer["duplicate_of"] for answer in answers[1:]} == {answers[0]["id"]}
    assert surges_of(month) == []


def test_late_arrivals_of_a_week_still_warn_and_older_ones_do_not(month: TestClient):
    now = datetime.now().astimezone()
    old = post_all(month, matter(10, occurred_at=(now - timedelta(days=8)).isoformat()))
    assert not any(answer["warning"] for answer in old)
    late = [
        {"text": OTHER.format(n=k), "occurred_at": (now - timedelta(days=6, hours=k)).isoformat()}
        for k in range(10)
    ]
    assert post_all(month, late)[-1]["warning"]


def test_complaints_from_the_future_count_as_of_now(month: TestClient):
    at = datetime.now().astimezone() + timedelta(hours=20)
    answers = post_all(month, matter(9, occurred_at=at.isoformat()))
    assert answers[-1]["warning"]
    assert datetime.fromisoformat(answers[-1]["warning"]["since"]) < at - timedelta(hours=19)
    (surge,) = surges_of(month)
    assert datetime.fromisoformat(surge["opened_at"]) < at - timedelta(hours=19)


def test_complaints_of_the_same_second_are_told_apart(month: TestClient):
    at = datetime.now().astimezone().replace(microsecond=0).isoformat()
    answers = post_all(month, matter(9, occurred_at=at))
    assert answers[-1]["warning"]["observed"] == 9


@pytest.mark.parametrize("hours", [-11, 0, 14])
def test_a_minute_before_midnight_elsewhere_is_the_same_moment(month: TestClient, hours: int):
    from datetime import timezone

    zone = timezone(timedelta(hours=hours))
    midnight = datetime.now(zone).replace(hour=23, minute=59, second=59, microsecond=0)
    at = midnight - timedelta(days=1)
    answers = post_all(month, matter(9, occurred_at=at.isoformat()))
    assert datetime.fromisoformat(answers[-1]["warning"]["since"]) == at


def test_a_field_with_very_many_values_is_capped_and_that_is_said(connect: Connect):
    client = connect(surge_max_values=50)
    bring_in(client, [{**b, "product": f"型号{k}"} for k, b in enumerate(ordinary(200))])
    assert client.get("/v1/surges").json()["capped_fields"] == ["category&product", "product"]
    assert 'triage_surge_state{what="capped_fields"} 2.0' in client.get("/metrics").text
    watched = client.app.state.service.watch._present.cells.rows
    assert sum(key.startswith("product=") for key in watched) == 51
    assert post_all(client, matter(9, product="型号9999"))[-1]["warning"]


def test_the_same_text_from_500_customers_is_one_surge(month: TestClient):
    bodies = [{"text": "转发:云居苑停水三天没人管", "customer": f"群友{k}"} for k in range(500)]
    bring_in(month, bodies, live=True)
    (surge,) = surges_of(month)
    assert (surge["n_customers"], surge["group"]) == (500, "everywhere")
    assert [row.event for row in rows(month, notices)] == ["opened", "escalated", "escalated"]


def test_complaints_without_words_make_no_topic_and_no_surge(month: TestClient):
    answers = post_all(month, [{"text": "？" * k} for k in range(1, 25)])
    assert not any(answer["warning"] for answer in answers)
    assert surges_of(month) == []


def test_the_life_of_a_surge_is_kept_with_who_when_and_why(busy: TestClient, database_url: str):
    key = bearer(make_key(database_url, "supervisor", source="主管台"))
    busy.headers.update(key)
    intake = bearer(make_key(database_url, "intake"))
    for body in matter(8):
        busy.post("/v1/complaints", json=body, headers=intake)
    (surge,) = surges_of(busy)
    until = (datetime.now().astimezone() + timedelta(days=2)).isoformat()
    steps = [
        ("assign", {"owner": "王主任", "reason": "辖区负责"}, "alert"),
        ("acknowledge", {"reason": "已电话13800138000核实"}, "acknowledged"),
        ("snooze", {"until": until, "reason": "施工方周三停工"}, "snoozed"),
        ("resolve", {"reason": "搅拌站已停"}, "resolved"),
    ]
    for step, body, state in steps:
        answer = act(busy, surge["id"], step, **body)
        assert (answer.status_code, answer.json()["state"]) == (200, state), answer.text
    found = busy.get(f"/v1/surges/{surge['id']}").json()
    assert found["assigned_to"] == "王主任"
    told = [(s["state"], s["why"]) for s in found["steps"] if "主管台" in s["by"]]
    assert told == [
        ("assigned:王主任", "辖区负责"),
        ("acknowledged", "已电话<手机号>核实"),
        ("snoozed", "施工方周三停工"),
        ("resolved", "搅拌站已停"),
    ]
    kept = [row for row in rows(busy, audit) if row.target == surge["id"]]
    assert [row.action for row in kept] == [f"surge_{step}" for step, _, _ in steps]
    assert {row.source for row in kept} == {"主管台"}
    assert json.loads(kept[1].known)["state"] == "alert"
    assert json.loads(kept[1].done) == {"state": "acknowledged", "why": "已电话<手机号>核实"}
    assert "13800138000" not in repr(kept)
    events = [row.event for row in rows(busy, notices)]
    assert events == ["opened", "escalated", "acknowledged", "resolved"]


@pytest.mark.parametrize(
    ("first", "then", "allowed"),
    [
        ("resolve", "acknowledge", "only alert, false_alarm"),
        ("false-alarm", "resolve", "only nothing"),
        ("acknowledge", "acknowledge", "only false_alarm, resolved, snoozed"),
        ("resolve", "assign", "watch, alert, acknowledged or snoozed"),
        ("false-alarm", "merge", "watch, alert, acknowledged or snoozed"),
    ],
)
def test_a_step_that_cannot_follow_is_refused_with_those_that_can(
    month: TestClient, first: str, then: str, allowed: str
):
    surge_id = opened(month)
    post_all(month, [{"text": OTHER.format(n=k), "customer": f"车主{k}"} for k in range(10)])
    body = {"assign": {"owner": "王"}, "merge": {"other": "S000002"}}.get(then, {})
    assert act(month, surge_id, first).status_code == 200
    refused = act(month, surge_id, then, **body)
    assert refused.status_code == 409, refused.text
    assert allowed in refused.json()["detail"]
    assert refused.headers["content-type"] == "application/problem+json"


def test_steps_on_what_is_not_there_are_404_and_bad_times_422(month: TestClient):
    assert act(month, "S000099", "acknowledge").status_code == 404
    assert month.get("/v1/surges/S000099").status_code == 404
    surge_id = opened(month)
    assert act(month, surge_id, "merge", other="S000099").status_code == 404
    for days in (-1, 400):
        until = (datetime.now() + timedelta(days=days)).isoformat()
        assert act(month, surge_id, "snooze", until=until).status_code == 422
    assert act(month, surge_id, "assign").status_code == 422


def test_a_surge_explains_itself(month: TestClient):
    surge_id = opened(month, 12)
    found = month.get(f"/v1/surges/{surge_id}").json()
    assert found["explanation"]["group_name"] == "多处、多人同时反映"
    assert found["explanation"]["observed_at_open"] == len(found["members_at_open"])
    assert len(found["members"]) == 12
    texts = [told["text"] for told in found["representatives"]]
    assert 3 <= len(texts) <= 5
    assert all("搅拌站" in text for text in texts)
    assert len(found["measures"]) >= 2
    assert "公告" in "".join(found["measures"])
    assert "说明" in found["notice_draft"]
    series = found["series"]
    assert sum(series["members"]) == 12
    assert {len(series[name]) for name in ("days", "observed", "expected_high")} == {
        len(series["days"])
    }
    assert series["opened_on"] in series["days"]


def test_a_surge_of_a_category_is_named_in_chinese(month: TestClient):
    service: Service = month.app.state.service
    opened(month)
    names = service.models.category_names()
    (surge,) = surges_of(month)
    fields = month.get(f"/v1/surges/{surge['id']}").json()["explanation"]["fields"]
    assert surge["category"] in names
    assert {f["value"] for f in fields if f["name"] == "category"} <= set(names.values())


def test_after_a_false_alarm_the_like_must_be_stronger(month: TestClient):
    surge_id = opened(month)
    act(month, surge_id, "false-alarm", reason="演练")
    more = post_all(month, matter(9, first=10))
    assert not any(answer["warning"] for answer in more)
    assert post_all(month, matter(5, first=19))[-1]["warning"]["surge_id"] == "S000002"


def test_more_of_a_resolved_surge_opens_it_again(month: TestClient):
    surge_id = opened(month)
    act(month, surge_id, "resolve")
    more = post_all(month, matter(3, first=10))
    assert more[-1]["warning"]["surge_id"] == surge_id
    assert [row.event for row in rows(month, notices)][-2:] == ["resolved", "opened"]


def test_a_split_sticks(busy: TestClient):
    answers = post_all(busy, matter(12))
    (surge,) = surges_of(busy)
    ids = [answer["id"] for answer in answers[6:]]
    done = act(busy, surge["id"], "split", complaint_ids=ids, reason="两件事")
    assert done.status_code == 200, done.text
    child, parent = surges_of(busy)
    assert parent["observed"] == surge["observed"] - len(ids)
    assert child["observed"] == len(ids)
    assert child["topic"]["id"] != parent["topic"]["id"]
    members = busy.get(f"/v1/surges/{child['id']}").json()["members"]
    assert sorted(members) == sorted(ids)
    service: Service = busy.app.state.service
    service.watch._present._tidy(service.watch._present.clock)
    assert service.watch._present.topics.resolve(child["topic"]["id"]) == child["topic"]["id"]
    service.watch._monitor = None  # what was done to it is in no log
    strangers = act(busy, child["id"], "split", complaint_ids=["0" * 32])
    assert strangers.status_code == 409


def test_a_merge_sticks(busy: TestClient):
    first = opened(busy)
    post_all(busy, [{"text": OTHER.format(n=k), "customer": f"车主{k}"} for k in range(10)])
    second = surges_of(busy)[0]["id"]
    assert act(busy, first, "merge", other=second, reason="同一施工").status_code == 200
    gone, kept = surges_of(busy)
    assert (gone["state"], kept["state"], kept["observed"]) == ("resolved", "alert", 20)
    more = [{"text": OTHER.format(n=k), "customer": f"新车主{k}"} for k in range(3)]
    assert post_all(busy, more)[-1]["warning"]["surge_id"] == first
    assert act(busy, first, "merge", other=first).status_code == 409


def test_a_correction_moves_the_counts(busy: TestClient):
    service: Service = busy.app.state.service
    answer, repeat = post_all(
        busy, [{**body, "customer": "甲", "region": "东"} for body in matter(2)]
    )
    assert repeat["duplicate_of"] == answer["id"]
    old = answer["category"]["label"]
    new = next(label for label in service.models.category_names() if label != old)

    def count(*cells: str) -> list[int]:
        with service.watch.read() as (_, monitor):
            table = monitor.cells
            return [int(table._hourly[table.row_of(cell)].sum()) for cell in cells]

    cells = [f"category={label}{rest}" for label in (old, new) for rest in ("", "&region=东")]
    before = count(*cells, "region=东", "")
    for complaint in (answer, repeat, repeat):
        path = f"/v1/complaints/{complaint['id']}/correction"
        assert busy.post(path, json={"labels": {"category": new}}).status_code == 200
    moved = [-1, -1, 1, 1, 0, 0]
    assert count(*cells, "region=东", "") == [n + k for n, k in zip(before, moved, strict=True)]


def test_lists_are_filtered_and_paged(month: TestClient):
    first = opened(month)
    post_all(month, [{"text": OTHER.format(n=k), "customer": f"车主{k}"} for k in range(5)])
    act(month, first, "resolve")
    assert [s["id"] for s in surges_of(month)] == ["S000002", "S000001"]
    assert [s["id"] for s in surges_of(month, "?state=resolved")] == [first]
    assert len(surges_of(month, "?state=resolved&state=alert")) == 2
    assert [s["id"] for s in surges_of(month, "?level=attention")] == ["S000002"]
    assert len(surges_of(month, "?kind=topic")) == 2
    assert surges_of(month, "?kind=cell") == []
    soon = (datetime.now().astimezone() + timedelta(minutes=5)).isoformat()
    assert surges_of(month, f"?since={soon.replace('+', '%2B')}") == []
    assert [[s["id"] for s in page] for page in pages(month, 1)] == [["S000002"], ["S000001"]]
    assert month.get("/v1/surges?state=open").status_code == 422


def test_metrics_count_surges(month: TestClient):
    opened(month)
    shown = month.get("/metrics").text
    assert 'triage_surge_events_total{event="opened"} 1.0' in shown
    assert 'triage_surge_state{what="open"} 1.0' in shown
    assert 'triage_surge_state{what="entries_behind"} 0.0' in shown


def test_without_early_warning_complaints_are_answered_as_before(connect: Connect):
    client = connect(surges=False)
    bring_in(client, ordinary(60))
    assert not any(answer["warning"] for answer in post_all(client, matter(12)))
    assert surges_of(client) == []


def test_triage_without_storing_moves_nothing(month: TestClient):
    for body in matter(20):
        answer = month.post("/v1/triage", json=body).json()
        assert (answer["warning"], answer["duplicate_of"]) == (None, None)
    assert surges_of(month) == []
