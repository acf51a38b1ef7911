"""Audit an assignment before students see it: hold model solutions to it, and try changes of them.

A change that no check sees is one that a student can make and have full marks. Changes are tried
in a process of their own, since one may never end.
"""

from __future__ import annotations

import contextlib
import io
import sys
import time
import warnings
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from gradkit.authoring.functions import FunctionModel
from gradkit.authoring.mutants import mutants, watching
from gradkit.authoring.nets import NetModel
from gradkit.processes import start
from gradkit.records.mistake import Audit, Mutant, TaskAudit
from gradkit.records.task import Assignment, Equivalent, FunctionTask, Task
from gradkit.task.assignment import read_assignment
from gradkit.task.oracle import OracleError
from gradkit.task.shipped import find_reference

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

CONVENTION = "a convention"
"""What sees a change that is right by what the assignment leaves open."""

LEAST, TIMES = 5.0, 20.0
"""Seconds that a change is given, and so many times what the model solution takes."""


def audit_file(assignment: Path | None, reference: Path | None) -> Audit:
    """Audit an assignment file, or gradkit's own, with the model solutions that go with it."""
    return audit(read_assignment(assignment), find_reference(assignment, reference))


def audit(assignment: Assignment, reference: Path | None) -> Audit:
    """Hold every task's model solution to the assignment, then try every change of it.

    Parameters
    ----------
    assignment : Assignment
    reference : Path or None
        Folder of the model solutions; None where there are none.

    Returns
    -------
    Audit
    """
    every: tuple[Task | FunctionTask, ...] = (*assignment.tasks, *assignment.functions)
    tasks = tuple(_audit_task(task, reference) for task in every)
    clean = not any(each.problems or each.untried or each.unseen or each.stale for each in tasks)
    return Audit(assignment.title, tasks, clean)


def _audit_task(task: Task | FunctionTask, reference: Path | None) -> TaskAudit:
    audit = partial(TaskAudit, task.id, task.title, task.solution)
    if reference is None:
        return audit(untried="No model solution was looked at: name its folder with --reference.")
    try:
        problems = tuple(_model(task, reference).problems())
    except OracleError as error:
        return audit((str(error),))
    if problems:
        return audit(problems)
    tried = list(_tried(task, reference))
    unseen = [mutant for mutant, seen in tried if not seen]
    conventional = sum(seen == CONVENTION for _, seen in tried)
    left = [m for m in unseen if not any(_is_of(entry, m) for entry in task.equivalent)]
    stale = []
    for entry in task.equivalent:
        if not any(_is_of(entry, mutant) for mutant in unseen):
            known = any(_is_of(entry, mutant) for mutant, _ in tried)
            why = "a check sees it" if known else "there is no such line or change"
            stale.append(": ".join(filter(None, (entry.line.strip(), entry.change, why))))
    return audit(
        tried=len(tried),
        unseen=tuple(left),
        equivalent=len(unseen) - len(left) + conventional,
        stale=tuple(stale),
    )


def _model(task: Task | FunctionTask, reference: Path) -> NetModel | FunctionModel:
    if isinstance(task, FunctionTask):
        return FunctionModel(task, reference)
    return NetModel(task, reference)


def _is_of(entry: Equivalent, mutant: Mutant) -> bool:
    """Tell whether an entry of the assignment speaks of a change."""
    return entry.line.strip() == mutant.source and entry.change in ("", mutant.change)


def _tried(task: Task | FunctionTask, reference: Path) -> Iterator[tuple[Mutant, str]]:
    """Yield every change, and the check that sees it: empty for one that none sees.

    A change that does not end, or that ends its process, is seen by everybody.
    """
    first = 0
    while True:
        other = start(try_mutants, task, reference, first)
        mutant: Mutant | None = None
        try:
            limit = LEAST + TIMES * other.connection.recv()
            while mutant := _heard(other.connection, limit):
                seen = _heard(other.connection, limit)
                first += 1
                yield mutant, seen
                mutant = None
            return
        except EOFError:
            if mutant is None:
                raise OracleError(
                    f"{reference / task.solution}: the process that tries changes of it has "
                    "ended by itself. Run `gradkit audit` again; if it ends so again, it is an "
                    "error of gradkit."
                ) from None
            first += 1
            yield mutant, "no end"
        finally:
            other.process.kill()
            other.process.wait()
            other.connection.close()


def _heard(connection: Connection, limit: float) -> Any:
    """Return what comes within so many seconds; EOFError where nothing does."""
    if not connection.poll(limit):
        raise EOFError
    return connection.recv()


def try_mutants(
    connection: Connection, task: Task | FunctionTask, reference: Path, first: int
) -> None:
    """Try the changes from a number on, in a process of their own, and send what sees each.

    First come the seconds that the model solution takes, then each change and what sees it, at last
    None.
    """
    warnings.simplefilter("ignore")
    with contextlib.redirect_stdout(io.StringIO()):
        model, path = _model(task, reference), reference / task.solution
        began = time.perf_counter()
        with watching(path) as kinds:
            model.run()
        connection.send(time.perf_counter() - began)
        text = path.read_text(encoding="utf-8")
        for number, (mutant, tree) in enumerate(mutants(text, model.words, kinds)):
            if number < first:
                continue
            connection.send(mutant)
            connection.send(_seen(model, tree))
        connection.send(None)


def _seen(model: NetModel | FunctionModel, tree: Any) -> str:
    """Return the first check that sees a change, empty for none."""
    module = ModuleType("gradkit_changed")
    sys.modules[module.__name__] = module
    try:
        exec(compile(tree, "<changed>", "exec"), vars(module))  # noqa: S102  (the instructor's own)
    except Exception:  # whatever comes of a change is seen
        return "loading"
    ways = model.failed(module)
    seen = next(ways)
    return CONVENTION if seen and not all(ways) else seen
