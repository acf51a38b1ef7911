"""Run the model solution of a drafted assignment, and changes of it, in the sandbox.

In: the text of a model solution, a task, and its inputs. Out: the outputs of the checks, and
whether a changed model solution fails one of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from inspect import getsource
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from gradkit.authoring.mutants import CALLS, Kinds, numeric_values, similar_expressions
from gradkit.drafting.trial import grouped
from gradkit.judge.outputs import Probe, judge_check
from gradkit.records.submission import Cell, Lost, Section
from gradkit.records.task import Draw, FunctionCheck, FunctionTask, Made
from gradkit.runtime.frames import Frame
from gradkit.sandbox import Workshop
from gradkit.sandbox.observe import Step, made_of, of_lines
from gradkit.sandbox.process import OverdueError, StudentProcess
from gradkit.task.functions import functions_of, steps_of

SECONDS = 5.0
"""Seconds for all checks of a changed model solution at one set of inputs."""

CELL = "solution"
"""Name of the file in which the sandbox compiles the model solution."""

RECORDER = f"""
import json, sys
from collections.abc import Iterator, Mapping
from typing import Any

{getsource(numeric_values)}

recorded = {{}}

def record(frame, event, _):
    code = frame.f_code
    if event == "return" and code.co_filename == {CELL!r}:
        calls = recorded.setdefault(getattr(code, "co_qualname", code.co_name), [])
        if len(calls) < {CALLS}:
            values = numeric_values(frame.f_locals)
            calls.append([(name, str(shape), hash(data)) for name, (shape, data) in values])

def report():
    sys.setprofile(None)
    return np.frombuffer(json.dumps(recorded).encode(), np.uint8)

sys.setprofile(record)
"""
"""Lines that record the local variables of the model solution's functions.

They do in the sandbox what `gradkit.authoring.mutants.watching` does in the audit.
"""


class Replacement(Struct, frozen=True):
    """A changed definition of a model solution: the line where it begins, and its new text."""

    line: int
    text: str


class SolutionProcess(AbstractContextManager["SolutionProcess"]):
    """Runs checks on a model solution in a process of the sandbox.

    Parameters
    ----------
    text : str
        The model solution.
    """

    def __init__(self, text: str) -> None:
        self._stack = ExitStack()
        workshop = self._stack.enter_context(Workshop())
        section = Section((CELL,), (Cell(CELL, f"{CELL}.py", None, text),))
        self._process = self._stack.enter_context(
            StudentProcess(workshop, section, {}, frozenset(), SECONDS, seed=0, hurried=True)
        )

    def with_text(self, text: str) -> AbstractContextManager[None]:
        """Return a context manager during which another text is the model solution."""
        return self._process.with_texts({CELL: text})

    def make(self, task: FunctionTask, draw: Draw) -> dict[str, Made] | None:
        """Compute the outputs of all checks at one set of inputs; None if one of them stops."""
        self._process.renew()
        made: dict[str, Made] = {}
        for check, found in self._run(task, draw, None, ()):
            if found is None or found.missing:
                return None
            made[check.name] = replace(found, again={**found.values, **found.again})
        return made if len(made) == len(task.checks) else None

    def is_wrong(
        self,
        task: FunctionTask,
        draw: Draw,
        right: Mapping[str, Made],
        changed: Sequence[Replacement],
    ) -> bool:
        """Return whether a changed model solution fails a check at one set of inputs.

        ``right`` are the right outputs by check. Like for students, they replace the outputs of
        earlier checks.
        """
        self._process.renew()
        for check, found in self._run(task, draw, right, changed):
            if found is None:
                return True
            probes = [Probe(draw, right[check.name], found)]
            if judge_check(check, probes).state in ("fail", "missing"):
                return True
        return False

    def kinds(self, task: FunctionTask, draws: Sequence[Draw]) -> Kinds:
        """Return the expressions that can replace each other, as the audit finds them."""
        calls: dict[str, list[dict[str, tuple[object, bytes]]]] = {}
        functions = {name: name for name in functions_of(task.calls)}
        for check in task.checks:
            for draw in draws:
                steps = [step.call.text for step in steps_of(task, check)]
                lines = [Step(text, {}) for text in (RECORDER, *steps)]
                self._process.renew()
                request = of_lines(functions, draw.values, lines, ["report()"])
                for name, recorded in self._report(request).items():
                    known = calls.setdefault(name, [])
                    known += [
                        {key: (shape, str(data).encode()) for key, shape, data in values}
                        for values in recorded[: CALLS - len(known)]
                    ]
        return {name: dict(similar_expressions(recorded)) for name, recorded in calls.items()}

    def _report(self, request: Frame) -> dict[str, Any]:
        """Return what `RECORDER` has recorded in a request; nothing if its lines do not end."""
        try:
            reply = self._process.ask(request)
        except OverdueError:
            return {}
        made, _ = made_of(self._process, ["report()"], reply)
        found = made.values.get("report()")
        return {} if found is None else dict(json.loads(found.tobytes()))

    def _run(
        self,
        task: FunctionTask,
        draw: Draw,
        right: Mapping[str, Made] | None,
        changed: Iterable[Replacement],
    ) -> Iterator[tuple[FunctionCheck, Made | None]]:
        """Yield each check with its outputs, None if its lines stop or do not end."""
        functions = {name: name for name in functions_of(task.calls)}
        texts = [(CELL, change.line, change.text) for change in changed]
        requests = []
        for check in task.checks:
            steps = [
                Step(step.call.text, _values(step, right) if step is not check else {})
                for step in steps_of(task, check)
            ]
            compare = [*dict.fromkeys(check.compare)]
            requests.append(
                of_lines(functions, draw.values, steps, compare, again=True, changed=texts)
            )
        checks = iter(task.checks)
        for group in grouped(requests, [2 * len(check.compare) for check in task.checks]):
            try:
                replies: Sequence[Frame | Lost] = self._process.ask_all(group, at_once=True)
            except OverdueError:
                yield next(checks), None
                return
            for reply in replies:
                check = next(checks)
                made, outcome = made_of(self._process, [*dict.fromkeys(check.compare)], reply)
                has_failed = outcome.failure is not None or outcome.lost is not None
                yield check, None if has_failed else made

    def __exit__(self, *exception: object) -> None:
        self._stack.close()


def _values(step: FunctionCheck, right: Mapping[str, Made] | None) -> dict[str, Any]:
    """Return the right values of the names that a check compares; none without ``right``."""
    names = [name for name in step.compare if name.isidentifier()]
    return {name: right[step.name].values[name] for name in names} if right is not None else {}
