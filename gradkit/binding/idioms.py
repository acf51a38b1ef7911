"""Read hints from the text of a section: training idioms, names of losses, globals read.

No grade depends on a hint alone. Several mistakes can give the same numbers; a word that the text
lacks, or the order of three calls in a loop, can then tell which mistake it is.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import lru_cache

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from gradkit.records.submission import Bound, Cell, Place, Section
from gradkit.records.task import QUANTITIES, Array, Role, Task
from gradkit.runtime.syntax import (
    LOOPS,
    called_method,
    effects_of,
    is_called,
    names_bound,
    plain,
    walk,
)
from gradkit.submission.source import nodes_in, parse, statements
from gradkit.text import format_text

CALLS = ("zero_grad", "backward", "step")
"""Methods whose order in a training loop matters."""

LOSS_AS_NUMBER = ("item", "detach")
"""Methods that turn a loss into a plain number, which has no gradient."""


class Idioms(Struct, frozen=True):
    """The words of a section's text, and the order of its training calls.

    ``whole`` says whether all of the section's code was read. ``words`` are all names,
    attributes, keywords and strings in it, ``outside`` those outside classes. ``order`` are
    the `CALLS` of one iteration, from ``backward`` on; it is empty if loops differ, or if a call
    is conditional. ``reckoned`` says whether code computes with a loss after `LOSS_AS_NUMBER`
    removed its gradient.
    """

    whole: bool
    words: frozenset[str]
    outside: frozenset[str]
    order: tuple[str, ...]
    reckoned: bool


def idioms_of(section: Section, modules: Collection[str]) -> Idioms:
    """Read the idioms of a section's own cells and of the cells that it shares.

    Parameters
    ----------
    section : Section
        The part of a submission for one task.
    modules : collection of str
        Names of the student's own modules. Code that is imported from them is not read.
    """
    trees = [parse(cell.source).tree for cell in (*section.own, *section.shared)]
    known = [tree for tree in trees if tree is not None]
    nodes = [node for tree in known for node in walk(tree)]
    outside = [part for tree in known for part in tree.body if not isinstance(part, ast.ClassDef)]
    rounds = [node for node in nodes if isinstance(node, (*LOOPS, ast.FunctionDef))]
    orders = {_order(node) for node in rounds if _trains(node)}
    return Idioms(
        len(known) == len(trees) and not any(_is_unread(node, modules) for node in nodes),
        frozenset(_words(nodes)),
        frozenset(_words(node for part in outside for node in walk(part))),
        orders.pop() if len(orders) == 1 else (),
        any(_reckons(node) for node in nodes),
    )


def _words(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Yield the names, attributes, imported names, keywords and strings among some nodes."""
    for node in nodes:
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


def _is_unread(node: ast.AST, modules: Collection[str]) -> bool:
    """Return whether a node runs code that the section's text does not show.

    That is an import from one of the student's ``modules``, or a call such as ``exec``.
    """
    if isinstance(node, ast.ImportFrom):
        return node.level > 0 or (node.module or "").partition(".")[0] in modules
    if isinstance(node, ast.Import):
        return any(alias.name.partition(".")[0] in modules for alias in node.names)
    return isinstance(node, ast.Name) and node.id in ("exec", "eval", "getattr", "__import__")


def _trains(loop: ast.AST) -> bool:
    """Return whether a loop calls ``backward`` outside the loops that it contains."""
    inner = [node for node in walk(loop) if isinstance(node, LOOPS) and node is not loop]
    within = {id(node) for other in inner for node in walk(other)}
    return any(called_method(node) == "backward" and id(node) not in within for node in walk(loop))


def _order(loop: ast.For | ast.AsyncFor | ast.While | ast.FunctionDef) -> tuple[str, ...]:
    """Return the names of the calls that make a training step, in the order of one iteration.

    The names are those in `CALLS`, such as ``backward``, ``step`` and ``zero_grad``; ``backward``
    comes first, since the loop repeats. The result is empty if one of the calls is not made in
    every iteration, or if ``backward`` or ``step`` is not called exactly once.
    """
    values = [each.value for each in _statements(loop.body) if isinstance(each, ast.Expr)]
    # One line may hold several calls: `optimizer.zero_grad(), loss.backward()`.
    rows = [each.elts if isinstance(each, ast.Tuple) else [each] for each in values]
    calls = [called_method(each) for row in rows for each in row if called_method(each) in CALLS]
    everywhere = [called_method(node) for node in walk(loop) if called_method(node) in CALLS]
    once = all(calls.count(name) == 1 for name in ("backward", "step"))
    if len(everywhere) != len(calls) or not once:
        return ()
    at = calls.index("backward")
    return tuple(calls[at:] + calls[:at])


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements of a body that always run, with those inside ``with`` blocks."""
    for statement in body:
        if isinstance(statement, ast.With):
            yield from _statements(statement.body)
        else:
            yield statement


def _reckons(node: ast.AST) -> bool:
    """Return whether an arithmetic operation uses a loss that was converted to a plain number.

    Examples are ``a + loss.item()`` and ``a += loss.item()``; `LOSS_AS_NUMBER` lists the converting
    methods. The result is False for nodes other than binary operations and such updates.
    """
    if isinstance(node, ast.BinOp):
        sides = [node.left, node.right]
    elif isinstance(node, ast.AugAssign):
        sides = [node.value]
    else:
        return False
    return any(called_method(part) in LOSS_AS_NUMBER for side in sides for part in walk(side))


# --- recognition of the task by its words ------------------------------------------------


def narrow_by_targets(tasks: Sequence[Task], cells: Iterable[Cell]) -> list[Task]:
    """Return the tasks whose targets some cells contain.

    Cells contain the targets if they name their column, or if they list the numbers: in one tuple
    or list, or as the last columns of a table.

    Returns
    -------
    list of Task
        All tasks if the cells contain the targets of none.
    """
    sources = [cell.source for cell in cells]
    nodes = [node for source in sources for node in nodes_in(source)]
    words = frozenset[str]().union(*map(_plain_words, sources))
    tables = [table for node in nodes if (table := _table(node)) is not None]
    left = [
        task
        for task in tasks
        if not words.isdisjoint(map(plain, task.columns[-task.y.shape[1] :]))
        or any(_ends_in(table, task.y) for table in tables)
    ]
    return left or list(tasks)


def _table(node: ast.AST) -> NDArray[np.float64] | None:
    """Return the array that a list or tuple of literal numbers makes; None for any other node."""
    if not isinstance(node, ast.List | ast.Tuple):
        return None
    try:
        return np.array(ast.literal_eval(node), np.float64)
    except (ValueError, TypeError, OverflowError):
        return None


def _ends_in(table: NDArray[np.float64], y: Array) -> bool:
    """Return whether a table's last columns, or all of its numbers, are the targets ``y``."""
    if table.ndim == 2 and len(table) == len(y):
        return np.array_equal(table[:, -y.shape[1] :], y)
    return np.array_equal(table.ravel(), y.ravel())


def narrow_by_words(
    tasks: Sequence[Task], section: Section, *, finished: bool, with_exp: Collection[str]
) -> list[Task]:
    """Return the tasks whose loss the code names or, if losses do not decide, whose activation.

    Parameters
    ----------
    tasks : sequence of Task
        The tasks to choose from.
    section : Section
        The part of a submission whose code is read.
    finished : bool
        Whether the section's forward pass returns outputs, or the section is complete. Only then
        does a missing activation count as evidence for the tasks without one.
    with_exp : collection of str
        Activations that may be written with ``exp`` instead of their name.

    Returns
    -------
    list of Task
        All tasks if the words do not decide.
    """
    words = _words_of(section)
    narrowed = _tasks_by_loss_and_activation(tasks, words, with_exp)
    left = next((kept for kept in narrowed if 0 < len(kept) < len(tasks)), tasks)
    if finished and not any(_names_activation(task, words, with_exp) for task in left):
        left = [task for task in left if not _activations(task)] or left
    return list(left)


def named_twice(tasks: Sequence[Task], section: Section, with_exp: Collection[str]) -> list[Task]:
    """Return the tasks whose loss and whose activation the code names.

    ``with_exp`` are activations that may be written with ``exp`` instead of their name. The list is
    empty if losses and activations name different tasks.
    """
    words = _words_of(section)
    by_loss, by_activation = _tasks_by_loss_and_activation(tasks, words, with_exp)
    return by_loss if by_loss == by_activation else []


def _words_of(section: Section) -> frozenset[str]:
    """Return the words of a section's code without case and underscores."""
    cells = (*section.own, *section.shared)
    return frozenset[str]().union(*(_plain_words(cell.source) for cell in cells))


@lru_cache(maxsize=16)
def _plain_words(source: str) -> frozenset[str]:
    """Return the words of a source without case and underscores."""
    return frozenset(plain(word) for word in {*_words(nodes_in(source))})


def _tasks_by_loss_and_activation(
    tasks: Sequence[Task], words: Collection[str], with_exp: Collection[str]
) -> tuple[list[Task], list[Task]]:
    """Return the tasks whose loss is among the words, and the tasks whose activation is.

    ``with_exp`` are activations that may be written with ``exp`` instead of their name.
    """
    by_loss = [task for task in tasks if _names_loss(task, words)]
    return by_loss, [task for task in tasks if _names_activation(task, words, with_exp)]


def _names_loss(task: Task, words: Collection[str]) -> bool:
    """Return whether some word contains the name of a task's loss."""
    return _any_holds(words, (plain(name).replace(" ", "") for name in (*task.words, task.loss)))


def _names_activation(task: Task, words: Collection[str], with_exp: Collection[str]) -> bool:
    """Return whether some word contains a task's activation, or is ``exp`` and may stand for it."""
    names = _activations(task)
    return _any_holds(words, names) or ("exp" in words and not names.isdisjoint(with_exp))


def _activations(task: Task) -> set[str]:
    """Return the names of a task's activations, without ``linear``."""
    return {layer.activation for layer in task.layers} - {"linear"}


def _any_holds(words: Collection[str], parts: Iterable[str]) -> bool:
    """Return whether some word contains one of the parts."""
    return any(part in word for part in parts for word in words)


# --- globals in place of arguments -------------------------------------------------------


class GlobalRead(Struct, frozen=True):
    """A read of a global in place of an argument: its place, and a sentence that reports it."""

    place: Place
    sentence: str


def find_global_read(section: Section, bound: Bound, role: Role) -> GlobalRead | None:
    """Find the first global that a function reads in place of an argument.

    For example, ``params`` is the argument, and the function reads the global ``parameters``. The
    global's name must be one that the role accepts for an argument, and the section must assign
    it. Names that hold strings only, as ``WEIGHTS = ("W1", "W2")``, and names in type hints do
    not count.

    Parameters
    ----------
    section : Section
        The part of a submission that defines the function.
    bound : Bound
        The function that plays the role.
    role : Role
        The role, with the accepted names of its arguments.

    Returns
    -------
    GlobalRead or None
        None also if no ``def`` at top level defines the function.
    """
    cells = [*section.own, *section.shared]
    nodes = [(cell, node) for cell in cells for node in statements(cell.source)]
    made = [
        (cell, node)
        for cell, node in nodes
        if isinstance(node, ast.FunctionDef) and node.name == bound.function
    ]
    if not made:
        return None
    data = {
        name
        for _, node in nodes
        if isinstance(node, ast.Assign | ast.AnnAssign) and not _is_text(node.value)
        for name in names_bound(node)
    }
    cell, function = made[-1]
    outside = data & effects_of(function).reads
    # A name in a type hint is not read as data.
    hints = {part for hint in _hints_in(function) for part in walk(hint)}
    reads = [
        part
        for part in walk(function)
        if isinstance(part, ast.Name) and part.id in outside and part not in hints
    ]
    for read in sorted(reads, key=lambda part: (part.lineno, part.col_offset)):
        argument = _own_argument(read.id, bound, role)
        if argument is not None:
            sentence = format_text(
                "{function} reads the global {name} in place of its argument {argument}.",
                function=f"`{bound.function}`",
                name=f"`{read.id}`",
                argument=f"`{argument}`",
            )
            return GlobalRead(cell.place(read.lineno), sentence)
    return None


def _is_text(value: ast.expr | None) -> bool:
    """Return whether a value is a string, or a row of strings: no argument is text."""
    parts = value.elts if isinstance(value, ast.Tuple | ast.List | ast.Set) else [value]
    return all(isinstance(getattr(part, "value", None), str) for part in parts) and bool(parts)


def _hints_in(function: ast.FunctionDef) -> list[ast.expr]:
    """Return the type hints of a function, and of the functions and variables inside it."""
    hints = [
        getattr(part, name, None) for part in walk(function) for name in ("annotation", "returns")
    ]
    return [hint for hint in hints if hint is not None]


def _own_argument(name: str, bound: Bound, role: Role) -> str | None:
    """Return the function's parameter for which the role also accepts a name.

    None is returned if the role accepts the name for no argument, or the function has no parameter
    for that argument.
    """
    arguments = (each for each in role.arguments if is_called(name, (each.name, *each.aliases)))
    return next(filter(None, (bound.names.get(QUANTITIES[each.kind]) for each in arguments)), None)
