"""Put the files together, and write them where nothing is overwritten.

A variant is another exercise of the same kind: sizes, activation, rates, data and starts from a
seed.
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
from gradkit.task.assignment import read_assignment
from gradkit.task.shipped import DEFAULT

PLACES = {
    "github": ".github/workflows/gradkit.yml",
    "gitlab": ".gitlab-ci.yml",
    "pytest": "pytest.ini",
    "gitignore": ".gitignore",
}
"""Files that are the same for every assignment, by their template."""


SETTINGS = """[pytest]
gradkit_assignment = assignment.toml
gradkit_reference = reference
"""
"""For tests of an instructor's own."""

HOME = "assignment"
"""Where the exercise lies in a student's folder, if it is not gradkit's own."""


class WriteError(GradkitError):
    """Nothing was written; the text says why and what to do."""


def student_files(
    assignment: Assignment | None = None, given: Install | None = None
) -> dict[str, str]:
    """A student's folder, path by path, but for gradkit's wheel.

    Parameters
    ----------
    assignment : Assignment, optional
        gradkit's own if not given.
    given : Install, optional
        How students get gradkit; with the wheel beside the files if not given.
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
    """An assignment of one's own: the exercise, its solutions, what students get.

    Parameters
    ----------
    seed : int or None
        Draws a variant; None takes gradkit's own exercise, whose answers are public.
    given : Install, optional
        See `student_files`.
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
    """The exercise, read as it will be from its folder."""
    with tempfile.TemporaryDirectory() as made:
        for name, text in exercise.items():
            (Path(made) / name).write_text(text, encoding="utf-8")
        return read_assignment(Path(made) / "assignment.toml")


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
    """Write a student's folder, or an instructor's, and name its files.

    Parameters
    ----------
    folder : Path
        Made if there is none; nothing in it is overwritten.
    instructor : bool
        An assignment of one's own, with its solutions and what its students get.
    variant : int, optional
        Draws other sizes, activation, rates and data, for an instructor.
    install : str, optional
        What pip installs gradkit from; by default a wheel of the gradkit that runs.
    exercise : Path, optional
        The assignment file of another exercise, of functions.
    reference : Path, optional
        The model solutions of an exercise of one's own, from whose text the starters are made.
    notebook : bool
        Another exercise's starters as a notebook, in place of the files; of nets both are written.

    Raises
    ------
    GradkitError
        Nothing was written.

    Examples
    --------
    >>> from pathlib import Path
    >>> "regression_numpy.py" in write_new(Path("hw"), install="gradkit")
    True
    """
    if variant is not None and not instructor:
        raise WriteError("--variant changes the exercise, so it goes with --instructor.")
    if exercise is not None and instructor:
        raise WriteError("--exercise is what students start from, so it goes without --instructor.")
    if reference is not None and exercise is None:
        raise WriteError("--reference goes with --exercise FILE, an exercise of one's own.")
    if notebook and (exercise is None or exercise == DEFAULT):
        raise WriteError("--notebook goes with --exercise NAME: the first has its notebook anyway.")
    given = choose(install)
    if exercise is not None and exercise != DEFAULT:
        read = read_assignment(exercise)
        made = exercise_files(read, given, reference, HOME, as_notebook=notebook)
    else:
        texts = instructor_files(variant, given) if instructor else student_files(None, given)
        made = as_files(texts)
    # The wheel of gradkit, where it is carried, is in the folder that students get.
    files = {**made, **carried(given, "template/" if instructor else "")}
    write_folder(files, folder)
    return tuple(files)


ALL_COUNT = (
    'required = "all"   # which tasks count, handed in or not; leave it out for those that were'
)
"""The line of an assignment file that has all tasks count."""

TASKS_BELOW = "# --- the tasks "
"""The line of gradkit's own assignment file below which a variant has other text."""

STORIES = (
    (("sun", "water", "soil", "heat"), "growth", "blooms"),
    (("hours", "sleep", "breaks", "practice"), "score", "passed"),
    (("speed", "wind", "slope", "load"), "range", "arrived"),
    (("salt", "acid", "sugar", "time"), "taste", "sold"),
)
"""Features, what regression predicts, what classification predicts."""


def files_of(seed: int) -> dict[str, str]:
    """``assignment.toml`` and its CSVs. The same seed gives the same files."""
    draw = np.random.default_rng(seed)
    features, number, label = STORIES[draw.integers(len(STORIES))]
    roles = DEFAULT.read_text(encoding="utf-8").partition(TASKS_BELOW)[0]
    head, _, rest = roles.partition("[marking]")
    rest = rest.replace('"the 2-2-1 stack"', '"the layers that the task names"')
    files: dict[str, str] = {}
    problems = []
    for problem, target in (("regression", number), ("classification", label)):
        columns = (*_chosen(draw, features, int(draw.integers(3, 5))), target)
        hidden = int(draw.integers(3, 6))
        X = draw.integers(5, 31, (int(draw.integers(4, 7)), len(columns) - 1)) / 10
        y = _targets(draw, problem, len(X))
        files[f"{problem}.csv"] = _csv(columns, X, y)
        problems.append(_problem(draw, problem, columns, hidden))
    about, marking = "\n".join(head.split("\n")[1:5]), rest.rstrip("\n")
    values = {"seed": seed, "about": about, "marking": marking, "problems": problems}
    files["assignment.toml"] = text_of("assignment", required=ALL_COUNT, **values)
    return files


def _chosen(draw: np.random.Generator, names: Sequence[str], count: int) -> list[str]:
    return [names[i] for i in sorted(draw.permutation(len(names))[:count])]


def _targets(draw: np.random.Generator, problem: str, n: int) -> Array:
    if problem == "regression":
        return np.asarray(draw.integers(5, 41, n) / 10)
    # Both classes, in no order.
    return np.asarray(draw.permutation(np.arange(n) % 2), dtype=np.float64)


def _csv(columns: Sequence[str], X: Array, y: Array) -> str:
    rows = [[f"{value:g}" for value in (*row, target)] for row, target in zip(X, y, strict=True)]
    return "".join(",".join(row) + "\n" for row in [columns, *rows])


def _problem(
    draw: np.random.Generator, problem: str, columns: Sequence[str], hidden: int
) -> dict[str, Any]:
    """Draw the problem's two tasks, in numpy and in torch."""
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
    return dict(zip(PARAMETERS, ((n, hidden), (hidden, 1), (hidden, 1), (1, 1)), strict=True))


def _even(n: int, hidden: int, value: float) -> dict[str, Array]:
    return {
        key: np.full(shape, value if key[0] == "W" else 0.0)
        for key, shape in _shapes(n, hidden).items()
    }


def _uneven(draw: np.random.Generator, n: int, hidden: int) -> dict[str, Array]:
    """Two decimals, no two hidden units alike, none near zero."""
    return {
        key: np.round(draw.uniform(0.1, 0.6, shape), 2) * draw.choice([-1.0, 1.0], shape)
        for key, shape in _shapes(n, hidden).items()
    }
