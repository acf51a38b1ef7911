"""Values of expressions are those that Python gives; what is kept stays, what is changed is not."""

from __future__ import annotations

import ast
from typing import Any

import numpy as np
import pytest

from gradkit.runtime.repair.values import Names, Values

LOCAL: dict[str, Any] = {
    **{"a": np.arange(6.0).reshape(2, 3), "m": 3, "d": {"k": 2.5}, "flag": False},
    **{"xs": [1, 2, 3], "f": lambda *a, b=1: sum(a) * b},
}


def parsed(text: str) -> ast.expr:
    """Return the syntax tree of an expression."""
    return ast.parse(text, mode="eval").body


@pytest.mark.parametrize(
    "text",
    [
        *("a.T @ a / m - 1", "-a[0, 1:] ** 2", "a[:, ::2][..., None]", "d['k'] // 2 % 2"),
        *("np.sum(a, axis=0, keepdims=True)", "f(*xs)", "f(1, 2, b=3)", "f(**{'b': 2})"),
        *("m if flag else -m", "flag or m", "m and flag", "1 < m < 3", "1 < m <= 3", "m in xs"),
        *("m not in xs", "m is m", "[x + m for x in xs]", "(m, [m, xs])", "len(xs)", "f'{m}'"),
        *("not flag", "~m", "m << 1 | 1", "max(x for x in xs)", "(lambda y: y + 1)(m)"),
    ],
)
def test_a_value_is_that_of_python(text: str) -> None:
    """Of each kind of expression, those that the compiler makes too."""
    names = Names({"np": np}, LOCAL)
    expected = eval(text, {"np": np, **LOCAL})  # noqa: S307  (texts of this file)
    np.testing.assert_equal(Values(names).first(parsed(text)), expected)


@pytest.mark.parametrize("text", ["nobody", "m / 0", "a @ a", "d['z']", "xs.q"])
def test_what_raises_raises(text: str) -> None:
    """As in Python."""
    with pytest.raises((NameError, KeyError, AttributeError, ArithmeticError, ValueError)):
        Values(Names({"np": np}, LOCAL)).first(parsed(text))


def test_only_what_is_above_a_change_is_computed_again() -> None:
    """The other part keeps its value; without what is above, the change is not seen."""
    calls = []
    local = {**LOCAL, "seen": lambda value: calls.append(value) or value}
    values = Values(Names({"np": np}, local))
    tree = parsed("seen(m) + m * 2")
    assert isinstance(tree, ast.BinOp)
    assert values.first(tree) == 9
    changed = tree.right
    tree.right = parsed("m * 4")
    assert values.again(tree, frozenset({tree})) == 15
    assert values.again(tree, frozenset()) == 9
    tree.right = changed
    assert calls == [3]
