"""A break may be the service's own: our network is down, and no source is to blame."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("source_break") as table:
        table.alter_column("source_id", existing_type=sa.Integer(), nullable=True)
