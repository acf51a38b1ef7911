"""Inspect the functions of a section in the test's own process."""

from __future__ import annotations

from msgspec.structs import replace

from gradkit.binding.inspection import Function, inspect
from gradkit.records.submission import Section
from gradkit.records.task import Role, Task
from gradkit.runtime import child
from gradkit.runtime.frames import TO_GRADER, TO_WORKER, Frame
from gradkit.runtime.namespace import Namespace
from gradkit.sandbox.process import StudentProcess, _sent, check
from gradkit.task.assignment import read_assignment


class HereProcess(StudentProcess):
    """A `StudentProcess` that runs its section in this process, with a worker's messages."""

    def __init__(self, section: Section, modules: dict[str, str] | None = None) -> None:
        super().__init__(None, section, modules or {}, frozenset(), 1.0, 0)  # type: ignore[arg-type]
        parts = (section.own, section.shared, section.borrowed)
        sources = [[(cell.id, cell.source) for cell in part] for part in parts]
        self._names = Namespace(*sources, modules or {})

    def ask(self, request) -> Frame:
        """Return the reply that a worker would send."""
        child.Loaded.namespace = self._names
        child.Loaded.cells = frozenset(cell.id for cell in self.section.own)
        received = _sent(request, TO_WORKER)
        reply = _sent(child.HANDLERS[request.kind](received), TO_GRADER)
        check(request.kind, request.data, request.arrays, reply)
        return reply


def wanting(*names: str) -> Task:
    """Return a task of one role with some names."""
    task = read_assignment().tasks[0]
    role: Role = replace(task.roles[0], aliases=names)
    return replace(task, roles=(role,))


def inspected(
    section: Section, *names: str, modules: dict[str, str] | None = None
) -> tuple[Function, ...]:
    """Return the functions of a section for a task of one role with some names."""
    return inspect(wanting(*names), HereProcess(section, modules))
