"""Records that describe student code in symbols: update rules, forward passes and traces.

A `Rule` says how one entry of one parameter moves: it starts from an old value (its
``source``) and adds terms, each a coefficient times factors. Indices are canonical
throughout (``W1`` is (in, out), ``b1`` is (out, 1)); they are translated into the
student's own layout only when they are printed.

A `Trace` has the operations that a function made, in order. An `Attribution` is the place of a
mistake in a trace.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct, field

from gradkit.records.submission import Failure, Lost, Place
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
    """The update of one entry: ``after = source + Σ terms``.

    ``source`` is normally the entry's own value before the step; it is None if the
    code does not add to an old value (``=+``). ``others`` are other rules that give the same
    numbers. They exist if the value after the step is a product of other quantities.
    """

    parameter: str
    index: tuple[int, int]
    source: Factor | None
    terms: tuple[Term, ...]
    others: tuple[Rule, ...] = ()


Rules = Mapping[Entry, Rule]
"""The known rules, by entry."""


class UpdateInputs(Struct, frozen=True):
    """The inputs of ``n`` calls of an update step, in canonical form.

    ``y`` and ``y_hat`` have shape (n, outputs), ``A1`` (n, hidden), ``X`` (n, features),
    ``rate`` (n,) or None if the function takes no rate; ``before`` maps each
    parameter's name to (n, *its shape). All are drawn independently.
    """

    y: Array
    y_hat: Array
    A1: Array
    X: Array
    before: Mapping[str, Array]
    rate: Array | None = None


class UpdateProbes(Struct, frozen=True):
    """The ``inputs`` of calls of an update, and the parameters ``after`` each, in equal shapes."""

    inputs: UpdateInputs
    after: Mapping[str, Array]


class Names(Struct, frozen=True):
    """The student's own names, for printing rules.

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
    """One mistake of the catalogue, with the entries it affects and its numbers.

    ``details`` has an item for each of ``entries``: the values that the catalogue's prediction
    needs, such as a ``ratio`` or the ``source`` that was used. A mistake that is not about
    entries (of a forward pass, of a training loop) has no entries and one item of details.
    """

    code: str
    entries: tuple[Entry, ...] = ()
    details: tuple[Details, ...] = ()


class Explanation(Struct, frozen=True):
    """The proven mistakes of an update step, a forward pass or a training run.

    The ``slips``, one per code and the most basic first, applied to the correct step give
    exactly the observed numbers. ``alternatives`` are other sets of slips that predict the
    same numbers. ``unexplained`` are the wrong entries without a proven mistake; ``unknown`` says
    the same for a forward pass or a run, which have no entries.
    """

    slips: tuple[Slip, ...] = ()
    alternatives: tuple[tuple[Slip, ...], ...] = ()
    unexplained: tuple[Entry, ...] = ()
    unknown: bool = False


class ForwardProbes(Struct, frozen=True):
    """The inputs and the returned values of calls of a forward pass.

    ``X`` has shape (n, features), ``before`` is as in `UpdateInputs`; ``output`` has shape
    (n, p) and ``hidden`` (n, q), for any p and q that the code returned. ``hidden`` is None if it
    returned no second value.
    """

    X: Array
    before: Mapping[str, Array]
    output: Array
    hidden: Array | None = None


class LayerForm(Struct, frozen=True):
    """The computation of one layer: ``activation`` applied ``times`` times to ``sign · z``.

    ``z`` is ``W.T @ A + b``, with ``W`` for ``W.T`` where ``transposed`` is False, and
    ``bias`` times ``b`` (0: left out, −1: subtracted).
    """

    activation: str
    sign: int = 1
    times: int = 1
    bias: int = 1
    transposed: bool = True


class ForwardForm(Struct, frozen=True):
    """A whole forward pass: the layers that ran, in order, and the returned stages.

    ``order`` has the numbers of the layers whose parameters were used, e.g. ``(1, 2)``. ``output``
    and ``hidden`` name the stage that was returned as such: ``"x"`` for the input, ``"a1"``,
    ``"a2"`` for the output of the first, second layer that ran, ``"z1"``, ``"z2"`` for its sum.
    """

    layers: tuple[LayerForm, ...]
    order: tuple[int, ...]
    output: str
    hidden: str | None


class TrainingRun(Struct, frozen=True):
    """One torch training run as numbers.

    ``X`` (examples, features) and ``y`` (examples, outputs) are the data, ``rate`` is the learning
    rate that was passed, ``start`` are canonical parameters. ``losses`` has shape (epochs,);
    ``after`` maps a number of epochs to the canonical parameters then, as far as they were
    observed.
    """

    X: Array
    y: Array
    rate: float
    start: Mapping[str, Array]
    losses: Array
    after: Mapping[int, Mapping[str, Array]]


Evidence = Literal["value", "within", "copy", "unused", "local", "applied", "function"]


class Spot(Struct, frozen=True):
    """A piece of a student's text: the place of its first line, and its columns, if it has one.

    ``names`` are those that are in it.
    """

    place: Place
    columns: tuple[int, ...] = ()
    names: frozenset[str] = frozenset()


class Made(Struct, frozen=True):
    """The operation that computed a number, and the steps that are its operands, ``into``.

    ``figure`` is the value of a constant, or the number of the atom of an input.
    """

    operation: str
    into: tuple[int, ...] = ()
    figure: float = 0.0


class Steps(Struct, frozen=True, eq=False):
    """The operations of a call, one step for each number.

    ``values`` are the numbers in each call, shape (steps, calls). ``spots`` are the places of each
    step: in the function that ran it, in its caller, and so on. ``after`` has the step that
    computed each entry of the parameters.
    """

    made: tuple[Made, ...]
    values: Array
    spots: tuple[tuple[Spot, ...], ...]
    after: Mapping[Entry, int]


class Trace(Struct, frozen=True, eq=False):
    """The operations of a function, recorded in one call, with the values of several calls.

    ``after`` maps each parameter to (calls, *its shape). ``start`` is the function's own place.
    """

    start: Place
    after: Mapping[str, Array]
    failure: Failure | None = None
    lost: Lost | None = None
    steps: Steps | None = None


class Attribution(Struct, frozen=True):
    """The place of a mistake.

    ``spot`` is the earliest operation whose value contains the mistake, ``name`` a local
    name of that value. ``evidence`` is the reason for this place:

    ============ =============================================================================
    ``value``    the value is wrong, and with another value all results would be right
    ``within``   the same, in a function that is called: its arguments may be wrong instead
    ``copy``     the parameters are copied here, and the new values are stored in the copy
    ``unused``   the right value is computed here, and is not used
    ``local``    the new value is assigned to a local name instead of the parameter
    ``applied``  no earlier value shows the mistake: the parameter is changed here
    ``function`` no value of the function shows the mistake: this is its first line
    ============ =============================================================================
    """

    code: str
    entries: tuple[Entry, ...]
    spot: Spot
    evidence: Evidence
    name: str = ""
