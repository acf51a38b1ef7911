"""Run the lines of a check over the student's functions, inside the worker."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradkit.lines import locals_kept, run, snapshot, unpacked, value_of
from gradkit.runtime.call import Returned, plain
from gradkit.runtime.frames import DTYPES, name_of
from gradkit.runtime.messages import message, message_of, text_of
from gradkit.runtime.serve import reseed

Names = Mapping[str, Any]


def run_steps(
    namespace: Names, data: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], done: list[str]
) -> Returned:
    """Run lines in turn, and read values.

    Parameters
    ----------
    namespace : mapping
        The student's names.
    data : mapping
        ``functions``: the student's name for each in the lines. ``inputs``: a packed tree.
        ``steps``: ``[text, {name: tree}]``, lines and what is put in the place of names after them.
        ``reads``: expressions. ``again``: whether to run the last lines a second time. ``seed``: of
        all generators, before each step. ``locals``: names of variables, by function, that are
        read when the last lines' calls return. ``changed``: definitions of other text, see
        `gradkit.runtime.repair.changed`.
    arrays : mapping of arrays
        Those of all trees.
    done : list
        The steps that came to their end are added.

    Returns
    -------
    Returned
        The values by the number of their expression, ``again/NUMBER`` for those that are other ones
        the second time, ``local/FUNCTION/NAME`` for those of variables, and a ``mutated`` fault for
        each input that the last lines changed.
    """
    names: dict[str, Any] = {"np": np}
    names |= {name: namespace[own] for name, own in data["functions"].items()}
    names |= unpacked(data["inputs"], arrays)
    inputs = {name: names[name] for name, _ in data["inputs"]["dict"]}
    before: dict[str, list[bytes]] = {}
    out = Returned()
    kept: dict[str, Any] = {}
    last = len(data["steps"]) - 1
    for number, (text, put) in enumerate(data["steps"]):
        before = {name: snapshot(value) for name, value in inputs.items()}
        reseed(data["seed"])
        with locals_kept(data["locals"], kept) if number == last else nullcontext():
            run(text, names)
        names |= {name: unpacked(tree, arrays) for name, tree in put.items()}
        done.append(text)
    _read(data["reads"], names, "", out)
    for name, value in kept.items():
        if isinstance(value, np.ndarray) and name_of(value.dtype) in DTYPES:
            out.arrays[f"local/{name}"] = np.array(np.ndarray.view(value, np.ndarray))
    for name, value in inputs.items():
        if snapshot(value) != before[name]:
            out.fault(name, "mutated", "")
    if data["again"]:
        # With the inputs as they were: a step in place is a step from there once more.
        names |= unpacked(data["inputs"], arrays)
        reseed(data["seed"])
        run(data["steps"][-1][0], names)
        second = Returned()
        _read(data["reads"], names, "again/", second)
        out.faults += second.faults
        # What comes out alike, as it nearly always does, needs not be sent twice.
        out.arrays |= {
            name: array
            for name, array in second.arrays.items()
            if not _alike(out.arrays.get(name.removeprefix("again/")), array)
        }
    return out


def _alike(first: NDArray[Any] | None, second: NDArray[Any]) -> bool:
    return (
        first is not None
        and (first.dtype, first.shape) == (second.dtype, second.shape)
        and first.tobytes() == second.tobytes()
    )


def _read(expressions: list[str], names: dict[str, Any], prefix: str, out: Returned) -> None:
    """Read each expression; where there is no value, a fault says what was found."""
    for number, expression in enumerate(expressions):
        name = f"{prefix}{number}"
        try:
            value = value_of(expression, names)
        except Exception as error:
            reason = message_of(error)
            kind = text_of(type(error).__name__, 80)
            out.fault(name, "missing", message("no-value", type=kind, reason=reason))
            continue
        if value is None:
            out.fault(name, "missing", message("none"))
            continue
        array = plain(name, value, out)
        if array is not None:
            out.arrays[name] = array
