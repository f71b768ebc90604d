"""A server process of its own, for tests that kill it or need a real socket."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from api.settings import Settings
from tests.api.conftest import DEMO_KEY

SECRET = "a-secret-for-tests"


@dataclass
class Server:
    url: str
    process: subprocess.Popen
    log: Path

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@contextmanager
def serve(settings: Settings, folder: Path, **variables: str) -> Iterator[Server]:
    port = free_port()
    log = folder / f"server-{port}.log"
    environment = {
        **os.environ,
        "TRIAGE_REGISTRY": str(settings.registry),
        "TRIAGE_DATABASE_URL": settings.database_url,
        "TRIAGE_SECRET": SECRET,
        "TRIAGE_DEMO_KEY": DEMO_KEY,
        "TRIAGE_REQUESTS_PER_SECOND": "0",
        "PYTHONPATH": os.pathsep.join([os.getcwd(), os.environ.get("PYTHONPATH", "")]),
        **variables,
    }
    command = [
        sys.executable, "-m", "uvicorn", "--factory", "api.app:create_app",
        "--port", str(port), "--no-access-log",
    ]  # fmt: skip
    with log.open("w") as file:
        process = subprocess.Popen(command, env=environment, stderr=file, stdout=file)
    server = Server(f"http://127.0.0.1:{port}", process, log)
    try:
        _wait_until_ready(server)
        yield server
    finally:
        process.terminate()
        process.wait(20)


def _wait_until_ready(server: Server) -> None:
    for _ in range(600):
        assert server.process.poll() is None, server.log.read_text()
        try:
            with urllib.request.urlopen(f"{server.url}/health/ready", timeout=5):
                return
        except OSError:
            time.sleep(0.05)
    raise AssertionError(server.log.read_text())
