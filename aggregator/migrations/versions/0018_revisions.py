"""Articles that are looked at again, what they said before, and what their publishers removed."""

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import UTCDateTime

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("source", sa.Column("recheck_at", UTCDateTime(), nullable=True))
    op.add_column("source", sa.Column("list_at", UTCDateTime(), nullable=True))
    op.add_column("entry", sa.Column("removed_at", UTCDateTime(), nullable=True))
    op.add_column("entry", sa.Column("changed_at", UTCDateTime(), nullable=True))
    op.add_column("entry", sa.Column("is_withheld", sa.Boolean(), nullable=False, server_default=sa.false()))
    is_removed = sa.text("removed_at IS NOT NULL")
    op.create_index("ix_entry_removed", "entry", ["id"], sqlite_where=is_removed, postgresql_where=is_removed)
    op.create_table(
        "recheck",
        sa.Column("entry_id", sa.Integer(), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("since", UTCDateTime(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("due_at", UTCDateTime(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("etag", sa.String(), nullable=True),
        sa.Column("last_modified", sa.String(), nullable=True),
        sa.Column("body_hash", sa.String(), nullable=True),
        sa.Column("title", sa.String(), nullable=True),
        sa.Column("published", UTCDateTime(), nullable=True),
        sa.Column("precision", sa.String(), nullable=True),
        sa.Column("files", sa.JSON(), nullable=False),
        sa.Column("listed_title", sa.String(), nullable=False),
        sa.Column("is_unlisted", sa.Boolean(), nullable=False),
        sa.Column("missing_at", UTCDateTime(), nullable=True),
        sa.Column("missing_by", sa.String(), nullable=True),
        sa.Column("passing", sa.JSON(), nullable=False),
        sa.Column("is_untold", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["entry_id"], ["entry.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"]),
        sa.PrimaryKeyConstraint("entry_id"),
    )
    op.create_index("ix_recheck_source", "recheck", ["source_id", "entry_id", "due_at"])
    op.create_table(
        "revision",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("entry_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("seen_at", UTCDateTime(), nullable=False),
        sa.Column("what", sa.JSON(), nullable=False),
        sa.Column("words", sa.Integer(), nullable=False),
        sa.Column("is_told", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("published", UTCDateTime(), nullable=True),
        sa.Column("precision", sa.String(), nullable=True),
        sa.Column("summary", sa.String(), nullable=False),
        sa.Column("html", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("images", sa.JSON(), nullable=False),
        sa.Column("attachments", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["entry_id"], ["entry.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_revision_entry", "revision", ["entry_id", "id"])
