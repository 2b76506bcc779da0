"""Signed links for mail: who holds one was sent it. Turns a subscriber into addresses, and a token into the person.

A token is the subscriber's number, where it ends when that is, and a signature over both, what it is for, and the
subscriber's salt: with another salt all links made before are void. Knows no database and no page.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Literal

from itsdangerous import BadSignature, Signer

from aggregator.errors import LinkError
from aggregator.model import MailLinks, Subscriber
from aggregator.secret import secret_key
from aggregator.settings import Settings

Purpose = Literal["confirm", "preferences", "unsubscribe"]

# links in mails must work for as long as people keep mails; only who has not said yes yet is asked to hurry
CONFIRM_WITHIN = timedelta(days=3)
# a form may stand open over night
FORM_WITHIN = timedelta(days=1)
LONGEST_TOKEN = 200


class Links:
    """Makes and reads the links of one site."""

    def __init__(self, settings: Settings) -> None:
        self._key = secret_key(settings)
        self._site = settings.site.url

    def of(self, subscriber: Subscriber) -> MailLinks:
        """What every mail to *subscriber* carries: the same as long as the salt is."""
        return MailLinks(self.preferences(subscriber), self._address("unsubscribe", subscriber))

    def preferences(self, subscriber: Subscriber) -> str:
        return self._address("preferences", subscriber)

    def confirm(self, subscriber: Subscriber, now: datetime) -> str:
        """Good for CONFIRM_WITHIN."""
        return self._address("confirm", subscriber, now + CONFIRM_WITHIN)

    def read(self, purpose: Purpose, token: str, find: Callable[[int], Subscriber | None], now: datetime) -> Subscriber:
        """Whom *token* was made for; *find* gives a subscriber by number. Raises LinkError."""
        number = token.partition(".")[0]
        found = find(int(number)) if _is_number(number) else None
        if found is None:
            raise LinkError("nobody has this number")
        ends = self._unsigned(token, purpose, found.token_salt)
        if ends and now.timestamp() > ends:
            raise LinkError("this link was good for a few days only", is_late=True)
        return found

    # ------------------------------------------------------------ forms

    def form(self, now: datetime, of: str = "form", salt: str = "") -> str:
        """What a form carries so that it is seen to be ours, for FORM_WITHIN; *of* which page, for whom (*salt*)."""
        ends = now + FORM_WITHIN
        return self._signer(of, salt).sign(f"0.{ends.timestamp():.0f}").decode("ascii")

    def check_form(self, token: str, now: datetime, of: str = "form", salt: str = "") -> None:
        """Raises LinkError for what was not made by ``form`` of the same page for the same, or too long ago."""
        ends = self._unsigned(token, of, salt)
        if now.timestamp() > ends:
            raise LinkError("this form has been open for too long", is_late=True)

    def _address(self, purpose: Purpose, subscriber: Subscriber, ends: datetime | None = None) -> str:
        said = f"{subscriber.id}.{ends.timestamp():.0f}" if ends else str(subscriber.id)
        signed = self._signer(purpose, subscriber.token_salt).sign(said)
        return f"{self._site}/{purpose}/{signed.decode('ascii')}"

    def _unsigned(self, token: str, purpose: str, salt: str) -> int:
        """When *token* ends, in seconds since 1970, 0 for never."""
        if not token.isascii() or len(token) > LONGEST_TOKEN:
            raise LinkError("no token is written like that")
        try:
            said = self._signer(purpose, salt).unsign(token).decode("ascii")
        except BadSignature as error:
            raise LinkError("this was not signed here") from error
        return int(said.partition(".")[2] or 0)

    def _signer(self, purpose: str, salt: str) -> Signer:
        return Signer(self._key, salt=f"mail {purpose} {salt}", key_derivation="hmac", digest_method=sha256)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10  # what the database takes
