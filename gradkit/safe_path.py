"""An import path without the working directory.

In the folder of a class the working directory holds what students wrote: were it on ``sys.path``,
their ``socket.py`` would run in place of Python's. Loads nothing that Python has not loaded when
it starts, since every import before `leave_working_directory` may still come from there.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable

_PACKAGES = ("site-packages", "dist-packages")


def safe_path(path: Iterable[str] | None = None) -> list[str]:
    """Return ``sys.path``, or another path, without relative entries and the working directory.

    Where that is a folder of the interpreter's own, or of installed packages, it stays.
    """
    here = _real(os.curdir)
    own = {_real(os.path.dirname(os.__file__))}
    return [
        entry
        for entry in (sys.path if path is None else path)
        if os.path.isabs(entry)
        and (_real(entry) != here or here in own or os.path.basename(here) in _PACKAGES)
    ]


def leave_working_directory() -> None:
    """Take the working directory off the path of this process."""
    sys.path[:] = safe_path()


def _real(folder: str) -> str:
    try:
        return os.path.realpath(folder)
    except OSError:  # the working directory has been removed
        return ""
