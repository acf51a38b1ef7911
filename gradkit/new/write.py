"""Put the files together, and write them where nothing is overwritten."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

import gradkit
from gradkit.errors import GradkitError
from gradkit.new import words
from gradkit.new.notebook import notebook
from gradkit.new.readme import instructor_readme, student_readme
from gradkit.new.solution import solution
from gradkit.new.starter import starter
from gradkit.new.variant import files_of
from gradkit.records.task import Assignment
from gradkit.truth.assignment import DEFAULT, read_assignment

PLAIN = Path(__file__).parent / "files"
PLACES = {
    "github.yml": ".github/workflows/gradkit.yml",
    "gitlab.yml": ".gitlab-ci.yml",
    "pytest.ini": "pytest.ini",
    "gitignore": ".gitignore",
}
"""Files that are the same for every assignment, by the name that they have here."""

HOME = "assignment"
"""Where the exercise lies in a student's folder, if it is not gradkit's own."""


class WriteError(GradkitError):
    """Nothing was written; the text says why and what to do."""


def student_files(assignment: Assignment | None = None) -> dict[str, str]:
    """A student's folder, path by path.

    Parameters
    ----------
    assignment : Assignment, optional
        gradkit's own if not given.
    """
    own = assignment is not None
    chosen = assignment or read_assignment()
    files = {f"{words.module(task)}.py": starter(task) for task in chosen.tasks}
    files["starter.ipynb"] = notebook(chosen, own=own)
    files["README.md"] = student_readme(chosen, own=own)
    option = f" --assignment {HOME}/assignment.toml" if own else ""
    ini = f"gradkit_assignment = {HOME}/assignment.toml\n" if own else ""
    for name, place in PLACES.items():
        text = (PLAIN / name).read_text(encoding="utf-8")
        for mark, value in (
            ("@VERSION@", gradkit.__version__),
            ("@OPTION@", option),
            ("@INI@\n", ini),
        ):
            text = text.replace(mark, value)
        files[place] = text
    return files


def instructor_files(seed: int | None) -> dict[str, str]:
    """An assignment of one's own: the exercise, its solutions, what students get.

    Parameters
    ----------
    seed : int or None
        Draws a variant; None takes gradkit's own exercise, whose answers are public.
    """
    if seed is None:
        paths = [DEFAULT, *DEFAULT.parent.glob("*.csv")]
        exercise = {path.name: path.read_text(encoding="utf-8") for path in paths}
    else:
        exercise = files_of(seed)
    assignment = _read(exercise)
    given = {f"{HOME}/{name}": text for name, text in exercise.items()}
    return {
        **exercise,
        "README.md": instructor_readme(assignment),
        **{f"reference/{words.module(t)}.py": solution(t) for t in assignment.tasks},
        **{f"template/{n}": t for n, t in {**student_files(assignment), **given}.items()},
    }


def _read(exercise: Mapping[str, str]) -> Assignment:
    """The exercise, read as it will be from its folder."""
    with tempfile.TemporaryDirectory() as made:
        for name, text in exercise.items():
            (Path(made) / name).write_text(text, encoding="utf-8")
        return read_assignment(Path(made) / "assignment.toml")


def write(folder: Path, files: Mapping[str, str]) -> None:
    """Write all files, or none.

    Raises
    ------
    WriteError
        One of them is there already, or the folder cannot be written to.
    """
    there = [name for name in files if (folder / name).exists()]
    if there:
        more = f" and {len(there) - 3} more" if len(there) > 3 else ""
        raise WriteError(
            f"{folder} already has {', '.join(there[:3])}{more}, and nothing is overwritten. "
            "Name a folder that is empty or not there yet."
        )
    try:
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("w", encoding="utf-8", newline="\n") as stream:
                stream.write(text)
    except OSError as error:
        raise WriteError(f"{folder}: cannot be written ({error.strerror}).") from None
