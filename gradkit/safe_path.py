"""Remove the working directory from the import path.

In the folder of a class, the working directory has students' files: if it were in ``sys.path``, a
student's ``socket.py`` would be imported in place of Python's. This module imports only modules
that Python itself loads at its start, since every import before `leave_working_directory` may still
come from the working directory.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable

_PACKAGES = ("site-packages", "dist-packages")


def safe_path(path: Iterable[str] | None = None) -> list[str]:
    """Return an import path without relative entries and the working directory.

    The default is ``sys.path``. The working directory is kept if it is the folder of Python's
    library or of installed packages.
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
    """Remove the working directory from the import path of this process."""
    sys.path[:] = safe_path()


def _real(folder: str) -> str:
    """Return the real path of a folder, empty if it no longer exists."""
    try:
        return os.path.realpath(folder)
    except OSError:  # the working directory has been removed
        return ""
