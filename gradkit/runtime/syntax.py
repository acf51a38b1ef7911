"""Parse source into cached syntax trees, search them, and find the global names of statements.

Trees returned by `parse` are shared. Copy one with `copy_tree` before you change it.
"""

from __future__ import annotations

import ast
import re
import sys
import warnings
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar

_CACHED_TREES, _CACHED_LONG_TREES = 32, 2
"""Number of cached trees of short and of long texts; a long text's takes some ten megabytes."""

_LONG = 50_000
"""Characters above which a text is long."""

_LEAVES = frozenset(
    kind
    for base in (ast.expr_context, ast.boolop, ast.operator, ast.unaryop, ast.cmpop)
    for kind in base.__subclasses__()
)
_SKIPPED_TYPES = _LEAVES | {str, int, type(None)}

_CLAUSES = (ast.ExceptHandler, ast.match_case)
_STATEMENTS_AND_CLAUSES = (ast.stmt, *_CLAUSES)
"""All types of nodes that can contain statements, apart from a module."""


def parse(source: str) -> ast.Module:
    r"""Parse source into a shared tree, without Python's warnings about strings such as "\\d".

    Python refuses decimal numbers with more than `sys.get_int_max_str_digits` digits. A number
    of that size in another base, as ``0x`` with 20,000 digits, is refused here too: `ast.unparse`
    and `repr` raise a ValueError where a tree holds such a number.

    Raises
    ------
    SyntaxError, ValueError, RecursionError, MemoryError
        See `ast.parse`.
    """
    return _parse_cached(source) if len(source) <= _LONG else _parse_long_cached(source)


def _parse(source: str) -> ast.Module:
    """Parse source into a new tree; `parse` describes the exceptions."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = ast.parse(source)
    # Walking a tree takes as long as parsing, and few texts need it.
    if _MAYBE_LONG_INTEGER.search(source):
        _refuse_long_integers(tree)
    return tree


_MAYBE_LONG_INTEGER = re.compile(r"0[xob][0-9a-f_]{500}", re.IGNORECASE)
"""An integer of this length may have more digits than the lowest limit that Python allows."""


def _refuse_long_integers(tree: ast.Module) -> None:
    """Raise a SyntaxError at an integer that Python cannot write in decimal digits."""
    for node in walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, int):
            try:
                str(node.value)
            except ValueError:
                most = sys.get_int_max_str_digits()
                where = (None, node.lineno, node.col_offset + 1, None)
                raise SyntaxError(f"a number has more than {most} digits", where) from None


_parse_cached = lru_cache(maxsize=_CACHED_TREES)(_parse)
_parse_long_cached = lru_cache(maxsize=_CACHED_LONG_TREES)(_parse)


def readable(source: str) -> ast.Module:
    """Parse source, and return an empty module if the source is not valid Python."""
    try:
        return parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.Module([], [])


def walk(node: ast.AST) -> list[ast.AST]:
    """List the nodes of a tree in the order of `ast.walk`, without operators and contexts.

    Only a node's fields are read, because IPython stores a node's parent in it; see `copy_tree`.
    """
    found = [node]
    for part in found:
        for name in part._fields:
            value: Any = getattr(part, name, None)
            kind = type(value)
            if kind is list:
                found += [
                    item
                    for item in value
                    if type(item) not in _SKIPPED_TYPES and isinstance(item, ast.AST)
                ]
            elif kind not in _SKIPPED_TYPES and isinstance(value, ast.AST):
                found.append(value)
    return found


Node = TypeVar("Node", bound=ast.AST)


def copy_tree(node: Node) -> Node:
    """Return a copy of a syntax tree, with only the fields and positions of its nodes.

    IPython stores in each node that it has shown in a traceback the node's parent, even in
    `ast.Load()`, which all trees share. `copy.deepcopy` would copy that other tree at each name.
    """
    if type(node) in _LEAVES:
        return node
    fields = {
        name: _copy_value(getattr(node, name)) for name in node._fields if hasattr(node, name)
    }
    return ast.copy_location(type(node)(**fields), node)


def _copy_value(value: object) -> object:
    """Return a copy of a node's field, which may be a node, a list or a constant."""
    if isinstance(value, list):
        return [_copy_value(item) for item in value]
    return copy_tree(value) if isinstance(value, ast.AST) else value


def every(kind: type[Node], node: ast.AST) -> list[Node]:
    """List the nodes of one kind in a tree, in the order of `walk`."""
    return [part for part in walk(node) if isinstance(part, kind)]


def walk_statements(node: ast.AST) -> list[ast.AST]:
    """List a node, and the statements, handlers and cases below it, in the order of `walk`.

    Quicker than `walk`: expressions, which contain no statements, are not searched.
    """
    found = [node]
    for part in found:
        found += statements_in(part)
    return found


def statements_in(node: ast.AST) -> list[ast.AST]:
    """Return the statements, handlers and cases directly below a node, in the order of the text."""
    found: list[ast.AST] = []
    for value in vars(node).values():
        if type(value) is list and value and isinstance(value[0], _STATEMENTS_AND_CLAUSES):
            found += value
    return found


Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
AnyFunction = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


def parts_of(node: ast.stmt) -> list[ast.stmt]:
    """List a statement, and all statements in its ``if``, ``try``, ``with`` and ``match`` blocks.

    Nested blocks are included. The bodies of loops, functions and classes are left out.
    """
    found: list[ast.AST] = [node]
    for part in found:
        found += statements_in(part) if isinstance(part, (*COMPOUND, *_CLAUSES)) else ()
    return [part for part in found if isinstance(part, ast.stmt)]


def definitions_in(node: ast.stmt) -> list[Definition]:
    """List the functions and classes that a statement defines."""
    return [part for part in parts_of(node) if isinstance(part, Definition)]


def first_line(node: ast.AST) -> int:
    """Return the number of the first line of a statement or lambda, including its decorators."""
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([getattr(node, "lineno", 1), *(part.lineno for part in decorators)])


def return_lines(node: AnyFunction) -> list[int]:
    """List the line numbers of a function's ``return`` statements, without inner functions'."""
    return [part.lineno for part in own_statements(node) if isinstance(part, ast.Return)]


def own_statements(node: AnyFunction) -> list[ast.stmt]:
    """List the statements of a function in order of their lines.

    The bodies of inner functions and classes are left out. A lambda has no statements.
    """
    waiting: list[ast.AST] = list(node.body) if not isinstance(node, ast.Lambda) else []
    for part in waiting:
        waiting += [] if isinstance(part, DEFINITIONS) else statements_in(part)
    found = [part for part in waiting if isinstance(part, ast.stmt)]
    return sorted(found, key=lambda part: part.lineno)


def assignments(node: ast.stmt) -> list[tuple[str, ast.expr]]:
    """List the names that an assignment binds, each with the expression of its value.

    ``a, b = 1, 2`` gives both names; ``a, b = f()`` gives none. Other statements give none.
    """
    if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
        return []
    found: list[tuple[str, ast.expr]] = []
    for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
        pairs = [(target, node.value)]
        if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
            pairs = list(zip(target.elts, node.value.elts, strict=False))
        found += [(name.id, value) for name, value in pairs if isinstance(name, ast.Name)]
    return found


LOOPS = (ast.For, ast.AsyncFor, ast.While)
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
COMPOUND = (ast.If, ast.Try, ast.With, ast.AsyncWith, ast.Match, ast.TryStar)

MUTATORS = frozenset(
    {"append", "extend", "insert", "update", "setdefault", "pop", "remove", "clear", "sort"}
    | {"reverse", "add", "discard"}
    | {"double", "float", "to", "apply"}  # a torch module's own changes
    | {"add_module", "register_module", "register_parameter", "register_buffer"}
    | {"add_argument", "set_defaults"}  # a parser's options
)
"""Names of methods that change their object."""

_SETTERS = frozenset({"setattr", "delattr"})
"""Names of functions that change their first argument."""

_HARMLESS = frozenset({"range", "zip", "enumerate", "len", "str", "int", "float", "round", "items"})
"""Names of functions that a loop may call and still only fill a container."""


def names_bound(node: ast.stmt) -> frozenset[str]:
    """Return the global names that a top-level statement binds or changes.

    ``x = …``, ``x += …``, ``x[k] = …``, ``x.a = …`` and ``x.append(…)`` all bind ``x``, because
    code that reads ``x`` needs these changes. A loop binds names only if it does nothing but fill
    containers, as other loops may train a network.
    """
    found: set[str | None] = set()
    # A loop and not recursion, because each `elif` is nested in the one before.
    waiting: list[ast.AST] = [node]
    while waiting:
        part = waiting.pop()
        if isinstance(part, DEFINITIONS):
            found.add(part.name)
        elif isinstance(part, LOOPS):
            found.update(_names_filled(part))
        elif isinstance(part, ast.alias):
            found.add(part.asname or part.name.partition(".")[0])
        elif isinstance(part, ast.Name | ast.Attribute | ast.Subscript):
            if isinstance(part.ctx, ast.Store):
                found.add(base_name(part))
            waiting += ast.iter_child_nodes(part)
        elif isinstance(part, ast.comprehension):
            waiting += [part.iter, *part.ifs]
        elif not isinstance(part, ast.Lambda) and getattr(part, "value", ...) is not None:
            if isinstance(part, ast.pattern):
                found |= {getattr(part, "name", None), getattr(part, "rest", None)}
            elif isinstance(part, ast.Expr):
                found.add(_changed_object(part.value))
            waiting += ast.iter_child_nodes(part)
    return frozenset(name for name in found if name not in (None, "*"))


def global_stores(node: ast.stmt) -> Iterator[ast.Name]:
    """Yield the nodes where a top-level statement assigns a global variable: ``x = …``, ``x += …``.

    Assignments inside functions, classes, lambdas and comprehensions are left out.
    """
    own_scope = (*DEFINITIONS, ast.Lambda, ast.comprehension)
    waiting: list[ast.AST] = [node]
    while waiting:
        part = waiting.pop()
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
            yield part
        elif not isinstance(part, own_scope):
            waiting += ast.iter_child_nodes(part)


def _names_filled(node: ast.stmt) -> Iterator[str]:
    """Yield the names of containers that a loop fills, as ``x`` in ``for k, v in …: x[k] = v``.

    Nothing is yielded for a loop that does anything else.
    """
    if not isinstance(node, ast.For) or not all(isinstance(s, ast.Assign) for s in node.body):
        return
    names = {last_name(call.func) for call in every(ast.Call, node)}
    targets = [t for s in node.body if isinstance(s, ast.Assign) for t in s.targets]
    if names <= _HARMLESS and all(isinstance(target, ast.Subscript) for target in targets):
        yield from (name for target in targets if (name := base_name(target)) is not None)


def base_name(node: ast.expr) -> str | None:
    """Return the name that an expression starts with: ``x`` for ``x[0].a``; None if it has none."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def last_name(node: ast.expr) -> str:
    """Return the name that an expression ends with: ``a`` for ``x[0].a``; empty if it has none."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def called_method(node: ast.AST) -> str:
    """Return the name of the method that a node calls: ``a`` for ``x.a()``; else an empty text."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return node.func.attr
    return ""


def _changed_object(value: ast.expr) -> str | None:
    """Return the name of the object that a call changes, or None.

    That is ``x`` for ``x.append(…)``, ``x.dropna(inplace=True)`` and ``setattr(x, …)``. Other calls
    may change objects too, but most of them only print, plot or train.
    """
    if isinstance(value, ast.Call) and last_name(value.func) in _SETTERS and value.args:
        return base_name(value.args[0])
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
        in_place = "inplace=True" in map(ast.unparse, value.keywords)
        if in_place or value.func.attr in MUTATORS:
            return base_name(value.func.value)
    return None


def stored_names(node: ast.AST) -> Iterator[str]:
    """Yield the names that are assigned anywhere in a node, except in lambdas."""
    waiting = [node]
    while waiting:
        part = waiting.pop()
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
            yield part.id
        if not isinstance(part, ast.Lambda):
            waiting.extend(ast.iter_child_nodes(part))


def names_in(node: ast.AST, kind: type[ast.expr_context] = ast.expr_context) -> set[str]:
    """Return the variable names in a tree that are used in one way: ``ast.Load``, ``ast.Store``.

    By default, names with any use are returned.
    """
    return {name.id for name in every(ast.Name, node) if isinstance(name.ctx, kind)}


@lru_cache(maxsize=100)
def unread_parameters(function: ast.AST) -> list[str]:
    """Return the parameters of a function and its inner functions that it never reads, sorted.

    ``self`` is left out.
    """
    parameters = {part.arg for part in every(ast.arg, function)}
    return sorted(parameters - names_in(function, ast.Load) - {"self"})


def names_in_class_bodies(node: ast.AST) -> set[str]:
    """Return the names that class bodies in a node use outside of their functions."""
    names: set[str] = set()
    for part in walk_statements(node):
        if isinstance(part, ast.ClassDef):
            waiting: list[ast.AST] = list(part.body)
            while waiting:
                child = waiting.pop()
                if isinstance(child, ast.Name):
                    names.add(child.id)
                elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                    waiting += [child.args, *child.decorator_list]
                    waiting += [child.returns] if child.returns else []
                elif not isinstance(child, ast.Lambda):
                    waiting.extend(ast.iter_child_nodes(child))
    return names


# --- effects of a function ---------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Effects:
    """The non-local names that a function ``reads``, and those that it sets or stores into."""

    reads: frozenset[str] = frozenset()
    writes: frozenset[str] = frozenset()


def _names_stored_into(node: ast.AST) -> set[str | None]:
    """Return the names of objects whose entries or attributes a node assigns or deletes."""
    parts = (part for part in walk(node) if isinstance(part, ast.Attribute | ast.Subscript))
    return {base_name(part) for part in parts if not isinstance(part.ctx, ast.Load)}


def effects_of(
    node: AnyFunction, methods: Collection[str] = (), modules: Collection[str] = ()
) -> Effects:
    """Return the non-local names that a function's own text reads and writes.

    The functions that it calls are not searched.

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
    stored = _names_stored_into(node)
    for part in walk(node):
        if isinstance(part, ast.Name):
            (reads if isinstance(part.ctx, ast.Load) else own).add(part.id)
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
        elif isinstance(part, (*DEFINITIONS, ast.ExceptHandler)):
            own.update({part.name or ""} if part is not node else ())
        elif isinstance(part, ast.Import | ast.ImportFrom):
            own.update(alias.asname or alias.name.partition(".")[0] for alias in part.names)
    outside = {name for name in stored if name is not None} | declared & own
    own -= declared
    return Effects(frozenset(reads - own), frozenset(outside - own))


def changes_itself(method: AnyFunction) -> bool:
    """Return whether a method stores into its object and has no loop.

    Such a method sets up its object; one with a loop may train it.
    """
    first = [arg.arg for arg in (*method.args.posonlyargs, *method.args.args)][:1]
    if any(isinstance(part, LOOPS) for part in walk(method)):
        return False
    return bool(_names_stored_into(method) & {*first})
