"""Fill the templates of an assignment's starter files, notebook, READMEs and model solutions.

The templates are for nets with one hidden layer and one output, since `update_parameters` is
written for these. A model solution looks hand-written and imports nothing of gradkit, so that it
can be checked like any other code.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from textwrap import dedent
from typing import Any

from gradkit.authoring.export import Install, module, words
from gradkit.records.task import Array, Assignment, Task
from gradkit.task.network import ACTIVATIONS
from gradkit.task.probes import whole
from gradkit.templates import fill

LINE = 60
"""Largest number of characters of data on one line."""

COUNTS = ("no", "one", "two", "three", "four", "five")
"""Small numbers in words."""

OWN = 'ASSIGNMENT = "assignment/assignment.toml"  # upload the folder beside this notebook'
"""Line of a notebook that names the course's assignment file."""

CARRIED = "# gradkit itself is the file beside this notebook: in Colab, upload it there first.\n"
"""Line of a notebook that explains the wheel beside it."""


def text_of(template: str, **values: object) -> str:
    """Fill a template of this package."""
    return fill("gradkit.authoring.new", f"{template}.jinja", **values)


def facts(task: Task) -> dict[str, Any]:
    """Collect the values that the templates use for a task: formulas, sizes, rates and data."""
    *features, target = task.columns
    hidden, output = (layer.activation for layer in task.layers)
    n, h, o = task.X.shape[1], *(layer.units for layer in task.layers)
    squared, framework = task.loss == "squared_error", task.framework
    layers = ["linear", hidden, "linear", output]
    # A linear activation is not named.
    named = [name for place, name in enumerate(layers) if place % 2 == 0 or name != "linear"]
    listed = f"{', '.join(features[:-1])} and {features[-1]}"
    weight, bias, *_ = task.starts[0].parameters.values()
    return {
        "id": task.id,
        "framework": framework.name,
        "by_hand": not framework.trains,
        "problem": task.id.partition("-")[0],
        "heading": f"{task.title.partition(' in ')[0]} with {framework.title}",
        "module": module(task),
        "net": f"{n}-{h}-{o}",
        "story": f"Predict {target}, {'a number' if squared else '0 or 1'}, from {listed}.",
        "stack": ", ".join(named).capitalize(),
        "count": COUNTS[5 if "sigmoid" in layers else 4],
        "activations": ACTIVATIONS,
        "weight": float(weight[0, 0]),
        "bias": float(bias[0, 0]),
        "weight_rate": f"{task.rates.weight:g}",
        "bias_rate": f"{task.rates.bias:g}",
        "epochs": task.epochs,
        "examples": literal(task.X, floats=framework.trains),
        "targets": literal(task.y[:, 0], floats=framework.trains),
        **{"n": n, "h": h, "o": o, "hidden": hidden, "output": output, "squared": squared},
        **{"features": features, "target": target},
    }


def starter(task: Task, option: str = "") -> str:
    """Write the starter of a task: functions without bodies, and a loop that runs them.

    ``option`` is added to the command in its text that checks the file.
    """
    return text_of(f"starter_{task.framework.name}", option=option, **facts(task))


def tests(assignment: Assignment) -> str:
    """Write a test file without gradkit's checks, as a start for instructors' own tests."""
    tasks = [facts(task) for task in _in_order(assignment)]
    numpy = [task for task in tasks if task["by_hand"]]
    return text_of("tests", tasks=tasks, numpy=numpy)


def solution(task: Task) -> str:
    """Write the model solution of a task."""
    return text_of(f"solution_{task.framework.name}", **facts(task))


def readme(assignment: Assignment, given: Install, *, own: bool = False) -> str:
    """Write the README of a student's folder.

    Parameters
    ----------
    assignment : Assignment
    given : Install
        Argument of ``pip install`` for gradkit.
    own : bool
        Whether the assignment is not gradkit's default, so that its file is needed to check.
    """
    wheel = None if given.wheel is None else given.what
    return text_of("student", install=words(given), wheel=wheel, own=own, **_overall(assignment))


def notebook(assignment: Assignment, given: Install, *, own: bool = False) -> str:
    """Write the starter notebook in JSON: the parts of each starter file, and a check of it.

    Parameters
    ----------
    assignment, given, own
        As in `readme`.
    """
    cells: list[NewCell] = []
    for task in _in_order(assignment):
        cells.append(("markdown", task.id, text_of("part", **facts(task)).rstrip("\n")))
        parts = {**_parts(starter(task)), "check": check_of(task.id, own=own)}
        if not task.framework.trains:
            del parts["imports"]
        cells += [("code", f"{task.id}-{name}", text) for name, text in parts.items()]
    introduction = text_of("introduction", **_overall(assignment)).rstrip("\n")
    return written(introduction, given, cells, own=own)


NewCell = tuple[str, str, str]
"""Kind, id and text of a cell."""


def check_of(task: str, *, own: bool) -> str:
    """Return the line of a notebook that checks a task."""
    where = ", assignment=ASSIGNMENT" if own else ""
    return f'gradkit.check(task="{task}"{where})'


def written(introduction: str, given: Install, cells: Iterable[NewCell], *, own: bool) -> str:
    """Write a notebook in JSON: an introduction, a cell that installs gradkit, and other cells.

    ``own`` adds the path of the assignment file, if it is not gradkit's default assignment.
    """
    import nbformat.v4

    v4: Any = nbformat.v4
    setup = f"%pip install -q {words(given)}\n\nimport gradkit\nimport numpy as np"
    setup = f"{'' if given.wheel is None else CARRIED}{setup}" + (f"\n\n{OWN}" if own else "")
    first = (("markdown", "introduction", introduction), ("code", "imports", setup))
    make = {"markdown": v4.new_markdown_cell, "code": v4.new_code_cell}
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    all_cells = [make[kind](text, id=name) for kind, name, text in (*first, *cells)]
    notebook = v4.new_notebook(cells=all_cells, metadata=metadata, nbformat_minor=5)
    return f"{v4.writes(notebook)}\n"


def _parts(text: str) -> dict[str, str]:
    """Divide a starter into its imports, its definitions by name, and the loop that runs them.

    The keys are ``imports``, the names, and ``run`` for the indented body below ``if``. The first
    statement, the docstring, is left out.
    """
    _, *statements = ast.parse(text).body
    lines = text.splitlines()
    parts: dict[str, str] = {}
    for node in statements:
        first = node.lineno + isinstance(node, ast.If) - 1
        kind = "run" if isinstance(node, ast.If) else getattr(node, "name", "imports")
        source = dedent("\n".join(lines[first : node.end_lineno]))
        parts[kind] = "\n".join(filter(None, (parts.get(kind), source)))
    return parts


def _overall(assignment: Assignment) -> dict[str, Any]:
    """Collect the values that the templates use for all tasks together.

    ``rates`` has the learning rates of the numpy tasks in words, with a task for each.
    """
    tasks = [facts(task) for task in _in_order(assignment)]
    rates = {
        f"{task['weight_rate']} for weights, {task['bias_rate']} for biases": task
        for task in tasks
        if task["by_hand"]
    }
    count = COUNTS[len(tasks)]
    return {"title": assignment.title, "tasks": tasks, "rates": rates, "count": count}


def _in_order(assignment: Assignment) -> list[Task]:
    """Sort tasks in the order in which students solve them: numpy before torch."""
    return sorted(assignment.tasks, key=lambda task: task.framework.trains)


def literal(values: Array, *, floats: bool = False) -> str:
    """Write an array as a Python list, whole numbers without a point unless ``floats``.

    A list that is too long for a line has a line for each row.
    """
    listed = values.tolist() if floats else whole(values).tolist()
    text = repr(listed)
    if len(text) <= LINE or values.ndim == 1:
        return text
    return "".join(["[\n", *(f"    {row},\n" for row in listed), "]"])
