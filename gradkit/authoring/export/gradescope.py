"""An autograder for Gradescope: the zip archive to upload there.

Gradescope unpacks it to ``/autograder/source`` and runs ``setup.sh`` once, as root, and
``run_autograder`` for each submission. All of the folder is closed to other users, who
students' code runs as where the worker can give up root.
"""

from __future__ import annotations

from gradkit.authoring.export.bundle import Bundle, File, Files
from gradkit.authoring.export.install import Install, carried, words
from gradkit.authoring.export.template import fill

TORCH = "torch --index-url https://download.pytorch.org/whl/cpu"
"""What to install for torch tasks: a tenth of the size of what comes with CUDA."""


def gradescope(source: Bundle, given: Install) -> Files:
    """The files of the archive."""
    torch = any(task.framework == "torch" for task in source.assignment.tasks)
    options = f'--assignment "$source/assignment/{source.assignment_file}"'
    keys = '--reference "$source/reference"' if source.reference else "--no-reference"
    return {
        "setup.sh": File(
            fill(
                "gradescope-setup.sh",
                install=words(given, '"$source"'),
                torch=TORCH if torch else "",
            ),
            program=True,
        ),
        "run_autograder": File(
            fill("gradescope-run.sh", options=f"{options} {keys}", tier=tier(source)), program=True
        ),
        **carried(given),
        **secrets(source),
    }


def tier(source: Bundle) -> str:
    """The tier of isolation to insist on: beside keys that root alone can read, no root."""
    return "3" if source.reference else "0"


def secrets(source: Bundle) -> dict[str, File]:
    """The assignment and its model solutions, each in a folder of its own, closed to others."""
    return {
        **{f"assignment/{path}": File(text, secret=True) for path, text in source.files.items()},
        **{f"reference/{path}": File(text, secret=True) for path, text in source.reference.items()},
    }
