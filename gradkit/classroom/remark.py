"""Mark a class again from the stored evidence, without running any student code.

A new rubric, new tolerances, and a withdrawn or priced finding change the points for the stored
outputs. With other inputs (data, layers, initial weights, epochs) the submissions must be graded
again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, lru_cache, partial
from pathlib import Path
from types import MappingProxyType

from msgspec import Struct
from msgspec.structs import replace

from gradkit.classroom.decisions import (
    decided_settings,
    decisions,
    refuse_decisions,
    refuse_unseen,
)
from gradkit.classroom.grade import refuse_unfit
from gradkit.classroom.policy import policy
from gradkit.classroom.reports.summary import cautions, everybody
from gradkit.classroom.store.counted import Counting, changed_policy
from gradkit.classroom.store.prices import NO_DEDUCTIONS, set_prices
from gradkit.classroom.store.results import (
    Store,
    filed_of,
    key_base,
    key_of,
    pack,
    settings_in,
    settings_of,
    unpack,
)
from gradkit.classroom.worker_pool import map_chunks
from gradkit.diagnosis.catalogue import all_codes
from gradkit.grading.assess import (
    StaleError,
    assess,
    digest_basis,
    judge_again,
    mark_absent,
    tolerances_of,
    verdicts_without_run,
    with_totals,
)
from gradkit.grading.points import Scheme
from gradkit.grading.session import Session
from gradkit.grading.settings import GradingError, Settings
from gradkit.records.classroom import Change, Filed, Kept, Remarked
from gradkit.records.course import Policy
from gradkit.records.result import Evidence, Result, TaskResult, Verdict
from gradkit.records.task import Form, FunctionTask, Preset, Task
from gradkit.task.assignment import DEFAULT, gallery_functions
from gradkit.task.oracle import OracleError


class Marker:
    """Marks stored evidence by the present version of an assignment.

    Parameters
    ----------
    settings : Settings

    Raises
    ------
    GradingError
        The assignment or the model solutions cannot be used.
    """

    def __init__(self, settings: Settings) -> None:
        """Open a session with the settings, for marking without running code."""
        self._settings = settings
        # A stored result is marked by the form of the assignment that it was graded by.
        self._session_of = cache(lambda form: Session(replace(settings, form=form)))
        self.session: Session = self._session_of(settings.form)
        self._tasks_of = cache(self._load_tasks)
        self._basis_of = cache(self._compute_basis)

    def __reduce__(self) -> tuple[Callable[[Settings], Marker], tuple[Settings]]:
        """Pickle only the settings: each process reads the files itself, once."""
        return _marker_of, (self._settings,)

    def mark(self, result: Result, evidence: Sequence[Evidence]) -> Result:
        """Return the result that follows from stored evidence by the present assignment.

        Required tasks without evidence count as not submitted.

        Raises
        ------
        StaleError
            The evidence is not enough to decide the marks: see `judge_again`.
        """
        form, session = result.form, self.session
        scheme, required, digests = session.scheme, session.required, session.digests
        submitted = {of_task.task: of_task for of_task in evidence if not of_task.absent}
        marked = []
        for name in dict.fromkeys([*(task.task for task in result.tasks), *required]):
            if name in submitted:
                marked.append(self._mark_task(form, name, submitted[name], scheme))
            elif name in required:
                task = self._tasks_of(form)[name]
                marked.append(mark_absent(task, result.seed, scheme, form=form, digests=digests)[1])
        return replace(
            with_totals(result, marked),
            digests={"submission": result.digests["submission"], **digests},
            preset=scheme.preset,
            oracle="reference" if session.keyed else "derived",
            visibility=session.assignment.visibility,
            required=required,
        )

    def _mark_task(self, form: Form, name: str, own: Evidence, scheme: Scheme) -> TaskResult:
        """Return the result of a submitted task, computed again from its stored evidence ``own``.

        ``form`` is the form of the exercise, and ``name`` the id of the task. ``scheme`` has the
        settings by which verdicts become points.

        Raises
        ------
        StaleError
            The task is no longer in the assignment, the code of a task of functions has to run
            again, or the evidence is not enough.
        """
        task = self._tasks_of(form).get(name)
        if task is None:
            raise StaleError(f"{name} is no longer in the assignment")
        if isinstance(task, Task):
            return assess(task, own, self._verdicts(form, task, own), scheme)
        if own.basis != self._basis_of(form, name):
            raise StaleError(
                f"the functions of {name} have to run again, because it or its model solution "
                "has changed"
            )
        return assess(task, own, own.verdicts, scheme)

    def refuse(self, result: Result, kept: Kept) -> Result:
        """Return the result of a submission that was refused or failed, with the present tasks."""
        return self.session.refused(kept.name, kept.path, kept.digest, kept.told, result.seed)

    def _verdicts(self, form: Form, task: Task, evidence: Evidence) -> tuple[Verdict, ...]:
        """Return the verdicts on the checks of a net task, from its stored evidence.

        ``form`` is the form of the exercise. A stored verdict is returned if the task and the
        check's tolerances are those of the time of storing; other checks are judged again by the
        recorded outputs.

        Raises
        ------
        StaleError
            The evidence is not enough, or the model solution gives no expected values.
        """
        known: tuple[Verdict, ...] = ()
        if evidence.basis == self._basis_of(form, task.id):
            new, old = tolerances_of(task), evidence.tolerances
            if new == old:
                return evidence.verdicts
            known = tuple(v for v in evidence.verdicts if new[v.check] == old.get(v.check))
        if evidence.observations is None:
            return verdicts_without_run(task, evidence)
        try:
            oracle = self._session_of(form).resources.oracle(task)
        except OracleError as error:
            raise StaleError(str(error).rstrip(".")) from None
        return judge_again(task, oracle, evidence, known)

    def _load_tasks(self, form: Form) -> dict[str, Task | FunctionTask]:
        """Return the tasks by id; for gradkit's default assignment also the gallery's tasks."""
        session = self._session_of(form)
        shipped = session.assignment.path == str(DEFAULT)
        tasks = (*(gallery_functions() if shipped else ()), *session.all_tasks)
        return {task.id: task for task in tasks}

    def _compute_basis(self, form: Form, name: str) -> str:
        """Return a digest of everything that a task's verdicts depend on."""
        return digest_basis(self._tasks_of(form)[name], form, self.session.digests)


@lru_cache(maxsize=1)
def _marker_of(settings: Settings) -> Marker:
    """Return the marker for these settings, made once per process."""
    return Marker(settings)


CHUNK = 50
"""Results that are sent to a process at a time."""

ALONE = 200
"""Largest number of results marked in this process: starting others would take longer."""


class _Stored(Struct, frozen=True):
    """A stored result with its evidence, and the key that the new result is to get."""

    kept: Kept
    key: str
    result: bytes
    evidence: bytes | None


_Marked = tuple[Kept, Filed | None, str]
"""A stored result, its new result (None if unchanged or stale), and why it is stale."""


NO_PRICES: Mapping[str, float] = MappingProxyType({})

NOTHING_SEEN: Mapping[str, str] = MappingProxyType({})


def remark_class(
    folder: Path,
    *,
    assignment: Path | None = None,
    reference: Path | None = None,
    no_reference: bool = False,
    preset: Preset | None = None,
    drops: Sequence[str] = (),
    keeps: Sequence[str] = (),
    accepts: Sequence[str] = (),
    prices: Mapping[str, float] = NO_PRICES,
    unprices: Sequence[str] = (),
    seen: Mapping[str, str] = NOTHING_SEEN,
    attempt: str | None = None,
    new_version: bool = False,
    why: str = "",
    by: str = "",
    dry_run: bool = False,
    workers: int = 1,
) -> Remarked:
    """Mark a class again, with the settings of its last run except for those that are given.

    Parameters
    ----------
    folder : Path
        Folder of the class.
    assignment, reference, no_reference, preset
        As in `gradkit.grading.settings.Settings`. By default as in the last run.
    drops, keeps : sequence of str
        Codes of findings to withdraw from all results, or to count again. Former codes are
        allowed.
    accepts : sequence of str
        Codes of findings on which held marks rest: these marks are no longer held.
    prices : mapping of str to float
        Shares of a check's points, from 0 to 1, that findings with these codes cost from now on.
    unprices : sequence of str
        Codes of findings whose price in ``prices`` of an earlier call is withdrawn.
    seen : mapping of str to str
        By code, the revision that the person has seen, see
        `gradkit.classroom.store.prices.decision_revision`. By default it is not compared.
    attempt : str, optional
        Rule for the attempt that counts from now on: ``last``, ``best`` or ``before=DATE``.
    new_version : bool
        Allow another gradkit version than the class was graded with.
    why : str
        Reason, stored with the new marks and shown to students whose result changes.
    by : str
        Person who decides, by default the account of this process.
    dry_run : bool
        Return the changes, but store nothing.
    workers : int
        Processes that share the work.

    Raises
    ------
    ConflictError
        Another person has decided about one of the findings since ``seen``. Nothing was changed.
    GradkitError
        The class cannot be marked with these settings. Nothing was changed.

    Examples
    --------
    >>> from pathlib import Path
    >>> done = remark_class(Path("results"), drops=["swapped-index"], why="asked unclearly")
    >>> [(change.name, change.old, change.new) for change in done.changes]
    [('chen', 15.5, 20.0)]
    """
    rule = policy(attempt) if attempt else None
    made = decisions(drops, keeps, accepts, prices, unprices)
    with Store(folder, write=not dry_run, make=False) as store:
        refuse_unseen(store, seen)
        refuse_decisions(store, made)
        former = settings_of(store)
        settings = decided_settings(
            store,
            made,
            replace(
                former,
                assignment=assignment or former.assignment,
                reference=reference or (None if no_reference else former.reference),
                no_reference=no_reference or (former.no_reference and reference is None),
                preset=preset or former.preset,
            ),
        )
        rules, strangers, _ = changed_policy(store)
        marker = Marker(settings)
        if (
            any(share is not None for share in made.prices.values())
            and marker.session.scheme.prices is None
        ):
            raise GradingError(NO_DEDUCTIONS)
        refuse_unfit(store, marker.session, new_version=new_version)
        new, stale = _mark_all(store, settings, marker, workers)
        total, changes = _changes(store, new, rule, rules)
        if not dry_run:
            # In one transaction, so that all students are always marked by the same rubric.
            with store.writing():
                run = store.begin("remark", settings, why=why, who=by, policy=rule, rules=rules)
                store.drop(run, made.drops)
                store.keep([name for code in made.keeps for name in all_codes(code)])
                set_prices(store, run, made.prices)
                store.amend(run, new)
                store.end(run)
        warnings = (*strangers, *cautions(store, everybody(store)))
        return Remarked(total, len(new), changes, stale, warnings)


def _mark_all(
    store: Store, settings: Settings, marker: Marker, workers: int
) -> tuple[dict[int, Filed], tuple[tuple[str, str], ...]]:
    """Mark all stored results.

    Return the new results that differ, by the ids of the old ones, and the students whose
    evidence is stale, each with the reason.
    """
    results = [kept for kept in store.newest() if store.result(kept.id)]
    stale: list[tuple[str, str]] = []
    new: dict[int, Filed] = {}
    for old, filed, reason in map_chunks(
        partial(_mark, marker),
        _stored(store, settings, marker, results),
        size=CHUNK,
        workers=1 if len(results) <= ALONE else workers,
    ):
        if filed is not None:
            new[old.id] = filed
        if reason:
            stale.append((old.name, reason))
    return new, tuple(stale)


def _changes(
    store: Store, new: Mapping[int, Filed], rule: str | None, rules: Policy | None
) -> tuple[int, tuple[Change, ...]]:
    """Return the number of students with a score before or after, and the changes of scores.

    Scores can change by new results (``new``, by the ids of the old ones), the rule for the
    counting attempt or the policy (``rules``).
    """
    old_class, new_class = Counting(store), Counting(store, rule=rule, policy=rules, amended=new)
    before, after = (
        {name: counting.score(name) for name in counting.attempts}
        for counting in (old_class, new_class)
    )
    pairs = {n: (before.get(n, NONE), after.get(n, NONE)) for n in sorted(before | after)}
    scored = sum(old[0] is not None or now[0] is not None for old, now in pairs.values())
    changes = (Change(name, *old, *now) for name, (old, now) in pairs.items() if old != now)
    return scored, tuple(changes)


NONE = (None, None)
"""Score and largest score of a student without a counting result."""


def _stored(
    store: Store, settings: Settings, marker: Marker, kept: Sequence[Kept]
) -> Iterator[_Stored]:
    """Yield the stored results ``kept``, each with its evidence and the key of a new grading.

    The evidence are the recorded outputs of the student's code. The key is the digest of all that a
    result depends on: settings, files of the assignment, submission, chosen tasks. Settings of how
    the code was run are taken from the run that ran it, because marking again changes only
    ``no_reference``, ``preset`` (both from ``settings``) and the digests of the assignment's files
    (from the session of ``marker``).
    """
    bases = {
        run.id: key_base(
            replace(settings_in(run), no_reference=settings.no_reference, preset=settings.preset),
            marker.session.digests,
            run.versions["gradkit"],
        )
        for run in store.runs()
        if run.kind == "grade"
    }
    named = store.named()
    for result in kept:
        # An instructor can have chosen the tasks under the name of any member of a group.
        group = [word for member in result.sender.members for word in member.values()]
        tasks = next((named[n] for n in (result.name, *group) if n in named), ())
        new_key = result.taken is not None and key_of(bases[result.taken], result.digest, *tasks)
        key = new_key or result.key
        yield _Stored(result, key, store.result(result.id), store.evidence(result.id))


def _mark(marker: Marker, stored: _Stored) -> _Marked:
    """Mark one stored result again from its evidence, without running the student's code.

    Return the stored result, the new one, and a reason. The new result is None if neither result
    nor key has changed; it is None with a reason if the evidence is missing or does not fit the
    present assignment. For a submission that was not graded, ``marker`` only lists the present
    tasks, without points.
    """
    kept = stored.kept
    old = unpack(stored.result, Result)
    if kept.standing != "graded":
        packed = pack(marker.refuse(old, kept))
        filed = Filed(kept.name, kept.path, kept.digest, stored.key, kept.standing, kept.told)
        return kept, replace(filed, result=packed) if packed != stored.result else None, ""
    if stored.evidence is None:
        return kept, None, "its outputs were not stored"
    try:
        new = marker.mark(old, unpack(stored.evidence, tuple[Evidence, ...]))
    except StaleError as error:
        return kept, None, str(error)
    packed = pack(new)
    # Bytes are compared since results can contain NaN, which does not equal itself.
    if packed == stored.result and stored.key == kept.key:
        return kept, None, ""
    return kept, filed_of(kept, stored.key, new, result=packed), ""
