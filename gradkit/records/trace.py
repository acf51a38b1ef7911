"""What a student's function made on its way, value by value, and what that says of a line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from gradkit.records.observations import Failure, Lost
from gradkit.records.rule import Entry
from gradkit.records.submission import Place
from gradkit.records.task import Array

Kind = Literal["given", "assigned", "changed", "passed", "returned"]

Evidence = Literal["value", "copy", "unused", "local", "loop", "applied", "function"]


class Spot(Struct, frozen=True):
    """A piece of a student's text: the place of its first line, and its columns, if it has one.

    ``names`` are those that are in it.
    """

    place: Place
    columns: tuple[int, ...] = ()
    names: frozenset[str] = frozenset()


class Made(Struct, frozen=True):
    """How a number was made: an operation, and the steps that go ``into`` it.

    What was handed over has the number of its atom as ``figure``, a constant its value.
    """

    operation: str
    into: tuple[int, ...] = ()
    figure: float = 0.0


class Steps(Struct, frozen=True, eq=False):
    """How every number of a call was made, one operation at a time.

    ``values`` are what the numbers are over the calls, shape (steps, calls). ``spots`` say where
    each was made: in the function that did it, in its caller, and so on. ``after`` has the steps
    that made each parameter's entries.
    """

    made: tuple[Made, ...]
    values: Array
    spots: tuple[tuple[Spot, ...], ...]
    after: Mapping[Entry, int]


class Event(Struct, frozen=True, eq=False):
    """One value that one statement made, over all traced calls.

    ``name`` is how the student would write it, e.g. ``parameters['W1']``; ``parameter`` is
    the canonical parameter whose key the name ends in, or empty. ``values`` has shape
    (calls, …), weight matrices turned to (in, out). ``prior`` is the place, among the
    events, of what the name, or the array, held before; None where it is new.

    ``given`` is what was there from the start, ``assigned`` a name bound anew, ``changed``
    an array written into, ``passed`` an argument of a function of the student's own,
    ``returned`` a returned value. ``frame`` is 0 in the watched function, −1 outside of it, and
    numbers the calls that it makes of others, which may be right for what they are handed;
    what is passed belongs to the call, and its place to the caller. Events of one ``run`` were
    made by one execution of their line.

    ``over`` is for what is written to a parameter by indices that loops run through: where the
    loops end that choose the parameter and its entry's first and second index, or None. ``steps``
    are those that made its numbers, where these are known.
    """

    place: Place
    name: str
    kind: Kind
    values: Array
    parameter: str = ""
    prior: int | None = None
    frame: int = 0
    run: int = 0
    over: tuple[Place | None, ...] = ()
    steps: tuple[int, ...] = ()


class Trace(Struct, frozen=True, eq=False):
    """One call of a function, watched line by line, and told for several.

    ``events`` are in the order in which they happened. ``after`` maps each parameter to
    (calls, *its shape). ``start`` is the function's own place. ``cut`` says that there was more
    than is kept.
    """

    start: Place
    events: tuple[Event, ...]
    after: Mapping[str, Array]
    cut: bool = False
    failure: Failure | None = None
    lost: Lost | None = None
    steps: Steps | None = None


class Attribution(Struct, frozen=True):
    """Where a mistake stands.

    ``spot`` is the earliest operation whose value contains the mistake, ``name`` what the
    student calls that value. ``evidence`` says what that rests on:

    ============ ==================================================================
    ``value``    the value is wrong, and all would be right if it were another
    ``copy``     here the parameters are copied, and the new values go into the copy
    ``unused``   the right value is made here, and nothing is done with it
    ``local``    the new value is given to a local name that stood for the parameter
    ``loop``     here a loop ends that would have moved the parameter, too early
    ``applied``  no earlier value shows the mistake: this is where the parameter moves
    ``function`` nothing in the function shows it: its first line
    ============ ==================================================================
    """

    code: str
    entries: tuple[Entry, ...]
    spot: Spot
    evidence: Evidence
    name: str = ""
