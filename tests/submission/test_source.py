"""Source text: decoded, repaired, and measured before it is parsed."""

from __future__ import annotations

import ast
import codecs
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model_solutions import REFERENCE
from submission.shapes import notebook

from gradkit.runtime.frames import TO_WORKER, Frame, encode
from gradkit.submission import read as reading
from gradkit.submission import source as amount
from gradkit.submission.files import SubmissionError
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


ADVICE = (
    "contains more code than an exercise needs: at most 400 kB in all, and 50000 words and "
    "symbols, are read. Submit only the exercise, without data."
)


def refused(path) -> str:
    """What is said of a submission that is refused."""
    with pytest.raises(SubmissionError) as caught:
        reading.read(path)
    return str(caught.value)


def test_words_are_counted_not_only_characters(tmp_path):
    """A tree grows with the words of a text: many of one letter are more than one long one."""
    script = tmp_path / "hw.py"
    script.write_text("x=" + '"' + "a" * 390_000 + '"\n')
    assert len(reading.read(script).cells) == 1
    script.write_text("a;" * 25_001)
    assert refused(script) == f"hw.py {ADVICE}"


def test_code_of_a_notebook_counts_and_its_outputs_do_not(tmp_path):
    """One with pictures is read; one with as much code is not, in one cell or in many."""
    path = tmp_path / "hw.ipynb"
    text = notebook(["x = 1"])
    picture = '"outputs": [{"output_type": "stream", "name": "stdout", "text": "%s"}]'
    path.write_text(text.replace('"outputs": []', picture % ("a" * 5_000_000)))
    assert path.stat().st_size > 5_000_000
    assert [cell.source for cell in reading.read(path).cells] == ["x = 1"]
    path.write_text(notebook(["x = 1  #" + "a" * 401_000]))
    assert refused(path) == f"hw.ipynb {ADVICE}"
    path.write_text(notebook(["x = 1  #" + "a" * 10_000] * 41))
    assert refused(path) == f"hw.ipynb {ADVICE}"


def largest(name: str, size: int) -> str:
    """Return the advice for a folder, with the name of its largest file."""
    told = f"are read. The largest file is {name}, with {size} kB of code."
    return ADVICE.replace("are read.", told)


def test_files_are_too_much_together(tmp_path):
    """Scripts are by their sizes alone, before any is parsed; notebooks when they are."""
    folder = tmp_path / "hw"
    folder.mkdir()
    for name, size in ("a", 210_000), ("b", 220_000):
        (folder / f"{name}.py").write_text("#" + "a" * size)
    with pytest.raises(SubmissionError) as caught:
        reading.collect(folder)
    assert str(caught.value) == f"hw {largest('b.py', 220)}"
    for name, count in ("a", 16_000), ("b", 15_000):
        (folder / f"{name}.py").write_text("a;" * count)
    raw = reading.collect(folder)
    with pytest.raises(SubmissionError) as caught:
        reading.parse(raw)
    assert str(caught.value) == f"hw {largest('a.py', 32)}"


def test_a_whole_assignment_is_read(tmp_path):
    """Pictures in notebooks and lines of signs between functions are no code."""
    folder = tmp_path / "hw"
    folder.mkdir()
    picture = '"outputs": [{"output_type": "stream", "name": "stdout", "text": "%s"}]'
    text = notebook(["x = 1"]).replace('"outputs": []', picture % ("a" * 1_500_000))
    for number in range(4):
        (folder / f"part{number}.ipynb").write_text(text)
    line = "#" * 79
    banner = f"{line}\n# TODO: implement the backward pass of the layer. #\n{line}\n"
    code = "def f(x):\n    # *****START OF YOUR CODE*****\n    return x\n    # =========\n"
    (folder / "layers.py").write_text((banner + code) * 420)
    assert (folder / "layers.py").stat().st_size > 115_000
    assert {cell.file for cell in reading.read(folder).cells} > {"layers.py", "part3.ipynb"}


def test_one_file_too_many_costs_itself(tmp_path):
    """Beside code that can be read, a file with too much is left out and told."""
    folder = tmp_path / "hw"
    folder.mkdir()
    (folder / "a.py").write_text("x = 1\n")
    (folder / "b.py").write_text("a;" * 25_001)
    found = reading.read(folder)
    assert [cell.source for cell in found.cells] == ["x = 1\n"]
    assert [problem.message for problem in found.problems] == [f"b.py {ADVICE}"]


def test_model_solutions_are_far_from_the_limits():
    """Honest code has room: all model solutions together take less than a fifth."""
    counted = amount.Amount("all")
    for path in sorted(REFERENCE.glob("*.py")):
        counted.add(path.name, [path.read_text(encoding="utf-8")])
    assert counted._code < amount.CODE / 5
    assert counted._words < amount.WORDS / 5


def test_what_is_accepted_can_be_sent():
    """Text of the longest kind in JSON, as a cell and as a module under two names."""
    text = "#" + "\x1f" * (amount.CODE - 1)
    sources = {"own": [["a.py", text]], "modules": {"a": text, "b.a": text}}
    assert len(encode(Frame("load", {}, sources), TO_WORKER)) < TO_WORKER.header / 2
