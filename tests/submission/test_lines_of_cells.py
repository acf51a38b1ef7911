"""The functions around places, whole and once."""

from __future__ import annotations

import pytest

from gradkit.records.submission import Cell, Listing, Place
from gradkit.submission.definitions import AROUND, LINES, finder, listings
from gradkit.text import where

SOURCE = """import numpy as np

@traced
def step(x):
    y = 2 * x

    return y

rate = 3
"""
SCRIPT = Cell("a.py", "a.py", None, SOURCE)
STEP = Listing("a.py", None, 3, "@traced\ndef step(x):\n    y = 2 * x\n\n    return y")


@pytest.mark.parametrize("line", [3, 4, 5, 6, 7])
def test_a_function_is_listed_with_its_decorators(line: int) -> None:
    """Whichever of its lines is meant; nothing of what stands around it."""
    assert listings([SCRIPT], [Place("a.py", None, line)]) == (STEP,)


def test_each_is_listed_once_and_in_the_order_of_places() -> None:
    """Two places in one function make one listing."""
    places = [Place("a.py", None, 9), Place("a.py", None, 7), Place("a.py", None, 5)]
    assert listings([SCRIPT], places) == (Listing("a.py", None, 9, "rate = 3"), STEP)


def test_lines_are_counted_as_the_file_has_them() -> None:
    """A cell that begins further down, and one of several."""
    cells = [
        Cell("n:1", "n.ipynb", 1, "other = 1"),
        Cell("n:2", "n.ipynb", 2, "x = 1\ndef f():\n    return x", first_line=4),
    ]
    found = listings(cells, [Place("n.ipynb", 2, 6)])
    assert found == (Listing("n.ipynb", 2, 5, "def f():\n    return x"),)


@pytest.mark.parametrize(
    "place", [Place("b.py", None, 1), Place("a.py", 1, 1), Place("a.py", None, 99)]
)
def test_what_is_nowhere_is_left_out(place: Place) -> None:
    """Another file, another cell, a line past the end."""
    assert listings([SCRIPT], [place]) == ()


def test_what_is_no_python_is_listed_by_lines() -> None:
    """As many before and after as there are, up to a limit."""
    text = "\n".join(f"line {n} of text" for n in range(1, 51))
    (found,) = listings([Cell("t.py", "t.py", None, text)], [Place("t.py", None, 5)])
    assert found.first_line == 1
    assert found.source.split("\n") == text.split("\n")[: 5 + AROUND]


def test_a_very_long_function_is_listed_in_part() -> None:
    """Only the lines around the place."""
    text = "def f(x):\n" + "    x += 1\n" * (LINES + 50) + "    return x"
    (found,) = listings([Cell("t.py", "t.py", None, text)], [Place("t.py", None, 60)])
    assert (found.first_line, found.source.count("\n") + 1) == (60 - AROUND, 2 * AROUND + 1)


def test_a_listing_can_be_written() -> None:
    """What is in no encoding makes way."""
    (found,) = listings([Cell("t.py", "t.py", None, "x = '\ud800'")], [Place("t.py", None, 1)])
    assert found.source == "x = '?'"


def test_places_of_modules_and_pieces():
    """A cell's line becomes the file's; a module's id is a file of its own."""
    piece = Cell("hw.py+11", "hw.py", None, "x = 1", first_line=11)
    deep = Cell("src/deep.py", "src/deep.py", None, "")
    find = finder([piece, deep])
    assert find("hw.py+11", 2) == Place("hw.py", None, 12)
    assert find("deep.py", 3) == Place("src/deep.py", None, 3)
    assert find("src.deep.py", 3) == Place("src/deep.py", None, 3)
    assert find("unknown.py", 4) == Place("unknown.py", None, 4)
    assert where(find("hw.py+11", 2)) == "hw.py:12"
