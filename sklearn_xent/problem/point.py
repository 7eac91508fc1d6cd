"""A point on the objective and a line through it: what is known there, from kernels sent over the rows."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from sklearn_xent.arrays import Array, inner
from sklearn_xent.problem import hessian_rows, hessians, kernels, margins
from sklearn_xent.rows import PerRow

if TYPE_CHECKING:
    from sklearn_xent.problem.objective import Objective

__all__ = ["Line", "Point", "in_double_precision"]

NEGLIGIBLE = 1e-12  # of the loss: what a row has less of need not be fitted better


class Point:
    """F, its gradient and its curvature at one W. It never changes; what is costly is computed once."""

    def __init__(self, objective: Objective, W: Array, sums: Any, kept: Any) -> None:
        (loss, pulled), (self.logits, self._kept) = sums, kept
        self.loss, self.loss_gradient = objective.number(loss), objective.design.gradient(pulled)
        if objective.loss.shift_invariant and not objective.penalty.smooth:
            # exactly 0 in sum over the classes, where a weak penalty alone would be held against rounding
            self.loss_gradient -= self.loss_gradient.mean(axis=0)
        self._penalise(objective, W)

    def _penalise(self, objective: Objective, W: Array) -> None:
        penalty = objective.penalty
        self.objective, self.coefficients = objective, W
        self.value = self.loss + penalty.value(W)
        self.gradient = self.loss_gradient + penalty.gradient(W)
        self.stationarity = penalty.subgradient(W, self.gradient)
        self.steepness = math.sqrt(inner(self.stationarity, self.stationarity))

    def under(self, objective: Objective) -> Point:
        """The same coefficients under the penalty of an objective of the same rows and design."""
        point = type(self).__new__(type(self))
        point.logits, point._kept = self.logits, self._kept
        point.loss, point.loss_gradient = self.loss, self.loss_gradient
        point._penalise(objective, self.coefficients)
        return point

    def reexpanded(self, loss: float, loss_gradient: Array) -> Point:
        """The point after its logits were replaced, with the loss and its gradient that they have."""
        o = self.objective
        if o.keeps:
            _, (self._kept,) = o.rows.sweep(kernels.expand, self.logits, o.loss, reads=False)
        self.loss, self.loss_gradient = float(loss), loss_gradient
        self.__dict__.pop("expansion", None)
        self._penalise(o, self.coefficients)
        return self

    @property
    def plain(self) -> Point:
        """The same in float64."""
        return self

    @property
    def smooth_value(self) -> float:
        """F without its l1 part."""
        return self.value - self.objective.penalty.absolute(self.coefficients)

    @cached_property
    def expansion(self) -> PerRow:
        """The loss expanded at the logits, block by block; reads no X."""
        o = self.objective
        if o.keeps:
            return self._kept  # type: ignore[no-any-return]
        _, (expansion,) = o.rows.sweep(kernels.expand, self.logits, o.loss, reads=False)
        return expansion

    def loss_hessian(self, dtype: Any = np.float64) -> Array:
        """Hessian of the loss, (K (d + 1), K (d + 1)); K (K + 1) / 2 Gram products in dtype."""
        o = self.objective
        (H,), _ = o.rows.sweep(hessians.hessian, self.logits, self._kept, o.loss, o.design, dtype)
        return np.asarray(H)

    def hessian(self, dtype: Any = np.float64) -> Array:
        """Hessian of the smooth part, (K (d + 1), K (d + 1))."""
        H, diagonal = self.loss_hessian(dtype), self.objective.penalty.hessian_diagonal
        H.reshape(-1)[:: len(H) + 1] += np.tile(diagonal, len(self.coefficients))
        return H

    def hessian_among(self, chosen: Array) -> Array:
        """The Hessian between the coefficients of a mask (K, d + 1), in the order of a flat W."""
        o = self.objective
        sweep = o.rows.sweep
        (H,), _ = sweep(hessians.hessian_among, self.logits, self._kept, o.loss, o.design, chosen)
        H[np.diag_indices_from(H)] += np.broadcast_to(o.penalty.hessian_diagonal, chosen.shape)[chosen]
        return np.asarray(H)

    def hessian_roots(self, chosen: Array, gauged: Array) -> PerRow:
        """Triangular factors of the rows whose products add up to ``hessian_among`` without the ridge.

        Columns in the mask ``gauged`` (d + 1,) have curvature where all classes move alike.
        """
        o = self.objective
        _, (roots,) = o.rows.sweep(hessian_rows.hessian_root, self.expansion, o.design, chosen, gauged)
        return roots

    def hessian_rows(self, chosen: Array, gauged: Array) -> tuple[PerRow, PerRow]:
        """The rows themselves: of the contrasts (m, n, n_chosen), and of the gauge (n or 0, n_chosen)."""
        o = self.objective
        _, (contrasts, pinned) = o.rows.sweep(
            hessian_rows.hessian_rows, self.expansion, o.design, chosen, gauged
        )
        return contrasts, pinned

    def slopes_along_rows(self, along: PerRow) -> Array:
        """What slopes (K, d + 1) a change of the probabilities along those rows makes."""
        o = self.objective
        (pulled,), _ = o.rows.sweep(hessian_rows.slopes_along_rows, self.expansion, along, o.design)
        return o.design.gradient(pulled)

    def products_along(self, basis: Array) -> Array:
        """Hessian of the smooth part times directions (K, d + 1, m) that are all but null."""
        o = self.objective
        (H,), _ = o.rows.sweep(hessians.products_along, self.expansion, o.design, basis)
        return np.asarray(H + o.penalty.hessian_diagonal[:, None] * basis)

    def curvature_along(self, basis: Array, off: Array) -> Array:
        """Hessian (m, m) of the smooth part between directions (K, d + 1, m), row by row.

        Entries of a direction are ``off`` (K, d + 1) by rounding.
        """
        o = self.objective
        args = self.expansion, o.design, basis, off, NEGLIGIBLE * self.loss
        (H,), _ = o.rows.sweep(hessians.curvature_along, *args)
        real = np.where(np.abs(basis) > off[:, :, None], basis, 0.0)
        return np.asarray(H + np.einsum("kjm,j,kjn->mn", real, o.penalty.hessian_diagonal, real))

    def hessian_product(self, V: Array) -> Array:
        """Hessian of the smooth part times V (K, d + 1); one reading of X."""
        product = self.loss_hessian_product(V)
        product += self.objective.penalty.hessian_diagonal * V
        return product

    def loss_hessian_product(self, V: Array) -> Array:
        """Hessian of the loss times V (K, d + 1); one reading of X."""
        o = self.objective
        linear = o.design.linear(V)
        (pulled,), _ = o.rows.sweep(hessians.hessian_product, self.expansion, linear, o.design)
        return o.design.gradient(pulled)

    def curvature_product(self, change: PerRow) -> PerRow:
        """Weighted curvature of the loss in the logits times a change of them; reads no X."""
        _, (product,) = self.objective.rows.sweep(
            hessians.curvature_product, self.expansion, change, reads=False
        )
        return product

    def hessian_diagonal(self) -> Array:
        """Diagonal of the Hessian of the smooth part, (K, d + 1)."""
        o = self.objective
        (diagonal,), _ = o.rows.sweep(hessians.hessian_diagonal, self.expansion, o.design)
        return np.asarray(diagonal + o.penalty.hessian_diagonal)

    def shared_hessian(self) -> Array:
        """One (d + 1, d + 1) matrix that stands for the Hessian's block of every class."""
        o = self.objective
        (A,), _ = o.rows.sweep(hessians.mean_curvature_gram, self.expansion, o.design)
        A[np.diag_indices_from(A)] += o.penalty.hessian_diagonal
        return np.asarray(A)

    def coupling(self) -> Array:
        """Mean curvature of the loss in the logits, weighted mean of diag(p) - p p', (K, K)."""
        (C,), _ = self.objective.rows.sweep(hessians.coupling, self.expansion, reads=False)
        return np.asarray(C)

    def mean_curvature(self) -> Array:
        """Weighted mean of p (1 - p) for each logit, (K,)."""
        (mean,), _ = self.objective.rows.sweep(hessians.mean_curvature, self.expansion, reads=False)
        return np.asarray(mean)

    def moved_from(self, other: Point) -> float:
        """Largest change of a row's logits from another point, their range where there are several."""
        return self.widest_change(self.coefficients - other.coefficients)

    def widest_change(self, step: Array) -> float:
        """Largest change of a row's logits along a step (K, d + 1), their range where there are several."""
        o = self.objective
        (moved,) = o.rows.sweep(kernels.widest_change, o.design.linear(step), o.design)[1]
        return float(max(moved.flat()))

    def separates(self) -> bool:
        """Whether what nothing holds back puts each row's label strictly first: then no optimum is finite."""
        o, W = self.objective, self.coefficients
        lower, upper = o.penalty.bounds
        grows = o.free & ~((W < 0) & np.isfinite(lower)) & ~((W > 0) & np.isfinite(upper))
        _, (least,) = o.rows.sweep(margins.smallest_margin, np.where(grows, W, 0.0), o.design)
        return bool(min(least.flat()) > o.rounded_logit)

    def line(self, direction: Array) -> Line:
        """F along W + t direction."""
        return Line(self, direction)


class Line:
    """F on W + t D: one reading of X to build; ``evaluate`` reads none, ``point`` one."""

    def __init__(self, origin: Point, direction: Array, change: PerRow | None = None) -> None:
        self.origin, self.direction = origin, direction
        self._change = origin.objective.logits(direction) if change is None else change

    @classmethod
    def through(cls, origin: Point, end: Point) -> Line:
        """The line whose t = 1 is a point already evaluated: reads nothing."""
        _, (change,) = origin.objective.rows.sweep(kernels.difference, origin.logits, end.logits, reads=False)
        return cls(origin, end.coefficients - origin.coefficients, change)

    def evaluate(self, t: float) -> tuple[float, float]:
        """Value and slope of F at t, to the right of a kink."""
        o = self.origin.objective
        (loss, slope), _ = o.rows.sweep(
            kernels.value_and_slope, self.origin.logits, self._change, t, o.loss, reads=False
        )
        W = self.origin.coefficients + t * self.direction
        value = loss + o.penalty.value(W)
        return float(value), float(slope + o.penalty.slope_along(W, self.direction))

    def point(self, t: float) -> Point:
        """The point at t. Its logits are those of the line: they drift, by rounding, over many lines."""
        o = self.origin.objective
        sums, kept = o.rows.sweep(
            kernels.along, self.origin.logits, self._change, t, o.loss, o.design, o.keeps
        )
        return o.point(self.origin.coefficients + t * self.direction, sums, kept)


@contextmanager
def in_double_precision(point: Point) -> Iterator[Point]:
    """The point by products in float64, as they then are: rounding hides what near-duplicates tell apart."""
    rows = point.objective.rows
    if not rows.single:
        yield point
        return
    rows.single = False
    try:
        yield point.objective.at(point.coefficients)
    finally:
        rows.single = True
