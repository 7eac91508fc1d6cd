"""Newton's method within an orthant: for l1 penalties and bounds with too many columns for a Hessian.

Within one orthant the l1 penalty is linear. Conjugate gradients solve for the coefficients that can move;
those that would leave the orthant, or pass a bound, stay at its edge.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from sklearn_xent.arrays import Array, inner
from sklearn_xent.problem.objective import Objective
from sklearn_xent.problem.point import Point
from sklearn_xent.solvers.accelerated_gradient import proximal_step
from sklearn_xent.solvers.conjugate_gradient import conjugate_gradient
from sklearn_xent.solvers.line_search import line_search
from sklearn_xent.solvers.loop import iterate
from sklearn_xent.solvers.newton import LOOSEST, DiagonalInverse, guessed_diagonal
from sklearn_xent.solvers.optimality_gap import Gap
from sklearn_xent.solvers.visit import Visit

__all__ = ["orthant_newton"]

PRODUCTS = 30  # for one Newton system, at the most
TIGHTEST = 1e-3  # relative residual of a Newton system that is solved most


def orthant_newton(objective: Objective, start: Array, visit: Visit) -> None:
    """Newton steps on the coordinates that can move, by conjugate gradients, projected on their orthant.

    Byrd, Chin, Nocedal and Wu (2012), "A family of second-order methods for convex l1-regularized
    optimization", with the orthant of Andrew and Gao (2007), ICML. Where a projected step does not descend,
    a proximal gradient step does.
    """
    iterate(_Masked(), objective.at(np.clip(start, *objective.penalty.bounds)), visit)


class _Masked:
    """Products with the Hessian on the coordinates that can move."""

    def __init__(self) -> None:
        self._diagonal, self._forcing, self._length = DiagonalInverse(guessed_diagonal), LOOSEST, 1.0

    def look(self, point: Point) -> dict[str, Any]:
        self._diagonal.refresh(point)
        slope = point.stationarity
        free = point.objective.penalty.movable(point.coefficients) | (slope != 0)
        self._step, _ = conjugate_gradient(
            partial(_masked_product, point, free),
            slope,
            self._diagonal.solve,
            tol=self._forcing,
            max_iter=PRODUCTS,
        )
        return {"gap": Gap(0.5 * inner(slope, self._step))}

    def step(self, point: Point) -> Point | None:
        new = _along_orthants(point, self._step)
        if new is None:
            new, self._length = proximal_step(point, 1.25 * self._length)
        if new is not None:
            ratio = new.steepness / max(point.steepness, np.finfo(float).tiny)
            self._forcing = float(np.clip(0.9 * ratio**2, TIGHTEST, LOOSEST))
        return new


def _along_orthants(point: Point, step: Array) -> Point | None:
    """The projected step if it descends enough, or a part of it projected, at the last to the first kink.

    Adding one number to all classes' coefficients of a column costs no curvature: the step along that has
    no length of its own, and its end is where the first of them is zero.
    """
    W = point.coefficients
    with np.errstate(divide="ignore", invalid="ignore"):
        lengths = np.where((step != 0) & (W != 0), W / step, np.inf)
    kinks = np.sort(lengths[(lengths > 0) & (lengths < 1) & point.objective.penalty.selects])
    tries = [1.0, *(float(kinks[len(kinks) * i // 8]) for i in (4, 1, 0) if len(kinks))]
    for t in tries:
        new, _ = line_search(point, _projected(point, t * step), part_of_the_way=t == tries[-1])
        if new is not None:
            return new
    return None


def _masked_product(point: Point, free: Array, V: Array) -> Array:
    return point.hessian_product(V) * free


def _projected(point: Point, step: Array) -> Array:
    """W - step, with zero where that has left the orthant of W, and within the bounds."""
    W, penalty = point.coefficients, point.objective.penalty
    orthant = np.where(W != 0, np.sign(W), -np.sign(point.stationarity))
    target = W - step
    target[penalty.selects & (target * orthant < 0)] = 0.0
    return np.clip(target, *penalty.bounds)
