"""What a check runs code in is started before the rest is loaded, and is not left over."""

import os
import shlex
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from worker_watch import HERE, children, is_gone

from gradkit.sandbox import Workshop, WorkshopError, start_ahead, workshop

ROOT = Path(HERE).parents[1]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A place of its own for temporary folders; what a test has started is ended."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    yield tmp_path
    workshop._close_ahead()
    assert list(tmp_path.iterdir()) == []


def test_the_first_workshop_has_it():
    """It is used once: the next workshop starts its own."""
    before = children()
    start_ahead()
    (started,) = set(children()) - set(before)
    with Workshop() as first:
        assert set(children()) - set(before) == {started}
        with first.worker() as worker:
            assert worker.tier >= 0
        with Workshop():
            assert len(set(children()) - set(before)) == 2
    assert is_gone(started)


def test_who_wants_another_does_not_get_it():
    """Other modules are not loaded in it."""
    start_ahead()
    with Workshop(preload=("json",)) as other, other.worker():
        assert len(workshop._ahead) == 1


def test_what_cannot_be_started_is_told_by_the_workshop(monkeypatch):
    """Nothing is said ahead of what needs it."""
    monkeypatch.setattr("tempfile.tempdir", str(Path("/nowhere")))
    start_ahead()
    assert workshop._ahead == []
    with pytest.raises(WorkshopError, match="no folder could be made"):
        Workshop()


@pytest.mark.parametrize(
    ("arguments", "starts"),
    [("check none.py", 1), ("check none.py --help", 0), ("list", 0), ("", 0)],
)
def test_checks_alone_start_it(monkeypatch, arguments, starts):
    """Another command, and help, start nothing."""
    started = []
    monkeypatch.setattr("gradkit.sandbox.start_ahead", lambda: started.append(1))
    monkeypatch.setattr("gradkit.cli.main", lambda: None)
    monkeypatch.setattr("sys.argv", ["gradkit", *arguments.split()])
    # The module takes the working directory off the path.
    monkeypatch.setattr("sys.path", [*sys.path])
    import_module("gradkit.__main__").main()
    assert len(started) == starts


def test_a_refused_check_leaves_nothing(folder):
    """What was started for a file that there is not ends with the command."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(folder)}
    command = [sys.executable, "-P", "-m", "gradkit", "check", "none.py"]
    before = children()
    with pytest.raises(subprocess.CalledProcessError) as refused:
        subprocess.run(
            command, check=True, env=environment, cwd=folder, capture_output=True, text=True
        )
    assert refused.value.returncode == 2
    assert refused.value.stderr.count("\n") == 1
    assert children() == before


@pytest.mark.parametrize(
    ("arguments", "code", "leaves"),
    [("check none.py", 2, True), ("check", 0, True), ("list", 2, False), ("check x", "no", False)],
)
def test_a_check_leaves_at_once(monkeypatch, arguments, code, leaves):
    """With its exit code; whatever else ends is taken apart as usual."""
    left = []

    def end():
        raise SystemExit(code)

    monkeypatch.setattr("sys.path", [*sys.path])
    module = import_module("gradkit.__main__")
    monkeypatch.setattr(module, "leave", left.append)
    monkeypatch.setattr("gradkit.sandbox.start_ahead", lambda: None)
    monkeypatch.setattr("gradkit.cli.main", end)
    monkeypatch.setattr("sys.argv", ["gradkit", *arguments.split()])
    with pytest.raises(SystemExit):
        module.main()
    assert left == ([code] if leaves else [])


def test_what_cannot_be_written_ends_as_usual(folder):
    """A pipe that nobody reads is no success."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(folder)}
    check = f"{shlex.quote(sys.executable)} -P -m gradkit check reference/regression_numpy.py"
    piped = f"{check} --format json > /dev/full; echo ended $?"
    done = subprocess.run(
        ["sh", "-c", piped], check=True, env=environment, cwd=ROOT, capture_output=True, text=True
    )
    assert "ended 0" not in done.stdout
