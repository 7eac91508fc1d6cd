"""Many rows, few columns: solve a sample, then correct with exact gradients and the sample's Hessian.

A sample of m rows is, by statistics, already within about N / (2 m) nats of the optimum of all rows, N being
the number of coefficients; its Hessian is right to about sqrt(N / m), so that each step with it takes the gap
down by a factor of about N / m and reads X once. Roosta-Khorasani and Mahoney (2019), Math. Program. 174,
analyse such sub-sampled Newton methods; Erdogdu and Montanari (2015), NIPS 28, the frozen Hessian.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np

from sklearn_xent.arrays import Array
from sklearn_xent.problem.objective import Objective
from sklearn_xent.problem.point import Point, in_double_precision
from sklearn_xent.solvers.curvature import Curvature
from sklearn_xent.solvers.hessian import curvature_at, unseen_curvature
from sklearn_xent.solvers.line_search import line_search
from sklearn_xent.solvers.loop import iterate
from sklearn_xent.solvers.newton import newton_cholesky
from sklearn_xent.solvers.optimality_gap import Gap, Kind
from sklearn_xent.solvers.quasi_newton import Corrections
from sklearn_xent.solvers.sampled_bound import SampledBound
from sklearn_xent.solvers.sampling import FIRST, HESSIAN, SLOW, near_optimum, sampled
from sklearn_xent.solvers.visit import Near, StopWithin, Visit

__all__ = ["progressive"]

MISLED = 3.0  # times the sample's objective: beyond it the sample says nothing of all rows
MEMORY = 8  # pairs that correct it


def progressive(objective: Objective, start: Array, visit: Visit, *, seed: int = 0) -> None:
    """Sample, solve, correct; a larger sample where corrections are slow; in the end Newton on all rows."""
    rng, fold = np.random.RandomState(seed), 1
    while (sample := sampled(objective, HESSIAN, rng, fold=fold)) is not None:
        start = _lift(*_solve(sample, start, rng, visit), objective, start, visit)
        fold *= 4
    newton_cholesky(objective, start, visit)


def _lift(solved: Point, curvature: Curvature, objective: Objective, otherwise: Array, visit: Visit) -> Array:
    """Correct a sample's optimum on more rows; the last coefficients."""
    point = objective.at(solved.coefficients)
    # Without much of a penalty a sample may be separable although all rows are not.
    if point.value > MISLED * solved.value:
        return otherwise
    # a bound is for who asks about all rows
    bound = None if isinstance(visit, StopWithin) else SampledBound(solved, curvature)
    model = _Corrected(_completed(curvature, solved), bound, visit)
    return iterate(model, point, visit).coefficients


def _solve(
    sample: Objective, start: Array, rng: np.random.RandomState, outer: Visit
) -> tuple[Point, Curvature]:
    """Optimum of a sample, and its Hessian there.

    Newton's method on a sample of the sample comes near enough for steps that read gradients only.
    """
    visit = near_optimum(sample, outer)
    with suppress(Near):
        first = sampled(sample, FIRST, rng)
        if first is not None:
            start = _lift(*_newton(first, start, visit), sample, start, visit)
        newton_cholesky(sample, start, visit, rough=True)
    return visit.point, visit.curvature or curvature_at(visit.point, rough=True)


def _newton(sample: Objective, start: Array, outer: Visit) -> tuple[Point, Curvature]:
    """Newton's method alone; the last factored Hessian."""
    visit = near_optimum(sample, outer)
    with suppress(Near):
        newton_cholesky(sample, start, visit, rough=True)
    assert visit.curvature is not None
    return visit.point, visit.curvature


def _completed(curvature: Curvature, solved: Point) -> Curvature:
    """The sample's Hessian with the curvature that it misses."""
    unseen = unseen_curvature(solved)
    if not unseen.any():
        return curvature
    H = curvature.hessian.copy()
    H[np.diag_indices_from(H)] += unseen
    return Curvature(H)


class _Corrected:
    """A sample's Hessian, corrected by the last steps; it ends where they contract the gap too slowly."""

    def __init__(self, curvature: Curvature, bound: SampledBound | None, visit: Visit) -> None:
        self._curvature, self._bound, self._goal = curvature, bound, visit.goal
        self._corrections, self._gap, self._slow = Corrections(MEMORY), np.inf, 0

    def look(self, point: Point) -> dict[str, Any]:
        self._direction = -self._corrections.apply(point.gradient, self._curvature.solve)
        seen = -0.5 * float((self._direction * point.gradient).sum())
        # A column all of whose rows the sample got right is flat there, and may not be so on all rows.
        previous, self._gap = self._gap, seen + self._curvature.unresolved(point.gradient)
        self._slow = 0 if self._gap <= SLOW * previous else self._slow + 1
        goal = self._goal(point)
        known = Gap(self._gap, Kind.ESTIMATE)
        if self._bound is not None and self._gap <= goal:
            with in_double_precision(point) as exact:
                known = Gap(max(self._gap, self._bound(exact, goal)), Kind.BOUND)
        return {"gap": known}

    def step(self, point: Point) -> Point | None:
        if self._slow > 2:
            return None
        new, _ = line_search(point, point.coefficients + self._direction)
        if new is not None:
            self._corrections.add(new.coefficients - point.coefficients, new.gradient - point.gradient)
        return new
