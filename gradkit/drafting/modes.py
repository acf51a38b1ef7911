"""Add checks of the other values of flags and modes: ``training=False``, ``mode == "test"``.

In: a task whose lines run. Out: the task with one more check for each value that the body of a
function compares an argument with, if the outputs differ with it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from gradkit.drafting.draft import DraftCheck, DraftTask, makes
from gradkit.drafting.handout import HandoutParameter
from gradkit.drafting.sizes import equated, renamed
from gradkit.drafting.trial import HandoutProcess

MAX_MODES = 6
"""Most checks of other values that are tried for a task."""

MAX_EQUATED = 3
"""Most sizes that are made equal for another value."""

SEEDS = (0, 1)
"""Seeds with which a function runs to find out whether its outputs are random."""


def with_modes(task: DraftTask, trial: HandoutProcess) -> DraftTask:
    """Return a task with checks of the other values of its functions' flags and modes."""
    pairs = [pair for check in task.checks if check.compare for pair in _others(check, task)]
    for original, other in pairs[:MAX_MODES]:
        task = _with_check(task, original, other, trial)
    return task


def _others(check: DraftCheck, task: DraftTask) -> Iterator[tuple[DraftCheck, DraftCheck]]:
    """Yield a check with each check that passes another value for one of its arguments."""
    *_, last = ast.parse(check.lines).body
    call = getattr(last, "value", None)
    if not isinstance(call, ast.Call) or check.function.returns == ("layer",):
        return
    made = makes(check)
    for place, parameter in enumerate(check.function.parameters):
        for value in _other_values(parameter):
            suffix = _slug(f"{parameter.name} {value}")
            changed = _with_argument(call, place, parameter, value, task)
            if changed is None:
                continue
            names = {name: f"{name}_{suffix}" for name in made}
            targets = ", ".join(names.values())
            lines = f"{targets} = {changed}" if targets else changed
            compare = tuple(renamed(output, names) for output in check.compare)
            name = f"{check.name}-{suffix.replace('_', '-')}"
            yield check, DraftCheck(name, check.function, lines, check.called, compare)


def _other_values(parameter: HandoutParameter) -> Iterator[str]:
    """Yield the values of a parameter that are not drafted by themselves, as Python code.

    An entry of a dict is ``'mode': 'test'``.
    """
    if parameter.default in ("True", "False"):
        yield str(parameter.default == "False")
    elif parameter.uses.is_flag:
        yield "False"
    drafted = [c for c in parameter.choices if repr(c) == parameter.default] or parameter.choices
    yield from (repr(choice) for choice in parameter.choices if choice != drafted[0])
    yield from (f"{key!r}: {text!r}" for key, text in parameter.modes)


def _slug(text: str) -> str:
    """Return a name in Python for an argument and its value: ``mode 'test'`` is mode_test."""
    words = "".join(letter if letter.isalnum() else " " for letter in text).lower().split()
    return "_".join(dict.fromkeys(words))


def _with_argument(
    call: ast.Call, place: int, parameter: HandoutParameter, value: str, task: DraftTask
) -> str | None:
    """Return a call with another value for an argument, or None if it already has that value."""
    copied = ast.Call(call.func, [*call.args], [ast.keyword(k.arg, k.value) for k in call.keywords])
    keywords = {keyword.arg: keyword for keyword in copied.keywords}
    given = copied.args[place] if place < len(copied.args) else None
    if given is None and parameter.name in keywords:
        given = keywords[parameter.name].value
    if ": " in value:
        table = task.inputs.get(ast.unparse(given)) if given is not None else None
        key, _, text = value.partition(": ")
        if given is None or not isinstance(table, Mapping) or table.get(key.strip("'")) == text:
            return None
        value = f"{{**{ast.unparse(given)}, {value}}}"
    new = ast.parse(value, mode="eval").body
    if place < len(copied.args):
        copied.args[place] = new
    elif parameter.name in keywords:
        keywords[parameter.name].value = new
    else:
        copied.keywords.append(ast.keyword(parameter.name, new))
    return ast.unparse(copied)


def _with_check(
    task: DraftTask, original: DraftCheck, other: DraftCheck, trial: HandoutProcess
) -> DraftTask:
    """Return a task with one more check, if it runs and its outputs differ from another check's."""
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
    runs = [_values(grown, (*original.compare, *other.compare), trial, seed) for seed in SEEDS]
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


def _values(
    task: DraftTask, reads: tuple[str, ...], trial: HandoutProcess, seed: int
) -> dict[str, NDArray[Any]]:
    """Return the values of expressions after the lines of all checks, run with a random seed."""
    run = task.run(reads)
    *before, last = run.lines
    seeded = replace(run, lines=(*before, f"np.random.seed({seed})\n{last}"))
    return dict(trial.run(seeded).values)
