"""A change is told as a unified diff, which makes it of the text that it was found in."""

from __future__ import annotations

import pytest
from applied_diff import applied

from gradkit.diagnosis.repair.ask import Proposal, line_before
from gradkit.diagnosis.repair.tell import diff_of
from gradkit.records.submission import Cell

TEXT = "a = 1\nb = 2\nc = 3\nd = 4\n"


def change(first: int, last: int, *lines: str) -> Proposal:
    """Lines in the place of others."""
    return Proposal("x", "wrong-name", first, last, lines, first, 0, first, 1)


CHANGES = [
    (change(2, 2, "b = 20"), "a = 1\nb = 20\nc = 3\nd = 4\n"),
    (change(3, 2, "new = 0"), "a = 1\nb = 2\nnew = 0\nc = 3\nd = 4\n"),
    (change(1, 2, "b = 2", "a = 1", "-1"), "b = 2\na = 1\n-1\nc = 3\nd = 4\n"),
    (change(4, 4, "    d = 4", ""), "a = 1\nb = 2\nc = 3\n    d = 4\n\n"),
]


@pytest.mark.parametrize(("proposal", "after"), CHANGES)
@pytest.mark.parametrize("first", [1, 7])
def test_a_diff_makes_the_change(proposal: Proposal, after: str, first: int) -> None:
    """In a file, and in a cell of one that begins further down; another one makes another."""
    cell = Cell("x", "x.py", None, TEXT, first_line=first)
    diff = diff_of(proposal, TEXT, cell)
    assert diff.startswith("--- x.py\n+++ x.py\n@@ -")
    assert applied(diff, TEXT, cell) == after
    assert applied(diff.replace("\n+", "\n+#"), TEXT, cell) != after


def test_a_diff_names_the_cell_and_counts_the_lines_of_the_file() -> None:
    """What is above a cell is another's."""
    whole = Cell("x", "x.ipynb", 3, TEXT, is_whole=True)
    diff = diff_of(change(2, 2, "b = 20"), TEXT, whole)
    assert diff.split("\n")[:3] == ["--- x.ipynb, cell 3", "+++ x.ipynb, cell 3", "@@ -1,4 +1,4 @@"]
    below = diff_of(change(2, 2, "b = 20"), TEXT, Cell("x", "x.py", None, TEXT, first_line=7))
    assert below.split("\n")[2:] == ["@@ -8 +8 @@", "-b = 2", "+b = 20", ""]


def test_lines_are_those_before_all_changes() -> None:
    """What is put in moves what is below it, and nothing above."""
    made = [change(3, 2, "x", "y"), change(1, 1, "a", "b")]
    assert [line_before(made, line) for line in (1, 3, 6, 7)] == [1, 2, 3, 4]
    assert line_before([], 6) == 6
