"""Bytes as a file that is there whole, after a power cut too, or not at all. Knows not what is in them."""

import os
import threading
from pathlib import Path


def write(path: Path, body: bytes) -> None:
    """Let *body* stand at *path*, and be on the disk when this returns. Raises OSError, and what was there stays then.

    Costs one fsync of the file and one of its folder: without the first a name may lead to an empty file, without the
    second there may be no name (rename(2), fsync(2)).
    """
    new = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    try:
        with new.open("wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except OSError:
        new.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
