"""The header of an HTTP answer in, what it means for us out. Knows no network."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from aggregator.errors import FetchError
from aggregator.gather.address import location
from aggregator.model import Response, Validators

LONGEST_RETRY_AFTER = timedelta(days=1)
# 429 without Retry-After
USUAL_RETRY_AFTER = timedelta(minutes=1)
MOST_COOKIES = 30
LONGEST_COOKIE = 4096

PAGES = ("text/html", "application/xhtml")
# 0 is what servers say that do not know
FILE_LENGTH = re.compile(r"[1-9][0-9]{0,11}")
# but for those of what is to be saved, whatever it is
MEDIA_TYPE = re.compile(r"(?!application/(?:octet-stream|\S*download))[\w.+-]+/[\w.+-]+", re.ASCII)

STATUS_ADVICE = {
    401: "the page wants a login; only public pages can be followed",
    403: "the server refuses us (a firewall, or for the campus only); open the address in a browser to see",
    404: "the page has moved or is gone; if it is a source's, correct its url",
    410: "the publisher says the page is gone for good; remove the source",
    412: "a firewall refuses us; open the address in a browser to see",
    429: "the server asks us to come less often; raise fetch.per_host_delay_seconds",
    521: "a firewall refuses us; open the address in a browser to see",
}


def conditional(validators: Validators | None) -> list[tuple[str, str]]:
    """The headers that ask for news only, the server's own bytes sent back (RFC 9110 §13.1.2, §13.1.3)."""
    if validators is None:
        return []
    found = []
    if validators.etag:
        found.append(("If-None-Match", validators.etag))
    if validators.last_modified:
        found.append(("If-Modified-Since", validators.last_modified))
    return found


def fields(raw: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    """The header by lower-case names; what is not UTF-8 is read as Latin-1, but for what is sent back as it came."""
    found: dict[str, str] = {}
    for name, value in raw:
        key = name.lower().decode("latin-1")
        try:
            text = value.decode()
        except UnicodeDecodeError:
            if key in ("etag", "last-modified"):
                continue
            text = location(value) if key == "location" else value.decode("latin-1")
        found[key] = f"{found[key]}, {text}" if key in found and key != "location" else text
    return found


def cookies_set(raw: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    """The cookies that an answer sets, by name: for the host that sent it alone. What is not UTF-8 is no cookie."""
    found: dict[str, str] = {}
    for name, value in raw:
        if name.lower() == b"set-cookie" and len(value) <= LONGEST_COOKIE and len(found) < MOST_COOKIES:
            key, sign, content = value.decode(errors="replace").partition(";")[0].partition("=")
            if sign and key.strip() and "\ufffd" not in key + content:
                found[key.strip()] = content.strip()
    return found


def file_facts(response: Response) -> tuple[int | None, str | None]:
    """(length in bytes, media type) of the file that *response* is the header of, each None where it does not say.

    A page in its place, to log in or to say that there is none, says nothing of it.
    """
    media_type = response.media_type
    if media_type.startswith(PAGES):
        return None, None
    # of what is sent packed it is another one
    said = "" if "content-encoding" in response.headers else response.headers.get("content-length", "").strip()
    length = int(said) if FILE_LENGTH.fullmatch(said) else None
    return length, media_type if MEDIA_TYPE.fullmatch(media_type) else None


def refusal(response: Response, now: datetime) -> FetchError:
    """The error that an answer other than a page or 304 is, with what to do about it."""
    status = response.status
    usual = "the server has a fault; wait, or tell its webmaster" if status >= 500 else "correct the source's url"
    if status < 300:  # another protocol (101), a part of the page (206)
        usual = "nobody asked for that (RFC 9110 §15); its server is at fault"
    advice = STATUS_ADVICE.get(status, usual)
    return FetchError(
        f"{response.url} answered {status}: {advice}",
        cause="status" if status >= 300 else "protocol",
        status=status,
        retry_after=retry_after(response, now),
        response=response,
    )


def retry_after(response: Response, now: datetime) -> timedelta | None:
    """How long a 429 or 503 asks us to stay away, at most a day; None: it does not ask (RFC 9110 §10.2.3).

    A date counts from the server's own Date, since its clock may be wrong.
    """
    if response.status not in (429, 503):
        return None
    field_value = response.headers.get("retry-after", "").strip()
    if field_value.isascii() and field_value.isdigit():
        return min(timedelta(seconds=int(field_value[:9])), LONGEST_RETRY_AFTER)
    until = _date(field_value)
    if until is None:
        return USUAL_RETRY_AFTER if response.status == 429 else None
    start = _date(response.headers.get("date", "")) or now
    return min(max(until - start, timedelta()), LONGEST_RETRY_AFTER)


def _date(text: str) -> datetime | None:
    """An HTTP date, None for what is none."""
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, IndexError, TypeError, OverflowError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
