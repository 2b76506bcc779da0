"""A change of an article that was seen once, and may pass."""

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import UTCDateTime

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("recheck", sa.Column("doubt", sa.JSON(), nullable=False, server_default="[]"))
    op.add_column("recheck", sa.Column("doubted_at", UTCDateTime(), nullable=True))
