"""Record what a model solution of functions computes, and read the record without the solution.

A student's machine has no model solution. The file `EXAMPLES` beside an assignment file stands in
for it. The file holds inputs of five random probes and of every ``hard`` case, with the outputs
that the model solution has for them, by check and by convention. Student code is then judged at
these inputs instead of freshly drawn ones, and otherwise in the same way.

The file is compressed JSON (``gzip -cd`` shows it). It holds numbers, names of inputs and checks,
the values of inputs that are words, and what a function hands on to another one, such as a cache.
It has nothing of the text of a model solution, and reading it runs no code. Random inputs have four
digits. Outputs have ten, because a comparison ignores differences below 1e-7 of the largest entry.

A task's record has a digest of all that its outputs depend on in the assignment file. If the
assignment file has changed since, the record is refused, because its outputs may be wrong.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from gradkit.lines import arrays_in, packed, unpacked
from gradkit.records.task import Draw, Example, FunctionCheck, FunctionTask, Made
from gradkit.task.assignment import AssignmentError
from gradkit.task.draws import drawn_again, draws
from gradkit.task.solution import Solution
from gradkit.task.tables import EXAMPLES
from gradkit.writing import read_file

SCHEMA = "gradkit/examples/v1"

RECORDED = 5
"""Number of random probes that are recorded."""

SEEDS = range(20)
"""Seeds of which the one with the smallest inputs is recorded."""

DIGITS = 10
"""Significant digits of recorded outputs."""

DTYPES = {"b": "bool", "i": "int64", "u": "int64", "f": "float64"}
"""Recorded types of numbers, by the kinds of numpy's types."""


UNREADABLE = (
    *(OSError, EOFError, zlib.error),  # no compressed file
    *(ValueError, KeyError, TypeError, AttributeError),  # other content
)
"""Errors of reading a file of examples that is damaged, or another file."""


def record_examples(solution: Solution) -> tuple[Example, ...]:
    """Record the outputs of a model solution at five random probes and every hard case.

    Raises
    ------
    OracleError
        The model solution stops, or returns no numbers.
    """
    task = solution.task
    choices = (list(draws(task, seed, count=RECORDED, short=True)) for seed in SEEDS)
    return tuple(_example(solution, draw) for draw in min(choices, key=_size))


def _size(drawn: Sequence[Draw]) -> int:
    return sum(array.size for draw in drawn for array in arrays_in(dict(draw.values)))


def _example(solution: Solution, draw: Draw) -> Example:
    """Record the outputs of all checks of a task, as its model solution computes them at one probe.

    ``draw`` is the probe: one set of inputs.
    """
    checks = solution.task.checks
    other = drawn_again(solution.task, draw, 0)
    return Example(
        draw,
        {
            check.name: tuple(
                _rounded(solution.by(check, draw, convention))
                for convention in ({}, *check.conventions)
            )
            for check in checks
        },
        {c.name: solution.differentiated(c, draw, other) for c in checks if c.gradient},
        {c.name: values for c in checks if (values := solution.handed_on(c, draw))},
    )


def _rounded(made: Made) -> Made:
    """Return the outputs of a check rounded to `DIGITS` digits, in the types that are recorded."""
    values, again = (
        {name: _recorded(array) for name, array in arrays.items()}
        for arrays in (made.values, made.again)
    )
    return Made(values, again, made.changed)


def _recorded(array: NDArray[Any]) -> NDArray[Any]:
    """Round an array to the recorded digits, in a recorded type."""
    array = np.asarray(array, dtype=DTYPES[array.dtype.kind])
    if array.dtype.kind != "f":
        return array
    texts = [f"{number:.{DIGITS}g}" for number in array.ravel()]
    return np.array(texts, dtype=float).reshape(array.shape)


# --- the file ------------------------------------------------------------------------------


def pack_examples(solutions: Iterable[Solution]) -> bytes:
    """Return the content of the file of examples for the tasks of an assignment.

    Raises
    ------
    OracleError
        A model solution stops, or returns no numbers.
    """
    tasks = {
        solution.task.id: {
            "question": question_of(solution.task),
            "examples": [_encoded(example) for example in record_examples(solution)],
        }
        for solution in solutions
    }
    text = json.dumps({"schema": SCHEMA, "tasks": tasks}, separators=(",", ":"))
    # Without the time of writing, so that the same examples are the same bytes.
    return gzip.compress(text.encode(), mtime=0)


def question_of(task: FunctionTask) -> str:
    """Return a hash of all parts of a task that its examples depend on.

    Examples with another hash were recorded for another version of the task.
    """
    checks = [
        (check.name, check.call.text, check.compare, check.gradient, check.of, check.conventions)
        for check in task.checks
    ]
    question = msgspec.json.encode([task.sizes, task.inputs, task.hard, checks])
    return hashlib.sha256(question).hexdigest()[:16]


def read_examples(task: FunctionTask) -> tuple[Example, ...]:
    """Read the examples of a task from beside its assignment file; empty if there are none.

    Raises
    ------
    AssignmentError
        The file cannot be read, or was written for another version of the task.
    """
    path = Path(task.path).parent / EXAMPLES
    if not path.is_file():
        return ()
    try:
        data = json.loads(gzip.decompress(read_file(path)))
        if data["schema"] != SCHEMA:
            raise AssignmentError(f"{path}: found schema {data['schema']!r}; expected {SCHEMA}.")
        record = data["tasks"].get(task.id)
        if record is None:
            return ()
        if record["question"] != question_of(task):
            raise AssignmentError(
                f"{path}: the examples of {task.id} belong to another version of the assignment "
                "file. Delete the file, or write the students' files again with `gradkit new` or "
                "`gradkit export`."
            )
        return tuple(_decoded(each, task.checks) for each in record["examples"])
    except UNREADABLE as error:
        raise AssignmentError(
            f"{path}: cannot be read as a file of examples ({type(error).__name__}: {error}). "
            "Delete it, or write the students' files again with `gradkit new` or `gradkit export`."
        ) from None


def _encoded(example: Example) -> dict[str, Any]:
    """Return an example, the right outputs at one set of inputs, as data to be written as JSON."""
    draw = example.draw
    tree, arrays = packed(draw.values)
    handed, others = packed(example.handed_on)
    return {
        "label": draw.label,
        "sizes": dict(draw.sizes),
        "hard": draw.hard,
        "inputs": tree,
        "arrays": _arrays(arrays),
        "made": {check: _encoded_made(each) for check, each in example.made.items()},
        "differentiated": {name: list(each) for name, each in example.differentiated.items()},
        "handed_on": handed,
        "arrays_handed_on": _arrays_or_names(others, arrays),
    }


def _arrays_or_names(
    arrays: Mapping[str, NDArray[Any]], known: Mapping[str, NDArray[Any]]
) -> dict[str, Any]:
    """Return arrays for JSON with the recorded digits; for a known array, its name in ``known``.

    A cache is often made of inputs, which are then recorded once.
    """
    names = {_identity(array): name for name, array in known.items()}
    found = {name: names.get(_identity(array)) for name, array in arrays.items()}
    others = {name: _recorded(array) for name, array in arrays.items() if found[name] is None}
    return {name: each for name, each in found.items() if each is not None} | _arrays(others)


def _identity(array: NDArray[Any]) -> tuple[str, tuple[int, ...], bytes]:
    """Return a key for an array: arrays with the same kind, shape and numbers have the same key."""
    return array.dtype.kind, array.shape, array.tobytes()


def _encoded_made(by_convention: Sequence[Made]) -> dict[str, Any]:
    """Return the right outputs of a check as data to be written as JSON.

    ``by_convention`` has the outputs in each accepted convention, such as another sign, the task's
    own first. For further conventions only the outputs that differ are written.
    """
    first, *others = by_convention
    return {
        "values": _arrays(first.values),
        "again": _arrays(_differing(first.again, first.values)),
        "changed": list(first.changed),
        "conventions": [
            {
                "values": _arrays(_differing(other.values, first.values)),
                "again": _arrays(_differing(other.again, other.values)),
            }
            for other in others
        ],
    }


def _differing(
    arrays: Mapping[str, NDArray[Any]], others: Mapping[str, NDArray[Any]]
) -> dict[str, NDArray[Any]]:
    """Return the arrays that differ in shape or bytes from those of the same name in ``others``."""
    return {
        name: array
        for name, array in arrays.items()
        if array.shape != others[name].shape or array.tobytes() != others[name].tobytes()
    }


def _arrays(arrays: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    """Return arrays as type, shape and a flat list of numbers; a whole float as an int."""
    return {
        name: [DTYPES[array.dtype.kind], list(array.shape), list(map(_number, array.flat))]
        for name, array in arrays.items()
    }


def _number(number: Any) -> Any:
    number = number.item()
    is_whole = isinstance(number, float) and number.is_integer() and abs(number) < 10**DIGITS
    return int(number) if is_whole and str(number) != "-0.0" else number


def _decoded(data: Mapping[str, Any], checks: Iterable[FunctionCheck]) -> Example:
    """Return the example that data read from JSON describe; ``checks`` are those of its task."""
    inputs = _decoded_arrays(data["arrays"])
    draw = Draw(data["label"], data["sizes"], unpacked(data["inputs"], inputs), data["hard"])
    made = {check.name: _decoded_made(data["made"][check.name]) for check in checks}
    differentiated = {name: tuple(each) for name, each in data["differentiated"].items()}
    handed = data.get("arrays_handed_on", {})
    known = {name: inputs[each] for name, each in handed.items() if isinstance(each, str)}
    known |= _decoded_arrays({n: each for n, each in handed.items() if n not in known})
    # Records of before version 0.3.0 have no such values.
    values = unpacked(data.get("handed_on", {"dict": []}), known)
    return Example(draw, made, differentiated, values)


def _decoded_made(data: Mapping[str, Any]) -> tuple[Made, ...]:
    """Return the right outputs of a check from data read from JSON, an item for each convention.

    See `_encoded_made` for the data.
    """
    values, changed = _decoded_arrays(data["values"]), tuple(data["changed"])
    first = Made(values, {**values, **_decoded_arrays(data["again"])}, changed)
    others = []
    for other in data["conventions"]:
        own = {**values, **_decoded_arrays(other["values"])}
        others.append(Made(own, {**own, **_decoded_arrays(other["again"])}, changed))
    return first, *others


def _decoded_arrays(data: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    """Return read-only arrays by name from data read from JSON: type, shape and numbers of each.

    ValueError is raised if an array has a type that is not recorded.
    """
    arrays = {}
    for name, (dtype, shape, numbers) in data.items():
        if dtype not in DTYPES.values():
            raise ValueError(f"found an array of {dtype}; expected bool, int64 or float64")
        arrays[name] = np.array(numbers, dtype=dtype).reshape(shape)
        arrays[name].flags.writeable = False
    return arrays
