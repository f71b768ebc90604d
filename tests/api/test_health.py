from pathlib import Path

from starlette.testclient import TestClient

from api.app import create_app
from api.settings import Settings


def test_it_is_ready_with_a_model(client: TestClient, registry):
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.json()["model"]) == (200, registry.current())


def test_without_a_model_it_lives_and_says_why_it_is_not_ready(settings: Settings, tmp_path: Path):
    empty = settings.model_copy(update={"registry": tmp_path / "none"})
    with TestClient(create_app(empty)) as client:
        assert client.get("/health/live").status_code == 200
        answer = client.get("/health/ready")
        assert (answer.status_code, answer.json()["reason"]) == (503, "no model is loaded")


def test_without_a_model_a_complaint_is_a_503_problem(settings: Settings, tmp_path: Path):
    empty = settings.model_copy(update={"registry": tmp_path / "none", "authentication": "none"})
    with TestClient(create_app(empty)) as client:
        answer = client.post("/v1/triage", json={"text": "退款"})
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
