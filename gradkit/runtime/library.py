"""The modules that a section may import, and those that it must not.

Modules that a student handed in beside the section are importable, and as lazy as it.

Of a package that the task does not allow, an import is no use: many a notebook imports at its top
what only another part of it needs. So student code gets a stand-in, of which everything may be
named, subclassed and annotated with, and nothing called or computed with. Whoever else imports such
a package, by ``importlib`` or in a package of its own, is refused; in this process it is never
loaded.

Of others than gradkit only the standard library is imported: this runs in the student's process.
"""

from __future__ import annotations

import builtins
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import CodeType, ModuleType, SimpleNamespace
from typing import Any, NoReturn, cast

from gradkit.runtime.messages import TEXT, message, raised

_OPERATORS = """
add sub mul truediv floordiv mod pow matmul radd rsub rmul rtruediv rfloordiv rmod rpow rmatmul
neg pos abs lt le gt ge int float complex index len iter next enter exit array_ufunc call
"""
"""What would call it, or compute with it. A union of types, ``Tensor | None``, is only named."""


class ForbiddenImportError(ImportError):
    """A package was used that the task does not allow; the text says which, and how."""


class MissingImportError(NameError):
    """A name cannot be made, as a module that it comes from is not here, or lacks it."""


@dataclass(frozen=True, slots=True)
class Policy:
    """Which packages are allowed: all but the ``forbidden`` ones, or only the ``allowed``."""

    allowed: Collection[str] = ()
    forbidden: Collection[str] = ()

    def bars(self, name: str) -> bool:
        """Tell whether a module must not be imported by student code."""
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

    def __bool__(cls) -> bool:
        return True

    def _path_of(cls) -> str:
        return str(type.__getattribute__(cls, "gradkit_path"))


def is_stand_in(value: object) -> bool:
    """Tell whether this stands for something that is forbidden."""
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


def shut_out(forbidden: Collection[str]) -> None:
    """Have no forbidden module found in this process, or loaded in any other way.

    What is loaded already is forgotten: those who hold it keep it, nobody gets it anew. The hook
    cannot be taken out again, and sees what goes past the finders.
    """
    names = frozenset(forbidden)

    def find_spec(name: str, *_: Any) -> None:
        root = name.partition(".")[0]
        if root in names:
            raise raised(ForbiddenImportError, message("imported", root=root))

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "import":
            find_spec(arguments[0])

    for name in [name for name in sys.modules if name.partition(".")[0] in names]:
        del sys.modules[name]
    if names:
        sys.meta_path.insert(0, cast(Any, SimpleNamespace(find_spec=find_spec)))
        sys.addaudithook(hook)


Importer = Callable[..., Any]

Make = Callable[[str, str, "Library"], dict[str, Any]]


class LazyModule(ModuleType):
    """A module whose attributes are the names of a namespace, made when they are asked for."""

    def __init__(self, name: str, names: dict[str, Any], *, package: bool) -> None:
        super().__init__(name)
        super().__setattr__("gradkit_names", names)
        if package:
            self.__path__: list[str] = []

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["gradkit_names"][name]
        except KeyError:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}") from None

    def __setattr__(self, name: str, value: object) -> None:
        """Set a global of the module, as its own functions see it."""
        if not name.startswith("__"):
            self.__dict__["gradkit_names"][name] = value
        super().__setattr__(name, value)


def _progress(name: str) -> ModuleType:
    """A progress bar that shows nothing, where ``tqdm`` is not installed: no code hangs on it."""

    class Bar:
        """Whatever it is wrapped around, and a method that does nothing for each of its own."""

        def __init__(self, iterable: Iterable[Any] = (), *_: Any, **__: Any) -> None:
            self.iterable = iterable

        def __iter__(self) -> Iterator[Any]:
            return iter(self.iterable)

        def __enter__(self) -> Bar:
            return self

        def __exit__(self, *_: object) -> None: ...

        def __getattr__(self, name: str) -> Callable[..., None]:
            return lambda *_, **__: None

    module = ModuleType("tqdm")
    vars(module).update(tqdm=Bar, tqdm_notebook=Bar, trange=lambda *n, **_: Bar(range(*n)))
    for part in name.split(".")[1:]:
        # `tqdm.auto` has what `tqdm` has.
        setattr(module, part, module)
    return module


def _is_missing(name: str, error: ImportError) -> bool:
    """Tell whether a module could not be had because it, or a package around it, is not here."""
    return isinstance(error, ModuleNotFoundError) and f"{name}.".startswith(f"{error.name}.")


def _evaluate(source: Any, globals: Any = None, locals: Mapping[str, Any] | None = None, /) -> Any:
    """Evaluate an expression as ``eval`` does, and make the global names in it that are not yet."""
    if globals is None:
        frame = sys._getframe(1)
        globals, locals = frame.f_globals, frame.f_locals if locals is None else locals
    code = source if isinstance(source, CodeType) else compile(source, "<string>", "eval")
    for name in code.co_names:
        # ``eval`` takes globals from what a dict holds already.
        with suppress(KeyError):
            globals[name]
    return eval(code, globals, locals)  # noqa: S307  (what student code does in its own process)


class Library:
    """Finds modules by name in a mapping of sources.

    Parameters
    ----------
    sources : mapping of str to str
        By dotted name.
    make : callable
        Makes the names of a module from its name, its source and this library.
    policy : Policy
        Which packages may be used.
    """

    def __init__(self, sources: Mapping[str, str], make: Make, policy: Policy = ANYTHING) -> None:
        self._sources = sources
        self._make = make
        self._policy = policy
        self._loaded: dict[str, LazyModule] = {}
        self.packages = {name.rpartition(".")[0] for name in sources} - {""}

    def files(self) -> dict[str, str]:
        """Return the sources by the file names of their code."""
        return {f"{name}.py": source for name, source in self._sources.items()}

    def fork(self) -> Library:
        """Give a library of the same sources with nothing loaded."""
        return Library(self._sources, self._make, self._policy)

    def builtins_for(self, package: str) -> dict[str, Any]:
        """Give builtins for code in a package, with this library's ``__import__``."""
        return {**vars(builtins), "__import__": self.importer(package), "eval": _evaluate}

    def importer(self, package: str) -> Importer:
        """Give the ``__import__`` for code in a package (the empty name: in none)."""

        def importer(
            name: str,
            globals: Mapping[str, Any] | None = None,
            locals: Mapping[str, Any] | None = None,
            fromlist: Sequence[str] | None = (),
            level: int = 0,
        ) -> Any:
            full = name
            if level:
                parts = package.split(".")
                above = parts[: len(parts) - level + 1]
                full = ".".join([*above, name] if name else above).strip(".")
            if not self.has(full):
                if self._policy.bars(full):
                    # Where names are taken from a module, ``import`` gives that itself.
                    return stand_in(full if fromlist else full.partition(".")[0])
                try:
                    return builtins.__import__(name, globals, locals, fromlist, level)
                except ImportError as error:
                    if full.partition(".")[0] == "tqdm":
                        return _progress(full)
                    # What a module that is here imports in its turn is its own affair.
                    if not level and not _is_missing(full, error):
                        raise
                    other = self._elsewhere(full) if fromlist else None
                    if other is None:
                        told = f"No module named {full[:TEXT]!r}"
                        raise ModuleNotFoundError(told, name=full) from None
                    full = other
            module = self.load(full)
            for wanted in fromlist or ():
                if self.has(f"{full}.{wanted}"):
                    self.load(f"{full}.{wanted}")
            return module if fromlist else self.load(full.partition(".")[0])

        return importer

    def _elsewhere(self, name: str) -> str | None:
        """Return a module of that name that is not in the package that it is asked for in.

        Whoever hands in one file of a package, or hands out one, leaves its folders behind.
        """
        parts = name.split(".")
        tails = (".".join(parts[number:]) for number in range(1, len(parts)))
        return next((tail for tail in tails if self.has(tail)), None)

    def has(self, name: str) -> bool:
        """Tell whether this is one of them."""
        # What is there already (numpy, random) is what everybody means by its name.
        known = name in self._sources or name in self.packages
        return known and name.partition(".")[0] not in sys.modules

    def load(self, name: str) -> LazyModule:
        """Return a module, made when it is first asked for."""
        if name not in self._loaded:
            names = self._make(name, self._sources.get(name, ""), self)
            module = LazyModule(name, names, package=name in self.packages)
            self._loaded[name] = module
            parent, _, last = name.rpartition(".")
            if parent:
                setattr(self.load(parent), last, module)
        return self._loaded[name]
