"""Make the starter files of an exercise of functions from the text of its model solution.

A starter has the model solution's imports, and the signatures and docstrings of the functions and
classes that the checks call. So students can read these docstrings.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from gradkit.authoring.export import File, Install, as_files, handed_out, words
from gradkit.authoring.new.starter import NewCell, check_of, text_of, written
from gradkit.errors import GradkitError
from gradkit.lines import words_in
from gradkit.records.task import Assignment, FunctionCheck, FunctionTask
from gradkit.task.assignment import SHIPPED, find_reference, packed_with

STARTER = "starter"
"""Folder of ready starters beside a shipped assignment file, since a wheel has no solutions."""

NOTEBOOK = "starter.ipynb"

TO_WRITE = "raise NotImplementedError"
"""Body of a function that students have to write."""

Definition = ast.FunctionDef | ast.ClassDef


class StarterError(GradkitError):
    """Starter files cannot be made; the text says why and what to do."""


def starters(assignment: Assignment, reference: Path) -> dict[str, str]:
    """Make the starters of all function tasks, by file, from the folder of model solutions.

    Raises
    ------
    StarterError
        A model solution cannot be read, or is not valid Python.
    """
    files: dict[str, str] = {}
    for name in dict.fromkeys(task.solution for task in assignment.functions):
        path = reference / name
        tasks = [task for task in assignment.functions if task.solution == name]
        try:
            files[name] = starter(path.read_text(encoding="utf-8"), tasks)
        except (OSError, SyntaxError, ValueError) as error:
            why = getattr(error, "strerror", None) or str(error)
            raise StarterError(
                f"{path}: starter files cannot be made from it ({why}). Give the folder of the "
                "model solutions with --reference."
            ) from None
    return files


def starter(text: str, tasks: Sequence[FunctionTask]) -> str:
    """Make a starter from a model solution: the definitions that tasks call, without bodies.

    The module's docstring and imports, base classes, and constants in default values are kept.
    """
    tree = ast.parse(text)
    called = {call.function for task in tasks for call in task.calls}
    used = {name for task in tasks for check in task.checks for name in words_in(check)}
    used |= {name for task in tasks for check in task.checks for name in _operators_in(check)}
    used |= {name.rpartition(".")[2] for name in called}
    known = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    wanted = {name.partition(".")[0] for name in called}
    while more := {b for name in wanted & known.keys() for b in _bases(known[name])} - wanted:
        wanted |= more
    definitions = [n for n in tree.body if isinstance(n, Definition) and n.name in wanted]
    defaults = {name for node in definitions for name in _names_in_defaults(node)}
    lines = text.splitlines()
    docstring = tree.body[: ast.get_docstring(tree) is not None]
    imports = [n for n in tree.body if isinstance(n, ast.Import | ast.ImportFrom)]
    constants = [
        node
        for node in tree.body
        if isinstance(node, ast.Assign)
        and any(isinstance(target, ast.Name) and target.id in defaults for target in node.targets)
    ]
    groups: tuple[Sequence[ast.stmt], ...] = (docstring, imports, constants)
    head = ["\n".join(_source(lines, node) for node in group) for group in groups if group]
    parts = ["\n\n".join(head)] if head else []
    parts += ["\n".join(_without_bodies(lines, node, used)) for node in definitions]
    return "\n\n\n".join(parts) + "\n"


OPERATORS = {
    ast.Add: "add",
    ast.Sub: "sub",
    ast.Mult: "mul",
    ast.Div: "truediv",
    ast.MatMult: "matmul",
    ast.Pow: "pow",
    ast.USub: "neg",
}
"""Names of the methods of operators, without underscores."""


def _operators_in(check: FunctionCheck) -> Iterator[str]:
    """Yield the methods of the operators in the lines of a check: ``__add__``, ``__radd__``."""
    for lines in (check.call, *check.others):
        for part in ast.walk(ast.parse(lines.text)):
            if isinstance(part, ast.BinOp | ast.UnaryOp) and type(part.op) in OPERATORS:
                name = OPERATORS[type(part.op)]
                yield from (f"__{name}__", f"__r{name}__")


def _bases(node: ast.ClassDef) -> set[str]:
    """Return the names of the base classes of a class."""
    return {base.id for base in node.bases if isinstance(base, ast.Name)}


def _names_in_defaults(node: Definition) -> set[str]:
    """Return the names in the default values of a definition's arguments."""
    signatures = [part for part in ast.walk(node) if isinstance(part, ast.arguments)]
    defaults = [
        default
        for signature in signatures
        for default in (*signature.defaults, *signature.kw_defaults)
        if default
    ]
    parts = [part for default in defaults for part in ast.walk(default)]
    return {part.id for part in parts if isinstance(part, ast.Name)}


def _first_line(node: ast.stmt) -> int:
    """Return the number of a statement's first line, including its decorators."""
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(part.lineno for part in decorators)])


def _source(lines: Sequence[str], node: ast.stmt) -> str:
    """Return the lines of a statement, including its decorators."""
    return "\n".join(lines[_first_line(node) - 1 : node.end_lineno])


def _without_bodies(lines: Sequence[str], node: Definition, used: set[str]) -> Iterator[str]:
    """Yield the lines of a definition, whose body is replaced by a comment for students.

    Of a class, only ``__init__`` and the methods whose names are in ``used`` are kept.
    """
    yield from _heading(lines, node)
    if isinstance(node, ast.FunctionDef):
        yield " " * (node.col_offset + 4) + TO_WRITE
        return
    methods = [
        part
        for part in node.body
        if isinstance(part, ast.FunctionDef) and (part.name in used or part.name == "__init__")
    ]
    has_docstring = ast.get_docstring(node) is not None
    for number, method in enumerate(methods):
        if number or has_docstring:
            yield ""
        yield from _without_bodies(lines, method, used)
    if not (methods or has_docstring):
        yield " " * (node.col_offset + 4) + "pass"


def _heading(lines: Sequence[str], node: Definition) -> list[str]:
    """Return the lines of a definition's decorators, signature and docstring."""
    first = _first_line(node) - 1
    body = node.body[0]
    if ast.get_docstring(node) is not None:
        return list(lines[first : body.end_lineno])
    start = _first_line(body)
    if start == node.lineno:  # the definition is on one line
        return [lines[first][: body.col_offset].rstrip()]
    found = list(lines[first : start - 1])
    while not found[-1].strip() or found[-1].lstrip().startswith("#"):
        found.pop()
    return found


def notebook(assignment: Assignment, files: Mapping[str, str], given: Install, *, own: bool) -> str:
    """Write starters as a notebook in JSON: a cell for each definition, and checks below them.

    A file's docstring becomes a text cell above its definitions.

    Parameters
    ----------
    assignment : Assignment
    files : mapping of str to str
        Texts of the starters by file name.
    given : Install
        Argument of ``pip install`` for gradkit.
    own : bool
        Whether the assignment is not shipped with gradkit, so that its file is needed to check.
    """
    cells: list[NewCell] = []
    for name in dict.fromkeys(task.solution for task in assignment.functions):
        tasks = [task for task in assignment.functions if task.solution == name]
        titles = [f"## {task.title}" for task in tasks]
        docstring = ast.get_docstring(ast.parse(files[name]))
        text = "\n\n".join(filter(None, (*titles, docstring)))
        cells.append(("markdown", name.replace(".", "-"), text))
        parts = _cells(files[name]) + [check_of(task.id, own=own) for task in tasks]
        stem = name.removesuffix(".py")
        cells += [("code", f"{stem}-{number}", part) for number, part in enumerate(parts, 1)]
    return written(f"# {assignment.title}", given, cells, own=own)


def _cells(text: str) -> list[str]:
    """Divide a starter into cells: one for each definition, and one for the lines between two."""
    tree, lines = ast.parse(text), text.splitlines()
    cells: list[list[str]] = []
    is_after_definition = True
    for node in tree.body[ast.get_docstring(tree) is not None :]:
        if is_after_definition or isinstance(node, Definition):
            cells.append([])
        cells[-1].append(_source(lines, node))
        is_after_definition = isinstance(node, Definition)
    return ["\n".join(cell) for cell in cells]


def exercise_files(
    assignment: Assignment,
    given: Install,
    reference: Path | None,
    home: str,
    *,
    as_notebook: bool = False,
) -> dict[str, File]:
    """Return the files of a student's folder for an exercise of functions, except the wheel.

    They are starters or a notebook, given modules, a README and, for an assignment that is not
    shipped with gradkit, its files without the model solutions.

    Parameters
    ----------
    assignment : Assignment
    given : Install
        Argument of ``pip install`` for gradkit.
    reference : Path or None
        Folder of the model solutions if it is not ``reference/`` beside the assignment file. A
        shipped exercise has ready starters.
    home : str
        Folder for an assignment that is not shipped with gradkit.
    as_notebook : bool
        Whether to write a notebook instead of Python files.

    Raises
    ------
    StarterError
        The assignment has no task of functions, or the model solutions cannot be read.
    """
    if not assignment.functions:
        raise StarterError(
            f"{assignment.path}: has no task of kind functions. `gradkit new DIR --instructor` "
            "writes the starter files for nets."
        )
    folder = Path(assignment.path).resolve().parent
    own = folder.parent != SHIPPED
    reference = find_reference(Path(assignment.path), reference) if own else reference
    if reference is not None:
        files = starters(assignment, reference)
    elif own:
        raise StarterError(
            f"{assignment.path}: starters are made from the model solutions: name their folder "
            "with --reference."
        )
    else:
        found = sorted((folder / STARTER).glob("*.py"))
        files = {path.name: path.read_text(encoding="utf-8") for path in found}
    if as_notebook:
        files = {NOTEBOOK: notebook(assignment, files, given, own=own)}
    modules = {f"{n}.py": t for task in assignment.functions for n, t in task.given.items() if t}
    files["README.md"] = text_of(
        "functions",
        assignment=assignment,
        files=list(files),
        given=sorted(modules),
        install=words(given),
        wheel=None if given.wheel is None else given.what,
        option=f" --assignment {home}/assignment.toml" if own else "",
    )
    folder_files = as_files({**files, **modules})
    if own:
        path = Path(assignment.path)
        packed = {**packed_with(path), **handed_out(path, reference)[0]}
        for name, content in packed.items():
            place = f"{home}/{'assignment.toml' if name == path.name else name}"
            folder_files[place] = File(content)
    return folder_files
