"""A JSON Feed as a file of any size -> its items one by one; memory stays that of the largest item.

Knows no meaning of an item. The standard: https://www.jsonfeed.org/version/1.1/.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, TextIO

from aggregator.errors import ParseError

CHUNK = 1 << 18  # characters
LARGEST = 64 << 20  # characters of one value; what is larger is no item
_SPACE = re.compile(r"[ \t\r\n\ufeff]*")
_LITERAL_END = re.compile(r"[0-9a-zA-Z.+-]\Z")


def read_items(file: TextIO) -> Iterator[dict[str, Any]]:
    """The feed without its items, where these come last all that it says; then its items, in their order.

    Raises ParseError where the text ends early or is no JSON Feed: what came before it was whole.
    """
    reader = _Reader(file)
    feed: dict[str, Any] = {}
    reader.take("{")
    has_items = False
    while not reader.next_is("}"):
        if feed or has_items:
            reader.take(",")
        key = reader.value()
        reader.take(":")
        if key == "items" and reader.next_is("["):
            has_items = True
            yield feed
            yield from _members(reader)
        elif isinstance(key, str):
            feed[key] = reader.value()
        else:
            raise ParseError(f"{reader.place}: a key that is no text")
    if not has_items:
        raise ParseError("it is JSON, but no JSON Feed: it has no list of items")


def _members(reader: "_Reader") -> Iterator[dict[str, Any]]:
    reader.take("[")
    is_first = True
    while not reader.next_is("]"):
        if not is_first:
            reader.take(",")
        is_first = False
        item = reader.value()
        if not isinstance(item, dict):
            raise ParseError(f"{reader.place}: an item that is no object")
        yield item
    reader.take("]")


class _Reader:
    """A text, read as far as it is needed."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._text = ""
        self._at = 0
        self._lines = 1  # before self._text
        self._is_whole = False
        self._decode = json.JSONDecoder(strict=False).raw_decode

    @property
    def place(self) -> str:
        return f"line {self._lines + self._text.count(chr(10), 0, self._at)}"

    def next_is(self, sign: str) -> bool:
        """Whether *sign* comes next, white space aside; raises ParseError at the end of the text."""
        while True:
            space = _SPACE.match(self._text, self._at)
            assert space is not None
            self._at = space.end()
            if self._at < len(self._text):
                return self._text[self._at] == sign
            if not self._more():
                raise ParseError(f"{self.place}: the file ends early; it was cut")

    def take(self, sign: str) -> None:
        if not self.next_is(sign):
            raise ParseError(f"{self.place}: {sign!r} was expected, not {self._text[self._at : self._at + 20]!r}")
        self._at += 1

    def value(self) -> Any:
        self.next_is("")
        while True:
            try:
                value, end = self._decode(self._text, self._at)
                # a number at the end of what was read may go on
                if end < len(self._text) or self._is_whole or not _LITERAL_END.search(self._text):
                    self._at = end
                    return value
            except (ValueError, RecursionError) as error:
                if self._is_whole or isinstance(error, RecursionError) or self._is_wrong(error):
                    raise ParseError(f"{self.place}: {error}") from error
            if not self._more():
                continue  # it is whole now

    def _is_wrong(self, error: ValueError) -> bool:
        """Whether more text would not make it right: it is wrong before its end."""
        place = getattr(error, "pos", 0)
        unfinished = str(error).startswith("Unterminated string")
        return not unfinished and place < len(self._text) - 20

    def _more(self) -> bool:
        """Read on; False at the end of the file."""
        if self._is_whole:
            return False
        if len(self._text) - self._at > LARGEST:
            raise ParseError(f"{self.place}: a value of more than {LARGEST:,} characters")
        self._lines += self._text.count("\n", 0, self._at)
        # twice as much as there is: a long value is not begun anew for every piece
        read = self._file.read(max(CHUNK, len(self._text) - self._at))
        self._text, self._at = self._text[self._at :] + read, 0
        self._is_whole = not read
        return bool(read)
