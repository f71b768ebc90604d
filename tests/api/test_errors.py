import pytest
from starlette.testclient import TestClient

from api.errors import STATUS, leaves
from triage.errors import TriageError

SECRET = "我家住在幸福路8号"
JSON = {"Content-Type": "application/json"}


def test_every_error_has_a_status():
    assert set(STATUS) == set(leaves(TriageError))


def test_every_error_says_when_it_happens():
    assert all(error.__doc__ for error in STATUS)


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        pytest.param({"json": {"text": SECRET, SECRET: 1}}, 422, id="unknown field"),
        pytest.param({"json": {"text": [SECRET]}}, 422, id="no string"),
        pytest.param({"json": {"text": SECRET, "occurred_at": SECRET}}, 422, id="no time"),
        pytest.param({"json": {"text": " "}}, 422, id="blank"),
        pytest.param({"json": {"text": SECRET * 5000}}, 422, id="too long"),
        pytest.param({"json": {"text": SECRET + "\0"}}, 422, id="NUL"),
        pytest.param(
            {"content": b'{"text": "\\ud800"}', "headers": JSON}, 422, id="lone surrogate"
        ),
        pytest.param({"content": b'{"text": NaN}', "headers": JSON}, 422, id="NaN"),
        pytest.param({"content": f'{{"{SECRET}'.encode(), "headers": JSON}, 422, id="cut off"),
        pytest.param({"content": b"[" * 200_000, "headers": JSON}, 400, id="deep"),
        pytest.param({"content": b"\xff\xfe{", "headers": JSON}, 400, id="no UTF-8"),
        pytest.param({"content": b"x" * (10 << 20), "headers": JSON}, 413, id="10 MB"),
        pytest.param(
            {"content": iter([b"x" * (1 << 20)] * 10), "headers": JSON}, 413, id="10 MB in pieces"
        ),
        pytest.param({"content": SECRET.encode()}, 415, id="no type"),
        pytest.param({"data": {"text": SECRET}}, 415, id="a form"),
    ],
)
def test_a_bad_request_is_a_problem_that_does_not_echo_it(
    client: TestClient, request_: dict, status: int
):
    answer = client.post("/v1/triage", **request_)
    assert (answer.status_code, answer.json()["status"]) == (status, status)
    assert answer.headers["content-type"] == "application/problem+json"
    assert SECRET not in answer.text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", f"/{SECRET}", 404), ("PUT", "/v1/triage", 405), ("GET", "/v1/triage", 405)],
)
def test_what_http_refuses_is_a_problem_too(
    client: TestClient, method: str, path: str, status: int
):
    answer = client.request(method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert SECRET not in answer.text


def test_a_crash_is_a_problem_without_text(settings):
    from api.app import create_app

    app = create_app(settings)
    app.add_api_route("/crash", lambda: {}[SECRET])
    with TestClient(app, raise_server_exceptions=False) as client:
        answer = client.get("/crash")
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert SECRET not in answer.text
