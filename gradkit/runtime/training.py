"""Which loops train a torch model, and what counts their rounds."""

from __future__ import annotations

import ast
import copy
import unicodedata

from gradkit.runtime.names import COMPOUND, LOOPS
from gradkit.runtime.syntax import walk


def calls_method(node: ast.AST, method: str) -> bool:
    """Whether ``….method(…)`` is called anywhere in ``node``."""
    return any(
        isinstance(part, ast.Call)
        and isinstance(part.func, ast.Attribute)
        and part.func.attr == method
        for part in walk(node)
    )


def trains(node: ast.AST) -> bool:
    """Whether both ``.backward()`` and ``.step()`` are called in ``node``."""
    return calls_method(node, "backward") and calls_method(node, "step")


def may_train(source: str) -> bool:
    """Whether the text can hold a node that `trains`: told without parsing it.

    Python reads names in their NFKC form, however they are written.
    """
    return "backward" in source or (
        not source.isascii() and "backward" in unicodedata.normalize("NFKC", source)
    )


def count_of(loop: ast.stmt) -> ast.Call | None:
    """Return the call in a loop's head that counts its rounds.

    That is ``range(…)``, also inside ``tqdm``, ``enumerate``, ``list``; or ``trange``,
    ``np.arange``, ``torch.arange``. A range over the length of something counts examples,
    not rounds, and is none.
    """
    if not isinstance(loop, ast.For | ast.AsyncFor):
        return None
    head: ast.expr = loop.iter
    while isinstance(head, ast.Call):
        name = _called(head)
        if name in ("range", "trange", "arange", "tnrange") and head.args:
            sized = any(
                (isinstance(part, ast.Name) and part.id == "len")
                or (isinstance(part, ast.Attribute) and part.attr in ("shape", "size"))
                for argument in head.args
                for part in walk(argument)
            )
            return None if sized else head
        if name not in ("tqdm", "enumerate", "list", "tqdm_notebook", "track", "reversed"):
            return None
        head = head.args[0] if head.args else ast.Constant(None)
    return None


def _called(call: ast.Call) -> str:
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


def runnable(node: ast.stmt) -> ast.stmt:
    """Return the statement without the training loops inside it."""
    if isinstance(node, COMPOUND) and trains(node):
        stripped = _WithoutTraining().visit(copy.deepcopy(node))
        assert isinstance(stripped, ast.stmt)  # noqa: S101  (a compound is no loop)
        return stripped
    return node


class _WithoutTraining(ast.NodeTransformer):
    def visit(self, node: ast.AST) -> ast.AST:
        if isinstance(node, LOOPS) and trains(node):
            return ast.copy_location(ast.Pass(), node)
        return super().visit(node)  # type: ignore[no-any-return]
