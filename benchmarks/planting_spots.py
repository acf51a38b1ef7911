"""List what can be written otherwise within a statement, for `planting`."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

from planting_text import SHAPED, Edit, Scope, binds_loosely, is_number, name_of

SIGNS = {ast.Add: "-", ast.Sub: "+"}
OPERATORS: dict[type[ast.operator], tuple[str, ...]] = {
    ast.Mult: ("/", "+"),
    ast.Div: ("*",),
    ast.MatMult: ("*",),
    ast.Pow: ("*",),
}
TOKENS: dict[type[ast.AST], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.MatMult: "@",
    ast.Pow: "**",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Eq: "==",
    ast.NotEq: "!=",
}
COMPARISONS: dict[type[ast.cmpop], tuple[str, ...]] = {
    ast.Gt: ("<", ">="),
    ast.GtE: ("<", ">"),
    ast.Lt: (">", "<="),
    ast.LtE: (">", "<"),
    ast.Eq: ("!=",),
    ast.NotEq: ("==",),
}
CALLS: dict[str, tuple[str, ...]] = {
    "exp": ("log", "expm1"),
    "log": ("exp", "log2"),
    "sum": ("mean", "max"),
    "mean": ("sum", "max"),
    "max": ("min", "sum"),
    "min": ("max",),
    "maximum": ("minimum",),
    "minimum": ("maximum",),
    "sqrt": ("square",),
    "square": ("sqrt", "abs"),
    "var": ("std",),
    "std": ("var",),
    "argmax": ("argmin",),
    "tanh": ("arctan", "sinh"),
    "cosh": ("sinh",),
    "dot": ("multiply",),
    "multiply": ("dot",),
    "outer": ("multiply",),
    "zeros": ("ones",),
    "ones": ("zeros",),
    "zeros_like": ("ones_like",),
    "ones_like": ("zeros_like",),
    "cumsum": ("cumprod",),
}
OF_ONE = frozenset({*CALLS, "copy", "abs", "sigmoid", "expit", "softmax", "relu"}) - {
    *("dot", "multiply", "outer", "zeros", "ones", "zeros_like", "ones_like", "argmax")
}
"""Calls in place of which their first argument may stand, or what they are a method of."""
REDUCTIONS = frozenset({"sum", "mean", "max", "min", "var", "std", "prod", "argmax", "any", "all"})
PRODUCTS = frozenset({"dot", "matmul", "inner", "tensordot"})
ANY_ORDER = frozenset(
    {"multiply", "maximum", "minimum", "add", "range", "isinstance", "getattr", "zip", "append"}
)
"""Calls of which the arguments can be exchanged and nothing happens, or which have bounds."""
UNREAD = frozenset({"print", "isinstance", "super", "seed", "str"})
"""Calls whose arguments are left alone."""

Change = tuple[str, tuple[Edit, ...]]
"""An operator, and the edits that it makes."""


class Spots:
    """The spots of a function's statements that can be written otherwise."""

    def __init__(self, scope: Scope) -> None:
        self.scope, self.source, self.text = scope, scope.source, scope.source.text

    def changes(self, statement: ast.stmt) -> Iterator[Change]:
        """Yield all changes of a statement, but not those of statements inside it."""
        if isinstance(statement, ast.AugAssign):
            yield from self._augmented(statement)
        if isinstance(statement, ast.Return) and isinstance(statement.value, ast.Tuple):
            yield from self._exchanged("order", statement.value.elts)
        if isinstance(statement, ast.Assign):
            target = statement.targets[0]
            if isinstance(target, ast.Tuple) and not isinstance(statement.value, ast.Tuple):
                yield from self._exchanged("order", target.elts)
        for value in self._values(statement):
            if not isinstance(value, ast.UnaryOp | ast.Constant | ast.Tuple | ast.Dict | ast.List):
                start, end = self.source.span(value)
                loose = isinstance(value, ast.IfExp | ast.Compare | ast.BoolOp) or (
                    isinstance(value, ast.BinOp) and isinstance(value.op, ast.Add | ast.Sub)
                )
                minus = [(start, start, "-("), (end, end, ")")] if loose else [(start, start, "-")]
                yield "sign", tuple(minus)
        for node in self._read(statement):
            for change in self.OF.get(type(node), ()):
                yield from change(self, node)

    def _values(self, statement: ast.stmt) -> Iterator[ast.expr]:
        """Yield the expressions that a statement assigns or returns, items of a tuple singly."""
        if isinstance(statement, ast.Assign | ast.Return | ast.AugAssign) and statement.value:
            value = statement.value
            yield from value.elts if isinstance(value, ast.Tuple) else [value]
            yield from value.values if isinstance(value, ast.Dict) else []

    def _read(self, statement: ast.stmt) -> Iterator[ast.AST]:
        """Yield the nodes of a statement that are read as values, except those of inner statements.

        Arguments that only give a shape, and those of calls that only print, are left out.
        """
        waiting = [
            node for node in ast.iter_child_nodes(statement) if not isinstance(node, ast.stmt)
        ]
        while waiting:
            node = waiting.pop()
            if isinstance(node, ast.JoinedStr):
                continue
            yield node
            if isinstance(node, ast.Call):
                name = name_of(node)
                if name in UNREAD:
                    continue
                first = self.scope.before_shape(node)
                waiting.append(node.func)
                waiting += node.args[:first]
                waiting += [] if name in SHAPED else node.keywords
            else:
                waiting += list(ast.iter_child_nodes(node))

    def _replaced(self, node: ast.AST, new: str) -> tuple[Edit, ...]:
        return ((*self.source.span(node), new),)

    def _between(self, left: ast.AST, right: ast.AST, old: str, new: str) -> tuple[Edit, ...]:
        """Put one operator in the place of another between two operands."""
        start, end = self.source.extent(left)[1], self.source.extent(right)[0]
        at = start + self.text[start:end].index(old)
        return ((at, at + len(old), new),)

    def _exchanged(self, operator: str, nodes: Sequence[ast.expr]) -> Iterator[Change]:
        """Yield exchanges of neighbours that differ in a list of expressions, as ``operator``."""
        for one, other in pairwise(nodes):
            if self.source.of(one) != self.source.of(other):
                yield (
                    operator,
                    (
                        *self._replaced(one, self.source.of(other)),
                        *self._replaced(other, self.source.of(one)),
                    ),
                )

    def _augmented(self, statement: ast.AugAssign) -> Iterator[Change]:
        start, end = self.source.span(statement.target)[1], self.source.span(statement.value)[0]
        token = TOKENS.get(type(statement.op), "")
        if token:
            at = start + self.text[start:end].index(f"{token}=")
            yield "augmented", ((at, at + len(token), ""),)
            for new in SIGNS.get(type(statement.op), ""):
                yield "sign", ((at, at + 1, new),)
            for new in OPERATORS.get(type(statement.op), ())[:1]:
                yield "operator", ((at, at + len(token), new),)

    def _name(self, node: ast.Name) -> Iterator[Change]:
        parent = self.source.parents[node]
        called = isinstance(parent, ast.Call) and parent.func is node
        if called or not isinstance(node.ctx, ast.Load) or node.id not in self.scope.bound:
            return
        indexed = isinstance(parent, ast.Subscript) and parent.slice is node
        if isinstance(parent, ast.Tuple):
            above = self.source.parents[parent]
            indexed = isinstance(above, ast.Subscript) and above.slice is parent
        for name, line in self.scope.bound.items():
            if (
                name != node.id
                and line < node.lineno
                and (not indexed or name in self.scope.counters)
            ):
                yield "index" if indexed else "operand", self._replaced(node, name)

    def _attribute(self, node: ast.Attribute) -> Iterator[Change]:
        if not isinstance(node.ctx, ast.Load):
            return
        if node.attr == "T":
            yield "transpose", ((self.source.extent(node.value)[1], self.source.span(node)[1], ""),)
        if self.scope.is_self(node.value) and node.attr in self.scope.attributes:
            for name in self.scope.attributes:
                if name != node.attr:
                    yield "operand", self._replaced(node, f"self.{name}")

    def _binary(self, node: ast.BinOp) -> Iterator[Change]:
        left, right, kind = node.left, node.right, type(node.op)
        token = TOKENS.get(kind)
        if token is None or isinstance(left, ast.JoinedStr) or self._is_text(left):
            return
        if kind in SIGNS:
            yield "sign", self._between(left, right, token, SIGNS[kind])
        for new in OPERATORS.get(kind, ()):
            yield "operator", self._between(left, right, token, new)
        (low, middle), (start, high) = self.source.extent(left), self.source.extent(right)
        indexed = isinstance(self._up(node, ast.Subscript | ast.stmt), ast.Subscript)
        if not indexed and kind in (ast.Mult, ast.Add):
            yield "factor" if kind is ast.Mult else "term", ((low, start, ""),)
        if not indexed and kind in (ast.Mult, ast.Add, ast.Div, ast.Sub, ast.Pow):
            name = {ast.Add: "term", ast.Sub: "term", ast.Pow: "power"}.get(kind, "factor")
            yield name, ((middle, high, ""),)
        if not indexed and kind is ast.Sub:
            yield "term", ((low, start, "" if is_number(left) else "-"),)
        if kind is ast.MatMult:
            yield from self._turned([left, right])
        yield from self._regrouped(node)

    @staticmethod
    def _is_text(node: ast.AST) -> bool:
        return isinstance(node, ast.Constant) and isinstance(node.value, str)

    def _up(self, node: ast.AST, kinds: type[ast.AST] | object) -> ast.AST:
        """Return the innermost node of some types that contains another node."""
        while not isinstance(node, kinds):
            node = self.source.parents[node]
        return node

    def _turned(self, nodes: Sequence[ast.expr]) -> Iterator[Change]:
        """Yield the addition of a transpose to each factor that is a name, attribute or element."""
        for node in nodes:
            turned = isinstance(node, ast.Attribute) and node.attr == "T"
            if isinstance(node, ast.Name | ast.Attribute | ast.Subscript) and not turned:
                end = self.source.span(node)[1]
                yield "transpose", ((end, end, ".T"),)

    def _regrouped(self, node: ast.BinOp) -> Iterator[Change]:
        """Yield removals of parentheses, and additions that change the grouping of operands."""
        for child in (node.left, node.right):
            (low, high), (start, end) = self.source.extent(child), self.source.span(child)
            if low < start and isinstance(child, ast.BinOp):
                yield "parenthesis", ((low, start, ""), (end, high, ""))
        same = (ast.Add, ast.Mult)
        for child, right in ((node.left, False), (node.right, True)):
            if not isinstance(child, ast.BinOp) or self.source.extent(child) != self.source.span(
                child
            ):
                continue
            if type(child.op) is type(node.op) and isinstance(node.op, same):
                continue
            inner = child.left if right else child.right
            outer = node.left if right else node.right
            first, second = (outer, inner) if right else (inner, outer)
            low, high = self.source.extent(first)[0], self.source.extent(second)[1]
            yield "parenthesis", ((low, low, "("), (high, high, ")"))

    def _unary(self, node: ast.UnaryOp) -> Iterator[Change]:
        indexed = isinstance(self._up(node, ast.Subscript | ast.stmt), ast.Subscript)
        if isinstance(node.op, ast.USub) and not indexed:
            start = self.source.span(node)[0]
            yield "sign", ((start, self.source.extent(node.operand)[0], ""),)

    def _compare(self, node: ast.Compare) -> Iterator[Change]:
        if len(node.ops) == 1:
            token = TOKENS.get(type(node.ops[0]), "")
            for new in COMPARISONS.get(type(node.ops[0]), ()):
                yield "comparison", self._between(node.left, node.comparators[0], token, new)

    def _chosen(self, node: ast.IfExp) -> Iterator[Change]:
        yield (
            "arguments",
            (
                *self._replaced(node.body, self.source.of(node.orelse)),
                *self._replaced(node.orelse, self.source.of(node.body)),
            ),
        )

    def _constant(self, node: ast.Constant) -> Iterator[Change]:
        parent = self.source.parents[node]
        if not is_number(node) or isinstance(parent, ast.keyword):
            return
        up = self._up(node, ast.Subscript | ast.Call | ast.stmt)
        indexed = isinstance(up, ast.Subscript)
        if isinstance(up, ast.Call) and name_of(up) in {"range", *REDUCTIONS}:
            return
        value = node.value
        if isinstance(value, int):
            for new in (value + 1, value - 1):
                if not indexed or new >= 0 or isinstance(parent, ast.Subscript):
                    yield "index" if indexed else "constant", self._replaced(node, str(new))
        elif isinstance(value, float):
            for new in (value * 2, value * 10) if value else (1.0,):
                yield "constant", self._replaced(node, repr(new))

    def _subscript(self, node: ast.Subscript) -> Iterator[Change]:
        key = node.slice
        if isinstance(key, ast.Tuple):
            yield from self._exchanged("index", key.elts)
        if isinstance(key, ast.Constant) and isinstance(key.value, str):
            quote = self.source.of(key)[0]
            for other in self.scope.keys.get(self.source.of(node.value), []):
                if other != key.value and isinstance(node.ctx, ast.Load):
                    yield "key", self._replaced(key, f"{quote}{other}{quote}")

    def _slice(self, node: ast.Slice) -> Iterator[Change]:
        for edge in (node.lower, node.upper):
            if edge is not None and not is_number(edge):
                end = self.source.span(edge)[1]
                yield "index", ((end, end, " + 1"),)
                yield "index", ((end, end, " - 1"),)

    def _call(self, node: ast.Call) -> Iterator[Change]:
        name = name_of(node)
        yield from self._axes(node, name)
        if name == "range":
            yield from self._bounds(node)
        if name in ("dot", "matmul"):
            own = isinstance(node.func, ast.Attribute) and not self.scope.is_module(node.func.value)
            yield from self._turned([node.func.value, *node.args] if own else node.args)
        end = self.source.span(node.func)[1]
        for new in CALLS.get(name, ()):
            # Of Python's own, these two can stand for each other.
            builtin = isinstance(node.func, ast.Name) and {name, new} != {"max", "min"}
            if self.scope.is_module(node.func) or (name in REDUCTIONS and not builtin):
                yield "call swapped", ((end - len(name), end, new),)
        yield from self._unwrapped(node, name)
        if (
            len(node.args) > 1
            and name not in ANY_ORDER | UNREAD | REDUCTIONS
            and not any(isinstance(argument, ast.Starred) for argument in node.args)
        ):
            first = self.scope.before_shape(node)
            arguments = node.args[1:] if name == "where" else node.args[:first]
            arguments = [each for each in arguments if not self._is_text(each)]
            yield from self._exchanged("arguments", arguments)
        alone = len(node.args) == 1 and not node.keywords
        if alone and isinstance(node.args[0], ast.BinOp) and name in OF_ONE:
            inner = node.args[0]
            last = self.source.span(node)[1]
            middle = self.source.extent(inner.left)[1]
            if self.text[last - 1] == ")":
                yield "parenthesis", ((middle, middle, ")"), (last - 1, last, ""))

    def _unwrapped(self, node: ast.Call, name: str) -> Iterator[Change]:
        """Yield the replacement of a call by its argument, or by the object of a method."""
        if name not in OF_ONE:
            return
        func = node.func
        method = isinstance(func, ast.Attribute) and not self.scope.is_module(func.value)
        if method:
            yield (
                "call dropped",
                ((self.source.extent(func.value)[1], self.source.span(node)[1], ""),),
            )
            return
        parent = self.source.parents[node]
        for argument in node.args[:2] if name in ("maximum", "minimum") else node.args[:1]:
            if isinstance(argument, ast.Starred | ast.GeneratorExp) or is_number(argument):
                continue
            tight = ast.BinOp | ast.UnaryOp | ast.Attribute | ast.Subscript | ast.Compare
            new = self.source.of(argument)
            if binds_loosely(argument) and isinstance(parent, tight):
                new = f"({new})"
            yield "call dropped", self._replaced(node, new)

    def _axes(self, node: ast.Call, name: str) -> Iterator[Change]:
        """Yield the change or removal of an axis, and the removal of ``keepdims``."""
        axes: list[ast.expr] = []
        for keyword in node.keywords:
            if keyword.arg in ("axis", "keepdims"):
                yield (
                    "axis" if keyword.arg == "axis" else "keepdims",
                    self._without(node, keyword),
                )
            if keyword.arg == "axis":
                axes.append(keyword.value)
        method = isinstance(node.func, ast.Attribute) and not self.scope.is_module(node.func.value)
        place = 0 if method else 1
        if name in REDUCTIONS and len(node.args) > place and isinstance(node.func, ast.Attribute):
            axes.append(node.args[place])
        for axis in axes:
            if isinstance(axis, ast.Constant) and isinstance(axis.value, int):
                yield "axis", self._replaced(axis, str(1 - min(1, axis.value)))
            elif isinstance(axis, ast.UnaryOp):
                yield "axis", self._replaced(axis, "0")
            elif isinstance(axis, ast.Tuple):
                for left in axis.elts:
                    rest = [self.source.of(each) for each in axis.elts if each is not left]
                    new = f"({', '.join(rest)})" if len(rest) > 1 else rest[0]
                    yield "axis", self._replaced(axis, new)

    def _without(self, node: ast.Call, keyword: ast.keyword) -> tuple[Edit, ...]:
        """Return the edit that removes a keyword argument from a call."""
        listed = sorted([*node.args, *node.keywords], key=self.source.span)
        at = listed.index(keyword)
        start, end = self.source.span(keyword)
        if at:
            # The comma is before it, and whatever closes parentheses before that.
            start = self.text.rindex(",", self.source.span(listed[at - 1])[1], start)
        elif len(listed) > 1:
            end = self.source.span(listed[1])[0]
        return ((start, end, ""),)

    def _bounds(self, node: ast.Call) -> Iterator[Change]:
        """Yield changes of a range: it begins or ends one too early or too late."""
        first = self.source.span(node.args[0])[0]
        if len(node.args) == 1:
            yield "loop bound", ((first, first, "1, "),)
        for bound in node.args[:2]:
            if isinstance(bound, ast.Constant) and isinstance(bound.value, int):
                yield "loop bound", self._replaced(bound, str(bound.value + 1))
                yield "loop bound", self._replaced(bound, str(bound.value - 1))
            else:
                end = self.source.span(bound)[1]
                yield "loop bound", ((end, end, " - 1"),)
                yield "loop bound", ((end, end, " + 1"),)

    OF: dict[type[ast.AST], tuple[Callable[..., Iterator[Change]], ...]] = {  # noqa: RUF012
        ast.Name: (_name,),
        ast.Attribute: (_attribute,),
        ast.BinOp: (_binary,),
        ast.UnaryOp: (_unary,),
        ast.Compare: (_compare,),
        ast.IfExp: (_chosen,),
        ast.Constant: (_constant,),
        ast.Subscript: (_subscript,),
        ast.Slice: (_slice,),
        ast.Call: (_call,),
    }
