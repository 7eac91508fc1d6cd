"""Mean, spread and size of every column, however far from zero, and what is wrong with its values."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from sklearn_xent.arrays import Array
from sklearn_xent.rows import Block, Rows, entries

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
    return (entries.left_product(w[None, :], X)[0], entries.weighted_squares(w, X)), ()


def _centred_moments(block: Block, mean: Array, unit: Array) -> tuple[tuple[Array, Array], tuple[()]]:
    """Weighted sums of u = (x - mean) / unit and of u^2."""
    return entries.centred_sums(block.weights, block.X, mean, unit), ()


def _not_finite(block: Block) -> tuple[tuple[Array], tuple[Array]]:
    counts, in_row = entries.marked(block.X, lambda x: ~np.isfinite(x))
    return (counts,), (in_row,)


def beyond_range(block: Block) -> tuple[tuple[()], tuple[Array]]:
    """Which rows that have weight hold a value too large."""
    _, in_row = entries.marked(block.X, lambda x: np.abs(x) >= LARGEST_VALUE)
    return (), (in_row & (block.weights > 0),)


class _Largest:
    """Numbers (d,) of which blocks give the larger where others give the sum."""

    def __init__(self, values: Array) -> None:
        self.values = values

    def __iadd__(self, other: _Largest) -> _Largest:
        np.maximum(self.values, other.values, out=self.values)
        return self


def _magnitude(block: Block) -> tuple[tuple[_Largest], tuple[()]]:
    """Largest |x| in the rows that have weight."""
    return (_Largest(entries.largest_sizes(block.X, block.weights > 0)),), ()


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
