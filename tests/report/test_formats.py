"""``gradkit check --format``: what each platform gets from the command line, and what not."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner, Result
from model_solutions import REFERENCE, ROOT
from platforms import read, reported, strict

from gradkit.cli import main
from gradkit.cli.output import SUMMARY_BYTES, leave
from gradkit.report import FORMATS, refusal
from gradkit.task.assignment import DEFAULT

pytestmark = [pytest.mark.sample(36), pytest.mark.usefixtures("warm")]

CLASS = ROOT / "tests" / "sample_class"
RIGHT = REFERENCE / "regression_numpy.py"
WRONG = CLASS / "chen_regression_swapped_index.py"
OTHER = CLASS / "noor_another_exercise.py"
STUDENTS = sorted(word for word, each in FORMATS.items() if each.for_students)
MACHINES = sorted(
    {word for word, each in FORMATS.items() if not each.for_people} - {"json", "html"}
)
SINGLE = sorted(word for word, each in FORMATS.items() if not each.several)
EXPECTED = "should move by  +0.002 · (y−y_hat) · W2[1] · X[0]"
"""What only level 4 shows of the wrong submission."""

IN_A_PAGE = "should move by"
"""The same in a page, where the formula stands in a cell of its own."""


@pytest.fixture(autouse=True)
def _no_actions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the tests themselves run in GitHub Actions, they leave nothing there."""
    for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT"):
        monkeypatch.delenv(name, raising=False)


def gradkit(*arguments: object) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def hidden(tmp_path: Path) -> Path:
    """The assignment that comes with gradkit, with the update not shown to students."""
    folder = tmp_path / "assignment"
    shutil.copytree(DEFAULT.parent, folder)
    path = folder / DEFAULT.name
    text = path.read_text(encoding="utf-8")
    said = 'visibility = { update = "after_due_date" }'
    path.write_text(text.replace('visibility = "visible"', said, 1), encoding="utf-8")
    return path


@pytest.mark.parametrize("format_", STUDENTS)
def test_students_see_the_assignments_level(format_: str) -> None:
    """Though model solutions are at hand; who runs the command may ask for another."""
    done = gradkit("check", WRONG, "--format", format_, "--seed", 1)
    assert (done.exit_code, done.stderr) == (1, "")
    assert "‹W2[0]›" in read(format_, done.stdout)
    expected = IN_A_PAGE if format_ == "html" else EXPECTED
    assert expected not in read(format_, done.stdout)
    asked = gradkit("check", WRONG, "--format", format_, "--seed", 1, "--hints", 4)
    assert expected in read(format_, asked.stdout)


def test_whoever_runs_the_command_sees_everything() -> None:
    """JSON has expected formulas with model solutions at hand, and text has them if asked."""
    assert EXPECTED in gradkit("check", WRONG, "--seed", 1, "--hints", 4).stdout
    assert '"should"' in gradkit("check", WRONG, "--seed", 1, "--format", "json").stdout


@pytest.mark.parametrize("format_", FORMATS)
def test_visibility_holds_in_every_channel(hidden: Path, format_: str) -> None:
    """What the update found is in none of them; its points are, and the total is the same."""
    asked = ("check", WRONG, "--format", format_, "--seed", 1, "--assignment", hidden)
    done = gradkit(*asked, "--reference", REFERENCE)
    keyless = gradkit(*asked)
    assert done.exit_code == keyless.exit_code == 1
    assert "15.5" in done.stdout or format_ in ("github-classroom", "sarif")
    if format_ == "gradescope":
        words = {
            test["name"].split()[-1]: test["visibility"] for test in strict(done.stdout)["tests"]
        }
        assert words == {
            **dict.fromkeys(("interface", "forward", "gradient", "trajectory"), "visible"),
            "update": "after_due_date",
        }
        seen = [t["output"] for t in strict(done.stdout)["tests"] if t["visibility"] == "visible"]
        assert "swapped-index" not in " ".join(seen)
        return
    assert "swapped-index" not in read(format_, keyless.stdout).replace(WRONG.stem, "")
    told = read(format_, done.stdout).replace("chen_regression_swapped_index", "")
    assert ("swapped-index" in told) == (format_ not in STUDENTS)
    assert ("Two indices are exchanged: W1[0,1]" in told) == (format_ not in STUDENTS)


@pytest.mark.parametrize("format_", SINGLE)
def test_a_platform_that_asks_about_one_gets_one(format_: str) -> None:
    """Several are refused before any is graded."""
    done = gradkit("check", RIGHT, WRONG, "--format", format_)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == (
        f"gradkit: --format {format_} takes one submission, but 2 were given. Run gradkit once "
        "for each, or use --format json.\n"
    )


@pytest.mark.parametrize("format_", STUDENTS)
def test_a_platform_is_told_why_nothing_could_be_graded(format_: str) -> None:
    """In its own format on standard output; on standard error as ever."""
    done = gradkit("check", OTHER, "--format", format_)
    assert done.exit_code == 2
    assert done.stderr.startswith("gradkit: noor_another_exercise: This looks like another ")
    if format_ == "gradescope":
        data = strict(done.stdout)
        assert (data["score"], data["tests"]) == (0, [])
        assert "another exercise" in data["output"]
    elif format_ == "github":
        assert done.stdout.startswith("::error title=not graded::noor_another_exercise: This looks")
    else:
        assert "another exercise" in read(format_, done.stdout)


def test_a_format_without_refusals_writes_none() -> None:
    """JSON of one path that cannot be graded is empty, as it has been."""
    assert refusal("json", ["hw.py: cannot be read"]) == ""
    assert gradkit("check", OTHER, "--format", "json").stdout == ""


def test_several_paths_in_formats_with_room() -> None:
    """What cannot be graded is named on standard error, the others are all there."""
    done = gradkit("check", RIGHT, OTHER, WRONG, "--format", "junit")
    assert done.exit_code == 2
    assert [suite.get("name") for suite in ET.fromstring(done.stdout)] == [
        "regression_numpy.regression-numpy",
        "chen_regression_swapped_index.regression-numpy",
    ]
    done = gradkit("check", RIGHT, WRONG, "--format", "markdown")
    assert "| `chen_regression_swapped_index` | 15.5 / 20 |" in done.stdout
    assert gradkit("check", RIGHT, "--format", "markdown").exit_code == 0


def test_github_leaves_summary_and_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Appended to the files that the step names; the marks are those of the log."""
    summary, output = tmp_path / "summary.md", tmp_path / "output"
    summary.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    monkeypatch.setenv("GITHUB_OUTPUT", str(output))
    done = gradkit("check", WRONG, "--format", "github", "--seed", 1)
    assert done.exit_code == 1
    assert "  15.5 / 20 ─" in done.stdout
    assert re.search(
        r"^::error file=\S*sample_class/chen\S*\.py,line=31,col=\d+,endColumn=\d+,"
        r"title=regression-numpy%3A update::",
        done.stdout,
        re.MULTILINE,
    )
    text = summary.read_text(encoding="utf-8")
    assert text.startswith("before\n## `chen_regression_swapped_index` 15.5 / 20\n")
    assert EXPECTED not in text
    scores = [test["score"] for test in reported(output.read_text())["tests"]]
    assert sum(scores) == pytest.approx(15.5)
    assert done.stdout == gradkit("check", WRONG, "--format", "github", "--seed", 1).stdout


def test_github_leaves_no_result_of_several(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A result is of one submission; the summary has them all, and who could not be graded."""
    summary, output = tmp_path / "summary.md", tmp_path / "output"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    monkeypatch.setenv("GITHUB_OUTPUT", str(output))
    gradkit("check", RIGHT, WRONG, OTHER, "--format", "github")
    assert not output.exists()
    text = summary.read_text(encoding="utf-8")
    assert text.count("\n### `") == 2
    assert "noor_another_exercise: This looks like another exercise" in text
    gradkit("check", OTHER, "--format", "github")
    assert reported(output.read_text())["status"] == "error"


def test_no_more_is_left_than_a_summary_takes(tmp_path: Path) -> None:
    """What the step has written before counts; nothing is cut that is there."""
    from results import result

    summary = tmp_path / "summary.md"
    summary.write_text("x" * (SUMMARY_BYTES - 200))
    leave([result(), result()], [], 3, {"GITHUB_STEP_SUMMARY": str(summary)})
    text = summary.read_text(encoding="utf-8")
    assert len(text.encode()) <= SUMMARY_BYTES
    assert text.endswith("x\n2 more are left out: the platform takes no more text.\n")
    other = tmp_path / "other.md"
    leave([], ["why " * 400] * 2000, 3, {"GITHUB_STEP_SUMMARY": str(other)})
    assert other.read_text() == "2000 could not be graded: the log says why.\n"


def test_a_file_of_the_step_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit 2, with its name; the log is printed all the same."""
    path = tmp_path / "none" / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(path))
    done = gradkit("check", RIGHT, "--format", "github")
    assert done.exit_code == 2
    assert done.stderr == f"gradkit: {path}: cannot be written (No such file or directory).\n"
    assert "20 / 20" in done.stdout


@pytest.mark.parametrize("format_", STUDENTS)
def test_output_goes_to_a_file(tmp_path: Path, format_: str) -> None:
    """In UTF-8, and to nowhere else."""
    target = tmp_path / "marks"
    done = gradkit("check", RIGHT, "--format", format_, "--out", target, "--seed", 1)
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "")
    assert (
        target.read_bytes().decode()
        == gradkit("check", RIGHT, "--format", format_, "--seed", 1).stdout
    )


CODE_PAGES = {
    "cp1252": ("cp1252", {"PYTHONIOENCODING": "cp1252:strict"}),
    "C": ("ascii", {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "C"}),
    "C in UTF-8 mode": ("utf-8", {"LC_ALL": "C"}),
}
"""An encoding, and an environment in which standard output has it."""


@pytest.mark.slow
@pytest.mark.rotate(8)
@pytest.mark.sample(27)
@pytest.mark.skipif(sys.platform == "win32", reason="locales are named otherwise")
@pytest.mark.parametrize("page", CODE_PAGES)
@pytest.mark.parametrize("format_", ["text", "markdown", "github"])
def test_no_code_page_makes_it_fail_or_garble(tmp_path: Path, format_: str, page: str) -> None:
    """Redirected, it decodes in that code page, and every sign of gradkit's own has a spelling.

    What stands for a letter that is lost is a question mark, and there is one for each of the
    student's own letters alone.
    """
    encoding, environment = CODE_PAGES[page]
    path = tmp_path / "hw_李_regression.py"
    shutil.copy(WRONG, path)
    kept = {key: os.environ[key] for key in ("PATH", "HOME", "SYSTEMROOT") if key in os.environ}
    done = subprocess.run(
        [
            *(sys.executable, "-m", "gradkit", "check", path, "--no-reference"),
            *("--format", format_, "--hints", "3"),
        ],
        env={**kept, **environment, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, b"")
    text = done.stdout.decode(encoding)
    assert "\ufffd" not in text
    # Python cannot read the name in ASCII, so that its letter is not even replaced.
    name = {"utf-8": "hw_李_regression", "ascii": "hw__regression"}.get(encoding, "hw_?_regression")
    assert name in text
    assert "?" not in text.replace(name, "")
    formula = "+0.002 · (y−y_hat) · ‹W2[0]› · ‹X[1]›"
    spelled = {
        "ascii": "+0.002 * (y-y_hat) * <W2[0]> * <X[1]>",
        "utf-8": formula,
        "cp1252": "+0.002 · (y-y_hat) · ‹W2[0]› · ‹X[1]›",
    }
    assert spelled[encoding] in text


@pytest.mark.parametrize("format_", MACHINES)
def test_what_machines_read_is_ascii(format_: str) -> None:
    """No code page can spoil it, whatever the submission holds. A page says that it is UTF-8."""
    assert gradkit("check", WRONG, "--format", format_, "--seed", 1).stdout.isascii()


def test_formats_for_whoever_runs_the_command_refuse_on_standard_error_alone() -> None:
    """All that students or platforms read say in their own form why nothing could be graded."""
    assert [word for word, each in FORMATS.items() if not each.refuses] == ["text", "json"]
    assert sorted({*FORMATS} - {*STUDENTS}) == ["json", "text"]
    assert SINGLE == ["github-classroom", "gradescope"]
