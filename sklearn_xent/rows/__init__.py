"""Where the data lives: row blocks, one file per container.

A block hands the kernels an ``X`` they can multiply with; everything above is blind to the container.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, Self

import numpy as np
import scipy.sparse as sp

from sklearn_xent.arrays import Array
from sklearn_xent.rows.threads import WORTH_THREADS, Team

__all__ = ["Block", "LocalRows", "PerRow", "Rows", "as_rows", "joined"]

Kernel = Callable[..., tuple[tuple[Any, ...], tuple[Any, ...]]]


class Block(NamedTuple):
    """Some rows: features (m, d), targets (K, m), weights (m,), offset of the logits (K, m) or None."""

    X: Any
    targets: Array
    weights: Array
    offset: Array | None


class PerRow(list[Any]):
    """One value per block, kept where the block is; a sweep hands each kernel the value of its block.

    Rows that are made of parts have one such list per part.
    """

    def flat(self) -> list[Any]:
        """The values of all blocks, in their order."""
        return [value for part in self for value in (part.flat() if isinstance(part, PerRow) else [part])]


class Rows(Protocol):
    """What a container offers. ``passes`` counts the readings of X so far."""

    n_rows: int
    n_features: int
    dtype: Any
    passes: int
    single: bool  # whether blocks stay float32, as X is; see scaling.design_for, which decides
    bytes: float  # of X as float64 values, with indices where sparse
    sparse: bool
    # whether all of X is in this process: else it is read only in sweeps, and by a few rows or columns
    local: bool
    stands_for: float  # in a sample: how many rows each that was drawn stands for; else 1
    team: Team

    def __enter__(self) -> Self:
        """Start what runs sweeps; without it they run on the calling thread."""
        ...

    def __exit__(self, *error: Any) -> None: ...

    def sweep(self, kernel: Kernel, *args: Any, reads: bool = True) -> tuple[Any, Any]:
        """Run ``kernel(block, *args) -> (sums, kept)`` on every block.

        ``sums`` are added over the blocks in their order, ``kept`` come back as PerRow. ``reads`` says
        whether the kernel touches X.
        """
        ...

    def split(self, R: Array) -> PerRow:
        """Values R (K, n) of all rows, as kernels take them."""
        ...

    def columns(self, which: Array) -> Rows:
        """Copy some columns; same threads."""
        ...

    def take(self, rows: Array) -> Block:
        """Copy the rows of some indices, which are sorted."""
        ...

    def sample(self, n_rows: int, rng: np.random.RandomState, always: Array) -> Rows:
        """Copy about n_rows rows, spread over all, and those whose indices are in always.

        Drawn rows are weighted to stand for all that are not in always.
        """
        ...

    def place(self, row: int) -> str:
        """Say where a row is, if its index alone does not, to be added to an error's message."""
        ...


class LocalRows(Rows, Protocol):
    """What rows offer besides whose X is in this process, as ``local`` says."""

    def inner_products(self, shift: Array, scale: Array, dtype: Any) -> Array:
        """A A' (n, n) for A = (X - shift) * scale, from products in dtype."""
        ...

    def mapped(self, function: Callable[[Any], Any]) -> Rows:
        """Copy with function(X) in place of X, in one block on the same threads."""
        ...


def joined(blocks: list[Block]) -> Block:
    """One block of several, in their order."""
    sparse = sp.issparse(blocks[0].X)
    X: Any = (sp.vstack if sparse else np.concatenate)([block.X for block in blocks])
    offsets = [block.offset for block in blocks if block.offset is not None]
    return Block(
        X.tocsr() if sparse else X,
        np.concatenate([block.targets for block in blocks], axis=1),
        np.concatenate([block.weights for block in blocks]),
        np.concatenate(offsets, axis=1) if offsets else None,
    )


def as_rows(
    X: Any, targets: Array, weights: Array, offset: Array | None = None, *, alone: bool = False
) -> Rows:
    """Wrap a container, without copying it, with its targets (K, n), weights (n,) and offset (K, n).

    ``alone`` says that one thread will sweep it. A large sparse container that stores most of its entries is
    copied to a dense one, which takes less memory and products of less time.
    """
    # bytes: a stored value has an index
    if sp.issparse(X) and 12 * X.nnz > max(8 * X.shape[0] * X.shape[1], WORTH_THREADS):
        X = X.toarray()
    if sp.issparse(X):
        from sklearn_xent.rows.sparse import SparseRows

        return SparseRows(X, targets, weights, offset, alone=alone)
    if hasattr(X, "parts"):  # a PartedMatrix
        from sklearn_xent.rows.parts import PartedRows

        return PartedRows(X, targets, weights, offset)
    from sklearn_xent.rows.array_api import DeviceRows, is_device_array

    if is_device_array(X):
        return DeviceRows(X, targets, weights, offset)
    from sklearn_xent.rows.dense import DenseRows

    return DenseRows(X, targets, weights, offset, alone=alone)
