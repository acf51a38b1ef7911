"""List the changes of expressions that may be made, each as a row: before, after, and its kind.

Rows are written as patterns, see `gradkit.edits.patterns`. Several forms after a change stand in
one row, with a bar between them. `{o}` and `{p}` stand for the operators that a row is made for.
A row that needs more than a pattern is a function in `gradkit.edits.calls`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from gradkit.edits.patterns import holes_of, pattern

ADDED, SCALED, ORDERED = ("+", "-"), ("*", "/"), ("-", "/", "@", "**")
PRODUCTS = ("*", "/", "@", "**", "//", "%")
ARITHMETIC = (*ADDED, "*", "/", "@")
ALL = (*ARITHMETIC, "**", "//")
COMPARED = ("<", ">", "<=", ">=")


@dataclass(frozen=True, slots=True)
class Row:
    """A change of an expression: ``before`` and ``after`` are patterns.

    ``alone`` is set where the expression may be no factor of a product: what is added there would
    need brackets that the student has not written.
    """

    kind: str
    before: str
    after: str
    alone: bool = False

    @property
    def name(self) -> str:
        """Return what a reference calls the row."""
        return f"{self.kind}: {self.before} => {self.after}"

    @property
    def holes(self) -> tuple[str, ...]:
        """Return the holes that a reference has operands for."""
        return holes_of(self.after)


Each = Mapping[str, Sequence[str]]
"""Operators that a row is written for, by the letters that stand for them."""

ALONG = ("axis=0, keepdims=True", "axis=0", "axis=1, keepdims=True", "axis=1")
WRAPPED = ("exp", "log", "sqrt", "tanh", "abs", "sum", "mean", "max")
"""Functions that may be missing around a value. The first four work entry by entry."""

REDUCED = ("sum", "mean", "max", "min", "std", "var", "argmax", "argmin", "amax", "amin", "prod")
"""Functions that take an axis and leave it out of the shape."""

WINDOWS = ("(-1,)", "(-2, -1)", "(0, -2, -1)")

ROWS: Sequence[tuple[str, str, Each]] = (
    # --- another name, entry or constant -------------------------------------------------------
    ("wrong-name", "L => name_", {}),
    ("wrong-entry", "L => name_", {}),
    ("wrong-entry", "K => word_", {}),
    ("wrong-entry", "A[B] => A[word_]", {}),
    ("wrong-option", "K => word_", {}),
    ("wrong-option", "True => False", {}),
    ("wrong-option", "False => True", {}),
    ("wrong-constant", "K => number_", {}),
    ("wrong-constant", "K => name_", {}),
    ("wrong-option", "K => name_", {}),
    ("wrong-bounds", "K => number_", {}),
    ("wrong-bounds", "K => name_", {}),
    ("wrong-element", "K => number_", {}),
    ("wrong-element", "K => name_", {}),
    ("wrong-power", "K => number_", {}),
    ("wrong-power", "K => name_", {}),
    ("wrong-constant", "-K => 0", {}),
    ("wrong-axis", "K => axis_", {}),
    ("wrong-axis", "True => False | None", {}),
    ("wrong-shape", "True => False", {}),
    ("wrong-shape", "False => True", {}),
    ("wrong-option", "K => number_", {}),
    ("turned-sign", "K => number_", {}),
    ("wrong-name", "K => name_", {}),
    ("wrong-expression", "None => name_", {}),
    # --- an operator or a sign -----------------------------------------------------------------
    ("turned-sign", "A + B => A - B", {}),
    ("turned-sign", "A - B => A + B | B - A", {}),
    ("turned-sign", "-A => A", {}),
    ("turned-sign", "not A => A", {}),
    ("turned-sign", "A => -A", {}),
    ("wrong-operator", "A {o} B => A {p} B", {"o": ALL, "p": ARITHMETIC}),
    ("wrong-operator", "A {o} B {r} C => A {o} (B {p} C)", {"o": ADDED, "r": ADDED, "p": SCALED}),
    ("wrong-operator", "A {o} (B {p} C) => (A {o} B) {r} C", {"o": ADDED, "p": SCALED, "r": ADDED}),
    ("wrong-operator", "A {o} B {p} C => A {r} B {p} C", {"o": ADDED, "p": SCALED, "r": ADDED}),
    ("wrong-order", "A {o} B => B {o} A", {"o": ORDERED}),
    ("wrong-power", "A * K => A ** K", {}),
    ("wrong-power", "V => V ** 2 | V ** 0.5 | V ** -1 | V ** -0.5 | V ** name_", {}),
    ("wrong-comparison", "A {o} B => A {p} B", {"o": COMPARED, "p": COMPARED}),
    ("wrong-comparison", "A == B => A != B", {}),
    ("wrong-comparison", "A != B => A == B", {}),
    ("wrong-comparison", "A in B => A not in B", {}),
    ("wrong-comparison", "A not in B => A in B", {}),
    ("wrong-comparison", "A is B => A is not B", {}),
    ("wrong-comparison", "A is not B => A is B", {}),
    ("wrong-comparison", "A {o} B => A", {"o": (*COMPARED, "==", "!=")}),
    ("wrong-comparison", "~A => A", {}),
    ("wrong-comparison", "A => ~A", {}),
    ("wrong-comparison", "A and B => A or B", {}),
    ("wrong-comparison", "A or B => A and B", {}),
    ("wrong-comparison", "A if C else B => B if C else A", {}),
    ("wrong-name", "A {o} B => name_ {p} B", {"o": COMPARED, "p": ("<=", ">", "==")}),
    # --- too many parts ------------------------------------------------------------------------
    ("extra-term", "A + B => A | B", {}),
    ("extra-term", "A - B => A | -B", {}),
    ("surplus-factor", "A {o} B => A | B", {"o": PRODUCTS}),
    ("surplus-factor", "A * B * C => A", {}),
    ("extra-function", "F(A, *_) => A", {}),
    ("extra-function", "F(B, A, *_) => A", {}),
    ("extra-function", "F(B, C, A, *_) => A", {}),
    ("extra-function", "A.copy(*_) => A", {}),
    ("wrong-element", "A[B] => A", {}),
    # --- parts that are missing ----------------------------------------------------------------
    ("missing-factor", "V => V {o} name_ | V {o} (2 * name_)", {"o": SCALED}),
    ("missing-factor", "V => V {o} factor_", {"o": SCALED}),
    ("missing-factor", "V => V * (1 - name_) | V * (name_ - 1) | V * (1 / name_ ** 2)", {}),
    ("missing-factor", "V => V * (name_ / other_) | V / (name_ / other_)", {}),
    ("missing-factor", "V => V {o} part_factor_", {"o": SCALED}),
    ("missing-factor", "V => V {p} part_factor_ {o} name_", {"o": SCALED, "p": SCALED}),
    ("missing-factor", "L => L / 2 | 2 * L", {}),
    ("missing-slope", "V => V * (1 - name_ ** 2) | V * (name_ * (1 - name_))", {}),
    ("missing-slope", "V => V * (name_ > 0) | V * (1 - name_)", {}),
    ("missing-slope", "V => V * (1 - name_ ** 2) {o} other_", {"o": SCALED}),
    ("missing-slope", "V => V * (name_ * (1 - name_)) {o} other_", {"o": SCALED}),
    (
        "missing-slope",
        "V => V * (name_ > 0) {o} other_ | V * (1 - name_) {o} other_",
        {"o": SCALED},
    ),
    ("missing-slope", "L => L > 0", {}),
    ("missing-slope", "F(0, A) => A > 0", {}),
    ("missing-slope", "F(A, 0) => A > 0", {}),
    ("missing-slope", "F(A, 0.0) => A > 0", {}),
    ("missing-slope", "F(0.0, A) => A > 0", {}),
    ("wrong-expression", "A * (1 - A) => 1 - A ** 2", {}),
    ("wrong-expression", "(1 - A) * A => 1 - A ** 2", {}),
    ("wrong-expression", "B * A * (1 - A) => B * (1 - A ** 2)", {}),
    ("wrong-expression", "B * (1 - A) * A => B * (1 - A ** 2)", {}),
    ("missing-term", "A => A {o} name_ | A {o} 1", {"o": ADDED}),
    ("missing-term", "V => 1 - V", {}),
    ("missing-term", "K => K - name_", {}),
    ("missing-term", "A {o} B => A {o} B + twin_", {"o": ADDED}),
    ("missing-term", "A => A {o} name_ * other_ | A {o} 2 * name_ * other_", {"o": ADDED}),
    ("missing-term", "A => A {o} name_ * other_ / 2 | A {o} name_ * other_ / third_", {"o": ADDED}),
    ("missing-term", "A => A {o} name_ / other_", {"o": ADDED}),
    ("missing-term", "A => A {o} part_term_", {"o": ADDED}),
    ("missing-term", "A => A {o} part_term_ {p} name_", {"o": ADDED, "p": SCALED}),
    ("missing-function", "V => function_(V)", {}),
    ("missing-function", "V => np.{o}(V)", {"o": WRAPPED}),
    ("missing-function", "V => math.{o}(V)", {"o": WRAPPED[:4]}),
    ("missing-function", "V => np.{o}(0, V)", {"o": ("maximum", "minimum")}),
    ("missing-function", "V => np.{o}(V, {p})", {"o": ("sum", "mean"), "p": ALONG}),
    (
        "missing-function",
        "V => np.{o}(V, axis={p}) | np.{o}(V, axis={p}, keepdims=True)",
        {"o": ("sum", "max", "mean"), "p": WINDOWS},
    ),
    ("missing-factor", "V => V / np.sum(V) | V / np.sum(V, axis=0, keepdims=True)", {}),
    ("missing-factor", "V => V / np.sum(V, axis=1, keepdims=True)", {}),
    ("missing-copy", "A => A.copy()", {}),
    # --- brackets ------------------------------------------------------------------------------
    ("wrong-brackets", "A {o} B {p} C => A {o} (B {p} C)", {"o": ALL, "p": ALL}),
    ("wrong-brackets", "A {o} (B {p} C) => A {o} B {p} C", {"o": ALL, "p": ALL}),
    ("wrong-brackets", "A {o} (B {p} C) => (A {o} B) {p} C", {"o": ALL, "p": ALL}),
    ("wrong-brackets", "(A {o} B) {p} C => A {o} (B {p} C)", {"o": ALL, "p": ALL}),
    ("wrong-brackets", "A {r} B {o} C * D => A {r} (B {o} C) * D", {"r": ALL, "o": ADDED}),
    ("wrong-brackets", "(A {r} B) {o} C * D => A {r} ((B {o} C) * D)", {"r": ALL, "o": ADDED}),
    ("wrong-brackets", "(A {r} B) {o} C / D => A {r} ((B {o} C) / D)", {"r": ALL, "o": ADDED}),
    (
        "wrong-brackets",
        "(D {r} (A {o} B)) {p} C => D {r} (A {o} (B {p} C))",
        {"r": ALL, "o": ALL, "p": ALL},
    ),
    ("wrong-brackets", "A {o} B {p} C => (A {p} C) {o} B", {"o": ("**", "/"), "p": ADDED}),
    ("wrong-brackets", "F(A {o} B) => F(A) {o} B", {"o": ALL}),
    ("wrong-brackets", "F(A, *_) {o} B => F(A {o} B, *_)", {"o": ALL}),
    ("wrong-brackets", "C {p} F(A, *_) {o} B => C {p} F(A {o} B, *_)", {"o": ALL, "p": ALL}),
    ("wrong-brackets", "(C {p} F(A, *_)) {o} B => C {p} F(A {o} B, *_)", {"o": ALL, "p": ALL}),
    ("wrong-brackets", "F(A, *_) {o} F(B, *_) => F(A {o} B, *_)", {"o": ALL}),
    ("wrong-brackets", "F(A) {o} B.{p}(*_) => F(A {o} B).{p}(*_)", {"o": ALL, "p": REDUCED}),
    # --- functions -----------------------------------------------------------------------------
    ("wrong-order", "F(G(A)) => G(F(A))", {}),
    ("wrong-order", "A < B => B < A", {}),
    ("wrong-function", "A.copy() => np.zeros_like(A)", {}),
    ("wrong-function", "F(A) => function_(A)", {}),
    ("wrong-function", "F(A) => np.{o}(A)", {"o": WRAPPED[:4]}),
    ("wrong-function", "np.{o}(*_) / B => np.mean(*_) | np.max(*_)", {"o": ("sum",)}),
    ("wrong-function", "np.mean(*_) / B => np.sum(*_)", {}),
    ("wrong-function", "np.mean(*_) * B => np.sum(*_)", {}),
    ("wrong-expression", "F(*_) => name_", {}),
    ("wrong-shape", "F(*_, keepdims=A) => F(*_)", {}),
    ("wrong-shape", "F(*_) => F(*_, keepdims=True)", {}),
    ("wrong-axis", "F(*_, axis=A) => F(*_) | F(*_, axis=axis_)", {}),
    ("wrong-axis", "F(*_, axis=A) => F(*_, axis=axis_, keepdims=True)", {}),
    ("wrong-axis", "F(*_) => F(*_, axis=axis_) | F(*_, axis=axis_, keepdims=True)", {}),
    ("wrong-axis", "sum(A) => np.sum(A, axis=axis_) | np.sum(A, axis=axis_, keepdims=True)", {}),
    ("wrong-axis", "sum(A) => np.sum(A)", {}),
    ("wrong-axis", "max(A) => np.max(A, axis=axis_) | np.max(A, axis=axis_, keepdims=True)", {}),
    ("wrong-shape", "sum(A) => np.sum(A, keepdims=True)", {}),
    ("wrong-entry", "np.{o}(A, *_) => A[name_]", {"o": REDUCED}),
    ("wrong-entry", "A.{o}(*_) => A[name_]", {"o": REDUCED}),
    ("wrong-bounds", "range(A) => range(A + 1) | range(A - 1) | range(1, A) | range(1, A + 1)", {}),
    ("wrong-bounds", "range(A, B) => range(A + 1, B) | range(A - 1, B) | range(A, B + 1)", {}),
    ("wrong-bounds", "range(A, B) => range(A, B - 1) | range(B)", {}),
    ("wrong-bounds", "range(A, B, C) => range(A + 1, B, C) | range(A - 1, B, C)", {}),
    ("wrong-bounds", "range(A, B, C) => range(A, B + 1, C) | range(A, B - 1, C)", {}),
    ("wrong-bounds", "range(A, B, C) => range(A, B, C + 1) | range(A, B, C - 1)", {}),
    ("wrong-bounds", "range(A, B, C) => range(B // C)", {}),
    ("wrong-bounds", "A => reversed(A)", {}),
    ("wrong-bounds", "reversed(A) => A", {}),
    ("wrong-option", "F(*_) => F(*_, name_)", {}),
    ("missing-shift", "V => V - np.max(V)", {}),
    ("missing-shift", "V => V - np.max(V, axis={o}, keepdims=True)", {"o": ("0", "1")}),
    # --- shapes, entries and windows -----------------------------------------------------------
    ("wrong-transpose", "A => A.T", {}),
    ("wrong-transpose", "A.T => A", {}),
    ("wrong-transpose", "A.T @ B => A @ B.T", {}),
    ("wrong-transpose", "A @ B.T => A.T @ B", {}),
    ("wrong-transpose", "F(A.T, B) => F(A, B.T)", {}),
    ("wrong-transpose", "F(A, B.T) => F(A.T, B)", {}),
    ("wrong-transpose", "A.T @ B.T => A @ B", {}),
    ("wrong-transpose", "F(A.T, B.T) => F(A, B)", {}),
    ("wrong-shape", "A => A.reshape(name_) | A.reshape(1, -1) | A.reshape(-1, 1)", {}),
    ("wrong-shape", "A => A.reshape(-1) | np.array([A])", {}),
    ("wrong-shape", "(A, 1) => A", {}),
    ("wrong-shape", "(1, A) => A", {}),
    ("wrong-element", "A[B] => A[index_]", {}),
    ("wrong-element", "L => L[index_]", {}),
    ("wrong-element", "A => name_[A]", {}),
    ("wrong-element", "A => A[:, :, ::name_, ::name_] | A[:, ::name_, ::name_]", {}),
    ("wrong-element", "A => index_", {}),
    # --- parts of the model solution -----------------------------------------------------------
    ("wrong-expression", "A => part_whole_", {}),
    ("wrong-expression", "A / B => A * name_", {}),
    ("wrong-expression", "A * B / C => A * name_", {}),
    ("wrong-expression", "F(*_) => np.full(shape_, number_)", {}),
)
"""Each row: the kind of mistake that it mends, the forms before and after it, and operators."""

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

ALONE = frozenset({"missing-shift"})
"""Kinds of rows that concern a whole value: none of them is made within a product."""


@cache
def rows() -> Mapping[str, Row]:
    """Return all rows by name."""
    return {row.name: row for row in _expand_table()}


def read_patterns() -> None:
    """Read the patterns of all rows before the process is forked, so that its copies have them."""
    for row in rows().values():
        pattern(row.before)
        pattern(row.after)


@cache
def rows_of(kind: str, before: str) -> Sequence[Row]:
    """Return the rows of a kind that may change a node of some type, in the order of the table."""
    return [row for row in rows().values() if row.kind == kind and _may_match(row.before, before)]


def _may_match(text: str, node: str) -> bool:
    """Return whether a pattern can match nodes of a type."""
    tree = pattern(text)
    return isinstance(tree, ast.Name) or type(tree).__name__ == node


def _expand_table() -> Iterator[Row]:
    """Yield a row for each choice of operators and each form after a change."""
    for kind, text, each in ROWS:
        for operators in _choose_operators(dict(each)):
            before, _, after = text.partition(" => ")
            for form in after.split(" | "):
                old, new = (part.format(**operators) for part in (before, form))
                if old != new:
                    yield Row(kind, old, new, kind in ALONE)
    for name, others in TAKEN_FOR.items():
        for other in others.split():
            yield Row("wrong-function", f"np.{name}(*_)", f"np.{other}(*_)")
            yield Row("wrong-function", f"A.{name}(*_)", f"A.{other}(*_)")
            yield Row("wrong-function", f"{name}(*_)", f"{other}(*_)")


def _choose_operators(each: dict[str, Sequence[str]]) -> Iterator[dict[str, str]]:
    """Yield each choice of operators for the letters in a row."""
    if not each:
        yield {}
        return
    letter, texts = next(iter(each.items()))
    rest = {name: row for name, row in each.items() if name != letter}
    for text in texts:
        for others in _choose_operators(rest):
            yield {letter: text, **others}
