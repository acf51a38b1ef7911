"""Refuse changes that no teacher would suggest, whatever numbers they give."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from typing import Any

from gradkit.edits.nodes import is_same, numbered

PARAMETER = re.compile(r"(w|b|weights?|bias(es)?|gamma|beta|theta|kernels?)_?\d*", re.IGNORECASE)
"""Names of parameters, with or without the number of their layer."""

GRADIENT = re.compile(r"(d_?|grad_?|delta_?)(\w+)|(\w+?)_(grad|gradient)")
"""Names of gradients: ``dW1``, ``grad_W1``, ``W1_grad``."""

LOSSES = frozenset({"loss", "cost", "total_loss", "data_loss", "error_sum", "J"})
"""Names of the loss."""

HANDED_OUT = re.compile(r"#.*\bdo not (modify|change|edit)\b", re.IGNORECASE)
"""A comment that says that the code below it is handed out."""


def why_unnatural(old: Any, new: Any, kind: str, above: Sequence[ast.AST]) -> str:
    """Return a reason why no teacher would suggest a change of an expression, or an empty text.

    Refused are a new operation that cancels itself (``a - a``), the loss as a missing factor, and a
    parameter put into an expression without parameters that computes the gradient of a layer.

    Parameters
    ----------
    old, new : ast.AST
        The expression before and after the change.
    kind : str
        The kind of mistake.
    above : sequence of ast.AST
        The nodes that contain the expression, the outermost first.
    """
    known = [ast.dump(part) for part in numbered(old) if isinstance(part, ast.BinOp)]
    for part in numbered(new):
        if isinstance(part, ast.BinOp) and ast.dump(part) not in known and _repeats_operand(part):
            return "the change repeats what stands there"
    added = {*_names_and_texts(new)} - {*_names_and_texts(old)}
    if kind == "missing-factor" and added & LOSSES:
        return "the loss is no factor"
    parameters = {name for name in added if _is_of_parameter(name)}
    if (
        parameters
        and not any(map(_is_of_parameter, _names_and_texts(old)))
        and _computes_layer_gradient(above)
    ):
        return "the gradient of a parameter is none of a layer"
    return ""


def _names_and_texts(node: ast.AST) -> Iterator[str]:
    """Yield the names in an expression: variables, attributes, and all string constants."""
    for part in numbered(node):
        if isinstance(part, ast.Name):
            yield part.id
        elif isinstance(part, ast.Attribute):
            yield part.attr
        elif isinstance(part, ast.Constant) and isinstance(part.value, str):
            yield part.value


def _repeats_operand(node: ast.BinOp) -> bool:
    """Return whether an operation repeats an operand: ``a - a``, ``a / a``, ``a + (1 - a)``.

    A sum or difference counts if one side is itself a sum or difference with the other side as an
    operand.
    """
    one, other = node.left, node.right
    if isinstance(node.op, ast.Sub | ast.Div) and is_same(one, other):
        return True
    if not isinstance(node.op, ast.Add | ast.Sub):
        return False
    for mine, rest in ((one, other), (other, one)):
        taken = isinstance(rest, ast.BinOp) and isinstance(rest.op, ast.Add | ast.Sub)
        if taken and any(is_same(mine, part) for part in (rest.left, rest.right)):  # type: ignore[attr-defined]
            return True
    return False


def _is_of_parameter(name: str) -> bool:
    """Return whether a name is that of the gradient of a parameter, such as ``dW1``."""
    found = GRADIENT.fullmatch(name)
    stem = (found[2] or found[3]) if found else ""
    return PARAMETER.fullmatch(stem) is not None


def _computes_layer_gradient(above: Sequence[ast.AST]) -> bool:
    """Return whether a statement computes the gradient of a layer's value, as in ``dZ1 =``.

    ``above`` are the nodes around an expression, the outermost first; its innermost statement
    counts. It has to be an assignment whose target is named as a gradient, and none as the gradient
    of a parameter (``dW1``).
    """
    statement = next((each for each in reversed(above) if isinstance(each, ast.stmt)), None)
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    names = [name for target in targets for name in _names_and_texts(target)]
    gradients = [name for name in names if GRADIENT.fullmatch(name)]
    return bool(gradients) and not any(map(_is_of_parameter, gradients))


def first_handed_out_line(source: str) -> int:
    """Return the number of the first line that a comment tells students not to change.

    Without such a comment, this is one more than the number of lines.
    """
    lines = source.split("\n")
    return next((n for n, line in enumerate(lines, 1) if HANDED_OUT.search(line)), len(lines) + 1)
