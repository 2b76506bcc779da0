"""Who wants mail at an hour, at a glance."""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_subscriber_appointment", "subscriber", ["state", "period", "hour", "weekday", "timezone"])
