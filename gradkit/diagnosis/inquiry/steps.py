"""Call the student's update at random inputs, with numbers and with symbols."""

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
from gradkit.judge.comparison import came_back
from gradkit.records.rule import UpdateInputs, UpdateProbes
from gradkit.records.submission import Bound, Lost
from gradkit.records.task import Array, Batch, Task
from gradkit.runtime.frames import Frame
from gradkit.sandbox.observe import call_of, observe_batch
from gradkit.sandbox.process import StudentProcess

SAME = 1e-12
"""Relative tolerance between two equal calls."""


def observe_steps(
    task: Task,
    bound: Bound,
    sitting: StudentProcess,
    *inputs: UpdateInputs,
    shuffled: int | None = None,
) -> tuple[UpdateProbes, ...] | None:
    """Return the results of the update for each of ``inputs``, or None if a call failed.

    ``bound`` is the student's update for ``task``, which ``sitting`` runs. Each of ``inputs`` has
    the inputs of several calls. All calls are made in one request, and the first one again at the
    end. If an entry differs between these two, it depends on more than its inputs, and all its
    values become NaN. Parameters that are missing or have a wrong shape become NaN too.

    ``shuffled`` is the seed of a random order of the calls, so that student code cannot know the
    set of a call by its position; by default the order is kept.
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


def draw_verification(task: Task, bound: Bound, seed: int) -> UpdateInputs:
    """Return inputs of an update by which recovered formulas are verified.

    The task's own examples come first, then random ones, drawn by ``seed``. They have a learning
    rate if the function ``bound`` takes it. For a cross-entropy loss, random targets are rounded to
    classes, because ``if y == 1`` is right for classes.
    """
    inputs = add_rate(bound, draw_update(task, seed + 1, FRESH), seed)
    X, y = inputs.X.copy(), inputs.y.copy()
    if task.loss == "binary_cross_entropy":
        y = np.round(y)
    rows = min(len(task.X), FRESH)
    X[:rows], y[:rows] = task.X[:rows], task.y[:rows]
    return replace(inputs, X=X, y=y)


def add_rate(bound: Bound, inputs: UpdateInputs, seed: int) -> UpdateInputs:
    """Return the inputs, with random learning rates if the update takes one."""
    return with_rate(inputs, seed) if "rate" in bound.arguments else inputs


# --- symbolic calls --------------------------------------------------------------------------

ZERO_REPLACEMENT = 0.61
"""Value in place of a zero, which would hide all factors that it multiplies."""


TARGET_OFFSET = 1e-6
"""Distance of a target from its class, to see whether code compares it with the class."""

SymbolicCall = Callable[[Mapping[str, Array]], Frame | Lost]
"""Calls an update once on symbolic inputs that have the given values, by quantity."""


def symbolic_call(sitting: StudentProcess, task: Task, bound: Bound) -> SymbolicCall:
    """Return a function that calls a bound update on symbolic inputs in the student's process."""
    data = {"call": call_of(bound, task), "watched": False}
    return lambda arrays: sitting.ask(Frame("symbolic", arrays, data))


def observe_program(
    call: SymbolicCall, task: Task, inputs: UpdateInputs
) -> tuple[Program | None, bool]:
    """Return the polynomials of an update, and whether it compares targets with a class.

    For a cross-entropy loss with one output, the update is called with both classes. If the results
    differ, and also differ from those next to the classes, the polynomials of both are merged.

    Parameters
    ----------
    call : callable
        Calls the update on symbolic inputs.
    task : Task
    inputs : UpdateInputs
        The first call is used, with all numbers positive.

    Returns
    -------
    program, by_class : Program or None, bool
        The program is None if the update cannot be called or read.
    """
    first, shape = _positive(inputs), shape_of(task)
    functions = Functions(len(input_symbols(shape, rate=inputs.rate is not None)))

    def read_call(inputs: UpdateInputs) -> Program | None:
        """Call the update on symbolic inputs; return its program, None if it cannot be read."""
        reply = call({name: value[0] for name, value in to_columns(inputs).items()})
        try:
            return None if isinstance(reply, Lost) else read_program(reply, shape, functions)
        except (ValueError, LookupError, TypeError, ArithmeticError):
            # Too long, or from code that answers in the worker's place.
            return None

    if task.loss != "binary_cross_entropy" or inputs.y.shape[1] != 1:
        return read_call(first), False

    def call_with_target(target: float) -> Program | None:
        return read_call(replace(first, y=np.full((1, 1), target)))

    for_ones, for_zeros = call_with_target(1.0), call_with_target(0.0)
    if for_ones is None or for_zeros is None or is_same_program(for_ones, for_zeros):
        return for_ones, False
    # Code that compares y with a threshold takes the same branch next to the class.
    for program, next_to_class in (
        (for_ones, call_with_target(1.0 - TARGET_OFFSET)),
        (for_zeros, call_with_target(TARGET_OFFSET)),
    ):
        if next_to_class is None or not is_same_program(program, next_to_class):
            try:
                return merge_by_target(for_ones, for_zeros, inputs), True
            except ArithmeticError:
                break
    return for_ones, False


def _positive(inputs: UpdateInputs) -> UpdateInputs:
    """Return the first call alone, with absolute values, and `ZERO_REPLACEMENT` for zeros.

    Then each ReLU takes the same branch for all inputs.
    """
    columns = to_columns(inputs)
    sizes = {name: np.abs(value[:1]) for name, value in columns.items()}
    sizes = {name: np.where(value == 0, ZERO_REPLACEMENT, value) for name, value in sizes.items()}
    return from_columns(sizes)
