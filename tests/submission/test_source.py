"""Decoding and repair of source text: whatever is done, lines stay where they are."""

from __future__ import annotations

import ast
import codecs
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradkit.submission.source import blank_magics, decode, logical_starts, parse


@pytest.mark.parametrize(
    ("data", "text", "complaint"),
    [
        (b"x = 1\r\ny = 2\rz", "x = 1\ny = 2\nz", None),
        (codecs.BOM_UTF8 + "é".encode(), "é", None),
        ("é = 1".encode("utf-16"), "é = 1", None),
        ("# coding: latin-1\né".encode("latin-1"), "# coding: latin-1\né", None),
        ("# -*- coding: cp1252 -*-\n€".encode("cp1252"), "# -*- coding: cp1252 -*-\n€", None),
        (
            "x = 'é'".encode("latin-1"),
            "x = 'é'",
            "names an encoding that is not known, or is not UTF-8",
        ),
        (b"#" * 5000 + b"\n\xe9", "#" * 5000 + "\né", "is not valid UTF-8"),
        (
            b"# coding: no-such\n",
            "# coding: no-such\n",
            "names an encoding that is not known, or is not UTF-8",
        ),
        (
            b"# coding: rot13\nk",
            "# coding: rot13\nk",
            "names the encoding rot-13, which is not read",
        ),
        (
            b"# coding: punycode\nk",
            "# coding: punycode\nk",
            "names the encoding punycode, which is not read",
        ),
    ],
)
def test_decoding(data, text, complaint):
    """A mark, a coding line, UTF-8, and Latin-1 with a complaint where nothing else fits."""
    assert decode(data) == (text, complaint)


@given(st.binary(max_size=300))
@settings(deadline=None)
def test_decoding_never_fails(data):
    """Any bytes give text that UTF-8 can carry."""
    decode(data)[0].encode("utf-8")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("%matplotlib inline\nx = 1", "\nx = 1"),
        ("!pip install torch\n!ls\nx = 1", "\n\nx = 1"),
        (
            "if True:\n    !pip install \\\n      torch\n    x = 1",
            "if True:\n\n    pass\n    x = 1",
        ),
        ("files = !ls\nx = 1", "\nx = 1"),
        ("t = %timeit -o f()\nx = 1", "\nx = 1"),
        ("np.dot?\nx = 1", "\nx = 1"),
        ("?np\nx = 1", "\nx = 1"),
        ("%%time\nx = 1", "\nx = 1"),
        ("\n%%capture out\nx = 1", "\n\nx = 1"),
        ("%%bash\nx = (1\nls", "\n\n"),
        ("%%writefile a.py\nx = 1", "\n"),
        ("%matplotlib inline\ns = '''\n%d items\n!x'''", "\ns = '''\n%d items\n!x'''"),
        ("!ls\nx = (10\n% 4)", "\nx = (10\n% 4)"),
        ("!ls\nx = 10 \\\n% 4", "\nx = 10 \\\n% 4"),
        ("!echo \"it's\"\nx = '''\\''''\n!ls", "\nx = '''\\''''\n"),
        ("%magic\n# ''' in a comment\n!ls\nx = 1", "\n# ''' in a comment\n\nx = 1"),
        ("x = 5 % 3", "x = 5 % 3"),
    ],
)
def test_magics_are_blanked(source, expected):
    """Magics and shell lines go, strings and continued lines stay, and so do all lines."""
    assert blank_magics(source) == expected
    assert source.count("\n") == expected.count("\n")


def test_what_is_python_already_is_left_alone():
    """Nothing is taken for a magic in a cell that parses."""
    source = "x = '''\n!not a shell line\n%not a magic\n'''"
    assert parse(source).source == source


@pytest.mark.parametrize(
    ("source", "expected", "dedented"),
    [
        ("  x = 1\n  y = 2", "x = 1\ny = 2", (1,)),
        ("x = 1\n y = 2\nz = 3", "x = 1\ny = 2\nz = 3", (2,)),
        (" def f():\n   return 1\nx = 1\n  y = 2", "def f():\n  return 1\nx = 1\ny = 2", (1, 4)),
        ("# note\n    x = 1", "# note\nx = 1", (2,)),
        ("!ls\n  x = 1", "\nx = 1", (2,)),
    ],
)
def test_a_stray_indent_is_taken_out(source, expected, dedented):
    """An indent where none may be is taken out, and the line is told."""
    parsed = parse(source)
    assert (parsed.source, parsed.dedented) == (expected, dedented)
    assert parsed.tree is not None


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("def f():\n  x = 1\n    y = 2", 3),
        (" x = 1\n y = = 2", 1),
        ("def f():\n   x = 1\n  y = 2", 3),
        ("x = 1\nprint 'two'", 2),
    ],
)
def test_other_faults_are_not_repaired(source, line):
    """What no dedenting mends stays as it is; the first fault is told."""
    parsed = parse(source)
    assert (parsed.tree, parsed.source, parsed.line) == (None, source, line)


def test_hostile_nesting_and_null_characters_are_only_unparsable():
    """Neither the parser's limits nor null characters raise."""
    assert parse("(" * 5000).tree is None
    assert parse("x = " + "-" * 200_000 + "1").reason == "it is nested too deeply"
    assert parse("x\0").tree is None
    assert "null" in parse("x\0").reason


def test_warnings_of_student_code_are_kept_quiet():
    """An invalid escape is the student's affair."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert parse("x = '\\d'\nx is 1").tree is not None


SCRAPS = st.sampled_from(
    [
        "x = 1",
        "  y",
        "'''",
        '"',
        "(",
        ")",
        "%time",
        "!ls \\",
        "#'",
        "\\",
        "f?",
        "",
        "    z = 2",
        "\x0c",
    ]
)


@given(st.lists(SCRAPS, max_size=12).map("\n".join))
@settings(deadline=None)
def test_repair_keeps_the_lines(source):
    """Whatever the cell, its lines keep their numbers, and Python is never changed."""
    parsed = parse(source)
    assert parsed.source.count("\n") == source.count("\n")
    try:
        ast.parse(source)
    except SyntaxError:
        return
    assert parsed.source == source


def test_logical_lines():
    """A line inside brackets, a string or a continuation begins nothing."""
    lines = ["a = (1,", "  2)", "b = '''", "x", "'''", "c = 1 + \\", "  2", "d = ')'", "# (", "e"]
    assert list(logical_starts(lines)) == [0, 2, 5, 7, 8, 9]
