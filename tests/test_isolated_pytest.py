"""How ``gradkit pytest`` starts pytest: its arguments, import path, environment and exit code."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from trap import trapped_environment

from gradkit.cli import main
from gradkit.isolated_pytest import NO_SETTINGS, folder_of, import_path, is_within

ROOT = Path(__file__).resolve().parents[1]


def test_links_and_similar_names_are_told_apart(tmp_path: Path) -> None:
    """Real paths count, and ``sub2`` is not within ``sub``."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "sub")
    (tmp_path / "hw.py").touch()
    assert folder_of(tmp_path / "link") == str((tmp_path / "sub").resolve())
    assert folder_of(tmp_path / "hw.py") == str(tmp_path.resolve())
    folders = [folder_of(tmp_path / "sub")]
    assert is_within(tmp_path / "link" / "x", folders)
    assert not is_within(tmp_path / "sub2", folders)


def test_the_import_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No current folder and no folder of the submission, but a virtual environment in it."""
    sub, here = tmp_path / "sub", tmp_path / "here"
    packages = sub / ".venv" / "lib"
    for folder in (packages, here, sub / "deep"):
        folder.mkdir(parents=True)
    monkeypatch.chdir(here)
    monkeypatch.setattr(sys, "prefix", str(sub / ".venv"))
    rest = [str(tmp_path), str(packages)]
    monkeypatch.setattr(sys, "path", ["", ".", str(here), str(sub), str(sub / "deep"), *rest])
    assert import_path(str(sub)) == rest


def test_the_start_of_pytest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The instructor's arguments come last; the exit code of the command is pytest's."""
    started: list[Any] = []

    def run_module(module: str, arguments: list[str], **settings: Any) -> int:
        started.extend([module, arguments, settings])
        return 5

    monkeypatch.setattr("gradkit.processes.run_module", run_module)
    monkeypatch.chdir(tmp_path)
    for name in ("PYTHONPATH", "PYTEST_ADDOPTS", "PYTEST_PLUGINS"):
        monkeypatch.setenv(name, "evil")
    monkeypatch.setenv("GRADKIT_LANGUAGE", "de")
    done = CliRunner().invoke(main, ["pytest", "hw.py", "-q", "-k", "update", "--help"])
    assert (done.exit_code, done.output) == (5, "")
    module, arguments, settings = started
    assert module == "pytest"
    assert arguments == [
        *("-c", NO_SETTINGS, "--rootdir", str(tmp_path), "--noconftest"),
        *("--import-mode=importlib", "-p", "no:cacheprovider", "--gradkit-isolated"),
        *("--gradkit=hw.py", "-q", "-k", "update", "--help"),
    ]
    environment = settings["environment"]
    assert environment["PYTHONSAFEPATH"] == "1"
    assert environment["GRADKIT_LANGUAGE"] == "de"
    assert not [name for name in environment if name.startswith(("PYTEST_", "PYTHONPATH"))]


def test_a_path_is_needed() -> None:
    """In one sentence, also if an option of pytest stands before the path."""
    done = CliRunner().invoke(main, ["pytest"])
    assert done.exit_code == 2
    assert done.stderr == (
        "gradkit: PATH is missing. Usage: `gradkit pytest [OPTIONS] PATH [PYTEST ARGUMENTS]…`.\n"
    )
    done = CliRunner().invoke(main, ["pytest", "-q", "hw.py"])
    assert done.exit_code == 2
    assert done.stderr == (
        "gradkit: gradkit pytest has no option -q. `gradkit pytest --help` lists all options.\n"
    )


@pytest.mark.slow
@pytest.mark.rotate(2)
@pytest.mark.skipif(sys.platform == "win32", reason="a shell closes the stream")
def test_closed_output_is_no_error(tmp_path: Path) -> None:
    """A standard output is there for pytest, though nobody reads it."""
    right = str(ROOT / "reference" / "regression_numpy.py")
    run = [sys.executable, "-P", "-m", "gradkit", "pytest", right, "--collect-only"]
    done = subprocess.run(
        ["/bin/sh", "-c", 'exec "$@" >&-', "sh", *run],
        cwd=tmp_path,
        env=trapped_environment(tmp_path),
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.mark.slow
def test_exit_codes_are_those_of_pytest(tmp_path: Path) -> None:
    """All passed, some failed, a wrong option, no test; from the checkout as current folder too."""
    chen = ROOT / "tests" / "sample_class" / "chen_regression_swapped_index.py"
    right = ROOT / "reference" / "regression_numpy.py"
    cases = [
        (tmp_path, [right, "-q", "-x", "--junitxml", "out.xml"], 0),
        (ROOT, [chen, "-q"], 1),
        (tmp_path, [right, "--no-such-option"], 4),
        (tmp_path, [right, "-k", "nothing"], 5),
    ]
    for folder, words, code in cases:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "gradkit", "pytest", *map(str, words)],
            cwd=folder,
            env=trapped_environment(tmp_path),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
    assert "20 / 20" not in done.stdout
    assert (tmp_path / "out.xml").exists()
    assert os.listdir(tmp_path) == ["out.xml"]
