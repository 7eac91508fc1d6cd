"""The quadratic program of proximal Newton with groups, against other minimisers."""

import numpy as np
import pytest
import scipy.optimize

from sklearn_xent.problem.penalties import GroupLasso
from sklearn_xent.solvers.quadratic_group_lasso import quadratic_group_lasso


@pytest.mark.parametrize("l1", [0.0, 0.2])
@pytest.mark.parametrize("tol", [0.0, 1e-3])
def test_the_quadratic_is_minimised(l1, tol):
    rng = np.random.default_rng(3)
    A = rng.normal(size=(40, 12))
    H, q, index = A.T @ A / 40, rng.normal(size=12), np.repeat([0, 1, 2, -1], 3)
    net = GroupLasso(np.where(index < 0, 0, l1), np.zeros(12), index=index, weight=np.array([0.3, 2.0, 0.5]))
    w = quadratic_group_lasso(H, q, net, np.zeros(12), tol=tol)
    slope = net.subgradient(w[None], (H @ w + q)[None])
    assert np.linalg.norm(slope) <= max(1e-13, tol * np.linalg.norm(q))
    assert not w[3:6].any()
    assert w[:3].any()

    def value(v):
        return 0.5 * v @ H @ v + q @ v + net.value(v[None])

    found = scipy.optimize.minimize(value, w, method="Powell", options={"maxiter": 20})
    assert value(w) <= found.fun + 1e-6


def test_a_quadratic_with_equal_columns_is_minimised_fast():
    rng = np.random.default_rng(0)
    A = rng.normal(size=(60, 20))
    A = np.hstack([A, A])
    H, q = A.T @ A / 60, np.tile(rng.normal(size=20), 2)
    net = GroupLasso(np.zeros(40), np.zeros(40), index=np.arange(40) // 2, weight=np.full(20, 0.2))
    w = quadratic_group_lasso(H, q, net, np.zeros(40), tol=1e-6)
    assert np.linalg.norm(net.subgradient(w[None], (H @ w + q)[None])) <= 1e-6 * np.linalg.norm(q)
