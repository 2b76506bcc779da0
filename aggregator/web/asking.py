"""What an address asks for: tags by name, alias or expression. All addresses that mean the same lead to one."""

from flask import abort, redirect, request, url_for

from aggregator.errors import NotFound
from aggregator.query import Expression
from aggregator.web.service import service

# what an address keeps when it is written otherwise: the place in the list, the language, every entry of a story
KEPT = ("before", "archive", "lang", "all")
LARGEST = 2**63 - 1  # number that a database holds
LENGTH = "aggregator.length"  # our key in a request's environ


def first_length(usual: int) -> int:
    """How many entries the first document of a list holds: *usual*, but where the documents become files.

    There it takes what the others, which are full, leave over: so a new entry changes the first and no other.
    """
    return int(request.environ.get(LENGTH, usual))


def every_asked() -> bool:
    """Whether this request is for every entry (``?all=1``), and not for one of each story."""
    return request.args.get("all") == "1"


def number_before() -> int | None:
    """The number of ``?before=``, None where there is none. Raises NotFound for what is none."""
    text = request.args.get("before")
    if text is None:
        return None
    if not (text.isascii() and text.isdigit()) or int(text[:30]) > LARGEST:
        raise NotFound(f"{text[:40]!r} is no place in a list")
    return int(text)


def tags_at(name: str) -> Expression:
    """What *name* in the path of this request means; sends the client on where its address is written otherwise.

    Raises QueryError and NotFound as ``store.names.expression``.
    """
    tags = service().store.names.expression(name)
    if tags.address != name:
        # nothing else that stands behind the ?: url_for has parameters of its own
        kept = {name: request.args[name] for name in KEPT if name in request.args}
        values = {**(request.view_args or {}), "name": tags.address, **kept}
        abort(redirect(url_for(str(request.endpoint), **values), 301))
    return tags


def tags_asked() -> Expression | None:
    """What ``?tag=`` of this request means, None where there is none. Raises as ``tags_at``."""
    text = request.args.get("tag")
    if text is None:
        return None
    names = service().store.names
    try:
        return names.expression(text)
    except NotFound:
        if " " not in text:
            raise
        # what follows ? may write a blank as +, so that ?tag=a+b comes as "a b"
        return names.expression(text.replace(" ", "+"))
