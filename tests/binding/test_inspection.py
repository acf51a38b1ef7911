"""Functions that are values: what is seen of them, and what is none."""

from __future__ import annotations

import textwrap

import pytest
from binding.inspected import inspected

from gradkit.records.submission import Cell, Section

MADE = """
from functools import partial
import functools
import numpy as np

def sgd(lr_w, lr_b, parameters, y, *more):
    pass

def step(parameters, y, lr_w, lr_b):
    pass

def make(rate, act=None):
    def update(parameters, y):
        return act
    return update

def again(rate):
    made = partial(step, lr_w=rate)
    return made

def timed(function):
    def inner(*args, **kwargs):
        return function(*args, **kwargs)
    return inner

def same(function):
    return function

def pair(p):
    return p, 1

def endless(x):
    return endless(x)

class Base:
    def update(self, parameters, y):
        pass

class Net(Base):
    def __init__(self, rate=0.1):
        self.rate = rate

    @staticmethod
    def init(dim):
        pass

    @classmethod
    def start(cls, dim):
        pass

    @property
    def half(self):
        pass

    def __call__(self, X, parameters):
        pass

net = Net()
table = {"net": Net()}
"""


def found(line: str, before: str = MADE, **modules: str):
    """The function that the last line binds to `f`, if it binds one."""
    cell = Cell("hw.py", "hw.py", None, textwrap.dedent(before) + line + "\n")
    functions = inspected(Section(("t",), (cell,)), "f", modules=modules)
    return next((function for function in reversed(functions) if function.name == "f"), None)


@pytest.mark.parametrize(
    ("line", "signature"),
    [
        ("f = partial(sgd, 0.001, 0.01)", "f(parameters, y, *more)"),
        ("f = functools.partial(step, lr_b=0.01)", "f(parameters, y, lr_w, *, lr_b=0.01)"),
        ("f = partial(step, lr_w=1, lr_b=2)", "f(parameters, y, *, lr_w=1, lr_b=2)"),
        ("f = partial(step, y=0)", "f(parameters, *, y=0, lr_w, lr_b)"),
        ("f = make(0.1)", "f(parameters, y)"),
        ("f: object = make(0.1)", "f(parameters, y)"),
        ("g, f = 1, make(0.1)", "f(parameters, y)"),
        ("f = again(0.1)", "f(parameters, y, *, lr_w=0.1, lr_b)"),
        ("f = (lambda rate: lambda p, y: rate)(0.1)", "f(p, y)"),
        ("f = timed(step)", "f(parameters, y, lr_w, lr_b)"),
        ("f = same(step)", "f(parameters, y, lr_w, lr_b)"),
        ("f = same(function=step)", "f(parameters, y, lr_w, lr_b)"),
        ("f = step\nf = timed(f)", "f(parameters, y, lr_w, lr_b)"),
        ("f = Net.init", "f(dim)"),
        ("f = Net.start", "f(dim)"),
        ("f = Net.update", "f(self, parameters, y)"),
        ("f = net.update", "f(parameters, y)"),
        ("f = Net(0.1).init", "f(dim)"),
        ("f = net", "f(X, parameters)"),
        ("f = Net(0.1)", "f(X, parameters)"),
        ("f = net.__call__", "f(X, parameters)"),
        ("f = table['net']", "f(X, parameters)"),
        ("f = table['net'].update", "f(parameters, y)"),
        ("f = np.vectorize(step)", "f(parameters, y, lr_w, lr_b)"),
    ],
)
def test_what_stands_behind_a_name(line: str, signature: str) -> None:
    """Its signature is that of what stands behind it, without what is given already."""
    function = found(line)
    assert function is not None
    assert (function.signature, function.standing) == (signature, "own")


@pytest.mark.parametrize(
    "line",
    [
        "f = 3",
        "f = pair(1)",
        "f, g = pair(1)",
        "f = net(1, 2)",
        "f = step(1, 2, 3, 4)",
        "f = Base()",
        "f = Net",
        "f = net.half",
        "f = net.rate",
        "f = np.dot(1, 2)",
        "f = np.pi",
        "f = table.copy()",
    ],
)
def test_other_values_are_no_functions(line: str) -> None:
    """Numbers, results of calls, attributes that are no methods, and classes."""
    assert found(line) is None


@pytest.mark.parametrize(
    "line",
    [
        "f = table.net",
        "net = 3\nf = net.update",
        "f = np.njit(parallel=True)(step)",
        "f = net @ table",
        "f = endless(1)",
        "f = unheard.of",
    ],
)
def test_what_cannot_be_made_is_a_guess(line: str) -> None:
    """It counts for its name only; whoever calls it is told why."""
    function = found(line)
    assert function is not None
    assert (function.signature, function.standing) == ("f(…)", "guess")


@pytest.mark.parametrize(
    ("line", "signature"),
    [
        ("from helpers import make as m\nf = m(0.1)", "f(parameters, y)"),
        ("import helpers\nf = helpers.make(0.1)", "f(parameters, y)"),
        ("import helpers as h\nf = h.step", "f(parameters, y, lr_w, lr_b)"),
        ("from helpers import *\nf = net.update", "f(parameters, y)"),
    ],
)
def test_functions_made_of_what_a_file_beside_has(line: str, signature: str) -> None:
    """The file is read like the submission itself, with names of its own."""
    function = found(line, "def update(): pass\n", helpers=MADE)
    assert function is not None
    assert function.signature == signature
    unknown = found("import elsewhere\nf = elsewhere.make(0.1)", "")
    assert unknown is not None
    assert unknown.standing == "guess"


def test_the_place_of_a_function_is_that_of_its_text() -> None:
    """Where the inner function, the method or the lambda stands."""
    function = found("f = make(0.1)")
    assert function is not None
    line = MADE.splitlines().index("    def update(parameters, y):") + 1
    assert (function.place.line, function.return_place.line) == (line, line + 1)


def test_a_search_comes_to_an_end() -> None:
    """Functions that hold one another round and round cost a limited number of steps."""
    text = """
def wrap():
    inner = lambda *args: other(*args)
    other = lambda *args: inner(*args)
    return inner
"""
    assert found("f = wrap()", text) is None


def test_no_more_is_told_than_can_be_sent() -> None:
    """Of thousands of functions and methods the last ones, and those of wanted names."""
    many = "def f(): pass\n" + "".join(f"def f{n}(a, b=1): pass\n" for n in range(3_000))
    methods = "".join(f"    def m{n}(self, a): pass\n" for n in range(3_000))
    cell = Cell("hw.py", "hw.py", None, f"{many}class Net:\n{methods}" + "a = " * 3_000 + "b\n")
    names = [function.name for function in inspected(Section(("t",), (cell,)), "f")]
    assert names == [f"m{n}" for n in range(2_900, 3_000)] + [
        "f",
        *(f"f{n}" for n in range(2_900, 3_000)),
    ]
