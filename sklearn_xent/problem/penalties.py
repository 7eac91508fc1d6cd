"""The penalty, its factors written per coordinate."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sklearn_xent.arrays import Array, inner
from sklearn_xent.problem.design import Design

__all__ = ["ElasticNet", "elastic_net"]


@dataclass(frozen=True)
class ElasticNet:
    """sum_j l1_j |w_j| + l2_j w_j^2 / 2 for every row of W.

    ``l1`` and ``l2`` have shape (d + 1,): one factor per column of W, the last of them the intercept's.
    """

    l1: Array
    l2: Array

    @cached_property
    def smooth(self) -> bool:
        """Whether no coordinate carries an l1 term."""
        return not self.l1.any()

    def value(self, W: Array) -> float:
        """Penalty of the coefficients W (K, d + 1)."""
        return self.absolute(W) + 0.5 * inner(W, W * self.l2)

    def absolute(self, W: Array) -> float:
        """The part that is not smooth: sum l1 |w|."""
        return 0.0 if self.smooth else float((np.abs(W) @ self.l1).sum())

    def gradient(self, W: Array) -> Array:
        """Gradient of the smooth part."""
        return self.l2 * W

    def subgradient(self, W: Array, gradient: Array) -> Array:
        """Subgradient of least norm of loss + penalty, from the gradient of its smooth part.

        It is zero exactly at a minimum, with or without l1.
        """
        if self.smooth:
            return gradient
        at_zero = np.sign(gradient) * np.maximum(np.abs(gradient) - self.l1, 0)
        return np.where(W == 0, at_zero, gradient + self.l1 * np.sign(W))

    def prox(self, W: Array, step: Array | float) -> Array:
        """Minimise ||V - W||^2 / (2 step) + sum l1 |V| over V: the l2 part belongs to the smooth side."""
        return np.sign(W) * np.maximum(np.abs(W) - step * self.l1, 0)

    def fenchel_gap(self, W: Array, loss_gradient: Array) -> float:
        """P(W) + P*(-G) + <W, G>: infinite unless each |G_j| <= l1_j or l2_j > 0.

        Each coordinate's term is at least 0; none is the difference of large numbers where l1 = 0.
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            ridge = np.where(self.l2 > 0, (loss_gradient + self.l2 * W) ** 2 / (2 * self.l2), np.inf)
            excess = np.maximum(np.abs(loss_gradient) - self.l1, 0)
            conjugate = np.where(excess == 0, 0.0, excess**2 / (2 * self.l2))
        own = self.l1 * np.abs(W) + 0.5 * self.l2 * W**2 + W * loss_gradient
        terms = np.where(self.l1 > 0, own + conjugate, np.where(loss_gradient == 0, own, ridge))
        return float(np.maximum(terms, 0).sum())


def elastic_net(design: Design, strength: float, l1_ratio: float) -> ElasticNet:
    """Penalty strength * (l1_ratio ||coef||_1 + (1 - l1_ratio) / 2 ||coef||^2) in the design's units.

    The intercept goes free. What cannot move a logit (a dropped column, the missing intercept) gets a unit
    ridge, so that it stays 0 and no Hessian is singular for its sake.
    """
    l1 = np.append(l1_ratio * strength * design.scale, 0.0)
    # the root first: strength 0 times a square that overflows would be nan
    l2 = np.append((np.sqrt((1 - l1_ratio) * strength) * design.scale) ** 2, 0.0)
    idle = np.append(design.scale == 0, not design.fit_intercept)
    return ElasticNet(np.where(idle, 0.0, l1), np.where(idle, 1.0, l2))
