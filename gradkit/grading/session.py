"""Grade one submission, from a path to a result, in this order.

    read → recognise → examine (bind → draw probes → observe → judge) → diagnose → assess

This module joins the student's side, which runs code and knows no answers, and the answer side,
which sees no student's file. They exchange records.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from gradkit.binding import bind
from gradkit.grading.assess import (
    assess,
    digest_basis,
    digest_questions,
    function_remarks,
    mark_absent,
    notices_of_text,
    refused_result,
    tolerances_of,
    verdicts_without_run,
    versions_of,
    with_totals,
)
from gradkit.grading.examine import diagnose, examine
from gradkit.grading.points import Scheme
from gradkit.grading.recognise import (
    NetFinder,
    belongs_to_task,
    claim_functions,
    other_task_with,
    refusal,
    refusals,
    without_function_files,
)
from gradkit.grading.settings import (
    BreakdownError,
    GradingError,
    Resources,
    Settings,
    TimeBudget,
    assignment_and_reference,
    digests_of,
    required_of,
    tasks_of,
)
from gradkit.judge.comparison import Examined
from gradkit.loading import is_installed
from gradkit.records.result import (
    FAILED,
    FOR_INSTRUCTORS,
    Evidence,
    Graded,
    Inquiry,
    Result,
    TaskResult,
    Verdict,
)
from gradkit.records.submission import Binding, Cell, Claim, Place, Section, Submission
from gradkit.records.task import FunctionTask, Task
from gradkit.sandbox import Workshop
from gradkit.submission.definitions import definitions, listings
from gradkit.submission.files import SubmissionError
from gradkit.submission.read import read
from gradkit.task.assignment import gallery_functions
from gradkit.task.oracle import Answers, OracleError
from gradkit.text import format_text

if TYPE_CHECKING:
    from gradkit.grading.changed_text import Repair
    from gradkit.grading.functions import FunctionGrader
    from gradkit.sandbox.functions import StudentFunctions

REDRAWS = 3
"""Largest number of times that a task is graded again with other probes, if it is inconclusive."""

WITHOUT_TORCH = (
    "torch is not installed here. To have torch tasks checked: pip install 'gradkit[torch]'"
)
"""Message of the checks of a torch task if torch is not installed."""


class Session(AbstractContextManager["Session"]):
    """A context manager that grades submissions one after another.

    Parameters
    ----------
    settings : Settings
    workshop : Workshop, optional
        Runs the submissions' code. By default, one is opened when it is needed.
    budget : TimeBudget, optional
        Stops a submission with `OverdueError` if it takes much longer than the submissions before
        it, so that it can be graded later. By default, each has its whole deadline.

    Raises
    ------
    GradingError
        The assignment or the reference cannot be used.
    """

    def __init__(
        self, settings: Settings, workshop: Workshop | None = None, budget: TimeBudget | None = None
    ) -> None:
        """Read the assignment and find its model solutions; workers are opened when needed.

        ``workshop`` has the workers to use; by default the session opens its own. ``budget`` limits
        the time of each section. Raises GradingError: the assignment cannot be read, or the
        settings name what does not exist.
        """
        self.assignment, self._reference = assignment_and_reference(settings)
        self.settings = settings
        self.tasks = tasks_of(self.assignment, settings.form)
        self.digests = digests_of(self.assignment, self._reference)
        self.resources = Resources(settings, self.tasks, self._reference, workshop, budget)

    @property
    def keyed(self) -> bool:
        """Return whether model solutions are available, which only instructors have."""
        return self._reference is not None

    @property
    def hints(self) -> int:
        """Return the hint level of reports: 4 with model solutions, else the assignment's level."""
        return 4 if self.keyed else self.assignment.hints

    @property
    def all_tasks(self) -> tuple[Task | FunctionTask, ...]:
        """Return all tasks of the assignment: first the nets, then the function tasks."""
        return (*self.tasks, *self.assignment.functions)

    @property
    def gradable(self) -> tuple[Task | FunctionTask, ...]:
        """Return all tasks of the assignment, and the shipped tasks that the settings name."""
        others = {*self.settings.tasks} - {task.id for task in self.all_tasks}
        found = gallery_functions() if others else ()
        return (*self.all_tasks, *(task for task in found if task.id in others))

    def task(self, name: str) -> Task | FunctionTask:
        """Return a task of the assignment or a shipped function task, by its id."""
        own = {task.id: task for task in self.all_tasks}
        return own.get(name) or next(task for task in gallery_functions() if task.id == name)

    @property
    def required(self) -> tuple[str, ...]:
        """Return the ids of the tasks that count even if they are not submitted."""
        return required_of(self.settings, self.assignment)

    @property
    def scheme(self) -> Scheme:
        """Return the rules that turn verdicts into points, with the preset of the settings if any.

        Former codes in the settings are replaced by the current ones.
        """
        dropped, accepted = self.settings.dropped, self.settings.accepted
        prices = dict(self.settings.prices)
        if dropped or accepted or prices:
            # Imported here because few classes do this, and the catalogue takes time to load.
            from gradkit.diagnosis.catalogue import current_code

            dropped, accepted = (tuple(map(current_code, each)) for each in (dropped, accepted))
            prices = {current_code(code): share for code, share in prices.items()}
        return Scheme(
            self.assignment.step,
            self.settings.preset or self.assignment.preset,
            {**self.assignment.deductions, **prices},
            derived=not self.keyed,
            dropped=frozenset(dropped),
            accepted=frozenset(accepted),
        )

    def refuse_unusable(self) -> None:
        """Raise an error if the model solutions of numpy nets and function tasks cannot be used.

        A class is refused once in this way, and not once for each submission. The torch tasks are
        not examined, because torch takes seconds to load.

        Raises
        ------
        GradingError
            A model solution cannot be used, or a required one is missing.
        """
        try:
            for task in self.tasks:
                if not task.framework.modules:
                    self.resources.oracle(task)
            for function in self.assignment.functions:
                self.resources.solution(function)
        except OracleError as error:
            raise GradingError(str(error)) from None

    def check(self, path: Path, claimed: Mapping[str, Claim] | None = None) -> Result:
        """Grade the file, folder or archive at a path. See `grade` for ``claimed`` and errors.

        A single script need not contain the other required tasks. If the settings name a single
        task, the submission is graded for it, whatever it contains.
        """
        named, whole = self.settings.tasks, path.suffix != ".py"
        named = named if len(named) == 1 else ()
        return self.grade(read_submission(path), named=named, whole=whole, claimed=claimed).result

    def grade(
        self,
        submission: Submission,
        seed: int | None = None,
        named: Sequence[str] = (),
        *,
        whole: bool = True,
        claimed: Mapping[str, Claim] | None = None,
    ) -> Graded:
        """Grade one submission.

        Parameters
        ----------
        submission : Submission
        seed : int, optional
            Draws the probes, unless the settings have a seed. By default, a random one is drawn.
        named : sequence of str, optional
            The ids of the tasks that a person says the submission is for. It is graded for them
            whatever it contains. By default, it is graded for those tasks of the settings that it
            has functions for.
        whole : bool
            Whether this is all that the student submits. Then required tasks that it does not
            contain are missing.
        claimed : mapping of str to Claim, optional
            The sections that `claims` found, if it was called before.

        Returns
        -------
        Graded
            The result, with the evidence from which it can be marked again.

        Raises
        ------
        GradingError
            The submission contains no task, or is nested too deeply to be read.
        BreakdownError
            The grader failed, not the submission.
        OverdueError
            The session has a time budget, and the submission took too long.
        """
        is_named = bool(named)
        named = named or self.settings.tasks
        if claimed is None:
            claimed = self.claims(submission, named, keep_named=is_named)
        required = self.required if whole or self.settings.handed_in else self.settings.tasks
        graded = self.grade_sections(submission, claimed, seed, named, required)
        known = definitions(submission.cells)
        # An imported name has no node: the submission does not define it.
        own = frozenset(name for name, each in known.items() if each.node is not None)
        submitted = (evidence for evidence in graded.evidence if not evidence.absent)
        broken = {each.place for each in submission.problems if each.broken and each.place}
        if not is_named and not any(belongs_to_task(each, own, broken) for each in submitted):
            message = self._message_on_other_tasks(submission, seed, own) if named else ""
            raise GradingError(message or refusal(submission, self.assignment))
        return replace(graded, result=self._with_required(graded.result, required))

    def _message_on_other_tasks(
        self, submission: Submission, seed: int | None, own: Collection[str]
    ) -> str:
        """Return a message if a submission is for other tasks than the settings name, else "".

        ``own`` are the names that the submission defines. ``seed`` draws the inputs of its forward
        pass.
        """
        try:
            claimed = self.claims(submission)
        except BreakdownError:
            raise
        except GradingError:
            return ""
        graded = self.grade_sections(submission, claimed, seed)
        pairs = zip(graded.result.tasks, graded.evidence, strict=True)
        titles = [task.title for task, evidence in pairs if belongs_to_task(evidence, own)]
        wanted = [task.title for task in self.gradable if task.id in self.settings.tasks]
        text = "{name}: the code belongs to “{titles}”, but this command grades “{wanted}”."
        found = {"titles": "”, “".join(titles), "wanted": "”, “".join(wanted)}
        return format_text(text, name=submission.name, **found) if titles else ""

    def claims(
        self, submission: Submission, named: Sequence[str] = (), *, keep_named: bool = True
    ) -> dict[str, Claim]:
        """Find the section that is graded for each task: first net tasks, then function tasks.

        Parameters
        ----------
        submission : Submission
        named : sequence of str
            The ids of the tasks to search for; empty for all.
        keep_named : bool
            Return a section for each named task, even if the submission has nothing for it.

        Returns
        -------
        dict of str to Claim
            By the ids of tasks. If function tasks are found, and no task is named, a net task also
            needs a main function: the name of a file or a heading is not enough.

        Raises
        ------
        GradingError
            See `gradkit.grading.recognise.refusals` and `gradkit.grading.recognise.NetFinder`.
        """
        with refusals(submission):
            functions = claim_functions(submission, self.assignment, named, keep_named=keep_named)
            rest = submission
            if self.settings.assignment is None:
                # All shipped exercises are possible, and a file belongs to one of them.
                rest = without_function_files(submission, self.assignment, functions)
            finder = NetFinder(rest, self.tasks, named, self.resources.open_process)
            nets = finder.claims(keep_named=keep_named or len(named) == 1)
            if functions and not named:
                nets = {name: c for name, c in nets.items() if finder.has_main_function(name, c)}
        return {**nets, **functions}

    def grade_sections(
        self,
        submission: Submission,
        claimed: Mapping[str, Claim],
        seed: int | None = None,
        named: Sequence[str] = (),
        required: Sequence[str] = (),
    ) -> Graded:
        """Grade the sections of a submission that were found before, see `claims` and `grade`.

        ``claimed`` has the sections by the task's id. Only ``named`` tasks (ids) are graded, or all
        if there are none. The ``required`` tasks that have no section are marked as missing.
        Without a seed in the settings or in ``seed``, a random one is drawn.
        """
        if self.settings.seed is not None:
            seed = self.settings.seed
        seed = secrets.randbits(32) if seed is None else seed
        chosen = [self.task(name) for name in claimed if name in (named or claimed)]
        claimed_ids = {task.id for task in chosen}
        with refusals(submission):
            repairs: list[Repair] = []
            graded = [
                self._grade(task, claimed[task.id], submission, seed, repairs) for task in chosen
            ]
        graded += [
            mark_absent(task, seed, self.scheme, form=self.settings.form, digests=self.digests)
            for task in self.gradable
            if task.id in required and task.id not in claimed_ids
        ]
        result = self._empty_result(submission, seed, chosen)
        tier = max((evidence.tier for evidence, _ in graded), default=0)
        result = replace(with_totals(result, [marks for _, marks in graded]), tier=tier)
        return Graded(result, tuple(evidence for evidence, _ in graded))

    def _grade(
        self,
        task: Task | FunctionTask,
        claim: Claim,
        submission: Submission,
        seed: int,
        repairs: list[Repair],
    ) -> tuple[Evidence, TaskResult]:
        """Grade the section that ``claim`` has for a task, and return its evidence and its marks.

        ``seed`` draws the inputs. ``repairs`` are changes found in other function tasks of the
        submission, which are tried first. Those of this task are added to the list.
        """
        section, scheme = claim.section, self.scheme
        notes = (claim.note,) if claim.note else ()
        evidence = Evidence(task.id, seed, inquiry=_remark_on_files(task, claim), notes=notes)
        if not is_installed(*task.framework.modules):
            evidence = replace(evidence, unchecked=WITHOUT_TORCH)
            return evidence, assess(task, evidence, verdicts_without_run(task, evidence), scheme)
        if isinstance(task, FunctionTask):
            evidence = self._grade_functions(task, section, submission, evidence, repairs)
            scheme = replace(scheme, derived=self.resources.solution(task) is None)
        else:
            evidence = self._grade_net(task, section, submission, evidence)
        # Crashes come first, since `with_places` also places verdicts whose line is unknown.
        inquiry, verdicts = _with_crashes(task, section, evidence), evidence.verdicts
        if isinstance(task, FunctionTask):
            from gradkit.grading.functions import with_places

            verdicts = with_places(task, section, verdicts)
        evidence = replace(
            evidence,
            inquiry=inquiry,
            verdicts=verdicts,
            basis=digest_basis(task, self.settings.form, self.digests),
            tolerances=tolerances_of(task),
        )
        places = _places(evidence.inquiry, evidence.verdicts)
        notices = notices_of_text(evidence.verdicts, (*section.own, *section.shared))
        evidence = replace(
            evidence, listings=listings(submission.cells, places), notices=tuple(notices)
        )
        return evidence, assess(task, evidence, evidence.verdicts, scheme)

    def _grade_net(
        self, task: Task, section: Section, submission: Submission, before: Evidence
    ) -> Evidence:
        """Run and judge a section as a net, and diagnose its failures.

        ``before`` is the evidence without a run; the result adds outcomes, verdicts and findings to
        it. An inconclusive section is run again with other seeds.
        """
        seed, oracle = before.seed, self.resources.oracle(task)
        for redraw in range(1 + REDRAWS):
            with self.resources.open_process(task, section, submission) as process:
                examined = examine(task, process, oracle, seed + redraw)
                self.resources.note(task, process)
                is_decided = all(verdict.state != "inconclusive" for verdict in examined.verdicts)
                if is_decided or redraw == REDRAWS:
                    explain = not task.framework.published or self.settings.form == "correct"
                    inquiry, notes = diagnose(
                        task, process, examined, oracle, seed, explain=explain
                    )
                    break
        return replace(
            before,
            seed=seed + redraw,
            questions=digest_questions(task, examined.case.probes),
            verdicts=examined.verdicts,
            binding=examined.case.binding,
            observations=examined.case.observations,
            inquiry=replace(inquiry, findings=(*inquiry.findings, *before.inquiry.findings)),
            notes=(*before.notes, *notes, *self._doubts(task, section, examined)),
            tier=examined.tier,
            printed=process.printed,
        )

    def _grade_functions(
        self,
        task: FunctionTask,
        section: Section,
        submission: Submission,
        before: Evidence,
        repairs: list[Repair],
    ) -> Evidence:
        """Run and judge the functions of a section, and diagnose their failures.

        ``before`` is the evidence without a run; the result adds verdicts, findings and notes to
        it. An inconclusive section is run again with other seeds. ``repairs`` are changes found in
        other tasks, which are tried first; new ones are added to the list.
        """
        for redraw in range(1 + REDRAWS):
            seed = before.seed + redraw
            grader = self.grader_of(task, section, submission, seed)
            with grader.process as process:
                verdicts = grader.grade()
                is_last = redraw == REDRAWS or all(v.state != "inconclusive" for v in verdicts)
                inquiry = Inquiry()
                if is_last:
                    inquiry, verdicts = _diagnose_functions(grader, verdicts, repairs)
                remarks = function_remarks(grader, verdicts, inquiry.causes)
                inquiry = replace(inquiry, findings=(*inquiry.findings, *remarks))
                self.resources.note(task, process)
            if is_last:
                break
        cut = (format_text(CUT_SHORT, seconds=f"{task.deadline:g}"),) if grader.is_cut_short else ()
        return replace(
            before,
            seed=seed,
            tier=process.tier,
            printed=process.printed,
            verdicts=verdicts,
            inquiry=inquiry,
            notes=(*before.notes, *cut),
        )

    def grader_of(
        self, task: FunctionTask, section: Section, submission: Submission, seed: int
    ) -> FunctionGrader:
        """Return the grader of a section for a function task. Its process is not yet started.

        ``seed`` draws the inputs.
        """
        # Imported here because net tasks do not need it.
        from gradkit.grading.functions import FunctionGrader

        # Names that the student does not define come from the files that the course hands out.
        files = ((f"{name}.py", text) for name, text in task.given.items())
        section = replace(section, borrowed=tuple(Cell(f, f, None, text) for f, text in files))
        completed = replace(submission, modules={**task.given, **submission.modules})
        process = self.resources.open_process(task, section, completed)
        solution, examples = self.resources.solution(task), self.resources.examples(task)
        return FunctionGrader(task, process, solution, seed, examples)

    def _doubts(self, task: Task, section: Section, examined: Examined) -> Iterator[str]:
        """Yield a note if a section may be for another task.

        That is so if its forward pass or model is wrong by the verdicts in ``examined``, and the
        user did not name the task. At most one note is yielded: that the text does not say which
        task it is, or that the forward pass is exactly that of another task.
        """
        first = ("model", "forward")
        is_right = all(v.state == "pass" for v in examined.verdicts if v.check in first)
        if is_right or task.id in self.settings.tasks:
            return
        batch = examined.case.probes.forward[-1]
        outcome = examined.case.observations.outcomes.get(batch.name)
        y_hat = None if outcome is None else outcome.outputs.get("y_hat")
        if len(section.tasks) > 1:
            yield format_text(
                "No heading and no file name says which task this is. gradkit chose “{title}”, "
                "because the code is most similar to this task. To choose another task, add "
                "--task.",
                title=task.title,
            )
        elif y_hat is not None and (other := other_task_with(y_hat, task, self.tasks, batch)):
            yield format_text(
                "The forward pass is exactly the forward pass of “{title}”. If you mean this task, "
                "add --task.",
                title=other.title,
            )

    def refused(
        self, name: str, path: str, digest: str, reason: str, seed: int | None = None
    ) -> Result:
        """Return the result of a submission that could not be graded, with its tasks unchecked.

        These are the tasks that the settings name, or all tasks of the assignment. ``name``,
        ``path`` and ``digest`` are those of the submission; ``reason`` is a sentence.
        Without a ``seed``, that of the settings is stored.
        """
        seed = (self.settings.seed or 0) if seed is None else seed
        empty = self._empty_result(Submission(name, path, digest, (), {}), seed, ())
        tasks = [task for task in self.gradable if task.id in (self.settings.tasks or (task.id,))]
        refused = refused_result(empty, tasks, reason, self.scheme)
        return self._with_required(refused, self.required)

    def _with_required(self, result: Result, required: tuple[str, ...]) -> Result:
        """Return a result with the required tasks, and with the number of tasks of the exercise.

        That number is 0 if none of the graded tasks belongs to the assignment.
        """
        own = {task.id for task in self.all_tasks}
        has_own = any(task.task in own for task in result.tasks)
        count = len(self.settings.tasks if self.settings.handed_in else ()) or len(own)
        return replace(result, required=required, all_tasks=count if has_own else 0)

    def _empty_result(
        self, submission: Submission, seed: int, tasks: Sequence[Task | FunctionTask]
    ) -> Result:
        """Return a result without marks, for the ``tasks`` that are about to be graded.

        It has the submission's name, path, digest and problems, and the versions of the tasks'
        modules.
        """
        return Result(
            submission=submission.name,
            assignment=self.assignment.id,
            form=self.settings.form,
            seed=seed,
            oracle="reference" if self.keyed else "derived",
            provisional=False,
            score=0.0,
            max_score=0.0,
            tasks=(),
            problems=submission.problems,
            versions=versions_of(name for task in tasks for name in task.framework.modules),
            digests={"submission": submission.digest, **self.digests},
            tier=0,
            path=submission.path,
            preset=self.scheme.preset,
            visibility=self.assignment.visibility,
        )

    def __exit__(self, *exception: object) -> None:
        """Close the workshop, if the session has opened it."""
        self.resources.close()


def read_submission(path: Path) -> Submission:
    """Read the submission in a file, a folder or an archive.

    Raises
    ------
    GradingError
        The path cannot be read.
    """
    try:
        return read(path)
    except SubmissionError as error:
        raise GradingError(str(error)) from None


CUT_SHORT = (
    "The search for mistakes was stopped after {seconds} seconds of computing: this code takes "
    "too long to examine. You get points for right entries."
)
"""Note on a function task if the search for mistakes reached the task's deadline."""


def _diagnose_functions(
    grader: FunctionGrader, verdicts: Sequence[Verdict], repairs: list[Repair]
) -> tuple[Inquiry, tuple[Verdict, ...]]:
    """Search for the mistakes behind the failed checks of a function task.

    ``grader`` has graded it. The ``repairs`` of other tasks are tried first, and those found here
    are added to the list. Return the inquiry, and the verdicts that count from now on.
    """
    if all(verdict.state not in FAILED for verdict in verdicts):
        return Inquiry(), (*verdicts,)
    # Imported here because right submissions do not need it.
    from gradkit.grading import explained
    from gradkit.grading.repairs import mend_functions

    section = grader.process.section
    with grader.process.counting_cpu_time():
        mended = mend_functions(grader, verdicts, earlier=repairs)
    repairs += mended.told
    inquiry = explained.as_submitted(mended.inquiry, (*section.own, *section.shared))
    return inquiry, tuple(mended.verdicts.get(verdict.check, verdict) for verdict in verdicts)


def _with_crashes(task: Task | FunctionTask, section: Section, evidence: Evidence) -> Inquiry:
    """Return the inquiry of a task, with findings on lines that crash or that return nothing.

    ``evidence`` has the verdicts and the inquiry so far, ``section`` the text. Without such a line,
    the inquiry so far is returned.
    """
    if not any(verdict.exception or verdict.returns_none for verdict in evidence.verdicts):
        return evidence.inquiry
    # Imported here because right submissions do not need it.
    from gradkit.diagnosis.crashes import with_crashes

    cells = (*section.own, *section.shared)
    return with_crashes(evidence.verdicts, evidence.inquiry, cells, task.id)


def _remark_on_files(task: Task | FunctionTask, claim: Claim) -> Inquiry:
    """Return one remark if other files of a net task have different code, else none."""
    if isinstance(task, FunctionTask) or not claim.differs:
        return Inquiry()
    # Imported here because few submissions have several such files.
    from gradkit.diagnosis.inquiry import remark_on_several_files

    return Inquiry((remark_on_several_files(task),))


def _places(inquiry: Inquiry, verdicts: Iterable[Verdict]) -> Iterator[Place]:
    """Yield the places of findings that students may see, then the places of verdicts.

    Of the findings, first all ``places`` are yielded, then each ``place``; places may repeat.
    """
    findings = [f for f in inquiry.findings if f.mistake not in FOR_INSTRUCTORS]
    for finding in findings:
        yield from finding.places
    firsts = [finding.place for finding in findings] + [verdict.place for verdict in verdicts]
    yield from (place for place in firsts if place is not None)


# --- for pytest, notebooks and reproducers ---------------------------------------------


class Recognised(Struct, frozen=True):
    """A submission that has been read, and the tasks that it will be graded for.

    ``claimed`` has the sections by task id. It may contain more tasks than ``tasks``.
    """

    submission: Submission
    claimed: Mapping[str, Claim]
    tasks: tuple[Task | FunctionTask, ...]


def recognise(session: Session, path: Path) -> Recognised:
    """Read the submission at a path and find its tasks, without grading them.

    Raises
    ------
    GradingError
        See `gradkit.grading.session.Session.grade`.
    """
    named, submission = session.settings.tasks, read_submission(path)
    claimed = session.claims(submission, named)
    if not claimed:
        raise GradingError(refusal(submission, session.assignment))
    tasks = tuple(session.task(name) for name in claimed if name in (named or claimed))
    return Recognised(submission, claimed, tasks)


def grade_recognised(
    session: Session, path: Path, found: Recognised, chosen: Collection[str]
) -> Result:
    """Grade the chosen tasks of a recognised submission as `Session.check` grades them.

    Recognising calls the forward pass. If that hangs, it takes seconds, so it is not repeated.

    Parameters
    ----------
    session : Session
    path : Path
        The path that `recognise` has read.
    found : Recognised
    chosen : collection of str
        The ids of the tasks to grade.

    Raises
    ------
    GradingError
        See `gradkit.grading.session.Session.grade`.
    """
    if len(chosen) < len(found.tasks):
        sections = found.submission, found.claimed
        return session.grade_sections(*sections, named=tuple(chosen)).result
    # If several tasks are named, `recognise` also claims those that the submission lacks.
    is_same = len(session.settings.tasks) < 2
    return session.check(path, found.claimed if is_same else None)


def find_confused_task(session: Session, submission: Submission, section: Section) -> Task | None:
    """Return another net task whose forward pass a section computes exactly, or None.

    Raises
    ------
    GradingError
        The grader failed, or the code is nested too deeply.
    """
    with refusals(submission):
        open_process = session.resources.open_process
        return NetFinder(submission, session.tasks, (), open_process).other_task_of(section)


@contextmanager
def student_functions(session: Session, path: Path, task: str) -> Iterator[StudentFunctions]:
    """Start the process of a submission, and yield the functions that play a task's roles.

    ``path`` is the submission's, ``task`` the id of the task. The functions can then be called one
    by one.

    Raises
    ------
    GradingError
        See `gradkit.grading.session.Session.grade`.
    """
    from gradkit.sandbox.functions import StudentFunctions  # few callers need it

    submission = read_submission(path)
    chosen, section, binding, _ = binding_of(session, submission, task)
    with session.resources.open_process(chosen, section, submission) as process:
        yield StudentFunctions(chosen, binding, process)


def answers(session: Session, task: Task) -> Answers:
    """Return the functions that compute the right values of a task, for one example at a time."""
    return Answers(task, session.resources.oracle(task))


def run_function_grader(
    session: Session, submission: Submission, task: str, seed: int
) -> FunctionGrader:
    """Grade a submission for a function task without diagnosis, and return the used grader.

    ``task`` is the id of the task, and ``seed`` draws the inputs. The grader's process has ended.

    Raises
    ------
    GradingError
        The grader failed, or the code is nested too deeply.
    """
    with refusals(submission):
        chosen, claimed = session.task(task), session.claims(submission, (task,))
        assert isinstance(chosen, FunctionTask)  # noqa: S101  (callers only pass such tasks)
        grader = session.grader_of(chosen, claimed[task].section, submission, seed)
        with grader.process:
            grader.grade()
    return grader


def binding_of(
    session: Session, submission: Submission, task: str
) -> tuple[Task, Section, Binding, frozenset[str]]:
    """Find the section of a net task, and the functions that play its roles.

    Returns
    -------
    Task
    Section
    Binding
    frozenset of str
        Names that the section must not take from the sections of other tasks.

    Raises
    ------
    GradingError
        The grader failed, the code is nested too deeply, or several tasks are possible.
    """
    with refusals(submission):
        open_process = session.resources.open_process
        finder = NetFinder(submission, session.tasks, (task,), open_process)
        claimed = finder.claims(keep_named=True)
        chosen = next(each for each in session.tasks if each.id == task)
        section = claimed[task].section
        with open_process(chosen, section, submission) as process:
            binding, section = bind(chosen, process), process.section
    return chosen, section, binding, session.resources.forbidden
