"""Run pytest on a submission without reading or running any file of the submission's folder.

pytest finds settings before it loads plugins: an ini file near the tested path names plugins,
import paths and options, and pytest imports these plugins at once. A submission can bring such an
ini file, a ``conftest.py``, or a ``numpy.py`` that Python imports from the current folder. The
plugin ``pytest --gradkit PATH`` is loaded too late to prevent this.

Therefore `run_pytest`, the command ``gradkit pytest PATH``, starts pytest as a new process:

- ``-c`` and ``--rootdir`` name an empty ini file and the current folder, so that pytest looks for
  neither; ``--noconftest`` excludes every ``conftest.py``.
- The import path is gradkit's own, without the current folder and the submission's folder.
  Python runs no ``sitecustomize`` and finds no plugins there. Test files that the instructor
  names are imported without a change of the path (``--import-mode=importlib``).
- ``PYTHONPATH`` and all ``PYTEST_...`` variables are removed from the environment.
- pytest keeps no cache between runs. A submission could contain a ``.pytest_cache`` of links, and
  pytest would write to the files that they point to.

The instructor's own arguments follow these options and override them: ``-c FILE`` names other
settings. This module does not import pytest, which the command itself does not need.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from gradkit.safe_path import safe_path

ISOLATED = "--gradkit-isolated"
"""Option that tells the plugin that `run_pytest` has started pytest. Not shown in the help."""

NO_SETTINGS = str(Path(__file__).parent / "pytest_plugin" / "no_settings.ini")
"""Empty ini file, which pytest reads in place of the first one that it would find."""


def run_pytest(path: Path, arguments: Sequence[str]) -> int:
    """Run pytest on a submission in a new process, and return pytest's exit code.

    Parameters
    ----------
    path : Path
        A .py file, notebook, folder or zip archive.
    arguments : sequence of str
        More arguments of pytest, which the instructor has chosen.

    Returns
    -------
    int
        Exit code, on Windows. Elsewhere pytest replaces this process, so that signals reach it.
    """
    # pytest's plugin imports this module too, and needs no processes.
    from gradkit.processes import run_module

    options = [
        *("-c", NO_SETTINGS),
        *("--rootdir", os.getcwd()),
        "--noconftest",
        "--import-mode=importlib",
        *("-p", "no:cacheprovider"),
        ISOLATED,
        # In one word with the option, since pytest takes a separate word for a path of tests.
        f"--gradkit={path}",
    ]
    return run_module(
        "pytest",
        [*options, *arguments],
        path=import_path(folder_of(path)),
        environment=_environment(),
    )


def import_path(submission: str) -> list[str]:
    """Return ``sys.path`` without the current folder and without the submission's folder.

    Folders of the running Python stay, as a student may keep a virtual environment in the
    submission's folder.
    """
    python = [os.path.realpath(folder) for folder in (sys.prefix, sys.base_prefix)]
    return [
        entry
        for entry in safe_path()
        if not is_within(entry, [submission]) or is_within(entry, python)
    ]


def _environment() -> dict[str, str]:
    """Return the environment without variables that change pytest or Python's import path.

    ``PYTHONSAFEPATH`` is for the processes that pytest-xdist starts.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if name != "PYTHONPATH" and not name.startswith("PYTEST_")
    }
    return {**kept, "PYTHONSAFEPATH": "1"}


def folder_of(path: str | os.PathLike[str]) -> str:
    """Return the real path of a submission's folder: the folder itself, or the one of a file."""
    found = os.path.realpath(path)
    return found if os.path.isdir(found) else os.path.dirname(found)


def is_within(place: str | os.PathLike[str], folders: Iterable[str]) -> bool:
    """Return True if a path is one of the folders, given by real paths, or lies in one."""
    real = os.path.realpath(place)
    return any(real == folder or real.startswith(os.path.join(folder, "")) for folder in folders)
