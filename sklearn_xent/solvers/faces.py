"""Solutions and products on many faces of one quadratic: subsets of its coordinates, each mostly the last
less a few.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg.lapack import dpotrs

from sklearn_xent.arrays import Array
from sklearn_xent.factor import SMALL, cholesky, least_norm_solution
from sklearn_xent.solvers.curvature import BY_ROOT
from sklearn_xent.solvers.hessian import AS_FACTOR

__all__ = ["FaceSolver"]

LOST = 100  # coordinates that a factored subset may have lost before another is factored


class FaceSolver:
    """Solutions on subsets of the coordinates of H (N, N), where each subset is mostly the last less a few.

    Those a factored subset has lost are held at 0 by multipliers, from a small system of entries of the
    inverse: two triangular solutions for each coordinate lost, where a new factor takes as many as there are
    coordinates. Gill, Golub, Murray and Saunders (1974), Math. Comp. 28(126), on modified factors.
    """

    def __init__(self, H: Array) -> None:
        self._hessian, self._factored = H, np.zeros(0, dtype=np.intp)
        self.products = 0.0  # of two numbers in a triangular factor that take the time

    def solve(self, A: Array, b: Array) -> Array:
        """Solution x of H[A, A] x = b for ascending indices A; of least norm where that is singular."""
        if len(A) <= SMALL:
            return least_norm_solution(self._hessian[np.ix_(A, A)], b)
        kept = np.isin(self._factored, A, assume_unique=True)
        lost = np.flatnonzero(~kept)
        if np.count_nonzero(kept) < len(A) or len(lost) > LOST:
            self.products += len(A) ** 3 / 12  # those of matrices are twice as fast
            U = cholesky(self._hessian[np.ix_(A, A)], by_scipy=True)
            if U is None:
                self.products += BY_ROOT * len(A) ** 3  # singular vectors
                return least_norm_solution(self._hessian[np.ix_(A, A)], b)
            self._factored, self._factor = A, U
            self._columns = dict[int, Array]()  # of the inverse
            return np.asarray(dpotrs(U, b)[0])
        padded = np.zeros(len(kept))
        padded[kept] = b
        x = dpotrs(self._factor, padded)[0]
        if len(lost):
            V = self._columns_of(lost)
            x = x - V @ least_norm_solution(V[lost], x[lost])
        return np.asarray(x[kept])

    def times(self, A: Array, V: Array) -> Array:
        """H[:, A] V (N, m) for ascending indices A and V (len(A), m)."""
        few = len(A) < len(self._hessian) / 2  # of more, a copy costs more than zeros do
        H = self._hessian[A].T if few else self._hessian
        if not few:
            V, within = np.zeros((len(H), V.shape[1])), V
            V[A] = within
        self.products += AS_FACTOR * H.size
        # of two vectors the products, one at a time, take half the time of those together
        return np.hstack([H @ V[:, :1], H @ V[:, 1:]])

    def _columns_of(self, lost: Array) -> Array:
        """Columns of the inverse of the factored matrix, those that are not known yet together."""
        unknown = [j for j in lost.tolist() if j not in self._columns]
        if unknown:
            units = np.zeros((len(self._factored), len(unknown)), order="F")
            units[unknown, np.arange(len(unknown))] = 1.0
            self._columns.update(zip(unknown, dpotrs(self._factor, units)[0].T, strict=True))
        return np.column_stack([self._columns[j] for j in lost.tolist()])
