"""Call student functions inside the worker, and run the lines of a check.

The input is canonical arrays and a call, which is the JSON form of a bound role. The output is
canonical arrays, and a fault for each value that cannot be read as one. No module of the worker
knows the correct values.

A call is a bound role as JSON, see `gradkit.records.submission`: ``function``, ``arguments``,
``by_name``, ``keys``, ``weights``, ``vectors``, ``biases``, ``scalars``, ``inputs``,
``columns``, ``returns``, the canonical ``shapes`` of the returned quantities and, if another
function has to be called first, its call as ``before``.
"""

from __future__ import annotations

import cmath
import math
import re
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from inspect import CO_VARARGS, CO_VARKEYWORDS
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
"""Calls the function that has to be called first, with inputs and the student's parameters."""


@dataclass(slots=True)
class Returned:
    """Canonical outputs of one call, and the faults ``[quantity, kind, found]`` among them."""

    arrays: dict[str, NDArray[Any]] = field(default_factory=dict)
    faults: list[tuple[str, str, Message | str]] = field(default_factory=list)

    def fault(self, quantity: str, kind: str, found: Message | str) -> None:
        """Record that a returned quantity cannot be compared.

        ``quantity`` is a canonical name such as W1. ``kind`` is a word such as ``type``, ``shape``,
        ``dtype``, ``missing`` or ``mutated``. ``found`` describes the value that was found.
        """
        self.faults.append((quantity, kind, found))


# --- canonical to student ----------------------------------------------------------------


def is_parameter(quantity: str) -> bool:
    """Return whether a quantity is a parameter, as W1 and b2 are."""
    return quantity[0] in "Wb" and quantity[1:].isdigit()


def parameters_for(call: Call, inputs: Arrays) -> dict[str, NDArray[Any]]:
    """Return a new dict of parameters to pass to a student's function, with the student's keys.

    Parameters
    ----------
    call : mapping
        ``keys`` has the student's key for each canonical name, such as W1; ``weights`` and
        ``biases`` are the layouts. The arrays are np.matrix if the student's own parameters are.
    inputs : mapping of arrays
        Contains each parameter in canonical layout; other inputs are ignored.
    """
    parameters = {}
    for quantity, key in call["keys"].items():
        value = inputs[quantity]
        if quantity[0] == "W":
            array = np.array(value.T if call["weights"] == "out_in" else value, order="C")
        else:
            array = _oriented_vector(value, call["biases"])
        parameters[key] = _as_array_type(call, array)
    return parameters


def argument_for(call: Call, kind: str, inputs: Arrays) -> Any:
    """Return a new value for one argument of the student's function, in the student's layout.

    Parameters
    ----------
    call : mapping
        Gives the layout.
    kind : str
        The argument: ``dim`` for the list of layer sizes, ``dim/1`` for one of them, ``rate``, or
        a quantity such as ``X``. The dict of parameters is not one of them.
    inputs : mapping of arrays
        Canonical values.
    """
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
        return _as_array_type(call, value.copy()) if kind == "y_hat" else value.copy()
    if kind == "X" and call["inputs"] == "series":
        import pandas as pd  # only for the rare function that insists on a data frame's row

        return pd.Series(value[:, 0], index=call["columns"])
    vector = _oriented_vector(value, call["vectors"])
    # Data are always arrays, but a forward pass with matrix parameters returns matrices.
    return vector if kind in ("X", "y") else _as_array_type(call, vector)


def _as_array_type(call: Call, array: NDArray[Any]) -> NDArray[Any]:
    """Return a view of an array as np.matrix if the student's initialiser returns matrices."""
    return array.view(np.matrix) if call.get("arrays") == "matrix" else array


def _oriented_vector(column: NDArray[Any], orientation: str) -> NDArray[Any]:
    """Return a copy of a column (n, 1) in an orientation: row (1, n), flat (n,) or column.

    ``orientation`` is ``row``, ``flat`` or ``column``.
    """
    if orientation == "row":
        return np.array(column.T, order="C")
    return column[:, 0].copy() if orientation == "flat" else column.copy()


# --- student to canonical ----------------------------------------------------------------


def canonical(call: Call, quantity: str, value: Any, shape: tuple[int, ...], out: Returned) -> None:
    """Convert a returned value to the canonical layout, and store it in ``out``.

    Parameters
    ----------
    call : mapping
        Gives the student's layout.
    quantity : str
        The name under which the array is stored.
    value : object
        The value that the student's function returned.
    shape : tuple of int
        The canonical shape.
    out : Returned
        Gets the array, or a fault if the value is no array of numbers of that shape.
    """
    array = plain(quantity, value, out)
    converted = None if array is None else laid_out(call, quantity, array, shape, out)
    if converted is not None:
        out.arrays[quantity] = converted


def laid_out(
    call: Call, quantity: str, array: NDArray[Any], shape: tuple[int, ...], out: Returned
) -> NDArray[Any] | None:
    """Return a student's array in the canonical layout.

    If its shape is wrong, None is returned and a ``shape`` fault is added to ``out``. ``call``
    gives the student's layouts, ``quantity`` is the canonical name of the array, such as W1, and
    ``shape`` its canonical shape.
    """
    if array.size == 1 and math.prod(shape) == 1:
        return array.reshape(shape)
    expected, transposed = shape, False
    if quantity[0] == "W":
        transposed = call["weights"] == "out_in"
        expected = shape[::-1] if transposed else shape
    elif is_parameter(quantity):
        expected = {"column": shape, "row": shape[::-1], "flat": shape[:1]}[call["biases"]]
    elif array.shape in (shape, shape[::-1], shape[:1]):
        # An output is a vector, so every orientation means the same values.
        expected = array.shape
    if array.shape != expected:
        out.fault(
            quantity, "shape", message("shape", found=str(array.shape), expected=str(expected))
        )
        return None
    return array.T if transposed else array.reshape(shape)


def plain(quantity: str, value: Any, out: Returned) -> NDArray[Any] | None:
    """Return a student's value as a base ndarray of numbers.

    If it cannot be read, None is returned and a fault for ``quantity`` is added to ``out``.
    Subclasses are read through the buffer of ``np.ndarray``, so that none of their overloaded
    operators runs; they get a ``subclass`` fault too.
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
    """Return the item at a path in nested containers, or None if there is no such item.

    ``path`` has the keys and indices to apply one after the other: ``["cache", 0]`` for
    ``value["cache"][0]``.
    """
    for step in path:
        try:
            value = value[step]
        except Exception:
            return None
    return value


# --- one call ----------------------------------------------------------------------------


def arguments_for(call: Call, inputs: Arrays, parameters: Mapping[str, Any] | None) -> list[Any]:
    """Return the arguments of a call, in the order of the student's signature.

    ``inputs`` are canonical arrays, which are copied into the student's layout. The student's dict
    of ``parameters`` is passed as it is, where the function takes one.
    """
    return [
        parameters if kind == "parameters" else argument_for(call, kind, inputs)
        for kind in call["arguments"]
    ]


def read_outputs(call: Call, returned: Any, out: Returned) -> None:
    """Read the quantities of a returned value, and store them in ``out`` in canonical layout.

    ``returns`` in ``call`` has the path of each quantity, see `follow`, and ``shapes`` its
    canonical shape. A quantity that is missing or cannot be read gets a fault in ``out``.
    """
    if returned is None:
        for name in call["returns"]:
            out.fault(name, "missing", message("nothing"))
        return
    for quantity, path in call["returns"].items():
        shape = tuple(call["shapes"][quantity])
        canonical(call, quantity, follow(returned, path), shape, out)


def apply(function: Callable[..., Any], call: Call, arguments: list[Any]) -> Any:
    """Call a student's function with arguments in the order of its signature.

    The last arguments are passed by keyword, with the names that ``by_name`` in ``call`` lists. But
    a decorator may have replaced the function by one that takes ``*args`` only: all arguments are
    passed to that by position.
    """
    if _takes_positions_only(function):
        return function(*arguments)
    first = len(arguments) - len(call["by_name"])
    keywords = dict(zip(call["by_name"], arguments[first:], strict=True))
    return function(*arguments[:first], **keywords)


def _takes_positions_only(function: Callable[..., Any]) -> bool:
    """Return whether a function has ``*args`` and no parameter that a keyword can name."""
    code = getattr(function, "__code__", None)
    if not isinstance(code, CodeType):
        return False
    named = code.co_argcount - code.co_posonlyargcount + code.co_kwonlyargcount
    return not named and code.co_flags & (CO_VARARGS | CO_VARKEYWORDS) == CO_VARARGS


def call_before(
    function: Callable[..., Any], call: Call, inputs: Arrays, parameters: Mapping[str, Any] | None
) -> None:
    """Call a function that must run before another, and drop what it returns.

    An update may read values that the forward pass has stored in a global cache. The function
    gets the same dict of ``parameters`` as the next call, as in a training loop, because it may
    store that dict; a new dict, made from the canonical ``inputs``, if ``parameters`` is None. Its
    own changes of the parameters are undone.

    Raises
    ------
    BeforeError
        The function raised; its exception is the cause.
    """
    passed: Any = parameters_for(call, inputs) if parameters is None else parameters
    arrays = {key: value for key, value in passed.items() if isinstance(value, np.ndarray)}
    copies = {key: value.copy() for key, value in arrays.items()}
    try:
        apply(function, call, arguments_for(call, inputs, passed))
        for key, value in arrays.items():
            value[...] = copies[key]
            passed[key] = value
    except BaseException as error:
        raise BeforeError from error


def run_function(
    function: Callable[..., Any], call: Call, inputs: Arrays, before: Before | None = None
) -> tuple[Any, dict[str, Any] | None, Returned]:
    """Call a student's function once, after the function that must run ``before`` it, if any.

    ``call`` describes the function, and ``inputs`` are the canonical arrays to pass.

    Returns
    -------
    returned : object
        The value that the function returned.
    parameters : dict or None
        The dict of parameters that was passed, with the changes that the function made; None if
        it takes none.
    out : Returned
        Holds a ``mutated`` fault for each argument that the function changed and must not change.
    """
    out = Returned()
    parameters = parameters_for(call, inputs) if "parameters" in call["arguments"] else None
    if before is not None:
        before(inputs, parameters)
    arguments = arguments_for(call, inputs, parameters)
    watched = [
        (kind, value, value.tobytes())
        for kind, value in zip(call["arguments"], arguments, strict=True)
        if isinstance(value, np.ndarray)
    ]
    if parameters is not None and call["returns"] and not _returns_parameters(call):
        # A function that returns other quantities must not change the parameters.
        watched += [
            (name, parameters[key], parameters[key].tobytes()) for name, key in call["keys"].items()
        ]
    returned = apply(function, call, arguments)
    for name, value, original in watched:
        if value.tobytes() != original:
            out.fault(name, "mutated", "")
    return returned, parameters, out


def evaluate(
    function: Callable[..., Any], call: Call, inputs: Arrays, before: Before | None = None
) -> Returned:
    """Call a student's function once, and return its result as canonical arrays and faults.

    The result is the quantities at the paths in ``returns`` of the call or, if the call has none,
    the parameters that the function returned or changed in place. ``before`` is called first, if
    given, with the canonical ``inputs``.
    """
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
    """Read the parameters in a student's dict, and store them in ``out`` in canonical layout.

    ``source`` is the dict, by the student's keys. ``shapes`` has the canonical shape of each
    parameter by canonical name. A parameter that is missing or cannot be read gets a fault in
    ``out``.
    """
    for quantity, key in call["keys"].items():
        canonical(call, quantity, source.get(key), tuple(shapes[quantity]), out)


def changed_parameters(
    call: Call, returned: Any, passed: Mapping[str, Any] | None
) -> Mapping[str, Any]:
    """Return the student's dict of parameters after an update, by the student's keys.

    ``call`` describes the function. The result is a dict made of the parameters that the update
    ``returned`` one by one, or a returned dict with their keys, or else the dict that was
    ``passed``, which may have been changed in place; an empty dict if None was passed.
    """
    if _returns_parameters(call):
        paths = call["returns"]
        return {key: follow(returned, paths[name]) for name, key in call["keys"].items()}
    keys = set(call["keys"].values())
    options = returned if isinstance(returned, tuple | list) else (returned,)
    for option in options:
        if isinstance(option, dict) and keys <= set(option):
            return option
    return passed or {}


def _returns_parameters(call: Call) -> bool:
    """Return whether an update returns each parameter, as in ``return W1, b1, W2, b2``."""
    return bool(call["keys"]) and set(call["keys"]) <= set(call["returns"])


# --- repeated calls ----------------------------------------------------------------------

MAX_WATCHED_CALLS = 10_000
"""Calls whose results are compared. Finite differences of a convolution make two for each of over
a thousand inputs."""

RELATIVE_DIFFERENCE = 0.1
"""Largest relative difference from the median of a result that counts as close to it."""


def repeats(action: Callable[[], object], cells: Collection[str], least: int) -> int:
    """Run an action, and count the calls of one student function whose results hardly differ.

    A gradient by finite differences, or by a complex step, makes such calls: one or two for each
    parameter, each at a point very close to the others. This runs beside student code, which can
    falsify the count: it is evidence for a person, and code that cheats is not always seen.

    Parameters
    ----------
    action : callable
        Runs student code. Its exceptions are not caught.
    cells : collection of str
        File names of code to watch.
    least : int
        The smallest count that matters; fewer calls count as 0.

    Returns
    -------
    int
        The largest count of any function; ``least`` if the action switched off the profiler that
        counts.
    """
    results: dict[CodeType, list[complex]] = {}
    left, watched = MAX_WATCHED_CALLS, {*cells, "<string>"}

    def record_result(frame: FrameType, event: str, returned: Any) -> None:
        """Add a number for the result of a watched call to ``results``, as a profiler."""
        nonlocal left
        code = frame.f_code
        if event == "return" and left > 0 and code.co_filename in watched:
            left -= 1
            value = _number_of(returned)
            if value is not None:
                results.setdefault(code, []).append(value)

    previous_profiler = sys.getprofile()
    sys.setprofile(record_result)
    switched_off = False
    try:
        action()
        switched_off = sys.getprofile() is not record_result
    finally:
        sys.setprofile(previous_profiler)
    if switched_off:
        return least
    return max((_count_close_values(values, least) for values in results.values()), default=0)


def _number_of(value: Any) -> complex | None:
    """Return one number that represents a returned value, or None if it is no finite number.

    For a tuple or a list this is the number of its first item, as an output or a loss comes first.
    For an array of floats it is a weighted sum of all entries, because one input may change only a
    few of them. The weights have both signs, so that different rows with sum 1 get different
    numbers.
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


MAX_CHOICES = 2
"""Different results of a function that only chooses between two, such as the slope of a ReLU."""


def _count_close_values(values: list[complex], least: int) -> int:
    """Count the values that are close to their median.

    Close is a difference of at most `RELATIVE_DIFFERENCE` times the median. Return 0 if the count
    is below ``least``, or if the close values have at most `MAX_CHOICES` distinct values. A
    gradient by finite differences may contain some equal values, as a ReLU ignores inputs below
    zero. But it has more distinct values than the two of a function that only chooses.
    """
    if len(values) < least:
        return 0
    middle = sorted(values, key=lambda value: value.real)[len(values) // 2]
    near = [value for value in values if abs(value - middle) <= RELATIVE_DIFFERENCE * abs(middle)]
    return len(near) if len(near) >= least and len(set(near)) > MAX_CHOICES else 0


# --- the lines of a check ----------------------------------------------------------------


def run_steps(
    namespace: Mapping[str, Any],
    data: Mapping[str, Any],
    arrays: Mapping[str, NDArray[Any]],
    done: list[str],
    cells: Collection[str],
) -> Returned:
    """Run the steps of a check in order, and then evaluate its expressions.

    If the last step is run a second time, it gets new inputs, and the caches with their content.

    Parameters
    ----------
    namespace : mapping
        The student's names.
    data : mapping
        ``functions``: the student's name for each function in the lines. ``inputs``: a packed tree.
        ``steps``: ``[text, {name: tree}]``, lines, and values that replace names after them.
        ``reads``: expressions. ``again``: whether to run the last lines a second time. ``least``:
        see `repeats`, which then watches the second run; 0 watches nothing. ``seed``: of all
        generators, before each step. ``changed``: definitions with changed text, see
        `gradkit.runtime.repair.changed`.
    arrays : mapping of arrays
        The arrays of all trees.
    done : list
        The text of each step that has finished is added.
    cells : collection of str
        File names of the student's code.

    Returns
    -------
    Returned
        The values by the number of their expression, ``again/NUMBER`` for those that differ the
        second time, and a ``mutated`` fault for each input that the last lines changed. If the
        second run is watched, ``similar`` is its count from `repeats`.
    """
    names: dict[str, Any] = {"np": np}
    names |= {name: namespace[student_name] for name, student_name in data["functions"].items()}
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
        # The inputs are restored: an update in place must start from the same values again.
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
        # Identical values, which are nearly all, need not be sent twice.
        out.arrays |= {
            name: array
            for name, array in second.arrays.items()
            if not _are_identical(out.arrays.get(name.removeprefix("again/")), array)
        }
    return out


def _are_identical(first: NDArray[Any] | None, second: NDArray[Any]) -> bool:
    """Return whether two arrays have the same dtype, shape and bytes; False if one is None."""
    return (
        first is not None
        and (first.dtype, first.shape) == (second.dtype, second.shape)
        and first.tobytes() == second.tobytes()
    )


_ENTRY = re.compile(r"([\w.]+)\[[^\[\]]+\]")
"""An expression that looks up one entry of a named dict, such as ``cache['A1']``."""


def _keys_message(table: object) -> Message | None:
    """Return a message that lists the text keys of a dict, to explain a failed look-up.

    None is returned if ``table`` is no dict or has no text keys.
    """
    if type(table) is not dict:
        return None
    keys = [repr(text_of(key, 40)) for key in table if type(key) is str]
    return message("keys", keys=", ".join(keys[:20])) if keys else None


def _read_values(expressions: list[str], names: dict[str, Any], prefix: str, out: Returned) -> None:
    """Evaluate the expressions of a check with its names, and store their arrays in ``out``.

    The array of the third expression is stored as ``2``, with the ``prefix`` before it. An
    expression that raises, or gives no array of numbers, gets a fault in ``out``.
    """
    for number, expression in enumerate(expressions):
        name = f"{prefix}{number}"
        try:
            value = value_of(expression, names)
        except Exception as error:
            reason = message_of(error)
            kind = text_of(type(error).__name__, 80)
            found = message("no-value", type=kind, reason=reason)
            if isinstance(error, KeyError) and (entry := _ENTRY.fullmatch(expression.strip())):
                found = _keys_message(value_of(entry[1], names)) or found
            out.fault(name, "missing", found)
            continue
        array = plain(name, value, out)
        if array is not None:
            out.arrays[name] = array
