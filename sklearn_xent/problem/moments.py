"""Mean, spread and size of every column, however far from zero, and what is wrong with its values."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp

from sklearn_xent.arrays import Array
from sklearn_xent.problem.products import (
    left_product,
    weighted_squares,
)
from sklearn_xent.rows import Block, Rows

__all__ = [
    "LARGEST_VALUE",
    "SMALLEST_SPREAD",
    "Moments",
    "beyond_range",
    "moments_of",
    "name_columns",
]

# Spreads outside this range have no reciprocal, or no square root of one, in float64.
SMALLEST_SPREAD, LARGEST_VALUE = 1e-290, 1e290


def _raw_moments(block: Block) -> tuple[tuple[Array, Array], tuple[()]]:
    """Weighted sums of x and of x^2."""
    w, X = block.weights, block.X
    return (left_product(w[None, :], X)[0], weighted_squares(w, X)), ()


def _centred_moments(block: Block, mean: Array, unit: Array) -> tuple[tuple[Array, Array], tuple[()]]:
    """Weighted sums of u = (x - mean) / unit and of u^2."""
    w, X = block.weights, block.X
    if not sp.issparse(X):
        U = (np.asarray(X) - mean) / unit
        U[w == 0] = 0.0  # what has no weight may have an infinite square
        return (w @ U, w @ U**2), ()
    entries = X.tocoo()
    columns, row_weights = entries.col, w[entries.row]
    u = np.where(row_weights > 0, (entries.data - mean[columns]) / unit[columns], 0.0)
    u0 = -mean / unit
    size = X.shape[1]
    # The mass of the rows without an entry is a difference, which rounding may leave negative, or positive
    # where there is no such row. Their count is exact, and their mass no less than as many least weights.
    absent = np.count_nonzero(w) - np.bincount(columns, row_weights > 0, size)
    least = absent * np.min(w, where=w > 0, initial=np.inf) if absent.any() else 0.0
    zeros = np.where(absent > 0, np.maximum(w.sum() - np.bincount(columns, row_weights, size), least), 0.0)
    first = np.bincount(columns, row_weights * u, size) + zeros * u0
    return (first, np.bincount(columns, row_weights * u**2, size) + zeros * u0**2), ()


def _not_finite(block: Block) -> tuple[tuple[Array], tuple[Array]]:
    if not sp.issparse(block.X):
        wrong = ~np.isfinite(np.asarray(block.X))
        return (wrong.sum(axis=0),), (wrong.any(axis=1),)
    entries = block.X.tocoo()
    entry_wrong = ~np.isfinite(entries.data)
    m, d = block.X.shape
    in_row = np.bincount(entries.row, entry_wrong, m) > 0
    return (np.bincount(entries.col, entry_wrong, d),), (in_row,)


def beyond_range(block: Block) -> tuple[tuple[()], tuple[Array]]:
    """Which rows that have weight hold a value too large."""
    some = block.weights > 0
    if not sp.issparse(block.X):
        return (), (some & (np.abs(np.asarray(block.X)) >= LARGEST_VALUE).any(axis=1),)
    entries = block.X.tocoo()
    large = np.abs(entries.data) >= LARGEST_VALUE
    return (), (some & (np.bincount(entries.row, large, block.X.shape[0]) > 0),)


class _Largest:
    """Numbers (d,) of which blocks give the larger where others give the sum."""

    def __init__(self, values: Array) -> None:
        self.values = values

    def __iadd__(self, other: _Largest) -> _Largest:
        np.maximum(self.values, other.values, out=self.values)
        return self


def _magnitude(block: Block) -> tuple[tuple[_Largest], tuple[()]]:
    """Largest |x| in the rows that have weight."""
    some = block.weights > 0
    if not sp.issparse(block.X):
        return (_Largest(np.abs(np.asarray(block.X)[some]).max(axis=0, initial=0.0).astype(float)),), ()
    entries = block.X.tocoo()
    largest = np.zeros(block.X.shape[1])
    np.maximum.at(largest, entries.col, np.where(some[entries.row], np.abs(entries.data), 0.0))
    return (_Largest(largest),), ()


class Moments(NamedTuple):
    """Weighted mean, spread about it (0 where constant) and root mean square of every column, (d,) each."""

    mean: Array
    spread: Array
    size: Array


def moments_of(rows: Rows, names: Any = None) -> Moments:
    """Measure the columns.

    One sweep, which shows as well whether every value is finite, and two more where raw squares have lost
    the digits: a column far from zero for its spread, constant, or so large or small that its square is
    not a normal number.

    Raises
    ------
    ValueError
        If X holds NaN or infinity.
    """
    (mean, square), _ = rows.sweep(_raw_moments)
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        variance = square - mean**2
        sound = (square > 1e-280) & (square < 1e280) & (variance > 1e-6 * square)
    if (sound | (square == 0) & (mean == 0)).all():
        return Moments(mean, np.sqrt(np.maximum(variance, 0.0)), np.sqrt(square))
    if not np.isfinite(square).all():
        (not_finite,), (in_row,) = rows.sweep(_not_finite)
        columns = name_columns(not_finite > 0, names)
        if columns:
            first = int(np.argmax(np.concatenate(in_row.flat())))
            raise ValueError(f"Input X contains NaN or infinity in {columns}{rows.place(first)}.")
    # Of the largest value and not of the mean: beside a row of next to no weight, the mean may be so small
    # that the square of their ratio overflows.
    (largest,), _ = rows.sweep(_magnitude)
    unit = np.where(largest.values > 0, largest.values, 1.0)
    centre = np.where(np.isfinite(mean), mean, 0.0)
    (drift, second), _ = rows.sweep(_centred_moments, centre, unit)
    with np.errstate(under="ignore", over="ignore"):
        variance = second - drift**2
        # For a constant column x - mean is one rounding error e in all rows: drift = e and second = e^2.
        variance = np.where(variance <= 1e-6 * second, 0.0, variance)
        size = np.where(largest.values < LARGEST_VALUE, np.hypot(centre, unit * np.sqrt(second)), np.inf)
        return Moments(centre + unit * drift, unit * np.sqrt(np.maximum(variance, 0.0)), size)


def name_columns(mask: Array, names: Any, most: int = 3) -> str:
    """Say which columns a mask names, or return an empty string."""
    where = np.flatnonzero(mask)
    shown = [f"{names[j]!r}" if names is not None else f"{j}" for j in where[:most]]
    more = f" and {len(where) - most} more" if len(where) > most else ""
    return f"column{'s' if len(where) > 1 else ''} {', '.join(shown)}{more}" if len(where) else ""
