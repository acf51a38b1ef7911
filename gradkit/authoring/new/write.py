"""Collect the files of students' and instructors' folders, and write them.

A variant is a similar exercise with random sizes, activations, rates, data and initial weights.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gradkit.authoring.export import (
    Install,
    as_files,
    carried,
    choose,
    module,
    torch_of,
    write_folder,
)
from gradkit.authoring.export import words as install_words
from gradkit.authoring.new.functions import exercise_files
from gradkit.authoring.new.starter import notebook as notebook_of
from gradkit.authoring.new.starter import readme, solution, starter, tests, text_of
from gradkit.diagnosis.rules.symbols import PARAMETERS
from gradkit.errors import GradkitError
from gradkit.records.task import Array, Assignment
from gradkit.task.assignment import DEFAULT, read_assignment

PLACES = {
    "github": ".github/workflows/gradkit.yml",
    "gitlab": ".gitlab-ci.yml",
    "pytest": "pytest.ini",
    "gitignore": ".gitignore",
}
"""Paths of files in every student's folder, by their template."""


SETTINGS = """[pytest]
gradkit_assignment = assignment.toml
gradkit_reference = reference
"""
"""Content of ``pytest.ini`` for an instructor's own tests."""

HOME = "assignment"
"""Folder of the assignment file in a student's folder, if it is not gradkit's default."""


class WriteError(GradkitError):
    """Options cannot be combined, so nothing was written; the text says what to do."""


def student_files(
    assignment: Assignment | None = None, given: Install | None = None
) -> dict[str, str]:
    """Return the files of a student's folder by path, except gradkit's wheel.

    Parameters
    ----------
    assignment : Assignment, optional
        Assignment of nets, by default gradkit's default assignment.
    given : Install, optional
        Argument of ``pip install`` for gradkit, by default the wheel beside the files.
    """
    own = assignment is not None
    chosen = assignment or read_assignment()
    given = given or choose(None)
    torch = torch_of(chosen)
    option = f" --assignment {HOME}/assignment.toml" if own else ""
    files = {f"{module(task)}.py": starter(task, option) for task in chosen.tasks}
    files["starter.ipynb"] = notebook_of(chosen, given, own=own)
    files["README.md"] = readme(chosen, given, own=own)
    ini = f"gradkit_assignment = {HOME}/assignment.toml" if own else ""
    for name, place in PLACES.items():
        files[place] = text_of(
            name,
            install=install_words(given),
            torch=torch and f"pip install {torch}",
            option=option,
            ini=ini,
        )
    return files


def instructor_files(seed: int | None, given: Install | None = None) -> dict[str, str]:
    """Return the files of an instructor's folder: an assignment, solutions and students' files.

    Parameters
    ----------
    seed : int or None
        Seed of a variant, see `files_of`; None copies gradkit's default assignment, whose answers
        are public.
    given : Install, optional
        As in `student_files`.
    """
    if seed is None:
        paths = [DEFAULT, *DEFAULT.parent.glob("*.csv")]
        exercise = {path.name: path.read_text(encoding="utf-8") for path in paths}
        text = exercise[DEFAULT.name]
        exercise[DEFAULT.name] = text.replace("\n\n[marking]", f"\n{ALL_COUNT}\n\n[marking]", 1)
    else:
        exercise = files_of(seed)
    assignment = _read(exercise)
    data = {f"{HOME}/{name}": text for name, text in exercise.items()}
    return {
        **exercise,
        "README.md": text_of("instructor", title=assignment.title),
        "test_homework.py": tests(assignment),
        "pytest.ini": SETTINGS,
        **{f"reference/{module(t)}.py": solution(t) for t in assignment.tasks},
        **{f"template/{n}": t for n, t in {**student_files(assignment, given), **data}.items()},
    }


def _read(exercise: Mapping[str, str]) -> Assignment:
    """Write the files of an assignment into a temporary folder, and read the assignment."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in exercise.items():
            (Path(folder) / name).write_text(text, encoding="utf-8")
        return read_assignment(Path(folder) / "assignment.toml")


def write_new(
    folder: Path,
    *,
    instructor: bool = False,
    variant: int | None = None,
    install: str | None = None,
    exercise: Path | None = None,
    reference: Path | None = None,
    notebook: bool = False,
) -> tuple[str, ...]:
    """Write a student's or an instructor's folder, and return the names of its files.

    Parameters
    ----------
    folder : Path
        Folder to write; it is made if it does not exist. Nothing in it is overwritten.
    instructor : bool
        Write an own assignment with model solutions and the files for students.
    variant : int, optional
        With ``instructor``: seed of random sizes, activations, rates and data.
    install : str, optional
        Wheel, requirement or URL from which pip installs gradkit, by default a wheel of the
        running gradkit.
    exercise : Path, optional
        Assignment file of an exercise of functions.
    reference : Path, optional
        With an own ``exercise``: folder of its model solutions, from which starters are made.
    notebook : bool
        With ``exercise``: write a notebook instead of Python files. The default assignment has
        both.

    Raises
    ------
    GradkitError
        The options cannot be combined, or files exist already or cannot be made.

    Examples
    --------
    >>> from pathlib import Path
    >>> "regression_numpy.py" in write_new(Path("hw"), install="gradkit")
    True
    """
    if variant is not None and not instructor:
        raise WriteError("--variant changes the exercise and needs --instructor.")
    if exercise is not None and instructor:
        raise WriteError(
            "--exercise writes starter files for students; use it without --instructor."
        )
    if reference is not None and exercise is None:
        raise WriteError("--reference needs --exercise FILE, an exercise of your own.")
    if notebook and (exercise is None or exercise == DEFAULT):
        raise WriteError(
            "--notebook needs --exercise NAME; the default exercise has a notebook anyway."
        )
    given = choose(install)
    if exercise is not None and exercise != DEFAULT:
        read = read_assignment(exercise)
        own_files = exercise_files(read, given, reference, HOME, as_notebook=notebook)
    else:
        texts = instructor_files(variant, given) if instructor else student_files(None, given)
        own_files = as_files(texts)
    # gradkit's wheel belongs into the folder that students get.
    files = {**own_files, **carried(given, "template/" if instructor else "")}
    write_folder(files, folder)
    return tuple(files)


ALL_COUNT = 'required = "all"   # all tasks count; without this line, only submitted tasks count'
"""Line of an assignment file by which all tasks count."""

TASKS_BELOW = "# --- the tasks "
"""Line of the default assignment file below which a variant has other text."""

STORIES = (
    (("sun", "water", "soil", "heat"), "growth", "blooms"),
    (("hours", "sleep", "breaks", "practice"), "score", "passed"),
    (("speed", "wind", "slope", "load"), "range", "arrived"),
    (("salt", "acid", "sugar", "time"), "taste", "sold"),
)
"""Names of features, of the target of regression, and of the target of classification."""


def files_of(seed: int) -> dict[str, str]:
    """Return the ``assignment.toml`` and CSV files of a variant, the same for the same seed.

    A variant has random data, sizes, activations, rates and initial parameters.
    """
    draw = np.random.default_rng(seed)
    features, number, label = STORIES[draw.integers(len(STORIES))]
    roles = DEFAULT.read_text(encoding="utf-8").partition(TASKS_BELOW)[0]
    head, _, rest = roles.partition("[marking]")
    rest = rest.replace('"the 2-2-1 stack"', '"the layers that the task names"')
    files: dict[str, str] = {}
    problems = []
    for problem, target in (("regression", number), ("classification", label)):
        columns = (*_choose(draw, features, int(draw.integers(3, 5))), target)
        hidden = int(draw.integers(3, 6))
        X = draw.integers(5, 31, (int(draw.integers(4, 7)), len(columns) - 1)) / 10
        y = _targets(draw, problem, len(X))
        files[f"{problem}.csv"] = _csv(columns, X, y)
        problems.append(_problem(draw, problem, columns, hidden))
    about, marking = "\n".join(head.split("\n")[1:5]), rest.rstrip("\n")
    values = {"seed": seed, "about": about, "marking": marking, "problems": problems}
    files["assignment.toml"] = text_of("assignment", required=ALL_COUNT, **values)
    return files


def _choose(draw: np.random.Generator, names: Sequence[str], count: int) -> list[str]:
    """Draw some names, and keep their order."""
    return [names[i] for i in sorted(draw.permutation(len(names))[:count])]


def _targets(draw: np.random.Generator, problem: str, n: int) -> Array:
    """Draw the targets of n rows: numbers for regression, else labels."""
    if problem == "regression":
        return np.asarray(draw.integers(5, 41, n) / 10)
    # A permutation, so that both classes occur in equal numbers.
    return np.asarray(draw.permutation(np.arange(n) % 2), dtype=np.float64)


def _csv(columns: Sequence[str], X: Array, y: Array) -> str:
    """Write data as the text of a CSV file."""
    rows = [[f"{value:g}" for value in (*row, target)] for row, target in zip(X, y, strict=True)]
    return "".join(",".join(row) + "\n" for row in [columns, *rows])


def _problem(
    draw: np.random.Generator, problem: str, columns: Sequence[str], hidden: int
) -> dict[str, Any]:
    """Draw the values of a problem's two tasks, in numpy and in torch, for the template.

    ``problem`` is ``regression`` or ``classification``, ``columns`` are the names of the features,
    and ``hidden`` is the number of hidden units.
    """
    regression = problem == "regression"
    n = len(columns) - 1
    return {
        **{"problem": problem, "columns": columns, "hidden": hidden, "regression": regression},
        "activation": str(draw.choice(["sigmoid", "tanh"])),
        "weight": f"{draw.choice([0.002, 0.003, 0.004, 0.005]):g}",
        "bias": f"{draw.choice([0.01, 0.02, 0.03]):g}",
        "rate": f"{draw.choice([0.01, 0.02, 0.03] if regression else [0.05, 0.1, 0.2]):g}",
        "even": _even(n, hidden, float(draw.choice([0.1, 0.2, 0.3]))),
        "epochs": (draw.integers(4, 8), draw.choice([20, 30] if regression else [40, 50, 60])),
        "uneven": [_uneven(draw, n, hidden) for _ in range(3)],
    }


def _shapes(n: int, hidden: int) -> dict[str, tuple[int, int]]:
    """Return the shapes of a net's parameters by name, for n features."""
    return dict(zip(PARAMETERS, ((n, hidden), (hidden, 1), (hidden, 1), (1, 1)), strict=True))


def _even(n: int, hidden: int, value: float) -> dict[str, Array]:
    """Return initial parameters with equal weights, and biases of zero.

    ``n`` is the number of features, ``hidden`` that of hidden units, and ``value`` that of each
    weight.
    """
    return {
        key: np.full(shape, value if key[0] == "W" else 0.0)
        for key, shape in _shapes(n, hidden).items()
    }


def _uneven(draw: np.random.Generator, n: int, hidden: int) -> dict[str, Array]:
    """Draw initial parameters of two decimals, with random signs and none near zero.

    ``n`` is the number of features, ``hidden`` that of hidden units.
    """
    return {
        key: np.round(draw.uniform(0.1, 0.6, shape), 2) * draw.choice([-1.0, 1.0], shape)
        for key, shape in _shapes(n, hidden).items()
    }
