"""Parse source into cached syntax trees, search them, and find the global names of statements.

Trees returned by `parse` are shared. Copy one with `copy_tree` before you change it.
"""

from __future__ import annotations

import ast
import builtins
import copy
import re
import sys
import unicodedata
import warnings
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from types import CodeType
from typing import Any, TypeVar

from gradkit.runtime.messages import Message, message

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
    """Return whether a method sets attributes or entries of its object, and has no loop.

    Such a method sets up its object; one with a loop may train it.
    """
    first = [arg.arg for arg in (*method.args.posonlyargs, *method.args.args)][:1]
    if any(isinstance(part, LOOPS) for part in walk(method)):
        return False
    return bool(_names_stored_into(method) & {*first})


Source = tuple[str, str]
"""A cell's id and its source."""

_CELL_ID = re.compile(r"(?P<file>.*?)(?:\[(?P<cell>\d+)\]|:(?P<line>\d+))?(?:\+(?P<cut>\d+))?")
_DEFAULTS = frozenset({"set_default_dtype"})
"""Functions that change the results of their whole package, on which all its names depend."""

BROKEN = re.compile(r"^(?:def|class)\s+(\w+)|^(\w+)\s*=[^=]", re.MULTILINE)
"""Finds names that source which is not valid Python was going to bind."""


@dataclass(eq=False, slots=True)
class Statement:
    """One top-level statement; an import of several names is split into one for each name.

    ``layer`` is the number of its layer, and ``position`` its index there. ``guarded`` statements
    stand under ``if __name__ == "__main__"``.
    """

    cell: str
    node: ast.stmt
    layer: int
    position: int
    binds: frozenset[str]
    flags: int = 0
    guarded: bool = False


@dataclass(slots=True)
class CodeLayer:
    """The statements of some cells, and the statements that bind each name, in order.

    ``functions`` and ``methods`` are definitions by name: a call of one at top level binds the
    names that it changes. ``elsewhere`` says for names that no top-level statement binds why they
    have no value. ``stars`` are the star imports. ``broken`` has cell and line of names whose
    definition is not valid Python.
    """

    number: int = 0
    statements: list[Statement] = field(default_factory=list)
    binders: dict[str, list[Statement]] = field(default_factory=dict)
    guarded: dict[str, list[Statement]] = field(default_factory=dict)
    stars: list[Statement] = field(default_factory=list)
    elsewhere: dict[str, Message] = field(default_factory=dict)
    functions: dict[str, ast.FunctionDef] = field(default_factory=dict)
    methods: dict[str, list[ast.FunctionDef]] = field(default_factory=dict)
    broken: dict[str, tuple[str, int]] = field(default_factory=dict)


def layer_of(sources: Iterable[Source], number: int = 0) -> CodeLayer:
    """Parse cells, and return their statements with the names that these bind, as a layer.

    ``sources`` are the cells, and ``number`` is that of the layer: `OWN`, `SHARED` or `BORROWED`.
    The names in a cell that is not valid Python are listed in ``elsewhere`` and ``broken`` of the
    layer.
    """
    layer = CodeLayer(number)
    flags = 0
    for cell, source in sources:
        try:
            tree = parse(source)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            line = getattr(error, "lineno", None) or 1
            reason = getattr(error, "msg", None) or type(error).__name__
            for match in BROKEN.finditer(source):
                name, place = match[1] or match[2], place_of(cell, line)
                reason_message = message("no-python", name=name, place=place, reason=reason)
                layer.elsewhere.setdefault(name, reason_message)
                layer.broken[name] = cell, line
            continue
        flags |= _future_flags(tree)
        for node, guarded in _top_level_statements(tree.body, guarded=False):
            if isinstance(node, ast.FunctionDef):
                layer.functions[node.name] = node
            elif isinstance(node, ast.ClassDef):
                for part in node.body:
                    if isinstance(part, ast.FunctionDef):
                        layer.methods.setdefault(part.name, []).append(part)
            _add_statement(layer, cell, node, flags, guarded)
    for name in layer.elsewhere.keys() & layer.binders.keys():
        del layer.elsewhere[name]
    return layer


def _add_statement(layer: CodeLayer, cell: str, node: ast.stmt, flags: int, guarded: bool) -> None:
    """Append a statement of a cell to a layer, and register the names that it binds.

    ``cell`` is the id of the cell, ``node`` the statement, and ``flags`` are compiler flags.
    ``guarded`` says that the statement stands under ``if __name__ == "__main__"``. The names of a
    guarded statement, or of a loop that is never run, are listed in ``elsewhere`` of the layer.
    """
    names = names_bound(node)
    if isinstance(node, ast.Expr | ast.Assign) and isinstance(node.value, ast.Call):
        names |= _names_changed_by_call(layer, node.value)
    elif isinstance(node, ast.ClassDef) and "__init_subclass__" in layer.methods:
        names |= {base.id for base in node.bases if isinstance(base, ast.Name)}
    position = len(layer.statements)
    statement = Statement(cell, node, layer.number, position, names, flags, guarded)
    layer.statements.append(statement)
    if isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
        layer.stars.append(statement)
        return
    binders = layer.guarded if guarded else layer.binders
    for name in names:
        binders.setdefault(name, []).append(statement)
    place = place_of(cell, node.lineno)
    if guarded:
        layer.elsewhere |= {name: message("main-guard", name=name, place=place) for name in names}
    elif isinstance(node, LOOPS) and not names:
        for name in stored_names(node):
            layer.elsewhere.setdefault(name, message("loop", name=name, place=place))


def _names_changed_by_call(layer: CodeLayer, call: ast.Call) -> frozenset[str]:
    """Return the global names that a top-level call changes, unless the call may train a network.

    ``layer`` has the definitions. Names are changed by a call of a function in it, of a method of
    its objects, or of a function that sets a default of a package, as ``torch.set_default_dtype``.
    A function or method with a loop may train; of such a function only the names that it declares
    global are returned.
    """
    if last_name(call.func) in _DEFAULTS:
        return _names_from_package_of(layer, base_name(call.func) or "")
    if isinstance(call.func, ast.Name):
        function = layer.functions.get(call.func.id)
        if function is None:
            return frozenset()
        declared = frozenset(name for part in every(ast.Global, function) for name in part.names)
        if any(isinstance(part, LOOPS) for part in walk(function)):
            return declared
        imported = {
            name for name, binders in layer.binders.items() if _imported_package(binders[0])
        }
        return declared | effects_of(function, modules=imported).writes
    # ``opt.set("W", 0.001).set("b", 0.01)``
    func: ast.expr = call
    changes_own = False
    while isinstance(func, ast.Call | ast.Attribute):
        if isinstance(func, ast.Attribute):
            changes_own = changes_own or any(map(changes_itself, layer.methods.get(func.attr, ())))
            func = func.value
        else:
            func = func.func
    return frozenset({func.id} if changes_own and isinstance(func, ast.Name) else ())


def _names_from_package_of(layer: CodeLayer, name: str) -> frozenset[str]:
    """Return all names of a layer that are imported from the same package as a given name.

    The result is empty if that name is not imported.
    """
    packages = {other: _imported_package(binders[0]) for other, binders in layer.binders.items()}
    own_package = packages.get(name)
    return frozenset(
        other for other, package in packages.items() if own_package and package == own_package
    )


def _imported_package(statement: Statement) -> str:
    """Return the package that a statement imports from; an empty text if it is no import."""
    node = statement.node
    if isinstance(node, ast.ImportFrom):
        return (node.module or "").partition(".")[0]
    return node.names[0].name.partition(".")[0] if isinstance(node, ast.Import) else ""


def _future_flags(tree: ast.Module) -> int:
    """Return the compiler flag of ``from __future__ import annotations`` if there is one, or 0."""
    imported = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    names = {alias.name for node in imported for alias in node.names if node.module == "__future__"}
    return annotations.compiler_flag if "annotations" in names else 0


def _top_level_statements(
    body: Sequence[ast.stmt], *, guarded: bool
) -> Iterator[tuple[ast.stmt, bool]]:
    """Yield the statements of a module, each with whether it is guarded.

    A guarded statement stands under ``if __name__ == "__main__"``; ``guarded`` says that all of
    ``body`` does. Guarded blocks are replaced by their statements, and an import of several names
    by one for each name. Imports from ``__future__`` are left out.
    """
    for node in body:
        if isinstance(node, ast.Import) or (
            isinstance(node, ast.ImportFrom) and node.module != "__future__"
        ):
            for alias in node.names:
                single_import = copy.copy(node)
                single_import.names = [alias]
                yield single_import, guarded
        elif is_main_guard(node):
            yield from _top_level_statements(node.body, guarded=True)  # type: ignore[attr-defined]
        elif not isinstance(node, ast.ImportFrom):
            yield node, guarded


def is_main_guard(node: ast.stmt) -> bool:
    """Return whether a statement is ``if __name__ == "__main__":``, or another test of the name."""
    return isinstance(node, ast.If) and "__name__" in names_in(node.test)


# --- places ------------------------------------------------------------------------------


def place_of(cell: str, line: int) -> Message | str:
    """Return a place for messages from a cell's id and a line in the cell.

    The id is ``hw.ipynb[5]`` for a cell of a notebook, or ``hw.py``. It may end with ``:8``, the
    line of the file at which the cell starts, and with ``+3``, the line of the cell at which a
    piece of it starts.
    """
    match = _CELL_ID.fullmatch(cell)
    if match is None:
        return f"{cell}:{line}"
    line += int(match["line"] or 1) - 1 + int(match["cut"] or 1) - 1
    if match["cell"]:
        return message("cell", cell=match["cell"], line=line)
    return f"{match['file']}:{line}"


OWN, SHARED, BORROWED = 0, 1, 2
"""Numbers of layers: the section's own cells, cells shared by all sections, other sections'."""

_ORDERS = {
    None: (OWN, SHARED, BORROWED),
    OWN: (SHARED, OWN, BORROWED),
    SHARED: (SHARED, OWN, BORROWED),
    BORROWED: (SHARED, BORROWED, OWN),
}
"""By layer of a statement, the layers to search for a name that nothing above it binds. None is for
names as they are at the end."""


class Plan:
    """The statements of a section, to look up the statement that binds a name at some point.

    Layers are parsed when they are first needed.

    Parameters
    ----------
    sources : sequence of three iterables of (cell id, source)
        The cells of the own, shared and borrowed layers.
    forbidden : collection of str
        Names that borrowed cells do not bind, ignoring case and underscores, except by an import.
    """

    def __init__(self, sources: Sequence[Iterable[Source]], forbidden: Collection[str]) -> None:
        """Store the sources of the three layers, own, shared and borrowed, without parsing them.

        ``forbidden`` are names that borrowed cells do not bind, see `Plan`.
        """
        self._sources = [list(part) for part in sources]
        self._layers: list[CodeLayer | None] = [None] * len(self._sources)
        self._forbidden = {plain(name) for name in forbidden}
        self.cells = frozenset(cell for part in self._sources for cell, _ in part)
        self.versions: set[str] = set()
        """Names that more than one statement binds, in the layers parsed so far."""

    def sources(self) -> dict[str, str]:
        """Return the sources of all cells by the ids of the cells."""
        return dict(source for part in self._sources for source in part)

    def layer(self, number: int) -> CodeLayer:
        """Return the own, shared or borrowed layer of code, which is parsed on the first call.

        ``number`` is `OWN`, `SHARED` or `BORROWED`.
        """
        layer = self._layers[number]
        if layer is None:
            layer = self._layers[number] = layer_of(self._sources[number], number)
            counts: dict[str, int] = {}
            for part in self._layers:
                for binders in (part.binders, part.guarded) if part is not None else ():
                    for name, statements in binders.items():
                        counts[name] = counts.get(name, 0) + len(statements)
            self.versions = {name for name, count in counts.items() if count > 1}
        return layer

    def resolve(self, name: str, at: Statement | None) -> Statement | None:
        """Return the statement that gives a name its value where statement ``at`` runs, or None.

        If ``at`` is None, return the one that gives the name its value at the end of the section.
        """
        binder = self._last_binder_above(name, at) if at is not None else None
        if binder is None:
            for number in _ORDERS[None if at is None else at.layer]:
                binders = self._binders(number, name)
                if binders:
                    return binders[-1]
        return binder

    def earlier(self, name: str, statement: Statement) -> Statement | None:
        """Return the last statement that binds a name before another statement, or None.

        Statements in the same layer are searched first, and then the layers with larger numbers.
        """
        binder = self._last_binder_above(name, statement)
        for number in range(statement.layer + 1, len(self._layers)):
            binders = () if binder else self._binders(number, name)
            binder = binders[-1] if binders else binder
        return binder

    def at(self, cell: str, line: int) -> Statement | None:
        """Return the statement that begins at a line of a cell, or None."""
        return next((s for s in self.statements() if (s.cell, s.node.lineno) == (cell, line)), None)

    def statements(self) -> Iterator[Statement]:
        """Yield all statements: own, then shared, then borrowed ones."""
        for number in (OWN, SHARED, BORROWED):
            yield from self.layer(number).statements

    def stars(self) -> list[Statement]:
        """Return the star imports in the order in which they are searched for a name."""
        own, shared = self.layer(OWN).stars, self.layer(SHARED).stars
        return [*reversed(own), *reversed(shared)]

    def elsewhere(self, name: str) -> Message | None:
        """Return a message that says why a name has no value; None if no reason is known.

        The reason is a binding in code that is not run, such as a loop that may train.
        """
        return self.layer(OWN).elsewhere.get(name) or self.layer(SHARED).elsewhere.get(name)

    def _last_binder_above(self, name: str, at: Statement) -> Statement | None:
        """Return the last statement above ``at`` in the same layer that binds a name, or None.

        Guarded statements are searched only if ``at`` is guarded itself.
        """
        binders = self._binders(at.layer, name)
        if at.guarded:
            guarded = self.layer(at.layer).guarded.get(name, [])
            binders = sorted([*binders, *guarded], key=lambda binder: binder.position)
        return next((b for b in reversed(binders) if b.position < at.position), None)

    def _binders(self, number: int, name: str) -> list[Statement]:
        """Return the statements that bind a name in the layer with a number, in order.

        Of forbidden names in the borrowed layer, only imports are returned.
        """
        if self._layers[number] is None and not self._may_bind(number, name):
            return []
        binders = self.layer(number).binders.get(name, [])
        if number == BORROWED and plain(name) in self._forbidden:
            # An imported name plays no role: `nn` is not a student's network.
            return [b for b in binders if isinstance(b.node, ast.Import | ast.ImportFrom)]
        return binders

    def _may_bind(self, number: int, name: str) -> bool:
        """Return whether the text of an unparsed layer, given by its number, may bind a name.

        This avoids parsing: for a builtin, which code reads often and binds rarely, the text must
        look like a binding; for other names it must only occur.
        """
        if not hasattr(builtins, name):
            return any(name in source for _, source in self._sources[number])
        bound = re.compile(rf"(?:\b(?:def|class|as|import)\s|,|^)\s*{name}\b", re.MULTILINE)
        return any(bound.search(source) for _, source in self._sources[number])


def compile_statement(node: ast.stmt | ast.Module, statement: Statement) -> CodeType:
    """Compile a statement, or a rewritten version of it, and return the code.

    ``node`` is compiled with the compiler flags of ``statement``, and with its cell as file name.
    """
    module = node if isinstance(node, ast.Module) else ast.Module([node], [])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        code: CodeType = compile(
            module, statement.cell, "exec", flags=statement.flags, dont_inherit=True
        )
    return code


def is_called(name: str, aliases: Iterable[str]) -> bool:
    """Return whether a name is one of the aliases, ignoring case and underscores."""
    return plain(name) in {plain(alias) for alias in aliases}


def plain(name: str) -> str:
    """Return a name in lower case without underscores, for comparison."""
    return name.lower().replace("_", "")


def calls_method(node: ast.AST, method: str) -> bool:
    """Return whether a method with this name is called anywhere in a node, on any object."""
    return any(called_method(part) == method for part in walk(node))


def trains(node: ast.AST) -> bool:
    """Return whether a node trains a torch model.

    It does if it calls ``.backward()`` and also uses ``step``, ``zero_grad`` or ``grad``.
    """
    names = {part.attr for part in every(ast.Attribute, node)}
    return calls_method(node, "backward") and not names.isdisjoint(("step", "zero_grad", "grad"))


def may_train(source: str) -> bool:
    """Return whether a source may train a torch model, without parsing it.

    Names are compared in their NFKC form, as Python does.
    """
    return "backward" in source or (
        not source.isascii() and "backward" in unicodedata.normalize("NFKC", source)
    )


def count_of(loop: ast.stmt) -> ast.Call | None:
    """Return the call in a loop's head that counts its rounds (epochs), or None.

    That is ``range(…)``, also inside ``tqdm``, ``enumerate`` or ``list``; or ``trange``,
    ``np.arange``, ``torch.arange``. A range over the length of something counts examples and not
    rounds, so it is not returned.
    """
    if not isinstance(loop, ast.For | ast.AsyncFor):
        return None
    head: ast.expr = loop.iter
    while isinstance(head, ast.Call):
        name = last_name(head.func)
        if name in ("range", "trange", "arange", "tnrange") and head.args:
            counts_examples = any(
                (isinstance(part, ast.Name) and part.id == "len")
                or (isinstance(part, ast.Attribute) and part.attr in ("shape", "size"))
                for argument in head.args
                for part in walk(argument)
            )
            return None if counts_examples else head
        if name not in ("tqdm", "enumerate", "list", "tqdm_notebook", "track", "reversed"):
            return None
        head = head.args[0] if head.args else ast.Constant(None)
    return None
