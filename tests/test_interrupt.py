"""Every command ends in one sentence when it is told to, and says by which signal it was."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from classroom.classes import OPTIONS, command, environment, handed_in, mixed, processes, results
from classroom.classes import gradkit as run
from click.testing import CliRunner

from gradkit.classroom.store.database import FILE
from gradkit.cli import COMMANDS, main
from gradkit.cli.options import Stopped, heeding

pytestmark = [
    pytest.mark.sample(12),
    pytest.mark.usefixtures("default_signals"),
    pytest.mark.skipif(sys.platform == "win32", reason="its signals are others"),
]


@pytest.mark.parametrize("name", ["audit", "check", "doctor", "grade", "list", "summary"])
def test_an_interrupt_ends_every_command_alike(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever it comes, while a command still loads too."""

    def interrupted(module: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("gradkit.cli.import_module", interrupted)
    assert name in COMMANDS
    done = CliRunner().invoke(main, [name])
    assert (done.exit_code, done.stdout) == (130, "")
    assert done.stderr == "gradkit: interrupted.\n"


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_other_signals_are_heeded_as_interrupts(name: str) -> None:
    """Once: what puts things in order is not cut short, and afterwards all is as it was."""
    number = getattr(signal, name)

    def told_twice() -> None:
        with heeding():
            try:
                os.kill(os.getpid(), number)
            finally:
                os.kill(os.getpid(), signal.SIGTERM)
                os.kill(os.getpid(), signal.SIGHUP)

    with pytest.raises(Stopped) as caught:
        told_twice()
    assert caught.value.number == number
    assert signal.getsignal(number) is signal.SIG_DFL


def test_what_is_ignored_stays_ignored() -> None:
    """As `nohup` wants it."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with heeding():
            os.kill(os.getpid(), signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def stored(out: Path, process: subprocess.Popen[bytes]) -> None:
    """Wait until something is."""
    until = time.monotonic() + 120
    while time.monotonic() < until:
        assert process.poll() is None
        if (out / FILE).exists():
            with contextlib.suppress(Exception):  # it is being made
                if results(out):
                    return
        time.sleep(0.05)
    raise AssertionError("nothing was stored")


def nothing_left(temporary: Path) -> None:
    """What a worker had just started ends by itself, as soon as it has a turn."""
    until = time.monotonic() + 30
    while (processes(temporary) or list(temporary.iterdir())) and time.monotonic() < until:
        time.sleep(0.05)
    assert processes(temporary) == []
    assert list(temporary.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_class_is_left_in_order(number: signal.Signals, tmp_path: Path) -> None:
    """Sent to all processes, as when a session ends."""
    folder, out, temporary = mixed(tmp_path / "class", 12), tmp_path / "out", tmp_path / "tmp"
    temporary.mkdir()
    with subprocess.Popen(
        command("grade", folder, "--out", out, *OPTIONS, "--workers", 1),
        env=environment(temporary),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        stored(out, process)
        if number == signal.SIGHUP:
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
        told, complaint = process.communicate(timeout=60)
    assert (process.returncode, told) == (128 + number, b"")
    assert complaint.decode() == (
        f"gradkit: interrupted. Results so far are saved in {out}. Run the same command again to "
        "resume.\n"
    )
    nothing_left(temporary)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_a_terminal_that_is_closed(tmp_path: Path) -> None:
    """Nobody reads the sentence any more; nothing is left, and the class can be gone on with."""
    import pty

    folder, out, temporary = mixed(tmp_path / "class", 12), tmp_path / "out", tmp_path / "tmp"
    temporary.mkdir()
    words = ["grade", folder, "--out", out, *OPTIONS, "--workers", "1"]
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        ["setsid", "--ctty", *command(*words)],
        env=environment(temporary),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        stored(out, process)
        os.close(ours)
        assert process.wait(60) != 0
    nothing_left(temporary)
    assert run(*words).returncode == 0
    assert len(results(out)) == 12


def test_a_command_that_is_told_to_end_says_so(tmp_path: Path) -> None:
    """Before there is anything that could be kept, too."""
    handed_in(tmp_path / "class", ann="")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("gradkit.classroom.run.gather", lambda *_: os.kill(os.getpid(), 15))
        done = CliRunner().invoke(main, ["grade", str(tmp_path / "class"), "--out", "out"])
    assert (done.exit_code, done.stderr[:21]) == (143, "gradkit: interrupted.")
