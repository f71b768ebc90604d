"""The OpenAPI document, with an example that is a real answer."""

import json
from importlib import resources
from typing import Any

from fastapi import FastAPI

EXAMPLE = "example.json"
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
