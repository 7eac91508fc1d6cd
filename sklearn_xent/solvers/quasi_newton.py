"""Limited-memory corrections to an inverse Hessian that is nearly right, and the method made of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from sklearn_xent.arrays import Array
from sklearn_xent.factor import power_inverse
from sklearn_xent.problem.objective import Objective
from sklearn_xent.problem.point import Point
from sklearn_xent.solvers.coordinates import triangular_factor
from sklearn_xent.solvers.line_search import line_search
from sklearn_xent.solvers.loop import iterate
from sklearn_xent.solvers.newton import truncated_newton
from sklearn_xent.solvers.optimality_gap import Gap
from sklearn_xent.solvers.sampling import SHARED_FACTOR, sampled
from sklearn_xent.solvers.visit import Visit

__all__ = ["Corrections", "quasi_newton"]

MEMORY = 30  # pairs
REFRESH = (10, 40)  # steps after which the curvature has changed so much that a new factor pays
OPTIMISM = 5.0  # times the gap that the corrected inverse shows: what it has not seen is stiff
DAMPING = 0.5  # power of the classes' coupling: its square root is the best of 0, 1/2 and 1, measured
LEAST = 1e-2  # eigenvalue of the coupling, relative to the mean, that counts as so much


class Corrections:
    """The two-loop recursion of L-BFGS around any inverse, over the last pairs of steps and changes.

    Nocedal and Wright (2006), Numerical Optimization, algorithm 7.4; here its initial matrix is a factored
    Hessian and not a multiple of the identity.
    """

    def __init__(self, memory: int) -> None:
        self._pairs: deque[tuple[Array, Array, float]] = deque(maxlen=memory)

    def add(self, step: Array, change: Array) -> None:
        """Learn from a step and the change of the gradient along it, if it shows curvature."""
        curvature = float((step * change).sum())
        if curvature > 0:
            self._pairs.append((step, change, curvature))

    def apply(self, gradient: Array, solve: Callable[[Array], Array], *, rescale: bool = False) -> Array:
        """Corrected inverse times gradient; rescaled, the inverse gets the size of the last pair (7.20)."""
        q, taken = gradient, []
        for step, change, curvature in reversed(self._pairs):
            a = float((step * q).sum()) / curvature
            q = q - a * change
            taken.append(a)
        r = solve(q)
        if rescale and self._pairs:
            _, change, curvature = self._pairs[-1]
            r = r * (curvature / float((change * solve(change)).sum()))
        for (step, change, curvature), a in zip(self._pairs, reversed(taken), strict=True):
            r = r + (a - float((change * r).sum()) / curvature) * step
        return r


def quasi_newton(objective: Objective, start: Array, visit: Visit, *, seed: int = 0) -> None:
    """L-BFGS around the factored curvature of a sample of rows, renewed twice. One sweep an iteration.

    Nocedal and Wright (2006), algorithm 7.5. Where no step descends any more, Newton's method goes on.
    """
    end = iterate(_Corrected(np.random.RandomState(seed)), objective.at(start), visit)
    truncated_newton(objective, end.coefficients, visit)


class _Corrected:
    """A sample's curvature, corrected by the last steps; made anew after the iterations in REFRESH."""

    def __init__(self, rng: np.random.RandomState) -> None:
        self._rng, self._iteration = rng, 0

    def look(self, point: Point) -> dict[str, Any]:
        if self._iteration in (0, *REFRESH):
            self._inverse, self._corrections = _CoupledFactor(point, self._rng), Corrections(MEMORY)
        apply = partial(self._corrections.apply, solve=self._inverse.solve, rescale=True)
        self._direction = -apply(point.gradient)
        gap = -0.5 * OPTIMISM * float((self._direction * point.gradient).sum())
        return {"gap": Gap(gap), "precondition": apply}

    def step(self, point: Point) -> Point | None:
        new, _ = line_search(point, point.coefficients + self._direction)
        if new is not None:
            self._corrections.add(new.coefficients - point.coefficients, new.gradient - point.gradient)
            self._iteration += 1
        return new


class _CoupledFactor:
    """Inverse of L (x) G: what the classes' probabilities share, times one Gram matrix of the columns.

    The Hessian is a sum over pairs of classes of p_k p_l (e_k - e_l)(e_k - e_l)' (x) x x'. With the mean of
    p_k p_l in place of each row's, the classes part is the Laplacian L of a graph that joins those often
    confused. With too many columns for a Gram matrix, G is a diagonal.
    """

    def __init__(self, point: Point, rng: np.random.RandomState) -> None:
        sample = sampled(point.objective, SHARED_FACTOR, rng)
        if sample is not None:
            point = sample.at(point.coefficients)
        factor = triangular_factor(point)
        self._columns = _Scaling(point) if factor is None else factor
        self._classes = power_inverse(point.coupling(), DAMPING, LEAST)

    def solve(self, gradient: Array) -> Array:
        """Approximate inverse Hessian times a gradient (K, d + 1)."""
        return np.asarray(self._classes @ self._columns.solve(gradient))


class _Scaling:
    """Division by the mean of the classes' diagonals."""

    def __init__(self, point: Point) -> None:
        self._diagonal = np.maximum(point.hessian_diagonal().mean(axis=0), np.finfo(float).tiny)

    def solve(self, gradient: Array) -> Array:
        """Divide."""
        return np.asarray(gradient / self._diagonal)
