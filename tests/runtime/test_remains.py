"""Folders of processes are removed, even if a process is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from gradkit.runtime import remains
from gradkit.runtime.remains import PREFIX, make_folder, own_folder, remove_abandoned, remove_folder
from gradkit.sandbox import WorkshopError

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no such locks")


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Provide a folder for temporary files."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(remains, "_swept", set())
    return tmp_path


def running(code: str, place: Path) -> subprocess.Popen[str]:
    """Start a process of gradkit, and return it with its folders in a place."""
    return subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(place)},
        stdout=subprocess.PIPE,
        text=True,
    )


def test_folders_of_killed_processes_are_removed(place):
    """The next process removes them, and keeps folders that are in use."""
    code = (
        "from gradkit.runtime.remains import make_folder; import time\n"
        "folder = make_folder(); (folder / 'secret').touch(); print(folder, flush=True)\n"
        "time.sleep(60)"
    )
    alive, killed = running(code, place), running(code, place)
    folders = [Path(process.stdout.readline().strip()) for process in (alive, killed)]
    killed.kill()
    killed.wait()
    (place / "gradkit-of-somebody").mkdir()
    (place / f"{PREFIX}link").symlink_to(place / "gradkit-of-somebody")
    (place / f"{PREFIX}file").touch()
    with own_folder() as mine:
        assert mine.is_dir()
        assert [each.exists() for each in folders] == [True, False]
        remove_abandoned(str(place))
        assert mine.is_dir()
    assert not mine.exists()
    assert (place / "gradkit-of-somebody").is_dir()
    assert (place / f"{PREFIX}link").is_symlink()
    alive.kill()
    alive.wait()
    alive.stdout.close()
    killed.stdout.close()
    remove_abandoned(str(place))
    assert not folders[0].exists()


def test_folder_of_another_account_is_kept(place, monkeypatch):
    """Only root removes folders of spare accounts."""
    (place / f"{PREFIX}x").mkdir()
    here = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: here + 1)
    remove_abandoned(str(place))
    assert (place / f"{PREFIX}x").is_dir()


def test_folder_that_another_process_removes_is_replaced(place, monkeypatch):
    """If that happens again and again, an error is raised."""
    lock, taken = remains._lock_folder, []

    def meddle(path: Path) -> int | None:
        found = lock(path)
        if len(taken) < 2:
            taken.append(path)
            path.rmdir()
        return found

    monkeypatch.setattr(remains, "_lock_folder", meddle)
    made = make_folder()
    assert made.is_dir()
    assert made not in taken
    remove_folder(made)
    monkeypatch.setattr(remains, "_lock_folder", lambda _: None)
    with pytest.raises(WorkshopError, match="are removed as soon as they are made"):
        make_folder()


def test_unwritable_temporary_folder_is_reported(place, monkeypatch):
    """The error says what failed, and what to do."""
    monkeypatch.setattr(tempfile, "tempdir", str(place / "nowhere"))
    with pytest.raises(WorkshopError, match=r"no folder could be made .*nowhere.* TMPDIR"):
        make_folder()


@pytest.mark.slow
@pytest.mark.rotate(2)
@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
@pytest.mark.parametrize(
    "delay", [0.2, *(pytest.param(delay, marks=pytest.mark.slow) for delay in (0.6, 1.2))]
)
def test_killed_during_the_canary(place, delay):
    """The next command removes everything."""
    command = "from gradkit.cli import main; main(['doctor'])"
    first = running(command, place)
    time.sleep(delay)
    first.send_signal(signal.SIGKILL)
    first.wait()
    first.stdout.close()
    until = time.monotonic() + 20
    while any(str(place) in entry for entry in _directories()) and time.monotonic() < until:
        time.sleep(0.05)
    second = running(command, place)
    assert "Student code runs" in second.communicate()[0]
    assert list(place.iterdir()) == []


def _directories() -> list[str]:
    """Return the working folders of processes, of which one may be ending."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                found.append(os.readlink(entry / "cwd"))
            except OSError:
                continue
    return found
