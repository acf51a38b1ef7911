"""Comments and reviews of graders: stored, counted, shown to students, and never overwritten."""

from __future__ import annotations

import csv
import io
import re
import shutil
import sqlite3
from pathlib import Path

import pytest
from classroom.answering import ANNA, BEN, DAN, FAY, TASK, UPDATE, gradkit
from classroom.filing import dated

from gradkit.classroom.feedback.give import give_back
from gradkit.classroom.policy import counting_attempts
from gradkit.classroom.reports.history import history
from gradkit.classroom.reports.purge import purge
from gradkit.classroom.reports.stored import copy_of, student_result
from gradkit.classroom.reports.summary import everybody
from gradkit.classroom.store.counted import (
    ABSENT,
    Counting,
    OverrideError,
    override,
    overrides,
    revisions,
)
from gradkit.classroom.store.database import FILE
from gradkit.classroom.store.results import Store, unpack
from gradkit.classroom.store.reviews import (
    CommentError,
    ConflictError,
    add_comment,
    comments,
    edit_comment,
    reviewer,
    reviews,
    set_reviewed,
)
from gradkit.records.classroom import Kept
from gradkit.records.result import Result
from gradkit.records.submission import Place
from gradkit.report.plain_text import to_comment
from gradkit.report.text import to_text

pytestmark = pytest.mark.usefixtures("warm")

TEXT = "Name this <variable> better & shorter."


def kept_of(store: Store, name: str = ANNA) -> Kept:
    """Return the attempt that counts of a student."""
    return Counting(store).attempts[name].kept


def write(course: Path, text: str = TEXT, name: str = ANNA, **facts: object) -> int:
    """Store a comment of Bea on a student's counting attempt, and return its id."""
    with Store(course, write=True) as store:
        digest = kept_of(store, name).digest
        return add_comment(store, name, digest, text, by="Bea", **facts)


def own_comments(course: Path, name: str = ANNA) -> list[tuple[str, float | None, str]]:
    """Return text, points and author of a student's comments."""
    with Store(course, write=False) as store:
        return [(each.text, each.points, each.by) for each in comments(store).get(name, ())]


def score(course: Path, name: str = ANNA) -> float:
    """Return a student's score that counts."""
    with Store(course, write=False) as store:
        found = Counting(store).score(name)[0]
    assert found == student_result(course, name).result.score
    return found


def test_a_comment_without_points_changes_no_score(course: Path) -> None:
    """It is stored with its author, and is in the result."""
    before = score(course)
    write(course)
    assert own_comments(course) == [(TEXT, None, "Bea")]
    assert score(course) == before
    (comment,) = student_result(course, ANNA).result.comments
    assert (comment.text, comment.by) == (TEXT, "Bea")


@pytest.mark.parametrize("points", [-2.0, 1.5])
def test_points_of_a_comment_are_added(course: Path, points: float) -> None:
    """The score, the table of the class and the sum of all lines agree."""
    before = score(course)
    write(course, points=points)
    assert score(course) == before + points
    printed = gradkit("summary", course, "--format", "csv").stdout.removeprefix("\ufeff")
    row = next(row for row in csv.DictReader(io.StringIO(printed)) if row["student"] == ANNA)
    assert (float(row["comment_points"]), row["comments"]) == (points, "1")
    checks = sum(float(row[key] or 0) for key in row if key.startswith(f"{TASK}/"))
    lines = sum(float(row[key] or 0) for key in row if key.endswith("_points"))
    assert float(row["score"]) == pytest.approx(checks + lines)


def test_points_of_comments_never_make_a_score_negative(course: Path) -> None:
    """The second deduction takes what is left."""
    before = score(course)
    write(course, points=-before + 1)
    write(course, points=-5.0)
    assert score(course) == 0.0
    lines = student_result(course, ANNA).result.adjustments
    assert [line.points for line in lines] == [-before + 1, -1.0]


def test_a_total_that_is_set_leaves_out_points_of_comments(course: Path) -> None:
    """The grader who sets the total has decided about everything."""
    write(course, points=-5.0)
    with Store(course, write=True) as store:
        override(store, ANNA, "total", 12.0, comment="read by hand")
    assert score(course) == 12.0


def test_points_of_a_comment_do_not_grade_a_refused_submission(course: Path) -> None:
    """It stays without a grade, and the comment is stored."""
    write(course, name=FAY, points=3.0)
    assert own_comments(course, FAY) == [(TEXT, 3.0, "Bea")]
    with Store(course, write=False) as store:
        assert Counting(store).result(FAY) is None


def test_an_edit_replaces_a_comment_and_an_empty_text_removes_it(course: Path) -> None:
    """The id stays; each edit has a new revision."""
    id_ = write(course, task=TASK, points=-1.0)
    with Store(course, write=True) as store:
        edit_comment(store, id_, "Better.", 2.0, seen=id_, by="Ada")
        (comment,) = comments(store)[ANNA]
        assert (comment.id, comment.text, comment.points) == (id_, "Better.", 2.0)
        assert (comment.task, comment.by) == (TASK, "Ada")
        edit_comment(store, id_, " \n", None, seen=comment.revision, by="Ada")
        assert comments(store) == {}


def test_a_stale_edit_is_refused(course: Path) -> None:
    """The message has the other grader's words; the comment stays theirs."""
    id_ = write(course)
    with Store(course, write=True) as store:
        edit_comment(store, id_, "Second.", None, seen=id_, by="Ada")
        with pytest.raises(ConflictError, match=r"^Ada has meanwhile changed .* to: Second\.$"):
            edit_comment(store, id_, "Third.", None, seen=id_, by="Bea")
        edit_comment(store, id_, "", None, seen=comments(store)[ANNA][0].revision, by="Cy")
        with pytest.raises(ConflictError, match=r"^Cy has meanwhile removed it$"):
            edit_comment(store, id_, "Third.", None, seen=id_, by="Bea")
        assert comments(store) == {}


def test_a_comment_that_cannot_be_stored_is_refused(course: Path) -> None:
    """Empty, too long, with too many points, without a submission, or gone."""
    with pytest.raises(CommentError, match=r"The comment is empty\. Write a text; points alone"):
        write(course, " ", points=1.0)
    with pytest.raises(CommentError, match="The comment has 10001 characters, and at most 10000"):
        write(course, "x" * 10_001)
    for points in (1e9, float("nan"), float("-inf")):
        with pytest.raises(CommentError, match="points are given, and -10000 to 10000"):
            write(course, points=points)
    with Store(course, write=True) as store:
        with pytest.raises(CommentError, match=f"{DAN} has no such submission, so it cannot be"):
            add_comment(store, DAN, "", TEXT)
        with pytest.raises(CommentError, match="This comment does not exist any more"):
            edit_comment(store, 99, TEXT, None, seen=99)
    assert own_comments(course) == []


def test_a_comment_belongs_to_its_attempt(course: Path) -> None:
    """A comment on the first attempt does not count for the second."""
    with Store(course, write=True) as store:
        first, second = (kept for kept in store.newest() if kept.name == BEN)
        add_comment(store, BEN, first.digest, "On the first.", points=-3.0)
        assert Counting(store).attempts[BEN].kept.id == second.id
        dated(store, second, "2026-11-01T10:00:00Z")
    assert score(course, BEN) == 20.0
    assert student_result(course, BEN).result.comments == ()
    done = gradkit("remark", course, "--attempt", "before=2000-01-01")
    assert done.exit_code == 0, done.output
    with Store(course, write=False) as store:
        attempts = {one.kept.name: one for one in counting_attempts(store)}
    assert attempts[BEN].kept.id == first.id


def test_students_read_comments_on_their_page_and_in_the_platforms_comment(course: Path) -> None:
    """Escaped on the page, as text in the comment beside the grade and in the report."""
    give_back(course, "folder")
    write(course, points=-1.0)
    write(course, "Look here.", place=Place("hw.py", None, 3), source="x = 1", task=TASK)
    given = give_back(course, "folder")
    assert given.new == 1
    page = copy_of(course, ANNA).data.decode()
    assert "Name this &lt;variable&gt; better &amp; shorter." in page
    assert "hw.py:3" in page
    assert "<code>x = 1</code>" in page
    assert "2 comments are new or have changed." in page
    assert "Look here." not in copy_of(course, BEN).data.decode()
    result = student_result(course, ANNA).result
    assert f"The whole submission: {TEXT} (−1, Bea)" in to_comment(result, 2)
    assert "hw.py:3: Look here. (Bea)" in to_text([result], 2)
    assert "−1 Comment: Name this" in to_comment(result, 2)


def test_the_history_has_every_comment_and_review(course: Path) -> None:
    """Who, when and what, also of comments that were removed."""
    id_ = write(course, points=-1.0)
    with Store(course, write=True) as store:
        edit_comment(store, id_, "", None, seen=id_, by="Ada")
        digest = kept_of(store).digest
        set_reviewed(store, ANNA, digest, True, seen=0, by="Ada")
        steps = history(store, ANNA).steps[-3:]
    assert [(step.kind, step.who) for step in steps] == [
        *(("comment", "Bea"), ("comment", "Ada"), ("review", "Ada")),
    ]
    assert [each.text for step in steps for each in step.comments] == [TEXT, ""]
    assert [step.reviewed for step in steps] == [None, None, True]
    printed = gradkit("history", course, ANNA).stdout
    assert f"Comment 1 on the submission (−1 points): {TEXT}" in printed
    assert "Comment 1 on the submission was removed." in printed
    assert "The result was marked as reviewed." in printed
    assert "comment written" in gradkit("history", course).stdout
    with Store(course, write=False) as store:
        assert not any(step.comments for step in history(store, BEN).steps)


def test_a_review_counts_for_its_attempt_only(course: Path) -> None:
    """The row of the class names the grader."""
    with Store(course, write=True) as store:
        digest = kept_of(store).digest
        set_reviewed(store, ANNA, digest, True, seen=0, by="Bea")
        assert reviewer(reviews(store), ANNA, digest) == "Bea"
        assert reviewer(reviews(store), ANNA, "other") == ""
        assert reviewer(reviews(store), BEN, digest) == ""
        rows = {row.name: row.reviewed_by for row in everybody(store)}
    assert (rows[ANNA], rows[BEN]) == ("Bea", "")


def test_a_stale_review_is_refused(course: Path) -> None:
    """To repeat what is so already is no conflict, and stores nothing."""
    with Store(course, write=True) as store:
        digest = kept_of(store).digest
        set_reviewed(store, ANNA, digest, True, seen=0, by="Bea")
        first = reviews(store)[ANNA].revision
        set_reviewed(store, ANNA, digest, True, seen=0, by="Ada")
        assert reviews(store)[ANNA].by == "Bea"
        set_reviewed(store, ANNA, digest, False, seen=first, by="Ada")
        with pytest.raises(ConflictError, match=f"Ada has meanwhile marked {ANNA} as not reviewed"):
            set_reviewed(store, ANNA, digest, True, seen=first, by="Bea")
        again = reviews(store)[ANNA].revision
        set_reviewed(store, ANNA, digest, True, seen=again, by="Bea")
        with pytest.raises(ConflictError, match=f"Bea has meanwhile marked {ANNA} as reviewed"):
            set_reviewed(store, ANNA, digest, False, seen=again, by="Ada")


def revision(store: Store, name: str, item: str) -> str:
    """Return the revision of an item of a student."""
    kept = kept_of(store, name)
    return revisions(store, kept, unpack(store.result(kept.id), Result))[item][0]


def test_stale_points_are_refused(course: Path) -> None:
    """The message has the other grader's points and reason, which stay."""
    with Store(course, write=True) as store:
        seen = revision(store, ANNA, UPDATE)
        override(store, ANNA, UPDATE, 5.0, comment="first", by="Ada", seen=seen)
        with pytest.raises(ConflictError, match=r"Ada has set 5 points meanwhile.*Reason: first$"):
            override(store, ANNA, UPDATE, 2.0, comment="second", by="Bea", seen=seen)
        (word,) = overrides(store)[ANNA]
        assert (word.points, word.by) == (5.0, "Ada")
        seen = revision(store, ANNA, UPDATE)
        override(store, ANNA, UPDATE, None, comment="back", by="Bea", seen=seen)
        with pytest.raises(
            ConflictError, match=r"have changed meanwhile. Now no points are set by"
        ):
            override(store, ANNA, UPDATE, 2.0, comment="third", by="Ada", seen=seen)
        # Points of another check are not in conflict.
        other = revision(store, ANNA, f"{TASK}/forward")
        override(store, ANNA, f"{TASK}/forward", 1.0, comment="x", by="Ada", seen=other)


def test_points_after_new_findings_are_refused(course: Path) -> None:
    """A grader who has not seen the present findings decides about something else."""
    with Store(course, write=True) as store:
        seen = revision(store, ANNA, UPDATE)
    assert gradkit("remark", course, "--drop", "swapped-index").exit_code == 0
    with Store(course, write=True) as store, pytest.raises(ConflictError, match="findings"):
        override(store, ANNA, UPDATE, 2.0, comment="late", seen=seen)


def test_points_of_a_student_without_a_submission_are_not_overwritten(course: Path) -> None:
    """Of two graders who set the first points, the second is told."""
    with Store(course, write=True) as store:
        override(store, DAN, "total", 5.0, comment="on paper", by="Ada", seen=ABSENT)
        with pytest.raises(ConflictError, match="Ada has set 5 points meanwhile"):
            override(store, DAN, "total", 7.0, comment="on paper", by="Bea", seen=ABSENT)
        with pytest.raises(OverrideError, match="found 21 points; expected 0 to 20"):
            override(store, DAN, "total", 21.0, comment="x", seen=revision(store, DAN, "total"))


def test_a_refused_conflict_leaves_no_run(course: Path) -> None:
    """Nothing is stored of an edit that was refused."""
    with Store(course, write=True) as store:
        before = len(store.runs())
        with pytest.raises(ConflictError):
            override(store, DAN, "total", 5.0, comment="x", seen="0-0")
        with pytest.raises(ConflictError):
            override(store, ANNA, UPDATE, 5.0, comment="x", seen="0-0")
        assert len(store.runs()) == before


def test_a_purged_student_leaves_no_comment(course: Path) -> None:
    """Neither text nor review, also of an edited comment, is in the bytes of the file."""
    id_ = write(course, "Fine work, said quietly.")
    write(course, f"Ask {ANNA} how she did it.", BEN)
    with Store(course, write=True) as store:
        edit_comment(store, id_, "Fine work, said aloud.", None, seen=id_)
        set_reviewed(store, ANNA, kept_of(store).digest, True, seen=0)
        purge(store, ANNA)
        assert reviews(store) == {}
    ((text, _, _),) = own_comments(course, BEN)
    assert re.fullmatch(r"Ask student-\w{12} how she did it\.", text)
    data = (course / FILE).read_bytes()
    assert b"Fine work" not in data
    assert ANNA.encode() not in data


def test_a_class_of_an_earlier_version_is_read_and_gets_the_tables(
    course: Path, tmp_path: Path
) -> None:
    """A reader takes missing tables for empty ones; a writer adds them."""
    old = tmp_path / "old"
    shutil.copytree(course, old)
    with sqlite3.connect(old / FILE) as base:
        base.executescript(
            "DROP TABLE comments; DROP TABLE reviews; DROP TABLE prices; "
            "DROP TABLE finding_decisions;"
        )
    base.close()
    with Store(old, write=False) as store:
        assert (comments(store), reviews(store)) == ({}, {})
        assert everybody(store)
        assert history(store, ANNA).steps
    write(old)
    assert own_comments(old) == [(TEXT, None, "Bea")]
