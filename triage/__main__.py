"""The ``triage`` command: mounts each package's own commands.

It alone may import across the layers.
"""

import importlib
import sys
from collections.abc import Sequence

import typer

from triage.errors import TriageError

PACKAGES = {
    "models.cli": ("tag", "models", "promote", "rollback"),
    "models.replay_cli": ("replay",),
    "training.cli": ("train", "evaluate"),
    "api.handling_cli": ("plan", "playbook", "reply"),
    "api.notify_cli": ("notify",),
    "api.cli": ("serve", "keys", "db", "doctor"),
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


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; an error is one line and exit code 1, never a traceback.

    Parameters
    ----------
    arguments : sequence of str, optional
        What was typed after ``triage``; None takes it from the process.

    Returns
    -------
    int
        0, 1 (failed, said why), 2 (wrong usage) or 130 (stopped by the user).
    """
    typed = list(sys.argv[1:] if arguments is None else arguments)
    try:
        build(typed[0] if typed else None)(typed, prog_name="triage")
    except SystemExit as done:
        return done.code if isinstance(done.code, int) else 0
    except TriageError as error:
        print(f"triage: {error}", file=sys.stderr)  # noqa: T201
        return 1
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except KeyboardInterrupt:
        print("triage: stopped", file=sys.stderr)  # noqa: T201
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
