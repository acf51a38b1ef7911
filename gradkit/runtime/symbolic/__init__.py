"""Call a student's update once with numbers that know of what they are made.

Runs in the student's process. What comes of it is a proposal: code that sees what it is handed may
make polynomials of its own, and the grader's side holds each to what was observed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
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
    laid_out,
    parameters_for,
)
from gradkit.runtime.frames import Frame
from gradkit.runtime.symbolic.numbers import Numbers, Sheet, numbers, polynomial_of
from gradkit.runtime.symbolic.polynomials import Polynomial
from gradkit.runtime.symbolic.stand_ins import standing_in

__all__ = ["QUANTITIES", "TERMS", "symbolic"]

QUANTITIES = ("y", "y_hat", "A1", "X")
"""What an update is handed besides parameters; atoms are numbered in this order, then theirs, as in
``W1``, ``b1``, ``W2``, ``b2``, then the rate."""

TERMS = 20_000
"""Of all polynomials of a reply."""

Found = tuple[Callable[..., Any], Before | None]


def symbolic(find: Callable[[], Found], names: Mapping[str, Any], frame: Frame) -> Frame:
    """Call a function once with the frame's arrays, as numbers that carry polynomials.

    Parameters
    ----------
    find : callable
        Gives the function, and what goes before the call.
    names : dict
        The student's, in which numpy's own makers of arrays give way for the call.
    frame : Frame
        The ``call`` of an update, and arrays of one row of its inputs; of the ``rate``, too, if
        there is one.

    Returns
    -------
    Frame
        Data: ``functions``, of what the atoms beyond those handed over are made, in order; and
        ``quantities``, the parameters that were read. The polynomials of the functions come
        first, then those of each entry of each parameter. Arrays: ``coefficients`` of their terms,
        float64; ``owners``, int64, the number of the polynomial of each; ``factors``, int64 of
        shape (n, 3): a term, an atom of it, and its power.
    """
    call = frame.data["call"]
    sheet, inputs = _numbered(call, frame.arrays)
    read: dict[str, list[Polynomial]] = {}
    try:
        function, before = find()
        with standing_in(names, function):
            source = _after(function, before, call, inputs)
        read = dict(_polynomials(call, source))
    except BaseException:  # the plain calls tell what it raises
        return _reply([], {}, [])
    polynomials = [of for _, of in sheet.made]
    polynomials += [each for entries in read.values() for each in entries]
    if sum(map(len, polynomials)) > TERMS:
        return _reply([], {}, [])
    return _reply([function for function, _ in sheet.made], read, polynomials)


def _numbered(
    call: Call, arrays: Mapping[str, NDArray[Any]]
) -> tuple[Sheet, dict[str, NDArray[Any]]]:
    """The inputs as numbers, atoms in the order of `QUANTITIES`, the parameters and the rate."""
    parameters = sorted(call["keys"], key=lambda quantity: (quantity[1:], quantity))
    order = [*QUANTITIES, *parameters, *(["rate"] if "rate" in arrays else [])]
    sheet, inputs, first = Sheet(sum(arrays[name].size for name in order)), {}, 0
    for name in order:
        inputs[name] = numbers(sheet, arrays[name], first)
        first += arrays[name].size
    return sheet, inputs


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
    handed = [one.view(Numbers) if type(one) is np.ndarray else one for one in handed]
    return changed_parameters(call, apply(function, call, handed), parameters)


def _polynomials(call: Call, source: Mapping[str, Any]) -> Iterator[tuple[str, list[Polynomial]]]:
    """The polynomials of each parameter that is all numbers."""
    for quantity, key in call["keys"].items():
        array = np.array(source.get(key), dtype=object)
        shaped = laid_out(call, quantity, array, tuple(call["shapes"][quantity]), Returned())
        entries = [] if shaped is None else [polynomial_of(one) for one in shaped.reshape(-1)]
        known = [each for each in entries if each is not None]
        if known and len(known) == len(entries):
            yield quantity, known


def _reply(
    functions: list[str], read: Mapping[str, list[Polynomial]], polynomials: list[Polynomial]
) -> Frame:
    coefficients: list[float] = []
    owners: list[int] = []
    factors: list[tuple[int, int, int]] = []
    for owner, polynomial in enumerate(polynomials):
        for monomial, coefficient in polynomial.items():
            factors += [(len(owners), atom, power) for atom, power in monomial]
            owners.append(owner)
            coefficients.append(coefficient)
    arrays = {
        "coefficients": np.array(coefficients, dtype=np.float64),
        "owners": np.array(owners, dtype=np.int64),
        "factors": np.array(factors, dtype=np.int64).reshape(-1, 3),
    }
    return Frame("polynomials", arrays, {"functions": functions, "quantities": list(read)})
