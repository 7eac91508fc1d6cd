"""Value, gradient and curvature agree, over the product of everything they meet."""

import itertools

import numpy as np
import pytest
import scipy.sparse as sp

from sklearn_xent.problem.design import design_for
from sklearn_xent.problem.losses import BinaryCrossEntropy, MultinomialCrossEntropy, loss_for
from sklearn_xent.problem.objective import Line, Objective
from sklearn_xent.problem.penalties import ElasticNet, elastic_net
from sklearn_xent.rows import as_rows

CONTAINERS = {
    "C": np.ascontiguousarray,
    "Fortran": np.asfortranarray,
    "float32": lambda X: X.astype(np.float32),
    "csr": sp.csr_array,
    "csc": sp.csc_array,
}


def pose(
    K, container="C", l1_ratio=0.0, fit_intercept=True, weighted=True, offset=True, n=30, d=4, strength=0.1
):
    """An objective with every ingredient, and coefficients to look at it from."""
    rng = np.random.default_rng(K)
    X = rng.normal(size=(n, d)) * [1, 10, 0.1, 2] + [0, 5, 0, -3]
    X = X.astype(np.float32).astype(float)
    X[rng.random((n, d)) < 0.3] = 0.0
    targets = rng.dirichlet(np.ones(K), n).T
    targets[:, : n // 2] = np.eye(K)[rng.integers(0, K, n // 2)].T
    weights = rng.integers(0, 4, n).astype(float) if weighted else np.ones(n)
    k = 1 if K == 2 else K
    rows = as_rows(
        CONTAINERS[container](X),
        targets[1:] if K == 2 else targets,
        weights / weights.sum(),
        rng.normal(size=(k, n)) if offset else None,
    )
    design = design_for(rows, fit_intercept=fit_intercept, strength=strength, l1_ratio=l1_ratio)
    objective = Objective(rows, loss_for(K), elastic_net(design, strength, l1_ratio), design)
    W = rng.normal(size=objective.shape)
    if not fit_intercept:
        W[:, -1] = 0.0
    return objective, W


EVERYTHING = list(
    itertools.product((2, 3), CONTAINERS, (0.0, 0.6), (True, False), (True, False), (True, False))
)


@pytest.mark.parametrize(("K", "container", "l1_ratio", "fit_intercept", "weighted", "offset"), EVERYTHING)
def test_gradient_and_curvature_are_finite_differences(
    K, container, l1_ratio, fit_intercept, weighted, offset
):
    objective, W = pose(K, container, l1_ratio, fit_intercept, weighted, offset)
    point, rng = objective.at(W), np.random.default_rng(0)
    V = rng.normal(size=W.shape)
    if not fit_intercept:
        V[:, -1] = 0.0
    h = 1e-5
    ahead, behind = objective.at(W + h * V), objective.at(W - h * V)
    slope = (point.gradient * V).sum()
    assert (ahead.smooth_value - behind.smooth_value) / (2 * h) == pytest.approx(slope, rel=1e-6, abs=1e-8)
    product = point.hessian_product(V)
    np.testing.assert_allclose((ahead.gradient - behind.gradient) / (2 * h), product, rtol=1e-5, atol=1e-7)
    H = point.hessian()
    np.testing.assert_allclose(H @ V.ravel(), product.ravel(), rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(H, H.T, atol=1e-15)
    assert np.linalg.eigvalsh(H).min() > -1e-12
    np.testing.assert_allclose(np.diag(H), point.hessian_diagonal().ravel(), rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("K", [2, 3])
@pytest.mark.parametrize("size", [1.0, 1e2, 1e4])
def test_a_line_is_the_objective_on_it(K, size):
    objective, W = pose(K)
    W = W * size
    point, V = objective.at(W), np.random.default_rng(1).normal(size=W.shape) * size
    for line in (point.line(V), Line.through(point, objective.at(W + V))):
        value, slope = line.evaluate(0.3)
        fresh = objective.at(W + 0.3 * V)
        assert value == pytest.approx(fresh.value, rel=1e-12)
        assert slope == pytest.approx((fresh.gradient * V).sum(), rel=1e-9)
        np.testing.assert_allclose(line.point(0.3).gradient, fresh.gradient, rtol=1e-8, atol=1e-12 * size)


@pytest.mark.parametrize("K", [2, 3])
def test_containers_agree(K):
    reference, W = pose(K, "C")
    expected = reference.at(W)
    for container in CONTAINERS:
        point = pose(K, container)[0].at(W)
        assert point.value == pytest.approx(expected.value, rel=1e-12)
        np.testing.assert_allclose(point.gradient, expected.gradient, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("l1_ratio", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("K", [2, 3])
def test_duality_gap_bounds_the_distance_to_any_other_point(K, l1_ratio):
    objective, W = pose(K, l1_ratio=l1_ratio, fit_intercept=False)
    rng = np.random.default_rng(0)
    for scale in (1.0, 0.1, 0.0):
        point = objective.at(W * scale)
        bound = point.value - point.duality_gap()
        for _ in range(20):
            other = rng.normal(size=W.shape) * rng.random()
            other[:, -1] = 0.0
            assert objective.at(other).value >= bound - 1e-12


def test_loss_keeps_its_digits_in_the_tails():
    tail = 4.248354255291589e-18
    e = BinaryCrossEntropy().expand(np.array([[40.0, -40.0, 1e4]]), np.array([[1.0, 0.0, 0.0]]))
    np.testing.assert_allclose(e.value, [tail, tail, 1e4], rtol=1e-15)
    np.testing.assert_allclose(e.residual, [[-tail, tail, 1.0]], rtol=1e-13)
    e = MultinomialCrossEntropy(2).expand(np.array([[40.0], [0.0]]), np.array([[1.0], [0.0]]))
    assert e.value[0] == pytest.approx(tail, rel=1e-15)
    np.testing.assert_allclose(e.residual, [[-tail], [tail]], rtol=1e-13)
    np.testing.assert_allclose(e.complements, [[tail], [1.0]], rtol=1e-13)


def test_two_symmetric_classes_are_one_logit():
    rng = np.random.default_rng(0)
    z, y = rng.normal(size=(2, 50)) * 5, rng.random(50)
    one = BinaryCrossEntropy().expand((z[1] - z[0])[None], y[None])
    two = MultinomialCrossEntropy(2).expand(z, np.stack([1 - y, y]))
    np.testing.assert_allclose(one.value, two.value, rtol=1e-13)
    np.testing.assert_allclose(one.residual[0], two.residual[1], rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(one.curvature(0, 0), -two.curvature(0, 1), rtol=1e-12)
    v = rng.normal(size=(2, 50))
    np.testing.assert_allclose(two.curvature_product(v).sum(axis=0), 0.0, atol=1e-14)


def test_subgradient_is_zero_exactly_where_the_penalty_holds_the_slope():
    penalty = ElasticNet(np.array([1.0, 1.0, 1.0, 0.0]), np.zeros(4))
    W, g = np.array([[0.0, 0.0, 2.0, 0.0]]), np.array([[0.5, -1.5, -1.0, 0.3]])
    np.testing.assert_allclose(penalty.subgradient(W, g), [[0.0, -0.5, 0.0, 0.3]])
    np.testing.assert_allclose(penalty.prox(np.array([[0.5, -1.5, 3.0, 1.0]]), 1.0), [[0.0, -0.5, 2.0, 1.0]])


def test_design_goes_there_and_back():
    objective, W = pose(3)
    coef, intercept = objective.design.to_original(W)
    np.testing.assert_allclose(objective.design.from_original(coef, intercept), W, rtol=1e-12, atol=1e-12)
