"""Matching pursuit with exchanges."""

import numpy as np

from gradkit.diagnosis.rules.sparse import pursue


def library(seed=0):
    """Columns of which pairs are alike to a thousandth, as W2 before and after a step."""
    generator = np.random.default_rng(seed)
    columns = generator.normal(size=(60, 150))
    twins = columns + 1e-3 * generator.normal(size=columns.shape)
    return np.concatenate([columns, twins], axis=1)


def test_a_sum_of_near_twins_is_found():
    """Greedy choice errs between twins; exchanging mends it."""
    columns = library()
    for seed in range(10):
        chosen = np.random.default_rng(seed).choice(300, 4, replace=False)
        coefficients = np.array([1.0, -0.5, 0.25, 2.0])
        found, values = pursue(columns[:, chosen] @ coefficients, columns)
        order = np.argsort(chosen)
        assert sorted(found) == sorted(chosen)
        np.testing.assert_allclose(values[np.argsort(found)], coefficients[order], rtol=1e-6)


def test_a_target_outside_the_library_has_no_sum():
    """Noise in 60 dimensions is no combination of six columns."""
    noise = np.random.default_rng(5).normal(size=60)
    assert pursue(noise, library()) is None


def test_idle_columns_are_dropped():
    """A column on the way to the answer does not stay in it."""
    columns = library(2)
    found, _ = pursue(columns[:, 7].copy(), columns)
    assert found == [7]
