"""Grade function tasks: run the lines of each check over a section, and judge the answers."""

from __future__ import annotations

import ast
import re
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec import Struct, field
from msgspec.structs import replace

from gradkit.binding.match import NO_PYTHON
from gradkit.grading.guards import unguarded, widened
from gradkit.grading.own_forward import held_to_own_forward
from gradkit.judge.comparison import sentence_of
from gradkit.judge.outputs import Probe, followed, judge_check, output_entry
from gradkit.lines import ReturnedError
from gradkit.records.result import LEFT_ALONE, OPEN, Entry, HelperReplacement, Verdict
from gradkit.records.submission import MISSING_IMPORT, Outcome, Section
from gradkit.records.task import Call, Draw, Example, FunctionCheck, FunctionTask, Lines, Made
from gradkit.sandbox.observe import Step, made_of, of_lines
from gradkit.sandbox.process import StudentProcess
from gradkit.sandbox.worker import ForeignCallError, StubAnswer, StubCall
from gradkit.submission.definitions import (
    Definition,
    accepts,
    computes_nothing,
    definitions,
    definitions_changed,
    no_python,
    reached_by,
    unwritten,
)
from gradkit.task.draws import drawn_again, draws
from gradkit.task.functions import functions_of, least_evaluations, steps_of
from gradkit.task.solution import Solution
from gradkit.text import format_probe, format_text, where

if TYPE_CHECKING:
    from gradkit.diagnosis.repair.ask import Asked

OLD_WAYS = {
    "ndarray' object has no attribute 'itemset'": (
        "numpy 2 has no `itemset`; `a[place] = value` does the same."
    ),
    "ndarray' object has no attribute 'ptp'": (
        "numpy 2 has no method `ptp`; `np.ptp(a)` does the same."
    ),
    "only 0-dimensional arrays can be converted": (
        "Older versions of numpy allowed that; `a.item()` gives the number."
    ),
    "'float' object cannot be interpreted as an integer": (
        "In Python 3, `/` always gives a float; use `//` for a whole number."
    ),
}
"""What is to be said beside Python's own words, where those are found, of code that is old."""


class FunctionGrader(Struct):
    """Run the lines of a task with the functions of one section, and judge their outputs.

    Expected outputs come from the model ``solution``. Without it (None) they come from the recorded
    ``examples``, whose inputs then replace the drawn ones. Without either, only gradients are
    judged. ``is_cut_short`` is true if the search for mistakes took too long and was stopped.
    ``with_helpers`` are, by check, attempts to judge it with right helpers in place of wrong ones.
    """

    task: FunctionTask
    process: StudentProcess
    solution: Solution | None
    seed: int
    examples: tuple[Example, ...] = ()
    draws: list[Draw] = field(default_factory=list)
    _found: dict[str, Definition] = field(default_factory=dict)
    _known: dict[str, Definition] = field(default_factory=dict)
    _follows: int | None = None
    _chosen: dict[str, Lines] = field(default_factory=dict)
    wrong: set[str] = field(default_factory=set)
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    _made: dict[tuple[str, str, int], Made] = field(default_factory=dict)
    is_cut_short: bool = False
    with_helpers: dict[str, HelperReplacement] = field(default_factory=dict)
    _stubs: Sequence[Sequence[Any]] = ()
    _is_given_caches: bool = False
    _spent_on_stubs: float = 0.0

    @property
    def has_expected(self) -> bool:
        """Whether expected outputs are known: from a model solution or from examples."""
        return self.solution is not None or bool(self.examples)

    def inputs(self) -> list[Draw]:
        """Return the inputs at which outputs are judged."""
        if self.solution is None and self.examples:
            return [example.draw for example in self.examples]
        return list(draws(self.task, self.seed))

    def grade(self, known: Mapping[str, Verdict] = {}) -> tuple[Verdict, ...]:
        """Return a verdict for each check of the task, in order.

        ``known`` has verdicts by check that are kept. Checks are judged in order. If a later check
        shows the student's convention, a check that failed before is judged again. At last, checks
        whose code raises are judged without the raising statements.
        """
        section = self.process.section
        self.draws = self.inputs()
        self._known = definitions(section.cells)
        self._found = reached_by(self.task, self._known)
        self.verdicts |= known
        asked = [check for check in self.task.checks if check.name not in known]
        judged: dict[str, int | None] = {}
        for check in asked:
            self.verdicts[check.name] = self._judge_with_right_inputs(check)
            judged[check.name] = self._follows
        for check in asked:
            # A later check has told the convention.
            late = check.conventions and judged[check.name] != self._follows
            if late and self.verdicts[check.name].state == "fail":
                self.wrong.discard(check.name)
                self.verdicts[check.name] = self._judge_with_right_inputs(check)
        # What builds on what stops has been blocked by then, whatever the rest of it does.
        self.verdicts |= {check.name: self._judge_without_crash(check) for check in asked}
        return tuple(self.verdicts[check.name] for check in self.task.checks)

    def _judge_best_lines(self, check: FunctionCheck) -> Verdict:
        """Return the verdict on the first alternative lines of a check that pass.

        If none pass, it is the verdict on the lines with the most right outputs. These lines and
        their convention (an accepted choice of names, layout or factors) are stored for later
        calls.
        """
        kept = self._follows
        verdicts = []
        for lines in self._ways(check):
            self._chosen[check.name], self._follows = lines, kept
            self.wrong.discard(check.name)
            verdicts.append((self._check(check), lines, self._follows, check.name in self.wrong))
            if verdicts[-1][0].state == "pass":
                return verdicts[-1][0]
        # None does: those by which most outputs are right, or there at all, the first ones where
        # as many are.
        best = max(verdicts, key=lambda each: _count(each[0]))
        verdict, self._chosen[check.name], self._follows, wrong = best
        self.wrong |= {check.name} if wrong else set()
        return verdict

    def _judge_also_without_guards(self, check: FunctionCheck) -> Verdict:
        """Judge a check; if it fails, judge the student's code once more without guards and casts.

        Guards are small constants such as ``1e-8``; casts are those to float32. Return the second
        verdict if it is a pass, which also takes the check out of ``wrong``, and otherwise the
        first verdict.
        """
        verdict = self._judge_best_lines(check)
        own = self.process.section.own if verdict.state == "fail" and self.has_expected else ()
        texts = {cell.id: widened(unguarded(cell.source)[0]) for cell in own}
        changed = [each for cell in own for each in definitions_changed(cell, texts[cell.id])]
        without = self.with_changes(check, self.draws, changed=changed) if changed else verdict
        if without.state != "pass":
            return verdict
        self.wrong.discard(check.name)
        return without

    def _judge_with_right_inputs(self, check: FunctionCheck) -> Verdict:
        """Return the verdict on a check even if functions or earlier lines that it needs are wrong.

        A wrong function that the checked one calls is replaced by a right one. If earlier lines
        stop or hang, the checked function gets the values that these lines should hand on to it,
        such as the cache of a forward pass. Such values have the form of the model solution, so
        only a pass counts.
        """
        verdict = self._judge_with_right_helpers(check, self._judge_also_without_guards(check))
        steps = steps_of(self.task, check)[:-1]
        stops = any(self.verdicts[step.name].state in ("error", "timeout") for step in steps)
        if not stops or check.conventions or verdict.state not in ("blocked", "timeout"):
            return verdict
        judged = self._judge_with_right_caches(check)
        if judged is None:
            return verdict
        wrong = (call.function for step in steps for call in self.lines_of(step).calls)
        text = "This check used correct outputs instead of the outputs of your `{name}`."
        names = "`, `".join(dict.fromkeys(map(self.own_name, wrong)))
        return replace(judged, notes=(*judged.notes, format_text(text, name=names)))

    def _judge_with_right_caches(self, check: FunctionCheck) -> Verdict | None:
        """Return the verdict on a check with right values from earlier lines; None if it fails.

        Also None if these values are unknown. The check runs in a process of its own, because a
        cache may contain answers of another check.
        """
        handed = [(draw, self._handed_on(check, draw)) for draw in self.draws]
        if not all(values for _, values in handed):
            return None
        before = self.draws
        with self.stubs((), _refuse_call) as process:
            if process is None:
                return None
            self.draws = [replace(d, values={**d.values, **values}) for d, values in handed]
            self._is_given_caches = True
            try:
                return self.rejudge(check, lambda verdict: verdict.state == "pass")
            finally:
                self.draws, self._is_given_caches = before, False

    def _handed_on(self, check: FunctionCheck, draw: Draw) -> Mapping[str, Any]:
        """Return the values that earlier lines should hand on to a check; {} if they are unknown.

        They come from the model solution or, without one, from the recorded example of the same
        inputs.
        """
        if self.solution is not None:
            return self.solution.handed_on(check, draw)
        example = next((each for each in self.examples if each.draw.label == draw.label), None)
        return example.handed_on.get(check.name, {}) if example is not None else {}

    def _judge_with_right_helpers(self, check: FunctionCheck, verdict: Verdict) -> Verdict:
        """Return the verdict on a failed check by right helpers; ``blocked`` if it needs others.

        ``verdict`` is that with the student's helpers. A function that calls another one of the
        exercise, or that gets a cache that another one makes, can only be judged if that one is
        right. A wrong helper is replaced by a right one, if that is possible. A wrong cache is not.
        The verdict stays if the mistake cannot come from the helper: see `_follows_from`.
        """
        if verdict.state not in ("fail", "error", "timeout", "blocked"):
            return verdict
        before, attempt = verdict, self._attempt(check, verdict)
        verdict = attempt.verdict or verdict
        if verdict.state not in ("fail", "error"):
            return verdict
        own = {self.own_name(function) for function in functions_of(self.lines_of(check).calls)}
        read = {name for each in own for name in self._known[each].reads()}
        read -= {self.own_name(name) for name in attempt.helpers}
        steps: Sequence[FunctionCheck] = steps_of(self.task, check)[:-1]
        if check.gradient:
            steps = self._steps_that_block(check, verdict, steps)
        for other in self.task.checks:
            handed = set(check.call.reads) & {*other.call.makes} - {*other.compare}
            calls = self.lines_of(other).calls
            function = calls[-1].function if calls else ""
            helper = self.own_name(function)
            reads = helper in read - own or function in attempt.caches
            builds = reads or (other in steps and bool(handed))
            wrong = self.verdicts.get(other.name) if other.name in self.wrong else None
            if wrong is not None and builds and _follows_from(verdict, wrong):
                refused = attempt.refused.get(function, "")
                why = format_text("`{name}` is wrong. Correct `{name}` first.", name=helper)
                if reads and refused:
                    text = " gradkit cannot replace `{name}` by a correct function: {reason}."
                    why += format_text(text, name=helper, reason=refused)
                elif not reads:
                    text = (
                        "`{name}` is wrong, and this check needs `{cache}` from `{name}`. Correct "
                        "`{name}` first."
                    )
                    why = format_text(text, name=helper, cache="`, `".join(sorted(handed)))
                blocked = self._blocked(check, why)
                return replace(blocked, entries=before.entries, own_forward=before.own_forward)
        return verdict

    def _steps_that_block(
        self, check: FunctionCheck, verdict: Verdict, steps: Sequence[FunctionCheck]
    ) -> Sequence[FunctionCheck]:
        """Return the earlier steps of a check whose mistakes may be the reason why it fails.

        ``steps`` are the checks whose lines run before those of ``check``, and ``verdict`` is that
        on ``check``. A gradient is compared with the student's own forward pass, wrong or not. So a
        wrong forward pass is the reason in two cases only:

        - The forward pass stops for some inputs, and the gradient stops too.
        - There are only recorded examples, and no wrong gradient is known to be a mistake of its
          own. It is known if another gradient matches the same forward pass. Otherwise a gradient
          may be right for the forward pass that the exercise asks for, and get a wrong cache.
        """
        if verdict.state == "error":
            stops = {name for name, known in self.verdicts.items() if known.state == "error"}
            return [step for step in steps if step.name in stops]
        wrong = {each.parameter for each in verdict.entries if each.state != "pass"}
        is_own = verdict.own_forward and not {*check.gradient} & wrong <= {*verdict.own_forward}
        return [] if self.solution is not None or is_own else steps

    def _attempt(self, check: FunctionCheck, verdict: Verdict) -> HelperReplacement:
        """Judge a check with right helpers in place of wrong ones.

        A helper is a function that the checked one calls; ``verdict`` is that with the wrong
        helpers. The result is also stored in ``with_helpers``. Without wrong helpers, it is empty,
        and not stored.
        """
        wrong = [*self._wrong_helpers(check)]
        if not wrong:
            return HelperReplacement()
        # Imported here because few submissions need it.
        from gradkit.grading.stubs import judge_with_stubs

        self.with_helpers[check.name] = attempt = judge_with_stubs(self, check, verdict, wrong)
        return attempt

    def is_judged_with_helpers(self, check: FunctionCheck) -> bool:
        """Return whether a check was judged with right helpers in place of wrong ones."""
        return self.with_helpers.get(check.name, HelperReplacement()).verdict is not None

    def has_blameless_helpers(self, check: FunctionCheck) -> bool:
        """Return whether a check has wrong helpers that cannot be the reason if it fails."""
        return bool(self.with_helpers.get(check.name, HelperReplacement()).helpers)

    def _wrong_helpers(self, check: FunctionCheck) -> Iterator[str]:
        """Yield the functions with a failed check that run in a check as helpers.

        A helper is called, directly or not, by the functions that the check's lines call; these
        themselves are left out.
        """
        own = functions_of(self.lines_of(check).calls)
        called = self._names_read(self._first_functions(check))
        for name in functions_of(self.task.calls):
            is_wrong = any(each.name in self.wrong for each in self.checks_of(name))
            if is_wrong and name not in own and self.own_name(name) in called:
                yield name

    def own_names(self, check: FunctionCheck) -> set[str]:
        """Return the student's functions that run in a check, and the names that they read.

        Helpers that were replaced by right ones are left out, and so are functions that only they
        call.
        """
        attempt = self.with_helpers.get(check.name, HelperReplacement())
        replaced = {self.own_name(name) for name in attempt.helpers}
        first = self._first_functions(check)
        return ({*first} | self._names_read(first, replaced)) - replaced

    def judged_elsewhere(self, check: FunctionCheck) -> set[str]:
        """Return the names of functions whose mistakes are not those of a check.

        These are the other functions of the exercise, and helpers that only they call.
        """
        own = {self.own_name(name) for name in functions_of(self.lines_of(check).calls)}
        others = {self.own_name(name) for name in functions_of(self.task.calls)} - own
        return (others | self._names_read(others)) - own - self._names_read(own, others) | others

    def _first_functions(self, check: FunctionCheck) -> list[str]:
        """Return the student's names of the functions that the lines of a check call."""
        steps = steps_of(self.task, check)
        return [self.own_name(name) for step in steps for name in self._functions([step])]

    def _names_read(self, first: Iterable[str], without: Collection[str] = ()) -> set[str]:
        """Return the names that functions read, directly or in functions that they call.

        The search begins at the functions ``first``. Functions in ``without`` are not followed.
        """
        todo, reached, names = [*first], set[str](), set[str]()
        while todo:
            name = todo.pop()
            if name not in reached and name in self._known and name not in without:
                reached.add(name)
                names |= self._known[name].reads()
                todo += self._known[name].reads()
        return names

    @contextmanager
    def stubs(
        self, functions: Sequence[Sequence[Any]], answer: StubAnswer
    ) -> Iterator[StudentProcess | None]:
        """Return a context manager in which functions are stubs, in a process for that alone.

        A stub takes the place of a function and asks the grader for its results. The manager gives
        the process, or None if there is no time left or no such process can be started.

        Parameters
        ----------
        functions : sequence
            The functions to replace, each with the items of `gradkit.runtime.stubs.Replaced`.
        answer : callable
            Gets a call of a stub, and returns its results or refuses it.
        """
        before, left = self.process, self.stub_seconds()
        process = before.with_stubs(left, answer) if left > 0 else None
        if process is None:
            yield None
            return
        began = time.monotonic()
        try:
            with process:
                self.process, self._stubs = process, functions
                yield process
        finally:
            self.process, self._stubs = before, ()
            self._spent_on_stubs += time.monotonic() - began

    def stub_seconds(self) -> float:
        """Return the seconds that are left for processes with stubs in this task."""
        return self.task.deadline - self._spent_on_stubs

    def rejudge(
        self, check: FunctionCheck, is_accepted: Callable[[Verdict], bool]
    ) -> Verdict | None:
        """Judge a check by the present code and inputs, without a search for right helpers.

        If ``is_accepted`` holds for the verdict, it is returned, and the chosen lines and ``wrong``
        stay as the check left them. Otherwise both are restored, and None is returned.
        """
        before = {*self.wrong}, self._follows, {**self._chosen}
        verdict = self._judge_best_lines(check)
        if is_accepted(verdict):
            return verdict
        self.wrong, self._follows, self._chosen = before
        return None

    def _check(self, check: FunctionCheck) -> Verdict:
        """Run a check's lines at all inputs, and return the verdict on its outputs.

        A missing function, a call that it does not accept and an exception end the check. The
        convention that the student follows is determined on the way. Wrong gradients are compared
        with the student's own forward pass. The check is added to ``wrong`` if it does not pass.
        """
        steps = [check] if self._is_given_caches else steps_of(self.task, check)
        told = self._not_there(self.lines_of(check).calls) or self._called_otherwise(check)
        if told is not None:
            self.wrong.add(check.name)
            return replace(told, check=check.name)
        before = [call for step in steps[:-1] for call in self.lines_of(step).calls]
        if (blocked := self._not_there(before)) is not None:
            return self._blocked(check, blocked.message)
        answers, stopped = self._answers(check, steps, self.draws)
        if stopped is not None:
            self.wrong.add(check.name)
            entries = self._stopped_only_in_hard_case(check, answers, stopped[1])
            return replace(self._stopped(check, steps, *stopped), entries=entries)
        if check.conventions and self.has_expected:
            ways = [self._probes(check, answers, n) for n in range(1 + len(check.conventions))]
            best = followed(check, ways)
            # Several outputs that all follow one are of one mind, whatever was followed before.
            whole = len(check.compare) > 1 and judge_check(check, ways[best[0]]).state == "pass"
            if len(best) > 1 and self.solution is not None:
                best = followed(check, self._changes(check, steps, answers))
            # Where nothing tells, it is left open: the mistakes may, or another check.
            if len(best) == 1 and (self._follows is None or whole):
                (self._follows,) = best
        probes = self._probes(check, answers, self._follows or 0)
        verdict = judge_check(check, probes)
        states = {entry.state for entry in verdict.entries}
        if "missing" in states and "pass" not in states:
            verdict = self._still_to_write(check, verdict)
        elif verdict.state == "fail":
            verdict = self._unless_nothing_is_computed(check, verdict)
        if verdict.state not in ("pass", "not-checked"):
            self.wrong.add(check.name)
        if check.gradient and (verdict.state in ("fail", "not-checked") or not self.has_expected):
            verdict = held_to_own_forward(self, check, verdict, probes)
        verdict = replace(verdict, numerical=_is_numerical(check, answers))
        if verdict.state == "fail":
            verdict = replace(verdict, place=self.definition_of(check).place())
        return verdict

    def _answers(
        self,
        check: FunctionCheck,
        steps: Sequence[FunctionCheck],
        draws: Iterable[Draw],
        **options: Any,
    ) -> tuple[list[tuple[Draw, Made]], tuple[Outcome, Draw] | None]:
        """Run the lines of a check at the inputs ``draws``; return each input with its outputs.

        ``steps`` are the checks whose lines are run, ``check`` is the last of them. The list ends
        at the first failure. The second item is the outcome that failed, with its input; None
        without a failure. ``options`` are passed to `of_lines`.
        """
        functions, asked = self._functions(steps), [*draws]
        questions = [
            of_lines(
                functions,
                draw.values,
                self._steps(steps, draw),
                check.compare,
                again=number == 0,
                least=least_evaluations(check, draw) if number == 0 else 0,
                stubs=self._stubs,
                **options,
            )
            for number, draw in enumerate(asked)
        ]
        # Changed text has been run before: it will hardly stop, or hang.
        replies = (
            self.process.ask_all(questions, at_once=True)
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
        self, steps: Sequence[FunctionCheck], values: Mapping[str, Any], reads: Sequence[str]
    ) -> tuple[Made, Outcome]:
        """Run the lines of some checks at given inputs; return the values of ``reads``.

        ``values`` are the inputs by name, and ``reads`` expressions such as ``cache['A1']``. The
        outcome of the run is returned too. Wrong values of earlier lines are not replaced by right
        ones.
        """
        lines = [Step(self.lines_of(step).text, {}) for step in steps]
        reply = self.process.ask(
            of_lines(self._functions(steps), values, lines, reads, stubs=self._stubs)
        )
        return made_of(self.process, reads, reply)

    def _judge_without_crash(self, check: FunctionCheck) -> Verdict:
        """Return the verdict on a check; if its code raises, credit its right outputs.

        The check is judged again without the raising statements, which a note names. Without any
        right output, or for a method, the first verdict is returned.
        """
        verdict = self.verdicts[check.name]
        own = self.own_name(self.lines_of(check).calls[-1].function)
        if verdict.state != "error" or verdict.entries or not self.has_expected or "." in own:
            return verdict
        rest = self._judge_without_crashing_statements(check, own)
        right = [f"`{entry.parameter}`" for entry in rest.entries if entry.state == "pass"]
        if not right:
            return verdict
        text = "Without the code that stops, these outputs are right: {names}."
        note = format_text(text, names=", ".join(right))
        return replace(verdict, entries=rest.entries, notes=(*verdict.notes, note))

    def _judge_without_crashing_statements(self, check: FunctionCheck, own: str) -> Verdict:
        """Judge a check without the statements of the student's function ``own`` that raise.

        If the check was judged with right helpers, it is so again. If a helper's stub cannot
        answer, the verdict on the whole function is returned.
        """
        if not self.is_judged_with_helpers(check):
            return self.with_changes(check, self.draws, spared=own)
        from gradkit.grading.stubs import with_stubs_of

        with with_stubs_of(self, check, self.with_helpers[check.name]) as answers:
            rest = self.with_changes(check, self.draws, spared=own)
        return rest if not answers.refused else self.verdicts[check.name]

    # --- what a diagnosis asks -------------------------------------------------------------------

    def with_changes(self, check: FunctionCheck, draws: Iterable[Draw], **options: Any) -> Verdict:
        """Return the verdict on a check for a changed text, by the expected outputs alone.

        ``draws`` are the inputs. The options are passed to `of_lines`: ``changed`` texts of
        definitions, or the function ``spared`` from statements that raise. If the code stops, the
        verdict is an ``error`` with the exception. The grader's own verdicts stay as they are.
        """
        answers, stopped = self._answers(check, steps_of(self.task, check), draws, **options)
        if stopped is not None:
            failure = stopped[0].failure
            told = (f"{failure.type}: {failure.message}", failure.place) if failure else ("", None)
            return Verdict(check.name, "error", told[0], place=told[1])
        verdict = judge_check(check, self._probes(check, answers, self._follows or 0))
        return replace(verdict, numerical=_is_numerical(check, answers))

    def definition_of(self, check: FunctionCheck) -> Definition:
        """Return the student's definition of the last function that a check calls."""
        return self._found[self.lines_of(check).calls[-1].function]

    def forms(self, check: FunctionCheck) -> list[tuple[Lines, int]]:
        """Return the pairs of lines and convention that a check accepts, the current pair first.

        A convention is given by its number; 0 is that of the model solution.
        """
        own = self.lines_of(check), self._follows or 0
        every = [(lines, way) for lines in self._ways(check) for way in self._open(check)]
        return [own, *(each for each in every if each != own)]

    def settle_lines(self, ways: Mapping[str, Lines]) -> None:
        """Judge each check only by one of its alternative lines from now on.

        ``ways`` has the lines of each check by its name. The task, also that of the model solution,
        has no other lines afterwards.
        """
        checks = [replace(each, call=ways[each.name], others=()) for each in self.task.checks]
        self.task = replace(self.task, checks=tuple(checks))
        self._chosen = dict(ways)
        if self.solution is not None:
            self.solution = replace(self.solution, task=self.task)

    @contextmanager
    def meant(self, check: FunctionCheck, form: tuple[Lines, int]) -> Iterator[None]:
        """Return a context manager in which a check uses the lines and convention of ``form``.

        ``form`` is a pair: alternative lines of the check, and the number of a convention.
        """
        before = self.lines_of(check), self._follows
        self._chosen[check.name], self._follows = form
        try:
            yield
        finally:
            self._chosen[check.name], self._follows = before

    def asked(self, check: FunctionCheck, draws: Iterable[Draw]) -> Asked:
        """Return a check as a search for repairs needs it: its lines and expected outputs.

        ``draws`` are the inputs. The model solution's inputs are in the convention that the student
        follows.
        """
        from gradkit.diagnosis.repair.ask import Asked  # late: who is right never needs it

        steps, way = steps_of(self.task, check), _convention(check, self._follows or 0)
        made, model = [], []
        for draw in draws:
            right = self.expected(check, draw) or Made()
            made.append((draw, self._steps(steps, draw), right))
            model.append(draw if self.solution is None else self.solution.meant(draw, way))
        return Asked(check, self._functions(steps), tuple(made), tuple(model))

    def definitions_of(self, check: FunctionCheck) -> list[Definition]:
        """Return the student's functions that a check may run, those that its lines call first.

        Functions of the exercise whose own checks all pass are right, and left out, unless the
        check calls them itself or uses an output of theirs that no check compares. Shared cells do
        not count.
        """
        steps = steps_of(self.task, check)
        passing = {name for name in self._called(*self.task.checks) if self.passes(name)}
        # What they hand on besides, such as a cache, nobody has looked at.
        unseen = [s for s in steps if {*check.call.reads} & {*s.call.makes} - {*s.compare}]
        right = passing - {*self._called(*unseen)}
        asked = self._called(check)
        # What lines call on a value of their own is a method of one of the classes.
        tree = ast.parse("\n".join(self.lines_of(step).text for step in steps))
        named = {part.attr for part in ast.walk(tree) if isinstance(part, ast.Attribute)}
        methods = [name for name in self._known if name.partition(".")[2] in named]
        names = [*asked, *self._called(*steps), *methods]
        found: dict[str, Definition] = {}
        todo = [name for name in dict.fromkeys(names) if name in self._known]
        # A method that is inherited calls those of the class that the object is of.
        classes = {name.partition(".")[0] for name in names}
        while todo:
            name = todo.pop(0)
            definition = self._known[name]
            own = definition.cell in self.process.section.own
            if name in found or not own or (name in right and name not in asked):
                continue
            found[name] = definition
            reads = definition.reads()
            classes |= {name.partition(".")[0], *reads}
            methods = [n for n in self._known if "." in n and n.partition(".")[0] in classes]
            parts = ast.walk(definition.node) if definition.node is not None else ()
            called = {part.attr for part in parts if isinstance(part, ast.Attribute)}
            todo += [n for n in self._known if n in reads]
            # What is called by no name, as by an operator, has the name of one of Python's.
            todo += [
                n
                for n in methods
                if (method := n.partition(".")[2]) in called or method.startswith("__")
            ]
        # What several classes inherit is one function.
        nodes = {id(each.node): each for each in reversed(found.values())}.values()
        return [each for each in reversed(nodes) if isinstance(each.node, ast.FunctionDef)]

    def _called(self, *checks: FunctionCheck) -> list[str]:
        """Return the student's names of what the lines of checks call."""
        return [self.own_name(call.function) for c in checks for call in self.lines_of(c).calls]

    def passes(self, name: str, mended: Collection[str] = ()) -> bool:
        """Tell a function of the student's whose own checks pass, or are mended."""
        own = {each.name for each in self.task.checks if name in self._called(each)}
        return bool(own) and own.isdisjoint({*self.wrong} - {*mended})

    def _probes(
        self, check: FunctionCheck, answers: Iterable[tuple[Draw, Made]], way: int
    ) -> list[Probe]:
        """Pair the outputs in ``answers`` with the expected outputs by one convention.

        ``way`` is the number of the convention; 0 is that of the model solution.
        """
        return [Probe(draw, self.expected(check, draw, way), found) for draw, found in answers]

    def _changes(
        self,
        check: FunctionCheck,
        steps: Sequence[FunctionCheck],
        answers: Iterable[tuple[Draw, Made]],
    ) -> list[list[Probe]]:
        """Return how the outputs of a check change with its inputs, as probes for each convention.

        ``answers`` has the outputs of ``steps``, the checks whose lines run up to ``check``, with
        their inputs. The inputs that the conventions treat differently are drawn again, and the
        lines are run again. Other mistakes, such as a wrong forward pass, have the same effect
        before and after, and cancel. Hard cases are left out.
        """
        about = {name for each in check.conventions for name in each} & {*self.task.inputs}
        before = [(draw, found) for draw, found in answers if about and not draw.hard]
        draws = [_moved(self.task, draw, about, self.seed) for draw, _ in before]
        after, _ = self._answers(check, steps, draws)
        return [
            [
                Probe(two.draw, _change(one.expected, two.expected), _change(one.found, two.found))
                for one, two in zip(
                    self._probes(check, before, way),
                    self._probes(check, after, way),
                    strict=False,  # what is moved may stop
                )
            ]
            for way in range(1 + len(check.conventions))
        ]

    def _ways(self, check: FunctionCheck) -> list[Lines]:
        """Return the alternative lines of a check whose calls the student's functions accept.

        If there are none, the first lines are returned.
        """
        found, known = self._found, self._known
        return [
            lines
            for lines in (check.call, *check.others)
            if all(accepts(found.get(call.function), call, known) for call in lines.calls)
        ] or [check.call]

    def checks_of(self, function: str) -> list[FunctionCheck]:
        """Return the checks whose lines end with a call of a function."""
        calls = ((check, self.lines_of(check).calls) for check in self.task.checks)
        return [check for check, of in calls if of and of[-1].function == function]

    def definition(self, function: str) -> Definition | None:
        """Return the student's definition of a function of the lines; None if there is none."""
        return self._found.get(function)

    def convention_of(self, check: FunctionCheck) -> Mapping[str, str]:
        """Return the convention that is followed in a check; the model's own if that is open."""
        return _convention(check, self._follows or 0)

    def lines_of(self, check: FunctionCheck) -> Lines:
        """Return the lines of a check that count."""
        return self._chosen.get(check.name) or self._ways(check)[0]

    def own_name(self, function: str) -> str:
        """Return the student's name for a function of the lines."""
        definition = self._found.get(function)
        return definition.name if definition is not None else function

    def _functions(self, steps: Sequence[FunctionCheck]) -> dict[str, str]:
        """Return the student's name for each function that the lines call."""
        calls = (call for step in steps for call in self.lines_of(step).calls)
        return {name: self.own_name(name) for name in functions_of(calls)}

    def _steps(self, steps: Sequence[FunctionCheck], draw: Draw) -> list[Step]:
        """Return the lines of the checks ``steps``, each with the right values to set after it.

        These are the expected outputs of all but the last check at the inputs ``draw``: wrong
        results of earlier lines are replaced before the next lines run.
        """
        made = []
        for step in steps:
            put: dict[str, Any] = {}
            expected = self.expected(step, draw) if step is not steps[-1] else None
            if expected is not None:
                names = [name for name in step.compare if name.isidentifier()]
                put = {name: expected.values[name] for name in names}
            made.append(Step(self.lines_of(step).text, put))
        return made

    def _not_there(self, calls: Iterable[Call]) -> Verdict | None:
        """Return the verdict on the first call of a missing or unwritten function, or None."""
        for call in calls:
            definition = self._found.get(call.function)
            if definition is None:
                section = self.process.section
                cells = (*section.shared, *section.own)
                place = no_python(cells, call.function.partition(".")[0])
                function = call.function.replace(".", "`, method `")
                told = format_text("`{function}` is not defined yet.", function=function)
                if place is not None:
                    told = format_text(NO_PYTHON, signature=call.function, place=where(place))
                return Verdict("", "missing", told, place=place)
            if "." in call.function or definition.node is None:
                continue
            line = definition.node.lineno
            if unwritten(definition.node) == line:
                return _to_write(call, definition, line)
        return None

    def _called_otherwise(self, check: FunctionCheck) -> Verdict | None:
        """Return the verdict ``missing`` if a student's function does not accept a call of a check.

        Its message names the first such call in the check's lines. None if all calls are accepted.
        """
        lines = self.lines_of(check)
        for call in lines.calls:
            definition = self._found.get(call.function)
            node = definition.node if definition is not None else None
            if definition is None or accepts(definition, call, self._known):
                continue
            found = node.name if node is not None else call.function
            if isinstance(node, ast.ClassDef):
                made = self._known.get(f"{node.name}.__init__")
                node = made.node if made is not None else None
            # A class without a constructor is made of nothing.
            takes = ast.unparse(node.args) if isinstance(node, ast.FunctionDef) else ""
            name = call.function.rpartition(".")[2]
            objects = "|".join((*lines.reads, *lines.makes))
            pattern = rf"\b({objects})\(" if name == "__call__" else rf"\b{name}\("
            wanted = next(
                line for line in re.split("[;\n]", lines.text) if re.search(pattern, line)
            )
            told = format_text(
                "`{found}` cannot be called as in `{wanted}`.",
                found=f"{found}({takes})",
                wanted=wanted.strip(),
            )
            return Verdict("", "missing", told, place=definition.place())
        return None

    def _still_to_write(self, check: FunctionCheck, verdict: Verdict) -> Verdict:
        """Return ``verdict`` with the state and place of the first function that is still a stub.

        Only functions that the check's lines call count. Without one that is a stub, the verdict is
        unchanged.
        """
        # Methods first: a constructor may well be empty.
        for call in sorted(self.lines_of(check).calls, key=lambda call: "." not in call.function):
            definition = self._found.get(call.function)
            line = unwritten(definition.node) if definition is not None else None
            if definition is not None and line is not None:
                told = _to_write(call, definition, line)
                parts = {"state": told.state, "message": told.message, "place": told.place}
                return replace(verdict, exception="", **parts)
        return verdict

    def _unless_nothing_is_computed(self, check: FunctionCheck, verdict: Verdict) -> Verdict:
        """Return ``verdict``; ``missing`` if no output is right and the functions compute nothing.

        Looked at are the functions that the lines of ``check`` call. A function computes nothing if
        its text has no operation, as ``return x``. Such a text could be one small change away from
        a short right answer, such as ReLU, and would get points for no work.
        """
        outputs = [each for each in verdict.entries if not each.parameter.endswith(LEFT_ALONE)]
        known = [self._found[call.function] for call in self.lines_of(check).calls]
        called = [each for each in known if not isinstance(each.node, ast.ClassDef)]
        is_right = any(each.state == "pass" or each.hard_cases for each in outputs)
        found = [each for each in called if computes_nothing(each.node)]
        if is_right or not found or len(found) < len(called):
            return verdict
        told = format_text(
            "`{function}` computes nothing: the function has no operation.", function=found[0].name
        )
        return Verdict(check.name, "missing", told, place=found[0].place())

    def _blocked(self, check: FunctionCheck, why: str) -> Verdict:
        self.wrong.add(check.name)
        told = format_text("Not completed: {why}", why=why)
        return Verdict(check.name, "blocked", told)

    def _stopped(
        self, check: FunctionCheck, steps: Sequence[FunctionCheck], outcome: Outcome, draw: Draw
    ) -> Verdict:
        """Return the verdict on a check whose lines raised an exception or lost the process.

        ``outcome`` is that of the lines of ``steps`` at the inputs ``draw``. The state is
        ``timeout``, ``error`` with the exception as message, ``blocked`` if the lines of an earlier
        check raised or a module is missing, or ``missing`` if the function is still a stub.
        """
        if outcome.lost is not None:
            told = format_text("The code {happened}.", happened=outcome.lost.detail)
            late = outcome.lost.kind == "timeout"
            called = {call.function for step in steps for call in self.lines_of(step).calls}
            known = self._found.get(called.pop()) if len(called) == 1 else None
            place = known.place() if known is not None else None
            return Verdict(check.name, "timeout" if late else "error", told, place=place)
        failure = outcome.failure
        assert failure is not None  # noqa: S101  (one of the two is there)
        if failure.type in MISSING_IMPORT:
            self.wrong.add(check.name)
            told = format_text(
                "It imports a module that is missing: {why}. Submit that file too.",
                why=failure.message.removesuffix(" (unknown location)").rstrip("."),
            )
            return Verdict(check.name, "blocked", told, place=failure.place)
        step = steps[min(failure.call, len(steps) - 1)]
        place, cannot_unpack = failure.place, failure.type == ReturnedError.__name__
        if cannot_unpack:
            returning = self._found.get(self.lines_of(step).calls[-1].function)
            place = place if returning is None else returning.place()
        told = failure.type
        if cannot_unpack:
            told = f"{failure.message}."
        elif failure.message:
            told = format_text("{type}: {message}", type=failure.type, message=failure.message)
        for pattern, meant in OLD_WAYS.items():
            if pattern in failure.message:
                told = f"{told.rstrip('.')}. {meant}"
        if draw.hard:
            told += " " + format_text("This happens with {probe}.", probe=format_probe(draw.label))
        verdict = Verdict(
            *(check.name, "error", told),
            place=place,
            exception="" if cannot_unpack else sentence_of(failure),
            returns_none=cannot_unpack,
        )
        verdict = self._still_to_write(step, verdict)
        if step is check:
            return verdict
        why = verdict.message
        if verdict.exception:
            why = format_text("the check `{name}` stops with {why}", name=step.name, why=why)
        return self._blocked(check, why)

    def _stopped_only_in_hard_case(
        self, check: FunctionCheck, answers: Sequence[tuple[Draw, Made]], draw: Draw
    ) -> tuple[Entry, ...]:
        """Return failed entries for code that stops in the hard case ``draw`` and is else right.

        ``answers`` are the outputs of ``check`` at other inputs. The entries count as wrong in one
        hard case only. Empty if the code stops at random inputs, has a mistake at them, or if there
        are no expected outputs.
        """
        if not draw.hard or not answers or not self.has_expected:
            return ()
        judged = judge_check(check, self._probes(check, answers, self._follows or 0))
        return tuple(
            output_entry(entry.parameter, "fail", draw.label, hard_cases=1)
            for entry in judged.entries
            if judged.state == "pass"
        )

    def expected(self, check: FunctionCheck, draw: Draw, way: int | None = None) -> Made | None:
        """Return the expected outputs of a check at the inputs ``draw`` by one convention.

        ``way`` is the number of the convention, by default the one that the student follows. None
        if neither a model solution nor an example has outputs for these inputs.
        """
        way = self._follows or 0 if way is None else way
        if self.solution is None:
            example = next((e for e in self.examples if e.draw.label == draw.label), None)
            by_convention = example.made[check.name] if example is not None else ()
            # A check without conventions is asked by the number that another check follows.
            return by_convention[min(way, len(by_convention) - 1)] if by_convention else None
        key = check.name, draw.label, way
        if key not in self._made:
            self._made[key] = self.solution.by(check, draw, _convention(check, way))
        return self._made[key]

    def differentiated(self, check: FunctionCheck, draw: Draw) -> tuple[str, ...]:
        """Return the inputs on which the scalar that a check differentiates should depend.

        They are found by the model solution at the inputs ``draw`` and at others, or read from the
        recorded example of the same inputs. Empty without either.
        """
        if self.solution is not None:
            other = drawn_again(self.task, draw, self.seed)
            return self.solution.differentiated(check, draw, other)
        examples = (e for e in self.examples if e.draw.label == draw.label)
        return next((e.differentiated.get(check.name, ()) for e in examples), ())

    def conventions(self, check: FunctionCheck) -> list[Mapping[str, str]]:
        """Return the convention that is followed in a check, or all of them while that is open."""
        return [_convention(check, way) for way in self._open(check)]

    def _open(self, check: FunctionCheck) -> Sequence[int]:
        return range(1 + len(check.conventions)) if self._follows is None else [self._follows]


def _refuse_call(call: StubCall) -> None:
    """Refuse a call of a stub in a process that has no stubs."""
    raise ForeignCallError(call.function)


def with_places(
    task: FunctionTask, section: Section, verdicts: Iterable[Verdict]
) -> tuple[Verdict, ...]:
    """Return verdicts in which each check that does not pass has a place, if one is known.

    It is the verdict's own place or, without one, that of the function in ``section`` that the
    check of ``task`` calls last.
    """
    found = reached_by(task, definitions(section.cells))

    def placed(check: FunctionCheck, verdict: Verdict) -> Verdict:
        """Return a verdict with the place of the last function that its check calls."""
        called = [found[call.function] for call in check.call.calls if call.function in found]
        if verdict.place is not None or not called or verdict.state in ("pass", *OPEN):
            return verdict
        return replace(verdict, place=called[-1].place())

    return tuple(map(placed, task.checks, verdicts))


def _to_write(call: Call, definition: Definition, line: int) -> Verdict:
    told = format_text("`{function}` is not written yet.", function=call.function)
    return Verdict("", "missing", told, place=replace(definition, line=line).place())


def _convention(check: FunctionCheck, way: int) -> Mapping[str, str]:
    """Return the convention number ``way`` of a check; {} for 0 and for unknown numbers."""
    return ({}, *check.conventions)[way] if way <= len(check.conventions) else {}


def _moved(task: FunctionTask, draw: Draw, names: Collection[str], seed: int) -> Draw:
    """Return a copy of the probe ``draw`` with new values for the inputs in ``names``.

    ``seed`` draws them; all other inputs keep their values.
    """
    other = drawn_again(task, draw, seed).values
    values = {name: (other if name in names else draw.values)[name] for name in draw.values}
    return replace(draw, label=f"{draw.label} moved", values=values)


def _change(before: Made | None, after: Made | None) -> Made:
    """Return ``after - before`` for each output of both; without outputs whose shape changed.

    Both have outputs by name, or are None, which gives an empty result.
    """
    before, after = before or Made(), after or Made()
    pairs = {name: (before.values[name], after.values.get(name)) for name in before.values}
    # Between two infinities there is no number, and true and false have none either.
    with np.errstate(invalid="ignore"):
        return Made(
            {
                name: b * 1.0 - a * 1.0
                for name, (a, b) in pairs.items()
                if b is not None and a.shape == b.shape
            }
        )


def _is_numerical(check: FunctionCheck, answers: Sequence[tuple[Draw, Made]]) -> bool:
    """Return whether the code calls a function as often as finite differences do."""
    first, found = answers[0]
    return 0 < least_evaluations(check, first) <= found.similar_calls


def _count(verdict: Verdict) -> tuple[int, int]:
    """Count the outputs that are right, and the outputs that are wrong but not missing."""
    states = [entry.state for entry in verdict.entries]
    return states.count("pass"), states.count("fail")


def _follows_from(verdict: Verdict, cause: Verdict) -> bool:
    """Return whether the wrong outputs of a check may all come from a wrong helper.

    Outputs of the two checks are matched by their first words, see `_word`. If a wrong output of
    the helper is used inside the caller only, or if the helper changes an input in place, any
    output of the caller may be wrong because of it. Otherwise the helper explains the same outputs
    only. A caller that alone changes an input in place has a mistake of its own.

    Parameters
    ----------
    verdict : Verdict
        The verdict on the check of the caller.
    cause : Verdict
        The verdict on the check of the helper.
    """
    wrong, before = (
        {_word(e.parameter) for e in each.entries if e.state != "pass"} for each in (verdict, cause)
    )
    if LEFT_ALONE in wrong - before:
        return False
    given = {_word(entry.parameter) for entry in verdict.entries} - {LEFT_ALONE}
    return wrong == given or not before <= given or not before or wrong <= before


def _word(output: str) -> str:
    """Return the word that an output begins with: ``dW`` of ``dW_relu`` and ``grads['dW1']``.

    Entries about inputs that are changed in place have one word, `LEFT_ALONE`: an array has other
    names in a helper than in its caller.
    """
    if output.endswith(LEFT_ALONE):
        return LEFT_ALONE
    last = re.findall(r"[A-Za-z]+", re.split(r"[.\[]", output)[-1])
    return last[0] if last else output
