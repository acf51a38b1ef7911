"""The order in which a fork server and its workers are shut in, and the tier that comes of it.

| tier | what is applied, on top of the one below |
|---|---|
| 0 | limits on resources: `gradkit.runtime.confine` |
| 1 | hidden memory, adopted orphans, no new privileges, a list of allowed calls; root is counted |
| 2 | Landlock: libraries can be read, nothing else, and nothing written |
| 3 | an account that is nobody's, where the fork server was started by root |

What the machine lacks is found out first, and lowers the tier. What it has is then applied, and a
step that fails ends the process: no worker runs with less than its tier.

With Landlock everything installed stays readable, as student code imports what it likes, and late;
but gradkit does not, and with it whatever an answer could be worked out from. A folder that holds
gradkit, or folders of packages, is never named as a whole, but by its entries. Where gradkit runs
from a checkout, nothing of the checkout may be read: neither gradkit nor its tests, model solutions
and history. An environment that lies in it (``.venv``) is no part of it: its folders of packages
are named as anywhere else.

Linux only.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from os.path import dirname, isdir, isfile, join

from gradkit.runtime import filters, linux
from gradkit.runtime.confine import failing_closed

_PACKAGES = frozenset({"site-packages", "dist-packages"})
_DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")
_LINKER = ("/etc/ld.so.cache", "/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib")
_OWN = "gradkit"
_HOME = dirname(dirname(dirname(os.path.realpath(__file__))))
"""The folder that gradkit lies in: a checkout, or a folder of packages."""


def readable(packages: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return what may be read, files and whole folders, and folders that may only be listed.

    Parameters
    ----------
    packages : iterable of str
        Packages that student code needs, should they be installed in an unusual place.

    To be asked once everything is loaded: where shared libraries are is seen from those in use.
    """
    stdlib = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib")}
    usual = stdlib | {entry for entry in sys.path if os.path.basename(entry) in _PACKAGES}
    named = dict.fromkeys(_DEVICES)
    for folder in sorted(usual):
        named |= dict.fromkeys(_entries(folder))
    for package in packages:
        named |= dict.fromkeys(_unusual(package, usual))
    for place in (*_LINKER, *_folders_of_libraries()):
        named |= dict.fromkeys(_libraries(place, usual))
    # Imports list a folder anew after something was installed in it.
    return [path for path in named if not _is_own(path, usual)], sorted(usual)


def _is_own(path: str, usual: Set[str]) -> bool:
    """Tell whether gradkit's folder is below this, or this in it and in no folder of packages."""
    if _is_below(path, usual):
        return False
    real, packages = os.path.realpath(path), set(map(os.path.realpath, usual))
    return _is_below(_HOME, {real}) or (_is_below(real, {_HOME}) and not _is_below(real, packages))


def _entries(folder: str) -> Iterator[str]:
    for name in os.listdir(folder) if isdir(folder) else ():
        if _OWN not in name.lower() and name not in _PACKAGES:
            yield join(folder, name)


def _unusual(package: str, usual: Set[str]) -> Iterator[str]:
    """Yield where a package lies that is in none of the usual folders."""
    spec = importlib.util.find_spec(package.partition(".")[0])
    places = () if spec is None else spec.submodule_search_locations or (spec.origin or "",)
    for place in places:
        if os.path.isabs(place) and not _is_below(place, usual):
            yield place


def _libraries(place: str, usual: Set[str]) -> Iterator[str]:
    """Yield a folder of shared libraries: as a whole, unless packages of Python's are below it."""
    if isfile(place):
        yield place
    elif isdir(place) and not _is_below(place, usual):
        names = os.listdir(place)
        pythons = (join(place, name) for name in names if name.startswith("python"))
        holds_packages = any(isdir(p) and _PACKAGES & set(os.listdir(p)) for p in pythons)
        if holds_packages or any(_is_below(folder, {place}) for folder in {*usual, _HOME}):
            yield from (join(place, name) for name in names if ".so" in name)
        else:
            yield place


def _folders_of_libraries() -> list[str]:
    with open("/proc/self/maps") as lines:
        files = {line.split(maxsplit=5)[5].rstrip("\n") for line in lines if ".so" in line}
    return sorted({dirname(file) for file in files if file.startswith("/")})


def _is_below(path: str, folders: Set[str]) -> bool:
    return any(path == folder or path.startswith(folder + "/") for folder in folders)


@dataclass(frozen=True, slots=True)
class Shell:
    """What has been put around a fork server: the tier that it has reached.

    ``alone``: no other process counts as the account that it has.
    """

    tier: int
    alone: bool = False


@failing_closed()
def shut_in(folder: str, packages: Sequence[str]) -> Shell:
    """Put the fork server in its room, for good.

    Parameters
    ----------
    folder : str
        The folder it works in, which exists and is empty.
    packages : sequence of str
        Packages that student code needs.

    Raises
    ------
    ConfinementError
        If a step fails that this machine should be able to do.
    """
    linux.adopt_orphans()
    if not (filters.known() and linux.can_filter()):
        return Shell(0)
    files, folders = readable(packages)
    tier = 2 if linux.landlock_version() else 1
    installed = [file for file in files if os.path.dirname(file) in folders]
    # Before root is given up, which may be able to read more.
    rules = linux.ruleset(files, [*folders, folder], os.path.dirname(folder)) if tier == 2 else None
    alone = False
    if os.geteuid() == 0:
        account = linux.spare_account()
        if linux.can_become(account, installed):
            tier = 3 if tier == 2 else tier
            os.chown(folder, account, account)
            linux.become(account)
            alone = True
        elif linux.can_count_as(account):
            # What asks whether it could write there asks for the account that it counts as.
            os.chown(folder, account, -1)
            linux.count_as(account)
            alone = True
    linux.hide()
    linux.renounce()
    if rules is not None:
        linux.read_only(rules)
    linux.filter_calls(filters.room())
    return Shell(tier, alone)


@failing_closed()
def tie_down(shell: Shell, server: int) -> None:
    """Take from a worker, a child of process `server`, what that still may.

    Raises
    ------
    ConfinementError
        If a step fails.
    """
    linux.die_with(server)
    if shell.tier >= 1:
        linux.filter_calls(filters.leash(os.getpid()))
