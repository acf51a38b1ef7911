"""Run a function without the statements that stop it, for what the others do.

Runs in the student's process. Each time a call raises, the statement of the function's own text
that it was in is taken out, and all calls are made again.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from traceback import walk_tb
from types import CodeType

from gradkit.runtime.namespace import Namespace
from gradkit.runtime.repair.changed import changed
from gradkit.runtime.syntax import first_line, parse, statements_in

MOST = 4
"""Statements that are taken out at most."""

Text = tuple[str, int, str]
"""A definition: its cell, its first line there, and its text."""


def spared(names: Namespace, name: str, call: Callable[[], None]) -> None:
    """Call until nothing raises any more, or nothing can be taken out for it.

    Parameters
    ----------
    names : Namespace
    name : str
        The function, defined by a ``def`` at top level.
    call : callable
        Makes all calls anew; what it makes of them is its own.
    """
    text = _text(names, name)
    for _ in range(MOST):
        try:
            with changed(names, () if text is None else (text,)):
                return call()
        except BaseException as error:
            text = text and _without(text, _line(error, name, text[0]))
            if text is None:
                raise
    return call()


def _text(names: Namespace, name: str) -> Text | None:
    """Return the text of a function, if it is defined as such at top level."""
    code: CodeType | None = getattr(names[name], "__code__", None)
    source = None if code is None else names.plan.sources().get(code.co_filename)
    if code is None or source is None:
        return None
    for node in parse(source).body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            first = first_line(node)
            if first <= code.co_firstlineno <= node.lineno:
                lines = source.split("\n")[first - 1 : node.end_lineno]
                return code.co_filename, first, "\n".join(lines)
    return None


def _line(error: BaseException, name: str, cell: str) -> int:
    """Return the line of the function at which something was raised, in it or below; 0 if none."""
    for frame, line in walk_tb(error.__traceback__):
        if (frame.f_code.co_name, frame.f_code.co_filename) == (name, cell):
            return line
    return 0


def _without(text: Text, line: int) -> Text | None:
    """Return the text without the statement at a line; None where it cannot go.

    What it would have made is None, whatever had the name before.
    """
    cell, first, source = text
    node = _at(ast.parse(source).body, line - first + 1)
    lines = source.split("\n")
    # What raises on purpose says that nothing more is meant to be run.
    if node is None or isinstance(node, ast.Raise | ast.FunctionDef):
        return None
    start, end = node.lineno - 1, node.end_lineno or node.lineno
    before = lines[start][: node.col_offset]
    if before.strip() or lines[end - 1][node.end_col_offset :].partition("#")[0].strip():
        return None
    lines[start:end] = [f"{before}{_instead(node)}", *[""] * (end - start - 1)]
    return cell, first, "\n".join(lines)


def _instead(node: ast.stmt) -> str:
    """Return ``dx = None`` for an assignment to names, and else ``pass``."""
    targets = node.targets if isinstance(node, ast.Assign) else ()
    names = [n for each in targets for n in (each.elts if isinstance(each, ast.Tuple) else [each])]
    if not names or not all(isinstance(name, ast.Name) for name in names):
        return "pass"
    return " = ".join([*map(ast.unparse, names), "None"])


def _at(body: Sequence[ast.AST], line: int) -> ast.stmt | None:
    """Return the innermost statement at a line; of what holds others, where it is its head."""
    for node in body:
        if isinstance(node, ast.stmt) and node.lineno <= line <= (node.end_lineno or node.lineno):
            return _at(statements_in(node), line) or node
    return None
