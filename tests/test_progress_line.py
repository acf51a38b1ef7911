"""What a terminal shows while submissions are being checked."""

from __future__ import annotations

import io
import os
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gradkit.cli.output import Progress

ROOT = Path(__file__).parents[1]
RIGHT = (ROOT / "reference" / "regression_numpy.py").read_text("utf-8")
WRONG = RIGHT.replace("d_output = -2 * (y - y_hat)", "d_output = 2 * (y - y_hat)")
on_a_terminal = pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")


class Terminal(io.StringIO):
    """A text stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Return True."""
        return True


def on_screen(written: str) -> str:
    r"""Return what a terminal shows of a text on one line: ``\r`` goes back to the margin."""
    line = ""
    for part in written.split("\r"):
        line = part + line[len(part) :]
    return line.rstrip()


def test_a_line_is_replaced_and_erased() -> None:
    """Each submission in turn; at the end the line is empty, after an error too."""
    stream = Terminal()
    with Progress(2, stream) as progress:
        assert on_screen(stream.getvalue()) == "Starting the check ..."
        progress.begin(Path("hw/a_long_name.py"))
        assert on_screen(stream.getvalue()) == "Checking a_long_name.py (1 of 2) ..."
        progress.begin(Path("hw/b.py"))
        assert on_screen(stream.getvalue()) == "Checking b.py (2 of 2) ..."
        progress.begin(Path("hw/a.py"))
        assert on_screen(stream.getvalue()) == "Checking a.py (1 of 2) ..."
    assert on_screen(stream.getvalue()) == ""
    with pytest.raises(ValueError, match="crash"), Progress(1, stream):
        raise ValueError("crash")
    assert on_screen(stream.getvalue()) == ""


def test_a_line_is_never_wider_than_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line that wraps could not be erased; a name cannot move the cursor."""
    monkeypatch.setenv("COLUMNS", "40")
    stream = Terminal()
    with Progress(1, stream) as progress:
        progress.begin(Path("李" * 100 + "\n\x1b[2J.py"))
    assert all(2 * len(part.rstrip()) < 40 for part in stream.getvalue().split("\r"))
    assert "\n" not in stream.getvalue()
    assert "\x1b" not in stream.getvalue()


def test_nothing_is_written_to_a_log() -> None:
    """Only a terminal can erase it."""
    stream = io.StringIO()
    with Progress(1, stream) as progress:
        progress.begin(Path("a.py"))
    assert stream.getvalue() == ""


def read_until(master: int, ending: str, seconds: float = 60) -> str:
    """Return what is written to a pseudo-terminal until a text has come."""
    shown, deadline = "", time.monotonic() + seconds
    while ending not in shown and time.monotonic() < deadline:
        if select.select([master], [], [], 0.1)[0]:
            shown += os.read(master, 65536).decode("utf-8")
    assert ending in shown, shown
    return shown


@on_a_terminal
def test_a_terminal_shows_progress_before_the_report(tmp_path: Path) -> None:
    """The first line comes before numpy and the worker are ready, and is gone at the end."""
    path = tmp_path / "hw.py"
    path.write_text(RIGHT, "utf-8")
    master, slave = os.openpty()
    command = [sys.executable, "-m", "gradkit", "check", str(path), "--no-reference"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=slave) as process:
        begun = read_until(master, "Starting the check ...")
        assert process.poll() is None
        output, _ = process.communicate()
        rest = begun + read_until(master, "Checking hw.py ...")
        while select.select([master], [], [], 0.1)[0]:
            rest += os.read(master, 65536).decode("utf-8")
    os.close(slave)
    os.close(master)
    assert on_screen(rest) == ""
    assert output.startswith(b"hw  20 / 20")


@on_a_terminal
@pytest.mark.usefixtures("default_signals")
def test_watching_breaks_no_word(tmp_path: Path) -> None:
    """On a narrow terminal every line fits, so that the terminal itself wraps none."""
    path = tmp_path / "hw.py"
    path.write_text(RIGHT, "utf-8")
    master, slave = os.openpty()
    command = [sys.executable, "-m", "gradkit", "check", str(path), "--watch", "--no-reference"]
    environment = {
        **os.environ,
        "COLUMNS": "60",
        "TERM": "xterm",
        "NO_COLOR": "1",
        "PYTHONIOENCODING": "utf-8",
    }
    with subprocess.Popen(command, stdout=slave, stderr=slave, env=environment) as process:
        try:
            read_until(master, "Ctrl-C ends it.")
            path.write_text(WRONG, "utf-8")
            shown = read_until(master, "Ctrl-C ends it.")
        finally:
            process.kill()
    os.close(slave)
    os.close(master)
    assert "Checking hw.py" in shown
    changes = shown[shown.index("Since the last save") :].replace("\r", "").split("\n")
    assert max(map(len, changes)) <= 60
    assert "new: wrong-sign" in " ".join(map(str.strip, changes))
