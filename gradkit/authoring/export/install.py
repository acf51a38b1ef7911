"""How those who are handed something get gradkit: its wheel lies with it, unless told otherwise.

A requirement is only of use where pip finds it, and gradkit is on no package index. A wheel that is
carried along needs neither index nor network for gradkit itself, and is the very code that exports.
"""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from gradkit.authoring.export.bundle import ExportError, File, Files
from gradkit.authoring.export.wheel import running_wheel

SUFFIX = ".whl"


@dataclass(frozen=True, slots=True)
class Install:
    """What pip is given: a requirement or an address, or the name of the ``wheel`` that is carried.

    ``wheel`` is its content, None where nothing is carried.
    """

    what: str
    wheel: bytes | None = None


def choose(asked: str | None) -> Install:
    """What `--install` was given; None carries a wheel of the gradkit that runs.

    Raises
    ------
    ExportError
        It is nothing that others could install, or a wheel that cannot be read.
    """
    if asked is None:
        return _running()
    if not asked.strip() or asked.startswith("-") or not asked.isprintable():
        raise _refusal(asked, "is nothing that pip could be given")
    address = "://" in asked
    if asked.endswith(SUFFIX) and not address:
        try:
            return Install(Path(asked).name, Path(asked).read_bytes())
        except OSError as error:
            raise _refusal(asked, f"cannot be read ({error.strerror})") from None
    # What pip would take for a path.
    path = asked.startswith(".") or {"/", os.sep} & set(asked)
    if "file:" in asked or (path and not address):
        raise _refusal(asked, "is a place on this machine, which others do not have")
    return Install(asked)


@cache
def _running() -> Install:
    return Install(*running_wheel())


def _refusal(asked: str, why: str) -> ExportError:
    return ExportError(
        f"--install {asked}: {why}. Name a wheel (FILE{SUFFIX}), which is then carried along, a "
        "requirement as gradkit==1.0, or an address that all who get it can reach."
    )


def words(given: Install, folder: str = ".") -> str:
    """What stands behind `pip install` in a shell, with the wheel in ``folder`` (quoted)."""
    quoted = shlex.quote(given.what)
    return quoted if given.wheel is None else f"{folder}/{quoted}"


def carried(given: Install, folder: str = "") -> Files:
    """The wheel by its path in a folder that ends with a slash, or nothing."""
    return {} if given.wheel is None else {f"{folder}{given.what}": File(given.wheel)}


def wheel_alone(given: Install) -> Files:
    """The wheel, to be handed out by itself.

    Raises
    ------
    ExportError
        It is no wheel that was asked for.
    """
    if given.wheel is None:
        raise _refusal(given.what, "is no wheel, and a wheel is what is to be written")
    return carried(given)
