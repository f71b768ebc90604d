"""The README names every command, setting and route."""

import re
from pathlib import Path

import click
import pytest
import typer

from triage.__main__ import PACKAGES, build

ROOT = Path(__file__).parent.parent


def commands() -> list[str]:
    def walk(command: click.Command, name: str) -> list[str]:
        if hasattr(command, "commands"):
            return [x for n, c in command.commands.items() for x in walk(c, f"{name} {n}")]
        return [name.strip()]

    return walk(typer.main.get_command(build()), "")


@pytest.fixture(scope="module")
def readme() -> str:
    return (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("command", commands())
def test_a_command_is_in_the_readme(command: str, readme: str):
    assert f"triage {command}" in readme


@pytest.mark.parametrize("command", commands())
def test_a_command_has_help_with_an_example(command: str):
    found = typer.main.get_command(build())
    for name in command.split():
        found = found.commands[name]
    assert "Example" in (found.help or "")


def test_the_lazy_table_names_every_command():
    assert {c.split()[0] for c in commands()} == {c for names in PACKAGES.values() for c in names}


def test_a_setting_is_in_the_readme(readme: str):
    from api.settings import Settings

    missing = [n for n in Settings.model_fields if f"TRIAGE_{n.upper()}" not in readme]
    assert not missing


def test_a_route_is_in_the_readme(readme: str):
    from api.app import create_app

    paths = create_app().openapi()["paths"]
    assert not [path for path in paths if path not in readme]


def test_every_make_target_is_in_the_readme(readme: str):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(r"^([a-z-]+):.*##", makefile, flags=re.MULTILINE)
    assert not [t for t in targets if f"make {t}" not in readme and t != "help"]
