"""The static facts about a section: what its text alone tells of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from gradkit.binding.effects import Effects
from gradkit.binding.loops import Ingredients
from gradkit.records.submission import Place
from gradkit.submission.signature import Parameter

Origin = Literal["own", "shared", "borrowed"]
ModelKind = Literal["class", "factory", "value"]
BindingKind = Literal["function", "class", "import", "value"]


@dataclass(frozen=True, slots=True)
class Binding:
    """A name that something at top level binds."""

    name: str
    kind: BindingKind
    place: Place
    origin: Origin


@dataclass(frozen=True, slots=True)
class Function:
    """A function, by the name under which the section has it.

    ``required`` and ``optional`` are the parameters without and with a default that can be
    handed over by position, in order. ``returns`` are the places of all ``return``
    statements, ``return_place`` the last of them or, without one, the end of the body. A
    ``guess`` is a value that may be something else, as far as the text shows: it can play a
    role by its name alone. ``effects`` are its own or, of one that is imported, with those of
    its helpers there.
    """

    name: str
    place: Place
    origin: Origin
    parameters: tuple[Parameter, ...]
    required: tuple[str, ...]
    optional: tuple[str, ...]
    positional_only: bool
    signature: str
    returns: tuple[Place, ...]
    return_place: Place
    guess: bool = False
    effects: Effects = Effects()  # noqa: RUF009  (frozen, and empty)


@dataclass(frozen=True, slots=True)
class Model:
    """A torch module: a class, a function that makes one, or a value such as ``nn.Sequential(…)``.

    ``of`` is the class a value was made from, if it is the student's own. ``required`` are
    the arguments without which the class or the function cannot be called.
    """

    name: str
    kind: ModelKind
    place: Place
    origin: Origin
    of: str | None = None
    required: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Loop:
    """A top-level training loop: where it stands and what must be put in.

    ``cell`` and ``line`` name its top-level statement for `Namespace.run_loop`; ``place``
    is the loop's own.
    """

    cell: str
    line: int
    place: Place
    origin: Origin
    needs: Ingredients


@dataclass(frozen=True, slots=True)
class Outline:
    """The static facts about a section; in each list, what counts more comes later.

    ``methods`` are those of classes, by the class's name and without their first parameter;
    ``guarded`` what is defined under ``if __name__ == …`` alone.
    """

    bindings: tuple[Binding, ...]
    functions: tuple[Function, ...]
    models: tuple[Model, ...]
    loops: tuple[Loop, ...]
    methods: tuple[tuple[str, Function], ...] = ()
    guarded: tuple[Binding, ...] = ()
