"""The starter notebook: the parts of the starter files, a check below each, for Colab too."""

from __future__ import annotations

import json
from typing import Any

from gradkit.authoring.export.install import Install
from gradkit.authoring.export.install import words as install_words
from gradkit.authoring.new import starter, words
from gradkit.records.task import Assignment, Task

OWN = 'ASSIGNMENT = "assignment/assignment.toml"  # upload the folder beside this notebook'

CARRIED = "# gradkit itself is the file beside this notebook: in Colab, upload it there first."

INTRODUCTION = """# {title}

{count} parts. Replace every `raise NotImplementedError`, then run the cells of a part
from top to bottom. The cells of one part may use what the first cell imports and
nothing from another part. The last cell of each part checks what you have so far; run
a part again from its top before you check it again.

What is graded:

- All gradients are taken at the parameters that made the prediction: compute all of
  them before you change any parameter.
{rates}
- The squared error $(y-\\hat y)^2$ has no ½ in front, so its derivative carries a
  factor 2.
- Your functions are called with inputs and starting parameters that you have not seen.

What the checks say is provisional. Your instructor's grade is final."""


def notebook(assignment: Assignment, given: Install, *, own: bool = False) -> str:
    """The notebook as JSON.

    Parameters
    ----------
    assignment : Assignment
    given : Install
    own : bool
        Whether it is another than gradkit's, and its file is needed to check.
    """
    setup = f"%pip install -q {install_words(given)}\n\nimport gradkit\nimport numpy as np"
    if given.wheel is not None:
        setup = f"{CARRIED}\n{setup}"
    cells = [
        _markdown("introduction", introduction(assignment)),
        _code("imports", f"{setup}\n\n{OWN}" if own else setup),
    ]
    for task in words.ordered(assignment):
        about = f"# {words.heading(task)}\n\n{_about(task)}"
        cells.append(_markdown(task.id, about))
        if task.framework == "torch":
            cells.append(_code(f"{task.id}-imports", starter.imports(task)))
        for text in starter.definitions(task):
            name = text.replace("(", " ").replace(":", " ").split()[1]
            cells.append(_code(f"{task.id}-{name}", text))
        where = ", assignment=ASSIGNMENT" if own else ""
        cells.append(_code(f"{task.id}-run", starter.run(task)))
        cells.append(_code(f"{task.id}-check", f'gradkit.check(task="{task.id}"{where})'))
    data = {
        "cells": cells,
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(data, indent=1, ensure_ascii=False) + "\n"


def introduction(assignment: Assignment) -> str:
    """Write what the notebook asks for, and what is graded."""
    rates = {
        f"{task.rates.weight:g} for weights, {task.rates.bias:g} for biases": words.heading(task)
        for task in assignment.tasks
        if task.framework == "numpy"
    }
    told = (
        [f"- NumPy: learning rate {next(iter(rates))}."]
        if len(rates) == 1
        else [f"- {title}: learning rate {text}." for text, title in rates.items()]
    )
    count = words.COUNTS[len(assignment.tasks)].capitalize()
    return INTRODUCTION.format(title=assignment.title, count=count, rates="\n".join(told))


def _about(task: Task) -> str:
    if task.framework == "numpy":
        return f"{words.story(task)}\n\n$${words.tex(task)}$$"
    loss = "mean squared error" if task.loss == "squared_error" else "binary cross-entropy"
    return (
        f"{words.story(task)} The network is {words.stack(task).lower()}, with autograd: SGD on "
        f"all examples at once, {loss}, {task.epochs} epochs at learning rate "
        f"{task.rates.weight:g}."
    )


def _markdown(name: str, text: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "id": name, "metadata": {}, "source": _lines(text)}


def _code(name: str, text: str) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "execution_count": None,
        "id": name,
        "metadata": {},
        "outputs": [],
        "source": _lines(text),
    }


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)
