"""Which class is meant: the one that is named, or else the only one that is here."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from gradkit.cli.refusal import Refusal

VARIABLE = "GRADKIT_CLASS"
ADVICE = f"Name its folder, the one that `gradkit grade … --out` wrote, with --class or {VARIABLE}."


def class_folder(named: Path | None, environment: Mapping[str, str] = os.environ) -> Path:
    """The folder of the class that a command is about.

    Parameters
    ----------
    named : Path, optional
        What the command line says; it is not looked into.
    environment : mapping of str to str
        ``GRADKIT_CLASS`` comes next, then this folder, then the only folder in it with a class.

    Raises
    ------
    Refusal
        There is no class there, or there are several.
    """
    from gradkit.classroom.file.database import FILE

    if named is not None:
        return named
    if told := environment.get(VARIABLE):
        if not (Path(told) / FILE).is_file():
            raise Refusal(f"{VARIABLE} is {told}, and there is no {FILE} in it. {ADVICE}")
        return Path(told)
    here = Path()
    if (here / FILE).is_file():
        return here
    found = sorted(path.parent.name for path in here.glob(f"*/{FILE}") if path.is_file())
    if len(found) == 1:
        return here / found[0]
    if found:
        raise Refusal(f"{', '.join(found)} have a {FILE} each. {ADVICE}")
    raise Refusal(f"there is no {FILE} in {here.resolve()}, nor in a folder in it. {ADVICE}")
