"""Changes of a text that builds and trains a torch model, each with the mistakes it may mend.

They are proposals: nobody has looked yet whether one makes anything right. Where it is not the
change of one mistake alone, as a statement at another place, it is tried for each.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Collection, Iterator, Mapping
from itertools import combinations, pairwise, permutations, product
from typing import TypeGuard

from gradkit.diagnosis.inquiry.training import CUTTING
from gradkit.diagnosis.repair.ask import Proposal
from gradkit.diagnosis.repair.spelling import SPELLINGS, others, unreturned
from gradkit.diagnosis.repair.text import Spot, Text, attributes_in, exchanged, is_stored
from gradkit.diagnosis.repair.torch_names import ACTIVATIONS, LOSSES, OPTIMIZERS, OVER, TENSORS
from gradkit.records.task import Task
from gradkit.runtime.repair.tree import with_parts
from gradkit.runtime.syntax import (
    LOOPS,
    called_method,
    last_name,
    names_in,
    unread_parameters,
    walk,
)
from gradkit.runtime.training import calls_method

FLAT = frozenset(["squeeze", "reshape", "view", "flatten", "ravel", "reshape_as", "view_as"])
COLUMN = frozenset(["view", "reshape", "unsqueeze"])
"""Calls that may make a column."""

SUMS = {"sum": "mean", "mean": "sum", "log10": "log", "log2": "log"}
CHANGING = frozenset(["add", "sub", "copy", "addcmul", "zero"])
"""Methods that have a twin, with an underscore, which changes what it is called on."""

OPPOSITE = {"add_": "sub_", "sub_": "add_"}
KEPT = frozenset(["backward", "step", "zero_grad", "parameters", "append", "range", "format"])
"""Calls without which nothing is left of a loop."""


Changes = Callable[[Text, Task], Iterator[Proposal]]


def changes(task: Task, text: Text) -> Iterator[Proposal]:
    """Yield all changes of the text of a cell, likely ones first.

    What counts the rounds of a ``while`` loop is not changed but in how much it counts: a loop that
    never ends by itself is ended in time here.
    """
    tests = [names_in(node.test) for node in walk(text.tree) if isinstance(node, ast.While)]
    counters = set().union(*tests)
    counting = {n.lineno for n in walk(text.tree) if isinstance(n, ast.stmt) and _sets(n, counters)}
    for kind, (make, _, _) in KINDS.items():
        yield from (one for one in make(text, task) if kind == "count" or one.line not in counting)


def _sets(node: ast.stmt, names: set[str]) -> bool:
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return any(isinstance(each, ast.Name) and each.id in names for each in targets)


def _group(name: str, groups: tuple[Mapping[str, str], ...]) -> Mapping[str, str]:
    return next((group for group in groups if name in group.values()), {})


def _called_on(text: Text, *methods: str) -> list[str]:
    """Return the names, with what they are of, that some methods are called on, each once."""
    functions = [call.func for call in text.calls if called_method(call) in methods]
    values = [each.value for each in functions if isinstance(each, ast.Attribute)]
    named = [ast.unparse(each) for each in values if isinstance(each, ast.Name | ast.Attribute)]
    return list(dict.fromkeys(named))


def _applied(called: str, name: str, *arguments: str) -> str:
    return f"{called}({', '.join([*arguments, *filter(None, [OVER.get(name)])])})"


def _front(function: ast.expr) -> str:
    """Return what stands before the name of a function, with its dot."""
    return ast.unparse(function).removesuffix(last_name(function))


def _renamed(text: Text, kind: str, node: ast.expr, name: str) -> Proposal:
    at = text.spot(node)
    return text.put(kind, Spot(at.last, at.end - len(last_name(node)), at.last, at.end), name)


def _optimizers(text: Text, task: Task) -> Iterator[Proposal]:
    """Plain gradient descent in the place of another, with its rate alone."""
    for node in text.calls:
        if last_name(node.func) in OPTIMIZERS - {"SGD"}:
            yield _renamed(text, "optimizer", node.func, "SGD")
            rates = [ast.unparse(each) for each in node.keywords if each.arg == "lr"]
            rates += [f"lr={ast.unparse(each)}" for each in node.args[1:2]]
            front = ast.unparse(node.func).rpartition(".")[0]
            for rate in rates or [f"lr={name}" for name in text.parameters(node)]:
                call = f"{front}.SGD({ast.unparse(node.args[0])}, {rate})" if node.args else ""
                if call and front:
                    yield text.put("optimizer", text.spot(node), call)


def _losses(text: Text, task: Task) -> Iterator[Proposal]:
    """The task's loss in the place of another, by what it is made of, or by its name."""
    for node in walk(text.tree):
        if isinstance(node, ast.Attribute | ast.Name):
            group = _group(last_name(node), LOSSES)
            for right in map(group.get, (task.loss, "logits")):
                if right not in (None, last_name(node)):
                    yield _renamed(text, "loss", node, right)
    own = [name for name, of in text.made.losses.items() if of == LOSSES[0].get(task.loss)]
    for node in text.calls:
        if len(node.args) == 2 and isinstance(node.func, ast.Name):
            for name in own if node.func.id not in own else ():
                yield text.put("loss", text.spot(node.func), name)


def _activations(text: Text, task: Task) -> Iterator[Proposal]:
    """One of the task's activations in the place of another, or around what has none."""
    wanted = dict.fromkeys(layer.activation for layer in task.layers)
    for node in walk(text.tree):
        if isinstance(node, ast.Attribute | ast.Name):
            group = _group(last_name(node), ACTIVATIONS)
            for right in [group.get(name, "") for name in wanted]:
                if right not in ("", last_name(node)):
                    yield _renamed(text, "activation", node, right)
    for node in text.calls:
        group = _group(last_name(node.func), ACTIVATIONS)
        taken = [ast.unparse(each) for each in node.args if not isinstance(each, ast.Constant)]
        options = len(taken) < len(node.args) + len(node.keywords)
        for name in wanted:
            if group.get(name, "") not in ("", last_name(node.func)) and (options or name in OVER):
                whole = f"{_front(node.func)}{_applied(group[name], name, *taken)}"
                yield text.put("activation", text.spot(node), whole)
    nodes = list(dict.fromkeys(each for made in text.computing for each in walk(made)))
    sums = [n.value for n in nodes if isinstance(n, ast.Assign | ast.Return)]
    for node in nodes:
        for name in filter(ACTIVATIONS[1].get, wanted):
            if isinstance(node, ast.Call) or (isinstance(node, ast.BinOp) and node in sums):
                whole = _applied(ACTIVATIONS[1][name], name, ast.unparse(node))
                yield text.put("wrapped", text.spot(node), f"torch.{whole}")
    for node in reversed(text.calls):
        if called_method(node) == "add_module":
            at = text.spot(node)
            base, own = ast.unparse(node.func), text.lines[at.first - 1 : at.last]
            for name in filter(ACTIVATIONS[0].get, wanted):
                layer = f"torch.nn.{_applied(ACTIVATIONS[0][name], name)}"
                more = f'{" " * at.start}{base}("activation", {layer})'
                yield text.moved("wrapped", at.first, at.last, [*own, more], at)
    for node in text.calls:
        if last_name(node.func) == "Sequential":
            front = _front(node.func) or "torch.nn."
            named = [n for n in walk(node) if isinstance(n, ast.Tuple) and len(n.elts) == 2]
            for part in reversed(named or node.args):
                for name in filter(ACTIVATIONS[0].get, wanted):
                    layer = f"{front}{_applied(ACTIVATIONS[0][name], name)}"
                    at, more = text.spot(part), f'("activation", {layer})' if named else layer
                    end = Spot(at.last, at.end, at.last, at.end)
                    yield text.put("wrapped", end, f", {more}", at)


def _options(text: Text, task: Task) -> Iterator[Proposal]:
    """A call without one of its options."""
    known = (
        OPTIMIZERS
        | {"DataLoader", "Linear", "Parameter"}
        | {n for group in LOSSES for n in group.values()}
    )
    for node in text.calls:
        if last_name(node.func) in known:
            options = [k for k in node.keywords if k.arg not in (None, "lr", "params")]
            for some in [*([each] for each in options), options]:
                left = [ast.unparse(a) for a in node.args]
                left += [ast.unparse(k) for k in node.keywords if k not in some]
                whole = f"{ast.unparse(node.func)}({', '.join(left)})"
                if some:
                    yield text.put("option", text.spot(node), whole, text.spot(some[0]))
        elif called_method(node) == "__init__" and ast.unparse(node).startswith("super("):
            yield text.put("option", text.spot(node), "super().__init__()")


def _rates(text: Text, task: Task) -> Iterator[Proposal]:
    """The rate that is handed over, or the task's, in the place of another."""
    for holder in walk(text.tree):
        for name, step in product(_idle(holder), _by_hand(holder)):
            whole = f"{name} * {ast.unparse(step.value)}"
            yield text.put("multiplied", text.spot(step.value), whole)
    given = [node.value for node in walk(text.tree) if isinstance(node, ast.Assign)]
    parts = [*given, *(part for step in _by_hand(text.tree) for part in walk(step.value))]
    rates = [n for n in parts if isinstance(n, ast.expr) and type(getattr(n, "value", 0)) is float]
    for node in text.calls:
        if last_name(node.func) in OPTIMIZERS:
            rates += [each.value for each in node.keywords if each.arg == "lr"] or node.args[1:2]
    for value in reversed(rates):
        for name in (*text.parameters(value), repr(float(task.rates.weight))):
            if name != ast.unparse(value):
                yield text.put("rate", text.spot(value), name)


def _idle(holder: ast.AST) -> list[str]:
    """Return the parameters of a function, or the attributes of a class, that it never reads."""
    if isinstance(holder, ast.FunctionDef):
        return unread_parameters(holder)
    parts = attributes_in(holder) if isinstance(holder, ast.ClassDef) else []
    named = [each for each in parts if isinstance(each.value, ast.Name)]
    held = {each.attr for each in named if isinstance(each.ctx, ast.Load)}
    return [ast.unparse(each) for each in named if each.attr not in held]


def _by_hand(node: ast.AST) -> Iterator[ast.Assign | ast.AugAssign]:
    """Yield the statements that make a step of a gradient, or of what they reach the numbers of."""
    for each in walk(node):
        if isinstance(each, ast.Assign | ast.AugAssign):
            targets = each.targets if isinstance(each, ast.Assign) else [each.target]
            reached = any(getattr(target, "attr", "") == "data" for target in targets)
            if reached or any(part.attr == "grad" for part in attributes_in(each.value)):
                yield each


def _batches(text: Text, task: Task) -> Iterator[Proposal]:
    """All rows in one batch."""
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
    for made in walk(text.tree):
        if isinstance(made, ast.Assign):
            parts = [each for each in walk(made.value) if isinstance(each, ast.Subscript)]
            some = [(p, ast.unparse(p.value)) for p in parts if isinstance(p.slice, ast.Slice)]
            if some:
                yield text.put_each("batch", some)


def _calls(text: Text, task: Task) -> Iterator[Proposal]:
    """What a call is made of, in the place of the call."""
    for node in text.calls:
        if (name := last_name(node.func)) not in KEPT:
            inside = text.function(node.lineno) == "__init__"
            if (
                isinstance(node.func, ast.Attribute)
                and not inside
                and (all(map(_is_number, node.args)) or name in FLAT | {"unsqueeze", "to"})
            ):
                kind = "cut" if name in CUTTING else "call"
                parts = dict.fromkeys([node.func.value, _uncut(node), _compared(node)])
                for part in filter(None, parts):
                    yield text.put(kind, text.spot(node), ast.unparse(part))
            if len(node.args) == 1 and not node.keywords and not inside:
                (argument,) = node.args
                if not _is_number(argument):
                    yield text.put("call", text.spot(node), ast.unparse(argument))


def _is_number(node: ast.expr) -> bool:
    value = node.operand if isinstance(node, ast.UnaryOp) else node
    return isinstance(value, ast.Constant)


def _made_of(node: ast.expr) -> ast.expr | None:
    """Return what a method is called on, or an attribute is one of."""
    function = node.func if isinstance(node, ast.Call) else node
    return function.value if isinstance(function, ast.Attribute) else None


def _uncut(node: ast.expr) -> ast.expr:
    """Return an expression without all that cuts its graph at the end of it."""
    function = node.func if isinstance(node, ast.Call) else node
    inner = _made_of(node) if last_name(function) in CUTTING else None
    return node if inner is None else _uncut(inner)


def _compared(node: ast.expr) -> ast.expr | None:
    """Return what is compared in a chain of methods that starts with that."""
    inner: ast.expr | None = node
    while inner is not None and not isinstance(inner, ast.Compare):
        inner = _made_of(inner)
    return inner.left if inner is not None else None


def _layers(text: Text, task: Task) -> Iterator[Proposal]:
    """A stack, or a list, without one of its layers."""
    for node in text.calls:
        stacked, listed = (last_name(node.func) == of for of in ("Sequential", "ModuleList"))
        for row in [node, *node.args] if stacked or listed else ():
            layers = row.elts if isinstance(row, ast.List) else node.args if row is node else []
            for each in layers if len(layers) > 1 else ():
                left = ", ".join(ast.unparse(a) for a in layers if a is not each)
                whole = f"[{left}]" if row is not node else f"{ast.unparse(node.func)}({left})"
                yield text.put("layer", text.spot(row), whole, text.spot(each))


def _withheld(text: Text, task: Task) -> Iterator[Proposal]:
    """What stands in a ``with``, without it."""
    for node in walk(text.tree):
        if isinstance(node, ast.With) and node.body[0].lineno > node.lineno:
            inside = text.lines[node.body[0].lineno - 1 : node.end_lineno]
            more = node.body[0].col_offset - node.col_offset
            at, head = text.spot(node), node.items[-1].context_expr
            end = text.spot(head)
            part = Spot(at.first, at.start, end.last, end.end)
            name = last_name(head.func) if isinstance(head, ast.Call) else ""
            kind = "cut" if name in CUTTING else "with"
            yield text.moved(kind, at.first, at.last, [line[more:] for line in inside], part)


def _operands(text: Text, task: Task) -> Iterator[Proposal]:
    """One side of a product, quotient, sum or difference in the place of both."""
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


def _branches(text: Text, task: Task) -> Iterator[Proposal]:
    """One of two values, whatever the condition."""
    for node in walk(text.tree):
        if isinstance(node, ast.IfExp):
            for part in (node.orelse, node.body):
                yield text.put("branch", text.spot(node), ast.unparse(part))


def _sums(text: Text, task: Task) -> Iterator[Proposal]:
    """A mean in the place of a sum, or the other way round; the natural logarithm of another."""
    functions = [node.func for node in text.calls if last_name(node.func) in SUMS]
    for node in functions:
        yield _renamed(text, "sum", node, SUMS[last_name(node)])
    for name in dict.fromkeys(map(ast.unparse, functions)):
        alike = [node for node in functions if ast.unparse(node) == name]
        if len(alike) > 1:
            right = f"{_front(alike[0])}{SUMS[last_name(alike[0])]}"
            yield text.put_each("sum", ((node, right) for node in alike))


def _shapes(text: Text, task: Task) -> Iterator[Proposal]:
    """What the model gives, in the shape of the targets: where it is called, not inside of it."""
    methods = {name.rpartition(".")[2] for name in text.there if "." in name}
    for node in (n for n in walk(text.tree) if isinstance(n, ast.Call | ast.Subscript)):
        model = _model_called(node.value if isinstance(node, ast.Subscript) else node, methods)
        if model and not text.computes(node.lineno):
            yield text.put("shape", text.spot(node), f"{ast.unparse(model)}.squeeze(-1)")
    for node in text.calls:
        if called_method(node) in COLUMN and isinstance(node.func, ast.Attribute):
            yield text.put("shape", text.spot(node), f"{ast.unparse(node.func.value)}.flatten()")
            if len(node.args) == 2:
                yield text.put_each("shape", exchanged(node.args))


def _model_called(node: ast.expr, methods: Collection[str]) -> ast.Call | None:
    """Return the call of a model, or of a method of the text's, that an expression is.

    Or that other methods are called on; None where one of them cuts the graph, which is another
    mistake.
    """
    if not isinstance(node, ast.Call) or called_method(node) in CUTTING:
        return None
    of = node.func.value if isinstance(node.func, ast.Attribute) else None
    own = of is None or called_method(node) in methods
    own |= isinstance(of, ast.Name) and of.id == "self"
    if own and len(node.args) == 1 and not hasattr(builtins, last_name(node.func)):
        return node
    return _model_called(of, methods) if of is not None else None


def _terms(text: Text, task: Task) -> Iterator[Proposal]:
    """What a model holds and never reads, added to what it computes, or called with it."""
    for model in walk(text.tree):
        if isinstance(model, ast.ClassDef):
            nodes = walk(model)
            parts = [n.value for n in nodes if isinstance(n, ast.Assign | ast.Return)]
            parts += [part for n in nodes if isinstance(n, ast.Call) for part in n.args]
            parts += [n for n in nodes if isinstance(n, ast.BinOp)]
            for part in dict.fromkeys(parts):
                if isinstance(part, ast.Name | ast.BinOp | ast.Call) and text.computes(part.lineno):
                    for held in _idle(model):
                        yield text.put("term", text.spot(part), f"{ast.unparse(part)} + {held}")
                        yield text.put("wrapped", text.spot(part), f"{held}({ast.unparse(part)})")


def _recorded(text: Text, task: Task) -> Iterator[Proposal]:
    """The loss that is propagated back, recorded in the place of something else, and in a list."""
    made = [n for n in walk(text.tree) if isinstance(n, ast.Assign)]
    begun = {ast.unparse(n.targets[0]) for n in made if ast.unparse(n.value) == "[]"}
    for node in made:
        own = node.value.elts if isinstance(node.value, ast.List) else [node.value]
        if own and (history := ast.unparse(node.targets[0])) in begun:
            whole = f"{history}.append({', '.join(map(ast.unparse, own))})"
            yield text.put("added", text.spot(node), whole)
    names = _called_on(text, "backward")
    appended = [n for n in text.calls if called_method(n) == "append" and len(n.args) == 1]
    values = [node.args[0] for node in appended]
    for function in walk(text.tree):
        if isinstance(function, ast.FunctionDef) and calls_method(function, "backward"):
            values += [n.value for n in walk(function) if isinstance(n, ast.Return) and n.value]
    for value in values:
        for name in names:
            yield text.put("recorded", text.spot(value), f"{name}.item()")


def _registered(text: Text, task: Task) -> Iterator[Proposal]:
    """Layers in a list that torch knows of, and tensors as parameters: one, or all."""
    tensors: list[tuple[ast.expr, str]] = []
    known = set(TENSORS)
    for node in walk(text.tree):
        if not isinstance(node, ast.Assign):
            continue
        value, whole = node.value, ast.unparse(node.value)
        made = {last_name(each.func) for each in walk(value) if isinstance(each, ast.Call)}
        if not isinstance(node.targets[0], ast.Attribute):
            known |= {last_name(node.targets[0])} if made & TENSORS else set()
        elif isinstance(value, ast.List | ast.ListComp | ast.Tuple | ast.Dict):
            of = "Dict" if isinstance(value, ast.Dict) else "List"
            for name in (f"Module{of}", f"Parameter{of}"):
                yield text.put("registered", text.spot(value), f"torch.nn.{name}({whole})")
        elif {last_name(value), *made} & known and not made & {"Parameter", "Linear"}:
            tensors.append((value, f"torch.nn.Parameter({whole})"))
    for value, whole in tensors:
        yield text.put("registered", text.spot(value), whole)
    if len(tensors) > 1:
        yield text.put_each("registered", tensors)


PARAMETERS = ("weight", "bias")
"""What the parameters of a layer are called."""


def _given(text: Text, task: Task) -> Iterator[Proposal]:
    """All parameters of the model, for the optimiser or for a loop that makes the steps."""
    handed = [
        ("given", node.args[0])
        for node in text.calls
        if last_name(node.func) in OPTIMIZERS and node.args
    ]
    handed += [
        ("each", node.iter)
        for node in walk(text.tree)
        if isinstance(node, ast.For)
        and any(ast.unparse(n) == f"{ast.unparse(node.target)}.grad" for n in attributes_in(node))
    ]
    handed += [("given", node) for node in text.calls if called_method(node) == "parameters"]
    for kind, value in handed:
        names = [*map(ast.unparse, [each.value for each in attributes_in(value)] or [value])]
        for name in dict.fromkeys([*names, *text.parameters(value)[:1], *text.made.models]):
            yield text.put(kind, text.spot(value), f"{name}.parameters()")
    for node in walk(text.tree):
        if not isinstance(node, ast.List | ast.Tuple) or not node.elts:
            continue
        if all(getattr(part, "attr", "") in PARAMETERS for part in node.elts):
            # A list is gone through as often as it is asked for.
            names = [*map(ast.unparse, (each.value for each in attributes_in(node)))]
            for name in dict.fromkeys(reversed(names)):
                yield text.put("given", text.spot(node), f"list({name}.parameters())")


def _swapped(text: Text, task: Task) -> Iterator[Proposal]:
    """What the model gives and the targets, the other way round in a loss."""
    for node in text.calls:
        if len(node.args) == 2 and (
            isinstance(node.func, ast.Name)
            or last_name(node.func) == "Linear"
            or _group(last_name(node.func), LOSSES)
        ):
            one, two = map(text.spot, node.args)
            both = ", ".join(ast.unparse(each) for each in reversed(node.args))
            yield text.put("swapped", Spot(one.first, one.start, two.last, two.end), both)


def _signs(text: Text, task: Task) -> Iterator[Proposal]:
    """A difference in the place of a sum, the other way round, or minus a formula."""
    for node in walk(text.tree):
        if isinstance(node, ast.BinOp):
            yield from _turned(text, node.op, text.spot(node.left), text.spot(node.right))
        elif isinstance(node, ast.AugAssign) and not _is_number(node.value):
            yield from _turned(text, node.op, text.spot(node.target), text.spot(node.value))
    for node in text.calls:
        if name := OPPOSITE.get(called_method(node)):
            yield _renamed(text, "sign", node.func, name)
    for node in text.calls:
        if last_name(node.func) == "exp" and len(node.args) == 1:
            negated = ast.unparse(ast.UnaryOp(ast.USub(), node.args[0]))
            yield text.put("sign", text.spot(node.args[0]), negated)
    for node in walk(text.tree):
        value = node.value if isinstance(node, ast.Return | ast.Assign) else None
        if value and any(isinstance(each, ast.BinOp) for each in walk(value)):
            negated = ast.unparse(ast.UnaryOp(ast.USub(), value))
            yield text.put("sign", text.spot(value), negated)


def _turned(text: Text, operator: ast.operator, left: Spot, right: Spot) -> Iterator[Proposal]:
    """Yield the change of a plus or a minus between two parts of a line."""
    signs = {ast.Add: "+-", ast.Sub: "-+"}.get(type(operator))
    if signs and left.last == right.first:
        at = text.lines[left.last - 1].index(signs[0], left.end)
        yield text.put("sign", Spot(left.last, at, left.last, at + 1), signs[1])


def _brackets(text: Text, task: Task) -> Iterator[Proposal]:
    """A sign, or a call, that reaches over an operand more."""
    for node in walk(text.tree):
        if isinstance(node, ast.BinOp):
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


def _in_place(text: Text, task: Task) -> Iterator[Proposal]:
    """A step that changes a parameter, and not what its name stands for."""
    for node in walk(text.tree):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.BinOp):
            name, value = ast.unparse(node.targets[0]), node.value
            signs = {ast.Add: "+", ast.Sub: "-"}.get(type(value.op))
            if signs and ast.unparse(value.left) == name:
                step = f"{name} {signs}= {ast.unparse(value.right)}"
                yield text.put(IN_PLACE, text.spot(node), step)
    for each in _by_hand(text.tree):
        target = each.targets[0] if isinstance(each, ast.Assign) else None
        if isinstance(target, ast.Name):
            yield text.put(IN_PLACE, text.spot(target), f"{target.id}.data")


def _subtracted(text: Text, task: Task) -> Iterator[Proposal]:
    """A step that changes a parameter, in the place of one that is all that is left of it."""
    for node in _by_hand(text.tree):
        if isinstance(node, ast.Assign):
            name, value = ast.unparse(node.targets[0]), ast.unparse(node.value)
            if name not in value:
                yield text.put("added", text.spot(node.value), f"{name} + {value}")
                yield text.put("added", text.spot(node.value), f"{name} - {value}")


def _kept(text: Text, task: Task) -> Iterator[Proposal]:
    """A method that changes a tensor, in the place of one whose result nobody keeps."""
    for node in walk(text.tree):
        call = node.value if isinstance(node, ast.Expr) else None
        if isinstance(call, ast.Call) and (name := called_method(call)) in CHANGING:
            yield _renamed(text, "kept", call.func, f"{name}_")


def _counts(text: Text, task: Task) -> Iterator[Proposal]:
    """One more, in the place of another number more; the rounds that are asked for."""
    for node in walk(text.tree):
        if isinstance(node, ast.AugAssign) and _is_number(node.value):
            yield text.put("count", text.spot(node.value), "1")
        elif isinstance(node, ast.Call) and last_name(node.func) == "range":
            for name in text.parameters(node) if all(map(_is_number, node.args)) else ():
                yield text.put("count", text.spot(node.args[-1]), name)


def _formulas(text: Text, task: Task) -> Iterator[Proposal]:
    """The task's loss in the place of a formula of two values."""
    right, stepped = LOSSES[1].get(task.loss), _called_on(text, "backward")
    held = {node.arg for node in walk(text.tree) if isinstance(node, ast.arg)}
    held |= {n.id for n in walk(text.tree) if isinstance(n, ast.Name) and is_stored(n)}
    for node in walk(text.tree) if task.loss == "squared_error" else ():
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow) and _is_number(node.right):
            yield text.put("formula", text.spot(node.right), "2")
        elif isinstance(node, ast.Call) and last_name(node.func) == "abs":
            value = node.args[0] if node.args else _made_of(node)
            if value is not None:
                square = ast.BinOp(value, ast.Pow(), ast.Constant(2))
                yield text.put("formula", text.spot(node), f"({ast.unparse(square)})")
    for node in walk(text.tree):
        if isinstance(node, ast.Return) or (
            isinstance(node, ast.Assign) and last_name(node.targets[0]) in stepped
        ):
            value = node.value
            if value and any(isinstance(each, ast.BinOp) for each in walk(value)):
                names = [n.id for n in walk(value) if isinstance(n, ast.Name) and n.id in held]
                both = list(dict.fromkeys(names))
                for pair in permutations(both) if len(both) == 2 and right else ():
                    whole = f"torch.nn.functional.{right}({', '.join(pair)})"
                    yield text.put("formula", text.spot(value), whole)


def _missing(text: Text, task: Task) -> Iterator[Proposal]:
    """Gradients cleared before each is computed, or a step after it."""
    names = _called_on(text, "step", "zero_grad")
    names += [
        ast.unparse(node.targets[0])
        for node in walk(text.tree)
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Call)
        and last_name(node.value.func) in OPTIMIZERS
    ]
    for node in walk(text.tree):
        if isinstance(node, ast.Expr) and called_method(node.value) == "backward":
            at = text.spot(node)
            own, indent = text.lines[at.first - 1 : at.last], text.lines[at.first - 1][: at.start]
            for name in filter(None, dict.fromkeys(names)):
                clear, step = f"{indent}{name}.zero_grad()", f"{indent}{name}.step()"
                yield text.moved("missing", at.first, at.last, [clear, *own], at)
                yield text.moved("missing", at.first, at.last, [*own, step], at)
            for name in _called_on(text, "parameters"):
                clear = f"{indent}{name}.zero_grad()"
                yield text.moved("missing", at.first, at.last, [clear, *own], at)
        if isinstance(node, ast.For) and any(isinstance(each, ast.AugAssign) for each in node.body):
            # A parameter is no part of the graph where it is stepped.
            at = text.spot(node)
            own, indent = text.lines[at.first - 1 : at.last], text.lines[at.first - 1][: at.start]
            inside = [f"{indent}with torch.no_grad():", *(f"    {line}" for line in own)]
            yield text.moved("missing", at.first, at.last, inside, text.spot(node.iter))


def _unsaid(text: Text, task: Task) -> Iterator[Proposal]:
    """Gradients computed where a step needs them, a result returned, a model begun as a module."""
    yield from unreturned(text)
    within = [n for n in walk(text.tree) if isinstance(n, (*LOOPS, ast.FunctionDef))]
    if calls_method(text.tree, "backward"):
        within = []
    for node in within:
        made = [each for each in node.body if isinstance(each, ast.Assign)]
        steps = [n for n in node.body if calls_method(n, "step") or any(_by_hand(n))]
        losses = [last_name(each.targets[0]) for each in made if isinstance(each.value, ast.Call)]
        for name in reversed(losses):
            for last in steps or (made if calls_method(text.tree, "step") else []):
                at = text.spot(last)
                own, back = text.lines[at.first - 1 : at.last], f"{' ' * at.start}{name}.backward()"
                lines = [back, *own] if steps else [*own, back]
                yield text.moved("unsaid", at.first, at.last, lines, at)
    for model in walk(text.tree):
        methods = model.body if isinstance(model, ast.ClassDef) and model.bases else []
        for method in methods:
            if getattr(method, "name", "") == "__init__" and not calls_method(method, "__init__"):
                first = method.body[0]  # type: ignore[attr-defined]
                at = text.spot(first)
                own, indent = text.lines[at.first - 1 : at.last], " " * first.col_offset
                begin = f"{indent}super().__init__()"
                yield text.moved("unsaid", at.first, at.last, [begin, *own], at)


def _moved(text: Text, task: Task) -> Iterator[Proposal]:
    """A call at another place in the loop that trains, or in a row of calls."""
    for node in walk(text.tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Tuple):
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
    """Return the change that moves a statement of a block behind, or before, another."""
    order = list(range(len(block)))
    order.insert(to, order.pop(number))
    first, last = min(number, to), max(number, to)
    lines = []
    for each in order[first : last + 1]:
        node = block[each]
        lines += text.lines[node.lineno - 1 : node.end_lineno]
    ends = block[first].lineno, block[last].end_lineno or 0
    return text.moved("moved", *ends, lines, text.spot(block[number]))


def _dropped(text: Text, task: Task) -> Iterator[Proposal]:
    """A call, or another value for what was handed over or is there before, left out."""
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


def _indented(text: Text, task: Task) -> Iterator[Proposal]:
    """What a loop ends with behind it, if that is a result; or a statement beside it in it.

    What it begins with is put before it if it is nothing but a value to begin with.
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
                        own = text.lines[node.lineno - 1 : node.end_lineno]
                        less, more = node.col_offset, " " * to.col_offset
                        lines = [more + line[min(less, _indent(line)) :] for line in own]
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


def _in_each_round(text: Text, task: Task) -> Iterator[Proposal]:
    """What is kept of some rounds only, kept of each."""
    for node in walk(text.tree):
        if not isinstance(node, ast.If) or node.orelse:
            continue
        whole, kept = text.spot(node), [each for each in node.body if isinstance(each, ast.Expr)]
        for each in kept:
            at, less = text.spot(each), each.col_offset - node.col_offset
            if called_method(each.value) == "append" and whole.first < at.first:
                own = [line[less:] for line in text.lines[at.first - 1 : at.last]]
                above = text.lines[whole.first - 1 : at.first - 1]
                rest = [*above, *text.lines[at.last : whole.last]] if len(node.body) > 1 else []
                yield text.moved("each round", whole.first, whole.last, [*own, *rest], at)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _handed(text: Text, task: Task) -> Iterator[Proposal]:
    """What a function is handed and never reads, handed on in the place of something else."""
    for function in (n for n in walk(text.tree) if isinstance(n, ast.FunctionDef)):
        for name in _idle(function):
            for call in (each for each in walk(function) if isinstance(each, ast.Call)):
                yield from (text.put("handed", text.spot(each), name) for each in call.args)


def _returns(text: Text, task: Task) -> Iterator[Proposal]:
    """All of what is returned, or anything at all."""
    for function in walk(text.tree):
        if not isinstance(function, ast.FunctionDef) or not calls_method(function, "backward"):
            continue
        last, at = text.spot(function.body[-1]), " " * function.body[-1].col_offset
        if not any(isinstance(node, ast.Return) for node in walk(function)):
            losses = [f"{name}.item()" for name in _called_on(text, "backward")]
            for name in (*_called_on(text, "append"), *losses):
                lines = [*text.lines[last.first - 1 : last.last], f"{at}return {name}"]
                yield text.moved("missing", last.first, last.last, lines, last)
        for node in walk(function):
            if isinstance(node, ast.Return) and isinstance(node.value, ast.Subscript):
                yield text.put("entry", text.spot(node.value), ast.unparse(node.value.value))


def _sizes(text: Text, task: Task) -> Iterator[Proposal]:
    """A size of the layers in the place of another: once, of two layers, or in all of the model."""
    stacks = [node for node in text.calls if last_name(node.func) == "Sequential"]
    for model in walk(text.tree):
        if isinstance(model, ast.ClassDef) or model in stacks:
            numbers = sorted(filter(_is_size, walk(model)), key=lambda n: (n.lineno, n.col_offset))
            alike = [[one for one in numbers if one.value == n.value] for n in numbers]
            sides = [[*pair] for pair in pairwise(numbers) if pair[0].value == pair[1].value]
            for nodes in (*([n] for n in numbers), *sides, *alike):
                for units in dict.fromkeys(layer.units for layer in task.layers):
                    if units != nodes[0].value:
                        yield text.put_each("size", ((node, str(units)) for node in nodes))


def _is_size(node: ast.AST) -> TypeGuard[ast.Constant]:
    return isinstance(node, ast.Constant) and type(node.value) is int


def _batched(text: Text) -> Iterator[Spot]:
    """Yield the heads of loops inside of others in which gradients are computed."""
    loops = [n for n in walk(text.tree) if isinstance(n, LOOPS) and calls_method(n, "backward")]
    for outer in loops:
        for node in loops:
            if isinstance(node, ast.For) and node is not outer and node in walk(outer):
                head, end = text.spot(node), text.spot(node.iter)
                yield Spot(head.first, head.start, end.last, end.end)


def _blocks(text: Text) -> Iterator[list[ast.stmt]]:
    """Yield bodies of loops, or of steps, about gradients, each statement on its lines."""
    for node in walk(text.tree):
        if isinstance(node, (*LOOPS, ast.FunctionDef)) and (
            calls_method(node, "backward") or any(_by_hand(node))
        ):
            apart = all((one.end_lineno or 0) < two.lineno for one, two in pairwise(node.body))
            if apart and node.lineno < node.body[0].lineno:
                yield node.body


IN_PLACE = "in place"
"""The kind of change after which a step is one of the parameter, and not of a name."""

INDENTED = "indented"
"""The kind of change that is told with a line that stays, for that to be seen."""

CUTS = ("cut", "with", "dropped")
"""The kinds of changes after which a forward pass gives the same, and has a graph."""

CERTAIN = ("loss", "optimizer")
"""The kinds of changes of what is wrong in any company: another of these than the task's."""

SIZES = "sizes"
"""In the place of a mistake: the model has parameters of other shapes."""

OF_LOOPS = ("wrong-rounds", "missing-activation")
"""Mistakes of what is done in each round, be it of a training or of a forward pass."""

FROZEN = ("missing-step", "graph-detached", "unregistered-parameters")
"""Mistakes that leave every parameter where it was."""

SPELT: Mapping[str, tuple[str, ...]] = {
    "misspelt": (*FROZEN, SIZES),
    "key": (),
    "unfilled": (SIZES,),
    "unhanded": (SIZES,),
    "form": (*FROZEN, SIZES),
    "nested": (),
    "uncalled": (*FROZEN, "missing-zero-grad", "recorded-loss", SIZES),
    "unkept": ("missing-activation", "wrong-activation"),
}
"""The kinds of changes of how a text is written, and the mistakes that each may mend."""


def _spelled(kind: str) -> Changes:
    make, _ = SPELLINGS[kind]
    return lambda text, task: make(text)


KINDS: Mapping[str, tuple[Changes, str, tuple[str, ...]]] = {
    **{kind: (_spelled(kind), SPELLINGS[kind][1], mends) for kind, mends in SPELT.items()},
    "handed": (_handed, "wrong-name", ()),
    "optimizer": (_optimizers, "wrong-optimizer", ("wrong-optimizer",)),
    "given": (_given, "unregistered-parameters", ("unregistered-parameters", "graph-detached")),
    IN_PLACE: (_in_place, "missing-step", ("missing-step",)),
    "loss": (_losses, "wrong-function", ("wrong-loss", "logits-loss", "double-sigmoid")),
    "activation": (_activations, "wrong-function", ("wrong-activation",)),
    "layer": (_layers, "extra-function", ("wrong-activation", SIZES)),
    "swapped": (_swapped, "wrong-order", (SIZES,)),
    "option": (
        _options,
        "wrong-option",
        ("momentum", "wrong-reduction", "wrong-optimizer", "mini-batch", "recorded-loss", SIZES),
    ),
    "rate": (_rates, "wrong-constant", ("wrong-learning-rate", "rate-ignored")),
    "batch": (_batches, "mini-batch", ("mini-batch",)),
    "each round": (_in_each_round, "wrong-indentation", ("recorded-loss",)),
    INDENTED: (
        _indented,
        "wrong-indentation",
        ("missing-step", "missing-zero-grad", "recorded-loss", "mini-batch", *OF_LOOPS),
    ),
    "missing": (_missing, "missing-statement", ("missing-zero-grad", "missing-step")),
    "unsaid": (_unsaid, "missing-statement", (*FROZEN, SIZES)),
    "added": (_subtracted, "not-added", ("recorded-loss",)),
    "shape": (_shapes, "wrong-shape", ("broadcast-target",)),
    "sum": (_sums, "wrong-function", ("wrong-reduction", "recorded-loss")),
    "sign": (_signs, "turned-sign", ("wrong-sign",)),
    "brackets": (
        _brackets,
        "wrong-brackets",
        ("wrong-activation", "wrong-loss", "wrong-reduction"),
    ),
    "branch": (_branches, "wrong-expression", ("wrong-learning-rate",)),
    "term": (_terms, "missing-term", ()),
    "recorded": (
        _recorded,
        "wrong-expression",
        ("recorded-loss", "loss-after-step", "wrong-reduction"),
    ),
    "registered": (_registered, "unregistered-parameters", ("unregistered-parameters", SIZES)),
    "dropped": (_dropped, "extra-statement", ("wrong-learning-rate", "graph-detached")),
    "call": (
        _calls,
        "extra-function",
        ("double-sigmoid", "wrong-activation", "graph-detached", "recorded-loss"),
    ),
    "with": (_withheld, "extra-statement", ("graph-detached",)),
    "operand": (
        _operands,
        "wrong-expression",
        (
            "wrong-reduction",
            "recorded-loss",
            "wrong-sign",
            "wrong-rounds",
            "wrong-learning-rate",
            "wrong-factor",
        ),
    ),
    "formula": (_formulas, "wrong-expression", ("wrong-loss",)),
    "moved": (
        _moved,
        "wrong-statement-order",
        ("gradients-cleared", "missing-zero-grad", "missing-step", "loss-after-step"),
    ),
    "other": (lambda text, _: others(text), "wrong-name", ()),
    "entry": (_returns, "wrong-element", ()),
    "kept": (_kept, "not-in-place", ("missing-step",)),
    "count": (_counts, "wrong-constant", ("wrong-rounds",)),
    "size": (_sizes, "wrong-constant", (SIZES,)),
}
"""The kinds of changes, likely ones first: what is told where the numbers have no name, a kind of
`kinds` or the one mistake that is mended so, and the mistakes that it may mend."""

MENDS = {kind: codes for kind, (_, _, codes) in KINDS.items()} | {
    "wrapped": ("missing-activation",),
    "each": ("unregistered-parameters",),
    "multiplied": ("wrong-learning-rate", "rate-ignored"),
    "cut": ("graph-detached",),
}
NAMES = {kind: name for kind, (_, name, _) in KINDS.items()} | {
    "wrapped": "missing-function",
    "multiplied": "missing-factor",
    "each": "wrong-bounds",
    "cut": "graph-detached",
}

OWN = (*SPELLINGS, "given")
"""The kinds of changes that are told by themselves, whatever has the same numbers."""

STANDS: Mapping[str, Callable[[Text], Iterator[Spot]]] = {"mini-batch": _batched}
"""Mistakes that stand in one kind of place, if there is one alone, and have no small change."""
