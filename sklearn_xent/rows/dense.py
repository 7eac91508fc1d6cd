"""Rows in a numpy array of any dtype, order or stride."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from sklearn_xent.arrays import Array
from sklearn_xent.rows import Block, Kernel
from sklearn_xent.rows.blocks import row_slices, run

__all__ = ["DenseRows"]


class DenseRows:
    """Row blocks of an array; a block that is not native float64 is converted while it is in use."""

    def __init__(self, X: Any, targets: Array, weights: Array, offset: Array | None) -> None:
        self.n_rows, self.n_features = X.shape
        self.passes = 0
        self._X, self._targets, self._weights, self._offset = X, targets, weights, offset
        per_row = 8.0 * (self.n_features + 4 * len(targets))
        self._slices = row_slices(self.n_rows, per_row)

    def _blocks(self) -> Iterator[Block]:
        for rows in self._slices:
            offset = None if self._offset is None else self._offset[:, rows]
            X = np.asarray(self._X[rows], dtype=np.float64)
            yield Block(X, self._targets[:, rows], self._weights[rows], offset)

    def sweep(self, kernel: Kernel, *args: Any, reads: bool = True) -> tuple[Any, Any]:
        """See ``Rows.sweep``."""
        self.passes += reads
        return run(self._blocks(), kernel, args)
