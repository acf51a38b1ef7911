"""The last word: it counts, survives what comes after, and is stale once it should be."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from classroom.answering import (
    ANNA,
    BEN,
    CAS,
    DAN,
    EVE,
    FAY,
    SETTINGS,
    SWAPPED,
    TASK,
    UPDATE,
    gradkit,
    refusal,
    run,
    write,
)
from classroom.classes import RIGHT, changed_assignment, handed_in
from classroom.filing import dated
from classroom.here import grade_here
from msgspec.structs import replace

from gradkit.classroom.feedback.pages import write_pages
from gradkit.classroom.policy import counting_attempts
from gradkit.classroom.remark import remark_class
from gradkit.classroom.reports.summary import class_rows
from gradkit.classroom.store.counted import (
    Counting,
    OverrideError,
    counted,
    override,
    override_table,
    overrides,
)
from gradkit.classroom.store.database import FILE
from gradkit.classroom.store.results import Store, account, unpack
from gradkit.grading.settings import Settings
from gradkit.records.classroom import CountingAttempt, Row
from gradkit.records.result import CheckResult, Result
from gradkit.report.data import to_row
from gradkit.report.html.page import student_page
from gradkit.report.plain_text import to_comment
from gradkit.report.text import to_text
from gradkit.report.words import signed

pytestmark = pytest.mark.usefixtures("warm")

WHY = "the sheet was unclear"


def one_of(store: Store, name: str) -> CountingAttempt:
    """What counts of a student."""
    (found,) = (each for each in counting_attempts(store) if each.kept.name == name)
    return found


def result(course: Path, name: str = ANNA) -> Result:
    """A student's result with every last word."""
    with Store(course, write=False) as store:
        return Counting(store).result(name)


def check(course: Path, name: str = ANNA, wanted: str = "update") -> CheckResult:
    """One check of it."""
    (found,) = (each for each in result(course, name).tasks[0].checks if each.check == wanted)
    return found


def give(
    course: Path, points: float | None, wanted: str = "update", name: str = ANNA, **words: str
) -> tuple[float, float | None]:
    """Set points."""
    with Store(course, write=True) as store:
        said = {"comment": WHY, "by": "A. Miller", **words}
        done = override(store, name, wanted, points, **said)
        return done.marked, done.former.points if done.former else None


def test_points_that_are_set_count(course: Path) -> None:
    """In the check, its task and the total; what the mark alone is stays beside them."""
    marked = check(course)
    assert give(course, 5.5) == (marked.score, None)
    after = check(course)
    assert (after.score, after.state) == (5.5, "fail")
    assert after.decision is not None
    assert after.decision.marked == marked.score
    assert (after.decision.by, after.decision.comment) == ("A. Miller", WHY)
    assert not after.decision.stale
    whole = result(course)
    assert (whole.score, whole.tasks[0].score) == (16.8, 16.8)
    assert result(course, EVE).tasks[0].checks[2].decision is None


def test_the_newest_word_holds(course: Path) -> None:
    """And says what the one before was."""
    marked = check(course).score
    give(course, 5.5)
    assert give(course, 5.0) == (marked, 5.5)
    assert check(course).score == 5.0


def test_points_may_go_down_too_and_to_nothing(course: Path) -> None:
    """The word is a person's."""
    give(course, 0.0, name=BEN)
    assert (check(course, BEN).score, result(course, BEN).score) == (0.0, 14.0)


def test_a_word_counts_to_the_last_digit(course: Path) -> None:
    """The total is the sum: no step takes anything from points that a person has set."""
    give(course, 5.1)
    assert (check(course).score, result(course).score) == (5.1, 16.4)


def test_taking_back_leaves_the_mark(course: Path) -> None:
    """And nothing to be taken back again."""
    before = result(course)
    give(course, 5.5)
    assert give(course, None) == (check(course).score, 5.5)
    assert result(course) == before
    with pytest.raises(OverrideError, match=f"{UPDATE} of {ANNA} has no points set by a person"):
        give(course, None)


def test_it_is_a_run_that_says_who_when_and_why(course: Path) -> None:
    """As everything that changes a grade."""
    give(course, 5.5)
    with Store(course, write=False) as store:
        last = store.runs()[-1]
    assert (last.kind, last.who, last.why) == ("override", "A. Miller", WHY)
    assert last.ended is not None


def test_how_it_stood_before_can_be_asked(course: Path) -> None:
    """At the end of an earlier run there was no word."""
    give(course, 5.5)
    with Store(course, write=False) as store:
        last = store.runs()[-1].id
        assert overrides(store, last - 1) == {}
        assert overrides(store, last) == overrides(store)


# --- what it survives, and when it is stale ----------------------------------------------


def again(course: Path, **changes: object) -> None:
    """Mark again."""
    remark_class(course, **changes)  # type: ignore[arg-type]


def test_it_survives_other_deductions(course: Path) -> None:
    """The same is found and costs something else: nobody has to look again."""
    give(course, 5.5)
    marked = check(course).decision
    again(course, preset="lenient")
    after = check(course)
    assert after.score == 5.5
    assert after.decision is not None
    assert marked is not None
    assert after.decision.marked > marked.marked
    assert not after.decision.stale


def test_it_survives_a_new_run_and_is_not_stale(course: Path, handed: Path) -> None:
    """Fresh inputs, the same finding."""
    give(course, 5.5)
    run(course, handed / "first", settings=replace(SETTINGS, seed=12))
    with Store(course, write=False) as store:
        assert one_of(store, ANNA).kept.taken == 4
    after = check(course)
    assert (after.score, after.decision and after.decision.stale) == (5.5, False)


def test_it_is_stale_once_something_else_is_found(course: Path) -> None:
    """It counts all the same, until somebody looks again."""
    give(course, 5.5)
    again(course, drops=("swapped-index",))
    after = check(course)
    assert after.score == 5.5
    assert after.decision is not None
    assert after.decision.stale
    give(course, 5.5)
    assert check(course).decision == replace(
        after.decision,
        stale=False,
        made=check(course).decision.made,  # type: ignore[union-attr]
    )


def test_it_is_stale_once_another_attempt_counts(course: Path, tmp_path: Path) -> None:
    """The person had looked at other code."""
    give(course, 5.5)
    run(course, write(tmp_path / "third", {"leeanna_101_9031_hw.py": SWAPPED + "\n# third\n"}))
    after = check(course)
    assert (after.score, after.decision and after.decision.stale) == (5.5, True)


def test_it_is_stale_once_the_check_is_worth_something_else(course: Path, tmp_path: Path) -> None:
    """And never more than that."""
    give(course, 5.5)
    short = changed_assignment(tmp_path / "short", "update = 6", "update = 5.25")
    again(course, assignment=short, reference=Path("reference").resolve())
    after = check(course)
    assert (after.score, after.max_score) == (5.25, 5.25)
    assert after.decision is not None
    assert after.decision.stale


def test_a_word_on_a_check_that_is_gone_says_nothing(course: Path) -> None:
    """Until it is there again."""
    give(course, 5.5)
    with Store(course, write=False) as store:
        one = one_of(store, ANNA)
        (word,) = overrides(store)[ANNA]
        other = replace(word, check="gone")
        marked = unpack(store.result(one.kept.id), Result)
        assert counted(marked, one.kept, (other,)) == marked
        assert counted(marked, one.kept, (word,)) != marked


# --- what is refused ---------------------------------------------------------------------


@pytest.mark.parametrize("points", [-0.25, 6.25, float("nan"), float("inf")])
def test_points_outside_the_check_are_refused(course: Path, points: float) -> None:
    """Neither below nothing nor above its largest, and no number that is none."""
    with pytest.raises(OverrideError) as caught:
        give(course, points)
    assert str(caught.value) == (f"{UPDATE}: found {points:g} points; expected 0 to 6.")
    assert check(course).decision is None


def test_a_check_that_is_not_there_is_refused(course: Path) -> None:
    """With those that are."""
    with pytest.raises(OverrideError) as caught:
        give(course, 1.0, "updates")
    names = ("interface", "forward", "update", "gradient", "trajectory")
    listed = ", ".join([*(f"{TASK}/{name}" for name in names), TASK, "total"])
    assert str(caught.value) == (
        f"updates is not a check of this result. Expected one of {listed}. Did you mean update?"
    )


def test_a_check_of_several_tasks_is_refused(tmp_path: Path) -> None:
    """With its names in full."""
    folder = write(tmp_path / "in", {"ann.py": SWAPPED})
    both = Settings(tasks=(TASK, "classification-numpy"), seed=11)
    shutil.copy(folder / "ann.py", folder / "bob.py")
    run(tmp_path / "out", folder, settings=both)
    with pytest.raises(OverrideError) as caught:
        give(tmp_path / "out", 1.0, name="ann")
    assert str(caught.value) == (
        f"update is a check of several tasks: name the task too. Expected one of {UPDATE}, "
        "classification-numpy/update."
    )
    give(tmp_path / "out", 1.0, UPDATE, name="ann")


def test_no_reason_is_refused(course: Path) -> None:
    """Blanks are none."""
    with pytest.raises(OverrideError) as caught:
        give(course, 1.0, comment=" \n")
    assert str(caught.value) == f"{UPDATE}: --comment is empty. Give the reason."


def test_what_was_refused_may_be_given_points(course: Path) -> None:
    """For a task, for a check of it, or in whole where it is known what counts."""
    with Store(course, write=False) as store:
        assert Counting(store).result(FAY) is None
    assert give(course, 15.0, TASK, name=FAY) == (None, None)
    made = result(course, FAY)
    assert (made.score, made.max_score, made.tasks) == (15.0, 20.0, ())
    assert [(line.kind, line.points) for line in made.adjustments] == [("task", 15.0)]
    give(course, 12.0, "total", name=FAY)
    made = result(course, FAY)
    assert (made.score, [line.points for line in made.adjustments]) == (12.0, [15.0, -3.0])
    give(course, None, TASK, name=FAY)
    give(course, None, "total", name=FAY)
    give(course, 4.0, f"{TASK}/forward", name=FAY)
    made = result(course, FAY)
    assert (made.score, made.max_score, len(made.tasks)) == (4.0, 20.0, 1)


def test_a_refused_submission_gets_no_points_for_a_task_that_does_not_count(course: Path) -> None:
    """The class is graded for one task of four: points for another would raise its maximum."""
    with pytest.raises(OverrideError) as caught:
        give(course, 20.0, "regression-torch", name=FAY)
    checks = (f"{TASK}/{name}" for name in ("interface", "forward", "update", "gradient"))
    assert str(caught.value) == (
        f"regression-torch is not a check of this result. Expected one of {', '.join(checks)}, "
        f"{TASK}/trajectory, {TASK}, total. Did you mean regression-numpy?"
    )


def test_a_task_and_the_total_are_lines_of_their_own(course: Path) -> None:
    """Checks keep their marks; the lines say who, why, and what is missing from the sum."""
    before = result(course)
    give(course, 18.0, TASK)
    give(course, 19.5, "total")
    made = result(course)
    assert made.tasks == before.tasks
    assert [line.points for line in made.adjustments] == [18.0 - before.score, 1.5]
    assert made.score == 19.5
    assert [line.decision.comment for line in made.adjustments] == [WHY, WHY]


def test_a_task_whose_points_are_set_says_so_at_the_task(course: Path) -> None:
    """In its heading, in the list of tasks, in the table of the class and in plain text."""
    give(course, 18.0, TASK)
    made = result(course)
    heading = '18 / 20 <span class="chip">set by a person</span></span></h2>'
    said = '</h2>\n<p class="decision">Regression in numpy: Set to 18 of 20 by A. Miller on '
    page = student_page(made, 4)
    assert heading in page
    assert said in page
    assert "15.5 / 20 <span" not in page
    assert next(score for _, score in to_row(made, 4).tasks.values()) == 18
    assert "18 / 20, set by a person" in to_text([made], 4)
    assert "Regression in numpy: 18 / 20, set by a person\n" in to_comment(made, 4)
    give(course, None, TASK)
    assert "set by a person" not in student_page(result(course), 4)


def test_what_a_person_has_set_is_no_sum_of_deductions(course: Path) -> None:
    """A mistake costs nothing in this check; its costs in other checks are as they were."""
    (before,) = result(course).tasks
    (finding,) = [each for each in before.findings if each.costs]
    assert {*finding.costs} == {"update", "gradient", "trajectory"}
    give(course, 5.5)
    others = {check: cost for check, cost in finding.costs.items() if check != "update"}
    for name in ("gradient", "trajectory"):
        (after,) = result(course).tasks
        (now,) = [each for each in after.findings if each.id == finding.id]
        assert (now.costs, now.deduction) == (others, round(sum(others.values()), 2))
        assert f'<span class="cost">{signed(-now.deduction)}' in student_page(result(course), 4)
        give(course, 1.0, name)
        del others[name]
    assert '<span class="cost">' not in student_page(result(course), 4)


def test_of_what_was_never_marked_no_mark_is_told(course: Path) -> None:
    """Neither of a total, nor of a check."""
    give(course, 15.0, TASK, name=FAY)
    give(course, 4.0, f"{TASK}/forward", name=FAY)
    page = student_page(result(course, FAY), 4)
    assert page.count("Set to ") >= 2
    assert "The computed points" not in page
    give(course, 3.0, "forward")
    assert "The computed points are 4." in student_page(result(course), 4)


def test_the_page_of_a_class_has_a_row_for_who_was_refused(course: Path) -> None:
    """Of no points, beside the name, and among no mistakes."""
    with Store(course, write=False) as store:
        write_pages(store, course / "pages", 4, 1)
    page = (course / "pages" / "index.html").read_text(encoding="utf-8")
    (row,) = [r for r in re.findall(r"<tr data-m.*?</tr>", page, re.DOTALL) if f"{FAY}<" in r]
    assert '<tr data-mistakes=""' in row
    assert '<span class="chip">refused</span>' in row
    assert re.findall(r'data-sort="([^"]*)"', row)[:2] == ["", ""]


def test_a_total_needs_to_know_what_counts(tmp_path: Path) -> None:
    """Where nothing says which tasks do, the sentence names them."""
    folder = handed_in(tmp_path / "in", ann=RIGHT, ben="x = (\n")
    grade_here(folder, tmp_path / "out", Settings(seed=11))
    with pytest.raises(OverrideError) as caught:
        give(tmp_path / "out", 4.0, "total", name="ben")
    assert str(caught.value).startswith(
        "ben has no total, because no tasks are required in this class. Name a task: one of "
        "regression-numpy, "
    )
    assert give(tmp_path / "out", 4.0, "regression-numpy", name="ben") == (None, None)
    ben = result(tmp_path / "out", "ben")
    assert (ben.score, ben.max_score) == (4, 20)


def test_what_was_refused_is_not_graded_again_when_points_are_taken_back(course: Path) -> None:
    """The page tells of no points that there are not."""
    for points in (15.0, None):
        give(course, points, TASK, name=FAY)
        gradkit("feedback", course, "--format", "folder")
    (page,) = (course / "feedback" / "pages").glob("Fay*")
    text = page.read_text("utf-8")
    assert "You had 15 of 20 points. Your submission is not graded now." in text
    assert "and now have" not in text


def table(course: Path, *lines: str) -> Path:
    """A table of overrides."""
    path = course.parent / "words.csv"
    path.write_text("\n".join(["student,check,points,comment", *lines]), encoding="utf-8")
    return path


def test_points_in_bulk(course: Path) -> None:
    """One row for each word; no points take one back."""
    give(course, 0.0, name=BEN)
    done = override_table(
        course, table(course, "anna,update,5.5,a sign", f"{BEN},update,,as it was")
    )
    assert [(one.name, one.points, one.former and one.former.points) for one in done] == [
        (ANNA, 5.5, None),
        (BEN, None, 0.0),
    ]
    assert check(course).score == 5.5
    assert check(course, BEN).decision is None


def test_a_table_is_read_as_a_spreadsheet_writes_it(course: Path) -> None:
    """With semicolons and commas, in its own encoding, empty rows below."""
    path = course.parent / "words.csv"
    lines = ["Student;Check;Points;Comment;By", "anna;update;5,5;für Mühe;me", ";;;;"]
    path.write_bytes("\r\n".join(lines).encode("cp1252"))
    assert [(one.name, one.points) for one in override_table(course, path)] == [(ANNA, 5.5)]
    decision = check(course).decision
    assert decision is not None
    assert decision.comment == "für Mühe"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("nobody,update,1,why", "row 3: No student in "),
        ("anna,update,x,why", "row 3: 'x' is not a number of points. Nothing"),
        ("anna,update,99,why", "row 3: regression-numpy/update: found 99 points; expected 0 to 6"),
        ("anna,update,1,", "row 3: regression-numpy/update: --comment is empty"),
    ],
)
def test_of_a_table_all_is_set_or_nothing(course: Path, line: str, said: str) -> None:
    """And which row it is."""
    with pytest.raises(OverrideError) as caught:
        override_table(course, table(course, "anna,forward,1,first", line))
    assert said in str(caught.value)
    assert str(caught.value).endswith("Nothing was set.")
    assert check(course, name=ANNA).decision is None
    with Store(course, write=False) as store:
        assert overrides(store) == {}


def test_who_handed_in_nothing_may_be_given_points(course: Path) -> None:
    """In every table and on a page, in a table of words too, until they hand something in."""
    words = table(course, "anna,update,5.5,a sign", "Dan,total,0,nothing submitted")
    assert [one.name for one in override_table(course, words)] == [ANNA, DAN]
    row = summed(course)[DAN]
    assert (row.standing, row.score, row.max_score, row.told) == (
        *("absent", 0.0, 20.0),
        "Nothing was submitted.",
    )
    assert "1 student without a submission that counts" in gradkit("summary", course).stdout
    assert DAN not in gradkit("review", course).stdout
    gradkit("override", course, DAN, TASK, "5", "--comment", "shown on paper")
    assert summed(course)[DAN].score == 0.0
    gradkit("override", course, DAN, "total", "--withdraw", "--comment", "but was shown something")
    assert summed(course)[DAN].score == 5.0
    book = course.parent / "book.csv"
    lines = ["Student,ID,Section,HW", '"Poe, Dan",104,A,', '"Lee, Anna",101,A,']
    book.write_text("\n".join(lines) + "\n", encoding="utf-8")
    back = ("feedback", course, "--format", "canvas", "--gradebook", book, "--column", "HW")
    assert DAN not in gradkit(*back).stdout
    assert '"Poe, Dan",104,A,5.00' in (course / "feedback" / "book.csv").read_text("utf-8")
    gradkit("feedback", course, "--format", "folder")
    (page,) = (course / "feedback" / "pages").glob("Dan*")
    text = page.read_text("utf-8")
    assert "Nothing was submitted." in text
    assert "shown on paper" in text
    assert "Mend it" not in text
    gradkit("override", course, DAN, TASK, "--withdraw", "--comment", "it was another's")
    row = summed(course)[DAN]
    assert (row.standing, row.score, row.review[0].words) == (
        "absent",
        None,
        "nothing submitted",
    )
    assert gradkit("show", course, DAN).stdout.startswith(f"{DAN} has no submission that counts")
    run(course, write(course.parent / "late", {"poedan_104_9044_hw.py": RIGHT + "\n# dan\n"}))
    assert (summed(course)[DAN].standing, summed(course)[DAN].score) == ("graded", 20.0)
    assert summed(course)[DAN].handed.attempts == 1


def test_what_was_given_and_taken_back_leaves_nothing(course: Path) -> None:
    """Whoever has no submission that counts is left out of nothing, as before."""
    gradkit("override", course, FAY, "total", "3", "--comment", "read by hand")
    back = ("feedback", course, "--format", "folder")
    before = gradkit(*back)
    gradkit("override", course, DAN, "total", "0", "--comment", WHY)
    assert DAN not in gradkit(*back).output
    ended = gradkit("override", course, DAN, "total", "--withdraw", "--comment", WHY)
    assert ended.stderr == (
        f"{DAN}, total: no points are set (set before by {account()}: 0, nothing computed). The "
        "total is now –.\n"
    )
    after = gradkit(*back)
    assert (before.exit_code, after.exit_code) == (0, 0)
    assert f"submitted nothing, and gets no page and no grade: {DAN}." in before.stderr
    assert f"submitted nothing, and gets no page and no grade: {DAN}." in after.stderr


def test_where_no_attempt_counts_no_points_are_given(course: Path) -> None:
    """And nothing is noted."""
    with Store(course, write=True) as store:
        (kept,) = (each for each in store.newest() if each.name == ANNA)
        dated(store, kept, "2026-11-01T10:00:00Z")
    gradkit("remark", course, "--attempt", "before=2001-01-01")
    assert refusal("override", course, ANNA, "total", "1", "--comment", WHY) == (
        f"No attempt of {ANNA} counts by the rule before=2001-01-01T00:00:00+00:00, so points "
        "cannot be set. Choose another rule with `gradkit remark --attempt`."
    )
    with Store(course, write=False) as store:
        assert store.runs()[-1].kind == "remark"


def summed(course: Path) -> dict[str, Row]:
    """The rows of the class."""
    with Store(course, write=False) as store:
        return {row.name: row for row in class_rows(store)}


def test_a_table_of_another_kind_is_refused(course: Path) -> None:
    """With the columns that it should have."""
    path = course.parent / "other.csv"
    path.write_text("name,points\nanna,3\n", encoding="utf-8")
    with pytest.raises(
        OverrideError, match=r"has no column student, check, comment\. Expected columns"
    ):
        override_table(course, path)


# --- the command -------------------------------------------------------------------------


def test_the_command(course: Path) -> None:
    """Says what counts now, and what did."""
    words = ("--comment", WHY, "--by", "A. Miller")
    ended = gradkit("override", course, "anna", "update", "5.5", *words)
    assert (ended.exit_code, ended.stdout) == (0, "")
    assert ended.stderr == (
        f"{ANNA}, update: 5.5 points (computed: 4.2). The total is now 16.8 / 20.\n"
    )
    ended = gradkit("override", course, "anna", UPDATE, "--withdraw", *words)
    assert ended.stderr == (
        f"{ANNA}, {UPDATE}: the computed points count again (set before by A. Miller: 5.5, "
        "computed: 4.2). The total is now 15.5 / 20.\n"
    )


def test_the_command_refuses(course: Path, tmp_path: Path) -> None:
    """In one sentence each, with exit code 2."""
    words = ("--comment", WHY)
    either = "give either POINTS, or --withdraw to remove the points that were set."
    assert refusal("override", course, "anna", "update", *words) == either
    assert refusal("override", course, "anna", "update", "1", "--withdraw", *words) == either
    assert refusal("override", course, "anna", "update", "13", *words).startswith(
        f"{UPDATE}: found 13 points; expected 0 to 6."
    )
    assert refusal("override", course, "xaver", "update", "1", *words).startswith("No student in ")
    none = tmp_path / "none"
    assert refusal("override", none, "anna", "update", "1", *words).startswith(
        f"{tmp_path / 'none' / FILE}: there is no such file."
    )
    assert not (tmp_path / "none").exists()


def test_of_what_is_missing_points_can_be_set(course: Path) -> None:
    """Nothing was found that could be run, and a person has read it."""
    give(course, 4.0, "forward", name=CAS)
    assert result(course, CAS).score == 4.0


def test_that_a_word_is_stale_is_not_the_students_affair(course: Path) -> None:
    """Who reviews is told; the page says who has set the points, and no more."""
    give(course, 5.5)
    give(course, 18.0, "total")
    again(course, drops=("swapped-index",))
    assert check(course).decision.stale
    assert "but the findings have changed since" in gradkit("review", course).stdout
    assert gradkit("feedback", course, "--format", "folder").exit_code == 0
    (page,) = (course / "feedback" / "pages").glob("Anna*.html")
    text = page.read_text(encoding="utf-8")
    assert text.count("Set to ") == 2
    assert "The findings have changed" not in text


def test_who_was_not_graded_had_no_points_before(course: Path) -> None:
    """On the page that tells of points a person has given since."""
    pages = ("feedback", course, "--format", "folder")
    gradkit(*pages)
    gradkit("override", course, FAY, "total", "12", "--comment", "read by hand")
    gradkit(*pages)
    (page,) = (course / "feedback" / "pages").glob("Fay*")
    text = page.read_text("utf-8")
    assert "Your submission was not graded before. Now you have 12 of 20 points." in text
    assert "0 of 0" not in text
    assert "0 / 0" not in text
