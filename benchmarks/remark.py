"""What `gradkit remark` costs for a large class: seconds, and how they grow with its size.

    python benchmarks/remark.py [--sizes N …]

A few dozen submissions are graded; copies of their results under new names make the large
class. It is then marked again, every result changing, by the command itself. Exits with 1
where the largest class takes longer than the bar.
"""

from __future__ import annotations

import argparse
import math
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from gradkit.classroom.store import Store
from gradkit.records.classroom import Filed
from gradkit.session import Settings

ROOT = Path(__file__).resolve().parents[1]
BAR = 60.0
"""Seconds that the largest class may take."""


def command(*arguments: object) -> float:
    """Run gradkit and give the seconds that it took."""
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "gradkit", *map(str, arguments)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=True,
    )
    return time.perf_counter() - started


def enlarged(source: Path, folder: Path, size: int) -> None:
    """Make a class of that size from the results of a small one."""
    with Store(source, write=False) as store:
        (run,) = store.runs()
        settings = {name: run.settings[name] for name in ("seed", "no_reference")}
        kept = [each for each in store.current() if each.standing == "graded"]
        bulk = [(store.result(each.id), store.evidence(each.id) or b"") for each in kept]
    with Store(folder, write=True) as store:
        number = store.begin("grade", replace(Settings(), **settings))  # type: ignore[arg-type]
        filed = []
        for copy in range(size):
            each, (result, evidence) = kept[copy % len(kept)], bulk[copy % len(kept)]
            facts = (f"s{copy:06}", each.path, each.digest, each.key, each.standing, each.told)
            marks = (each.score, each.max_score, each.provisional)
            filed.append(Filed(*facts, *marks, result=result, evidence=evidence))
        store.add(number, filed)
        store.end(number)


def main() -> None:
    """Measure, print the table with its slope, and compare with the bar."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 3000, 10_000], metavar="N")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        (folder / "class").mkdir()
        for path in (ROOT / "tests" / "sample_class").iterdir():
            if "hangs" not in path.name:
                shutil.copy(path, folder / "class")
        for path in (ROOT / "tests" / "mistakes").glob("*.py"):
            task = path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# task: ")
            if task.endswith("numpy"):
                shutil.copy(path, folder / "class" / f"{path.stem}_{task.replace('-', '_')}.py")
        command("grade", folder / "class", "--out", folder / "small", "--no-reference")
        taken = []
        print(f"{'results':>10}{'seconds':>10}{'ms each':>10}{'slope':>8}")
        for size in options.sizes:
            out = folder / str(size)
            enlarged(folder / "small", out, size)
            taken.append(command("remark", out, "--preset", "strict"))
            slope = ""
            if len(taken) > 1:
                before = options.sizes[len(taken) - 2]
                growth = math.log(taken[-1] / taken[-2]) / math.log(size / before)
                slope = f"{growth:.2f}"
            print(f"{size:10}{taken[-1]:10.1f}{1e3 * taken[-1] / size:10.2f}{slope:>8}", flush=True)
    if taken[-1] > BAR:
        sys.exit(f"{options.sizes[-1]} results took {taken[-1]:.0f} s, more than {BAR:.0f} s")


if __name__ == "__main__":
    main()
