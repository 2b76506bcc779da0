"""Hosts are claimed, no longer sources: a table of leases; the next `run`, `worker` or `poll` fills it."""

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import UTCDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "host",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("next_at", UTCDateTime(), nullable=True),
        sa.Column("token", sa.Integer(), nullable=False),
        sa.Column("owner", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_index("ix_host_next_at", "host", ["next_at"])
    op.drop_index("ix_source_due", "source")
    op.add_column("source", sa.Column("host", sa.String(), nullable=False, server_default=""))
    op.drop_column("source", "leased_until")
    op.create_index("ix_source_due", "source", ["host", "enabled", "next_poll_at"])
