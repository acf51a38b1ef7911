"""The format on the command line: a page in a file, or a sentence that says what to install."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from click.testing import CliRunner
from report.html.samples import HOSTILE, Elements

from gradkit import report
from gradkit.cli import main
from gradkit.report.html.page import refusal

pytestmark = pytest.mark.usefixtures("warm")

WRONG = Path(__file__).parents[2] / "sample_class" / "chen_regression_swapped_index.py"


def run(*arguments: object) -> tuple[int, str, str]:
    """The exit code and what was written."""
    done = CliRunner().invoke(main, [str(argument) for argument in arguments])
    return done.exit_code, done.stdout, done.stderr


@pytest.mark.parametrize(("level", "shown"), [(3, False), (4, True)])
def test_a_page_is_written(tmp_path: Path, level: int, shown: bool) -> None:
    """With the student's function, the marked line and both rules as far as they are shown."""
    target = tmp_path / "page.html"
    code, out, _ = run(
        "check", WRONG, "--seed", 1, "--hints", level, "--format", "html", "--out", target
    )
    assert (code, out) == (1, "")
    page = target.read_text(encoding="utf-8")
    text = Elements(page).text
    assert "def update_parameters(parameters, y, y_hat, A1, X):" in text
    assert 'data-line="31" data-sign="▸1"' in page
    assert "+0.002 · (y−y_hat) · ‹W2[0]› · ‹X[1]›" in text
    # The other entry's own rule is this one's right rule.
    assert text.count("‹W2[1]› · ‹X[0]›") == (2 if shown else 1)
    assert ("should move by" in text) == shown
    assert ("expected (dashed)" in text) == shown


def test_what_is_not_installed_is_said_before_anything_is_graded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Not even the path is looked at."""
    found = importlib.util.find_spec
    gone = {"jinja2", "pygments"}
    monkeypatch.setattr(report, "find_spec", lambda name: None if name in gone else found(name))
    code, out, error = run("check", tmp_path / "nowhere.py", "--format", "html")
    assert (code, out) == (2, "")
    assert (
        "--format html needs jinja2 and pygments, which this Python does not have: "
        "pip install 'gradkit[report]'" in error
    )
    assert "nowhere" not in error


def test_what_could_not_be_graded_has_a_page() -> None:
    """It says why, with nothing of the file's name obeyed."""
    page = refusal([f"{HOSTILE}: this is `no` submission.", "Nor is this."])
    elements = Elements(page)
    assert {tag for tag, _ in elements.tags} <= {
        "html", "head", "meta", "title", "style", "body", "a", "header", "p", "h1", "main", "code"
    }  # fmt: skip
    assert "<script>window.pwned = 1</script>" in elements.text
    assert "Nor is this." in elements.text
    assert page.endswith("</html>\n")


def test_what_is_installed_lacks_nothing() -> None:
    """Nor does a format that needs nothing."""
    assert report.lacking("html") == report.lacking("json") == report.lacking("text") == ""
