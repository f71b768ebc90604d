"""Take notices of surges, as a webhook. Needs standardwebhooks and WEBHOOK_SECRET.

WEBHOOK_SECRET=… python receive_notices.py 9000
"""

import os
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

from standardwebhooks import Webhook, WebhookVerificationError

WEBHOOK = Webhook(os.environ["WEBHOOK_SECRET"])
SEEN: set[str] = set()  # a real receiver keeps the ids in its database


class Receiver(BaseHTTPRequestHandler):
    """Answers 204 to what is signed, 400 to the rest."""

    def do_POST(self) -> None:
        """Verify, drop repeats, print."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            notice = WEBHOOK.verify(body, dict(self.headers))  # the signature, and not too old
        except WebhookVerificationError:
            self.answer(400)
            return
        notice_id = self.headers["webhook-id"]
        if notice_id not in SEEN:  # the same notice may come twice, with the same id
            surge = notice["data"]
            print(notice["type"], surge.get("surge_id"), surge["message"], flush=True)
            SEEN.add(notice_id)
        self.answer(204)

    def answer(self, status: int) -> None:
        """Answer without a body."""
        self.send_response(status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Keep quiet about each request."""


if __name__ == "__main__":
    HTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver).serve_forever()
