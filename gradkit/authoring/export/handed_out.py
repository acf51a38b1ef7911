"""Write an assignment file as students may read it.

What tells the answer is left out. Where students have no model solution, what it gives at a few
inputs stands for it: numbers, from which nobody reads how they are made.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import partial
from json import dumps
from pathlib import Path
from typing import Any

import numpy as np

from gradkit.records.task import FunctionCheck
from gradkit.task.assignment import AssignmentError, read_assignment
from gradkit.task.draws import draws
from gradkit.task.functions import INPUT, literal
from gradkit.task.solution import Solution, load_solution

HEAD = "# Written by gradkit from the course's own file, without what tells the answers.\n"


def handed_out(path: Path, reference: Path | None) -> tuple[bytes, tuple[str, ...]]:
    """Write an assignment for students.

    Parameters
    ----------
    path : Path
        The assignment file, which has been read before.
    reference : Path or None
        The folder of the model solutions, for examples of what they give.

    Returns
    -------
    bytes
        The file as it is, where it tells nothing and lacks nothing.
    tuple of str
        ``task/check`` of those of which nobody can tell without a model solution.

    Raises
    ------
    OracleError
        A model solution cannot be used.
    """
    text = path.read_bytes()
    data = tomllib.loads(text.decode())
    tables = {table["id"]: table for table in data["tasks"]}
    changed, untold = False, []
    for task in read_assignment(path).functions:
        # It quotes the model solution.
        changed |= tables[task.id].pop("equivalent", None) is not None
        solution = load_solution(task, reference) if reference is not None else None
        for entry, check in zip(tables[task.id]["checks"], task.checks, strict=True):
            told = {name for each in check.examples for name in each.values}
            lacking = [name for name in check.compare if name not in told]
            if made := list(_made(solution, check, lacking)):
                entry["examples"] = [*entry.get("examples", ()), *made]
                changed = True
            elif {*lacking} - check.gradient.keys():
                untold.append(f"{task.id}/{check.name}")
    return (HEAD + _written(data)).encode() if changed else text, tuple(untold)


def _made(solution: Solution | None, check: FunctionCheck, outputs: list[str]) -> Iterator[Any]:
    """Yield examples of what the model solution gives, at inputs that a file can hold."""
    # By another convention other numbers are right.
    if solution is None or check.conventions or not outputs:
        return
    # Two random ones, of other sizes, and what is hard.
    for draw in list(draws(solution.task, 0))[1:]:
        made = solution.make(check, draw).values
        example = {"inputs": draw.values, "values": {name: made[name] for name in outputs}}
        with suppress(TypeError, ValueError, AssignmentError):
            literal("inputs", tomllib.loads(_written(example))["inputs"], INPUT)
            yield example


def _written(table: Mapping[str, Any]) -> str:
    """Write a table, a key in each line: TOML is JSON with another sign between key and value."""
    signs = (", ", " = ")
    write = partial(
        dumps, ensure_ascii=False, allow_nan=False, separators=signs, default=np.ndarray.tolist
    )
    return "".join(f"{write(key)} = {write(each)}\n" for key, each in table.items())
