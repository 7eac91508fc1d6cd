"""The quadratic program of proximal Newton: optimality conditions, and every face tried."""

import numpy as np
import pytest

from sklearn_xent.problem.penalties import pull
from sklearn_xent.solvers import quadratic_lasso as quadratic_lasso_module
from sklearn_xent.solvers.quadratic_lasso import _best_on_the_way as best_on_the_way
from sklearn_xent.solvers.quadratic_lasso import quadratic_lasso
from tests.problems import positive
from tests.solvers.test_proximal_newton import best_of_all_faces


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


@pytest.mark.parametrize("bounded", [False, True])
@pytest.mark.parametrize("seed", range(10))
def test_it_is_the_lowest_of_all_faces(seed, bounded):
    rng = np.random.default_rng(seed)
    H, q, l1 = positive(5, seed=seed), 4 * rng.normal(size=5), 2 * rng.random(5) * rng.integers(0, 2, 5)
    lower, upper = np.full(5, -np.inf), np.full(5, np.inf)
    if bounded:
        lower[:3], upper[1:4] = [0.0, -0.1, -0.3], [0.2, 0.3, 0.1]
    start = np.clip(rng.normal(size=5), lower, upper)
    w = quadratic_lasso(H, q, l1, start, lower, upper)
    best = best_of_all_faces(H, q, np.zeros(5), l1, lower, upper)
    np.testing.assert_allclose(w, best, atol=1e-10)
    np.testing.assert_array_equal(w == 0, best == 0)


def test_with_a_tolerance_it_stops_where_slopes_have_fallen_to_it():
    rng = np.random.default_rng(0)
    H, q, l1, w = positive(40), 3 * rng.normal(size=40), np.full(40, 0.5), rng.normal(size=40)
    inf = np.full(40, np.inf)
    first = np.linalg.norm(pull(w, H @ w + q, l1, -inf, inf))
    for tol in (0.5, 1e-3):
        end = quadratic_lasso(H, q, l1, w, tol=tol)
        left = np.linalg.norm(pull(end, H @ end + q, l1, -inf, inf))
        assert left <= tol * first
    loose, exact = (quadratic_lasso(H, q, l1, w, tol=tol) for tol in (0.5, 0.0))
    assert np.linalg.norm(pull(loose, H @ loose + q, l1, -inf, inf)) > 1e-6
    assert np.linalg.norm(pull(exact, H @ exact + q, l1, -inf, inf)) < 1e-9


def test_many_bounds_on_the_way_do_not_take_as_many_steps(monkeypatch):
    rng, n, steps = np.random.default_rng(0), 400, []
    monkeypatch.setattr(
        quadratic_lasso_module, "_best_on_the_way", lambda *args: steps.append(0) or best_on_the_way(*args)
    )
    # few rows of very different weight: a way to the free minimum passes the bounds of half the coordinates
    X = rng.normal(size=(100, n)) * np.exp(3 * rng.normal(size=(100, 1)))
    X /= np.sqrt((X**2).mean(axis=0))
    H = X.T @ (X * np.exp(6 * rng.normal(size=(100, 1)))) / 100 + 1e-4 * np.eye(n)
    q, none, inf = X.T @ rng.normal(size=100) / 100, np.zeros(n), np.full(n, np.inf)
    start = np.full(n, 0.5)
    w = quadratic_lasso(H, q, none, start, none, inf, tol=1e-3)
    before, after = (np.linalg.norm(pull(v, H @ v + q, none, none, inf)) for v in (start, w))
    assert after <= 1e-3 * before
    assert np.count_nonzero(w == 0) > 150
    assert len(steps) < 80
