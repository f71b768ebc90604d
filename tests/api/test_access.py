import pytest
from starlette.testclient import TestClient

from api.keys import ROLES
from tests.api.conftest import DEMO_KEY, Connect, bearer, make_key

ID = "0" * 32
ANYONE = frozenset({"nobody", *ROLES})

ROUTES: dict[tuple[str, str], set[str] | frozenset[str]] = {
    ("POST", "/v1/complaints"): {"intake"},
    ("POST", "/v1/complaints/batch"): {"intake"},
    ("POST", "/v1/complaints/import"): {"intake"},
    ("GET", "/v1/complaints"): {"handler", "supervisor"},
    ("GET", "/v1/complaints/{complaint_id}"): {"handler", "supervisor"},
    ("POST", "/v1/complaints/{complaint_id}/response"): {"handler"},
    ("POST", "/v1/complaints/{complaint_id}/correction"): {"handler", "supervisor", "trainer"},
    ("POST", "/v1/complaints/{complaint_id}/outcome"): {"handler", "supervisor", "trainer"},
    ("DELETE", "/v1/complaints/{complaint_id}"): {"admin"},
    ("DELETE", "/v1/customers/{customer}"): {"admin"},
    ("POST", "/v1/triage"): {"intake", "handler"},
    ("POST", "/v1/replies/check"): {"intake", "handler", "supervisor"},
    ("GET", "/v1/overview"): {"supervisor"},
    ("GET", "/v1/report"): {"supervisor"},
    ("GET", "/v1/surges"): {"supervisor"},
    ("GET", "/v1/surges/{surge_id}"): {"supervisor"},
    ("POST", "/v1/surges/{surge_id}/acknowledge"): {"supervisor"},
    ("POST", "/v1/surges/{surge_id}/assign"): {"supervisor"},
    ("POST", "/v1/surges/{surge_id}/snooze"): {"supervisor"},
    ("POST", "/v1/surges/{surge_id}/resolve"): {"supervisor"},
    ("POST", "/v1/surges/{surge_id}/false-alarm"): {"supervisor"},
    ("POST", "/v1/surges/{surge_id}/split"): {"supervisor"},
    ("POST", "/v1/surges/{surge_id}/merge"): {"supervisor"},
    ("GET", "/health/live"): ANYONE,
    ("GET", "/health/ready"): ANYONE,
    ("GET", "/metrics"): {"admin"},
}


def request(client: TestClient, method: str, path: str, headers: dict[str, str]) -> int:
    path = path.replace("{complaint_id}", ID).replace("{customer}", "c")
    path = path.replace("{surge_id}", "S000001")
    kind = "application/x-ndjson" if path.endswith("import") else "application/json"
    # A forwarded header: metrics are open to this machine itself, where the tests run too.
    headers = {"Content-Type": kind, "X-Forwarded-For": "203.0.113.9", **headers}
    content = b"{}" if method == "POST" else None
    return client.request(method, path, content=content, headers=headers).status_code


def test_the_table_names_every_route(client: TestClient):
    paths = client.get("/openapi.json").json()["paths"]
    assert set(ROUTES) == {(m.upper(), path) for path, methods in paths.items() for m in methods}


def test_a_role_reaches_its_routes_and_no_other(client: TestClient, settings):
    keys = {
        role: bearer(
            make_key(settings.database_url, role, unit="甲" if role == "handler" else None)
        )
        for role in ROLES
    }
    reached = {
        route: {role for role in ROLES if request(client, *route, keys[role]) not in (401, 403)}
        for route in ROUTES
    }
    assert reached == {route: set(roles) - {"nobody"} for route, roles in ROUTES.items()}


@pytest.mark.parametrize(
    "header",
    [
        pytest.param({"Authorization": ""}, id="none"),
        pytest.param({"Authorization": f"Basic {DEMO_KEY}"}, id="scheme"),
        pytest.param({"Authorization": "Bearer tk_0123456789ab_wrong"}, id="unknown"),
        pytest.param({"Authorization": "Bearer " + "x" * 5000}, id="long"),
        pytest.param({"Authorization": "Bearer ÿþ"}, id="no ASCII"),
    ],
)
def test_without_a_valid_key_nothing_is_reached(client: TestClient, header: dict[str, str]):
    raw = {name: value.encode("latin-1") for name, value in header.items()}
    reached = {route for route in ROUTES if request(client, *route, raw) != 401}
    assert reached == {("GET", "/health/live"), ("GET", "/health/ready")}


def test_a_revoked_key_is_refused_at_once(client: TestClient, settings):
    from api.database import Database
    from api.key_store import list_keys, revoke_key

    key = make_key(settings.database_url, "intake")
    body = {"text": "退款"}
    assert client.post("/v1/triage", json=body, headers=bearer(key)).status_code == 200
    with Database(settings.database_url) as database:
        revoke_key(database, list_keys(database)[0]["id"])
    answer = client.post("/v1/triage", json=body, headers=bearer(key))
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"


def test_metrics_are_open_to_this_machine_only(client: TestClient):
    nobody = {"Authorization": ""}
    assert client.get("/metrics", headers=nobody).status_code == 200
    forwarded = {**nobody, "Forwarded": "for=203.0.113.9"}
    assert client.get("/metrics", headers=forwarded).status_code == 401


def test_without_keys_only_this_machine_is_answered(connect: Connect):
    client = connect(authentication="none", demo_key=None)
    body = {"text": "退款"}
    assert client.post("/v1/triage", json=body).status_code == 200
    forwarded = {"X-Forwarded-For": "203.0.113.9"}
    assert client.post("/v1/triage", json=body, headers=forwarded).status_code == 403
