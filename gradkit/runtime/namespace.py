"""The global names of a section, whose values are created on first use.

When code looks up a name, the top-level statements that bind it run, and the statements that these
need. Each statement runs once, and sees the names as they would be at that point of a run from top
to bottom. Two kinds of statements never run for that: loops, unless they only fill containers, and
statements under ``if __name__ == "__main__"``.

This runs in the student's process, so only gradkit and the standard library are imported.
"""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Callable, Collection, Iterable, Mapping
from traceback import walk_tb
from types import CodeType
from typing import Any, Self

from gradkit.runtime.library import (
    ANYTHING,
    ForbiddenImportError,
    Library,
    MissingImportError,
    Policy,
    is_stand_in,
    raise_forbidden_use,
)
from gradkit.runtime.messages import (
    Message,
    format_message,
    make_exception,
    message,
    message_of,
    text_of,
)
from gradkit.runtime.syntax import (
    OWN,
    Plan,
    Source,
    Statement,
    compile_statement,
    names_in_class_bodies,
    place_of,
)
from gradkit.runtime.training import BEGIN, LOSS, EnoughRounds, Rounds, lifted, recording, runnable

_MAX_TEXT = 300
"""Most characters of an exception's text in a message."""

IMPORTED: Mapping[str, str] = {
    "np": "import numpy as np",
    "pd": "import pandas as pd",
    "nn": "from torch import nn",
    **{name: f"import {name}" for name in ("math", "numpy", "torch")},
}
"""Names that usually come from an import, with the import line that a student has forgotten."""

MISSING = object()
"""Stands for the value of a name that has none."""

_UnavailableError = NameError | ForbiddenImportError
_Failure = tuple[Message, type[_UnavailableError]]
"""Why a statement failed, and the type of exception that looking up one of its names raises."""


class Namespace(dict[str, Any]):
    """A dict of global names to run code in, which creates missing values by running statements.

    A name is searched in ``own`` statements, then ``shared``, then ``borrowed`` ones, then in star
    imports, then in the builtins. While a statement runs, the statements above it are searched
    first. Looking up a name whose statement failed raises a NameError that says where and why.
    Looking up an unknown name raises KeyError, which the interpreter turns into a NameError.

    There is only one object for each mutable value: if a later statement has changed it, an earlier
    statement that runs afterwards sees the change.

    Parameters
    ----------
    own, shared, borrowed : iterable of (cell id, source)
        The cell id is the file name in tracebacks; lines are those of the source.
    modules : mapping of str to str
        Sources that the section may import, by module name. A module's file name in
        tracebacks is its name with ``.py``.
    forbidden : collection of str
        Names that must not come from ``borrowed``, case and underscores aside.
    policy : Policy
        Which packages may be used.

    Attributes
    ----------
    plan : Plan
        The statements that bind each name.
    """

    def __init__(
        self,
        own: Iterable[Source],
        shared: Iterable[Source] = (),
        borrowed: Iterable[Source] = (),
        modules: Mapping[str, str] | None = None,
        forbidden: Collection[str] = (),
        policy: Policy = ANYTHING,
    ) -> None:
        """Prepare the dict for a section's sources; no student code runs yet."""
        plan = Plan((own, shared, borrowed), forbidden)
        self._initialise(
            plan, Library(modules or {}, Namespace._for_module, policy), {}, "__main__"
        )

    @classmethod
    def _for_module(cls, name: str, source: str, library: Library) -> Self:
        """Return the namespace of a module that the student wrote, from its name and source.

        ``library`` has the other modules, which the module may import.
        """
        names = cls.__new__(cls)
        names._initialise(Plan(([(f"{name}.py", source)], (), ()), ()), library, {}, name)
        return names

    def _initialise(
        self, plan: Plan, library: Library, presets: Mapping[str, Any], name: str
    ) -> None:
        """Set all attributes of a new namespace, without running any statement.

        ``plan`` has the statements, and ``library`` the student's modules. ``presets`` has names
        with fixed values, and ``name`` is the module's name, or ``__main__``.
        """
        self.plan = plan
        self._library = library
        self._presets = set(presets)
        self._values: dict[Statement, dict[str, Any]] = {}
        self._failures: dict[Statement, _Failure] = {}
        self._running: list[Statement] = []
        self._temporary: list[set[str]] = []
        self._star_modules: dict[Statement, Any] = {}
        super().__init__(presets)
        package = name if name in library.packages else name.rpartition(".")[0]
        self["__name__"] = name
        self["__builtins__"] = library.builtins_for(package)

    def fork(self, presets: Mapping[str, Any]) -> Namespace:
        """Return a new namespace of the same section, in which some names have fixed values.

        ``presets`` has the values by name. A preset replaces the values from all statements that
        bind its name.
        """
        other = Namespace.__new__(Namespace)
        other._initialise(self.plan, self._library.fork(), presets, self["__name__"])
        return other

    def sources(self) -> dict[str, str]:
        """Return the sources of the section and of the student's modules, by file name."""
        return {**self.plan.sources(), **self._library.files()}

    def own_module(self, name: str) -> object:
        """Return a module that the student wrote, by name; None if there is none."""
        return self._library.load(name) if self._library.has(name) else None

    def starred(self, star: Statement) -> Any:
        """Return the module of a star import statement; None if it cannot be imported."""
        if star not in self._star_modules:
            self._star_modules[star] = self._import_starred_module(star)
        return self._star_modules[star]

    def names(self) -> list[str]:
        """Return the names that the section's own statements bind."""
        return list(self.plan.layer(OWN).binders)

    def run_loop(
        self,
        cell: str,
        line: int,
        presets: Mapping[str, Any],
        epochs: int,
        through: str | None = None,
        adapters: Mapping[str, Callable[[Any], Any]] | None = None,
    ) -> list[float]:
        """Run a top-level training loop in a fork.

        Parameters
        ----------
        cell : str
            The id of the cell.
        line : int
            The line of the statement in the cell's source.
        presets : mapping of str to object
            Values that replace names of the section: model, X, y, and the number of epochs where
            it has a name.
        epochs : int
            The number of rounds of the outermost loop.
        through : str, optional
            A function of the section that makes the step.
        adapters : mapping of str to callable, optional
            Functions by name. Each gets the value that its name has in the fork at the loop, or
            None if the fork cannot make that value, and returns the preset for the name. Objects
            of the fork that share a part with the value, such as the layers of a model, keep it.

        Returns
        -------
        list of float
            For each round the value on which ``backward`` was called; the mean, if it was
            called several times, as with mini-batches. Shorter where the loop ended early.

        Raises
        ------
        LookupError
            There is no such statement.
        BaseException
            Whatever the loop raises.
        """
        statement = self.plan.at(cell, line)
        if statement is None:
            raise LookupError(f"there is no statement at {format_message(place_of(cell, line))}")
        rounds = Rounds(epochs)
        fork = self.fork({**presets, BEGIN: rounds.begin, LOSS: rounds.loss})
        for name, adapt in (adapters or {}).items():
            fork.preset(name, adapt(fork._value_at(name, statement)))
        step = self.plan.resolve(through, statement) if through else None
        if step is not None and through is not None:
            values = fork._execute(step, compile_statement(recording(step.node), step))
            fork.preset(through, values[through])
        loop = compile_statement(lifted(statement.node, epochs, through), statement)
        with contextlib.suppress(EnoughRounds):
            fork._execute(statement, loop)
        return rounds.means()

    def preset(self, name: str, value: Any) -> None:
        """Set the value of a name, which no statement will replace from now on."""
        dict.__setitem__(self, name, value)
        self._presets.add(name)

    def _value_at(self, name: str, statement: Statement) -> Any:
        """Return the value that a name has at a statement, or None if it cannot be created."""
        source = self.plan.resolve(name, statement)
        try:
            value = MISSING if source is None else self._value(name, source)
        except (NameError, ForbiddenImportError):
            value = MISSING
        return None if value is MISSING else value

    # --- creating values -----------------------------------------------------------------

    def __missing__(self, name: str) -> Any:
        """Create the value of a name, and return it.

        Raises
        ------
        NameError, ForbiddenImportError
            A statement binds the name, but cannot run.
        KeyError
            The name is unknown. The interpreter then searches the builtins.
        """
        if name.startswith("__") and name.endswith("__"):
            raise KeyError(name)
        at = self._running[-1] if self._running else None
        statement = self.plan.resolve(name, at)
        value = MISSING if statement is None else self._value(name, statement)
        if value is MISSING:
            value = self._star_imported_value(name)
        if value is MISSING:
            # Stored in this dict, a builtin is found at once the next time.
            value = self["__builtins__"].get(name, MISSING)
        if value is MISSING:
            self._explain(name)
            raise KeyError(name)
        self[name] = value
        if at is not None and name in self.plan.versions:
            self._temporary[-1].add(name)
        return value

    def _value(self, name: str, statement: Statement) -> Any:
        """Return a name's value from a statement or, if it failed, from an earlier statement.

        ``statement`` binds the name; it is run unless it has been. MISSING is returned if the
        statements ran but did not bind the name.

        Raises
        ------
        NameError, ForbiddenImportError
            The statements failed, or need the name themselves.
        """
        reason_missing: Message | None = None
        kind: type[_UnavailableError] = NameError
        source: Statement | None = statement
        while source is not None:
            if source in self._running:
                place = place_of(source.cell, source.node.lineno)
                reason_missing = reason_missing or message("circle", name=name, place=place)
            else:
                if source not in self._values:
                    self._execute(source)
                if name in self._values[source]:
                    return self._values[source][name]
                if source in self._failures:
                    reason, failed = self._failures[source]
                    reason_missing = reason_missing or message("not-made", name=name, reason=reason)
                    kind = failed if kind is NameError else kind
            source = self.plan.earlier(name, source)
        if reason_missing:
            raise make_exception(kind, reason_missing, name=name)
        return MISSING

    def _execute(self, statement: Statement, code: CodeType | None = None) -> dict[str, Any]:
        """Run a statement, store the values that it binds, and return them by name.

        If ``code`` is given, that code runs in place of the statement, and its exceptions are
        raised. Otherwise an exception is stored as the failure of the statement.
        """
        plan = self.plan
        # Names that several statements bind must be looked up again for this statement.
        hidden = {n: dict.pop(self, n) for n in plan.versions - self._presets if n in self}
        fixed = {n: self[n] for n in self._presets}
        temporary: set[str] = set()
        self._running.append(statement)
        self._temporary.append(temporary)
        try:
            for name in names_in_class_bodies(statement.node):
                # The body of a class finds only globals that are in the dict already.
                with contextlib.suppress(Exception):
                    self[name]
            exec(code or compile_statement(runnable(statement.node), statement), self)  # noqa: S102  (what a worker is for)
        except (KeyboardInterrupt, EnoughRounds):
            raise
        except BaseException as error:
            if code is not None:
                raise
            self._fail(statement, error)
        finally:
            self._running.pop()
            self._temporary.pop()
            values = {n: self[n] for n in statement.binds if n in self}
            self._values[statement] = values
            for name in temporary | statement.binds:
                dict.pop(self, name, None)
            self.update(hidden)
            self.update(fixed)
        if code is None and _is_dotted_import(statement.node):
            # `import a.b` adds an attribute to the package that `import a.c` has bound.
            before = plan.earlier(next(iter(statement.binds)), statement)
            if before is not None and before not in self._values:
                self._execute(before)
        return values

    def _fail(self, statement: Statement, error: BaseException) -> None:
        """Store that a statement failed with ``error``.

        Stored are the message, and the type of exception that is raised when a name of the
        statement is used: NameError, or an error of imports.
        """
        kind: type[_UnavailableError] = NameError
        if isinstance(error, ForbiddenImportError):
            kind = ForbiddenImportError
        elif isinstance(error, MissingImportError | ImportError):
            kind = MissingImportError
        self._failures[statement] = self._failure_message(error, statement), kind

    def _failure_message(self, error: BaseException, statement: Statement) -> Message:
        """Return a message with the exception of a statement and the line that raised it.

        That is the innermost line of the section that the traceback contains, or else the first
        line of the statement.
        """
        cell, line = statement.cell, statement.node.lineno
        for frame, at in walk_tb(error.__traceback__):
            if frame.f_code.co_filename in self.plan.cells:
                cell, line = frame.f_code.co_filename, at
        if isinstance(error, SyntaxError) and error.lineno:
            line = error.lineno
        place, reason = place_of(cell, line), message_of(error, _MAX_TEXT)
        # An error about the use of a forbidden package carries no name.
        name = error.name if isinstance(error, NameError | ForbiddenImportError) else None
        if name and isinstance(reason, tuple):
            return message("needs", place=place, name=name, reason=reason)
        kind = text_of(type(error).__name__)
        return message("failed", place=place, type=kind, reason=reason)

    # --- star imports and errors ---------------------------------------------------------

    def _star_imported_value(self, name: str) -> Any:
        """Return the value of a name from the star imports; MISSING if no module has it."""
        if name.startswith("_"):
            return MISSING
        for star in self.plan.stars():
            module = self.starred(star)
            listed = getattr(module, "__all__", None)
            if module is not None and (listed is None or name in listed):
                value = getattr(module, name, MISSING)
                if value is not MISSING:
                    return value
        return MISSING

    def _import_starred_module(self, star: Statement) -> Any:
        """Import the module of a star import, given by its statement, and return it.

        If that fails, the failure is stored, and None is returned.
        """
        node: Any = star.node
        importer = self["__builtins__"]["__import__"]
        try:
            module = importer(node.module or "", self, None, ("*",), node.level)
            if is_stand_in(module):
                raise_forbidden_use(module)
            return module
        except Exception as error:
            self._fail(star, error)
            return None

    def _explain(self, name: str) -> None:
        """Raise a NameError for the undefined name ``name`` if the reason is known; else return.

        Reasons are a binding in code that is not run, a failed star import, and a forgotten import.
        """
        reason = self.plan.elsewhere(name)
        if reason is not None:
            raise make_exception(NameError, reason, name=name)
        for star in self.plan.stars():
            if star in self._failures:
                failure, kind = self._failures[star]
                raise make_exception(
                    kind, message("star-import", name=name, reason=failure), name=name
                )
        if name in IMPORTED:
            reason = message("not-imported", name=name, line=IMPORTED[name])
            raise make_exception(NameError, reason, name=name)


def put_back(names: dict[str, Any], name: str, value: Any) -> None:
    """Restore a name's value in a dict of names; remove the name if the value is MISSING.

    The methods of ``dict`` are used, so that a `Namespace` creates no value.
    """
    if value is MISSING:
        dict.pop(names, name, None)
    else:
        dict.__setitem__(names, name, value)


def _is_dotted_import(node: ast.stmt) -> bool:
    """Return whether a statement is ``import a.b`` without ``as``."""
    return isinstance(node, ast.Import) and any(
        "." in alias.name and alias.asname is None for alias in node.names
    )
