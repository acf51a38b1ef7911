"""A grader withdraws, prices or accepts a finding for one student; the points always add up."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from classroom.answering import ANNA, TASK, UPDATE, gradkit
from msgspec.structs import replace
from review.conftest import Browser, form_of

from gradkit.classroom.reports.purge import purge
from gradkit.classroom.reports.stored import student_result
from gradkit.classroom.reports.summary import held_marks
from gradkit.classroom.store.counted import Counting, overrides
from gradkit.classroom.store.results import Store, pack, unpack
from gradkit.records.result import CheckResult, Finding, Result

pytestmark = [pytest.mark.usefixtures("warm"), pytest.mark.sample(3)]

CODE = "swapped-index"


def page(browser: Browser) -> str:
    """Return Anna's page."""
    return browser.get("student", name=ANNA).text


def form(browser: Browser, **wanted: str) -> dict[str, str]:
    """Return the hidden fields of the form that decides about a finding of Anna's submission."""
    return form_of(page(browser), "finding", **{"mistake": CODE, **wanted})


def decide(browser: Browser, action: str, percent: str = "", **wanted: str) -> int:
    """Send a decision about a finding of Anna's submission, and return the status."""
    fields = {"percent": percent, "comment": "as agreed", "action": action}
    return browser.post("finding", **form(browser, **wanted), **fields).status


def checks(folder: Path) -> dict[str, CheckResult]:
    """Return Anna's checks, and assert that the score and the costs of findings add up."""
    result = student_result(folder, ANNA).result
    found = {check.check: check for task in result.tasks for check in task.checks}
    assert result.score == round(sum(check.score for check in found.values()), 2)
    costs = dict.fromkeys(found, 0.0)
    for finding in findings(folder):
        for name, cost in finding.costs.items():
            costs[name] += cost
    lost = {name: round(each.max_score - each.score, 2) for name, each in found.items()}
    assert {name: round(cost, 2) for name, cost in costs.items()} == lost
    return found


def findings(folder: Path) -> list[Finding]:
    """Return the findings that Anna is shown."""
    result = student_result(folder, ANNA).result
    return [finding for task in result.tasks for finding in task.findings]


def lost_by(folder: Path) -> dict[str, float]:
    """Return the points that Anna loses, by check."""
    found = checks(folder).values()
    return {c.check: round(c.max_score - c.score, 2) for c in found if c.score < c.max_score}


def shown_total(browser: Browser) -> str:
    """Return the total of Anna's page."""
    return page(browser).partition('class="total"><strong>')[2].partition("</strong>")[0]


def change_result(folder: Path, change: Callable[[Result], Result]) -> None:
    """Replace Anna's stored result, which has one finding, by another."""
    with Store(folder, write=True) as store, store.writing():
        id_ = Counting(store).attempts[ANNA].kept.id
        packed = pack(change(unpack(store.result(id_), Result)))
        store.change("UPDATE results SET packed = ? WHERE id = ?", (packed, id_))


def with_second_finding(result: Result) -> Result:
    """Add a finding that costs half a point of the update, and for which its mark is held."""
    (task,) = result.tasks
    second = replace(
        task.findings[0], id="second", mistake="unexplained", costs={"update": 0.5}, deduction=0.5
    )
    changed = tuple(
        replace(check, score=check.score - 0.5, held=("unexplained",))
        if check.check == "update"
        else check
        for check in task.checks
    )
    new = replace(task, checks=changed, findings=(*task.findings, second), score=task.score - 0.5)
    return replace(result, tasks=(new,), score=result.score - 0.5)


def test_a_finding_is_withdrawn_here_and_counted_again(browser_page: Browser) -> None:
    """The student gets its cost back and is not shown it; nobody else is concerned."""
    folder = browser_page.folder
    before = lost_by(folder)
    assert len(before) > 1
    assert decide(browser_page, "withdrawn") == 303
    assert lost_by(folder) == {}
    assert findings(folder) == []
    with Store(folder, write=False) as store:
        assert {*overrides(store)} == {ANNA}
    text = page(browser_page)
    assert f"{CODE} withdrawn here by Default: as agreed" in text
    assert shown_total(browser_page) == "20"
    steps = gradkit("history", folder, ANNA).stdout
    assert "as agreed" in steps
    assert decide(browser_page, "undone") == 303
    assert lost_by(folder) == before
    assert [finding.mistake for finding in findings(folder)] == [CODE]
    with Store(folder, write=False) as store:
        assert overrides(store) == {}
    assert "withdrawn here" not in page(browser_page)


def test_a_finding_is_priced_here(browser_page: Browser) -> None:
    """Each check that it affects loses the share; a new price replaces the former."""
    folder = browser_page.folder
    before = {name: checks(folder)[name].max_score for name in lost_by(folder)}
    for percent, share in (("10", 0.1), ("0", 0.0), ("12,5", 0.125)):
        assert decide(browser_page, "priced", percent) == 303
        lost = {name: round(share * most, 2) for name, most in before.items() if share}
        assert lost_by(folder) == lost
    text = page(browser_page)
    assert "Priced here at 12.5 % of a check's points by Default: as agreed" in text
    assert shown_total(browser_page) == f"{20 - sum(lost_by(folder).values()):g}"


def test_decisions_about_two_findings_of_one_check_add_up(browser_page: Browser) -> None:
    """Each can be taken back by itself, in any order."""
    folder = browser_page.folder
    first = lost_by(folder)
    change_result(folder, with_second_finding)
    both = {**first, "update": first["update"] + 0.5}
    assert lost_by(folder) == both
    assert decide(browser_page, "withdrawn") == 303
    assert lost_by(folder) == {"update": 0.5}
    assert decide(browser_page, "withdrawn", mistake="unexplained") == 303
    assert lost_by(folder) == {}
    assert decide(browser_page, "undone") == 303
    assert lost_by(folder) == first
    assert decide(browser_page, "undone", mistake="unexplained") == 303
    assert lost_by(folder) == both


def test_held_marks_are_accepted_here(browser_page: Browser) -> None:
    """The points stay as they are, and count."""
    change_result(browser_page.folder, with_second_finding)
    before = lost_by(browser_page.folder)
    assert checks(browser_page.folder)["update"].held
    assert decide(browser_page, "accepted", mistake="unexplained") == 303
    assert lost_by(browser_page.folder) == before
    assert checks(browser_page.folder)["update"].held == ()
    assert "Held marks accepted here by Default: as agreed" in page(browser_page)
    assert decide(browser_page, "undone", mistake="unexplained") == 303
    assert checks(browser_page.folder)["update"].held


def test_marks_stay_held_for_a_finding_that_nobody_has_decided_about(
    browser_page: Browser,
) -> None:
    """A decision about another finding of the check does not release them."""
    change_result(browser_page.folder, with_second_finding)
    assert decide(browser_page, "withdrawn") == 303
    assert checks(browser_page.folder)["update"].held == ("unexplained",)
    with Store(browser_page.folder, write=False) as store:
        result = Counting(store).result(ANNA)
    assert result is not None
    assert held_marks(result) == {UPDATE: ("unexplained",)}
    assert decide(browser_page, "accepted", mistake="unexplained") == 303
    assert checks(browser_page.folder)["update"].held == ()


def test_points_that_a_person_has_set_stay(browser_page: Browser) -> None:
    """A decision sets the points of the other checks, and the page says so."""
    sent = form_of(page(browser_page), "points", item=UPDATE)
    browser_page.post("points", **sent, points="1", comment="by hand")
    assert "A person has set the points of update. These do not change." in page(browser_page)
    assert decide(browser_page, "withdrawn") == 303
    result = student_result(browser_page.folder, ANNA).result
    lost = {c.check: c.max_score - c.score for t in result.tasks for c in t.checks}
    assert {name: points for name, points in lost.items() if points} == {"update": 5.0}
    sent = form_of(page(browser_page), "points", item=UPDATE)
    browser_page.post("points", **sent, points="", comment="undone", withdraw="yes")
    assert "update" in lost_by_any(browser_page.folder)


def lost_by_any(folder: Path) -> set[str]:
    """Return the checks of which Anna has not all points."""
    result = student_result(folder, ANNA).result
    return {c.check for t in result.tasks for c in t.checks if c.score < c.max_score}


def test_all_checks_of_a_finding_can_be_set_by_a_person(browser_page: Browser) -> None:
    """Then there is no form; one that was open before is refused."""
    old = form(browser_page)
    for name in lost_by(browser_page.folder):
        sent = form_of(page(browser_page), "points", item=f"{TASK}/{name}")
        browser_page.post("points", **sent, points="1", comment="by hand")
    text = page(browser_page)
    assert "Take them back to decide about swapped-index here." in text
    assert 'name="mistake"' not in text
    new = {**old, "revision": revision(browser_page.folder)}
    fields = {"percent": "", "comment": "x", "action": "withdrawn"}
    answer = browser_page.post("finding", **new, **fields)
    assert answer.status == 400
    assert "A person has set the points of " in answer.text


def revision(folder: Path) -> str:
    """Return the present revision of Anna's finding."""
    from gradkit.classroom.store.finding_decisions import decidable_findings

    with Store(folder, write=False) as store:
        kept = Counting(store).attempts[ANNA].kept
        (found,) = decidable_findings(store, kept, overrides(store).get(ANNA, ())).values()
    return found.revision


@pytest.mark.parametrize("first", ["finding", "points"])
def test_two_graders_decide_about_one_finding(
    open_browser: Callable[..., Browser], first: str
) -> None:
    """The second is told what the first has set, and what was typed is shown again."""
    ada, bea = open_browser("Ada"), open_browser("Bea")
    old = form(bea)
    if first == "finding":
        assert decide(ada, "withdrawn") == 303
    else:
        sent = form_of(page(ada), "points", item=UPDATE)
        assert ada.post("points", **sent, points="5", comment="nearly right").status == 303
    before = student_result(ada.folder, ANNA).result.score
    answer = bea.post("finding", **old, percent="50", comment="a basic one", action="priced")
    assert answer.status == 409
    assert "Points that swapped-index affects have changed meanwhile: Ada has set" in answer.text
    assert "<dd>a basic one</dd>" in answer.text
    assert student_result(ada.folder, ANNA).result.score == before


def test_a_decision_that_was_taken_back_meanwhile(open_browser: Callable[..., Browser]) -> None:
    """The second grader is told that nothing is decided now."""
    ada, bea = open_browser("Ada"), open_browser("Bea")
    decide(ada, "withdrawn")
    old = form(bea)
    decide(ada, "undone")
    answer = bea.post("finding", **old, percent="", comment="x", action="undone")
    assert answer.status == 409
    assert "Now no points are set by a person." in answer.text


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"comment": " "}, "The reason is missing. The student can read it."),
        ({"action": "priced"}, "The percentage is missing."),
        ({"action": "priced", "percent": "101"}, "is 101 %; expected 0 to 100 %."),
        ({"action": "accepted"}, "No marks are held for swapped-index here."),
        ({"action": "undone"}, "Nothing is decided about swapped-index here."),
        ({"action": "delete"}, "The form is incomplete."),
        ({"finding": "none"}, "This submission does not have this finding any more."),
        ({"digest": "old"}, f"Another attempt of {ANNA} counts now."),
    ],
)
def test_a_decision_that_is_not_possible_is_refused(
    browser_page: Browser, changes: dict[str, str], why: str
) -> None:
    """Nothing is stored, and the message says what is possible."""
    sent = {**form(browser_page), "percent": "", "comment": "x", "action": "withdrawn", **changes}
    answer = browser_page.post("finding", **sent)
    assert (answer.status, why in answer.text) == (400, True)
    with Store(browser_page.folder, write=False) as store:
        assert overrides(store) == {}


def test_findings_cannot_cost_more_than_all_points(browser_page: Browser) -> None:
    """The message has the check."""
    change_result(browser_page.folder, with_second_finding)
    sent = {**form(browser_page), "percent": "100", "comment": "x", "action": "priced"}
    answer = browser_page.post("finding", **sent)
    assert answer.status == 400
    assert "update would get -0.5 points: its other findings cost the rest." in answer.text


def test_findings_without_costs_cannot_be_priced(browser_page: Browser) -> None:
    """With the preset numbers, points follow from numbers alone."""
    change_result(browser_page.folder, lambda result: replace(result, preset="numbers"))
    sent = {**form(browser_page), "percent": "5", "comment": "x", "action": "priced"}
    answer = browser_page.post("finding", **sent)
    assert answer.status == 400
    assert "With the preset numbers findings cost nothing" in answer.text


def test_another_finding_does_not_undo_a_withdrawal(browser_page: Browser) -> None:
    """It is shown, and the points of its check, which a person has set, are to be looked at."""
    assert decide(browser_page, "withdrawn") == 303
    change_result(browser_page.folder, with_second_finding)
    assert [finding.mistake for finding in findings(browser_page.folder)] == ["unexplained"]
    assert "update" in stale_checks(browser_page.folder)


def test_a_withdrawal_from_other_results_hides_nothing(browser_page: Browser) -> None:
    """The points stay, and all of them are to be looked at."""
    affected = set(lost_by(browser_page.folder))
    assert decide(browser_page, "withdrawn") == 303

    def changed(result: Result) -> Result:
        (task,) = result.tasks
        now_error = tuple(
            replace(check, state="error") if check.check in affected else check
            for check in task.checks
        )
        return replace(result, tasks=(replace(task, checks=now_error),))

    change_result(browser_page.folder, changed)
    assert [finding.mistake for finding in findings(browser_page.folder)] == [CODE]
    assert stale_checks(browser_page.folder) == affected


def stale_checks(folder: Path) -> set[str]:
    """Return Anna's checks whose points a person has set for other findings."""
    result = student_result(folder, ANNA).result
    return {c.check for t in result.tasks for c in t.checks if c.decision and c.decision.stale}


def test_a_class_file_of_an_earlier_version_is_reviewed(browser_page: Browser) -> None:
    """The table of decisions is added with the first of them."""
    with Store(browser_page.folder, write=True) as store, store.writing():
        store.change("DROP TABLE finding_decisions")
    assert decide(browser_page, "withdrawn") == 303
    assert findings(browser_page.folder) == []


def test_decisions_about_a_removed_student_are_removed(browser_page: Browser) -> None:
    """Nothing of them stays in the class file."""
    assert decide(browser_page, "withdrawn") == 303
    with Store(browser_page.folder, write=True) as store:
        assert store.rows("SELECT id FROM finding_decisions")
        purge(store, ANNA)
        assert store.rows("SELECT id FROM finding_decisions") == []
