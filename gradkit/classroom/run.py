"""Grade a class into a folder, as `gradkit grade` does; or say first what is odd in it."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from gradkit.classroom.cluster import Cluster
from gradkit.classroom.course.find_student import find_student, meant, students
from gradkit.classroom.course.roster import Enrolment, Entry, enrolment_of, names_of, read_roster
from gradkit.classroom.grade import Grading, Tally, Watch, torch_tasks
from gradkit.classroom.policy import FILE as POLICY
from gradkit.classroom.policy import named, policy, read_policy
from gradkit.classroom.reports.summary import (
    cautions,
    everybody,
    frequent_mistake,
    summarise,
)
from gradkit.classroom.store.counted import changed_policy
from gradkit.classroom.store.database import FILE, files_of
from gradkit.classroom.store.results import Store, settings_of
from gradkit.classroom.worker_pool import LocalPool, cores
from gradkit.grading.claim import claim_functions, refusal
from gradkit.grading.settings import (
    GradingError,
    Settings,
    assignment_and_reference,
    refuse_unsafe,
    required_of,
    required_tier,
)
from gradkit.loading import is_installed
from gradkit.records.classroom import Filed, FrequentMistake, Summary
from gradkit.records.course import NO_COURSE, Course, Policy, Preview, Sender
from gradkit.records.submission import RawSubmission, Submission
from gradkit.records.task import Assignment
from gradkit.report.table import first_names
from gradkit.submission.content import MODEL, TRAINING, is_empty, units_of
from gradkit.submission.files import SubmissionError
from gradkit.submission.read import Handed, Loader, gather, parse
from gradkit.submission.source import parse as parse_source


def preview(listed: Enrolment, assignment: Assignment) -> Preview:
    """Read every submission, run none, and list what a person should know first."""
    found, match = [(each.handed, each.sender) for each in listed.entries], listed.match
    names = [handed.name for handed, _ in found]
    copies: dict[str, dict[str, None]] = {}
    empty: list[str] = []
    refused: list[tuple[str, str]] = []
    other: list[tuple[str, str]] = []
    broken: list[tuple[str, str]] = []
    with Loader() as loader:
        for handed, _ in found:
            try:
                parcel = loader.load(handed)
                digest = _contents(parcel)
                submission = parse(parcel)
            except SubmissionError as error:
                refused.append((handed.name, str(error)))
                continue
            if is_empty(submission):
                empty.append(handed.name)
                continue
            copies.setdefault(digest, {})[handed.name] = None
            told = [one.message.partition("\n")[0] for one in submission.problems if one.broken]
            broken += [(handed.name, each) for each in told[:1]]
            if not has_roles(submission, assignment):
                other.append((handed.name, refusal(submission, assignment)))
    return Preview(
        total=len(found),
        sources=Counter(sender.source for _, sender in found),
        late=tuple(handed.name for handed, sender in found if sender.late),
        several=tuple((name, count) for name, count in Counter(names).items() if count > 1),
        duplicates=tuple(tuple(same) for same in copies.values() if len(same) > 1),
        empty=tuple(empty),
        refused=tuple(refused),
        other=tuple(other),
        unmatched=tuple(names[number] for number in match.strangers),
        open=tuple(
            (names[number], tuple(student.name for student in students))
            for number, students in match.open
        ),
        absent=tuple(student.name for student in match.absent),
        broken=tuple(broken),
    )


def _contents(parcel: RawSubmission) -> str:
    """A digest of the files' bytes, whatever they are called."""
    each = sorted(hashlib.sha256(file.data).digest() for file in parcel.files)
    return hashlib.sha256(b"".join(each)).hexdigest()


def has_roles(submission: Submission, assignment: Assignment) -> bool:
    """True where anything in it has the name or the form of a role, as far as the text tells.

    A cell that cannot be read might have anything in it.
    """
    if any(parse_source(cell.source).tree is None for cell in submission.cells):
        return True
    units = units_of(submission.cells, assignment.tasks)
    known = {role.name for task in assignment.tasks for role in task.roles}
    if any(task.framework.trains for task in assignment.tasks):
        known |= {MODEL, TRAINING}
    played = any(unit.roles & known or unit.meant for unit in units)
    return played or bool(claim_functions(submission, assignment, ()))


class Unwatched:
    """A `gradkit.classroom.grade.Watch` that tells nobody how far the grading is."""

    def begin(self, total: int) -> None:
        """See `Watch`."""

    def skip(self) -> None:
        """See `Watch`."""

    def step(self, filed: Filed) -> None:
        """See `Watch`."""

    def warn(self, text: str) -> None:
        """See `Watch`."""


UNWATCHED = Unwatched()


class Graded(Struct, frozen=True):
    """How a run over a class ended, and the class as it is now.

    ``path`` is the class file. ``mistake`` is None if no mistake was found.
    """

    tally: Tally
    summary: Summary
    path: Path
    mistake: FrequentMistake | None = None


def grade_class(
    paths: Iterable[Path],
    folder: Path,
    *,
    roster: Path | None = None,
    groups: bool = False,
    attempt: str | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
    require_tier: int | None = None,
    new_version: bool = False,
    change_settings: bool = False,
    student: str | None = None,
    html: bool = False,
    hints: int | None = None,
    watch: Watch = UNWATCHED,
    **settings: Any,
) -> Graded:
    """Grade what has been handed in, and go on where it was left.

    Parameters
    ----------
    paths : iterable of Path
        Each file, each sub-folder and each member of a folder or zip is one submission.
    folder : Path
        Folder of the class; made if there is none.
    roster : Path, optional
        CSV of the course's students; by default the one that the class was graded with.
    groups : bool
        What one of a roster's group handed in is the whole group's.
    attempt : str, optional
        Which attempt counts from now on: ``last``, ``best`` or ``before=DATE``.
    workers : int, optional
        Submissions graded at a time. By default one for each core.
    scheduler : str, optional
        Address of a Dask scheduler, on whose workers to grade.
    require_tier : int, optional
        Tier of isolation below which nothing is run; 2 by default.
    new_version : bool
        Go on although the class was graded with another gradkit.
    change_settings : bool
        Go on although the settings or the policy are others than those of the class.
    student : str, optional
        Grade this one's submissions alone, and again; ``tasks`` are then what these are. Where
        one submission alone is given, it is theirs, whatever it is called.
    html : bool
        Write ``pages/index.html`` and a page for each student too, at level ``hints``.
    watch : Watch
        Is told of each submission.
    **settings
        Fields of `gradkit.grading.settings.Settings`. What is not given is as the class has it.

    Raises
    ------
    GradkitError
        Nothing is graded; or the class file cannot be written, which keeps what is in it.

    Examples
    --------
    >>> from pathlib import Path
    >>> graded = grade_class([Path("handed_in")], Path("results"), require_tier=0, workers=1,
    ...                      tasks=("regression-numpy",), seed=1, no_reference=True)
    >>> graded.tally.graded, graded.tally.refused, [row.score for row in graded.summary.rows]
    (2, 0, [20.0, 16.25])
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    rule, paths = policy(attempt) if attempt else None, list(paths)
    course = course_of(folder, roster, groups=groups)
    handed = _handed(paths, folder, course)
    with Store(folder, write=True) as store:
        name, known = None, store.named()
        if student is not None:
            name = find_student(store, student)
            known |= {name: tuple(tasks)} if (tasks := settings.pop("tasks", ())) else {}
        tier = required_tier(require_tier)
        former = remembered(store, settings, change=change_settings)
        # What was decided of the class holds for whoever comes late, too.
        made = replace(former, require_tier=tier, dropped=store.dropped())
        for tasks in known.values():
            assignment_and_reference(replace(made, tasks=tasks))
        listed = _enrolment(handed, course, names_of(store))
        if name is not None:
            listed = of_student(listed, name, paths, students(store))
        rules, strangers, said = changed_policy(store, _people(listed), whole=bool(course.roster))
        if said and not change_settings:
            raise GradingError(f"{said}, as does --change-settings.")
        for told in strangers:
            watch.warn(told)
        grading = Grading(store, made, watch, new_version=new_version, student=name, named=known)
        # First of all: whoever interrupts this before the first result goes on by it, too.
        begun = grading.begin(listed, course=course, policy=rule, rules=rules)
        with Cluster(made, scheduler) if scheduler else LocalPool(made, workers or cores()) as pool:
            if not scheduler:
                refuse_unsafe(made, watch.warn)
            tally = grading.run(listed, pool, begun)
        rows = everybody(store)
        warned, summary = cautions(store, rows), summarise(store, rows=rows)
        if not is_installed("torch"):
            warned += unchecked(summary, torch_tasks(grading.assignment))
        for told in warned:
            watch.warn(told)
        if html:
            from gradkit.classroom.feedback.pages import write_pages

            level = hints or grading.assignment.hints
            write_pages(store, folder / "pages", level, workers or cores(), rows)
        return Graded(tally, summary, store.path, frequent_mistake(store, summary))


REMEMBERED = {
    "assignment": "--assignment",
    "reference": "--reference",
    "no_reference": "--no-reference",
    "tasks": "--task",
    "handed_in": "--handed-in",
    "form": "--form",
    "seed": "--seed",
    "preset": "--preset",
}
"""Settings that a class keeps, and the options that give them."""


def remembered(store: Store, given: Mapping[str, Any], *, change: bool) -> Settings:
    """Return the settings of a class, with those that are given where it has none yet.

    As long as nothing is graded, what is given may differ from what was said before.

    Parameters
    ----------
    store : Store
    given : mapping
        Fields of `Settings`; what is empty is not given.
    change : bool
        Take what is given although the class has others.

    Raises
    ------
    GradingError
        Something else is given than what the class was graded with.
    """
    told = _told(given)
    former = settings_of(store) if store.last_marked() else Settings()
    if "reference" in told:
        told.setdefault("no_reference", False)
    differs = [key for key in REMEMBERED if key in told and told[key] != getattr(former, key)]
    if differs and store.newest() and not change:
        said = "; ".join(
            f"{REMEMBERED[key]} was {_shown(getattr(former, key))}, and is {_shown(told[key])}"
            for key in differs
        )
        raise GradingError(
            f"{store.path} keeps what it was graded with: {said}. Leave that out, or grade "
            "everybody by it with --change-settings."
        )
    return replace(former, **told)


def _told(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that are given."""
    return {
        key: value.resolve() if isinstance(value, Path) else value
        for key, value in given.items()
        if not (value is None or value is False or value == ())
    }


def _shown(value: object) -> str:
    if value is None or value is False or value == ():
        return "not given"
    return (
        ", ".join(value) if isinstance(value, tuple) else "given" if value is True else str(value)
    )


def unchecked(summary: Summary, torch: Collection[str]) -> list[str]:
    """Say of how many students tasks in torch count as nothing, since it is not installed."""
    names = [
        row.name
        for row in summary.rows
        if any(
            state == "not-checked" and check.partition("/")[0] in torch
            for check, (state, _, _) in row.checks.items()
        )
    ]
    if not names:
        return []
    found = "".join(first_names(names, 6))
    return [
        f"torch is not installed here, so the torch tasks of {len(names)} are not checked, and "
        f"count as 0 in their totals until they are: {found}. Install it with pip install "
        "'gradkit[torch]', and start the same command again."
    ]


def of_student(
    roll: Enrolment, name: str, paths: Sequence[Path], known: Mapping[str, Collection[str]]
) -> Enrolment:
    """Return one student's part of what is given: all that bears the name, or else the whole.

    Raises
    ------
    GradingError
        Several are given, or others' work (``known`` are the class), and none is that student's.
    """
    own = [entry for entry in roll.entries if name in entry.students]
    others = [
        e for e in roll.entries if e.sender.source != "plain" or meant(e.sender.student, known)
    ]
    if not own and len(roll.entries) == 1:
        (entry,) = roll.entries
        own = [Entry(replace(entry.handed, name=name), entry.sender, (name,))]
    elif len(paths) == 1 and not own and not others:
        whole = Sender(name, "plain", {}, False, paths[0].name)
        own = [Entry(Handed(name, paths[0]), whole, (name,))]
    if not own:
        found = "".join(first_names([entry.students[0] for entry in roll.entries], 6))
        raise GradingError(
            f"--student {name}: nothing of theirs is in it. Found: {found}. One file, folder or "
            "zip given alone is taken for theirs, unless others' work is in it."
        )
    return replace(roll, entries=tuple(own))


def _people(roll: Enrolment) -> dict[str, tuple[str, ...]]:
    """Return everybody in a roll, with identifiers."""
    known = {each.name: tuple(each.ids.values()) for each in roll.students}
    for entry in roll.entries:
        known |= {n: tuple(entry.sender.ids.values()) for n in entry.students if n not in known}
    return known


def preview_class(
    paths: Iterable[Path],
    folder: Path,
    *,
    roster: Path | None = None,
    groups: bool = False,
    **settings: Any,
) -> Preview:
    """List whose the submissions are and what is odd in them, and run nothing.

    Parameters
    ----------
    paths, folder, roster, groups
        See `grade_class`. Nothing is written into the folder.
    **settings
        Fields of `gradkit.grading.settings.Settings`. What is not given is as the class has it.

    Examples
    --------
    >>> from pathlib import Path
    >>> preview_class([Path("handed_in")], Path("results")).total
    2
    """
    course = course_of(folder, roster, groups=groups)
    handed = _handed(paths, folder, course)
    known: dict[str, str] = {}
    people: Mapping[str, Collection[str]] = {}
    made = Settings(**_told(settings))
    if (folder / FILE).exists():
        with Store(folder, write=False) as store:
            known, people = names_of(store), students(store)
            made = remembered(store, settings, change=True)
    assignment, reference = assignment_and_reference(made)
    listed = _enrolment(handed, course, known)
    rules = read_policy(folder / POLICY) or Policy()
    return replace(
        preview(listed, assignment),
        tasks=required_of(made, assignment),
        provisional=reference is None,
        strangers=tuple(named(rules, {**_people(listed), **people}, whole=bool(course.roster))[1]),
    )


def course_of(folder: Path, roster: Path | None, *, groups: bool) -> Course:
    """Return who is in a course: by a roster that is given, else by the one that the class has.

    Raises
    ------
    GradingError
        Groups are asked for, and there is no roster.
    """
    course = NO_COURSE
    if (folder / FILE).exists():
        with Store(folder, write=False) as store:
            course = store.course()
    course = replace(course, groups=groups or course.groups)
    if roster is not None:
        students = tuple(read_roster(roster))
        return replace(course, roster=os.path.abspath(roster), students=students)
    if groups and not course.students:
        raise GradingError(
            "--groups needs a roster that has a column of groups: name it with --roster."
        )
    return course


def _handed(paths: Iterable[Path], folder: Path, course: Course) -> list[Handed]:
    """Gather submissions, but for what is gradkit's own or the roster."""
    own = [folder, *files_of(folder), *([Path(course.roster)] if course.roster else [])]
    return gather(list(paths), own)


def _enrolment(handed: Sequence[Handed], course: Course, known: Mapping[str, str]) -> Enrolment:
    return enrolment_of(handed, course.students, by_group=course.groups, known=known)
