"""Read hints from the words of a section: idioms of training, losses, globals read.

Nothing is concluded from them alone. Some mistakes leave the same numbers; a word that stands
nowhere, or the order of three calls in one loop, tells which of them it can be.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator, Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from gradkit.formatting import format_text
from gradkit.records.observations import Bound
from gradkit.records.submission import Cell, Place, Section
from gradkit.records.task import QUANTITIES, Array, Role, Task
from gradkit.runtime.statements import is_called, plain
from gradkit.runtime.syntax import LOOPS, called_method, effects_of, names_bound, walk
from gradkit.submission.source import parse, statements

CALLS = ("zero_grad", "backward", "step")
"""Methods whose order in a training loop matters."""

LOSS_AS_NUMBER = ("item", "detach")
"""Methods by which a loss is made a number to be recorded."""


class Idioms(Struct, frozen=True):
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
    outside = [part for tree in known for part in tree.body if not isinstance(part, ast.ClassDef)]
    rounds = [node for node in nodes if isinstance(node, (*LOOPS, ast.FunctionDef))]
    orders = {_order(node) for node in rounds if _trains(node)}
    return Idioms(
        len(known) == len(trees) and not any(_is_own(node, modules) for node in nodes),
        frozenset(_words(nodes)),
        frozenset(_words(node for part in outside for node in walk(part))),
        orders.pop() if len(orders) == 1 else (),
        any(_reckons(node) for node in nodes),
    )


def _words(nodes: Iterable[ast.AST]) -> Iterator[str]:
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


def _is_own(node: ast.AST, modules: Collection[str]) -> bool:
    """True of code from a module that the student wrote, or that is made from text."""
    if isinstance(node, ast.ImportFrom):
        return node.level > 0 or (node.module or "").partition(".")[0] in modules
    if isinstance(node, ast.Import):
        return any(alias.name.partition(".")[0] in modules for alias in node.names)
    return isinstance(node, ast.Name) and node.id in ("exec", "eval", "getattr", "__import__")


def _trains(loop: ast.AST) -> bool:
    """True where ``backward`` is called in a loop and in no other inside it."""
    inner = [node for node in walk(loop) if isinstance(node, LOOPS) and node is not loop]
    within = {id(node) for other in inner for node in walk(other)}
    return any(called_method(node) == "backward" and id(node) not in within for node in walk(loop))


def _order(loop: ast.For | ast.AsyncFor | ast.While | ast.FunctionDef) -> tuple[str, ...]:
    """Return the calls of one round from ``backward`` on, where each is made in every round."""
    values = [each.value for each in _statements(loop.body) if isinstance(each, ast.Expr)]
    # Several may stand in a row.
    rows = [each.elts if isinstance(each, ast.Tuple) else [each] for each in values]
    calls = [called_method(each) for row in rows for each in row if called_method(each) in CALLS]
    everywhere = [called_method(node) for node in walk(loop) if called_method(node) in CALLS]
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
    """True where a loss that was made a number is one side of an operation, or added up."""
    if isinstance(node, ast.BinOp):
        sides = [node.left, node.right]
    elif isinstance(node, ast.AugAssign):
        sides = [node.value]
    else:
        return False
    return any(called_method(part) in LOSS_AS_NUMBER for side in sides for part in walk(side))


# --- tasks that the words speak for ------------------------------------------------------


def narrow_by_targets(tasks: Sequence[Task], cells: Iterable[Cell]) -> list[Task]:
    """Narrow tasks down by whose targets stand in some cells.

    They are named as their column is, or written out: in a row, or as the last columns of a table.

    Returns
    -------
    list of Task
        All of them where the cells hold none's, or those of all.
    """
    nodes = [part for cell in cells for node in statements(cell.source) for part in walk(node)]
    words = {plain(word) for word in _words(nodes)}
    tables = [table for node in nodes if (table := _table(node)) is not None]
    left = [
        task
        for task in tasks
        if not words.isdisjoint(map(plain, task.columns[-task.y.shape[1] :]))
        or any(_ends_in(table, task.y) for table in tables)
    ]
    return left or list(tasks)


def _table(node: ast.AST) -> NDArray[np.float64] | None:
    """Return numbers that are written out in brackets."""
    if not isinstance(node, ast.List | ast.Tuple):
        return None
    try:
        return np.array(ast.literal_eval(node), np.float64)
    except (ValueError, TypeError, OverflowError):
        return None


def _ends_in(table: NDArray[np.float64], y: Array) -> bool:
    if table.ndim == 2 and len(table) == len(y):
        return np.array_equal(table[:, -y.shape[1] :], y)
    return np.array_equal(table.ravel(), y.ravel())


def narrow_by_words(
    tasks: Sequence[Task], section: Section, *, finished: bool, with_exp: Collection[str]
) -> list[Task]:
    """Narrow tasks down by the losses that are named in the code, or else by its activations.

    Parameters
    ----------
    tasks : sequence of Task
    section : Section
    finished : bool
        Whether its forward pass gives outputs, or all is written. Only then does it say something
        if there is no activation.
    with_exp : collection of str
        Activations that may be written with ``exp``, and no word of their own.

    Returns
    -------
    list of Task
        All of them where the names leave it open.
    """
    words = _words_of(section)
    narrowed = _by_words(tasks, words, with_exp)
    left = next((kept for kept in narrowed if 0 < len(kept) < len(tasks)), tasks)
    if finished and not any(_names_activation(task, words, with_exp) for task in left):
        left = [task for task in left if not _activations(task)] or left
    return list(left)


def named_twice(tasks: Sequence[Task], section: Section, with_exp: Collection[str]) -> list[Task]:
    """Return the tasks whose loss is named in the code, and whose activation is there too.

    That is none where it is not the same ones that both speak for.
    """
    words = _words_of(section)
    by_loss, by_activation = _by_words(tasks, words, with_exp)
    return by_loss if by_loss == by_activation else []


def _words_of(section: Section) -> set[str]:
    """Return the words of a section's code, as they are compared."""
    return {plain(word) for word in idioms_of(section, ()).words}


def _by_words(
    tasks: Sequence[Task], words: Collection[str], with_exp: Collection[str]
) -> tuple[list[Task], list[Task]]:
    """Return the tasks of losses, and those of activations, that are named."""
    by_loss = [task for task in tasks if _names_loss(task, words)]
    return by_loss, [task for task in tasks if _names_activation(task, words, with_exp)]


def _names_loss(task: Task, words: Collection[str]) -> bool:
    return _any_holds(words, (plain(name).replace(" ", "") for name in (*task.words, task.loss)))


def _names_activation(task: Task, words: Collection[str], with_exp: Collection[str]) -> bool:
    asked = _activations(task)
    return _any_holds(words, asked) or ("exp" in words and not asked.isdisjoint(with_exp))


def _activations(task: Task) -> set[str]:
    return {layer.activation for layer in task.layers} - {"linear"}


def _any_holds(words: Collection[str], parts: Iterable[str]) -> bool:
    return any(part in word for part in parts for word in words)


# --- globals in place of arguments -------------------------------------------------------


class GlobalRead(Struct, frozen=True):
    """A global that is read in place of an argument: the place, and a sentence that says so."""

    place: Place
    sentence: str


def find_global_read(section: Section, bound: Bound, role: Role) -> GlobalRead | None:
    """Find the first global that a function reads in place of an argument.

    Only a name counts that an argument of the role goes by, that the function calls otherwise,
    and that the section gives a value: ``params`` is handed over, and ``parameters`` is read. The
    names of parameters, ``WEIGHTS = ("W1", "W2")``, are none, nor is a type.

    Parameters
    ----------
    section : Section
    bound : Bound
        The function that plays the role.
    role : Role

    Returns
    -------
    GlobalRead or None
        None too where no ``def`` at top level makes the function.
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
        if isinstance(node, ast.Assign | ast.AnnAssign) and not _is_of_words(node.value)
        for name in names_bound(node)
    }
    cell, function = made[-1]
    outside = data & effects_of(function).reads
    # What a type is called says nothing of what is read.
    hints = {part for hint in _hints_in(function) for part in walk(hint)}
    reads = [
        part
        for part in walk(function)
        if isinstance(part, ast.Name) and part.id in outside and part not in hints
    ]
    for read in sorted(reads, key=lambda part: (part.lineno, part.col_offset)):
        argument = _argument(read.id, bound, role)
        if argument is not None:
            sentence = format_text(
                "{function} reads the global {name} in place of its argument {argument}.",
                function=f"`{bound.function}`",
                name=f"`{read.id}`",
                argument=f"`{argument}`",
            )
            return GlobalRead(cell.place(read.lineno), sentence)
    return None


def _is_of_words(value: ast.expr | None) -> bool:
    """Tell a word, or a row of words: no argument is one."""
    parts = value.elts if isinstance(value, ast.Tuple | ast.List | ast.Set) else [value]
    return all(isinstance(getattr(part, "value", None), str) for part in parts) and bool(parts)


def _hints_in(function: ast.FunctionDef) -> list[ast.expr]:
    """Return the type hints of a function, and of what is in it."""
    hints = [
        getattr(part, name, None) for part in walk(function) for name in ("annotation", "returns")
    ]
    return [hint for hint in hints if hint is not None]


def _argument(name: str, bound: Bound, role: Role) -> str | None:
    """Return the function's own name for the argument that goes by this name."""
    meant = (each for each in role.arguments if is_called(name, (each.name, *each.aliases)))
    return next(filter(None, (bound.names.get(QUANTITIES[each.kind]) for each in meant)), None)
