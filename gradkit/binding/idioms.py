"""What the text of a section shows of its training: enough to choose between equal numbers.

Nothing is concluded from it alone. Some mistakes leave the same numbers; a word that stands
nowhere, or the order of three calls in one loop, tells which of them it can be.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from gradkit.records.submission import Section
from gradkit.runtime.syntax import LOOPS, walk
from gradkit.submission.source import parse

CALLS = ("zero_grad", "backward", "step")
"""Methods whose order in a training loop matters."""

LOSS_AS_NUMBER = ("item", "detach")
"""Methods by which a loss is made a number to be recorded."""


@dataclass(frozen=True, slots=True)
class Idioms:
    """Words and order of a section's text.

    ``whole`` says whether all of the section's code was read. ``words`` are all names,
    attributes, keywords and strings in it, ``outside`` those outside classes. ``order`` are
    the `CALLS` of one round, from ``backward`` on; empty where loops differ, or a call may
    be left out. ``reckoned`` says whether a loss is reckoned with after it was made a number.
    """

    whole: bool
    words: frozenset[str]
    outside: frozenset[str]
    order: tuple[str, ...]
    reckoned: bool


def idioms_of(section: Section, modules: Collection[str]) -> Idioms:
    """Read a section's own cells, and those that it shares.

    Parameters
    ----------
    section : Section
    modules : collection of str
        Names of the student's own modules; what is imported from them is not read.
    """
    trees = [parse(cell.source).tree for cell in (*section.own, *section.shared)]
    known = [tree for tree in trees if tree is not None]
    nodes = [node for tree in known for node in walk(tree)]
    words = frozenset(word for node in nodes for word in _words(node))
    outside = frozenset(
        word
        for tree in known
        for statement in tree.body
        if not isinstance(statement, ast.ClassDef)
        for node in walk(statement)
        for word in _words(node)
    )
    orders = {_order(node) for node in nodes if isinstance(node, LOOPS) and _trains(node)}
    return Idioms(
        len(known) == len(trees) and not any(_is_own(node, modules) for node in nodes),
        words,
        outside,
        orders.pop() if len(orders) == 1 else (),
        any(_reckons(node) for node in nodes),
    )


def _words(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, ast.Attribute):
        yield node.attr
    elif isinstance(node, ast.alias):
        yield from (node.name.rpartition(".")[2], node.asname or "")
    elif isinstance(node, ast.keyword):
        yield node.arg or ""
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value


def _is_own(node: ast.AST, modules: Collection[str]) -> bool:
    """Whether code comes from a module that the student wrote, or is made from text."""
    if isinstance(node, ast.ImportFrom):
        return node.level > 0 or (node.module or "").partition(".")[0] in modules
    if isinstance(node, ast.Import):
        return any(alias.name.partition(".")[0] in modules for alias in node.names)
    return isinstance(node, ast.Name) and node.id in ("exec", "eval", "getattr", "__import__")


def _called(node: ast.AST) -> str:
    """The method that is called, or nothing."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return node.func.attr
    return ""


def _trains(loop: ast.AST) -> bool:
    """Whether ``backward`` is called in a loop and in no other inside it."""
    inner = [node for node in walk(loop) if isinstance(node, LOOPS) and node is not loop]
    within = {id(node) for other in inner for node in walk(other)}
    return any(_called(node) == "backward" and id(node) not in within for node in walk(loop))


def _order(loop: ast.For | ast.AsyncFor | ast.While) -> tuple[str, ...]:
    """The calls of one round from ``backward`` on, where each is made in every round."""
    calls = [
        _called(statement.value)
        for statement in _statements(loop.body)
        if isinstance(statement, ast.Expr) and _called(statement.value) in CALLS
    ]
    everywhere = [_called(node) for node in walk(loop) if _called(node) in CALLS]
    once = all(calls.count(name) == 1 for name in ("backward", "step"))
    if len(everywhere) != len(calls) or not once:
        return ()
    at = calls.index("backward")
    return tuple(calls[at:] + calls[:at])


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements that are run one after the other, whatever happens."""
    for statement in body:
        if isinstance(statement, ast.With):
            yield from _statements(statement.body)
        else:
            yield statement


def _reckons(node: ast.AST) -> bool:
    """Whether a loss that was made a number is one side of an operation, or added up."""
    if isinstance(node, ast.BinOp):
        sides = [node.left, node.right]
    elif isinstance(node, ast.AugAssign):
        sides = [node.value]
    else:
        return False
    return any(_called(part) in LOSS_AS_NUMBER for side in sides for part in walk(side))
