"""The project's own workflows: pinned actions, few permissions, and all jobs that are promised."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from soak import TURNS

yaml = pytest.importorskip("yaml")

ROOT = Path(__file__).resolve().parents[2]
TEXTS = {
    name: (ROOT / ".github" / "workflows" / name).read_text(encoding="utf-8")
    for name in ("ci.yml", "release.yml", "soaks.yml")
}
PORTABLE = (ROOT / ".ci" / "portable.txt").read_text(encoding="utf-8").split()
LINUX_ALONE = ("tests/hostile", "tests/sandbox", "tests/classroom", "tests/house")
"""What needs the sandbox, signals or a shell."""


def jobs(name: str = "ci.yml") -> dict:
    """Return the jobs of a workflow by their names."""
    return yaml.safe_load(TEXTS[name])["jobs"]


@pytest.mark.slow
@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize(
    ("command", "right", "wrong"),
    [
        (
            ["check-jsonschema", "--builtin-schema", "vendor.github-workflows"],
            "contents: read",
            "contents: 7",
        ),
        (
            ["zizmor", "--offline", "--no-progress", "--persona", "pedantic"],
            "persist-credentials: false",
            "fetch-depth: 1",
        ),
    ],
    ids=["schema", "zizmor"],
)
def test_linters_accept_the_workflow(
    tmp_path: Path, name: str, command: list[str], right: str, wrong: str
) -> None:
    """GitHub's schema and a security linter accept it, and both find a planted fault."""
    program = shutil.which(command[0], path=Path(sys.executable).parent)
    assert program, f"{command[0]} comes with the extra dev"

    def outcome(text: str) -> int:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        done = subprocess.run([program, *command[1:], path], capture_output=True, check=False)
        return done.returncode

    assert outcome(TEXTS[name]) == 0
    assert outcome(TEXTS[name].replace(right, wrong)) != 0


@pytest.mark.parametrize("name", TEXTS)
def test_actions_are_pinned(name: str) -> None:
    """Each action has a commit and its version; only a workflow of the same commit has a path."""
    uses = re.findall(r"uses: (.*)", TEXTS[name])
    pinned = [each for each in uses if not each.startswith("./.github/workflows/")]
    assert pinned
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v[\d.]+", each) for each in pinned)


def test_permissions_are_few() -> None:
    """CI only reads. A release has no secret, and only publishing may ask for an identity."""
    assert yaml.safe_load(TEXTS["ci.yml"])["permissions"] == {"contents": "read"}
    assert yaml.safe_load(TEXTS["release.yml"])["permissions"] == {}
    granted = {name: job["permissions"] for name, job in jobs("release.yml").items()}
    assert granted == {
        "test": {"contents": "read"},
        "build": {"contents": "read"},
        "publish": {"id-token": "write"},
    }
    assert not [name for name, text in TEXTS.items() if "secrets." in text]


def test_a_release_is_published_from_a_version_tag_alone() -> None:
    """Tests and checked packages come first, and the environment can ask a person."""
    release = yaml.safe_load(TEXTS["release.yml"])
    # YAML 1.1 reads the key `on` as true.
    assert release[True] == {"push": {"tags": ["v[0-9]+.[0-9]+.[0-9]+"]}}
    publish = release["jobs"]["publish"]
    assert publish["needs"] == ["test", "build"]
    assert publish["environment"]["name"] == "pypi"
    assert [step["uses"].partition("@")[0] for step in publish["steps"]] == [
        "actions/download-artifact",
        "pypa/gh-action-pypi-publish",
    ]
    commands = "\n".join(step.get("run", "") for step in release["jobs"]["build"]["steps"])
    assert "twine check --strict dist/*" in commands
    assert 'test -e "dist/gradkit-${GITHUB_REF_NAME#v}.tar.gz"' in commands
    assert "workflow_call" in yaml.safe_load(TEXTS["ci.yml"])[True]


def test_it_runs_all_on_each_python_that_is_promised() -> None:
    """Those of pyproject.toml, and .ci/run on each."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    said = re.findall(r"Python :: (3\.\d+)", " ".join(project["classifiers"]))
    linux = jobs()["linux"]
    assert linux["strategy"]["matrix"]["python"] == said
    assert said[0] == project["requires-python"].removeprefix(">=")
    assert ".ci/run" in [step.get("run") for step in linux["steps"]]
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o100
    assert "3.14" in said


def test_it_tests_the_lowest_versions() -> None:
    """With the oldest Python that pyproject.toml allows, by the command that developers use."""
    steps = jobs()["lowest"]["steps"]
    assert ".ci/lowest" in [step.get("run") for step in steps]
    assert {"python-version": "3.11"} in [step.get("with") for step in steps]
    assert (ROOT / ".ci" / "lowest").stat().st_mode & 0o100


def test_each_run_builds_the_packages() -> None:
    """`.ci/run` builds both packages and checks that an index can show their description."""
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert ".venv/bin/python -P -m build " in script
    assert ".venv/bin/twine check --strict " in script


def test_elsewhere_it_runs_what_is_portable() -> None:
    """Folders and files that are there; nothing of what Linux alone has."""
    elsewhere = jobs()["elsewhere"]
    assert elsewhere["strategy"]["matrix"]["system"] == ["macos-15", "windows-2025"]
    assert 'pytest -n auto "@.ci/portable.txt"' in [step.get("run") for step in elsewhere["steps"]]
    assert len(PORTABLE) > 10
    assert [path for path in PORTABLE if not (ROOT / path).exists()] == []
    assert [path for path in PORTABLE if path.startswith(LINUX_ALONE)] == []


def test_all_sampled_slow_tests_run_every_week() -> None:
    """Each commit runs a part of them, and the weekly workflow has a job for each."""
    turns = jobs("soaks.yml")["sampled"]["strategy"]["matrix"]["turn"]
    assert turns == list(range(TURNS))
    assert yaml.safe_load(TEXTS["soaks.yml"])[True]["schedule"]
