"""Have the lines of a check run over the student's functions, and write down what comes back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from gradkit.lines import packed
from gradkit.records.observations import Outcome
from gradkit.records.task import Made
from gradkit.runtime.frames import Frame
from gradkit.runtime.messages import message, said
from gradkit.sandbox.observe import outcome_of
from gradkit.sandbox.process import Question, StudentProcess

REAL = "biuf"
"""Kinds of real numbers."""

SEED = 0
"""Every generator stands so before each step."""


class Step(Struct, frozen=True):
    """Lines to run, and values that are put in the place of what they made."""

    text: str
    put: Mapping[str, Any]


def of_lines(
    functions: Mapping[str, str],
    inputs: Mapping[str, Any],
    steps: Sequence[Step],
    reads: Sequence[str],
    *,
    again: bool = False,
    variables: Mapping[str, Sequence[str]] = {},
    changed: Sequence[tuple[str, int, str]] = (),
) -> Question:
    """Return the question for some lines.

    Parameters
    ----------
    functions : mapping of str to str
        The student's name for each function in the lines.
    inputs : mapping
        What the lines start from.
    steps : sequence of Step
    reads : sequence of str
        Expressions to be read afterwards.
    again : bool
        Whether the last lines are run and read a second time.
    variables : mapping of str to sequence of str
        Local variables of the functions that the last lines call, by function.
    changed : sequence of (cell id, line, text)
        Definitions of another text, which begin in this line of the cell.
    """
    tree, arrays = packed(
        {"inputs": dict(inputs), **{str(n): dict(s.put) for n, s in enumerate(steps)}}
    )
    trees = dict(tree["dict"])
    data = {
        "functions": dict(functions),
        "inputs": trees["inputs"],
        "steps": [[s.text, dict(trees[str(n)]["dict"])] for n, s in enumerate(steps)],
        "reads": list(reads),
        "again": again,
        "seed": SEED,
        "changed": [list(each) for each in changed],
        "locals": {function: list(names) for function, names in variables.items()},
    }
    return Question("lines", arrays, data, "lines")


def observe_lines(process: StudentProcess, question: Question) -> tuple[Made, Outcome]:
    """Return what came of some lines: by expression, and as the process told it."""
    reply = process.ask(question.kind, question.data, question.arrays)
    outcome = outcome_of(process, "lines", reply)
    reads = question.data["reads"]
    if not isinstance(reply, Frame):
        return Made(), outcome
    values, again, missing = {}, {}, {}
    for number, expression in enumerate(reads):
        first, second = (reply.arrays.get(f"{part}{number}") for part in ("", "again/"))
        if first is not None and first.dtype.kind not in REAL:
            missing[expression] = said(message("dtype", dtype=str(first.dtype)))
        elif first is not None:
            values[expression] = first
        if second is not None and second.dtype.kind in REAL:
            again[expression] = second
    changed = []
    for _, name, kind, found in reply.data["faults"]:
        if kind == "mutated":
            changed.append(name)
        elif name.isdigit() and kind != "subclass":
            missing[reads[int(name)]] = said(found)
    inner = {
        name.removeprefix("local/"): value
        for name, value in reply.arrays.items()
        if name.startswith("local/")
    }
    return Made(values, again, tuple(changed), missing, inner), outcome
