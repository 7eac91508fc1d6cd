"""Rows in a scipy sparse matrix or array."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, Self

import numpy as np
import scipy.sparse as sp

from sklearn_xent.arrays import Array
from sklearn_xent.rows import Block, Kernel, PerRow, Rows, as_rows
from sklearn_xent.rows.blocks import row_slices, sample_rows, sweep_blocks
from sklearn_xent.rows.threads import Team

__all__ = ["SparseRows"]


class SparseRows:
    """Row blocks of a CSR container that share its data and indices; a CSC container is one block."""

    def __init__(
        self, X: Any, targets: Array, weights: Array, offset: Array | None, *, alone: bool = False
    ) -> None:
        self.n_rows, self.n_features = X.shape
        self.passes = 0
        self.sparse, self.single, self.local = True, False, True
        self.stands_for = 1.0
        self.bytes = 12.0 * X.nnz
        self.dtype = X.dtype
        self._whole, self._targets, self._weights, self._offset = X, targets, weights, offset
        if X.format == "csr":
            per_row = self.bytes / max(self.n_rows, 1) + 32.0 * len(targets)
            result = 16.0 * len(targets) * self.n_features
            self._slices = row_slices(self.n_rows, per_row, result, alone=alone)
            self._X = [_share_rows(X, rows) for rows in self._slices]
        else:
            self._slices = [slice(0, self.n_rows)]
            self._X = [sp.csc_array(X, copy=False)]
        self.team = Team(self.bytes)

    def __enter__(self) -> Self:
        self.team.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self.team.__exit__(*error)

    def _block(self, i: int) -> Block:
        rows = self._slices[i]
        offset = None if self._offset is None else self._offset[:, rows]
        return Block(self._X[i], self._targets[:, rows], self._weights[rows], offset)

    def sweep(self, kernel: Kernel, *args: Any, reads: bool = True) -> tuple[Any, Any]:
        """See ``Rows.sweep``."""
        self.passes += reads
        return sweep_blocks(self.team, len(self._slices), self._block, kernel, args)

    def split(self, R: Array) -> PerRow:
        """See ``Rows.split``."""
        return PerRow(R[:, rows] for rows in self._slices)

    def inner_products(self, shift: Array, scale: Array, dtype: Any) -> Array:
        """See ``Rows.inner_products``; a sparse product, in the dtype of X."""
        self.passes += 1
        S = self._whole.multiply(scale[None, :]).tocsr()
        G = np.asarray((S @ S.T).toarray(), dtype=np.float64)
        across = np.asarray(S @ (shift * scale)).ravel()
        G -= across[:, None] + across
        G += float((shift * scale) @ (shift * scale))
        return G

    def mapped(self, function: Callable[[Any], Any]) -> Rows:
        """See ``Rows.mapped``."""
        other = as_rows(function(self._whole), self._targets, self._weights, self._offset)
        other.team, other.passes = self.team, self.passes
        return other

    @cached_property
    def _by_columns(self) -> sp.csc_array:
        return sp.csc_array(self._whole)

    def columns(self, which: Array) -> SparseRows:
        """See ``Rows.columns``; the first time, all columns are sorted."""
        X = self._by_columns[:, which].tocsr()
        part = SparseRows(X, self._targets, self._weights, self._offset)
        part.team = self.team
        return part

    def take(self, rows: Array) -> Block:
        """See ``Rows.take``."""
        offset = None if self._offset is None else self._offset[:, rows]
        return Block(self._whole[rows], self._targets[:, rows], self._weights[rows], offset)

    def sample(self, n_rows: int, rng: np.random.RandomState, always: Array) -> SparseRows:
        """See ``Rows.sample``."""
        block, stands_for = sample_rows(self, n_rows, rng, always, self._weights.sum())
        part = SparseRows(*block)
        part.stands_for = stands_for
        part.team = self.team
        return part

    def place(self, row: int) -> str:
        """See ``Rows.place``."""
        return ""


def _share_rows(X: Any, rows: slice) -> sp.csr_array:
    """Rows of a CSR container without a copy of their entries (``X[rows]`` would make one)."""
    start, stop = X.indptr[rows.start], X.indptr[rows.stop]
    indptr = X.indptr[rows.start : rows.stop + 1] - start
    part = sp.csr_array((rows.stop - rows.start, X.shape[1]), dtype=X.dtype)
    # set one by one: the constructor copies what is a small part of a larger array
    part.data, part.indices, part.indptr = X.data[start:stop], X.indices[start:stop], indptr
    return part
