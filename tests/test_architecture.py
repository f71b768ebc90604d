"""The layers import one way, and the domain stays free of the machinery."""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MAY_IMPORT = {
    "triage": {"numpy", "scipy", "opencc", "ahocorasick_rs", "chinese_calendar", "cn2an"},
    "models": {
        "triage",
        "numpy",
        "scipy",
        "jieba",
        "rjieba",
        "joblib",
        "sklearn",
        "typer",
        "rich",
        "openpyxl",
        "pyarrow",
        "distributed",
        "matplotlib",
    },
    "training": {
        "triage",
        "models",
        "numpy",
        "scipy",
        "sklearn",
        "joblib",
        "pandas",
        "typer",
        "rich",
        "matplotlib",
    },
    "api": {"triage", "models", "*"},
}
NOT_IN_API = {"training", "sklearn", "jieba", "rjieba"}
MODULES = [
    path
    for package in MAY_IMPORT
    for path in sorted((ROOT / package).rglob("*.py"))
    if path.relative_to(ROOT) != Path("triage/__main__.py")
]


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names.add(str(node.module))
    return names


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_module_imports_only_what_its_layer_may(path: Path):
    package = path.relative_to(ROOT).parts[0]
    tops = {name.split(".")[0] for name in imported(path)}
    outside = tops - set(sys.stdlib_module_names) - {package}
    if package == "api":
        assert not outside & NOT_IN_API
    else:
        assert outside <= MAY_IMPORT[package]


def test_only_the_segmentation_module_knows_jieba():
    users = {
        str(path.relative_to(ROOT)) for path in MODULES if imported(path) & {"jieba", "rjieba"}
    }
    assert users == {"models/segmentation.py"}


def test_answering_needs_no_scikit_learn():
    users = {
        str(path.relative_to(ROOT))
        for path in MODULES
        if any(name.startswith("sklearn") for name in imported(path))
    }
    assert {user for user in users if user.startswith("models/")} == {"models/segmenter.py"}


def test_there_are_no_import_cycles():
    names = {".".join(p.relative_to(ROOT).with_suffix("").parts): p for p in MODULES}
    graph = {name: imported(path) & set(names) for name, path in names.items()}
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " → ".join([*trail, name])
        if name not in done:
            for other in graph[name]:
                visit(other, (*trail, name))
            done.add(name)

    for name in graph:
        visit(name, ())


def test_no_module_is_a_drawer():
    drawers = {"utils", "helpers", "common", "misc", "manager"}
    assert not [p for p in MODULES if p.stem in drawers]
