"""Grade a class: hand out orders, store what comes back, lose nothing.

Every submission is first given little more time than its like usually take. What is overdue
then is graded again with its whole deadline, on a slow worker while others wait, and a check
that ran out of time is run once more at the very end, with a core of its own.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Literal, Protocol

from msgspec import Struct
from msgspec.structs import replace

import gradkit
from gradkit.classroom.course.roster import Enrolment, Entry
from gradkit.classroom.store.database import HeldError
from gradkit.classroom.store.results import Store, key_base, key_of, pack, seed_of, unpack
from gradkit.classroom.worker_pool import WorkerPool, failed
from gradkit.grading.session import Session
from gradkit.grading.settings import GradingError, Settings
from gradkit.loading import is_installed
from gradkit.records.classroom import Filed, Kept, Listed, Order, Standing
from gradkit.records.course import NO_COURSE, Course, Policy
from gradkit.records.result import Result
from gradkit.records.task import Assignment
from gradkit.submission.files import SubmissionError, UnreadableError
from gradkit.submission.read import Loader, place_of

PATIENCE = 600.0
"""Seconds that results wait for another program to let go of the class file."""


STORE_EVERY = 1.0
"""Seconds that results may wait for each other, to be stored in one transaction."""

TICK = 0.25
"""Seconds between two looks at the clock."""

TRIES = 2
"""How often an order is given anew whose worker was lost."""

LOST = (
    "gradkit's own process was lost twice over this submission: it may be too large to be read. "
    "Look at it yourself, and start the same command to have it tried again."
)


class Watch(Protocol):
    """Whoever wants to know how far the grading is."""

    def begin(self, total: int) -> None:
        """There are so many submissions."""

    def skip(self) -> None:
        """One is done and unchanged."""

    def step(self, filed: Filed) -> None:
        """One more has been stored."""

    def warn(self, text: str) -> None:
        """Something that a person should know first."""


class Tally(Struct, frozen=True):
    """How a run ended: submissions in all, done before, graded now, refused and failed now.

    ``left`` are students whose submission could not be read or whose result could not be
    stored, each with the reason. They are among the failed ones.
    """

    total: int
    skipped: int
    graded: int
    refused: int
    failed: int
    left: tuple[tuple[str, str], ...] = ()


class _Job(Struct):
    """One submission on its way; ``digest`` is that of its contents, once they are read."""

    number: int
    entry: Entry
    digest: str = ""
    tries: int = 0
    confirming: bool = False


class Grading:
    """One run over a class.

    Parameters
    ----------
    store : Store
        Open for writing.
    settings : Settings
    watch : Watch
    new_version : bool
        Go on although the class was graded with another gradkit: everybody is graded again.
    student : str, optional
        Grade this one's submissions alone, and again.
    named : mapping of str to tuple of str
        The tasks that a person has said a student's submissions are, by id.

    Raises
    ------
    GradingError
        The assignment or the reference cannot be used, is for another gradkit, or not the one
        that the class was graded with.
    """

    def __init__(
        self,
        store: Store,
        settings: Settings,
        watch: Watch,
        *,
        new_version: bool = False,
        student: str | None = None,
        named: Mapping[str, tuple[str, ...]] = {},
    ) -> None:
        session = Session(settings)
        refuse_unfit(store, session, new_version=new_version)
        self.assignment = session.assignment
        self._store, self._settings, self._watch = store, settings, watch
        self._student, self._named = student, named
        self._refuse = session.refused
        self._torch = torch_tasks(self.assignment) if is_installed("torch") else frozenset[str]()
        self._base = key_base(settings, session.digests)
        self._known = {(kept.name, kept.digest): kept for kept in store.newest()}
        self._overdue: deque[_Job] = deque()
        self._unconfirmed: deque[_Job] = deque()
        self._running: dict[int, _Job] = {}
        self._filed: list[Filed] = []
        self._listed: list[Listed] = []
        self._stored_at = 0.0
        self._held_since: float | None = None
        self._ended: dict[int, Standing | Literal["skipped"]] = {}
        self._left: list[tuple[str, str]] = []

    def begin(
        self,
        roll: Enrolment,
        *,
        course: Course = NO_COURSE,
        policy: str | None = None,
        rules: Policy | None = None,
    ) -> int:
        """Note what the class is graded with from now on, and give the run's number.

        Parameters
        ----------
        roll : Enrolment
        course : Course
            Where the roster is, and what was said of it.
        policy : str, optional
            Which attempt counts from now on, see `gradkit.classroom.policy`.
        rules : Policy, optional
            What holds beside the checks from now on.

        Raises
        ------
        StoreError
            Nothing can be stored.
        """
        modules = [name for task in self.assignment.tasks for name in task.framework.modules]
        with self._store.writing():
            run = self._store.begin("grade", self._settings, modules, policy=policy, rules=rules)
            self._store.enrol(run, replace(course, students=roll.students))
            self._store.named(self._named)
            if self._student is None:
                names = [name for entry in self._own(roll) for name in entry.students]
                self._store.await_(run, names)
        return run

    def _own(self, roll: Enrolment) -> list[Entry]:
        """List what is to be graded: all, or one student's."""
        return [e for e in roll.entries if self._student in (None, *e.students)]

    def run(self, roll: Enrolment, pool: WorkerPool, begun: int | None = None) -> Tally:
        """Grade what is not yet graded, or has changed since.

        Parameters
        ----------
        roll : Enrolment
        pool : WorkerPool
        begun : int, optional
            The run's number where it has begun, see `begin`.

        Raises
        ------
        StoreError
            A result could not be stored. Those before it are.
        """
        run = self.begin(roll) if begun is None else begun
        entries = self._own(roll)
        # As they are asked for; there is none where there is nothing to grade.
        hurried = (self._order(_Job(n, e), hurried=True) for n, e in enumerate(entries))
        with Loader() as self._loader:
            try:
                self._watch.begin(len(entries))
                self._go(run, filter(None, hurried), pool)
            finally:
                while self._filed or self._listed:
                    self._flush(run)
        self._store.end(run)
        ended = Counter(self._ended.values())
        counts = {each: ended[each] for each in ("skipped", "graded", "refused", "failed")}
        return Tally(len(entries), **counts, left=tuple(self._left))

    def _go(self, run: int, orders: Iterator[Order], pool: WorkerPool) -> None:
        more = True
        while True:
            while more and (room := pool.capacity(slow=False)):
                batch = list(islice(orders, room))
                more = len(batch) == room
                if batch:
                    pool.put(batch, slow=False)
            # While others wait, what is overdue has the slow worker; then it has all of them.
            self._late(pool, slow=more)
            if not (self._running or more or self._overdue or self._unconfirmed):
                return
            for order, reply in pool.take(TICK):
                job = self._running.pop(order.number)
                if reply is None:
                    self._lost(job, order)
                elif reply.filed is None:
                    self._overdue.append(job)
                elif reply.timed_out and not job.confirming:
                    self._unconfirmed.append(job)
                else:
                    self._file(job, reply.filed)
            if time.monotonic() - self._stored_at > STORE_EVERY:
                self._flush(run)

    def _late(self, pool: WorkerPool, *, slow: bool) -> None:
        """Hand out again what was overdue, and at the very end what timed out."""
        while self._overdue and pool.capacity(slow=slow):
            self._again(self._overdue.popleft(), pool, slow=slow)
        while not slow and not self._overdue and self._unconfirmed and pool.capacity(slow=False):
            job = self._unconfirmed.popleft()
            job.confirming = True
            self._again(job, pool, slow=False)

    def _again(self, job: _Job, pool: WorkerPool, *, slow: bool) -> None:
        order = self._order(job, hurried=False)
        if order is not None:
            pool.put([order], slow=slow)

    def _order(self, job: _Job, *, hurried: bool) -> Order | None:
        """The order for a job; None if there is nothing to grade, or no need to."""
        handed = job.entry.handed
        try:
            parcel = self._loader.load(handed)
        except UnreadableError as error:
            # Nothing is known of its contents, so it is nobody's attempt; see `counting_attempts`.
            self._left.append((handed.name, str(error)))
            job.digest, key = "", key_of(self._base, "")
            unread = Filed(handed.name, place_of(handed), "", key, "failed", str(error))
            self._file(job, unread)
            return None
        except SubmissionError as error:
            # Under other settings it is the same attempt.
            job.digest = key_of(str(error))
            key = key_of(self._base, str(error), *self._tasks(job))
            if not self._is_done(job, key):
                told = str(error)
                refusal = Filed(handed.name, place_of(handed), job.digest, key, "refused", told)
                self._file(job, refusal)
            return None
        job.digest = parcel.digest
        tasks = self._tasks(job)
        key = key_of(self._base, parcel.digest, *tasks)
        if hurried and self._is_done(job, key):
            return None
        self._running[job.number] = job
        seed = seed_of(
            self._store.meta("secret") or "", self.assignment, handed.name, parcel.digest
        )
        return Order(job.number, parcel, seed, key, hurried, tasks)

    def _tasks(self, job: _Job) -> tuple[str, ...]:
        """Return the tasks that a person has said it is; any of a group may have been named."""
        return next((self._named[n] for n in job.entry.students if n in self._named), ())

    def _is_done(self, job: _Job, key: str) -> bool:
        if self._student is not None:
            return False
        for student in job.entry.students:
            kept = self._known.get((student, job.digest))
            if kept is None or kept.key != key or kept.standing == "failed":
                return False
            if kept.provisional and self._lacked_torch(kept):
                return False
        self._ended[job.number] = "skipped"
        self._note(job)
        self._watch.skip()
        return True

    def _lacked_torch(self, kept: Kept) -> bool:
        """True of what could not be checked where torch was not installed, and now can be."""
        if not self._torch:
            return False
        result = unpack(self._store.result(kept.id), Result)
        there = (task for task in result.tasks if not task.absent)
        return "torch" not in result.versions and any(task.task in self._torch for task in there)

    def _lost(self, job: _Job, order: Order) -> None:
        job.tries += 1
        if job.tries < TRIES:
            self._overdue.append(job)
            return
        self._file(job, failed(order, LOST))

    def _file(self, job: _Job, filed: Filed) -> None:
        self._ended[job.number] = filed.standing
        if filed.standing != "graded":
            refused = self._refuse(filed.name, filed.path, filed.digest, filed.told)
            filed = replace(filed, result=pack(refused))
        self._filed += [renamed(filed, student) for student in job.entry.students]
        self._note(job)
        self._watch.step(filed)

    def _note(self, job: _Job) -> None:
        """Note whose a submission is, with the next results that are stored."""
        stamp, sender = self._loader.stamp(job.entry.handed), job.entry.sender
        self._listed += [
            Listed(student, job.digest, job.number, stamp, sender) for student in job.entry.students
        ]

    def _flush(self, run: int) -> None:
        """Store what waits; where another program holds the file it waits on, to be tried again.

        Raises
        ------
        StoreError
            The file cannot be written, or has been held for longer than `PATIENCE`.
        """
        self._stored_at = time.monotonic()
        try:
            self._write(run, self._filed, self._listed)
        except (TypeError, ValueError):
            self._write_one_by_one(run)
        except HeldError:
            self._held_since = self._held_since or time.monotonic()
            if time.monotonic() - self._held_since > PATIENCE:
                raise
            return
        self._filed, self._listed, self._held_since = [], [], None

    def _write_one_by_one(self, run: int) -> None:
        """Leave out what is no row of a table, and store all others."""
        for one in self._listed:
            own = [e for e in self._filed if (e.name, e.digest) == (one.name, one.digest)]
            try:
                self._write(run, own, [one])
            except (TypeError, ValueError) as error:
                self._ended[one.place] = "failed"
                self._left.append((one.name, f"the result could not be stored ({error})"))

    def _write(self, run: int, filed: Sequence[Filed], listed: Sequence[Listed]) -> None:
        if filed or listed:
            with self._store.writing():
                self._store.add(run, filed)
                self._store.add_listed(run, listed)


def torch_tasks(assignment: Assignment) -> frozenset[str]:
    """Return the ids of an assignment's tasks in torch."""
    return frozenset(task.id for task in assignment.tasks if task.framework.modules)


def renamed(filed: Filed, student: str) -> Filed:
    """Return the result under the name of another member of the group that handed it in."""
    if filed.name == student:
        return filed
    own = replace(unpack(filed.result, Result), submission=student)
    return replace(filed, name=student, result=pack(own))


def refuse_unfit(store: Store, session: Session, *, new_version: bool) -> None:
    """Refuse to grade or mark a class by what cannot be used, or is not what it was graded by.

    Parameters
    ----------
    store : Store
    session : Session
        By what it is to be graded or marked.
    new_version : bool
        Whether to go on with another gradkit.

    Raises
    ------
    GradingError
    """
    if not new_version:
        refuse_other_version(store, session.assignment)
    refuse_other_exercise(store, session.assignment)
    session.refuse_unusable()


def refuse_other_version(store: Store, assignment: Assignment) -> None:
    """Refuse to go on with another gradkit than the class, or its assignment, is graded with.

    Raises
    ------
    GradingError
        The assignment pins another version, or earlier runs were made with one.
    """
    here, former = gradkit.__version__, store.last_marked()
    wanted = {
        f"{assignment.path} is to be": assignment.gradkit,
        f"{store.path} was": former.versions["gradkit"] if former else "",
    }
    for what, version in wanted.items():
        if version not in ("", here):
            raise GradingError(
                f"{what} graded with gradkit {version}, and this is {here}: marks could differ. "
                f"Install gradkit {version}, or open a new run under this one with --new-version; "
                "`gradkit diff` then lists what has changed."
            )


def refuse_other_exercise(store: Store, assignment: Assignment) -> None:
    """Refuse to mark a class by another exercise than its own: an option is easily forgotten.

    A file that has changed under the same id is the same exercise.

    Raises
    ------
    GradingError
        The newest result is of another assignment.
    """
    packed = store.last_graded()
    if packed is None:
        return
    former = unpack(packed, Result)
    if former.assignment != assignment.id:
        last = store.last_marked()
        file = last.settings["assignment"] if last else None
        place, advice = f" ({file})", "Give its file with --assignment"
        if file is None:
            place, advice = ", gradkit's own", "Leave out --assignment"
        raise GradingError(
            f"{store.path} was graded by the assignment {former.assignment!r}{place}, and this is "
            f"{assignment.id!r} ({assignment.path}). {advice}, or choose another folder with --out."
        )
