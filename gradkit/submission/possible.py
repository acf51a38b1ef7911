"""Which tasks the headings and file names leave possible, for each unit of a submission.

The innermost heading that says something decides, for the subject and for the framework
on their own. Under a heading that says nothing, the subject that was last named goes on.
A claim about the framework that the code below it belies does not count: a title such as
"from scratch" may stand above torch too.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from itertools import groupby
from pathlib import PurePosixPath

from gradkit.records.task import Task
from gradkit.submission.attempts import is_one_of
from gradkit.submission.claims import Claims
from gradkit.submission.content import MODEL, TRAINING, Unit

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
    torch = frozenset(task.id for task in tasks if task.framework == "torch")
    found: list[Ids] = []
    for name, group in groupby(units, key=lambda unit: unit.cell.file):
        own = _in_file(name, list(group), claims, torch, frozenset(named) or claims.all)
        found += [_narrow(ids, asking(name, tasks)) for ids in own]
    return found


def asking(name: str, tasks: Sequence[Task]) -> Ids:
    """The tasks that ask for a file of this name."""
    return frozenset(task.id for task in tasks if is_one_of(name, task.files))


def _in_file(name: str, units: list[Unit], claims: Claims, torch: Ids, asked: Ids) -> list[Ids]:
    frameworks = _frameworks(units, claims, torch)
    topics = _topics(units, claims)
    found = [
        _narrow(_narrow(claims.all, topic), framework)
        for topic, framework in zip(topics, frameworks, strict=True)
    ]
    label = str(PurePosixPath(name).with_suffix(""))
    # A file name counts where no heading and no code in the file speaks against it.
    topic = claims.topic(label)
    if topic is not None and topic & asked and all(ids & topic for ids in found):
        found = [ids & topic for ids in found]
    framework = claims.framework(label)
    if (
        framework is not None
        and framework & asked
        and not _belied(framework, units, torch)
        and all(ids & framework for ids in found)
    ):
        found = [ids & framework for ids in found]
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
    """Whether code shows the other framework: one torch role, or several numpy ones."""
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
