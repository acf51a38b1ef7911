"""Run the lines of a check over a model solution."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gradkit.lines import packed, run, snapshot, unpacked, value_of
from gradkit.records.functions import Draw, FunctionCheck, FunctionTask, Made
from gradkit.task.functions import functions_of, steps_of
from gradkit.task.oracle import OracleError, load_module


@dataclass(frozen=True, slots=True)
class Solution:
    """The functions of a model solution, by name."""

    task: FunctionTask
    names: Mapping[str, Any]

    def make(self, check: FunctionCheck, draw: Draw, right: Solution | None = None) -> Made:
        """Return what the lines of a check give at these inputs, with all lines that they need.

        Parameters
        ----------
        check : FunctionCheck
        draw : Draw
        right : Solution, optional
            Whose values are put in the place of those that earlier lines compare, as they are for a
            student.

        Raises
        ------
        OracleError
            The model solution raises, or what is compared is no array of numbers.
        """
        tree, arrays = packed(draw.values)
        names = {"np": np, **self.names, **unpacked(tree, arrays)}
        inputs = {name: names[name] for name in self.task.inputs}
        before = {name: snapshot(value) for name, value in inputs.items()}
        try:
            # A model may overflow where the inputs are hard; what comes of it is looked at.
            with np.errstate(all="ignore"):
                for step in steps_of(self.task, check):
                    np.random.seed(0)
                    run(step.call.text, names)
                    if right is not None and step is not check:
                        made = right.make(step, draw).values
                        names |= {n: made[n].copy() for n in step.compare if n.isidentifier()}
                values = self._read(check.compare, names)
                changed = tuple(n for n, value in inputs.items() if snapshot(value) != before[n])
                np.random.seed(0)
                run(check.call.text, names)
                again = self._read(check.compare, names)
        except Exception as error:
            if isinstance(error, OracleError):
                raise
            raise OracleError(
                f"{self.task.id}/{check.name}: the model solution stopped with "
                f"{type(error).__name__}: {error}. Mend it before grading."
            ) from error
        return Made(values, again, changed)

    def _read(self, expressions: Sequence[str], names: dict[str, Any]) -> dict[str, Any]:
        found = {}
        for expression in expressions:
            value = np.array(value_of(expression, names))
            if value.dtype.kind not in "biuf":
                raise OracleError(
                    f"{self.task.id}: the model solution gives no numbers for {expression}, but "
                    f"{value.dtype}. Compare arrays or numbers."
                )
            found[expression] = value
        return found


def load_solution(task: FunctionTask, folder: Path) -> Solution:
    """Load the model solution of a task from the reference folder.

    Raises
    ------
    OracleError
        There is no such file, it cannot be loaded, or it lacks what is asked for.
    """
    path = folder / task.solution
    names = vars(load_module(path))
    for name in functions_of(task.calls):
        if not callable(names.get(name)):
            raise OracleError(f"{path}: the model solution has no `{name}`; add it.")
    return Solution(task, names)
