"""Audit an assignment before students get it: check its model solutions and mutants of them.

A mutant (a changed model solution) that no check detects is a mistake with which a student gets
full marks. Mutants run in a separate process, since they may not end.
"""

from __future__ import annotations

import contextlib
import io
import re
import sys
import time
import warnings
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from gradkit.authoring.functions import FunctionModel
from gradkit.authoring.mutants import mutants, watching
from gradkit.authoring.nets import NetModel
from gradkit.processes import start
from gradkit.records.task import (
    Assignment,
    Audit,
    Equivalent,
    FunctionTask,
    Mutant,
    Task,
    TaskAudit,
)
from gradkit.task.assignment import find_reference, read_assignment
from gradkit.task.oracle import OracleError

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

CONVENTION = "a convention"
"""In place of the check's name: the mutant is right by another convention that is allowed."""

MIN_SECONDS, TIMES_SOLUTION = 5.0, 20.0
"""Deadline of a mutant: these seconds, plus this multiple of the model solution's time."""


def audit_file(assignment: Path | None, reference: Path | None) -> Audit:
    """Audit an assignment file (by default gradkit's own) with its model solutions."""
    return audit(read_assignment(assignment), find_reference(assignment, reference))


def audit(assignment: Assignment, reference: Path | None) -> Audit:
    """Check the model solution of every task, and then every mutant of it.

    A mutant is a copy of the model solution with one change. A mutant of a solution that several
    tasks share need only be detected by one of them.

    Parameters
    ----------
    assignment : Assignment
    reference : Path or None
        Folder of the model solutions; None if there are none, and then nothing is tried.

    Returns
    -------
    Audit
        It is clean if every task was tried, without a problem, an undetected mutant or a stale
        entry of ``equivalent``.
    """
    all_tasks: tuple[Task | FunctionTask, ...] = (*assignment.tasks, *assignment.functions)
    detected: dict[str, set[Mutant]] = {task.solution: set() for task in all_tasks}
    each = [_audit_task(task, reference, detected[task.solution]) for task in all_tasks]
    # Tasks may use the same class: what the checks of one detect, those of the others need not.
    audits = tuple(
        replace(
            audit,
            unseen=tuple(m for m in audit.unseen if m not in detected[audit.solution]),
            has_headings=_has_headings(task, assignment.path),
        )
        for task, audit in zip(all_tasks, each, strict=True)
    )
    is_clean = not any(
        audit.problems or audit.untried or audit.unseen or audit.stale for audit in audits
    )
    return Audit(assignment.title, audits, is_clean)


def _audit_task(
    task: Task | FunctionTask, reference: Path | None, detected: set[Mutant]
) -> TaskAudit:
    """Audit a task: find problems of the model solution, else undetected mutants of it.

    The mutants that its checks detect are added to ``detected``. Undetected ones that the task
    lists as ``equivalent`` are left out; such an entry is stale if it matches no undetected mutant.
    """
    audit = partial(TaskAudit, task.id, task.title, task.solution)
    if reference is None:
        return audit(
            untried="The model solution was not checked. Give its folder with --reference."
        )
    try:
        problems = tuple(_model(task, reference).problems())
    except OracleError as error:
        return audit((str(error),))
    if problems:
        return audit(problems)
    tried = list(_try_all(task, reference))
    undetected = [mutant for mutant, check in tried if not check]
    detected |= {mutant for mutant, check in tried if check}
    conventional = sum(check == CONVENTION for _, check in tried)
    remaining = [m for m in undetected if not any(_matches(entry, m) for entry in task.equivalent)]
    stale = []
    for entry in task.equivalent:
        if not any(_matches(entry, mutant) for mutant in undetected):
            exists = any(_matches(entry, mutant) for mutant, _ in tried)
            reason = "a check detects it" if exists else "no such line or change exists"
            stale.append(": ".join(filter(None, (entry.line.strip(), entry.change, reason))))
    return audit(
        tried=len(tried),
        unseen=tuple(remaining),
        equivalent=len(undetected) - len(remaining) + conventional,
        stale=tuple(stale),
    )


def _has_headings(task: Task | FunctionTask, path: str) -> bool:
    """Return whether a file has headings for the entries of a task's ``equivalent``."""
    if not task.equivalent:
        return False
    # The part of a file from one heading [[tasks]] to the next is one task.
    parts = re.split(r"(?m)^(?=\[\[tasks\]\])", Path(path).read_text(encoding="utf-8"))
    name = re.compile(rf"""(?m)^id\s*=\s*["']{re.escape(task.id)}["']""")
    return any("[[tasks.equivalent]]" in part for part in parts if name.search(part))


def _model(task: Task | FunctionTask, reference: Path) -> NetModel | FunctionModel:
    """Load the model solution of a task."""
    if isinstance(task, FunctionTask):
        return FunctionModel(task, reference)
    return NetModel(task, reference)


def _matches(entry: Equivalent, mutant: Mutant) -> bool:
    """Return True if an entry of accepted changes in the assignment file lists a mutant."""
    return entry.line.strip() == mutant.source and entry.change in ("", mutant.change)


def _try_all(task: Task | FunctionTask, reference: Path) -> Iterator[tuple[Mutant, str]]:
    """Yield every mutant with the name of the check that detects it, "" if no check does.

    The mutants run in another process. A mutant that exceeds its deadline, or ends its process,
    counts as detected, and a new process goes on with the next one.

    Raises
    ------
    OracleError
        The process has ended, and not because of a mutant.
    """
    first = 0
    while True:
        other = start(try_mutants, task, reference, first)
        mutant: Mutant | None = None
        try:
            limit = MIN_SECONDS + TIMES_SOLUTION * other.connection.recv()
            while mutant := _receive(other.connection, limit):
                check = _receive(other.connection, limit)
                first += 1
                yield mutant, check
                mutant = None
            return
        except EOFError:
            if mutant is None:
                raise OracleError(
                    f"{reference / task.solution}: the process that runs its mutants has ended "
                    "unexpectedly. Run `gradkit audit` again. If it happens again, please "
                    "report it."
                ) from None
            first += 1
            yield mutant, "no end"
        finally:
            other.process.kill()
            other.process.wait()
            other.connection.close()


def _receive(connection: Connection, limit: float) -> Any:
    """Return the next object from a connection; raise EOFError after ``limit`` seconds."""
    if not connection.poll(limit):
        raise EOFError
    return connection.recv()


def try_mutants(
    connection: Connection, task: Task | FunctionTask, reference: Path, first: int
) -> None:
    """Run the checks on the mutants from number ``first`` on, and send the outcomes.

    This is the main function of the separate process. It sends the seconds that the model solution
    takes, then each mutant and the check that detects it, and None at the end.
    """
    warnings.simplefilter("ignore")
    with contextlib.redirect_stdout(io.StringIO()):
        model, path = _model(task, reference), reference / task.solution
        began = time.perf_counter()
        with watching(path) as kinds:
            model.run()
        connection.send(time.perf_counter() - began)
        text = path.read_text(encoding="utf-8")
        given = task.given.values() if isinstance(task, FunctionTask) else ()
        for number, (mutant, tree) in enumerate(mutants(text, model.words, kinds, given)):
            if number < first:
                continue
            connection.send(mutant)
            connection.send(_detect(model, tree))
        connection.send(None)


def _detect(model: NetModel | FunctionModel, tree: Any) -> str:
    """Return the name of the first check that detects a mutant, "" if no check does.

    ``tree`` is the syntax tree of the mutant. Return `CONVENTION` if the mutant passes all checks
    by another convention that is allowed.
    """
    module = ModuleType("gradkit_changed")
    sys.modules[module.__name__] = module
    try:
        exec(compile(tree, "<changed>", "exec"), vars(module))  # noqa: S102  (the instructor's own)
    except Exception:  # any exception of a mutant means that it is detected
        return "loading"
    by_convention = model.failed(module)
    check = next(by_convention)
    return CONVENTION if check and not all(by_convention) else check
