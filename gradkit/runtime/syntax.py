"""Syntax trees, parsed once and walked without detours, and the global names of statements.

Trees that come from here are shared: whoever wants to change one copies it first.
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

_KEPT, _KEPT_LONG = 32, 2
_LONGEST = 50_000
"""How many trees are cached of texts up to this many characters, and of longer ones, which take
some ten megabytes each."""

_LEAVES = frozenset(
    kind
    for base in (ast.expr_context, ast.boolop, ast.operator, ast.unaryop, ast.cmpop)
    for kind in base.__subclasses__()
)
_PLAIN = _LEAVES | {str, int, type(None)}

_CLAUSES = (ast.ExceptHandler, ast.match_case)
_HOLDERS = (ast.stmt, *_CLAUSES)
"""What statements stand in: in nothing else can there be one."""


def parse(source: str) -> ast.Module:
    r"""Parse source, without Python's warnings about strings such as "\\d".

    Python refuses decimal numbers with more than `sys.get_int_max_str_digits` digits. A number
    of that size in another base, as ``0x`` with 20,000 digits, is refused here too: `ast.unparse`
    and `repr` raise a ValueError where a tree holds such a number.

    Raises
    ------
    SyntaxError, ValueError, RecursionError, MemoryError
        See `ast.parse`.
    """
    return _kept(source) if len(source) <= _LONGEST else _kept_long(source)


def _parse(source: str) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = ast.parse(source)
    # Walking a tree takes as long as parsing: few texts need it.
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


_kept = lru_cache(maxsize=_KEPT)(_parse)
_kept_long = lru_cache(maxsize=_KEPT_LONG)(_parse)


def readable(source: str) -> ast.Module:
    """Parse source; there is nothing in what is no Python."""
    try:
        return parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.Module([], [])


def walk(node: ast.AST) -> list[ast.AST]:
    """List the nodes of a tree as `ast.walk` does, but for operators and contexts.

    Only fields are read: IPython stores the parent of a node in the node; see `copy_tree`.
    """
    found = [node]
    for part in found:
        for name in part._fields:
            value: Any = getattr(part, name, None)
            kind = type(value)
            if kind is list:
                found += [
                    item for item in value if type(item) not in _PLAIN and isinstance(item, ast.AST)
                ]
            elif kind not in _PLAIN and isinstance(value, ast.AST):
                found.append(value)
    return found


Node = TypeVar("Node", bound=ast.AST)


def copy_tree(node: Node) -> Node:
    """Return a copy of a syntax tree that has the fields and positions of its nodes only.

    IPython stores the parent of each node that it has shown in a traceback, even in `ast.Load()`,
    which all trees share. `copy.deepcopy` would copy that other tree at each name.
    """
    if type(node) in _LEAVES:
        return node
    fields = {name: _copied(getattr(node, name)) for name in node._fields if hasattr(node, name)}
    return ast.copy_location(type(node)(**fields), node)


def _copied(value: object) -> object:
    if isinstance(value, list):
        return [_copied(item) for item in value]
    return copy_tree(value) if isinstance(value, ast.AST) else value


def every(kind: type[Node], node: ast.AST) -> list[Node]:
    """List the nodes of one kind in a tree, in the order of `walk`."""
    return [part for part in walk(node) if isinstance(part, kind)]


def walk_statements(node: ast.AST) -> list[ast.AST]:
    """List of `walk` what statements are, or stand in; no expression holds any."""
    found = [node]
    for part in found:
        found += statements_in(part)
    return found


def statements_in(node: ast.AST) -> list[ast.AST]:
    """Return the statements, handlers and cases directly below a node, in the order of the text."""
    found: list[ast.AST] = []
    for value in vars(node).values():
        if type(value) is list and value and isinstance(value[0], _HOLDERS):
            found += value
    return found


Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
AnyFunction = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


def parts_of(node: ast.stmt) -> list[ast.stmt]:
    """List a statement, and those in it that are run with it: of ``if``, ``try`` and ``with``."""
    found: list[ast.AST] = [node]
    for part in found:
        found += statements_in(part) if isinstance(part, (*COMPOUND, *_CLAUSES)) else ()
    return [part for part in found if isinstance(part, ast.stmt)]


def definitions_in(node: ast.stmt) -> list[Definition]:
    """List the functions and classes that a statement defines."""
    return [part for part in parts_of(node) if isinstance(part, Definition)]


def first_line(node: ast.AST) -> int:
    """Return the first line of a statement, or a lambda; decorators are part of it."""
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([getattr(node, "lineno", 1), *(part.lineno for part in decorators)])


def return_lines(node: AnyFunction) -> list[int]:
    """List the lines of ``return`` statements, those of inner functions left out."""
    return [part.lineno for part in own_statements(node) if isinstance(part, ast.Return)]


def own_statements(node: AnyFunction) -> list[ast.stmt]:
    """List the statements of a function by their lines, the bodies of inner ones left out."""
    waiting: list[ast.AST] = list(node.body) if not isinstance(node, ast.Lambda) else []
    for part in waiting:
        waiting += [] if isinstance(part, DEFINITIONS) else statements_in(part)
    found = [part for part in waiting if isinstance(part, ast.stmt)]
    return sorted(found, key=lambda part: part.lineno)


def assignments(node: ast.stmt) -> list[tuple[str, ast.expr]]:
    """List the names that an assignment binds to values of their own, with these."""
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
"""Methods that change their object."""

_SETTERS = frozenset({"setattr", "delattr"})
"""Functions that change what they are handed first."""

_HARMLESS = frozenset({"range", "zip", "enumerate", "len", "str", "int", "float", "round", "items"})
"""Calls in a loop that only fills something."""


def names_bound(node: ast.stmt) -> frozenset[str]:
    """Return the global names that a statement binds or changes, most loops left out.

    ``x = …``, ``x += …``, ``x[k] = …``, ``x.a = …`` and ``x.append(…)`` all count for
    ``x``: whoever wants ``x`` wants it with its changes. So does a loop that fills ``x`` and calls
    nothing that could train.
    """
    found: set[str | None] = set()
    # An `elif` stands in the one before, however many there are.
    waiting: list[ast.AST] = [node]
    while waiting:
        part = waiting.pop()
        if isinstance(part, DEFINITIONS):
            found.add(part.name)
        elif isinstance(part, LOOPS):
            found.update(_filled(part))
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
                found.add(_mutated(part.value))
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


def _filled(node: ast.stmt) -> Iterator[str]:
    """Yield ``x`` for ``for k, v in …: x[k] = v``, where that is all that is done."""
    if not isinstance(node, ast.For) or not all(isinstance(s, ast.Assign) for s in node.body):
        return
    names = {last_name(call.func) for call in every(ast.Call, node)}
    targets = [t for s in node.body if isinstance(s, ast.Assign) for t in s.targets]
    if names <= _HARMLESS and all(isinstance(target, ast.Subscript) for target in targets):
        yield from (name for target in targets if (name := base_name(target)) is not None)


def base_name(node: ast.expr) -> str | None:
    """Return the name that an expression starts from: ``x`` for ``x[0].a``."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def last_name(node: ast.expr) -> str:
    """Return the name that an expression ends with: ``a`` for ``x[0].a``; empty without one."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def called_method(node: ast.AST) -> str:
    """Return the method that an expression calls: ``a`` for ``x.a()``; empty where it is none."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return node.func.attr
    return ""


def _mutated(value: ast.expr) -> str | None:
    """Return ``x`` for ``x.append(…)``, ``x.dropna(inplace=True)`` and ``setattr(x, …)``.

    Other calls may do anything too, but are mostly shows and training.
    """
    if isinstance(value, ast.Call) and last_name(value.func) in _SETTERS and value.args:
        return base_name(value.args[0])
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
        in_place = "inplace=True" in map(ast.unparse, value.keywords)
        if in_place or value.func.attr in MUTATORS:
            return base_name(value.func.value)
    return None


def stored_names(node: ast.AST) -> Iterator[str]:
    """Yield the names that are assigned anywhere in ``node``, outside of functions."""
    waiting = [node]
    while waiting:
        part = waiting.pop()
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
            yield part.id
        if not isinstance(part, ast.Lambda):
            waiting.extend(ast.iter_child_nodes(part))


def names_in(node: ast.AST, kind: type[ast.expr_context] = ast.expr_context) -> set[str]:
    """Return the names below a node, of one kind of use."""
    return {name.id for name in every(ast.Name, node) if isinstance(name.ctx, kind)}


@lru_cache(maxsize=100)
def unread_parameters(function: ast.AST) -> list[str]:
    """Return the parameters that a function never reads, but for ``self``."""
    handed = {part.arg for part in every(ast.arg, function)}
    return sorted(handed - names_in(function, ast.Load) - {"self"})


def names_in_class_bodies(node: ast.AST) -> set[str]:
    """Return the names that class bodies in ``node`` read directly, outside of functions."""
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


# --- what a function changes -------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Effects:
    """Names outside of a function: those it ``reads``, and those it sets or stores into."""

    reads: frozenset[str] = frozenset()
    writes: frozenset[str] = frozenset()


def _stored_into(node: ast.AST) -> set[str | None]:
    """Return the names of what is given entries, or attributes, below a node."""
    parts = (part for part in walk(node) if isinstance(part, ast.Attribute | ast.Subscript))
    return {base_name(part) for part in parts if not isinstance(part.ctx, ast.Load)}


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
    stored = _stored_into(node)
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
    """Tell a method that stores into its object, and has no loop: it sets up and does not train."""
    first = [arg.arg for arg in (*method.args.posonlyargs, *method.args.args)][:1]
    if any(isinstance(part, LOOPS) for part in walk(method)):
        return False
    return bool(_stored_into(method) & {*first})
