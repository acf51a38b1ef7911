"""Workers: processes that grade, are lost, are replaced, and leave nothing behind."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from classroom.classes import (
    HANGS,
    OTHER_EXERCISE,
    RIGHT,
    SETTINGS,
    TASK,
    changed_assignment,
    handed_in,
)
from model_solutions import REFERENCE
from msgspec.structs import replace

from gradkit.classroom import worker_pool as module
from gradkit.classroom.store.results import unpack
from gradkit.classroom.worker_pool import Grader, LocalPool, grader
from gradkit.errors import STRICT
from gradkit.grading.session import Session
from gradkit.records.classroom import Order, Reply
from gradkit.records.result import Evidence, Result
from gradkit.sandbox import Workshop, WorkshopError
from gradkit.submission.read import Loader, gather

pytestmark = [
    pytest.mark.sample(12),
    pytest.mark.skipif(os.name != "posix", reason="processes are killed by signals"),
]


def order(folder: Path, text: str = RIGHT, name: str = "kim", *, hurried: bool = True) -> Order:
    """One submission to be graded."""
    handed = gather([handed_in(folder, **{name: text}) / f"{name}.py"])
    with Loader() as loader:
        return Order(0, loader.load(handed[0]), 5, f"key of {name}", hurried)


def answers(pool: LocalPool, count: int, seconds: float = 120.0) -> list[tuple[str, Reply | None]]:
    """The next answers, by name."""
    until = time.monotonic() + seconds
    found: list[tuple[str, Reply | None]] = []
    while len(found) < count:
        assert time.monotonic() < until, found
        found += [(one.parcel.name, reply) for one, reply in pool.take(1.0)]
    return found


def score(reply: Reply | None) -> float | None:
    """What was earned."""
    assert reply is not None
    assert reply.filed is not None
    return reply.filed.score


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[LocalPool]:
    """One worker, whose folders are in a place of their own."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    with LocalPool(SETTINGS, 1) as workers:
        yield workers
    # Whatever happened in the test, nothing is left of it. Of a worker that was killed outright
    # an empty folder may be: nobody was there any more to remove it.
    assert [file for file in (tmp_path / "tmp").rglob("*") if not file.is_dir()] == []


def test_nothing_starts_before_the_first_order() -> None:
    """A class that is done costs no processes."""
    with LocalPool(SETTINGS, 4) as pool:
        assert (pool.capacity(slow=False), pool.capacity(slow=True)) == (4, 1)
        assert pool._workers == []
        assert pool.take(0.0) == []


def test_an_order_comes_back_with_its_result(pool: LocalPool, tmp_path: Path) -> None:
    """Under its key, with marks and evidence that can be unpacked."""
    pool.put([order(tmp_path)], slow=False)
    assert pool.capacity(slow=False) == 0
    ((name, reply),) = answers(pool, 1)
    assert (name, pool.capacity(slow=False)) == ("kim", 1)
    assert reply is not None
    filed = reply.filed
    assert filed is not None
    assert (filed.name, filed.key, filed.standing) == ("kim", "key of kim", "graded")
    assert (filed.score, filed.max_score, filed.provisional) == (20.0, 20.0, True)
    assert unpack(filed.result, Result).seed == SETTINGS.seed
    (evidence,) = unpack(filed.evidence, tuple[Evidence, ...])
    assert (evidence.task, {v.state for v in evidence.verdicts}) == (TASK, {"pass"})
    assert filed.seconds > 0


def test_a_worker_that_is_killed_is_replaced(pool: LocalPool, tmp_path: Path) -> None:
    """The order comes back without a reply, and the next one is graded as ever."""
    pool.put([order(tmp_path, HANGS, hurried=False)], slow=False)
    (worker,) = pool._workers
    pid = worker.process.pid
    time.sleep(1.0)
    os.kill(pid, signal.SIGKILL)
    assert answers(pool, 1, 20.0) == [("kim", None)]
    assert worker.process.pid != pid
    pool.put([order(tmp_path, name="lee")], slow=False)
    ((name, reply),) = answers(pool, 1)
    assert (name, score(reply)) == ("lee", 20.0)
    # The workers of the worker that was killed end by themselves.
    until = time.monotonic() + 10
    while len(list((tmp_path / "tmp").iterdir())) > 1 and time.monotonic() < until:
        time.sleep(0.05)


def test_a_worker_that_dies_idle_costs_one_try(pool: LocalPool, tmp_path: Path) -> None:
    """It is noticed with the next order, which comes back to be given again."""
    pool.put([order(tmp_path)], slow=False)
    answers(pool, 1)
    pool._workers[0].process.kill()
    pool._workers[0].process.wait()
    pool.put([order(tmp_path, name="lee")], slow=False)
    assert answers(pool, 1, 20.0) == [("lee", None)]
    pool.put([order(tmp_path, name="lee")], slow=False)
    ((_, reply),) = answers(pool, 1)
    assert score(reply) == 20.0


def test_a_worker_that_says_nothing_is_given_up(
    pool: LocalPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After longer than any deadline, and once: it would only hold a worker as long again."""
    monkeypatch.setattr(module, "PATIENCE", 0.5)
    pool.put([order(tmp_path, HANGS, hurried=False)], slow=False)
    (worker,) = pool._workers
    pid = worker.process.pid
    started = time.monotonic()
    ((name, reply),) = answers(pool, 1, 20.0)
    assert time.monotonic() - started >= 0.5
    assert name == "kim"
    assert reply is not None
    assert reply.filed is not None
    assert (reply.filed.standing, reply.timed_out) == ("failed", False)
    assert reply.filed.told.startswith(
        "gradkit's own process did not finish with this submission within 0.5 seconds. "
    )
    assert worker.process.pid != pid


def test_the_slow_worker_is_another_and_a_nice_one(pool: LocalPool, tmp_path: Path) -> None:
    """It works beside the others, and leaves the cores to them."""
    pool.put([order(tmp_path)], slow=False)
    pool.put([order(tmp_path, name="lee", hurried=False)], slow=True)
    assert (pool.capacity(slow=False), pool.capacity(slow=True)) == (0, 0)
    assert sorted(name for name, _ in answers(pool, 2)) == ["kim", "lee"]
    usual, slow = pool._workers
    assert os.getpriority(os.PRIO_PROCESS, slow.process.pid) == module.SLOW_NICENESS
    assert os.getpriority(os.PRIO_PROCESS, usual.process.pid) == os.getpriority(os.PRIO_PROCESS, 0)


def test_closing_does_not_wait_for_a_hopeless_one(tmp_path: Path) -> None:
    """What is in hand is dropped, and its processes end."""
    with LocalPool(SETTINGS, 1) as pool:
        pool.put([order(tmp_path, HANGS, hurried=False)], slow=False)
        time.sleep(2.0)
        (worker,) = pool._workers
        started = time.monotonic()
    assert time.monotonic() - started < 2 * module.GRACE
    assert worker.process.returncode is not None


@pytest.fixture(scope="module")
def able() -> Iterator[Grader]:
    """What a worker does, in this process."""
    with grader(replace(SETTINGS, tasks=())) as made:
        yield made


def test_a_hurried_order_is_overdue_and_a_patient_one_times_out(tmp_path: Path) -> None:
    """The first gives no result at all, the second a result whose check ran out of time."""
    text = HANGS
    short = changed_assignment(tmp_path / "short", "deadline = 10.0", "deadline = 1.0")
    with grader(replace(SETTINGS, assignment=short)) as able:
        assert able.grade(order(tmp_path, text)) == Reply(None)
        reply = able.grade(order(tmp_path, text, hurried=False))
    assert reply.timed_out
    assert reply.filed is not None
    states = {c.check: c.state for c in unpack(reply.filed.result, Result).tasks[0].checks}
    assert (states["forward"], states["update"]) == ("pass", "timeout")


def test_what_cannot_be_packed_costs_one_submission(
    able: Grader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Our own fault too, with a reply; and the next is graded."""

    def pack(record: object) -> bytes:
        raise OverflowError("can't serialize ints >= 2**64")

    monkeypatch.delenv(STRICT)
    with monkeypatch.context() as changed:
        changed.setattr(module, "pack", pack)
        filed = able.grade(order(tmp_path)).filed
    assert filed is not None
    assert (filed.standing, filed.result) == ("failed", b"")
    assert "OverflowError: can't serialize ints >= 2**64" in filed.told
    assert score(able.grade(order(tmp_path))) == 20.0


def test_what_holds_no_task_is_refused(able: Grader, tmp_path: Path) -> None:
    """With the sentence that `check` would print."""
    filed = able.grade(order(tmp_path, OTHER_EXERCISE)).filed
    assert filed is not None
    assert (filed.standing, filed.score, filed.evidence) == ("refused", None, b"")
    assert filed.told.startswith("kim: This looks like another exercise. ")


def test_what_cannot_be_parsed_is_refused(able: Grader, tmp_path: Path) -> None:
    """A notebook that is none."""
    folder = tmp_path / "class"
    folder.mkdir()
    (folder / "kim.ipynb").write_text("no notebook", encoding="utf-8")
    with Loader() as loader:
        parcel = loader.load(gather([folder])[0])
    filed = able.grade(Order(0, parcel, 5, "key", True)).filed
    assert filed is not None
    assert filed.standing == "refused"
    assert filed.told.startswith("kim.ipynb ")


def raising(error: Exception) -> Callable[..., None]:
    """A function that raises."""

    def fails(*given: object, **named: object) -> None:
        raise error

    return fails


def test_a_fault_of_ours_costs_one_submission(
    able: Grader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is called one, with its place, and the next submission is graded."""
    monkeypatch.delenv(STRICT)
    with monkeypatch.context() as patch:
        patch.setattr("gradkit.grading.session.examine", raising(IndexError("list\x1b[31m index")))
        filed = able.grade(order(tmp_path)).filed
    assert filed is not None
    assert (filed.standing, filed.score) == ("failed", None)
    assert filed.told.startswith(
        "gradkit itself failed on this submission (IndexError: list index, test_worker_pool.py:"
    )
    assert filed.told.endswith("), which may be right. Please report this, and grade it yourself.")
    assert score(able.grade(order(tmp_path))) == 20.0


def test_a_worker_that_will_not_start_is_a_fault_of_ours(
    able: Grader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The student is not refused for it, and it is tried again by the next run."""
    monkeypatch.setattr(Workshop, "worker", raising(WorkshopError("no process could be started")))
    filed = able.grade(order(tmp_path)).filed
    assert filed is not None
    assert (filed.standing, filed.told) == ("failed", "no process could be started")


def test_a_model_solution_that_cannot_be_used_is_a_fault_of_ours(tmp_path: Path) -> None:
    """The students are in order."""
    for source in REFERENCE.glob("*.py"):
        (tmp_path / source.name).write_bytes(source.read_bytes())
    (tmp_path / "regression_numpy.py").write_text("x = 1\n", encoding="utf-8")
    settings = replace(SETTINGS, no_reference=False, reference=tmp_path)
    with grader(settings) as able:
        filed = able.grade(order(tmp_path / "class")).filed
    assert filed is not None
    assert filed.standing == "failed"
    assert "regression_numpy.py" in filed.told


def test_sessions_share_their_workers(able: Grader) -> None:
    """A hurried and a patient one have one server of processes between them."""
    hurried, patient = able._sessions[True], able._sessions[False]
    assert isinstance(hurried, Session)
    assert hurried.resources.workshop is patient.resources.workshop
    assert hurried.resources._budget is not None
    assert patient.resources._budget is None
