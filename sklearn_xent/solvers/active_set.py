"""Newton's method on a face, for small problems with l1 or bounds that are all but singular.

Methods with a quadratic model solve it in the entries of the Hessian, whose sums have lost what the
triangular factor of the rows still has: here that solves for the coefficients that move, and the others stay
at their kink or bound until a slope lets them go. Nocedal and Wright (2006), Numerical Optimization, section
16.5, with the Hessian of each iterate in place of a constant one.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sklearn_xent.arrays import Array
from sklearn_xent.problem.objective import Objective
from sklearn_xent.problem.point import Point
from sklearn_xent.problem.slope_rounding import ROUNDED, slope_rounding
from sklearn_xent.solvers.curvature import Curvature
from sklearn_xent.solvers.hessian import curvature_on, face
from sklearn_xent.solvers.line_search import TRIALS
from sklearn_xent.solvers.loop import iterate
from sklearn_xent.solvers.visit import Visit

__all__ = ["active_set"]

LET_GO = 10  # solutions of one system, each without the coefficients that it would move to their wrong side
LOST = 1e-2  # of the goal: what a change of the coefficients alone may cost by rounding


def active_set(objective: Objective, start: Array, visit: Visit) -> None:
    """Steps to the minimum of a face's quadratic model, or to the first kink or bound on the way."""
    model = _Face(visit)
    iterate(model, model.shifted(objective.at(np.clip(start, *objective.penalty.bounds))), visit)


class _Face:
    """The Hessian between the coefficients that can move, factored."""

    def __init__(self, visit: Visit) -> None:
        self._goal = visit.goal

    def look(self, point: Point) -> dict[str, Any]:
        self._curvature = curvature_on(point, face(point))
        return {"curvature": self._curvature}

    def step(self, point: Point) -> Point | None:
        new = _step(point, *_direction(point, self._curvature))
        return new if new is None else self.shifted(new)

    def shifted(self, point: Point) -> Point:
        """The same probabilities for the least penalty: l1 may be too weak to be seen in the slopes.

        Rounding of large coefficients may cost some of the objective, but not what matters.
        """
        if not point.objective.loss.shift_invariant:
            return point
        shift = point.objective.penalty.least_shift(point.coefficients)
        if not shift.any():
            return point
        new = point.objective.at(point.coefficients - shift)
        return new if new.value <= point.value + LOST * self._goal(point) else point


def _direction(point: Point, curvature: Curvature) -> tuple[Array, float]:
    """Direction (K, d + 1) of a step, and its length: without end along what has a slope and no curvature."""
    for endless in (True, False):
        direction = _allowed(point, curvature, endless)
        if direction.any():
            break
    return direction, np.inf if endless else 1.0


def _allowed(point: Point, curvature: Curvature, endless: bool) -> Array:
    """Direction that moves no coefficient to its wrong side, 0 where there is none."""
    held = ~point.objective.penalty.movable(point.coefficients)
    for _ in range(LET_GO):
        chosen = curvature.active.reshape(held.shape)
        aim = np.where(chosen, point.stationarity, 0.0)
        if endless and (np.abs(curvature.lost(aim)) <= ROUNDED * slope_rounding(point)).all():
            break
        direction = -curvature.null_part(aim) if endless else -curvature.step(aim, abs(point.value))
        wrong = chosen & held & (direction * point.stationarity >= 0)
        if not wrong.any():
            return direction
        curvature = curvature_on(point, chosen & ~wrong)
    return np.zeros(held.shape)


def _step(point: Point, direction: Array, longest: float) -> Point | None:
    """The end of a step that descends, shortened to the first kink or bound; None where none descends."""
    W, penalty = point.coefficients, point.objective.penalty
    lower, upper = penalty.bounds
    ends = np.where(direction > 0, upper, lower)
    ends = np.where(penalty.selects & (W * direction < 0), np.clip(0.0, *np.sort([W, ends], axis=0)), ends)
    with np.errstate(divide="ignore", invalid="ignore"):
        until = np.where(direction != 0, (ends - W) / direction, np.inf)
    first = float(until.min(initial=np.inf))
    t = min(longest, first)
    noise = 8 * point.objective.value_eps * abs(point.value)
    for _ in range(TRIALS if t < np.inf else 0):
        hit = until <= t
        new = point.objective.at(np.where(hit, ends, W + t * direction))
        if new.value <= point.value + noise:
            moved = hit.any() or new.value < point.value - noise or new.steepness < 0.9 * point.steepness
            return new if moved else None
        t /= 2
    return None
