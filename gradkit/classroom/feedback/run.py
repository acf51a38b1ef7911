"""Give a class back, as `gradkit feedback` does: from options to a plan that is carried out."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from gradkit.classroom.feedback import give
from gradkit.classroom.feedback.address import Way
from gradkit.classroom.feedback.give import FeedbackError, Plan, Table
from gradkit.classroom.feedback.gradebook import fill_gradebook
from gradkit.classroom.feedback.worksheet import fill_worksheet
from gradkit.classroom.remark import settings_of
from gradkit.classroom.store.results import Store
from gradkit.records.reports import Given
from gradkit.task.assignment import read_assignment

DEFAULTS = {"canvas": "canvas.zip", "moodle": "moodle.zip", "folder": "pages"}
"""What is written into ``feedback`` in the folder of a class."""


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
        Replace that table. By default the filled one is written beside the zip.
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
    target = out or folder / "feedback" / DEFAULTS[way]
    table = _table(way, target, worksheet, gradebook, column, in_place=in_place)
    with Store(folder, write=not dry_run, make=False) as store:
        level = hints or read_assignment(settings_of(store).assignment).hints
        plan = Plan(way, target, level, table, workers, why, changed, not dry_run)
        return give.feedback(store, plan)


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
    if path is None:
        if in_place:
            raise FeedbackError(
                "--in-place needs a table: name it with --worksheet or --gradebook."
            )
        return None
    try:
        data = path.read_bytes()
    except OSError as error:
        raise FeedbackError(
            f"{path}: cannot be opened ({error.strerror}). Check the path and the permissions."
        ) from None
    written = path if in_place else target.parent / path.name
    if not in_place and written.resolve() == path.resolve():
        raise FeedbackError(
            f"{path}: the filled table would take its place. Say so with --in-place, or write "
            "elsewhere with --out."
        )
    if gradebook is None:
        return Table(written, partial(fill_worksheet, data, path.name))
    return Table(written, partial(fill_gradebook, data, path.name, assignment=column or ""))
