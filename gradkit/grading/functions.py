"""Grade function tasks: find their functions, run the lines of each check, judge the answers."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from gradkit.gradcheck import check_backward
from gradkit.judge.outputs import Probe, judge_check
from gradkit.language import say
from gradkit.lines import read_expression, value_of
from gradkit.records.functions import Call, Draw, FunctionCheck, FunctionTask, Made
from gradkit.records.observations import Outcome
from gradkit.records.submission import Cell, Claim, Section, Submission
from gradkit.records.verdict import Entry, State, Verdict
from gradkit.sandbox.lines import Step, observe_lines, of_lines
from gradkit.sandbox.process import StudentProcess
from gradkit.submission.definitions import (
    Definition,
    accepts,
    cells_of,
    definitions,
    found_for,
    unwritten,
)
from gradkit.task.draws import draws
from gradkit.task.functions import OF, functions_of, steps_of
from gradkit.task.solution import Solution
from gradkit.text import label_said

GRADIENT_PROBES = 1
"""Probes at which a gradient is held to differences of the student's own forward pass."""


# --- which functions are there ---------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Found:
    """What of a task's calls a section defines: by the function of the call."""

    definitions: Mapping[str, Definition]
    fits: frozenset[str]


def found_in(task: FunctionTask, known: Mapping[str, Definition]) -> Found:
    """Return the definitions that a task's calls reach, and which of them can be called so."""
    found: dict[str, Definition] = {}
    fits: set[str] = set()
    unfit: set[str] = set()
    for call in task.calls:
        definition = found_for(call, known, task.names)
        if definition is not None:
            found[call.function] = definition
            (fits if accepts(definition, call, known) else unfit).add(call.function)
    return Found(found, frozenset(fits - unfit))


def shared_functions(
    groups: Iterable[Iterable[FunctionTask]], roles: Collection[str]
) -> frozenset[str]:
    """Return the functions that several exercises ask for: they support a claim, and make none.

    Parameters
    ----------
    groups : iterable of iterables of FunctionTask
        The tasks of each exercise.
    roles : collection of str
        Names of net tasks' roles.
    """
    seen: set[str] = set()
    shared = set(roles)
    for tasks in groups:
        own = {call.function for task in tasks for call in task.calls}
        shared |= own & seen
        seen |= own
    return frozenset(shared)


def claim_functions(
    submission: Submission,
    tasks: Sequence[FunctionTask],
    named: Collection[str],
    shared: Collection[str] = (),
) -> dict[str, Claim]:
    """Return the section of each task that a submission has functions for.

    Parameters
    ----------
    submission : Submission
    tasks : sequence of FunctionTask
    named : collection of str
        Ids that the user asked for; these are in the answer whatever was found.
    shared : collection of str
        Functions that claim no task by themselves.
    """
    files = {file: definitions(cells) for file, cells in cells_of(submission).items()}
    claims: dict[str, Claim] = {}
    for task in tasks:
        ranks = {}
        for file, known in files.items():
            fits = found_in(task, known).fits
            own = {name for name in fits if name not in shared and not _is_class_alone(name, task)}
            if own or (task.id in named and fits):
                ranks[file] = (
                    file in task.files,
                    len(own),
                    len(fits),
                    file.endswith(".ipynb"),
                    file,
                )
        if ranks:
            claims[task.id] = _claim(task, submission, sorted(ranks, key=ranks.__getitem__))
        elif task.id in named:
            claims[task.id] = Claim(Section((task.id,), submission.cells))
    return claims


def _is_class_alone(name: str, task: FunctionTask) -> bool:
    """Tell a class whose methods are called: it is those that say what it is."""
    return any(call.function.startswith(f"{name}.") for call in task.calls)


def _claim(task: FunctionTask, submission: Submission, ranked: Sequence[str]) -> Claim:
    """Return the section of the file that ranks last, and what is passed over for it."""
    file, over = ranked[-1], tuple(ranked[:-1])
    own = tuple(cell for cell in submission.cells if cell.file == file)
    rest = tuple(cell for cell in submission.cells if cell.file != file)
    note = ""
    if over:
        note = say(
            "{count} files have functions of this task ({files}); {file} counts.",
            count=len(ranked),
            files=", ".join(sorted(ranked)),
            file=file,
        )
    return Claim(Section((task.id,), own, rest, given_cells(task)), over, note)


def given_cells(task: FunctionTask) -> tuple[Cell, ...]:
    """Return what the course hands out as cells, for names that the student has none for."""
    return tuple(Cell(f"{name}.py", f"{name}.py", None, text) for name, text in task.given.items())


# --- run and judge ---------------------------------------------------------------------------


@dataclass(slots=True)
class FunctionGrader:
    """Runs the lines of a task over one section, and judges what they give.

    ``solution`` is None where no model solution is at hand.
    """

    task: FunctionTask
    process: StudentProcess
    solution: Solution | None
    seed: int
    draws: list[Draw] = field(default_factory=list)
    _found: Found = field(default_factory=lambda: Found({}, frozenset()))
    _wrong: set[str] = field(default_factory=set)

    def grade(self) -> tuple[Verdict, ...]:
        """Return a verdict for each check, in order."""
        section = self.process.section
        self.draws = list(draws(self.task, self.seed))
        # The section's own definitions come after all others, as they go before them.
        self._found = found_in(
            self.task, definitions([*section.borrowed, *section.shared, *section.own])
        )
        return tuple(self._check(check) for check in self.task.checks)

    def _check(self, check: FunctionCheck) -> Verdict:
        steps = steps_of(self.task, check)
        told = self._not_there(check.call.calls)
        if told is not None:
            self._wrong.add(check.name)
            return replace(told, check=check.name)
        before = [call for step in steps[:-1] for call in step.call.calls]
        if (blocked := self._not_there(before)) is not None:
            return self._blocked(check, blocked.message)
        probes = []
        for number, draw in enumerate(self.draws):
            question = of_lines(
                self._functions(steps),
                draw.values,
                self._steps(steps, draw),
                check.compare,
                again=number == 0,
            )
            found, outcome = observe_lines(self.process, question)
            if outcome.failure is not None or outcome.lost is not None:
                self._wrong.add(check.name)
                return self._stopped(check, steps, outcome, draw)
            expected = self.solution.make(check, draw) if self.solution is not None else None
            probes.append(Probe(draw, expected, found))
        verdict = judge_check(check, probes)
        if verdict.state == "missing":
            verdict = self._still_to_write(check, verdict)
        if verdict.state not in ("pass", "not-checked"):
            self._wrong.add(check.name)
        if check.gradient and verdict.state in ("fail", "not-checked"):
            verdict = self._own_forward(check, verdict)
        return verdict

    def _functions(self, steps: Sequence[FunctionCheck]) -> dict[str, str]:
        """Return the student's name for each function that the lines call."""
        names = {}
        for name in functions_of(call for step in steps for call in step.call.calls):
            definition = self._found.definitions.get(name)
            names[name] = definition.name if definition is not None else name
        return names

    def _steps(self, steps: Sequence[FunctionCheck], draw: Draw) -> list[Step]:
        """Return the lines, with compared values of earlier ones put right by the model's."""
        made = []
        for step in steps:
            put: dict[str, Any] = {}
            if step is not steps[-1] and self.solution is not None:
                values = self.solution.make(step, draw).values
                put = {name: values[name] for name in step.compare if name.isidentifier()}
            made.append(Step(step.call.text, put))
        return made

    def _not_there(self, calls: Iterable[Call]) -> Verdict | None:
        """Return what there is to say of the first call that reaches nothing that is written."""
        for call in calls:
            definition = self._found.definitions.get(call.function)
            if definition is None:
                function = call.function.replace(".", "`, method `")
                told = say("`{function}` is not there yet.", function=function)
                return Verdict("", "missing", told)
            if "." in call.function or definition.node is None:
                continue
            line = definition.node.lineno
            if unwritten(definition.node) == line:
                told = say("`{function}` is still to be written.", function=call.function)
                return Verdict("", "missing", told, place=definition.place())
        return None

    def _still_to_write(self, check: FunctionCheck, verdict: Verdict) -> Verdict:
        for call in check.call.calls:
            definition = self._found.definitions.get(call.function)
            line = unwritten(definition.node) if definition is not None else None
            if definition is not None and line is not None:
                told = say("`{function}` is still to be written.", function=call.function)
                place = replace(definition, line=line).place()
                return replace(verdict, state="missing", message=told, place=place)
        return verdict

    def _blocked(self, check: FunctionCheck, why: str) -> Verdict:
        self._wrong.add(check.name)
        told = say("This needs something else first: {why}", why=why)
        return Verdict(check.name, "blocked", told)

    def _stopped(
        self, check: FunctionCheck, steps: Sequence[FunctionCheck], outcome: Outcome, draw: Draw
    ) -> Verdict:
        """Return the verdict where the lines did not come to their end."""
        if outcome.lost is not None:
            state = "timeout" if outcome.lost.kind == "timeout" else "error"
            told = say("The code {happened}.", happened=outcome.lost.detail)
            return Verdict(check.name, "timeout" if state == "timeout" else "error", told)
        failure = outcome.failure
        assert failure is not None  # noqa: S101  (one of the two is there)
        told = say("{type}: {message}", type=failure.type, message=failure.message)
        if draw.hard:
            told += " " + say("That is so with {probe}.", probe=label_said(draw.label))
        step = steps[min(failure.call, len(steps) - 1)]
        if step is not check:
            return self._blocked(check, told)
        verdict = Verdict(check.name, "error", told, place=failure.place)
        return self._still_to_write(check, verdict)

    # --- gradients of the student's own forward pass ---------------------------------------------

    def _own_forward(self, check: FunctionCheck, verdict: Verdict) -> Verdict:
        """Hold gradients to differences of the student's own forward pass.

        Where the forward pass is wrong, what is right for it is right; where there is no model, it
        is all there is to go by. A forward pass that does not depend on an input earns nothing so.
        """
        names = set(self._reads_of(check))
        steps = steps_of(self.task, check, names)
        own = names & {*check.call.makes}
        wrong = any(step.name in self._wrong for step in steps[:-1]) or bool(
            own and any(e.state != "pass" for e in verdict.entries if e.parameter in own)
        )
        if self.solution is not None and not wrong:
            return verdict
        try:
            agree = self._agreeing(check, steps, self.draws[0])
        except _StoppedError:
            return verdict
        entries = tuple(
            _settled(entry, agree, model=self.solution is not None) for entry in verdict.entries
        )
        states = {entry.state for entry in entries}
        if self.solution is not None:
            if entries == verdict.entries:
                return verdict
            note = say("What is right here is right for the forward pass that is there.")
            state: State = "fail" if states & {"fail", "missing"} else "pass"
            message = verdict.message if state == "fail" else ""
            return replace(
                verdict, state=state, message=message, entries=entries, notes=(*verdict.notes, note)
            )
        if "fail" in states:
            off = [entry.parameter for entry in entries if entry.state == "fail"]
            told = say(
                "{outputs} differs from finite differences of the forward pass that is there.",
                outputs=", ".join(f"`{name}`" for name in off),
            )
            return replace(verdict, state="fail", message=told, entries=entries)
        state = "not-checked" if "not-checked" in states else "pass"
        return replace(verdict, state=state, entries=entries)

    def _reads_of(self, check: FunctionCheck) -> frozenset[str]:
        return read_expression(check.of) - OF - {"np", *self.task.inputs, *self.task.sizes}

    def _agreeing(
        self, check: FunctionCheck, steps: Sequence[FunctionCheck], draw: Draw
    ) -> dict[str, str]:
        """Return what differences say of each gradient: agree, disagree, inconclusive, or constant.

        Raises
        ------
        _StoppedError
            The student's code did not come to its end.
        """
        functions = self._functions(steps)
        lines = [Step(step.call.text, {}) for step in steps]
        own = self._reads_of(check) & {*check.call.makes}
        forward_steps = [step for step in steps if step is not check or own]
        forward_lines = [Step(step.call.text, {}) for step in forward_steps]
        names = sorted(self._reads_of(check))
        inputs = list(dict.fromkeys(check.gradient.values()))

        def ask(values: Mapping[str, Any], steps: list[Step], reads: Sequence[str]) -> Made:
            made, outcome = observe_lines(self.process, of_lines(functions, values, steps, reads))
            if (
                outcome.failure is not None
                or outcome.lost is not None
                or len(made.values) < len(reads)
            ):
                raise _StoppedError
            return made

        def forward(*arrays: Any) -> float:
            values = _replaced(draw.values, dict(zip(inputs, arrays, strict=True)))
            made = ask(values, forward_lines, names)
            known = {"sum": np.sum, "mean": np.mean, "np": np, **values, **made.values}
            return float(np.sum(value_of(check.of, known)))

        found = ask(draw.values, lines, [*check.gradient]).values
        gradients = {f"d{n}": found[output] for n, output in enumerate(check.gradient)}
        starts = {
            str(n): np.array(value_of(check.gradient[output], {**draw.values}), dtype=float)
            for n, output in enumerate(check.gradient)
        }
        if len(inputs) < len(check.gradient):
            return {}
        report = check_backward(forward, lambda: gradients, starts, seed=self.seed)
        told: dict[str, str] = {}
        for output, one in zip(check.gradient, report.inputs, strict=True):
            expected = self.solution.make(check, draw).values[output] if self.solution else None
            empty = not np.any(found[output]) and (expected is None or bool(np.any(expected)))
            told[output] = "constant" if one.verdict == "agree" and empty else one.verdict
        return told


class _StoppedError(Exception):
    """The student's code did not come to its end."""


def _settled(entry: Entry, agree: Mapping[str, str], *, model: bool) -> Entry:
    """Return an entry with what differences of the student's own forward pass say of it."""
    told = agree.get(entry.parameter)
    if told == "agree" and entry.state in ("fail", "not-checked"):
        return replace(entry, state="pass", found=None, expected=None)
    if told == "disagree" and not model:
        return replace(entry, state="fail")
    return entry


def _replaced(values: Mapping[str, Any], moved: Mapping[str, Any]) -> dict[str, Any]:
    """Return inputs with some arrays in them replaced: ``x``, or ``parameters['W1']``."""
    names = {name: _copy(value) for name, value in values.items()}
    for number, (expression, array) in enumerate(moved.items()):
        plain = not isinstance(value_of(expression, names), np.ndarray)
        names["_moved"] = float(array) if plain else array
        exec(compile(f"{expression} = _moved", f"<input {number}>", "exec"), names)  # noqa: S102
    return {name: names[name] for name in values}


def _copy(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _copy(item) for key, item in value.items()}
    return [_copy(item) for item in value] if isinstance(value, list) else value
