"""What `gradkit check` costs beside `python -c "import numpy"`.

    python benchmarks/startup.py [--runs N] [--file FILE]

Wall time from the command line to its end, with bytecode written, as installed software has
it. The commands take turns, so that what else the machine does falls on all of them. Exits
with 1 where a median is above its bar.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BAR = 4.0
"""`gradkit check` of a numpy task may take this many times as long as importing numpy."""

ALL_BAR = 6.0
"""A student's check of all numpy tasks, without model solutions, may take this many times."""

ALL = "all numpy tasks, no reference"


def seconds(command: list[str]) -> float:
    """Return the wall time of one run."""
    # A worker never writes bytecode, and PYTHONDONTWRITEBYTECODE would have the parent compile
    # gradkit each time, which numpy, compiled when it was installed, is spared.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    started = time.perf_counter()
    subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - started


def main() -> None:
    """Measure, print the table, and compare with the bar."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=21, metavar="N")
    parser.add_argument("--file", default="reference/regression_numpy.py", metavar="FILE")
    options = parser.parse_args()
    check = [sys.executable, "-m", "gradkit", "check", options.file]
    commands = {
        "python -c 'import numpy'": [sys.executable, "-c", "import numpy"],
        "gradkit check": check,
        "gradkit check --format json": [*check, "--format", "json"],
        "gradkit check --no-reference": [*check, "--no-reference"],
        ALL: [
            *check[:-1],
            *(f"reference/{problem}_numpy.py" for problem in ("regression", "classification")),
            "--no-reference",
        ],
    }
    subprocess.run(
        [sys.executable, "-m", "compileall", "-q", "gradkit"], cwd=ROOT, check=True
    )  # what pip does when it installs
    rounds = [[seconds(command) for command in commands.values()] for _ in range(1 + options.runs)]
    columns = list(zip(*rounds[1:], strict=True))  # the first round warms the file cache
    base = columns[0]
    print(f"{'milliseconds':32}{'median':>9}{'least':>9}{'median ratio':>15}{'least ratio':>14}")
    for name, times in zip(commands, columns, strict=True):
        middle, least = statistics.median(times), min(times)
        print(
            f"{name:32}{1e3 * middle:9.1f}{1e3 * least:9.1f}"
            f"{middle / statistics.median(base):15.2f}{least / min(base):14.2f}"
        )
    ratios = {
        name: statistics.median(times) / statistics.median(base)
        for name, times in zip(commands, columns, strict=True)
    }
    both = ratios.pop(ALL)
    worst = max(ratios.values())
    print(f"bar {BAR:g}, worst {worst:.2f}; of all numpy tasks: bar {ALL_BAR:g}, {both:.2f}")
    sys.exit(worst > BAR or both > ALL_BAR)


if __name__ == "__main__":
    main()
