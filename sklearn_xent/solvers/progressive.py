"""Many rows, few columns: solve a sample, then correct with exact gradients and the sample's Hessian.

A sample of m rows is, by statistics, already within about N / (2 m) nats of the optimum of all rows, N being
the number of coefficients; its Hessian is right to about sqrt(N / m), so that each step with it takes the gap
down by a factor of about N / m and reads X once. Roosta-Khorasani and Mahoney (2019), Math. Program. 174,
analyse such sub-sampled Newton methods; Erdogdu and Montanari (2015), NIPS 28, the frozen Hessian.
"""

from __future__ import annotations

from contextlib import suppress

import numpy as np

from sklearn_xent.arrays import Array
from sklearn_xent.problem.objective import Objective
from sklearn_xent.problem.point import Point
from sklearn_xent.solvers.curvature import Curvature
from sklearn_xent.solvers.hessian import curvature_at, unseen_curvature
from sklearn_xent.solvers.line_search import line_search
from sklearn_xent.solvers.newton import newton_cholesky
from sklearn_xent.solvers.optimality_gap import Gap, Kind, in_double_precision
from sklearn_xent.solvers.quasi_newton import Corrections
from sklearn_xent.solvers.sampled_bound import SampledBound
from sklearn_xent.solvers.sampling import FIRST, HESSIAN, near_optimum, sampled
from sklearn_xent.solvers.visit import Near, StopWithin, Visit

__all__ = ["progressive"]

SLOW = 0.25  # contraction of the gap beyond which the sample's Hessian is not what was promised
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
    return _correct(point, _completed(curvature, solved), bound, visit)


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


def _correct(point: Point, curvature: Curvature, bound: SampledBound | None, visit: Visit) -> Array:
    """Quasi-Newton steps from a point until they contract too slowly; the last coefficients."""
    corrections = Corrections(MEMORY)
    gap, slow = np.inf, 0
    while True:
        direction = -corrections.apply(point.gradient, curvature.solve)
        seen = -0.5 * float((direction * point.gradient).sum())
        # A column all of whose rows the sample got right is flat there, and may not be so on all rows.
        previous, gap = gap, seen + curvature.unresolved(point.gradient)
        goal = visit.goal(point)
        known = Gap(gap, Kind.ESTIMATE)
        if bound is not None and gap <= goal:
            with in_double_precision(point) as exact:
                known = Gap(max(gap, bound(exact, goal)), Kind.BOUND)
        visit(point, gap=known)
        slow = 0 if gap <= SLOW * previous else slow + 1
        if slow > 2:
            return point.coefficients
        new, _ = line_search(point, point.coefficients + direction)
        if new is None:
            return point.coefficients
        corrections.add(new.coefficients - point.coefficients, new.gradient - point.gradient)
        point = new
