"""Questions for a PrairieLearn course: one for each task, graded outside.

``serverFilesCourse/gradkit/ID`` holds the assignment, its model solutions and the script that
grades; ``questions/ID/TASK`` one question for each task. Students upload one file,
named as the task is. The image is built of ``docker/Dockerfile``, since graders have no network.
"""

from __future__ import annotations

import json
import uuid

from gradkit.authoring.export.bundle import Bundle, File, Files
from gradkit.authoring.export.gradescope import TORCH, secrets, tier
from gradkit.authoring.export.install import Install, carried, words
from gradkit.authoring.export.template import fill
from gradkit.records.task import Assignment, Task

SPACE = uuid.UUID("6f3e6f0e-6f39-5b7f-9c9c-6f6b1f5a7d10")
"""Of the questions' ids: the same task of the same assignment is the same question."""

SPARE_SECONDS = 30
"""For starting the container's Python, on top of the task's own limit."""

LONGEST = 600
"""Seconds that PrairieLearn allows a job."""


def prairielearn(source: Bundle, given: Install, image: str) -> Files:
    """The files of a course that belong to this assignment."""
    assignment = source.assignment
    torch = any(task.framework == "torch" for task in assignment.tasks)
    shared = f"serverFilesCourse/gradkit/{assignment.id}"
    keys = '--reference "$here/reference"' if source.reference else "--no-reference"
    options = f'--assignment "$here/assignment/{source.assignment_file}" {keys}'
    files = {
        "docker/Dockerfile": File(
            fill(
                "prairielearn.Dockerfile",
                copy="".join(f"COPY {name} /tmp/" for name in carried(given)),
                install=words(given, "/tmp"),  # noqa: S108  (in the image, which is ours alone)
                torch=TORCH if torch else "",
            )
        ),
        **carried(given, "docker/"),
        f"{shared}/run.sh": File(
            fill("prairielearn-run.sh", options=options, tier=tier(source)), program=True
        ),
        **{f"{shared}/{path}": file for path, file in secrets(source).items()},
    }
    for task in assignment.tasks:
        folder = f"questions/{assignment.id}/{task.id}"
        files[f"{folder}/info.json"] = File(_info(assignment, task, image))
        files[f"{folder}/question.html"] = File(
            fill("prairielearn-question.html", file=file_name(task))
        )
    return files


def file_name(task: Task) -> str:
    """What the student's file for a task is called."""
    return f"{task.id.replace('-', '_')}.py"


def _info(assignment: Assignment, task: Task, image: str) -> bytes:
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
