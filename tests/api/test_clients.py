import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from openpyxl import Workbook

from api.errors import DeliveryError
from api.notify.channels import Channel
from api.notify.notices import Notice
from api.notify.webhook import send_webhook
from api.settings import Settings
from tests.api.conftest import DEMO_KEY
from tests.api.receivers import WEBHOOK_SECRET
from tests.api.server import free_port, serve

CLIENTS = Path(__file__).parent.parent.parent / "examples" / "clients"


@pytest.fixture(scope="module")
def url(registry, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("clients")
    settings = Settings(registry=registry.root, database_url=f"sqlite:///{folder}/t.sqlite")
    with serve(settings, folder) as server:
        yield server.url


def run(url: str, *command: object) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "TRIAGE_URL": url, "TRIAGE_KEY": DEMO_KEY}
    return subprocess.run(
        [str(part) for part in command],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_every_client_is_run_here():
    assert {file.name for file in CLIENTS.iterdir() if file.is_file()} == {
        "curl.sh",
        "import_spreadsheet.py",
        "post_complaint.py",
        "receive_notices.py",
    }


@pytest.mark.skipif(not shutil.which("curl"), reason="no curl on this machine")
def test_curl(url: str):
    for _ in range(2):
        done = run(url, "bash", CLIENTS / "curl.sh")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["steps"]


def test_python(url: str):
    done = run(url, sys.executable, CLIENTS / "post_complaint.py")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("category: ")
    assert "快递暂行条例" in done.stdout


def test_a_spreadsheet_is_imported_once(url: str, tmp_path: Path):
    book = Workbook()
    book.active.append(["工单号", "受理时间", "内容"])
    for i in range(200):
        book.active.append([f"W{i}", f"2025-03-{i % 28 + 1:02}T10:00:00", f"第{i}次反映路灯不亮"])
    book.active.append(["W200", "2025-03-01T10:00:00", None])
    book.save(tmp_path / "old.xlsx")
    columns = ("--text", "内容", "--id", "工单号", "--time", "受理时间")
    command = (sys.executable, CLIENTS / "import_spreadsheet.py", tmp_path / "old.xlsx", *columns)
    first, second = run(url, *command), run(url, *command)
    assert first.stdout == "200 stored, 0 stored before\n", first.stderr
    assert second.stdout == "0 stored, 200 stored before\n"
    assert first.returncode == 1
    assert first.stderr.startswith("row 202: ")


def test_a_receiver_of_notices():
    port = free_port()
    environment = {**os.environ, "WEBHOOK_SECRET": WEBHOOK_SECRET}
    command = [sys.executable, str(CLIENTS / "receive_notices.py"), str(port)]
    url = f"http://127.0.0.1:{port}/"
    crm = Channel("crm", "webhook", url, secrets=(WEBHOOK_SECRET,), allow_private=True)
    forged = replace(crm, secrets=("Zm9yZ2VkLXNlY3JldC1vZi1zb21lYm9keS1lbHNl",))
    notice = Notice("msg_1", "opened", datetime.now(UTC), {"surge_id": "S1", "message": "停水"})
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as receiver:
        try:
            wait_for_port(port)
            with pytest.raises(DeliveryError, match="answered 400"):
                send_webhook(forged, notice)
            send_webhook(crm, notice)
            send_webhook(crm, notice)
            send_webhook(crm, replace(notice, id="msg_2", event="closed"))
        finally:
            receiver.terminate()
        assert receiver.stdout
        assert receiver.stdout.read() == "surge.opened S1 停水\nsurge.closed S1 停水\n"


def wait_for_port(port: int) -> None:
    for _ in range(400):
        with socket.socket() as caller:
            if caller.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(port)
