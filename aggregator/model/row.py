"""At rest: what all tables share."""

from sqlmodel import SQLModel


class Row(SQLModel):
    """A row of a table.

    Pydantic's validators are made when one is asked for: no table asks, and every start would pay for them. So it would
    for PostgreSQL's dialect if an index named one of its options here; the migrations do, and they make the tables.
    """

    model_config = {"defer_build": True}
