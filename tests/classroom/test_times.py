"""Times of submission from the files of each platform, and the rules that need them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from classroom.downloads import archive, folder
from classroom.filing import filed
from click.testing import CliRunner

from gradkit.classroom.course.roster import Enrolment, enrolment_of, roster
from gradkit.classroom.policy import counting_attempts, policy
from gradkit.classroom.reports.summary import cautions, class_rows, everybody
from gradkit.classroom.run import preview_class
from gradkit.classroom.store.results import Store
from gradkit.cli import main
from gradkit.grading.settings import Settings
from gradkit.records.classroom import Listed
from gradkit.records.course import Course, Late, Policy, Sender, Source
from gradkit.submission.read import gather

GRADEBOOK = (
    "\ufeffStudent,ID,SIS User ID,SIS Login ID,Section,HW3 (204417)\r\n"
    "    Points Possible,,,,,20.00\r\n"
    '"Lee, Kim",101,s1,klee,A,\r\n'
    '"Mo, Ann",102,s2,amo,A,\r\n'
    '"Student, Test",999,,8f3a0d0c5f6b4a3e9d1c2b7a6e5f4d3c2b1a0f9e,A,\r\n'
)
"""A gradebook as Canvas exports it."""

DUE = datetime(2026, 11, 20, 23, 59, tzinfo=UTC)


def enrolled(path: Path, table: str = "") -> Enrolment:
    """The class in a download, with a roster."""
    return enrolment_of(gather([path]), roster(table.encode(), "roster.csv") if table else ())


def times(path: Path, table: str) -> list[tuple[str, str]]:
    """By submission, student and time."""
    return [(each.students[0], each.sender.at) for each in enrolled(path, table).entries]


CANVAS = ("leekim_101_9001_hw.py", "moann_LATE_102_9002_hw.py")
METADATA = """---
submission_11:
  :submitters:
  - :name: Kim Lee
    :sid: s1
    :email: kim@x.edu
submission_12:
  :submitters:
  - :name: Ann Mo
    :sid: s2
    :email: ann@x.edu
"""
"""Gradescope's list in a folder of submissions; here without times, which it usually has."""
GITHUB = ("hw3-submissions/hw3-klee/", "hw3-submissions/hw3-amo/")


@pytest.mark.parametrize(
    ("names", "table"),
    [
        pytest.param(
            CANVAS,
            "Student,ID,submitted_at\nKim Lee,101,2026-11-20T22:00:00Z\n"
            "Ann Mo,102,2026-11-21T01:00:00Z\n",
            id="canvas",
        ),
        pytest.param(
            ("Kim Lee_501_assignsubmission_file_hw.py", "Ann Mo_502_assignsubmission_file_hw.py"),
            "Identifier,Full name,Last modified (submission)\n"
            'Participant 501,Kim Lee,"Friday, 20 November 2026, 10:00 PM"\n'
            'Participant 502,Ann Mo,"Saturday, 21 November 2026, 1:00 AM"\n',
            id="moodle",
        ),
        pytest.param(
            ("submission_11/", "submission_12/"),
            "First Name,Last Name,SID,Email,Sections,HW3,HW3 - Max Points,Submission Time,"
            "HW3 - Lateness (H:M:S)\n"
            "Kim,Lee,s1,kim@x.edu,A,18.0,20.0,2026-11-20 22:00:00 +0000,00:00:00\n"
            "Ann,Mo,s2,ann@x.edu,A,18.0,20.0,2026-11-21 01:00:00 +0000,01:01:00\n",
            id="gradescope",
        ),
        pytest.param(
            GITHUB,
            "assignment_name,assignment_url,starter_code_url,github_username,roster_identifier,"
            "student_repository_name,student_repository_url,submission_timestamp,points_awarded,"
            "points_available\n"
            "HW3,u,u,klee,Kim Lee,hw3-klee,u,2026-11-20 22:00:00 UTC,18,20\n"
            "HW3,u,u,amo,Ann Mo,hw3-amo,u,2026-11-21 01:00:00 UTC,18,20\n",
            id="github",
        ),
    ],
)
def test_a_table_of_each_platform_has_times(
    names: tuple[str, ...], table: str, tmp_path: Path
) -> None:
    """Each submission gets the time of its student's row."""
    path = folder(tmp_path / "class", *names)
    if "submission_11/" in names:
        (path / "submission_metadata.yml").write_text(METADATA, encoding="utf-8")
    found = dict(times(path / "hw3-submissions" if names == GITHUB else path, table))
    rows = [line for line in table.splitlines()[1:] if line]
    assert len(found) == 2
    for time in found.values():
        assert any(time and time in row for row in rows)
    assert len(set(found.values())) == 2


def test_a_time_is_that_of_the_last_attempt(tmp_path: Path) -> None:
    """Of the attempts before, it is not known."""
    first = archive(tmp_path / "tuesday.zip", *CANVAS)
    second = archive(tmp_path / "thursday.zip", "leekim_101_9003_hw-1.py")
    table = "Student,ID,submitted at\nKim Lee,101,2026-11-19T22:00:00Z\nAnn Mo,102,\n"
    made = enrolment_of(gather([first, second]), roster(table.encode(), "r.csv"))
    assert [(each.students[0], each.sender.at) for each in made.entries] == [
        ("Kim Lee", ""),
        ("Ann Mo", ""),
        ("Kim Lee", "2026-11-19T22:00:00Z"),
    ]


def test_the_preview_says_whose_times_are_not_known(tmp_path: Path) -> None:
    """In a sentence; with a column of times there is nothing to say."""
    path = archive(tmp_path / "submissions.zip", *CANVAS)
    said = "Submissions from Canvas have no submission times. For `due`, [extensions] and"
    done = CliRunner().invoke(
        main, ["grade", str(path), "--out", str(tmp_path / "out"), "--dry-run"]
    )
    assert said in " ".join(done.output.split())
    table = tmp_path / "roster.csv"
    table.write_text(
        "Student,ID,Submitted at\nKim Lee,101,2026-11-20T22:00:00Z\n"
        "Ann Mo,102,2026-11-21T01:00:00Z\n",
        encoding="utf-8",
    )
    assert preview_class([path], tmp_path / "out", roster=table).untimed == ()


# --- Canvas' Test Student ------------------------------------------------------------------


@pytest.mark.parametrize("table", [GRADEBOOK, ""], ids=["gradebook", "no roster"])
def test_the_test_student_is_left_out(table: str, tmp_path: Path) -> None:
    """In the roster and among the submissions; the preview says so."""
    names = (*CANVAS, "studenttest_999_9004_hw.py", "studenttest_LATE_999_9005_other.py")
    path = archive(tmp_path / "submissions.zip", *names)
    made = enrolled(path, table)
    assert len(made.entries) == 2
    assert made.left_out == 2
    assert "Test" not in str([student.names for student in made.students])
    done = CliRunner().invoke(
        main, ["grade", str(path), "--out", str(tmp_path / "out"), "--dry-run"]
    )
    assert "Left out: Canvas' Test Student." in done.output
    assert "2 submissions: 2 from Canvas" in done.output


def test_a_student_of_that_name_is_kept(tmp_path: Path) -> None:
    """With an identifier of the university, it is a person."""
    path = archive(tmp_path / "submissions.zip", "studenttest_103_9004_hw.py", *CANVAS)
    table = GRADEBOOK.replace("999,,8f3a0d0c5f6b4a3e9d1c2b7a6e5f4d3c2b1a0f9e", "103,s3,tstudent")
    made = enrolled(path, table)
    assert [each.students[0] for each in made.entries] == ["Kim Lee", "Ann Mo", "Test Student"]
    assert made.left_out == 0
    plain = folder(tmp_path / "class", "studenttest.py", "ann.py")
    assert enrolled(plain).left_out == 0


# --- the rules for the counting attempt ----------------------------------------------------


def graded(
    path: Path,
    *attempts: tuple[str, str, float, str],
    rule: str,
    rules: Policy | None = None,
    source: Source = "canvas",
    stamp: str = "2026-12-01T08:40:00+00:00",
) -> None:
    """A run that found attempts: student, contents, score and time; all files have one stamp."""
    with Store(path, write=True) as store:
        run = store.begin("grade", Settings(), policy=rule, rules=rules)
        store.add(
            run,
            [filed(n, digest=d, score=s, max_score=20.0, result=b"") for n, d, s, _ in attempts],
        )
        store.add_listed(
            run,
            [
                Listed(n, d, place, stamp, Sender(n, source, {"canvas": n}, False, d, at=at))
                for place, (n, d, _, at) in enumerate(attempts)
            ],
        )


def counting(path: Path) -> dict[str, str]:
    """By student, the contents that count."""
    with Store(path, write=False) as store:
        return {each.kept.name: each.kept.digest for each in counting_attempts(store)}


def test_best_is_after_the_deduction_for_lateness(tmp_path: Path) -> None:
    """20 points two days late are 16, less than 17 in time; an extension changes that."""
    late = Policy(DUE, Late(10))
    attempts = (
        ("kim", "a", 17.0, "2026-11-20T22:00:00Z"),
        ("kim", "b", 20.0, "2026-11-22T22:00:00Z"),
        ("ann", "c", 17.0, "2026-11-20T22:00:00Z"),
        ("ann", "d", 20.0, "2026-11-21T22:00:00Z"),
    )
    graded(tmp_path / "late", *attempts, rule="best", rules=late)
    assert counting(tmp_path / "late") == {"ann": "d", "kim": "a"}
    graded(tmp_path / "none", *attempts, rule="best")
    assert counting(tmp_path / "none") == {"ann": "d", "kim": "b"}
    more = Policy(DUE, Late(10), extensions={"kim": datetime(2026, 11, 23, tzinfo=UTC)})
    graded(tmp_path / "more", *attempts, rule="best", rules=more)
    assert counting(tmp_path / "more")["kim"] == "b"
    refused = Policy(DUE, Late(0, days=1))
    graded(tmp_path / "days", *attempts, rule="best", rules=refused)
    assert counting(tmp_path / "days") == {"ann": "d", "kim": "a"}


BEFORE = policy("before=2026-11-21T00:00+00:00")


def test_before_with_an_extension(tmp_path: Path) -> None:
    """The later one of both times holds for the student."""
    attempts = (
        ("kim", "a", 17.0, "2026-11-20T22:00:00Z"),
        ("kim", "b", 20.0, "2026-11-22T22:00:00Z"),
        ("ann", "c", 17.0, "2026-11-20T22:00:00Z"),
        ("ann", "d", 20.0, "2026-11-22T22:00:00Z"),
    )
    rules = Policy(extensions={"kim": datetime(2026, 11, 23, tzinfo=UTC)})
    graded(tmp_path, *attempts, rule=BEFORE, rules=rules)
    assert counting(tmp_path) == {"ann": "c", "kim": "b"}
    with Store(tmp_path, write=False) as store:
        assert cautions(store, everybody(store)) == []


def test_before_where_no_time_is_known(tmp_path: Path) -> None:
    """The time of Canvas' archive is that of its download: the attempt counts, which is said."""
    graded(tmp_path / "canvas", ("kim", "a", 17.0, ""), ("ann", "b", 3.0, ""), rule=BEFORE)
    assert counting(tmp_path / "canvas") == {"ann": "b", "kim": "a"}
    with Store(tmp_path / "canvas", write=False) as store:
        (said,) = cautions(store, everybody(store))
    assert said == (
        "--attempt before=2026-11-21T00:00:00+00:00: the time of submission of ann, kim is "
        "unknown, so the last attempt counts. Give a --roster with a column of times, "
        "“submitted at”."
    )
    graded(tmp_path / "plain", ("kim", "a", 17.0, ""), rule=BEFORE, source="plain")
    assert counting(tmp_path / "plain") == {}


def test_late_is_what_the_policy_says_where_it_knows(tmp_path: Path) -> None:
    """Canvas calls an attempt within an extension late too; without a time, it is believed."""
    rules = Policy(DUE, extensions={"kim": datetime(2026, 11, 23, tzinfo=UTC)})
    after = "2026-11-22T22:00:00Z"
    attempts = (("kim", "a", 17.0, after), ("ann", "b", 17.0, after), ("bo", "c", 17.0, ""))
    graded(tmp_path, *attempts, rule="last", rules=rules)
    with Store(tmp_path, write=True) as store, store.writing():
        store.change("UPDATE listed SET sender = json_set(sender, '$.late', json('true'))")
    with Store(tmp_path, write=False) as store:
        late = {row.name: row.handed.late for row in everybody(store)}
    assert late == {"kim": False, "ann": True, "bo": True}


# --- the table of a class --------------------------------------------------------------------


def test_the_table_has_family_names_and_a_byte_order_mark(tmp_path: Path) -> None:
    """Excel reads it as UTF-8; family names are those of the roster."""
    table = 'Student,ID\n"Müller, Kim",kim\nAnn,ann\n'
    graded(tmp_path, ("Kim Müller", "a", 17.0, ""), ("Ann", "b", 3.0, ""), rule="last")
    with Store(tmp_path, write=True) as store, store.writing():
        run = store.begin("grade", Settings())
        store.enrol(run, Course("r.csv", students=tuple(roster(table.encode(), "r.csv"))))
    with Store(tmp_path, write=False) as store:
        assert [row.ids.get("family") for row in class_rows(store)] == [None, "Müller"]
        hidden = class_rows(store, pseudonyms=True)
    assert [row.ids for row in hidden] == [{}, {}]
    done = CliRunner().invoke(main, ["summary", str(tmp_path), "--format", "csv"])
    assert done.stdout_bytes.startswith(b"\xef\xbb\xbfstudent,")
    head, *rows = done.stdout_bytes.decode("utf-8-sig").splitlines()
    at = head.split(",").index("family_name")
    assert [row.split(",")[at] for row in rows] == ["", "Müller"]


def test_first_and_last_names_of_a_roster() -> None:
    """Columns that stand apart give the family name, too."""
    (student,) = roster(b"First name,Surname,Email\nMary Ann,van Dyke,m@x\n", "r.csv")
    assert (student.name, student.names[-1]) == ("Mary Ann van Dyke", "van Dyke, Mary Ann")
