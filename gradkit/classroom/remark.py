"""Mark a class again from what was stored, without running any student's code.

Answers stay answers: a new rubric, new tolerances or a withdrawn finding change what they
are worth. Other questions (data, layers, starts, epochs) need grading anew.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from multiprocessing import get_context

import msgspec

from gradkit.assess import (
    StaleError,
    assess,
    basis_of,
    best,
    judge_again,
    scheme_of,
    tolerances_of,
    total,
    unchecked,
)
from gradkit.classroom.database import StoreError
from gradkit.classroom.grade import key_base, key_of
from gradkit.classroom.pack import pack, unpack
from gradkit.classroom.store import Store
from gradkit.grounds import Settings, digests_of, grounds, oracle_of, tasks_of
from gradkit.records.classroom import Change, Filed, Kept, Remarked, Run
from gradkit.records.evidence import Evidence
from gradkit.records.result import OracleKind, Result
from gradkit.records.task import Form, Task
from gradkit.records.verdict import Verdict
from gradkit.truth.oracle import Oracle, OracleError

CHUNK = 50
"""Results that go to a process at a time."""

ALONE = 200
"""Results that are marked in this process: others would take longer to start."""


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
        self._assignment, self._reference = grounds(settings)
        self._settings = settings
        self.digests = digests_of(self._assignment, self._reference)
        self._tasks: dict[Form, dict[str, Task]] = {}
        self._oracles: dict[tuple[Form, str], Oracle] = {}
        self._bases: dict[tuple[Form, str], str] = {}

    def mark(self, result: Result, evidence: Sequence[Evidence]) -> Result:
        """The result that this evidence has now.

        Raises
        ------
        StaleError
            The evidence does not tell what the marks would be: see `judge_again`.
        """
        scheme = scheme_of(
            self._assignment,
            self._settings.preset,
            derived=self._reference is None,
            dropped=self._settings.dropped,
        )
        marked = []
        for old in result.tasks:
            task = self._task(result.form, old.task)
            own = [each for each in evidence if each.task == task.id]
            results = [
                assess(task, each, self._verdicts(result.form, task, each), scheme) for each in own
            ]
            marked.append(best(results, [each.section for each in own]))
        digests = {"submission": result.digests["submission"], **self.digests}
        oracle: OracleKind = "derived" if self._reference is None else "reference"
        return replace(
            total(result, marked),
            digests=digests,
            preset=scheme.preset,
            oracle=oracle,
            visibility=self._assignment.visibility,
        )

    def _verdicts(self, form: Form, task: Task, evidence: Evidence) -> tuple[Verdict, ...]:
        """Those of the day, unless something has changed that they depend on."""
        if (form, task.id) not in self._bases:
            self._bases[form, task.id] = basis_of(task, form, self.digests)
        known: tuple[Verdict, ...] = ()
        if evidence.basis == self._bases[form, task.id]:
            now, then = tolerances_of(task), evidence.tolerances
            if now == then:
                return evidence.verdicts
            known = tuple(v for v in evidence.verdicts if now[v.check] == then.get(v.check))
        if evidence.observations is None:
            return unchecked(task, evidence)
        return judge_again(task, self._oracle(form, task), evidence, known)

    def _task(self, form: Form, name: str) -> Task:
        if form not in self._tasks:
            self._tasks[form] = {task.id: task for task in tasks_of(self._assignment, form)}
        if name not in self._tasks[form]:
            raise StaleError(f"{name} is not in the assignment any more")
        return self._tasks[form][name]

    def _oracle(self, form: Form, task: Task) -> Oracle:
        if (form, task.id) not in self._oracles:
            try:
                oracle = oracle_of(task, self._reference, form)
            except OracleError as error:
                raise StaleError(str(error).rstrip(".")) from None
            self._oracles[form, task.id] = oracle
        return self._oracles[form, task.id]


@dataclass(frozen=True, slots=True)
class _Stored:
    """A result as the store has it, on its way to a process, and the key that it would get."""

    kept: Kept
    key: str
    result: bytes
    evidence: bytes | None


_Marked = tuple[Kept, Filed | None, Change | None, str]
"""What became of one: a new result to be stored, what changed in it, or why it is stale."""


def settings_of(store: Store) -> Settings:
    """The settings of the newest run of a class.

    Raises
    ------
    StoreError
        Nothing has been graded there.
    """
    runs = [run for run in store.runs() if run.kind in ("grade", "remark")]
    if not runs:
        raise StoreError(f"{store.path}: nothing has been graded there yet.")
    return _settings(runs[-1])


def _settings(run: Run) -> Settings:
    return msgspec.convert(run.settings, Settings, dec_hook=lambda kind, value: kind(value))


def remark(
    store: Store,
    settings: Settings,
    *,
    lanes: int = 1,
    why: str = "",
    drops: Sequence[str] = (),
    store_it: bool = True,
) -> Remarked:
    """Mark every current result again, and store those that are not as they were.

    They are stored all at once: a class is never half under one rubric, half under another.

    Parameters
    ----------
    store : Store
        Open for writing, unless nothing is to be stored.
    settings : Settings
        The assignment, reference, preset and withdrawn findings to mark under.
    lanes : int
        Processes that share the work.
    why : str
        Kept with the run.
    drops : sequence of str
        Codes that are withdrawn from now on, in later runs too.
    store_it : bool
        False only says what would change.

    Returns
    -------
    Remarked

    Raises
    ------
    GradingError
        The assignment or the reference cannot be used. Nothing was changed.
    StoreError
        The results could not be stored. All are as they were.
    """
    marker = Marker(settings)
    kept = [each for each in store.newest() if each.standing == "graded"]
    changes: list[Change] = []
    stale: list[tuple[str, str]] = []
    new: dict[int, Filed] = {}
    for chunk in _marked(
        _stored(store, settings, marker, kept), settings, marker, len(kept), lanes
    ):
        new |= {old.id: filed for old, filed, _, _ in chunk if filed is not None}
        changes += [change for _, _, change, _ in chunk if change is not None]
        stale += [(old.name, told) for old, _, _, told in chunk if told]
    if store_it:
        with store.writing():
            run = store.begin("remark", settings, why=why)
            store.drop(run, drops)
            store.amend(run, new)
            store.end(run)
    return Remarked(len(kept), len(new), tuple(changes), tuple(stale))


def _stored(
    store: Store, settings: Settings, marker: Marker, kept: Sequence[Kept]
) -> Iterator[_Stored]:
    """The results with their evidence, and with the key that grading anew would give them.

    Of how their code was run, which nothing here changes, their own run has the word.
    """
    bases = {
        run.id: key_base(
            replace(_settings(run), no_reference=settings.no_reference, preset=settings.preset),
            marker.digests,
            run.versions["gradkit"],
        )
        for run in store.runs()
        if run.kind == "grade"
    }
    for each in kept:
        key = each.key if each.taken is None else key_of(bases[each.taken], each.digest)
        yield _Stored(each, key, store.result(each.id), store.evidence(each.id))


def _marked(
    stored: Iterator[_Stored], settings: Settings, marker: Marker, count: int, lanes: int
) -> Iterator[list[_Marked]]:
    if count <= ALONE or lanes == 1:
        while chunk := list(islice(stored, CHUNK)):
            yield [_mark(marker, each) for each in chunk]
        return
    with ProcessPoolExecutor(
        lanes, get_context("spawn"), initializer=_prepare, initargs=(settings,)
    ) as pool:
        # A few chunks at a time: memory does not grow with the class.
        while group := [c for _ in range(2 * lanes) if (c := list(islice(stored, CHUNK)))]:
            yield from pool.map(_mark_chunk, group)


_HERE: list[Marker] = []


def _prepare(settings: Settings) -> None:
    # An interrupt is the other process' business, which then wants no more of this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _HERE.append(Marker(settings))


def _mark_chunk(chunk: list[_Stored]) -> list[_Marked]:
    (marker,) = _HERE
    return [_mark(marker, each) for each in chunk]


def _mark(marker: Marker, stored: _Stored) -> _Marked:
    kept = stored.kept
    if stored.evidence is None:
        return kept, None, None, "no evidence was stored with it"
    old = unpack(stored.result, Result)
    try:
        new = marker.mark(old, unpack(stored.evidence, tuple[Evidence, ...]))
    except StaleError as error:
        return kept, None, None, str(error)
    packed = pack(new)
    # Of records, two numbers that are not numbers would never be equal.
    if packed == stored.result and stored.key == kept.key:
        return kept, None, None, ""
    filed = Filed(
        kept.name,
        kept.path,
        kept.digest,
        stored.key,
        "graded",
        score=new.score,
        max_score=new.max_score,
        provisional=new.provisional,
        tier=new.tier,
        result=packed,
    )
    same = (old.score, old.max_score) == (new.score, new.max_score)
    change = Change(kept.name, old.score, old.max_score, new.score, new.max_score)
    return kept, filed, None if same else change, ""
