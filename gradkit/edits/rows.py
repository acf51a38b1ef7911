"""List the changes of expressions that may be made: the rows of one table.

A row says the kind of mistake that the change mends, the expression before and after it, its cost,
and where a search tries it::

    row("extra-term", "A - B => -B", LARGER)
    row("missing-term", "V => 1 - V", LARGER, "whole, not count")
    row("turned-sign", "A {o} B => A {p} B", o=ADDED, p=ADDED)

``A - B`` is a pattern: capital letters stand for expressions, see `gradkit.edits.patterns`. Names
that end in ``_`` are operands; `gradkit.runtime.repair.operands` lists what a search puts there.
Several forms after a change stand in one row, with a bar between them. ``{o}`` and ``{p}`` stand
for each of some texts. The words of the last argument are conditions, and all have to hold:
`gradkit.runtime.repair.conditions` lists them. A grader that applies a row needs the pattern alone.

A change that no pattern can write is a function in `gradkit.edits.calls`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import chain, product
from typing import Any

from gradkit.edits.costs import (
    BRACKETED,
    LARGE,
    LARGER,
    LITTLE,
    MORE,
    REPLACED,
    SCALED,
    SIGNED,
    SIMPLE,
)
from gradkit.edits.nodes import called_name
from gradkit.edits.patterns import LETTERS, holes_of, letter_fits, pattern, prepare

ADDED, SCALING, ORDERED = ("+", "-"), ("*", "/"), ("/", "@", "**")
PRODUCTS = ("*", "/", "@", "**", "//", "%")
ARITHMETIC = (*ADDED, "*", "/", "@")
ALL = (*ARITHMETIC, "**", "//")
COMPARED = ("<", ">", "<=", ">=")


@dataclass(frozen=True, slots=True)
class Row:
    """A change of an expression: ``before`` and ``after`` are patterns.

    ``cost`` is a figure of `gradkit.edits.costs`, and ``conditions`` are the names of what has to
    hold where a search tries the row, each with whether it has to.
    """

    kind: str
    before: str
    after: str
    cost: float = SIMPLE
    conditions: tuple[tuple[str, bool], ...] = ()

    @property
    def name(self) -> str:
        """Return what a reference calls the row."""
        return f"{self.kind}: {self.before} => {self.after}"

    @property
    def holes(self) -> tuple[str, ...]:
        """Return the holes that a reference has operands for."""
        return holes_of(self.after)

    @property
    def is_alone(self) -> bool:
        """Return whether the expression may be no factor of a product."""
        return ("factor", False) in self.conditions


def row(
    kind: str, text: str, cost: float = SIMPLE, where: str = "", **texts: Sequence[str]
) -> Iterator[Row]:
    """Yield the rows of the table that ``text`` describes, such as ``"A {o} B => A | B"``.

    ``kind`` is the kind of mistake, and ``cost`` that of the change. There is one row for each form
    after ``=>`` (separated by ``|``) and each combination of the ``texts``, which are filled in for
    names in braces; rows that change nothing are left out. ``where`` lists the conditions of the
    search, separated by commas; ``not`` before one negates it.
    """
    words = filter(None, where.split(", "))
    conditions = tuple((word.removeprefix("not "), not word.startswith("not ")) for word in words)
    before, _, after = text.partition(" => ")
    for form in after.split(" | "):
        for chosen in product(*texts.values()):
            letters = dict(zip(texts, chosen, strict=True))
            old, new = before.format(**letters), form.format(**letters)
            if old != new:
                yield Row(kind, old, new, cost, conditions)


AXES = ("axis=0, keepdims=True", "axis=0", "axis=1, keepdims=True", "axis=1")
WRAPPED = ("exp", "log", "sqrt", "tanh", "abs", "sum", "mean", "max")
"""Functions that may be missing around a value. The first four work entry by entry."""

REDUCED = ("sum", "mean", "max", "min", "std", "var", "argmax", "argmin", "amax", "amin", "prod")
"""Functions that take an axis and leave it out of the shape."""

WINDOWS = ("(-1,)", "(-2, -1)", "(0, -2, -1)")

ROLES: Mapping[str, str] = {
    **{"wrong-option": "option", "wrong-bounds": "bound", "wrong-element": "place"},
    **{"wrong-power": "exponent", "wrong-constant": "value"},
}
"""The kind of mistake that a wrong number is, by the condition that says what it is for."""

TAKEN_FOR: Mapping[str, str] = {
    **{"sum": "mean max", "mean": "sum max median", "median": "mean", "min": "minimum max argmin"},
    **{"rand": "randn", "randn": "rand", "max": "maximum min sum mean argmax", "amax": "amin"},
    **{"amin": "amax", "argmax": "argmin max", "argmin": "argmax", "std": "var", "var": "std"},
    **{"maximum": "minimum", "minimum": "maximum", "exp": "log", "log": "exp", "sqrt": "square"},
    **{"square": "sqrt", "tanh": "cosh exp", "cosh": "tanh", "sinh": "cosh tanh"},
    **{"arctan": "tanh", "cumprod": "cumsum", "prod": "sum", "dot": "multiply"},
    **{"multiply": "dot outer", "zeros_like": "ones_like", "ones_like": "zeros_like"},
    **{"zeros": "ones", "ones": "zeros", "vstack": "hstack", "hstack": "vstack", "floor": "ceil"},
    **{"ceil": "floor", "expm1": "exp", "log1p": "log", "any": "all", "all": "any", "log2": "log"},
    **{"log10": "log", "sin": "cos", "sort": "argsort", "cos": "sin", "power": "multiply"},
    **{"outer": "dot multiply", "abs": "square"},
}
"""Functions that are taken for each other: for each, those that may stand in its place."""

DRAWN = ("rand", "randn")
"""Functions of which the numbers are hard to tell apart from those of another."""


def _functions_taken_for_others() -> Iterator[Row]:
    """Yield the rows that replace a called function by each one that `TAKEN_FOR` lists for it.

    Two rows each: for a function of a module or a method (``A.name(…)``), and for a plain name.
    """
    for name, others in TAKEN_FOR.items():
        for other in others.split():
            cost = LARGE if name in DRAWN else SIMPLE
            yield Row("wrong-function", f"A.{name}(*_)", f"A.{other}(*_)", cost)
            yield Row("wrong-function", f"{name}(*_)", f"{other}(*_)", cost)


ACTIVATIONS = ("np.tanh(A)", "np.maximum(0, A)", "1 / (1 + np.exp(-A))")
"""Activations that are taken for each other."""

WRITTEN_OTHERWISE = ("np.maximum(A, 0)", "A * (A > 0)", "1.0 / (1.0 + np.exp(-A))")
"""Other texts of the activations."""

EXCHANGES: Sequence[Row] = (
    # --- another name, entry or constant -------------------------------------------------------
    *row("wrong-entry", "A[B] => like_", SIMPLE, "not counted"),
    *row("wrong-entry", "A[B] => like_", SCALED, "counted"),
    *row("wrong-entry", "A[B] => other_", LARGER),
    *row("wrong-name", "L => like_", SIMPLE, "not entry, not counted"),
    *row("wrong-name", "L => like_", SCALED, "not entry, counted"),
    *row("wrong-name", "L => other_", LARGER, "not entry"),
    *row("wrong-name", "L => like_", SCALED, "again"),
    *row("wrong-name", "L => np.zeros_like(L)", LARGER, "whole, not entry, array"),
    *row("missing-factor", "L => L / 2 | 2 * L", SCALED, "again, rate"),
    *row("extra-function", "F(A) => A", SCALED, "again"),
    *row("turned-sign", "{o}(-B) => {o}(B)", SCALED, "again", o=("A.exp", "exp")),
    *row("turned-sign", "{o}(B) => {o}(-B)", SCALED, "again", o=("A.exp", "exp")),
    *row("wrong-entry", "K => key_"),
    *row("wrong-option", "K => word_", SIMPLE, "handed"),
    *row("wrong-expression", "None => amount_", LARGER),
    *row("wrong-shape", "True => False", SIMPLE, "keepdims"),
    *row("wrong-shape", "False => True", SIMPLE, "keepdims"),
    *row("wrong-option", "True => False", SIMPLE, "not keepdims"),
    *row("wrong-option", "False => True", SIMPLE, "not keepdims"),
    *row("wrong-axis", "K => axis_", SIMPLE, "number, axis, not row"),
    *row("wrong-axis", "K => axis_", SCALED, "number, axis, row"),
    *row("turned-sign", "K => -K", SIMPLE, "number, scales, not signed"),
    *(
        each
        for kind, where in ROLES.items()
        for each in (
            *row(kind, "K => near_number_", SIMPLE, f"number, {where}"),
            *row(kind, "K => negative_number_", LARGER, f"number, {where}, top"),
            *row(kind, "K => negative_number_", SIMPLE, f"number, {where}, not top"),
            *row(kind, "K => scaled_number_", SCALED, f"number, {where}"),
            *row(kind, "K => size_", SIMPLE, f"number, {where}"),
        )
    ),
    *row("wrong-name", "K => array_", LARGER, "number, in sum, not counted"),
    # --- an operator or a sign -----------------------------------------------------------------
    *row("wrong-brackets", "F(A {o} B) => F(A) {o} B", SIGNED, o=ALL),
    *row("wrong-brackets", "F(A, *_) {o} B => F(A {o} B, *_)", SIMPLE, "not after length", o=ALL),
    *row(
        "wrong-brackets",
        "F(A) {o} E.{p}(*_) => F(A {o} E).{p}(*_)",
        SIMPLE,
        "not after length",
        o=ALL,
        p=REDUCED,
    ),
    *row(
        "wrong-brackets",
        "F(A, *_) {o} F(B, *_) => F(A {o} B, *_)",
        SIMPLE,
        "not after length",
        o=ALL,
    ),
    *row(
        "wrong-brackets",
        "(C {p} F(A, *_)) {o} B => C {p} F(A {o} B, *_)",
        SIMPLE,
        "not after length",
        o=ALL,
        p=ALL,
    ),
    *row("wrong-comparison", "~A => A"),
    *row("wrong-comparison", "A => ~A", SIGNED, "mask"),
    *row("turned-sign", "-A => A"),
    *row("turned-sign", "not A => A"),
    *row("wrong-constant", "-K => 0"),
    *row("wrong-comparison", "A and B => A or B"),
    *row("wrong-comparison", "A or B => A and B"),
    *row("wrong-comparison", "A if C else B => B if C else A"),
    *row("turned-sign", "A {o} B => A {p} B", SIMPLE, "not fixed", o=ADDED, p=ADDED),
    *row("wrong-operator", "A {o} B => A {p} B", o=ADDED, p=("*", "/", "@")),
    *row("wrong-operator", "A {o} B => A {p} B", o=("*", "/", "@", "**"), p=("*", "/", "@")),
    *row("wrong-operator", "A {o} B => A {p} B", SIMPLE, "not fixed", o=(*SCALING, "@"), p=ADDED),
    *row("wrong-operator", "A ** B => A {p} B", SIMPLE, "not fixed", p=ADDED),
    *row("wrong-operator", "A // B => A / B"),
    *row("wrong-power", "A * K => A ** K"),
    *row("extra-term", "A + B => A | B"),
    *row("extra-term", "A - B => A"),
    *row("extra-term", "A - B => -B", LARGER),
    *row("surplus-factor", "A {o} B => A | B", o=PRODUCTS),
    *row("wrong-function", "A.sum(*_) / B => A.mean(*_) | A.max(*_)", LARGER),
    *row("wrong-function", "A.mean(*_) / B => A.sum(*_)", LARGER),
    *row("wrong-function", "A.mean(*_) * B => A.sum(*_)", LARGER),
    *row("surplus-factor", "A * B * C => A"),
    *row("turned-sign", "A - B => B - A", SIMPLE, "not counting"),
    *row("wrong-order", "A {o} B => B {o} A", SIMPLE, "not counting", o=ORDERED),
    # --- brackets ------------------------------------------------------------------------------
    *row("wrong-brackets", "(A {r} B) {o} C * D => A {r} ((B {o} C) * D)", LARGER, r=ALL, o=ADDED),
    *row("wrong-brackets", "(A {r} B) {o} C / D => A {r} ((B {o} C) / D)", LARGER, r=ALL, o=ADDED),
    *row("wrong-operator", "A {r} B {o} C => A {r} B {p} C", r=ADDED, o=ADDED, p=SCALING),
    *row("wrong-operator", "A {o} B {p} C => (A {o} B) {r} C", o=ADDED, p=SCALING, r=ADDED),
    *row("wrong-brackets", "(A {o} B) {p} C => A {o} (B {p} C)", o=ADDED, p=(*PRODUCTS[:4], "//")),
    *row("wrong-brackets", "(A {o} B) {p} C => A {o} (B {p} C)", LARGER, o=ALL, p=ADDED),
    *row(
        "wrong-brackets",
        "(A {o} B) {p} C => A {o} (B {p} C)",
        LARGER,
        o=(*PRODUCTS[:4], "//"),
        p=(*PRODUCTS[:4], "//"),
    ),
    *row(
        "wrong-brackets",
        "(D {r} (A {o} B)) {p} C => D {r} (A {o} (B {p} C))",
        LARGER,
        r=ALL,
        o=ALL,
        p=ALL,
    ),
    *row("wrong-brackets", "A {o} B {p} C => (A {p} C) {o} B", LARGER, o=("**", "/"), p=ADDED),
    *row("wrong-brackets", "A {o} (B {p} C) => (A {o} B) {p} C", o=(*PRODUCTS[:4], "//"), p=ADDED),
    *row("wrong-brackets", "A {o} (B {p} C) => (A {o} B) {p} C", LARGER, o=ADDED, p=ALL),
    *row(
        "wrong-brackets",
        "A {o} (B {p} C) => (A {o} B) {p} C",
        LARGER,
        o=(*PRODUCTS[:4], "//"),
        p=(*PRODUCTS[:4], "//"),
    ),
    *row("wrong-expression", "A * (1 - A) => 1 - A ** 2"),
    *row("wrong-expression", "(1 - A) * A => 1 - A ** 2"),
    *row("wrong-expression", "B * A * (1 - A) => B * (1 - A ** 2)"),
    *row("wrong-expression", "B * (1 - A) * A => B * (1 - A ** 2)"),
    # --- comparisons ---------------------------------------------------------------------------
    *row("wrong-comparison", "A {o} B => A {p} B", o=COMPARED, p=COMPARED),
    *row("wrong-comparison", "A == B => A != B"),
    *row("wrong-comparison", "A != B => A == B"),
    *row("wrong-comparison", "A in B => A not in B"),
    *row("wrong-comparison", "A not in B => A in B"),
    *row("wrong-comparison", "A is B => A is not B"),
    *row("wrong-comparison", "A is not B => A is B"),
    *row("wrong-comparison", "A {o} B => A", LARGER, "not asked", o=(*COMPARED, "==", "!=")),
    *row(
        "wrong-name", "A {o} B => compared_ {p} B", LARGER, "mask", o=COMPARED, p=("<=", ">", "==")
    ),
    *row("missing-slope", "L => L > 0", SIGNED, "slope"),
    *row("missing-slope", "F(0, A) => A > 0", SIMPLE, "slope"),
    *row("missing-slope", "F(A, 0) => A > 0", SIMPLE, "slope"),
    *row("missing-slope", "F(0.0, A) => A > 0", SIMPLE, "slope"),
    *row("missing-slope", "F(A, 0.0) => A > 0", SIMPLE, "slope"),
    # --- functions -----------------------------------------------------------------------------
    *_functions_taken_for_others(),
    *row("wrong-function", "{o} => {p}", o=(*ACTIVATIONS, *WRITTEN_OTHERWISE), p=ACTIVATIONS),
    *row("wrong-function", "math.{o}(*_) => np.{o}(*_)", o=(*WRAPPED[:4], "sin", "cos", "floor")),
    *row("wrong-function", "F(A) => function_(A)", SIMPLE, "known function"),
    *row("wrong-function", "F(A) => np.{o}(A)", SIMPLE, "helper", o=WRAPPED[:4]),
    *row("extra-function", "F(E, *_) => E"),
    *row("extra-function", "F(B, E, *_) => E"),
    *row("extra-function", "F(B, C, E, *_) => E"),
    *row("wrong-order", "F(G(A)) => G(F(A))"),
    *row("extra-function", "A.copy() => A"),
    *row("wrong-function", "A.copy() => np.zeros_like(A)"),
    *row("wrong-expression", "F(*_) => equal_", LARGER, "array"),
    *row("wrong-option", "F(*_) => F(*_, handed_)"),
    *row("wrong-shape", "F(*_, keepdims=A) => F(*_)"),
    *row("wrong-axis", "F(*_, axis=A) => F(*_) | F(*_, axis=axis_)"),
    *row(
        "wrong-axis", "F(A) => F(A, axis=axis_) | F(A, axis=axis_, keepdims=True)", LARGER, "sums"
    ),
    *row("wrong-axis", "F(A, keepdims=B) => F(A, keepdims=B, axis=axis_)", LARGER, "sums"),
    *row("wrong-axis", "A.{o}() => A.{o}(axis=axis_)", LARGER, o=REDUCED),
    *row("wrong-axis", "A.{o}() => A.{o}(axis=axis_, keepdims=True)", LARGER, o=REDUCED),
    *row("wrong-shape", "F(*_) => F(*_, keepdims=True)", SIMPLE, "keeps nothing"),
    *row(
        "wrong-axis", "F(*_, axis=A) => F(*_, axis=axis_, keepdims=True)", LARGER, "keeps nothing"
    ),
    *row(
        "wrong-axis",
        "{o}(A) => np.{o}(A, axis=axis_) | np.{o}(A, axis=axis_, keepdims=True)",
        LARGER,
        o=("sum", "max", "min"),
    ),
    *row("wrong-entry", "np.{o}(A, *_) => A[counted_]", o=REDUCED),
    *row("wrong-entry", "{o}(A, *_) => A[counted_]", o=("sum", "max", "min")),
    *row("wrong-entry", "A.{o}(*_) => A[counted_]", o=REDUCED),
    *row("wrong-bounds", "range(A) => range(A + 1) | range(A - 1) | range(1, A) | range(1, A + 1)"),
    *row("wrong-bounds", "range(A, B) => range(A + 1, B) | range(A - 1, B) | range(A, B + 1)"),
    *row("wrong-bounds", "range(A, B) => range(A, B - 1) | range(B)"),
    *row("wrong-bounds", "range(A, B, C) => range(A + 1, B, C) | range(A - 1, B, C)"),
    *row("wrong-bounds", "range(A, B, C) => range(A, B + 1, C) | range(A, B - 1, C)"),
    *row("wrong-bounds", "range(A, B, C) => range(A, B, C + 1) | range(A, B, C - 1)"),
    *row("wrong-bounds", "range(A, B, C) => range(B // C)"),
    *row("wrong-bounds", "range(*_) => reversed(range(*_))"),
    # --- shapes, entries and windows -----------------------------------------------------------
    *row("wrong-transpose", "A.T @ B => A @ B.T", SCALED),
    *row("wrong-transpose", "A @ B.T => A.T @ B", SCALED),
    *row("wrong-transpose", "A.{o}(B.T, C) => A.{o}(B, C.T)", SCALED, o=("dot", "matmul")),
    *row("wrong-transpose", "A.{o}(B, C.T) => A.{o}(B.T, C)", SCALED, o=("dot", "matmul")),
    *row("wrong-shape", "(A, 1) => A", SIMPLE, "shape"),
    *row("wrong-shape", "(1, A) => A", SIMPLE, "shape"),
    *row("wrong-shape", "A => np.array([A])", LARGER, "list"),
    *row(
        "wrong-shape",
        "A => A.reshape(1, -1) | A.reshape(-1, 1) | A.reshape(-1)",
        LARGER,
        "whole, array, flat",
    ),
    *row("wrong-transpose", "A.T => A", SIMPLE - LITTLE),
    *row("wrong-transpose", "A => A.T", SIMPLE, "matrix, not product"),
    # The product transposed has both factors transposed and exchanged: that is not one slip.
    *row("wrong-transpose", "A @ B => (A @ B).T", LARGER, "matrix"),
    *row("wrong-transpose", "A.{o}(*_) => A.{o}(*_).T", LARGER, "matrix", o=("dot", "matmul")),
    *row("missing-copy", "L => L.copy()", SIMPLE, "array, not written, top"),
    *row("missing-copy", "A => A.copy()", LARGER, "array, not written, not alias"),
    *row("wrong-shape", "A => A.reshape(shape_)", LARGER, "array, not written"),
    *row("wrong-entry", "A[B] => A[key_of_row_]"),
    *row("wrong-element", "A[B] => A[index_]"),
    *row("wrong-element", "A[B] => A[window_]", SCALED),
    *row("wrong-element", "A[B] => A", SIMPLE, "no key"),
    *row("wrong-element", "A[B] => A[longer_index_]", SCALED, "no key"),
    *row("turned-sign", "A => -A", SIGNED, "whole, signable"),
)
"""Rows that exchange something, leave something out, or put in a sign or a call's option."""

ADDITIONS: Sequence[Row] = (
    # --- terms ---------------------------------------------------------------------------------
    *row("missing-term", "K => K - amount_", LARGER, "one"),
    *row("wrong-element", "A => row_[A]", LARGER, "places"),
    *row("missing-term", "A => A {o} term_ | A {o} 1", LARGER, "numeric, whole", o=ADDED),
    *row("missing-term", "A => A {o} term_ | A {o} 1", BRACKETED, "numeric, not whole", o=ADDED),
    *row("missing-term", "A {o} B => A {o} B + twin_", LARGER, "numeric", o=ADDED),
    *row("missing-term", "V => 1 - V", LARGER, "numeric, whole, not count"),
    *row("missing-term", "V => 1 - V", BRACKETED, "numeric, not whole, not count"),
    # --- factors -------------------------------------------------------------------------------
    *row(
        "missing-factor",
        "V => V * operand_ | V * factor_ | V * (2 * rate_)",
        LARGER,
        "numeric, whole",
    ),
    *row(
        "missing-factor",
        "V => V / operand_ | V / factor_ | V / (2 * rate_)",
        LARGER,
        "numeric, whole, not count",
    ),
    *row(
        "missing-slope",
        "V => V * (1 - same_ ** 2) | V * (same_ * (1 - same_))",
        LARGE,
        "numeric, whole",
    ),
    *row("missing-slope", "V => V * (same_ > 0) | V * (1 - same_)", LARGE, "numeric, whole"),
    *row("missing-factor", "V => V * (1 / fitting_ ** 2)", LARGE, "numeric, whole"),
    *row("missing-factor", "V => V * (1 - rate_) | V * (rate_ - 1)", LARGE, "numeric, whole"),
    *row("missing-factor", "V => V * (rate_ / count_)", LARGE, "numeric, whole"),
    *row("missing-term", "A => A {o} rate_ * same_", LARGE, "numeric, whole", o=ADDED),
    *row("missing-term", "A => A {o} 2 * rate_ * same_", LARGE, "numeric, whole", o=ADDED),
    *row("missing-term", "A => A {o} rate_ * same_ / 2", LARGE, "numeric, whole", o=ADDED),
    *row("missing-term", "A => A {o} same_ / count_", LARGE, "numeric, whole", o=ADDED),
    *row("missing-term", "A => A {o} rate_ * same_ / count_", LARGE, "numeric, whole", o=ADDED),
    *row("wrong-expression", "A / B => A * amount_", LARGE),
    *row("wrong-expression", "A * B / C => A * amount_", LARGE),
    # --- powers and functions ------------------------------------------------------------------
    *row("wrong-power", "V => V ** 2 | V ** 0.5 | V ** -1 | V ** -0.5", LARGER, "computed"),
    *row("wrong-power", "V => V ** times_", LARGER, "computed, float"),
    *row("missing-function", "V => function_(V)", LARGER, "computed"),
    *row("missing-function", "V => np.{o}(V)", LARGER, "computed, numpy", o=WRAPPED),
    *row("missing-function", "V => math.{o}(V)", LARGER, "computed, not numpy", o=WRAPPED[:4]),
    *row(
        "missing-function", "V => np.{o}(0, V)", LARGER, "computed, numpy", o=("maximum", "minimum")
    ),
    *row("missing-shift", "V => V - np.max(V)", LARGE, "computed, numpy, axes, not factor"),
    *row(
        "missing-shift",
        "V => V - np.max(V, axis={o}, keepdims=True)",
        LARGE,
        "computed, numpy, axes, not factor",
        o=("0", "1"),
    ),
    *row("missing-factor", "V => V / np.sum(V)", LARGE, "computed, numpy, axes"),
    *row(
        "missing-factor",
        "V => V / np.sum(V, axis={o}, keepdims=True)",
        LARGE,
        "computed, numpy, axes",
        o=("0", "1"),
    ),
    *row(
        "missing-function",
        "V => np.{o}(V, {p})",
        LARGE,
        "computed, numpy, axes",
        o=("sum", "mean"),
        p=AXES,
    ),
    *row(
        "wrong-element",
        "A => A[:, :, ::step_, ::step_] | A[:, ::step_, ::step_]",
        LARGE,
        "computed, numpy, windows",
    ),
    *row(
        "missing-function",
        "V => np.{o}(V, axis={p}) | np.{o}(V, axis={p}, keepdims=True)",
        LARGE,
        "computed, numpy, windows",
        o=("sum", "max", "mean"),
        p=WINDOWS,
    ),
    *row("wrong-expression", "F(*_) => np.full(shape_of_draw_, ratio_)", LARGER, "array, whole"),
)
"""Rows that put in what is missing. They are tried after the others, as there are many operands."""

TARGETS: Sequence[Row] = (
    *row("wrong-element", "L => L[index_]", LARGER),
    *row("wrong-element", "A => index_", LARGE),
)
"""Rows for what a statement writes to, and for an index of several statements."""

BORROWINGS: Mapping[str, Sequence[Row]] = {
    "factor": (*row("missing-factor", "V => V {o} part_factor_", LARGE, "whole", o=SCALING),),
    "term": (*row("missing-term", "A => A {o} part_term_", LARGE, "whole", o=ADDED),),
    "": (*row("wrong-expression", "A => part_whole_", REPLACED, "replaced"),),
}
"""Rows that put in parts of the model solution, by what these are there; the last for any part."""


def with_size(one: Row) -> Sequence[Row]:
    """Return the rows that also scale the result of a row by a size, as in ``V * 2 / count_``.

    ``one`` is the row. Only rows of a missing slope, of a factor that is a name, and of a factor
    from the model solution have such rows, at a higher cost, and only if the row is for any value
    ``V``. Otherwise the result is empty.
    """
    is_factor = one.holes == ("operand_",) or one in BORROWINGS["factor"]
    if one.kind != "missing-slope" and not is_factor:
        return ()
    cost = one.cost + MORE - LARGER
    made = (f"{one.after} {operator} count_" for operator in SCALING if one.before == "V")
    return [Row(one.kind, one.before, after, cost, one.conditions) for after in made]


@cache
def rows() -> Mapping[str, Row]:
    """Return all rows by name."""
    found = [*EXCHANGES, *ADDITIONS, *TARGETS, *chain(*BORROWINGS.values())]
    sized = chain(*map(with_size, found))
    return {each.name: each for each in (*found, *sized)}


Group = tuple[str, tuple[tuple[str, bool], ...], list[Row]]
"""Rows with the same expression before the change and the same conditions."""


def groups_for(node: ast.AST, table: Sequence[Row]) -> Sequence[Group]:
    """Return the rows of `EXCHANGES` or `ADDITIONS` that may change a node, in groups.

    ``table`` is one of these two tables. Rows with the same pattern and conditions are one group:
    the pattern, the conditions, the rows.
    """
    operator = type(getattr(node, "op", None)).__name__
    return _groups_for_call(table is ADDITIONS, type(node).__name__, operator, called_name(node))


@lru_cache(maxsize=1000)
def _groups_for_call(adds: bool, kind: str, operator: str, called: str) -> Sequence[Group]:
    """Return the groups of rows that may change a node of the given type.

    ``adds`` selects between `ADDITIONS` and `EXCHANGES`; ``kind`` and ``operator`` are the names of
    types of `ast`, and ``called`` is the name of the function that a call calls, or an empty text.
    """
    groups = _groups(adds, kind, operator)
    names = ((each, called_name(pattern(each[0]))) for each in groups)
    return [each for each, name in names if not name or name in LETTERS or name == called]


@cache
def _groups(adds: bool, kind: str, operator: str) -> Sequence[Group]:
    """Return the rows whose expression before the change may be a node of this type and operator.

    ``adds`` selects between `ADDITIONS` and `EXCHANGES`; ``kind`` and ``operator`` are the names of
    types of `ast` (``NoneType`` for no operator). Rows with the same pattern and conditions are one
    group: the pattern, the conditions, the rows.
    """
    groups: dict[Any, list[Row]] = {}
    for each in ADDITIONS if adds else EXCHANGES:
        tree = pattern(each.before)
        if isinstance(tree, ast.Name):
            fits = letter_fits(tree.id, kind)
        else:
            fits = type(tree).__name__ == kind
            fits &= type(getattr(tree, "op", None)).__name__ == operator
        if fits:
            groups.setdefault((each.before, each.conditions), []).append(each)
    return [(*key, found) for key, found in groups.items()]


def read_table() -> None:
    """Parse all patterns and fill the caches of this module and of `gradkit.edits.patterns`.

    It is called before the process is forked, so that its copies need not do it again.
    """
    for each in rows().values():
        pattern(each.before)
        prepare(each.after)
    nodes = ("Name", "Attribute", "Subscript", "Constant", "Call", "Tuple", "List", "Compare")
    operators = ("Add", "Sub", "Mult", "Div", "FloorDiv", "MatMult", "Pow")
    kinds = [*((node, "NoneType") for node in nodes), *(("BinOp", name) for name in operators)]
    for kind, operator in (*kinds, ("UnaryOp", "USub"), ("UnaryOp", "Not"), ("UnaryOp", "Invert")):
        for adds in (False, True):
            _groups(adds, kind, operator)
