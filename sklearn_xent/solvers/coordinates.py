"""The optimiser's coordinates: W (K, d + 1) as the flat vector that scipy moves, and back."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import scipy.linalg

from sklearn_xent.arrays import Array
from sklearn_xent.factor import filled_factor
from sklearn_xent.problem.point import Point

__all__ = ["Coordinates", "Diagonal", "SignSplit", "Triangular", "triangular_factor"]

FACTOR_LIMIT = 2000  # columns up to which one (d + 1)^2 factor is worth its making: 32 MB


class Coordinates(Protocol):
    """A linear change of variables; ``bounds`` of the flat vector for scipy, or None."""

    @property
    def bounds(self) -> list[tuple[float, None]] | None: ...

    def from_coefficients(self, W: Array) -> Array: ...
    def to_coefficients(self, u: Array) -> Array: ...
    def value(self, point: Point, u: Array) -> float: ...
    def gradient(self, point: Point) -> Array: ...


class Triangular:
    """u = W L for H ~ L L' shared by all classes: the Hessian becomes about the identity."""

    bounds = None

    def __init__(self, L: Array, n_logits: int) -> None:
        # An explicit inverse: one matrix product a turn, by numpy's BLAS alone. scipy carries a second
        # BLAS, and the idle threads of each slow the other down.
        inverse = scipy.linalg.solve_triangular(L, np.eye(len(L)), lower=True)
        self._L, self._inverse, self._K = L, np.ascontiguousarray(inverse), n_logits

    def from_coefficients(self, W: Array) -> Array:
        """Flat u of coefficients W."""
        return np.asarray(W @ self._L).ravel()

    def to_coefficients(self, u: Array) -> Array:
        """Coefficients W = u L^-1."""
        return np.asarray(u.reshape(self._K, -1) @ self._inverse)

    def value(self, point: Point, u: Array) -> float:
        """F, the same in all coordinates."""
        return point.value

    def gradient(self, point: Point) -> Array:
        """Gradient in u: g L^-T, flat."""
        return self._pull(point.gradient)

    def hessian_product(self, point: Point, v: Array) -> Array:
        """L^-1 H L^-T v, flat."""
        return self._pull(point.hessian_product(self.to_coefficients(v)))

    def hessian(self, point: Point) -> Array:
        """L^-1 H L^-T, (N, N)."""
        M = np.kron(np.eye(self._K), self._inverse)
        return np.asarray(M @ point.hessian() @ M.T)

    def solve(self, gradient: Array) -> Array:
        """(L L')^-1 g for every class: what a preconditioner does, in the shape of W."""
        return np.asarray(gradient @ self._inverse.T @ self._inverse)

    def _pull(self, G: Array) -> Array:
        return np.asarray(G @ self._inverse.T).ravel()


class Diagonal:
    """u = W D for a diagonal D shared by all classes: the Hessian gets about a unit diagonal."""

    bounds = None

    def __init__(self, diagonal: Array, n_logits: int) -> None:
        self._D, self._K = diagonal, n_logits

    def from_coefficients(self, W: Array) -> Array:
        """Flat u of coefficients W."""
        return np.asarray(W * self._D).ravel()

    def to_coefficients(self, u: Array) -> Array:
        """Coefficients W = u D^-1."""
        return np.asarray(u.reshape(self._K, -1) / self._D)

    def value(self, point: Point, u: Array) -> float:
        """F, the same in all coordinates."""
        return point.value

    def gradient(self, point: Point) -> Array:
        """Gradient in u, flat."""
        return np.asarray(point.gradient / self._D).ravel()

    def hessian_product(self, point: Point, v: Array) -> Array:
        """D^-1 H D^-1 v, flat."""
        return np.asarray(point.hessian_product(self.to_coefficients(v)) / self._D).ravel()

    def hessian(self, point: Point) -> Array:
        """D^-1 H D^-1, (N, N)."""
        unit = np.tile(1 / self._D, self._K)
        return np.asarray(point.hessian() * np.outer(unit, unit))


class SignSplit:
    """W = A - B with A, B >= 0, so that l1 is linear and a bound-constrained smooth method applies."""

    def __init__(self, n_logits: int, n_columns: int) -> None:
        self._shape = n_logits, n_columns
        self.bounds = [(0.0, None)] * (2 * n_logits * n_columns)

    def from_coefficients(self, W: Array) -> Array:
        """Stack the positive and the negative parts."""
        return np.concatenate([np.maximum(W, 0).ravel(), np.maximum(-W, 0).ravel()])

    def to_coefficients(self, u: Array) -> Array:
        """Difference of the parts."""
        A, B = np.split(u, 2)
        return np.asarray((A - B).reshape(self._shape))

    def value(self, point: Point, u: Array) -> float:
        """F with the l1 term of A + B, which is |W| where one of both is zero."""
        A, B = np.split(u, 2)
        kinks = point.objective.penalty.kinks
        return point.smooth_value + float(((A + B).reshape(self._shape) @ kinks).sum())

    def gradient(self, point: Point) -> Array:
        """Gradient in A and B."""
        l1 = np.broadcast_to(point.objective.penalty.kinks, self._shape)
        return np.concatenate([(l1 + point.gradient).ravel(), (l1 - point.gradient).ravel()])


def triangular_factor(point: Point) -> Triangular | None:
    """Factor the Hessian that all classes share at a point, or None where d is too large or it is 0."""
    K, size = point.coefficients.shape
    if size > FACTOR_LIMIT + 1:
        return None
    L = filled_factor(point.shared_hessian())
    return None if L is None else Triangular(L, K)
