"""Writes ``docs/openapi.json`` anew: ``python -m api.openapi_file``.

With ``--example`` it first asks the current model for the example's answer.
"""

import json
import sys
from pathlib import Path

from fastapi import FastAPI

from api.app import create_app
from api.openapi import EXAMPLE, read_example
from api.schemas import ComplaintIn
from api.service import Service

DOCUMENT = Path("docs/openapi.json")


def write_document(app: FastAPI, file: Path = DOCUMENT) -> None:
    """Write the document to a file."""
    text = json.dumps(app.openapi(), ensure_ascii=False, indent=1, sort_keys=True)
    file.write_text(text + "\n", encoding="utf-8")


def write_example(app: FastAPI) -> None:
    """Answer the example's request with the current model, and keep the answer."""
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
    if "--example" in sys.argv:
        write_example(create_app())
    write_document(create_app())
