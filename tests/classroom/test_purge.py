"""A student taken out of a class: nothing left in its bytes, everybody else as they were."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from classroom.answering import (
    ANNA,
    BEN,
    DAN,
    EVE,
    SETTINGS,
    gradkit,
    refusal,
    run,
)
from classroom.classes import RIGHT, Silent
from classroom.here import Here

from gradkit.classroom.course.find_student import pseudonym
from gradkit.classroom.course.roster import enrolment_of
from gradkit.classroom.feedback.address import file_name
from gradkit.classroom.feedback.pages import write_pages
from gradkit.classroom.grade import Grading
from gradkit.classroom.policy import counting_attempts
from gradkit.classroom.reports.history import history
from gradkit.classroom.reports.purge import PurgeError, purge, remove_traces
from gradkit.classroom.store.counted import override
from gradkit.classroom.store.database import FILE, StoreError
from gradkit.classroom.store.results import Store, release
from gradkit.classroom.worker_pool import grader
from gradkit.submission.read import gather

pytestmark = [pytest.mark.sample(6), pytest.mark.usefixtures("warm")]

COMMENT = "the dog ate the sheet of a certain person"
PAGE = b"<p>a page of one's own</p>"
TRACES = (b"Anna", b"leeanna", b"al7", b"101_9001", COMMENT.encode(), b"anna-page.html")
"""What is written of her as it stands, once something was decided and given back."""


@pytest.fixture
def term(course: Path) -> Path:
    """Two students, each with a word and something given back."""
    with Store(course, write=True) as store:
        for each in counting_attempts(store):
            if each.kept.name in (ANNA, BEN):
                own = COMMENT if each.kept.name == ANNA else "another reason"
                override(store, each.kept.name, "update", 5.5, comment=own, by="A. Miller")
        number = store.begin("release")
        release(store, number, [(ANNA, "anna-page.html", PAGE), (BEN, "b.html", PAGE)])
        store.end(number)
    return course


def blobs(course: Path, name: str) -> list[bytes]:
    """All that is stored packed of a student: answers, code, findings, pages."""
    with Store(course, write=False) as store:
        return [
            bytes(row[0])
            for query in (
                "SELECT packed FROM results JOIN submissions ON submissions.id = submission "
                "WHERE name = ?",
                "SELECT packed FROM evidence JOIN submissions ON submissions.id = submission "
                "WHERE name = ?",
                "SELECT content FROM released WHERE name = ?",
            )
            for row in store.rows(query, (name,))
        ]


def everything(course: Path, name: str) -> list[object]:
    """All rows of a student."""
    with Store(course, write=False) as store:
        tables = ("results", "evidence", "listed")
        rows = [
            tuple(row)
            for table in tables
            for row in store.rows(
                f"SELECT {table}.* FROM {table} JOIN submissions ON submissions.id = submission "  # noqa: S608 -- names of ours
                "WHERE name = ?",
                (name,),
            )
        ]
        for table in ("submissions", "students", "overrides", "released"):
            rows += map(tuple, store.rows(f"SELECT * FROM {table} WHERE name = ?", (name,)))  # noqa: S608
        return rows


@pytest.mark.slow
@pytest.mark.rotate(2)
def test_nothing_is_left_in_the_bytes(term: Path) -> None:
    """Name, identifiers, reason, page, and every packed answer and line of code; before it is."""
    before = (term / FILE).read_bytes()
    packed = blobs(term, ANNA)
    assert len(packed) == 3
    assert all(trace in before for trace in TRACES)
    # Long contents are spread over pages, of which each holds a piece.
    pieces = [blob[at : at + 64] for blob in packed for at in range(0, len(blob) - 64, 500)]
    assert sum(piece in before for piece in pieces) > 0.8 * len(pieces) > 8
    with Store(term, write=True) as store:
        purge(store, ANNA)
    after = (term / FILE).read_bytes()
    assert [trace for trace in TRACES if trace in after] == []
    shared = {blob[at : at + 64] for blob in blobs(term, BEN) for at in range(len(blob))}
    assert [piece for piece in pieces if piece in after and piece not in shared] == []
    assert everything(term, ANNA) == []
    assert not list(term.glob(f"{FILE}-*"))


def test_everybody_else_is_as_before(term: Path) -> None:
    """Each row, each history; the note that it was done names nobody."""
    names = (BEN, EVE, DAN)
    rows = {name: everything(term, name) for name in names}
    with Store(term, write=False) as store:
        told = {name: history(store, name) for name in names}
        hidden = pseudonym(store, ANNA)
    with Store(term, write=True) as store:
        purge(store, ANNA, why="asked for it", by="dean")
    with Store(term, write=False) as store:
        assert {name: history(store, name) for name in names} == told
        last = store.runs()[-1]
    assert {name: everything(term, name) for name in names} == rows
    assert (last.kind, last.who) == ("purge", "dean")
    assert last.why == f"{hidden} was removed: asked for it"


def test_of_her_own_runs_only_the_reason_goes(term: Path) -> None:
    """Another's stays, and so do the numbers of runs."""
    with Store(term, write=True) as store:
        numbers = [each.id for each in store.runs()]
        purge(store, ANNA)
        runs = store.runs()
    assert [each.id for each in runs[:-1]] == numbers
    assert [each.why for each in runs if each.kind == "override"] == ["", "another reason"]


def test_reasons_that_name_her_have_the_pseudonym(term: Path) -> None:
    """As the course writes the name, or the roster; other words stay."""
    with Store(term, write=True) as store:
        store.begin("remark", why="ANNA LEE, and Lee, Anna, were right: not Joanna Lees")
        hidden = pseudonym(store, ANNA)
        purge(store, ANNA)
        assert store.runs()[-2].why == f"{hidden}, and {hidden}, were right: not Joanna Lees"


def test_who_has_handed_in_nothing_can_be_removed(course: Path) -> None:
    """From the roster."""
    with Store(course, write=True) as store:
        assert purge(store, DAN).paths == ()
    assert b"dp1" not in (course / FILE).read_bytes()


def test_graded_again_a_student_is_there_again(term: Path, handed: Path) -> None:
    """The download is not gradkit's to remove; the points that a person set are removed."""
    with Store(term, write=True) as store:
        (path,) = purge(store, ANNA).paths
    assert Path(path).exists()
    run(term, handed / "first")
    assert "15.5 / 20" in gradkit("show", term, "anna").stdout


# --- groups ------------------------------------------------------------------------------

METADATA = """---
submission_7:
  :submitters:
  - :name: Gil Hay
    :sid: 'g1'
    :email: gil@x.edu
  - :name: Ivy Jot
    :sid: 'i2'
    :email: ivy@x.edu
  :created_at: 2026-10-01 10:00:00.000000000 Z
"""


def group(folder: Path) -> Path:
    """A class of two who handed in one thing together, on Gradescope."""
    export = folder / "assignment_1_export"
    (export / "submission_7").mkdir(parents=True)
    (export / "submission_7" / "hw.py").write_text(RIGHT, encoding="utf-8")
    (export / "submission_metadata.yml").write_text(METADATA, encoding="utf-8")
    with Store(folder / "out", write=True) as store, grader(SETTINGS) as able:
        Grading(store, SETTINGS, Silent()).run(enrolment_of(gather([export])), Here(able))
    return folder / "out"


def test_what_was_handed_in_together_stays_the_others(tmp_path: Path) -> None:
    """Without a name or an identifier of who is gone."""
    out = group(tmp_path)
    assert {b"Ivy", b"ivy@x.edu"} <= {
        w for w in (b"Ivy", b"ivy@x.edu") if w in (out / FILE).read_bytes()
    }
    with Store(out, write=True) as store:
        purged = purge(store, "Ivy Jot")
        assert purged.shared == ("Gil Hay",)
        (kept,) = store.newest()
    data = (out / FILE).read_bytes()
    assert [word for word in (b"Ivy", b"ivy@x.edu", b'i2"') if word in data] == []
    assert kept.sender.student == "Gil Hay"
    assert [dict(each) for each in kept.sender.members] == [
        {"name": "Gil Hay", "sis": "g1", "email": "gil@x.edu"}
    ]
    assert "20 / 20" in gradkit("show", out, "gil").stdout


def test_who_handed_in_for_the_group_is_gone_from_it_too(tmp_path: Path) -> None:
    """The first one's identifiers are the submission's."""
    out = group(tmp_path)
    with Store(out, write=True) as store:
        purge(store, "Gil Hay")
        (kept,) = store.newest()
    assert b"gil@x.edu" not in (out / FILE).read_bytes()
    assert kept.sender.ids == {"gradescope": "7"}
    assert kept.sender.student == "Ivy Jot"


# --- what is refused ---------------------------------------------------------------------


def test_nobody_of_that_name(course: Path) -> None:
    """Of all of it."""
    with Store(course, write=True) as store, pytest.raises(PurgeError) as caught:
        purge(store, "anna")
    assert str(caught.value) == f"There is nobody called anna in {course / FILE}."


def test_a_reason_that_names_the_student(course: Path) -> None:
    """It would be what is left."""
    with Store(course, write=True) as store, pytest.raises(PurgeError) as caught:
        purge(store, ANNA, why="anna lee has asked")
    assert str(caught.value) == (
        f"The reason contains {ANNA}, and the reason is kept. Write it without the name: --why "
        "TEXT."
    )
    assert b"Anna" in (course / FILE).read_bytes()


def test_a_refused_purge_deletes_nothing(course: Path) -> None:
    """Neither pages nor the zip: the reason is looked at first."""
    assert gradkit("feedback", course, "--format", "folder").exit_code == 0
    before = sorted((course / "feedback" / "pages").iterdir())
    said = refusal("purge", course, ANNA, "--yes", "--why", "Anna Lee has asked")
    assert said.startswith(f"The reason contains {ANNA}")
    assert sorted((course / "feedback" / "pages").iterdir()) == before
    with Store(course, write=True) as store:
        purge(store, ANNA, why="Joanna Lees has asked")


# --- the command -------------------------------------------------------------------------


def test_the_command_asks_and_says_what_it_did(term: Path) -> None:
    """Rows, pages, bundles, and what lies elsewhere."""
    assert gradkit("feedback", term, "--format", "folder").exit_code == 0
    assert gradkit("feedback", term, "--format", "canvas").exit_code == 0
    table = term / "feedback" / "Grades.csv"
    table.write_text("Student\n", encoding="utf-8")
    with Store(term, write=False) as store:
        write_pages(store, term / "pages", 2, 1)
        (path,) = {each.kept.path for each in counting_attempts(store) if each.kept.name == ANNA}
    own = term / "pages" / "students" / file_name(ANNA)
    given = term / "feedback" / "pages" / file_name(ANNA)
    assert given.exists()
    bens = term / "pages" / "students" / file_name(BEN)
    ended = gradkit("purge", term, "anna", given="y\n")
    assert (ended.exit_code, ended.stdout) == (0, "")
    first, *lines = ended.stderr.splitlines()
    assert first.startswith(
        f"Remove everything stored about {ANNA} in {term}? This cannot be undone. [y/N]: "
    )
    assert re.fullmatch(rf"{ANNA} was removed: \d+ rows of the class file, 4 files\.", lines[0])
    assert lines[1:] == [
        f"removed: {own}",
        f"removed: {given}",
        f"removed: {term / 'pages' / 'index.html'}",
        f"removed: {term / 'feedback' / 'canvas.zip'}",
        "`gradkit grade … --html` and `gradkit feedback` write the pages of the other students "
        "again.",
        f"still there: {path}",
        f"still there: {table}",
        "gradkit does not remove downloads, rosters, worksheets, gradebooks, and files that --out "
        "wrote elsewhere: look for the student there too.",
    ]
    assert not own.exists()
    assert not (term / "pages" / "index.html").exists()
    assert bens.exists()
    left = b"".join(file.read_bytes() for file in term.rglob("*") if file.is_file())
    assert b"Anna" not in left


@pytest.mark.sample(12)
@pytest.mark.parametrize("given", ["n\n", "\n", ""])
def test_without_a_yes_nothing_is_removed(term: Path, given: str) -> None:
    """Nor where nobody is there to answer."""
    before = (term / FILE).read_bytes()
    ended = gradkit("purge", term, "anna", given=given)
    assert ended.exit_code == 2
    assert ended.stderr.endswith(
        "gradkit: nothing was removed. To remove without being asked, add --yes.\n"
    )
    assert (term / FILE).read_bytes() == before


def test_unasked_the_name_has_to_be_whole(term: Path) -> None:
    """A part could be another's next week."""
    said = f"--yes needs the full name: {ANNA}."
    assert refusal("purge", term, "anna", "--yes") == said
    ended = gradkit("purge", term, ANNA, "--yes")
    assert ended.exit_code == 0
    assert refusal("purge", term, ANNA, "--yes").startswith("No student in ")


def test_shared_work_is_told(tmp_path: Path) -> None:
    """Whose it stays."""
    ended = gradkit("purge", group(tmp_path), "Ivy Jot", "--yes")
    assert "Files that were submitted together with Gil Hay are kept.\n" in ended.stderr


def test_a_page_that_cannot_be_removed(course: Path) -> None:
    """Then nothing else is: nobody could tell later whose it was."""
    page = course / "pages" / "students" / file_name(ANNA)
    page.mkdir(parents=True)
    with pytest.raises(StoreError, match=rf"{re.escape(str(page))}: cannot be removed \("):
        remove_traces(course, ANNA)
    assert refusal("purge", course, ANNA, "--yes").startswith(f"{page}: cannot be")
    assert b"Anna" in (course / FILE).read_bytes()
    shutil.rmtree(course / "pages")
    assert remove_traces(course, ANNA) == []


def test_killed_before_the_file_is_written_anew(
    course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What she left is gone at once; the traces of it go when the file is next written to."""
    swept: list[bool] = []

    def killed(self: Store) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Store, "_vacuum", killed)
        with pytest.raises(KeyboardInterrupt), Store(course, write=True) as store:
            purge(store, ANNA)
    with Store(course, write=False) as store:
        assert ANNA not in {one.kept.name for one in counting_attempts(store)}
    sweep = Store._vacuum

    def watched(self: Store) -> None:
        swept.append(True)
        sweep(self)

    monkeypatch.setattr(Store, "_vacuum", watched)
    for _ in range(2):
        with Store(course, write=True):
            pass
    assert swept == [True]
    assert b"leeanna" not in (course / FILE).read_bytes()
