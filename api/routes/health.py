"""Whether the process lives and can answer."""

from fastapi import APIRouter, Response

from api.access import ServiceOf
from api.schemas import Live, Ready

router = APIRouter(prefix="/health", tags=["health"])


@router.get("/live")
def read_liveness() -> Live:
    """Say that the process answers."""
    return Live()


@router.get("/ready", responses={503: {"model": Ready, "description": "Not ready"}})
def read_readiness(service: ServiceOf, response: Response) -> Ready:
    """Say whether model and database answer, and whether the service is about to stop."""
    ready = service.readiness()
    response.status_code = 200 if ready.status == "ready" else 503
    return ready
