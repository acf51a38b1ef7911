"""Who is graded: names by roster or platform, groups and their members, and attempts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from classroom.downloads import folder
from classroom.filing import filed
from classroom.test_roster import STUDENTS
from classroom.test_senders import METADATA_TEXT

from gradkit.classroom.course.roster import Enrolment, enrolment_of, names_of, roster
from gradkit.classroom.course.senders import METADATA
from gradkit.classroom.store.results import Store
from gradkit.grading.settings import Settings
from gradkit.records.classroom import Listed
from gradkit.records.course import Course, Student
from gradkit.submission.read import gather


def whose(found: Enrolment) -> list[tuple[str, ...]]:
    """The students of each submission."""
    return [entry.students for entry in found.entries]


def rolled(*paths: Path, students: Sequence[Student] = (), by_group: bool = False) -> Enrolment:
    """Of what lies there."""
    return enrolment_of(gather(paths), students, by_group=by_group)


def test_plain_names_are_students(tmp_path: Path) -> None:
    """Nothing is known but the names, and there is no roster to hold them against."""
    found = rolled(folder(tmp_path / "class", "ann.py", "ben/"))
    assert whose(found) == [("ann",), ("ben",)]
    assert (found.students, found.match.absent) == ((), ())


def test_a_platforms_names_are_students(tmp_path: Path) -> None:
    """Files of one download are one submission; other downloads hold other attempts."""
    first = folder(tmp_path / "first", "leekim_101_1_a.py", "moann_102_2_a.py", "moann_102_3_b.py")
    second = folder(tmp_path / "second", "moann_LATE_102_8_a.py")
    found = rolled(first, second)
    assert whose(found) == [("leekim",), ("moann",), ("moann",)]
    assert [entry.handed.name for entry in found.entries] == ["leekim", "moann", "moann"]
    assert [entry.sender.late for entry in found.entries] == [False, False, True]
    assert len(found.entries[1].handed.parts) == 2


def test_a_groups_submission_is_every_members(tmp_path: Path) -> None:
    """As Gradescope lists them, without any roster."""
    path = folder(tmp_path / "assignment_1_export", "submission_11/", "submission_12/")
    (path / METADATA).write_text(METADATA_TEXT, encoding="utf-8")
    found = rolled(path)
    assert whose(found) == [("Kim Lee",), ("José Díaz", "Mia O'Neil")]
    assert found.entries[1].handed.name == "José Díaz"


def test_members_of_one_name_are_told_apart(tmp_path: Path) -> None:
    """By the identifiers that the platform gives; one person in two groups is one."""
    path = folder(tmp_path / "assignment_1_export", "submission_11/", "submission_12/")
    text = METADATA_TEXT.replace("- :name: 'Mia O''Neil'", "- :name: Kim Lee")
    twice = text.replace(
        "- :name: Kim Lee\n    :sid: '100'\n",
        "- :name: Kim Lee\n    :sid: '100'\n    :email: kim@x.edu\n  - :name: Jo\n    :sid: '7'\n",
    )
    (path / METADATA).write_text(twice, encoding="utf-8")
    assert whose(rolled(path))[0][0] == "Kim Lee (kim@x.edu)"
    assert whose(rolled(path))[1] == ("José Díaz", "Kim Lee (mia@x.edu)")


def test_a_roster_gives_the_names(tmp_path: Path) -> None:
    """What it has no student for keeps its own name; two of one name are told apart."""
    path = folder(
        *(tmp_path / "class", "leekim_101_1_a.py", "leekim_104_2_a.py", "diazjose_103_3_a.py"),
        "else_999_4_a.py",
    )
    found = rolled(path, students=STUDENTS)
    names = dict(zip([e.handed.path.name for e in found.entries], whose(found), strict=True))
    assert names == {
        "leekim_101_1_a.py": ("Kim Lee (101)",),
        "leekim_104_2_a.py": ("Kim Lee (104)",),
        "diazjose_103_3_a.py": ("José Díaz",),
        "else_999_4_a.py": ("else",),
    }
    assert [student.name for student in found.match.absent] == ["Ann Mo"]
    assert [student.name for student in found.students][1] == "Ann Mo"


def test_without_identifiers_lines_of_one_name_have_numbers(tmp_path: Path) -> None:
    """Nobody's marks become somebody else's."""
    found = rolled(folder(tmp_path / "class", "ann.py"), students=roster(b"Name\nAnn\nAnn\n", "r"))
    assert [student.name for student in found.students] == ["Ann (1)", "Ann (2)"]
    assert whose(found) == [("ann",)]


def test_a_rosters_groups_hand_in_together(tmp_path: Path) -> None:
    """Where that is asked for; else each hands in alone."""
    path = folder(tmp_path / "class", "moann_102_2_a.py")
    assert whose(rolled(path, students=STUDENTS)) == [("Ann Mo",)]
    assert whose(rolled(path, students=STUDENTS, by_group=True)) == [("Kim Lee (101)", "Ann Mo")]


def test_names_stay_with_their_identifiers(tmp_path: Path) -> None:
    """A second Kim Lee in a later download is not taken for the first."""
    first = rolled(folder(tmp_path / "first", "leekim_101_1_a.py", "moann_102_2_a.py"))
    with Store(tmp_path / "out", write=True) as store:
        run = store.begin("grade", Settings())
        store.add(run, [filed(entry.students[0]) for entry in first.entries])
        store.add_listed(
            run,
            [
                Listed(e.students[0], "digest-1", n, "", e.sender)
                for n, e in enumerate(first.entries)
            ],
        )
        known = names_of(store)
    assert known == {"canvas 101": "leekim", "canvas 102": "moann"}
    path = folder(tmp_path / "second", "leekim_104_7_a.py", "leekim_101_8_a.py")
    alone = folder(tmp_path / "third", "leekim_104_9_a.py")
    assert whose(enrolment_of(gather([path]), known=known)) == [("leekim",), ("leekim (104)",)]
    assert whose(enrolment_of(gather([alone]), known=known)) == [("leekim (104)",)]


def test_the_newest_roster_holds(tmp_path: Path) -> None:
    """Whoever is not in it any more has left the course."""
    with Store(tmp_path, write=True) as store:
        assert store.enrolled() == {}
        store.enrol(store.begin("grade", Settings()), Course(students=tuple(STUDENTS[:2])))
        store.enrol(store.begin("grade", Settings()), Course(students=tuple(STUDENTS[1:3])))
        assert store.enrolled() == {student.name: student for student in STUDENTS[1:3]}
