"""Polynomials divided by each other, exactly or not at all."""

import numpy as np
import pytest

from gradkit.diagnosis.rules.polynomials import (
    TooLongError,
    add,
    atom,
    common_monomial,
    constant,
    divide_by_monomial,
    divide_exactly,
    multiply,
    raise_to_power,
    reduce_by,
    substitute,
)

A, B, C = (atom(n) for n in range(3))
ERROR = add(A, B, -1.0)


def random_sum(generator, atoms=3, terms=4):
    """A sum of a few products."""
    total = constant(1.0)
    for _ in range(terms):
        term = constant(float(generator.uniform(0.001, 3)))
        for number in generator.choice(atoms, 2):
            term = multiply(term, atom(int(number)))
        total = add(total, term)
    return total


@pytest.mark.parametrize("seed", range(20))
def test_a_product_is_divided_by_each_of_its_parts(seed):
    """And gives the other."""
    generator = np.random.default_rng(seed)
    one, other = random_sum(generator), random_sum(generator)
    quotient = divide_exactly(multiply(one, other), one)
    assert quotient is not None
    assert quotient.keys() == other.keys()
    assert all(abs(quotient[key] - other[key]) < 1e-9 for key in other)


@pytest.mark.parametrize("seed", range(20))
def test_what_leaves_something_over_is_not_divided(seed):
    """The twin: a thousandth of one term too much."""
    generator = np.random.default_rng(seed)
    one, other = random_sum(generator), random_sum(generator)
    product = multiply(one, other)
    place = max(product, key=len)
    assert divide_exactly({**product, place: 1.001 * product[place]}, one) is None


def test_a_sum_of_other_atoms_divides_nothing():
    """Nor one that has more terms."""
    assert divide_exactly(ERROR, add(A, C)) is None
    assert divide_exactly(ERROR, add(ERROR, C)) is None


def test_what_all_terms_share_is_taken_out():
    """Powers of either sign."""
    both = multiply(multiply(A, atom(2, -2)), ERROR)
    assert common_monomial(both) == ((0, 1), (2, -2))
    assert divide_by_monomial(both, common_monomial(both)) == ERROR
    assert common_monomial(add(A, constant(1.0))) == ()


def test_what_is_left_of_a_sum_is_no_multiple():
    """Where y − ŷ is zero, y is ŷ."""
    squared = multiply(multiply(B, B), C)
    assert reduce_by(add(multiply(ERROR, C), squared), ERROR) == squared
    assert reduce_by(multiply(ERROR, C), ERROR) == {}
    assert reduce_by(C, ERROR) == {}
    assert reduce_by(multiply(A, B), add(raise_to_power(A, 2), raise_to_power(B, 2))) == {}


def test_a_sum_takes_no_place_below():
    """1/C with A − B for C is no polynomial."""
    assert substitute(multiply(A, C), {2: ERROR}) == multiply(A, ERROR)
    assert substitute(atom(2, -1), {2: multiply(A, B)}) == multiply(atom(0, -1), atom(1, -1))
    with pytest.raises(TooLongError, match="a sum to a negative power"):
        substitute(atom(2, -1), {2: ERROR})


def test_sums_have_an_end():
    """A polynomial of more terms than anybody would look at."""
    long = {((n, 1),): 1.0 for n in range(1500)}
    assert len(add(long, {})) == 1500
    with pytest.raises(TooLongError, match="a sum of too many terms"):
        add(long, {((n, 2),): 1.0 for n in range(1500)})
    with pytest.raises(TooLongError, match="a product of too many terms"):
        multiply(long, add(atom(1), atom(2)))
