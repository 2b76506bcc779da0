"""What tags are made from, kept, so that they can be made again: keywords of entries, given tags of sources."""

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import UTCDateTime

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("entry_body", sa.Column("keywords", sa.JSON(), nullable=False, server_default="[]"))
    op.add_column("source", sa.Column("given", sa.JSON(none_as_null=True), nullable=True))
    op.add_column("tag_alias", sa.Column("is_of_topic", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_table(
        "retag",
        sa.Column("rules", sa.String(), nullable=False),
        sa.Column("after_id", sa.Integer(), nullable=False),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.Column("ended_at", UTCDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("rules"),
    )
