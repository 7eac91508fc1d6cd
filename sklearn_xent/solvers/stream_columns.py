"""Where the columns of a stream lie and how far they spread: medians over groups of its rows."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from sklearn_xent.arrays import Array
from sklearn_xent.problem.design import Design
from sklearn_xent.problem.moments import moments_of
from sklearn_xent.rows import Block, as_rows

__all__ = ["Columns"]

AT_FIRST, MOST = 8, 16  # groups that the first batch is cut into, and groups that are kept
SMALLEST_UNIT = 1e-100  # spread below which a column counts as constant: squares of its inverse overflow
AWAY, OFF = 0.5, 4.0  # spreads that a centre, and factors that a scale, may be off before the design changes
# Spreads that the mean of all groups may be from their median, and factors that the whole spread may be
# larger, before an outlier is thought to be the reason; less costs hardly a digit.
FAR, WIDE = 3.0, 30.0
NEAREST = 1e-12  # share of a centre below which a spread is the rounding of the values


@dataclass(frozen=True)
class Columns:
    """Means and spreads of groups of rows, spread evenly over the stream; immutable.

    An outlier spoils the mean of its group alone, so that the median over groups knows nothing of it: the
    median of means of Nemirovsky and Yudin (1983). The first batch is cut into groups; later, one batch in
    ``stride`` is a group, and every second group is forgotten once there are too many.
    """

    means: tuple[Array, ...] = ()
    spreads: tuple[Array, ...] = ()
    weights: tuple[float, ...] = ()
    stride: int = 1
    batches: int = 0

    def with_batch(self, batch: Block) -> Columns:
        """Learn from a batch, if it is its turn."""
        batches, n_rows = self.batches + 1, len(batch.weights)
        if batches % self.stride:
            return replace(self, batches=batches)
        count = 1 if self.means else min(AT_FIRST, n_rows)
        groups = [_moments(batch, slice(i, n_rows, count)) for i in range(count)]
        mean, spread, weight = zip(*groups, strict=True)
        means, spreads, weights = self.means + mean, self.spreads + spread, self.weights + weight
        if len(means) <= MOST:
            return Columns(means, spreads, weights, self.stride, batches)
        return Columns(means[::2], spreads[::2], weights[::2], 2 * self.stride, batches)

    @property
    def due(self) -> bool:
        """Whether it is time to look again: after each doubling of the batches."""
        return not self.batches & (self.batches - 1)

    def centre_and_spread(self) -> tuple[Array, Array]:
        """Mean and spread of all groups, or the median of theirs where an outlier spoils that."""
        means, spreads = np.array(self.means), np.array(self.spreads)
        weights = np.array(self.weights) / np.sum(self.weights)
        mean = weights @ means
        with np.errstate(all="ignore"):  # what overflows is not sound
            whole = np.sqrt(weights @ (spreads**2 + (means - mean) ** 2))
        centre = _median(means)
        spread = np.hypot(_median(spreads), _median(np.abs(means - centre)))
        # a column that most groups see constant is as wide as the others see it
        spread = np.where(spread > NEAREST * np.abs(centre), spread, whole)
        spread = np.where(np.isfinite(spread), spread, 0.0)
        sound = (np.abs(mean - centre) <= FAR * spread) & (whole <= WIDE * spread)
        return np.where(sound, mean, centre), np.where(sound, whole, spread)

    def improved(self, design: Design, *, first: bool) -> Design:
        """The design with the shift and scale of those columns for which they are far off, or ``first`` all.

        Sparse columns are not scaled: their products with a scale would be copies.
        """
        centre, spread = self.centre_and_spread()
        if not design.fit_intercept:
            spread, centre = np.hypot(centre, spread), np.zeros_like(centre)
        known = spread > SMALLEST_UNIT
        scale = design.scale
        if not design.sparse:
            scale = np.where(known, 1 / np.where(known, spread, 1.0), scale)
        away = np.abs(centre - design.shift) > AWAY * spread
        off = np.abs(np.log(scale / design.scale)) > np.log(OFF)
        moves = away | off | first
        if not moves.any():
            return design
        return replace(
            design,
            shift=np.where(moves, centre, design.shift),
            scale=np.where(moves, scale, design.scale),
            variance=np.where(moves, np.where(known, (spread * scale) ** 2, 1.0), design.variance),
        )


def _moments(batch: Block, rows: slice) -> tuple[Array, Array, float]:
    """Mean and spread of the columns in some rows of a batch, and their weight."""
    weights = batch.weights[rows]
    total = float(weights.sum())
    weights = weights / total if total > 0 else np.full(len(weights), 1 / len(weights))
    mean, spread, _ = moments_of(as_rows(batch.X[rows], batch.targets[:, rows], weights))
    return mean, spread, total


def _median(values: Array) -> Array:
    """Median over the groups; most columns of sparse rows are 0 in most groups, and need no sorting."""
    median = np.zeros(values.shape[1])
    some = 2 * np.count_nonzero(values, axis=0) >= len(values)
    median[some] = np.median(values[:, some], axis=0) if some.any() else 0.0
    return median
