"""All that a list says of a pending item, and one row for each source that lists it."""

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import UTCDateTime

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # made anew, for SQLite cannot give a table another primary key
    op.drop_index("ix_pending_source_id", "pending")
    op.rename_table("pending", "former_pending")
    op.create_table(
        "pending",
        sa.Column("uid", sa.String(), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("published", UTCDateTime(), nullable=True),
        sa.Column("precision", sa.String(), nullable=True),
        sa.Column("updated", UTCDateTime(), nullable=True),
        sa.Column("guid", sa.String(), nullable=True),
        sa.Column("author", sa.String(), nullable=True),
        sa.Column("summary", sa.String(), nullable=True),
        sa.Column("tags", sa.JSON(), nullable=False),
        sa.Column("attachments", sa.JSON(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("tried_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"]),
        sa.PrimaryKeyConstraint("uid", "source_id", name="pending_by_source"),
    )
    op.create_index("ix_pending_source_id", "pending", ["source_id"])
    op.execute(
        "INSERT INTO pending (uid, source_id, url, title, published, precision, tags, attachments, tries, tried_at) "
        "SELECT uid, source_id, url, title, published, precision, '[]', '[]', tries, tried_at FROM former_pending"
    )
    op.drop_table("former_pending")
