"""``pytest --gradkit PATH`` runs no file of PATH's outside a worker, nor reads its settings."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest
from model_solutions import source
from trap import set_traps, sprung, trap, trapped_environment

pytestmark = pytest.mark.sample(4)

slow = pytest.mark.slow
SCRIPT = Path(sysconfig.get_path("scripts")) / "pytest"
RIGHT = source("regression_numpy")
INI = """\
[pytest]
pythonpath = .
addopts = -p evil
python_files = *.py
gradkit_assignment = own.toml
"""
TOML = """\
[tool.pytest.ini_options]
pythonpath = ["."]
addopts = "-p evil"
"""
INI_FILES = {
    "pytest.ini": INI,
    ".pytest.ini": INI,
    "tox.ini": INI,
    "setup.cfg": INI.replace("[pytest]", "[tool:pytest]"),
    "pyproject.toml": TOML,
}

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def markers(tmp_path: Path) -> Path:
    """Where traps leave their marks."""
    folder = tmp_path / "markers"
    folder.mkdir()
    return folder


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """A test author's folder, with settings, tests and a submission, full of traps, in it."""
    folder = tmp_path / "course"
    sub = folder / "sub"
    (sub / "tests").mkdir(parents=True)
    set_traps(sub)
    (sub / "hw.py").write_text(RIGHT, encoding="utf-8")
    for place in (sub, sub / "tests"):
        for name in ("conftest", "__init__", "test_it", "evil", "setup"):
            (place / f"{name}.py").write_text(f"{trap(name)}\ndef test_it(): pass\n")
    for name, text in INI_FILES.items():
        (sub / name).write_text(text, encoding="utf-8")
    (folder / "pytest.ini").write_text("[pytest]\ngradkit_task = regression-numpy\n")
    own = folder / "own"
    own.mkdir()
    (own / "conftest.py").write_text("import pytest\n@pytest.fixture\ndef one(): return 1\n")
    (own / "test_own.py").write_text(
        "def test_own(one, gradkit_submission):\n    assert gradkit_submission.initialise()\n"
    )
    return folder


@pytest.fixture
def run(markers: Path) -> Run:
    """Run the script `pytest` in a folder."""

    def run(
        folder: Path, *words: str, start: tuple[str, ...] = (str(SCRIPT),), **environment: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            # Hypothesis takes as long to load as all else, for nothing.
            [*start, "-p", "no:hypothesispytest", *words],
            cwd=folder,
            env=trapped_environment(markers, **environment),
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )

    return run


def passed(done: subprocess.CompletedProcess[str], count: int) -> bool:
    """Whether so many tests passed, and nothing else is told."""
    return f"= {count} passed in " in done.stdout and done.returncode == 0


@pytest.mark.sample(9)
@pytest.mark.parametrize(
    ("place", "words"),
    [
        (".", "--gradkit sub"),
        pytest.param(".", "--gradkit=sub", marks=slow),
        pytest.param(".", "--gradkit sub/hw.py", marks=slow),
        ("sub", "--gradkit ."),
        pytest.param("sub", "--gradkit=.", marks=slow),
        pytest.param("sub", "--gradkit hw.py", marks=slow),
        pytest.param("sub/tests", "--gradkit ..", marks=slow),
        ("sub/tests", "--gradkit ../hw.py"),
        pytest.param("..", "--gradkit course/sub", marks=slow),
    ],
)
def test_checks_alone_are_collected(
    course: Path, run: Run, markers: Path, place: str, words: str
) -> None:
    """From outside, from inside and from beside, whichever file would have been read first."""
    done = run(course / place, *words.split(), "-W", "error", "-o", "gradkit_task=regression-numpy")
    assert sprung(markers) == []
    assert passed(done, 5), done.stdout + done.stderr


@slow
@pytest.mark.parametrize("kept", INI_FILES)
def test_each_kind_of_settings_is_passed_over(
    course: Path, run: Run, markers: Path, kept: str
) -> None:
    """Also where it is the only one."""
    for name in INI_FILES.keys() - {kept}:
        (course / "sub" / name).unlink()
    assert passed(run(course, "--gradkit", "sub"), 5)
    inside = run(course / "sub", "--gradkit", ".", "-o", "gradkit_task=regression-numpy")
    assert sprung(markers) == []
    assert passed(inside, 5)
    assert "no settings are read from a submission's folder; -c FILE names yours" in inside.stdout


@slow
def test_the_environment_names_it_as_well(course: Path, run: Run, markers: Path) -> None:
    """``PYTEST_ADDOPTS`` is worded likewise; and ``python -P -m pytest`` is as safe."""
    assert passed(run(course, PYTEST_ADDOPTS="--gradkit sub"), 5)
    python = (sys.executable, "-P", "-m", "pytest")
    assert passed(run(course, "--gradkit", "sub", start=python), 5)
    assert passed(run(course / "sub", "--gradkit", "hw.py", "--rootdir=.", start=python), 5)
    assert sprung(markers) == []


@slow
def test_several_and_processes_of_xdist(course: Path, run: Run, markers: Path) -> None:
    """Two submissions, and two processes that run in the folder of one of them."""
    pytest.importorskip("xdist")
    again = course / "again"
    (course / "sub").rename(again)
    set_traps(course, hw=RIGHT)
    task = ("-o", "gradkit_task=regression-numpy")
    both = ("--gradkit", "again", "--gradkit", "hw.py", *task)
    assert passed(run(course, *both), 10)
    assert sprung(markers) == []
    done = run(course, *both, "-n", "2", "--dist", "loadfile")
    assert sprung(markers) == []
    assert passed(done, 10), done.stdout + done.stderr
    assert passed(run(again, "--gradkit", ".", *task, "-n", "2", "--dist", "loadfile"), 5)
    assert sprung(markers) == []


@pytest.mark.slow
def test_own_tests_are_named(course: Path, run: Run, markers: Path) -> None:
    """With their conftest and settings; of the submission, nothing comes with them."""
    assert passed(run(course, "--gradkit", "sub", "own"), 6)
    assert passed(run(course, "own/test_own.py::test_own", "--gradkit", "sub/hw.py"), 6)
    assert passed(run(course / "sub", "--gradkit", ".", "-c", "../pytest.ini", "../own"), 6)
    with (course / "pytest.ini").open("a") as file:
        file.write("testpaths = own\naddopts = --gradkit sub\n")
    assert passed(run(course), 6)
    (course / "own" / "lnk").symlink_to(course / "sub")
    assert passed(run(course), 6)
    assert sprung(markers) == []


@pytest.mark.sample(9)
@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("--gradkit sub sub", "sub"),
        ("--gradkit sub sub/tests/test_it.py", "sub/tests/test_it.py"),
        ("--gradkit sub sub/test_it.py::test_it", "sub/test_it.py::test_it"),
        ("--gradkit sub .", "."),
        ("--gradkit sub/hw.py sub", "sub"),
        ("--gradkit sub/hw.py sub/hw.py", "sub/hw.py"),
        ("--gradkit sub lnk", "lnk"),
        ("--gradkit lnk sub/tests", "sub/tests"),
        ("--gradkit sub linked", "linked"),
    ],
)
def test_tests_that_overlap_are_refused(
    course: Path, run: Run, markers: Path, words: str, found: str
) -> None:
    """With a sentence, before anything is run; whatever links hide."""
    (course / "lnk").symlink_to(course / "sub")
    (course / "linked").mkdir()
    (course / "linked" / "test_sub").symlink_to(course / "sub")
    done = run(course, *words.split())
    assert sprung(markers) == []
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert (
        f"expected tests outside of this submission, found {found}. None of its own files is run "
        "as a test: name yours alone, or none."
    ) in done.stderr


def test_settings_that_were_read_are_refused(
    pytester: pytest.Pytester, course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where pytest was called by a program, which no line of ours could warn."""
    (course / "sub" / "pytest.ini").write_text("[pytest]\ngradkit_hints = 4\n", encoding="utf-8")
    monkeypatch.chdir(course)
    done = pytester.runpytest_inprocess("--gradkit", "sub")
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines(
        [
            "*pytest has taken its settings from *sub/pytest.ini, which is in a submission's "
            "folder. Write --gradkit=PATH as one word and start pytest elsewhere, or name settings "
            "of your own with -c FILE.*"
        ]
    )


@pytest.mark.slow
def test_a_student_is_at_home(course: Path, run: Run, markers: Path) -> None:
    """Plain `pytest`, in a folder whose own settings name it, reads them and runs its tests."""
    home = course / "home"
    home.mkdir()
    (home / "hw.py").write_text(RIGHT, encoding="utf-8")
    (home / "conftest.py").write_text("import pytest\n@pytest.fixture\ndef one(): return 1\n")
    (home / "test_own.py").write_text("def test_own(one):\n    pass\n", encoding="utf-8")
    (home / "pytest.ini").write_text(
        "[pytest]\naddopts = --gradkit .\ngradkit_task = regression-numpy\n", encoding="utf-8"
    )
    assert passed(run(home), 6)
    assert passed(run(home, "-n", "2"), 6)


def test_the_traps_of_this_file_work(course: Path, run: Run, markers: Path) -> None:
    """Plain `pytest` there runs what it is told to."""
    run(course / "sub")
    assert any(name.startswith("evil-") for name in sprung(markers))
    for name in INI_FILES:
        (course / "sub" / name).unlink()
    run(course, "sub")
    assert {name.partition("-")[0] for name in sprung(markers)} >= {"evil", "conftest", "test_it"}
