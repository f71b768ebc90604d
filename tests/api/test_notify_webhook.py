import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from standardwebhooks import WebhookVerificationError

from api.errors import DeliveryError
from api.notify.channels import Channel
from api.notify.notices import Notice
from api.notify.webhook import send_webhook, webhook_headers
from tests.api.receivers import WEBHOOK_SECRET, Answer, receive

OLD_SECRET = "b2xkLXNlY3JldC1vZi1hLXJlY2VpdmVyLWZvci10ZXN0cw=="
AT = datetime.fromisoformat("2026-03-01T08:00:00+08:00")
NOTICE = Notice("msg_0199", "opened", AT, {"surge_id": "S000001", "message": "岳麓区停水"})


def channel(url: str, **values: object) -> Channel:
    given = {"secrets": (WEBHOOK_SECRET,), "allow_private": True, "timeout_seconds": 5.0, **values}
    return Channel("crm", "webhook", url, **given)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate for receiver.example that signs itself."""
    folder = tmp_path_factory.mktemp("certificate")
    made = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
         "-subj", "/CN=receiver.example", "-addext", "subjectAltName=DNS:receiver.example",
         "-keyout", folder / "key.pem", "-out", folder / "certificate.pem"],
        capture_output=True,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    both = folder / "both.pem"
    both.write_bytes((folder / "key.pem").read_bytes() + (folder / "certificate.pem").read_bytes())
    return both


def test_a_receiver_can_verify_what_came():
    with receive() as receiver:
        send_webhook(channel(receiver.url), NOTICE)
        (came,) = receiver.came
    assert came.id == NOTICE.id
    assert came.verify() == {
        "type": "surge.opened", "timestamp": "2026-03-01T00:00:00+00:00", "data": NOTICE.payload,
    }  # fmt: skip
    assert abs(int(came.headers["webhook-timestamp"]) - time.time()) < 60
    with pytest.raises(WebhookVerificationError, match="No matching signature"):
        came.verify(OLD_SECRET)
    came.body = came.body.replace("停水".encode(), "停电".encode())
    with pytest.raises(WebhookVerificationError, match="No matching signature"):
        came.verify()


def test_while_the_secret_changes_both_verify():
    with receive() as receiver:
        send_webhook(channel(receiver.url, secrets=(WEBHOOK_SECRET, OLD_SECRET)), NOTICE)
        (came,) = receiver.came
    assert came.verify(WEBHOOK_SECRET) == came.verify(OLD_SECRET)


def test_the_moment_is_signed_in_utc_whatever_its_zone():
    headers = webhook_headers([WEBHOOK_SECRET], "msg_1", "{}", AT)
    assert headers == webhook_headers([WEBHOOK_SECRET], "msg_1", "{}", AT.astimezone(UTC))
    assert headers["webhook-timestamp"] == str(int(AT.timestamp()))


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer(500), "answered 500"),
        (Answer(404), "answered 404"),
        (Answer(302, {"Location": "http://127.0.0.1:1/"}), "answered 302: redirects are not"),
        (Answer(after_seconds=2), "gave no answer within 0.3 s"),
    ],
)
def test_what_is_not_taken_is_an_error_that_shows_no_address(answer: Answer, reason: str):
    with receive(answer) as receiver:
        url = receiver.url + "?token=geheim"
        with pytest.raises(DeliveryError, match=reason) as raised:
            send_webhook(channel(url, timeout_seconds=0.3), NOTICE)
    assert "geheim" not in str(raised.value)
    assert not raised.value.is_final
    assert len(receiver.came) == 1


def test_a_redirect_is_not_followed():
    with receive() as inner, receive(Answer(307, {"Location": inner.url})) as receiver:
        with pytest.raises(DeliveryError, match="redirects are not followed"):
            send_webhook(channel(receiver.url), NOTICE)
        assert not inner.came


def test_gone_is_final_and_retry_after_is_read():
    with receive(Answer(410), Answer(503, {"Retry-After": "120"})) as receiver:
        with pytest.raises(DeliveryError) as gone:
            send_webhook(channel(receiver.url), NOTICE)
        with pytest.raises(DeliveryError) as busy:
            send_webhook(channel(receiver.url), NOTICE)
    assert gone.value.is_final
    assert busy.value.retry_after == timedelta(seconds=120)


def test_an_answer_that_drips_does_not_hold_us():
    import socket
    import threading

    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            caller, _ = server.accept()
            with caller:
                for byte in b"HTTP/1.1 200 OK\r\n" * 100:
                    try:
                        caller.sendall(bytes([byte]))
                    except OSError:
                        return
                    time.sleep(0.1)

        threading.Thread(target=drip, daemon=True).start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        start = time.monotonic()
        with pytest.raises(DeliveryError, match=r"within 0\.5 s"):
            send_webhook(channel(url, timeout_seconds=0.5), NOTICE)
    assert time.monotonic() - start < 3


def test_nobody_there_is_an_error():
    with pytest.raises(DeliveryError, match=r"127\.0\.0\.1 cannot be connected to"):
        send_webhook(channel("http://127.0.0.1:1/"), NOTICE)


def test_a_private_receiver_is_refused_without_a_connection():
    with receive() as receiver:
        url = receiver.url.replace("127.0.0.1", "localhost")
        with pytest.raises(DeliveryError, match="is a loopback address"):
            send_webhook(channel(url, allow_private=False), NOTICE)
        assert not receiver.came


def test_the_connection_goes_to_the_address_that_was_checked():
    """A name that changes its mind after the check cannot lead anywhere else."""
    asked = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append((host, port))
        return ["127.0.0.1"]

    with receive() as receiver:
        url = f"http://receiver.example:{receiver.server_port}/hook"
        send_webhook(channel(url), NOTICE, resolve=resolve)
        assert receiver.came[0].headers["host"] == f"receiver.example:{receiver.server_port}"
    assert asked == [("receiver.example", receiver.server_port)]


def test_the_next_address_of_a_name_is_tried():
    with receive() as receiver:
        url = f"http://receiver.example:{receiver.server_port}/hook"
        send_webhook(channel(url), NOTICE, resolve=lambda *_: ["127.9.9.9", "127.0.0.1"])
        assert receiver.ids == [NOTICE.id]


def test_a_receiver_on_ipv6_is_reached():
    import socket

    from tests.api import receivers

    class OnIPv6(receivers.Receiver):
        address_family = socket.AF_INET6

    try:
        receiver = OnIPv6(host="::1")
    except OSError:
        pytest.skip("this machine has no IPv6")
    import threading

    threading.Thread(target=receiver.serve_forever, args=(0.02,), daemon=True).start()
    send_webhook(channel(f"http://[::1]:{receiver.server_port}/hook"), NOTICE)
    receiver.shutdown()
    receiver.server_close()
    assert receiver.ids == [NOTICE.id]


def test_the_certificate_must_be_of_the_name_though_the_address_is_connected_to(certificate: Path):
    with receive(certificate=certificate) as receiver:
        port = receiver.server_port

        def send(host: str, **values: object) -> None:
            url = f"https://{host}:{port}/hook"
            send_webhook(channel(url, **values), NOTICE, resolve=lambda *_: ["127.0.0.1"])

        send("receiver.example", ca_file=certificate)
        with pytest.raises(DeliveryError, match="certificate"):
            send("another.example", ca_file=certificate)
        with pytest.raises(DeliveryError, match="certificate"):
            send("receiver.example")
        assert receiver.ids == [NOTICE.id]
