"""How Alembic reaches the database: by the connection that Store.upgrade hands over."""

from alembic import context
from sqlmodel import SQLModel

import aggregator.model  # noqa: F401 - fills SQLModel.metadata


def is_modelled(name: str | None, kind: str, parents: object) -> bool:
    """Whether models tell of it: not of the search index and the tables that SQLite keeps beside it."""
    del parents
    return kind != "table" or not (name or "").startswith("search_text")


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    transactional_ddl=False,  # the caller's transaction holds all steps
    include_name=is_modelled,
    render_as_batch=True,  # SQLite alters a table by copying it
)
context.run_migrations()
