"""Other names of tags, as the site files say them, and the sources of a university at a glance."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "tag_alias",
        sa.Column("alias", sa.String(), nullable=False),
        sa.Column("tag_name", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("alias"),
    )
    op.create_index("ix_source_university", "source", ["university", "id"])
