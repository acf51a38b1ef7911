"""Find inputs with which the functions of a handout run, and the outputs that they return.

In: a `Handout`, and the process that runs its functions. Out: an `AssignmentDraft` with tasks,
whose checks call the functions, and with the reasons why other functions are left out.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import combinations, count, islice
from textwrap import shorten
from typing import Any

import numpy as np
from msgspec import Struct, field
from msgspec.structs import replace
from numpy.typing import NDArray

from gradkit.drafting.draft import DraftCheck, DraftTask, makes, random_checks, symbolic
from gradkit.drafting.guess import (
    AXES,
    BIASES,
    ELEMENTWISE,
    LABELS,
    NUMBERS,
    ROUNDS,
    Guess,
    Known,
    array,
    guesses,
    names_in,
)
from gradkit.drafting.handout import Handout, HandoutFunction, HandoutParameter
from gradkit.drafting.sizes import (
    equated,
    is_documented,
    mirrored,
    renamed,
    with_equal,
    with_lengths,
    without_labels,
)
from gradkit.drafting.trial import HandoutProcess, Ran
from gradkit.lines import value_of

MAX_TRIALS = 100
"""Most combinations of inputs that are tried for a function."""

BATCH = 25
"""Number of trials in one request."""

MAX_SIZES = 200
"""Most relations between sizes that are tried for a combination of inputs."""

MAX_EQUATED = 15
"""Most runs of a combination of inputs, each with one more size equal to another one."""

MAX_ITEMS = 3
"""Most items of a list that are compared."""

MAX_WAITING = 50
"""Most tasks with equal sizes that are run at once."""

MAX_RELATED = 2
"""Most combinations of inputs for which relations between sizes are tried."""

MAX_GUESSES = 12
"""Most inputs that are tried for a parameter."""

NO_EXERCISE = re.compile(
    r"(\w+_)?model|load_\w+|plot_\w+|test\w*|random_mini_batches|main|\w*(demo|sanity_check)\w*"
)
"""Names of functions that train for long, load data, plot or shuffle."""

MAX_TITLE = 60
"""Most characters of a task's title."""


class AssignmentDraft(Struct):
    """The tasks that were found, what is known of shapes, and why functions were left out."""

    tasks: list[DraftTask] = field(default_factory=list)
    known: Known = field(default_factory=Known)
    left_out: dict[str, str] = field(default_factory=dict)


def draft_tasks(handout: Handout, trial: HandoutProcess) -> AssignmentDraft:
    """Find tasks for all functions and classes of a handout."""
    names = {function.name for function in handout.functions} | {*handout.classes}
    draft = AssignmentDraft(known=Known(functions=frozenset({*names, *handout.unwritten})))
    for function in handout.functions:
        _add_function(draft, function, trial)
    for name, methods in handout.classes.items():
        _add_class(draft, name, methods, trial)
    for name in handout.unwritten:
        draft.left_out[name] = "it is not written in the handout"
    return draft


def _add_function(draft: AssignmentDraft, function: HandoutFunction, trial: HandoutProcess) -> None:
    """Add a check for a function to the task that it belongs to, or to a new task."""
    if not _is_exercise(function):
        draft.left_out[function.name] = NOT_AN_EXERCISE
        return
    reasons: list[str] = []
    places = [n for n, task in enumerate(draft.tasks) if _belongs(function, task)]
    tries = [*([places] if len(places) > 1 else []), *([n] for n in places[::-1]), []]
    # Sizes that need no relation to one another are more likely to be meant.
    for places, related in ((each, related) for related in (False, True) for each in tries):
        task = _merged([draft.tasks[n] for n in places]) if places else _new_task(function)
        found, reason = _with_call(task, function, draft.known, trial, related=related)
        if found is not None:
            rest = [task for n, task in enumerate(draft.tasks) if n not in places]
            place = min(places or [len(rest)])
            draft.tasks = [*rest[:place], found, *rest[place:]]
            _learn(draft.known, found)
            return
        reasons.append(reason)
    draft.left_out[function.name] = reasons[0]


NOT_AN_EXERCISE = "it seems to train, load, plot, test or shuffle"
"""Reason for leaving out a function or class."""


def _is_exercise(function: HandoutFunction) -> bool:
    """Return whether a function may be one that students write."""
    trains = any(ROUNDS.fullmatch(parameter.name) for parameter in function.parameters)
    is_training = re.match("train|fit", function.name) and (trains or function.is_random)
    return not (NO_EXERCISE.fullmatch(function.name) or is_training)


def _add_class(
    draft: AssignmentDraft, name: str, methods: Sequence[HandoutFunction], trial: HandoutProcess
) -> None:
    """Add a task for a class whose methods can be called."""
    constructor = next(method for method in methods if method.name == "__init__")
    others = [m for m in methods if m is not constructor and _is_exercise(m)]
    if not others:
        draft.left_out[name] = (
            "it has no method that computes" if len(methods) == 1 else NOT_AN_EXERCISE
        )
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
    task, settings = _with_attributes(task, constructor, others, trial)
    for method in others:
        found, reason = _with_call(task, method, draft.known, trial, owner="layer.")
        if found is None:
            draft.left_out[f"{name}.{method.name}"] = reason
        else:
            task = found
    if len(task.checks) > 1:
        draft.tasks.append(_with_settings(task, settings))


def _with_settings(task: DraftTask, settings: Sequence[str]) -> DraftTask:
    """Return a task with a first check on the constructor, if this sets arrays.

    Its second check replaces the arrays, which may be random, by inputs.
    """
    first, second, *rest = task.checks
    if first.compare:
        lines = "\n".join([*settings, second.lines])
        alone = replace(first, name="constructor", lines=first.lines.splitlines()[0])
        return replace(task, checks=(alone, replace(second, lines=lines), *rest))
    both = replace(second, lines=f"{first.lines}\n{second.lines}")
    return replace(task, checks=(replace(both, called=(*first.called, *second.called)), *rest))


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


def _merged(tasks: Sequence[DraftTask]) -> DraftTask:
    """Return the checks of several tasks as one task.

    Sizes without a meaning of their own get other names in later tasks. An input that several
    tasks have is taken from the first one; errors tell which sizes have to be equal then.
    """
    merged, *others = tasks
    for task in others:
        free = (name for name in _axes() if name not in {*merged.sizes, *task.sizes})
        names = {
            n: next(free) for n in task.sizes if n in merged.sizes and not is_documented(n, task)
        }
        made = {*merged.inputs, *task.inputs}
        made |= {name for check in merged.checks for name in makes(check)}
        for name in dict.fromkeys(name for check in task.checks for name in makes(check)):
            if name in made:
                names[name] = next(n for n in _numbered(name) if n not in made)
            made.add(names.get(name, name))
        checks = tuple(
            replace(
                check,
                lines=renamed(check.lines, names),
                compare=tuple(renamed(output, names) for output in check.compare),
            )
            for check in task.checks
        )
        sizes = with_lengths(merged.sizes, (names.get(name, name) for name in task.sizes))
        relations = {n: renamed(v, names) for n, v in task.sizes.items() if isinstance(v, str)}
        inputs = {name: renamed(value, names) for name, value in task.inputs.items()}
        inputs = {**inputs, **merged.inputs}
        used = {*names_in(list(inputs.values())), *names_in(list(relations.values()))}
        used |= {*words_in_text("\n".join(c.lines for c in (*merged.checks, *checks)))}
        merged = replace(
            merged,
            sizes={n: relations.get(n, v) for n, v in sizes.items() if n in used},
            inputs=inputs,
            why={**task.why, **merged.why},
            checks=(*merged.checks, *checks),
            links=merged.links | {names.get(link, link) for link in task.links},
            shapes={
                **merged.shapes,
                **{renamed(output, names): shape for output, shape in task.shapes.items()},
            },
        )
    return merged


def _plain(names: Iterable[str]) -> set[str]:
    """Return names without the number that makes them differ: ``cache`` for ``cache_2``."""
    return {re.sub(r"_\d+$", "", name) for name in names}


def _learn(known: Known, task: DraftTask) -> None:
    """Add the shapes of a task's inputs and of its last outputs to what is known.

    Sizes without a meaning of their own may differ in the next task.
    """
    sizes = task.drawn.drawn(0)
    unknown = {name: "?" for name in task.sizes if not is_documented(name, task)}

    def shape_of(value: Any) -> tuple[str, ...]:
        return tuple(renamed(axis, unknown) for axis in symbolic(np.shape(value), task))

    # Equal lengths of a dict's entries stay equal: they are those of layers that follow each other.
    own = {name: f"?{number}" for number, name in enumerate(unknown, 1)}

    def entry_shape_of(value: Any) -> tuple[str, ...]:
        return tuple(renamed(axis, own) for axis in symbolic(np.shape(value), task))

    known.inputs |= {name: renamed(value, unknown) for name, value in task.inputs.items()}
    for name, value in task.inputs.items():
        if isinstance(value, Mapping):
            entries = {key: entry_shape_of(sizes[name][key]) for key in value}
            known.tables[name] = {key: shape for key, shape in entries.items() if shape}
        elif not isinstance(value, list) and np.ndim(sizes[name]):
            known.arrays[name] = shape_of(sizes[name])
    for output in task.checks[-1].compare:
        shape = shape_of(np.empty(task.shapes[output]))
        entry = re.fullmatch(r"(\w+)\[['\"](\w+)['\"]\]", output)
        if entry and shape:
            shape = entry_shape_of(np.empty(task.shapes[output]))
            for table in {entry[1], entry[1].removeprefix("new_")}:
                known.tables.setdefault(table, {})[entry[2]] = shape
        elif output.isidentifier() and shape:
            known.arrays[output.removeprefix("new_")] = shape


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
    between sizes that no error names.
    """
    choices = {p.name: _choices(p, function, task, known) for p in function.parameters}
    choices = {name: found for name, found in choices.items() if found}
    missing = [p.name for p in function.parameters if p.name not in choices and not p.default]
    if missing:
        return None, f"no input is known for {', '.join(missing)}"
    combined = list(islice(_combinations(choices), MAX_TRIALS))
    grown = [_grown(task, function, inputs, owner, known.functions) for inputs in combined]
    found, reasons = _first_that_runs(iter(grown), trial, owner)
    if found is None and related and any(map(_is_about_shapes, reasons[:MAX_RELATED])):
        tries = (
            other
            for number, each in enumerate(grown[:MAX_RELATED])
            for other in islice(_related(each, task.sizes, pairs=not number), MAX_SIZES)
        )
        found, _ = _first_that_runs(tries, trial, owner)
    return found, f"{_described(grown[0])} {reasons[0]}" if reasons else ""


def _described(task: DraftTask) -> str:
    """Return the call of the last check with its inputs, for a message."""
    line = task.checks[-1].lines.splitlines()[-1].rpartition(" = ")[2]
    inputs = [
        f"{key} = {value}" for key, value in task.inputs.items() if key in words_in_text(line)
    ]
    return f"{line} with {', '.join(inputs)}" if inputs else line


def words_in_text(text: str) -> list[str]:
    """Return the names in a line of code."""
    return re.findall(r"[A-Za-z_]\w*", text)


def _first_that_runs(
    tries: Iterator[DraftTask], trial: HandoutProcess, owner: str
) -> tuple[DraftTask | None, list[str]]:
    """Return the first task whose last check runs, and else the reasons why none does."""
    reasons: list[str] = []
    # Most functions run with the first inputs.
    while batch := list(islice(tries, BATCH if reasons else 1)):
        for found, reason in _settled(batch, trial, owner):
            if found is not None:
                return found, reasons
            reasons.append(reason)
        if _is_final(reasons[-1]):
            break
    return None, reasons


def _settled(
    tasks: Sequence[DraftTask], trial: HandoutProcess, owner: str
) -> list[tuple[DraftTask | None, str]]:
    """Run tasks, and make sizes equal as long as errors name sizes that have to be."""
    waiting = list(enumerate(tasks))
    found: dict[int, tuple[DraftTask | None, str]] = {}
    for _ in range(MAX_EQUATED):
        runs = [task.run([*{*_possible_outputs(task, owner), *task.shapes}]) for _, task in waiting]
        again: list[tuple[int, DraftTask]] = []
        for (place, task), ran in zip(waiting, trial.run_all(runs), strict=True):
            accepted, reason = _accepted(task, ran, owner)
            found.setdefault(place, (None, reason))
            if accepted is None:
                others = equated(task, reason)
                if reason == NOT_FINITE and _positive(task) != task:
                    others = [_positive(task)]
            else:
                others = [other for other in [without_labels(task)] if other != task]
                mirror = mirrored(task)
                if not others and mirror != task:
                    others = equated(mirror, trial.run(mirror.run(())).failed)
                if not others and found[place][0] is None:
                    found[place] = accepted, ""
            again += [(place, other) for other in others]
        waiting = [pair for pair in again if found[pair[0]][0] is None][:MAX_WAITING]
        if not waiting:
            break
    return [found[place] for place in range(len(tasks))]


NOT_FINITE = "returns numbers that are not finite"
STOPS = "stops with "
"""Reasons for leaving out a function."""


def _positive(task: DraftTask) -> DraftTask:
    """Return a task with positive numbers in place of normal ones for its last check."""
    words = words_in_text(task.checks[-1].lines)
    names = {"normal": "positive"}
    inputs = {k: renamed(v, names) if k in words else v for k, v in task.inputs.items()}
    return replace(task, inputs=inputs)


def _is_about_shapes(reason: str) -> bool:
    """Return whether an error may disappear with other lengths of sizes."""
    errors = ("ValueError", "IndexError", "AssertionError")
    return not reason or reason.removeprefix(STOPS).startswith(errors)


def _is_final(reason: str) -> bool:
    """Return whether an error does not depend on the inputs: a name or a module is missing."""
    errors = ("NameError", "MissingImport", "ModuleNotFound", "ImportError")
    return reason.removeprefix(STOPS).startswith(errors)


def _choices(
    parameter: HandoutParameter, function: HandoutFunction, task: DraftTask, known: Known
) -> list[Guess]:
    """Return the inputs to try for a parameter: links to earlier values, or inputs to draw."""
    name = parameter.name
    links = [link for link in task.links if re.sub(r"_\d+$", "", link) == name]
    stem = _stem(function.name)
    made = {link: place for place, c in enumerate(task.checks) for link in makes(c)}

    def is_alike(link: str) -> bool:
        """Return whether a link is a value of a function of the same layer."""
        return link in made and _stem(task.checks[made[link]].function.name) == stem

    if not links and "cache" in name:
        links = [link for link in task.links if "cache" in link and is_alike(link)]
    if links:
        # The value of the function of the same layer comes first, then the latest one.
        alike = {link for link in links if is_alike(link)}
        order = sorted(links, key=lambda link: (link in alike, made[link]), reverse=True)
        return [Guess(None, "", link) for link in order]
    upstream = name[1:].lstrip("_") if name.startswith("d") else ""
    own = task.shapes.get(upstream) or task.shapes.get(f"new_{upstream}")
    if own is None and UPSTREAM.fullmatch(name):
        arrays = [s for c in task.checks[-1:] for o in c.compare if (s := task.shapes[o])]
        own = arrays[0] if arrays else None
    found = guesses(parameter, known, function.descriptions)[:MAX_GUESSES]
    if name == "p" and not (parameter.about or parameter.default or function.is_random):
        found = [Guess("uniform(0.1, 0.9, ?, ?)", "probabilities, by the name"), *found]
    if len(function.parameters) == 1 and not parameter.about:
        # A name such as ``t`` means something else beside other arguments.
        found = [guess for guess in found if guess.value != NUMBERS.get(name)]
    random = zip(task.checks, random_checks(task), strict=True)
    if name in task.shapes and not any(is_random and name in makes(c) for c, is_random in random):
        found = [Guess(None, "", name), *found]
    if own:
        found = [Guess(array(symbolic(own, task)), "the shape of an earlier output"), *found]
    if name in task.inputs:
        found = [Guess(task.inputs[name], task.why[name]), *found]
    return found


UPSTREAM = re.compile(r"dout|delta|grad|(grad_)?outputs?_grads?|grad_outputs?|dvalues|dy|dLdZ|dLdA")
"""Names of the gradient of the output of a layer."""


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


def _related(
    task: DraftTask, earlier: Mapping[str, int | str], *, pairs: bool = False
) -> Iterator[DraftTask]:
    """Yield a task with a relation between its sizes; with ``pairs`` also with two.

    A size may be 1, equal to another one, or the product of two. ``earlier`` sizes are kept, or
    are 1.
    """
    new = [name for name in task.sizes if name not in earlier]
    relations = [(name, relation) for name in new for relation in _relations(name, task.sizes)]
    for name, relation in relations:
        yield with_equal(task, name, relation)
    yield from (with_equal(task, name, 1) for name in earlier if task.sizes.get(name) != 1)
    simple = [(n, relation) for n, relation in relations if pairs and "*" not in str(relation)]
    for (name, relation), (other, second) in combinations(simple, 2):
        if name != other and not {name, other} & {*names_in(relation), *names_in(second)}:
            yield with_equal(with_equal(task, name, relation), other, second)


def _relations(name: str, sizes: Mapping[str, int | str]) -> Iterator[int | str]:
    """Yield what the length of a size may be: 1, another size, or the product of two."""
    others = [other for other in sizes if other != name and isinstance(sizes[other], int)]
    yield 1
    yield from others
    yield from (" * ".join(pair) for pair in combinations(others, 2))


def _grown(
    task: DraftTask,
    function: HandoutFunction,
    guessed: Mapping[str, Guess],
    owner: str,
    functions: Collection[str],
) -> DraftTask:
    """Return a task with a check that calls a function with some inputs.

    Parameters that are functions get different ones. No input and no output has the name of one of
    the ``functions``.
    """
    inputs, why, names = dict(task.inputs), dict(task.why), dict[str, str]()
    values = _with_axes(task, guessed)
    for first, *others in (names for names in function.zipped if {*names} <= {*values}):
        axis = _FIRST_AXIS.search(str(values[first]))
        for other in others:
            own = _FIRST_AXIS.search(str(values[other]))
            if axis and own:
                values[other] = renamed(values[other], {own[1]: axis[1]})
    for pair in function.shared:
        entries = values.get(pair.owner)
        is_other = pair.other != pair.owner and pair.other in values
        if is_other and isinstance(entries, Mapping) and not guessed[pair.other].link:
            values[pair.other] = {f"{pair.before}{k}{pair.after}": v for k, v in entries.items()}
    unused = iter(ELEMENTWISE)
    for name, guess in guessed.items():
        link = next(unused, guess.link) if guess.link in ELEMENTWISE else guess.link
        names[name], value = link or name, values[name]
        if value == name and name in task.inputs:
            names[name] = values[name] = value = f"{name}_{len(task.checks) + 1}"
        if guess.link or value == names[name]:  # a size is passed as it is
            continue
        is_taken = name in functions or name in task.sizes
        if is_taken or (name in inputs and inputs[name] != value):
            names[name] = f"{name}_{len(task.checks) + 1}"
        inputs[names[name]], why[names[name]] = value, guess.why
    sizes = with_lengths(task.sizes, names_in([values[n] for n in guessed if not guessed[n].link]))
    made = {each for check in task.checks for each in makes(check)} | {*functions}
    returns = [f"new_{each}" if each in inputs else each for each in function.returns]
    returns = [f"{each}_{len(task.checks) + 1}" if each in made else each for each in returns]
    lines = _call(function, names, returns, owner)
    called = (function.name,) if not owner else ()
    check = DraftCheck(_slug(function.name), function, lines, called, ())
    return replace(task, sizes=sizes, inputs=inputs, why=why, checks=(*task.checks, check))


_FIRST_AXIS = re.compile(r"^(?:normal|integers\(\w+, |positive)\(?(\w+)")


def _with_axes(task: DraftTask, guessed: Mapping[str, Guess]) -> dict[str, Any]:
    """Return the values of guesses with a size of its own for each unknown length.

    Within a guess, unknown lengths with the same number, as ``?1``, have the same size.
    """
    same: dict[str, str] = {}
    taken = {*task.sizes, *task.inputs, *guessed}
    taken |= {name for guess in guessed.values() for name in names_in(guess.value)}
    free = (name for name in _axes() if name not in taken)
    names = {LABELS: next(n for n in _numbered(LABELS) if n not in task.sizes)}
    # An axis may have the name of an array: ``W`` is the width of an image, and the weights.
    arrays = {*task.inputs, *(n for n, guess in guessed.items() if guess.value != n)}
    used = {name for guess in guessed.values() for name in names_in(guess.value)}
    names |= {name: next(free) for name in sorted(arrays & used)}

    def named(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: named(item) for key, item in value.items()}
        if isinstance(value, list):
            return [named(item) for item in value]
        if not isinstance(value, str):
            return value
        if value in guessed and value not in arrays:
            return value
        text = re.sub(r"\?\d+", lambda m: same.setdefault(m[0], "") or new_axis(m[0]), value)
        return re.sub(r"\?", lambda _: next(free), renamed(text, names))

    def new_axis(place: str) -> str:
        same[place] = next(free)
        return same[place]

    found: dict[str, Any] = {}
    for name, guess in guessed.items():
        same.clear()
        found[name] = named(guess.value)
    return found


def _axes() -> Iterator[str]:
    """Yield names for sizes without end: first `AXES`, then `AXES` with 2, with 3, and so on."""
    yield from AXES
    yield from (f"{name}{number}" for number in count(2) for name in AXES)


def _numbered(name: str) -> Iterator[str]:
    """Yield a name, and then with numbers from 2 on."""
    yield name
    yield from (f"{name}_{number}" for number in count(2))


def _accepted(grown: DraftTask, ran: Ran, owner: str) -> tuple[DraftTask | None, str]:
    """Return a task with the outputs of its last check, or why a run does not fit."""
    if ran.failed:
        return None, f"{STOPS}{ran.failed}"
    check, returns = grown.checks[-1], makes(grown.checks[-1])
    drawn = dict(grown.drawn.drawn(0))
    inputs = [place for name, value in grown.inputs.items() for place in _places(name, value)]
    places = {place: value_of(place, drawn) for place in inputs}
    possible = _possible_outputs(grown, owner)
    values = {
        output: value
        for output in possible
        if (value := ran.values.get(output)) is not None
        and not (_ITEM.search(output) and _ITEM.sub("", output) in ran.values)
        # An input that a function may change in place counts if it does.
        and "cache" not in re.split(r"[\[.]", output)[0]
        and value.size
        if output in returns or not np.array_equal(value, places.get(output, np.nan))
        if not _is_passed_on(output, value, drawn)
    }
    if any(output in places for output in values):
        # Students may keep another state than the model solution.
        values = {output: value for output, value in values.items() if output in places}
    given = [value for value in drawn.values() if isinstance(value, np.ndarray)]
    stored = [
        output
        for output, value in values.items()
        if "." in output and any(np.array_equal(value, each) for each in given)
    ]
    values = {output: value for output, value in values.items() if output not in stored}
    if not values and (owner or not returns):
        return None, "returns nothing that can be compared"
    if not all(np.isfinite(value).all() for value in values.values()):
        return None, NOT_FINITE
    readable = {re.split(r"[\[.]", output)[0] for output in values}
    links = grown.links | ({*returns} - readable)
    earlier = {output: ran.values[output].shape for output in grown.shapes}
    shapes = {**earlier, **{output: value.shape for output, value in values.items()}}
    checks = (*grown.checks[:-1], replace(check, compare=tuple(values)))
    return replace(grown, checks=checks, links=links, shapes=shapes), ""


def _is_passed_on(output: str, value: NDArray[Any], drawn: Mapping[str, Any]) -> bool:
    """Return whether an entry of a returned dict is that of an input, as a learning rate is."""
    entry = _ENTRY.fullmatch(output)
    tables = [each for each in drawn.values() if isinstance(each, Mapping)]
    return entry is not None and any(
        np.array_equal(table[entry[1]], value) for table in tables if entry[1] in table
    )


_ENTRY = re.compile(r"\w+\[['\"](\w+)['\"]\]")
"""An entry of a dict, as ``config['learning_rate']``."""

_ITEM = re.compile(r"\[\d\]$")
"""Number of an item of a list, which is compared if the list is no array."""


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
    # An object with `__call__` is called itself.
    called = f"{owner}{function.name}".removesuffix(".__call__")
    call = f"{called}({', '.join(arguments)})"
    return f"{', '.join(returns)} = {call}" if returns else call


def _possible_outputs(task: DraftTask, owner: str) -> list[str]:
    """Return what the last check may compare: returned values, their entries, attributes."""
    function, returns = task.checks[-1].function, makes(task.checks[-1])
    tables = [value for value in task.inputs.values() if isinstance(value, Mapping)]
    keys = dict.fromkeys([*function.keys, *(key for table in tables for key in table)])
    entries = [f"{each}[{key!r}]" for each in returns for key in keys]
    call = task.checks[-1].lines.splitlines()[-1]
    passed = [] if returns else [name for name in words_in_text(call) if name in task.inputs]
    changed = [place for name in passed for place in _places(name, task.inputs[name])]
    own = function.attributes if owner else ()
    # A method without a value changes the object.
    wanted = [a for a in own if re.match(r"d[A-Z_a-z]|grad", a) or not returns]
    attributes = [f"{owner}{attribute}" for attribute in wanted]
    items = [f"{each}[{n}]" for each in (*returns, *attributes) for n in range(MAX_ITEMS)]
    outputs = [*returns, *entries, *attributes, *items, *changed]
    return list(dict.fromkeys(outputs))


def _places(name: str, value: Any) -> list[str]:
    """Return the expressions of an input: its name, or those of its entries if it is a dict."""
    return [f"{name}[{key!r}]" for key in value] if isinstance(value, Mapping) else [name]


def _with_attributes(
    task: DraftTask,
    constructor: HandoutFunction,
    methods: Sequence[HandoutFunction],
    trial: HandoutProcess,
) -> tuple[DraftTask, list[str]]:
    """Return the task of a class with inputs for the parameters that its constructor sets.

    Attributes that begin with an underscore are parameters only if one of the ``methods`` reads
    them. The lines that set parameters are also returned by themselves.
    """
    every = constructor.attributes
    skipped = re.compile(r"__|_?(d[A-Z]|d_|grad|momentum|velocity)")
    read = {name for method in methods for name in method.reads}
    used = [a for a in every if not a.startswith("_") or a in read]
    own = [a for a in used if not skipped.match(a) and not (a[0] == "d" and a[1:] in every)]
    plain = [f"layer.{attribute}" for attribute in own]
    items = [f"{expression}[{n}]" for expression in plain for n in range(MAX_ITEMS)]
    ran = trial.run(task.run([*plain, *items]))
    wanted = [*plain, *(item for item in items if _ITEM.sub("", item) not in ran.values)]
    inputs, why, lines = dict(task.inputs), dict(task.why), list[str]()
    shapes = dict(task.shapes)
    for expression in wanted:
        value = ran.values.get(expression)
        name = re.split(r"['\".]", expression.removesuffix("']"))[-1]
        name = re.sub(r"\[(\d)\]", r"\1", name).lstrip("_")
        if value is None or name in inputs or not _is_parameter(name, value):
            continue
        # Statistics of former batches that begin with ones are variances.
        is_variance = name.startswith("running") and bool((value == 1).all())
        draw = "positive" if is_variance else "normal"
        inputs[name] = array(symbolic(value.shape, task), draw)
        why[name] = "the shape that the constructor gives"
        lines.append(f"{expression} = {name}")
        shapes[expression] = value.shape
    first = task.checks[0]
    compare = tuple(output for output in shapes if output not in task.shapes)
    first = replace(first, lines="\n".join([first.lines, *lines]), compare=compare)
    return replace(task, inputs=inputs, why=why, checks=(first,), shapes=shapes), lines


def _is_parameter(name: str, value: NDArray[Any]) -> bool:
    """Return whether an attribute seems to be a parameter of a layer, by its name and value.

    Arrays of floats are, and a scale of 1 or a shift of 0. Other numbers may be counts or settings.
    """
    if value.ndim == 0:
        return bool(BIASES.fullmatch(name)) and value.dtype.kind in "if" and bool(value in (0, 1))
    return value.dtype.kind == "f"
