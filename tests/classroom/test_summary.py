"""A class at a glance, and as a table that pandas and spreadsheets read."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pytest
from classroom.answering import ANNA, BEN, DAN, EVE, FAY, UPDATE, ZED, run
from classroom.classes import HANGS, MISTAKES, RIGHT, SETTINGS, changed_assignment, handed_in
from classroom.here import grade_here
from classroom.returned import GRADEBOOK, download, graded
from click.testing import CliRunner
from click.testing import Result as Ended
from msgspec.structs import replace
from rich.console import Console

from gradkit.classroom.course.find_student import pseudonym
from gradkit.classroom.course.roster import roster as gradebook
from gradkit.classroom.reports.summary import class_rows
from gradkit.classroom.store.counted import override
from gradkit.classroom.store.database import FILE
from gradkit.classroom.store.results import Store
from gradkit.cli import main
from gradkit.records.classroom import Change, HandedIn, Reason, Row
from gradkit.report.frames import LINES, check_frame, frame_csv, grade_frame
from gradkit.report.summary import show_changes, show_summary

pytestmark = [pytest.mark.sample(12), pytest.mark.usefixtures("warm")]

CHECKS = ("interface", "forward", "update", "gradient", "trajectory")
WRONG = next(
    text for text in MISTAKES if "dA2 = -2 * (y - y_hat)" in text and "+ 0.001 * dW2" in text
)
"""Goes up the hill."""

REFUSED = (Reason("refused", "refused"),)


def command(*arguments: object) -> Ended:
    """The command, in this process."""
    return CliRunner().invoke(main, ["summary", *map(str, arguments)], env={"COLUMNS": "120"})


def csv_of(rows: Sequence[Row]) -> str:
    """Return the table of a class as CSV."""
    return frame_csv(grade_frame(rows))


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A class with one of each kind."""
    folder = tmp_path_factory.mktemp("class")
    texts = {"ann": RIGHT, "ben": WRONG, "cas": WRONG + "#", "hans": HANGS, "=cmd()": RIGHT + "#"}
    handed_in(folder, **texts)
    (folder / "pia.pdf").write_bytes(b"%PDF")
    short = changed_assignment(folder.with_name("short"), "deadline = 10.0", "deadline = 1.0")
    made = tmp_path_factory.mktemp("out")
    grade_here(folder, made, replace(SETTINGS, assignment=short))
    return made


@pytest.mark.slow
def test_all_that_matters_is_at_hand(out: Path) -> None:
    """States by check, mistakes by frequency with their students, and whom to look at."""
    with Store(out, write=False) as store:
        rows = class_rows(store)
    assert [row.name for row in rows] == ["=cmd()", "ann", "ben", "cas", "hans", "pia.pdf"]
    checks = check_frame(rows)
    assert checks["check"].unique().tolist() == [*CHECKS]
    assert set(checks["task"]) == {"regression-numpy"}
    states = checks.loc[checks["check"] == "update", "state"].value_counts().to_dict()
    assert states == {"pass": 2, "fail": 2, "timeout": 1}
    assert {row.name: [*row.mistakes] for row in rows if row.mistakes} == {
        "ben": ["wrong-sign"],
        "cas": ["wrong-sign"],
    }
    review = {row.name: tuple(each.words for each in row.review) for row in rows if row.review}
    assert review["pia.pdf"] == ("refused",)
    assert "regression-numpy/update ran out of time" in review["hans"]
    # Gradient ascent costs more than half of the task.
    for name in ("ben", "cas"):
        (reason,) = review[name]
        assert reason.endswith("of 20 points through wrong-sign alone")
    assert review.keys() == {"pia.pdf", "hans", "ben", "cas"}
    ann = rows[1]
    assert (ann.score, ann.max_score, ann.provisional) == (20.0, 20.0, True)
    assert ann.checks["regression-numpy/update"] == ("pass", 6.0, 6.0)


@pytest.mark.slow
def test_the_page_says_it_in_this_order(out: Path) -> None:
    """Counts, scores, states, mistakes, and what to look at with its reason in words."""
    ended = command(out)
    assert (ended.exit_code, ended.stderr) == (0, "")
    lines = [line.rstrip() for line in ended.stdout.splitlines()]
    assert lines[0] == "6 submissions, 5 graded, 1 refused, 5 provisional"
    assert lines[1].startswith("scores from ")
    assert ", median 9.5 of 20 points: " in lines[1]
    assert lines[2].split() == ["check", "pass", "blocked", "fail", "timeout"]
    assert "wrong-sign" in ended.stdout
    (mistake,) = (line for line in lines if line.startswith("wrong-sign"))
    assert mistake.split() == ["wrong-sign", "2", "ben,", "cas"]
    assert any(line.startswith("pia.pdf   ") and "is not a file that can" in line for line in lines)


def test_pandas_reads_the_table(out: Path) -> None:
    """One row for each student, one column for each check, points as numbers."""
    ended = command(out, "--format", "csv")
    assert (ended.exit_code, ended.stderr) == (0, "")
    table = pd.read_csv(io.StringIO(ended.stdout), index_col="student")
    assert list(table.columns) == [
        *("standing", "score", "max_score", "provisional", "late", "attempt", "at"),
        *("overrides", "comments", "reviewed_by", "review", "mistakes", "tasks"),
        *(f"regression-numpy/{check}" for check in CHECKS),
        *(f"{kind}_points" for kind in LINES),
        *("score_by_numbers", "max_by_numbers"),
    ]
    assert list(table.index) == ["'=cmd()", "ann", "ben", "cas", "hans", "pia.pdf"]
    checks = table.filter(like="/")
    assert all(kind.kind == "f" for kind in checks.dtypes)
    assert checks.loc["ann"].tolist() == [1.0, 4.0, 6.0, 5.0, 4.0]
    assert checks.loc["pia.pdf"].isna().all()
    assert table.loc["ben", "mistakes"] == "wrong-sign"
    assert table.loc["ann", "score"] == 20.0
    numbers = table[["score_by_numbers", "max_by_numbers"]]
    assert numbers.loc["ann"].tolist() == [20.0, 20.0]
    # Right are the interface and the forward pass: 5 of 20 points.
    assert numbers.loc["ben"].tolist() == [5.0, 20.0]
    assert numbers.loc["pia.pdf"].isna().all()
    assert table["standing"].value_counts().to_dict() == {"graded": 5, "refused": 1}
    assert str(table.loc["pia.pdf", "review"]).startswith("pia.pdf is not a file that can be")


GITHUB = {"github": "ann-mo"}


def test_the_table_has_what_a_gradebook_knows_students_by(tmp_path: Path) -> None:
    """So that it goes back to wherever that came from; a made-up name has none of it."""
    folder = download(tmp_path / "in", {"moann_101_9001_hw.py": RIGHT})
    out = graded(folder, tmp_path / "out", gradebook(GRADEBOOK.encode(), "g.csv"))
    rows = {
        row["student"]: (row["sid"], row["login"])
        for row in csv.DictReader(
            io.StringIO(command(out, "--format", "csv").stdout.lstrip("\ufeff"))
        )
    }
    assert rows["Ann Mo"] == ("s1", "ann")
    assert rows["Dan Absent"] == ("s5", "dan")
    row = Row("Ann", "absent", "", None, None, False, {}, (), (), HandedIn(0, 0), ids=GITHUB)
    (named,) = csv.DictReader(io.StringIO(csv_of([row])))
    assert (named["github"], "sid" in named) == ("ann-mo", False)
    hidden = command(out, "--format", "csv", "--pseudonyms").stdout
    assert "sid" not in hidden.split("\n")[0].split(",")
    assert "s1" not in hidden.replace("\n", ",").split(",")


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t"])
def test_a_spreadsheet_takes_no_name_for_a_formula(first: str) -> None:
    """Nor a sentence; what is an ordinary name is left alone."""
    row = Row(f"{first}1+1", "refused", f"{first}2+2", None, None, False, {}, (), REFUSED)
    plain = replace(row, name="o'neil-smith", told="a=b")
    lines = csv_of([row, plain])
    table = pd.read_csv(io.StringIO(lines, newline=""), dtype=str)
    assert table["student"].tolist() == [f"'{first}1+1", "o'neil-smith"]
    assert table["review"].tolist() == [f"'{first}2+2", "a=b"]


def test_a_line_of_the_table_is_a_line() -> None:
    """A carriage return, which some readers take for its end, is left out."""
    row = Row("a\rb", "refused", "c\rd", None, None, False, {}, (), REFUSED)
    table = pd.read_csv(io.StringIO(csv_of([row]), newline=""))
    assert (table["student"].tolist(), table["review"].tolist()) == (["ab"], ["cd"])


def test_a_count_stays_whole_beside_a_missing_one() -> None:
    """Programs that read the table as text find 2, not 2.0."""
    one = Row("ann", "graded", "", 1.0, 1.0, False, {}, (), (), comments=2)
    summary = [one, Row("ben", "absent")]
    assert grade_frame(summary)["comments"].tolist() == [2, None]
    read = csv.DictReader(io.StringIO(csv_of(summary)))
    assert [row["comments"] for row in read] == ["2", ""]


def test_names_that_tables_take_for_something_else() -> None:
    """Read as text they stay what they are: numbers with zeros before them, and Ms Na."""
    rows = [
        Row(name, "refused", 'said "no", twice\nand more', None, None, False, {}, (), REFUSED)
        for name in ("007", "NA", "kim, lee", 'a "b"', "李")
    ]
    table = pd.read_csv(
        io.StringIO(csv_of(rows)),
        dtype={"student": str},
        keep_default_na=False,
        na_values=[""],
    )
    assert table["student"].tolist() == ["007", "NA", "kim, lee", 'a "b"', "李"]
    assert table["review"][0] == 'said "no", twice'


def test_who_lacks_a_task_has_no_points_for_it() -> None:
    """An empty cell is not a zero."""
    one = Row("ann", "graded", "", 1.0, 1.0, False, {"a/update": ("pass", 1.0, 1.0)}, (), ())
    two = Row("ben", "graded", "", 0.0, 2.0, False, {"b/update": ("fail", 0.0, 2.0)}, (), ())
    table = pd.read_csv(io.StringIO(csv_of([one, two])), index_col="student")  # type: ignore[arg-type]
    assert table["a/update"].isna().tolist() == [False, True]
    assert table.loc["ben", "b/update"] == 0.0


def test_of_many_students_some_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    """And the rest are counted."""
    mistakes = {"wrong-sign": "The step has the wrong sign"}
    rows = [Row(f"s{number}", "graded", mistakes=mistakes) for number in range(9)]
    show_summary(rows, Console(width=100))
    assert "s0, s1, s2, s3, s4, s5 and 3 more" in capsys.readouterr().out


def test_of_how_many_tasks_it_is_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    """One student is one."""
    row = Row("s", "graded", "", 1.0, 20.0, False, {}, (), ())
    rows = [replace(row, counted=f"{n} of 4 tasks") for n in (1, 1, 2)]
    show_summary(rows, Console(width=100))
    said = capsys.readouterr().out
    assert "\n1 of 4 tasks: 2 students\n2 of 4 tasks: 1 student\n" in said


def test_how_scores_are_spread_is_told_of_ten_and_more(capsys: pytest.CaptureFixture[str]) -> None:
    """The same counts as on the class page; of fewer the page names everybody anyway."""
    scores = [0, 1.9, 2, 9.99, 10, 18, 19, 20, 20, 20]
    rows = [
        Row(f"s{n}", "graded", "", each, 20.0, False, {}, (), ()) for n, each in enumerate(scores)
    ]
    show_summary(rows, Console(width=100))
    assert (
        "\nstudents in each tenth of the points, lowest first: 2 1 0 0 1 1 0 0 0 5\n"
        in capsys.readouterr().out
    )
    show_summary(rows[1:], Console(width=100))
    assert "each tenth" not in capsys.readouterr().out


def test_scores_stand_old_beside_new(capsys: pytest.CaptureFixture[str]) -> None:
    """With the sign of what has changed; a student's name cannot colour the table."""
    changes = [
        Change("ann\x1b[31m", 17.0, 20.0, 18.5, 20.0),
        Change("[bold]ben", 20.0, 20.0, 20.0, 25.0),
        Change("cas", 20.0, 20.0, 0.0, 20.0),
    ]
    show_changes(changes, Console(width=80))
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        ["submission", "old", "new", "change"],
        ["ann", "17", "/", "20", "18.5", "/", "20", "+1.5"],
        ["[bold]ben", "20", "/", "20", "20", "/", "25", "0"],
        ["cas", "20", "/", "20", "0", "/", "20", "−20"],
    ]


def test_an_empty_class_is_one_line(tmp_path: Path) -> None:
    """A folder that was made and not graded into."""
    with Store(tmp_path, write=True):
        pass
    ended = command(tmp_path)
    assert (ended.exit_code, ended.stdout) == (0, "0 submissions\n")
    table = pd.read_csv(io.StringIO(command(tmp_path, "--format", "csv").stdout))
    assert table.empty


def test_no_class_exits_2(tmp_path: Path) -> None:
    """One sentence, and nothing is made."""
    ended = command(tmp_path)
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert ended.stderr == (
        f"gradkit: {tmp_path / FILE}: there is no such file. Name the folder that "
        "`gradkit grade … --out` wrote.\n"
    )
    assert list(tmp_path.iterdir()) == []


# --- what a course adds ------------------------------------------------------------------


@pytest.fixture
def answered(course: Path) -> Path:
    """A class in which a person has had a word."""
    with Store(course, write=True) as store:
        override(store, ANNA, "update", 5.5, comment="Anna was ill", by="A. Miller")
    return course


def rows(out: Path, *options: str) -> dict[str, dict[str, str]]:
    """The table by student."""
    printed = command(out, "--format", "csv", *options).stdout
    return {row["student"]: row for row in csv.DictReader(io.StringIO(printed.lstrip("\ufeff")))}


def test_late_attempts_and_words_are_columns(answered: Path) -> None:
    """For everybody who has handed in; a score is what counts, the word in it."""
    found = rows(answered)
    assert (found[BEN]["late"], found[BEN]["attempt"]) == ("True", "2 of 2")
    assert (found[ANNA]["late"], found[ANNA]["attempt"]) == ("False", "1 of 1")
    assert found[ANNA]["overrides"].startswith(f"{UPDATE}: Set to 5.5 of 6 by A. Miller on ")
    assert found[ANNA]["overrides"].endswith(": Anna was ill. The computed points are 4.2.")
    assert (found[ANNA]["score"], found[ANNA][UPDATE]) == ("16.8", "5.5")
    assert found[EVE]["overrides"] == ""


def test_who_is_on_the_roster_and_has_nothing(answered: Path) -> None:
    """Is listed, and counted apart from the submissions."""
    found = rows(answered)
    assert (found[DAN]["standing"], found[DAN]["review"]) == ("absent", "nothing submitted")
    assert {found[DAN][name] for name in ("score", "late", "attempt", "at", UPDATE)} == {""}
    text = command(answered).stdout
    assert text.startswith(
        "6 submissions, 5 graded, 1 refused, 1 student without a submission that counts\n"
    )
    assert re.search(rf"{DAN} +nothing submitted", text), text


def test_who_has_no_attempt_that_counts(course: Path, handed: Path) -> None:
    """Is not left out, on the roster or not."""
    run(course, handed / "first", policy="before=2000-01-01T00:00:00+00:00")
    with Store(course, write=True) as store, store.writing():
        # Without a known time, the last attempt counts.
        store.change("UPDATE listed SET sender = json_set(sender, '$.at', '2026-11-01T10:00Z')")
    found = rows(course)
    assert {row["standing"] for row in found.values()} == {"absent"}
    assert found[ANNA]["review"] == found[ZED]["review"] == "no attempt that counts"
    assert found[DAN]["review"] == "nothing submitted"
    assert command(course).stdout.startswith(
        "0 submissions, 7 students without a submission that counts\n"
    )


def test_the_page_names_what_is_unusual(answered: Path) -> None:
    """Late, not the first attempt, points set; nobody else, and without any no table."""
    text = command(answered).stdout
    lines = [line.split() for line in text.splitlines()]
    heads = "student attempt late submitted points set by a person"
    at = lines.index(heads.split())
    assert lines[at + 1][:6] == [*ANNA.split(), f"{UPDATE}:", "Set", "to", "5.5"]
    assert "Ben Miller  2 of 2   late" in text
    assert [line[0] for line in lines[at + 1 :]].count("Eve") == 0


def test_a_time_of_the_platform_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """In the table always, on the page beside what is unusual."""
    late = Row("ann", "graded", "", 1.0, 1.0, False, {}, (), (), HandedIn(2, 3, True, "2026-10-01"))
    plain = replace(late, name="ben", handed=HandedIn(1, 1, False, "2026-10-02"))
    table = list(csv.DictReader(io.StringIO(csv_of([late, plain]))))
    assert [(row["at"], row["attempt"]) for row in table] == [
        ("2026-10-01", "2 of 3"),
        ("2026-10-02", "1 of 1"),
    ]
    show_summary([late, plain], Console(width=100))
    text = capsys.readouterr().out
    assert "ann      2 of 3   late  2026-10-01" in text
    assert "2026-10-02" not in text


def test_pseudonyms_hide_who_it_is(answered: Path) -> None:
    """Names, sentences, reasons and times, on the page and in the table; points stay."""
    plain, hidden = rows(answered), rows(answered, "--pseudonyms")
    with Store(answered, write=False) as store:
        names = {name: pseudonym(store, name) for name in plain}
    assert list(hidden) == sorted(names.values())
    for name, row in plain.items():
        other = hidden[names[name]]
        same = ("standing", "score", "max_score", "late", "attempt", "mistakes", UPDATE)
        assert [other[key] for key in same] == [row[key] for key in same]
    assert "by A. Miller on" in hidden[names[ANNA]]["overrides"]
    assert hidden[names[FAY]]["review"] == "refused"
    said = "".join(
        command(answered, *words, "--pseudonyms").stdout
        for words in (
            (),
            (
                "--format",
                "csv",
            ),
        )
    )
    known = ("Anna", "Ben", "Cas", "Dan", "Eve", "Fay", "Lee", "Ito", "Poe", "zorn", "was ill")
    assert [word for word in known if word in said] == []
    assert "Anna was ill" in command(answered, "--format", "csv").stdout


def test_two_classes_have_different_pseudonyms(handed: Path, tmp_path: Path) -> None:
    """Each is drawn by a secret of the file's own; the same name gives the same in one."""
    with Store(tmp_path, write=True) as store, Store(handed / "out", write=False) as other:
        assert pseudonym(store, ANNA) == pseudonym(store, ANNA) != pseudonym(other, ANNA)
        assert re.fullmatch(r"student-[0-9a-f]{12}", pseudonym(store, ANNA))
        assert pseudonym(store, BEN) != pseudonym(store, ANNA)


def test_texts_alone_are_kept_from_being_formulas() -> None:
    """In CSV a number is a number, negative ones too, and nothing is an empty cell."""
    frame = pd.DataFrame({"name": ["=1+1", "ben, jr."], "points": [-1.5, None]}, dtype=object)
    assert frame_csv(frame) == 'name,points\n\'=1+1,-1.5\n"ben, jr.",\n'


def test_reasons_are_told_apart() -> None:
    """A refusal is given by its message, other reasons beside it by their own words."""
    reasons = (*REFUSED, Reason("not-in-roster", "not in the roster"))
    refused = Row("ann", "refused", "There is no code. Add some.", review=reasons)
    graded = Row("ben", "graded", "There is no code.", review=(Reason("zero", "a, b, and c"),) * 2)
    texts = grade_frame([refused, graded])["review"].tolist()
    assert texts == ["There is no code.; not in the roster", "a, b, and c; a, b, and c"]
