"""robots.txt in, what we may ask of an origin out: RFC 9309 through protego. Knows no network and no clock."""

import re
from datetime import datetime, timedelta
from typing import Protocol

from protego import Protego

from aggregator.model import RobotsFile

# RFC 9309 §2.5: at least so much is read; what stands behind it is not
MAX_BYTES = 500 * 1024
# RFC 9309 §2.4: a copy is good for a day
FRESH = timedelta(hours=24)
# how soon a robots.txt that cannot be read is asked for again
ASK_AGAIN = timedelta(minutes=30)
# RFC 9309 §2.3.1.4: after so long a robots.txt that cannot be read counts as none
FORGIVEN = timedelta(days=30)
# a longer Crawl-delay would make a poll of a few articles last for hours
LONGEST_DELAY_SECONDS = 60.0
AGENT_LINE = re.compile(r"^([ \t]*user[- ]?agent[ \t]*[: \t])([^#\r\n]*)", re.IGNORECASE | re.MULTILINE)


class RobotsMemory(Protocol):
    """Where robots.txt files are kept between visits."""

    def get(self, origin: str) -> RobotsFile | None:
        """What was last put for *origin*, None where nothing was."""

    def put(self, file: RobotsFile) -> None:
        """Keep *file* in place of an earlier one of its origin."""


class ProcessMemory:
    """A RobotsMemory that lasts as long as the process."""

    def __init__(self) -> None:
        self._files: dict[str, RobotsFile] = {}

    def get(self, origin: str) -> RobotsFile | None:
        return self._files.get(origin)

    def put(self, file: RobotsFile) -> None:
        self._files[file.origin] = file


class Robots:
    """What one origin's robots.txt lets *token* do."""

    def __init__(self, file: RobotsFile, token: str) -> None:
        self.file = file
        self._token = token
        self._rules = Protego.parse(_ours(file.text, token)) if file.text else None

    @property
    def delay_seconds(self) -> float:
        """The pause it asks for between two requests, within bounds; 0: none."""
        delay = self._rules.crawl_delay(self._token) if self._rules else None
        return min(delay or 0.0, LONGEST_DELAY_SECONDS)

    def allows(self, target: str) -> bool:
        """Whether *target* (path and query) may be asked for."""
        return self._rules is None or self._rules.can_fetch(target, self._token)


def readable(origin: str, status: int, content_type: str | None, body: bytes, now: datetime) -> RobotsFile:
    """The robots.txt of *origin*, from an answer below 500: any but a 2xx is none, and so is a web page."""
    text = ""
    start = body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if 200 <= status < 300 and start != b"<" and "html" not in (content_type or ""):
        text = body[:MAX_BYTES].decode("utf-8", "replace").lstrip("\ufeff").replace("\x00", "")
    return RobotsFile(origin, text, now, now + FRESH)


def unreadable(origin: str, known: RobotsFile | None, reason: str, now: datetime) -> RobotsFile:
    """What holds while *origin* answers 5xx or not at all: the copy we have, else nothing may be asked, for a time."""
    if known is None:
        return RobotsFile(origin, "", None, now + ASK_AGAIN, failing_since=now, reason=reason)
    since = known.failing_since or now
    read_at = known.read_at or (now if now - since > FORGIVEN else None)
    return RobotsFile(origin, known.text, read_at, now + ASK_AGAIN, failing_since=since, reason=reason)


def token_of(user_agent: str) -> str:
    """The product token, by which robots.txt calls us (RFC 9309 §2.2.1)."""
    return re.split(r"[/\s(]", user_agent.strip(), maxsplit=1)[0] or "*"


def _ours(text: str, token: str) -> str:
    """*text* with one name for everybody but us: thousands of names before thousands of rules would be multiplied."""

    def renamed(line: re.Match[str]) -> str:
        name = line[2].strip(" \t:").lower()
        return line[0] if name == "*" or name.strip("*") == token.lower() else f"{line[1]} -"

    return AGENT_LINE.sub(renamed, text)
