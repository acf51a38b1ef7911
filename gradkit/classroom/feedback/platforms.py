"""Tables of platforms, filled: a grading worksheet of Moodle's, and a gradebook for Canvas.

Moodle knows its columns by their headings in the language of whoever uploads it, and passes
over whatever it cannot place without a word. So nothing but two cells of a row is touched. What
goes to Canvas has the students' own columns and the one of the assignment, nothing else: what
others have graded since the download must not be set back when it is uploaded.
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
from gradkit.report.escape import csv_cell
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
"""What Moodle calls its columns, in English, German, French and Spanish."""

REQUIRED = ("identifier", "grade", "modified")
"""Without these Moodle refuses the whole sheet."""

PARTICIPANT_IDS = ("moodle", "email", "sis")
FEEDBACK_BYTES = 60_000

NO_COMMENTS = (
    "It has no column for comments: switch on “Feedback comments” in the assignment's settings "
    "and download it again to send these too."
)


def fill_worksheet(data: bytes, name: str, marks: Sequence[Mark]) -> FilledTable:
    """Fill the grades and the comments of those who have a row.

    Parameters
    ----------
    data : bytes
        The sheet as it was downloaded.
    name : str
        What the file is called, for the messages.
    marks : sequence of Mark
        A comment that is empty leaves the one that is there.

    Returns
    -------
    FilledTable
        Every cell but those that are filled is the same byte for byte.

    Raises
    ------
    CsvTableError
        It is no such worksheet, or it asks for words of a scale.
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
        there = [csv.number_of(cells[row][at["maximum"]]) for row in graded]
        notes += other_maximum("Moodle", there, (mark.max_score for mark in graded.values()))
    done = csv.put(sheet, changes)
    names = tuple(mark.student for mark in taken.values())
    written = tuple(csv.line(done, row) for row in taken)
    return FilledTable(
        csv.write_table(done), names, tuple(left), tuple(dict.fromkeys(notes)), written
    )


def as_html(text: str) -> str:
    """Plain text as Moodle's comments are stored; nothing in it is mark-up or a formula.

    Columns stand below each other only where all characters are equally wide. Moodle's reader
    takes a backslash before a quotation mark for an escape, so neither sign is left as it is.
    """
    escaped = html.escape(clean_text(text, FEEDBACK_BYTES)).replace("\\", "&#92;")
    escaped = "<br />".join(escaped.strip().split("\n")).replace("\t", " ")
    return f"<pre style='white-space: pre-wrap'>{escaped}</pre>"


def claim(
    marks: Sequence[Mark],
    rows: Mapping[int, tuple[Mapping[str, str], Sequence[str]]],
    kinds: Sequence[str],
) -> tuple[dict[int, Mark], list[tuple[str, str]]]:
    """Match marks with the rows of a table, and give a reason for each that has none.

    Parameters
    ----------
    marks : sequence of Mark
    rows : mapping
        Identifiers and names of each row, by its number.
    kinds : sequence of str
        Identifiers that the table has, the one that the platform looks at first before others.
    """
    known, numbers = index(rows.values()), list(rows)
    wanted: dict[int, list[Mark]] = {}
    left: list[tuple[str, str]] = []
    for mark in marks:
        found = who(mark.ids, mark.student, kinds, known)
        if len(found) == 1:
            wanted.setdefault(numbers[next(iter(found))], []).append(mark)
        else:
            reason = f"could be any of {len(found)} rows" if found else "has no row"
            left.append((mark.student, reason))
    for row in [row for row, several in wanted.items() if len(several) > 1]:
        left += [
            (mark.student, "is one of several with marks for the same row")
            for mark in wanted.pop(row)
        ]
    return {row: marks[0] for row, marks in wanted.items()}, left


def _columns(sheet: CsvTable) -> dict[str, int]:
    header = csv.values(sheet, 0)
    found = csv.columns_of(header, HEADINGS)
    missing = [kind for kind in REQUIRED if kind not in found]
    if missing:
        there = ", ".join(f"“{shown(text)}”" for text in header[:16])
        wanted = ", ".join(f"“{HEADINGS[kind][0]}”" for kind in missing)
        raise CsvTableError(
            f"{shown(sheet.name)} is no grading worksheet of Moodle that can be filled: no column "
            f"{wanted} among {there}. Download it with “Download grading worksheet”; if Moodle "
            "speaks a language that is not known here, set it to English first."
        )
    if "scale" in found and "maximum" not in found:
        raise CsvTableError(
            f"{shown(sheet.name)} asks for words of a scale, not for points. Set the assignment's "
            "grade to “Point” in Moodle and download the worksheet again."
        )
    return found


def _participant(cells: Sequence[str], at: Mapping[str, int]) -> tuple[dict[str, str], list[str]]:
    ids = {kind: cells[at[kind]] for kind in ("email", "sis") if kind in at}
    # “Participant 123”, in whatever language.
    if number := re.search(r"\d+$", cells[at["identifier"]].strip()):
        ids["moodle"] = number[0]
    return ids, [cells[at["name"]]] if "name" in at else []


def other_maximum(platform: str, there: Iterable[float | None], own: Iterable[float]) -> list[str]:
    """Say so, once, where a platform's maximum is not gradkit's."""
    theirs = sorted({most for most in there if most is not None})
    ours = sorted(set(own))
    if not theirs or not ours or theirs == ours:
        return []
    wanted, made = (" or ".join(f"{most:g}" for most in each) for each in (theirs, ours))
    return [
        f"{platform} has {wanted} points for it, and gradkit's maximum is {made}: scores are "
        f"written as they are. To scale them, write `[scale]` and `to = {theirs[-1]:g}` into "
        "policy.toml in the folder of the class, and run `gradkit remark`."
    ]


USER_IDS = ("canvas", "sis", "login")
"""Identifiers in the order in which Canvas looks at them."""

INFO: Mapping[str, str] = {
    **{"Student": "name", "LastName": "name", "FirstName": "first", "ID": "canvas"},
    **{"SIS User ID": "sis", "SIS Login ID": "login", "Integration ID": "integration"},
    **{"Root Account": "root", "Section": "section"},
}
"""What a column holds, by its heading."""

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
        kind = INFO.get(" ".join(text.split()))
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
    wanted = title.casefold()
    titles = [_named(text)[0].casefold() for text in known]
    close = get_close_matches(wanted, titles, n=1, cutoff=LIKE)
    near = [text for text in known if text.casefold().startswith((wanted, *close))]
    if near:
        meant = " or ".join(f"“{shown(text)}”" for text in near)
        raise CsvTableError(
            f"{shown(sheet.name)} has no assignment “{shown(title)}”. Did you mean {meant}? Name "
            "it in full or by its number; a new one with a title like these has to be made in "
            "Canvas first. Nothing was written."
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


def _user(cells: Sequence[str], info: Mapping[str, int]) -> tuple[dict[str, str], list[str]]:
    ids = {kind: cells[info[kind]] for kind in USER_IDS if kind in info}
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
