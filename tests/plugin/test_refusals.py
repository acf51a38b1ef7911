"""``pytest --gradkit PATH`` refuses a submission whose own settings pytest has read."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest
from trap import set_pytest_traps, set_traps, sprung, trapped_environment

pytestmark = [pytest.mark.sample(12), pytest.mark.usefixtures("warm")]

SCRIPT = Path(sysconfig.get_path("scripts")) / "pytest"
TASK = ("-o", "gradkit_task=regression-numpy")
SETTINGS = {
    "pytest.toml": "[pytest]\ngradkit_hints = '4'\n",
    ".pytest.toml": "[pytest]\ngradkit_hints = '4'\n",
    "pytest.ini": "[pytest]\ngradkit_hints = 4\n",
    ".pytest.ini": "[pytest]\ngradkit_hints = 4\n",
    "tox.ini": "[pytest]\ngradkit_hints = 4\n",
    "setup.cfg": "[tool:pytest]\ngradkit_hints = 4\n",
    "pyproject.toml": "[tool.pytest.ini_options]\ngradkit_hints = 4\n",
}

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def sub(pytester: pytest.Pytester, right: Path) -> Path:
    """Return a submission's folder in the folder that pytest is started in."""
    folder = pytester.mkdir("sub")
    right.rename(folder / "hw.py")
    return folder


def refused(done: pytest.RunResult, path: str, found: str) -> bool:
    """Return whether pytest ended with the sentence that names what was found."""
    sentence = (
        f"ERROR: --gradkit {path}: {found}, in the folder of the submission. Files in this folder "
        f"may run outside of the sandbox. Type instead: gradkit pytest {path}\n"
    )
    return done.ret == pytest.ExitCode.USAGE_ERROR and sentence in done.stderr.str()


@pytest.mark.sample(3)
@pytest.mark.parametrize("name", SETTINGS)
def test_settings_are_refused(pytester: pytest.Pytester, sub: Path, name: str) -> None:
    """Each kind of ini file, if pytest finds it beside a path that is a word of its own."""
    if name.endswith("pytest.toml") and int(pytest.__version__.split(".")[0]) < 9:
        pytest.skip("pytest reads this file since version 9")
    (sub / name).write_text(SETTINGS[name], encoding="utf-8")
    found = f"pytest has read settings from {sub / name}"
    assert refused(pytester.runpytest_inprocess("--gradkit", "sub"), "sub", found)
    assert refused(pytester.runpytest_inprocess("--gradkit", "sub/hw.py"), "sub/hw.py", found)


def test_settings_cannot_claim_isolation(pytester: pytest.Pytester, sub: Path) -> None:
    """The option of ``gradkit pytest`` counts only on the command line."""
    (sub / "pytest.ini").write_text("[pytest]\naddopts = --gradkit-isolated\n", encoding="utf-8")
    done = pytester.runpytest_inprocess("--gradkit", "sub")
    assert refused(done, "sub", f"pytest has read settings from {sub / 'pytest.ini'}")


@pytest.mark.sample(3)
def test_the_current_folder_is_refused(
    pytester: pytest.Pytester, sub: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the folder of the submission, and below it for a file too."""
    monkeypatch.chdir(sub)
    done = pytester.runpytest_inprocess("--gradkit", ".")
    assert refused(done, ".", f"pytest was started in {sub}")
    (sub / "tests").mkdir()
    monkeypatch.chdir(sub / "tests")
    for path in ("..", "../hw.py"):
        done = pytester.runpytest_inprocess("--gradkit", path)
        assert refused(done, path, f"pytest was started in {sub / 'tests'}")


@pytest.mark.sample(3)
def test_the_root_folder_is_refused(pytester: pytest.Pytester, sub: Path) -> None:
    """Pytest takes the folder of a ``setup.py`` for the root, unless the command line names one."""
    (sub / "setup.py").touch()
    done = pytester.runpytest_inprocess("--gradkit", "sub")
    assert refused(done, "sub", f"pytest has chosen the root folder {sub}")
    done = pytester.runpytest_inprocess("--gradkit", "sub", "--rootdir", ".", "--collect-only")
    assert done.ret == 0


@pytest.mark.sample(3)
@pytest.mark.parametrize("options", [("-p", "evil"), ("-p", "late")])
def test_a_plugin_is_refused(pytester: pytest.Pytester, sub: Path, options: tuple[str]) -> None:
    """Also a plugin that another plugin loads after gradkit's first look."""
    # Older versions of pytest import plugins before they read the option `pythonpath`.
    pytester.syspathinsert()
    pytester.syspathinsert(sub)
    (sub / "evil.py").touch()
    pytester.makepyfile(
        late="""
        import pytest
        @pytest.hookimpl(trylast=True)
        def pytest_load_initial_conftests(early_config):
            early_config.pluginmanager.import_plugin("evil")
        """
    )
    done = pytester.runpytest_inprocess("--gradkit=sub", *options)
    assert refused(done, "sub", f"pytest has loaded the plugin {sub / 'evil.py'}")


@pytest.mark.sample(3)
def test_the_command_is_quoted(pytester: pytest.Pytester, sub: Path) -> None:
    """A name with a space is quoted as a shell needs it."""
    folder = sub.rename(sub.with_name("ann lee"))
    (folder / "setup.py").touch()
    done = pytester.runpytest_inprocess("--gradkit", "ann lee")
    assert "Type instead: gradkit pytest 'ann lee'\n" in done.stderr.str()


@pytest.mark.sample(3)
def test_tests_of_the_submission_are_refused(pytester: pytest.Pytester, sub: Path) -> None:
    """Named files of the submission's folder, and a folder that contains it."""
    (sub / "test_it.py").touch()
    for words in ("sub/test_it.py", "."):
        done = pytester.runpytest_inprocess("--gradkit=sub", words)
        assert done.ret == pytest.ExitCode.USAGE_ERROR
        assert (
            f"--gradkit {sub}: pytest would run files of this submission as tests, because you "
            f"named {words}. Name only tests in another folder, or none."
        ) in done.stderr.str()


@pytest.mark.sample(3)
def test_named_settings_are_allowed(pytester: pytest.Pytester, right: Path) -> None:
    """In a folder with a submission, tests and a conftest, all of which the caller names."""
    pytester.makeini("[pytest]\n")
    pytester.makeconftest("import pytest\n@pytest.fixture\ndef one(): return 1\n")
    pytester.makepyfile(test_own="def test_own(one): assert one")
    words = ("--gradkit=right.py", "test_own.py", "-k", "test_own")
    done = pytester.runpytest_inprocess("-c", "tox.ini", *words)
    done.assert_outcomes(passed=1, deselected=5)
    found = f"pytest has read settings from {pytester.path / 'tox.ini'}"
    assert refused(pytester.runpytest_inprocess(*words), "right.py", found)


@pytest.fixture
def markers(tmp_path: Path) -> Path:
    """Return the folder in which traps leave a file when they are run."""
    folder = tmp_path / "markers"
    folder.mkdir()
    return folder


@pytest.fixture
def run(markers: Path) -> Run:
    """Return a function that runs the script ``pytest`` in a folder."""

    def run(
        folder: Path, *words: str, start: tuple[str, ...] = (str(SCRIPT),), **environment: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            # Importing Hypothesis takes as long as everything else.
            [*start, "-p", "no:hypothesispytest", *words],
            cwd=folder,
            env=trapped_environment(markers, **environment),
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )

    return run


def has_passed(done: subprocess.CompletedProcess[str], count: int) -> bool:
    """Return whether that many tests passed and pytest reports nothing else."""
    return f"= {count} passed in " in done.stdout and done.returncode == 0


@pytest.fixture
def course(pytester: pytest.Pytester, sub: Path) -> Path:
    """Return an instructor's folder, with settings, tests and a submission full of traps."""
    set_traps(sub)
    set_pytest_traps(sub)
    pytester.makefile(".ini", pytest="[pytest]\ngradkit_task = regression-numpy\n")
    own = pytester.mkdir("own")
    (own / "conftest.py").write_text("import pytest\n@pytest.fixture\ndef one(): return 1\n")
    (own / "test_own.py").write_text(
        "def test_own(one, gradkit_submission):\n    assert gradkit_submission.initialise()\n"
    )
    return pytester.path


def test_settings_of_the_course_are_used(course: Path, run: Run, markers: Path) -> None:
    """If PATH is part of the option's word, pytest finds the settings of the current folder."""
    assert has_passed(run(course, "--gradkit=sub"), 5)
    assert has_passed(run(course, PYTEST_ADDOPTS="--gradkit=sub"), 5)
    python = (sys.executable, "-P", "-m", "pytest")
    assert has_passed(run(course, "--gradkit=sub/hw.py", start=python), 5)
    assert sprung(markers) == []


@pytest.mark.slow
def test_several_and_processes_of_xdist(course: Path, run: Run, markers: Path) -> None:
    """Two submissions, one of them beside many traps, and two processes."""
    pytest.importorskip("xdist")
    shutil.copy(course / "sub" / "hw.py", course / "hw.py")
    set_traps(course)
    words = ("-c", "pytest.ini", "--gradkit=sub", "--gradkit=hw.py", "-n", "2", *TASK)
    done = run(course, *words, "--dist", "loadfile")
    assert sprung(markers) == []
    assert has_passed(done, 10), done.stdout + done.stderr


@pytest.mark.slow
def test_own_tests_are_named(course: Path, run: Run, markers: Path) -> None:
    """With their conftest and settings. No file of the submission is run."""
    assert has_passed(run(course, "--gradkit", "sub", "own"), 6)
    assert has_passed(run(course, "own/test_own.py::test_own", "--gradkit", "sub/hw.py"), 6)
    with (course / "pytest.ini").open("a") as file:
        file.write("\ntestpaths = own\naddopts = --gradkit sub\n")
    assert has_passed(run(course), 6)
    (course / "own" / "lnk").symlink_to(course / "sub")
    assert has_passed(run(course), 6)
    assert sprung(markers) == []


@pytest.mark.slow
def test_a_students_own_folder(course: Path, run: Run) -> None:
    """Plain ``pytest`` reads the settings of a folder that name the folder, and runs its tests."""
    home = course / "home"
    home.mkdir()
    shutil.copy(course / "sub" / "hw.py", home / "hw.py")
    (home / "conftest.py").write_text("import pytest\n@pytest.fixture\ndef one(): return 1\n")
    (home / "test_own.py").write_text("def test_own(one):\n    pass\n", encoding="utf-8")
    (home / "pytest.ini").write_text(
        "[pytest]\naddopts = --gradkit .\ngradkit_task = regression-numpy\n", encoding="utf-8"
    )
    assert has_passed(run(home), 6)
    assert has_passed(run(home, "-n", "2"), 6)
