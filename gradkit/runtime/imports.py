"""Packages that a section's code must not use: stand-ins for them, and no way to the real ones.

An import is no use: many a notebook imports at its top what only another part of it needs. So
student code gets a stand-in, of which everything may be named, subclassed and annotated with, and
nothing called or computed with. Whoever else imports such a package, by ``importlib`` or in a
package of its own, is refused; in this process it is never loaded.

Beside messages only the standard library is imported: this runs in the student's process.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection
from typing import Any, NoReturn

from gradkit.runtime.messages import TEXT, message, raised

_OPERATORS = """
add sub mul truediv floordiv mod pow matmul radd rsub rmul rtruediv rfloordiv rmod rpow rmatmul
neg pos abs lt le gt ge int float complex index len iter next enter exit array_ufunc
"""
"""What would compute with it. A union of types, ``Tensor | None``, is only named."""


class ForbiddenImportError(ImportError):
    """A package was used that the task does not allow; the text says which, and how."""


class Policy:
    """Which packages are allowed: all but the ``forbidden`` ones, or only the ``allowed``."""

    def __init__(self, allowed: Collection[str] = (), forbidden: Collection[str] = ()) -> None:
        self.allowed = frozenset(allowed)
        self.forbidden = frozenset(forbidden)

    def bars(self, name: str) -> bool:
        """Whether a module must not be imported by student code."""
        root = name.partition(".")[0]
        if root in self.forbidden:
            return True
        return bool(self.allowed) and root not in self.allowed and root != "__future__"


ANYTHING = Policy()


class _Forbidden(type):
    """The type of stand-ins. They are classes, as these may be subclassed and annotated with."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        return stand_in(f"{cls._path_of()}.{name}")

    def __call__(cls, *_: Any, **__: Any) -> NoReturn:
        _refuse(cls._path_of())

    def __bool__(cls) -> bool:
        return True

    def _path_of(cls) -> str:
        return str(type.__getattribute__(cls, "gradkit_path"))


def is_stand_in(value: object) -> bool:
    """Whether this stands for something that is forbidden."""
    return type(value) is _Forbidden


def use_of(value: Any) -> NoReturn:
    """Take a stand-in for what it stands for.

    Raises
    ------
    ForbiddenImportError
    """
    _refuse(value.gradkit_path)


def _refuse(path: str) -> NoReturn:
    told = message("used", path=path[:TEXT], root=path.partition(".")[0][:TEXT])
    raise raised(ForbiddenImportError, told)


def _refusing(cls: _Forbidden, *_: Any, **__: Any) -> NoReturn:
    _refuse(cls._path_of())


for _name in _OPERATORS.split():
    setattr(_Forbidden, f"__{_name}__", _refusing)


def stand_in(path: str) -> Any:
    """Something that stands for a module, or what is in it, and is of no use."""
    # A star import brings none of it: its names would hide others.
    return _Forbidden(path.rpartition(".")[2], (), {"gradkit_path": path, "__all__": ()})


def imported(name: str, fromlist: Collection[str] | None) -> Any:
    """What ``import`` gives for a forbidden module: itself where names are taken from it."""
    return stand_in(name if fromlist else name.partition(".")[0])


class _Finder:
    """Refuses to find forbidden modules, whoever asks."""

    def __init__(self, forbidden: frozenset[str]) -> None:
        self._forbidden = forbidden

    def find_spec(self, name: str, *_: Any) -> None:
        root = name.partition(".")[0]
        if root in self._forbidden:
            raise raised(ForbiddenImportError, message("imported", root=root))


def shut_out(forbidden: Collection[str]) -> None:
    """Have no forbidden module found in this process, or loaded in any other way.

    What is loaded already is forgotten: those who hold it keep it, nobody gets it anew. The hook
    cannot be taken out again, and sees what goes past the finders.
    """
    names = frozenset(forbidden)
    if not names:
        return
    for name in [name for name in sys.modules if name.partition(".")[0] in names]:
        del sys.modules[name]
    sys.meta_path.insert(0, _Finder(names))
    sys.addaudithook(_hook(names))


def _hook(names: frozenset[str]) -> Callable[[str, tuple[Any, ...]], None]:
    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "import" and arguments[0].partition(".")[0] in names:
            root = arguments[0].partition(".")[0]
            raise raised(ForbiddenImportError, message("imported", root=root))

    return hook
