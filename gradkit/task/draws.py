"""Draw the inputs of a function task: sizes first, then arrays of these sizes.

An input is an expression over sizes and these functions, in which a shape is a row of sizes:

    normal(N, D)  normal()  uniform(low, high, N, D)  integers(C, N)  onehot(C, N)  binary(N, D)
    zeros(N)  ones(N)  positive(N, D)  distinct(N, D)  probabilities(N, C)  mask(p, N, D)
    judged(1, uniform(0.3, 0.8))
    0.1 * normal(D, M)  onehot(C, N).T  'relu'  (3, 4)

Without a shape, a function gives a number. ``integers`` are from 0 to below C, ``onehot`` has a row
for each of N examples, ``binary`` is 0 or 1, ``probabilities`` are rows that add up to 1,
``distinct`` has no two numbers within 0.1 of each other, ``mask`` is 1/p with probability p and
else 0. ``judged`` gives its first argument where outputs are judged, and its second where a changed
program is tried on fresh inputs: a learning rate of 1 would not distinguish ``lr * g`` from
``g / lr`` and from ``g``.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradkit.lines import LinesError, read_expression, value_of
from gradkit.records.task import Draw, FunctionTask

RANDOM = 3
"""Number of probes with random inputs. Each has other sizes."""

TRIES = 50
"""Largest number of draws of sizes until all sizes of a probe differ."""


SHORT = 4
"""Number of significant digits of inputs that are recorded in a file."""


def functions(
    rng: np.random.Generator, *, judged: bool = True, short: bool = False
) -> dict[str, Callable[..., Any]]:
    """Return the functions that an input's expression may call, by name; they draw from ``rng``.

    With ``short``, drawn numbers have at most `SHORT` digits, so that a file of them is small.
    Numbers that have to fit each other, such as probabilities, keep all digits. The function
    ``judged`` returns its first argument if the argument ``judged`` is true, and otherwise its
    second.
    """

    def rounded(drawn: NDArray[Any] | float) -> Any:
        """Return drawn numbers, with at most `SHORT` digits if ``short`` is set."""
        if not short:
            return drawn
        texts = [f"{number:.{SHORT}g}" for number in np.ravel(drawn)]
        return np.array(texts, dtype=float).reshape(np.shape(drawn))

    def positive(*shape: int) -> Any:
        """Draw positive numbers of a shape, at least 0.1."""
        return rounded(np.abs(rng.normal(size=shape)) + 0.1)

    def distinct(*shape: int) -> NDArray[Any]:
        """Draw numbers of a shape of which no two are within 0.1 of each other."""
        size = int(np.prod(shape))
        steps = rng.permutation(size) - (size - 1) / 2
        drawn = (0.2 * steps + rng.uniform(-0.05, 0.05, size)).reshape(shape)
        # Decimals, because significant digits would make large numbers equal.
        return np.asarray(np.round(drawn, SHORT) if short else drawn)

    def probabilities(*shape: int) -> NDArray[Any]:
        """Draw numbers of a shape that add up to 1 along the last axis."""
        parts = rng.uniform(0.1, 1.0, shape)
        return np.asarray(parts / parts.sum(axis=-1, keepdims=True))

    def integers(high: int, *shape: int) -> NDArray[Any]:
        # Each number once, as far as there is room.
        """Draw integers of a shape from 0 to below ``high``, about equally often each."""
        size = int(np.prod(shape))
        rows = [rng.permutation(high) for _ in range(-(-size // high))]
        return np.concatenate(rows)[:size].reshape(shape)

    return {
        "normal": lambda *shape: rounded(rng.normal(size=shape)),
        "uniform": lambda low, high, *shape: rounded(rng.uniform(low, high, shape)),
        "integers": integers,
        "onehot": lambda classes, n: np.eye(classes)[integers(classes, n)],
        "binary": lambda *shape: rng.permutation(np.arange(np.prod(shape)) % 2.0).reshape(shape),
        "zeros": lambda *shape: np.zeros(shape),
        "ones": lambda *shape: np.ones(shape),
        "positive": positive,
        "distinct": distinct,
        "probabilities": probabilities,
        "mask": lambda p, *shape: (rng.uniform(size=shape) < p) / p,
        "judged": lambda here, elsewhere: here if judged else elsewhere,
    }


KNOWN = frozenset(functions(np.random.default_rng(0)))
"""Names of the functions that an input's expression may call."""


def read_input(value: Any, sizes: Mapping[str, Any]) -> None:
    """Check that an input of the assignment file follows the grammar of this module.

    ``value`` is an expression, a number, or a table or list of inputs. ``sizes`` has the names that
    expressions may use.

    Raises
    ------
    LinesError
        It is not an expression, or it names something that is neither a size nor a function.
    """
    if isinstance(value, Mapping):
        for item in value.values():
            read_input(item, sizes)
    elif isinstance(value, list):
        for item in value:
            read_input(item, sizes)
    elif isinstance(value, str):
        for name in sorted(read_expression(value) - KNOWN - sizes.keys()):
            known = ", ".join([*sizes, *sorted(KNOWN)])
            raise LinesError(f"{value!r} names {name!r}", f"one of {known}")
    elif not isinstance(value, bool | int | float):
        raise LinesError(repr(value), "an expression, a number, or a table of these")


def draw_sizes(
    task: FunctionTask, rng: np.random.Generator, count: int = RANDOM
) -> list[dict[str, int]]:
    """Draw the sizes of ``count`` probes, each of which has one of the choices of each size.

    A probe is a set of inputs; ``task`` has the choices, and ``rng`` draws. Every choice of a size
    occurs about equally often. All sizes of a probe differ, so that exchanged axes show, if the
    choices allow it. Otherwise the plan with most pairs of sizes that differ in some probe is taken
    from `TRIES` plans.
    """
    choices = {name: each for name, each in task.sizes.items() if isinstance(each, tuple)}
    plans: list[list[dict[str, int]]] = []
    for _ in range(TRIES):
        orders = {
            name: rng.permutation(np.resize(rng.permutation(each), count))
            for name, each in choices.items()
        }
        plans.append(
            [{name: int(order[n]) for name, order in orders.items()} for n in range(count)]
        )
        if all(len(set(sizes.values())) == len(sizes) for sizes in plans[-1]):
            return plans[-1]
    return max(plans, key=_differing)


def _differing(plan: list[dict[str, int]]) -> tuple[int, int, int]:
    """Return how well the sizes in a plan can be told apart, to be compared with other plans.

    A plan has the sizes of each probe. The numbers are the pairs of sizes that differ in some
    probe, the same counted separately for each order, and the sum over probes of different sizes.
    """
    larger = {
        (one, other)
        for sizes in plan
        for one, other in itertools.permutations(sizes, 2)
        if sizes[one] > sizes[other]
    }
    different = {frozenset(pair) for pair in larger}
    return len(different), len(larger), sum(len(set(sizes.values())) for sizes in plan)


def _complete(
    task: FunctionTask, sizes: Mapping[str, int], hard: Mapping[str, Any]
) -> dict[str, int]:
    """Return all sizes of a probe: those drawn, and those that are computed from other sizes.

    ``sizes`` are drawn. ``hard`` has the values that the assignment sets for a hard case; its sizes
    override the others.

    Raises
    ------
    LinesError
        A size is not a whole number from 1.
    """
    known = {**sizes, **{name: hard[name] for name in task.sizes if name in hard}}
    for name, choice in task.sizes.items():
        if isinstance(choice, str) and name not in known:
            value = computed(f"sizes.{name}", choice, known)
            if not isinstance(value, int | float) or value < 1 or value != int(value):
                where = ", ".join(f"{name} = {size}" for name, size in known.items())
                found = f"{choice!r}, which is {value!r} with {where}"
                raise LinesError(found, "a whole number from 1", f"sizes.{name}")
            known[name] = int(value)
    return {name: known[name] for name in task.sizes}


def draws(
    task: FunctionTask,
    seed: int,
    *,
    judged: bool = True,
    count: int = RANDOM,
    short: bool = False,
) -> Iterator[Draw]:
    """Draw the probes of a task: ``count`` random ones, and one for each hard case.

    Parameters
    ----------
    task : FunctionTask
        The task with its sizes, inputs and hard cases.
    seed : int
        The same seed draws the same probes.
    judged : bool
        Outputs are judged at these probes. Otherwise a changed program is tried on them.
    count : int
        Number of random probes.
    short : bool
        Draw numbers with few digits, to be recorded in a file.

    Yields
    ------
    Draw
        With fresh arrays.

    Raises
    ------
    LinesError
        A size is not a whole number from 1, or an expression cannot be computed or is not numeric.
    """
    cases: list[Mapping[str, Any]] = [*({} for _ in range(count)), *task.hard]
    plan = draw_sizes(task, np.random.default_rng(seed), count)
    for number, hard in enumerate(cases):
        rng = np.random.default_rng([seed, number])
        sizes = _complete(task, plan[number % count], hard)
        label = ", ".join(f"{name} = {value}" for name, value in hard.items())
        known = functions(rng, judged=judged, short=short)
        values = _values(task, sizes, hard, known, number - count)
        yield Draw(label or f"random {number + 1}", sizes, values, bool(hard))


def drawn_again(task: FunctionTask, draw: Draw, seed: int) -> Draw:
    """Return a probe with other random inputs of the same sizes as those of ``draw``."""
    values = _values(task, draw.sizes, {}, functions(np.random.default_rng([seed, RANDOM, 1])))
    return Draw(draw.label, draw.sizes, values)


def _values(
    task: FunctionTask,
    sizes: Mapping[str, int],
    hard: Mapping[str, Any],
    known: Mapping[str, Callable[..., Any]],
    number: int = 0,
) -> dict[str, Any]:
    """Draw the inputs of one probe, and return them and the sizes by name.

    ``sizes`` are the sizes of the probe, ``hard`` the values that the assignment sets for a hard
    case, and ``number`` the index of the hard case, for errors. ``known`` are the functions of
    expressions, by name.
    """
    names = {**known, **sizes}
    drawn: dict[str, Any] = dict(sizes)
    for name, value in task.inputs.items():
        key = f"hard[{number}].{name}" if name in hard else f"inputs.{name}"
        drawn[name] = draw_input(key, hard.get(name, value), names)
    return drawn


def draw_input(key: str, value: Any, names: Mapping[str, Any]) -> Any:
    """Draw an input, or each item of a table or list of inputs.

    Values other than texts are returned unchanged. Texts are expressions, which use ``names``; an
    array without dimensions becomes a number. ``key`` is the key in the assignment file, for
    errors.

    Raises
    ------
    LinesError
        An expression cannot be computed, or its value is not numeric.
    """
    if isinstance(value, Mapping):
        return {name: draw_input(f"{key}.{name}", item, names) for name, item in value.items()}
    if isinstance(value, list):
        return [draw_input(f"{key}[{place}]", item, names) for place, item in enumerate(value)]
    if not isinstance(value, str):
        return value
    drawn = computed(key, value, names)
    if isinstance(drawn, np.ndarray | np.generic) and drawn.dtype.kind in "biuf":
        return drawn if drawn.ndim else drawn.item()
    if not isinstance(drawn, bool | int | float | str | tuple | list | None):
        found = f"{value!r}, which is a {type(drawn).__name__}"
        raise LinesError(found, "an array of real numbers, a number, or a word", key)
    return drawn


UNCOMPUTED = (ArithmeticError, AttributeError, LookupError, MemoryError, TypeError, ValueError)


def computed(key: str, text: str, names: Mapping[str, Any]) -> Any:
    """Compute an expression with the values of ``names``; errors name its `key` in the file.

    Raises
    ------
    LinesError
        It cannot be computed.
    """
    try:
        return value_of(text, dict(names))
    except UNCOMPUTED as error:
        found = f"{text!r}, which stops with {type(error).__name__}: {error}"
        raise LinesError(found, "an expression that can be computed", key) from None
