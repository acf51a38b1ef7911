"""Rosters: which columns count, and whose a submission is by them."""

from __future__ import annotations

from pathlib import Path

import pytest

from gradkit.classroom.course.roster import match, read_roster, roster
from gradkit.classroom.feedback.csv_table import CsvTableError
from gradkit.records.course import Match, Sender, Student

ROSTER = b"""\
Name,Sortable Name,Canvas ID,SIS ID,E-mail,GitHub Login,Participant,Group
Kim Lee,"Lee, Kim",101,s1,kim@x.edu,kim-lee,501,Red
Ann Mo,"Mo, Ann",102,s2,ann@x.edu,annmo,502,Red
Jos\xc3\xa9 D\xc3\xadaz,"D\xc3\xadaz, Jos\xc3\xa9",103,s3,jose@x.edu,,503,Blue
Kim Lee,"Lee, Kim",104,s4,kim2@x.edu,,504,
"""
STUDENTS = roster(ROSTER, "roster.csv")


def sender(name: str, source: str = "plain", original: str = "", members=(), **ids: str) -> Sender:
    """A submission's sender."""
    return Sender(name, source, ids, False, original or name, members=members)


def matched(found: Match) -> list[tuple[Student, tuple[int, ...]]]:
    """Students who have submissions, and the numbers of these."""
    numbers = {
        place: tuple(n for n, own in enumerate(found.owners) if student in own)
        for place, student in enumerate(STUDENTS)
    }
    return [(STUDENTS[place], own) for place, own in numbers.items() if own]


def owners(*told: Sender, by_group: bool = False) -> dict[str, tuple[int, ...]]:
    """By SIS id, the numbers of each student's submissions."""
    found = match(STUDENTS, told, by_group=by_group)
    return {student.ids["sis"]: numbers for student, numbers in matched(found)}


def test_columns_are_known_by_their_headings() -> None:
    """In whatever case."""
    assert STUDENTS[0] == Student(
        "Kim Lee",
        ("Kim Lee", "Lee, Kim"),
        {
            "canvas": "101",
            "moodle": "501",
            "email": "kim@x.edu",
            "sis": "s1",
            "github": "kim-lee",
        },
        "Red",
    )
    assert [student.name for student in STUDENTS] == ["Kim Lee", "Ann Mo", "José Díaz", "Kim Lee"]


def test_a_gradebook_of_canvas_is_a_roster() -> None:
    """Names are turned round, and the line of largest scores is no student."""
    found = roster(
        b"Student,ID,SIS User ID,SIS Login ID,Section,HW (7)\n"
        b"    Points Possible,,,,,10\n"
        b'"Lee, Kim",101,s1,kim,A,\n',
        "grades.csv",
    )
    ids = {"canvas": "101", "sis": "s1", "login": "kim"}
    assert found == [Student("Kim Lee", ("Lee, Kim",), ids)]


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("Identifier,Full name,Email address", "Participant 123,Kim Lee,kim@x.edu"),
        ("ID,Vollständiger Name,E-Mail-Adresse", "Teilnehmer/in123,Kim Lee,kim@x.edu"),
        ("Identifiant;Nom complet;Adresse de courriel", "Participant123;Kim Lee;kim@x.edu"),
    ],
)
def test_a_worksheet_of_moodle_is_a_roster(header: str, row: str) -> None:
    """In several languages."""
    found = roster(f"\ufeff{header}\r\n{row}\r\n".encode(), "sheet.csv")
    assert found == [Student("Kim Lee", ("Kim Lee",), {"moodle": "123", "email": "kim@x.edu"})]


def test_a_list_of_github_classroom_is_a_roster() -> None:
    """Its identifier may be anything, and first and last names may stand apart."""
    found = roster(b"identifier,github_username,First Name,Surname\ns12,kimlee,Kim,Lee\n", "r.csv")
    assert found == [
        Student("Kim Lee", ("Kim Lee", "Lee, Kim"), {"sis": "s12", "github": "kimlee"})
    ]


def test_lines_without_a_student_are_passed_over() -> None:
    """A name is not needed where there is an identifier."""
    assert [one.name for one in roster(b"Name,Email\n,kim@x\n,\n\n", "r.csv")] == ["kim@x"]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (
            b"Mood,Shoe size\nfine,42\n",
            "r.csv has no column that identifies students. Found: “Mood”, “Shoe size”. "
            "Expected at least one of: name, sortable name, id, sis id, email, login, github, "
            "participant.",
        ),
        (b"Name,Email\n", "r.csv has a header, but no students."),
    ],
)
def test_what_tells_no_student_is_refused(data: bytes, said: str) -> None:
    """With the columns that were found."""
    with pytest.raises(CsvTableError) as caught:
        roster(data, "r.csv")
    assert str(caught.value) == said


def test_a_roster_that_is_not_there(tmp_path: Path) -> None:
    """Is said with its path; one that is there is read."""
    path = tmp_path / "r.csv"
    with pytest.raises(CsvTableError) as caught:
        read_roster(path)
    assert str(caught.value) == (
        f"{path}: cannot be opened (No such file or directory). Check the path and the permissions."
    )
    path.write_bytes(ROSTER)
    assert read_roster(path) == STUDENTS


def test_identifiers_go_before_names() -> None:
    """Two are called Kim Lee, and the number tells which."""
    assert owners(
        sender("leekim", "canvas", canvas="104"),
        sender("Kim Lee", "moodle", moodle="501"),
        sender("?", "gradescope", email="ANN@x.edu"),
        sender("x", "gradescope", sis="s3"),
    ) == {"s4": (0,), "s1": (1,), "s2": (2,), "s3": (3,)}


def test_names_count_where_one_has_them() -> None:
    """As Canvas writes them, as students write them, as an account of any kind."""
    assert owners(
        sender("díazjosé", "canvas", canvas="999"), sender("ann_mo"), sender("KIM2@x.edu")
    ) == {"s3": (0,), "s2": (1,), "s4": (2,)}


def test_what_could_be_several_students_is_open() -> None:
    """Two of one name; and identifiers that mean two different ones. Nobody is chosen."""
    told = [sender("Kim Lee"), sender("x", "gradescope", email="ann@x.edu", sis="s3")]
    found = match(STUDENTS, told)
    assert matched(found) == []
    assert [(n, [one.ids["sis"] for one in who]) for n, who in found.open] == [
        (0, ["s1", "s4"]),
        (1, ["s2", "s3"]),
    ]
    assert found.strangers == ()


def test_strangers_and_absent_students() -> None:
    """Each submission and each student is on one list."""
    found = match(STUDENTS, [sender("ann.mo"), sender("Nobody Known"), sender("annmo")])
    assert [(student.name, numbers) for student, numbers in matched(found)] == [("Ann Mo", (0, 2))]
    assert [student.ids["sis"] for student in found.absent] == ["s1", "s3", "s4"]
    assert found.strangers == (1,)
    assert match([], []) == Match((), (), (), ())


def test_a_login_with_a_hyphen_is_known_by_the_end() -> None:
    """A clone's name does not tell where the assignment ends."""
    assert owners(sender("lee", "github", "hw-kim-lee", github="lee")) == {"s1": (0,)}
    assert owners(sender("x-annmo", "github", "hw-x-annmo", github="x-annmo")) == {"s2": (0,)}


def test_a_group_is_its_members() -> None:
    """By the group's own name, by the platform's list, or because the course says so."""
    assert owners(sender("red", "canvas", canvas="101")) == {"s1": (0,), "s2": (0,)}
    members = ({"name": "Ann Mo", "email": "ann@x.edu"}, {"name": "José Díaz"})
    assert owners(sender("both", "gradescope", members=members)) == {"s2": (0,), "s3": (0,)}
    assert owners(sender("ann mo")) == {"s2": (0,)}
    assert owners(sender("ann mo"), by_group=True) == {"s1": (0,), "s2": (0,)}
    assert owners(sender("x", "moodle", moodle="504"), by_group=True) == {"s4": (0,)}


def test_a_group_with_an_open_member_is_open() -> None:
    """No grade goes to someone of the same name."""
    members = ({"name": "Ann Mo"}, {"name": "Kim Lee"})
    found = match(STUDENTS, [sender("both", "gradescope", members=members)])
    assert matched(found) == []
    assert [student.ids["sis"] for student in found.open[0][1]] == ["s1", "s4"]
