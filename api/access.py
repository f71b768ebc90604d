"""Which roles reach a route: the one dependency that every protected route declares."""

from typing import Annotated

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool

from api.errors import NotAllowedError
from api.keys import Principal, Role
from api.service import Service
from api.settings import LOOPBACK

FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip")


class Allow:
    """Lets callers through that have one of these roles."""

    def __init__(self, *roles: Role) -> None:
        self.roles = frozenset(roles)

    async def __call__(self, request: Request) -> Principal:
        """Give the caller, or refuse it."""
        service = Service.of(request)
        if service.settings.authentication == "none" and not is_local(request):
            raise NotAllowedError("without keys only callers from this machine are answered")
        if service.keys.is_stale:
            await run_in_threadpool(service.keys.refresh)
        principal = service.keys.identify(request.headers.get("authorization"))
        if not principal.roles & self.roles:
            raise NotAllowedError(
                f"this needs a key with the role {' or '.join(sorted(self.roles))}; "
                f"yours has {', '.join(sorted(principal.roles))}"
            )
        if not service.limits.take(principal.key_id):
            await run_in_threadpool(service.limits.lease, principal.key_id)
        request.scope.setdefault("state", {})["log"] = {"key": principal.key_id}
        return principal


class AllowLocal(Allow):
    """Lets callers on this machine through without a key, and others by role."""

    async def __call__(self, request: Request) -> Principal:
        """Give the caller, or refuse it."""
        if is_local(request):
            return Principal("none", "local", frozenset(self.roles))
        return await super().__call__(request)


def is_local(request: Request) -> bool:
    """Say whether a request comes from this machine itself and was not passed on."""
    host = request.client.host if request.client else ""
    return host in (*LOOPBACK, "testclient") and not any(h in request.headers for h in FORWARDED)


async def service_of(request: Request) -> Service:
    """Give the service; a plain function would cost a change of thread."""
    return Service.of(request)


ServiceOf = Annotated[Service, Depends(service_of)]

Intake = Annotated[Principal, Depends(Allow("intake"))]
IntakeOrHandler = Annotated[Principal, Depends(Allow("intake", "handler"))]
Reader = Annotated[Principal, Depends(Allow("handler", "supervisor"))]
Handler = Annotated[Principal, Depends(Allow("handler"))]
Corrector = Annotated[Principal, Depends(Allow("handler", "supervisor", "trainer"))]
Replier = Annotated[Principal, Depends(Allow("intake", "handler", "supervisor"))]
Supervisor = Annotated[Principal, Depends(Allow("supervisor"))]
Admin = Annotated[Principal, Depends(Allow("admin"))]
MetricsReader = Annotated[Principal, Depends(AllowLocal("admin"))]
