"""Training runs: at rates of one's own, that stay where they are, on rows that nobody gave."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
import pytest
from cases import TASKS, Case, add, case, observed, states, verdicts, with_outputs, with_rates
from msgspec.structs import replace

from gradkit.records.submission import Failure, Outcome
from gradkit.records.task import Task
from gradkit.task.oracle import Derived
from gradkit.task.probes import TWICE

pytestmark = pytest.mark.sample(6)

NUMPY, TORCH = TASKS["regression-numpy"], TASKS["regression-torch"]


def at_rates(task: Task, weight: float, bias: float) -> Case:
    """What right code gives for a task at these rates."""
    made = case(task=task)
    own = Derived(replace(task, rates=replace(task.rates, weight=weight, bias=bias)))
    outputs = {run.name: own.train(run) for run in made.probes.runs}
    outputs |= {batch.name: own.update(batch.inputs) for batch in made.probes.update}
    outcomes = dict(made.observations.outcomes)
    for name, values in outputs.items():
        outcomes[name] = replace(outcomes[name], outputs=values)
    return with_rates(observed(made, outcomes), weight, bias)


@pytest.mark.parametrize("task", [NUMPY, TORCH], ids=["numpy", "torch"])
def test_a_free_rate_is_ones_own(task: Task) -> None:
    """One for the weights and one for the biases, for steps and for runs; an exact one is not."""
    free = replace(task, rates=replace(task.rates, policy="free"))
    for weight, bias in ((3.0, 0.5), (0.5, 2.0)):
        own = task.rates.weight * weight, task.rates.bias * bias
        assert set(states(at_rates(free, *own)).values()) == {"pass"}
        exact = states(at_rates(task, *own))
        assert (exact["gradient"], exact["trajectory"]) == ("pass", "fail")


def test_what_did_not_come_back_has_the_rate_that_was_asked_for() -> None:
    """And so has what came back in another shape, or goes uphill."""
    free = replace(TORCH, rates=replace(TORCH.rates, policy="free"))
    made = at_rates(free, 3 * TORCH.rates.weight, 3 * TORCH.rates.bias)
    right = case(task=TORCH).expected["run/published"]["loss"]
    assert not np.allclose(made.expected["run/published"]["loss"], right)
    step = made.observations.outcomes["step 1/drawn"]
    shaped = {key: value[None] for key, value in step.outputs.items()}
    start = next(run for run in made.probes.runs if run.name == step.name).parameters
    uphill = {f"final/{k}": 2 * v - step.outputs[f"final/{k}"] for k, v in start.items()}
    for outputs in ({}, shaped, uphill):
        other = replace(step, outputs=outputs)
        again = observed(made, {**made.observations.outcomes, step.name: other})
        assert np.array_equal(again.expected["run/published"]["loss"], right)
    gone = {name: o for name, o in made.observations.outcomes.items() if name != step.name}
    assert np.array_equal(observed(made, gone).expected["run/published"]["loss"], right)


def test_biases_may_keep_their_rate_to_the_one_that_is_handed_over() -> None:
    """All of them, and exactly; without a rate that is handed over they may not."""
    made = case(takes_rate=True)
    batch, outcome = made.probes.update[0], made.observations.outcomes["update/random"]

    def stepped(*factors: float, found: Case = made) -> str:
        after = {
            key: batch.inputs[key] + factor * (value - batch.inputs[key])
            for (key, value), factor in zip(outcome.outputs.items(), factors, strict=True)
        }
        outcomes = {**found.observations.outcomes, batch.name: replace(outcome, outputs=after)}
        return states(observed(found, outcomes))["update"]

    assert stepped(1, 1, 1, 1) == "pass"
    assert stepped(1, 10, 1, 10) == "pass"
    assert stepped(1, 10, 1, 1) == "fail"
    assert stepped(1, 10, 1, 11) == "fail"
    assert stepped(10, 1, 10, 1) == "fail"
    plain = case()
    ten = {
        key: lambda v, k=key: v + 9 * (v - plain.probes.update[0].inputs[k]) for key in ("b1", "b2")
    }
    assert states(case(changes={"update/random": with_outputs(**ten)}))["update"] == "fail"


# --- runs that stay, or are nearly right -------------------------------------------------


def ends_where_it_starts(task: str, *names: str) -> dict[str, object]:
    """Changes after which these runs move nothing."""
    runs = {run.name: run.parameters for run in case(task).probes.runs}

    def stay(parameters: Mapping[str, np.ndarray], outcome: Outcome) -> Outcome:
        ends = {f"final/{key}": value for key, value in parameters.items()}
        return replace(outcome, outputs={**outcome.outputs, **ends})

    return {name: (lambda o, p=runs[name]: stay(p, o)) for name in names}


@pytest.mark.parametrize("task", ["regression-numpy", "regression-torch"])
def test_a_run_that_stays_is_told(task: str) -> None:
    """Of those that nobody knows beforehand; others are only wrong."""
    found = verdicts(case(task, changes=ends_where_it_starts(task, "run/drawn")))["trajectory"]
    assert (found.state, found.still) == ("fail", True)
    found = verdicts(case(task, changes=ends_where_it_starts(task, "run/published")))["trajectory"]
    assert (found.state, found.still) == ("fail", False)
    assert not verdicts(case(task))["trajectory"].still


@pytest.mark.parametrize("task", ["regression-numpy", "regression-torch"])
def test_only_a_run_that_nobody_knows_earns(task: str) -> None:
    """Losses as well as parameters; known ones are shown where they are wrong."""
    entries = verdicts(case(task))["trajectory"].entries
    assert {entry.parameter for entry in entries} == {"loss", "W1", "b1", "W2", "b2"}
    assert {entry.probe for entry in entries} == {"drawn"}
    wrong = {"run/published": with_outputs(final_b2=add(1.0, 0, 0))}
    found = verdicts(case(task, changes=wrong))["trajectory"].entries
    assert [e.parameter for e in found if e.probe == "published"] == ["b2"]


@pytest.mark.parametrize(("part", "still"), [(0.5e-6, True), (1.2e-6, False)])
def test_a_run_that_hardly_moves_is_one_that_stays(part: float, still: bool) -> None:
    """By a millionth of what it should move."""
    made = case()
    run = next(run for run in made.probes.runs if run.name == "run/drawn")
    ends = {
        f"final/{key}": value + part * (made.expected[run.name][f"final/{key}"] - value)
        for key, value in run.parameters.items()
    }
    starts = {f"final/{key}": value for key, value in run.parameters.items()}
    # All of them, or one alone.
    for moved in (ends, *({key: end} for key, end in ends.items())):
        outputs = {**starts, **moved}
        change = {run.name: lambda o, told=outputs: replace(o, outputs={**o.outputs, **told})}
        found = verdicts(case(changes=change))["trajectory"]
        assert (found.state, found.still) == ("fail", still)


PRECISION = "The numbers are right to about seven digits only: "


def test_a_run_that_is_off_by_single_precision_is_told_so() -> None:
    """Where its steps are right, and all of it is off by no more than that."""

    def off(part: float):
        return with_outputs(
            y_hat=lambda v: v * (1 + part),
            **{f"final_{key}": lambda v: v + part for key in ("W1", "b1", "W2", "b2")},
        )

    near, far = off(3e-8), off(1e-3)

    def rounded(**changes) -> bool:
        runs = {f"run/{name}": change for name, change in changes.items()}
        return verdicts(case(changes=runs))["trajectory"].rounded

    assert PRECISION in verdicts(case(changes={"run/drawn": near}))["trajectory"].message
    assert PRECISION not in verdicts(case(changes={"run/drawn": far}))["trajectory"].message
    # It costs no more than rounding only where that is all there is.
    assert rounded(drawn=near)
    assert rounded(drawn=near, published=near)
    assert not rounded(drawn=near, published=far)
    assert not rounded(drawn=far)
    assert not rounded()
    one = with_outputs(final_b2=add(1e-3, 0, 0), y_hat=lambda v: v * (1 + 3e-8))
    assert PRECISION not in verdicts(case(changes={"run/drawn": one}))["trajectory"].message
    gone = with_outputs(final_b2=lambda v: None, y_hat=lambda v: v * (1 + 3e-8))
    assert PRECISION not in verdicts(case(changes={"run/drawn": gone}))["trajectory"].message
    both = {"run/drawn": near, "update/random": with_outputs(b2=add(1.0, 0, 0))}
    assert PRECISION not in verdicts(case(changes=both))["trajectory"].message
    assert verdicts(case())["trajectory"].message == ""


def test_steps_that_are_off_by_single_precision_are_told_so() -> None:
    """All of them; one that is wrong is no matter of precision."""
    start = case().probes.update[0].inputs

    def off(**parts: float):
        return {
            "update/random": with_outputs(**{k: partial(longer, k, p) for k, p in parts.items()})
        }

    def longer(key: str, part: float, after: np.ndarray) -> np.ndarray:
        return after + part * (after - start[key])

    near = dict.fromkeys(("W1", "b1", "W2", "b2"), 1e-6)
    assert PRECISION in verdicts(case(changes=off(**near)))["update"].message
    assert PRECISION in verdicts(case(changes=off(W1=1e-6)))["update"].message
    assert PRECISION not in verdicts(case(changes=off(**{**near, "b2": 1e-2})))["update"].message


# --- other rows --------------------------------------------------------------------------

OWN_ROWS = "`fit` always trains on the assignment's data"
ONE_SIZE = "gradkit also trained on every row twice, in another order."


def test_losses_of_the_assignments_own_rows_are_told() -> None:
    """Where others were given, and the losses are wrong for them."""
    made = case(task=TORCH)
    run = next(run for run in made.probes.runs if run.name == "run/drawn")
    own = Derived(TORCH).train(replace(run, X=TORCH.X, y=TORCH.y))["loss"]

    def said(*names: str, losses: np.ndarray = own) -> bool:
        changes = {name: with_outputs(loss=lambda v: losses) for name in names}
        return OWN_ROWS in verdicts(case("regression-torch", changes=changes))["trajectory"].message

    assert said("run/drawn")
    assert not said()
    assert not said("run/published")
    assert not said("run/drawn", losses=own + 1.0)
    assert not said("run/drawn", losses=own[:-1])
    late = np.append(own[:-1], own[-1] + 1.0)
    assert not said("run/drawn", losses=late)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (None, False),
        (with_outputs(loss=lambda v: v), False),
        (with_outputs(loss=lambda v: v + 0.05 * np.ptp(v)), False),
        (with_outputs(loss=lambda v: v + 0.15 * np.ptp(v)), True),
        (with_outputs(loss=lambda v: np.append(v[:-1], v[-1] - 0.15 * np.ptp(v))), True),
        (with_outputs(loss=lambda v: 2 * v), True),
        (with_outputs(loss=lambda v: v[:1]), False),
        (with_outputs(loss=lambda v: None), False),
    ],
)
def test_a_number_of_rows_that_is_written_into_the_code_is_remarked(change, said: bool) -> None:
    """As far as losses can be compared; it costs nothing, and goes unsaid where more is wrong."""
    found = verdicts(case("regression-torch", changes={TWICE: change}))["trajectory"]
    assert (found.state, ONE_SIZE in " ".join(found.notes)) == ("pass", said)
    wrong = {TWICE: change, "run/drawn": with_outputs(loss=lambda v: v + 1.0)}
    found = verdicts(case("regression-torch", changes=wrong))["trajectory"]
    assert (found.state, ONE_SIZE in " ".join(found.notes)) == ("fail", False)


def test_a_run_on_other_rows_that_stops_is_remarked() -> None:
    """It came to its end on the assignment's own."""
    failure = Failure(0, "ValueError", "boom", None, "fit")
    stop = {TWICE: lambda o: replace(o, outputs={}, failure=failure)}
    assert ONE_SIZE in " ".join(
        verdicts(case("regression-torch", changes=stop))["trajectory"].notes
    )


def test_a_model_that_can_be_run_is_judged_further() -> None:
    """It may not have registered its layers; all of its calls have to come back."""
    shapes = {"model": lambda o: replace(o, outputs={"0": np.array([2, 2])})}
    found = states(case("regression-torch", changes=shapes))
    assert (found["model"], found["forward"], found["gradient"]) == ("fail", "pass", "pass")
    for name in ("forward/random", "forward/published"):
        gone = {name: lambda o: replace(o, outputs={})}
        found = states(case("regression-torch", changes={**shapes, **gone}))
        assert (found["forward"], found["trajectory"]) == ("blocked", "blocked")


# --- runs that diverge -----------------------------------------------------------------------


def ended(made: Case, factor: float, start: str, *, falls: bool = False) -> Case:
    """Return a case whose runs from a start move that many times as far as they should.

    Their losses are those of such a run, or fall as they should.
    """
    outcomes = dict(made.observations.outcomes)
    for run in made.probes.runs:
        if run.check == "trajectory" and run.start == start:
            outputs = dict(outcomes[run.name].outputs)
            for key, value in run.parameters.items():
                outputs[f"final/{key}"] = value + factor * (outputs[f"final/{key}"] - value)
            if factor < 0 and not falls:
                name = "loss" if "loss" in outputs else "y_hat"
                course = np.linspace(1, 9, len(outputs[name])).reshape(-1, *[1] * 2)
                outputs[name] = (
                    course.ravel() if name == "loss" else 0.5 + 0 * outputs[name] - 0.05 * course
                )
                if name == "y_hat" and made.task.loss == "squared_error":
                    outputs[name] = 100 * course
            outcomes[run.name] = replace(outcomes[run.name], outputs=outputs)
    return observed(made, outcomes)


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("regression-numpy", "asymmetric"),
        ("classification-numpy", "published"),
        ("regression-torch", "other"),
        ("classification-torch", "published"),
    ],
)
def test_a_run_whose_loss_rises_diverges(name: str, start: str) -> None:
    """The loss at the last parameters is above the one at the start, or is no number."""
    made = case(name)
    for factor, diverges in ((-1.0, True), (0.5, False), (0.0, False)):
        found = verdicts(ended(made, factor, start))["trajectory"]
        assert (found.state, found.diverges) == ("fail", diverges)
    assert not verdicts(made)["trajectory"].diverges


def test_whether_a_run_diverges_is_the_same_on_every_seed() -> None:
    """So a run from a drawn start is left out."""
    found = verdicts(ended(case(), -1.0, "drawn"))["trajectory"]
    assert (found.state, found.diverges) == ("fail", False)


@pytest.mark.parametrize("name", ["regression-numpy", "regression-torch"])
def test_a_run_that_lowers_its_own_loss_does_not_diverge(name: str) -> None:
    """A wrong forward pass or loss function may do so, while the task's loss rises."""
    start = "published"
    assert verdicts(ended(case(name), -1.0, start))["trajectory"].diverges
    assert not verdicts(ended(case(name), -1.0, start, falls=True))["trajectory"].diverges
