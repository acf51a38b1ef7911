"""The library of symbols: every quantity that a term may contain, as columns.

An `Atom` is a factor, or a sum that wrong and right code alike contains as a whole
(``Σₖ (y−ŷ)[k]·W2[j,k]``). With each goes the set of scalar inputs that it depends on: an
entry's rule can only contain atoms whose inputs all matter to that entry.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from gradkit.diagnosis.rules.symbols import PER_HIDDEN, PER_INPUT, PER_OUTPUT, Table
from gradkit.records.rule import Entry, Factor, UpdateInputs
from gradkit.records.task import Array, Layer
from gradkit.task.activations import ACTIVATIONS, is_piecewise_linear
from gradkit.task.network import parameter_shapes

Mask = NDArray[np.bool_]

GAINS: tuple[tuple[tuple[str, int], ...], ...] = (
    (("error", 1),),
    (("error", 1), ("output", 1), ("output_complement", 1)),
    (("error", 1), ("output", -1), ("output_complement", -1)),
    (("error", 2),),
    (("error", 1), ("output_slope", 1)),
    (("error", 1), ("output", 1)),
    (("error", 1), ("output_complement", 1)),
    (("target", 1),),
    (("output", 1),),
    (),
)
"""What wrong and right code sums over the outputs, besides the weight."""

Powers = tuple[tuple[str, int], ...]

PASSES: tuple[Powers, ...] = (
    (),
    (("hidden", 1), ("hidden_complement", 1)),
    (("hidden_complement", 1), ("hidden_excess", 1)),
    (("hidden_step", 1),),
    (("hidden", 1),),
    (("hidden_slope", 1),),
    (("hidden_complement", 1),),
)
"""What it multiplies by before a sum over hidden units."""


def gains(shape: Shape) -> tuple[Powers, ...]:
    """`GAINS`, with the output's own slope where other symbols do not make it."""
    extra = (("error", 1), ("output_derivative", 1))
    return (extra, *GAINS) if "output_derivative" in per_output(shape) else GAINS


def passes(shape: Shape) -> tuple[Powers, ...]:
    """`PASSES`, with the hidden layer's own slope where other symbols do not make it."""
    extra = (("hidden_derivative", 1),)
    return (*PASSES, extra) if "hidden_derivative" in per_hidden(shape) else PASSES


def is_gated(shape: Shape) -> bool:
    """True where the hidden layer's slope is 0 or 1, by the sign of its sum."""
    return "hidden_step" in (ACTIVATIONS[shape.activation].factors or ())


def per_hidden(shape: Shape) -> tuple[str, ...]:
    """The symbols of a hidden unit."""
    stands_for_itself = ACTIVATIONS[shape.activation].factors is None
    return tuple(s for s in PER_HIDDEN if s != "hidden_derivative" or stands_for_itself)


def per_output(shape: Shape) -> tuple[str, ...]:
    """The symbols of an output."""
    last = ACTIVATIONS[shape.last]
    # Of the linear and the sigmoid's slopes there are none, or products of others.
    stands_for_itself = last.slope is not None and last.factors not in (
        (),
        ("hidden", "hidden_complement"),
    )
    return tuple(s for s in PER_OUTPUT if s != "output_derivative" or stands_for_itself)


class Atom(Struct, frozen=True):
    """Factors that stand or fall together, and which scalar inputs they depend on."""

    factors: tuple[Factor, ...]
    depends: Mask


class Shape(Struct, frozen=True):
    """The sizes of a net, and where each scalar input stands in the flat row of all."""

    features: int
    hidden: int
    outputs: int
    activation: str
    last: str

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All entries of all parameters, in the order of the flat row."""
        return _entries(self)


@lru_cache(maxsize=64)
def _entries(shape: Shape) -> tuple[Entry, ...]:
    layers = (Layer(shape.hidden, ""), Layer(shape.outputs, ""))
    return tuple(
        (key, (i, j))
        for key, (rows, columns) in parameter_shapes(shape.features, layers).items()
        for i in range(rows)
        for j in range(columns)
    )


def flatten(inputs: UpdateInputs) -> Array:
    """All scalar inputs of each call in one row: y, ŷ, A1, X, W1, b1, W2, b2; (n, V)."""
    n = len(inputs.y)
    parts = [inputs.y, inputs.y_hat, inputs.A1, inputs.X]
    parts += [value.reshape(n, -1) for value in inputs.before.values()]
    return np.concatenate(parts, axis=1)


@lru_cache(maxsize=64)
def variables(shape: Shape) -> tuple[str, ...]:
    """Names of the scalar inputs, in the order of `flatten`."""
    names = [
        *(_name("y", k, shape.outputs) for k in range(shape.outputs)),
        *(_name("ŷ", k, shape.outputs) for k in range(shape.outputs)),
        *(f"A1[{j}]" for j in range(shape.hidden)),
        *(f"X[{i}]" for i in range(shape.features)),
    ]
    return (*names, *(f"{key}[{i},{j}]" for key, (i, j) in shape.entries))


def _name(symbol: str, k: int, outputs: int) -> str:
    return symbol if outputs == 1 else f"{symbol}[{k}]"


def _mask(shape: Shape, *names: str) -> Mask:
    known = variables(shape)
    mask = np.zeros(len(known), dtype=bool)
    for name in names:
        mask[known.index(name)] = True
    return mask


@lru_cache(maxsize=16)
def atoms(shape: Shape) -> tuple[Atom, ...]:
    """All atoms of a net of this shape that do not depend on the code under test."""
    found: list[Atom] = []
    inputs = [f"X[{i}]" for i in range(shape.features)]
    for k in range(shape.outputs):
        y, y_hat = (_name(name, k, shape.outputs) for name in ("y", "ŷ"))
        needs = {"target": [y], "error": [y, y_hat]}
        found += [_single(shape, s, k, "", needs.get(s, [y_hat])) for s in per_output(shape)]
        behind = [*_behind(shape, k), *inputs]
        found += [
            _single(shape, symbol, k, "recomputed", [*([y] if symbol == "error" else []), *behind])
            for symbol in ("error", "output", "output_complement")
        ]
    for i in range(shape.features):
        found += [_single(shape, symbol, i, "", [f"X[{i}]"]) for symbol in PER_INPUT]
    for j in range(shape.hidden):
        # Small moves of a live relu do not change its step, which therefore always fits.
        steady = is_piecewise_linear(ACTIVATIONS[shape.activation])
        always = {"hidden_derivative"} if steady else set()
        always |= {"hidden_step"} if is_gated(shape) else set()
        found += [
            _single(shape, symbol, j, "", [] if symbol in always else [f"A1[{j}]"])
            for symbol in per_hidden(shape)
        ]
        theirs = [f"W1[{i},{j}]" for i in range(shape.features)] + [f"b1[{j},0]", *inputs]
        found += [
            _single(shape, symbol, j, "recomputed", theirs)
            for symbol in per_hidden(shape)
            if symbol not in ("hidden_again", "hidden_slope")
        ]
    found += [
        Atom((Factor(key, place, "before"),), _mask(shape, f"{key}[{place[0]},{place[1]}]"))
        for key, place in shape.entries
    ]
    found.append(Atom((Factor("input", ("i",)),), _mask(shape, *inputs)))
    found.append(
        Atom((Factor("hidden", ("j",)),), _mask(shape, *(f"A1[{j}]" for j in range(shape.hidden))))
    )
    return tuple(found)


def _behind(shape: Shape, k: int) -> list[str]:
    """The parameters on which a recomputed output depends: all, where outputs share a softmax."""
    own = {"W1": True, "b1": True, "W2": False, "b2": False}
    return [
        f"{key}[{i},{j}]"
        for key, (i, j) in shape.entries
        if own[key] or shape.last == "softmax" or k == (j if key == "W2" else i)
    ]


def _single(shape: Shape, symbol: str, place: int, when: Any, names: list[str]) -> Atom:
    return Atom((Factor(symbol, (place,), when),), _mask(shape, *names))


@lru_cache(maxsize=16)
def sums(shape: Shape) -> tuple[tuple[tuple[Factor, ...], Mask], ...]:
    """Sums over outputs and hidden units, with what they need besides W2 itself.

    For one output the sum over outputs is a plain product and left out.
    """
    found = []
    y = [_name(n, k, shape.outputs) for n in ("y", "ŷ") for k in range(shape.outputs)]
    outs: Any = "k" if shape.outputs > 1 else 0
    for gain in gains(shape):
        needs = [n for n in y if _needed(gain, n)]
        factors = tuple(Factor(symbol, (outs,), "", power) for symbol, power in gain)
        if shape.outputs > 1:
            found += [(factors, _mask(shape, *needs))] if gain else []
            found += [
                ((*factors, Factor("W2", (j, "k"), when)), _mask(shape, *needs))
                for j in range(shape.hidden)
                for when in ("before", "after")
            ]
        for through in passes(shape):
            names = [f"A1[{j}]" for j in range(shape.hidden)] if through else []
            passed = tuple(Factor(symbol, ("j",), "", power) for symbol, power in through)
            found += [
                ((*factors, Factor("W2", ("j", outs), when), *passed), _mask(shape, *needs, *names))
                for when in ("before", "after")
            ]
            if passed and (gain or through != (("hidden", 1),)):
                found.append(((*factors, *passed), _mask(shape, *needs, *names)))
    return tuple(found)


def _needed(gain: tuple[tuple[str, int], ...], name: str) -> bool:
    symbols = {symbol for symbol, _ in gain}
    if name.startswith("y"):
        return bool(symbols & {"error", "target"})
    return bool(symbols - {"target"})


class Pool(Struct, frozen=True):
    """The atoms that some entry may contain, for one set of probes.

    ``columns`` has shape (n, P), ``depends`` (P, V). ``whole`` marks sums, of which a
    product contains at most one.
    """

    atoms: tuple[tuple[Factor, ...], ...]
    columns: Array
    depends: Mask
    whole: Mask


def pool(
    shape: Shape, table: Table, after_depends: Mapping[Entry, Mask], needed: list[Mask]
) -> Pool:
    """All atoms, those that use values after the step included.

    Parameters
    ----------
    after_depends : mapping
        For each entry, which scalar inputs its value after the step depends on.
    needed : list of masks
        What the entries in question depend on; an atom that fits none is left out.
    """
    found: list[tuple[tuple[Factor, ...], Mask, bool]] = [
        (atom.factors, atom.depends, False) for atom in atoms(shape)
    ]
    changed = {
        entry
        for entry in shape.entries
        if not np.array_equal(
            table.after[entry[0]][:, *entry[1]], table.inputs.before[entry[0]][:, *entry[1]]
        )
    }
    found += [
        ((Factor(*entry, "after"),), after_depends[entry], False)
        for entry in shape.entries
        if entry in changed
    ]
    for factors, needs, used, when in _weighted_sums(shape):
        if when != "after":
            found.append((factors, needs, True))
        elif not changed.isdisjoint(used):
            # Where no weight has changed, the sum repeats the one of those before the step.
            depends = np.logical_or.reduce([needs, *(after_depends[entry] for entry in used)])
            found.append((factors, depends, True))
    possible = np.stack(needed)
    depends = np.stack([mask for _, mask, _ in found])
    fits = ~np.any(depends[None] & ~possible[:, None], axis=2).all(axis=0)
    kept = [found[index] for index in np.flatnonzero(fits)]
    if table.inputs.rate is not None:
        kept.append(((Factor("rate"),), np.zeros(len(variables(shape)), dtype=bool), False))
    return Pool(
        tuple(factors for factors, _, _ in kept),
        np.stack([table.product(factors) for factors, _, _ in kept], axis=1),
        np.stack([mask for _, mask, _ in kept]),
        np.array([whole for _, _, whole in kept]),
    )


@lru_cache(maxsize=16)
def _weighted_sums(
    shape: Shape,
) -> tuple[tuple[tuple[Factor, ...], Mask, tuple[Entry, ...], str], ...]:
    """The sums, each with what it depends on, and with its weights and which they are.

    What weights after the step depend on is up to the code under test, and left out.
    """
    found = []
    for factors, needs in sums(shape):
        weight = next((f for f in factors if f.symbol == "W2"), None)
        used: tuple[Entry, ...] = ()
        if weight is not None:
            used = tuple(e for e in shape.entries if e[0] == "W2" and _fits(weight, e))
        when = "" if weight is None else weight.when
        names = [f"W2[{i},{j}]" for _, (i, j) in used] if when == "before" else []
        found.append((factors, needs | _mask(shape, *names), used, when))
    return tuple(found)


def _fits(weight: Factor, entry: Entry) -> bool:
    return all(
        isinstance(axis, str) or axis == place
        for axis, place in zip(weight.index, entry[1], strict=True)
    )
