"""`gradkit feedback` as it is typed: where it writes, what it prints, and how it ends."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from classroom.classes import RIGHT, SETTINGS, changed_assignment
from classroom.returned import MOODLE, WORKSHEET, download, graded, members, table
from click.testing import CliRunner
from click.testing import Result as Ended
from msgspec.structs import replace

from gradkit.classroom.reports.purge import OF_ALL
from gradkit.classroom.store.counted import override_points
from gradkit.classroom.store.database import files_of
from gradkit.classroom.store.results import Store, given
from gradkit.cli import main
from gradkit.submission.read import gather

pytestmark = pytest.mark.usefixtures("warm")


def command(*arguments: object) -> Ended:
    """The command, in this process."""
    return CliRunner().invoke(main, ["feedback", *map(str, arguments)], env={"COLUMNS": "160"})


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A class of Moodle's, graded."""
    made = tmp_path_factory.mktemp("moodle")
    return graded(download(made / "subs", MOODLE), made / "out")


@pytest.fixture
def out(once: Path, tmp_path: Path) -> Path:
    """The same, to be written into; what Moodle gave lies beside it."""
    (tmp_path / "Grades.csv").write_bytes(WORKSHEET.encode())
    return shutil.copytree(once, tmp_path / "out")


def test_pages_and_grades_are_written_and_told(out: Path) -> None:
    """Paths on standard output, who is left out before them, counts beside; it ends with 1."""
    ended = command(out, "--format", "moodle", "--worksheet", out.parent / "Grades.csv")
    assert ended.exit_code == 1
    lines = [line.rstrip() for line in ended.stdout.splitlines()]
    assert lines[0].split() == ["left", "out", "of", "why"]
    assert lines[1].startswith("Cas Pi    grade  There is no script or notebook in Cas Pi_503")
    assert lines[-2:] == [str(out / "feedback" / name) for name in ("moodle.zip", "Grades.csv")]
    assert ended.stderr == "3 pages written, 3 of them new or changed.\n2 rows filled.\n"
    assert len(members(out / "feedback" / "moodle.zip")) == 3
    assert (out.parent / "Grades.csv").read_bytes() == WORKSHEET.encode()
    again = command(out, "--format", "moodle", "--worksheet", out.parent / "Grades.csv")
    assert again.stderr == "3 pages written, 0 of them new or changed.\n2 rows filled.\n"


def test_a_page_without_a_grade_leaves_nobody_out(out: Path) -> None:
    """Without a table no grades are given, and the page says why there is none."""
    ended = command(out)
    assert (ended.exit_code, ended.stdout) == (0, f"{out / 'feedback' / 'pages'}\n")
    assert ended.stderr == (
        "3 pages written, 3 of them new or changed.\nThese students get a page that explains "
        "why they have no grade: Cas Pi.\n"
    )


def test_where_nobody_is_left_out_it_ends_with_0(tmp_path: Path) -> None:
    """And prints only what it wrote."""
    out = graded(download(tmp_path / "subs", {"ann.py": RIGHT}), tmp_path / "out")
    ended = command(out, "--format", "folder")
    assert (ended.exit_code, ended.stdout) == (0, f"{out / 'feedback' / 'pages'}\n")
    (page,) = (out / "feedback" / "pages").iterdir()
    assert page.name.startswith("ann-")
    assert ended.stderr == "1 page written, 1 of them new or changed.\n"


def test_the_table_itself_is_replaced_where_that_is_said(out: Path) -> None:
    """In its place, with all that Moodle wrote."""
    path = out.parent / "Grades.csv"
    ended = command(
        out, "--format", "moodle", "--worksheet", path, "--in-place", "--out", out / "m.zip"
    )
    assert ended.stdout.splitlines()[-2:] == [str(out / "m.zip"), str(path)]
    assert [row["Grade"] for row in table(path.read_bytes())] == ["9.50", "20.00", ""]


def test_a_dry_run_writes_nothing(out: Path) -> None:
    """It may go on while others read, and says all that would be said."""
    table = out.parent / "Grades.csv"
    with Store(out, write=True):
        ended = command(out, "--format", "moodle", "--worksheet", table, "--dry-run")
    assert ended.exit_code == 1
    assert ended.stdout.splitlines()[1].startswith("Cas Pi    grade  There is no script")
    assert ended.stderr == (
        "3 pages would be written, 3 of them new or changed.\n2 rows would be filled.\n"
    )
    assert not (out / "feedback").exists()


def test_what_has_changed_leaves_the_whole_zip_alone(out: Path) -> None:
    """It is a zip of its own, which the next one of changes replaces."""
    command(out, "--format", "moodle")
    whole = out / "feedback" / "moodle.zip"
    before = whole.read_bytes()
    override_points(out, "Ann Mo", "update", 3.5, comment="cannot explain it")
    ended = command(out, "--format", "moodle", "--changed")
    (name,) = members(out / "feedback" / "moodle-changed.zip")
    assert name.startswith("Ann Mo_501_")
    assert ended.stdout.splitlines()[-1] == str(out / "feedback" / "moodle-changed.zip")
    assert whole.read_bytes() == before
    assert {"feedback/moodle.zip", "feedback/moodle-changed.zip"} < {*OF_ALL}


def test_the_level_is_the_assignments_unless_another_is_asked_for(out: Path) -> None:
    """3 by the file: rules, and no right ones."""
    for options, expected in (((), False), (("--hints", "4"), True)):
        command(out, "--format", "moodle", *options)
        pages = "".join(members(out / "feedback" / "moodle.zip").values())
        assert ("should move" in pages) == expected
        assert "moves by" in pages


def test_the_reason_is_kept(out: Path) -> None:
    """With the run that gave something back."""
    command(out, "--format", "moodle", "--why", "after the appeals")
    with Store(out, write=False) as store:
        (run,) = {one.run for told in given(store).values() for one in told}
        assert next(each for each in store.runs() if each.id == run).why == "after the appeals"


REFUSED = {
    "worksheet": (
        ["--format", "canvas", "--worksheet", "w.csv"],
        "--worksheet is a table of Moodle. Add --format moodle.",
    ),
    "gradebook": (
        ["--format", "folder", "--gradebook", "g.csv", "--column", "HW"],
        "--gradebook is a table of Canvas. Add --format canvas.",
    ),
    "no column": (
        ["--format", "canvas", "--gradebook", "g.csv"],
        "Give --gradebook and --column together: the gradebook, and one of its columns.",
    ),
    "no table": (
        ["--format", "moodle", "--in-place"],
        "--in-place needs a table: name it with --worksheet.",
    ),
    "missing": (
        ["--format", "moodle", "--worksheet", "w.csv"],
        "w.csv: cannot be opened (No such file or directory). Check the path and the permissions.",
    ),
    "the same place": (
        ["--format", "moodle", "--worksheet", "Grades.csv", "--out", "m.zip"],
        "Grades.csv: the filled table would overwrite this file. Allow that with --in-place, "
        "or write elsewhere with --out.",
    ),
    "a gradebook's place": (
        ["--format", "canvas", "--gradebook", "g.csv", "--column", "HW", "--in-place"],
        "g.csv would lose its other columns. The table for Canvas has only the columns of the "
        "students and this one, so that it changes no other grades. Leave out --in-place, or write "
        "elsewhere with --out.",
    ),
    "a gradebook's place, by another way": (
        ["--format", "canvas", "--gradebook", "g.csv", "--column", "HW", "--out", "c.zip"],
        "g.csv would lose its other columns. The table for Canvas has only the columns of the "
        "students and this one, so that it changes no other grades. Leave out --in-place, or write "
        "elsewhere with --out.",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_done_exits_2(case: str, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence, and nothing is written."""
    monkeypatch.chdir(out.parent)
    Path("g.csv").write_text("Student,ID,Section,HW\n", encoding="utf-8")
    options, said = REFUSED[case]
    ended = command("out", *options)
    assert (ended.exit_code, ended.stdout, ended.stderr) == (2, "", f"gradkit: {said}\n")
    assert not (out / "feedback").exists()


def test_no_class_and_no_worksheet_exit_2(out: Path, tmp_path: Path) -> None:
    """In the words of whoever found out."""
    ended = command(tmp_path / "nowhere", "--format", "moodle")
    assert ended.exit_code == 2
    assert "there is no such file. Name the folder that" in ended.stderr
    (tmp_path / "Grades.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    ended = command(out, "--format", "moodle", "--worksheet", tmp_path / "Grades.csv")
    assert ended.exit_code == 2
    assert "is not a grading worksheet of Moodle that can be filled" in ended.stderr
    assert not (out / "feedback").exists()


def test_what_is_written_is_no_submission(tmp_path: Path) -> None:
    """Where the class lies in the folder of its own submissions."""
    download(tmp_path, {"ann.py": RIGHT})
    graded(tmp_path, tmp_path)
    assert command(tmp_path, "--format", "folder").exit_code == 0
    (tmp_path / "pages").mkdir()
    assert [one.name for one in gather([tmp_path], files_of(tmp_path))] == ["ann"]
    assert len(gather([tmp_path])) > 1


def test_pages_need_the_extra(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is missing is said, with how to get it."""
    monkeypatch.setattr("gradkit.report.lacking", lambda name: f"{name} needs more")
    ended = command(out, "--format", "moodle")
    assert (ended.exit_code, ended.stderr) == (2, "gradkit: html needs more\n")


def test_an_assignment_that_is_gone_is_said(tmp_path: Path) -> None:
    """Unless the level is given, which is all that it is needed for."""
    mine = changed_assignment(tmp_path / "mine")
    settings = replace(SETTINGS, assignment=mine)
    folder = download(tmp_path / "subs", {"ann.py": RIGHT})
    out = graded(folder, tmp_path / "out", settings=settings)
    mine.unlink()
    ended = command(out, "--format", "folder")
    assert ended.exit_code == 2
    assert str(mine) in ended.stderr
    assert command(out, "--format", "folder", "--hints", "2").exit_code == 0


def test_an_interrupt_ends_with_130(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing was given."""

    def interrupted(*given: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("gradkit.classroom.feedback.give.feedback", interrupted)
    ended = command(out, "--format", "moodle")
    assert (ended.exit_code, ended.stdout) == (130, "")
    assert ended.stderr == (
        "gradkit: interrupted. Existing files are intact. Run the same command again.\n"
    )
