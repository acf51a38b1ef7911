"""Write what is said of the shipped exercises: docs/exercises.md, and the list of their names.

    .venv/bin/python .ci/gallery.py

``gradkit/assignments/names.txt`` holds what only one of them asks for.
"""

from itertools import takewhile
from pathlib import Path

from gradkit.grading.claim import is_class_alone, shared_functions
from gradkit.records.task import FunctionTask, Task
from gradkit.task.assignment import read_assignment, read_gallery
from gradkit.task.shipped import NAMES, exercises

PAGE = Path(__file__).resolve().parents[1] / "docs" / "exercises.md"

HEAD = """\
# Exercises that come with gradkit

`gradkit check` and `gradkit grade` recognise them by their functions. `gradkit list` shows them,
`gradkit new --exercise layers hw` writes what a student starts from, and `--assignment layers` says
which is meant where that is a doubt. This page is written by `.ci/gallery.py` from the assignment
files. One of your own: [here](own-exercise.md).
"""


def page() -> str:
    """Return the page of exercises: for each what it teaches, its functions and its points."""
    parts = [HEAD]
    for name, file in exercises().items():
        exercise = read_assignment(file)
        tasks = (*exercise.tasks, *exercise.functions)
        points = sum(check.points for task in tasks for check in task.checks)
        lines = file.read_text(encoding="utf-8").splitlines()
        comment = " ".join(
            line.removeprefix("#").strip() for line in takewhile(lambda one: one[:1] == "#", lines)
        )
        rows = [f"| {task.title} | {_asked(task)} | {_worth(task):g} |" for task in tasks]
        parts += [f"\n## {exercise.title}\n", f"`{name}`, {points:g} points. {comment}\n"]
        parts += ["| task | asks for | points |\n|---|---|---|", *rows]
    return "\n".join(parts) + "\n"


def _asked(task: Task | FunctionTask) -> str:
    """Return the functions of a task."""
    if isinstance(task, FunctionTask):
        names = dict.fromkeys(call.function for call in task.calls)
        classes = {name.partition(".")[0] for name in names if "." in name}
        return ", ".join(f"`{name}`" for name in names if name not in classes)
    return ", ".join(f"`{role.signature}`" for role in task.roles if role.required)


def _worth(task: Task | FunctionTask) -> float:
    return sum(check.points for check in task.checks)


def characteristic() -> str:
    """Return the names of functions and classes, one on a line."""
    tasks = [task for exercise in read_gallery() for task in exercise.functions]
    roles = {a for task in read_assignment().tasks for role in task.roles for a in role.aliases}
    shared = shared_functions(tasks, roles)
    names = set()
    for task in tasks:
        for call in task.calls:
            name = call.function
            if name not in shared and not is_class_alone(name, task):
                function = name.partition(".")[0]
                names |= {function, *task.names.get(function, ())}
    return "".join(f"{name}\n" for name in sorted(names))


if __name__ == "__main__":
    NAMES.write_text(characteristic(), encoding="utf-8")
    PAGE.write_text(page(), encoding="utf-8")
    print(f"{NAMES.name}: {len(NAMES.read_text(encoding='utf-8').split())} names")
