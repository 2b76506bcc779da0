"""Health: the fault of each poll, breaks and who was told of them, and the responses that prove them."""

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import UTCDateTime

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("source", sa.Column("quiet_at", UTCDateTime(), nullable=True))
    op.add_column("source", sa.Column("stale_at", UTCDateTime(), nullable=True))
    op.add_column("source", sa.Column("kept_at", UTCDateTime(), nullable=True))
    op.add_column("source", sa.Column("fault", sa.String(), nullable=True))
    op.add_column("source", sa.Column("strikes", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("source", sa.Column("broken_by", sa.String(), nullable=True))
    op.add_column("poll", sa.Column("fault", sa.String(), nullable=True))
    op.create_index("ix_poll_polled_at", "poll", ["polled_at", "outcome", "fault"])
    op.create_table(
        "kept_response",
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("is_good", sa.Boolean(), nullable=False),
        sa.Column("fetched_at", UTCDateTime(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("headers", sa.JSON(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("is_cut", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"]),
        sa.PrimaryKeyConstraint("source_id", "is_good"),
    )
    op.create_table(
        "source_break",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("began_at", UTCDateTime(), nullable=False),
        sa.Column("seen_at", UTCDateTime(), nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("ended_at", UTCDateTime(), nullable=True),
        sa.Column("mailed_at", UTCDateTime(), nullable=True),
        sa.Column("posted_at", UTCDateTime(), nullable=True),
        sa.Column("recovery_mailed_at", UTCDateTime(), nullable=True),
        sa.Column("recovery_posted_at", UTCDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_source_break_source_id", "source_break", ["source_id"])
    op.create_index("ix_source_break_ended_at", "source_break", ["ended_at"])
