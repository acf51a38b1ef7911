"""Marks that rest on what nothing explains are held until a person accepts or prices them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from classroom.classes import RIGHT, SETTINGS, handed_in, results
from classroom.here import grade_here
from click.testing import CliRunner
from click.testing import Result as Ended

from gradkit.classroom.feedback.give import FeedbackError, Plan, feedback
from gradkit.classroom.reports.summary import held_marks, review
from gradkit.classroom.store.counted import override
from gradkit.classroom.store.results import Store
from gradkit.cli import main
from gradkit.grading.points import HELD
from gradkit.records.reports import Given
from gradkit.records.result import Result

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("warm")]

STRANGE = f"""{RIGHT}

def update_parameters(parameters, y, y_hat, A1, X):
    for value in parameters.values():
        value += 0.01 * np.sinh(value + 1.7) * np.cosh(np.sum(X) * y_hat)
"""
"""A step that no mistake of the catalogue and no small change explains."""


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A class of a right submission and a strange one."""
    folder = tmp_path_factory.mktemp("held")
    handed = handed_in(folder / "handed", ann=RIGHT, ben=STRANGE)
    grade_here(handed, folder / "out", SETTINGS)
    return folder / "out"


@pytest.fixture
def out(graded: Path, tmp_path: Path) -> Path:
    """The class, to be written into."""
    return shutil.copytree(graded, tmp_path / "out")


def held(out: Path) -> dict[str, tuple[str, ...]]:
    """Return the held checks of the strange submission as they are stored."""
    found = results(out)["ben"]
    assert isinstance(found, Result)
    return held_marks(found)


def gradkit(*words: object) -> Ended:
    """Run a command in this process."""
    return CliRunner().invoke(main, [*map(str, words)])


def give(out: Path) -> Given:
    """Write the pages of all students."""
    with Store(out, write=True) as store:
        return feedback(store, Plan("folder", out / "feedback" / "pages", 3))


def test_a_held_mark_comes_first_in_review_and_is_not_given_back(out: Path) -> None:
    """The student gets nothing, with a reason for the instructor; others get their pages."""
    codes = {code for found in held(out).values() for code in found}
    assert codes
    with Store(out, write=False) as store:
        rows = review(store)
    assert rows[0].name == "ben"
    assert rows[0].review[0].kind == "held"
    words = rows[0].review[0].words
    assert words.startswith(
        "you must confirm the points of regression-numpy/update: for this student with `gradkit "
        "review DIR --serve`, or for the class with `gradkit remark DIR --accept "
    )
    assert all(f"--accept {code}" in words for code in codes)
    done = give(out)
    assert done.pages == 1
    (left,) = done.left
    assert left.student == "ben"
    assert left.why.startswith("marks are held until you confirm them (regression-numpy/update: ")
    assert left.why.endswith(
        "accept them with `gradkit remark DIR --accept CODE`, or set points with `gradkit override`"
    )


def test_a_kind_is_accepted_for_the_class_and_stays_accepted(out: Path) -> None:
    """The points stay as they are; a run with other settings does not hold them again."""
    before = results(out)["ben"]
    assert isinstance(before, Result)
    codes = sorted({code for found in held(out).values() for code in found})
    assert codes
    for code in codes:
        assert gradkit("remark", out, "--accept", code, "--why", "seen").exit_code == 0
    after = results(out)["ben"]
    assert isinstance(after, Result)
    assert held(out) == {}
    assert after.score == before.score
    assert not any(HELD in check.notes for task in after.tasks for check in task.checks)
    assert give(out).pages == 2
    assert gradkit("remark", out, "--preset", "strict").exit_code == 0
    assert held(out) == {}


def test_points_that_a_person_sets_are_not_held(out: Path) -> None:
    """Check by check; when all have points, the student gets the page."""
    assert held(out)
    for name in held(out):
        with Store(out, write=True) as store:
            override(store, "ben", name, 1.0, comment="seen", by="Vera")
    assert give(out).pages == 2


def test_a_class_in_which_all_marks_are_held_gets_a_sentence(tmp_path: Path) -> None:
    """It says where they are listed and how they are accepted."""
    handed = handed_in(tmp_path / "handed", ben=STRANGE)
    grade_here(handed, tmp_path / "out", SETTINGS)
    with pytest.raises(
        FeedbackError, match=r"all marks are held .*`gradkit remark .*out --accept CODE`"
    ):
        give(tmp_path / "out")
