"""The values of expressions with recorded names: each part of the student's text once.

A change is tried in many places, so what it leaves alone is not computed again.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any


class Names(dict[str, Any]):
    """Local names over the student's global ones."""

    def __init__(self, namespace: Mapping[str, Any], local: Mapping[str, Any]) -> None:
        super().__init__(local)
        self["__builtins__"] = namespace.get("__builtins__", __builtins__)
        self.namespace = namespace

    def __missing__(self, name: str) -> Any:
        return self.namespace[name]


class Values:
    """Evaluates an expression and changed versions of it with the same names.

    Parameters
    ----------
    names : Names
        The names of one run.
    kept : bool
        Cache the values of parts. It must be False for an expression that changes something.
    """

    def __init__(self, names: Names, *, kept: bool = True) -> None:
        self.names, self._keeps = names, kept
        self._kept: dict[ast.AST, Any] = {}

    def first(self, node: ast.expr) -> Any:
        """Return the value of the student's own expression, and cache the values of all its parts.

        If this object does not keep values (``kept``), nothing is cached. An exception of the
        expression is raised.
        """

        def value(node: Any) -> Any:
            """Return the value of a part of the expression; evaluate and cache it if it is new."""
            if node not in self._kept:
                found = _value_of(node, value, self.names)
                if not self._keeps:
                    return found
                self._kept[node] = found
            return self._kept[node]

        return value(node)

    def again(self, node: ast.expr, above: frozenset[ast.AST]) -> Any:
        """Return the value of an expression in which a part below the nodes ``above`` has changed.

        The nodes ``above`` are evaluated anew; for all other nodes the values that `first` has
        cached are used. Nothing is added to the cache.
        """
        kept, names = self._kept, self.names

        def value(node: Any) -> Any:
            if node in kept and node not in above:
                return kept[node]
            return _value_of(node, value, names)

        return value(node)


Value = Callable[[Any], Any]


def _value_of(node: Any, value: Value, names: Names) -> Any:
    """Return the value of a node; ``value`` evaluates its parts.

    A node of an unusual type is evaluated as a whole by ``eval``, with ``names``.
    """
    make = _MAKERS.get(type(node))
    if make is None:
        return eval(compile(ast.Expression(node), "<slot>", "eval"), names)  # noqa: S307
    return make(node, value, names)


def _name(node: ast.Name, value: Value, names: Names) -> Any:
    """Return the value of a name, which may be a local, a global or a builtin.

    ``names`` are the locals and globals; ``value`` is not used. NameError or KeyError is raised if
    the name is none of these.
    """
    try:
        return names[node.id]
    except (KeyError, NameError):
        built = names["__builtins__"]
        return built[node.id] if isinstance(built, dict) else getattr(built, node.id)


def _boolean(node: ast.BoolOp, value: Value, names: Names) -> Any:
    """Return the value of ``and`` or ``or``: that of the first operand that decides the result.

    ``value`` evaluates an operand; operands after that one are not evaluated.
    """
    found = None
    for part in node.values:
        found = value(part)
        if bool(found) is isinstance(node.op, ast.Or):
            break
    return found


def _compared(node: ast.Compare, value: Value, names: Names) -> Any:
    """Return the value of a comparison; ``value`` evaluates its operands.

    A chain such as ``a < b < c`` ends at the first comparison that is false.
    """
    left, found = value(node.left), True
    for kind, part in zip(node.ops, node.comparators, strict=True):
        right = value(part)
        found = _COMPARED[type(kind)](left, right)
        if part is node.comparators[-1] or not found:
            break
        left = right
    return found


def _call(node: ast.Call, value: Value, names: Names) -> Any:
    """Return the value of a call; its parts are evaluated by ``value``.

    A call with ``*`` or ``**`` is run by ``eval``.
    """
    if ast.Starred in map(type, node.args) or None in [each.arg for each in node.keywords]:
        return eval(compile(ast.Expression(node), "<slot>", "eval"), names)  # noqa: S307
    function = value(node.func)
    args = [value(each) for each in node.args]
    return function(*args, **{each.arg: value(each.value) for each in node.keywords if each.arg})


def _slice(node: ast.Slice, value: Value, names: Names) -> slice:
    """Return the slice object of a slice node; ``value`` evaluates its bounds."""
    parts = (node.lower, node.upper, node.step)
    return slice(*(None if part is None else value(part) for part in parts))


OPERATIONS: Mapping[type, Callable[..., Any]] = {
    **{ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul},
    **{ast.Div: operator.truediv, ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod},
    **{ast.Pow: operator.pow, ast.MatMult: operator.matmul, ast.BitAnd: operator.and_},
    **{ast.BitOr: operator.or_, ast.BitXor: operator.xor, ast.LShift: operator.lshift},
    **{ast.RShift: operator.rshift, ast.USub: operator.neg, ast.UAdd: operator.pos},
    **{ast.Not: operator.not_, ast.Invert: operator.invert},
}
_COMPARED: Mapping[type, Callable[..., Any]] = {
    **{ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le},
    **{ast.Gt: operator.gt, ast.GtE: operator.ge, ast.Is: operator.is_, ast.IsNot: operator.is_not},
    ast.In: lambda one, other: one in other,
    ast.NotIn: lambda one, other: one not in other,
}
_MAKERS: Mapping[type, Callable[[Any, Value, Names], Any]] = {
    ast.Constant: lambda n, *_: n.value,
    ast.Name: _name,
    ast.BinOp: lambda n, value, _: OPERATIONS[type(n.op)](value(n.left), value(n.right)),
    ast.UnaryOp: lambda n, value, _: OPERATIONS[type(n.op)](value(n.operand)),
    ast.BoolOp: _boolean,
    ast.Compare: _compared,
    ast.Call: _call,
    ast.Attribute: lambda n, value, _: getattr(value(n.value), n.attr),
    ast.Subscript: lambda n, value, _: value(n.value)[value(n.slice)],
    ast.Slice: _slice,
    ast.Tuple: lambda n, value, _: tuple(value(part) for part in n.elts),
    ast.List: lambda n, value, _: [value(part) for part in n.elts],
    ast.IfExp: lambda n, value, _: value(n.body if value(n.test) else n.orelse),
}
"""How a value is made of those of the parts; the compiler makes all others."""
