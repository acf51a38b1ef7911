"""Read from functions' text which outside names they read, and which they write.

The commonest form is a cache: the forward pass writes ``cache["A1"]``, or a name that it declares
global, and the update reads it.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from gradkit.runtime.syntax import MUTATORS, base_name, walk
from gradkit.submission.functions import AnyFunction

_NAMED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.ExceptHandler)
_PARTS = (ast.Attribute, ast.Subscript)
_IMPORTS = (ast.Import, ast.ImportFrom)


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
    reads: set[str] = set()
    own: set[str] = set()
    declared: set[str] = set()
    stored: set[str | None] = set()
    for part in walk(node):
        if isinstance(part, ast.Name):
            (reads if isinstance(part.ctx, ast.Load) else own).add(part.id)
        elif isinstance(part, _PARTS):
            if not isinstance(part.ctx, ast.Load):
                stored.add(base_name(part))
        elif isinstance(part, ast.Call):
            if isinstance(part.func, ast.Attribute) and (
                part.func.attr in MUTATORS or part.func.attr in methods
            ):
                name = base_name(part.func)
                stored.add(name if name not in modules else None)
        elif isinstance(part, ast.arg):
            own.add(part.arg)
        elif isinstance(part, ast.Global):
            declared.update(part.names)
        elif isinstance(part, _NAMED):
            own.update({part.name or ""} if part is not node else ())
        elif isinstance(part, _IMPORTS):
            own.update(alias.asname or alias.name.partition(".")[0] for alias in part.names)
    outside = {name for name in stored if name is not None} | declared & own
    own -= declared
    return Effects(frozenset(reads - own), frozenset(outside - own))


def with_helpers(effects: Effects, functions: Mapping[str, Effects]) -> Effects:
    """Add the effects of all that a function names among the ``functions``."""
    reads, writes = set(effects.reads), set(effects.writes)
    waiting = [*effects.reads]
    while waiting:
        found = functions.get(waiting.pop(), Effects())
        waiting += found.reads - reads
        reads |= found.reads
        writes |= found.writes
    return Effects(frozenset(reads), frozenset(writes))


def left_behind(first: Effects, then: Effects, functions: Mapping[str, Effects]) -> tuple[str, ...]:
    """Return the names that ``first`` or its helpers write, and ``then`` or its helpers read."""
    left = with_helpers(first, functions).writes
    return tuple(sorted(left & with_helpers(then, functions).reads)) if left else ()
