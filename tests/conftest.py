"""The fixtures every test may ask for."""

import os
import tempfile

# the PostgreSQL of the tests warns where no session has set it
os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.mkdtemp(prefix="aggregator-tests-"))

from tests.hub import hub
from tests.postgresql import postgresql, postgresql_server
from tests.service import service
from tests.university import demo, university

__all__ = ["demo", "hub", "postgresql", "postgresql_server", "service", "university"]
