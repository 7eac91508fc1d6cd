"""Whether the decrement that conjugate gradients have found is all there is: where no bound can be had."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sklearn_xent.arrays import Array
from sklearn_xent.problem.point import Point

__all__ = ["believed"]

GROWING = 0.1  # of a decrement, by which half of the products add to it: then more would


def believed(point: Point, step: Array, residual: Array, gains: Sequence[float] | None) -> bool:
    """Whether the decrement of a Newton step (K, d + 1) that leaves a residual has seen all curvature.

    The ``gains`` are what it had grown to with each product, of a step that more products would improve. The
    growth over some products is a lower bound of what it lacks: Strakos and Tichy (2002), Electron. Trans.
    Numer. Anal. 13.
    """
    if gains is not None and gains[-1] - gains[len(gains) // 2] > GROWING * gains[-1]:
        return False
    return _quadratic(point, step, residual)


def _quadratic(point: Point, step: Array, residual: Array) -> bool:
    """Whether F is quadratic along a Newton step and what its residual asks of each coefficient alone.

    It is not where a row's logits change by 1: one row far out and certain is all the curvature that its
    column has, and goes on losing it; conjugate gradients see neither.
    """
    rest = residual / np.maximum(point.hessian_diagonal(), np.finfo(float).tiny)
    return point.widest_change(step + rest) < 1
