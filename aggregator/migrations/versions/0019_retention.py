"""What was deleted and never comes back; what no deletion may take: the entries that digests list; and the archive."""

import json

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import UTCDateTime

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "tombstone",
        sa.Column("uid", sa.String(), nullable=False),
        sa.Column("slug", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("sort", sa.BigInteger(), nullable=False),
        sa.Column("gone_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"]),
        sa.PrimaryKeyConstraint("uid"),
    )
    op.create_index("ix_tombstone_slug", "tombstone", ["slug"])
    op.create_index("ix_tombstone_place", "tombstone", ["source_id", "sort"])
    op.create_table(
        "edition_entry",
        sa.Column("entry_id", sa.Integer(), nullable=False),
        sa.Column("edition_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["entry_id"], ["entry.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["edition_id"], ["edition.id"]),
        sa.PrimaryKeyConstraint("entry_id", "edition_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_edition_entry_edition_id", "edition_entry", ["edition_id"])
    op.create_table(
        "blob",
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("bytes", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_table(
        "archived",
        sa.Column("entry_id", sa.Integer(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("content_type", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("kept_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["entry_id"], ["entry.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["digest"], ["blob.digest"]),
        sa.PrimaryKeyConstraint("entry_id", "url"),
    )
    op.create_index("ix_archived_url", "archived", ["url"])
    op.create_index("ix_archived_digest", "archived", ["digest"])
    op.create_table(
        "archive_look",
        sa.Column("entry_id", sa.Integer(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("due_at", UTCDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["entry_id"], ["entry.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("entry_id"),
    )
    op.create_index("ix_archive_look_due_at", "archive_look", ["due_at"])
    connection = op.get_bind()
    listed = sa.text(
        "INSERT INTO edition_entry (entry_id, edition_id) SELECT id, :edition FROM entry WHERE id = :entry "
        "ON CONFLICT DO NOTHING"
    )
    of = sa.text("SELECT items FROM edition WHERE id = :edition")
    for edition in connection.execute(sa.text("SELECT id FROM edition ORDER BY id")).scalars().all():
        items = connection.execute(of, {"edition": edition}).scalar_one()
        stories = json.loads(items) if isinstance(items, str) else items
        rows = [{"edition": edition, "entry": one["id"]} for story in stories for one in story["entries"]]
        if rows:
            connection.execute(listed, rows)
