"""An edition of the digest into the mail that all who read it in one language get, drawn once for all of them.

Knows no reader and no template: *draw* gives subject, text and HTML of a digest, with the links that it is given.
"""

import logging
from collections.abc import Callable
from functools import lru_cache
from secrets import token_hex
from urllib.parse import quote, urlsplit

from aggregator.editions import Editions
from aggregator.errors import QueryError
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

        Tags that are no more are left out: who reads A|B gets what there is of B.
        """
        digest = self._digest(edition)
        return None if digest is None or digest.is_empty else self._circular(edition, language)

    def even_empty(self, edition: str, language: str) -> Circular:
        """The same, also where there is nothing to read: for a test. Raises QueryError where its tags are no more."""
        return self._circular(edition, language)

    def _read(self, edition: str) -> Digest | None:
        """None where no entry can have its tags any more."""
        name, _, tags = edition.partition("#")
        period, day = parse_address(name)
        try:
            expression = self._store.names.surviving(tags) if tags else None
        except QueryError as error:
            if error.fault != "everything":
                return None
            expression = None
        return self._editions.digest(period, day, expression, keep=True)

    def _drawn(self, edition: str, language: str) -> Circular:
        name = edition.partition("#")[0]
        digest = self._digest(edition)
        if digest is None:
            raise QueryError("nothing", 1, "no entry can match")
        subject, text, html = self._draw(digest, self._settings, language, self._marks)
        query = f"?tag={quote(digest.tag, safe='')}" if digest.tag else ""
        page = f"{self._settings.site.url}/digest/{name}/{query}"
        made = Circular(self._sender, subject, text, html, self._marks, page, TAGS.get(language, language))
        if made.size > MAX_BYTES:
            log.warning(
                "digest edition=%s language=%s is a mail of %d bytes; some cut it off", name, language, made.size
            )
        return made
