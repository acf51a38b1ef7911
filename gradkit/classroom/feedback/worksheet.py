"""A grading worksheet that was downloaded from Moodle, filled in place.

Moodle knows its columns by their headings in the language of whoever uploads it, and passes
over whatever it cannot place without a word. So nothing but two cells of a row is touched.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping, Sequence

from gradkit.classroom.course.find_student import index, who
from gradkit.classroom.course.roster import COLUMNS
from gradkit.classroom.feedback import csv_table as csv
from gradkit.classroom.feedback.csv_table import CsvTable, CsvTableError
from gradkit.records.course import FilledTable, Mark
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

KINDS = ("moodle", "email", "sis")
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
    rows = [row for row in range(1, len(sheet.rows)) if not csv.is_blank(sheet.rows[row][0])]
    cells = {row: csv.values(sheet, row) for row in rows}
    comma = csv.decimal_comma(
        cells[row][at[kind]] for row in rows for kind in ("grade", "maximum") if kind in at
    )
    taken, left = claim(marks, [_known(cells[row], at) for row in rows], KINDS)
    changes: dict[tuple[int, int], str] = {}
    notes: list[str] = []
    if sheet.delimiter != ",":
        sign = {";": "semicolons", "\t": "tabs"}[sheet.delimiter]
        notes.append(
            f"Its cells are separated by {sign}, not by commas as Moodle writes them: choose that "
            "separator when you upload it."
        )
    for place, mark in taken.items():
        row = rows[place]
        if mark.score is not None:
            changes[row, at["grade"]] = csv.points(mark.score, comma)
        if mark.feedback and "feedback" in at:
            changes[row, at["feedback"]] = as_html(mark.feedback)
        elif mark.feedback:
            notes.append(NO_COMMENTS)
    graded = {rows[place]: mark for place, mark in taken.items() if mark.score is not None}
    if "maximum" in at:
        there = [csv.number_of(cells[row][at["maximum"]]) for row in graded]
        notes += other_maximum("Moodle", there, (mark.max_score for mark in graded.values()))
    done = csv.put(sheet, changes)
    names = tuple(mark.student for mark in taken.values())
    written = tuple(csv.line(done, rows[place]) for place in taken)
    return FilledTable(
        csv.write_table(done), names, tuple(left), tuple(dict.fromkeys(notes)), written
    )


def as_html(text: str) -> str:
    """Plain text as Moodle's comments are stored; nothing in it is mark-up or a formula.

    Moodle's reader takes a backslash before a quotation mark for an escape, so neither sign
    is left as it is.
    """
    escaped = html.escape(clean_text(text, FEEDBACK_BYTES)).replace("\\", "&#92;")
    escaped = "<br />".join(escaped.strip().split("\n")).replace("\t", " ")
    first = escaped[:1]
    return f"&#{ord(first)};{escaped[1:]}" if first and first in "=+-@" else escaped


def claim(
    marks: Sequence[Mark],
    rows: Sequence[tuple[Mapping[str, str], Sequence[str]]],
    kinds: Sequence[str],
) -> tuple[dict[int, Mark], list[tuple[str, str]]]:
    """Match marks with the rows of a table, and give a reason for each that has none.

    Parameters
    ----------
    marks : sequence of Mark
    rows : sequence
        Identifiers and names of each row.
    kinds : sequence of str
        Identifiers that the table has, the one that the platform looks at first before others.
    """
    known = index(rows)
    wanted: dict[int, list[Mark]] = {}
    left: list[tuple[str, str]] = []
    for mark in marks:
        found = who(mark.ids, mark.student, kinds, known)
        if len(found) == 1:
            wanted.setdefault(next(iter(found)), []).append(mark)
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


def _known(cells: Sequence[str], at: Mapping[str, int]) -> tuple[dict[str, str], list[str]]:
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
