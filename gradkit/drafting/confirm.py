"""Confirm parts of a drafted task by running it: gradients, and other lengths of sizes.

In: a task whose lines run. Out: the task with the gradients that finite differences confirm, with
hard cases, and with several lengths of its sizes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

import numpy as np
from msgspec.structs import replace

from gradkit.drafting.draft import DraftCheck, DraftTask, random_checks
from gradkit.drafting.guess import TARGETS, names_in
from gradkit.drafting.sizes import renamed
from gradkit.drafting.trial import HandoutProcess, Inputs
from gradkit.gradcheck import check_gradient
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
    return _with_hard(task, hard, "the defaults of the model solution", trial)


def with_large(task: DraftTask, trial: HandoutProcess) -> DraftTask:
    """Return a task with large inputs as a hard case, if its functions seem to expect them.

    They do if they subtract a maximum from what they pass to ``exp``, and return finite numbers.
    Otherwise no check would see that the maximum is missing.
    """
    words = {word for check in task.checks for word in check.function.reads}
    if not ("exp" in words and words & {"max", "amax"}):
        return task
    for pattern in LARGE:
        for name, value in task.inputs.items():
            match = re.fullmatch(r"normal\((\w+), (\w+)\)", str(value))
            if match:
                large = {name: pattern.format(rows=match[1], columns=match[2])}
                new = _with_hard(task, large, "a softmax shifts its inputs", trial)
                if new != task:
                    return new
    return task


LARGE = (
    "9000 * distinct({rows}, {columns})",
    "9000 * distinct({rows}, 1) + normal({rows}, {columns})",
    "9000 * distinct(1, {columns}) + normal({rows}, {columns})",
    "1000 + normal({rows}, {columns})",
)
"""Large inputs. With the first ones, one maximum for all rows is too little."""


def _with_hard(
    task: DraftTask, hard: Mapping[str, Any], why: str, trial: HandoutProcess
) -> DraftTask:
    """Return a task with one more hard case, if the model solution returns finite numbers."""
    inputs = Inputs(task.sizes, {**task.inputs, **hard})
    is_fit = bool(hard) and _runs_with(task, inputs, trial)
    return replace(task, hard=(*task.hard, (hard, why))) if is_fit else task


def _in_numpy(expression: str) -> str:
    """Return an expression of an assignment file as Python: ``np.sum`` in place of ``sum``."""
    return re.sub(r"\bsum\(", "np.sum(", expression)


def with_gradients(task: DraftTask, trial: HandoutProcess) -> DraftTask:
    """Return a task with the gradients that finite differences of the model solution confirm."""
    for place in range(len(task.checks)):
        task = _with_gradient(task, place, trial)
    return task


def _with_gradient(task: DraftTask, place: int, trial: HandoutProcess) -> DraftTask:
    """Return a task with the gradients of one check, if it has any.

    If no scalar of the task depends on the inputs, the call of an earlier function is passed to
    the function of the scalar: ``loss(logits, y)`` gets the logits of ``logits = forward(X, W)``.
    """
    check = task.checks[place]
    if random_checks(task)[place]:
        return task
    named = {output: [name] for output, name in _pairs(task, check)}
    variants = [(task, ""), *_chained(task, place), *((each, "") for each in _with_targets(task))]
    for variant, scalar in variants:
        for pairs in (named, dict(_alike(variant, check))):
            for of in ([scalar] if scalar else _scalars(variant, place)) if pairs else ():
                agreed, scaled = _confirmed(variant, place, of, pairs, trial)
                if agreed:
                    new = replace(variant.checks[place], gradient=agreed, of=scaled)
                    checks = (*variant.checks[:place], new, *variant.checks[place + 1 :])
                    return without_unused(replace(variant, checks=checks))
    return task


def _with_targets(task: DraftTask) -> Iterator[DraftTask]:
    """Yield the task with one-hot targets, with which the gradient of a softmax is simple."""
    for name, value in task.inputs.items():
        match = re.fullmatch(r"(?:normal|positive)\((\w+), (\w+)\)", str(value))
        if match and TARGETS.fullmatch(re.sub(r"_\d+$", "", name)):
            for target in (f"onehot({match[2]}, {match[1]})", f"onehot({match[1]}, {match[2]}).T"):
                why = {**task.why, name: "only for one-hot targets the gradient is confirmed"}
                yield replace(task, inputs={**task.inputs, name: target}, why=why)


def _chained(task: DraftTask, place: int) -> Iterator[tuple[DraftTask, str]]:
    """Yield a scalar, and the task in which its function takes an output of an earlier function."""
    drawn = task.drawn.drawn(0)
    for number, check in enumerate(task.checks[: place + 1]):
        scalar = next((output for output in check.compare if task.shapes[output] == ()), "")
        if not scalar:
            continue
        names, is_assignment, call = check.lines.rpartition(" = ")
        earlier = [output for other in task.checks[:number] for output in other.compare]
        for name in [n for n in task.inputs if re.search(rf"\b{n}\b", call)]:
            shape = np.shape(drawn[name]) if not isinstance(task.inputs[name], list) else ()
            for output in [o for o in earlier if o.isidentifier() and task.shapes[o] == shape]:
                if shape:
                    line = f"{names}{is_assignment}{renamed(call, {name: output})}"
                    new = replace(check, lines=line)
                    checks = (*task.checks[:number], new, *task.checks[number + 1 :])
                    yield replace(task, checks=checks), scalar


def without_unused(task: DraftTask) -> DraftTask:
    """Return a task without inputs and sizes that no check uses."""
    words = {*re.findall(r"\w+", "\n".join(check.lines for check in task.checks))}
    inputs = {name: value for name, value in task.inputs.items() if name in words}
    words |= {*names_in(list(inputs.values()))}
    # A size is computed from sizes before it.
    for name, size in reversed(list(task.sizes.items())):
        words |= {*names_in(size)} if name in words else set()
    sizes = {name: size for name, size in task.sizes.items() if name in words}
    return replace(task, inputs=inputs, sizes=sizes)


def _pairs(task: DraftTask, check: DraftCheck) -> Iterator[tuple[str, str]]:
    """Yield outputs that may be gradients by their names, each with its input of the same shape."""
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


def _alike(task: DraftTask, check: DraftCheck) -> Iterator[tuple[str, list[str]]]:
    """Yield the arrays that a check compares, each with all inputs of the same shape."""
    places = _input_places(task)
    for output in check.compare:
        shape = task.shapes[output]
        names = [place for place, (_, size) in places.items() if size == shape]
        if names and shape:
            yield output, names


def _input_places(task: DraftTask) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Return the drawn arrays of a task by expression, each with its plain name and shape."""
    drawn, found = task.drawn.drawn(0), {}
    for name, value in task.inputs.items():
        if isinstance(value, list):
            continue
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
    arrays = [name for name, value in task.inputs.items() if not isinstance(value, list)]
    upstream = [name for name in arrays if re.search(rf"\b{name}\b", check.lines)]
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
    task: DraftTask, place: int, of: str, pairs: Mapping[str, list[str]], trial: HandoutProcess
) -> tuple[dict[str, str], str]:
    """Return the gradients of a scalar that differences confirm, and the scalar with its factor.

    ``pairs`` has for each output the inputs of which it may be the gradient. Courses divide by the
    number of examples at other places, and leave out a factor of 2. So all gradients may have a
    common factor.
    """
    ratios = {
        (output, name): _ratio(task, place, of, output, name, trial)
        for output, names in pairs.items()
        for name in names
    }
    for text, factor in _factors(task):
        agreed = {o: name for (o, name), r in ratios.items() if abs(r / factor - 1) < ERROR}
        if agreed:
            is_sum = " + " in of
            scaled = f"({of}) {text}" if is_sum and text else f"{of} {text}".strip()
            exact = {o: n for o, n in agreed.items() if _is_exact(task, place, scaled, o, n, trial)}
            return exact, scaled
    return {}, ""


def _is_exact(
    task: DraftTask, place: int, of: str, output: str, name: str, trial: HandoutProcess
) -> bool:
    """Return whether `gradkit.gradcheck` finds no error in a gradient, as the audit does later.

    A constant such as 1e-7 in a logarithm is an error.
    """
    lines = replace(task, checks=_needed(task, place, of))
    claimed = trial.run(lines.run([output])).values[output]
    start = np.asarray(value_of(name, dict(task.drawn.drawn(0))), dtype=float)
    numpy_of = _in_numpy(of)

    def scalar(moved: Any) -> float:
        """Return the scalar at other values of the input."""
        ran = trial.run(lines.run([numpy_of], moved={name: moved - start}))
        return float(np.sum(ran.values.get(numpy_of, np.nan)))

    report = check_gradient(scalar, start, claimed.astype(float), seed=0)
    return report.verdict != "disagree"


def _factors(task: DraftTask) -> Iterator[tuple[str, float]]:
    """Yield factors of a scalar as text and number, the simplest ones first."""
    drawn = task.drawn.drawn(0)
    sizes = [name for name in task.sizes if drawn[name] > 1]
    yield "", 1.0
    products = [*((name,) for name in sizes), *combinations(sizes, 2)]
    for number in (1, 2):
        half = f" / {number}" if number > 1 else ""
        if half:
            yield "/ 2", 0.5
            yield "* 2", 2.0
        for names in products:
            product = float(np.prod([drawn[name] for name in names]))
            yield f"/ {' / '.join(names)}", 1 / product
            yield f"* {' * '.join(names)}{half}", product / number


def _needed(task: DraftTask, place: int, of: str) -> tuple[DraftCheck, ...]:
    """Return the checks that make what a check and a scalar use; others may change the inputs."""
    *before, check = task.checks[: place + 1]
    if any(" = layer." in each.lines or each.lines.startswith("layer.") for each in before):
        return (*before, check)
    words = {*re.findall(r"\w+", f"{check.lines} {of}")}
    needed = [check]
    for each in reversed(before):
        if words & {*_names(each)}:
            needed.insert(0, each)
            words |= {*re.findall(r"\w+", each.lines)}
    return tuple(needed)


def _ratio(
    task: DraftTask, place: int, of: str, output: str, name: str, trial: HandoutProcess
) -> float:
    """Return the ratio of a gradient to finite differences, along a random direction."""
    lines = replace(task, checks=_needed(task, place, of))
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
