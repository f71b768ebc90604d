"""The errors that a route can answer with, for its OpenAPI document."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from api.errors import MEDIA_TYPE

Responses = dict[int | str, dict[str, Any]]


def document(*statuses: int) -> Responses:
    """Describe error answers by their status.

    Examples
    --------
    >>> document(404)[404]["description"]
    'Not Found'
    """
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status in statuses
    }


@dataclass(frozen=True, slots=True)
class Problems:
    """Sets of error answers that routes share."""

    plain: Responses
    one: Responses
    body: Responses
    stream: Responses
    conflict: Responses
    one_with_body: Responses


EVERY = (401, 403, 422, 429, 500, 503)
WITH_BODY = (*EVERY, 400, 408, 413, 415)

PROBLEMS = Problems(
    plain=document(*EVERY),
    one=document(*EVERY, 404),
    body=document(*WITH_BODY),
    stream=document(*EVERY, 408, 415),
    conflict=document(*WITH_BODY, 409),
    one_with_body=document(*WITH_BODY, 404),
)
