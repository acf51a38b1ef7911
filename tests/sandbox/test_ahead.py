"""The process for student code is started before the grader's own modules, and is always ended."""

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
    """Provide a folder for temporary files, and end the process that a test has started."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    yield tmp_path
    workshop._close_ahead()
    assert list(tmp_path.iterdir()) == []


def test_first_default_workshop_takes_the_started_process():
    """The next workshop starts a process of its own."""
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


def test_workshop_with_other_settings_starts_its_own_process():
    """The process that was started early has not loaded the workshop's modules."""
    start_ahead()
    with Workshop(preload=("json",)) as other, other.worker():
        assert len(workshop._ahead) == 1


def test_workshop_raises_the_error_of_an_early_start(monkeypatch):
    """The early start itself raises and prints nothing."""
    monkeypatch.setattr("tempfile.tempdir", str(Path("/nowhere")))
    start_ahead()
    assert workshop._ahead == []
    with pytest.raises(WorkshopError, match="no folder could be made"):
        Workshop()


@pytest.mark.parametrize(
    ("arguments", "starts"),
    [("check none.py", 1), ("check none.py --help", 0), ("list", 0), ("", 0)],
)
def test_only_checking_commands_start_a_process_early(monkeypatch, arguments, starts):
    """Other commands and help start no process."""
    started = []
    monkeypatch.setattr("gradkit.sandbox.start_ahead", lambda: started.append(1))
    monkeypatch.setattr("gradkit.cli.main", lambda: None)
    monkeypatch.setattr("sys.argv", ["gradkit", *arguments.split()])
    # The module takes the working directory off the path.
    monkeypatch.setattr("sys.path", [*sys.path])
    import_module("gradkit.__main__").main()
    assert len(started) == starts


def test_refused_check_leaves_no_process(folder):
    """If the file does not exist, the process ends with the command."""
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
def test_finished_check_exits_at_once(monkeypatch, arguments, code, leaves):
    """The exit code is kept; other commands end as usual."""
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


def test_unwritable_output_ends_with_the_usual_error(folder):
    """Output to a closed pipe is not reported as success."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(folder)}
    check = f"{shlex.quote(sys.executable)} -P -m gradkit check reference/regression_numpy.py"
    piped = f"{check} --format json > /dev/full; echo ended $?"
    done = subprocess.run(
        ["sh", "-c", piped], check=True, env=environment, cwd=ROOT, capture_output=True, text=True
    )
    assert "ended 0" not in done.stdout
