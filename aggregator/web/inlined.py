"""A Digest into a mail: subject, a text made for reading, and HTML that mail clients take.

Drawn once for all who get the same digest in the same language; what is personal, two addresses, is put in last.
Knows no address of a reader and no MIME.
"""

from dataclasses import dataclass
from functools import cache
from itertools import islice

import css_inline
from flask import current_app, render_template
from flask_babel import gettext as _
from flask_babel import ngettext
from markupsafe import escape

from aggregator.model import Digest, FullEntry, MailLinks
from aggregator.publish.digest import LISTED
from aggregator.settings import template_folder
from aggregator.web.language import PERIODS, span_text, speaking
from aggregator.web.pictures import Picture, pictures
from aggregator.web.service import address

# bytes of HTML and text, 93 KB as a mail carries them. Gmail cuts a message off at 102 KB and hides the rest, the way
# to unsubscribe included (https://github.com/hteumeuleu/email-bugs/issues/41)
LARGEST = 68_000
TOLD = 12  # stories with their summaries; the others by their titles
TOLD_PLAINLY = 60  # the same, for a terminal
STORIES = (120, 80, 50, 30, 12)  # how many at most: fewer where the mail gets too large
PICTURES = 5
PICTURE_WIDTH = 160
PICTURE_HEIGHTS = range(40, 321)  # others are banners and posters, or not known
USUAL_HEIGHT = 107

# where the personal addresses go; no text of a university holds the character
PREFERENCES, UNSUBSCRIBE = "https://\ue000.invalid/preferences", "https://\ue000.invalid/unsubscribe"
# who asks without being a subscriber
NOBODY = MailLinks("", "")


@dataclass(frozen=True, slots=True)
class Draft:
    """A mail that lacks nothing but the addresses of one reader."""

    subject: str
    text: str
    html: str
    text_without: str  # for NOBODY
    html_without: str

    def parts(self, links: MailLinks) -> tuple[str, str, str]:
        """Subject, text and HTML for whom *links* belong to; both bodies lack that paragraph for NOBODY."""
        if links == NOBODY:
            return self.subject, self.text_without, self.html_without
        text = self.text.replace(PREFERENCES, links.preferences).replace(UNSUBSCRIBE, links.unsubscribe)
        preferences, unsubscribe = str(escape(links.preferences)), str(escape(links.unsubscribe))
        return self.subject, text, self.html.replace(PREFERENCES, preferences).replace(UNSUBSCRIBE, unsubscribe)


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture as a mail shows it, in pixels."""

    address: str
    width: int
    height: int


def draft(digest: Digest, chosen: str) -> Draft:
    """*digest* as a mail in the language that is *chosen*. To be called where templates are."""
    with speaking(chosen):
        subject = _subject(digest)
        links = MailLinks(PREFERENCES, UNSUBSCRIBE)
        html, most = _fitting(digest, subject, links)
        without = _html(digest, subject, None, most)
        return Draft(subject, _text(digest, links, most), html, _text(digest, None, most), without)


def plain(digest: Digest, chosen: str) -> str:
    """*digest* as text for a terminal, with all the stories it lists. To be called where templates are."""
    with speaking(chosen):
        return _text(digest, None, LISTED, TOLD_PLAINLY)


def _pictures(digest: Digest) -> dict[int, Shown]:
    """How a mail shows the pictures of the best stories that have one, by the numbers of their entries."""
    shown = ((story.entry.id, _picture(story.entry)) for story in digest.stories[:TOLD] if story.entry.image)
    return dict(islice(((id_, one) for id_, one in shown if one), PICTURES))


def _picture(entry: FullEntry) -> Shown | None:
    """By https, and through us where pictures go through us; None: not at all."""
    found = pictures().shown(entry.image or "", entry, _place)
    if found is None or not found.address.startswith("https://"):
        return None
    height = _height(found)
    return Shown(found.address, PICTURE_WIDTH, height) if height in PICTURE_HEIGHTS else None


def _height(found: Picture) -> int:
    if found.kind is None or not found.kind.width or not found.kind.height:
        return USUAL_HEIGHT  # where style sheets are read, it has the right one
    return round(PICTURE_WIDTH * found.kind.height / found.kind.width)


def _place(token: str) -> str:
    return address("pictures.picture", token=token)


def _subject(digest: Digest) -> str:
    """What the digest is of and when; then the best headline, which says why to open it."""
    site = current_app.jinja_env.globals["site"].name  # type: ignore[attr-defined]
    head = f"{site} {PERIODS[digest.period]} {span_text(digest.period, digest.first)}"
    head += f" · {digest.tag}" if digest.tag else ""
    best = next(iter(digest.stories), None)
    return " ".join(_("%(digest)s：%(headline)s", digest=head, headline=best.entry.title).split()) if best else head


def _preheader(digest: Digest) -> str:
    counts = [
        ngettext("%(num)s 条新闻", "%(num)s 条新闻", digest.entry_count),
        ngettext("%(num)s 所高校", "%(num)s 所高校", digest.university_count),
    ]
    others = [" ".join(story.entry.title.split()) for story in digest.stories[1:3]]
    return " · ".join([*counts, *others])


def _text(digest: Digest, links: MailLinks | None, most: int, told: int = TOLD) -> str:
    text = render_template("mail/digest.txt", digest=digest, links=links, most=most, told=told)
    return text.strip() + "\n"


def _html(digest: Digest, subject: str, links: MailLinks | None, most: int) -> str:
    html = render_template(
        "mail/digest.html",
        digest=digest,
        links=links,
        most=most,
        told=TOLD,
        subject=subject,
        preheader=_preheader(digest),
        pictures=_pictures(digest),
    )
    return _inliner().inline(html)


def _fitting(digest: Digest, subject: str, links: MailLinks) -> tuple[str, int]:
    """The HTML with as many stories as fit, and how many that are."""
    html, most = "", 0
    for most in STORIES:
        html = _html(digest, subject, links, most)
        if len(html.encode()) + len(_text(digest, links, most).encode()) <= LARGEST:
            break
    return html, most


@cache
def _inliner() -> css_inline.CSSInliner:
    style = (template_folder() / "mail" / "digest.css").read_text("utf-8")
    # nothing is loaded: what is in the template is all there is
    return css_inline.CSSInliner(
        extra_css=style, load_remote_stylesheets=False, keep_style_tags=True, inline_style_tags=False
    )
