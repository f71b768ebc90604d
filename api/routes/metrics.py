"""Numbers for Prometheus."""

from fastapi import APIRouter, Response

from api.access import MetricsReader, ServiceOf
from api.metrics import CONTENT_TYPE
from api.problems import document

router = APIRouter(tags=["operations"])


@router.get(
    "/metrics",
    response_class=Response,
    responses={
        200: {"content": {"text/plain": {"schema": {"type": "string"}}}},
        **document(401, 403, 429, 503),
    },
)
def read_metrics(service: ServiceOf, _: MetricsReader) -> Response:
    """Give all numbers of this process, to an admin or to this machine."""
    body = service.metrics.expose(
        waiting=service.line.n_waiting,
        model=service.models.version,
        surges=service.surge_numbers(),
    )
    return Response(body, headers={"Content-Type": CONTENT_TYPE})
