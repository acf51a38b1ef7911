"""Grade a class: send orders to workers, and store each result even if something fails.

At first, every submission gets little more time than similar submissions usually take. If it is
overdue, it is graded again with the full deadline: on the slow worker as long as others wait.
A submission with a check that timed out is graded once more at the end, with a core of its own.
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
"""Seconds that results wait for another program to close the class file."""


STORE_EVERY = 1.0
"""Seconds for which results are collected, to be stored in one transaction."""

TICK = 0.25
"""Seconds to wait for replies before the clock is read again."""

TRIES = 2
"""Workers that a submission may end before it is given up as failed."""

LOST = (
    "gradkit's own process crashed twice on this submission, which may be too large to read. "
    "Grade the submission yourself, or run the same command again to retry."
)


class Watch(Protocol):
    """An observer of the progress of a run."""

    def begin(self, total: int) -> None:
        """Take notice of the number of submissions, before the first is graded."""

    def skip(self) -> None:
        """Take notice that a submission was skipped because its stored result is up to date."""

    def step(self, filed: Filed) -> None:
        """Take notice that a submission has a result, which is about to be stored."""

    def warn(self, text: str) -> None:
        """Take notice of a warning for the instructor."""


class Tally(Struct, frozen=True):
    """Numbers of submissions in a run: all, skipped as up to date, graded, refused, failed.

    ``left`` are students whose submission could not be read or whose result could not be
    stored, each with the reason. Their submissions are counted in ``failed``.
    """

    total: int
    skipped: int
    graded: int
    refused: int
    failed: int
    left: tuple[tuple[str, str], ...] = ()


class _Job(Struct):
    """A submission of the run, with what is known of its grading so far.

    ``number`` is its place on the roll, ``digest`` that of its contents once they are read,
    ``tries`` counts lost workers; ``confirming`` says that it is graded again after a timeout.
    """

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
        Grade all submissions again even if the class was graded with another gradkit version.
    student : str, optional
        Grade only this student's submissions, even if they are unchanged.
    named : mapping of str to tuple of str
        By student, the ids of the tasks that an instructor chose with ``--task``.

    Raises
    ------
    GradingError
        The assignment or the model solutions cannot be used, need another gradkit version, or
        the class was graded with another assignment.
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
        """Open a session with the settings, and refuse it if it does not fit the class.

        ``store`` is the class file, and ``watch`` is notified of the progress. With
        ``new_version``, another gradkit version than that of the last run is allowed. With
        ``student``, only this student's submissions are graded, even if they are unchanged.
        ``named`` maps students to the ids of the tasks that an instructor has named for their
        submissions.
        """
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
        self._locked_since: float | None = None
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
        """Store a new run with its settings and students, and return the run's number.

        Parameters
        ----------
        roll : Enrolment
        course : Course
            The roster's file, and whether groups submit together.
        policy : str, optional
            Rule for the attempt that counts from now on, see `gradkit.classroom.policy`.
        rules : Policy, optional
            Policy of the course from now on.

        Raises
        ------
        StoreError
            The class file cannot be written.
        """
        modules = [name for task in self.assignment.tasks for name in task.framework.modules]
        with self._store.writing():
            run = self._store.begin("grade", self._settings, modules, policy=policy, rules=rules)
            self._store.enrol(run, replace(course, students=roll.students))
            self._store.named(self._named)
            if self._student is None:
                names = [name for entry in self._chosen_entries(roll) for name in entry.students]
                self._store.await_(run, names)
        return run

    def _chosen_entries(self, roll: Enrolment) -> list[Entry]:
        """List the entries to be graded: all, or those of the chosen student."""
        return [entry for entry in roll.entries if self._student in (None, *entry.students)]

    def run(self, roll: Enrolment, pool: WorkerPool, begun: int | None = None) -> Tally:
        """Grade the submissions that are new or have changed, and store the results.

        Parameters
        ----------
        roll : Enrolment
        pool : WorkerPool
        begun : int, optional
            The run's number if `begin` was called before; otherwise it is called here.

        Raises
        ------
        StoreError
            A result could not be stored. Earlier results are stored.
        """
        run = self.begin(roll) if begun is None else begun
        entries = self._chosen_entries(roll)
        # Submissions are read only when a worker is free; up-to-date ones give no order.
        hurried = (self._order(_Job(n, e), hurried=True) for n, e in enumerate(entries))
        with Loader() as self._loader:
            try:
                self._watch.begin(len(entries))
                self._grade_all(run, filter(None, hurried), pool)
            finally:
                while self._filed or self._listed:
                    self._flush(run)
        self._store.end(run)
        ended = Counter(self._ended.values())
        counts = {each: ended[each] for each in ("skipped", "graded", "refused", "failed")}
        return Tally(len(entries), **counts, left=tuple(self._left))

    def _grade_all(self, run: int, orders: Iterator[Order], pool: WorkerPool) -> None:
        """Send all orders to the pool, and queue the replies for storing in the run ``run``.

        An order is a submission to be graded. The queue is stored every `STORE_EVERY` seconds. An
        order is sent again if its worker was lost, or if it took much longer than others (overdue).
        If a check timed out, the submission is graded once more after all others, and this second
        reply is kept.
        """
        more = True
        while True:
            while more and (room := pool.capacity(slow=False)):
                batch = list(islice(orders, room))
                more = len(batch) == room
                if batch:
                    pool.put(batch, slow=False)
            # Overdue submissions may use only the slow worker while others wait, then all.
            self._retry(pool, slow=more)
            if not (self._running or more or self._overdue or self._unconfirmed):
                return
            for order, reply in pool.take(TICK):
                job = self._running.pop(order.number)
                if reply is None:
                    self._handle_lost_worker(job, order)
                elif reply.filed is None:
                    self._overdue.append(job)
                elif reply.timed_out and not job.confirming:
                    self._unconfirmed.append(job)
                else:
                    self._file(job, reply.filed)
            if time.monotonic() - self._stored_at > STORE_EVERY:
                self._flush(run)

    def _retry(self, pool: WorkerPool, *, slow: bool) -> None:
        """Send submissions again that took too long or had a check that timed out.

        With ``slow``, only overdue submissions are sent, to the slow workers of ``pool``. Otherwise
        all overdue ones are sent to any worker and, after them, those with a timed-out check. No
        more are sent than the pool has room for.
        """
        while self._overdue and pool.capacity(slow=slow):
            self._send_again(self._overdue.popleft(), pool, slow=slow)
        while not slow and not self._overdue and self._unconfirmed and pool.capacity(slow=False):
            job = self._unconfirmed.popleft()
            job.confirming = True
            self._send_again(job, pool, slow=False)

    def _send_again(self, job: _Job, pool: WorkerPool, *, slow: bool) -> None:
        """Send a job to the pool with its full deadline; to a slow worker if ``slow``."""
        order = self._order(job, hurried=False)
        if order is not None:
            pool.put([order], slow=slow)

    def _order(self, job: _Job, *, hurried: bool) -> Order | None:
        """Return the order to grade a job's submission; None if none is needed.

        None is needed if the stored result is up to date, or if the submission is unreadable or
        refused: then its result is filed here. With ``hurried``, grading is stopped if it takes
        much longer than that of other submissions. A readable submission that is not hurried is
        graded even if its result is up to date. A job with an order is noted as running.
        """
        handed = job.entry.handed
        try:
            parcel = self._loader.load(handed)
        except UnreadableError as error:
            # Without contents it does not count as an attempt; see `counting_attempts`.
            self._left.append((handed.name, str(error)))
            job.digest, key = "", key_of(self._base, "")
            unread = Filed(handed.name, place_of(handed), "", key, "failed", str(error))
            self._file(job, unread)
            return None
        except SubmissionError as error:
            # The digest does not depend on the settings: with others it is the same attempt.
            job.digest = key_of(str(error))
            key = key_of(self._base, str(error), *self._tasks(job))
            if not self._skip(job, key):
                reason = str(error)
                refusal = Filed(handed.name, place_of(handed), job.digest, key, "refused", reason)
                self._file(job, refusal)
            return None
        job.digest = parcel.digest
        tasks = self._tasks(job)
        key = key_of(self._base, parcel.digest, *tasks)
        if hurried and self._skip(job, key):
            return None
        self._running[job.number] = job
        seed = seed_of(
            self._store.meta("secret") or "", self.assignment, handed.name, parcel.digest
        )
        return Order(job.number, parcel, seed, key, hurried, tasks)

    def _tasks(self, job: _Job) -> tuple[str, ...]:
        """Return the tasks that an instructor chose for any of the submission's students."""
        return next((self._named[n] for n in job.entry.students if n in self._named), ())

    def _skip(self, job: _Job, key: str) -> bool:
        """Skip a job if each of its students has an up-to-date result; return True if skipped.

        A result is up to date if it was stored under ``key``, the digest of all that it depends on.
        A failed result is never up to date, nor is a result without the torch tasks if torch is now
        installed. If one student was chosen, nothing is skipped.
        """
        if self._student is not None:
            return False
        for student in job.entry.students:
            kept = self._known.get((student, job.digest))
            if kept is None or kept.key != key or kept.standing == "failed":
                return False
            if kept.provisional and self._lacked_torch(kept):
                return False
        self._ended[job.number] = "skipped"
        self._queue_submission(job)
        self._watch.skip()
        return True

    def _lacked_torch(self, kept: Kept) -> bool:
        """Return True if tasks were left unchecked for lack of torch, which is installed now.

        ``kept`` is the stored result of a submission.
        """
        if not self._torch:
            return False
        result = unpack(self._store.result(kept.id), Result)
        present = (task for task in result.tasks if not task.absent)
        return "torch" not in result.versions and any(task.task in self._torch for task in present)

    def _handle_lost_worker(self, job: _Job, order: Order) -> None:
        """Retry a job whose worker was lost; after `TRIES` losses, store it as failed."""
        job.tries += 1
        if job.tries < TRIES:
            self._overdue.append(job)
            return
        self._file(job, failed(order, LOST))

    def _file(self, job: _Job, filed: Filed) -> None:
        """Queue the result of a job's submission for storing, once for each of its students.

        ``filed`` is the result for one student. If the submission was not graded, its result is
        replaced by one without points that gives the reason. The watcher of the run is notified.
        """
        self._ended[job.number] = filed.standing
        if filed.standing != "graded":
            refused = self._refuse(filed.name, filed.path, filed.digest, filed.told)
            filed = replace(filed, result=pack(refused))
        self._filed += [renamed(filed, student) for student in job.entry.students]
        self._queue_submission(job)
        self._watch.step(filed)

    def _queue_submission(self, job: _Job) -> None:
        """Queue a submission under each of its students, to be stored together with the results."""
        stamp, sender = self._loader.stamp(job.entry.handed), job.entry.sender
        self._listed += [
            Listed(student, job.digest, job.number, stamp, sender) for student in job.entry.students
        ]

    def _flush(self, run: int) -> None:
        """Store the queued results as results of the run with the id ``run``, and empty the queue.

        The queue is kept if another program locks the class file. If a value cannot be stored, the
        results are stored one by one.

        Raises
        ------
        StoreError
            The file cannot be written, or has been locked for longer than `PATIENCE`.
        """
        self._stored_at = time.monotonic()
        try:
            self._write(run, self._filed, self._listed)
        except (TypeError, ValueError):
            self._write_one_by_one(run)
        except HeldError:
            self._locked_since = self._locked_since or time.monotonic()
            if time.monotonic() - self._locked_since > PATIENCE:
                raise
            return
        self._filed, self._listed, self._locked_since = [], [], None

    def _write_one_by_one(self, run: int) -> None:
        """Store the queued results singly; count those that SQLite cannot store as failed."""
        for line in self._listed:
            own = [e for e in self._filed if (e.name, e.digest) == (line.name, line.digest)]
            try:
                self._write(run, own, [line])
            except (TypeError, ValueError) as error:
                self._ended[line.place] = "failed"
                self._left.append((line.name, f"the result could not be stored ({error})"))

    def _write(self, run: int, filed: Sequence[Filed], listed: Sequence[Listed]) -> None:
        """Store results, and the submissions with their students, in one transaction."""
        if filed or listed:
            with self._store.writing():
                self._store.add(run, filed)
                self._store.add_listed(run, listed)


def torch_tasks(assignment: Assignment) -> frozenset[str]:
    """Return the ids of the assignment's tasks that need torch."""
    return frozenset(task.id for task in assignment.tasks if task.framework.modules)


def renamed(filed: Filed, student: str) -> Filed:
    """Return a copy of a group's result under the name of one of its members."""
    if filed.name == student:
        return filed
    own = replace(unpack(filed.result, Result), submission=student)
    return replace(filed, name=student, result=pack(own))


def refuse_unfit(store: Store, session: Session, *, new_version: bool) -> None:
    """Refuse to grade or mark a class with an unusable or different assignment or gradkit.

    Parameters
    ----------
    store : Store
    session : Session
        Session that is to grade or mark the class.
    new_version : bool
        Whether another gradkit version than before is allowed.

    Raises
    ------
    GradingError
        The gradkit version or the assignment differs, or the session's files cannot be used.
    """
    if not new_version:
        refuse_other_version(store, session.assignment)
    refuse_other_exercise(store, session.assignment)
    session.refuse_unusable()


def refuse_other_version(store: Store, assignment: Assignment) -> None:
    """Refuse to grade if the assignment or the class's last run has another gradkit version.

    Raises
    ------
    GradingError
        The assignment requires another version, or the last run used another version.
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
                f"Install gradkit {version}, or continue under this version with --new-version; "
                "`gradkit diff` then lists what has changed."
            )


def refuse_other_exercise(store: Store, assignment: Assignment) -> None:
    """Refuse to grade a class with an assignment of another id than before.

    The instructor may have forgotten the option ``--assignment``. A file that has changed under
    the same id is the same assignment.

    Raises
    ------
    GradingError
        The newest result is for another assignment.
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
