"""Preconditioned conjugate gradients against a dense solution."""

import numpy as np
import pytest

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


@pytest.fixture
def system():
    H, b = positive(30), np.random.default_rng(1).normal(size=30)
    return H, b, 1 / np.diag(H)


def solve(system, **options):
    H, b, inverse = system
    return conjugate_gradient(
        lambda v: H @ v, b, lambda r: inverse * r, **({"tol": 0.0, "max_iter": 500} | options)
    )


@pytest.mark.parametrize("tol", [0.3, 1e-2, 1e-6])
def test_the_residual_is_relative_in_the_norm_of_the_preconditioner(system, tol):
    H, b, inverse = system
    x, products = solve(system, tol=tol)

    def left(x):
        r = b - H @ x
        return np.sqrt(r @ (inverse * r)) / np.sqrt(b @ (inverse * b))

    assert left(x) <= tol * (1 + 1e-9)
    if products > 1:  # and it was not so one product before
        assert left(solve(system, max_iter=products - 1)[0]) > tol


def test_no_more_products_than_asked_for(system):
    for most in (0, 1, 7):
        x, products = solve(system, max_iter=most)
        assert products == most
        assert x.any() == (most > 0)


def test_what_is_gained_grows_up_to_the_largest_asked_for(system):
    H, b, _ = system
    whole = b @ np.linalg.solve(H, b)
    x, products = solve(system, largest=0.5 * whole)
    assert b @ x > 0.5 * whole
    assert b @ solve(system, max_iter=products - 1)[0] <= 0.5 * whole


def test_it_ends_where_the_residual_is_small_enough(system):
    H, b, _ = system
    x, _ = solve(system, enough=lambda r: np.abs(r).max() < 1e-2)
    assert 1e-6 < np.abs(b - H @ x).max() < 1e-2


def test_the_exact_preconditioner_takes_one_product(system):
    H, b, _ = system
    x, products = conjugate_gradient(
        lambda v: H @ v, b, lambda r: np.linalg.solve(H, r), tol=1e-9, max_iter=9
    )
    assert products == 1
    np.testing.assert_allclose(x, np.linalg.solve(H, b), rtol=1e-9)
