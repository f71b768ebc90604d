"""Running an app on a socket, in one process or in several."""

import socket

import uvicorn
from uvicorn.supervisors import Multiprocess


def run_server(app: str, *, host: str, port: int, workers: int) -> None:
    """Serve an app factory until a signal ends it.

    Parameters
    ----------
    app : str
        Such as ``api.app:create_app``.
    """
    config = uvicorn.Config(
        app,
        factory=True,
        host=host,
        port=port,
        workers=workers,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=30,
    )
    if workers == 1:
        uvicorn.Server(config).run()
        return
    shared = config.bind_socket()
    # On a socket that processes share, asyncio leaves this out, and each answer waits 40 ms for
    # the caller's delayed acknowledgement.
    shared.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    Multiprocess(config, sockets=[shared]).run()
