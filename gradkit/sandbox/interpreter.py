"""Starting a bare Python interpreter that knows gradkit's worker and nothing else of us."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Sequence
from importlib.machinery import PathFinder
from pathlib import Path
from typing import IO, Any, Protocol

from msgspec import Struct
from msgspec.structs import asdict

from gradkit.processes import interpreter
from gradkit.safe_path import safe_path

# Not all systems find their shared libraries without these.
_KEPT = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT")


class Recipe(Struct, frozen=True):
    """What an interpreter should have imported when student code comes to it.

    ``handlers`` is a module with a dict ``HANDLERS``; ``search`` are folders to find that
    module in, besides the installed packages.
    """

    preload: tuple[str, ...]
    handlers: str
    search: tuple[str, ...]


def launch(
    program: str,
    recipe: Recipe,
    folder: Path,
    *,
    stdin: int = subprocess.DEVNULL,
    stdout: int = subprocess.DEVNULL,
    stderr: int | IO[bytes],
    settings: dict[str, Any] | None = None,
    pass_fds: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start an interpreter that runs ``main(settings)`` of the module `program`.

    It leads a session of its own, sees an environment made for it, works in `folder`, and
    imports none of the user's own packages. Returns at once.
    """
    # With an environment made from nothing it is as isolated as -I makes it; -I itself would
    # ignore the hash seed, and with it the order of sets would differ from one run to the next.
    return interpreter(
        program,
        {**asdict(recipe), **(settings or {})},
        environment=_environment(folder),
        options=("-X", "utf8"),
        libraries=_libraries(recipe.preload),
        unwanted=_checkout(),
        folder=folder,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        handles=pass_fds,
        new_session=True,
    )


def _environment(folder: Path) -> dict[str, str]:
    threads = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    return {
        **{name: os.environ[name] for name in _KEPT if name in os.environ},
        **dict.fromkeys((*threads, "VECLIB_MAXIMUM_THREADS"), "1"),
        **dict.fromkeys(("HOME", "USERPROFILE", "TMPDIR", "TEMP", "TMP"), str(folder)),
        "LC_ALL": "C.UTF-8",
        "MPLBACKEND": "Agg",
        # Given a folder of its own it does not insist on making one.
        "MPLCONFIGDIR": str(folder),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
    }


def _checkout() -> list[str]:
    """Return the folder that gradkit lies in, unless that is one of installed packages."""
    folder = Path(__file__).parents[2]
    return [] if folder.name in ("site-packages", "dist-packages") else [str(folder)]


def _libraries(names: Sequence[str]) -> list[str]:
    """Folders in which this process finds packages that a bare interpreter might not."""
    path = safe_path()
    folders: dict[str, None] = {}
    for name in ("numpy", *names):
        spec = PathFinder.find_spec(name.partition(".")[0], path)
        if spec is not None and spec.origin is not None:
            folders[str(Path(spec.origin).parents[1])] = None
    return list(folders)


class Link(Struct, frozen=True):
    """The grader's ends of a new process: ``channel`` for frames, ``output`` for prints."""

    channel: socket.socket
    output: socket.socket


class Slot(Protocol):
    """A source of processes, used by one thread at a time."""

    def start(self) -> Link:
        """Start a process; the one before has been stopped. May return before it is ready."""

    def ended(self) -> bool:
        """Tell whether the process is no longer running."""

    def stop(self) -> int | None:
        """Kill what runs, with all it has started, and return the exit code that it had.

        It is minus the number of the signal that ended it, and None where it cannot be known, or
        nothing has been started.
        """

    def complaint(self) -> str:
        """Return the last lines of what an interpreter said that failed to start."""

    def close(self) -> None:
        """Stop, and give back everything the slot holds."""
