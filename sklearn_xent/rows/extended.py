"""Rows whose products are summed in extended precision, where the platform has one."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from sklearn_xent.arrays import Array
from sklearn_xent.rows import Block, Rows
from sklearn_xent.rows.dense import DenseRows

__all__ = ["ExtendedRows", "extended_rows"]


class ExtendedRows(DenseRows):
    """An array in extended precision; kernels' results are, too."""

    def _block(self, i: int) -> Block:
        rows = self._slices[i]
        offset = None if self._offset is None else self._offset[:, rows]
        return Block(self._X[rows], self._targets[:, rows], self._weights[rows], offset)

    def columns(self, which: Array) -> ExtendedRows:
        """See ``Rows.columns``."""
        part = ExtendedRows(self._X[:, which], self._targets, self._weights, self._offset)
        part.team = self.team
        return part


def extended_rows(rows: Rows) -> ExtendedRows:
    """Copy of all rows in extended precision; they count their readings of X from where those are."""
    block = rows.take(np.arange(rows.n_rows))
    X: Any = block.X.toarray() if sp.issparse(block.X) else np.asarray(block.X)
    offset = None if block.offset is None else block.offset.astype(np.longdouble)
    X, targets, weights = (v.astype(np.longdouble) for v in (X, block.targets, block.weights))
    if len(targets) > 1:
        targets /= targets.sum(axis=0)  # in float64 they add up to 1 to its precision only
    out = ExtendedRows(X, targets, weights, offset)
    out.team, out.passes = rows.team, rows.passes
    return out
