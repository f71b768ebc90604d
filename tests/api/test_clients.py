import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from openpyxl import Workbook

from api.settings import Settings
from tests.api.conftest import DEMO_KEY
from tests.api.server import serve

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
