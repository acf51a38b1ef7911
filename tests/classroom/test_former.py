"""Files of gradkit 0.1: a class and a result are read, and marked on once somebody says so."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path

import pytest
from classroom.answering import gradkit, refusal
from model_solutions import ROOT

from gradkit import __version__

pytestmark = pytest.mark.usefixtures("warm")

FORMER = Path(__file__).parent / "former"
SAMPLES = {"chen": "chen_regression_swapped_index.py", "bilal": "bilal_regression_right.py"}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder as it was left: what was handed in, the class, and a result."""
    (tmp_path / "handed_in").mkdir()
    for name, sample in SAMPLES.items():
        source = ROOT / "tests" / "sample_class" / sample
        shutil.copy(source, tmp_path / "handed_in" / f"{name}.py")
    (tmp_path / "results").mkdir()
    shutil.copy(FORMER / "class.sqlite", tmp_path / "results")
    shutil.copy(FORMER / "result.json", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def scores() -> dict[str, str]:
    """By student."""
    table = csv.DictReader(io.StringIO(gradkit("summary", "results", "--format", "csv").stdout))
    return {row["student"]: row["score"] for row in table}


def test_a_class_is_read(here: Path) -> None:
    """Points, what a person has set, how it came about, and who is to be looked at."""
    assert scores() == {"bilal": "20.0", "chen": "18.0"}
    text = gradkit("show", "results", "chen").stdout
    assert text.startswith("chen  18 / 20 ")
    assert "right, but for two entries" in text
    told = json.loads(gradkit("history", "results", "chen", "--format", "json").stdout)
    assert [step["kind"] for step in told["steps"]] == ["grade", "override", "remark"]
    assert told["steps"][0]["versions"]["gradkit"] == "0.1.0"
    assert gradkit("review", "results").exit_code == 0
    assert gradkit("diff", "results", 1, 3).exit_code == 0


def test_a_finding_of_it_is_shown(here: Path) -> None:
    """Run again from where it was: of the class, and of a result file."""
    listed = gradkit("show", "result.json")
    assert "Two indices are exchanged" in listed.stdout, listed.output
    finding = listed.stdout.split()[0]
    for words in (("result.json",), ("results", "chen")):
        shown = gradkit("show", *words, "--finding", finding)
        assert shown.exit_code == 0, shown.output
        assert "comes out again." in shown.stdout


def test_pages_of_it_are_given_back(here: Path) -> None:
    """With what a person has said."""
    ended = gradkit("feedback", "results", "--format", "folder")
    assert ended.exit_code == 0, ended.output
    (page,) = (here / "results" / "feedback" / "pages").glob("chen*.html")
    assert "right, but for two entries" in page.read_text(encoding="utf-8")


def test_it_is_marked_by_this_version_once_somebody_says_so(here: Path) -> None:
    """Marks could differ: first a sentence, which names both versions and the way on."""
    before = scores()
    said = refusal("remark", "results", "--preset", "lenient")
    assert said.startswith(
        f"{Path('results') / 'class.sqlite'} was graded with gradkit 0.1.0, and this is "
        f"{__version__}: marks could differ."
    )
    assert "--new-version" in said
    assert scores() == before
    ended = gradkit("remark", "results", "--preset", "lenient", "--new-version")
    assert ended.exit_code in (0, 1), ended.output
    assert scores()["chen"] == "18.0", "a person's word still counts"
