"""The end of a fit: a small problem is taken to machine precision, and the last point is certified."""

from __future__ import annotations

import numpy as np

from sklearn_xent.problem.duality import duality_gap
from sklearn_xent.problem.point import Point
from sklearn_xent.solvers.conjugate_gradient import Map
from sklearn_xent.solvers.curvature import Curvature
from sklearn_xent.solvers.hessian import curvature_at
from sklearn_xent.solvers.optimality_gap import (
    POLISH_LIMIT,
    Gap,
    Kind,
    certify,
    factored_bound,
    polishable,
)

__all__ = ["Step", "certify_polished"]

ROUNDED = 1e-20  # relative gap that needs no sharper bound
EXHAUSTED = 1e-29  # relative gap at which coefficients are right to their last digits
SETTLED = 0.3  # logits, along which no curvature falls by more than 26 %
STEPS = 8  # at most: from a relative gap of 1e-8 the Hessian is right to 1e-4, and three reach rounding

Step = tuple[Point, float]  # a point and its gap in nats


def certify_polished(
    point: Point,
    goal: float,
    *,
    curvature: Curvature | None = None,
    precondition: Map | None = None,
    at_most: int,
    patient: bool = False,
    last: bool = False,
) -> tuple[list[Step], Gap, Curvature | None]:
    """Steps that polish a small problem, the gap of the last, and the factored Hessian where one was needed.

    Steps whose end is not within the goal are dropped, and the point itself is certified. A ``patient``
    caller is told a bound that needs no Hessian of a large problem; see ``certify`` for the ``last`` point.
    """
    if polishable(point):
        curvature = curvature or curvature_at(point)
        steps = _polish(point, curvature, at_most)
        if steps:
            end = steps[-1][0]
            bound = duality_gap(end, goal)
            if bound > goal:
                # the Hessian of the first point has too much curvature where a row has become certain since
                if end.moved_from(point) > SETTLED:
                    curvature = curvature_at(end)
                bound = factored_bound(end, curvature, goal, until=ROUNDED * abs(end.value))
            if bound <= goal:
                return [*steps[:-1], (end, bound)], Gap(bound, Kind.BOUND), curvature
        patient = False
    gap, curvature = certify(
        point, goal, curvature=curvature, precondition=precondition, patient=patient, last=last
    )
    return [], gap, curvature


def _polish(point: Point, curvature: Curvature, at_most: int) -> list[Step]:
    """Newton steps with a Hessian already factored, while each brings the decrement down by a factor of 4.

    With l1, a step that would change a sign or wake a zero ends it.
    """
    o, steps = point.objective, list[Step]()
    if o.rows.n_rows * point.coefficients.size > POLISH_LIMIT:
        return steps
    curvature.look()
    estimate = curvature.gap(point.stationarity)
    while len(steps) < min(at_most, STEPS) and estimate >= EXHAUSTED * abs(point.value):
        trial = o.at(o.symmetric(point.coefficients - curvature.solve(point.stationarity)))
        new = curvature.gap(trial.stationarity)
        if not new < estimate / 4 or not (o.penalty.smooth or _same_face(point, trial, curvature)):
            break
        point, estimate = trial, new
        steps.append((point, new))
    return steps


def _same_face(point: Point, trial: Point, curvature: Curvature) -> bool:
    """Whether both have the same signs and bounds, and the subgradient stays zero off the active set."""
    movable, (lower, upper) = point.objective.penalty.movable, point.objective.penalty.bounds
    if ((trial.coefficients < lower) | (trial.coefficients > upper)).any():
        return False  # the face holds what may leave a bound: a step may be to its other side
    same = np.array_equal(np.sign(point.coefficients), np.sign(trial.coefficients))
    same = same and np.array_equal(movable(point.coefficients), movable(trial.coefficients))
    return same and not trial.stationarity.ravel()[~curvature.active].any()
