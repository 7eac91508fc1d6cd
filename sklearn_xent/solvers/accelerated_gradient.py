"""Gradient descent with momentum, for smooth penalties and for l1."""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_xent.arrays import Array
from sklearn_xent.problem.objective import Objective
from sklearn_xent.problem.point import Point
from sklearn_xent.solvers.loop import iterate
from sklearn_xent.solvers.visit import Visit

__all__ = ["accelerated_gradient", "proximal_step"]

SMALLEST_STEP = 1e-18  # in units of the design, where curvature is about 1: no digit moves


def accelerated_gradient(objective: Objective, start: Array, visit: Visit) -> None:
    """Proximal gradient steps from an extrapolated point; the momentum restarts when it points uphill.

    Beck and Teboulle (2009), SIAM J. Imaging Sci. 2(1), FISTA with backtracking; O'Donoghue and Candes
    (2015), Found. Comput. Math. 15, the gradient restart. 2 readings of X an iteration.
    """
    point = objective.at(start)
    iterate(_Extrapolated(point), point, visit)


class _Extrapolated:
    """The point that momentum leads to, and the slope there."""

    def __init__(self, point: Point) -> None:
        self._ahead, self._momentum, self._length = point, 1.0, 1.0

    def look(self, point: Point) -> dict[str, Any]:
        return {}

    def step(self, point: Point) -> Point | None:
        ahead = self._ahead
        new, self._length = proximal_step(ahead, 1.25 * self._length)
        if new is None:
            self._ahead, self._momentum, self._length = point, 1.0, 1.0
            return None if ahead is point else point
        W = new.coefficients
        if float(((ahead.coefficients - W) * (W - point.coefficients)).sum()) > 0:
            self._momentum = 1.0
        faster = (1 + np.sqrt(1 + 4 * self._momentum**2)) / 2
        carry = (self._momentum - 1) / faster
        self._ahead = point.objective.at(W + carry * (W - point.coefficients)) if carry else new
        self._momentum = faster
        return new


def proximal_step(ahead: Point, step: float) -> tuple[Point | None, float]:
    """Step from a point, halved until the quadratic bound holds; None where rounding hides it."""
    objective = ahead.objective
    noise = 8 * np.finfo(float).eps * abs(ahead.value)
    while step > SMALLEST_STEP:
        W = objective.penalty.prox(ahead.coefficients - step * ahead.gradient, step)
        move = W - ahead.coefficients
        if not move.any():
            return None, step
        new = objective.at(W)
        bound = ahead.smooth_value + (ahead.gradient * move).sum() + (move**2).sum() / (2 * step)
        # The same bound written with slopes: it keeps its digits where the values have none left.
        curvature = ((new.gradient - ahead.gradient) * move).sum()
        if new.smooth_value <= bound + noise and curvature <= 2 * (move**2).sum() / step:
            return new, step
        step /= 2
    return None, step
