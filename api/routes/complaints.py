"""Complaints: handed in, listed, answered, corrected, closed, erased."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from api import erasure, records
from api.access import Admin, Corrector, Handler, Intake, Reader, ServiceOf
from api.imports import ImportResponse
from api.problems import PROBLEMS
from api.queries import ListQuery
from api.schemas import (
    BatchIn,
    BatchOut,
    ComplaintIn,
    ComplaintOut,
    ComplaintPage,
    CorrectionIn,
    Erased,
    ImportLineOut,
    OutcomeIn,
    ResponseIn,
    TriageOut,
)

router = APIRouter(prefix="/v1/complaints", tags=["complaints"])

JSON = "application/json"
NDJSON = "application/x-ndjson"
LINE = ImportLineOut.model_json_schema(ref_template="#/components/schemas/{model}")
LINE.pop("$defs")
ComplaintId = Annotated[
    str,
    Path(pattern=r"^[0-9a-f]{32}$", description="Id of a complaint, as its triage answer has it"),
]


@router.post(
    "",
    status_code=201,
    response_model=TriageOut,
    responses={
        200: {"model": TriageOut, "description": "Stored before under this external_id"},
        **PROBLEMS.conflict,
    },
)
async def create_complaint(service: ServiceOf, who: Intake, complaint: ComplaintIn) -> Response:
    """Triage and store a complaint; 201 means that it is committed."""
    # Not a plain def: this waits for the intake line, which has its own thread, and needs none.
    stored = await asyncio.wrap_future(service.submit(complaint, who))
    return Response(stored.body, 201 if stored.is_new else 200, media_type=JSON)


@router.post("/batch", response_model=BatchOut, responses=PROBLEMS.body)
def create_complaints(service: ServiceOf, who: Intake, batch: BatchIn) -> Response:
    """Triage and store up to 1000 complaints; each has its own status."""
    items = ",".join(service.store_batch(batch.items, who))
    return Response(f'{{"items":[{items}]}}', media_type=JSON)


@router.post(
    "/import",
    response_class=Response,
    responses={
        200: {
            "description": "One line for each line that came in",
            "content": {NDJSON: {"schema": LINE}},
        },
        **PROBLEMS.stream,
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {NDJSON: {"schema": {"$ref": "#/components/schemas/ComplaintIn"}}},
        }
    },
)
async def import_complaints(
    service: ServiceOf,
    who: Intake,
    request: Request,
    live: Annotated[
        bool, Query(description="false for old complaints: no clocks, no live alerts")
    ] = True,
) -> Response:
    """Store a stream of complaints, one JSON object a line, no faster than they can be stored."""
    return ImportResponse(service, who, request, is_live=live)


@router.get("", responses=PROBLEMS.plain)
def list_complaints(
    service: ServiceOf, who: Reader, query: Annotated[ListQuery, Query()]
) -> ComplaintPage:
    """Find complaints, newest first: a handler those of the own unit, a supervisor all."""
    with service.store.read() as connection:
        return records.list_complaints(
            connection,
            who,
            query.wanted(service),
            now=service.now,
            limit=query.limit,
            before=query.before,
        )


@router.get("/{complaint_id}", responses=PROBLEMS.one)
def read_complaint(service: ServiceOf, who: Reader, complaint_id: ComplaintId) -> ComplaintOut:
    """Give a complaint with its answer, corrections and outcome."""
    with service.store.read() as connection:
        return records.show_complaint(connection, who, complaint_id, now=service.now)


@router.post("/{complaint_id}/response", responses=PROBLEMS.one_with_body)
def note_response(
    service: ServiceOf, who: Handler, complaint_id: ComplaintId, response: ResponseIn
) -> ComplaintOut:
    """Stop the clock of the first response."""
    now = service.now
    at = records.aware(response.at, now)
    with service.store.write() as connection:
        records.note_response(
            connection, who, complaint_id, at=at, channel=response.channel, now=now
        )
        return records.show_complaint(connection, who, complaint_id, now=now)


@router.post("/{complaint_id}/correction", responses=PROBLEMS.one_with_body)
def correct_complaint(
    service: ServiceOf, who: Corrector, complaint_id: ComplaintId, correction: CorrectionIn
) -> ComplaintOut:
    """Set the right labels."""
    now = service.now
    taxonomy = service.models.get().bundle.taxonomy
    with service.write() as connection:
        before = records.correct(
            connection,
            who,
            complaint_id,
            correction.labels,
            reason=correction.reason,
            taxonomy=taxonomy,
            now=now,
        )
        service.watch.note_correction(connection, before, correction.labels)
        return records.show_complaint(connection, who, complaint_id, now=now)


@router.post("/{complaint_id}/outcome", responses=PROBLEMS.one_with_body)
def close_complaint(
    service: ServiceOf, who: Corrector, complaint_id: ComplaintId, outcome: OutcomeIn
) -> ComplaintOut:
    """Note how a complaint ended; it may then be shown as a similar resolved case."""
    now = service.now
    with service.store.write() as connection:
        records.close(connection, who, complaint_id, outcome, now=now)
        return records.show_complaint(connection, who, complaint_id, now=now)


@router.delete("/{complaint_id}", responses=PROBLEMS.one)
def erase_complaint(service: ServiceOf, who: Admin, complaint_id: ComplaintId) -> Erased:
    """Remove a complaint; the audit trail keeps that it was removed."""
    with service.store.write() as connection:
        erasure.erase_complaint(connection, who, complaint_id)
    service.watch.redact()
    return Erased(complaints=1)
