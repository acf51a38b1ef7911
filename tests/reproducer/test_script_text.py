"""A disputed finding is shown as one Python file; those there are, as a list."""

import numpy as np
import pytest

from gradkit.reproducer.recorded import listing, script_text
from gradkit.reproducer.script import source


def test_the_outcome_stands_in_comments() -> None:
    """What was printed cannot break out of them, whatever it holds."""
    text = script_text("x = 1\n", "one\n\nfound    2\x1b[31m\n", "It comes out again.")
    assert text == (
        "x = 1\n\n# When run again, the code printed\n#   one\n#\n#   found    2\n# It comes "
        "out again.\n"
    )


def test_a_line_for_each_finding() -> None:
    """In columns, by the mistake's code where it has no title."""
    finding = {"id": "aa", "title": "", "mistake": "unexplained"}
    other = {"id": "bb", "title": "A title", "mistake": "x"}
    one, two = {"submission": "mine"}, {"submission": "another"}
    task = {"task": "regression-numpy"}
    assert listing([(one, task, finding), (two, task, other)]) == (
        "aa  mine     regression-numpy  unexplained\nbb  another  regression-numpy  A title\n"
    )


def test_none_is_told() -> None:
    """An empty list would look like a failure."""
    assert listing([]) == "There are no findings.\n"


def test_inputs_are_written_as_what_they_are() -> None:
    """Of no rows, in tables and rows, with the names of a data frame's row."""
    pd = pytest.importorskip("pandas")
    values = {"a": [np.zeros((0, 2)), 1.5], "b": (np.array([[1, 2]]), np.float64(0.1))}
    names = {"np": np, "pd": pd}
    made = eval(source(values), names)  # noqa: S307
    assert made["a"][0].shape == (0, 2)
    assert (made["a"][1], made["b"][1]) == (1.5, 0.1)
    np.testing.assert_array_equal(made["b"][0], [[1, 2]])
    row = pd.Series([8, 7.5], index=["x", "y"])
    pd.testing.assert_series_equal(eval(source(row), names), row)  # noqa: S307
