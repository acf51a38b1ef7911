"""``gradkit check --watch``: again on every save, with what has changed since the last."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from gradkit.cli import main

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="an interrupt is another there"),
    pytest.mark.usefixtures("default_signals"),
]

RIGHT = (Path(__file__).parents[1] / "reference" / "regression_numpy.py").read_text("utf-8")
WRONG = RIGHT.replace("d_output = -2 * (y - y_hat)", "d_output = 2 * (y - y_hat)")


@contextmanager
def watching(path: Path) -> Iterator[subprocess.Popen[str]]:
    """A command that watches a file."""
    command = [sys.executable, "-m", "gradkit", "check", str(path), "--watch", "--no-reference"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8"
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def screen(process: subprocess.Popen[str]) -> str:
    """What it shows until it waits for the next save."""
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith("Watching for the next save"):
            return "".join(lines)
    pytest.fail("it has ended: " + "".join(lines))


@pytest.mark.slow
@pytest.mark.rotate(2)
def test_a_save_is_checked_and_what_changed_is_told(tmp_path: Path) -> None:
    """Written over, and put in the place of the old file, as editors do; a slip of syntax too."""
    path = tmp_path / "hw.py"
    path.write_text(RIGHT, "utf-8")
    with watching(path) as process:
        assert "the last save" not in screen(process)
        path.write_text(WRONG, "utf-8")
        wrong = screen(process)
        assert "update: pass → fail" in wrong
        assert "new: wrong-sign" in wrong
        path.write_text("def f(:\n", "utf-8")
        assert "gradkit: hw" in screen(process)
        (tmp_path / "new").write_text(RIGHT, "utf-8")
        (tmp_path / "new").replace(path)
        mended = screen(process)
        assert "update: fail → pass" in mended
        assert "gone: wrong-sign" in mended
        path.write_text(RIGHT + "\n", "utf-8")
        assert "The results have not changed since the last save." in screen(process)
        process.send_signal(signal.SIGINT)
        assert process.stdout.read().endswith("gradkit: interrupted.\n")
        assert process.wait() == 130


@pytest.mark.parametrize("option", [("--format", "json"), ("--out", "there.txt")])
def test_only_the_screen_is_watched(option: tuple[str, str], tmp_path: Path) -> None:
    """Nothing is written over and over."""
    path = tmp_path / "hw.py"
    path.write_text(RIGHT, "utf-8")
    done = CliRunner().invoke(main, ["check", str(path), "--watch", *option])
    assert done.exit_code == 2
    assert done.stderr == ("gradkit: --watch prints to the screen: leave out --format and --out.\n")


def test_without_watchfiles_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an extra."""
    monkeypatch.setattr("gradkit.cli.check.find_spec", lambda name: None)
    done = CliRunner().invoke(main, ["check", __file__, "--watch"])
    assert done.exit_code == 2
    assert done.stderr == (
        "gradkit: --watch needs the package watchfiles. Install it: pip install 'gradkit[watch]'\n"
    )
