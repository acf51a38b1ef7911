"""Code that nobody has a name for: unexplained, with numbers, never a name."""

import numpy as np
import pytest
from rules.nets import CLASSIFICATION, REGRESSION
from rules.traced import diagnosed

from gradkit.diagnosis.rules.draw import FRESH, draw_update, with_rate
from gradkit.records.rule import Rule

pytestmark = pytest.mark.sample(6)


def right(p, y, y_hat, A1, X, rates=(0.001, 0.01)):
    """The regression's correct changes."""
    e = 2 * (y - y_hat)
    weight, bias = rates
    return {
        "W1": weight * e * X @ p["W2"].T,
        "b1": bias * e * p["W2"],
        "W2": weight * e * A1,
        "b2": np.full((1, 1), bias * e),
    }


def bent(change):
    """A correct update whose changes are put through ``change(name, step, p, e, X)``."""

    def update_parameters(p, y, y_hat, A1, X):
        for key, step in right(p, y, y_hat, A1, X).items():
            p[key] = p[key] + change(key, step, p, y - y_hat, X)

    return update_parameters


def told(function, task=REGRESSION, **options):
    """The diagnosis of a function."""
    fit, fresh = draw_update(task, 1), draw_update(task, 2, FRESH)
    return diagnosed(task, function, fit, fresh, **options)


OUTSIDE = {
    "extra term": lambda key, step, p, e, X: step + 0.013 * np.cos(e),
    "extra constant": lambda key, step, p, e, X: step + 0.0007,
    "extra input term": lambda key, step, p, e, X: step + 0.01 * X[0] * X[1],
    "weight decay": lambda key, step, p, e, X: step - 0.0003 * p[key],
    "rate that depends on the error": lambda key, step, p, e, X: step / (1 + abs(e)),
    "clipped": lambda key, step, p, e, X: np.clip(step, -0.004, 0.004),
    "sign of the gradient": lambda key, step, p, e, X: 0.001 * np.sign(step),
    "square root": lambda key, step, p, e, X: np.sqrt(np.abs(step)) * np.sign(step),
    "rounded": lambda key, step, p, e, X: np.round(step, 3),
    "exponential rate": lambda key, step, p, e, X: step * np.exp(-(e**2)),
}


@pytest.mark.parametrize("name", OUTSIDE)
def test_what_is_outside_gets_no_name(name):
    """Every entry is unexplained and no mistake is told."""
    explanation = told(bent(OUTSIDE[name])).explanation
    assert explanation.slips == ()
    assert explanation.alternatives == ()
    assert len(explanation.unexplained) == 9


def test_momentum_in_a_global_gets_no_name():
    """State between calls is no rule."""
    velocity = {}

    def update_parameters(p, y, y_hat, A1, X):
        for key, step in right(p, y, y_hat, A1, X).items():
            velocity[key] = 0.9 * velocity.get(key, 0.0) + step
            p[key] = p[key] + velocity[key]

    explanation = told(update_parameters).explanation
    assert explanation.slips == ()
    assert len(explanation.unexplained) == 9


def test_a_rate_put_through_a_function_gets_no_name():
    """The square of the rate that was handed over is no rate that is handed over."""

    def update_parameters(p, y, y_hat, A1, X, lr):
        for key, step in right(p, y, y_hat, A1, X, (lr**2, lr**2)).items():
            p[key] = p[key] + step

    fit, fresh = draw_update(REGRESSION, 1), draw_update(REGRESSION, 2, FRESH)
    fit, fresh = with_rate(fit, 1), with_rate(fresh, 2)
    found = diagnosed(REGRESSION, update_parameters, fit, fresh)
    assert found.explanation.slips == ()
    assert len(found.explanation.unexplained) == 9


def test_one_strange_entry_does_not_hide_the_others():
    """Eight entries share a mistake that is told, the ninth stays unexplained."""

    def update_parameters(p, y, y_hat, A1, X):
        e = 2 * (y - y_hat)
        p["W2"] += 0.001 * e * A1
        p["b2"] += 0.01 * e + 0.02 * np.sin(e)
        p["W1"] += 0.001 * e * X @ p["W2"].T
        p["b1"] += 0.01 * e * p["W2"]

    explanation = told(update_parameters).explanation
    assert [slip.code for slip in explanation.slips] == ["updated-before-use"]
    assert explanation.unexplained == (("b2", (0, 0)),)


def test_a_rule_without_a_name_is_still_shown():
    """The decay is recovered, verified and printed; only its name is missing."""
    found = told(bent(OUTSIDE["weight decay"]))
    rule = found.applies["b2", (0, 0)]
    assert isinstance(rule, Rule)
    assert len(rule.terms) == 2


def test_random_code_is_never_accused():
    """Thirty random updates in the catalogue's own symbols: nothing is told that is not so."""
    names = ["e", "e**2", "A1", "(1-A1)", "p['W2']", "p['b1']", "X[0]", "X[1]", "y_hat", "3.7"]
    for seed in range(30):
        generator = np.random.default_rng(seed)
        terms = [
            "*".join(generator.choice(names, generator.integers(2, 5), replace=False))
            for _ in range(3)
        ]
        expression = " + ".join(f"{generator.uniform(0.001, 0.1):.4f}*{term}" for term in terms)

        def update_parameters(p, y, y_hat, A1, X, expression=expression):
            e = y - y_hat
            names = {"p": p, "e": e, "y_hat": y_hat, "A1": A1, "X": X}
            p["b1"] = p["b1"] + eval(expression, names)  # noqa: S307 -- our own text

        explanation = told(
            update_parameters, CLASSIFICATION, entries=[("b1", (0, 0)), ("b1", (1, 0))]
        ).explanation
        assert explanation.slips == (), expression
