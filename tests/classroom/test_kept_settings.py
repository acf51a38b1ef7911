"""A class keeps what it was graded with; one student is graded again; tasks that count."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
from pathlib import Path

import pytest
from classroom.answering import SWAPPED, gradkit, refusal
from classroom.classes import RIGHT, TASK, changed_assignment, handed_in, results
from classroom.here import Here
from model_solutions import REFERENCE, source

from gradkit.classroom.course.roster import enrolment_of, roster
from gradkit.classroom.grade import Grading
from gradkit.classroom.reports.purge import purge
from gradkit.classroom.reports.summary import class_rows, review
from gradkit.classroom.run import UNWATCHED, remembered
from gradkit.classroom.store.database import FILE
from gradkit.classroom.store.results import Store
from gradkit.classroom.worker_pool import grader
from gradkit.grading.settings import GradingError, Settings
from gradkit.records.classroom import Order, Reply
from gradkit.submission.read import gather

pytestmark = pytest.mark.sample(288)

OPTIONS = ("--workers", "1", "--require-tier", "0")


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a class of two, graded by an assignment of one's own."""
    folder = tmp_path_factory.mktemp("kept")
    handed_in(folder / "in", ann=RIGHT, ben=SWAPPED)
    mine = changed_assignment(folder / "mine")
    words = ("--assignment", mine, "--reference", REFERENCE, "--seed", "3", *OPTIONS)
    assert gradkit("grade", folder / "in", "--out", folder / "out", *words).exit_code == 0
    return folder


@pytest.mark.slow
def test_the_same_command_needs_no_options(once: Path) -> None:
    """Assignment, model solutions, seed: nobody is graded again, nothing becomes provisional."""
    ended = gradkit("grade", once / "in", "--out", once / "out", *OPTIONS)
    assert "This run: 0 graded, 2 unchanged" in ended.stderr
    assert {result.oracle for result in results(once / "out").values()} == {"reference"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--task", TASK), f"--task was not given, and is now {TASK}"),
        (("--preset", "strict"), "--preset was not given, and is now strict"),
        (("--form", "published"), "--form was correct, and is now published"),
        (("--seed", "0"), "--seed was 3, and is now 0"),
        (("--no-reference",), "--no-reference was not given, and is now given"),
    ],
)
def test_another_setting_is_refused(once: Path, words: tuple[str, ...], said: str) -> None:
    """With both values."""
    told = refusal("grade", once / "in", "--out", once / "out", *words)
    assert told == (
        f"{once / 'out' / FILE} was graded with other settings: {said}. Leave these options "
        "out, or grade everybody again with --change-settings."
    )


def test_another_setting_is_taken_where_that_is_said(once: Path) -> None:
    """What is not named stays; where nothing was graded yet, anything holds."""
    with Store(once / "out", write=False) as store:
        made = remembered(store, {"preset": "strict", "form": None}, change=True)
        assert (made.preset, made.form, made.seed) == ("strict", "correct", 3)
        assert made.reference == REFERENCE
        with pytest.raises(GradingError, match=r"--reference was .*, and is now "):
            remembered(store, {"reference": once}, change=False)
    with Store(once / "new", write=True) as store:
        assert remembered(store, {"form": "published"}, change=False).form == "published"


class Halting(Here):
    """Comes as far as the first order."""

    def take(self, seconds: float) -> list[tuple[Order, Reply | None]]:
        """See `WorkerPool`."""
        if self.taken:
            raise KeyboardInterrupt
        self.taken = True
        return super().take(seconds)

    taken = False


def test_who_is_not_graded_yet_has_not_handed_in_nothing(tmp_path: Path) -> None:
    """After an interrupt; with a roster and without, in the summary and where it goes back."""
    folder = handed_in(tmp_path / "in", ann=RIGHT, ben=SWAPPED, cas=SWAPPED + "\n# cas\n")
    listed = roster(b"Student\nann\nben\ncas\ndan\n", "r.csv")
    settings = Settings(tasks=(TASK,), seed=1, no_reference=True)
    with Store(tmp_path / "out", write=True) as store, grader(settings) as able:
        grading = Grading(store, settings, UNWATCHED)
        with pytest.raises(KeyboardInterrupt):
            grading.run(enrolment_of(gather([folder]), listed), Halting(able))
        told = {row.name: tuple(each.words for each in row.review) for row in class_rows(store)}
        assert {name: why for name, why in told.items() if name != "ann"} == {
            "ben": ("not graded yet",),
            "cas": ("not graded yet",),
            "dan": ("nothing submitted",),
        }
        assert {row.name: row.standing for row in class_rows(store)} == {
            "ann": "graded",
            "ben": "waiting",
            "cas": "waiting",
            "dan": "absent",
        }
        waiting = [look.name for look in review(store) if look.review[0].kind == "waiting"]
        assert waiting == ["ben", "cas"]
        assert store.awaited() == ["ben", "cas"]
    head = (
        "1 submission, 1 provisional, 2 not graded yet, 1 student without a submission that "
        "counts\n"
    )
    assert gradkit("summary", tmp_path / "out").stdout.startswith(head)
    again = "ben is not graded yet: run the same `gradkit grade` again."
    shown = gradkit("show", tmp_path / "out", "ben")
    assert (shown.exit_code, shown.stdout, shown.stderr) == (0, f"{again}\n", "")
    assert refusal("override", tmp_path / "out", "ben", TASK, "0", "--comment", "no") == (
        "ben is not graded yet. Run the same `gradkit grade` again, then set points."
    )
    said = gradkit("feedback", tmp_path / "out", "--format", "folder", "--dry-run")
    assert "1 student of the roster submitted nothing, and gets no page and no grade" in said.stderr
    assert said.stdout.count("not graded yet") == 2
    with Store(tmp_path / "out", write=True) as store, grader(settings) as able:
        Grading(store, settings, UNWATCHED).run(enrolment_of(gather([folder]), listed), Here(able))
        assert store.awaited() == []
        store.named({"ann": ("t",), "ben": ("u",)})
        purge(store, "ann")
        assert store.named() == {"ben": ("u",)}
        assert "ann" not in (store.meta("awaited") or "")


def test_where_nothing_could_be_graded_it_does_not_end_well(tmp_path: Path) -> None:
    """With the reasons, which stand in the table."""
    folder = handed_in(tmp_path / "in", ann="x = (\n", ben="")
    ended = gradkit("grade", folder, "--out", tmp_path / "out", "--no-reference", *OPTIONS)
    assert ended.exit_code == 2
    assert "nothing could be graded. The reasons are listed above" in ended.stderr
    told = results(tmp_path / "out")
    assert str(told["ann"]).startswith(
        "ann.py:1 is not valid Python: '(' was never closed.\n  x = ("
    )
    assert str(told["ben"]).startswith(
        "ben: no code was found. The file is empty, or has only comments and text."
    )


# --- one student --------------------------------------------------------------------------

OPEN = RIGHT.replace("return A2, A1", "return None")
"""Nothing that it gives tells which task it is."""


def test_one_student_is_graded_again(once: Path) -> None:
    """And nobody else."""
    before = {name: made.versions for name, made in results(once / "out").items()}
    ended = gradkit("grade", once / "in", "--out", once / "out", "--student", "ben", *OPTIONS)
    assert "This run: 1 graded, 0 unchanged" in ended.stderr
    assert {name: made.versions for name, made in results(once / "out").items()} == before
    with Store(once / "out", write=False) as store:
        marked = store.rows(
            "SELECT name FROM results JOIN submissions ON submissions.id = submission "
            "WHERE results.run = ?",
            (store.runs()[-1].id,),
        )
        assert [tuple(row) for row in marked] == [("ben",)]


def test_a_task_is_named_for_one_student(tmp_path: Path) -> None:
    """Who could not be told is graded, and stays so when the class is graded on."""
    folder = handed_in(tmp_path / "in", ann=RIGHT, ben="def sigmoid(Z):\n    return Z\n")
    words = ("grade", folder, "--out", tmp_path / "out", "--no-reference", *OPTIONS)
    assert gradkit(*words).exit_code == 0
    assert isinstance(results(tmp_path / "out")["ben"], str)
    ended = gradkit(*words, "--student", "ben", "--task", "classification-numpy")
    assert ended.exit_code == 0, ended.output
    made = results(tmp_path / "out")["ben"]
    assert [task.task for task in made.tasks] == ["classification-numpy"]
    assert "This run: 0 graded, 2 unchanged" in gradkit(*words).stderr
    assert gradkit("remark", tmp_path / "out").exit_code == 0
    assert "This run: 0 graded, 2 unchanged" in gradkit(*words).stderr
    assert "--task x: there is no such task" in refusal(*words, "--student", "ben", "--task", "x")
    assert "nobody in" in refusal(*words, "--student", "nobody")


# --- a policy beside the class ------------------------------------------------------------


def test_a_policy_holds_once_it_is_taken_up(tmp_path: Path) -> None:
    """The first run takes what is there; a change is refused, told, and taken up by remark."""
    folder, out = handed_in(tmp_path / "in", ann=RIGHT, ben=SWAPPED), tmp_path / "out"
    out.mkdir()
    (out / "policy.toml").write_text("[bonus]\nann = {points = 1, why = 'an error'}\n")
    words = ("grade", folder, "--out", out, "--no-reference", "--task", TASK, *OPTIONS)
    assert gradkit(*words).exit_code == 0

    def scores() -> dict[str, str]:
        printed = gradkit("summary", out, "--format", "csv").stdout.removeprefix("\ufeff")
        table = csv.DictReader(io.StringIO(printed))
        return {row["student"]: row["score"] for row in table}

    assert scores() == {"ann": "21.0", "ben": "15.5"}
    (out / "policy.toml").write_text("[scale]\nto = 100\n[days_late]\nbem = 1\n")
    changed = (
        f"{out / 'policy.toml'} has changed since the class was graded: bonus.ann.points was 1, "
        "and is now nothing; bonus.ann.why was an error, and is now nothing; days_late.bem was "
        f"nothing, and is now 1; scale.to was nothing, and is now 100. `gradkit remark {out}` "
        "applies it to everybody"
    )
    assert refusal(*words) == f"{changed}, and so does --change-settings."
    back = ("feedback", out, "--format", "folder")
    assert refusal(*back) == f"{changed}. Run it, and then write feedback."
    assert f"{changed}." in gradkit("review", out).stderr
    assert scores() == {"ann": "21.0", "ben": "15.5"}
    done = gradkit("remark", out, "--why", "as agreed")
    assert done.stderr.startswith("2 of 2 scores changed.")
    assert scores() == {"ann": "100.0", "ben": "77.5"}
    steps = json.loads(gradkit("history", out, "ann", "--format", "json").stdout)["steps"]
    assert [(step["rules"], step["after"]["score"]) for step in steps] == [(True, 21), (True, 100)]
    assert "The policy of the course" in gradkit("history", out, "ann").stdout
    assert "has changed" not in gradkit("review", out).stderr
    assert gradkit(*back).exit_code == 0
    assert gradkit(*words).stderr.startswith(
        "gradkit: policy.toml, days_late: no student is called bem yet. Did you mean ben?"
    )
    assert "policy.toml" in gradkit("purge", out, "ann", "--yes").stderr


def test_who_is_named_in_a_policy_is_somebody(tmp_path: Path) -> None:
    """Where it is taken up again, too; and where no time is known, that is told of everybody."""
    folder, out = handed_in(tmp_path / "in", ann=RIGHT, ben=SWAPPED), tmp_path / "out"
    words = ("grade", folder, "--out", out, "--no-reference", "--task", TASK, *OPTIONS)
    gradkit(*words)
    late = "due = 2026-10-01T22:00:00Z\n[late]\nper_day = 10\n"
    (out / "policy.toml").write_text(f"{late}[days_late]\nbem = 1\n")
    nobody = "policy.toml, days_late: no student is called bem yet. Did you mean ben?"
    untold = (
        "policy.toml: the time of submission of anybody is unknown, so due, [extensions] and "
        "[late] have no effect. Enter the days late in [days_late], or 0."
    )
    assert nobody in gradkit("remark", out).stderr
    assert nobody in gradkit(*words).stderr
    # Whoever names one has looked for those who were late.
    assert untold not in gradkit("review", out).stderr
    (out / "policy.toml").write_text(late)
    for command in (("remark", out), words, ("review", out)):
        assert untold in gradkit(*command).stderr
    assert "how late" not in gradkit("review", out).stdout
    (out / "policy.toml").write_text(f"{late}[days_late]\nben = 1\n")
    ended = gradkit("remark", out)
    assert ended.stderr == "1 of 2 scores changed.\n"
    assert "policy.toml" not in gradkit(*words).stderr
    assert results(out)["ben"].score == 15.5
    assert ",13.5," in gradkit("summary", out, "--format", "csv").stdout
    (out / "policy.toml").write_text("[scale]\nto = 100\n")
    gradkit("remark", out)
    assert "policy.toml" not in gradkit(*words).stderr
    printed = gradkit("summary", out, "--format", "csv").stdout.removeprefix("\ufeff")
    table = csv.DictReader(io.StringIO(printed))
    assert [(row["score"], row["overrides"]) for row in table] == [("100.0", ""), ("77.5", "")]


def test_a_dry_run_reads_the_policy(tmp_path: Path) -> None:
    """Who is named there and is nobody is listed, and a line that is wrong is refused."""
    folder, out = handed_in(tmp_path / "in", ann=RIGHT, ben=SWAPPED), tmp_path / "out"
    out.mkdir()
    words = ("grade", folder, "--out", out, "--no-reference", "--task", TASK, "--dry-run")
    (out / "policy.toml").write_text("[bonus]\nben = {points = 1, why = 'an error'}\n")
    assert "policy" not in gradkit(*words).stdout
    (out / "policy.toml").write_text("[bonus]\nbem = {points = 1, why = 'an error'}\n")
    assert gradkit(*words).stdout.split("\n")[1:3] == [
        "in the policy, but not in the class (1)",
        "  policy.toml, bonus: no student is called bem yet. Did you mean ben?",
    ]
    # Where it is known who is in the course it is a slip, without --dry-run too.
    course = tmp_path / "course.csv"
    course.write_text("name\nann\nben\n")
    for more in (("--roster", course), ("--roster", course, *OPTIONS)):
        said = refusal(*(words if len(more) == 2 else words[:-1]), *more)
        assert said == "policy.toml, bonus: no student is called bem. Did you mean ben?"
    (out / "policy.toml").write_text("[bonus]\nben = 1\n")
    assert "policy.toml" in refusal(*words)


def test_a_delay_that_nothing_tells_is_for_a_person(tmp_path: Path) -> None:
    """Canvas says that it was late, and not by how much; of what came by mail nothing is told."""
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    out.mkdir()
    for name in ("leeann_LATE_101_9001", "ostben_102_9002", "picas_103_9003"):
        (folder / f"{name}_hw.py").write_text(f"{RIGHT}# {name}\n")
    policy = "due = 2026-10-01T22:00:00Z\n[late]\nper_day = 10\n"
    (out / "policy.toml").write_text(policy)
    words = ("grade", folder, "--out", out, "--no-reference", "--task", TASK, *OPTIONS)
    untold = "policy.toml: the time of submission of leeann is unknown, so due, [extensions] and "
    assert untold in gradkit(*words).stderr
    mail = handed_in(tmp_path / "mail", hw=f"{RIGHT}# mended\n")
    said = gradkit("grade", mail, "--out", out, "--student", "picas", *OPTIONS).stderr
    assert untold.replace("leeann", "leeann, picas") in said

    def told() -> dict[str, str]:
        table = csv.DictReader(io.StringIO(gradkit("review", out, "--format", "csv").stdout))
        return {row["student"]: row["why"] for row in table}

    assert told() == dict.fromkeys(("leeann", "picas"), "lateness unknown")
    assert "leeann" not in gradkit("review", out, "--pseudonyms").output
    assert {made.score for made in results(out).values()} == {20.0}
    (out / "policy.toml").write_text(f"{policy}[days_late]\nleeann = 1\npicas = 0\n")
    assert gradkit("remark", out).stderr == "1 of 3 scores changed.\n"
    assert told() == {}
    assert "policy.toml" not in gradkit("review", out).stderr


# --- tasks that count ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def counting(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A class whose assignment asks for both tasks in numpy; only one of two has both."""
    folder = tmp_path_factory.mktemp("counting")
    handed_in(folder / "in", ann=RIGHT, ben="x = (\n")
    both = '["regression-numpy", "classification-numpy"]'
    mine = changed_assignment(folder / "mine", 'schema = "', f'required = {both}\nschema = "')
    words = ("--assignment", mine, "--no-reference", *OPTIONS)
    assert gradkit("grade", folder / "in", "--out", folder / "out", *words).exit_code == 0
    return folder


def test_what_counts_and_is_not_there_has_no_points(counting: Path) -> None:
    """It is missing in the sum, told to the student and listed for a person."""
    made = results(counting / "out")["ann"]
    assert (made.score, made.max_score) == (20.0, 40.0)
    assert {check.state for check in made.tasks[1].checks} == {"missing"}
    assert made.tasks[1].checks[0].message == "“Classification in numpy” was not submitted."
    with Store(counting / "out", write=False) as store:
        assert {
            row.name: tuple(each.words for each in row.review) for row in class_rows(store)
        } == {
            "ann": ("not submitted: classification-numpy",),
            "ben": ("refused",),
        }
        told = {look.name: [reason.words for reason in look.review] for look in review(store)}
    assert told == {"ann": ["not submitted: classification-numpy"], "ben": ["refused"]}


def test_who_was_refused_may_be_given_a_total_then(counting: Path) -> None:
    """Of all that counts."""
    ended = gradkit("override", counting / "out", "ben", "total", "30", "--comment", "read")
    assert ended.stderr == "ben, total: 30 points (nothing computed). The total is now 30 / 40.\n"


def test_marking_again_follows_what_counts(counting: Path) -> None:
    """One task less, and one more: nothing is run for it."""
    file = counting / "mine" / "assignment.toml"
    text = file.read_text(encoding="utf-8")
    for tasks, score in (('["regression-numpy"]', (20.0, 20.0)), ('"all"', (20.0, 80.0))):
        head, rest = text.split("\nschema", 1)
        assert head.splitlines()[-1].startswith("required = ")
        lines = [*head.splitlines()[:-1], f"required = {tasks}"]
        file.write_text("\n".join(lines) + "\nschema" + rest, encoding="utf-8")
        assert gradkit("remark", counting / "out").exit_code == 0
        made = results(counting / "out")["ann"]
        assert (made.score, made.max_score) == score


# --- tasks that are asked for, and a hand-in that is none of them ---------------------------

SORTS = "def sort(numbers):\n    return sorted(numbers)\n"


def test_another_task_than_those_asked_for_is_told_so(tmp_path: Path) -> None:
    """A net in torch has methods; nobody is told to write these as functions."""
    pytest.importorskip("torch")
    net = source("regression_torch")
    methods = "class Net:\n    def forward(self, X): pass\n    def update_parameters(self): pass\n"
    folder = handed_in(tmp_path / "in", ann=RIGHT, ben=net, cas=methods)
    asked = ("--task", TASK, "--task", "classification-numpy", *OPTIONS)
    gradkit("grade", folder, "--out", tmp_path / "out", "--no-reference", *asked)
    made = results(tmp_path / "out")
    assert made["ben"] == (
        "ben: the code belongs to “Regression in torch”, but this command grades “Regression in "
        "numpy”, “Classification in numpy”."
    )
    assert str(made["cas"]).startswith("cas: the class `Net` is not graded as a net, although")
    assert made["ann"].score == 20.0


@pytest.mark.parametrize("tasks", [(TASK,), (TASK, "classification-numpy")])
def test_what_is_none_of_the_tasks_keeps_its_reason(tmp_path: Path, tasks: tuple[str, ...]) -> None:
    """Asked for by name, they are looked for; nobody has said that this is one."""
    folder = handed_in(tmp_path / "in", ann=RIGHT, ben=SORTS, cas="")
    asked = [word for task in tasks for word in ("--task", task)]
    words = ("grade", folder, "--out", tmp_path / "out", "--no-reference", *OPTIONS)
    assert "1 graded, 0 unchanged, 2 refused" in gradkit(*words, *asked).stderr
    made = results(tmp_path / "out")
    assert str(made["ben"]).startswith("ben: This looks like another exercise.")
    assert str(made["ben"]).endswith("Found `sort`.")
    assert str(made["cas"]).startswith("cas: no code was found. The file is empty")
    assert (made["ann"].score, made["ann"].max_score) == (20.0, 20.0 * len(tasks))
    # A person has: then it is that one, whatever is in it.
    gradkit(*words, "--student", "ben", "--task", TASK)
    assert results(tmp_path / "out")["ben"].score == 0.0


def test_a_task_that_was_not_handed_in_is_told_as_such(tmp_path: Path) -> None:
    """Not as a task in which nothing was found, though there is much for the other."""
    folder = handed_in(tmp_path / "in", ann=RIGHT)
    asked = ("--task", TASK, "--task", "two-layer-net", "--no-reference")
    assert gradkit("grade", folder, "--out", tmp_path / "out", *asked, *OPTIONS).exit_code == 0
    own, other = results(tmp_path / "out")["ann"].tasks
    assert (own.score, own.absent, other.absent) == (20.0, False, True)
    assert {check.message for check in other.checks} == {f"“{other.title}” was not submitted."}


# --- one student's file, whatever it is called ----------------------------------------------


@pytest.fixture
def mailed(tmp_path: Path) -> Path:
    """A class of Moodle's in which one file is broken, and a right one that came by mail."""
    for name, text in {"Ann Lee_501": RIGHT, "Ben Ost_502": "x = (\n"}.items():
        place = tmp_path / "in" / f"{name}_assignsubmission_file_"
        handed_in(place, hw=text)
    handed_in(tmp_path / "mail", hw=f"{RIGHT}\n# ben\n")
    words = ("grade", tmp_path / "in", "--out", tmp_path / "out", "--no-reference", "--task", TASK)
    assert gradkit(*words, *OPTIONS).exit_code == 0
    assert set(results(tmp_path / "out")) == {"Ann Lee", "Ben Ost"}
    assert isinstance(results(tmp_path / "out")["Ben Ost"], str)
    return tmp_path


@pytest.mark.parametrize("form", ["mail/hw.py", "mail", "mail/Ben Ost.py", "folder"])
def test_what_is_given_alone_is_the_student_s(mailed: Path, form: str) -> None:
    """By whatever name; and it stays the last one when the class is graded on."""
    path = mailed / form
    if form == "folder":
        path = (mailed / "mail").rename(mailed / "Ben Ost_502_assignsubmission_file_")
    elif not path.exists():
        (mailed / "mail" / "hw.py").rename(path)
    ended = gradkit("grade", path, "--out", mailed / "out", "--student", "Ben", *OPTIONS)
    assert "This run: 1 graded, 0 unchanged" in ended.stderr, ended.output
    for _ in range(2):
        made = results(mailed / "out")
        assert set(made) == {"Ann Lee", "Ben Ost"}
        assert made["Ben Ost"].score == 20.0
        # As in a download that was made anew: the same, of another time.
        for file in (mailed / "in").rglob("*.py"):
            os.utime(file)
        again = gradkit("grade", mailed / "in", "--out", mailed / "out", *OPTIONS)
        assert "0 graded, 2 unchanged" in again.stderr


def strangers(folder: Path) -> Path:
    """A download of people who are not in the class."""
    for name in ("Cas Pi_503", "Dan Ro_504"):
        handed_in(folder / "others" / f"{name}_assignsubmission_file_", hw=RIGHT)
    return folder / "others"


def test_what_is_several_s_has_to_have_the_student_s_name(mailed: Path) -> None:
    """Nothing is guessed, and nothing ends as if it were done."""
    mail = handed_in(mailed / "mail", **{"Ann Lee": "a = 1\n"})
    other = strangers(mailed)
    for paths in ([mail], [mail / "hw.py", mail / "Ann Lee.py"], [other]):
        told = refusal("grade", *paths, "--out", mailed / "out", "--student", "Ben", *OPTIONS)
        assert "no submission has this name. Found: " in told
        assert told.endswith(
            "A single file, folder or zip is taken as this student's, unless it contains work of "
            "others."
        )


@pytest.mark.parametrize("form", ["mail", "mail.zip"])
def test_files_that_are_given_together_are_the_student_s_as_a_whole(
    mailed: Path, form: str
) -> None:
    """One submission, which is found again; one task of it alone takes the other's place away."""
    mail = handed_in(mailed / "mail", other=source("classification_numpy"))
    shutil.make_archive(str(mail), "zip", mail)
    both = ("--task", TASK, "--task", "classification-numpy", "--change-settings")
    words = ("grade", mailed / "in", "--out", mailed / "out", *OPTIONS)
    gradkit(*words, *both)
    student = ("--out", mailed / "out", "--student", "Ben", *OPTIONS)
    ended = gradkit("grade", mailed / form, *student)
    assert "This run: 1 graded, 0 unchanged" in ended.stderr, ended.output
    made = results(mailed / "out")["Ben Ost"]
    assert [(task.task, task.absent) for task in made.tasks] == [
        (TASK, False),
        ("classification-numpy", False),
    ]
    lost = (
        "Ben Ost: the attempt that counts does not have classification-numpy, but another attempt "
        "has. To count everything, put all files into one folder or zip, and run `gradkit grade … "
        "--student 'Ben Ost'` with it."
    )
    assert lost not in gradkit(*words).stderr
    (mail / "hw.py").write_text(f"{RIGHT}\n# mended\n", encoding="utf-8")
    assert lost in gradkit("grade", mail / "hw.py", *student).stderr
    assert lost in gradkit("review", mailed / "out").stderr
    gradkit("override", mailed / "out", "Ben", "classification-numpy", "5", "--comment", "seen")
    assert lost not in gradkit("review", mailed / "out").stderr


def test_what_cannot_be_read_is_one_attempt_under_all_settings(tmp_path: Path) -> None:
    """And the points that a person has given for it are not stale."""
    folder = handed_in(tmp_path / "in", ann=RIGHT)
    (folder / "ben.pdf").write_bytes(b"%PDF")
    words = ("grade", folder, "--out", tmp_path / "out", "--no-reference", *OPTIONS)
    gradkit(*words, "--task", TASK)
    gradkit("override", tmp_path / "out", "ben", "total", "12", "--comment", "read by hand")
    gradkit(*words, "--task", TASK, "--preset", "strict", "--change-settings")
    with Store(tmp_path / "out", write=False) as store:
        (ben,) = (row for row in class_rows(store) if row.name == "ben.pdf")
    assert (ben.score, ben.handed.attempts) == (12.0, 1)
    assert not any(line.decision.stale for line in ben.adjustments)


def test_of_some_tasks_those_count_that_were_handed_in(tmp_path: Path) -> None:
    """With a word that says so, and it is kept; without it both count, handed in or not."""
    handed_in(tmp_path / "in", ann=RIGHT)
    both = ("--task", TASK, "--task", "classification-numpy", "--no-reference", *OPTIONS)
    for name, more, most in (("all", (), 40.0), ("some", ("--handed-in",), 20.0)):
        words = ("grade", tmp_path / "in", "--out", tmp_path / name)
        assert gradkit(*words, *both, *more).exit_code == 0
        said = gradkit("summary", tmp_path / name, "--format", "csv").stdout
        said = said.removeprefix("\ufeff")
        (row,) = csv.DictReader(io.StringIO(said))
        assert (float(row["score"]), float(row["max_score"])) == (20.0, most)
        assert row["tasks"] == ("1 of 2 tasks graded" if more else "")
        assert "0 graded, 1 unchanged" in gradkit(*words, *OPTIONS).stderr
    words = ("grade", tmp_path / "in", "--out", tmp_path / "all", "--handed-in", *OPTIONS)
    assert "--handed-in was not given, and is now given" in refusal(*words)
    words = ("grade", tmp_path / "in", "--out", tmp_path / "new", *both, "--handed-in")
    assert "Only submitted tasks count." in gradkit(*words, "--dry-run").stdout
