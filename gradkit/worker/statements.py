"""A section's source as top-level statements: what each binds, and which loops train.

A leaf: it knows the syntax tree of Python and nothing else. Both the worker, which runs
statements, and the outline, which only reads them, stand on it.
"""

from __future__ import annotations

import ast
import copy
import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

Source = tuple[str, str]
"""A cell's id and its source."""

LOOPS = (ast.For, ast.AsyncFor, ast.While)
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)

_COMPOUND = (ast.If, ast.Try, ast.With, ast.AsyncWith, ast.Match, ast.TryStar)
_MUTATORS = frozenset(
    {"append", "extend", "insert", "update", "setdefault", "pop", "remove", "clear", "sort"}
    | {"reverse", "add", "discard"}
)
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
    elsewhere: dict[str, str] = field(default_factory=dict)
    declared: dict[str, frozenset[str]] = field(default_factory=dict)


def layer_of(sources: Iterable[Source], number: int = 0) -> Layer:
    """Parse cells and list their statements. A cell that cannot be parsed binds nothing."""
    layer = Layer(number)
    flags = 0
    for cell, source in sources:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tree = ast.parse(source)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            line = getattr(error, "lineno", None) or 1
            reason = getattr(error, "msg", None) or type(error).__name__
            for match in _BROKEN.finditer(source):
                said = f"stands in code that is not valid Python ({say(cell, line)}: {reason})"
                layer.elsewhere.setdefault(match[1] or match[2], said)
            continue
        flags |= _future(tree)
        for node, guarded in _top_level(tree.body, guarded=False):
            _add(layer, cell, node, flags, guarded)
    for name in layer.elsewhere.keys() & layer.binders.keys():
        del layer.elsewhere[name]
    return layer


def _add(layer: Layer, cell: str, node: ast.stmt, flags: int, guarded: bool) -> None:
    names = names_bound(node)
    if isinstance(node, ast.FunctionDef):
        declared = {
            n for part in ast.walk(node) if isinstance(part, ast.Global) for n in part.names
        }
        if declared:
            layer.declared[node.name] = frozenset(declared)
    elif layer.declared and isinstance(node, ast.Expr | ast.Assign):
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
    if guarded:
        place = say(cell, node.lineno)
        said = f"is only made under `if __name__ == …` at {place}, which is not run"
        layer.elsewhere |= dict.fromkeys(names, said)
    elif isinstance(node, LOOPS):
        said = f"is only made in the loop at {say(cell, node.lineno)}, which is not run"
        for name in _stored(node):
            layer.elsewhere.setdefault(name, said)


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
        isinstance(part, ast.Name) and part.id == "__name__" for part in ast.walk(node.test)
    )


# --- names -------------------------------------------------------------------------------


def names_bound(node: ast.stmt) -> frozenset[str]:
    """Return the global names that a statement binds or changes, loops left out.

    ``x = …``, ``x += …``, ``x[k] = …``, ``x.a = …`` and ``x.append(…)`` all count for
    ``x``: whoever wants ``x`` wants it with its changes.
    """
    return frozenset(_names(node))


def _names(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, DEFINITIONS):
        yield node.name
    elif isinstance(node, ast.Import | ast.ImportFrom):
        for alias in node.names:
            if alias.name != "*":
                yield alias.asname or alias.name.partition(".")[0]
    elif isinstance(node, LOOPS):
        return
    elif isinstance(node, _COMPOUND):
        yield from _names_in_compound(node)
    elif isinstance(node, ast.AnnAssign) and node.value is None:
        return
    else:
        targets: list[ast.expr] = []
        if isinstance(node, ast.Assign):
            targets = node.targets
        elif isinstance(node, ast.AugAssign | ast.AnnAssign):
            targets = [node.target]
        elif hasattr(ast, "TypeAlias") and isinstance(node, ast.TypeAlias):
            targets = [node.name]
        for target in targets:
            yield from _targets(target)
        yield from _walrus(node)
        if isinstance(node, ast.Expr):
            yield from _mutated(node.value)


def _names_in_compound(node: ast.stmt) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt):
            yield from _names(child)
        elif isinstance(child, ast.withitem):
            if child.optional_vars is not None:
                yield from _targets(child.optional_vars)
        elif isinstance(child, ast.ExceptHandler | ast.match_case):
            yield from _names_in_compound(child)  # type: ignore[arg-type]
        elif isinstance(child, ast.expr):
            yield from _walrus(child)
        elif isinstance(child, ast.pattern):
            for part in ast.walk(child):
                name = getattr(part, "name", None) or getattr(part, "rest", None)
                if isinstance(name, str):
                    yield name


def _targets(target: ast.expr) -> Iterator[str]:
    if isinstance(target, ast.Tuple | ast.List):
        for element in target.elts:
            yield from _targets(element)
    elif isinstance(target, ast.Starred):
        yield from _targets(target.value)
    elif (name := base_name(target)) is not None:
        yield name


def base_name(node: ast.expr) -> str | None:
    """Return the name that an expression starts from: ``x`` for ``x[0].a``."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def _walrus(node: ast.AST) -> Iterator[str]:
    for part in _outside_functions(node):
        if isinstance(part, ast.NamedExpr):
            yield part.target.id


def _outside_functions(node: ast.AST) -> Iterator[ast.AST]:
    waiting = [node]
    while waiting:
        part = waiting.pop()
        yield part
        if not isinstance(part, ast.Lambda):
            waiting.extend(ast.iter_child_nodes(part))


def _mutated(value: ast.expr) -> Iterator[str]:
    """Yield ``x`` for ``x.append(…)`` and ``x.dropna(inplace=True)``.

    Other calls may do anything too, but are mostly shows and training.
    """
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
        in_place = any(
            keyword.arg == "inplace"
            and isinstance(keyword.value, ast.Constant)
            and keyword.value.value is True
            for keyword in value.keywords
        )
        name = base_name(value.func.value)
        if name is not None and (in_place or value.func.attr in _MUTATORS):
            yield name


def _stored(node: ast.AST) -> Iterator[str]:
    for part in _outside_functions(node):
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
            yield part.id


def names_in_class_bodies(node: ast.AST) -> set[str]:
    """Return the names that class bodies in ``node`` read directly, outside of functions."""
    names: set[str] = set()
    for part in ast.walk(node):
        if isinstance(part, ast.ClassDef):
            waiting: list[ast.AST] = list(part.body)
            while waiting:
                child = waiting.pop()
                if isinstance(child, ast.Name):
                    names.add(child.id)
                elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                    waiting += [child.args, *child.decorator_list]
                    waiting += [child.returns] if child.returns else []
                elif not isinstance(child, ast.Lambda):
                    waiting.extend(ast.iter_child_nodes(child))
    return names


def runnable(node: ast.stmt) -> ast.stmt:
    """Return the statement without the training loops inside it."""
    if isinstance(node, _COMPOUND) and trains(node):
        stripped = _WithoutTraining().visit(copy.deepcopy(node))
        assert isinstance(stripped, ast.stmt)  # noqa: S101  (a compound is no loop)
        return stripped
    return node


class _WithoutTraining(ast.NodeTransformer):
    def visit(self, node: ast.AST) -> ast.AST:
        if isinstance(node, LOOPS) and trains(node):
            return ast.copy_location(ast.Pass(), node)
        return super().visit(node)  # type: ignore[no-any-return]


# --- training loops ----------------------------------------------------------------------


def calls_method(node: ast.AST, method: str) -> bool:
    """Whether ``….method(…)`` is called anywhere in ``node``."""
    return any(
        isinstance(part, ast.Call)
        and isinstance(part.func, ast.Attribute)
        and part.func.attr == method
        for part in ast.walk(node)
    )


def trains(node: ast.AST) -> bool:
    """Whether both ``.backward()`` and ``.step()`` are called in ``node``."""
    return calls_method(node, "backward") and calls_method(node, "step")


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
                for part in ast.walk(argument)
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


# --- places ------------------------------------------------------------------------------


def say(cell: str, line: int) -> str:
    """Say a place from a cell's id: ``hw.ipynb[5]`` or ``hw.py``, a piece with ``+line``."""
    match = _CELL_ID.fullmatch(cell)
    if match is None:
        return f"{cell}:{line}"
    line += int(match["line"] or 1) - 1 + int(match["cut"] or 1) - 1
    return f"cell {match['cell']}, line {line}" if match["cell"] else f"{match['file']}:{line}"
