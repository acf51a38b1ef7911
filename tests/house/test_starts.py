"""Nothing but `gradkit.processes` starts interpreters, or any other process."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

MAY_START: Mapping[str, set[str]] = {
    # Every interpreter; `run_module` replaces its own process where the system can.
    "gradkit/processes.py": {"subprocess.Popen", "subprocess.run", "os.execve", "sys.executable"},
    # Windows' own command, with fixed words.
    "gradkit/runtime/remains.py": {"subprocess.run"},
    # A fork runs on with what is loaded: students' processes of their server, and an account
    # that nobody has.
    "gradkit/runtime/zygote.py": {"os.fork"},
    "gradkit/runtime/linux.py": {"os.fork"},
    # Tries what has to fail, in a worker.
    "gradkit/runtime/canary.py": {"os.fork", "os.execv", "sys.executable"},
}
"""What each module may call, or name, of all that starts processes."""

HARMLESS = {
    "subprocess": {"Popen", "PIPE", "DEVNULL", "STDOUT", "TimeoutExpired", "STARTUPINFO"},
    "multiprocessing.connection": {"Connection", "Pipe", "PipeConnection", "wait"},
    "concurrent.futures": {"Future", "ThreadPoolExecutor"},
}
"""Names that may be imported from such modules: called, each is held to `MAY_START`."""

STARTERS = re.compile(r"(subprocess|multiprocessing|concurrent|pty|runpy|venv)(\.|$)")
OS_STARTERS = ("fork", "exec", "spawn", "posix_spawn", "system", "popen", "startfile")
ASYNCIO = ("create_subprocess_exec", "create_subprocess_shell", "subprocess_exec")


def starts(text: str) -> Iterator[tuple[int, str]]:
    """Yield each line of a source with what it does there that may start a process."""
    nodes = list(ast.walk(ast.parse(text)))
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name != "subprocess" and STARTERS.match(alias.name):
                    yield node.lineno, f"import {alias.name}"
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            names = {alias.name for alias in node.names}
            if STARTERS.match(node.module):
                names -= HARMLESS.get(node.module, set())
                yield from ((node.lineno, f"from {node.module} import {name}") for name in names)
            elif node.module in ("os", "posix", "sys", "asyncio"):
                for name in names:
                    if name == "executable" or name.startswith(OS_STARTERS) or name in ASYNCIO:
                        yield node.lineno, f"from {node.module} import {name}"
    yield from _uses(nodes)


def _uses(nodes: Iterable[ast.AST]) -> Iterator[tuple[int, str]]:
    called = {id(node.func) for node in nodes if isinstance(node, ast.Call)}
    for node in nodes:
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            name = f"{node.value.id}.{node.attr}"
            starter = {
                "os": node.attr.startswith(OS_STARTERS),
                "sys": node.attr == "executable",
                "asyncio": node.attr in ASYNCIO,
                # As an annotation it starts nothing.
                "subprocess": node.attr not in HARMLESS["subprocess"]
                or (node.attr == "Popen" and id(node) in called),
            }
            if starter.get(node.value.id, False):
                yield node.lineno, name
        elif isinstance(node, ast.Name) and node.id == "Popen" and id(node) in called:
            yield node.lineno, "subprocess.Popen"


def breaches(sources: Mapping[str, str]) -> list[str]:
    """Every start that the list does not allow, as a sentence."""
    return [
        f"{path}:{line}: {what}; start it in gradkit/processes.py"
        for path, text in sources.items()
        for line, what in starts(text)
        if what not in MAY_START.get(path, set())
    ]


def sources() -> dict[str, str]:
    """Every module of the package, by its path."""
    return {
        path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted((ROOT / "gradkit").rglob("*.py"))
    }


@pytest.mark.slow
def test_one_place_starts_processes() -> None:
    """And each exception of the list is still one."""
    found = sources()
    assert breaches(found) == []
    for path, allowed in MAY_START.items():
        assert {what for _, what in starts(found[path])} == allowed, path


@pytest.mark.parametrize(
    "line",
    [
        "import subprocess\nsubprocess.run(['true'])",
        "import subprocess\nsubprocess.Popen(['true'])",
        "import subprocess\nrun = subprocess.check_output",
        "from subprocess import Popen\nPopen(['true'])",
        "from subprocess import check_call",
        "import multiprocessing",
        "import multiprocessing.pool",
        "from multiprocessing import get_context",
        "from concurrent.futures import ProcessPoolExecutor",
        "import concurrent.futures",
        "import os\nos.fork()",
        "import os\nos.execv('/bin/sh', ['sh'])",
        "import os\nos.posix_spawn('/bin/sh', ['sh'], {})",
        "import os\nos.system('true')",
        "from os import fork",
        "import sys\ncommand = [sys.executable]",
        "from sys import executable",
        "import asyncio\nasyncio.create_subprocess_exec('true')",
        "import runpy",
        "def late():\n    from multiprocessing import Process",
    ],
)
def test_a_breach_is_told(line: str) -> None:
    """Each way to start a process, wherever it stands."""
    (told,) = breaches({"gradkit/attic.py": line})
    assert told.startswith("gradkit/attic.py:")
    assert told.endswith("start it in gradkit/processes.py")


def test_what_starts_nothing_is_not_told() -> None:
    """Threads, connections, constants and annotations."""
    text = """
import os, sys, subprocess
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection, wait
from subprocess import PIPE, Popen, TimeoutExpired
def f(process: subprocess.Popen[bytes], other: Popen[bytes]) -> None:
    os.getpid(), subprocess.DEVNULL, sys.path
"""
    assert breaches({"gradkit/attic.py": text}) == []
