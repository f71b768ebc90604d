from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from starlette.testclient import TestClient

from api.database import Database
from api.key_store import revoke_key
from api.schemas import BatchOut, TriageOut
from tests.api.conftest import TEXT, Connect, bearer, make_key

STRANGE = [
    pytest.param("'; DROP TABLE complaints; --", id="SQL"),
    pytest.param("{{7*7}} ${7*7} <script>alert(1)</script>", id="template"),
    pytest.param("a\r\nSet-Cookie: x=1", id="header"),
    pytest.param("😀👨‍👩‍👧 𠮷野家 ﷽", id="astral"),
    pytest.param("%s %(text)s :text ?", id="placeholder"),
]


def post(client: TestClient, **values: object):
    return client.post("/v1/complaints", json={"text": TEXT, **values})


def only_items(client: TestClient, query: str = "") -> list[dict]:
    answer = client.get(f"/v1/complaints{query}")
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


def test_a_stored_complaint_gets_the_whole_answer(either: TestClient):
    answer = post(either, external_id="A-1", sector="电商", channel="电话")
    assert answer.status_code == 201
    assert set(answer.json()) == set(TriageOut.model_fields)
    found = either.get(f"/v1/complaints/{answer.json()['id']}").json()
    assert found["triage"] == answer.json()
    assert found["complaint"]["external_id"] == "A-1"


def test_the_same_external_id_again_gives_the_stored_answer(either: TestClient):
    first, second = post(either, external_id="A-1"), post(either, external_id="A-1")
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    assert len(only_items(either)) == 1


def test_another_text_under_the_same_external_id_is_a_conflict(either: TestClient):
    first = post(either, external_id="A-1").json()
    second = post(either, external_id="A-1", text=TEXT.replace("13800138000", "13900139000"))
    assert second.status_code == 409
    assert first["id"] in second.json()["detail"]


def test_parallel_repeats_make_one_row_and_the_same_answer(either: TestClient):
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: post(either, external_id="A-1"), range(24)))
    assert {a.status_code for a in answers} == {200, 201}
    assert sum(a.status_code == 201 for a in answers) == 1
    assert len({a.text for a in answers}) == 1
    assert len(only_items(either)) == 1


def test_repeats_on_two_replicas_make_one_row(connect: Connect, empty_postgresql: str):
    replicas = [connect(database_url=empty_postgresql) for _ in range(2)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(lambda i: post(replicas[i % 2], external_id=f"A-{i // 8}"), range(64))
        )
    assert {a.status_code for a in answers} == {200, 201}
    assert sum(a.status_code == 201 for a in answers) == 8
    assert len(only_items(replicas[0])) == 8


def test_an_external_id_belongs_to_the_source_not_to_the_key(either: TestClient, database_url: str):
    old, new = make_key(database_url, "intake"), make_key(database_url, "intake")
    other = make_key(database_url, "intake", source="app")
    first = either.post(
        "/v1/complaints", json={"text": TEXT, "external_id": "A"}, headers=bearer(old)
    )
    with Database(database_url) as database:
        revoke_key(database, old.split("_")[1])
    again, elsewhere = (
        either.post("/v1/complaints", json={"text": TEXT, "external_id": "A"}, headers=bearer(key))
        for key in (new, other)
    )
    assert (first.status_code, again.status_code, elsewhere.status_code) == (201, 200, 201)


def test_a_restart_changes_no_answer(connect: Connect, database_url: str):
    first = post(connect(database_url=database_url), external_id="A-1")
    second = post(connect(database_url=database_url), external_id="A-1")
    assert (second.status_code, second.json()) == (200, first.json())


def test_a_bad_item_spoils_no_other(either: TestClient):
    items = [{"text": TEXT}, {"text": ""}, 5, {"text": TEXT, "zz": 1}, {"text": TEXT + "！"}]
    answer = either.post("/v1/complaints/batch", json={"items": items})
    assert answer.status_code == 200
    BatchOut.model_validate(answer.json())
    found = answer.json()["items"]
    assert [item["status"] for item in found] == [201, 422, 422, 422, 201]
    assert [item["result"] is None for item in found] == [False, True, True, True, False]
    assert found[1]["problem"]["detail"].startswith("the text has 0 characters")
    assert len(only_items(either)) == 2


def test_a_batch_has_its_bounds(client: TestClient):
    for n_items in (0, 1001):
        answer = client.post("/v1/complaints/batch", json={"items": [{"text": "退款"}] * n_items})
        assert answer.status_code == 422


def test_one_in_a_batch_is_answered_as_alone(client: TestClient):
    texts = ["宽带断网三天没人修", TEXT, "物业费乱涨价，电梯总坏"]
    batch = client.post("/v1/complaints/batch", json={"items": [{"text": t} for t in texts]})
    for text, item in zip(texts, batch.json()["items"], strict=True):
        alone = client.post("/v1/triage", json={"text": text}).json()
        for part in ("text", "category", "motive", "urgency", "flags"):
            assert item["result"][part] == alone[part]


def test_an_import_answers_every_line(either: TestClient):
    lines = [f'{{"text": "宽带断网第{i}天", "external_id": "{i}"}}' for i in range(150)]
    lines[3] = "{broken"
    lines[5] = '{"text": "' + "长" * 400_000 + '"}'
    answer = either.post(
        "/v1/complaints/import",
        content="\n".join(lines),
        headers={"Content-Type": "application/x-ndjson"},
    )
    assert answer.headers["content-type"] == "application/x-ndjson"
    results = [__import__("json").loads(line) for line in answer.text.splitlines()]
    assert [r["line"] for r in results] == list(range(1, 151))
    assert [r["line"] for r in results if r["status"] != 201] == [4, 6]
    again = either.post(
        "/v1/complaints/import",
        content=iter([lines[0][:9].encode(), lines[0][9:].encode() + b"\n\n"]),
        headers={"Content-Type": "application/x-ndjson"},
    )
    assert again.json() == {**results[0], "status": 200}


def test_old_complaints_start_no_clock(client: TestClient):
    at = "2020-05-06T07:08:09"
    client.post(
        "/v1/complaints/import?live=false",
        content=f'{{"text": "{TEXT}", "occurred_at": "{at}"}}',
        headers={"Content-Type": "application/x-ndjson"},
    )
    (found,) = only_items(client)
    assert found["first_response_due_at"] is None
    assert not found["overdue"]
    received = datetime.fromisoformat(found["received_at"])
    assert received == datetime(2020, 5, 5, 23, 8, 9, tzinfo=UTC)


def test_times_without_an_offset_are_read_in_the_deployments_zone(connect: Connect):
    client = connect(zone="America/New_York")
    at = datetime.now(UTC) - timedelta(days=1)
    answer = post(client, occurred_at=at.strftime("%Y-%m-%dT%H:%M:%S"))
    assert answer.json()["received_at"][-6:] in ("-04:00", "-05:00")
    (found,) = only_items(client)
    occurred = datetime.fromisoformat(found["occurred_at"])
    assert timedelta(hours=3) < occurred - at.replace(microsecond=0) < timedelta(hours=6)


@pytest.mark.parametrize(
    "at", ["2999-01-01T00:00:00", "1066-10-14T09:00:00", "0001-01-01T00:00:00Z", "today", "1e400"]
)
def test_an_impossible_time_is_refused(client: TestClient, at: str):
    assert post(client, occurred_at=at).status_code == 422


@pytest.mark.parametrize("strange", STRANGE)
def test_strange_strings_are_only_data(either: TestClient, strange: str):
    answer = post(
        either, text=strange + "退款", external_id=strange, unit=strange, customer=strange
    )
    assert answer.status_code == 201
    assert post(either, text=strange + "退款", external_id=strange).status_code == 200
    for query in ({"q": strange}, {"unit": strange}, {"customer": strange}):
        assert either.get("/v1/complaints", params=query).status_code == 200
    assert len(either.get("/v1/complaints", params={"unit": strange}).json()["items"]) == 1


def test_a_request_id_cannot_split_headers(client: TestClient):
    given = "a" * 8
    assert client.get("/health/live", headers={"X-Request-ID": given}).headers["x-request-id"] == (
        given
    )
    evil = "a%0d%0aSet-Cookie:x=1"
    answer = client.get("/health/live", headers={"X-Request-ID": evil})
    assert answer.headers["x-request-id"] != evil
    assert "set-cookie" not in answer.headers


def test_lists_are_filtered_and_paged(either: TestClient):
    for i in range(5):
        post(either, unit="甲" if i % 2 else "乙", customer=f"c{i}", text=TEXT + str(i))
    assert len(only_items(either, "?unit=甲")) == 2
    assert len(only_items(either, "?customer=c3")) == 1
    assert len(only_items(either, "?flag=escalation_threat")) == 5
    assert len(only_items(either, "?flag=group")) == 0
    assert len(only_items(either, "?since=2000-01-01&until=2001-01-01")) == 0
    seen, query = [], "?limit=2"
    while query:
        page = either.get("/v1/complaints" + query).json()
        seen += [item["id"] for item in page["items"]]
        query = page["next_cursor"] and f"?limit=2&cursor={page['next_cursor']}"
    assert seen == [item["id"] for item in only_items(either)]
    assert len(set(seen)) == 5


def test_a_customer_is_stored_only_as_a_mark(either: TestClient, database_url: str):
    post(either, customer="王小明-4711")
    with Database(database_url) as database, database.read() as connection:
        rows = connection.exec_driver_sql("SELECT * FROM complaints").all()
    assert "4711" not in repr(rows)
    assert "13800138000" not in repr(rows)
