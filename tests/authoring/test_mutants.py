"""Changes of a model solution: each kind is made, one at a time, and only where it is reached."""

from __future__ import annotations

import ast

import pytest

from gradkit.authoring.mutants import Kinds, mutants, raising, reached


def changes(text: str, words: set[str], kinds: Kinds | None = None) -> list[str]:
    """All changes of a text, as they are told."""
    return [mutant.change for mutant, _ in mutants(text, words, kinds or {})]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("a + b", ["a + b -> a - b", "a + b -> a", "a + b -> b"]),
        ("a - b", ["a - b -> a + b", "a - b -> a"]),
        ("a * b", ["a * b -> a / b", "a * b -> a", "a * b -> b"]),
        ("a / b", ["a / b -> a * b", "a / b -> a"]),
        ("a @ b", []),
        ("a ** 2", ["a ** 2 -> a", "2 -> 3", "2 -> 1"]),
        ("-a", ["-a -> a"]),
        ("a[-1]", ["-1 -> 1", "-1 -> 0"]),
        ("not a", ["not a -> a"]),
        ("a.T", ["a.T -> a"]),
        ("a > 0", ["a > 0 -> a < 0", "0 -> 1", "0 -> -1"]),
        ("a == b and b", ["a == b and b -> a == b or b", "a == b -> a != b"]),
        (
            "np.sum(a, axis=0)",
            [
                "np.sum(a, axis=0) -> np.sum(a)",
                "np.sum(a, axis=0) -> np.mean(a, axis=0)",
                "0 -> 1",
                "0 -> -1",
            ],
        ),
        (
            "a.max(keepdims=True)",
            [
                "a.max(keepdims=True) -> a.max()",
                "a.max(keepdims=True) -> a.min(keepdims=True)",
                "True -> False",
            ],
        ),
        ("np.exp(a)", ["np.exp(a) -> a"]),
        ("a.copy()", ["a.copy() -> a"]),
        (
            "np.maximum(a, 0)",
            ["np.maximum(a, 0) -> np.minimum(a, 0)", "np.maximum(a, 0) -> a", "0 -> 1", "0 -> -1"],
        ),
        (
            "np.where(a, a, b)",
            [
                "np.where(a, a, b) -> a",
                "np.where(a, a, b) -> a",
                "np.where(a, a, b) -> b",
                "np.where(a, a, b) -> np.where(a, b, a)",
            ],
        ),
        ("range(a)", ["range(a) -> range(1, a)", "range(a) -> range(a - 1)"]),
        ("a if b else 2", ["b -> not b", "2 -> 3", "2 -> 1"]),
        ("'a word', None", []),
    ],
)
def test_each_kind(line: str, told: list[str]) -> None:
    """What stands in the place of an expression."""
    assert changes(f"def f(a, b):\n    return {line}\n", {"f"}) == told


def test_statements() -> None:
    """What is added up is left out, put in its place or taken away; an entry is not set."""
    text = "def f(a, b):\n    a += b\n    a[b] = b\n    if b:\n        a = b\n"
    assert changes(text, {"f"}) == [
        *("a += b -> pass", "a += b -> a = b", "a += b -> a -= b"),
        *("a[b] = b -> pass", "b -> not b"),
    ]


def test_names_of_the_same_kind() -> None:
    """Those that were seen to be alike; not where only a shape is asked for, nor assigned."""
    text = "def f(a, b, g):\n    c = a\n    g['W1'] = a\n    return len(a), a.shape, g['W1']\n"
    kinds = {"f": {"a": ["b"], "c": ["a"], "g['W1']": ["g['W2']"]}}
    assert changes(text, {"f"}, kinds) == [
        *("a -> b", "g['W1'] = a -> pass", "a -> b", "g['W1'] -> g['W2']"),
    ]


def test_texts_and_what_only_prints_are_left() -> None:
    """Docstrings, defaults, errors and what is printed are no part of an answer."""
    text = (
        'def f(a, b=1):\n    """Return 1."""\n    if b > 1:\n        print(b + 1)\n'
        "    assert b < 3\n    raise ValueError(b + 1)\n"
    )
    assert changes(text, {"f"}) == []


TEXT = """
import numpy as np

EPSILON = 1e-5
OTHER = 3

def helper(a):
    return a + EPSILON

def f(a):
    return helper(a)

def g(a):
    return a - OTHER

class Base:
    def __init__(self):
        self.n = 1 + 1

    def twice(self, x):
        return 2 * x

class Layer(Base):
    factor = 3

    def forward(self, x):
        return self.twice(x) * self.factor

    def backward(self, dout):
        return 2 * dout
"""


def test_only_what_is_reached() -> None:
    """Helpers and constants of what is called, methods that are called, bases and how it begins."""

    def names(*words: str) -> list[str]:
        return [name for name, _ in reached(ast.parse(TEXT), words)]

    assert names("f") == ["EPSILON", "helper", "f"]
    assert names("g", "np") == ["OTHER", "g"]
    layer = ["Base.__init__", "Base.twice", "Layer.factor", "Layer.forward"]
    assert names("Layer", "forward") == layer
    assert names("Layer", "backward", "forward") == [*layer, "Layer.backward"]
    assert names("forward") == []


def test_copies_of_handed_out_code_are_not_changed() -> None:
    """Students do not write them; a function of the same name that differs is changed."""
    text = "def helper(x):\n    return x + 1\n\ndef f(x):\n    return helper(x) * 2\n"
    given = ["import numpy as np\n\ndef helper(x):\n    # Add one.\n    return x + 1\n"]
    changed = {mutant.line for mutant, _ in mutants(text, {"f"}, {}, given)}
    assert changed == {5}
    other = [given[0].replace("+ 1", "+ 2")]
    assert {mutant.line for mutant, _ in mutants(text, {"f"}, {}, other)} == {2, 5}


def test_a_change_is_taken_back() -> None:
    """After all of them the tree is what it was; each is of one place, which it says."""
    seen = []
    for mutant, tree in mutants(TEXT, {"f", "g"}, {}):
        seen.append(ast.unparse(tree))
        assert TEXT.splitlines()[mutant.line - 1].strip() == mutant.source
        last = tree
    assert ast.unparse(last) == ast.unparse(ast.parse(TEXT))
    assert len(set(seen)) == len(seen) > 8
    assert ast.unparse(ast.parse(TEXT)) not in seen


@pytest.mark.parametrize(
    ("before", "is_identity"),
    [
        ("x = 0.0", True),
        ("x = np.zeros(3)", True),
        ("x = 1.0", False),
        ("x = 0.0\n    x -= a", False),
        ("x = 0.0\n    for a in b:\n        x += a", False),
    ],
)
def test_a_sum_that_starts_at_zero_may_be_an_assignment(before: str, is_identity: bool) -> None:
    """An audit does not list it: ``x = a`` is ``x += a`` there."""
    found = changes(f"def f(a, b):\n    {before}\n    x += a + b\n    return x\n", {"f"})
    assert ("x += a + b -> x = a + b" in found) is not is_identity
    assert "x += a + b -> pass" in found


def test_parts_that_are_computed_but_not_used_do_not_raise() -> None:
    """The default of an entry is computed even if the entry exists; other parts are replaced."""
    text = "def f(config):\n    return config.get('rate', 0.5) * 2\n"
    parts = [mutant.change.removesuffix(" -> ") for mutant, _ in raising(text, {"f"})]
    assert "2" in parts
    assert "0.5" not in parts
    trees = [ast.unparse(tree) for mutant, tree in raising(text, {"f"}) if mutant.change == "2 -> "]
    assert trees == ["def f(config):\n    return config.get('rate', 0.5) * is_not_executed"]
