"""Have an update called with numbers that know how they were made."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from msgspec.structs import replace

from gradkit.diagnosis.rules.columns import from_columns, to_columns
from gradkit.diagnosis.rules.program import Program, by_class, is_same, read_program, symbols_of
from gradkit.diagnosis.rules.sizes import shape_of
from gradkit.records.observations import Bound, Lost
from gradkit.records.rule import UpdateInputs
from gradkit.records.task import Array, Task
from gradkit.runtime.frames import Frame
from gradkit.sandbox.observe import call_of
from gradkit.sandbox.process import StudentProcess

AWAY = 0.61
"""In the place of a zero, of which nothing can be told."""


BESIDE = 1e-6
"""How far a target is moved from its class."""

Ask = Callable[[Mapping[str, Array]], Frame | Lost]
"""Has an update called once with numbers in the place of these arrays, by quantity."""


def asked_of(sitting: StudentProcess, task: Task, bound: Bound) -> Ask:
    """Return what asks a student's process for a bound update."""
    data = {"call": call_of(bound, task), "watched": False, "plain": False}
    return lambda arrays: sitting.ask(Frame("symbolic", arrays, data))


def observe_program(ask: Ask, task: Task, inputs: UpdateInputs) -> tuple[Program | None, bool]:
    """Return what an update says that it makes of its inputs, and whether it asks for the class.

    Parameters
    ----------
    ask : callable
        Calls it.
    task : Task
    inputs : UpdateInputs
        Of any calls. It is called with the first of them, all numbers positive; where targets are
        classes with each of the two.
    """
    first = _positive(inputs)
    if task.loss != "binary_cross_entropy" or inputs.y.shape[1] != 1:
        return _asked(ask, task, first), False

    def at(target: float) -> Program | None:
        return _asked(ask, task, replace(first, y=np.full((1, 1), target)))

    one, zero = at(1.0), at(0.0)
    if one is None or zero is None or is_same(one, zero):
        return one, False
    # What only depends on how large a target is holds beside its classes too.
    for program, beside in ((one, at(1.0 - BESIDE)), (zero, at(BESIDE))):
        if beside is None or not is_same(program, beside):
            try:
                return by_class(one, zero, inputs), True
            except ArithmeticError:
                break
    return one, False


def _positive(inputs: UpdateInputs) -> UpdateInputs:
    """The first call, where every kinked activation and its slope is on the same side."""
    columns = to_columns(inputs)
    sizes = {name: np.abs(value[:1]) for name, value in columns.items()}
    sizes = {name: np.where(value == 0, AWAY, value) for name, value in sizes.items()}
    return from_columns(sizes)


def _asked(ask: Ask, task: Task, inputs: UpdateInputs) -> Program | None:
    reply = ask({name: value[0] for name, value in to_columns(inputs).items()})
    if isinstance(reply, Lost):
        return None
    shape = shape_of(task)
    try:
        return read_program(reply, shape, len(symbols_of(shape, rate=inputs.rate is not None)))
    except (ValueError, LookupError, TypeError, ArithmeticError):
        # Too long, or from code that answers in the worker's place.
        return None
