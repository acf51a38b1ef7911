"""Import modules for a section: the student's own modules, allowed packages, and stand-ins.

Modules that a student submitted with the section can be imported. Their values are created on
first use, like those of the section.

An import alone is not yet a use of a package that the task forbids: many notebooks import at the
top what only another task needs. So student code gets a stand-in for such a package. It can be
assigned, subclassed, and used in annotations, but not called or computed with. Imports of the
package by ``importlib`` or by other packages are refused. The package itself is never loaded in
this process.

This runs in the student's process, so only gradkit and the standard library are imported.
"""

from __future__ import annotations

import builtins
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import CodeType, ModuleType, SimpleNamespace
from typing import Any, NoReturn, cast

from gradkit.runtime.messages import MAX_STUDENT_TEXT, make_exception, message

_OPERATORS = """
add sub mul truediv floordiv mod pow matmul radd rsub rmul rtruediv rfloordiv rmod rpow rmatmul
neg pos abs lt le gt ge int float complex index len iter next enter exit array_ufunc call
"""
"""Operators that a stand-in refuses; not ``|``, for annotations such as ``Tensor | None``."""


class ForbiddenImportError(ImportError):
    """Student code used a package that the task does not allow; the text names the package."""


class MissingImportError(NameError):
    """A name has no value, because its module is not installed or does not contain the name."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The packages that code may use: only ``allowed`` ones if any, and no ``forbidden`` ones."""

    allowed: Collection[str] = ()
    forbidden: Collection[str] = ()

    def bars(self, name: str) -> bool:
        """Return whether student code must not use a module."""
        root = name.partition(".")[0]
        if root in self.forbidden:
            return True
        return bool(self.allowed) and root not in self.allowed and root != "__future__"


ANYTHING = Policy()


class _Forbidden(type):
    """The type of stand-ins, which are classes so that code can subclass and annotate with them."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        return stand_in(f"{cls._path_of()}.{name}")

    def __bool__(cls) -> bool:
        return True

    def _path_of(cls) -> str:
        return str(type.__getattribute__(cls, "gradkit_path"))


def is_stand_in(value: object) -> bool:
    """Return whether a value is a stand-in for something in a forbidden package."""
    return type(value) is _Forbidden


def raise_forbidden_use(value: Any) -> NoReturn:
    """Raise the error of code that uses the stand-in ``value``.

    Raises
    ------
    ForbiddenImportError
        Always.
    """
    _refuse(value.gradkit_path)


def _refuse(path: str) -> NoReturn:
    """Raise the ForbiddenImportError for the use of a dotted path in a forbidden package."""
    used = message(
        "used", path=path[:MAX_STUDENT_TEXT], root=path.partition(".")[0][:MAX_STUDENT_TEXT]
    )
    raise make_exception(ForbiddenImportError, used)


def _refuse_operation(cls: _Forbidden, *_: Any, **__: Any) -> NoReturn:
    _refuse(cls._path_of())


for _name in _OPERATORS.split():
    setattr(_Forbidden, f"__{_name}__", _refuse_operation)


def stand_in(path: str) -> Any:
    """Return a stand-in for a forbidden module or for something in it, by dotted path."""
    # A star import must bind no names, as they would hide others.
    return _Forbidden(path.rpartition(".")[2], (), {"gradkit_path": path, "__all__": ()})


def block_imports(forbidden: Collection[str]) -> None:
    """Make every later import of forbidden packages in this process raise ForbiddenImportError.

    Loaded modules of these packages are removed from ``sys.modules``; existing references stay.
    An audit hook, which cannot be removed, catches imports that avoid the finders.
    """
    names = frozenset(forbidden)

    def find_spec(name: str, *_: Any) -> None:
        root = name.partition(".")[0]
        if root in names:
            raise make_exception(ForbiddenImportError, message("imported", root=root))

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "import":
            find_spec(arguments[0])

    for name in [name for name in sys.modules if name.partition(".")[0] in names]:
        del sys.modules[name]
    if names:
        sys.meta_path.insert(0, cast(Any, SimpleNamespace(find_spec=find_spec)))
        sys.addaudithook(hook)


Importer = Callable[..., Any]

NamesFactory = Callable[[str, str, "Library"], dict[str, Any]]


class LazyModule(ModuleType):
    """A module whose attributes are the names of a namespace, created on first use."""

    def __init__(self, name: str, names: dict[str, Any], *, package: bool) -> None:
        """Make a module whose attributes are ``names``; a package gets an empty ``__path__``."""
        super().__init__(name)
        super().__setattr__("gradkit_names", names)
        if package:
            self.__path__: list[str] = []

    def __getattr__(self, name: str) -> Any:
        """Return the value of a global name of the module, creating it now if it has none yet.

        AttributeError is raised if the module does not bind the name.
        """
        try:
            return self.__dict__["gradkit_names"][name]
        except KeyError:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}") from None

    def __setattr__(self, name: str, value: object) -> None:
        """Set an attribute, and the global name that the module's own functions see."""
        if not name.startswith("__"):
            self.__dict__["gradkit_names"][name] = value
        super().__setattr__(name, value)


def _silent_progress_module(name: str) -> ModuleType:
    """Return a replacement for ``tqdm``, where that is not installed, with bars that show nothing.

    ``name`` is the name that code imports. A dotted name, as ``tqdm.auto``, gets attributes for its
    parts.
    """

    class Bar:
        """Iterates over what it wraps; all its methods do nothing."""

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
    """Return whether an import failed because the module or its package is not installed."""
    return isinstance(error, ModuleNotFoundError) and f"{name}.".startswith(f"{error.name}.")


def _evaluate(source: Any, globals: Any = None, locals: Mapping[str, Any] | None = None, /) -> Any:
    """Evaluate an expression as ``eval`` does, after creating the global names that it uses.

    The arguments are those of ``eval``. The values of a student's names are created when code reads
    them, which ``eval`` of Python alone does not make happen.
    """
    if globals is None:
        frame = sys._getframe(1)
        globals, locals = frame.f_globals, frame.f_locals if locals is None else locals
    code = source if isinstance(source, CodeType) else compile(source, "<string>", "eval")
    for name in code.co_names:
        # ``eval`` finds only globals that are in the dict already.
        with suppress(KeyError):
            globals[name]
    return eval(code, globals, locals)  # noqa: S307  (what student code does in its own process)


class Library:
    """Load the student's modules from their sources, and provide ``__import__`` for a section.

    Parameters
    ----------
    sources : mapping of str to str
        Sources of the student's modules, by dotted name.
    make : callable
        Returns the namespace of a module, from its name, its source and this library.
    policy : Policy
        Which packages may be used.
    """

    def __init__(
        self, sources: Mapping[str, str], make: NamesFactory, policy: Policy = ANYTHING
    ) -> None:
        """Store the sources of a student's modules; for the parameters see `Library`.

        The attribute ``packages`` is set to the names of packages that contain modules.
        """
        self._sources = sources
        self._make = make
        self._policy = policy
        self._loaded: dict[str, LazyModule] = {}
        self.packages = {name.rpartition(".")[0] for name in sources} - {""}

    def files(self) -> dict[str, str]:
        """Return the sources of the modules by the file names of their code."""
        return {f"{name}.py": source for name, source in self._sources.items()}

    def fork(self) -> Library:
        """Return a library with the same sources and no loaded modules."""
        return Library(self._sources, self._make, self._policy)

    def builtins_for(self, package: str) -> dict[str, Any]:
        """Return builtins for code in a package, with ``__import__`` and ``eval`` replaced."""
        return {**vars(builtins), "__import__": self.importer(package), "eval": _evaluate}

    def importer(self, package: str) -> Importer:
        """Return the ``__import__`` for code in a package; the empty name means no package."""

        def importer(
            name: str,
            globals: Mapping[str, Any] | None = None,
            locals: Mapping[str, Any] | None = None,
            fromlist: Sequence[str] | None = (),
            level: int = 0,
        ) -> Any:
            """Import a student's module, an allowed one, or a stand-in, as ``__import__`` does."""
            full = name
            if level:
                parts = package.split(".")
                above = parts[: len(parts) - level + 1]
                full = ".".join([*above, name] if name else above).strip(".")
            if not self.has(full):
                if self._policy.bars(full):
                    # ``from a.b import c`` needs module a.b, but ``import a.b`` binds a.
                    return stand_in(full if fromlist else full.partition(".")[0])
                try:
                    return builtins.__import__(name, globals, locals, fromlist, level)
                except ImportError as error:
                    if full.partition(".")[0] == "tqdm":
                        return _silent_progress_module(full)
                    # An installed module that cannot import another raises its own error.
                    if not level and not _is_missing(full, error):
                        raise
                    other = self._find_by_tail(full) if fromlist else None
                    if other is None:
                        text = f"No module named {full[:MAX_STUDENT_TEXT]!r}"
                        raise ModuleNotFoundError(text, name=full) from None
                    full = other
            module = self.load(full)
            for wanted in fromlist or ():
                if self.has(f"{full}.{wanted}"):
                    self.load(f"{full}.{wanted}")
            return module if fromlist else self.load(full.partition(".")[0])

        return importer

    def _find_by_tail(self, name: str) -> str | None:
        """Return the student's module whose name is the end of a dotted name: ``b`` for ``a.b``.

        A student may submit one file of a package without the package's folders. None is returned
        if there is no such module.
        """
        parts = name.split(".")
        tails = (".".join(parts[number:]) for number in range(1, len(parts)))
        return next((tail for tail in tails if self.has(tail)), None)

    def has(self, name: str) -> bool:
        """Return whether a dotted name is a student's module or package.

        A name whose first part is a loaded module, as ``random``, is not.
        """
        # Code that imports the name of a loaded module means that module.
        is_known = name in self._sources or name in self.packages
        return is_known and name.partition(".")[0] not in sys.modules

    def load(self, name: str) -> LazyModule:
        """Return the student's module ``name``, whose code has not run yet.

        On the first call it is made, and added as an attribute to its package, as ``b`` to ``a``
        for ``a.b``.
        """
        if name not in self._loaded:
            names = self._make(name, self._sources.get(name, ""), self)
            module = LazyModule(name, names, package=name in self.packages)
            self._loaded[name] = module
            parent, _, last = name.rpartition(".")
            if parent:
                setattr(self.load(parent), last, module)
        return self._loaded[name]
