"""Kernels of curvature for steps from coefficients that are hardly known: those of streams."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_xent.arrays import Array
from sklearn_xent.problem.design import Design
from sklearn_xent.problem.hessians import hessian
from sklearn_xent.problem.losses import Loss
from sklearn_xent.rows import Block, entries

__all__ = ["cautious_diagonal", "cautious_hessian"]

# Variance of a logit that is believed in its curvature, and in how it is shared: before rows are seen it is
# what the penalty says, which with a weak one is no more than "anything".
WIDEST, ANYTHING = 4.0, 100.0
LOST = 10.0  # nats of a row beyond which its curvature says nothing of the way back: h < 5e-5


def cautious_diagonal(block: Block, logits: Array, variance: Array, loss: Loss, design: Design) -> Any:
    """Diagonal of the Hessian (K, d + 1) for steps from coefficients of some variance (K, d + 1).

    A logit of variance s^2 has the mean probability sigmoid(c z) with c = (1 + pi s^2 / 8)^(-1/2), of slope
    h = c p (1 - p): MacKay (1992), Neural Computation 4(5), eq. 2.10. Where that variance is large, each of
    many coefficients alone could explain the row; all of them together would move its logit by h s^2 times
    the step that it asks for.
    """
    away, _ = entries.distances(block.X, design.shift)
    spread = entries.right_product(variance[:, :-1] * design.scale**2, away**2)
    # not the intercept's: nothing is known of it only until the first rows are
    spread = np.fmin(spread, ANYTHING)
    c = 1 / np.sqrt(1 + np.pi / 8 * np.fmin(spread, WIDEST))
    e = loss.expand(c * logits, block.targets)
    h = c * e.diagonal
    h *= np.fmax(1.0, 2 * h * spread)
    chords = _chord_logits(c * logits, e.value, block.weights)
    if chords is None:
        return (design.squares(block.X, block.weights * h), False), ()
    lost = (chords != c * logits).any(axis=0)
    h[:, lost] = 0.0
    D = design.squares(block.X, block.weights * h)
    e = loss.expand(chords, block.targets)
    h = block.weights * e.diagonal
    return (D + _shared_squares(block.X[lost], h[:, lost], np.sqrt(variance), design), True), ()


def _shared_squares(X: Any, h: Array, deviation: Array, design: Design) -> Array:
    """Diagonal (K, d + 1) that bounds the Gram matrices of row weights h (K, m).

    Each row's x x' by |x_j| sum_k |x_k|, in units of the deviations (K, d + 1) of the coefficients: the
    coefficients share what a row asks for, and those that move more easily take more of it.
    """
    size, centre = entries.distances(X, design.shift)
    units = deviation[:, :-1] * design.scale
    last = deviation[:, -1:] * design.fit_intercept
    total = h * (entries.right_product(units, size) + (units @ centre)[:, None] + last)
    D = entries.left_product(total, size) + total.sum(axis=1)[:, None] * centre
    return np.column_stack([D * design.scale, total.sum(axis=1) * design.fit_intercept]) / deviation


def cautious_hessian(block: Block, logits: Array, e: Any, loss: Loss, design: Design) -> Any:
    """Hessian of the loss in which lost rows have the curvature of a chord; and whether there are any."""
    chords = _chord_logits(logits, e.value, block.weights)
    if chords is not None:
        e = loss.expand(chords, block.targets)
    (H,), _ = hessian(block, logits, e, loss, design, np.float64)
    return (H, chords is not None), ()


def _chord_logits(logits: Array, value: Array, weights: Array) -> Array | None:
    """Logits with a curvature of about 1 / (2 v) in the rows of loss v > LOST; None where no row is lost.

    That is tanh(v / 2) / (2 v), the least curvature of a parabola through the row's value that bounds its
    loss, less up to 15 % where v is 10: Jaakkola and Jordan (2000), Statistics and Computing 10(1). The row's
    slope is 1 until it is won, and its own curvature exp(-v) says that it stays so for ever.
    """
    lost = (value > LOST) & (weights > 0)
    if not lost.any():
        return None
    v = value[lost]
    chords = logits.copy()
    chords[:, lost] *= np.log1p(2 * v) / v
    return chords
