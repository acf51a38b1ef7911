"""Changes of what a model is made of, and of what it gives."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Collection, Iterator
from itertools import pairwise

from gradkit.diagnosis.inquiry.training import DETACHING_WORDS
from gradkit.diagnosis.repair.ask import Proposal
from gradkit.diagnosis.repair.optimizers import unread_in
from gradkit.diagnosis.repair.text import Spot, Text, exchanged, front_of, other_names
from gradkit.diagnosis.repair.torch_names import ACTIVATIONS, OVER, TENSORS, group_of
from gradkit.records.task import Task
from gradkit.runtime.syntax import called_method, every, last_name, walk

COLUMN = frozenset(["view", "reshape", "unsqueeze"])
"""Calls that may make a column."""


def call_of(called: str, name: str, *arguments: str) -> str:
    """Write a call of an activation, with the axis that it needs."""
    return f"{called}({', '.join([*arguments, *filter(None, [OVER.get(name)])])})"


def other_activations(text: Text, task: Task) -> Iterator[Proposal]:
    """Propose one of the task's activations in place of another, or for a value without one.

    It replaces a name or a whole call; it is put around a call or sum of the forward pass; and it
    is added as a layer to ``Sequential`` or by ``add_module``.
    """
    wanted = dict.fromkeys(layer.activation for layer in task.layers)
    yield from other_names(text, "activation", ACTIVATIONS, wanted)
    for node in text.calls:
        group = group_of(last_name(node.func), ACTIVATIONS)
        taken = [ast.unparse(each) for each in node.args if not isinstance(each, ast.Constant)]
        options = len(taken) < len(node.args) + len(node.keywords)
        for name in wanted:
            if group.get(name, "") not in ("", last_name(node.func)) and (options or name in OVER):
                whole = f"{front_of(node.func)}{call_of(group[name], name, *taken)}"
                yield text.put("activation", text.spot(node), whole)
    nodes = list(dict.fromkeys(each for made in text.computing for each in walk(made)))
    sums = [n.value for n in nodes if isinstance(n, ast.Assign | ast.Return)]
    for part in nodes:
        for name in filter(ACTIVATIONS[1].get, wanted):
            if isinstance(part, ast.Call) or (isinstance(part, ast.BinOp) and part in sums):
                whole = call_of(ACTIVATIONS[1][name], name, ast.unparse(part))
                yield text.put("wrapped", text.spot(part), f"torch.{whole}")
    for node in reversed(text.calls):
        if called_method(node) == "add_module":
            for name in filter(ACTIVATIONS[0].get, wanted):
                layer = f"torch.nn.{call_of(ACTIVATIONS[0][name], name)}"
                more = f'{ast.unparse(node.func)}("activation", {layer})'
                yield text.beside("wrapped", node, more)
    for node in text.calls:
        if last_name(node.func) == "Sequential":
            front = front_of(node.func) or "torch.nn."
            named = [n for n in every(ast.Tuple, node) if len(n.elts) == 2]
            for part in reversed(named or node.args):
                for name in filter(ACTIVATIONS[0].get, wanted):
                    layer = f"{front}{call_of(ACTIVATIONS[0][name], name)}"
                    at, more = text.spot(part), f'("activation", {layer})' if named else layer
                    end = Spot(at.last, at.end, at.last, at.end)
                    yield text.put("wrapped", end, f", {more}", at)


def fewer_layers(text: Text, task: Task) -> Iterator[Proposal]:
    """Propose to remove one layer from a ``Sequential`` or ``ModuleList`` with several."""
    for node in text.calls:
        stacked = last_name(node.func) in ("Sequential", "ModuleList")
        for row in [node, *node.args] if stacked else ():
            layers = row.elts if isinstance(row, ast.List) else node.args if row is node else []
            for each in layers if len(layers) > 1 else ():
                left = ", ".join(ast.unparse(a) for a in layers if a is not each)
                whole = f"[{left}]" if row is not node else f"{ast.unparse(node.func)}({left})"
                yield text.put("layer", text.spot(row), whole, text.spot(each))


def other_shapes(text: Text, task: Task) -> Iterator[Proposal]:
    """Propose to squeeze or flatten an array to the shape of the targets.

    A call of the model outside of its own methods gets ``.squeeze(-1)``; a ``view``, ``reshape`` or
    ``unsqueeze`` becomes ``flatten()``, or has its two arguments exchanged.
    """
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
    """Return the call of a model, or of one of its ``methods``, at the start of a chain of methods.

    None if there is no such call, or if a method of the chain cuts the graph.
    """
    if not isinstance(node, ast.Call) or called_method(node) in DETACHING_WORDS:
        return None
    of = node.func.value if isinstance(node.func, ast.Attribute) else None
    own = of is None or called_method(node) in methods
    own |= isinstance(of, ast.Name) and of.id == "self"
    if own and len(node.args) == 1 and not hasattr(builtins, last_name(node.func)):
        return node
    return _model_called(of, methods) if of is not None else None


def added_terms(text: Text, task: Task) -> Iterator[Proposal]:
    """Propose to use a model's unread attribute in its forward pass.

    Each computed value ``a`` becomes ``a + self.b`` and ``self.b(a)``.
    """
    for model in every(ast.ClassDef, text.tree):
        parts = [n.value for n in walk(model) if isinstance(n, ast.Assign | ast.Return)]
        parts += [part for call in every(ast.Call, model) for part in call.args]
        for part in dict.fromkeys([*parts, *every(ast.BinOp, model)]):
            if isinstance(part, ast.Name | ast.BinOp | ast.Call) and text.computes(part.lineno):
                for held in unread_in(model):
                    yield text.put("term", text.spot(part), f"{ast.unparse(part)} + {held}")
                    yield text.put("wrapped", text.spot(part), f"{held}({ast.unparse(part)})")


def registered_parameters(text: Text, task: Task) -> Iterator[Proposal]:
    """Propose to register parameters: ``ModuleList`` around a list, ``Parameter`` around a tensor.

    Values of attributes are changed: a list or dict gets each container of torch; tensors are
    changed one at a time, then all together.
    """
    tensors: list[tuple[ast.expr, str]] = []
    known = set(TENSORS)
    for node in every(ast.Assign, text.tree):
        value, whole = node.value, ast.unparse(node.value)
        made = {last_name(each.func) for each in every(ast.Call, value)}
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


def other_sizes(text: Text, task: Task) -> Iterator[Proposal]:
    """Propose a layer size of the task in place of another number of a model.

    One number is replaced, two equal numbers that follow each other, or all equal numbers of the
    model.
    """
    stacks = [node for node in text.calls if last_name(node.func) == "Sequential"]
    # Sizes that a model is made of may be listed before it.
    listed = [n for n in text.tree.body if isinstance(n, ast.Assign) and _is_row(n.value)]
    for model in walk(text.tree):
        if isinstance(model, ast.ClassDef) or model in (*stacks, *listed):
            sizes = filter(_is_size, every(ast.Constant, model))
            numbers = sorted(sizes, key=lambda n: (n.lineno, n.col_offset))
            alike = [[one for one in numbers if one.value == n.value] for n in numbers]
            sides = [[*pair] for pair in pairwise(numbers) if pair[0].value == pair[1].value]
            for nodes in (*([n] for n in numbers), *sides, *alike):
                for units in dict.fromkeys(layer.units for layer in task.layers):
                    if units != nodes[0].value:
                        yield text.put_each("size", ((node, str(units)) for node in nodes))


def _is_row(node: ast.expr) -> bool:
    """Tell a row of sizes."""
    return isinstance(node, ast.List | ast.Tuple) and all(map(_is_size, node.elts))


def _is_size(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and type(node.value) is int
