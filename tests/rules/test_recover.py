"""Rules from numbers: whatever an entry does, exactly, or not at all."""

import numpy as np
import pytest
from rules.generate import run
from rules.nets import CLASSIFICATION, REGRESSION, RELU, SOFTMAX, TANH, exercise
from rules.traced import program_of, rules_of

from gradkit.diagnosis.rules.draw import FRESH, draw_update, with_rate
from gradkit.diagnosis.rules.evaluate import evaluate
from gradkit.diagnosis.rules.recover import recover
from gradkit.diagnosis.rules.step import correct_rules, correct_step
from gradkit.diagnosis.rules.text import format_rule
from gradkit.records.rule import UpdateProbes
from gradkit.records.task import Layer


def told(function, task, *, rate=False, seed=1):
    """What `recover` says about a function."""
    fit, fresh = draw_update(task, seed), draw_update(task, seed + 1, FRESH)
    if rate:
        fit, fresh = with_rate(fit, seed), with_rate(fresh, seed + 1)
    return rules_of(task, function, fit, fresh)


def formula(function, task, entry, **options):
    """The formula of one entry, or that there is none."""
    found = told(function, task, **options).get(entry)
    return "no rule" if found is None else format_rule(found, outputs=task.layers[-1].units)


def update(**statements):
    """A function that adds, to each parameter named, the value of an expression."""

    def update_parameters(p, y, y_hat, A1, X, lr=None):
        names = {"p": p, "y": y, "y_hat": y_hat, "A1": A1, "X": X, "lr": lr, "np": np}
        names["sigmoid"] = sigmoid
        names["e"] = y - y_hat
        for key, expression in statements.items():
            p[key] = p[key] + eval(expression, names)  # noqa: S307 -- our own text

    return update_parameters


correct = update(
    W1="0.001*2*e*X@p['W2'].T", b1="0.01*2*e*p['W2']", W2="0.001*2*e*A1", b2="0.01*2*e"
)


def sigmoid(z):
    """The logistic function."""
    return 1 / (1 + np.exp(-z))


BENT = exercise("bent", 3, (Layer(3, "softplus"), Layer(1, "tanh")), "squared_error")
SLOPED = exercise("sloped", 3, (Layer(3, "leaky_relu"), Layer(1, "linear")), "squared_error")

B2 = ("b2", (0, 0))


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("0.01*e", "+0.01 · (y−ŷ)"),
        ("-0.3*e**2", "−0.3 · (y−ŷ)²"),
        ("0.01*e/(y_hat*(1-y_hat))", "+0.01 · (y−ŷ) · ŷ⁻¹ · (1−ŷ)⁻¹"),
        ("0.01*e*np.sum(A1)", "+0.01 · Σⱼ · (y−ŷ) · A1[j]"),
        ("0.01*y - y_hat", "−ŷ +0.01 · y"),
        ("0.01*e*p['W2'][1]*X[0]", "+0.01 · (y−ŷ) · W2[1] · X[0]"),
        ("0.01*e - 0.2*p['b2']", "+0.01 · (y−ŷ) −0.2 · b2"),
        ("0.01*e + p['W2'][1] - p['b2']", "= W2[1] +0.01 · (y−ŷ)"),
        ("0.01*e - p['b2']", "= +0.01 · (y−ŷ)"),
        ("p['W1'][0][1] - p['b2']", "= W1[0,1]"),
        ("0*e", "not moved"),
        ("e*np.abs(e)", "no rule"),
        ("np.sin(y)", "no rule"),
        ("e/0 if False else e*float('inf')", "no rule"),
    ],
)
def test_a_formula_is_read_off_the_numbers(expression, expected):
    """Products, powers, sums, other sources: one entry at a time."""
    shown = formula(update(b2=expression), REGRESSION, B2)
    terms = lambda written: sorted(written.replace(" −", "\n−").replace(" +", "\n+").split("\n"))  # noqa: E731
    assert terms(shown) == terms(expected)


def test_values_after_the_step_are_told_from_those_before():
    """The prime marks what was already changed, though it differs by a thousandth."""
    late = update(W2="0.001*e*A1", b1="0.01*e*p['W2']")
    early = update(b1="0.01*e*p['W2']", W2="0.001*e*A1")
    assert formula(late, REGRESSION, ("b1", (1, 0))) == "+0.01 · (y−ŷ) · W2′[1]"
    assert formula(early, REGRESSION, ("b1", (1, 0))) == "+0.01 · (y−ŷ) · W2[1]"


def test_a_forward_pass_of_ones_own_is_seen():
    """Who recomputes ŷ and A1 follows a rule in the recomputed ones."""

    def update_parameters(p, y, y_hat, A1, X):
        h = sigmoid(p["W1"].T @ X + p["b1"])
        o = sigmoid(p["W2"].T @ h + p["b2"])
        p["b1"] += 0.01 * (y - o) * p["W2"] * h * (1 - h)

    shown = formula(update_parameters, CLASSIFICATION, ("b1", (0, 0)))
    assert shown == "+0.01 · (y−ŷ*) · W2[0] · A1*[0] · (1−A1*[0])"


def test_a_rate_that_is_handed_over_is_a_symbol():
    """A function that uses its rate has it in its formula, one that does not has not."""
    used, ignored = update(b2="lr*2*e"), update(b2="0.02*e")
    assert formula(used, REGRESSION, B2, rate=True) == "+2 · lr · (y−ŷ)"
    assert formula(ignored, REGRESSION, B2, rate=True) == "+0.02 · (y−ŷ)"


def test_two_assignments_to_one_entry_are_a_sum():
    """W1[1,0] starts from another entry and moves twice."""

    def update_parameters(p, y, y_hat, A1, X):
        e = 0.002 * (y - y_hat)
        p["W1"][1][0] = p["W1"][0][1] + e * p["W2"][0][0] * X[1][0]
        p["W1"][1][0] = p["W1"][1][0] + e * p["W2"][1][0] * X[0][0]
        p["b1"][1][0] = p["W1"][1][0] + e * p["W2"][1][0]

    found = told(update_parameters, REGRESSION)
    assert format_rule(found["b1", (1, 0)]) == "= W1′[1,0] +0.002 · (y−ŷ) · W2[1]"
    rule = found["W1", (1, 0)]
    assert format_rule(rule).startswith("= W1[0,1] ")
    assert len(rule.terms) == 2


def test_rules_never_wait_for_each_other():
    """Two entries that could each be told by the other are told without a circle."""

    def update_parameters(p, y, y_hat, A1, X):
        p["b1"][0] = p["b1"][0] + 0.01 * (y - y_hat)
        p["b1"][1] = p["b1"][0] + 0.02 * (y - y_hat)

    found = told(update_parameters, REGRESSION)
    inputs = draw_update(REGRESSION, 9, 10)
    after = evaluate(REGRESSION, found, inputs)
    for key, value in run(update_parameters, inputs).after.items():
        np.testing.assert_allclose(after[key], value, rtol=1e-12)


@pytest.mark.parametrize(
    ("task", "statement", "expected"),
    [
        (TANH, "0.01*e*p['W2']*(1-A1)*(1+A1)", "+0.01 · (y−ŷ) · W2[2] · (1−A1[2]²)"),
        (RELU, "0.01*e*p['W2']*(A1>0)", "+0.01 · (y−ŷ) · W2[2] · [A1[2]>0]"),
        (RELU, "0.01*e*p['W2']", "+0.01 · (y−ŷ) · W2[2]"),
        (SOFTMAX, "0.01*(p['W2']@e)*(1-A1)", "+0.01 · Σₖ · (y[k]−ŷ[k]) · W2[2,k] · (1−A1[2])"),
        (SOFTMAX, "0.01*np.sum(e)*A1", "+0.01 · Σₖ · (y[k]−ŷ[k]) · A1[2]"),
        (SOFTMAX, "0.01*e[1]*A1", "+0.01 · (y[1]−ŷ[1]) · A1[2]"),
        (BENT, "0.01*e*(1-y_hat**2)*(1-np.exp(-A1))", "+0.01 · (y−ŷ) · act′ of ŷ · act′ of A1[2]"),
        (
            BENT,
            "0.01*e*(1-y_hat**2)*(1-np.exp(-A1))*A1",
            "+0.01 · (y−ŷ) · act′ of ŷ · A1[2] · act′ of A1[2]",
        ),
        (SLOPED, "0.01*e*np.where(A1>0, 1, 0.01)", "+0.01 · (y−ŷ) · act′ of A1[2]"),
        (CLASSIFICATION, "0.01*e*sigmoid(A1)*(1-sigmoid(A1))", "+0.01 · (y−ŷ) · act′(A1[1])"),
        (CLASSIFICATION, "0.01*e*np.exp(-A1)/(1+np.exp(-A1))**2", "+0.01 · (y−ŷ) · act′(A1[1])"),
        (CLASSIFICATION, "0.01*e*sigmoid(A1)", "+0.01 · (y−ŷ) · act(A1[1])"),
        (
            CLASSIFICATION,
            "0.01*e*sigmoid(y_hat)*(1-sigmoid(y_hat))+0*A1",
            "+0.01 · (y−ŷ) · act′(ŷ)",
        ),
        (SOFTMAX, "0.01*np.sum(p['W2']@e)", "+0.01 · Σⱼₖ · (y[k]−ŷ[k]) · W2[j,k]"),
    ],
)
def test_other_activations_and_several_outputs_are_read_too(task, statement, expected):
    """The library follows the task's shape."""
    last = task.layers[0].units - 1
    assert formula(update(b1=statement), task, ("b1", (min(last, 2), 0))) == expected


def test_a_rule_that_holds_for_the_fit_alone_is_not_told():
    """Fresh probes decide: code that changes its mind is unexplained."""
    fit, fresh = draw_update(REGRESSION, 1), draw_update(REGRESSION, 2, FRESH)
    other = {key: value + 1e-6 * value for key, value in correct_step(REGRESSION, fresh).items()}
    program = program_of(correct, REGRESSION, fit)
    honest = recover(REGRESSION, program, UpdateProbes(fresh, correct_step(REGRESSION, fresh)))
    lying = recover(REGRESSION, program, UpdateProbes(fresh, other))
    assert honest.keys() == correct_rules(REGRESSION).keys()
    assert lying == {}
