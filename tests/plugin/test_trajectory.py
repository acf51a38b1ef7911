"""`gradkit.assert_trajectory`: passes for gradient descent, says where anything else parts."""

import re

import numpy as np
import pytest

import gradkit


def forward(X, parameters):
    """The right pass."""
    A1 = parameters["W1"].T @ X + parameters["b1"]
    return parameters["W2"].T @ A1 + parameters["b2"], A1


def steps(parameters, y, y_hat, A1, X):
    """The four right steps."""
    d = -2 * (y - y_hat)
    hidden = parameters["W2"] * d
    return {
        "W1": 0.001 * X @ hidden.T,
        "b1": 0.01 * hidden,
        "W2": 0.001 * A1 * d,
        "b2": np.array([[0.01 * d]]),
    }


def in_place(parameters, y, y_hat, A1, X):
    """Change the arrays that are there."""
    for key, step in steps(parameters, y, y_hat, A1, X).items():
        parameters[key] -= step


def fresh(parameters, y, y_hat, A1, X):
    """Return a new dict."""
    return {k: parameters[k] - s for k, s in steps(parameters, y, y_hat, A1, X).items()}


@pytest.mark.parametrize("update", [in_place, fresh])
def test_gradient_descent_passes(update) -> None:
    """In place or in a new dict, from all starts or one, for any number of epochs."""
    gradkit.assert_trajectory(forward, update, "regression-numpy")
    gradkit.assert_trajectory(forward, update, "regression-numpy", start="asymmetric", epochs=40)


def test_a_wrong_forward_is_told() -> None:
    """At the first example, by its loss."""

    def wrong(X, parameters):
        y_hat, A1 = forward(X, parameters)
        return y_hat + 1e-6, A1

    with pytest.raises(
        AssertionError,
        match=r"^regression-numpy, published start, epoch 1, example 1: the loss differs from "
        r"the expected value\. Found .*, expected ",
    ):
        gradkit.assert_trajectory(wrong, in_place, "regression-numpy")


def test_a_swapped_index_parts_at_the_second_start() -> None:
    """The published first row hides it for a step, and other rows do not."""

    def swapped(parameters, y, y_hat, A1, X):
        hidden = -2 * (y - y_hat) * parameters["W2"]
        made = steps(parameters, y, y_hat, A1, X)
        for key, step in {**made, "W1": 0.001 * hidden @ X.T}.items():
            parameters[key] -= step

    with pytest.raises(
        AssertionError, match=r"published start, epoch 1, example 2, after the step: W1\[\d,\d\] "
    ):
        gradkit.assert_trajectory(forward, swapped, "regression-numpy")


def test_a_step_that_comes_late_is_told_with_its_epoch() -> None:
    """An update that stops in the second epoch is found there."""
    calls = []

    def tired(parameters, *rest):
        calls.append(1)
        if len(calls) <= 6:
            in_place(parameters, *rest)

    with pytest.raises(AssertionError, match=r"epoch 2, example 3, after the step: "):
        gradkit.assert_trajectory(forward, tired, "regression-numpy")


def test_other_shapes_are_told() -> None:
    """A lone output, a lost parameter, another shape."""
    with pytest.raises(AssertionError, match=r"returns ndarray; expected the pair"):
        gradkit.assert_trajectory(lambda X, p: forward(X, p)[0], in_place, "regression-numpy")
    with pytest.raises(AssertionError, match=r"the update leaves no b2 in the parameters\."):
        gradkit.assert_trajectory(
            forward,
            lambda p, *a: {"W1": p["W1"]} | {k: v for k, v in fresh(p, *a).items() if k != "b2"},
            "regression-numpy",
        )
    with pytest.raises(AssertionError, match=r"ŷ has shape|the loss|shape \(2, 1\), expected"):
        gradkit.assert_trajectory(
            lambda X, p: (forward(X, p)[1], forward(X, p)[1]), in_place, "regression-numpy"
        )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, r"task=None: expected a numpy task, one of regression-numpy, classification-numpy\."),
        ({"task": "regression-torch"}, r"task='regression-torch': expected a numpy task"),
        (
            {"task": "regression-numpy", "start": "x"},
            r"regression-numpy has no start 'x'; it has published, asymmetric\.",
        ),
    ],
)
def test_what_is_not_there_is_told(arguments, said) -> None:
    """With what there is."""
    with pytest.raises(ValueError, match=said):
        gradkit.assert_trajectory(forward, in_place, **arguments)


FAILING = """
import gradkit
import re

import numpy as np

def forward(X, parameters):
    A1 = parameters["W1"].T @ X + parameters["b1"]
    return parameters["W2"].T @ A1 + parameters["b2"], A1

def idle(*_):
    pass

def crashes(parameters, *_):
    return parameters["W3"]

def square(w):
    return float(w @ w)

def test_course():
    gradkit.assert_trajectory(forward, idle, "regression-numpy")

def test_pair():
    gradkit.assert_trajectory(idle, idle, "regression-numpy")

def test_name():
    gradkit.assert_trajectory(forward, idle, "regresion")

def test_crash():
    gradkit.assert_trajectory(forward, crashes, "regression-numpy")

def test_gradient():
    gradkit.assert_gradient(square, np.array([1.0, 2.0]), lambda w: 3 * w)
"""


def test_a_failure_shows_the_tests_own_lines_alone(pytester: pytest.Pytester) -> None:
    """No frame of gradkit, whose source says nothing about what is wrong in the test."""
    pytester.makepyfile(FAILING)
    done = pytester.runpytest_inprocess("-W", "error", "--tb=long")
    done.assert_outcomes(failed=5)
    done.stdout.fnmatch_lines(
        ["*differs from the expected value*", "E*KeyError: 'W3'", "*disagrees with*"]
    )
    places = [line for line in done.stdout.lines if re.match(r"\S+\.py:\d+: ", line)]
    assert len(places) >= 5
    assert all(line.startswith("test_a_failure") for line in places), places
