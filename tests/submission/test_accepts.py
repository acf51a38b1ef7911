"""Whether a function can be called as a check calls it is read off its text."""

from __future__ import annotations

import pytest

from gradkit.records.submission import Cell
from gradkit.records.task import Call
from gradkit.submission.definitions import accepts, definitions


@pytest.mark.parametrize(
    ("head", "positional", "keywords", "fits"),
    [
        ("def f(x)", 1, (), True),
        ("def f(x)", 2, (), False),
        ("def f(x, y=1)", 1, (), True),
        ("def f(x, *rest)", 3, (), True),
        ("def f(x, *, y)", 1, ("y",), True),
        ("def f(x, *, y)", 1, (), False),
        ("def f(x, *, y=1)", 1, (), True),
        ("def f(x, **more)", 1, ("z",), True),
        ("def f(x)", 1, ("z",), False),
    ],
)
def test_a_call_fits_a_function(
    head: str, positional: int, keywords: tuple[str, ...], fits: bool
) -> None:
    """What has no default is handed over, and nothing is that has no place."""
    known = definitions([Cell("a.py", "a.py", None, f"{head}:\n    return x\n")])
    assert accepts(known["f"], Call("f", positional, keywords), known) is fits
