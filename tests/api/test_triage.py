import pytest
from starlette.testclient import TestClient

from api.schemas import TriageOut
from tests.api.conftest import TEXT


def test_the_answer_fits_the_documented_schema(client: TestClient):
    answer = client.post("/v1/triage", json={"text": TEXT, "sector": "电商"})
    assert answer.status_code == 200
    assert set(answer.json()) == set(TriageOut.model_fields)
    assert TriageOut.model_validate(answer.json()).id is None


def test_personal_data_never_comes_back(client: TestClient):
    answer = client.post("/v1/triage", json={"text": TEXT})
    assert "13800138000" not in answer.text
    assert "<手机号>" in answer.json()["text"]


def test_spans_count_code_points_of_the_text_in_the_answer(client: TestClient):
    answer = client.post("/v1/triage", json={"text": "😀ＡＢＣ" + TEXT}).json()
    evidence = [e for task in ("category", "motive", "urgency") for e in answer[task]["evidence"]]
    assert evidence
    assert {answer["text"][slice(*e["span"])] for e in evidence} == {e["term"] for e in evidence}
    assert "12315" in " ".join(answer["text"][slice(*f["span"])] for f in answer["flags"])


def test_a_deadline_names_its_article(client: TestClient):
    deadlines = client.post("/v1/triage", json={"text": TEXT, "sector": "快递"}).json()["deadlines"]
    assert any("快递暂行条例" in deadline["article"] for deadline in deadlines)
    assert all(deadline["due_at"].endswith("+08:00") for deadline in deadlines)


# fastapi-swagger reads its files by a function that python 3.11 calls old and 3.13 brings back.
@pytest.mark.filterwarnings("ignore:open_binary is deprecated:DeprecationWarning")
def test_the_docs_page_needs_no_other_host(client: TestClient):
    page = client.get("/docs").text
    assert "https://" not in page
    assert client.get("/swagger/swagger-ui-bundle.js").status_code == 200
