"""Write pages, grades and comments for the platform, and store what each student was given.

Files are written atomically, just before the end of the transaction that stores them. So nothing
is stored as given that was not written. If the process is killed in between, files are written
but not stored as given: the same command writes the same files again and stores them. Files that
a student already was given are not stored again.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from msgspec import Struct

from gradkit.classroom.feedback.address import (
    Address,
    BundleError,
    Way,
    addresses,
    ids_of,
    names_of,
    shared,
    write_folder,
    write_zip,
)
from gradkit.classroom.feedback.pages import Page, drafts, made, whole
from gradkit.classroom.feedback.platforms import fill_gradebook, fill_worksheet
from gradkit.classroom.policy import counting_attempts, rule_of
from gradkit.classroom.reports.summary import NOT_YET, held_marks
from gradkit.classroom.store.counted import changed_policy
from gradkit.classroom.store.results import Store, digest_of, given, release, settings_of
from gradkit.errors import GradkitError
from gradkit.records.classroom import Release
from gradkit.records.course import PLATFORMS, FilledTable, Mark, Source
from gradkit.records.reports import Given, Left
from gradkit.report.table import brief, first_names
from gradkit.task.assignment import read_assignment
from gradkit.text import format_text
from gradkit.writing import make_folder_inside, read_named, refusing, write_whole

NOTHING_FILLED = FilledTable(b"", (), (), ())
"""Result of filling no table."""

PAGE, GRADE = "page", "grade"
"""Kinds of feedback that a student can be left without, in messages."""


ALL_HELD = (
    "{path}: all marks are held until you confirm them. `gradkit review {folder}` lists them. To "
    "accept the marks of a finding, run `gradkit remark {folder} --accept CODE`. To set other "
    "points, run `gradkit override {folder} STUDENT CHECK POINTS`."
)

HELD_BACK = (
    "marks are held until you confirm them ({marks}): accept them with `gradkit remark DIR "
    "--accept CODE`, or set points with `gradkit override`"
)


class FeedbackError(GradkitError):
    """Feedback cannot be written; the text says why."""


class Table(Struct, frozen=True):
    """A platform's table: the path to write it to, and the function that fills it."""

    target: Path
    fill: Callable[[Sequence[Mark]], FilledTable]


class Plan(Struct, frozen=True):
    """The options of writing feedback.

    ``out`` is the zip to write, or the folder if ``way`` is ``folder``. ``changed`` leaves out
    pages that students already were given. Without ``write``, nothing is written or stored.
    """

    way: Way
    out: Path
    hints: int
    table: Table | None = None
    workers: int = 1
    why: str = ""
    changed: bool = False
    write: bool = True


def feedback(store: Store, plan: Plan) -> Given:
    """Write the pages and the table of a class, and store those that are new.

    Parameters
    ----------
    store : Store
        Store of the class, open for writing if ``plan.write`` is True.
    plan : Plan

    Returns
    -------
    Given
        Numbers and reasons. Students without a submission get nothing: their row in the table
        is unchanged.

    Raises
    ------
    FeedbackError
        Nothing is graded, or no submission came from the platform.
    BundleError, CsvTableError, StoreError
        A file or the class file cannot be written, or the table cannot be filled. No existing
        file is damaged.
    """
    roster, found, before = store.enrolled(), counting_attempts(store), given(store)
    known = addresses(store, roster)
    graded = drafts(store, found, before)
    if not graded:
        raise FeedbackError(f"{store.path}: no student has a result yet.")
    held = {draft.name: marks for draft in graded if (marks := held_marks(whole(draft.stand)))}
    graded = [draft for draft in graded if draft.name not in held]
    if not graded:
        raise FeedbackError(format_text(ALL_HELD, path=store.path, folder=store.path.parent))
    grades = plan.table is not None
    everything = f"{PAGE}, {GRADE}" if grades else PAGE
    pages = {page.name: page for page in made(graded, plan.hints, plan.workers, comments=grades)}
    names, left, notes = _names(plan, [known[name] for name in pages], pages)
    absent = {attempt.kept.name for attempt in found if attempt.kept.standing == "absent"}
    left = [item for item in left if item.student not in absent]
    left += [Left(name, everything, _why_held(marks)) for name, marks in held.items()]
    absent -= pages.keys()
    filled = NOTHING_FILLED
    if plan.table is not None:
        filled = plan.table.fill([_mark(known[name], page) for name, page in pages.items()])
    elif not names:
        raise FeedbackError(
            f"No submission in {store.path} was downloaded from {_platform(plan)}. "
            f"{_platform(plan)} matches pages by the file names of its download. Write the pages "
            "with --format folder."
        )
    if plan.changed:
        names = {name: file for name, file in names.items() if pages[name].new}
        if not names:
            notes.append("No page is new or changed, so no page was written.")
            if plan.out.exists():
                notes.append(f"{plan.out} is from an earlier run: do not upload it again.")
    written = _write(store, plan, names, pages, filled, before) if plan.write else []
    left += [Left(name, GRADE, why) for name, why in filled.left if pages[name].score is not None]
    elsewhere = _on_other_platforms(plan, known)
    reasons = {attempt.kept.name: brief(attempt.kept.told) for attempt in found}
    ungraded = {n: why for n, why in reasons.items() if n not in {*pages, *absent, *held}}
    ungraded |= {name: NOT_YET for name in store.awaited() if name not in reasons}
    without_score = [name for name, page in pages.items() if page.score is None]
    if grades:
        left += [Left(name, GRADE, reasons[name]) for name in without_score]
    elif on_pages := [name for name in without_score if name in names]:
        students = "".join(first_names(on_pages, 6))
        notes.append(f"These students get a page that explains why they have no grade: {students}.")
    rule = f"no attempt counts by the rule {rule_of(store)}"
    uncounted = dict.fromkeys(sorted(known.keys() - {*ungraded, *pages, *absent, *held}), rule)
    return Given(
        pages=len(names),
        new=sum(pages[name].new for name in names),
        filled=len(filled.filled),
        written=tuple(map(str, written)),
        left=(
            *(Left(name, everything, why) for name, why in {**ungraded, **uncounted}.items()),
            *(item for item in left if item.student not in elsewhere),
        ),
        absent=tuple(name for name in roster if name not in {*known, *ungraded} - absent),
        notes=(*notes, *filled.notes, *_count_elsewhere(elsewhere, {*names, *filled.filled})),
    )


def _why_held(marks: Mapping[str, Sequence[str]]) -> str:
    """Return why a student is given nothing whose marks are held."""
    listed = "; ".join(f"{check}: {', '.join(codes)}" for check, codes in marks.items())
    return format_text(HELD_BACK, marks=listed)


def _on_other_platforms(plan: Plan, known: Mapping[str, Address]) -> dict[str, Source]:
    """Map the students whose submissions all came from another platform to that platform.

    ``plan`` has the platform for which feedback is written, and ``known`` the students' addresses.
    Plain files count as of any platform. The map is empty if pages are written to a folder.
    """
    if plan.way == "folder":
        return {}
    return {
        name: address.senders[0].source
        for name, address in known.items()
        if not {sender.source for sender in address.senders} & {plan.way, "plain"}
    }


def _count_elsewhere(elsewhere: Mapping[str, Source], given: Container[str]) -> Iterator[str]:
    """Yield at most one note: how many students submitted to another platform, by platform.

    ``elsewhere`` maps students to their platform. Students in ``given`` are not counted.
    """
    count = Counter(PLATFORMS[source] for name, source in elsewhere.items() if name not in given)
    if count:
        by = ", ".join(f"{number} from {name}" for name, number in sorted(count.items()))
        yield (
            f"{count.total()} submitted on other platforms ({by}) and are left out. Write their "
            "pages for that platform, or use --format folder."
        )


def _mark(address: Address, page: Page) -> Mark:
    """Return a student's mark with the identifiers that the platform may know."""
    return Mark(address.name, ids_of(address), page.score, page.max_score, page.comment)


def _names(
    plan: Plan, found: Sequence[Address], pages: Mapping[str, Page]
) -> tuple[dict[str, str], list[Left], list[str]]:
    """Return the file name of each student's page, the students without a page, and notes.

    ``found`` are the addresses of the students whose pages are to be written, and ``pages`` the
    pages by student. ``plan`` has the platform, which expects the file names. Students without a
    page have a reason: the platform gives no name, or several students have one name but different
    pages. If no student has a name, only one note is returned, and nobody is listed.
    """
    names, without = names_of(plan.way, found)
    if without and not names:
        # One note is enough if the reason is the same for all students.
        note = f"No pages are written: no submission was downloaded from {_platform(plan)}."
        return {}, [], [note]
    left = [Left(student, PAGE, why) for student, why in without]
    notes: list[str] = []
    for students in shared(names).values():
        if len({pages[student].digest for student in students}) > 1:
            why = (
                f"the pages of {', '.join(students)} differ, but {_platform(plan)} takes one "
                "file for all of them: use --format folder"
            )
            left += [Left(student, PAGE, why) for student in students]
            for student in students:
                del names[student]
        else:
            notes = [
                f"A group has one page: {_platform(plan)} gives it to every member of the group "
                "that it knows."
            ]
    return names, left, notes


def _platform(plan: Plan) -> str:
    """Return the platform's name, for messages."""
    return "there" if plan.way == "folder" else PLATFORMS[plan.way]


def _write(
    store: Store,
    plan: Plan,
    names: Mapping[str, str],
    pages: Mapping[str, Page],
    filled: FilledTable,
    before: Mapping[str, Sequence[Release]],
) -> list[Path]:
    """Write the pages in ``names`` and the table; return the paths written.

    ``plan`` has the paths. ``names`` has the file name of each student's page, ``pages`` the pages
    by student, and ``filled`` the table. ``before`` are the releases so far, by student: pages and
    rows that students were given. Pages and rows that differ from the newest of these are stored in
    ``store`` as a new release, in the same transaction. The module's docstring explains the order.

    Raises
    ------
    BundleError
        A folder, the pages or the table cannot be written.
    """

    def page(student: str) -> bytes:
        return zlib.decompress(pages[student].packed)

    table = plan.table.target if plan.table else Path()
    items = [(name, table.name, r) for name, r in zip(filled.filled, filled.rows, strict=True)]
    items += [(student, file, page(student)) for student, file in sorted(names.items())]
    # Only the newest release under a name is compared: content may change back to an older one.
    known = {(old.name, old.file): old.digest for releases in before.values() for old in releases}
    new = [item for item in items if known.get(item[:2]) != digest_of(item[2])]
    written = []
    with store.writing():
        if new:
            run = store.begin("release", why=plan.why)
            release(store, run, new)
            store.end(run)
        if names:
            # All members of a group have the same page, which is written once.
            unique = {file: student for student, file in names.items()}
            _make_folder(store, plan.out if plan.way == "folder" else plan.out.parent)
            write = write_folder if plan.way == "folder" else write_zip
            write(plan.out, [(student, file) for file, student in unique.items()], page)
            written.append(plan.out)
        if plan.table is not None:
            _make_folder(store, table.parent)
            with refusing(BundleError, table, advice="The existing file is unchanged."):
                write_whole(table, filled.data)
            written.append(table)
    return written


def _make_folder(store: Store, folder: Path) -> None:
    """Make the folder for feedback, and refuse symbolic links in the folder of the class.

    Raises
    ------
    BundleError
        The folder cannot be made, or is such a link.
    """
    with refusing(BundleError, folder, "cannot be made", "Choose another place with --out."):
        make_folder_inside(store.path.parent, folder)


DEFAULTS = {"canvas": "canvas.zip", "moodle": "moodle.zip", "folder": "pages"}
CHANGED = {**DEFAULTS, "canvas": "canvas-changed.zip", "moodle": "moodle-changed.zip"}
"""Default names in the class's folder ``feedback``: for all pages, and for changed pages only.

The names differ so that changed pages do not replace the zip of all pages.
"""


def give_back(
    folder: Path,
    way: Way,
    *,
    out: Path | None = None,
    hints: int | None = None,
    worksheet: Path | None = None,
    gradebook: Path | None = None,
    column: str | None = None,
    in_place: bool = False,
    changed: bool = False,
    why: str = "",
    dry_run: bool = False,
    workers: int = 1,
) -> Given:
    """Write feedback for the students of a class, and store what each student was given.

    Parameters
    ----------
    folder : Path
        Folder of the class.
    way : str
        ``canvas`` or ``moodle`` for a zip for that platform, ``folder`` for a page per student.
    out : Path, optional
        Zip or folder to write. By default a name in the class's folder ``feedback``.
    hints : int, optional
        Hint level of the pages, by default the assignment's.
    worksheet, gradebook : Path, optional
        Table of Moodle or Canvas to fill.
    column : str, optional
        Title or number of the assignment in the gradebook.
    in_place : bool
        Replace the worksheet. By default, the filled table is written to the zip's folder.
    changed : bool
        Leave out pages that students already were given.
    why : str
        Reason, stored with the release.
    dry_run : bool
        Write nothing.
    workers : int
        Processes that share the work.

    Raises
    ------
    GradkitError
        Feedback cannot be written. Nothing was stored, and no existing file is damaged.

    Examples
    --------
    >>> from pathlib import Path
    >>> give_back(Path("results"), "folder").pages
    2
    """
    target = out or folder / "feedback" / (CHANGED if changed else DEFAULTS)[way]
    table = _table(way, target, worksheet, gradebook, column, in_place=in_place)
    with Store(folder, write=not dry_run, make=False) as store:
        if change := changed_policy(store)[2]:
            raise FeedbackError(f"{change}. Run it, and then write feedback.")
        level = hints or read_assignment(settings_of(store).assignment).hints
        plan = Plan(way, target, level, table, workers, why, changed, not dry_run)
        return feedback(store, plan)


def _table(
    way: str,
    target: Path,
    worksheet: Path | None,
    gradebook: Path | None,
    column: str | None,
    *,
    in_place: bool,
) -> Table | None:
    """Return the path and the filling function of the platform's table, None if no table is named.

    ``way`` is the platform, or ``folder``. ``target`` is the zip or folder for the pages; the
    filled table is written beside it, or over the given one with ``in_place``. ``worksheet`` is the
    table of Moodle; ``gradebook`` is that of Canvas, with the heading of the assignment's
    ``column``.

    Raises
    ------
    FeedbackError
        The options cannot be combined, the table cannot be read, or it would be overwritten without
        permission.
    """
    if worksheet is not None and way != "moodle":
        raise FeedbackError("--worksheet is a table of Moodle. Add --format moodle.")
    if gradebook is not None and way != "canvas":
        raise FeedbackError("--gradebook is a table of Canvas. Add --format canvas.")
    if (gradebook is None) != (column is None):
        raise FeedbackError(
            "Give --gradebook and --column together: the gradebook, and one of its columns."
        )
    path = worksheet or gradebook
    if path is None and in_place:
        raise FeedbackError("--in-place needs a table: name it with --worksheet.")
    if path is None:
        return None
    data = read_named(path, FeedbackError)
    written = path if in_place else target.parent / path.name
    if gradebook is not None and written.resolve() == path.resolve():
        raise FeedbackError(
            f"{path} would lose its other columns. The table for Canvas has only the columns of "
            "the students and this one, so that it changes no other grades. Leave out --in-place, "
            "or write elsewhere with --out."
        )
    if not in_place and written.resolve() == path.resolve():
        raise FeedbackError(
            f"{path}: the filled table would overwrite this file. Allow that with --in-place, "
            "or write elsewhere with --out."
        )
    if column is None:
        return Table(written, partial(fill_worksheet, data, path.name))
    return Table(written, partial(fill_gradebook, data, path.name, assignment=column))
