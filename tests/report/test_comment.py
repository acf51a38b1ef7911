"""A result as a comment beside a grade: at its level, within its size, and plain text."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace
from report.html.samples import HOSTILE, WORDS, changes, result

from gradkit.records.result import Decision, Result
from gradkit.report import markdown, text
from gradkit.report.html.page import student_page
from gradkit.report.plain_text import LIMIT, to_comment


@pytest.mark.parametrize("level", WORDS)
def test_a_comment_holds_its_level_and_nothing_above(level: int) -> None:
    """As the page does."""
    said = to_comment(result(), level)
    for other, word in WORDS.items():
        shown = other == level == 1 or 1 < other <= level
        assert (word in said) == shown, other


def test_points_of_checks_add_up() -> None:
    """Each check with its sign, points and state."""
    lines = to_comment(result(), 3).splitlines()
    assert lines[0] == "12.5 / 20 points"
    assert "Regression in numpy: 12.5 / 20" in lines
    assert "✓ interface 1 / 1 pass" in lines
    assert "✗ update 9.5 / 12 fail" in lines
    assert "– gradient blocked" in lines


def test_what_has_changed_comes_first() -> None:
    """With the reason."""
    lines = to_comment(result(), 3, changes()).splitlines()
    assert lines[1:3] == [
        "Since 2026-11-20: 9.5 / 20 before, 12.5 / 20 now.",
        "Reason: Reason plain",
    ]


def test_what_is_not_graded_any_more_has_no_points() -> None:
    """Where a person has taken back the points of what could not be graded."""
    told = changes()
    gone = replace(told, score=replace(told.score, new=0.0, new_max=0.0))
    said = "Since 2026-11-20: 9.5 / 20 before, not graded now."
    assert to_comment(result(), 3, gone).splitlines()[1] == said
    never = replace(gone, score=replace(gone.score, old=0.0, old_max=0.0))
    said = "Since 2026-11-20: still not graded."
    assert to_comment(result(), 3, never).splitlines()[1] == said
    assert "Your submission is still not graded." in student_page(result(), 3, never)


SAID = "“Regression” was not submitted."


@pytest.mark.parametrize(
    "show",
    [to_comment, *(lambda one, level, of=of: of.render([one], level) for of in (text, markdown))],
)
def test_what_was_not_handed_in_is_said_once(show: Callable[[Result, int], str]) -> None:
    """Of all checks of a task, the points of each with it; what a person has set is said too."""
    plain = result()
    (task,) = plain.tasks
    missing = {"state": "missing", "message": SAID, "courses": (), "decision": None}
    checks = [replace(check, **missing) for check in task.checks]
    for absent, times in ((True, 1), (False, len(checks))):
        made = replace(task, checks=tuple(checks), findings=(), absent=absent)
        said = show(replace(plain, tasks=(made,)), 3)
        assert said.count(SAID) == times
        assert all(check.check in said for check in checks)
    checks[-1] = replace(checks[-1], decision=Decision(0.0, "me", "2026-11-27", "by mail", False))
    made = replace(task, checks=tuple(checks), findings=(), absent=True)
    assert "by mail" in show(replace(plain, tasks=(made,)), 3)


@pytest.mark.slow
def test_a_comment_is_text_of_bounded_size() -> None:
    """Whatever a student wrote."""
    said = to_comment(result("ada", HOSTILE), 4, changes(HOSTILE))
    assert not any(sign in said for sign in "\x00\x08\x1b\u202e\ud800")
    task = result().tasks[0]
    many = tuple(replace(check, message="word " * 9000) for check in task.checks * 9)
    long = replace(result(), tasks=(replace(task, checks=many, score=0.0, findings=()),))
    assert len(to_comment(long, 4).encode()) <= LIMIT


def test_why_code_stops_is_said_once_in_the_terminal() -> None:
    """Where it does so in several checks."""
    plain = result()
    (task,) = plain.tasks
    stopped = {"state": "error", "message": "It stopped.", "courses": (), "decision": None}
    checks = tuple(replace(check, **stopped) for check in task.checks)
    made = replace(task, checks=checks, findings=())
    assert text.render([replace(plain, tasks=(made,))], 3).count("It stopped.") == 1
    other = replace(checks[0], message="It stopped for another reason.")
    made = replace(made, checks=(other, *checks[1:]))
    assert text.render([replace(plain, tasks=(made,))], 3).count("It stopped") == 2
