"""What functions leave behind outside of themselves, and what they find there, from their text.

The commonest form is a cache: the forward pass writes ``cache["A1"]``, or a name that it declares
global, and the update reads it.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from gradkit.student.signature import AnyFunction
from gradkit.worker.names import MUTATORS, base_name
from gradkit.worker.syntax import walk

_NAMED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.ExceptHandler)


@dataclass(frozen=True, slots=True)
class Effects:
    """Names outside of a function: those it ``reads``, and those it sets or stores into."""

    reads: frozenset[str] = frozenset()
    writes: frozenset[str] = frozenset()


def effects_of(
    node: AnyFunction, methods: Collection[str] = (), modules: Collection[str] = ()
) -> Effects:
    """Read a function's own text; what it calls is not followed.

    Parameters
    ----------
    node : function definition or lambda
    methods : collection of str
        Names of methods that may change their object, besides those of Python's own types.
    modules : collection of str
        Names of imported modules, whose functions change nothing: ``np.append``.
    """
    parts = [*walk(node)]
    declared = {name for part in parts if isinstance(part, ast.Global) for name in part.names}
    own = {name for part in parts if part is not node for name in _bound(part)} - declared
    reads = {
        part.id
        for part in parts
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load) and part.id not in own
    }
    writes = set()
    for part in parts:
        if isinstance(part, ast.Name):
            stored = part.id if isinstance(part.ctx, ast.Store) and part.id in declared else None
        elif isinstance(part, ast.Subscript | ast.Attribute):
            stored = None if isinstance(part.ctx, ast.Load) else base_name(part)
        elif isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute):
            changes = part.func.attr in MUTATORS or part.func.attr in methods
            stored = base_name(part.func) if changes else None
            stored = None if stored in modules else stored
        else:
            continue
        if stored is not None and stored not in own:
            writes.add(stored)
    return Effects(frozenset(reads), frozenset(writes))


def _bound(node: ast.AST) -> Iterator[str]:
    """The names that a node binds where it stands."""
    if isinstance(node, ast.Name):
        if not isinstance(node.ctx, ast.Load):
            yield node.id
    elif isinstance(node, ast.arg):
        yield node.arg
    elif isinstance(node, _NAMED):
        yield node.name or ""
    elif isinstance(node, ast.Import | ast.ImportFrom):
        for alias in node.names:
            yield alias.asname or alias.name.partition(".")[0]


def with_helpers(effects: Effects, functions: Mapping[str, Effects]) -> Effects:
    """The effects of a function, with those of all that it names among the ``functions``."""
    reads, writes = set(effects.reads), set(effects.writes)
    waiting = [*effects.reads]
    while waiting:
        found = functions.get(waiting.pop(), Effects())
        waiting += found.reads - reads
        reads |= found.reads
        writes |= found.writes
    return Effects(frozenset(reads), frozenset(writes))


def left_behind(first: Effects, then: Effects, functions: Mapping[str, Effects]) -> tuple[str, ...]:
    """The names under which one function, or a helper, finds what another, or a helper, left."""
    left = with_helpers(first, functions).writes
    return tuple(sorted(left & with_helpers(then, functions).reads)) if left else ()
