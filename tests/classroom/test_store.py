"""The class file: written whole or not at all, by one at a time, and never emptied."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from classroom.filing import add, as_stranger, filed
from click.testing import CliRunner

from gradkit.classroom.store.database import FILE, FORMAT, LOCK, RESCUE, StoreError, files_of
from gradkit.classroom.store.results import Store, settings_of
from gradkit.cli import main
from gradkit.grading.settings import Settings
from gradkit.records.classroom import Filed, Listed
from gradkit.records.course import Sender

pytestmark = pytest.mark.sample(9)

KEPT = "and run the same command again. What was already stored is kept."


def stored(folder: Path, *results: Filed) -> int:
    """Put results into the file of a folder, in a run of their own."""
    with Store(folder, write=True) as store:
        run = store.begin("grade", Settings())
        add(store, run, results)
        store.end(run)
    return run


def test_whose_account_it_is_can_be_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever bytes the environment has for it."""
    monkeypatch.setenv("LOGNAME", "Ren\udce9")
    stored(tmp_path, filed())
    with Store(tmp_path, write=False) as store:
        assert store.runs()[0].who == "Ren?"


def found(folder: Path) -> dict[str, float | None]:
    """Names and scores, as a reader sees them."""
    with Store(folder, write=False) as store:
        return {kept.name: kept.score for kept in store.newest()}


def refused(folder: Path, *, write: bool) -> str:
    """Why the file cannot be opened."""
    with pytest.raises(StoreError) as caught, Store(folder, write=write):
        pass
    return str(caught.value)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that a stranger may reach, which pytest's own are not."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


def test_what_is_stored_comes_back(tmp_path: Path) -> None:
    """Facts, result and evidence, by name; the run says who, when and under what settings."""
    settings = Settings(("regression-numpy",), assignment=Path("mine.toml"), seed=7)
    with Store(tmp_path / "new" / "folder", write=True) as store:
        run = store.begin("grade", settings, {"torch"}, why="first")
        refusal = filed(
            "ann", standing="refused", told="a PDF", score=None, evidence=b"", result=b""
        )
        add(store, run, [filed("lee"), refusal])
        store.end(run)
    with Store(tmp_path / "new" / "folder", write=False) as store:
        ann, lee = store.newest()
        assert (ann.name, ann.standing, ann.told, ann.score) == ("ann", "refused", "a PDF", None)
        assert (lee.name, lee.path, lee.score, lee.max_score) == ("lee", "class/lee.py", 15.0, 20.0)
        assert (lee.taken, ann.taken) == (run, None)
        assert store.result(lee.id) == filed("lee").result
        assert store.evidence(lee.id) == filed("lee").evidence
        assert store.evidence(ann.id) is None
        (noted,) = store.runs()
    assert (noted.kind, noted.why, noted.settings["seed"]) == ("grade", "first", 7)
    assert noted.settings["assignment"] == str(Path("mine.toml").resolve())
    assert noted.ended is not None
    assert noted.began <= noted.ended
    assert noted.who
    assert {"gradkit", "numpy", "torch"} <= noted.versions.keys()


def test_every_submission_has_its_newest_result(tmp_path: Path) -> None:
    """The older ones stay in the file, and so do the other contents of the same name."""
    first = stored(tmp_path, filed(score=1.0), filed("lee"))
    second = stored(tmp_path, filed(digest="digest-2", score=2.0))
    stored(tmp_path, filed(score=3.0))
    with Store(tmp_path, write=False) as store:
        newest = [(kept.name, kept.digest, kept.score) for kept in store.newest()]
        assert newest == [
            ("kim", "digest-1", 3.0),
            ("kim", "digest-2", 2.0),
            ("lee", "digest-1", 15.0),
        ]
        assert [kept.score for kept in store.newest(second)] == [1.0, 2.0, 15.0]
        assert [kept.score for kept in store.newest(first)] == [1.0, 15.0]
        assert store.newest(0) == []
    with contextlib.closing(sqlite3.connect(tmp_path / FILE)) as base:
        assert base.execute("SELECT count(*) FROM results").fetchone() == (4,)
        assert base.execute("SELECT count(*) FROM submissions").fetchone() == (3,)


def test_what_a_run_was_told_of_a_submission_comes_back(tmp_path: Path) -> None:
    """The last run that found it has the word."""
    early = Sender("kim", "canvas", {"canvas": "7"}, False, "kim_7_1_a.py", "a.py")
    late = Sender("kim", "canvas", {"canvas": "7"}, True, "kim_LATE_7_2_a.py", "a.py")
    first, second = stored(tmp_path, filed()), stored(tmp_path)
    with Store(tmp_path, write=True) as store:
        store.add_listed(first, [Listed("kim", "digest-1", 4, "2026-10-01T00:00:00", early)])
        store.add_listed(second, [Listed("kim", "digest-1", 0, "", late)])
        (kept,) = store.newest()
        assert (kept.seen, kept.name, kept.digest) == (second, "kim", "digest-1")
        assert (kept.place, kept.stamp, kept.sender) == (0, "", late)
        assert [each.sender for each in store.newest(first)] == [early]


def test_an_amended_result_keeps_its_evidence(tmp_path: Path) -> None:
    """And the run that took it, which is not the one that marked it again."""
    first = stored(tmp_path, filed())
    with Store(tmp_path, write=True) as store:
        (old,) = store.newest()
        run = store.begin("remark", Settings())
        store.amend(run, {old.id: filed(score=9.0, evidence=b"")})
        (new,) = store.newest()
        assert (new.score, new.taken) == (9.0, first)
        (marked,) = store.rows("SELECT run FROM results WHERE id = ?", (new.id,))
        assert tuple(marked) == (run,)
        assert new.id != old.id
        assert store.evidence(new.id) == filed().evidence


def test_withdrawn_codes_are_remembered(tmp_path: Path) -> None:
    """Once each, with the run that withdrew them first."""
    stored(tmp_path, filed())
    with Store(tmp_path, write=True) as store:
        run = store.begin("remark", Settings())
        store.drop(run, ["wrong-sign", "swapped-index", "wrong-sign"])
        store.drop(run, [])
    with Store(tmp_path, write=False) as store:
        assert store.dropped() == ("swapped-index", "wrong-sign")


def test_the_preset_that_was_given_last_is_remembered(tmp_path: Path) -> None:
    """None where nobody ever gave one: then the assignment's counts."""
    with Store(tmp_path, write=True) as store:
        store.begin("grade", Settings())
        assert settings_of(store).preset is None
        store.begin("remark", Settings(preset="strict"))
        store.begin("override", why="kind")
        assert settings_of(store).preset == "strict"


def test_the_secret_is_made_once_and_for_each_file(tmp_path: Path) -> None:
    """Names, marks and the secret are for their owner's eyes."""
    stored(tmp_path / "a", filed())
    stored(tmp_path / "b", filed())
    secrets = []
    for folder in ("a", "a", "b"):
        with Store(tmp_path / folder, write=False) as store:
            secrets.append(store.meta("secret"))
    assert secrets[0] == secrets[1] != secrets[2]
    assert re.fullmatch("[0-9a-f]{64}", str(secrets[0]))
    if os.name == "posix":
        assert stat.S_IMODE((tmp_path / "a" / FILE).stat().st_mode) == 0o600


def test_all_of_a_transaction_is_stored_or_nothing(tmp_path: Path) -> None:
    """A fault half-way takes back what came before it, and the next is as if it never was."""
    stored(tmp_path, filed())
    with Store(tmp_path, write=True) as store:

        def interrupted() -> None:
            with store.writing():
                add(store, 1, [filed("lee")])
                assert [kept.name for kept in store.newest()] == ["kim", "lee"]
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            interrupted()
        assert [kept.name for kept in store.newest()] == ["kim"]
        add(store, 1, [filed("mo")])
    assert found(tmp_path) == {"kim": 15.0, "mo": 15.0}


def test_no_class_file_in_the_folder(tmp_path: Path) -> None:
    """A reader is told which folder to name, and leaves nothing behind."""
    assert refused(tmp_path, write=False) == (
        f"{tmp_path / FILE}: there is no such file. Name the folder that "
        "`gradkit grade … --out` wrote."
    )
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    """A file stands in its place."""
    (tmp_path / "taken").write_text("")
    assert refused(tmp_path / "taken", write=True) == (
        f"{tmp_path / 'taken'}: cannot be written (File exists). Choose another folder with --out."
    )


@pytest.mark.parametrize("write", [True, False])
def test_a_file_with_nothing_in_it(tmp_path: Path, write: bool) -> None:
    """What was in it is lost, which a run that began anew would hide."""
    stored(tmp_path, filed())
    (tmp_path / FILE).write_bytes(b"")
    assert refused(tmp_path, write=write) == (
        f"{tmp_path / FILE}: is damaged: it is empty, and a class file never is. {RESCUE}"
    )
    assert (tmp_path / FILE).read_bytes() == b""


def test_a_file_is_whole_as_soon_as_it_is_there(tmp_path: Path, monkeypatch) -> None:
    """Whoever is interrupted over it leaves none, and what is left of it is in nobody's way."""
    replace, seen = Path.replace, []

    def interrupted(self: Path, target: Path) -> None:
        seen.append(self)
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        Store(tmp_path, write=True)
    assert not (tmp_path / FILE).exists()
    assert {*tmp_path.iterdir()} <= {*files_of(tmp_path)}
    assert seen[0].stat().st_mode & 0o777 == 0o600
    monkeypatch.setattr(Path, "replace", replace)
    (tmp_path / f"{FILE}-journal").write_bytes(b"of a file that was taken away")
    stored(tmp_path, filed())
    assert found(tmp_path) == {"kim": 15.0}
    assert not seen[0].exists()


@pytest.mark.parametrize("write", [True, False])
def test_a_file_of_another_format(tmp_path: Path, write: bool) -> None:
    """What a later gradkit wrote is not touched, nor what another program did."""
    stored(tmp_path, filed())
    with contextlib.closing(sqlite3.connect(tmp_path / FILE)) as base, base:
        base.execute("UPDATE meta SET value = 'gradkit/class/v99' WHERE key = 'format'")
    before = (tmp_path / FILE).read_bytes()
    assert refused(tmp_path, write=write) == (
        f"{tmp_path / FILE}: is not a class file of this version of gradkit (found "
        f"gradkit/class/v99, expected {FORMAT}). Choose another folder with --out."
    )
    assert (tmp_path / FILE).read_bytes() == before
    with contextlib.closing(sqlite3.connect(tmp_path / FILE)) as base, base:
        base.execute("DROP TABLE meta")
    assert "(found no format, expected " in refused(tmp_path, write=write)


@pytest.mark.parametrize("write", [True, False])
def test_a_file_that_is_no_database(tmp_path: Path, write: bool) -> None:
    """Somebody's own file of that name is left alone."""
    (tmp_path / FILE).write_bytes(b"marks, as I keep them\n" * 99)
    assert refused(tmp_path, write=write) == (
        f"{tmp_path / FILE}: is damaged, or not a class file (file is not a database). {RESCUE}"
    )
    assert (tmp_path / FILE).read_bytes() == b"marks, as I keep them\n" * 99


def damage_table(path: Path) -> None:
    """Take a table away."""
    with contextlib.closing(sqlite3.connect(path)) as base, base:
        base.execute("DROP TABLE listed")


def damage_pages(path: Path) -> None:
    """Overwrite all but the first page."""
    path.write_bytes(path.read_bytes()[:4096] + b"\xa5" * (path.stat().st_size - 4096))


def damage_result(path: Path) -> None:
    """Overwrite a result."""
    with contextlib.closing(sqlite3.connect(path)) as base, base:
        base.execute("UPDATE results SET packed = x'c1ff00'")


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (damage_table, "is damaged, or not a class file (no such table: listed). "),
        (damage_pages, "is damaged, or not a class file (database disk image is malformed). "),
        (
            damage_result,
            "The class file is damaged: it has a record (Result) that cannot be read (",
        ),
    ],
)
@pytest.mark.parametrize(
    "words",
    [
        ["summary", "DIR"],
        ["review", "DIR"],
        ["remark", "DIR"],
        ["feedback", "DIR", "--format", "folder"],
        ["history", "DIR", "anna"],
        ["show", "DIR", "anna"],
        ["override", "DIR", "anna", "update", "1", "--comment", "x"],
        ["grade", "IN", "--out", "DIR", "--task", "regression-numpy", "--seed", "11"],
    ],
)
def test_a_damaged_file_is_told(
    course: Path, handed: Path, words: list[str], damage: Callable[[Path], None], said: str
) -> None:
    """Whatever is asked of it: one sentence, with what may help, and no promise of the rest."""
    damage(course / FILE)
    named = {"DIR": str(course), "IN": str(handed / "first")}
    ended = CliRunner().invoke(main, [named.get(word, word) for word in words])
    assert (ended.exit_code, ended.exception.__class__) == (2, SystemExit), ended.output
    assert said in ended.stderr
    assert ended.stderr.endswith(f"{RESCUE}\n")


def test_only_one_may_write(tmp_path: Path) -> None:
    """A second grader is refused at once; readers are not, and the next writer is not."""
    said = (
        f"{tmp_path}: another gradkit is writing to this folder. Wait until it is done, or choose "
        "another folder with --out."
    )
    other = (
        "import sys\nfrom pathlib import Path\n"
        "from gradkit.classroom.store.database import StoreError\n"
        "from gradkit.classroom.store.results import Store\n"
        "try:\n    Store(Path(sys.argv[1]), write=True)\n"
        "except StoreError as error:\n    print(error)\n"
    )
    command = [sys.executable, "-c", other, str(tmp_path)]
    with Store(tmp_path, write=True) as store:
        add(store, store.begin("grade", Settings()), [filed()])
        assert refused(tmp_path, write=True) == said
        done = subprocess.run(command, capture_output=True, encoding="utf-8", check=True)
        assert done.stdout == said + "\n"
        assert found(tmp_path) == {"kim": 15.0}
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=True)
    assert done.stdout == ""


def test_a_lock_that_cannot_be_made(tmp_path: Path) -> None:
    """Another trouble than another grader is not called one."""
    (tmp_path / LOCK).mkdir()
    assert refused(tmp_path, write=True) == (
        f"{tmp_path / FILE}: It cannot be opened: check the folder's permissions, {KEPT}"
    )


@pytest.mark.parametrize("write", [True, False])
def test_another_program_that_holds_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: bool
) -> None:
    """Somebody looks at it with a tool of their own, in a transaction."""
    stored(tmp_path, filed())
    connect = sqlite3.connect
    # Without the five seconds that SQLite waits of its own accord.
    monkeypatch.setattr(sqlite3, "connect", lambda *a, **k: connect(*a, **{**k, "timeout": 0}))
    with contextlib.closing(sqlite3.connect(tmp_path / FILE, isolation_level=None)) as base:
        base.execute("BEGIN EXCLUSIVE")
        assert refused(tmp_path, write=write) == (
            f"{tmp_path / FILE}: Another program uses it: wait until it is done, {KEPT}"
        )


def test_a_full_disk_is_told_and_loses_nothing(tmp_path: Path) -> None:
    """What was stored before stays; once there is room, the rest can be added."""
    stored(tmp_path, filed())
    bulk = [filed(f"s{number}", result=os.urandom(5000)) for number in range(50)]
    with Store(tmp_path, write=True) as store:
        pages = store._base.execute("PRAGMA page_count").fetchone()[0]
        store._base.execute(f"PRAGMA max_page_count = {pages + 3}")
        with pytest.raises(StoreError) as caught:
            add(store, 1, bulk)
        assert str(caught.value) == f"{tmp_path / FILE}: The disk is full: make room, {KEPT}"
    assert found(tmp_path) == {"kim": 15.0}
    with Store(tmp_path, write=True) as store:
        add(store, 1, bulk)
    assert len(found(tmp_path)) == 51


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 300 kB, where one may be mounted."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(disk)]
    if (
        shutil.which("mount") is None
        or subprocess.run(command, check=False, capture_output=True).returncode
    ):
        pytest.skip("needs the right to mount a file system")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_disk_that_is_really_full(tiny_disk: Path) -> None:
    """The same with a file system that says so."""
    stored(tiny_disk, filed())

    def fill() -> None:
        with Store(tiny_disk, write=True) as store:
            for number in range(100):
                add(store, 1, [filed(f"s{number:02}", result=os.urandom(10_000))])

    with pytest.raises(StoreError) as caught:
        fill()
    assert str(caught.value) == f"{tiny_disk / FILE}: The disk is full: make room, {KEPT}"
    kept = found(tiny_disk)
    assert 5 < len(kept) < 30
    assert sorted(kept) == ["kim", *(f"s{number:02}" for number in range(len(kept) - 1))]


OPEN = (
    "from pathlib import Path\nfrom gradkit.classroom.store.database import StoreError\n"
    "from gradkit.classroom.store.results import Store"
)
TRY = "try:\n    {}\nexcept StoreError as error:\n    print(error)"


@pytest.mark.skipif(os.name != "posix", reason="permissions as POSIX has them")
def test_a_folder_that_may_only_be_read(open_folder: Path) -> None:
    """Its class can be summed up by whoever may read it, and graded by nobody."""
    stored(open_folder, filed())
    (open_folder / FILE).chmod(0o444)
    (open_folder / LOCK).unlink()
    open_folder.chmod(0o555)
    write = TRY.format("Store(Path(sys.argv[1]), write=True)")
    assert as_stranger(OPEN, write, open_folder) == (
        f"{open_folder / FILE}: It cannot be opened: check the folder's permissions, {KEPT}\n"
    )
    read = "print([kept.score for kept in Store(Path(sys.argv[1]), write=False).newest()])"
    assert as_stranger(OPEN, read, open_folder) == "[15.0]\n"
    make = TRY.format("Store(Path(sys.argv[1]) / 'deeper', write=True)")
    assert as_stranger(OPEN, make, open_folder) == (
        f"{open_folder / 'deeper'}: cannot be written (Permission denied). "
        "Choose another folder with --out.\n"
    )


@pytest.mark.skipif(os.name != "posix", reason="permissions as POSIX has them")
def test_a_file_that_may_only_be_read(open_folder: Path) -> None:
    """The lock can be had, and the first word cannot be written."""
    stored(open_folder, filed())
    open_folder.chmod(0o777)
    (open_folder / LOCK).unlink()
    (open_folder / FILE).chmod(0o444)
    write = TRY.format("Store(Path(sys.argv[1]), write=True).drop(1, ['wrong-sign'])")
    assert as_stranger(OPEN, write, open_folder) == (
        f"{open_folder / FILE}: It may not be written: check its permissions, {KEPT}\n"
    )
    (open_folder / FILE).chmod(0o000)
    read = TRY.format("Store(Path(sys.argv[1]), write=False)")
    assert as_stranger(OPEN, read, open_folder) == (
        f"{open_folder / FILE}: It cannot be opened: check the folder's permissions, {KEPT}\n"
    )


def test_a_trouble_without_advice_is_told_as_it_is(tmp_path: Path) -> None:
    """SQLite's own words are better than none."""
    stored(tmp_path, filed())
    with Store(tmp_path, write=True) as store, pytest.raises(StoreError) as caught:
        store.amend(99, {1: filed(standing=None)})
    assert str(caught.value) == (
        f"{tmp_path / FILE}: NOT NULL constraint failed: results.standing, {KEPT}"
    )


KILLED = """
import os, signal, sys
from pathlib import Path
from gradkit.classroom.store.results import Store
from classroom.filing import add, filed
store = Store(Path(sys.argv[1]), write=True)
store._base.execute("PRAGMA cache_size = 10")
with store.writing():
    for number in range(100):
        add(store, 1, [filed(f"s{number}", result=os.urandom(9000))])
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
@pytest.mark.parametrize("write", [True, False])
def test_a_transaction_that_was_killed_is_taken_back(tmp_path: Path, write: bool) -> None:
    """By the next who opens the file, a reader too; and the lock has gone with its holder."""
    stored(tmp_path, filed())
    size = (tmp_path / FILE).stat().st_size
    path = os.pathsep.join([str(Path(__file__).parents[1]), str(Path(__file__).parents[2])])
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": path},
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    # Half of it is in the file indeed, and the journal says how to take it back.
    assert (tmp_path / FILE).stat().st_size > size + 100_000
    assert (tmp_path / f"{FILE}-journal").stat().st_size > 0
    with Store(tmp_path, write=write) as store:
        assert [kept.name for kept in store.newest()] == ["kim"]


def test_a_reader_changes_nothing(tmp_path: Path) -> None:
    """Whatever it is asked for."""
    stored(tmp_path, filed())
    with Store(tmp_path, write=False) as store, pytest.raises(StoreError) as caught:
        store.drop(1, ["wrong-sign"])
    assert "It may not be written" in str(caught.value)


def test_the_files_of_a_class_are_known(tmp_path: Path) -> None:
    """All that a run leaves or has open in the folder."""
    with Store(tmp_path, write=True) as store:
        run = store.begin("grade", Settings())
        with store.writing():
            add(store, run, [filed()])
            assert {path.name for path in tmp_path.iterdir()} <= {
                p.name for p in files_of(tmp_path)
            }
    assert {path.name for path in tmp_path.iterdir()} == {FILE, LOCK}
