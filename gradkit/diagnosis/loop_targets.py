"""Which loop chooses the entry that a statement writes to, and where that loop comes to its end."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence

from gradkit.runtime.syntax import statements_in, walk

Written = tuple[str, tuple[int | None, ...], int]
"""A name that is written into; for each index the line that ends the loop whose variable is in
it, or None; how many indices come first that are text."""

Rounds = Mapping[int, Written]
"""By the first line of a statement."""

_Loops = tuple[tuple[frozenset[str], int | None], ...]

_LEAVING = (ast.Return, ast.Break, ast.Continue, ast.Raise)


def rounds_of(tree: ast.AST) -> Rounds:
    """All statements of a tree that write into something by an index that a loop runs through.

    A loop ends at its own line, if that says how far it runs, or at a ``return`` or ``break``
    that stands in it under no condition. Where a condition decides, or data, None is told.
    """
    return dict(_rounds(tree, ()))


def _rounds(node: ast.AST, loops: _Loops) -> Iterator[tuple[int, Written]]:
    if isinstance(node, ast.For):
        inside = *loops, (_names(node.target), _end_of(node))
        for child in node.body:
            yield from _rounds(child, inside)
        return
    if isinstance(node, ast.Assign | ast.AugAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        if loops and len(targets) == 1 and isinstance(targets[0], ast.Subscript):
            yield from _written(node.lineno, targets[0], loops)
        return
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        loops = ()
    elif not isinstance(node, ast.With):
        loops = tuple((names, None) for names, _ in loops)
    for part in statements_in(node):
        yield from _rounds(part, loops)


def _end_of(node: ast.For) -> int | None:
    """The line that says how far a loop runs, if that is told by the text alone."""
    ends = [child.lineno for child in node.body if isinstance(child, ast.Return | ast.Break)]
    on_condition = any(
        isinstance(part, _LEAVING)
        for child in node.body
        if not isinstance(child, ast.Return | ast.Break)
        for part in walk(child)
    )
    if on_condition or not (ends or _is_counted(node.iter)):
        return None
    return ends[0] if ends else node.lineno


def _is_counted(over: ast.expr) -> bool:
    """Whether a loop runs over numbers or values that stand in its line, not over some data."""
    if isinstance(over, ast.Call) and isinstance(over.func, ast.Name):
        inner = over.args[:1]
        return over.func.id == "range" or (
            over.func.id == "reversed" and all(map(_is_counted, inner))
        )
    return isinstance(over, ast.Tuple | ast.List)


def _written(line: int, target: ast.Subscript, loops: _Loops) -> Iterator[tuple[int, Written]]:
    root, indices = _taken_apart(target)
    if not root:
        return
    chosen = [frozenset().union(*(names for names, _ in loops)) & _names(i) for i in indices]
    if any(chosen):
        found = tuple(_end(index, loops) for index in indices)
        texts = next((n for n, index in enumerate(indices) if not _is_text(index)), len(indices))
        yield line, (root, found, texts)


def _taken_apart(target: ast.expr) -> tuple[str, list[ast.expr]]:
    """The name at the root of subscripts, and all indices in their order."""
    indices: list[ast.expr] = []
    while isinstance(target, ast.Subscript | ast.Attribute):
        if isinstance(target, ast.Subscript):
            inner = target.slice
            indices = [*(inner.elts if isinstance(inner, ast.Tuple) else [inner]), *indices]
        target = target.value
    return (target.id if isinstance(target, ast.Name) else ""), indices


def _is_text(index: ast.expr) -> bool:
    """Whether an index is a key: text, or made of text."""
    return any(
        isinstance(part, ast.JoinedStr)
        or (isinstance(part, ast.Constant) and isinstance(part.value, str))
        for part in walk(index)
    )


def _end(index: ast.expr, loops: _Loops) -> int | None:
    used = _names(index)
    ends = [end for names, end in loops if names & used]
    return ends[0] if len(ends) == 1 else None


def _names(node: ast.AST) -> frozenset[str]:
    return frozenset(part.id for part in walk(node) if isinstance(part, ast.Name))


def canonical(
    written: Sequence[int | None], keys: int, *, turned: bool
) -> tuple[int | None, int | None, int | None]:
    """The lines for the key, and for the two canonical axes."""
    axes = [*written[keys:], None, None][:2]
    key = next((line for line in written[:keys] if line), None)
    return (key, axes[1], axes[0]) if turned else (key, axes[0], axes[1])
