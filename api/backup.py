"""Copies of the database, made while it is in use, and brought back."""

import os
import shutil
import sqlite3
import subprocess
import tempfile
from pathlib import Path

from sqlalchemy import URL

from api.database import Database, newest_revision
from api.errors import StoreError
from triage.errors import ConfigError


def back_up(database: Database, file: Path) -> None:
    """Write a whole and consistent copy; intake goes on meanwhile.

    Raises
    ------
    StoreError
        If the copy could not be made; a file of that name is then left as it was.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".backup-", dir=file.parent)
    os.close(handle)
    draft = Path(name)
    try:
        if database.is_sqlite:
            _copy_sqlite(_existing(database), draft)
        else:
            _run("pg_dump", database.url, ["--format=custom", "--no-owner", f"--file={draft}"])
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)


def restore(database: Database, file: Path) -> None:
    """Bring a copy back; the service must not run meanwhile.

    Raises
    ------
    ConfigError
        If the file is no copy of a store.
    StoreError
        If it could not be brought back.
    """
    if not file.is_file():
        raise ConfigError(f"{file}: there is no such file")
    if database.is_sqlite:
        _restore_sqlite(database, file)
    else:
        options = ["--clean", "--if-exists", "--no-owner", "--single-transaction", str(file)]
        _run("pg_restore", database.url, options)


def _existing(database: Database) -> Path:
    file = database.file
    if file is None or not file.is_file():
        raise ConfigError(f"{file}: there is no database to copy")
    return file


def _copy_sqlite(source: Path, target: Path) -> None:
    try:
        with sqlite3.connect(source, timeout=30) as old, sqlite3.connect(target) as new:
            # One step: a copy in several begins anew with each complaint that arrives.
            old.backup(new)
        old.close()
        new.close()
        with target.open("rb") as copy:
            os.fsync(copy.fileno())
    except sqlite3.Error as error:
        raise StoreError(f"the copy could not be made: {type(error).__name__}") from error


def _restore_sqlite(database: Database, file: Path) -> None:
    with Database(f"sqlite:///{file}") as copy:
        try:
            revision = copy.revision()
        except (StoreError, Exception) as error:
            raise ConfigError(f"{file}: this is no copy of a store") from error
    if revision is None:
        raise ConfigError(f"{file}: this is no copy of a store (it needs {newest_revision()})")
    database.close()
    target = database.file
    assert target is not None  # noqa: S101
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.restored")
    _copy_sqlite(file, draft)
    for leftover in ("-wal", "-shm"):
        target.with_name(target.name + leftover).unlink(missing_ok=True)
    draft.replace(target)


def _run(program: str, url: URL, options: list[str]) -> None:
    """Run a tool of PostgreSQL; the password goes by the environment, not by the command line."""
    found = shutil.which(program)
    if found is None:
        raise ConfigError(f"{program} is not installed: it comes with PostgreSQL's client")
    plain = url.set(drivername="postgresql", password=None).render_as_string()
    environment = dict(os.environ)
    if url.password:
        environment["PGPASSWORD"] = str(url.password)
    command = [found, *options[:-1], f"--dbname={plain}", options[-1]]
    try:
        subprocess.run(command, env=environment, check=True, capture_output=True)  # noqa: S603
    except subprocess.CalledProcessError as error:
        first = error.stderr.decode(errors="replace").strip().splitlines()[:1]
        raise StoreError(f"{program} failed: {' '.join(first)}") from error
