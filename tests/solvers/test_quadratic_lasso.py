"""The quadratic program of proximal Newton: optimality conditions, and every face tried."""

import numpy as np
import pytest

from sklearn_xent.problem.penalties import pull
from sklearn_xent.solvers.quadratic_lasso import quadratic_lasso
from tests.problems import positive


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
