"""Classify the statements of a submission by their text: roles, torch or numpy, definitions.

A `Unit` is the smallest thing that can belong to a task: a top-level statement, or a
whole cell that cannot be parsed.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import groupby, pairwise

from msgspec import Struct
from msgspec.structs import replace

from gradkit.records.submission import Cell, Submission
from gradkit.records.task import Task
from gradkit.runtime.statements import plain
from gradkit.runtime.syntax import (
    DEFINITIONS,
    LOOPS,
    AnyFunction,
    assignments,
    base_name,
    called_method,
    first_line,
    last_name,
    names_in,
    own_statements,
    parts_of,
    walk,
    walk_statements,
)
from gradkit.submission.methods import net_class
from gradkit.submission.source import parse, statements

MODEL = "torch model"
TRAINING = "torch training"
"""Keys of the two torch roles, which are known by their form and not by their names."""

_ASSUMED = {"torch": "torch", "nn": "torch"}


class Unit(Struct, frozen=True):
    """A statement, or several on one line, and the facts that its text shows.

    ``start`` and ``end`` are its lines in the cell, from 1, the end excluded. ``roles``
    are keys of the roles it plays: a numpy role by its name, a torch role by its form.
    ``defines`` are functions and classes, ``loads`` all names that are read. ``solid``
    means that it defines or trains something, so that it can begin a part. ``meant``
    are numpy roles whose names it defines with code that uses torch.
    """

    cell: Cell
    start: int
    end: int
    torch: bool = False
    roles: frozenset[str] = frozenset()
    defines: frozenset[str] = frozenset()
    loads: frozenset[str] = frozenset()
    imports: bool = False
    loop: bool = False
    solid: bool = False
    meant: frozenset[str] = frozenset()


class _Known(Struct, frozen=True):
    """Names from torch, names of numpy roles, and all assigned or defined names.

    ``trains`` is false if no cell mentions torch: ``backward`` is then the student's own method.
    """

    torch: set[str]
    roles: Mapping[str, str]
    made: Mapping[str, ast.AST]
    trains: bool


def is_empty(submission: Submission) -> bool:
    """Return whether a submission has no statements but ``pass`` and bare constants."""
    trees = (parse(cell.source).tree for cell in submission.cells)
    return all(tree is not None and all(map(_says_nothing, tree.body)) for tree in trees)


def _says_nothing(node: ast.stmt) -> bool:
    """Return whether a statement is a constant, such as a docstring, or ``pass``."""
    constant = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return constant or isinstance(node, ast.Pass)


def units_of(cells: Iterable[Cell], tasks: Iterable[Task]) -> list[Unit]:
    """Divide cells into units, in order."""
    parsed = [(cell, statements(cell.source)) for cell in cells]
    origins = dict(_ASSUMED)
    made: dict[str, ast.AST] = {}
    for _, body in parsed:
        origins |= _origins(body)
        for node in body:
            made |= {node.name: node} if isinstance(node, DEFINITIONS) else dict(assignments(node))
    torch_names = {name for name, origin in origins.items() if origin == "torch"}
    numpy_roles = {
        plain(name): role.name
        for task in tasks
        if not task.framework.trains
        for role in task.roles
        for name in (role.name, *role.aliases)
    }
    trains = any("torch" in cell.source for cell, _ in parsed)
    known = _Known(torch_names, numpy_roles, made, trains)
    units = [unit for cell, body in parsed for unit in _units(cell, body, known)]
    return [
        unit
        for _, group in groupby(units, lambda u: u.cell.file)
        for unit in _with_numpy_roles([*group])
    ]


def _with_numpy_roles(units: list[Unit]) -> Iterator[Unit]:
    """Give units of one file the numpy roles that they are named after although they use torch.

    This is done only in a file without a torch model: the student then uses torch in a numpy task,
    and running the code reports it.
    """
    roles = {role for unit in units for role in unit.roles}
    for unit in units:
        if MODEL not in roles and unit.meant and not unit.meant & roles:
            yield replace(unit, torch=False, roles=unit.roles - {TRAINING} | unit.meant)
        else:
            yield unit


def _origins(body: Sequence[ast.stmt]) -> dict[str, str]:
    """Return the package that each imported name comes from."""
    found = {}
    for node in walk_statements(ast.Module([*body], [])):
        if isinstance(node, ast.Import):
            for alias in node.names:
                root = alias.name.partition(".")[0]
                found[alias.asname or root] = root
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                found[alias.asname or alias.name] = node.module.partition(".")[0]
    return found


def _units(cell: Cell, body: Sequence[ast.stmt], known: _Known) -> Iterator[Unit]:
    """Yield the units of one cell."""
    end = cell.source.count("\n") + 2
    # Statements that share a line stay together.
    groups: list[list[ast.stmt]] = []
    for statement in body:
        if groups and first_line(statement) <= (groups[-1][-1].end_lineno or 0):
            groups[-1].append(statement)
        else:
            groups.append([statement])
    starts = [1, *(first_line(group[0]) for group in groups[1:]), end]
    if not groups:
        yield Unit(cell, 1, end)
    for group, (start, stop) in zip(groups, pairwise(starts), strict=False):
        yield _unit(group, Unit(cell, start, stop), known)


def _unit(group: list[ast.stmt], lines: Unit, known: _Known) -> Unit:
    """Make the unit of some statements on the lines of ``lines``."""
    parts = [part for node in group for part in walk(node)]
    loads = {part.id for part in parts if isinstance(part, ast.Name)}
    calls = [part for part in parts if isinstance(part, ast.Call)]
    called = set(map(called_method, calls))
    # `net.backward(X, y)` is the student's own method; that of a tensor has no arguments.
    bare = {called_method(call) for call in calls if not call.args}
    defines = {name for node in group for name in (*_defined(node), *_made(node, known))}
    own = {known.roles[plain(name)] for name in defines if plain(name) in known.roles}
    if any(net_class(node, known.roles) for node in group):
        own |= {"forward", "update"}
    backward = known.trains and (
        "backward" in called
        if loads & known.torch
        else "backward" in bare and (not own or bool(bare & {"step", "zero_grad"}))
    )
    imports = all(isinstance(node, ast.Import | ast.ImportFrom) for node in group)
    torch = backward or bool(loads & known.torch)
    if imports:
        torch = "torch" in _origins(group).values()
    roles = set()
    if backward:
        roles.add(TRAINING)
    if any(is_model(node, known.torch) for node in group):
        roles.add(MODEL)
        # Students derive models from their own base classes.
        known.torch.update(node.name for node in group if isinstance(node, ast.ClassDef))
    if not torch:
        roles |= own
    loop = any(isinstance(node, LOOPS) for node in group)
    return replace(
        lines,
        torch=torch,
        roles=frozenset(roles),
        defines=frozenset(defines),
        loads=frozenset(loads),
        imports=imports,
        loop=loop,
        solid=bool(defines or roles) or loop,
        meant=frozenset(own) - roles,
    )


def _defined(node: ast.stmt) -> Iterator[str]:
    """Yield the names of functions, classes and lambdas that a statement defines."""
    for part in parts_of(node):
        if isinstance(part, DEFINITIONS):
            yield part.name
        yield from (name for name, value in assignments(part) if isinstance(value, ast.Lambda))


def _made(node: ast.stmt, known: _Known) -> Iterator[str]:
    """Yield names of roles that are assigned a function: ``update = net.step``.

    A value that is made from a role, ``f = timed(f)``, does not count as another definition.
    """
    for name, value in assignments(node):
        if plain(name) in known.roles and isinstance(value, ast.Attribute | ast.Call):
            of_role = any(plain(part) in known.roles for part in names_in(value))
            if not of_role and _may_be_function(value, known.made):
                yield name


def _may_be_function(value: ast.Attribute | ast.Call, made: Mapping[str, ast.AST]) -> bool:
    """Return whether a value may be a function of the submission.

    That is an attribute of the student's own class or object, or a call of the student's own code
    that may return a function. Only running the code shows whether it is one.
    """
    if isinstance(value, ast.Attribute):
        root = made.get(base_name(value) or "")
        return isinstance(root, ast.ClassDef | ast.Call)
    maker = made.get(value.func.id) if isinstance(value.func, ast.Name) else None
    if isinstance(maker, ast.ClassDef):
        return any(part.name == "__call__" for part in maker.body if isinstance(part, AnyFunction))
    if isinstance(maker, AnyFunction):
        return any(isinstance(part, AnyFunction) and part is not maker for part in walk(maker))
    given = [made.get(part.id) for part in value.args if isinstance(part, ast.Name)]
    return maker is None and any(isinstance(part, AnyFunction) for part in given)


def is_model(node: ast.stmt, torch_names: set[str] | frozenset[str]) -> bool:
    """Return whether a statement makes a torch module: a class, or a bare ``nn.Sequential``."""
    if isinstance(node, ast.ClassDef):
        return any(
            base_name(base) in torch_names and last_name(base) not in ("Dataset", "Function")
            for base in node.bases
        )
    return isinstance(node, ast.Assign | ast.AnnAssign | ast.Return) and any(
        last_name(call.func) == "Sequential" and base_name(call.func) in torch_names
        for call in _chained(node.value)
    )


def makes_model(
    function: AnyFunction, torch_names: set[str] | frozenset[str], models: Collection[str]
) -> bool:
    """Return whether a function returns a torch module: its own, or one of ``models``."""
    if isinstance(function, ast.Lambda):
        return is_model(ast.Return(function.body), torch_names) or _calls(function.body, models)
    classes, values = set(models), set()
    for node in own_statements(function):
        value = getattr(node, "value", None)
        found = is_model(node, torch_names) or _calls(value, classes)
        if isinstance(node, ast.Return):
            if found or (isinstance(value, ast.Name) and value.id in values):
                return True
        elif found and isinstance(node, ast.ClassDef):
            classes.add(node.name)
        elif found:
            values |= {name for name, _ in assignments(node)}
    return False


def _calls(value: object, models: Collection[str]) -> bool:
    """Return whether a value is made by a call of one of ``models``, as ``Net().to(device)``."""
    return any(
        isinstance(call.func, ast.Name) and call.func.id in models for call in _chained(value)
    )


def _chained(value: object) -> Iterator[ast.Call]:
    """Yield the calls of ``nn.Sequential(…).to(device)``, the last one first."""
    while isinstance(value, ast.Call):
        yield value
        value = value.func.value if isinstance(value.func, ast.Attribute) else None
