"""The patterns of docs/problem-matcher.json find the places in real output; so does the hook."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from model_solutions import REFERENCE, ROOT

from gradkit.cli import main

pytestmark = [pytest.mark.sample(12), pytest.mark.usefixtures("warm")]

RIGHT = (REFERENCE / "regression_numpy.py").read_text("utf-8")
MATCHERS = json.loads((ROOT / "docs" / "problem-matcher.json").read_text("utf-8"))["problemMatcher"]
HOOKS = ROOT / ".pre-commit-hooks.yaml"


def problems(text: str) -> list[dict[str, str]]:
    """Return what all matchers find: each pattern matches one line, and the next the next line."""
    lines, found = text.split("\n"), []
    for matcher in MATCHERS:
        patterns = matcher["pattern"]
        for start in range(len(lines) - len(patterns) + 1):
            problem: dict[str, str] = {}
            for pattern, line in zip(patterns, lines[start:], strict=False):
                match = re.search(pattern["regexp"], line)
                if match is None:
                    break
                parts = {key: match[pattern[key]] for key in pattern if key != "regexp"}
                problem |= parts
            else:
                found.append(problem)
    return found


def check(source: str, *options: str) -> list[dict[str, str]]:
    """Return the problems that the matchers find in the report of a submission."""
    Path("hw").mkdir(exist_ok=True)
    Path("hw/a.py").write_text(source, "utf-8")
    arguments = ["check", "hw/a.py", "--no-reference", *options]
    return problems(CliRunner().invoke(main, arguments).stdout)


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def line_of(source: str, part: str) -> str:
    """Return the number of the line with a part of a source."""
    return str(source[: source.index(part)].count("\n") + 1)


def test_a_finding_is_a_problem() -> None:
    """With the sentence of the finding, in the line of the mistake."""
    wrong = RIGHT.replace("d_output = -2 * (y - y_hat)", "d_output = 2 * (y - y_hat)")
    (problem,) = check(wrong)
    assert problem["file"] == "hw/a.py"
    assert problem["line"] == line_of(wrong, "d_output = 2")
    assert int(problem["column"]) > 4
    assert problem["message"].endswith("direction: each step makes the loss larger.")


def test_a_crash_is_a_problem() -> None:
    """In the line that crashes; with Python's own sentence where the level shows no line."""
    crash = "    while True:\n        while True:\n            raise ValueError(3)\n"
    wrong = RIGHT.replace("    d_output =", f"{crash}    d_output =")
    found = {problem["message"]: problem for problem in check(wrong, "--hints", "2")}
    problem = found["`update_parameters` stopped with ValueError: 3."]
    assert (problem["file"], problem["line"]) == ("hw/a.py", line_of(wrong, "raise ValueError(3)"))
    assert problem["column"] == "13"
    assert [(each["line"], each["column"]) for each in check(wrong)] == [(problem["line"], "13")]


def test_a_right_submission_has_no_problem() -> None:
    """The patterns match nothing of a report without mistakes."""
    assert check(RIGHT) == []


def test_the_task_for_vs_code_has_the_same_patterns() -> None:
    """The two files in docs/ have the same patterns."""
    (task,) = json.loads((ROOT / "docs" / "vscode-tasks.json").read_text("utf-8"))["tasks"]
    assert [m["pattern"] for m in task["problemMatcher"]] == [m["pattern"] for m in MATCHERS]


def test_the_hook_is_one_that_pre_commit_reads() -> None:
    """The manifest is valid, and the command fails for a wrong file alone."""
    clientlib: Any = pytest.importorskip("pre_commit.clientlib")
    (hook,) = clientlib.load_manifest(str(HOOKS))
    assert hook["id"] == "gradkit-check"
    (written,) = yaml.safe_load(HOOKS.read_text("utf-8"))
    program, *arguments = shlex.split(written["entry"])
    assert program == "gradkit"
    Path("right.py").write_text(RIGHT, "utf-8")
    Path("wrong.py").write_text(RIGHT.replace("-2 * (y", "2 * (y"), "utf-8")
    codes = [
        CliRunner().invoke(main, [*arguments, name]).exit_code for name in ("right.py", "wrong.py")
    ]
    assert codes == [0, 1]
