"""Confine a fork server and its workers step by step, and report the tier that is reached.

| tier | what is applied, on top of the one below |
|---|---|
| 0 | limits on resources: `gradkit.runtime.messages` |
| 1 | hidden memory, adopted orphans, no new privileges, a list of allowed calls; tasks counted |
| 2 | Landlock: libraries can be read, nothing else, and nothing written |
| 3 | an account that no other process has, if root started the fork server |

First, `confine_server` finds out which restrictions this machine supports, which determines the
tier. Then it applies them. A step that fails ends the process, so no worker runs with less than its
tier.

With Landlock, all installed packages stay readable, because student code may import any of them at
any time. Only gradkit, from which correct answers could be computed, is not. So a folder that
contains gradkit, or folders of packages, is never allowed as a whole: its entries are. If gradkit
runs from a checkout, nothing in the checkout may be read, neither gradkit nor its tests, model
solutions and history. An environment inside the checkout (``.venv``) is an exception: its folders
of packages are allowed as usual.

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
from gradkit.runtime.messages import failing_closed

_PACKAGES = frozenset({"site-packages", "dist-packages"})
_DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")
_LINKER = ("/etc/ld.so.cache", "/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib")
_OWN = "gradkit"
_GRADKIT_PARENT = dirname(dirname(dirname(os.path.realpath(__file__))))
"""The folder that contains gradkit: a checkout, or a folder of packages."""


def readable(packages: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return the files and folders that workers may read, and the folders that they may list.

    Call this after everything is loaded, as the places of loaded shared libraries are included.

    Parameters
    ----------
    packages : iterable of str
        Packages that student code needs, which may be installed in an unusual place.

    Returns
    -------
    tuple of two lists of str
        Files and whole folders to read; folders of packages to list.
    """
    stdlib = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib")}
    usual = stdlib | {entry for entry in sys.path if os.path.basename(entry) in _PACKAGES}
    paths = dict.fromkeys(_DEVICES)
    for folder in sorted(usual):
        paths |= dict.fromkeys(_entries_but_gradkit(folder))
    for package in packages:
        paths |= dict.fromkeys(_unusual_places(package, usual))
    for place in (*_LINKER, *_loaded_library_folders()):
        paths |= dict.fromkeys(_library_places(place, usual))
    # Python's import lists a folder again after something was installed in it.
    return [path for path in paths if not _is_part_of_gradkit(path, usual)], sorted(usual)


def _is_part_of_gradkit(path: str, usual: Set[str]) -> bool:
    """Return whether a path contains gradkit's folder or lies in it.

    Paths in the ``usual`` folders of packages are no part of gradkit, even inside a checkout.
    """
    if _is_below(path, usual):
        return False
    real, packages = os.path.realpath(path), set(map(os.path.realpath, usual))
    return _is_below(_GRADKIT_PARENT, {real}) or (
        _is_below(real, {_GRADKIT_PARENT}) and not _is_below(real, packages)
    )


def _entries_but_gradkit(folder: str) -> Iterator[str]:
    """Yield the paths in a folder, without those of gradkit and inner folders of packages."""
    for name in os.listdir(folder) if isdir(folder) else ():
        if _OWN not in name.lower() and name not in _PACKAGES:
            yield join(folder, name)


def _unusual_places(package: str, usual: Set[str]) -> Iterator[str]:
    """Yield the folders or the file of a package that is installed outside the usual folders.

    ``usual`` are Python's own folders of modules and packages. Nothing is yielded for a package in
    one of them, or for a package that is not installed.
    """
    spec = importlib.util.find_spec(package.partition(".")[0])
    places = () if spec is None else spec.submodule_search_locations or (spec.origin or "",)
    for place in places:
        if os.path.isabs(place) and not _is_below(place, usual):
            yield place


def _library_places(place: str, usual: Set[str]) -> Iterator[str]:
    """Yield the paths to allow for a file or folder of shared libraries.

    That is the path ``place`` itself but, if Python packages or gradkit are below it, only the
    shared libraries directly in it. ``usual`` are Python's own folders of modules and packages;
    nothing is yielded for a folder in them.
    """
    if isfile(place):
        yield place
    elif isdir(place) and not _is_below(place, usual):
        names = os.listdir(place)
        python_folders = (join(place, name) for name in names if name.startswith("python"))
        holds_packages = any(isdir(p) and _PACKAGES & set(os.listdir(p)) for p in python_folders)
        if holds_packages or any(
            _is_below(folder, {place}) for folder in {*usual, _GRADKIT_PARENT}
        ):
            yield from (join(place, name) for name in names if ".so" in name)
        else:
            yield place


def _loaded_library_folders() -> list[str]:
    """Return the folders of all shared libraries that this process has loaded."""
    with open("/proc/self/maps") as lines:
        files = {line.split(maxsplit=5)[5].rstrip("\n") for line in lines if ".so" in line}
    return sorted({dirname(file) for file in files if file.startswith("/")})


def _is_below(path: str, folders: Set[str]) -> bool:
    return any(path == folder or path.startswith(folder + "/") for folder in folders)


@dataclass(frozen=True, slots=True)
class Confinement:
    """The restrictions of a fork server: the tier, and whether it is ``alone`` in its account.

    If it is, the kernel counts only the tasks of the fork server and its workers for the account.
    """

    tier: int
    alone: bool = False


@failing_closed()
def confine_server(folder: str, packages: Sequence[str]) -> Confinement:
    """Apply all restrictions that this machine supports to the fork server, for good.

    Parameters
    ----------
    folder : str
        Its working folder, which exists and is empty.
    packages : sequence of str
        Packages that student code needs.

    Returns
    -------
    Confinement
        The tier that was reached.

    Raises
    ------
    ConfinementError
        A step fails that this machine supports.
    """
    linux.adopt_orphans()
    if not (filters.known() and linux.can_filter()):
        return Confinement(0)
    files, folders = readable(packages)
    tier = 2 if linux.landlock_version() else 1
    installed = [file for file in files if os.path.dirname(file) in folders]
    # Rules must be made before root is given up, because another account may read less.
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
            # `os.access` asks for the account that the kernel counts this process for.
            os.chown(folder, account, -1)
            linux.count_as(account)
            alone = True
    linux.hide()
    linux.forbid_new_privileges()
    if rules is not None:
        linux.read_only(rules)
    linux.filter_calls(filters.room())
    return Confinement(tier, alone)


@failing_closed()
def confine_worker(confinement: Confinement, server: int) -> None:
    """Apply the restrictions of a worker to this process, a child of process ``server``.

    The worker ends with the fork server. From tier 1 on it loads the seccomp program `leash`.

    Raises
    ------
    ConfinementError
        A step fails.
    """
    linux.die_with(server)
    if confinement.tier >= 1:
        linux.filter_calls(filters.leash(os.getpid()))
