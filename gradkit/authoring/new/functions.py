"""What a student starts from in an exercise of functions, made from the text of its model solution.

Of the model solution there remain the imports and, of functions and classes that the checks call,
signatures and docstrings: docstrings are handed out.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from gradkit.authoring.export import File, Install, as_files, handed_out, words
from gradkit.authoring.new.starter import NewCell, check_of, text_of, written
from gradkit.errors import GradkitError
from gradkit.lines import words_in
from gradkit.records.task import Assignment, FunctionTask
from gradkit.task.assignment import packed_with
from gradkit.task.shipped import SHIPPED, find_reference

STARTER = "starter"
"""The folder beside a shipped assignment file that has the starters: a wheel has no solutions."""

NOTEBOOK = "starter.ipynb"

TO_WRITE = "raise NotImplementedError"

Definition = ast.FunctionDef | ast.ClassDef


class StarterError(GradkitError):
    """There is nothing to start from; the text says why and what to do."""


def starters(assignment: Assignment, reference: Path) -> dict[str, str]:
    """Make the starters of all function tasks from the folder of their model solutions.

    Raises
    ------
    StarterError
        A model solution cannot be read, or lacks what the checks call.
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
                f"{path}: no starter can be made from it ({why}). Name the folder of the model "
                "solutions with --reference."
            ) from None
    return files


def starter(text: str, tasks: Sequence[FunctionTask]) -> str:
    """Make a starter from a model solution: what these tasks call, with bodies to be written."""
    tree = ast.parse(text)
    called = {call.function for task in tasks for call in task.calls}
    asked = {name for task in tasks for check in task.checks for name in words_in(check)}
    known = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    wanted = {name.partition(".")[0] for name in called}
    while more := {b for name in wanted & known.keys() for b in _bases(known[name])} - wanted:
        wanted |= more
    definitions = [n for n in tree.body if isinstance(n, Definition) and n.name in wanted]
    defaults = {name for node in definitions for name in _of_signatures(node)}
    lines = text.splitlines()
    docstring = tree.body[: ast.get_docstring(tree) is not None]
    imports = [n for n in tree.body if isinstance(n, ast.Import | ast.ImportFrom)]
    constants = [
        node
        for node in tree.body
        if isinstance(node, ast.Assign)
        and any(isinstance(each, ast.Name) and each.id in defaults for each in node.targets)
    ]
    groups: tuple[Sequence[ast.stmt], ...] = (docstring, imports, constants)
    head = ["\n".join(_source(lines, node) for node in group) for group in groups if group]
    parts = ["\n\n".join(head)] if head else []
    parts += ["\n".join(_unwritten(lines, node, asked)) for node in definitions]
    return "\n\n\n".join(parts) + "\n"


def _bases(node: ast.ClassDef) -> set[str]:
    return {base.id for base in node.bases if isinstance(base, ast.Name)}


def _of_signatures(node: Definition) -> set[str]:
    """Return the names in the defaults of arguments."""
    signatures = [part for part in ast.walk(node) if isinstance(part, ast.arguments)]
    defaults = [each for one in signatures for each in (*one.defaults, *one.kw_defaults) if each]
    return {name.id for each in defaults for name in ast.walk(each) if isinstance(name, ast.Name)}


def _first_line(node: ast.stmt) -> int:
    """Return the first line of a statement; decorators are part of it."""
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(part.lineno for part in decorators)])


def _source(lines: Sequence[str], node: ast.stmt) -> str:
    return "\n".join(lines[_first_line(node) - 1 : node.end_lineno])


def _unwritten(lines: Sequence[str], node: Definition, asked: set[str]) -> Iterator[str]:
    """Yield the lines of a definition whose body is still to be written."""
    yield from _heading(lines, node)
    if isinstance(node, ast.FunctionDef):
        yield " " * (node.col_offset + 4) + TO_WRITE
        return
    methods = [
        part
        for part in node.body
        if isinstance(part, ast.FunctionDef) and (part.name in asked or part.name == "__init__")
    ]
    documented = ast.get_docstring(node) is not None
    for number, method in enumerate(methods):
        if number or documented:
            yield ""
        yield from _unwritten(lines, method, asked)
    if not (methods or documented):
        yield " " * (node.col_offset + 4) + "pass"


def _heading(lines: Sequence[str], node: Definition) -> list[str]:
    """Return decorators, signature and docstring as they stand."""
    first = _first_line(node) - 1
    body = node.body[0]
    if ast.get_docstring(node) is not None:
        return list(lines[first : body.end_lineno])
    begins = _first_line(body)
    if begins == node.lineno:  # all on one line
        return [lines[first][: body.col_offset].rstrip()]
    found = list(lines[first : begins - 1])
    while not found[-1].strip() or found[-1].lstrip().startswith("#"):
        found.pop()
    return found


def notebook(assignment: Assignment, files: Mapping[str, str], given: Install, *, own: bool) -> str:
    """Write starters as a notebook, as JSON: a cell for each definition, and checks below them.

    What a file says of all its definitions stands above them.

    Parameters
    ----------
    assignment : Assignment
    files : mapping of str to str
        The starters.
    given : Install
    own : bool
        Whether the assignment is one's own, and its file is needed to check.
    """
    cells: list[NewCell] = []
    for name in dict.fromkeys(task.solution for task in assignment.functions):
        tasks = [task for task in assignment.functions if task.solution == name]
        titles = [f"## {task.title}" for task in tasks]
        of_all = ast.get_docstring(ast.parse(files[name]))
        text = "\n\n".join(filter(None, (*titles, of_all)))
        cells.append(("markdown", name.replace(".", "-"), text))
        parts = _cells(files[name]) + [check_of(task.id, own=own) for task in tasks]
        stem = name.removesuffix(".py")
        cells += [("code", f"{stem}-{number}", part) for number, part in enumerate(parts, 1)]
    return written(f"# {assignment.title}", given, cells, own=own)


def _cells(text: str) -> list[str]:
    """Divide a starter into cells: what stands between definitions, and each definition."""
    tree, lines = ast.parse(text), text.splitlines()
    cells: list[list[str]] = []
    definition = True
    for node in tree.body[ast.get_docstring(tree) is not None :]:
        if definition or isinstance(node, Definition):
            cells.append([])
        cells[-1].append(_source(lines, node))
        definition = isinstance(node, Definition)
    return ["\n".join(cell) for cell in cells]


def exercise_files(
    assignment: Assignment,
    given: Install,
    reference: Path | None,
    home: str,
    *,
    as_notebook: bool = False,
) -> dict[str, File]:
    """Return a student's folder for an exercise of functions, path by path, without the wheel.

    Parameters
    ----------
    assignment : Assignment
    given : Install
        How students get gradkit.
    reference : Path or None
        The folder of the model solutions if it is not ``reference/`` beside the assignment file; a
        shipped exercise has its starters made.
    home : str
        The folder that an assignment of one's own lies in.
    as_notebook : bool
        Whether a notebook is written in place of the starters.

    Raises
    ------
    StarterError
        There is nothing to start from.
    """
    if not assignment.functions:
        raise StarterError(
            f"{assignment.path}: has no task of kind functions. `gradkit new DIR --instructor` "
            "writes what students of nets start from."
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
    made = as_files({**files, **modules})
    if own:
        path = Path(assignment.path)
        packed = {**packed_with(path), **handed_out(path, reference)[0]}
        for name, content in packed.items():
            made[f"{home}/{'assignment.toml' if name == path.name else name}"] = File(content)
    return made
