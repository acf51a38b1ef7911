"""Find inputs with which the functions of a handout run, and the outputs that they return."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations, islice
from textwrap import shorten
from typing import Any

import numpy as np
from msgspec import Struct, field
from msgspec.structs import replace

from gradkit.drafting.guess import (
    LENGTHS,
    Guess,
    Known,
    Shape,
    array,
    guesses,
    names_in,
)
from gradkit.drafting.handout import Handout, HandoutFunction, HandoutParameter
from gradkit.drafting.trial import HandoutProcess, Inputs, Ran, Run

MAX_TRIALS = 100
"""Most combinations of inputs that are tried for a function."""

BATCH = 25
"""Number of trials in one request."""

MAX_SIZES = 800
"""Most relations between sizes that are tried for a combination of inputs."""

MAX_RELATED = 2
"""Most combinations of inputs for which relations between sizes are tried."""

MAX_GUESSES = 12
"""Most inputs that are tried for a parameter."""

NO_EXERCISE = re.compile(r"(\w+_)?model|train\w*|fit|load_\w+|plot_\w+|test\w*|random_mini_batches")
"""Names of functions that train for long, load data, plot or shuffle."""


MAX_TITLE = 60
"""Most characters of a task's title."""


class DraftCheck(Struct, frozen=True):
    """A check: its lines, outputs to compare, and gradients with the scalar ``of``.

    ``notes`` are comments for the instructor. ``called`` are the functions of the lines.
    """

    name: str
    function: HandoutFunction
    lines: str
    called: tuple[str, ...]
    compare: tuple[str, ...]
    gradient: Mapping[str, str] = {}
    of: str = ""
    notes: tuple[str, ...] = ()


class DraftTask(Struct, frozen=True):
    """A task: functions that depend on one another, with sizes, inputs and checks.

    ``why`` are the reasons for inputs by name. ``links`` are values that cannot be compared, such
    as caches, which later functions take. ``shapes`` are the shapes of all outputs. ``hard`` are
    inputs of one more probe.
    """

    id: str
    title: str
    sizes: Mapping[str, int | str] = {}
    inputs: Mapping[str, Any] = {}
    why: Mapping[str, str] = {}
    checks: tuple[DraftCheck, ...] = ()
    links: frozenset[str] = frozenset()
    shapes: Mapping[str, tuple[int, ...]] = {}
    hard: Mapping[str, Any] = {}

    @property
    def called(self) -> tuple[str, ...]:
        """Return the functions and classes that the checks call."""
        return tuple(dict.fromkeys(name for check in self.checks for name in check.called))

    def run(
        self, reads: Sequence[str], inputs: Inputs | None = None, moved: Mapping[str, Any] = {}
    ) -> Run:
        """Return a run of the lines of all checks, by default with the inputs of the task."""
        lines = tuple(check.lines for check in self.checks)
        return Run(self.called, lines, inputs or self.drawn, tuple(reads), moved)

    @property
    def drawn(self) -> Inputs:
        """Return the sizes and inputs, to be drawn."""
        return Inputs(self.sizes, self.inputs)


class AssignmentDraft(Struct):
    """The tasks that were found, what is known of shapes, and why functions were left out."""

    tasks: list[DraftTask] = field(default_factory=list)
    known: Known = field(default_factory=Known)
    left_out: dict[str, str] = field(default_factory=dict)


def draft_tasks(handout: Handout, trial: HandoutProcess) -> AssignmentDraft:
    """Find tasks for all functions and classes of a handout."""
    draft = AssignmentDraft()
    for function in handout.functions:
        _add_function(draft, function, trial)
    for name, methods in handout.classes.items():
        _add_class(draft, name, methods, trial)
    for name in handout.unwritten:
        draft.left_out[name] = "it is not written in the handout"
    return draft


def _add_function(draft: AssignmentDraft, function: HandoutFunction, trial: HandoutProcess) -> None:
    """Add a check for a function to the task that it belongs to, or to a new task."""
    if NO_EXERCISE.fullmatch(function.name):
        draft.left_out[function.name] = "it seems to train, load, plot, test or shuffle"
        return
    reasons: list[str] = []
    places = [n for n, task in enumerate(draft.tasks) if _belongs(function, task)]
    tasks = [*((n, draft.tasks[n]) for n in places[::-1]), (len(draft.tasks), _new_task(function))]
    # Sizes that need no relation to one another are more likely to be meant.
    for (place, task), related in ((each, related) for related in (False, True) for each in tasks):
        found, reason = _with_call(task, function, draft.known, trial, related=related)
        if found is not None:
            draft.tasks[place : place + 1] = [found]
            _learn(draft.known, found)
            return
        reasons.append(reason)
    draft.left_out[function.name] = reasons[0]


def _add_class(
    draft: AssignmentDraft, name: str, methods: Sequence[HandoutFunction], trial: HandoutProcess
) -> None:
    """Add a task for a class whose methods can be called."""
    constructor = next(method for method in methods if method.name == "__init__")
    others = [m for m in methods if m is not constructor and not NO_EXERCISE.fullmatch(m.name)]
    if not others:
        return
    task, reason = _with_call(
        replace(_new_task(constructor), id=_slug(name), title=name),
        replace(constructor, name=name, owner="", returns=("layer",)),
        draft.known,
        trial,
    )
    if task is None:
        draft.left_out[name] = reason
        return
    task = _with_attributes(task, constructor, trial)
    for method in others:
        found, reason = _with_call(task, method, draft.known, trial, owner="layer.")
        if found is None:
            draft.left_out[f"{name}.{method.name}"] = reason
        else:
            task = found
    if len(task.checks) > 1:
        first, second, *rest = task.checks
        lines = f"{first.lines}\n{second.lines}"
        called = (*first.called, *second.called)
        draft.tasks.append(
            replace(task, checks=(replace(second, lines=lines, called=called), *rest))
        )


def _new_task(function: HandoutFunction) -> DraftTask:
    first = re.split(r"\.\s|\n\s*\n|:\s*\n", function.about.strip() + "\n\n")[0]
    title = shorten(" ".join(first.split()), MAX_TITLE, placeholder=" …") or function.name
    return DraftTask(_slug(_stem(function.name) or function.name), title.rstrip("."))


def _slug(name: str) -> str:
    """Return the id of a task or check for a name in Python: ``BatchNorm1d`` is batchnorm1d."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "task"


DIRECTIONS = frozenset(
    ["forward", "backward", "naive", "vectorized", "propagation", "prop", "deriv", "derivative"]
)
"""Parts of names that say which function of a layer it is."""


def _stem(name: str) -> str:
    """Return the name of a layer: that of its functions, without forward, backward and the like."""
    return "_".join(part for part in name.split("_") if part not in DIRECTIONS)


def _are_alike(stem: str, other: str) -> bool:
    """Return whether two functions belong to one layer, by their stems."""
    is_part = bool(stem and other) and (stem.startswith(other) or other.startswith(stem))
    return stem == other or is_part


def _belongs(function: HandoutFunction, task: DraftTask) -> bool:
    """Return whether a function depends on functions of a task, or these on the function."""
    named = {check.function.name for check in task.checks}
    calls = bool(named & function.reads)
    calls |= any(function.name in check.function.reads for check in task.checks)
    stem = _stem(function.name)
    takes = any(parameter.name in _plain(task.links) for parameter in function.parameters)
    alike = any(_are_alike(stem, _stem(name)) for name in named)
    return calls or stem in map(_stem, named) or (takes and alike)


def _plain(names: Iterable[str]) -> set[str]:
    """Return names without the number that makes them differ: ``cache`` for ``cache_2``."""
    return {re.sub(r"_\d+$", "", name) for name in names}


def _learn(known: Known, task: DraftTask) -> None:
    """Add the shapes of a task's inputs and of its last outputs to what is known."""
    sizes = task.drawn.drawn(0)
    known.inputs |= task.inputs
    for name, value in task.inputs.items():
        if isinstance(value, Mapping):
            arrays = {key: np.shape(sizes[name][key]) for key in value}
            known.tables[name] = {k: symbolic(s, task) for k, s in arrays.items() if s}
        elif np.ndim(sizes[name]):
            known.arrays[name] = symbolic(np.shape(sizes[name]), task)
    for output in task.checks[-1].compare:
        shape = symbolic(task.shapes[output], task)
        entry = re.fullmatch(r"(\w+)\[['\"](\w+)['\"]\]", output)
        if entry and shape:
            known.tables.setdefault(entry[1], {})[entry[2]] = shape
            if entry[1].startswith("new_"):
                known.tables.setdefault(entry[1].removeprefix("new_"), {})[entry[2]] = shape
        elif output.isidentifier() and shape:
            known.arrays[output.removeprefix("new_")] = shape


def symbolic(shape: Sequence[int], task: DraftTask) -> Shape:
    """Return a shape in the sizes of a task; a length that is no size stays a number."""
    drawn = task.drawn.drawn(0)
    lengths = {drawn[name]: name for name in reversed(list(task.sizes)) if drawn[name] > 1}
    products = {
        drawn[a] * drawn[b]: f"{a} * {b}" for a, b in combinations(task.sizes, 2) if a in lengths
    }
    return tuple(lengths.get(n) or products.get(n) or str(n) for n in shape)


# --- the call of a function --------------------------------------------------------------


def _with_call(
    task: DraftTask,
    function: HandoutFunction,
    known: Known,
    trial: HandoutProcess,
    *,
    owner: str = "",
    related: bool = True,
) -> tuple[DraftTask | None, str]:
    """Return a task with a check that calls a function, and otherwise why there is none.

    ``owner`` is the object of a method with a point, as ``layer.``; ``related`` allows relations
    between sizes.
    """
    choices = {p.name: _choices(p, function, task, known) for p in function.parameters}
    choices = {name: found for name, found in choices.items() if found}
    missing = [p.name for p in function.parameters if p.name not in choices and not p.default]
    if missing:
        return None, f"no input is known for {', '.join(missing)}"
    combined = list(islice(_combinations(choices), MAX_TRIALS))
    tries = iter([(inputs, next(_sizes(task, inputs))) for inputs in combined])
    found, reasons = _first_that_runs(task, function, tries, trial, owner)
    if found is None and related and any(map(_is_about_shapes, reasons[:MAX_RELATED])):
        tries = (
            (inputs, sizes)
            for number, inputs in enumerate(combined[:MAX_RELATED])
            for sizes in islice(_sizes(task, inputs, pairs=not number), 1, MAX_SIZES)
        )
        found, _ = _first_that_runs(task, function, tries, trial, owner)
    return found, "".join(reasons[:1])


Try = tuple[Mapping[str, Guess], Mapping[str, int | str]]
"""Inputs of a function by its parameters, and all sizes of its task."""


def _first_that_runs(
    task: DraftTask,
    function: HandoutFunction,
    tries: Iterator[Try],
    trial: HandoutProcess,
    owner: str,
) -> tuple[DraftTask | None, list[str]]:
    """Return the task with the first inputs with which a function runs, and else the reasons."""
    reasons: list[str] = []
    # Most functions run with the first inputs.
    while batch := list(islice(tries, BATCH if reasons else 1)):
        grown = [_grown(task, function, inputs, sizes, owner) for inputs, sizes in batch]
        reads = [_possible_outputs(each, owner) for each in grown]
        runs = [each.run(read) for each, read in zip(grown, reads, strict=True)]
        for (inputs, sizes), each, ran in zip(batch, grown, trial.run_all(runs), strict=True):
            accepted, reason = _accepted(each, ran, owner)
            if reason == NOT_FINITE:
                positive = {name: _positive(guess) for name, guess in inputs.items()}
                other = _grown(task, function, positive, sizes, owner)
                again = trial.run(other.run(_possible_outputs(other, owner)))
                accepted, reason = _accepted(other, again, owner)
            if accepted is not None:
                return accepted, reasons
            reasons.append(reason)
        if _is_final(reasons[-1]):
            break
    return None, reasons


NOT_FINITE = "an output is not finite"


def _positive(guess: Guess) -> Guess:
    """Return a guess with positive numbers in place of normal ones."""
    if isinstance(guess.value, Mapping):
        table = {key: _positive(Guess(item, "")).value for key, item in guess.value.items()}
        return replace(guess, value=table)
    if not isinstance(guess.value, str):
        return guess
    return replace(guess, value=guess.value.replace("normal(", "positive("))


def _is_about_shapes(reason: str) -> bool:
    """Return whether an error may disappear with other lengths of sizes."""
    return not reason or reason.startswith(("ValueError", "IndexError", "AssertionError"))


def _is_final(reason: str) -> bool:
    """Return whether an error does not depend on the inputs: a name or a module is missing."""
    return reason.startswith(("NameError", "MissingImport", "ModuleNotFound", "ImportError"))


def _choices(
    parameter: HandoutParameter, function: HandoutFunction, task: DraftTask, known: Known
) -> list[Guess]:
    """Return the inputs to try for a parameter: links to earlier values, or inputs to draw."""
    name = parameter.name
    links = [link for link in task.links if re.sub(r"_\d+$", "", link) == name]
    if links:
        stem = _stem(function.name)
        # The value of the function of the same layer comes first, then the latest one.
        made = {link: place for place, c in enumerate(task.checks) for link in _makes(c)}
        alike = {link for link in links if _stem(task.checks[made[link]].function.name) == stem}
        order = sorted(links, key=lambda link: (link in alike, made[link]), reverse=True)
        return [Guess(None, "", link) for link in order]
    upstream = name[1:].lstrip("_") if name.startswith("d") else ""
    own = task.shapes.get(upstream) or task.shapes.get(f"new_{upstream}")
    if own is None and name in UPSTREAM:
        arrays = [s for c in task.checks[-1:] for o in c.compare if (s := task.shapes[o])]
        own = arrays[0] if arrays else None
    found = guesses(parameter, known, function.descriptions)[:MAX_GUESSES]
    if name in task.shapes:
        found = [Guess(None, "", name), *found]
    if own:
        found = [Guess(array(symbolic(own, task)), "the shape of an earlier output"), *found]
    if name in task.inputs:
        found = [Guess(task.inputs[name], task.why[name]), *found]
    return found


UPSTREAM = ("dout", "delta", "grad", "grad_output", "dy", "dLdZ", "dLdA")
"""Names of the gradient of the output of a layer."""


def _makes(check: DraftCheck) -> list[str]:
    """Return the names that the last line of a check assigns."""
    targets, is_assignment, _ = check.lines.splitlines()[-1].partition(" = ")
    return targets.split(", ") if is_assignment else []


def _combinations(choices: Mapping[str, list[Guess]]) -> Iterator[dict[str, Guess]]:
    """Yield all combinations of inputs, the most likely ones first."""
    lengths = [len(found) for found in choices.values()]
    # All combinations together do not fit into memory.
    for total in range(sum(lengths) - len(lengths) + 1):
        for rank in _ranks(total, lengths):
            yield {n: found[k] for (n, found), k in zip(choices.items(), rank, strict=True)}


def _ranks(total: int, lengths: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """Yield all tuples of numbers below some lengths whose sum is ``total``."""
    if not lengths:
        yield from [()] if total == 0 else []
        return
    for first in range(min(total, lengths[0] - 1) + 1):
        yield from ((first, *rest) for rest in _ranks(total - first, lengths[1:]))


def _sizes(
    task: DraftTask, inputs: Mapping[str, Guess], *, pairs: bool = False
) -> Iterator[dict[str, int | str]]:
    """Yield lengths of all sizes: all different, then with relations between them.

    A size may be 1, equal to another one, or the product of two. ``pairs``: then two sizes.
    """
    values = [guess.value for guess in inputs.values()]
    names = [name for value in values for name in names_in(value)]
    new = [name for name in dict.fromkeys(names) if name not in task.sizes]
    sizes: dict[str, int | str] = {**task.sizes}
    usual = {name: next(n for pattern, n in LENGTHS if pattern.fullmatch(name)) for name in new}
    # Sizes with the fewest usual lengths, such as those of windows, choose first.
    chosen = dict(sizes)
    for name in sorted(new, key=lambda each: len(usual[each])):
        lengths = (*usual[name], *range(16, 17 + len(chosen)))
        chosen[name] = next(length for length in lengths if length not in chosen.values())
    sizes |= {name: chosen[name] for name in new}
    yield sizes
    relations = [(name, relation) for name in new for relation in _relations(name, sizes)]
    for name, relation in relations:
        yield _related(sizes, name, relation)
    simple = [(n, relation) for n, relation in relations if pairs and "*" not in str(relation)]
    for (name, relation), (other, second) in combinations(simple, 2):
        if name != other and not {name, other} & {*names_in(relation), *names_in(second)}:
            yield _related(_related(sizes, name, relation), other, second)


def _relations(name: str, sizes: Mapping[str, int | str]) -> Iterator[int | str]:
    """Yield what the length of a size may be: 1, another size, or the product of two."""
    others = [other for other in sizes if other != name and isinstance(sizes[other], int)]
    yield 1
    yield from others
    yield from (" * ".join(pair) for pair in combinations(others, 2))


def _related(sizes: Mapping[str, int | str], name: str, value: int | str) -> dict[str, int | str]:
    """Return sizes with one computed from others, which stands after them."""
    return {**{n: size for n, size in sizes.items() if n != name}, name: value}


def _grown(
    task: DraftTask,
    function: HandoutFunction,
    guessed: Mapping[str, Guess],
    sizes: Mapping[str, int | str],
    owner: str,
) -> DraftTask:
    """Return a task with a check that calls a function with some inputs."""
    inputs, why, names = dict(task.inputs), dict(task.why), dict[str, str]()
    for name, guess in guessed.items():
        names[name] = guess.link or name
        if guess.link or guess.value == name:  # a size is passed as it is
            continue
        if name in inputs and inputs[name] != guess.value:
            names[name] = f"{name}_{len(task.checks) + 1}"
        inputs[names[name]], why[names[name]] = guess.value, guess.why
    made = {each for check in task.checks for each in _makes(check)}
    returns = [f"new_{each}" if each in inputs else each for each in function.returns]
    returns = [f"{each}_{len(task.checks) + 1}" if each in made else each for each in returns]
    lines = _call(function, names, returns, owner)
    called = (function.name,) if not owner else ()
    check = DraftCheck(_slug(function.name), function, lines, called, ())
    return replace(task, sizes=sizes, inputs=inputs, why=why, checks=(*task.checks, check))


def _accepted(grown: DraftTask, ran: Ran, owner: str) -> tuple[DraftTask | None, str]:
    """Return a task with the outputs of its last check, or why a run does not fit."""
    if ran.failed:
        return None, ran.failed
    check, returns = grown.checks[-1], _makes(grown.checks[-1])
    drawn = grown.drawn.drawn(0)
    values = {
        output: value
        for output, value in ran.values.items()
        # An input that a function may change in place counts if it does.
        if "cache" not in re.split(r"[\[.]", output)[0] and value.size
        if output in returns or not np.array_equal(value, drawn.get(output, np.nan))
    }
    if not values and (owner or not returns):
        return None, "it returns nothing that can be compared"
    if not all(np.isfinite(value).all() for value in values.values()):
        return None, NOT_FINITE
    readable = {re.split(r"[\[.]", output)[0] for output in values}
    links = grown.links | ({*returns} - readable)
    shapes = {**grown.shapes, **{output: value.shape for output, value in values.items()}}
    checks = (*grown.checks[:-1], replace(check, compare=tuple(values)))
    return replace(grown, checks=checks, links=links, shapes=shapes), ""


def _call(
    function: HandoutFunction, names: Mapping[str, str], returns: Sequence[str], owner: str
) -> str:
    """Return the line that calls a function."""
    arguments: list[str] = []
    is_keyword = False
    for parameter in function.parameters:
        if parameter.name not in names:
            is_keyword = True
        elif is_keyword:
            arguments.append(f"{parameter.name}={names[parameter.name]}")
        else:
            arguments.append(names[parameter.name])
    call = f"{owner}{function.name}({', '.join(arguments)})"
    return f"{', '.join(returns)} = {call}" if returns else call


def _possible_outputs(task: DraftTask, owner: str) -> list[str]:
    """Return what the last check may compare: returned values, their entries, attributes."""
    function, returns = task.checks[-1].function, _makes(task.checks[-1])
    entries = [f"{each}[{key!r}]" for each in returns for key in function.keys]
    changed = [] if returns else [p.name for p in function.parameters if not owner]
    wanted = [a for a in function.attributes if owner and re.match(r"d[A-Z_a-z]|grad", a)]
    attributes = [f"{owner}{attribute}" for attribute in wanted]
    return list(dict.fromkeys([*returns, *entries, *attributes, *changed]))


def _with_attributes(
    task: DraftTask, constructor: HandoutFunction, trial: HandoutProcess
) -> DraftTask:
    """Return the task of a class with inputs for the parameters that its constructor sets."""
    every = constructor.attributes
    skipped = re.compile(r"_|d[A-Z]|d_|grad|momentum|running|velocity")
    own = [a for a in every if not skipped.match(a) and not (a[0] == "d" and a[1:] in every)]
    wanted = [f"layer.{attribute}" for attribute in own]
    ran = trial.run(task.run(wanted))
    inputs, why, lines = dict(task.inputs), dict(task.why), [task.checks[0].lines]
    for expression in wanted:
        value = ran.values.get(expression)
        name = re.split(r"['\".]", expression.removesuffix("']"))[-1]
        if value is None or value.ndim == 0 or value.dtype.kind != "f" or name in inputs:
            continue
        inputs[name] = array(symbolic(value.shape, task))
        why[name] = "the shape that the constructor gives"
        lines.append(f"{expression} = {name}")
    first = replace(task.checks[0], lines="\n".join(lines))
    return replace(task, inputs=inputs, why=why, checks=(first,))
