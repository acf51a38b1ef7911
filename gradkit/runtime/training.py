"""Loops that train a torch model: found, counted, and rewritten so that their losses can be had.

``for i in range(20): … loss.backward() …`` becomes the same loop with the wanted number of
rounds, which says when a round begins and which value `backward` is called on.
"""

from __future__ import annotations

import ast
import unicodedata
from typing import Any

from gradkit.runtime.syntax import (
    COMPOUND,
    LOOPS,
    called_method,
    copy_tree,
    every,
    last_name,
    names_in,
    walk,
)


def calls_method(node: ast.AST, method: str) -> bool:
    """Tell whether ``….method(…)`` is called anywhere in ``node``."""
    return any(called_method(part) == method for part in walk(node))


def trains(node: ast.AST) -> bool:
    """Tell whether ``node`` calls ``.backward()``, and does something about gradients besides."""
    names = {part.attr for part in every(ast.Attribute, node)}
    return calls_method(node, "backward") and not names.isdisjoint(("step", "zero_grad", "grad"))


def may_train(source: str) -> bool:
    """Tell whether the text can hold a node that `trains`: told without parsing it.

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
        name = last_name(head.func)
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


def runnable(node: ast.stmt) -> ast.stmt:
    """Return the statement without the training loops inside it."""
    if isinstance(node, COMPOUND) and trains(node):
        stripped = _WithoutTraining().visit(copy_tree(node))
        assert isinstance(stripped, ast.stmt)  # noqa: S101  (a compound is no loop)
        return stripped
    return node


class _WithoutTraining(ast.NodeTransformer):
    def visit(self, node: ast.AST) -> ast.AST:
        if isinstance(node, LOOPS) and trains(node):
            return ast.copy_location(ast.Pass(), node)
        return super().visit(node)  # type: ignore[no-any-return]


BEGIN = "__gradkit_begin__"
LOSS = "__gradkit_loss__"
"""Names under which a lifted loop finds `Rounds.begin` and `Rounds.loss`."""


class EnoughRounds(BaseException):
    """Ends a loop that would go on after the wanted number of rounds."""


class Rounds:
    """Counts rounds and keeps the losses of each.

    Parameters
    ----------
    limit : int
        The number of rounds after which the loop is ended.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._losses: list[list[float]] = []

    def begin(self) -> None:
        """Note that a round begins.

        Raises
        ------
        EnoughRounds
            The wanted number of rounds is done.
        """
        if len(self._losses) >= self._limit:
            raise EnoughRounds
        self._losses.append([])

    def loss(self, value: Any) -> Any:
        """Note a loss and hand it back."""
        if not self._losses:
            self._losses.append([])
        try:
            number = float(value.item() if hasattr(value, "item") else value)
        except Exception:
            # `backward` will say what is wrong with it, in the student's own line.
            number = float("nan")
        self._losses[-1].append(number)
        return value

    def means(self) -> list[float]:
        """Return the mean loss of each round that had one; with mini-batches, over them."""
        return [sum(losses) / len(losses) for losses in self._losses if losses]


def lifted(node: ast.stmt, rounds: int, through: str | None = None) -> ast.Module:
    """Rewrite a statement that holds a training loop.

    Parameters
    ----------
    node : ast.stmt
        Left as it is. Its outermost loop that calls `backward`, or the function ``through``,
        is the one whose rounds count.
    rounds : int
        Put in the place of the loop's own count. A loop over batches is run so many times
        over.
    through : str, optional
        A function that makes the step.

    Returns
    -------
    ast.Module
        Reads ``BEGIN`` and ``LOSS`` from the namespace; lines are those of ``node``.
    """
    return ast.fix_missing_locations(
        ast.Module([_Lift(rounds, through).visit(copy_tree(node))], [])
    )


def recording(node: ast.stmt) -> ast.Module:
    """Rewrite a function definition so that it notes the losses it calls `backward` on."""
    lift = _Lift(0, None)
    lift.found = True
    return ast.fix_missing_locations(ast.Module([lift.visit(copy_tree(node))], []))


class _Lift(ast.NodeTransformer):
    def __init__(self, rounds: int, through: str | None) -> None:
        self.found = False
        self._rounds = rounds
        self._through = through

    def visit(self, node: ast.AST) -> Any:
        if not self.found and isinstance(node, LOOPS) and self._trains(node):
            self.found = True
            return self._loop(node)
        return super().visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.func, ast.Attribute) and node.func.attr == "backward":
            if _is_module_function(node):
                node.args[0] = _call(LOSS, node.args[0], at=node)
            else:
                node.func.value = _call(LOSS, node.func.value, at=node)
        return node

    def _trains(self, node: ast.AST) -> bool:
        return calls_method(node, "backward") or self._through in names_in(node)

    def _loop(self, node: ast.For | ast.AsyncFor | ast.While) -> ast.stmt:
        count = count_of(node)
        over_batches = (
            count is None
            and not isinstance(node, ast.While)
            and (not isinstance(node.target, ast.Name) or isinstance(node.iter, ast.Call))
        )
        if count is not None:
            _recount(count, self._rounds)
        self.generic_visit(node)
        begin = ast.copy_location(ast.Expr(_call(BEGIN, at=node)), node)
        if not over_batches:
            node.body.insert(0, begin)
            return node
        head = _call("range", ast.Constant(self._rounds), at=node)
        around = ast.For(ast.Name("__gradkit_round__", ast.Store()), head, [begin, node], [])
        return ast.copy_location(around, node)


def _is_module_function(node: ast.Call) -> bool:
    """``torch.autograd.backward(loss)`` is called with the loss, not on it."""
    value = node.func.value if isinstance(node.func, ast.Attribute) else None
    return bool(node.args) and isinstance(value, ast.Attribute) and value.attr == "autograd"


def _call(name: str, *arguments: ast.expr, at: ast.AST) -> ast.Call:
    return ast.copy_location(ast.Call(ast.Name(name, ast.Load()), list(arguments), []), at)


def _recount(count: ast.Call, rounds: int) -> None:
    """``range(a, b, c)`` becomes ``range(a, a + rounds * c, c)``."""
    if len(count.args) == 1:
        count.args = [ast.Constant(rounds)]
        return
    start, step = count.args[0], count.args[2] if len(count.args) > 2 else ast.Constant(1)
    span = ast.BinOp(ast.Constant(rounds), ast.Mult(), copy_tree(step))
    count.args[1] = ast.BinOp(copy_tree(start), ast.Add(), span)
