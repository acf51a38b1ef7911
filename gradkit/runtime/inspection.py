"""Look at a section's functions as they are: what each takes, where its text stands, what it keeps.

Runs in the student's process, which can lie: what is told here says what is called, and where a
mistake is shown.
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
from gradkit.runtime.statements import BORROWED, OWN, SHARED, Statement, plain
from gradkit.runtime.syntax import (
    AnyFunction,
    Effects,
    copy_tree,
    definitions_in,
    effects_of,
    every,
    first_line,
    readable,
    return_lines,
    walk,
)

MOST = 100
"""Functions that are looked at, besides those of wanted names, and parameters of each."""

STEPS = 40
"""Objects that are looked at to find the text of one function."""

LONGEST = 300
"""Characters of a signature."""

Names = Mapping[str, Any]
"""A `Namespace`, or the functions of a running notebook."""


def functions(names: Names, wanted: Collection[str]) -> list[dict[str, Any]]:
    """List the functions of a section, in the order in which they count, the last one most.

    Definitions are made and looked at. What is made otherwise, and may take long, is so only if
    its name is wanted. Listed first are definitions that cannot be called: methods, and those of
    wanted names that are not run or belong to another section.

    Parameters
    ----------
    names : mapping
    wanted : collection of str
        Names of roles.

    Returns
    -------
    list of dict
        See `gradkit.binding.inspection.Function`.
    """
    texts, wanted = _Texts(names), {plain(name) for name in wanted}
    if not isinstance(names, Namespace):
        return [function for name in names for function in _described(name, None, names, texts)]
    made = _made(names)
    last = [name for name, statement in made.items() if _defines(names, name, statement)][-MOST:]
    chosen = {name for name in made if plain(name) in wanted}.union(last)
    listed = [
        function
        for name, statement in made.items()
        if name in chosen
        for function in _described(name, statement, names, texts)
    ]
    return [*[*_not_made(names, made, wanted)][-MOST:], *listed[-2 * MOST :]]


def _made(names: Namespace) -> dict[str, Statement]:
    """Map each name to the statement that makes it in the end; borrowed, shared, own."""
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
    """Return the names of a module that the student wrote."""
    names = vars(module)["gradkit_names"] if type(module) is LazyModule else None
    return names if isinstance(names, Namespace) else None


def _defines(names: Namespace, name: str, statement: Statement | None) -> bool:
    """Tell whether a statement makes a function as a definition does, and nothing else."""
    node = statement.node if statement is not None else None
    if isinstance(node, ast.Assign | ast.AnnAssign):
        return isinstance(node.value, ast.Lambda)
    if isinstance(node, ast.ImportFrom):
        inner = names_of(names.own_module(node.module or "")) if not node.level else None
        name = name if node.names[0].name == "*" else node.names[0].name
        return inner is not None and _defines(inner, name, inner.plan.resolve(name, None))
    return node is not None and any(
        isinstance(part, _CALLED) and part.name == name for part in definitions_in(node)
    )


_CALLED = (ast.FunctionDef, ast.AsyncFunctionDef)


def _not_made(
    names: Namespace, made: Mapping[str, Statement], wanted: Collection[str]
) -> Iterator[dict[str, Any]]:
    """Describe methods, and definitions of wanted names that are nobody's here, or no Python."""
    for number in (SHARED, OWN):
        for name, (cell, line) in names.plan.layer(number).broken.items():
            if plain(name) in wanted and name not in made:
                yield _entry(name, "broken", cell, line, _ANYTHING)
    for statement in sorted(names.plan.statements(), key=lambda each: -each.layer):
        near = statement.layer != BORROWED
        for node in definitions_in(statement.node):
            meant = plain(node.name) in wanted
            if meant and (statement.guarded if near else made.get(node.name) is not statement):
                yield _bare(node, statement.cell, "guarded" if near else "elsewhere")
            elif near and isinstance(node, ast.ClassDef):
                for part in [part for part in node.body if isinstance(part, ast.FunctionDef)]:
                    yield _bare(part, statement.cell, "method", owner=node.name)


def _described(
    name: str, statement: Statement | None, names: Names, texts: _Texts
) -> Iterator[dict[str, Any]]:
    standing = "borrowed" if statement is not None and statement.layer == BORROWED else "own"
    try:
        found = _behind(names[name], texts)
    except BaseException:
        # Whoever calls it is told what is wrong with it.
        if statement is not None and isinstance(statement.node, ast.FunctionDef):
            yield _bare(statement.node, statement.cell, standing)
        elif statement is not None:
            entry = _entry(name, "guess", statement.cell, statement.node.lineno, _ANYTHING)
            yield {**entry, "signature": "(…)"}
        return
    if found is not None:
        takes, function = found
        code, text = function.__code__, texts.node(function)
        entry = _entry(name, standing, code.co_filename, code.co_firstlineno, signature_of(takes))
        yield entry if text is None else {**entry, "line": text.lineno, "last": _last(text)}


def _last(node: AnyFunction) -> int:
    """Return the line of the last ``return`` statement or, without one, of the end."""
    return max(return_lines(node), default=node.end_lineno or node.lineno)


def _entry(
    name: str, standing: str, cell: str, line: int, takes: inspect.Signature, owner: str = ""
) -> dict[str, Any]:
    listed = [*takes.parameters.values()][:MOST]
    try:
        text = " ".join(str(takes).split())
    except BaseException:
        text = "(…)"
    return {
        "name": text_of(name, 80),
        "standing": standing,
        "cell": cell,
        "line": line,
        "last": line,
        "signature": text_of(text) if len(text) <= LONGEST else f"{text_of(text, LONGEST)}…)",
        "parameters": [
            [text_of(p.name, 80), p.kind.name, p.default is p.empty, type(p.default) is int]
            for p in listed
        ],
        "owner": text_of(owner, 80),
    }


_ANYTHING = inspect.signature(lambda *args: None)


def signature_of(function: Any) -> inspect.Signature:
    """Return what a function takes, without annotations; anything where it does not say."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return _ANYTHING
    return inspect.Signature(
        [each.replace(annotation=each.empty) for each in signature.parameters.values()]
    )


def _bare(
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef,
    cell: str,
    standing: str,
    owner: str = "",
) -> dict[str, Any]:
    """Describe a definition of which nothing is run; a method without its first parameter."""
    takes = _ANYTHING
    if not isinstance(node, ast.ClassDef):
        arguments = copy_tree(node.args)
        for part in every(ast.arg, arguments):
            part.annotation = None
        arguments.defaults = [ast.Constant(...) for _ in arguments.defaults]
        arguments.kw_defaults = [each and ast.Constant(...) for each in arguments.kw_defaults]
        made = ast.fix_missing_locations(ast.Expression(ast.Lambda(arguments, ast.Constant(None))))
        takes = inspect.signature(eval(compile(made, cell, "eval")))  # noqa: S307  (no name is in it)
    if owner:
        takes = takes.replace(parameters=[*takes.parameters.values()][1:])
    entry = _entry(node.name, standing, cell, node.lineno, takes, owner)
    return entry if isinstance(node, ast.ClassDef) else {**entry, "last": _last(node)}


# --- what stands behind a value ----------------------------------------------------------


class _Texts:
    """Finds the text of the student's own functions, by file and first line."""

    def __init__(self, names: Names) -> None:
        self._sources = names.sources() if isinstance(names, Namespace) else None
        self._nodes: dict[str, dict[tuple[str, int], AnyFunction]] = {}

    def has(self, value: object) -> bool:
        """Tell whether this is a function of the student's own."""
        if not isinstance(value, FunctionType):
            return False
        return self._sources is None or value.__code__.co_filename in self._sources

    def node(self, function: FunctionType) -> AnyFunction | None:
        """Return the definition or the lambda that a function was made from."""
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


def _behind(value: Any, texts: _Texts) -> tuple[Any, FunctionType] | None:
    """Return what says the parameters, and the student's own function that is called in the end.

    Decorators, factories, ``partial``, methods and callable objects are looked through. What
    takes anything, as in ``inner(*args, **kwargs)``, takes what the one function in it does.
    """
    text = value
    for _ in range(STEPS):
        if isinstance(text, type | ModuleType) or not callable(text):
            return None
        inner = inspect.unwrap(text)
        if isinstance(inner, partial):
            inner = inner.func
        elif isinstance(inner, MethodType):
            inner = inner.__func__
        elif not isinstance(inner, FunctionType) and texts.has(type(inner).__call__):
            inner = type(inner).__call__
        if texts.has(inner) and _says(value):
            return value, inner
        if inner is text or isinstance(inner, FunctionType):
            held = _held(inner) or _held(text)
            if len(held) != 1:
                return (value, inner) if texts.has(inner) else None
            value = inner = held[0]
        text = inner
    return None


def _says(function: Any) -> bool:
    """Tell whether a function has any parameter of its own."""
    parameters = signature_of(function).parameters.values()
    return any(each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD) for each in parameters)


def _held(value: Any) -> list[Any]:
    """List the functions that a function has in its closure, or an object among its attributes."""
    if isinstance(value, FunctionType):
        held = [cell.cell_contents for cell in value.__closure__ or ()]
    else:
        held = list(getattr(value, "__dict__", {}).values())
    return [one for one in held if isinstance(one, FunctionType | MethodType | partial)]


# --- what a function leaves behind -------------------------------------------------------


def left_behind(names: Names, first: str, then: str) -> list[str]:
    """Return the names that a function or its helpers write, and another or its helpers read.

    The commonest form is a cache: the forward pass writes ``cache["A1"]``, or a name that it
    declares global, and the update reads it.
    """
    texts = _Texts(names)
    writes = _with_helpers(names, first, texts).writes
    return sorted(writes & _with_helpers(names, then, texts).reads) if writes else []


def _with_helpers(names: Names, name: str, texts: _Texts) -> Effects:
    """Return the effects of a function, with those of all functions that it names."""
    reads: set[str] = set()
    writes: set[str] = set()
    waiting: list[tuple[Names, str]] = [(names, name)]
    while waiting:
        around, name = waiting.pop()
        function = _helper(around, name, texts)
        node = texts.node(function) if function is not None else None
        if function is None or node is None:
            continue
        found = effects_of(node, *_methods_and_modules(function.__globals__))
        waiting += [(function.__globals__, read) for read in found.reads - reads]
        reads |= found.reads
        writes |= found.writes
    return Effects(frozenset(reads), frozenset(writes))


def _helper(names: Names, name: str, texts: _Texts) -> FunctionType | None:
    """Return the function of a name, as far as nothing else has to be run to make it."""
    if isinstance(names, Namespace) and name not in names:
        statement = names.plan.resolve(name, None)
        if statement is None or not isinstance(statement.node, _HELPERS):
            return None
    try:
        found = _behind(names[name], texts)
    except BaseException:
        return None
    return found[1] if found is not None else None


_HELPERS = (ast.FunctionDef, ast.ImportFrom)


def _methods_and_modules(names: Names) -> tuple[set[str], set[str]]:
    """Names of methods that the student wrote, and of modules."""
    if not isinstance(names, Namespace):
        return set(), {name for name, value in names.items() if isinstance(value, ModuleType)}
    nodes = [statement.node for statement in names.plan.statements()]
    classes = [node for node in nodes if isinstance(node, ast.ClassDef)]
    methods = {p.name for node in classes for p in node.body if isinstance(p, ast.FunctionDef)}
    imports = [alias for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    return methods, {alias.asname or alias.name.partition(".")[0] for alias in imports}
