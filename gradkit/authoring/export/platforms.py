"""Pack an assignment for Gradescope, PrairieLearn or GitHub Classroom."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

from gradkit.authoring.export.bundle import (
    Bundle,
    File,
    Files,
    Install,
    bundle,
    carried,
    choose,
    file_of,
    fill,
    wheel_alone,
    words,
    write_folder,
    write_zip,
)
from gradkit.records.task import Assignment, FunctionTask, Task

TORCH = "torch --index-url https://download.pytorch.org/whl/cpu"
"""What to install for torch tasks: a tenth of the size of what comes with CUDA."""


def torch_of(assignment: Assignment) -> str:
    """Return `TORCH` where a task needs it, else nothing."""
    return TORCH if any(task.framework.modules for task in assignment.tasks) else ""


def gradescope(source: Bundle, given: Install) -> Files:
    """The files of the archive."""
    return {
        "setup.sh": File(
            fill(
                "gradescope-setup.sh",
                install=words(given, '"$source"'),
                torch=torch_of(source.assignment),
            ),
            program=True,
        ),
        "run_autograder": runner("gradescope-run.sh", source, "$source"),
        **carried(given),
        **secrets(source),
    }


def runner(template: str, source: Bundle, folder: str) -> File:
    """The program that checks, where `secrets` are in a ``folder`` that a shell knows.

    It insists on a tier of isolation: beside keys that root alone can read, no root.
    """
    tier, keys = "0", "--no-reference"
    if source.reference:
        tier, keys = "3", f'--reference "{folder}/reference"'
    options = f'--assignment "{folder}/assignment/{source.assignment_file}" {keys}'
    return File(fill(template, options=options, tier=tier), program=True)


def secrets(source: Bundle) -> dict[str, File]:
    """The assignment and its model solutions, each in a folder of its own, closed to others."""
    return {
        **{f"assignment/{path}": File(text, secret=True) for path, text in source.files.items()},
        **{f"reference/{path}": File(text, secret=True) for path, text in source.reference.items()},
    }


SPACE = uuid.UUID("6f3e6f0e-6f39-5b7f-9c9c-6f6b1f5a7d10")
"""Of the questions' ids: the same task of the same assignment is the same question."""

SPARE_SECONDS = 30
"""For starting the container's Python, on top of the task's own limit."""

LONGEST = 600
"""Seconds that PrairieLearn allows a job."""


def prairielearn(source: Bundle, given: Install, image: str) -> Files:
    """The files of a course that belong to this assignment."""
    assignment = source.assignment
    shared = f"serverFilesCourse/gradkit/{assignment.id}"
    files = {
        "docker/Dockerfile": File(
            fill(
                "prairielearn.Dockerfile",
                copy="".join(f"COPY {name} /tmp/" for name in carried(given)),
                install=words(given, "/tmp"),  # noqa: S108  (in the image, which is ours alone)
                torch=torch_of(assignment),
            )
        ),
        **carried(given, "docker/"),
        f"{shared}/run.sh": runner("prairielearn-run.sh", source, "$here"),
        **{f"{shared}/{path}": file for path, file in secrets(source).items()},
    }
    every: tuple[Task | FunctionTask, ...] = (*assignment.tasks, *assignment.functions)
    for task in every:
        folder = f"questions/{assignment.id}/{task.id}"
        files[f"{folder}/info.json"] = File(_info(assignment, task, image))
        files[f"{folder}/question.html"] = File(
            fill("prairielearn-question.html", file=file_of(task))
        )
    return files


def _info(assignment: Assignment, task: Task | FunctionTask, image: str) -> bytes:
    info = {
        "uuid": str(uuid.uuid5(SPACE, f"{assignment.id}/{task.id}")),
        "title": task.title,
        "topic": assignment.title,
        "type": "v3",
        "gradingMethod": "External",
        "externalGradingOptions": {
            "enabled": True,
            "image": image,
            "serverFilesCourse": [f"gradkit/{assignment.id}/"],
            "entrypoint": [f"/grade/serverFilesCourse/gradkit/{assignment.id}/run.sh", task.id],
            "timeout": int(min(2 * task.deadline + SPARE_SECONDS, LONGEST)),
        },
    }
    return (json.dumps(info, indent=2) + "\n").encode()


HOME = ".gradkit"
"""Where the wheel, and an assignment of one's own, go in the students' repository."""


def classroom(source: Bundle, given: Install) -> Files:
    """The workflow, gradkit's wheel and, where it is not gradkit's own, the assignment."""
    option = f"--assignment {HOME}/{source.assignment_file}" if source.own else ""
    files = {
        ".github/workflows/classroom.yml": File(
            workflow(given, option, torch_of(source.assignment))
        ),
        **carried(given, f"{HOME}/"),
    }
    if source.own:
        files |= {f"{HOME}/{path}": File(text) for path, text in source.files.items()}
    return files


def workflow(given: Install, options: str = "", torch: str = TORCH) -> bytes:
    """The text of the workflow; ``options`` go to `gradkit check`."""
    return fill(
        "github-classroom.yml",
        install=words(given, HOME),
        torch=f"pip install {torch}" if torch else "",
        options=f" {options}" if options else "",
    )


def export_assignment(
    platform: str,
    out: Path,
    *,
    assignment: Path | None = None,
    reference: Path | None = None,
    no_reference: bool = False,
    install: str | None = None,
    image: str = "gradkit-grader",
) -> tuple[str, ...]:
    """Write what a platform needs to grade an assignment; nothing is overwritten.

    Parameters
    ----------
    platform : str
        ``gradescope`` (a zip), ``prairielearn``, ``github-classroom``, or ``wheel`` for gradkit
        alone (a folder each).
    out : Path
        The zip or folder to write.
    assignment : Path, optional
        An assignment file; by default gradkit's own assignment.
    reference : Path, optional
        Folder of the model solutions; by default the checkout's.
    no_reference : bool
        Leave model solutions out.
    install : str, optional
        What pip installs gradkit from; by default a wheel of the gradkit that runs.
    image : str
        PrairieLearn's name for the image.

    Returns
    -------
    tuple of str
        ``task/check`` of those of which nobody can tell there, without the model solution.

    Raises
    ------
    GradkitError
        Something is there already, cannot be written, or is lacking.

    Examples
    --------
    >>> from pathlib import Path
    >>> export_assignment("github-classroom", Path("classroom"))
    ()
    >>> sorted(str(path) for path in Path("classroom").rglob("*.yml"))
    ['classroom/.github/workflows/classroom.yml']
    """
    given = choose(install)
    if platform == "wheel":
        write_folder(wheel_alone(given), out)
        return ()
    keyless = no_reference or platform == "github-classroom"
    source = bundle(assignment, reference, keyless=keyless)
    if platform == "github-classroom":
        write_folder(classroom(source, given), out)
    elif platform == "prairielearn":
        write_folder(prairielearn(source, given, image), out)
    else:
        write_zip(gradescope(source, given), out)
    return source.untold
