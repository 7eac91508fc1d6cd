"""Least squares in long double: LAPACK has none."""

from __future__ import annotations

import numpy as np
import scipy.linalg

__all__ = ["Factor"]

RANK = 1e-17  # of a column's norm: what is left of it below that is rounding


class Factor:
    """Upper triangle R with R'R = H on ``kept`` columns (indices), pivoted; others depend on these.

    From rows B with H = B'B, by Householder: no square is formed, so that columns whose difference is 1e-9
    of them are still two. From H itself, by Cholesky, where the rows are too many.
    """

    def __init__(self, *, rows=None, hessian=None):
        if hessian is None:
            norms = np.sqrt((rows**2).sum(axis=0))
        else:
            norms = np.sqrt(np.maximum(np.diag(hessian), 0))
        self._unit = np.where(norms > 0, norms, 1)
        self.sound = True
        if hessian is None:
            R, order, rank = _householder(rows / self._unit)
        elif hessian.dtype == np.float64:
            R, order, rank = self._lapack(hessian / np.outer(self._unit, self._unit))
        else:
            R, order, rank = _cholesky(hessian / np.outer(self._unit, self._unit))
        self.kept, self.R, self.full = order[:rank], R[:rank, :rank], rank == len(norms)

    def _lapack(self, H):
        """In float64, with a little added to the diagonal where that is not positive: then not ``sound``."""
        for more in (0.0, 1e-13, 1e-10, 1e-6, 1e-3):
            try:
                R = scipy.linalg.cholesky(H + more * np.eye(len(H)))
            except np.linalg.LinAlgError:
                continue
            self.sound = more == 0.0 and np.diag(R).min() > 1e-6
            return R, np.arange(len(H)), len(H)
        raise np.linalg.LinAlgError("the Hessian is not finite")

    def whitened(self, g):
        """R^-T g of the kept columns, for g (size,) or (size, k): its squared norm is g' H^-1 g."""
        unit = self._unit[self.kept]
        if self.R.dtype == np.float64:
            scaled = (g[self.kept] / (unit if g.ndim == 1 else unit[:, None])).astype(np.float64)
            return scipy.linalg.solve_triangular(self.R, scaled, trans="T")
        x = g[self.kept] / (unit if g.ndim == 1 else unit[:, None])
        for j in range(len(self.R)):
            x[j] = (x[j] - self.R[:j, j] @ x[:j]) / self.R[j, j]
        return x

    def solve(self, g):
        """H^-1 g on the kept columns, 0 on the others."""
        x = self.whitened(g)
        if self.R.dtype == np.float64:
            x = scipy.linalg.solve_triangular(self.R, x)
        else:
            for j in reversed(range(len(self.R))):
                x[j] = (x[j] - self.R[j, j + 1 :] @ x[j + 1 :]) / self.R[j, j]
        out = np.zeros(g.shape, dtype=g.dtype)
        out[self.kept] = x / self._unit[self.kept]
        return out


def _householder(B):
    m, size = B.shape
    order, left = np.arange(size), (B**2).sum(axis=0)
    R, rank = np.zeros((min(m, size), size), dtype=B.dtype), 0
    for j in range(min(m, size)):
        pivot = j + int(np.argmax(left[j:]))
        if pivot != j:
            for rows in (B, R, order[None, :], left[None, :]):
                rows[:, [j, pivot]] = rows[:, [pivot, j]]
        norm = np.sqrt((B[j:, j] ** 2).sum())
        if not norm > RANK * np.sqrt(m):
            break
        v = B[j:, j].copy()
        v[0] += norm if v[0] >= 0 else -norm
        v /= np.sqrt((v**2).sum())
        B[j:, j:] -= np.multiply.outer(2 * v, v @ B[j:, j:])
        R[j, j:] = B[j, j:]
        left[j + 1 :] -= R[j, j + 1 :] ** 2
        low = j + 1 + np.flatnonzero(left[j + 1 :] < 1e-8)  # cancelled: sum afresh
        left[low] = (B[j + 1 :, low] ** 2).sum(axis=0)
        rank = j + 1
    return R, order, rank


def _cholesky(H):
    size = len(H)
    order, R, rank = np.arange(size), np.zeros_like(H), 0
    H = H.copy()
    for j in range(size):
        pivot = j + int(np.argmax(np.diag(H)[j:]))
        if pivot != j:
            H[[j, pivot]], R[:, [j, pivot]] = H[[pivot, j]], R[:, [pivot, j]]
            H[:, [j, pivot]], order[[j, pivot]] = H[:, [pivot, j]], order[[pivot, j]]
        if not H[j, j] > 1e-18 * size:
            break
        R[j, j:] = H[j, j:] / np.sqrt(H[j, j])
        H[j + 1 :, j + 1 :] -= np.multiply.outer(R[j, j + 1 :], R[j, j + 1 :])
        rank = j + 1
    return R, order, rank
