"""What `gradkit remark` costs for a large class: seconds, and how they grow with its size.

    python benchmarks/remark.py [--sizes N …]

A few dozen submissions are graded; copies of their results under new names make the large
class. It is then marked again by the command itself, every result changing: under another
preset, where the verdicts of the day stand, and under other tolerances, where all answers are
judged anew. Exits with 1 where the largest class takes longer than the bar.
"""

from __future__ import annotations

import argparse
import math
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace

from gradkit.classroom.store.results import Store
from gradkit.grading.settings import Settings
from gradkit.records.classroom import Filed, Listed
from gradkit.task.assignment import DEFAULT

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from mistakes.samples import folder as mistake_folder  # noqa: E402  (from the checkout)

BAR = 60.0
"""Seconds that the largest class may take."""


def command(*arguments: object) -> float:
    """Run a command of gradkit, and return the seconds that it took."""
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
    """Make a class of ``size`` students from the results of a small class."""
    with Store(source, write=False) as store:
        (run,) = store.runs()
        settings = {name: run.settings[name] for name in ("seed", "no_reference")}
        kept = [each for each in store.newest() if each.standing == "graded"]
        bulk = [(store.result(each.id), store.evidence(each.id) or b"") for each in kept]
    with Store(folder, write=True) as store:
        number = store.begin("grade", replace(Settings(), **settings))  # type: ignore[arg-type]
        filed, found = [], []
        for copy in range(size):
            each, (result, evidence) = kept[copy % len(kept)], bulk[copy % len(kept)]
            facts = (f"s{copy:06}", each.path, each.digest, each.key, each.standing, each.told)
            marks = (each.score, each.max_score, each.provisional)
            filed.append(Filed(*facts, *marks, result=result, evidence=evidence))
            found.append(Listed(facts[0], each.digest, copy, each.stamp, each.sender))
        with store.writing():
            store.add(number, filed)
            store.add_listed(number, found)
        store.end(number)


def main() -> None:
    """Measure, print the tables with their slopes, and compare with the bar."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 3000, 10_000], metavar="N")
    sizes = parser.parse_args().sizes
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        (folder / "class").mkdir()
        for path in (ROOT / "tests" / "sample_class").iterdir():
            if "hangs" not in path.name:
                shutil.copy(path, folder / "class")
        for path in mistake_folder().glob("*.py"):
            task = path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# task: ")
            if task.endswith("numpy"):
                shutil.copy(path, folder / "class" / f"{path.stem}_{task.replace('-', '_')}.py")
        command("grade", folder / "class", "--out", folder / "small", "--no-reference")
        shutil.copytree(DEFAULT.parent, folder / "mine")
        mine = folder / "mine" / DEFAULT.name
        text = mine.read_text(encoding="utf-8")
        table = "[marking.tolerances]\nupdate = 1e-6\n\n[roles.initialise]"
        mine.write_text(text.replace("[roles.initialise]", table), encoding="utf-8")
        schemes = {"preset": ["--preset", "strict"], "tolerances": ["--assignment", mine]}
        print(f"{'changed':12}{'results':>9}{'seconds':>9}{'CPU':>7}{'ms each':>9}{'slope':>7}")
        late = [
            name for name, options_ in schemes.items() if measured(folder, name, options_, sizes)
        ]
    if late:
        sys.exit(f"more than {BAR:.0f} s for {sizes[-1]} results: {', '.join(late)}")


def measured(folder: Path, name: str, options: Sequence[object], sizes: Sequence[int]) -> bool:
    """Print a line for each class size with these options; return whether the last is too slow."""
    before = 0.0
    for number, size in enumerate(sizes):
        out = folder / f"{name}{size}"
        enlarged(folder / "small", out, size)
        cpu = children()
        seconds, cpu = command("remark", out, *options), children() - cpu
        slope = math.log(seconds / before) / math.log(size / sizes[number - 1]) if before else None
        shown = f"{slope:7.2f}" if slope is not None else ""
        each = 1e3 * seconds / size
        print(f"{name:12}{size:9}{seconds:9.1f}{cpu:7.1f}{each:9.2f}{shown}", flush=True)
        before = seconds
    return before > BAR


def children() -> float:
    """Processor time of all commands so far."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


if __name__ == "__main__":
    main()
