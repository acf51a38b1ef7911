"""What the pages of a class cost: students' pages in two processes, and the class page.

    python benchmarks/pages.py [--students N]

The sample class is graded once and repeated. In `as graded` students who make the same
mistake share drawings, as in a real class; in `all different` every number is another, so
that no drawing is shared. Exits with 1 where a process works longer than the bar: on a busy
machine wall time says little.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from msgspec.structs import replace

from gradkit.grading.session import Session
from gradkit.grading.settings import GradingError, Settings
from gradkit.records.result import CheckResult, Result
from gradkit.report.data import to_row
from gradkit.report.html.class_page import class_page
from gradkit.report.html.page import student_page
from gradkit.sandbox import Workshop

ROOT = Path(__file__).resolve().parents[1]
STUDENTS, BAR = 300, 20.0
"""So many students' pages may take each of two processes so many seconds of CPU."""


def sample() -> list[Result]:
    """Return the results of the sample class; print the submissions that cannot be graded."""
    results = []
    with Workshop() as workshop, Session(Settings(seed=1), workshop) as session:
        for path in sorted((ROOT / "tests" / "sample_class").iterdir()):
            try:
                results.append(session.check(path))
            except GradingError as error:
                print(f"left out: {str(error)[:60]}…", file=sys.stderr)
    return results


def shaken(result: Result, random_: random.Random) -> Result:
    """Return the result with every number in drawings multiplied by a random factor near 1."""

    def moved(value: float) -> float:
        return value * random_.uniform(0.5, 2.0)

    def check(each: CheckResult) -> CheckResult:
        entries = tuple(
            replace(e, found=moved(e.found)) if e.found is not None and e.state == "fail" else e
            for e in each.entries
        )
        courses = tuple(replace(c, found=tuple(map(moved, c.found))) for c in each.courses)
        return replace(each, entries=entries, courses=courses)

    tasks = tuple(replace(t, checks=tuple(map(check, t.checks))) for t in result.tasks)
    return replace(result, tasks=tasks)


def pages(results: list[Result]) -> tuple[int, float]:
    """Return the number of bytes of these students' pages, and the CPU seconds they took."""
    started = time.process_time()
    size = sum(len(student_page(result, 4).encode()) for result in results)
    return size, time.process_time() - started


def measure(name: str, results: list[Result]) -> float:
    """Print a line for two processes that write the pages; return the busier one's CPU seconds."""
    started = time.perf_counter()
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        sizes, times = zip(*pool.map(pages, [results[::2], results[1::2]]), strict=True)
    wall, busiest, n = time.perf_counter() - started, max(times), len(results)
    print(
        f"{name:16}{n:6} pages{busiest:8.1f} s CPU in the busier process{wall:8.1f} s wall"
        f"{n / sum(times):8.1f} pages per CPU second{sum(sizes) / n / 1e3:8.0f} kB each"
    )
    return busiest


def main() -> None:
    """Measure, print, and compare with the bar."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--students", type=int, default=STUDENTS, metavar="N")
    options = parser.parse_args()
    graded = list(itertools.islice(itertools.cycle(sample()), options.students))
    names = [f"{r.submission}_{n}" for n, r in enumerate(graded)]
    graded = [replace(r, submission=name) for r, name in zip(graded, names, strict=True)]
    seconds = measure("as graded", graded)
    random_ = random.Random(1)
    seconds = max(seconds, measure("all different", [shaken(r, random_) for r in graded]))
    started = time.perf_counter()
    text = class_page([to_row(r, 4, f"{r.submission}.html") for r in graded], "Class")
    took = time.perf_counter() - started
    size = len(text.encode()) / 1e3
    print(f"{'class page':16}{len(graded):6} rows {took:8.1f} s wall{size:8.0f} kB")
    bar = BAR * options.students / STUDENTS
    print(json.dumps({"bar": bar, "worst": round(seconds, 1)}))
    sys.exit(seconds > bar)


if __name__ == "__main__":
    main()
