"""What a model solution computes on its way: values that a right answer may well have too."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradkit.lines import packed, run, unpacked
from gradkit.records.task import Draw, FunctionCheck
from gradkit.runtime.repair.pool import Part
from gradkit.runtime.repair.slots import GIVEN, Everywhere, Inner
from gradkit.runtime.repair.tree import SUMS, is_numpy
from gradkit.runtime.syntax import called_method, copy_tree, every, names_in
from gradkit.task.functions import steps_of
from gradkit.task.solution import Solution

Array = NDArray[Any]

MOST = 2048
"""Numbers of a value that is handed over."""

LARGEST = 64
"""Nodes of an expression that is handed over as text."""


class Inside:
    """A model solution's text with every expression watched.

    Parameters
    ----------
    solution : Solution
        With its text.
    """

    def __init__(self, solution: Solution) -> None:
        """Compile the model solution with a hook around every expression."""
        self._solution = solution
        self._everywhere = Everywhere()
        tree = ast.parse(solution.source)
        self._roles = dict(_roles(tree))
        self._entries = [copy_tree(node) for node in ast.walk(tree) if _fills(node)]
        tree.body = [
            self._everywhere.visit(node)
            if isinstance(node, ast.FunctionDef | ast.ClassDef)
            else node
            for node in tree.body
        ]
        self._code = compile(ast.fix_missing_locations(tree), solution.task.solution, "exec")

    @property
    def source(self) -> str:
        """Return the model solution's text."""
        return self._solution.source

    def values(
        self, check: FunctionCheck, draws: Sequence[Draw]
    ) -> tuple[list[list[Array]], list[Part]]:
        """Return the different values that the model solution computes in the lines of a check.

        Parameters
        ----------
        check : FunctionCheck
        draws : sequence of Draw
            The inputs at which its lines are run.

        Returns
        -------
        values : list of list of array
            For each draw, the values in the same order: those that differ in the first draw.
        parts : list of Part
            The small expressions that have these values, with the values' numbers.
        """
        seen = [self._seen(check, draw) for draw in draws]
        known: dict[tuple[tuple[int, ...], bytes], int] = {}
        values: list[list[Array]] = [[] for _ in draws]
        numbers: dict[int, list[int]] = {}
        for node, runs in seen[0].items():
            for run_of_it, value in enumerate(runs):
                key = value.shape, value.tobytes()
                if key not in known:
                    others = [each.get(node, ())[run_of_it : run_of_it + 1] for each in seen]
                    if not all(others):
                        continue
                    known[key] = len(known)
                    for column, (other,) in zip(values, others, strict=True):
                        column.append(other)
                numbers.setdefault(node, []).append(known[key])
        return values, list(self._parts({node: tuple(each) for node, each in numbers.items()}))

    def _seen(self, check: FunctionCheck, draw: Draw) -> dict[int, list[Array]]:
        """Run a check's lines; return the values of each expression, by its node's number.

        Expressions with a value that is not finite, or has more than `MOST` entries, are left out.
        """
        inner = Inner()
        names: dict[str, Any] = {
            **{n: v for n, v in self._solution.names.items() if n.startswith("__")},
            GIVEN: inner.seen,
        }
        exec(self._code, names)  # noqa: S102  (the instructor's own)
        tree, arrays = packed(draw.values)
        names |= {"np": np, **unpacked(tree, arrays)}
        with np.errstate(all="ignore"):
            for step in steps_of(self._solution.task, check):
                np.random.seed(0)
                run(step.call.text, names)
        return {
            number: runs
            for number, runs in inner.values.items()
            if runs and all(v.size <= MOST and np.isfinite(v).all() for v in runs)
        }

    def _parts(self, numbers: Mapping[int, tuple[int, ...]]) -> Iterator[Part]:
        """Yield small expressions and statements of the model solution, with their leaves.

        Leaves are the parts that an expression reads. ``numbers`` has, for each expression's node
        number, the numbers of its values. Parts of more than `LARGEST` nodes are left out, and
        those with a leaf whose value is unknown. A part is yielded twice if inner calls can be read
        as leaves.
        """
        places = {_place(node): number for number, node in enumerate(self._everywhere.nodes)}
        nodes = [self._everywhere.nodes[number] for number in numbers]
        wholes: list[tuple[Any, str]] = [
            (node, self._roles[_place(node)]) for node in nodes if _place(node) in self._roles
        ]
        for node, role in (*wholes, *((each, "statement") for each in self._entries)):
            if len(list(ast.walk(node))) > LARGEST:
                continue
            own = numbers.get(places.get(_place(node), -1), ())
            for read in dict.fromkeys(tuple(_read(node, calls=calls)) for calls in (True, False)):
                found = {ast.unparse(leaf): places.get(_place(leaf), -1) for leaf in read}
                if role == "statement":
                    # What holds no numbers, such as a dict, is called the same.
                    found = {text: leaf for text, leaf in found.items() if leaf in numbers}
                if all(leaf in numbers for leaf in found.values()):
                    leaves = tuple((text, numbers[leaf]) for text, leaf in found.items())
                    yield Part(ast.unparse(node), role, leaves, own)


def _place(node: Any) -> tuple[int, int, int | None, int | None]:
    return node.lineno, node.col_offset, node.end_lineno, node.end_col_offset


def _roles(tree: ast.AST) -> Iterator[tuple[tuple[int, int, int | None, int | None], str]]:
    """Yield the position and role (``term``, ``factor``, ``whole``) of each operand and value.

    A position is first line, first column, last line and last column. Operands of sums are terms,
    of other operations factors. Assigned and returned values, values of dicts and arguments are
    wholes.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp | ast.AugAssign):
            role = "term" if isinstance(node.op, SUMS) else "factor"
            operands = (node.left, node.right) if isinstance(node, ast.BinOp) else (node.value,)
            yield from ((_place(each), role) for each in operands)
        elif isinstance(node, ast.Assign | ast.Return) and node.value is not None:
            yield _place(node.value), "whole"
            if isinstance(node.value, ast.Tuple):
                yield from ((_place(each), "whole") for each in node.value.elts)
        elif isinstance(node, ast.Dict):
            yield from ((_place(each), "whole") for each in node.values)
        elif isinstance(node, ast.Call):
            rows = (a.elts if isinstance(a, ast.Tuple) else [a] for a in node.args)
            yield from ((_place(each), "whole") for row in rows for each in row)


def _fills(node: Any) -> bool:
    """Return whether a statement changes an existing value.

    It appends or is augmented (``+=``), or it assigns to entries, to an attribute, or to a name
    that its value reads.
    """
    if isinstance(node, ast.AugAssign) or _appends(node):
        return True
    if _sets(node):
        (target,) = node.targets
        return isinstance(target, ast.Attribute) or target.id in names_in(node.value)
    return isinstance(node, ast.Assign) and all(
        isinstance(target, ast.Subscript) for target in node.targets
    )


def _read(node: Any, *, calls: bool) -> Iterator[ast.expr]:
    """Yield the leaves that an expression, or the value of a statement, reads.

    Leaves are names, attributes and entries with constant keys. With ``calls``, inner calls are
    leaves too: the student may have a name for their value. Variables of comprehensions are left
    out.
    """
    made = (each.target for each in every(ast.comprehension, node))
    own = set[str]().union(*map(names_in, made))
    root = node.value if _sets(node) else node
    leaves = _leaves(root, root if calls else None)
    yield from (e for e in leaves if not (isinstance(e, ast.Name) and e.id in own))


def _appends(node: Any) -> bool:
    """Return whether a statement appends a value to a list."""
    return isinstance(node, ast.Expr) and called_method(node.value) == "append"


def _sets(node: Any) -> bool:
    """Return whether a statement assigns to a single name or attribute."""
    single = isinstance(node, ast.Assign) and len(node.targets) == 1
    return single and isinstance(node.targets[0], ast.Name | ast.Attribute)


def _leaves(node: Any, whole: ast.AST | None) -> Iterator[ast.expr]:
    """Yield the names, attributes, and entries with constant keys in an expression.

    ``cache["A1"]`` is one leaf. Names of numpy and of functions are no leaves. If ``whole``, the
    root of the expression, is given, calls below it are leaves too.
    """
    if is_numpy(node):
        return
    called = whole is not None and isinstance(node, ast.Call) and node is not whole
    if (
        called
        or isinstance(node, ast.Name)
        or (
            isinstance(node, ast.Subscript | ast.Attribute)
            and getattr(node, "attr", "") not in ("T", "shape", "size")
            and _is_path(node)
        )
    ):
        yield node
        return
    for name, part in ast.iter_fields(node):
        for child in part if isinstance(part, list) else [part]:
            if isinstance(node, ast.Call) and name == "func":
                child = getattr(child, "value", None)  # noqa: PLW2901
            if isinstance(child, ast.expr | ast.keyword | ast.comprehension):
                yield from _leaves(child, whole)


def _is_path(node: ast.expr) -> bool:
    """Return whether an expression is a name, or its attribute or entry with a constant key.

    ``cache['A1']`` and ``self.W`` are; ``X[i]`` and ``np.pi`` are not.
    """
    while isinstance(node, ast.Subscript | ast.Attribute):
        if isinstance(node, ast.Subscript) and not isinstance(node.slice, ast.Constant):
            return False
        node = node.value
    return isinstance(node, ast.Name) and not is_numpy(node)
