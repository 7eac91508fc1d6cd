"""A bound from a dual point made row by row, where rounding keeps a Newton step from making one.

Along a direction where the rows of the Hessian are 1e-12 of their largest, a step that makes up for slopes g
is g / 1e-24: its logits, differences of such terms, have no digits. The change of the probabilities that it
would make is g / 1e-12 and has them, taken from an orthogonal factor of the rows. Its slopes are summed in
the precision of the point, and refined.
"""

from __future__ import annotations

import numpy as np

from sklearn_xent.arrays import Array
from sklearn_xent.factor import RowFactor, rounding_of
from sklearn_xent.problem.duality import DualPoint
from sklearn_xent.problem.point import Point
from sklearn_xent.problem.slope_rounding import ROUNDED, summed_rounding
from sklearn_xent.rows import PerRow
from sklearn_xent.solvers.hessian import gauged_columns

__all__ = ["row_bound"]

ROUNDS = 20  # of refining a change: each leaves less, but for rows at the edge of the simplex


def row_bound(point: Point, goal: float) -> float:
    """Bound of the gap in nats from changes of the probabilities along rows; a few readings of X.

    Rows whose products are the Hessian between the coefficients that move are factored: all of X must be in
    this process.
    """
    # what is at a kink has its slope in between, whatever rounding makes of it
    penalty, shape = point.objective.penalty, point.coefficients.shape
    active = np.broadcast_to(penalty.movable(point.coefficients), shape)
    aim = np.where(active, point.stationarity, 0.0)
    rounding, probe = summed_rounding(point)
    noise = ROUNDED * rounding.max(axis=0)
    if (penalty.selects & (noise > penalty.kinks)).any():
        return np.inf  # an l1 penalty below the rounding of slopes cannot be seen to hold them
    bound, slopes = _bound_on(point, active, aim, (noise, probe), goal)
    # or all but: whatever makes up for rounding elsewhere must not take them out of what is feasible
    woken = ~active & (penalty.beyond(slopes + noise) | penalty.beyond(slopes - noise))
    if bound > goal and woken.any():
        aim = np.where(woken, point.loss_gradient - penalty.feasible(slopes), aim)
        bound = min(bound, _bound_on(point, active | woken, aim, (noise, probe), goal)[0])
    return bound


def _bound_on(
    point: Point, active: Array, aim: Array, roundings: tuple[Array, Array], goal: float
) -> tuple[float, Array]:
    """Bound with what slopes (K, d + 1) lack of an aim solved for in a mask, and the slopes that it has.

    ``roundings`` are what slopes may be off by (d + 1,), and slopes (K, d + 1) of errors of that size.
    """
    penalty, G, rows = point.objective.penalty, point.loss_gradient, _Rows(point, active)
    noise, hidden = roundings[0], rows.gap(roundings[1])
    left = aim = rows.apart(aim)
    held, best, dual, slopes = np.zeros(active.shape), np.inf, None, G
    for _ in range(ROUNDS):
        along, more = rows.change(left)
        held = held + more
        expected = G - aim + held
        dual = DualPoint(point, active, expected, along=along, before=dual, noise=noise)
        lacking, moved = 0.0, None
        if dual.rounded.any():
            lacking = rows.gap(dual.rounded)
            moved = None if active.all() else point.slopes_along_rows(rows.change(dual.rounded)[0])
        previous, best = best, min(best, dual.bound(lacking, hidden, moved))
        slopes = dual.gradient
        if best <= goal or (~active & penalty.beyond(slopes)).any() or previous / 2 < best < np.inf:
            break
        before, left = np.linalg.norm(left), np.where(active, slopes - expected, 0.0)
        if np.linalg.norm(left) > 0.9 * before:
            break
    return best, slopes


class _Rows:
    """The factored rows of a Hessian between some coefficients: blocks of the loss, a gauge, and a ridge."""

    def __init__(self, point: Point, active: Array) -> None:
        self._active, self._gauged = active, gauged_columns(point.objective, active)
        contrasts, pinned = point.hessian_rows(active, self._gauged)
        self._shapes = [block.shape[:2] for block in contrasts.flat()]
        ridge = np.broadcast_to(point.objective.penalty.hessian_diagonal, active.shape)
        self._root = np.sqrt(ridge[active])
        size = len(self._root)
        flat = [block.reshape(-1, size) for block in contrasts.flat()]
        self._factor = RowFactor(np.vstack([*flat, np.diag(self._root), *pinned.flat()]).astype(float))
        self._rounding = rounding_of(size)

    def change(self, slopes: Array) -> tuple[PerRow, Array]:
        """What takes slopes (K, d + 1) away: multiples of the rows of each block, and slopes of the ridge."""
        u, _ = self._factor.solve(slopes[self._active])
        along, held = PerRow(), np.zeros(slopes.shape)
        for shape in self._shapes:
            part, u = np.split(u, [shape[0] * shape[1]])
            along.append(-part.reshape(shape))
        held[self._active] = self._root * u[: len(self._root)]
        return along, self.apart(held)

    def apart(self, slopes: Array) -> Array:
        """Slopes (K, d + 1) less what all classes share of a column with a gauge: no probability has it."""
        return np.asarray(slopes - np.where(self._gauged, slopes.mean(axis=0), 0.0))

    def gap(self, slopes: Array) -> float:
        """Half the squared decrement of slopes in nats; along no curvature, as of what rounding makes."""
        u, left = self._factor.solve(slopes[self._active])
        return 0.5 * float(u @ u) + 0.5 * left / self._rounding
