"""How many Hugo posts, and entries of an archive, one CPU second imports; and whether memory stays flat.

    python -m tests.benchmarks.importing [--entries 20000] [--folder DIR]

Writes posts as nankai.info did (a tenth with a picture broken into characters), imports them with the commands as an
operator would, exports what came in as a JSON Feed archive and imports that into an empty instance. Each import is a
process of its own, whose CPU and memory are measured, and is run twice: the second run must find nothing new.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
from datetime import timedelta
from hashlib import md5
from pathlib import Path
from urllib.parse import urljoin

from tests.benchmarks.stories import CLAUSES, EPOCH

ENTRIES = 20_000
SITES = ("海棠大学", "haitang"), ("云岭大学", "yunling"), ("星湖大学", "xinghu")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=ENTRIES)
    parser.add_argument("--folder", type=Path, help="where to work; a temporary folder when left out")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = asked.folder or Path(scratch)
        write_posts(folder / "posts", asked.entries)
        print(f"{'':<34}{'CPU s':>8}{'a CPU s':>10}{'MB':>7}")
        measured("import hugo", asked.entries, folder / "one", "import", "hugo", str(folder / "posts"))
        measured("import hugo, again", asked.entries, folder / "one", "import", "hugo", str(folder / "posts"))
        measured("export json DIR", asked.entries, folder / "one", "export", "json", str(folder / "archive"))
        measured("export json FILE", asked.entries, folder / "one", "export", "json", str(folder / "archive.json"))
        measured("import json DIR", asked.entries, folder / "two", "import", "json", str(folder / "archive"))
        measured("import json DIR, again", asked.entries, folder / "two", "import", "json", str(folder / "archive"))
        measured("import json FILE", asked.entries, folder / "three", "import", "json", str(folder / "archive.json"))
        measured("import db", asked.entries, folder / "four", "import", "db", str(folder / "one" / "aggregator.db"))


def write_posts(folder: Path, count: int) -> None:
    """*count* posts below *folder*, always the same, a thousand in each of its folders."""
    for number in range(count):
        place = folder / f"{number // 1000:04}"
        place.mkdir(parents=True, exist_ok=True)
        url, text = post(number)
        (place / f"{md5(url.encode(), usedforsecurity=False).hexdigest()}.md").write_text(text, "utf-8")


def post(number: int) -> tuple[str, str]:
    """(address, post of 1 to 4 KB) number *number*."""
    draw = random.Random(number)
    university, host = draw.choice(SITES)
    at = EPOCH - timedelta(minutes=37 * number, microseconds=draw.randint(1, 999_999))
    url = f"http://news.{host}.edu.cn/ywsd/system/{at:%Y/%m/%d}/{number:09}.shtml"
    name = md5(url.encode(), usedforsecurity=False).hexdigest()
    paragraphs = [
        "，".join(draw.choices(CLAUSES, k=draw.randint(6, 12))) + f"，共有{draw.randint(2, 900)}人参加。"
        for _ in range(draw.randint(3, 9))
    ]
    picture = f"http://news.{host}.edu.cn/pic/003/{number}_f39a048f.jpg"
    if number % 10 == 0:
        paragraphs[1:1] = [f"![图]({urljoin(url, sign if sign != '.' else './')})" for sign in reversed(picture)]
    elif number % 3 == 0:
        paragraphs.insert(1, f"![图]({picture})")
    paragraphs[0] = f"{paragraphs[0][:40]}<!--more-->{paragraphs[0][40:]}"
    paragraphs[-1:] = [paragraphs[-1], "（记者 李明", "摄影报道）"]
    body = "\n\n".join([*paragraphs, f"[转入文章首发地址]({url})"])
    title = f"{university}->{draw.choice(CLAUSES)}（{number}） | {host}.info"
    lists = f"tags:\n- {university}\n- {host}.info\ncategories:\n- {university}\n- {host}.info\n"
    front = f"title: {title}\ndate: {at:%Y-%m-%d %H:%M:%S.%f}\nurlname: {name}\nslug: {name}\n{lists}"
    return url, f"---\n{front}authorbox: false\nsidebar: false\n---\n\n{body}\n"


def measured(label: str, count: int, instance: Path, *command: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "aggregator", *command],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "AGGREGATOR_INSTANCE": str(instance)},
    )
    said = process.stdout.read() if process.stdout else ""
    _, status, used = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{' '.join(command)} failed: {said}")
    spent = used.ru_utime + used.ru_stime
    print(
        f"{label:<34}{spent:>8.1f}{count / spent:>10.0f}{used.ru_maxrss / 1024:>7.0f}   {said.strip().splitlines()[-1]}"
    )


if __name__ == "__main__":
    main()
