"""Who is graded when, and what is stored: with a pool whose answers are written down."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import sqlite3
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from classroom.classes import RIGHT, SETTINGS, Silent, changed_assignment, handed_in
from classroom.filing import filed
from model_solutions import REFERENCE
from msgspec.structs import replace

import gradkit
from gradkit.classroom.course.roster import enrolment_of
from gradkit.classroom.grade import LOST, Grading, Tally
from gradkit.classroom.policy import counting_attempts
from gradkit.classroom.store.database import FILE, StoreError
from gradkit.classroom.store.results import Store, pack, seed_of
from gradkit.grading.settings import GradingError, Settings, digests_of
from gradkit.records.classroom import Kept, Order, Reply
from gradkit.records.result import Result
from gradkit.submission.read import gather
from gradkit.task.assignment import read_assignment

pytestmark = pytest.mark.sample(9)

RESULT = pack(
    Result("x", "backpropagation", "correct", 1, "derived", False, 0, 1, (), (), {}, {}, 0)
)


def graded(order: Order) -> Reply:
    """A result whose score is the length of the submission."""
    parcel = order.parcel
    facts = {"path": parcel.path, "digest": parcel.digest, "key": order.key, "result": RESULT}
    return Reply(filed(parcel.name, score=float(len(parcel.files[0].data.decode())), **facts))


@dataclass
class Scripted:
    """A pool of one worker and a slow one, which does as told and notes what it is given."""

    answer: Callable[[Order], Reply | None] = graded
    workers: int = 1
    given: list[tuple[str, bool, bool]] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)
    hand: list[tuple[Order, bool]] = field(default_factory=list)

    def capacity(self, *, slow: bool) -> int:
        """See `WorkerPool`."""
        return (1 if slow else self.workers) - sum(own == slow for _, own in self.hand)

    def put(self, orders: Sequence[Order], *, slow: bool) -> None:
        """See `WorkerPool`."""
        assert len(orders) <= self.capacity(slow=slow)
        for order in orders:
            self.given.append((order.parcel.name, order.hurried, slow))
            self.orders.append(order)
            self.hand.append((order, slow))

    def take(self, seconds: float) -> list[tuple[Order, Reply | None]]:
        """What was given last is done first, so that nothing depends on the order."""
        if not self.hand:
            return []
        order, _ = self.hand.pop()
        return [(order, self.answer(order))]

    def close(self) -> None:
        """See `WorkerPool`."""


def run(
    paths: Path | Sequence[Path],
    out: Path,
    pool: Scripted,
    settings: Settings = SETTINGS,
    *,
    new_version: bool = False,
) -> Tally:
    """Grade what is there."""
    handed = gather([paths] if isinstance(paths, Path) else paths)
    with Store(out, write=True) as store:
        grading = Grading(store, settings, Silent(), new_version=new_version)
        return grading.run(enrolment_of(handed), pool)


def current(out: Path) -> dict[str, Kept]:
    """The current results by name, whichever run has found them last."""
    with Store(out, write=False) as store:
        return {one.kept.name: replace(one.kept, seen=0) for one in counting_attempts(store)}


@pytest.fixture
def trio(tmp_path: Path) -> Path:
    """A class of three."""
    return handed_in(tmp_path / "class", ann=RIGHT, ben=RIGHT + "#", cas=RIGHT + "##")


def test_everybody_is_graded_once_and_in_a_hurry(trio: Path, tmp_path: Path) -> None:
    """All that is asked comes back under the name that it was asked by."""
    pool = Scripted(workers=2)
    assert run(trio, tmp_path, pool) == Tally(3, 0, 3, 0, 0)
    assert sorted(pool.given) == [(name, True, False) for name in ("ann", "ben", "cas")]
    found = current(tmp_path)
    assert [kept.score for kept in found.values()] == [len(RIGHT) + n for n in range(3)]
    assert found["ben"].path == str(trio / "ben.py")


def test_what_is_done_and_unchanged_is_skipped(trio: Path, tmp_path: Path) -> None:
    """Wherever it lies by then; what is new or different is graded."""
    run(trio, tmp_path, Scripted())
    pool = Scripted()
    assert run(trio, tmp_path, pool) == Tally(3, 3, 0, 0, 0)
    assert pool.given == []
    elsewhere = trio.rename(tmp_path / "elsewhere")
    handed_in(elsewhere, ben=RIGHT + "# changed", dan=RIGHT)
    assert run(elsewhere, tmp_path, pool) == Tally(4, 2, 2, 0, 0)
    assert sorted(pool.given) == [("ben", True, False), ("dan", True, False)]
    assert current(tmp_path)["ben"].score == len(RIGHT + "# changed")


def test_everything_that_marks_depend_on_makes_them_old(
    trio: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Assignment, reference, gradkit's version and the options; and they alone."""
    run(trio, tmp_path, Scripted())
    same = changed_assignment(tmp_path / "same", "step = 0.25", "step = 0.25")
    again = [
        SETTINGS,
        replace(SETTINGS, assignment=same),
        replace(SETTINGS, dropped=("wrong-sign",)),
    ]
    for settings in again:
        assert run(trio, tmp_path, Scripted(), settings).skipped == 3
    shutil.copytree(REFERENCE, tmp_path / "reference")
    named = replace(SETTINGS, no_reference=False, reference=tmp_path / "reference")
    other = changed_assignment(tmp_path / "other", "step = 0.25", "step = 0.5")
    different = [
        replace(SETTINGS, assignment=other),
        replace(SETTINGS, seed=12),
        replace(SETTINGS, preset="strict"),
        replace(SETTINGS, tasks=(*SETTINGS.tasks, "classification-numpy")),
        named,
    ]
    for settings in different:
        assert run(trio, tmp_path, Scripted(), settings).graded == 3
        assert run(trio, tmp_path, Scripted(), settings).skipped == 3
    solution = tmp_path / "reference" / "regression_numpy.py"
    solution.write_text(solution.read_text(encoding="utf-8") + "#\n", encoding="utf-8")
    assert run(trio, tmp_path, Scripted(), named).graded == 3
    monkeypatch.setattr(gradkit, "__version__", "99.0")
    assert run(trio, tmp_path, Scripted(), named, new_version=True).graded == 3
    assert run(trio, tmp_path, Scripted(), named).skipped == 3


HEAD = 'title = "Backpropagation by hand'


def test_another_gradkit_is_refused(
    trio: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By what the class was graded with, and by what its assignment asks for."""
    here = gradkit.__version__
    run(trio, tmp_path, Scripted())
    pinned = changed_assignment(tmp_path / "a", HEAD, f'gradkit = "1.2.3"\n{HEAD}')
    with pytest.raises(GradingError) as caught:
        run(trio, tmp_path / "new", Scripted(), replace(SETTINGS, assignment=pinned))
    advice = (
        "or continue under this version with --new-version; `gradkit diff` then lists what has "
        "changed."
    )
    assert str(caught.value) == (
        f"{pinned} is to be graded with gradkit 1.2.3, and this is {here}: marks could differ. "
        f"Install gradkit 1.2.3, {advice}"
    )
    monkeypatch.setattr(gradkit, "__version__", "99.0")
    with pytest.raises(GradingError) as caught:
        run(trio, tmp_path, Scripted())
    assert str(caught.value) == (
        f"{tmp_path / FILE} was graded with gradkit {here}, and this is 99.0: marks could differ. "
        f"Install gradkit {here}, {advice}"
    )
    monkeypatch.setattr(gradkit, "__version__", "1.2.3")
    same = replace(SETTINGS, assignment=pinned)
    assert run(trio, tmp_path / "new", Scripted(), same).graded == 3


def test_another_exercise_is_refused(trio: Path, tmp_path: Path) -> None:
    """An option that was forgotten does not mark everybody by something else."""
    out = tmp_path / "out"
    run(trio, out, Scripted())
    before = (out / FILE).read_bytes()
    mine = changed_assignment(tmp_path / "a", 'id = "backpropagation"', 'id = "mine"')
    with pytest.raises(GradingError) as caught:
        run(trio, out, Scripted(), replace(SETTINGS, assignment=mine))
    assert str(caught.value) == (
        f"{out / FILE} was graded by the assignment 'backpropagation', gradkit's own, and this is "
        f"'mine' ({mine}). Leave out --assignment, or choose another folder with --out."
    )
    assert (out / FILE).read_bytes() == before


def test_the_file_of_ones_own_exercise_is_named(trio: Path, tmp_path: Path) -> None:
    """To be copied to the command line. Changed under its id, it is the same exercise."""
    mine = replace(SETTINGS, assignment=changed_assignment(tmp_path / "a"))
    run(trio, tmp_path, Scripted(), mine)
    changed_assignment(tmp_path / "a", "step = 0.25", "step = 0.5")
    assert run(trio, tmp_path, Scripted(), mine).graded == 3
    other = changed_assignment(tmp_path / "b", 'id = "backpropagation"', 'id = "other"')
    with pytest.raises(GradingError) as caught:
        run(trio, tmp_path, Scripted(), replace(SETTINGS, assignment=other))
    assert f"'backpropagation' ({mine.assignment}), and this is 'other'" in str(caught.value)
    assert "Give its file with --assignment, or choose" in str(caught.value)


def test_the_seed_is_the_attempts(trio: Path, tmp_path: Path) -> None:
    """Fresh for each student and revision, and the same whenever that is graded again."""
    settings = replace(SETTINGS, seed=None)

    def seeds(changed: Settings) -> dict[str, int]:
        pool = Scripted()
        run(trio, tmp_path, pool, changed)
        return {order.parcel.name: order.seed for order in pool.orders}

    first = seeds(settings)
    assert len(set(first.values())) == 3
    assert seeds(replace(settings, preset="strict")) == first
    handed_in(trio, ben=RIGHT + "# second")
    second = seeds(settings)
    assert second["ann"] == first["ann"]
    assert second["ben"] != first["ben"]
    handed_in(trio, ben=RIGHT + "#")
    assert seeds(settings)["ben"] == first["ben"]


def test_nobody_can_tell_a_seed_beforehand() -> None:
    """It depends on the secret, the assignment, the name and the contents, and has 48 bits."""
    assignment = read_assignment(None)
    other = replace(assignment, id="other")
    drawn = [
        seed_of("secret", assignment, "ann", "d1"),
        seed_of("secret2", assignment, "ann", "d1"),
        seed_of("secret", other, "ann", "d1"),
        seed_of("secret", assignment, "ben", "d1"),
        seed_of("secret", assignment, "ann", "d2"),
    ]
    assert len(set(drawn)) == 5
    assert all(0 <= seed < 2**48 for seed in drawn)
    many = [seed_of("secret", assignment, str(number), "d1") for number in range(500)]
    assert max(many) > 2**47
    assert seed_of("secret", assignment, "ann", "d1") == drawn[0]


def test_what_failed_is_tried_again(trio: Path, tmp_path: Path) -> None:
    """With the seed that it had; what was refused stays so until it changes."""

    def broken(order: Order) -> Reply:
        standing = "failed" if order.parcel.name == "ben" else "refused"
        reply = graded(order)
        assert reply.filed is not None
        return Reply(replace(reply.filed, standing=standing, told="why", evidence=b""))

    first, second = Scripted(broken), Scripted()
    settings = replace(SETTINGS, seed=None)
    assert run(trio, tmp_path, first, settings) == Tally(3, 0, 0, 2, 1)
    assert {name: kept.told for name, kept in current(tmp_path).items()} == dict.fromkeys(
        ("ann", "ben", "cas"), "why"
    )
    assert run(trio, tmp_path, second, settings) == Tally(3, 2, 1, 0, 0)
    assert second.given == [("ben", True, False)]
    seeds = {order.parcel.name: order.seed for order in first.orders}
    assert second.orders[0].seed == seeds["ben"]


def test_what_cannot_be_read_is_kept_with_its_sentence(tmp_path: Path) -> None:
    """And is looked at again each time, for it may have been replaced."""
    folder = handed_in(tmp_path / "class", ann=RIGHT)
    (folder / "ben.pdf").write_bytes(b"%PDF")
    pool = Scripted()
    assert run(folder, tmp_path, pool) == Tally(2, 0, 1, 1, 0)
    kept = current(tmp_path)["ben.pdf"]
    assert (kept.standing, kept.score, kept.taken) == ("refused", None, None)
    assert kept.told.startswith("ben.pdf is not a file that can be graded. Expected ")
    assert kept.path == str(folder / "ben.pdf")
    assert run(folder, tmp_path, pool) == Tally(2, 2, 0, 0, 0)
    (folder / "ben.pdf").rename(folder / "ben.txt")
    assert run(folder, tmp_path, pool) == Tally(2, 1, 0, 1, 0)


def test_who_is_overdue_has_the_slow_worker_while_others_wait(trio: Path, tmp_path: Path) -> None:
    """With patience, and beside them."""
    pool = Scripted(lambda order: Reply(None) if is_hurried(order, "ann") else graded(order))
    assert run(trio, tmp_path, pool) == Tally(3, 0, 3, 0, 0)
    assert pool.given[0] == ("ann", True, False)
    assert ("ann", False, True) in pool.given
    assert pool.given.index(("ann", False, True)) < pool.given.index(("cas", True, False))
    assert len(pool.given) == 4


def is_hurried(order: Order, *names: str) -> bool:
    """Whether one of these is asked for in a hurry."""
    return order.hurried and order.parcel.name in names


def test_who_is_overdue_has_all_workers_when_nobody_waits(trio: Path, tmp_path: Path) -> None:
    """The slow worker is for the time until then."""
    pool = Scripted(lambda order: Reply(None) if order.hurried else graded(order), workers=3)
    assert run(trio, tmp_path, pool).graded == 3
    assert sorted(pool.given[3:]) == [(name, False, False) for name in ("ann", "ben", "cas")]


def test_a_timeout_is_confirmed_at_the_very_end(trio: Path, tmp_path: Path) -> None:
    """Once, when nobody else is left; the second result is the one that counts."""
    seen: list[Order] = []

    def slow(order: Order) -> Reply:
        if order.parcel.name != "ann":
            return graded(order)
        if order.hurried:
            return Reply(None)
        seen.append(order)
        reply = graded(order)
        assert reply.filed is not None
        return Reply(replace(reply.filed, score=float(len(seen))), timed_out=True)

    pool = Scripted(slow)
    assert run(trio, tmp_path, pool) == Tally(3, 0, 3, 0, 0)
    assert len(seen) == 2
    assert pool.given[-1] == ("ann", False, False)
    assert sum(name == "ann" for name, _, _ in pool.given) == 3
    assert current(tmp_path)["ann"].score == 2.0


def test_a_timeout_that_was_bad_luck_is_forgotten(trio: Path, tmp_path: Path) -> None:
    """Where it comes to its end the second time, that is the result."""
    times = 0

    def slow_once(order: Order) -> Reply:
        nonlocal times
        times += order.parcel.name == "ben"
        reply = graded(order)
        return replace(reply, timed_out=order.parcel.name == "ben" and times == 1)

    assert run(trio, tmp_path, Scripted(slow_once)) == Tally(3, 0, 3, 0, 0)
    assert current(tmp_path)["ben"].score == len(RIGHT) + 1
    assert times == 2


def test_who_was_lost_is_tried_once_more(trio: Path, tmp_path: Path) -> None:
    """It may have been somebody else's fault."""
    lost = ["ben"]

    def dies_once(order: Order) -> Reply | None:
        if order.parcel.name in lost:
            lost.clear()
            return None
        return graded(order)

    pool = Scripted(dies_once)
    assert run(trio, tmp_path, pool) == Tally(3, 0, 3, 0, 0)
    assert sum(name == "ben" for name, _, _ in pool.given) == 2
    assert current(tmp_path)["ben"].standing == "graded"


def test_who_is_lost_twice_is_told(trio: Path, tmp_path: Path) -> None:
    """And tried again by the next run; the others are as they would be."""
    pool = Scripted(lambda order: None if order.parcel.name == "ben" else graded(order))
    assert run(trio, tmp_path, pool) == Tally(3, 0, 2, 0, 1)
    kept = current(tmp_path)["ben"]
    assert (kept.standing, kept.told, kept.score) == ("failed", LOST, None)
    assert run(trio, tmp_path, Scripted()) == Tally(3, 2, 1, 0, 0)


def test_what_has_gone_before_its_second_try(trio: Path, tmp_path: Path) -> None:
    """A file that was there and is not, has failed; nobody waits for it."""

    def removed(order: Order) -> Reply:
        if order.hurried and order.parcel.name == "ann":
            (trio / "ann.py").unlink()
            return Reply(None)
        return graded(order)

    said = f"There is no file or folder {trio / 'ann.py'}."
    assert run(trio, tmp_path, Scripted(removed)) == Tally(3, 0, 2, 0, 1, (("ann", said),))
    kept = current(tmp_path)["ann"]
    assert (kept.standing, kept.told) == ("failed", said)


def test_what_cannot_be_read_now_takes_no_marks_away(
    trio: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has failed and is tried again, and is never an attempt beside one that was read."""
    run(trio, tmp_path, Scripted())
    before = current(tmp_path)
    really = os.open

    def refusing(path, *rest):  # type: ignore[no-untyped-def]
        if str(path).endswith("ben.py"):
            raise OSError(errno.EIO, "Input/output error")
        return really(path, *rest)

    said = "ben.py could not be opened: Input/output error. Check the path and the permissions."
    with monkeypatch.context() as patched:
        patched.setattr(os, "open", refusing)
        for _ in range(2):
            assert run(trio, tmp_path, Scripted()) == Tally(3, 2, 0, 0, 1, (("ben", said),))
            assert current(tmp_path) == before
    with Store(tmp_path, write=False) as store:
        assert {one.attempts for one in counting_attempts(store)} == {1}
    assert run(trio, tmp_path, Scripted()) == Tally(3, 3, 0, 0, 0)
    assert current(tmp_path) == before


def test_what_cannot_be_stored_costs_only_itself(trio: Path, tmp_path: Path) -> None:
    """All others of its transaction are kept, and it has failed."""

    def odd(order: Order) -> Reply:
        reply = graded(order)
        if order.parcel.name != "ben" or reply.filed is None:
            return reply
        return Reply(replace(reply.filed, told="\udce9"))

    tally = run(trio, tmp_path, Scripted(odd))
    assert (tally.graded, tally.failed, tally.left[0][0]) == (2, 1, "ben")
    assert tally.left[0][1].startswith("the result could not be stored ('utf-8' codec can't ")
    assert list(current(tmp_path)) == ["ann", "cas"]
    assert run(trio, tmp_path, Scripted()) == Tally(3, 2, 1, 0, 0)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names of files are Unicode")
def test_a_model_solution_whose_name_is_not_unicode(tmp_path: Path) -> None:
    """Its name is a part of what is graded against, whatever its bytes are."""
    shutil.copytree(REFERENCE, tmp_path / "reference")
    assignment = read_assignment(None)
    before = digests_of(assignment, tmp_path / "reference")
    (tmp_path / "reference" / os.fsdecode(b"Ren\xe9.py")).write_text("", encoding="utf-8")
    assert digests_of(assignment, tmp_path / "reference") != before


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names of files are Unicode")
def test_a_name_that_is_not_unicode(trio: Path, tmp_path: Path) -> None:
    """As old programs unpack it: graded with the others, under a name that can be stored."""
    (trio / os.fsdecode(b"Ren\xe9.py")).write_text(RIGHT, encoding="utf-8")
    (trio / os.fsdecode(b"Ren\xe8.py")).write_text(RIGHT, encoding="utf-8")
    assert run(trio, tmp_path, Scripted()) == Tally(5, 0, 5, 0, 0)
    named = [name for name in current(tmp_path) if "Ren" in name]
    assert named == ["class/Ren.py", "class/Ren.py~2"]
    with Store(tmp_path, write=False) as store:
        told = {kept.sender.original for kept in store.newest()}
    assert told == {"Ren?.py", "ann.py", "ben.py", "cas.py"}
    assert run(trio, tmp_path, Scripted()) == Tally(5, 5, 0, 0, 0)


def test_what_came_before_an_interrupt_is_stored(trio: Path, tmp_path: Path) -> None:
    """Also what was still waiting to be written; the next run does the rest."""

    def interrupted(order: Order) -> Reply:
        if order.parcel.name == "cas":
            raise KeyboardInterrupt
        return graded(order)

    with pytest.raises(KeyboardInterrupt):
        run(trio, tmp_path, Scripted(interrupted))
    assert list(current(tmp_path)) == ["ann", "ben"]
    with Store(tmp_path, write=False) as store:
        assert store.runs()[-1].ended is None
    assert run(trio, tmp_path, Scripted()) == Tally(3, 2, 1, 0, 0)


def test_a_disk_that_fills_up_keeps_what_was_stored(tmp_path: Path) -> None:
    """The sentence comes out, and after there is room the rest is graded."""
    folder = handed_in(tmp_path / "class", **{f"s{n}": RIGHT + "#" * n for n in range(40)})
    with Store(tmp_path, write=True) as store:
        grading = Grading(store, SETTINGS, Silent())
        bulky = Scripted(bulk)
        pages = store._base.execute("PRAGMA page_count").fetchone()[0]
        store._base.execute(f"PRAGMA max_page_count = {pages + 40}")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("gradkit.classroom.grade.STORE_EVERY", 0.0)
            with pytest.raises(StoreError, match="make room, and run the same command again"):
                grading.run(enrolment_of(gather([folder])), bulky)
    kept = current(tmp_path)
    assert 3 < len(kept) < 40
    assert run(folder, tmp_path, Scripted()) == Tally(40, len(kept), 40 - len(kept), 0, 0)


@pytest.mark.parametrize("patience", [60.0, 0.2])
def test_another_program_that_reads_for_long_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, patience: float
) -> None:
    """What waits to be stored waits on, and the others are graded meanwhile; not for ever."""
    folder = handed_in(tmp_path / "class", **{f"s{n}": RIGHT + "#" * n for n in range(6)})
    connect = sqlite3.connect
    # Without the five seconds that SQLite waits of its own accord.
    monkeypatch.setattr(sqlite3, "connect", lambda *a, **k: connect(*a, **{**k, "timeout": 0.05}))
    monkeypatch.setattr("gradkit.classroom.grade.STORE_EVERY", 0.0)
    monkeypatch.setattr("gradkit.classroom.grade.PATIENCE", patience)
    seen: list[str] = []
    with (
        Store(tmp_path, write=True) as store,
        contextlib.closing(sqlite3.connect(tmp_path / FILE, isolation_level=None)) as reader,
    ):

        def answer(order: Order) -> Reply:
            seen.append(order.parcel.name)
            if len(seen) == 2:
                reader.execute("BEGIN")
                reader.execute("SELECT count(*) FROM results").fetchone()
            if len(seen) == 5 and patience > 1:
                reader.execute("COMMIT")
            return graded(order)

        grading = Grading(store, SETTINGS, Silent())
        listed = enrolment_of(gather([folder]))
        if patience > 1:
            assert grading.run(listed, Scripted(answer)) == Tally(6, 0, 6, 0, 0)
        else:
            with pytest.raises(
                StoreError, match=("Another program uses it: wait until it is done, and")
            ):
                grading.run(listed, Scripted(answer))
    assert len(current(tmp_path)) == (6 if patience > 1 else 1)


def bulk(order: Order) -> Reply:
    """Evidence of some kilobytes that do not pack."""
    reply = graded(order)
    assert reply.filed is not None
    return Reply(replace(reply.filed, evidence=order.key.encode() * 100))


def test_results_of_one_moment_are_stored_together(tmp_path: Path) -> None:
    """A transaction each would cost more than the grading."""
    folder = handed_in(tmp_path / "class", **{f"s{n}": RIGHT + "#" * n for n in range(20)})
    with Store(tmp_path, write=True) as store:
        stored: list[int] = []
        add = store.add
        store.add = lambda run, filed: (stored.append(len(filed)), add(run, filed))[1]  # type: ignore[method-assign]
        Grading(store, SETTINGS, Silent()).run(enrolment_of(gather([folder])), Scripted())
    assert sum(stored) == 20
    assert len(stored) < 10


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            Settings(form="published", no_reference=True),
            "--form published needs the model solutions: name their folder with --reference.",
        ),
        (Settings(tasks=("knitting",)), "--task knitting: there is no such task. The assignment"),
        (Settings(reference=Path("nowhere")), "--reference nowhere: there is no such folder."),
        (Settings(assignment=Path("nowhere.toml")), "nowhere.toml"),
    ],
)
def test_what_cannot_be_graded_against_is_said_before_anybody_is_graded(
    settings: Settings, said: str, tmp_path: Path
) -> None:
    """One sentence, and not the same one for everybody in the class."""
    with Store(tmp_path, write=True) as store:
        with pytest.raises(GradingError) as caught:
            Grading(store, settings, Silent())
        assert said in str(caught.value)
        assert store.runs() == []


def test_a_model_solution_that_is_wrong_is_said_before_too(tmp_path: Path) -> None:
    """Students would be told that they are."""
    shutil.copytree(REFERENCE, tmp_path / "reference")
    path = tmp_path / "reference" / "regression_numpy.py"
    text = path.read_text(encoding="utf-8")
    assert "0.001" in text
    path.write_text(text.replace("0.001", "0.002"), encoding="utf-8")
    with (
        Store(tmp_path, write=True) as store,
        pytest.raises(GradingError, match="disagree on W1 of"),
    ):
        Grading(store, Settings(reference=tmp_path / "reference"), Silent())


def test_a_result_is_never_changed(trio: Path, tmp_path: Path) -> None:
    """Grading anew adds results, and takes none away."""
    for seed in (1, 2, 3):
        run(trio, tmp_path, Scripted(), replace(SETTINGS, seed=seed))
    with contextlib.closing(sqlite3.connect(tmp_path / FILE)) as base:
        assert base.execute("SELECT count(*) FROM results").fetchone() == (9,)
    assert len(current(tmp_path)) == 3
