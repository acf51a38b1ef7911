"""Run a function without the statements that raise, to grade what its other statements compute.

Runs in the student's process. Each time a call raises, the statement of the function that raised
is removed from its text, and all calls are made again.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from traceback import walk_tb
from types import CodeType

from gradkit.runtime.namespace import Namespace
from gradkit.runtime.repair.changed import changed
from gradkit.runtime.syntax import first_line, parse, statements_in

MAX_REMOVED = 4
"""Most statements that are removed."""

Text = tuple[str, int, str]
"""A definition: its cell, its first line there, and its text."""


def spared(names: Namespace, name: str, call: Callable[[], None]) -> None:
    """Make calls of a function; if one raises, remove the statement that raised, and repeat.

    Parameters
    ----------
    names : Namespace
        The student's names. The changed function replaces the original only during the calls.
    name : str
        The function, defined by a ``def`` at top level.
    call : callable
        Makes all calls from the beginning, and stores their results itself.

    Raises
    ------
    BaseException
        The exception of a call, if the statement that raised cannot be removed, or if `MAX_REMOVED`
        statements have been removed.
    """
    text = _definition_text(names, name)
    for _ in range(MAX_REMOVED):
        try:
            with changed(names, () if text is None else (text,)):
                return call()
        except BaseException as error:
            text = text and _without_statement(text, _line_in_function(error, name, text[0]))
            if text is None:
                raise
    return call()


def _definition_text(names: Namespace, name: str) -> Text | None:
    """Return the cell, the first line and the text of a student's global function.

    ``names`` are the student's names. None is returned if no ``def`` at top level defines the
    function with this name.
    """
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


def _line_in_function(error: BaseException, name: str, cell: str) -> int:
    """Return the line of a function that was running when an exception was raised, or 0.

    The exception may come from another function that was called at that line. ``name`` is the name
    of the function, and ``cell`` its file.
    """
    for frame, line in walk_tb(error.__traceback__):
        if (frame.f_code.co_name, frame.f_code.co_filename) == (name, cell):
            return line
    return 0


def _without_statement(text: Text, line: int) -> Text | None:
    """Return a definition's text without the statement at a line, or None if it must stay.

    ``text`` is the cell, first line and text of the definition, and ``line`` a line of the cell.
    ``raise``, inner functions and statements that share a line with others stay. The names that the
    removed statement assigns become None, so that older values are not used instead. The number of
    lines does not change.
    """
    cell, first, source = text
    node = _innermost_statement(ast.parse(source).body, line - first + 1)
    lines = source.split("\n")
    # A student who writes `raise` wants no later statement to run.
    if node is None or isinstance(node, ast.Raise | ast.FunctionDef):
        return None
    start, end = node.lineno - 1, node.end_lineno or node.lineno
    before = lines[start][: node.col_offset]
    if before.strip() or lines[end - 1][node.end_col_offset :].partition("#")[0].strip():
        return None
    lines[start:end] = [f"{before}{_replacement(node)}", *[""] * (end - start - 1)]
    return cell, first, "\n".join(lines)


def _replacement(node: ast.stmt) -> str:
    """Return the source that replaces a removed statement, which raised when it ran.

    It is ``dx = None`` for an assignment to names, so that no older value is used, and else
    ``pass``.
    """
    targets = node.targets if isinstance(node, ast.Assign) else ()
    names = [n for t in targets for n in (t.elts if isinstance(t, ast.Tuple) else [t])]
    if not names or not all(isinstance(name, ast.Name) for name in names):
        return "pass"
    return " = ".join([*map(ast.unparse, names), "None"])


def _innermost_statement(body: Sequence[ast.AST], line: int) -> ast.stmt | None:
    """Return the innermost statement that contains a line, or None if no statement does.

    ``body`` is the list of statements to search, with the statements inside them.
    """
    for node in body:
        if isinstance(node, ast.stmt) and node.lineno <= line <= (node.end_lineno or node.lineno):
            return _innermost_statement(statements_in(node), line) or node
    return None
