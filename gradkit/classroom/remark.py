"""Mark a class again from what was stored, without running any student's code.

Answers stay answers: a new rubric, new tolerances or a withdrawn finding change what they
are worth. Other questions (data, layers, starts, epochs) need grading anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, lru_cache, partial
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from gradkit.classroom.grade import refuse_unfit
from gradkit.classroom.policy import policy
from gradkit.classroom.reports.summary import cautions, everybody
from gradkit.classroom.store.counted import Counting, changed_policy
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
from gradkit.diagnosis.catalogue import all_codes, current_code, mistake
from gradkit.grading.assess import (
    StaleError,
    absent,
    assess,
    basis_of,
    judge_again,
    tolerances_of,
    total,
    unchecked,
)
from gradkit.grading.mark import Scheme
from gradkit.grading.session import Session
from gradkit.grading.settings import GradingError, Settings
from gradkit.records.classroom import Change, Filed, Kept, Remarked
from gradkit.records.course import Policy
from gradkit.records.mistake import Preset
from gradkit.records.result import Evidence, Result, TaskResult, Verdict
from gradkit.records.task import Form, FunctionTask, Task
from gradkit.task.assignment import gallery_functions
from gradkit.task.oracle import OracleError
from gradkit.task.shipped import DEFAULT


class Marker:
    """Marks stored evidence under an assignment as it is now.

    Parameters
    ----------
    settings : Settings

    Raises
    ------
    GradingError
        The assignment or the reference cannot be used.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        # Answers are to the form that each was graded by.
        self._of_form = cache(lambda form: Session(replace(settings, form=form)))
        self.session: Session = self._of_form(settings.form)
        self._known = cache(self._known_in)
        self._basis = cache(self._basis_of)

    def __reduce__(self) -> tuple[Callable[[Settings], Marker], tuple[Settings]]:
        """Have another process read the files by itself, once."""
        return _marker_of, (self._settings,)

    def mark(self, result: Result, evidence: Sequence[Evidence]) -> Result:
        """The result that this evidence has now.

        Raises
        ------
        StaleError
            The evidence does not tell what the marks would be: see `judge_again`.
        """
        form, session = result.form, self.session
        scheme, required, digests = session.scheme, session.required, session.digests
        answered = {each.task: each for each in evidence if not each.absent}
        marked = []
        for name in dict.fromkeys([*(task.task for task in result.tasks), *required]):
            if name in answered:
                marked.append(self._marked(form, name, answered[name], scheme))
            elif name in required:
                task = self._known(form)[name]
                marked.append(absent(task, result.seed, scheme, form=form, digests=digests)[1])
        return replace(
            total(result, marked),
            digests={"submission": result.digests["submission"], **digests},
            preset=scheme.preset,
            oracle="reference" if session.keyed else "derived",
            visibility=session.assignment.visibility,
            required=required,
        )

    def _marked(self, form: Form, name: str, own: Evidence, scheme: Scheme) -> TaskResult:
        """Mark a task of which there are answers."""
        task = self._known(form).get(name)
        if task is None:
            raise StaleError(f"{name} is not in the assignment any more")
        if isinstance(task, Task):
            return assess(task, own, self._verdicts(form, task, own), scheme)
        if own.basis != self._basis(form, name):
            raise StaleError(
                f"{name} is judged by running its functions, and it, or its model solution, is "
                "another one now"
            )
        return assess(task, own, own.verdicts, scheme)

    def refuse(self, result: Result, kept: Kept) -> Result:
        """The result of a submission that could not be graded, under the tasks as they are now."""
        return self.session.refused(kept.name, kept.path, kept.digest, kept.told, result.seed)

    def _verdicts(self, form: Form, task: Task, evidence: Evidence) -> tuple[Verdict, ...]:
        """Those of the day, unless something has changed that they depend on."""
        known: tuple[Verdict, ...] = ()
        if evidence.basis == self._basis(form, task.id):
            now, then = tolerances_of(task), evidence.tolerances
            if now == then:
                return evidence.verdicts
            known = tuple(v for v in evidence.verdicts if now[v.check] == then.get(v.check))
        if evidence.observations is None:
            return unchecked(task, evidence)
        try:
            oracle = self._of_form(form).resources.oracle(task)
        except OracleError as error:
            raise StaleError(str(error).rstrip(".")) from None
        return judge_again(task, oracle, evidence, known)

    def _known_in(self, form: Form) -> dict[str, Task | FunctionTask]:
        """Return the tasks by id; with gradkit's own exercise those of all that come with it."""
        session = self._of_form(form)
        shipped = session.assignment.path == str(DEFAULT)
        tasks = (*(gallery_functions() if shipped else ()), *session.all_tasks)
        return {task.id: task for task in tasks}

    def _basis_of(self, form: Form, name: str) -> str:
        return basis_of(self._known(form)[name], form, self.session.digests)


@lru_cache(maxsize=1)
def _marker_of(settings: Settings) -> Marker:
    return Marker(settings)


CHUNK = 50
"""Results that go to a process at a time."""

ALONE = 200
"""Results that are marked in this process: others would take longer to start."""


class _Stored(Struct, frozen=True):
    """A result as the store has it, on its way to a process, and the key that it would get."""

    kept: Kept
    key: str
    result: bytes
    evidence: bytes | None


_Marked = tuple[Kept, Filed | None, str]
"""What became of one: a new result to be stored, or why it is stale."""


def remark_class(
    folder: Path,
    *,
    assignment: Path | None = None,
    reference: Path | None = None,
    no_reference: bool = False,
    preset: Preset | None = None,
    drops: Sequence[str] = (),
    keeps: Sequence[str] = (),
    attempt: str | None = None,
    new_version: bool = False,
    why: str = "",
    dry_run: bool = False,
    workers: int = 1,
) -> Remarked:
    """Mark a class again, by other settings where they are given and else as it was graded.

    Parameters
    ----------
    folder : Path
        Folder of the class.
    assignment, reference, no_reference, preset
        As in `gradkit.grading.settings.Settings`. What is not given is as in the last run.
    drops, keeps : sequence of str
        Codes of findings that are withdrawn from everyone, or count again; former codes too.
    attempt : str, optional
        Which attempt counts from now on: ``last``, ``best`` or ``before=DATE``.
    new_version : bool
        Go on although the class was graded with another gradkit.
    why : str
        Reason, kept with the new marks. Students whose result changes read it.
    dry_run : bool
        Only tell what would change.
    workers : int
        Processes that share the work.

    Raises
    ------
    GradkitError
        Nothing was changed.

    Examples
    --------
    >>> from pathlib import Path
    >>> done = remark_class(Path("results"), drops=["swapped-index"], why="asked unclearly")
    >>> [(change.name, change.old, change.new) for change in done.changes]
    [('chen', 16.25, 20.0)]
    """
    rule = policy(attempt) if attempt else None
    drops = [mistake(code).code for code in drops]
    keeps = [current_code(code) for code in keeps]
    with Store(folder, write=not dry_run, make=False) as store:
        dropped = [current_code(code) for code in store.dropped()]
        _refuse_keeping(keeps, drops, dropped)
        former = settings_of(store)
        settings = replace(
            former,
            assignment=assignment or former.assignment,
            reference=reference or (None if no_reference else former.reference),
            no_reference=no_reference or (former.no_reference and reference is None),
            preset=preset or former.preset,
            dropped=tuple(code for code in dict.fromkeys([*dropped, *drops]) if code not in keeps),
        )
        rules, strangers, _ = changed_policy(store)
        marker = Marker(settings)
        refuse_unfit(store, marker.session, new_version=new_version)
        new, stale = _marked_again(store, settings, marker, workers)
        total, changes = _changes(store, new, rule, rules)
        if not dry_run:
            # All at once: a class is never half under one rubric, half under another.
            with store.writing():
                run = store.begin("remark", settings, why=why, policy=rule, rules=rules)
                store.drop(run, drops)
                store.keep([name for code in keeps for name in all_codes(code)])
                store.amend(run, new)
                store.end(run)
        warned = (*strangers, *cautions(store, everybody(store)))
        return Remarked(total, len(new), changes, stale, warned)


def _marked_again(
    store: Store, settings: Settings, marker: Marker, workers: int
) -> tuple[dict[int, Filed], tuple[tuple[str, str], ...]]:
    """Return by id results that are not as they were, and who is stale, with the reason."""
    kept = [each for each in store.newest() if store.result(each.id)]
    stale: list[tuple[str, str]] = []
    new: dict[int, Filed] = {}
    for old, filed, told in map_chunks(
        partial(_mark, marker),
        _stored(store, settings, marker, kept),
        size=CHUNK,
        workers=1 if len(kept) <= ALONE else workers,
    ):
        if filed is not None:
            new[old.id] = filed
        if told:
            stale.append((old.name, told))
    return new, tuple(stale)


def _refuse_keeping(keeps: Sequence[str], drops: Sequence[str], held: Sequence[str]) -> None:
    """Refuse to let count what counts, or what is withdrawn in the same breath."""
    for code in keeps:
        if code in drops:
            raise GradingError(f"--keep {code}: --drop says the contrary. Leave one of them out.")
        if code not in held:
            there = f"Withdrawn are {', '.join(held)}" if held else "Nothing is"
            raise GradingError(f"--keep {code}: it is not withdrawn. {there}.")


def _changes(
    store: Store, new: Mapping[int, Filed], rule: str | None, rules: Policy | None
) -> tuple[int, tuple[Change, ...]]:
    """Count students with a score, and list whose score new marks, rule or policy change."""
    former, now = Counting(store), Counting(store, rule=rule, policy=rules, amended=new)
    before, after = ({name: at.score(name) for name in at.attempts} for at in (former, now))
    pairs = {n: (before.get(n, NONE), after.get(n, NONE)) for n in sorted(before | after)}
    scored = sum(old[0] is not None or now[0] is not None for old, now in pairs.values())
    changes = (Change(name, *old, *now) for name, (old, now) in pairs.items() if old != now)
    return scored, tuple(changes)


NONE = (None, None)
"""The score and the largest of a student with nothing that counts."""


def _stored(
    store: Store, settings: Settings, marker: Marker, kept: Sequence[Kept]
) -> Iterator[_Stored]:
    """The results with their evidence, and with the key that grading anew would give them.

    Of how their code was run, which nothing here changes, their own run has the word.
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
    for each in kept:
        # Any of a group may have been named.
        group = [word for member in each.sender.members for word in member.values()]
        tasks = next((named[n] for n in (each.name, *group) if n in named), ())
        made = each.taken is not None and key_of(bases[each.taken], each.digest, *tasks)
        key = made or each.key
        yield _Stored(each, key, store.result(each.id), store.evidence(each.id))


def _mark(marker: Marker, stored: _Stored) -> _Marked:
    kept = stored.kept
    old = unpack(stored.result, Result)
    if kept.standing != "graded":
        packed = pack(marker.refuse(old, kept))
        filed = Filed(kept.name, kept.path, kept.digest, stored.key, kept.standing, kept.told)
        return kept, replace(filed, result=packed) if packed != stored.result else None, ""
    if stored.evidence is None:
        return kept, None, "no evidence was stored with it"
    try:
        new = marker.mark(old, unpack(stored.evidence, tuple[Evidence, ...]))
    except StaleError as error:
        return kept, None, str(error)
    packed = pack(new)
    # Compare bytes: NaN never equals itself.
    if packed == stored.result and stored.key == kept.key:
        return kept, None, ""
    return kept, filed_of(kept, stored.key, new, result=packed), ""
