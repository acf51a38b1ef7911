"""List the parts of an expression that may be changed."""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from gradkit.edits.nodes import called_name
from gradkit.edits.rows import REDUCED
from gradkit.runtime.repair.scope import WHOLE, Scope, scope_of
from gradkit.runtime.repair.tree import is_numpy, owner_of, putting
from gradkit.runtime.repair.values import Names, Values


@dataclass(frozen=True, slots=True)
class Spot:
    """An expression at its position: the value that it had, and the nodes around it.

    ``whole`` is set if it is not a factor, so that missing terms are added here. ``of`` is the
    keyword argument that it belongs to. ``put`` replaces it in the tree, ``above`` are the nodes
    above it, and ``names`` the names with values. ``counts`` is set in an index, a condition or the
    head of a loop, and ``index`` in an index or a range. ``again`` means that all equal expressions
    are changed at once. ``known`` caches conditions and operands.
    """

    node: ast.expr
    value: Any
    scope: Scope
    whole: bool
    put: Callable[[ast.expr], None]
    above: frozenset[ast.AST]
    names: Names
    of: str = ""
    counts: bool = False
    index: bool = False
    again: bool = False
    known: dict[str, Any] = field(default_factory=dict, compare=False)

    @property
    def indexes(self) -> bool:
        """Return whether the expression is a whole number in an index or a range."""
        return self.index and isinstance(self.value, WHOLE)


def below(
    node: ast.expr,
    put: Callable[[ast.expr], None],
    scope: Scope,
    values: Values,
    above: frozenset[ast.AST] = frozenset(),
    *,
    whole: bool,
    of: str = "",
    counts: bool = False,
    index: bool = False,
) -> Iterator[Spot]:
    """Yield the spots of an expression and of all parts of it that may be changed, outermost first.

    A spot is a part with its value, which is None if it cannot be computed, and its position.
    ``put`` replaces the expression in the tree, ``scope`` has the values that can be named,
    ``values`` evaluates parts, and ``above`` are the nodes around the expression. ``whole``,
    ``of``, ``counts`` and ``index`` describe its position, see `Spot`.
    """
    value = None
    with contextlib.suppress(Exception):  # a part that cannot be had alone has no value
        value = values.again(node, frozenset())
    if not isinstance(node, ast.Slice):
        yield Spot(node, value, scope, whole, put, above, values.names, of, counts, index)
    above |= {node}
    if isinstance(node, ast.ListComp | ast.DictComp | ast.GeneratorExp | ast.SetComp):
        yield from _below_comprehension(node, scope, values, above)
        return
    factor = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Div)
    alone = factor or isinstance(node, ast.UnaryOp | ast.Subscript | ast.Attribute)
    for name, child, inside, option in _children(node, of):
        within = index or name == "slice" or called_name(node) == "range"
        if name == "func":
            # A method is that of the value below it, and stays with that.
            above |= {node.func}  # type: ignore[attr-defined]
        yield from below(
            child,
            inside,
            scope,
            values,
            above,
            whole=not alone,
            of=option,
            counts=counts or within,
            index=within,
        )


def _children(
    node: ast.expr, of: str
) -> Iterator[tuple[str, ast.expr, Callable[[ast.expr], None], str]]:
    """Yield the expressions directly below a node that may be changed.

    An item is the name of the field, the expression, a function that replaces it in the tree, and
    the keyword argument that it belongs to, or an empty text; ``axis`` also by position. ``of`` is
    the keyword argument that the node belongs to, which elements of a tuple and signed numbers
    share. Names of functions, ``lambda``s and literal texts of f-strings are left out.
    """
    for name, part in ast.iter_fields(node):
        for number, child in enumerate(part if isinstance(part, list) else [part]):
            inside = putting(node, name, number if isinstance(part, list) else None)
            option = child.arg or "" if isinstance(child, ast.keyword) else ""
            if isinstance(node, ast.Tuple | ast.UnaryOp):
                option = of
            elif name == "args" and isinstance(node, ast.Call) and _is_axis(node, number):
                option = "axis"
            if name == "func" and (not isinstance(child, ast.Attribute) or is_numpy(child.value)):
                continue
            if isinstance(node, ast.JoinedStr) and isinstance(child, ast.Constant):
                continue
            if name == "func" or isinstance(child, ast.FormattedValue | ast.keyword):
                inside, child = putting(child, "value", None), child.value  # noqa: PLW2901
            if isinstance(child, ast.expr) and not isinstance(child, ast.Lambda):
                yield name, child, inside, option


def _below_comprehension(
    node: ast.ListComp | ast.DictComp | ast.GeneratorExp | ast.SetComp,
    scope: Scope,
    values: Values,
    above: frozenset[ast.AST],
) -> Iterator[Spot]:
    """Yield the spots of a comprehension: of its first iterable, and of what it computes.

    The latter have the values of the first round. ``scope``, ``values`` and ``above`` are as for
    `below`.
    """
    first = node.generators[0]
    inner = putting(first, "iter", None)
    yield from below(first.iter, inner, scope, values, above, whole=True)
    values = Values(_first_round(node, values.names), kept=False)
    scope = scope_of(values.names)
    for each in ("elt", "key", "value"):
        if hasattr(node, each):
            inner = putting(node, each, None)
            yield from below(getattr(node, each), inner, scope, values, above, whole=True)


def _is_axis(node: ast.Call, place: int) -> bool:
    """Return whether the positional argument at an index is the axis, as in ``np.sum(A, 1)``."""
    method = isinstance(node.func, ast.Attribute) and node.func.attr in REDUCED
    return method and place == int(owner_of(node) is None)


def _first_round(node: Any, names: Names) -> Names:
    """Return the names with the values that they have in the first round of a comprehension.

    If its iterable is empty or raises, the names that the comprehension binds are missing.
    """
    inner = Names(names.namespace, names)
    with contextlib.suppress(Exception):  # an empty one has no first round
        for generator in node.generators:
            first = ast.For(generator.target, generator.iter, [ast.Break()], [])
            module = ast.fix_missing_locations(ast.Module([first], []))
            exec(compile(module, "<first>", "exec"), inner)  # noqa: S102
    return inner
