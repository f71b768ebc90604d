"""The OpenAPI document, with an example that is a real answer.

``python -m api.openapi`` writes ``docs/openapi.json`` anew; with ``--example`` it first asks the
current model for the example's answer.
"""

import json
import sys
from importlib import resources
from pathlib import Path
from typing import Any

from fastapi import FastAPI

EXAMPLE = "example.json"
DOCUMENT = Path("docs/openapi.json")
ROUTES = (("/v1/complaints", ("200", "201")), ("/v1/triage", ("200",)))


def read_example() -> dict[str, Any]:
    """Give the example: a request body and the answer that a model gave it."""
    example: dict[str, Any] = json.loads((resources.files("api") / EXAMPLE).read_text("utf-8"))
    return example


def add_example(app: FastAPI) -> None:
    """Put the example into the document when it is asked for."""
    plain = app.openapi

    def with_example() -> dict[str, Any]:
        if app.openapi_schema is None:
            document, example = plain(), read_example()
            for path, statuses in ROUTES:
                route = document["paths"][path]["post"]
                route["requestBody"]["content"]["application/json"]["example"] = example["request"]
                answer = example["answer"] if path != "/v1/triage" else {
                    **example["answer"], "id": None
                }  # fmt: skip
                for status in statuses:
                    route["responses"][status]["content"]["application/json"]["example"] = answer
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = with_example  # type: ignore[method-assign]


def write_document(app: FastAPI, file: Path = DOCUMENT) -> None:
    """Write the document to a file."""
    text = json.dumps(app.openapi(), ensure_ascii=False, indent=1, sort_keys=True)
    file.write_text(text + "\n", encoding="utf-8")


def write_example(app: FastAPI) -> None:
    """Answer the example's request with the current model, and keep the answer."""
    from api.schemas import ComplaintIn
    from api.service import Service

    service: Service = app.state.service
    example = read_example()
    service.start()
    answer = service.triage(ComplaintIn.model_validate(example["request"]))
    service.stop()
    answer = answer.model_copy(update={"id": example["answer"].get("id")})
    example["answer"] = answer.model_dump(mode="json")
    text = json.dumps(example, ensure_ascii=False, indent=1)
    (Path(__file__).parent / EXAMPLE).write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    from api.app import create_app

    if "--example" in sys.argv:
        write_example(create_app())
    write_document(create_app())
