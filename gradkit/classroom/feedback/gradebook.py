"""A gradebook for Canvas, written against the one that was downloaded from it.

It has the students' own columns and the one of the assignment, nothing else: what others have
graded since the download must not be set back when it is uploaded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches

from msgspec import Struct
from msgspec.structs import replace

from gradkit.classroom.feedback import csv_table as csv
from gradkit.classroom.feedback.csv_table import CsvTable, CsvTableError
from gradkit.classroom.feedback.worksheet import claim, other_maximum
from gradkit.records.course import FilledTable, Mark
from gradkit.report.escape import csv_cell
from gradkit.submission.files import shown

KINDS = ("canvas", "sis", "login")
"""Identifiers in the order in which Canvas looks at them."""

INFO: Mapping[str, re.Pattern[str]] = {
    "name": re.compile(r"Student$|LastName$"),
    "first": re.compile(r"FirstName$"),
    "canvas": re.compile(r"ID$"),
    "sis": re.compile(r"SIS\s+User\s+ID$"),
    "login": re.compile(r"SIS\s+Login\s+ID$"),
    "integration": re.compile(r"Integration\s+ID$"),
    "root": re.compile(r"Root\s+Account$"),
    "section": re.compile(r"Section$"),
}
TOTALS = re.compile(r"(?:Current|Final|Override) (?:Score|Points|Grade|Status)")
"""In a heading, makes Canvas pass over the column."""

LIKE = 0.8
"""How much alike a title has to be to one that is there, to be taken for it misspelt."""

POSSIBLE = "    Points Possible"
_READ_ONLY = re.compile(r"read\s+only")
_ID = re.compile(r"(?P<title>.*?)\s*\((?P<id>\d+)\)", re.DOTALL)


class _Layout(Struct, frozen=True):
    """Columns of the downloaded gradebook; ``assignment`` is None where it has no such one."""

    info: Mapping[str, int]
    assignment: int | None
    heading: str
    possible: int | None


def fill_gradebook(data: bytes, name: str, marks: Sequence[Mark], assignment: str) -> FilledTable:
    """Write the scores of those who have a row.

    Parameters
    ----------
    data : bytes
        The gradebook as it was downloaded.
    name : str
        What the file is called, for the messages.
    marks : sequence of Mark
        Where there is no score, a row keeps what it has: blank, ``EX`` or a number. Nobody
        who is excused is given a score.
    assignment : str
        The assignment's number or title in Canvas; a title that is not there makes a new one.

    Returns
    -------
    FilledTable
        With the order of rows, the delimiter, the mark and the line ends of the one given.

    Raises
    ------
    CsvTableError
        It is no gradebook, or the assignment cannot be written.
    """
    sheet = csv.read_table(data, name)
    csv.refuse_ragged(sheet)
    layout = _layout(sheet, assignment)
    students = [
        row
        for row in range(1, len(sheet.rows))
        if row != layout.possible and not _is_about_posting(sheet.rows[row][0])
    ]
    cells = {row: csv.values(sheet, row) for row in students}
    rows = [_known(cells[row], layout.info) for row in students]
    taken, left = claim(marks, rows, KINDS)
    scores = {students[place]: mark for place, mark in taken.items() if mark.score is not None}
    if layout.assignment is not None:
        for row in [row for row in scores if _is_excused(cells[row][layout.assignment])]:
            left.append((scores.pop(row).student, "is excused there (EX), and stays so"))
    most = max((mark.max_score for mark in marks), default=0.0)
    comma = csv.decimal_comma(
        text for row in range(1, len(sheet.rows)) for text in csv.values(sheet, row)
    )
    done = _written(sheet, layout, scores, most, comma=comma)
    # A row of largest scores may have come in above the students.
    more = len(done.rows) - len(sheet.rows)
    return FilledTable(
        csv.write_table(done),
        tuple(mark.student for mark in scores.values()),
        tuple(left),
        tuple(_notes(sheet, layout, (mark.max_score for mark in scores.values()))),
        tuple(csv.line(done, row + more) for row in scores),
    )


def _layout(sheet: CsvTable, assignment: str) -> _Layout:
    header = [text.lstrip("\ufeff") for text in csv.values(sheet, 0)]
    info: dict[str, int] = {}
    for place, text in enumerate(header):
        kind = next((kind for kind, form in INFO.items() if form.match(text.strip())), None)
        if kind is None:
            break
        info.setdefault(kind, place)
    if not {"name", "canvas", "section"} <= info.keys():
        there = ", ".join(f"“{shown(text)}”" for text in header[:8])
        raise CsvTableError(
            f"{shown(sheet.name)} is no gradebook of Canvas: its columns begin {there}. Expected "
            "are Student, ID, … Section. Download it with “Export Entire Gradebook”."
        )
    after = max(info.values()) + 1
    wanted = assignment.strip()
    places = [
        place
        for place in range(after, len(header))
        if wanted and wanted in (header[place].strip(), *_named(header[place])[1:])
    ] or [place for place in range(after, len(header)) if _named(header[place])[0] == wanted]
    if len(places) > 1:
        there = ", ".join(f"“{shown(header[place])}”" for place in places)
        raise CsvTableError(
            f"{shown(sheet.name)}: “{shown(wanted)}” is the title of {len(places)} assignments, "
            f"{there}. Name it by the number in brackets."
        )
    firsts = [csv.value_of(cells[0]) for cells, _ in sheet.rows]
    possible = next((r for r, text in enumerate(firsts) if r and "Points Possible" in text), None)
    own = places[0] if places else None
    if own is None:
        _refuse_title(sheet, wanted, header[after:])
    elif possible is not None and _READ_ONLY.search(csv.values(sheet, possible)[own]):
        raise CsvTableError(
            f"{shown(sheet.name)}: “{shown(header[own])}” is read only, and Canvas would pass "
            "over it. Name the assignment's own column."
        )
    heading = sheet.rows[0][0][own] if own is not None else csv_cell(wanted)
    return _Layout(info, own, heading, possible)


def _refuse_title(sheet: CsvTable, title: str, known: Sequence[str]) -> None:
    if title.isdecimal() or not title:
        raise CsvTableError(
            f"{shown(sheet.name)} has no assignment with the number “{shown(title)}”. Expected is "
            "a number that stands in brackets in its header, or a title."
        )
    if TOTALS.search(title):
        raise CsvTableError(
            f"“{shown(title)}” cannot be the title of a new assignment: Canvas passes over columns "
            "that are called like its totals. Choose another."
        )
    near = get_close_matches(title, [_named(text)[0] for text in known], n=1, cutoff=LIKE)
    if near:
        raise CsvTableError(
            f"{shown(sheet.name)} has no assignment “{shown(title)}”. Did you mean “{near[0]}”? "
            "Nothing was written."
        )


def _named(text: str) -> tuple[str, ...]:
    """Divide a heading into the assignment's title and number, in brackets too, if it has one."""
    found = _ID.fullmatch(text.strip())
    return (found["title"], found["id"], f"({found['id']})") if found else (text.strip(),)


def _is_excused(cell: str) -> bool:
    return cell.strip().casefold() == "ex"


def _is_about_posting(cells: Sequence[str]) -> bool:
    """Canvas has a row that says which assignments are muted or posted by hand."""
    return csv.is_blank(cells) or all(
        re.fullmatch(r'\s*"?(?:Muted|Manual Posting.*)?"?\s*', raw, re.IGNORECASE) for raw in cells
    )


def _known(cells: Sequence[str], info: Mapping[str, int]) -> tuple[dict[str, str], list[str]]:
    ids = {kind: cells[info[kind]] for kind in KINDS if kind in info}
    name = cells[info["name"]].strip()
    if "first" in info:
        return ids, [f"{cells[info['first']].strip()} {name}"]
    return ids, [name]


def _written(
    sheet: CsvTable, layout: _Layout, scores: Mapping[int, Mark], most: float, *, comma: bool
) -> CsvTable:
    """The students' columns as they are, and the assignment's with the scores in it."""
    own, new = sorted(layout.info.values()), layout.assignment is None

    def cell(score: float) -> str:
        return csv.cell_of(csv.points(score, comma), sheet.delimiter)

    rows = []
    for row, (cells, end) in enumerate(sheet.rows):
        if csv.is_blank(cells) and len(cells) < len(sheet.rows[0][0]):
            rows.append((cells, end))
            continue
        mark = scores.get(row)
        kept = "" if layout.assignment is None else cells[layout.assignment]
        if row == 0 and new:
            kept = csv.cell_of(layout.heading, sheet.delimiter)
        elif row == layout.possible and new:
            kept = cell(most)
        elif mark is not None and mark.score is not None:
            kept = cell(mark.score)
        rows.append(((*(cells[place] for place in own), kept), end))
        if row == 0 and new and layout.possible is None:
            rows.append(((POSSIBLE, *[""] * (len(own) - 1), cell(most)), end))
    return replace(sheet, rows=tuple(rows))


def _notes(sheet: CsvTable, layout: _Layout, own: Iterable[float]) -> list[str]:
    if layout.assignment is None:
        return [
            f"There is no assignment “{shown(layout.heading)}” in {shown(sheet.name)}: Canvas will "
            "offer to make a new one."
        ]
    if layout.possible is None:
        return []
    there = csv.number_of(csv.values(sheet, layout.possible)[layout.assignment])
    return other_maximum("Canvas", [there], own)
