"""Recognise changes that only select another one of several formulas in the code.

``way = 1; return (x, -x, 2 * x)[way]`` contains the right formula, but does not show that the
student knows which of the three is right. So another value of ``way`` is no repair of a mistake.
This is decided from the text alone, because student code must not influence it.

A *selection* is an expression that takes one of several alternatives by something that no input
can change: an index or a key, the condition of a branch, or a comparison of constants. A *chooser*
is a function that returns one of its own arguments.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import zip_longest
from typing import TypeGuard

from gradkit.submission.source import parse

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
"""A syntax node that defines a function."""

LOOKUPS = frozenset({"get", "pop", "__getitem__", "getattr"})
"""Functions and methods that return the value for a key, which is their argument."""

NAMESPACES = frozenset({"globals", "locals", "vars"})
"""Functions that return a dictionary of names, so that a key selects a function or a number."""


def is_selection(before: str, after: str, texts: Iterable[str] = ()) -> bool:
    r"""Return whether a change of a text only selects another alternative of the text.

    The result is also true for a text that is nested too deeply to be compared.

    Parameters
    ----------
    before, after : str
        The text of a cell without and with the change.
    texts : iterable of str
        The other cells of the submission, which may contain alternatives too.

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
        # `selections` knows nodes by their identity, so its own tree is compared.
        paths = _differences((selections.trees[0],), new)
        kept = selections.kept_in(new)
        return any(selections.is_affected(path, kept) for path in paths)
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

    Such a condition limits the number of rounds, and does not select an alternative.
    """
    if not isinstance(node, ast.While):
        return False
    changed = {name for part in ast.walk(node) for name, _ in _bindings(part)}
    return bool(changed & _names(node.test))


Path = tuple[ast.AST, ...]
"""A node of a syntax tree with all nodes that contain it: the root first, the node last."""


def _differences(path: Path, new: ast.AST) -> Iterator[Path]:
    """Yield the paths of the smallest nodes that a change replaces, removes or inserts.

    The path of an inserted node ends in the new node.

    Parameters
    ----------
    path : tuple of nodes
        The path to a node before the change.
    new : node
        The node in the same place after the change.
    """
    old = path[-1]
    if type(old) is not type(new):
        yield path
        return
    for name in old._fields:
        before, after = getattr(old, name, None), getattr(new, name, None)
        if isinstance(before, ast.AST) and isinstance(after, ast.AST):
            yield from _differences((*path, before), after)
        elif isinstance(before, list) and isinstance(after, list):
            yield from _differences_of_lists(path, before, after)
        elif before != after:
            yield path if not isinstance(before, ast.AST) else (*path, before)
            if isinstance(after, ast.AST):
                yield (*path, after)


def _differences_of_lists(
    path: Path, old: Sequence[object], new: Sequence[object]
) -> Iterator[Path]:
    """Yield the paths of the smallest nodes that differ between two lists of nodes.

    The lists are a field of a node, such as a body or arguments, before (``old``) and after
    (``new``) a change. ``path`` is that of this node. Equal elements at both ends are skipped. If
    as many elements are left before as after, they are compared in pairs; elements other than nodes
    give ``path``. Otherwise each removed and each inserted node is yielded whole.
    """
    first = next((n for n, (a, b) in enumerate(zip_longest(old, new)) if not _same(a, b)), None)
    if first is None:
        return
    last = 0
    while last < min(len(old), len(new)) - first and _same(old[-1 - last], new[-1 - last]):
        last += 1
    removed, inserted = old[first : len(old) - last], new[first : len(new) - last]
    if len(removed) == len(inserted):
        for before, after in zip(removed, inserted, strict=True):
            if isinstance(before, ast.AST) and isinstance(after, ast.AST):
                yield from _differences((*path, before), after)
            else:
                yield path
        return
    for node in (*removed, *inserted):
        if isinstance(node, ast.AST):
            yield (*path, node)


def _same(one: object, other: object) -> bool:
    """Return whether two elements of a syntax tree are equal, wherever they are in the text."""
    if isinstance(one, ast.AST) and isinstance(other, ast.AST):
        return ast.dump(one) == ast.dump(other)
    return one == other


class _Selections:
    """The selections in some texts: their nodes, and the names of the constants that decide them.

    Attributes
    ----------
    trees : sequence of Module
        The syntax trees of the texts. Nodes are known by their identity in these trees.
    """

    def __init__(self, trees: Sequence[ast.Module]) -> None:
        """Find the selections in all trees, the constants that decide them, and their names.

        A selection is an expression or statement in which a constant takes one of several
        alternatives, such as ``(x, -x)[way]``.
        """
        self.trees = trees
        nodes = [node for tree in trees for node in ast.walk(tree)]
        self._values: dict[str, list[ast.expr | None]] = {}
        for node in nodes:
            for name, value in _bindings(node):
                self._values.setdefault(name, []).append(value)
        functions = [node for node in nodes if isinstance(node, Function)]
        self._varargs = {each.args.vararg.arg for each in functions if each.args.vararg}
        self._constants = _constant_names(self._values)
        self._counters = {
            _name_of(node.target) for node in nodes if isinstance(node, ast.AugAssign)
        }
        self._implied_else = {
            id(each): rest for node in nodes for each, rest in _returning_ifs(node)
        }
        arguments = [node for node in nodes if isinstance(node, ast.arguments)]
        self._parameters = {name for each in arguments for name, _ in _parameters(each)}
        self._choosers = {*_choosers(nodes)}
        self._counting_tests = {id(each.test) for each in nodes if _is_counting(each)}
        keys = [key for node in nodes for key in self._selecting_parts(node)]
        self._keys = {id(key) for key in keys}
        self._deciding_names = self._names_behind(keys)

    def kept_in(self, tree: ast.AST) -> frozenset[str]:
        """Return the selections by brackets in the first text that ``tree`` has equally often.

        ``tree`` is the changed text. Each selection is the `ast.dump` of a subscript such as
        ``old[0]``. A change that only moves brackets around it selects nothing else.
        """
        before = Counter(
            ast.dump(each)
            for each in ast.walk(self.trees[0])
            if isinstance(each, ast.Subscript) and self._is_choice(each)
        )
        nodes = (each for each in ast.walk(tree) if before and isinstance(each, ast.Subscript))
        after = Counter(map(ast.dump, nodes))
        return frozenset(text for text, count in before.items() if after[text] == count)

    def is_affected(self, path: Path, kept: Collection[str] = ()) -> bool:
        """Return whether a changed node contains, decides, or is a part of a selection.

        ``path`` has the nodes from the root of a text to the changed one, and ``kept`` the
        subscripts that `kept_in` returned, which do not count.
        """
        if any(id(part) in self._keys for part in path):
            return True
        if any(isinstance(part, ast.Call) and self._calls_chooser(part) for part in path):
            return True
        # A change of the whole node also replaces the selections in it.
        choices = [part for part in ast.walk(path[-1]) if self._is_choice(part)]
        if isinstance(path[-1], ast.expr):
            choices = [each for each in choices if ast.dump(each) not in kept]
        if choices:
            return True
        bound = {name for part in path[1:] for name in _names_decided_at(part)}
        return bool(bound & self._deciding_names)

    def is_written_choice(self, node: ast.AST) -> bool:
        """Return whether a node selects one of several formulas of the text by a constant.

        The node is a subscript, an ``if``, a call of a function that returns one of its arguments,
        or a lookup such as ``get``.
        """
        if isinstance(node, ast.Subscript):
            return self._is_key(node.slice) and self._has_formulas(self._alternatives(node.value))
        if isinstance(node, ast.If | ast.IfExp):
            branches = [node.body, node.orelse or self._implied_else.get(id(node), [])]
            return self._is_key(node.test, is_test=True) and self._has_formulas(
                _results_of_branches(branches)
            )
        if not isinstance(node, ast.Call):
            return False
        if self._calls_chooser(node):
            return self._has_formulas(node.args)
        owner = node.func.value if isinstance(node.func, ast.Attribute) else None
        is_lookup = owner is not None and _name_of(node.func) in LOOKUPS and bool(node.args)
        return (
            is_lookup
            and self._is_key(node.args[0])
            and self._has_formulas(self._alternatives(owner))
        )

    def _alternatives(self, node: ast.expr | None) -> list[ast.expr]:
        """Return the elements of the tuple, list or dictionary that an expression or name means."""
        values = self._aliased(node.id) if isinstance(node, ast.Name) else [node]
        return [each for value in values if value is not None for each in _elements(value)]

    def _is_key(self, node: ast.expr, *, is_test: bool = False) -> bool:
        """Return whether an expression is constant and was likely written to select a formula.

        ``node`` is the expression. An index has to contain a name; a condition (``is_test``) may be
        any constant. Counters and results of calls are no keys, and in a condition neither are
        parameters of a function.
        """
        if not _is_constant(node, self._constants):
            return False
        names = self._names_behind([node])
        values = [value for name in names for value in self._values.get(name, []) if value]
        is_computed = any(isinstance(part, ast.Call) for each in values for part in ast.walk(each))
        if is_computed or names & self._counters or (is_test and names & self._parameters):
            return False
        return is_test or bool(names)

    def _has_formulas(self, expressions: Sequence[ast.expr]) -> bool:
        """Return whether expressions differ, and at least one is a formula of the inputs."""
        variable = [each for each in expressions if not _is_constant(each, self._constants)]
        formulas = [each for each in variable if isinstance(each, FORMULAS)]
        return bool(formulas) and len({ast.dump(each) for each in expressions}) > 1

    def _selecting_parts(self, node: ast.AST) -> list[ast.expr]:
        """Return the constant parts by which a node selects: index, condition, subject or key.

        The node may be a subscript, ``if``, ``match``, comparison or lookup such as ``get``. Empty
        for all others, and if the part is not constant.
        """
        parts: list[ast.expr] = []
        if isinstance(node, ast.Subscript) and self._is_choosable(node.value, node.slice):
            parts = [node.slice]
        elif isinstance(node, ast.If | ast.IfExp):
            parts = [node.test]
        elif isinstance(node, ast.Match):
            parts = [node.subject]
        elif isinstance(node, ast.Compare | ast.BoolOp) and id(node) not in self._counting_tests:
            parts = [node]
        elif isinstance(node, ast.Call) and _name_of(node.func) in LOOKUPS:
            if not isinstance(node.func, ast.Attribute):
                # `getattr` with a literal name means the same as a dot, and selects nothing.
                parts = [each for each in node.args[1:2] if not isinstance(each, ast.Constant)]
            elif node.args and self._is_choosable(node.func.value, node.args[0]):
                parts = node.args[:1]
        return [part for part in parts if _is_constant(part, self._constants)]

    def _is_choosable(self, node: ast.expr, key: ast.expr) -> bool:
        """Return whether a key takes one of several alternatives that an expression contains.

        ``node`` is the expression before the brackets or the dot. False for a cache: its elements
        are names or numbers, and the keys literal.
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
        is_literal = isinstance(key, ast.Constant)
        is_stored = all(
            isinstance(each, ast.Name | ast.Constant | ast.Subscript) for each in elements
        )
        return bool(elements) and not (is_literal and is_stored)

    def _aliased(self, name: str) -> list[ast.expr]:
        """Return the expressions that are assigned to a name, directly or through other names.

        Names are followed, not returned; values that the text does not show are left out.
        """
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
        """Return the names in some expressions and, recursively, in the values of these names."""
        found: set[str] = set()
        todo = [*parts]
        while todo:
            names = _names(todo.pop()) - found
            found |= names
            todo += [value for name in names for value in self._values.get(name, []) if value]
        return found

    def _is_choice(self, node: ast.AST) -> bool:
        """Return whether a node itself takes one of several alternatives by a constant."""
        if isinstance(node, ast.Call) and self._calls_chooser(node):
            return True
        can_select = isinstance(node, ast.Subscript | ast.If | ast.IfExp | ast.Match | ast.Call)
        return can_select and bool(self._selecting_parts(node))

    def _calls_chooser(self, call: ast.Call) -> bool:
        """Return whether a call is one of a function that returns one of its arguments."""
        return _name_of(call.func) in self._choosers


def _elements(node: ast.expr) -> list[ast.expr]:
    """Return the elements of a literal tuple, list or dictionary; [] for other expressions.

    Of a dictionary, these are the values.
    """
    if isinstance(node, ast.Dict):
        return node.values
    return node.elts if isinstance(node, ast.Tuple | ast.List) else []


FORMULAS = (ast.BinOp, ast.UnaryOp, ast.Call, ast.Lambda)
"""Kinds of expressions that compute a value from other values."""


def _returning_ifs(node: ast.AST) -> Iterator[tuple[ast.If, list[ast.stmt]]]:
    """Yield each `if` in a node whose body ends with `return`, with the statements after it.

    These statements are in effect its `else`.
    """
    for name in ("body", "orelse"):
        block = getattr(node, name, None)
        if not isinstance(block, list):
            continue
        for index, each in enumerate(block):
            if isinstance(each, ast.If) and isinstance(each.body[-1], ast.Return):
                yield each, block[index + 1 :]


def _results_of_branches(branches: Iterable[ast.expr | list[ast.stmt]]) -> list[ast.expr]:
    """Return the values that the branches of a condition assign to the names that all of them set.

    Returned values, and branches that are expressions, count as values of one more name.
    """
    values: list[dict[str, ast.expr]] = []
    for branch in branches:
        if isinstance(branch, ast.expr):
            values.append({"": branch})
            continue
        bound = {name: value for part in branch for name, value in _bindings(part) if value}
        returned = [part.value for part in branch if isinstance(part, ast.Return) and part.value]
        values.append({**bound, **({"": returned[0]} if returned else {})})
    common = set.intersection(*(set(each) for each in values))
    return [each[name] for name in sorted(common) for each in values]


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
"""Kinds of expressions that are constant if all names in them are."""

BUILT_IN = frozenset({"int", "bool", "str", "len", "abs", "round", "min", "max", "sum"})
"""Built-in functions that return a constant if their arguments are constants."""


def _is_constant(node: ast.expr, constants: Collection[str]) -> bool:
    """Return whether an expression depends only on literals and on the names ``constants``."""
    parts = [part for part in ast.walk(node) if isinstance(part, ast.expr)]
    is_known = all(isinstance(part, CONSTANT) for part in parts)
    return is_known and _names(node) <= {*constants, *BUILT_IN}


def _constant_names(values: Mapping[str, Sequence[ast.expr | None]]) -> set[str]:
    """Return the names whose values depend only on literals and on other such names.

    Parameters
    ----------
    values : mapping of str to sequence
        All values that each name is given. None stands for a value that the text does not show.
    """
    # The names that have to be constant before this one is, and the names that wait for this one.
    needs: dict[str, set[str]] = {}
    needed_by: dict[str, list[str]] = {}
    for name, bound in values.items():
        shown = [value for value in bound if value is not None]
        names = {each for value in shown for each in _names(value)} - BUILT_IN
        if len(shown) == len(bound) and all(_is_constant(value, names) for value in shown):
            needs[name] = names
            for each in names:
                needed_by.setdefault(each, []).append(name)
    constants: set[str] = set()
    todo = [name for name, names in needs.items() if not names]
    while todo:
        constant = todo.pop()
        constants.add(constant)
        for name in needed_by.get(constant, []):
            needs[name].discard(constant)
            todo += [name] if not needs[name] and name not in constants else []
    return constants


def _bindings(node: ast.AST) -> Iterator[tuple[str, ast.expr | None]]:
    """Yield the names that a syntax node binds by itself, not in its children, with their values.

    The value is None if the text does not show it, as for the variable of a loop. A parameter is
    bound to its default, because a caller may leave it out. A function is bound to each of its
    results. An attribute is known by its last name.
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
    """Yield the names of an assignment's target, with the part of the value that each gets.

    The part is None if the value is no tuple or list of the text. Subscripts are left out.
    """
    if isinstance(target, ast.Name | ast.Attribute):
        yield _name_of(target), value
    elif isinstance(target, ast.Tuple | ast.List):
        parts = value.elts if isinstance(value, ast.Tuple | ast.List) else []
        for element, part in zip_longest(target.elts, parts[: len(target.elts)]):
            yield from _unpacked(element, part)


def _parameters(arguments: ast.arguments) -> Iterator[tuple[str, ast.expr | None]]:
    """Yield the names of a function's parameters with their defaults; None without a default."""
    positional = [*arguments.posonlyargs, *arguments.args]
    missing = [None] * (len(positional) - len(arguments.defaults))
    for each, default in zip(positional, [*missing, *arguments.defaults], strict=True):
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
    """Return a name, or the last part of a dotted name: ``get`` of ``table.get``; else ""."""
    return node.id if isinstance(node, ast.Name) else getattr(node, "attr", "")


def _names_decided_at(node: ast.AST) -> set[str]:
    """Return the names that a node binds to values that the text shows, see `_bindings`."""
    return {name for name, value in _bindings(node) if value is not None}


# --- functions that return one of their arguments ----------------------------------------------


def _choosers(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Yield the names of functions and lambdas that only return one of their own arguments."""
    for node in nodes:
        if isinstance(node, ast.FunctionDef) and _returns_an_argument(node, node.body):
            yield node.name
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda):
            targets = node.targets if _returns_an_argument(node.value, []) else []
            yield from (name for target in targets for name in _names(target))


def _returns_an_argument(function: Function, body: Sequence[ast.stmt]) -> bool:
    """Return whether a function only returns one of several of its arguments.

    A function that compares its arguments, such as a maximum, computes something, and does not
    count. ``body`` has its statements; a lambda has none.
    """
    parts = [part for statement in body for part in ast.walk(statement)]
    results = [part.value for part in parts if isinstance(part, ast.Return)]
    if isinstance(function, ast.Lambda):
        parts, results = [*ast.walk(function.body)], [function.body]
    vararg = function.args.vararg.arg if function.args.vararg else ""
    arguments = [each.arg for each in (*function.args.posonlyargs, *function.args.args)]
    leaves = [leaf for each in results for leaf in _possible_results(each, vararg)]
    returned = {leaf.id for leaf in leaves if isinstance(leaf, ast.Name)}
    has_only_names = len(returned) == len({ast.dump(leaf) for leaf in leaves})
    are_arguments = has_only_names and returned <= {*arguments, vararg}
    has_several = len(returned) > 1 or vararg in returned - {""}
    tests = [part.test for part in parts if isinstance(part, ast.If | ast.IfExp)]
    tests += [part.slice for part in parts if isinstance(part, ast.Subscript)]
    tested = {part.id for test in tests for part in ast.walk(test) if isinstance(part, ast.Name)}
    return are_arguments and has_several and not returned & tested


def _possible_results(node: ast.expr | None, vararg: str) -> Iterator[ast.expr]:
    """Yield the expressions that a conditional expression, or a lookup in a literal, may result in.

    Nested choices are followed. Any other expression is yielded itself; None yields nothing.
    ``vararg`` is the name of the ``*args`` parameter, or "". A lookup in it yields its name.
    """
    if isinstance(node, ast.IfExp):
        yield from _possible_results(node.body, vararg)
        yield from _possible_results(node.orelse, vararg)
    elif isinstance(node, ast.Subscript) and isinstance(node.value, ast.Tuple | ast.List):
        for each in node.value.elts:
            yield from _possible_results(each, vararg)
    elif isinstance(node, ast.Subscript) and isinstance(node.value, ast.Dict):
        for value in node.value.values:
            yield from _possible_results(value, vararg)
    elif isinstance(node, ast.Subscript) and vararg and _name_of(node.value) == vararg:
        yield node.value
    elif node is not None:
        yield node
