"""Starting a bare Python interpreter that knows gradkit's worker and nothing else of us."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

# gradkit is loaded by its path, so that its folder, which in a checkout holds much else,
# never stands in sys.path: an editable installation puts it there.
_BOOT = """
import importlib, importlib.util, json, sys
settings = json.loads(sys.argv[1])
del sys.argv[1:]
sys.path[:] = [entry for entry in sys.path if entry not in settings["unwanted"]]
sys.path += [entry for entry in settings["libraries"] if entry not in sys.path]
spec = importlib.util.spec_from_file_location("gradkit", settings["gradkit"])
sys.modules["gradkit"] = module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
importlib.import_module(settings["program"]).main(settings)
"""

# Not all systems find their shared libraries without these.
_KEPT = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT")


@dataclass(frozen=True, slots=True)
class Recipe:
    """What an interpreter should have imported when student code comes to it.

    ``handlers`` is a module with a dict ``HANDLERS``; ``search`` are folders to find that
    module in, besides the installed packages. ``most_tier`` is where hardening stops, and
    ``omitted`` are defences that it leaves out: for tests, see `gradkit.worker.harden`.
    """

    preload: tuple[str, ...]
    handlers: str
    search: tuple[str, ...]
    most_tier: int = 3
    omitted: tuple[str, ...] = ()


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
    handed = {
        "program": program,
        "gradkit": str(Path(__file__).parents[1] / "__init__.py"),
        "libraries": _libraries(recipe.preload),
        "unwanted": _checkout(),
        "preload": recipe.preload,
        "handlers": recipe.handlers,
        "search": recipe.search,
        "most_tier": recipe.most_tier,
        "omitted": recipe.omitted,
        **(settings or {}),
    }
    # With an environment made from nothing these do what -I does; -I itself would ignore
    # the hash seed, and with it the order of sets would differ from one run to the next.
    command = [sys.executable, "-s", "-P", "-X", "utf8", "-c", _BOOT, json.dumps(handed)]
    return subprocess.Popen(  # noqa: S603  (this interpreter, our own program)
        command,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        cwd=folder,
        env=_environment(folder),
        pass_fds=pass_fds,
        start_new_session=True,
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
    """The folder that gradkit lies in, unless that is one of installed packages."""
    folder = Path(__file__).parents[2]
    return [] if folder.name in ("site-packages", "dist-packages") else [str(folder)]


def _libraries(names: Sequence[str]) -> list[str]:
    """Folders in which this process finds packages that a bare interpreter might not."""
    folders: dict[str, None] = {}
    for name in ("numpy", *names):
        with contextlib.suppress(ImportError, ValueError):
            spec = importlib.util.find_spec(name.partition(".")[0])
            if spec is not None and spec.origin is not None:
                folders[str(Path(spec.origin).parents[1])] = None
    return list(folders)
