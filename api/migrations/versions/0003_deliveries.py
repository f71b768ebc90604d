"""Deliveries of notices to channels."""

import sqlalchemy as sa
from alembic import op

from api.tables import Serial, UtcTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table, and the mark of a notice whose channels are settled."""
    op.add_column("notices", sa.Column("routed_at", UtcTime(), nullable=True))
    op.create_index(
        "notices_unrouted",
        "notices",
        ["seq"],
        sqlite_where=sa.text("routed_at IS NULL"),
        postgresql_where=sa.text("routed_at IS NULL"),
    )
    op.create_table(
        "deliveries",
        sa.Column("seq", Serial, autoincrement=True, nullable=False),
        sa.Column("notice_id", sa.String(length=40), nullable=False),
        sa.Column("channel", sa.String(length=100), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("is_held", sa.Boolean(), nullable=False),
        sa.Column("made_at", UtcTime(), nullable=False),
        sa.Column("due_at", UtcTime(), nullable=False),
        sa.Column("n_tries", sa.Integer(), nullable=False),
        sa.Column("tried_at", UtcTime(), nullable=True),
        sa.Column("reason", sa.String(length=200), nullable=True),
        sa.Column("lease", sa.String(length=32), nullable=True),
        sa.Column("leased_until", UtcTime(), nullable=True),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("notice_id", "channel", name="deliveries_once"),
    )
    op.create_index("deliveries_due", "deliveries", ["state", "channel", "due_at"])


def downgrade() -> None:
    """Remove the table and the mark."""
    op.drop_index("deliveries_due", table_name="deliveries")
    op.drop_table("deliveries")
    op.drop_index("notices_unrouted", table_name="notices")
    with op.batch_alter_table("notices") as batch:
        batch.drop_column("routed_at")
