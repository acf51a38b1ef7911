"""Call a student's function once with numbers that know how they were made, and where.

Runs in the student's process. What comes of it is a proposal: code that sees what it is handed may
make steps of its own, and the grader's side holds what they give to what was observed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
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
    evaluate,
    is_parameter,
    laid_out,
    parameters_for,
)
from gradkit.runtime.frames import Frame
from gradkit.runtime.messages import describe_failure
from gradkit.runtime.symbolic.numbers import OPERATIONS, Numbers, Sheet, numbers, steps_in
from gradkit.runtime.symbolic.recording import Recording, told, unwatched
from gradkit.runtime.symbolic.stand_ins import standing_in
from gradkit.runtime.symbolic.values import read

__all__ = ["in_order", "symbolic"]

Found = tuple[Callable[..., Any], Before | None]


def symbolic(
    find: Callable[[], Found], names: Mapping[str, Any], cells: frozenset[str], frame: Frame
) -> Frame:
    """Call a function once with the frame's arrays, as numbers that know how they were made.

    Parameters
    ----------
    find : callable
        Gives the function, and what goes before the call.
    names : dict
        The student's, in which numpy's own makers of arrays give way for the call.
    cells : frozenset of str
        File names of code to watch, if that is asked for.
    frame : Frame
        The ``call``, and whether it is ``watched``, or ``plain``: with the numbers as they are.
        Arrays of one row of its inputs; of the ``rate``, too, if there is one.

    Returns
    -------
    Frame
        Arrays: ``events``, int64 of shape (events, 9) with the columns `COLUMNS`; ``values``, in
        which an event's begin at its offset, each the number of a step, or float64 if it is plain;
        ``steps``, int64 of shape (n, 4): of `OPERATIONS`, two steps, or the number
        of an atom or a constant, and the number of a stack; ``constants``; ``stacks``, int64 of
        shape (n, 6): of each stack, innermost first, the number of a file, first and last line,
        first and last column; ``after/…``, the steps that made each parameter. Data: tables of
        ``cells``, ``names`` (paths) and ``shapes`` that the events point into; ``cut``, whether
        there was more; ``files``; ``failure`` as for a batch.
    """
    call, watched, plain = (frame.data[name] for name in ("call", "watched", "plain"))
    sheet = Sheet(cells if watched else frozenset())
    inputs = {} if plain else _numbered(sheet, frame.arrays)
    recording = Recording(cells, read if plain else partial(steps_in, sheet))
    source: Mapping[str, Any] = {}
    failure, tracing = None, sys.gettrace()
    try:
        function, before = find()
        if watched:
            before = unwatched(before) if before is not None else None
            # Whatever a first call makes of the cells' other statements is made before watching.
            evaluate(function, call, frame.arrays, before)
        if plain:
            recording.watch(partial(evaluate, function, call, frame.arrays, before))
        else:
            with standing_in(names, function):
                action = partial(_after, function, before, call, inputs)
                source = recording.watch(action) if watched else action()
    except BaseException as error:
        failure = {**describe_failure(error, cells), "call": 0}
    finally:
        sys.settrace(tracing)
    arrays, data = told(recording)
    arrays |= dict(_made(sheet, call, source))
    rows = [[OPERATIONS.index(each[0]), *each[1:]] for each in sheet.steps]
    arrays["steps"] = np.array(rows, dtype=np.int64).reshape(-1, 4)
    arrays["constants"] = np.array(list(sheet.constants), dtype=np.float64)
    files: dict[str, int] = {}
    arrays["stacks"] = np.array([*_places(sheet, files)], dtype=np.int64).reshape(-1, 6)
    return Frame("traced", arrays, {**data, "files": list(files), "failure": failure})


def _places(sheet: Sheet, files: dict[str, int]) -> Iterator[list[int]]:
    positions: dict[CodeType, list[tuple[int | None, ...]]] = {}
    for stack, number in sheet.stacks.items():
        for code, instruction in stack:
            known = positions.setdefault(code, [*code.co_positions()])[instruction // 2]
            file = files.setdefault(code.co_filename, len(files))
            yield [number, file, *(-1 if each is None else each for each in known)]


def in_order(names: Collection[str]) -> list[str]:
    """Return what a function is handed in the order in which its atoms are numbered."""
    parameters = sorted(filter(is_parameter, names), key=lambda name: (name[1:], name))
    return [n for n in ("y", "y_hat", "A1", "X", *parameters, "rate") if n in names]


def _numbered(sheet: Sheet, arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """The inputs as numbers that know which atoms they are."""
    inputs, first = {}, 0
    for name in in_order(arrays):
        inputs[name] = numbers(sheet, arrays[name], first)
        first += arrays[name].size
    return inputs


def _after(
    function: Callable[..., Any],
    before: Before | None,
    call: Call,
    inputs: Mapping[str, NDArray[Any]],
) -> Mapping[str, Any]:
    """The student's dict of parameters after the call."""
    made = parameters_for(call, inputs)
    parameters = {key: value.view(Numbers) for key, value in made.items()}
    if before is not None:
        before(inputs, parameters)
    handed = arguments_for(call, inputs, parameters)
    handed = [one.view(Numbers) if isinstance(one, np.ndarray) else one for one in handed]
    return changed_parameters(call, apply(function, call, handed), parameters)


def _made(
    sheet: Sheet, call: Call, source: Mapping[str, Any]
) -> Iterator[tuple[str, NDArray[Any]]]:
    """The steps that made each parameter, in the canonical layout."""
    for quantity in call["keys"].keys() & call["shapes"].keys():
        array = np.array(source.get(call["keys"][quantity]), dtype=object)
        shaped = laid_out(call, quantity, array, tuple(call["shapes"][quantity]), Returned())
        made = None if shaped is None else steps_in(sheet, shaped)
        if made is not None:
            yield f"after/{quantity}", made
