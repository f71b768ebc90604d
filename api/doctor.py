"""Checks of everything the service needs, each with the way to mend it."""

import os
import platform
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from sqlalchemy.exc import DBAPIError

from api import surge_log
from api.answers import Knowledge
from api.database import Database, newest_revision
from api.errors import StoreError
from api.key_store import list_keys
from api.settings import Settings
from api.surge_records import count_open
from models.registry import Registry
from triage.calendar import known_years
from triage.errors import ModelError, TriageError

SLOW_START = 10
"""Kept states that are missing before it is remarked on."""

LIBRARIES = ("rjieba", "jieba", "opencc", "numpy", "fastapi", "sqlalchemy", "alembic", "uvicorn")


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found; `mend` says what to do, empty where nothing is wrong.

    `is_good` is False for what keeps the service from answering.
    """

    what: str
    found: str
    mend: str = ""
    is_good: bool = True

    @property
    def mark(self) -> str:
        """Give ✓, ! for a remark or ✗ for a fault."""
        if not self.is_good:
            return "✗"
        return "!" if self.mend else "✓"

    def to_json(self) -> dict[str, Any]:
        """Give the finding as plain values."""
        return asdict(self)


def examine(settings: Settings) -> list[Finding]:
    """Run every check; none of them changes anything."""
    return [check(settings) for check in CHECKS]


def _check_python(_: Settings) -> Finding:
    return Finding("python", platform.python_version())


def _check_libraries(_: Settings) -> Finding:
    found, missing = [], []
    for name in LIBRARIES:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        mend = f"pip install {' '.join(missing)}"
        return Finding("libraries", f"missing: {', '.join(missing)}", mend, is_good=False)
    return Finding("libraries", ", ".join(found))


def _check_model(settings: Settings) -> Finding:
    registry = Registry(settings.registry)
    try:
        bundle = registry.load()
    except ModelError as error:
        mend = "train one: triage train; or go back: triage rollback"
        return Finding("model", str(error), mend, is_good=False)
    return Finding("model", f"{bundle.version} in {settings.registry}, every file as registered")


def _check_knowledge(settings: Settings) -> Finding:
    try:
        Knowledge.from_settings(settings)
    except (TriageError, ValueError) as error:
        return Finding("tables", str(error), "mend the file named here", is_good=False)
    return Finding("tables", "flags, deadlines and calendar can be read")


def _check_calendar(_: Settings) -> Finding:
    first, last = known_years()
    return Finding("calendar", f"working days {first} to {last}; later dates are provisional")


def _check_database(settings: Settings) -> Finding:
    with Database(settings.database_url) as database:
        shown = database.url.render_as_string(hide_password=True)
        if database.file and not database.file.exists():
            mend = "it is made at the first start, or by `triage db upgrade`"
            return Finding("database", f"{shown}: not made yet", mend)
        try:
            revision = database.revision()
        except StoreError as error:
            mend = "start the database, or set TRIAGE_DATABASE_URL"
            return Finding("database", f"{shown}: {error}", mend, is_good=False)
    if revision != newest_revision():
        found = f"{shown}: tables at {revision or 'nothing'}, needed {newest_revision()}"
        return Finding("database", found, "triage db upgrade", is_good=database.is_sqlite)
    return Finding("database", f"{shown}, tables at {revision}")


def _check_keys(settings: Settings) -> Finding:
    with Database(settings.database_url) as database:
        try:
            stored = [] if database.file and not database.file.exists() else list_keys(database)
        except (StoreError, DBAPIError):
            return Finding("keys", "cannot be read", "see database", is_good=False)
    valid = [key for key in stored if key["revoked_at"] is None]
    if valid:
        return Finding("keys", f"{len(valid)} valid, {len(stored) - len(valid)} revoked")
    mend = "triage keys create --source crm --role intake"
    return Finding("keys", "none", mend, is_good=settings.is_loopback)


def _check_secret(settings: Settings) -> Finding:
    database = Database(settings.database_url)
    file = settings.secret_file or (database.file and database.file.with_suffix(".secret"))
    if settings.secret or (file and file.is_file()):
        return Finding("secret", "set" if settings.secret else str(file))
    if database.is_sqlite:
        return Finding("secret", "none yet", "it is made at the first start; keep a copy of it")
    return Finding("secret", "none", "set TRIAGE_SECRET, the same for all replicas", is_good=False)


def _check_access(settings: Settings) -> Finding:
    if settings.authentication == "none":
        return Finding(
            "access", "keys are switched off", "unset TRIAGE_AUTHENTICATION", settings.is_loopback
        )
    return Finding("access", f"keys are asked for on {settings.host}:{settings.port}")


def _check_notifications(settings: Settings) -> Finding:
    what = "notifications"
    if settings.notify_file is None:
        return Finding(what, "nobody is told about surges", "name a file by TRIAGE_NOTIFY_FILE")
    # Half a second that nobody else needs to wait for.
    from api.notify.deliveries import channel_states, utc_now
    from api.notify.plan import NotifyPlan

    try:
        plan = NotifyPlan.from_file(settings.notify_file, zone=settings.zone)
    except TriageError as error:
        return Finding(what, str(error), "mend the file named here", is_good=False)
    names = {channel.name for channel in plan.channels}
    with Database(settings.database_url) as database:
        try:
            has_tables = not database.file or database.file.exists()
            states = channel_states(database, utc_now()) if has_tables else []
        except (StoreError, DBAPIError):
            return Finding(what, "cannot be read", "see database", is_good=False)
    n_dead = sum(state.n_dead for state in states)
    gone = sorted(state.channel for state in states if state.channel not in names)
    found = f"{', '.join(sorted(names))}; {sum(s.n_waiting for s in states)} wait, {n_dead} dead"
    if n_dead:
        mend = "triage notify list --state dead; then triage notify redeliver --all-dead"
        return Finding(what, found, mend)
    if gone:
        return Finding(what, f"{found}; the file lacks {', '.join(gone)}", "triage notify list")
    return Finding(what, found)


def _check_surges(settings: Settings) -> Finding:
    """Say how much a start must see again; a running service keeps it small."""
    what = "early warning"
    if not settings.surges:
        return Finding(what, "switched off", "set TRIAGE_SURGES=on to be warned of surges")
    with Database(settings.database_url) as database:
        if database.file and not database.file.exists():
            return Finding(what, "nothing seen yet")
        try:
            with database.read() as connection:
                newest = surge_log.last_seq(connection)
                saved, at = surge_log.newest_snapshot(connection)
                n_open = count_open(connection)
        except (StoreError, DBAPIError):
            return Finding(what, "cannot be read", "see database", is_good=False)
    since = f"after the state kept {at:%Y-%m-%d %H:%M} UTC" if at else "and no kept state"
    found = f"{n_open} surges open; {newest - saved} entries {since}"
    if newest - saved > SLOW_START * settings.surge_snapshot_entries:
        mend = "a start takes long: look for `upkeep failed` in the log of the service"
        return Finding(what, found, mend)
    return Finding(what, found)


def _check_measuring_data(_: Settings) -> Finding:
    folder = Path(os.environ.get("TRIAGE_MEASURE_DATA", "../shared/data"))
    if folder.is_dir():
        return Finding("measuring data", str(folder))
    return Finding(
        "measuring data",
        "absent",
        "only needed to measure: name its folder by TRIAGE_MEASURE_DATA",
    )


CHECKS: tuple[Callable[[Settings], Finding], ...] = (
    _check_python,
    _check_libraries,
    _check_model,
    _check_knowledge,
    _check_calendar,
    _check_database,
    _check_secret,
    _check_keys,
    _check_access,
    _check_surges,
    _check_notifications,
    _check_measuring_data,
)
