"""The update, called at inputs of the inquiry's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from msgspec.structs import replace

from gradkit.diagnosis.rules.draw import (
    FRESH,
    draw_update,
    from_columns,
    to_columns,
    with_rate,
)
from gradkit.diagnosis.rules.program import (
    Functions,
    Program,
    input_symbols,
    is_same_program,
    merge_by_target,
    read_program,
)
from gradkit.diagnosis.rules.symbols import shape_of
from gradkit.judge.case import came_back
from gradkit.records.observations import Bound, Lost
from gradkit.records.rule import UpdateInputs, UpdateProbes
from gradkit.records.task import Array, Batch, Task
from gradkit.runtime.frames import Frame
from gradkit.sandbox.observe import call_of, observe_batch
from gradkit.sandbox.process import StudentProcess

SAME = 1e-12
"""Relative; what two equal calls may differ by."""


def observed_steps(
    task: Task,
    bound: Bound,
    sitting: StudentProcess,
    *inputs: UpdateInputs,
    shuffled: int | None = None,
) -> tuple[UpdateProbes, ...] | None:
    """The update at sets of independent inputs; None where not all calls come to an end.

    The very first call is made once more at the end. An entry in which the two differ depends on
    more than its inputs: no formula of these gives it, and its values are told as NaN, as
    are those of a parameter that comes back in another shape, or not at all. With a seed the calls
    are ``shuffled``, so that none tells by its place of which set it is.
    """
    columns = [to_columns(each) for each in inputs]
    columns.append({name: value[:1] for name, value in columns[0].items()})
    arrays = {name: np.concatenate([each[name] for each in columns]) for name in columns[0]}
    order = np.arange(len(arrays["y"]))
    if shuffled is not None:
        order = np.random.default_rng(shuffled).permutation(order)
    asked = {name: value[order] for name, value in arrays.items()}
    labels = tuple(str(number) for number in order)
    batch = Batch("inquiry", "update", "update", asked, labels)
    outcome = observe_batch(sitting, task, bound, batch)
    if not came_back(outcome):
        return None
    after = {}
    for key, value in inputs[0].before.items():
        found = outcome.outputs.get(key)
        if found is None or found.dtype.kind not in "fiub":
            found = np.full((len(labels), *value.shape[1:]), np.nan)
        found = found[np.argsort(order)]
        again = np.isclose(found[0], found[-1], rtol=SAME, atol=0.0, equal_nan=True)
        after[key] = np.where(again, found[:-1].astype(np.float64), np.nan)
    ends = np.cumsum([len(each.y) for each in inputs])
    return tuple(
        UpdateProbes(each, {key: value[end - len(each.y) : end] for key, value in after.items()})
        for each, end in zip(inputs, ends, strict=True)
    )


def drawn_fresh(task: Task, bound: Bound, seed: int) -> UpdateInputs:
    """What rules are verified on: targets as the task has them, and its own examples in front.

    A rule has to hold where the code is used: ``if y == 1`` is right for a class, and what
    is right for small inputs alone is not.
    """
    inputs = rated(bound, draw_update(task, seed + 1, FRESH), seed)
    X, y = inputs.X.copy(), inputs.y.copy()
    if task.loss == "binary_cross_entropy":
        y = np.round(y)
    rows = min(len(task.X), FRESH)
    X[:rows], y[:rows] = task.X[:rows], task.y[:rows]
    return replace(inputs, X=X, y=y)


def rated(bound: Bound, inputs: UpdateInputs, seed: int) -> UpdateInputs:
    """The same inputs, with rates for an update that takes one."""
    return with_rate(inputs, seed) if "rate" in bound.arguments else inputs


# --- called with numbers that know how they were made ----------------------------------------

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
    first, shape = _positive(inputs), shape_of(task)
    functions = Functions(len(input_symbols(shape, rate=inputs.rate is not None)))

    def asked(inputs: UpdateInputs) -> Program | None:
        reply = ask({name: value[0] for name, value in to_columns(inputs).items()})
        try:
            return None if isinstance(reply, Lost) else read_program(reply, shape, functions)
        except (ValueError, LookupError, TypeError, ArithmeticError):
            # Too long, or from code that answers in the worker's place.
            return None

    if task.loss != "binary_cross_entropy" or inputs.y.shape[1] != 1:
        return asked(first), False

    def at(target: float) -> Program | None:
        return asked(replace(first, y=np.full((1, 1), target)))

    one, zero = at(1.0), at(0.0)
    if one is None or zero is None or is_same_program(one, zero):
        return one, False
    # What only depends on how large a target is holds beside its classes too.
    for program, beside in ((one, at(1.0 - BESIDE)), (zero, at(BESIDE))):
        if beside is None or not is_same_program(program, beside):
            try:
                return merge_by_target(one, zero, inputs), True
            except ArithmeticError:
                break
    return one, False


def _positive(inputs: UpdateInputs) -> UpdateInputs:
    """The first call, where every kinked activation and its slope is on the same side."""
    columns = to_columns(inputs)
    sizes = {name: np.abs(value[:1]) for name, value in columns.items()}
    sizes = {name: np.where(value == 0, AWAY, value) for name, value in sizes.items()}
    return from_columns(sizes)
