"""New values that are gradients and no parameters are one mistake, not three."""

import pytest
from msgspec.structs import replace
from rules.nets import CLASSIFICATION, REGRESSION
from rules.traced import diagnosed

from gradkit.diagnosis.rules.draw import FRESH, draw_update
from gradkit.records.task import Rates


def gradients(task, y, y_hat, A1, X, W2):
    """All four, right."""
    two, slope = (2, 1) if task.loss == "squared_error" else (1, A1 * (1 - A1))
    d = two * (y_hat - y)
    back = W2 * d * slope
    return {"W1": X @ back.T, "b1": back, "W2": A1 * d, "b2": d}


def told(task, new, only=("W1", "b1", "W2", "b2")):
    """The codes named where each of ``only`` becomes ``new(gradient)``, and the rest is right."""

    def step(p, y, y_hat, A1, X):
        found = gradients(task, y, y_hat, A1, X, p["W2"])
        rates = {"W": task.rates.weight, "b": task.rates.bias}
        for key, gradient in found.items():
            right = p[key] - rates[key[0]] * gradient
            p[key] = new(gradient) + 0 * p[key] if key in only else right

    fit, fresh = draw_update(task, 1), draw_update(task, 2, FRESH)
    found = diagnosed(task, step, fit, fresh).explanation
    assert found.unexplained == ()
    return [slip.code for slip in found.slips]


@pytest.mark.parametrize("task", [REGRESSION, CLASSIFICATION], ids=lambda task: task.id)
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("only", [("W1", "b1", "W2", "b2"), ("W2",), ("b2",)])
def test_gradients_in_place_of_parameters(task, sign, only):
    """Or minus the gradients: no sign, and no rate, is told beside it."""
    assert told(task, lambda gradient: sign * gradient, only) == ["gradient-stored"]


@pytest.mark.parametrize("task", [REGRESSION, CLASSIFICATION], ids=lambda task: task.id)
def test_a_step_in_place_of_a_parameter(task):
    """The twin: what has the rate in it is a step."""
    assert told(task, lambda gradient: -task.rates.weight * gradient, ("W1", "W2")) == [
        "overwritten"
    ]


def test_a_rate_of_one_makes_a_step_of_a_gradient():
    """Then the two are the same, and the step is told."""
    task = replace(CLASSIFICATION, rates=Rates(1.0, 1.0))
    assert told(task, lambda gradient: -gradient) == ["overwritten"]


def test_what_has_no_error_in_it_is_no_gradient():
    """`W2 = A1` is not a gradient from which the error was left out."""

    def step(p, y, y_hat, A1, X):
        found = gradients(REGRESSION, y, y_hat, A1, X, p["W2"])
        for key, rate in (("W1", 0.001), ("b1", 0.01), ("b2", 0.01)):
            p[key] = p[key] - rate * found[key]
        p["W2"] = 2 * A1

    fit, fresh = draw_update(REGRESSION, 1), draw_update(REGRESSION, 2, FRESH)
    found = diagnosed(REGRESSION, step, fit, fresh).explanation
    assert "gradient-stored" not in {slip.code for slip in found.slips}


def test_other_figures_are_told_as_before():
    """Three gradients are neither a gradient nor a step."""
    assert "overwritten" in told(REGRESSION, lambda gradient: 3 * gradient)
