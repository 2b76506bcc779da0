"""The error tree. A library's exceptions are mapped into it once, at the library's door.

AggregatorError
├── OperatorError          the operator's to mend: printed as one line, exit code 2
│   ├── SettingsError          config.toml, an AGGREGATOR_* variable, an option
│   ├── RuleError              a site, family or tag file: says file, key and reason
│   └── StoreError             the database: newer than the program, locked, full, unreadable
├── SourceError            the publisher's: stands in the poll's record, the run goes on
│   ├── FetchError             no usable response; *cause* is one of CAUSES
│   └── ParseError             a response that cannot be read as what it should be
├── MailError              a mail server that does not take a mail; logged, tried again
│   └── RefusedError           this mail alone: the next may be taken
├── QueryError             a tag expression that cannot be read: says which column; HTTP 400, exit code 2
├── SearchError            a search that cannot be read: says which column; HTTP 400, exit code 2
├── AddressError           a mail address that cannot be one: HTTP 400, exit code 1
├── LinkError              a signed link that is forged, void or too old: HTTP 404 or 410
└── NotFound               nothing stored under that name: HTTP 404
    └── Gone                   not any more: HTTP 410

Anything else is a fault of the program: logged with its traceback, that poll fails, the service goes on.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Literal

Cause = Literal[
    "address", "dns", "connect", "tls", "timeout", "redirect", "protocol", "status", "robots", "size", "encoding"
]
# what is wrong with a tag expression: a tag or an operator is missing there, a bracket or a quote has no partner; it is
# too long, has too many tags or, written out, alternatives; it holds a character that no tag has; nothing or all match
QueryFault = Literal[
    "tag", "operator", "bracket", "quote", "long", "names", "terms", "character", "nothing", "everything"
]

# what is wrong with a search: no word, too many, too long, a quote without its partner, a filter without its value or
# that cannot be excluded, no such day, days in the wrong order, a tag expression that cannot be read
SearchFault = Literal["empty", "many", "long", "quote", "filter", "date", "dates", "tags"]

# what a name in an address is the name of
NameKind = Literal["tag", "university", "source"]


class AggregatorError(Exception):
    """A message that says what, where and what to do."""


class OperatorError(AggregatorError):
    """Something the operator can mend; stops the command with exit code 2."""


class SettingsError(OperatorError):
    """A setting that cannot be used."""


class RuleError(OperatorError):
    """A rule file that cannot be used."""


class StoreError(OperatorError):
    """A database that cannot be used."""


class SourceError(AggregatorError):
    """Something the publisher's server did; recorded in the Poll."""

    response: Any = None  # the model.Response it is about, where there was one: it tells the cause
    look: Any = None  # the model.Look by which the next reading is judged, where this one changed it


class FetchError(SourceError):
    """No usable response. *cause* names the kind of failure, *status* the HTTP status where there was one.

    *retry_after* is how long the server's host is left alone now, None where it may be asked again at once; *response*
    is what it answered, if it did.
    """

    def __init__(
        self,
        message: str,
        *,
        cause: Cause,
        status: int | None = None,
        retry_after: timedelta | None = None,
        response: Any = None,
    ) -> None:
        super().__init__(message)
        self.cause: Cause = cause
        self.status = status
        self.retry_after = retry_after
        self.response = response


class ParseError(SourceError):
    """A response that is not what the source should serve."""


class OtherListError(ParseError):
    """An older page that shows another list: it would show the same if it were asked again."""


class MailError(AggregatorError):
    """A mail that its server did not take."""


class RefusedError(MailError):
    """A mail that its server did not take, or of which nobody saw that it did, for the one it is addressed to.

    *code* is the answer's, None where there was none. *is_permanent*: it will not be taken later either.
    *is_of_address*: because nobody can be reached there; *is_certain*: and beyond doubt not because it is from us.
    """

    def __init__(
        self,
        message: str,
        *,
        code: int | None,
        is_permanent: bool,
        is_of_address: bool = False,
        is_certain: bool = False,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.is_permanent = is_permanent
        self.is_of_address = is_of_address
        self.is_certain = is_certain


class QueryError(AggregatorError):
    """A tag expression that cannot be read: what is wrong at which *column*, counted from 1."""

    def __init__(self, fault: QueryFault, column: int, message: str) -> None:
        super().__init__(f"tag expression, column {column}: {message}")
        self.fault: QueryFault = fault
        self.column = column


class SearchError(AggregatorError):
    """A search that cannot be read: what is wrong at which *column*, counted from 1."""

    def __init__(self, fault: SearchFault, column: int, message: str) -> None:
        super().__init__(f"search, column {column}: {message}")
        self.fault: SearchFault = fault
        self.column = column


class AddressError(AggregatorError):
    """A mail address that cannot be one, or that nobody could be reached at."""


class LinkError(AggregatorError):
    """A signed link that is not, or no longer, good; *is_late*: it once was."""

    def __init__(self, message: str, *, is_late: bool = False) -> None:
        super().__init__(message)
        self.is_late = is_late


class NotFound(AggregatorError):  # noqa: N818 - the web's own word
    """Nothing is stored under that name; *near* are names of that *kind* that may have been meant."""

    def __init__(self, message: str, *, kind: NameKind | None = None, near: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.kind: NameKind | None = kind
        self.near = tuple(near)


class Gone(NotFound):
    """What was stored under that name was deleted; it was called *title*, and stood, or stands, at *url*."""

    def __init__(self, message: str, *, title: str, url: str) -> None:
        super().__init__(message)
        self.title = title
        self.url = url


def placed(error: Exception, url: str) -> str:
    """What *error* says, with the address it is about where it names none: a reader of text alone does not know it."""
    return str(error) if "://" in str(error) else f"{url}: {error}"
