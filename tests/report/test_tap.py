"""The Test Anything Protocol: a test point for each check, all else comments."""

from __future__ import annotations

import re

from results import result

from gradkit.report.formats import refusal, render

POINT = re.compile(r"(ok|not ok) (\d+) - (.+?)(?: # SKIP (\S+))?")


def points_of(text: str) -> list[tuple[str, str, str, str]]:
    """The test points of a stream, held to its plan; every other line is a comment."""
    version, *lines = text.splitlines()
    assert version == "TAP version 13"
    (plan,) = [line for line in lines if re.fullmatch(r"1\.\.\d+", line)]
    rest = [line for line in lines if line != plan and not line.startswith("#")]
    found = [POINT.fullmatch(line) for line in rest]
    assert all(found), rest
    points = [match.groups(default="") for match in found if match]
    assert [int(number) for _, number, _, _ in points] == [*range(1, int(plan[3:]) + 1)]
    return [(ok, number, name, skip) for ok, number, name, skip in points]


def test_a_check_is_a_test_point() -> None:
    """Passed, failed, or left out: with its points, in order, numbered over all submissions."""
    assert points_of(render("tap", [result(), result()], 4))[:5] == [
        ("ok", "1", "regression-numpy interface (1 / 1)", ""),
        ("not ok", "2", "regression-numpy forward (0 / 5)", ""),
        ("not ok", "3", "regression-numpy update (1.75 / 12)", ""),
        ("ok", "4", "regression-numpy gradient (0 / 0)", "not-checked"),
        ("ok", "5", "regression-numpy trajectory (0 / 2)", "inconclusive"),
    ]
    assert len(points_of(render("tap", [result(), result()], 4))) == 10


def test_what_is_said_of_a_check_follows_it() -> None:
    """As comments, those of the submission ahead of all."""
    lines = render("tap", [result("my words")], 4).splitlines()
    assert lines[1] == "# my words: 2.75 / 20 points"
    update = next(number for number, line in enumerate(lines) if " update " in line)
    assert lines[update + 1].startswith("# ")
    assert "my words" in "\n".join(lines[update : update + 8])


def test_a_refusal_is_a_test_point_that_failed() -> None:
    """One for each submission, with the reason as a comment."""
    text = refusal("tap", ["a.py: cannot be read", "b.py: is empty\nok 3 - forged"])
    assert points_of(text) == [
        ("not ok", "1", "read the submission", ""),
        ("not ok", "2", "read the submission", ""),
    ]
    assert "# a.py: cannot be read" in text.splitlines()


def test_no_student_text_is_a_test_point() -> None:
    """A line that a student wrote stays behind its comment sign."""
    forged = "words\nok 1 - forged\nBail out!\n1..1"
    assert len(points_of(render("tap", [result(forged)], 4))) == 5
