"""What happens around every request: an id, one log line, a bound on slow bodies."""

import asyncio
import random
import re
import time

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.metrics import Metrics

log = structlog.get_logger("api.access")

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
WITH_BODY = ("POST", "PUT", "PATCH")
STREAMS = ("/v1/complaints/import",)
JSON = ("application/json",)
NDJSON = ("application/x-ndjson", "application/jsonl", "application/json-lines")
QUIET = ("/health/live", "/health/ready", "/metrics")


class RequestContext:
    """Gives each request an id, logs it by route, and refuses bodies that are no good.

    A body is looked at when the route asks for it: one that is too large, of another type than
    JSON, or too slow is answered with 413, 415 or 408.
    """

    def __init__(
        self, app: ASGIApp, *, body_seconds: float, max_body_bytes: int, metrics: Metrics
    ) -> None:
        self.app = app
        self.metrics = metrics
        self.body_seconds = body_seconds
        self.max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        request_id = _request_id(scope)
        status = 500

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-ID"] = request_id
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self.app(scope, self._checked(scope, receive), send_with_id)
            finally:
                self._note(scope, status, started)

    def _note(self, scope: Scope, status: int, started: float) -> None:
        # The route, not the address: an address may hold a customer, its query a search text.
        route = getattr(scope.get("route"), "path", "unknown")
        method = scope["method"] if scope["method"] in METHODS else "other"
        seconds = time.perf_counter() - started
        self.metrics.note_request(method, route, status, seconds)
        if route in QUIET and status < 400:
            return
        elapsed_ms = round(seconds * 1000, 2)
        more = scope.get("state", {}).get("log", {})
        log.info(
            "request", method=method, route=route, status=status, elapsed_ms=elapsed_ms, **more
        )

    def _checked(self, scope: Scope, receive: Receive) -> Receive:
        """Check the body as it is read."""
        if scope["method"] not in WITH_BODY:
            return receive
        is_stream = scope["path"] in STREAMS
        limit = None if is_stream else self.max_body_bytes
        headers = Headers(scope=scope)
        n_bytes, is_complete = 0, False

        async def checked() -> Message:
            nonlocal n_bytes, is_complete
            if is_complete:
                return await receive()
            if n_bytes == 0:
                _check_headers(headers, limit)
            try:
                async with asyncio.timeout(self.body_seconds):
                    message = await receive()
            except TimeoutError as error:
                raise HTTPException(408) from error
            n_bytes += len(message.get("body", b""))
            is_complete = not message.get("more_body", False)
            if limit is not None and n_bytes > limit:
                raise HTTPException(413)
            return message

        return checked


def _check_headers(headers: Headers, limit: int | None) -> None:
    """Refuse by its headers a body that is no good."""
    kind = headers.get("content-type", "").partition(";")[0].strip().casefold()
    if kind not in (JSON if limit is not None else NDJSON):
        raise HTTPException(415)
    length = headers.get("content-length", "0")
    if limit is not None and length.isdecimal() and int(length) > limit:
        raise HTTPException(413)


def _request_id(scope: Scope) -> str:
    given = Headers(scope=scope).get("x-request-id", "")
    return given if REQUEST_ID.fullmatch(given) else f"{random.getrandbits(64):016x}"
