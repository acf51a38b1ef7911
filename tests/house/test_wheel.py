"""The wheel as others get it: in a clean environment without torch, from an empty folder."""

import json
import os
import subprocess
import sys
import venv
import zipfile
from collections.abc import Iterable
from pathlib import Path

import pytest

from gradkit import __version__

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "reference"
CLASS = ROOT / "tests" / "sample_class"
ADVICE = "pip install 'gradkit[torch]'"

slow = pytest.mark.slow


def strays(names: Iterable[str]) -> list[str]:
    """What is in a wheel and should not be."""
    return [
        name
        for name in names
        if not name.startswith(("gradkit/", "gradkit-"))
        or name.endswith((".ipynb", ".pth"))
        or Path(name).name in {path.name for path in REFERENCE.iterdir() if path.is_file()}
    ]


@pytest.fixture(scope="module")
def commands(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of commands of an environment that holds the wheel and what it asks for."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=True)
    binaries = folder / ("Scripts" if sys.platform == "win32" else "bin")
    subprocess.run([binaries / "python", "-m", "pip", "install", "--quiet", str(wheel)], check=True)
    return binaries


@pytest.fixture
def run(commands: Path, tmp_path: Path):
    """Run a command of the clean environment in an empty folder, which stays empty."""

    def run(name: str, *arguments: object) -> subprocess.CompletedProcess[str]:
        environment = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
        done = subprocess.run(
            [commands / name, *map(str, arguments)],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )
        assert "Traceback" not in done.stdout + done.stderr
        assert not list(tmp_path.iterdir())
        return done

    return run


def test_strays_are_seen() -> None:
    """A model solution, a test or a notebook in a wheel is a stray; the package is none."""
    good = [
        "gradkit/cli/__init__.py",
        "gradkit/task/oracle.py",
        f"gradkit-{__version__}.dist-info/METADATA",
    ]
    bad = ["evil.pth", "gradkit.pth", "gradkit/x.pth", "sitecustomize.py"]
    bad += ["reference/x.py", "tests/t.py", "gradkit/regression_numpy.py", "gradkit/a.ipynb"]
    assert strays([*good, *bad]) == bad


@slow
def test_the_wheel_holds_the_package_and_no_solutions(wheel: Path) -> None:
    """All of gradkit/ and the task definitions are in it, and nothing else."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        texts = {archive.read(name) for name in names}
    assert strays(names) == []
    assert not texts & {path.read_bytes() for path in REFERENCE.glob("*.py")}
    tracked = subprocess.run(
        ["git", "ls-files", "gradkit"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    # Only compiled catalogues are read.
    assert {name for name in tracked if not name.endswith((".po", ".pot"))} <= set(names)
    assert "gradkit/assignments/backpropagation/assignment.toml" in names
    assert {name.rpartition("/")[2] for name in names if name.endswith(".csv")} == {
        "regression.csv",
        "classification.csv",
    }
    assert any(name.endswith("licenses/LICENSE") for name in names)


@slow
def test_nothing_runs_when_python_starts(run) -> None:
    """No ``.pth`` file is installed, and an interpreter imports nothing of gradkit by itself.

    The arguments and the variable are those that an earlier version reacted to.
    """
    code = (
        "import pathlib, sys, sysconfig\n"
        "files = pathlib.Path(sysconfig.get_path('purelib')).rglob('*.pth')\n"
        "print([path.name for path in files if 'gradkit' in path.name + path.read_text()])\n"
        "print([name for name in sys.modules if name.startswith('gradkit')], sys.argv[1:])\n"
    )
    done = run("python", "-c", code, "pytest", "--gradkit", "hw.py")
    assert done.stdout == "[]\n[] ['pytest', '--gradkit', 'hw.py']\n"
    assert done.stderr == ""


@slow
def test_the_plugin_and_its_command_are_installed(run, tmp_path_factory) -> None:
    """Without a warning by pytest of modules that were loaded too early."""
    path = tmp_path_factory.mktemp("hw") / "hw.py"
    path.write_bytes((REFERENCE / "regression_numpy.py").read_bytes())
    for name, words in (("gradkit", ("pytest", path)), ("pytest", (f"--gradkit={path}",))):
        done = run(name, *words, "-W", "error", "-p", "no:cacheprovider")
        assert done.returncode == 0, done.stdout + done.stderr
        assert "= 5 passed in " in done.stdout


@slow
def test_the_environment_is_clean(run) -> None:
    """Without torch, and with the gradkit of the wheel: else the rest would show nothing."""
    done = run("python", "-c", "import gradkit; print(gradkit.__file__)")
    assert "site-packages" in done.stdout
    assert not Path(done.stdout.strip()).is_relative_to(ROOT)
    assert (
        "No module named 'torch'"
        in run(
            "python", "-c", "try:\n    import torch\nexcept ImportError as error:\n    print(error)"
        ).stdout
    )


@slow
def test_what_is_installed_beside_numpy_is_out_of_reach(run) -> None:
    """At tier 2 packages can be read, scipy for one; gradkit, which lies among them, cannot."""
    done = run("gradkit", "doctor", "--format", "json")
    assert done.returncode == 0, done.stderr
    data = json.loads(done.stdout)
    trials = {trial["act"]: trial for trial in data["trials"]}
    assert trials["work"]["held"]
    if data["tier"] >= 2:
        assert trials["import_answers"]["held"]
        assert "site-packages/gradkit/task" in trials["import_answers"]["detail"]


@slow
@pytest.mark.parametrize("problem", ["regression", "classification"])
def test_numpy_tasks_are_graded_with_the_derived_oracle(run, problem: str) -> None:
    """Full marks for the model solution, provisional, exit 0."""
    done = run("gradkit", "check", REFERENCE / f"{problem}_numpy.py", "--format", "json")
    result = json.loads(done.stdout)
    assert done.returncode == 0
    assert result["oracle"] == "derived"
    assert result["provisional"] is True
    assert result["score"] == result["max_score"] > 0
    assert {check["state"] for task in result["tasks"] for check in task["checks"]} == {"pass"}


@slow
@pytest.mark.parametrize(
    "name", ["goran_regression_wrong_parameter.py", "kofi_regression_crashes.py"]
)
def test_numpy_verdicts_are_those_of_the_checkout(run, name: str) -> None:
    """With one seed and the derived oracle, installed and checkout say the same of a file."""
    arguments = ["check", str(CLASS / name), "--no-reference", "--seed", "7", "--format", "json"]
    here = subprocess.run(
        [sys.executable, "-m", "gradkit", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    there = run("gradkit", *arguments)
    assert there.returncode == here.returncode
    # The two may have different releases of numpy, whose last digits differ.
    told = [json.loads(done.stdout, parse_float=nine_digits)["tasks"] for done in (there, here)]
    assert told[0] == told[1]


def nine_digits(number: str) -> str:
    """A number as far as it is worth comparing."""
    return f"{float(number):.9g}"


@slow
@pytest.mark.parametrize("problem", ["regression", "classification"])
def test_torch_tasks_are_not_checked_without_torch(run, problem: str) -> None:
    """No check of it fails: each says what to install, and the exit code is 3."""
    path = REFERENCE / f"{problem}_torch.py"
    done = run("gradkit", "check", path, "--format", "json")
    assert done.returncode == 3
    (task,) = json.loads(done.stdout)["tasks"]
    assert task["task"] == f"{problem}-torch"
    assert task["checkable"] == 0
    assert task["provisional"] is True
    assert {check["state"] for check in task["checks"]} == {"not-checked"}
    assert all(ADVICE in check["message"] for check in task["checks"])
    text = run("gradkit", "check", path)
    assert text.returncode == 3
    assert ADVICE in text.stdout


@slow
def test_a_notebook_with_both_halves(run) -> None:
    """Its numpy sections are graded in full, its torch sections not checked, exit 3."""
    done = run("gradkit", "check", CLASS / "amara_all_right.ipynb", "--format", "json")
    tasks = {task["task"]: task for task in json.loads(done.stdout)["tasks"]}
    assert done.returncode == 3
    for problem in ("regression", "classification"):
        task = tasks[f"{problem}-numpy"]
        assert task["score"] == task["max_score"]
        states = {check["state"] for check in tasks[f"{problem}-torch"]["checks"]}
        assert states == {"not-checked"}


@slow
def test_what_fails_fails_without_torch_too(run) -> None:
    """A wrong numpy section beside unchecked torch sections: exit 1."""
    done = run("gradkit", "check", CLASS / "hana_several_mistakes.ipynb", "--format", "json")
    assert done.returncode == 1


@slow
def test_help_and_version(run) -> None:
    """Each command has its line, and the version is the wheel's."""
    done = run("gradkit", "--help")
    assert done.returncode == 0
    assert all(f"  {name} " in done.stdout for name in ("check", "list", "reproduce"))
    version = run(
        "python", "-c", "from importlib.metadata import version; print(version('gradkit'))"
    )
    assert version.stdout.strip() in run("gradkit", "--version").stdout


@slow
def test_list_reads_the_assignment_of_the_wheel(run) -> None:
    """All exercises; of the first, four tasks with their points."""
    assert "layers " in run("gradkit", "list").stdout
    done = run("gradkit", "list", "--assignment", "backpropagation")
    assert done.returncode == 0
    for problem in ("regression", "classification"):
        for framework in ("numpy", "torch"):
            assert f"{problem}-{framework}" in done.stdout


@slow
def test_starters_are_in_the_wheel(run, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Though the model solutions that they were made from are not."""
    folder = tmp_path_factory.mktemp("hw") / "layers"
    done = run("gradkit", "new", folder, "--exercise", "layers", "--install", "gradkit")
    assert done.returncode == 0, done.stderr
    assert "raise NotImplementedError" in (folder / "layers.py").read_text(encoding="utf-8")


@slow
def test_reproduce_says_what_it_lacks(run) -> None:
    """First the folder of model solutions, and where that is had; with it, torch."""
    done = run("gradkit", "reproduce")
    assert done.returncode == 2
    assert "name this folder with --reference" in done.stderr
    done = run("gradkit", "reproduce", "--reference", REFERENCE)
    assert done.returncode == 2
    assert ADVICE in done.stderr
