"""One sweep over blocks in this process."""

from __future__ import annotations

from collections.abc import Callable
from operator import iadd
from typing import Any

import numpy as np

from sklearn_xent.arrays import Array
from sklearn_xent.rows import Block, Kernel, PerRow, Rows
from sklearn_xent.rows.threads import Team

__all__ = [
    "BLOCK_BYTES",
    "SHARED_BY",
    "added",
    "row_slices",
    "sample_rows",
    "spread_rows",
    "sweep_blocks",
]

# Each numpy call of a kernel takes and returns the interpreter lock: calls on fewer than some 20,000
# numbers hold two threads back more than they help. A block this size is still in a last-level cache when
# its second product reads it.
BLOCK_BYTES = 8 << 20
# No thread waits for another in a task of Dask, whose workers let the C library map and unmap every array
# beyond 128 KB: temporaries of a block should be smaller.
BLOCK_BYTES_ALONE = 2 << 20
SHARED_BY = 4  # blocks come in multiples of this, so that two or four threads get as many each
CHUNK = 32  # rows that are neighbours in a sample: reading a row alone wastes most of a memory page


def row_slices(
    n_rows: int, bytes_per_row: float, result_bytes: float = 0.0, *, alone: bool = False
) -> list[slice]:
    """Cut the rows into equal blocks of at most BLOCK_BYTES, or of the size of their result, but into two.

    Where a thread works ``alone``, blocks are smaller.
    """
    size = BLOCK_BYTES_ALONE if alone else BLOCK_BYTES
    total = n_rows * bytes_per_row
    count = -int(-total // max(size, min(result_bytes, total / 2), 1))
    if count > 1 and not result_bytes > size:
        count = SHARED_BY * -(-count // SHARED_BY)
    size = max(1, -(-n_rows // max(count, 1)))
    return [slice(i, min(i + size, n_rows)) for i in range(0, n_rows, size)]


def spread_rows(n_rows: int, n_sample: int, rng: np.random.RandomState) -> Array:
    """Indices of about n_sample rows: one short run of neighbours at a random place of each stratum.

    Strata of equal length make the sample follow any order of the rows, such as by class or by date.
    """
    n_runs = max(1, n_sample // CHUNK)
    run = min(CHUNK, n_rows)
    edges = np.linspace(0, n_rows - run, n_runs + 1)
    starts = (edges[:-1] + rng.random_sample(n_runs) * np.diff(edges)).astype(np.intp)
    rows = starts[:, None] + np.arange(run)
    new = rows >= np.append(0, starts[:-1] + run)[:, None]  # runs may overlap; the starts are sorted
    return np.asarray(rows[new])


def sample_rows(
    source: Rows, n_rows: int, rng: np.random.RandomState, always: Array, total: float
) -> tuple[Block, float]:
    """About n_rows rows of a source whose weights have a total, spread over all, and those in always.

    Also the factor by which the weights of those drawn are larger than in the source.

    The weights sum to that of the source: rows that are in it by rule stand for themselves, those drawn
    stand for all the others.
    """
    chosen = spread_rows(source.n_rows, n_rows, rng)
    drawn = np.ones(len(chosen), bool)
    if len(always):
        # a stable sort merges two sorted arrays
        chosen = np.sort(np.append(chosen, always), kind="stable")
        chosen = chosen[np.append(True, np.diff(chosen) > 0)]
        drawn = always[np.minimum(np.searchsorted(always, chosen), len(always) - 1)] != chosen
    block = source.take(chosen)
    weights = block.weights.copy()
    stand_for = total - weights[~drawn].sum()
    stands_for = float(stand_for / max(weights[drawn].sum(), np.finfo(float).tiny))
    weights[drawn] *= stands_for
    return block._replace(weights=weights), stands_for


def added(sums: list[Any], more: Any) -> list[Any]:
    """Sums with more added to them, in place; none yet is an empty list."""
    return [iadd(s, a) for s, a in zip(sums, more, strict=True)] if sums else list(more)


def sweep_blocks(
    team: Team, n_blocks: int, block: Callable[[int], Block], kernel: Kernel, args: tuple[Any, ...]
) -> tuple[Any, Any]:
    """Apply the kernel to each block; add its sums in the blocks' order, keep the rest per block.

    The order makes the result the same, bit for bit, for any number of threads. Trial points may
    overflow; the caller judges them by their value, so numpy need not warn.
    """
    # small data: every call counts
    if n_blocks == 1:
        with np.errstate(all="ignore"):
            sums_of_one, kept_of_one = kernel(block(0), *[a[0] if isinstance(a, PerRow) else a for a in args])
        return sums_of_one, tuple([PerRow([value]) for value in kept_of_one])

    def part(i: int) -> tuple[Any, Any]:
        with np.errstate(all="ignore"):
            return kernel(block(i), *(a[i] if isinstance(a, PerRow) else a for a in args))

    sums: list[Any] = []
    kept: list[tuple[Any, ...]] = []
    for of_block, stays in team.map(part, n_blocks):
        sums = added(sums, of_block)
        kept.append(stays)
    return tuple(sums), tuple(PerRow(column) for column in zip(*kept, strict=True))
