"""A student's machine: one command installs, another checks; in Colab nothing else changes."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
COLAB = ROOT / "tests" / "house" / "colab.txt"
VERSIONS = ("3.14", "3.13", "3.12", "3.11")
"""Supported versions of Python, the newest first."""

CHECK = """
import importlib.util, os, shutil, sys
assert importlib.util.find_spec("torch") is None
assert shutil.which("git") is None
import gradkit
exec(open("regression_numpy.py").read().partition("if __name__")[0])
report = gradkit.check(task="regression-numpy")
assert report.passed, report
"""

CELLS = """
import sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
for cell in (open(sys.argv[1]).read().partition("if __name__")[0], "%load_ext gradkit"):
    shell.run_cell(cell, store_history=True).raise_error()
done = shell.run_cell("%gradkit regression-numpy", store_history=True)
done.raise_error()
assert done.result.passed, done.result
assert "data:image/svg+xml" in done.result._repr_html_()
print("told", done.result.score)
"""


def interpreters(version: str) -> Iterator[str]:
    """Where a Python of that version may be: on the path, or among pyenv's."""
    found = shutil.which(f"python{version}")
    yield from [found] if found else []
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    yield from map(str, sorted(root.glob(f"versions/{version}.*/bin/python{version}")))


def python(*versions: str) -> str:
    """Return a working interpreter of the first version that is installed, or skip the test."""
    for path in chain.from_iterable(map(interpreters, versions)):
        done = subprocess.run(
            [path, "-c", "import ensurepip, venv"], capture_output=True, check=False
        )
        if done.returncode == 0:
            return path
    pytest.skip(f"Python {' or '.join(versions)} is not installed")


def environment(folder: Path, *versions: str) -> Path:
    """Create an empty virtual environment, and return the folder of its commands."""
    subprocess.run([python(*versions), "-m", "venv", folder], check=True)
    return folder / "bin"


def run(command: list[object], cwd: Path, path: Path) -> subprocess.CompletedProcess[str]:
    """Run a command that finds nothing but what is in ``path``."""
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={"PATH": str(path), "HOME": str(cwd), "IPYTHONDIR": str(cwd / "ipython")},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


@pytest.mark.skipif(os.name != "posix", reason="commands lie elsewhere")
def test_install_and_check(wheel: Path, tmp_path: Path) -> None:
    """From an empty environment to full marks, without torch, git and checkout.

    `test_wheel.py` installs for the Python that runs the tests, so this test takes another one.
    """
    running = ".".join(map(str, sys.version_info[:2]))
    others = [version for version in VERSIONS if version != running]
    commands = environment(tmp_path / "environment", *others)
    subprocess.run([commands / "pip", "install", "--quiet", str(wheel)], check=True)
    done = run([commands / "gradkit", "new", "hw"], tmp_path, commands)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "hw"
    done = run([commands / "gradkit", "check", "regression_numpy.py"], folder, commands)
    assert done.returncode == 1
    assert "is not written yet" in done.stdout
    for problem in ("regression", "classification"):
        name = f"{problem}_numpy.py"
        shutil.copy(ROOT / "reference" / name, folder / name)
        done = run([commands / "gradkit", "check", name, "--format", "json"], folder, commands)
        assert done.returncode == 0, done.stdout + done.stderr
        assert json.loads(done.stdout)["score"] == 20
    done = run([commands / "python", "-c", CHECK], folder, commands)
    assert done.returncode == 0, done.stderr


def frozen(commands: Path) -> dict[str, str]:
    """What is installed, by name."""
    listed = subprocess.run(
        [commands / "pip", "list", "--format", "json"], capture_output=True, check=True
    ).stdout
    return {re.sub(r"[-_.]+", "-", p["name"]).lower(): p["version"] for p in json.loads(listed)}


def test_colab_keeps_what_it_has(wheel: Path, tmp_path: Path) -> None:
    """With Colab's versions installed, gradkit adds itself and msgspec, and works there."""
    commands = environment(tmp_path / "environment", "3.13")
    pip = [commands / "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--requirement", COLAB, "setuptools"], check=True)
    before = frozen(commands)
    subprocess.run([*pip, str(wheel)], check=True)
    after = frozen(commands)
    assert {name: after.get(name) for name in before} == before
    assert set(after) - set(before) == {"gradkit", "msgspec"}
    solved = ROOT / "reference" / "regression_numpy.py"
    done = run([commands / "python", "-c", CELLS, solved], tmp_path, commands)
    assert "told 20" in done.stdout, done.stdout + done.stderr


def test_a_changed_version_would_be_seen(tmp_path: Path) -> None:
    """The pins are real versions of all that gradkit asks for."""
    pinned = {line.partition("==")[0].lower() for line in COLAB.read_text().split("\n")}
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    asked = re.findall(r'"([\w-]+)>=', text.partition("dependencies = [")[2].partition("]")[0])
    assert "numpy" in asked
    assert set(asked) - pinned == {"msgspec"}
