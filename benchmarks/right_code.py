"""Grade code that is known to be right on many seeds: it has to earn all points on each.

    python benchmarks/right_code.py [--seeds 100] [--only accepted|models|gallery|class]

The code is every accepted convention of `tests/accepted`, the model solutions, the right answers
of `tests/gallery` with and without model solutions, and the right checks of the sample class: what
passes on the first seed has to pass, with the same points, on the others. Mistakes are not
diagnosed: that takes most of the time, and a check that passes has none. Exits with 1 if a point
is lost.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from accepted.conventions import ACCEPTED, write  # noqa: E402  (from the checkout)

from gradkit.grading import session as grading  # noqa: E402
from gradkit.grading.session import Session, read_submission  # noqa: E402
from gradkit.grading.settings import Settings  # noqa: E402
from gradkit.records.result import Inquiry, Result  # noqa: E402
from gradkit.sandbox import Workshop  # noqa: E402
from gradkit.task.assignment import BESIDE, FIRST, exercises  # noqa: E402

GALLERY = ROOT / "tests" / "gallery"
SAMPLES = ROOT / "tests" / "sample_class"
LEFT_OUT = ("hangs", "another_exercise", "untouched")
"""Words in the names of samples of which nothing is right, or that take their whole deadline."""


@dataclass(frozen=True, slots=True)
class Known:
    """Right code: where it is, how it is graded, and whether all of it is right."""

    kind: str
    path: Path
    settings: Settings = field(default_factory=Settings)
    whole: bool = True


def accepted(work: Path) -> Iterator[Known]:
    """Write every accepted convention of the tests into a folder, and yield it."""
    for number, entry in enumerate(ACCEPTED):
        folder = work / str(number)
        folder.mkdir()
        path = write(entry.source, folder)
        yield Known("accepted", path, Settings(tasks=(entry.task,)))


def models(work: Path) -> Iterator[Known]:
    """Yield the model solutions, each compared with itself and with derived values."""
    nets = [(path, None) for path in BESIDE.glob("*.py") if "published" not in path.name]
    functions = [(BESIDE / name, file) for name, file in exercises().items() if name != FIRST]
    for path, file in [*nets, *functions]:
        for no_reference in (False, True):
            yield Known("models", path, Settings(assignment=file, no_reference=no_reference))


def gallery(work: Path) -> Iterator[Known]:
    """Yield the right answers of the gallery, with and without model solutions."""
    for path in sorted(GALLERY.glob("*/*.py")):
        file = exercises()[path.parent.name]
        for no_reference in (False, True):
            yield Known("gallery", path, Settings(assignment=file, no_reference=no_reference))


def samples(work: Path) -> Iterator[Known]:
    """Yield the submissions of the sample class."""
    for path in sorted(SAMPLES.iterdir()):
        if path.suffix in (".py", ".ipynb") and not any(word in path.name for word in LEFT_OUT):
            yield Known("class", path, whole=False)


SETS = {"accepted": accepted, "models": models, "gallery": gallery, "class": samples}


def points(result: Result, whole: bool) -> dict[str, float]:
    """Return the points of each check; without ``whole``, only of the checks that pass."""
    return {
        f"{task.task}/{check.check}": check.score
        for task in result.tasks
        for check in task.checks
        if whole or check.state == "pass"
    }


def full_points(result: Result) -> dict[str, float]:
    """Return the points that each check can earn."""
    checks = ((task.task, check) for task in result.tasks for check in task.checks)
    return {f"{task}/{check.check}": check.max_score for task, check in checks}


def lost_points(known: Known, session: Session, seeds: int) -> Iterator[str]:
    """Yield a line for each seed for which right code loses a point, or no task is found."""
    submission = read_submission(known.path)
    best: dict[str, float] = {}
    for seed in range(1, seeds + 1):
        result = session.grade(submission, seed).result
        found = points(result, known.whole)
        best = full_points(result) if known.whole else best or found
        # A check that fails on the first seed is wrong code; what passes there has to go on.
        missing = [name for name, score in best.items() if found.get(name, -1.0) < score]
        if missing or not best:
            name = known.path.relative_to(known.path.parents[1])
            yield f"{known.kind} {name} seed {seed}: {', '.join(missing) or 'no task was found'}"


def main() -> None:
    """Grade and print; exit with 1 if a point is lost."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=100, metavar="N")
    parser.add_argument("--only", choices=SETS, action="append")
    options = parser.parse_args()
    failed = 0
    with (
        mock.patch.object(grading, "diagnose", return_value=(Inquiry(), ())),
        mock.patch.object(
            grading, "_diagnose_functions", side_effect=lambda _, given, __: (Inquiry(), given)
        ),
        tempfile.TemporaryDirectory() as folder,
        Workshop() as workshop,
    ):
        for kind in options.only or SETS:
            work = Path(folder) / kind
            work.mkdir()
            count, before = 0, failed
            for known in SETS[kind](work):
                count += 1
                with Session(known.settings, workshop) as session:
                    for line in lost_points(known, session, options.seeds):
                        print(line, flush=True)
                        failed += 1
            wrong = failed - before
            print(
                f"{kind}: {count} on {options.seeds} seeds, {wrong} times points lost", flush=True
            )
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
