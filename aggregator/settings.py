"""Settings, read once: instance/config.toml, then AGGREGATOR_<SECTION>__<KEY> variables, which win.

One list of fields with default and help; unknown keys are errors. Knows no database and no network.
"""

import ipaddress
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from aggregator.errors import SettingsError

PREFIX = "AGGREGATOR_"
PACKAGE = Path(__file__).parent
MAILBOX = re.compile(r"[^\s@,;<>\"]+@[^\s@,;<>\"]+")
FIELD_SAFE = " !\"#$%&'()*+,/:;<=>?@[\\]^`{|}~"
YEAR_MINUTES = 525_600


def _address(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{value!r} is not an http or https address")
    return value.rstrip("/")


def _optional_address(value: str) -> str:
    return _address(value) if value else ""


def _addresses(value: str) -> str:
    for one in filter(None, value.split(",")):
        _address(one.strip())
    return value


def _mailbox(value: str) -> str:
    if value and not MAILBOX.fullmatch(value):
        raise ValueError(f"{value!r} is not a mail address like news@example.edu.cn")
    return value


def _mailboxes(value: str) -> str:
    for one in filter(None, value.split(",")):
        _mailbox(one.strip())
    return value


def _timezone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ValueError, OSError, KeyError) as error:  # ZoneInfoNotFoundError is a KeyError
        raise ValueError(f"{value!r} is not a time zone name like Asia/Shanghai") from error
    return value


def _working_hours(value: str) -> str:
    found = re.fullmatch(r"(\d\d):([0-5]\d)-(\d\d):([0-5]\d)", value)
    if not found or not 0 <= int(found[1] + found[2]) < int(found[3] + found[4]) <= 2400:
        raise ValueError(f"{value!r} is not a span of a day like 08:00-18:00")
    return value


class Section(BaseModel):
    """What every section does: refuse keys it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SiteSettings(Section):
    """How the service presents itself."""

    name: str = Field("高校新闻", min_length=1, description="the service's name, on pages and in feeds")
    url: Annotated[str, AfterValidator(_address)] = Field(
        "http://127.0.0.1:8000", description="public address, used in feeds; set it before anyone subscribes"
    )
    language: Literal["zh", "en"] = Field(
        "zh", description="language of pages where the reader's browser asks for none of ours"
    )
    timezone: Annotated[str, AfterValidator(_timezone)] = Field(
        "Asia/Shanghai", description="time zone of pages and digests"
    )
    contact: str = Field("", description="mail address or page of the operator, told to the servers we visit")


class DatabaseSettings(Section):
    """Where entries are kept."""

    url: str = Field("", description="SQLAlchemy address; empty: sqlite, aggregator.db in the instance folder")


class FetchSettings(Section):
    """How we visit other people's servers."""

    concurrency: int = Field(32, ge=1, le=500, description="sources polled at the same time")
    per_host_delay_seconds: float = Field(1.0, ge=0, le=3600, description="pause between two requests to one host")
    timeout_seconds: float = Field(
        30.0, gt=0, le=600, description="longest time for one page, redirects and body included"
    )
    idle_seconds: float = Field(15.0, gt=0, le=600, description="longest silence of a server, connecting included")
    max_bytes: int = Field(10_000_000, ge=10_000, le=1_000_000_000, description="largest body read, decompressed")
    max_articles: int = Field(
        100, ge=1, le=10_000, description="article pages fetched in one poll; the rest come with the next"
    )
    user_agent: str = Field("", description="empty: the program's name with site.url and site.contact")
    proxy: Annotated[str, AfterValidator(_optional_address)] = Field(
        "", description="address of an HTTP proxy; empty: none. It resolves names and has to guard its own network"
    )
    transport: Literal["aiohttp", "httpx"] = Field(
        "aiohttp", description="the library that fetches: aiohttp, or httpx at seven times the CPU"
    )
    respect_robots: bool = Field(True, description="ask each host's robots.txt and do as it says (RFC 9309)")
    allow_private_networks: bool = Field(
        False, description="visit private and loopback addresses too (intranets, tests); or for one source in its file"
    )


class ScheduleSettings(Section):
    """When sources are polled."""

    tick_seconds: float = Field(15.0, gt=0, le=3600, description="how often the scheduler asks which sources are due")
    lease_seconds: float = Field(
        120.0, ge=1, le=86_400, description="how long a worker that died keeps its hosts from the others"
    )
    min_interval_minutes: float = Field(
        15.0, gt=0, le=YEAR_MINUTES, description="shortest pause between two polls of a source"
    )
    max_interval_minutes: float = Field(
        360.0, gt=0, le=YEAR_MINUTES, description="longest pause between two polls of a working source"
    )

    working_hours: Annotated[str, AfterValidator(_working_hours)] = Field(
        "08:00-18:00", description="when universities publish, Monday to Friday in their time zone: polled more often"
    )
    websub: bool = Field(
        True, description="let hubs that feeds name announce news; needs a site.url that the internet reaches"
    )


class MailSettings(Section):
    """The server that takes our mail."""

    host: str = Field("", description="mail server; empty: no mail is sent")
    port: int = Field(587, ge=1, le=65535, description="its port: 587 for starttls, 465 for tls, 25 for none")
    tls: Literal["starttls", "tls", "none"] = Field("starttls", description="how the connection is secured")
    username: str = Field("", description="name to log in with; empty: no login")
    password: str = Field("", repr=False, description="its password; better in the variable than in a file")
    sender: Annotated[str, AfterValidator(_mailbox)] = Field("", description="address that our mail comes from")
    per_minute: float = Field(60.0, gt=0, le=6000, description="mails sent in a minute at most")
    timeout_seconds: float = Field(30.0, gt=0, le=600, description="longest wait for the server")


class AlertSettings(Section):
    """Who is told when a source breaks and when it is well again."""

    mail: Annotated[str, AfterValidator(_mailboxes)] = Field(
        "", description="mail addresses, separated by commas; empty: no mail"
    )
    webhook: Annotated[str, AfterValidator(_optional_address)] = Field(
        "", repr=False, description="address that gets a POST with JSON, on any network; empty: none"
    )
    settle_hours: float = Field(
        4.0, ge=0, le=1000, description="hours within schedule.working_hours that a break must last before it is told"
    )

    @property
    def addresses(self) -> list[str]:
        return [one.strip() for one in self.mail.split(",") if one.strip()]


class WebSettings(Section):
    """The pages."""

    host: str = Field("127.0.0.1", description="address to listen on; 0.0.0.0 for all")
    port: int = Field(8000, ge=0, le=65535, description="port to listen on; 0: any free one")
    threads: int = Field(8, ge=1, le=256, description="requests answered at the same time, by each process")
    searches_per_minute: float = Field(
        60.0, ge=1, le=100_000, description="searches of one client address in a minute at most; more get 429"
    )
    trusted_proxies: int = Field(
        0, ge=0, le=10, description="how many proxies of ours stand before us; their X-Forwarded headers are believed"
    )
    hubs: Annotated[str, AfterValidator(_addresses)] = Field(
        "", description="addresses of WebSub hubs that announce our feeds, separated by commas; empty: none"
    )
    pictures: Literal["proxy", "link", "none"] = Field(
        "proxy", description="of entries: through this service, from the universities' servers, or none"
    )
    picture_cache_mb: int = Field(
        1000, ge=10, le=1_000_000, description="disk for pictures (instance/pictures); the longest unseen go first"
    )
    secret_key: str = Field(
        "", repr=False, description="signs addresses of pictures; empty: made once in the instance folder"
    )
    admin_token: str = Field(
        "",
        repr=False,
        description="who sends it (Authorization: Bearer) sees /metrics and kept responses; empty: all",
    )

    @property
    def hub_urls(self) -> tuple[str, ...]:
        return tuple(one.strip() for one in self.hubs.split(",") if one.strip())


class Settings(BaseSettings):
    """Everything an operator can turn. *instance* is the folder of config.toml, the database and own rules."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True, env_ignore_empty=True
    )

    instance: Path = Path("instance")
    site: SiteSettings = SiteSettings()
    database: DatabaseSettings = DatabaseSettings()
    fetch: FetchSettings = FetchSettings()
    schedule: ScheduleSettings = ScheduleSettings()
    mail: MailSettings = MailSettings()
    alert: AlertSettings = AlertSettings()
    web: WebSettings = WebSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Variables before the file's values, which arrive as arguments; no .env, no secrets folder."""
        del settings_cls, dotenv_settings, file_secret_settings
        return env_settings, init_settings

    @property
    def database_url(self) -> str:
        return self.database.url or f"sqlite:///{self.instance / 'aggregator.db'}"

    @property
    def own_ports(self) -> tuple[tuple[str, int], ...]:
        """(host, port) of our pages and our database: where no page we read may lead us."""
        database = urlsplit(self.database.url)
        return (
            (self.web.host, self.web.port),
            *([(database.hostname, database.port or 5432)] if database.hostname else []),
        )

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.site.timezone)

    @property
    def callback_url(self) -> str | None:
        """What the addresses begin with where hubs call us back (WebSub); None: no hub could, or none shall."""
        host = urlsplit(self.site.url).hostname or ""
        is_reached = self.site.url != _own_url(self.web) and (
            self.fetch.allow_private_networks or _is_public(host)  # intranets have hubs of their own
        )
        return f"{self.site.url}/websub/" if self.schedule.websub and is_reached else None

    @property
    def user_agent(self) -> str:
        """One honest name with an address where a webmaster finds us (RFC 9110 §10.1.5)."""
        contact = "; ".join(filter(None, ["+" + self.site.url, self.site.contact]))
        # a field value is ASCII on one line (RFC 9110 §5.5): what is not is percent-encoded, as in an address
        return quote(self.fetch.user_agent or f"university-news-aggregator/0.1 ({contact})", safe=FIELD_SAFE)


SECTIONS: tuple[str, ...] = tuple(name for name in Settings.model_fields if name != "instance")


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
        site = site.model_copy(update={"url": _own_url(settings.web)})
    return settings.model_copy(update={"instance": folder, "site": site})


def at_address(settings: Settings, url: str) -> Settings:
    """*settings* of a site whose public address is *url*; raises SettingsError."""
    try:
        public = _address(url)
    except ValueError as error:
        raise SettingsError(f"{url!r} is no public address: {error}") from error
    return settings.model_copy(update={"site": settings.site.model_copy(update={"url": public})})


def template_folder() -> Path:
    """Where the templates are: inside the package of a wheel, beside it in a source tree."""
    inside = PACKAGE / "templates"
    return inside if inside.is_dir() else PACKAGE.parent / "templates"


def _own_url(web: WebSettings) -> str:
    return "http://127.0.0.1" + (f":{web.port}" if web.port else "")


def _is_public(host: str) -> bool:
    """Whether *host* looks like one that the internet reaches: a name with a dot, or a global number."""
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return "." in host and not host.endswith((".local", ".localhost", ".internal"))


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
