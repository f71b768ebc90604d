"""The commands as a person types them."""

import csv
import io
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from models.registry import Registry
from triage.__main__ import main

HEADER = "text,shop,category\n"
BODY = "快递三天没到没人管,一店,x\n,二店,y\n我不想活了，站在楼顶，没人管我,三店,z\n"


@dataclass(frozen=True)
class Done:
    returncode: int
    stdout: str
    stderr: str


Run = Callable[..., Done]


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Run:
    """Run a command in this process, as the installed program does."""

    def run_command(*arguments: str) -> Done:
        capfd.readouterr()
        code = main(arguments)
        out, err = capfd.readouterr()
        return Done(code, out, err)

    return run_command


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "in.csv"
    path.write_text(HEADER + BODY, encoding="utf-8")
    return path


def test_tag_keeps_every_row_and_column(table: Path, registry: Registry, tmp_path: Path, run: Run):
    out = tmp_path / "out.csv"
    done = run("tag", str(table), "-o", str(out), "--registry", str(registry.root))
    assert done.returncode == 0, done.stderr
    rows = read_csv(out)
    assert [row["shop"] for row in rows] == ["一店", "二店", "三店"]
    assert list(rows[0]) == [
        "text", "shop", "input_category",
        "category", "category_confidence", "category_decision",
        "motive", "motive_confidence", "motive_decision",
        "urgency", "urgency_confidence", "urgency_decision", "flags", "error",
    ]  # fmt: skip
    assert [row["error"] for row in rows] == ["", "empty text", ""]
    assert rows[2]["urgency"] == "critical"
    assert "self_harm" in rows[2]["flags"]


@pytest.mark.parametrize("ending", [".jsonl", ".xlsx", ".parquet", ".csv.gz"])
def test_tag_writes_every_format(
    table: Path, registry: Registry, tmp_path: Path, ending: str, run: Run
):
    out = tmp_path / f"out{ending}"
    done = run("tag", str(table), "-o", str(out), "--registry", str(registry.root))
    assert (done.returncode, out.exists()) == (0, True), done.stderr


def test_the_installed_program_reads_standard_input(registry: Registry):
    done = subprocess.run(
        [sys.executable, "-m", "triage", "tag", "-", "--registry", str(registry.root)],
        input=HEADER + BODY, capture_output=True, text=True, encoding="utf-8", check=True,
    )  # fmt: skip
    assert len(list(csv.DictReader(io.StringIO(done.stdout)))) == 3


def test_two_workers_give_what_one_gives(
    registry: Registry, tmp_path: Path, small_corpus, run: Run
):
    source = tmp_path / "many.jsonl"
    lines = (json.dumps({"text": text}) for text in small_corpus.texts * 3)
    source.write_text("\n".join(lines), encoding="utf-8")
    outs = []
    for workers in ("1", "2"):
        out = tmp_path / f"{workers}.csv"
        done = run(
            "tag", str(source), "-o", str(out), "--workers", workers, "--registry",
            str(registry.root),
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        outs.append(out.read_text(encoding="utf-8"))
    assert outs[0] == outs[1]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["tag", "none.csv"], 1, "check the name"),
        (["tag", "{table}", "--text-column", "内容"], 1, "it has text, shop, category"),
        (["tag", "{table}", "-o", "{table}"], 1, "exists already"),
        (["tag", "{table}", "-o", "/nowhere/x.csv"], 1, "make it first"),
        (["tag", "{table}", "--model", "x"], 1, "no version 'x'"),
        (["tag"], 2, "Missing argument"),
        (["nonsense"], 2, "No such command"),
        (["promote", "x"], 1, "no version"),
        (["rollback"], 1, "nothing to roll back to"),
        (["train", "{table}"], 1, "no task to learn"),
        (["train", "{table}", "--category-column", "category"], 1, "row 2: text is empty"),
        (["train", "{table}", "--category-column", "kind"], 1, "no column 'kind'"),
        (["evaluate", "{table}", "--category-column", "shop"], 1, "row 2: text is empty"),
    ],
)
def test_a_mistake_is_one_line(
    arguments: list[str], code: int, message: str, table: Path, registry: Registry, run: Run
):
    filled = [a.format(table=table) for a in arguments]
    if code == 1:
        filled += ["--registry", str(registry.root)]
    done = run(*filled)
    assert done.returncode == code, done.stderr
    assert message in done.stderr.replace("\n", " ")
    assert "Traceback" not in done.stderr
    assert "快递" not in done.stderr
    if code == 1:
        assert len(done.stderr.strip().splitlines()) <= 2


def test_a_zero_row_file_gives_a_zero_row_file(tmp_path: Path, registry: Registry, run: Run):
    source, out = tmp_path / "zero.csv", tmp_path / "out.csv"
    source.write_text("text\n", encoding="utf-8")
    done = run("tag", str(source), "-o", str(out), "--registry", str(registry.root))
    assert (done.returncode, len(out.read_text(encoding="utf-8").splitlines())) == (0, 1)


def test_a_missing_registry_says_what_to_do(table: Path, tmp_path: Path, run: Run):
    done = run("tag", str(table), "--registry", str(tmp_path / "none"))
    assert (done.returncode, "triage train" in done.stderr) == (1, True)


def test_one_task_with_labels_of_ones_own(tmp_path: Path, small_corpus, run: Run):
    source, registry = tmp_path / "own.csv", tmp_path / "registry"
    names = {"safety": "环境", "quality": "产品"}
    with source.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["内容", "部门"])
        for text, label in zip(small_corpus.texts, small_corpus.labels["category"], strict=True):
            writer.writerow([text, names.get(label, "综合")])
    columns = ["--text-column", "内容", "--category-column", "部门"]
    trained = run("train", str(source), *columns, "--registry", str(registry), "--json")
    assert trained.returncode == 0, trained.stderr
    scores = json.loads(trained.stdout.splitlines()[-1])
    assert set(scores["scores"]) == {"category"}
    out = tmp_path / "out.csv"
    tagged = run(
        "tag", str(source), "--text-column", "内容", "-o", str(out), "--registry", str(registry)
    )
    assert tagged.returncode == 0, tagged.stderr
    rows = read_csv(out)
    assert list(rows[0])[-5:] == [
        "category", "category_confidence", "category_decision", "flags", "error",
    ]  # fmt: skip
    assert {row["category"] for row in rows} <= {"环境", "产品", "综合"}
    judged = run("evaluate", str(source), *columns, "--registry", str(registry), "--json")
    assert json.loads(judged.stdout)["category"]["accuracy"] > 0.7


def test_models_lists_the_current_version(registry: Registry, run: Run):
    done = run("models", "--json", "--registry", str(registry.root))
    assert [entry["current"] for entry in json.loads(done.stdout)] == [True]


@pytest.mark.parametrize("content", ["features = 1\n[x]", "colour = 1\n", "[heads]\nkind='deep'\n"])
def test_a_faulty_configuration_is_refused(tmp_path: Path, content: str, run: Run):
    config = tmp_path / "config.toml"
    config.write_text(content, encoding="utf-8")
    done = run("train", "--config", str(config), "--registry", str(tmp_path / "r"))
    assert (done.returncode, "expected" in done.stderr) == (1, True), done.stderr
