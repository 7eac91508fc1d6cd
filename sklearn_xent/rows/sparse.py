"""Rows in a scipy sparse matrix or array."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import scipy.sparse as sp

from sklearn_xent.arrays import Array
from sklearn_xent.rows import Block, Kernel
from sklearn_xent.rows.blocks import row_slices, run

__all__ = ["SparseRows"]


class SparseRows:
    """Row blocks of a CSR container that share its data and indices; a CSC container is one block."""

    def __init__(self, X: Any, targets: Array, weights: Array, offset: Array | None) -> None:
        self.n_rows, self.n_features = X.shape
        self.passes = 0
        self._targets, self._weights, self._offset = targets, weights, offset
        if X.format == "csr":
            per_row = 12.0 * X.nnz / max(self.n_rows, 1) + 32.0 * len(targets)
            self._slices = row_slices(self.n_rows, per_row)
            self._X = [_share_rows(X, rows) for rows in self._slices]
        else:
            self._slices = [slice(0, self.n_rows)]
            self._X = [sp.csc_array(X, copy=False)]

    def _blocks(self) -> Iterator[Block]:
        for rows, X in zip(self._slices, self._X, strict=True):
            offset = None if self._offset is None else self._offset[:, rows]
            yield Block(X, self._targets[:, rows], self._weights[rows], offset)

    def sweep(self, kernel: Kernel, *args: Any, reads: bool = True) -> tuple[Any, Any]:
        """See ``Rows.sweep``."""
        self.passes += reads
        return run(self._blocks(), kernel, args)


def _share_rows(X: Any, rows: slice) -> sp.csr_array:
    """Rows of a CSR container without a copy of their entries (``X[rows]`` would make one)."""
    start, stop = X.indptr[rows.start], X.indptr[rows.stop]
    indptr = X.indptr[rows.start : rows.stop + 1] - start
    parts = X.data[start:stop], X.indices[start:stop], indptr
    return sp.csr_array(parts, shape=(rows.stop - rows.start, X.shape[1]), copy=False)
