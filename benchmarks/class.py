"""A class graded by `gradkit grade`, beside one process of pytest, unittest or otter for each.

    python benchmarks/class.py [--torch] [--students 500] [--sample 20] [--rounds 3]
    python benchmarks/class.py --hostile [--torch]
    python benchmarks/class.py --memory [--students 10000]
    python benchmarks/class.py --before COMMIT [--torch] [--students 500] [--rounds 3]

The class is made up from a seed, 6 of 10 right and the others wrong in different ways; all of
it has all checks and diagnoses, on two workers. The others grade a sample, two at a time. All
take turns. Beside the rate stands the processor time that each submission took, children
included, from which the rate on two idle cores follows: the second ratio is made from that.
With ``--before``, the command line of this checkout and that of an older commit take turns with a
class of right submissions. Exits with 1 below a bar.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

# As the command line does, and for the others alike: threads cost more than they bring here.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import bare_fork  # noqa: E402  (from the checkout)
from class_rivals import fill, prepare, rivals  # noqa: E402
from class_texts import as_asked, class_of, hostile  # noqa: E402

from gradkit.classroom.course.roster import enrolment_of  # noqa: E402
from gradkit.classroom.grade import Grading  # noqa: E402
from gradkit.classroom.store.results import Store  # noqa: E402
from gradkit.classroom.worker_pool import LocalPool  # noqa: E402
from gradkit.grading.settings import Settings  # noqa: E402
from gradkit.records.classroom import Filed  # noqa: E402
from gradkit.submission.read import gather  # noqa: E402

LANES = 2
RIGHT, MIXED, FORK = "gradkit, all right", "gradkit, mixed", "bare fork"
BARS = {("pytest", RIGHT): 20.0, ("pytest", MIXED): 15.0, ("otter", MIXED): 100.0}
TIMES_A_FORK, TIMES_RIGHT = 2.2, 1.4
"""Processor time of a right submission beside a bare fork, and of the mixed class beside that."""

SLOWER = 1.2
"""How much longer the others may take when one in twenty hangs or crashes."""

TIMES_BEFORE = 1.2
"""Processor time for a class of right submissions beside that of an older commit."""

GROWTH, KEPT = 1.05, 0.95
"""How much larger the grader may be after all than after 500, and the rate that it must keep."""

TEXTS = 200
"""Different ones in a large class; their copies have comments of their own."""


@dataclass(slots=True)
class Watch:
    """Notes when each was graded, and its score."""

    at: dict[str, float] = field(default_factory=dict)
    scores: dict[str, tuple[float | None, float | None]] = field(default_factory=dict)

    def begin(self, total: int) -> None:
        """See `gradkit.classroom.grade.Watch`."""

    def skip(self) -> None:
        """See `gradkit.classroom.grade.Watch`."""

    def step(self, filed: Filed) -> None:
        """See `gradkit.classroom.grade.Watch`."""
        self.at[filed.name] = time.perf_counter()
        self.scores[filed.name] = filed.score, filed.max_score


class Gauge(Watch):
    """Notes, in numbers alone, when each was graded, and the memory that was taken then.

    It is itself in the process that is measured: names and scores of 10,000 would be 2 MB.
    """

    __slots__ = ("ended", "marks", "memory")

    def __init__(self, marks: tuple[int, ...]) -> None:
        super().__init__()
        self.ended, self.marks = array("d"), marks
        self.memory: dict[int, list[float]] = {}

    def step(self, filed: Filed) -> None:
        """See `gradkit.classroom.grade.Watch`."""
        self.ended.append(time.perf_counter())
        if len(self.ended) in self.marks:
            self.memory[len(self.ended)] = resident()


@dataclass(frozen=True, slots=True)
class Spent:
    """What grading some submissions took, in seconds of wall and of processor time."""

    count: int
    wall: float
    cpu: float


@contextmanager
def clock() -> Iterator[Callable[[], tuple[float, float]]]:
    """Wall and processor time since the start, that of ended children included."""
    started, before = time.perf_counter(), _cpu()
    yield lambda: (time.perf_counter() - started, _cpu() - before)


def _cpu() -> float:
    both = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return sum(usage.ru_utime + usage.ru_stime for usage in both)


def resident() -> list[float]:
    """Return the MB resident in this process and in each of its direct children, the workers."""
    family = [os.getpid()]
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with suppress(OSError):
                stat = (entry / "stat").read_text()
                if int(stat.rpartition(")")[2].split()[1]) == family[0]:
                    family.append(int(entry.name))
    pages = [int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in family]
    return [page * resource.getpagesize() / 1e6 for page in pages]


def grade(folder: Path, watch: Watch) -> Spent:
    """Grade a folder as the command does, from nothing to the stored results.

    Earlier results are deleted. ``watch`` notes when each submission was graded.
    """
    out = folder.with_name(folder.name + ".out")
    shutil.rmtree(out, ignore_errors=True)
    with clock() as passed:
        handed = gather([folder])
        with Store(out, write=True) as store:
            settings = Settings(dropped=store.dropped())
            grading = Grading(store, settings, watch)
            with LocalPool(settings, LANES) as pool:
                grading.run(enrolment_of(handed), pool)
                wall = passed()[0]
        return Spent(len(handed), wall, passed()[1])


def others(command: Sequence[str], folders: Sequence[Path]) -> Spent:
    """Run another grader's command in each folder, `LANES` at a time; return the time taken."""

    def run(folder: Path) -> None:
        # Plain pytest: plugins that happen to be installed here, such as hypothesis, would
        # make it several times as slow, and gradkit look as much better.
        plain = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        subprocess.run(command, cwd=folder, env=plain, check=True, capture_output=True)

    with clock() as passed, ThreadPoolExecutor(LANES) as pool:
        list(pool.map(run, folders))
        return Spent(len(folders), *passed())


def write_class(
    folder: Path, size: int, framework: str, seed: int, right_of_ten: int, texts: int = 0
) -> set[str]:
    """Write a class of ``size`` submissions into a new folder; return the names that are right.

    ``texts`` is the number of different texts, by default all. Of ten texts, ``right_of_ten`` are
    right.
    """
    folder.mkdir()
    names = set()
    for name, text, right in copies(class_of(texts or size, framework, seed, right_of_ten), size):
        (folder / name).write_text(text, encoding="utf-8")
        if right:
            names.add(name.removesuffix(".py"))
    return names


def copies(texts: Iterable[tuple[str, str, bool]], size: int) -> Iterator[tuple[str, str, bool]]:
    """Yield as many submissions, each text in turn, with a name and a comment of its own."""
    for number, (name, text, right) in zip(range(size), cycle(texts), strict=False):
        first, rest = name.split("_", 1)
        yield f"{first}x{number:05}_{rest}", f"{text}\n# copy {number}\n", right


def throughput(work: Path, options: argparse.Namespace, framework: str) -> bool:
    """Print the table of rates. Return whether all bars are reached.

    gradkit grades a class of right and one of mixed submissions, beside other graders and a bare
    fork.
    """
    right = write_class(work / "right", options.students, framework, options.seed, 10)
    some = write_class(work / "mixed", options.students, framework, options.seed, 6)
    folders = [work / f"sample{number}" for number in range(options.sample)]
    for folder, text in zip(folders, as_asked(options.sample, framework, 1), strict=True):
        fill(folder, framework, text)
    few = folders[:4]
    for folder in few:
        prepare(folder, options.otter)
    spent: dict[str, list[Spent]] = {}
    plain = [] if options.torch else list(as_asked(options.students, framework, options.seed))
    calls = bare_fork.calls_of(plain[0]) if plain else {}
    for _ in range(options.rounds):
        if plain:
            with clock() as passed:
                bare_fork.run(plain, calls)
                spent.setdefault(FORK, []).append(Spent(len(plain), *passed()))
        for name, command in options.rivals.items():
            taken = others(command, few if name == "otter" else folders)
            spent.setdefault(name, []).append(taken)
        for name, folder, known in ((RIGHT, "right", right), (MIXED, "mixed", some)):
            watch = Watch()
            spent.setdefault(name, []).append(grade(work / folder, watch))
            full = {name for name, (score, most) in watch.scores.items() if score == most}
            if not known <= full:
                print(f"right, and not given full marks: {', '.join(sorted(known - full)[:5])}")
    print(f"{options.students} submissions of {framework} tasks, {options.rounds} rounds, medians")
    print(f"{'':22}{'per second':>12}{'CPU, ms each':>14}")
    rate = {n: statistics.median(s.count / s.wall for s in each) for n, each in spent.items()}
    cpu = {n: statistics.median(1e3 * s.cpu / s.count for s in each) for n, each in spent.items()}
    for name in spent:
        print(f"{name:22}{rate[name]:12.2f}{cpu[name]:14.1f}")
    print(f"\n{'times as many as':42}{'wall':>8}{'CPU':>8}{'bar':>8}")
    reached = True
    for name in options.rivals:
        for ours in (RIGHT, MIXED):
            by_wall, by_cpu = rate[ours] / rate[name], cpu[name] / cpu[ours]
            bar = BARS.get((name, ours))
            print(f"{ours:22}{name:20}{by_wall:8.1f}{by_cpu:8.1f}{bar or '':>8}")
            reached &= bar is None or by_wall >= bar
    if not plain:
        return reached
    print(f"\n{'times the processor time of':50}{'':8}{'bar':>8}")
    for ours, beside, bar in ((RIGHT, FORK, TIMES_A_FORK), (MIXED, RIGHT, TIMES_RIGHT)):
        times = cpu[ours] / cpu[beside]
        print(f"{ours:22}{beside:28}{times:8.2f}{bar:>8}")
        reached &= times <= bar
    return reached


def with_hostile(work: Path, options: argparse.Namespace, framework: str) -> bool:
    """Print how long a mixed class takes, with and without 5 % more that hang or crash.

    Return whether the bar is reached.
    """
    for folder in ("calm", "troubled"):
        write_class(work / folder, options.students, framework, options.seed, 6)
    added = options.students // 20
    places = range(0, options.students, options.students // max(added, 1))
    for place, (name, text) in zip(places, hostile(added, framework, 1), strict=False):
        # Their names put them among the others.
        (work / "troubled" / f"s{place:05}_{name}").write_text(text, encoding="utf-8")
    times: dict[str, list[float]] = {"calm": [], "troubled": []}
    for _ in range(options.rounds):
        for folder, taken in times.items():
            watch, started = Watch(), time.perf_counter()
            grade(work / folder, watch)
            last = max(at for name, at in watch.at.items() if "_x" not in name)
            taken.append(last - started)
    calm, troubled = (statistics.median(taken) for taken in times.values())
    print(f"{options.students} of {framework} tasks until the last is graded: {calm:.1f} s;")
    print(f"with {added} more that hang or crash: {troubled:.1f} s, {troubled / calm:.2f} times")
    print(f"as long, bar {SLOWER}")
    return troubled <= SLOWER * calm


def lasting(work: Path, options: argparse.Namespace, framework: str) -> bool:
    """Print the memory after 500 and all files, and the rates of the first and last tenth.

    Return whether both bars are reached.
    """
    write_class(work / "large", options.students, framework, options.seed, 6, TEXTS)
    watch = Gauge((min(500, options.students // 2), options.students))
    grade(work / "large", watch)
    (early, first), (late, last) = watch.memory.items()
    for count, sizes in watch.memory.items():
        shown = ", ".join(f"{size:.1f}" for size in sizes[1:])
        print(f"after {count:5}: grader {sizes[0]:.1f} MB, workers {shown} MB")
    growth = sum(last) / sum(first)
    print(f"{growth:.3f} times as large after {late} as after {early}, bar {GROWTH}")
    ended, tenth = watch.ended, options.students // 10
    rates = [(tenth - 1) / (part[-1] - part[0]) for part in (ended[:tenth], ended[-tenth:])]
    kept = rates[1] / rates[0]
    print(f"{rates[0]:.1f} per second in the first tenth, {rates[1]:.1f} in the last: {kept:.3f}")
    print(f"times as many, bar {KEPT}")
    return growth <= GROWTH and kept >= KEPT


def compare_with_commit(work: Path, options: argparse.Namespace, framework: str) -> bool:
    """Print the processor time of this checkout beside that of an older commit.

    Return whether the bar is reached.
    """
    write_class(work / "class", options.students, framework, options.seed, 10)
    tar = work / "before.tar"
    git = shutil.which("git") or "git"
    archive = [git, "archive", f"--output={tar}", options.before, "gradkit", "reference"]
    subprocess.run(archive, cwd=ROOT, check=True)
    shutil.unpack_archive(tar, work / "before")
    checkouts = {"now": ROOT, "before": work / "before"}
    taken: dict[str, list[float]] = {name: [] for name in checkouts}
    for _ in range(options.rounds):
        for name, checkout in checkouts.items():
            taken[name].append(by_command(checkout, work / "class", work / "out"))
    now, before = (1e3 * statistics.median(s) / options.students for s in taken.values())
    print(f"{options.students} right submissions of {framework} tasks, {options.rounds} rounds")
    print(f"{now:.1f} ms of CPU each, at {options.before} {before:.1f} ms (medians):")
    print(f"{now / before:.2f} times as much, bar {TIMES_BEFORE}")
    return now <= TIMES_BEFORE * before


def by_command(checkout: Path, folder: Path, out: Path) -> float:
    """Return the seconds of processor time that `gradkit grade` of a checkout takes for a class."""
    shutil.rmtree(out, ignore_errors=True)
    command = [sys.executable, "-P", "-m", "gradkit", "grade", str(folder), "--out", str(out)]
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    with clock() as passed:
        subprocess.run(command, env=environment, check=True, capture_output=True)
        return passed()[1]


def main() -> None:
    """Measure and print; exit with 1 below a bar."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--torch", action="store_true", help="torch tasks; default: numpy tasks")
    parser.add_argument("--students", type=int, metavar="N")
    parser.add_argument("--sample", type=int, default=20, metavar="N")
    parser.add_argument("--rounds", type=int, default=3, metavar="N")
    parser.add_argument("--seed", type=int, default=1, metavar="N")
    parser.add_argument("--otter", default=shutil.which("otter"), metavar="PATH")
    parser.add_argument("--hostile", action="store_true")
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--before", metavar="COMMIT", help="compare with this commit")
    options = parser.parse_args()
    options.students = options.students or (10_000 if options.memory else 500)
    modes = [(options.before, compare_with_commit), (options.hostile, with_hostile)]
    modes += [(options.memory, lasting), (True, throughput)]
    measure = next(function for is_chosen, function in modes if is_chosen)
    framework = "torch" if options.torch else "numpy"
    if measure is throughput:
        if options.torch:
            options.otter = None
        options.rivals = rivals(options.otter)
    with tempfile.TemporaryDirectory() as folder:
        reached = measure(Path(folder), options, framework)
    sys.exit(not reached)


if __name__ == "__main__":
    main()
