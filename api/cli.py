"""Commands that run the service: serve, keys, db, doctor."""

import json
import os
import re
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from api.audit import COMMAND_LINE
from api.backup import back_up
from api.backup import restore as bring_back
from api.database import Database, newest_revision
from api.doctor import examine
from api.erasure import purge_texts
from api.key_store import create_key, list_keys, revoke_key
from api.keys import ROLES
from api.settings import Settings
from api.surge_watch import SurgeWatch
from models.terminal import JsonOption, RegistryOption, registry_root, stderr, stdout
from triage.errors import ConfigError

app = typer.Typer(no_args_is_help=True)
keys = typer.Typer(no_args_is_help=True, help="Keys of the API: made, listed, revoked.")
db = typer.Typer(no_args_is_help=True, help="The database: tables, copies, retention.")
app.add_typer(keys, name="keys")
app.add_typer(db, name="db")

DatabaseOption = Annotated[
    str | None,
    typer.Option(
        "--database",
        help="URL of the database [default: TRIAGE_DATABASE_URL or sqlite:///var/triage.sqlite]",
        show_default=False,
    ),
]

NO_KEYS = (
    "{host} can be reached by others and there is no key yet: make one with "
    "`triage keys create --source crm --role intake`, or serve this machine only with "
    "--host 127.0.0.1"
)


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on")] = None,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes to answer with")] = 1,
    registry: RegistryOption = None,
    database: DatabaseOption = None,
) -> None:
    """Serve the HTTP API.

    On this machine only, and with no key made yet, it prints a key for this run; on an address
    that others can reach it starts only when there are keys.

    Example: triage serve --port 8000
    """
    from api.serving import run_server  # costs 0.1 s, and the other commands do not need it

    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    settings = _settings(registry, database, **given)
    _provide_key(settings)
    _export(settings)
    shown = f"[{settings.host}]" if ":" in settings.host else settings.host
    stderr().print(f"http://{shown}:{settings.port}/docs", highlight=False)
    run_server("api.app:create_app", host=settings.host, port=settings.port, workers=workers)


@app.command()
def doctor(
    registry: RegistryOption = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check everything the service needs, and say how to mend what is wrong.

    Example: triage doctor
    """
    findings = examine(_settings(registry, database))
    if as_json:
        print(json.dumps([f.to_json() for f in findings], ensure_ascii=False))  # noqa: T201
    else:
        table = Table("", "what", "found", "how to mend")
        for finding in findings:
            table.add_row(finding.mark, finding.what, finding.found, finding.mend)
        stdout().print(table)
    if any(not finding.is_good for finding in findings):
        raise typer.Exit(1)


@keys.command("create")
def create(
    source: Annotated[str, typer.Option(help="System or person the key is for")],
    role: Annotated[
        list[str], typer.Option(help=f"What it may do: {', '.join(ROLES)}; may be given again")
    ],
    unit: Annotated[str | None, typer.Option(help="Unit whose complaints a handler sees")] = None,
    database: DatabaseOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a key and print it, once: only its hash is kept.

    Example: triage keys create --source crm --role intake
    """
    with _database(database) as store:
        key = create_key(store, source=source, roles=role, unit=unit)
    if as_json:
        print(json.dumps({"id": key.id, "key": key.text}))  # noqa: T201
        return
    stderr().print(f"key {key.id} for {source}; it is not shown again:", highlight=False)
    print(key.text)  # noqa: T201


@keys.command("list")
def list_(database: DatabaseOption = None, as_json: JsonOption = False) -> None:
    """List the keys, without the keys themselves.

    Example: triage keys list
    """
    with _database(database) as store:
        found = list_keys(store)
    if as_json:
        print(json.dumps(found, ensure_ascii=False, default=str))  # noqa: T201
        return
    table = Table("id", "source", "roles", "unit", "created", "last used", "revoked")
    for key in found:
        moments = (key["created_at"], key["last_used_at"], key["revoked_at"])
        shown = [f"{at:%Y-%m-%d %H:%M}" if at else "" for at in moments]
        table.add_row(key["id"], key["source"], key["roles"], key["unit"] or "", *shown)
    stdout().print(table)


@keys.command("revoke")
def revoke(
    key: Annotated[str, typer.Argument(help="Id of the key, see `triage keys list`")],
    database: DatabaseOption = None,
) -> None:
    """Revoke a key; what its source stored stays.

    Example: triage keys revoke 3f0c9a1b2d4e
    """
    with _database(database) as store:
        revoke_key(store, key)
    stderr().print(f"key {key} is revoked", highlight=False)


@db.command("upgrade")
def upgrade(database: DatabaseOption = None) -> None:
    """Make the tables, or bring them up to date.

    Example: triage db upgrade --database postgresql://triage@localhost/triage
    """
    with Database(_settings(None, database).database_url) as store:
        store.upgrade()
        stderr().print(f"tables at revision {store.revision()}", highlight=False)


@db.command("backup")
def backup(
    file: Annotated[Path, typer.Argument(help="File to write")], database: DatabaseOption = None
) -> None:
    """Write a whole copy while the service runs (pg_dump for PostgreSQL).

    Keep the secret (TRIAGE_SECRET_FILE) too: without it external ids are not recognised.

    Example: triage db backup backups/2026-11-22.sqlite
    """
    with Database(_settings(None, database).database_url) as store:
        back_up(store, file)
    stderr().print(f"{file}: {file.stat().st_size:,} bytes", highlight=False)


@db.command("restore")
def restore(
    file: Annotated[Path, typer.Argument(help="Copy made by `triage db backup`")],
    yes: Annotated[bool, typer.Option("--yes", help="Replace what is there now")] = False,
    database: DatabaseOption = None,
) -> None:
    """Bring a copy back in place of the database. Stop the service first.

    Example: triage db restore backups/2026-11-22.sqlite --yes
    """
    with Database(_settings(None, database).database_url) as store:
        exists = store.file.exists() if store.file else store.revision() is not None
        if exists and not yes:
            raise ConfigError("there is a database already: say --yes to replace it")
        bring_back(store, file)
        if store.revision() != newest_revision():
            store.upgrade()
    stderr().print(f"restored from {file}", highlight=False)


@db.command("purge")
def purge(
    older_than: Annotated[str, typer.Option(help="Age in days, such as 365d")],
    database: DatabaseOption = None,
) -> None:
    """Remove the texts of old complaints; labels and counts stay.

    Example: triage db purge --older-than 365d
    """
    days = re.fullmatch(r"(\d{1,5})d?", older_than)
    if days is None:
        raise ConfigError(f"--older-than {older_than!r}: expected days, such as 365d")
    before = datetime.now(UTC) - timedelta(days=int(days[1]))
    with _database(database) as store:
        n_purged = purge_texts(store, before=before, who=COMMAND_LINE)
        if n_purged:
            SurgeWatch(_settings(None, database), store).redact()
    stderr().print(f"{n_purged} complaints lost their text", highlight=False)


def _settings(registry: Path | None, database: str | None, **values: Any) -> Settings:  # noqa: ANN401
    """Make the settings of a command: its options, then the environment."""
    if database:
        values["database_url"] = database
    return Settings.read(registry=registry_root(registry), **values)


def _database(url: str | None) -> Database:
    """Open the database; the tables of an SQLite file are made and kept up to date by the way."""
    store = Database(_settings(None, url).database_url)
    if store.is_sqlite:
        store.upgrade()
    elif not store.is_current():
        raise ConfigError("the tables are not up to date: run `triage db upgrade`")
    return store


def _provide_key(settings: Settings) -> None:
    """Make a key for this run, or refuse to start open to strangers."""
    if settings.authentication != "keys" or settings.demo_key:
        return
    has_keys = _has_keys(settings)
    if not settings.is_loopback:
        if not has_keys:
            raise ConfigError(NO_KEYS.format(host=settings.host))
    elif not has_keys:
        os.environ["TRIAGE_DEMO_KEY"] = secrets.token_urlsafe(24)
        stderr().print(f"key for this run: {os.environ['TRIAGE_DEMO_KEY']}", highlight=False)


def _has_keys(settings: Settings) -> bool:
    with Database(settings.database_url) as store:
        if store.file and not store.file.exists():
            return False
        if store.revision() is None:
            return False
        return any(key["revoked_at"] is None for key in list_keys(store))


def _export(settings: Settings) -> None:
    """Hand the settings of the command line to the processes that answer."""
    os.environ["TRIAGE_HOST"] = settings.host
    os.environ["TRIAGE_PORT"] = str(settings.port)
    os.environ["TRIAGE_REGISTRY"] = str(settings.registry)
    os.environ["TRIAGE_DATABASE_URL"] = settings.database_url
