"""The README's commands for a fresh clone, and ``.ci/run``, which runs them."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import tomllib
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PINS = (ROOT / ".ci" / "constraints.txt").read_text(encoding="utf-8")


def script(name: str) -> ModuleType:
    """A module of ``.ci``, which is no package."""
    spec = importlib.util.spec_from_file_location(name, ROOT / ".ci" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_there_are_two_commands() -> None:
    """The first grades the sample class, the second runs the tests, each in an empty clone."""
    first, second = script("readme").commands(README)
    for command in (first, second):
        assert command.startswith("python3 -m venv .venv && .venv/bin/pip install -qq -e '.[all")
    grade = ".venv/bin/gradkit grade tests/sample_class --out results"
    assert first.endswith(f" && {grade} && .venv/bin/gradkit feedback results")
    assert second.endswith(" && .venv/bin/pytest -n auto")
    assert "/results/" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert script("readme").commands(
        "```\npython3 -m venv a\n```\n\n```sh\npython3 -m venv b\n```"
    ) == ["python3 -m venv a"]


# --- .ci/run -----------------------------------------------------------------------------


def ran(folder: Path, first: str, second: str) -> subprocess.CompletedProcess[str]:
    """Run ``.ci/run`` in a repository of its own, whose README has these commands."""
    shutil.copytree(ROOT / ".ci", folder / ".ci", ignore=shutil.ignore_patterns("__pycache__"))
    blocks = "\n\n".join(
        f"```\npython3 -m venv .venv --without-pip && {c}\n```" for c in (first, second)
    )
    (folder / "README.md").write_text(f"{blocks}\n")
    (folder / "kept").write_text("")
    identity = ("-c", "user.name=a", "-c", "user.email=a@b")
    for command in (["init", "-q"], ["add", "."], [*identity, "commit", "-qm", "all"]):
        subprocess.run(["git", *command], cwd=folder, check=True)
    (folder / "loose").write_text("")
    kept = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    return subprocess.run(
        ["bash", folder / ".ci" / "run"],
        cwd="/",
        env={**kept, "TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


posix = pytest.mark.skipif(os.name != "posix", reason="it is a script for a shell")
CLONE = "test -e kept && test ! -e loose && test -x .venv/bin/python"


@posix
def test_ci_runs_both_in_a_fresh_clone(tmp_path: Path) -> None:
    """Of what is committed; then come its own steps, of which there is no linter here."""
    done = ran(tmp_path, CLONE, f"{CLONE} && echo the second ran")
    assert "the second ran\n\n== linter" in done.stdout
    assert ".venv/bin/ruff: No such file" in done.stderr
    assert done.stderr.startswith("Not committed, so not checked:\n?? loose\n")
    assert done.returncode != 0


@posix
@pytest.mark.parametrize(
    ("first", "code", "lines"),
    [("echo because of this; exit 2", 2, 1), ("echo because of this; seq 40", 0, 41)],
)
def test_ci_fails_where_the_first_does(tmp_path: Path, first: str, code: int, lines: int) -> None:
    """Another exit code than 0, or more than 40 lines, fails the run."""
    done = ran(tmp_path, first, "echo the second ran")
    assert done.returncode == 1
    assert done.stderr.endswith(
        f"It ended with exit code {code} and printed {lines} lines.\n"
        "It should end with 0 and print at most 40 lines.\n"
    )
    assert "\nbecause of this\n" in done.stdout
    assert "the second command" not in done.stdout


@posix
def test_ci_runs_the_second_with_interrupts_ignored(tmp_path: Path) -> None:
    """Tests have to pass in a background job, which inherits an ignored SIGINT."""
    done = ran(tmp_path, "seq 40", "kill -INT $$ && echo the second ran")
    assert "the second ran\n\n== linter" in done.stdout


@posix
def test_ci_fails_where_the_second_does(tmp_path: Path) -> None:
    """Nothing follows."""
    done = ran(tmp_path, "true", "exit 7")
    assert done.returncode == 7
    assert "== linter" not in done.stdout


@posix
def test_ci_notices_a_command_that_is_gone(tmp_path: Path) -> None:
    """A README of other blocks is not passed over."""
    done = ran(tmp_path, "true\n```\n\n```\npython3 -m venv more", "true")
    assert done.returncode == 1
    assert "README.md has 3 commands for a fresh clone, and should have 2." in done.stderr


# --- packages ----------------------------------------------------------------------------


def asked(lines: list[str]) -> dict[str, Requirement]:
    """Requirements by name."""
    return {wanted.name: wanted for wanted in map(Requirement, lines)}


def test_installing_gradkit_installs_pytest() -> None:
    """As the page says: it is no extra."""
    page = (ROOT / "docs" / "tests.md").read_text(encoding="utf-8")
    assert page.startswith("# For test authors\n\ngradkit is a pytest plugin.")
    assert asked(PROJECT["dependencies"])["pytest"].marker is None
    extras = PROJECT["optional-dependencies"].values()
    assert not [lines for lines in extras if "pytest" in asked(lines)]


def test_what_ci_ran_is_written_down() -> None:
    """Every package that gradkit asks for, in a version that it takes, and no machine's own."""
    pinned = {line.partition("==")[0]: line.partition("==")[2] for line in PINS.splitlines()[2:]}
    normal = script("constraints").normal
    extras = PROJECT["optional-dependencies"]
    lines = [*PROJECT["dependencies"], *(line for each in extras.values() for line in each)]
    for name, wanted in asked(lines).items():
        if name != "gradkit":
            assert wanted.specifier.contains(pinned[normal(name)]), name
    assert {"pluggy", "sympy"} <= pinned.keys()  # asked for by those
    assert all(re.fullmatch(r"[\w.]+", number) for number in pinned.values())


def test_versions_are_those_installed() -> None:
    """Extras are followed, markers are heeded, and a build of torch's is left out."""
    module = script("constraints")
    found = module.needed("gradkit", ["torch"])
    assert "sympy" in found or "torch" not in found
    assert {"numpy", "pytest", "pluggy"} <= found.keys()
    assert not {"gradkit", "ruff", "hypothesis", "colorama"} & found.keys()
    assert f"numpy=={version('numpy')}\n" in module.text(found)
    assert "+" not in module.text(found)
