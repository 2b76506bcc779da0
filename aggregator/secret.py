"""The instance's secret, which signs addresses that nobody shall make up. Knows no address."""

import os
from pathlib import Path
from secrets import token_hex

from aggregator.errors import SettingsError
from aggregator.settings import Settings


def secret_key(settings: Settings) -> str:
    """``web.secret_key``, else what stands in instance/secret_key, made there once for its owner alone to read."""
    if settings.web.secret_key:
        return settings.web.secret_key
    path = settings.instance / "secret_key"
    try:
        return _stored(path) or _made(path)
    except OSError as error:
        raise SettingsError(
            f"cannot keep a secret in {path}: {error.strerror}; check the folder's permissions, or set web.secret_key"
        ) from error


def _stored(path: Path) -> str:
    try:
        return path.read_text("ascii").strip()
    except FileNotFoundError:
        return ""


def _made(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.{os.getpid()}.{token_hex(4)}")
    try:
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as file:
            file.write(token_hex(32) + "\n")
        os.link(new, path)  # whoever is first has made it; a half-written one is never seen
    except FileExistsError:
        return _stored(path)
    finally:
        new.unlink(missing_ok=True)
    return _stored(path)
