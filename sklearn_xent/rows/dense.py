"""Rows in a numpy array of any dtype, order or stride."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import numpy as np

from sklearn_xent.arrays import Array
from sklearn_xent.rows import Block, Kernel
from sklearn_xent.rows.blocks import row_slices, sample_weights, spread_rows, sweep_blocks
from sklearn_xent.rows.threads import Team

__all__ = ["DenseRows"]


class DenseRows:
    """Row blocks of an array; one that is not native float64 is converted in use, if not ``single``."""

    def __init__(self, X: Any, targets: Array, weights: Array, offset: Array | None) -> None:
        self.n_rows, self.n_features = X.shape
        self.passes = 0
        self.sparse = self.single = False
        self.bytes = 8.0 * X.size
        self.dtype = X.dtype
        self._X, self._targets, self._weights, self._offset = X, targets, weights, offset
        self._slices = row_slices(self.n_rows, 8.0 * (self.n_features + 4 * len(targets)))
        self._team = Team(self.bytes)

    def __enter__(self) -> Self:
        self._team.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._team.__exit__(*error)

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
        return sweep_blocks(self._team, len(self._slices), self._block, kernel, args)

    def mapped(self, function: Callable[[Any], Any]) -> DenseRows:
        """See ``Rows.mapped``."""
        X = function(np.asarray(self._X, dtype=np.float64))
        other = DenseRows(X, self._targets, self._weights, self._offset)
        other._team, other.passes = self._team, self.passes
        return other

    def sample(self, n_rows: int, rng: np.random.RandomState, always: Array) -> DenseRows:
        """See ``Rows.sample``."""
        rows = np.union1d(spread_rows(self.n_rows, n_rows, rng), always)
        offset = None if self._offset is None else self._offset[:, rows]
        weights = sample_weights(self._weights, rows, always)
        part = DenseRows(self._X[rows], self._targets[:, rows], weights, offset)
        part._team, part.single = self._team, self.single
        return part
