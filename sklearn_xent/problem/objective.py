"""The objective, a point on it, and a line through it. They send their kernels over the rows.

F(W) = weighted mean loss in nats + penalty. The weights sum to 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from sklearn_xent.arrays import Array, inner
from sklearn_xent.problem import hessians, kernels, margins
from sklearn_xent.problem.design import Design
from sklearn_xent.problem.losses import Loss
from sklearn_xent.problem.penalties import ElasticNet
from sklearn_xent.rows import PerRow, Rows

__all__ = ["Line", "Objective", "Point"]

KEPT = 100_000  # logits up to which a point keeps their expansion: 2.4 MB
NEGLIGIBLE = 1e-12  # of the loss: what a row has less of need not be fitted better
RARE = 40  # nonzero entries in a sample below which a column's curvature is off by a sixth or more


@dataclass(frozen=True)
class Objective:
    """F on rows; ``at`` evaluates it with one reading of X."""

    rows: Rows
    loss: Loss
    penalty: ElasticNet
    design: Design
    total: float = 1.0  # what the weights sum to: total F(W) is what the user's objective is in nats
    known: Point | None = None  # of the same rows and design, under this penalty or another

    @property
    def shape(self) -> tuple[int, int]:
        """Shape (K, d + 1) of the coefficients."""
        return self.loss.n_logits, self.design.scale.size + 1

    def at(self, W: Array) -> Point:
        """Everything about F at W."""
        if self.known is not None and np.array_equal(W, self.known.coefficients):
            return self.known.under(self)
        where = self.design.linear(W) if W.any() else None
        return self.point(W, *self.rows.sweep(kernels.at, where, self.loss, self.design, self.keeps))

    number: ClassVar[type[float]] = float  # of a sum over the rows
    value_eps: ClassVar[float] = float(np.finfo(np.float64).eps)  # relative rounding of F

    rounded_logit: ClassVar[float] = margins.ROUNDED_LOGIT  # margin, relative to its terms, that may be none

    def point(self, W: Array, sums: Any, kept: Any) -> Point:
        """The point of a sweep's results."""
        return Point(self, W, sums, kept)

    @property
    def eps(self) -> float:
        """Relative rounding of a product."""
        return float(np.finfo(np.float32 if self.rows.single else np.float64).eps)

    @property
    def keeps(self) -> bool:
        """Whether points keep the expansion of the loss: three arrays of the size of the logits."""
        return self.rows.n_rows * self.loss.n_logits <= KEPT

    def under(self, penalty: ElasticNet) -> Objective:
        """The same loss under another penalty."""
        return replace(self, penalty=penalty, known=None)

    def gram(self) -> Array:
        """Weighted Gram matrix of the design, (d + 1, d + 1)."""
        (A,), _ = self.rows.sweep(hessians.gram, self.design)
        return np.asarray(A)

    @cached_property
    def largest_share(self) -> float:
        """Largest share that one row has of a column's weighted squares; reads X once."""
        _, (shares,) = self.rows.sweep(kernels.largest_share, self.design)
        return float(max(shares.flat()))

    def sample(self, n_rows: int, rng: np.random.RandomState) -> Objective:
        """The same problem on a sample of rows, with every row that holds one of its rare columns.

        A column that is hardly ever nonzero (a rare level of a category) would be misjudged by the sample;
        its few rows all together judge it exactly. No more rows are added than are drawn.
        """
        none = np.empty(0, dtype=np.intp)
        drawn = self.rows.sample(n_rows, rng, none)
        (counts,), _ = drawn.sweep(kernels.count_nonzero, self.design)
        rare = counts < RARE
        if not rare.any():
            return replace(self, rows=drawn, known=None)
        _, (holds,) = self.rows.sweep(kernels.holding, rare, self.design)
        always = np.flatnonzero(np.concatenate(holds.flat()))
        if len(always) > drawn.n_rows:
            return replace(self, rows=drawn, known=None)
        return replace(self, rows=self.rows.sample(n_rows, rng, always), known=None)

    def symmetric(self, W: Array) -> Array:
        """W less its mean over classes where that changes no logit difference and no penalty suffers.

        A smooth penalty is least there, so every minimiser with a penalised column is of this form.
        """
        if self.loss.shift_invariant and self.penalty.smooth:
            return np.asarray(W - W.mean(axis=0))
        return W

    def logits(self, W: Array) -> PerRow:
        """Logits of the blocks at W, without offset."""
        _, (logits,) = self.rows.sweep(kernels.change, self.design.linear(W), self.design)
        return logits

    def adjoint(self, R: PerRow) -> Array:
        """The rows' R (K, n) times the design matrix, unweighted: (K, d + 1)."""
        (pulled,), _ = self.rows.sweep(kernels.adjoint, R, self.design)
        return self.design.gradient(pulled)

    def squares(self) -> Array:
        """Weighted mean squares of the design's columns, (d + 1,): the diagonal of ``gram``."""
        (squares,), _ = self.rows.sweep(kernels.squares, self.design)
        return np.asarray(squares)

    @property
    def free(self) -> Array:
        """Mask (d + 1,) of the columns that nothing penalises."""
        return self.penalty.free

    @property
    def unheld(self) -> bool:
        """Whether nothing penalises or bounds any column that varies."""
        varies = self.design.scale > 0
        return bool(varies.any() and self.penalty.free[:-1][varies].all())

    def to_original(self, W: Array) -> tuple[Array, Array]:
        """Coefficients and intercepts in the units of X. Classes are symmetric: their intercepts sum to 0."""
        coef, intercept = self.design.to_original(W)
        if self.loss.shift_invariant and self.design.fit_intercept:
            intercept = intercept - intercept.mean()
        return coef, intercept

    def from_original(self, coef: Array, intercept: Array) -> Array:
        """Coefficients W (K, d + 1) of those in the units of X, symmetric; the sums in extended precision."""
        return self.symmetric(self.design.from_original(coef, intercept))

    def columns(self, which: Array) -> Objective:
        """The problem on some columns of X, which are copied; the others' coefficients are zero."""
        design, taken = self.design.columns(which)
        penalty = self.penalty.columns(np.append(which, len(self.design.scale)))
        return Objective(self.rows.columns(taken), self.loss, penalty, design, self.total)


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
        H = self.loss_hessian(dtype)
        H.reshape(-1)[:: len(H) + 1] += np.tile(self.objective.penalty.l2, len(self.coefficients))
        return H

    def hessian_among(self, chosen: Array) -> Array:
        """The Hessian between the coefficients of a mask (K, d + 1), in the order of a flat W."""
        o = self.objective
        sweep = o.rows.sweep
        (H,), _ = sweep(hessians.hessian_among, self.logits, self._kept, o.loss, o.design, chosen)
        H[np.diag_indices_from(H)] += np.broadcast_to(o.penalty.l2, chosen.shape)[chosen]
        return np.asarray(H)

    def hessian_roots(self, chosen: Array, gauged: Array) -> PerRow:
        """Triangular factors of the rows whose products add up to ``hessian_among`` without the ridge.

        Columns in the mask ``gauged`` (d + 1,) have curvature where all classes move alike.
        """
        o = self.objective
        _, (roots,) = o.rows.sweep(hessians.hessian_root, self.expansion, o.design, chosen, gauged)
        return roots

    def products_along(self, basis: Array) -> Array:
        """Hessian of the smooth part times directions (K, d + 1, m) that are all but null."""
        o = self.objective
        (H,), _ = o.rows.sweep(hessians.products_along, self.expansion, o.design, basis)
        return np.asarray(H + o.penalty.l2[:, None] * basis)

    def curvature_along(self, basis: Array, off: Array) -> Array:
        """Hessian (m, m) of the smooth part between directions (K, d + 1, m), row by row.

        Entries of a direction are ``off`` (K, d + 1) by rounding.
        """
        o = self.objective
        args = self.expansion, o.design, basis, off, NEGLIGIBLE * self.loss
        (H,), _ = o.rows.sweep(hessians.curvature_along, *args)
        real = np.where(np.abs(basis) > off[:, :, None], basis, 0.0)
        return np.asarray(H + np.einsum("kjm,j,kjn->mn", real, o.penalty.l2, real))

    def hessian_product(self, V: Array) -> Array:
        """Hessian of the smooth part times V (K, d + 1); one reading of X."""
        o = self.objective
        linear = o.design.linear(V)
        (pulled,), _ = o.rows.sweep(hessians.hessian_product, self.expansion, linear, o.design)
        product = o.design.gradient(pulled)
        product += o.penalty.l2 * V
        return product

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
        return np.asarray(diagonal + o.penalty.l2)

    def shared_hessian(self) -> Array:
        """One (d + 1, d + 1) matrix that stands for the Hessian's block of every class."""
        o = self.objective
        (A,), _ = o.rows.sweep(hessians.mean_curvature_gram, self.expansion, o.design)
        A[np.diag_indices_from(A)] += o.penalty.l2
        return np.asarray(A)

    def coupling(self) -> Array:
        """Mean curvature of the loss in the logits, weighted mean of diag(p) - p p', (K, K)."""
        (C,), _ = self.objective.rows.sweep(hessians.coupling, self.expansion, reads=False)
        return np.asarray(C)

    def mean_curvature(self) -> Array:
        """Weighted mean of p (1 - p) for each logit, (K,)."""
        (mean,), _ = self.objective.rows.sweep(hessians.mean_curvature, self.expansion, reads=False)
        return np.asarray(mean)

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
        """Value and slope of F at t, for a smooth penalty."""
        o = self.origin.objective
        (loss, slope), _ = o.rows.sweep(
            kernels.value_and_slope, self.origin.logits, self._change, t, o.loss, reads=False
        )
        W = self.origin.coefficients + t * self.direction
        value = loss + o.penalty.value(W)
        return float(value), float(slope + (o.penalty.gradient(W) * self.direction).sum())

    def point(self, t: float) -> Point:
        """The point at t. Its logits are those of the line: they drift, by rounding, over many lines."""
        o = self.origin.objective
        sums, kept = o.rows.sweep(
            kernels.along, self.origin.logits, self._change, t, o.loss, o.design, o.keeps
        )
        return o.point(self.origin.coefficients + t * self.direction, sums, kept)
