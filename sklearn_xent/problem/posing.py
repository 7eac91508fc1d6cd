"""From data and the strength of a penalty to the objective, in the coordinates the optimiser sees."""

from __future__ import annotations

from typing import Any, NamedTuple

from sklearn_xent.arrays import Array
from sklearn_xent.problem.design import Design
from sklearn_xent.problem.losses import Loss
from sklearn_xent.problem.moments import Moments
from sklearn_xent.problem.objective import Objective
from sklearn_xent.problem.penalties import ElasticNet, elastic_net, group_lasso
from sklearn_xent.problem.scaling import applied, design_for
from sklearn_xent.rows import Rows

__all__ = ["Settings", "penalty_of", "pose"]


class Settings(NamedTuple):
    """What a user asks of the penalty and of the precision, all but its strength."""

    l1_ratio: float
    factors: Array  # (d,) of each column's penalty
    bounds: tuple[Array, Array] | None  # (d,) each, in the units of X
    fit_intercept: bool
    tol: float
    groups: Array | None = None  # (d,) number of each column's group


def pose(
    rows: Rows,
    moments: Moments,
    loss: Loss,
    strength: float,
    settings: Settings,
    names: Any = None,
    *,
    total: float = 1.0,
) -> Objective:
    """Mean loss of rows whose weights sum to 1 + strength times the penalty.

    ``total`` is what the weights summed to before.

    Raises
    ------
    ValueError
        If X cannot be scaled in float64, or bounds forbid 0 for a column that is constant.
    """
    design = design_for(
        rows,
        moments,
        fit_intercept=settings.fit_intercept,
        strength=strength * settings.factors,
        l1_ratio=settings.l1_ratio,
        names=names,
        tol=settings.tol,
        groups=settings.groups,
    )
    penalty = penalty_of(design, strength, settings)
    design, rows = applied(design, rows)
    return Objective(rows, loss, penalty, design, total)


def penalty_of(design: Design, strength: float, settings: Settings) -> ElasticNet:
    """The penalty of the settings, of a strength, in a design's units; the l1 norm alone knows no groups."""
    if settings.groups is not None and settings.l1_ratio < 1 and strength > 0:
        return group_lasso(design, strength, settings.l1_ratio, settings.groups, settings.factors)
    return elastic_net(design, strength, settings.l1_ratio, settings.factors, settings.bounds)
