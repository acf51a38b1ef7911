"""The project's own workflow: pinned, least privileges, and it runs what the project promises."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

yaml = pytest.importorskip("yaml")

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / ".github" / "workflows" / "ci.yml"
TEXT = FILE.read_text(encoding="utf-8")
PORTABLE = (ROOT / ".ci" / "portable.txt").read_text(encoding="utf-8").split()
LINUX_ALONE = ("tests/hostile", "tests/sandbox", "tests/classroom", "tests/house")
"""What needs the sandbox, signals or a shell."""


def jobs() -> dict:
    """By name."""
    return yaml.safe_load(TEXT)["jobs"]


@pytest.mark.parametrize(
    ("command", "wrong"),
    [
        (["check-jsonschema", "--builtin-schema", "vendor.github-workflows"], "contents: 7"),
        (["zizmor", "--offline", "--no-progress", "--persona", "pedantic"], "contents: write"),
    ],
    ids=["schema", "zizmor"],
)
def test_others_find_nothing_wrong(tmp_path: Path, command: list[str], wrong: str) -> None:
    """GitHub's schema for workflows, and a linter for their security; either sees a fault."""
    program = shutil.which(command[0], path=Path(sys.executable).parent)
    assert program, f"{command[0]} comes with the extra dev"

    def outcome(text: str) -> int:
        path = tmp_path / "ci.yml"
        path.write_text(text, encoding="utf-8")
        done = subprocess.run([program, *command[1:], path], capture_output=True, check=False)
        return done.returncode

    assert outcome(TEXT) == 0
    assert outcome(TEXT.replace("contents: read", wrong)) != 0


def test_actions_are_pinned_and_little_is_permitted() -> None:
    """By commit, with the version beside it; the repository may be read, and no more."""
    uses = re.findall(r"uses: (.*)", TEXT)
    assert uses
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v[\d.]+", each) for each in uses)
    assert yaml.safe_load(TEXT)["permissions"] == {"contents": "read"}
    assert "secrets." not in TEXT


def test_it_runs_all_on_each_python_that_is_promised() -> None:
    """Those of pyproject.toml, and .ci/run on each."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    said = re.findall(r"Python :: (3\.\d+)", " ".join(project["classifiers"]))
    linux = jobs()["linux"]
    assert linux["strategy"]["matrix"]["python"] == said
    assert said[0] == project["requires-python"].removeprefix(">=")
    assert ".ci/run" in [step.get("run") for step in linux["steps"]]
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o100


def test_elsewhere_it_runs_what_is_portable() -> None:
    """Folders and files that are there; nothing of what Linux alone has."""
    elsewhere = jobs()["elsewhere"]
    assert elsewhere["strategy"]["matrix"]["system"] == ["macos-15", "windows-2025"]
    assert 'pytest -n auto "@.ci/portable.txt"' in [step.get("run") for step in elsewhere["steps"]]
    assert len(PORTABLE) > 10
    assert [path for path in PORTABLE if not (ROOT / path).exists()] == []
    assert [path for path in PORTABLE if path.startswith(LINUX_ALONE)] == []
