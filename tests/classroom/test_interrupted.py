"""Interrupted, and started again without its options: a class goes on as it was begun."""

from __future__ import annotations

from pathlib import Path

import pytest
from classroom.answering import gradkit, refusal
from classroom.classes import RIGHT, TASK, handed_in, results
from model_solutions import REFERENCE

from gradkit.classroom import run
from gradkit.classroom.reports.summary import class_rows
from gradkit.classroom.run import grade_class
from gradkit.classroom.store.results import Store
from gradkit.records.classroom import Reason

pytestmark = pytest.mark.sample(24)

OPTIONS = ("--workers", "1", "--require-tier", "0")
ROSTER = "Student,ID,Group\n" + '"Lee, Ann",101,A\n"Ost, Ben",102,A\n"Pi, Cas",103,\n'


@pytest.fixture
def download(tmp_path: Path) -> Path:
    """Of Canvas, whose names are not those of the roster beside it: one is of another course."""
    (tmp_path / "r.csv").write_text(ROSTER, encoding="utf-8")
    handed_in(tmp_path / "in", leeann_101_9001_hw=RIGHT, doedan_109_9004_hw=f"{RIGHT}\n# dan\n")
    return tmp_path / "in"


def stopped(download: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Start to grade a class, and interrupt it before the first result."""

    def interrupt(*arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(run, "LocalPool", interrupt)
        with pytest.raises(KeyboardInterrupt):
            grade_class(
                [download],
                out,
                roster=download.parent / "r.csv",
                groups=True,
                require_tier=0,
                tasks=(TASK, "classification-numpy"),
                reference=REFERENCE,
            )


@pytest.mark.slow
def test_what_was_said_is_kept_before_anything_is_run(
    download: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tasks, model solutions, roster and groups, which no option of the next command has."""
    out = tmp_path / "out"
    stopped(download, out, monkeypatch)
    assert gradkit("grade", download, "--out", out, *OPTIONS).exit_code == 0
    made = results(out)
    assert set(made) == {"Ann Lee", "Ben Ost", "doedan"}
    assert {(each.score, each.max_score, each.oracle) for each in made.values()} == {
        (20.0, 40.0, "reference")
    }
    with Store(out, write=False) as store:
        told = {row.name: row.review for row in class_rows(store)}
        assert told["Cas Pi"] == (Reason("absent", "nothing submitted"),)
        kept = store.course()
        assert (kept.groups, len(kept.students)) == (True, 3)
    handed_in(download, picas_103_9003_hw=f"{RIGHT}\n# cas\n")
    assert "1 graded, 2 unchanged" in gradkit("grade", download, "--out", out, *OPTIONS).stderr
    assert "Cas Pi" in results(out)


def test_what_was_said_may_be_another_thing_as_long_as_nothing_is_graded(
    download: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once something is, it is refused."""
    out = tmp_path / "out"
    stopped(download, out, monkeypatch)
    words = ("grade", download, "--out", out, *OPTIONS)
    assert gradkit(*words, "--task", TASK).exit_code == 0
    assert {each.max_score for each in results(out).values()} == {20.0}
    assert f"--task was {TASK}, and is" in refusal(*words, "--task", "classification-numpy")


def test_the_roster_that_a_class_has_is_nobody_s_submission(
    download: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it lies among them; another one that is named takes its place."""
    out = tmp_path / "out"
    roster = download / "r.csv"
    roster.write_text(ROSTER, encoding="utf-8")
    words = ("grade", download, "--out", out, "--no-reference", "--task", TASK, *OPTIONS)
    assert gradkit(*words, "--roster", roster).exit_code == 0
    assert "0 graded, 2 unchanged" in gradkit(*words).stderr
    assert set(results(out)) == {"Ann Lee", "doedan"}
    roster.write_text('Student,ID\n"Doe, Dan",109\n', encoding="utf-8")
    assert "Dan Doe" not in gradkit(*words, "--dry-run").output
    assert gradkit(*words, "--roster", roster).exit_code == 0
    assert set(results(out)) == {"leeann", "Dan Doe"}
