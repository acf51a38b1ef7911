"""Points that a person has set are said in one sentence, in every format."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace
from platforms import read
from results import result

from gradkit.records.result import Decision, Result
from gradkit.report import FORMATS, data, github, render
from gradkit.report.data import apply_visibility, to_row
from gradkit.report.html import page
from gradkit.report.html.class_page import class_page
from gradkit.report.html.page import fragment
from gradkit.report.text import to_text
from gradkit.report.words import STALE, override_text

WORD = Decision(2.5, "A. Miller", "2026-11-25T09:30:00.000+00:00", "the sheet was\nunclear", False)
SAID = (
    "Set to 4 of 5 by A. Miller on 2026-11-25: the sheet was unclear. The computed points are 2.5."
)


def with_word(word: Decision | None = WORD, check: str = "forward", score: float = 4.0) -> Result:
    """A result in which one check's points are a person's."""
    made = result()
    (task,) = made.tasks
    checks = tuple(
        replace(each, score=score, decision=word) if each.check == check else each
        for each in task.checks
    )
    return replace(made, tasks=(replace(task, checks=checks),))


def flat(text: str) -> str:
    """The text on one line."""
    return " ".join(text.split())


SHOWN: dict[str, Callable[[Result], str]] = {
    **{
        word: lambda made, word=word: flat(read(word, render(word, [made], 1)))
        for word in FORMATS
        if word not in ("html", "github")
    },
    "github": lambda made: github.render([made], 1).partition("::notice")[2],
    "page": lambda made: page.render([made], 1),
    "class page": lambda made: class_page([to_row(made, 4)], "class"),
    "notebook": lambda made: fragment("Task", made, 1),
}


@pytest.mark.parametrize("check", ["forward", "interface", "update"])
@pytest.mark.parametrize("name", SHOWN)
def test_every_format_says_it(name: str, check: str) -> None:
    """On a check that passed, one that erred, one that failed; at the lowest level; once."""
    made = with_word(check=check)
    (said,) = (override_text(each) for each in made.tasks[0].checks if each.decision is not None)
    assert SHOWN[name](made).count(said) == 1
    assert "A. Miller" not in SHOWN[name](with_word(None, check))


@pytest.mark.parametrize("name", SHOWN)
def test_every_format_says_that_it_is_stale(name: str) -> None:
    """And of one that is not, not."""
    assert STALE in SHOWN[name](with_word(replace(WORD, stale=True)))
    assert STALE not in SHOWN[name](with_word())


def test_the_sentence() -> None:
    """On one line, with one stop after a comment that has its own; without one, no colon."""
    (check,) = (each for each in with_word().tasks[0].checks if each.decision)
    assert override_text(check) == SAID
    for comment, said in (("Why not?", "25: Why not? The computed"), ("", "25. The computed")):
        assert said in override_text(replace(check, decision=replace(WORD, comment=comment)))
    assert override_text(replace(check, decision=None)) == ""


def test_points_that_stay_are_kept() -> None:
    """A person who accepts the computed points sets no others; half a point more is set."""
    (check,) = (each for each in with_word(score=2.5).tasks[0].checks if each.decision)
    kept = "Kept at 2.5 of 5 by A. Miller on 2026-11-25: the sheet was unclear."
    assert override_text(check) == kept
    assert override_text(replace(check, decision=replace(WORD, stale=True))) == f"{kept} {STALE}"
    assert override_text(replace(check, score=3.0)).startswith("Set to 3 of 5 by A. Miller")


def test_json_has_every_part() -> None:
    """The points given, what the mark would be, who, when, why, and whether it is stale."""
    (task,) = data.to_data(with_word(), 1)["tasks"]
    told = {check["check"]: check["decision"] for check in task["checks"]}
    assert told.pop("forward") == {
        "points": 4.0,
        "marked": 2.5,
        "by": "A. Miller",
        "made": "2026-11-25T09:30:00.000+00:00",
        "comment": "the sheet was\nunclear",
        "stale": False,
        "said": SAID,
    }
    assert set(told.values()) == {None}


def test_of_an_unseen_check_the_reason_is_held_back() -> None:
    """It is about what was found; who has set how many points is told."""
    made = replace(with_word(), visibility={"forward": "hidden"})
    (check,) = (each for each in apply_visibility(made).tasks[0].checks if each.check == "forward")
    assert override_text(check) == SAID.replace(": the sheet was unclear", "")
    assert "unclear" not in to_text([apply_visibility(made)], 4)
