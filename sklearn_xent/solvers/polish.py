"""The last steps of a small fit: to machine precision, with the Hessian that certified it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sklearn_xent.problem.objective import Point
from sklearn_xent.solvers.curvature import Curvature
from sklearn_xent.solvers.optimality_gap import POLISH_LIMIT, Gap, Kind, factored_bound

__all__ = ["polish"]

ROUNDED = 1e-20  # relative gap that needs no sharper bound
EXHAUSTED = 1e-29  # relative gap at which coefficients are right to their last digits
STEPS = 8  # at most: from a relative gap of 1e-8 the Hessian is right to 1e-4, and three reach rounding


def polish(
    point: Point, gap: Gap, curvature: Curvature, *, at_most: int, record: Callable[[Point, float], None]
) -> tuple[Point, Gap]:
    """Newton steps with the Hessian already factored, while each brings the decrement down by a factor of 4.

    With l1, a step that would change a sign or wake a zero ends it. The last point's gap is measured anew;
    if it is no smaller, the steps are dropped and not recorded.
    """
    o, first = point.objective, point
    if o.rows.n_rows * point.coefficients.size > POLISH_LIMIT:
        return point, gap
    estimate, steps = curvature.gap(point.stationarity), []
    for _ in range(min(at_most, STEPS)):
        if estimate < EXHAUSTED * abs(point.value):
            break
        trial = o.at(o.symmetric(point.coefficients - curvature.solve(point.stationarity)))
        new = curvature.gap(trial.stationarity)
        if not new < estimate / 4 or not (o.penalty.smooth or _same_face(point, trial, curvature)):
            break
        point, estimate = trial, new
        steps.append((point, new))
    if not steps:
        return point, gap
    bound = Gap(factored_bound(point, curvature, ROUNDED * abs(point.value)), Kind.BOUND)
    if bound.nats > gap.nats:
        return first, gap
    steps[-1] = point, bound.nats
    for step in steps:
        record(*step)
    return point, bound


def _same_face(point: Point, trial: Point, curvature: Curvature) -> bool:
    """Whether both have the same signs and bounds, and the subgradient stays zero off the active set."""
    movable, (lower, upper) = point.objective.penalty.movable, point.objective.penalty.bounds
    if ((trial.coefficients < lower) | (trial.coefficients > upper)).any():
        return False  # the face holds what may leave a bound: a step may be to its other side
    same = np.array_equal(np.sign(point.coefficients), np.sign(trial.coefficients))
    same = same and np.array_equal(movable(point.coefficients), movable(trial.coefficients))
    return same and not trial.stationarity.ravel()[~curvature.active].any()
