"""Grade a class into a folder, as `gradkit grade` does, or preview the submissions."""

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
from gradkit.classroom.policy import moment, named, policy, read_policy
from gradkit.classroom.reports.summary import (
    cautions,
    class_rows,
    frequent_mistake,
)
from gradkit.classroom.store.counted import changed_policy
from gradkit.classroom.store.database import FILE, files_of
from gradkit.classroom.store.prices import shares
from gradkit.classroom.store.results import Store, settings_of
from gradkit.classroom.worker_pool import LocalPool, cores
from gradkit.grading.recognise import claim_functions, refusal
from gradkit.grading.settings import (
    GradingError,
    Settings,
    assignment_and_reference,
    refuse_unsafe,
    required_of,
    required_tier,
)
from gradkit.loading import is_installed
from gradkit.records.classroom import Filed, FrequentMistake, Row
from gradkit.records.course import NO_COURSE, PLATFORMS, Course, Policy, Preview, Sender
from gradkit.records.submission import RawSubmission, Submission
from gradkit.records.task import Assignment
from gradkit.report.table import first_names
from gradkit.submission.definitions import MODEL, TRAINING, is_empty, units_of
from gradkit.submission.files import SubmissionError
from gradkit.submission.read import Handed, Loader, gather, parse
from gradkit.submission.source import parse as parse_source


def preview(listed: Enrolment, assignment: Assignment) -> Preview:
    """Read all submissions without running them, and list what an instructor should know.

    ``listed`` are the submissions with their students. Reported are late, repeated, equal, empty,
    unreadable and unrelated submissions, those with invalid Python or without a time, and students
    without a submission or an unambiguous one.
    """
    found, match = [(each.handed, each.sender) for each in listed.entries], listed.match
    names = [handed.name for handed, _ in found]
    copies: dict[str, dict[str, None]] = {}
    empty: list[str] = []
    refused: list[tuple[str, str]] = []
    unrelated: list[tuple[str, str]] = []
    broken: list[tuple[str, str]] = []
    with Loader() as loader:
        for handed, _ in found:
            try:
                parcel = loader.load(handed)
                digest = _digest_of_contents(parcel)
                submission = parse(parcel)
            except SubmissionError as error:
                refused.append((handed.name, str(error)))
                continue
            if is_empty(submission):
                empty.append(handed.name)
                continue
            copies.setdefault(digest, {})[handed.name] = None
            errors = [
                problem.message.partition("\n")[0]
                for problem in submission.problems
                if problem.broken
            ]
            broken += [(handed.name, first) for first in errors[:1]]
            if not has_roles(submission, assignment):
                unrelated.append((handed.name, refusal(submission, assignment)))
    return Preview(
        total=len(found),
        sources=Counter(sender.source for _, sender in found),
        late=tuple(handed.name for handed, sender in found if sender.late),
        several=tuple((name, count) for name, count in Counter(names).items() if count > 1),
        duplicates=tuple(tuple(same) for same in copies.values() if len(same) > 1),
        empty=tuple(empty),
        refused=tuple(refused),
        other=tuple(unrelated),
        unmatched=tuple(names[number] for number in match.strangers),
        open=tuple(
            (names[number], tuple(student.name for student in students))
            for number, students in match.open
        ),
        absent=tuple(student.name for student in match.absent),
        broken=tuple(broken),
        untimed=tuple(
            platform
            for platform in PLATFORMS
            if platform != "plain"
            and any(s.source == platform and moment(s.at) is None for _, s in found)
        ),
        left_out=listed.left_out,
    )


def _digest_of_contents(parcel: RawSubmission) -> str:
    """Return a digest of the contents of a submission's files that ignores their names."""
    digests = sorted(hashlib.sha256(file.data).digest() for file in parcel.files)
    return hashlib.sha256(b"".join(digests)).hexdigest()


def has_roles(submission: Submission, assignment: Assignment) -> bool:
    """Return True if any code of a submission has the name or form of a role of a task.

    Nothing is run. It is also True if a cell is not valid Python, since the cell could contain
    any role.
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
    """A `gradkit.classroom.grade.Watch` that does nothing."""

    def begin(self, total: int) -> None:
        """See `Watch`."""

    def skip(self) -> None:
        """See `Watch`."""

    def step(self, filed: Filed) -> None:
        """See `Watch`."""

    def warn(self, text: str) -> None:
        """See `Watch`."""


UNWATCHED = Unwatched()


TEST_STUDENT_LEFT_OUT = (
    "Canvas' Test Student is left out. If this is a student's name, give a --roster that has it."
)
"""Warning if submissions of this account were found."""


class Graded(Struct, frozen=True):
    """Counts of a run, and the rows of the class after it.

    ``path`` is the class file. ``mistake`` is the most frequent mistake, None if there is none.
    """

    tally: Tally
    rows: list[Row]
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
    """Grade the submissions of a class that are new or have changed.

    Parameters
    ----------
    paths : iterable of Path
        Files, folders and zips. Each file, and each sub-folder or member of a folder or zip, is
        one submission.
    folder : Path
        Folder of the class; it is made if it does not exist.
    roster : Path, optional
        CSV file of the course's students; by default the roster of earlier runs.
    groups : bool
        Whether a member's submission belongs to the whole group of the roster.
    attempt : str, optional
        Rule for the attempt that counts from now on: ``last``, ``best`` or ``before=DATE``.
    workers : int, optional
        Submissions graded in parallel, by default one for each core.
    scheduler : str, optional
        Address of a Dask scheduler whose workers grade the submissions.
    require_tier : int, optional
        Lowest tier of isolation at which code is run, by default 2.
    new_version : bool
        Allow another gradkit version than the class was graded with.
    change_settings : bool
        Allow settings or a policy that differ from those of the class.
    student : str, optional
        Grade only this student's submissions, even if they are unchanged. ``tasks`` then says
        which tasks they solve. A single submission is the student's under any name.
    html : bool
        Also write ``pages/index.html`` and a page for each student, with the level ``hints``.
    watch : Watch
        Observer of the progress.
    **settings
        Fields of `gradkit.grading.settings.Settings`, by default those of the class.

    Raises
    ------
    GradkitError
        The class cannot be graded with these arguments, or the class file cannot be written.
        Stored results are kept.

    Examples
    --------
    >>> from pathlib import Path
    >>> graded = grade_class([Path("handed_in")], Path("results"), require_tier=0, workers=1,
    ...                      tasks=("regression-numpy",), seed=1, no_reference=True)
    >>> graded.tally.graded, graded.tally.refused, [row.score for row in graded.rows]
    (2, 0, [20.0, 15.5])
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
        # Findings that were withdrawn or priced for the class are so for new submissions, too.
        decided = {"dropped": store.dropped(), "prices": shares(store)}
        made = replace(former, require_tier=tier, **decided)
        for tasks in known.values():
            assignment_and_reference(replace(made, tasks=tasks))
        listed = _enrolment(handed, course, names_of(store))
        if name is not None:
            listed = of_student(listed, name, paths, students(store))
        rules, unknown, change = changed_policy(
            store, _students_of(listed), whole=bool(course.roster)
        )
        if change and not change_settings:
            raise GradingError(f"{change}, and so does --change-settings.")
        for warning in unknown:
            watch.warn(warning)
        if listed.left_out:
            watch.warn(TEST_STUDENT_LEFT_OUT)
        grading = Grading(store, made, watch, new_version=new_version, student=name, named=known)
        # The settings are stored before the first result, so that an interrupted run resumes.
        begun = grading.begin(listed, course=course, policy=rule, rules=rules)
        with Cluster(made, scheduler) if scheduler else LocalPool(made, workers or cores()) as pool:
            if not scheduler:
                refuse_unsafe(made, watch.warn)
            tally = grading.run(listed, pool, begun)
        rows = class_rows(store)
        warnings = cautions(store, rows)
        if not is_installed("torch"):
            warnings += unchecked(rows, torch_tasks(grading.assignment))
        for warning in warnings:
            watch.warn(warning)
        if html:
            from gradkit.classroom.feedback.pages import write_pages

            level = hints or grading.assignment.hints
            write_pages(store, folder / "pages", level, workers or cores(), rows)
        return Graded(tally, rows, store.path, frequent_mistake(store, rows))


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
"""Settings that are stored for a class, and the options that set them."""


def remembered(store: Store, given: Mapping[str, Any], *, change: bool) -> Settings:
    """Return the stored settings of a class, updated with the given settings.

    As long as nothing is graded, given settings can differ from stored ones.

    Parameters
    ----------
    store : Store
    given : mapping
        Fields of `Settings`. None, False and empty tuples are ignored.
    change : bool
        Allow given settings that differ from the stored ones.

    Raises
    ------
    GradingError
        A given setting differs from the one that the class was graded with.
    """
    new = _without_defaults(given)
    former = settings_of(store) if store.last_marked() else Settings()
    if "reference" in new:
        new.setdefault("no_reference", False)
    differing = [key for key in REMEMBERED if key in new and new[key] != getattr(former, key)]
    if differing and store.newest() and not change:
        changes = "; ".join(
            f"{REMEMBERED[key]} was {_show(getattr(former, key))}, and is now {_show(new[key])}"
            for key in differing
        )
        raise GradingError(
            f"{store.path} was graded with other settings: {changes}. Leave these options out, "
            "or grade everybody again with --change-settings."
        )
    return replace(former, **new)


def _without_defaults(given: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out settings that are None, False or empty, and make paths absolute."""
    return {
        key: value.resolve() if isinstance(value, Path) else value
        for key, value in given.items()
        if not (value is None or value is False or value == ())
    }


def _show(value: object) -> str:
    """Return a setting's value as text for a message."""
    if value is None or value is False or value == ():
        return "not given"
    return (
        ", ".join(value) if isinstance(value, tuple) else "given" if value is True else str(value)
    )


def unchecked(rows: Iterable[Row], torch: Collection[str]) -> list[str]:
    """Return a warning that names the students with torch tasks that could not be checked.

    ``rows`` are the rows of the class, one for each student, and ``torch`` the ids of the tasks in
    torch. The list has at most one warning, and is empty if there are no such students.
    """
    names = [
        row.name
        for row in rows
        if any(
            state == "not-checked" and check.partition("/")[0] in torch
            for check, (state, _, _) in row.checks.items()
        )
    ]
    if not names:
        return []
    found = "".join(first_names(names, 6))
    return [
        f"torch is not installed here, so the torch tasks of {len(names)} are not checked and "
        f"count as 0: {found}. Install it with pip install 'gradkit[torch]', and run the same "
        "command again."
    ]


def of_student(
    roll: Enrolment, name: str, paths: Sequence[Path], known: Mapping[str, Collection[str]]
) -> Enrolment:
    """Return the enrolment with only one student's submissions.

    If none is under the student's name, a single submission is taken as the student's, and so is a
    single path whose submissions are nobody else's: it is then one submission.

    Parameters
    ----------
    roll : Enrolment
    name : str
    paths : sequence of Path
        Paths that the submissions were gathered from.
    known : mapping of str to collection of str
        Identifiers of the students of the class by name.

    Raises
    ------
    GradingError
        No submission can be taken as the student's.
    """
    own = [entry for entry in roll.entries if name in entry.students]
    others = [
        entry
        for entry in roll.entries
        if entry.sender.source != "plain" or meant(entry.sender.student, known)
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
            f"--student {name}: no submission has this name. Found: {found}. A single "
            "file, folder or zip is taken as this student's, unless it contains work of others."
        )
    return replace(roll, entries=tuple(own))


def _students_of(roll: Enrolment) -> dict[str, tuple[str, ...]]:
    """Return the identifiers of all students of an enrolment by name.

    A student who is not on the roster has the identifiers of the first submission.
    """
    known = {student.name: tuple(student.ids.values()) for student in roll.students}
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
    """List the students of submissions and any irregularities, without running anything.

    Parameters
    ----------
    paths, folder, roster, groups
        See `grade_class`. Nothing is written into the folder.
    **settings
        Fields of `gradkit.grading.settings.Settings`, by default those of the class.

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
    made = Settings(**_without_defaults(settings))
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
        strangers=tuple(
            named(rules, {**_students_of(listed), **people}, whole=bool(course.roster))[1]
        ),
    )


def course_of(folder: Path, roster: Path | None, *, groups: bool) -> Course:
    """Return the course by the given roster, or else by the roster stored for the class.

    Raises
    ------
    GradingError
        ``groups`` is True, but there is no roster.
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
            "--groups needs a roster with a column of groups: name it with --roster."
        )
    return course


def _handed(paths: Iterable[Path], folder: Path, course: Course) -> list[Handed]:
    """Gather the submissions at some paths, except for gradkit's own files and the roster."""
    own = [folder, *files_of(folder), *([Path(course.roster)] if course.roster else [])]
    return gather(list(paths), own)


def _enrolment(handed: Sequence[Handed], course: Course, known: Mapping[str, str]) -> Enrolment:
    """Assign submissions to the students of a course, see `enrolment_of`."""
    return enrolment_of(handed, course.students, by_group=course.groups, known=known)
