"""Find output and hidden layer in whatever a forward function returns.

Structure and size decide, then the student's own key names; values never do, except that
an input or a parameter handed back is not taken for the hidden layer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradkit.binding.match import plain
from gradkit.records.binding import Path

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
    arrays = list(_arrays(tree, ()))
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


def _arrays(tree: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if "array" in tree:
        yield path, tree["array"]
    for index, item in enumerate(tree.get("list", ())):
        yield from _arrays(item, (*path, index))
    for key, item in tree.get("dict", ()):
        yield from _arrays(item, (*path, key))


def _named(paths: list[Path], keys: tuple[str, ...]) -> Path | None:
    for key in keys:
        for path in paths:
            if path and isinstance(path[-1], str) and plain(path[-1]) == key:
                return path
    return None
