"""A workflow for the repositories of GitHub Classroom: no keys in it, and provisional marks.

Every action is pinned to a commit, and it may only read the repository.
"""

from __future__ import annotations

from gradkit.authoring.export.bundle import Bundle, File, Files
from gradkit.authoring.export.gradescope import TORCH
from gradkit.authoring.export.install import Install, carried, words
from gradkit.authoring.export.template import fill

HOME = ".gradkit"
"""Where the wheel, and an assignment of one's own, go in the students' repository."""


def classroom(source: Bundle, given: Install) -> Files:
    """The workflow, gradkit's wheel and, where it is not gradkit's own, the assignment."""
    torch = any(task.framework == "torch" for task in source.assignment.tasks)
    option = f"--assignment {HOME}/{source.assignment_file}" if source.own else ""
    files = {
        ".github/workflows/classroom.yml": File(workflow(given, option, torch=torch)),
        **carried(given, f"{HOME}/"),
    }
    if source.own:
        files |= {f"{HOME}/{path}": File(text) for path, text in source.files.items()}
    return files


def workflow(given: Install, options: str = "", *, torch: bool = True) -> bytes:
    """The text of the workflow; ``options`` go to `gradkit check`."""
    return fill(
        "github-classroom.yml",
        install=words(given, HOME),
        torch=f"pip install {TORCH}" if torch else "",
        options=f" {options}" if options else "",
    )
