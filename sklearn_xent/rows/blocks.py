"""One sweep over blocks in this process."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from sklearn_xent.rows import Kernel, PerRow

__all__ = ["row_slices", "run"]

BLOCK_BYTES = 4 << 20  # big enough to hide numpy's overhead per call, small enough for a cache


def row_slices(n_rows: int, bytes_per_row: float) -> list[slice]:
    """Cut the rows into blocks of about BLOCK_BYTES."""
    size = max(1, int(BLOCK_BYTES / max(bytes_per_row, 1)))
    return [slice(i, min(i + size, n_rows)) for i in range(0, n_rows, size)]


def run(blocks: Iterator[Any], kernel: Kernel, args: tuple[Any, ...]) -> tuple[Any, Any]:
    """Apply the kernel to each block; add its sums in order, keep the rest per block.

    Trial points may overflow; the caller judges them by their value, so numpy need not warn.
    """
    sums: tuple[Any, ...] | None = None
    kept: list[tuple[Any, ...]] = []
    with np.errstate(over="ignore", invalid="ignore", divide="ignore", under="ignore"):
        for i, block in enumerate(blocks):
            mine = (a[i] if isinstance(a, PerRow) else a for a in args)
            part, stays = kernel(block, *mine)
            sums = part if sums is None else tuple(s + p for s, p in zip(sums, part, strict=True))
            kept.append(stays)
    return sums or (), tuple(PerRow(column) for column in zip(*kept, strict=True))
