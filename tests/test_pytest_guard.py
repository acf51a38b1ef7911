"""How the arguments of pytest are worded before it reads them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gradkit import pytest_guard
from gradkit.pytest_guard import NO_SETTINGS, folder_of, named, within


@pytest.fixture
def words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """How arguments are worded, in a folder with two submissions."""
    for place in ("sub/deep", "own"):
        (tmp_path / place).mkdir(parents=True)
    (tmp_path / "hw.py").touch()
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)

    def words(folder: str, *given: str, program: str = "pytest") -> list[str]:
        monkeypatch.chdir(tmp_path / folder)
        monkeypatch.setattr(sys, "argv", [program, *given])
        monkeypatch.setattr(sys, "orig_argv", [sys.executable, *sys.argv])
        kept = {name: sys.modules[name] for name in ("gradkit", "gradkit.pytest_guard")}
        pytest_guard.guard()
        assert not kept.keys() & sys.modules.keys()
        sys.modules.update(kept)
        return sys.argv[1:]

    return words


def test_a_path_is_no_path_of_tests(words) -> None:
    """It becomes one word with its option; all else is left as it is."""
    assert words(".", "-x", "--gradkit", "sub", "-k", "a") == ["-x", "--gradkit=sub", "-k", "a"]
    assert words(".", "--gradkit=sub", "--gradkit", "own") == ["--gradkit=sub", "--gradkit=own"]
    assert words(".", "--gradkit", "-v") == ["--gradkit", "-v"]
    assert words(".", "tests", "--gradkit-seed", "3") == ["tests", "--gradkit-seed", "3"]
    assert words("sub", "--gradkit", ".", program="other") == ["--gradkit", "."]


def test_settings_of_a_submission_give_way_to_none(words, tmp_path: Path) -> None:
    """Inside of it, beside it where it is a file, and where something of it is named."""

    def none(folder: str) -> list[str]:
        return ["-c", NO_SETTINGS, "--rootdir", str(tmp_path / folder)]

    assert words("sub", "--gradkit", ".") == [*none("sub"), "--gradkit=."]
    assert words("sub/deep", "--gradkit", "..") == [*none("sub/deep"), "--gradkit=.."]
    assert words(".", "--gradkit", "hw.py") == [*none("."), "--gradkit=hw.py"]
    asked = ("--gradkit=sub", "sub/deep::test_it")
    assert words(".", *asked) == [*none("."), *asked]
    assert words("own", "--gradkit", "../sub") == ["--gradkit=../sub"]


def test_what_was_named_is_kept(words, tmp_path: Path) -> None:
    """Settings or the root."""
    for mine in (["-c", "x.ini"], ["-cx.ini"], ["--config-file=x.ini"]):
        assert words("sub", "--gradkit=.", *mine) == [
            "--rootdir", str(tmp_path / "sub"), "--gradkit=.", *mine
        ]  # fmt: skip
    assert words("sub", "--gradkit=.", "--rootdir=x") == [
        "-c", NO_SETTINGS, "--gradkit=.", "--rootdir=x"
    ]  # fmt: skip


def test_the_environment_is_worded_too(words, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a shell reads it."""
    monkeypatch.setenv("PYTEST_ADDOPTS", "-k 'a b' --gradkit ../sub")
    assert words("own", "-x") == ["-x"]
    assert os.environ["PYTEST_ADDOPTS"] == "-k 'a b' --gradkit=../sub"
    assert words("sub")[:2] == ["-c", NO_SETTINGS]


def test_folders_are_told_by_their_real_paths(tmp_path: Path) -> None:
    """Links change nothing, and a name that begins alike is another."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "sub")
    (tmp_path / "hw.py").touch()
    assert folder_of(tmp_path / "link") == str((tmp_path / "sub").resolve())
    assert folder_of(tmp_path / "hw.py") == str(tmp_path.resolve())
    folders = [folder_of(tmp_path / "sub")]
    assert within(tmp_path / "link" / "x", folders)
    assert not within(tmp_path / "sub2", folders)
    assert named(["--gradkit", "a", "b", "--gradkit=c"]) == ["a", "c"]


def test_the_line_is_installed_and_does_nothing_for_others() -> None:
    """It loads nothing of gradkit where ``--gradkit`` is not among the arguments."""
    code = "import sys; print('gradkit' in sys.modules, sys.argv[1:])"
    for given in ([], ["--gradkit-seed", "1"]):
        done = subprocess.run(
            [sys.executable, "-c", code, *given], capture_output=True, text=True, check=True
        )
        assert done.stdout == f"False {given}\n"
        assert done.stderr == ""
    given = ["--gradkit", "nothere/x", "pytest"]
    done = subprocess.run(
        [sys.executable, "-c", code, *given], capture_output=True, text=True, check=True
    )
    assert done.stdout == "False ['--gradkit=nothere/x', 'pytest']\n"
