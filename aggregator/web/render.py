"""Settings in, a Flask app out that knows all templates, texts and addresses, but has no store yet.

With it digests are drawn for the command line too, where no server runs.
"""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from flask import Flask, g, render_template, request
from flask_babel import Babel, ngettext
from flask_babel import gettext as _
from werkzeug.routing import BaseConverter

from aggregator.gather.charset import decode
from aggregator.model import Break, Digest, FullEntry, Subscriber
from aggregator.publish import FORMATS, wire
from aggregator.publish.digest import digest_address
from aggregator.settings import PACKAGE, Settings, template_folder
from aggregator.web import feeds, language, ops, pages, plaintext, search, subscribe, websub
from aggregator.web.body import readable
from aggregator.web.service import ADDRESSES, address

STATIC_SECONDS = 86_400  # a new style sheet has a new address
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
    return _drawn("digest.html", digest, settings)


def digest_text(digest: Digest, settings: Settings) -> str:
    """*digest* as plain text for a terminal or a mail, in the site's language."""
    return _drawn("digest.txt", digest, settings)


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


def drawing_app(settings: Settings) -> Flask:
    """A new app with all addresses and templates; app.py gives it a store."""
    app = Flask(
        "aggregator.web", template_folder=str(template_folder()), instance_path=str(settings.instance.absolute())
    )
    app.config["SEND_FILE_MAX_AGE_DEFAULT"] = STATIC_SECONDS
    app.json.sort_keys = False  # type: ignore[attr-defined]  # of Flask's own provider
    app.json.ensure_ascii = False  # type: ignore[attr-defined]

    app.url_map.merge_slashes = False  # "a//b" is a tag
    app.url_map.converters |= {"tag": TagConverter, "format": FormatConverter}
    app.url_defaults(_keep_language)
    # search adds to the blueprint of pages
    for blueprint in dict.fromkeys(module.blueprint for module in (feeds, ops, pages, search, subscribe, websub)):
        app.register_blueprint(blueprint)

    site = urlsplit(settings.site.url)
    app.extensions[ADDRESSES] = app.url_map.bind(site.netloc, site.path or "/", url_scheme=site.scheme)
    app.config["BABEL_DEFAULT_LOCALE"] = settings.site.language
    Babel(app, locale_selector=language.language, default_translation_directories=str(PACKAGE / "translations"))
    _prepare_templates(app, settings)
    return app


def _drawn(template: str, digest: Digest, settings: Settings) -> str:
    with _drawing(settings):
        return render_template(template, digest=digest)


@contextmanager
def _drawing(settings: Settings, chosen: str | None = None) -> Iterator[None]:
    """Templates and texts in the language that is *chosen*, else the site's, where no server runs."""
    app = drawing_app(settings)
    site = urlsplit(settings.site.url)
    # outside a request Flask makes absolute addresses, from these
    app.config.update(SERVER_NAME=site.netloc, APPLICATION_ROOT=site.path or "/", PREFERRED_URL_SCHEME=site.scheme)
    with app.app_context():
        if chosen:
            g.language = chosen
        yield


def _prepare_templates(app: Flask, settings: Settings) -> None:
    zone = settings.zone
    style = Path(app.static_folder or "", "style.css").read_bytes()

    def local(moment: datetime) -> datetime:
        return moment.astimezone(zone)

    def dated(entry: FullEntry) -> datetime:
        """When *entry* was published, else seen, where the site is."""
        return local(entry.published or entry.seen_at)

    def clock(entry: FullEntry) -> str:
        """The time of day that the publisher names; empty where only the day is known, or nothing."""
        return f"{dated(entry):%H:%M}" if entry.published and entry.precision == "minute" else ""

    def stamp(entry: FullEntry) -> str:
        """*entry*'s date for machines, no more exact than it is known."""
        return dated(entry).isoformat(timespec="minutes") if clock(entry) else dated(entry).date().isoformat()

    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters.update(
        local=local,
        dated=dated,
        clock=clock,
        stamp=stamp,
        anchor=lambda name: "-".join(name.split()),
        headline=wire.title,
        source_title=wire.source_title,
        readable=readable,
        decoded=lambda proof: decode(proof.body, proof.headers.get("content-type")),
        fold=plaintext.fold,
        day=language.day_text,
        weekday=language.weekday_text,
        short=language.short_text,
        day_name=language.day_name,
    )
    app.jinja_env.globals.update(
        address=address,
        digest_address=digest_address,
        span=language.span_text,
        canonical=_canonical,
        site=settings.site,
        mails=bool(settings.mail.host),
        choice_text=language.choice_text,
        formats=[(name, one.media_type, FORMAT_NAMES.get(name, name)) for name, one in FORMATS.items()],
        style_version=hashlib.sha256(style).hexdigest()[:8],
        language=language.language,
        language_tags=language.TAGS,
        other_languages=_other_languages,
        periods=language.PERIODS,
        states=language.STATES,
        outcomes=language.OUTCOMES,
        faults=language.FAULTS,
        fault_text=language.fault_text,
        advice=language.ADVICE,
        hub_standings=language.HUB_STANDINGS,
        rule=plaintext.rule,
    )


def _keep_language(endpoint: str, values: dict[str, Any]) -> None:
    """A language chosen by address stays with the reader from page to page."""
    chosen = language.asked()
    if chosen and endpoint.startswith("pages."):
        values.setdefault("lang", chosen)


def _canonical() -> str | None:
    """The public address of the page at hand, without what does not make it another page; None for an error page."""
    if not request.endpoint or not request.endpoint.startswith("pages."):
        return None
    args = {name: request.args[name] for name in ("before", "q", "tag") if name in request.args}
    return address(request.endpoint, **(request.view_args or {}), **args)


def _other_languages() -> list[tuple[str, str, str]]:
    """(BCP 47 tag, the language's own name, address of this page in it) of the languages that this page is not in."""
    now = language.language()
    return [
        (language.TAGS[code], name, "?" + urlencode(request.args.to_dict() | {"lang": code}))
        for code, name in language.LANGUAGES.items()
        if code != now
    ]
