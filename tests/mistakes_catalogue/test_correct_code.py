"""Correct updates in many styles: no finding."""

import numpy as np
import pytest
from rules.nets import CLASSIFICATION, REGRESSION
from rules.traced import diagnosed
from soak import SIZE

from gradkit.diagnosis.rules.draw import FRESH, draw, with_rate

W, B = 0.001, 0.01


def entries(p, y, y_hat, A1, X):
    """Entry by entry, layer 1 first."""
    e = y - y_hat
    for j in range(2):
        back = e * p["W2"][j][0] * A1[j][0] * (1 - A1[j][0])
        for i in range(2):
            p["W1"][i][j] += W * back * X[i][0]
        p["b1"][j][0] += B * back
    for j in range(2):
        p["W2"][j][0] += W * e * A1[j][0]
    p["b2"][0][0] += B * e


def old_weights_kept(p, y, y_hat, A1, X):
    """Layer 2 first, with the old weights kept aside."""
    old = p["W2"].copy()
    e = y - y_hat
    p["W2"] = p["W2"] + W * e * A1
    p["b2"] = p["b2"] + B * e
    p["W1"] = p["W1"] + W * X @ (e * old * A1 * (1 - A1)).T
    p["b1"] = p["b1"] + B * e * old * A1 * (1 - A1)


def descent(p, y, y_hat, A1, X):
    """Gradients with their minus, then subtracted."""
    dZ2 = -(y - y_hat)
    dZ1 = np.dot(p["W2"], np.atleast_2d(dZ2)) * (A1 - A1**2)
    grads = {"W1": np.dot(X, dZ1.T), "b1": dZ1, "W2": A1 * dZ2, "b2": np.full((1, 1), dZ2)}
    for key, slope in grads.items():
        p[key] -= (W if key[0] == "W" else B) * slope


def einsums(p, y, y_hat, A1, X):
    """Everything as an einsum."""
    e = np.full((1,), y - y_hat)
    slope = A1[:, 0] * (1 - A1[:, 0])
    dW1 = np.einsum("i,k,jk,j->ij", X[:, 0], e, p["W2"], slope)
    db1 = np.einsum("k,jk,j->j", e, p["W2"], slope)
    p["W2"] += W * np.einsum("j,k->jk", A1[:, 0], e)
    p["b2"] += B * e[:, None]
    p["W1"] += W * dW1
    p["b1"] += B * db1[:, None]


def outer(p, y, y_hat, A1, X):
    """Flat vectors and outer products."""
    a, x = A1.ravel(), X.ravel()
    d1 = (y - y_hat) * p["W2"].ravel() * a * (1 - a)
    new = (p["W1"] + W * np.outer(x, d1), p["b1"] + B * d1[:, None])
    p["W2"], p["b2"] = p["W2"] + W * (y - y_hat) * A1, p["b2"] + B * (y - y_hat)
    p["W1"], p["b1"] = new


def helpers(p, y, y_hat, A1, X):
    """Small functions of one's own."""

    def slope(a):
        return a * (1 - a)

    def move(value, rate, step):
        return value + rate * step

    back = slope(A1) * p["W2"] * (y - y_hat)
    p["W1"], p["b1"] = move(p["W1"], W, X @ back.T), move(p["b1"], B, back)
    p["W2"], p["b2"] = move(p["W2"], W, A1 * (y - y_hat)), move(p["b2"], B, y - y_hat)


def new_dict(p, y, y_hat, A1, X):
    """A new dict that is returned."""
    back = (y - y_hat) * p["W2"] * A1 * (1 - A1)
    return {
        "W1": p["W1"] + W * X @ back.T,
        "b1": p["b1"] + B * back,
        "W2": p["W2"] + W * (y - y_hat) * A1,
        "b2": p["b2"] + B * (y - y_hat),
    }


def copied(p, y, y_hat, A1, X):
    """A copy that is changed in place and returned."""
    new = {key: value.copy() for key, value in p.items()}
    back = (y - y_hat) * p["W2"] * A1 * (1 - A1)
    new["W2"] += W * (y - y_hat) * A1
    new["b2"] += B * (y - y_hat)
    new["W1"] += W * X @ back.T
    new["b1"] += B * back
    return new


def derivative_of_the_loss(p, y, y_hat, A1, X):
    """The chain rule written out, from the slope of the cross-entropy on."""
    dA2 = -(y / y_hat) + (1 - y) / (1 - y_hat)
    dZ2 = dA2 * y_hat * (1 - y_hat)
    dZ1 = p["W2"] * dZ2 * A1 * (1 - A1)
    p["W1"] = p["W1"] - W * X @ dZ1.T
    p["b1"] = p["b1"] - B * dZ1
    p["W2"] = p["W2"] - W * A1 * dZ2
    p["b2"] = p["b2"] - B * dZ2


def own_forward(p, y, y_hat, A1, X):
    """The forward pass recomputed inside."""

    def sigmoid(z):
        return 1 / (1 + np.exp(-z))

    h = sigmoid(p["W1"].T @ X + p["b1"])
    e = y - sigmoid(p["W2"].T @ h + p["b2"])
    back = p["W2"] * e * h * (1 - h)
    p["W2"] = p["W2"] + W * h * e
    p["b2"] = p["b2"] + B * e
    p["W1"] = p["W1"] + W * X @ back.T
    p["b1"] = p["b1"] + B * back


def own_slope(p, y, y_hat, A1, X):
    """Only the hidden layer recomputed, for its derivative."""
    z = p["W1"].T @ X + p["b1"]
    s = 1 / (1 + np.exp(-z))
    back = p["W2"] * (y - y_hat) * s * (1 - s)
    new = p["W1"] + W * X @ back.T
    p["b1"] = p["b1"] + B * back
    p["W2"] = p["W2"] + W * A1 * (y - y_hat)
    p["b2"] = p["b2"] + B * (y - y_hat)
    p["W1"] = new


def loops(p, y, y_hat, A1, X):
    """While loops and lists."""
    e = float(y - y_hat)
    back = [e * float(p["W2"][j, 0]) * float(A1[j, 0]) * (1 - float(A1[j, 0])) for j in (0, 1)]
    i = 0
    while i < 4:
        p["W1"][i // 2, i % 2] += W * back[i % 2] * X[i // 2, 0]
        i += 1
    for j in (0, 1):
        p["b1"][j, 0] += B * back[j]
        p["W2"][j, 0] += W * e * A1[j, 0]
    p["b2"][0, 0] += B * e


def by_layer(p, y, y_hat, A1, X):
    """A loop over layers from the back, gradients first."""
    delta, grads = np.atleast_2d(y - y_hat), {}
    for layer, given in ((2, A1), (1, X)):
        grads[layer] = (given @ delta.T, delta)
        delta = (p[f"W{layer}"] @ delta) * given * (1 - given)
    for layer, (dW, db) in grads.items():
        p[f"W{layer}"] += W * dW
        p[f"b{layer}"] += B * db


def named_constants(p, y, y_hat, A1, X):
    """Names for everything."""
    learning_rate_w, learning_rate_b = 1e-3, 1e-2
    error_signal = y - y_hat
    sigmoid_slope = np.multiply(A1, np.subtract(1, A1))
    hidden_error = np.multiply(np.multiply(p["W2"], error_signal), sigmoid_slope)
    weight_step = np.matmul(X, np.transpose(hidden_error))
    p["W2"] = np.add(p["W2"], learning_rate_w * error_signal * A1)
    p["b2"] = np.add(p["b2"], learning_rate_b * error_signal)
    p["W1"] = np.add(p["W1"], learning_rate_w * weight_step)
    p["b1"] = np.add(p["b1"], learning_rate_b * hidden_error)


def slices(p, y, y_hat, A1, X):
    """Whole columns by slice assignment."""
    for j in range(2):
        back = (y - y_hat) * p["W2"][j, 0] * A1[j, 0] * (1 - A1[j, 0])
        p["W1"][:, j : j + 1] += W * back * X
        p["b1"][j] += B * back
    p["W2"][:] = p["W2"] + W * (y - y_hat) * A1
    p["b2"][...] = p["b2"] + B * (y - y_hat)


CORRECT = (
    entries, old_weights_kept, descent, einsums, outer, helpers, new_dict, copied,
    derivative_of_the_loss, own_forward, own_slope, loops, by_layer, named_constants, slices,
)  # fmt: skip


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
    fit, fresh = draw(task, seed), draw(task, seed + 1000, FRESH)
    if rate:
        fit, fresh = with_rate(fit, seed), with_rate(fresh, seed)
    return diagnosed(task, function, fit, fresh).explanation


def silent(found):
    """Nothing named and nothing left open."""
    return found.slips == () and found.unexplained == () and found.alternatives == ()


# Who recomputes the forward pass differs at independent probes from the step that takes ŷ and
# A1 as given, and is right all the same: names must not be found either.
@pytest.mark.parametrize("function", CORRECT, ids=lambda function: function.__name__)
def test_correct_classification_code_has_no_finding(function):
    """Fifteen ways to write the same step."""
    assert all(silent(explanation(CLASSIFICATION, function, seed)) for seed in range(3))


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


@pytest.mark.slow
@pytest.mark.parametrize("function", CORRECT, ids=lambda function: function.__name__)
def test_correct_classification_code_has_no_finding_on_many_seeds(function):
    """The same on many draws."""
    assert all(silent(explanation(CLASSIFICATION, function, seed)) for seed in range(40 * SIZE))


@pytest.mark.slow
@pytest.mark.parametrize("name", LINEAR)
def test_correct_regression_code_has_no_finding_on_many_seeds(name):
    """The same on many draws."""
    function = linear(LINEAR[name])
    assert all(silent(explanation(REGRESSION, function, seed)) for seed in range(40 * SIZE))
