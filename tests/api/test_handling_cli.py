"""The commands for handlers print what a person needs, and JSON for programs."""

import json
from pathlib import Path

import pytest

from models.registry import Registry
from triage.__main__ import main

TEXT = "上周三买的热水器花了2899元，三天就漏水，打了三次电话没人来，要求换货，再不处理就去12315投诉"


def test_a_plan_is_a_whole_answer(registry: Registry, capsys: pytest.CaptureFixture[str]):
    arguments = ["plan", TEXT, "--received-at", "2026-05-20T10:30:00", "--json"]
    assert main([*arguments, "--registry", str(registry.root)]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert [a["value"] for a in answer["card"]["amounts"]] == [2899]
    assert answer["card"]["when"][0]["value"] == "2026-05-13"
    assert answer["card"]["prior_contacts"]["count"] == 3
    assert {flag["flag"] for flag in answer["flags"]} >= {"repeat", "escalation_threat"}
    assert 5 <= len(answer["steps"]) <= 9
    assert answer["deadlines"][0]["due_at"] > "2026-05-20T10:30"


def test_a_plan_is_readable(registry: Registry, capsys: pytest.CaptureFixture[str]):
    assert main(["plan", TEXT, "--registry", str(registry.root)]) == 0
    page = capsys.readouterr().out
    assert "投诉卡片" in page
    assert "时限" in page


def test_the_packaged_playbook_has_no_faults(capsys: pytest.CaptureFixture[str]):
    assert main(["playbook", "check"]) == 0
    assert "no faults" in capsys.readouterr().err


def test_a_fault_is_named_with_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = tmp_path / "playbook.toml"
    path.write_text("[base]\ncolour = 1\n", encoding="utf-8")
    assert main(["playbook", "check", str(path)]) == 1
    assert f"{path}:" in capsys.readouterr().out.replace("\n", "")


def test_a_plan_for_labels_is_shown(capsys: pytest.CaptureFixture[str]):
    assert main(["playbook", "show", "--category", "refund", "--urgency", "critical"]) == 0
    assert "一线" in capsys.readouterr().out


def test_an_unknown_label_is_refused(capsys: pytest.CaptureFixture[str]):
    assert main(["playbook", "show", "--category", "refunds"]) == 1
    assert "expected one of quality" in capsys.readouterr().err


def test_a_bad_reply_is_taken_apart(capsys: pytest.CaptureFixture[str]):
    draft = "您先别激动，这不归我们管，我们会尽快处理的"
    assert main(["reply", "check", draft, "--json"]) == 0
    check = json.loads(capsys.readouterr().out)
    assert {finding["kind"] for finding in check["findings"]} >= {"forbidden", "empty_promise"}
    assert all(draft[slice(*f["span"])] == f["phrase"] for f in check["findings"])
    assert {part["part"] for part in check["missing"]} >= {"apology", "cause", "deadline"}
