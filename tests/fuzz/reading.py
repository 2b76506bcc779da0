"""A fuzz target: documents of the project's own cases, changed at random, are read in every way there is.

``python -m tests.fuzz.reading --seconds 60 [--seed N]`` prints what broke a promise and keeps the smallest such input in
a file. With atheris installed its coverage guides the changes (``--atheris``); without, a seeded mutator makes them.
"""

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

from tests.fuzz.pieces import FEED, HTML
from tests.fuzz.promises import KINDS, keep

TESTS = Path(__file__).parent.parent
LONGEST = 20_000  # bytes of a changed document
PIECES = [piece.encode("utf-8", "replace") for piece in (*HTML, *FEED) if len(piece) < 2_000]
CONTENT_TYPES = (
    None,
    "text/html",
    "text/html; charset=gbk",
    "text/html; charset=utf-8",
    "application/xml",
    "application/json",
)


def cases():
    """The pages and feeds that the other tests read."""
    paths = [*TESTS.glob("sites/**/*.htm*"), *TESTS.glob("feeds/*.xml"), *TESTS.glob("feeds/*.json")]
    return [path.read_bytes() for path in sorted(paths)]


def changed(document, others, chance):
    """*document* with one to eight parts cut, doubled, moved, replaced, or put in from elsewhere."""
    for _ in range(chance.randint(1, 8)):
        begin = chance.randint(0, len(document))
        end = min(len(document), begin + int(chance.paretovariate(0.5)))
        other = chance.choice(others)
        start = chance.randint(0, len(other))
        part = chance.choice(
            (
                b"",
                document[begin:end] * 2,
                chance.choice(PIECES),
                chance.choice(PIECES) * chance.randint(1, 20),
                chance.randbytes(chance.randint(1, 4)),
                other[start : start + chance.randint(1, 500)],
            )
        )
        document = document[:begin] + part + document[end if chance.random() < 0.7 else begin :]
    return document[:LONGEST]


def fault_of(kind, body, content_type):
    """What *body* breaks, as one line; None where every promise is kept."""
    try:
        keep(kind, body, content_type)
    except (AssertionError, Exception) as fault:  # any fault at all is what is looked for
        frame = fault.__traceback__
        while frame.tb_next:
            frame = frame.tb_next
        return f"{type(fault).__name__} in {frame.tb_frame.f_code.co_name}, line {frame.tb_lineno}: {str(fault)[:80]}"
    return None


def smallest(kind, body, content_type):
    """*body* without all that is not needed to break the same promise."""
    wanted = fault_of(kind, body, content_type).partition(":")[0]
    size = len(body) // 2
    while size:
        begin = 0
        while begin < len(body):
            shorter = body[:begin] + body[begin + size :]
            if (fault_of(kind, shorter, content_type) or "").partition(":")[0] == wanted:
                body = shorter
            else:
                begin += size
        size //= 2
    return body


def rounds(seed, *, most=None, seconds=None):
    """Reads changed documents until the *most* rounds or the *seconds* are over; the faults, each by its own place."""
    chance, until = random.Random(seed), time.monotonic() + seconds if seconds else None
    documents, faults, number = cases(), {}, 0
    while (most is None or number < most) and (until is None or time.monotonic() < until):
        number += 1
        body, kind, content_type = (
            changed(chance.choice(documents), documents, chance),
            chance.choice(KINDS),
            chance.choice(CONTENT_TYPES),
        )
        fault = fault_of(kind, body, content_type)
        if fault and (kind, fault.partition(":")[0]) not in faults:
            body = smallest(kind, body, content_type)
            faults[kind, fault.partition(":")[0]] = (fault, content_type, body)
            with tempfile.NamedTemporaryFile(prefix=f"fault-{kind.replace(' ', '-')}-", delete=False) as file:
                file.write(body)
            print(f"{kind} ({content_type}): {fault}\n  {body[:300]!r}\n  {file.name}", flush=True)
    return number, faults


def with_atheris():
    import atheris  # not a dependency: pip install atheris

    with atheris.instrument_imports():
        from tests.fuzz.promises import keep as watched

    def once(data):
        kind, content_type = KINDS[data[0] % len(KINDS)] if data else KINDS[0], None
        watched(kind, data[1:], content_type)

    atheris.Setup(sys.argv[:1], once)
    atheris.Fuzz()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--atheris", action="store_true")
    options = parser.parse_args()
    if options.atheris:
        with_atheris()
    number, faults = rounds(options.seed, seconds=options.seconds)
    print(f"{number} rounds, {len(faults)} faults")
    sys.exit(bool(faults))
