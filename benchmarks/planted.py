"""Plant single mistakes into right answers, and see what the diagnosis says.

    python benchmarks/planted.py [--count N] [--seed N] [--only EXERCISE] [--pairs N] [--jobs 2]

Right answers are the model solution of each exercise, and those by hand in ``tests/gallery``, and
of nets those of `planted_nets`; with none said, exercises are the gallery and both numpy nets.
`planting` changes one spot of one of them, and gradkit grades what is left. A plant counts where
it changes an output: some check fails, and none for an error (code that raises is counted apart).
It is

- ``line``: a finding points to one of the plant's lines, which `planting.Plant` defines;
- ``repair``: none does, and the text with all changes that are shown, graded at another seed, is
  right: another change that makes the same outputs right;
- ``astray``: all findings with a mistake point elsewhere, and their changes do not make it right;
- ``unexplained``: no finding has a mistake and a place.

A **false name** is a finding at the plant's lines whose code cannot be said of its operator, by
`MAY_SAY`, unless it is the kind of a change that is shown, and with which all is right at another
seed: no table can list all that a call or a product may be put right by. **Beside** are findings
at other lines, without a fix, of plants that are found. A pair is two plants in different
statements of one file, each of which changes an output alone; **both** are found where there are
findings at the lines of both; ``one and repair``: at those of one, with all right once what is
shown is made, which counts as it does for single ones.

An **unnatural** change is a change at no line of a plant that is not in `accepted_changes.toml`.
Whoever adds an entry there has read the code with the plant and the finding, without the right
text, and says why a teacher would suggest the change, too.

Its seconds are the CPU of grading, workers included, less that of the same answer without the
plant, for which there is nothing to diagnose; from ``/proc``, on Linux. Exits with 1 below a bar.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import re
import resource
import shutil
import statistics
import sys
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from difflib import unified_diff
from functools import cache
from itertools import islice
from multiprocessing.util import Finalize
from pathlib import Path

# As the command line does, before numpy is there: threads cost more than they bring here.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

ROOT = Path(__file__).resolve().parents[1]
if __name__ == "__main__":
    sys.path += [str(ROOT), str(ROOT / "benchmarks")]

from msgspec import structs  # noqa: E402
from planted_nets import NETS, OF_NETS, SHIPPED, assignment_of, texts_of  # noqa: E402
from planting import Plant, drawn, planted  # noqa: E402

from gradkit.diagnosis.catalogue import kinds  # noqa: E402  (from the checkout)
from gradkit.grading import explained  # noqa: E402
from gradkit.grading.session import Session, read_submission  # noqa: E402
from gradkit.grading.settings import GradingError, Settings  # noqa: E402
from gradkit.records.result import (  # noqa: E402
    FOR_INSTRUCTORS,
    UNEXPLAINED,
    Inquiry,
    TaskResult,
)
from gradkit.records.submission import Cell  # noqa: E402
from gradkit.sandbox import Workshop  # noqa: E402

MAY_SAY: dict[str, frozenset[str]] = {
    operator: frozenset({"wrong-expression", *codes.split(), *OF_NETS.get(operator, "").split()})
    for operator, codes in {
        "arguments": "wrong-order wrong-name wrong-entry wrong-transpose wrong-constant "
        "wrong-comparison",
        "augmented": "not-added not-replaced changed-in-place wrong-operator turned-sign "
        "missing-term missing-factor wrong-statement-order",
        "axis": "wrong-axis wrong-constant missing-function wrong-shape wrong-option",
        # Without sigmoid, 0.5 is the wrong thing to compare with: 0 is right.
        "call dropped": "missing-function missing-slope missing-shift wrong-axis wrong-name "
        "wrong-power changed-in-place missing-factor wrong-transpose wrong-shape wrong-brackets "
        "extra-term wrong-constant missing-statement",
        "call swapped": "wrong-function missing-factor surplus-factor extra-function "
        "missing-function wrong-power wrong-constant",
        "comparison": "wrong-comparison wrong-order turned-sign wrong-constant wrong-name",
        "constant": "wrong-constant wrong-axis wrong-element wrong-bounds surplus-factor "
        "missing-factor extra-term missing-term wrong-power wrong-option wrong-name wrong-operator "
        "turned-sign missing-function wrong-shape wrong-transpose wrong-entry",
        "factor": "missing-factor missing-slope wrong-operator wrong-name turned-sign "
        "wrong-power wrong-constant missing-function wrong-entry wrong-function wrong-brackets "
        "missing-statement",
        "index": "wrong-element wrong-axis wrong-name wrong-entry wrong-constant wrong-bounds "
        "turned-sign extra-term missing-term surplus-factor wrong-order",
        "keepdims": "wrong-axis wrong-option wrong-shape wrong-transpose",
        "key": "wrong-entry wrong-name wrong-constant",
        "loop": "wrong-indentation early-return wrong-statement-order extra-statement "
        "missing-statement",
        "loop bound": "wrong-bounds wrong-constant wrong-order extra-function wrong-name "
        "turned-sign extra-term missing-term",
        "operand": "wrong-name wrong-entry wrong-constant wrong-element missing-factor "
        "missing-function wrong-transpose wrong-order missing-term",
        "operator": "wrong-operator turned-sign wrong-power wrong-brackets wrong-order "
        "surplus-factor missing-factor extra-term missing-term wrong-name",
        "order": "wrong-order wrong-name wrong-transpose turned-sign wrong-entry",
        "parenthesis": "wrong-brackets wrong-operator missing-factor surplus-factor wrong-order "
        "turned-sign extra-term missing-term missing-function wrong-constant",
        "power": "wrong-power missing-factor surplus-factor wrong-constant missing-function "
        "wrong-function wrong-operator",
        "sign": "turned-sign wrong-order wrong-constant wrong-operator",
        "statement dropped": "missing-statement missing-factor missing-term wrong-name "
        "missing-function turned-sign not-added missing-slope missing-shift wrong-operator "
        "wrong-shape",
        "statement moved": "wrong-statement-order missing-factor missing-term "
        "wrong-name missing-statement changed-in-place surplus-factor",
        "statement twice": "extra-statement surplus-factor extra-term not-added not-replaced "
        "missing-factor wrong-operator wrong-constant extra-function",
        "term": "missing-term missing-shift turned-sign wrong-name wrong-operator missing-function "
        "wrong-expression missing-factor missing-slope not-added wrong-bounds extra-term "
        "missing-statement",
        "transpose": "wrong-transpose wrong-order wrong-name wrong-axis wrong-shape",
    }.items()
}
"""Codes that are true of an operator of `planting`, by its word. Without a row, any may be said.
Those of mistakes of nets are beside them in `planted_nets`."""

LINES, UNEXPLAINED_AT_MOST, UNNATURAL_AT_MOST, BOTH, SECONDS = 0.97, 0.06, 0.01, 0.80, 1.0
"""The bars: lines right or repaired elsewhere, unexplained, unnatural changes, pairs of which both
are found, and CPU of the diagnosis in the mean over an exercise."""

SHOWN = 40
"""Failures that are listed."""

GALLERY = sorted(
    folder.name for folder in (ROOT / "tests" / "gallery").iterdir() if any(folder.glob("*.py"))
)

Line = tuple[str, int]
"""A file and a line of it."""


# --- right answers -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Answer:
    """A right answer to an exercise: its files, of which one is planted in."""

    exercise: str
    style: str
    file: str


def answers(only: Sequence[str]) -> list[Answer]:
    """List the right answers of exercises: files of model solutions, and answers by hand."""
    found = []
    for name in only:
        if name in NETS:
            found += [Answer(name, style, "homework.py") for style in texts_of(name)]
            continue
        models = sorted((ROOT / "reference" / name).glob("*.py"))
        found += [Answer(name, "model", path.name) for path in models]
        hand = sorted((ROOT / "tests" / "gallery" / name).glob("*.py"))
        found += [Answer(name, path.stem, path.name) for path in hand]
    return found


@cache
def texts(answer: Answer) -> dict[str, str]:
    """Return the text of each file of an answer."""
    if answer.exercise in NETS:
        return {answer.file: texts_of(answer.exercise)[answer.style]}
    if answer.style == "model":
        paths = sorted((ROOT / "reference" / answer.exercise).glob("*.py"))
    else:
        paths = [ROOT / "tests" / "gallery" / answer.exercise / answer.file]
    return {path.name: path.read_text(encoding="utf-8") for path in paths}


# --- grade one ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Told:
    """What a finding says of an answer."""

    at: Line
    mistake: str
    fix: str
    diff: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one or two plants in an answer.

    ``kind`` is ``right`` where all checks pass, ``wrong`` where outputs differ, ``raises`` where
    the code stops or never does, ``refused`` where nothing can be graded, ``crash`` where gradkit
    itself fails, with what it ``raised``. ``seconds`` are the CPU beyond that of the same answer
    without a plant. ``mended`` tells an answer that is right with all changes that are shown.
    """

    answer: Answer
    plants: tuple[Plant, ...]
    lines: tuple[frozenset[int], ...]
    kind: str
    told: tuple[Told, ...]
    seconds: float
    raised: str = ""
    mended: bool = False

    def hits(self, lines: frozenset[int]) -> list[Told]:
        """Return the findings at some lines."""
        return [t for t in self.told if t.at[0] == self.answer.file and t.at[1] in lines]

    def beside(self) -> list[Told]:
        """Return the findings at no line of a plant that have no fix."""
        right = {(self.answer.file, line) for lines in self.lines for line in lines}
        return [told for told in self.told if told.at not in right and not told.fix]

    def repaired(self) -> bool:
        """Tell a change at no line of a plant, with which all is right."""
        right = {(self.answer.file, line) for lines in self.lines for line in lines}
        return self.mended and any(told.fix and told.at not in right for told in self.told)

    def found(self) -> int:
        """Count the plants of which a line is right."""
        return sum(bool(self.hits(lines)) for lines in self.lines)


def single(outcome: Outcome) -> str:
    """Return the category of an outcome with one planted mistake.

    It is ``line`` if a finding is at one of its lines, ``repair`` if a change elsewhere mends the
    code, ``astray`` if there are only other findings, and ``unexplained`` without a finding.
    """
    if outcome.found():
        return "line"
    if outcome.repaired():
        return "repair"
    return "astray" if outcome.told else "unexplained"


def pair(outcome: Outcome) -> str:
    """Return the category of an outcome with two planted mistakes.

    It says for how many of them a finding is at one of their lines, and whether a change elsewhere
    mends the code.
    """
    if outcome.found() == 2:
        return "both"
    if outcome.found() == 1:
        return "one and repair" if outcome.repaired() else "one"
    return "none"


def unlisted(outcome: Outcome) -> list[Told]:
    """Return the findings at a planted line whose code does not fit the kind of planted mistake."""
    return [
        told
        for plant, lines in zip(outcome.plants, outcome.lines, strict=True)
        for told in outcome.hits(lines)
        if told.mistake and told.mistake not in MAY_SAY.get(plant.operator, {told.mistake})
    ]


@cache
def accepted_changes() -> frozenset[tuple[str, str, str]]:
    """Return the accepted changes elsewhere: the exercise, the planted line, and the fix."""
    file = ROOT / "benchmarks" / "accepted_changes.toml"
    tables = tomllib.loads(file.read_text(encoding="utf-8"))
    return frozenset(
        (exercise, entry["planted"], entry["fix"])
        for exercise, entries in tables.items()
        for entry in entries
    )


def unnatural_changes(outcome: Outcome) -> list[Told]:
    """Return the proposed changes that are neither at a planted line nor listed as accepted.

    The table of accepted changes names a planted mistake by the first of its changed lines, which
    is empty for a dropped line.
    """
    answer = outcome.answer
    right = {(answer.file, line) for lines in outcome.lines for line in lines}
    old = texts(answer)[answer.file]
    starts = [
        old.count("\n", 0, start) for each in outcome.plants for start, _, _ in each.edits[:1]
    ]
    new = planted(old, *outcome.plants)[0].split("\n")
    keys = {new[start].strip() for start in starts if start < len(new)}
    return [
        told
        for told in outcome.told
        if told.fix
        and told.at not in right
        and not any((answer.exercise, key, told.fix) in accepted_changes() for key in keys)
    ]


def false_names(outcome: Outcome) -> list[str]:
    """Return the codes of findings at planted lines that are wrong for the planted mistake.

    A code that does not fit is right nevertheless if the changes of the findings mend the code.
    """
    names = kinds() if outcome.mended else {}
    return [
        told.mistake for told in unlisted(outcome) if not told.diff or told.mistake not in names
    ]


class Bench:
    """Sessions for the exercises, in one workshop, and a folder for what is graded."""

    def __init__(self) -> None:
        self.stack = ExitStack()
        self.workshop = self.stack.enter_context(Workshop())
        self.folder = self.fresh()
        self.sessions: dict[str, Session] = {}
        self.plain: dict[Answer, float] = {}
        Finalize(None, self.stack.close, exitpriority=10)

    def fresh(self) -> Path:
        """Make a folder, for as long as this is open."""
        folder = Path(tempfile.mkdtemp(prefix="planted-"))
        self.stack.callback(shutil.rmtree, folder)
        return folder

    def session(self, exercise: str) -> Session:
        """Return the session of an exercise, which is opened once."""
        if exercise not in self.sessions:
            if exercise in SHIPPED:
                settings = Settings(tasks=(exercise,))
            elif exercise in NETS:
                settings = Settings(assignment=assignment_of(exercise, self.fresh()))
            else:
                file = ROOT / "gradkit" / "assignments" / exercise / "assignment.toml"
                settings = Settings(assignment=file)
            session = Session(settings, self.workshop)
            self.sessions[exercise] = self.stack.enter_context(session)
        return self.sessions[exercise]

    def grade(
        self, answer: Answer, changed: Mapping[str, str], seed: int
    ) -> tuple[tuple[TaskResult, ...] | None, float]:
        """Grade an answer with some of its files changed; return the marks and the CPU seconds.

        ``changed`` are texts by file name. The marks are None if the submission is refused.
        """
        for old in self.folder.iterdir():
            old.unlink()
        for name, each in {**texts(answer), **changed}.items():
            (self.folder / name).write_text(each, encoding="utf-8")
        session = self.session(answer.exercise)
        started = spent()
        try:
            tasks = session.grade(read_submission(self.folder), seed).result.tasks
        except GradingError:
            tasks = None
        return tasks, spent() - started

    def without(self, answer: Answer, seed: int) -> float:
        """Return the CPU seconds of an answer without a planted mistake: the median of three.

        The program exits if the answer is not right.
        """
        if answer not in self.plain:
            runs = [self.grade(answer, {}, seed) for _ in range(4)]
            if kind_of(runs[0][0]) != "right":
                raise SystemExit(f"{answer} is not right at seed {seed}: plant nothing there.")
            self.plain[answer] = statistics.median(seconds for _, seconds in runs[1:])
        return self.plain[answer]

    def outcome(self, answer: Answer, plants: Sequence[Plant], seed: int) -> Outcome:
        """Plant mistakes in an answer, grade it, and return the outcome.

        An exception of gradkit is recorded in the outcome.
        """
        plain = self.without(answer, seed)
        text, lines = planted(texts(answer)[answer.file], *plants)
        outcome = Outcome(answer, tuple(plants), tuple(lines), "crash", (), 0.0)
        try:
            tasks, seconds = self.grade(answer, {answer.file: text}, seed)
        except Exception as error:  # whatever it is, it is to be told, and the others graded
            return replace(outcome, raised=f"{type(error).__name__}: {error}")
        told = tuple(told_by(tasks or ()))
        outcome = replace(outcome, kind=kind_of(tasks), told=told, seconds=seconds - plain)
        asks = outcome.found() < len(plants) or unlisted(outcome)
        if outcome.kind != "wrong" or not asks or not any(each.diff for each in told):
            return outcome
        return replace(outcome, mended=self.is_mended(answer, text, told, seed + 1))

    def is_mended(self, answer: Answer, text: str, told: Iterable[Told], seed: int) -> bool:
        """Return whether a text is right after all changes that the findings propose."""
        now = {**texts(answer), answer.file: text}
        # What two tasks share is told by both.
        for name, diff in dict.fromkeys((each.at[0], each.diff) for each in told):
            now[name] = applied(diff, now[name], Cell(name, name, None, now[name]))
        return kind_of(self.grade(answer, now, seed)[0]) == "right"


def spent() -> float:
    """Return the CPU seconds of this process and of all its descendants, ended or not."""
    parents, ticks = {}, {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended since
        parents[int(stat.parent.name)] = int(fields[1])
        ticks[int(stat.parent.name)] = sum(map(int, fields[11:15]))
    own = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in own} - own:
        own |= more
    workers = sum(ticks[pid] for pid in own if pid != os.getpid() and pid in ticks)
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    ended = usage.ru_utime + usage.ru_stime
    return workers / os.sysconf("SC_CLK_TCK") + ended + time.process_time()


def kind_of(tasks: Iterable[TaskResult] | None) -> str:
    """Return ``refused``, ``raises``, ``wrong`` or ``right`` for the marks of an answer.

    ``tasks`` is None for a refused answer. See `Outcome`.
    """
    if tasks is None:
        return "refused"
    states = {check.state for task in tasks for check in task.checks}
    if states & {"error", "timeout"}:
        return "raises"
    return "wrong" if states & {"fail", "missing"} else "right"


def told_by(tasks: Iterable[TaskResult]) -> Iterator[Told]:
    """Yield the findings that name a mistake and a place."""
    for task in tasks:
        for finding in task.findings:
            told = finding.mistake != UNEXPLAINED and finding.mistake not in FOR_INSTRUCTORS
            if told and finding.place is not None:
                at = finding.place.file, finding.place.line
                yield Told(at, finding.mistake, finding.fix, finding.diff)


def applied(diff: str, source: str, cell: Cell) -> str:
    """Return a cell's text with the change that a unified diff describes."""
    lines = source.split("\n")
    for hunk in reversed(re.split(r"^@@ -", diff, flags=re.MULTILINE)[1:]):
        head, *rows = hunk.split("\n")
        first, _, count = head.split(" ")[0].partition(",")
        # A hunk that takes out no lines names the line before them.
        start = int(first) - cell.first_line + (count == "0")
        rows = [row for row in rows if row]
        old = sum(row[0] in " -" for row in rows)
        lines[start : start + old] = [row[1:] for row in rows if row[0] in " +"]
    return "\n".join(lines)


def with_repairs(proved: Inquiry, told: Inquiry, cells: Sequence[Cell]) -> Inquiry:
    """Keep the text of repairs, which is measured here, and which results do not have."""
    return proved if told == proved else structs.replace(told, proved=proved)


@cache
def bench() -> Bench:
    """Return the one of this process."""
    explained.explained = with_repairs
    explained.as_submitted = lambda inquiry, cells: inquiry
    return Bench()


def outcomes(job: tuple[Answer, Sequence[Sequence[Plant]], int]) -> list[Outcome]:
    """Grade several plants, or pairs, in one answer."""
    answer, each, seed = job
    return [bench().outcome(answer, plants, seed) for plants in each]


# --- grade many --------------------------------------------------------------------------------


def singles(
    pool: ProcessPoolExecutor, among: Sequence[Answer], count: int, seed: int
) -> list[Outcome]:
    """Plant one mistake each time, until ``count`` of them change an output.

    Exercises have equal shares as long as mistakes are left, and so have the files of one exercise.
    Return all outcomes, also of mistakes that change no output.
    """
    done: list[Outcome] = []
    waiting = {answer: drawn(texts(answer)[answer.file], f"{answer} {seed}") for answer in among}
    while (lacking := count - sum(each.kind == "wrong" for each in done)) > 0 and waiting:
        shares = Counter(answer.exercise for answer in waiting)
        each = lacking / len(shares)
        jobs = []
        for answer in list(waiting):
            share = max(1, round(each / shares[answer.exercise]))
            chosen = list(islice(waiting[answer], share))
            if len(chosen) < share:
                del waiting[answer]
            # In pieces, so that no process waits long for another.
            pieces = [chosen[at : at + 10] for at in range(0, len(chosen), 10)]
            jobs += [(answer, [(plant,) for plant in piece], seed) for piece in pieces]
        for some in pool.map(outcomes, jobs):
            done += some
        wrong = sum(outcome.kind == "wrong" for outcome in done)
        print(f"{len(done)} planted, {wrong} change an output", file=sys.stderr, flush=True)
    return done


def pairs(
    pool: ProcessPoolExecutor, found: Sequence[Outcome], count: int, seed: int
) -> list[Outcome]:
    """Plant two mistakes at once, each of which changes an output alone; return the outcomes.

    ``found`` are the outcomes of single mistakes. The answers take turns, up to ``count`` pairs.
    """
    dice = random.Random(seed)
    by_answer: dict[Answer, list[Plant]] = {}
    for outcome in found:
        if outcome.kind == "wrong":
            by_answer.setdefault(outcome.answer, []).append(outcome.plants[0])
    chosen: dict[Answer, list[tuple[Plant, Plant]]] = {answer: [] for answer in by_answer}
    for turn in range(4 * count):
        answer = list(by_answer)[turn % len(by_answer)]
        if sum(map(len, chosen.values())) >= count:
            break
        if len(by_answer[answer]) < 2:
            continue
        one, other = sorted(dice.sample(by_answer[answer], 2), key=lambda plant: plant.span)
        if one.span[1] <= other.span[0] and (one, other) not in chosen[answer]:
            chosen[answer].append((one, other))
    jobs = [(answer, both, seed) for answer, both in chosen.items()]
    return [outcome for some in pool.map(outcomes, jobs) for outcome in some]


# --- tell --------------------------------------------------------------------------------------

WORDS = ("line", "repair", "astray", "unexplained")


def table(title: str, rows: dict[str, list[Outcome]]) -> None:
    """Print the outcomes of single mistakes by key; only wrong outputs are classified."""
    words = " ".join(f"{word:>12}" for word in WORDS)
    print(f"\n{title:<34} planted  wrong {words}  false beside unnatural")
    for name, row in rows.items():
        wrong = [outcome for outcome in row if outcome.kind == "wrong"]
        counts = Counter(map(single, wrong))
        shares = " ".join(
            f"{counts[word]:6} {counts[word] / max(1, len(wrong)):4.0%} " for word in WORDS
        )
        false = sum(bool(false_names(outcome)) for outcome in wrong)
        beside = sum(bool(o.beside()) for o in wrong if o.found() or o.repaired())
        odd = sum(map(bool, map(unnatural_changes, wrong)))
        print(f"{name:<34} {len(row):7} {len(wrong):6} {shares} {false:6} {beside:6} {odd:9}")


def grouped(done: Sequence[Outcome], key: str) -> dict[str, list[Outcome]]:
    """Group outcomes by their ``operator``, ``exercise`` or ``style``, as ``key`` says."""
    rows: dict[str, list[Outcome]] = {}
    for outcome in done:
        answer = outcome.answer
        name = {
            "operator": outcome.plants[0].operator,
            "exercise": answer.exercise,
            "style": f"{answer.exercise}/{answer.style}",
        }[key]
        rows.setdefault(name, []).append(outcome)
    return dict(sorted(rows.items()))


def tell_change(outcome: Outcome) -> None:
    """Print the planted change and the findings of an outcome."""
    answer = outcome.answer
    old = texts(answer)[answer.file]
    names = ", ".join(plant.operator for plant in outcome.plants)
    print(f"\n{answer.exercise}/{answer.style} {answer.file}: {names}")
    new, _ = planted(old, *outcome.plants)
    for row in unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=0):
        if not row.startswith(("---", "+++")):
            print(f"  {row}")
    if outcome.raised:
        print(f"  gradkit itself fails: {outcome.raised}")
    for told in outcome.told:
        odd = "  (unnatural)" * (told in unnatural_changes(outcome))
        fix = f"  {told.fix}{odd}" if told.fix else ""
        print(f"  said {told.at[1]:4} {told.mistake or '(a fix)'}{fix}")


def tell_seconds(done: Sequence[Outcome]) -> float:
    """Print the CPU time beyond that of the right answer, by exercise; return the highest mean."""
    highest = 0.0
    print(f"\n{'CPU beyond the right answer, ms':<34}    mean  median    95 %    most")
    for name, row in {**grouped(done, "exercise"), "all": list(done)}.items():
        times = sorted(1e3 * outcome.seconds for outcome in row)
        mean, median = statistics.mean(times), statistics.median(times)
        highest = max(highest, mean / 1e3)
        most = times[int(0.95 * len(times))]
        print(f"{name:<34} {mean:7.0f} {median:7.0f} {most:7.0f} {times[-1]:7.0f}")
    return highest


def tell_bar(name: str, figure: float, bar: float, *, most: bool = False) -> bool:
    """Print a figure beside its bar, and return whether it is met.

    With ``most``, the bar is the largest allowed figure, otherwise the smallest.
    """
    met = figure <= bar if most else figure >= bar
    sign = "at most" if most else "at least"
    print(f"{name:<44} {figure:6.1%}   bar {sign} {bar:.0%}   {'ok' if met else 'MISSED'}")
    return met


def tell_singles(done: Sequence[Outcome]) -> bool:
    """Print the outcomes of single mistakes, and return whether their bars are met."""
    wrong = [outcome for outcome in done if outcome.kind == "wrong"]
    print(dict(Counter(outcome.kind for outcome in done)))
    for key in ("operator", "exercise", "style"):
        table(key, grouped(done, key))
    table("", {"all": done})
    raising = [outcome for outcome in done if outcome.kind == "raises"]
    print(f"\nof {len(raising)} that raise: {dict(Counter(map(single, raising)))}")
    slowest = tell_seconds(wrong)
    crashed = [outcome for outcome in done if outcome.kind == "crash"]
    missed = [
        o
        for o in wrong
        if single(o) in ("astray", "unexplained") or false_names(o) or unnatural_changes(o)
    ]
    missed.sort(key=lambda o: (not false_names(o), not unnatural_changes(o), single(o)))
    for outcome in (*crashed, *missed)[:SHOWN]:
        tell_change(outcome)
    told = Counter(map(single, wrong))
    many = max(1, len(wrong))
    print()
    met = tell_bar(
        "line right, or repaired elsewhere", (told["line"] + told["repair"]) / many, LINES
    )
    met &= tell_bar("unexplained", told["unexplained"] / many, UNEXPLAINED_AT_MOST, most=True)
    met &= tell_bar("false names", sum(map(bool, map(false_names, wrong))) / many, 0, most=True)
    odd = sum(map(bool, map(unnatural_changes, wrong)))
    met &= tell_bar(f"unnatural changes ({odd})", odd / many, UNNATURAL_AT_MOST, most=True)
    print(f"highest mean CPU of an exercise: {slowest:.2f} s   bar at most {SECONDS:g} s")
    return met and slowest <= SECONDS


def tell_pairs(two: Sequence[Outcome]) -> bool:
    """Print the outcomes of pairs of mistakes, and return whether their bar is met."""
    both = [outcome for outcome in two if outcome.kind == "wrong"]
    missed = [outcome for outcome in both if pair(outcome) != "both"]
    for outcome in [*(each for each in two if each.kind == "crash"), *missed[:SHOWN]]:
        tell_change(outcome)
    counts = Counter(map(pair, both))
    print(f"{len(both)} of {len(two)} pairs change outputs and raise nothing: {dict(counts)}")
    found = counts["both"] + counts["one and repair"]
    return tell_bar("pairs: both found, or repaired", found / max(1, len(both)), BOTH)


def main() -> int:
    """Plant mistakes, grade and print; the exit code says whether all bars are met."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--count", type=int, default=3000, help="plants that change an output")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", action="append", choices=(*GALLERY, *NETS), metavar="EXERCISE")
    parser.add_argument("--pairs", type=int, default=0, metavar="N")
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args()
    among = answers(options.only or (*GALLERY, *SHIPPED))
    began = time.perf_counter()
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(options.jobs, mp_context=context) as pool:
        done = singles(pool, among, options.count, options.seed)
        print(f"{len(done)} planted in {time.perf_counter() - began:.0f} s")
        met = tell_singles(done)
        if options.pairs:
            met &= tell_pairs(pairs(pool, done, options.pairs, options.seed))
    return 0 if met else 1


if __name__ == "__main__":
    raise SystemExit(main())
