"""Fewer rows than columns: with an l2 penalty on every column the minimum lies in the span of the rows.

Coefficients D^-1 A' a, one number a for each row, reach it, where D is the penalty and A the design matrix.
With A D^-1 A' = L L' and u = L' a the objective is that of a problem with n columns, L, and a unit ridge:
the n x n way of kernel methods. Hastie and Tibshirani (2004), Biostatistics 5(3), give it for all methods
with a quadratic penalty.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import cached_property
from typing import Any, cast

import numpy as np
import scipy.linalg

from sklearn_xent.arrays import Array
from sklearn_xent.factor import shifted_factor
from sklearn_xent.problem.design import AppliedDesign
from sklearn_xent.problem.duality import duality_gap
from sklearn_xent.problem.objective import Objective
from sklearn_xent.problem.penalties import ElasticNet
from sklearn_xent.problem.point import Point, in_double_precision
from sklearn_xent.problem.scaling import SINGLE_PRECISION
from sklearn_xent.rows import LocalRows
from sklearn_xent.solvers.curvature import Curvature
from sklearn_xent.solvers.hessian import DENSE_LIMIT, FACTORED, curvature_at
from sklearn_xent.solvers.line_search import line_search
from sklearn_xent.solvers.loop import iterate
from sklearn_xent.solvers.newton import newton_cholesky, truncated_newton
from sklearn_xent.solvers.optimality_gap import Gap, Kind, polishable
from sklearn_xent.solvers.visit import Near, StopWithin, Visit

__all__ = ["RowSpace", "row_space", "suits_row_space"]

STEPS = 4  # corrections before a method that knows nothing of rounding in L takes over


def suits_row_space(objective: Objective) -> bool:
    """Whether there are fewer rows than columns, few enough, and every column is penalised."""
    K, size = objective.shape
    n = objective.rows.n_rows
    penalised = objective.penalty.smooth and objective.penalty.hessian_diagonal[:-1].min(initial=np.inf) > 0
    return bool(penalised and objective.rows.local and n < size and K * (n + 1) <= DENSE_LIMIT)


def row_space(
    objective: Objective, start: Array, visit: Visit, *, memory: dict[str, Any] | None = None
) -> None:
    """Newton's method on the n x n problem; X is read a few times. O(n^2) memory.

    Where rounding leaves it short of tol, truncated Newton goes on.
    """
    dtype = np.float32 if visit.tol >= SINGLE_PRECISION else np.float64
    small = RowSpace(objective, dtype, {} if memory is None else memory)
    point = objective.at(small.optimum(visit.goal))
    truncated_newton(objective, iterate(_Corrections(small), point, visit).coefficients, visit)


class _Corrections:
    """The small problem's Hessian, in so many Newton steps on all columns."""

    def __init__(self, small: RowSpace) -> None:
        self._small, self._left = small, STEPS

    def look(self, point: Point) -> dict[str, Any]:
        return {"gap": _bound(point)}

    def step(self, point: Point) -> Point | None:
        self._left -= 1
        if self._left < 0:
            return None
        return line_search(point, point.coefficients - self._small.step(point.gradient))[0]


def _bound(point: Point) -> Gap:
    """The duality gap; of a small problem, whose fit is polished once a Hessian is at hand, to be checked."""
    with in_double_precision(point) as exact:
        return Gap(duality_gap(exact), Kind.ESTIMATE if polishable(point) else Kind.BOUND)


class RowSpace:
    """The small problem, its optimum, and Newton steps of the large one from its Hessian.

    Under a penalty t times as strong L is 1 / sqrt(t) times as large: the memory keeps it for a path.
    """

    def __init__(self, objective: Objective, dtype: Any, memory: dict[str, Any]) -> None:
        design, rows = objective.design, cast(LocalRows, objective.rows)  # see suits_row_space
        self._large, self._memory = objective, memory
        varies, ridge = design.scale > 0, objective.penalty.hessian_diagonal[:-1]
        unit = float(ridge.mean(where=varies)) if varies.any() else 1.0
        self._ridge = np.where(varies, ridge, unit)
        n, self._unit = rows.n_rows, unit
        kept = memory.get("row space")
        if kept is None or not np.allclose(kept[0], self._ridge / unit, rtol=1e-12):
            scale = np.sqrt(unit / self._ridge)
            G = design.inner_products(rows, scale, dtype)
            if not np.isfinite(G.diagonal()).all():  # penalties too far apart for float32
                G, dtype = design.inner_products(rows, scale, np.float64), np.float64
            memory["row space"] = kept = (
                self._ridge / unit,
                shifted_factor(G, 2 * np.sqrt(n) * np.finfo(dtype).eps),
            )
        self._matrix = np.empty((n, n + 1))
        np.multiply(kept[1], 1 / np.sqrt(unit), out=self._matrix[:, :n])
        self._matrix[:, n] = design.fit_intercept
        ridge = np.append(np.ones(n), not design.fit_intercept)
        self.small = Objective(
            rows.mapped(lambda X: self._matrix),
            objective.loss,
            ElasticNet(np.zeros(n + 1), ridge),
            AppliedDesign(np.zeros(n), np.ones(n), np.ones(n), design.fit_intercept),
            objective.total,
        )

    def optimum(self, goal: Callable[[Point], float]) -> Array:
        """Coefficients (K, d + 1) of the small problem's optimum, to a part of a goal in nats."""
        start = self.small.design.zeros(self._large.shape[0])
        factored = start.size <= FACTORED
        # a step more by a factor takes less than a correction on all columns
        visit = StopWithin(lambda point: (1e-6 if factored else 0.1) * goal(point))
        L = self._matrix[:, :-1]
        if "combination" in self._memory:
            # the last penalty's coefficients, as this penalty's small problem has them
            a, b = self._memory["combination"]
            start[:, :-1], start[:, -1] = self._unit * a @ L, b
        with suppress(Near):
            method = newton_cholesky if factored else truncated_newton
            method(self.small, start, visit)
        self._optimum = visit.point
        u = self._optimum.coefficients
        a = scipy.linalg.solve_triangular(L, u[:, :-1].T, lower=True, trans="T").T
        self._memory["combination"] = a / self._unit, u[:, -1]
        W = self._large.adjoint(self._large.rows.split(a))
        W[:, :-1] /= self._ridge
        W[:, -1] = u[:, -1]
        return W

    def seen_from_rows(self, point: Point) -> Point:
        """The small problem's point with the logits of a point in the span of the rows."""
        change = np.concatenate(self._large.logits(point.coefficients).flat(), axis=1)
        b = point.coefficients[:, -1:]
        u = scipy.linalg.solve_triangular(self._matrix[:, :-1], (change - b).T, lower=True).T
        return self.small.at(np.hstack([u, b]))

    def step(self, gradient: Array) -> Array:
        """Inverse of the Hessian at the small optimum times a gradient (K, d + 1); one reading of X.

        By the identity of Sherman, Morrison and Woodbury, the intercept a column of its own beside L.
        """
        step = np.zeros_like(gradient)
        step[:, :-1] = gradient[:, :-1] / self._ridge
        t = np.concatenate(self._large.logits(step).flat(), axis=1)
        target = -self._weigh(t) @ self._matrix
        target[:, -1] += gradient[:, -1]
        x = self._curvature.solve(target)
        beta = self._weigh(t + x @ self._matrix.T)
        pulled = self._large.adjoint(self._large.rows.split(beta))
        step[:, :-1] -= pulled[:, :-1] / self._ridge
        step[:, -1] = x[:, -1]
        return step

    @cached_property
    def _curvature(self) -> Curvature:
        return curvature_at(self._optimum, rough=True)

    def _weigh(self, change: Array) -> Array:
        """The loss' curvature at the small optimum times a change (K, n) of the logits."""
        product = self._optimum.curvature_product(self.small.rows.split(change))
        return np.concatenate(product.flat(), axis=1)
