"""Factors of symmetric positive semidefinite matrices that may be singular: every room takes them from here.

How far rounding reaches, and so what counts as no curvature, by what a matrix is made of (eps is 2.2e-16, N
its size, all relative to the largest eigenvalue of the equilibrated matrix):

=====================  ==================  ==============================================================
matrix                 nothing is below    because
=====================  ==================  ==============================================================
sums of products       8 N eps             backward error of a symmetric eigenvalue solver
root R of H = R' R     ((32 + N) eps)^2    singular values of R are right to eps of the largest
null space of n rows   8 (N + sqrt n) eps  so are those of n rows, to random rounding of n reflections
factor for rows apart  1e-12               a row's leverage is right to four digits
shared by classes      1e-10               its inverse is multiplied with vectors in float64
float32 products       2 sqrt(n) eps       of float32: random rounding of sums of n terms
=====================  ==================  ==============================================================

A Cholesky factor is trusted where no curvature is below WELL_CONDITIONED: its solutions then have six digits.
"""

from __future__ import annotations

import numpy as np
import scipy.linalg
from scipy.linalg.lapack import dpocon, dposv, dpotrf

from sklearn_xent.arrays import Array

__all__ = [
    "SMALL",
    "WELL_CONDITIONED",
    "RowFactor",
    "cholesky",
    "equilibrated",
    "filled_factor",
    "inverse_root",
    "largest_eigenvalue",
    "least_curvature",
    "least_norm_solution",
    "least_norm_solutions",
    "least_squares",
    "power_inverse",
    "pseudo_inverse",
    "rounding_of",
    "shifted_factor",
    "singular_vectors",
    "spectrum",
    "triangular",
]

EPS, TINY = float(np.finfo(float).eps), float(np.finfo(float).tiny)
SMALL = 128  # rows up to which the calls of a factorisation cost more than its sums
WELL_CONDITIONED = 1e-10  # least curvature of an equilibrated matrix that Cholesky is trusted with
OF_A_ROW, OF_CLASSES = 1e-12, 1e-10  # of the largest curvature: see the table above
UNDERFLOW = 1e-200  # of the largest diagonal entry: a coordinate that has less keeps its own unit


def rounding_of(n: int, n_rows: int = 0) -> float:
    """Relative size of eigenvalues that rounding makes of an n x n matrix of sums, or of singular values of
    so many rows.
    """
    return float(8 * (n + np.sqrt(n_rows)) * EPS)


def equilibrated(H: Array) -> tuple[Array, Array]:
    """D H D with a unit diagonal, and the diagonal of D (N,)."""
    diagonal = H.diagonal()
    largest = diagonal.max(initial=0.0)
    small = diagonal <= UNDERFLOW * largest
    unit = 1 / np.sqrt(np.where(small, largest or 1.0, diagonal) if small.any() else diagonal)
    return H * unit[:, None] * unit, unit


def cholesky(H: Array, *, by_scipy: bool = False) -> Array | None:
    """Upper factor of H in column-major order, or None where H is not positive definite.

    LAPACK by scipy, whose call costs less than a small problem's sums; by numpy where the second BLAS that
    scipy carries would leave threads spinning beside those of numpy, unless it is wanted for its speed.
    """
    if by_scipy or len(H) <= SMALL:
        U, info = dpotrf(H, lower=0)
        return None if info else np.asarray(U)
    try:
        return np.asarray(np.linalg.cholesky(H).T)
    except np.linalg.LinAlgError:
        return None


def least_curvature(U: Array | None) -> float:
    """About the least eigenvalue of an equilibrated H = U' U, from its upper factor; 0 without one.

    The least squared pivot, which is no less; the determinant, their product, is at most e times the
    eigenvalue. Where it is small, pivots may be rounding over those before them, and an eigenvalue of 0 is
    not seen in them: the reciprocal of the norm of the inverse, for some triangular solutions, shows it.
    Higham (2002), Accuracy and Stability of Numerical Algorithms, section 15.3.
    """
    if U is None:
        return 0.0
    pivots = U.diagonal() ** 2
    pivot = float(pivots.min())  # never 0; it may be no number
    if not pivot > 0:
        return 0.0
    if pivots.prod() ** 2 > WELL_CONDITIONED:
        return pivot
    least = float(dpocon(U, 1.0)[0])
    if pivot**2 > WELL_CONDITIONED and least > WELL_CONDITIONED:
        return pivot
    return min(pivot, least)


def eigenvectors(H: Array) -> tuple[Array, Array]:
    """Eigenvalues of H, ascending, and vectors; entries that overflowed count as 0."""
    values, vectors = np.linalg.eigh(np.where(np.isfinite(H), H, 0.0))
    return values, vectors


def spectrum(H: Array, R: Array | None = None) -> tuple[Array, Array, float]:
    """Eigenvalues and vectors of H, from its root R where there is one, and the largest made by rounding."""
    if R is not None and np.isfinite(R).all():
        values, vectors = singular_vectors(R)
        return values**2, vectors, float(((32 + len(H)) * EPS * values[0]) ** 2)
    values, vectors = eigenvectors(H)
    return values, vectors, rounding_of(len(H)) * max(float(values[-1]), 1e-300)


def inverse_root(H: Array) -> Array:
    """T with T' T = H^-1. Curvature below OF_A_ROW of the largest counts as that much.

    Where a row has a part in such a direction, its removal is a long step there and seen to be invalid.
    """
    H, unit = equilibrated(H)
    U = cholesky(H)
    if U is not None and least_curvature(U) > OF_A_ROW:
        return np.asarray(scipy.linalg.solve_triangular(U, np.diag(unit), trans="T"))
    values, vectors = eigenvectors(H)
    values = np.maximum(values, OF_A_ROW * values[-1])
    return np.asarray((vectors / np.sqrt(values)).T * unit)


def filled_factor(H: Array) -> Array | None:
    """Lower L with L L' about H, and the largest curvature where H has none; None where H is 0 or overflows.

    Directions the data do not determine get the curvature of the best determined: any positive number will
    do where there is no gradient, and a large one keeps rounding from being magnified.
    """
    unit = np.sqrt(np.maximum(np.diag(H), TINY))
    H = H / np.outer(unit, unit)
    if not np.isfinite(H).all():
        return None
    U = cholesky(H)
    if U is not None and least_curvature(U) > OF_CLASSES:
        return np.asarray(unit[:, None] * U.T)
    values, vectors = eigenvectors(H)
    if not values[-1] > 0:
        return None
    values = np.where(values > OF_CLASSES * values[-1], values, values[-1])
    # R' R = root root' makes R' the Cholesky factor, without squaring the condition number again
    R = np.linalg.qr((vectors * np.sqrt(values)).T, mode="r")
    return np.asarray(unit[:, None] * (R * np.sign(np.diag(R))[:, None]).T)


def shifted_factor(G: Array, rounding: float) -> Array:
    """Lower factor of G with a diagonal of the size of its relative rounding added, in place.

    Centred rows are dependent, and others may be: the factor must have an inverse all the same.
    """
    largest = float(G.diagonal().max(initial=0.0)) or 1.0
    while True:
        G[np.diag_indices_from(G)] += rounding * largest
        try:
            return np.asarray(np.linalg.cholesky(G))
        except np.linalg.LinAlgError:
            rounding *= 10


def pseudo_inverse(C: Array) -> Array:
    """Pseudo-inverse of a small matrix, by fewer calls than numpy's."""
    values, vectors = np.linalg.eigh(C)
    keep = values > len(C) * EPS * values[-1]
    return np.asarray(vectors[:, keep] / values[keep] @ vectors[:, keep].T)


def power_inverse(C: Array, power: float, least: float) -> Array:
    """Inverse of a power of a Laplacian C (K, K), its eigenvalues no less than ``least`` of their mean.

    1 along what moves all classes alike: that direction has no gradient; one of its curvature, zero, would
    let rounding grow along it.
    """
    K = len(C)
    if K == 1:
        return np.ones((1, 1))
    values, vectors = np.linalg.eigh(C * ((K - 1) / max(np.trace(C), TINY)))
    values = np.maximum(values, least) ** power
    values[0] = 1.0
    return np.asarray((vectors / values) @ vectors.T)


def largest_eigenvalue(H: Array) -> float:
    """Largest eigenvalue of H, or a bound of it by its trace and sums of its rows; 1 where H is 0."""
    if len(H) <= SMALL:
        return float(np.linalg.eigvalsh(H)[-1]) or 1.0
    return float(min(np.trace(H), np.abs(H).sum(axis=0).max())) or 1.0


def least_norm_solution(H: Array, b: Array) -> Array:
    """Solution of H x = b, of least norm where H is singular."""
    _, x, info = dposv(H, b)
    return np.asarray(np.linalg.lstsq(H, b, rcond=None)[0] if info else x)


def least_norm_solutions(M: Array, R: Array) -> Array:
    """Solutions of small systems M (n, K, K) and R (n, K, L), of least norm where one is singular."""
    if M.shape[1] == 1:
        return np.asarray(R / M)
    try:
        return np.linalg.solve(M, R)
    except np.linalg.LinAlgError:
        return np.asarray(np.linalg.pinv(np.nan_to_num(M)) @ R)


def least_squares(A: Array, B: Array) -> Array:
    """X of least norm that minimises the norm of A X - B."""
    return np.asarray(scipy.linalg.lstsq(A, B)[0])


def singular_vectors(R: Array) -> tuple[Array, Array]:
    """Singular values of R (m, n), descending, and the right singular vectors, the columns of (n, n).

    LAPACK's divide and conquer fails on some matrices whose spectrum spans all that float64 has; its QR
    iteration, some times slower, does not.
    """
    try:
        _, values, rows = np.linalg.svd(R)
    except np.linalg.LinAlgError:
        _, values, rows = scipy.linalg.svd(R, lapack_driver="gesvd")
    return values, rows.T


def triangular(B: Array) -> Array:
    """R of B = Q R, by Householder's reflections, the largest rows first: their size does not cost the others
    digits. Bjorck (1996), Numerical Methods for Least Squares Problems, section 4.4.
    """
    largest_first = np.argsort(-np.abs(B).max(axis=1, initial=0.0), kind="stable")
    return np.asarray(np.linalg.qr(B[largest_first], mode="r"))


class RowFactor:
    """B = Q R of many rows B (m, n), for u of least norm with B' u = g: what B (B' B)^-1 g would be.

    The largest rows and columns first: neither their size nor that of the others costs digits. Where B is
    1e-16 of its largest along a direction, u has digits, and (B' B)^-1 g, which is larger by as much once
    more, has none. Bjorck (1996), Numerical Methods for Least Squares Problems, sections 2.7.3 and 4.4.
    """

    def __init__(self, B: Array) -> None:
        self._rows, size = B, np.sqrt(np.einsum("ij,ij->j", B, B))
        self._unit = 1 / np.where(size > 0, size, 1.0)
        self._order = np.argsort(-np.abs(B).max(axis=1, initial=0.0), kind="stable")
        B = B[self._order] * self._unit
        self._Q, R, self._pivots = scipy.linalg.qr(B, mode="economic", pivoting=True)
        pivots = np.abs(R.diagonal())
        self.rank = int(np.count_nonzero(pivots > (32 + len(R)) * EPS * pivots.max(initial=0.0)))
        self._R = R[: self.rank]

    def solve(self, g: Array) -> tuple[Array, float]:
        """Combination u (m,) of the rows, and the squared norm of what it leaves of g in units of columns."""
        g = np.asarray(g * self._unit, float)[self._pivots]
        if not self.rank:
            return np.zeros(len(self._rows)), float(g @ g)
        y = scipy.linalg.solve_triangular(self._R[:, : self.rank], g[: self.rank], trans="T")
        left = g[self.rank :] - y @ self._R[:, self.rank :]
        u = np.empty(len(self._Q))
        u[self._order] = self._Q[:, : self.rank] @ y
        # a row of next to no size has u to its own digits only by way of the solution
        x = np.zeros(len(g))
        x[self._pivots[: self.rank]] = scipy.linalg.solve_triangular(self._R[:, : self.rank], y)
        x *= self._unit
        small = np.abs(self._rows) @ np.abs(x) < np.linalg.norm(y)
        u[small] = self._rows[small] @ x
        return u, float(left @ left)
