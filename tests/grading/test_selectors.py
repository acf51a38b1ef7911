"""A change that only chooses among alternatives of the text is no repair; any other may be one."""

from __future__ import annotations

import pytest

from gradkit.grading import selectors
from gradkit.grading.selectors import is_selection

SELECTIONS = {
    "an index": (
        "way = 1\ndef f(x):\n    a = (x + 1, x - 1)\n    return a[way]",
        "way = 1",
        "way = 0",
    ),
    "an index, by another name": (
        "way = 1\nw = way\ndef f(x):\n    return (x, -x)[w]",
        "= 1",
        "= 0",
    ),
    "an index, worked out": ("n = 2\ndef f(x):\n    return [x, -x][n - 1]", "n - 1", "n - 2"),
    "a literal index": ("def f(x):\n    return (x, -x)[1]", "[1]", "[0]"),
    "a term that is an alternative": (
        "def f(x):\n    a = (x + 1, x - 1)\n    return a[0] + a[1]",
        "a[0] + a[1]",
        "a[0]",
    ),
    "a literal index of a name": ("def f(x):\n    a = (x, -x)\n    return a[1]", "[1]", "[0]"),
    "a key": ("def f(x):\n    return {'a': x, 'b': -x}['b']", "['b']", "['a']"),
    "a key that is looked up": (
        "key = 'b'\ndef f(x):\n    t = {'a': x, 'b': -x}\n    return t.get(key)",
        "key = 'b'",
        "key = 'a'",
    ),
    "a name that is looked up": (
        "n = 1\ndef f(x):\n    return globals()[f'f{n}'](x)",
        "= 1",
        "= 2",
    ),
    "a branch": (
        "way = 1\ndef f(x):\n    if way == 1:\n        return x\n    return -x",
        "= 1\n",
        "= 2\n",
    ),
    "the condition of a branch": (
        "way = 1\ndef f(x):\n    if way == 1:\n        return x\n    return -x",
        "== 1",
        "!= 1",
    ),
    "a conditional expression": (
        "way = True\ndef f(x):\n    return x if way else -x",
        "True",
        "False",
    ),
    "a comparison of constants": (
        "w = 1\ndef f(x):\n    return (w == 1) * x - (w != 1) * x",
        "= 1\n",
        "= 2\n",
    ),
    "a loop that is a branch": (
        "way = 1\ndef f(x):\n    while way == 1:\n        return x\n    return -x",
        "= 1\n",
        "= 2\n",
    ),
    "a default": ("def f(x, way=1):\n    return (x, -x)[way]", "way=1", "way=0"),
    "an attribute": ("class C:\n    way = 1\ndef f(x):\n    return (x, -x)[C.way]", "= 1", "= 0"),
    "a function's result": (
        "def way():\n    return 1\ndef f(x):\n    return (x, -x)[way()]",
        "return 1",
        "return 0",
    ),
    "a new statement": (
        "way = 1\ndef f(x):\n    return (x, -x)[way]",
        "way = 1\n",
        "way = 1\nway = 0\n",
    ),
    "all of a selection": ("way = 1\ndef f(x):\n    return (x, -x)[way] * 2", "(x, -x)[way]", "x"),
    "an argument of a chooser": (
        "way = 1\ndef pick(*a):\n    return a[way]\ndef f(x):\n    return pick(-1, 2, 1, 0.5) * x",
        "pick(-1, 2,",
        "pick(-1, 1,",
    ),
    "a chooser's index": ("way = 1\ndef pick(*a):\n    return a[way]", "a[way]", "a[2]"),
    "a chooser that is handed the index": (
        "def pick(n, a, b):\n    return (a, b)[n]\ndef f(x):\n    return pick(1, x, -x)",
        "pick(1,",
        "pick(0,",
    ),
    "a chooser with branches": (
        "def pick(n, a, b):\n    if n:\n        return a\n    return b\n"
        "def f(x):\n    return pick(1, x, -x)",
        "pick(1,",
        "pick(0,",
    ),
}

REPAIRS = {
    "the step of a counting loop": (
        "def f(x):\n    n = 0\n    while n < 9:\n        x = x * 0.9\n        n += 2\n    return x",
        "n += 2",
        "n += 1",
    ),
    "a constant": ("def f(x):\n    return 3 * x", "3", "2"),
    "a rate": ("rate = 0.1\ndef f(x, d):\n    return x - rate * d", "0.1", "0.01"),
    "a sign": ("def f(x):\n    return -x", "-x", "x"),
    "a condition on an input": (
        "def f(x):\n    if x < 0:\n        return 0\n    return x",
        "<",
        ">",
    ),
    "a mask": ("def f(x, d):\n    return d * (x < 0)", "<", ">"),
    "an entry of what is handed over": ("def f(p):\n    return p['W1']", "W1", "W2"),
    "an entry that is stored": (
        "def f(a, b):\n    cache = {'a': a, 'b': b}\n    return cache['a']",
        "cache['a']",
        "cache['b']",
    ),
    "brackets beside an entry": (
        "def f(x, m):\n    old = x.get('mean', 0), x.get('var', 0)\n"
        "    return m * old[1] + (1 - m) + x",
        "(1 - m) + x",
        "(1 - m) * x",
    ),
    "an index of a loop": (
        "def f(x, y):\n    inputs = (x, -y)\n    for n in range(2):\n"
        "        y = y + inputs[n - 1]\n    return y",
        "n - 1",
        "n",
    ),
    "an axis": ("import numpy as np\ndef f(x):\n    return np.sum(x, axis=0)", "0", "1"),
    "a size": ("def f(x):\n    return x.shape[0]", "0", "1"),
    "an alternative": ("way = 0\ndef f(x):\n    return (-x, 2 * x)[way]", "-x", "x"),
    "an argument of a maximum": (
        "def most(a, b):\n    if a > b:\n        return a\n    return b\n"
        "def f(x):\n    return most(x, 1)",
        "most(x, 1)",
        "most(x, 0)",
    ),
    "another line of a function that selects": (
        "def f(x, way=1):\n    y = 3 * x\n    return (y, -y)[way]",
        "3 * x",
        "2 * x",
    ),
}


def changed(text: str, was: str, now: str) -> str:
    """Return a text with one change."""
    assert text.count(was) == 1, was
    return text.replace(was, now)


@pytest.mark.parametrize("name", SELECTIONS)
def test_a_selection_is_seen(name: str) -> None:
    """Whatever decides among alternatives that are written out is no mistake of a formula."""
    text, was, now = SELECTIONS[name]
    assert is_selection(text, changed(text, was, now))


@pytest.mark.parametrize("name", REPAIRS)
def test_a_repair_is_no_selection(name: str) -> None:
    """The twin: changes that a teacher would make are let through."""
    text, was, now = REPAIRS[name]
    assert not is_selection(text, changed(text, was, now))


def test_a_constant_may_select_in_another_cell() -> None:
    """In a notebook the index and the alternatives stand in cells of their own."""
    other = "def f(x):\n    return (x, -x)[way]"
    assert is_selection("way = 1", "way = 0", [other])
    assert not is_selection("way = 1", "way = 0", [other.replace("[way]", "[x > way]")])


def test_a_text_that_cannot_be_compared_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is nested too deeply is no repair; what is no Python is left to others."""

    def nested(*_: object) -> None:
        raise RecursionError

    assert not is_selection("x = (", "x = 1")
    monkeypatch.setattr(selectors, "_differences", nested)
    assert is_selection("x = 1", "x = 2")
