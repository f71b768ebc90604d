"""The ``triage`` command: mounts each package's own commands.

It alone may import across the layers.
"""

import importlib
import sys

import typer

from triage.errors import TriageError

PACKAGES = {
    "models.cli": ("tag", "models", "promote", "rollback"),
    "training.cli": ("train", "evaluate"),
    "api.cli": ("serve", "doctor"),
}
"""Which package has which commands, so that `triage tag` need not wait for scikit-learn."""


def build(command: str | None = None) -> typer.Typer:
    """Put the commands of all packages, or of the one that has `command`, into one program."""
    program = typer.Typer(
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        help="Triage of Chinese complaints: category, motive, urgency, steps, early warning.",
    )
    owners = [package for package, commands in PACKAGES.items() if command in commands]
    for package in owners or PACKAGES:
        program.add_typer(importlib.import_module(package).app)
    program.callback()(lambda: None)
    return program


def main() -> None:
    """Run the program; an error is one line and exit code 1, never a traceback."""
    try:
        build(sys.argv[1] if len(sys.argv) > 1 else None)()
    except TriageError as error:
        print(f"triage: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(1)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
    except KeyboardInterrupt:
        print("triage: stopped", file=sys.stderr)  # noqa: T201
        sys.exit(130)


if __name__ == "__main__":
    main()
