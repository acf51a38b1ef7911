"""A policy is read, refused where it is none, and adds lines that add up."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from classroom.downloads import folder
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from gradkit.classroom.course.find_student import UnknownStudentError
from gradkit.classroom.course.roster import enrolment_of, roster
from gradkit.classroom.feedback.csv_table import CsvTableError
from gradkit.classroom.policy import (
    PolicyFileError,
    adjusted,
    days_late,
    differences,
    moment,
    named,
    read_policy,
    without,
)
from gradkit.records.classroom import Kept
from gradkit.records.course import Bonus, Late, Policy, Scale, Sender, TaskRules
from gradkit.records.result import (
    Adjustment,
    CheckResult,
    Decision,
    Entry,
    Finding,
    Result,
    TaskResult,
)
from gradkit.report.words import adjustment_text
from gradkit.submission.read import gather

DUE = datetime(2026, 10, 1, 22, tzinfo=UTC)
WHOLE = """
due = 2026-10-01T22:00:00Z
[late]
per_day = 10
of = "score"
grace_minutes = 15
most = 50
days = 7
[extensions]
"Ann Lee" = 2026-10-08T22:00:00Z
[days_late]
ben = 2
[bonus]
cas = { points = 1.5, why = "found an error in the sheet" }
[scale]
to = 100
[tasks]
numerical = "forbidden"
"""


def read(folder: Path, text: str) -> Policy | None:
    """The policy of that text."""
    (folder / "policy.toml").write_text(text, encoding="utf-8")
    return read_policy(folder / "policy.toml")


def kept(name: str = "ann", *, late: bool = False, at: str = "") -> Kept:
    """A submission of a student."""
    sender = Sender(name, "plain", {}, late, name, at=at)
    numbers = {"id": 1, "taken": 1, "submission": 1, "seen": 1, "place": 0, "given": 1}
    marks = (name, "", "d", "k", "graded", "", 16.0, 20.0)
    return Kept(*marks, sender=sender, stamp="", **numbers)  # type: ignore[arg-type]


def result(score: float = 16.0, most: float = 20.0) -> Result:
    """A result of one task."""
    task = TaskResult("t", "T", score, most, most, False, ())
    return Result("me", "a", "correct", 1, "derived", False, score, most, (task,), (), {}, {}, 0)


def lines(made: Result) -> list[tuple[str, float]]:
    """Kinds and points."""
    return [(line.kind, line.points) for line in made.adjustments]


def test_a_policy_is_read(tmp_path: Path) -> None:
    """All that it can say; and none where there is no file."""
    assert read_policy(tmp_path / "policy.toml") is None
    assert read(tmp_path, "") == Policy()
    assert read(tmp_path, WHOLE) == Policy(
        DUE,
        Late(10, "score", 15, 50, 7),
        {"Ann Lee": datetime(2026, 10, 8, 22, tzinfo=UTC)},
        {"ben": 2},
        {"cas": Bonus(1.5, "found an error in the sheet")},
        Scale(100),
        TaskRules("forbidden"),
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("due = 3", "due has to be a time, as 2026-11-01T23:59:00."),
        ("due = ", "cannot be read as TOML: Invalid value"),
        ("due = 2026-10-01T22:00:00Z\n\xff", "cannot be read as TOML: "),
        ("dew = 2026-10-01T22:00:00Z", "a policy has no dew. Did you mean due?"),
        ("[late]\nper_dya = 1", "a policy has no late.per_dya. Did you mean late.per_day?"),
        ("[late]\nper_day = 120", "late.per_day has to be percent for each day, from 0 to 100."),
        ("[late]\nof = 'score'", "late.per_day has to be percent for each day, from 0 to 100."),
        ("[late]\nper_day = 1\nof = 'all'", "late.of has to be maximum or score."),
        ("[late]\nper_day = 1\ngrace_minutes = -1", "late.grace_minutes has to be a number of min"),
        ("[late]\nper_day = 1\nmost = 101", "late.most has to be percent in all, from 0 to 100."),
        ("[late]\nper_day = 1\ndays = 0", "late.days has to be a whole number of days, 1 or more."),
        ("late = 3", "late has to be a table, [late]."),
        ("[extensions]\nann = 3", "extensions has to be a time for each student."),
        ("[days_late]\nann = -1", "days_late has to be a whole number of days for each student, 0"),
        ("[bonus]\nann = 1", "bonus has to be points and why for each student."),
        (
            "[late]\nper_day = 10",
            "[late] needs a deadline: due = 2026-11-01T23:59:00.",
        ),
        ("[bonus]\nann = {points = -1, why = 'x'}", "bonus.points has to be a number of points f"),
        ("[bonus]\nann = {points = 1, why = ''}", "bonus.why has to be the reason, in words."),
        ("[tasks]\nnumerical = 'no'", 'tasks.numerical has to be "remarked" or "forbidden".'),
        (
            "[tasks]\nnumeric = 'no'",
            "a policy has no tasks.numeric. Did you mean tasks.num",
        ),
        ("[scale]\nto = 0", "scale.to has to be the platform's maximum, above 0 and up to 10000."),
    ],
)
def test_what_is_no_policy_is_refused(text: str, said: str, tmp_path: Path) -> None:
    """With the file, what was found and what is expected."""
    with pytest.raises(PolicyFileError) as caught:
        read(tmp_path, text)
    assert str(caught.value).startswith(f"{tmp_path / 'policy.toml'}: ")
    assert said in str(caught.value)


def test_students_are_told_by_name_or_identifier() -> None:
    """Capitals aside; who is nobody is told, with the nearest."""
    policy = Policy(days_late={"AL7": 2, "Bem": 1}, bonus={"lee, ann": Bonus(1, "why")})
    made, strangers = named(policy, {"Ann Lee": ["al7"], "Ben": []})
    assert made.days_late == {"Ann Lee": 2, "Bem": 1}
    assert made.bonus == {"Ann Lee": Bonus(1, "why")}
    assert strangers == [
        ("policy.toml, days_late: no student is called Bem yet. Did you mean Ben?")
    ]
    assert without(made, "Ann Lee") == Policy(days_late={"Bem": 1})


def test_a_word_that_could_be_several_is_refused() -> None:
    """Be it a part of names; a part of one is nobody yet, unless the course is known whole."""
    known: dict[str, tuple[str, ...]] = {"Sam Abbott": (), "Sam Jones": (), "Ann Lee": ("al7",)}
    with pytest.raises(UnknownStudentError) as several:
        named(Policy(days_late={"sam": 1}), known)
    assert str(several.value) == (
        "policy.toml, days_late: sam could be Sam Abbott or Sam Jones. Write more of the name, or "
        "the full name."
    )
    for word in ("Ann", "Ann Lea"):
        said = f"policy.toml, days_late: no student is called {word}"
        slip = Policy(days_late={word: 1})
        assert named(slip, known) == (slip, [f"{said} yet. Did you mean Ann Lee?"])
        with pytest.raises(PolicyFileError) as caught:
            named(slip, known, whole=True)
        assert str(caught.value) == f"{said}. Did you mean Ann Lee?"
    late = Policy(days_late={"Zoe Moreau": 1})
    assert named(late, known, whole=True)[1] == [
        "policy.toml, days_late: no student is called Zoe Moreau yet."
    ]


@pytest.mark.parametrize(
    ("at", "told"),
    [
        ("2026-10-03T01:00", "1 d 3 h late, counted as 2 days"),
        ("2026-10-01T22:12:05", "13 min late, counted as 1 day"),
        ("2026-10-02T22:05", "1 d 5 min late, counted as 2 days"),
    ],
)
def test_how_late_it_was_is_said(at: str, told: str) -> None:
    """By the clock and in days; after an extension that is said; of a person's word no clock."""
    time = datetime.fromisoformat(f"{at}+00:00")
    policy = Policy(DUE, Late(10))
    assert adjusted(result(), policy, kept("ann"), time).adjustments[0].said == told
    later = replace(policy, due=DUE.replace(day=1, month=9), extensions={"ann": DUE})
    (line,) = adjusted(result(), later, kept("ann"), time).adjustments
    assert line.said == f"{told} (after an extension)"
    told_so = replace(later, days_late={"ann": 2})
    (line,) = adjusted(result(), told_so, kept("ann"), time).adjustments
    assert line.said == "2 days late"


def test_what_differs_is_said_with_both_values() -> None:
    """And nothing of what does not."""
    old, new = Policy(DUE, scale=Scale(10)), Policy(DUE, scale=Scale(100))
    assert differences(old, new) == ["scale.to was 10, and is now 100"]
    assert differences(old, old) == []
    assert differences(Policy(), Policy(DUE)) == [
        "due was nothing, and is now 2026-10-01T22:00:00Z"
    ]
    old, new = Policy(DUE, Late(10), bonus={"ann": Bonus(1, "a")}), Policy(DUE, Late(12.5))
    assert differences(old, new) == [
        "late.per_day was 10, and is now 12.5",
        "bonus.ann.points was 1, and is now nothing",
        "bonus.ann.why was a, and is now nothing",
    ]


@pytest.mark.parametrize(
    ("at", "days"),
    [
        ("2026-10-01T22:00:00Z", 0),
        ("2026-10-01T22:15:00Z", 0),
        ("2026-10-01T22:16:00Z", 1),
        ("2026-10-02T22:15:00Z", 1),
        ("2026-10-02T22:16:00Z", 2),
    ],
)
def test_a_day_that_has_begun_counts(at: str, days: int) -> None:
    """After the minutes of grace."""
    policy = Policy(DUE, Late(10, grace_minutes=15))
    assert days_late(policy, kept(), datetime.fromisoformat(at)) == days


def test_an_extension_is_another_due_time() -> None:
    """For that student, and for nobody else."""
    policy = Policy(DUE, Late(10), {"ann": datetime(2026, 10, 8, 22, tzinfo=UTC)})
    at = datetime(2026, 10, 5, tzinfo=UTC)
    assert days_late(policy, kept("ann"), at) == 0
    assert days_late(policy, kept("ben"), at) == 4


def test_without_a_time_a_person_says_how_many_days() -> None:
    """Nobody is charged for a delay that nothing tells; what is not late needs no word."""
    policy = Policy(DUE, Late(10), days_late={"ben": 3})
    assert days_late(policy, kept("ann"), None) is None
    in_time = replace(kept("ann"), sender=replace(kept("ann").sender, source="canvas"))
    assert days_late(policy, in_time, None) == 0
    assert days_late(replace(policy, due=None), kept("ann"), None) == 0
    assert days_late(policy, kept("ann", late=True), None) is None
    assert days_late(policy, kept("ben", late=True), None) == 3
    assert adjusted(result(), policy, kept("ann", late=True), None) == result()


@pytest.mark.parametrize(
    ("late", "days", "lost"),
    [
        (Late(10), 2, 4.0),
        (Late(10, "score"), 2, 3.2),
        (Late(10, most=15), 2, 3.0),
        (Late(60), 2, 16.0),
        (Late(10, days=1), 2, 16.0),
        (Late(10, days=2), 2, 4.0),
    ],
)
def test_what_lateness_costs(late: Late, days: int, lost: float) -> None:
    """Of the maximum or of what was reached, no more than there is."""
    policy = Policy(DUE, late, days_late={"ann": days})
    made = adjusted(result(), policy, kept(), None)
    assert lines(made) == [("late", -lost)]
    assert made.score == 16.0 - lost
    assert made.adjustments[0].said == f"{days} days late"
    base = 16.0 if late.of == "score" else 20.0
    part = f"{lost / base * 100:g} % of {base:g} points"
    assert adjustment_text(made.adjustments[0]) == f"Late: {days} days late, {part}"


def test_the_platforms_maximum_comes_last() -> None:
    """After lateness and bonus, each a line of its own."""
    policy = Policy(
        DUE, Late(10), days_late={"ann": 1}, bonus={"ann": Bonus(0.5, "an error")}, scale=Scale(100)
    )
    made = adjusted(result(), policy, kept(), None)
    assert lines(made) == [("late", -2.0), ("bonus", 0.5), ("scale", 58.0)]
    assert (made.score, made.max_score) == (72.5, 100)
    assert made.adjustments[-1].said == "14.5 of 20 = 72.5 of 100"
    assert adjusted(result(), replace(policy, scale=Scale(20.0)), kept(), None).max_score == 20.0


def test_a_total_that_a_person_has_set_is_only_scaled() -> None:
    """It is the last word on what the work is worth."""
    policy = Policy(DUE, Late(10), days_late={"ann": 1}, scale=Scale(100))
    line = Adjustment("total", 2.0)
    made = adjusted(replace(result(18.0), adjustments=(line,)), policy, kept(), None)
    assert lines(made) == [("total", 2.0), ("scale", 72.0)]


FORBIDDEN = Policy(tasks=TaskRules("forbidden"))


def numerical(**checks: CheckResult) -> Result:
    """Return a result of 16 points whose loss is right and whose gradient is a difference."""
    entries = (Entry("loss", (), "pass", None, None), Entry("dW", (), "pass", None, None))
    made = {
        "forward": CheckResult("forward", "pass", 10.0, 10.0, ""),
        "backward": CheckResult("backward", "pass", 6.0, 10.0, "", entries),
        **checks,
    }
    remark = Finding("f", "", "numerical-gradient", "", ("dW",), about=("backward",))
    whole = result(sum(check.score for check in made.values()))
    task = replace(whole.tasks[0], checks=tuple(made.values()), findings=(remark,))
    return replace(whole, tasks=(task,))


def test_forbidden_differences_earn_nothing() -> None:
    """The loss of the same check keeps its points; lateness costs a part of what is left."""
    made = adjusted(numerical(), FORBIDDEN, kept(), None)
    assert lines(made) == [("numerical", -3.0)]
    assert made.score == 13.0
    text = "Finite differences: T, backward: gradients by finite differences earn no points"
    assert adjustment_text(made.adjustments[0]) == text
    late = replace(FORBIDDEN, due=DUE, late=Late(10, "score"), days_late={"ann": 1})
    made = adjusted(numerical(), late, kept(), None)
    assert lines(made) == [("numerical", -3.0), ("late", -1.3)]


def test_a_net_loses_all_of_the_checks_that_a_remark_is_about() -> None:
    """Its finding names no outputs: the whole update is by differences."""
    before = numerical()
    remark = replace(before.tasks[0].findings[0], entries=())
    task = replace(before.tasks[0], findings=(remark,))
    made = adjusted(replace(before, tasks=(task,)), FORBIDDEN, kept(), None)
    assert lines(made) == [("numerical", -6.0)]


def test_differences_that_are_only_remarked_keep_their_points() -> None:
    """That is what holds where a policy does not mention them."""
    assert adjusted(numerical(), Policy(), kept(), None) == numerical()
    assert adjusted(result(), FORBIDDEN, kept(), None) == result()


def test_points_that_a_person_has_set_are_left_as_they_are() -> None:
    """For the check, the task or in whole."""
    word = Decision(6.0, "ta", "2026-10-01T22:00:00Z", "", False)
    decided = numerical(backward=CheckResult("backward", "pass", 4.0, 10.0, "", decision=word))
    assert adjusted(decided, FORBIDDEN, kept(), None) == decided
    for line in (Adjustment("task", 1.0, name="T"), Adjustment("total", 1.0)):
        made = replace(numerical(), adjustments=(line,))
        assert adjusted(made, FORBIDDEN, kept(), None) == made


@given(
    cents=st.integers(0, 2000),
    days=st.integers(0, 5),
    bonus=st.sampled_from([0.25, 1.0, 3.33]),
    scale=st.sampled_from([10.0, 50.0, 100.0, 7.0]),
)
@settings(max_examples=100, deadline=None)
def test_lines_add_up_to_the_last_digit(cents: int, days: int, bonus: float, scale: float) -> None:
    """Whatever comes together; the score is within the scale, but for a bonus."""
    policy = Policy(
        DUE,
        Late(7.5),
        days_late={"ann": days},
        bonus={"ann": Bonus(bonus, "why")},
        scale=Scale(scale),
    )
    before = result(cents / 100)
    made = adjusted(before, policy, kept(), None)
    parts = [round(before.score * 100), *(round(line.points * 100) for line in made.adjustments)]
    assert sum(parts) == round(made.score * 100)
    assert 0 <= made.score <= scale * (20 + bonus) / 20 + 0.01


@pytest.mark.parametrize(
    "text",
    [
        "Friday, 2 October 2026, 1:05 PM",
        "Friday, October 2, 2026, 1:05\u202fPM",
        "Freitag, 2. Oktober 2026, 13:05",
        "vendredi 2 octobre 2026, 13:05",
        "viernes, 2 de octubre de 2026, 13:05",
        "2026-10-02 13:05",
    ],
)
def test_times_are_read_as_moodle_writes_them(text: str) -> None:
    """In each language in which its worksheets are; without a zone it is this computer's."""
    assert moment(text) == datetime(2026, 10, 2, 13, 5).astimezone()


@pytest.mark.parametrize(
    ("text", "hour"), [("12:05 AM", 0), ("12:05 p.m.", 12), ("11:05 am", 11), ("11:05", 11)]
)
def test_halves_of_a_day(text: str, hour: int) -> None:
    """Noon and midnight are 12."""
    assert moment(f"1 March 2026, {text}") == datetime(2026, 3, 1, hour, 5).astimezone()


@pytest.mark.parametrize(
    "text",
    [
        *("", "-", "Friday", "2 October 2026", "13:05", "31 February 2026, 13:05"),
        *("2 March 2 May 2026, 13:05", "pátek, 2. října 2026, 13:05", "1 May 2026, 1:05 2:05"),
    ],
)
def test_what_is_no_time_is_none(text: str) -> None:
    """No part is guessed."""
    assert moment(text) is None


MOODLES = (
    "Identifier,Full name,Zuletzt geändert (Abgabe)\r\n"
    'Participant 501,Ann Mo,"Freitag, 2. Oktober 2026, 13:05"\r\n'
    "Participant 502,Ben Ost,-\r\n"
)


def test_a_worksheet_tells_when_work_was_handed_in(tmp_path: Path) -> None:
    """So lateness is charged, which no name in Moodle's download tells of."""
    names = ("Ann Mo_501_assignsubmission_file/", "Ben Ost_502_assignsubmission_file/")
    found = enrolment_of(
        gather([folder(tmp_path / "in", *names)]), roster(MOODLES.encode(), "Grades.csv")
    )
    policy = Policy(datetime(2026, 10, 1).astimezone(), Late(10))
    days = {}
    for entry in found.entries:
        one = replace(kept(entry.students[0]), sender=entry.sender)
        days[one.name] = days_late(policy, one, moment(entry.sender.at))
    assert days == {"Ann Mo": 2, "Ben Ost": None}


def test_other_downloads_keep_their_own_times(tmp_path: Path) -> None:
    """A worksheet is about Moodle's."""
    found = enrolment_of(
        gather([folder(tmp_path / "in", "Ann Mo.py")]), roster(MOODLES.encode(), "Grades.csv")
    )
    assert [(each.students, each.sender.at) for each in found.entries] == [(("Ann Mo",), "")]


def test_a_time_that_cannot_be_read_is_refused() -> None:
    """With what is there, and what to do."""
    data = MOODLES.replace("Oktober", "října").encode()
    with pytest.raises(CsvTableError) as caught:
        roster(data, "Grades.csv")
    assert str(caught.value) == (
        "Grades.csv: the time of submission “Freitag, 2. října 2026, 13:05” cannot be read. "
        "Set Moodle to English and download it again, or remove that column."
    )
