"""Call a student's function once with numbers that record their operations and places in the text.

Runs in the student's process, where student code can detect these numbers and falsify the steps. So
the grader uses the steps only if they reproduce the observed results.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from types import CodeType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradkit.runtime.call import (
    Before,
    Call,
    Returned,
    apply,
    arguments_for,
    changed_parameters,
    is_parameter,
    laid_out,
    parameters_for,
)
from gradkit.runtime.frames import Frame
from gradkit.runtime.messages import describe_failure
from gradkit.runtime.symbolic.numbers import OPERATIONS, Numbers, Sheet, numbers, steps_in
from gradkit.runtime.symbolic.stand_ins import standing_in

__all__ = ["in_order", "symbolic"]

FunctionAndBefore = tuple[Callable[..., Any], Before | None]


def symbolic(
    find: Callable[[], FunctionAndBefore],
    names: Mapping[str, Any],
    cells: frozenset[str],
    frame: Frame,
) -> Frame:
    """Call a function once with a request's arrays, as numbers that record their operations.

    Parameters
    ----------
    find : callable
        Returns the function, and a callable for the call that must run before it, or None.
    names : dict
        The student's names. During the call, numpy's functions that make arrays are replaced there.
    cells : frozenset of str
        File names of code to watch, if the call is ``watched``.
    frame : Frame
        The request. Data: the ``call``; ``watched``: whether to record the places of operations.
        Arrays: one row of the function's inputs, and the ``rate`` if there is one.

    Returns
    -------
    Frame
        Arrays: ``steps``, int64 of shape (n, 4): index in `OPERATIONS`, the steps of two operands,
        or the number of an atom or a constant, and the number of a stack; ``constants``;
        ``stacks``, int64 of shape (n, 6): the number of the stack, the number of a file, first and
        last line, first and last column, innermost call first; ``after/…``, the step of each entry
        of each new parameter. Data: ``files``; ``failure`` as for a batch.
    """
    call, watched = frame.data["call"], frame.data["watched"]
    sheet = Sheet(cells if watched else frozenset())
    inputs = _recording_inputs(sheet, frame.arrays)
    source: Mapping[str, Any] = {}
    failure = None
    try:
        function, before = find()
        with standing_in(names, function):
            source = _parameters_after(function, before, call, inputs)
    except BaseException as error:
        failure = {**describe_failure(error, cells), "call": 0}
    arrays = dict(_parameter_steps(sheet, call, source))
    rows = [[OPERATIONS.index(item[0]), *item[1:]] for item in sheet.steps]
    arrays["steps"] = np.array(rows, dtype=np.int64).reshape(-1, 4)
    arrays["constants"] = np.array(list(sheet.constants), dtype=np.float64)
    files: dict[str, int] = {}
    arrays["stacks"] = np.array([*_stack_rows(sheet, files)], dtype=np.int64).reshape(-1, 6)
    return Frame("traced", arrays, {"files": list(files), "failure": failure})


def _stack_rows(sheet: Sheet, files: dict[str, int]) -> Iterator[list[int]]:
    """Yield a row of numbers for each call of each recorded stack.

    A row is the number of the stack, that of the call's file, the first and last line, and the
    first and last column; -1 where a position is unknown. Each file is added to ``files`` with its
    number.
    """
    positions: dict[CodeType, list[tuple[int | None, ...]]] = {}
    for stack, number in sheet.stacks.items():
        for code, instruction in stack:
            known = positions.setdefault(code, [*code.co_positions()])[instruction // 2]
            file = files.setdefault(code.co_filename, len(files))
            yield [number, file, *(-1 if item is None else item for item in known)]


def in_order(names: Collection[str]) -> list[str]:
    """Return the names of a function's inputs in the order in which their atoms are numbered."""
    parameters = sorted(filter(is_parameter, names), key=lambda name: (name[1:], name))
    return [n for n in ("y", "y_hat", "A1", "X", *parameters, "rate") if n in names]


def _recording_inputs(sheet: Sheet, arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return arrays as arrays of recording numbers, whose steps are recorded in ``sheet``.

    The entries are numbered one after the other, array by array in the order of `in_order`.
    """
    inputs, first = {}, 0
    for name in in_order(arrays):
        inputs[name] = numbers(sheet, arrays[name], first)
        first += arrays[name].size
    return inputs


def _parameters_after(
    function: Callable[..., Any],
    before: Before | None,
    call: Call,
    inputs: Mapping[str, NDArray[Any]],
) -> Mapping[str, Any]:
    """Call an update with numbers that record their operations, and return the parameters after it.

    The parameters are the student's dict, by the student's keys. ``function`` is the update,
    ``call`` describes how to call it, and ``inputs`` are canonical arrays of recording numbers. The
    function ``before``, if given, is called first.
    """
    arrays = parameters_for(call, inputs)
    parameters = {key: value.view(Numbers) for key, value in arrays.items()}
    if before is not None:
        before(inputs, parameters)
    arguments = [
        argument.view(Numbers) if isinstance(argument, np.ndarray) else argument
        for argument in arguments_for(call, inputs, parameters)
    ]
    return changed_parameters(call, apply(function, call, arguments), parameters)


def _parameter_steps(
    sheet: Sheet, call: Call, source: Mapping[str, Any]
) -> Iterator[tuple[str, NDArray[Any]]]:
    """Yield the steps of each new parameter's entries, with the name ``after/…`` of the array.

    ``source`` is the student's dict of parameters after the update. The array has the canonical
    layout, and the number of a step in ``sheet`` for each entry. Parameters that cannot be read are
    left out.
    """
    for quantity in call["keys"].keys() & call["shapes"].keys():
        array = np.array(source.get(call["keys"][quantity]), dtype=object)
        shaped = laid_out(call, quantity, array, tuple(call["shapes"][quantity]), Returned())
        steps = None if shaped is None else steps_in(sheet, shaped)
        if steps is not None:
            yield f"after/{quantity}", steps
