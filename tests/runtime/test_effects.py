"""The global names that a function's text changes and reads."""

from __future__ import annotations

import ast

import pytest

from gradkit.runtime.inspection import left_behind
from gradkit.runtime.namespace import Namespace
from gradkit.runtime.syntax import Effects, effects_of


def of(body: str, parameters: str = "X") -> Effects:
    """Return the effects of a function with this body."""
    lines = "\n".join(f"    {line}" for line in body.split("\n"))
    (node,) = ast.parse(f"def f({parameters}):\n{lines}").body
    assert isinstance(node, ast.FunctionDef)
    return effects_of(node, {"keep"}, {"np"})


@pytest.mark.parametrize(
    "body",
    [
        "global c\nc = 1",
        "global c\nc += 1",
        "global c, d\nfor c in X: pass",
        "c['A1'] = X",
        "c['A1'] += X",
        "c[0]['A1'], y = X, X",
        "c.A1 = X",
        "c.A1.B = X",
        "del c['A1']",
        "c.append(X)",
        "c['A1'].append(X)",
        "c.update(A1=X)",
        "c.keep(X)",
        "def g():\n    c['A1'] = X\ng()",
    ],
)
def test_stored_global_names_are_written(body: str):
    """All ways to fill a cache are included."""
    assert of(body).writes == {"c"}


@pytest.mark.parametrize(
    "body",
    [
        "c = {}\nc['A1'] = X",
        "c = 1",
        "X['A1'] = 1",
        "global c\nreturn c",
        "return c['A1']",
        "return np.append(c, X)",
        "return c.copy()",
        "for c in X:\n    c.append(1)",
        "with open('f') as c:\n    c.update(1)",
        "def c(): pass\nc.A1 = X",
        "import a.b as c\nc.x = 1",
        "try: pass\nexcept E as c:\n    c.x = 1",
        "return [c.append(1) for c in X]",
    ],
)
def test_local_and_read_names_are_not_written(body: str):
    """Local variables are no effects."""
    assert not of(body).writes


def test_parameters_are_not_read_names():
    """A parameter hides a global variable of the same name."""
    assert "A1" in of("return A1 + X").reads
    assert "A1" not in of("return A1 + X", "X, A1").reads
    assert "A1" not in of("A1 = X\nreturn A1").reads
    assert "A1" in of("global A1\nA1 = A1 + 1").reads


HELPERS = """
import numpy as np
c = {}
class Tape:
    def keep(self, A1): self.kept = A1
tape = Tape()
def keep(X):
    c['A1'] = X
    again(X)
def again(X): keep(X)
def recall(): return c
def keeps(X): keep(X)
def recalls(): return recall()
def records(X): tape.keep(X)
def plays(): return tape.kept
def does_nothing(X): return np.append(X, 1)
def unknown(X): return nowhere.keep(X)
"""


@pytest.mark.parametrize(
    ("first", "then", "names"),
    [
        ("keeps", "recalls", ["c"]),
        ("keep", "recall", ["c"]),
        ("records", "plays", ["tape"]),
        ("does_nothing", "recalls", []),
        ("keeps", "does_nothing", []),
        ("unknown", "recalls", []),
        ("absent", "recalls", []),
    ],
)
def test_helpers_are_included_and_recursion_ends(first: str, then: str, names: list[str]):
    """Helpers of helpers are included, and a function that calls itself is read once."""
    assert left_behind(Namespace([("hw.py", HELPERS)]), first, then) == names
    imported = f"from tools import {first}, {then}"
    beside = Namespace([("main.py", imported)], modules={"tools": HELPERS})
    assert left_behind(beside, first, then) == names
