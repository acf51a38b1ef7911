"""Changes of the loop that trains: statements moved, left out or put in, and its batches."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from itertools import combinations, pairwise

from gradkit.diagnosis.inquiry.training import DETACHING_WORDS
from gradkit.diagnosis.repair.ask import Proposal
from gradkit.diagnosis.repair.optimizers import steps_by_hand, unread_in
from gradkit.diagnosis.repair.text import Spot, Text, called_on, exchanged, is_number
from gradkit.diagnosis.repair.torch_names import OPTIMIZERS
from gradkit.edits.nodes import with_parts
from gradkit.records.task import Task
from gradkit.runtime.syntax import (
    LOOPS,
    called_method,
    calls_method,
    every,
    last_name,
    names_in,
    walk,
)


def whole_batches(text: Text, task: Task) -> Iterator[Proposal]:
    """Propose one batch of all rows: ``batch_size=len(X)``, and ``X`` for each slice ``X[…]``.

    ``DataLoader`` gets the length of each parameter of the function around it. The slices in one
    assignment are replaced together.
    """
    for node in text.calls:
        if last_name(node.func) == "DataLoader":
            for each in node.keywords:
                if each.arg == "batch_size":
                    for name in text.parameters(node):
                        yield text.put("batch", text.spot(each.value), f"len({name})")
            if len(node.args) == 1 and not any(n.arg == "batch_size" for n in node.keywords):
                (rows,) = node.args
                for name in text.parameters(node):
                    whole = f"{ast.unparse(rows)}, batch_size=len({name})"
                    yield text.put("batch", text.spot(rows), whole)
    for made in every(ast.Assign, text.tree):
        parts = every(ast.Subscript, made.value)
        some = [(p, ast.unparse(p.value)) for p in parts if isinstance(p.slice, ast.Slice)]
        if some:
            yield text.put_each("batch", some)


def without_with(text: Text, task: Task) -> Iterator[Proposal]:
    """Propose the statements of each ``with`` block without the ``with``.

    The kind is ``cut`` for a ``with`` that detaches from the graph, such as ``torch.no_grad()``.
    """
    for node in every(ast.With, text.tree):
        if node.body[0].lineno > node.lineno:
            inside = text.own(node, node.body[0].col_offset - node.col_offset)
            inside = inside[node.body[0].lineno - node.lineno :]
            at, head = text.spot(node), node.items[-1].context_expr
            name = last_name(head.func) if isinstance(head, ast.Call) else ""
            kind = "cut" if name in DETACHING_WORDS else "with"
            yield text.moved(kind, at.first, at.last, inside, text.spot(node, head))


EDGES: Mapping[type[ast.cmpop], type[ast.cmpop]] = {
    **{ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt}
}
"""Comparisons that differ at the edge alone, by a round."""


def other_counts(text: Text, task: Task) -> Iterator[Proposal]:
    """Propose another number of repetitions of a loop.

    ``i += 2`` becomes ``i += 1``, ``range(10)`` becomes ``range(epochs)`` for each parameter of the
    function, and ``while i < n`` becomes ``while i <= n`` or the reverse.
    """
    for node in walk(text.tree):
        if isinstance(node, ast.AugAssign) and is_number(node.value):
            yield text.put("count", text.spot(node.value), "1")
        elif isinstance(node, ast.Call) and last_name(node.func) == "range":
            for name in text.parameters(node) if all(map(is_number, node.args)) else ():
                yield text.put("count", text.spot(node.args[-1]), name)
        elif isinstance(node, ast.While) and isinstance(node.test, ast.Compare):
            for other in map(EDGES.get, map(type, node.test.ops[:1])):
                if other is not None:
                    test = with_parts(node.test, ops=[other(), *node.test.ops[1:]])
                    yield text.put("count", text.spot(node.test), ast.unparse(test))


def missing_calls(text: Text, task: Task) -> Iterator[Proposal]:
    """Propose ``zero_grad()`` before, or ``step()`` after, each call of ``backward()``.

    Also propose ``with torch.no_grad():`` around each ``for`` loop that updates with an augmented
    assignment such as ``p -= rate * p.grad``. The calls are on optimizers and models of the text.
    """
    names = called_on(text, "step", "zero_grad")
    names += [
        ast.unparse(node.targets[0])
        for node in every(ast.Assign, text.tree)
        if isinstance(node.value, ast.Call) and last_name(node.value.func) in OPTIMIZERS
    ]
    for node in walk(text.tree):
        if isinstance(node, ast.Expr) and called_method(node.value) == "backward":
            for name in filter(None, dict.fromkeys(names)):
                yield text.beside("missing", node, f"{name}.zero_grad()", before=True)
                yield text.beside("missing", node, f"{name}.step()")
            for name in called_on(text, "parameters"):
                yield text.beside("missing", node, f"{name}.zero_grad()", before=True)
        if isinstance(node, ast.For) and any(isinstance(each, ast.AugAssign) for each in node.body):
            # A parameter is no part of the graph where it is stepped.
            at, own = text.spot(node), text.own(node)
            indent = own[0][: at.start]
            inside = [f"{indent}with torch.no_grad():", *(f"    {line}" for line in own)]
            yield text.moved("missing", at.first, at.last, inside, text.spot(node.iter))


def missing_statements(text: Text, task: Task) -> Iterator[Proposal]:
    """Propose a missing ``loss.backward()``, and a missing ``super().__init__()``.

    If the text never calls ``backward()``, it is proposed before each step in a loop or function,
    for each name that a call is assigned to. If the step is elsewhere in the text, it is proposed
    after each assignment.
    """
    within = [n for n in walk(text.tree) if isinstance(n, (*LOOPS, ast.FunctionDef))]
    if calls_method(text.tree, "backward"):
        within = []
    for node in within:
        made = [each for each in node.body if isinstance(each, ast.Assign)]
        steps = [n for n in node.body if calls_method(n, "step") or any(steps_by_hand(n))]
        losses = [last_name(each.targets[0]) for each in made if isinstance(each.value, ast.Call)]
        for name in reversed(losses):
            for last in steps or (made if calls_method(text.tree, "step") else []):
                yield text.beside("left out", last, f"{name}.backward()", before=bool(steps))
    for model in every(ast.ClassDef, text.tree):
        for method in model.body if model.bases else ():
            if getattr(method, "name", "") == "__init__" and not calls_method(method, "__init__"):
                first = method.body[0]  # type: ignore[attr-defined]
                yield text.beside("left out", first, "super().__init__()", before=True)


def moved_calls(text: Text, task: Task) -> Iterator[Proposal]:
    """Propose to move a call to each other place of its training loop or function.

    Calls of ``backward()`` are moved last, near places first. Two elements of a tuple that is a
    statement are exchanged too: ``step(), backward()``.
    """
    for node in every(ast.Expr, text.tree):
        if isinstance(node.value, ast.Tuple):
            for pair in combinations(node.value.elts, 2):
                yield text.put_each("moved", exchanged(pair))
    for block in _blocks(text):
        calls = [(n, node) for n, node in enumerate(block) if isinstance(node, ast.Expr)]
        ways = [
            (calls_method(node, "backward"), abs(to - number), number, to)
            for number, node in calls
            for to in range(len(block))
            if to not in (number, number - 1)
        ]
        for _, _, number, to in sorted(ways):
            yield _at(text, block, number, to)


def _at(text: Text, block: list[ast.stmt], number: int, to: int) -> Proposal:
    """Return the proposal that moves statement ``number`` of a block to position ``to``.

    Both count from 0. The statements between the two positions are shifted by one.
    """
    order = list(range(len(block)))
    order.insert(to, order.pop(number))
    first, last = min(number, to), max(number, to)
    lines = [line for each in order[first : last + 1] for line in text.own(block[each])]
    ends = block[first].lineno, block[last].end_lineno or 0
    return text.moved("moved", *ends, lines, text.spot(block[number]))


def dropped_statements(text: Text, task: Task) -> Iterator[Proposal]:
    """Propose to leave out a call, an ``if`` that begins with ``break``, or an assignment.

    The assignment must be to a name that its own value reads, or that exists before: a parameter of
    the function or, for a loop outside of functions, a name assigned at the top level.
    """
    before = {last_name(n.targets[0]) for n in text.tree.body if isinstance(n, ast.Assign)}
    for block in walk(text.tree):
        function = block if isinstance(block, ast.FunctionDef) else None
        if function or (block in text.tree.body and isinstance(block, LOOPS)):
            handed = {each.arg for each in function.args.args} if function else before
            for node in walk(block):
                again = isinstance(node, ast.Assign) and (
                    last_name(node.targets[0]) in handed | names_in(node.value)
                )
                called = isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
                leaves = isinstance(node, ast.If) and isinstance(node.body[0], ast.Break)
                if isinstance(node, ast.stmt) and (again or called or leaves):
                    at = text.spot(node)
                    yield text.moved("dropped", at.first, at.last, [], at)


def other_indents(text: Text, task: Task) -> Iterator[Proposal]:
    """Propose to move a statement into a loop or out of it, at the loop's start or end.

    An append or ``return`` at the end is moved out, the statement after a loop is moved in, and an
    initial assignment is moved to the other side of the loop's head.
    """
    for parent in walk(text.tree):
        block = getattr(parent, "body", ())
        for loop, following in pairwise([*block, None] if isinstance(block, list) else ()):
            if isinstance(loop, LOOPS) and loop.body[0].lineno > loop.lineno:
                *before, end = loop.body
                ends = (
                    isinstance(end, ast.Return)
                    or called_method(getattr(end, "value", end)) == "append"
                )
                for above, node, to in ((before[-1:] * ends, end, loop), ([end], following, end)):
                    if node is not None and above:
                        more = " " * to.col_offset
                        lines = [more + line for line in text.own(node, node.col_offset)]
                        first, at = text.spot(above[0]).last, text.spot(node)
                        lines = [*text.lines[first - 1 : at.first - 1], *lines]
                        yield text.moved(INDENTED, first, at.last, lines, at)
        for one, loop in pairwise([None, *block] if isinstance(block, list) else ()):
            if isinstance(loop, LOOPS):
                inner, alone = loop.body[0], len(loop.body) == 1
                head = text.lines[loop.lineno - 1 : inner.lineno - 1]
                if isinstance(one, ast.Assign):
                    line, at = " " * inner.col_offset + ast.unparse(one), text.spot(one)
                    yield text.moved(INDENTED, at.first, inner.lineno - 1, [*head, line], at)
                if isinstance(inner, ast.Assign) and not (alone or names_in(inner.value)):
                    line, at = " " * loop.col_offset + ast.unparse(inner), text.spot(inner)
                    yield text.moved(INDENTED, loop.lineno, at.last, [line, *head], at)


def kept_in_each_round(text: Text, task: Task) -> Iterator[Proposal]:
    """Propose to move an ``append`` out of an ``if`` without ``else``, before the ``if``.

    Then every round of a loop appends. An ``if`` that is empty then is removed.
    """
    for node in every(ast.If, text.tree):
        whole, kept = text.spot(node), [each for each in node.body if isinstance(each, ast.Expr)]
        for each in kept if not node.orelse else ():
            at = text.spot(each)
            if called_method(each.value) == "append" and whole.first < at.first:
                own = text.own(each, each.col_offset - node.col_offset)
                above = text.lines[whole.first - 1 : at.first - 1]
                rest = [*above, *text.lines[at.last : whole.last]] if len(node.body) > 1 else []
                yield text.moved("each round", whole.first, whole.last, [*own, *rest], at)


def handed_parameters(text: Text, task: Task) -> Iterator[Proposal]:
    """Propose a function's unread parameter for each positional argument of the calls in it."""
    for function in text.functions:
        for name in unread_in(function):
            for call in every(ast.Call, function):
                yield from (text.put("handed", text.spot(each), name) for each in call.args)


def returned_values(text: Text, task: Task) -> Iterator[Proposal]:
    """Propose a missing ``return``, and ``return losses`` for ``return losses[-1]``.

    Only functions that call ``backward()`` are changed. Without any ``return``, each list that is
    appended to and each loss is proposed as last line.
    """
    for function in (each for each in text.functions if calls_method(each, "backward")):
        returns = every(ast.Return, function)
        if not returns:
            losses = [f"{name}.item()" for name in called_on(text, "backward")]
            for name in (*called_on(text, "append"), *losses):
                yield text.beside("missing", function.body[-1], f"return {name}")
        for node in returns:
            if isinstance(node.value, ast.Subscript):
                yield text.put("entry", text.spot(node.value), ast.unparse(node.value.value))


def loops_over_batches(text: Text) -> Iterator[Spot]:
    """Yield the iterable of each ``for`` loop that trains inside another training loop.

    A loop trains if it calls ``backward()``.
    """
    loops = [n for n in walk(text.tree) if isinstance(n, LOOPS) and calls_method(n, "backward")]
    for outer in loops:
        for node in loops:
            if isinstance(node, ast.For) and node is not outer and node in walk(outer):
                yield text.spot(node, node.iter)


def loops_over_epochs(text: Text) -> Iterator[Spot]:
    """Yield the head of each ``for`` loop that trains and is in no other training loop."""
    loops = [n for n in walk(text.tree) if isinstance(n, LOOPS) and calls_method(n, "backward")]
    for node in loops:
        inside = any(node is not outer and node in walk(outer) for outer in loops)
        if isinstance(node, ast.For) and not inside:
            yield text.spot(node, node.iter)


def rates_handed_over(text: Text) -> Iterator[Spot]:
    """Yield the learning rates that calls are given by name, as in ``SGD(parameters, lr=0.1)``."""
    for node in walk(text.tree):
        if isinstance(node, ast.Call):
            yield from (text.spot(word.value) for word in node.keywords if word.arg == "lr")


def _blocks(text: Text) -> Iterator[list[ast.stmt]]:
    """Yield the bodies of loops and functions that compute gradients or update parameters.

    Only bodies whose statements stand on separate lines are yielded.
    """
    for node in walk(text.tree):
        if isinstance(node, (*LOOPS, ast.FunctionDef)) and (
            calls_method(node, "backward") or any(steps_by_hand(node))
        ):
            apart = all((one.end_lineno or 0) < two.lineno for one, two in pairwise(node.body))
            if apart and node.lineno < node.body[0].lineno:
                yield node.body


INDENTED = "indented"
"""The kind of change that is told with a line that stays, for that to be seen."""
