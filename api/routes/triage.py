"""Triage without storing anything."""

from fastapi import APIRouter

from api.access import IntakeOrHandler, ServiceOf
from api.problems import PROBLEMS
from api.schemas import ComplaintIn, TriageOut

router = APIRouter(prefix="/v1/triage", tags=["triage"])


@router.post("", responses=PROBLEMS.body)
def triage_complaint(service: ServiceOf, _: IntakeOrHandler, complaint: ComplaintIn) -> TriageOut:
    """Answer as `POST /v1/complaints` does, and store nothing."""
    return service.triage(complaint)
