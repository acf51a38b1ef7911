"""A term of a course, as its instructor lives through it, from the first download to the last page.

63 students on three platforms, 61 submissions and three second attempts. Each step looks at
scores and history; every file that leaves is read by somebody else's reader.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import pytest
from classroom import course
from classroom.classes import TASK
from classroom.downloads import canvas_takes, gradebook_takes, moodle_takes, worksheet_takes
from click.testing import CliRunner
from click.testing import Result as Ended

from gradkit.classroom.store.database import FILE
from gradkit.cli import main

EVA, DAN, FINN = course.ON_CANVAS[4], course.ON_CANVAS[3], course.ON_CANVAS[5]
SWAPPED = [one for one in course.PEOPLE[:48] if one.number % 10 == 3]
MATES = course.ON_GRADESCOPE[:2]


@dataclass(slots=True)
class Term:
    """A course's folder, and what is typed in it."""

    folder: Path
    downloads: list[Path] = field(default_factory=list)

    def run(self, *arguments: object, code: int = 0, typed: str | None = None) -> Ended:
        """One command, which ends as it should."""
        environment = {"COLUMNS": "200"}
        ended = CliRunner().invoke(main, list(map(str, arguments)), typed, environment)
        assert ended.exit_code == code, ended.output
        return ended

    def grade(self, *options: object, code: int = 0) -> Ended:
        """All that has been downloaded so far."""
        roster = self.folder / "roster.csv"
        given = (*self.downloads, "--roster", roster, "--out", self.out)
        return self.run("grade", *given, "--no-reference", "--task", TASK, *options, code=code)

    @property
    def out(self) -> Path:
        """The class folder."""
        return self.folder / "results"

    def table(self) -> pd.DataFrame:
        """The summary as pandas reads it, by student."""
        said = self.run("summary", self.out, "--format", "csv").stdout
        return pd.read_csv(io.StringIO(said), keep_default_na=False, na_values=[""]).set_index(
            "student"
        )

    def scores(self) -> dict[str, float]:
        """Whoever has a score."""
        return {str(name): float(score) for name, score in self.table()["score"].dropna().items()}

    def history(self, one: course.Person) -> str:
        """How a grade came about."""
        return self.run("history", self.out, one.name).stdout


@pytest.fixture(scope="module")
def term(tmp_path_factory: pytest.TempPathFactory) -> Term:
    """The course before anything is graded; the steps below come one after another."""
    folder = tmp_path_factory.mktemp("term")
    course.roster(folder / "roster.csv")
    return Term(folder, course.first_downloads(folder / "downloads"))


@pytest.mark.slow
def test_a_term(term: Term, monkeypatch: pytest.MonkeyPatch) -> None:
    """Step by step; each stands on the one before it."""
    looked_at_first(term)
    graded(term)
    handed_in_again(term)
    another_rubric(term)
    released(term)
    set_by_a_person(term)
    disputed_and_withdrawn(term)
    given_back_again(term)
    another_gradkit(term, monkeypatch)
    reviewed(term)
    forgotten(term)


def looked_at_first(term: Term) -> None:
    """A dry run says whose everything is, and leaves nothing behind."""
    said = term.grade("--dry-run").stdout
    assert said.startswith("58 submissions: 24 by Canvas, 24 by Moodle, 10 by Gradescope\n")
    for one in course.ABSENT:
        assert f"  {one.name}\n" in said
    assert "handed in, and not in the roster" not in said
    assert not term.out.exists()


def graded(term: Term) -> None:
    """58 submissions are 61 students' work, since three were handed in by two."""
    assert "58 graded, 0 unchanged, 0 refused, 0 failed" in term.grade().stderr
    scores = term.scores()
    assert len(scores) == 61
    right = [one for one in course.PEOPLE[:48] if one.number % 5 < 3]
    assert {scores[one.name] for one in right} == {20.0}
    assert {scores[one.name] for one in SWAPPED} == {15.5}
    assert scores[MATES[0].name] == scores[MATES[1].name]
    table = term.table()
    absent = table.loc[[one.name for one in course.ABSENT]]
    assert absent["score"].isna().all()
    assert set(table["late"].dropna()) == {False}
    assert set(table["attempt"].dropna()) == {"1 of 1"}
    assert table.loc[MATES[1].name, "at"] == "2026-10-01 10:00:00.000000000 Z"
    for one in MATES:
        assert "assignment_77_export/submission_0" in term.history(one)


def handed_in_again(term: Term) -> None:
    """A second download has three new attempts, one late; the rule says which of two counts."""
    before = term.scores()
    term.downloads.append(course.second_download(term.folder))
    assert "3 graded, 58 unchanged" in term.grade().stderr
    table = term.table()
    again = [DAN.name, EVA.name, FINN.name]
    assert list(table.loc[again, "attempt"]) == ["2 of 2"] * 3
    assert list(table.index[table["late"] == True])  # noqa: E712 == [EVA.name]
    assert set(table.loc[again, "score"]) == {20.0}
    assert before[DAN.name] == 15.5
    said = term.run("remark", term.out, "--attempt", "before=2001-01-01", "--dry-run").stderr
    assert said.endswith("61 of 61 scores would change.\n")
    term.run("remark", term.out, "--attempt", "best")
    assert term.scores() == {**before, **dict.fromkeys(again, 20.0)}
    term.run("remark", term.out, "--attempt", "last")
    assert "attempt 2 of 2" in term.history(DAN)


def another_rubric(term: Term) -> None:
    """Strict marks, and back again: no code is run, and both are in everybody's history."""
    before = term.scores()
    said = term.run("remark", term.out, "--preset", "strict", "--why", "as announced")
    strict = term.scores()
    worse = [name for name, score in strict.items() if score < before[name]]
    assert worse
    assert said.stderr.startswith(f"{len(worse)} of 61 scores changed.")
    assert min(strict[name] - before[name] for name in strict) < 0
    term.run("remark", term.out, "--preset", "default", "--why", "after a vote")
    assert term.scores() == before
    told = term.history(SWAPPED[1])
    assert told.index("as announced") < told.index("after a vote")
    assert f"{strict[SWAPPED[1].name]:g} of 20 points" in told


def released(term: Term) -> None:
    """Pages and grades go back to each platform under its own names."""
    scores = term.scores()
    (term.folder / "worksheet.csv").write_bytes(course.worksheet())
    (term.folder / "gradebook.csv").write_bytes(course.gradebook())
    sheet = ("--worksheet", term.folder / "worksheet.csv")
    book = ("--gradebook", term.folder / "gradebook.csv", "--column", "Backprop (77)")
    term.run("feedback", term.out, "--format", "moodle", *sheet, "--why", "first release")
    term.run("feedback", term.out, "--format", "canvas", *book, "--why", "first release")
    term.run("feedback", term.out, "--format", "folder", "--why", "first release")
    folder = term.out / "feedback"
    with zipfile.ZipFile(folder / "moodle.zip") as archive:
        assert archive.testzip() is None
        numbers = [str(one.number) for one in course.ON_MOODLE]
        taken = [moodle_takes(name, numbers) for name in archive.namelist()]
    assert sorted(taken) == sorted((number, "feedback.html") for number in numbers)
    with zipfile.ZipFile(folder / "canvas.zip") as archive:
        attachments = {str(9000 + one.number): str(one.number) for one in course.ON_CANVAS}
        attachments |= {str(9500 + one.number): str(one.number) for one in (DAN, EVA, FINN)}
        users = {canvas_takes(name, attachments) for name in archive.namelist()}
        page = archive.read(
            next(name for name in archive.namelist() if f"_{DAN.number}_" in name)
        ).decode()
    assert users == {str(one.number) for one in course.ON_CANVAS}
    assert "20" in page
    words = ("Identifier", "Grade", "Last modified (grade)", "Feedback comments")
    marks = worksheet_takes((folder / "worksheet.csv").read_bytes(), words, "Participant ", 20.0)
    assert {number: grade for number, (grade, _) in marks.items()} == {
        str(one.number): scores[one.name] for one in course.ON_MOODLE
    }
    assert (folder / "worksheet.csv").read_bytes().startswith(b"\xef\xbb\xbfIdentifier,Full name,")
    points = gradebook_takes((folder / "gradebook.csv").read_bytes(), {"77": "Backprop"})
    assert {number: float(row["77"]) for number, row in points.items()} == {
        str(one.number): scores[one.name] for one in course.ON_CANVAS
    }
    assert len(list((folder / "pages").glob("*.html"))) == 61


def set_by_a_person(term: Term) -> None:
    """It outlives new marks, and is seen wherever points are."""
    comment = "explained it in the lab"
    term.run(
        "override",
        term.out,
        SWAPPED[1].name,
        "update",
        5.75,
        "--comment",
        comment,
        "--by",
        "A. Miller",
    )
    changed = term.scores()[SWAPPED[1].name]
    term.run("remark", term.out, "--preset", "lenient")
    term.run("remark", term.out, "--preset", "default")
    assert term.scores()[SWAPPED[1].name] == changed == 17.05
    assert comment in term.table().loc[SWAPPED[1].name, "overrides"]
    assert "points set by A. Miller" in term.history(SWAPPED[1])
    for name in (DAN.name, SWAPPED[2].name):
        assert comment not in term.run("show", term.out, name).stdout


def disputed_and_withdrawn(term: Term) -> None:
    """A finding is shown once more by its id, and then taken back from everybody."""
    listed = term.run("show", term.out, SWAPPED[2].name).stdout
    number = re.findall(r"\b[0-9a-f]{10}\b", listed)[-1]
    script = term.run("show", term.out, SWAPPED[2].name, "--finding", number, code=0).stdout
    compile(script, "finding.py", "exec")
    term.run("remark", term.out, "--drop", "swapped-index", "--why", "the sheet was unclear")
    scores = term.scores()
    assert {scores[one.name] for one in SWAPPED[2:4]} == {20.0}
    assert scores[SWAPPED[1].name] == 19.75, "a person's word counts until it is taken back"
    assert "override is stale" in str(term.table().loc[SWAPPED[1].name, "review"])
    term.run(
        "override", term.out, SWAPPED[1].name, "update", "--withdraw", "--comment", "see above"
    )
    assert term.scores()[SWAPPED[1].name] == 20.0


def given_back_again(term: Term) -> None:
    """Who was given something before reads what has changed; other pages are as they were."""
    before = {path.name: path.read_bytes() for path in (term.out / "feedback/pages").iterdir()}
    first = term.run("show", term.out, SWAPPED[2].name, "--as", "student").stdout_bytes
    assert first in before.values()
    term.run("feedback", term.out, "--format", "folder", "--why", "second release")
    after = {path.name: path.read_bytes() for path in (term.out / "feedback/pages").iterdir()}
    changed = [name for name in before if before[name] != after[name]]
    assert sorted(changed) == sorted(
        name for name in before if any(one.name.replace(" ", "_") in name for one in SWAPPED[1:])
    )
    page = next(after[name] for name in changed if SWAPPED[2].name.replace(" ", "_") in name)
    assert "the sheet was unclear" in page.decode()
    assert term.run("show", term.out, SWAPPED[2].name, "--as", "student").stdout_bytes == page
    again = term.run(
        "show", term.out, SWAPPED[2].name, "--as", "student", "--release", 2
    ).stdout_bytes
    assert again == first
    assert "second release" in term.history(SWAPPED[2])


def another_gradkit(term: Term, monkeypatch: pytest.MonkeyPatch) -> None:
    """It refuses, until somebody decides; and then it is told what has changed."""
    before = term.scores()
    last = int(term.run("history", term.out).stdout.splitlines()[-1].split()[0])
    with monkeypatch.context() as patched:
        patched.setattr("gradkit.__version__", "99.0")
        assert "and this is 99.0: marks could differ" in term.grade(code=2).stderr
        assert term.scores() == before
        assert "61 graded, 0 unchanged" in term.grade("--new-version").stderr
    assert term.scores() == before
    steps = json.loads(term.run("history", term.out, DAN.name, "--format", "json").stdout)["steps"]
    assert steps[-1]["versions"]["gradkit"] == "99.0"
    said = term.run("diff", term.out, last, last + 1).stdout
    assert not [one for one in course.PEOPLE if one.name in said]


def reviewed(term: Term) -> None:
    """Each assistant has a part, and all parts are the whole."""
    people = ("anna", "ben", "carla", "dora")
    split = ("--split", ",".join(people))
    parts = [
        pd.read_csv(
            io.StringIO(
                term.run("review", term.out, *split, "--for", who, "--format", "csv").stdout
            )
        )
        for who in people
    ]
    whole = pd.read_csv(io.StringIO(term.run("review", term.out, *split, "--format", "csv").stdout))
    assert sum(map(len, parts)) == len(whole)
    hidden = term.run("summary", term.out, "--format", "csv", "--pseudonyms").stdout
    assert not [one.name for one in course.PEOPLE if one.name in hidden]


def forgotten(term: Term) -> None:
    """Nothing of a student is left in the file, and nobody else has changed."""
    before = term.scores()
    term.run("purge", term.out, EVA.name, "--yes", "--why", "has left")
    after = term.scores()
    assert after == {name: score for name, score in before.items() if name != EVA.name}
    assert EVA.name.encode() not in (term.out / FILE).read_bytes()
    assert str(EVA.number + 9000).encode() not in (term.out / FILE).read_bytes()
    term.run("history", term.out, EVA.name, code=2)
    assert "has left" in term.run("history", term.out).stdout
