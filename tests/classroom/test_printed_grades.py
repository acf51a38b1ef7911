"""What `gradkit grade` prints: a line for each student, the most frequent mistake, what is next."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from classroom.classes import RIGHT, SETTINGS, handed_in
from classroom.here import grade_here
from msgspec.structs import replace
from rich.console import Console

from gradkit.classroom.reports.summary import class_rows, frequent_mistake
from gradkit.classroom.store.results import Store
from gradkit.records.classroom import FrequentMistake, Reason, Row
from gradkit.records.result import UNEXPLAINED
from gradkit.report.grades import next_commands, show_grades

pytestmark = pytest.mark.usefixtures("warm")

UPHILL = RIGHT.replace("d_output = -2 * (y - y_hat)", "d_output = 2 * (y - y_hat)")
RATE = RIGHT.replace("WEIGHT_RATE = 0.001", "WEIGHT_RATE = 0.002")


def printed(rows: Sequence[Row], mistake: FrequentMistake | None = None) -> list[str]:
    """Return the lines that `show_grades` prints."""
    console = Console(width=200)
    with console.capture() as capture:
        show_grades(rows, mistake, console)
    return [line.rstrip() for line in capture.get().splitlines()]


def class_of(folder: Path, **texts: str) -> tuple[list[Row], FrequentMistake | None]:
    """Grade a class, and return its rows and most frequent mistake."""
    grade_here(handed_in(folder / "class", **texts), folder / "out", SETTINGS)
    with Store(folder / "out", write=False) as store:
        rows = class_rows(store)
        return rows, frequent_mistake(store, rows)


def test_each_student_has_a_line() -> None:
    """It has the score or why there is none, mistakes, and the first reason to look."""
    reasons = (Reason("missing", "update missing"), Reason("missing", "forward missing"))
    refused = Reason("refused", "refused")
    codes = dict.fromkeys(("wrong-sign", "swapped-index", "not-updated", "overwritten"), "")
    rows = (
        Row("ann", "graded", score=20.0, max_score=20.0),
        Row("ben", "graded", score=3.5, max_score=20.0, mistakes=codes, review=reasons),
        Row("cas", "refused", "cas: There is no code.", review=(refused,), ungraded="refused"),
        Row("dan", "absent", ungraded="nothing submitted", review=(Reason("absent", "absent"),)),
    )
    assert printed(rows) == [
        "3 submissions, 2 graded, 1 refused, 1 student without a submission that counts",
        "student  score              notes",
        "ann      20 / 20",
        "ben      3.5 / 20           wrong-sign, swapped-index, not-updated and 1 more; "
        "review: update missing and 1 more",
        "cas      refused            There is no code.",
        "dan      nothing submitted",
    ]


@pytest.mark.slow
def test_the_most_frequent_mistake_is_shown_in_full(tmp_path: Path) -> None:
    """With the line of the student who made the fewest other mistakes, and the correct formula."""
    both = UPHILL.replace("WEIGHT_RATE = 0.001", "WEIGHT_RATE = 0.002")
    assert len({RIGHT, UPHILL, RATE, both}) == 4
    rows, mistake = class_of(tmp_path, ann=both, ben=UPHILL, cas=RATE, dan=UPHILL + "#")
    assert mistake is not None
    count = sum("wrong-sign" in row.mistakes for row in rows)
    assert (mistake.finding.mistake, mistake.name, mistake.students) == ("wrong-sign", "ben", count)
    lines = printed(rows, mistake)
    start = lines.index(f"Most frequent mistake: wrong-sign ({count} students). Example: ben")
    assert lines[start + 1].startswith("  The step has the wrong sign: ")
    text = "\n".join(lines[start:])
    assert "ben.py:" in text
    assert "should move" in text
    assert "gradkit explain" not in text


def test_a_class_without_mistakes_has_none(tmp_path: Path) -> None:
    """Nothing is printed below the table."""
    rows, mistake = class_of(tmp_path, ann=RIGHT)
    assert mistake is None
    assert printed(rows, mistake)[-1].startswith("ann")


def test_what_has_no_name_is_no_frequent_mistake(tmp_path: Path) -> None:
    """A failure without an explanation, or a note for the instructor, is passed over."""
    rows, _ = class_of(tmp_path, ann=RIGHT)
    codes = dict.fromkeys((UNEXPLAINED, "numerical-gradient"), "")
    unnamed = [replace(row, mistakes=codes) for row in rows]
    with Store(tmp_path / "out", write=False) as store:
        assert frequent_mistake(store, unnamed) is None


def test_the_next_commands_can_be_copied() -> None:
    """The folder is quoted for a shell."""
    assert next_commands(Path("my results")) == (
        "Next: gradkit summary 'my results', gradkit review 'my results', gradkit feedback "
        "'my results', or gradkit show 'my results' NAME for a full report"
    )
