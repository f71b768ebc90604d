"""Keys in the database: made, listed, revoked, and when each was last used."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import insert, select, update

from api import audit
from api.database import Database
from api.keys import ROLES, NewKey, Principal, StoredKey
from api.tables import keys
from triage.errors import ConfigError


def create_key(
    database: Database, *, source: str, roles: Iterable[str], unit: str | None = None
) -> NewKey:
    """Make a key for a source.

    Raises
    ------
    ConfigError
        If a role is unknown, a handler's key has no unit, or another key has one.
    """
    roles = sorted(set(roles))
    if not roles or not set(roles) <= set(ROLES):
        raise ConfigError(
            f"--role {' '.join(roles) or 'is missing'}: expected some of {', '.join(ROLES)}"
        )
    if ("handler" in roles) != (unit is not None):
        raise ConfigError("a key with the role handler, and only such a key, needs a --unit")
    key = NewKey.make()
    with database.write() as connection:
        connection.execute(
            insert(keys),
            {
                "id": key.id,
                "source": source,
                "roles": " ".join(roles),
                "unit": unit,
                "secret_hash": key.secret_hash,
                "created_at": datetime.now(UTC),
            },
        )
        done = {"source": source, "roles": roles, "unit": unit}
        audit.record(connection, audit.COMMAND_LINE, "create_key", key.id, done=done)
    return key


def revoke_key(database: Database, key_id: str) -> None:
    """Revoke a key; its source and what it stored stay.

    Raises
    ------
    ConfigError
        If there is no such key, or it is revoked already.
    """
    with database.write() as connection:
        revoked = connection.execute(
            update(keys)
            .where(keys.c.id == key_id, keys.c.revoked_at.is_(None))
            .values(revoked_at=datetime.now(UTC))
        )
        if revoked.rowcount != 1:
            raise ConfigError(f"no key {key_id!r} to revoke: see `triage keys list`")
        audit.record(connection, audit.COMMAND_LINE, "revoke_key", key_id)


def list_keys(database: Database) -> list[dict[str, Any]]:
    """Give all keys, oldest first, without their hashes."""
    shown = [c for c in keys.c if c.name != "secret_hash"]
    with database.read() as connection:
        return [
            dict(row._mapping) for row in connection.execute(select(*shown).order_by("created_at"))
        ]


def read_keys(database: Database) -> list[StoredKey]:
    """Give all keys as the key ring needs them."""
    with database.read() as connection:
        rows = connection.execute(select(keys)).all()
    return [
        StoredKey(
            Principal(row.id, row.source, frozenset(row.roles.split()), row.unit),
            row.secret_hash,
            row.revoked_at is not None,
        )
        for row in rows
    ]


def note_use(database: Database, used: Mapping[str, float]) -> None:
    """Note when keys were last used."""
    if not used:
        return
    with database.write() as connection:
        for key_id, seconds in used.items():
            connection.execute(
                update(keys)
                .where(keys.c.id == key_id)
                .values(last_used_at=datetime.fromtimestamp(seconds, UTC))
            )
