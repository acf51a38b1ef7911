"""Changes of a text that makes the steps of a numpy net, each where a mistake may be made.

They are proposals, as those of `gradkit.diagnosis.repair.training`: of a number that the text sets,
of the differences that errors are made of, of what names are given, of products and of rows.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator, Sequence
from itertools import combinations, dropwhile, groupby, pairwise

from gradkit.diagnosis.repair.ask import Proposal
from gradkit.diagnosis.repair.text import Text, exchanged
from gradkit.runtime.syntax import every, last_name, names_in, walk

TRANSPOSED = "wrong-transpose"
"""The kind of changes of a factor that should be transposed, or should not."""

ENTRY = re.compile(r"([\w.]+(?:\[['\"]\w+['\"]\])?)((?:\[[01]\])+)")
"""What an entry is written like: of which array, and which."""


def rates(text: Text, rates: Sequence[float]) -> Iterator[Proposal]:
    """Propose each of ``rates`` in place of a float between 0 and 1 in the text.

    The float must be assigned, returned, or the default of a parameter. Two different ones in one
    statement are also exchanged.
    """
    for values in _set(text.tree):
        constants = [part for value in values for part in every(ast.Constant, value)]
        numbers = [part for part in constants if type(part.value) is float and 0 < part.value < 1]
        for number in numbers:
            for rate in rates:
                if rate != number.value:
                    yield text.put("wrong-constant", text.spot(number), f"{rate:g}")
        for one, other in combinations(numbers, 2) if len(values) == 1 else ():
            if one.value != other.value:
                yield text.put_each("wrong-order", exchanged((one, other)))


def _set(tree: ast.Module) -> Iterator[list[ast.expr]]:
    """Yield the value that each statement assigns, returns or computes, alone in a list.

    The defaults of a function's parameters are yielded as one list.
    """
    for node in walk(tree):
        if isinstance(node, ast.arguments):
            yield [each for each in (*node.defaults, *node.kw_defaults) if each is not None]
        elif isinstance(node, ast.Assign | ast.AnnAssign | ast.Return | ast.Expr) and node.value:
            yield [node.value]


def signs(text: Text) -> Iterator[Proposal]:
    """Propose each difference with exchanged operands, and ``(a + b)`` for ``-(a + b)``.

    ``a - b`` becomes ``b - a``, unless one of them is a constant.
    """
    for node in walk(text.tree):
        if isinstance(node, ast.UnaryOp) and isinstance(node.operand, ast.BinOp):
            yield text.put("turned-sign", text.spot(node), f"({ast.unparse(node.operand)})")
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub):
            if isinstance(node.left, ast.Constant) or isinstance(node.right, ast.Constant):
                continue
            turned = ast.BinOp(node.right, ast.Sub(), node.left)
            yield text.put("wrong-order", text.spot(node), ast.unparse(turned))


def rows(text: Text) -> Iterator[Proposal]:
    """Propose two neighbouring names of an assigned tuple, list or dict in exchanged order."""
    for value in (node.value for node in every(ast.Assign, text.tree)):
        row = value.values if isinstance(value, ast.Dict) else getattr(value, "elts", ())
        for one, other in pairwise(row):
            if isinstance(one, ast.Name) and isinstance(other, ast.Name):
                yield text.put_each("wrong-order", exchanged((one, other)))


def names(text: Text, lines: Collection[int], used: int) -> Iterator[Proposal]:
    """Propose to exchange the arrays of two neighbouring assignments, and index 1 for 0 or reverse.

    Only assignments of one line in ``lines`` (numbers) are changed. Arrays are exchanged only if
    both assignments read an entry, and if ``used``, the number of lines that use the assigned
    names, is more than 2. A changed index must give an entry that the text reads elsewhere, if it
    reads several entries of that array.
    """
    given = [
        part
        for part in every(ast.Assign, text.tree)
        if part.lineno == part.end_lineno and part.lineno in lines
    ]
    for one, other in pairwise(given):
        entries = isinstance(one.value, ast.Subscript) and isinstance(other.value, ast.Subscript)
        if used > 2 and entries and one.lineno + 1 == other.lineno:
            source, instead = (ast.unparse(each.value) for each in (one, other))
            yield text.put_each("wrong-order", ((one.value, instead), (other.value, source)))
    known = {*ENTRY.findall(text.source)}
    for each in given:
        for part in every(ast.Subscript, each.value):
            for at in every(ast.Constant, part.slice):
                if at.value in (0, 1):
                    entry = text.put("wrong-element", text.spot(at), str(1 - at.value))
                    made = {*ENTRY.findall(entry.lines[0])} - known
                    # Of an array of which the text has several entries it is one of these.
                    if all(sum(of == array for array, _ in known) == 1 for of, _ in made):
                        yield entry


def products(text: Text) -> Iterator[Proposal]:
    """Propose matrix products with another factor order, transposition or operator.

    ``a @ b`` becomes ``a.T @ b``, ``a @ b.T``, ``b @ a`` and ``a * b``; a factor ``a.T`` becomes
    ``a``; ``a * b`` becomes ``b * a`` and ``a @ b``.
    """
    for node in every(ast.expr, text.tree):
        factors: Sequence[ast.expr] = ()
        other: ast.operator = ast.Mult()
        if isinstance(node, ast.Call) and last_name(node.func) in ("dot", "matmul"):
            factors = node.args
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult | ast.Mult):
            factors = (node.left, node.right)
            other = ast.MatMult() if isinstance(node.op, ast.Mult) else other
        if len(factors) != 2:
            continue
        left, right = factors
        for each in factors if isinstance(other, ast.Mult) else ():
            if isinstance(each, ast.Attribute) and each.attr == "T":
                now = ast.unparse(each.value)
            else:
                now = ast.unparse(ast.Attribute(each, "T"))
            yield text.put(TRANSPOSED, text.spot(each), now)
        yield text.put_each("wrong-order", exchanged(factors))
        whole = ast.unparse(ast.BinOp(left, other, right))
        yield text.put("wrong-operator", text.spot(node), whole)


def copies(text: Text) -> Iterator[Proposal]:
    """Propose ``a.copy()`` for each name, attribute or entry ``a`` that is assigned."""
    for node in walk(text.tree):
        given = node.value if isinstance(node, ast.Assign | ast.DictComp) else None
        if isinstance(given, ast.Name | ast.Subscript | ast.Attribute):
            yield text.put("missing-copy", text.spot(given), f"{ast.unparse(given)}.copy()")


def moved_up(text: Text, lines: Collection[int]) -> Iterator[Proposal]:
    """Propose to move the assignments in ``lines`` up, past statements that they do not depend on.

    ``lines`` are numbers. Neighbouring assignments move together, in functions only; the values are
    also proposed with ``.copy()``.
    """
    for body in (function.body for function in text.functions):
        above: list[ast.stmt] = []
        for late, run in groupby(body, lambda each: each.lineno in lines):
            moved = [*run]
            passed = _passed(above, moved) if late else []
            above += moved
            if passed:
                first, start = passed[0].lineno, moved[0].lineno
                last = moved[-1].end_lineno or moved[-1].lineno
                before, own = text.lines[first - 1 : start - 1], text.lines[start - 1 : last]
                for instead in (own, [f"{each}.copy()" for each in own]):
                    at = text.spot(moved[0])
                    yield text.moved("wrong-order", first, last, [*instead, *before], at)


def _passed(above: Sequence[ast.stmt], moved: Sequence[ast.stmt]) -> Sequence[ast.stmt]:
    """Return the statements directly above ``moved`` that assign no name which ``moved`` reads.

    ``above`` are all statements above, in order. The result ends at the first bare expression, and
    leading statements that assign to no plain name are dropped.
    """
    read = {name for each in moved for name in names_in(each, ast.Load)}
    passed: list[ast.stmt] = []
    for each in reversed(above):
        if read & names_in(each, ast.Store) or isinstance(each, ast.Expr):
            break
        passed.insert(0, each)
    return [*dropwhile(_gives_a_name, passed)]


def _gives_a_name(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name)
