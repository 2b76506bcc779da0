"""An edition of the digest into the mail that all who read it in one language get, drawn once for all of them.

Knows no reader and no template: *draw* gives subject, text and HTML of a digest, with the links that it is given.
"""

import logging
from collections.abc import Callable
from functools import lru_cache
from secrets import token_hex
from urllib.parse import quote, urlsplit

from aggregator.editions import Editions
from aggregator.model import Digest, MailLinks
from aggregator.publish.digest import parse_address
from aggregator.publish.mail import MAX_BYTES, Circular, Sender
from aggregator.settings import Settings
from aggregator.store import Store

log = logging.getLogger(__name__)

# mails kept drawn: rows are claimed by edition, so that few are in use at a time
KEPT = 32
TAGS = {"zh": "zh-CN"}  # BCP 47

Draw = Callable[[Digest, Settings, str, MailLinks], tuple[str, str, str]]


class Circulars:
    def __init__(self, settings: Settings, store: Store, editions: Editions, draw: Draw) -> None:
        self._settings = settings
        self._store = store
        self._editions = editions
        self._draw = draw
        site = settings.site
        list_id = f"digest.{urlsplit(site.url).hostname}"
        self._sender = Sender(site.name, settings.mail.sender, list_id, settings.mail.reply_to)
        # nobody can guess them, and so nobody's news has them by chance or design
        marks = (f"{site.url}/preferences/{token_hex(16)}", f"{site.url}/unsubscribe/{token_hex(16)}")
        self._marks = MailLinks(*marks)
        self._digest = lru_cache(KEPT)(self._read)
        self._circular = lru_cache(KEPT)(self._drawn)

    def of(self, edition: str, language: str) -> Circular | None:
        """The mail of *edition*, named as in Delivery, None where there is nothing to read in it.

        Raises NotFound or QueryError where it is of tags that there are not.
        """
        return None if self._digest(edition).is_empty else self._circular(edition, language)

    def even_empty(self, edition: str, language: str) -> Circular:
        """The same, also where there is nothing to read: for a test."""
        return self._circular(edition, language)

    def _read(self, edition: str) -> Digest:
        name, _, tags = edition.partition("#")
        period, day = parse_address(name)
        expression = self._store.names.expression(tags) if tags else None
        return self._editions.digest(period, day, expression, keep=True)

    def _drawn(self, edition: str, language: str) -> Circular:
        name, _, tags = edition.partition("#")
        subject, text, html = self._draw(self._digest(edition), self._settings, language, self._marks)
        page = f"{self._settings.site.url}/digest/{name}/" + (f"?tag={quote(tags, safe='')}" if tags else "")
        made = Circular(self._sender, subject, text, html, self._marks, page, TAGS.get(language, language))
        if made.size > MAX_BYTES:
            log.warning(
                "digest edition=%s language=%s is a mail of %d bytes; some cut it off", name, language, made.size
            )
        return made
