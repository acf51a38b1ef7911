"""`gradkit grade` as it is typed: what it prints, how it ends, and what an interrupt leaves."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from classroom.classes import (
    HANGS,
    MISTAKES,
    OPTIONS,
    OTHER_EXERCISE,
    RIGHT,
    changed_assignment,
    command,
    environment,
    gradkit,
    handed_in,
    mixed,
    processes,
    results,
)
from classroom.filing import filed
from click.testing import CliRunner
from rich.console import Console
from weak import examine_weakened

import gradkit.sandbox.doctor as gradkit_doctor
from gradkit.classroom.store.database import FILE, LOCK, StoreError
from gradkit.classroom.store.results import Store, pack
from gradkit.cli import main
from gradkit.grading.settings import GradingError, required_tier
from gradkit.records.result import Result
from gradkit.report.grades import next_commands
from gradkit.report.summary import Watcher
from gradkit.sandbox.doctor import Examination
from gradkit.sandbox.workshop import LACKING

pytestmark = pytest.mark.sample(24)


def test_a_class_is_graded_and_summed_up(tmp_path: Path) -> None:
    """The table on standard output, all else on standard error; again, nothing is to be done."""
    folder = handed_in(tmp_path / "class", ann=RIGHT)
    (folder / "ben.pdf").write_bytes(b"%PDF")
    done = gradkit("grade", folder, "--out", tmp_path / "out", *OPTIONS, "--workers", 1)
    assert done.returncode == 0
    out = tmp_path / "out"
    assert done.stderr == (
        f"This run: 1 graded, 0 unchanged, 1 refused, 0 failed. Saved in {out / FILE}.\n"
        f"{next_commands(out)}\n"
    )
    assert done.stdout.splitlines() == [
        "2 submissions, 1 graded, 1 refused, 1 provisional",
        "student  score    notes",
        "ann      20 / 20",
        "ben.pdf  refused  ben.pdf is not a file that can be graded.",
    ]
    again = gradkit("grade", folder, "--out", tmp_path / "out", *OPTIONS)
    assert again.stderr.startswith("This run: 0 graded, 2 unchanged, 0 refused, 0 failed. ")
    assert (again.returncode, again.stdout) == (0, done.stdout)


@pytest.mark.slow
def test_results_may_lie_in_the_folder_of_the_class(tmp_path: Path) -> None:
    """They are no submissions, when grading goes on later."""
    handed_in(tmp_path, ann=RIGHT)
    for out in (tmp_path, tmp_path / "results"):
        words = ["grade", str(tmp_path), "--out", str(out), *OPTIONS, "--workers", "1"]
        for _ in range(2):
            assert CliRunner().invoke(main, words).exit_code == 0
        (tmp_path / FILE).unlink(missing_ok=True)
        (tmp_path / LOCK).unlink(missing_ok=True)
    assert list(results(tmp_path / "results")) == ["ann"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere", "--out", "out"], "gradkit: There is no file or folder nowhere.\n"),
        (
            ["class", "--out", "out", "--form", "published", "--no-reference"],
            "gradkit: --form published needs the model solutions: name their folder with "
            "--reference.\n",
        ),
        (
            ["class", "--out", "taken"],
            "gradkit: taken: cannot be written (File exists). Choose another folder with --out.\n",
        ),
    ],
)
def test_what_cannot_be_done_exits_2(
    arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One sentence, and nothing on standard output."""
    handed_in(tmp_path / "class", ann=RIGHT)
    (tmp_path / "taken").write_text("", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["grade", *arguments])
    assert (done.exit_code, done.stdout, done.stderr) == (2, "", said)


def test_faults_of_ours_exit_2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The class is graded and summed up, and what to do is said last."""

    class Broken:
        def __init__(self, *given: object) -> None:
            self.hand: list[object] = []

        def __enter__(self) -> Broken:
            return self

        def __exit__(self, *given: object) -> None:
            pass

        def capacity(self, *, slow: bool) -> int:
            return 1

        def put(self, orders: list[object], *, slow: bool) -> None:
            self.hand += orders

        def take(self, seconds: float) -> list[tuple[object, None]]:
            taken, self.hand = self.hand, []
            return [(order, None) for order in taken]

    monkeypatch.setattr("gradkit.classroom.run.LocalPool", Broken)
    folder = handed_in(tmp_path / "class", ann=RIGHT)
    done = CliRunner().invoke(main, ["grade", str(folder), "--out", str(tmp_path), *OPTIONS])
    assert done.exit_code == 2
    assert done.stdout.startswith(
        "1 submission, 1 failed\nstudent  score   notes\nann      failed  "
    )
    assert done.stderr.endswith(
        "gradkit: 1 could not be graded because of a problem of gradkit or this machine, which is "
        "listed. Run the same command again to retry.\n"
    )


def test_a_second_grader_of_the_folder_is_refused(tmp_path: Path) -> None:
    """While the first holds it."""
    folder = handed_in(tmp_path / "class", ann=RIGHT)
    with Store(tmp_path / "out", write=True):
        done = gradkit("grade", folder, "--out", tmp_path / "out", *OPTIONS)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"gradkit: {tmp_path / 'out'}: another gradkit is writing to this folder. Wait until it is "
        "done, or choose another folder with --out.\n"
    )


@pytest.mark.slow
def test_one_hopeless_submission_costs_only_itself(tmp_path: Path) -> None:
    """All others are done long before its time is over, those after it too."""
    texts = {f"s{n}": f"{RIGHT}# {n}\n" for n in range(8)}
    folder = handed_in(tmp_path / "class", **{**texts, "a_hopeless": HANGS})
    started = time.monotonic()
    short = changed_assignment(tmp_path / "short", "deadline = 10.0", "deadline = 1.0")
    options = [*OPTIONS, "--workers", 1, "--assignment", short]
    done = gradkit("grade", folder, "--out", tmp_path / "out", *options)
    assert done.returncode == 0, done.stderr
    assert re.search("a_hopeless .*review: regression-numpy/update ran out of time", done.stdout)
    with Store(tmp_path / "out", write=False) as store:
        made = dict(
            map(
                tuple,
                store.rows(
                    "SELECT name, made FROM results JOIN submissions ON submissions.id = submission"
                ),
            )
        )
        scores = {kept.name: kept.score for kept in store.newest()}
    assert max(made, key=made.__getitem__) == "a_hopeless"
    assert {scores[name] for name in texts} == {20.0}
    # Its deadline twice over, as it is confirmed, and no more.
    assert time.monotonic() - started < 120


def test_progress_is_told_in_lines_where_there_is_no_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """More and more rarely, with count, rate and time left; skipped ones count as done."""
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    with Watcher(Console(stderr=True)) as watch:
        watch.begin(62)
        watch.skip()
        watch.skip()
        for _ in range(60):
            now[0] += 2.0
            watch.step(filed())
    told = capsys.readouterr()
    assert (told.out, told.err.splitlines()) == (
        "",
        [
            "7 of 62 graded, 0.5/s, about 110 s left",
            "17 of 62 graded, 0.5/s, about 90 s left",
            "47 of 62 graded, 0.5/s, about 30 s left",
        ],
    )


def test_progress_is_a_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the same figures."""
    import io

    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    told = io.StringIO()
    with Watcher(Console(file=told, force_terminal=True, width=80)) as watch:
        watch.begin(4)
        watch.skip()
        watch.step(filed())
        time.sleep(0.3)
    assert "grading" in told.getvalue()
    assert "2/4" in told.getvalue()
    assert "/s" in told.getvalue()


def wait_for(out: Path, count: int, process: subprocess.Popen[str]) -> int:
    """Wait until so many results are stored."""
    until = time.monotonic() + 120
    while time.monotonic() < until:
        assert process.poll() is None, process.communicate()
        if (out / FILE).exists():
            try:
                found = len(results(out))
            except Exception:  # it is being made
                found = 0
            if found >= count:
                return found
        time.sleep(0.05)
    raise AssertionError("nothing was stored")


MANY = 12
"""Of whom some are stored while others are still graded, as each takes a moment."""


MOMENT = "    import time; time.sleep(0.1)\\n"


@pytest.mark.usefixtures("default_signals")
@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
@pytest.mark.parametrize("at", [pytest.param(0, marks=pytest.mark.slow), 3])
def test_an_interrupt_leaves_a_usable_state(tmp_path: Path, at: int) -> None:
    """Ctrl-C, which reaches all processes: exit 130, one sentence, and the rest later."""
    folder, out, temporary = mixed(tmp_path / "class", MANY), tmp_path / "out", tmp_path / "tmp"
    for path in folder.iterdir():
        text = path.read_text(encoding="utf-8")
        slow, count = re.subn(r"(?m)(^def initialise_parameters.*\n)", rf"\1{MOMENT}", text)
        assert count == 1
        path.write_text(slow, encoding="utf-8")
    temporary.mkdir()
    arguments = ["grade", folder, "--out", out, *OPTIONS]
    with subprocess.Popen(
        command(*arguments),
        env=environment(temporary),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        start_new_session=True,
    ) as process:
        wait_for(out, at, process)
        os.killpg(process.pid, signal.SIGINT)
        told, complaint = process.communicate(timeout=60)
    assert complaint == (
        f"gradkit: interrupted. Results so far are saved in {out}. Run the same command again to "
        "resume.\n"
    )
    assert (process.returncode, told) == (130, "")
    # What a worker had just started ends by itself, as soon as it has a turn.
    until = time.monotonic() + 30
    while (processes(temporary) or list(temporary.iterdir())) and time.monotonic() < until:
        time.sleep(0.05)
    assert processes(temporary) == []
    assert list(temporary.iterdir()) == []
    try:
        before = results(out)
    except StoreError:  # before the first word was written
        before = {}
    assert at <= len(before) < MANY
    done = gradkit(*arguments)
    assert done.returncode == 0, done.stderr
    assert f", {len(before)} unchanged, " in done.stderr
    after = results(out)
    assert len(after) == MANY
    # As bytes: a number that is none equals nothing.
    assert {name: pack(after[name]) for name in before} == {n: pack(r) for n, r in before.items()}
    assert all(isinstance(one, Result) for one in after.values())


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is nothing to disable")
def test_nothing_is_run_where_a_defence_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A canary goes first: what it could do is said, and no submission is touched."""
    monkeypatch.setattr(
        gradkit_doctor, "examine", lambda key: examine_weakened(1, "leash", key=key)
    )
    folder, out = handed_in(tmp_path / "class", ann=RIGHT), tmp_path / "out"
    arguments = ["grade", folder, "--out", out, "--require-tier", "1", *OPTIONS]
    done = CliRunner().invoke(main, list(map(str, arguments)))
    assert done.exit_code == 2
    assert "isolation tier 1 fails here: student code could" in done.stderr
    assert "start a process" in done.stderr
    assert "Nothing was run; see `gradkit doctor`." in done.stderr
    with Store(out, write=False) as store:
        assert store.newest() == []


def _graded_where(
    reached: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *options: str
) -> Any:
    """A class, graded on a machine that gives no more than this tier."""
    monkeypatch.setattr(gradkit_doctor, "examine", lambda key: Examination(reached, ()))
    folder = handed_in(tmp_path / "class", ann=RIGHT)
    arguments = ["grade", folder, "--out", tmp_path / "out", *options, *OPTIONS]
    return CliRunner().invoke(main, list(map(str, arguments)))


@pytest.mark.parametrize("ci", ["", "true"])
@pytest.mark.parametrize(
    ("reached", "could"),
    [
        (1, "it can read the grader's files, among them gradkit's own, model solutions and"),
        (0, "it can read and write the grader's files, use the network, start programs"),
    ],
)
def test_nobodys_code_is_run_below_tier_2_unasked(
    reached: int, could: str, ci: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was found, what is needed, what could be reached, and how to go on knowingly."""
    monkeypatch.setenv("CI", ci)
    done = _graded_where(reached, tmp_path, monkeypatch)
    assert (done.exit_code, done.stdout) == (2, "")
    said = f"student code would run at isolation tier {reached} here, but tier 2 is required. "
    assert said in done.stderr
    assert LACKING[reached + 1] in done.stderr
    assert f"where {could}" in done.stderr
    assert done.stderr.endswith(f": --require-tier {reached}.\n")
    with Store(tmp_path / "out", write=False) as store:
        assert store.newest() == []


def test_a_lower_tier_that_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is graded, and said that less is kept from student code."""
    done = _graded_where(1, tmp_path, monkeypatch, "--require-tier", "1")
    assert done.exit_code == 0
    assert "runs at isolation tier 1, which prevents less than tier 2" in done.stderr


def test_elsewhere_tier_0_has_to_be_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Off Linux the command says how tier 2 can be had in a container."""
    monkeypatch.setattr(sys, "platform", "darwin")
    said = r"(?s)isolation tier 0\. Grade in a container, .*docker run.*`gradkit export wheel --out"
    with pytest.raises(GradingError, match=said):
        required_tier(None)
    assert required_tier(0) == 0


ROSTER = "Name,Canvas ID,Group\nAnn Lee,101,Red\nBo Mo,102,Red\nCy Absent,103,\n"


@pytest.mark.slow
def test_a_download_with_a_roster(tmp_path: Path) -> None:
    """First what is odd in it, then attempts of one student, and the group's mate."""
    first = handed_in(tmp_path / "first", leeann_101_1_hw=RIGHT, else_999_2_hw=OTHER_EXERCISE)
    second = handed_in(tmp_path / "second", leeann_LATE_101_9_hw=MISTAKES[0])
    (tmp_path / "roster.csv").write_text(ROSTER, encoding="utf-8")
    arguments = ["grade", first, second, "--out", tmp_path / "out", *OPTIONS]
    arguments += ["--roster", tmp_path / "roster.csv"]
    seen = gradkit(*arguments, "--dry-run")
    assert (seen.returncode, seen.stderr) == (0, "")
    assert seen.stdout.splitlines()[:9] == [
        "3 submissions: 3 from Canvas",
        "in the roster, but nothing submitted (2)",
        "  Bo Mo",
        "  Cy Absent",
        "submitted, but not in the roster (1)",
        "  else",
        "several attempts (1)",
        "  Ann Lee: 2 attempts",
        "late (1)",
    ]
    assert not (tmp_path / "out").exists()
    done = gradkit(*arguments, "--groups", "--attempt", "best")
    assert done.returncode == 0
    assert "This run: 2 graded, 0 unchanged, 1 refused," in done.stderr
    found = results(tmp_path / "out")
    assert list(found) == ["Ann Lee", "Bo Mo", "else"]
    ann, mate = found["Ann Lee"], found["Bo Mo"]
    assert isinstance(ann, Result)
    assert isinstance(mate, Result)
    assert (ann.score, mate.score, mate.submission) == (20, 20, "Bo Mo")
    assert ann.seed == mate.seed
    again = gradkit(*arguments, "--groups", "--dry-run")
    assert again.stdout == seen.stdout.replace("submitted (2)\n  Bo Mo\n", "submitted (1)\n")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            ["--groups"],
            "--groups needs a roster with a column of groups: name it with --roster.",
        ),
        (["--attempt", "none"], "--attempt none: expected last, best or before=DATE."),
        (["--roster", "class/ann.py"], "ann.py has no column that identifies students. Found: "),
    ],
)
def test_what_cannot_be_said_of_a_class(
    options: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Told before anything is run or stored."""
    handed_in(tmp_path / "class", ann=RIGHT)
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["grade", "class", "--out", "out", *options])
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith(f"gradkit: {said}")
    assert not (tmp_path / "out").exists()
