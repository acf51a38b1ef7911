"""How long `gradkit check --watch` takes from a save to the verdict.

    python benchmarks/watching.py [--saves N]

A numpy task is saved again and again, right and wrong in turn. Prints the milliseconds from
before the file is written until the verdict has been printed, and exits with 1 where their
median is above the bar. The first run, which loads everything, is left out.
"""

from __future__ import annotations

import argparse
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BAR = 150.0
RIGHT = (ROOT / "reference" / "regression_numpy.py").read_text(encoding="utf-8")
WRONG = RIGHT.replace("d_output = -2 *", "d_output = 2 *")
PAUSE = 0.3
"""Seconds between two saves, as nobody saves at once again."""


def shown(process: subprocess.Popen[str]) -> None:
    """Read the output of ``gradkit check --watch`` until it waits for the next save.

    The program exits if the command has ended.
    """
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("Watching"):
            return
    sys.exit("it has ended")


def main() -> None:
    """Measure, print, and compare with the bar."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--saves", type=int, default=40, metavar="N")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "hw.py"
        path.write_text(RIGHT, encoding="utf-8")
        command = [sys.executable, "-m", "gradkit", "check", str(path), "--watch"]
        taken: dict[str, list[float]] = {"right": [], "wrong": []}
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
            shown(process)
            for number in range(options.saves):
                time.sleep(PAUSE)
                name, text = (("wrong", WRONG), ("right", RIGHT))[number % 2]
                started = time.perf_counter()
                path.write_text(f"{text}# {number}\n", encoding="utf-8")
                shown(process)
                taken[name].append(1e3 * (time.perf_counter() - started))
            process.send_signal(signal.SIGINT)
    for name, times in taken.items():
        print(f"{name:8}{statistics.median(times):8.0f} ms median{max(times):8.0f} ms at most")
    median = statistics.median([*taken["right"], *taken["wrong"]])
    print(f"all     {median:8.0f} ms median, bar {BAR:g}")
    sys.exit(median > BAR)


if __name__ == "__main__":
    main()
