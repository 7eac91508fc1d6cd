"""Preconditioned conjugate gradients against a dense solution."""

import numpy as np

from sklearn_xent.solvers.conjugate_gradient import conjugate_gradient
from tests.problems import positive


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
