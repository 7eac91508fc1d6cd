"""A factored Hessian against dense linear algebra, of full rank and of less."""

import numpy as np
import pytest

from sklearn_xent.solvers.curvature import Curvature
from tests.problems import positive
from tests.test_factor import chained


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


@pytest.mark.parametrize("scale", [1.0, 1e-12, 1e12])
def test_a_definite_hessian_is_solved_and_has_a_root(scale):
    H, g = scale * positive(7), np.random.default_rng(0).normal(size=(1, 7))
    curvature = Curvature(H)
    exact = np.linalg.solve(H, g.ravel())
    np.testing.assert_allclose(curvature.solve(g).ravel(), exact, rtol=1e-9)
    np.testing.assert_array_equal(curvature.step(g, 1.0), curvature.solve(g))
    assert curvature.gap(g) == pytest.approx(0.5 * g.ravel() @ exact, rel=1e-9)
    T = curvature.inverse_root()
    np.testing.assert_allclose(T.T @ T, np.linalg.inv(H), rtol=1e-8)
    assert not curvature.lost(g).any()
    assert curvature.null_space().shape == (7, 0)


def test_units_of_the_coefficients_do_not_matter():
    unit = 10.0 ** np.array([-8, -4, 0, 3, 7])
    H, g = positive(5), np.random.default_rng(0).normal(size=5)
    scaled = Curvature(H * np.outer(unit, unit))
    np.testing.assert_allclose(scaled.solve(g * unit) * unit, np.linalg.solve(H, g), rtol=1e-9)


def test_what_a_singular_hessian_does_not_show():
    H = positive(6, rank=4)
    curvature, null = Curvature(H), np.linalg.svd(H)[2][4:]
    assert curvature.inverse_root() is None
    N = curvature.null_space()
    assert N.shape == (6, 2)
    np.testing.assert_allclose(H @ N, 0.0, atol=1e-12 * np.abs(H).max())
    seen = H @ np.random.default_rng(0).normal(size=6)
    assert not curvature.lost(seen).any()
    assert curvature.unresolved(seen) == 0.0
    # a slope along no curvature is worth more than any curvature that rounding hides
    g = null[0]
    assert curvature.unresolved(g) > 1e6
    assert curvature.gap(g) > 1e6
    direction = curvature.null_part(g)
    np.testing.assert_allclose(H @ direction, 0.0, atol=1e-12 * np.abs(H).max())
    assert g @ direction > 0
    assert not np.abs(curvature.null_part(seen)).max() > 1e-12


def test_directions_that_are_within_the_noise_of_a_gradient_are_left_out():
    H = positive(6, rank=5)
    curvature = Curvature(H)
    g = H @ np.random.default_rng(0).normal(size=6)
    noise = np.full(6, 1e3 * np.abs(g).max())
    assert curvature.solve(g).any()
    assert not curvature.solve(g, noise).any()
    np.testing.assert_array_equal(curvature.solve(g, 0 * noise), curvature.solve(g))


def test_curvature_measured_apart_is_taken_in():
    # H has lost the curvature of one direction in rounding; measured apart it is known
    Q = np.linalg.qr(np.random.default_rng(0).normal(size=(4, 4)))[0]
    values = np.array([1.0, 2.0, 3.0, 1e-20])
    H = (Q * values) @ Q.T
    curvature = Curvature(0.5 * (H + H.T))
    assert curvature.null_space().shape == (4, 1)
    N = curvature.null_space()
    curvature.see(N.T @ N * 1e-20)
    assert curvature.null_space().shape == (4, 0)
    step = curvature.solve(1e-20 * Q[:, 3])
    np.testing.assert_allclose(step, Q[:, 3], atol=1e-3)


def test_a_ridge_changes_a_sound_matrix_by_no_more_than_itself():
    H, g = positive(6), np.arange(1.0, 7.0)
    plain, with_ridge = Curvature(H), Curvature(H, ridge=1e-10)
    assert plain.sound
    assert with_ridge.sound
    np.testing.assert_allclose(with_ridge.solve(g), plain.solve(g), rtol=1e-8)


def test_a_matrix_whose_pivots_a_ridge_changes_is_not_sound():
    assert Curvature(np.diag([1.0, 1.0]), ridge=1e-4).sound
    H = np.array([[1.0, 1.0 - 1e-3], [1.0 - 1e-3, 1.0]])  # its second pivot is 2e-3
    assert Curvature(H).sound
    assert not Curvature(H, ridge=1e-4).sound


def test_a_ridge_takes_the_place_of_eigenvalues():
    H = positive(6, rank=4)
    g = H @ np.arange(1.0, 7.0)
    assert not Curvature(H, ridge=1e-10).sound
    np.testing.assert_allclose(H @ Curvature(H, ridge=1e-10).solve(g), g, rtol=1e-6)


def test_a_singular_hessian_is_not_sound_whatever_its_pivots_are():
    for seed in range(20):
        assert not Curvature(chained(seed)).sound


def test_eigenvalues_and_a_root_take_more_products_than_a_factor():
    H = positive(6, rank=4)
    singular, by_root = Curvature(H), Curvature(H, root=lambda: np.linalg.svd(H)[2] * 0.0 + np.eye(6))
    assert Curvature(positive(6)).products < singular.products < by_root.products
