"""Write expressions of the model solution in the student's names."""

from __future__ import annotations

import ast
import contextlib
import itertools
from collections.abc import Collection, Iterator, Sequence
from functools import cache
from typing import Any

import numpy as np

from gradkit.edits.nodes import called_name
from gradkit.runtime.repair.pool import Part, digested
from gradkit.runtime.repair.scope import Scope, is_number
from gradkit.runtime.repair.tree import expression, renamed, size_of, statement_of

ROLES = ("factor", "term", "whole")
"""The roles of an expression in the model solution."""

SIZE = ".shape"

DEEP, LARGEST = 3, 64
"""How often a name that the student has not may be written as what it stands for, and how many
nodes that may come to: what is larger is no change of a line."""


def borrowed_parts(
    parts: Sequence[Part],
    values: Sequence[Any],
    scopes: Sequence[Scope],
    roles: Collection[str] = ROLES,
) -> Iterator[tuple[Part, Any]]:
    """Yield the model solution's expressions, each with its syntax tree in the student's names.

    A leaf is a name, entry or attribute in an expression. It becomes the student's expression with
    the same values or, if there is none, the model's own expression for this leaf. A part is left
    out if a leaf has neither, if its tree is larger than `LARGEST`, or if the same text was yielded
    for its role. A statement is yielded twice if other names fit too: the variable that it changes
    may have the value of another one.

    Parameters
    ----------
    parts : sequence of Part
        Expressions of the model solution.
    values : sequence of array
        The model solution's values, by number.
    scopes : sequence of Scope
        The student's names at one place, one scope for each run.
    roles : collection of str
        Only parts with these roles are yielded.
    """
    leaves = _Leaves(parts, values, scopes)
    seen: set[tuple[str, str]] = set()
    wanted = [part for part in parts if part.role in roles]
    for part, other in [(p, o) for p in wanted for o in (False, p.role == "statement")]:
        text = leaves.text_of(part, DEEP, other=other)
        if text is not None and (key := (part.role, text)) not in seen:
            seen.add(key)
            # A text that is computed here may be no name, and then nothing can be assigned to it.
            with contextlib.suppress(SyntaxError):
                tree = statement_of(text) if part.role == "statement" else expression(text)
                if size_of(tree) <= LARGEST:
                    yield part, tree


class _Leaves:
    """Finds the student's names for the leaves of the model's expressions.

    A leaf is a name, entry or attribute in an expression.

    Parameters
    ----------
    parts, values, scopes
        See `borrowed_parts`.
    """

    def __init__(
        self, parts: Sequence[Part], values: Sequence[Any], scopes: Sequence[Scope]
    ) -> None:
        """Make a look-up table for each run, from the values of the student's names to the names.

        Stored are the model solution's ``parts``, its expressions, and its ``values``, by number;
        ``scopes`` has the student's names with their values, one scope for each run.
        """
        self._values, self._scopes = values, scopes
        self._keys = [dict(_keys(scope)) for scope in scopes]
        self._made_of = {part.numbers: part for part in reversed(parts) if part.role == "whole"}
        self._held: dict[tuple[str, tuple[int, ...]], str | None] = {}
        self._names: dict[int, dict[tuple[_Key, ...], str]] = {}

    def text_of(self, part: Part, deep: int, *, other: bool = False) -> str | None:
        """Return the text of a part in the student's names; None if a leaf has no name.

        A leaf such as ``A.shape[0]`` is written with the student's name for ``A`` if ``A`` is a
        leaf too.

        Parameters
        ----------
        part : Part
            An expression of the model solution.
        deep : int
            How often in a row a leaf without a name may be replaced by the model's expression for
            it.
        other : bool
            Do not prefer the student's name that is spelled like the leaf.
        """
        own: dict[str, str] = {}
        # A size is that of the array beside it, whatever else is as large.
        for leaf, numbers in sorted(part.leaves, key=lambda each: SIZE in each[0]):
            array, _, axis = leaf.partition(SIZE)
            text = self._leaf_of("" if other else leaf, numbers, deep)
            if axis and array in own:
                text = f"({own[array]}){SIZE}{axis}"
            if text is None:
                return None
            own[leaf] = text
        return _renamed(part.text, tuple(own.items()))

    def _leaf_of(self, leaf: str, numbers: tuple[int, ...], deep: int) -> str | None:
        """Return the student's text for a leaf of the model solution, or None if there is none.

        ``leaf`` is the preferred name, and ``numbers`` are the numbers of the leaf's values, one
        for each run. If no name has these values in all runs, a name with the first value is taken,
        and otherwise the model's own expression for the leaf, in which leaves are replaced in turn,
        at most ``deep`` times in a row.
        """
        if (key := (leaf, numbers)) not in self._held:
            every = [_key(self._values[n]) for n in numbers]
            # Without a step that is missing, runs after the first one have other values.
            self._held[key] = self._name_of(leaf, every) or self._name_of(leaf, every[:1])
        part = self._made_of.get(numbers) if deep and self._held[key] is None else None
        return self.text_of(part, deep - 1) if part is not None else self._held[key]

    def _name_of(self, leaf: str, wanted: Sequence[_Key]) -> str | None:
        """Return the student's name that has the ``wanted`` values, one for each run, or None.

        The values are given as keys, see `_key`. The name that is spelled like ``leaf`` is
        preferred. Besides names there are forms such as ``A.T``, ``b[:, None]``, and an array with
        a minus sign, ``-A``.
        """
        own = self._keys[: len(wanted)]
        row = tuple(wanted[: len(own)])
        if all(each.get(leaf) == key for each, key in zip(own, row, strict=True)):
            return leaf
        if len(own) not in self._names:
            held = [(tuple(each.get(name) for each in own), name) for name in self._keys[0]]
            turned = [
                (tuple(_turned(each.get(name)) for each in own), f"-{name}")
                for name in self._scopes[0].arrays
            ]
            self._names[len(own)] = dict(reversed([*held, *turned]))
        return self._names[len(own)].get(row)


def entry_parts(
    parts: Sequence[Part],
    values: Sequence[Any],
    scopes: Sequence[Scope],
    roles: Collection[str] = ROLES,
) -> Iterator[tuple[Part, Any, tuple[int, ...], str]]:
    """Yield the model solution's whole-array expressions, written for one entry in a loop.

    ``A - Y`` becomes ``a - y`` if the loop has the present entries in ``a`` and ``y``. An item is
    the part, its tree, the shape of the whole array, and the index of the entry as text: ``i, j``.
    Nothing is yielded if no name is a loop counter. ``parts`` and ``values`` are those of the model
    solution, ``scopes`` the student's names in each run, as for `borrowed_parts`.
    """
    first = scopes[0]
    if not first.places:
        return
    names: dict[tuple[str, ...], list[str]] = {}
    for name in first.numbers:
        names.setdefault(_entry_key([s.values.get(name) for s in scopes]), []).append(name)
    made_of = {part.numbers: part for part in reversed(parts) if part.role == "whole"}

    def text_of(part: Part, shape: tuple[int, ...], at: Sequence[_Index], deep: int) -> str | None:
        """Return a part's text for one entry, or None if a leaf has no name with the entry's value.

        ``shape`` is that of the whole array, and ``at`` has the index of the entry in each run. A
        leaf without a name becomes the model's expression for it, at most ``deep`` times in a row.
        """
        renamed: dict[str, str] = {}
        if not _is_by_entries(part):
            return None
        for leaf, numbers in part.leaves:
            try:
                whole = np.broadcast_to(values[numbers[0]], shape)
            except ValueError:
                return None
            # Of several names, as of what is 0 so far, it is the one that is called so.
            own = names.get(_entry_key([whole[index] for index in at]), [])
            alike = sorted(own, key=lambda name: name.casefold() != leaf.casefold())
            inner = made_of.get(numbers) if deep else None
            text = alike[0] if alike else None
            if text is None and inner is not None:
                text = text_of(inner, shape, at, deep - 1)
            if text is None:
                return None
            renamed[leaf] = text
        return _renamed(part.text, tuple(renamed.items()))

    for part in [part for part in parts if part.role in roles and part.leaves]:
        with contextlib.suppress(ValueError):
            shape = np.broadcast_shapes(*(values[numbers[0]].shape for _, numbers in part.leaves))
            for index in itertools.product(*(_places(size, scopes) for size in shape)):
                loops = [name for name in index if name != "0"]
                # No loop goes along two axes.
                once = 0 < len(loops) == len({*loops})
                at = [tuple(scope.places.get(each, 0) for each in index) for scope in scopes]
                if once and (text := text_of(part, shape, at, DEEP)) is not None:
                    yield part, expression(text), shape, ", ".join(index)


_Index = tuple[int, ...]


def _places(size: int, scopes: Sequence[Scope]) -> list[str]:
    """Return the loop counters that may be the index along an axis with ``size`` entries.

    A counter has to be a valid index in all runs; ``scopes`` has one scope for each. For size 1 the
    result is ``["0"]``.
    """
    within = [n for n in scopes[0].places if all(0 <= s.places.get(n, size) < size for s in scopes)]
    return ["0"] if size == 1 else within


def _entry_key(row: Sequence[Any]) -> tuple[str, ...]:
    """Return a hashable key for the values of a number in all runs: ten digits each.

    A value that is no number gets an empty text.
    """
    return tuple(f"{float(each):.10g}" if is_number(each) else "" for each in row)


@cache
def _is_by_entries(part: Part) -> bool:
    """Return whether each entry of an expression's value needs only the same entry of its leaves.

    Allowed are leaves, constants, operations except ``@``, comparisons, and functions in
    `BY_ENTRIES`.
    """
    tree: Any = ast.parse(part.text).body[0]
    kept = {leaf for leaf, _ in part.leaves}
    waiting = [tree.value] if isinstance(tree, ast.Expr) else []
    while waiting:
        node = waiting.pop()
        if ast.unparse(node) in kept or isinstance(node, ast.Constant):
            continue
        if isinstance(node, ast.BinOp) and not isinstance(node.op, ast.MatMult):
            waiting += [node.left, node.right]
        elif isinstance(node, ast.UnaryOp):
            waiting.append(node.operand)
        elif isinstance(node, ast.Compare):
            waiting += [node.left, *node.comparators]
        elif isinstance(node, ast.Call) and called_name(node) in BY_ENTRIES and not node.keywords:
            waiting += node.args
        else:
            return False
    return isinstance(tree, ast.Expr)


BY_ENTRIES = ("exp", "log", "sqrt", "square", "abs", "tanh", "cosh", "maximum", "minimum", "where")
"""Functions that make each entry of the same entries."""


_Key = tuple[tuple[int, ...], str] | None


def _turned(key: _Key) -> _Key:
    """Return the key of the value with the other sign, from a key of `_key`; None for None."""
    return None if key is None else (key[0], f"{-float(key[1]):.10g}")


def _key(value: Any) -> _Key:
    """Return a key for a value: its shape, and a digest of its rounded numbers.

    Values that are equal up to rounding have the same key. Arrays with at most one entry have the
    same shape as plain numbers, ``()``. The key is None for a value that is not numeric.
    """
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        return None
    # A number may be held in an array.
    shape = array.shape if array.size > 1 else ()
    return shape, f"{digested(array.reshape(-1).astype(float)):.10g}"


def _keys(scope: Scope) -> Iterator[tuple[str, _Key]]:
    """Yield the student's expressions that have a value in a scope, each with its value's key.

    ``scope`` has the values of names, and the key is that of `_key`. First come the names; then
    half of each number that is not an integer, and of each array its transpose, a vector as a
    column, and a matrix with one row or column as a vector.
    """
    yield from ((name, _key(scope.values[name])) for name in (*scope.arrays, *scope.numbers))
    # By another convention the model solution is handed half of it.
    for name in scope.numbers_that(count=False):
        yield f"{name} / 2", _key(scope.values[name] / 2)
    for name in scope.arrays:
        array = scope.values[name]
        if array.ndim == 1:
            yield f"{name}[:, None]", _key(array[:, None])
        elif array.ndim == 2:
            yield f"{name}.T", _key(array.T)
            if 1 in array.shape:
                flat = f"{name}[0]" if len(array) == 1 else f"{name}[:, 0]"
                yield flat, _key(array.reshape(-1))


@cache
def _renamed(text: str, names: tuple[tuple[str, str], ...]) -> str:
    """Return a text in which some expressions are replaced by others.

    ``names`` are pairs of an expression and the one that replaces it, as texts.
    """
    return ast.unparse(renamed(ast.parse(text), {name: expression(own) for name, own in names}))
