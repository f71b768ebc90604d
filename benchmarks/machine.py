"""What every table names: command, machine, date."""

import platform
import shlex
import sys
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path


def heading(title: str, data: str) -> str:
    """Give the lines that stand above a table."""
    command = "python " + shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
    versions = ", ".join(
        f"{name} {metadata.version(name)}" for name in ("scikit-learn", "numpy", "rjieba", "jieba")
    )
    return (
        f"## {title}\n\n"
        f"- command: `{command.replace('python ', 'python benchmarks/')}`\n"
        f"- data: {data}\n"
        f"- machine: {_processor()}, {_cores()} cores, Python {platform.python_version()}, "
        f"{versions}\n"
        f"- date: {datetime.now(UTC):%Y-%m-%d}\n"
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _cores() -> int:
    import os

    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
