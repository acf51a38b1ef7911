"""One submission speaks once for a task, whatever its files would earn."""

from __future__ import annotations

import html
import itertools
from pathlib import Path
from typing import Any

import nbformat
import pytest
from classroom.classes import OPTIONS, changed_assignment, gradkit, results
from model_solutions import ROOT, source
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from told import checks, full, not_passed, notebook, script, states

from gradkit.classroom.reports.summary import review
from gradkit.classroom.store.results import Store
from gradkit.grading.session import Session
from gradkit.grading.settings import Settings
from gradkit.records.result import Result
from gradkit.report import FORMATS, render
from gradkit.sandbox import Workshop

pytestmark = pytest.mark.sample(216)

TASK = "regression-numpy"
SEVERAL = "several-files"
RIGHT = source("regression_numpy").split("if __name__")[0]
BARE = RIGHT[RIGHT.index("import numpy") :]
"""Without the words that tell the task."""

GUESS = """
import numpy as np

def initialise_parameters(dim):
    return {{"W1": np.full((2, 2), 0.1), "b1": np.zeros((2, 1)),
            "W2": np.full((2, 1), 0.1), "b2": np.zeros((1, 1))}}

def L_layer_forward(X, parameters):
    A1 = parameters["W1"].T @ X + parameters["b1"]
    return parameters["W2"].T @ A1 + parameters["b2"], A1

def update_parameters(parameters, y, y_hat, A1, X):
    d = {sign} {factor} * (y - y_hat)
    d_hidden = parameters["W2"] * d
    dW1 = X @ d_hidden.T
    steps = {{"W2": {source} * d, "b2": d, "W1": dW1{turn}, "b1": d_hidden}}
    for key, step in steps.items():
        parameters[key] -= (0.001 if key[0] == "W" else 0.01) * step
"""
GUESSES = [
    GUESS.format(sign=sign, factor=factor, source=source, turn=turn)
    for sign, factor, source, turn in itertools.product("+-", (1, 2), ("X", "A1"), (".T", ""))
]
"""The last of them is right."""


def remarks(result: Result) -> set[str]:
    """Codes of what is remarked on the only task."""
    (task,) = result.tasks
    return {finding.mistake for finding in task.findings if not finding.check}


def guesses(folder: Path, name: str, order: list[str]) -> Path:
    """A folder of guesses, numbered in this order."""
    folder.mkdir(exist_ok=True)
    for number, text in enumerate(order):
        script(folder, text, name.format(number))
    return folder


@pytest.mark.slow
@pytest.mark.sample(12)
@pytest.mark.parametrize("name", ["guess_{:02}.py", "hw ({}).py", "regression-{}.py"])
@pytest.mark.parametrize("last", [0, 5, 10, 15])
def test_sixteen_guesses_earn_what_the_last_file_earns(
    grade: Any, tmp_path: Path, name: str, last: int
) -> None:
    """Not what the best of them earns; and it is remarked on, and said which one counts."""
    order = [text for text in GUESSES if text is not GUESSES[last]] + [GUESSES[last]]
    folder = guesses(tmp_path / "guesses", name, order)
    alone = grade(script(tmp_path, GUESSES[last], "alone.py"), TASK)
    assert full(alone) == (last == 15)
    result = grade(folder, TASK)
    assert (result.score, states(result)) == (alone.score, states(alone))
    assert SEVERAL in remarks(result)
    (note,) = [note for note in result.tasks[0].notes if "contain the same task" in note]
    assert note.startswith("16 files contain the same task (")
    assert f"); {name.format(15)} is graded, because its name shows the last attempt." in note


@pytest.mark.slow
@pytest.mark.parametrize("name", ["guess_{:02}.py", "regression_{:02}.py"])
@pytest.mark.parametrize("whole", [True, False])
def test_sixteen_guesses_beside_one_forward_pass(
    grade: Any, tmp_path: Path, whole: bool, name: str
) -> None:
    """Guesses at the update alone: the last of them, with the forward pass that all share."""
    head, _, _ = GUESSES[0].partition("def update_parameters")
    order = list(reversed(GUESSES))
    parts = [text if whole else text.replace(head, "import numpy as np\n\n") for text in order]
    folder = guesses(tmp_path / "guesses", name, parts)
    script(folder, head, "common.py")
    alone = grade(script(tmp_path, order[-1], "alone.py"), TASK)
    result = grade(folder, TASK)
    assert (result.score, states(result)) == (alone.score, states(alone))
    assert SEVERAL in remarks(result)


@pytest.mark.parametrize("headed", [True, False])
def test_sixteen_guesses_in_one_notebook(grade: Any, tmp_path: Path, headed: bool) -> None:
    """The last definition counts, under headings or not, whether they name the task or not."""
    for title in ("Regression", "Attempt"):
        for order in (GUESSES, [*GUESSES[1:], GUESSES[0]]):
            cells = []
            for number, text in enumerate(order):
                cells += [new_markdown_cell(f"# {title} {number}")] if headed else []
                cells.append(new_code_cell(text))
            for number, cell in enumerate(cells):
                cell.id = f"cell-{number}"
            path = tmp_path / "homework.ipynb"
            nbformat.write(new_notebook(cells=cells), path)
            alone = grade(script(tmp_path, order[-1], "alone.py"), TASK)
            result = grade(path, TASK)
            assert (result.score, states(result)) == (alone.score, states(alone))


def test_the_last_attempt_of_a_file_counts(grade: Any, tmp_path: Path) -> None:
    """By its name: times of files are as copies and archives made them."""
    wrong = GUESSES[0]
    for names in (
        ("hw.py", "hw (1).py"),
        ("hw (9).py", "hw (10).py"),
        ("hw-1.py", "hw-2.py"),
        ("hw.py", "hw_final.py"),
        ("hw_final.py", "hw_final2.py"),
        ("hw_final (1).py", "hw_final (2).py"),
        ("hw_old.py", "hw.py"),
        ("hw.py", "Copy of hw.py"),
        ("hw_v1.py", "hw_v2.py"),
    ):
        folder = tmp_path / names[1]
        folder.mkdir()
        for name, text in zip(names, (wrong, RIGHT), strict=True):
            script(folder, text, name)
        result = grade(folder, TASK)
        assert full(result), (names, not_passed(result))
        assert SEVERAL in remarks(result)
        (note,) = [note for note in result.tasks[0].notes if "contain the same task" in note]
        assert f"; {names[1]} is graded, because its name shows the last attempt." in note


@pytest.mark.parametrize("names", [("hw01.py", "hw1.py"), ("A/hw.py", "a/HW.py")])
def test_names_that_hardly_differ_are_in_an_order_too(
    grade: Any, tmp_path: Path, names: tuple[str, str]
) -> None:
    """In zeros or in capitals, of which a number and a name for ordering have none."""
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        script(tmp_path, RIGHT, name)
    result = grade(tmp_path, TASK)
    assert full(result), not_passed(result)
    assert result.tasks[0].notes[0].endswith("is graded, because its name comes last.")


def test_a_notebook_goes_before_scripts(grade: Any, tmp_path: Path) -> None:
    """Its export beside it is the same code, which nobody has to look at."""
    notebook(tmp_path, "# Regression", BARE)
    script(tmp_path, BARE, "homework.py")
    result = grade(tmp_path, TASK)
    assert full(result), not_passed(result)
    assert remarks(result) == set()
    assert (
        "homework.ipynb is graded, because notebooks are preferred to scripts."
        in result.tasks[0].notes[0]
    )
    script(tmp_path, GUESSES[0], "zzz_final.py")
    other = grade(tmp_path, TASK)
    assert full(other), not_passed(other)
    assert SEVERAL in remarks(other)


def test_what_has_most_of_the_roles_counts(grade: Any, tmp_path: Path) -> None:
    """A scratch file with one function does not speak for the whole."""
    script(tmp_path, RIGHT, "regression.py")
    script(tmp_path, "def update_parameters(p, y, y_hat, A1, X):\n    p['W1'] *= 2\n", "try.py")
    result = grade(tmp_path, TASK)
    assert full(result), not_passed(result)
    assert (
        "regression.py is graded, because it has the most required functions."
        in result.tasks[0].notes[0]
    )


# --- declared files --------------------------------------------------------------------------


def graded(workshop: Workshop, assignment: Path, folder: Path) -> Result:
    """A folder, under an assignment."""
    settings = Settings(assignment=assignment, tasks=(TASK,), no_reference=True, seed=0)
    with Session(settings, workshop) as session:
        return session.check(folder)


@pytest.mark.parametrize("place", ["task", "assignment"])
@pytest.mark.parametrize("name", ["aim.py", "aim (1).py"])
def test_the_file_that_is_asked_for_counts(
    workshop: Workshop, tmp_path: Path, place: str, name: str
) -> None:
    """Whatever else is there, and however it was renamed on its way."""
    spot = 'title = "Regression in numpy"' if place == "task" else 'id = "backpropagation"'
    changed = changed_assignment(tmp_path / "own", spot, f'{spot}\nfiles = ["aim.py"]')
    folder = guesses(tmp_path / "hw", "regression_{:02}_final.py", GUESSES)
    script(folder, GUESSES[3], name)
    alone = graded(workshop, changed, script(tmp_path, GUESSES[3], "aim.py"))
    result = graded(workshop, changed, folder)
    assert (result.score, states(result)) == (alone.score, states(alone))
    assert not full(result)
    told = f"; {name} is graded, because it is the file that was asked for."
    assert any(told in note for note in result.tasks[0].notes)
    script(folder, RIGHT, name)
    assert full(graded(workshop, changed, folder))
    other = graded(workshop, changed, script(tmp_path, RIGHT, "other.py"))
    assert full(other)
    assert other.tasks[0].notes[0] == "aim.py is required here; other.py is graded instead."


def test_a_file_that_is_asked_for_tells_its_task(workshop: Workshop, tmp_path: Path) -> None:
    """No word of it does, and its forward pass is another task's."""
    spot = 'title = "Regression in numpy"'
    changed = changed_assignment(tmp_path / "own", spot, f'{spot}\nfiles = ["part1.py"]')
    text = BARE.replace("W.T @ A_prev + b", "1 / (1 + np.exp(-(W.T @ A_prev + b)))")
    assert text != BARE
    settings = Settings(assignment=changed, no_reference=True, seed=0)
    with Session(settings, workshop) as session:
        result = session.check(script(tmp_path, text, "part1.py"))
        assert [task.task for task in result.tasks] == [TASK]
        result = session.check(script(tmp_path, text, "part10.py"))
        assert [task.task for task in result.tasks] == ["classification-numpy"]


# --- honest folders --------------------------------------------------------------------------


def honest(result: Result) -> None:
    """Full marks, and nothing for anybody to look at."""
    assert full(result), not_passed(result)
    assert all(not task.findings for task in result.tasks)


def test_helpers_in_a_file_of_their_own(grade: Any, tmp_path: Path) -> None:
    """Imported or not; and beside them a helper that has the name of a role that is optional."""
    head, _, tail = RIGHT.partition("def L_layer_forward")
    script(tmp_path, head, "utils.py")
    script(tmp_path, f"from utils import *\n\n\ndef L_layer_forward{tail}", "regression.py")
    honest(grade(tmp_path, TASK))
    script(tmp_path, RIGHT, "regression.py")
    script(tmp_path, "def linear_forward(A, W, b):\n    return W.T @ A + b\n", "utils.py")
    honest(grade(tmp_path, TASK))


def test_roles_in_a_file_each(grade: Any, tmp_path: Path) -> None:
    """A task over several files, one of which was written twice."""
    head, _, tail = RIGHT.partition("def update_parameters")
    script(tmp_path, head, "forward.py")
    update = f"from forward import *\n\n\ndef update_parameters{tail}"
    script(tmp_path, update, "update.py")
    honest(grade(tmp_path, TASK))
    script(tmp_path, update.replace("-=", "+="), "update.py")
    script(tmp_path, update, "update_v2.py")
    result = grade(tmp_path, TASK)
    assert full(result), not_passed(result)
    assert SEVERAL in remarks(result)


@pytest.mark.slow
def test_four_tasks_in_one_folder(grade: Any, tmp_path: Path) -> None:
    """The model solutions as they are; beside them the starter files, which nobody filled in."""
    pytest.importorskip("torch")
    for name in ("regression_numpy", "classification_numpy", "regression_torch"):
        script(tmp_path, source(name), f"{name}.py")
    script(tmp_path, source("classification_torch"), "classification_torch.py")
    result = grade(tmp_path)
    assert len(result.tasks) == 4
    honest(result)
    starters = tmp_path / "z_starter"
    starters.mkdir()
    for path in (ROOT / "student_template").iterdir():
        if path.suffix in (".py", ".ipynb"):
            (starters / path.name).write_bytes(path.read_bytes())
    again = grade(tmp_path)
    assert len(again.tasks) == 4
    honest(again)


def test_two_tasks_that_only_their_forward_passes_tell(grade: Any, tmp_path: Path) -> None:
    """Two files without a word for either: each speaks for its own task."""
    other = source("classification_numpy").split("if __name__")[0]
    script(tmp_path, BARE, "hw-1.py")
    script(tmp_path, other[other.index("import numpy") :], "hw-2.py")
    result = grade(tmp_path)
    assert [task.task for task in result.tasks] == [TASK, "classification-numpy"]
    honest(result)


def test_only_one_of_them_is_run(grade: Any, tmp_path: Path) -> None:
    """What is passed over takes no time: it may hang."""
    hangs = RIGHT.replace("def update_parameters", "while True: pass\n\n\ndef update_parameters")
    script(tmp_path, hangs.replace("-=", "+="), "regression_old.py")
    script(tmp_path, RIGHT, "regression.py")
    result = grade(tmp_path, TASK)
    assert full(result), not_passed(result)
    assert checks(result)["update"].message == ""


# --- where it is told ------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.rotate(4)
@pytest.mark.sample(9)
@pytest.mark.parametrize("word", sorted(set(FORMATS) - {"github-classroom"}))
def test_a_student_is_told_which_one_counts(grade: Any, tmp_path: Path, word: str) -> None:
    """In every format that has notes, at any hint level; the remark is for instructors."""
    script(tmp_path, GUESSES[0], "hw (1).py")
    script(tmp_path, GUESSES[3], "hw (2).py")
    result = grade(tmp_path, TASK)
    for level in (1, 4):
        said = _written(word, result, level)
        told = " ".join(html.unescape(said).replace("\\", "").split())
        assert "hw (2).py is graded, because its name shows the last attempt." in told
        assert "hw (1).py" in told
    assert SEVERAL not in _written("json", result, 3)
    assert SEVERAL in _written("json", result, 4)


def _written(word: str, result: Result, level: int) -> str:
    return render(word, [result], level)


@pytest.mark.slow
def test_it_stands_in_review(tmp_path: Path) -> None:
    """A class of which one student guesses; the one who has helpers beside is not listed."""
    folder = tmp_path / "class"
    guesses(folder, "x{}.py", []).joinpath("ann").mkdir()
    guesses(folder / "ann", "hw ({}).py", [*GUESSES[1:], GUESSES[0]])
    (folder / "ben").mkdir()
    script(folder / "ben", RIGHT, "regression.py")
    script(folder / "ben", "def mean(values):\n    return sum(values) / len(values)\n", "utils.py")
    done = gradkit("grade", folder, "--out", tmp_path / "out", *OPTIONS)
    assert done.returncode == 0, done.stderr
    found = results(tmp_path / "out")
    ann, ben = found["ann"], found["ben"]
    assert isinstance(ann, Result)
    assert isinstance(ben, Result)
    assert (ann.score < 20, ben.score) == (True, 20)
    with Store(tmp_path / "out", write=False) as store:
        looks = {look.name: [reason.kind for reason in look.review] for look in review(store)}
    assert SEVERAL in looks["ann"]
    assert SEVERAL not in looks.get("ben", [])
