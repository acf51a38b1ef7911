"""Fill grades into a Moodle grading worksheet or a Canvas gradebook.

Moodle recognises columns by headings in the uploader's language, and silently ignores anything
that it does not recognise. So only two cells of a row are changed. The table for Canvas has only
the students' own columns and the assignment's column, so that an upload does not reset grades
that were given in other assignments after the download.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches

from msgspec import Struct
from msgspec.structs import replace

from gradkit.classroom.course.find_student import index, who
from gradkit.classroom.course.roster import COLUMNS
from gradkit.classroom.feedback import csv_table as csv
from gradkit.classroom.feedback.csv_table import CsvTable, CsvTableError
from gradkit.records.course import FilledTable, Mark
from gradkit.report.data import csv_cell
from gradkit.submission.files import shown
from gradkit.text import clean_text

HEADINGS: Mapping[str, tuple[str, ...]] = {
    "identifier": ("Identifier", "ID", "Identifiant", "Identificador"),
    "grade": ("Grade", "Bewertung", "Note", "Calificación"),
    "modified": (
        *("Last modified (grade)", "Zuletzt geändert (Bewertung)"),
        *("Dernière modification (note)", "Última modificación (calificación)"),
    ),
    "maximum": ("Maximum Grade", "Bestwertung", "Note maximale", "Calificación máxima"),
    "feedback": (
        *("Feedback comments", "Feedback als Kommentar"),
        *("Feedback par commentaires", "Comentarios de retroalimentación"),
    ),
    "scale": ("Scale", "Skala", "Barème", "Escala"),
    **{kind: COLUMNS[kind] for kind in ("name", "email", "sis")},
}
"""Headings of Moodle's columns in English, German, French and Spanish."""

REQUIRED = ("identifier", "grade", "modified")
"""Columns without which Moodle refuses the whole worksheet."""

PARTICIPANT_IDS = ("moodle", "email", "sis")
"""Kinds of identifiers in a worksheet, the most reliable first."""

FEEDBACK_BYTES = 60_000
"""Largest number of bytes of a comment."""

NO_COMMENTS = (
    "It has no column for comments. To send comments too, switch on “Feedback comments” in the "
    "assignment's settings and download it again."
)


def fill_worksheet(data: bytes, name: str, marks: Sequence[Mark]) -> FilledTable:
    """Fill grades and comments into a Moodle worksheet, for students who have a row.

    Parameters
    ----------
    data : bytes
        Worksheet as downloaded.
    name : str
        Name of the file, for the messages.
    marks : sequence of Mark
        An empty comment leaves the existing comment unchanged.

    Returns
    -------
    FilledTable
        All cells that are not filled are byte for byte the same.

    Raises
    ------
    CsvTableError
        The table is not a Moodle worksheet, or expects words of a scale instead of points.
    """
    sheet = csv.read_table(data, name)
    at = _columns(sheet)
    csv.refuse_ragged(sheet)
    cells = csv.filled(sheet)
    comma = csv.decimal_comma(
        row[at[kind]] for row in cells.values() for kind in ("grade", "maximum") if kind in at
    )
    rows = {number: _participant(row, at) for number, row in cells.items()}
    taken, left = claim(marks, rows, PARTICIPANT_IDS)
    changes: dict[tuple[int, int], str] = {}
    notes: list[str] = []
    if sheet.delimiter != ",":
        sign = {";": "semicolons", "\t": "tabs"}[sheet.delimiter]
        notes.append(
            f"Its cells are separated by {sign}, not by commas as Moodle writes them: choose that "
            "separator when you upload it."
        )
    for row, mark in taken.items():
        if mark.score is not None:
            changes[row, at["grade"]] = csv.points(mark.score, comma)
        if mark.feedback and "feedback" in at:
            changes[row, at["feedback"]] = as_html(mark.feedback)
        elif mark.feedback:
            notes.append(NO_COMMENTS)
    graded = {row: mark for row, mark in taken.items() if mark.score is not None}
    if "maximum" in at:
        maxima = [csv.number_of(cells[row][at["maximum"]]) for row in graded]
        notes += other_maximum("Moodle", maxima, (mark.max_score for mark in graded.values()))
    filled = csv.put(sheet, changes)
    names = tuple(mark.student for mark in taken.values())
    written = tuple(csv.line(filled, row) for row in taken)
    return FilledTable(
        csv.write_table(filled), names, tuple(left), tuple(dict.fromkeys(notes)), written
    )


def as_html(text: str) -> str:
    """Convert plain text to the HTML of a Moodle comment, with all characters escaped.

    ``pre`` aligns columns of text. Moodle's CSV reader takes a backslash before a quotation mark
    for an escape, so both characters are replaced.
    """
    escaped = html.escape(clean_text(text, FEEDBACK_BYTES)).replace("\\", "&#92;")
    escaped = "<br />".join(escaped.strip().split("\n")).replace("\t", " ")
    return f"<pre style='white-space: pre-wrap'>{escaped}</pre>"


def claim(
    marks: Sequence[Mark],
    rows: Mapping[int, tuple[Mapping[str, str], Sequence[str]]],
    kinds: Sequence[str],
) -> tuple[dict[int, Mark], list[tuple[str, str]]]:
    """Match marks with the rows of a table.

    Return the marks by row number, and the students without a row of their own with the reason: no
    row or several match, or the row also matches other students.

    Parameters
    ----------
    marks : sequence of Mark
    rows : mapping
        Identifiers and names of each row by row number.
    kinds : sequence of str
        Kinds of identifiers in the table, in the order in which the platform uses them.
    """
    known, numbers = index(rows.values()), list(rows)
    wanted: dict[int, list[Mark]] = {}
    left: list[tuple[str, str]] = []
    for mark in marks:
        found = who(mark.ids, mark.student, kinds, known)
        if len(found) == 1:
            wanted.setdefault(numbers[next(iter(found))], []).append(mark)
        else:
            reason = f"matches {len(found)} rows" if found else "has no row"
            left.append((mark.student, reason))
    for row in [row for row, several in wanted.items() if len(several) > 1]:
        left += [
            (mark.student, "matches the same row as another student") for mark in wanted.pop(row)
        ]
    return {row: marks[0] for row, marks in wanted.items()}, left


def _columns(sheet: CsvTable) -> dict[str, int]:
    """Return the columns of a Moodle worksheet by kind.

    Raises
    ------
    CsvTableError
        A required column is missing, or the worksheet expects words of a scale.
    """
    header = csv.values(sheet, 0)
    found = csv.columns_of(header, HEADINGS)
    missing = [kind for kind in REQUIRED if kind not in found]
    if missing:
        there = ", ".join(f"“{shown(text)}”" for text in header[:16])
        wanted = ", ".join(f"“{HEADINGS[kind][0]}”" for kind in missing)
        raise CsvTableError(
            f"{shown(sheet.name)} is not a grading worksheet of Moodle that can be filled: no "
            f"column {wanted} among {there}. Download it with “Download grading worksheet”; if "
            "Moodle speaks a language that is not known here, set it to English first."
        )
    if "scale" in found and "maximum" not in found:
        raise CsvTableError(
            f"{shown(sheet.name)} has a scale of words, not points. Set the assignment's "
            "grade to “Point” in Moodle and download the worksheet again."
        )
    return found


def _participant(cells: Sequence[str], at: Mapping[str, int]) -> tuple[dict[str, str], list[str]]:
    """Return the identifiers by kind and the names in a row of a Moodle worksheet.

    ``at`` has the number of each kind's column.
    """
    ids = {kind: cells[at[kind]] for kind in ("email", "sis") if kind in at}
    # The cell has the form “Participant 123”, with the word in any language.
    if number := re.search(r"\d+$", cells[at["identifier"]].strip()):
        ids["moodle"] = number[0]
    return ids, [cells[at["name"]]] if "name" in at else []


def other_maximum(platform: str, there: Iterable[float | None], own: Iterable[float]) -> list[str]:
    """Return a note if the platform's maxima (``there``) differ from gradkit's (``own``).

    Maxima are largest possible scores. The list has at most one note. It is empty if either maxima
    are not known.
    """
    expected = sorted({most for most in there if most is not None})
    found = sorted(set(own))
    if not expected or not found or expected == found:
        return []
    wanted, made = (" or ".join(f"{most:g}" for most in maxima) for maxima in (expected, found))
    return [
        f"{platform} has {wanted} points for the assignment, and gradkit's maximum is {made}. "
        "Scores are written as they are. To scale them, write `[scale]` and `to = "
        f"{expected[-1]:g}` into policy.toml in the folder of the class, and run `gradkit remark`."
    ]


USER_IDS = ("canvas", "sis", "login")
"""Kinds of identifiers, in the order in which Canvas uses them."""

INFO: Mapping[str, str] = {
    **{"Student": "name", "LastName": "name", "FirstName": "first", "ID": "canvas"},
    **{"SIS User ID": "sis", "SIS Login ID": "login", "Integration ID": "integration"},
    **{"Root Account": "root", "Section": "section"},
}
"""Kinds of the columns at the left of a Canvas gradebook, by heading."""

TOTALS = re.compile(r"(?:Current|Final|Override) (?:Score|Points|Grade|Status)")
"""Canvas ignores a column whose heading contains this."""

LIKE = 0.8
"""Smallest similarity to an existing title at which a title is taken for a misspelling."""

POSSIBLE = "    Points Possible"
"""First cell of the gradebook's row of largest scores."""

_READ_ONLY = re.compile(r"read\s+only")
_ID = re.compile(r"(?P<title>.*?)\s*\((?P<id>\d+)\)", re.DOTALL)


class _Layout(Struct, frozen=True):
    """The columns of a gradebook, and its row of largest scores (``possible``).

    ``info`` are the students' columns by kind. ``assignment`` is the assignment's column, None
    for a new assignment, and ``heading`` its heading.
    """

    info: Mapping[str, int]
    assignment: int | None
    heading: str
    possible: int | None


def fill_gradebook(data: bytes, name: str, marks: Sequence[Mark], assignment: str) -> FilledTable:
    """Fill scores into a Canvas gradebook, for students who have a row.

    Parameters
    ----------
    data : bytes
        Gradebook as downloaded.
    name : str
        Name of the file, for the messages.
    marks : sequence of Mark
        Without a score, a row's cell is unchanged: blank, ``EX`` or a number. Excused students
        (``EX``) get no score.
    assignment : str
        Number or title of the assignment in Canvas. An unknown title makes a new assignment.

    Returns
    -------
    FilledTable
        Only the students' columns and the assignment's. Order of rows, delimiter, byte-order
        mark and line ends are those of the given table.

    Raises
    ------
    CsvTableError
        The table is not a Canvas gradebook, or the assignment cannot be written.
    """
    sheet = csv.read_table(data, name)
    csv.refuse_ragged(sheet)
    layout = _layout(sheet, assignment)
    cells = {
        row: csv.values(sheet, row)
        for row in range(1, len(sheet.rows))
        if row != layout.possible and not _is_about_posting(sheet.rows[row][0])
    }
    rows = {number: _user(row, layout.info) for number, row in cells.items()}
    taken, left = claim(marks, rows, USER_IDS)
    scores = {row: mark for row, mark in taken.items() if mark.score is not None}
    if layout.assignment is not None:
        for row in [row for row in scores if _is_excused(cells[row][layout.assignment])]:
            left.append((scores.pop(row).student, "is excused there (EX), and stays excused"))
    most = max((mark.max_score for mark in marks), default=0.0)
    comma = csv.decimal_comma(
        text for row in range(1, len(sheet.rows)) for text in csv.values(sheet, row)
    )
    filled = _fill(sheet, layout, scores, most, comma=comma)
    # If a row of largest scores was added above the students, their rows have moved down.
    added = len(filled.rows) - len(sheet.rows)
    return FilledTable(
        csv.write_table(filled),
        tuple(mark.student for mark in scores.values()),
        tuple(left),
        tuple(_notes(sheet, layout, (mark.max_score for mark in scores.values()))),
        tuple(csv.line(filled, row + added) for row in scores),
    )


def _layout(sheet: CsvTable, assignment: str) -> _Layout:
    """Find the columns of a gradebook and the assignment's column.

    ``sheet`` is the gradebook of Canvas, and ``assignment`` the title, the heading or the number of
    the assignment. If no column has it, the result is for a new assignment of this title.

    Raises
    ------
    CsvTableError
        The table is not a Canvas gradebook, or the assignment is ambiguous or cannot be written.
    """
    header = [text.lstrip("\ufeff") for text in csv.values(sheet, 0)]
    info: dict[str, int] = {}
    for place, text in enumerate(header):
        kind = INFO.get(" ".join(text.split()))
        if kind is None:
            break
        info.setdefault(kind, place)
    if not {"name", "canvas", "section"} <= info.keys():
        there = ", ".join(f"“{shown(text)}”" for text in header[:8])
        raise CsvTableError(
            f"{shown(sheet.name)} is not a gradebook of Canvas: its columns begin {there}. "
            "Expected Student, ID, … Section. Download it with “Export Entire Gradebook”."
        )
    after = max(info.values()) + 1
    wanted = assignment.strip()
    places = [
        place
        for place in range(after, len(header))
        if wanted and wanted in (header[place].strip(), *_split_heading(header[place])[1:])
    ]
    places = places or [
        place for place in range(after, len(header)) if _split_heading(header[place])[0] == wanted
    ]
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
            f"{shown(sheet.name)}: “{shown(header[own])}” is read only, so Canvas would ignore "
            "it. Name the assignment's own column."
        )
    heading = sheet.rows[0][0][own] if own is not None else csv_cell(wanted)
    return _Layout(info, own, heading, possible)


def _refuse_title(sheet: CsvTable, title: str, known: Sequence[str]) -> None:
    """Raise CsvTableError if a title cannot be a new assignment's.

    It is empty or a number, contains the name of one of Canvas' totals, or is so similar to a
    heading in ``known`` that it may be misspelled.
    """
    if title.isdecimal() or not title:
        raise CsvTableError(
            f"{shown(sheet.name)} has no assignment with the number “{shown(title)}”. Expected "
            "a number in brackets from its header, or a title."
        )
    if TOTALS.search(title):
        raise CsvTableError(
            f"“{shown(title)}” cannot be the title of a new assignment: Canvas ignores columns "
            "with the names of its totals. Choose another title."
        )
    wanted = title.casefold()
    titles = [_split_heading(text)[0].casefold() for text in known]
    close = get_close_matches(wanted, titles, n=1, cutoff=LIKE)
    near = [text for text in known if text.casefold().startswith((wanted, *close))]
    if near:
        similar = " or ".join(f"“{shown(text)}”" for text in near)
        raise CsvTableError(
            f"{shown(sheet.name)} has no assignment “{shown(title)}”. Did you mean {similar}? "
            "Give its full title or its number. To add an assignment with a similar title, "
            "create it in Canvas first. Nothing was written."
        )


def _split_heading(text: str) -> tuple[str, ...]:
    """Split a heading into title, number, and number in brackets; or title alone if no number."""
    found = _ID.fullmatch(text.strip())
    return (found["title"], found["id"], f"({found['id']})") if found else (text.strip(),)


def _is_excused(cell: str) -> bool:
    """Return True if a cell has Canvas' ``EX`` for an excused student."""
    return cell.strip().casefold() == "ex"


def _is_about_posting(cells: Sequence[str]) -> bool:
    """Return True for a blank row, or Canvas' row of muted and manually posted assignments."""
    return csv.is_blank(cells) or all(
        re.fullmatch(r'\s*"?(?:Muted|Manual Posting.*)?"?\s*', raw, re.IGNORECASE) for raw in cells
    )


def _user(cells: Sequence[str], info: Mapping[str, int]) -> tuple[dict[str, str], list[str]]:
    """Return the identifiers by kind and the names in a row of a gradebook.

    ``info`` has the number of each kind's column.
    """
    ids = {kind: cells[info[kind]] for kind in USER_IDS if kind in info}
    name = cells[info["name"]].strip()
    if "first" in info:
        return ids, [f"{cells[info['first']].strip()} {name}"]
    return ids, [name]


def _fill(
    sheet: CsvTable, layout: _Layout, scores: Mapping[int, Mark], most: float, *, comma: bool
) -> CsvTable:
    """Return a table of only the students' columns, unchanged, and the assignment's column.

    ``sheet`` is the gradebook and ``layout`` has its columns. ``scores`` has the marks by row
    number. Rows without a score keep the cell of that column. A new column gets its heading and
    ``most``, the possible points, for which a row is added if there is none. ``comma`` selects a
    decimal comma.
    """
    own, new = sorted(layout.info.values()), layout.assignment is None

    def cell(score: float) -> str:
        return csv.cell_of(csv.points(score, comma), sheet.delimiter)

    rows = []
    for row, (cells, end) in enumerate(sheet.rows):
        if csv.is_blank(cells) and len(cells) < len(sheet.rows[0][0]):
            rows.append((cells, end))
            continue
        mark = scores.get(row)
        value = "" if layout.assignment is None else cells[layout.assignment]
        if row == 0 and new:
            value = csv.cell_of(layout.heading, sheet.delimiter)
        elif row == layout.possible and new:
            value = cell(most)
        elif mark is not None and mark.score is not None:
            value = cell(mark.score)
        rows.append(((*(cells[place] for place in own), value), end))
        if row == 0 and new and layout.possible is None:
            rows.append(((POSSIBLE, *[""] * (len(own) - 1), cell(most)), end))
    return replace(sheet, rows=tuple(rows))


def _notes(sheet: CsvTable, layout: _Layout, own: Iterable[float]) -> list[str]:
    """Return a note on a new assignment, or on a maximum that differs from gradkit's.

    ``sheet`` is the gradebook, ``layout`` has its columns, and ``own`` are the largest scores by
    gradkit. The list has at most one note.
    """
    if layout.assignment is None:
        return [
            f"{shown(sheet.name)} has no assignment “{shown(layout.heading)}”: Canvas will "
            "offer to create it."
        ]
    if layout.possible is None:
        return []
    maximum = csv.number_of(csv.values(sheet, layout.possible)[layout.assignment])
    return other_maximum("Canvas", [maximum], own)
