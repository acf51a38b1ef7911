"""Read a function task from its table: sizes, inputs, and checks whose lines call functions."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from keyword import iskeyword
from pathlib import Path
from typing import Any

import numpy as np
from msgspec.structs import replace

from gradkit.lines import (
    LinesError,
    attributes_of,
    attributes_renamed,
    read_expression,
    read_lines,
    value_of,
)
from gradkit.records.task import Call, Draw, FunctionCheck, FunctionTask, Lines
from gradkit.task.draws import KNOWN, computed, draws, read_input
from gradkit.task.tables import (
    MOST,
    POINTS,
    CheckTable,
    FunctionTaskTable,
    among,
    files_of,
    imports_of,
    numbers_of,
    refuse,
)
from gradkit.writing import read_text_file

TOLERANCE = "a relative error: a number from 0 to 0.1"

OF = frozenset({"sum", "mean"})
"""Functions that the expression of a gradient's scalar may call."""


def function_task(file: Path, here: str, table: FunctionTaskTable, digest: Any) -> FunctionTask:
    """Build a function task from its table; modules that it gives to students are read from files.

    ``file`` is the assignment file, ``here`` the key of the table, such as ``tasks[0]``, and
    ``digest`` a hash to which the text of these modules is added.

    Raises
    ------
    AssignmentError
        The table has an error; the message names the key, the found and the expected value.
    """
    for kind, named, others in (
        ("sizes", table.sizes, {"np", *KNOWN}),
        ("inputs", table.inputs, {"np", *table.sizes}),
    ):
        for name, value in named.items():
            if not _is_name(name) or name in others:
                expected = "a valid Python name without another meaning"
                refuse(f"{here}.{kind}", repr(name), expected)
            # TOML adds every line below the heading [tasks.sizes] to that table.
            tables = isinstance(value, list) and any(isinstance(each, dict) for each in value)
            if name in FunctionTaskTable.__struct_fields__ and tables:
                expected = f"`{name}` of the task, above the heading [tasks.{kind}]"
                refuse(f"{here}.{kind}.{name}", f"a key of the table {kind}", expected)
    sizes = {
        name: _size(f"{here}.sizes.{name}", value, table.sizes)
        for name, value in table.sizes.items()
    }
    for name, value in table.inputs.items():
        _refusing(f"{here}.inputs.{name}", lambda value=value: read_input(value, sizes))
    for number, case in enumerate(table.hard):
        for name, value in case.items():
            key = f"{here}.hard[{number}].{name}"
            among(key, name, [*sizes, *table.inputs])
            if name not in sizes:
                _refusing(key, lambda value=value: read_input(value, sizes))
            elif type(value) is not int or value < 1:
                refuse(key, repr(value), "a size: a whole number from 1")
    for name in table.given:
        if not all(map(_is_name, name.split("."))):
            refuse(f"{here}.given", repr(name), "a module's name, as it is imported")
    given = {
        name: _given(file, f"{here}.given.{name}", source, digest)
        for name, source in table.given.items()
    }
    owners: dict[str, str] = {}
    checks = tuple(_checks(here, table, owners))
    calls = tuple(
        dict.fromkeys(
            call
            for check in checks
            for lines in (check.call, *check.others)
            for call in lines.calls
        )
    )
    own = {call.function.partition(".")[0] for call in calls}
    if not own:
        refuse(f"{here}.checks", "lines that call nothing", "a call of a function of the task")
    called = own | {call.function for call in calls}
    for key, names, known in (("names", [*table.names], own), ("shared", table.shared, called)):
        for name in names:
            among(f"{here}.{key}", name, sorted(known), "a function of the checks: ")
    task = FunctionTask(
        id=table.id,
        title=table.title,
        checks=checks,
        sizes=sizes,
        inputs=table.inputs,
        hard=tuple(table.hard),
        given=given,
        names={name: tuple(others) for name, others in table.names.items()},
        calls=calls,
        shared=tuple(table.shared),
        solution=table.solution,
        deadline=table.deadline,
        path=str(file),
        files=files_of(f"{here}.files", table.files),
        imports=imports_of(f"{here}.imports", table.imports, "numpy"),
        equivalent=table.equivalent,
    )
    try:
        for draw in draws(task, 0):
            for key, text in _factors(task):
                computed(key, text, {**draw.values, **draw.sizes})
    except LinesError as error:
        refuse(f"{here}.{error.key}", error.found, error.expected)
    return task


def _is_name(text: str) -> bool:
    """Return whether a text is a Python name that does not begin with an underscore."""
    return text.isidentifier() and not iskeyword(text) and not text.startswith("_")


def _refusing(key: str, read: Any) -> Any:
    """Call `read`, and turn its LinesError into an error of the assignment file at a key.

    Raises
    ------
    AssignmentError
        The text at the key does not follow the grammar of lines.
    """
    try:
        return read()
    except LinesError as error:
        refuse(key, error.found, error.expected)


def _size(key: str, value: Any, sizes: Mapping[str, Any]) -> tuple[int, ...] | str:
    """Return the choices of a size, or the expression that computes it from other sizes.

    ``value`` is the entry at ``key`` of the file, and ``sizes`` are all entries of the table of
    sizes.

    Raises
    ------
    AssignmentError
        The value is not valid; the message names its key.
    """
    if isinstance(value, str):
        for name in _refusing(key, lambda: read_expression(value)):
            if isinstance(sizes.get(name), str) or name not in sizes:
                refuse(key, repr(value), f"sizes that are given as numbers: {', '.join(sizes)}")
        return value
    choices = value if isinstance(value, list) else [value]
    if not choices or not all(type(each) is int and each > 0 for each in choices):
        refuse(key, repr(value), "whole numbers from 1, or an expression of other sizes")
    return tuple(choices)


def _given(file: Path, key: str, source: str, digest: Any) -> str:
    """Return the source of a module that the course gives to students; "" without a file.

    ``file`` is the assignment file, ``source`` the path of the module from its folder, and ``key``
    the key in the file. The text is added to the digest.

    Raises
    ------
    AssignmentError
        The module cannot be read; the message names its key.
    """
    if not source:
        return ""
    try:
        text = read_text_file(file.parent / source)
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
        refuse(key, f"{source} ({why})", "a Python file beside the assignment")
    digest.update(text.encode())
    return text


def _checks(here: str, table: FunctionTaskTable, owners: dict[str, str]) -> Iterator[FunctionCheck]:
    """Build the checks of a function task, in the order of its table.

    ``here`` is the key of the table in the file, such as ``tasks[0]``. ``owners`` is a dict, to
    which the class of each object in the lines of the checks is added by the object's name.

    Raises
    ------
    AssignmentError
        A value is not valid; the message names its key.
    """
    inputs = {*table.sizes, *table.inputs}
    known = {*inputs, "np"}
    seen: set[str] = set()
    for number, entry in enumerate(table.checks):
        key = f"{here}.checks[{number}]"
        if entry.name in seen:
            refuse(f"{key}.name", repr(entry.name), "a name that no other check has")
        seen.add(entry.name)
        ways = _calls(f"{key}.call", entry.call, owners, known)
        known |= set(ways[0].makes)
        for expression in entry.compare:
            _names(f"{key}.compare", expression, known)
        call, *others = (
            replace(lines, attributes=tuple(_attributes(lines, entry.compare, owners)))
            for lines in ways
        )
        for name in entry.untouched:
            among(f"{key}.untouched", name, table.inputs, "an input: ")
        gradient = dict(entry.gradient)
        of = gradient.pop("of", "")
        if entry.gradient and not (of and gradient):
            expected = 'of, and an input for each output: { of = "sum(out * dout)", dx = "x" }'
            refuse(f"{key}.gradient", repr(entry.gradient), expected)
        if of:
            _names(f"{key}.gradient.of", of, known | OF)
        for output, of_input in gradient.items():
            among(f"{key}.gradient", output, entry.compare, "one of compare: ")
            place = f"{key}.gradient.{output}"
            read = _refusing(place, lambda text=of_input: read_expression(text))
            if len(read) != 1 or not _is_place(of_input) or not read <= table.inputs.keys():
                expected = f"an input, or an entry of one: {', '.join(table.inputs)}"
                refuse(place, repr(of_input), expected)
        yield FunctionCheck(
            name=entry.name,
            points=numbers_of(key, {"points": entry.points}, MOST, POINTS)["points"],
            tolerance=numbers_of(key, {"tolerance": entry.tolerance}, 0.1, TOLERANCE)["tolerance"],
            call=call,
            compare=tuple(entry.compare),
            gradient=gradient,
            of=of,
            untouched=tuple(entry.untouched),
            others=tuple(others),
            conventions=tuple(_conventions(f"{key}.conventions", entry, table)),
        )


def _calls(
    key: str, texts: str | list[str], owners: dict[str, str], known: Iterable[str]
) -> list[Lines]:
    """Read the lines of a check, and the alternative lines that may replace them.

    ``texts`` is the value at ``key`` of the file: one text, or one for each alternative. All have
    to make the same names, and may read only ``known`` names. ``owners`` is a dict, to which the
    class of each object in the lines is added by the object's name.

    Raises
    ------
    AssignmentError
        A value is not valid; the message names its key.
    """
    read: list[Lines] = []
    for text in [texts] if isinstance(texts, str) else texts:
        lines = _refusing(key, lambda text=text: read_lines(text, owners))
        _known(key, lines.reads, known)
        if read and set(lines.makes) != set(read[0].makes):
            expected = f"lines that make the same names: {', '.join(read[0].makes)}"
            refuse(key, repr(text), expected)
        read.append(lines)
    return read


def _attributes(lines: Lines, compare: Iterable[str], owners: Mapping[str, str]) -> Iterator[str]:
    """Yield the attributes that a class must have for the lines and outputs of a check.

    ``compare`` are the expressions of the outputs, and ``owners`` has the class of each object.
    """
    used = {each for text in (lines.text, *compare) for each in attributes_of(text, owners)}
    yield from sorted(used - attributes_renamed(lines.text, owners))


def _conventions(
    key: str, entry: CheckTable, table: FunctionTaskTable
) -> Iterator[Mapping[str, str]]:
    """Yield the other conventions that a check accepts, such as a gradient with another factor.

    A convention has an expression for each input that it replaces and a factor for each output; the
    expressions must use known names. ``key`` is that of the conventions in the file, ``entry`` the
    table of the check, and ``table`` that of its task.

    Raises
    ------
    AssignmentError
        A value is not valid; the message names its key.
    """
    sizes, inputs = table.sizes, table.inputs
    for convention in entry.conventions:
        for name, text in convention.items():
            among(key, name, [*entry.compare, *inputs], "one of compare, or an input: ")
            _names(f"{key}.{name}", text, {*sizes, *inputs} if name in inputs else sizes)
        yield convention


def _factors(task: FunctionTask) -> Iterator[tuple[str, str]]:
    """Yield the factors by which conventions multiply outputs, as expressions with their keys.

    The key comes first in each item.
    """
    for number, check in enumerate(task.checks):
        for convention in check.conventions:
            for output, factor in convention.items():
                yield f"checks[{number}].conventions.{output}", factor


def _is_place(expression: str) -> bool:
    """Return whether an expression can be assigned to, as ``parameters['W1']``."""
    node = ast.parse(expression.strip(), mode="eval").body
    while isinstance(node, ast.Subscript):
        node = node.value
    return isinstance(node, ast.Name)


def _names(key: str, text: str, known: Iterable[str]) -> frozenset[str]:
    """Read the expression at a key of the file, and return its names, which must be ``known``."""
    names: frozenset[str] = _refusing(key, lambda: read_expression(text))
    _known(key, names, known)
    return names


def _known(key: str, names: Iterable[str], known: Iterable[str]) -> None:
    """Refuse names at a key that are not known."""
    for name in sorted({*names} - {*known}):
        refuse(key, repr(name), f"a name that exists at this point: {', '.join(sorted(known))}")


def steps_of(
    task: FunctionTask, check: FunctionCheck, names: Iterable[str] = ()
) -> list[FunctionCheck]:
    """Return a check and the earlier checks whose lines make the names that it reads.

    The checks are in the order in which their lines have to run.

    Parameters
    ----------
    task : FunctionTask
        The task that has the checks.
    check : FunctionCheck
        The last of the returned checks.
    names : iterable of str
        Names that are needed besides those that the check reads.
    """
    wanted = {name for lines in (check.call, *check.others) for name in lines.reads} | set(names)
    steps = [check]
    place = task.checks.index(check)
    for before in reversed(task.checks[:place]):
        if wanted & {*before.call.makes, *before.call.changes}:
            steps.append(before)
            wanted |= set(before.call.reads)
    return steps[::-1]


def scalar_names(task: FunctionTask, check: FunctionCheck) -> list[str]:
    """Return the names of the outputs in the scalar whose gradients a check computes."""
    return sorted(read_expression(check.of) - OF - {"np", *task.inputs, *task.sizes})


def forward_steps(task: FunctionTask, check: FunctionCheck) -> list[FunctionCheck]:
    """Return the checks whose lines compute the scalar whose gradients a check computes.

    The check itself is one of them if its lines make an output in that scalar.
    """
    names = scalar_names(task, check)
    steps = steps_of(task, check, names)
    return steps if {*names} & {*check.call.makes} else steps[:-1]


def scalar_of(check: FunctionCheck, names: Mapping[str, Any]) -> float:
    """Compute the scalar whose gradients a check computes, from inputs and outputs by name."""
    known = {"np": np, "sum": np.sum, "mean": np.mean, **names}
    return float(np.sum(value_of(check.of, known)))


def least_evaluations(check: FunctionCheck, draw: Draw) -> int:
    """Return the smallest number of forward passes that finite differences need in a check.

    That is one for each entry of the smallest array with several rows and columns by which the
    check differentiates. Other code may call a helper for each row or column, with similar
    results, but not so often. The number is 0 if there is no such array.
    """
    arrays = (np.squeeze(value_of(of, {**draw.values})) for of in check.gradient.values())
    return min((array.size for array in arrays if array.ndim > 1), default=0)


def functions_of(calls: Iterable[Call]) -> tuple[str, ...]:
    """Return the names of the functions and classes that calls use, each once."""
    return tuple(dict.fromkeys(call.function.partition(".")[0] for call in calls))
