"""What is handed out, from the built wheel to points: with no network, as each platform runs it.

A platform's own services are stood in for: what checks out a repository and sets up Python, what
unpacks an archive, what builds an image. All that is ours is run as it was written.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import venv
import zipfile
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pytest
from report.platforms import reported

from gradkit.cli import main
from gradkit.task.assignment import DEFAULT

yaml = pytest.importorskip("yaml")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="the scripts are for Linux"),
]

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "reference"
SWAPPED = ROOT / "tests" / "sample_class" / "chen_regression_swapped_index.py"
POINTS = 15.5
"""Of 20, what that earns."""
HELD = {"GRADKIT_REQUIRE_TIER": "0"}
"""Whether an account of its own can be had depends on where Python lies on this machine."""

Shell = Callable[..., subprocess.CompletedProcess[str]]


def torch_here() -> list[str]:
    """The torch that is installed, if it is a build that a runner would be given."""
    try:
        installed = version("torch")
    except PackageNotFoundError:
        return []
    return [f"torch=={installed}"] if installed.endswith("+cpu") else []


@pytest.fixture(scope="module")
def wheels(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all wheels that gradkit asks for, and not with gradkit's: it is carried."""
    folder = tmp_path_factory.mktemp("wheels")
    asked = [str(wheel), *torch_here()]
    pip = [sys.executable, "-m", "pip", "--quiet"]
    subprocess.run([*pip, "download", "--dest", folder, *asked], check=True)
    (folder / wheel.name).unlink()
    return folder


@pytest.fixture(scope="module")
def runner(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A machine without network whose Python is new: run a script in it as CI runs a step."""
    home = tmp_path_factory.mktemp("runner")
    venv.create(home / "python", with_pip=True)

    def run(script: str, cwd: Path, **settings: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
            cwd=cwd,
            env={
                "PATH": f"{home / 'python' / 'bin'}{os.pathsep}{os.environ['PATH']}",
                "HOME": str(home),
                "CI": "true",
                **offline(wheels),
                **settings,
            },
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )

    assert run("pip list --format freeze | grep -v ^pip= | grep -v ^setuptools=", home).stdout == ""
    return run


def offline(wheels: Path) -> dict[str, str]:
    """What keeps pip from any network."""
    return {
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(wheels),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }


def gradkit(*words: object) -> None:
    """Run the command in this process."""
    main([str(word) for word in words], standalone_mode=False)


def hand_in(folder: Path, *right: str) -> None:
    """Work done: some model solutions, and one mistake."""
    for name in right:
        shutil.copy(REFERENCE / f"{name}.py", folder)
    shutil.copy(SWAPPED, folder / "regression_numpy.py")


def steps(workflow: Path) -> Iterator[dict[str, Any]]:
    """The steps of its one job that run something; no line of torch's where no wheel of it is."""
    (job,) = yaml.safe_load(workflow.read_text(encoding="utf-8"))["jobs"].values()
    for step in job["steps"]:
        if "run" in step:
            lines = step["run"].splitlines()
            yield {
                **step,
                "run": "\n".join(
                    line for line in lines if torch_here() or "install torch" not in line
                ),
            }


def run_github(runner: Shell, repository: Path, workflow: str) -> dict[str, Any]:
    """Run all steps of a workflow, and return what GitHub Classroom's reporter is given."""
    output = repository.parent / f"{repository.name}.output"
    for step in steps(repository / ".github" / "workflows" / workflow):
        done = runner(step["run"], repository, GITHUB_OUTPUT=str(output), GITHUB_ACTIONS="true")
        assert done.returncode == 0 or step.get("continue-on-error"), done.stdout + done.stderr
    assert done.returncode == 1  # a mistake
    assert "::error file=regression_numpy.py,line=" in done.stdout
    (line,) = output.read_text(encoding="utf-8").splitlines()
    return reported(line)


def earned(tests: list[dict[str, Any]]) -> float:
    """Points of the tests."""
    return sum(test["score"] for test in tests)


def test_a_students_repository(runner: Shell, wheel: Path, tmp_path: Path) -> None:
    """What `gradkit new` writes: on GitHub, on GitLab, and by the README."""
    repository = tmp_path / "hw"
    gradkit("new", repository, "--install", wheel)
    hand_in(repository, "regression_torch")
    result = run_github(runner, repository, "gradkit.yml")
    # What cannot be checked counts for nobody; two files are as they were handed out.
    most, right = (80, 20) if torch_here() else (40, 0)
    assert earned(result["tests"]) == pytest.approx(right + POINTS)
    assert result["max_score"] == most

    job = yaml.safe_load((repository / ".gitlab-ci.yml").read_text(encoding="utf-8"))["gradkit"]
    *setup, check = job["script"]
    assert torch_here() or "torch" in setup[0].splitlines()[0]
    assert runner(check, repository).returncode == 1
    report = (repository / job["artifacts"]["reports"]["junit"]).read_text(encoding="utf-8")
    told = re.findall(r'name="([\w-]+)/\w+".*?name="task_points" value="([^"]+)"', report)
    assert sum(map(float, dict(told).values())) == right + POINTS

    (block,) = re.findall(r"```\n(pip .*?)```", (repository / "README.md").read_text(), re.DOTALL)
    done = runner(block, repository)
    assert done.returncode == 1
    assert "15.5 / 20" in done.stdout


def test_github_classroom(runner: Shell, wheel: Path, tmp_path: Path) -> None:
    """What `gradkit export github-classroom` writes, with an assignment of one's own."""
    repository = tmp_path / "repository"
    own = numpy_only(tmp_path)
    gradkit(
        *("export", "github-classroom", "--out", repository, "--install", wheel),
        *("--assignment", own),
    )
    hand_in(repository, "classification_numpy")
    result = run_github(runner, repository, "classroom.yml")
    assert earned(result["tests"]) == pytest.approx(20 + POINTS)
    assert result["max_score"] == 40


def test_gradescope(wheels: Path, wheel: Path, tmp_path: Path) -> None:
    """An autograder of an empty folder, by `setup.sh`; then a right and a wrong submission."""
    root, out = tmp_path / "autograder", tmp_path / "autograder.zip"
    gradkit(
        *("export", "gradescope", "--out", out, "--install", wheel),
        *("--assignment", numpy_only(tmp_path), "--reference", REFERENCE),
    )
    for name in ("source", "submission", "results"):
        (root / name).mkdir(parents=True)
    with zipfile.ZipFile(out) as archive:
        for member in archive.infolist():
            Path(archive.extract(member, root / "source")).chmod(member.external_attr >> 16)
    shutil.copy(root / "source" / "run_autograder", root)
    # Whichever Python it takes first, it is the one that the wheels are for.
    pythons = tmp_path / "pythons"
    pythons.mkdir()
    for name in ("python3.13", "python3.12", "python3.11", "python3"):
        (pythons / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
        (pythons / name).chmod(0o755)
    settings = {
        "PATH": f"{pythons}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "GRADKIT_AUTOGRADER": str(root),
        **offline(wheels),
        **HELD,
    }
    subprocess.run(["bash", root / "source" / "setup.sh"], cwd=root, env=settings, check=True)
    for submitted, score in ((REFERENCE / "regression_numpy.py", 20), (SWAPPED, POINTS)):
        shutil.copy(submitted, root / "submission" / "regression_numpy.py")
        subprocess.run([root / "run_autograder"], cwd=root, env=settings, check=True)
        data = json.loads((root / "results" / "results.json").read_text())
        assert data["score"] == score
        assert ({test["status"] for test in data["tests"]} == {"passed"}) == (score == 20)


def numpy_only(folder: Path) -> Path:
    """The assignment that comes with gradkit, without its torch tasks."""
    shutil.copytree(DEFAULT.parent, folder / "numpy_only")
    path = folder / "numpy_only" / DEFAULT.name
    head, *tasks = path.read_text(encoding="utf-8").split("[[tasks]]\n")
    kept = [task for task in tasks if 'framework = "numpy"' in task]
    path.write_text("[[tasks]]\n".join([head, *kept]), encoding="utf-8")
    return path
