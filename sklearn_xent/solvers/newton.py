"""Newton's method: with the factored Hessian, or by conjugate gradients where it is too large."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from sklearn_xent.arrays import Array, inner
from sklearn_xent.factor import rounding_of
from sklearn_xent.problem.objective import Objective
from sklearn_xent.problem.point import Point
from sklearn_xent.solvers.conjugate_gradient import conjugate_gradient
from sklearn_xent.solvers.coordinates import FACTOR_LIMIT, triangular_factor
from sklearn_xent.solvers.hessian import DENSE_LIMIT, affordable, curvature_at, refuse_beyond_memory
from sklearn_xent.solvers.line_search import line_search
from sklearn_xent.solvers.loop import iterate
from sklearn_xent.solvers.optimality_gap import CERTIFIED_LIMIT, Gap
from sklearn_xent.solvers.sampling import FACTOR, sampled
from sklearn_xent.solvers.visit import Visit

__all__ = ["LOOSEST", "DiagonalInverse", "guessed_diagonal", "newton_cholesky", "truncated_newton"]

UNLIMITED = 250  # products for one Newton system, at the most
PATIENCE = 15  # products with the Hessian after which a factor, about that many readings of X, is worth it
LOOSEST = 0.25  # relative residual of a Newton system that is solved least


def newton_cholesky(objective: Objective, start: Array, visit: Visit, *, rough: bool = False) -> None:
    """Damped Newton; a singular Hessian gives its least-norm step, or beyond DENSE_LIMIT one with a ridge of
    the size of rounding. 3 sweeps an iteration, N^2 memory.

    With ``rough`` Hessians it converges linearly at the end, but fast.
    Boyd and Vandenberghe (2004), Convex Optimization, algorithm 9.5.
    """
    refuse_beyond_memory(start.size, "newton-cholesky")
    # what all classes share has no curvature but the gauge's, and would stay
    iterate(_Factored(rough), objective.at(objective.symmetric(start)), visit)


class _Factored:
    """The Hessian of all rows, factored."""

    def __init__(self, rough: bool) -> None:
        self._rough = rough

    def look(self, point: Point) -> dict[str, Any]:
        size = point.coefficients.size
        # eigenvalues of many coefficients take ten times as long as all else
        dear = size > DENSE_LIMIT or (size > point.objective.rows.n_rows and not affordable(point))
        ridge = rounding_of(size) if dear else 0.0
        self._curvature = curvature_at(point, rough=self._rough, ridge=ridge)
        if ridge and not self._curvature.sound:
            return {"gap": Gap(self._curvature.gap(point.gradient))}
        return {"curvature": self._curvature}

    def step(self, point: Point) -> Point | None:
        step = self._curvature.step(point.gradient, abs(point.value))
        return line_search(point, point.coefficients - step)[0]


def truncated_newton(objective: Objective, start: Array, visit: Visit) -> None:
    """Newton steps solved by preconditioned conjugate gradients to a falling accuracy. O(K n) memory.

    Eisenstat and Walker (1996), SIAM J. Sci. Comput. 17(1), choice 2 of the forcing term, but no smaller
    than tol asks for. The preconditioner is a guess of the diagonal until that is slow; then one triangular
    factor for all classes if d allows it, else the diagonal itself; at last, of few dense columns, the
    Hessian as it was factored before.
    """
    iterate(_Products(visit), objective.at(start), visit)


class _Products:
    """Products with the Hessian, for conjugate gradients."""

    def __init__(self, visit: Visit) -> None:
        self._goal, self._forcing = visit.goal, LOOSEST
        self._preconditioner: Preconditioner = DiagonalInverse(guessed_diagonal)

    def look(self, point: Point) -> dict[str, Any]:
        self._preconditioner.refresh(point)
        self._step, self._products = conjugate_gradient(
            point.hessian_product,
            point.gradient,
            self._preconditioner.solve,
            tol=self._forcing,
            max_iter=self._preconditioner.patience,
        )
        self._gap = 0.5 * inner(point.gradient, self._step)
        return {"gap": Gap(self._gap)}

    def step(self, point: Point) -> Point | None:
        new, _ = line_search(point, point.coefficients - self._step)
        if new is None:
            return None
        ratio = float(np.linalg.norm(new.gradient) / np.linalg.norm(point.gradient))
        # a step to accuracy eta leaves about eta^2 of the gap
        enough = np.sqrt(0.05 * self._goal(new) / max(self._gap * ratio**2, np.finfo(float).tiny))
        self._forcing = float(np.clip(max(0.9 * ratio**2, enough), 1e-4, LOOSEST))
        if self._products == self._preconditioner.patience:
            if self._preconditioner.exact_at is point:
                return None  # slow by the Hessian of this very point: what it does not show is rounding
            self._preconditioner = _better(self._preconditioner, new)
        return new


class Preconditioner(Protocol):
    """An approximate inverse Hessian, the products after which it counts as slow, and where it is exact."""

    patience: int
    exact_at: Point | None

    def refresh(self, point: Point) -> None: ...
    def solve(self, gradient: Array) -> Array: ...


class DiagonalInverse:
    """Division by a diagonal of which no entry is below 1 % of the largest.

    The design has made the columns alike; a column whose rows are all saturated would get an absurd step.
    """

    exact_at: Point | None = None

    def __init__(self, diagonal_of: Callable[[Point], Array], patience: int = PATIENCE) -> None:
        self.patience, self._diagonal_of = patience, diagonal_of

    def refresh(self, point: Point) -> None:
        """Take the diagonal at a point."""
        self._diagonal = np.empty_like(point.gradient)
        self._diagonal[:] = self._diagonal_of(point)
        self._diagonal *= 0.99
        self._diagonal += max(0.01 * self._diagonal.max(), np.finfo(float).tiny)

    def solve(self, gradient: Array) -> Array:
        """Divide."""
        return np.asarray(gradient / self._diagonal)


class _SharedFactor:
    """One triangular factor of a sample's Hessian for all classes, made where it was needed first."""

    exact_at: Point | None = None

    def __init__(self, point: Point) -> None:
        self.patience = _worth_a_hessian(point) if _factorable(point) else UNLIMITED
        sample = sampled(point.objective, FACTOR, np.random.RandomState(0))
        here = point if sample is None else sample.at(point.coefficients)
        self._factor = triangular_factor(here)

    def refresh(self, point: Point) -> None:
        """Stay: later the Hessian changes less in shape than in size, to which CG is blind."""

    def solve(self, gradient: Array) -> Array:
        """Solve for every class."""
        return gradient if self._factor is None else self._factor.solve(gradient)


class _FactoredHessian:
    """The Hessian where it was factored last: few products make up for what has changed since."""

    def __init__(self, point: Point) -> None:
        self.patience, ridge = _worth_a_hessian(point), rounding_of(point.coefficients.size)
        self.exact_at: Point | None = point
        self._curvature = curvature_at(point, ridge=ridge)

    def refresh(self, point: Point) -> None:
        """Stay, until products take more time than another factor."""

    def solve(self, gradient: Array) -> Array:
        """Solve between all coefficients."""
        return self._curvature.solve(gradient)


def _factorable(point: Point) -> bool:
    rows = point.objective.rows
    return rows.local and not rows.sparse and point.coefficients.size <= CERTIFIED_LIMIT


def _worth_a_hessian(point: Point) -> int:
    """Products with the Hessian that take as long as all of it: measured on dense rows."""
    return int(np.clip(point.coefficients.size // 40, PATIENCE, UNLIMITED))


def _better(slow: Preconditioner, point: Point) -> Preconditioner:
    if not isinstance(slow, DiagonalInverse):  # that of all coefficients, or the same at this point
        return _FactoredHessian(point) if _factorable(point) else _SharedFactor(point)
    if point.coefficients.shape[1] <= FACTOR_LIMIT + 1:
        return _SharedFactor(point)
    return DiagonalInverse(Point.hessian_diagonal, UNLIMITED)


def guessed_diagonal(point: Point) -> Array:
    """The diagonal if curvature and columns were independent; it reads no X."""
    design = point.objective.design
    squares = np.append(design.variance, float(design.fit_intercept))
    diagonal = np.multiply(point.mean_curvature()[:, None], squares, out=np.empty_like(point.gradient))
    diagonal += point.objective.penalty.hessian_diagonal
    return diagonal
