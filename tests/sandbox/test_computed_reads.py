"""The values of a check's expressions are computed in the grader, from plain arrays."""

from __future__ import annotations

import numpy as np
import pytest

from gradkit.sandbox.observe import Computed, computed, parts_of, with_leaves


@pytest.mark.parametrize(
    ("expression", "text", "leaves"),
    [
        (
            "np.ptp(initial['W1'], axis=0).all()",
            "np.ptp(value_0, axis=0).all()",
            ("initial['W1']",),
        ),
        (
            "np.less(fresh.params['W1'].std(), std * 3)",
            "np.less(value_0.std(), value_1 * 3)",
            ("fresh.params['W1']", "std"),
        ),
        ("x.T.dot(x) + np.pi", "value_0.dot(value_1) + np.pi", ("x.T", "x")),
        ("np.sum(x[:, 0]) / (1 + n)", "np.sum(value_0) / (1 + value_1)", ("x[:, 0]", "n")),
    ],
)
def test_sub_expressions_of_a_computed_expression(
    expression: str, text: str, leaves: tuple[str, ...]
) -> None:
    """These are the largest parts that only look up a value, and the objects of methods."""
    assert parts_of(expression) == Computed(text, leaves)
    assert with_leaves(["out", expression]) == ["out", expression, *leaves]


@pytest.mark.parametrize(
    "expression",
    ["out", "grads['dW']", "layer.W[0]", "np.size([*initial])", "model(x)", "f.loss(x)"],
)
def test_expressions_that_only_the_student_process_computes(expression: str) -> None:
    """They call nothing, unpack a container, or call a student's function."""
    assert parts_of(expression) is None
    assert with_leaves([expression]) == [expression]


def test_computed_value_equals_the_expression() -> None:
    """A method that changes its array changes only a copy."""
    parts = parts_of("np.sum(x) + x.max()")
    assert parts is not None
    x = np.arange(4.0)
    assert computed(parts, {"x": x}) == 9
    parts = parts_of("x.sort()")
    assert parts is not None
    turned = x[::-1].copy()
    computed(parts, {"x": turned})
    assert turned[0] == 3
