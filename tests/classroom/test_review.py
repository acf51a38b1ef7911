"""What a person must look at: every kind, the most urgent first, split among those who do."""

from __future__ import annotations

import csv
import io
import shlex
from pathlib import Path
from typing import Literal

import pytest
from classroom.answering import (
    ANNA,
    BEN,
    CAS,
    DAN,
    EVE,
    FAY,
    SETTINGS,
    TASK,
    UPDATE,
    ZED,
    gradkit,
    refusal,
)
from classroom.classes import RIGHT, handed_in
from classroom.filing import filed
from classroom.here import grade_here
from model_solutions import REFERENCE
from msgspec.structs import replace

from gradkit.classroom.course.find_student import pseudonym
from gradkit.classroom.remark import remark_class
from gradkit.classroom.reports.summary import (
    KINDS,
    NOTICES,
    REMARKS,
    STATES,
    class_rows,
    reasons,
    review,
)
from gradkit.classroom.store.counted import override
from gradkit.classroom.store.results import Store
from gradkit.records.classroom import Kind, Listed, Reason, Row
from gradkit.records.course import Sender
from gradkit.records.result import (
    Adjustment,
    CheckResult,
    Decision,
    Finding,
    Notice,
    Result,
    State,
    TaskResult,
)
from gradkit.records.submission import Problem
from gradkit.report.frames import frame_csv, review_frame
from gradkit.report.table import command as show_command

pytestmark = pytest.mark.usefixtures("warm")


def looks(course: Path, *assistants: str) -> list[Row]:
    """What is to be looked at."""
    with Store(course, write=False) as store:
        return review(store, assistants)


def made(*checks: CheckResult, found: tuple[str, ...] = (), provisional: bool = False) -> Result:
    """A result of one task, with half of its points."""
    findings = tuple(Finding(code, "", code, code, ()) for code in found)
    task = TaskResult("t", "T", 0.5, 1.0, 1.0, provisional, checks, findings)
    return Result("me", "a", "correct", 1, "derived", provisional, 0, 1, (task,), (), {}, {}, 0)


def test_a_class(handed: Path) -> None:
    """What could not be read, what nothing was found in, who is on no list; and nobody else."""
    found = looks(handed / "out")
    assert [(look.name, look.review[0].kind) for look in found] == [
        (FAY, "refused"),
        (CAS, "missing"),
        (ZED, "not-in-roster"),
        (DAN, "absent"),
    ]
    assert found[3].review == (Reason("absent", "nothing submitted"),)
    with Store(handed / "out", write=False) as store:
        rows = {row.name: row.review for row in class_rows(store) if row.review}
    assert rows == {look.name: look.review for look in found}
    assert found[0].told.startswith("hw.ipynb is not a valid notebook")
    assert found[1].review[0].words == f"{TASK}/interface missing"
    assert {look.name for look in found}.isdisjoint({ANNA, BEN, EVE})


@pytest.mark.parametrize("state", STATES)
def test_every_open_state_is_looked_at(state: State) -> None:
    """A check that could not be judged, and no other."""
    check = CheckResult("c", state, 0.0, 1.0, "")
    assert list(reasons(made(check))) == [Reason(STATES[state][0], f"t/c {STATES[state][1]}")]
    for plain in ("pass", "blocked"):
        assert list(reasons(made(replace(check, state=plain)))) == []


def test_a_check_that_failed_without_a_reason_is_looked_at() -> None:
    """Whatever points the task has; not where anything was found in it."""
    failed = made(CheckResult("c", "fail", 0.0, 1.0, ""))
    said = Reason("unexplained", "t/c failed, and no mistake was found")
    assert list(reasons(failed)) == [said]
    assert list(reasons(made(*failed.tasks[0].checks, found=("swapped-index",)))) == []
    most = replace(failed, tasks=(replace(failed.tasks[0], score=0.9),))
    assert list(reasons(most)) == [said]


def test_a_task_without_points_is_looked_at() -> None:
    """Unless nothing was handed in for it, nothing could be judged, or a person has decided."""
    states: tuple[State, ...] = ("fail", "missing", "blocked")
    wrong, missing, blocked = (CheckResult(each, each, 0.0, 1.0, "") for each in states)
    zero = Reason("zero", "t earns no points")

    def said(*checks: CheckResult, checkable: float = 1.0) -> bool:
        result = made(*checks, found=("swapped-index",))
        task = replace(result.tasks[0], score=0.0, checkable=checkable)
        return zero in reasons(replace(result, tasks=(task,)))

    assert said(wrong)
    assert said(wrong, missing)
    assert not said(missing, blocked)
    assert not said(wrong, checkable=0.0)
    assert not said(replace(wrong, decision=Decision(0.0, "a", "2026", "why", stale=False)))
    assert zero not in reasons(made(wrong))


@pytest.mark.parametrize(("cost", "is_told"), [(5.0, False), (5.25, True)])
def test_a_finding_that_costs_more_than_half_is_looked_at(cost: float, is_told: bool) -> None:
    """It says how much of the task it costs alone."""
    one = Finding("id", "update", "wrong-sign", "", (), deduction=cost)
    check = CheckResult("update", "fail", 0.0, 10.0, "")
    task = TaskResult("t", "T", 10.0 - cost, 10.0, 10.0, False, (check,), (one,))
    result = replace(made(), tasks=(task,))
    told = [Reason("costly-finding", "t loses 5.25 of 10 points through wrong-sign alone")]
    assert list(reasons(result)) == (told if is_told else [])


def test_a_notice_is_looked_at_until_a_person_decides() -> None:
    """One about the whole task stays until the task is decided."""
    word = Decision(0.0, "a", "2026", "why", stale=False)
    check = CheckResult("update", "fail", 0.5, 1.0, "", decision=word)
    denied, chosen = Notice("denied-access", "update"), Notice("selector")
    result = made(replace(check, decision=None), found=("crash",))
    for checks, told in (((check,), ["selector"]), (result.tasks[0].checks, [*NOTICES])):
        task = replace(result.tasks[0], checks=checks, notices=(denied, chosen))
        said = list(reasons(replace(result, tasks=(task,))))
        assert said == [Reason(kind, NOTICES[kind]) for kind in told]  # type: ignore[arg-type]


@pytest.mark.parametrize("where", ["check", "task", "total"])
def test_what_a_person_has_decided_is_settled(where: str) -> None:
    """A word on the check, the task, or all of it; one that is stale is for a person again."""
    word = Decision(0.0, "a", "2026", "why", stale=False)
    failed = CheckResult("c", "fail", 0.0, 1.0, "", decision=word if where == "check" else None)
    result = replace(made(failed), problems=(Problem("not Python", broken=True),))
    if where != "check":
        kind: Literal["task", "total"] = "task" if where == "task" else "total"
        line = Adjustment(kind, 1.0, "", "T" if where == "task" else "", decision=word)
        result = replace(result, adjustments=(line,))
    broken = [Reason("not-python", "a part is not valid Python")] * (where == "check")
    assert list(reasons(result)) == broken
    crashed = replace(failed, check="d", state="error", decision=None)
    more = replace(result, tasks=(replace(result.tasks[0], checks=(failed, crashed)),))
    said = [Reason("crashed", "t/d stopped with an error")] * (where == "check")
    assert list(reasons(more)) == [*broken, *said]


@pytest.mark.parametrize("code", REMARKS)
def test_what_cannot_be_explained_is_looked_at(code: Kind) -> None:
    """And what is for a person to judge; an ordinary mistake is not."""
    assert list(reasons(made(found=(code,)))) == [Reason(code, NOTICES.get(code, code))]
    assert list(reasons(made(found=("swapped-index",)))) == []


def test_a_stale_word_and_a_provisional_result() -> None:
    """A word that is not stale needs nobody."""
    word = Decision(0.0, "a", "2026", "why", stale=True)
    check = CheckResult("c", "pass", 1.0, 1.0, "", decision=word)
    assert list(reasons(made(check, provisional=True))) == [
        Reason("stale-override", "points set for t/c, but the findings have changed since"),
        Reason("provisional", "provisional"),
    ]
    assert list(reasons(made(replace(check, decision=replace(word, stale=False))))) == []


def test_the_most_urgent_comes_first(course: Path) -> None:
    """Among students, and among the reasons of one."""
    with Store(course, write=True) as store:
        override(store, ANNA, "update", 5.5, comment="why")
    remark_class(course, drops=("swapped-index",))
    with Store(course, write=True) as store:
        run = store.begin("grade")
        store.add(run, [filed("old", standing="failed", told="lost", result=b"", evidence=b"")])
        store.add_listed(
            run, [Listed("old", "digest-1", 0, "", Sender("", "plain", {}, False, ""))]
        )
    found = looks(course)
    assert [look.name for look in found] == ["old", FAY, ANNA, CAS, ZED, DAN]
    assert [reason.kind for reason in found[0].review] == ["failed", "not-in-roster"]
    assert found[2].review == (
        Reason("stale-override", f"points set for {UPDATE}, but the findings have changed since"),
    )
    ranks = [KINDS.index(look.review[0].kind) for look in found]
    assert ranks == sorted(ranks)


# --- the command -------------------------------------------------------------------------


def test_each_has_the_command_to_see_it(handed: Path) -> None:
    """Which works as it is printed."""
    out = handed / "out"
    rows = list(csv.DictReader(io.StringIO(gradkit("review", out, "--format", "csv").stdout)))
    assert [(row["student"], row["kind"]) for row in rows] == [
        (FAY, "refused"),
        (CAS, "missing"),
        (ZED, "not-in-roster"),
        (DAN, "absent"),
    ]
    shown = [gradkit(*shlex.split(row["command"])[1:]) for row in rows]
    assert [each.exit_code for each in shown] == [0, 0, 0, 0]
    assert f"{FAY} was refused: hw.ipynb is not a valid" in shown[0].stdout
    assert shown[3].stdout.startswith(f"{DAN} has no submission that counts.\n")
    assert f"{CAS}  0 / 20" in shown[1].stdout
    assert f"{ZED}  20 / 20" in shown[2].stdout


def test_the_work_is_split(handed: Path) -> None:
    """Each student to one assistant; what is one's own is what the whole list says."""
    out = handed / "out"
    rows = list(
        csv.DictReader(
            io.StringIO(gradkit("review", out, "--split", "u, v", "--format", "csv").stdout)
        )
    )
    whose = {row["student"]: row["assistant"] for row in rows}
    assert set(whose) == {FAY, CAS, ZED, DAN}
    assert set(whose.values()) == {"u", "v"}
    for assistant in "uv":
        own = gradkit("review", out, "--split", "u,v", "--for", assistant, "--format", "csv").stdout
        part = {row["student"] for row in csv.DictReader(io.StringIO(own))}
        assert part == {name for name, one in whose.items() if one == assistant}
    text = gradkit("review", out, "--split", "u,v").stdout
    assert "4 students to review: u " in text


def test_it_reads_at_a_glance(handed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line for each, with the folder as it was given."""
    monkeypatch.chdir(handed)
    lines = [line.rstrip() for line in gradkit("review", "out").stdout.splitlines()]
    assert lines[0] == "4 students to review"
    assert lines[1].split() == ["student", "why", "see"]
    assert lines[-2] == "zornzed  not in the roster" + lines[-2][26:]
    assert lines[-2].endswith("gradkit show out zornzed")


def test_a_command_is_never_broken(handed: Path) -> None:
    """In a log no line is; on a narrow terminal all else is, and nothing of that is left out."""
    out = handed / "out"
    commands = [show_command(each, out) for each in looks(out)]
    lines = gradkit("review", out, COLUMNS=None).stdout.splitlines()
    assert len(lines) == 2 + len(commands) > 4
    assert all(each in line for each, line in zip(commands, lines[2:], strict=True))
    narrow = str(len(max(commands, key=len)) + 24)
    text = gradkit("review", out, COLUMNS=narrow).stdout
    assert len(text.splitlines()) > len(lines)
    assert all(each in text for each in commands)
    assert "…" not in text


def test_pseudonyms_hide_names_and_sentences(handed: Path) -> None:
    """In the list and in what its commands show; neither is in the order of the names."""
    out = handed / "out"
    ended = gradkit("review", out, "--pseudonyms", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(ended.stdout)))
    with Store(out, write=False) as store:
        names = [pseudonym(store, name) for name in (FAY, CAS, ZED, DAN)]
    assert [row["student"] for row in rows] == names
    assert rows[0]["why"] == "refused"
    shown = [gradkit(*shlex.split(row["command"])[1:]) for row in rows]
    said = "".join([ended.output, *(each.output for each in shown)])
    for word in ("Fay", "Ito", "Cas", "Ode", "zorn", "Dan", "Poe", "hw.ipynb"):
        assert word.casefold() not in said.casefold().replace("mode", "").replace("code", ""), word
    assert f"{names[1]}  0 / 20" in shown[1].stdout
    assert shown[0].stdout.startswith(f"{names[0]} was refused.\n")


def test_nobody_is_to_be_looked_at(tmp_path: Path) -> None:
    """One line, and a table with a header."""
    with Store(tmp_path, write=True):
        pass
    assert gradkit("review", tmp_path).stdout == "No result needs a review.\n"
    assert (
        gradkit("review", tmp_path, "--format", "csv").stdout
        == "student,kind,why,assistant,command\n"
    )


def looked_at(name: str, told: str = "") -> Row:
    """A student whose submission gradkit failed over."""
    return Row(name, "failed", told, None, None, False, {}, (), (Reason("failed", "failed"),))


def test_a_cell_is_no_formula() -> None:
    """Whatever a student is called."""
    text = frame_csv(review_frame([looked_at("=1+1", told="+2")], Path("out")))
    ((_, *_), (name, _, why, _, command)) = csv.reader(io.StringIO(text))
    assert (name, why) == ("'=1+1", "'+2")
    assert shlex.split(command) == ["gradkit", "show", "out", "=1+1"]
    dashed = looked_at("-rf x")
    words = ["gradkit", "show", "--", "a b", "-rf x"]
    assert shlex.split(show_command(dashed, Path("a b"))) == words


def test_what_cannot_be_split_is_refused(handed: Path) -> None:
    """With what was expected."""
    out = handed / "out"
    for names in ("u,,v", "u,u", ""):
        assert refusal("review", out, "--split", names) == (
            f"--split {names}: give different names, separated by commas."
        )
    assert refusal("review", out, "--split", "u,v", "--for", "w") == (
        "--for w needs a name of --split: u, v."
    )
    assert refusal("review", out, "--for", "w") == (
        "--for w needs --split with the names of all graders, such as --split anna,ben."
    )
    assert "there is no such file" in refusal("review", handed / "first")


def test_a_class_without_solutions_is_told_once(tmp_path: Path) -> None:
    """That everybody's marks are provisional is no reason to look at each of them."""
    folder, out = handed_in(tmp_path / "class", ann=RIGHT, ben=RIGHT), tmp_path / "out"
    grade_here(folder, out, replace(SETTINGS, no_reference=True))
    ended = gradkit("review", out)
    assert ended.stdout == "No result needs a review.\n"
    assert ended.stderr.startswith("gradkit: all marks are provisional")
    final = replace(SETTINGS, no_reference=False, reference=REFERENCE)
    grade_here(handed_in(tmp_path / "more", cy=RIGHT), out, final)
    ended = gradkit("review", out)
    assert ended.stdout.startswith("2 students to review\n")
    assert ended.stderr == ""
