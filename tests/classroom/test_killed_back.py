"""Whoever is killed while settling, marking again or giving back has lost nothing.

Each command starts from the same class. Killed at any moment, it has either changed the class or
not; of files there are old ones or new ones; and started again, it ends where an undisturbed
one does, byte for byte in what it writes.
"""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest
from classroom.classes import command, environment, mixed, processes
from classroom.returned import HEAD, graded
from soak import SIZE

from gradkit.classroom.store.counted import Counting
from gradkit.classroom.store.database import FILE
from gradkit.classroom.store.results import Store, content, given

KILLS = 5 * SIZE
STUDENTS = 40
"""More than one process writes pages for alone."""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")

COMMANDS: Mapping[str, tuple[str, ...]] = {
    "override": (
        *("override", "{out}", "s001", "update", "5", "--comment", "agreed", "--by", "Vera"),
    ),
    "remark": ("remark", "{out}", "--preset", "strict", "--why", "agreed in class"),
    "feedback": ("feedback", "{out}", "--format", "moodle", "--worksheet", "{sheet}"),
}
TABLES = ("submissions", "evidence", "results", "listed", "overrides", "released")


@dataclass(frozen=True, slots=True)
class Seen:
    """What there is of a class: scores, words, what was given to whom, and files."""

    scores: Mapping[str, float]
    words: tuple[tuple[str, str, float | None, str], ...]
    given: frozenset[tuple[str, str, bytes]]
    files: Mapping[str, bytes]


def seen(out: Path) -> Seen:
    """As any reader finds it; the file of the class is in order."""
    with sqlite3.connect(out / FILE) as base:
        assert base.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    base.close()
    with Store(out, write=False) as store:
        counting = Counting(store)
        scores = {name: counting.score(name)[0] for name in counting.attempts}
        notes = {
            (one.name, one.file, content(store, one.id))
            for told in given(store).values()
            for one in told
        }
    said = [
        (name, each.check, each.points, each.comment)
        for name, all_ in counting.words.items()
        for each in all_
    ]
    paths = [path for path in (out / "feedback").rglob("*") if path.is_file()]
    files = {path.name: path.read_bytes() for path in paths}
    return Seen(scores, tuple(said), frozenset(notes), files)


def rows(out: Path) -> dict[str, list[tuple[object, ...]]]:
    """All that was stored."""
    with sqlite3.connect(out / FILE) as base:
        found = {name: base.execute(f"SELECT * FROM {name}").fetchall() for name in TABLES}  # noqa: S608 -- a name of ours
    base.close()
    return found


class Course:
    """A class that has been given back once, and what each command makes of it."""

    def __init__(self, folder: Path, size: int) -> None:
        self.folder = folder
        subs = folder / "subs"
        for number, path in enumerate(sorted(mixed(folder / "class", size).iterdir())):
            target = subs / f"{path.stem}_{500 + number}_assignsubmission_file_" / "hw.py"
            target.parent.mkdir(parents=True)
            shutil.copy(path, target)
        lines = [f"Participant {500 + n},s{n:03},,,,20.00,Yes,-,-,\r\n" for n in range(size)]
        (folder / "Grades.csv").write_text(
            "\ufeff" + "".join([f"{HEAD}\r\n", *lines]), encoding="utf-8", newline=""
        )
        self.base = graded(subs, folder / "base")
        self.temporary = folder / "tmp"
        self.temporary.mkdir()
        assert self.start("feedback", self.base).wait() == 0
        # Something that the next page tells.
        assert self.start("override", self.base, "s002").wait() == 0
        self.expected: dict[str, Seen] = {}
        self.seconds: dict[str, float] = {}
        for name in COMMANDS:
            out = self.copy(name)
            began = time.monotonic()
            assert self.start(name, out).wait() == 0
            self.seconds[name] = time.monotonic() - began
            self.expected[name] = seen(out)
            assert self.expected[name] != seen(self.base)
            shutil.rmtree(out)

    def copy(self, name: str) -> Path:
        """The class as it was before any of them."""
        return shutil.copytree(self.base, self.folder / f"out-{name}")

    def start(self, name: str, out: Path, student: str = "s001") -> subprocess.Popen[bytes]:
        """A command, in a process of its own."""
        facts = {"{out}": str(out), "{sheet}": str(self.folder / "Grades.csv"), "s001": student}
        return subprocess.Popen(
            command(*(facts.get(word, word) for word in COMMANDS[name])),
            env=environment(self.temporary),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def kill(self, name: str, after: float) -> bool:
        """Kill a command after so many seconds, look, start it again; False where it was done."""
        out = self.copy(name)
        before, stored = seen(out), rows(out)
        process, began = self.start(name, out), time.monotonic()
        try:
            process.wait(after)
            killed = False
            # On a busy machine the first time was too long.
            self.seconds[name] = min(self.seconds[name], time.monotonic() - began)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            killed = True
        left, after_ = seen(out), rows(out)
        for table, was in stored.items():
            assert after_[table][: len(was)] == was, table
        expected = self.expected[name]
        assert left.scores in (before.scores, expected.scores)
        assert left.words in (before.words, expected.words)
        assert left.given in (before.given, expected.given)
        for file, data in left.files.items():
            assert data in (before.files.get(file), expected.files[file]), file
        if left.given == expected.given:
            # Nothing is noted that was not written.
            assert left.files == expected.files
        assert self.start(name, out).wait() == 0
        assert seen(out) == expected
        shutil.rmtree(out)
        return killed

    def is_quiet(self) -> bool:
        """Whether all processes have ended by themselves."""
        until = time.monotonic() + 30
        while processes(self.temporary) and time.monotonic() < until:
            time.sleep(0.1)
        return processes(self.temporary) == []


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """A class of five."""
    return Course(tmp_path_factory.mktemp("course"), 5)


@pytest.mark.slow
def test_killed_once_each(small: Course) -> None:
    """In the middle of override, remark and feedback."""
    for name, seconds in small.seconds.items():
        small.kill(name, 0.8 * seconds)
    assert small.is_quiet()


@pytest.mark.slow
def test_killed_at_random_moments(tmp_path: Path) -> None:
    """Each command in turn, until all of these moments have come before its end."""
    course = Course(tmp_path, STUDENTS)
    random, killed, tries = Random(7), 0, 0  # noqa: S311  (no secret)
    while killed < KILLS:
        name = list(COMMANDS)[killed % len(COMMANDS)]
        # Nothing much happens in the first third: Python starts.
        killed += course.kill(name, random.uniform(0.3, 1.0) * course.seconds[name])
        tries += 1
        assert tries < 4 * KILLS, "they are done before they can be killed"
    assert course.is_quiet()


@pytest.mark.slow
def test_killed_between_files_and_note(small: Course) -> None:
    """The worst moment: files are new and not yet noted. The command again notes them."""
    out = small.copy("feedback")
    before = seen(out)
    script = (
        "import os, signal, sys\n"
        "from gradkit.classroom.store.results import Store\n"
        "from gradkit.classroom.feedback import give as feedback\n"
        "written = feedback.write_whole\n"
        "def dies(*given):\n"
        "    written(*given)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "feedback.write_whole = dies\n"
        "from gradkit.cli import main\n"
        "main(sys.argv[1:])\n"
    )
    words = ("feedback", out, "--format", "moodle", "--worksheet", small.folder / "Grades.csv")
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, words)],
        env=environment(small.temporary),
        check=False,
    )
    assert done.returncode == -9
    left, expected = seen(out), small.expected["feedback"]
    assert left.files == expected.files
    assert left.files != before.files
    assert left.given == before.given
    assert small.start("feedback", out).wait() == 0
    assert seen(out) == expected
