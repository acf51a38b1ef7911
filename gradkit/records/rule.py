"""Update rules and forward forms as data: what a student's code does, in symbols.

A `Rule` says how one entry of one parameter moves: it starts from an old value (its
``source``) and adds terms, each a coefficient times factors. Indices are canonical
throughout (``W1`` is (in, out), ``b1`` is (out, 1)); translating them into the
student's own layout is a matter of printing.

A `Trace` holds what a function made on its way, value by value; an `Attribution` says where in it a
mistake stands.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct, field

from gradkit.records.observations import Failure, Lost
from gradkit.records.submission import Place
from gradkit.records.task import Array

When = Literal["", "before", "after", "recomputed"]
Index = tuple[int | str, ...]
Entry = tuple[str, tuple[int, int]]
Detail = str | int | float | tuple[int | str, ...] | None
Details = tuple[tuple[str, Detail], ...]


class Factor(Struct, frozen=True):
    """One symbol in a product.

    ``symbol`` is a parameter's name (``W1``, ``b1``, ``W2``, ``b2``), ``rate``, or one of

    ===================== ==================================================
    ``error``             ``y − ŷ``
    ``target``            ``y``
    ``output``            ``ŷ``; ``output_complement`` is ``1 − ŷ``
    ``output_slope``      the activation's derivative taken at ``ŷ`` itself
    ``output_derivative`` the activation's derivative where it gives ``ŷ``
    ``input``             ``X``; ``input_complement`` is ``1 − X``
    ``hidden``            ``A1``; ``hidden_complement`` is ``1 − A1``
    ``hidden_excess``     ``1 + A1``
    ``hidden_step``       1 where ``A1 > 0``, else 0
    ``hidden_again``      the activation applied to ``A1`` once more
    ``hidden_slope``      the activation's derivative taken at ``A1`` itself
    ``hidden_derivative`` the activation's derivative where it gives ``A1``
    ===================== ==================================================

    ``index`` holds integers, or a letter over which the whole term is summed (``i`` over
    inputs, ``j`` over hidden units, ``k`` over outputs). ``when`` tells a parameter's
    value ``before`` the step from the one ``after`` it; ``recomputed`` means that the
    code did not take ``ŷ`` or ``A1`` from its arguments but ran the forward pass again.
    """

    symbol: str
    index: Index = ()
    when: When = ""
    power: int = 1


class Term(Struct, frozen=True):
    """``coefficient`` times the product of ``factors``, summed over the letters in them."""

    coefficient: float
    factors: tuple[Factor, ...] = ()


class Rule(Struct, frozen=True):
    """How one entry moves: ``after = source + Σ terms``.

    ``source`` is normally the entry's own value before the step; it is None where the
    code starts from nothing (``=+``). ``others`` are further ways to write a rule that gives
    the same numbers; there are some where one value after the step is a product of other
    quantities.
    """

    parameter: str
    index: tuple[int, int]
    source: Factor | None
    terms: tuple[Term, ...]
    others: tuple[Rule, ...] = ()


Rules = Mapping[Entry, Rule]
"""Of the entries whose rules are known."""


class UpdateInputs(Struct, frozen=True):
    """What an update step is called with, ``n`` times over, in canonical form.

    ``y`` and ``y_hat`` have shape (n, outputs), ``A1`` (n, hidden), ``X`` (n, features),
    ``rate`` (n,) or None where the function takes no rate; ``before`` maps each
    parameter's name to (n, *its shape). All drawn independently of one another.
    """

    y: Array
    y_hat: Array
    A1: Array
    X: Array
    before: Mapping[str, Array]
    rate: Array | None = None


class UpdateProbes(Struct, frozen=True):
    """``inputs``, and the parameters that the step left ``after`` them, same shapes."""

    inputs: UpdateInputs
    after: Mapping[str, Array]


class Names(Struct, frozen=True):
    """The student's own words, for printing rules.

    ``keys`` maps canonical parameter names to the student's. With ``transposed`` the
    student stores weights as (out, in), and indices are printed in that order.
    """

    target: str = "y"
    output: str = "ŷ"
    hidden: str = "A1"
    input: str = "X"
    rate: str = "lr"
    keys: Mapping[str, str] = field(default_factory=dict)
    transposed: bool = False


class Slip(Struct, frozen=True):
    """One mistake of the catalogue, where it was made and with which figures.

    ``details`` runs parallel to ``entries``: what the catalogue's prediction needs to know
    there, such as a ``ratio`` or the ``source`` that was used. A mistake that is not about
    entries (of a forward pass, of a training loop) has no entries and one item of details.
    """

    code: str
    entries: tuple[Entry, ...] = ()
    details: tuple[Details, ...] = ()


class Explanation(Struct, frozen=True):
    """What is proven about an update step, a forward pass or a training run.

    ``slips``, one per code and the most basic first, applied to the correct step give
    exactly the observed numbers. ``alternatives`` are other sets of slips which predict the
    same numbers. ``unexplained`` are the entries that differ from the correct step without
    a proof; for what has no entries, ``unknown`` says so.
    """

    slips: tuple[Slip, ...] = ()
    alternatives: tuple[tuple[Slip, ...], ...] = ()
    unexplained: tuple[Entry, ...] = ()
    unknown: bool = False


class ForwardProbes(Struct, frozen=True):
    """Calls of a forward pass, and what came back.

    ``X`` has shape (n, features), ``before`` as in `UpdateInputs`; ``output`` has shape
    (n, p) and ``hidden`` (n, q), whatever p and q the code returned, or is None where it
    returned no second value.
    """

    X: Array
    before: Mapping[str, Array]
    output: Array
    hidden: Array | None = None


class LayerForm(Struct, frozen=True):
    """What one layer computes: ``activation`` applied ``times`` times to ``sign · z``.

    ``z`` is ``W.T @ A + b``, with ``W`` for ``W.T`` where ``transposed`` is False, and
    ``bias`` times ``b`` (0: left out, −1: subtracted).
    """

    activation: str
    sign: int = 1
    times: int = 1
    bias: int = 1
    transposed: bool = True


class ForwardForm(Struct, frozen=True):
    """A whole forward pass: the layers that ran, in order, and what was returned.

    ``order`` names the parameters' layers that ran, e.g. ``(1, 2)``. ``output`` and
    ``hidden`` name the stage returned in that place: ``"x"`` for the input, ``"a1"``,
    ``"a2"`` for what the first, second run layer gave, ``"z1"``, ``"z2"`` for its sum.
    """

    layers: tuple[LayerForm, ...]
    order: tuple[int, ...]
    output: str
    hidden: str | None


class TrainingRun(Struct, frozen=True):
    """One torch training run as numbers.

    ``X`` (examples, features) and ``y`` (examples, outputs) are the data, ``rate`` is what
    was handed over as learning rate, ``start`` are canonical parameters. ``losses`` has
    shape (epochs,); ``after`` maps a number of epochs to the canonical parameters then,
    as far as they were seen.
    """

    X: Array
    y: Array
    rate: float
    start: Mapping[str, Array]
    losses: Array
    after: Mapping[int, Mapping[str, Array]]


Kind = Literal["given", "assigned", "changed", "passed", "returned"]

Evidence = Literal["value", "within", "copy", "unused", "local", "applied", "function"]


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
    what is passed belongs to the call, and its place to the caller.

    ``steps`` are those that made its numbers, where these are known.
    """

    place: Place
    name: str
    kind: Kind
    values: Array
    parameter: str = ""
    prior: int | None = None
    frame: int = 0
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
    ``within``   so it is, in a function that is called: what that is handed may be wrong
    ``copy``     here the parameters are copied, and the new values go into the copy
    ``unused``   the right value is made here, and nothing is done with it
    ``local``    the new value is given to a local name that stood for the parameter
    ``applied``  no earlier value shows the mistake: this is where the parameter moves
    ``function`` nothing in the function shows it: its first line
    ============ ==================================================================
    """

    code: str
    entries: tuple[Entry, ...]
    spot: Spot
    evidence: Evidence
    name: str = ""
