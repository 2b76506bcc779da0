"""The faults of nankai.info's posts, mended in their Markdown: broken pictures, cut sentences, broken bylines.

Knows no front matter. What cannot be mended for sure stays as it is.
"""

import re
from collections import Counter
from collections.abc import Sequence
from urllib.parse import unquote, urlsplit

from aggregator.byline import mended

MORE = re.compile(r"<!--\s{0,9}more\s{0,9}-->", re.IGNORECASE)


def repaired(markdown: str, page: str) -> str:
    """*markdown* as its author meant it, without blank lines around it; *page* is the article's address."""
    return mended(_indented(_with_pictures(_without_more(markdown.strip("\n")), page)))


# ---------------------------------------------------------------- pictures of one character each

_PICTURE = r"!\[[^\]\n]*\]\(([^()\s]*)\)"
_RUN = re.compile(rf"{_PICTURE}(?:\s*{_PICTURE}){{7,}}")  # http://a.b has ten characters, /a/b.jpg has eight
_ONE = re.compile(_PICTURE)
# between two addresses that were read back in one piece
_ADDRESS = re.compile(r"https?://.+?(?=https?://|$)|.+?\.(?:jpe?g|png|gif|bmp|webp)(?=/|https?:|$)|.+$", re.IGNORECASE)
_UNSURE = "\0"  # a point or a slash: at the top of a site both lead to the bare host
_AFTER_SCHEME = re.compile(rf"(?<=http:){_UNSURE}{{2}}|(?<=https:){_UNSURE}{{2}}")
_BEFORE_ENDING = re.compile(rf"{_UNSURE}(?=\w{{3,4}}(?:https?:|$))")


def _with_pictures(markdown: str, page: str) -> str:
    """Runs of pictures that are each one character of an address, last first, as the pictures of these addresses.

    Relative to the article's page, a character leads to its folder, "." to the bare folder, "/" to the bare host, and
    "?" to the page itself.
    """
    return _RUN.sub(lambda run: _read_back(run[0], page), markdown) if markdown.count("](") > 7 else markdown


def _read_back(run: str, page: str) -> str:
    shown = _ONE.findall(run)
    folder = _folder(shown)
    if folder is None:
        return run
    host = "/".join(folder.split("/")[:3]) + "/"
    signs = {url: "?" if url == page else _character(url, folder, host) for url in set(shown)}
    characters = [signs[url] for url in shown]
    mended: list[str] = []
    place = 0
    while place < len(characters):  # what is no such character is a picture of its own, between two runs
        end = place
        while end < len(characters) and characters[end] is not None:
            end += 1
        if end == place:
            mended.append(shown[place])
            place += 1
            continue
        addresses = _addresses([one for one in characters[place:end] if one is not None], host)
        mended += addresses or shown[place:end]
        place = end
    return "\n\n".join(f"![图]({url})" for url in mended)


def _folder(shown: Sequence[str]) -> str | None:
    """The folder of most pictures of one character, None where there are too few for an address."""
    folders = Counter[str]()
    for url, count in Counter(shown).items():
        folder, slash, name = url.rpartition("/")
        if folder.count("/") > 1 and len(unquote(name)) == 1:
            folders[folder + slash] += count
    if not folders:
        return None
    folder, count = folders.most_common(1)[0]
    return folder if count >= 5 else None


def _character(url: str, folder: str, host: str) -> str | None:
    """The character that *url* was made of; None: it is a whole address."""
    whole = url if url.count("/") > 2 else url + "/"
    if whole == host:
        return _UNSURE if folder == host else "/"
    if url == folder or url + "/" == folder:
        return "."
    last = unquote(url.removeprefix(folder)) if url.startswith(folder) else ""
    return last if len(last) == 1 and last != "/" else None


def _addresses(characters: Sequence[str], host: str) -> list[str] | None:
    """The addresses that *characters* are, read backwards, in the order of the text; None where they are none."""
    written = "".join(reversed(characters))
    if _UNSURE in written:
        written = _AFTER_SCHEME.sub("//", written)
        name = urlsplit(host).netloc
        written = re.sub(re.escape(name).replace(r"\.", f"[.{_UNSURE}]"), lambda _: name, written)
        written = _BEFORE_ENDING.sub(".", written).replace(_UNSURE, "/")
    found = _ADDRESS.findall(written)
    absolute = [url if url.startswith(("http://", "https://")) else host + url.lstrip("/") for url in found]
    fit = all(urlsplit(url).hostname and len(urlsplit(url).path) > 1 for url in absolute)
    is_address = written.startswith(("http://", "https://", "/"))
    return absolute[::-1] if fit and is_address else None


# ---------------------------------------------------------------- sentences and paragraphs

_SENTENCE_END = tuple("。！？!?…；;：:”’\"'）)】》」』.")
_GOES_ON = tuple("，、,（(“《")
_LONG = 60  # characters; a heading has fewer
_MARKUP = re.compile(r"\s*(?:!?\[|[#>|`]|[-*+] |\d+[.)] )")


def _without_more(markdown: str) -> str:
    """Without the mark that ends the beginning of a post; a sentence that it cut is one again."""
    mark = MORE.search(markdown) if "<!--" in markdown else None
    if mark is None:
        return markdown
    above, below = markdown[: mark.start()].rstrip(), markdown[mark.end() :].lstrip("\n")
    gap_above = markdown.count("\n", len(above), mark.start())
    gap_below = len(markdown) - mark.end() - len(below)
    if not gap_above and not gap_below:  # in the middle of a line
        return markdown[: mark.start()] + markdown[mark.end() :]
    before = above.rpartition("\n")[2]
    is_open = before.rfind("](") > before.rfind(")")  # in the middle of an address
    is_text = bool(before) and not _MARKUP.match(before) and not _MARKUP.match(below)
    # programs that cut well put the mark between two paragraphs; a long one that ends in no sign was one with the next
    is_apart = gap_above > 1 and gap_below > 1 and len(before) <= _LONG and not before.endswith(_GOES_ON)
    if is_open or (is_text and not is_apart and not before.endswith(_SENTENCE_END)):
        return above + below
    return f"{above}\n\n{below}"


_FENCE = re.compile(r"^[ \t]*(?:```|~~~)", re.MULTILINE)
_LISTED = re.compile(r"^[ \t]*(?:[-*+]|\d{1,9}[.)])\s", re.MULTILINE)
_INDENT = re.compile(r"^[ \t\xa0\u3000]{1,40}(?=\S)", re.MULTILINE)


def _indented(markdown: str) -> str:
    """Without the spaces that open a paragraph: four of them would be code to Markdown. Lists and code keep theirs."""
    if not _INDENT.search(markdown) or _FENCE.search(markdown) or _LISTED.search(markdown):
        return markdown
    return _INDENT.sub("", markdown)
