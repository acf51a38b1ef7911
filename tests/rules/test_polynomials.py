"""Polynomials divided by each other, exactly or not at all."""

import numpy as np
import pytest

from gradkit.diagnosis.rules.polynomials import (
    TooLongError,
    atom,
    constant,
    divided,
    plus,
    shared,
    substituted,
    times,
    to_power,
    without,
    without_multiples,
)

A, B, C = (atom(n) for n in range(3))
ERROR = plus(A, B, -1.0)


def random_sum(generator, atoms=3, terms=4):
    """A sum of a few products."""
    total = constant(1.0)
    for _ in range(terms):
        term = constant(float(generator.uniform(0.001, 3)))
        for number in generator.choice(atoms, 2):
            term = times(term, atom(int(number)))
        total = plus(total, term)
    return total


@pytest.mark.parametrize("seed", range(20))
def test_a_product_is_divided_by_each_of_its_parts(seed):
    """And gives the other."""
    generator = np.random.default_rng(seed)
    one, other = random_sum(generator), random_sum(generator)
    quotient = divided(times(one, other), one)
    assert quotient is not None
    assert quotient.keys() == other.keys()
    assert all(abs(quotient[key] - other[key]) < 1e-9 for key in other)


@pytest.mark.parametrize("seed", range(20))
def test_what_leaves_something_over_is_not_divided(seed):
    """The twin: a thousandth of one term too much."""
    generator = np.random.default_rng(seed)
    one, other = random_sum(generator), random_sum(generator)
    product = times(one, other)
    place = max(product, key=len)
    assert divided({**product, place: 1.001 * product[place]}, one) is None


def test_a_sum_of_other_atoms_divides_nothing():
    """Nor one that has more terms."""
    assert divided(ERROR, plus(A, C)) is None
    assert divided(ERROR, plus(ERROR, C)) is None


def test_what_all_terms_share_is_taken_out():
    """Powers of either sign."""
    both = times(times(A, atom(2, -2)), ERROR)
    assert shared(both) == ((0, 1), (2, -2))
    assert without(both, shared(both)) == ERROR
    assert shared(plus(A, constant(1.0))) == ()


def test_what_is_left_of_a_sum_is_no_multiple():
    """Where y − ŷ is zero, y is ŷ."""
    squared = times(times(B, B), C)
    assert without_multiples(plus(times(ERROR, C), squared), ERROR) == squared
    assert without_multiples(times(ERROR, C), ERROR) == {}
    assert without_multiples(C, ERROR) == {}
    assert without_multiples(times(A, B), plus(to_power(A, 2), to_power(B, 2))) == {}


def test_a_sum_takes_no_place_below():
    """1/C with A − B for C is no polynomial."""
    assert substituted(times(A, C), {2: ERROR}) == times(A, ERROR)
    assert substituted(atom(2, -1), {2: times(A, B)}) == times(atom(0, -1), atom(1, -1))
    with pytest.raises(TooLongError, match="a sum to a negative power"):
        substituted(atom(2, -1), {2: ERROR})


def test_sums_have_an_end():
    """A polynomial of more terms than anybody would look at."""
    long = {((n, 1),): 1.0 for n in range(1500)}
    assert len(plus(long, {})) == 1500
    with pytest.raises(TooLongError, match="a sum of too many terms"):
        plus(long, {((n, 2),): 1.0 for n in range(1500)})
    with pytest.raises(TooLongError, match="a product of too many terms"):
        times(long, plus(atom(1), atom(2)))
