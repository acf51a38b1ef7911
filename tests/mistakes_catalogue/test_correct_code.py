"""A correct update has no finding.

`tests/diagnosis/test_stored_cases.py` has correct entries beside wrong ones, in many styles.
"""

import numpy as np
import pytest
from rules.nets import REGRESSION
from rules.traced import diagnosed

from gradkit.diagnosis.rules.draw import FRESH, draw_update, with_rate

W, B = 0.001, 0.01


def linear(function_of_delta):
    """The same for the regression, from the function that turns δ into steps."""

    def update_parameters(p, y, y_hat, A1, X):
        for key, step in function_of_delta(p, 2 * (y - y_hat), A1, X).items():
            p[key] = p[key] + (W if key[0] == "W" else B) * step

    return update_parameters


def steps(first):
    """Steps from the function that turns p, δ and X into W1's."""
    return lambda p, d, A1, X: {"W1": first(p, d, X), "b1": p["W2"] * d, "W2": A1 * d, "b2": d}


LINEAR = {
    "matmul": steps(lambda p, d, X: X @ (p["W2"] * d).T),
    "dot": steps(lambda p, d, X: np.dot(X, p["W2"].T) * d),
    "kron": steps(lambda p, d, X: np.kron(X, p["W2"].T) * d),
    "list": steps(lambda p, d, X: np.array([[d * w * x for w in p["W2"][:, 0]] for x in X[:, 0]])),
    "tensordot": steps(lambda p, d, X: np.tensordot(X[:, 0], p["W2"][:, 0] * d, 0)),
}


def explanation(task, function, seed, rate=False):
    """The diagnosis of a function at one seed's probes."""
    fit, fresh = draw_update(task, seed), draw_update(task, seed + 1000, FRESH)
    if rate:
        fit, fresh = with_rate(fit, seed), with_rate(fresh, seed)
    return diagnosed(task, function, fit, fresh).explanation


def silent(found):
    """Nothing named and nothing left open."""
    return found.slips == () and found.unexplained == () and found.alternatives == ()


@pytest.mark.parametrize("name", LINEAR)
def test_correct_regression_code_has_no_finding(name):
    """Five more for the regression."""
    function = linear(LINEAR[name])
    assert all(silent(explanation(REGRESSION, function, seed)) for seed in range(3))


def test_a_rate_that_is_handed_over_and_used_has_no_finding():
    """Every entry scales with it."""

    def update_parameters(p, y, y_hat, A1, X, lr):
        d = 2 * (y - y_hat)
        for key, step in LINEAR["matmul"](p, d, A1, X).items():
            p[key] = p[key] + lr * step

    assert silent(explanation(REGRESSION, update_parameters, 3, rate=True))


def test_a_free_rate_policy_forgives_one_rate_per_kind():
    """Any one rate for weights and any one for biases is right; an uneven one is not."""
    from msgspec.structs import replace

    free = replace(REGRESSION, id="free", rates=replace(REGRESSION.rates, policy="free"))

    def scaled(weights, biases):
        def update_parameters(p, y, y_hat, A1, X):
            for key, step in LINEAR["dot"](p, 2 * (y - y_hat), A1, X).items():
                p[key] = p[key] + (weights if key[0] == "W" else biases) * step

        return update_parameters

    assert silent(explanation(free, scaled(0.0037, 0.2), 1))

    def uneven(p, y, y_hat, A1, X):
        scaled(0.0037, 0.2)(p, y, y_hat, A1, X)
        p["W2"] = p["W2"] + 0.004 * (y - y_hat) * A1

    assert [slip.code for slip in explanation(free, uneven, 1).slips] == ["uneven-learning-rate"]
    exact = [slip.code for slip in explanation(REGRESSION, scaled(0.0037, 0.2), 1).slips]
    assert exact == ["wrong-learning-rate"]
