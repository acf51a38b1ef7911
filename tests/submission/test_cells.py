"""Headings in markdown, and the path of those that hold."""

from __future__ import annotations

import time

import pytest

from gradkit.submission.source import HeadingPath, headings_in


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("# Title", [(1, 1, "Title")]),
        ("text\n\n### Deep ###\n", [(3, 3, "Deep")]),
        ("#No space", [(1, 1, "No space")]),
        ("Title\n=====\nSub\n---", [(1, 1, "Title"), (3, 2, "Sub")]),
        ("**Regression problem**", [(1, 7, "Regression problem")]),
        ("<center><h2>With <b>HTML</b></h2></center>", [(1, 2, "With HTML")]),
        ("# *A* `b` [link](http://x) _c_ snake_case", [(1, 1, "A b link c snake_case")]),
        ("```\n# a comment\n```\n# real", [(4, 1, "real")]),
        ("~~~\n```\n# no\n~~~", []),
        ("# \x1b[31mred\x1b[0m\x00", [(1, 1, "red")]),
        ("a # b\n\n---\n| x |\n", []),
        ("#", []),
    ],
)
def test_headings(markdown, expected):
    """All kinds of headings count, with their mark-up taken off; code and rules do not."""
    assert list(headings_in(markdown)) == expected


def test_hostile_markdown_takes_no_time():
    """Half-open tags and brackets in long lines are passed over quickly."""
    started = time.process_time()
    list(headings_in("\n".join(["<h1" * 200, "# " + "[" * 400, "<h1>" * 150 + "</h2"] * 100)))
    assert time.process_time() - started < 1


def test_path():
    """A heading ends those of its level and below; an empty one opens nothing."""
    path = HeadingPath()
    for level, text in ((1, "a"), (2, "b"), (3, "c"), (2, "d")):
        path.enter(level, text)
    assert path.now() == ("a", "d")
    path.enter(2, "")
    assert path.now() == ("a",)
