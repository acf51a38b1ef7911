"""Start all interpreters of gradkit.

An interpreter that runs ``-c`` or ``-m`` imports modules first from the folders of ``PYTHONPATH``
and from the working directory. The processes of multiprocessing run ``-c``: in a folder of
submissions, a student's ``multiprocessing.py`` was run as part of the grader. An interpreter that
is started here

- has a safe path (``-P``) and no packages of the user (``-s``), so that neither a module nor a
  ``sitecustomize`` is imported from the working directory;
- has no ``PYTHONPATH`` with the working directory; a process of gradkit gets this process' import
  path without it, by `safe_path`;
- loads gradkit by its file, not by a folder on the path.

`start` runs a function of gradkit in another process, and returns a connection to it. Pickles are
sent over the connection, so it must not lead to student code: `gradkit.sandbox` starts the
processes for that.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from gradkit.safe_path import safe_path

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

# gradkit is loaded by its file, so that its parent folder, which in a checkout has many other
# files, need not be in sys.path, where an editable installation puts it.
_BOOT = """
import importlib, importlib.util, json, sys
settings = json.loads(sys.argv[1])
del sys.argv[1:]
found = sys.path if settings["path"] is None else settings["path"]
sys.path[:] = [entry for entry in found if entry not in settings["unwanted"]]
sys.path += [entry for entry in settings["libraries"] if entry not in sys.path]
spec = importlib.util.spec_from_file_location("gradkit", settings["gradkit"])
sys.modules["gradkit"] = module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
importlib.import_module(settings["program"]).main(settings)
"""

# gradkit is loaded by its file only if the path does not lead to it, as in a checkout that is the
# current folder: pytest warns of packages of its plugins that are loaded already.
_RUN_MODULE = """
import importlib.util, json, runpy, sys
settings = json.loads(sys.argv[1])
del sys.argv[1:2]
sys.path[:] = settings["path"]
if importlib.util.find_spec("gradkit") is None:
    spec = importlib.util.spec_from_file_location("gradkit", settings["gradkit"])
    sys.modules["gradkit"] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
runpy.run_module(settings["module"], run_name="__main__", alter_sys=True)
"""


_GRADKIT = str(Path(__file__).parent / "__init__.py")


class Started(Struct, frozen=True):
    """A process of gradkit, and this process' end of the connection to it."""

    process: subprocess.Popen[bytes]
    connection: Connection


def interpreter(
    program: str,
    settings: Mapping[str, Any],
    *,
    environment: Mapping[str, str],
    options: Sequence[str] = (),
    path: Sequence[str] | None = None,
    libraries: Sequence[str] = (),
    unwanted: Sequence[str] = (),
    folder: Path | None = None,
    handles: Sequence[int] = (),
    new_session: bool = False,
    **streams: Any,
) -> subprocess.Popen[bytes]:
    """Start an interpreter that runs ``main(settings)`` of a module of gradkit; do not wait for it.

    Parameters
    ----------
    program : str
        Name of the module.
    settings : mapping
        Argument of its ``main``; it must be possible to write it as JSON.
    environment : mapping
        All environment variables of the interpreter.
    options : sequence of str
        More options of the interpreter.
    path : sequence of str, optional
        ``sys.path`` of the interpreter, by default its own.
    libraries, unwanted : sequence of str
        Folders to add to this path, and to leave out of it.
    folder : Path, optional
        Working directory of the interpreter.
    handles : sequence of int
        File descriptors (on Windows, handles) that the interpreter inherits.
    new_session : bool
        Whether the interpreter becomes the leader of a new session.
    **streams
        ``stdin``, ``stdout`` and ``stderr`` as for `subprocess.Popen`.
    """
    all_settings = {
        **settings,
        "program": program,
        "gradkit": _GRADKIT,
        "path": path,
        "libraries": libraries,
        "unwanted": unwanted,
    }
    command = [sys.executable, "-s", "-P", *options, "-c", _BOOT, json.dumps(all_settings)]
    inherited: dict[str, Any] = {"pass_fds": handles}
    if sys.platform == "win32":
        for handle in handles:
            os.set_handle_inheritable(handle, True)
        wanted = {"handle_list": list(handles)} if handles else {}
        inherited = {"startupinfo": subprocess.STARTUPINFO(lpAttributeList=wanted)}
    return subprocess.Popen(  # noqa: S603  (this interpreter with a program of gradkit)
        command,
        cwd=folder,
        env=environment,
        start_new_session=new_session,
        **{**inherited, **streams},
    )


def run_module(
    module: str, arguments: Sequence[str], *, path: Sequence[str], environment: Mapping[str, str]
) -> int:
    """Run an installed module as ``python -m`` does, but with the given import path.

    Parameters
    ----------
    module : str
        Name of the module.
    arguments : sequence of str
        Command line arguments of the module.
    path : sequence of str
        ``sys.path`` of the new interpreter.
    environment : mapping
        All environment variables of the new interpreter.

    Returns
    -------
    int
        Exit code, on Windows. Elsewhere the new interpreter replaces this process and the
        function does not return, so that signals and exit codes need no forwarding.
    """
    settings = json.dumps({"module": module, "path": list(path), "gradkit": _GRADKIT})
    command = [sys.executable, "-s", "-P", "-c", _RUN_MODULE, settings, *arguments]
    if sys.platform != "win32":
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        # A closed stream has been opened again on devnull, which the new interpreter needs too.
        for descriptor in (0, 1, 2):
            with contextlib.suppress(OSError):
                os.set_inheritable(descriptor, True)
        os.execve(sys.executable, command, dict(environment))  # noqa: S606  (no shell)
    return subprocess.run(command, env=environment, check=False).returncode  # noqa: S603


def start(function: Callable[..., None], *arguments: object, stdin: int | None = None) -> Started:
    """Run ``function(connection, *arguments)`` in a new process.

    Interrupts are blocked in the process until it unblocks them: on a terminal, an interrupt
    reaches all processes, and a process that is still loading would print a traceback.

    Parameters
    ----------
    function : callable
        Function of an importable module.
    *arguments
        Values that can be pickled.
    stdin : int, optional
        ``subprocess.PIPE`` for a stream that closes when this process ends.
    """
    # Imported here since a check of a single submission does not need it.
    from multiprocessing.connection import Pipe

    ours, theirs = Pipe()
    with theirs:
        options = ["-X", "utf8"] if sys.flags.utf8_mode else []
        options += ["-B"] if sys.dont_write_bytecode else []
        with _interrupts_blocked():
            process = interpreter(
                __name__,
                {"handle": theirs.fileno()},
                environment=safe_environment(),
                options=options,
                path=safe_path(),
                handles=[theirs.fileno()],
                stdin=subprocess.DEVNULL if stdin is None else stdin,
            )
    # If the process has ended already, the caller notices it when there is no answer.
    with contextlib.suppress(OSError):
        ours.send((function, arguments))
    return Started(process, ours)


def safe_environment() -> dict[str, str]:
    """Return this process' environment, changed so that Python ignores the working directory."""
    path = safe_path(os.environ.get("PYTHONPATH", "").split(os.pathsep))
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path), "PYTHONSAFEPATH": "1"}


def main(settings: dict[str, Any]) -> None:
    """Run the function that was passed to `start`; this is called in the new process.

    Nothing is run if the process that has started this one has ended.
    """
    if sys.platform == "win32":
        from multiprocessing.connection import PipeConnection

        connection: Any = PipeConnection(settings["handle"])
    else:
        from multiprocessing.connection import Connection

        os.set_inheritable(settings["handle"], False)
        connection = Connection(settings["handle"])
    with connection:
        try:
            function, arguments = connection.recv()
        except EOFError:  # the process that has started this one has ended
            return
        function(connection, *arguments)


@contextlib.contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Block interrupts in the block, and in processes that are started in it."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def ignore_interrupts() -> None:
    """Ignore interrupts in this process, since its parent handles them."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
