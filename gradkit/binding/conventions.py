"""The conventions to try, most usual first, and what initialise tells of the student's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import product
from typing import Any, Literal

from gradkit.binding.match import plain
from gradkit.binding.returns import Leaves
from gradkit.records.binding import Convention, Layout, Orientation
from gradkit.records.task import Task

STYLES = (("W", "b"), ("w", "b"), ("W", "B"), ("w", "B"))
"""Spellings of the parameters' keys."""

LAYOUTS: tuple[tuple[Layout, Orientation, Orientation], ...] = (
    ("in_out", "column", "column"),
    ("out_in", "column", "column"),
    ("in_out", "row", "row"),
    ("in_out", "row", "flat"),
    ("in_out", "flat", "flat"),
    ("out_in", "row", "row"),
    ("out_in", "flat", "flat"),
)
"""Weights, vectors and biases as they go together: ``W.T @ A + b`` first."""


def unknown(task: Task) -> list[Convention]:
    """All conventions, for a submission whose initialise says nothing."""
    keys = task.starts[0].parameters
    return [
        Convention(
            {key: (style[0] if key[0] == "W" else style[1]) + key[1:] for key in keys},
            weights,
            vectors,
            biases,
        )
        for style, (weights, vectors, biases) in product(STYLES, LAYOUTS)
    ]


def stated(task: Task, tree: Any, leaves: Leaves) -> list[Convention]:
    """The conventions that agree with the parameters an initialise function returned.

    The shape of the last weight matrix fixes the layout of all of them, since a square one
    reads either way. Empty where what was returned are not the task's parameters.
    """
    entries = {
        plain(key): (key, item) for key, item in tree.get("dict", ()) if isinstance(key, str)
    }
    start = task.starts[0].parameters
    if not all(plain(key) in entries and "array" in entries[plain(key)][1] for key in start):
        return []
    keys = {key: entries[plain(key)][0] for key in start}
    shapes = {key: leaves[entries[plain(key)][1]["array"]].shape for key in start}
    layout = _weights(task, shapes)
    if layout is None:
        return []
    biases = _biases(task, shapes)
    orders: dict[Orientation, tuple[Orientation, ...]] = {
        "column": ("column", "row", "flat"),
        "row": ("row", "flat", "column"),
        "flat": ("flat", "row", "column"),
    }
    return [Convention(keys, layout, vectors, biases) for vectors in orders[biases]]


def _weights(task: Task, shapes: Mapping[str, tuple[int, ...]]) -> Layout | None:
    start = task.starts[0].parameters
    fits: dict[Layout, bool] = {"in_out": True, "out_in": True}
    for key, value in start.items():
        if key[0] == "W":
            fits["in_out"] &= shapes[key] == value.shape
            fits["out_in"] &= shapes[key] == value.shape[::-1]
    return next((layout for layout, right in fits.items() if right), None)


def _biases(task: Task, shapes: Mapping[str, tuple[int, ...]]) -> Orientation:
    """From the widest bias: one of a single unit is (1, 1) either way."""
    start = task.starts[0].parameters
    widest = max((key for key in start if key[0] == "b"), key=lambda key: start[key].size)
    size = start[widest].size
    orientations: dict[tuple[int, ...], Orientation] = {(1, size): "row", (size,): "flat"}
    return orientations.get(shapes[widest], "column") if size > 1 else "column"


OFFERS: tuple[tuple[Literal["scalar", "matrix"], Literal["array", "series"]], ...] = (
    ("scalar", "array"),
    ("matrix", "array"),
    ("scalar", "series"),
)
"""How y and y_hat, and X, are handed over: the first that is taken is the student's form."""


def variants(conventions: list[Convention]) -> Iterator[Convention]:
    """Each convention in the first offer, then each in the next."""
    for scalars, inputs in OFFERS:
        for convention in conventions:
            yield replace(convention, scalars=scalars, inputs=inputs)
