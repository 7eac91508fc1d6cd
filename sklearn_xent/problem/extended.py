"""The objective with logits, residuals and slopes in extended precision, for small problems that stall.

Beside an outlying row or near-duplicates, the terms of a logit or a slope may be 1e9 times their sum. numpy's
long double has 64 bits of mantissa on most processors of Intel and AMD; where it has no more than float64,
nothing is gained. Hessians are of float64: a Newton step need not be exact.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from sklearn_xent.arrays import Array
from sklearn_xent.problem import margins
from sklearn_xent.problem.objective import Objective
from sklearn_xent.problem.penalties import ElasticNet
from sklearn_xent.problem.point import Point
from sklearn_xent.rows import PerRow
from sklearn_xent.rows.extended import extended_rows

__all__ = ["ExtendedPoint", "extended"]


def extended(objective: Objective) -> ExtendedObjective:
    """The same objective in extended precision; X is copied."""
    scale = objective.design.scale.astype(np.longdouble)
    design = replace(objective.design, scale=scale, centred=True, sparse=False)
    rows = extended_rows(objective.rows)
    fields = objective.loss, objective.penalty, design, objective.total
    return ExtendedObjective(rows, *fields, plain=replace(objective, known=None))


@dataclass(frozen=True)
class ExtendedObjective(Objective):
    """F in extended precision; ``plain`` is the same in float64."""

    plain: Objective = None  # type: ignore[assignment]  # dataclasses put what has no default first
    number: ClassVar[type[float]] = np.longdouble  # type: ignore[assignment]
    value_eps: ClassVar[float] = float(np.finfo(np.longdouble).eps)
    # no more than float64 has, on some platforms
    rounded_logit: ClassVar[float] = margins.ROUNDED_ENTRY if value_eps < 1e-18 else margins.ROUNDED_LOGIT

    def point(self, W: Array, sums: Any, kept: Any) -> ExtendedPoint:
        """See ``Objective.point``."""
        return ExtendedPoint(self, W, sums, kept)

    def under(self, penalty: ElasticNet) -> ExtendedObjective:
        """See ``Objective.under``."""
        return replace(self, penalty=penalty, plain=self.plain.under(penalty))

    @property
    def eps(self) -> float:
        """Relative rounding of a product."""
        return float(np.finfo(np.longdouble).eps)

    def from_original(self, coef: Array, intercept: Array) -> Array:
        """See ``Objective.from_original``; the coefficients are in extended precision."""
        return self.symmetric(self.design.from_original(coef, intercept, np.longdouble))

    def columns(self, which: Array) -> ExtendedObjective:
        """The problem on some columns of X, which are copied; the others' coefficients are zero."""
        return extended(self.plain.columns(which))


class ExtendedPoint(Point):
    """A point whose value and slopes were summed in extended precision; its second order is of float64."""

    objective: ExtendedObjective

    @cached_property
    def plain(self) -> Point:
        """The same in float64: its logits are these, each right to its last digit.

        Those of coefficients as large as rows that are far out need may be off by more than 1, and the
        curvature of such rows by any factor.
        """
        plain = self.objective.plain.at(self.coefficients)
        given, start = np.concatenate(self.logits.flat(), axis=1), 0
        for logits in plain.logits.flat():
            stop = start + logits.shape[1]
            logits[:] = given[:, start:stop]
            start = stop
        return plain.reexpanded(self.loss, self.loss_gradient.astype(float))

    def loss_hessian(self, dtype: Any = np.float64) -> Array:
        """See ``Point.loss_hessian``."""
        return self.plain.loss_hessian(dtype)

    def hessian_among(self, chosen: Array) -> Array:
        """See ``Point.hessian_among``."""
        return self.plain.hessian_among(chosen)

    def hessian_roots(self, chosen: Array, gauged: Array) -> PerRow:
        """See ``Point.hessian_roots``."""
        return self.plain.hessian_roots(chosen, gauged)

    def products_along(self, basis: Array) -> Array:
        """See ``Point.products_along``."""
        return self.plain.products_along(basis)

    def curvature_along(self, basis: Array, off: Array) -> Array:
        """See ``Point.curvature_along``."""
        return self.plain.curvature_along(basis, off)

    def hessian_product(self, V: Array) -> Array:
        """See ``Point.hessian_product``."""
        return self.plain.hessian_product(V)

    def hessian_diagonal(self) -> Array:
        """See ``Point.hessian_diagonal``."""
        return self.plain.hessian_diagonal()

    def coupling(self) -> Array:
        """See ``Point.coupling``."""
        return self.plain.coupling()

    def mean_curvature(self) -> Array:
        """See ``Point.mean_curvature``."""
        return self.plain.mean_curvature()
