"""The way back to the platform: pages, grades and comments, and a note of what was given to whom.

Files take their places, each at once and whole, within the transaction that notes them and just
before its end. So nothing is ever noted that was not written. Whoever is killed in between has
written files that are not noted: they are the same when the command is started again, which
notes them. What a student has been given already is not noted again.
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
from gradkit.classroom.feedback.pages import Page, drafts, made
from gradkit.classroom.feedback.platforms import fill_gradebook, fill_worksheet
from gradkit.classroom.policy import counting_attempts, rule_of
from gradkit.classroom.reports.summary import NOT_YET
from gradkit.classroom.store.counted import changed_policy
from gradkit.classroom.store.results import Store, digest_of, given, release, settings_of
from gradkit.errors import GradkitError
from gradkit.records.classroom import Release
from gradkit.records.course import PLATFORMS, FilledTable, Mark, Source
from gradkit.records.reports import Given, Left
from gradkit.report.table import brief, first_names
from gradkit.task.assignment import read_assignment
from gradkit.writing import make_folder_inside, read_named, refusing, write_whole

NOTHING_FILLED = FilledTable(b"", (), (), ())

PAGE, GRADE = "page", "grade"
"""What a student may be left without."""


class FeedbackError(GradkitError):
    """There is nothing that could be given back; the text says why."""


class Table(Struct, frozen=True):
    """A platform's table: where it goes, and how it is filled."""

    target: Path
    fill: Callable[[Sequence[Mark]], FilledTable]


class Plan(Struct, frozen=True):
    """How feedback goes back.

    ``out`` is the archive, or the folder where ``way`` is one. ``changed`` leaves out pages that
    their students have been given already. Without ``write`` nothing is written and nothing
    noted.
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
    """Write the pages and the table of a class, and note what is new in them.

    Parameters
    ----------
    store : Store
        Open for writing, where anything is to be written.
    plan : Plan

    Returns
    -------
    Given
        Students without a submission are not written about: their row stays as it is.

    Raises
    ------
    FeedbackError
        Nothing is graded, or nobody's submission came from that platform.
    BundleError, CsvTableError, StoreError
        A file cannot be written, the table cannot be filled, or the class file not written.
        Of files, those that were there are whole.
    """
    roster, found, before = store.enrolled(), counting_attempts(store), given(store)
    known = addresses(store, roster)
    graded = drafts(store, found, before)
    if not graded:
        raise FeedbackError(f"{store.path}: nobody has a result that could be given back.")
    grades = plan.table is not None
    pages = {page.name: page for page in made(graded, plan.hints, plan.workers, comments=grades)}
    names, left, notes = _names(plan, [known[name] for name in pages], pages)
    nothing = {one.kept.name for one in found if one.kept.standing == "absent"}
    left = [each for each in left if each.student not in nothing]
    nothing -= pages.keys()
    filled = NOTHING_FILLED
    if plan.table is not None:
        filled = plan.table.fill([_mark(known[name], page) for name, page in pages.items()])
    elif not names:
        raise FeedbackError(
            f"Nobody's submission in {store.path} was downloaded from {_of(plan)}, which "
            "finds whose a page is by the name in its own download. Write the pages with --format "
            "folder."
        )
    if plan.changed:
        names = {name: file for name, file in names.items() if pages[name].new}
        if not names:
            notes.append("No page is new or changed, so none is written.")
            if plan.out.exists():
                notes.append(f"{plan.out} is that of the last time: do not upload it again.")
    written = _write(store, plan, names, pages, filled, before) if plan.write else []
    left += [Left(name, GRADE, why) for name, why in filled.left if pages[name].score is not None]
    elsewhere = _elsewhere(plan, known)
    everything = f"{PAGE}, {GRADE}" if grades else PAGE
    told = {one.kept.name: brief(one.kept.told) for one in found}
    ungraded = {name: why for name, why in told.items() if name not in {*pages, *nothing}}
    ungraded |= {name: NOT_YET for name in store.awaited() if name not in told}
    without = [name for name, page in pages.items() if page.score is None]
    if grades:
        left += [Left(name, GRADE, told[name]) for name in without]
    elif reasons := [name for name in without if name in names]:
        students = "".join(first_names(reasons, 6))
        notes.append(f"Pages that give the reason why there is no grade: {students}.")
    rule = f"no attempt of theirs counts by the rule {rule_of(store)}"
    uncounted = dict.fromkeys(sorted(known.keys() - {*ungraded, *pages, *nothing}), rule)
    return Given(
        pages=len(names),
        new=sum(pages[name].new for name in names),
        filled=len(filled.filled),
        written=tuple(map(str, written)),
        left=(
            *(Left(name, everything, why) for name, why in {**ungraded, **uncounted}.items()),
            *(each for each in left if each.student not in elsewhere),
        ),
        absent=tuple(name for name in roster if name not in {*known, *ungraded} - nothing),
        notes=(*notes, *filled.notes, *_told_elsewhere(elsewhere, {*names, *filled.filled})),
    )


def _elsewhere(plan: Plan, known: Mapping[str, Address]) -> dict[str, Source]:
    """Students whose submissions all came by another platform, and by which."""
    if plan.way == "folder":
        return {}
    return {
        name: address.senders[0].source
        for name, address in known.items()
        if not {each.source for each in address.senders} & {plan.way, "plain"}
    }


def _told_elsewhere(elsewhere: Mapping[str, Source], given: Container[str]) -> Iterator[str]:
    """Count those who get nothing here since they handed in by another platform."""
    count = Counter(PLATFORMS[source] for name, source in elsewhere.items() if name not in given)
    if count:
        by = ", ".join(f"{number} by {name}" for name, number in sorted(count.items()))
        yield (
            f"{count.total()} handed in elsewhere ({by}) and are not in this: give them theirs "
            "there, or with --format folder."
        )


def _mark(address: Address, page: Page) -> Mark:
    return Mark(address.name, ids_of(address), page.score, page.max_score, page.comment)


def _names(
    plan: Plan, found: Sequence[Address], pages: Mapping[str, Page]
) -> tuple[dict[str, str], list[Left], list[str]]:
    """Name the students' files; say who has none, and what else has to be known."""
    names, without = names_of(plan.way, found)
    if without and not names:
        # The same of everybody needs to be said once.
        told = f"No pages are written: nobody's submission was downloaded from {_of(plan)}."
        return {}, [], [told]
    left = [Left(student, PAGE, why) for student, why in without]
    notes: list[str] = []
    for students in shared(names).values():
        if len({pages[student].digest for student in students}) > 1:
            why = f"the pages of {', '.join(students)} differ, and {_of(plan)} has one file for all"
            why += ": write them with --format folder"
            left += [Left(student, PAGE, why) for student in students]
            for student in students:
                del names[student]
        else:
            notes = [
                f"What a group handed in comes back under one name: {_of(plan)} gives it to "
                "everybody in a group that it knows itself."
            ]
    return names, left, notes


def _of(plan: Plan) -> str:
    return "there" if plan.way == "folder" else PLATFORMS[plan.way]


def _write(
    store: Store,
    plan: Plan,
    names: Mapping[str, str],
    pages: Mapping[str, Page],
    filled: FilledTable,
    before: Mapping[str, Sequence[Release]],
) -> list[Path]:
    """Write the files and note what is new in them, in the order that the module tells."""

    def page(student: str) -> bytes:
        return zlib.decompress(pages[student].packed)

    table = plan.table.target if plan.table else Path()
    told = [(name, table.name, r) for name, r in zip(filled.filled, filled.rows, strict=True)]
    told += [(student, file, page(student)) for student, file in sorted(names.items())]
    # Of what was given under one name the newest counts: an older one may have come back.
    known = {(each.name, each.file): each.digest for all_ in before.values() for each in all_}
    new = [each for each in told if known.get(each[:2]) != digest_of(each[2])]
    written = []
    with store.writing():
        if new:
            run = store.begin("release", why=plan.why)
            release(store, run, new)
            store.end(run)
        if names:
            # Who is in a group has the same page as the others of it.
            once = {file: student for student, file in names.items()}
            _make_folder(store, plan.out if plan.way == "folder" else plan.out.parent)
            write = write_folder if plan.way == "folder" else write_zip
            write(plan.out, [(student, file) for file, student in once.items()], page)
            written.append(plan.out)
        if plan.table is not None:
            _make_folder(store, table.parent)
            with refusing(BundleError, table, advice="What was there before is as it was."):
                write_whole(table, filled.data)
            written.append(table)
    return written


def _make_folder(store: Store, folder: Path) -> None:
    """Make the folder that feedback is written into; links in the folder of the class are refused.

    Raises
    ------
    BundleError
        It cannot be made, or is such a link.
    """
    with refusing(BundleError, folder, "cannot be made", "Choose another place with --out."):
        make_folder_inside(store.path.parent, folder)


DEFAULTS = {"canvas": "canvas.zip", "moodle": "moodle.zip", "folder": "pages"}
CHANGED = {**DEFAULTS, "canvas": "canvas-changed.zip", "moodle": "moodle-changed.zip"}
"""What is written into ``feedback`` in the folder of a class; a zip of all pages stays whole."""


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
    """Write what goes back to the students of a class, and note what each was given.

    Parameters
    ----------
    folder : Path
        Folder of the class.
    way : str
        ``canvas`` or ``moodle``, a zip for that platform; ``folder``, a page for each student.
    out : Path, optional
        The zip or folder to write. By default one in ``feedback`` in that folder.
    hints : int, optional
        Another hint level than the assignment's.
    worksheet, gradebook : Path, optional
        Table of Moodle's or Canvas' that is to be filled.
    column : str, optional
        The assignment in the gradebook, by title or number.
    in_place : bool
        Replace the worksheet. By default the filled table is written beside the zip.
    changed : bool
        Leave out pages that their students have been given already.
    why : str
        Kept with the release.
    dry_run : bool
        Write nothing.
    workers : int
        Processes that share the work.

    Raises
    ------
    GradkitError
        Nothing was noted; files that were there are whole.

    Examples
    --------
    >>> from pathlib import Path
    >>> give_back(Path("results"), "folder").pages
    2
    """
    target = out or folder / "feedback" / (CHANGED if changed else DEFAULTS)[way]
    table = _table(way, target, worksheet, gradebook, column, in_place=in_place)
    with Store(folder, write=not dry_run, make=False) as store:
        if said := changed_policy(store)[2]:
            raise FeedbackError(f"{said}. Write feedback then.")
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
    """The platform's table that is to be filled, where one is named.

    Raises
    ------
    FeedbackError
        The options do not go together, or it cannot be read.
    """
    if worksheet is not None and way != "moodle":
        raise FeedbackError("--worksheet is a table of Moodle's: it goes with --format moodle.")
    if gradebook is not None and way != "canvas":
        raise FeedbackError("--gradebook is a table of Canvas': it goes with --format canvas.")
    if (gradebook is None) != (column is None):
        raise FeedbackError(
            "--gradebook and --column go together: the table, and the column in it."
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
            f"{path}: its other columns would be lost. What goes to Canvas has the students' "
            "columns and this one alone, so that it sets back nothing that others have graded. "
            "Write elsewhere: without --in-place, or with --out."
        )
    if not in_place and written.resolve() == path.resolve():
        raise FeedbackError(
            f"{path}: the filled table would take its place. Say so with --in-place, or write "
            "elsewhere with --out."
        )
    if column is None:
        return Table(written, partial(fill_worksheet, data, path.name))
    return Table(written, partial(fill_gradebook, data, path.name, assignment=column))
