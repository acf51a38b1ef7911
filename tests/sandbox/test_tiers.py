"""On a machine that cannot run workers, each command ends with a sentence that says why."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from model_solutions import REFERENCE, ROOT

from gradkit.sandbox import Workshop, WorkshopError
from gradkit.sandbox import workshop as places

pytestmark = [
    pytest.mark.sample(12),
    pytest.mark.skipif(sys.platform != "linux", reason="limits and /proc are Linux's"),
]

RIGHT = REFERENCE / "regression_numpy.py"

LIMITED = """
import os, resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[1]), int(sys.argv[2])))
if os.geteuid() == 0:
    # Root may raise what it likes; whoever has no such power is tried.
    import ctypes, struct
    libc = ctypes.CDLL(None)
    head, held = struct.pack("<Ii", 0x20080522, 0), ctypes.create_string_buffer(24)
    capget = {"x86_64": 125, "aarch64": 90}[os.uname().machine]
    assert libc.syscall(capget, head, held) == 0
    words = struct.unpack("<6I", held.raw)
    kept = struct.pack("<6I", *(word & ~(1 << 24) for word in words[:3]), *words[3:])
    assert libc.syscall(capget + 1, head, kept) == 0
from gradkit.cli import main
main(sys.argv[3:])
"""


def limited(soft: int, hard: int, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Return a command that runs with a limit on open files."""
    command = [sys.executable, "-c", LIMITED, soft, hard, *arguments]
    return subprocess.run(
        [*map(str, command)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("most", [12, 20, 64, 130, 160, 191, 255])
def test_too_few_descriptors_are_reported(most):
    """The error names the limit and the needed number."""
    done = limited(most, most, "check", RIGHT)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"gradkit: a process may open only {most} files here, but gradkit needs 256. Raise the "
        "limit: ulimit -n 256, or docker run --ulimit nofile=256.\n"
    )


@pytest.mark.parametrize(("soft", "hard"), [(64, 256), (256, 256), (30, 4096)])
def test_limit_on_descriptors_is_raised(soft, hard):
    """Then the command works as usual."""
    done = limited(soft, hard, "check", RIGHT)
    assert (done.returncode, done.stderr) == (0, "")


def test_class_is_refused_with_few_descriptors(tmp_path):
    """Nothing is graded, and no student is blamed."""
    done = limited(191, 191, "grade", RIGHT, "--out", tmp_path / "out", "--require-tier", 0)
    assert done.returncode == 2
    assert "a process may open only 191 files here" in done.stderr
    assert "Traceback" not in done.stderr


def test_too_few_processes_are_reported():
    """The error is a sentence without a traceback."""
    limit = "import resource; resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))"
    run = "import sys; from gradkit.cli import main; main(sys.argv[1:])"
    done = subprocess.run(
        [sys.executable, "-c", f"{limit}; {run}", "check", str(RIGHT)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    if not done.returncode:
        pytest.skip("root here is not held to a number of processes")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "gradkit: no process could be started to run submissions in: Resource temporarily "
        "unavailable. Raise the limit of processes, or free some memory.\n"
    )


def test_missing_proc_is_reported(monkeypatch, tmp_path):
    """The error says what is missing, and how to mount it."""
    monkeypatch.setattr(places, "PROC", tmp_path)
    said = (
        f"there is no {tmp_path} here, which gradkit needs to watch and limit processes. Mount it: "
    )
    with pytest.raises(WorkshopError, match=re.escape(said)):
        Workshop()


@pytest.mark.parametrize("command", [("check", RIGHT), ("doctor",), ("grade", RIGHT, "--out", "o")])
def test_a_machine_without_proc(command, tmp_path):
    """The same error occurs if /proc does not exist."""
    if shutil.which("unshare") is None:
        pytest.skip("needs unshare")
    hiding = ["unshare", "--mount", "sh", "-c"]
    if subprocess.run([*hiding, "mount -t tmpfs none /proc"], check=False).returncode:
        pytest.skip("needs the right to mount a file system")
    run = 'mount -t tmpfs none /proc && exec "$@"'
    done = subprocess.run(
        [*hiding, run, "sh", sys.executable, "-m", "gradkit", *map(str, command)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("gradkit: there is no /proc here, which gradkit needs to watch")
    assert "Traceback" not in done.stderr
    assert not list(Path(tmp_path).rglob("gradkit-run-*"))
