"""A bound of the gap on all rows from the Hessian of some of them.

Rows that are in a sample are rows of the whole, with a weight that is ``share`` of theirs in the sample, and
every other row's loss is convex: so F(w + u) - F(w) - g'u is at least ``share`` times what the sample's loss
shows, ridge included. That loss is self-concordant: where a step changes the logits of no row by more than m,
the difference of the largest and the least change for several classes, curvature falls by no more than
exp(-m). Bach (2010), Electron. J. Stat. 4, proposition 1; Sun and Tran-Dinh (2019), Math. Program. 178.
"""

from __future__ import annotations

import numpy as np
import scipy.optimize

from sklearn_xent.problem import hessians, kernels
from sklearn_xent.problem.objective import Point
from sklearn_xent.solvers.curvature import Curvature

__all__ = ["SampledBound", "self_concordant_bound"]


SHORT = 0.3  # change of a logit along a step: the bound is then within 20 % of what an exact reach gives


class SampledBound:
    """Upper bound of F(W) - min F on all rows, from the factored Hessian at a sample's point."""

    def __init__(self, solved: Point, curvature: Curvature) -> None:
        self._solved, self._curvature = solved, curvature
        self._reach: float | None = None

    def __call__(self, point: Point, goal: float = np.inf) -> float:
        """Bound in nats at a point of the objective on all rows; it reads the sample only.

        Where a quadratic model alone would say more than the goal it is what that says.
        """
        decrement = 2 * self._curvature.gap(point.gradient)
        o = self._solved.objective
        change = o.design.linear(point.coefficients - self._solved.coefficients)
        (moved,) = o.rows.sweep(kernels.widest_change, change, o.design)[1]
        weaker = o.rows.stands_for * np.exp(max(moved.flat()))
        model = 0.5 * weaker * decrement
        if model > goal:
            return float(model)
        if self._reach is None:
            self._reach = self._measure(SHORT / (weaker * np.sqrt(max(decrement, np.finfo(float).tiny))))
        return self_concordant_bound(weaker * decrement, np.sqrt(weaker) * self._reach)

    def _measure(self, enough: float) -> float:
        """Largest norm of a row in the inverse Hessian, or what is enough: the logits change by no more."""
        root = self._curvature.inverse_root()
        if root is None:
            return np.inf
        o, e = self._solved.objective, self._solved.expansion
        (reach,) = o.rows.sweep(hessians.reach, e, root, o.design, enough**2)[1]
        return float(np.sqrt(max(reach.flat())))


def self_concordant_bound(squared_decrement: float, reach: float) -> float:
    """F - min F <= lambda^2 / (4 phi(m)), for the least m with lambda R <= m phi(m); inf where there is none.

    phi(m) = (exp(-m) + m - 1) / m^2 tends to 1/2 as m does to 0.
    """
    product = np.sqrt(squared_decrement) * reach
    if not product < 0.9:
        return np.inf
    if product < 1e-8:
        return 0.5 * squared_decrement * (1 + product)

    def lacks(m: float) -> float:
        return (np.expm1(-m) + m) / m - product

    m = float(scipy.optimize.brentq(lacks, product, 20.0))
    return float(squared_decrement * m**2 / (4 * (np.expm1(-m) + m)))
