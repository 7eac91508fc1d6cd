"""Penalties of the coefficients in the units of X, as those of the coefficients in a design's units."""

from __future__ import annotations

import numpy as np

from sklearn_xent.arrays import Array
from sklearn_xent.problem.design import Design
from sklearn_xent.problem.penalties.elastic_net import ElasticNet
from sklearn_xent.problem.penalties.group_lasso import UNGROUPED, GroupLasso

__all__ = ["elastic_net", "group_lasso"]


def elastic_net(
    design: Design,
    strength: float,
    l1_ratio: float,
    factors: Array | None = None,
    bounds: tuple[Array, Array] | None = None,
) -> ElasticNet:
    """Penalty strength * factor_j (l1_ratio |w_j| + (1 - l1_ratio) / 2 w_j^2) in the design's units.

    ``factors`` (d,) are 1 by default; ``bounds`` are two arrays (d,) in the units of X. The intercept goes
    free. What cannot move a logit (a dropped column, the missing intercept) gets a unit ridge, so that it
    stays 0 and no Hessian is singular for its sake.

    Raises
    ------
    ValueError
        If bounds exclude 0 for a dropped column.
    """
    per_column = strength * (np.ones_like(design.scale) if factors is None else factors)
    l1 = np.append(l1_ratio * per_column * design.scale, 0.0)
    # the root first: strength 0 times a square that overflows would be nan
    l2 = np.append((np.sqrt((1 - l1_ratio) * per_column) * design.scale) ** 2, 0.0)
    idle = np.append(design.scale == 0, not design.fit_intercept)
    l1, l2 = np.where(idle, 0.0, l1), np.where(idle, 1.0, l2)
    if bounds is None:
        return ElasticNet(l1, l2)
    stuck = np.flatnonzero((design.scale == 0) & ((bounds[0] > 0) | (bounds[1] < 0)))
    if stuck.size:
        raise ValueError(
            f"coef_bounds exclude 0 at entry {stuck[0]}, but that column of X does not vary (or its penalty "
            "is all that does): it can have no other coefficient."
        )
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        lower, upper = (
            np.append(np.where(idle[:-1] | (b == 0), 0.0, b / design.scale), end)
            for b, end in zip(bounds, (-np.inf, np.inf), strict=True)
        )
    lower[:-1][idle[:-1]], upper[:-1][idle[:-1]] = -np.inf, np.inf
    return ElasticNet(l1, l2, lower, upper)


def group_lasso(
    design: Design, strength: float, l1_ratio: float, groups: Array, factors: Array | None = None
) -> GroupLasso:
    """Penalty strength * (l1_ratio sum f_j |w_j| + (1 - l1_ratio) sum_g sqrt(p_g) f_g ||W_g||).

    ``groups`` (d,) number each column's group, of p_g columns which have one factor f_g and one scale in the
    design. The intercept goes free; what cannot move a logit gets a unit ridge, as in ``elastic_net``.
    """
    factors = np.ones_like(design.scale) if factors is None else factors
    idle = np.append(design.scale == 0, not design.fit_intercept)
    l1 = np.append(l1_ratio * strength * factors * design.scale, 0.0)
    counts = np.bincount(groups)
    per_column = (1 - l1_ratio) * strength * np.sqrt(counts)[groups] * factors * design.scale
    weight = np.zeros(len(counts))
    np.maximum.at(weight, groups, per_column)
    held = np.append(per_column > 0, False) & ~idle
    index = np.where(held, np.append(groups, UNGROUPED), UNGROUPED)
    return GroupLasso(np.where(idle, 0.0, l1), np.where(idle, 1.0, 0.0), index=index, weight=weight)
