"""Grade function tasks: find their functions, run the lines of each check, judge the answers."""

from __future__ import annotations

import ast
import dataclasses
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from msgspec import Struct, field
from msgspec.structs import replace

from gradkit.binding.match import NO_PYTHON
from gradkit.grading.guards import unguarded
from gradkit.grading.recognise import another_exercise, problems_of
from gradkit.judge.outputs import Probe, followed, judge_check
from gradkit.language import phrase, say
from gradkit.lines import read_expression, value_of
from gradkit.records.observations import MISSING_IMPORT, Outcome
from gradkit.records.result import LEFT_ALONE, Entry, Verdict
from gradkit.records.submission import Cell, Claim, Section, Submission
from gradkit.records.task import Assignment, Call, Draw, FunctionCheck, FunctionTask, Lines, Made
from gradkit.sandbox.observe import Step, made_of, of_lines
from gradkit.sandbox.process import StudentProcess
from gradkit.submission.content import is_empty
from gradkit.submission.definitions import (
    Definition,
    accepts,
    cells_of,
    definitions,
    definitions_changed,
    found_for,
    has_attribute,
    no_python,
    unwritten,
)
from gradkit.task.assignment import gallery_functions
from gradkit.task.draws import drawn_again, draws
from gradkit.task.functions import OF, functions_of, scalar_of, steps_of
from gradkit.task.shipped import DEFAULT, characteristic_names
from gradkit.task.solution import Solution
from gradkit.text import label_said, where

if TYPE_CHECKING:
    from gradkit.diagnosis.repair.ask import Asked
    from gradkit.gradcheck.records import InputReport

PRINTED = 1e-5
"""To so many digits a handout prints what outputs are."""

OLD_WAYS = {
    "ndarray' object has no attribute 'itemset'": phrase(
        "numpy 2 has no `itemset`; `a[place] = value` does the same."
    ),
    "ndarray' object has no attribute 'ptp'": phrase(
        "numpy 2 has no method `ptp`; `np.ptp(a)` does the same."
    ),
    "only 0-dimensional arrays can be converted": phrase(
        "An older numpy let that pass; `a.item()` gives the number."
    ),
    "'float' object cannot be interpreted as an integer": phrase(
        "`/` gives no whole number in Python 3, and `//` does."
    ),
}
"""What is to be said beside Python's own words, where those are found, of code that is old."""

NEARLY = 2
"""Roles whose names make it likely that a submission is meant for the exercise."""

LISTED = 5
"""Functions of a submission that a refusal tells."""

# --- which functions are there ---------------------------------------------------------------


def reached_by(task: FunctionTask, known: Mapping[str, Definition]) -> dict[str, Definition]:
    """Return the definitions that a task's calls reach, by the function of the call."""
    found = {call.function: found_for(call, known, task.names) for call in task.calls}
    return {function: each for function, each in found.items() if each is not None}


def _fitting(task: FunctionTask, known: Mapping[str, Definition]) -> set[str]:
    """Return the functions of a task's calls that are there, and can be called so."""
    found = reached_by(task, known)
    fits = set(found)
    for check in task.checks:
        # Of lines that stand for one another, one must be what a function is made for.
        ways = [
            {c.function for c in lines.calls if not accepts(found.get(c.function), c, known)}
            for lines in (check.call, *check.others)
        ]
        fits.difference_update(ways[0].intersection(*ways[1:]))
    lacking = {name.partition(".")[0] for name in task.attributes if not has_attribute(name, known)}
    # A class that is made from other things is another course's, whatever its methods.
    lacking |= {name for name in found.keys() - fits if f"{found[name].name}.__init__" in known}
    return {name for name in fits if name.partition(".")[0] not in lacking}


def possible_tasks(submission: Submission, assignment: Assignment) -> tuple[FunctionTask, ...]:
    """Return the function tasks that a submission may be of.

    They are the assignment's own. With gradkit's first exercise, which is what counts where
    nobody says another, they are those of all that come with gradkit: which are only read where a
    submission defines something of theirs.
    """
    if assignment.path != str(DEFAULT):
        return assignment.functions
    made = re.compile(rf"\b(def|class)\s+({'|'.join(characteristic_names())})\b")
    if not any(made.search(cell.source) for cell in submission.cells):
        return ()
    return gallery_functions()


def shared_functions(tasks: Iterable[FunctionTask], roles: Collection[str] = ()) -> frozenset[str]:
    """Return the functions that several exercises ask for: they support a claim, and make none.

    Parameters
    ----------
    tasks : iterable of FunctionTask
        Of any number of exercises.
    roles : collection of str
        Names of net tasks' roles.
    """
    exercises: dict[str, set[str]] = {}
    common: set[str] = set()
    for task in tasks:
        exercises.setdefault(task.path, set()).update(call.function for call in task.calls)
        common.update(task.shared)
    times = Counter(name for own in exercises.values() for name in own)
    return frozenset({name for name in times if times[name] > 1 or name in roles} | common)


def claim_functions(
    submission: Submission, assignment: Assignment, named: Collection[str], *, said: bool = True
) -> dict[str, Claim]:
    """Return the section of each function task that a submission has functions for.

    Parameters
    ----------
    submission : Submission
    assignment : Assignment
    named : collection of str
        Ids that the user asked for.
    said : bool
        These are in the answer whatever was found.
    """
    tasks = possible_tasks(submission, assignment)
    known = {task.id for task in tasks}
    if set(named) - known - {task.id for task in assignment.tasks}:
        tasks = gallery_functions()
    roles = {name for task in assignment.tasks for role in task.roles for name in role.aliases}
    shared = shared_functions(tasks, roles)
    texts = cells_of(submission)
    files = {file: definitions(cells) for file, cells in texts.items()}
    claims: dict[str, Claim] = {}
    for task in tasks:
        ranks = {}
        for file, defined in files.items():
            fits = _fitting(task, defined)
            own = {name for name in fits if name not in shared and not is_class_alone(name, task)}
            if any(problem.broken for problem in submission.problems):
                called = {call.function for call in task.calls} - shared
                own |= {name for name in called if no_python(texts[file], name)}
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
        elif said and task.id in named:
            claims[task.id] = Claim(Section((task.id,), submission.cells))
    return claims


def refusal(submission: Submission, assignment: Assignment) -> str:
    """Return the sentence for a submission that is of no task: what was found, and what is nearest.

    Nearest is the shipped exercise with most of whose own functions the submission has; they take
    other arguments, or are methods of another class.
    """
    if is_empty(submission):
        text = say(
            "{name}: it is empty, or holds nothing but comments and texts. Look whether the file "
            "was saved, and hand it in again.",
            name=submission.name,
        )
        return problems_of(submission) + text
    known = definitions(submission.cells)
    if otherwise := _nearly(submission, assignment, known):
        return problems_of(submission) + otherwise
    said = another_exercise(submission, assignment)
    found = [name for name, each in known.items() if each.node is not None and "." not in name]
    if found:
        said += " " + say("Found {names}.", names=listed(found))
    tasks = possible_tasks(submission, assignment)
    shared = shared_functions(tasks)
    near: dict[str, set[str]] = {}
    for task in tasks:
        names = {name.partition(".")[0] for name in {c.function for c in task.calls} - shared}
        near.setdefault(task.title, set()).update(names & set(found))
    title = max(near, key=lambda each: len(near[each]), default="")
    if title and near[title]:
        said += " " + say(
            "Nearest is “{title}”, which has {names} too, and calls it otherwise.",
            title=title,
            names=listed(sorted(near[title])),
        )
    return said


def _nearly(submission: Submission, assignment: Assignment, known: Mapping[str, Definition]) -> str:
    """Return the sentence where what is asked for is there by name, and cannot be called.

    Two names, and one that is not a helper's: another exercise has as many by chance.
    """
    roles = {
        alias.casefold(): role
        for task in assignment.tasks
        for role in task.roles
        for alias in (role.name, *role.aliases)
    }
    own = [name for name, each in known.items() if each.node is not None]
    there = {name: roles.get(name.rpartition(".")[2].casefold()) for name in own}
    meant = {name: role for name, role in there.items() if role is not None}
    if len({role.name for role in meant.values()}) < NEARLY:
        return ""
    classes = dict.fromkeys(name.partition(".")[0] for name in meant if "." in name)
    plain = [name for name in meant if "." not in name and name not in classes]
    said = []
    if classes:
        said.append(
            say(
                "{name}: methods are not looked at, as {names} of the class {classes}. Write each "
                "as a function of its own, outside the class and without `self`.",
                name=submission.name,
                names=listed([name for name in meant if "." in name]),
                classes=listed(list(classes)),
            )
        )
    if plain and not classes:
        wanted = dict.fromkeys(meant[name].signature for name in plain)
        said.append(
            say(
                "{name}: {names} cannot be called as they are asked for: expected {wanted}.",
                name=submission.name,
                names=listed(plain),
                wanted=", ".join(f"`{each}`" for each in wanted),
            )
        )
    return " ".join(said)


def listed(names: Sequence[str]) -> str:
    """Return some names for a sentence, the first few of many."""
    told = ", ".join(f"`{name}`" for name in names[:LISTED])
    return f"{told}, …" if len(names) > LISTED else told


def is_class_alone(name: str, task: FunctionTask) -> bool:
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
    return Claim(Section((task.id,), own, rest), over, note)


def given_cells(task: FunctionTask) -> tuple[Cell, ...]:
    """Return what the course hands out as cells, for names that the student has none for."""
    return tuple(Cell(f"{name}.py", f"{name}.py", None, text) for name, text in task.given.items())


# --- run and judge ---------------------------------------------------------------------------


class FunctionGrader(Struct):
    """Runs the lines of a task over one section, and judges what they give.

    ``solution`` is None where no model solution is at hand.
    """

    task: FunctionTask
    process: StudentProcess
    solution: Solution | None
    seed: int
    draws: list[Draw] = field(default_factory=list)
    _found: dict[str, Definition] = field(default_factory=dict)
    _known: dict[str, Definition] = field(default_factory=dict)
    _follows: int | None = None
    _chosen: dict[str, Lines] = field(default_factory=dict)
    _wrong: set[str] = field(default_factory=set)
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    _made: dict[tuple[str, str, int], Made] = field(default_factory=dict)

    def grade(self, known: Mapping[str, Verdict] = MappingProxyType({})) -> tuple[Verdict, ...]:
        """Return a verdict for each check, in order; those that are ``known`` as they are."""
        section = self.process.section
        self.draws = list(draws(self.task, self.seed))
        # The section's own definitions come after all others, as they go before them.
        self._known = definitions([*section.borrowed, *section.shared, *section.own])
        self._found = reached_by(self.task, self._known)
        self.verdicts |= known
        asked = [check for check in self.task.checks if check.name not in known]
        for check in asked:
            self.verdicts[check.name] = self._in_turn(check, self._unguarded(check))
        # What builds on what stops has been blocked by then, whatever the rest of it does.
        self.verdicts |= {check.name: self._spared(check) for check in asked}
        return tuple(self.verdicts[check.name] for check in self.task.checks)

    def _best(self, check: FunctionCheck) -> Verdict:
        """Return the verdict on the first lines that pass, of those that stand for one another."""
        kept = self._follows
        verdicts = []
        for lines in self._ways(check):
            self._chosen[check.name], self._follows = lines, kept
            self._wrong.discard(check.name)
            verdicts.append((self._check(check), lines, self._follows, check.name in self._wrong))
            if verdicts[-1][0].state == "pass":
                return verdicts[-1][0]
        # None does: those by which most outputs are right, the first ones where as many are.
        best = max(verdicts, key=lambda each: sum(e.state == "pass" for e in each[0].entries))
        verdict, self._chosen[check.name], self._follows, wrong = best
        self._wrong |= {check.name} if wrong else set()
        return verdict

    def _unguarded(self, check: FunctionCheck) -> Verdict:
        """Return the verdict on a check; where guards alone keep it from it, that it passes."""
        verdict = self._best(check)
        changed = [
            each
            for cell in self.process.section.own
            for each in definitions_changed(cell, unguarded(cell.source)[0])
        ]
        if verdict.state != "fail" or not changed or self.solution is None:
            return verdict
        without = self.with_changes(check, self.draws, changed=changed)
        if without.state == "pass":
            self._wrong.discard(check.name)
        return without if without.state == "pass" else verdict

    def _in_turn(self, check: FunctionCheck, verdict: Verdict) -> Verdict:
        """Return a verdict as blocked, where what is wrong may come of what it builds on.

        A function that calls another one of the exercise, or that is handed a cache of its making,
        can only be judged when that is right: see `_follows_from`.
        """
        if verdict.state not in ("fail", "error"):
            return verdict
        own = {self._own_name(function) for function in functions_of(self._lines(check).calls)}
        read = {name for each in own for name in self._known[each].reads()}
        steps = [] if check.gradient else steps_of(self.task, check)[:-1]
        for other in self.task.checks:
            handed = set(check.call.reads) & {*other.call.makes} - {*other.compare}
            calls = self._lines(other).calls
            helper = self._own_name(calls[-1].function) if calls else ""
            builds = helper in read - own or (other in steps and bool(handed))
            wrong = self.verdicts.get(other.name) if other.name in self._wrong else None
            if wrong is not None and builds and _follows_from(verdict, wrong):
                blocked = self._blocked(check, say("`{name}` is not right.", name=helper))
                return replace(blocked, entries=verdict.entries)
        return verdict

    def _check(self, check: FunctionCheck) -> Verdict:
        steps = steps_of(self.task, check)
        told = self._not_there(self._lines(check).calls) or self._called_otherwise(check)
        if told is not None:
            self._wrong.add(check.name)
            return replace(told, check=check.name)
        before = [call for step in steps[:-1] for call in self._lines(step).calls]
        if (blocked := self._not_there(before)) is not None:
            return self._blocked(check, blocked.message)
        answers, stopped = self._answers(check, steps, self.draws)
        if stopped is not None:
            self._wrong.add(check.name)
            return self._stopped(check, steps, *stopped)
        if check.conventions and self.solution is not None:
            ways = [self._probes(check, answers, n) for n in range(1 + len(check.conventions))]
            best = followed(check, ways)
            # Several outputs that all follow one are of one mind, whatever was followed before.
            whole = len(check.compare) > 1 and judge_check(check, ways[best]).state == "pass"
            if self._follows is None or whole:
                self._follows = best
        probes = self._probes(check, answers, self._follows or 0)
        held = check
        if self.solution is None and check.examples:
            held = replace(check, tolerance=max(check.tolerance, PRINTED))
            probes += self._of_handout(check, steps)
        verdict = judge_check(held, probes)
        states = {entry.state for entry in verdict.entries}
        if "missing" in states and "pass" not in states:
            verdict = self._still_to_write(check, verdict)
        if verdict.state not in ("pass", "not-checked"):
            self._wrong.add(check.name)
        if check.gradient and (verdict.state in ("fail", "not-checked") or self.solution is None):
            verdict = self._own_forward(check, verdict, probes)
        if verdict.state == "fail":
            called = self._lines(check).calls[-1].function
            verdict = replace(verdict, place=self._found[called].place())
        return verdict

    def _answers(
        self,
        check: FunctionCheck,
        steps: Sequence[FunctionCheck],
        draws: Iterable[Draw],
        **options: Any,
    ) -> tuple[list[tuple[Draw, Made]], tuple[Outcome, Draw] | None]:
        """Return what comes of the lines of a check, and what ended them, if anything did."""
        functions, asked = self._functions(steps), [*draws]
        questions = [
            of_lines(
                functions,
                draw.values,
                self._steps(steps, draw),
                check.compare,
                again=number == 0,
                **options,
            )
            for number, draw in enumerate(asked)
        ]
        # Changed text has been run before: it will hardly stop, or hang.
        replies = (
            [reply for reply, _ in self.process.ask_all(questions, at_once=True)]
            if "changed" in options
            else map(self.process.ask, questions)
        )
        answers: list[tuple[Draw, Made]] = []
        for draw, reply in zip(asked, replies, strict=False):
            found, outcome = made_of(self.process, check.compare, reply)
            if outcome.failure is not None or outcome.lost is not None:
                return answers, (outcome, draw)
            answers.append((draw, found))
        return answers, None

    def run(
        self,
        steps: Sequence[FunctionCheck],
        values: Mapping[str, Any],
        lines: Sequence[Step] | None,
        reads: Sequence[str],
        **options: Any,
    ) -> tuple[Made, Outcome]:
        """Run the lines of some checks at some inputs, see `of_lines`; None is as they are."""
        if lines is None:
            lines = [Step(self._lines(step).text, {}) for step in steps]
        functions = self._functions(steps)
        reply = self.process.ask(of_lines(functions, values, lines, reads, **options))
        return made_of(self.process, reads, reply)

    def _spared(self, check: FunctionCheck) -> Verdict:
        """Return the verdict on a check; where it stops, with what the rest of it makes right."""
        verdict = self.verdicts[check.name]
        own = self._own_name(self._lines(check).calls[-1].function)
        if verdict.state != "error" or self.solution is None or "." in own:
            return verdict
        rest = self.with_changes(check, self.draws, spared=own)
        right = [f"`{entry.parameter}`" for entry in rest.entries if entry.state == "pass"]
        if not right:
            return verdict
        note = say("Right without what stops it: {names}.", names=", ".join(right))
        return replace(verdict, entries=rest.entries, notes=(*verdict.notes, note))

    # --- what a diagnosis asks -------------------------------------------------------------------

    def with_changes(self, check: FunctionCheck, draws: Iterable[Draw], **options: Any) -> Verdict:
        """Return what a check would come to, as the model solution has it.

        With ``changed`` text, or a function ``spared`` what stops it, see `of_lines`.
        """
        answers, stopped = self._answers(check, steps_of(self.task, check), draws, **options)
        if stopped is not None:
            return Verdict(check.name, "error", "")
        return judge_check(check, self._probes(check, answers, self._follows or 0))

    def forms(self, check: FunctionCheck) -> list[tuple[Lines, int]]:
        """Return the lines and conventions by which a check may be meant, its own ones first.

        A convention by which another check passes, or some of its own outputs, is that of all.
        """
        own = self._lines(check), self._follows or 0
        others = [each for each in self.task.checks if each.conventions and each is not check]
        settled = any(self.verdicts[each.name].state == "pass" for each in others) or any(
            entry.state == "pass" for entry in self.verdicts[check.name].entries
        )
        ways = [own[1]] if settled else range(1 + len(check.conventions))
        every = [(lines, way) for lines in self._ways(check) for way in ways]
        return [own, *(each for each in every if each != own)]

    @contextmanager
    def meant(self, check: FunctionCheck, form: tuple[Lines, int]) -> Iterator[None]:
        """Have a check meant by these lines and this convention for a while."""
        before = self._lines(check), self._follows
        self._chosen[check.name], self._follows = form
        try:
            yield
        finally:
            self._chosen[check.name], self._follows = before

    def asked(self, check: FunctionCheck, draws: Iterable[Draw]) -> Asked:
        """Return what is asked of a check at some inputs, and what is right there, if known."""
        from gradkit.diagnosis.repair.ask import Asked  # late: who is right never needs it

        steps = steps_of(self.task, check)
        made = []
        for draw in draws:
            right = self.expected(check, draw) or Made()
            made.append((draw, self._steps(steps, draw), right))
        return Asked(check, self._functions(steps), tuple(made))

    def definitions_of(self, check: FunctionCheck) -> list[Definition]:
        """Return the definitions that a check may come to, its own functions first.

        Functions of the exercise whose own checks pass are right, and not among them.
        """
        steps = steps_of(self.task, check)
        passing = [each for each in self.task.checks if each.name not in self._wrong]
        # What they hand on besides, such as a cache, nobody has looked at.
        unseen = [s for s in steps if {*check.call.reads} & {*s.call.makes} - {*s.compare}]
        right = {*self._called(*passing)} - {*self._called(*unseen)}
        asked = self._called(check)
        names = [*asked, *self._called(*steps)]
        found: dict[str, Definition] = {}
        todo = [name for name in dict.fromkeys(names) if name in self._known]
        while todo:
            name = todo.pop(0)
            definition = self._known[name]
            own = definition.node is not None and definition.cell in self.process.section.own
            if name in found or not own or (name in right and name not in asked):
                continue
            found[name] = definition
            reads = definition.reads()
            classes = {name.partition(".")[0], *reads}
            methods = [n for n in self._known if "." in n and n.partition(".")[0] in classes]
            parts = ast.walk(definition.node) if definition.node is not None else ()
            called = {part.attr for part in parts if isinstance(part, ast.Attribute)}
            todo += [n for n in self._known if n in reads]
            todo += [n for n in methods if n.partition(".")[2] in {*called, "__init__"}]
        return [each for each in found.values() if isinstance(each.node, ast.FunctionDef)]

    def _called(self, *checks: FunctionCheck) -> list[str]:
        """Return the student's names of what the lines of checks call."""
        return [self._own_name(call.function) for c in checks for call in self._lines(c).calls]

    def passes(self, name: str) -> bool:
        """Tell a function of the student's whose own checks pass."""
        wrong = {
            each.name in self._wrong for each in self.task.checks if name in self._called(each)
        }
        return wrong == {False}

    def _of_handout(self, check: FunctionCheck, steps: Sequence[FunctionCheck]) -> list[Probe]:
        """Return the handout's own examples, with what the student's functions give for them."""
        probes = []
        for number, example in enumerate(check.examples, 1):
            label = say("example {number}", number=number)
            draw = Draw(label, {}, example.inputs, hard=True)
            found, _ = self.run(steps, draw.values, None, check.compare)
            probes.append(Probe(draw, Made(example.values), found))
        return probes

    def _probes(
        self, check: FunctionCheck, answers: Iterable[tuple[Draw, Made]], way: int
    ) -> list[Probe]:
        """Return the answers with what is expected by a convention; 0 is the model's own."""
        return [Probe(draw, self.expected(check, draw, way), found) for draw, found in answers]

    def _ways(self, check: FunctionCheck) -> list[Lines]:
        """Return the lines of a check that the student's functions are made for, else the first."""
        found, known = self._found, self._known
        return [
            lines
            for lines in (check.call, *check.others)
            if all(accepts(found.get(call.function), call, known) for call in lines.calls)
        ] or [check.call]

    def _lines(self, check: FunctionCheck) -> Lines:
        """Return the lines of a check that count."""
        return self._chosen.get(check.name) or self._ways(check)[0]

    def _own_name(self, function: str) -> str:
        """Return the student's name for a function of the lines."""
        definition = self._found.get(function)
        return definition.name if definition is not None else function

    def _functions(self, steps: Sequence[FunctionCheck]) -> dict[str, str]:
        """Return the student's name for each function that the lines call."""
        calls = (call for step in steps for call in self._lines(step).calls)
        return {name: self._own_name(name) for name in functions_of(calls)}

    def _steps(self, steps: Sequence[FunctionCheck], draw: Draw) -> list[Step]:
        """Return the lines, with compared values of earlier ones put right by the model's."""
        made = []
        for step in steps:
            put: dict[str, Any] = {}
            expected = self.expected(step, draw) if step is not steps[-1] else None
            if expected is not None:
                names = [name for name in step.compare if name.isidentifier()]
                put = {name: expected.values[name] for name in names}
            made.append(Step(self._lines(step).text, put))
        return made

    def _not_there(self, calls: Iterable[Call]) -> Verdict | None:
        """Return what there is to say of the first call that reaches nothing that is written."""
        for call in calls:
            definition = self._found.get(call.function)
            if definition is None:
                section = self.process.section
                cells = (*section.shared, *section.own)
                place = no_python(cells, call.function.partition(".")[0])
                function = call.function.replace(".", "`, method `")
                told = say("`{function}` is not there yet.", function=function)
                if place is not None:
                    told = say(NO_PYTHON, signature=call.function, place=where(place))
                return Verdict("", "missing", told, place=place)
            if "." in call.function or definition.node is None:
                continue
            line = definition.node.lineno
            if unwritten(definition.node) == line:
                told = say("`{function}` is still to be written.", function=call.function)
                return Verdict("", "missing", told, place=definition.place())
        return None

    def _called_otherwise(self, check: FunctionCheck) -> Verdict | None:
        """Return what there is to say of the first call that a function is not made for."""
        lines = self._lines(check)
        for call in lines.calls:
            definition = self._found.get(call.function)
            node = definition.node if definition is not None else None
            if definition is None or accepts(definition, call, self._known):
                continue
            if isinstance(node, ast.ClassDef):
                node = self._known[f"{node.name}.__init__"].node
            assert isinstance(node, ast.FunctionDef)  # noqa: S101  (anything else takes all)
            name = call.function.rpartition(".")[2]
            wanted = next(line for line in re.split("[;\n]", lines.text) if f"{name}(" in line)
            told = say(
                "`{found}` is there, and it is not made to be called as in `{wanted}`.",
                found=f"{node.name}({ast.unparse(node.args)})",
                wanted=wanted.strip(),
            )
            return Verdict("", "missing", told, place=definition.place())
        return None

    def _still_to_write(self, check: FunctionCheck, verdict: Verdict) -> Verdict:
        # Methods first: a constructor may well be empty.
        for call in sorted(self._lines(check).calls, key=lambda call: "." not in call.function):
            definition = self._found.get(call.function)
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
            told = say("The code {happened}.", happened=outcome.lost.detail)
            late = outcome.lost.kind == "timeout"
            called = {call.function for step in steps for call in self._lines(step).calls}
            known = self._found.get(called.pop()) if len(called) == 1 else None
            place = known.place() if known is not None else None
            return Verdict(check.name, "timeout" if late else "error", told, place=place)
        failure = outcome.failure
        assert failure is not None  # noqa: S101  (one of the two is there)
        if failure.type in MISSING_IMPORT:
            self._wrong.add(check.name)
            told = say(
                "It imports what is not here, and cannot be judged without: {why}. Hand that in as "
                "well.",
                why=failure.message.removesuffix(" (unknown location)").rstrip("."),
            )
            return Verdict(check.name, "blocked", told, place=failure.place)
        told = failure.type
        if failure.message:
            told = say("{type}: {message}", type=failure.type, message=failure.message)
        for pattern, meant in OLD_WAYS.items():
            if pattern in failure.message:
                told = f"{told.rstrip('.')}. {say(meant)}"
        if draw.hard:
            told += " " + say("That is so with {probe}.", probe=label_said(draw.label))
        step = steps[min(failure.call, len(steps) - 1)]
        verdict = Verdict(check.name, "error", told, place=failure.place)
        verdict = self._still_to_write(step, verdict)
        return verdict if step is check else self._blocked(check, verdict.message)

    # --- gradients of the student's own forward pass ---------------------------------------------

    def _own_forward(
        self, check: FunctionCheck, verdict: Verdict, probes: Sequence[Probe]
    ) -> Verdict:
        """Hold gradients to differences of the student's own forward pass.

        Where the forward pass is wrong, what is right for it is right; where there is no model, it
        is all there is to go by. A forward pass that does not depend on an input earns nothing so.
        """
        own = _OwnForward(self, check)
        wrong = any(step.name in self._wrong for step in own.steps[:-1]) or any(
            e.state != "pass" for e in verdict.entries if e.parameter in own.made
        )
        if self.solution is not None and not wrong:
            return verdict
        try:
            told = own.told_of(verdict)
        except _StoppedError:
            return verdict
        model = self.solution is not None
        entries = tuple(_settled(entry, told, model=model) for entry in verdict.entries)
        states = {entry.state for entry in entries}
        if entries == verdict.entries:
            return verdict
        if "fail" in states or "missing" in states:
            # Without a model, what examples tell comes first, and then what differences do.
            right = {entry.parameter for entry in entries if entry.state == "pass"}
            right |= {e.parameter for e in verdict.entries if e.state == "not-checked"}
            judged = judge_check(check, probes, right)
            open_ = [o.message for n, o in told.items() if n in right and o.verdict == "disagree"]
            state = "fail" if judged.state == "pass" else judged.state
            told_so = " ".join(filter(None, [judged.message, *open_]))
            return replace(judged, state=state, message=told_so, entries=entries)
        if "not-checked" in states:
            return replace(verdict, state="not-checked", entries=entries)
        note = say("What is right here is right for the forward pass that is there.")
        notes = (*verdict.notes, note) if model else verdict.notes
        return replace(verdict, state="pass", message="", entries=entries, notes=notes)

    def expected(self, check: FunctionCheck, draw: Draw, way: int | None = None) -> Made | None:
        """Return what is right by a convention, that which is followed; None without a model."""
        if self.solution is None:
            return None
        way = self._follows or 0 if way is None else way
        key = check.name, draw.label, way
        if key not in self._made:
            self._made[key] = self.solution.by(check, draw, _convention(check, way))
        return self._made[key]

    def followed(self, check: FunctionCheck) -> Mapping[str, str]:
        """Return the convention that is followed in a check."""
        return _convention(check, self._follows or 0)


class _OwnForward:
    """The student's own forward pass, as what the gradients of a check are held to.

    ``names`` are those in the scalar that is differentiated, and ``made`` those of them that the
    check itself makes. ``forward`` are the steps that lead to it, of all ``steps``.
    """

    def __init__(self, grader: FunctionGrader, check: FunctionCheck) -> None:
        task = self.task = grader.task
        self.grader, self.check = grader, check
        self.names = sorted(read_expression(check.of) - OF - {"np", *task.inputs, *task.sizes})
        self.made = {*self.names} & {*check.call.makes}
        self.steps = steps_of(task, check, self.names)
        self.forward = self.steps if self.made else self.steps[:-1]

    def told_of(self, verdict: Verdict) -> dict[str, InputReport]:
        """Return what differences say of what is not right yet, by one convention.

        The first random probe is gone through entry by entry. What agrees there is held to the
        others along random directions, at a few evaluations each.

        Raises
        ------
        _StoppedError
            The student's code did not come to its end.
        """
        check, grader = self.check, self.grader
        model = grader.solution is not None
        ways = [grader.followed(check)] if model else [{}, *check.conventions]
        first, *others = (draw for draw in grader.draws if not draw.hard)
        right = {entry.parameter for entry in verdict.entries if entry.state == "pass"}
        open_ = [output for output in check.gradient if output not in right]
        told: dict[str, InputReport] = {}
        for convention in ways:
            here = self._at(first, convention, open_)
            for draw in others:
                agree = [output for output, one in here.items() if one.verdict == "agree"]
                there = self._at(draw, convention, agree, "directions")
                here |= {output: one for output, one in there.items() if one.verdict == "disagree"}
            if not told or all(one.verdict == "agree" for one in here.values()):
                told = here
        return told

    def _at(
        self,
        draw: Draw,
        convention: Mapping[str, str],
        outputs: Sequence[str],
        entries: Literal["auto", "directions"] = "auto",
    ) -> dict[str, InputReport]:
        """Return what differences of the student's own forward pass say of some gradients.

        A gradient that is 0 throughout where the model's is not says nothing for itself: the
        forward pass ignores that input. It is ``inconclusive``.

        Raises
        ------
        _StoppedError
            The student's code did not come to its end, or its outputs make no scalar.
        """
        # Late: who is right never needs it.
        from gradkit.gradcheck import check_backward

        if not outputs:
            return {}
        check = self.check
        inputs = [*check.gradient.values()]

        def forward(*arrays: Any) -> float:
            values = _replaced(draw.values, dict(zip(inputs, arrays, strict=True)))
            return _scalar_of(check, {**values, **self._student(values)})

        found = self._run(self.steps, draw.values, [*check.gradient])
        if not self._depends(draw):
            raise _StoppedError
        # What is only true or false is held to differences as the numbers that it is compared as.
        gradients = {f"d{of}": found[output] + 0.0 for output, of in check.gradient.items()}
        starts = {of: np.array(value_of(of, {**draw.values}), dtype=float) for of in inputs}
        scale = {
            check.gradient[output]: float(value_of(convention.get(output, "1"), {**draw.sizes}))
            for output in outputs
        }
        report = check_backward(
            forward,
            lambda: gradients,
            starts,
            wrt=[*scale],
            scale=scale,
            seed=self.grader.seed,
            entries=entries,
        )
        told = dict(zip(outputs, report.inputs, strict=True))
        expected = self.grader.expected(check, draw)
        for output, one in told.items():
            ignored = expected is None or bool(np.any(expected.values[output]))
            if one.verdict == "agree" and ignored and not np.any(found[output]):
                told[output] = dataclasses.replace(one, verdict="inconclusive")
            elif one.verdict == "disagree":
                told[output] = dataclasses.replace(one, message=_said(output, one))
        return told

    def _run(
        self, steps: Sequence[FunctionCheck], values: Mapping[str, Any], reads: Sequence[str]
    ) -> Mapping[str, Any]:
        """Return what the student's functions give for some expressions."""
        made, outcome = self.grader.run(steps, values, None, reads)
        if outcome.failure is not None or outcome.lost is not None or made.missing:
            raise _StoppedError
        return made.values

    def _student(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        return self._run(self.forward, values, self.names)

    def _depends(self, draw: Draw) -> bool:
        """Tell whether the student's forward pass depends on every input that the model's does.

        Each input in turn is replaced by another draw of it. A pass that ignores the labels, say,
        is another function, and no gradient of it is what was asked for.
        """
        solution, check = self.grader.solution, self.check
        if solution is None:
            return True
        other = drawn_again(self.task, draw, self.grader.seed)

        def model(values: Mapping[str, Any]) -> Mapping[str, Any]:
            return solution.read(self.forward, values, self.names)

        right, own = model(draw.values), self._student(draw.values)
        for name in self.task.inputs:
            values = {**draw.values, name: other.values[name]}
            now, before = ({**values, **made} for made in (model(values), right))
            if scalar_of(check, now) == scalar_of(check, before):
                continue
            now, before = ({**values, **made} for made in (self._student(values), own))
            if _scalar_of(check, now) == _scalar_of(check, before):
                return False
        return True


def _convention(check: FunctionCheck, way: int) -> Mapping[str, str]:
    """Return a convention of a check by its number; none where it has not so many."""
    return ({}, *check.conventions)[way] if way <= len(check.conventions) else {}


def _said(output: str, one: InputReport) -> str:
    """Say what is wrong with a gradient by differences."""
    if one.problem == "shape":
        return say(
            "`{name}` has shape {found}, and {expected} is asked.",
            name=output,
            found=str(one.found),
            expected=str(one.shape),
        )
    return say(
        "`{name}` differs from finite differences of the forward pass that is there.", name=output
    )


def _follows_from(verdict: Verdict, cause: Verdict) -> bool:
    """Tell whether what is wrong with a check may come of what is wrong with another.

    Outputs of the two are matched by the word that they begin with, ``dW`` of ``dW_relu`` and of
    ``grads['dW1']``. What is wrong in the other and not given on is used up inside, and anything
    may come of it; else it is what is given on, and whatever else is wrong is a mistake of its own.
    An input that only this one changes in place always is.
    """
    wrong, before = (
        {_word(e.parameter) for e in each.entries if e.state != "pass"} for each in (verdict, cause)
    )
    if any(name.endswith(LEFT_ALONE) for name in wrong - before):
        return False
    given = {_word(entry.parameter) for entry in verdict.entries}
    return wrong == given or not before <= given or not before or wrong <= before


def _word(output: str) -> str:
    """Return the word that an output begins with: ``dW`` of ``dW_relu`` and ``grads['dW1']``."""
    if output.endswith(LEFT_ALONE):
        return output
    last = re.findall(r"[A-Za-z]+", re.split(r"[.\[]", output)[-1])
    return last[0] if last else output


class _StoppedError(Exception):
    """The student's code did not come to its end, or gave what no scalar can be made of."""


def _scalar_of(check: FunctionCheck, names: Mapping[str, Any]) -> float:
    """Return the scalar that a check's gradients are of, from what the student's code gave.

    Raises
    ------
    _StoppedError
        Of a shape or a kind that the scalar cannot be worked out from.
    """
    try:
        # What is infinite or no number is the student's, and no matter for a warning of ours.
        with np.errstate(all="ignore"):
            return scalar_of(check, names)
    except (TypeError, ValueError):
        raise _StoppedError from None


def _settled(entry: Entry, told: Mapping[str, InputReport], *, model: bool) -> Entry:
    """Return an entry with what differences of the student's own forward pass say of it."""
    verdict = told[entry.parameter].verdict if entry.parameter in told else ""
    if verdict == "agree" and entry.state in ("fail", "not-checked"):
        return replace(entry, state="pass", found=None, expected=None)
    if verdict == "disagree" and not model:
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
