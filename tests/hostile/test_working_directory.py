"""A folder with modules of Python's names is graded from inside; none is run by the grader."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from classroom.classes import MISTAKES, OPTIONS, RIGHT, results
from trap import set_traps, sprung, trapped_environment

from gradkit.records.result import Result

SCRIPTS = Path(sysconfig.get_path("scripts"))

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def markers(tmp_path: Path) -> Path:
    """Where traps leave their marks."""
    folder = tmp_path / "markers"
    folder.mkdir()
    return folder


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A class of honest students, two of whom chose names that Python has, among traps."""
    folder = tmp_path / "class"
    folder.mkdir()
    set_traps(folder, socket=RIGHT, types=RIGHT, multiprocessing="")
    (folder / "ada.py").write_text(RIGHT, encoding="utf-8")
    (folder / "chen.py").write_text(MISTAKES[0], encoding="utf-8")
    return folder


@pytest.fixture
def run(here: Path, markers: Path) -> Run:
    """Run an installed script in the folder of the class."""

    def run(name: str, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [SCRIPTS / name, *map(str, arguments)],
            cwd=here,
            env=trapped_environment(markers, **environment),
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )

    return run


def scores(out: Path) -> dict[str, float | None]:
    """What each was given."""
    found = results(out).items()
    return {name: one.score if isinstance(one, Result) else None for name, one in found}


def honest(out: Path) -> bool:
    """Whether each honest student was given what the work is worth."""
    given = scores(out)
    full = {given[name] for name in ("ada", "socket", "types")}
    chen = given["chen"]
    return full == {20.0} and chen is not None and chen < 20.0 and not given["pickle"]


def test_traps_work(here: Path, markers: Path) -> None:
    """Python itself runs them where it is started as lanes were."""
    for command in (["-c", "import multiprocessing.spawn"], ["-m", "gradkit"]):
        before = len(sprung(markers))
        subprocess.run(
            [sys.executable, *command],
            cwd=here,
            env=trapped_environment(markers),
            capture_output=True,
            check=False,
        )
        assert len(sprung(markers)) > before


@pytest.mark.slow
def test_a_class_is_graded_from_inside(here: Path, run: Run, markers: Path, tmp_path: Path) -> None:
    """By lanes; it is marked again, looked at, and its feedback written, too."""
    out = tmp_path / "o"
    done = run("gradkit", "grade", ".", "--out", out, *OPTIONS)
    assert sprung(markers) == []
    assert "Traceback" not in done.stderr
    assert honest(out)
    assert run("gradkit", "remark", out).returncode == 0
    assert run(
        "gradkit", "feedback", out, "--format", "folder", "--out", tmp_path / "f"
    ).returncode in (0, 1)
    run("gradkit", "summary", out)
    run("gradkit", "review", out)
    assert sprung(markers) == []
    assert honest(out)


@pytest.mark.slow
def test_one_is_checked_and_a_finding_shown(run: Run, markers: Path, tmp_path: Path) -> None:
    """By the script, and by ``python -P -m``, whose processes are no others."""
    done = run("gradkit", "check", "socket.py", *OPTIONS)
    assert (done.returncode, sprung(markers)) == (0, [])
    assert "20 / 20" in done.stdout
    told = tmp_path / "chen.json"
    run("gradkit", "check", "chen.py", *OPTIONS, "--format", "json", "--out", told)
    (task,) = json.loads(told.read_text(encoding="utf-8"))["tasks"]
    shown = run("gradkit", "show", told, "--finding", task["findings"][0]["id"])
    assert "found" in shown.stdout
    assert run("gradkit", "doctor").returncode in (0, 1)
    assert sprung(markers) == []


@pytest.mark.slow
def test_an_empty_entry_of_the_path_leads_nowhere(
    here: Path, run: Run, markers: Path, tmp_path: Path
) -> None:
    """Such a one in ``PYTHONPATH`` means the working directory, but to no process of ours.

    Python itself has looked there by the time that this one can say no, so that only modules
    that it does not need to start are traps here.
    """
    for path in here.glob("*.py"):
        if path.stem not in ("ada", "chen", "numpy", "distributed", "execnet"):
            path.unlink()
    shutil.rmtree(here / "gradkit")
    out = tmp_path / "o"
    run("gradkit", "grade", ".", "--out", out, *OPTIONS, PYTHONPATH=os.pathsep)
    assert sprung(markers) == []
    assert scores(out)["ada"] == 20.0


@contextmanager
def started(command: list[object], folder: Path, environment: dict[str, str]) -> Iterator[None]:
    """A command in the background."""
    process = subprocess.Popen(
        [*map(str, command)],
        cwd=folder,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


@pytest.mark.slow
def test_a_cluster_grades_it(here: Path, run: Run, markers: Path, tmp_path: Path) -> None:
    """Dask's processes are started there as well, with the safe path that cluster.md asks for."""
    pytest.importorskip("distributed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    safe = trapped_environment(markers, PYTHONSAFEPATH="1", DASK_TEMPORARY_DIRECTORY=str(tmp_path))
    worker = ["worker", address, "--nworkers", 1, "--nthreads", 1, "--no-dashboard"]
    scheduler = ["scheduler", "--host", address, "--no-dashboard"]
    out = tmp_path / "o"
    with ExitStack() as stack:
        for words in (scheduler, worker):
            stack.enter_context(started([SCRIPTS / "dask", *words], here, safe))
        done = run("gradkit", "grade", ".", "--out", out, "--scheduler", address, *OPTIONS)
    assert sprung(markers) == []
    assert honest(out), done.stderr


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("unzip"), reason="Gradescope's image has unzip")
def test_an_exported_bundle_grades_it(here: Path, run: Run, markers: Path, tmp_path: Path) -> None:
    """Gradescope's: set up and run with the folder as the working directory."""
    root = tmp_path / "autograder"
    for name in ("source", "results"):
        (root / name).mkdir(parents=True)
    archive = tmp_path / "gradescope.zip"
    assert run("gradkit", "export", "gradescope", "--out", archive).returncode == 0
    subprocess.run(["unzip", "-q", archive, "-d", root / "source"], check=True)
    (root / "gradkit").symlink_to(SCRIPTS.parent, target_is_directory=True)
    (root / "submission").symlink_to(here, target_is_directory=True)
    for path in here.iterdir():
        if path.suffix == ".py" and path.stem in ("ada", "chen", "types"):
            path.unlink()
    environment = trapped_environment(
        markers, GRADKIT_AUTOGRADER=str(root), GRADKIT_REQUIRE_TIER="0"
    )
    subprocess.run([root / "source" / "run_autograder"], cwd=here, env=environment, check=True)
    assert sprung(markers) == []
    assert json.loads((root / "results" / "results.json").read_text())["score"] == 20.0


def test_helpers_do_not_look_there(
    here: Path, markers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The processes that mark and write many."""
    from gradkit.classroom.worker_pool import Helpers

    monkeypatch.chdir(here)
    monkeypatch.syspath_prepend(here)
    for name, value in trapped_environment(markers, PYTHONPATH="").items():
        monkeypatch.setenv(name, value)
    with Helpers(2) as helpers:
        paths = list(helpers.map(_path, range(2)))
    assert sprung(markers) == []
    assert not any(str(here) in path or "" in path for path in paths)


def _path(number: int) -> list[str]:
    return list(sys.path)


@pytest.mark.slow
def test_settings_of_matplotlib_are_not_a_students(here: Path, run: Run, tmp_path: Path) -> None:
    """They may have the texts of drawings set by LaTeX, after a preamble of theirs."""
    settings = "text.usetex: True\ntext.latex.preamble: \\immediate\\write18{id}\n"
    (here / "matplotlibrc").write_text(settings, encoding="utf-8")
    page = tmp_path / "page.html"
    done = run("gradkit", "check", "chen.py", "--format", "html", "--out", page)
    assert (done.returncode, done.stderr) == (1, "")
    assert "<svg" in page.read_text(encoding="utf-8")
