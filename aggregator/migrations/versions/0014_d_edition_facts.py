"""What a frozen digest says of itself: counts, chart, and all the entries it was made of."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("edition", sa.Column("facts", sa.JSON(), nullable=False, server_default="{}"))
