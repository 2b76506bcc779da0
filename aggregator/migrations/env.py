"""How Alembic reaches the database: by the connection that Store.upgrade hands over."""

from alembic import context
from sqlmodel import SQLModel

import aggregator.model  # noqa: F401 - fills SQLModel.metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    transactional_ddl=False,  # the caller's transaction holds all steps
    render_as_batch=True,  # SQLite alters a table by copying it
)
context.run_migrations()
