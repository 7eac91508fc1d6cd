"""What is known at a point, beyond its gradient and Hessian: parts of the curvature, and what it shares."""

import numpy as np
import pytest

from sklearn_xent.problem import objective as module
from sklearn_xent.problem.penalties import ElasticNet, elastic_net
from tests.problem.dense import posed
from tests.problem.test_derivatives import CONTAINERS, assemble, ingredients

EVERY = pytest.mark.parametrize(("K", "container"), [(K, c) for K in (2, 3) for c in CONTAINERS])
STRENGTH = 0.1


@EVERY
def test_curvatures_are_those_of_dense_algebra(K, container):
    o, W, dense = posed(K, container, strength=STRENGTH)
    point, ridge = o.at(W), o.penalty.hessian_diagonal
    whole = dense.hessian() + np.diag(np.tile(ridge, len(W)))
    np.testing.assert_allclose(point.loss_hessian(), dense.hessian(), atol=1e-13)
    chosen = np.random.default_rng(0).random(W.shape) < 0.6
    among = whole[np.ix_(chosen.ravel(), chosen.ravel())]
    np.testing.assert_allclose(point.hessian_among(chosen), among, atol=1e-13)
    h = (dense.p * (1 - dense.p)).mean(axis=0) * (1.0 if K == 2 else K / (K - 1))
    shared = (dense.A * (dense.weights * h)[:, None]).T @ dense.A + np.diag(ridge)
    np.testing.assert_allclose(point.shared_hessian(), shared, atol=1e-13)
    mean = np.einsum("n,nkl->kl", dense.weights, dense.S)
    np.testing.assert_allclose(point.coupling(), mean, atol=1e-15)
    np.testing.assert_allclose(point.mean_curvature(), np.diag(mean), rtol=1e-13)
    change = np.random.default_rng(1).normal(size=dense.z.shape)
    product = np.concatenate(point.curvature_product(o.rows.split(change)).flat(), axis=1)
    np.testing.assert_allclose(product, dense.weights * np.einsum("nkl,ln->kn", dense.S, change), atol=1e-15)


@EVERY
def test_curvature_along_directions_is_that_of_the_hessian(K, container):
    o, W, _ = posed(K, container, strength=STRENGTH)
    point = o.at(W)
    basis = np.random.default_rng(0).normal(size=(*W.shape, 3))
    if K == 3:
        basis -= basis.mean(axis=0)  # what all classes share is not measured
    flat, H = basis.reshape(-1, 3), point.hessian()
    np.testing.assert_allclose(point.products_along(basis).reshape(-1, 3), H @ flat, atol=1e-12)
    along = point.curvature_along(basis, np.zeros(W.shape))
    np.testing.assert_allclose(along, flat.T @ H @ flat, rtol=1e-11)
    # a direction that is nothing but its own error has none
    assert not point.curvature_along(basis, 1e3 * np.ones(W.shape)).any()


@pytest.mark.parametrize("K", [2, 3])
def test_the_curvature_of_certain_rows_keeps_its_digits(K):
    """In float64 1 - p is 0 beyond a logit of 37, where p (1 - p) is exp(-37) and not 0."""
    X, targets, weights, _ = ingredients(K)
    o = assemble(X, targets, weights, None, strength=0.0)
    W = np.zeros(o.shape)
    W[-1, -1] = 45.0
    variance = np.exp(-45.0) / (1 + np.exp(-45.0)) ** 2 if K == 2 else 2 / (np.exp(45.0) + 4)
    point = o.at(W)
    expected = variance * o.gram()
    size = o.shape[1]
    last = slice(len(W) * size - size, None)
    np.testing.assert_allclose(point.loss_hessian()[last, last], expected, rtol=1e-9, atol=1e-33)
    every = np.ones(W.shape, bool)
    np.testing.assert_allclose(point.hessian_among(every)[last, last], expected, rtol=1e-9, atol=1e-33)
    np.testing.assert_allclose(point.hessian_diagonal()[-1], np.diag(expected), rtol=1e-9)
    assert point.mean_curvature()[-1] == pytest.approx(variance, rel=1e-12)


@pytest.mark.parametrize("keeps", [True, False])
def test_replaced_logits_bring_their_own_expansion(monkeypatch, keeps):
    o, W, _ = posed(3)
    monkeypatch.setattr(module, "KEPT", 10**6 if keeps else 0)
    point, other = o.at(W), o.at(0.5 * W)
    point.loss_hessian_product(W)  # the expansion is known now
    for mine, theirs in zip(point.logits.flat(), other.logits.flat(), strict=True):
        mine[:] = theirs
    assert point.reexpanded(other.loss, other.loss_gradient) is point
    np.testing.assert_allclose(point.loss_hessian(), other.loss_hessian(), atol=1e-15)
    np.testing.assert_allclose(point.loss_hessian_product(W), other.loss_hessian_product(W), atol=1e-15)
    assert point.value == other.loss + o.penalty.value(W)
    np.testing.assert_array_equal(point.gradient, other.loss_gradient + o.penalty.gradient(W))


@pytest.mark.parametrize("l1_ratio", [0.5, 1.0])
def test_slopes_of_all_classes_cancel_exactly_where_an_l1_norm_would_hold_them(l1_ratio):
    o, W, _ = posed(3, l1_ratio=l1_ratio, strength=1e-14)
    assert np.abs(o.at(W).loss_gradient.sum(axis=0)).max() < 1e-16


@pytest.mark.parametrize("K", [2, 3])
def test_how_far_a_point_has_moved_is_the_largest_change_of_a_row_that_counts(K):
    o, W, dense = posed(K)
    other = W + 0.1 * np.random.default_rng(5).normal(size=W.shape)
    change = (other - W) @ dense.A.T
    width = np.abs(change[0]) if K == 2 else np.ptp(change, axis=0)
    counts = dense.weights > 0
    assert o.at(other).moved_from(o.at(W)) == pytest.approx(width[counts].max(), rel=1e-11)
    assert o.at(W).moved_from(o.at(W)) == 0.0


def test_a_direction_is_one_of_separation_only_where_nothing_holds_it_back():
    X = np.array([[-2.0], [-1.0], [1.0], [2.0]])
    y = np.eye(2)[[0, 0, 1, 1]].T
    o = assemble(X, y, np.full(4, 0.25), None, strength=0.0)
    W = o.from_original(np.array([[3.0]]), np.zeros(1))
    assert o.at(W).separates()
    free = np.array([-np.inf, -np.inf]), np.array([np.inf, np.inf])
    above, below = (np.array([5.0, np.inf]), free[1]), (np.array([-5.0, -np.inf]), free[0])

    def bounded(lower, upper):
        return o.under(ElasticNet(np.zeros(2), np.zeros(2), lower, upper)).at(W).separates()

    assert bounded(*free)
    assert not bounded(free[0], above[0])  # a bound above it ends the way up
    assert bounded(below[0], free[1])  # one below it does not
    assert not o.under(elastic_net(o.design, 1e-9, 0.0)).at(W).separates()
    assert not o.at(-W).separates()
