"""The correct step: gradient descent, and the rules that are read off it."""

import numpy as np
import pytest
from msgspec.structs import replace
from rules.nets import ALL, CLASSIFICATION, REGRESSION, SOFTMAX, TANH

from gradkit.diagnosis.rules.draw import draw_forward, draw_update, with_rate
from gradkit.diagnosis.rules.evaluate import evaluate
from gradkit.diagnosis.rules.step import correct_rules, correct_step
from gradkit.diagnosis.rules.text import format_rule
from gradkit.records.result import NoDiagnosisError
from gradkit.records.rule import UpdateInputs
from gradkit.records.task import Layer
from gradkit.task import network


@pytest.mark.parametrize("task", ALL, ids=lambda task: task.id)
def test_where_a_forward_pass_was_run_the_step_descends_its_gradient(task):
    """On consistent inputs the step is minus the rate times the generic net's gradient."""
    X, before = draw_forward(task, 7, 20)
    y_hat, A1 = network.forward(task.layers, before, X[:, :, None])
    y = np.random.default_rng(1).dirichlet(np.ones(task.layers[-1].units), 20)
    inputs = UpdateInputs(y, y_hat[:, :, 0], A1[:, :, 0], X, before)
    slopes = network.gradient(task, before, X[:, :, None], y[:, :, None])
    for key, value in correct_step(task, inputs).items():
        rate = task.rates.weight if key[0] == "W" else task.rates.bias
        np.testing.assert_allclose(value, before[key] - rate * slopes[key], rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("task", ALL, ids=lambda task: task.id)
@pytest.mark.parametrize("rate", [False, True])
def test_its_rules_give_its_numbers(task, rate):
    """The recovered rules, run, are the step, with the task's rates or a given one."""
    inputs = draw_update(task, 31, 40)
    inputs = with_rate(inputs, 31) if rate else inputs
    after = evaluate(task, correct_rules(task, rate=rate), inputs)
    for key, value in correct_step(task, inputs).items():
        np.testing.assert_allclose(after[key], value, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize(
    ("task", "entry", "formula"),
    [
        (REGRESSION, ("W1", (0, 1)), "+0.002 · (y−ŷ) · W2[1] · X[0]"),
        (REGRESSION, ("b2", (0, 0)), "+0.02 · (y−ŷ)"),
        (CLASSIFICATION, ("b1", (1, 0)), "+0.01 · (y−ŷ) · W2[1] · A1[1] · (1−A1[1])"),
        (TANH, ("W1", (2, 3)), "+0.002 · (y−ŷ) · W2[3] · (1−A1[3]²) · X[2]"),
        (SOFTMAX, ("b1", (4, 0)), "+0.01 · Σₖ · (y[k]−ŷ[k]) · W2[4,k] · A1[4] · (1−A1[4])"),
    ],
)
def test_its_rules_are_those_of_the_textbook(task, entry, formula):
    """The formulas come out of the numbers as one would write them."""
    rule = correct_rules(task)[entry]
    assert format_rule(rule, outputs=task.layers[-1].units) == formula


def test_a_net_of_other_depth_is_refused():
    """Update rules in y, ŷ, A1 and X exist for two layers."""
    deep = replace(REGRESSION, layers=(*REGRESSION.layers, Layer(1, "linear")))
    with pytest.raises(
        NoDiagnosisError, match="are known for nets of 2 layers, and this one has 3"
    ):
        correct_step(deep, draw_update(REGRESSION, 1))


def test_an_output_whose_slope_mixes_entries_is_refused():
    """Softmax under the squared error: its slope is no product of an output's own numbers."""
    odd = replace(SOFTMAX, loss="squared_error")
    with pytest.raises(NoDiagnosisError, match="the derivative of softmax cannot be computed from"):
        correct_step(odd, draw_update(odd, 1))


def test_a_net_with_more_entries_than_rules_are_looked_for_is_refused():
    """Its polynomials would have as many atoms."""
    layers = (Layer(64, "tanh"), Layer(10, "linear"))
    large = replace(REGRESSION, layers=layers, X=np.ones((1, 64)), y=np.ones((1, 10)))
    with pytest.raises(
        NoDiagnosisError, match="up to 720 entries and inputs, and this one has 4958"
    ):
        draw_update(large, 1)


@pytest.mark.parametrize("output", ["tanh", "softplus", "leaky_relu"])
@pytest.mark.parametrize("hidden", ["sigmoid", "softplus", "leaky_relu"])
def test_any_output_has_rules_under_the_squared_error(hidden, output):
    """An activation's slope stands for itself where no other symbols make it."""
    layers = (Layer(3, hidden), Layer(2, output))
    task = replace(
        REGRESSION, id="any", layers=layers, y=np.ones((len(REGRESSION.X), 2)), columns=()
    )
    inputs = draw_update(task, 31, 40)
    after = evaluate(task, correct_rules(task), inputs)
    for key, value in correct_step(task, inputs).items():
        np.testing.assert_allclose(after[key], value, rtol=1e-12, atol=1e-15)


def test_a_step_with_no_known_rule_is_refused(monkeypatch):
    """An exercise whose right rule cannot be written is told, not guessed."""
    import sys

    module = sys.modules["gradkit.diagnosis.rules.step"]
    own = module.correct_step

    def bent(task, inputs):
        after = own(task, inputs)
        after["b2"] = after["b2"] + np.sin(inputs.y)[:, :, None]
        return after

    monkeypatch.setattr(module, "correct_step", bent)
    with pytest.raises(NoDiagnosisError, match="no rule is known for b2 of the correct step"):
        correct_rules(replace(REGRESSION, id="bent", rates=replace(REGRESSION.rates, bias=0.03)))
