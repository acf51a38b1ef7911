"""``gradkit pytest PATH`` reads and runs no file of PATH's folder outside of the sandbox."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from model_solutions import source
from trap import INI_FILES, set_pytest_traps, set_traps, sprung, trap, trapped_environment

pytestmark = pytest.mark.sample(48)

slow = pytest.mark.slow
COMMAND = (sys.executable, "-P", "-m", "gradkit", "pytest")
RIGHT = source("regression_numpy")
TASK = ("-o", "gradkit_task=regression-numpy")

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def markers(tmp_path: Path) -> Path:
    """Return the folder in which traps leave a file when they are run."""
    folder = tmp_path / "markers"
    folder.mkdir()
    return folder


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """Return an instructor's folder, with settings, tests and a submission full of traps."""
    folder = tmp_path / "course"
    submission = folder / "sub"
    (submission / "tests").mkdir(parents=True)
    set_traps(submission)
    (submission / "hw.py").write_text(RIGHT, encoding="utf-8")
    for place in (submission, submission / "tests"):
        set_pytest_traps(place)
    (folder / "pytest.ini").write_text("[pytest]\ngradkit_task = regression-numpy\n")
    own = folder / "own"
    own.mkdir()
    (own / "conftest.py").write_text("import pytest\n@pytest.fixture\ndef one(): return 1\n")
    (own / "test_own.py").write_text(
        "import numpy\n"
        "def test_own(gradkit_submission):\n    assert gradkit_submission.initialise()\n"
    )
    return folder


@pytest.fixture
def run(markers: Path) -> Run:
    """Return a function that runs a command in a folder."""

    def run(
        folder: Path, *words: str, start: tuple[str, ...] = COMMAND, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        # Set where this test itself finds gradkit by it, as in tests/hostile/test_elsewhere.py.
        path = {"PYTHONPATH": os.environ["PYTHONPATH"]} if "PYTHONPATH" in os.environ else {}
        return subprocess.run(
            [*start, *words],
            cwd=folder,
            env=trapped_environment(markers, **{**path, **environment}),
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )

    return run


def has_passed(done: subprocess.CompletedProcess[str], count: int) -> bool:
    """Return whether that many tests passed and pytest reports nothing else."""
    return f"= {count} passed in " in done.stdout and done.returncode == 0


@pytest.mark.slow
@pytest.mark.sample(9)
@pytest.mark.parametrize(
    ("place", "path"),
    [
        ("sub", "."),
        (".", "sub"),
        ("sub/tests", "../hw.py"),
        ("..", "course/sub/hw.py"),
        (".", "sub/hw.py"),
        ("sub", "hw.py"),
        ("sub/tests", ".."),
        ("..", "course/sub"),
        ("own", "../sub"),
    ],
)
def test_only_checks_are_collected(
    course: Path, run: Run, markers: Path, place: str, path: str
) -> None:
    """Whether the current folder is the submission's folder, a parent or another folder."""
    done = run(course / place, path, *TASK, "-W", "error")
    assert sprung(markers) == []
    assert has_passed(done, 5), done.stdout + done.stderr
    assert "gradkit: pytest reads no ini file and no conftest.py; for your own" in done.stdout
    assert not (course / place / ".pytest_cache").exists()


@pytest.mark.slow
@pytest.mark.rotate(8)
@pytest.mark.parametrize("kept", INI_FILES)
def test_every_kind_of_settings_is_ignored(
    course: Path, run: Run, markers: Path, kept: str
) -> None:
    """Also if it is the only settings file."""
    for name in INI_FILES.keys() - {kept}:
        (course / "sub" / name).unlink()
    for place, path in (("sub", "."), (".", "sub")):
        done = run(course / place, path, "--collect-only", "-q", *TASK)
        assert sprung(markers) == []
        assert "5 tests collected in " in done.stdout, done.stdout + done.stderr


def test_variables_of_pytest_are_ignored(course: Path, run: Run, markers: Path) -> None:
    """PYTEST_ADDOPTS and PYTEST_PLUGINS name files of the submission, PYTHONPATH its folder."""
    folder = course / "sub"
    # Python itself imports some modules from PYTHONPATH before any line of gradkit.
    for path in folder.glob("*.py"):
        if path.stem not in ("hw", "numpy", "evil", "conftest", "pytest", "_pytest", "pluggy"):
            path.unlink()
    shutil.rmtree(folder / "gradkit")
    paths = os.pathsep.join([os.environ.get("PYTHONPATH", ""), str(folder)]).lstrip(os.pathsep)
    variables = {"PYTEST_ADDOPTS": "-p evil -c sub/pytest.ini", "PYTEST_PLUGINS": "evil"}
    done = run(course, "sub", *TASK, "-q", PYTHONPATH=paths, **variables)
    assert sprung(markers) == []
    assert "5 passed in " in done.stdout, done.stdout + done.stderr


def test_processes_of_xdist_ignore_the_folder(course: Path, run: Run, markers: Path) -> None:
    """They start in the submission's folder."""
    pytest.importorskip("xdist")
    done = run(course / "sub", ".", *TASK, "-n", "2", "--dist", "loadfile")
    assert sprung(markers) == []
    assert has_passed(done, 5), done.stdout + done.stderr


def test_a_cache_of_links_is_not_written(course: Path, run: Run, tmp_path: Path) -> None:
    """A submission's ``.pytest_cache`` links to a file of the instructor, which stays as it is."""
    mine = tmp_path / "mine"
    mine.write_text("mine")
    cache = course / "sub" / ".pytest_cache" / "v" / "cache"
    cache.mkdir(parents=True)
    for name in ("lastfailed", "nodeids", "stepwise"):
        (cache / name).symlink_to(mine)
    assert has_passed(run(course / "sub", ".", *TASK), 5)
    assert mine.read_text() == "mine"


def test_the_debugger_is_refused_in_the_folder(course: Path, run: Run, markers: Path) -> None:
    """Python's debugger runs .pdbrc of the current folder. In another folder it is allowed."""
    for option in ("--pdb", "--trace"):
        done = run(course / "sub", ".", *TASK, option)
        assert (done.returncode, sprung(markers)) == (pytest.ExitCode.USAGE_ERROR, [])
        assert (
            "--pdb and --trace run the file .pdbrc of the current folder, which holds the "
            "submission. Start `gradkit pytest` in another folder."
        ) in done.stderr
    assert has_passed(run(course, "sub", *TASK, "--pdb"), 5)
    assert sprung(markers) == []


@pytest.mark.parametrize("name", ["@arguments", "-p evil", "--pyargs", "::test_it"])
def test_a_name_is_no_option(course: Path, run: Run, markers: Path, name: str) -> None:
    """A folder whose name pytest would read as an option, a file of options or a test."""
    (course / "sub").rename(course / name)
    (course / "arguments").write_text("-p\nevil\n", encoding="utf-8")
    shutil.copy(course / name / "evil.py", course / "evil.py")
    done = run(course, "--", name, *TASK)
    assert sprung(markers) == []
    assert has_passed(done, 5), done.stdout + done.stderr


def test_links_do_not_hide_the_folder(course: Path, run: Run, markers: Path) -> None:
    """The current folder and PATH are links to the submission's folder."""
    (course / "link").symlink_to(course / "sub")
    done = run(course / "link", "../link/hw.py", *TASK)
    assert sprung(markers) == []
    assert has_passed(done, 5), done.stdout + done.stderr


def test_own_tests_and_settings(course: Path, run: Run, markers: Path) -> None:
    """Those that the command line names are used, from inside the submission's folder too."""
    assert has_passed(run(course, "sub", "own", *TASK), 6)
    inside = run(course / "sub", ".", "-c", "../pytest.ini", "../own/test_own.py::test_own")
    assert has_passed(inside, 6), inside.stdout + inside.stderr
    (course / "own" / "lnk").symlink_to(course / "sub")
    assert has_passed(run(course, "sub", "own", *TASK), 6)
    assert sprung(markers) == []


@pytest.mark.sample(9)
@pytest.mark.parametrize(
    ("words", "named"),
    [
        ("sub sub", "sub"),
        ("sub/hw.py sub/tests", "sub/tests"),
        ("sub sub/tests/test_it.py", "sub/tests/test_it.py"),
        ("sub sub/test_it.py::test_it", "sub/test_it.py::test_it"),
        ("sub .", "."),
        ("sub/hw.py sub", "sub"),
        ("sub/hw.py sub/hw.py", "sub/hw.py"),
        ("sub lnk", "lnk"),
        ("lnk sub/tests", "sub/tests"),
        ("sub linked", "linked"),
    ],
)
def test_tests_of_the_submission_are_refused(
    course: Path, run: Run, markers: Path, words: str, named: str
) -> None:
    """Also if a link hides that they are the submission's, and before any file is run."""
    (course / "lnk").symlink_to(course / "sub")
    (course / "linked").mkdir()
    (course / "linked" / "test_sub").symlink_to(course / "sub")
    done = run(course, *words.split())
    assert sprung(markers) == []
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert (
        f"pytest would run files of this submission as tests, because you named {named}. Name "
        "only tests in another folder, or none."
    ) in done.stderr


def test_the_traps_of_this_file_work(course: Path, run: Run, markers: Path) -> None:
    """Plain ``python -m pytest`` runs each kind of trap."""
    pytest_alone = (sys.executable, "-P", "-m", "pytest", "-p", "no:cacheprovider")
    for name in INI_FILES:
        inner = course / "one"
        inner.mkdir()
        for file in (name, "evil.py"):
            shutil.copy(course / "sub" / file, inner / file)
        run(inner, start=pytest_alone)
        assert [each.partition("-")[0] for each in sprung(markers)] == ["evil"], name
        shutil.rmtree(inner)
        for mark in markers.iterdir():
            mark.unlink()
    inner.mkdir()
    (inner / "test_it.py").write_text("def test_it(): assert False\n", encoding="utf-8")
    shutil.copy(course / "sub" / ".pdbrc", inner / ".pdbrc")
    run(inner, "--pdb", start=pytest_alone)
    shutil.copy(course / "sub" / "evil.py", inner / "evil.py")
    shutil.copytree(course / "sub" / "evil-1.0.dist-info", inner / "evil-1.0.dist-info")
    run(inner, start=(sys.executable, "-m", "pytest"))
    (inner / "conftest.py").write_text(trap("conftest"), encoding="utf-8")
    run(inner, start=pytest_alone)
    names = {each.partition("-")[0] for each in sprung(markers)}
    assert names == {"pdbrc", "evil", "conftest"}
