"""The norms of groups beside an l1 norm, against differences and definitions."""

import numpy as np
import pytest

from sklearn_xent.problem.penalties import GroupLasso


def penalty(seed, K=3):
    rng = np.random.default_rng(seed)
    index = np.array([0, 1, 0, 2, 1, 0, -1, -1])
    l1 = np.array([0.1, 0, 0.3, 0.2, 0, 0.1, 0.0, 0.0])
    W = rng.normal(size=(K, 8))
    W[:, [1, 4]] = 0
    W[0, 2] = 0
    net = GroupLasso(l1, np.append(np.zeros(7), 1.0), index=index, weight=np.array([0.5, 0.7, 0.4]))
    return net, W, rng


def test_value_is_the_sum_of_norms():
    net, W, _ = penalty(0)
    norms = [np.linalg.norm(W[:, net.index == g]) for g in range(3)]
    expected = net.weight @ norms + (np.abs(W) * net.l1).sum() + 0.5 * (W[:, 7] ** 2).sum()
    assert net.value(W) == pytest.approx(expected, rel=1e-14)


def test_gradient_and_curvature_by_differences():
    net, W, rng = penalty(1)
    V = np.where(net.movable(W), rng.normal(size=W.shape), 0.0)
    h = 1e-6
    slope = (net.value(W + h * V) - net.value(W - h * V)) / (2 * h)
    assert (net.slopes(W, net.gradient(W)) * V).sum() == pytest.approx(slope, rel=1e-8)
    ahead, behind = (net.slopes(W + s * V, net.gradient(W + s * V)) for s in (h, -h))
    bend = np.where(net.movable(W), (ahead - behind) / (2 * h), 0.0)
    np.testing.assert_allclose(np.where(net.movable(W), net.curvature(W, V), 0.0), bend, atol=1e-7)
    H = np.zeros((W.size, W.size))
    net.add_curvature(H, W, np.ones(W.shape, bool))
    np.testing.assert_allclose(H @ V.ravel(), (net.curvature(W, V) - net.l2 * V).ravel(), atol=1e-12)
    assert net.change(W, net.gradient(W), W + h * V) == pytest.approx(h * slope, rel=1e-4)


@pytest.mark.parametrize("seed", range(5))
def test_prox_is_where_its_subgradient_is_zero(seed):
    net, _, rng = penalty(seed)
    U, step = rng.normal(size=(3, 8)), 0.8
    V = net.prox(U, step)
    np.testing.assert_allclose(net.subgradient(V, (V - U) / step), 0, atol=1e-14)
    for _ in range(20):
        other = V + 0.1 * rng.normal(size=V.shape)
        absolute = net.absolute(V) + ((V - U) ** 2).sum() / (2 * step)
        assert absolute <= net.absolute(other) + ((other - U) ** 2).sum() / (2 * step)


@pytest.mark.parametrize("seed", range(5))
def test_the_subgradient_is_the_steepest_descent(seed):
    net, W, rng = penalty(seed)
    G = rng.normal(size=W.shape)
    S, h = net.subgradient(W, G), 1e-7

    def fall(D):
        return (G * D).sum() + (net.absolute(W + h * D) - net.absolute(W)) / h

    steepest = fall(-S / np.linalg.norm(S))
    assert steepest == pytest.approx(-np.linalg.norm(S), rel=1e-5)
    for _ in range(200):
        D = rng.normal(size=W.shape)
        assert fall(D / np.linalg.norm(D)) >= steepest - 1e-5


@pytest.mark.parametrize("seed", range(5))
def test_shrinkage_brings_slopes_to_the_edge_of_what_is_feasible(seed):
    net, W, rng = penalty(seed)
    G = 3 * rng.normal(size=W.shape)
    G[:, 6] = 0
    c = net.shrinkage(G)
    assert 0 < c < 1
    assert (net.excess(c * G)[:, :6] <= 1e-12).all()
    assert (net.excess(1.0001 * c * G)[:, :6] > 0).any()
    # Fenchel: no point has <V, -G> - P(V) above the conjugate, which is 0 there, but for the ridge
    for _ in range(50):
        V = rng.normal(size=W.shape)
        V[:, 7] = 0
        assert net.fenchel_gap(V, c * G) >= 0
    least = net.least_multiple(G)
    assert net.subgradient(np.zeros_like(W), G / least * (1 - 1e-9))[:, :6] == pytest.approx(0.0)
