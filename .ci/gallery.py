"""Write docs/exercises.md, and the list of the functions by which an exercise is recognised.

    .venv/bin/python .ci/gallery.py

``gradkit/assignments/names.txt`` has the functions that only one exercise asks for.
"""

from collections.abc import Iterator
from pathlib import Path

from gradkit.grading.recognise import characteristic, shared_functions
from gradkit.records.task import FunctionTask, Task
from gradkit.task.assignment import NAMES, exercises, read_assignment, read_gallery

PAGE = Path(__file__).resolve().parents[1] / "docs" / "exercises.md"

HEAD = """\
# Exercises that come with gradkit

`gradkit check` and `gradkit grade` recognise these exercises by their functions. If that is
ambiguous, `--assignment NAME` names one. `gradkit new --exercise layers hw` writes starter files,
whose docstrings state shapes and conventions. `gradkit list --assignment layers` lists tasks and
points. Variants from different years of a course are accepted, such as half of `reg * sum(W²)`, or
a division by the batch in `Linear` instead of the loss. [Your own exercise](own-exercise.md).

| name | exercise | students write | points |
|---|---|---|---|
"""


def page() -> str:
    """Return the page of exercises: a row for each, with its functions and its points."""
    return HEAD + "".join(_row(name, file) for name, file in exercises().items())


def _row(name: str, file: Path) -> str:
    """Return the row of an exercise in a Markdown table: name, title, functions and points."""
    exercise = read_assignment(file)
    tasks = (*exercise.tasks, *exercise.functions)
    points = sum(check.points for task in tasks for check in task.checks)
    asked = dict.fromkeys(function for task in tasks for function in _asked(task))
    functions = ", ".join(f"`{function}`" for function in asked)
    return f"| `{name}` | {exercise.title} | {functions} | {points:g} |\n"


def _asked(task: Task | FunctionTask) -> Iterator[str]:
    """Yield the functions and classes of a task; a method stands for its class."""
    if isinstance(task, FunctionTask):
        for call in task.calls:
            yield call.function.partition(".")[0]
    else:
        for role in task.roles:
            if role.required:
                yield role.signature.partition("(")[0].removeprefix("class ")


def characteristic_names() -> str:
    """Return the functions and classes that identify an exercise, one on a line."""
    tasks = [task for exercise in read_gallery() for task in exercise.functions]
    roles = {a for task in read_assignment().tasks for role in task.roles for a in role.aliases}
    shared = shared_functions(tasks, roles)
    names = set()
    for task in tasks:
        for name in characteristic(task, {call.function for call in task.calls}, shared):
            function = name.partition(".")[0]
            names |= {function, *task.names.get(function, ())}
    return "".join(f"{name}\n" for name in sorted(names))


if __name__ == "__main__":
    NAMES.write_text(characteristic_names(), encoding="utf-8")
    PAGE.write_text(page(), encoding="utf-8")
    print(f"{NAMES.name}: {len(NAMES.read_text(encoding='utf-8').split())} names")
