"""Every setting: one list of fields with default, bounds and help, and what follows from them.

Knows no file (instance.py reads them), no database and no network.
"""

import ipaddress
import re
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

PREFIX = "AGGREGATOR_"
PACKAGE = Path(__file__).parent
# what every mail server takes (RFC 5321 §4.1.2, without quotes); a Chinese domain in its ASCII form, xn--…
MAILBOX = re.compile(r"[\w!#$%&'*+/=?^`{|}~-]+(\.[\w!#$%&'*+/=?^`{|}~-]+)*@[\w-]+(\.[\w-]+)*", re.ASCII)
FIELD_SAFE = " !\"#$%&'()*+,/:;<=>?@[\\]^`{|}~"
YEAR_MINUTES = 525_600


def public_address(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{value!r} is not an http or https address")
    return value.rstrip("/")


def _optional_address(value: str) -> str:
    return public_address(value) if value else ""


def _addresses(value: str) -> str:
    for one in filter(None, value.split(",")):
        public_address(one.strip())
    return value


def _mailbox(value: str) -> str:
    if value and not MAILBOX.fullmatch(value):
        raise ValueError(f"{value!r} is not a mail address like news@example.edu.cn (Chinese domains: xn--...)")
    return value


def _mailboxes(value: str) -> str:
    for one in filter(None, value.split(",")):
        _mailbox(one.strip())
    return value


def _mailbox_url(value: str) -> str:
    parts = urlsplit(value)
    if value and (parts.scheme not in ("imap", "imaps") or not (parts.hostname and parts.username)):
        raise ValueError("it is not an address like imaps://name:password@mail.example.edu.cn/INBOX")
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
    url: Annotated[str, AfterValidator(public_address)] = Field(
        "http://127.0.0.1:8000", description="public address, used in feeds; set it before anyone subscribes"
    )
    language: Literal["zh", "en"] = Field(
        "zh", description="language of pages where the reader's browser asks for none of ours"
    )
    timezone: Annotated[str, AfterValidator(_timezone)] = Field(
        "Asia/Shanghai", description="time zone of pages and digests"
    )
    digest_grace_minutes: int = Field(
        30,
        ge=0,
        le=1440,
        description="minutes after its last midnight until a digest is final: what came late is in it",
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
    file_lengths: bool = Field(
        True, description="ask for the lengths of files that new articles link, where nobody tells them (HEAD)"
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
    retention_days: int = Field(
        0,
        ge=0,
        le=36_500,
        description="days until entries are deleted, unless their source or tag says else; 0: never",
    )
    removed: Literal["keep", "withhold"] = Field(
        "keep",
        description="text of entries that their publishers removed: keep it, or withhold it from everybody",
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
    per_minute: float = Field(60.0, gt=0, le=60_000, description="mails sent in a minute at most")
    timeout_seconds: float = Field(30.0, gt=0, le=600, description="longest wait for the server")
    reply_to: Annotated[str, AfterValidator(_mailbox)] = Field(
        "", description="address where answers to our mail go; empty: mail.sender"
    )
    digest_hour: int = Field(7, ge=0, le=23, description="hour of the digest that the form offers first")
    bounce_mailbox: Annotated[str, AfterValidator(_mailbox_url)] = Field(
        "",
        repr=False,
        description="where returned mail arrives: imaps://name:password@host/INBOX (imap:// in the clear); empty: none",
    )
    webhook_secret: str = Field(
        "", repr=False, description="who sends it to /mail/bounces reports returned mail; empty: nobody can"
    )


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
        "",
        repr=False,
        description="signs addresses of pictures, links in mails; empty: made once in the instance folder",
    )
    admin_token: str = Field(
        "",
        repr=False,
        description="who sends it (Authorization: Bearer) sees /metrics and kept responses; empty: all",
    )

    @property
    def hub_urls(self) -> tuple[str, ...]:
        return tuple(one.strip() for one in self.hubs.split(",") if one.strip())


class ArchiveSettings(Section):
    """What is kept of article pages, in case their publishers take them away."""

    pages: bool = Field(False, description="keep each article page as it was, compressed (instance/archive)")
    pictures: bool = Field(False, description="keep the pictures of each entry")
    budget_mb: int = Field(
        5000, ge=1, le=100_000_000, description="disk for both; the oldest whose original still stands go first"
    )

    @property
    def is_on(self) -> bool:
        return self.pages or self.pictures

    @property
    def budget_bytes(self) -> int:
        return self.budget_mb * 1_000_000


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
    archive: ArchiveSettings = ArchiveSettings()

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
        is_reached = self.site.url != own_url(self.web) and (
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


def template_folder() -> Path:
    """Where the templates are: inside the package of a wheel, beside it in a source tree."""
    inside = PACKAGE / "templates"
    return inside if inside.is_dir() else PACKAGE.parent / "templates"


def own_url(web: WebSettings) -> str:
    """Where the pages are as long as nobody names a public address."""
    return "http://127.0.0.1" + (f":{web.port}" if web.port else "")


def _is_public(host: str) -> bool:
    """Whether *host* looks like one that the internet reaches: a name with a dot, or a global number."""
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return "." in host and not host.endswith((".local", ".localhost", ".internal"))
