"""The search index: which document of it is which entry, which entries wait for it, and the words themselves.

The words stand in a table that each database has in its own way, and of which models know nothing.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "search_doc",
        sa.Column("doc", sa.Integer(), nullable=False),
        sa.Column("entry_id", sa.Integer(), nullable=False),
        sa.Column("sort", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["entry_id"], ["entry.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("doc"),
        sa.UniqueConstraint("entry_id"),
        sqlite_autoincrement=True,  # the number of a document that is gone is never given to another
    )
    op.create_table(
        "search_due",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("entry_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["entry_id"], ["entry.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_search_due_entry_id", "search_due", ["entry_id"])
    if op.get_bind().dialect.name == "sqlite":
        # words come ready made, with the signs that tell them from keys; no text is kept here, and no places of words
        op.execute(
            "CREATE VIRTUAL TABLE search_text USING fts5(words, content='', columnsize=0, detail=none, "
            "tokenize=\"ascii tokenchars '=@#$'\")"
        )
    else:
        op.execute(
            "CREATE TABLE search_text (doc INTEGER PRIMARY KEY REFERENCES search_doc (doc) ON DELETE CASCADE, "
            "entry_id INTEGER NOT NULL, sort BIGINT NOT NULL, words TSVECTOR NOT NULL)"
        )
        op.execute("CREATE INDEX ix_search_text_words ON search_text USING gin (words)")
    op.execute("INSERT INTO search_due (entry_id) SELECT id FROM entry ORDER BY id")
