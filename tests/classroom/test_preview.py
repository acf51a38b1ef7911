"""What is known of a class before anything is run, and how it is told."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from accepted.conventions import ACCEPTED, write
from classroom.classes import MISTAKES, OTHER_EXERCISE, RIGHT
from classroom.downloads import folder
from model_solutions import ROOT, source
from rich.console import Console

from gradkit.classroom.course.roster import enrolment_of, roster
from gradkit.classroom.run import has_roles, is_empty, preview
from gradkit.records.course import Preview
from gradkit.report.table import show_preview
from gradkit.submission.read import gather, read
from gradkit.task.assignment import DEFAULT, read_assignment

pytestmark = pytest.mark.sample(6)

ASSIGNMENT = read_assignment(DEFAULT)


def seen(*paths: Path, students: bytes = b"") -> Preview:
    """What is known of the class at some paths."""
    listed = roster(students, "r.csv") if students else ()
    return preview(enrolment_of(gather(paths), listed), ASSIGNMENT)


def shown(known: Preview) -> str:
    """How it is printed."""
    buffer = io.StringIO()
    show_preview(known, Console(file=buffer, width=300))
    return buffer.getvalue()


def a_class(path: Path) -> Path:
    """A download of Canvas in which everything is that can be."""
    for number, (name, text) in enumerate(
        {
            "annmo": RIGHT,
            "benra": MISTAKES[0],
            "copycat": RIGHT,
            "emptya": "",
            "emptyb": '"""To do."""\n# soon\npass\n',
            "other": OTHER_EXERCISE,
            "broken": "def f(:\n",
        }.items()
    ):
        folder(path, f"{name}_{100 + number}_900{number}_work{number}.py", text=text)
    folder(path, "latelou_LATE_201_9101_work.py", text=MISTAKES[1])
    folder(path, "pdfpat_202_9102_work.pdf", text="%PDF")
    return path


def test_a_class_is_looked_at_before_anything_is_run(tmp_path: Path) -> None:
    """Each of them is on the lists where it belongs, and on no other."""
    again = folder(tmp_path / "again", "annmo_100_9200_work0-1.py", text=MISTAKES[2])
    known = seen(
        a_class(tmp_path / "subs"),
        again,
        students=b"Name,Canvas ID\nAnn Mo,100\nBen Ra,101\nZoe Gone,999\nCat A,1\nCopy Cat,2\n"
        b"Copy-Cat,3\n",
    )
    assert (known.total, known.sources) == (10, {"canvas": 10})
    assert known.late == ("latelou",)
    assert known.several == (("Ann Mo", 2),)
    assert known.duplicates == (("Ann Mo", "copycat"),)
    assert known.empty == ("emptya", "emptyb")
    assert [name for name, _ in known.refused] == ["pdfpat"]
    assert [name for name, _ in known.other] == ["other"]
    assert known.broken == (("broken", "work6.py:1 is not valid Python: invalid syntax."),)
    assert known.other[0][1].startswith(
        "other: This looks like another exercise. No function belongs to “"
    )
    assert known.open == (("copycat", ("Copy Cat", "Copy-Cat")),)
    assert known.absent == ("Zoe Gone", "Cat A", "Copy Cat", "Copy-Cat")
    assert known.unmatched == ("broken", "emptya", "emptyb", "latelou", "other", "pdfpat")


def test_nothing_is_said_of_what_is_in_order(tmp_path: Path) -> None:
    """Only how many there are, and how they are known."""
    path = folder(tmp_path / "class", "ann.py", text=RIGHT)
    known = seen(path, students=b"Name\nAnn\n")
    assert shown(known) == (
        "1 submission: 1 from files without a platform\nOnly submitted tasks count. To let a "
        "task count even if it was not submitted, name it with --task.\n"
    )
    assert known == Preview(1, {"plain": 1}, (), (), (), (), (), ())


def test_everything_is_printed(tmp_path: Path) -> None:
    """Under what it means, with counts."""
    known = Preview(
        total=7,
        sources={"canvas": 4, "moodle": 3},
        late=("lou",),
        several=(("ann", 2),),
        duplicates=(("ann", "cat"),),
        empty=("e",),
        refused=(("pat", "pat.pdf is not a file that can be graded."),),
        other=(("o", "o: This looks like another exercise."),),
        unmatched=("x\x1b[31m\ny",),
        open=(("kim", ("Kim A", "Kim B")),),
        absent=("Zoe",),
        broken=(("b", "b.py:1 is not valid Python."),),
        tasks=("regression-numpy", "regression-torch"),
        provisional=True,
    )
    assert shown(known).splitlines() == [
        "7 submissions: 4 from Canvas, 3 from Moodle",
        "in the roster, but nothing submitted (1)",
        "  Zoe",
        "submitted, but not in the roster (1)",
        "  x y",
        "could be several students of the roster (1)",
        "  kim: Kim A or Kim B",
        "several attempts (1)",
        "  ann: 2 attempts",
        "late (1)",
        "  lou",
        "the same contents under different names (1)",
        "  ann = cat",
        "empty (1)",
        "  e",
        "cannot be read (1)",
        "  pat: pat.pdf is not a file that can be graded.",
        "partly not valid Python (1)",
        "  b: b.py:1 is not valid Python.",
        "looks like another exercise (1)",
        "  o: This looks like another exercise.",
        "These tasks count, even if nothing was submitted: regression-numpy, regression-torch.",
        "Marks will be provisional. To make them final, name the folder of the model solutions "
        "with --reference.",
    ]


STUDENTS = [
    path
    for path in sorted((ROOT / "tests" / "sample_class").iterdir())
    if path.suffix in (".py", ".ipynb")
]


@pytest.mark.parametrize("path", STUDENTS, ids=lambda path: path.name)
def test_only_another_exercise_is_told_for_one(path: Path) -> None:
    """As students write: whatever has one role is of this exercise."""
    submission = read(path)
    assert has_roles(submission, ASSIGNMENT) == ("another_exercise" not in path.name)
    assert not is_empty(submission)


def test_no_accepted_convention_is_told_for_another_exercise(tmp_path: Path) -> None:
    """Not one of them, whatever its functions are called."""
    assert [
        entry.id
        for entry in ACCEPTED
        if not has_roles(read(write(entry.source, tmp_path)), ASSIGNMENT)
    ] == []


@pytest.mark.parametrize("name", ["regression_numpy", "classification_torch"])
def test_model_solutions_have_roles(tmp_path: Path, name: str) -> None:
    """Torch's are known by their form; with no statement left they are empty."""
    path = folder(tmp_path, "x.py", text=source(name)) / "x.py"
    assert has_roles(read(path), ASSIGNMENT)
    path.write_text("".join(f"# {line}\n" for line in source(name).splitlines()))
    assert is_empty(read(path))
