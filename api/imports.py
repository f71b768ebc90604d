"""Imports: a stream of lines in, a stream of lines out, both of any length."""

import asyncio
import json
from collections.abc import AsyncIterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from tempfile import SpooledTemporaryFile
from typing import IO

from fastapi import Request, Response
from pydantic import ValidationError
from starlette.types import Receive, Scope, Send

from api.complaints import Stored
from api.errors import FAILED, http_problem
from api.keys import Principal
from api.schemas import ImportLineOut
from api.service import Service, describe
from triage.errors import TriageError

SPOOL_BYTES = 1 << 20
PIECE_BYTES = 1 << 16


@dataclass(slots=True)
class _Results:
    """Lines on their way out; what a caller does not fetch yet waits on disk, not in memory."""

    file: IO[bytes]
    n_written: int = 0
    n_read: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, line: ImportLineOut) -> None:
        """Add a line at the end."""
        self.file.seek(self.n_written)
        self.n_written += self.file.write(line.model_dump_json().encode() + b"\n")
        self.changed.set()

    def take(self) -> bytes:
        """Take what was not taken yet, up to a piece."""
        self.file.seek(self.n_read)
        piece = self.file.read(min(PIECE_BYTES, self.n_written - self.n_read))
        self.n_read += len(piece)
        return piece


class ImportResponse(Response):
    """Reads the request while it answers.

    Reading goes on although the caller may not read yet: many clients send everything before they
    look at the answer, and both sides would wait for ever. It goes no faster than complaints can
    be stored.
    """

    media_type = "application/x-ndjson"

    def __init__(
        self, service: Service, who: Principal, request: Request, *, is_live: bool
    ) -> None:
        super().__init__()
        del self.headers["content-length"]
        self.service, self.who, self.request, self.is_live = service, who, request, is_live

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Store the lines and answer each."""
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        with SpooledTemporaryFile(SPOOL_BYTES) as file:
            results = _Results(file)
            reading = asyncio.create_task(self._store(results))
            reading.add_done_callback(lambda _: results.changed.set())
            try:
                while not reading.done() or results.n_read < results.n_written:
                    if piece := results.take():
                        await send({"type": "http.response.body", "body": piece, "more_body": True})
                    else:
                        results.changed.clear()
                        if not reading.done():
                            await results.changed.wait()
                await reading
            finally:
                reading.cancel()
        await send({"type": "http.response.body", "body": b""})

    async def _store(self, results: _Results) -> None:
        number = 0
        async for group in self._groups():
            futures = [self._submit(line) for line in group]
            for future in futures:
                number += 1
                results.add(await _result(number, future))

    def _submit(self, line: bytes) -> "Future[Stored]":
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            value = None  # refused with the other values that are no object
        return self.service.submit_value(value, self.who, is_live=self.is_live)

    async def _groups(self) -> AsyncIterator[list[bytes]]:
        """Give lines in groups of the size that is stored at once."""
        size, longest = (
            self.service.settings.group_texts,
            self.service.settings.max_import_line_bytes,
        )
        rest, lines = b"", list[bytes]()
        async for piece in self.request.stream():
            *whole, rest = (rest + piece).split(b"\n")
            lines += (line for line in whole if line.strip())
            if len(rest) > longest:
                rest = b"!"  # too long to be a complaint: no JSON, and so refused by number
            while len(lines) >= size:
                yield lines[:size]
                del lines[:size]
        if rest.strip():
            lines.append(rest)
        if lines:
            yield lines


async def _result(number: int, future: "Future[Stored]") -> ImportLineOut:
    try:
        stored = await asyncio.wrap_future(future)
    except (TriageError, ValidationError) as error:
        problem = describe(error)
        return ImportLineOut(line=number, status=problem.status, id=None, problem=problem)
    except Exception:
        problem = http_problem(500, FAILED)
        return ImportLineOut(line=number, status=500, id=None, problem=problem)
    status = 201 if stored.is_new else 200
    return ImportLineOut(line=number, status=status, id=stored.id, problem=None)
