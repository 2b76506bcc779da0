"""What the catalogue costs a start: CPU to load the site files, beside parsing every one of them.

    python -m tests.benchmarks.catalogue [--times 9]

Each figure is the least of several processes of their own, whose imports are done before the clock starts.
"""

import argparse
import subprocess
import sys
import tempfile

WORK = """
import sys, time
from pathlib import Path
from aggregator.follow.catalogue import read_catalogue
from aggregator.rules import load
started = time.process_time()
{work}
print((time.process_time() - started) * 1000)
"""
WORKS = {
    "load: what a start does": "load(Path(sys.argv[1]))",
    "read_catalogue: every file parsed": "read_catalogue(Path(sys.argv[1]))",
    "read_catalogue again: nothing changed": "read_catalogue(Path(sys.argv[1])); started = time.process_time(); "
    "read_catalogue(Path(sys.argv[1]))",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=9)
    times = parser.parse_args().times
    with tempfile.TemporaryDirectory() as folder:
        for name, work in WORKS.items():
            spent = [_measured(work, folder) for _ in range(times)]
            print(f"{name}: {min(spent):.1f} ms of CPU")


def _measured(work: str, folder: str) -> float:
    command = [sys.executable, "-c", WORK.format(work=work), folder]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


if __name__ == "__main__":
    main()
