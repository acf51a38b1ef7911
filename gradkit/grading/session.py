"""Grade one submission, from a path to a result, in this order.

    read → recognise → examine (bind → draw probes → observe → judge) → diagnose → assess

What the student's code did comes from one side, what it should have done from the other; they
meet here, and only through records.
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
from gradkit.formatting import format_text
from gradkit.grading.assess import (
    assess,
    digest_basis,
    digest_questions,
    mark_absent,
    refused_result,
    tolerances_of,
    verdicts_without_run,
    versions_of,
    with_totals,
)
from gradkit.grading.claim import claim_functions, left_for_nets, refusal
from gradkit.grading.examine import diagnose, examine
from gradkit.grading.functions import FunctionGrader, with_places
from gradkit.grading.notices import function_remarks, notices_of_text
from gradkit.grading.points import Scheme
from gradkit.grading.recognise import Forwards, refusals, speaks, whose
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
from gradkit.judge.case import Examined
from gradkit.loading import is_installed
from gradkit.records.observations import Binding
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
from gradkit.records.submission import Cell, Claim, Place, Section, Submission
from gradkit.records.task import FunctionTask, Task
from gradkit.sandbox import Workshop
from gradkit.sandbox.functions import StudentFunctions
from gradkit.submission.definitions import definitions, listings
from gradkit.submission.files import SubmissionError
from gradkit.submission.read import read
from gradkit.task.assignment import gallery_functions
from gradkit.task.oracle import Answers, OracleError

if TYPE_CHECKING:
    from gradkit.grading.changed_text import Told

REDRAWS = 3
"""How often inconclusive checks are asked again with other probes."""

WITHOUT_TORCH = (
    "torch is not installed here. To have torch tasks checked: pip install 'gradkit[torch]'"
)


class Session(AbstractContextManager["Session"]):
    """A context manager that grades submissions one after another.

    Parameters
    ----------
    settings : Settings
    workshop : Workshop, optional
        Runs the submissions' code. Another is opened when it is needed.
    budget : TimeBudget, optional
        Hurries submissions along: what takes much longer than its like is given up with
        `OverdueError`, to be graded at leisure later. None leaves each its whole deadline.

    Raises
    ------
    GradingError
        The assignment or the reference cannot be used.
    """

    def __init__(
        self, settings: Settings, workshop: Workshop | None = None, budget: TimeBudget | None = None
    ) -> None:
        self.assignment, self._reference = assignment_and_reference(settings)
        self.settings = settings
        self.tasks = tasks_of(self.assignment, settings.form)
        self.digests = digests_of(self.assignment, self._reference)
        self.resources = Resources(settings, self.tasks, self._reference, workshop, budget)

    @property
    def keyed(self) -> bool:
        """Whether model solutions are at hand, which a student has not."""
        return self._reference is not None

    @property
    def hints(self) -> int:
        """The hint level: all of it where there is a reference, else the assignment's."""
        return 4 if self.keyed else self.assignment.hints

    @property
    def all_tasks(self) -> tuple[Task | FunctionTask, ...]:
        """All tasks of the assignment, in its order but for the kinds."""
        return (*self.tasks, *self.assignment.functions)

    @property
    def gradable(self) -> tuple[Task | FunctionTask, ...]:
        """All tasks of the assignment, and those of others that are asked for."""
        others = {*self.settings.tasks} - {task.id for task in self.all_tasks}
        found = gallery_functions() if others else ()
        return (*self.all_tasks, *(task for task in found if task.id in others))

    def task(self, name: str) -> Task | FunctionTask:
        """Return a task by its id: the assignment's, or one of what comes with gradkit."""
        own = {task.id: task for task in self.all_tasks}
        return own.get(name) or next(task for task in gallery_functions() if task.id == name)

    @property
    def required(self) -> tuple[str, ...]:
        """Ids of the tasks that count, handed in or not: those asked for, else the assignment's."""
        return required_of(self.settings, self.assignment)

    @property
    def scheme(self) -> Scheme:
        """The rules by which verdicts become points, with the preset of the settings if given."""
        dropped, accepted = self.settings.dropped, self.settings.accepted
        if dropped or accepted:
            # Imported here because few classes do either, and the catalogue takes time to load.
            from gradkit.diagnosis.catalogue import current_code

            dropped, accepted = (tuple(map(current_code, each)) for each in (dropped, accepted))
        return Scheme(
            self.assignment.step,
            self.settings.preset or self.assignment.preset,
            self.assignment.deductions,
            derived=not self.keyed,
            dropped=frozenset(dropped),
            accepted=frozenset(accepted),
        )

    def refuse_unusable(self) -> None:
        """Refuse what nobody can be graded against: better once than for everybody in a class.

        Torch would take seconds to load, whether or not anybody uses it.

        Raises
        ------
        GradingError
            A model solution cannot be used, or there is none where there must be one.
        """
        try:
            for task in self.tasks:
                if not task.framework.modules:
                    self.resources.oracle(task)
        except OracleError as error:
            raise GradingError(str(error)) from None

    def check(self, path: Path, claimed: Mapping[str, Claim] | None = None) -> Result:
        """Grade the submission at a path. A single script need not have other tasks. See `grade`.

        The parameter ``claimed`` has the sections of `claims`, if they are known.
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
            Draws the probes, unless the settings have a seed. By default a fresh one.
        named : sequence of str, optional
            The tasks that a person has said it is, by id, whatever is found in it; else it is
            those of the settings' that it has anything for.
        whole : bool
            Whether it is all that a student hands in: what counts and is not there is missing.
        claimed : mapping of str to Claim, optional
            The sections that `claims` found, if it was called before.

        Returns
        -------
        Graded
            The result, with the evidence that it can be marked again from.

        Raises
        ------
        GradingError
            It holds none of the tasks, or is nested too deeply to be read.
        BreakdownError
            The grader's own side failed.
        OverdueError
            It was hurried and did not come to its end.
        """
        said = bool(named)
        named = named or self.settings.tasks
        if claimed is None:
            claimed = self.claims(submission, named, said=said)
        required = self.required if whole or self.settings.handed_in else self.settings.tasks
        graded = self.grade_sections(submission, claimed, seed, named, required)
        made = definitions(submission.cells)
        # What is only imported is nobody's work here.
        own = frozenset(name for name, each in made.items() if each.node is not None)
        told = (each for each in graded.evidence if not each.absent)
        broken = {each.place for each in submission.problems if each.broken and each.place}
        if not said and not any(speaks(each, own, broken) for each in told):
            other = self._of_others(submission, seed, own) if named else ""
            raise GradingError(other or refusal(submission, self.assignment))
        return replace(graded, result=self._counting(graded.result, required))

    def _of_others(self, submission: Submission, seed: int | None, own: Collection[str]) -> str:
        """Return the sentence for a submission of tasks that are not asked for, if it is of any."""
        try:
            claimed = self.claims(submission)
        except BreakdownError:
            raise
        except GradingError:
            return ""
        graded = self.grade_sections(submission, claimed, seed)
        pairs = zip(graded.result.tasks, graded.evidence, strict=True)
        titles = [task.title for task, evidence in pairs if speaks(evidence, own)]
        wanted = [task.title for task in self.gradable if task.id in self.settings.tasks]
        text = "{name}: this is “{titles}”. Asked for here is “{wanted}”."
        found = {"titles": "”, “".join(titles), "wanted": "”, “".join(wanted)}
        return format_text(text, name=submission.name, **found) if titles else ""

    def claims(
        self, submission: Submission, named: Sequence[str] = (), *, said: bool = True
    ) -> dict[str, Claim]:
        """Return the sections to grade by task id: net tasks first, then function tasks.

        With ``named`` tasks only these are looked for. All of them are in the answer if ``said``,
        else those for which the submission has anything. In a submission of function tasks a file
        whose name or heading says a net task must also have a main function of that task.

        Raises
        ------
        GradingError
            See `gradkit.grading.recognise.refusals`, and `Forwards` there.
        """
        opened, alone = self.resources.open_process, len(named) == 1
        with refusals(submission):
            functions = claim_functions(submission, self.assignment, named, said=said)
            # Where all that is shipped may be meant, a file of one exercise is not another's.
            shipped = self.settings.assignment is None
            rest = left_for_nets(submission, self.assignment, functions) if shipped else submission
            forwards = Forwards(rest, self.tasks, named, opened)
            nets = forwards.claims(said=said or alone)
            if functions and not named:
                nets = {name: c for name, c in nets.items() if forwards.has_main_function(name, c)}
        return {**nets, **functions}

    def grade_sections(
        self,
        submission: Submission,
        claimed: Mapping[str, Claim],
        seed: int | None = None,
        named: Sequence[str] = (),
        required: Sequence[str] = (),
    ) -> Graded:
        """Grade sections that are known to speak for their tasks. See `grade`."""
        if self.settings.seed is not None:
            seed = self.settings.seed
        seed = secrets.randbits(32) if seed is None else seed
        chosen = [self.task(name) for name in claimed if name in (named or claimed)]
        there = {task.id for task in chosen}
        with refusals(submission):
            told: list[Told] = []
            taken = [self._grade(task, claimed[task.id], submission, seed, told) for task in chosen]
        taken += [
            mark_absent(task, seed, self.scheme, form=self.settings.form, digests=self.digests)
            for task in self.gradable
            if task.id in required and task.id not in there
        ]
        result = self._result(submission, seed, chosen)
        tier = max((evidence.tier for evidence, _ in taken), default=0)
        result = replace(with_totals(result, [marks for _, marks in taken]), tier=tier)
        return Graded(result, tuple(evidence for evidence, _ in taken))

    def _grade(
        self,
        task: Task | FunctionTask,
        claim: Claim,
        submission: Submission,
        seed: int,
        told: list[Told],
    ) -> tuple[Evidence, TaskResult]:
        """Return the evidence of the section that speaks for a task, and its marks.

        What is ``told`` of it comes to that of other tasks.
        """
        section, scheme = claim.section, self.scheme
        notes = (claim.note,) if claim.note else ()
        evidence = Evidence(task.id, seed, inquiry=_of_claim(task, claim), notes=notes)
        if not is_installed(*task.framework.modules):
            evidence = replace(evidence, unchecked=WITHOUT_TORCH)
            return evidence, assess(task, evidence, verdicts_without_run(task, evidence), scheme)
        if isinstance(task, FunctionTask):
            evidence = self._of_functions(task, section, submission, evidence, told)
            scheme = replace(scheme, derived=self.resources.solution(task) is None)
        else:
            evidence = self._of_net(task, section, submission, evidence)
        evidence = replace(
            evidence,
            # Only now: a finding for a crash needs the line that stops.
            inquiry=_with_crashes(task, section, evidence),
            verdicts=(
                with_places(task, section, evidence.verdicts)
                if isinstance(task, FunctionTask)
                else evidence.verdicts
            ),
            basis=digest_basis(task, self.settings.form, self.digests),
            tolerances=tolerances_of(task),
        )
        places = _places(evidence.inquiry, evidence.verdicts)
        noticed = notices_of_text(evidence.verdicts, (*section.own, *section.shared))
        evidence = replace(
            evidence, listings=listings(submission.cells, places), notices=tuple(noticed)
        )
        return evidence, assess(task, evidence, evidence.verdicts, scheme)

    def _of_net(
        self, task: Task, section: Section, submission: Submission, before: Evidence
    ) -> Evidence:
        """Return what comes of a net's section, beside what is known before it is run."""
        seed, oracle = before.seed, self.resources.oracle(task)
        for redraw in range(1 + REDRAWS):
            with self.resources.open_process(task, section, submission) as process:
                examined = examine(task, process, oracle, seed + redraw)
                self.resources.note(task, process)
                settled = all(verdict.state != "inconclusive" for verdict in examined.verdicts)
                if settled or redraw == REDRAWS:
                    asked = not task.framework.published or self.settings.form == "correct"
                    inquiry, short = diagnose(task, process, examined, oracle, seed, asked=asked)
                    break
        return replace(
            before,
            seed=seed + redraw,
            questions=digest_questions(task, examined.case.probes),
            verdicts=examined.verdicts,
            binding=examined.case.binding,
            observations=examined.case.observations,
            inquiry=replace(inquiry, findings=(*inquiry.findings, *before.inquiry.findings)),
            notes=(*before.notes, *short, *self._doubts(task, section, examined)),
            tier=examined.tier,
        )

    def _of_functions(
        self,
        task: FunctionTask,
        section: Section,
        submission: Submission,
        before: Evidence,
        told: list[Told],
    ) -> Evidence:
        """Return what comes of a section of functions, beside what is known before it is run."""
        for redraw in range(1 + REDRAWS):
            seed = before.seed + redraw
            grader = self.grader_of(task, section, submission, seed)
            with grader.process as process:
                verdicts = grader.grade()
                ends = redraw == REDRAWS or all(v.state != "inconclusive" for v in verdicts)
                inquiry = _inquiry(grader, verdicts, told) if ends else Inquiry()
                remarks = function_remarks(grader, verdicts, inquiry.causes)
                inquiry = replace(inquiry, findings=(*inquiry.findings, *remarks))
                self.resources.note(task, process)
            if ends:
                break
        cut = (format_text(CUT_SHORT, seconds=f"{task.deadline:g}"),) if grader.is_cut_short else ()
        found = {"verdicts": verdicts, "inquiry": inquiry, "notes": (*before.notes, *cut)}
        return replace(before, seed=seed, tier=process.tier, **found)

    def grader_of(
        self, task: FunctionTask, section: Section, submission: Submission, seed: int
    ) -> FunctionGrader:
        """Return what grades the section that speaks for a task, in a process to be entered."""
        # What the course hands out stands in for names that the student has none for.
        files = ((f"{name}.py", text) for name, text in task.given.items())
        section = replace(section, borrowed=tuple(Cell(f, f, None, text) for f, text in files))
        given = replace(submission, modules={**task.given, **submission.modules})
        process = self.resources.open_process(task, section, given)
        solution, examples = self.resources.solution(task), self.resources.examples(task)
        return FunctionGrader(task, process, solution, seed, examples)

    def _doubts(self, task: Task, section: Section, examined: Examined) -> Iterator[str]:
        """Yield what there is to say where code alone told the task, and it is not all right."""
        first = ("model", "forward")
        right = all(v.state == "pass" for v in examined.verdicts if v.check in first)
        if right or task.id in self.settings.tasks:
            return
        batch = examined.case.probes.forward[-1]
        outcome = examined.case.observations.outcomes.get(batch.name)
        y_hat = None if outcome is None else outcome.outputs.get("y_hat")
        if len(section.tasks) > 1:
            yield format_text(
                "Neither a heading nor the file's name says which task this is; its code is "
                "nearest to “{title}”. If it is another, name it with --task.",
                title=task.title,
            )
        elif y_hat is not None and (other := whose(task, self.tasks, batch, y_hat)) is not None:
            yield format_text(
                "Its forward pass is exactly that of “{title}”. If it is that task, name it with "
                "--task.",
                title=other.title,
            )

    def refused(
        self, name: str, path: str, digest: str, told: str, seed: int | None = None
    ) -> Result:
        """Return the result of a submission that could not be graded, and why."""
        seed = (self.settings.seed or 0) if seed is None else seed
        empty = self._result(Submission(name, path, digest, (), {}), seed, ())
        refused = refused_result(empty, self.gradable, told, self.scheme)
        return self._counting(refused, self.required)

    def _counting(self, result: Result, required: tuple[str, ...]) -> Result:
        """Note which tasks count, and how many the exercise has that it is of."""
        own = {task.id for task in self.all_tasks}
        known = any(task.task in own for task in result.tasks)
        asked = len(self.settings.tasks if self.settings.handed_in else ()) or len(own)
        return replace(result, required=required, all_tasks=asked if known else 0)

    def _result(
        self, submission: Submission, seed: int, tasks: Sequence[Task | FunctionTask]
    ) -> Result:
        """Return all of a result but its marks."""
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
        self.resources.close()


def read_submission(path: Path) -> Submission:
    """Read what is at a path.

    Raises
    ------
    GradingError
        It cannot be read.
    """
    try:
        return read(path)
    except SubmissionError as error:
        raise GradingError(str(error)) from None


CUT_SHORT = (
    "The search for mistakes was stopped after {seconds} seconds of computing: this code takes "
    "too long to examine. Points are for right entries."
)


def _inquiry(grader: FunctionGrader, verdicts: Sequence[Verdict], told: list[Told]) -> Inquiry:
    """Return explanations of the failed checks of a function task.

    The repairs found are added to ``told``, which other tasks try first.
    """
    if all(verdict.state not in FAILED for verdict in verdicts):
        return Inquiry()
    # Late: who is right never needs it.
    from gradkit.grading import explained
    from gradkit.grading.repairs import mend_functions

    section = grader.process.section
    mended = mend_functions(grader, verdicts, earlier=told)
    told += mended.told
    return explained.as_submitted(mended.inquiry, (*section.own, *section.shared))


def _with_crashes(task: Task | FunctionTask, section: Section, evidence: Evidence) -> Inquiry:
    """Return the findings of a task, with those on lines that stop the code."""
    if not any(verdict.exception or verdict.returns_none for verdict in evidence.verdicts):
        return evidence.inquiry
    # Late: who is right never needs it.
    from gradkit.diagnosis.crashes import with_crashes

    cells = (*section.own, *section.shared)
    return with_crashes(evidence.verdicts, evidence.inquiry, cells, task.id)


def _of_claim(task: Task | FunctionTask, claim: Claim) -> Inquiry:
    """Return what there is to remark where other code than what counts plays the same roles."""
    if isinstance(task, FunctionTask) or not claim.differs:
        return Inquiry()
    # Late: few submissions have any.
    from gradkit.diagnosis.inquiry import several

    return Inquiry((several(task),))


def _places(inquiry: Inquiry, verdicts: Iterable[Verdict]) -> Iterator[Place]:
    """Yield where findings that students may see and checks point, findings first."""
    findings = [f for f in inquiry.findings if f.mistake not in FOR_INSTRUCTORS]
    for finding in findings:
        yield from finding.places
    firsts = [finding.place for finding in findings] + [verdict.place for verdict in verdicts]
    yield from (place for place in firsts if place is not None)


# --- what else can be asked ------------------------------------------------------------


class Recognised(Struct, frozen=True):
    """A submission that has been read, with its section for each task it will be graded for.

    ``claimed`` has the sections by task id. Of these ``tasks`` will be graded.
    """

    submission: Submission
    claimed: Mapping[str, Claim]
    tasks: tuple[Task | FunctionTask, ...]


def recognise(session: Session, path: Path) -> Recognised:
    """Read a submission and find its tasks, without grading them.

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

    Recognising calls the forward pass. If it hangs, that takes seconds, which are not spent again.

    Parameters
    ----------
    session : Session
    path : Path
        The submission's place.
    found : Recognised
    chosen : collection of str
        Ids of tasks.

    Raises
    ------
    GradingError
        See `gradkit.grading.session.Session.grade`.
    """
    if len(chosen) < len(found.tasks):
        sections = found.submission, found.claimed
        return session.grade_sections(*sections, named=tuple(chosen)).result
    # Of several named tasks, `recognise` claims those too that the submission has nothing for.
    same = len(session.settings.tasks) < 2
    return session.check(path, found.claimed if same else None)


def mistaken_for(session: Session, submission: Submission, section: Section) -> Task | None:
    """Another task, where the section's forward pass is exactly that one's.

    Raises
    ------
    GradingError
        The grader's own side failed.
    """
    with refusals(submission):
        opened = session.resources.open_process
        return Forwards(submission, session.tasks, (), opened).resembled(section)


@contextmanager
def student_functions(session: Session, path: Path, task: str) -> Iterator[StudentFunctions]:
    """Open the functions of a submission that play a task's roles, to be called one by one.

    Raises
    ------
    GradingError
        See `gradkit.grading.session.Session.grade`.
    """
    submission = read_submission(path)
    chosen, section, binding, _ = binding_of(session, submission, task)
    with session.resources.open_process(chosen, section, submission) as process:
        yield StudentFunctions(chosen, binding, process)


def answers(session: Session, task: Task) -> Answers:
    """Return what is right for a task, one example at a time."""
    return Answers(task, session.resources.oracle(task))


def grader_of(session: Session, submission: Submission, task: str, seed: int) -> FunctionGrader:
    """Return what has graded the section that speaks for a function task.

    Raises
    ------
    GradingError
        The grader's own side failed.
    """
    with refusals(submission):
        chosen, claimed = session.task(task), session.claims(submission, (task,))
        assert isinstance(chosen, FunctionTask)  # noqa: S101  (whoever asks knows)
        grader = session.grader_of(chosen, claimed[task].section, submission, seed)
        with grader.process:
            grader.grade()
    return grader


def binding_of(
    session: Session, submission: Submission, task: str
) -> tuple[Task, Section, Binding, frozenset[str]]:
    """Return the section that speaks for a task, with what plays which role in it.

    The last item are names that the section must not take from others.

    Raises
    ------
    GradingError
        The grader's own side failed, or it cannot be told what speaks for the task.
    """
    with refusals(submission):
        opened = session.resources.open_process
        claimed = Forwards(submission, session.tasks, (task,), opened).claims(said=True)
        chosen = next(each for each in session.tasks if each.id == task)
        section = claimed[task].section
        with opened(chosen, section, submission) as process:
            binding = bind(chosen, process)
    return chosen, section, binding, session.resources.forbidden
