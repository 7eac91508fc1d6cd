"""How far the slopes of a point are off by rounding: bounded by norms, or by the sizes of their terms."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_xent.arrays import Array
from sklearn_xent.problem.design import Design
from sklearn_xent.problem.hessians import chosen_rows
from sklearn_xent.problem.point import Point
from sklearn_xent.rows import Block, entries

__all__ = ["ROUNDED", "slope_rounding", "summed_rounding"]

ROUNDED = 32  # roundings that a slope may be off by


def slope_rounding(point: Point) -> Array:
    """One rounding of a slope (d + 1,), relative to the norms of its column, as multiplied, and residuals."""
    o = point.objective
    columns = np.append(np.sqrt(o.design.variance) + o.design.cancellation, 1.0)
    return np.asarray(o.eps * columns * o.loss.largest_residual(point.loss))


def summed_rounding(point: Point) -> tuple[Array, Array]:
    """One rounding of each slope (K, d + 1): eps times the sum of the sizes of what it is the sum of.

    Also the slopes that residuals would make, each off by one rounding of random sign.

    Far less than ``slope_rounding`` where an outlying row has hardly a residual. One reading of X.
    """
    o = point.objective
    eps = o.eps
    args = point.expansion, point.coefficients.shape, o.design
    (sizes, probe), _ = o.rows.sweep(slope_sizes, *args)
    return eps * sizes, eps * probe


def slope_sizes(block: Block, e: Any, shape: tuple[int, int], design: Design) -> Any:
    """Sums of the sizes of the terms of each slope (K, d + 1), and slopes of residuals of random signs."""
    off = block.weights * e.residual_terms(block.targets)
    signed = off * np.random.default_rng(0).choice([-1.0, 1.0], off.shape)
    if not entries.is_at_hand(block.X):  # few numbers travel
        X, lost = entries.shifted(block.X, design.left), np.append(design.cancellation, 0.0)
        last, unit = design.fit_intercept, design.scale
        sizes = np.column_stack([entries.left_product(off, X.absolute()) * unit, off.sum(axis=1) * last])
        probe = np.column_stack([entries.left_product(signed, X) * unit, signed.sum(axis=1) * last])
        return (sizes + np.outer(off.sum(axis=1), lost), probe), ()
    sizes, probe = np.zeros(shape), np.zeros(shape)
    for part, A, _ in chosen_rows(block, design, np.ones(shape, bool), 2):
        absolute = np.abs(A)
        absolute[:, :-1] += design.cancellation
        sizes += off[:, part] @ absolute
        probe += signed[:, part] @ A
    return (sizes, probe), ()
