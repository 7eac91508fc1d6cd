"""Newton's method: with the factored Hessian, or by conjugate gradients where it is too large."""

from __future__ import annotations

import numpy as np

from sklearn_xent.arrays import Array
from sklearn_xent.problem.objective import Objective
from sklearn_xent.solvers.conjugate_gradient import conjugate_gradient
from sklearn_xent.solvers.coordinates import triangular_factor
from sklearn_xent.solvers.curvature import curvature_at, refuse_beyond_memory
from sklearn_xent.solvers.line_search import descend
from sklearn_xent.solvers.solve import Visit

__all__ = ["newton_cholesky", "truncated_newton"]


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

    Eisenstat and Walker (1996), SIAM J. Sci. Comput. 17(1), choice 2 of the forcing term. The
    preconditioner is one triangular factor for all classes where d allows it, else the diagonal.
    """
    point = objective.at(start)
    factor = triangular_factor(point)
    forcing = 0.25
    while True:
        if factor is None:
            # 1 % of the true diagonal is enough: the design has made the columns alike, and a column
            # whose rows are all saturated would otherwise get an absurd step.
            diagonal = 0.01 * point.hessian_diagonal().max() + 0.99 * point.hessian_diagonal()
            precondition = diagonal.__rtruediv__
        else:
            precondition = factor.solve
        step, _ = conjugate_gradient(
            point.hessian_product, point.gradient, precondition, tol=forcing, max_iter=250
        )
        visit(point, gap=0.5 * float((point.gradient * step).sum()))
        new, _ = descend(point, -step)
        if new is None:
            return
        ratio = np.linalg.norm(new.gradient) / np.linalg.norm(point.gradient)
        forcing = float(np.clip(0.9 * ratio**2, 1e-4, 0.25))
        point = new
