"""Value, gradient and curvature agree, over the product of everything they meet."""

import itertools

import numpy as np
import pytest
import scipy.optimize
import scipy.sparse as sp
from scipy.special import log_softmax

from sklearn_xent.problem.duality import duality_gap
from sklearn_xent.problem.losses import BinaryCrossEntropy, MultinomialCrossEntropy, loss_for
from sklearn_xent.problem.moments import moments_of
from sklearn_xent.problem.objective import Objective
from sklearn_xent.problem.penalties import ElasticNet, elastic_net
from sklearn_xent.problem.point import Line
from sklearn_xent.problem.scaling import design_for
from sklearn_xent.rows import as_rows
from sklearn_xent.solvers.optimality_gap import Kind, certify
from sklearn_xent.solvers.proximal_newton import proximal_newton
from sklearn_xent.solvers.solve import Stage, minimise

CONTAINERS = {
    "C": np.ascontiguousarray,
    "Fortran": np.asfortranarray,
    "float32": lambda X: X.astype(np.float32),
    "csr": sp.csr_array,
    "csc": sp.csc_array,
}


PENALTIES = {"none": (0.0, 0.0), "ridge": (0.1, 0.0), "elastic net": (0.1, 0.6)}  # strength, l1_ratio


def ingredients(K, weighted=True, offset=True, n=30, d=4):
    """X (n, d), targets (K, n) half of them soft, weights (n,), and an offset of each logit or None."""
    rng = np.random.default_rng(K)
    X = rng.normal(size=(n, d)) * [1, 10, 0.1, 2] + [0, 5, 0, -3]
    X = X.astype(np.float32).astype(float)
    X[rng.random((n, d)) < 0.3] = 0.0
    targets = rng.dirichlet(np.ones(K), n).T
    targets[:, : n // 2] = np.eye(K)[rng.integers(0, K, n // 2)].T
    weights = rng.integers(0, 4, n).astype(float) if weighted else np.ones(n)
    shifts = rng.normal(size=(1 if K == 2 else K, n)) if offset else None
    return X, targets, weights / weights.sum(), shifts


def assemble(X, targets, weights, offset, container="C", strength=0.1, l1_ratio=0.0, fit_intercept=True):
    """The objective of these ingredients, as a fit makes it."""
    K = len(targets)
    rows = as_rows(CONTAINERS[container](X), targets[1:] if K == 2 else targets, weights, offset)
    design = design_for(
        rows,
        moments_of(rows),
        fit_intercept=fit_intercept,
        strength=np.full(X.shape[1], strength),
        l1_ratio=l1_ratio,
    )
    return Objective(rows, loss_for(K), elastic_net(design, strength, l1_ratio), design)


def somewhere(objective, size=1.0, seed=0):
    """Coefficients, or a direction, without an intercept where the problem has none."""
    W = size * np.random.default_rng(seed).normal(size=objective.shape)
    if not objective.design.fit_intercept:
        W[:, -1] = 0.0
    return W


def pose(
    K, container="C", l1_ratio=0.0, fit_intercept=True, weighted=True, offset=True, n=30, d=4, strength=0.1
):
    """An objective with every ingredient, and coefficients to look at it from."""
    objective = assemble(
        *ingredients(K, weighted, offset, n, d),
        container=container,
        strength=strength,
        l1_ratio=l1_ratio,
        fit_intercept=fit_intercept,
    )
    return objective, somewhere(objective, seed=K)


def logits_at(point):
    return np.concatenate(point.logits, axis=1)


EVERYTHING = pytest.mark.parametrize(
    ("K", "container", "penalty", "fit_intercept", "weighted", "offset"),
    list(itertools.product((2, 3), CONTAINERS, PENALTIES, (True, False), (True, False), (True, False))),
)


@EVERYTHING
def test_value_is_the_formula_of_the_documentation(K, container, penalty, fit_intercept, weighted, offset):
    # derivatives that agree with the value would agree with a wrong value, too
    strength, l1_ratio = PENALTIES[penalty]
    X, targets, weights, shifts = ingredients(K, weighted, offset)
    objective = assemble(X, targets, weights, shifts, container, strength, l1_ratio, fit_intercept)
    point = objective.at(somewhere(objective))
    coef, intercept = objective.design.to_original(point.coefficients)
    z = coef @ X.T + intercept[:, None] + (0.0 if shifts is None else shifts)
    np.testing.assert_allclose(logits_at(point), z, rtol=1e-11, atol=1e-11)
    both = np.vstack([np.zeros(len(X)), z]) if K == 2 else z
    loss = -(weights * targets * log_softmax(both, axis=0)).sum()
    size = l1_ratio * np.abs(coef).sum() + (1 - l1_ratio) / 2 * (coef**2).sum()
    assert point.value == pytest.approx(loss + strength * size, rel=1e-12)
    assert point.smooth_value == pytest.approx(
        loss + strength * (1 - l1_ratio) / 2 * (coef**2).sum(), rel=1e-11
    )


@EVERYTHING
def test_gradient_and_curvature_are_finite_differences(
    K, container, penalty, fit_intercept, weighted, offset
):
    strength, l1_ratio = PENALTIES[penalty]
    objective, W = pose(K, container, l1_ratio, fit_intercept, weighted, offset, strength=strength)
    check_derivatives(objective, W, somewhere(objective, seed=7))


def check_derivatives(objective, W, V, h=1e-5):
    """Gradient, products and the Hessian at W, against differences along V and against each other."""
    point, ahead, behind = objective.at(W), objective.at(W + h * V), objective.at(W - h * V)
    slope = (point.gradient * V).sum()
    noise = 1e-8 + 1e-15 * abs(point.value) / h
    assert (ahead.smooth_value - behind.smooth_value) / (2 * h) == pytest.approx(slope, rel=1e-6, abs=noise)
    product = point.hessian_product(V)
    np.testing.assert_allclose((ahead.gradient - behind.gradient) / (2 * h), product, rtol=1e-5, atol=1e-6)
    H = point.hessian()
    np.testing.assert_allclose(H @ V.ravel(), product.ravel(), rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(H, H.T, atol=1e-15)
    assert np.linalg.eigvalsh(H).min() > -1e-12
    np.testing.assert_allclose(np.diag(H), point.hessian_diagonal().ravel(), rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("size", [1e2, 1e4])
@pytest.mark.parametrize("K", [2, 3])
def test_derivatives_hold_where_logits_are_huge(K, container, penalty, size):
    strength, l1_ratio = PENALTIES[penalty]
    X, targets, weights, _ = ingredients(K)
    plain = assemble(X, targets, weights, None, container, strength, l1_ratio)
    z = logits_at(plain.at(somewhere(plain)))
    W = somewhere(plain, size / np.abs(z).max())
    z = z * size / np.abs(z).max()
    # every other row is brought back to logits of about 1 by its offset: else nothing would be curved
    back = np.where(np.arange(len(X)) % 2, 0.0, np.random.default_rng(1).normal(size=z.shape) - z)
    objective = assemble(X, targets, weights, back, container, strength, l1_ratio)
    reached = logits_at(objective.at(W))
    assert np.abs(reached[:, 1::2]).max() > 0.5 * size
    assert np.abs(reached[:, ::2]).max() < 10
    V = somewhere(objective, seed=7)
    check_derivatives(objective, W, V, h=1e-4 / np.abs(logits_at(plain.at(V))).max() ** 0.5)


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("penalty", ["none", "ridge"])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("size", [1.0, 1e2, 1e4])
@pytest.mark.parametrize("K", [2, 3])
def test_a_line_is_the_objective_on_it(K, size, fit_intercept, penalty, container):
    objective, W = pose(K, container, fit_intercept=fit_intercept, strength=PENALTIES[penalty][0])
    W, V = W * size, somewhere(objective, size, seed=1)
    point = objective.at(W)
    for line in (point.line(V), Line.through(point, objective.at(W + V))):
        for t in (0.0, 0.3, 1.0, -0.5):
            value, slope = line.evaluate(t)
            fresh = objective.at(W + t * V)
            assert value == pytest.approx(fresh.value, rel=1e-12)
            assert slope == pytest.approx((fresh.gradient * V).sum(), rel=1e-9, abs=1e-10 * size)
            on_it = line.point(t)
            assert on_it.value == pytest.approx(fresh.value, rel=1e-12)
            np.testing.assert_allclose(on_it.gradient, fresh.gradient, rtol=1e-8, atol=1e-11 * size)


@pytest.mark.parametrize("K", [2, 3])
def test_containers_agree(K):
    reference, W = pose(K, "C")
    expected = reference.at(W)
    for container in CONTAINERS:
        point = pose(K, container)[0].at(W)
        assert point.value == pytest.approx(expected.value, rel=1e-12)
        np.testing.assert_allclose(point.gradient, expected.gradient, rtol=1e-9, atol=1e-12)


def minimum(objective):
    """The minimiser, to the last digit."""
    start = np.zeros(objective.shape)
    return minimise(
        objective, [Stage("proximal-newton", proximal_newton)], start, tol=1e-13, max_iter=500
    ).point


def with_best_intercept(objective, W):
    """W with the intercept that is best for its columns: the bound asks for no less."""
    if not objective.design.fit_intercept:
        return W

    def at(b):
        point = objective.at(np.column_stack([W[:, :-1], b]))
        return point.value, point.gradient[:, -1]

    b = scipy.optimize.minimize(at, W[:, -1], jac=True, method="BFGS", options={"gtol": 1e-13}).x
    return np.column_stack([W[:, :-1], b])


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("strength", [0.05, 20.0])
@pytest.mark.parametrize("l1_ratio", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("K", [2, 3])
def test_duality_gap_bounds_the_true_gap_and_closes_with_it(K, l1_ratio, strength, fit_intercept):
    objective, W = pose(K, l1_ratio=l1_ratio, fit_intercept=fit_intercept, strength=strength)
    best = minimum(objective)
    assert certify(best, 0.0)[0].nats <= 1e-9 * best.value
    for scale in (1.0, 0.1, 0.0):
        here = with_best_intercept(objective, best.coefficients + scale * W)
        point = objective.at(here)
        assert duality_gap(point) >= (point.value - best.value) * (1 - 1e-9) - 1e-13
        gap, _ = certify(point, 0.0)
        assert gap.kind is Kind.BOUND
        assert gap.nats >= (point.value - best.value) * (1 - 1e-9) - 1e-13
        bound = point.value - min(gap.nats, duality_gap(point))
        for seed in range(5):
            assert objective.at(somewhere(objective, scale, seed)).value >= bound - 1e-12


def test_duality_gap_of_a_strong_ridge_is_the_true_gap():
    # where the penalty is all the curvature there is, the bound is no looser than the truth
    objective, _ = pose(2, fit_intercept=False, strength=1e6)
    W = somewhere(objective, 10.0)
    point, best = objective.at(W), minimum(objective)
    assert duality_gap(point) == pytest.approx(point.value - best.value, rel=1e-3)


def test_without_a_penalty_there_is_no_dual_bound():
    objective, W = pose(3, strength=0.0)
    assert duality_gap(objective.at(W)) == np.inf


@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("K", [2, 3])
def test_stationarity_is_the_steepest_descent(K, container, penalty):
    strength, l1_ratio = PENALTIES[penalty]
    objective, W = pose(K, container, l1_ratio, strength=strength)
    W[:, ::2] = 0.0  # at kinks of l1
    point, h = objective.at(W), 1e-7
    s = point.stationarity

    def slope(V):
        return (objective.at(W + h * V).value - point.value) / h

    steepest = np.linalg.norm(s)
    assert slope(-s / steepest) == pytest.approx(-steepest, rel=1e-5)
    for seed in range(10):
        V = somewhere(objective, seed=seed)
        assert slope(V / np.linalg.norm(V)) >= -steepest * (1 + 1e-5)
    if strength:
        assert np.linalg.norm(minimum(objective).stationarity) < 1e-9


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


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("K", [2, 3])
def test_design_goes_there_and_back(K, fit_intercept, container):
    objective, W = pose(K, container, fit_intercept=fit_intercept)
    coef, intercept = objective.design.to_original(W)
    assert intercept.any() == fit_intercept
    np.testing.assert_allclose(objective.design.from_original(coef, intercept), W, rtol=1e-12, atol=1e-12)
    again = objective.design.to_original(objective.design.from_original(coef, intercept))
    np.testing.assert_allclose(again[0], coef, rtol=1e-12)
    np.testing.assert_allclose(again[1], intercept, rtol=1e-12, atol=1e-12)


def test_design_forgets_the_coefficient_of_a_constant_column():
    X, targets, weights, offset = ingredients(3)
    X[:, 1] = 7.0
    objective = assemble(X, targets, weights, offset)
    coef, intercept = np.ones((3, 4)), np.arange(3.0)
    there, b = objective.design.to_original(objective.design.from_original(coef, intercept))
    np.testing.assert_allclose(there, coef * [1, 0, 1, 1], rtol=1e-12)
    np.testing.assert_allclose(b, intercept, atol=1e-12)
