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

from sklearn_xent.problem import hessians
from sklearn_xent.problem.point import Point
from sklearn_xent.solvers.curvature import Curvature
from sklearn_xent.solvers.hessian import curvature_at

__all__ = ["SampledBound", "self_concordant_bound"]


# lambda R, about the change of a logit along a step: rows that cannot make it larger need not be measured.
# At SHORT a bound is within 20 % of what an exact reach gives, at LONG it is three times the model's; FAR is
# where it ends. A bound is aimed at that is a tenth below the goal.
SHORT, LONG, FAR, SPARED = 0.3, 0.8, 0.9, 0.9
RENEWED = 15  # products of a sample's Hessian for each row of X: a quarter of what its reading costs
SHORTEST = 0.1  # logits, from which the reach is looked for


class SampledBound:
    """Upper bound of F(W) - min F on all rows, from the factored Hessian at a sample's point."""

    def __init__(self, solved: Point, curvature: Curvature) -> None:
        self._solved, self._curvature = solved, curvature
        self._reach: float | None = None

    def __call__(self, point: Point, goal: float = np.inf) -> float:
        """Bound in nats at a point of the objective on all rows; it reads the sample only.

        Where a quadratic model alone would say more than the goal it is what that says. A Hessian at the
        sample's optimum, which the logits have left, gives way to one at the point where that may bring the
        bound within the goal and costs little beside the reading that another step is.
        """
        o, decrement = self._solved.objective, self._curvature.gap(point.gradient)
        cheap = o.rows.n_rows * point.coefficients.size <= RENEWED * point.objective.rows.n_rows
        moved = self._solved.moved_from(point)
        if moved > SHORT and cheap and o.rows.stands_for * decrement <= goal:
            self._solved, self._reach = o.at(point.coefficients), None
            self._curvature = curvature_at(self._solved, rough=True)
            decrement, moved = self._curvature.gap(point.gradient), 0.0
        weaker, decrement = o.rows.stands_for * np.exp(moved), 2 * decrement
        model = 0.5 * weaker * decrement
        if model > goal:
            return float(model)
        if self._reach is None:
            tiny = float(np.finfo(float).tiny)
            product = _affordable_product(SPARED * goal / max(model, tiny))
            self._reach = self._measure(product / (weaker * np.sqrt(max(decrement, tiny))))
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
    if not product < FAR:
        return np.inf
    if product < 1e-8:
        return 0.5 * squared_decrement * (1 + product)
    m = float(scipy.optimize.brentq(lambda m: _product(m) - product, product, 20.0))
    return 0.25 * squared_decrement * m / _product(m)


def _product(m: float) -> float:
    """Of m, m phi(m): 0.95 at 20."""
    return float(np.expm1(-m) + m) / m


def _affordable_product(larger: float) -> float:
    """Product lambda R at which the bound is so many times that of the quadratic model; SHORT to LONG."""
    if 0.5 * SHORTEST / _product(SHORTEST) >= larger or larger == np.inf:
        return SHORT
    m = scipy.optimize.brentq(lambda m: 0.5 * m / _product(m) - min(larger, 5.0), SHORTEST, 20.0)
    return float(np.clip(_product(float(m)), SHORT, LONG))
