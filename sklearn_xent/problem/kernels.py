"""What a sweep does to one block of rows: ``kernel(block, ...) -> (sums, kept)``, for the objective alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_xent.arrays import Array
from sklearn_xent.problem.design import Design, Linear
from sklearn_xent.problem.hessians import chosen_rows
from sklearn_xent.problem.losses import Loss
from sklearn_xent.rows import Block, entries

__all__ = [
    "adjoint",
    "along",
    "at",
    "change",
    "count_nonzero",
    "design_rows",
    "difference",
    "expand",
    "first_order",
    "holding",
    "largest_share",
    "squares",
    "value_and_slope",
    "widest_change",
]


def first_order(block: Block, logits: Array, loss: Loss, design: Design, keeps: bool) -> Any:
    """Loss and pulled residuals; the logits and, where it ``keeps`` it, the expansion are kept."""
    if keeps:
        kept = loss.expand(logits, block.targets)
        value, residual = kept.value, block.weights * kept.residual
    else:
        kept = None
        value, residual = loss.first_order(logits, block.targets)
        residual *= block.weights
    return (block.weights @ value, design.pull(block.X, residual)), (logits, kept)


def at(block: Block, linear: Linear | None, loss: Loss, design: Design, keeps: bool) -> Any:
    """At coefficients, or where most fits start: at none, where X need not be read for the logits."""
    if linear is None:
        logits = np.zeros((loss.n_logits, len(block.weights)), dtype=block.targets.dtype)
    else:
        logits = design.logits(block.X, linear)
    if block.offset is not None:
        logits += block.offset
    return first_order(block, logits, loss, design, keeps)


def along(
    block: Block, logits: Array, change: Array, t: float, loss: Loss, design: Design, keeps: bool
) -> Any:
    """First order at t along a change of the logits."""
    return first_order(block, logits + t * change, loss, design, keeps)


def value_and_slope(block: Block, logits: Array, change: Array, t: float, loss: Loss) -> Any:
    """Loss and its slope at t along a change of the logits; reads no X."""
    e = loss.expand(logits + t * change, block.targets)
    return (block.weights @ e.value, np.einsum("n,kn,kn->", block.weights, e.residual, change)), ()


def difference(block: Block, origin: Array, end: Array) -> Any:
    """From the logits of one point to those of another."""
    return (), (end - origin,)


def change(block: Block, direction: Linear, design: Design) -> Any:
    """What a direction does to the logits."""
    return (), (design.logits(block.X, direction),)


def adjoint(block: Block, R: Array, design: Design) -> Any:
    """Pull rows."""
    return (design.pull(block.X, R),), ()


def expand(block: Block, logits: Array, loss: Loss) -> Any:
    """Expand the loss at logits."""
    return (), (loss.expand(logits, block.targets),)


def squares(block: Block, design: Design) -> Any:
    """Weighted squares of the design's columns."""
    return (design.squares(block.X, block.weights[None, :])[0],), ()


def count_nonzero(block: Block, design: Design) -> Any:
    """Entries of each column of X that are not zero."""
    return (entries.nonzero_counts(*design.features(block.X)),), ()


def widest_change(block: Block, direction: Linear, design: Design) -> Any:
    """Largest change of a row's logits along a direction, their range where there are several."""
    moved = design.logits(block.X, direction)
    width = np.abs(moved[0]) if len(moved) == 1 else np.ptp(moved, axis=0)
    return (), (float(width.max(initial=0.0, where=block.weights > 0)),)


def design_rows(block: Block, design: Design) -> Any:
    """The design matrix (d + 1, m), the targets and the weights."""
    A = design.matrix(entries.dense(block.X))
    return (), ((A.T, block.targets, block.weights),)


def largest_share(block: Block, design: Design) -> Any:
    """Largest share that one row has of a column's weighted squares; unknown, inf, where X is on a device."""
    if not entries.is_at_hand(block.X):
        return (), (np.inf,)
    largest, whole = 0.0, np.append(np.where(design.variance > 0, design.variance, np.inf), 1.0)
    for part, A, _ in chosen_rows(block, design, np.ones((1, len(whole)), bool), 2):
        largest = max(largest, float((block.weights[part, None] * A * A / whole).max(initial=0.0)))
    return (), (largest,)


def holding(block: Block, columns: Array, design: Design) -> Any:
    """Which rows have an entry in some columns."""
    X, zero = design.features(block.X)
    return (), (entries.rows_with(X, columns, zero),)
