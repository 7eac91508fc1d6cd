"""How far is the minimum: the judge that no method is believed without, and the last steps it pays for."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from sklearn_xent.problem.objective import Point
from sklearn_xent.solvers.conjugate_gradient import Map, conjugate_gradient
from sklearn_xent.solvers.curvature import DENSE_LIMIT, Curvature, curvature_at

__all__ = ["certify", "judged", "polish"]

# Relative residual of the Newton system whose decrement is the certificate, which is off by about its square.
CERTAIN = 0.1
# Relative bound that rounding in the slopes may leave: at the best, and in units of the l1 penalty.
BOUND_ROUNDING, SLOPE_ROUNDING = 1e-9, 1e-15
EXHAUSTED = 1e-29  # relative gap at which coefficients are right to their last digits
POLISH_LIMIT = 500_000  # rows x coefficients: below it the Hessian and the polish cost milliseconds


def certify(point: Point, tol: float, precondition: Map | None = None) -> tuple[float, Curvature | None]:
    """Gap of a point in nats, and the factored Hessian where one was needed.

    The duality gap, a bound, decides where it can; it is useless where a weak penalty multiplies rounding.
    Then it is half the squared Newton decrement, an estimate that is exact to first order at the minimum:
    from the factored Hessian, or by conjugate gradients where that is too large.
    """
    o = point.objective
    bound = point.duality_gap()
    size = point.coefficients.size
    bounded = bound <= tol * abs(point.value) or (np.isfinite(bound) and not o.penalty.smooth)
    if size <= DENSE_LIMIT:
        if bounded and o.rows.n_rows * size > POLISH_LIMIT:
            return bound, None
        curvature = curvature_at(point)
        return judged(point, curvature, bound), curvature
    if bounded or not o.penalty.smooth:
        return bound, None
    if precondition is None:
        diagonal = np.maximum(point.hessian_diagonal(), np.finfo(float).tiny)
        precondition = partial(np.multiply, 1 / diagonal)
    step, _ = conjugate_gradient(
        point.hessian_product,
        point.gradient,
        precondition,
        tol=CERTAIN,
        max_iter=200,
        largest=4 * tol * abs(point.value),  # then the answer is no, and need not be exact
    )
    return min(bound, 0.5 * float((point.gradient * step).sum())), None


def judged(point: Point, curvature: Curvature, bound: float) -> float:
    """The smaller of the bound and of what the Hessian estimates; with kinks the bound, if there is one.

    The bound with an l1 penalty falls as the slopes do, not as their squares: near rounding of theirs it
    stays, and the estimate has to say the rest.
    """
    penalty = point.objective.penalty
    weakest = penalty.l1.min(where=penalty.l1 > 0, initial=1.0)
    rounding = max(BOUND_ROUNDING, SLOPE_ROUNDING / weakest) * abs(point.value)
    if rounding < bound < np.inf and not penalty.smooth:
        return bound
    return min(bound, curvature.gap(point.stationarity))


def polish(point: Point, curvature: Curvature, *, at_most: int) -> Iterator[tuple[Point, float]]:
    """Newton steps with the Hessian already factored, while each brings the gap down by a factor of 4.

    From a relative gap of 1e-8 the Hessian is right to 1e-4, so two or three steps reach rounding. With l1,
    a step that would change a sign or wake a zero ends it.
    """
    o = point.objective
    if o.rows.n_rows * point.coefficients.size > POLISH_LIMIT:
        return
    gap = curvature.gap(point.stationarity)
    for _ in range(min(at_most, 8)):
        if gap < EXHAUSTED * abs(point.value):
            return
        W = o.symmetric(point.coefficients - curvature.solve(point.stationarity))
        trial = o.at(W)
        if not o.penalty.smooth and not _same_face(point, trial, curvature):
            return
        new = curvature.gap(trial.stationarity)
        if not new < gap / 4:
            return
        point, gap = trial, new
        yield point, gap if o.penalty.smooth else judged(point, curvature, point.duality_gap())


def _same_face(point: Point, trial: Point, curvature: Curvature) -> bool:
    """Whether both have the same signs and bounds, and the subgradient stays zero off the active set."""
    movable = point.objective.penalty.movable
    same = np.array_equal(np.sign(point.coefficients), np.sign(trial.coefficients))
    same = same and np.array_equal(movable(point.coefficients), movable(trial.coefficients))
    return same and not trial.stationarity.ravel()[~curvature.active].any()
