"""Descent along the gradient, as a textbook shows it."""

from __future__ import annotations

from typing import Any

from sklearn_xent.arrays import Array
from sklearn_xent.problem.objective import Objective
from sklearn_xent.problem.point import Point
from sklearn_xent.solvers.line_search import line_search
from sklearn_xent.solvers.loop import iterate
from sklearn_xent.solvers.visit import Visit

__all__ = ["gradient_descent"]


def gradient_descent(objective: Objective, start: Array, visit: Visit) -> None:
    """W <- w - t gradient, t by backtracking from twice the last step. One reading of X an iteration, or two.

    Boyd and Vandenberghe (2004), Convex Optimization, algorithm 9.3. The columns are standardised and not
    otherwise preconditioned, so that its pace shows the conditioning of the problem.
    """
    iterate(_Slope(), objective.at(start), visit)


class _Slope:
    """The gradient, and how far it led."""

    length = 1.0

    def look(self, point: Point) -> dict[str, Any]:
        return {}

    def step(self, point: Point) -> Point | None:
        new, part = line_search(point, point.coefficients - 2 * self.length * point.gradient)
        self.length *= 2 * part
        return new
