"""Call a student's bound functions in the worker like plain functions, with numpy arrays."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gradkit.records.submission import UNREADABLE, Binding, Bound, Outcome
from gradkit.records.task import Batch, Task
from gradkit.sandbox.observe import observe, observe_batch, of_initialise, shapes_of
from gradkit.sandbox.process import StudentProcess
from gradkit.text import format_text, where

Arrays = dict[str, NDArray[np.float64]]


class StudentCodeError(Exception):
    """A student's function is missing, raised, lost its process, or returned no readable arrays."""


class StudentFunctions:
    """The functions of one section that have a role in a task.

    All arrays are in canonical layout, whatever layout the student uses: W (in, out), b (out, 1), X
    and y columns. Arguments are never changed.

    In pytest, an exception of this class is shown at the test's own line, without frames of this
    module.

    Parameters
    ----------
    task : Task
    binding : Binding
    process : StudentProcess
        The section's code, in a worker.
    """

    def __init__(self, task: Task, binding: Binding, process: StudentProcess) -> None:
        self.task = task
        self.binding = binding
        self._process = process

    def initialise(self) -> Arrays:
        """Call the student's initialiser, and return the parameters by name."""
        __tracebackhide__ = True
        role = self._role("initialise")
        return _arrays_of_outcome(role, observe(self._process, of_initialise(self.task, role)))

    def forward(self, parameters: Mapping[str, ArrayLike], X: ArrayLike) -> Arrays:
        """Return the outputs of the student's forward pass for one example ``X``, a column.

        The outputs are ``y_hat`` (outputs, 1) and, if the student's function returns it, ``A1``.
        The module of a torch task gives only ``y_hat``. ``parameters`` are arrays by canonical
        name, as W1. StudentCodeError is raised as by `update`.
        """
        __tracebackhide__ = True
        role = self._role(self.task.framework.forward)
        return self._call_role(role, {**_stacked(parameters), "X": _column(X)})

    def update(
        self,
        parameters: Mapping[str, ArrayLike],
        X: ArrayLike,
        y: ArrayLike,
        y_hat: ArrayLike,
        A1: ArrayLike,
        rate: float = 0.0,
    ) -> Arrays:
        """Return the parameters after one step of the student's update, by canonical name.

        The order of the arguments is that of `forward` and of ``gradkit_oracle.update``, not
        that of the student's function: name ``X``, ``y``, ``y_hat`` and ``A1`` in a call.

        Parameters
        ----------
        parameters : mapping of str to array_like
            The parameters before the step by canonical name, as W1.
        X : array_like
            The example, a column with an entry for each input.
        y, y_hat : array_like
            Target and prediction, columns with an entry for each output.
        A1 : array_like
            The input of the last layer, a column.
        rate : float
            The learning rate, passed if the student's function takes one.

        Raises
        ------
        ValueError
            A column has another size than in the task, for example if arguments are in the wrong
            order.
        StudentCodeError
            The function is missing, raises, or does not return the arrays. The text says what
            happened, and where. The other methods raise it too.
        """
        __tracebackhide__ = True
        arguments = {"X": X, "y": y, "y_hat": y_hat, "A1": A1}
        columns = {name: _column(value) for name, value in arguments.items()}
        self._check_sizes(columns)
        inputs = {**_stacked(parameters), **columns, "rate": np.array([rate])}
        return self._call_role(self._role("update"), inputs)

    def _check_sizes(self, columns: Arrays) -> None:
        """Check that the columns passed to `update` have the task's sizes.

        Raises
        ------
        ValueError
            A size is wrong. The text names the column, its size and the task's size.
        """
        __tracebackhide__ = True
        shapes = shapes_of(self.task)
        sizes = {
            "X": shapes["W1"][0],
            "y": shapes["y_hat"][0],
            "y_hat": shapes["y_hat"][0],
            "A1": shapes["A1"][0],
        }
        for name, size in sizes.items():
            if columns[name].size != size:
                raise ValueError(
                    f"update: {name} has size {columns[name].size}, expected {size}. The order of "
                    "the arguments is update(parameters, X, y, y_hat, A1)."
                )

    def _role(self, name: str) -> Bound:
        """Return the bound function of a role; StudentCodeError if there is none."""
        __tracebackhide__ = True
        for missing in self.binding.missing:
            if missing.role == name:
                raise StudentCodeError(missing.message)
        if name not in self.binding.bound:
            raise StudentCodeError(
                format_text("{id} has no role {name}.", id=self.task.id, name=name)
            )
        return self.binding.bound[name]

    def _call_role(self, role: Bound, inputs: Arrays) -> Arrays:
        """Call the function of a role once, and return the arrays that it returned.

        ``inputs`` are canonical arrays with a leading axis of size 1. StudentCodeError is raised if
        the function fails.
        """
        __tracebackhide__ = True
        batch = Batch("test", "test", role.role, inputs, ("test",))
        return _arrays_of_outcome(role, observe_batch(self._process, self.task, role, batch))


def _arrays_of_outcome(role: Bound, outcome: Outcome) -> Arrays:
    """Return the arrays of the only call in an outcome, as float64, by canonical name.

    ``role`` is the function that was called, for the text of an error.

    Raises
    ------
    StudentCodeError
        The function raised, lost its process, or returned something that cannot be read.
    """
    __tracebackhide__ = True
    if outcome.failure is not None:
        failure = outcome.failure
        at = format_text(" at {place}", place=where(failure.place)) if failure.place else ""
        raise StudentCodeError(
            format_text(
                "`{function}` stopped{at} with {type}: {message}",
                function=(role.before.bound if failure.before and role.before else role).function,
                at=at,
                type=failure.type,
                message=failure.message,
            )
        )
    if outcome.lost is not None:
        raise StudentCodeError(
            format_text(
                "{function} {happened}.",
                function=f"`{role.function}`",
                happened=outcome.lost.detail,
            )
        )
    for fault in outcome.faults:
        if fault.kind in UNREADABLE:
            raise StudentCodeError(
                format_text(
                    "`{function}` gives {quantity} that cannot be read ({kind}: {found}).",
                    function=role.function,
                    quantity=fault.quantity,
                    kind=fault.kind,
                    found=fault.found,
                )
            )
    return {name: np.asarray(value[0], dtype=np.float64) for name, value in outcome.outputs.items()}


def _stacked(parameters: Mapping[str, ArrayLike]) -> Arrays:
    return {key: np.array(value, dtype=np.float64)[None] for key, value in parameters.items()}


def _column(value: ArrayLike) -> NDArray[np.float64]:
    return np.array(value, dtype=np.float64).reshape(1, -1, 1)
