"""The tables of the store, the same on SQLite and PostgreSQL."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.types import TypeDecorator


class UtcTime(TypeDecorator[datetime]):
    """A moment: goes in with any offset, is kept in UTC, comes out with UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turn a moment into UTC; SQLite keeps no offset."""
        if value is None:
            return None
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:  # noqa: ANN401
        """Give the moment with its offset."""
        if value is None:
            return None
        found: datetime = value
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


Serial = BigInteger().with_variant(Integer, "sqlite")

metadata = MetaData()

complaints = Table(
    "complaints",
    metadata,
    Column("seq", Serial, primary_key=True, autoincrement=True),
    Column("id", String(32), nullable=False, unique=True),
    Column("source", String(200), nullable=False),
    Column("external_id", String(200)),
    Column("fingerprint", String(64), nullable=False),
    Column("received_at", UtcTime, nullable=False),
    Column("occurred_at", UtcTime, nullable=False),
    Column("channel", String(200)),
    Column("sector", String(200)),
    Column("product", String(200)),
    Column("region", String(200)),
    Column("unit", String(200)),
    Column("customer", String(64)),
    Column("is_live", Boolean, nullable=False),
    Column("text", Text),
    Column("category", String(200)),
    Column("category_confidence", Float),
    Column("category_decision", String(10)),
    Column("motive", String(200)),
    Column("motive_confidence", Float),
    Column("motive_decision", String(10)),
    Column("urgency", String(200)),
    Column("urgency_confidence", Float),
    Column("urgency_decision", String(10)),
    Column("model_urgency", String(200)),
    Column("flags", Text, nullable=False),
    Column("model", String(100), nullable=False),
    Column("segmenter", String(40), nullable=False),
    Column("elapsed_ms", Float, nullable=False),
    Column("answer", Text, nullable=False),
    Column("first_response_due_at", UtcTime),
    Column("responded_at", UtcTime),
    Column("response_channel", String(200)),
    Column("resolved_at", UtcTime),
    Column("text_removed_at", UtcTime),
    UniqueConstraint("source", "external_id", name="complaints_external_id"),
)
Index("complaints_received_at", complaints.c.received_at)
Index("complaints_unit", complaints.c.unit, complaints.c.seq)
Index("complaints_customer", complaints.c.customer)
Index("complaints_due", complaints.c.first_response_due_at)

corrections = Table(
    "corrections",
    metadata,
    Column("seq", Serial, primary_key=True, autoincrement=True),
    Column(
        "complaint_id",
        String(32),
        ForeignKey("complaints.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    Column("at", UtcTime, nullable=False),
    Column("task", String(20), nullable=False),
    Column("before", String(200)),
    Column("label", String(200), nullable=False),
    Column("reason", Text),
    Column("model", String(100), nullable=False),
    Column("key_id", String(40), nullable=False),
    Column("source", String(200), nullable=False),
)

outcomes = Table(
    "outcomes",
    metadata,
    Column(
        "complaint_id",
        String(32),
        ForeignKey("complaints.id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("at", UtcTime, nullable=False),
    Column("resolution", Text, nullable=False),
    Column("cause", Text),
    Column("measure", Text),
    Column("satisfied", Boolean),
    Column("model", String(100), nullable=False),
    Column("key_id", String(40), nullable=False),
    Column("source", String(200), nullable=False),
)

keys = Table(
    "keys",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("source", String(200), nullable=False),
    Column("roles", String(200), nullable=False),
    Column("unit", String(200)),
    Column("secret_hash", String(64), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("revoked_at", UtcTime),
    Column("last_used_at", UtcTime),
)

audit = Table(
    "audit",
    metadata,
    Column("seq", Serial, primary_key=True, autoincrement=True),
    Column("at", UtcTime, nullable=False),
    Column("key_id", String(40), nullable=False),
    Column("source", String(200), nullable=False),
    Column("action", String(40), nullable=False),
    Column("target", String(200), nullable=False, index=True),
    Column("known", Text, nullable=False),
    Column("done", Text, nullable=False),
)

buckets = Table(
    "buckets",
    metadata,
    Column("key_id", String(40), primary_key=True),
    Column("tokens", Float, nullable=False),
    Column("at", Float, nullable=False),
)

deployment = Table(
    "deployment",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("value", Text, nullable=False),
)

surge_log = Table(
    "surge_log",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", String(20), nullable=False),
    Column("entry", Text, nullable=False),
)
"""What early warning saw, in the order in which it was committed; `seq` has no gaps."""

surge_snapshots = Table(
    "surge_snapshots",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("at", UtcTime, nullable=False),
    Column("state", LargeBinary, nullable=False),
)

surges = Table(
    "surges",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("id", String(40), nullable=False, unique=True),
    Column("kind", String(10), nullable=False),
    Column("key", Text, nullable=False),
    Column("topic_id", BigInteger),
    Column("terms", Text, nullable=False),
    Column("group", String(20), nullable=False),
    Column("state", String(20), nullable=False, index=True),
    Column("level", String(20), nullable=False),
    Column("opened_at", UtcTime, nullable=False),
    Column("since", UtcTime, nullable=False),
    Column("last_at", UtcTime, nullable=False),
    Column("observed", Integer, nullable=False),
    Column("expected", Float, nullable=False),
    Column("p_value", Float, nullable=False),
    Column("n_customers", Integer, nullable=False),
    Column("message", Text, nullable=False),
    Column("assigned_to", String(200)),
    Column("snoozed_until", UtcTime),
    Column("category", String(200)),
    Column("product", String(200)),
    Column("region", String(200)),
    Column("unit", String(200)),
    Column("alert", Text, nullable=False),
)

surge_members = Table(
    "surge_members",
    metadata,
    Column("surge_id", String(40), primary_key=True),
    Column("complaint_id", String(32), primary_key=True, index=True),
    Column("at_open", Boolean, nullable=False),
)

notices = Table(
    "notices",
    metadata,
    Column("seq", Serial, primary_key=True, autoincrement=True),
    Column("id", String(40), nullable=False, unique=True),
    Column("surge_id", String(40), nullable=False, index=True),
    Column("event", String(20), nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("payload", Text, nullable=False),
    Column("routed_at", UtcTime),
)
"""What is to be told about surges: written with the change itself, sent afterwards."""
Index(
    "notices_unrouted",
    notices.c.seq,
    sqlite_where=notices.c.routed_at.is_(None),
    postgresql_where=notices.c.routed_at.is_(None),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("seq", Serial, primary_key=True, autoincrement=True),
    Column("notice_id", String(40), nullable=False),
    Column("channel", String(100), nullable=False),
    Column("state", String(10), nullable=False),
    Column("is_held", Boolean, nullable=False),
    Column("made_at", UtcTime, nullable=False),
    Column("due_at", UtcTime, nullable=False),
    Column("n_tries", Integer, nullable=False),
    Column("tried_at", UtcTime),
    Column("reason", String(200)),
    Column("lease", String(32)),
    Column("leased_until", UtcTime),
    UniqueConstraint("notice_id", "channel", name="deliveries_once"),
)
"""One notice on its way to one channel: ``waiting``, ``delivered`` or ``dead``."""
Index("deliveries_due", deliveries.c.state, deliveries.c.channel, deliveries.c.due_at)
