"""Moodle's worksheet: two cells of a row are filled, and Moodle finds what it looks for."""

from __future__ import annotations

import csv
import html
import io

import pandas as pd
import pytest
from classroom.downloads import worksheet_takes
from hypothesis import given
from hypothesis import strategies as st

from gradkit.classroom.feedback.csv_table import CsvTableError
from gradkit.classroom.feedback.platforms import as_html, fill_worksheet
from gradkit.records.course import Mark
from gradkit.text import clean_text

HEAD = (
    'Identifier,"Full name","ID number","Email address",Status,Grade,"Maximum Grade",'
    '"Grade can be changed","Last modified (submission)","Last modified (grade)",'
    '"Feedback comments"'
)
SHEET = (
    f"\ufeff{HEAD}\r\n"
    '"Participant 501","Kim Lee",s1,kim@x.edu,"Submitted for grading - ",,10.00,Yes,'
    '"Monday, 5 October 2026, 10:00 AM",-,\r\n'
    '"Participant 502","Ann ""A"" Mo",s2,ann@x.edu,"No submission - ",7.50,10.00,Yes,-,-,'
    '"<p>old</p>"\r\n'
    '"Participant 503","Kim Lee",s3,kim2@x.edu,"No submission - ",,10.00,Yes,-,-,\r\n'
).encode()
WORDS = ("Identifier", "Grade", "Last modified (grade)", "Feedback comments")
GERMAN = (
    'ID,"Vollständiger Name",E-Mail-Adresse,Status,Bewertung,Bestwertung,'
    '"Bewertung kann geändert werden","Zuletzt geändert (Abgabe)","Zuletzt geändert (Bewertung)",'
    '"Feedback als Kommentar"\n'
    'Teilnehmer/in501,"Kim Lee",kim@x.edu,"Zur Bewertung abgegeben",,"10,00",Ja,-,-,\n'
).encode()
GERMAN_WORDS = ("ID", "Bewertung", "Zuletzt geändert (Bewertung)", "Feedback als Kommentar")


def mark(
    student: str, score: float | None, feedback: str = "", most: float = 10, **ids: str
) -> Mark:
    """What goes back for one."""
    return Mark(student, ids, score, most, feedback)


def table(data: bytes) -> list[list[str]]:
    """As Python reads it."""
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))


OPENING = "<pre style='white-space: pre-wrap'>"


def test_two_cells_are_filled_and_the_rest_is_kept() -> None:
    """Byte for byte: mark, line ends, quotes, the other students."""
    filled = fill_worksheet(SHEET, "s.csv", [mark("Kim Lee", 8.456, "well done", moodle="501")])
    lines, old = filled.data.split(b"\r\n"), SHEET.split(b"\r\n")
    assert [i for i in range(len(old)) if lines[i] != old[i]] == [1]
    graded = old[1].replace(b'- ",,10.00', b'- ",8.46,10.00')
    assert lines[1] == graded + OPENING.encode() + b"well done</pre>"
    assert (filled.filled, filled.left, filled.notes) == (("Kim Lee",), (), ())


def test_moodle_and_pandas_read_it_back() -> None:
    """Grades and comments, by participant."""
    marks = [
        mark("Kim Lee", 8, "a & b\n<c>", moodle="501"),
        mark("anyone", None, "see me", email="ANN@x.edu"),
        mark("anyone", 3, sis="s3"),
    ]
    data = fill_worksheet(SHEET, "s.csv", marks).data
    assert worksheet_takes(data, WORDS, "Participant", 10) == {
        "501": (8.0, f"{OPENING}a &amp; b<br />&lt;c&gt;</pre>"),
        "502": (7.5, f"{OPENING}see me</pre>"),
        "503": (3.0, ""),
    }
    frame = pd.read_csv(io.BytesIO(data))
    assert list(frame["Grade"]) == [8.0, 7.5, 3.0]
    assert list(frame.columns) == list(pd.read_csv(io.BytesIO(SHEET)).columns)


def test_nothing_to_fill_is_the_same_bytes() -> None:
    """A comment that is empty and a score that is none leave what is there."""
    filled = fill_worksheet(SHEET, "s.csv", [mark("Ann", None, moodle="502")])
    assert filled.data == SHEET


def test_another_language_and_a_decimal_comma() -> None:
    """The headings are those of the sheet, and so are the numbers."""
    data = fill_worksheet(GERMAN, "s.csv", [mark("Kim Lee", 8.5, "gut", moodle="501")]).data
    assert b',"8,50","10,00",' in data
    assert worksheet_takes(data, GERMAN_WORDS, "Teilnehmer/in", 10) == {
        "501": (8.5, f"{OPENING}gut</pre>")
    }


def test_a_language_that_is_not_known_is_refused() -> None:
    """With what its columns are called."""
    data = SHEET.replace(b"Identifier", b"Identificatie").replace(b",Grade,", b",Cijfer,")
    marks = [mark("Kim Lee", 8, moodle="501")]
    with pytest.raises(CsvTableError) as caught:
        fill_worksheet(data, "s.csv", marks)
    assert str(caught.value).startswith(
        "s.csv is not a grading worksheet of Moodle that can be filled: no column “Identifier”, "
        "“Grade” among “Identificatie”, “Full name”, “ID number”, "
    )
    assert str(caught.value).endswith(
        "Download it with “Download grading worksheet”; if Moodle speaks a language that is "
        "not known here, set it to English first."
    )


def test_who_has_no_row_of_their_own_is_told() -> None:
    """Two are called Kim Lee; two marks for one row are neither of them written."""
    marks = [
        mark("Kim Lee", 1),
        mark("Nobody", 2, moodle="999"),
        mark("Ann", 3, moodle="502"),
        mark("Ann again", 4, email="ann@x.edu"),
    ]
    filled = fill_worksheet(SHEET, "s.csv", marks)
    assert filled.data == SHEET
    assert filled.left == (
        ("Kim Lee", "matches 2 rows"),
        ("Nobody", "has no row"),
        ("Ann", "matches the same row as another student"),
        ("Ann again", "matches the same row as another student"),
    )


def test_another_maximum_is_said() -> None:
    """Moodle would pass over a grade above its own, without a word."""
    marks = [mark("Kim Lee", 12, most=16, moodle="501")]
    filled = fill_worksheet(SHEET, "s.csv", marks)
    assert filled.notes == (
        "Moodle has 10 points for the assignment, and gradkit's maximum is 16. Scores are written "
        "as they are. To scale them, write `[scale]` and `to = 10` into policy.toml in the folder "
        "of the class, and run `gradkit remark`.",
    )
    assert worksheet_takes(filled.data, WORDS, "Participant", 10)["501"][0] is None


def test_several_maxima_are_said_once() -> None:
    """Students with one task and with two."""
    marks = [mark("Kim Lee", 8, most=16, moodle="501"), mark("x", 8, most=20, moodle="502")]
    (note,) = fill_worksheet(SHEET, "s.csv", marks).notes
    assert note.startswith(
        "Moodle has 10 points for the assignment, and gradkit's maximum is 16 or 20. "
    )


def test_a_sheet_without_comments_is_filled_and_said() -> None:
    """The grades go back all the same."""
    data = SHEET.replace(b"Feedback comments", b"Something")
    filled = fill_worksheet(data, "s.csv", [mark("Kim Lee", 8, "well done", moodle="501")])
    assert b"well done" not in filled.data
    assert filled.notes == (
        "It has no column for comments. To send comments too, switch on “Feedback comments” in "
        "the assignment's settings and download it again.",
    )


def test_another_separator_is_said() -> None:
    """A spreadsheet may have saved it with its own."""
    data = b"Identifier;Grade;Last modified (grade)\nParticipant 501;;-\n"
    filled = fill_worksheet(data, "s.csv", [mark("Kim Lee", 8.5, moodle="501")])
    assert filled.data == data.replace(b";;", b";8.50;")
    assert filled.notes == (
        "Its cells are separated by semicolons, not by commas as Moodle writes them: choose that "
        "separator when you upload it.",
    )


def test_words_of_a_scale_are_refused() -> None:
    """A number is none of them."""
    data = SHEET.replace(b"Maximum Grade", b"Scale")
    with pytest.raises(CsvTableError) as caught:
        fill_worksheet(data, "s.csv", [])
    assert str(caught.value) == (
        "s.csv has a scale of words, not points. Set the assignment's grade to “Point” in "
        "Moodle and download the worksheet again."
    )


@given(st.text(max_size=80))
def test_comments_are_text_and_nothing_else(text: str) -> None:
    """No formula, no mark-up, no sign that Moodle's reader stumbles over; and the text is told."""
    whole = as_html(text)
    assert not whole.startswith(("=", "+", "-", "@"))
    told = whole.removeprefix(OPENING).removesuffix("</pre>")
    assert whole == f"{OPENING}{told}</pre>"
    assert not set(told.replace("<br />", "")) & set("<>\"'\\\n\r\t")
    seen = html.unescape(told.replace("<br />", "\n"))
    assert seen == clean_text(text, 60_000).strip().replace("\t", " ")
    data = fill_worksheet(SHEET, "s.csv", [mark("Kim Lee", 1, text, moodle="501")]).data
    assert table(data)[1][10] == (whole if text else "")


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", '=HYPERLINK("x")'])
def test_a_formula_is_told_as_text(text: str) -> None:
    """A spreadsheet sees no formula, and a student reads what was written."""
    assert html.unescape(as_html(text)) == f"{OPENING}{text}</pre>"


def test_a_mark_stands_below_what_it_marks() -> None:
    """In a comment that a browser shows: spaces count, and all characters are equally wide."""
    told = as_html("a.py:3  x = y\n            ^")
    assert told == f"{OPENING}a.py:3  x = y<br />            ^</pre>"


def test_a_long_comment_is_kept_whole() -> None:
    """Longer than what is shown elsewhere."""
    text = "word " * 2000
    assert as_html(text) == f"{OPENING}{text.strip()}</pre>"
