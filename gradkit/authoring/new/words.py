"""Describe a task to students: its formulas, sizes, rates and data, as text.

Everything here is for nets of one hidden layer and one output, which is what
`update_parameters` can be written for.
"""

from __future__ import annotations

from collections.abc import Mapping

from gradkit.records.task import Array, Assignment, Task
from gradkit.task.activations import ACTIVATIONS
from gradkit.task.probes import whole

FRAMEWORKS: Mapping[str, str] = {"numpy": "NumPy", "torch": "PyTorch"}

LOSSES: Mapping[str, str] = {
    "squared_error": "(y − ŷ)²",
    "binary_cross_entropy": "the binary cross-entropy −y·log(ŷ) − (1 − y)·log(1 − ŷ)",
}
"""The loss of one example."""

SHORT: Mapping[str, str] = {
    "squared_error": "(y − ŷ)²",
    "binary_cross_entropy": "binary cross-entropy",
}

LINE = 60
"""Characters of data that stand on one line."""

COUNTS = ("no", "one", "two", "three", "four", "five")


def ordered(assignment: Assignment) -> tuple[Task, ...]:
    """The tasks as students do them: by hand first."""
    return tuple(sorted(assignment.tasks, key=lambda task: task.framework != "numpy"))


def heading(task: Task) -> str:
    """``Regression with NumPy``."""
    return f"{task.title.partition(' in ')[0]} with {FRAMEWORKS[task.framework]}"


def module(task: Task) -> str:
    """The name of its file, without the ending."""
    return task.id.replace("-", "_")


def sizes(task: Task) -> tuple[int, int, int]:
    """Inputs, hidden units, outputs."""
    return task.X.shape[1], task.layers[0].units, task.layers[1].units


def net(task: Task) -> str:
    """``2-2-1``."""
    return "-".join(map(str, sizes(task)))


def units(count: int, what: str) -> str:
    """``1 output``, ``3 hidden units``."""
    return f"{count} {what}" + ("" if count == 1 else "s")


def activations(task: Task) -> tuple[str, str]:
    """Return the activations of the hidden layer and of the output."""
    return task.layers[0].activation, task.layers[1].activation


def alike(task: Task) -> bool:
    """True where both layers have one activation, which then belongs to the layer function."""
    hidden, output = activations(task)
    return hidden == output


def story(task: Task) -> str:
    """Say what is predicted from what: ``Predict lpa, a number, from cgpa and resume_score.``."""
    *features, target = task.columns
    listed = ", ".join(features[:-1]) + f" and {features[-1]}"
    what = "a number" if task.loss == "squared_error" else "0 or 1"
    return f"Predict {target}, {what}, from {listed}."


def formulas(task: Task) -> tuple[str, str]:
    """The two layers as formulas."""
    hidden, output = (ACTIVATIONS[name].sign for name in activations(task))
    first, second = "W1ᵀ·X + b1", "W2ᵀ·A1 + b2"
    return (
        f"A1 = {hidden}({first})" if hidden else f"A1 = {first}",
        f"ŷ  = {output}({second})" if output else f"ŷ  = {second}",
    )


def tex(task: Task) -> str:
    """Write the two layers and the loss in TeX, for a notebook."""
    hidden, output = (ACTIVATIONS[name].tex for name in activations(task))
    first, second = "W_1^\\top X + b_1", "W_2^\\top A_1 + b_2"
    loss = {
        "squared_error": "(y-\\hat y)^2",
        "binary_cross_entropy": "-y\\log\\hat y-(1-y)\\log(1-\\hat y)",
    }[task.loss]
    return " \\qquad ".join(
        (
            f"A_1 = {hidden}({first})" if hidden else f"A_1 = {first}",
            f"\\hat y = {output}({second})" if output else f"\\hat y = {second}",
            f"L = {loss}",
        )
    )


def stack(task: Task) -> str:
    """``Linear, sigmoid, linear, sigmoid``."""
    parts = [p for name in activations(task) for p in ("linear", name)]
    named = [p for i, p in enumerate(parts) if i % 2 == 0 or p != "linear"]
    text = ", ".join(named)
    return text[:1].upper() + text[1:]


def begins(task: Task) -> tuple[float, float]:
    """Weight and bias of the even start that `initialise_parameters` returns."""
    start = task.starts[0].parameters
    return float(start["W1"][0, 0]), float(start["b1"][0, 0])


def literal(values: Array, *, floats: bool = False) -> str:
    """Numbers as they are typed, whole ones without a point unless ``floats``.

    What is too long for a line has a line for each row.
    """
    listed = values.tolist() if floats else whole(values).tolist()
    text = repr(listed)
    if len(text) <= LINE or values.ndim == 1:
        return text
    return "".join(["[\n", *(f"    {row},\n" for row in listed), "]"])
