"""Find the numbers that a submission's text uses as learning rates.

The gradient check divides a step by a rate. If the assignment's rate does not fit, the check may
only use a rate that the student wrote: a rate that is fitted to the steps would also hide a missing
factor. A number counts as a rate in three places:

- it is bound to the name of a rate: ``lr = 0.01``, ``def update(…, alpha=0.01)``, ``lr=0.01`` in
  a call, ``self.rate = 1 / 100``;
- it is a factor of a product, directly or through a name that is bound to it:
  ``W1 -= 0.01 * dW1``;
- it is passed to a call together with parameters: ``SGD(model.parameters(), 0.01)``.

The text is only read, not run.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from gradkit.records.observations import WrittenRate
from gradkit.records.submission import Cell, Section
from gradkit.records.task import Task
from gradkit.runtime.syntax import walk
from gradkit.submission.source import statements

WORDS = frozenset({"lr", "rate", "rates", "alpha", "eta"})
"""Words that make a name the name of a rate, beside the names that the task accepts."""

Found = Iterator[tuple[ast.expr, float]]
"""Expressions with their values."""


def find_written_rates(task: Task, section: Section) -> tuple[WrittenRate, ...]:
    """Return the positive numbers that a section uses as learning rates, each value once.

    Parameters
    ----------
    task : Task
        Its roles list the accepted names of a rate.
    section : Section
        Its own cells are read first, then the cells that it shares with other sections.
    """
    names = {
        name
        for role in task.roles
        for argument in role.arguments
        if argument.kind == "rate"
        for name in (argument.name, *argument.aliases)
    }
    rates: dict[float, WrittenRate] = {}
    for cell in (*section.own, *section.shared):
        for node, value in _numbers(cell, names):
            rates.setdefault(value, WrittenRate(value, cell.place(node.lineno)))
    return tuple(rates.values())


def _numbers(cell: Cell, names: Iterable[str]) -> Found:
    """Yield the expressions of a cell that are rates, with their values.

    `names` are the names that the task accepts for a rate.
    """
    nodes = [node for statement in statements(cell.source) for node in walk(statement)]
    factors = [each for node in nodes for each in _factors(node)]
    known = {*names, *(each.id for each in factors if isinstance(each, ast.Name))}
    candidates = [
        *factors,
        *(value for node in nodes for name, value in _bindings(node) if _is_rate(name, known)),
        *(value for node in nodes for value in _beside_parameters(node)),
    ]
    for each in candidates:
        value = _constant(each)
        if value is not None and 0 < value < float("inf"):
            yield each, value


def _is_rate(name: str, known: set[str]) -> bool:
    """Return whether a name is known as a rate, or contains one of the `WORDS`."""
    return name in known or not WORDS.isdisjoint(name.lower().split("_"))


def _factors(node: ast.AST) -> tuple[ast.expr, ...]:
    """Return both factors of a product, and an empty tuple for any other node."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        return node.left, node.right
    return ()


def _bindings(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """Yield names with the expressions that a node binds to them."""
    if isinstance(node, ast.Assign):
        for target in node.targets:
            yield from _pairs(target, node.value)
    elif isinstance(node, ast.AnnAssign) and node.value is not None:
        yield from _pairs(node.target, node.value)
    elif isinstance(node, ast.Call):
        yield from ((word.arg, word.value) for word in node.keywords if word.arg)
    elif isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                yield key.value, value
    elif isinstance(node, ast.arguments):
        plain = [*node.posonlyargs, *node.args]
        pairs = zip(reversed(plain), reversed(node.defaults), strict=False)
        yield from ((argument.arg, value) for argument, value in pairs)
        for argument, default in zip(node.kwonlyargs, node.kw_defaults, strict=True):
            if default is not None:
                yield argument.arg, default


def _pairs(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    """Yield the names of a target with their values, also for ``lr, epochs = 0.01, 5``."""
    if isinstance(target, ast.Name):
        yield target.id, value
    elif isinstance(target, ast.Attribute):
        yield target.attr, value
    elif isinstance(target, ast.Tuple | ast.List) and isinstance(value, ast.Tuple | ast.List):
        for name, part in zip(target.elts, value.elts, strict=False):
            yield from _pairs(name, part)


def _beside_parameters(node: ast.AST) -> Iterator[ast.expr]:
    """Yield the later positional arguments of a call whose first argument is parameters."""
    if isinstance(node, ast.Call) and len(node.args) > 1:
        words = (getattr(part, "attr", getattr(part, "id", "")) for part in walk(node.args[0]))
        if any("param" in word for word in words):
            yield from node.args[1:]


def _constant(node: ast.expr) -> float | None:
    """Return the value of a literal, a quotient or a power of two literals; otherwise None.

    A product of literals is not a rate: in ``2 * 0.01`` the 2 is the derivative of a square.
    """
    if isinstance(node, ast.Constant):
        if isinstance(node.value, bool) or not isinstance(node.value, int | float):
            return None
        try:
            return float(node.value)
        except OverflowError:
            return None
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        value = _constant(node.operand)
        return None if value is None else -value
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div | ast.Pow):
        left, right = _constant(node.left), _constant(node.right)
        if left is None or right is None:
            return None
        try:
            value = left / right if isinstance(node.op, ast.Div) else left**right
        except (ArithmeticError, ValueError):
            return None
        return value if isinstance(value, float) else None
    return None
