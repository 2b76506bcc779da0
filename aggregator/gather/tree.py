"""Markup -> a tree that was cheap to make, and what a rule's selector finds in it. The door to selectolax for articles.

Knows no addresses and no families.
"""

import re
from collections import Counter
from collections.abc import Container, Iterable

import turbohtml
from selectolax.lexbor import LexborHTMLParser, LexborNode, SelectolaxError

from aggregator.errors import ParseError, RuleError

# Beyond these a page is read twice: first by a tokenizer that is linear in any input. Nine in ten pages are below.
_CALM_CHARACTERS = 100_000
_CALM_TAGS = 2_000
# Measured: lexbor needs 0.6 s for 20,000 nested <div> and 3.9 s for 50,000 attributes, both growing with the square
_MOST_CHARACTERS = 6_000_000
_MOST_TAGS = 160_000  # an admission list of 5,000 rows as Word writes it has 150,000
_MOST_ATTRIBUTES = 1_000  # of one tag
_MOST_ATTRIBUTES_IN_ALL = 400_000
_DEEPEST = 4_000
# Formatting elements left open are opened again in every paragraph that follows (HTML §13.2.4.3): p*b*p*b is a bomb.
# Without attributes at most three of a kind are.
_MOST_OPEN = 30
_FORMATTING_TAGS = "b big code em font i nobr s small strike strong tt u"
_FORMATTING = frozenset(_FORMATTING_TAGS.split())
_ATTRIBUTES = re.compile(rf"<({_FORMATTING_TAGS.replace(' ', '|')})\s[^>]*>", re.IGNORECASE)
# pictures that were pasted into the editor, megabytes of base64; no reader keeps them
_INLINE_FILE = re.compile(r"data:[a-z]{1,20}/[\w.+-]{1,40};base64,[\w+/=%\s]{1000,}", re.ASCII | re.IGNORECASE)
_EMPTY_TAGS = "area base br col embed hr img input link meta param source track wbr"
_NEVER_OPEN = frozenset(_EMPTY_TAGS.split())
_CLOSED_TAGS = "dd dt li option p tbody td tfoot th thead tr"
_CLOSED_BY_THE_NEXT = frozenset(_CLOSED_TAGS.split())


def parse(html: str) -> LexborHTMLParser:
    """The tree of *html*. Raises ParseError for what is no text, and for markup built to keep a parser busy."""
    if len(html) > _CALM_CHARACTERS:
        html = _INLINE_FILE.sub("data:,", html)
    if len(html) > _MOST_CHARACTERS:
        raise ParseError(f"{len(html):,} characters: too many for a page to be read")
    html = html.replace("\0", "")  # as browsers do (HTML §13.2.6.4.7); lexbor takes seconds for 10 MB of them
    if len(html) > _CALM_CHARACTERS or html.count("<") > _CALM_TAGS:
        html = _bounded(html)
    try:
        return LexborHTMLParser(html)
    except SelectolaxError as error:
        raise ParseError(f"{len(html):,} characters that no parser could hold: {error}") from error


def select(root: LexborHTMLParser | LexborNode, selector: str) -> list[LexborNode]:
    """The elements that *selector*, CSS or an XPath that begins with / or ./, finds, in the order of the page."""
    if selector.startswith(_XPATH):
        return [found for found in _xpath(root, selector) if isinstance(found, LexborNode)]
    try:
        return root.css(selector)
    except SelectolaxError as error:
        raise RuleError(f"selector {selector!r}: {error}") from error


def texts(root: LexborHTMLParser | LexborNode, selector: str) -> list[str]:
    """The texts of what *selector* finds, ``css/@name`` being the values of an attribute; none of them empty."""
    if selector.startswith(_XPATH):
        found = [part if isinstance(part, str) else part.text() for part in _xpath(root, selector)]
    else:
        css, _, attribute = selector.partition("/@")
        nodes = select(root, css)
        found = [(node.attributes.get(attribute) or "") if attribute else node.text() for node in nodes]
    return [text.strip() for text in found if text.strip()]


def remove(nodes: Iterable[LexborNode]) -> None:
    """Takes *nodes* out of their tree. One that stands in another goes with it: lexbor frees what it removes."""
    going = {node.mem_id: node for node in nodes}
    inside: dict[int, bool] = {}  # elements looked at: whether they are, or stand in, one that goes
    for node in [node for node in going.values() if not _goes(node.parent, going, inside)]:
        node.decompose()


def _goes(node: LexborNode | None, going: Container[int], inside: dict[int, bool]) -> bool:
    path = []
    while node is not None and node.mem_id not in inside and node.mem_id not in going:
        path.append(node.mem_id)
        node = node.parent
    answer = node is not None and inside.get(node.mem_id, True)
    inside.update(dict.fromkeys(path, answer))
    return answer


_XPATH = ("/", "./")


def _xpath(root: LexborHTMLParser | LexborNode, selector: str) -> list[LexborNode | str]:
    """What an XPath finds: lexbor has none, so its tree is copied for lxml, element by element."""
    from lxml import etree  # only rules with an XPath pay for it

    top = root.root if isinstance(root, LexborHTMLParser) else root
    if top is None:
        return []
    builder = etree.TreeBuilder()
    nodes: list[LexborNode] = []
    todo: list[LexborNode | str] = [top]
    while todo:
        node = todo.pop()
        if isinstance(node, str):
            builder.end(node)
        elif node.is_text_node:
            builder.data(_NOT_XML.sub("", node.text_content or ""))
        elif node.is_element_node:
            tag = _name(node.tag or "")
            builder.start(tag, {_name(key): _NOT_XML.sub("", value or "") for key, value in node.attributes.items()})
            nodes.append(node)
            todo.append(tag)
            child = node.last_child
            while child is not None:
                todo.append(child)
                child = child.prev
    tree = builder.close()
    copies = dict(zip(tree.iter(), nodes, strict=True))
    try:
        found = tree.getroottree().xpath(selector)
    except etree.XPathError as error:
        raise RuleError(f"selector {selector!r}: {error}") from error
    parts = found if isinstance(found, list) else [found]
    return [copies[part] if part in copies else str(part) for part in parts]


_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_NOT_IN_NAMES = re.compile(r"[^\w-]")


def _name(name: str) -> str:
    """*name* as XML has it: Word's ``o:p`` is ``o_p``, an attribute that begins with a digit gets a line before it."""
    plain = _NOT_IN_NAMES.sub("_", name)
    return plain if plain[:1].isalpha() else f"_{plain}"


def _bounded(html: str) -> str:
    if html.count("<") > _MOST_TAGS:
        raise ParseError(f"{html.count('<'):,} tags: too many for a page to be read")
    depth, most_open, attributes = 0, 0, 0
    formatting: Counter[str] = Counter()
    for token in turbohtml.tokenize(html):
        tag = token.tag
        if tag is None:
            continue
        opens = token.type is turbohtml.TokenType.START_TAG
        attributes += len(token.attrs or ())
        if len(token.attrs or ()) > _MOST_ATTRIBUTES or attributes > _MOST_ATTRIBUTES_IN_ALL:
            raise ParseError(
                f"{len(token.attrs or ()):,} attributes at <{tag}>, {attributes:,} so far: too many to be read"
            )
        if tag in _NEVER_OPEN or tag in _CLOSED_BY_THE_NEXT:
            continue
        if opens:
            depth += 1
            if depth > _DEEPEST:
                raise ParseError(f"<{tag}> stands in more than {_DEEPEST} others")
            formatting[tag] += 1
            most_open = max(most_open, formatting[tag] if tag in _FORMATTING else 0)
        elif depth:
            depth -= 1
            formatting[tag] = max(0, formatting[tag] - 1)
    return _ATTRIBUTES.sub(r"<\1>", html) if most_open > _MOST_OPEN else html
