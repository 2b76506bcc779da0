"""What feeds say of when to come and who announces their news, and what was asked of those hubs."""

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import UTCDateTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("source", sa.Column("refresh_seconds", sa.Integer(), nullable=True))
    op.add_column("source", sa.Column("hub", sa.String(), nullable=True))
    op.add_column("source", sa.Column("topic", sa.String(), nullable=True))
    op.add_column("source", sa.Column("pushed_at", UTCDateTime(), nullable=True))
    op.create_table(
        "hub_subscription",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("hub", sa.String(), nullable=False),
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("callback", sa.String(), nullable=False),
        sa.Column("secret", sa.String(), nullable=False),
        sa.Column("wanted", sa.Boolean(), nullable=False),
        sa.Column("asked_at", UTCDateTime(), nullable=True),
        sa.Column("next_ask_at", UTCDateTime(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("failed_at", UTCDateTime(), nullable=True),
        sa.Column("since", UTCDateTime(), nullable=True),
        sa.Column("until", UTCDateTime(), nullable=True),
        sa.Column("denied_at", UTCDateTime(), nullable=True),
        sa.Column("message", sa.String(), nullable=True),
        sa.Column("owed", sa.Integer(), nullable=False),
        sa.Column("missed_at", UTCDateTime(), nullable=True),
        sa.Column("pushes", sa.Integer(), nullable=False),
        sa.Column("forged", sa.Integer(), nullable=False),
        sa.Column("method", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )
    op.create_index(
        "ix_hub_subscription_wanted",
        "hub_subscription",
        ["source_id"],
        unique=True,
        sqlite_where=sa.text("wanted"),
        postgresql_where=sa.text("wanted"),
    )
