"""An excerpt holds what a function needs, as it was written, in an order that runs."""

from __future__ import annotations

import textwrap
from typing import Any

import pytest

from gradkit.records.submission import Cell, Section
from gradkit.runtime.syntax import layer_of
from gradkit.submission.excerpt import Excerpt, reads


def section(*own: str, shared: tuple[str, ...] = (), borrowed: tuple[str, ...] = ()) -> Section:
    """A section of cells with these sources."""

    def cells(name: str, sources: tuple[str, ...]) -> tuple[Cell, ...]:
        texts = [textwrap.dedent(source) for source in sources]
        return tuple(Cell(f"{name}{n}", "hw.ipynb", n, text) for n, text in enumerate(texts))

    return Section((), cells("own", own), cells("shared", shared), cells("borrowed", borrowed))


def excerpt(name: str, part: Section, **modules: str) -> str:
    """The text of what a name needs."""
    pieces = Excerpt(part, modules, frozenset()).pieces([name])
    return "\n".join(piece.text for piece in pieces)


def run(text: str) -> dict[str, Any]:
    """The names that a text makes by itself."""
    names: dict[str, Any] = {}
    exec(text, names)
    return names


def test_helpers_and_values_come_along_and_nothing_else() -> None:
    """From every layer, whatever stands between."""
    part = section(
        "def unrelated():\n    return missing",
        "def step(x):\n    return scale(x) + SHIFT  # as written",
        "SHIFT = 3\nOTHER = open('nowhere')",
        shared=("def scale(x):\n    return FACTOR * x",),
        borrowed=("FACTOR = 2", "def unrelated_too(): pass"),
    )
    text = excerpt("step", part)
    assert run(text)["step"](5) == 13
    assert "# as written" in text
    assert "unrelated" not in text
    assert "OTHER" not in text


def test_changes_of_a_value_come_along_in_order() -> None:
    """An assignment into it, a call on it, an augmented assignment."""
    part = section(
        """\
        rates = {}
        rates["w"] = 1
        names = []
        names.append("w")
        total = 1
        total += 4
        def step():
            return rates, names, total
        """
    )
    assert run(excerpt("step", part))["step"]() == ({"w": 1}, ["w"], 5)


def test_the_last_definition_counts_and_an_earlier_one_where_it_was_used() -> None:
    """A value keeps what it was made from; a function sees what there is in the end."""
    part = section("k = 1", "kept = k", "k = 2", "def step():\n    return kept, k")
    assert run(excerpt("step", part))["step"]() == (1, 2)


def test_several_statements_on_a_line_are_told_apart() -> None:
    """Only the one that is needed is taken."""
    text = excerpt("b", section("a = 1 / 0; b = 2; c = 3"))
    assert text == "b = 2"


def test_decorators_and_imports_come_along() -> None:
    """A decorator stands above the line that a definition begins at."""
    part = section(
        """\
        import math, functools
        from math import *
        @functools.lru_cache
        def step(x):
            return math.floor(x) + ceil(x)
        """
    )
    text = excerpt("step", part)
    assert run(text)["step"](1.5) == 3
    assert "@functools.lru_cache\ndef step" in text


def test_classes_and_inner_functions_are_looked_into() -> None:
    """Names that only a method or a lambda reads."""
    part = section(
        "WIDTH = 2",
        "def helper(n):\n    return n + WIDTH",
        """\
        class Model:
            def go(self):
                return [f(1) for f in (lambda n: helper(n),)]
        """,
    )
    assert run(excerpt("Model", part))["Model"]().go() == [3]


def test_what_comes_from_another_file_is_written_out() -> None:
    """So that the text needs no file beside it."""
    part = section("from helpers import scale as s, twice\ndef step(x):\n    return s(twice(x))")
    helpers = "K = 3\ndef scale(x):\n    return K * x\ndef twice(x):\n    return 2 * x\n"
    text = excerpt("step", part, helpers=helpers)
    assert run(text)["step"](1) == 6
    assert "helpers" not in text


def test_all_of_another_file_is_written_out_for_a_star() -> None:
    """Nobody can tell from the text what of it is needed."""
    part = section("from helpers import *\ndef step(x):\n    return scale(x)")
    assert run(excerpt("step", part, helpers="def scale(x):\n    return -x\n"))["step"](1) == -1


def test_given_names_are_not_made() -> None:
    """What will be put in later needs no statement."""
    part = section("X = open('nowhere')\ny = X.read()\ndef step():\n    return y")
    pieces = Excerpt(part, {}, frozenset()).pieces(["step"], given=["y"])
    assert [piece.text for piece in pieces] == ["def step():\n    return y"]


def test_training_loops_are_left_out() -> None:
    """A statement that trains on the way would take its time."""
    part = section(
        """\
        if True:
            lr = 1
            for i in range(9):
                loss.backward()
                optimiser.step()
        """
    )
    assert run(excerpt("lr", part))["lr"] == 1


def test_a_statement_is_found_by_its_line() -> None:
    """Or it is said that there is none."""
    part = Excerpt(section("a = 1\nfor i in range(3):\n    a += i"), {}, frozenset())
    assert reads(part.statement("own0", 2).node) >= {"a"}
    with pytest.raises(LookupError, match=r"no statement begins at own0:3"):
        part.statement("own0", 3)


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("def f(x, n=N):\n    y = x + Z\n    return y", {"N", "Z"}),
        ("def f():\n    global COUNT\n    COUNT = 1", {"COUNT"}),
        ("x += 1", {"x"}),
        ("x[k] = v", {"x", "k", "v"}),
        ("def f():\n    x = 1\n    return lambda: x + K", {"K"}),
        ("[a for a in b]", {"b"}),
        ("def f(b):\n    return {a: {c for c in D} for a in b}", {"D"}),
    ],
)
def test_reads(source: str, names: set[str]) -> None:
    """Globals that are looked up, and no locals."""
    (statement,) = layer_of([("cell", source)]).statements
    assert reads(statement.node) == names
