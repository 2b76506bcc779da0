"""Settings in force, read once: config.toml of the instance folder, then AGGREGATOR_<SECTION>__<KEY>, which win.

What cannot be used is a SettingsError that names file and key, or the variable. Knows no database and no network.
"""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from aggregator.errors import SettingsError
from aggregator.settings import PREFIX, SECTIONS, Settings, own_url, public_address


def load(instance: Path | None = None) -> Settings:
    """The settings in force. The folder is *instance*, else AGGREGATOR_INSTANCE, else ./instance; not made here."""
    folder = (instance or Path(os.environ.get(PREFIX + "INSTANCE") or "instance")).absolute()
    _check_variable_names(os.environ)
    path = folder / "config.toml"
    table = _read(path)
    for key in table:
        if key not in SECTIONS:
            raise SettingsError(f"{path}: unknown section [{key}]; there are: {', '.join(SECTIONS)}")
    try:
        settings = Settings(**{**table, "instance": folder})
    except ValidationError as error:
        raise SettingsError(_sentence(error, path)) from error
    if settings.schedule.min_interval_minutes > settings.schedule.max_interval_minutes:
        raise SettingsError("schedule.min_interval_minutes is larger than schedule.max_interval_minutes; lower it")
    if settings.mail.host and not settings.mail.sender:
        raise SettingsError("mail.host is set but mail.sender is not; name the address that our mail comes from")
    if settings.alert.mail and not settings.mail.host:
        raise SettingsError("alert.mail is set but mail.host is not; name the server that takes our mail")
    site = settings.site
    if "url" not in site.model_fields_set:  # nobody has named the public address: it is where we listen
        site = site.model_copy(update={"url": own_url(settings.web)})
    return settings.model_copy(update={"instance": folder, "site": site})


def at_address(settings: Settings, url: str) -> Settings:
    """*settings* of a site whose public address is *url*; raises SettingsError."""
    try:
        public = public_address(url)
    except ValueError as error:
        raise SettingsError(f"{url!r} is no public address: {error}") from error
    return settings.model_copy(update={"site": settings.site.model_copy(update={"url": public})})


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8-sig"))
    except FileNotFoundError:
        return {}
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path}: not valid TOML: {error}") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path}: not UTF-8 (byte {error.start}); save the file as UTF-8") from error
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}") from error


def _check_variable_names(environ: Mapping[str, str]) -> None:
    """A typing error in a variable's name must not be a silent default."""
    for name in environ:
        if not name.startswith(PREFIX) or name == PREFIX + "INSTANCE":
            continue
        section, _, key = name.removeprefix(PREFIX).lower().partition("__")
        if section not in SECTIONS or not key:
            raise SettingsError(
                f"{name}: unknown variable; they are called {PREFIX}<SECTION>__<KEY>, sections: {', '.join(SECTIONS)}"
            )


def _sentence(error: ValidationError, path: Path) -> str:
    first = error.errors()[0]
    place = [str(part) for part in first["loc"]]
    variable = PREFIX + "__".join(place).upper()
    where = variable if variable in os.environ else f"{path}: {'.'.join(place)}"
    if first["type"] == "extra_forbidden":
        return f"{where}: unknown key; `aggregator settings` lists them"
    return f"{where}: {first['msg']} (found {first['input']!r})"
