"""Add checks of the other values of flags, modes and strides: ``training=False``, ``stride=2``.

In: a task whose lines run. Out: the task with one more check for each value that the body of a
function compares an argument with, and for another stride or padding, if the outputs differ with
it. Functions that take the cache of such a call get a check too. `with_own_seeds` finds functions
whose outputs are the same although they draw random numbers.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from gradkit.drafting.draft import DraftCheck, DraftTask, makes, random_checks
from gradkit.drafting.handout import HandoutParameter
from gradkit.drafting.sizes import equated, renamed
from gradkit.drafting.trial import HandoutProcess

MAX_MODES = 6
"""Most checks of other values that are tried for a task."""

MAX_EQUATED = 3
"""Most sizes that are made equal for another value."""

SEEDS = (0, 1)
"""Seeds with which a function runs to find out whether its outputs are random."""

OWN_SEED = "the function sets a seed itself, and students have to draw the same numbers"
"""Comment on a check of a function that draws the same numbers in each call."""

NUMBERS: Mapping[str, tuple[int, ...]] = {
    **dict.fromkeys(("stride", "strides"), (2, 3)),
    **dict.fromkeys(("pad", "padding"), (0, 2)),
}
"""Numbers that are tried for arguments and entries of dicts, by their names."""


class OtherValue(Struct, frozen=True):
    """A value for an argument, as Python code; with ``key``, for that entry of a dict."""

    code: str
    key: str = ""


def with_modes(task: DraftTask, trial: HandoutProcess) -> DraftTask:
    """Return a task with further checks, which call its functions with other flags and modes.

    A flag is a Boolean argument, a mode an argument or an entry of a dict that is compared with
    texts. The lines are run by ``trial``; at most `MAX_MODES` checks are tried.
    """
    groups = [group for check in task.checks if check.compare for group in _others(check, task)]
    for original, others in groups[:MAX_MODES]:
        before = task
        for other in others:
            if task is before:
                task = _add_check(task, original, other, trial)
                if task is not before:
                    task = _add_readers(task, original, other, trial)
    return task


def _add_readers(
    task: DraftTask, original: DraftCheck, other: DraftCheck, trial: HandoutProcess
) -> DraftTask:
    """Return a task with checks of functions that take the cache of another call.

    Each function that takes the cache of ``original`` takes that of ``other``. Its gradient of the
    output of ``original`` would have another shape now, so the output of ``other`` is passed.
    """
    names = dict(zip(makes(original), makes(other), strict=True))
    links = {name: new for name, new in names.items() if name in task.links}
    suffix = makes(other)[0].removeprefix(makes(original)[0]) if names else ""
    drawn = task.drawn.drawn(0)
    for reader in task.checks:
        *_, last = ast.parse(reader.lines).body
        call = getattr(last, "value", None)
        if not isinstance(call, ast.Call) or reader.function.name == original.function.name:
            continue
        arguments = [ast.unparse(argument) for argument in call.args]
        if not {*arguments} & {*links}:
            continue
        outputs = {task.shapes[name]: name for name in names if name in task.shapes}
        changed = [
            links.get(argument)
            or names.get(outputs.get(np.shape(drawn.get(argument, 0)), ""), argument)
            for argument in arguments
        ]
        new = {name: f"{name}{suffix}" for name in makes(reader)}
        keywords = [f"{k.arg}={ast.unparse(k.value)}" for k in call.keywords]
        line = f"{ast.unparse(call.func)}({', '.join([*changed, *keywords])})"
        compare = tuple(renamed(output, new) for output in reader.compare)
        name = f"{reader.name}{suffix.replace('_', '-')}"
        lines = f"{', '.join(new.values())} = {line}"
        added = DraftCheck(name, reader.function, lines, reader.called, compare)
        task = _add_check(task, reader, added, trial)
    return task


def with_own_seeds(task: DraftTask, trial: HandoutProcess) -> DraftTask:
    """Return a task in which functions that set their own seed are marked as fixed.

    Such a function takes an array and draws, and returns the same numbers for all states of numpy's
    generator, as dropout in a handout that prints expected numbers. A function that takes no array,
    such as an initialiser, stays random: students may choose another scale.
    """
    drawn = task.drawn.drawn(0)
    for place, check in enumerate(task.checks):
        if not random_checks(task)[place] or not check.function.is_random or not check.compare:
            continue
        arguments = re.findall(r"\w+", check.lines.splitlines()[-1].rpartition(" = ")[2])
        if not any(isinstance(drawn.get(name), np.ndarray) for name in arguments):
            continue
        alone = replace(task, checks=task.checks[: place + 1])
        first, second = (_run_checks(alone, check.compare, trial, seed) for seed in SEEDS)
        if all(np.array_equal(first[name], second[name]) for name in check.compare):
            fixed = replace(check, is_fixed=True, notes=(*check.notes, OWN_SEED))
            task = replace(task, checks=(*task.checks[:place], fixed, *task.checks[place + 1 :]))
    return task


def _others(check: DraftCheck, task: DraftTask) -> Iterator[tuple[DraftCheck, list[DraftCheck]]]:
    """Yield pairs of ``check`` and checks like it that pass another value for one argument.

    One of the checks is enough. Their outputs have other names than those of ``check``, as both are
    computed in one run. Nothing is yielded if the last line of ``check`` is no call, or makes an
    object.
    """
    *_, last = ast.parse(check.lines).body
    call = getattr(last, "value", None)
    if not isinstance(call, ast.Call) or check.function.returns == ("layer",):
        return
    made = makes(check)
    for place, parameter in enumerate(check.function.parameters):
        for values in [*([value] for value in _other_values(parameter)), *_numbers(parameter)]:
            found: list[DraftCheck] = []
            for value in values:
                suffix = _make_name(parameter.name, value.key, value.code)
                changed = _change_argument(call, place, parameter, value, task)
                if changed is None:
                    continue
                names = {name: f"{name}_{suffix}" for name in made}
                targets = ", ".join(names.values())
                lines = f"{targets} = {changed}" if targets else changed
                compare = tuple(renamed(output, names) for output in check.compare)
                name = f"{check.name}-{suffix.replace('_', '-')}"
                found.append(DraftCheck(name, check.function, lines, check.called, compare))
            yield check, found


def _numbers(parameter: HandoutParameter) -> Iterator[list[OtherValue]]:
    """Yield the numbers to try for a parameter, and for its entries, such as a stride."""
    if parameter.name in NUMBERS:
        yield [OtherValue(str(number)) for number in NUMBERS[parameter.name]]
    for key in dict.fromkeys((*parameter.keys, *parameter.optional)):
        if key in NUMBERS:
            yield [OtherValue(str(number), key) for number in NUMBERS[key]]


def _other_values(parameter: HandoutParameter) -> Iterator[OtherValue]:
    """Yield the values of a parameter, and of its entries, that no other check passes."""
    if parameter.default in ("True", "False"):
        yield OtherValue(str(parameter.default == "False"))
    elif parameter.uses.is_flag:
        yield OtherValue("False")
    drafted = [c for c in parameter.choices if repr(c) == parameter.default] or parameter.choices
    yield from (OtherValue(repr(choice)) for choice in parameter.choices if choice != drafted[0])
    yield from (OtherValue(repr(text), key) for key, text in parameter.modes)


def _make_name(*texts: str) -> str:
    """Join the words of some texts to a name, each once: "mode", "'test'" give mode_test."""
    text = " ".join(texts)
    words = "".join(letter if letter.isalnum() else " " for letter in text).lower().split()
    return "_".join(dict.fromkeys(words))


def _change_argument(
    call: ast.Call, place: int, parameter: HandoutParameter, value: OtherValue, task: DraftTask
) -> str | None:
    """Write a call in which the argument for a parameter has another value.

    The parameter is number ``place``. None if the entry of a dict already has this value, or if the
    argument is not a dict among the inputs of the task.
    """
    arguments = [*call.args]
    keywords = {keyword.arg: keyword.value for keyword in call.keywords}
    is_positional = place < len(arguments)
    given = arguments[place] if is_positional else keywords.get(parameter.name)
    code = value.code
    if value.key:
        table = task.inputs.get(ast.unparse(given)) if given is not None else None
        if given is None or not isinstance(table, Mapping) or table.get(value.key) == code:
            return None
        code = f"{{**{ast.unparse(given)}, {value.key!r}: {code}}}"
    new = ast.parse(code, mode="eval").body
    if is_positional:
        arguments[place] = new
    else:
        keywords[parameter.name] = new
    changed = [ast.keyword(name, given) for name, given in keywords.items()]
    return ast.unparse(ast.Call(call.func, arguments, changed))


def _add_check(
    task: DraftTask, original: DraftCheck, other: DraftCheck, trial: HandoutProcess
) -> DraftTask:
    """Return a task with the check ``other`` too, or the task alone.

    ``other`` calls the function of ``original`` with another value. It is added if its lines run in
    ``trial``, its outputs are finite, and they differ from those of ``original`` or are fewer. Up
    to `MAX_EQUATED` sizes of the task become equal if the lines stop otherwise.
    """
    grown = replace(task, checks=(*task.checks, other))
    before, failed = task, trial.run(grown.run(other.compare)).failed
    for _ in range(MAX_EQUATED):
        if not failed:
            break
        # The first value may allow any length, as training does for a running mean.
        alone = [replace(check, compare=()) for check in task.checks]
        equal = next(iter(equated(replace(grown, checks=(*alone, other)), failed)), grown)
        grown = replace(grown, sizes=equal.sizes, inputs=equal.inputs)
        failed = trial.run(grown.run(other.compare)).failed
    task, other = replace(grown, checks=grown.checks[:-1]), grown.checks[-1]
    runs = [_run_checks(grown, (*original.compare, *other.compare), trial, seed) for seed in SEEDS]
    if failed or not all(np.isfinite(value).all() for values in runs for value in values.values()):
        return before
    # The other value may return fewer outputs, as a prediction without a loss.
    pairs = [
        (was, now)
        for was, now in zip(original.compare, other.compare, strict=True)
        if all(now in values for values in runs)
    ]
    first, second = runs
    has_changed = any(not np.array_equal(first[was], first[now]) for was, now in pairs)
    if not pairs or not (has_changed or len(pairs) < len(other.compare)):
        return before
    compare = tuple(now for _, now in pairs)
    is_fixed = all(np.array_equal(first[now], second[now]) for now in compare)
    added = replace(other, compare=compare, is_fixed=is_fixed)
    shapes = {**task.shapes, **{name: first[name].shape for name in compare}}
    links = {*grown.links, *({*makes(other)} - {name.split("[")[0] for name in compare})}
    return replace(task, checks=(*task.checks, added), shapes=shapes, links=frozenset(links))


def _run_checks(
    task: DraftTask, reads: tuple[str, ...], trial: HandoutProcess, seed: int
) -> dict[str, NDArray[Any]]:
    """Run the lines of all checks in ``trial``; return the values of the expressions ``reads``.

    ``seed`` is that of numpy's random numbers for the last check. Expressions without a numeric
    value are left out.
    """
    run = task.run(reads)
    *before, last = run.lines
    seeded = replace(run, lines=(*before, f"np.random.seed({seed})\n{last}"))
    return dict(trial.run(seeded).values)
