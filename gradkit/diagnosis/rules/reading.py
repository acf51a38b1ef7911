"""Polynomials read as rules: exact division takes the factors out of a sum of products."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property, partial

from msgspec.structs import replace

from gradkit.diagnosis.rules.compounds import Compound, Compounds
from gradkit.diagnosis.rules.polynomials import (
    Monomial,
    Polynomial,
    atom,
    atoms_of,
    divided,
    grouped,
    joined,
    plus,
    power_of,
    shared,
    times,
    to_power,
    without,
    without_multiples,
)
from gradkit.diagnosis.rules.symbols import (
    AXES,
    PARAMETERS,
    PER_HIDDEN,
    PER_INPUT,
    PER_OUTPUT,
    W2,
    Shape,
    gather,
    letters_of,
)
from gradkit.records.rule import Entry, Factor, Rule, Term

DEPTH = 3
"""Sums in one another that are taken apart."""

FEW = 40
"""Terms of a sum in which every atom is tried as that by which it falls into products."""

WORK = 20_000
"""Terms that are held against sums, for one entry."""

TRIES = 200
"""Sums that are taken apart for one reading of an entry."""

EXACT = 1e-9

Terms = tuple[Term, ...]


class UnreadableError(ValueError):
    """A polynomial has something in it that no symbol stands for."""


class Reading:
    """Reads the rules of one program.

    Parameters
    ----------
    shape : Shape
    compounds : Compounds
        The program's.
    """

    def __init__(self, shape: Shape, compounds: Compounds) -> None:
        self._shape, self._compounds = shape, compounds
        self._products: dict[Entry, Term] = {}
        self._tries, self._work = TRIES, WORK
        for entry, after in compounds.after.items():
            self._work = WORK
            # A value that is itself a product is taken apart; of it there are other readings.
            try:
                terms = self._terms(after, 0)
            except (UnreadableError, ArithmeticError):
                continue
            if len(terms) == 1 and terms[0].factors and not _is_bare(terms[0]):
                self._products[entry] = terms[0]
            elif len(terms) > 1:
                numerator, below = self._cleared(after, None)
                above = tuple(replace(factor, power=-factor.power) for factor in below)
                compounds.add((Factor(*entry, "after"), *above), numerator)

    def rules(self, entry: Entry) -> Iterator[Rule]:
        """Yield the ways to write an entry's rule."""
        self._work = WORK
        after = self._compounds.after[entry]
        own = Factor(*entry, "before")
        for source, rest in self._sources(entry, after, own):
            self._tries = TRIES
            try:
                terms = self._terms(rest, DEPTH, barred=entry)
            except (UnreadableError, ArithmeticError):
                continue
            yield Rule(*entry, source, terms)
            for other in self._with_products(entry, terms):
                yield Rule(*entry, source, other)

    def _sources(
        self, entry: Entry, after: Polynomial, own: Factor
    ) -> Iterator[tuple[Factor | None, Polynomial]]:
        """What an entry may start from, with what is added to it."""
        number = self._compounds.atom(own)
        alone = after.get(((number, 1),), 0.0)
        whole = abs(alone - 1.0) <= EXACT
        if abs(alone - 1.0) < 0.5:
            yield own, plus(after, atom(number), -1.0)
        if whole and sum(number in dict(monomial) for monomial in after) == 1:
            return
        found: list[tuple[Factor | None, Polynomial]] = []
        for other in (e for e in self._shape.entries if e != entry):
            start = atom(self._compounds.atom(Factor(*other, "before")))
            if _is_one(after, *start):
                found.append((Factor(*other, "before"), plus(after, start, -1.0)))
            if other in self._late:
                rest = plus(after, self._late[other], -1.0)
                if len(rest) < len(after):
                    found.append((Factor(*other, "after"), rest))
        yield from found or [(None, after)]

    @cached_property
    def _late(self) -> dict[Entry, Polynomial]:
        """Values after the step that start from one before it; others are no other's start."""
        entries = self._shape.entries
        starts = [atom(self._compounds.atom(Factor(*e, "before"))) for e in entries]
        after = {e: self._compounds.after.get(e, {}) for e in entries}
        return {
            e: late
            for e, late in after.items()
            if len(late) > 1 and any(_is_one(late, *start) for start in starts)
        }

    def _with_products(self, entry: Entry, terms: Terms) -> Iterator[Terms]:
        """Yield the terms with values after the step in the place of what makes these."""
        for other, made in self._products.items():
            if other == entry:
                continue
            found = [_through(term, made, Factor(*other, "after")) for term in terms]
            if any(new is not None for new in found):
                yield tuple(
                    term if new is None else new for term, new in zip(terms, found, strict=True)
                )

    # --- sums ----------------------------------------------------------------------------

    def _terms(self, polynomial: Polynomial, depth: int, barred: Entry | None = None) -> Terms:
        """Return a polynomial as the fewest products that are found."""
        if not polynomial:
            return ()
        numerator, below = self._cleared(polynomial, barred)
        factors, rest = self._taken_out(numerator, barred)
        factors = (*below, *factors)
        if len(rest) == 1:
            return (self._term(rest, factors),)
        best = [self._term({m: c}, factors) for m, c in rest.items()]
        self._tries -= 1 + len(rest) // FEW
        for parts, letter in self._ways(rest, barred) if depth else ():
            if self._tries < 0 or len(best) < (3 if letter is None else 2):
                break
            try:
                made = {place: self._terms(p, depth - 1, barred) for place, p in parts.items()}
            except (UnreadableError, ArithmeticError):
                continue
            found = [term for each in made.values() for term in each]
            summed = letter and self._summed(letter, made)
            found = [summed] if summed else found
            if _length(found) < _length(best):
                best = [Term(t.coefficient, gather((*factors, *t.factors))) for t in found]
        return tuple(best)

    def _ways(
        self, rest: Polynomial, barred: Entry | None
    ) -> Iterator[tuple[Mapping[object, Polynomial], str | None]]:
        """Yield how a sum may fall apart: by an index, by an atom's power, by what is divisible."""
        symbols = self._compounds.symbols
        for letter in "jik" if self._shape.outputs > 1 else "ji":
            places = {n: _place(symbols[n], letter) for n in atoms_of(rest) if n in symbols}
            parts = grouped(rest, partial(_index, places))
            if len(parts) > 1:
                yield parts, letter
        if len(rest) > FEW:
            return
        # What was made last is the largest part.
        for compound in reversed(self._sums(barred)):
            left = without_multiples(rest, compound.sum)
            if left and len(left) < len(rest):
                yield {"left": left, "multiple": plus(rest, left, -1.0)}, None
        for number in sorted(atoms_of(rest)):
            parts = grouped(rest, partial(power_of, number))
            if 1 < len(parts) < len(rest):
                yield parts, None

    def _summed(self, letter: str, made: dict[object, Terms]) -> Term | None:
        """Return one term over a letter, if the terms are the same for each of its places."""
        sizes = {"i": self._shape.features, "j": self._shape.hidden, "k": self._shape.outputs}
        if set(made) != set(range(sizes[letter])) or any(len(t) != 1 for t in made.values()):
            return None
        terms = []
        for place, (term,) in made.items():
            factors = tuple(_lettered(f, letter, place) for f in term.factors)
            terms.append(Term(term.coefficient, gather(factors)))
        first = terms[0]
        alike = all(
            set(term.factors) == set(first.factors)
            and abs(term.coefficient - first.coefficient) <= EXACT * abs(first.coefficient)
            for term in terms
        )
        told = any(letter in letters_of(factor.index) for factor in first.factors)
        return first if alike and told else None

    def _sums(self, barred: Entry | None) -> list[Compound]:
        """What to divide by; for an entry's own rule not by its own new value."""
        own = None if barred is None else Factor(*barred, "after")
        return [compound for compound in self._compounds.sums if compound.factors[0] != own]

    # --- products ------------------------------------------------------------------------

    def _cleared(
        self, polynomial: Polynomial, barred: Entry | None
    ) -> tuple[Polynomial, tuple[Factor, ...]]:
        """Return a numerator, and what stands below it as factors."""
        below: list[Factor] = []
        coefficient = 1.0
        for number in sorted(atoms_of(polynomial) & self._compounds.over.keys(), reverse=True):
            powers = [power_of(number, monomial) for monomial in polynomial]
            most, divisor = max(powers), self._compounds.over[number]
            if min(powers) < 0:
                raise UnreadableError("a divisor above")
            total: Polynomial = {}
            for power, part in grouped(polynomial, partial(power_of, number)).items():
                rest = without(part, ((number, power),)) if power else part
                total = plus(total, times(rest, to_power(divisor, most - power)))
            polynomial = total
            terms = self._terms(divisor, 0, barred)
            if len(terms) != 1:
                raise UnreadableError("a divisor that is no product")
            coefficient /= terms[0].coefficient ** most
            below += [replace(f, power=-f.power * most) for f in terms[0].factors]
        return {m: c * coefficient for m, c in polynomial.items()}, tuple(below)

    def _taken_out(
        self, polynomial: Polynomial, barred: Entry | None
    ) -> tuple[tuple[Factor, ...], Polynomial]:
        """Return the factors that all of a sum has, and what is left of it."""
        monomial = shared(polynomial)
        polynomial = without(polynomial, monomial)
        factors: list[Factor] = []
        atoms = atoms_of(polynomial)
        known = [compound for compound in self._sums(barred) if compound.atoms <= atoms]
        self._work -= len(polynomial) * len(known)
        if self._work < 0:
            raise UnreadableError("too much to be taken apart")
        while len(polynomial) > 1:
            for compound in known:
                quotient = divided(polynomial, compound.sum)
                if quotient is not None:
                    polynomial = without(quotient, compound.monomial)
                    factors += compound.factors
                    break
            else:
                break
            again = shared(polynomial)
            polynomial, monomial = without(polynomial, again), joined(monomial, again)
        # Not before all is divided: an atom may go that no symbol stands for.
        factors += [self._factor(number, power) for number, power in monomial]
        return tuple(factors), polynomial

    def _term(self, polynomial: Polynomial, factors: tuple[Factor, ...]) -> Term:
        ((monomial, coefficient),) = polynomial.items()
        own = [self._factor(number, power) for number, power in monomial]
        return Term(coefficient, gather((*factors, *own)))

    def _factor(self, number: int, power: int) -> Factor:
        factor = self._compounds.symbols.get(number)
        if factor is None or factor.symbol not in _KNOWN:
            raise UnreadableError("an atom that no symbol stands for")
        return replace(factor, power=power)


_KNOWN = frozenset({*PARAMETERS, *PER_HIDDEN, *PER_INPUT, *PER_OUTPUT, "rate"})


def _is_bare(term: Term) -> bool:
    """A parameter's value as it is: a source, not a term."""
    (factor, *more) = term.factors
    return not more and factor.symbol in PARAMETERS and factor.power == 1


def _index(places: Mapping[int, int | None], monomial: Monomial) -> object:
    """At which place along an axis all of a monomial stands, or the places of its parts."""
    found = {places.get(number) for number, _ in monomial} - {None}
    return found.pop() if len(found) == 1 else tuple(sorted(map(str, found)))


def _is_one(polynomial: Polynomial, monomial: Monomial) -> bool:
    """Whether there is a term with this monomial alone."""
    return abs(polynomial.get(monomial, 0.0) - 1.0) <= EXACT


def _length(terms: list[Term]) -> tuple[int, int]:
    return len(terms), sum(abs(factor.power) for term in terms for factor in term.factors)


def _place(factor: Factor, letter: str) -> int | None:
    """Where a factor stands along the axis of a letter."""
    axis = AXES.get(factor.symbol, "").find(letter)
    return None if axis < 0 else factor.index[axis]  # type: ignore[return-value]


def _lettered(factor: Factor, letter: str, place: object) -> Factor:
    """A factor with the letter for its place along that axis, where rules have such letters."""
    own = factor.symbol in PARAMETERS and factor.symbol != W2
    axis = -1 if own else AXES.get(factor.symbol, "").find(letter)
    if axis < 0 or factor.index[axis] != place:
        return factor
    index = tuple(letter if n == axis else each for n, each in enumerate(factor.index))
    return replace(factor, index=index)


def _through(term: Term, made: Term, factor: Factor) -> Term | None:
    """A term with a factor in the place of the product that this is."""
    powers = {replace(f, power=1): f.power for f in term.factors}
    for each in made.factors:
        left = powers.get(replace(each, power=1), 0)
        if left * each.power < each.power**2:
            return None
    gone = tuple(replace(each, power=-each.power) for each in made.factors)
    return Term(term.coefficient / made.coefficient, gather((*term.factors, *gone, factor)))
