"""From an objective to coefficients in the units of X: for the classifier, each point of a path, each fold.

Choose, minimise, hand over, take the least norm, judge what is returned, diagnose.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from sklearn_xent.arrays import Array
from sklearn_xent.factor import EPS
from sklearn_xent.problem.extended import extended
from sklearn_xent.problem.objective import Objective
from sklearn_xent.problem.point import Point
from sklearn_xent.solvers.active_set import active_set
from sklearn_xent.solvers.diagnosis import diagnose
from sklearn_xent.solvers.hessian import (
    AFFORDABLE,
    AS_FACTOR,
    DENSE_LIMIT,
    dense_products,
    products_of_reading,
)
from sklearn_xent.solvers.history import History
from sklearn_xent.solvers.methods import FIRST_ORDER, choose, successors
from sklearn_xent.solvers.minimum_norm import minimum_norm
from sklearn_xent.solvers.newton import newton_cholesky
from sklearn_xent.solvers.optimality_gap import CERTIFIED_LIMIT, POLISH_LIMIT, polishable
from sklearn_xent.solvers.solve import Solution, minimise
from sklearn_xent.solvers.tolerance import FINEST, goal
from sklearn_xent.solvers.visit import DEAR, IDLE, Stage, Status

__all__ = ["Fit", "fit"]

FINISHED = 2e8  # products for a triangular factor of the rows up to which a fit is finished: 50 ms a step
PATIENCE = 200  # iterations after which another method takes over, where there is one
# Of a small problem, which extended precision may finish: so many, within what so many products in factors of
# its rows take, half a second.
PATIENCE_OF_SMALL, ILL_CONDITIONED = (50, 100), 1e9
Report = Callable[[str, Point, History], Any]


class Fit(NamedTuple):
    """A solution, its coefficients (K, d) and intercepts (K,) in the units of X, and what to warn of."""

    solution: Solution
    coef: Array
    intercept: Array
    warning: ConvergenceWarning | None
    solver: str


def fit(
    objective: Objective,
    start: Array,
    *,
    tol: float,
    max_iter: int,
    solver: str = "auto",
    random_state: Any = None,
    memory: dict[str, Any] | None = None,
    names: Any = None,
    bounds: tuple[Array, Array] | None = None,
    report: Report | None = None,
) -> Fit:
    """Minimise from a start; the gap is that of the coefficients as returned.

    ``bounds`` (d,) each are those of the penalty in the units of X, to be held to the last digit.
    """
    stages = _stages(solver, objective, random_state, memory)
    with np.errstate(all="ignore"):  # it is the result that is judged
        solution = minimise(objective, stages, start, tol=tol, max_iter=max_iter, report=report)
        if solution.status is Status.CONVERGED:
            solution = _of_least_norm(solution, tol)
        solution, coef, intercept = _as_returned(solution, tol, bounds)
        warning = diagnose(solution, tol, names, asked=solver)
    return Fit(solution, coef, intercept, warning, solution.solver)


class _Patience:
    """How many iterations, and readings of X, each method has before another goes on."""

    def __init__(self, objective: Objective) -> None:
        n_rows, self._size = objective.rows.n_rows, math.prod(objective.shape)
        self._reading = products_of_reading(objective)
        self._sparse = objective.rows.sparse
        factor = n_rows * objective.shape[0] * self._size**2
        step = factor if factor <= AFFORDABLE else dense_products(n_rows, self._size)
        self._dear = _within(DEAR / max(step, 1), IDLE // 4, PATIENCE)
        self._selects = objective.penalty.kinked  # most steps are then of few coefficients
        # a small problem is finished in extended precision
        self.small = n_rows * self._size <= POLISH_LIMIT and factor <= FINISHED
        # whether a Hessian may follow: by matrix products it takes a tenth of the time of as many readings as
        # there are coefficients
        self._factors = not self.small and self._size <= CERTIFIED_LIMIT
        self._limit = PATIENCE
        if self.small:
            self._limit = _within(ILL_CONDITIONED / max(factor, 1), *PATIENCE_OF_SMALL)
            if not objective.penalty.smooth:
                self._limit = min(self._limit, 3 * IDLE // 2)  # each step is a quadratic program

    def first(self, name: str) -> tuple[int | None, int | None]:
        """Limits of the iterations and of the readings of a method that is the first."""
        if name in FIRST_ORDER:
            return None, None
        if name == "truncated-newton" and self._factors:
            return PATIENCE_OF_SMALL[0], self._size
        if name == "quasi-newton" and self._factors:
            return self._limit, self._size // 16
        if name in ("newton-cholesky", "proximal-newton") and not self._selects and not self.small:
            return self._dear, None
        return self._limit, None

    def alone(self, name: str) -> tuple[int | None, int]:
        """The same of a method that no other follows: it is then asked whether it converges."""
        factors = name == "newton-cholesky" or (name == "proximal-newton" and not self._selects)
        reading = self._reading
        if name == "truncated-newton" and self._size <= CERTIFIED_LIMIT and not self._sparse:
            reading += AS_FACTOR * self._size**2  # of the factor that is its preconditioner in the end
        return self._dear if factors else None, int(DEAR / reading)

    def later(self, name: str) -> tuple[int, int | None]:
        """The same of a method that goes on."""
        if name in FIRST_ORDER:
            return PATIENCE, None
        if name == "truncated-newton":
            dear = not self.small and self._size > DENSE_LIMIT
            return PATIENCE_OF_SMALL[0], self._size // 4 if dear else None
        return min(self._limit, self._dear), None


def _stages(solver: str, objective: Objective, random_state: Any, memory: Any) -> list[Stage]:
    """The method asked for, and those that go on where it stalls: a small problem in extended precision."""
    name, method = choose(solver, objective, random_state, memory)
    patience = _Patience(objective)
    others = successors(name, objective) if patience.small or solver == "auto" else []
    limit, readings = patience.first(name)
    stages = [Stage(name, method, limit=limit, readings=readings if others else None)]
    if patience.small and not objective.rows.single and objective.penalty.separable:
        exact, method = (
            ("newton-cholesky", newton_cholesky) if objective.penalty.smooth else ("active-set", active_set)
        )
        name = f"{exact} (extended precision)"
        stages.append(Stage(name, method, extended=True, limit=PATIENCE_OF_SMALL[0]))
        # nothing of the same model in float64 will get further
        others = [other for other in others if other in FIRST_ORDER or not objective.penalty.smooth]
    # once more where another method got further than it; and afresh, where a step of rounding led too far
    finish = [*stages[1:], *(stage._replace(afresh=True) for stage in stages[1:])]
    for other in others:
        limit, readings = patience.later(other)
        chosen = choose(other, objective, random_state, memory)
        stages.append(Stage(*chosen, limit=limit, readings=readings))
    stages.extend(finish if others else [])
    stages = [stage._replace(idle=_idle(stage.limit)) for stage in stages]
    # what learns curvature from its steps has plateaus, which say nothing of when it will be done
    asked = stages[0].name not in FIRST_ORDER | {"quasi-newton"}
    if len(stages) == 1 and not patience.small and asked:
        limit, readings = patience.alone(stages[0].name)
        stages = [stages[0]._replace(limit=limit, readings=readings, alone=True)]
    elif len(stages) == 1 or not patience.small:
        # what is left of max_iter; a small problem that is here has stalled twice
        stages[-1] = stages[-1]._replace(limit=None)
    return stages


def _idle(limit: int | None) -> int:
    """Iterates for which a method may be idle: where one is dear, a quarter of what it may take in all."""
    return IDLE if limit is None else _within(limit / 4, IDLE // 6, IDLE)


def _within(number: float, low: int, high: int) -> int:
    """The number, rounded down, between two limits."""
    return int(min(max(number, low), high))  # a small fit is made of calls, and numpy's take longer


def _of_least_norm(solution: Solution, tol: float) -> Solution:
    """The coefficients of least norm among those of the same logits, unless rounding makes them worse."""
    point, curvature = solution.point, solution.curvature
    if curvature is not None and curvature.sound:
        return solution  # no direction is without curvature
    W = minimum_norm(point.objective, point.coefficients)
    if W is point.coefficients or np.array_equal(W, point.coefficients):
        return solution
    moved = point.objective.at(W)
    change = moved.value - point.value
    gap = solution.gap._replace(nats=solution.gap.nats + max(change, 0.0))
    allowed, terms = goal(moved, min(tol, FINEST)), np.abs(W).sum()
    hidden = EPS * terms if terms > np.abs(point.coefficients).sum() else 0.0
    # no logit changes: a value that falls is as wrong as one that rises, and terms may be too large to tell
    near = max(abs(change), hidden) <= allowed and gap.nats <= goal(moved, tol)
    return replace(solution, point=moved, gap=gap) if near else solution


def _rise(point: Point, end: Point, coef: Array, intercept: Array) -> float:
    """What F rises by from a point to its end, which has these coefficients in the units of X.

    Beside large terms of logits, and of intercepts, values in float64 are noise.
    """
    if not polishable(point):
        return end.value - point.value
    objective = extended(point.objective)
    returned = objective.at(objective.from_original(coef, intercept))
    return float(returned.value - objective.at(point.coefficients).value)


def _as_returned(
    solution: Solution, tol: float, bounds: tuple[Array, Array] | None
) -> tuple[Solution, Array, Array]:
    """Coefficients and intercepts in the units of X, and the solution at them as they are rounded there.

    Columns far from zero for their spread leave few digits to an intercept. What that may cost is bounded by
    the design: in its units no column has a curvature above 1; if the bound does not show that it is
    nothing, the objective is evaluated. A fit that they take beyond tol has not converged.
    """
    point, objective = solution.point, solution.point.objective
    coef, intercept = objective.to_original(point.coefficients)
    if bounds is None and not objective.design.shift.any():
        return solution, coef, intercept  # each coefficient by itself, to its last digit
    coef = coef if bounds is None else np.clip(coef, *bounds)
    W = objective.from_original(coef, intercept)
    moved = W - point.coefficients
    if objective.loss.shift_invariant:
        moved[:, -1] -= moved[:, -1].mean()
    moved = np.abs(moved)
    slope = np.abs(objective.penalty.slopes(point.coefficients, point.gradient))
    cost = float((slope * moved).sum()) + 0.5 * float(moved.sum()) ** 2
    if not objective.penalty.separable:
        cost = np.inf  # norms of groups have a curvature, too
    if cost > max(1e-3 * solution.gap.nats, np.finfo(float).eps * abs(point.value)):
        end = objective.at(W)
        cost = min(_rise(point, end, coef, intercept), cost)
        point = end
    gap = solution.gap._replace(nats=solution.gap.nats + max(cost, 0.0))
    status = solution.status
    if status is Status.CONVERGED:
        solution.history.gap[-1] = gap.nats  # the last row is of what is returned
        if gap.nats > tol * abs(point.value):
            status = Status.STALLED
    return replace(solution, point=point, gap=gap, status=status), coef, intercept
