"""Rows in a numpy array of any dtype, order or stride."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import numpy as np

from sklearn_xent.arrays import Array
from sklearn_xent.rows import Block, Kernel, PerRow
from sklearn_xent.rows.blocks import (
    BLOCK_BYTES,
    SHARED_BY,
    row_slices,
    sample_rows,
    sweep_blocks,
)
from sklearn_xent.rows.threads import Team

__all__ = ["DenseRows"]


class DenseRows:
    """Row blocks of an array; one that is not native float64 is converted in use, if not ``single``."""

    def __init__(
        self, X: Any, targets: Array, weights: Array, offset: Array | None, *, alone: bool = False
    ) -> None:
        self.n_rows, self.n_features = X.shape
        self.passes = 0
        self.sparse = self.single = False
        self.stands_for = 1.0
        self.local = True
        self.bytes = 8.0 * X.size
        self.dtype = X.dtype
        self._X, self._targets, self._weights, self._offset = X, targets, weights, offset
        self._slices = row_slices(self.n_rows, 8.0 * (self.n_features + 4 * len(targets)), alone=alone)
        self.team = Team(self.bytes)

    def __enter__(self) -> Self:
        self.team.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self.team.__exit__(*error)

    def _block(self, i: int) -> Block:
        rows = self._slices[i]
        offset = None if self._offset is None else self._offset[:, rows]
        X = self._X[rows]
        if not self.single:
            X = np.asarray(X, dtype=np.float64)
        return Block(X, self._targets[:, rows], self._weights[rows], offset)

    def sweep(self, kernel: Kernel, *args: Any, reads: bool = True) -> tuple[Any, Any]:
        """See ``Rows.sweep``."""
        self.passes += reads
        return sweep_blocks(self.team, len(self._slices), self._block, kernel, args)

    def split(self, R: Array) -> PerRow:
        """See ``Rows.split``."""
        return PerRow(R[:, rows] for rows in self._slices)

    def inner_products(self, shift: Array, scale: Array, dtype: Any) -> Array:
        """See ``Rows.inner_products``; the columns are taken block by block."""
        self.passes += 1
        n, d = self.n_rows, self.n_features
        width = max(1, BLOCK_BYTES // (np.dtype(dtype).itemsize * n))

        def part(i: int) -> Array:
            start, end = d * i // SHARED_BY, d * (i + 1) // SHARED_BY
            G, product = np.zeros((n, n), dtype=dtype), np.empty((n, n), dtype=dtype)
            A = np.empty((n, min(width, end - start)), dtype=dtype)
            for j in range(start, end, width):
                columns = slice(j, min(j + width, end))
                B = A[:, : columns.stop - j]
                np.subtract(self._X[:, columns], shift[columns], out=B, casting="unsafe")
                B *= scale[columns].astype(dtype)
                G += np.matmul(B, B.T, out=product)
            return G

        return np.asarray(sum(self.team.map(part, SHARED_BY)))

    def mapped(self, function: Callable[[Any], Any]) -> DenseRows:
        """See ``Rows.mapped``."""
        X = function(self._X)
        other = DenseRows(X, self._targets, self._weights, self._offset)
        other.team, other.passes = self.team, self.passes
        return other

    def columns(self, which: Array) -> DenseRows:
        """See ``Rows.columns``."""
        part = DenseRows(self._X[:, which], self._targets, self._weights, self._offset)
        part.team, part.single = self.team, self.single
        return part

    def take(self, rows: Array) -> Block:
        """See ``Rows.take``."""
        offset = None if self._offset is None else self._offset[:, rows]
        return Block(self._X[rows], self._targets[:, rows], self._weights[rows], offset)

    def sample(self, n_rows: int, rng: np.random.RandomState, always: Array) -> DenseRows:
        """See ``Rows.sample``."""
        block, stands_for = sample_rows(self, n_rows, rng, always, self._weights.sum())
        part = DenseRows(*block)
        part.stands_for = stands_for
        part.team, part.single = self.team, self.single
        return part

    def place(self, row: int) -> str:
        """See ``Rows.place``."""
        return ""
