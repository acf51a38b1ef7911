"""List the conventions to try, and read the student's own from what functions return.

Structure and size of a returned value decide, then the student's own key names; values never
do, except that an input or a parameter handed back is not taken for the hidden layer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any, Literal

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from gradkit.records.observations import Convention, Layout, Orientation, Path
from gradkit.records.task import Task
from gradkit.runtime.statements import plain
from gradkit.sandbox.observe import arrays_of

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


TURNED: Mapping[Layout, Layout] = {"in_out": "out_in", "out_in": "in_out"}
"""How else weights may lie."""


def unknown(task: Task) -> list[Convention]:
    """Return all conventions, for a submission whose initialise says nothing."""
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
    """Return the conventions that agree with the parameters an initialise function returned.

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
    # Vectors lie as biases do, or else otherwise.
    vectors: list[Orientation] = sorted(("row", "flat", "column"), key=lambda each: each != biases)
    found = [Convention(keys, layout, each, biases) for each in vectors]
    if all("matrix" in entries[plain(key)][1] for key in start):
        # The code may rely on the product of matrices that their ``*`` is. No matrix is flat.
        matrices = [replace(one, arrays="matrix") for one in found if one.vectors != "flat"]
        return [*matrices, *found]
    return found


def otherwise(told: Sequence[Convention]) -> Iterator[list[Convention]]:
    """Yield what a start may have been meant to be: with weights, or with biases, that lie so."""
    if not told:
        return
    yield [replace(each, weights=TURNED[each.weights]) for each in told]
    first = told[0]
    yield [
        replace(first, vectors=vectors, biases=biases)
        for weights, vectors, biases in LAYOUTS
        if weights == first.weights and biases != first.biases
    ]


def _weights(task: Task, shapes: Mapping[str, tuple[int, ...]]) -> Layout | None:
    start = {key: value.shape for key, value in task.starts[0].parameters.items() if key[0] == "W"}
    if all(shapes[key] == shape for key, shape in start.items()):
        return "in_out"
    return "out_in" if all(shapes[key] == shape[::-1] for key, shape in start.items()) else None


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
    for (scalars, inputs), convention in product(OFFERS, conventions):
        yield replace(convention, scalars=scalars, inputs=inputs)


# --- what a forward function returns -----------------------------------------------------

HIDDEN_KEYS = ("a1", "h1", "hidden", "h", "o1", "aprev", "out1")
OUTPUT_KEYS = ("a2", "al", "yhat", "ypred", "output", "out", "a3")

Leaves = Mapping[str, NDArray[Any]]


def find_returns(
    tree: Any, leaves: Leaves, inputs: Leaves, outputs: int, hidden: int
) -> dict[str, Path]:
    """Paths to ``y_hat`` and, where it is returned, ``A1``.

    Parameters
    ----------
    tree : JSON
        The structure that came back, as the worker describes it.
    leaves : mapping of arrays
        The arrays that the description names.
    inputs : mapping of arrays
        What was handed over.
    outputs, hidden : int
        Sizes of the last and the hidden layer.

    Returns
    -------
    dict
        Empty where no output of the right size is to be found. A plain pair is read as
        (output, input of the last layer) whatever its sizes: that is what was asked for.
    """
    arrays = list(arrays_of(tree))
    sized = {path: leaves[name].size for path, name in arrays}
    if "array" in tree:
        return {"y_hat": ()} if sized[()] == outputs else {}
    items = tree.get("list")
    if items is not None and len(items) == 2 and all("array" in item for item in items):
        return {"y_hat": (0,), "A1": (1,)} if outputs in sized.values() else {}
    results = [path for path, _ in arrays if sized[path] == outputs]
    leads = items is not None and (0,) in results
    output = (0,) if leads else _named(results, OUTPUT_KEYS) or (results[-1] if results else None)
    if output is None:
        return {}
    found: dict[str, Path] = {"y_hat": output}
    own = {value.tobytes() for value in inputs.values() if value.dtype == np.float64}
    middle = [
        path
        for path, name in arrays
        if sized[path] == hidden
        and path != output
        and leaves[name].real.astype(np.float64).tobytes() not in own
    ]
    if middle:
        # A tuple that begins with the output runs backwards through the layers.
        flat = leads and items is not None and all("array" in item for item in items)
        found["A1"] = _named(middle, HIDDEN_KEYS) or middle[0 if flat else -1]
    return found


def _named(paths: list[Path], keys: tuple[str, ...]) -> Path | None:
    named = {plain(p[-1]): p for p in reversed(paths) if p and isinstance(p[-1], str)}
    return next((named[key] for key in keys if key in named), None)
