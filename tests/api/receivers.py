"""Receivers of notices on this machine: they answer what they are told to, and keep what came."""

import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from aiosmtpd.controller import Controller
from standardwebhooks import Webhook, WebhookVerificationError

WEBHOOK_SECRET = "whsec_" + "c2VjcmV0LW9mLWEtcmVjZWl2ZXItZm9yLXRlc3Rz"


@dataclass
class Answer:
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    after_seconds: float = 0.0


@dataclass
class Came:
    """One request; `is_signed` says whether it could be verified when it came."""

    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes
    is_signed: bool = field(init=False)

    def __post_init__(self) -> None:
        try:
            self.verify()
            self.is_signed = True
        except WebhookVerificationError:
            self.is_signed = False

    @property
    def values(self) -> dict:
        return json.loads(self.body)

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    def verify(self, secret: str = WEBHOOK_SECRET) -> dict:
        """As a receiver does; raises where the signature is wrong or too old."""
        return Webhook(secret).verify(self.body, self.headers)


class Receiver(ThreadingHTTPServer):
    """Gives the prepared answers one after the other, and the last one from then on."""

    daemon_threads = True

    def __init__(self, *answers: Answer, host: str = "127.0.0.1") -> None:
        super().__init__((host, 0), Handler)
        self.answers = list(answers) or [Answer()]
        self.came: list[Came] = []
        self.scheme = "http"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.server_address[0]}:{self.server_port}/hook"

    @property
    def ids(self) -> list[str]:
        return [came.id for came in self.came]

    def next_answer(self) -> Answer:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def handle_error(self, *_: object) -> None:
        """A caller that hangs up is no news."""


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        parts = urlsplit(self.path)
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        if len(body) < length:  # the sender was killed in the middle of it
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.came.append(Came(parts.path, parse_qs(parts.query), headers, body))
        answer = self.server.next_answer()
        time.sleep(answer.after_seconds)
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@contextmanager
def receive(
    *answers: Answer, certificate: Path | None = None, host: str = "127.0.0.1"
) -> Iterator[Receiver]:
    receiver = Receiver(*answers, host=host)
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        receiver.socket = context.wrap_socket(receiver.socket, server_side=True)
        receiver.scheme = "https"
    thread = threading.Thread(target=receiver.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.shutdown()
        receiver.server_close()
        thread.join()


class MailBox:
    """Keeps the e-mails that a real SMTP server got; refuses the first few if told so."""

    def __init__(self, n_refused: int = 0) -> None:
        self.came: list[tuple[list[str], bytes]] = []
        self.n_refused = n_refused

    async def handle_DATA(self, _: object, __: object, envelope: object) -> str:
        if self.n_refused:
            self.n_refused -= 1
            return "451 try again later"
        self.came.append((list(envelope.rcpt_tos), bytes(envelope.content)))
        return "250 taken"


@contextmanager
def receive_mail(box: MailBox) -> Iterator[str]:
    """Give host:port of an SMTP server that puts what comes into a box."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield f"127.0.0.1:{controller.port}"
    finally:
        controller.stop()
