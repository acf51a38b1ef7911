"""Write ``.ci/constraints.txt``: the versions that are installed here, for ``pip install -c``.

Run ``.venv/bin/python .ci/constraints.py`` in an environment that the tests passed in. They are the
versions of all that gradkit's extras ask for, and of what that asks for in turn.
"""

from __future__ import annotations

import platform
import re
from collections.abc import Iterable
from importlib.metadata import Distribution, distribution, distributions
from pathlib import Path

from packaging.requirements import Requirement

FILE = Path(__file__).with_name("constraints.txt")
EXTRAS = ("all", "browser", "dev", "docs", "release")
HEAD = """\
# The versions that CI ran, with Python {python} on {system}; written by .ci/constraints.py.
# To have them:  pip install -c .ci/constraints.txt -e '.[all,dev]'
"""


def normal(name: str) -> str:
    """Return a project's name as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def needed(name: str, extras: Iterable[str]) -> dict[str, Distribution]:
    """Return the installed dependencies of a project by name, without the project.

    Dependencies of dependencies are included, and those of the ``extras``; what is not installed is
    left out.

    Raises
    ------
    KeyError
        The project itself is not installed.
    """
    found: dict[str, Distribution] = {}
    there = {normal(each.metadata["Name"]): each for each in distributions()}
    waiting = [(normal(name), frozenset(extras))]
    seen = set()
    while waiting:
        asking = waiting.pop()
        if asking in seen or asking[0] not in there:
            continue
        seen.add(asking)
        found[asking[0]] = there[asking[0]]
        for line in there[asking[0]].requires or ():
            wanted = Requirement(line)
            marker = wanted.marker
            if marker is None or any(marker.evaluate({"extra": e}) for e in ("", *asking[1])):
                waiting.append((normal(wanted.name), frozenset(wanted.extras)))
    found.pop(normal(name))
    return found


def text(found: dict[str, Distribution]) -> str:
    """Return the text of the file. Builds, as in ``2.13.0+cpu``, differ and are left out."""
    head = HEAD.format(
        python=".".join(platform.python_version_tuple()[:2]), system=platform.system()
    )
    lines = [f"{name}=={one.version.partition('+')[0]}" for name, one in sorted(found.items())]
    return head + "\n".join(lines) + "\n"


def main() -> None:
    """Write the file of constraints, and print the number of versions."""
    distribution("gradkit")  # or that it is not installed is the error
    found = needed("gradkit", EXTRAS)
    FILE.write_text(text(found), encoding="utf-8")
    print(f"{FILE.name}: {len(found)} versions")


if __name__ == "__main__":
    main()
