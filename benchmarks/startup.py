"""What `gradkit check` costs beside importing what the code needs: numpy, or torch.

    python benchmarks/startup.py [--runs N]

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
CHECK = [sys.executable, "-m", "gradkit", "check"]
NUMPY = [f"reference/{problem}_numpy.py" for problem in ("regression", "classification")]

ROWS: dict[str, dict[str, tuple[list[str], float]]] = {
    "numpy": {
        "gradkit check": ([*CHECK, NUMPY[0]], 3.0),
        "gradkit check --format json": ([*CHECK, NUMPY[0], "--format", "json"], 3.0),
        "gradkit check --no-reference": ([*CHECK, NUMPY[0], "--no-reference"], 3.0),
        "both numpy tasks, no reference": ([*CHECK, *NUMPY, "--no-reference"], 4.5),
    },
    "torch": {
        "gradkit check of a torch task": ([*CHECK, "reference/regression_torch.py"], 1.5),
    },
}
"""By what is imported beside it: commands, and how many times as long each may take."""


def seconds(command: list[str]) -> float:
    """Return the wall time of one run."""
    # A worker never writes bytecode, and PYTHONDONTWRITEBYTECODE would have the parent compile
    # gradkit each time, which numpy, compiled when it was installed, is spared.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    started = time.perf_counter()
    subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - started


def main() -> None:
    """Measure, print the table, and compare with the bars."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=10, metavar="N")
    options = parser.parse_args()
    # What pip does when it installs.
    subprocess.run([sys.executable, "-m", "compileall", "-q", "gradkit"], cwd=ROOT, check=True)
    reached = True
    print(f"{'milliseconds':34}{'median':>9}{'least':>9}{'median ratio':>14}{'bar':>6}")
    for library, rows in ROWS.items():
        imported = [sys.executable, "-c", f"import {library}"]
        commands = [imported, *(command for command, _ in rows.values())]
        # The first round warms the file cache.
        rounds = [[seconds(each) for each in commands] for _ in range(1 + options.runs)][1:]
        base, *columns = zip(*rounds, strict=True)
        row(f"python -c 'import {library}'", base, "")
        for (name, (_, bar)), times in zip(rows.items(), columns, strict=True):
            ratio = statistics.median(times) / statistics.median(base)
            row(name, times, f"{ratio:14.2f}{bar:6g}")
            reached &= ratio <= bar
    sys.exit(not reached)


def row(name: str, times: tuple[float, ...], more: str) -> None:
    """Print a row of the table."""
    print(f"{name:34}{1e3 * statistics.median(times):9.1f}{1e3 * min(times):9.1f}{more}")


if __name__ == "__main__":
    main()
