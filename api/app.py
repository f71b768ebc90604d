"""The app factory: ``uvicorn --factory api.app:create_app``."""

import asyncio
import signal
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import metadata
from types import FrameType

from fastapi import FastAPI
from fastapi_swagger import patch_fastapi
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from api import schemas
from api.answers import Knowledge
from api.errors import add_error_handlers
from api.logs import configure_logs
from api.middleware import RequestContext
from api.openapi import add_example
from api.routes import complaints, customers, health, metrics, replies, reports, surges, triage
from api.service import Service
from api.settings import Settings
from triage.errors import ConfigError

DESCRIPTION = "Triage of Chinese complaints: category, motive, urgency, steps and early warning."


def create_app(settings: Settings | None = None, *, knowledge: Knowledge | None = None) -> FastAPI:
    """Make the app; nothing is opened before it is started.

    Parameters
    ----------
    settings : Settings, optional
        None reads the environment.
    knowledge : Knowledge, optional
        None reads the tables at the start.

    Raises
    ------
    ConfigError
        If a setting is outside its range, or would leave the service open to strangers.

    Examples
    --------
    >>> create_app(Settings()).title
    'Complaint triage'
    """
    settings = settings or Settings.read()
    refuse_open_service(settings)
    app = FastAPI(
        title="Complaint triage",
        description=DESCRIPTION,
        version=metadata.version("complaint-triage"),
        lifespan=_lifespan,
        docs_url=None,
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
        # Its records would hold the input of refused requests.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.service = Service.build(settings, knowledge)
    patch_fastapi(app, redirect_from_root_to_docs=True)
    for module in (complaints, customers, triage, surges, replies, reports, health, metrics):
        app.include_router(module.router)
    add_error_handlers(app, known_fields())
    add_example(app)
    app.add_middleware(
        RequestContext,
        body_seconds=settings.body_seconds,
        max_body_bytes=settings.max_body_bytes,
        metrics=app.state.service.metrics,
    )
    return app


def refuse_open_service(settings: Settings) -> None:
    """Refuse settings that would let strangers in.

    Raises
    ------
    ConfigError
        If the address can be reached by others while keys are switched off or a demo key is set.

    Examples
    --------
    >>> refuse_open_service(Settings(host="0.0.0.0", authentication="none"))
    Traceback (most recent call last):
    triage.errors.ConfigError: 0.0.0.0 can be reached by others: TRIAGE_AUTHENTICATION=none and...
    """
    if not settings.is_loopback and (settings.authentication == "none" or settings.demo_key):
        raise ConfigError(
            f"{settings.host} can be reached by others: TRIAGE_AUTHENTICATION=none and "
            "TRIAGE_DEMO_KEY are for 127.0.0.1 only; make keys with `triage keys create`"
        )


def known_fields() -> frozenset[str]:
    """Give the names of all fields of all bodies, which errors may name."""
    models = [m for m in vars(schemas).values() if isinstance(m, type)]
    fields = {
        name for model in models if issubclass(model, BaseModel) for name in model.model_fields
    }
    return frozenset(fields | {"body", "query", "path", "header"})


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    service: Service = app.state.service
    configure_logs(service.settings.log_level)
    await run_in_threadpool(service.start)
    _announce_stop(service)
    yield
    await run_in_threadpool(service.stop)


def _announce_stop(service: Service) -> None:
    """At the signal to stop, let readiness go false some time before listening ends."""
    if threading.current_thread() is not threading.main_thread():
        return
    stop = signal.getsignal(signal.SIGTERM)
    loop = asyncio.get_running_loop()

    def drain(number: int, frame: FrameType | None) -> None:
        if service.draining.is_set() or not callable(stop):
            return
        service.draining.set()
        loop.call_soon_threadsafe(
            loop.call_later, service.settings.drain_seconds, stop, number, frame
        )

    if callable(stop):
        signal.signal(signal.SIGTERM, drain)
