"""Points: the price of each mistake, shares of outputs, held marks, and one rounding."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from gradkit.diagnosis.catalogue import CRASH, NO_RETURN
from gradkit.grading.points import (
    CENT,
    DIVERGES,
    HELD,
    HIDDEN_CHANGES,
    NO_STEP,
    OPEN,
    ROUNDED,
    WITHDRAWN,
    Scheme,
    mark,
    round_checks,
    round_half_up,
    score_by_numbers,
    share,
    total_of,
)
from gradkit.records.result import (
    UNEXPLAINED,
    Basis,
    CheckResult,
    Entry,
    Finding,
    Inquiry,
    State,
    TaskResult,
    Verdict,
)
from gradkit.records.submission import Place
from gradkit.records.task import Check, FunctionCheck, Task
from gradkit.report.words import cost_text, state_of
from gradkit.task.assignment import read_assignment

TASK = read_assignment().tasks[0]


def entries(*states: State) -> tuple[Entry, ...]:
    """Entries in these states."""
    return tuple(Entry("W1", (0, n), state, 0.0, 0.0) for n, state in enumerate(states))


def marked(*verdicts: Verdict, step: float = 0.25, derived: bool = False, **how) -> TaskResult:
    """A task of one check for each verdict; its points stand in ``worth``."""
    worth = how.pop("worth", [4.0] * len(verdicts))
    checks = tuple(Check(v.check, points) for v, points in zip(verdicts, worth, strict=True))
    task: Task = replace(TASK, checks=checks)
    inquiry = how.pop("inquiry", Inquiry())
    return mark(task, verdicts, inquiry, Scheme(step, derived=derived, **how))


@pytest.mark.parametrize(
    ("preset", "cost"), [("default", 0.1), ("strict", 0.25), ("lenient", 0.05)]
)
def test_single_precision_costs_what_a_wrong_figure_costs(preset: str, cost: float) -> None:
    """Beside the mistakes found, and with its reason; other checks lose their entries' share."""
    off = Verdict("update", "fail", "", entries("fail", "fail", "fail"))
    rounded = Inquiry((), {}, ("update",))
    result = marked(off, worth=[10.0], inquiry=rounded, preset=preset)
    assert result.checks[0].score == pytest.approx(10 * (1 - cost))
    assert result.checks[0].notes == (ROUNDED.format(points=f"{10 * cost:g}"),)
    assert marked(off, worth=[10.0]).checks[0].score == 0
    run = replace(off, check="trajectory", rounded=True)
    assert marked(run, worth=[10.0], preset=preset).checks == (
        replace(result.checks[0], check="trajectory"),
    )
    found = Finding("f", "update", "swapped-index", "", ("W1[0,0]",))
    both = marked(off, worth=[10.0], inquiry=replace(rounded, findings=(found,)))
    assert both.checks[0].score == pytest.approx(6)
    assert both.findings[0].deduction == pytest.approx(3)
    assert both.checks[0].notes == (ROUNDED.format(points="1"),)


def test_a_check_in_which_no_parameter_moves_earns_nothing() -> None:
    """The same verdict loses the price of its findings where steps are made."""
    update = Verdict("update", "fail", "", entries("fail", "fail"))
    course = Verdict("trajectory", "fail", "", entries("fail", "pass"))
    found = Finding("f", "update", "swapped-index", "", ("W1[0,0]",))
    inquiry = Inquiry((found,), {"trajectory": (found.id,)})
    made = marked(update, course, worth=[10.0, 10.0], inquiry=inquiry)
    assert [check.score for check in made.checks] == [7, 7]
    still = [replace(verdict, still=True) for verdict in (update, course)]
    none = marked(*still, inquiry=inquiry)
    assert [check.score for check in none.checks] == [0, 0]
    assert NO_STEP in none.checks[1].notes
    assert NO_STEP not in made.checks[1].notes


@pytest.mark.parametrize(("left", "earned"), [(1, 3.0), (3, 1.0)])
def test_what_is_never_updated_costs_its_share_of_each_check(left, earned) -> None:
    """One of four parameters costs a quarter of the update and of the trajectory."""
    update = Verdict("update", "fail", "", entries(*["fail"] * left, *["pass"] * (4 - left)))
    course = Verdict("trajectory", "fail", "", entries("fail"))
    labels = tuple(f"W1[0,{n}]" for n in range(left))
    found = Finding("f", "update", "not-updated", "", labels)
    inquiry = Inquiry((found,), {"trajectory": (found.id,)})
    scores = [check.score for check in marked(update, course, inquiry=inquiry).checks]
    assert scores == pytest.approx([earned, earned])


def test_a_diverging_run_earns_nothing_and_keeps_its_task_below_half() -> None:
    """Whatever the other checks earned; the note says so in a sentence."""
    others = [Verdict(name, "pass", "") for name in ("model", "forward")]
    gradient = Verdict("gradient", "pass", "", entries("pass"))
    run = Verdict("trajectory", "fail", "", entries("pass", "fail"), diverges=True)
    made = marked(*others, gradient, run, worth=[4.0, 4.0, 5.0, 7.0])
    assert (made.score, made.max_score) == (9.75, 20)
    assert sum(check.score for check in made.checks) == 9.75
    assert made.checks[-1].score == 0
    assert made.notes == (DIVERGES,)
    steady = marked(*others, gradient, replace(run, diverges=False), worth=[4.0, 4.0, 5.0, 7.0])
    assert steady.score > 10
    assert steady.notes == ()


def test_a_task_that_is_below_half_stays_where_it_is() -> None:
    """The bound takes nothing away there."""
    run = Verdict("trajectory", "fail", "", entries("pass", "fail"), diverges=True)
    made = marked(Verdict("forward", "pass", ""), run, worth=[4.0, 8.0])
    assert [check.score for check in made.checks] == [4, 0]


def test_a_diverging_run_is_forgiven_with_its_findings() -> None:
    """If all mistakes behind it are withdrawn."""
    run = Verdict("trajectory", "fail", "", entries("pass", "fail"), diverges=True)
    inquiry = Inquiry((finding("wrong-sign"),), {"trajectory": ("wrong-sign",)})
    update = Verdict("update", "fail", "", entries("fail"))
    assert [c.score for c in marked(update, run, inquiry=inquiry).checks] == [1.5, 0]
    forgiven = marked(update, run, inquiry=inquiry, dropped={"wrong-sign"})
    assert (forgiven.score, forgiven.notes) == (8, ())


def test_a_passed_check_earns_its_points() -> None:
    """All of them, whatever its entries."""
    result = marked(Verdict("forward", "pass", ""), worth=[5.0])
    assert (result.score, result.max_score, result.checkable) == (5, 5, 5)


@pytest.mark.parametrize("state", ["fail", "missing", "blocked"])
def test_a_failed_check_earns_the_share_of_its_entries(state: State) -> None:
    """Two of three entries passed, two thirds of the points, as its total is rounded."""
    verdict = Verdict("update", state, "", entries("pass", "fail", "pass"))
    assert share(verdict) == pytest.approx(2 / 3)
    result = marked(verdict, worth=[1.0])
    assert (result.checks[0].score, result.score) == (0.75, 0.75)


def test_what_ran_out_of_time_earns_nothing() -> None:
    """Even where some entries had passed before; its points stay checkable."""
    result = marked(Verdict("update", "timeout", "", entries("pass", "fail")))
    assert (result.score, result.checkable, result.provisional) == (0, 4, False)


@pytest.mark.parametrize(
    ("states", "score"), [((), 0), (("pass", "fail"), 2), (("pass",) * 4, 3), (("pass",), 0)]
)
def test_what_stops_earns_what_can_run_without_it(states: tuple[State, ...], score: int) -> None:
    """All but one entry at most: what stops is not right."""
    result = marked(Verdict("update", "error", "", entries(*states)))
    assert (result.score, result.checkable, result.provisional) == (score, 4, False)


def test_a_failed_check_without_entries_earns_nothing() -> None:
    """There is nothing to take a share of."""
    assert share(Verdict("forward", "fail", "")) == 0
    assert share(Verdict("forward", "blocked", "")) == 0


@pytest.mark.parametrize("state", OPEN)
def test_an_open_state_leaves_its_points_out(state: State) -> None:
    """Unknown is neither zero nor full: the result is provisional and says what was checkable."""
    result = marked(
        Verdict("forward", "pass", ""), Verdict("gradient", state, ""), worth=[5.0, 1.0]
    )
    assert (result.score, result.checkable, result.max_score) == (5, 5, 6)
    assert result.provisional


def test_a_derived_oracle_makes_a_result_provisional() -> None:
    """The instructor's grade is final."""
    assert marked(Verdict("forward", "pass", ""), derived=True).provisional
    assert not marked(Verdict("forward", "pass", "")).provisional


@pytest.mark.parametrize(
    ("value", "step", "rounded"),
    [
        (0.125, 0.25, 0.25),
        (0.1249, 0.25, 0.0),
        (0.1 + 0.2 + 0.2, 1.0, 1.0),
        (2.675, 0.05, 2.7),
        (0.5, 1.0, 1.0),
        (2.5, 1.0, 3.0),
        (7.0, 0.25, 7.0),
        (0.0, 0.25, 0.0),
    ],
)
def test_rounding_is_half_up(value: float, step: float, rounded: float) -> None:
    """Not to even, and not misled by sums of decimals."""
    assert round_half_up(value, step) == pytest.approx(rounded)


@settings(derandomize=True)
@given(st.floats(0, 100), st.sampled_from([0.01, 0.1, 0.25, 0.5, 1.0]))
def test_rounding_gives_the_nearest_multiple(value: float, step: float) -> None:
    """Never more than half a step away, and a multiple of it."""
    rounded = round_half_up(value, step)
    assert abs(rounded - value) <= step / 2 + 1e-7
    assert abs(rounded / step - round(rounded / step)) < 1e-9


def test_totals_are_rounded_once() -> None:
    """Three thirds of a point make one point, not three rounded quarters."""
    third = entries("pass", "fail", "fail")
    verdicts = [Verdict(f"c{n}", "fail", "", third) for n in range(3)]
    result = marked(*verdicts, worth=[1.0, 1.0, 1.0])
    assert [check.score for check in result.checks] == [0.5, 0.25, 0.25]
    assert result.score == 1.0


@given(
    shares=st.lists(st.sampled_from([0, 1 / 9, 1 / 3, 0.5, 7 / 9, 1]), min_size=1, max_size=4),
    worth=st.lists(st.sampled_from([0.0, 0.9, 1.0, 2.5, 5.0]), min_size=4, max_size=4),
    step=st.sampled_from([0.25, 0.5, 0.1]),
)
@settings(max_examples=100, deadline=None)
def test_checks_add_up_to_their_task(shares: list[float], worth: list[float], step: float) -> None:
    """To the last cent; none is below nothing or above its maximum."""
    checks = [
        CheckResult(f"c{n}", "fail", most * part, most, "")
        for n, (part, most) in enumerate(zip(shares, worth, strict=False))
    ]
    most = sum(check.max_score for check in checks)
    score = total_of((check.score for check in checks), most, step)
    made = round_checks(checks, score)
    assert sum(round(check.score * CENT) for check in made) == round(score * CENT)
    assert all(0 <= check.score <= check.max_score for check in made)


def test_rounding_falls_on_what_is_partly_earned() -> None:
    """Whole and lost checks keep their points; a coarse step spills over as a last resort."""
    checks = [
        CheckResult("a", "pass", 1, 1, ""),
        CheckResult("b", "fail", 12 * 7 / 9, 12, ""),
        CheckResult("c", "fail", 0, 2, ""),
    ]
    assert [check.score for check in round_checks(checks, 10.25)] == [1, 9.25, 0]
    assert [check.score for check in round_checks(checks[:1], 1.25)] == [1.25]
    assert round_checks([], 0) == ()


@pytest.mark.parametrize(("own", "score"), [(0.5, 2.0), (0.1, 3.6), (0.0, 4.0)])
def test_an_own_deduction_holds(own: float, score: float) -> None:
    """However many entries are wrong, and in place of the catalogue's price."""
    two = Verdict("update", "fail", "", entries("fail", *["pass"] * 7))
    inquiry = Inquiry((finding("swapped-index", names=("W1[0,1]",)),))
    assert marked(two, step=0.1, inquiry=inquiry).score == pytest.approx(2.8)
    made = marked(two, step=0.1, inquiry=inquiry, deductions={"swapped-index": own})
    assert made.score == pytest.approx(score)
    assert made.findings[0].deduction == pytest.approx(4.0 - score)


# --- mistakes ----------------------------------------------------------------------------

UPDATE = Verdict("update", "fail", "", entries(*["fail"] * 6, *["pass"] * 3))


@pytest.mark.parametrize("points", [0.9, 19.1])
def test_full_marks_are_full_whatever_the_step(points: float) -> None:
    """A step that does not divide the points takes nothing from them, and adds nothing."""
    half = points / 2
    passed, failed = Verdict("forward", "pass", ""), Verdict("update", "error", "")
    assert marked(passed, worth=[points]).score == points
    assert marked(failed, worth=[points]).score == 0
    assert marked(passed, failed, worth=[half, half]).score == round_half_up(half, 0.25)
    unchecked = Verdict("update", "not-checked", "")
    assert marked(passed, unchecked, worth=[points, 5.0]).score == points


def finding(code: str, check: str = "update", names: tuple[str, ...] = ()) -> Finding:
    """A mistake that was found."""
    return Finding(code, check, code, "", names)


@pytest.mark.parametrize(
    ("preset", "score"), [("default", 8.5), ("strict", 5.0), ("lenient", 10.0)]
)
def test_a_mistake_costs_once(preset, score: float) -> None:
    """15 % of ten points for W2 used after its update; half if strict; nothing if lenient."""
    inquiry = Inquiry((finding("updated-before-use"),))
    result = marked(UPDATE, worth=[10.0], inquiry=inquiry, preset=preset)
    assert result.score == score
    assert result.findings[0].deduction == pytest.approx(10 - score)


def test_a_price_does_not_depend_on_the_number_of_wrong_entries() -> None:
    """One of nine entries or all: two mistakes cost their prices, at most all points."""
    inquiry = Inquiry((finding("wrong-sign"), finding("swapped-index")))
    for wrong in (1, 9):
        states: list[State] = ["fail"] * wrong + ["pass"] * (9 - wrong)
        result = marked(Verdict("update", "fail", "", entries(*states)), inquiry=inquiry)
        assert result.score == 0.5  # 4 * (1 - 0.6 - 0.3), rounded
        assert sum(f.deduction for f in result.findings) == pytest.approx(3.5)
    third = finding("missing-weight")
    all_lost = replace(inquiry, findings=(*inquiry.findings, third))
    assert marked(UPDATE, inquiry=all_lost).score == 0


def test_each_finding_is_charged() -> None:
    """Two of one kind, as two of different kinds with the same price."""
    names = (("W1[0,1]",), ("W1[1,0]",))
    twice = tuple(replace(finding("swapped-index", names=n), id=n[0]) for n in names)
    made = marked(UPDATE, worth=[10.0], inquiry=Inquiry(twice))
    assert made.score == 4
    assert [each.deduction for each in made.findings] == [3, 3]
    both = Inquiry((twice[0], finding("missing-weight")))
    assert marked(UPDATE, worth=[10.0], inquiry=both).score == 4


def test_what_is_not_explained_costs_its_entries() -> None:
    """A price for the mistake of some entries, the share of the rest, and the mark is held."""
    inquiry = Inquiry(
        (
            finding("updated-before-use"),
            finding(UNEXPLAINED, names=("b1[0,0]", "b1[1,0]", "b2[0,0]")),
        )
    )
    result = marked(UPDATE, worth=[9.0], inquiry=inquiry)
    # 15 % and three of nine entries of 9 points.
    assert result.checks[0].score == result.score == 4.75
    assert sum(finding.deduction for finding in result.findings) == 4.25
    assert result.checks[0].held == (UNEXPLAINED,)


def test_a_parameter_that_is_not_updated_costs_its_share() -> None:
    """No fixed figure: two entries of nine."""
    two = Verdict("update", "fail", "", entries("fail", "fail", *["pass"] * 7))
    inquiry = Inquiry((finding("not-updated", names=("b1[0,0]", "b1[1,0]")),))
    assert marked(two, worth=[9.0], inquiry=inquiry).score == 7.0


def test_the_assignments_own_figures_go_first() -> None:
    """Before the preset's."""
    inquiry = Inquiry((finding("updated-before-use"),))
    own = {"updated-before-use": 0.4}
    assert marked(UPDATE, worth=[10.0], inquiry=inquiry, deductions=own).score == 6.0


def test_another_check_that_fails_for_it_loses_the_same_share() -> None:
    """A check that was right, or was not judged, loses nothing for it."""
    inquiry = Inquiry((finding("updated-before-use"),), {"trajectory": ("updated-before-use",)})
    run = Verdict("trajectory", "fail", "", entries("fail", "fail"))
    result = marked(UPDATE, run, worth=[10.0, 10.0], inquiry=inquiry)
    assert [check.score for check in result.checks] == [8.5, 8.5]
    assert result.checks[1].causes == ("updated-before-use",)
    (told,) = result.findings
    assert (told.deduction, told.costs) == (3.0, {"update": 1.5, "trajectory": 1.5})
    assert cost_text(told) == "−3, by check: update 1.5, trajectory 1.5"
    blocked = marked(UPDATE, replace(run, state="blocked"), worth=[10.0, 10.0], inquiry=inquiry)
    assert [check.score for check in blocked.checks] == [8.5, 8.5]
    right = marked(UPDATE, replace(run, state="pass"), worth=[10.0, 10.0], inquiry=inquiry)
    assert [check.score for check in right.checks] == [8.5, 10]
    assert right.checks[1].causes == ()
    assert cost_text(right.findings[0]) == "−1.5"


def test_a_check_loses_at_most_all_of_its_points() -> None:
    """By several mistakes."""
    inquiry = replace(BOTH, causes={"trajectory": tuple(f.mistake for f in BOTH.findings)})
    none, dear = Verdict("trajectory", "fail", "", entries("fail")), {"wrong-sign": 0.9}
    assert marked(FAILS, none, inquiry=inquiry, deductions=dear).checks[1].score == 0


def test_findings_of_another_check_cost_this_one_nothing() -> None:
    """A mistake is charged where it was made."""
    inquiry = Inquiry((finding("missing-bias", "forward"),))
    update = Verdict("update", "pass", "", entries("pass"))
    forward = Verdict("forward", "fail", "", entries("fail", "pass"))
    result = marked(forward, update, worth=[2.0, 5.0], inquiry=inquiry)
    assert [check.score for check in result.checks] == [1.5, 5]


def test_a_withdrawn_finding_is_left_out_and_costs_nothing() -> None:
    """What was explained by it is forgiven, whatever else the check would have lost."""
    verdict = Verdict("update", "fail", "", entries("fail", "fail", "pass"))
    inquiry = Inquiry((finding("swapped-index", names=("W1[0,1]", "W1[1,0]")),))
    kept = marked(verdict, inquiry=inquiry)
    dropped = marked(verdict, inquiry=inquiry, dropped={"swapped-index"})
    assert kept.score < 4
    assert dropped.score == 4
    assert [len(result.findings) for result in (kept, dropped)] == [1, 0]
    assert WITHDRAWN in dropped.checks[0].notes
    assert WITHDRAWN not in kept.checks[0].notes


def test_a_remark_belongs_to_the_task() -> None:
    """It is told after all findings, costs nothing, and can be withdrawn as well."""
    verdict = Verdict("update", "pass", "", entries("pass"))
    inquiry = Inquiry((finding("nondeterministic", check=""),))
    result = marked(verdict, inquiry=inquiry)
    assert [(f.mistake, f.deduction) for f in result.findings] == [("nondeterministic", 0.0)]
    assert result.score == 4
    assert marked(verdict, inquiry=inquiry, dropped={"nondeterministic"}).findings == ()


# --- what is withdrawn is given back -------------------------------------------------------

FAILS = Verdict("update", "fail", "", entries("fail", "fail", "fail", "pass", "pass"))
BOTH = Inquiry(
    (
        finding("uneven-learning-rate", names=("W1[0,0]",)),
        finding("updated-before-use", names=("W1[0,1]",)),
        finding("wrong-sign", names=("W1[0,2]",)),
    )
)


@pytest.mark.parametrize("step", [0.25, 0.01, 1.0])
@pytest.mark.parametrize("worth", [4.0, 12.0, 1.0])
@pytest.mark.parametrize("code", [each.mistake for each in BOTH.findings])
def test_a_withdrawn_finding_gives_back_what_it_cost(code: str, worth: float, step: float) -> None:
    """To the rounding of the score; the other findings cost what they did."""
    kept = marked(FAILS, worth=[worth], step=step, inquiry=BOTH)
    left = marked(FAILS, worth=[worth], step=step, inquiry=BOTH, dropped={code})
    cost = {each.mistake: each.deduction for each in kept.findings}
    now = {each.mistake: each.deduction for each in left.findings}
    assert now.keys() == cost.keys() - {code}
    assert abs(left.score - kept.score - cost[code]) <= step + 1e-9
    assert left.score + sum(now.values()) == pytest.approx(worth)
    assert left.score == left.checks[0].score
    assert left.checks[0].withdrawn == (code,)
    assert kept.checks[0].withdrawn == ()


def test_a_check_that_fails_for_a_withdrawn_finding_says_so() -> None:
    """It is shown as withdrawn, and has all of its points back."""
    course = Verdict("trajectory", "fail", "", entries("fail", "pass"))
    inquiry = replace(BOTH, causes={"trajectory": ("wrong-sign",)})
    codes = {each.mistake for each in BOTH.findings}
    some = marked(FAILS, course, inquiry=inquiry, dropped={"wrong-sign"})
    assert [state_of(check) for check in some.checks] == ["fail", "withdrawn"]
    whole = marked(FAILS, course, inquiry=inquiry, dropped=codes)
    assert [state_of(check) for check in whole.checks] == ["withdrawn", "withdrawn"]
    assert whole.score == 8
    none = marked(FAILS, course, inquiry=inquiry)
    assert [state_of(check) for check in none.checks] == ["fail", "fail"]


def test_points_that_are_rounded_up_go_to_no_check_that_was_not_judged() -> None:
    """Nor beyond what could be judged."""
    other = Verdict("gradient", "not-checked", "")
    for worth in (1.0, 1.3):
        left = marked(FAILS, other, worth=[worth, 1.0], inquiry=BOTH, dropped={"wrong-sign"})
        assert left.checks[1].score == 0
        assert left.score <= worth


# --- what a change shows, and held marks ------------------------------------------------------

RUN = Verdict("trajectory", "fail", "", entries("fail", "fail"))


def changed(code: str, basis: Basis = "change") -> Inquiry:
    """What a search for changes found for an update, of which the trajectory is wrong too."""
    return Inquiry((replace(finding(code), basis=basis),), {"trajectory": (code,)})


@pytest.mark.parametrize("basis", ["numbers", "change"])
def test_a_change_that_is_shown_has_the_price_of_its_kind(basis: Basis) -> None:
    """As a mistake that the numbers show; nothing is held."""
    made = marked(FAILS, RUN, worth=[10.0, 10.0], inquiry=changed("wrong-name", basis))
    assert [check.score for check in made.checks] == [7, 7]
    assert [check.held for check in made.checks] == [(), ()]


@pytest.mark.parametrize("code", sorted(HIDDEN_CHANGES))
def test_a_change_that_is_not_shown_is_a_slip_and_held(code: str) -> None:
    """In each check that it repairs."""
    made = marked(FAILS, RUN, worth=[10.0, 10.0], inquiry=changed(code))
    assert [check.score for check in made.checks] == [7, 7]
    assert [check.held for check in made.checks] == [(code,), (code,)]
    assert all(HELD in check.notes for check in made.checks)


def test_a_change_that_takes_from_the_model_solution_explains_nothing() -> None:
    """It costs what is wrong, at least a slip, and the mark is held."""
    made = marked(FAILS, RUN, worth=[10.0, 10.0], inquiry=changed("wrong-name", "model"))
    assert [check.score for check in made.checks] == [4, 0]
    little = Verdict("update", "fail", "", entries("fail", *["pass"] * 9))
    least = marked(little, worth=[10.0], inquiry=changed("wrong-name", "model"))
    assert (least.score, least.checks[0].held) == (7, ("wrong-name",))


def test_changes_that_take_from_the_model_solution_cost_the_wrong_outputs_once() -> None:
    """Together, and beside a change that has its own price; a price of the assignment stands."""
    half = Verdict("update", "fail", "", entries(*["fail"] * 5, *["pass"] * 5))
    codes = ("wrong-name", "missing-term")
    two = tuple(replace(finding(code), title=code, basis="model") for code in codes)
    made = marked(half, worth=[10.0], inquiry=Inquiry(two))
    assert made.score == 5
    assert [each.costs for each in made.findings] == [{"update": 2.5}, {"update": 2.5}]
    note = "So together their deduction is the share of wrong outputs."
    assert made.checks[0].notes[0].endswith(note)
    beside = (*two, replace(finding("swapped-index"), basis="change"))
    assert marked(half, worth=[10.0], inquiry=Inquiry(beside)).score == 2
    priced = marked(half, worth=[10.0], inquiry=Inquiry(two), deductions={"wrong-name": 0.1})
    assert priced.score == 4


def test_outputs_that_no_finding_explains_are_named_beside_a_finding() -> None:
    """They cost their share of the wrong outputs, and at least a slip."""
    check = FunctionCheck("update", 10.0, compare=("dW", "db"))
    outputs = tuple(Entry(name, (), "fail", None, None) for name in check.compare)
    task: Task = replace(TASK, checks=(check,))
    found = Inquiry((replace(finding("swapped-index", names=("dW",)), basis="change"),))
    made = mark(task, [Verdict("update", "fail", "", outputs)], found, Scheme(0.25))
    assert made.score == 2
    assert made.checks[0].notes == (
        "No mistake was found that explains `db`. The deduction is the share of these outputs, and "
        "at least 30% of the points.",
        HELD,
    )


def test_a_failure_without_a_finding_costs_its_outputs_and_is_held() -> None:
    """At least a slip; a price of the assignment stands for both, and settles the mark."""
    little = Verdict("update", "fail", "", entries("fail", *["pass"] * 9))
    for verdict, score in ((FAILS, 4.0), (little, 7.0)):
        made = marked(verdict, worth=[10.0])
        assert (made.score, made.checks[0].held) == (score, (UNEXPLAINED,))
        priced = marked(verdict, worth=[10.0], deductions={UNEXPLAINED: 0.4})
        assert (priced.score, priced.checks[0].held) == (6, ())
        accepted = marked(verdict, worth=[10.0], accepted={UNEXPLAINED})
        assert (accepted.score, accepted.checks[0].held) == (score, ())
        withdrawn = marked(verdict, worth=[10.0], dropped={UNEXPLAINED})
        assert (withdrawn.score, withdrawn.checks[0].held) == (10, ())


def test_a_missing_return_costs_its_price() -> None:
    """Where a change of the text shows that all else is right."""
    alone = marked(Verdict("update", "fail", ""), worth=[10.0], inquiry=changed(NO_RETURN))
    assert alone.score == 5


def test_a_stop_costs_its_price_where_all_else_is_known_to_be_right() -> None:
    """The change that shows this costs nothing by itself. Else what is not right is lost, too."""
    stops, code = Verdict("update", "error", ""), CRASH
    crash, (change,) = replace(finding(code), basis="change"), changed("wrong-name").findings
    repaired = (crash, replace(change, basis="repair"))
    made = marked(stops, worth=[10.0], inquiry=Inquiry(repaired))
    assert made.score == 5
    assert [each.deduction for each in made.findings] == [5, 0]
    causes = {"trajectory": (crash.id,)}
    both = marked(stops, RUN, worth=[10.0, 10.0], inquiry=Inquiry(repaired, causes))
    assert [check.score for check in both.checks] == [5, 5]
    # Another change is a mistake of its own.
    more = marked(stops, worth=[10.0], inquiry=Inquiry((*repaired, change)))
    assert more.score == 2
    alone = Inquiry((finding(code),))
    assert marked(stops, worth=[10.0], inquiry=alone).score == 0
    without = replace(stops, entries=entries(*["pass"] * 9, "fail"))
    assert marked(without, worth=[10.0], inquiry=alone).score == 5
    less = replace(stops, entries=entries("pass", "pass", "fail", "fail", "fail"))
    assert marked(less, worth=[10.0], inquiry=alone).score == 4
    priced = marked(stops, worth=[10.0], inquiry=alone, deductions={code: 0.2})
    assert priced.score == 8


def test_one_line_that_stops_two_checks_costs_both() -> None:
    """It is one finding."""
    place = Place("a.py", None, 3)
    stops = [Verdict(name, "error", "", place=place) for name in ("forward", "update")]
    crash = replace(finding("crash", "forward"), place=place, basis="change")
    made = marked(*stops, worth=[10.0, 10.0], inquiry=Inquiry((crash,)))
    assert [check.score for check in made.checks] == [5, 5]
    assert made.findings[0].costs == {"forward": 5.0, "update": 5.0}


def test_a_check_that_a_crash_blocks_loses_the_share_of_the_check_that_crashes() -> None:
    """All else is right without the line, or some outputs are not, or nothing is known."""
    place = Place("a.py", None, 3)
    crash = replace(finding("crash"), place=place)
    blocked = Verdict("trajectory", "blocked", "", place=place)
    for states, left in (
        (["pass"] * 4, 5),
        (["pass", "fail", "fail", "fail"], 2.5),
        ([], 0),
    ):
        stops = Verdict("update", "error", "", entries(*states), place=place)
        made = marked(stops, blocked, worth=[10.0, 10.0], inquiry=Inquiry((crash,)))
        assert [check.score for check in made.checks] == [left, left]
        assert made.findings[0].costs == {"update": 10.0 - left, "trajectory": 10.0 - left}
    elsewhere = replace(blocked, place=replace(place, line=9))
    made = marked(stops, elsewhere, worth=[10.0, 10.0], inquiry=Inquiry((crash,)))
    assert made.findings[0].costs == {"update": 10.0}


def test_a_note_names_the_changes_that_take_a_part_of_the_model_solution() -> None:
    """They cost the share of wrong outputs and not their price, so a reader has to know them."""
    (change,) = changed("missing-term").findings
    borrowed = replace(change, title="A term is missing", basis="model")
    made = marked(FAILS, worth=[10.0], inquiry=Inquiry((borrowed,)))
    assert made.checks[0].notes == (
        "The correction of “A term is missing” uses a part of the model solution. So the deduction "
        "is the share of wrong outputs.",
        HELD,
    )
    assert marked(FAILS, worth=[10.0], inquiry=Inquiry((change,))).checks[0].notes == ()


# --- the preset without prices ---------------------------------------------------------------

STATES: list[State] = ["pass", "fail", "error", "blocked", "missing"]


@given(
    right=st.lists(st.lists(st.booleans(), min_size=1, max_size=6), min_size=2, max_size=2),
    states=st.lists(st.sampled_from(STATES), min_size=2, max_size=2),
    found=st.lists(st.sampled_from(["swapped-index", "wrong-sign", UNEXPLAINED]), max_size=3),
    marks=st.fixed_dictionaries({name: st.booleans() for name in ("still", "rounded", "diverges")}),
    cost=st.sampled_from([None, 0.0, 0.5, 1.0]),
)
@settings(max_examples=100, deadline=None, derandomize=True)
def test_by_numbers_each_check_earns_the_share_of_its_right_outputs(
    right: list[list[bool]],
    states: list[State],
    found: list[str],
    marks: dict[str, bool],
    cost: float | None,
) -> None:
    """Whatever was found, whatever the assignment's own prices are, and however the run ends."""
    names = ("update", "trajectory")
    verdicts = [
        Verdict(name, state, "", entries(*("pass" if each else "fail" for each in own)), **marks)
        for name, state, own in zip(names, states, right, strict=True)
    ]
    findings = tuple(replace(finding(code), id=str(n)) for n, code in enumerate(found))
    inquiry = Inquiry(findings, {"trajectory": tuple(found)}, ("update",))
    own = {} if cost is None else {"swapped-index": cost, UNEXPLAINED: cost}
    scheme = Scheme(0.01, "numbers", own)
    task: Task = replace(TASK, checks=tuple(Check(name, 6.0) for name in names))
    made = mark(task, verdicts, inquiry, scheme)
    expected = sum(6 * share(verdict) for verdict in verdicts)
    assert made.score == pytest.approx(expected, abs=0.006)
    assert sum(check.score for check in made.checks) == pytest.approx(made.score)
    assert {each.mistake for each in made.findings} == {*found}
    assert all(each.deduction == 0 and not each.costs for each in made.findings)
    # The same total stands beside that of another preset.
    assert score_by_numbers(task, verdicts, replace(scheme, preset="strict")) == made.score


def test_by_numbers_what_a_search_finds_costs_nothing() -> None:
    """It is told, as under any other preset."""
    made = marked(
        FAILS, RUN, inquiry=changed("wrong-name"), preset="numbers", deductions={"wrong-name": 1.0}
    )
    assert [each.deduction for each in made.findings] == [0.0]
    assert made.score == marked(FAILS, RUN, preset="numbers").score


def test_by_numbers_what_is_right_to_seven_digits_is_wrong() -> None:
    """Single precision has a price, and this preset has none."""
    run = Verdict("trajectory", "fail", "", entries("fail", "fail"), rounded=True)
    assert marked(run).score == 3.5  # the price of 10 %, rounded down to a quarter
    (check,) = marked(run, preset="numbers").checks
    assert (check.score, check.notes) == (0.0, ())
