"""Processes of gradkit's own: what they find, what they are handed, how they end."""

from __future__ import annotations

import os
import signal
import sys
from multiprocessing.connection import Connection
from pathlib import Path
from subprocess import PIPE
from typing import Any

import pytest

from gradkit.processes import ignore_interrupts, safe_environment, start


def _tell(connection: Connection, *arguments: object) -> None:
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, set())
    ignore_interrupts()
    after = signal.pthread_sigmask(signal.SIG_BLOCK, set())
    connection.send(
        {
            "arguments": arguments,
            "path": sys.path,
            "safe": sys.flags.safe_path,
            "argv": sys.argv,
            "gradkit": sys.modules["gradkit"].__file__,
            "environment": dict(os.environ),
            "blocked": [signal.SIGINT in blocked, signal.SIGINT in after],
            "bytecode": sys.dont_write_bytecode,
            "inherited": os.get_inheritable(connection.fileno()),
        }
    )


def told(*arguments: object) -> dict[str, Any]:
    """What a process says of itself."""
    started = start(_tell, *arguments)
    with started.connection:
        found: dict[str, Any] = started.connection.recv()
    assert started.process.wait(30) == 0
    return found


def test_it_finds_what_this_process_finds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """But for the working directory; gradkit is the same one."""
    monkeypatch.chdir(tmp_path)
    before = list(sys.path)
    monkeypatch.setattr(sys, "path", ["", str(tmp_path), *before])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    found = told(1, {"two": b"3"})
    assert found["path"] == before
    assert found["safe"]
    assert found["arguments"] == (1, {"two": b"3"})
    assert found["argv"] == ["-c"]
    assert found["gradkit"] == sys.modules["gradkit"].__file__
    assert found["bytecode"]
    assert not found["inherited"]


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="signals are not blocked there")
def test_interrupts_wait_until_it_ignores_them() -> None:
    """And none is blocked here afterwards."""
    assert told()["blocked"] == [True, False]
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, set())


def test_the_environment_leads_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the path, what does not is kept, and all else."""
    other = tmp_path / "other"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["", str(other), ".", str(tmp_path)]))
    monkeypatch.setenv("GRADKIT_STRICT", "1")
    assert safe_environment()["PYTHONPATH"] == str(other)
    found = told()["environment"]
    assert (found["PYTHONPATH"], found["PYTHONSAFEPATH"]) == (str(other), "1")
    assert found["GRADKIT_STRICT"] == "1"


def test_one_that_is_not_wanted_ends() -> None:
    """Before it was told what to do, too."""
    started = start(_tell, stdin=PIPE)
    started.connection.close()
    assert started.process.stdin is not None
    started.process.stdin.close()
    # What it was sent lies in the connection still: it does that, and nobody listens.
    assert started.process.wait(30) in (0, 1)
