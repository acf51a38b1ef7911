"""Find loops that train a torch model, and rewrite them so that their losses are recorded.

``for i in range(20): … loss.backward() …`` becomes the same loop with the wanted number of rounds.
It calls a function when a round begins, and passes each loss to another before `backward`.
"""

from __future__ import annotations

import ast
from typing import Any

from gradkit.runtime.syntax import (
    COMPOUND,
    LOOPS,
    calls_method,
    copy_tree,
    count_of,
    names_in,
    trains,
)


def runnable(node: ast.stmt) -> ast.stmt:
    """Return a statement with its inner training loops replaced by ``pass``.

    A statement without such loops, and a loop itself, is returned unchanged.
    """
    if isinstance(node, COMPOUND) and trains(node):
        stripped = _WithoutTraining().visit(copy_tree(node))
        assert isinstance(stripped, ast.stmt)  # noqa: S101  (a compound is no loop)
        return stripped
    return node


class _WithoutTraining(ast.NodeTransformer):
    """Replaces training loops by ``pass``."""

    def visit(self, node: ast.AST) -> ast.AST:
        """Return ``pass`` for a training loop; visit other nodes as usual."""
        if isinstance(node, LOOPS) and trains(node):
            return ast.copy_location(ast.Pass(), node)
        return super().visit(node)  # type: ignore[no-any-return]


BEGIN = "__gradkit_begin__"
LOSS = "__gradkit_loss__"
"""Global names of `Rounds.begin` and `Rounds.loss`, which a rewritten loop calls."""


class EnoughRounds(BaseException):
    """Ends a loop after the wanted number of rounds."""


class Rounds:
    """A counter of a loop's rounds, which also stores the losses of each round.

    Parameters
    ----------
    limit : int
        Number of rounds after which the loop is ended.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._losses: list[list[float]] = []

    def begin(self) -> None:
        """Start a new round.

        Raises
        ------
        EnoughRounds
            The wanted number of rounds has been made.
        """
        if len(self._losses) >= self._limit:
            raise EnoughRounds
        self._losses.append([])

    def loss(self, value: Any) -> Any:
        """Store a loss for the current round, and return ``value`` unchanged.

        NaN is stored if it is no number: ``backward`` will raise the error.
        """
        if not self._losses:
            self._losses.append([])
        try:
            number = float(value.item() if hasattr(value, "item") else value)
        except Exception:
            # `backward` will raise the error at the student's own line.
            number = float("nan")
        self._losses[-1].append(number)
        return value

    def means(self) -> list[float]:
        """Return the mean of the losses of each round, leaving out rounds without losses."""
        return [sum(losses) / len(losses) for losses in self._losses if losses]


def lifted(node: ast.stmt, rounds: int, through: str | None = None) -> ast.Module:
    """Return a module in which a training loop runs a given number of rounds and records losses.

    Parameters
    ----------
    node : ast.stmt
        A statement that contains the loop; it is not changed. Rounds are those of its outermost
        loop that calls `backward` or the function ``through``.
    rounds : int
        Replaces the loop's own number of rounds. A loop over batches is put inside a new loop over
        rounds.
    through : str, optional
        The name of a function that makes the training step.

    Returns
    -------
    ast.Module
        Calls the global names ``BEGIN`` and ``LOSS``. Line numbers are those of ``node``.
    """
    return ast.fix_missing_locations(
        ast.Module([_Lift(rounds, through).visit(copy_tree(node))], [])
    )


def recording(node: ast.stmt) -> ast.Module:
    """Return a module with a copy of a function definition that records its losses.

    The value on which it calls `backward` is passed to the global name ``LOSS``.
    """
    lift = _Lift(0, None)
    lift.found = True
    return ast.fix_missing_locations(ast.Module([lift.visit(copy_tree(node))], []))


class _Lift(ast.NodeTransformer):
    """Rewrites the outermost training loop, and every call of `backward`; see `lifted`."""

    def __init__(self, rounds: int, through: str | None) -> None:
        self.found = False
        self._rounds = rounds
        self._through = through

    def visit(self, node: ast.AST) -> Any:
        """Rewrite the first training loop that is found; visit other nodes as usual."""
        if not self.found and isinstance(node, LOOPS) and self._trains(node):
            self.found = True
            return self._lift_loop(node)
        return super().visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Rewrite a call of `backward` so that its loss is recorded; return the node.

        ``loss.backward()`` becomes ``LOSS(loss).backward()``, where the global function ``LOSS``
        records the loss and returns it. Other calls are unchanged, but their parts are visited.
        """
        self.generic_visit(node)
        if isinstance(node.func, ast.Attribute) and node.func.attr == "backward":
            if _passes_loss_as_argument(node):
                node.args[0] = _call_node(LOSS, node.args[0], at=node)
            else:
                node.func.value = _call_node(LOSS, node.func.value, at=node)
        return node

    def _trains(self, node: ast.AST) -> bool:
        """Return whether a node calls `backward`, or names the function that does."""
        return calls_method(node, "backward") or self._through in names_in(node)

    def _lift_loop(self, node: ast.For | ast.AsyncFor | ast.While) -> ast.stmt:
        """Change a training loop to the wanted number of rounds, and return it.

        The loop then reports each round. A ``for`` loop over batches is put in a new loop over
        rounds. The node itself is changed.
        """
        count = count_of(node)
        over_batches = (
            count is None
            and not isinstance(node, ast.While)
            and (not isinstance(node.target, ast.Name) or isinstance(node.iter, ast.Call))
        )
        if count is not None:
            _replace_count(count, self._rounds)
        self.generic_visit(node)
        begin = ast.copy_location(ast.Expr(_call_node(BEGIN, at=node)), node)
        if not over_batches:
            node.body.insert(0, begin)
            return node
        head = _call_node("range", ast.Constant(self._rounds), at=node)
        around = ast.For(ast.Name("__gradkit_round__", ast.Store()), head, [begin, node], [])
        return ast.copy_location(around, node)


def _passes_loss_as_argument(node: ast.Call) -> bool:
    """Return whether a call is ``torch.autograd.backward(loss)``, not ``loss.backward()``."""
    value = node.func.value if isinstance(node.func, ast.Attribute) else None
    return bool(node.args) and isinstance(value, ast.Attribute) and value.attr == "autograd"


def _call_node(name: str, *arguments: ast.expr, at: ast.AST) -> ast.Call:
    """Return the syntax tree of a call of a global name, at the position of another node."""
    return ast.copy_location(ast.Call(ast.Name(name, ast.Load()), list(arguments), []), at)


def _replace_count(count: ast.Call, rounds: int) -> None:
    """Change a call of ``range`` in place so that it gives ``rounds`` numbers, with its own start.

    ``range(a, b, c)`` becomes ``range(a, a + rounds * c, c)``.
    """
    if len(count.args) == 1:
        count.args = [ast.Constant(rounds)]
        return
    start, step = count.args[0], count.args[2] if len(count.args) > 2 else ast.Constant(1)
    span = ast.BinOp(ast.Constant(rounds), ast.Mult(), copy_tree(step))
    count.args[1] = ast.BinOp(copy_tree(start), ast.Add(), span)
