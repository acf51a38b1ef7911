"""The workflows of the template: pinned, keyless, and their commands are real."""

import re
import shlex

import pytest

import gradkit
from gradkit.authoring.new.write import instructor_files, student_files
from gradkit.cli.check import check_command
from gradkit.report import FORMATS

yaml = pytest.importorskip("yaml")

GITHUB, GITLAB = ".github/workflows/gradkit.yml", ".gitlab-ci.yml"


def steps(text: str) -> list[dict]:
    """The steps of the one job."""
    (job,) = yaml.safe_load(text)["jobs"].values()
    return job["steps"]


def unpinned(text: str) -> list[str]:
    """Actions that are not named by a commit, with its version beside it."""
    uses = re.findall(r"uses: (.*)", text)
    assert uses
    return [
        each for each in uses if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v[\d.]+", each)
    ]


def test_actions_are_pinned() -> None:
    """By commit; a tag would be seen."""
    text = student_files()[GITHUB]
    assert unpinned(text) == []
    assert unpinned("uses: actions/checkout@v4") == ["actions/checkout@v4"]


def test_nothing_is_permitted_that_is_not_needed() -> None:
    """The repository may be read; there are no secrets, and no key."""
    text = student_files()[GITHUB]
    assert yaml.safe_load(text)["permissions"] == {"contents": "read"}
    for name in (GITHUB, GITLAB):
        content = student_files()[name]
        assert "secrets." not in content
        assert "--reference" not in content
        assert f"pip install ./gradkit-{gradkit.__version__}-py3-none-any.whl" in content
    assert "--no-reference" in text


def test_the_result_reaches_the_reporter() -> None:
    """The environment's name is made of the step's id, and the job goes on to report."""
    checked, reported = steps(student_files()[GITHUB])[-2:]
    assert checked["continue-on-error"] is True
    assert reported["with"]["runners"] == checked["id"]
    name, value = next(iter(reported["env"].items()))
    assert name == f"{checked['id'].upper()}_RESULTS"
    assert value == f"${{{{ steps.{checked['id']}.outputs.result }}}}"


@pytest.mark.parametrize("own", [False, True])
def test_commands_are_real(own: bool) -> None:
    """Each option of the check is one that the command has; an own assignment is named."""
    files = instructor_files(3) if own else student_files()
    text = files[f"template/{GITHUB}" if own else GITHUB]
    line = shlex.split(steps(text)[-2]["run"])
    assert line[:3] == ["gradkit", "check", "."]
    known = {option for parameter in check_command.params for option in parameter.opts}
    assert {word for word in line if word.startswith("--")} <= known
    assert ("--assignment" in line) == own
    if own:
        assert f"template/{line[line.index('--assignment') + 1]}" in files


@pytest.mark.skipif("github" not in FORMATS, reason="the format comes with another change")
def test_the_format_is_one_of_ours() -> None:
    """The word behind ``--format``."""
    line = shlex.split(steps(student_files()[GITHUB])[-2]["run"])
    assert line[line.index("--format") + 1] in FORMATS


def test_gitlab_shows_each_check_as_a_test() -> None:
    """There pytest finds the folder by the ini file, and leaves what GitLab reads."""
    job = yaml.safe_load(student_files()[GITLAB])["gradkit"]
    assert job["artifacts"]["reports"]["junit"] == "gradkit.xml"
    assert job["artifacts"]["when"] == "always"
    assert job["script"][-1] == "pytest --junitxml=gradkit.xml"
    assert "addopts = --gradkit ." in student_files()["pytest.ini"]
    assert re.fullmatch(r"python:3\.12\.\d+-slim-\w+", job["image"])
