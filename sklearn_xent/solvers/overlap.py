"""Rows that overlap, so that a finite optimum exists, by one Hessian: no linear program is needed then."""

from __future__ import annotations

from sklearn_xent.problem.point import Point
from sklearn_xent.solvers.curvature import Curvature

__all__ = ["overlaps"]


def overlaps(point: Point, curvature: Curvature) -> bool:
    """Whether a Hessian near a point proves that no row can be separated along columns without a penalty.

    Residuals are multipliers that prove a minimum where they are positive and orthogonal to the columns:
    Stiemke's theorem of the alternative; Albert and Anderson (1984). What Newton's step changes in them makes
    them orthogonal, and keeps each positive whose row's logits it changes by less than 1; by half of that, as
    the Hessian may be that of a point nearby.
    """
    objective, penalty = point.objective, point.objective.penalty
    if not curvature.sound or not penalty.smooth or penalty.bounded or not objective.free[:-1].any():
        return False  # it proves nothing, or there is no such column, which costs nothing to see
    return point.widest_change(curvature.solve(point.gradient)) < 0.5
