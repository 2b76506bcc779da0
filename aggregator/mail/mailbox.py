"""Mail addresses as people type them into the one form in which each is known. Knows no mail server and no database."""

import hmac
import re
import unicodedata
from dataclasses import dataclass
from email.errors import MessageError
from email.headerregistry import Address
from hashlib import sha256

import idna

from aggregator.errors import AddressError

# RFC 5321 §4.5.3.1, in octets: of what stands before the @, and of a path without its angle brackets
MOST_LOCAL, MOST_ADDRESS = 64, 254
# RFC 5322 §3.2.3 dot-atom. No quoted strings and no characters beyond ASCII (RFC 6531): too few servers take them
LOCAL = re.compile(r"[\w!#$%&'*+/=?^`{|}~-]+(\.[\w!#$%&'*+/=?^`{|}~-]+)*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Mailbox:
    """*address* as people read it; *key* with its domain in lower case and ASCII (RFC 5890): where mail goes."""

    address: str
    key: str

    @property
    def person(self) -> str:
        """Who is most probably meant: hosts ignore case, and what follows a plus (RFC 5233). For counting only."""
        local, _, domain = self.key.rpartition("@")
        return f"{local.partition('+')[0] or local}@{domain}".lower()

    def trace(self, secret: str) -> str:
        """What may be kept of an erased address: tells whether it is the same, to who has *secret*."""
        return hmac.new(secret.encode(), b"erased " + self.key.lower().encode(), sha256).hexdigest()


def mailbox(text: str) -> Mailbox:
    """The mailbox that *text* names, as Chinese keyboards write it too (＠). Raises AddressError with what is wrong."""
    if any(unicodedata.category(char) in ("Cc", "Cs") for char in text.strip(" \t\r\n")):
        raise AddressError("a control character has no place in a mail address")
    written = unicodedata.normalize("NFKC", text).strip()
    if len(written) > MOST_ADDRESS:
        raise AddressError(f"a mail address has at most {MOST_ADDRESS} characters")
    local, _, domain = written.rpartition("@")
    if not LOCAL.fullmatch(local) or len(local) > MOST_LOCAL:
        raise AddressError(f"{written!r} is not a mail address like name@example.edu.cn")
    key = f"{local}@{_domain(domain, written)}"
    try:
        is_same = Address(addr_spec=key).addr_spec == key
    except (ValueError, MessageError) as error:
        raise AddressError(f"{written!r} is not a mail address: {error}") from error
    if not is_same or len(key) > MOST_ADDRESS:
        raise AddressError(f"{written!r} is not a mail address like name@example.edu.cn")
    return Mailbox(f"{local}@{idna.decode(key.rpartition('@')[2])}", key)


def _domain(name: str, written: str) -> str:
    """*name* in ASCII: at least two labels, the last no number (RFC 3696 §2)."""
    try:
        ascii_name = idna.encode(name, uts46=True, std3_rules=True).decode("ascii").lower()
    except (idna.IDNAError, UnicodeError) as error:
        raise AddressError(f"{written!r}: there is no domain like that") from error
    if "." not in ascii_name or ascii_name.endswith(".") or ascii_name.rpartition(".")[2].isdigit():
        raise AddressError(f"{written!r}: there is no domain like that")
    return ascii_name
