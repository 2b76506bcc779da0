"""Settings in, a Flask app out that knows all templates, texts and addresses, but has no store yet.

With it digests are drawn for the command line too, where no server runs.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import lru_cache, partial
from posixpath import splitext
from threading import Lock
from typing import Any
from urllib.parse import urlencode, urlsplit

from flask import Flask, current_app, g, render_template, request, url_for
from flask_babel import Babel, ngettext
from flask_babel import gettext as _
from werkzeug.routing import BaseConverter

from aggregator.gather.charset import decode
from aggregator.model import Attachment, Break, Digest, FullEntry, MailLinks, Subscriber
from aggregator.publish import FORMATS, wire
from aggregator.publish.digest import digest_address
from aggregator.settings import PACKAGE, Settings, template_folder
from aggregator.web import (
    api,
    archive,
    catalogue,
    charts,
    digests,
    follow,
    inlined,
    language,
    metadata,
    notices,
    opml,
    ops,
    originals,
    pictures,
    plaintext,
    returns,
    revisions,
    search,
    sitemap,
    stories,
    subscribe,
    topics,
    websub,
)
from aggregator.web.body import readable
from aggregator.web.paths import PathApp, PathMap
from aggregator.web.service import ADDRESSES, address

STATIC = PACKAGE / "web" / "static"
# two threads that compile addresses at once disturb each other in Python's ast before 3.11.8 (gh-106905)
BUILDING = Lock()
# what FORMATS are called by people
FORMAT_NAMES = {"atom": "Atom", "rss": "RSS", "json": "JSON Feed"}


class TagConverter(BaseConverter):
    """A tag's name in an address: any characters, slashes too."""

    regex = ".+?"
    part_isolating = False


class FormatConverter(BaseConverter):
    """The extension of a format that we publish."""

    regex = "|".join(FORMATS)


def digest_html(digest: Digest, settings: Settings) -> str:
    """*digest* as a whole HTML page, with absolute links, in the site's language."""
    with _drawing(settings):
        return render_template("digest.html", digest=digest, told=digests.TOLD)


def digest_text(digest: Digest, settings: Settings) -> str:
    """*digest* as plain text for a terminal, in the site's language."""
    with _drawing(settings):
        return inlined.plain(digest, settings.site.language)


def digest_mail_parts(digest: Digest, settings: Settings, language: str, links: MailLinks) -> tuple[str, str, str]:
    """Subject, text and HTML of *digest* as a mail for whom *links* belong to (inlined.NOBODY: for no subscriber)."""
    return digest_draft(digest, settings, language).parts(links)


def digest_draft(digest: Digest, settings: Settings, language: str) -> inlined.Draft:
    """*digest* as a mail for many: what costs is done once, and ``parts`` puts each one's links in."""
    with _drawing(settings):
        return inlined.draft(digest, language)


def alert_mail(settings: Settings, begun: Sequence[Break], ended: Sequence[Break]) -> tuple[str, str]:
    """Subject and text of a mail on breaks that began and that ended, in the site's language."""
    with _drawing(settings):
        broken, well = (sum(one.source is not None for one in breaks) for breaks in (begun, ended))
        counts = [
            _("所有来源都读不到") if broken < len(begun) else "",
            _("来源又读得到了") if well < len(ended) else "",
            ngettext("%(num)s 个来源失效", "%(num)s 个来源失效", broken) if broken else "",
            ngettext("%(num)s 个来源恢复", "%(num)s 个来源恢复", well) if well else "",
        ]
        comma = _("，")
        subject = f"[{settings.site.name}] {comma.join(filter(None, counts))}"
        return subject, render_template("alert.txt", begun=begun, ended=ended)


def trial_mail(settings: Settings) -> tuple[str, str]:
    """Subject and text of a mail that only shows that alerts arrive, in the site's language."""
    with _drawing(settings):
        title, text = _("测试通知"), _("这是一次测试：来源失效、恢复时，通知会送到这里。")
        return f"[{settings.site.name}] {title}", plaintext.fold(text) + "\n"


def letter(settings: Settings, subscriber: Subscriber, link: str) -> tuple[str, str]:
    """Subject and text of the letter that waits for *subscriber*, in the subscriber's language."""
    with _drawing(settings, subscriber.language):
        if subscriber.letter == "confirm":
            subject = _("请确认订阅：%(site)s", site=settings.site.name)
        else:
            subject = _("您在%(site)s的订阅", site=settings.site.name)
        return subject, render_template(f"mail/{subscriber.letter}.txt", subscriber=subscriber, link=link)


def feed_addresses(settings: Settings) -> Callable[[str, str], list[str]]:
    """A function that gives the addresses of a feed, each format's, as the feed says them itself.

    Its arguments: "everything", "tag", "source" or "university", and the name of it.
    """
    addresses = drawing_app(settings).extensions[ADDRESSES]

    def of(kind: str, name: str) -> list[str]:
        values = {"name": name} if name else {}
        return [
            addresses.build(f"feeds.{kind}", {"extension": extension, **values}, force_external=True)
            for extension in FORMATS
        ]

    return of


def drawing_app(settings: Settings, *, is_static: bool = False) -> Flask:
    """A new app with all addresses and templates; app.py gives it a store."""
    with BUILDING:
        return _built(settings, is_static=is_static)


def _built(settings: Settings, *, is_static: bool) -> Flask:
    app = (PathApp if is_static else Flask)(
        "aggregator.web", template_folder=str(template_folder()), instance_path=str(settings.instance.absolute())
    )
    app.json.sort_keys = False  # type: ignore[attr-defined]  # of Flask's own provider
    app.json.ensure_ascii = False  # type: ignore[attr-defined]

    if isinstance(app.url_map, PathMap):
        app.url_map.language = settings.site.language
    app.url_map.merge_slashes = False  # "a//b" is a tag
    app.url_map.converters |= {"tag": TagConverter, "format": FormatConverter}
    app.url_defaults(_keep_language)
    # several modules add to one blueprint
    modules = (
        api, archive, catalogue, digests, follow, notices, opml, ops, originals, pictures, returns, revisions, search,
        sitemap, stories, subscribe, websub,
    )  # fmt: skip
    for blueprint in dict.fromkeys(module.blueprint for module in modules):
        app.register_blueprint(blueprint)
    app.extensions[pictures.PICTURES] = pictures.Pictures(settings)
    app.extensions[topics.TOPICS] = topics.Topics(settings.instance)

    site = urlsplit(settings.site.url)
    app.extensions[ADDRESSES] = app.url_map.bind(site.netloc, site.path or "/", url_scheme=site.scheme)
    app.config["BABEL_DEFAULT_LOCALE"] = settings.site.language
    Babel(app, locale_selector=language.language, default_translation_directories=str(PACKAGE / "translations"))
    _prepare_templates(app, settings)
    return app


@lru_cache(maxsize=1)
def _still_app(settings: Settings) -> Flask:
    """A drawing app to draw with again: to compile its templates takes ten times as long as to draw a digest."""
    return drawing_app(settings)


@contextmanager
def _drawing(settings: Settings, chosen: str | None = None) -> Iterator[None]:
    """Templates and texts in the language that is *chosen*, else the site's, where no server runs."""
    app = _still_app(settings)
    site = urlsplit(settings.site.url)
    # outside a request Flask makes absolute addresses, from these
    app.config.update(SERVER_NAME=site.netloc, APPLICATION_ROOT=site.path or "/", PREFERRED_URL_SCHEME=site.scheme)
    with app.app_context():
        if chosen:
            g.language = chosen
        yield


def _prepare_templates(app: Flask, settings: Settings) -> None:
    zone = settings.zone

    # part of the files' addresses: what changed is fetched anew
    versions = {path.name: hashlib.sha256(path.read_bytes()).hexdigest()[:8] for path in STATIC.iterdir()}

    def local(moment: datetime) -> datetime:
        return moment.astimezone(zone)

    def dated(entry: FullEntry) -> datetime:
        """When *entry* was published, else seen, where the site is."""
        return local(wire.published(entry) or entry.seen_at)

    def clock(entry: FullEntry) -> str:
        """The time of day that the publisher names; empty where only the day is known, or nothing."""
        return f"{dated(entry):%H:%M}" if entry.published and entry.precision == "minute" else ""

    def stamp(entry: FullEntry) -> str:
        """*entry*'s date for machines, no more exact than it is known."""
        return dated(entry).isoformat(timespec="minutes") if clock(entry) else dated(entry).date().isoformat()

    def shown(url: str, entry: FullEntry) -> pictures.Picture | None:
        """How the picture at *url* of *entry* is shown; None: not at all."""
        return pictures.pictures().shown(url, entry, lambda token: url_for("pictures.picture", token=token))

    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters.update(
        local=local,
        dated=dated,
        clock=clock,
        stamp=stamp,
        day_of=lambda seconds: datetime.fromtimestamp(seconds, zone).date(),
        anchor=lambda name: "-".join(name.split()),
        headline=wire.title,
        source_title=wire.source_title,
        readable=lambda entry: readable(entry.html, lambda url: shown(url, entry)),
        size=size_text,
        decoded=lambda proof: wire.writable(decode(proof.body, proof.headers.get("content-type"))),
        fold=plaintext.fold,
        day=language.day_text,
        whole_day=language.whole_day_text,
        weekday=language.weekday_text,
        short=language.short_text,
        day_name=language.day_name,
        month=language.month_text,
        month_name=language.month_name,
        weekday_short=language.weekday_short,
        kind=file_kind,
        public=metadata.absolute,
        named=partial(catalogue.named, settings.instance),
        tag_name=topics.tag_name,
    )
    # a last look: whatever is stored, nothing but an address of the web becomes a link
    app.jinja_env.tests["web"] = lambda url: url.startswith(("http://", "https://"))
    app.jinja_env.globals.update(
        address=address,
        digest_address=digest_address,
        day_chart=charts.of_digest,
        span=language.span_text,
        canonical=metadata.canonical,
        translations=metadata.translations,
        trail_data=metadata.trail_data,
        list_data=metadata.list_data,
        entry_data=metadata.entry_data,
        shown=shown,
        site=settings.site,
        mails=bool(settings.mail.host) and not isinstance(app.url_map, PathMap),
        choice_text=language.choice_text,
        weekday_of=language.weekday_of,
        languages=language.LANGUAGES,
        is_static=isinstance(app.url_map, PathMap),
        policy=ops.policy(settings),
        formats=[(name, one.media_type, FORMAT_NAMES.get(name, name)) for name, one in FORMATS.items()],
        versions=versions,
        language=language.language,
        language_tags=language.TAGS,
        other_languages=_other_languages,
        periods=language.PERIODS,
        states=language.STATES,
        outcomes=language.OUTCOMES,
        evidence=language.EVIDENCE,
        faults=language.FAULTS,
        fault_text=language.fault_text,
        advice=language.ADVICE,
        hub_standings=language.HUB_STANDINGS,
        rule=plaintext.rule,
        told_of=revisions.told_of,
    )


def _keep_language(endpoint: str, values: dict[str, Any]) -> None:
    """A language chosen by address stays with the reader from page to page."""
    chosen = language.asked()
    if chosen and endpoint.startswith("pages."):
        values.setdefault("lang", chosen)


def file_kind(file: Attachment) -> str:
    """What kind of file it is, by the ending of its name: ``PDF``; empty where it has none."""
    ending = splitext(urlsplit(file.url).path)[1] or splitext(file.title)[1]
    return ending[1:6].upper()


def size_text(length: int) -> str:
    """A file's size as people say it: ``48 KB``, ``1.2 MB`` (of 1000 bytes each)."""
    if length < 1000:
        return f"{length} B"
    return f"{length / 1000:.0f} KB" if length < 1_000_000 else f"{length / 1_000_000:.1f} MB"


def _other_languages() -> list[tuple[str, str, str]]:
    """(BCP 47 tag, the language's own name, address of this page in it) of the languages that this page is not in."""
    now = language.language()
    if isinstance(current_app.url_map, PathMap) and not request.endpoint:
        return []  # the error page, of which there is one file
    return [
        (language.TAGS[code], name, _same_page(lang=code)) for code, name in language.LANGUAGES.items() if code != now
    ]


def _same_page(**values: str) -> str:
    """The address of the page at hand with *values* behind the question mark."""
    query: dict[str, Any] = request.args.to_dict() | values
    if isinstance(current_app.url_map, PathMap) and request.endpoint:
        return url_for(request.endpoint, **(request.view_args or {}), **query)
    return "?" + urlencode(query)
