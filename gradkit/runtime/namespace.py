"""The names of a section, each made when it is first asked for.

Nothing runs until a name is wanted; then the top-level statements that make it run, and
those that they turn out to need. Each sees the names as they would be at that point of
a run from top to bottom, and each runs once. Loops never run on their own account, unless all
they do is fill something, nor does what stands under ``if __name__ == "__main__"``.

Of others than gradkit only the standard library is imported: this runs in the student's process.
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
    use_of,
)
from gradkit.runtime.messages import Message, format_message, message, message_of, raised, text_of
from gradkit.runtime.statements import OWN, Plan, Source, Statement, compile_statement, place_of
from gradkit.runtime.syntax import names_in_class_bodies
from gradkit.runtime.training import BEGIN, LOSS, EnoughRounds, Rounds, lifted, recording, runnable

_TEXT = 300
"""Characters of an exception's own text that are passed on."""

IMPORTED: Mapping[str, str] = {
    "np": "import numpy as np",
    "pd": "import pandas as pd",
    "nn": "from torch import nn",
    **{name: f"import {name}" for name in ("math", "numpy", "torch")},
}
"""Names that nobody has but from an import, and the line that is forgotten where one is missing."""

MISSING = object()
"""What is in the place of a value where a name has none."""

_NotMade = NameError | ForbiddenImportError
_Failure = tuple[Message, type[_NotMade]]
"""Why a statement failed, and what whoever asks for a name of it gets raised."""


class Namespace(dict[str, Any]):
    """Global names that make themselves: a dict to run code in.

    Names are looked for among ``own`` statements, then ``shared``, then ``borrowed``, then in
    what star imports bring, then in the builtins. Inside a statement, those above it come
    first. A name whose statement failed raises a NameError that tells where and why;
    one that is nowhere raises KeyError, which the interpreter makes a NameError of.

    A mutable value is one and the same at every point of the section: what a later
    statement changes in it is seen by an earlier one that happens to run afterwards.

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
        plan = Plan((own, shared, borrowed), forbidden)
        self._begin(plan, Library(modules or {}, Namespace._of_module, policy), {}, "__main__")

    @classmethod
    def _of_module(cls, name: str, source: str, library: Library) -> Self:
        names = cls.__new__(cls)
        names._begin(Plan(([(f"{name}.py", source)], (), ()), ()), library, {}, name)
        return names

    def _begin(self, plan: Plan, library: Library, presets: Mapping[str, Any], name: str) -> None:
        self.plan = plan
        self._library = library
        self._presets = set(presets)
        self._values: dict[Statement, dict[str, Any]] = {}
        self._failures: dict[Statement, _Failure] = {}
        self._running: list[Statement] = []
        self._passing: list[set[str]] = []
        self._starred: dict[Statement, Any] = {}
        super().__init__(presets)
        package = name if name in library.packages else name.rpartition(".")[0]
        self["__name__"] = name
        self["__builtins__"] = library.builtins_for(package)

    def fork(self, presets: Mapping[str, Any]) -> Namespace:
        """Give a fresh namespace of the same section with some names fixed.

        A preset wins over every statement that binds its name.
        """
        other = Namespace.__new__(Namespace)
        other._begin(self.plan, self._library.fork(), presets, self["__name__"])
        return other

    def sources(self) -> dict[str, str]:
        """Return the sources by the file names of their code."""
        return {**self.plan.sources(), **self._library.files()}

    def own_module(self, name: str) -> object:
        """Return a module that the section may import and the student wrote, or None."""
        return self._library.load(name) if self._library.has(name) else None

    def starred(self, star: Statement) -> Any:
        """Return the module of a star import, or None where it cannot be had."""
        if star not in self._starred:
            self._starred[star] = self._star(star)
        return self._starred[star]

    def names(self) -> list[str]:
        """Return the names that own statements bind."""
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
            fork._preset(name, adapt(fork._value_at(name, statement)))
        step = self.plan.resolve(through, statement) if through else None
        if step is not None and through is not None:
            made = fork._execute(step, compile_statement(recording(step.node), step))
            fork._preset(through, made[through])
        loop = compile_statement(lifted(statement.node, epochs, through), statement)
        with contextlib.suppress(EnoughRounds):
            fork._execute(statement, loop)
        return rounds.means()

    def _preset(self, name: str, value: Any) -> None:
        """Fix the value of a name from now on."""
        dict.__setitem__(self, name, value)
        self._presets.add(name)

    def _value_at(self, name: str, statement: Statement) -> Any:
        """Return the value that a name has at a statement, or None if it cannot be made."""
        source = self.plan.resolve(name, statement)
        try:
            value = MISSING if source is None else self._value(name, source)
        except (NameError, ForbiddenImportError):
            value = MISSING
        return None if value is MISSING else value

    # --- making names --------------------------------------------------------------------

    def __missing__(self, name: str) -> Any:
        """Make a name. KeyError tells the interpreter to go on to the builtins."""
        if name.startswith("__") and name.endswith("__"):
            raise KeyError(name)
        at = self._running[-1] if self._running else None
        statement = self.plan.resolve(name, at)
        value = MISSING if statement is None else self._value(name, statement)
        if value is MISSING:
            value = self._from_stars(name)
        if value is MISSING:
            # Kept here, a builtin costs the detour only once.
            value = self["__builtins__"].get(name, MISSING)
        if value is MISSING:
            self._explain(name)
            raise KeyError(name)
        self[name] = value
        if at is not None and name in self.plan.versions:
            self._passing[-1].add(name)
        return value

    def _value(self, name: str, statement: Statement) -> Any:
        """Return the name's value from this statement or, where it failed, from one before it."""
        complaint: Message | None = None
        kind: type[_NotMade] = NameError
        source: Statement | None = statement
        while source is not None:
            if source in self._running:
                place = place_of(source.cell, source.node.lineno)
                complaint = complaint or message("circle", name=name, place=place)
            else:
                if source not in self._values:
                    self._execute(source)
                if name in self._values[source]:
                    return self._values[source][name]
                if source in self._failures:
                    reason, failed = self._failures[source]
                    complaint = complaint or message("not-made", name=name, reason=reason)
                    kind = failed if kind is NameError else kind
            source = self.plan.earlier(name, source)
        if complaint:
            raise raised(kind, complaint, name=name)
        return MISSING

    def _execute(self, statement: Statement, code: CodeType | None = None) -> dict[str, Any]:
        """Run a statement once and keep what it binds; ``code`` takes its place.

        Only with ``code`` does an exception of it come out.
        """
        plan = self.plan
        # Names of several versions must be found anew, as they are at this point.
        hidden = {n: dict.pop(self, n) for n in plan.versions - self._presets if n in self}
        fixed = {n: self[n] for n in self._presets}
        passing: set[str] = set()
        self._running.append(statement)
        self._passing.append(passing)
        try:
            for name in names_in_class_bodies(statement.node):
                # A class body finds a global only if it is there already.
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
            self._passing.pop()
            made = {n: self[n] for n in statement.binds if n in self}
            self._values[statement] = made
            for name in passing | statement.binds:
                dict.pop(self, name, None)
            self.update(hidden)
            self.update(fixed)
        if code is None and _is_dotted_import(statement.node):
            # `import a.b` adds to what another `import a.c` has made.
            before = plan.earlier(next(iter(statement.binds)), statement)
            if before is not None and before not in self._values:
                self._execute(before)
        return made

    def _fail(self, statement: Statement, error: BaseException) -> None:
        kind: type[_NotMade] = NameError
        if isinstance(error, ForbiddenImportError):
            kind = ForbiddenImportError
        elif isinstance(error, MissingImportError | ImportError):
            kind = MissingImportError
        self._failures[statement] = self._told(error, statement), kind

    def _told(self, error: BaseException, statement: Statement) -> Message:
        cell, line = statement.cell, statement.node.lineno
        for frame, at in walk_tb(error.__traceback__):
            if frame.f_code.co_filename in self.plan.cells:
                cell, line = frame.f_code.co_filename, at
        if isinstance(error, SyntaxError) and error.lineno:
            line = error.lineno
        place, reason = place_of(cell, line), message_of(error, _TEXT)
        # What is only used, and not allowed, has no name that could not be made.
        name = error.name if isinstance(error, NameError | ForbiddenImportError) else None
        if name and isinstance(reason, tuple):
            return message("needs", place=place, name=name, reason=reason)
        kind = text_of(type(error).__name__)
        return message("failed", place=place, type=kind, reason=reason)

    # --- what is not bound at top level --------------------------------------------------

    def _from_stars(self, name: str) -> Any:
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

    def _star(self, star: Statement) -> Any:
        node: Any = star.node
        importer = self["__builtins__"]["__import__"]
        try:
            module = importer(node.module or "", self, None, ("*",), node.level)
            return use_of(module) if is_stand_in(module) else module
        except Exception as error:
            self._fail(star, error)
            return None

    def _explain(self, name: str) -> None:
        """Raise a NameError if there is more to say than that the name is not defined."""
        told = self.plan.elsewhere(name)
        if told is not None:
            raise raised(NameError, told, name=name)
        for star in self.plan.stars():
            if star in self._failures:
                reason, kind = self._failures[star]
                raise raised(kind, message("star-import", name=name, reason=reason), name=name)
        if name in IMPORTED:
            told = message("not-imported", name=name, line=IMPORTED[name])
            raise raised(NameError, told, name=name)


def put_back(names: dict[str, Any], name: str, value: Any) -> None:
    """Give a name the value that it had, or none, past what a dict of names does besides."""
    if value is MISSING:
        dict.pop(names, name, None)
    else:
        dict.__setitem__(names, name, value)


def _is_dotted_import(node: ast.stmt) -> bool:
    return isinstance(node, ast.Import) and any(
        "." in alias.name and alias.asname is None for alias in node.names
    )
