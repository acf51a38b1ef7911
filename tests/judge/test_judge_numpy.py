"""The checks of numpy tasks: every state, from observations made by hand."""

from __future__ import annotations

import numpy as np
import pytest
from cases import (
    END,
    PLACE,
    TASKS,
    add,
    bound,
    case,
    observed,
    states,
    verdicts,
    with_outputs,
    with_rates,
)
from msgspec.structs import replace

from gradkit.judge import judge
from gradkit.judge.comparison import list_entries, merge
from gradkit.records.result import Entry
from gradkit.records.submission import Before, Failure, Fault, Lost, Missing, Place
from gradkit.records.task import Layer, Rates

pytestmark = pytest.mark.sample(6)

ALL = ("interface", "forward", "update", "gradient", "trajectory")
BOTH = ("regression-numpy", "classification-numpy")


def failed(verdict) -> set[str]:
    """Entries that did not pass."""
    return {list_entries([entry]) for entry in verdict.entries if entry.state != "pass"}


@pytest.mark.parametrize("name", BOTH)
@pytest.mark.parametrize("takes_rate", [False, True])
def test_right_observations_pass(name: str, takes_rate: bool) -> None:
    """On many seeds, with a sentence for nothing."""
    for seed in range(10):
        found = verdicts(case(name, seed=seed, takes_rate=takes_rate))
        assert {v.state for v in found.values()} == {"pass"}
        assert {v.message for v in found.values()} == {""}
    assert tuple(found) == ALL
    assert [len(v.entries) for v in found.values()] == [3, 3, 9, 9, 14]
    assert found["trajectory"].notes == ("This check ran gradkit's training loop, not your loop.",)


@pytest.mark.parametrize("amount", [1e-6, 0.3])
@pytest.mark.parametrize("batch", ["forward/published", "forward/random"])
def test_a_wrong_output_fails_forward(batch: str, amount: float) -> None:
    """In its own entry, shown at the first probe where it is off."""
    found = verdicts(case(changes={batch: with_outputs(A1=add(amount, 1, 0))}))["forward"]
    assert (found.state, found.place) == ("fail", PLACE)
    assert found.message == "`forward_pass` gives wrong values in A1[1]."
    (entry,) = [entry for entry in found.entries if entry.state == "fail"]
    assert entry.probe == {"forward/published": "row 1", "forward/random": "random 1"}[batch]
    assert entry.found == pytest.approx(entry.expected + amount)


def test_a_single_wrong_probe_is_found() -> None:
    """One of 24, which is then the one that is shown."""

    def change(value):
        value[16, 0, 0] += 1e-3
        return value

    found = verdicts(case(changes={"forward/random": with_outputs(y_hat=change)}))["forward"]
    (entry,) = [entry for entry in found.entries if entry.state == "fail"]
    assert (entry.parameter, entry.probe) == ("y_hat", "random 17")


@pytest.mark.parametrize("name", BOTH)
def test_a_wrong_step_fails_update_in_its_entry(name: str) -> None:
    """The gradient check fails in the same entry."""
    for key, index in (("W1", (0, 1)), ("b1", (1, 0)), ("W2", (0, 0)), ("b2", (0, 0))):
        found = verdicts(
            case(name, changes={"update/random": with_outputs(**{key: add(1e-4, *index)})})
        )
        label = {"W1": "W1[0,1]", "b1": "b1[1]", "W2": "W2[0]", "b2": "b2"}[key]
        assert failed(found["update"]) == failed(found["gradient"]) == {label}
        assert found["update"].message == (
            f"1 of 9 entries is wrong after one step of `update_params`: {label}."
        )
        assert found["gradient"].message == (
            f"Your gradient of `{label}` (claimed) does not match finite differences of the loss "
            "(estimate)."
        )


def rated(made, weights: float, biases: float):
    """The same submission with other rates."""
    batch, outcome = made.probes.update[0], made.observations.outcomes["update/random"]
    after = {
        key: batch.inputs[key]
        + (weights if key[0] == "W" else biases) * (value - batch.inputs[key])
        for key, value in outcome.outputs.items()
    }
    changed = replace(outcome, outputs=after)
    return observed(made, {**made.observations.outcomes, batch.name: changed})


def test_a_wrong_rate_is_no_wrong_gradient_if_the_text_states_it() -> None:
    """Under the exact policy it fails the update; a negative rate fails the gradient too."""
    made = rated(case(), 2.0, 5.0)
    assert verdicts(made)["gradient"].state == "fail"
    found = verdicts(with_rates(made, 0.002, 0.05))
    assert (found["update"].state, found["gradient"].state) == ("fail", "pass")
    ascending = verdicts(rated(case(), -1.0, -1.0))
    assert len(failed(ascending["gradient"])) == 9
    shown = [(entry.found, entry.expected) for entry in ascending["gradient"].entries]
    assert all(found == pytest.approx(-expected, rel=1e-6) for found, expected in shown)
    uneven = verdicts(rated(case(), 1.0, -1.0))
    assert failed(uneven["gradient"]) == {"b1[0]", "b1[1]", "b2"}


def test_the_free_policy_takes_any_one_rate_per_kind() -> None:
    """But not an ascent, and not one that differs within the weights."""
    rates = Rates(0.001, 0.01, "free")
    task = replace(TASKS["regression-numpy"], rates=rates)
    assert states(rated(case(task=task), 3.0, 0.5))["update"] == "pass"
    assert states(rated(case(task=task), -1.0, 1.0))["update"] == "fail"
    made = rated(case(task=task), 3.0, 0.5)
    outcome = made.observations.outcomes["update/random"]
    before = made.probes.update[0].inputs["b2"]
    b2 = before + 2 * (outcome.outputs["b2"] - before)
    outcomes = {
        **made.observations.outcomes,
        "update/random": replace(outcome, outputs={**outcome.outputs, "b2": b2}),
    }
    other = observed(made, outcomes)
    assert failed(verdicts(other)["update"]) == {"b2"}


def test_complex_steps_have_no_own_rate() -> None:
    """Under the free policy, whatever comes back is judged and nothing is raised."""
    task = replace(TASKS["regression-numpy"], rates=Rates(0.001, 0.01, "free"))
    found = verdicts(case(task=task, changes={"update/random": with_outputs(W1=lambda v: v + 0j)}))[
        "update"
    ]
    assert failed(found) == {"W1[0,0]", "W1[0,1]", "W1[1,0]", "W1[1,1]"}


@pytest.mark.parametrize(
    ("start", "key", "said"),
    [
        ("published", "final_W1", "1 of 14 values (losses and final parameters) is wrong."),
        ("asymmetric", "final_b2", "1 of 14 values (losses and final parameters) is wrong."),
    ],
)
def test_a_wrong_final_parameter_fails_trajectory(start: str, key: str, said: str) -> None:
    """Though every loss is right."""
    change = with_outputs(**{key: add(1e-3, 0, 0)})
    found = verdicts(case(changes={f"run/{start}": change}))["trajectory"]
    assert (found.state, found.message) == ("fail", said)
    assert failed(found) == {{"W1": "W1[0,0]", "b2": "b2"}[key[-2:]]}
    assert {entry.probe for entry in found.entries if entry.state == "fail"} == {start}


def test_the_first_example_that_parts_is_named() -> None:
    """Epoch and example, counted from 1; the mean losses of the epochs are the entries."""

    def change(value):
        value[6:] += 1e-3
        return value

    found = verdicts(case(changes={"run/asymmetric": with_outputs(y_hat=change)}))["trajectory"]
    assert found.message == (
        "Your loss differs from the expected loss from epoch 2, example 3 on (initial parameters "
        "“asymmetric”). 4 of 14 values (losses and final parameters) are wrong."
    )
    assert failed(found) == {f"loss[{n}]" for n in (1, 2, 3, 4)}


def test_a_run_that_broke_off_has_no_losses() -> None:
    """Faults are told; the entries fail without a number."""

    def change(outcome):
        outputs = {k: v[:3] if k == "y_hat" else v for k, v in outcome.outputs.items()}
        faults = (Fault(2, "y_hat", "shape", "(2, 2), not (1, 1)"),)
        return replace(outcome, outputs=outputs, faults=faults)

    found = verdicts(case(changes={"run/published": change}))["trajectory"]
    assert found.message.startswith(
        "`forward_pass` gives the output ŷ in shape (2, 2), not (1, 1). "
    )
    losses = [entry for entry in found.entries if entry.parameter == "loss"]
    assert {(entry.state, entry.found) for entry in losses} == {("fail", None)}


# --- what could not be compared ----------------------------------------------------------


def test_missing_roles() -> None:
    """`interface` counts them, and checks that need them say the same sentence."""
    gone = Missing("update", "No update here.", Place("a.py", None, 3))
    found = verdicts(case(missing=(gone,), changes=dict.fromkeys(("update/random",))))
    assert {name: v.state for name, v in found.items()} == {
        "interface": "missing",
        "forward": "pass",
        "update": "missing",
        "gradient": "blocked",
        "trajectory": "blocked",
    }
    assert found["interface"].message == found["update"].message == "No update here."
    assert [entry.state for entry in found["interface"].entries] == ["pass", "pass", "missing"]
    assert found["trajectory"].message == "Not checked, because `update` is missing."


def test_unwritten_functions_are_missing_and_not_wrong() -> None:
    """What the starter files raise."""
    failure = Failure(0, "NotImplementedError", "", PLACE, "update_params")
    change = {"update/random": lambda o: replace(o, outputs={}, failure=failure)}
    found = verdicts(case(changes=change))
    assert found["update"].state == "missing"
    assert found["interface"].message == "`update_params` is not written yet."


def test_an_initialise_that_stops_is_an_error_of_interface() -> None:
    """Where nobody asked it, nothing is wrong with it."""
    failure = Failure(0, "ValueError", "boom", None, "init_params")
    stop = {"initialise": lambda o: replace(o, outputs={}, failure=failure)}
    found = verdicts(case(changes=stop))["interface"]
    assert (found.state, found.message) == ("error", "`init_params` stopped with ValueError: boom.")
    assert states(case(changes={"initialise": None}))["interface"] == "pass"


def test_a_start_that_is_wrong_fails_interface_alone() -> None:
    """In the entry of initialise; other states of several roles make it fail too."""
    found = verdicts(case(changes={"initialise": with_outputs(b1=add(1.0, 0, 0))}))
    assert found["interface"].state == "fail"
    assert found["interface"].message == ("`init_params` gives wrong initial values in b1[0].")
    assert {v.state for n, v in found.items() if n != "interface"} == {"pass"}
    gone = Missing("forward", "No forward.")
    mixed = verdicts(
        case(
            missing=(gone,),
            changes={"initialise": with_outputs(b1=add(1.0, 0, 0))},
        )
    )["interface"]
    assert mixed.state == "fail"
    assert mixed.message.endswith("No forward.")


@pytest.mark.parametrize(
    ("function", "message", "said"),
    [
        ("update_params", "boom", "`update_params` stopped with ValueError: boom."),
        ("helper", "boom.", "`update_params` stopped with ValueError in `helper`: boom."),
        ("<module>", "", "`update_params` stopped with ValueError."),
        (
            "",
            "setting an array element with a sequence.",
            "`update_params` stopped with ValueError: setting an array element with a "
            "sequence. An entry of an array can only hold a number, not a (1, 1) array. Get "
            "the number with [0, 0] or .item().",
        ),
        (
            "",
            "EOF when reading a line",
            "`update_params` stopped with ValueError: EOF when reading a line. `input()` cannot "
            "be answered here: write the value into the code.",
        ),
        (
            "",
            "only 0-dimensional arrays can be converted to Python scalars",
            "`update_params` stopped with ValueError: only 0-dimensional arrays can be "
            "converted to Python scalars. One number was expected here, but this is an array. "
            "If the array has one entry, use [0, 0] or .item(); if it has several, use numpy's "
            "functions, such as np.exp for math.exp.",
        ),
    ],
)
def test_an_exception_is_an_error_at_its_place(function: str, message: str, said: str) -> None:
    """The innermost of the student's lines, or else the function's own."""
    for place in (Place("a.py", None, 12), None):
        failure = Failure(3, "ValueError", message, place, function)
        change = {"update/random": lambda o, f=failure: replace(o, outputs={}, failure=f)}
        found = verdicts(case(changes=change))
        assert (found["update"].state, found["update"].message) == ("error", said)
        assert found["update"].place == (place or PLACE)
        assert found["gradient"].state == found["trajectory"].state == "blocked"


@pytest.mark.parametrize("first", [True, False])
def test_an_exception_in_what_is_called_first_is_told_of_that(first: bool) -> None:
    """An update that reads what forward leaves behind may fail in either of them."""
    failure = Failure(0, "ValueError", "boom", None, "", before=first)
    made = case(changes={"update/random": lambda o: replace(o, outputs={}, failure=failure)})
    update = replace(made.binding.bound["update"], before=Before(bound("forward"), ("A1",)))
    roles = {**made.binding.bound, "update": update}
    made = replace(made, binding=replace(made.binding, bound=roles))
    name = "forward_pass" if first else "update_params"
    assert verdicts(made)["update"].message == f"`{name}` stopped with ValueError: boom."
    outcomes = {**made.observations.outcomes}
    outcomes["forward/random"] = replace(outcomes["forward/random"], failure=failure, outputs={})
    stopped = verdicts(replace(made, observations=replace(made.observations, outcomes=outcomes)))
    assert stopped["forward"].message == "`forward_pass` stopped with ValueError: boom."
    assert (stopped["update"].state, stopped["gradient"].state) == ("blocked", "blocked")


def test_a_forward_pass_that_is_wrong_is_told_of_in_an_update_that_goes_on_from_it() -> None:
    """By the names that it leaves behind; nothing is said where it is right."""
    wrong = {"update/random": with_outputs(b2=add(1.0, 0, 0))}
    for forward, said in ((add(1.0, 0, 0), True), (lambda v: v, False)):
        made = case(changes={**wrong, "forward/random": with_outputs(y_hat=forward)})
        update = replace(made.binding.bound["update"], before=Before(bound("forward"), ("A1", "Z")))
        roles = {**made.binding.bound, "update": update}
        made = replace(made, binding=replace(made.binding, bound=roles))
        text = "`update_params` reads `A1` and `Z`, which `forward_pass` stores. "
        assert (text in verdicts(made)["update"].message) is said


def test_an_exception_in_a_run_names_the_run() -> None:
    """At which example it was, and in which function."""
    failure = Failure(6, "KeyError", "'b1'", END, "forward_pass")
    change = {"run/published": lambda o: replace(o, outputs={}, failure=failure)}
    found = verdicts(case(changes=change))["trajectory"]
    assert (found.state, found.place) == ("error", END)
    assert found.message == (
        "The training run stopped at example 7 with KeyError in `forward_pass`: 'b1'."
    )


@pytest.mark.parametrize(
    ("kind", "state"), [("timeout", "timeout"), ("crash", "error"), ("exit", "error")]
)
def test_a_lost_process(kind, state: str) -> None:
    """A deadline is a timeout, everything else an error; the detail is the sentence."""
    lost = Lost(kind, "was stopped, because it took longer than 2 s")
    change = {"forward/random": lambda o: replace(o, outputs={}, lost=lost)}
    found = verdicts(case(changes=change))
    assert (found["forward"].state, found["update"].state) == (state, "pass")
    assert found["forward"].message == (
        "`forward_pass` was stopped, because it took longer than 2 s."
    )


# --- faults ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "found", "said"),
    [
        ("missing", "found None", "`update_params` does not give W2: found None."),
        ("shape", "(1, 2), not (2, 1)", "`update_params` gives W2 in shape (1, 2), not (2, 1)."),
        (
            "dtype",
            "an array of dtype object",
            "`update_params` gives W2 as an array of dtype object; real numbers are expected.",
        ),
        (
            "type",
            "a value of type str",
            "`update_params` gives W2 as a value of type str; an array of numbers is expected.",
        ),
    ],
)
def test_a_value_that_cannot_be_read(kind, found: str, said: str) -> None:
    """Its entries fail without numbers; nothing else is said of them."""

    def change(outcome):
        outputs = {k: v for k, v in outcome.outputs.items() if k != "W2"}
        return replace(outcome, outputs=outputs, faults=(Fault(0, "W2", kind, found),))

    verdict = verdicts(case(changes={"update/random": change}))["update"]
    assert (verdict.state, verdict.message, verdict.place) == ("fail", said, END)
    assert failed(verdict) == {"W2[0]", "W2[1]"}


@pytest.mark.parametrize(
    ("how", "said"),
    [
        (lambda v: v * np.nan, "`update_params` gives nan (not a number) in W2."),
        (lambda v: v + np.inf, "`update_params` gives an infinite number in W2."),
        (
            lambda v: np.where(np.arange(v.size).reshape(v.shape) < 2, np.nan, v),
            "`update_params` gives nan (not a number) in W2.",
        ),
        (
            lambda v: np.where(np.arange(v.size).reshape(v.shape) < 2, np.inf, v),
            "`update_params` gives an infinite number in W2.",
        ),
        (
            lambda v: v + 0j,
            "`update_params` gives W2 as complex numbers; real ones are expected.",
        ),
    ],
)
def test_numbers_that_are_none(how, said: str) -> None:
    """Complex numbers fail even where their imaginary part is zero."""
    verdict = verdicts(case(changes={"update/random": with_outputs(W2=how)}))["update"]
    assert (verdict.state, verdict.message) == ("fail", said)
    assert failed(verdict) == {"W2[0]", "W2[1]"}


def test_whole_numbers_are_blamed_only_where_they_are_wrong() -> None:
    """A start of zeros may well be integers."""
    right = case(changes={"initialise": with_outputs(b1=lambda v: v.astype(int))})
    assert states(right)["interface"] == "pass"
    wrong = case(changes={"update/random": with_outputs(W2=lambda v: v.astype(int))})
    assert verdicts(wrong)["update"].message.startswith(
        "`update_params` gives W2 as whole numbers (int64), which cuts off the fraction; use "
        "float64. 2 of 9 entries are wrong after one step of `update_params`: "
    )


def test_single_precision_is_held_to_its_own_rounding() -> None:
    """A float32 forward and the run that it makes pass; ten thousand roundings do not."""
    single = with_outputs(y_hat=lambda v: v.astype(np.float32), A1=lambda v: v.astype(np.float32))
    made = case(changes=dict.fromkeys(("forward/random", "forward/published"), single))
    assert states(made)["forward"] == "pass"
    wrong = with_outputs(y_hat=lambda v: (v * (1 + 1e-3)).astype(np.float32))
    assert states(case(changes={"forward/random": wrong}))["forward"] == "fail"
    run = with_outputs(y_hat=lambda v: v.astype(np.float32))
    assert states(case(changes={"run/published": run}))["trajectory"] == "pass"


def test_one_array_in_single_precision_is_enough_for_all_steps_to_be() -> None:
    """Both checks of them, whatever the others are stored in."""
    single = with_outputs(W1=lambda v: v.astype(np.float32))
    found = states(case(changes={"update/random": single}))
    assert (found["update"], found["gradient"]) == ("pass", "pass")


def test_a_changed_input_is_an_entry_of_its_own() -> None:
    """In the student's own word for it, and not among the numbers that were compared."""

    def change(outcome):
        return replace(outcome, faults=(Fault(0, "X", "mutated", ""), Fault(3, "X", "mutated", "")))

    verdict = verdicts(case(changes={"update/random": change}))["update"]
    assert verdict.message == (
        "`update_params` changes its input x_, which must stay the same. Work on a copy."
    )
    assert failed(verdict) == {"X"}
    assert len(verdict.entries) == 10


def test_a_subclass_is_noted_and_no_fault() -> None:
    """Its plain values were compared."""

    def change(outcome):
        return replace(outcome, faults=(Fault(0, "y_hat", "subclass", "matrix"),))

    verdict = verdicts(case(changes={"forward/random": change}))["forward"]
    assert (verdict.state, verdict.message) == ("pass", "")
    assert verdict.notes == (
        "`forward_pass` gives the output ŷ as matrix, a subclass of ndarray; its plain values were "
        "compared.",
    )


def test_a_kink_of_the_loss_is_inconclusive() -> None:
    """At a sum of exactly zero in front of a relu, neither slope is the right one."""
    task = replace(TASKS["regression-numpy"], layers=(Layer(2, "relu"), Layer(1, "linear")))
    made = case(task=task)
    batch = made.probes.update[0]
    inputs = {key: np.array(value) for key, value in batch.inputs.items()}
    # The first unit of the first probe sits in the corner.
    inputs["b1"][0, 0, 0] = -(inputs["W1"][0, :, 0] @ inputs["X"][0, :, 0])
    corner = replace(batch, inputs=inputs)
    probes = replace(made.probes, update=(corner,))
    outcome = made.observations.outcomes["update/random"]
    after = {key: inputs[key] + value - batch.inputs[key] for key, value in outcome.outputs.items()}
    outcomes = {"update/random": replace(outcome, outputs=after)}
    gradient = judge(
        replace(
            made,
            probes=probes,
            observations=replace(made.observations, outcomes=outcomes),
            expected={"update/random": after},
        ),
        ("gradient",),
    )[0]
    open_ = {list_entries([e]) for e in gradient.entries if e.state == "inconclusive"}
    assert "b1[0]" in open_
    assert "W2[1]" not in open_


def test_entries_are_merged_to_the_worst() -> None:
    """Failed before open before passed; of equals the first."""

    def entry(state, probe):
        return Entry("W1", (0, 0), state, 0.0, 0.0, probe)

    order = [entry("pass", "a"), entry("inconclusive", "b"), entry("fail", "c"), entry("fail", "d")]
    assert merge(order) == [order[2]]
    assert merge(order[:2]) == [order[1]]
    assert merge(order[:1] * 2) == [order[0]]


def test_long_lists_are_cut() -> None:
    """Eight names and a count."""
    entries = [Entry("W1", (0, n), "fail", None, None) for n in range(10)]
    assert list_entries(entries[:2]) == "W1[0,0], W1[0,1]"
    assert list_entries(entries).endswith("W1[0,7] and 2 more")
    assert list_entries([Entry("X", (), "fail", None, None)]) == "X"


def test_only_the_named_checks_are_judged() -> None:
    """As the trajectory asks for forward alone."""
    assert [v.check for v in judge(case(), ("forward",))] == ["forward"]
    assert [(v.check, v.state) for v in judge(case(), ("gradient",))] == [("gradient", "pass")]


def test_courses_are_told_epoch_by_epoch() -> None:
    """From each start, what was found beside what was expected; the same where all is right."""
    published, *others = verdicts(case())["trajectory"].courses
    assert [each.start for each in (published, *others)] == ["published", "asymmetric", "drawn"]
    assert published.epochs == (1, 2, 3, 4, 5)
    assert published.found == published.expected
    assert published.expected[-1] == pytest.approx(1.2785131717992089)
    change = {"run/published": with_outputs(y_hat=add(0.5, -1, 0, 0))}
    off, *same = verdicts(case(changes=change))["trajectory"].courses
    assert off.found[:4] == off.expected[:4]
    assert off.found[4] != off.expected[4]
    assert same == others


def test_a_course_without_losses_has_none_that_were_found() -> None:
    """What is expected stays."""
    change = {"run/published": with_outputs(y_hat=lambda value: value[:-1])}
    course = verdicts(case(changes=change))["trajectory"].courses[0]
    assert course.found == ()
    assert len(course.expected) == 5


def test_a_long_course_is_thinned() -> None:
    """To a hundred epochs, the first and the last among them."""
    task = replace(TASKS["regression-numpy"], epochs=350)
    course = verdicts(case(task=task))["trajectory"].courses[0]
    assert len(course.epochs) == len(course.found) == len(course.expected) == 100
    assert (course.epochs[0], course.epochs[-1]) == (1, 350)
    assert sorted(set(course.epochs)) == list(course.epochs)
