"""Call student functions inside the worker: one in the student's own convention, or by lines.

In: canonical arrays and a call, the JSON form of a bound role. Out: canonical arrays, with
whatever could not be read as such told apart as faults. Nothing here knows an answer.

A call is a bound role as JSON, see `gradkit.records.observations`: ``function``, ``arguments``,
``by_name``, ``keys``, ``weights``, ``vectors``, ``biases``, ``scalars``, ``inputs``,
``columns``, ``returns`` and the canonical ``shapes`` of what comes back; and ``before``, the call
that goes before it, where it is to have one.
"""

from __future__ import annotations

import cmath
import math
import re
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import CodeType, FrameType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradkit.lines import run, snapshot, unpacked, value_of, with_new_containers
from gradkit.runtime.frames import DTYPES, name_of
from gradkit.runtime.messages import BeforeError, Message, message, message_of, text_of
from gradkit.runtime.serve import reseed

Call = Mapping[str, Any]
Arrays = Mapping[str, NDArray[Any]]

Before = Callable[[Arrays, Mapping[str, Any] | None], None]
"""What is called first, with the inputs and the student's dict of parameters."""


@dataclass(slots=True)
class Returned:
    """Canonical outputs of one call, and the faults ``[quantity, kind, found]`` among them."""

    arrays: dict[str, NDArray[Any]] = field(default_factory=dict)
    faults: list[tuple[str, str, Message | str]] = field(default_factory=list)

    def fault(self, quantity: str, kind: str, found: Message | str) -> None:
        """Note what of a quantity cannot be compared, and what was found in its place."""
        self.faults.append((quantity, kind, found))


# --- canonical to student ----------------------------------------------------------------


def is_parameter(quantity: str) -> bool:
    """Tell whether this names a parameter, as W1 and b2 do."""
    return quantity[0] in "Wb" and quantity[1:].isdigit()


def parameters_for(call: Call, inputs: Arrays) -> dict[str, NDArray[Any]]:
    """Return a dict of fresh arrays, or matrices, in the student's keys and layout."""
    made = {}
    for quantity, key in call["keys"].items():
        value = inputs[quantity]
        if quantity[0] == "W":
            laid = np.array(value.T if call["weights"] == "out_in" else value, order="C")
        else:
            laid = _laid(value, call["biases"])
        made[key] = _typed(call, laid)
    return made


def argument_for(call: Call, kind: str, inputs: Arrays) -> Any:
    """Return one argument other than the parameters, fresh, in the student's form."""
    if kind == "dim":
        return [int(size) for size in inputs["dim"]]
    if kind.startswith("dim/"):
        return int(inputs["dim"][int(kind[4:])])
    if kind == "rate":
        return inputs["rate"].item()
    value = inputs[kind]
    if kind in ("y", "y_hat") and value.size == 1:
        if call["scalars"] == "scalar":
            return value.reshape(()).copy()[()]
        return _typed(call, value.copy()) if kind == "y_hat" else value.copy()
    if kind == "X" and call["inputs"] == "series":
        import pandas as pd  # only for the rare function that insists on a data frame's row

        return pd.Series(value[:, 0], index=call["columns"])
    laid = _laid(value, call["vectors"])
    # Data are arrays; what a forward pass makes of matrices are matrices.
    return laid if kind in ("X", "y") else _typed(call, laid)


def _typed(call: Call, array: NDArray[Any]) -> NDArray[Any]:
    """Return an array as the type that the student's initialiser returns."""
    return array.view(np.matrix) if call.get("arrays") == "matrix" else array


def _laid(column: NDArray[Any], orientation: str) -> NDArray[Any]:
    if orientation == "row":
        return np.array(column.T, order="C")
    return column[:, 0].copy() if orientation == "flat" else column.copy()


# --- student to canonical ----------------------------------------------------------------


def canonical(call: Call, quantity: str, value: Any, shape: tuple[int, ...], out: Returned) -> None:
    """Read one returned value as ``quantity`` of canonical ``shape`` into ``out``."""
    array = plain(quantity, value, out)
    shaped = None if array is None else laid_out(call, quantity, array, shape, out)
    if shaped is not None:
        out.arrays[quantity] = shaped


def laid_out(
    call: Call, quantity: str, array: NDArray[Any], shape: tuple[int, ...], out: Returned
) -> NDArray[Any] | None:
    """Return an array in the canonical layout, or None with the fault recorded."""
    if array.size == 1 and math.prod(shape) == 1:
        return array.reshape(shape)
    expected, turned = shape, False
    if quantity[0] == "W":
        turned = call["weights"] == "out_in"
        expected = shape[::-1] if turned else shape
    elif is_parameter(quantity):
        expected = {"column": shape, "row": shape[::-1], "flat": shape[:1]}[call["biases"]]
    elif array.shape in (shape, shape[::-1], shape[:1]):
        # An output is a vector: nothing is ambiguous about its orientation.
        expected = array.shape
    if array.shape != expected:
        out.fault(
            quantity, "shape", message("shape", found=str(array.shape), expected=str(expected))
        )
        return None
    return array.T if turned else array.reshape(shape)


def plain(quantity: str, value: Any, out: Returned) -> NDArray[Any] | None:
    """Return a base ndarray of numbers, or None with the fault recorded.

    Subclasses are read through ``np.ndarray``'s own buffer, so that no overloaded operator
    of theirs runs.
    """
    kind = type(value)
    if value is None:
        out.fault(quantity, "missing", message("none"))
        return None
    if kind.__module__.partition(".")[0] == "torch":
        out.fault(quantity, "type", message("tensor"))
        return None
    if isinstance(value, np.ndarray):
        if kind is not np.ndarray:
            out.fault(quantity, "subclass", text_of(kind.__name__))
        array = np.array(np.ndarray.view(value, np.ndarray))
    elif isinstance(value, bool | int | float | complex | np.generic | list | tuple):
        try:
            array = np.array(value)
        except (ValueError, TypeError, OverflowError):
            array = np.array(None)
    elif kind.__module__.partition(".")[0] == "pandas":
        array = np.array(value)
    else:
        out.fault(quantity, "type", message("value", type=text_of(kind.__name__)))
        return None
    if name_of(array.dtype) not in DTYPES:
        out.fault(quantity, "dtype", message("dtype", dtype=text_of(array.dtype)))
        return None
    return array


def follow(value: Any, path: list[int | str]) -> Any:
    """Return the value at the end of a path, or None where the path breaks off."""
    for step in path:
        try:
            value = value[step]
        except Exception:
            return None
    return value


# --- one call ----------------------------------------------------------------------------


def arguments_for(call: Call, inputs: Arrays, parameters: Mapping[str, Any] | None) -> list[Any]:
    """Return what to hand over, in the order of the student's signature; the dict as it is."""
    return [
        parameters if kind == "parameters" else argument_for(call, kind, inputs)
        for kind in call["arguments"]
    ]


def read_outputs(call: Call, returned: Any, out: Returned) -> None:
    """Read the quantities that a function returned, by their paths."""
    if returned is None:
        for name in call["returns"]:
            out.fault(name, "missing", message("nothing"))
        return
    for quantity, path in call["returns"].items():
        shape = tuple(call["shapes"][quantity])
        canonical(call, quantity, follow(returned, path), shape, out)


def apply(function: Callable[..., Any], call: Call, handed: list[Any]) -> Any:
    """Hand the arguments over, the last of them by the student's own names."""
    first = len(handed) - len(call["by_name"])
    return function(*handed[:first], **dict(zip(call["by_name"], handed[first:], strict=True)))


def call_before(
    function: Callable[..., Any], call: Call, inputs: Arrays, parameters: Mapping[str, Any] | None
) -> None:
    """Call what goes before in a training loop, for what it leaves behind alone.

    It is given the very dict that the next call gets, as in a loop: what it keeps of it may be
    changed by that call. What it changes itself is put back.

    Raises
    ------
    BeforeError
        It raised.
    """
    handed: Any = parameters_for(call, inputs) if parameters is None else parameters
    arrays = {key: value for key, value in handed.items() if isinstance(value, np.ndarray)}
    was = {key: value.copy() for key, value in arrays.items()}
    try:
        apply(function, call, arguments_for(call, inputs, handed))
        for key, value in arrays.items():
            value[...] = was[key]
            handed[key] = value
    except BaseException as error:
        raise BeforeError from error


def run_function(
    function: Callable[..., Any], call: Call, inputs: Arrays, before: Before | None = None
) -> tuple[Any, dict[str, Any] | None, Returned]:
    """Call ``function`` once, after what goes ``before``.

    Returns
    -------
    returned : object
        Whatever came back.
    parameters : dict or None
        The dict that was handed over, as it is now.
    out : Returned
        Holds a ``mutated`` fault for each input that should have been left alone.
    """
    out = Returned()
    parameters = parameters_for(call, inputs) if "parameters" in call["arguments"] else None
    if before is not None:
        before(inputs, parameters)
    handed = arguments_for(call, inputs, parameters)
    watched = [
        (kind, value, value.tobytes())
        for kind, value in zip(call["arguments"], handed, strict=True)
        if isinstance(value, np.ndarray)
    ]
    if parameters is not None and call["returns"] and not _returns_parameters(call):
        # What returns quantities has no business changing the parameters.
        watched += [
            (name, parameters[key], parameters[key].tobytes()) for name, key in call["keys"].items()
        ]
    returned = apply(function, call, handed)
    for name, value, was in watched:
        if value.tobytes() != was:
            out.fault(name, "mutated", "")
    return returned, parameters, out


def evaluate(
    function: Callable[..., Any], call: Call, inputs: Arrays, before: Before | None = None
) -> Returned:
    """Call once and read the result: quantities by their paths, or the changed parameters."""
    returned, parameters, out = run_function(function, call, inputs, before)
    if call["returns"]:
        read_outputs(call, returned, out)
    else:
        source = changed_parameters(call, returned, parameters)
        if not source and returned is not None:
            found = message("found", type=text_of(type(returned).__name__))
            for quantity in call["keys"]:
                out.fault(quantity, "missing", found)
            return out
        read_parameters(call, source, call["shapes"], out)
    return out


def read_parameters(
    call: Call, source: Mapping[str, Any], shapes: Mapping[str, Sequence[int]], out: Returned
) -> None:
    """Read the parameters in a student's dict."""
    for quantity, key in call["keys"].items():
        canonical(call, quantity, source.get(key), tuple(shapes[quantity]), out)


def changed_parameters(
    call: Call, returned: Any, handed: Mapping[str, Any] | None
) -> Mapping[str, Any]:
    """Return the dict that holds the new parameters: the returned one, if there is one."""
    if _returns_parameters(call):
        paths = call["returns"]
        return {key: follow(returned, paths[name]) for name, key in call["keys"].items()}
    keys = set(call["keys"].values())
    options = returned if isinstance(returned, tuple | list) else (returned,)
    for option in options:
        if isinstance(option, dict) and keys <= set(option):
            return option
    return handed or {}


def _returns_parameters(call: Call) -> bool:
    """Tell whether the new parameters come back one by one, as in ``return W1, b1, W2, b2``."""
    return bool(call["keys"]) and set(call["keys"]) <= set(call["returns"])


# --- the same call again and again -------------------------------------------------------

MOST = 10_000
"""Calls that are looked at: a convolution has over a thousand inputs, each with two differences."""

APART = 0.1
"""What results of one function differ by at most, relative, where they are taken for one value."""


def repeats(action: Callable[[], object], cells: Collection[str], least: int) -> int:
    """Count the calls of one student function, during an action, whose results hardly differ.

    A gradient by finite differences, or by a complex step, makes such calls: one or two for each
    parameter, each at a point very close to the others. This runs beside student code, which can
    falsify the count: it is evidence for a person, and code that cheats is not always seen.

    Parameters
    ----------
    action : callable
    cells : collection of str
        File names of code to watch.
    least : int
        The smallest count that matters; fewer calls count as 0.

    Returns
    -------
    int
        The largest count of any function. It is ``least`` where the action switched the profiler
        off that counts.
    """
    results: dict[CodeType, list[complex]] = {}
    left, watched = MOST, {*cells, "<string>"}

    def see(frame: FrameType, event: str, returned: Any) -> None:
        nonlocal left
        code = frame.f_code
        if event == "return" and left > 0 and code.co_filename in watched:
            left -= 1
            value = _number_of(returned)
            if value is not None:
                results.setdefault(code, []).append(value)

    profiling = sys.getprofile()
    sys.setprofile(see)
    switched_off = False
    try:
        action()
        switched_off = sys.getprofile() is not see
    finally:
        sys.setprofile(profiling)
    if switched_off:
        return least
    return max((_close(values, least) for values in results.values()), default=0)


def _number_of(value: Any) -> complex | None:
    """Return one number that changes with what a function returns, or None.

    Of a tuple or a list the first item counts, as an output or a loss comes first. Of an array each
    entry counts, because one input may change only a few of them. The weights of the entries
    change sign, so that rows that add up to 1 differ.
    """
    for _ in range(3):
        if type(value) in (tuple, list) and value:
            value = value[0]
    if isinstance(value, np.ndarray) and value.size and value.dtype.kind in "fc":
        flat = np.ndarray.view(value, np.ndarray).reshape(-1)
        with np.errstate(all="ignore"):
            value = (flat * np.cos(np.arange(flat.size))).sum()
    if type(value) not in (float, complex, np.float64, np.float32, np.complex128, np.longdouble):
        return None
    number = complex(value)
    return number if cmath.isfinite(number) else None


CHOICE = 2
"""Different results of a function that only chooses, as the slope of a ReLU does."""


def _close(values: list[complex], least: int) -> int:
    """Return how many values are close to their median, or 0 if that is no finite difference.

    Some differences may be zero, as a ReLU ignores inputs below zero. The values are more than
    the two of a function that only chooses between two results, though.
    """
    if len(values) < least:
        return 0
    middle = sorted(values, key=lambda value: value.real)[len(values) // 2]
    near = [value for value in values if abs(value - middle) <= APART * abs(middle)]
    return len(near) if len(near) >= least and len(set(near)) > CHOICE else 0


# --- the lines of a check ----------------------------------------------------------------


def run_steps(
    namespace: Mapping[str, Any],
    data: Mapping[str, Any],
    arrays: Mapping[str, NDArray[Any]],
    done: list[str],
    cells: Collection[str],
) -> Returned:
    """Run lines in turn and read values.

    A second run of the last lines gets fresh inputs, and the cache with all that was in it.

    Parameters
    ----------
    namespace : mapping
        The student's names.
    data : mapping
        ``functions``: the student's name for each in the lines. ``inputs``: a packed tree.
        ``steps``: ``[text, {name: tree}]``, lines and what is put in the place of names after them.
        ``reads``: expressions. ``again``: whether to run the last lines a second time. ``least``:
        see `repeats`, which then watches the second run; 0 watches nothing. ``seed``: of all
        generators, before each step. ``changed``: definitions of other text, see
        `gradkit.runtime.repair.changed`.
    arrays : mapping of arrays
        Those of all trees.
    done : list
        The steps that came to their end are added.
    cells : collection of str
        File names of the student's code.

    Returns
    -------
    Returned
        The values by the number of their expression, ``again/NUMBER`` for those that are other ones
        the second time, and a ``mutated`` fault for each input that the last lines changed. Where
        the second run is watched, ``similar`` counts its calls.
    """
    names: dict[str, Any] = {"np": np}
    names |= {name: namespace[own] for name, own in data["functions"].items()}
    names |= unpacked(data["inputs"], arrays)
    inputs = {name: names[name] for name, _ in data["inputs"]["dict"]}
    before: dict[str, list[bytes]] = {}
    kept: dict[str, Any] = {}
    out = Returned()
    for text, put in data["steps"]:
        before = {name: snapshot(value) for name, value in inputs.items()}
        kept = with_new_containers(names) if data["again"] else {}
        reseed(data["seed"])
        run(text, names)
        names |= {name: unpacked(tree, arrays) for name, tree in put.items()}
        done.append(text)
    _read_values(data["reads"], names, "", out)
    for name, value in inputs.items():
        if snapshot(value) != before[name]:
            out.fault(name, "mutated", "")
    if data["again"]:
        # With the inputs as they were: a step in place is a step from there once more.
        names |= {**kept, **unpacked(data["inputs"], arrays)}
        reseed(data["seed"])
        last, least = partial(run, data["steps"][-1][0], names), data["least"]
        if least:
            out.arrays["similar"] = np.array([repeats(last, cells, least)], np.int64)
        else:
            last()
        second = Returned()
        _read_values(data["reads"], names, "again/", second)
        out.faults += second.faults
        # What comes out alike, as it nearly always does, needs not be sent twice.
        out.arrays |= {
            name: array
            for name, array in second.arrays.items()
            if not _alike(out.arrays.get(name.removeprefix("again/")), array)
        }
    return out


def _alike(first: NDArray[Any] | None, second: NDArray[Any]) -> bool:
    return (
        first is not None
        and (first.dtype, first.shape) == (second.dtype, second.shape)
        and first.tobytes() == second.tobytes()
    )


_ENTRY = re.compile(r"([\w.]+)\[[^\[\]]+\]")
"""An entry of a dict that has a name."""


def _keys_of(table: object) -> Message | None:
    """Say which keys a dict has, where another was looked for."""
    if type(table) is not dict:
        return None
    keys = [repr(text_of(key, 40)) for key in table if type(key) is str]
    return message("keys", keys=", ".join(keys[:20])) if keys else None


def _read_values(expressions: list[str], names: dict[str, Any], prefix: str, out: Returned) -> None:
    """Read each expression; where there is no value, a fault says what was found."""
    for number, expression in enumerate(expressions):
        name = f"{prefix}{number}"
        try:
            value = value_of(expression, names)
        except Exception as error:
            reason = message_of(error)
            kind = text_of(type(error).__name__, 80)
            told = message("no-value", type=kind, reason=reason)
            if isinstance(error, KeyError) and (entry := _ENTRY.fullmatch(expression.strip())):
                told = _keys_of(value_of(entry[1], names)) or told
            out.fault(name, "missing", told)
            continue
        array = plain(name, value, out)
        if array is not None:
            out.arrays[name] = array
