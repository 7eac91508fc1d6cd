"""The elastic net and its bounds: what only it can say."""

import numpy as np
import pytest

from sklearn_xent.problem.penalties import ElasticNet

INF = np.inf


@pytest.mark.parametrize("l1", [0.0, 0.3])
@pytest.mark.parametrize("bounded", [False, True])
def test_a_change_of_slopes_costs_no_more_than_is_said(l1, bounded):
    rng = np.random.default_rng(0)
    l2, l1s = np.array([1e-6, 0.1, 2.0, 0.5]), l1 * np.array([1.0, 0.0, 1.0, 2.0])
    bounds = (np.array([-1.0, -INF, 0.0, -0.5]), np.array([INF, 1.0, INF, 0.5])) if bounded else (None, None)
    penalty = ElasticNet(l1s, l2, *bounds)
    for _ in range(200):
        W = np.clip(rng.normal(size=(3, 4)) * rng.integers(0, 2, (3, 4)), *penalty.bounds)
        G, reach = rng.normal(size=(3, 4)), rng.exponential(size=(3, 4)) * rng.integers(0, 2, (3, 4))
        moved = G + reach * rng.uniform(-1, 1, (3, 4))
        rise = penalty.fenchel_gap(W, moved) - penalty.fenchel_gap(W, G)
        assert rise <= penalty.fenchel_rise(W, G, reach) * (1 + 1e-9) + 1e-9
    assert penalty.fenchel_rise(W, G, np.zeros_like(G)) == 0.0


@pytest.mark.parametrize("K", [3, 4, 5])
@pytest.mark.parametrize(("l1", "l2"), [(0.7, 0.0), (0.7, 0.3), (0.0, 0.3)])
def test_the_shift_of_all_classes_is_that_of_least_penalty(K, l1, l2):
    penalty = ElasticNet(np.array([l1, 0.5, 0.0]), np.array([l2, 0.0, 0.0]))
    for seed in range(20):
        W = np.random.default_rng([K, seed]).normal(size=(K, 3))
        shift = penalty.least_shift(W)
        least = penalty.value(W - shift)
        for other in np.linspace(W.min(), W.max(), 201):
            assert least <= penalty.value(W - [other, shift[1], 0.0]) + 1e-14
        assert shift[2] == 0.0  # nothing penalises the last column
        again = penalty.least_shift(W - shift)
        np.testing.assert_allclose(again, 0.0, atol=1e-15)  # and 0 of all that are as good


@pytest.mark.parametrize(("lower", "shift"), [(-5.0, 2.0), (-0.5, 1.5), (1.0, 0.0)])
def test_a_column_with_bounds_is_shifted_as_far_as_they_let_it(lower, shift):
    penalty = ElasticNet(np.array([1.0, 1.0]), np.zeros(2), np.array([lower, -INF]), np.array([INF, INF]))
    W = np.array([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]])
    assert penalty.least_shift(W).tolist() == [shift, 2.0]
