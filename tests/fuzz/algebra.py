"""Least squares in long double: LAPACK has none."""

from __future__ import annotations

import numpy as np

__all__ = ["Factor"]

RANK = 1e-17  # of a column's norm: what is left of it below that is rounding


class Factor:
    """R of a QR factorisation by Householder, columns pivoted; columns that depend on others are dropped.

    B'B = R'R on ``kept`` columns (indices). No square is formed, so that columns whose difference is 1e-9
    of them are still two.
    """

    def __init__(self, B):
        B = B.copy()
        unit = np.sqrt((B**2).sum(axis=0))
        self._unit = np.where(unit > 0, unit, 1)
        B /= self._unit
        m, size = B.shape
        order, left = np.arange(size), np.where(unit > 0, 1.0, 0.0)
        R, rank = np.zeros((min(m, size), size), dtype=B.dtype), 0
        for j in range(min(m, size)):
            pivot = j + int(np.argmax(left[order[j:]]))
            order[[j, pivot]], B[:, [j, pivot]], R[:, [j, pivot]] = (
                order[[pivot, j]],
                B[:, [pivot, j]],
                R[:, [pivot, j]],
            )
            norm = np.sqrt((B[j:, j] ** 2).sum())
            if not norm > RANK * np.sqrt(m):
                break
            v = B[j:, j].copy()
            v[0] += norm if v[0] >= 0 else -norm
            v /= np.sqrt((v**2).sum())
            B[j:, j:] -= np.outer(2 * v, v @ B[j:, j:])
            R[j, j:] = B[j, j:]
            left[order[j + 1 :]] = (
                (B[j + 1 :, j + 1 :] ** 2).sum(axis=0)
                if j % 4 == 3 or j > size - 8
                else (np.maximum(left[order[j + 1 :]] - B[j, j + 1 :] ** 2, 0))
            )
            rank = j + 1
        self.kept, self.R, self.full = order[:rank], R[:rank, :rank], rank == size

    def whitened(self, g):
        """R^-T g of the kept columns, for g (size,) or (size, k): its squared norm is g' H^-1 g."""
        g = g[self.kept] / (self._unit[self.kept] if g.ndim == 1 else self._unit[self.kept][:, None])
        x = np.array(g)
        for j in range(len(self.R)):
            x[j] = (x[j] - self.R[:j, j] @ x[:j]) / self.R[j, j]
        return x

    def solve(self, g):
        """H^-1 g on the kept columns, 0 on the others."""
        x = self.whitened(g)
        for j in reversed(range(len(self.R))):
            x[j] = (x[j] - self.R[j, j + 1 :] @ x[j + 1 :]) / self.R[j, j]
        out = np.zeros(g.shape, dtype=g.dtype)
        out[self.kept] = x / self._unit[self.kept]
        return out
