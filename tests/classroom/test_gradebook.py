"""Canvas' gradebook: what Canvas would take from the file that is written."""

from __future__ import annotations

import csv
import io

import pandas as pd
import pytest
from classroom.downloads import gradebook_takes
from hypothesis import given
from hypothesis import strategies as st

from gradkit.classroom.feedback.csv_table import CsvTableError
from gradkit.classroom.feedback.platforms import fill_gradebook
from gradkit.records.course import Mark

BOOK = (
    "\ufeffStudent,ID,SIS User ID,SIS Login ID,Section,Notes,HW 1 (70),Backprop (71),Backprop (72),"
    "Total (73),Final Score\n"
    ",,,,,,,Manual Posting,,,\n"
    "    Points Possible,,,,,,5.00,10.00,10.00,(read only),(read only)\n"
    '"Lee, Kim",101,s1,kim,A,,3,,,,50\n'
    '"Mo, Ann",102,s2,ann,A,x,4,EX,,,60\n'
    '"Díaz, José",103,s3,jose,B,,2,6.25,,,70\n'
    '"Lee, Kim",104,s4,kim4,B,,1,,,,80\n'
).encode()
TITLES = {"70": "HW 1", "71": "Backprop", "72": "Backprop", "73": "Total"}


def mark(student: str, score: float | None, most: float = 10, **ids: str) -> Mark:
    """What goes back for one."""
    return Mark(student, ids, score, most)


def refused(data: bytes, assignment: str) -> str:
    """The sentence."""
    with pytest.raises(CsvTableError) as caught:
        fill_gradebook(data, "g.csv", [mark("Kim", 1, canvas="101")], assignment)
    return str(caught.value)


def test_scores_go_where_canvas_finds_them() -> None:
    """By number, SIS id, login, and a name that one has; what has no score is kept."""
    marks = [
        mark("?", 8.456, canvas="101"),
        mark("?", None, sis="s2"),
        mark("José Díaz", 7.0),
        mark("?", 0.0, login="KIM4"),
    ]
    filled = fill_gradebook(BOOK, "g.csv", marks, "71")
    taken = gradebook_takes(filled.data, TITLES)
    assert taken == {
        "101": {"71": "8.46"},
        "102": {"71": "EX"},
        "103": {"71": "7.00"},
        "104": {"71": "0.00"},
    }
    assert (filled.filled, filled.left, filled.notes) == (("?", "José Díaz", "?"), (), ())


def test_only_students_and_the_assignment_are_written() -> None:
    """Other scores must not be set back; what is kept is kept byte for byte."""
    data = fill_gradebook(BOOK, "g.csv", [], "71").data
    assert data.decode() == (
        "\ufeffStudent,ID,SIS User ID,SIS Login ID,Section,Backprop (71)\n"
        ",,,,,Manual Posting\n"
        "    Points Possible,,,,,10.00\n"
        '"Lee, Kim",101,s1,kim,A,\n'
        '"Mo, Ann",102,s2,ann,A,EX\n'
        '"Díaz, José",103,s3,jose,B,6.25\n'
        '"Lee, Kim",104,s4,kim4,B,\n'
    )
    frame = pd.read_csv(io.BytesIO(data), skiprows=[1, 2], dtype=str)
    assert list(frame["ID"]) == ["101", "102", "103", "104"]


@pytest.mark.parametrize("name", ["HW 1", "HW 1 (70)", "70", "(70)"])
def test_an_assignment_is_known_by_number_or_title(name: str) -> None:
    """As Canvas knows it."""
    filled = fill_gradebook(BOOK, "g.csv", [mark("?", 5, 5, canvas="101")], name)
    assert gradebook_takes(filled.data, TITLES)["101"] == {"70": "5.00"}


def test_a_title_that_is_not_there_makes_a_new_assignment() -> None:
    """With its points possible, and it is said."""
    filled = fill_gradebook(BOOK, "g.csv", [mark("?", 5, 12, canvas="101")], "Week 3, backprop")
    assert gradebook_takes(filled.data, TITLES)["101"] == {"new Week 3, backprop": "5.00"}
    assert table(filled.data)[2][-1] == "12.00"
    assert filled.notes == (
        "g.csv has no assignment “Week 3, backprop”: Canvas will offer to create it.",
    )


def table(data: bytes) -> list[list[str]]:
    """As Python reads it."""
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def test_a_gradebook_without_points_possible_gets_them_for_a_new_assignment() -> None:
    """Below the header; for one that is there it needs none."""
    book = b"Student,ID,Section,HW (70)\r\nKim,101,A,\r\n"
    marks = [mark("?", 5, 12, canvas="101")]
    new = fill_gradebook(book, "g.csv", marks, "New").data
    assert new == (b"Student,ID,Section,New\r\n    Points Possible,,,12.00\r\nKim,101,A,5.00\r\n")
    assert fill_gradebook(book, "g.csv", marks, "70").data == book.replace(b"A,\r", b"A,5.00\r")


def test_semicolons_and_decimal_commas_are_kept() -> None:
    """As a German Canvas writes them."""
    book = b"Student;ID;Section;HW (70)\nPoints Possible;;;10,00\nKim;101;A;\n"
    filled = fill_gradebook(book, "g.csv", [mark("?", 8.5, canvas="101")], "70")
    assert b"Kim;101;A;8,50\n" in filled.data
    assert gradebook_takes(filled.data, TITLES) == {"101": {"70": "8.50"}}


def test_last_and_first_names_may_stand_apart() -> None:
    """Then the section is the last of them."""
    book = b"LastName,FirstName,ID,SIS User ID,SIS Login ID,Section,HW (70)\nLee,Kim,101,s1,k,A,\n"
    filled = fill_gradebook(book, "g.csv", [mark("Kim Lee", 5)], "70")
    assert filled.data == book.replace(b"A,\n", b"A,5.00\n")


def test_who_has_no_row_of_their_own_is_told() -> None:
    """Two are called Kim Lee."""
    marks = [mark("Kim Lee", 1), mark("No", 1, canvas="9")]
    filled = fill_gradebook(BOOK, "g.csv", marks, "71")
    assert filled.left == (("Kim Lee", "matches 2 rows"), ("No", "has no row"))
    assert filled.data == fill_gradebook(BOOK, "g.csv", [], "71").data


def test_who_is_excused_stays_so() -> None:
    """A score would take it back, without a word."""
    marks = [mark("Ann Mo", 5, sis="s2"), mark("José Díaz", 5)]
    filled = fill_gradebook(BOOK, "g.csv", marks, "71")
    taken = gradebook_takes(filled.data, TITLES)
    assert (taken["102"], taken["103"]) == ({"71": "EX"}, {"71": "5.00"})
    assert filled.left == (("Ann Mo", "is excused there (EX), and stays excused"),)
    assert filled.filled == ("José Díaz",)


def test_other_points_possible_are_said() -> None:
    """And not changed: that would change the assignment."""
    filled = fill_gradebook(BOOK, "g.csv", [mark("?", 8, 16, canvas="101")], "71")
    assert filled.notes == (
        "Canvas has 10 points for the assignment, and gradkit's maximum is 16. Scores are written "
        "as they are. To scale them, write `[scale]` and `to = 10` into policy.toml in the folder "
        "of the class, and run `gradkit remark`.",
    )
    assert table(filled.data)[2][-1] == "10.00"


NEAR = (
    "g.csv has no assignment “{}”. Did you mean {}? Give its full title or its number. To add "
    "an assignment with a similar title, create it in Canvas first. Nothing was written."
)


def test_a_title_that_is_nearly_one_is_refused() -> None:
    """A new column would be another assignment; one that is like none may be meant."""
    both = "“Backprop (71)” or “Backprop (72)”"
    assert refused(BOOK, "Backporp") == NEAR.format("Backporp", both)
    longer = BOOK.replace(b"Backprop (72)", b"Backpropagation 2 (72)")
    several = "“Backprop (71)” or “Backpropagation 2 (72)”"
    assert refused(longer, "backp") == NEAR.format("backp", several)
    assert refused(BOOK, "BACKPROP") == NEAR.format("BACKPROP", both)
    assert (
        fill_gradebook(BOOK, "g.csv", [], "Essay on nets")
        .notes[0]
        .startswith("g.csv has no assignment “Essay on nets”")
    )


def test_what_canvas_would_not_take_is_refused() -> None:
    """No gradebook, two of one title, read only, a number that is not there, a total's name."""
    assert refused(b"Name,Email\nKim,k@x\n", "71") == (
        "g.csv is not a gradebook of Canvas: its columns begin “Name”, “Email”. Expected "
        "Student, ID, … Section. Download it with “Export Entire Gradebook”."
    )
    assert refused(BOOK, "Backprop") == (
        "g.csv: “Backprop” is the title of 2 assignments, “Backprop (71)”, “Backprop (72)”. Name "
        "it by the number in brackets."
    )
    assert refused(BOOK, "Total") == (
        "g.csv: “Total (73)” is read only, so Canvas would ignore it. Name the assignment's own "
        "column."
    )
    assert refused(BOOK, "99") == (
        "g.csv has no assignment with the number “99”. Expected a number in brackets from its "
        "header, or a title."
    )
    assert refused(BOOK, "My Final Grade") == (
        "“My Final Grade” cannot be the title of a new assignment: Canvas ignores columns with "
        "the names of its totals. Choose another title."
    )


def test_a_new_title_is_no_formula() -> None:
    """Where a spreadsheet opens it; the platform's own cells are left exact."""
    book = BOOK.replace(b"101,s1,kim", b"101,=s1,kim")
    data = fill_gradebook(book, "g.csv", [mark("?", 1, sis="=s1")], "=1+1").data
    assert table(data)[0][-1] == "'=1+1"
    assert table(data)[3][2] == "=s1"
    assert table(data)[3][-1] == "1.00"


@given(
    st.lists(
        st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=12),
        min_size=3,
        max_size=3,
    )
)
def test_students_cells_are_kept_whatever_they_say(cells: list[str]) -> None:
    """Names and identifiers of any kind come back as they were."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "HW (70)"])
    writer.writerow([cells[0], "101", *cells[1:], "A", ""])
    data = fill_gradebook(
        buffer.getvalue().encode(), "g.csv", [mark("?", 5, canvas="101")], "70"
    ).data
    expected = [cells[0], "101", *cells[1:], "A"]
    if "Points Possible" in cells[0]:
        return
    assert table(data)[1] == [*expected, "5.00"]
