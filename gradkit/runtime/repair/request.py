"""Answer a request for changes."""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gradkit.edits.operands import ModelPart, Vocabulary
from gradkit.edits.rows import read_table
from gradkit.edits.text import Reference
from gradkit.runtime.repair.clock import Budget
from gradkit.runtime.repair.pool import Array, Part, Pool, Question, Throwaway, entries_of, like
from gradkit.runtime.repair.search import Search, Text

# A server imports this module once, and forks a process for each search.
read_table()


def propose(
    namespace: dict[str, Any], data: Mapping[str, Any], arrays: Mapping[str, Array]
) -> tuple[list[dict[str, Any]], int]:
    """Search for changes as a request describes; return references as plain data, and the cost.

    The cost is the part of the budget that was spent.

    Parameters
    ----------
    namespace : dict
        The student's names.
    data : mapping
        ``sources``: the text of cells. ``places``, ``near``, ``only``, ``kinds``, ``most``,
        ``refused``: see `Search`. ``functions``, ``reads``, ``untouched``, ``seed``: see
        `Question`. ``budget``: see `Budget`.
        ``draws``: for each the tree of its ``inputs``, its ``steps`` as in
        `gradkit.runtime.call.run_steps`, the names of the ``right`` arrays, its ``sizes``, and the
        ``shapes`` of the model's values, which are concatenated in the array ``pool/NUMBER``.
        ``parts``: see `Part`. ``words``, ``numbers``, ``factors``: see
        `gradkit.edits.operands.Vocabulary`.
    arrays : mapping of arrays
        The arrays of all trees.
    """
    parts = [
        Part(text, role, tuple((leaf, tuple(numbers)) for leaf, numbers in leaves), tuple(own))
        for text, role, leaves, own in data["parts"]
    ]
    own = (ModelPart(p.text, p.role, tuple(leaf for leaf, _ in p.leaves)) for p in parts)
    numbers, factors = (tuple(map(ast.literal_eval, data[name])) for name in ("numbers", "factors"))
    draws = []
    budget = Budget(data["budget"])
    for number, draw in enumerate(data["draws"]):
        values = _apart(arrays[f"pool/{number}"], draw["shapes"])
        draws.append(
            Throwaway(
                {"tree": draw["inputs"], "arrays": arrays},
                [(text, put) for text, put in draw["steps"]],
                [arrays[name].astype(float) for name in draw["right"]],
                Pool(values, entries_of(values, draw["sizes"]), like(values, draw["sizes"]), parts),
            )
        )
    places = [(cell, line, right) for cell, line, right in data["places"]]
    search = Search(
        namespace,
        Text(data["sources"], places, [(cell, line) for cell, line in data["near"]]),
        data["only"],
        frozenset(data["kinds"]),
        data["most"],
        Question(data["functions"], draws, data["reads"], data["untouched"], data["seed"]),
        {reference_from(each) for each in data["refused"]},
        Vocabulary(tuple(data["words"]), numbers, factors, tuple(own)),
        budget,
    )
    found = search.proposals()
    return [data_of(each.reference) for each in found], budget.spent


def data_of(reference: Reference) -> dict[str, Any]:
    """Return a reference as plain data, which `reference_from` reads."""
    operands = [list(each) for each in reference.operands]
    names = ("cell", "row", "slot", "within")
    return {**{name: getattr(reference, name) for name in names}, "operands": operands}


def reference_from(data: Mapping[str, Any]) -> Reference:
    """Return the reference that plain data describes."""
    operands = tuple(tuple(each) for each in data["operands"])
    return Reference(data["cell"], data["row"], data["slot"], data["within"], operands)


def _apart(flat: Array, shapes: Sequence[Sequence[int]]) -> list[Array]:
    """Split concatenated values into arrays of the given shapes."""
    ends = np.cumsum([math.prod(shape) for shape in shapes], dtype=int)
    parts = zip(np.split(flat, ends), shapes, strict=False)
    return [part.reshape(shape) for part, shape in parts]
