"""Notebooks of any format as cells, and what is said of those that are none."""

from __future__ import annotations

import contextlib
import json
import re

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from submission.shapes import notebook, raw_notebook

from gradkit.records.submission import File
from gradkit.submission import read as module
from gradkit.submission.files import SubmissionError
from gradkit.submission.read import read_notebook

pytestmark = pytest.mark.sample(9)


def cells_of(*blocks: str):
    """The cells of a notebook."""
    return read_notebook(File("hw.ipynb", notebook(list(blocks)).encode()), "hw.ipynb")[0]


def refused(data: bytes) -> str:
    """What is said of a notebook that is refused."""
    with pytest.raises(SubmissionError) as caught:
        read_notebook(File("hw.ipynb", data), "hw.ipynb")
    return str(caught.value)


def test_cells_are_numbered_and_headed():
    """Code cells are counted alone, and each has the headings above it."""
    cells = cells_of("import numpy", "# One", "a = 1", "## Two", "b = 1", "", "# Three", "c = 1")
    assert [(cell.id, cell.cell, cell.headings) for cell in cells] == [
        ("hw.ipynb[1]", 1, ()),
        ("hw.ipynb[2]", 2, ("One",)),
        ("hw.ipynb[3]", 3, ("One", "Two")),
        ("hw.ipynb[4]", 4, ("One", "Two")),
        ("hw.ipynb[5]", 5, ("Three",)),
    ]


def test_comments_that_stand_for_headings():
    """A lone comment cell heads what follows, a form title its own cell; code does neither."""
    raw = raw_notebook(
        [
            {"cell_type": "code", "source": "# Regression problem", "metadata": {}, "outputs": []},
            {"cell_type": "code", "source": "x = 1", "metadata": {}, "outputs": []},
            {
                "cell_type": "code",
                "source": "#@title In numpy { run: 'auto' }\ny = 1",
                "metadata": {},
            },
            {"cell_type": "code", "source": "# x = f(1)", "metadata": {}, "outputs": []},
        ]
    )
    cells = read_notebook(File("hw.ipynb", raw), "hw.ipynb")[0]
    assert [cell.headings for cell in cells] == [
        ("Regression problem",),
        ("Regression problem",),
        ("Regression problem", "In numpy"),
        ("Regression problem",),
    ]


def test_broken_and_indented_cells_are_told():
    """A cell that cannot be parsed costs itself; a stray indent is repaired and told."""
    file = File(
        "hw.ipynb",
        notebook(["x = 1\ny = = 2", "ok = 1", "if True:\n    a = 1", "b = 1\n  c = 2"]).encode(),
    )
    cells, problems, _ = read_notebook(file, "hw.ipynb")
    assert [(cell.cell, cell.first_line) for cell in cells][:3] == [(1, 1), (1, 2), (2, 1)]
    assert [problem.message for problem in problems] == [
        "Code cell 1, line 2 is not valid Python: invalid syntax.\n  y = = 2\n      ^\n"
        "`y` cannot be graded until you fix this line. Your other valid code is graded.",
        "The indent at code cell 4, line 2 is not allowed there. It was removed to grade the "
        "rest, but Python refuses it: remove it from the file too.",
    ]
    assert [(p.place.cell, p.place.line) for p in problems] == [(1, 2), (4, 2)]


def test_modules_written_by_cells():
    """A cell that writes a file gives a module, with the cell's own line numbers."""
    file = File(
        "hw.ipynb", notebook(["%%writefile helpers.py\ndef f(): pass", "import helpers"]).encode()
    )
    cells, problems, modules = read_notebook(file, "hw.ipynb")
    assert modules == {"helpers": "\ndef f(): pass"}
    assert (cells[0].source, problems) == ("\n", [])


def test_old_formats_are_upgraded():
    """Formats 2 and 3, with worksheets, inputs and heading cells, are read like format 4."""
    old = {
        "nbformat": 3,
        "nbformat_minor": 0,
        "metadata": {"name": ""},
        "worksheets": [
            {
                "cells": [
                    {"cell_type": "heading", "level": 2, "source": ["In numpy"], "metadata": {}},
                    {
                        "cell_type": "code",
                        "language": "python",
                        "input": ["x = 1\n", "y = 2"],
                        "outputs": [],
                        "metadata": {},
                        "collapsed": False,
                    },
                ],
                "metadata": {},
            }
        ],
    }
    (cell,) = read_notebook(File("hw.ipynb", json.dumps(old).encode()), "hw.ipynb")[0]
    assert (cell.source, cell.headings) == ("x = 1\ny = 2", ("In numpy",))
    new = nbformat.reads(notebook(["# In numpy", "x = 1\ny = 2"]), 4)
    second = nbformat.writes(nbformat.convert(nbformat.convert(new, 3), 2), 2)
    (cell,) = read_notebook(File("hw.ipynb", second.encode()), "hw.ipynb")[0]
    assert cell.source == "x = 1\ny = 2"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (
            b'{"cells": [}',
            "hw.ipynb is not a valid notebook: its JSON is broken at line 1, column 12 (Exp",
        ),
        (b"", "its JSON is broken at line 1, column 1"),
        (
            b"<!DOCTYPE html>",
            "hw.ipynb is a web page, not a notebook. Download the notebook file itself.",
        ),
        (b"[1, 2]", "hw.ipynb is not a valid notebook: it is JSON without cells."),
        (b"{}", "it is JSON without cells"),
        (b"[" * 100_000, "its JSON is nested too deeply or holds a number"),
        (b'{"cells": ' + b"1" * 5000 + b"}", "or holds a number that is too long"),
        (b'{"cells": 5, "nbformat": 4}', "hw.ipynb is not a valid notebook: TypeError."),
        (b'{"cells": [5], "nbformat": 4}', "hw.ipynb is not a valid notebook: TypeError."),
        (b'{"cells": [{}], "nbformat": []}', "hw.ipynb is not a valid notebook: TypeError."),
        (
            raw_notebook([], 99),
            "hw.ipynb has notebook format 99; up to 4 can be read. Save it in format 4",
        ),
        (
            raw_notebook([], int("9" * 4200)),
            "hw.ipynb has notebook format 99999999999999999…; up to 4 can be read.",
        ),
        (
            b'{"cells": [' + b"{}," * 300_001 + b"{}]}",
            "hw.ipynb contains more data than a notebook for this exercise needs. Clear",
        ),
        (b'{"cells": [' + b"1," * 3_000_001 + b"1]}", "contains more data than a notebook"),
    ],
)
def test_what_is_no_notebook_is_refused(data, said):
    """The sentence says what is wrong with it and what to do."""
    assert said in refused(data)


def test_too_many_cells_are_refused():
    """Neither 100,000 cells nor a few thousand code cells are read."""
    cell = {"cell_type": "code", "source": "", "metadata": {}, "outputs": []}
    assert re.match(
        r"hw.ipynb has more than 5000 cells. Submit only the exercise.",
        refused(raw_notebook([cell] * 90_000)),
    )
    assert "contains more data" in refused(raw_notebook([cell] * 100_000))
    assert refused(raw_notebook([cell] * (module.CODE_CELLS + 1))) == (
        f"hw.ipynb has more than {module.CODE_CELLS} code cells. Submit only the exercise."
    )


def test_damaged_characters_can_be_carried_on():
    """A lone surrogate in the JSON does not survive into the source."""
    data = raw_notebook([{"cell_type": "code", "source": "x = '\ud800'", "metadata": {}}])
    (cell,) = read_notebook(File("hw.ipynb", data), "hw.ipynb")[0]
    assert cell.source.encode("utf-8") == b"x = '?'"


# --- whatever comes ----------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4)
    ),
    max_leaves=12,
)
SOURCE = st.text(max_size=40) | st.lists(st.text(max_size=10), max_size=4)
ODD_CELL = st.fixed_dictionaries(
    {},
    optional={
        "cell_type": st.sampled_from(["code", "markdown", "raw", "heading", "odd"]) | JSON,
        "source": SOURCE | JSON,
        "input": SOURCE | JSON,
        "outputs": JSON,
        "metadata": JSON,
        "level": JSON,
    },
)
ODD_NOTEBOOK = st.fixed_dictionaries(
    {},
    optional={
        "cells": st.lists(ODD_CELL, max_size=4) | JSON,
        "worksheets": st.lists(
            st.fixed_dictionaries({"cells": st.lists(ODD_CELL, max_size=3)}), max_size=2
        )
        | JSON,
        "nbformat": st.integers(-1, 6) | JSON,
        "nbformat_minor": st.integers(0, 9) | JSON,
        "metadata": JSON,
    },
)


@given(ODD_NOTEBOOK.map(json.dumps).map(str.encode) | st.binary(max_size=200))
@settings(deadline=None, max_examples=300)
def test_reading_raises_submission_errors_only(data):
    """Whatever the file holds, it is read or refused with a sentence."""
    with contextlib.suppress(SubmissionError):
        cells, problems, _ = read_notebook(File("hw.ipynb", data), "hw.ipynb")
        assert [cell.cell for cell in cells] == list(range(1, len(cells) + 1))
        assert all(problem.place.cell for problem in problems)


LINES = st.sampled_from(
    ["x = 1", "", "%magic", "!ls", "def f():", "    y = 2", "# note", "'''", "y = = 1", "    !ls"]
)
CODE = st.lists(LINES, max_size=6)


@given(st.lists(st.tuples(st.sampled_from(["code", "markdown"]), CODE), max_size=6))
@settings(deadline=None, max_examples=200)
def test_lines_stay_where_they_are(blocks):
    """Line n of each cell's source is line n of the file's cell, or blank where it was a magic."""
    raw = raw_notebook(
        [{"cell_type": kind, "source": "\n".join(lines), "metadata": {}} for kind, lines in blocks]
    )
    cells = read_notebook(File("hw.ipynb", raw), "hw.ipynb")[0]
    code = [lines or [""] for kind, lines in blocks if kind == "code"]
    assert sorted({cell.cell for cell in cells}) == list(range(1, len(code) + 1))
    for cell in cells:
        found, lines = cell.source.split("\n"), code[cell.cell - 1]
        # What is not Python stands by itself, from its own first line on.
        own = lines[cell.first_line - 1 :][: len(found)]
        assert len(found) == (
            len(lines) if cell.first_line == 1 and "+" not in cell.id else len(own)
        )
        assert all(
            new.strip() in ("", "pass", old.strip()) for new, old in zip(found, own, strict=True)
        )
