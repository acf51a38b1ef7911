"""Nothing that people read of results is said past the catalogue of texts."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path

import pseudo
import pytest
from mistakes.samples import folder as mistake_folder
from msgspec.structs import replace
from rich.console import Console

from gradkit.grading.settings import GradingError, Settings
from gradkit.language import say
from gradkit.notebook import AGAIN, Kernel, grade
from gradkit.records.classroom import Change, Reason, Row, Summary
from gradkit.records.course import Preview
from gradkit.records.result import Result
from gradkit.report.data import apply_visibility, to_row
from gradkit.report.formats import refusal, render
from gradkit.report.html.class_page import class_page
from gradkit.report.summary import show_changes, show_summary
from gradkit.report.table import show_preview
from gradkit.report.text import to_text
from gradkit.task.assignment import read_assignment
from gradkit.task.shipped import exercises

pytestmark = [pytest.mark.sample(2), pytest.mark.usefixtures("warm")]

SOLUTION = (pseudo.ROOT / "reference" / "regression_numpy.py").read_text(encoding="utf-8")
MISTAKES = mistake_folder()
CLASS = pseudo.ROOT / "tests" / "sample_class"
SOFTMAX = pseudo.ROOT / "reference" / "softmax-loss" / "softmax.py"
SUBMISSIONS = (*MISTAKES.glob("*.py"), *CLASS.glob("*ion_*"), *CLASS.glob("*.ipynb"))
QUICK = (
    "swapped-index",
    "wrong-target",
    "wrong-sign",
    "missing-bias",
    "not-updated",
    "wrong-learning-rate",
    "missing-activation-derivative",
)
READ: dict[str, Callable[[str], str]] = {
    "html": pseudo.read_html,
    "markdown": lambda text: text.replace("```text", ""),
    "junit": pseudo.read_junit,
    "github": pseudo.read_github,
    "gradescope": pseudo.read_json,
    "prairielearn": pseudo.read_json,
}

NAMES = pseudo.names_of_gradkit()


def unsaid(result: Result, source: str, names: Iterable[str] = ()) -> dict[str, set[str]]:
    """By format, the plain words in what is rendered of a result that are nobody's names."""
    known = NAMES | pseudo.names_in(source) | set(names) | {*result.versions.values()}
    texts = {"text": to_text([result], 4), "hints": to_text([result], 1)}
    for word, read in READ.items():
        texts[word] = read(render(word, [result], 4))
    found = {
        word: pseudo.plain_words(pseudo.without_quotes(text, result), known)
        for word, text in texts.items()
    }
    return {word: words for word, words in found.items() if words}


@pytest.mark.sample(6)
@pytest.mark.parametrize("name", QUICK)
def test_a_mistake_is_told_in_the_language(check, speak, name: str) -> None:
    """Verdicts, findings, hints, notes and the frame around them, in every format."""
    speak()
    path = MISTAKES / f"{name}.py"
    assert unsaid(check(path), path.read_text(encoding="utf-8")) == {}


def test_a_change_of_a_function_is_told_in_the_language(check, speak, tmp_path: Path) -> None:
    """Its line with the doubtful part is in the student's own words."""
    speak()
    source = SOFTMAX.read_text(encoding="utf-8")
    assert source.count("dscores / N") == 1
    path = tmp_path / "handed_in.py"
    path.write_text(source.replace("dscores / N", "dscores"), encoding="utf-8")
    result = check(path, Settings(assignment=exercises()["softmax-loss"], seed=1))
    (finding,) = result.tasks[0].findings
    assert finding.columns
    task = result.tasks[0]
    names = {*pseudo.names_in(source), "handed_in.py", task.task, task.title}
    names |= {each.check for each in task.checks}
    assert unsaid(result, source, names) == {}


SPOILED: dict[str, tuple[str, str]] = {
    "nothing returned": ("return A, A_prev", "return None"),
    "none in it": ("return A, A_prev", "return None, A_prev"),
    "one value": ("return A, A_prev", "return A"),
    "text": ("return A, A_prev", "return 'a', A_prev"),
    "object": ("return A, A_prev", "return object(), A_prev"),
    "shape": ("return A, A_prev", "return A, A_prev[:1]"),
    "complex": ("return A, A_prev", "return A + 1j, A_prev"),
    "whole": ("return A, A_prev", "return A.astype(int), A_prev"),
    "half": ("return A, A_prev", "return A.astype(np.float16), A_prev"),
    "single": ("return W.T @ A_prev + b", "return np.float32(W.T @ A_prev + b)"),
    "nan": ("return A, A_prev", "return A * np.nan, A_prev"),
    "infinite": ("return A, A_prev", "return A / 0.0, A_prev"),
    "raises": ("return A, A_prev", "raise ValueError"),
    "within a helper": ("return W.T @ A_prev + b", "raise ValueError"),
    "not written": ("return A, A_prev", "raise NotImplementedError"),
    "left": ("return A, A_prev", "import os; os._exit(3)"),
    "crashed": ("return A, A_prev", "import ctypes; ctypes.string_at(0)"),
    "renamed": ("def L_layer_forward", "def something"),
    "other arguments": ("def L_layer_forward(X, parameters)", "def L_layer_forward(a, b, c, d)"),
    "method": ("def L_layer_forward(X,", "class Net:\n  def L_layer_forward(self, X,"),
    "start": (
        "np.full((dim[layer - 1], dim[layer]), 0.1)",
        "np.ones((dim[layer - 1], dim[layer]))",
    ),
    "changed": ("A = X\n", "A = X; X *= 2\n"),
    "update raises": ("d_output = -2 * (y - y_hat)", "raise ValueError"),
    "update not written": ("d_output = -2 * (y - y_hat)", "raise NotImplementedError"),
    "update mixes": ("d_hidden = parameters", "d_hidden = np.sin(A1) * parameters"),
    "random": ("return A, A_prev", "return A + np.random.rand(), A_prev"),
    "by heart": ("return A, A_prev", "return np.array([[1.6]]), A_prev"),
    "constant in a loop": ("WEIGHT_RATE = 0.001", "for n in [1]:\n    WEIGHT_RATE = 0.001"),
    "constant in main": ("WEIGHT_RATE = 0.001", "if __name__ == '__main__':\n    WEIGHT_RATE = 1"),
    "constant that fails": ("WEIGHT_RATE = 0.001", "WEIGHT_RATE = [][0]"),
    "broken": ("WEIGHT_RATE = 0.001", "WEIGHT_RATE = = 0.001"),
    "indented": ("WEIGHT_RATE = 0.001", "  WEIGHT_RATE = 0.001"),
}


@pytest.mark.sample(8)
@pytest.mark.parametrize("name", SPOILED)
def test_a_fault_is_told_in_the_language(check, speak, tmp_path: Path, name: str) -> None:
    """Sentences of verdicts, with what the worker heard and why a name is not there."""
    speak()
    right, wrong = SPOILED[name]
    assert right in SOLUTION
    source = SOLUTION.replace(right, wrong)
    path = tmp_path / "handed_in.py"
    path.write_text(source, encoding="utf-8")
    result = check(path, Settings(("regression-numpy",), no_reference=True, seed=1))
    names = pseudo.names_in(SOLUTION) | set(OUTSIDE)
    assert unsaid(result, wrong, names) == {}


OUTSIDE = (
    "ValueError",
    "IndexError: list index out of range",
    "IndexError",
    "list index out of range",
    "index 2 is out of bounds for axis 0 with size 2",
    "SIGSEGV",
    "float32",
    "float16",
    "os._exit(3)",
    "invalid syntax",
    "NameError",
    "handed_in.py",
    "str",
    "int64",
    "object",
    "Net",
)
"""What Python says of a mistake, and names of its own."""


@pytest.mark.slow
@pytest.mark.parametrize(
    "path",
    sorted((*MISTAKES.glob("*.py"), *CLASS.glob("*ion_*"), *CLASS.glob("*.ipynb"))),
    ids=lambda path: path.name,
)
def test_every_submission_is_told_in_the_language(check, speak, path: Path) -> None:
    """The same of each mistake that there is, and of all that students wrote in the class."""
    speak()
    source = path.read_text(encoding="utf-8", errors="replace")
    if path.suffix == ".ipynb":
        cells = json.loads(source)["cells"]
        source = "\n".join("".join(each["source"]) for each in cells if each["cell_type"] == "code")
    tasks = ("regression-numpy",) if path.stem in UNDECIDED else ()
    result = check(path, Settings(tasks, no_reference=True, seed=1))
    assert unsaid(result, source, OUTSIDE) == {}


UNDECIDED = ("hidden-returned", "swapped-returns")
"""Those whose forward pass does not tell which task it is of."""


REFUSED: dict[str, bytes] = {
    "essay.pdf": b"%PDF",
    "empty.ipynb": b"",
    "page.ipynb": b"<html>",
    "data.ipynb": b"[1]",
    "deep.ipynb": b"[" * 100_000,
    "full.ipynb": b"," * 3_000_001,
    "late.ipynb": b'{"nbformat": 9, "cells": [{"cell_type": "code", "source": 1}]}',
    "odd.ipynb": b'{"nbformat": 4, "cells": [7]}',
    "big.py": b"#" * 2_000_001,
    "torn.zip": b"PK\x03\x04",
    "poem.py": b"print('roses')\n",
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal_is_said_in_the_language(check, speak, tmp_path: Path, name: str) -> None:
    """What cannot be graded is told why, in each platform's form too."""
    speak()
    path = tmp_path / name
    path.write_bytes(REFUSED[name])
    with pytest.raises(GradingError) as refused:
        check(path)
    said = str(refused.value)
    for word, read in READ.items():
        told = read(refusal(word, [said]))
        assert told, word
        told = told.replace(name, "").replace(path.stem, "")
        assert pseudo.plain_words(told, {*NAMES, *ASKED, *PYTHON_SAYS}) == set(), word


ASKED = {role.signature for task in read_assignment(None).tasks for role in task.roles}
PYTHON_SAYS = ("Expecting value", "AttributeError", "TypeError")


def test_a_folder_and_its_problems_are_told_in_the_language(check, speak, tmp_path: Path) -> None:
    """What could not be used of a submission stands beside its marks, and files keep names."""
    speak()
    folder = tmp_path / "folder_1"
    folder.mkdir()
    (folder / "a_1.py").write_text(SOLUTION, encoding="utf-8")
    (folder / "b_1.py").write_bytes(b"# -*- coding: klingon -*-\nx = 1\n")
    (folder / "c_1.py").symlink_to(folder / "a_1.py")
    (folder / "d_1.ipynb").write_bytes(b"{")
    (folder / "e_1.py").write_bytes(b"  x = 1\ny = = 2\n")
    result = check(folder, Settings(("regression-numpy",), no_reference=True, seed=1))
    assert len(result.problems) == 4
    files = {path.name for path in folder.iterdir()}
    python = {"Expecting property name enclosed in double quotes", "unexpected indent"}
    assert unsaid(result, SOLUTION, files | python) == {}


def test_what_is_withheld_is_told_in_the_language(check, speak) -> None:
    """A check that is not shown yet says so."""
    speak()
    path = MISTAKES / "wrong-sign.py"
    whole = replace(check(path), visibility={"update": "after_due_date"})
    assert unsaid(apply_visibility(whole), path.read_text(encoding="utf-8")) == {}


def test_a_class_is_told_in_the_language(check, speak) -> None:
    """Its page, its summary on a terminal, and what is known of it before it is graded."""
    speak()
    results = [check(MISTAKES / f"{name}.py") for name in QUICK[:3]]
    rows = [to_row(each, 4, f"{number}.html") for number, each in enumerate(results)]
    page = class_page(rows, "CS 101")
    stem = {path.stem for path in MISTAKES.glob("*.py")}
    known = {*NAMES, *stem, "CS 101", "{name}", "{count}", "{all}"}
    assert pseudo.plain_words(pseudo.read_html(page), known) == set()
    summary = Summary(
        (
            Row(
                "x_1",
                "graded",
                "",
                1.0,
                2.0,
                True,
                {},
                ("wrong-sign",),
                (Reason("failed", "wrong-sign"),),
            ),
            Row("x_2", "graded", "", 1.0, 2.0, False, {}, (), ()),
            *[Row(f"x_{n}", "graded", "", 1.0, 2.0, False, {}, (), ()) for n in range(10, 20)],
            Row(
                "x_3", "refused", "x_3.", None, None, False, {}, (), (Reason("refused", "refused"),)
            ),
        ),
        {"update": {"pass": 1, "timeout": 1}},
        {"wrong-sign": tuple(f"x_{number}" for number in range(9))},
    )
    preview = Preview(
        3,
        {"moodle": 2, "plain": 1},
        ("x_1",),
        (("x_1", 2),),
        (("x_1", "x_2"),),
        ("x_3",),
        (("x_4", "y_4"),),
        (("x_5", "y_5"),),
        ("x_6",),
        (("x_7", ("y_7", "y_8")),),
        ("x_8",),
    )
    buffer = io.StringIO()
    console = Console(file=buffer, width=200)
    show_summary(summary, console)
    show_changes([Change("x_1", 1.0, 2.0, 2.0, 2.0)], console)
    show_preview(preview, console)
    text = re.sub(r"\b[xy]_\d", "", buffer.getvalue())
    assert pseudo.plain_words(text, {*NAMES, "Moodle", "refused"}) == set()


def test_a_notebooks_report_is_told_in_the_language(speak) -> None:
    """As HTML and as text; with a refusal, without a record of cells, and with a picture."""
    speak()
    names: dict[str, object] = {}
    exec(compile(SOLUTION.replace("X @ d_hidden.T", "2 * X @ d_hidden.T"), "<7>", "exec"), names)
    names.pop("__builtins__")
    report = grade(Kernel(None, names, shows=True), "regression-numpy", None, 4, 1)
    assert report.max_score
    known = {*NAMES, *pseudo.names_in(SOLUTION), *ASKED}
    assert report.result is not None
    for text in (repr(report), pseudo.read_html(report._repr_html_())):
        assert pseudo.plain_words(pseudo.without_quotes(text, report.result), known) == set()
    task, other = read_assignment(None).tasks[:2]
    refusal = say(AGAIN, task=task.title, other=other.title)
    refused = replace(report, result=None, refusal=refusal)
    for text in (repr(refused), pseudo.read_html(refused._repr_html_())):
        assert pseudo.plain_words(text, known) == set()


def test_a_text_that_is_said_past_the_catalogue_is_found(check, speak, monkeypatch) -> None:
    """The tests above can fail: a sentence that nobody translates is told by its words."""
    speak()
    monkeypatch.setattr(
        "gradkit.report.plain_text.say", lambda text, **places: text.format(**places)
    )
    monkeypatch.setattr("gradkit.report.text.say", lambda text, **places: text.format(**places))
    path = MISTAKES / "wrong-sign.py"
    found = unsaid(check(path), path.read_text(encoding="utf-8"))
    assert "hint" in found["text"]
    assert "provisional" in found["gradescope"]
    assert "html" not in found
