"""How far is the minimum: a bound where one can be had, and what kind of number it is."""

from __future__ import annotations

from enum import Enum
from functools import partial
from typing import NamedTuple

import numpy as np

from sklearn_xent.arrays import Array, inner
from sklearn_xent.problem.duality import DualPoint, duality_gap
from sklearn_xent.problem.extended import ExtendedPoint
from sklearn_xent.problem.point import Point
from sklearn_xent.problem.slope_rounding import ROUNDED, slope_rounding, summed_rounding
from sklearn_xent.solvers.conjugate_gradient import Map, conjugate_gradient
from sklearn_xent.solvers.curvature import Curvature
from sklearn_xent.solvers.decrement import believed
from sklearn_xent.solvers.hessian import DENSE_LIMIT, curvature_at, curvature_on, face
from sklearn_xent.solvers.row_bound import row_bound

__all__ = [
    "CERTIFIED_LIMIT",
    "POLISH_LIMIT",
    "PRODUCTS",
    "Gap",
    "Kind",
    "certify",
    "factored_bound",
    "polishable",
]

POLISH_LIMIT = 500_000  # rows x coefficients: below it a Hessian costs milliseconds
CERTIFIED_LIMIT = 4000  # coefficients up to which a Hessian is factored where products give no bound: 128 MB
REFINED = 3  # steps that make up for slopes: each has some digits more than the last
ROUNDS = 5  # of refining the dual point; each costs one reading of X, and must halve the bound
PRODUCTS = 60, 400  # with the Hessian for one certificate: as many as readings so far, within these
# Share of the goal that the residual of the Newton system may cost, and the relative squared residual, in the
# preconditioner's norm, at which the decrement by conjugate gradients is an estimate.
SPENT, SOLVED = 0.1, 1e-2
SIGNS = np.random.default_rng(0).choice([-1.0, 1.0], 4096)  # of errors that are tried for what they hide
OUTLYING = 0.1  # share of a column's squares in one row, from which that row may decide what is rounding
WEAK = 0.25  # of the goal: what l1 penalties that are left out may cost
NOTHING = 1e-3  # of the goal: what rounding may hide without being counted exactly


class Kind(Enum):
    """What a gap is worth: only a bound ends a fit as converged, where one can be had."""

    BOUND = "bound"
    ESTIMATE = "estimate"
    GUESS = "guess"


class Gap(NamedTuple):
    """How far above the minimum, in nats of the mean objective, and what kind of number it is."""

    nats: float
    kind: Kind = Kind.GUESS


def polishable(point: Point) -> bool:
    """Whether a problem is so small that its fit is taken to machine precision."""
    size, n_rows = point.coefficients.size, point.objective.rows.n_rows
    if not point.objective.penalty.smooth:
        size = int(np.count_nonzero(face(point)))
    return n_rows * size <= POLISH_LIMIT and size <= DENSE_LIMIT


def certify(
    point: Point,
    goal: float,
    *,
    curvature: Curvature | None = None,
    precondition: Map | None = None,
    patient: bool = False,
    last: bool = False,
) -> tuple[Gap, Curvature | None]:
    """Gap of a point in nats, and the factored Hessian where one was needed.

    First the bound from the point's own residuals, then the one from a Newton step: with the factored
    Hessian where it is small, else by conjugate gradients, and where these do not end, with the factored
    Hessian again up to CERTIFIED_LIMIT coefficients. Beyond it the gap is an estimate. A ``patient`` caller
    is told the first bound, whatever it is, where there is no Hessian yet. For the ``last`` point of a method
    no bound of a small problem is left out for its cost.
    """
    bound = duality_gap(point, goal)
    size = int(np.count_nonzero(face(point)))
    if (bound <= goal and not polishable(point)) or (patient and curvature is None):
        return Gap(bound, Kind.BOUND), curvature
    if curvature is None and size <= DENSE_LIMIT:
        curvature = curvature_at(point)
    if curvature is not None:
        bound = min(bound, factored_bound(point, curvature, goal))
        if bound > goal and polishable(point) and point.objective.penalty.separable:
            near = last or curvature.solved_gap(point.stationarity) <= goal
            if near and isinstance(point, ExtendedPoint):
                bound = min(bound, row_bound(point, goal))
            most = CERTIFIED_LIMIT if last else DENSE_LIMIT
            bound = min(bound, _without_weak_l1(point, goal, most)) if bound > goal else bound
        return Gap(bound, Kind.BOUND), curvature
    if not point.objective.penalty.separable:
        if bound > goal and size <= CERTIFIED_LIMIT:
            bound = min(bound, factored_bound(point, curvature_at(point), goal))
        return Gap(bound, Kind.BOUND), None
    gap = _by_products(point, goal, precondition)
    if gap.kind is Kind.ESTIMATE and not goal < gap.nats < np.inf and size <= CERTIFIED_LIMIT:
        curvature = curvature_at(point)
        return Gap(min(bound, factored_bound(point, curvature, goal)), Kind.BOUND), curvature
    return gap if gap.nats < bound else Gap(bound, Kind.BOUND), None


def _without_weak_l1(point: Point, goal: float, most: int) -> float:
    """Bound from the minimum without those l1 penalties that cost next to nothing: it is no higher.

    A kink too weak for the digits of the slopes keeps coefficients from being solved for. Infinite where
    more of them than ``most`` can then move: their Hessian is too dear.
    """
    o, penalty = point.objective, point.objective.penalty
    costs = penalty.kinks * np.abs(point.coefficients).sum(axis=0)
    order = np.argsort(costs, kind="stable")
    weak = order[np.cumsum(costs[order]) <= WEAK * goal]
    if not penalty.kinks[weak].any():
        return np.inf
    relaxed = point.under(o.under(penalty.without_kinks(weak)))
    if np.count_nonzero(face(relaxed)) > most:
        return np.inf
    cost = float(costs[weak].sum())
    return factored_bound(relaxed, curvature_at(relaxed), goal - cost) + cost


def _by_products(point: Point, goal: float, precondition: Map | None) -> Gap:
    """Bound from a Newton step by conjugate gradients, if these end; else the decrement, an estimate.

    What the residual e of the Newton system costs is e^2 / (2 l2) in a column with a ridge, and a fraction
    e / l1 of F in one that only l1 holds; the free columns are solved for once more in the end.
    """
    o, penalty, W = point.objective, point.objective.penalty, point.coefficients
    mask, aim = face(point), point.stationarity
    if precondition is None or not penalty.smooth:
        precondition = partial(np.multiply, mask / np.maximum(point.hessian_diagonal(), np.finfo(float).tiny))
    free = penalty.free & (np.append(o.design.scale, float(o.design.fit_intercept)) > 0)
    solvable = np.count_nonzero(free) * len(W) <= DENSE_LIMIT
    kinks, diagonal = penalty.kinks, penalty.hessian_diagonal
    lasso = float(kinks.min(where=(kinks > 0) & (diagonal == 0), initial=np.inf))
    with np.errstate(divide="ignore"):
        ridge = np.where(diagonal > 0, 0.5 / diagonal, 0.0)

    def enough(residual: Array) -> bool:
        cost = float((residual**2 @ ridge).sum()) + np.abs(residual[:, ~free]).max(initial=0.0) / lasso
        return bool(solvable and cost <= SPENT * goal)

    most, gains = int(np.clip(o.rows.passes, *PRODUCTS)), list[float]()
    step, products = conjugate_gradient(
        lambda V: point.hessian_product(V) * mask if not penalty.smooth else point.hessian_product(V),
        aim,
        precondition,
        tol=0.0 if solvable else 0.1 * SOLVED,
        max_iter=most,
        largest=4 * goal,  # then the answer is no, and need not be exact
        enough=enough,
        gains=gains,
    )
    decrement = 0.5 * inner(aim, step)
    if decrement > 2 * goal:
        return Gap(decrement, Kind.ESTIMATE)
    residual = np.where(mask, aim - point.hessian_product(step), 0.0) if products else aim
    bound = _bound_along(point, free, step, residual) if solvable else np.inf
    if bound <= goal:
        return Gap(bound, Kind.BOUND)
    solved = inner(residual, precondition(residual)) <= SOLVED * inner(aim, precondition(aim))
    seen = solved and believed(point, step, residual, None if products < most else gains)
    return Gap(decrement if seen else np.inf, Kind.ESTIMATE)


def _bound_along(point: Point, free: Array, step: Array, residual: Array) -> float:
    """Bound from a step that leaves a residual, which in the ``free`` columns (d + 1,) is solved for."""
    unheld = np.broadcast_to(free, step.shape)
    unpenalised = curvature_on(point, unheld)
    dual = DualPoint(point, unheld, direction=-(step + unpenalised.solve(np.where(free, residual, 0.0))))
    return dual.bound(unpenalised.gap(dual.rounded))


def factored_bound(point: Point, curvature: Curvature, goal: float, *, until: float = np.inf) -> float:
    """Bound in nats from the Newton step of a factored Hessian; one reading of X, or a few.

    A step that rounding left inexact is refined; with kinks and bounds, coefficients that the step lets go
    join the face.
    """
    curvature.look()
    penalty, G, sharp = point.objective.penalty, point.loss_gradient, min(goal, until)
    active = curvature.active.reshape(G.shape)
    aim = np.where(active, point.stationarity, 0.0)
    step = curvature.solve(aim)
    expected = G - aim + penalty.curvature(point.coefficients, step)
    dual = DualPoint(point, active, expected, direction=-step)
    # where the penalties pay for whatever rounding may hide, it need not be measured
    paid, best = dual.paid(slope_rounding(point)), np.inf
    if paid <= sharp:
        return paid
    rounding, hidden = _rounding(point, curvature, goal)
    # of all classes alike: what they share is solved for together, and no class by itself is right to less
    shared = rounding.max(axis=0)
    for _ in range(ROUNDS):
        dual = dual.within(ROUNDED * shared)
        previous = best
        let_go = ~active & penalty.beyond(dual.gradient)
        rest = np.where(active, dual.gradient - expected, 0.0)
        bound = _checked_bound(dual, curvature, rest, shared, hidden, (sharp, goal))
        best = min(best, bound)
        if best <= sharp or (previous / 2 < best < np.inf and not let_go.any()):
            break
        if let_go.any():
            active = active | let_go
            aim = np.where(let_go, G - penalty.feasible(dual.gradient), aim)
            curvature = curvature_on(point, active)
            step = more = curvature.solve(aim)
        else:
            more = curvature.solve(rest, rounding)
            step = step + more
        expected = G - aim + penalty.curvature(point.coefficients, step)
        dual = DualPoint(point, active, expected, direction=-more, before=None if let_go.any() else dual)
    return min(best, paid)


def _rounding(point: Point, curvature: Curvature, goal: float) -> tuple[Array, float]:
    """One rounding of each slope (K, d + 1), and what errors of that size and random signs hide, in nats.

    The terms of the slopes are summed only where a bound of the sums does not show that it is nothing, or
    where an outlying row, whose residual may be 0, has much of a column's squares.
    """
    rounding = np.broadcast_to(slope_rounding(point), point.coefficients.shape)
    hidden = curvature.solved_gap(np.resize(SIGNS, rounding.shape) * rounding)
    if rounding.size * hidden > NOTHING * goal or point.objective.largest_share > OUTLYING:
        rounding, errors = summed_rounding(point)
        hidden = curvature.solved_gap(errors)
    return rounding, hidden


def _checked_bound(
    dual: DualPoint,
    curvature: Curvature,
    rest: Array,
    noise: Array,
    hidden: float,
    aims: tuple[float, float],
) -> float:
    """Bound of a dual point, or with a small step more where it is above the first of two aims.

    ``rest`` (K, d + 1) are its slopes less those expected. What rounding hides of them a step makes up for;
    where that does not bring the bound within the second aim, the penalties pay for it.
    """
    sharp, goal = aims
    if dual.rounded.any():
        bound = _bound_with(dual, dual.rounded, curvature, noise, hidden)
        bound = min(bound, dual.paid(noise)) if bound > goal else bound
    else:
        bound = dual.bound(0.0, hidden)
    if bound <= sharp:
        return bound
    # what no step changes: along no curvature, and what all classes share, whose curvature is pinned
    stays, o = np.abs(curvature.lost(rest)), dual.point.objective
    if o.loss.shift_invariant and o.penalty.smooth:
        stays = np.maximum(stays, np.abs(rest.mean(axis=0)))
    if (stays <= ROUNDED * noise).all():
        bound = min(bound, _bound_with(dual.within(np.inf), rest, curvature, noise, hidden))
    return bound


def _bound_with(dual: DualPoint, slopes: Array, curvature: Curvature, noise: Array, hidden: float) -> float:
    """Bound of a dual point whose slopes are as it takes them once a step has made up for some.

    It makes up for them but for what the penalty has of the step, which the penalty pays for. What the step
    does to all slopes is measured, and the step refined: a factor of a Hessian that an outlying row hides
    has a solution that solves nothing. Each costs one reading.
    """
    point, active = dual.point, curvature.active.reshape(slopes.shape)
    penalty, step = point.objective.penalty, np.zeros_like(slopes)
    # what is along no curvature stays: ``unresolved`` charges for it
    allowed = ROUNDED * (noise + np.finfo(float).eps * np.abs(slopes).max()) + np.abs(curvature.lost(slopes))
    left = slopes
    for _ in range(REFINED):
        step = step + curvature.solve(left)
        moved = point.loss_hessian_product(step)
        held = penalty.curvature(point.coefficients, step)
        left = np.where(active, slopes - moved - held, 0.0)
        if (np.abs(left) <= allowed).all():
            break
    else:
        return np.inf
    more = dual.cost_of(step)
    if not more < np.inf:
        return np.inf
    lacking = curvature.unresolved(slopes) + 0.5 * float((held * step).sum())
    return dual.bound(lacking, hidden, None if active.all() else moved, more)
