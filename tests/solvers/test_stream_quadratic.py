"""The quadratic that stands for the rows of a stream, as a matrix and as its diagonal, by dense algebra."""

import numpy as np
import pytest

from sklearn_xent.problem.penalties import ElasticNet, elastic_net
from sklearn_xent.solvers.faces import FaceSolver
from sklearn_xent.solvers.stream_quadratic import DiagonalQuadratic, FullQuadratic, Rescaling
from tests.problem.test_derivatives import pose
from tests.problems import positive
from tests.solvers.test_stream import begun, block


@pytest.mark.parametrize("K", [2, 3])
def test_of_rows_that_are_not_lost_it_is_the_hessian_of_the_loss(K):
    objective, W = pose(K, weighted=False)
    point = objective.at(0.1 * W)
    full, lost = FullQuadratic.of(point, None)
    np.testing.assert_allclose(full.A, point.loss_hessian(), rtol=1e-12, atol=1e-15)
    assert not lost
    # the diagonal where next to nothing is left to learn
    diagonal, lost = DiagonalQuadratic.of(point, np.full(W.shape, 1e-12))
    np.testing.assert_allclose(diagonal.D.ravel(), np.diag(full.A), rtol=1e-6)
    assert not lost


@pytest.mark.parametrize("K", [2, 3])
def test_a_lost_row_has_the_curvature_of_the_way_back(K):
    objective, W = pose(K, weighted=False)
    point = objective.at(100 * W)
    full, lost = FullQuadratic.of(point, None)
    assert lost
    assert np.trace(full.A) > 2 * np.trace(point.loss_hessian())
    assert np.linalg.eigvalsh(full.A).min() > -1e-12 * np.trace(full.A)
    assert DiagonalQuadratic.of(point, np.full(W.shape, 1e-12))[1]


@pytest.mark.parametrize("kind", [FullQuadratic, DiagonalQuadratic])
def test_sums_and_multiples(kind):
    rng = np.random.default_rng(0)
    A, B = (positive(6, seed=s) if kind is FullQuadratic else rng.random((2, 3)) for s in (0, 1))
    V = rng.normal(size=(2, 3))
    a, b = kind(A), kind(B)
    np.testing.assert_allclose(a.plus(b, 0.3).times(V), a.times(V) + 0.3 * b.times(V))
    np.testing.assert_allclose(a.scaled(2.0).times(V), 2 * a.times(V))


def test_other_coordinates_are_the_same_quadratic():
    rng = np.random.default_rng(0)
    to = Rescaling(10.0 ** rng.uniform(-2, 2, 3), rng.normal(size=3), np.ones(3))
    A, V, G = positive(8), rng.normal(size=(2, 4)), rng.normal(size=(2, 4))
    there = to.coefficients(V)
    np.testing.assert_allclose((to.gradient(G) * there).sum(), (G * V).sum())
    rescaled = FullQuadratic(A).rescaled(to)
    assert (there * rescaled.times(there)).sum() == pytest.approx(V.ravel() @ A @ V.ravel(), rel=1e-9)
    np.testing.assert_array_equal(rescaled.A, rescaled.A.T)


@pytest.mark.parametrize("l1_ratio", [0.0, 0.6])
@pytest.mark.parametrize("K", [2, 3])
def test_its_minimum_with_the_penalty(K, l1_ratio):
    objective, W = pose(K, weighted=False)
    objective = objective.under(elastic_net(objective.design, 0.3, l1_ratio))
    full, _ = FullQuadratic.of(objective.at(0.1 * W), None)
    linear = np.random.default_rng(1).normal(size=W.shape)
    linear -= linear.mean(axis=0) * (K > 2)
    best = full.minimise(linear, objective, W)
    slope = objective.penalty.subgradient(best, full.times(best) - linear + objective.penalty.gradient(best))
    assert np.abs(slope).max() < 1e-6 * np.abs(linear).max()
    assert not l1_ratio or (best == 0).any()


@pytest.mark.parametrize("l1_ratio", [0.0, 0.6])
def test_of_a_diagonal_each_coefficient_is_minimised_by_itself(l1_ratio):
    objective, W = pose(3)
    net = elastic_net(objective.design, 0.3, l1_ratio)
    objective = objective.under(ElasticNet(net.l1, net.l2 * [1, 1, 0, 1, 1]))
    D, linear = np.ones(W.shape), np.random.default_rng(1).normal(size=W.shape)
    D[:, 2] = D[:, 4] = 0.0
    best = DiagonalQuadratic(D).minimise(linear, objective, W)
    for j in (0, 1, 3):
        soft = np.sign(linear[:, j]) * np.maximum(np.abs(linear[:, j]) - net.l1[j], 0)
        np.testing.assert_allclose(best[:, j], soft / (1 + net.l2[j]))
    np.testing.assert_array_equal(best[:, 4], W[:, 4])  # of which nothing is known


def test_a_variance_is_that_given_the_rows_and_the_penalty():
    D = DiagonalQuadratic(np.array([[4.0, 0.0, 0.0]]))
    penalty = ElasticNet(np.zeros(3), np.array([1.0, 2.0, 0.0]))
    np.testing.assert_allclose(D.variance(penalty), [[0.2, 0.5, 1e30]])


def test_a_flat_direction_beside_an_outlier_takes_the_lasso_no_more_steps(monkeypatch):
    calls = []
    solve = FaceSolver.solve
    monkeypatch.setattr(FaceSolver, "solve", lambda *args: calls.append(0) or solve(*args))
    stream = begun(7, 5, l1_ratio=1.0, C=1e3)
    objective = stream._objective(block(10, 7, 5))
    rng = np.random.default_rng(0)
    for _ in range(20):
        # what the classes share is flat, but for rounding; two of them disagree about an outlier
        X, far, between = rng.standard_normal((300, 8)), np.append(rng.standard_normal(7), 1e-6), np.eye(5)[1]
        A = np.kron(np.eye(5) - 0.2, X.T @ X)
        A += 1e12 * np.kron(np.outer(between - np.eye(5)[3], between - np.eye(5)[3]), np.outer(far, far))
        start = rng.standard_normal((5, 8))
        linear = (A @ start.ravel()).reshape(5, 8) + rng.standard_normal((5, 8))
        FullQuadratic(A).minimise(linear, objective, start + 0.01 * rng.standard_normal((5, 8)))
    assert len(calls) < 20 * 100
