"""Run the lines of a check over a model solution."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from gradkit.lines import packed, run, snapshot, unpacked, value_of, with_new_containers
from gradkit.records.task import Draw, FunctionCheck, FunctionTask, Made
from gradkit.task.functions import (
    forward_steps,
    functions_of,
    scalar_names,
    scalar_of,
    steps_of,
)
from gradkit.task.oracle import OracleError, load_module


class Solution(Struct, frozen=True, eq=False):
    """The functions of a model solution by name, and its source if mistakes are searched."""

    task: FunctionTask
    names: Mapping[str, Any]
    source: str = ""

    def make(
        self, check: FunctionCheck, draw: Draw, right: Mapping[str, Made] | None = None
    ) -> Made:
        """Compute the outputs of a check's lines, after the lines of earlier checks they need.

        Parameters
        ----------
        check : FunctionCheck
        draw : Draw
        right : mapping of str to Made, optional
            Right outputs by check. They replace the outputs of earlier checks before this check
            runs, as for a student.

        Raises
        ------
        OracleError
            The model solution raises, or an output is not an array of numbers.
        """
        tree, arrays = packed(draw.values)
        names = {"np": np, **self.names, **unpacked(tree, arrays)}
        inputs = {name: names[name] for name in self.task.inputs}
        before: dict[str, list[bytes]] = {}
        kept: dict[str, Any] = {}
        try:
            # A model may overflow for hard inputs; infinite outputs are reported later.
            with np.errstate(all="ignore"):
                for step in steps_of(self.task, check):
                    before = {name: snapshot(value) for name, value in inputs.items()}
                    kept = with_new_containers(names)
                    np.random.seed(0)
                    run(step.call.text, names)
                    if right is not None and step is not check:
                        made = right[step.name].values
                        names |= {n: made[n].copy() for n in step.compare if n.isidentifier()}
                values = self._read(check.compare, names)
                changed = tuple(n for n, value in inputs.items() if snapshot(value) != before[n])
                names |= {**kept, **unpacked(tree, arrays)}
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

    def meant(self, draw: Draw, convention: Mapping[str, str]) -> Draw:
        """Return a draw in which a convention's inputs replace its inputs of the same names."""
        names = {"np": np, **draw.values}
        inputs = {n: text for n, text in convention.items() if n in self.task.inputs}
        other = {name: value_of(text, names) for name, text in inputs.items()}
        return replace(draw, values={**draw.values, **other})

    def by(self, check: FunctionCheck, draw: Draw, convention: Mapping[str, str]) -> Made:
        """Compute the right outputs of a check in a convention.

        A convention replaces inputs, or multiplies outputs by factors.
        """
        made = self.make(check, self.meant(draw, convention))
        factors = {n: text for n, text in convention.items() if n not in self.task.inputs}
        times = {name: value_of(text, {**draw.sizes}) for name, text in factors.items()}
        values, again = (
            {name: times.get(name, 1) * array for name, array in arrays.items()}
            for arrays in (made.values, made.again)
        )
        return replace(made, values=values, again=again) if times else made

    def read(
        self, steps: Sequence[FunctionCheck], values: Mapping[str, Any], reads: Sequence[str]
    ) -> dict[str, Any]:
        """Run the lines of some checks at some inputs, and return the values of expressions."""
        names = {"np": np, **self.names, **unpacked(*packed(values))}
        with np.errstate(all="ignore"):
            for step in steps:
                np.random.seed(0)
                run(step.call.text, names)
        return {name: value_of(name, names) for name in reads}

    def differentiated(self, check: FunctionCheck, draw: Draw, other: Draw) -> tuple[str, ...]:
        """Return the inputs on which the differentiated scalar of a check depends.

        Parameters
        ----------
        check : FunctionCheck
            A check with gradients.
        draw, other : Draw
            Each input of ``draw`` is replaced in turn by the input of ``other``, which has the same
            sizes. The scalar depends on the input if its value changes.
        """
        steps, names = forward_steps(self.task, check), scalar_names(self.task, check)

        def scalar(values: Mapping[str, Any]) -> float:
            return scalar_of(check, {**values, **self.read(steps, values, names)})

        before = scalar(draw.values)
        changed = {name: {**draw.values, name: other.values[name]} for name in self.task.inputs}
        return tuple(name for name, values in changed.items() if scalar(values) != before)

    def _read(self, expressions: Sequence[str], names: dict[str, Any]) -> dict[str, Any]:
        """Return the arrays of the expressions that a check compares."""
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
        There is no such file, it cannot be loaded, or it lacks a function of the task.
    """
    path = folder / task.solution
    names = vars(load_module(path, functions_of(task.calls)))
    return Solution(task, names, path.read_text(encoding="utf-8"))
