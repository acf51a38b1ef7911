"""Divide a submission into sections, one or more for each task: headings, file names, then content.

The innermost heading that says something decides, for the subject and for the framework
on their own. Under a heading that says nothing, the subject that was last named goes on.
A claim about the framework that the code below it belies does not count: a title such as
"from scratch" may stand above torch too. What cannot be told from the text stays open between
tasks, for behaviour to decide.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import groupby, pairwise, takewhile
from pathlib import PurePosixPath

from msgspec import Struct, field

from gradkit.records.submission import Cell, Section, Submission
from gradkit.records.task import Task
from gradkit.submission.cells import part_of
from gradkit.submission.content import MODEL, TRAINING, Unit, units_of
from gradkit.submission.names import Claims, is_attempt_at

Ids = frozenset[str]
Headings = tuple[str, ...]

REPEATED = 2
"""Roles that must be there again before code counts as another part, and no second attempt."""


def possible_tasks(
    units: Sequence[Unit], tasks: Sequence[Task], named: Collection[str] = ()
) -> list[Ids]:
    """Give the ids of the possible tasks for each unit, never an empty set.

    A file's name does not speak against the tasks that the user has ``named``. A file that some
    tasks ask for is theirs.
    """
    claims = Claims(tasks)
    torch = frozenset(task.id for task in tasks if task.framework.trains)
    found: list[Ids] = []
    for name, group in groupby(units, key=lambda unit: unit.cell.file):
        own = _in_file(name, list(group), claims, torch, frozenset(named) or claims.all)
        found += [_narrow(ids, asking(name, tasks)) for ids in own]
    return found


def asking(name: str, tasks: Sequence[Task]) -> Ids:
    """Return the ids of the tasks that ask for a file of this name."""
    return frozenset(task.id for task in tasks if task.files and is_attempt_at(name, task.files))


def _in_file(name: str, units: list[Unit], claims: Claims, torch: Ids, asked: Ids) -> list[Ids]:
    frameworks = _frameworks(units, claims, torch)
    topics = _topics(units, claims)
    found = [
        _narrow(_narrow(claims.all, topic), framework)
        for topic, framework in zip(topics, frameworks, strict=True)
    ]
    # A file name counts where no heading and no code in the file speaks against it.
    label = str(PurePosixPath(name).with_suffix(""))
    framework = claims.framework(label)
    if framework is not None and _belied(framework, units, torch):
        framework = None
    for claim in (claims.topic(label), framework):
        if claim is not None and claim & asked and all(ids & claim for ids in found):
            found = [ids & claim for ids in found]
    return found


def _narrow(ids: Ids, claim: Ids | None) -> Ids:
    return ids & claim if claim is not None and ids & claim else ids


def _innermost(
    headings: Headings, read: Callable[[str], Ids | None], void: frozenset[Headings] = frozenset()
) -> tuple[Headings, Ids | None]:
    for size in range(len(headings), 0, -1):
        claim = read(headings[size - 1])
        if claim is not None and headings[:size] not in void:
            return headings[:size], claim
    return (), None


def _frameworks(units: list[Unit], claims: Claims, torch: Ids) -> list[Ids | None]:
    void: frozenset[Headings] = frozenset()
    while True:
        said = [_innermost(unit.cell.headings, claims.framework, void) for unit in units]
        belied = {
            heading
            for heading, claim in dict(said).items()
            if claim is not None
            and _belied(
                claim,
                [unit for unit, (h, _) in zip(units, said, strict=True) if h == heading],
                torch,
            )
        }
        if not belied:
            return [claim for _, claim in said]
        void |= belied


def _belied(claim: Ids, units: list[Unit], torch: Ids) -> bool:
    """True where code shows the other framework: one torch role, or several numpy ones."""
    roles = {role for unit in units for role in unit.roles}
    forms = {MODEL, TRAINING}
    return len(roles - forms) >= REPEATED if claim <= torch else bool(roles & forms)


def _topics(units: list[Unit], claims: Claims) -> list[Ids | None]:
    said = [_innermost(unit.cell.headings, claims.topic)[1] for unit in units]
    spoken = {unit.cell.headings for unit, topic in zip(units, said, strict=True) if topic}
    current: Ids | None = None
    seen: set[str] = set()
    topics: list[Ids | None] = []
    for unit, own, coming in zip(units, said, _coming(units, said), strict=True):
        topic = own
        if own is not None:
            if own != current:
                current, seen = own, set()
        elif not any(path[: len(unit.cell.headings)] == unit.cell.headings for path in spoken):
            if unit.roles & seen and len(coming & seen) >= REPEATED:
                current, seen = None, set()
            topic = current
        seen |= unit.roles
        topics.append(topic)
    return topics


def _coming(units: list[Unit], said: list[Ids | None]) -> list[Ids]:
    """Return the roles from each unit to the next heading that names a subject."""
    coming: list[Ids] = []
    roles: Ids = frozenset()
    for unit, topic in zip(reversed(units), reversed(said), strict=True):
        if topic is not None:
            roles = frozenset()
        elif not unit.roles <= roles:
            roles |= unit.roles
        coming.append(roles)
    return coming[::-1]


# --- sections from units -----------------------------------------------------------------


class _Part(Struct):
    """A section in the making: the tasks that are possible, and indices of units."""

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
        What was read.
    tasks : sequence of Task
        All tasks of the assignment, also those that will not be graded: what belongs to
        one of them must not be taken for another's.
    named : collection of str
        Ids that the user asked for, who knows better than the name of a file.

    Returns
    -------
    tuple of Section
        In the order of the files. A task may have several (two files, two attempts) or
        none. ``shared`` are the cells outside any section that can concern it;
        ``borrowed`` are all others, those after the section first, so that the last
        definition in this order is the one nearest above it. A cell that serves several
        sections is cut between statements, and its pieces have ``first_line`` set.
    """
    units = units_of(submission.cells, tasks)
    possible = possible_tasks(units, tasks, named)
    frameworks: dict[str, str] = {task.id: task.framework.name for task in tasks}
    labels = _labels(units, possible, frameworks)
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
    helpers = _helpers(tasks)
    parts = [
        _Part(frozenset({task}), own)
        for task, indices in settled.items()
        for own in _cut(indices, units, helpers, within_files=False)
    ]
    parts = [part for part in parts if _solid(part, units)] or parts
    for part in _open_parts(strands, units, parts, helpers):
        if part.tasks:
            parts.append(part)
        elif not _roles(part.own, units):
            common |= {i: possible[i] for i in part.own}
    parts.sort(key=lambda part: part.own[0])
    for before, part in pairwise(parts):
        if before.own[-1] < part.own[0]:
            part.own = _leading_up(before.own, part.own, units, helpers, idle=False) + part.own
    for part in parts:
        others = {i for other in parts if other.tasks != part.tasks for i in other.own}
        part.shared |= _roles_called(part.own, sorted(others), units)
    for before, part in pairwise(parts):
        if len(before.tasks) > 1 and not before.tasks & part.tasks:
            # A data frame made ahead of the numpy half serves the torch half below too.
            part.shared |= set(takewhile(lambda i: not units[i].solid, before.own))
    return tuple(_section(part, units, common, tasks) for part in parts)


def _helpers(tasks: Sequence[Task]) -> Ids:
    """Return the numpy roles that are no attempt by themselves: optional, or for all tasks."""
    roles = [role for task in tasks if not task.framework.trains for role in task.roles]
    return frozenset(role.name for role in roles if role.shared or not role.required)


def _solid(part: _Part, units: list[Unit]) -> bool:
    return any(units[i].solid for i in part.own)


# --- framework by content ----------------------------------------------------------------


def _labels(units: list[Unit], possible: list[Ids], frameworks: dict[str, str]) -> list[str | None]:
    """Tell the framework of each unit; None for what comes before anything solid."""
    labels: list[str | None] = []
    current: str | None = None
    for i, (unit, ids) in enumerate(zip(units, possible, strict=True)):
        if i and (unit.cell.file != units[i - 1].cell.file or not ids & possible[i - 1]):
            current = None
        open_to = {frameworks[task] for task in ids}
        if len(open_to) == 1:
            begun = len(ids) == 1 or unit.solid or current is not None
            current = next(iter(open_to)) if begun else None
        else:
            before, current = current, _label(unit, current)
            if before is not None and current != before:
                # What leads up to the change is part of what comes.
                j = i - 1
                while j >= 0 and labels[j] == before and _idle(units[j], unit, torch=False):
                    labels[j] = current if len({frameworks[t] for t in possible[j]}) > 1 else before
                    j -= 1
        labels.append(current)
    for _, group in groupby(range(len(units)), lambda i: units[i].cell.file):
        file = list(group)
        roles = _roles(file, units)
        if roles and not roles & {MODEL, TRAINING}:
            # A helper that knows of tensors too makes no torch part.
            for i in file:
                if labels[i] == "torch" and len({frameworks[t] for t in possible[i]}) > 1:
                    labels[i] = None
    return labels


def _label(unit: Unit, current: str | None) -> str | None:
    if unit.imports:
        return "torch" if unit.torch and current is not None else current
    if unit.torch:
        return "torch"
    if unit.roles or unit.loop or (unit.solid and current is None):
        return "numpy"
    return current


def _idle(unit: Unit, before: Unit, *, torch: bool = True) -> bool:
    """True where a unit above another, with torch or without, can as well belong to that one."""
    return not unit.solid and unit.cell.file == before.cell.file and (torch or not unit.torch)


# --- parts -------------------------------------------------------------------------------


def _cut(
    indices: list[int], units: list[Unit], helpers: Ids, *, within_files: bool = True
) -> list[list[int]]:
    """Cut where roles are defined again; a second attempt at one role is no new part."""
    parts: list[list[int]] = [[]]
    seen: dict[str, Unit] = {}
    models = 0
    for position, i in enumerate(indices):
        unit = units[i]
        again = [role for role in unit.roles if role in seen]
        if again and (within_files or unit.cell.file != seen[again[0]].cell.file):
            coming = _until_repeated(indices[position:], units)
            if _begins(again, seen, coming, unit, models):
                parts.append([])
                parts[-1] = _leading_up(parts[-2], indices[position:], units, helpers, idle=True)
                seen, models = {}, 0
        parts[-1].append(i)
        seen |= dict.fromkeys(unit.roles, unit)
        models += MODEL in unit.roles
    return [part for part in parts if part]


def _leading_up(
    above: list[int], below: list[int], units: list[Unit], helpers: Ids, *, idle: bool
) -> list[int]:
    """Take the last units of a part that belong to the code below it, and return them.

    They are functions without a role, or with one of the ``helpers``, that the file has defined
    before and that the code below reads, as in a notebook whose second half starts with another
    ``activation``. Run from top to bottom, they change nothing of the part above. Units that do
    nothing by themselves are taken too if ``idle`` is true.
    """
    made = {name for i in below for name in units[i].defines}
    wanted = {name for i in below for name in units[i].loads} - made
    taken: list[int] = []
    while len(above) > 1 and units[above[-1]].cell.file == units[below[0]].cell.file:
        last = units[above[-1]]
        file = (unit for unit in units[: above[-1]] if unit.cell.file == last.cell.file)
        earlier = {name for unit in file for name in unit.defines}
        repeats = last.roles <= helpers and bool(last.defines & earlier & wanted)
        if not (repeats or (idle and _idle(last, units[below[0]]))):
            break
        wanted = (wanted | last.loads) - last.defines
        taken.insert(0, above.pop())
    return taken


def _begins(
    again: list[str], seen: dict[str, Unit], coming: set[str], unit: Unit, models: int
) -> bool:
    """True where a role that is defined again begins another part."""
    if MODEL in again:
        return TRAINING in seen
    if TRAINING in again:
        return models >= REPEATED
    moved = any(
        (seen[role].cell.file, seen[role].cell.headings) != (unit.cell.file, unit.cell.headings)
        for role in again
    )
    return moved or len(coming & seen.keys()) >= REPEATED


def _until_repeated(indices: Iterable[int], units: list[Unit]) -> set[str]:
    roles: set[str] = set()
    first: frozenset[str] = frozenset()
    for i in indices:
        if first and units[i].roles & first:
            break
        first = first or units[i].roles
        roles |= units[i].roles
    return roles


def _roles(indices: Iterable[int], units: list[Unit]) -> set[str]:
    return {role for i in indices for role in units[i].roles}


def _open_parts(
    strands: dict[Ids, list[int]], units: list[Unit], settled: list[_Part], helpers: Ids
) -> list[_Part]:
    """Parts whose task the text leaves open. One without tasks is common property.

    What stands above a settled section and has none of its roles belongs to it as shared
    cells, and so does a file of ``helpers``; otherwise it can only be of a task that no heading has
    claimed, unless it is a file of its own.
    """
    claimed = {task for part in settled for task in part.tasks}
    files = {units[i].cell.file for part in settled for i in part.own}
    parts: list[_Part] = []
    for ids, indices in strands.items():
        earlier: list[int] = []
        for own in _cut(indices, units, helpers):
            part = _Part(ids, own, _reused(own, earlier, units))
            earlier += own
            roles = _roles(own, units)
            # Another file may be another attempt at what is settled.
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
    # Without a role in it, a part is only worth a look where nothing else is.
    with_roles = any(part.tasks and _roles(part.own, units) for part in parts)
    for part in parts:
        if not _roles(part.own, units) and (with_roles or settled or not _solid(part, units)):
            part.tasks = frozenset()
    return parts


def _reused(own: list[int], earlier: list[int], units: list[Unit]) -> set[int]:
    """Definitions of earlier parts that this one reads and does not make itself."""
    made = {name for i in own for name in units[i].defines}
    wanted = {name for i in own for name in units[i].loads} - made
    found: set[int] = set()
    for i in reversed(earlier):
        if units[i].defines & wanted:
            found.add(i)
            wanted = (wanted | units[i].loads) - units[i].defines - made
    return found


def _roles_called(own: list[int], others: list[int], units: list[Unit]) -> set[int]:
    """Roles that stand above in the file in another task's part, and that this one calls."""
    file = units[own[0]].cell.file
    above = [i for i in others if i < own[0] and units[i].cell.file == file and units[i].roles]
    return _reused(own, above, units)


# --- sections ----------------------------------------------------------------------------


def _section(
    part: _Part, units: list[Unit], common: dict[int, Ids], tasks: Sequence[Task]
) -> Section:
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
    unit = next((unit for unit in units if unit.roles), units[0])
    return " › ".join(unit.cell.headings) or PurePosixPath(unit.cell.file).name


def _cells(indices: list[int], units: list[Unit]) -> tuple[Cell, ...]:
    """Put neighbouring units of a cell together again."""
    # Neighbours are as far from the beginning of the list as from that of the units.
    runs = groupby(enumerate(indices), lambda item: (item[1] - item[0], units[item[1]].cell.id))
    return tuple(_piece([i for _, i in run], units) for _, run in runs)


def _piece(run: list[int], units: list[Unit]) -> Cell:
    cell, start, end = units[run[0]].cell, units[run[0]].start, units[run[-1]].end
    lines = cell.source.split("\n")
    if start == 1 and end > len(lines):
        return cell
    return part_of(cell, start, "\n".join(lines[start - 1 : end - 1]))
