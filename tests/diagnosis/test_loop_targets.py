"""Which loop chooses what a statement writes to, as the text alone tells it."""

from __future__ import annotations

import pytest

from gradkit.diagnosis.loop_targets import canonical, rounds_of
from gradkit.runtime.syntax import parse

NESTED = """\
for i in range(2):
    for j in (0, 1):
        p['W'][i, j] -= g
"""


def of(source: str):
    """What is told of the one statement that writes."""
    ((line, written),) = rounds_of(parse(source)).items()
    assert source.split("\n")[line - 1].strip().startswith(written[0])
    return written


def test_each_index_has_the_loop_of_its_variable():
    """Keys that are text come first, and are counted."""
    assert of(NESTED) == ("p", (None, 1, 2), 1)
    assert of(NESTED.replace("[i, j]", "[j][i + 1]")) == ("p", (None, 2, 1), 1)
    assert of(NESTED.replace("p['W'][i, j]", "p[f'W{i}']")) == ("p", (1,), 1)
    assert of(NESTED.replace("p['W'][i, j]", "own.W[i, 0]")) == ("own", (1, None), 0)


@pytest.mark.parametrize("leave", ["return p", "break"])
def test_what_leaves_a_loop_in_its_first_round_ends_it(leave):
    """It stands in the loop's own body, and under no condition."""
    assert of(f"def f(p):\n  for i in p:\n    p[i] = 1\n    {leave}\n") == ("p", (4,), 0)


@pytest.mark.parametrize(
    "source",
    [
        "for i in data:\n    p[i] = 1\n",
        "for i in range(2):\n    if i:\n        p[i] = 1\n",
        "for i in range(2):\n    p[i] = 1\n    if i:\n        break\n",
        "for i in reversed(data):\n    p[i] = 1\n",
        "for i in range(2):\n    for j in range(2):\n        p[i + j] = 1\n",
    ],
)
def test_no_end_is_told_where_more_than_the_loop_decides(source):
    """The twin: data, a condition, or two loops."""
    assert of(source) == ("p", (None,), 0)


@pytest.mark.parametrize(
    "source",
    ["p[0] = 1\n", "for i in range(2):\n    p[0] = i\n", "for i in range(2):\n    p = i\n"],
)
def test_what_no_loop_chooses_is_left_out(source):
    """Nor is a name, which has no entries."""
    assert rounds_of(parse(source)) == {}


def test_axes_are_told_in_the_canonical_order():
    """After the keys; the other way round where the student's layout is."""
    assert canonical((1, 2, 3), 1, turned=False) == (1, 2, 3)
    assert canonical((1, 2, 3), 1, turned=True) == (1, 3, 2)
    assert canonical((2,), 0, turned=False) == (None, 2, None)
