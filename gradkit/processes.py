"""Start every process of gradkit: the only place that starts interpreters.

An interpreter that runs ``-c`` or ``-m`` looks for modules in the working directory first, and
before anything else in what ``PYTHONPATH`` names. Multiprocessing's spawn, and the processes
that it starts besides, run ``-c``: in a folder of submissions a student's ``multiprocessing.py``
ran as the grader. An interpreter that is started here

- has a safe path (``-P``) and no packages of the user's own (``-s``), so that neither a module
  nor a ``sitecustomize`` is found in the working directory;
- is given no ``PYTHONPATH`` that leads there; one of ours finds what this process finds, by
  `safe_path`;
- loads gradkit by its file, not by a folder on the path.

`start` runs a function of ours in another process, joined to this one by a connection. Pickles
pass over it, between gradkit and itself; to what runs student code `gradkit.sandbox` talks.
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

# gradkit is loaded by its path, so that its folder, which in a checkout holds much else,
# need not stand in sys.path: an editable installation puts it there.
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
    """A process of ours, and this end of the connection to it."""

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
    """Start an interpreter that runs ``main(settings)`` of a module of gradkit. Return at once.

    Parameters
    ----------
    program : str
        The module.
    settings : mapping
        For its `main`, as far as JSON can say it.
    environment : mapping
        All of the environment.
    options : sequence of str
        More options of the interpreter.
    path : sequence of str, optional
        Its ``sys.path``; if not given, what a bare interpreter has.
    libraries, unwanted : sequence of str
        Folders to add to that path, and to leave out of it.
    folder : Path, optional
        Its working directory.
    handles : sequence of int
        File descriptors, on Windows handles, that it inherits.
    new_session : bool
        Whether it leads a session of its own.
    **streams
        ``stdin``, ``stdout`` and ``stderr`` as for `subprocess.Popen`.
    """
    handed = {
        **settings,
        "program": program,
        "gradkit": _GRADKIT,
        "path": path,
        "libraries": libraries,
        "unwanted": unwanted,
    }
    command = [sys.executable, "-s", "-P", *options, "-c", _BOOT, json.dumps(handed)]
    inherited: dict[str, Any] = {"pass_fds": handles}
    if sys.platform == "win32":
        for handle in handles:
            os.set_handle_inheritable(handle, True)
        wanted = {"handle_list": list(handles)} if handles else {}
        inherited = {"startupinfo": subprocess.STARTUPINFO(lpAttributeList=wanted)}
    return subprocess.Popen(  # noqa: S603  (this interpreter, our own program)
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
        Its name.
    arguments : sequence of str
        The command line of the module.
    path : sequence of str
        ``sys.path`` of the new interpreter.
    environment : mapping
        All environment variables of the new interpreter.

    Returns
    -------
    int
        The exit code, on Windows. Elsewhere the new interpreter replaces this process and the
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
    """Run ``function(connection, *arguments)`` in a process of its own.

    It lets an interrupt wait until it says otherwise: on a terminal an interrupt reaches all
    processes, those too that still load and would only print where they were.

    Parameters
    ----------
    function : callable
        Of a module that can be imported.
    *arguments
        Anything that can be pickled.
    stdin : int, optional
        ``subprocess.PIPE`` for a stream that ends when this process does.
    """
    # Late: a check of one submission has no use for it.
    from multiprocessing.connection import Pipe

    ours, theirs = Pipe()
    with theirs:
        options = ["-X", "utf8"] if sys.flags.utf8_mode else []
        options += ["-B"] if sys.dont_write_bytecode else []
        with _uninterrupted():
            process = interpreter(
                __name__,
                {"handle": theirs.fileno()},
                environment=safe_environment(),
                options=options,
                path=safe_path(),
                handles=[theirs.fileno()],
                stdin=subprocess.DEVNULL if stdin is None else stdin,
            )
    # One that is gone already is noticed when there is no answer.
    with contextlib.suppress(OSError):
        ours.send((function, arguments))
    return Started(process, ours)


def safe_environment() -> dict[str, str]:
    """Return this process' environment, without what has Python look into the working directory."""
    path = safe_path(os.environ.get("PYTHONPATH", "").split(os.pathsep))
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path), "PYTHONSAFEPATH": "1"}


def main(settings: dict[str, Any]) -> None:
    """Run the function that `start` was given, in the process that it has started."""
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
        except EOFError:  # whoever has started this is gone
            return
        function(connection, *arguments)


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Let an interrupt wait; a process started meanwhile does so too."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def ignore_interrupts() -> None:
    """Leave interrupts to the process that has started this one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
