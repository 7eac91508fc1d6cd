"""Upper bounds of F(W) - min F from the dual problem, for every penalty, free columns included.

For residuals R = Q - Y of any probabilities Q (K, n) and G = A'(w R), Fenchel and Young give

    F(W) - min F <= sum_i w_i KL(q_i || p_i(W)) + P(W) + P*(-G) + <W, G>.

Every term is at least 0, so nothing cancels, and offsets of any size drop out. With Q = p(W) it falls as the
slopes do. With Q = p + S (A D), the first-order change along a Newton direction D, G is stationary on the
coefficients that move, and the bound falls as the square of the distance: it tends to half the squared Newton
decrement, wherever Q stays in the simplex. Where the quadratic model is not valid it does not, and the bound
says so. Boyd and Vandenberghe (2004), Convex Optimization, section 5.5.1; the mixture is that of maximum
entropy, the dual of maximum likelihood.
"""

from __future__ import annotations

import numpy as np

from sklearn_xent.arrays import Array
from sklearn_xent.problem import kernels
from sklearn_xent.problem.objective import Point

__all__ = ["DualPoint", "duality_gap"]



class DualPoint:
    """Probabilities along a direction (K, d + 1) from those of a point, and the loss gradient that they give.

    Without a direction they are the point's own, and no row is read; else one reading of X.
    """

    def __init__(self, point: Point, direction: Array | None = None) -> None:
        self._point, self._change = point, None
        self.gradient = point.loss_gradient
        if direction is not None:
            o = point.objective
            linear = o.design.linear(direction)
            (pulled,), (self._change,) = o.rows.sweep(kernels.dual_point, point.expansion, linear, o.design)
            self.gradient = o.design.gradient(pulled)
        self.shrinkage = self._feasible_shrinkage()

    def _feasible_shrinkage(self) -> float:
        """Largest c <= 1 for which c G keeps within the l1 penalties."""
        G, (least, greatest) = self.gradient, self._point.objective.penalty.dual_range
        limit = np.where(G > 0, greatest, -least)
        held = np.isfinite(limit) & (limit > 0) & (np.abs(G) > limit)
        ratio = np.divide(limit, np.abs(G), out=np.ones_like(G), where=held)
        return float(ratio.min(initial=1.0))

    @property
    def excess(self) -> Array:
        """What of the gradient (K, d + 1) no penalty pays for, in the free columns."""
        G, (least, greatest) = self.shrinkage * self.gradient, self._point.objective.penalty.dual_range
        return np.asarray(np.where((G > greatest) & (greatest == 0) | (G < least) & (least == 0), G, 0.0))

    def bound(self, lacking: float = 0.0) -> float:
        """Upper bound of the gap in nats.

        ``lacking`` is half the squared decrement of ``excess``: what it takes to make the free columns
        stationary. By Cauchy and Schwarz that moves the slope of column j by no more than its root times
        sqrt(2 H_jj), which is added to the penalty's part.
        """
        o, c = self._point.objective, self.shrinkage
        penalty, W = o.penalty, self._point.coefficients
        divergence = 0.0
        if c < 1 or self._change is not None:
            args = self._point.expansion, self._change, c
            (divergence,), _ = o.rows.sweep(kernels.divergence, *args, reads=False)
        G = np.clip(c * self.gradient, *penalty.dual_range)
        paid = penalty.fenchel_gap(W, G)
        if not lacking > 0:
            return float(divergence) + paid
        # p (1 - p) <= 1/4 bounds the curvature of a column by a quarter of its variance
        reach = np.sqrt(2 * lacking) * 0.5 * np.sqrt(np.append(o.design.variance, 1.0))
        with np.errstate(divide="ignore", invalid="ignore"):
            slope = np.abs(G + penalty.l2 * W)
            ridge = np.where(penalty.l2 > 0, reach * (slope + reach / 2) / penalty.l2, 0.0).sum()
            tighter = np.where((penalty.l1 > 0) & (penalty.l2 == 0), reach / penalty.l1, 0.0).max(initial=0.0)
        root = np.sqrt(float(divergence)) + np.sqrt(lacking)
        return float(root**2 + paid + ridge + tighter * abs(self._point.value))


def duality_gap(point: Point) -> float:
    """Bound of the gap in nats from the point's own residuals: reads no X. inf where a free column needs it.

    The intercept, where nothing else is free, is made stationary to first order.
    """
    dual = DualPoint(point)
    excess = dual.excess
    if not excess.any():
        return dual.bound()
    if excess[:, :-1].any():
        return np.inf
    g = excess[:, -1]
    return dual.bound(0.5 * float(g @ np.linalg.pinv(point.coupling()) @ g))
