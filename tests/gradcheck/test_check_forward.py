"""Jacobian-vector products against f, and against reverse mode."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gradkit import check_forward, check_gradient, compare_products

POINT = {"x": np.array([[0.5, -1.0, 2.0]]), "W": np.array([[1.0, 0.3], [-0.2, 2.0], [0.7, 0.1]])}


def layer(p):
    """Return tanh of a product, and the product."""
    z = p["x"] @ p["W"]
    return np.tanh(z), z


def jvp(p, u, factor=1.0):
    """Return the change of both outputs; ``factor`` spoils what ``W`` does."""
    dz = u["x"] @ p["W"] + factor * p["x"] @ u["W"]
    return (1 - np.tanh(p["x"] @ p["W"]) ** 2) * dz, dz


def vjp(p, v, factor=1.0):
    """Return the gradients of both parameters."""
    dz = v[0] * (1 - np.tanh(p["x"] @ p["W"]) ** 2) + v[1]
    return {"x": dz @ p["W"].T, "W": factor * p["x"].T @ dz}


def test_a_right_product_agrees_and_a_wrong_one_names_its_parameter() -> None:
    """A factor in one parameter leaves the other one alone."""
    assert check_forward(layer, jvp, POINT).verdict == "agree"
    report = check_forward(layer, lambda p, u: jvp(p, u, 2.0), POINT, directions=2)
    found = {(one.parameter, one.index[0]): one.verdict for one in report.entries}
    assert found == {
        ("x", 0): "agree",
        ("x", 1): "agree",
        ("W", 0): "disagree",
        ("W", 1): "disagree",
    }


def test_forward_mode_takes_tensors_and_named_parameters() -> None:
    """What is not named is passed on as it is."""
    w, index = torch.tensor([0.5, 0.25, -1.0]), torch.tensor([2, 0])

    def f(p):
        return torch.sin(p[0])[p[1]]

    def product(p, u):
        return torch.cos(p[0])[p[1]] * u[0][p[1]]

    assert check_forward(f, product, [w, index], wrt=["0"]).verdict == "agree"
    assert check_forward(f, lambda p, u: -product(p, u), [w, index], wrt=["0"]).verdict == (
        "disagree"
    )


def test_both_modes_are_equal_to_rounding() -> None:
    """A difference of 1e-12 shows, in the parameter that it is in."""
    right = compare_products(jvp, vjp, POINT)
    assert [(one.parameter, one.verdict) for one in right] == [("x", "agree"), ("W", "agree")]
    wrong = compare_products(jvp, lambda p, v: vjp(p, v, 1 + 1e-11), POINT)
    assert [one.verdict for one in wrong] == ["agree", "disagree"]
    assert compare_products(lambda x, u: 0 * u, lambda x, v: 0 * v, np.ones(2))[0].verdict == (
        "agree"
    )


def test_forward_options_are_checked() -> None:
    """Shapes and counts."""
    with pytest.raises(ValueError, match="directions must be at least 1; found 0"):
        check_forward(layer, jvp, POINT, directions=0)
    with pytest.raises(ValueError, match=r"shapes of the outputs, \[\(2,\)\]; found \[\(1,\)\]"):
        check_forward(np.sin, lambda x, u: u[:1], np.ones(2))


def test_a_gradient_of_a_gradient_is_a_check_of_a_weighted_gradient() -> None:
    """As the documents say: f is ``gradient(x) @ v``, and the claim a Hessian times v."""
    x, v = np.array([0.5, -1.0, 2.0]), np.array([1.0, 0.3, -0.7])

    def gradient(x):
        return 3 * x**2 * np.sum(np.sin(x)) + np.sum(x**3) * np.cos(x)

    def hessian_times(x, v):
        cross = 3 * x**2 * (np.cos(x) @ v) + np.cos(x) * (3 * x**2 @ v)
        return 6 * x * np.sum(np.sin(x)) * v - np.sum(x**3) * np.sin(x) * v + cross

    assert check_gradient(lambda x: gradient(x) @ v, x, lambda x: hessian_times(x, v)).verdict == (
        "agree"
    )
    assert check_gradient(lambda x: gradient(x) @ v, x, -hessian_times(x, v)).verdict == "disagree"


def test_an_autograd_function_is_checked_by_its_own_backward() -> None:
    """As the documents say, with ``torch.autograd.grad`` as the claim."""

    class Cube(torch.autograd.Function):
        factor = 3

        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        def backward(ctx, upstream):
            return Cube.factor * ctx.saved_tensors[0] ** 2 * upstream

    def f(x):
        return Cube.apply(x).sum()

    def claim(x):
        return torch.autograd.grad(f(x.requires_grad_()), x)[0]

    x = torch.tensor([0.5, -1.0, 2.0], dtype=torch.float64)
    assert check_gradient(f, x, claim).verdict == "agree"
    Cube.factor = 2
    assert check_gradient(f, x, claim).verdict == "disagree"
