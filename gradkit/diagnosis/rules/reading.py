"""Read polynomials as rules: exact division takes the factors out of a sum of products."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property, partial

from msgspec.structs import replace

from gradkit.diagnosis.rules.compounds import Compound, Compounds
from gradkit.diagnosis.rules.polynomials import (
    Monomial,
    Polynomial,
    add,
    atom,
    atoms_of,
    common_monomial,
    divide_by_monomial,
    divide_exactly,
    group_terms,
    multiply,
    multiply_monomials,
    power_of,
    raise_to_power,
    reduce_by,
)
from gradkit.diagnosis.rules.symbols import (
    AXES,
    PARAMETERS,
    PER_HIDDEN,
    PER_INPUT,
    PER_OUTPUT,
    W2,
    Shape,
    combine_factors,
    letters_of,
)
from gradkit.records.rule import Entry, Factor, Rule, Term

MAX_DEPTH = 3
"""Levels of nested sums that are factored."""

MAX_TERMS_TO_SPLIT = 40
"""Sums with more terms are split by indices only, not by every atom."""

MAX_WORK = 20_000
"""Terms times divisors that may be tried for one entry."""

MAX_SPLITS = 200
"""Sums that may be split for one reading of an entry."""

EXACT = 1e-9

Terms = tuple[Term, ...]


class UnreadableError(ValueError):
    """A polynomial has an atom that no symbol stands for, or is too large."""


class Reading:
    """Reads the rules of a program from its polynomials.

    Parameters
    ----------
    shape : Shape
    compounds : Compounds
        The program's polynomials in symbols.
    """

    def __init__(self, shape: Shape, compounds: Compounds) -> None:
        """Read the new value of every entry, as the rules of other entries may contain it.

        ``shape`` has the sizes of the net, and ``compounds`` the polynomials of all new values and
        the known sums. A new value that is a product is stored; one that is a sum is added to
        ``compounds`` as a possible factor. New values that cannot be read are skipped.
        """
        self._shape, self._compounds = shape, compounds
        self._products: dict[Entry, Term] = {}
        self._tries, self._work = MAX_SPLITS, MAX_WORK
        for entry, after in compounds.after.items():
            self._work = MAX_WORK
            # A new value may occur in other rules: as a product, or as a sum to divide by.
            try:
                terms = self._write_as_products(after, 0)
            except (UnreadableError, ArithmeticError):
                continue
            if len(terms) == 1 and terms[0].factors and not _is_parameter(terms[0]):
                self._products[entry] = terms[0]
            elif len(terms) > 1:
                numerator, below = self._clear_denominators(after, None)
                above = tuple(replace(factor, power=-factor.power) for factor in below)
                compounds.add_sum((Factor(*entry, "after"), *above), numerator)

    def rules(self, entry: Entry) -> Iterator[Rule]:
        """Yield the rules of an entry that the polynomial of its new value can be written as.

        A rule is a source, the value that the change is added to, and a change of few products.
        There is one rule for each possible source, and one for each new value of another entry that
        the change contains. Sources for which the change cannot be written as products are skipped.
        """
        self._work = MAX_WORK
        after = self._compounds.after[entry]
        own = Factor(*entry, "before")
        for source, rest in self._split_source(entry, after, own):
            self._tries = MAX_SPLITS
            try:
                terms = self._write_as_products(rest, MAX_DEPTH, barred=entry)
            except (UnreadableError, ArithmeticError):
                continue
            yield Rule(*entry, source, terms)
            for alternative in self._use_new_values(entry, terms):
                yield Rule(*entry, source, alternative)

    def _split_source(
        self, entry: Entry, after: Polynomial, own: Factor
    ) -> Iterator[tuple[Factor | None, Polynomial]]:
        """Yield splits of an entry's new value ``after`` into a source and the change added to it.

        ``own`` is the entry's old value, which is the usual source. If ``own`` is no summand of its
        own, splits with another entry's old or new value follow; without any, None comes with the
        whole new value.
        """
        number = self._compounds.atom(own)
        alone = after.get(((number, 1),), 0.0)
        whole = abs(alone - 1.0) <= EXACT
        if abs(alone - 1.0) < 0.5:
            yield own, add(after, atom(number), -1.0)
        if whole and sum(number in dict(monomial) for monomial in after) == 1:
            return
        found: list[tuple[Factor | None, Polynomial]] = []
        for other in (e for e in self._shape.entries if e != entry):
            start = atom(self._compounds.atom(Factor(*other, "before")))
            if _has_unit_coefficient(after, *start):
                found.append((Factor(*other, "before"), add(after, start, -1.0)))
            if other in self._new_values:
                rest = add(after, self._new_values[other], -1.0)
                if len(rest) < len(after):
                    found.append((Factor(*other, "after"), rest))
        yield from found or [(None, after)]

    @cached_property
    def _new_values(self) -> dict[Entry, Polynomial]:
        """Values after the step that contain an old value as a summand.

        Only these can be sources.
        """
        entries = self._shape.entries
        starts = [atom(self._compounds.atom(Factor(*e, "before"))) for e in entries]
        after = {e: self._compounds.after.get(e, {}) for e in entries}
        return {
            e: late
            for e, late in after.items()
            if len(late) > 1 and any(_has_unit_coefficient(late, *start) for start in starts)
        }

    def _use_new_values(self, entry: Entry, terms: Terms) -> Iterator[Terms]:
        """Yield ``terms`` with a product replaced by another entry's equal new value.

        The terms are the change of ``entry``. There is one result for each other entry whose new
        value occurs as a product in a term; it is replaced in all terms.
        """
        for other_entry, made in self._products.items():
            if other_entry == entry:
                continue
            rewritten = [
                _replace_product(term, made, Factor(*other_entry, "after")) for term in terms
            ]
            if any(new is not None for new in rewritten):
                yield tuple(
                    term if new is None else new for term, new in zip(terms, rewritten, strict=True)
                )

    # --- sums ----------------------------------------------------------------------------

    def _write_as_products(
        self, polynomial: Polynomial, depth: int, barred: Entry | None = None
    ) -> Terms:
        """Return a polynomial as a sum of the fewest products found.

        ``depth`` is the number of nested levels at which sums in factors may still be split.
        ``barred`` is the entry whose new value may not be used, None for no entry. Raises
        UnreadableError: an atom has no symbol, or the search takes too long.
        """
        if not polynomial:
            return ()
        numerator, below = self._clear_denominators(polynomial, barred)
        factors, rest = self._take_out_factors(numerator, barred)
        factors = (*below, *factors)
        if len(rest) == 1:
            return (self._term(rest, factors),)
        best = [self._term({m: c}, factors) for m, c in rest.items()]
        self._tries -= 1 + len(rest) // MAX_TERMS_TO_SPLIT
        for parts, letter in self._splits(rest, barred) if depth else ():
            if self._tries < 0 or len(best) < (3 if letter is None else 2):
                break
            try:
                made = {
                    place: self._write_as_products(p, depth - 1, barred)
                    for place, p in parts.items()
                }
            except (UnreadableError, ArithmeticError):
                continue
            found = [term for products in made.values() for term in products]
            summed = letter and self._sum_over(letter, made)
            found = [summed] if summed else found
            if _length(found) < _length(best):
                best = [Term(t.coefficient, combine_factors((*factors, *t.factors))) for t in found]
        return tuple(best)

    def _splits(
        self, rest: Polynomial, barred: Entry | None
    ) -> Iterator[tuple[Mapping[object, Polynomial], str | None]]:
        """Yield ways to split the sum ``rest`` into parts, each with a letter or None.

        A split by an index has a letter (``i``, ``j`` or ``k``), and its parts are by the number of
        the index. The others have None: a multiple of a known sum and the remainder, or parts by
        the power of a variable. Known sums include new values of entries, but not that of
        ``barred``. A sum of more than `MAX_TERMS_TO_SPLIT` terms is only split by an index.
        """
        symbols = self._compounds.symbols
        for letter in "jik" if self._shape.outputs > 1 else "ji":
            places = {n: _place(symbols[n], letter) for n in atoms_of(rest) if n in symbols}
            parts = group_terms(rest, partial(_common_place, places))
            if len(parts) > 1:
                yield parts, letter
        if len(rest) > MAX_TERMS_TO_SPLIT:
            return
        # The last sums are the largest, so they are tried first.
        for compound in reversed(self._usable_sums(barred)):
            left = reduce_by(rest, compound.sum)
            if left and len(left) < len(rest):
                yield {"left": left, "multiple": add(rest, left, -1.0)}, None
        for number in sorted(atoms_of(rest)):
            parts = group_terms(rest, partial(power_of, number))
            if 1 < len(parts) < len(rest):
                yield parts, None

    def _sum_over(self, letter: str, parts: dict[object, Terms]) -> Term | None:
        """Return one term with a sum over the index ``letter``, which stands for several terms.

        ``parts`` has the terms by the number of the index. None if the terms differ in more than
        this number, or if a number is missing or has not exactly one term.
        """
        sizes = {"i": self._shape.features, "j": self._shape.hidden, "k": self._shape.outputs}
        if set(parts) != set(range(sizes[letter])) or any(len(t) != 1 for t in parts.values()):
            return None
        terms = []
        for place, (term,) in parts.items():
            factors = tuple(_replace_place(f, letter, place) for f in term.factors)
            terms.append(Term(term.coefficient, combine_factors(factors)))
        first = terms[0]
        alike = all(
            set(term.factors) == set(first.factors)
            and abs(term.coefficient - first.coefficient) <= EXACT * abs(first.coefficient)
            for term in terms
        )
        has_letter = any(letter in letters_of(factor.index) for factor in first.factors)
        return first if alike and has_letter else None

    def _usable_sums(self, barred: Entry | None) -> list[Compound]:
        """Return the sums to divide by, without the new value of ``barred``."""
        own = None if barred is None else Factor(*barred, "after")
        return [compound for compound in self._compounds.sums if compound.factors[0] != own]

    # --- products ------------------------------------------------------------------------

    def _clear_denominators(
        self, polynomial: Polynomial, barred: Entry | None
    ) -> tuple[Polynomial, tuple[Factor, ...]]:
        """Multiply a polynomial by its denominators; return the numerator and the denominators.

        The denominators are factors with negative powers, to be multiplied with the numerator. To
        read a denominator, all known sums are used but the new value of the entry ``barred``.
        Raises UnreadableError: a denominator is no product, or a sum's reciprocal has a negative
        power.
        """
        below: list[Factor] = []
        coefficient = 1.0
        for number in sorted(atoms_of(polynomial) & self._compounds.over.keys(), reverse=True):
            powers = [power_of(number, monomial) for monomial in polynomial]
            most, divisor = max(powers), self._compounds.over[number]
            if min(powers) < 0:
                raise UnreadableError("a divisor above")
            total: Polynomial = {}
            for power, part in group_terms(polynomial, partial(power_of, number)).items():
                rest = divide_by_monomial(part, ((number, power),)) if power else part
                total = add(total, multiply(rest, raise_to_power(divisor, most - power)))
            polynomial = total
            terms = self._write_as_products(divisor, 0, barred)
            if len(terms) != 1:
                raise UnreadableError("a divisor that is no product")
            coefficient /= terms[0].coefficient ** most
            below += [replace(f, power=-f.power * most) for f in terms[0].factors]
        return {m: c * coefficient for m, c in polynomial.items()}, tuple(below)

    def _take_out_factors(
        self, polynomial: Polynomial, barred: Entry | None
    ) -> tuple[tuple[Factor, ...], Polynomial]:
        """Divide a sum by all that divides it exactly; return the factors and the rest.

        The divisors are the monomial that all terms of ``polynomial`` have in common, and all known
        sums, such as y − ŷ, but not the new value of the entry ``barred``. Raises UnreadableError:
        a variable has no symbol, or there is too much to divide.
        """
        monomial = common_monomial(polynomial)
        polynomial = divide_by_monomial(polynomial, monomial)
        factors: list[Factor] = []
        atoms = atoms_of(polynomial)
        known = [compound for compound in self._usable_sums(barred) if compound.atoms <= atoms]
        self._work -= len(polynomial) * len(known)
        if self._work < 0:
            raise UnreadableError("too much to be taken apart")
        while len(polynomial) > 1:
            for compound in known:
                quotient = divide_exactly(polynomial, compound.sum)
                if quotient is not None:
                    polynomial = divide_by_monomial(quotient, compound.monomial)
                    factors += compound.factors
                    break
            else:
                break
            again = common_monomial(polynomial)
            polynomial, monomial = (
                divide_by_monomial(polynomial, again),
                multiply_monomials(monomial, again),
            )
        # After all divisions, because unknown atoms may cancel.
        factors += [self._factor(number, power) for number, power in monomial]
        return tuple(factors), polynomial

    def _term(self, polynomial: Polynomial, factors: tuple[Factor, ...]) -> Term:
        """Return a polynomial of a single term times ``factors`` as a term."""
        ((monomial, coefficient),) = polynomial.items()
        own = [self._factor(number, power) for number, power in monomial]
        return Term(coefficient, combine_factors((*factors, *own)))

    def _factor(self, number: int, power: int) -> Factor:
        """Return atom ``number`` to a power as a factor.

        Raise UnreadableError for an unknown atom.
        """
        factor = self._compounds.symbols.get(number)
        if factor is None or factor.symbol not in _KNOWN:
            raise UnreadableError("an atom that no symbol stands for")
        return replace(factor, power=power)


_KNOWN = frozenset({*PARAMETERS, *PER_HIDDEN, *PER_INPUT, *PER_OUTPUT, "rate"})


def _is_parameter(term: Term) -> bool:
    """Return whether a term is just a parameter's value, which is a source rather than a term."""
    (factor, *more) = term.factors
    return not more and factor.symbol in PARAMETERS and factor.power == 1


def _common_place(places: Mapping[int, int | None], monomial: Monomial) -> object:
    """Return the number that all factors of a monomial have on one index, to group terms by it.

    ``places`` has the index of each atom on that axis, None for an atom without the axis. If the
    factors have different numbers or none, the result is a tuple of all their numbers as texts.
    """
    found = {places.get(number) for number, _ in monomial} - {None}
    return found.pop() if len(found) == 1 else tuple(sorted(map(str, found)))


def _has_unit_coefficient(polynomial: Polynomial, monomial: Monomial) -> bool:
    """Return whether the polynomial has this monomial with coefficient 1."""
    return abs(polynomial.get(monomial, 0.0) - 1.0) <= EXACT


def _length(terms: list[Term]) -> tuple[int, int]:
    """Return the number of terms and of factors, to prefer short rules."""
    return len(terms), sum(abs(factor.power) for term in terms for factor in term.factors)


def _place(factor: Factor, letter: str) -> int | None:
    """Return the factor's index along the axis of a letter, None if it has no such axis."""
    axis = AXES.get(factor.symbol, "").find(letter)
    return None if axis < 0 else factor.index[axis]  # type: ignore[return-value]


def _replace_place(factor: Factor, letter: str, place: object) -> Factor:
    """Return a factor with the index ``place`` on the axis of ``letter`` replaced by the letter.

    The factor is unchanged if it has another index there. Entries of W1, b1 and b2 keep their
    numbers: rules have no sums over them.
    """
    own = factor.symbol in PARAMETERS and factor.symbol != W2
    axis = -1 if own else AXES.get(factor.symbol, "").find(letter)
    if axis < 0 or factor.index[axis] != place:
        return factor
    index = tuple(letter if n == axis else axis_index for n, axis_index in enumerate(factor.index))
    return replace(factor, index=index)


def _replace_product(term: Term, product: Term, factor: Factor) -> Term | None:
    """Return a term divided by a product and multiplied by ``factor``, which equals the product.

    None if the term does not contain the whole product.
    """
    powers = {replace(f, power=1): f.power for f in term.factors}
    for part in product.factors:
        left = powers.get(replace(part, power=1), 0)
        if left * part.power < part.power**2:
            return None
    inverse = tuple(replace(part, power=-part.power) for part in product.factors)
    return Term(
        term.coefficient / product.coefficient, combine_factors((*term.factors, *inverse, factor))
    )
