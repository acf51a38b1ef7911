"""Changes of what is computed: of a loss, of its formula, and of what is recorded of it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import permutations

from gradkit.diagnosis.inquiry.training import DETACHING_WORDS
from gradkit.diagnosis.repair.ask import Proposal
from gradkit.diagnosis.repair.text import (
    Spot,
    Text,
    attributes_in,
    called_on,
    front_of,
    is_number,
    other_names,
)
from gradkit.diagnosis.repair.torch_names import LOSSES, group_of
from gradkit.edits.nodes import with_parts
from gradkit.records.task import Task
from gradkit.runtime.syntax import called_method, calls_method, every, last_name, names_in, walk

FLAT = frozenset(["squeeze", "reshape", "view", "flatten", "ravel", "reshape_as", "view_as"])

SUMS = {"sum": "mean", "mean": "sum", "log10": "log", "log2": "log"}

OPPOSITE = {"add_": "sub_", "sub_": "add_"}

KEPT = frozenset(["backward", "step", "zero_grad", "parameters", "append", "range", "format"])
"""Calls without which nothing is left of a loop."""


def other_losses(text: Text, task: Task) -> Iterator[Proposal]:
    """Propose the task's loss in place of another loss: its class, its function, or a name for it.

    Also propose a loss object of the text for each called name with two arguments: ``f(a, b)``
    becomes ``criterion(a, b)``.
    """
    yield from other_names(text, "loss", LOSSES, (task.loss, "logits"))
    own = [name for name, of in text.made.losses.items() if of == LOSSES[0].get(task.loss)]
    for node in text.calls:
        if len(node.args) == 2 and isinstance(node.func, ast.Name):
            for name in own if node.func.id not in own else ():
                yield text.put("loss", text.spot(node.func), name)


def fewer_calls(text: Text, task: Task) -> Iterator[Proposal]:
    """Propose to remove a call: ``a`` for ``a.relu()`` or ``f(a)``, ``loss`` for ``loss.detach()``.

    Also ``a`` for ``(a > b).float()``, and ``a`` for ``a.data``. Calls in ``__init__`` and those in
    `KEPT`, such as ``step()``, stay. The kind is ``cut`` if the call detaches from the graph.
    """
    for node in text.calls:
        if (name := last_name(node.func)) not in KEPT:
            inside = text.function(node.lineno) == "__init__"
            if (
                isinstance(node.func, ast.Attribute)
                and not inside
                and (all(map(is_number, node.args)) or name in FLAT | {"unsqueeze", "to"})
            ):
                kind = "cut" if name in DETACHING_WORDS else "call"
                parts = dict.fromkeys([node.func.value, _uncut(node), _compared(node)])
                for part in filter(None, parts):
                    yield text.put(kind, text.spot(node), ast.unparse(part))
            if len(node.args) == 1 and not node.keywords and not inside:
                (argument,) = node.args
                if not is_number(argument):
                    yield text.put("call", text.spot(node), ast.unparse(argument))
    methods = {id(node.func) for node in text.calls}
    for part in attributes_in(text.tree):
        if (
            part.attr in DETACHING_WORDS
            and isinstance(part.ctx, ast.Load)
            and id(part) not in methods
        ):
            yield text.put("cut", text.spot(part), ast.unparse(_uncut(part)))


def made_of(node: ast.expr) -> ast.expr | None:
    """Return what a method is called on, or an attribute is one of."""
    function = node.func if isinstance(node, ast.Call) else node
    return function.value if isinstance(function, ast.Attribute) else None


def _uncut(node: ast.expr) -> ast.expr:
    """Return an expression without calls and attributes that detach it from the graph.

    ``a.detach()`` becomes ``a``; an expression without these is unchanged.
    """
    function = node.func if isinstance(node, ast.Call) else node
    inner = made_of(node) if last_name(function) in DETACHING_WORDS else None
    return node if inner is None else _uncut(inner)


def _compared(node: ast.expr) -> ast.expr | None:
    """Return ``a`` for a chain of methods on a comparison, such as ``(a > b).float()``, or None."""
    inner: ast.expr | None = node
    while inner is not None and not isinstance(inner, ast.Compare):
        inner = made_of(inner)
    return inner.left if inner is not None else None


def single_operands(text: Text, task: Task) -> Iterator[Proposal]:
    """Propose an operand in place of an operation: ``a`` or ``b`` for ``a + b``, ``a`` for ``-a``.

    Also ``len(X)`` as divisor for each parameter ``X``, and ``range(b)`` for ``range(a, b)``.
    """
    for node in walk(text.tree):
        if isinstance(node, ast.BinOp):
            for part in (node.left, node.right):
                yield text.put("operand", text.spot(node), ast.unparse(part))
            for name in text.parameters(node) if isinstance(node.op, ast.Div) else ():
                yield text.put("operand", text.spot(node.right), f"len({name})")
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            yield text.put("operand", text.spot(node), ast.unparse(node.operand))
        elif isinstance(node, ast.Call) and last_name(node.func) == "range" and len(node.args) == 2:
            yield text.put("operand", text.spot(node), f"range({ast.unparse(node.args[1])})")


def single_branches(text: Text, task: Task) -> Iterator[Proposal]:
    """Propose one branch in place of a conditional expression ``a if condition else b``."""
    for node in every(ast.IfExp, text.tree):
        for part in (node.orelse, node.body):
            yield text.put("branch", text.spot(node), ast.unparse(part))


def other_sums(text: Text, task: Task) -> Iterator[Proposal]:
    """Propose ``mean`` for ``sum`` or the reverse, and ``log`` for ``log2`` and ``log10``.

    Each call is changed alone, then all calls of one name together.
    """
    functions = [node.func for node in text.calls if last_name(node.func) in SUMS]
    for node in functions:
        yield text.renamed("sum", node, SUMS[last_name(node)])
    for name in dict.fromkeys(map(ast.unparse, functions)):
        alike = [node for node in functions if ast.unparse(node) == name]
        if len(alike) > 1:
            right = f"{front_of(alike[0])}{SUMS[last_name(alike[0])]}"
            yield text.put_each("sum", ((node, right) for node in alike))


def recorded_losses(text: Text, task: Task) -> Iterator[Proposal]:
    """Propose to record the loss on which ``backward()`` is called.

    ``losses = [loss]`` becomes ``losses.append(loss)`` for a list that starts as ``[]``; appended
    values and, in functions that train, returned values become ``loss.item()``.
    """
    made = every(ast.Assign, text.tree)
    begun = {ast.unparse(n.targets[0]) for n in made if ast.unparse(n.value) == "[]"}
    for node in made:
        own = node.value.elts if isinstance(node.value, ast.List) else [node.value]
        if own and (history := ast.unparse(node.targets[0])) in begun:
            whole = f"{history}.append({', '.join(map(ast.unparse, own))})"
            yield text.put("added", text.spot(node), whole)
    names = called_on(text, "backward")
    appended = [n for n in text.calls if called_method(n) == "append" and len(n.args) == 1]
    values = [node.args[0] for node in appended]
    for function in text.functions:
        if calls_method(function, "backward"):
            values += [n.value for n in every(ast.Return, function) if n.value]
    for value in values:
        for name in names:
            yield text.put("recorded", text.spot(value), f"{name}.item()")


def swapped_arguments(text: Text, task: Task) -> Iterator[Proposal]:
    """Propose ``f(b, a)`` for ``f(a, b)``: for a loss, ``Linear`` or a plain function."""
    for node in text.calls:
        if len(node.args) == 2 and (
            isinstance(node.func, ast.Name)
            or last_name(node.func) == "Linear"
            or group_of(last_name(node.func), LOSSES)
        ):
            both = ", ".join(ast.unparse(each) for each in reversed(node.args))
            yield text.put("swapped", text.spot(*node.args), both)


def other_signs(text: Text, task: Task) -> Iterator[Proposal]:
    """Propose another sign: ``+`` for ``-`` or the reverse, also in ``+=`` and ``add_``.

    Also propose a minus before the argument of ``exp``, and before a returned or assigned formula.
    """
    for node in walk(text.tree):
        if isinstance(node, ast.BinOp):
            yield from _turned(text, node.op, text.spot(node.left), text.spot(node.right))
        elif isinstance(node, ast.AugAssign) and not is_number(node.value):
            yield from _turned(text, node.op, text.spot(node.target), text.spot(node.value))
    for node in text.calls:
        if name := OPPOSITE.get(called_method(node)):
            yield text.renamed("sign", node.func, name)
    for node in text.calls:
        if last_name(node.func) == "exp" and len(node.args) == 1:
            negated = ast.unparse(ast.UnaryOp(ast.USub(), node.args[0]))
            yield text.put("sign", text.spot(node.args[0]), negated)
    for node in walk(text.tree):
        value = node.value if isinstance(node, ast.Return | ast.Assign) else None
        if value and every(ast.BinOp, value):
            negated = ast.unparse(ast.UnaryOp(ast.USub(), value))
            yield text.put("sign", text.spot(value), negated)


def _turned(text: Text, operator: ast.operator, left: Spot, right: Spot) -> Iterator[Proposal]:
    """Yield the change of a plus to a minus, or the reverse, between two parts of a line.

    ``operator`` is the present one, and ``left`` and ``right`` are the places of its operands.
    Nothing for other operators, or if the operands are on different lines.
    """
    signs = {ast.Add: "+-", ast.Sub: "-+"}.get(type(operator))
    if signs and left.last == right.first:
        at = text.lines[left.last - 1].index(signs[0], left.end)
        yield text.put("sign", Spot(left.last, at, left.last, at + 1), signs[1])


def other_brackets(text: Text, task: Task) -> Iterator[Proposal]:
    """Propose a sign or call around a whole operation: ``f(a + b)`` for ``f(a) + b``.

    Likewise ``-(a + b)`` for ``-a + b`` and ``(a + b).f()`` for ``a.f() + b``.
    """
    for node in every(ast.BinOp, text.tree):
        left = node.left
        if isinstance(left, ast.UnaryOp):
            whole: ast.expr = ast.UnaryOp(left.op, with_parts(node, left=left.operand))
        elif isinstance(left, ast.Call) and len(left.args) == 1:
            whole = with_parts(left, args=[with_parts(node, left=left.args[0])])
        elif isinstance(left, ast.Call) and isinstance(left.func, ast.Attribute):
            inner = with_parts(node, left=left.func.value)
            whole = with_parts(left, func=with_parts(left.func, value=inner))
        else:
            continue
        yield text.put("brackets", text.spot(node), ast.unparse(whole))


def other_formulas(text: Text, task: Task) -> Iterator[Proposal]:
    """Propose the task's loss in place of a formula.

    For the squared error, an exponent becomes 2 and ``abs(a)`` becomes ``(a ** 2)``. A returned
    formula, or one for the loss, of two local names becomes ``torch``'s function of the two, in
    both orders.
    """
    right, stepped = LOSSES[1].get(task.loss), called_on(text, "backward")
    held = {node.arg for node in every(ast.arg, text.tree)} | names_in(text.tree, ast.Store)
    for node in walk(text.tree) if task.loss == "squared_error" else ():
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow) and is_number(node.right):
            yield text.put("formula", text.spot(node.right), "2")
        elif isinstance(node, ast.Call) and last_name(node.func) == "abs":
            value = node.args[0] if node.args else made_of(node)
            if value is not None:
                square = ast.BinOp(value, ast.Pow(), ast.Constant(2))
                yield text.put("formula", text.spot(node), f"({ast.unparse(square)})")
    for node in walk(text.tree):
        if isinstance(node, ast.Return) or (
            isinstance(node, ast.Assign) and last_name(node.targets[0]) in stepped
        ):
            value = node.value
            if value and every(ast.BinOp, value):
                names = (n.id for n in every(ast.Name, value) if n.id in held)
                both = list(dict.fromkeys(names))
                for pair in permutations(both) if len(both) == 2 and right else ():
                    whole = f"torch.nn.functional.{right}({', '.join(pair)})"
                    yield text.put("formula", text.spot(value), whole)
