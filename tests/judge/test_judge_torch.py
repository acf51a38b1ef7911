"""The checks of torch tasks: every state, from observations made by hand."""

from __future__ import annotations

import numpy as np
import pytest
from cases import PLACE, add, case, states, verdicts, with_outputs, with_rates
from msgspec.structs import replace

from gradkit.records.submission import Failure, Fault, Lost, Missing

BOTH = ("regression-torch", "classification-torch")


@pytest.mark.parametrize("name", BOTH)
def test_right_observations_pass(name: str) -> None:
    """In single precision, as torch has it."""
    found = verdicts(case(name))
    assert {v.state for v in found.values()} == {"pass"}
    assert tuple(found) == ("model", "forward", "gradient", "trajectory")
    assert found["trajectory"].notes == ("This check ran your own training loop.",)


@pytest.mark.parametrize(
    ("shapes", "said"),
    [
        ([(2, 2), (2,)], "(2, 2), (2,); expected (2, 2), (2,), (1, 2), (1,)."),
        ([], "none; expected (2, 2), (2,), (1, 2), (1,)."),
        (
            [(2, 2), (2,), (1, 2), (1,), (3,)],
            "(2, 2), (2,), (1, 2), (1,), (3,); expected (2, 2), (2,), (1, 2), (1,).",
        ),
        ([(3, 2), (3,), (1, 3), (1,)], "(3, 2), (3,), (1, 3), (1,); expected (2, 2), "),
    ],
)
def test_a_model_of_other_layers_fails_and_blocks_the_rest(shapes, said: str) -> None:
    """Their shapes are told beside those expected; what needs them could not be asked."""
    outputs = {str(number): np.array(shape) for number, shape in enumerate(shapes)}
    failure = Failure(0, "ModelMismatchError", "its parameters do not fit", None, "")
    changes = {"model": lambda o: replace(o, outputs=outputs)}
    for name in ("forward/random", "forward/published"):
        changes[name] = lambda o: replace(o, outputs={}, failure=failure)
    found = verdicts(case("regression-torch", changes=changes))
    assert found["model"].state == "fail"
    assert found["model"].message.startswith(f"`Net` holds parameters of shapes {said}")
    assert {v.state for n, v in found.items() if n != "model"} == {"blocked"}
    assert found["forward"].message == "Not checked, because `model` is not right."


def test_a_model_that_stops_or_was_not_looked_at() -> None:
    """The first is an error, the second nobody's fault."""
    failure = Failure(0, "ValueError", "boom", None, "")
    stop = {"model": lambda o: replace(o, outputs={}, failure=failure)}
    found = verdicts(case("regression-torch", changes=stop))["model"]
    assert (found.state, found.message) == ("error", "`Net` stopped with ValueError: boom.")
    found = verdicts(case("regression-torch", changes={"model": None}))["model"]
    assert (found.state, found.message) == ("not-checked", "The model was not checked.")


def test_the_order_of_layers_is_the_models_own() -> None:
    """It may register its output first."""
    shapes = [(1, 2), (1,), (2, 2), (2,)]
    outputs = {str(number): np.array(shape) for number, shape in enumerate(shapes)}
    change = {"model": lambda o: replace(o, outputs=outputs)}
    assert states(case("regression-torch", changes=change))["model"] == "pass"


def test_a_missing_model() -> None:
    """Says so once; everything else is blocked by it."""
    found = verdicts(case("regression-torch", missing=(Missing("model", "No module."),)))
    assert (found["model"].state, found["model"].message) == ("missing", "No module.")
    assert {v.state for n, v in found.items() if n != "model"} == {"blocked"}


def test_a_missing_train_leaves_the_model_its_points() -> None:
    """Gradient and trajectory are missing, not wrong."""
    found = states(case("regression-torch", missing=(Missing("train", "No loop."),)))
    assert found == {
        "model": "pass",
        "forward": "pass",
        "gradient": "missing",
        "trajectory": "missing",
    }


def test_a_wrong_output_fails_forward_and_not_training() -> None:
    """Training is the student's own affair."""
    change = {"forward/random": with_outputs(y_hat=add(1e-2, 0, 0))}
    found = states(case("classification-torch", changes=change))
    assert found == {"model": "pass", "forward": "fail", "gradient": "pass", "trajectory": "pass"}


@pytest.mark.parametrize("name", BOTH)
def test_a_wrong_first_step_fails_gradient_in_its_entry(name: str) -> None:
    """A wrong second step does not: the trajectory sees it."""
    first, second = ({f"step {step}/other": with_outputs(final_b2=add(3e-3, 0))} for step in (1, 2))
    found = verdicts(case(name, changes=first))["gradient"]
    (wrong,) = [entry for entry in found.entries if entry.state == "fail"]
    assert (wrong.parameter, wrong.index) == ("b2", (0, 0))
    assert wrong.probe == "first step from other"
    assert found.message.startswith(
        "Your gradient of `b2` (claimed) does not match finite differences of the loss"
    )
    assert states(case(name, changes=second))["gradient"] == "pass"


def test_only_steps_from_a_start_that_nobody_knows_earn() -> None:
    """Those from the task's own starts are compared, and shown only where they are wrong."""
    entries = verdicts(case("regression-torch"))["gradient"].entries
    assert {entry.probe for entry in entries} == {"first step from drawn"}
    drawn = {name: _still(name) for name in ("step 1/drawn", "step 2/drawn")}
    found = verdicts(case("regression-torch", changes=drawn))["gradient"]
    assert (found.state, found.still) == ("fail", True)
    assert found.message == "`fit` was called for one epoch and changed no parameter."
    published = {name: _still(name) for name in ("step 1/published", "step 2/published")}
    found = verdicts(case("regression-torch", changes=published))["gradient"]
    assert (found.state, found.still) == ("fail", False)


def _still(name: str):
    run = next(run for run in case("regression-torch").probes.runs if run.name == name)
    ends = {f"final/{key}": value.astype(np.float32) for key, value in run.parameters.items()}
    return lambda outcome: replace(outcome, outputs={**outcome.outputs, **ends})


def test_a_rate_that_no_text_states_is_a_wrong_gradient() -> None:
    """A step of a thousandth of the length claims a thousandth of the gradient."""
    made = case("regression-torch")
    runs = {run.name: run for run in made.probes.runs}

    def faster(name: str, factor: float):
        start = runs[name].parameters
        return lambda o: replace(
            o,
            outputs={
                **o.outputs,
                **{
                    f"final/{key}": (value + factor * (o.outputs[f"final/{key}"] - value)).astype(
                        np.float32
                    )
                    for key, value in start.items()
                },
            },
        )

    changes = {f"step 1/{s}": faster(f"step 1/{s}", 1e-3) for s in ("published", "other")}
    changes |= {f"step 2/{s}": lambda o: o for s in ("published", "other")}
    made = case("regression-torch", changes=changes)
    assert states(made)["gradient"] == "fail"
    assert (
        states(with_rates(made, 1e-6))["gradient"] == "fail"
    )  # the drawn start has the usual rate


def test_training_without_parameters_fails_without_numbers() -> None:
    """They may be gone, or have become nan."""
    changes = {
        "step 1/published": with_outputs(final_W1=lambda v: None),
        "step 2/published": with_outputs(final_W1=lambda v: v * np.nan),
    }
    found = verdicts(case("regression-torch", changes=changes))["gradient"]
    wrong = [entry for entry in found.entries if entry.state == "fail"]
    assert {entry.parameter for entry in wrong} == {"W1"}
    assert all(np.isnan(entry.found) for entry in wrong)
    # Nothing can be said of a step that starts from there.
    assert {entry.probe for entry in wrong} == {"first step from published"}
    only = {"step 1/published": with_outputs(final_W1=lambda v: v * np.nan)}
    found = verdicts(case("regression-torch", changes=only))["gradient"]
    assert {e.parameter for e in found.entries if e.state == "fail"} == {"W1"}


def test_losses_that_leave_their_course() -> None:
    """From the epoch on where they do; there are no examples in a full batch."""

    def change(value):
        value[7:] += 0.5
        return value

    changes = {"run/published": with_outputs(loss=change)}
    found = verdicts(case("regression-torch", changes=changes))["trajectory"]
    assert found.message == (
        "Your loss differs from the expected loss from epoch 8 on (initial parameters "
        "“published”). "
        "13 of 28 values (losses and final parameters) are wrong."
    )


@pytest.mark.parametrize("length", [19, 21, 0])
def test_losses_of_another_number(length: int) -> None:
    """One per epoch is expected; a different count is said and compared with nothing."""
    changes = {"run/published": with_outputs(loss=lambda v: np.resize(v, length))}
    found = verdicts(case("regression-torch", changes=changes))["trajectory"]
    assert found.message.startswith(
        f"`fit` gives {length} losses for 20 epochs; expected one loss for each epoch. 20 of 29 "
    )


def test_losses_that_are_not_returned() -> None:
    """The final parameters are still compared."""

    def change(outcome):
        outputs = {k: v for k, v in outcome.outputs.items() if k != "loss"}
        return replace(outcome, outputs=outputs, faults=(Fault(0, "loss", "missing", "x"),))

    found = verdicts(case("regression-torch", changes={"run/published": change}))["trajectory"]
    assert found.message == (
        "`fit` does not give the loss: x. Return a list with one loss for each epoch."
    )
    assert {e.parameter for e in found.entries if e.state == "fail"} == {"loss"}


def test_train_that_stops_or_is_lost() -> None:
    """An exception is an error, a deadline a timeout; model and forward keep their points."""
    failure = Failure(0, "RuntimeError", "size mismatch", None, "fit")
    for change, state, said in (
        (
            lambda o: replace(o, outputs={}, failure=failure),
            "error",
            "`fit` stopped with RuntimeError: size mismatch.",
        ),
        (
            lambda o: replace(o, outputs={}, lost=Lost("timeout", "was stopped")),
            "timeout",
            "`fit` was stopped.",
        ),
    ):
        names = [run.name for run in case("regression-torch").probes.runs]
        found = verdicts(case("regression-torch", changes=dict.fromkeys(names, change)))
        assert [v.state for v in found.values()] == ["pass", "pass", state, state]
        assert found["trajectory"].message == said
        assert found["trajectory"].place == PLACE
