"""Choose the one file that is graded if several files of a submission solve the same task.

File names and texts decide, never marks: a student cannot submit several guesses and get the best.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath

from msgspec import Struct

from gradkit.records.submission import Cell, Claim, Section
from gradkit.records.task import Task
from gradkit.runtime.syntax import DEFINITIONS
from gradkit.submission.definitions import MODEL, TRAINING, Unit, units_of
from gradkit.submission.definitions import unwritten
from gradkit.submission.names import Attempt, Claims, Natural, is_attempt_at, parse_file_name
from gradkit.submission.source import statements
from gradkit.text import format_text

LISTED = 8
"""Largest number of files that a note lists."""

REASONS = (
    "it is the file that was asked for",
    "it has the most required functions",
    "the other file is named after another task",
    "notebooks are preferred to scripts",
    "its name shows the last attempt",
    "its name comes last",
)
"""Reasons why one file is preferred to another, one for each part of `_Rank`."""

_Rank = tuple[bool, int, bool, bool, Attempt, tuple[Natural, str]]


class _Piece(Struct, frozen=True):
    """One file's part of a task: its cells of all sections, and the roles that they play.

    ``roles`` are the required roles that are written. ``named`` are all roles that it defines,
    also optional ones and those left as in a starter file.
    """

    file: str
    cells: tuple[Cell, ...]
    roles: frozenset[str]
    named: frozenset[str]
    code: str


def choose(task: Task, sections: Sequence[Section], tasks: Sequence[Task]) -> Claim:
    """Make the one section that is graded for a task from all sections that may belong to it.

    All sections of one file are used, and the last definition of a name counts, as when Python
    runs the file. Files that play the same roles are ranked, and only the best is used; files
    that play other roles, or none, are used too. These criteria decide, in this order: the file
    that the assignment names (or the last attempt at it), the most required roles, a name that is
    not another task's, a notebook rather than a script, the last attempt by its name, the last
    name. All attempts at one file
    count as having the same number of roles, so that the last attempt is preferred.

    Parameters
    ----------
    task : Task
    sections : sequence of Section
        At least one.
    tasks : sequence of Task
        All tasks of the assignment.

    Returns
    -------
    Claim
    """
    if len(sections) == 1:
        return Claim(sections[0], note=_instead(task, sections[0]))
    pieces = _pieces(task, sections, tasks)
    ranks = _ranks(task, pieces, tasks)
    first, *rest = sorted(pieces, key=lambda piece: ranks[piece.file], reverse=True)
    taken: list[_Piece] = [first]
    over: list[_Piece] = []
    for piece in rest:
        # A file without required roles is used, unless it defines the same roles again.
        own = piece.roles or piece.named
        played = {role for each in taken for role in (each.roles if piece.roles else each.named)}
        (over if own & played else taken).append(piece)
    over = [piece for piece in over if piece.roles]
    section = _section_of_pieces(task, sections, taken)
    if not over:
        return Claim(section, note=_instead(task, section) or _note_on_parts(sections))
    reason = next(
        text
        for text, own, other in zip(REASONS, ranks[first.file], ranks[over[0].file], strict=True)
        if own != other
    )
    note = format_text(
        "{count} files contain the same task ({files}); {file} is graded: {reason}.",
        count=len(over) + 1,
        files=_listed([first, *over]),
        file=first.file,
        reason=reason,
    )
    differs = any(piece.code != first.code for piece in over)
    return Claim(section, note, differs)


def _instead(task: Task, section: Section) -> str:
    """Return a note if the task asks for a file by name and another file is graded, else ""."""
    files = [cell.file for cell in section.own]
    if not task.files or not files or any(is_attempt_at(file, task.files) for file in files):
        return ""
    return format_text(
        "{asked} is required here; {file} is graded instead.",
        asked=" or ".join(task.files),
        file=files[0],
    )


def _note_on_parts(sections: Sequence[Section]) -> str:
    """Return a note that the last definition counts if one file has several parts, else ""."""
    files = {cell.file for section in sections for cell in section.own}
    if len(files) > 1:
        return ""
    return format_text(
        "{file} has {count} parts for this task; the last definition of each function counts.",
        file=next(iter(files)),
        count=len(sections),
    )


def _listed(pieces: Sequence[_Piece]) -> str:
    """List the files of some pieces, in natural order; more than `LISTED` are counted."""
    names = sorted((piece.file for piece in pieces), key=lambda name: parse_file_name(name).natural)
    if len(names) > LISTED:
        more = format_text("{count} more", count=len(names) - LISTED)
        names = [*names[:LISTED], more]
    return ", ".join(names)


# --- pieces ------------------------------------------------------------------------------


def _pieces(task: Task, sections: Sequence[Section], tasks: Sequence[Task]) -> list[_Piece]:
    """Collect cells and roles of each file, in the order of the files."""
    cells: dict[str, dict[str, Cell]] = {}
    for section in sections:
        for cell in section.own:
            cells.setdefault(cell.file, {}).setdefault(cell.id, cell)
    required = {role.name for role in task.roles if role.required}
    if task.framework.trains:
        required = {MODEL, TRAINING}
    pieces = []
    for file, found in cells.items():
        own = tuple(sorted(found.values(), key=_position))
        units = units_of(own, tasks)
        named = frozenset(role for unit in units for role in unit.roles)
        written = [unit for unit in units if unit.roles and not _is_unwritten(unit)]
        roles = frozenset(role for unit in written for role in unit.roles)
        pieces.append(_Piece(file, own, roles & required, named, _code(own)))
    return pieces


def _position(cell: Cell) -> tuple[int, int]:
    """Return the sort key of a cell within its file."""
    return cell.cell or 0, cell.first_line


def _is_unwritten(unit: Unit) -> bool:
    """Return whether a unit's definitions are all left as in a starter file."""
    lines = unit.cell.source.split("\n")[unit.start - 1 : unit.end - 1]
    definitions = [n for n in statements("\n".join(lines)) if isinstance(n, DEFINITIONS)]
    return bool(definitions) and all(_does_nothing(node) for node in definitions)


def _does_nothing(node: ast.AST) -> bool:
    """Return whether a function, or some method of a class, is still to be written."""
    if isinstance(node, ast.ClassDef):
        methods = [part for part in node.body if isinstance(part, ast.FunctionDef)]
        return any(_does_nothing(method) for method in methods) or not methods
    return unwritten(node) is not None


def _code(cells: Sequence[Cell]) -> str:
    """Return the definitions in some cells as a text without layout and comments, to compare."""
    nodes = [node for cell in cells for node in statements(cell.source)]
    return "\n".join(ast.dump(node) for node in nodes if isinstance(node, DEFINITIONS))


def _ranks(task: Task, pieces: Sequence[_Piece], tasks: Sequence[Task]) -> dict[str, _Rank]:
    """Return the rank of each file. All attempts at one file have the most roles of any of them."""
    names = {piece.file: parse_file_name(piece.file) for piece in pieces}
    claims = Claims(tasks)
    most: dict[str, int] = {}
    for piece in pieces:
        base = names[piece.file].base
        most[base] = max(most.get(base, 0), len(piece.roles))
    return {
        piece.file: (
            is_attempt_at(piece.file, task.files),
            most[names[piece.file].base] if piece.roles else 0,
            task.id in (claims.topic(PurePosixPath(piece.file).stem) or claims.all),
            piece.file.lower().endswith(".ipynb"),
            names[piece.file].attempt,
            # The plain name breaks ties between names that differ only in case or leading zeros.
            (names[piece.file].natural, piece.file),
        )
        for piece in pieces
    }


# --- the section -------------------------------------------------------------------------


def _section_of_pieces(task: Task, sections: Sequence[Section], taken: Sequence[_Piece]) -> Section:
    """Make a section from the pieces in use; all other cells become borrowed cells."""
    own = {cell.id: cell for piece in taken for cell in piece.cells}
    first = next(s for s in sections if any(c.file == taken[0].file for c in s.own))
    shared = _without((cell for section in sections for cell in section.shared), own)
    known = own | {cell.id: cell for cell in shared}
    others = [cell for s in sections for cell in (*s.own, *s.borrowed)]
    files = list(dict.fromkeys(cell.file for s in sections for cell in s.own))
    return Section(
        tasks=first.tasks if all(s.tasks == first.tasks for s in sections) else (task.id,),
        own=tuple(sorted(own.values(), key=lambda c: (files.index(c.file), *_position(c)))),
        shared=shared,
        borrowed=_without((*first.borrowed, *others), known),
        title=first.title,
    )


def _without(cells: Iterable[Cell], known: Mapping[str, Cell]) -> tuple[Cell, ...]:
    """Return the cells that are not known, each once."""
    found: dict[str, Cell] = {}
    for cell in cells:
        found.setdefault(cell.id, cell)
    return tuple(cell for id_, cell in found.items() if id_ not in known)
