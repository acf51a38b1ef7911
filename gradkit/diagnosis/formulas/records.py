"""Records of the differences between two formulas."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from gradkit.diagnosis.rules.evaluate import DOUBLE, Precision
from gradkit.diagnosis.rules.symbols import combine_factors, with_power
from gradkit.records.rule import Detail, Details, Entry, Explanation, Factor, Rule, Rules, Term


class Change(Struct, frozen=True):
    """A difference between a student's formula and the right one, with the code of its name.

    Where the right product has the factors ``missing``, the student's has the factors ``extra``,
    and its coefficient is ``scale`` times as large. ``source`` is the value that the right formula
    starts from, if the student's starts from another one. ``terms`` are the terms that replace all
    terms of the student's formula, if the difference cannot be written with factors. ``details``
    fill the sentences of the catalogue.
    """

    code: str
    details: Details = ()
    extra: tuple[Factor, ...] = ()
    missing: tuple[Factor, ...] = ()
    scale: float = 1.0
    source: Factor | None = None
    terms: tuple[Term, ...] | None = None


WHOLE: Details = (("of", "loss"),)
"""Detail of ``squared-error``: (y − ŷ)² itself is used instead of its derivative −2(y − ŷ)."""


class Reading(Struct, frozen=True):
    """Changes that turn the right formula into the student's, up to a ``ratio``.

    The ratio is the student's coefficient divided by the right one after the changes; None if the
    entry does not move. ``form`` is the way of writing the student's formula that was compared.
    """

    changes: tuple[Change, ...]
    ratio: float | None
    form: Rule

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes of the changes."""
        return tuple(change.code for change in self.changes)

    @property
    def uses_loss(self) -> bool:
        """Whether the loss itself is used as its derivative."""
        return any(change.details == WHOLE for change in self.changes)


Changes = Mapping[Entry, tuple[Change, ...]]


class Diagnosis(Struct, frozen=True):
    """The formulas of an update step, the right ones, and the mistakes between them.

    ``precision`` is the tolerance to which the observed numbers follow ``applies``. ``changes`` has
    the changes of each entry that the mistakes of the explanation stand for, and ``forms`` the
    formulas that they were found in: those of ``applies``, with misdirected terms given back to the
    entries that they belong to.
    """

    applies: Rules
    should: Mapping[Entry, Rule]
    explanation: Explanation
    precision: Precision = DOUBLE
    changes: Changes = {}
    forms: Rules = {}


def undo(rule: Rule, change: Change) -> Rule:
    """Return the student's formula ``rule`` with one change undone.

    If the change has a start value ``source`` or ``terms``, they replace those of the formula.
    Without ``terms``, the factors ``extra`` of each term become ``missing``, and its coefficient is
    divided by ``scale``.
    """
    if change.source is not None:
        rule = replace(rule, source=change.source)
    if change.terms is not None:
        return replace(rule, terms=change.terms)
    swap = (*change.missing, *(with_power(f, -f.power) for f in change.extra))
    return replace(
        rule,
        terms=tuple(
            Term(term.coefficient / change.scale, combine_factors((*term.factors, *swap)))
            for term in rule.terms
        ),
    )


# --- the written form of details -------------------------------------------------------------


def write_parameter(factor: Factor) -> tuple[str | int, ...]:
    """Return a parameter's entry as a detail: symbol, row, column, when."""
    return (factor.symbol, *factor.index, factor.when)


def parse_parameter(detail: Detail) -> Factor:
    """Return the factor that `write_parameter` wrote as (symbol, row, column, when).

    Raises TypeError: the detail has another form.
    """
    if not isinstance(detail, tuple) or len(detail) != 4:
        raise TypeError(
            f"A parameter's entry is written (name, row, column, when), not {detail!r}."
        )
    symbol, i, j, when = detail
    return Factor(str(symbol), (i, j), when)  # type: ignore[arg-type]


def write_factors(powers: Mapping[str, int]) -> tuple[str, ...]:
    """Return symbols with powers as a detail, such as ``("hidden", "hidden_complement^2")``."""
    return tuple(s if p == 1 else f"{s}^{p}" for s, p in sorted(powers.items()))


def parse_factors(
    names: Detail, index: tuple[int | str, ...], when: str = ""
) -> tuple[Factor, ...]:
    """Return the factors that `write_factors` wrote in ``names`` as a detail of a mistake.

    The names ``("hidden", "output^2")`` give a factor ``hidden`` and a factor ``output`` to the
    power 2. All factors get the same ``index`` and ``when``, see `Factor`.
    """
    found = []
    for name in names if isinstance(names, tuple) else (names,):
        symbol, _, power = str(name).partition("^")
        found.append(Factor(symbol, index, when, int(power or 1)))  # type: ignore[arg-type]
    return tuple(found)


def target_of(details: Details) -> Entry:
    """Return the entry to which code writes the change of another entry by mistake.

    ``details`` are those of a mistake `wrong-target`, with a ``target``. Raises TypeError: there is
    no target of the form (name, row, column).
    """
    target = dict(details).get("target")
    if not isinstance(target, tuple) or len(target) != 3:
        raise TypeError(f"wrong-target: target is written (name, row, column), not {target!r}.")
    parameter, i, j = target
    return str(parameter), (int(i), int(j))
