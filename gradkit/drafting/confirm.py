"""Confirm parts of a drafted task by running it: gradients, and other lengths of sizes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from msgspec.structs import replace

from gradkit.drafting.search import DraftCheck, DraftTask
from gradkit.drafting.trial import HandoutProcess, Inputs
from gradkit.lines import value_of

STEP = 1e-5
"""Step of finite differences."""

ERROR = 1e-4
"""Relative error up to which a gradient agrees with finite differences."""

_GRADIENT = re.compile(r"d(L(oss)?d)?_?|grad_?")
"""What the name of a gradient has before the name of its input."""


def with_sizes(task: DraftTask, trial: HandoutProcess) -> Mapping[str, list[int] | int | str]:
    """Return two lengths for each size with which the task runs, and one for all other sizes."""
    found: dict[str, list[int] | int | str] = {}
    taken = {size for size in task.sizes.values() if isinstance(size, int)}
    for name, size in task.sizes.items():
        found[name] = size
        if not isinstance(size, int) or size == 1:
            continue
        other = next(n for n in range(size + 1, 1000) if n not in taken)
        inputs = Inputs({**task.sizes, name: other}, task.inputs)
        if _runs_with(task, inputs, trial):
            found[name] = [size, other]
            taken.add(other)
    return found


def _runs_with(task: DraftTask, inputs: Inputs, trial: HandoutProcess) -> bool:
    """Return whether all outputs and scalars with gradients are finite with other inputs."""
    reads = [output for check in task.checks for output in check.compare]
    reads += [_in_numpy(check.of) for check in task.checks if check.of]
    values = trial.run(task.run(reads, inputs)).values
    return len(values) == len(set(reads)) and all(np.isfinite(v).all() for v in values.values())


def with_defaults(task: DraftTask, trial: HandoutProcess) -> DraftTask:
    """Return a task with empty dicts as a hard case, if its functions have defaults for all keys.

    Otherwise no check would see a wrong default.
    """
    parameters = [p for check in task.checks for p in check.function.parameters if p.optional]
    names = {parameter.name for parameter in parameters}
    hard: dict[str, Any] = {
        name: {}
        for name, value in task.inputs.items()
        if value and isinstance(value, Mapping) and re.sub(r"_\d+$", "", name) in names
    }
    inputs = Inputs(task.sizes, {**task.inputs, **hard})
    return replace(task, hard=hard) if hard and _runs_with(task, inputs, trial) else task


def _in_numpy(expression: str) -> str:
    """Return an expression of an assignment file as Python: ``np.sum`` in place of ``sum``."""
    return re.sub(r"\bsum\(", "np.sum(", expression)


def with_gradients(task: DraftTask, trial: HandoutProcess) -> DraftTask:
    """Return a task with the gradients that finite differences of the model solution confirm."""
    checks = list(task.checks)
    for place, check in enumerate(checks):
        pairs = dict(_pairs(task, check))
        for of in _scalars(task, place) if pairs else ():
            agreed, factor = _confirmed(task, place, of, pairs, trial)
            if agreed:
                scaled = f"{of} {factor}".strip()
                checks[place] = replace(check, gradient=agreed, of=scaled)
                break
    return replace(task, checks=tuple(checks))


def _pairs(task: DraftTask, check: DraftCheck) -> Iterator[tuple[str, str]]:
    """Yield outputs that may be gradients, each with its input of the same shape."""
    places = _input_places(task)
    for output in check.compare:
        shape = task.shapes[output]
        name = re.sub(r"_\d+$", "", re.split(r"['\".]", output.removesuffix("']"))[-1])
        match = _GRADIENT.match(name)
        bare = name[match.end() :] if match else ""
        alike = [place for place, (entry, size) in places.items() if size == shape]
        named = [place for place in alike if places[place][0] in (bare, name, f"{bare}t")]
        if named and (bare or "grad" in output):
            # The latest input of this name, since an earlier one may belong to another call.
            yield output, named[-1]
        elif match and len(alike) == 1:
            yield output, alike[0]


def _input_places(task: DraftTask) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Return the drawn arrays of a task by expression, each with its plain name and shape."""
    drawn, found = task.drawn.drawn(0), {}
    for name, value in task.inputs.items():
        entries = [(f"{name}[{key!r}]", key) for key in value] if isinstance(value, Mapping) else []
        for place, plain in entries or [(name, re.sub(r"_\d+$", "", name))]:
            array = np.asarray(value_of(place, dict(drawn)))
            if array.dtype.kind == "f":
                found[place] = (plain, array.shape)
    return found


def _scalars(task: DraftTask, place: int) -> Iterator[str]:
    """Yield the scalars whose gradients a check may compute, as expressions of the file."""
    check = task.checks[place]
    own = [o for o in check.compare if task.shapes[o] == () and not _GRADIENT.match(o)]
    yield from own
    upstream = [name for name in task.inputs if re.search(rf"\b{name}\b", check.lines)]
    before = [output for c in _forward_checks(task, place) for output in c.compare]
    terms = []
    for name in upstream:
        value = task.drawn.drawn(0)[name]
        shape = np.shape(value)
        bare = _GRADIENT.sub("", name, count=1) if _GRADIENT.match(name) else ""
        alike = [o for o in before if task.shapes[o] == shape and shape]
        named = [o for o in alike if bare and bare == _plain_name(o)]
        if bare and (named or alike):
            terms.append(f"sum({(named or alike)[-1]} * {name})")
        elif name in ("delta", "grad_output") and alike:
            terms.append(f"sum({alike[-1]} * {name})")
    if terms:
        yield " + ".join(terms)
    yield from (o for o in reversed(before) if task.shapes[o] == () and not own)
    yield from (f"sum({o})" for o in reversed(before) if not terms and not own and task.shapes[o])


def _forward_checks(task: DraftTask, place: int) -> list[DraftCheck]:
    """Return the checks before a check; those whose caches it takes are last."""
    check, before = task.checks[place], task.checks[:place]
    names = set(re.findall(r"\w+", check.lines.partition(" = ")[2]))
    return sorted(before, key=lambda each: bool(names & task.links & {*_names(each)}))


def _names(check: DraftCheck) -> list[str]:
    return re.findall(r"\w+", check.lines.splitlines()[-1].partition(" = ")[0])


def _plain_name(output: str) -> str:
    """Return the name of an output as the handout has it: ``out`` for ``out_4``."""
    return re.sub(r"_\d+$", "", output.removeprefix("new_"))


def _confirmed(
    task: DraftTask, place: int, of: str, pairs: Mapping[str, str], trial: HandoutProcess
) -> tuple[dict[str, str], str]:
    """Return the gradients of a scalar that differences confirm, and the factor of the scalar.

    Courses divide by the number of examples at other places. So all gradients may have one size
    as a common factor.
    """
    ratios = {o: _ratio(task, place, of, o, name, trial) for o, name in pairs.items()}
    drawn = task.drawn.drawn(0)
    factors = {"": 1.0}
    factors |= {f"/ {name}": 1 / drawn[name] for name in task.sizes}
    factors |= {f"* {name}": float(drawn[name]) for name in task.sizes}
    for text, factor in factors.items():
        agreed = {o: pairs[o] for o, r in ratios.items() if abs(r / factor - 1) < ERROR}
        if agreed:
            return agreed, text
    return {}, ""


def _ratio(
    task: DraftTask, place: int, of: str, output: str, name: str, trial: HandoutProcess
) -> float:
    """Return the ratio of a gradient to finite differences, along a random direction."""
    lines = replace(task, checks=task.checks[: place + 1])
    claimed = trial.run(lines.run([output])).values.get(output)
    if claimed is None or not np.any(claimed):
        return np.nan
    direction = np.random.default_rng(1).normal(size=claimed.shape)
    numpy_of = _in_numpy(of)
    moves = [{name: sign * STEP * direction} for sign in (1, -1)]
    ran = trial.run_all([lines.run([numpy_of], moved=moved) for moved in moves])
    values = [float(np.sum(each.values.get(numpy_of, np.nan))) for each in ran]
    estimate = (values[0] - values[1]) / (2 * STEP)
    along = float(np.sum(claimed * direction))
    return along / estimate if estimate else np.nan
