"""Run the lines of a check over a model solution."""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping, Sequence
from inspect import CO_VARARGS, CO_VARKEYWORDS, signature
from pathlib import Path
from types import FrameType, FunctionType
from typing import Any

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from gradkit.lines import packed, run, snapshot, unpacked, value_of, with_new_containers
from gradkit.records.task import Draw, FunctionCheck, FunctionTask, Made
from gradkit.task.forms import Form, FormError, form_of, plain_value
from gradkit.task.functions import (
    forward_steps,
    functions_of,
    scalar_names,
    scalar_of,
    steps_of,
)
from gradkit.task.oracle import OracleError, load_module


class ImpureError(ValueError):
    """A function of the model solution does more than to return a value, or stops."""


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
            The check to compute.
        draw : Draw
            The inputs.
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
                f"{type(error).__name__}: {error}.{_shapes(check, draw)} Correct the model "
                "solution, or the inputs in the assignment file."
            ) from error
        return Made(values, again, changed)

    def meant(self, draw: Draw, convention: Mapping[str, str]) -> Draw:
        """Return the probe ``draw`` with the inputs that a convention replaces.

        ``convention`` has an expression for each such input; its other entries are ignored.
        """
        names = {"np": np, **draw.values}
        inputs = {n: text for n, text in convention.items() if n in self.task.inputs}
        other = {name: value_of(text, names) for name, text in inputs.items()}
        return replace(draw, values={**draw.values, **other})

    def by(self, check: FunctionCheck, draw: Draw, convention: Mapping[str, str]) -> Made:
        """Compute the right outputs of a check at one probe in another convention.

        ``draw`` has the inputs of the probe. ``convention`` has an expression for each input that
        it replaces, and a factor for each output that it multiplies; if empty, it is the task's
        own.
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
        """Run the lines of the checks ``steps``, and return the values of expressions afterwards.

        ``values`` are the inputs by name, and ``reads`` the expressions, which are the result's
        keys.
        """
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

    def handed_on(self, check: FunctionCheck, draw: Draw) -> dict[str, Any]:
        """Compute the values that a check reads and that the lines of earlier checks make.

        ``draw`` has the inputs. An example is the cache that a backward pass reads. The result is
        empty if one of the values is an object, or if earlier lines change an object or an input.
        """
        *steps, _ = steps_of(self.task, check)
        made = {name for step in steps for name in step.call.makes}
        names = sorted(made & {*check.call.reads})
        if any(step.call.changes for step in steps):
            return {}
        values = self.read(steps, draw.values, names)
        try:
            return {name: plain_value(value) for name, value in values.items()}
        except FormError:
            return {}

    def parameters_of(self, function: str) -> tuple[str, ...]:
        """Return the names of the parameters of a function, in order.

        There are none for a class, a decorated function, or one with ``*args`` or ``**kwargs``.
        """
        found = self.names.get(function)
        if not isinstance(found, FunctionType):
            return ()
        code = found.__code__
        is_plain = not code.co_flags & (CO_VARARGS | CO_VARKEYWORDS) and not code.co_posonlyargcount
        count = code.co_argcount + code.co_kwonlyargcount
        return code.co_varnames[:count] if is_plain else ()

    def defaults_of(self, function: str) -> dict[str, Any]:
        """Return the default values of a function by parameter."""
        parameters = signature(self.names[function]).parameters.values()
        return {each.name: each.default for each in parameters if each.default is not each.empty}

    def forms_of_calls(
        self, check: FunctionCheck, draw: Draw, functions: Collection[str]
    ) -> dict[str, list[dict[str, Form]]]:
        """Run the lines of a check as `make` does, and return how ``functions`` are called there.

        ``draw`` has the inputs, and ``functions`` are names. The calls of each function are listed
        by its name, with the form of each argument (its kind and shape, see `form_of`) by its
        parameter. Calls by other functions of the model solution count too.
        """
        codes = {self.names[name].__code__: name for name in functions if self.parameters_of(name)}
        calls: dict[str, list[dict[str, Form]]] = {name: [] for name in codes.values()}

        def record(frame: FrameType, event: str, _: object) -> None:
            """Add a call to the list of its function, as a profiler."""
            name = codes.get(frame.f_code) if event == "call" else None
            if name is not None:
                given = frame.f_locals
                calls[name].append({key: form_of(given[key]) for key in self.parameters_of(name)})

        before = sys.getprofile()
        sys.setprofile(record)
        try:
            self.make(check, draw)
        finally:
            sys.setprofile(before)
        return calls

    def result_of(self, function: str, arguments: Mapping[str, Any]) -> Any:
        """Call the model solution's function of this name, and return its result.

        ``arguments`` has a value for each parameter.

        Raises
        ------
        ImpureError
            The function changes an argument, draws random numbers, or raises.
        """
        given = snapshot(list(arguments.values()))
        state = np.random.get_state(legacy=False)
        try:
            with np.errstate(all="ignore"):
                returned = self.names[function](**arguments)
        except Exception as error:  # arguments come from student code
            raise ImpureError(f"{function} stopped with {type(error).__name__}") from error
        if snapshot(list(arguments.values())) != given:
            raise ImpureError(f"{function} changes an argument")
        if not _is_same_state(np.random.get_state(legacy=False), state):
            raise ImpureError(f"{function} draws random numbers")
        return returned

    def _read(self, expressions: Sequence[str], names: dict[str, Any]) -> dict[str, Any]:
        """Return the arrays of the expressions that a check compares, computed from ``names``.

        OracleError is raised if one is not numeric.
        """
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


def _shapes(check: FunctionCheck, draw: Draw) -> str:
    """Return a sentence with the shapes of the inputs that the lines of a check read, "" for none.

    ``draw`` has the inputs.
    """
    arrays = [
        f"{name} {value.shape}"
        for name, value in draw.values.items()
        if name in check.call.reads and isinstance(value, np.ndarray)
    ]
    return f" Its inputs: {', '.join(arrays)}." if arrays else ""


def _is_same_state(one: Any, other: Any) -> bool:
    """Return whether two states of numpy's random generator are the same."""
    states = one["state"], other["state"]
    return states[0]["pos"] == states[1]["pos"] and np.array_equal(
        states[0]["key"], states[1]["key"]
    )


def load_solution(task: FunctionTask, folder: Path) -> Solution:
    """Load the model solution of a task from the folder of model solutions.

    Raises
    ------
    OracleError
        There is no such file, it cannot be loaded, or it lacks a function of the task.
    """
    path = folder / task.solution
    names = vars(load_module(path, functions_of(task.calls)))
    return Solution(task, names, path.read_text(encoding="utf-8"))
