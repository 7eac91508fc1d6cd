"""Directions that separate rows: whether one does, one that coefficients have gone along, and its end."""

from __future__ import annotations

import numpy as np

from sklearn_xent.arrays import Array
from sklearn_xent.factor import EPS
from sklearn_xent.problem import margins
from sklearn_xent.problem.objective import Objective
from sklearn_xent.problem.point import Line, Point
from sklearn_xent.solvers.conjugate_gradient import conjugate_gradient
from sklearn_xent.solvers.line_search import TRIALS
from sklearn_xent.solvers.optimality_gap import PRODUCTS

__all__ = ["along_coefficients", "beyond_separation", "separates", "unheld_coefficients"]

# Fall of a margin, or change of one that must stay, relative to its terms: within the tolerances of a linear
# program and of a null space; and relative to the largest growth, beside which it must be nothing.
TOLERATED, BESIDE_GROWTH = 1e-6, 1e-2


def unheld_coefficients(objective: Objective) -> Array:
    """Mask (K, d + 1) of the coefficients that no penalty holds and whose columns vary."""
    return np.broadcast_to(objective.free & (np.append(objective.design.scale, 1.0) > 0), objective.shape)


def separates(point: Point, direction: Array, off: Array, share: float) -> bool:
    """Whether margins grow along a direction (N,), and none that may not falls or changes.

    What its entries are ``off`` by (N,) changes nothing; margins that hold more than a ``share`` of the loss
    must stay.
    """
    o = point.objective
    args = point.expansion, o.design, direction, off, share
    _, (extremes,) = o.rows.sweep(margins.margin_extremes, *args)
    falls, grows, tied = np.max(list(extremes.flat()), axis=0)
    return bool(grows > 0 and max(falls, tied) <= min(TOLERATED, BESIDE_GROWTH * grows))


def along_coefficients(point: Point, share: float) -> Array | None:
    """Direction (K, d + 1) that separates rows: the coefficients less what changes margins that must stay.

    Where rows are separated, coefficients have gone far along a direction that separates them. None where
    theirs does not.
    """
    o = point.objective
    free = unheld_coefficients(o)
    direction = np.where(free, point.coefficients, 0.0)
    if o.penalty.bounded:
        return None

    def product(V: Array) -> Array:
        (pulled,), _ = o.rows.sweep(margins.constraint_product, point.expansion, o.design, V, share)
        return np.where(free, o.design.gradient(pulled), 0.0)

    most = int(np.clip(o.rows.passes, *PRODUCTS))
    changed, _ = conjugate_gradient(product, product(direction), np.copy, tol=TOLERATED**2, max_iter=most)
    direction -= changed
    return direction if separates(point, direction.ravel(), np.zeros(free.size), share) else None


def beyond_separation(point: Point, ray: Array) -> Array:
    """Coefficients (K, d + 1) along a ray where the rows that it separates have hardly any loss left."""
    line, far, lowest = Line(point, ray / np.abs(ray).max()), 0.0, point.value
    for t in np.exp2(np.arange(TRIALS)).tolist():
        value, _ = line.evaluate(t)
        if not value <= lowest:
            break
        if value < lowest * (1 - 8 * EPS):
            far, lowest = t, value
    return point.coefficients + far * line.direction
