"""Group lasso: columns whose coefficients, of all classes, are zero together; and its sum with an l1 norm.

Yuan and Lin (2006), J. R. Stat. Soc. B 68(1); with the l1 norm, the sparse group lasso: Simon, Friedman,
Hastie and Tibshirani (2013), J. Comput. Graph. Stat. 22(2).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sklearn_xent.arrays import Array, inner
from sklearn_xent.problem.penalties.elastic_net import ElasticNet

__all__ = ["UNGROUPED", "GroupLasso"]

UNGROUPED = -1  # in place of the number of a group


@dataclass(frozen=True, kw_only=True)
class GroupLasso(ElasticNet):
    """sum_g weight_g ||W_g|| beside the l1 norm, with W_g (K, p_g) the columns of W of which ``index`` is g.

    ``index`` has shape (d + 1,), with UNGROUPED for columns in none; ``weight`` (n_groups,). The norm is that
    of all entries. Where W_g is not zero it has a gradient, weight W_g / ||W_g||, and a curvature.
    """

    index: Array
    weight: Array

    @property
    def separable(self) -> bool:
        """See ``ElasticNet.separable``."""
        return False

    @cached_property
    def kinked(self) -> bool:
        """Whether there is a group, or an l1 term."""
        return bool(self._grouped.any() or self.l1.any())

    @cached_property
    def _grouped(self) -> Array:
        return np.asarray(self.index != UNGROUPED)

    @cached_property
    def _weight_of(self) -> Array:
        """Weight (d + 1,) of each column's group, 0 where it has none."""
        return np.where(self._grouped, np.append(self.weight, 0.0)[self.index], 0.0)

    @property
    def costless(self) -> Array:
        """See ``ElasticNet.costless``."""
        return np.asarray((self.l1 == 0) & (self.l2 == 0) & ~self._grouped)

    def columns(self, which: Array) -> GroupLasso:
        """See ``ElasticNet.columns``; what is left out of a group is zero."""
        return GroupLasso(self.l1[which], self.l2[which], index=self.index[which], weight=self.weight)

    def among(self, chosen: Array) -> GroupLasso:
        """The penalty of the coefficients of a mask (K, d + 1), as one row, without a ridge."""
        l1, index = (np.broadcast_to(v, chosen.shape)[chosen] for v in (self.l1, self.index))
        return GroupLasso(l1, np.zeros_like(l1), index=index, weight=self.weight)

    def blocks(self) -> list[Array]:
        """Columns of each group, and those in none."""
        order = np.argsort(self.index, kind="stable")
        return np.split(order, np.flatnonzero(np.diff(self.index[order])) + 1)

    def _sums(self, squares: Array) -> Array:
        """Sums (n_groups,) over the coefficients (K, d + 1) of each group."""
        sums = np.zeros(len(self.weight), squares.dtype)
        np.add.at(sums, self.index[self._grouped], squares[:, self._grouped].sum(axis=0))
        return sums

    def _norms_of_groups(self, W: Array) -> Array:
        """Norm (n_groups,) of each group."""
        largest = np.abs(W).max(initial=0.0) or 1.0  # squares of what is less than 1e-154 are zero
        return np.asarray(largest * np.sqrt(self._sums((W / largest) ** 2)))

    def _norms(self, W: Array) -> Array:
        """Norm (d + 1,) of each column's group, 1 where it has none."""
        return np.where(self._grouped, np.append(self._norms_of_groups(W), 1.0)[self.index], 1.0)

    def movable(self, W: Array) -> Array:
        """See ``ElasticNet.movable``."""
        return np.asarray(((W != 0) | (self.l1 == 0)) & (self._norms(W) > 0))

    def used(self, W: Array) -> Array:
        """See ``ElasticNet.used``: a group is used as a whole."""
        return np.asarray(np.where(self._grouped, self._norms(W) > 0, (W != 0) | (self.l1 == 0)))

    def whole(self, chosen: Array) -> Array:
        """See ``ElasticNet.whole``."""
        return np.where(self._grouped, self._norms(chosen.astype(float)) > 0, chosen)

    def absolute(self, W: Array) -> float:
        """The part that is not smooth: that of the groups and sum l1 |w|."""
        return float((np.abs(W) @ self.l1).sum() + self._norms_of_groups(W) @ self.weight)

    def _pull(self, W: Array) -> Array:
        """Gradient of the groups' norms where they are not zero, else 0."""
        norms = self._norms(W)
        return np.asarray(self._weight_of * W / np.where(norms > 0, norms, 1.0))

    def subgradient(self, W: Array, gradient: Array) -> Array:
        """See ``ElasticNet.subgradient``; of a group at zero it is what its slopes have beyond its weight."""
        slopes = super().subgradient(W, gradient + self._pull(W))
        norms = self._norms(slopes)
        left = 1 - np.divide(self._weight_of, norms, out=np.ones_like(norms), where=norms > self._weight_of)
        return np.where(self._grouped & (self._norms(W) == 0), slopes * left, slopes)

    def slopes(self, W: Array, gradient: Array) -> Array:
        """See ``ElasticNet.slopes``."""
        return super().slopes(W, gradient) + self._pull(W)

    def change(self, W: Array, gradient: Array, target: Array) -> float:
        """See ``ElasticNet.change``: norms differ by <target - W, target + W> / (||target|| + ||W||)."""
        total = self._norms(target) + self._norms(W)
        rise = (target - W) * (target + W) * self._weight_of / np.where(total > 0, total, 1.0)
        return super().change(W, gradient, target) + float(rise.sum())

    def slope_along(self, W: Array, D: Array) -> float:
        """See ``ElasticNet.slope_along``: weight <w, D> / ||w|| in a group that is not at zero, or ||D||."""
        norms, reach = self._norms_of_groups(W), self._norms_of_groups(D)
        along = np.divide(self._sums(W * D), norms, out=reach, where=norms > 0)
        return super().slope_along(W, D) + float(along @ self.weight)

    def curvature(self, W: Array, V: Array) -> Array:
        """See ``ElasticNet.curvature``: weight (V - w <w, V> / ||w||^2) / ||w|| in a group not at zero."""
        norms = self._norms(W)
        unit = np.where(norms > 0, 1 / np.where(norms > 0, norms, 1.0), 0.0)
        U = np.where(self._grouped, W * unit, 0.0)
        along = np.append(self._sums(U * V), 0.0)[self.index]
        return super().curvature(W, V) + self._weight_of * unit * (V - U * along)

    def add_curvature(self, H: Array, W: Array, chosen: Array) -> None:
        """See ``ElasticNet.add_curvature``."""
        norms = self._norms(W)
        strength = np.where(norms > 0, self._weight_of / np.where(norms > 0, norms, 1.0), 0.0)
        u = np.where(self._grouped, W / np.where(norms > 0, norms, 1.0), 0.0)[chosen]
        index = np.broadcast_to(self.index, W.shape)[chosen]
        strength = np.broadcast_to(strength, W.shape)[chosen]
        H[np.diag_indices_from(H)] += strength
        for g in np.unique(index[strength > 0]):
            where = np.flatnonzero(index == g)
            H[np.ix_(where, where)] -= np.outer(strength[where] * u[where], u[where])

    def excess(self, loss_gradient: Array, share: float = 1.0) -> Array:
        """See ``ElasticNet.excess``: of a group, that of its norm."""
        left = np.maximum(np.abs(loss_gradient) - share * self.l1, 0.0)
        of_group = np.broadcast_to(self._norms(left) - share * self._weight_of, left.shape)
        return np.where(self._grouped, of_group, super().excess(loss_gradient, share))

    def prox(self, W: Array, step: Array | float) -> Array:
        """See ``ElasticNet.prox``; the l1 norm shrinks first, then each group as a whole."""
        V = super().prox(W, step)
        norms = self._norms(V)
        shrunk = 1 - np.divide(step * self._weight_of, norms, out=np.ones_like(norms), where=norms > 0)
        return np.where(self._grouped & (shrunk <= 0), 0.0, np.where(self._grouped, V * shrunk, V))

    def shrinkage(self, G: Array) -> float:
        """See ``ElasticNet.shrinkage``: the largest c for which ||soft(c G_g, l1)|| <= weight_g for all g."""
        of_columns = self._ungrouped.shrinkage(np.where(self._grouped, 0.0, G))
        multiple = self.least_multiple(G)
        return of_columns if multiple <= 1 else min(of_columns, 1 / multiple)

    @property
    def selects(self) -> Array:
        """See ``ElasticNet.selects``."""
        return self._grouped

    def least_multiple(self, loss_gradient: Array) -> float:
        """See ``ElasticNet.least_multiple``: at which ||soft(G_g, c l1)|| <= c weight_g for all groups."""
        norms, weight = self._norms(loss_gradient)[self._grouped], self._weight_of[self._grouped]
        low, high = 0.0, float((norms / weight).max(initial=0.0))
        if not self.l1[self._grouped].any():
            return high
        while low < (middle := 0.5 * (low + high)) < high:
            fits = not (self.excess(loss_gradient, middle)[:, self._grouped] > 0).any()
            low, high = (low, middle) if fits else (middle, high)
        return high

    @cached_property
    def _ungrouped(self) -> ElasticNet:
        """The penalty of the columns in no group; those in groups have a ridge, as if nothing held them."""
        return ElasticNet(np.where(self._grouped, 0.0, self.l1), np.where(self._grouped, 1.0, self.l2))

    def infeasible(self, G: Array) -> Array:
        """See ``ElasticNet.infeasible``."""
        return self._ungrouped.infeasible(G)

    def beyond(self, G: Array) -> Array:
        """See ``ElasticNet.beyond``: none in a group, as no slope of a group is feasible by itself."""
        return self._ungrouped.beyond(G)

    def feasible(self, G: Array) -> Array:
        """See ``ElasticNet.feasible``."""
        return self._ungrouped.feasible(G)

    def fenchel_terms(self, W: Array, loss_gradient: Array) -> Array:
        """See ``ElasticNet.fenchel_terms``: in groups (G + weight W / ||W||) W + l1 |W|."""
        G = np.where(self._grouped, 0.0, loss_gradient)
        terms = self._ungrouped.fenchel_terms(np.where(self._grouped, 0.0, W), G)
        return np.where(self._grouped, W * self.slopes(W, loss_gradient), terms)

    def fenchel_gap(self, W: Array, loss_gradient: Array) -> float:
        """See ``ElasticNet.fenchel_gap``."""
        return max(super().fenchel_gap(W, loss_gradient), 0.0)

    def fenchel_rise(self, W: Array, loss_gradient: Array, reach: Array) -> float:
        """See ``ElasticNet.fenchel_rise``."""
        outside = [np.where(self._grouped, 0.0, V) for V in (W, loss_gradient, reach)]
        return self._ungrouped.fenchel_rise(*outside) + inner(np.abs(W) * self._grouped, reach)
