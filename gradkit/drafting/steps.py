"""Add further calls of functions and methods that keep a state, such as a momentum.

In: a task whose lines run. Out: the task with one more check for each method whose object has
another state after a call, and for each function that returns a state in a dict. A state that
begins with zeros shows no wrong factor in the first call.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping

import numpy as np
from msgspec.structs import replace

from gradkit.drafting.draft import DraftCheck, DraftTask, makes, random_checks
from gradkit.drafting.sizes import renamed
from gradkit.drafting.trial import HandoutProcess

WHY = "a further call starts with the state that an earlier one leaves"
"""Comment on a check with further calls."""

OTHER = "other values in a further call"
"""Reason for an input of a further call."""


def with_further_calls(task: DraftTask, trial: HandoutProcess) -> DraftTask:
    """Return a task with further calls of each function that keeps a state, run by ``trial``.

    Functions that draw random numbers are not called again. Only the first check of a function is
    followed by further calls.
    """
    functions = [check.function for check in task.checks]
    for place, is_random in enumerate(random_checks(task)):
        check = task.checks[place]
        if is_random or check.function in functions[:place] or not check.compare:
            continue
        passed = _returned_states(check, task)
        if passed or _keeps_state(check, task):
            task = _add_check(task, place, passed, trial)
    return task


def _returned_states(check: DraftCheck, task: DraftTask) -> dict[str, str]:
    """Return the names of input dicts, each with the name of a returned dict that has a state.

    A returned dict belongs to the input of the same name: ``new_config`` to ``config``. It has a
    state if the function adds a key, or returns one for which it has a default.
    """
    found: dict[str, str] = {}
    optional = {key for parameter in check.function.parameters for key in parameter.optional}
    for output in check.compare:
        entry = re.fullmatch(r"(?P<name>\w+)\['(?P<key>\w+)'\]", output)
        if not (entry and entry["name"] in makes(check)):
            continue
        plain = _plain(entry["name"].removeprefix("new_"))
        for name, value in task.inputs.items():
            is_same = isinstance(value, Mapping) and _plain(name) == plain
            if is_same and (entry["key"] not in value or entry["key"] in optional):
                found[name] = entry["name"]
    return found


def _plain(name: str) -> str:
    """Return a name as the handout has it: ``config`` for ``config_4``."""
    return re.sub(r"_\d+$", "", name)


def _keeps_state(check: DraftCheck, task: DraftTask) -> bool:
    """Return whether a check calls a method that assigns attributes which no input replaces."""
    lines = "\n".join(each.lines for each in task.checks)
    replaced = {*re.findall(r"^layer\.(\w+)", lines, re.MULTILINE)}
    assigned = {re.split(r"\W", name)[0] for name in check.function.attributes}
    return bool(check.function.owner and assigned - replaced)


def _add_check(
    task: DraftTask, place: int, passed: Mapping[str, str], trial: HandoutProcess
) -> DraftTask:
    """Return a task with a check at its end that calls the function of check ``place`` again.

    ``passed`` are the names of returned dicts, by the names of the arguments that they replace. The
    task is returned alone if a repetition right after the first call changes no output, or if the
    further calls stop or return numbers that are not finite.
    """
    check = task.checks[place]
    *_, last = ast.parse(check.lines).body
    call = getattr(last, "value", None)
    if not isinstance(call, ast.Call):
        return task
    names = {name: f"{name}_again" for name in makes(check)}
    targets = f"{', '.join(names.values())} = " if names else ""
    line = f"{targets}{renamed(ast.unparse(call), passed)}"
    # With equal gradients in all calls, the means of Adam would not depend on its decay rates.
    arguments = {name for each in call.args for name in re.findall(r"\w+", ast.unparse(each))}
    changed = {re.split(r"\W", output)[0] for output in check.compare}
    others = {
        name: f"{name}_again"
        for name, value in task.inputs.items()
        if name in arguments - changed - passed.keys() and re.search(r"\w\(", str(value))
    }
    inputs = {other: task.inputs[name] for name, other in others.items()}
    lines = [renamed(line, others), *([] if passed else [line])]
    compare = tuple(renamed(output, names) for output in check.compare)
    again = replace(
        check,
        name=f"{check.name}-again",
        lines="\n".join(lines),
        compare=compare,
        gradient={},
        of="",
        notes=(WHY,),
    )
    first = replace(task, checks=task.checks[: place + 1])
    repeated = replace(task, checks=(*first.checks, replace(again, lines=line)))
    grown = replace(
        task,
        inputs={**task.inputs, **inputs},
        why={**task.why, **dict.fromkeys(inputs, OTHER)},
        checks=(*task.checks, again),
    )
    runs = (first.run(check.compare), repeated.run(compare), grown.run(compare))
    before, after, final = (ran.values for ran in trial.run_all(runs))
    if not all(len(values) == len(compare) for values in (before, after, final)):
        return task
    pairs = zip(check.compare, compare, strict=True)
    has_changed = any(not np.array_equal(before[was], after[now]) for was, now in pairs)
    is_finite = all(np.isfinite(value).all() for value in final.values())
    shapes = {**task.shapes, **{name: value.shape for name, value in final.items()}}
    return replace(grown, shapes=shapes) if has_changed and is_finite else task
