"""How a source publishes, when its whole body last came, and where it moved to."""

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import UTCDateTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("source", sa.Column("moved_to", sa.String(), nullable=True))
    op.add_column("source", sa.Column("moved_at", UTCDateTime(), nullable=True))
    op.add_column("source", sa.Column("fetched_at", UTCDateTime(), nullable=True))
    op.add_column("source", sa.Column("newest", UTCDateTime(), nullable=True))
    op.add_column("source", sa.Column("per_day", sa.Float(), nullable=True))
    op.add_column("source", sa.Column("working_share", sa.Float(), nullable=True))
