"""The gradient checks: finite differences decide, and no rate is fitted."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from cases import TASKS, Case, add, case, observed, states, verdicts, with_outputs, with_rates
from msgspec.structs import replace
from soak import SIZE

import gradkit.gradcheck
from gradkit.gradcheck import finite_difference
from gradkit.judge.gradient import Point, judge_points, model_loss, plain_factor, points_of
from gradkit.records.result import Verdict
from gradkit.records.task import Layer, Task
from gradkit.task import network
from gradkit.task.network import ACTIVATIONS, LOSSES, kink_distance, parameter_shapes

pytestmark = pytest.mark.sample(12)

NUMPY = ["regression-numpy", "classification-numpy"]
TORCH = ["regression-torch", "classification-torch"]
KEYS = ("W1", "b1", "W2", "b2")


def stepped(made: Case, factors: Mapping[str, float]) -> Case:
    """Return the same submission with the steps of some parameters multiplied by factors."""
    outcomes = dict(made.observations.outcomes)
    starts = {batch.name: batch.inputs for batch in made.probes.update}
    starts |= {run.name: run.parameters for run in made.probes.runs if run.check == "gradient"}
    for name, before in starts.items():
        outputs = dict(outcomes[name].outputs)
        for key, factor in factors.items():
            at = key if key in outputs else f"final/{key}"
            kind = outputs[at].dtype
            outputs[at] = (before[key] + factor * (outputs[at] - before[key])).astype(kind)
        outcomes[name] = replace(outcomes[name], outputs=outputs)
    return replace(observed(made, outcomes), binding=made.binding)


def judged(made: Case) -> Verdict:
    """Return the verdict on the gradient."""
    return verdicts(made)["gradient"]


# --- finite differences decide ---------------------------------------------------------------


@pytest.mark.parametrize("name", [*NUMPY, *TORCH])
def test_a_right_step_passes_with_its_numbers(name: str) -> None:
    """Each entry has the claim, an estimate near it, and a bound; none has a factor."""
    found = judged(case(name))
    assert (found.state, found.message, found.notes, len(found.entries)) == ("pass", "", (), 9)
    for entry in found.entries:
        assert entry.found == pytest.approx(entry.expected, rel=3e-3, abs=1e-4)
        assert entry.bound is not None
        assert np.isfinite(entry.bound)
        assert entry.factor == ""


@pytest.mark.parametrize("name", [*NUMPY, *TORCH])
def test_a_right_step_fails_if_the_estimates_are_wrong(name: str, monkeypatch) -> None:
    """The analytic gradient is right here, so only finite differences can decide."""
    real = gradkit.gradcheck.check_gradient
    monkeypatch.setattr(
        gradkit.gradcheck, "check_gradient", lambda f, *a, **k: real(lambda p: 2 * f(p), *a, **k)
    )
    found = judged(case(name))
    assert found.state == "fail"
    assert {entry.factor for entry in found.entries} == {"1/2"}


@pytest.mark.parametrize("name", [*NUMPY, *TORCH])
@pytest.mark.parametrize(
    ("factor", "told"), [(0.5, "1/2"), (2, "2"), (-1, "−1"), (10, "10"), (0.1, "1/10")]
)
def test_a_factor_fails_and_is_named(name: str, factor: float, told: str) -> None:
    """A missing 2 of a square is no other rate, though every step has the same factor."""
    found = judged(stepped(case(name), dict.fromkeys(KEYS, factor)))
    assert found.state == "fail"
    assert {entry.factor for entry in found.entries if entry.state == "fail"} == {told}
    assert found.message == (
        "Your gradient of `W1`, `b1`, `W2` and `b2` (claimed) does not match finite differences of "
        "the loss (estimate): claimed = "
        f"{told} × estimate."
    )


@pytest.mark.parametrize("name", TORCH)
def test_a_mean_that_is_a_sum_fails(name: str) -> None:
    """Its steps are N times as long, one for each example."""
    rows = len(TASKS[name].X)
    found = judged(stepped(case(name), dict.fromkeys(KEYS, rows)))
    assert found.state == "fail"
    assert {entry.factor for entry in found.entries} == {f"{rows}"}


def test_one_wrong_array_is_named_alone() -> None:
    """With its factor; a wrong entry is named with its index."""
    found = judged(stepped(case(), {"W1": 0.5}))
    assert found.message == (
        "Your gradient of `W1` (claimed) does not match finite differences of the loss "
        "(estimate): claimed = 1/2 × estimate."
    )
    changes = {"update/random": with_outputs(W1=add(1e-4, 0, 1), b1=add(1e-4, 1, 0))}
    assert judged(case(changes=changes)).message == (
        "Your gradient of `W1[0,1]` and `b1[1]` (claimed) does not match finite differences of the "
        "loss (estimate)."
    )


def test_no_step_claims_a_gradient_of_zero() -> None:
    """Every entry fails, since none has a slope of zero at all probes."""
    found = judged(stepped(case(), dict.fromkeys(KEYS, 0.0)))
    assert {entry.state for entry in found.entries} == {"fail"}
    assert {entry.factor for entry in found.entries} == {"0"}
    assert found.still


def test_what_is_no_number_fails() -> None:
    """So does an array of another shape, and one that is not there."""
    for change in (
        lambda v: v * np.nan,
        lambda v: v[:, :1],
        lambda v: v.astype(int),
        lambda v: None,
    ):
        found = judged(case(changes={"update/random": with_outputs(W2=change)}))
        wrong = [entry for entry in found.entries if entry.state == "fail"]
        assert {entry.parameter for entry in wrong} == {"W2"}
        assert all(np.isnan(entry.found) for entry in wrong)


# --- the rate --------------------------------------------------------------------------------


def test_a_rate_of_the_text_is_used_and_named() -> None:
    """The assignment's rate does not fit; the text states the one that does, in line 2."""
    made = with_rates(stepped(case(), {"b1": 0.1, "b2": 0.1}), 0.5, 0.001)
    found = judged(made)
    assert found.state == "pass"
    assert found.notes == (
        "To compute the gradient, the steps of the biases were divided by 0.001, the learning rate "
        "at a.py:2. The task's learning rate is 0.01.",
    )


def test_a_rate_of_the_text_excuses_no_factor() -> None:
    """No number of the text is the rate with a factor of 2 in it."""
    made = with_rates(stepped(case(), dict.fromkeys(KEYS, 0.5)), 2.0, 0.001, 0.01)
    assert judged(made).state == "fail"
    assert judged(made).notes == ()


@pytest.mark.parametrize("parameter", ["W1", "W2"])
def test_a_rate_of_one_layer_is_not_used(parameter: str) -> None:
    """If the other layer steps with the assignment's rate, the layer with another rate is wrong.

    It is also the layer that the update check names.
    """
    made = with_rates(stepped(case(), {parameter: 10.0}), 0.001, 0.01)
    found = judged(made)
    assert {entry.parameter for entry in found.entries if entry.state == "fail"} == {parameter}
    assert found.notes == ()
    assert "claimed = 10 × estimate" in found.message


def test_biases_may_keep_their_ratio_to_a_rate_that_is_handed_over() -> None:
    """As the assignment has it: ten times the rate of the weights."""
    made = case(takes_rate=True)
    assert judged(stepped(made, {"b1": 10.0, "b2": 10.0})).state == "pass"
    assert judged(stepped(made, {"b1": 5.0, "b2": 5.0})).state == "fail"
    assert judged(stepped(made, dict.fromkeys(KEYS, 10.0))).state == "fail"


# --- large nets ------------------------------------------------------------------------------


def wide(units: int) -> Task:
    """Return a regression with many hidden units."""
    shapes = parameter_shapes(2, (Layer(units, "tanh"), Layer(1, "linear")))
    start = TASKS["regression-numpy"].starts[0]
    rng = np.random.default_rng(0)
    parameters = {key: rng.normal(size=shape) / 10 for key, shape in shapes.items()}
    layers = (Layer(units, "tanh"), Layer(1, "linear"))
    starts = (replace(start, parameters=parameters),)
    return replace(TASKS["regression-numpy"], layers=layers, starts=starts)


@pytest.mark.parametrize("units", [100, 1000])
def test_large_arrays_are_checked_by_samples_and_directions(units: int) -> None:
    """A wrong array fails, and the others pass."""
    task = wide(units)
    made = case(task=task)
    points = points_of(made)[:1]
    loss = [model_loss(task, point) for point in points]
    assert judge_points(made, points, loss).state == "pass"
    after = points[0].before["W1"] + 2 * (points[0].after["W1"] - points[0].before["W1"])
    wrong = [replace(points[0], after={**points[0].after, "W1": after})]
    found = judge_points(made, wrong, loss)
    assert found.state == "fail"
    assert {entry.parameter for entry in found.entries if entry.state == "fail"} == {"W1"}


# --- factors ---------------------------------------------------------------------------------


def test_plain_factors() -> None:
    """Whole numbers up to 10 or N, and one over them, where nothing else fits."""
    point = Point("", np.ones((2, 25)), np.ones((1, 25)), {}, {}, {}, 1.0, 2e-16)

    def told(claimed: float, room: float = 1e-9) -> str:
        return plain_factor(claimed, 3.0, room, point)

    assert [told(3.0 * f) for f in (0.0, -1.0, 25.0, 1 / 25, -1 / 3)] == [
        *("0", "−1", "25", "1/25", "−1/3")
    ]
    assert [told(3.0 * f) for f in (0.7, 11.0, 24.0, np.nan, np.inf)] == [""] * 5
    assert told(6.0001, room=1e-3) == "2"
    # Both 1/9 and 1/10 are within the room.
    assert told(0.3, room=0.05) == ""


# --- the analytic gradient agrees ------------------------------------------------------------


def nets() -> list[Task]:
    """Return a net for every activation and every loss that an output layer fits."""
    base, found = TASKS["regression-numpy"], list(TASKS.values())
    ends = {
        "squared_error": "linear",
        "binary_cross_entropy": "sigmoid",
        "cross_entropy": "softmax",
    }
    assert {*ends} == {*LOSSES}
    for hidden in ACTIVATIONS:
        for loss, end in ends.items():
            units = 3 if loss == "cross_entropy" else 1
            layers = (Layer(3, hidden), Layer(units, end))
            found.append(replace(base, layers=layers, loss=loss))
    return found


def agreement(count: int, seed: int) -> None:
    """Hold the analytic gradient to finite differences at random points away from kinks."""
    rng, tasks = np.random.default_rng(seed), nets()
    for number in range(count):
        task = tasks[number % len(tasks)]
        shapes = parameter_shapes(2, task.layers)
        while True:
            point = {key: rng.normal(size=shape) for key, shape in shapes.items()}
            X = rng.normal(size=(2, 3))
            if kink_distance(task.layers, point, X) > 0.05:
                break
        outputs = task.layers[-1].units
        y = rng.normal(size=(outputs, 3))
        if task.loss != "squared_error":
            y = np.eye(max(outputs, 2))[rng.integers(max(outputs, 2), size=3)].T[:outputs]
        right = network.gradient(task, point, X, y)
        found = finite_difference(lambda p, t=task, X=X, y=y: network.loss(t, p, X, y), point)
        for key, value in right.items():
            gaps = np.abs(found.estimate[key] - value)
            size = np.abs(value).max()
            assert (gaps <= found.bound[key] + 1e-6 * size + 1e-9).all(), (task.layers, task.loss)
            assert (found.bound[key] <= 1e-3 * size + 1e-6).all()


def test_the_analytic_gradient_agrees_with_finite_differences() -> None:
    """For each net, activation and loss, at one point or more."""
    agreement(len(nets()), 0)


@pytest.mark.slow
def test_the_analytic_gradient_agrees_at_a_thousand_points() -> None:
    """The same."""
    agreement(1000 * SIZE, 1)


@pytest.mark.slow
@pytest.mark.parametrize("name", [*NUMPY, *TORCH])
def test_right_steps_pass_on_every_seed(name: str) -> None:
    """No entry is wrong or undecided."""
    for seed in range(60 * SIZE):
        assert states(case(name, seed=7000 + seed))["gradient"] == "pass", seed
