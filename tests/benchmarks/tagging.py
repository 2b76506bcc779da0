"""How well topics are told, and what that costs: precision and recall by labels, CPU an entry, and a retag.

    python -m tests.benchmarks.tagging --pages DIR      # pages with known contents, as benchmarks/reading.py takes them
    python -m tests.benchmarks.tagging --entries 20000  # what it costs, on made-up news

Labels stand in labels.toml beside this file, as hashes of titles.
"""

import argparse
import hashlib
import json
import tempfile
import tomllib
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from time import process_time

from aggregator import tagging
from aggregator.classify.tag import Tagger
from aggregator.identity import slug
from aggregator.model import NewEntry, Site, SourceRule, Visit
from aggregator.rules.tags import load_taxonomy
from aggregator.store import Store
from tests.benchmarks.prose import Prose
from tests.benchmarks.stories import EPOCH

LABELS = Path(__file__).with_name("labels.toml")
LEAD = 300  # characters of a text that the labels were given by
WORST = 15  # wrong titles shown
SITE = Site(
    "farm", "海棠大学", tags=("海棠",), sources=(SourceRule("farm", "农场", "http://127.0.0.1/", tags=("要闻",)),)
)


def titles(folder: Path) -> Iterator[tuple[str, str]]:
    """(title, lead) of all that a page with known contents holds."""
    truth = json.loads((folder / "truth.json").read_text("utf-8"))
    lists = [truth.get("items", []), *(section["items"] for section in truth.get("sections", []))]
    yield from ((item["title"], "") for items in lists for item in items)
    if truth.get("title"):
        yield truth["title"], (truth.get("main_text") or "")[:LEAD]


def hit_or_missed(pages: Path, show: bool) -> None:
    tagger = Tagger(load_taxonomy(None))
    for half, labels in tomllib.loads(LABELS.read_text("utf-8")).items():
        right, wrong, missed = Counter(), Counter(), Counter()
        shown, count = [], 0
        for page, its in labels.items():
            for title, lead in dict(reversed(list(titles(pages / page)))).items():
                key = hashlib.sha256(title.encode()).hexdigest()[:16]
                if key not in its:
                    continue
                count += 1
                meant, told = set(its[key].split()), {one.tag: one for one in tagger.reasons((), title, lead)}
                right.update(meant & told.keys())
                wrong.update(told.keys() - meant)
                missed.update(meant - told.keys())
                if told.keys() != meant:
                    surplus = [f"+{one.tag} ({one.by}: {one.what})" for one in told.values() if one.tag not in meant]
                    shown.append(
                        f"    {title[:40]} {' '.join(surplus)} {' '.join(f'-{tag}' for tag in meant - told.keys())}"
                    )
        precision = right.total() / (right.total() + wrong.total())
        recall = right.total() / (right.total() + missed.total())
        print(
            f"{half} half: {count} titles, {right.total() + missed.total()} tags, precision {precision:.3f}, recall {recall:.3f}"
        )
        if show:
            print("\n".join(shown))
        for name, counts in (("wrong", wrong), ("missed", missed)):
            print(f"  {name}: {', '.join(f'{tag} {times}' for tag, times in counts.most_common(WORST))}")


def costs(entries: int) -> None:
    begun = process_time()
    taxonomy = load_taxonomy(None)
    read = process_time()
    tagger = Tagger(taxonomy)
    built = process_time()
    print(f"start: rules read in {1000 * (read - begun):.1f} ms CPU, tagger built in {1000 * (built - read):.1f}")
    prose = Prose()
    news = [(prose.title(), "\n".join(prose.paragraphs())) for _ in range(min(entries, 5000))]
    begun = process_time()
    for title, text in news:
        tagger.reasons((), title, text)
    print(f"tagging: {1e6 * (process_time() - begun) / len(news):.1f} us CPU an entry")
    with tempfile.TemporaryDirectory() as folder:
        store = Store(f"sqlite:///{folder}/news.db")
        store.upgrade()
        store.sources.sync([(SITE, SITE.sources[0])], EPOCH)
        for first in range(0, entries, 1000):
            made = [_entry(number, *news[number % len(news)]) for number in range(first, min(first + 1000, entries))]
            store.entries.record([Visit(source_id=1, polled_at=EPOCH, next_poll_at=EPOCH, entries=tuple(made))])
        for name in ("first", "again"):
            begun = process_time()
            done = tagging.retag(Path(folder), store, lambda: EPOCH, anew=True)
            spent = process_time() - begun
            print(f"retag, {name}: {done.entries / spent:,.0f} entries a CPU second ({done.changed} changed)")
        store.close()


def _entry(number: int, title: str, text: str) -> NewEntry:
    url = f"http://127.0.0.1/{number}.htm"
    name = slug(url)
    at = EPOCH + timedelta(minutes=number)
    tags = ("海棠", "海棠大学", "要闻")
    return NewEntry(url, name, f"127.0.0.1/{number}", f"tag:farm,2026:{name}", title, EPOCH, at, text=text, tags=tags)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=Path)
    parser.add_argument("--entries", type=int, default=10_000)
    parser.add_argument("--show", action="store_true", help="titles whose tags are wrong")
    asked = parser.parse_args()
    if asked.pages:
        hit_or_missed(asked.pages, asked.show)
    costs(asked.entries)


if __name__ == "__main__":
    main()
