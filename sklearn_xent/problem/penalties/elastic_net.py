"""The elastic net, within bounds where there are any: its factors written per column."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from sklearn_xent.arrays import Array, inner

__all__ = ["ElasticNet", "pull"]


@dataclass(frozen=True)
class ElasticNet:
    """sum_j l1_j |w_j| + l2_j w_j^2 / 2 for every row of W, and w_j within bounds where there are any.

    All have shape (d + 1,): one number per column of W, the last of them the intercept's.
    """

    l1: Array
    l2: Array
    lower: Array | None = None
    upper: Array | None = None

    @cached_property
    def smooth(self) -> bool:
        """Whether no coordinate carries an l1 term or a bound."""
        return not self.kinked and self.lower is None

    @cached_property
    def kinked(self) -> bool:
        """Whether some coordinate carries an l1 term."""
        return bool(self.l1.any())

    @cached_property
    def bounds(self) -> tuple[Array, Array]:
        """Lower and upper bounds, infinite where there are none."""
        if self.lower is None or self.upper is None:
            return np.full_like(self.l2, -np.inf), np.full_like(self.l2, np.inf)
        return self.lower, self.upper

    @property
    def bounded(self) -> bool:
        """Whether some coordinate has a bound."""
        return self.lower is not None

    @property
    def hessian_diagonal(self) -> Array:
        """Hessian of the smooth part, (d + 1,): it is diagonal, and the same at every W."""
        return self.l2

    @property
    def kinks(self) -> Array:
        """Half the jump (d + 1,) of the slope in one coefficient at zero, whatever the others are."""
        return self.l1

    @property
    def separable(self) -> bool:
        """Whether it is a sum of penalties of one coefficient each."""
        return True

    @property
    def free(self) -> Array:
        """Mask (d + 1,) of the columns whose coefficients nothing holds back."""
        return np.asarray(self.costless & ~np.isfinite(self.bounds).all(axis=0))

    @property
    def costless(self) -> Array:
        """Mask (d + 1,) of the columns that nothing penalises, within bounds or without."""
        return np.asarray((self.l1 == 0) & (self.l2 == 0))

    def columns(self, which: Array) -> ElasticNet:
        """The penalty of some columns (indices into d + 1)."""
        bounds = () if self.lower is None else (bound[which] for bound in self.bounds)
        return ElasticNet(self.l1[which], self.l2[which], *bounds)

    def without_kinks(self, which: Array) -> ElasticNet:
        """The penalty less the l1 terms of some columns (indices into d + 1)."""
        l1 = self.l1.copy()
        l1[which] = 0.0
        return replace(self, l1=l1)

    def with_ridge(self, more: Array) -> ElasticNet:
        """The penalty with more (d + 1,) in the Hessian of its smooth part."""
        return replace(self, l2=self.l2 + more)

    def holding(self, which: Array) -> ElasticNet:
        """The smooth part alone, with the columns of a mask (d + 1,) held at zero."""
        lower = np.where(which, 0.0, -np.inf)
        return ElasticNet(np.zeros_like(self.l2), self.l2, lower, -lower)

    def movable(self, W: Array) -> Array:
        """Mask of the coefficients at neither a kink nor a bound: F is smooth about them."""
        lower, upper = self.bounds
        return np.asarray(((W != 0) | (self.l1 == 0)) & (lower < W) & (upper > W))

    def least_shift(self, W: Array) -> Array:
        """What to subtract (d + 1,) from the coefficients of all classes, for the least penalty.

        Of sum_k l1 |w_k - c| + l2 (w_k - c)^2 / 2 the least is at the median of the K coefficients and
        mean + (l1 / l2) (K - 2 i) / K for i = 0 to K; of all c that are as good, the nearest to 0. Li and
        Osher (2009), Commun. Inf. Syst. 9(4). Within bounds as far as they let it; 0 for a column that
        nothing penalises.
        """
        if self.smooth:
            return np.asarray(W.mean(axis=0))
        K, between = len(W), len(W) - 2 * np.arange(len(W) + 1)[:, None]
        ridge = self.l2 > 0
        with np.errstate(divide="ignore", invalid="ignore"):
            reach = np.where(between == 0, 0.0, between * (self.l1 / (self.l2 * K)))
        ends = np.where(ridge, W.mean(axis=0), 0.0) + reach
        shift = np.median(np.vstack([W, np.where(self.costless, 0.0, ends)]), axis=0)
        lower, upper = self.bounds
        shift = np.clip(shift, (W - upper).max(axis=0), (W - lower).min(axis=0))
        return np.where(self.costless, 0.0, shift)

    def value(self, W: Array) -> float:
        """Penalty of the coefficients W (K, d + 1), which are within their bounds."""
        return self.absolute(W) + 0.5 * inner(W, W * self.l2)

    def absolute(self, W: Array) -> float:
        """The part that is not smooth: sum l1 |w|."""
        return float((np.abs(W) @ self.l1).sum()) if self.kinked else 0.0

    def gradient(self, W: Array) -> Array:
        """Gradient of the smooth part."""
        return self.l2 * W

    def subgradient(self, W: Array, gradient: Array) -> Array:
        """Subgradient of least norm of loss + penalty, from the gradient of its smooth part.

        It is zero exactly at a minimum, with l1 and bounds or without.
        """
        if self.smooth:
            return gradient
        return pull(W, gradient, self.l1, *self.bounds)

    def change(self, W: Array, gradient: Array, target: Array) -> float:
        """Change of F towards a target were its smooth part linear: a sum of small terms."""
        if not self.kinked:
            return inner(gradient, target - W)
        sign = np.where(W != 0, np.sign(W), np.sign(target))
        slopes = (gradient + self.l1 * sign) * (target - W)
        crossing = np.where(target * sign < 0, 2 * np.abs(target), 0.0)
        return float(slopes.sum() + (crossing @ self.l1).sum())

    def slope_along(self, W: Array, D: Array) -> float:
        """Slope of the penalty at W along D, beyond a kink at W itself."""
        kinked = (np.where(W != 0, np.sign(W) * D, np.abs(D)) @ self.l1).sum() if self.kinked else 0.0
        return inner(self.gradient(W), D) + float(kinked)

    def slopes(self, W: Array, gradient: Array) -> Array:
        """Slopes of F at W, on the side of zero where each coefficient is."""
        return np.asarray(gradient + self.l1 * np.sign(W))

    def curvature(self, W: Array, V: Array) -> Array:
        """Hessian of the penalty at W, where it has one, times V (K, d + 1)."""
        return np.asarray(self.l2 * V)

    def add_curvature(self, H: Array, W: Array, chosen: Array) -> None:
        """Add to a Hessian of the smooth part, between the coefficients of a mask, that of the rest."""

    def excess(self, loss_gradient: Array, share: float = 1.0) -> Array:
        """What slopes (K, d + 1) are larger by than a share of what holds a coefficient at zero."""
        return np.asarray(np.abs(loss_gradient) - share * self.l1)

    @property
    def selects(self) -> Array:
        """Mask (d + 1,) of the columns that it can hold at zero."""
        return np.asarray(self.l1 > 0)

    def least_multiple(self, loss_gradient: Array) -> float:
        """Least multiple of the nonsmooth penalties that holds at zero all it can, for slopes there."""
        held = self.l1 > 0
        return float((np.abs(loss_gradient[:, held]) / self.l1[held]).max(initial=0.0))

    def used(self, W: Array) -> Array:
        """Mask of the coefficients that are not held at zero."""
        return np.asarray((W != 0) | (self.l1 == 0))

    def whole(self, chosen: Array) -> Array:
        """A mask (K, d + 1) with all coefficients that cannot be told from those in it."""
        return chosen

    def prox(self, W: Array, step: Array | float) -> Array:
        """Minimise ||V - W||^2 / (2 step) + sum l1 |V| over V: the l2 part belongs to the smooth side."""
        V = np.sign(W) * np.maximum(np.abs(W) - step * self.l1, 0)
        return V if self.lower is None else np.clip(V, *self.bounds)

    @cached_property
    def dual_range(self) -> tuple[Array, Array]:
        """Least and greatest loss gradient (d + 1,) at which the conjugate is finite, column by column.

        A ridge, or a bound where the slope leads to, makes any gradient feasible; else |G_j| <= l1_j.
        """
        lower, upper = self.bounds
        least = np.where((self.l2 > 0) | np.isfinite(upper), -np.inf, -self.l1)
        greatest = np.where((self.l2 > 0) | np.isfinite(lower), np.inf, self.l1)
        return least, greatest

    def shrinkage(self, G: Array) -> float:
        """Largest c <= 1 for which the slopes c G keep within the nonsmooth penalties."""
        least, greatest = self.dual_range
        if not (np.isfinite(greatest) & (greatest > 0) | np.isfinite(least) & (least < 0)).any():
            return 1.0
        limit = np.where(G > 0, greatest, -least)
        held = np.isfinite(limit) & (limit > 0) & (np.abs(G) > limit)
        ratio = np.divide(limit, np.abs(G), out=np.ones_like(G), where=held)
        return float(ratio.min(initial=1.0))

    def infeasible(self, G: Array) -> Array:
        """Mask of slopes on a side where none is feasible, which no shrinkage mends."""
        least, greatest = self.dual_range
        return (greatest == 0) & np.greater(G, greatest) | (least == 0) & np.less(G, least)

    def beyond(self, G: Array) -> Array:
        """Mask of slopes that are not feasible, each by itself."""
        least, greatest = self.dual_range
        return np.asarray(np.greater(G, greatest) | np.less(G, least))

    def feasible(self, G: Array) -> Array:
        """The nearest slopes that are feasible, each by itself."""
        return np.asarray(np.clip(G, *self.dual_range))

    def fenchel_gap(self, W: Array, loss_gradient: Array) -> float:
        """P(W) + P*(-G) + <W, G>: infinite where G is outside ``dual_range``."""
        return float(self.fenchel_terms(W, loss_gradient).sum())

    def fenchel_terms(self, W: Array, loss_gradient: Array) -> Array:
        """What each coefficient (K, d + 1) adds to ``fenchel_gap``.

        Each is at least 0 and no difference of large numbers: with a = -sign(w) G - l1 it is
        (a - l2 |w|)^2 / (2 l2) for a >= 0, else -a |w| + l2 w^2 / 2 and what the conjugate has of a slope of
        the other sign.
        """
        if self.lower is not None:
            return self._bounded_terms(W, loss_gradient)
        if self.smooth:
            slope = loss_gradient + self.l2 * W
            return np.divide(slope**2, 2 * self.l2, out=np.where(slope == 0, 0.0, np.inf), where=self.l2 > 0)
        side = np.where(W != 0, np.sign(W), -np.sign(loss_gradient))
        a, size = -side * loss_gradient - self.l1, np.abs(W)
        other = np.maximum(side * loss_gradient - self.l1, 0.0)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            ridge = np.where(
                self.l2 > 0, (a - self.l2 * size) ** 2 / (2 * self.l2), np.where(a > 0, np.inf, 0.0)
            )
            conjugate = np.where(other > 0, other**2 / (2 * self.l2), 0.0)
        return np.asarray(np.where(a >= 0, ridge, -a * size + 0.5 * self.l2 * W**2 + conjugate))

    def fenchel_rise(self, W: Array, loss_gradient: Array, reach: Array) -> float:
        """What ``fenchel_gap`` may rise by where feasible slopes change by no more than reach (K, d + 1)."""
        G = loss_gradient
        if self.smooth:
            if reach[:, self.l2 == 0].any():
                return np.inf
            more = reach * (2 * np.abs(G + self.l2 * W) + reach)
            return float(np.divide(more, 2 * self.l2, out=np.zeros_like(more), where=self.l2 > 0).sum())
        least, greatest = self.dual_range
        with np.errstate(over="ignore", invalid="ignore"):
            up, down = (np.clip(G + side * reach, least, greatest) for side in (1.0, -1.0))
            # convex in the slope: the largest is at an end
            worst = np.maximum(self.fenchel_terms(W, up), self.fenchel_terms(W, down))
            rise = np.where(reach > 0, worst - self.fenchel_terms(W, G), 0.0)
        lost = (reach > 0) & ((G + reach > greatest) & (greatest == 0) | (G - reach < least) & (least == 0))
        return np.inf if lost.any() else float(rise.sum())

    def _bounded_terms(self, W: Array, G: Array) -> Array:
        """The conjugate is attained where -G - l2 v is in the subdifferential of l1 |v|, or at a bound."""
        lower, upper = self.bounds
        wish = -np.sign(G) * np.maximum(np.abs(G) - self.l1, 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            v = np.where(wish == 0, 0.0, wish / self.l2)
        v = np.clip(v, lower, upper)
        endless = ~np.isfinite(v)
        terms = self._change_of_model(W, np.where(endless, 0.0, v), G)
        return np.where(endless, np.inf, np.maximum(terms, 0.0))

    def _change_of_model(self, W: Array, v: Array, G: Array) -> Array:
        """Value of l1 |w| + l2 w^2 / 2 + w G at W less that at v, without the difference of the two."""

        def slope(x: Array, y: Array, sign: Array) -> Array:
            return (x - y) * (G + self.l1 * sign + 0.5 * self.l2 * (x + y))

        side = np.where(W != 0, np.sign(W), np.sign(v))
        zero = np.zeros_like(v)
        across = slope(W, zero, np.sign(W)) - slope(v, zero, np.sign(v))
        return np.where(W * v >= 0, slope(W, v, side), across)


def pull(w: Array, gradient: Array, l1: Array, lower: Array, upper: Array) -> Array:
    """Least-norm subgradient of a smooth function + l1 |w| within bounds, coordinate by coordinate.

    A coordinate may go up if the slope to its right falls, down if that to its left rises.
    """
    up = gradient + np.where(w < 0, -l1, l1)
    down = gradient + np.where(w > 0, l1, -l1)
    return np.where((up < 0) & (w < upper), up, np.where((down > 0) & (w > lower), down, 0.0))
