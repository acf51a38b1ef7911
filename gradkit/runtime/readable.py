"""Which files a worker may read where Landlock can see to it: the interpreter and its packages.

Student code imports what it likes, and late: so everything installed stays readable, but gradkit,
and with it whatever an answer could be worked out from. A folder that holds gradkit, or folders of
packages, is never named as a whole, but by its entries.

Where gradkit runs from a checkout, nothing of the checkout may be read: neither gradkit nor its
tests, model solutions and history. An environment that lies in it (``.venv``) is no part of it: its
folders of packages are named as anywhere else.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Set
from os.path import dirname, isdir, isfile, join

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
    """Whether gradkit's folder is below this, or this in it and in no folder of packages."""
    if _is_below(path, usual):
        return False
    real, packages = os.path.realpath(path), set(map(os.path.realpath, usual))
    return _is_below(_HOME, {real}) or (_is_below(real, {_HOME}) and not _is_below(real, packages))


def _entries(folder: str) -> Iterator[str]:
    for name in os.listdir(folder) if isdir(folder) else ():
        if _OWN not in name.lower() and name not in _PACKAGES:
            yield join(folder, name)


def _unusual(package: str, usual: Set[str]) -> Iterator[str]:
    """Where a package lies that is in none of the usual folders."""
    spec = importlib.util.find_spec(package.partition(".")[0])
    places = () if spec is None else spec.submodule_search_locations or (spec.origin or "",)
    for place in places:
        if os.path.isabs(place) and not _is_below(place, usual):
            yield place


def _libraries(place: str, usual: Set[str]) -> Iterator[str]:
    """A folder of shared libraries: as a whole, unless packages of Python's are below it."""
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
