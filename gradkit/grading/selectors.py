"""Recognise changes that only choose another alternative among those that the code writes out.

``way = 1; return (x, -x, 2 * x)[way]`` holds the right formula, and says nothing about who knows
which of the three is right. Another value of ``way`` is no repair of a mistake. The decision is
made from the text alone, since student code must not take part in it.

A *selection* is an expression that takes one of several alternatives of the text by something
that no input can change: an index or a key, a condition of a branch, a comparison of constants. A
*chooser* is a function that returns one of its own arguments.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import zip_longest
from typing import TypeGuard

from gradkit.submission.source import parse

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda

LOOKUPS = frozenset({"get", "pop", "__getitem__", "getattr"})
"""Functions that take an alternative by the arguments that they are called with."""

NAMESPACES = frozenset({"globals", "locals", "vars"})
"""Functions whose results have every name of the text as a key."""


def is_selection(before: str, after: str, texts: Iterable[str] = ()) -> bool:
    r"""Tell whether a change of a text only selects among alternatives of the text.

    A text that is nested too deeply to be compared is taken for one.

    Parameters
    ----------
    before, after : str
        The text of a cell without and with the change.
    texts : iterable of str
        The other cells of the submission, in which a selected alternative may stand.

    Examples
    --------
    >>> text = "way = 1\ndef f(x):\n    return (x, -x)[way]\n"
    >>> is_selection(text, text.replace("1", "0"))
    True
    >>> is_selection(text, text.replace("-x", "2 * x"))
    False
    """
    try:
        old, new = parse(before).tree, parse(after).tree
        if old is None or new is None:
            return False
        selections = _selections_of((before, *texts))
        # The trees of the same text are compared, so that nodes are known by their place.
        paths = _differences((selections.trees[0],), new)
        return any(selections.holds(path) for path in paths)
    except RecursionError:
        return True


def written_choices(texts: Sequence[str]) -> Iterator[tuple[int, int]]:
    r"""Yield each line where a constant selects one of several formulas of the text.

    An instructor reads each line, so the rule is stricter than that of `is_selection`. Stored
    parameters, options of a function, and lists of a net's layers do not count.

    Parameters
    ----------
    texts : sequence of str
        The cells of a submission.

    Yields
    ------
    int, int
        The number of the text, and the line in it, in order.

    Examples
    --------
    >>> text = "way = 1\ndef f(x):\n    return (x, -x)[way]\n"
    >>> list(written_choices([text]))
    [(0, 3)]
    >>> list(written_choices([text.replace("way = 1", "way = input()")]))
    []
    """
    try:
        selections = _selections_of(tuple(texts))
        numbers = [number for number, text in enumerate(texts) if parse(text).tree is not None]
        for number, tree in zip(numbers, selections.trees, strict=True):
            lines = {
                node.lineno
                for node in ast.walk(tree)
                if isinstance(node, ast.expr | ast.stmt) and selections.is_written_choice(node)
            }
            yield from ((number, line) for line in sorted(lines))
    except RecursionError:
        return


@lru_cache(maxsize=4)
def _selections_of(texts: tuple[str, ...]) -> _Selections:
    """Return the selections of some texts; many changes of the same text are tried."""
    return _Selections([tree for text in texts if (tree := parse(text).tree) is not None])


def _is_counting(node: ast.AST) -> TypeGuard[ast.While]:
    """Return whether a node is a `while` loop that changes a name in its own condition.

    The number of rounds is a number of the exercise, and no choice among alternatives.
    """
    if not isinstance(node, ast.While):
        return False
    changed = {name for part in ast.walk(node) for name, _ in _bindings(part)}
    return bool(changed & _names(node.test))


Path = tuple[ast.AST, ...]
"""A node of the text before a change, below all nodes that it stands in."""


def _differences(path: Path, new: ast.AST) -> Iterator[Path]:
    """Yield the smallest nodes that a change replaces, takes out, or puts in."""
    old = path[-1]
    if type(old) is not type(new):
        yield path
        return
    for name in old._fields:
        one, other = getattr(old, name, None), getattr(new, name, None)
        if isinstance(one, ast.AST) and isinstance(other, ast.AST):
            yield from _differences((*path, one), other)
        elif isinstance(one, list) and isinstance(other, list):
            yield from _differences_of_lists(path, one, other)
        elif one != other:
            yield path if not isinstance(one, ast.AST) else (*path, one)
            if isinstance(other, ast.AST):
                yield (*path, other)


def _differences_of_lists(
    path: Path, old: Sequence[object], new: Sequence[object]
) -> Iterator[Path]:
    """Yield the smallest nodes that differ in two lists, such as the bodies of a function."""
    first = next((n for n, (a, b) in enumerate(zip_longest(old, new)) if not _same(a, b)), None)
    if first is None:
        return
    last = 0
    while last < min(len(old), len(new)) - first and _same(old[-1 - last], new[-1 - last]):
        last += 1
    gone, come = old[first : len(old) - last], new[first : len(new) - last]
    if len(gone) == len(come):
        for one, other in zip(gone, come, strict=True):
            if isinstance(one, ast.AST) and isinstance(other, ast.AST):
                yield from _differences((*path, one), other)
            else:
                yield path
        return
    for node in (*gone, *come):
        if isinstance(node, ast.AST):
            yield (*path, node)


def _same(one: object, other: object) -> bool:
    if isinstance(one, ast.AST) and isinstance(other, ast.AST):
        return ast.dump(one) == ast.dump(other)
    return one == other


class _Selections:
    """The selections of some texts: where they are, and which constants decide them."""

    def __init__(self, trees: Sequence[ast.Module]) -> None:
        self.trees = trees
        nodes = [node for tree in trees for node in ast.walk(tree)]
        self._values: dict[str, list[ast.expr | None]] = {}
        for node in nodes:
            for name, value in _bindings(node):
                self._values.setdefault(name, []).append(value)
        functions = [node for node in nodes if isinstance(node, Function)]
        self._varargs = {each.args.vararg.arg for each in functions if each.args.vararg}
        self._constants = _constant_names(self._values)
        self._counted = {_name_of(node.target) for node in nodes if isinstance(node, ast.AugAssign)}
        self._below = {id(each): rest for node in nodes for each, rest in _returning_ifs(node)}
        arguments = [node for node in nodes if isinstance(node, ast.arguments)]
        self._options = {name for each in arguments for name, _ in _parameters(each)}
        self._choosers = {*_choosers(nodes)}
        self._counts = {id(each.test) for each in nodes if _is_counting(each)}
        parts = [part for node in nodes for part in self._selecting(node)]
        self._positions = {id(part) for part in parts}
        self._deciding = self._names_behind(parts)

    def holds(self, path: Path) -> bool:
        """Tell whether a node that a change concerns is, stands in, or decides a selection."""
        if any(id(part) in self._positions for part in path):
            return True
        if any(isinstance(part, ast.Call) and self._chooses(part) for part in path):
            return True
        # With the whole node, the selections in it are replaced too.
        if any(self._is_choice(part) for part in ast.walk(path[-1])):
            return True
        bound = {name for part in path[1:] for name in _names_decided_at(part)}
        return bool(bound & self._deciding)

    def is_written_choice(self, node: ast.AST) -> bool:
        """Return whether a node selects one of several formulas of the text by a constant."""
        if isinstance(node, ast.Subscript):
            return self._is_key(node.slice) and self._has_formulas(self._among(node.value))
        if isinstance(node, ast.If | ast.IfExp):
            branches = [node.body, node.orelse or self._below.get(id(node), [])]
            return self._is_key(node.test, is_test=True) and self._has_formulas(
                _results_of_branches(branches)
            )
        if not isinstance(node, ast.Call):
            return False
        if self._chooses(node):
            return self._has_formulas(node.args)
        by = node.func.value if isinstance(node.func, ast.Attribute) else None
        looked_up = by is not None and _name_of(node.func) in LOOKUPS and bool(node.args)
        return looked_up and self._is_key(node.args[0]) and self._has_formulas(self._among(by))

    def _among(self, node: ast.expr | None) -> list[ast.expr]:
        """Return the elements that the text writes out for an expression or a name."""
        values = self._aliased(node.id) if isinstance(node, ast.Name) else [node]
        return [each for value in values if value is not None for each in _elements(value)]

    def _is_key(self, node: ast.expr, *, is_test: bool = False) -> bool:
        """Return whether a constant was written to select a formula.

        That is a constant with a name or, with ``is_test``, any constant in a condition. A counter
        does not count, nor the result of a call, nor in a condition an option of a function.
        """
        if not _is_constant(node, self._constants):
            return False
        names = self._names_behind([node])
        values = [value for name in names for value in self._values.get(name, []) if value]
        is_computed = any(isinstance(part, ast.Call) for each in values for part in ast.walk(each))
        if is_computed or names & self._counted or (is_test and names & self._options):
            return False
        return is_test or bool(names)

    def _has_formulas(self, found: Sequence[ast.expr]) -> bool:
        """Return whether expressions differ, and at least one is a formula of the inputs."""
        given = [each for each in found if not _is_constant(each, self._constants)]
        formulas = [each for each in given if isinstance(each, FORMULAS)]
        return bool(formulas) and len({ast.dump(each) for each in found}) > 1

    def _selecting(self, node: ast.AST) -> list[ast.expr]:
        """Return the parts of a node by which it selects, if these are constants."""
        parts: list[ast.expr] = []
        if isinstance(node, ast.Subscript) and self._is_choosable(node.value, node.slice):
            parts = [node.slice]
        elif isinstance(node, ast.If | ast.IfExp):
            parts = [node.test]
        elif isinstance(node, ast.Match):
            parts = [node.subject]
        elif isinstance(node, ast.Compare | ast.BoolOp) and id(node) not in self._counts:
            parts = [node]
        elif isinstance(node, ast.Call) and _name_of(node.func) in LOOKUPS:
            if not isinstance(node.func, ast.Attribute):
                # An attribute with a literal name is as good as written with a dot.
                parts = [each for each in node.args[1:2] if not isinstance(each, ast.Constant)]
            elif node.args and self._is_choosable(node.func.value, node.args[0]):
                parts = node.args[:1]
        return [part for part in parts if _is_constant(part, self._constants)]

    def _is_choosable(self, node: ast.expr, key: ast.expr) -> bool:
        """Tell an expression whose elements the text writes out, of which a key takes one.

        A name for several values that are stored under literal keys, such as a cache, is none.
        """
        if isinstance(node, ast.Call):
            return _name_of(node.func) in NAMESPACES
        if not isinstance(node, ast.Name):
            return len(_elements(node)) > 1
        if node.id in self._varargs:
            return True
        values = self._aliased(node.id)
        elements = [
            each for value in values if len(_elements(value)) > 1 for each in _elements(value)
        ]
        literal = isinstance(key, ast.Constant)
        stored = all(isinstance(each, ast.Name | ast.Constant | ast.Subscript) for each in elements)
        return bool(elements) and not (literal and stored)

    def _aliased(self, name: str) -> list[ast.expr]:
        """Return the expressions that a name stands for, directly or by other names."""
        seen, todo, found = {name}, [name], list[ast.expr]()
        while todo:
            for value in self._values.get(todo.pop(), []):
                if isinstance(value, ast.Name) and value.id not in seen:
                    seen.add(value.id)
                    todo.append(value.id)
                elif value is not None:
                    found.append(value)
        return found

    def _names_behind(self, parts: Iterable[ast.expr]) -> set[str]:
        """Return the names that decide the values of some constant expressions."""
        found: set[str] = set()
        todo = [*parts]
        while todo:
            names = _names(todo.pop()) - found
            found |= names
            todo += [value for name in names for value in self._values.get(name, []) if value]
        return found

    def _is_choice(self, node: ast.AST) -> bool:
        """Tell a node that itself takes one of several alternatives."""
        if isinstance(node, ast.Call) and self._chooses(node):
            return True
        chooses = isinstance(node, ast.Subscript | ast.If | ast.IfExp | ast.Match | ast.Call)
        return chooses and bool(self._selecting(node))

    def _chooses(self, call: ast.Call) -> bool:
        return _name_of(call.func) in self._choosers


def _elements(node: ast.expr) -> list[ast.expr]:
    """Return the elements of a tuple, a list or a dictionary that is written out."""
    if isinstance(node, ast.Dict):
        return node.values
    return node.elts if isinstance(node, ast.Tuple | ast.List) else []


FORMULAS = (ast.BinOp, ast.UnaryOp, ast.Call, ast.Lambda)
"""Kinds of expressions that compute a value from other values."""


def _returning_ifs(node: ast.AST) -> Iterator[tuple[ast.If, list[ast.stmt]]]:
    """Yield each `if` that ends with `return`, with the statements below it: its `else`."""
    for name in ("body", "orelse"):
        block = getattr(node, name, None)
        if not isinstance(block, list):
            continue
        for place, each in enumerate(block):
            if isinstance(each, ast.If) and isinstance(each.body[-1], ast.Return):
                yield each, block[place + 1 :]


def _results_of_branches(branches: Iterable[ast.expr | list[ast.stmt]]) -> list[ast.expr]:
    """Return the values that the branches of a condition give to the names that all of them set.

    A returned value counts as the value of a name that stands for the function's result.
    """
    given: list[dict[str, ast.expr]] = []
    for branch in branches:
        if isinstance(branch, ast.expr):
            given.append({"": branch})
            continue
        bound = {name: value for part in branch for name, value in _bindings(part) if value}
        returned = [part.value for part in branch if isinstance(part, ast.Return) and part.value]
        given.append({**bound, **({"": returned[0]} if returned else {})})
    common = set.intersection(*(set(each) for each in given))
    return [each[name] for name in sorted(common) for each in given]


CONSTANT = (
    ast.Constant,
    ast.Name,
    ast.Attribute,
    ast.UnaryOp,
    ast.BinOp,
    ast.BoolOp,
    ast.Compare,
    ast.IfExp,
    ast.JoinedStr,
    ast.FormattedValue,
    ast.Tuple,
    ast.List,
    ast.Dict,
    ast.Subscript,
    ast.Call,
)
"""Expressions that are constant where all names in them are."""

BUILT_IN = frozenset({"int", "bool", "str", "len", "abs", "round", "min", "max", "sum"})
"""Functions of Python that give a constant for constants."""


def _is_constant(node: ast.expr, constants: Collection[str]) -> bool:
    """Tell an expression that depends on nothing but ``constants`` of the text."""
    parts = [part for part in ast.walk(node) if isinstance(part, ast.expr)]
    known = all(isinstance(part, CONSTANT) for part in parts)
    return known and _names(node) <= {*constants, *BUILT_IN}


def _constant_names(values: Mapping[str, Sequence[ast.expr | None]]) -> set[str]:
    """Return the names of which every value depends on nothing but constants of the text."""
    waits: dict[str, set[str]] = {}
    needed_by: dict[str, list[str]] = {}
    for name, bound in values.items():
        whole = [value for value in bound if value is not None]
        names = {each for value in whole for each in _names(value)} - BUILT_IN
        if len(whole) == len(bound) and all(_is_constant(value, names) for value in whole):
            waits[name] = names
            for each in names:
                needed_by.setdefault(each, []).append(name)
    found: set[str] = set()
    todo = [name for name, names in waits.items() if not names]
    while todo:
        known = todo.pop()
        found.add(known)
        for name in needed_by.get(known, []):
            waits[name].discard(known)
            todo += [name] if not waits[name] and name not in found else []
    return found


def _bindings(node: ast.AST) -> Iterator[tuple[str, ast.expr | None]]:
    """Yield the names that a node binds itself, with their values; None for one from outside.

    A parameter with a default is bound to that: whoever calls the function may leave it out. A
    function is bound to its results, and an attribute is known by its last name.
    """
    if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign | ast.NamedExpr):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        for target in targets:
            yield from _unpacked(target, node.value)
    elif isinstance(node, ast.For | ast.AsyncFor | ast.comprehension):
        yield from ((name, None) for name in _names(node.target))
    elif isinstance(node, ast.arguments):
        yield from _parameters(node)
    elif isinstance(node, ast.FunctionDef):
        results = [part for part in ast.walk(node) if isinstance(part, ast.Return)]
        yield from ((node.name, result.value) for result in results)


def _unpacked(target: ast.expr, value: ast.expr | None) -> Iterator[tuple[str, ast.expr | None]]:
    """Yield the names of an assignment's target, with the part of the value that each gets."""
    if isinstance(target, ast.Name | ast.Attribute):
        yield _name_of(target), value
    elif isinstance(target, ast.Tuple | ast.List):
        parts = value.elts if isinstance(value, ast.Tuple | ast.List) else []
        for one, part in zip_longest(target.elts, parts[: len(target.elts)]):
            yield from _unpacked(one, part)


def _parameters(arguments: ast.arguments) -> Iterator[tuple[str, ast.expr | None]]:
    """Yield the parameters of a function with their defaults."""
    places = [*arguments.posonlyargs, *arguments.args]
    missing = [None] * (len(places) - len(arguments.defaults))
    for each, default in zip(places, [*missing, *arguments.defaults], strict=True):
        yield each.arg, default
    for each, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        yield each.arg, default
    if arguments.vararg:
        yield arguments.vararg.arg, None
    if arguments.kwarg:
        yield arguments.kwarg.arg, None


def _names(node: ast.AST) -> set[str]:
    """Return the names that an expression reads; of an attribute the last one, ``b`` of ``a.b``."""
    parts = [part for part in ast.walk(node) if isinstance(part, ast.Name | ast.Attribute)]
    owners = {id(part.value) for part in parts if isinstance(part, ast.Attribute)}
    return {_name_of(part) for part in parts if id(part) not in owners}


def _name_of(node: ast.expr) -> str:
    """Return the last part of a function's name: ``get`` of ``table.get``."""
    return node.id if isinstance(node, ast.Name) else getattr(node, "attr", "")


def _names_decided_at(node: ast.AST) -> set[str]:
    """Return the names whose values a node gives: those of an assignment, defaults, results."""
    return {name for name, value in _bindings(node) if value is not None}


# --- functions that return one of their arguments ----------------------------------------------


def _choosers(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Yield the names of the functions that return one of their own arguments."""
    for node in nodes:
        if isinstance(node, ast.FunctionDef) and _returns_an_argument(node, node.body):
            yield node.name
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda):
            targets = node.targets if _returns_an_argument(node.value, []) else []
            yield from (name for target in targets for name in _names(target))


def _returns_an_argument(function: Function, body: Sequence[ast.stmt]) -> bool:
    """Tell a function whose result is one of several arguments, whichever they are.

    A function that compares its arguments, as a maximum does, works something out.
    """
    parts = [part for statement in body for part in ast.walk(statement)]
    results = [part.value for part in parts if isinstance(part, ast.Return)]
    if isinstance(function, ast.Lambda):
        parts, results = [*ast.walk(function.body)], [function.body]
    every = function.args.vararg.arg if function.args.vararg else ""
    places = [each.arg for each in (*function.args.posonlyargs, *function.args.args)]
    leaves = [leaf for each in results for leaf in _leaves(each, every)]
    returned = {leaf.id for leaf in leaves if isinstance(leaf, ast.Name)}
    own = len(returned) == len({ast.dump(leaf) for leaf in leaves}) and returned <= {*places, every}
    several = len(returned) > 1 or every in returned - {""}
    tests = [part.test for part in parts if isinstance(part, ast.If | ast.IfExp)]
    tests += [part.slice for part in parts if isinstance(part, ast.Subscript)]
    read = {part.id for test in tests for part in ast.walk(test) if isinstance(part, ast.Name)}
    return own and several and not returned & read


def _leaves(node: ast.expr | None, every: str) -> Iterator[ast.expr]:
    """Yield the alternatives that an expression may be; ``every`` holds any number of arguments."""
    if isinstance(node, ast.IfExp):
        yield from _leaves(node.body, every)
        yield from _leaves(node.orelse, every)
    elif isinstance(node, ast.Subscript) and isinstance(node.value, ast.Tuple | ast.List):
        for each in node.value.elts:
            yield from _leaves(each, every)
    elif isinstance(node, ast.Subscript) and isinstance(node.value, ast.Dict):
        for value in node.value.values:
            yield from _leaves(value, every)
    elif isinstance(node, ast.Subscript) and every and _name_of(node.value) == every:
        yield node.value
    elif node is not None:
        yield node
