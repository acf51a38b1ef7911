"""Find the definitions, units and places in the text of a submission."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import groupby, pairwise

from msgspec import Struct
from msgspec.structs import replace

from gradkit.records.submission import Cell, Listing, Place, Submission
from gradkit.records.task import Call, FunctionTask, Task
from gradkit.runtime.syntax import (
    DEFINITIONS,
    LOOPS,
    AnyFunction,
    assignments,
    base_name,
    called_method,
    definitions_in,
    first_line,
    last_name,
    layer_of,
    names_bound,
    names_in,
    own_statements,
    parts_of,
    plain,
    walk,
    walk_statements,
)
from gradkit.submission.source import parse, statements


def finder(cells: Iterable[Cell]) -> Callable[[str, int], Place]:
    """Return a function that converts a cell's id and a line of its source to a `Place`.

    ``cells`` are all cells of the submission. An id that belongs to none of them is taken for the
    name of a module. Its place is in the file of the cells that this name fits, or else in a file
    that is called like the id.
    """
    known = {cell.id: cell for cell in cells}
    files = {cell.file for cell in known.values()}

    def find(cell_id: str, line: int) -> Place:
        """Return the place of a line in a cell or a module."""
        cell = known.get(cell_id)
        if cell is not None:
            return cell.place(line)
        # Modules of a package are compiled under dotted names.
        path = cell_id.removesuffix(".py").replace(".", "/") + ".py"
        if path in files:
            return Place(path, None, line)
        ending = sorted(file for file in files if file.endswith(f"/{path}"))
        return Place(ending[0] if len(ending) == 1 else cell_id, None, line)

    return find


def no_python(cells: Sequence[Cell], name: str) -> Place | None:
    """Return the place of a definition of `name` that is not valid Python, or None."""
    broken = layer_of((cell.id, cell.source) for cell in cells).broken
    return finder(cells)(*broken[name]) if name in broken else None


def source_at(cells: Iterable[Cell], place: Place) -> str:
    """Return the line of source at a place, without its indent; "" if no cell has it."""
    return line_at(cells, place).strip()


def line_at(cells: Iterable[Cell], place: Place) -> str:
    """Return the whole line of source at a place; "" if it is in none of the cells."""
    for cell in cells:
        line, lines = cell.line_of(place), cell.source.split("\n")
        if 0 < line <= len(lines):
            return lines[line - 1]
    return ""


# --- listings ----------------------------------------------------------------------------

LINES = 120
"""Largest number of lines of a listing. Of a longer statement, `AROUND` lines are listed."""

AROUND = 12
"""Number of lines before and after a place that are listed if its statement is too long."""


def listings(cells: Iterable[Cell], places: Iterable[Place]) -> tuple[Listing, ...]:
    """List the top-level statements that contain some places, each once, in the places' order.

    A place outside all cells is left out.
    """
    sources = {(cell.file, cell.cell): cell for cell in cells}
    shown: dict[Listing, None] = {}
    for place in dict.fromkeys(places):
        cell = sources.get((place.file, place.cell))
        if cell is not None and not any(holds(listing, place) for listing in shown):
            shown.update(dict.fromkeys(_around(cell, place)))
    return tuple(shown)


def holds(listing: Listing, place: Place) -> bool:
    """Return whether a place is among the lines of a listing."""
    after = listing.first_line + listing.source.count("\n")
    same = (listing.file, listing.cell) == (place.file, place.cell)
    return same and listing.first_line <= place.line <= after


def _around(cell: Cell, place: Place) -> Iterator[Listing]:
    """Yield the top-level statement at a place as a listing; nothing if the cell has no such line.

    Of a statement with more than `LINES` lines, only those near the place are listed.
    """
    lines = cell.source.split("\n")
    line = cell.line_of(place)
    if not 1 <= line <= len(lines):
        return
    first, last = _statement(cell.source, line)
    if last - first >= LINES:
        first, last = max(first, line - AROUND), min(last, line + AROUND)
    # A notebook can hold half a surrogate pair, which cannot be encoded.
    text = "\n".join(lines[first - 1 : last]).encode(errors="replace").decode()
    yield Listing(cell.file, cell.cell, cell.first_line + first - 1, text)


def _statement(source: str, line: int) -> tuple[int, int]:
    """Return the first and last line of the top-level statement at a line, with its decorators.

    If no statement contains the line, that is `AROUND` lines before and after it.
    """
    for node in statements(source):
        first, last = first_line(node), node.end_lineno or node.lineno
        if first <= line <= last:
            return first, last
    return max(1, line - AROUND), min(line + AROUND, source.count("\n") + 1)


class Definition(Struct, frozen=True):
    """The last definition of a name such as ``affine_forward``, or ``Linear.forward`` of a class.

    ``node`` is its syntax tree, None if the name is assigned or imported.
    """

    name: str
    cell: Cell
    line: int
    node: ast.FunctionDef | ast.ClassDef | None = None

    def reads(self) -> frozenset[str]:
        """Return the names that the definition reads."""
        node: ast.AST | None = self.node or self._statement()
        return frozenset(names_in(node) if node is not None else ())

    def is_imported(self) -> bool:
        """Return whether an import statement defines the name."""
        return isinstance(self._statement(), ast.Import | ast.ImportFrom)

    def _statement(self) -> ast.stmt | None:
        """Return the statement at top level that begins in the definition's line, or None."""
        made = (each for each in statements(self.cell.source) if each.lineno == self.line)
        return next(made, None)

    def place(self) -> Place | None:
        """Return the place of the definition in the student's file."""
        return self.cell.place(self.line)


def definitions(cells: Iterable[Cell]) -> dict[str, Definition]:
    """Return the last definition of each name at top level, and of methods.

    Methods have names such as ``Linear.forward``. Names that are assigned or imported are included.
    Of several cells, the last one counts.
    """
    found: dict[str, Definition] = {}
    for cell in cells:
        for statement in statements(cell.source):
            for name in names_bound(statement):
                found[name] = Definition(name, cell, statement.lineno)
            for node in definitions_in(statement):
                if isinstance(node, ast.FunctionDef | ast.ClassDef):
                    found[node.name] = Definition(node.name, cell, node.lineno, node)
                if isinstance(node, ast.ClassDef):
                    found |= _methods(node, cell, found)
    return found


def _methods(
    node: ast.ClassDef, cell: Cell, known: Mapping[str, Definition]
) -> dict[str, Definition]:
    """Return the methods of a class by dotted name, as ``Linear.forward``.

    Methods of base classes are included, if ``known``, the definitions above the class, has them. A
    method of the class replaces that of a base. ``cell`` contains the class.
    """
    methods: dict[str, Definition] = {}
    for base in node.bases:
        if isinstance(base, ast.Name):
            for name, each in known.items():
                if name.startswith(f"{base.id}."):
                    own = f"{node.name}.{name.partition('.')[2]}"
                    methods[own] = Definition(own, each.cell, each.line, each.node)
    for part in node.body:
        if isinstance(part, ast.FunctionDef):
            own = f"{node.name}.{part.name}"
            methods[own] = Definition(own, cell, part.lineno, part)
    return methods


def definitions_changed(cell: Cell, text: str) -> Iterator[tuple[str, int, str]]:
    """Yield the top-level definitions of a cell that differ in another version of its text.

    Functions, classes and assigned constants are compared. Of several definitions of one name the
    last one counts. Each definition is yielded as the cell's id, its first line in ``text``, the
    other version, and its source there. New definitions are yielded too, unless the cell has none
    at all.
    """
    own = dict(_texts_of_definitions(cell.source)) if cell.source != text else {}
    for name, (first, part) in dict(_texts_of_definitions(text) if own else ()).items():
        if own.get(name, (0, ""))[1] != part:
            yield cell.id, first, part


def _texts_of_definitions(text: str) -> Iterator[tuple[str, tuple[int, str]]]:
    """Yield the name of each top-level function, class and constant, with its first line and text.

    The text has the decorators. An assignment is yielded only if its value is a constant, with an
    item for each name that it binds.
    """
    lines = text.split("\n")
    for node in statements(text):
        number = isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        if number or isinstance(node, ast.FunctionDef | ast.ClassDef):
            first = first_line(node)
            part = "\n".join(lines[first - 1 : node.end_lineno])
            yield from ((name, (first, part)) for name in names_bound(node))


def reached_by(task: FunctionTask, known: Mapping[str, Definition]) -> dict[str, Definition]:
    """Return the definitions that a task's calls reach, under any accepted name of the function.

    ``known`` are the submission's definitions by name. The keys of the result are the names in the
    assignment; calls that reach no definition are left out. A call of an object reaches its method
    ``__call__``, or else the method ``forward``, which a base class may call, or else the class or
    function that made the object.
    """
    found = {}
    for call in task.calls:
        function, dot, method = call.function.partition(".")
        accepted = (function, *task.names.get(function, ()))
        parts = (f"{dot}{method}", ".forward", "") if method == "__call__" else (f"{dot}{method}",)
        names = (f"{name}{part}" for part in parts for name in accepted)
        if reached := next((known[name] for name in names if name in known), None):
            found[call.function] = reached
    return found


def accepts(definition: Definition | None, call: Call, known: Mapping[str, Definition]) -> bool:
    """Return whether a definition accepts the arguments of a call, as far as its text shows.

    ``known`` are the submission's definitions by name, in which a class's constructor is looked up.
    The result is False for None, and True if the text does not show the parameters.
    """
    if definition is None:
        return False
    node, skipped = definition.node, int("." in definition.name)
    if not skipped and call.function.endswith(".__call__"):
        return True
    if isinstance(node, ast.ClassDef):
        made = known.get(f"{node.name}.__init__")
        if made is None:
            # A base class or a decorator may define the constructor.
            given = bool(node.bases or node.decorator_list)
            return given or not (call.positional or call.keywords)
        node, skipped = made.node, 1
    if not isinstance(node, ast.FunctionDef):
        return True
    if "staticmethod" in map(last_name, node.decorator_list):
        skipped = 0
    skips = {skipped} if _has_self(node) else {skipped, 0}
    return any(_takes(node.args, call, each) for each in skips)


def _has_self(node: ast.FunctionDef) -> bool:
    """Return whether the first parameter of a function is named ``self``."""
    return bool(node.args.args) and node.args.args[0].arg == "self"


def _takes(takes: ast.arguments, call: Call, skipped: int) -> bool:
    """Return whether the parameters ``takes`` accept the arguments of a call.

    The first `skipped` parameters are left out, because Python passes ``self`` itself.
    """
    positional = [each.arg for each in (*takes.posonlyargs, *takes.args)][skipped:]
    required = positional[: len(positional) - len(takes.defaults)]
    if call.positional > len(positional) and takes.vararg is None:
        return False
    named = {*positional[call.positional :], *(each.arg for each in takes.kwonlyargs)}
    if takes.kwarg is None and not named.issuperset(call.keywords):
        return False
    named_only = zip(takes.kwonlyargs, takes.kw_defaults, strict=True)
    needed = {*required[call.positional :], *(each.arg for each, own in named_only if own is None)}
    return needed <= set(call.keywords)


def has_attribute(name: str, known: Mapping[str, Definition]) -> bool:
    """Return whether a class, or a base of it, may have an attribute such as ``Linear.W``.

    ``known`` are the submission's definitions by name. The class may have the attribute if its text
    contains the name, if it sets attributes by computed names, or if all of its methods are still
    to be written.
    """
    owner, _, attribute = name.partition(".")
    own = [each for key, each in known.items() if key.startswith(f"{owner}.") or key == owner]
    nodes = [each.node for each in own if each.node is not None]
    methods = [node for node in nodes if isinstance(node, ast.FunctionDef)]
    return all(unwritten(method) is not None for method in methods) or any(
        (isinstance(part, ast.Attribute) and part.attr in (attribute, "__dict__"))
        or (isinstance(part, ast.Name) and part.id in (attribute, "setattr", "vars"))
        for node in nodes
        for part in walk(node)
    )


COPIES = frozenset({"copy", "deepcopy", "array", "asarray"})
"""Functions and methods that give back what they are given."""

NO_OPERATION = (ast.Return, ast.Assign, ast.Expr, ast.Pass, ast.Name, ast.Constant, ast.keyword)
"""Statements and expressions without an operation, apart from rows and dicts of them."""


def computes_nothing(node: ast.AST | None) -> bool:
    """Return whether a function only returns arguments, attributes of ``self`` or constants.

    Copies count as nothing, and so do tuples, lists and dicts: ``return x.copy(), {"x": x}``. The
    result is False for other nodes than functions.
    """
    if not isinstance(node, ast.FunctionDef):
        return False
    todo: list[ast.AST] = [*node.body]
    while todo:
        part = todo.pop()
        if isinstance(part, ast.Call) and last_name(part.func) in COPIES:
            owner = [part.func.value] if isinstance(part.func, ast.Attribute) else []
            todo += [*part.args, *part.keywords, *owner]
        elif isinstance(part, ast.Attribute):
            if not (isinstance(part.value, ast.Name) and part.value.id == "self"):
                return False
        elif isinstance(part, (*NO_OPERATION, ast.Tuple, ast.List, ast.Dict, ast.expr_context)):
            todo += ast.iter_child_nodes(part)
        else:
            return False
    return True


def unwritten(node: ast.AST | None) -> int | None:
    """Return the line of the first part of a function that is still to be written, or None.

    For a class, its constructor is read. The line is that of the ``def`` if the whole body is
    missing. None is also returned for other nodes. These parts are still to be written:

    - an empty body, or a body of start values such as ``dW = np.zeros_like(W)`` and a ``pass``
      or ``...``;
    - a body that reaches ``raise NotImplementedError``;
    - a calculation with None, as ``W1 -= None``;
    - an element, or a name that is used, whose only values are None, as in ``Z = None``, or made
      from itself, as in ``cost = float(cost)``;
    - a computed name that is replaced by None, and then read by a calculation.
    """
    if isinstance(node, ast.ClassDef):
        node = next((part for part in node.body if getattr(part, "name", "") == "__init__"), None)
    if not isinstance(node, ast.FunctionDef):
        return None
    body = [part for part in node.body if not _is_docstring_like(part)]
    left = any(ast.unparse(part) in ("pass", "...") for part in node.body)
    if not body or (left and not any(_computes(part) for part in body)):
        return node.lineno
    for part in node.body:
        if isinstance(part, ast.Return):
            break
        if isinstance(part, ast.Raise) and _is_docstring_like(part):
            return part.lineno
    for each in walk(node):
        if isinstance(each, ast.AugAssign) and _is_none(each.value):
            return each.lineno
        if isinstance(each, ast.BinOp) and (_is_none(each.left) or _is_none(each.right)):
            return each.lineno
    parameters = {part.arg for part in walk(node.args) if isinstance(part, ast.arg)}
    assigned = list(_assigned(body))
    elements = [target for target, _, _ in assigned if not target.isidentifier()]
    names = [part for part in walk(node) if isinstance(part, ast.Name)]
    stored = Counter([part.id for part in names if isinstance(part.ctx, ast.Store)] + elements)
    # A name whose entries are assigned counts as written.
    filled = {each.partition("[")[0] for each in elements}
    used = {*names_in(node, ast.Load), *elements} - parameters - filled
    empty = [
        (target, line)
        for target, value, line in assigned
        if _is_none(value) or target in names_in(value)
    ]
    times = Counter(target for target, _ in empty)
    lines = (line for target, line in empty if target in used and stored[target] == times[target])
    return next(lines, _emptied(body))


def _emptied(body: Iterable[ast.stmt]) -> int | None:
    """Return the line that replaces a computed name by None before a calculation reads it, or None.

    As starters leave it: ``dA = W.T @ dZ``, then ``dA = None``, then ``dZ = dA * (A > 0)``. A name
    that a loop, a branch or a comparison reads first is left out: there, None may have a meaning.
    """
    computed: set[str] = set()
    emptied: dict[str, int] = {}
    for part in body:
        asks = (ast.Compare, ast.IfExp, ast.BoolOp)
        unclear: list[ast.AST] = [each for each in walk(part) if isinstance(each, asks)]
        if not isinstance(part, ast.Assign | ast.Return):
            unclear = [part]
        kept = set().union(*map(names_in, unclear))
        calculations = [each for each in walk(part) if isinstance(each, ast.BinOp | ast.Call)]
        read = set().union(*map(names_in, calculations)) & {*emptied} - kept
        if read:
            return min(emptied[name] for name in read)
        for name in kept | names_in(part, ast.Store):
            emptied.pop(name, None)
        for name, value, line in _assigned([part]):
            if not _is_none(value):
                computed.add(name)
            elif name in computed and part not in unclear:
                emptied[name] = line
    return None


def _is_none(part: ast.expr) -> bool:
    return isinstance(part, ast.Constant) and part.value is None


def _is_docstring_like(part: ast.stmt) -> bool:
    """Return whether a statement does nothing.

    That is a docstring, ``pass``, ``...``, ``raise NotImplementedError`` or ``return None``.
    """
    if isinstance(part, ast.Expr):
        return isinstance(part.value, ast.Constant)
    if isinstance(part, ast.Raise):
        return part.exc is not None and "NotImplemented" in ast.dump(part.exc)
    if isinstance(part, ast.Return):
        return part.value is None or _is_none(part.value)
    return isinstance(part, ast.Pass)


STARTS = frozenset({"zeros", "zeros_like", "len", "dict", "list", "seed", "print"})
"""Functions that starter code calls before any calculation."""


def _computes(part: ast.stmt) -> bool:
    """Return whether a statement does more than unpack its inputs or set start values.

    It computes if it has an operator or comparison, or calls a function that is not in `STARTS`;
    loops, branches and updates always count.
    """
    if not isinstance(part, ast.Assign | ast.Return | ast.Expr):
        return True
    parts = walk(part)
    called = {last_name(each.func) for each in parts if isinstance(each, ast.Call)}
    computes = (ast.BinOp, ast.BoolOp, ast.Compare, ast.comprehension)
    return not called <= STARTS or any(isinstance(each, computes) for each in parts)


def _assigned(body: Iterable[ast.stmt]) -> Iterator[tuple[str, ast.expr, int]]:
    """Yield the source text of each name and element that is assigned in some statements.

    An item is the text, as ``W`` or ``dW[0]``, the node of its value, and the line. Statements
    inside loops and branches are included; assignments whose values are not visible are left out.
    """
    for part in (each for statement in body for each in walk(statement)):
        if isinstance(part, ast.Assign):
            for target in part.targets:
                for one, value in _paired(target, part.value):
                    yield ast.unparse(one), value, part.lineno


def _paired(target: ast.expr, value: ast.expr) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Yield each name or element of an assignment's target with its value.

    ``dx, x = None, cache`` gives two pairs; in ``Z, cache = None`` both names get None. Nothing is
    yielded for ``a, b = f()``, whose values are not visible.
    """
    if isinstance(target, ast.Name | ast.Subscript):
        yield target, value
    elif isinstance(target, ast.Tuple | ast.List):
        values = [value] * len(target.elts)
        if isinstance(value, ast.Tuple | ast.List):
            values = value.elts
        elif not isinstance(value, ast.Constant):
            return
        for one, other in zip(target.elts, values, strict=False):
            yield from _paired(one, other)


def cells_of(submission: Submission) -> dict[str, list[Cell]]:
    """Return the cells of a submission by file."""
    files: dict[str, list[Cell]] = {}
    for cell in submission.cells:
        files.setdefault(cell.file, []).append(cell)
    return files


MODEL = "torch model"
TRAINING = "torch training"
"""Keys of the two torch roles, which are known by their form and not by their names."""

_ASSUMED = {"torch": "torch", "nn": "torch"}


class Unit(Struct, frozen=True):
    """A statement, or several on one line, and the facts that its text shows.

    ``start`` and ``end`` are its lines in the cell, from 1, the end excluded. ``torch`` says that
    it uses torch. ``roles`` are keys of the roles it plays: a numpy role by its name, a torch role
    by its form. ``defines`` are functions and classes, ``loads`` all names that are read.
    ``imports`` says that it only imports, and ``loop`` that it is a loop. ``solid`` means that it
    defines or trains something, so that it can begin a part. ``meant`` are numpy roles whose names
    it defines with code that uses torch.
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
    """Return whether a statement has no effect: ``pass`` or a constant, such as a docstring."""
    constant = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return constant or isinstance(node, ast.Pass)


def units_of(cells: Iterable[Cell], tasks: Iterable[Task]) -> list[Unit]:
    """Divide cells into units, statements with what their text shows, in the order of the text.

    ``tasks`` are all tasks of the assignment. A role is a function that a task asks for, such as
    ``forward``; a unit has the roles whose names it defines.
    """
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
    """Yield the units of one file, some of them with the numpy roles that their names mean.

    A role is a function that a task asks for, such as ``update``. Changed are units that use torch
    although they define a name of a numpy role. They get the role only in a file without a torch
    model: the student then uses torch in a numpy task, and running the code reports it.
    """
    roles = {role for unit in units for role in unit.roles}
    for unit in units:
        if MODEL not in roles and unit.meant and not unit.meant & roles:
            yield replace(unit, torch=False, roles=unit.roles - {TRAINING} | unit.meant)
        else:
            yield unit


def _origins(body: Sequence[ast.stmt]) -> dict[str, str]:
    """Return the top-level package of each name that some statements import.

    Relative imports are left out.
    """
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
    """Yield the units of one cell; statements that share a line are in one unit.

    A cell without statements is one unit. ``body`` are the statements of the cell, and ``known``
    has the torch names and the roles that are known in all cells. The names of torch model classes
    are added to ``known.torch``.
    """
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
        yield _with_facts(group, Unit(cell, start, stop), known)


def _with_facts(group: list[ast.stmt], lines: Unit, known: _Known) -> Unit:
    """Return the unit ``lines`` with the facts that the text of its statements ``group`` shows.

    These are the names that they define and read, their roles (the functions that a task asks for)
    and their use of torch. ``known`` has the names of all cells that come from torch, and the roles
    by name.

    The name of a torch model class in the group is added to ``known.torch``, so that later classes
    that derive from it count as models too. A unit that uses torch gets no numpy roles; those that
    its names stand for are in ``meant``.
    """
    parts = [part for node in group for part in walk(node)]
    loads = {part.id for part in parts if isinstance(part, ast.Name)}
    calls = [part for part in parts if isinstance(part, ast.Call)]
    called = set(map(called_method, calls))
    # `net.backward(X, y)` is the student's own method; that of a tensor has no arguments.
    bare = {called_method(call) for call in calls if not call.args}
    defines = {name for node in group for name in (*_defined(node), *_made(node, known))}
    own = {known.roles[plain(name)] for name in defines if plain(name) in known.roles}
    if any(isinstance(node, ast.ClassDef) for node in group):
        # Imported here because few submissions define a class.
        from gradkit.submission.methods import net_class

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
    """Yield the names of roles to which a statement assigns a value that may be a function.

    A role is a function that a task asks for; ``known`` has the roles by name, and the student's
    definitions. An example is ``update = net.step``: an attribute, or the result of a call. A value
    that is made from a role, ``f = timed(f)``, does not count as another definition.
    """
    for name, value in assignments(node):
        if plain(name) in known.roles and isinstance(value, ast.Attribute | ast.Call):
            of_role = any(plain(part) in known.roles for part in names_in(value))
            if not of_role and _may_be_function(value, known.made):
                yield name


def _may_be_function(value: ast.Attribute | ast.Call, made: Mapping[str, ast.AST]) -> bool:
    """Return whether a value may be a function of the submission, by its text alone.

    That is an attribute of the student's own class or object, a call of the student's own code that
    may return a function, or a call of other code that gets a function of the student's as an
    argument. ``made`` has the node that each of the student's names is defined or assigned by.
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
    """Return whether a statement makes a torch module: a class, or a bare ``nn.Sequential``.

    ``torch_names`` are the names that come from torch. A class is a module if a base of it is such
    a name, except ``Dataset`` and ``Function``.
    """
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
    """Return whether a function returns a torch module: one that it builds, or one of ``models``.

    ``torch_names`` are the names that come from torch, and ``models`` the names of classes and
    functions that make a torch module.
    """
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
    """Return whether a value is made by a call of one of ``models``, as ``Net().to(device)``.

    ``models`` are names of classes and functions, and ``value`` is a node or None.
    """
    return any(
        isinstance(call.func, ast.Name) and call.func.id in models for call in _chained(value)
    )


def _chained(value: object) -> Iterator[ast.Call]:
    """Yield the calls of ``nn.Sequential(…).to(device)``, the last one first.

    Nothing is yielded for a value that is no call.
    """
    while isinstance(value, ast.Call):
        yield value
        value = value.func.value if isinstance(value.func, ast.Attribute) else None
