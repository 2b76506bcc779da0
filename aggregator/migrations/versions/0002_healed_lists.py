"""Lists that heal: what a list looked like, how it was repaired, and the later addresses of entries."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("source", sa.Column("look", sa.JSON(none_as_null=True), nullable=True))
    op.add_column("source", sa.Column("repair", sa.String(), nullable=True))
    op.create_table(
        "entry_address",
        sa.Column("uid", sa.String(), nullable=False),
        sa.Column("entry_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["entry_id"],
            ["entry.id"],
        ),
        sa.PrimaryKeyConstraint("uid"),
    )
    op.create_index("ix_entry_address_entry_id", "entry_address", ["entry_id"])
