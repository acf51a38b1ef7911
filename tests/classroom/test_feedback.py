"""The way back: each platform finds whose each page is, and what was given is known for good."""

from __future__ import annotations

import io
import os
import shutil
from functools import partial
from pathlib import Path

import pandas as pd
import pytest
from classroom.classes import RIGHT, SETTINGS, changed_assignment
from classroom.downloads import canvas_takes, gradebook_takes, moodle_takes, worksheet_takes
from classroom.returned import (
    CANVAS,
    CLIMBS,
    GRADEBOOK,
    MOODLE,
    ROSTER,
    WORDS,
    WORKSHEET,
    download,
    graded,
    members,
    table,
)
from msgspec.structs import replace

from gradkit.classroom.feedback.address import BundleError
from gradkit.classroom.feedback.give import FeedbackError, Plan, Table, feedback
from gradkit.classroom.feedback.platforms import fill_gradebook, fill_worksheet
from gradkit.classroom.remark import remark_class
from gradkit.classroom.reports.history import history
from gradkit.classroom.store.counted import override
from gradkit.classroom.store.results import Store, content, given, releases
from gradkit.records.reports import Given, Left

pytestmark = [pytest.mark.sample(12), pytest.mark.usefixtures("warm")]

ANN = "Ann Mo_501_assignsubmission_file_/feedback.html"
BEN = "Ben Ost_502_assignsubmission_file_/feedback.html"
CAS = "Cas Pi_503_assignsubmission_file_/feedback.html"


@pytest.fixture(scope="module")
def moodle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A class of Moodle's: one right, one wrong, one that cannot be graded."""
    made = tmp_path_factory.mktemp("moodle")
    return graded(download(made / "subs", MOODLE), made / "out")


@pytest.fixture(scope="module")
def canvas(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A class of Canvas', with a roster and a group of two."""
    made = tmp_path_factory.mktemp("canvas")
    return graded(download(made / "subs", CANVAS), made / "out", ROSTER, groups=True)


@pytest.fixture
def out(moodle: Path, tmp_path: Path) -> Path:
    """The class of Moodle's, to be written into."""
    return shutil.copytree(moodle, tmp_path / "out")


def give(
    out: Path, way: str = "moodle", table_: Table | None = None, hints: int = 3, **facts: object
) -> Given:
    """Give back what there is, by default at a high level."""
    names = {"moodle": "m.zip", "canvas": "c.zip", "folder": "pages"}
    plan = Plan(way, out / "feedback" / names[way], hints, table_, **facts)  # type: ignore[arg-type]
    with Store(out, write=plan.write) as store:
        return feedback(store, plan)


def worksheet(out: Path) -> Table:
    """Moodle's table, beside the archive."""
    return Table(out / "feedback" / "w.csv", partial(fill_worksheet, WORKSHEET.encode(), "w.csv"))


def set_points(out: Path, name: str, points: float | None, comment: str = "agreed") -> None:
    """A person's word on the update of a student."""
    with Store(out, write=True) as store:
        override(store, name, "update", points, comment=comment, by="Vera")


def noted(out: Path) -> list[tuple[int, str, str]]:
    """All that was given, as run, student and file."""
    with Store(out, write=False) as store:
        return [(one.run, name, one.file) for name, told in given(store).items() for one in told]


def test_moodle_finds_every_page_and_every_grade(out: Path) -> None:
    """In the archive by its own rule, in the worksheet by its own; what it refused is listed."""
    done = give(out, table_=worksheet(out))
    pages = members(out / "feedback" / "m.zip")
    known = ["501", "502", "503"]
    assert [moodle_takes(name, known) for name in pages] == [
        ("501", "feedback.html"),
        ("502", "feedback.html"),
        ("503", "feedback.html"),
    ]
    assert "Not graded" in pages[CAS]
    assert "There is no script or notebook in Cas Pi_503" in pages[CAS]
    assert "20</strong> of 20 points" in pages[ANN]
    assert "The step goes up the gradient" not in pages[ANN]
    taken = worksheet_takes((out / "feedback" / "w.csv").read_bytes(), WORDS, "Participant ", 20.0)
    assert {number: grade for number, (grade, _) in taken.items()} == {
        "502": 9.5,
        "501": 20.0,
        "504": None,
    }
    assert taken["501"][1].startswith("<pre style='white-space: pre-wrap'>20 / 20 points<br />")
    assert taken["504"][1] == ""
    assert (done.pages, done.new, done.filled) == (3, 3, 2)
    (left,) = done.left
    assert (left.student, left.what) == ("Cas Pi", "grade")
    assert left.why.startswith("There is no script or notebook in Cas Pi_503")
    read = pd.read_csv(io.BytesIO((out / "feedback" / "w.csv").read_bytes()), index_col="Full name")
    assert read["Grade"].dropna().to_dict() == {"Ben Ost": 9.5, "Ann Mo": 20.0}


def test_every_byte_of_the_worksheet_but_two_cells_is_kept(out: Path) -> None:
    """Mark, order and line ends; the row of who handed nothing in as it was."""
    give(out, table_=worksheet(out))
    data = (out / "feedback" / "w.csv").read_bytes()
    old, new = WORKSHEET.encode().split(b"\r\n"), data.split(b"\r\n")
    assert len(old) == len(new)
    assert [number for number, line in enumerate(old) if line != new[number]] == [1, 2]
    names = [row["Full name"] for row in table(data)]
    assert names == ["Ben Ost", "Ann Mo", "Dan Absent"]


def test_canvas_finds_every_page_and_every_score(canvas: Path, tmp_path: Path) -> None:
    """A group's page comes back once, and each member has a row of points."""
    out = shutil.copytree(canvas, tmp_path / "out")
    book = Table(
        out / "feedback" / "g.csv",
        partial(fill_gradebook, GRADEBOOK.encode(), "g.csv", assignment="Backprop"),
    )
    done = give(out, "canvas", book)
    pages = members(out / "feedback" / "c.zip")
    attachments = {"9001": "101", "9002": "102", "9003": "103"}
    assert {canvas_takes(name, attachments) for name in pages} == {"101", "102", "103"}
    assert "<bdi>Submitted by a group</bdi>" in pages["teamred_103_9003_feedback.html"]
    assert "Jo Red" not in pages["teamred_103_9003_feedback.html"]
    data = (out / "feedback" / "g.csv").read_bytes()
    scores = gradebook_takes(data, {"71": "Backprop", "72": "Other"})
    assert scores["101"] == {"71": "20.00"}
    assert scores["103"] == scores["104"]
    assert float(scores["103"]["71"]) < 20
    assert scores["105"] == {"71": ""}
    assert (done.pages, done.filled, done.absent) == (4, 4, ("Dan Absent",))
    assert done.left == ()
    assert done.notes == (
        "A group has one page: Canvas gives it to every member of the group that it knows.",
    )
    assert list(pd.read_csv(io.BytesIO(data)).columns)[-1] == "Backprop (71)"
    with Store(out, write=False) as store:
        (own,) = (one for one in releases(store, "Jo Red") if one.file.endswith(".html"))
        assert content(store, own.id).decode() == pages["teamred_103_9003_feedback.html"]
        (row,) = (one for one in releases(store, "Jo Red") if one.file == "g.csv")
        assert content(store, row.id) in data
        assert content(store, row.id).startswith(b'"Red, Jo",104,')


def test_a_group_with_different_points_has_no_common_page(canvas: Path, tmp_path: Path) -> None:
    """Nobody is shown what was decided about another; in a folder each has an own page."""
    out = shutil.copytree(canvas, tmp_path / "out")
    set_points(out, "Jo Red", 5.5, "was ill")
    done = give(out, "canvas")
    assert sorted(members(out / "feedback" / "c.zip")) == [
        "moann_101_9001_feedback.html",
        "ostben_LATE_102_9002_feedback.html",
    ]
    why = (
        "the pages of Ida Red, Jo Red differ, but Canvas takes one file for all of them: use "
        "--format folder"
    )
    assert done.left == (Left("Ida Red", "page", why), Left("Jo Red", "page", why))
    assert give(out, "folder").pages == 4
    ida, jo = (next((out / "feedback" / "pages").glob(f"{name}*")) for name in ("Ida", "Jo"))
    assert ida.read_text(encoding="utf-8") != jo.read_text(encoding="utf-8")


def test_who_comes_to_a_group_later_has_its_page(tmp_path: Path) -> None:
    """From wherever it is graded then; equal files of two who are no group are each one's own."""
    roster = [ROSTER[2], replace(ROSTER[3], group="")]
    texts = {"teamred_103_9003_hw.py": RIGHT, "moann_101_9001_hw.py": RIGHT}
    out = graded(download(tmp_path / "one", texts), tmp_path / "out", roster, groups=True)
    graded(download(tmp_path / "two", texts), out, [*ROSTER[2:4], ROSTER[0]], groups=True)
    done = give(out, "canvas")
    pages = members(out / "feedback" / "c.zip")
    assert "<bdi>Submitted by a group</bdi>" in pages["teamred_103_9003_feedback.html"]
    # The first roster did not have her.
    assert "<bdi>Ann Mo</bdi>" in pages["moann_101_9001_feedback.html"]
    assert (done.pages, done.left) == (3, ())


def test_moodle_gives_a_members_file_to_that_member_alone(tmp_path: Path) -> None:
    """So the rest of a group that only the roster knows is listed."""
    roster = [
        ROSTER[0].__class__("Ann Mo", ("Ann Mo",), {"moodle": "501"}, "g"),
        ROSTER[0].__class__("Eve Qu", ("Eve Qu",), {"moodle": "505"}, "g"),
    ]
    texts = {"Ann Mo_501_assignsubmission_file_/hw.py": RIGHT}
    out = graded(download(tmp_path / "subs", texts), tmp_path / "out", roster, groups=True)
    done = give(out)
    assert list(members(out / "feedback" / "m.zip")) == [ANN]
    assert done.left == (Left("Eve Qu", "page", "Moodle gives the file of Ann Mo to Ann Mo alone"),)


def test_what_was_given_is_noted_byte_for_byte_and_once(out: Path) -> None:
    """The same state is the same archive and no other note."""
    give(out, table_=worksheet(out), why="first look")
    first = (out / "feedback" / "m.zip").read_bytes()
    before = noted(out)
    assert sorted(file for _, _, file in before) == sorted([ANN, BEN, CAS, "w.csv", "w.csv"])
    with Store(out, write=False) as store:
        run = store.runs()[-1]
        assert (run.kind, run.why, run.ended is not None) == ("release", "first look", True)
        for name, file in (("Ann Mo", ANN), ("Ben Ost", BEN)):
            (page,) = (one for one in releases(store, name) if one.file == file)
            assert content(store, page.id).decode() == members(out / "feedback" / "m.zip")[file]
    again = give(out, table_=worksheet(out))
    assert (again.pages, again.new) == (3, 0)
    assert (out / "feedback" / "m.zip").read_bytes() == first
    assert noted(out) == before


def test_a_page_says_what_has_changed_since_the_last(out: Path) -> None:
    """Points, findings and words with their reasons; then, with nothing new, it stays."""
    give(out)
    old = members(out / "feedback" / "m.zip")
    assert "What has changed since" not in "".join(old.values())
    set_points(out, "Ann Mo", 3.5, "cannot explain it <b>")
    remark_class(out, drops=["wrong-sign"], why="too harsh & late")
    done = give(out)
    new = members(out / "feedback" / "m.zip")
    assert done.new == 2
    assert "You had 20 of 20 points. Now you have 17.5 of 20." in new[ANN]
    assert "3.5 points: cannot explain it &lt;b&gt;" in new[ANN]
    assert "too harsh" not in new[ANN]
    assert "Reason: too harsh &amp; late" in new[BEN]
    assert "<h3>Withdrawn</h3>" in new[BEN]
    assert "No longer found" not in new[BEN]
    assert give(out).new == 0
    assert members(out / "feedback" / "m.zip") == new
    set_points(out, "Ann Mo", None, "did explain it")
    assert give(out).new == 1
    third = members(out / "feedback" / "m.zip")
    assert "You had 17.5 of 20 points. Now you have 20 of 20." in third[ANN]
    assert "removed: did explain it" in third[ANN]
    assert third[BEN] == new[BEN]
    assert len([1 for _, name, _ in noted(out) if name == "Ann Mo"]) == 3


def test_the_reason_of_a_policy_is_on_the_page_of_its_student_alone(out: Path) -> None:
    """Pages, comments and histories of others have none of it, whatever changes there later."""
    give(out, table_=worksheet(out))
    policy = '[bonus]\n"Ben Ost" = {points = 1, why = "agreed"}\n'
    (out / "policy.toml").write_text(policy, encoding="utf-8")
    remark_class(out, why="Ben was in hospital")
    set_points(out, "Ann Mo", 3.5, "copied")
    give(out, table_=worksheet(out))
    pages = members(out / "feedback" / "m.zip")
    assert "3.5 points: copied" in pages[ANN]
    assert "Reason: Ben was in hospital" in pages[BEN]
    assert [name for name, page in pages.items() if "hospital" in page] == [BEN]
    comments = {
        row["Full name"]: row["Feedback comments"]
        for row in table((out / "feedback" / "w.csv").read_bytes())
    }
    assert [name for name, said in comments.items() if "hospital" in said] == ["Ben Ost"]
    with Store(out, write=False) as store:
        reasons = {
            name: [step.why for step in history(store, name).steps if step.kind == "remark"]
            for name in ("Ann Mo", "Ben Ost")
        }
    assert reasons == {"Ann Mo": [""], "Ben Ost": ["Ben was in hospital"]}


def test_the_reason_of_a_remark_is_not_told_where_only_digests_changed(out: Path) -> None:
    """Another preset gives everybody a new result, and other points to one student alone."""
    give(out)
    before = members(out / "feedback" / "m.zip")
    remark_class(out, preset="numbers", why="the faculty decided")
    set_points(out, "Ann Mo", 3.5, "copied")
    give(out)
    pages = members(out / "feedback" / "m.zip")
    assert before[BEN] != pages[BEN]
    assert [name for name, page in pages.items() if "the faculty decided" in page] == [BEN]


def test_the_first_page_says_what_was_withdrawn_and_why(out: Path) -> None:
    """Once for all checks of a task; the state is at each, and nobody else's page has any of it."""
    remark_class(out, drops=["wrong-sign"], why="too harsh & late")
    give(out)
    pages = members(out / "feedback" / "m.zip")
    shown = ">–</span> withdrawn"
    assert pages[BEN].count(shown) > 2
    for text in (
        "The instructor withdrew a finding about this check",
        "Withdrawn: ",
        "too harsh &amp; late",
    ):
        assert pages[BEN].count(text) == 1
    for text in ("Withdrawn: ", "too harsh", shown):
        assert text not in pages[ANN]


@pytest.mark.parametrize("level", [1, 2])
def test_the_first_page_gives_the_reason_for_a_price(out: Path, level: int) -> None:
    """Once for all checks of a task; the title is not given away below its hint level."""
    remark_class(out, prices={"wrong-sign": 0.125}, why="too harsh & late")
    give(out, hints=level)
    pages = members(out / "feedback" / "m.zip")
    title = "“The step has the wrong sign”" if level > 1 else "A mistake here"
    for text in (f"{title} costs 12.5 % of a check&#39;s points in this class.", "too harsh"):
        assert pages[BEN].count(text) == 1
        assert text not in pages[ANN]


def test_only_what_has_changed_where_that_is_wanted(out: Path) -> None:
    """And nothing where nothing has: the archive stays the one that was written last."""
    # Who was refused has a page too, that says why.
    assert give(out, changed=True).pages == 3
    set_points(out, "Ann Mo", 3.5)
    done = give(out, changed=True, table_=worksheet(out))
    assert (done.pages, done.new, done.filled) == (1, 1, 2)
    pages = members(out / "feedback" / "m.zip")
    assert list(pages) == [ANN]
    assert "What has changed since" in pages[ANN]
    done = give(out, changed=True)
    assert (done.pages, done.written) == (0, ())
    assert done.notes == (
        "No page is new or changed, so no page was written.",
        f"{out / 'feedback' / 'm.zip'} is from an earlier run: do not upload it again.",
    )
    assert members(out / "feedback" / "m.zip") == pages


def test_another_attempt_that_counts_is_told(tmp_path: Path) -> None:
    """And its page goes where the platform has the newest one."""
    first = download(tmp_path / "one", {"moann_101_9001_hw.py": RIGHT})
    out = graded(first, tmp_path / "out")
    give(out, "canvas")
    second = download(tmp_path / "two", {"moann_101_9007_hw-1.py": CLIMBS})
    graded(second, out)
    give(out, "canvas")
    (page,) = members(out / "feedback" / "c.zip").items()
    assert page[0] == "moann_101_9007_feedback.html"
    assert "Another of your submissions counts now." in page[1]
    assert "<h3>Found now</h3>" in page[1]
    graded(second, out, policy="best")
    give(out, "canvas")
    ((name, text),) = members(out / "feedback" / "c.zip").items()
    assert name == "moann_101_9007_feedback.html"
    assert "Now you have 20 of 20." in text


def test_who_has_no_attempt_that_counts_is_listed(tmp_path: Path) -> None:
    """With the rule. Plain files have times; those of a platform's download have none."""
    folder = download(tmp_path / "subs", {"ann.py": RIGHT})
    out = graded(folder, tmp_path / "out", policy="before=2001-01-01T00:00:00+00:00")
    with pytest.raises(FeedbackError) as caught:
        give(out, "folder")
    assert str(caught.value) == (f"{out / 'class.sqlite'}: no student has a result yet.")
    path = download(tmp_path / "more", {"ben.py": CLIMBS}) / "ben.py"
    os.utime(path, (0, 0))
    graded(tmp_path / "more", out)
    assert give(out, "folder").left == (
        Left("ann", "page", "no attempt counts by the rule before=2001-01-01T00:00:00+00:00"),
    )


@pytest.mark.slow
@pytest.mark.parametrize("level", [1, 2, 3, 4])
def test_nothing_above_the_level_and_nothing_hidden_is_given(level: int, tmp_path: Path) -> None:
    """Neither in pages, nor in comments, nor in what has changed."""
    hidden = changed_assignment(
        tmp_path / "mine", 'visibility = "visible"', 'visibility = { update = "hidden" }'
    )
    for name, assignment in (("seen", None), ("unseen", hidden)):
        settings = replace(SETTINGS, assignment=assignment)
        folder = download(tmp_path / f"subs-{name}", dict(list(MOODLE.items())[:2]))
        out = graded(folder, tmp_path / name, settings=settings)
        plan = Plan("moodle", out / "feedback" / "m.zip", level, worksheet(out))
        with Store(out, write=True) as store:
            feedback(store, plan)
        remark_class(out, drops=["wrong-sign"])
        with Store(out, write=True) as store:
            feedback(store, plan)
        page = members(out / "feedback" / "m.zip")[BEN].partition("</style>")[2]
        comment = table((out / "feedback" / "w.csv").read_bytes())[0]["Feedback comments"]
        with Store(out, write=False) as store:
            first = next(one for one in releases(store, "Ben Ost") if one.file == BEN)
            said = content(store, first.id).decode().partition("</style>")[2]
        assert ("wrong-sign" in said) == (name == "seen" and level >= 2)
        assert ("<h3>Withdrawn</h3>" in page) == (name == "seen")
        assert ("Withdrawn: " in page) == (name == "seen" and level >= 2)
        assert ("should move" in said) == (name == "seen" and level == 4)
        assert ("What this check found is not shown here" in comment) == (name == "unseen")


def test_a_class_of_another_platform_is_refused(out: Path) -> None:
    """Unless there is a table to be filled, which finds its rows by names too."""
    with pytest.raises(FeedbackError) as caught:
        give(out, "canvas")
    assert str(caught.value) == (
        f"No submission in {out / 'class.sqlite'} was downloaded from Canvas. Canvas matches "
        "pages by the file names of its download. Write the pages with --format folder."
    )
    book = Table(
        out / "g.csv", partial(fill_gradebook, GRADEBOOK.encode(), "g.csv", assignment="71")
    )
    done = give(out, "canvas", book)
    assert (done.pages, done.filled, done.written) == (0, 2, (str(out / "g.csv"),))
    assert done.notes[0] == ("No pages are written: no submission was downloaded from Canvas.")


def test_without_writing_nothing_is_written(out: Path) -> None:
    """And all is said."""
    done = give(out, table_=worksheet(out), write=False)
    assert (done.pages, done.new, done.filled, done.written) == (3, 3, 2, ())
    assert not (out / "feedback").exists()
    assert noted(out) == []


@pytest.mark.parametrize("where", ["archive", "table"])
def test_what_cannot_be_written_is_not_noted(where: str, out: Path) -> None:
    """The sentence says which file, and nothing was given."""
    (out / "file").write_text("x", encoding="utf-8")
    target = out / "feedback"
    paths = {"archive": (out / "file" / "m.zip", target / "w.csv")}
    archive, sheet = paths.get(where, (target / "m.zip", out / "file" / "w.csv"))
    plan = Plan(
        "moodle", archive, 3, Table(sheet, partial(fill_worksheet, WORKSHEET.encode(), "w.csv"))
    )
    with Store(out, write=True) as store, pytest.raises(BundleError) as caught:
        feedback(store, plan)
    assert str(caught.value) == (
        f"{out / 'file'}: cannot be made (File exists). Choose another place with --out."
    )
    assert noted(out) == []


def test_a_table_that_is_a_folder_is_not_written(out: Path) -> None:
    """Nor noted."""
    (out / "feedback" / "w.csv").mkdir(parents=True)
    with pytest.raises(BundleError) as caught:
        give(out, table_=worksheet(out))
    assert str(caught.value) == (
        f"{out / 'feedback' / 'w.csv'}: cannot be written (Is a directory). The existing file "
        "is unchanged."
    )
    assert noted(out) == []


def test_files_are_there_before_they_are_noted(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever dies at the end of the transaction has whole files and no note; again makes one."""

    def dies(*given: object) -> None:
        raise MemoryError

    monkeypatch.setattr("gradkit.classroom.feedback.give.write_whole", dies)
    with pytest.raises(MemoryError):
        give(out, table_=worksheet(out))
    assert len(members(out / "feedback" / "m.zip")) == 3
    first = (out / "feedback" / "m.zip").read_bytes()
    assert noted(out) == []
    monkeypatch.undo()
    give(out, table_=worksheet(out))
    assert (out / "feedback" / "m.zip").read_bytes() == first
    assert len(noted(out)) == 5
