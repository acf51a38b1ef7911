"""The doctor reports correctly which operations are blocked, and which defences are missing."""

import ctypes
import json
import os
from pathlib import Path

import pytest
from best_tier import BEST
from click.testing import CliRunner
from weak import examine_weakened

import gradkit.sandbox.doctor
from gradkit.cli import main
from gradkit.sandbox import WorkshopError
from gradkit.sandbox.doctor import ACTS, failures

pytestmark = pytest.mark.sample(6)

ROOT = os.geteuid() == 0


def names(trials):
    """Return the names of the operations of some trials."""
    return {trial.act for trial in trials}


@pytest.mark.parametrize("most", range(BEST + 1))
def test_tier_blocks_all_operations_it_promises(most):
    """No trial fails at a reachable tier, and fewer operations are blocked at lower tiers."""
    examination = examine_weakened(most)
    assert examination.tier == most
    assert names(examination.trials) == names_of_acts()
    assert failures(examination) == []
    open_to_all = names(trial for trial in examination.trials if not trial.held)
    if most < 2:
        assert {"read_key", "list_key", "import_answers"} <= open_to_all
    if most < 1:
        assert {"write_here", "fork", "execute", "tcp", "send_signal"} <= open_to_all
    if most >= 2:
        assert open_to_all == set()


def names_of_acts():
    """Return the names of all operations."""
    return {act.name for act in ACTS}


@pytest.mark.parametrize(
    ("defence", "tier", "expected"),
    [
        ("landlock", 2, {"read_key", "list_key", "import_answers"}),
        ("room", 1, {"write_here", "write_there", "tcp", "execute"}),
        ("leash", 1, {"fork", "send_signal", "show_itself"}),
        ("limits", 1, {"allocate", "open_many"}),
        ("limits", 2, {"allocate", "open_many"}),
        ("limits", 1, {"start_threads"}),
        pytest.param(
            *("counted", 2, {"start_threads"}),
            marks=pytest.mark.skipif(not ROOT, reason="others are counted as they are"),
        ),
        pytest.param(
            *("hidden", 1, {"read_memory", "read_environment"}),
            marks=pytest.mark.skipif(ROOT, reason="root may look everywhere at tier 1"),
        ),
    ],
)
def test_missing_defence_is_reported(defence, tier, expected):
    """If a defence is left out, the operations that it should block are reported."""
    if tier > BEST:
        pytest.skip(f"this machine reaches tier {BEST}")
    if defence == "hidden":
        show_again()
    examination = examine_weakened(tier, defence)
    assert examination.tier == tier
    assert names(failures(examination)) >= expected


def show_again():
    """Make this process visible again after an earlier workshop has hidden it."""
    assert ctypes.CDLL(None).prctl(4, 1, 0, 0, 0) == 0


def test_canary_reads_the_given_key(tmp_path):
    """The trial reads the file with answers that was given."""
    key = tmp_path / "key.py"
    key.write_text("the answer is 42")
    (trial,) = (t for t in examine_weakened(0, key=key).trials if t.act == "read_key")
    assert (trial.held, trial.detail) == (False, "it begins with 'the answer is 42'")


def test_key_in_a_folder_with_an_undecodable_name(tmp_path):
    """The path is sent to the worker as bytes."""
    folder = tmp_path / os.fsdecode(b"ref\xe9")
    folder.mkdir()
    (folder / "key.py").write_text("the answer is 42")
    trials = {t.act: t for t in examine_weakened(0, key=folder / "key.py").trials}
    assert trials["read_key"].detail == "it begins with 'the answer is 42'"
    assert trials["list_key"].detail == "there are 1 files"


class TestCommand:
    """`gradkit doctor`."""

    def test_all_operations_blocked(self):
        """The command prints a line for each operation, and succeeds."""
        done = CliRunner().invoke(main, ["doctor"])
        assert done.exit_code == 0
        assert done.stdout.startswith(f"Student code runs at isolation tier {BEST}.\n")
        assert all(act.words in done.stdout for act in ACTS)
        assert "\n  blocked      run another program: PermissionError" in done.stdout

    def test_json(self):
        """The JSON output has the same data."""
        done = CliRunner().invoke(main, ["doctor", "--format", "json"])
        data = json.loads(done.stdout)
        assert (data["schema"], data["tier"]) == ("gradkit/sandbox/doctor/v1", BEST)
        assert {trial["act"] for trial in data["trials"]} == names_of_acts()
        assert all(trial["held"] for trial in data["trials"] if trial["tier"] <= BEST)

    def test_operation_not_blocked(self, monkeypatch):
        """The operation is named in a sentence, and the exit code is 2."""
        monkeypatch.setattr(
            gradkit.sandbox.doctor,
            "examine",
            lambda key: examine_weakened(1, "leash", key=key),
        )
        done = CliRunner().invoke(main, ["doctor"])
        assert done.exit_code == 2
        assert "\n  not blocked  start a process: process " in done.stdout
        assert (
            "\n  not blocked  read the answer key (blocked from tier 2 on): it begins"
            in done.stdout
        )
        told = "gradkit: tier 1 of the sandbox fails on this machine: student code could: "
        assert done.stderr.startswith(told)
        assert "start a process" in done.stderr
        assert "Grade only your own code here." in done.stderr

    def test_worker_cannot_start(self, monkeypatch):
        """The error is reported."""

        def refuse(key):
            raise WorkshopError("no process could be started")

        monkeypatch.setattr(gradkit.sandbox.doctor, "examine", refuse)
        done = CliRunner().invoke(main, ["doctor"])
        assert (done.exit_code, done.stderr) == (2, "gradkit: no process could be started\n")

    def test_tier_0(self, monkeypatch):
        """Where only tier 0 can be reached, the command for a container is printed."""
        monkeypatch.setattr(
            gradkit.sandbox.doctor, "examine", lambda key: examine_weakened(0, key=key)
        )
        done = CliRunner().invoke(main, ["doctor"])
        assert done.exit_code == 0
        assert "not tier 1: this tier needs Linux on x86_64 or aarch64" in done.stdout
        assert "docker run --rm" in done.stdout


RIGHT = Path(__file__).parents[2] / "reference" / "regression_numpy.py"


@pytest.mark.skipif(BEST < 1, reason="there is nothing to require")
@pytest.mark.parametrize("tier", [None, 0, 1])
def test_check_tries_the_tier_that_it_requires(monkeypatch, tier):
    """The sandbox is tested first if a tier above 0 is required, and otherwise not."""
    tried = []

    def examined(**options):
        tried.append(options)
        return examine_weakened(1, "leash", **options)

    monkeypatch.setattr(gradkit.sandbox.doctor, "examine", examined)
    asked = [] if tier is None else ["--require-tier", str(tier)]
    done = CliRunner().invoke(main, ["check", str(RIGHT), *asked])
    if tier:
        assert (done.exit_code, done.stdout) == (2, "")
        assert done.stderr.startswith("gradkit: isolation tier 1 fails here: student code")
        assert "start a process" in done.stderr
        assert tried[0]["key"].parent == RIGHT.parent
    else:
        assert (done.exit_code, tried) == (0, [])


@pytest.mark.skipif(BEST < 1, reason="there is nothing to require")
def test_check_continues_if_the_tier_holds():
    """After the trials, the output is the same as without a required tier."""
    done = CliRunner().invoke(main, ["check", str(RIGHT), "--require-tier", str(BEST)])
    assert (done.exit_code, done.stderr) == (0, "")
    done = CliRunner().invoke(main, ["check", str(RIGHT), "--require-tier", "3"])
    assert done.exit_code == (2 if BEST < 3 else 0)
