"""The parts that solvers are made of, against linear algebra that is beyond doubt."""

import numpy as np
import pytest

from sklearn_xent.problem.penalties import elastic_net, pull
from sklearn_xent.solvers.conjugate_gradient import conjugate_gradient
from sklearn_xent.solvers.coordinates import Diagonal, SignSplit, triangular_factor
from sklearn_xent.solvers.curvature import Curvature
from sklearn_xent.solvers.hessian import curvature_at
from sklearn_xent.solvers.line_search import line_search
from sklearn_xent.solvers.quadratic_lasso import quadratic_lasso
from sklearn_xent.solvers.quasi_newton import Corrections
from tests.problem.test_derivatives import pose


def positive(n, rank=None, seed=0):
    A = np.random.default_rng(seed).normal(size=(rank or n + 3, n))
    return A.T @ A


def test_conjugate_gradients_solve():
    H, b = positive(12), np.random.default_rng(1).normal(size=(3, 4))
    x, products = conjugate_gradient(
        lambda v: (H @ v.ravel()).reshape(3, 4),
        b,
        lambda r: r / np.diag(H).reshape(3, 4),
        tol=1e-12,
        max_iter=50,
    )
    np.testing.assert_allclose(x.ravel(), np.linalg.solve(H, b.ravel()), rtol=1e-8)
    assert products <= 20


def test_conjugate_gradients_stop_where_there_is_no_curvature():
    x, products = conjugate_gradient(lambda v: 0 * v, np.ones(3), lambda r: r, tol=1e-8, max_iter=50)
    np.testing.assert_array_equal(x, np.ones(3))
    assert products == 1


@pytest.mark.parametrize("scale", [1.0, 1e8])
def test_a_singular_hessian_gives_the_step_of_least_norm(scale):
    H, g = positive(6, rank=4), np.random.default_rng(2).normal(size=6)
    g = H @ g
    np.testing.assert_allclose(H @ Curvature(H * scale).solve(g * scale), g, rtol=1e-8)
    assert Curvature(H).gap(g) == pytest.approx(g @ np.linalg.pinv(H) @ g / 2, rel=1e-8)


def test_curvature_on_an_active_set_is_zero_elsewhere():
    H, g, active = positive(5), np.arange(1.0, 6.0), np.array([1, 0, 1, 1, 0], bool)
    x = Curvature(H, active).solve(g)
    assert not x[~active].any()
    np.testing.assert_allclose((H @ x)[active], g[active], rtol=1e-10)
    assert Curvature(H, np.zeros(5, bool)).gap(g) == 0.0


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("rank", [None, 5])
def test_quadratic_lasso_satisfies_its_optimality_conditions(seed, rank):
    rng = np.random.default_rng(seed)
    H = positive(9, rank=rank, seed=seed) + 1e-9 * np.eye(9)
    q, l1 = 3 * rng.normal(size=9), np.where(rng.random(9) < 0.2, 0.0, 2 * rng.random(9))
    if rank:
        q = H @ rng.normal(size=9)
    w = quadratic_lasso(H, q, l1, np.where(rng.random(9) < 0.5, rng.normal(size=9), 0.0))
    r, zero = H @ w + q, w == 0
    assert (np.abs(r[zero]) <= l1[zero] + 1e-7).all()
    np.testing.assert_allclose(r[~zero], -l1[~zero] * np.sign(w[~zero]), atol=1e-6)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("rank", [None, 5])
def test_quadratic_lasso_within_bounds(seed, rank):
    rng = np.random.default_rng(seed)
    n = 12
    H = positive(n, rank=rank, seed=seed) + 1e-9 * np.eye(n)
    q, l1 = 3 * rng.normal(size=n), np.where(rng.random(n) < 0.3, 0.0, 2 * rng.random(n))
    lower = np.where(rng.random(n) < 0.5, -np.inf, rng.choice([0.0, -0.1, 0.2], n))
    upper = np.where(rng.random(n) < 0.5, np.inf, lower.clip(-1) + rng.choice([0.0, 0.3, 2.0], n))
    q = H @ rng.normal(size=n) if rank else q
    w = quadratic_lasso(H, q, l1, np.clip(np.zeros(n), lower, upper), lower, upper)
    assert ((w >= lower) & (w <= upper)).all()
    assert np.abs(pull(w, H @ w + q, l1, lower, upper)).max() < 1e-6


@pytest.mark.parametrize("K", [2, 3])
def test_triangular_coordinates_make_the_hessian_round(K):
    objective, _ = pose(K, n=200, offset=False, weighted=False)
    point = objective.at(np.zeros(objective.shape))
    factor = triangular_factor(point)
    values = np.linalg.eigvalsh(factor.hessian(point))
    size = objective.shape[1]
    relevant = values[-(K - 1) * size :]  # adding one vector to all classes moves nothing but the penalty
    assert relevant.max() / relevant.min() < (1.5 if K == 2 else 3)
    W = np.random.default_rng(0).normal(size=objective.shape)
    u = factor.from_coefficients(W)
    np.testing.assert_allclose(factor.to_coefficients(u), W, rtol=1e-10)


def test_a_singular_design_has_a_factor():
    objective, _ = pose(2, n=200, strength=1e-30)
    objective.design.scale[1] = 0.0
    point = objective.at(np.zeros(objective.shape))
    factor = triangular_factor(point)
    G = point.gradient
    assert np.isfinite(factor.solve(G)).all()


@pytest.mark.parametrize("make", [lambda o: Diagonal(np.arange(1.0, 6.0), 3), lambda o: SignSplit(3, 5)])
def test_coordinates_carry_the_gradient(make):
    objective, W = pose(3, l1_ratio=0.5)
    c = make(objective)
    u = c.from_coefficients(W)
    np.testing.assert_allclose(c.to_coefficients(u), W)
    point, v = objective.at(W), np.random.default_rng(0).normal(size=len(u))
    h = 1e-6

    def value(u):
        point = objective.at(c.to_coefficients(u))
        return c.value(point, u) if isinstance(c, SignSplit) else point.smooth_value

    slope = (value(u + h * v) - value(u - h * v)) / (2 * h)
    assert slope == pytest.approx(c.gradient(point) @ v, rel=1e-6)


def test_line_search_never_goes_up_and_refuses_ascent():
    objective, W = pose(3)
    point = objective.at(W)
    for size in (1e-3, 1.0, 1e3, 1e8):
        new, part = line_search(point, W - size * point.gradient)
        assert new.value < point.value
        np.testing.assert_allclose(new.coefficients, W - part * size * point.gradient, rtol=1e-12)
    assert line_search(point, W + point.gradient) == (None, 0.0)


@pytest.mark.parametrize("K", [2, 3])
def test_with_kinks_a_line_search_takes_part_of_the_way_only_where_it_may(K):
    objective, W = pose(K)
    objective = objective.under(elastic_net(objective.design, 0.1, 1.0))
    point = objective.at(W)
    far = W - 1e6 * point.stationarity
    new, part = line_search(point, far)
    assert new.value < point.value
    assert 0 < part < 1
    assert line_search(point, far, part_of_the_way=False) == (None, 0.0)
    near, whole = line_search(point, W - 1e-3 * point.stationarity)
    assert near.value < point.value
    assert whole == 1.0


def test_corrections_make_a_quadratic_exact():
    H, rng = positive(4), np.random.default_rng(0)
    corrections = Corrections(8)
    for _ in range(4):
        step = rng.normal(size=4)
        for s, c, k in corrections._pairs:
            step = step - (c @ step) / k * s  # conjugate directions
        corrections.add(step, H @ step)
    g = rng.normal(size=4)
    np.testing.assert_allclose(corrections.apply(g, lambda q: q), np.linalg.solve(H, g), rtol=1e-8)


@pytest.mark.parametrize("K", [2, 3])
def test_a_newton_step_does_not_change_what_all_classes_share(K):
    objective, W = pose(K)
    W = objective.symmetric(W)
    point = objective.at(W)
    step = curvature_at(point).solve(point.gradient)
    if K == 3:
        np.testing.assert_allclose(step.sum(axis=0), 0.0, atol=1e-10 * np.abs(step).max())
