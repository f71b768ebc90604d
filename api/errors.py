"""Which error is which HTTP status, and the one shape all errors are answered in.

::

    TriageError
    └── ServiceError
        ├── NotAuthenticatedError      no key, or one that is unknown or revoked
        ├── NotAllowedError            the key's roles do not reach this route or complaint
        ├── NoSuchComplaintError       no complaint of this id that the key may see
        ├── NoSuchSurgeError           no surge of this id
        ├── ExternalIdError            the external id was used before with another text
        ├── MomentError                a time that cannot be right
        ├── RateLimitError             the key made more requests than it may
        ├── BusyError                  more complaints wait to be stored than may
        ├── StoreError                 the database does not answer or cannot write
        └── DeliveryError              a receiver of notices did not take one
"""

import logging
from collections.abc import Iterator, Sequence
from datetime import timedelta
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from api.schemas import Problem
from triage import errors

log = logging.getLogger(__name__)

FAILED = "the service failed; its log says more by request id"
MEDIA_TYPE = "application/problem+json"


class ServiceError(errors.TriageError):
    """Anything that only the service can say."""


class NotAuthenticatedError(ServiceError):
    """There is no key, or one that is unknown or revoked."""


class NotAllowedError(ServiceError):
    """The roles of the key do not reach this route or complaint."""


class NoSuchComplaintError(ServiceError):
    """There is no complaint of this id that the key may see."""


class NoSuchSurgeError(ServiceError):
    """There is no surge of this id."""


class ExternalIdError(ServiceError):
    """The external id was used before with another text: names the complaint's id."""


class MomentError(ServiceError):
    """A time that cannot be right: before or after all that is possible."""


class RateLimitError(ServiceError):
    """The key made more requests than it may; `retry_seconds` says when to come back."""

    def __init__(self, message: str, retry_seconds: int = 1) -> None:
        super().__init__(message)
        self.retry_seconds = retry_seconds


class BusyError(ServiceError):
    """More complaints wait to be stored than may."""


class StoreError(ServiceError):
    """The database does not answer or cannot write."""


class DeliveryError(ServiceError):
    """A receiver did not take a notice: names host or status, never an address with its token.

    `retry_after` is how long the receiver asks to be left alone; `is_final` says that it never
    wants to hear again (410).
    """

    def __init__(
        self, message: str, *, retry_after: timedelta | None = None, is_final: bool = False
    ) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.is_final = is_final


STATUS: dict[type[errors.TriageError], int] = {
    errors.TableError: 422,
    errors.DatasetError: 422,
    errors.TextError: 422,
    errors.ConfigError: 500,
    errors.ReplayInputError: 422,
    errors.UnknownLabelError: 422,
    errors.AlertStateError: 409,
    errors.ModelNotFoundError: 503,
    errors.ModelCorruptError: 503,
    errors.ModelIncompatibleError: 503,
    NotAuthenticatedError: 401,
    NotAllowedError: 403,
    NoSuchComplaintError: 404,
    NoSuchSurgeError: 404,
    ExternalIdError: 409,
    MomentError: 422,
    RateLimitError: 429,
    BusyError: 503,
    StoreError: 503,
    DeliveryError: 502,
}


def leaves(kind: type[errors.TriageError]) -> Iterator[type[errors.TriageError]]:
    """Give the classes of an error tree that have no subclass.

    Examples
    --------
    >>> sorted(leaf.__name__ for leaf in leaves(errors.ModelError))
    ['ModelCorruptError', 'ModelIncompatibleError', 'ModelNotFoundError']
    """
    below = kind.__subclasses__()
    if not below:
        yield kind
    for child in below:
        yield from leaves(child)


def problem_of(error: errors.TriageError) -> Problem:
    """Describe an error of ours."""
    status = STATUS[type(error)]
    name = type(error).__name__.removesuffix("Error")
    slug = "".join("-" + c.lower() if c.isupper() else c for c in name).lstrip("-")
    return Problem(
        type=f"urn:triage:problem:{slug}",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=str(error),
    )


def http_problem(status: int, detail: str, type_: str = "about:blank") -> Problem:
    """Describe what HTTP itself refuses."""
    return Problem(type=type_, title=HTTPStatus(status).phrase, status=status, detail=detail)


def to_response(problem: Problem, headers: dict[str, str] | None = None) -> JSONResponse:
    """Answer with a problem."""
    return JSONResponse(
        problem.model_dump(exclude_none=True),
        problem.status,
        headers=headers,
        media_type=MEDIA_TYPE,
    )


def headers_of(error: errors.TriageError) -> dict[str, str]:
    """Give the headers that belong to an error."""
    if isinstance(error, NotAuthenticatedError):
        return {"WWW-Authenticate": "Bearer"}
    if isinstance(error, RateLimitError):
        return {"Retry-After": str(error.retry_seconds)}
    if STATUS[type(error)] == HTTPStatus.SERVICE_UNAVAILABLE:
        return {"Retry-After": "1"}
    return {}


def invalid_problem(found: Sequence[Any], known: frozenset[str]) -> Problem:
    """Describe what does not fit the schema."""
    problem = http_problem(
        422, "the request does not fit the schema, see /docs", "urn:triage:problem:invalid"
    )
    return problem.model_copy(update={"errors": invalid_fields(found, known)})


def invalid_fields(found: Sequence[Any], known: frozenset[str]) -> list[dict[str, Any]]:
    """Say where and why a body was refused.

    Only where and why: the input would echo the complaint, and so would the name of a field that
    a caller made up.
    """
    fields = []
    for entry in found:
        where = [part if isinstance(part, int) or part in known else "?" for part in entry["loc"]]
        fields.append({"where": where, "why": str(entry["msg"])})
    return fields


def add_error_handlers(app: FastAPI, known_fields: frozenset[str]) -> None:
    """Answer every error as ``application/problem+json``."""

    def on_triage_error(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, errors.TriageError)  # noqa: S101
        if STATUS[type(error)] >= HTTPStatus.INTERNAL_SERVER_ERROR:
            log.error("request failed", extra={"error": type(error).__name__})
        return to_response(problem_of(error), headers_of(error))

    def on_http_error(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)  # noqa: S101
        detail = DETAILS.get(error.status_code, HTTPStatus(error.status_code).description)
        headers = dict(error.headers) if error.headers else None
        return to_response(http_problem(error.status_code, detail), headers)

    def on_invalid(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)  # noqa: S101
        return to_response(invalid_problem(error.errors(), known_fields))

    def on_crash(_: Request, error: Exception) -> JSONResponse:
        return to_response(http_problem(500, FAILED))

    app.add_exception_handler(errors.TriageError, on_triage_error)
    app.add_exception_handler(HTTPException, on_http_error)
    app.add_exception_handler(RequestValidationError, on_invalid)
    app.add_exception_handler(Exception, on_crash)


DETAILS: dict[int, str] = {
    400: "the body is not JSON in UTF-8",
    404: "there is nothing at this address, see /docs",
    405: "this address does not take this method, see /docs",
    408: "the body did not arrive in time (TRIAGE_BODY_SECONDS)",
    413: "the body is larger than allowed (TRIAGE_MAX_BODY_BYTES)",
    415: "the body must be application/json",
}
