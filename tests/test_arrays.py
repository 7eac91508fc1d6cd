"""Sums of products in any order of memory, and rows without their repetitions."""

import numpy as np
import pytest

from sklearn_xent.arrays import different_rows, inner


@pytest.mark.parametrize("order", ["C", "F"])
def test_inner_is_the_sum_of_products_in_any_order_of_memory(order):
    rng = np.random.default_rng(0)
    a, b = (np.asarray(rng.normal(size=(5, 7)), order=order) for _ in range(2))
    assert inner(a, b) == pytest.approx((a * b).sum(), rel=1e-13)
    assert inner(a, np.ascontiguousarray(b)) == pytest.approx((a * b).sum(), rel=1e-13)


@pytest.mark.parametrize("width", [1, 4, 33])
def test_different_rows_are_those_of_unique_in_their_order(width):
    rng = np.random.default_rng(0)
    few = rng.normal(size=(20, width))
    M = few[rng.permutation(np.repeat(np.arange(20), 10))]
    M[5] = M[4] * (1 + 1e-12)  # another row
    kept = different_rows(M)
    np.testing.assert_array_equal(np.unique(kept, axis=0), np.unique(M, axis=0))
    places = [int(np.flatnonzero((row == M).all(axis=1))[0]) for row in kept]
    assert places == sorted(set(places))


def test_no_rows_have_no_different_ones():
    assert different_rows(np.zeros((0, 3))).shape == (0, 3)
