"""The examples of docs/other-graders.md, run with the real graders.

.ci/graders.txt lists otter-grader, nbgrader and gradescope-utils; a test is skipped if its
package is not installed.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from other_graders.conftest import RIGHT, WRONG, example

pytestmark = pytest.mark.slow

FINDING = "Two indices are exchanged: W1[0,1], W1[1,0] are wrong"


def with_scripts(path: str) -> str:
    """Return a search path that begins with the scripts of this Python, which graders call."""
    return f"{Path(sys.executable).parent}:{path}"


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a module of Python in a folder, with nothing of this test's environment but PATH."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ}
    kept["PATH"] = with_scripts(kept["PATH"])
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=cwd,
        env={**kept, "HOME": str(cwd), "JUPYTER_PLATFORM_DIRS": "1", "COLUMNS": "200"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


@pytest.mark.parametrize(("code", "outcome"), [(RIGHT, {"passed": 5}), (WRONG, {"failed": 4})])
def test_pytest(code: str, outcome: dict[str, int], tmp_path: Path) -> None:
    """The failed tests of the wrong submission quote the finding; forward passes in both."""
    (tmp_path / "hw.py").write_text(code, encoding="utf-8")
    (tmp_path / "test_hw.py").write_text(example("pytest", "python"), encoding="utf-8")
    done = run("pytest", "-q", "-p", "no:cacheprovider", cwd=tmp_path)
    for word, count in outcome.items():
        assert f"{count} {word}" in done.stdout
    assert (FINDING in done.stdout) == (code == WRONG)
    assert done.returncode == (code == WRONG)


def notebook(*cells: object, path: Path) -> None:
    """Write a notebook."""
    made = nbformat.v4.new_notebook(cells=list(cells))
    made.metadata["kernelspec"] = {"name": "python3", "display_name": "", "language": "python"}
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(made, path)


@pytest.mark.parametrize(("code", "points"), [(RIGHT, 10), (WRONG, 4)])
def test_otter(code: str, points: int, tmp_path: Path) -> None:
    """The update of the wrong submission earns nothing, and its output quotes the finding."""
    pytest.importorskip(
        "otter", reason="otter-grader is not installed: pip install -r .ci/graders.txt"
    )
    (tmp_path / "tests").mkdir()
    test = example("otter-grader", "python")
    (tmp_path / "tests" / "q1.py").write_text(test, encoding="utf-8")
    notebook(nbformat.v4.new_code_cell(code), path=tmp_path / "hw.ipynb")
    for line in example("otter-grader", "sh").splitlines():
        done = run(*line.split(), cwd=tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
    results = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    earned = sum(test["score"] for test in results["tests"] if "score" in test)
    assert earned == points, results
    assert (FINDING in json.dumps(results)) == (code == WRONG)


@pytest.mark.parametrize(("code", "points"), [(RIGHT, 20.0), (WRONG, 15.5)])
def test_nbgrader(
    code: str, points: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cell gives the points of the report, and the feedback has the finding."""
    pytest.importorskip("nbgrader", reason="nbgrader is missing: pip install -r .ci/graders.txt")
    monkeypatch.setenv("PATH", with_scripts(os.environ["PATH"]))
    from nbgrader.api import Gradebook

    grade = {"grade": True, "solution": False, "locked": True, "schema_version": 3, "task": False}
    metadata = {"nbgrader": {**grade, "grade_id": "update", "points": 20, "cell_type": "code"}}
    cell = nbformat.v4.new_code_cell(example("nbgrader", "python"), metadata=metadata)
    given = nbformat.v4.new_code_cell("# Your functions.")
    notebook(given, cell, path=tmp_path / "source" / "hw" / "hw.ipynb")
    (tmp_path / "nbgrader_config.py").write_text(
        "c = get_config()\nc.CourseDirectory.course_id = 'course'\n", encoding="utf-8"
    )
    done = run("nbgrader", "generate_assignment", "hw", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    handed = nbformat.read(tmp_path / "release" / "hw" / "hw.ipynb", as_version=4)
    handed.cells[0].source = code
    folder = tmp_path / "submitted" / "ann" / "hw"
    folder.mkdir(parents=True)
    nbformat.write(handed, folder / "hw.ipynb")
    for command in ("autograde", "generate_feedback"):
        done = run("nbgrader", command, "hw", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    with Gradebook(f"sqlite:///{tmp_path}/gradebook.db") as book:
        assert book.find_submission("hw", "ann").score == points
    page = (tmp_path / "feedback" / "ann" / "hw" / "hw.html").read_text(encoding="utf-8")
    assert ("Two indices are exchanged" in page) == (code == WRONG)


@pytest.mark.parametrize(("code", "points"), [(RIGHT, 20.0), (WRONG, 15.5)])
def test_gradescope(code: str, points: float, tmp_path: Path) -> None:
    """In a clean folder, run_autograder writes results.json with the points and the finding."""
    pytest.importorskip(
        "gradescope_utils", reason="gradescope-utils is missing: pip install -r .ci/graders.txt"
    )
    for name in ("source", "submission", "results"):
        (tmp_path / name).mkdir()
    (tmp_path / "submission" / "hw.py").write_text(code, encoding="utf-8")
    texts = {
        "source/run_tests.py": example("Gradescope", "python"),
        "run_autograder": example("Gradescope", "bash"),
    }
    for name, text in texts.items():
        assert "/autograder/" in text
        moved = text.replace("/autograder/", f"{tmp_path}/")
        (tmp_path / name).write_text(moved, encoding="utf-8")
    done = subprocess.run(
        ["bash", "run_autograder"],
        cwd=tmp_path,
        env={"PATH": with_scripts(os.environ["PATH"]), "LANG": "C.UTF-8"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    results = json.loads((tmp_path / "results" / "results.json").read_text(encoding="utf-8"))
    (test,) = results["tests"]
    assert (test["score"], test["max_score"], results["score"]) == (points, 20, points)
    assert (FINDING in test["output"]) == (code == WRONG)
