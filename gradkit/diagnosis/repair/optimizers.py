"""Changes of how parameters are stepped: by an optimiser, or by hand."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import chain, product

from gradkit.diagnosis.repair.ask import Proposal
from gradkit.diagnosis.repair.text import Text, attributes_in
from gradkit.diagnosis.repair.torch_names import LOSSES, OPTIMIZERS
from gradkit.records.task import Task
from gradkit.runtime.syntax import called_method, every, last_name, unread_parameters, walk

CHANGING = frozenset(["add", "sub", "copy", "addcmul", "zero"])
"""Methods that have a twin, with an underscore, which changes what it is called on."""


def other_optimizers(text: Text, task: Task) -> Iterator[Proposal]:
    """Propose ``SGD`` in place of another optimizer: its name alone, then without further options.

    The call without options has the rate that is given, or else each parameter of the function as
    rate.
    """
    for node in text.calls:
        if last_name(node.func) in OPTIMIZERS - {"SGD"}:
            yield text.renamed("optimizer", node.func, "SGD")
            rates = [ast.unparse(each) for each in node.keywords if each.arg == "lr"]
            rates += [f"lr={ast.unparse(each)}" for each in node.args[1:2]]
            front = ast.unparse(node.func).rpartition(".")[0]
            for rate in rates or [f"lr={name}" for name in text.parameters(node)]:
                call = f"{front}.SGD({ast.unparse(node.args[0])}, {rate})" if node.args else ""
                if call and front:
                    yield text.put("optimizer", text.spot(node), call)


def fewer_options(text: Text, task: Task) -> Iterator[Proposal]:
    """Propose an optimizer, loss, layer or loader without one of its options, or all.

    The learning rate stays. ``super(…).__init__(…)`` becomes ``super().__init__()``.
    """
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


def other_rates(text: Text, task: Task) -> Iterator[Proposal]:
    """Propose another learning rate, or a missing one as factor of an update.

    A rate becomes each parameter of its function, and the task's rate. A parameter or attribute
    that is never read becomes a factor of the value of an update, and of gradients that are passed
    on.
    """
    for holder in walk(text.tree):
        # Few have any, and what is below each takes time to go through.
        unread = unread_in(holder)
        steps = [each.value for each in steps_by_hand(holder)] if unread else []
        slopes = _slopes_handed(holder) if unread else ()
        for name, value in chain(product(unread, steps), product(unread, slopes)):
            yield text.put("multiplied", text.spot(value), f"{name} * {ast.unparse(value)}")
    given = [node.value for node in every(ast.Assign, text.tree)]
    parts = [*given, *(part for step in steps_by_hand(text.tree) for part in walk(step.value))]
    rates = [n for n in parts if isinstance(n, ast.expr) and type(getattr(n, "value", 0)) is float]
    for node in text.calls:
        if last_name(node.func) in OPTIMIZERS:
            rates += [each.value for each in node.keywords if each.arg == "lr"] or node.args[1:2]
    for value in reversed(rates):
        for name in (*text.parameters(value), repr(float(task.rates.weight))):
            if name != ast.unparse(value):
                yield text.put("rate", text.spot(value), name)


def _slopes_handed(node: ast.AST) -> Iterator[ast.Attribute]:
    """Yield the gradients that are passed to in-place methods, as in ``p.sub_(p.grad)``."""
    for call in every(ast.Call, node):
        for given in call.args if called_method(call).endswith("_") else ():
            yield from (part for part in attributes_in(given) if part.attr == "grad")


def unread_in(holder: ast.AST) -> list[str]:
    """Return the unread parameters of a function, or the unread attributes of a class.

    Such attributes are only assigned, and are written in full: ``self.W``. Empty for other nodes.
    """
    if isinstance(holder, ast.FunctionDef):
        return unread_parameters(holder)
    parts = attributes_in(holder) if isinstance(holder, ast.ClassDef) else []
    named = [each for each in parts if isinstance(each.value, ast.Name)]
    held = {each.attr for each in named if isinstance(each.ctx, ast.Load)}
    return [ast.unparse(each) for each in named if each.attr not in held]


def steps_by_hand(node: ast.AST) -> Iterator[ast.Assign | ast.AugAssign]:
    """Yield the assignments that update parameters: from ``.grad``, or to ``.data``."""
    for each in walk(node):
        if isinstance(each, ast.Assign | ast.AugAssign):
            targets = each.targets if isinstance(each, ast.Assign) else [each.target]
            reached = any(getattr(target, "attr", "") == "data" for target in targets)
            if reached or any(part.attr == "grad" for part in attributes_in(each.value)):
                yield each


PARAMETERS = ("weight", "bias")
"""What the parameters of a layer are called."""


def given_parameters(text: Text, task: Task) -> Iterator[Proposal]:
    """Propose ``model.parameters()`` as argument of an optimizer, or in a loop over parameters.

    Candidates for ``model`` are the names in the present argument, the first parameter of the
    function and all models of the text. A list of weights and biases becomes
    ``list(layer.parameters())``.
    """
    handed = [
        ("given", node.args[0])
        for node in text.calls
        if last_name(node.func) in OPTIMIZERS and node.args
    ]
    handed += [
        ("each", node.iter)
        for node in every(ast.For, text.tree)
        if any(ast.unparse(n) == f"{ast.unparse(node.target)}.grad" for n in attributes_in(node))
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


def steps_in_place(text: Text, task: Task) -> Iterator[Proposal]:
    """Propose an update that changes the parameter in place: ``p -= …`` for ``p = p - …``.

    Also ``p.data = …`` for an update ``p = …``.
    """
    for node in every(ast.Assign, text.tree):
        if isinstance(node.value, ast.BinOp):
            name, value = ast.unparse(node.targets[0]), node.value
            signs = {ast.Add: "+", ast.Sub: "-"}.get(type(value.op))
            if signs and ast.unparse(value.left) == name:
                step = f"{name} {signs}= {ast.unparse(value.right)}"
                yield text.put(IN_PLACE, text.spot(node), step)
    for each in steps_by_hand(text.tree):
        target = each.targets[0] if isinstance(each, ast.Assign) else None
        if isinstance(target, ast.Name):
            yield text.put(IN_PLACE, text.spot(target), f"{target.id}.data")


def steps_from_values(text: Text, task: Task) -> Iterator[Proposal]:
    """Propose the parameter's old value in an update that overwrites it.

    ``p = s`` becomes ``p = p + s`` and ``p = p - s``, unless ``p`` occurs in ``s``.
    """
    for node in steps_by_hand(text.tree):
        if isinstance(node, ast.Assign):
            name, value = ast.unparse(node.targets[0]), ast.unparse(node.value)
            if name not in value:
                yield text.put("added", text.spot(node.value), f"{name} + {value}")
                yield text.put("added", text.spot(node.value), f"{name} - {value}")


def kept_results(text: Text, task: Task) -> Iterator[Proposal]:
    """Propose the in-place method, such as ``add_``, if the result of ``add`` is discarded."""
    for call in (node.value for node in every(ast.Expr, text.tree)):
        if isinstance(call, ast.Call) and (name := called_method(call)) in CHANGING:
            yield text.renamed("kept", call.func, f"{name}_")


IN_PLACE = "in place"
"""The kind of change after which a step is one of the parameter, and not of a name."""
