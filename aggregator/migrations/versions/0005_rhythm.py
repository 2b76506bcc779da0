"""How a source publishes: its newest entry, entries a day, and their share in working hours."""

import sqlalchemy as sa
from alembic import op
from sqlmodel.sql.sqltypes import UTCDateTime

revision = "0005"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("source", sa.Column("newest", UTCDateTime(), nullable=True))
    op.add_column("source", sa.Column("per_day", sa.Float(), nullable=True))
    op.add_column("source", sa.Column("working_share", sa.Float(), nullable=True))
