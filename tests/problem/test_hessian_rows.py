"""The rows whose products are the Hessian: their factor, their gauge, and the digits that products lose."""

import numpy as np
import pytest

from sklearn_xent.problem import hessians
from tests.problem.dense import posed
from tests.problem.test_derivatives import CONTAINERS, assemble, ingredients

EVERY = pytest.mark.parametrize(("K", "container"), [(K, c) for K in (2, 3, 4) for c in CONTAINERS])


def stacked(parts, size):
    return np.vstack([block.reshape(-1, size) for block in parts])


@pytest.mark.parametrize("cached", [1 << 17, 1])
@EVERY
def test_the_factor_and_the_rows_have_the_same_products(monkeypatch, K, container, cached):
    o, W, dense = posed(K, container)
    monkeypatch.setattr(hessians, "CACHED", cached)
    point, rng = o.at(W), np.random.default_rng(0)
    for chosen in (np.ones(W.shape, bool), rng.random(W.shape) < 0.6):
        gauged = np.zeros(W.shape[1], bool)
        contrasts, pinned = point.hessian_rows(chosen, gauged)
        size = np.count_nonzero(chosen)
        assert not any(block.size for block in pinned.flat())
        B, R = stacked(contrasts.flat(), size), stacked(point.hessian_roots(chosen, gauged).flat(), size)
        among = dense.hessian()[np.ix_(chosen.ravel(), chosen.ravel())]
        np.testing.assert_allclose(B.T @ B, among, atol=1e-13)
        np.testing.assert_allclose(R.T @ R, among, atol=1e-13)
        np.testing.assert_array_equal(R, np.triu(R))
        assert len(R) <= size


@pytest.mark.parametrize("K", [3, 4])
@pytest.mark.parametrize("container", ["C", "csr"])
def test_a_gauge_gives_what_moves_all_classes_alike_their_mean_curvature(K, container):
    o, W, dense = posed(K, container)
    point = o.at(W)
    chosen = np.ones(W.shape, bool)
    chosen[0, 1] = False  # a column that not all classes have needs no gauge
    gauged = np.array([True, True, True, False, True])
    size = np.count_nonzero(chosen)
    contrasts, pinned = point.hessian_rows(chosen, gauged)
    factor = stacked(point.hessian_roots(chosen, gauged).flat(), size)
    whole = np.vstack([stacked(contrasts.flat(), size), stacked(pinned.flat(), size)])
    np.testing.assert_allclose(factor.T @ factor, whole.T @ whole, atol=1e-13)
    x = np.random.default_rng(0).normal(size=W.shape[1])
    x[[1, 3]] = 0.0
    alike = np.tile(x, (K, 1))[chosen]
    variance = (dense.p * (1 - dense.p)).sum(axis=0)
    expected = dense.weights * variance @ (dense.A @ x) ** 2
    assert (whole @ alike) @ (whole @ alike) == pytest.approx(expected, rel=1e-10)
    for column, none in ((1, False), (3, True)):
        alone = np.where(np.arange(5) == column, np.ones((K, 5)), 0.0)[chosen]
        curvature = alone @ dense.hessian()[np.ix_(chosen.ravel(), chosen.ravel())] @ alone
        assert (whole @ alone) @ (whole @ alone) == pytest.approx(curvature, rel=1e-10, abs=1e-15)
        assert (abs(curvature) < 1e-15) == none


@EVERY
def test_slopes_along_rows_are_the_sum_of_the_rows(K, container):
    o, W, _ = posed(K, container)
    point, every = o.at(W), np.ones(W.shape, bool)
    contrasts, _ = point.hessian_rows(every, np.zeros(W.shape[1], bool))
    along = type(contrasts)(np.random.default_rng(0).normal(size=b.shape[:2]) for b in contrasts)
    expected = sum(np.einsum("mi,mij->j", u, b) for u, b in zip(along, contrasts, strict=True))
    # rows without weight are 0: what multiplies them counts for nothing, and is not divided by 0
    np.testing.assert_allclose(point.slopes_along_rows(along).ravel(), expected, atol=1e-13)


@pytest.mark.parametrize("K", [2, 3])
def test_the_factor_keeps_a_direction_that_products_lose(K):
    """Columns that differ by 1e-10: in A' A the difference is 1e-20 of the whole, below float64's 1e-16."""
    X, targets, weights, _ = ingredients(K, weighted=False)
    rng = np.random.default_rng(3)
    difference = rng.integers(-8, 9, len(X)) * 2.0**-33
    X[:, 0] = rng.integers(-99, 100, len(X)) / 32
    X[:, 1] = X[:, 0] + difference
    o = assemble(X, targets, weights, None, strength=0.0)
    point = o.at(np.zeros(o.shape))
    R = stacked(point.hessian_roots(np.ones(o.shape, bool), np.zeros(5, bool)).flat(), point.gradient.size)
    V = np.zeros(o.shape)
    V[-1, :2] = np.array([-1.0, 1.0]) / o.design.scale[:2]
    p = 1 / K
    expected = p * (1 - p) * np.mean((difference - difference.mean()) ** 2)
    along = R @ V.ravel()
    assert along @ along == pytest.approx(expected, rel=1e-3, abs=0.0)
