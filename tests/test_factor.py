"""Factors of matrices that may be singular: what each promises, and where."""

import numpy as np
import pytest

from sklearn_xent import factor
from sklearn_xent.factor import singular_vectors


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (4, 4)])
@pytest.mark.parametrize("fails", [False, True])
def test_singular_vectors_do_not_depend_on_the_method(monkeypatch, shape, fails):
    R = np.random.default_rng(0).normal(size=shape)

    def gives_up(*_):
        raise np.linalg.LinAlgError("SVD did not converge")

    _, expected, _ = np.linalg.svd(R)
    if fails:
        monkeypatch.setattr(np.linalg, "svd", gives_up)
    values, vectors = singular_vectors(R)
    np.testing.assert_allclose(values, expected, rtol=1e-14)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(shape[1]), atol=1e-14)
    np.testing.assert_allclose(np.linalg.norm(R @ vectors, axis=0)[: len(values)], values, rtol=1e-13)


def positive(n, rank=None, seed=0, scales=0.0):
    """A positive semidefinite matrix of some rank, its coordinates in units 10^-scales to 10^scales."""
    rng = np.random.default_rng(seed)
    B = rng.normal(size=(rank or 2 * n, n)) * 10.0 ** rng.uniform(-scales, scales, n)
    return B.T @ B


@pytest.mark.parametrize("n", [1, 5, 200])
def test_cholesky_is_an_upper_factor_or_none(n):
    H = positive(n)
    U = factor.cholesky(H)
    np.testing.assert_allclose(np.triu(U).T @ np.triu(U), H, rtol=1e-12, atol=1e-10)
    assert factor.cholesky(-H) is None


def chained(seed, near=1e-4, rank=3):
    """Gram matrix of rank so many of one unit column more, each near the span of the one before."""
    Q = np.linalg.qr(np.random.default_rng(seed).normal(size=(30, rank)))[0].T
    B = np.column_stack([Q[0], *(Q[:-1] + near * Q[1:]), Q[-1]])
    return factor.equilibrated(B.T @ B)[0]


@pytest.mark.parametrize(("near", "rank"), [(1e-4, 3), (6e-3, 5), (0.1, 9), (0.5, 26)])
def test_least_curvature_is_not_hidden_by_pivots_of_rounding(near, rank):
    factors = [U for seed in range(20) if (U := factor.cholesky(chained(seed, near, rank))) is not None]
    pivots = [U.diagonal().min() ** 2 for U in factors]
    assert max(pivots) > factor.WELL_CONDITIONED  # of a matrix whose least eigenvalue is 0
    assert max(factor.least_curvature(U) for U in factors) < 1e-14


@pytest.mark.parametrize("least", [1e-9, 1e-12])
def test_a_small_least_curvature_is_about_the_least_eigenvalue(least):
    Q = np.linalg.qr(np.random.default_rng(0).normal(size=(20, 20)))[0]
    H = (Q * np.append(np.ones(19), least)) @ Q.T
    U = factor.cholesky(H)
    assert least / 20 < factor.least_curvature(U) < 20 * least
    assert factor.least_curvature(U) <= U.diagonal().min() ** 2
    assert factor.least_curvature(None) == 0.0
    assert factor.least_curvature(np.full((2, 2), np.nan)) == 0.0


def test_equilibrated_has_a_unit_diagonal_also_where_curvature_underflows():
    H = np.diag([1e300, 1.0, 0.0, 1e-250])
    scaled, unit = factor.equilibrated(H)
    np.testing.assert_allclose(np.diag(scaled)[:1], 1.0)
    assert np.isfinite(scaled).all()
    assert (unit > 0).all()
    H = positive(6, scales=8)
    scaled, unit = factor.equilibrated(H)
    np.testing.assert_allclose(np.diag(scaled), 1.0, rtol=1e-14)
    np.testing.assert_allclose(scaled / np.outer(unit, unit), H, rtol=1e-13)


@pytest.mark.parametrize("rank", [3, 6])
def test_spectrum_says_which_eigenvalues_rounding_made(rank):
    H = positive(6, rank)
    for root in (None, factor.triangular(np.linalg.cholesky(H + 1e-13 * np.eye(6)).T) if rank == 6 else None):
        values, vectors, nothing = factor.spectrum(H, root)
        assert np.count_nonzero(values > nothing) == rank
        kept = values > nothing
        np.testing.assert_allclose((vectors[:, kept] * values[kept]) @ vectors[:, kept].T, H, atol=1e-10)


def test_a_root_shows_curvature_that_its_square_has_lost():
    R = np.array([[1.0, 1.0], [0.0, 1e-11]])
    values, _, nothing = factor.spectrum(R.T @ R, R)
    assert np.count_nonzero(values > nothing) == 2
    values, _, nothing = factor.spectrum(R.T @ R)
    assert np.count_nonzero(values > nothing) == 1


@pytest.mark.parametrize("rank", [4, 8])
def test_inverse_root_is_that_of_the_inverse_where_there_is_one(rank):
    H = positive(4, rank, scales=3)
    T = factor.inverse_root(H)
    np.testing.assert_allclose(T.T @ T @ H, np.eye(4), atol=1e-6)


def test_inverse_root_of_a_singular_matrix_is_finite_and_large_along_its_null_space():
    H = np.ones((2, 2))
    T = factor.inverse_root(H)
    null = np.array([1.0, -1.0])
    assert np.isfinite(T).all()
    assert null @ T.T @ T @ null > 1e11


def test_filled_factor_keeps_what_is_determined():
    H = positive(5, scales=2)
    L = factor.filled_factor(H)
    np.testing.assert_allclose(L @ L.T, H, rtol=1e-10)
    singular = positive(5, 3)
    L = factor.filled_factor(singular)
    assert np.allclose(L, np.tril(L))
    assert np.isfinite(np.linalg.inv(L)).all()
    values, vectors = np.linalg.eigh(singular)
    seen = vectors[:, values > 1e-8 * values[-1]]
    inverse = np.linalg.inv(L @ L.T)
    assert np.trace(seen.T @ inverse @ seen) < 2 * (1 / values[values > 1e-8 * values[-1]]).sum()
    assert factor.filled_factor(np.zeros((3, 3))) is None


def test_shifted_factor_adds_as_little_as_makes_it_positive():
    G = positive(6, 3)
    L = factor.shifted_factor(G.copy(), 1e-15)
    np.testing.assert_allclose(L @ L.T, G, atol=1e-9 * G.max())


@pytest.mark.parametrize("rank", [2, 5])
def test_pseudo_inverse_is_numpys(rank):
    C = positive(5, rank)
    np.testing.assert_allclose(factor.pseudo_inverse(C), np.linalg.pinv(C, hermitian=True), atol=1e-9)


def test_power_inverse_of_a_laplacian():
    p = np.array([0.2, 0.3, 0.5])
    laplacian = np.diag(p) - np.outer(p, p)
    inverse = factor.power_inverse(laplacian, 1.0, 0.0)
    mean = np.trace(laplacian) / 2
    gradient = np.array([1.0, -3.0, 2.0])
    np.testing.assert_allclose(laplacian @ (inverse @ gradient) / mean, gradient, rtol=1e-12)
    np.testing.assert_allclose(inverse @ np.ones(3), np.ones(3), rtol=1e-12)
    assert factor.power_inverse(np.array([[0.25]]), 0.5, 1e-2) == 1.0


def test_solutions_are_of_least_norm_where_a_matrix_is_singular():
    H, b = positive(5), np.arange(5.0)
    np.testing.assert_allclose(factor.least_norm_solution(H, b), np.linalg.solve(H, b), rtol=1e-10)
    H = np.ones((2, 2))
    np.testing.assert_allclose(factor.least_norm_solution(H, np.array([2.0, 2.0])), [1.0, 1.0], rtol=1e-12)
    M = np.stack([np.eye(2), H])
    found = factor.least_norm_solutions(M, np.full((2, 2, 1), 2.0))[:, :, 0]
    np.testing.assert_allclose(found, [[2.0, 2.0], [1.0, 1.0]], rtol=1e-12)


def test_triangular_keeps_small_rows_beside_a_large_one():
    B = np.array([[1.0, 2.0], [1.0, 2.0 + 1e-9], [1e8, 2e8]])
    R = factor.triangular(B)
    np.testing.assert_allclose(abs(R[1, 1]), 1e-9, rtol=1e-6)  # sqrt(sum of squares about the large row)


@pytest.mark.parametrize("what", [factor.filled_factor, factor.inverse_root, factor.spectrum])
def test_entries_that_overflowed_raise_nothing(what):
    H = np.eye(3)
    H[0, 1] = H[1, 0] = np.inf
    H[2, 2] = np.nan
    with np.errstate(all="ignore"):
        what(H)


@pytest.mark.parametrize("shape", [(9, 4), (4, 4), (3, 6)])
def test_combinations_of_rows_solve_for_their_products_and_are_the_least(shape):
    rng = np.random.default_rng(0)
    B = rng.normal(size=shape)
    g = B.T @ rng.normal(size=len(B))
    u, left = factor.RowFactor(B).solve(g)
    np.testing.assert_allclose(B.T @ u, g, atol=1e-13)
    np.testing.assert_allclose(u, np.linalg.lstsq(B.T, g, rcond=None)[0], atol=1e-12)
    assert left < 1e-25


def test_what_no_combination_of_rows_makes_is_left():
    u, left = factor.RowFactor(np.array([[1.0, 0.0], [2.0, 0.0]])).solve(np.array([5.0, 3.0]))
    np.testing.assert_allclose(u, [1.0, 2.0])
    assert left == pytest.approx(9.0)


def test_rows_of_nothing_leave_all():
    u, left = factor.RowFactor(np.zeros((3, 2))).solve(np.array([3.0, 4.0]))
    assert u.tolist() == [0.0, 0.0, 0.0]
    assert left == 25.0


def test_rows_of_any_sizes_have_their_digits():
    # a direction of 1e-9 beside a row of 1e9: the products have lost it
    B = np.array([[1e9, 1e9], [1.0, -1.0], [1e-9, 1e-9], [1.0, -1.0]])
    g = np.array([3e-9, -3e-9])
    u, _ = factor.RowFactor(B).solve(g)
    np.testing.assert_allclose(u, [0, 1.5e-9, 0, 1.5e-9], rtol=1e-12, atol=1e-24)
