"""How well pages and feeds are read, and what that costs beside parsing alone and beside the known libraries.

    python -m tests.benchmarks.reading DIR [--rounds 3] [--show]

DIR holds ``pages/`` (a folder a page: page.html, meta.json, truth.json), ``feeds/`` and the judges ``judge/pages.py`` and
``judge/feeds.py``: each says with --ask what to feed to `aggregator try --batch`, and with --score what the answers are
worth. Prints their figures, then CPU milliseconds a document: the median and the 95th percentile. trafilatura,
newspaper4k and feedparser stand beside ours where they are installed.
"""

import argparse
import contextlib
import io
import json
import logging
import statistics
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from time import process_time
from typing import Any

from lxml import etree
from selectolax.lexbor import LexborHTMLParser

from aggregator.errors import SourceError
from aggregator.gather.charset import decode
from aggregator.model import SHANGHAI, Response
from aggregator.rules import load
from aggregator.trial import read_page

FAMILIES = tuple(load(None).families.values())
Reader = Callable[[Response], object]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dir", type=Path, metavar="DIR")
    parser.add_argument("--rounds", type=int, default=3, help="each document is read so often; the least CPU counts")
    parser.add_argument("--show", action="store_true", help="let the judges name what is wrong")
    asked = parser.parse_args()
    logging.disable(logging.CRITICAL)  # the other libraries complain of pages at length
    warnings.simplefilter("ignore")
    questions: list[dict[str, Any]] = []
    for name in ("pages", "feeds"):
        judge, documents = asked.dir / "judge" / f"{name}.py", asked.dir / name
        if not judge.is_file() or not documents.is_dir():
            sys.exit(f"{judge} or {documents} is missing: name the folder that holds pages/, feeds/ and judge/")
        questions += judged(judge, documents, asked.show)
    print(f"\nCPU ms a document, the least of {asked.rounds} rounds{'':<10}median     p95   floors")
    for kind in ("list", "article", "feed"):
        responses = [_response(one) for one in questions if one["kind"] == kind]
        floor = None
        for label, reader, refusal in readers(kind):
            times = [_least(reader, refusal, response, asked.rounds) for response in responses]
            median = statistics.median(times)
            floor = floor or median
            tail = sorted(times)[int(len(times) * 0.95)]
            print(f"{len(times):>4} {kind + 's':<9}{label:<35}{median:>8.2f}{tail:>8.2f}{median / floor:>8.1f}")


def judged(judge: Path, documents: Path, show: bool) -> list[dict[str, Any]]:
    """The judge's questions, after its verdict on our answers has been printed."""
    asked = _run([sys.executable, str(judge), str(documents), "--ask"])
    answers = _run([sys.executable, "-m", "aggregator", "try", "--batch"], asked)
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8") as file:
        file.write(answers)
        file.flush()
        print(_run([sys.executable, str(judge), str(documents), "--score", file.name, *["--show"] * show]).rstrip())
    return [json.loads(line) for line in asked.splitlines()]


def readers(kind: Any) -> Iterator[tuple[str, Reader, type[Exception]]]:
    """What reads documents of *kind*, and how it refuses them: the floor, ours, then the libraries that are installed."""
    if kind == "feed":
        lenient = etree.XMLParser(recover=True)
        yield "floor: lxml parses", lambda page: etree.fromstring(page.body, lenient), etree.XMLSyntaxError
    else:
        yield "floor: lexbor parses", lambda page: LexborHTMLParser(_text(page)), ValueError
    now = datetime.now(UTC)
    yield "ours", lambda page: read_page(page, kind, FAMILIES, timezone=SHANGHAI, now=now), SourceError
    with contextlib.suppress(ImportError):
        if kind == "article":
            import trafilatura

            options = {"with_metadata": True, "include_images": True, "include_links": True}
            yield "trafilatura", lambda page: trafilatura.bare_extraction(page.body, page.url, **options), Exception
    with contextlib.suppress(ImportError):
        if kind == "article":
            import newspaper

            yield "newspaper4k", lambda page: newspaper.article(page.url, "zh", input_html=_text(page)), Exception
    with contextlib.suppress(ImportError):
        if kind == "feed":
            import feedparser

            yield "feedparser", lambda page: feedparser.parse(io.BytesIO(page.body)), Exception


def _least(reader: Reader, refusal: type[Exception], response: Response, rounds: int) -> float:
    """The least CPU milliseconds of *rounds* readings; a document that is refused has been read, too."""
    times = []
    for _ in range(rounds):
        began = process_time()
        with contextlib.suppress(refusal):
            reader(response)
        times.append((process_time() - began) * 1000)
    return min(times)


def _response(asked: dict[str, Any]) -> Response:
    headers = {"content-type": asked["content_type"]} if asked["content_type"] else {}
    return Response(asked["url"] or "http://localhost/", 200, Path(asked["path"]).read_bytes(), headers)


def _text(page: Response) -> str:
    return decode(page.body, page.content_type)


def _run(command: list[str], text: str | None = None) -> str:
    done = subprocess.run(command, input=text, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)[:200]} failed with {done.returncode}")
    return done.stdout


if __name__ == "__main__":
    main()
