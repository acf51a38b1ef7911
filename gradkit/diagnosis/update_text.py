"""Find statements in the text of an update whose values do not show them.

A name for a wrong number, a step that is stored in a copy, or a change of an input computes no
value that is wrong by itself.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from math import isclose

from msgspec import Struct

from gradkit.records.submission import Bound, Cell, Place
from gradkit.runtime.syntax import (
    assignments,
    base_name,
    every,
    last_name,
    names_in,
    own_statements,
    walk,
)
from gradkit.submission.definitions import definitions
from gradkit.submission.source import statements

COPIES = frozenset({"copy", "deepcopy", "dict"})
"""Functions and methods that copy a dictionary."""

TURNS = frozenset({"transpose", "flip", "flipud", "fliplr", "roll"})
"""Functions that move the entries of an array."""

PRODUCTS = frozenset({"dot", "matmul", "outer", "einsum"})
"""Functions that multiply arrays."""

INTEGERS = ("int", "dtype")
"""Parts of words that give an array another type."""


class UpdateText(Struct, frozen=True):
    """The definition ``node`` of an update in a cell, and all cells of the submission.

    ``keys`` are the student's keys of the parameters by their canonical names.
    """

    node: ast.FunctionDef
    cell: Cell
    cells: tuple[Cell, ...]
    keys: Mapping[str, str]

    def find_naming_line(
        self, names: Collection[str], place: Place, fits: Callable[[ast.expr], bool]
    ) -> Place | None:
        """Return the last line before ``place`` that assigns a fitting value to one of ``names``.

        ``fits`` returns whether an assigned expression fits. If the function has no such
        line at all, also after ``place``, the result is the only such line at the top level of all
        cells; None if there is none, or several.
        """
        inside = self._lines_of_names(self.cell, own_statements(self.node), names, fits)
        if inside:
            return next((each for each in reversed(inside) if each.line < place.line), None)
        outside = [
            each
            for cell in self.cells
            for each in self._lines_of_names(cell, statements(cell.source), names, fits)
        ]
        return outside[0] if len(outside) == 1 else None

    @staticmethod
    def _lines_of_names(
        cell: Cell,
        body: Sequence[ast.stmt],
        names: Collection[str],
        fits: Callable[[ast.expr], bool],
    ) -> list[Place]:
        """Return the lines of ``body`` that assign a fitting value to one of ``names``.

        ``cell`` is the cell with the statements; ``fits`` tells whether an expression counts.
        """
        return [
            cell.place(each.lineno)
            for each in body
            if any(name in names and fits(value) for name, value in assignments(each))
        ]

    def find_storing_line(self, parameter: str, computed: Collection[Place] = ()) -> Place | None:
        """Return the last line that stores a parameter or a part of it, or None.

        ``computed`` are lines that computed the parameter's value: if some of them store it too,
        the result is the last of these.
        """
        key = self.keys.get(parameter, parameter)
        stores = [
            self.cell.place(each.lineno)
            for each in own_statements(self.node)
            if any(is_entry(target, key) for target in targets(each))
        ]
        return next(iter(reversed([each for each in stores if each in computed] or stores)), None)

    def rearranges(self, made: Place, used: Place) -> bool:
        """Return whether line ``used`` rearranges an array that line ``made`` assigns.

        The result is True if ``used`` transposes the array, or reads other entries of it than
        ``made`` assigns. A transposition in a matrix product does not count, nor do entries that
        the line stores back under the same index.
        """
        arrays = {
            base_name(target): indices_of(target)
            for each in self._assignments_in(made)
            for target in targets(each)
        }
        for each in self._assignments_in(used):
            parts = walk(each.value)
            # An array is turned in an outer product, which leaves every number in its place.
            is_product = any(isinstance(part, ast.MatMult) for part in _operators(parts)) or any(
                isinstance(part, ast.Call) and last_name(part.func) in PRODUCTS for part in parts
            )
            inner = [part.value for part in parts if isinstance(part, ast.Subscript)]
            for part in parts:
                if isinstance(part, ast.Subscript) and part not in inner:
                    name = base_name(part)
                    # A part that is stored back into itself stays where it is.
                    own = [indices_of(t) for t in targets(each) if base_name(t) == name]
                    if name in arrays and indices_of(part) not in (arrays[name], *own):
                        return True
                is_turn = isinstance(part, ast.Attribute) and part.attr == "T"
                is_turn |= isinstance(part, ast.Call) and last_name(part.func) in TURNS
                if is_turn and not is_product and not arrays.keys().isdisjoint(names_in(part)):
                    return True
        return False

    def _assignments_in(self, place: Place) -> list[ast.Assign | ast.AugAssign]:
        """Return the assignments, also those such as ``+=``, that begin in the line ``place``.

        Only statements of the student's function count.
        """
        line = self.cell.line_of(place)
        return [
            each
            for each in own_statements(self.node)
            if isinstance(each, ast.Assign | ast.AugAssign) and each.lineno == line
        ]

    def find_copying_line(self) -> Place | None:
        """Return the last line that copies a dict of parameters to a name that is changed.

        The dict is an argument of the function. None if there is no such line.
        """
        own, body = {argument.arg for argument in self.node.args.args}, own_statements(self.node)
        return self._last(
            each
            for each in body
            for name, value in assignments(each)
            if _copies_one_of(own, value) and any(is_stored_in(name, other) for other in body)
        )

    def rebound_name(self, parameter: str) -> str:
        """Return a local name of a parameter's array that gets another value; "" if there is none.

        After ``W = p["W1"]``, the statement ``W = W - step`` does not change the parameter.
        """
        key = self.keys.get(parameter, parameter)
        own = [pair for each in own_statements(self.node) for pair in assignments(each)]
        aliases = {name for name, value in own if is_entry(value, key)}
        return next((n for n, value in own if n in aliases and not is_entry(value, key)), "")

    def find_mutating_line(self) -> Place | None:
        """Return the first line that changes an input in place, by its own or another name.

        Inputs are all parameters of the function but the first. Without such a line, it is the last
        line that changes a part of a parameter of the net; None if there is none.
        """
        shared = {argument.arg for argument in self.node.args.args[1:]}
        for each in own_statements(self.node):
            for target in targets(each):
                is_in_place = isinstance(target, ast.Subscript) or isinstance(each, ast.AugAssign)
                if is_in_place and base_name(target) in shared:
                    return self.cell.place(each.lineno)
            for name, value in assignments(each):
                is_shared = isinstance(value, ast.Name) and value.id in shared
                shared = shared | {name} if is_shared else shared - {name}
        return self._last(
            each
            for each in own_statements(self.node)
            for target in targets(each)
            if isinstance(target, ast.Subscript)
            if any(is_entry(target.value, key) for key in self.keys.values())
        )

    def find_integer_line(self) -> Place | None:
        """Return the first line that makes an array which may only hold integers."""
        calls = (call for each in own_statements(self.node) for call in every(ast.Call, each))
        return next((self.cell.place(c.lineno) for c in calls if _makes_integers(c)), None)

    def _last(self, found: Iterable[ast.stmt]) -> Place | None:
        """Return the place of the last of some statements; None without any."""
        lines = [each.lineno for each in found]
        return self.cell.place(lines[-1]) if lines else None


def update_text(cells: Sequence[Cell], bound: Bound) -> UpdateText | None:
    """Return the text of a bound update; None if no function of its name is defined."""
    made = definitions(cells).get(bound.function)
    if made is None or not isinstance(made.node, ast.FunctionDef):
        return None
    return UpdateText(made.node, made.cell, tuple(cells), bound.convention.keys)


def targets(node: ast.stmt) -> list[ast.expr]:
    """Return the expressions that a statement assigns to."""
    if isinstance(node, ast.Assign):
        return node.targets
    return [node.target] if isinstance(node, ast.AugAssign) else []


def is_entry(node: ast.AST, key: str) -> bool:
    """Return whether an expression is ``dictionary[key]``, or a part of this entry.

    Both ``p["W1"]`` and ``p["W1"][0]`` are, as ``node``, entries for the key ``W1``.
    """
    while isinstance(node, ast.Subscript):
        if isinstance(node.slice, ast.Constant) and node.slice.value == key:
            return True
        node = node.value
    return False


def takes_over(value: ast.expr, numbers: Collection[float] | None, *, others: bool = False) -> bool:
    """Return whether an assigned expression ``value`` is just another name or a constant.

    Without ``numbers``, the result is True for a name. With ``numbers``, it is True for an
    expression of constants alone that contains one of the numbers up to its sign; or, if
    ``others``, for one that contains none of them.
    """
    if numbers is None:
        return isinstance(value, ast.Name)
    found = [
        part.value for part in every(ast.Constant, value) if isinstance(part.value, int | float)
    ]
    is_one = any(isclose(abs(each), size) for each in found for size in numbers)
    return names_in(value) <= {"np", "numpy"} and bool(found) and is_one != others


def _operators(nodes: Iterable[ast.AST]) -> list[ast.operator]:
    """Return the operators of two operands among some nodes."""
    return [node.op for node in nodes if isinstance(node, ast.BinOp)]


def indices_of(node: ast.expr) -> tuple[str, ...]:
    """Return the indices by which an expression takes an entry of an array, as texts.

    For ``node``, the expressions ``dW[i][j]`` and ``dW[i, j]`` both have the indices ``i`` and
    ``j``. Keys of dictionaries are left out; without indices, the result is empty.
    """
    found: list[str] = []
    while isinstance(node, ast.Subscript):
        if not (isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str)):
            parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
            found[:0] = map(ast.unparse, parts)
        node = node.value
    return tuple(found)


def is_stored_in(name: str, node: ast.stmt) -> bool:
    """Return whether a statement stores an entry of the dictionary behind a name."""
    return any(isinstance(each, ast.Subscript) and name in names_in(each) for each in targets(node))


def _copies_one_of(names: Collection[str], value: ast.expr) -> bool:
    """Return whether an expression ``value`` copies the dictionary behind one of ``names``.

    It copies the dictionary if it calls a function or method of `COPIES` on the name, or is a dict
    comprehension that reads the name.
    """
    if isinstance(value, ast.DictComp):
        return not names_in(value).isdisjoint(names)
    if not isinstance(value, ast.Call) or last_name(value.func) not in COPIES:
        return False
    parts = [*value.args, getattr(value.func, "value", None)]
    return any(isinstance(part, ast.Name) and part.id in names for part in parts)


def _makes_integers(call: ast.Call) -> bool:
    """Return whether a call may make an array of integers.

    It may if its ``dtype`` is an integer type, or if it has none and is ``…_like`` or an ``array``
    of integer constants.
    """
    name = last_name(call.func)
    types = [each.value for each in call.keywords if each.arg == "dtype"]
    types += call.args if name == "astype" else []
    if types:
        return any(part in ast.unparse(each) for each in types for part in INTEGERS)
    if name != "array":
        return name.endswith("_like")
    numbers = [part.value for part in walk(call) if isinstance(part, ast.Constant)]
    return (
        bool(numbers)
        and not names_in(call) - {"np", "numpy"}
        and all(type(each) is int for each in numbers)
    )
