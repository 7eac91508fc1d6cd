"""Newton's method: with the factored Hessian, or by conjugate gradients where it is too large."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sklearn_xent.arrays import Array
from sklearn_xent.problem.objective import Objective, Point
from sklearn_xent.solvers.conjugate_gradient import conjugate_gradient
from sklearn_xent.solvers.coordinates import triangular_factor
from sklearn_xent.solvers.curvature import curvature_at, refuse_beyond_memory
from sklearn_xent.solvers.line_search import descend, step_towards
from sklearn_xent.solvers.solve import Visit

__all__ = ["newton_cholesky", "truncated_newton"]

LOOSEST = 0.25  # relative residual of a Newton system that is solved least


def newton_cholesky(objective: Objective, start: Array, visit: Visit) -> None:
    """Damped Newton; a singular Hessian gives its least-norm step. 3 sweeps an iteration, N^2 memory.

    Boyd and Vandenberghe (2004), Convex Optimization, algorithm 9.5.
    """
    refuse_beyond_memory(start.size, "newton-cholesky")
    point = objective.at(start)
    while True:
        curvature = curvature_at(point)
        visit(point, curvature=curvature)
        new, _ = descend(point, -curvature.solve(point.gradient))
        if new is None:
            return
        point = new


def truncated_newton(objective: Objective, start: Array, visit: Visit) -> None:
    """Newton steps solved by preconditioned conjugate gradients to a falling accuracy. O(K n) memory.

    Eisenstat and Walker (1996), SIAM J. Sci. Comput. 17(1), choice 2 of the forcing term, but no smaller
    than tol asks for. The preconditioner is one triangular factor for all classes where d allows it, else
    the diagonal.
    """
    point = objective.at(start)
    factor = triangular_factor(point)
    precondition = factor.solve if factor else _diagonal_preconditioner(point)
    forcing = LOOSEST
    while True:
        step, _ = conjugate_gradient(
            point.hessian_product, point.gradient, precondition, tol=forcing, max_iter=250
        )
        gap = 0.5 * float(np.vdot(point.gradient, step))
        visit(point, gap=gap)
        new = step_towards(point, objective.at(point.coefficients - step))
        if new is None:
            return
        ratio = float(np.linalg.norm(new.gradient) / np.linalg.norm(point.gradient))
        # a step to accuracy eta leaves about eta^2 of the gap
        enough = np.sqrt(0.05 * visit.tol * abs(new.value) / max(gap * ratio**2, np.finfo(float).tiny))
        forcing = float(np.clip(max(0.9 * ratio**2, enough), 1e-4, LOOSEST))
        if factor is None and gap > 1e-3 * abs(point.value):
            precondition = _diagonal_preconditioner(new)
        point = new


def _diagonal_preconditioner(point: Point) -> Callable[[Array], Array]:
    """Divide by the diagonal of the Hessian, of which no entry is below 1 % of the largest.

    The design has made the columns alike; a column whose rows are all saturated would get an absurd step.
    """
    diagonal = point.hessian_diagonal()
    diagonal *= 0.99
    diagonal += 0.01 * diagonal.max()
    return diagonal.__rtruediv__
