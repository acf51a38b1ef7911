"""Class files and result files of earlier versions: this version opens them."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from classroom.answering import gradkit, refusal
from model_solutions import ROOT

from gradkit import __version__
from gradkit.records.result import State
from gradkit.task.assignment import DEFAULT

pytestmark = pytest.mark.usefixtures("warm")

FORMER = Path(__file__).parent / "former"
SAMPLES = {"chen": "chen_regression_swapped_index.py", "bilal": "bilal_regression_right.py"}
SCORES = {
    "0.1.0": {"bilal": "20.0", "chen": "18.0"},
    "0.2.0": {"bilal": "18.0", "chen": "19.0"},
}
"""Points of both students; in 0.2.0 a policy takes two for lateness and adds one as a bonus."""
MAPS = ("applies", "should", "costs", "versions", "digests")
"""Keys of a result whose values are tables with free keys."""


@pytest.fixture(params=SCORES)
def version(request: pytest.FixtureRequest) -> str:
    """Run a test on the files of each earlier version."""
    return str(request.param)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str) -> Path:
    """Make the working directory of that version: submissions, a class and a result."""
    (tmp_path / "handed_in").mkdir()
    for name, sample in SAMPLES.items():
        source = ROOT / "tests" / "sample_class" / sample
        shutil.copy(source, tmp_path / "handed_in" / f"{name}.py")
    shutil.copytree(FORMER / version, tmp_path, dirs_exist_ok=True)
    (tmp_path / "results").mkdir()
    for name in ("class.sqlite", "policy.toml"):
        if (tmp_path / name).exists():
            shutil.move(tmp_path / name, tmp_path / "results")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def scores() -> dict[str, str]:
    """Return the score of each student from the class table."""
    printed = gradkit("summary", "results", "--format", "csv")
    table = csv.DictReader(io.StringIO(printed.stdout.removeprefix("\ufeff")))
    return {row["student"]: row["score"] for row in table}


def write_former_assignment(folder: Path) -> Path:
    """Write the assignment that both earlier versions shipped, with its data."""
    made = folder / "former"
    made.mkdir()
    for path in (FORMER / DEFAULT.name, *DEFAULT.parent.glob("*.csv")):
        shutil.copy(path, made)
    return made / DEFAULT.name


def test_every_earlier_version_has_files() -> None:
    """A version whose files were added is tested, and no file is large."""
    assert {path.name for path in FORMER.iterdir() if path.is_dir()} == set(SCORES)
    assert __version__ not in SCORES
    assert all(path.stat().st_size < 200_000 for path in FORMER.rglob("*"))


def test_a_class_file_opens(here: Path, version: str) -> None:
    """Scores, an override, the history and the review list are read."""
    assert scores() == SCORES[version]
    text = gradkit("show", "results", "chen").stdout
    assert text.startswith(f"chen  {SCORES[version]['chen'].removesuffix('.0')} / 20 ")
    assert "right, but for two entries" in text
    told = json.loads(gradkit("history", "results", "chen", "--format", "json").stdout)
    kinds = [step["kind"] for step in told["steps"]]
    assert kinds[:3] == ["grade", "override", "remark"]
    assert told["steps"][0]["versions"]["gradkit"] == version
    assert gradkit("review", "results").exit_code == 0
    assert gradkit("diff", "results", 1, 3).exit_code == 0


def test_a_finding_is_reproduced_with_its_assignment(here: Path) -> None:
    """The shipped assignment has changed since: `show --finding` says so, and lists findings."""
    listed = gradkit("show", "result.json")
    assert "Two indices are exchanged" in listed.stdout, listed.output
    finding = listed.stdout.split()[0]
    assert "is not the assignment that result.json was made with" in refusal(
        "show", "result.json", "--finding", finding
    )
    former = ("--assignment", write_former_assignment(here))
    for words in (("result.json",), ("results", "chen")):
        shown = gradkit("show", *words, "--finding", finding, *former)
        assert shown.exit_code == 0, shown.output
        assert "is reproduced." in shown.stdout


def test_pages_are_written(here: Path) -> None:
    """A page contains the comment of an override that the earlier version stored."""
    ended = gradkit("feedback", "results", "--format", "folder")
    assert ended.exit_code == 0, ended.output
    (page,) = (here / "results" / "feedback" / "pages").glob("chen*.html")
    assert "right, but for two entries" in page.read_text(encoding="utf-8")


def test_new_marks_need_an_option(here: Path, version: str) -> None:
    """`remark` refuses with both versions and the option; with it, an override still counts."""
    before = scores()
    said = refusal("remark", "results", "--preset", "lenient")
    assert said.startswith(
        f"{Path('results') / 'class.sqlite'} was graded with gradkit {version}, and this is "
        f"{__version__}: marks could differ."
    )
    assert "--new-version" in said
    assert scores() == before
    ended = gradkit("remark", "results", "--preset", "lenient", "--new-version")
    assert ended.exit_code in (0, 1), ended.output
    # The override of the update still counts, up to the points that the update is worth now.
    assert scores()["chen"] == {"0.1.0": "18.0", "0.2.0": "19.2"}[version]


@pytest.mark.parametrize("version", ["0.2.0"], indirect=True)
def test_marks_stay_until_the_class_is_marked_again(here: Path) -> None:
    """`remark` says whose marks change before it changes them: the points of checks are others."""
    before = scores()
    told = gradkit("remark", "results", "--preset", "default", "--new-version", "--dry-run").stdout
    assert scores() == before
    assert re.search(r"chen +[\d.]+ / 20 +[\d.]+ / 20", told)
    assert "bilal" not in told
    gradkit("remark", "results", "--preset", "default", "--new-version")
    page = gradkit("show", "results", "chen").stdout
    assert re.search(r"gradient +3.5 / 5  fail", page)
    assert "does not match finite differences of the loss" in " ".join(page.split())


@pytest.mark.parametrize("version", ["0.2.0"], indirect=True)
def test_a_released_page_is_kept(here: Path) -> None:
    """`show --as student` prints the page of 0.2.0 byte for byte."""
    page = gradkit("show", "results", "chen", "--as", "student").stdout
    assert page.startswith("<!DOCTYPE html>")
    assert "Two indices" in page


# --- the promise of docs/reference/result.md ---------------------------------------------


def shape(value: Any, path: str = "$") -> Iterator[tuple[str, str]]:
    """Yield each path of a JSON document with the type of a value there; null has no type."""
    if isinstance(value, dict):
        yield path, "object"
        free = path.rpartition(".")[2] in MAPS
        for key, inner in value.items():
            yield from shape(inner, f"{path}.{'*' if free else key}")
    elif isinstance(value, list):
        yield path, "list"
        for inner in value:
            yield from shape(inner, f"{path}[]")
    elif value is None:
        yield path, ""
    else:
        yield path, {"str": "string", "bool": "bool"}.get(type(value).__name__, "number")


def broken(former: Any, current: Any) -> list[str]:
    """List the paths of a former document that the current one lacks or gives another type."""
    types: dict[str, set[str]] = {}
    for path, kind in shape(current):
        types.setdefault(path, set()).add(kind)
    return [
        path
        for path, kind in dict.fromkeys(shape(former))
        if path not in types or (kind and types[path] - {""} and kind not in types[path])
    ]


CHECKED = {
    "result.json": ("handed_in/chen.py", "--no-reference"),
    "functions.json": ("functions/dalia.py", "--assignment", "logistic-regression"),
}


@pytest.mark.parametrize("version", ["0.2.0"], indirect=True)
@pytest.mark.parametrize("file", CHECKED)
def test_result_v1_keeps_its_keys(here: Path, file: str) -> None:
    """Every key of a result of 0.2.0 is still written, with a value of the same type."""
    former = json.loads((here / file).read_text(encoding="utf-8"))
    done = gradkit("check", *CHECKED[file], "--seed", "1", "--format", "json")
    current = json.loads(done.stdout)
    assert former["schema"] == current["schema"] == "gradkit/result/v1"
    assert broken(former, current) == []
    assert gradkit("show", file).exit_code == 0


def test_the_page_lists_the_states_of_a_check() -> None:
    """A program may handle all states that docs/reference/result.md lists; v1 gets no others."""
    page = (ROOT / "docs" / "reference" / "result.md").read_text(encoding="utf-8")
    (row,) = re.findall(r"^- `state`: (.*)$", page, flags=re.MULTILINE)
    listed = re.findall(r"`([a-z-]+)`", row)
    assert sorted(listed) == sorted(get_args(State))


def test_a_broken_promise_is_seen() -> None:
    """A removed key, a renamed key or another type is found; an added key is allowed."""
    former = {"score": 1.0, "tasks": [{"task": "a", "place": None}], "versions": {"numpy": "2"}}
    added = {**former, "more": 1, "versions": {"numpy": "3", "torch": "2"}}
    assert broken(former, added) == []
    assert broken(former, {**former, "score": "1"}) == ["$.score"]
    assert broken(former, {**former, "tasks": [{"id": "a", "place": {}}]}) == ["$.tasks[].task"]
    assert broken(former, {"score": 1, "versions": {"numpy": "2"}}) == [
        "$.tasks",
        "$.tasks[]",
        "$.tasks[].task",
        "$.tasks[].place",
    ]
