"""Complaints, corrections, outcomes, keys, audit trail and the search index."""

import sqlalchemy as sa
from alembic import op

from api.tables import Serial, UtcTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "audit",
        sa.Column("seq", Serial, autoincrement=True, nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("key_id", sa.String(length=40), nullable=False),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column("action", sa.String(length=40), nullable=False),
        sa.Column("target", sa.String(length=200), nullable=False),
        sa.Column("known", sa.Text(), nullable=False),
        sa.Column("done", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index(op.f("ix_audit_target"), "audit", ["target"], unique=False)
    op.create_table(
        "buckets",
        sa.Column("key_id", sa.String(length=40), nullable=False),
        sa.Column("tokens", sa.Float(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("key_id"),
    )
    op.create_table(
        "complaints",
        sa.Column("seq", Serial, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column("external_id", sa.String(length=200), nullable=True),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("received_at", UtcTime(), nullable=False),
        sa.Column("occurred_at", UtcTime(), nullable=False),
        sa.Column("channel", sa.String(length=200), nullable=True),
        sa.Column("sector", sa.String(length=200), nullable=True),
        sa.Column("product", sa.String(length=200), nullable=True),
        sa.Column("region", sa.String(length=200), nullable=True),
        sa.Column("unit", sa.String(length=200), nullable=True),
        sa.Column("customer", sa.String(length=64), nullable=True),
        sa.Column("is_live", sa.Boolean(), nullable=False),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("category", sa.String(length=200), nullable=True),
        sa.Column("category_confidence", sa.Float(), nullable=True),
        sa.Column("category_decision", sa.String(length=10), nullable=True),
        sa.Column("motive", sa.String(length=200), nullable=True),
        sa.Column("motive_confidence", sa.Float(), nullable=True),
        sa.Column("motive_decision", sa.String(length=10), nullable=True),
        sa.Column("urgency", sa.String(length=200), nullable=True),
        sa.Column("urgency_confidence", sa.Float(), nullable=True),
        sa.Column("urgency_decision", sa.String(length=10), nullable=True),
        sa.Column("model_urgency", sa.String(length=200), nullable=True),
        sa.Column("flags", sa.Text(), nullable=False),
        sa.Column("model", sa.String(length=100), nullable=False),
        sa.Column("segmenter", sa.String(length=40), nullable=False),
        sa.Column("elapsed_ms", sa.Float(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("first_response_due_at", UtcTime(), nullable=True),
        sa.Column("responded_at", UtcTime(), nullable=True),
        sa.Column("response_channel", sa.String(length=200), nullable=True),
        sa.Column("resolved_at", UtcTime(), nullable=True),
        sa.Column("text_removed_at", UtcTime(), nullable=True),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("id"),
        sa.UniqueConstraint("source", "external_id", name="complaints_external_id"),
    )
    op.create_index("complaints_customer", "complaints", ["customer"], unique=False)
    op.create_index("complaints_due", "complaints", ["first_response_due_at"], unique=False)
    op.create_index("complaints_received_at", "complaints", ["received_at"], unique=False)
    op.create_index("complaints_unit", "complaints", ["unit", "seq"], unique=False)
    op.create_table(
        "deployment",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "keys",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column("roles", sa.String(length=200), nullable=False),
        sa.Column("unit", sa.String(length=200), nullable=True),
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("revoked_at", UtcTime(), nullable=True),
        sa.Column("last_used_at", UtcTime(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "corrections",
        sa.Column("seq", Serial, autoincrement=True, nullable=False),
        sa.Column("complaint_id", sa.String(length=32), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("task", sa.String(length=20), nullable=False),
        sa.Column("before", sa.String(length=200), nullable=True),
        sa.Column("label", sa.String(length=200), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("model", sa.String(length=100), nullable=False),
        sa.Column("key_id", sa.String(length=40), nullable=False),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["complaint_id"], ["complaints.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index(
        op.f("ix_corrections_complaint_id"), "corrections", ["complaint_id"], unique=False
    )
    op.create_table(
        "outcomes",
        sa.Column("complaint_id", sa.String(length=32), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("resolution", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=True),
        sa.Column("measure", sa.Text(), nullable=True),
        sa.Column("satisfied", sa.Boolean(), nullable=True),
        sa.Column("model", sa.String(length=100), nullable=False),
        sa.Column("key_id", sa.String(length=40), nullable=False),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["complaint_id"], ["complaints.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("complaint_id"),
    )
    if op.get_bind().dialect.name == "sqlite":
        op.execute("CREATE VIRTUAL TABLE complaint_words USING fts5(words, tokenize='unicode61')")
    else:
        op.execute(
            "CREATE TABLE complaint_words ("
            "seq BIGINT PRIMARY KEY REFERENCES complaints (seq) ON DELETE CASCADE, "
            "words TSVECTOR NOT NULL)"
        )
        op.execute("CREATE INDEX complaint_words_words ON complaint_words USING gin (words)")


def downgrade() -> None:
    """Remove the tables."""
    op.execute("DROP TABLE complaint_words")
    op.drop_table("outcomes")
    op.drop_index(op.f("ix_corrections_complaint_id"), table_name="corrections")
    op.drop_table("corrections")
    op.drop_table("keys")
    op.drop_table("deployment")
    op.drop_index("complaints_unit", table_name="complaints")
    op.drop_index("complaints_received_at", table_name="complaints")
    op.drop_index("complaints_due", table_name="complaints")
    op.drop_index("complaints_customer", table_name="complaints")
    op.drop_table("complaints")
    op.drop_table("buckets")
    op.drop_index(op.f("ix_audit_target"), table_name="audit")
    op.drop_table("audit")
