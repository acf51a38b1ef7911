"""A section's source as top-level statements, and the names that each binds.

It knows the syntax tree of Python and nothing else. Both the worker, which runs statements,
and the outline, which only reads them, stand on it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from gradkit.runtime.messages import Message, message
from gradkit.runtime.names import LOOPS, names_bound, stored_names
from gradkit.runtime.syntax import parse, walk

Source = tuple[str, str]
"""A cell's id and its source."""

_CELL_ID = re.compile(r"(?P<file>.*?)(?:\[(?P<cell>\d+)\]|:(?P<line>\d+))?(?:\+(?P<cut>\d+))?")
_BROKEN = re.compile(r"^(?:def|class)\s+(\w+)|^(\w+)\s*=[^=]", re.MULTILINE)


@dataclass(eq=False, slots=True)
class Statement:
    """One top-level statement; imports of several names are taken apart.

    ``layer`` and ``position`` say where it stands. ``guarded`` statements stand under
    ``if __name__ == "__main__"``.
    """

    cell: str
    node: ast.stmt
    layer: int
    position: int
    binds: frozenset[str]
    flags: int = 0
    guarded: bool = False


@dataclass(slots=True)
class Layer:
    """The statements of some cells, and who binds which name, in order.

    ``declared`` are the names that functions declare global, by function; who calls one
    at top level binds them. ``elsewhere`` says where names are bound that nothing at top
    level binds; ``stars`` are the star imports.
    """

    number: int = 0
    statements: list[Statement] = field(default_factory=list)
    binders: dict[str, list[Statement]] = field(default_factory=dict)
    guarded: dict[str, list[Statement]] = field(default_factory=dict)
    stars: list[Statement] = field(default_factory=list)
    elsewhere: dict[str, Message] = field(default_factory=dict)
    declared: dict[str, frozenset[str]] = field(default_factory=dict)


def layer_of(sources: Iterable[Source], number: int = 0) -> Layer:
    """Parse cells and list their statements. A cell that cannot be parsed binds nothing."""
    layer = Layer(number)
    flags = 0
    for cell, source in sources:
        try:
            tree = parse(source)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            line = getattr(error, "lineno", None) or 1
            reason = getattr(error, "msg", None) or type(error).__name__
            for match in _BROKEN.finditer(source):
                name, place = match[1] or match[2], place_of(cell, line)
                told = message("no-python", name=name, place=place, reason=reason)
                layer.elsewhere.setdefault(name, told)
            continue
        flags |= _future(tree)
        declares = "global " in source
        for node, guarded in _top_level(tree.body, guarded=False):
            if declares and isinstance(node, ast.FunctionDef):
                layer.declared[node.name] = _declared(node)
            _add(layer, cell, node, flags, guarded)
    for name in layer.elsewhere.keys() & layer.binders.keys():
        del layer.elsewhere[name]
    return layer


def _add(layer: Layer, cell: str, node: ast.stmt, flags: int, guarded: bool) -> None:
    names = names_bound(node)
    if layer.declared and isinstance(node, ast.Expr | ast.Assign):
        called = node.value.func if isinstance(node.value, ast.Call) else None
        names |= layer.declared.get(called.id if isinstance(called, ast.Name) else "", frozenset())
    position = len(layer.statements)
    statement = Statement(cell, node, layer.number, position, names, flags, guarded)
    layer.statements.append(statement)
    if isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
        layer.stars.append(statement)
        return
    binders = layer.guarded if guarded else layer.binders
    for name in names:
        binders.setdefault(name, []).append(statement)
    place = place_of(cell, node.lineno)
    if guarded:
        layer.elsewhere |= {name: message("main-guard", name=name, place=place) for name in names}
    elif isinstance(node, LOOPS) and not names:
        for name in stored_names(node):
            layer.elsewhere.setdefault(name, message("loop", name=name, place=place))


def _declared(node: ast.FunctionDef) -> frozenset[str]:
    found = [part.names for part in walk(node) if isinstance(part, ast.Global)]
    return frozenset(name for names in found for name in names)


def _future(tree: ast.Module) -> int:
    flags = 0
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module == "__future__":
            for alias in node.names:
                if alias.name == "annotations":
                    import __future__

                    flags |= __future__.annotations.compiler_flag
    return flags


def _top_level(body: Sequence[ast.stmt], *, guarded: bool) -> Iterator[tuple[ast.stmt, bool]]:
    for node in body:
        if isinstance(node, ast.Import) or (
            isinstance(node, ast.ImportFrom) and node.module != "__future__"
        ):
            for alias in node.names:
                yield ast.copy_location(_import_of(node, alias), node), guarded
        elif is_main_guard(node):
            yield from _top_level(node.body, guarded=True)  # type: ignore[attr-defined]
        elif not isinstance(node, ast.ImportFrom):
            yield node, guarded


def _import_of(node: ast.Import | ast.ImportFrom, alias: ast.alias) -> ast.stmt:
    if isinstance(node, ast.Import):
        return ast.Import([alias])
    return ast.ImportFrom(node.module, [alias], node.level)


def is_main_guard(node: ast.stmt) -> bool:
    """Whether this is ``if __name__ == "__main__":``."""
    return isinstance(node, ast.If) and any(
        isinstance(part, ast.Name) and part.id == "__name__" for part in walk(node.test)
    )


# --- places ------------------------------------------------------------------------------


def place_of(cell: str, line: int) -> Message | str:
    """Return the place that a cell's id means: ``hw.ipynb[5]``, ``hw.py``, a piece ``+line``."""
    match = _CELL_ID.fullmatch(cell)
    if match is None:
        return f"{cell}:{line}"
    line += int(match["line"] or 1) - 1 + int(match["cut"] or 1) - 1
    if match["cell"]:
        return message("cell", cell=match["cell"], line=line)
    return f"{match['file']}:{line}"
