"""Put the files together, and write them where nothing is overwritten."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from gradkit.authoring.export.bundle import as_files, filled, module, write_folder
from gradkit.authoring.export.install import Install, carried, choose
from gradkit.authoring.export.install import words as install_words
from gradkit.authoring.export.platforms import torch_of
from gradkit.authoring.new.functions import exercise_files
from gradkit.authoring.new.starter import notebook as notebook_of
from gradkit.authoring.new.starter import readme, solution, starter, tests, text_of
from gradkit.authoring.new.variant import ALL_COUNT, files_of
from gradkit.errors import GradkitError
from gradkit.records.task import Assignment
from gradkit.task.assignment import read_assignment
from gradkit.task.shipped import DEFAULT

PLAIN = Path(__file__).parent / "files"
PLACES = {
    "github.yml": ".github/workflows/gradkit.yml",
    "gitlab.yml": ".gitlab-ci.yml",
    "pytest.ini": "pytest.ini",
    "gitignore": ".gitignore",
}
"""Files that are the same for every assignment, by the name that they have here."""


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
        files[place] = filled(
            (PLAIN / name).read_text(encoding="utf-8"),
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
        texts = exercise_files(read, given, reference, HOME, as_notebook=notebook)
    else:
        texts = instructor_files(variant, given) if instructor else student_files(None, given)
    # The wheel of gradkit, where it is carried, is in the folder that students get.
    files = {**as_files(texts), **carried(given, "template/" if instructor else "")}
    write_folder(files, folder)
    return tuple(files)
