"""What is new to a student, and nothing that they may not see."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from report.html.samples import WORDS
from report.html.samples import result as sample

from gradkit.classroom.feedback.pages import Former, Stand, changes
from gradkit.classroom.store.counted import basis_of
from gradkit.classroom.store.results import pack
from gradkit.records.classroom import Change, Kept, Override
from gradkit.records.course import Sender
from gradkit.records.reports import Changes
from gradkit.records.result import Result

KEPT = Kept(
    *("ada", "ada.py", "digest", "key", "graded", "", 12.5, 20.0, True),
    **{"id": 1, "taken": 1, "submission": 1, "seen": 1, "place": 0, "given": 1, "stamp": ""},
    sender=Sender("ada", "plain", {}, False, "ada.py"),
)
TASK = "regression-numpy"


def result() -> Result:
    """As it is stored: a person's words come to it later."""
    (task,) = sample().tasks
    checks = tuple(replace(check, decision=None) for check in task.checks)
    return replace(sample(), tasks=(replace(task, checks=checks),))


def stand(found: Result, *words: Override, digest: str = "digest", number: int = 1) -> Stand:
    """How things stand with that result."""
    return Stand(replace(KEPT, digest=digest), pack(found), number, words)


def word(check: str, points: float, comment: str = "agreed", id_: int = 1) -> Override:
    """Points that somebody has set."""
    task = result().tasks[0]
    found = next(each for each in task.checks if each.check == check)
    made = f"2026-11-0{id_}T10:00:00.000+00:00"
    return Override(TASK, check, points, basis_of(KEPT, task, found), "Vera", comment, made)


def compared(old: Stand, new: Stand, hints: int = 3, **facts: object) -> Changes | None:
    """The difference."""
    return changes(Former("2026-11-05", old, **facts), new, hints)  # type: ignore[arg-type]


def without_finding(found: Result) -> Result:
    """The same with all points of the check that it was charged to."""
    (task,) = found.tasks
    checks = tuple(
        replace(check, score=12.0) if check.check == "update" else check for check in task.checks
    )
    task = replace(task, checks=checks, findings=(), score=15.0)
    return replace(found, tasks=(task,), score=15.0)


def test_nothing_new_is_nothing() -> None:
    """Whatever has been done meanwhile."""
    assert compared(stand(result()), stand(result()), reasons=("marked again",)) is None
    same = word("update", 9.5, id_=1)
    assert compared(stand(result(), same), stand(result(), same)) is None


@pytest.mark.parametrize("level", WORDS)
def test_a_finding_that_is_gone_is_told_at_its_level(level: int) -> None:
    """By its title, or below that by where to look; never by more."""
    found = compared(stand(result()), stand(without_finding(result())), level, reasons=("why",))
    assert found is not None
    assert found.score == Change("ada", 12.5, 20.0, 15.0, 20.0)
    assert found.checks == (Change("Regression in numpy: update", 9.5, 12.0, 12.0, 12.0),)
    (gone,) = found.gone
    assert WORDS[min(level, 2)] in gone.said
    assert not any(each in gone.said for number, each in WORDS.items() if number > min(level, 2))
    assert bool(gone.entries) == (level >= 2)
    assert (found.come, found.words, found.attempts, found.reasons) == ((), (), None, ("why",))
    back = compared(stand(without_finding(result())), stand(result()), level)
    assert back is not None
    assert (back.gone, back.come) == ((), (gone,))


def test_points_that_were_set_and_taken_back() -> None:
    """With the reason of each."""
    set_ = compared(stand(result()), stand(result(), word("update", 11.0, "well, well")))
    assert set_ is not None
    (told,) = set_.words
    assert (told.check, told.points, told.comment) == ("update", 11.0, "well, well")
    again = compared(
        stand(result(), word("update", 11.0)), stand(result(), word("update", 11.0, "sure", 2))
    )
    assert again is not None
    assert [each.comment for each in again.words] == ["sure"]
    back = compared(
        stand(result(), word("update", 11.0)),
        stand(result()),
        taken_back=((TASK, "update", "not agreed"), (TASK, "forward", "else")),
    )
    assert back is not None
    (told,) = back.words
    assert (told.points, told.comment) == (None, "not agreed")


def test_a_check_that_is_not_shown_keeps_its_secrets() -> None:
    """Points are told, which are in the total anyway; neither finding nor reason is."""
    hidden = replace(result(), visibility={"update": "hidden"})
    found = compared(stand(hidden), stand(without_finding(hidden)))
    assert found is not None
    assert len(found.checks) == 1
    assert (found.gone, found.come) == ((), ())
    back = compared(
        stand(hidden, word("update", 1.0, "secret")),
        stand(hidden),
        taken_back=((TASK, "update", "secret"),),
    )
    assert back is not None
    assert "secret" not in str(back)
    given = compared(stand(hidden), stand(hidden, word("update", 1.0, "secret")))
    assert given is not None
    assert "secret" not in str(given)


def test_another_attempt_is_told_by_its_number() -> None:
    """By its contents: graded again it is the same one."""
    found = compared(stand(result()), stand(result(), digest="other", number=2))
    assert found is not None
    assert found.attempts == (1, 2)
    assert compared(stand(result()), stand(result(), number=2)) is None


def test_a_check_that_was_not_there() -> None:
    """Had nothing of nothing."""
    (task,) = result().tasks
    fewer = replace(result(), tasks=(replace(task, checks=task.checks[1:]),))
    found = compared(stand(fewer), stand(result()))
    assert found is not None
    assert found.checks == (Change("Regression in numpy: interface", 0.0, 0.0, 1.0, 1.0),)
