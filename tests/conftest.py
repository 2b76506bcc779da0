"""The fixtures every test may ask for."""

from tests.university import demo, university

__all__ = ["demo", "university"]
