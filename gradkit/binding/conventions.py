"""List the conventions to try, and read the student's convention from returned values.

The structure and the size of a returned value decide, then the student's own key names. Its
numbers count in one case only: an input or parameter that is returned unchanged is not taken for
the hidden layer.
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
"""Spellings of the first letters of weight and bias keys."""

LAYOUTS: tuple[tuple[Layout, Orientation, Orientation], ...] = (
    ("in_out", "column", "column"),
    ("out_in", "column", "column"),
    ("in_out", "row", "row"),
    ("in_out", "row", "flat"),
    ("in_out", "flat", "flat"),
    ("out_in", "row", "row"),
    ("out_in", "flat", "flat"),
)
"""Layouts of weights, vectors and biases that can be combined: that of ``W.T @ A + b`` first."""


TRANSPOSED: Mapping[Layout, Layout] = {"in_out": "out_in", "out_in": "in_out"}
"""The layout of transposed weights, by the layout of the weights."""


def all_conventions(task: Task) -> list[Convention]:
    """Return all conventions, for a submission whose initialiser does not show its own."""
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


def conventions_of_start(task: Task, tree: Any, leaves: Leaves) -> list[Convention]:
    """Return the conventions that agree with the parameters an initialiser returned.

    All weights have one layout, as a square matrix alone would fit both. The list is empty if
    the returned values are not the task's parameters.
    """
    entries = {
        plain(key): (key, item) for key, item in tree.get("dict", ()) if isinstance(key, str)
    }
    start = task.starts[0].parameters
    if not all(plain(key) in entries and "array" in entries[plain(key)][1] for key in start):
        return []
    keys = {key: entries[plain(key)][0] for key in start}
    shapes = {key: leaves[entries[plain(key)][1]["array"]].shape for key in start}
    layout = _weight_layout(task, shapes)
    if layout is None:
        return []
    biases = _bias_orientation(task, shapes)
    # Vectors most often have the orientation of the biases, so it is tried first.
    vectors: list[Orientation] = sorted(("row", "flat", "column"), key=lambda each: each != biases)
    found = [Convention(keys, layout, each, biases) for each in vectors]
    if all("matrix" in entries[plain(key)][1] for key in start):
        # The code may rely on ``*`` as the matrix product. An np.matrix is never flat.
        matrices = [replace(one, arrays="matrix") for one in found if one.vectors != "flat"]
        return [*matrices, *found]
    return found


def transposed_conventions(stated: Sequence[Convention]) -> Iterator[list[Convention]]:
    """Yield the conventions with transposed weights, then those with other biases.

    `stated` are the conventions that agree with a start that may be wrong.
    """
    if not stated:
        return
    yield [replace(each, weights=TRANSPOSED[each.weights]) for each in stated]
    first = stated[0]
    yield [
        replace(first, vectors=vectors, biases=biases)
        for weights, vectors, biases in LAYOUTS
        if weights == first.weights and biases != first.biases
    ]


def _weight_layout(task: Task, shapes: Mapping[str, tuple[int, ...]]) -> Layout | None:
    """Return the layout that all weight matrices have; None if there is no such layout."""
    start = {key: value.shape for key, value in task.starts[0].parameters.items() if key[0] == "W"}
    if all(shapes[key] == shape for key, shape in start.items()):
        return "in_out"
    return "out_in" if all(shapes[key] == shape[::-1] for key, shape in start.items()) else None


def _bias_orientation(task: Task, shapes: Mapping[str, tuple[int, ...]]) -> Orientation:
    """Return the orientation of the widest bias: the bias of one unit is (1, 1) as row and column.

    A bias of one unit counts as a column.
    """
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
"""Forms in which y and y_hat, and X, are passed. The first that works is the student's form."""


def variants(conventions: list[Convention]) -> Iterator[Convention]:
    """Yield all conventions with the first form of `OFFERS`, then all with the next form."""
    for (scalars, inputs), convention in product(OFFERS, conventions):
        yield replace(convention, scalars=scalars, inputs=inputs)


# --- what a forward function returns -----------------------------------------------------

HIDDEN_KEYS = ("a1", "h1", "hidden", "h", "o1", "aprev", "out1")
"""Keys of the hidden layer in a returned dict, as `plain` spells them."""

OUTPUT_KEYS = ("a2", "al", "yhat", "ypred", "output", "out", "a3")
"""Keys of the network's output in a returned dict, as `plain` spells them."""

Leaves = Mapping[str, NDArray[Any]]
"""The arrays of a returned value, by the names that its description gives them."""


def find_returns(
    tree: Any, leaves: Leaves, inputs: Leaves, outputs: int, hidden: int
) -> dict[str, Path]:
    """Find the paths to ``y_hat`` and, if it is returned, ``A1`` in the result of ``forward``.

    Parameters
    ----------
    tree : JSON
        The structure of the returned value, as the worker describes it.
    leaves : mapping of arrays
        The arrays that the description names.
    inputs : mapping of arrays
        The arguments of the call.
    outputs, hidden : int
        Sizes of the last and the hidden layer.

    Returns
    -------
    dict
        Empty if no array has the size of the output. A pair of arrays is always read as
        (output, input of the last layer), because the task asks for this pair.
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
    """Return the first path whose last key is the first of `keys` that occurs."""
    named = {plain(p[-1]): p for p in reversed(paths) if p and isinstance(p[-1], str)}
    return next((named[key] for key in keys if key in named), None)
