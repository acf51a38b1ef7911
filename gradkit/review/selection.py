"""Filter and sort the students of a class, as the address of a page says."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from urllib.parse import urlencode

from msgspec import Struct

from gradkit.classroom.reports.summary import KINDS
from gradkit.records.classroom import Kind, Row
from gradkit.text import name_key


class Selection(Struct, frozen=True):
    """The filters and the order of the students on the page of the class.

    ``show`` is a key of `FILTERS`, ``sort`` one of `SORTS`. ``mistake`` is a code, or empty.
    ``search`` is a part of a name, or empty.
    """

    show: str = "all"
    mistake: str = ""
    search: str = ""
    sort: str = "name"


Names = Callable[[], Container[str]]
"""Function that returns the students with similar code. Filters that need none do not call it,
since comparing a large class takes seconds."""


def _nobody() -> Container[str]:
    """Return no names: the default of `Names`."""
    return ()


def _by_row(condition: Callable[[Row], bool]) -> Callable[[Row, Names], bool]:
    """Return a filter that depends on the row of a student alone."""
    return lambda row, similar: condition(row)


def _has(*kinds: Kind) -> Callable[[Row, Names], bool]:
    """Return a filter for students with one of some reasons for a review."""
    return _by_row(lambda row: any(reason.kind in kinds for reason in row.review))


def _is_open(row: Row) -> bool:
    """Return True if a person has not yet reviewed what a student submitted."""
    return bool(row.handed.attempts) and not row.reviewed_by


def _has_zero(row: Row) -> bool:
    """Return True if a task of a student earns no points."""
    return any(not points for _, points in row.tasks.values())


def _is_late(row: Row) -> bool:
    """Return True if a submission was late, or if it is unknown whether it was."""
    return row.handed.late or any(reason.kind == "late" for reason in row.review)


def _is_changed(row: Row) -> bool:
    """Return True if a person has written a comment, or set points."""
    has_decision = any(line.decision is not None for line in row.adjustments)
    return bool(row.comments or row.overridden or has_decision)


FILTERS: Mapping[str, tuple[str, Callable[[Row, Names], bool]]] = {
    "all": ("all students", _by_row(lambda row: True)),
    "open": ("not yet reviewed", _by_row(_is_open)),
    "review": ("to review", _by_row(lambda row: bool(row.review))),
    "held": ("marks held", _has("held")),
    "zero": ("no points for a task", _by_row(_has_zero)),
    "unexplained": ("unexplained failure", _has("unexplained", "untraced")),
    "similar": ("similar code", lambda row, similar: row.name in similar()),
    "late": ("late, or lateness unknown", _by_row(_is_late)),
    "ungraded": ("not graded", _by_row(lambda row: row.score is None)),
    "changed": ("points set or comments", _by_row(_is_changed)),
}
"""Filters by their names in an address: the words for a grader, and the condition."""


def _urgency(row: Row) -> tuple[object, ...]:
    """Return a key that sorts the most urgent students first."""
    return (KINDS.index(row.review[0].kind) if row.review else len(KINDS), name_key(row.name))


SORTS: Mapping[str, tuple[str, Callable[[Row], tuple[object, ...]]]] = {
    "name": ("name", lambda row: name_key(row.name)),
    "urgency": ("urgency", _urgency),
    "score": (
        "points, lowest first",
        lambda row: (-1.0 if row.score is None else row.score, name_key(row.name)),
    ),
    "time": ("time of submission", lambda row: (row.handed.at, name_key(row.name))),
}
"""Orders by their names in an address: the words for a grader, and the key."""


def read_selection(parameters: Mapping[str, str]) -> Selection:
    """Return the filters and the order of students that the parameters of an address describe.

    ``parameters`` may have ``show``, ``mistake``, ``search`` and ``sort``, as in `Selection`. For
    an unknown filter or order the default is used.
    """
    show, sort = parameters.get("show", ""), parameters.get("sort", "")
    return Selection(
        show if show in FILTERS else "all",
        parameters.get("mistake", ""),
        parameters.get("search", ""),
        sort if sort in SORTS else "name",
    )


def query(selection: Selection, **more: str) -> str:
    """Return a selection as the query text of an address; filters with default values are left out.

    ``more`` are further parameters of the address.

    Examples
    --------
    >>> query(Selection(show="held"), name="Ann Lee")
    'name=Ann+Lee&show=held'
    """
    default = Selection()
    own = {
        key: getattr(selection, key)
        for key in Selection.__struct_fields__
        if getattr(selection, key) != getattr(default, key)
    }
    return urlencode({**more, **own}, errors="surrogatepass")


def fits(row: Row, selection: Selection, similar: Names = _nobody) -> bool:
    """Return True if a student passes all filters of a selection.

    ``similar`` returns the names of students with similar code, and is called only by that filter.
    """
    _, condition = FILTERS[selection.show]
    return (
        condition(row, similar)
        and (not selection.mistake or selection.mistake in row.mistakes)
        and selection.search.strip().casefold() in row.name.casefold()
    )


def ordered(rows: Sequence[Row], selection: Selection) -> list[Row]:
    """Return all students in the order of a selection."""
    _, key = SORTS[selection.sort]
    return sorted(rows, key=key)


class Neighbours(Struct, frozen=True):
    """The students before and after a student in a selection, empty at its ends.

    The student is the ``position``-th of ``count``; the position is 0 if the student does not pass
    the filters any more, for example after the review.
    """

    before: str
    after: str
    position: int
    count: int


def neighbours(
    rows: Sequence[Row], selection: Selection, name: str, similar: Names = _nobody
) -> Neighbours:
    """Return the students before and after the student ``name`` in a filtered and sorted class.

    ``rows`` are all students. ``similar`` returns the names of students with similar code, and is
    called only by that filter.
    """
    names = [row.name for row in ordered(rows, selection)]
    chosen = {row.name for row in rows if fits(row, selection, similar)}
    at = names.index(name)
    before = [other for other in names[:at] if other in chosen]
    after = [other for other in names[at + 1 :] if other in chosen]
    position = len(before) + 1 if name in chosen else 0
    return Neighbours(
        before[-1] if before else "", after[0] if after else "", position, len(chosen)
    )
