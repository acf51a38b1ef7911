"""Describe a section's functions: parameters, place of the text, and global names that they change.

Runs in the student's process, where student code can falsify the results. So they only decide which
functions are called, and at which line a mistake is shown.
"""

from __future__ import annotations

import ast
import inspect
import linecache
from collections.abc import Collection, Iterator, Mapping
from functools import partial
from types import FunctionType, MethodType, ModuleType
from typing import Any

from gradkit.runtime.library import LazyModule
from gradkit.runtime.messages import text_of
from gradkit.runtime.namespace import Namespace
from gradkit.runtime.syntax import (
    BORROWED,
    OWN,
    SHARED,
    AnyFunction,
    Effects,
    Statement,
    copy_tree,
    definitions_in,
    effects_of,
    every,
    first_line,
    plain,
    readable,
    return_lines,
    walk,
)

MAX_FUNCTIONS = 100
"""Most functions that are described besides those with wanted names; most parameters of each."""

MAX_UNWRAPPED = 40
"""Most objects that are unwrapped to find the text of one function."""

MAX_SIGNATURE = 300
"""Most characters of a signature."""

Names = Mapping[str, Any]
"""A `Namespace`, or the functions of a running notebook."""


def functions(names: Names, wanted: Collection[str]) -> list[dict[str, Any]]:
    """List descriptions of a section's functions, in increasing order of priority.

    Definitions are evaluated. A function that results from another statement, which may take long,
    is only created if its name is wanted. The list starts with definitions that cannot be called:
    methods, and definitions with wanted names that are not run or belong to another section.

    Parameters
    ----------
    names : mapping
        The section's names.
    wanted : collection of str
        Names of roles.

    Returns
    -------
    list of dict
        See `gradkit.binding.inspection.Function`.
    """
    texts, wanted = _FunctionTrees(names), {plain(name) for name in wanted}
    if not isinstance(names, Namespace):
        return [function for name in names for function in _entries_of(name, None, names, texts)]
    bound = _binding_statements(names)
    defined = [name for name, statement in bound.items() if _defines(names, name, statement)]
    chosen = {name for name in bound if plain(name) in wanted}.union(defined[-MAX_FUNCTIONS:])
    listed = [
        function
        for name, statement in bound.items()
        if name in chosen
        for function in _entries_of(name, statement, names, texts)
    ]
    return [
        *[*_uncallable_entries(names, bound, wanted)][-MAX_FUNCTIONS:],
        *listed[-2 * MAX_FUNCTIONS :],
    ]


def _binding_statements(names: Namespace) -> dict[str, Statement]:
    """Return for each bound name of a section the last statement that binds it.

    The names are ordered by their statements: those of other sections come first, then those that
    all sections share, then the section's own.
    """
    plan = names.plan
    bound = [name for number in (OWN, SHARED, BORROWED) for name in plan.layer(number).binders]
    found = {name: plan.resolve(name, None) for name in bound}
    for star in plan.stars():
        inner = names_of(names.starred(star))
        for name in inner.names() if inner is not None else ():
            found.setdefault(name, star)
    known = [(name, statement) for name, statement in found.items() if statement is not None]
    return dict(sorted(known, key=lambda item: (-item[1].layer, item[1].position)))


def names_of(module: object) -> Namespace | None:
    """Return the namespace of a module that the student wrote; None for all other values."""
    names = vars(module)["gradkit_names"] if type(module) is LazyModule else None
    return names if isinstance(names, Namespace) else None


def _defines(names: Namespace, name: str, statement: Statement | None) -> bool:
    """Return whether a statement only defines a function with this name, so that it runs quickly.

    That is a ``def``, a lambda that is assigned, or an import of such a function from a module that
    the student wrote. The result is False if there is no statement.
    """
    node = statement.node if statement is not None else None
    if isinstance(node, ast.Assign | ast.AnnAssign):
        return isinstance(node.value, ast.Lambda)
    if isinstance(node, ast.ImportFrom):
        inner = names_of(names.own_module(node.module or "")) if not node.level else None
        name = name if node.names[0].name == "*" else node.names[0].name
        return inner is not None and _defines(inner, name, inner.plan.resolve(name, None))
    return node is not None and any(
        isinstance(part, _FUNCTION_DEFINITIONS) and part.name == name
        for part in definitions_in(node)
    )


_FUNCTION_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def _uncallable_entries(
    names: Namespace, bound: Mapping[str, Statement], wanted: Collection[str]
) -> Iterator[dict[str, Any]]:
    """Yield descriptions of definitions that cannot be called.

    ``names`` is the section. These are methods, and definitions with ``wanted`` names that are
    invalid Python, stand under ``if __name__ == "__main__"``, or belong to another section.
    ``bound`` has the statement that binds each name. The descriptions are those of `_entry`.
    """
    for number in (SHARED, OWN):
        for name, (cell, line) in names.plan.layer(number).broken.items():
            if plain(name) in wanted and name not in bound:
                yield _entry(name, "broken", cell, line, _ANY_SIGNATURE)
    for statement in sorted(names.plan.statements(), key=lambda statement: -statement.layer):
        is_local = statement.layer != BORROWED
        for node in definitions_in(statement.node):
            is_hidden = statement.guarded if is_local else bound.get(node.name) is not statement
            if plain(node.name) in wanted and is_hidden:
                standing = "guarded" if is_local else "elsewhere"
                yield _unevaluated_entry(node, statement.cell, standing)
            elif is_local and isinstance(node, ast.ClassDef):
                for part in [part for part in node.body if isinstance(part, ast.FunctionDef)]:
                    yield _unevaluated_entry(part, statement.cell, "method", owner=node.name)


def _entries_of(
    name: str, statement: Statement | None, names: Names, texts: _FunctionTrees
) -> Iterator[dict[str, Any]]:
    """Yield the description of the function with a name, or nothing if its value is no function.

    ``names`` are the student's names. ``statement`` binds the name, and is None in a notebook. If
    the value cannot be created, the statement is described instead. ``texts`` finds the syntax tree
    of a function.
    """
    standing = "borrowed" if statement is not None and statement.layer == BORROWED else "own"
    try:
        unwrapped = _find_own_function(names[name], texts)
    except BaseException:
        # The error is reported when the function is called.
        if statement is not None and isinstance(statement.node, ast.FunctionDef):
            yield _unevaluated_entry(statement.node, statement.cell, standing)
        elif statement is not None:
            entry = _entry(name, "guess", statement.cell, statement.node.lineno, _ANY_SIGNATURE)
            yield {**entry, "signature": "(…)"}
        return
    if unwrapped is not None:
        called, function = unwrapped
        code, text = function.__code__, texts.node(function)
        entry = _entry(name, standing, code.co_filename, code.co_firstlineno, signature_of(called))
        yield entry if text is None else {**entry, "line": text.lineno, "last": _last_line(text)}


def _last_line(node: AnyFunction) -> int:
    """Return the line of a function's last ``return`` statement or, without one, its last line."""
    return max(return_lines(node), default=node.end_lineno or node.lineno)


def _entry(
    name: str, standing: str, cell: str, line: int, signature: inspect.Signature, owner: str = ""
) -> dict[str, Any]:
    """Return the JSON description of a function; see `gradkit.binding.inspection.Function`.

    ``name`` is the global name of the function, or that of the method. ``standing`` says where it
    is defined and whether it can be called: ``own``, ``borrowed``, ``guess``, ``broken``,
    ``guarded``, ``elsewhere`` or ``method``. ``cell`` and ``line`` are the place of its first line.
    ``owner`` is the class of a method.
    """
    listed = [*signature.parameters.values()][:MAX_FUNCTIONS]
    try:
        text = " ".join(str(signature).split())
    except BaseException:
        text = "(…)"
    return {
        "name": text_of(name, 80),
        "standing": standing,
        "cell": cell,
        "line": line,
        "last": line,
        "signature": text_of(text)
        if len(text) <= MAX_SIGNATURE
        else f"{text_of(text, MAX_SIGNATURE)}…)",
        "parameters": [
            [text_of(p.name, 80), p.kind.name, p.default is p.empty, type(p.default) is int]
            for p in listed
        ],
        "owner": text_of(owner, 80),
    }


_ANY_SIGNATURE = inspect.signature(lambda *args: None)


def signature_of(function: Any) -> inspect.Signature:
    """Return the signature of a function without annotations; ``(*args)`` if it has none."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return _ANY_SIGNATURE
    return inspect.Signature([p.replace(annotation=p.empty) for p in parameters])


def _unevaluated_entry(
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef,
    cell: str,
    standing: str,
    owner: str = "",
) -> dict[str, Any]:
    """Return the description of a definition from its text alone, without running any of it.

    ``cell`` is the file name of the text; ``standing`` is as for `_entry`. A definition with an
    ``owner``, the name of a class, is a method, which is described without its first parameter. A
    class has the signature ``(*args)``.
    """
    signature = _ANY_SIGNATURE
    if not isinstance(node, ast.ClassDef):
        arguments = copy_tree(node.args)
        for part in every(ast.arg, arguments):
            part.annotation = None
        arguments.defaults = [ast.Constant(...) for _ in arguments.defaults]
        arguments.kw_defaults = [default and ast.Constant(...) for default in arguments.kw_defaults]
        twin = ast.fix_missing_locations(ast.Expression(ast.Lambda(arguments, ast.Constant(None))))
        signature = inspect.signature(eval(compile(twin, cell, "eval")))  # noqa: S307  (no name is in it)
    if owner:
        signature = signature.replace(parameters=[*signature.parameters.values()][1:])
    entry = _entry(node.name, standing, cell, node.lineno, signature, owner)
    return entry if isinstance(node, ast.ClassDef) else {**entry, "last": _last_line(node)}


# --- the student's function in a value ---------------------------------------------------


class _FunctionTrees:
    """Finds the syntax tree of a student's function by its file, name and first line."""

    def __init__(self, names: Names) -> None:
        self._sources = names.sources() if isinstance(names, Namespace) else None
        self._nodes: dict[str, dict[tuple[str, int], AnyFunction]] = {}

    def has(self, value: object) -> bool:
        """Return whether a value is a function that the student's own text defines.

        In a notebook, all Python functions count as the student's.
        """
        if not isinstance(value, FunctionType):
            return False
        return self._sources is None or value.__code__.co_filename in self._sources

    def node(self, function: FunctionType) -> AnyFunction | None:
        """Return the syntax tree of a function's definition or lambda; None if it is not found."""
        code = function.__code__
        file = code.co_filename
        if file not in self._nodes:
            lines = linecache.getlines(file) if self._sources is None else [self._sources[file]]
            self._nodes[file] = {
                (getattr(node, "name", "<lambda>"), first_line(node)): node
                for node in walk(readable("".join(lines)))
                if isinstance(node, AnyFunction)
            }
        return self._nodes[file].get((code.co_name, code.co_firstlineno))


def _find_own_function(value: Any, texts: _FunctionTrees) -> tuple[Any, FunctionType] | None:
    """Unwrap a callable down to the student's own function that it calls in the end.

    Decorators, factories, ``partial``, methods and callable objects are unwrapped. A wrapper
    ``inner(*args, **kwargs)`` takes the parameters of the one function in its closure. ``texts``
    knows which functions are the student's.

    Returns
    -------
    tuple of (object, function) or None
        The callable whose signature counts, and the function; None if there is no such function.
    """
    outer = value
    for _ in range(MAX_UNWRAPPED):
        if isinstance(outer, type | ModuleType) or not callable(outer):
            return None
        inner = inspect.unwrap(outer)
        if isinstance(inner, partial):
            inner = inner.func
        elif isinstance(inner, MethodType):
            inner = inner.__func__
        elif not isinstance(inner, FunctionType) and texts.has(type(inner).__call__):
            inner = type(inner).__call__
        if texts.has(inner) and _has_named_parameter(value):
            return value, inner
        if inner is outer or isinstance(inner, FunctionType):
            contained = _contained_functions(inner) or _contained_functions(outer)
            if len(contained) != 1:
                return (value, inner) if texts.has(inner) else None
            value = inner = contained[0]
        outer = inner
    return None


def _has_named_parameter(function: Any) -> bool:
    """Return whether a function has any parameter besides ``*args`` and ``**kwargs``."""
    parameters = signature_of(function).parameters.values()
    return any(p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in parameters)


def _contained_functions(value: Any) -> list[Any]:
    """List the functions in the closure of a function, or in the attributes of any other object."""
    if isinstance(value, FunctionType):
        contents = [cell.cell_contents for cell in value.__closure__ or ()]
    else:
        contents = list(getattr(value, "__dict__", {}).values())
    return [item for item in contents if isinstance(item, FunctionType | MethodType | partial)]


# --- caches ------------------------------------------------------------------------------


def left_behind(names: Names, first: str, then: str) -> list[str]:
    """Return the sorted global names that function ``first`` writes and function ``then`` reads.

    Both include the functions that they call. The commonest example is a cache: the forward pass
    writes ``cache["A1"]``, or a name that it declares global, and the update reads it.
    """
    texts = _FunctionTrees(names)
    writes = _effects_with_helpers(names, first, texts).writes
    return sorted(writes & _effects_with_helpers(names, then, texts).reads) if writes else []


def _effects_with_helpers(names: Names, name: str, texts: _FunctionTrees) -> Effects:
    """Return the global names that a function reads and writes, by itself or through its helpers.

    ``name`` is the function's name among ``names``, those of the student. Helpers are all functions
    of the student that the function names, and that these name. ``texts`` finds their syntax trees.
    Both sets are empty if no function of the student has the name.
    """
    reads: set[str] = set()
    writes: set[str] = set()
    waiting: list[tuple[Names, str]] = [(names, name)]
    while waiting:
        context, name = waiting.pop()
        function = _function_named(context, name, texts)
        node = texts.node(function) if function is not None else None
        if function is None or node is None:
            continue
        effects = effects_of(node, *_methods_and_modules(function.__globals__))
        waiting += [(function.__globals__, read) for read in effects.reads - reads]
        reads |= effects.reads
        writes |= effects.writes
    return Effects(frozenset(reads), frozenset(writes))


def _function_named(names: Names, name: str, texts: _FunctionTrees) -> FunctionType | None:
    """Return the student's function with a global name, or None if there is none.

    ``texts`` knows which functions are the student's. Only a definition or an import may run to
    create the function; no other statement does. An error of such a statement gives None too.
    """
    if isinstance(names, Namespace) and name not in names:
        statement = names.plan.resolve(name, None)
        if statement is None or not isinstance(statement.node, _CHEAP_STATEMENTS):
            return None
    try:
        unwrapped = _find_own_function(names[name], texts)
    except BaseException:
        return None
    return unwrapped[1] if unwrapped is not None else None


_CHEAP_STATEMENTS = (ast.FunctionDef, ast.ImportFrom)


def _methods_and_modules(names: Names) -> tuple[set[str], set[str]]:
    """Return the names of all methods in the student's classes, and the names of imported modules.

    For the names of a running notebook, which is no `Namespace`, there are no methods.
    """
    if not isinstance(names, Namespace):
        return set(), {name for name, value in names.items() if isinstance(value, ModuleType)}
    nodes = [statement.node for statement in names.plan.statements()]
    classes = [node for node in nodes if isinstance(node, ast.ClassDef)]
    methods = {p.name for node in classes for p in node.body if isinstance(p, ast.FunctionDef)}
    imports = [alias for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    return methods, {alias.asname or alias.name.partition(".")[0] for alias in imports}
