import json
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as bounds
from schemathesis import checks
from schemathesis.core.result import Ok

from api.app import create_app
from api.openapi import read_example
from api.openapi_file import write_document
from api.schemas import ComplaintIn, TriageOut
from api.settings import Settings
from tests.api.conftest import BEARER
from tests.api.server import serve

ROOT = Path(__file__).parent.parent.parent
N_EXAMPLES = 40


@schemathesis.serializer("application/x-ndjson")
def write_lines(_: object, value: object) -> bytes:
    return json.dumps(value).encode() + b"\n"


def test_the_checked_in_document_is_up_to_date(tmp_path: Path):
    file = tmp_path / "openapi.json"
    write_document(create_app(), file)
    now = json.loads(file.read_text())
    kept = json.loads((ROOT / "docs" / "openapi.json").read_text())
    assert now == kept, "run `python -m api.openapi_file` and look at the difference"


def test_the_document_says_how_every_route_can_fail():
    document = create_app().openapi()
    assert document["openapi"].startswith("3.1")
    for path, methods in document["paths"].items():
        for method, route in methods.items():
            if path.startswith("/v1"):
                assert {"401", "403", "422", "429", "503"} <= set(route["responses"]), path
            if method == "post":
                assert {"400", "408", "415"} & set(route["responses"]), path
            problems = [r for s, r in route["responses"].items() if s >= "400"]
            if path.startswith("/v1"):
                assert all("application/problem+json" in p["content"] for p in problems)


def test_the_example_is_a_real_answer():
    example = read_example()
    ComplaintIn.model_validate(example["request"])
    answer = TriageOut.model_validate(example["answer"])
    assert answer.steps
    assert answer.deadlines
    assert answer.text is not None
    assert "13800138000" not in answer.text
    for task in (answer.category, answer.motive, answer.urgency):
        assert task is not None
        assert all(answer.text[slice(*e.span)] for e in task.evidence)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_no_request_that_fits_the_document_breaks_the_service(settings: Settings, tmp_path: Path):
    with serve(settings, tmp_path) as server:
        schema = schemathesis.openapi.from_url(f"{server.url}/openapi.json")
        for found in schema.get_all_operations():
            assert isinstance(found, Ok)
            operation = found.ok()

            @given(case=operation.as_strategy())
            @bounds(
                max_examples=N_EXAMPLES,
                deadline=None,
                database=None,
                derandomize=True,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            def check(case: schemathesis.Case) -> None:
                case.call_and_validate(
                    headers=BEARER,
                    checks=[
                        checks.not_a_server_error,
                        checks.status_code_conformance,
                        checks.content_type_conformance,
                        checks.response_schema_conformance,
                    ],
                )

            check()
