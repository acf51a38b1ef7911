"""Divide a submission into sections, one or more for each task, by headings, file names and code.

The subject and the framework are found separately. The innermost heading that names one decides.
Under a heading that names no subject, the last named subject continues. A heading's framework does
not count if the code below contradicts it: a title such as "from scratch" may stand above torch
code too. If the text does not decide between tasks, the section belongs to all of them, and running
it decides later. If several sections define what a task asks for, the definitions to grade are
chosen among them.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import groupby, pairwise, takewhile
from pathlib import PurePosixPath

from msgspec import Struct, field

from gradkit.records.submission import Cell, Claim, Section, Submission
from gradkit.records.task import Task
from gradkit.runtime.syntax import DEFINITIONS
from gradkit.submission.definitions import MODEL, TRAINING, Unit, units_of, unwritten
from gradkit.submission.names import Claims, NamedAttempt, Natural, is_attempt_at, parse_file_name
from gradkit.submission.source import part_of, statements
from gradkit.text import format_text

Ids = frozenset[str]
Headings = tuple[str, ...]

REPEATED = 2
"""Number of roles that must be defined again before code counts as another part.

With fewer it is another attempt at the same part.
"""


def possible_tasks(
    units: Sequence[Unit], tasks: Sequence[Task], named: Collection[str] = ()
) -> list[Ids]:
    """Return the ids of the possible tasks of each unit, never an empty set.

    A unit is a statement, see `Unit`; ``tasks`` are all tasks of the assignment. A file's name does
    not exclude the tasks that the user has ``named``. A file whose name some tasks ask for belongs
    to these tasks, except a unit that cannot belong to any of them.
    """
    claims = Claims(tasks)
    torch = frozenset(task.id for task in tasks if task.framework.trains)
    found: list[Ids] = []
    for name, group in groupby(units, key=lambda unit: unit.cell.file):
        own = _tasks_in_file(name, list(group), claims, torch, frozenset(named) or claims.all)
        found += [_narrow(ids, tasks_asking_for(name, tasks)) for ids in own]
    return found


def tasks_asking_for(name: str, tasks: Sequence[Task]) -> Ids:
    """Return the ids of the tasks that ask for a file of this name."""
    return frozenset(task.id for task in tasks if task.files and is_attempt_at(name, task.files))


def _tasks_in_file(
    name: str, units: list[Unit], claims: Claims, torch: Ids, asked: Ids
) -> list[Ids]:
    """Return the possible tasks of each unit (a statement) of one file.

    ``name`` is the name of the file, and ``units`` are its statements. ``claims`` finds the tasks
    that words in names and headings stand for. ``torch`` are the ids of all torch tasks, ``asked``
    those of the tasks that the user named, or of all. The name of the file counts only for tasks in
    ``asked``, and only if no heading and no code in the file contradicts it.
    """
    frameworks = _frameworks(units, claims, torch)
    topics = _topics(units, claims)
    found = [
        _narrow(_narrow(claims.all, topic), framework)
        for topic, framework in zip(topics, frameworks, strict=True)
    ]
    # A file name counts if no heading and no code in the file contradicts it.
    label = str(PurePosixPath(name).with_suffix(""))
    framework = claims.framework(label)
    if framework is not None and _is_contradicted(framework, units, torch):
        framework = None
    for claim in (claims.topic(label), framework):
        if claim is not None and claim & asked and all(ids & claim for ids in found):
            found = [ids & claim for ids in found]
    return found


def _narrow(ids: Ids, claim: Ids | None) -> Ids:
    """Return the tasks in both sets, or ``ids`` if there are none or the claim is None."""
    return ids & claim if claim is not None and ids & claim else ids


def _innermost(
    headings: Headings, read: Callable[[str], Ids | None], void: frozenset[Headings] = frozenset()
) -> tuple[Headings, Ids | None]:
    """Return the path to the innermost heading that names tasks, and these tasks.

    ``headings`` are those above a unit, outermost first. ``read`` returns the tasks that a heading
    names, or None. Paths to headings in `void` are skipped. An empty path and None are returned if
    no heading names tasks.
    """
    for size in range(len(headings), 0, -1):
        claim = read(headings[size - 1])
        if claim is not None and headings[:size] not in void:
            return headings[:size], claim
    return (), None


def _frameworks(units: list[Unit], claims: Claims, torch: Ids) -> list[Ids | None]:
    """Return for each unit the tasks of the framework that the headings above it name.

    ``claims`` finds the tasks that a heading names, and ``torch`` are the ids of all torch tasks. A
    heading that the code below it contradicts is skipped, and the heading outside it is read. The
    item of a unit is None if no heading above it names a framework.
    """
    void: frozenset[Headings] = frozenset()
    while True:
        named = [_innermost(unit.cell.headings, claims.framework, void) for unit in units]
        contradicted = {
            heading
            for heading, claim in dict(named).items()
            if claim is not None
            and _is_contradicted(
                claim,
                [unit for unit, (h, _) in zip(units, named, strict=True) if h == heading],
                torch,
            )
        }
        if not contradicted:
            return [claim for _, claim in named]
        void |= contradicted


def _is_contradicted(claim: Ids, units: list[Unit], torch: Ids) -> bool:
    """Return whether the code of some units contradicts a claim about its framework.

    ``claim`` are the claimed tasks, and ``torch`` all torch tasks. One torch role contradicts a
    numpy task, and several numpy roles a torch task.
    """
    roles = {role for unit in units for role in unit.roles}
    forms = {MODEL, TRAINING}
    return len(roles - forms) >= REPEATED if claim <= torch else bool(roles & forms)


def _topics(units: list[Unit], claims: Claims) -> list[Ids | None]:
    """Return for each unit the tasks of the subject that applies to it; None without a subject.

    A subject is what a task is about, such as regression; ``claims`` finds the tasks that a heading
    names. The subject is that of the headings above the unit. Without one, the subject before it
    continues, unless a heading further down, below the unit's own headings, names one. It also ends
    if at least `REPEATED` roles (functions that a task asks for) are defined again.
    """
    named = [_innermost(unit.cell.headings, claims.topic)[1] for unit in units]
    named_paths = {unit.cell.headings for unit, topic in zip(units, named, strict=True) if topic}
    current: Ids | None = None
    seen: set[str] = set()
    topics: list[Ids | None] = []
    for unit, own, coming in zip(units, named, _roles_to_next_heading(units, named), strict=True):
        topic = own
        if own is not None:
            if own != current:
                current, seen = own, set()
        elif not any(path[: len(unit.cell.headings)] == unit.cell.headings for path in named_paths):
            if unit.roles & seen and len(coming & seen) >= REPEATED:
                current, seen = None, set()
            topic = current
        seen |= unit.roles
        topics.append(topic)
    return topics


def _roles_to_next_heading(units: list[Unit], named: list[Ids | None]) -> list[Ids]:
    """Return for each unit the roles defined from it up to the next heading that names a subject.

    A role is a function that a task asks for. ``named`` has for each unit the tasks that the
    headings above it name, or None.
    """
    coming: list[Ids] = []
    roles: Ids = frozenset()
    for unit, topic in zip(reversed(units), reversed(named), strict=True):
        if topic is not None:
            roles = frozenset()
        elif not unit.roles <= roles:
            roles |= unit.roles
        coming.append(roles)
    return coming[::-1]


# --- sections from units -----------------------------------------------------------------


class _Part(Struct):
    """A section that is being built: its possible tasks, and the indices of its units."""

    tasks: Ids
    own: list[int] = field(default_factory=list)
    shared: set[int] = field(default_factory=set)


def divide(
    submission: Submission, tasks: Sequence[Task], named: Collection[str] = ()
) -> tuple[Section, ...]:
    """Divide a submission into sections.

    Parameters
    ----------
    submission : Submission
        The submission with all its cells.
    tasks : sequence of Task
        All tasks of the assignment, also those that will not be graded: code for one of them must
        not be graded as another task.
    named : collection of str
        Ids of the tasks that the user asked for. They take precedence over file names.

    Returns
    -------
    tuple of Section
        In the order of the files. A task may have several sections (two files, two attempts) or
        none. ``shared`` are cells outside all sections that this section may use;
        ``borrowed`` are all other cells, those after the section first, so that the last
        definition in this order is the nearest one above the section. A cell with code of several
        sections is cut between statements, and the pieces have ``first_line`` set.
    """
    units = units_of(submission.cells, tasks)
    possible = possible_tasks(units, tasks, named)
    frameworks: dict[str, str] = {task.id: task.framework.name for task in tasks}
    labels = _frameworks_of(units, possible, frameworks)
    settled: dict[str, list[int]] = {}
    strands: dict[Ids, list[int]] = {}
    common: dict[int, Ids] = {}
    for i, (ids, label) in enumerate(zip(possible, labels, strict=True)):
        left = frozenset(task for task in ids if label in (None, frameworks[task]))
        if label is None:
            common[i] = ids
        elif len(left) == 1:
            settled.setdefault(next(iter(left)), []).append(i)
        else:
            strands.setdefault(left, []).append(i)
    helpers = _helper_roles(tasks)
    parts = [
        _Part(frozenset({task}), own)
        for task, indices in settled.items()
        for own in _cut(indices, units, helpers, within_files=False)
    ]
    parts = [part for part in parts if _is_solid(part, units)] or parts
    for part in _open_parts(strands, units, parts, helpers):
        if part.tasks:
            parts.append(part)
        elif not _roles(part.own, units):
            common |= {i: possible[i] for i in part.own}
    parts.sort(key=lambda part: part.own[0])
    for before, part in pairwise(parts):
        if before.own[-1] < part.own[0]:
            part.own = (
                _move_leading_units(before.own, part.own, units, helpers, idle=False) + part.own
            )
    for part in parts:
        others = {i for other in parts if other.tasks != part.tasks for i in other.own}
        part.shared |= _roles_called(part.own, sorted(others), units)
    for before, part in pairwise(parts):
        if len(before.tasks) > 1 and not before.tasks & part.tasks:
            # A data frame that is read above the numpy half is used in the torch half too.
            part.shared |= set(takewhile(lambda i: not units[i].solid, before.own))
    return tuple(_section(part, units, common, tasks) for part in parts)


def _helper_roles(tasks: Sequence[Task]) -> Ids:
    """Return the numpy roles that alone are no attempt at a task: optional or shared ones."""
    roles = [role for task in tasks if not task.framework.trains for role in task.roles]
    return frozenset(role.name for role in roles if role.shared or not role.required)


def _is_solid(part: _Part, units: list[Unit]) -> bool:
    """Return whether a part defines or trains something."""
    return any(units[i].solid for i in part.own)


# --- framework by content ----------------------------------------------------------------


def _frameworks_of(
    units: list[Unit], possible: list[Ids], frameworks: dict[str, str]
) -> list[str | None]:
    """Return the framework of each unit, numpy or torch, or None if the unit shows none yet.

    ``possible`` has the ids of the possible tasks of each unit, and ``frameworks`` the framework of
    each task. The result is None before the first unit of a file that defines something, and for
    torch units in a file with numpy roles, but without a torch model and without training. A
    framework continues until code of another one. Units before that code which do nothing by
    themselves belong to it.
    """
    labels: list[str | None] = []
    current: str | None = None
    for i, (unit, ids) in enumerate(zip(units, possible, strict=True)):
        if i and (unit.cell.file != units[i - 1].cell.file or not ids & possible[i - 1]):
            current = None
        open_to = {frameworks[task] for task in ids}
        if len(open_to) == 1:
            has_begun = len(ids) == 1 or unit.solid or current is not None
            current = next(iter(open_to)) if has_begun else None
        else:
            before, current = current, _framework_of(unit, current)
            if before is not None and current != before:
                # Idle units just before the change belong to the code below them.
                j = i - 1
                while (
                    j >= 0
                    and labels[j] == before
                    and _may_belong_below(units[j], unit, torch=False)
                ):
                    labels[j] = current if len({frameworks[t] for t in possible[j]}) > 1 else before
                    j -= 1
        labels.append(current)
    for _, group in groupby(range(len(units)), lambda i: units[i].cell.file):
        file = list(group)
        roles = _roles(file, units)
        if roles and not roles & {MODEL, TRAINING}:
            # A helper that also accepts tensors does not make a torch part.
            for i in file:
                if labels[i] == "torch" and len({frameworks[t] for t in possible[i]}) > 1:
                    labels[i] = None
    return labels


def _framework_of(unit: Unit, current: str | None) -> str | None:
    """Return the framework of a unit that follows code of the framework `current`.

    It is ``numpy`` or ``torch``, or None if no code before shows one either. A unit without a sign
    of its own, such as an import or a helper, continues `current`.
    """
    if unit.imports:
        return "torch" if unit.torch and current is not None else current
    if unit.torch:
        return "torch"
    if unit.roles or unit.loop or (unit.solid and current is None):
        return "numpy"
    return current


def _may_belong_below(unit: Unit, before: Unit, *, torch: bool = True) -> bool:
    """Return whether a unit may belong to the unit ``before``, which follows it in the text.

    It must not define or train anything. With ``torch=False``, it must not use torch either.
    """
    return not unit.solid and unit.cell.file == before.cell.file and (torch or not unit.torch)


# --- parts -------------------------------------------------------------------------------


def _cut(
    indices: list[int], units: list[Unit], helpers: Ids, *, within_files: bool = True
) -> list[list[int]]:
    """Cut units into parts where roles are defined again; return the indices of each part.

    A role is a function that a task asks for, and a part becomes a section. ``indices`` are those
    of the ``units`` to cut, and ``helpers`` roles that alone are no attempt at a task. A second
    attempt at a single role does not begin a new part. Without `within_files`, parts begin only in
    another file.
    """
    parts: list[list[int]] = [[]]
    seen: dict[str, Unit] = {}
    models = 0
    for position, i in enumerate(indices):
        unit = units[i]
        again = [role for role in unit.roles if role in seen]
        if again and (within_files or unit.cell.file != seen[again[0]].cell.file):
            coming = _roles_until_repeated(indices[position:], units)
            if _begins_new_part(again, seen, coming, unit, models):
                parts.append([])
                parts[-1] = _move_leading_units(
                    parts[-2], indices[position:], units, helpers, idle=True
                )
                seen, models = {}, 0
        parts[-1].append(i)
        seen |= dict.fromkeys(unit.roles, unit)
        models += MODEL in unit.roles
    return [part for part in parts if part]


def _move_leading_units(
    above: list[int], below: list[int], units: list[Unit], helpers: Ids, *, idle: bool
) -> list[int]:
    """Remove from the part ``above`` its last units that belong to the code ``below``; return them.

    Both parts are indices of ``units``. Moved are functions without a role, or with one of the
    ``helpers``, that the file has defined before and that the code below reads, as in a notebook
    whose second half starts with another ``activation``. Run from top to bottom, they change
    nothing of the part above. Units that do nothing by themselves are moved too if ``idle`` is
    true.
    """
    made = {name for i in below for name in units[i].defines}
    wanted = {name for i in below for name in units[i].loads} - made
    taken: list[int] = []
    while len(above) > 1 and units[above[-1]].cell.file == units[below[0]].cell.file:
        last = units[above[-1]]
        file = (unit for unit in units[: above[-1]] if unit.cell.file == last.cell.file)
        earlier = {name for unit in file for name in unit.defines}
        repeats = last.roles <= helpers and bool(last.defines & earlier & wanted)
        if not (repeats or (idle and _may_belong_below(last, units[below[0]]))):
            break
        wanted = (wanted | last.loads) - last.defines
        taken.insert(0, above.pop())
    return taken


def _begins_new_part(
    again: list[str], seen: dict[str, Unit], coming: set[str], unit: Unit, models: int
) -> bool:
    """Return whether the roles that a unit defines ``again`` begin another part of a submission.

    A role is a function that a task asks for. `seen` are the units of the current part by role,
    `coming` the roles from here to the next repetition, and `models` the number of models in the
    current part. Another model begins a part after training, and another training after `REPEATED`
    models. Any other role begins a part below another heading, or if at least `REPEATED` roles come
    again.
    """
    if MODEL in again:
        return TRAINING in seen
    if TRAINING in again:
        return models >= REPEATED
    moved = any(
        (seen[role].cell.file, seen[role].cell.headings) != (unit.cell.file, unit.cell.headings)
        for role in again
    )
    return moved or len(coming & seen.keys()) >= REPEATED


def _roles_until_repeated(indices: Iterable[int], units: list[Unit]) -> set[str]:
    """Return the roles of units up to the unit that repeats a role of the first unit with roles.

    ``indices`` are those of the units to read, in order.
    """
    roles: set[str] = set()
    first: frozenset[str] = frozenset()
    for i in indices:
        if first and units[i].roles & first:
            break
        first = first or units[i].roles
        roles |= units[i].roles
    return roles


def _roles(indices: Iterable[int], units: list[Unit]) -> set[str]:
    """Return all roles of some units."""
    return {role for i in indices for role in units[i].roles}


def _open_parts(
    strands: dict[Ids, list[int]], units: list[Unit], settled: list[_Part], helpers: Ids
) -> list[_Part]:
    """Return the parts of a submission whose text fits several tasks, with the tasks left for each.

    ``strands`` are the indices of units by their possible tasks, and ``settled`` are the parts with
    one task. ``helpers`` are roles (functions that a task asks for) that alone are no attempt. A
    part above a settled part that defines none of its roles is added to the shared cells of the
    settled part, and so is a file of helpers. Any other part can only belong to a task without a
    settled part, unless it is in a file without one. The ``tasks`` of a part that belongs to all
    sections are empty.
    """
    claimed = {task for part in settled for task in part.tasks}
    files = {units[i].cell.file for part in settled for i in part.own}
    parts: list[_Part] = []
    for ids, indices in strands.items():
        earlier: list[int] = []
        for own in _cut(indices, units, helpers):
            part = _Part(ids, own, _reused_units(own, earlier, units))
            earlier += own
            roles = _roles(own, units)
            # Another file may be another attempt at a settled task.
            apart = bool(roles) and not files & {units[i].cell.file for i in own}
            beside = apart and roles <= helpers
            heirs = [
                other
                for other in settled
                if other.tasks & ids
                and (beside or own[0] < other.own[0])
                and not roles & _roles(other.own, units)
            ]
            for other in heirs:
                other.shared |= set(own)
            if heirs or not (apart or ids - claimed):
                part.tasks = frozenset()
            elif claimed and not apart:
                part.tasks = ids - claimed
            parts.append(part)
    # A part without roles counts only if there is no other part.
    with_roles = any(part.tasks and _roles(part.own, units) for part in parts)
    for part in parts:
        if not _roles(part.own, units) and (with_roles or settled or not _is_solid(part, units)):
            part.tasks = frozenset()
    return parts


def _reused_units(own: list[int], earlier: list[int], units: list[Unit]) -> set[int]:
    """Return the indices of earlier units whose definitions a part reads and does not define.

    ``own`` are the indices of the part's units, and ``earlier`` those that may be found.
    Definitions that the found units read in turn are included.
    """
    made = {name for i in own for name in units[i].defines}
    wanted = {name for i in own for name in units[i].loads} - made
    found: set[int] = set()
    for i in reversed(earlier):
        if units[i].defines & wanted:
            found.add(i)
            wanted = (wanted | units[i].loads) - units[i].defines - made
    return found


def _roles_called(own: list[int], others: list[int], units: list[Unit]) -> set[int]:
    """Return the indices of units of other tasks whose roles a part calls.

    ``own`` are the indices of the part's units, and ``others`` those of the other tasks. Only units
    above the part in the same file count.
    """
    file = units[own[0]].cell.file
    above = [i for i in others if i < own[0] and units[i].cell.file == file and units[i].roles]
    return _reused_units(own, above, units)


# --- sections ----------------------------------------------------------------------------


def _section(
    part: _Part, units: list[Unit], common: dict[int, Ids], tasks: Sequence[Task]
) -> Section:
    """Make the section of a part: its own cells, and the cells of others that it may use.

    ``common`` has the units that belong to no part, by index, with the tasks that they may be
    shared with; they become shared cells, and all others borrowed cells. ``tasks`` are all tasks,
    in the order in which a section lists them.
    """
    own = set(part.own)
    shared = {i for i, ids in common.items() if ids & part.tasks} | part.shared
    shared -= own
    rest = [i for i in range(len(units)) if i not in own and i not in shared]
    first = min(own)
    after, before = [i for i in rest if i > first], [i for i in rest if i < first]
    return Section(
        tasks=tuple(task.id for task in tasks if task.id in part.tasks),
        own=_cells(sorted(own), units),
        shared=_cells(sorted(shared), units),
        borrowed=(*_cells(after, units), *_cells(before, units)),
        title=_title([units[i] for i in part.own]),
    )


def _title(units: list[Unit]) -> str:
    """Return the innermost heading above the first unit, for messages."""
    unit = next((unit for unit in units if unit.roles), units[0])
    return " › ".join(unit.cell.headings) or PurePosixPath(unit.cell.file).name


def _cells(indices: list[int], units: list[Unit]) -> tuple[Cell, ...]:
    """Make cells from units, given by their indices; neighbouring units of one cell are joined."""
    # For consecutive indices, index minus position is constant.
    runs = groupby(enumerate(indices), lambda item: (item[1] - item[0], units[item[1]].cell.id))
    return tuple(_piece([i for _, i in run], units) for _, run in runs)


def _piece(run: list[int], units: list[Unit]) -> Cell:
    """Make a cell from neighbouring units of one cell, given by their indices.

    If they are the whole cell, it is returned unchanged.
    """
    cell, start, end = units[run[0]].cell, units[run[0]].start, units[run[-1]].end
    lines = cell.source.split("\n")
    if start == 1 and end > len(lines):
        return cell
    return part_of(cell, start, "\n".join(lines[start - 1 : end - 1]))


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

_Rank = tuple[bool, int, bool, bool, NamedAttempt, tuple[Natural, str]]


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
        The task to grade.
    sections : sequence of Section
        All sections that may belong to the task; at least one.
    tasks : sequence of Task
        All tasks of the assignment.

    Returns
    -------
    Claim
        The section, and a note if files or definitions were not used.
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
        "{count} files contain the same task ({files}); {file} is graded, because {reason}.",
        count=len(over) + 1,
        files=_listed([first, *over]),
        file=first.file,
        reason=reason,
    )
    differs = any(piece.code != first.code for piece in over)
    return Claim(section, note, differs)


def _instead(task: Task, section: Section) -> str:
    """Return a note if the task asks for a file by name and another file is graded, else "".

    ``section`` has the code that is graded.
    """
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
    """Return for each file its cells and the required roles that it defines, to compare files.

    ``task`` is the task to grade, ``sections`` are all that may belong to it, and ``tasks`` all
    tasks of the assignment. A role is a function that a task asks for. The order is that of the
    files.
    """
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
    """Return a rank for each file; the file with the greatest rank is preferred for the task.

    `_Rank` lists the parts of a rank, and ``tasks`` are all tasks of the assignment. All attempts
    at one file (``net.py``, ``net (1).py``) that have a role count as having the roles of the
    attempt with the most.
    """
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
    """Make the section to grade for a task from the chosen files, the pieces ``taken``.

    ``sections`` are all sections that may belong to the task. Cells of the files become own cells;
    shared cells stay, and all other cells become borrowed cells.
    """
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
    """Return the cells whose id is not in ``known``, each once."""
    found: dict[str, Cell] = {}
    for cell in cells:
        found.setdefault(cell.id, cell)
    return tuple(cell for id_, cell in found.items() if id_ not in known)
