"""What ``pytest --gradkit PATH`` must not read or run: what lies in a submission.

pytest reads an ini file before it loads any plugin, and the first one that it finds may be the
submission's: it takes PATH, of an option that it does not know yet, for tests to be collected.
Such a file may name a plugin, which pytest then runs. So `guard` is called when Python starts
with ``--gradkit`` among its arguments, by the line of ``gradkit.pth`` that is installed beside
gradkit, and words the same arguments so that no ini file is looked for there.

Needs nothing of pytest's; the rest, which needs it, is in `gradkit.pytest_plugin`.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterable, Iterator, Sequence

OPTION = "--gradkit"
CONFIG = ("-c", "--config-file")
NO_SETTINGS = os.path.join(os.path.dirname(__file__), "pytest_plugin", "no_settings.ini")
"""What pytest reads where it would read an ini file of a submission."""


def guard() -> None:
    """Word the arguments of this process so that pytest reads no settings of a submission."""
    if any("pytest" in word for word in sys.orig_argv):
        _word_arguments()
    # pytest rewrites the asserts of packages of plugins, and warns of one that is there already.
    for module in (__name__, __name__.partition(".")[0]):
        sys.modules.pop(module, None)


def _word_arguments() -> None:
    early = shlex.split(os.environ.get("PYTEST_ADDOPTS", ""))
    words = [*early, *sys.argv[1:]]
    folders = [folder_of(path) for path in named(words)]
    settings = []
    if folders and any(within(place, folders) for place in (os.curdir, *_places(words))):
        settings += [] if _given(words, CONFIG) else ["-c", NO_SETTINGS]
        settings += [] if _given(words, ("--rootdir",)) else ["--rootdir", os.getcwd()]
    if early:
        os.environ["PYTEST_ADDOPTS"] = shlex.join(_joined(early))
    sys.argv[1:] = [*settings, *_joined(sys.argv[1:])]


def named(words: Sequence[str]) -> list[str]:
    """Return the paths that ``--gradkit`` names among arguments."""
    start = f"{OPTION}="
    return [word.removeprefix(start) for word in _joined(words) if word.startswith(start)]


def folder_of(path: str | os.PathLike[str]) -> str:
    """Return the folder that holds a submission, which is the submission itself if it is one."""
    found = os.path.realpath(path)
    return found if os.path.isdir(found) else os.path.dirname(found)


def within(place: str | os.PathLike[str], folders: Iterable[str]) -> bool:
    """Whether a path is one of the real paths, or below one of them."""
    real = os.path.realpath(place)
    return any(real == folder or real.startswith(os.path.join(folder, "")) for folder in folders)


def _joined(words: Sequence[str]) -> list[str]:
    """Write option and path as one word, which pytest cannot take for a path of tests."""
    joined: list[str] = []
    for word in words:
        if joined and joined[-1] == OPTION and not word.startswith("-"):
            joined[-1] = f"{OPTION}={word}"
        else:
            joined.append(word)
    return joined


def _places(words: Sequence[str]) -> Iterator[str]:
    """Yield what pytest may take for tests to be collected, and look for an ini file near."""
    for word in _joined(words):
        place = word.partition("::")[0]
        if not word.startswith("-") and os.path.exists(place):
            yield place


def _given(words: Sequence[str], options: Sequence[str]) -> bool:
    return any(
        word == option or word.startswith(f"{option}=" if option[:2] == "--" else option)
        for word in words
        for option in options
    )
